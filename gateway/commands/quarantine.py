"""`beffroi quarantine`: the rows that runs refused, shown, corrected, and judged anew."""

import getpass
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connectors.errors import InvalidRequest
from gateway import console
from gateway.commands.command import command
from gateway.commands.help import Group
from gateway.french import LANGUAGE, told

if TYPE_CHECKING:
    from gateway.datasets.refused import Fixed, Shown
    from pipelines.quarantine import Broken
    from pipelines.workspace import Workspace

Function = Callable[..., Any]


_SOURCE = click.option("--source", metavar="NAME", help="Which source PLACE is in, where there are several.")
_PURPOSE = click.option("--purpose", help="What the rows are wanted for, one of the workspace's purposes.")


@click.group("quarantine", cls=Group)
def quarantine_group() -> None:
    """Show the rows that runs refused, correct them, and judge them anew."""


@quarantine_group.command("list")
@click.argument("datasets", nargs=-1)
@click.option("--limit", default=20, show_default=True, help="Rows shown per dataset; 0 for all.")
@click.option("--by-rule", is_flag=True, help="Show how many rows broke each rule, and where one of them stands.")
@click.option("--raw", "with_raw", is_flag=True, help="Show the rows too, as the source has them; it is journaled.")
@_PURPOSE
@command
def quarantine_list_command(
    root: Path, as_json: bool, datasets: tuple[str, ...], limit: int, by_rule: bool, with_raw: bool,
    purpose: str | None,
) -> None:  # fmt: skip
    """List the refused rows of DATASETS (all, where none is named), each with its place and reasons.

    The rows themselves come with --raw: an access like any other, for which data that are personal or not open need
    a --purpose.
    """
    import asyncio

    from gateway.datasets import refused
    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    if by_rule:
        _show_rules(refused.by_rule(workspace, datasets), as_json)
        return
    if with_raw:
        found = asyncio.run(refused.raw(workspace, datasets, limit, purpose))
    else:
        found = refused.listed(workspace, datasets, limit)
    said = told()
    for name, (_, more) in found.items():
        if more:
            console.note(said("{dataset}: more rows follow: --limit 0 shows all", dataset=name))
    rows = [row for of_one, _ in found.values() for row in of_one]
    if as_json:
        console.show_json(rows if with_raw else [refused.reasons(row) for row in rows])
    elif rows:
        names = ["dataset", "source", "row", "column", "rule", "reason", *["as the source has it"][: int(with_raw)]]
        lines = [
            (r.dataset, r.source, r.place, f["column"], f["rule"], _reason(f),
             *([console.one_line(r.raw)] if with_raw else []))
            for r in rows for f in r.failures
        ]  # fmt: skip
        console.show_table([said(name) for name in names], lines, right=(said("row"),))
    else:
        console.note(said("The quarantine is empty."))


def _reason(failure: Mapping[str, str]) -> str:
    return failure["reason_fr" if LANGUAGE.get() == "fr" else "reason"]


def _show_rules(found: Sequence["Broken"], as_json: bool) -> None:
    said = told()
    if as_json:
        console.show_json(found)
    elif found:
        rows = [
            (each.dataset, each.source, each.column, each.rule, f"{each.rows:,}", said("row") + f" {each.place}",
             each.reason_fr if LANGUAGE.get() == "fr" else each.reason)
            for each in found
        ]  # fmt: skip
        names = ("dataset", "source", "column", "rule", "rows", "for example", "reason")
        console.show_table([said(name) for name in names], rows, right=(said("rows"),))
    else:
        console.note(said("The quarantine is empty."))


@quarantine_group.command("show")
@click.argument("dataset")
@click.argument("place", type=click.IntRange(1))
@_SOURCE
@_PURPOSE
@command
def quarantine_show_command(
    root: Path, as_json: bool, dataset: str, place: int, source: str | None, purpose: str | None
) -> None:
    """Show the refused row at PLACE of a source of DATASET: its values, what is wrong, and what can be done.

    Of each column that failed it is told what its cleaning steps made of it, up to the one that refused it. The row is
    an access like any other: journaled, for which data that are personal or not open need a --purpose.
    """
    import asyncio

    from gateway.datasets import refused
    from pipelines.workspace import Workspace

    shown = asyncio.run(refused.show(Workspace(root), dataset, place, source, purpose))
    console.show_json(shown) if as_json else _show(shown)


def _show(shown: "Shown") -> None:
    row, said = shown.row, told()
    of = said("version {version}", version=row.version) if row.version else said("a run that failed")
    of += said(", line {line} of its file", line=shown.line) if shown.line is not None else ""
    named = {"dataset": row.dataset, "place": row.place, "source": row.source, "of": of}
    click.echo(said("{dataset}: row {place} of {source} ({of})", **named) + "\n")
    failures = [(each["column"], each["rule"], _reason(each)) for each in row.failures]
    console.show_table([said(name) for name in ("column", "rule", "reason")], failures)
    click.echo()
    corrected = shown.correction.values if shown.correction else {}
    head = [said("column of the source"), said("value"), *([said("corrected")] if corrected else [])]
    values = [
        (name, console.one_line(value), *([console.one_line(corrected[name])] if name in corrected else []))
        for name, value in row.raw.items()
    ]
    console.show_table(head, [(*each, *[""] * (len(head) - len(each))) for each in values])
    if shown.steps:
        click.echo()
        came = said("as corrected" if corrected else "as it comes")
        lines = [
            (column, made.step or came, said("refused") if made.refused else console.one_line(made.value))
            for column, steps in shown.steps.items() for made in steps
        ]  # fmt: skip
        console.show_table((said("column"), said("step"), said("makes of it")), lines)
    click.echo(f"\n{shown.todo_fr if LANGUAGE.get() == 'fr' else shown.todo}")


