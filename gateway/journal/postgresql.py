"""The journal in a PostgreSQL: one chain for several gateways, which write in turns.

A gateway's own role needs SELECT and INSERT on the table `beffroi_journal` only, once it exists; whoever erases under
retention needs UPDATE. Source: https://www.postgresql.org/docs/current/explicit-locking.html (advisory locks)
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from connectors.errors import NotFound, Unavailable
from connectors.variables import names, variable
from gateway.journal.chain import COLUMNS, GENESIS, Content, Row, chained

TABLE = "beffroi_journal"
SCHEMA = f"""CREATE TABLE IF NOT EXISTS {TABLE} (
    number bigint PRIMARY KEY, entry text NOT NULL, previous text NOT NULL, hash text NOT NULL,
    kind text NOT NULL, day text NOT NULL, content text NOT NULL);
CREATE INDEX IF NOT EXISTS {TABLE}_changes ON {TABLE} (number) WHERE kind = 'change'"""
DUE = f"FROM {TABLE} WHERE kind = %s AND day < %s AND number BETWEEN %s AND %s AND entry <> ''"
LOCK = 0x62656666726F69
"""Who writes holds this advisory lock to the end of the transaction, so that the chain has one head."""
OPTIONS: dict[str, int | str] = {
    "connect_timeout": 5, "application_name": "beffroi journal", "tcp_user_timeout": 10_000, "keepalives_idle": 10,
    "options": "-c lock_timeout=5s -c statement_timeout=30s -c synchronous_commit=on -c search_path=public",
}  # fmt: skip
AT_ONCE = 2000
"""Entries that are read, or erased, at a time."""


class PostgresqlStore:
    """The rows of a journal in a table. For one thread that writes; reading opens a connection of its own."""

    def __init__(self, url: str) -> None:
        """Name the database; `${NAME}` in its address is a variable. Raises Misconfigured where it is not set."""
        self.name = f"the journal's database {conninfo_to_dict(_bare(url)).get('dbname', '')}".rstrip()
        self._conninfo = make_conninfo(_filled(url), **OPTIONS)
        self._connection: psycopg.Connection[Any] | None = None
        self._last = 0  # number of the last entry that we wrote

    def open(self) -> None:
        """Connect, and make the table where it is missing. Raises Unavailable."""
        with self._said():
            self._connected()

    def add(self, contents: Sequence[Content]) -> list[Row]:
        """Add entries at the end of the chain and return them as they stand. Raises Unavailable, UnicodeError."""
        with self._said():
            connection = self._connected()
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
                found = connection.execute(f"SELECT number, hash FROM {TABLE} ORDER BY number DESC LIMIT 1").fetchall()
                number, head = found[0] if found else (0, GENESIS)
                if number < self._last:
                    raise Unavailable(f"entries after {number} were removed from {self.name}: put them back")
                rows = chained(contents, number, head)
                columns = [list(column) for column in zip(*rows, strict=True)]
                connection.execute(
                    f"INSERT INTO {TABLE} ({COLUMNS}) SELECT * FROM"
                    " unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])",
                    columns,
                )
        self._last = rows[-1].number
        return rows

    def due(self, kind: str, before: str) -> tuple[int, int]:
        """Return how many entries of a class from before a day are not yet empty, and the last one's number."""
        [(count, last)] = self._asked(f"SELECT count(*), coalesce(max(number), 0) {DUE}", (kind, before, 0, 1 << 62))
        return count, last

    def erase(self, kind: str, before: str, upto: int) -> int:
        """Empty such entries up to a number; return how many were. Raises Unavailable."""
        changed, after = 0, -1
        with self._said():
            connection = self._connected()
            while after < upto:
                asked = f"SELECT number {DUE} ORDER BY number LIMIT {AT_ONCE}"
                numbers = [row[0] for row in connection.execute(asked, (kind, before, after + 1, upto)).fetchall()]
                connection.execute(f"UPDATE {TABLE} SET entry = '' WHERE number = ANY(%s)", (numbers,))
                after, changed = numbers[-1] if numbers else upto, changed + len(numbers)
        return changed

    def rows(self, containing: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the entries in their order: all, or those whose text has one of some texts.

        Raises NotFound where there is no journal, Unavailable where it cannot be read.
        """
        wanted = "" if containing is None else f"WHERE {' OR '.join(['position(%s IN entry) > 0'] * len(containing))}"
        with self._said(), psycopg.connect(self._conninfo) as reading, reading.cursor("journal") as cursor:
            cursor.itersize = AT_ONCE
            cursor.execute(f"SELECT {COLUMNS} FROM {TABLE} {wanted} ORDER BY number", containing or ())
            for row in cursor:
                yield Row(*row)

    def settings(self) -> str | None:
        """Return the text of the last entry of action `settings`. Raises Unavailable."""
        asked = f"SELECT entry FROM {TABLE} WHERE kind = 'change' AND position(%s IN entry) > 0 ORDER BY number DESC LIMIT 1"
        found = self._asked(asked, ('"action":"settings"',))
        return str(found[0][0]) if found else None

    def in_place(self) -> bool:
        """Return True: whoever is reached at the address has the journal."""
        return True

    def close(self) -> None:
        """Close the connection, which rolls back what was not committed."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
        self._connection = None

    def _asked(self, sql: str, values: Sequence[object]) -> list[Any]:
        with self._said(), psycopg.connect(self._conninfo) as reading:
            return reading.execute(sql, values).fetchall()

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            connection = psycopg.connect(self._conninfo, autocommit=True)
            try:
                with connection.transaction():
                    connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
                    if connection.execute("SELECT to_regclass(%s)", (TABLE,)).fetchall() == [(None,)]:
                        connection.execute(SCHEMA)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        """Turn the driver's errors into ours; their messages hold no values, but could hold what is connected with."""
        try:
            yield
        except psycopg.errors.UndefinedTable as error:
            raise NotFound(
                f"there is no journal in {self.name}: nothing was journaled yet, or it was removed"
            ) from error
        except psycopg.Error as error:
            state = error.sqlstate or "no answer"
            raise Unavailable(f"{self.name} cannot be used: {type(error).__name__} ({state})") from error


def _filled(url: str) -> str:
    """Return the address with its variables, each written as an address wants it."""
    for name in names(url):
        url = url.replace(f"${{{name}}}", quote(variable(name, "the journal"), safe=""))
    return url


def _bare(url: str) -> str:
    """Return the address without its variables, for messages."""
    for name in names(url):
        url = url.replace(f"${{{name}}}", "x")
    return url
