"""`beffroi decide forget`: every decision on one record is erased, as a person may ask for who has her data erased."""

import json
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from connectors.errors import InvalidRequest, NotFound
from gateway import console
from gateway.commands.command import command
from gateway.commands.help import Command
from gateway.french import told

if TYPE_CHECKING:
    from pipelines.workspace import Workspace


@click.command("forget", cls=Command)
@click.argument("dataset")
@click.argument("record")
@command
def forget_command(root: Path, as_json: bool, dataset: str, record: str) -> None:
    """Erase every decision on RECORD of DATASET, with its note, also such as hold no longer; it cannot be taken back.

    RECORD is its key, or, where several sources have one of that key, its identity: a JSON array as ["source","key"]. With
    «-» it is read from standard input. The next run links by what is left. That it was erased is on the journal.
    """
    import asyncio

    from pipelines.workspace import Workspace

    meant = next((line.strip() for line in sys.stdin if line.strip()), "") if record == "-" else record
    count = asyncio.run(_forgotten(Workspace(root), dataset, meant))
    if as_json:
        console.show_json({"forgotten": count})
        return
    erased = "Erased: {count} of the decisions. The next run links without them: `beffroi link {dataset}`."
    console.note(told()(erased, count=count, dataset=dataset))


async def _forgotten(workspace: "Workspace", name: str, record: str) -> int:
    """Erase and journal it, return how many there were. Raises NotFound, InvalidRequest, Unavailable, OSError."""
    from gateway.callers.access import operator
    from gateway.journal import Entry, Journal
    from pipelines.linking.deciding import decisions

    dataset = workspace.dataset(name)
    columns = decisions.columns(workspace, name)  # also such as are linked no longer
    said = [each for column in columns for each in decisions.last(workspace, name, column)]
    identity = _meant(record, {end for each in said for end in each.pair})
    source, *key = json.loads(identity)
    of = source if any(link.to == source for link in dataset.link.values()) else name
    with closing(Journal.of(workspace)) as journal:
        entry = Entry.begin(workspace, operator(None), "decide-forget", f"dataset:{of}")
        async with journal.access(entry):
            entry.identifiers = [journal.keyed(f"dataset:{of}:{','.join(key)}")]
            count = sum(decisions.forget(workspace, name, column, {identity}) for column in columns)
            entry.source = f"{count} decisions of {name}"
    return count


def _meant(record: str, named: set[str]) -> str:
    """Return the identity of the record that is meant, of those that decisions name; no error says what was typed."""
    found = [each for each in named if each == record] or [
        each for each in named if ",".join(map(str, json.loads(each)[1:])) == record
    ]
    if not found:
        raise NotFound("no decision names that record")
    if len(found) > 1:
        raise InvalidRequest('several sources have a record of that key: say the identity, as ["source","key"]')
    return found[0]
