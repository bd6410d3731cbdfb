"""The commands that make and show versions of datasets: `beffroi run`, `publish`, `versions`."""

import sys
from pathlib import Path

import click

from connectors.errors import Misconfigured
from gateway import console, jobs
from gateway.command import command
from pipelines import versions
from pipelines.workspace import Workspace


@click.command("run")
@click.argument("datasets", nargs=-1)
@click.option("--full", is_flag=True, help="Read whole what is asked for changes only: rows that are gone go too.")
@command
def run_command(root: Path, as_json: bool, datasets: tuple[str, ...], full: bool) -> None:
    """Run the pipelines of DATASETS (all of them, where none is named), each after those it refers to."""
    workspace = Workspace(root)
    reports, failures = jobs.run_all(workspace, list(datasets), full=full)
    jobs.show_reports(reports, as_json)
    for error in failures:
        console.show_error(error, as_json)
    if failures:
        sys.exit(1)


@click.command("publish")
@click.argument("datasets", nargs=-1)
@command
def publish_command(root: Path, as_json: bool, datasets: tuple[str, ...]) -> None:
    """Publish DATASETS (every open one, where none is named) to CKAN.

    CKAN's address and an API token come from BEFFROI_CKAN_URL and BEFFROI_CKAN_TOKEN.
    """
    workspace = Workspace(root)
    ckan = jobs.ckan_of(workspace)
    if ckan is None:
        raise Misconfigured("BEFFROI_CKAN_URL and BEFFROI_CKAN_TOKEN are not both set: nothing was published")
    published, failures = jobs.publish_all(workspace, ckan, list(datasets))
    jobs.show_published(published, as_json)
    for error in failures:
        console.show_error(error, as_json)
    if failures:
        sys.exit(1)


@click.command("versions")
@click.argument("dataset")
@command
def versions_command(root: Path, as_json: bool, dataset: str) -> None:
    """List the versions of DATASET, the latest last."""
    workspace = Workspace(root)
    found = versions.history(workspace, workspace.dataset(dataset).name)
    if as_json:
        console.show_json(found)
        return
    rows = [(v.number, v.committed.isoformat(timespec="seconds"), f"{v.rows:,}", v.parquet.name) for v in found]
    console.show_table(("version", "committed", "rows", "file"), rows, right=("version", "rows"))


DATASET_COMMANDS = (run_command, publish_command, versions_command)
"""The commands of this module, in the order of a dataset's life."""
