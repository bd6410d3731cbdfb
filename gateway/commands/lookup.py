"""`beffroi lookup`: one question, or a file of them, asked by the operator, on the same journal as any other."""

import getpass
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connectors.errors import BeffroiError, InvalidRequest
from gateway import console
from gateway.commands.command import command
from gateway.commands.help import Command
from gateway.french import told
from gateway.languages import as_read

if TYPE_CHECKING:
    from pipelines.workspace import Workspace


@click.command("lookup", cls=Command)
@click.argument("record")
@click.argument("identifier", default="-")
@click.option("--purpose", help="What the answer is for, one of the workspace's purposes.")
@click.option("--case", help="The number of the case file that it is asked for, which personal data want: 2026-0142.")
@click.option("--fields", help="Only these fields, separated by commas.")
@click.option(
    "--file",
    "source",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Ask for every row of this file (.json, .ndjson, or .csv with a column identifier).",
)
@click.option(
    "--out",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the outcomes of its rows go (.json, .ndjson, .csv).",
)
@click.option(
    "--receipt",
    "proof",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the signed proof of this answer into this file, for `beffroi receipt verify`; --json shows it too.",
)
@click.option("--receipts", is_flag=True, help="With --file: a receipt in the outcome of every row.")
@command
def lookup_command(
    root: Path,
    as_json: bool,
    record: str,
    identifier: str,
    purpose: str | None,
    case: str | None,
    fields: str | None,
    source: Path | None,
    target: Path | None,
    proof: Path | None,
    receipts: bool,
) -> None:
    """Ask RECORD (commune, person…) for IDENTIFIER; «-» reads it from standard input.

    A personal identifier is better typed than written on the command line, which others can see and the shell keeps.
    """
    import asyncio

    from gateway.lookups import answering
    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    declared = workspace.lookup(record)
    asked = fields.split(",") if fields else None
    many = source is not None or target is not None
    if (proof is not None and many) or (receipts and not many):
        raise InvalidRequest("--receipt FILE has the receipt of one question, --receipts those of all rows of --file")
    if many:
        if source is None or target is None or identifier != "-":
            raise InvalidRequest("many questions are asked with --file and --out, and no identifier beside them")
        _lookup_file(workspace, as_json, record, source, target, asked, purpose, case, receipts=receipts)
        return
    if identifier == "-":
        identifier = _typed()
    elif declared.record_model.is_personal():
        console.note(told()("The command line is kept and can be seen: better leave the identifier out and type it."))
    one = partial(answering.command, workspace, record, identifier, asked, purpose, case, receipt=proof is not None)
    _show(asyncio.run(one()) if proof is None else _with_receipt(proof, lambda: asyncio.run(one())), as_json)


def _typed() -> str:
    identifier = (getpass.getpass(told()("Identifier: ")) if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not identifier:
        raise InvalidRequest("no identifier came on standard input")
    return identifier


def _with_receipt(file: Path, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what is answered once its receipt is in `file`; raise what is raised, whose receipt is there if it has one.

    Nobody is asked where the file cannot be written.
    """
    from pipelines.whole import whole_file

    failed: BeffroiError | None = None
    with whole_file(file) as part:
        part.touch()
        part.chmod(0o600)
        try:
            answer = ask()
            receipt = answer["meta"]["receipt"]
        except BeffroiError as error:
            if error.receipt is None:
                raise
            failed, receipt = error, error.receipt
        part.write_text(f"{receipt}\n", encoding="utf-8")
    console.note(told()("the receipt is in {file}", file=file))
    if failed is not None:
        raise failed
    return answer


def _show(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        console.show_json(answer)
        return
    shown = [(name, ", ".join(value) if isinstance(value, list) else value) for name, value in answer["data"].items()]
    said, meta = told(), answer["meta"]
    console.show_table((said("field"), said("value")), shown)
    console.note(said("from {source}, {age} s old", source=meta["source"], age=console.number(meta["age_seconds"])))
    for tried in meta["tried"]:
        detail = as_read(tried["detail"])
        console.note(said("{provider} was asked first: {detail}", provider=tried["provider"], detail=detail))


def _lookup_file(
    workspace: "Workspace", as_json: bool, record: str, source: Path, target: Path, fields: list[str] | None,
    purpose: str | None, case: str | None, *, receipts: bool,
) -> None:  # fmt: skip
    """Ask for every row of a file, and tell how many ended how."""
    import asyncio

    from gateway.lookups import bulk

    counted = asyncio.run(bulk.command(workspace, record, source, target, fields, purpose, case, receipts=receipts))
    if as_json:
        console.show_json(dict(counted))
        return
    rows = [(outcome, console.number(rows)) for outcome, rows in counted.most_common()]
    console.show_table((told()("outcome"), told()("rows")), rows)
    total = console.counted(counted.total(), "outcome", "outcomes")
    console.note(told()("{file}: {counted}.", counted=total, file=target))
