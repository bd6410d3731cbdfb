"""The log of a Delta table, read once per commit: whoever asks for a version asks for it each time.

Source: Delta Lake protocol, "Delta Log Entries", https://github.com/delta-io/delta/blob/master/PROTOCOL.md
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

Stamp = tuple[int, int, int]
"""What tells a file from one that stood there before."""


def stamp(path: str) -> Stamp:
    """Return what tells the file at `path` from one that stood there before. Raises OSError."""
    found = os.stat(path)  # noqa: PTH116  # a lookup of one row has no time for more
    return found.st_ino, found.st_mtime_ns, found.st_size


def last_entry(table: Path) -> Path | None:
    """Return the last entry of a table's log; None where there is none."""
    entries = (entry for entry in (table / "_delta_log").glob("*.json") if entry.stem.isdigit())
    return max(entries, key=lambda entry: int(entry.stem), default=None)


class Log(Generic[T]):
    """The log of one table, and what `read` made of it. Threads may read it twice, and get the same."""

    def __init__(self, table: Path, read: Callable[[Path], T]) -> None:
        """Nothing is read before it is asked for."""
        self._table, self._read = table, read
        self._known: tuple[str, str, Stamp, T] | None = None

    def now(self) -> T | None:
        """Return what `read` makes of the log as it is now; None where there is no log. Raises what `read` raises.

        As long as nothing is committed, that costs two look-ups of a file, however long the log is.
        """
        if self._known is not None:
            last, following, seen, made = self._known
            with suppress(OSError):
                if stamp(last) == seen and not os.path.exists(following):  # noqa: PTH110
                    return made
        if (entry := last_entry(self._table)) is None:
            return None
        following = str(entry.with_name(f"{int(entry.stem) + 1:020}.json"))
        seen = stamp(str(entry))  # before it is read: what is committed meanwhile, the next look finds
        made = self._read(self._table)
        self._known = str(entry), following, seen, made
        return made
