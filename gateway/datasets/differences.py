"""Versions compared on the command line: an access like any other, unless both versions are open.

The operator holds the files anyway; for personal data the law still wants a purpose. Rows are on the journal, each by
the keyed hash of its key, before they leave.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import islice

from gateway.callers.access import Caller, Resource, decide, of_dataset, operator
from gateway.datasets.open_data import keyed, note_rows
from gateway.datasets.rows import key_of
from gateway.journal import Entry, Journal
from pipelines import diff
from pipelines.declarations import Dataset
from pipelines.diff import BATCH, Counts, Difference, Pair
from pipelines.workspace import Workspace

Compared = tuple[Pair, Counts, Iterator[Difference]]


@contextmanager
def between(
    workspace: Workspace, name: str, old: int | None, new: int | None, purpose: str | None
) -> Iterator[Compared]:
    """Yield two versions, how many of their rows differ, and those rows, for an operator, once it is on the journal.

    Raises what `diff.pair` and `decide` raise, and Unavailable where the journal cannot be written.
    """
    dataset, caller = workspace.dataset(name), operator(purpose)
    with closing(Journal.of(workspace)) as journal, diff.engine(workspace, name) as connection:
        both = asyncio.run(_allowed(workspace, journal, caller, dataset, old, new))
        rows = diff.rows(connection, both)
        if not _resource(dataset, both).open:
            rows = _journaled(workspace, journal, caller, both, rows)
        yield both, diff.counts(connection, both), rows


async def _allowed(
    workspace: Workspace, journal: Journal, caller: Caller, dataset: Dataset, old: int | None, new: int | None
) -> Pair:
    """Return the pair, once it may be seen; that it was asked is on the journal unless all of it is open."""
    if dataset.audience == "open":
        both = diff.pair(workspace, dataset.name, old, new)
        if _resource(dataset, both).open:
            decide(workspace, caller, _resource(dataset, both), None)
            return both
    entry = Entry.begin(workspace, caller, "diff", f"dataset:{dataset.name}")
    async with journal.access(entry):
        decide(workspace, caller, of_dataset(dataset), None)
        both = diff.pair(workspace, dataset.name, old, new)
        decide(workspace, caller, _resource(dataset, both), None)
        entry.fields, entry.source = list(both.columns), _source(both)
    return both


def _resource(dataset: Dataset, both: Pair) -> Resource:
    """Return what is asked: as open, and as personal, as today's declaration and both versions' own say.

    What is not open may be personal whatever is declared of its columns, as refused rows are.
    """
    resource = of_dataset(dataset)
    then = [json.loads(version.declared) for version in (both.old, both.new)]
    personal = any(kind for said in then for name, _, kind in said["columns"] if name in both.columns)
    narrow = any(said["audience"] != "open" for said in then)
    is_open = resource.open and not narrow
    return replace(resource, open=is_open, personal=resource.personal or personal or not is_open)


def _source(both: Pair) -> str:
    return f"versions {both.old.number} and {both.new.number}"


def _journaled(
    workspace: Workspace, journal: Journal, caller: Caller, both: Pair, rows: Iterator[Difference]
) -> Iterator[Difference]:
    """Yield the rows, those of a batch once it is on the journal whose they are."""
    dataset = workspace.datasets[both.new.dataset]
    while batch := list(islice(rows, BATCH)):
        entry = Entry.begin(workspace, caller, "diff", f"dataset:{dataset.name}")
        note_rows(entry, [keyed(journal, dataset, key_of(row.key)) for row in batch])
        entry.fields, entry.source = list(both.columns), _source(both)
        journal.append(entry).result()
        yield from batch
