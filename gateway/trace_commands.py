"""`beffroi trace`: from a published row to where it is from, and from a raw row to what became of it."""

import asyncio
import getpass
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from connectors.errors import InvalidRequest
from gateway import console
from gateway.access import decide, of_refused, operator
from gateway.command import command
from gateway.journal import Entry, Journal
from gateway.open_data import keyed
from pipelines import trace
from pipelines.trace import Fate, Origin, Trace
from pipelines.workspace import Workspace


@click.command("trace")
@click.argument("dataset")
@click.argument("key", required=False)
@click.option("--version", "number", type=click.IntRange(1), help="The version to look in; the latest by default.")
@click.option("--source", metavar="NAME", help="Trace forward from this source, with --place.")
@click.option("--place", type=click.IntRange(1), metavar="N", help="Trace forward from this row of the source, from 1.")
@click.option("--raw", "with_raw", is_flag=True, help="Show keys and values too; it is journaled.")
@click.option("--purpose", help="What the values are wanted for, one of the workspace's purposes.")
@command
def trace_command(
    root: Path, as_json: bool, dataset: str, key: str | None, number: int | None, source: str | None,
    place: int | None, with_raw: bool, purpose: str | None,
) -> None:  # fmt: skip
    """Trace the row of DATASET whose key is KEY back to run, source, raw file and place; «-» reads KEY from standard input.

    A key of several columns has a comma between them. With --place it goes the other way: what became of that row of
    the source. Without --raw places and columns are told and no value; with it, it is an access like any other, for
    which data that are personal or not open need a --purpose.
    """
    workspace = Workspace(root)
    declared = workspace.dataset(dataset)
    if (key is None) == (place is None):
        raise InvalidRequest("say the KEY of a row, or --place N (and --source NAME) of a raw row")
    if key is None:
        fate = asyncio.run(_fate(workspace, dataset, source, place or 0, number, purpose, with_raw=with_raw))
        console.show_json(_told(fate)) if as_json else _show_fate(fate)
        return
    if key == "-":
        key = (getpass.getpass("Key: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    elif any(column.personal for column in declared.columns if column.name in declared.key):
        console.note("The command line is kept and can be seen: better type a personal key, for «-».")
    found = asyncio.run(_traced(workspace, dataset, key, number, purpose, with_raw=with_raw))
    console.show_json(_told(found)) if as_json else _show(found)


# --- the access ------------------------------------------------------------------------------------------------------


async def _traced(
    workspace: Workspace, name: str, key: str, number: int | None, purpose: str | None, *, with_raw: bool
) -> Trace:
    """Return where a row is from; with its values, once that is on the journal for each dataset that it leads through."""
    if not with_raw:
        return trace.of_key(workspace, name, key, number)
    caller, dataset = operator(purpose), workspace.dataset(name)
    with closing(Journal(workspace.state)) as journal:
        entry = Entry.begin(workspace, caller, "trace", f"dataset:{name}")
        async with journal.access(entry):
            entry.identifier = keyed(journal, dataset, key)
            decide(workspace, caller, of_refused(dataset), None)
            found = trace.of_key(workspace, name, key, number, values=True)
            _note(entry, found)
        for behind in list(trace.datasets(found))[1:]:
            entry = Entry.begin(workspace, caller, "trace", f"dataset:{behind.dataset}")
            async with journal.access(entry):
                other = workspace.dataset(behind.dataset)
                entry.identifier = keyed(journal, other, behind.key or "")
                decide(workspace, caller, of_refused(other), None)
                _note(entry, behind)
    return found


def _note(entry: Entry, found: Trace) -> None:
    entry.fields = sorted({column for origin in found.origins for column in origin.values or ()})
    entry.source = f"version {found.version}"


async def _fate(
    workspace: Workspace, name: str, source: str | None, place: int, number: int | None, purpose: str | None,
    *, with_raw: bool,
) -> Fate:  # fmt: skip
    """Return what became of a raw row; with its values and key, once that is on the journal."""
    if not with_raw:
        return trace.of_place(workspace, name, source, place, number)
    caller, dataset = operator(purpose), workspace.dataset(name)
    entry = Entry.begin(workspace, caller, "trace", f"dataset:{name}")
    with closing(Journal(workspace.state)) as journal:
        async with journal.access(entry):
            decide(workspace, caller, of_refused(dataset), None)
            found = trace.of_place(workspace, name, source, place, number, values=True)
            if found.key is not None:
                entry.identifier = keyed(journal, dataset, found.key)
            entry.fields, entry.source = sorted(found.values or ()), f"version {found.version}"
    return found


# --- what is shown ---------------------------------------------------------------------------------------------------


def _told(found: Trace | Fate) -> Any:
    """Return a result as JSON has it: what was not asked for, or is not there, is left out."""
    return asdict(found, dict_factory=lambda pairs: {name: value for name, value in pairs if value is not None})


def _show(found: Trace) -> None:
    for line in _lines(found):
        click.echo(line)


def _lines(found: Trace, indent: str = "") -> Iterator[str]:
    key = f" ({found.key})" if found.key is not None else ""
    back = f", the content of version {found.rolled_back_from}" if found.rolled_back_from else ""
    yield f"{indent}{found.dataset}: row {found.row:,}{key} of version {found.version}{back}"
    yield f"{indent}  made by the run of {found.run}, committed {found.committed}"
    for origin in found.origins:
        yield from _origin(origin, f"{indent}  ")
    for each in found.conflicts:
        values = f": {each['kept']} kept, not {each['other']}" if "kept" in each else ""
        other = f"row {each['other_place']:,} of {each['other_source']}"
        yield f"{indent}  conflict in {each['column']}: {each['kept_source']} kept by «{each['rule']}», not {other}{values}"
    for file in found.missing:
        yield f"{indent}  {file} of that version is no longer kept"


def _origin(origin: Origin, indent: str) -> Iterator[str]:
    what = "from" if origin.role == "kept" else "merged with"
    table = f", table {origin.table}" if origin.table else ""
    where = f"the registry {origin.registry}{table}" if origin.registry else f"the dataset {origin.dataset}"
    yield f"{indent}{what} row {origin.place:,} of {origin.source}, of {where}"
    there = "kept" if origin.there else "no longer kept"
    if origin.raw is not None:
        seen = f", first seen {origin.first_seen}" if origin.first_seen else ""
        yield f"{indent}  raw file {origin.raw}{seen}, {there}"
    elif origin.behind is None:
        yield f"{indent}  version {origin.version} of {origin.dataset}, {there}"
    if origin.values is not None:
        yield f"{indent}  as it came: {console.one_line(origin.values)}"
    if origin.corrected is not None:
        yield f"{indent}  {_correction(origin.corrected)}"
    if origin.behind is not None:
        yield from _lines(origin.behind, f"{indent}  ")


def _correction(said: dict[str, Any]) -> str:
    if "columns" not in said:
        return "judged as corrected by a person; the correction was taken back since"
    values = f" to {console.one_line(said['values'])}" if "values" in said else ""
    return f"corrected in {', '.join(said['columns'])}{values} by {said['by']}, {said['when']}: {said['why']}"


def _show_fate(found: Fate) -> None:
    head = f"{found.dataset}: row {found.place:,} of {found.source}, in version {found.version}"
    key = f" ({found.key})" if found.key is not None else ""
    if found.outcome == "published":
        click.echo(f"{head}: is row {found.row:,}{key}")
    elif found.outcome == "merged" and found.into is not None:
        into = f"row {found.into['place']:,} of {found.into['source']}"
        click.echo(f"{head}: was merged into {into}, which is row {found.row or 0:,}{key}")
    else:
        click.echo(f"{head}: was refused")
    for each in found.failures or ():
        click.echo(f"  {each['column']}: {each['reason']} ({each['rule']}) / {each['reason_fr']}")
    if found.outcome == "refused" and found.failures is None:
        click.echo("  why is no longer kept")
    if found.values is not None:
        click.echo(f"  as it came: {console.one_line(found.values)}")


TRACE_COMMANDS = (trace_command,)
"""The commands of this module."""
