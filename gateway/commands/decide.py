"""`beffroi decide`: what people say of pairs of records: reviewed one after the other, said, listed, exported, imported."""

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connectors.errors import InvalidRequest
from gateway import console
from gateway.commands.command import command
from gateway.commands.decide_forget import forget_command
from gateway.commands.help import Group, command_first
from gateway.commands.link import KEPT
from gateway.french import LANGUAGE, told

if TYPE_CHECKING:
    from gateway.commands.link_asked import Asked
    from pipelines.linking.deciding.decisions import Verdict

Function = Callable[..., Any]


class _Group(Group):
    """`beffroi decide DATASET` is `beffroi decide review DATASET`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = command_first(args)
        if first and first[0] not in (*self.commands, *ctx.help_option_names):
            first = ["review", *args]  # with all options, of which some may stand between others
        return super().parse_args(ctx, first)


@click.group("decide", cls=_Group)
def decide_group() -> None:
    """Say of pairs of records whether they are the same; `beffroi decide DATASET` asks, one pair after the other.

    A decision takes effect at the next run, and holds in every later one.
    """


def _of(function: Function) -> Function:
    """Give a command DATASET and --column."""
    column = click.option("--column", metavar="NAME", help="Which link, where the dataset has several.")
    return click.argument("dataset")(column(function))


_PURPOSE = click.option("--purpose", help="What the records are wanted for, one of the workspace's purposes.")
_NOTE = click.option("--note", default="", metavar="TEXT", help="Why; it is kept with the decision.")


def _asked(root: Path, dataset: str, column: str | None, purpose: str | None = None, *, raw: bool = False) -> "Asked":
    from gateway.commands import link_asked
    from pipelines.workspace import Workspace

    asked = link_asked.asked(Workspace(root), dataset, column, LANGUAGE.get(), raw=raw, purpose=purpose)
    return click.get_current_context().with_resource(asked)


def _next(of: "Asked") -> str:
    said = told(of.language)
    return said("Decisions take effect at the next run: `beffroi link {dataset}`.", dataset=of.dataset)


@decide_group.command("review")
@_of
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="Pairs asked in one sitting.")
@_PURPOSE
@command
def review_command(
    root: Path, as_json: bool, dataset: str, column: str | None, limit: int, purpose: str | None
) -> None:
    """Ask for the doubtful pairs of DATASET, the best first: both records side by side, and why they are doubtful.

    The best are contradictions of what was decided, then decisions whose records have changed, then the pairs whose answer
    is likely to move the most rows. The records of a sitting are one access: journaled, for which data that are personal
    or not open need a --purpose. Each answer is kept at once.
    """
    import asyncio

    from gateway.commands import decide_read, decide_review
    from pipelines import evidence

    if as_json:
        raise InvalidRequest("a review is for a person: `beffroi decide list --json` lists what waits")
    of = _asked(root, dataset, column, purpose, raw=True)
    said = told(of.language)
    with evidence.engine() as connection:
        queue = decide_read.queue(connection, of)
        shown = asyncio.run(decide_read.shown(connection, of, queue.questions[:limit])) if queue.questions else []
        review = decide_review.Review(connection, of, queue, shown)
        answers, left = review.run(), review.left
    if not shown:
        console.note(said("No pair waits for a person."))
        return
    verdicts = ", ".join(f"{count} {said(name)}" for name, count in sorted(answers.items()))
    console.note(said("Decided: {verdicts}. Waiting: {left}.", verdicts=verdicts or "0", left=left))
    if answers:
        console.note(_next(of))


@decide_group.command("list")
@_of
@click.option("--limit", default=20, show_default=True, help="Pairs shown; 0 for all.")
@click.option("--decided", is_flag=True, help="List the decisions that hold instead, and what became of their records.")
@click.option("--raw", is_flag=True, help="Name the records and show what they have; it is journaled.")
@_PURPOSE
@command
def list_command(
    root: Path, as_json: bool, dataset: str, column: str | None, limit: int, decided: bool, raw: bool,
    purpose: str | None,
) -> None:  # fmt: skip
    """List the pairs of DATASET that wait for a person, the best first, each with its reasons.

    Which records they are, and what these have, comes with --raw: an access like any other, for which data that are
    personal or not open need a --purpose.
    """
    import asyncio

    from gateway.commands import decide_read, decide_words
    from pipelines import evidence

    of = _asked(root, dataset, column, purpose, raw=raw)
    with evidence.engine() as connection:
        if decided:
            held = decide_read.held(connection, of)
            if raw:
                asyncio.run(decide_read.noted(of, [each.decision for each in held]))
            decide_words.show_held(of, held, as_json)
            return
        found = decide_read.queue(connection, of).questions
        most = found[:limit] if limit else found
        if raw:
            shown = asyncio.run(decide_read.shown(connection, of, most)) if most else []
        else:
            shown = [decide_read.Shown(each, {}, {}, decide_read.explained(connection, of, each, {})) for each in most]
    decide_words.show_questions(of, shown, len(found), as_json)


# --- one pair --------------------------------------------------------------------------------------------------------


def _ends(of: "Asked", records: tuple[str, ...]) -> tuple[str, str]:
    """Return the two records that are meant, as they are told; those of «-» from standard input."""
    dataset = of.workspace.dataset(of.dataset)
    if records == ("-",):
        records = tuple(line.strip() for line in sys.stdin if line.strip())
    elif any(column.personal for column in dataset.columns if column.name in dataset.key):
        console.note(told()(KEPT))
    if len(records) != 2:
        raise InvalidRequest("say two records, A and B")
    return records[0], records[1]


_ENDS = (
    "Each of A and B is the key of a record, or, where several sources have one of that key, its identity: a JSON array as"
    ' ["source","key"]. With «-» they are read from standard input, a line each.'
)
_RECORDS = click.argument("records", nargs=-1, required=True, metavar="A B")


def _verdict(verdict: "Verdict", doc: str) -> None:
    """Make the command that says this of two records."""

    @decide_group.command(verdict, help=f"{doc}\n\n{_ENDS}")
    @_of
    @_RECORDS
    @_NOTE
    @command
    def say(
        root: Path, as_json: bool, dataset: str, column: str | None, records: tuple[str, ...], note: str,
    ) -> None:  # fmt: skip
        from gateway.commands import decide_read, link_asked
        from pipelines import evidence

        of = _asked(root, dataset, column)
        ends = _ends(of, records)
        with evidence.engine() as connection:
            a, b = link_asked.meant(connection, of, ends)
            decision = decide_read.decide(connection, of, (a, b), verdict, note)
        _kept(of, decision, as_json)


_verdict("same", "Say that A and B of DATASET are the same.")
_verdict("different", "Say that A and B of DATASET are different.")
_verdict("unsure", "Say that nobody knows whether A and B of DATASET are the same: no run links that pair by itself.")


@decide_group.command("withdraw")
@_of
@_RECORDS
@_NOTE
@command
def withdraw_command(
    root: Path, as_json: bool, dataset: str, column: str | None, records: tuple[str, ...], note: str
) -> None:
    """Take back what was decided on A and B of DATASET; records that are gone are told by their identities."""
    from gateway.commands import decide_read, link_asked
    from pipelines import evidence

    of = _asked(root, dataset, column)
    told_of = _ends(of, records)
    named = {name for each in decide_read.load(of) for name in each.pair}
    with evidence.engine() as connection:
        a, b = link_asked.meant(connection, of, told_of, named)
    _kept(of, decide_read.withdraw(of, (a, b), note), as_json)


def _kept(of: "Asked", decision: Any, as_json: bool) -> None:
    if as_json:
        console.show_json({key: value for key, value in dataclasses.asdict(decision).items() if "digest" not in key})
        return
    console.note(told(of.language)("Kept: {verdict}.", verdict=told(of.language)(decision.verdict)))
    console.note(_next(of))


decide_group.add_command(forget_command)


# --- files -----------------------------------------------------------------------------------------------------------


@decide_group.command("export")
@_of
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option(
    "--format", "form", type=click.Choice(("csv", "jsonl")), help="By default as the name of FILE ends; else jsonl."
)
@_PURPOSE
@command
def export_command(
    root: Path, as_json: bool, dataset: str, column: str | None, file: Path | None, form: str | None,
    purpose: str | None,
) -> None:  # fmt: skip
    """Write the decisions of DATASET that hold to FILE (standard output, where none is named): CSV or JSON Lines.

    They name records: an access like any other, for which data that are personal or not open need a --purpose.
    """
    import asyncio

    from gateway.commands import decide_read
    from pipelines.linking.deciding import exchange

    of = _asked(root, dataset, column, purpose)
    chosen = exchange.format_of(file, form) if file is not None else exchange.format_of(Path("-"), form or "jsonl")
    found = decide_read.load(of)
    asyncio.run(decide_read.noted(of, found))
    text = exchange.written(found, chosen)
    if file is None:
        click.echo(text, nl=False)
        return
    decide_read.new_file(file, text)
    console.show_json({"decisions": len(found), "file": str(file)}) if as_json else console.note(
        told(of.language)("{file}: {counted}.", counted=console.counted(len(found), "decision", "decisions"), file=file)
    )


@decide_group.command("import")
@_of
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--format", "form", type=click.Choice(("csv", "jsonl")), help="By default as the name of FILE ends.")
@command
def import_command(root: Path, as_json: bool, dataset: str, column: str | None, file: Path, form: str | None) -> None:
    """Take over the decisions of FILE on records of DATASET, all or none: CSV or JSON Lines, as export writes them.

    A sample that `beffroi link --sample` drew is read too: lines without a verdict are passed over. What holds already,
    or is older than what holds, changes nothing.
    """
    from gateway.commands import decide_read
    from pipelines import evidence
    from pipelines.linking.deciding import exchange

    of = _asked(root, dataset, column)
    with evidence.engine() as connection:
        taken = decide_read.take(connection, of, file, exchange.format_of(file, form))
    counts = {"new": len(taken.new), "known": taken.known, "older": taken.older, "empty": taken.empty}
    counts["gone"] = taken.strange
    if as_json:
        console.show_json(counts)
        return
    said = told(of.language)
    text = "Taken over: {new}. Known already: {known}, older than what holds: {older}, without a verdict: {empty}."
    console.note(said(text, **counts))
    if taken.strange:
        console.note(said("{gone} of them are on records that the version does not have.", **counts))
    if taken.new:
        console.note(_next(of))
