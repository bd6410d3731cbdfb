"""Retention: the content of entries past their time is erased, class by class; their links stay, and prove the chain.

What is erased is journaled before it is, with class, day and last number, so that verification tells an erasure under
retention from one that somebody made by hand.
"""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.journal import settings
from gateway.journal.stores import store_of
from gateway.journal.verification import erasure
from pipelines.declarations.accounting import before as first_day

if TYPE_CHECKING:
    from gateway.journal.writing import Journal
    from pipelines.workspace import Workspace


@dataclass(frozen=True)
class Erased:
    """What was erased of a class: how many entries from before a day, kept for how long."""

    kind: str
    kept: str
    before: str
    entries: int


def retain(workspace: "Workspace", journal: "Journal", *, preview: bool = False) -> list[Erased]:
    """Erase what is past the declared retention, and return what was; a `preview` erases nothing.

    Entries of the first format are linked by their text and stay. Raises Unavailable; run again, it goes on.
    """
    store, found = store_of(workspace), []
    today = dt.datetime.now(dt.UTC).date()
    try:
        for kind, kept in workspace.configuration.journal.retention.durations().items():
            before = first_day(kept, today).isoformat()
            due, last = store.due(kind, before)
            if due and not preview:
                seal = journal.keys.keyed(erasure(kind, before, last, due))
                said = f"before {before}, up to entry {last}: {due}, sealed {seal}"
                settings.change(workspace, journal, "erase", "journal", fields=[kind], source=said)
                store.erase(kind, before, last)
            found.append(Erased(kind, kept, before, due))
    finally:
        store.close()
    return found
