"""Registries that are a database: SQLite today. Tables are scanned as Arrow, without a Python object per cell.

Every cell comes as text, exactly as stored: SQLite's types are loose, so cleaning is the pipeline's work. NULL stays
null, a number is written so that it reads back the same, a BLOB is written in hexadecimal digits.
Sources: ADBC, https://arrow.apache.org/adbc/; SQLite, https://www.sqlite.org/datatype3.html
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import adbc_driver_manager
import adbc_driver_sqlite.dbapi
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import field_validator

from connectors.errors import BeffroiError, Down, Misconfigured, Unreadable
from connectors.registry import Registry, Settings

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

BATCH_ROWS = 10_000


class SqlSettings(Settings):
    """`url` is `sqlite:` and the path of the database, relative to the workspace."""

    url: str

    @field_validator("url")
    @classmethod
    def _known(cls, url: str) -> str:
        if not url.startswith("sqlite:") or not url.removeprefix("sqlite:").lstrip("/"):
            raise ValueError("only sqlite:path/of/a/database.sqlite is supported today")
        return url


class Sql(Registry):
    """A SQLite database, opened for reading only. It answers no lookups yet."""

    settings_model = SqlSettings
    settings: SqlSettings

    def scan(self, table: str | None, after: str | None = None) -> pa.RecordBatchReader:
        """Return `table` in its stored order, all columns as text, read in one snapshot.

        Raises Misconfigured (no such database or table), Down (locked, out of order), and while it is read Unreadable
        for a text that is not UTF-8, naming its column.
        """
        connection = self._connect()
        try:
            with closing(connection.cursor()) as cursor:
                columns, order = self._describe(cursor, table)
            cursor = connection.cursor()
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(BATCH_ROWS)})
            cells = ", ".join(f"{_cell(_quoted(name))} AS {_quoted(name)}" for name in columns)
            cursor.execute(f"SELECT {cells} FROM {_quoted(table or '')}{order}")
            batches = cursor.fetch_record_batch()
        except (adbc_driver_manager.Error, OSError) as error:
            connection.close()
            raise self._translate(error) from error
        except BeffroiError:
            connection.close()
            raise
        schema = pa.schema([pa.field(name, pa.string()) for name in columns])
        return pa.RecordBatchReader.from_batches(schema, self._read(connection, cursor, batches, schema))

    def check(self, table: str | None) -> str | None:
        """Return why `table` cannot be read, if the database is there; that none is named is wrong either way.

        A database that is locked just now tells nothing, and that is no error.
        """
        if not self._path.is_file():
            return None if table is not None else f"{self.name}: say which table to read"
        try:
            with closing(self._connect()) as connection, closing(connection.cursor()) as cursor:
                self._describe(cursor, table)
        except (adbc_driver_manager.Error, BeffroiError) as error:
            wrong = error if isinstance(error, BeffroiError) else self._translate(error)
            return wrong.detail if isinstance(wrong, Misconfigured) else None
        return None

    @property
    def _path(self) -> Path:
        return self.root / self.settings.url.removeprefix("sqlite:")

    def _connect(self) -> Any:
        path = self._path
        if not path.is_file():
            raise Misconfigured(
                f"{self.name}: there is no database {path.name} where {self.settings.url} says", registry=self.name
            )
        try:
            return adbc_driver_sqlite.dbapi.connect(f"file:{quote(str(path))}?mode=ro")
        except adbc_driver_manager.Error as error:
            raise self._translate(error) from error

    def _describe(self, cursor: Any, table: str | None) -> tuple[list[str], str]:
        """Return the names of the columns of `table`, and the clause that puts it into its stored order."""
        cursor.execute(
            "SELECT name, type = 'table' AND NOT wr FROM pragma_table_list"
            " WHERE schema = 'main' AND type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        )
        tables = {name: bool(has_rowid) for name, has_rowid in cursor.fetchall()}
        if table not in tables:
            what = "say which table to read" if table is None else f"no table {table}"
            raise Misconfigured(
                f"{self.name}: {what}; the database has: {', '.join(sorted(tables)) or 'none'}", registry=self.name
            )
        cursor.execute("SELECT name FROM pragma_table_xinfo(?) WHERE hidden <> 1", (table,))
        columns = [name for (name,) in cursor.fetchall()]
        taken = {name.lower() for name in columns}
        rowid = next((name for name in ("rowid", "_rowid_", "oid") if name not in taken), None)
        return columns, f" ORDER BY {rowid}" if tables[table] and rowid else ""

    def _read(self, connection: Any, cursor: Any, batches: Any, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        with closing(connection), closing(cursor):
            try:
                for batch in batches:
                    named = zip(schema.names, batch.columns, strict=True)
                    yield pa.RecordBatch.from_arrays([self._unmarked(*each) for each in named], schema=schema)
            except (adbc_driver_manager.Error, OSError) as error:
                raise self._translate(error) from error

    def _unmarked(self, name: str, column: Any) -> Any:
        """Return a column without the marks of `_cell`."""
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            raise Unreadable(f"{self.name}: a text in the column {name} is not UTF-8", registry=self.name) from error
        return pc.if_else(pc.equal(column, ""), None, pc.utf8_slice_codeunits(column, 1)).cast(pa.string())

    def _translate(self, error: Exception) -> BeffroiError:
        kind = next((ERRORS[parent] for parent in type(error).__mro__ if parent in ERRORS), Down)
        said = str(error).partition("\n")[0]  # the statement follows
        if said.endswith(" is locked"):  # the driver says that the statement is wrong
            kind = Down
        return kind(f"{self.name} could not be read: {said}", registry=self.name)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


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