@quarantine_group.command("fix")
@click.argument("dataset", required=False)
@click.argument("place", type=click.IntRange(1), required=False)
@click.argument("values", nargs=-1, metavar="[COLUMN=VALUE]...")
@_SOURCE
@click.option("--why", metavar="TEXT", help="Why the value is the right one; it is kept with the correction.")
@click.option("--drop", is_flag=True, help="Take the correction of that row back.")
@click.option("--list", "listing", is_flag=True, help="List the corrections that hold, and where their rows stand.")
@command
def quarantine_fix_command(
    root: Path, as_json: bool, dataset: str | None, place: int | None, values: tuple[str, ...], source: str | None,
    why: str | None, drop: bool, listing: bool,
) -> None:  # fmt: skip
    """Correct the refused row at PLACE of a source of DATASET: COLUMN, of the source, should have held VALUE.

    COLUMN alone, or COLUMN=@-, reads the value from standard input, where others do not see it and no shell keeps it;
    COLUMN= is no value at all. The correction holds in each later run while that row comes as it came. It is told at
    once whether the row would pass; `beffroi quarantine replay` brings it in.
    """
    from gateway.datasets import refused
    from pipelines import quarantine
    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    if listing:
        _show_corrections(workspace, [dataset] if dataset else [], as_json)
        return
    if dataset is None or place is None or bool(values) == drop:
        raise InvalidRequest("say DATASET PLACE COLUMN=VALUE --why TEXT, or DATASET PLACE --drop, or --list")
    found = quarantine.target(workspace, dataset, place, source)
    if drop:
        fixed = refused.drop(workspace, found, why or "")
    elif not why:
        raise InvalidRequest("say with --why what makes the value the right one: whoever comes after you will ask")
    else:
        fixed = refused.fix(workspace, found, _given(values, refused.personal(workspace, found)), why)
    console.show_json(fixed) if as_json else _show_fixed(fixed)


def _given(values: Sequence[str], personal: set[str]) -> dict[str, str | None]:
    """Return the values of a correction, those that do not stand on the command line from standard input."""
    found: dict[str, str | None] = {}
    for each in values:
        column, equals, value = each.partition("=")
        if not equals or value == "@-":
            value = _typed(column)
        elif column in personal:
            kept = "The command line is kept and can be seen: better leave personal values out and type them."
            console.note(told()(kept))
        found[column] = value or None
    return found


def _typed(column: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"{column}: ")
    line = sys.stdin.readline()
    if not line:
        raise InvalidRequest(f"no value of {column} came on standard input")
    return line.rstrip("\r\n")


def _show_fixed(fixed: "Fixed") -> None:
    said = told()
    corrected = said("corrected in {columns}", columns=", ".join(fixed.columns))
    named = {"dataset": fixed.dataset, "place": fixed.place, "source": fixed.source}
    what = corrected if fixed.columns else said("as it came again")
    click.echo(said("{dataset}: row {place} of {source} is {what}", **named, what=what))
    if fixed.passes:
        passes = "By itself it passes now: `beffroi quarantine replay {dataset}` brings it in."
        click.echo(said(passes, dataset=fixed.dataset))
        return
    lines = [(each["column"], each["rule"], _reason(each)) for each in fixed.failures]
    console.show_table([said(name) for name in ("column", "rule", "reason")], lines)
    click.echo(said("It would be refused still."))


def _show_corrections(workspace: "Workspace", names: list[str], as_json: bool) -> None:
    """Show the corrections that hold, without a value of theirs."""
    from pipelines import quarantine

    rows: list[dict[str, Any]] = []
    for name in workspace.in_order(names):
        for each, places in quarantine.held(workspace, name):
            row = {"dataset": name, "source": each.source, "places": places, "columns": list(each.values)}
            rows.append(row | {"by": each.by, "when": each.when, "why": each.why, "raw_sha256": each.raw_sha256})
    if as_json:
        console.show_json(rows)
    elif rows:
        head = [told()(name) for name in ("dataset", "source", "rows", "columns", "by", "when", "why")]
        told_rows = [
            (r["dataset"], r["source"], _where(r["places"]), ", ".join(r["columns"]), r["by"],
             console.moment(r["when"], workspace.configuration.zone), r["why"])
            for r in rows
        ]  # fmt: skip
        console.show_table(head, told_rows)
    else:
        console.note(told()("No correction holds."))


def _where(places: list[int] | None) -> str:
    if places is None:
        return told()("not kept")
    return ", ".join(map(str, places)) or told()("no more")


@quarantine_group.command("replay")
@click.argument("datasets", nargs=-1, required=True)
@command
def quarantine_replay_command(root: Path, as_json: bool, datasets: tuple[str, ...]) -> None:
    """Judge anew what the last run of DATASETS read: no source is asked.

    For after a row was corrected, or the declaration or a value map was mended. Each dataset gets a new version where
    its rows are other ones now.
    """
    from gateway import jobs, run_words
    from pipelines.workspace import Workspace

    reports, failures = jobs.run_all(Workspace(root), list(datasets), jobs.How(replay=True))
    run_words.show_reports(reports, as_json)
    for error in failures:
        console.show_error(error, as_json)
    if failures:
        sys.exit(1)


QUARANTINE_COMMANDS = (quarantine_group,)
"""The commands of this module."""
