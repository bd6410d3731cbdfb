"""The commands that make and publish versions of datasets: `beffroi run`, `report`, `publish`."""

import datetime as dt
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from connectors.errors import InvalidRequest, Misconfigured
from gateway import console
from gateway.commands.command import command
from gateway.commands.help import Command
from gateway.commands.version import VERSION_COMMANDS
from gateway.french import LANGUAGE, told
from gateway.languages import as_read

if TYPE_CHECKING:
    from pipelines.workspace import Workspace


@click.command("run", cls=Command)
@click.argument("datasets", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All datasets, as where none is named.")
@click.option("--due", is_flag=True, help="Only those whose schedule says so: never run, or not since their last hour.")
@click.option(
    "--full", is_flag=True, help="Read whole what is asked for changes only: rows that are gone go too. Link all anew."
)
@click.option("--preview", is_flag=True, help="Do all but commit, and show what would change.")
@click.option(
    "--accept",
    is_flag=True,
    help="Take this version although more than half is refused, or it differs from the last one more than it may.",
)
@click.option("--release", is_flag=True, help="Let the datasets named go on, which a rollback holds at a version.")
@click.option(
    "--jobs", "at_once", type=click.IntRange(1, 64), default=None, metavar="N",
    help="Run so many at once, which share the memory; by default as many as there are cores, at most 4.",
)  # fmt: skip
@click.option(
    "--wait", type=click.FloatRange(0), default=0.0, metavar="SECONDS",
    help="Wait so long for another run of the same dataset to end; by default it is said at once.",
)  # fmt: skip
@command
def run_command(
    root: Path, as_json: bool, datasets: tuple[str, ...], everything: bool, due: bool, full: bool, preview: bool,
    accept: bool, release: bool, at_once: int | None, wait: float,
) -> None:  # fmt: skip
    """Run the pipelines of DATASETS (all of them, where none is named), each after those it refers to.

    Several are run at once. One that fails stops no other: those that depend on it are made from its last version.
    """
    from gateway import jobs, run_words
    from pipelines import schedule
    from pipelines.workspace import Workspace

    if everything and datasets:
        raise InvalidRequest(f"--all is all datasets: leave it out, or {', '.join(datasets)}")
    if (release or accept) and not datasets:
        raise InvalidRequest("--release and --accept are for datasets that are named")
    if release and preview:
        raise InvalidRequest("a preview releases nothing: leave one of --release and --preview out")
    workspace = Workspace(root)
    names = list(datasets)
    if due:
        hour = schedule.due(workspace, dt.datetime.now(dt.UTC))
        names = [name for name in hour if name in workspace.in_order(names)]
        if not names:
            console.show_json([]) if as_json else console.note(told()("Nothing is due."))
            return
    how = jobs.How(full=full, preview=preview, accept=accept, release=release, wait=wait, jobs=at_once)
    try:
        done, failures = jobs.run_all(workspace, names, how)
    except KeyboardInterrupt:
        stopped = "Stopped. What was under way left the last versions as they were; the next run sweeps the rest."
        console.note(told()(stopped))
        sys.stdout.flush()
        os._exit(130)  # threads of runs would be waited for
    run_words.show_reports(done, as_json)
    for error in failures:
        console.show_error(error, as_json)
    if failures:
        sys.exit(1)


@click.command("report", cls=Command)
@click.argument("dataset")
@click.option(
    "--run", "run_id", default=None, metavar="ID",
    help="Of the run that began then, as the report says it; of the last by default.",
)  # fmt: skip
@click.option("--list", "listing", is_flag=True, help="List the runs whose reports are kept, the latest first.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), default=None, metavar="FILE",
              help="Write it as a page, whole in one file.")  # fmt: skip
@command
def report_command(
    root: Path, as_json: bool, dataset: str, run_id: str | None, listing: bool, html: Path | None
) -> None:
    """Show what a run of DATASET did: the sum of its rows, where they came from, what was refused and why, what it took.

    It never has the values of a row. `beffroi quarantine` shows refused rows.
    """
    from pipelines import report as reports
    from pipelines.report import page as report_page
    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    declared = workspace.dataset(dataset)
    if listing:
        _list(workspace, dataset, as_json)
        return
    found = reports.find(workspace, dataset, run_id)
    language = LANGUAGE.get()
    if html is not None:
        page = report_page.page(found, declared, language, workspace.configuration.zone, read=as_read)
        html.write_text(page, encoding="utf-8")
        console.note(told()("Written: {file}", file=html))
    if as_json:
        console.show_json(reports.told(found))
    elif html is None:
        for line in report_page.head(found, declared, language, workspace.configuration.zone):
            click.echo(as_read(line))  # why a run failed is kept in English
        for section in report_page.sections(found, declared, language, workspace.configuration.zone):
            click.echo(f"\n{section.title}")
            for line in section.lines:  # those on what changed in the columns are English wherever they are from
                click.echo(as_read(line))
            if section.rows:
                console.show_table(section.heads, section.rows, right=[section.heads[each] for each in section.numbers])


def _list(workspace: "Workspace", name: str, as_json: bool) -> None:
    from pipelines import report as reports
    from pipelines.report import words

    found = list(reports.kept(workspace, name))
    if as_json:
        console.show_json(
            [{"run": each.run, "outcome": each.outcome, "version": reports.number(each)} for each in found]
        )
        return
    zone = workspace.configuration.zone
    said, language = told(), words.LANGUAGES[LANGUAGE.get()]
    rows = [
        (reports.began(each).astimezone(zone).isoformat(timespec="microseconds"), said(each.outcome),
         reports.number(each) or "", console.number(each.rows_in), console.number(each.rows_out),
         words.decimal(each.seconds, language))
        for each in found
    ]  # fmt: skip
    numbers = [said(name) for name in ("version", "rows in", "rows out", "seconds")]
    console.show_table((said("run"), said("outcome"), *numbers), rows, right=numbers)


@click.command("publish", cls=Command)
@click.argument("datasets", nargs=-1)
@command
def publish_command(root: Path, as_json: bool, datasets: tuple[str, ...]) -> None:
    """Publish DATASETS (every open one, where none is named) to CKAN.

    CKAN's address and an API token come from BEFFROI_CKAN_URL and BEFFROI_CKAN_TOKEN.
    """
    from gateway import publishing
    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    ckan = publishing.ckan_of(workspace)
    if ckan is None:
        raise Misconfigured("BEFFROI_CKAN_URL and BEFFROI_CKAN_TOKEN are not both set: nothing was published")
    published, failures = publishing.publish_all(workspace, ckan, list(datasets))
    publishing.show_published(published, as_json)
    for error in failures:
        console.show_error(error, as_json)
    if failures:
        sys.exit(1)


DATASET_COMMANDS = (run_command, report_command, publish_command, *VERSION_COMMANDS)
"""The commands of this module, in the order of a dataset's life."""
