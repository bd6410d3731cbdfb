"""`beffroi trace`: from a published row to where it is from, and from a raw row to what became of it."""

import datetime as dt
import getpass
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connectors.errors import InvalidRequest
from gateway import console
from gateway.commands.command import command
from gateway.commands.help import Command
from gateway.french import LANGUAGE, told

if TYPE_CHECKING:
    from gateway.journal import Entry
    from pipelines.trace import Fate, Origin, Trace
    from pipelines.workspace import Workspace

Said = Callable[..., str]


@click.command("trace", cls=Command)
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
    import asyncio

    from pipelines.workspace import Workspace

    workspace, language = Workspace(root), LANGUAGE.get()
    declared = workspace.dataset(dataset)
    if (key is None) == (place is None):
        raise InvalidRequest("say the KEY of a row, or --place N (and --source NAME) of a raw row")
    if key is None:
        fate = asyncio.run(_fate(workspace, dataset, source, place or 0, number, purpose, with_raw=with_raw))
        console.show_json(_told(fate)) if as_json else _show_fate(fate, language)
        return
    if key == "-":
        key = (getpass.getpass("Key: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    elif any(column.personal for column in declared.columns if column.name in declared.key):
        console.note(told()("The command line is kept and can be seen: better type a personal key, for «-»."))
    found = asyncio.run(_traced(workspace, dataset, key, number, purpose, with_raw=with_raw))
    console.show_json(_told(found)) if as_json else _show(found, language, workspace.configuration.zone)


# --- the access ------------------------------------------------------------------------------------------------------


async def _traced(
    workspace: "Workspace", name: str, key: str, number: int | None, purpose: str | None, *, with_raw: bool
) -> "Trace":
    """Return where a row is from; with its values, once that is on the journal for each dataset that it leads through."""
    from gateway.callers.access import decide, of_refused, operator
    from gateway.datasets.open_data import keyed
    from gateway.journal import Entry, Journal
    from pipelines import trace

    if not with_raw:
        return trace.of_key(workspace, name, key, number)
    caller, dataset = operator(purpose), workspace.dataset(name)
    with closing(Journal.of(workspace)) as journal:
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


def _note(entry: "Entry", found: "Trace") -> None:
    entry.fields = sorted({column for origin in found.origins for column in origin.values or ()})
    entry.source = f"version {found.version}"


async def _fate(
    workspace: "Workspace", name: str, source: str | None, place: int, number: int | None, purpose: str | None,
    *, with_raw: bool,
) -> "Fate":  # fmt: skip
    """Return what became of a raw row; with its values and key, once that is on the journal."""
    from gateway.callers.access import decide, of_refused, operator
    from gateway.datasets.open_data import keyed
    from gateway.journal import Entry, Journal
    from pipelines import trace

    if not with_raw:
        return trace.of_place(workspace, name, source, place, number)
    caller, dataset = operator(purpose), workspace.dataset(name)
    entry = Entry.begin(workspace, caller, "trace", f"dataset:{name}")
    with closing(Journal.of(workspace)) as journal:
        async with journal.access(entry):
            decide(workspace, caller, of_refused(dataset), None)
            found = trace.of_place(workspace, name, source, place, number, values=True)
            if found.key is not None:
                entry.identifier = keyed(journal, dataset, found.key)
            entry.fields, entry.source = sorted(found.values or ()), f"version {found.version}"
    return found


# --- what is shown ---------------------------------------------------------------------------------------------------


def _told(found: "Trace | Fate") -> Any:
    """Return a result as JSON has it: what was not asked for, or is not there, is left out."""
    return asdict(found, dict_factory=lambda pairs: {name: value for name, value in pairs if value is not None})


def _show(found: "Trace", lang: str, zone: dt.tzinfo) -> None:
    for line in _lines(found, lang, zone):
        click.echo(line)


def _lines(found: "Trace", lang: str, zone: dt.tzinfo, indent: str = "") -> Iterator[str]:
    said = told(lang)
    back = said(", the content of version {version}", version=found.rolled_back_from) if found.rolled_back_from else ""
    named = {"dataset": found.dataset, "row": console.number(found.row), "key": _key(found), "version": found.version}
    yield indent + said("{dataset}: row {row}{key} of version {version}{back}", **named, back=back)
    made = "made by the run of {run}, committed {committed}"
    unknown = "made by a run that is not known, committed {committed}"
    moments = {
        name: when and console.moment(when, zone) for name, when in (("run", found.run), ("committed", found.committed))
    }
    yield f"{indent}  {said(made if found.run else unknown, **moments)}"
    for origin in found.origins:
        yield from _origin(origin, lang, zone, f"{indent}  ")
    for each in found.links:
        link = "row {place} of {source} and row {other_place} of {other_source} are one: {reason}"
        places = {name: console.number(each[name]) for name in ("place", "other_place")}
        reason = each["reason_fr" if lang == "fr" else "reason"]
        yield f"{indent}  {said(link, **each | places | {'reason': reason})}"
    for each in found.conflicts:
        values = said(": {kept} kept, not {other}", **each) if "kept" in each else ""
        conflict = "conflict in {column}: {kept_source} kept by «{rule}», not row {place} of {other_source}"
        place = console.number(each["other_place"])
        yield f"{indent}  {said(conflict, **each, place=place)}{values}"
    for file in found.missing:
        yield f"{indent}  {said('{file} of that version is no longer kept', file=file)}"


def _key(found: "Trace | Fate") -> str:
    return f" ({found.key})" if found.key is not None else ""


def _origin(origin: "Origin", lang: str, zone: dt.tzinfo, indent: str) -> Iterator[str]:
    said = told(lang)
    table = said(", table {table}", table=origin.table) if origin.table else ""
    registry, dataset = said("the registry {registry}", registry=origin.registry), origin.dataset
    where = f"{registry}{table}" if origin.registry else said("the dataset {dataset}", dataset=dataset)
    kept, merged = "from row {place} of {source}, of {where}", "merged with row {place} of {source}, of {where}"
    named = {"place": console.number(origin.place), "source": origin.source, "where": where}
    yield indent + said(kept if origin.role == "kept" else merged, **named)
    there = said("kept" if origin.there else "no longer kept")
    if origin.raw is not None:
        seen = said(", first seen {seen}", seen=console.moment(origin.first_seen, zone)) if origin.first_seen else ""
        yield f"{indent}  {said('raw file {raw}{seen}, {there}', raw=origin.raw, seen=seen, there=there)}"
    elif origin.behind is None:
        version = "version {version} of {dataset}, {there}"
        yield f"{indent}  {said(version, version=origin.version, dataset=dataset, there=there)}"
    if origin.values is not None:
        yield f"{indent}  {said('as it came: {values}', values=console.one_line(origin.values))}"
    if origin.corrected is not None:
        yield f"{indent}  {_correction(origin.corrected, said, zone)}"
    if origin.behind is not None:
        yield from _lines(origin.behind, lang, zone, f"{indent}  ")


def _correction(known: dict[str, Any], said: Said, zone: dt.tzinfo) -> str:
    if "columns" not in known:
        return said("judged as corrected by a person; the correction was taken back since")
    values = said(" to {values}", values=console.one_line(known["values"])) if "values" in known else ""
    named = {"columns": ", ".join(known["columns"]), "values": values}
    who = {"by": known["by"], "when": console.moment(known["when"], zone), "why": known["why"]}
    return said("corrected in {columns}{values} by {by}, {when}: {why}", **named, **who)


def _show_fate(found: "Fate", lang: str) -> None:
    said, row = told(lang), console.number(found.row or 0)
    named = {
        "dataset": found.dataset,
        "place": console.number(found.place),
        "source": found.source,
        "version": found.version,
    }
    if found.outcome == "published":
        what = said("is row {row}{key}", row=row, key=_key(found))
    elif found.outcome == "merged" and found.into is not None:
        merged = "was merged into row {place} of {source}, which is row {row}{key}"
        what = said(merged, **found.into, row=row, key=_key(found))
    else:
        what = said("was refused")
    click.echo(f"{said('{dataset}: row {place} of {source}, in version {version}', **named)}{said(': ')}{what}")
    for each in found.failures or ():
        click.echo(f"  {each['column']}{said(': ')}{each['reason_fr' if lang == 'fr' else 'reason']} ({each['rule']})")
    if found.outcome == "refused" and found.failures is None:
        click.echo(f"  {said('why is no longer kept')}")
    if found.values is not None:
        click.echo(f"  {said('as it came: {values}', values=console.one_line(found.values))}")


TRACE_COMMANDS = (trace_command,)
"""The commands of this module."""
