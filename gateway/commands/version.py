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
from gateway.french import told
from gateway.languages import as_read

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
        made = rollback.rebuild(workspace, name, rebuild)
        console.note(told()("The files of version {version} are in {folder}", version=rebuild, folder=made))
    found, held = versions.history(workspace, name), rollback.held(workspace, name)
    if as_json:
        console.show_json([_told(version, held) for version in found])
        return
    said, zone = told(), workspace.configuration.zone
    numbers = [said(each) for each in ("version", "rows", "added", "changed", "removed")]
    columns = (numbers[0], said("committed"), *numbers[1:], said("schema"), said("files"), "")
    console.show_table(columns, [_row(version, held, zone) for version in found], right=numbers)
    for version in found:
        for change in map(as_read, version.schema_changes):
            named = {"version": version.number, "schema": version.schema_version, "change": change}
            console.note(said("version {version}, schema {schema}: {change}", **named))
    if held is not None:
        console.note(as_read(held.told(zone)))


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
    said = told()
    kept = said("all|files") if version.whole else "Parquet"
    back = [said("back to {version}", version=version.rolled_back_from)] if version.rolled_back_from else []
    back += [said("held")] if held is not None and held.version == version.number else []
    counts = (version.rows, version.added, version.changed, version.removed)
    return (
        version.number, console.moment(version.committed, zone), *map(console.number, counts), version.schema_version,
        kept if version.parquet.is_file() else said("none|files"), ", ".join(back),
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
            differs = changes.told(both, row, both.columns)
            click.echo(console.one_line(differs) if as_json else _line(differs))
    if not as_json and 0 < most < counts.added + counts.changed + counts.removed:
        console.note(told()("More rows follow: --limit 0 shows all."))


def _counted(about: dict[str, Any]) -> str:
    counts = {name: console.number(about[name]) for name in ("added", "changed", "removed")}
    head = "{dataset}: version {old} to {new}: {added} added, {changed} changed, {removed} removed"
    lines = [told()(head, dataset=about["dataset"], old=about["from"], new=about["to"], **counts)]
    for name, why in about["left_out"].items():
        lines.append(told()("not compared: {column} ({why})", column=name, why=as_read(why)))
    return "\n".join(lines)


def _line(differs: dict[str, Any]) -> str:
    """Say a row that differs in one line for people."""
    key, said = ", ".join(str(value) for value in differs["key"].values()), told()
    if differs["change"] == "changed":
        values = (
            f"{n}{said(': ')}{console.one_line(v['old'])} → {console.one_line(v['new'])}"
            for n, v in differs["columns"].items()
        )
        return f"~ {key}  {', '.join(values)}"
    return f"{'+' if differs['change'] == 'added' else '-'} {key}  {console.one_line(differs['row'])}"


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
        _tell_rolled_back(made, version, readers)
    declared = workspace.datasets[dataset]
    ckan = publishing.ckan_of(workspace) if declared.audience == "open" and declared.publication.ckan else None
    if ckan is not None:
        published = ckan.publish(dataset)
        console.note(told()("published: {address}", address=published.url))
    elif declared.audience == "open" and workspace.configuration.publication.ckan is not None:
        console.note(told()(_NOT_PUBLISHED))


_NOT_PUBLISHED = (
    "Not published: BEFFROI_CKAN_URL and BEFFROI_CKAN_TOKEN are not set; where CKAN has it, `beffroi publish` brings it back"
    " there too"
)
_ANEW = (
    "Made from another version of it, directly or not: {names}. `beffroi run {words}` makes them anew; of those with a"
    " schedule, `beffroi run --due` does too."
)


def _tell_rolled_back(made: "Version", content: int, readers: Sequence[str]) -> None:
    said, name = told(), made.dataset
    rows = console.counted(made.rows, "row", "rows")
    at = "{dataset} is at version {version}, with the content of version {content}: {rows}"
    console.note(said(at, dataset=name, version=made.number, content=content, rows=rows))
    console.note(said("It is held there: `beffroi run {dataset} --release` lets it go on.", dataset=name))
    if readers:
        console.note(said(_ANEW, names=", ".join(readers), words=" ".join(readers)))


VERSION_COMMANDS = (versions_command, diff_command, rollback_command)
"""The commands of this module."""
