"""SQLite: a file of the workspace, opened for reading only. Its types are loose, so every cell comes as text.

NULL stays null, a number is written so that it reads back the same, a BLOB is written in hexadecimal digits; cleaning is
the pipeline's work. Python's own driver is used, because it can be interrupted at a deadline.
Sources: https://docs.python.org/3/library/sqlite3.html, https://www.sqlite.org/datatype3.html
"""

import datetime as dt
import sqlite3
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import pyarrow as pa

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Down, Late, Misconfigured, Unreadable
from connectors.registry import FAULT
from connectors.sql.engine import BATCH_ROWS, Column, Login, Source, Table, Value, decoded, with_faults
from connectors.sql.statement import Statement

ERRORS: Mapping[int, type[BeffroiError]] = {
    sqlite3.SQLITE_ERROR: Misconfigured,
    sqlite3.SQLITE_NOTADB: Misconfigured,
    sqlite3.SQLITE_AUTH: Misconfigured,
    sqlite3.SQLITE_RANGE: Misconfigured,
    sqlite3.SQLITE_INTERRUPT: Late,
    sqlite3.SQLITE_CORRUPT: Unreadable,
    sqlite3.SQLITE_TOOBIG: Unreadable,
    sqlite3.SQLITE_MISMATCH: Unreadable,
}
"""What the result codes mean that are not Down. Source: https://www.sqlite.org/rescode.html"""

_STEPS = 10_000
"""Steps of SQLite's machine between two looks at the clock: about a thousandth of a second."""
_LOCKED_SECONDS = 1.0
"""How long a lock of somebody who writes is waited for."""
_TABLES = (
    "SELECT name, type, type = 'table' AND NOT wr FROM pragma_table_list"
    " WHERE schema = 'main' AND type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
)
_ROWIDS = ("rowid", "_rowid_", "oid")


