"""The quarantine on the command line: why rows were refused, and, as an access like any other, the rows themselves."""

from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from typing import Any

from gateway.access import decide, of_refused, operator
from gateway.journal import Entry, Journal
from pipelines import quarantine
from pipelines.quarantine import Refused
from pipelines.workspace import Workspace

Listed = dict[str, tuple[list[Refused], bool]]
"""The refused rows by dataset, and whether there are more."""


def listed(workspace: Workspace, names: Sequence[str], limit: int) -> Listed:
    """Return at most `limit` refused rows of each dataset (0: all). Raises Unavailable, what `in_order` raises."""
    found: Listed = {}
    for name in workspace.in_order(list(names)):
        rows = list(islice(quarantine.listed(workspace, name), limit + 1 if limit else None))
        found[name] = (rows[:limit], True) if limit and len(rows) > limit else (rows, False)
    return found


def reasons(row: Refused) -> dict[str, Any]:
    """Return what may be told of a refused row without an access: where it stands, and what is wrong with it."""
    return {"dataset": row.dataset, "version": row.version, "place": row.place, "failures": row.failures}


async def raw(workspace: Workspace, names: Sequence[str], limit: int, purpose: str | None) -> Listed:
    """Return the same for an operator who wants the rows as the source has them, once it is on the journal.

    A row that was refused may have no key to be found by: the entry has no hashes. Raises what `decide` raises too.
    """
    caller = operator(purpose)
    found: Listed = {}
    with closing(Journal(workspace.state)) as journal:
        for name in workspace.in_order(list(names)):
            entry = Entry.begin(workspace, caller, "quarantine", f"dataset:{name}")
            async with journal.access(entry):
                decide(workspace, caller, of_refused(workspace.datasets[name]), None)
                found |= listed(workspace, [name], limit)
                rows, _ = found[name]
                entry.fields = sorted({column for row in rows for column in row.raw})
                if rows:
                    entry.source = f"version {rows[0].version}" if rows[0].version else "a run that failed"
    return found
