"""The commands of versions: `beffroi versions`, `diff`, `rollback`."""

import datetime as dt
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway import console
from gateway.commands.command import command
from gateway.commands.help import Command

if TYPE_CHECKING:
    from pipelines.rollback import Held
    from pipelines.versions import Version

SHOWN = 20
"""Rows that differ, as many as are shown where --limit does not say."""


@click.command("versions", cls=Command)
@click.argument("dataset")
@click.option("--rebuild", type=click.IntRange(1), metavar="VERSION", help="Make that version's ready files again.")
@command
def versions_command(root: Path, as_json: bool, dataset: str, rebuild: int | None) -> None:
    """List the versions of DATASET, the latest last.

    Of a version that retention let go, the history is told. Ready files (CSV, key index) are kept of the last two; with
    --rebuild, those of another are made again, and stay until the next run.
    """
    from pipelines import rollback, versions
    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    name = workspace.dataset(dataset).name
    if rebuild is not None:
        console.note(f"The files of version {rebuild} are in {rollback.rebuild(workspace, name, rebuild)}")
    found, held = versions.history(workspace, name), rollback.held(workspace, name)
    if as_json:
        console.show_json([_told(version, held) for version in found])
        return
    numbers = ("version", "rows", "added", "changed", "removed")
    columns = ("version", "committed", "rows", "added", "changed", "removed", "schema", "files", "")
    console.show_table(columns, [_row(version, held, workspace.configuration.zone) for version in found], right=numbers)
    for version in found:
        for said in version.schema_changes:
            console.note(f"version {version.number}, schema {version.schema_version}: {said}")
    if held is not None:
        console.note(held.told(workspace.configuration.zone))


def _told(version: "Version", held: "Held | None") -> dict[str, Any]:
    """Return a version as JSON has it."""
    kept = version.parquet.is_file()
    return {
        "dataset": version.dataset,
        "number": version.number,
        "committed": version.committed,
        "rows": version.rows,
        "added": version.added,
        "changed": version.changed,
        "removed": version.removed,
        "schema_version": version.schema_version,
        "schema_changes": list(version.schema_changes),
        "rolled_back_from": version.rolled_back_from,
        "held": held is not None and held.version == version.number,
        "parquet": version.parquet if kept else None,
        "folder": version.folder if version.whole else None,
    }


def _row(version: "Version", held: "Held | None", zone: dt.tzinfo) -> Sequence[Any]:
    kept = "all" if version.whole else "Parquet"
    back = [f"back to {version.rolled_back_from}"] if version.rolled_back_from else []
    back += ["held"] if held is not None and held.version == version.number else []
    return (
        version.number, console.moment(version.committed, zone), f"{version.rows:,}", f"{version.added:,}",
        f"{version.changed:,}", f"{version.removed:,}", version.schema_version,
        kept if version.parquet.is_file() else "none", ", ".join(back),
    )  # fmt: skip


@click.command("diff", cls=Command)
@click.argument("dataset")
@click.argument("old", metavar="[A]", type=click.IntRange(1), required=False)
@click.argument("new", metavar="[B]", type=click.IntRange(1), required=False)
@click.option("--limit", type=click.IntRange(0), help=f"Rows shown; 0 for all. {SHOWN} by default, with --json all.")
@click.option("--purpose", help="What the rows are wanted for, one of the workspace's purposes.")
@command
def diff_command(
    root: Path, as_json: bool, dataset: str, old: int | None, new: int | None, limit: int | None, purpose: str | None
) -> None:
    """Show what differs between versions A and B of DATASET: rows added, changed and removed, by key.

    B is the latest and A the one before it, where they are not said. Counts come first; with --json each line is an
    object. Rows that are personal or not open are an access like any other: journaled, the personal ones for a
    --purpose.
    """
    from gateway.datasets import changes, differences
    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    most = (0 if as_json else SHOWN) if limit is None else limit
    with differences.between(workspace, dataset, old, new, purpose) as (both, counts, rows):
        said = changes.about(both, counts, both.left_out)
        click.echo(console.one_line(said) if as_json else _counted(said))
        shown = islice(rows, most) if most else rows
        for row in shown:
            told = changes.told(both, row, both.columns)
            click.echo(console.one_line(told) if as_json else _line(told))
    if not as_json and 0 < most < counts.added + counts.changed + counts.removed:
        console.note("More rows follow: --limit 0 shows all.")


def _counted(said: dict[str, Any]) -> str:
    head = f"{said['dataset']}: version {said['from']} to {said['to']}"
    lines = [f"{head}: {said['added']:,} added, {said['changed']:,} changed, {said['removed']:,} removed"]
    return "\n".join([*lines, *(f"not compared: {name} ({why})" for name, why in said["left_out"].items())])


def _line(told: dict[str, Any]) -> str:
    """Say a row that differs in one line for people."""
    key = ", ".join(str(value) for value in told["key"].values())
    if told["change"] == "changed":
        values = (
            f"{n}: {console.one_line(v['old'])} → {console.one_line(v['new'])}" for n, v in told["columns"].items()
        )
        return f"~ {key}  {', '.join(values)}"
    return f"{'+' if told['change'] == 'added' else '-'} {key}  {console.one_line(told['row'])}"


@click.command("rollback", cls=Command)
@click.argument("dataset")
@click.argument("version", type=click.IntRange(1))
@click.option("--why", metavar="TEXT", help="Why: the next run says so.")
@command
def rollback_command(root: Path, as_json: bool, dataset: str, version: int, why: str | None) -> None:
    """Bring DATASET back to VERSION: table, files, index, databases, answers and publication together.

    The content of VERSION becomes a new version, and the dataset is held there: runs of it are refused until
    `beffroi run DATASET --release`. An open dataset is published to CKAN too, where its address and token are set.
    """
    from connectors.drafting import counted
    from gateway import publishing
    from gateway.callers.access import operator
    from pipelines import rollback
    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    made = rollback.rollback(workspace, dataset, version, by=operator(None).agent, why=why)
    readers = rollback.readers(workspace, dataset)
    if as_json:
        console.show_json(_told(made, rollback.held(workspace, dataset)) | {"readers": readers})
    else:
        console.note(
            f"{dataset} is at version {made.number}, with the content of version {version}: {counted(made.rows, 'row')}"
        )
        console.note(f"It is held there: `beffroi run {dataset} --release` lets it go on.")
        if readers:
            console.note(
                f"Made from another version of it, directly or not: {', '.join(readers)}."
                f" `beffroi run {' '.join(readers)}` makes them anew; of those with a schedule, `beffroi run --due` does too."
            )
    declared = workspace.datasets[dataset]
    ckan = publishing.ckan_of(workspace) if declared.audience == "open" and declared.publication.ckan else None
    if ckan is not None:
        published = ckan.publish(dataset)
        console.note(f"published: {published.url}")
    elif declared.audience == "open" and workspace.configuration.publication.ckan is not None:
        console.note(
            "Not published: BEFFROI_CKAN_URL and BEFFROI_CKAN_TOKEN are not set; where CKAN has it, `beffroi publish`"
            " brings it back there too"
        )


VERSION_COMMANDS = (versions_command, diff_command, rollback_command)
"""The commands of this module."""