class Sqlite:
    """One SQLite database."""

    backslashes: ClassVar[bool] = False

    def __init__(self, login: Login) -> None:
        """Ask nothing yet."""
        self._login = login
        self.path: Path = login.root / login.url.path

    def quoted(self, name: str) -> str:
        """Return a name as an identifier. In double quotes, one that is not there would be a text to SQLite."""
        return "`" + name.replace("`", "``") + "`"

    def tables(self, deadline: Deadline) -> list[Table]:
        """Return every table and view, with the clause that puts it into its stored order."""
        with self._asking(deadline) as cursor:
            return [self._table(cursor, *row) for row in _fetched(cursor, _TABLES)]

    def _table(self, cursor: Any, name: str, kind: str, has_rowid: int) -> Table:
        columns = _fetched(cursor, "SELECT name, pk FROM pragma_table_xinfo(?) WHERE hidden <> 1", (name,))
        taken = {column.lower() for column, _ in columns}
        rowid = next((each for each in _ROWIDS if each not in taken), None)
        return Table(
            name=name,
            source=self.quoted(name),
            kind=kind,
            key=tuple(column for column, _ in sorted((each for each in columns if each[1]), key=lambda each: each[1])),
            order=f" ORDER BY {rowid}" if has_rowid and rowid else "",
        )

    def columns(self, source: Source, deadline: Deadline) -> list[Column]:
        """Return the columns, all texts."""
        with self._asking(deadline) as cursor:
            if source.table is not None:
                asked = "SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden <> 1"
                found = _fetched(cursor, asked, (source.table.name,))
            else:
                cursor.execute(*_bound(source.statement.within("SELECT * FROM ", " LIMIT 0"), source.values))
                found = [(each[0], "") for each in cursor.description]
        return [Column(name, declared, pa.string(), _cell(self.quoted(name))) for name, declared in found]

    def since(self, column: str) -> str:
        """Return the condition of an increment: a number is compared as one, even where its column has no type.

        `+ 0` makes a number of it without an affinity (https://sqlite.org/datatype3.html, 3.3): a CAST has one, which would
        keep the column's index from being used. Every number is below the empty text: without that bound all texts of the
        index would be looked through for numbers among them.
        """
        name = self.quoted(column)
        number = f"typeof({name}) IN ('integer', 'real') AND {name} >= :beffroi_after + 0 AND {name} < ''"
        return f"{name} >= :beffroi_after OR {number} OR {name} IS NULL"

    def stream(
        self, statement: Statement, values: Mapping[str, Value], columns: Sequence[Column], deadline: Deadline
    ) -> Generator[pa.RecordBatch, None, None]:
        """Yield the rows of a SELECT in one snapshot. A row with a text that is not UTF-8 has that as its fault."""
        names = [each.name for each in columns]
        with self._asking(deadline) as cursor:
            cursor.connection.text_factory = bytes
            cursor.execute(*_bound(statement, values))
            while rows := cursor.fetchmany(BATCH_ROWS):
                self._in_time(deadline)
                yield _batch(rows, names)

    def rows(
        self,
        statement: Statement,
        values: Mapping[str, Value],
        columns: Sequence[Column],
        most: int,
        deadline: Deadline,
    ) -> list[dict[str, Any]]:
        """Return the first rows of a SELECT."""
        with closing(self.stream(statement.within("", f" LIMIT {most}"), values, columns, deadline)) as batches:
            found: list[dict[str, Any]] = [row for batch in batches for row in batch.to_pylist()]
        for row in found:
            if (fault := row.pop(FAULT)) is not None:
                raise Unreadable(f"{self._login.registry}: {fault}", registry=self._login.registry)
        return found

    def indexed(self, table: Table, column: str, deadline: Deadline) -> bool:
        """Tell whether SQLite's planner searches each table that it needs, and scans none."""
        with self._asking(deadline) as cursor:
            asked = f"EXPLAIN QUERY PLAN SELECT 1 FROM {table.source} WHERE {self.quoted(column)} = ?"
            steps = [str(step[-1]) for step in _fetched(cursor, asked, ("",))]
        return not any(step.startswith("SCAN ") and step != "SCAN CONSTANT ROW" for step in steps)

    @contextmanager
    def _asking(self, deadline: Deadline) -> Iterator[sqlite3.Cursor]:
        """Lend a cursor, whose statement is interrupted at the deadline. Its errors become ours."""
        login = self._login
        if not self.path.is_file():
            raise login.misconfigured(f"there is no database {self.path.name} where {login.url.geturl()} says")
        place, patience = f"file:{quote(str(self.path))}?mode=ro", min(_LOCKED_SECONDS, deadline.remaining())
        try:
            with (
                closing(sqlite3.connect(place, patience, uri=True, check_same_thread=False)) as connection,
                closing(connection.cursor()) as cursor,
            ):
                connection.set_progress_handler(deadline.passed, _STEPS)
                yield cursor
                self._in_time(deadline)
        except (sqlite3.Error, OverflowError) as error:
            raise self._translated(error) from error

    def _in_time(self, deadline: Deadline) -> None:
        if deadline.passed():
            raise self._late()

    def _late(self) -> Late:
        registry = self._login.registry
        return Late(f"{registry} did not finish its answer in the time it had", registry=registry)

    def _translated(self, error: sqlite3.Error | OverflowError) -> BeffroiError:
        if isinstance(error, OverflowError | sqlite3.ProgrammingError):  # a parameter beyond 64 bits; a wrong call
            kind: type[BeffroiError] = Misconfigured
        else:
            kind = ERRORS.get(getattr(error, "sqlite_errorcode", -1) & 0xFF, Down)
        if kind is Late:
            return self._late()
        return kind(f"{self._login.registry} could not be read: {error}", registry=self._login.registry)


def _fetched(cursor: sqlite3.Cursor, sql: str, bound: Sequence[Any] = ()) -> list[Any]:
    return cursor.execute(sql, bound).fetchall()


def _bound(statement: Statement, values: Mapping[str, Value]) -> tuple[str, list[Any]]:
    """Return the SQL with numbered parameters, and their values in that order. A date is text in SQLite."""
    names = list(dict.fromkeys(statement.names))
    marks = {name: f"?{number}" for number, name in enumerate(names, 1)}
    bound = [each.isoformat() if isinstance(each := values[name], dt.date) else each for name in names]
    return statement.written(marks.__getitem__), bound


def _batch(rows: Sequence[Sequence[bytes | float | None]], names: Sequence[str]) -> pa.RecordBatch:
    """Return rows as a batch of texts, with FAULT. A float is written here: SQLite's own digits are not always exact."""
    reasons: list[str | None] = [None] * len(rows)
    arrays = []
    for name, cells in zip(names, zip(*rows, strict=True), strict=True):
        try:
            column = pa.array(cells, pa.binary())
        except pa.ArrowTypeError:
            column = pa.array([repr(each).encode() if isinstance(each, float) else each for each in cells], pa.binary())
        arrays.append(decoded(name, column, reasons))
    return with_faults(pa.RecordBatch.from_arrays(arrays, list(names)), pa.array(reasons, pa.string()))


def _cell(column: str) -> str:
    """Return the SQL of a cell as text, null where it is, or as a float."""
    return f"CASE typeof({column}) WHEN 'blob' THEN hex({column}) WHEN 'real' THEN {column} ELSE CAST({column} AS TEXT) END"
