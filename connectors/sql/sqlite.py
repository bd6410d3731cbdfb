"""SQLite: a file of the workspace, opened for reading only. Its types are loose, so every cell comes as text.

NULL stays null, a number is written so that it reads back the same, a BLOB is written in hexadecimal digits; cleaning is
the pipeline's work.
Sources: ADBC, https://arrow.apache.org/adbc/; SQLite, https://www.sqlite.org/datatype3.html
"""

import datetime as dt
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import adbc_driver_manager
import adbc_driver_sqlite.dbapi
import pyarrow as pa
import pyarrow.compute as pc

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Down, Late, Misconfigured, Unreadable
from connectors.registry import FAULT
from connectors.sql.engine import BATCH_ROWS, Column, Login, Source, Table, Value, decoded, with_faults
from connectors.sql.statement import Statement

# What the driver raises; the order of inheritance is that of the Python database interface (PEP 249).
ERRORS: Mapping[type[Exception], type[BeffroiError]] = {
    adbc_driver_manager.Error: Down,
    adbc_driver_manager.InterfaceError: Down,
    adbc_driver_manager.DatabaseError: Down,
    adbc_driver_manager.OperationalError: Down,
    adbc_driver_manager.InternalError: Down,
    adbc_driver_manager.DataError: Unreadable,
    adbc_driver_manager.IntegrityError: Unreadable,
    adbc_driver_manager.ProgrammingError: Misconfigured,
    adbc_driver_manager.NotSupportedError: Misconfigured,
}
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
                marks, bound = _bound(source.statement, source.values)
                cursor.execute(f"SELECT * FROM {source.statement.written(marks.__getitem__)} LIMIT 0", bound)
                found = [(each[0], "") for each in cursor.description]
        return [Column(name, declared, pa.string(), _cell(self.quoted(name))) for name, declared in found]

    def since(self, column: str) -> str:
        """Return the condition of an increment: a number is compared as one, even where its column has no type."""
        name = self.quoted(column)
        number = f"typeof({name}) IN ('integer', 'real') AND {name} >= CAST(:beffroi_after AS NUMERIC)"
        return f"{name} >= :beffroi_after OR {number} OR {name} IS NULL"

    def stream(
        self, statement: Statement, values: Mapping[str, Value], columns: Sequence[Column], deadline: Deadline
    ) -> Generator[pa.RecordBatch, None, None]:
        """Yield the rows of a SELECT in one snapshot. A row with a text that is not UTF-8 has that as its fault."""
        names = [each.name for each in columns]
        with self._asking(deadline) as cursor:
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(BATCH_ROWS)})
            marks, bound = _bound(statement, values)
            cursor.execute(statement.written(marks.__getitem__), bound)
            for batch in cursor.fetch_record_batch():
                self._in_time(deadline)
                yield _unmarked(batch, names)

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
    def _asking(self, deadline: Deadline) -> Iterator[Any]:
        """Lend a cursor. Its errors become ours. The driver cannot be interrupted: time is looked at between batches."""
        login = self._login
        if not self.path.is_file():
            raise login.misconfigured(f"there is no database {self.path.name} where {login.url.geturl()} says")
        try:
            with (
                closing(adbc_driver_sqlite.dbapi.connect(f"file:{quote(str(self.path))}?mode=ro")) as connection,
                closing(connection.cursor()) as cursor,
            ):
                yield cursor
                self._in_time(deadline)
        except (adbc_driver_manager.Error, OSError) as error:
            raise self._translated(error) from error

    def _in_time(self, deadline: Deadline) -> None:
        if deadline.passed():
            registry = self._login.registry
            raise Late(f"{registry} did not finish its answer in the time it had", registry=registry)

    def _translated(self, error: Exception) -> BeffroiError:
        kind = next((ERRORS[parent] for parent in type(error).__mro__ if parent in ERRORS), Down)
        said = str(error).partition("\n")[0]  # the statement follows
        if said.endswith(" is locked"):  # the driver says that the statement is wrong
            kind = Down
        return kind(f"{self._login.registry} could not be read: {said}", registry=self._login.registry)


def _fetched(cursor: Any, sql: str, bound: Sequence[Any] = ()) -> list[Any]:
    cursor.execute(sql, bound or None)
    found: list[Any] = cursor.fetchall()
    return found


def _bound(statement: Statement, values: Mapping[str, Value]) -> tuple[dict[str, str], list[Any] | None]:
    """Return what stands for each parameter, and their values in that order. A date is text in SQLite."""
    names = list(dict.fromkeys(statement.names))
    marks = {name: f"?{number}" for number, name in enumerate(names, 1)}
    bound = [each.isoformat() if isinstance(each := values[name], dt.date) else each for name in names]
    return marks, bound or None


def _unmarked(batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    """Return a batch without the marks of `_cell`, with FAULT."""
    reasons: list[str | None] = [None] * batch.num_rows
    arrays = []
    for name, marked in zip(names, batch.columns, strict=True):
        column = marked
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            column = decoded(name, column.cast(pa.binary()), reasons)
        arrays.append(pc.if_else(pc.equal(column, ""), None, pc.utf8_slice_codeunits(column, 1)).cast(pa.string()))
    return with_faults(pa.RecordBatch.from_arrays(arrays, list(names)), pa.array(reasons, pa.string()))


def _cell(column: str) -> str:
    """Return the SQL of a cell as text, after a mark.

    The driver takes the type of a column from its first batch and breaks later where that was all null; so no cell
    is null in SQL: it is '' for NULL, and a mark before the text otherwise.
    """
    exact = f"CASE WHEN CAST(CAST({column} AS TEXT) AS REAL) = {column}"
    return (
        f"CASE typeof({column}) WHEN 'null' THEN '' WHEN 'blob' THEN '=' || hex({column})"
        f" WHEN 'real' THEN '=' || {exact} THEN CAST({column} AS TEXT) ELSE printf('%!.17g', {column}) END"
        f" ELSE '=' || {column} END"
    )
