"""The journal in an SQLite file of the workspace, `.beffroi/journal.db`: one chain for all processes of a machine."""

import contextlib
import fcntl
import itertools
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from connectors.errors import NotFound, Unavailable
from connectors.ledgers import locks, opened
from gateway.journal.chain import COLUMNS, GENESIS, Content, Damaged, Row, chained
from gateway.store import WAIT_MS, open_store, unavailable

SCHEMA = """CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY, entry TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT '', day TEXT NOT NULL DEFAULT '', content TEXT NOT NULL DEFAULT '')"""
ADDED = ("kind", "day", "content")
"""Columns that a journal of the first format has not."""
CHANGES = "CREATE INDEX IF NOT EXISTS changes ON entries (number) WHERE kind = 'change'"
DUE = "FROM entries WHERE kind = ? AND day < ? AND number BETWEEN ? AND ? AND entry != '' AND content != ''"
SLICE = 5000
"""Entries that are erased at once: those who write wait meanwhile."""
AT_ONCE = 64
"""Entries that one statement adds at most: after each, whatever else this process does has its turn first."""
LOOK = 0.0005
"""Seconds between two looks at whether another process has written: it takes about as long."""


class SqliteStore:
    """The rows of a journal in one file. For one thread that writes; reading opens a connection of its own."""

    def __init__(self, path: Path) -> None:
        """Name the file; it is opened when it is first written to."""
        self.name = path.name
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._last = 0  # number of the last entry that we wrote

    def open(self) -> None:
        """Open the file, made where it is missing. Raises Unavailable."""
        self._connected()
        self._inode = self.path.stat().st_ino

    def add(self, contents: Sequence[Content]) -> list[Row]:
        """Add entries at the end of the chain and return them as they stand. Raises Unavailable, UnicodeError."""
        if self._inode and not self.in_place():  # what we would write to it, nobody would ever read
            raise Unavailable(f"{self.name} is no longer where it was: put it back, or start Beffroi anew")
        try:
            connection = self._connected()
            with _turn(self.path.with_suffix(".turn")):
                connection.execute("BEGIN IMMEDIATE")
                found = connection.execute("SELECT number, hash FROM entries ORDER BY number DESC LIMIT 1").fetchall()
                number, head = found[0] if found else (0, GENESIS)
                if number < self._last:
                    raise Unavailable(f"entries after {number} were removed from {self.name}: put them back")
                rows = chained(contents, number, head)
                for at in range(0, len(rows), AT_ONCE):
                    several = rows[at : at + AT_ONCE]
                    places = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(several))
                    connection.execute(f"INSERT INTO entries VALUES {places}", list(itertools.chain(*several)))
                connection.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            raise unavailable(self.path, error) from error
        self._last = rows[-1].number
        return rows

    def due(self, kind: str, before: str) -> tuple[int, int]:
        """Return how many entries of a class from before a day are not yet empty, and the last one's number.

        Raises as `rows` does.
        """
        asked = f"SELECT count(*), coalesce(max(number), 0) {DUE}"
        [(count, last)] = self._read(asked, (kind, before, 0, 1 << 62))
        return count, last

    def erase(self, kind: str, before: str, upto: int) -> int:
        """Empty such entries up to a number, and what the file still holds of them. Raises Unavailable."""
        changed, after = 0, -1
        try:
            connection = self._connected()
            connection.execute("PRAGMA secure_delete = ON")
            while after < upto:
                asked = f"SELECT number {DUE} ORDER BY number LIMIT {SLICE}"
                numbers = connection.execute(asked, (kind, before, after + 1, upto)).fetchall()
                after = numbers[-1][0] if numbers else upto
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("UPDATE entries SET entry = '' WHERE number = ?", numbers)
                connection.execute("COMMIT")
                changed += len(numbers)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            raise unavailable(self.path, error) from error
        return changed

    def rows(self, containing: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the entries in their order: all, or those whose text has one of some texts.

        Raises NotFound where there is no journal, Unavailable where it cannot be read, Damaged where it is none.
        """
        have = {str(row[1]) for row in self._read("PRAGMA table_info(entries)")}
        columns = COLUMNS if not have or have.issuperset(ADDED) else "number, entry, previous, hash, '', '', ''"
        wanted = "" if containing is None else f"WHERE {' OR '.join(['instr(entry, ?)'] * len(containing))}"
        for row in self._read(f"SELECT {columns} FROM entries {wanted} ORDER BY number", tuple(containing or ())):
            yield Row(*row)

    def settings(self) -> str | None:
        """Return the text of the last entry of action `settings`. Raises Unavailable."""
        connection = self._connected()
        asked = "SELECT entry FROM entries WHERE kind = 'change' AND instr(entry, ?) ORDER BY number DESC LIMIT 1"
        try:
            found = connection.execute(asked, ('"action":"settings"',)).fetchall()
        except sqlite3.Error as error:
            raise unavailable(self.path, error) from error
        return str(found[0][0]) if found else None

    def in_place(self) -> bool:
        """Tell whether the file that was opened is still where it was."""
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

    def close(self) -> None:
        """Close the file, which rolls back what was not committed."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = open_store(self.path, SCHEMA)
            try:
                _bring_up(connection)
            except sqlite3.Error as error:
                connection.close()
                raise unavailable(self.path, error) from error
            self._connection = connection
        return self._connection

    def _read(self, sql: str, values: tuple[object, ...] = ()) -> Iterator[tuple[Any, ...]]:
        if not self.path.is_file():
            raise NotFound(f"there is no journal at {self.path}: nothing was journaled yet, or it was removed")
        try:
            with contextlib.closing(
                sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)
            ) as connection:
                yield from connection.execute(sql, values)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                raise unavailable(self.path, error) from error  # locked, forbidden, a broken disk: that tells nothing
            raise Damaged(str(error)) from error


@contextlib.contextmanager
def _turn(path: Path) -> Iterator[None]:
    """Have the others that write to this journal wait until the block ends.

    SQLite would have each of them look less often the longer it waits, up to ten times a second. Whoever holds a turn
    too long is passed by: then SQLite says whether somebody writes. Raises OSError.
    """
    file = opened(str(path))
    try:
        until = time.monotonic() + WAIT_MS / 1000
        while not locks(file, fcntl.LOCK_EX) and time.monotonic() < until:
            time.sleep(LOOK)
        yield
    finally:
        os.close(file)


def _bring_up(connection: sqlite3.Connection) -> None:
    """Give a journal of the first format the columns that it has not; its entries stay as they are."""
    connection.execute("BEGIN IMMEDIATE")
    have = {row[1] for row in connection.execute("PRAGMA table_info(entries)").fetchall()}
    for column in ADDED:
        if column not in have:
            connection.execute(f"ALTER TABLE entries ADD COLUMN {column} TEXT NOT NULL DEFAULT ''")
    connection.execute(CHANGES)
    connection.execute("COMMIT")
