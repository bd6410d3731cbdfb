"""What differs between two versions, kept for the next page: to compare them costs the same for one row as for all.

It is kept for KEPT_SECONDS after it was asked last, and no longer than both versions are: what retention deletes, or
the law has deleted, does not stay in memory.
"""

import asyncio
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from gateway.datasets.asked import MAX_LIMIT
from gateway.datasets.rows import Rows
from pipelines import diff
from pipelines.diff import Counts, Difference, Pair

AHEAD = 5 * MAX_LIMIT
"""Rows that differ, as many as are read at once: fifty pages of a hundred."""

KEPT = 4
"""Pairs of versions whose rows are kept, those asked last."""

KEPT_SECONDS = 300.0
"""Seconds that the rows of a pair are kept after they were asked last: whoever reads on asks sooner."""

Key = tuple[str, str, tuple[str, ...], str]
"""Two Parquet files, whose names never come again, and columns and rows compared: who may see fewer has their own."""


@dataclass(frozen=True)
class Kept:
    """How many rows of two versions differ, and some of those rows, in their order, after the first `start`.

    `asked` is when they were asked last, on the clock that never goes back.
    """

    counts: Counts
    start: int
    rows: list[Difference]
    asked: float = 0.0

    def has(self, offset: int, limit: int) -> bool:
        """Tell whether a page is among the rows."""
        end = min(offset + limit, self.counts.added + self.counts.changed + self.counts.removed)
        return self.start <= offset and end <= self.start + len(self.rows)


class Differences:
    """The counts of the last pairs that were compared, and AHEAD rows of each from where its last reader was."""

    def __init__(self) -> None:
        """Nothing was compared yet."""
        self._lock = threading.Lock()
        self._kept = OrderedDict[Key, Kept]()

    async def page(self, rows: Rows, what: str, both: Pair, offset: int, limit: int) -> tuple[Counts, list[Difference]]:
        """Return how many rows of `both` differ, and at most `limit` of them after `offset`; an error names `what`.

        Raises what `Rows.bounded` raises.
        """
        key = (str(both.old.parquet), str(both.new.parquet), both.columns, both.within)
        self._forget()
        with self._lock:
            kept = self._kept.get(key)
        if kept is None or not kept.has(offset, limit):
            known = kept.counts if kept is not None else None
            kept = await rows.bounded(what, lambda cursor: _ahead(cursor, both, offset, known))
        with self._lock:
            self._kept[key] = replace(kept, asked=time.monotonic())
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        asyncio.get_running_loop().call_later(1.01 * KEPT_SECONDS, self._forget)
        return kept.counts, kept.rows[offset - kept.start : offset - kept.start + limit]

    def _forget(self) -> None:
        """Drop what was not asked for KEPT_SECONDS, and what is of a version whose file is no longer there."""
        until = time.monotonic() - KEPT_SECONDS
        with self._lock:
            for key, kept in list(self._kept.items()):
                if kept.asked <= until or not all(Path(each).exists() for each in key[:2]):
                    del self._kept[key]


def _ahead(cursor: duckdb.DuckDBPyConnection, both: Pair, start: int, known: Counts | None) -> Kept:
    """Compare two versions, whose counts may be known. Raises duckdb.Error."""
    return Kept(known or diff.counts(cursor, both), start, list(diff.rows(cursor, both, AHEAD, start)))
