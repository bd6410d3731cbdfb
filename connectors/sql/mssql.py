"""SQL Server: `mssql://user@host:1433/database`. Experimental: nobody has run `beffroi connector test` against one yet.

Microsoft's driver, mssql-python, gives rows as Arrow. What it might round or cut is written as text by the server: exact
numbers, moments, bytes. SQL Server has no read-only transactions: only SELECTs are sent, and the account should have no
right to write (db_datareader). Where the database allows it (ALLOW_SNAPSHOT_ISOLATION) a scan is one snapshot.
Sources: https://learn.microsoft.com/sql/connect/python/mssql-python/, sys.dm_exec_describe_first_result_set
"""

import logging
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import unquote

import mssql_python
import pyarrow as pa

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Busy, Down, Late, Misconfigured, RefusedUs
from connectors.sql.engine import BATCH_ROWS, Column, Login, Source, Table, Value, doubled, with_faults
from connectors.sql.statement import Statement
from connectors.sql.waiting import within

log = logging.getLogger(__name__)

_TYPED = {
    "bit": pa.bool_(), "tinyint": pa.uint8(), "smallint": pa.int16(), "int": pa.int32(), "bigint": pa.int64(),
    "real": pa.float64(), "float": pa.float64(), "date": pa.date32(),
}  # fmt: skip
_CELLS = {
    "money": "CONVERT(varchar(30), {0}, 2)", "smallmoney": "CONVERT(varchar(30), {0}, 2)",
    "decimal": "CONVERT(varchar(50), {0})", "numeric": "CONVERT(varchar(50), {0})",
    "datetime": "CONVERT(varchar(40), {0}, 126)", "smalldatetime": "CONVERT(varchar(40), {0}, 126)",
    "datetime2": "CONVERT(varchar(40), {0}, 126)", "datetimeoffset": "CONVERT(varchar(40), {0}, 126)",
    "time": "CONVERT(varchar(20), {0}, 114)", "uniqueidentifier": "CONVERT(char(36), {0})",
    "binary": "CONVERT(varchar(max), {0}, 2)", "varbinary": "CONVERT(varchar(max), {0}, 2)",
    "image": "CONVERT(varchar(max), CONVERT(varbinary(max), {0}), 2)",
    "timestamp": "CONVERT(varchar(20), CONVERT(varbinary(8), {0}), 2)",
    "geometry": "{0}.STAsText()", "geography": "{0}.STAsText()", "hierarchyid": "{0}.ToString()",
}  # fmt: skip
_TEXT = "CONVERT(nvarchar(max), {0})"

_TABLES = """SELECT SCHEMA_NAME(o.schema_id), o.name, o.type, SUM(p.rows),
 (SELECT STRING_AGG(COL_NAME(k.object_id, k.column_id), CHAR(31)) WITHIN GROUP (ORDER BY k.key_ordinal)
  FROM sys.indexes i JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id
  WHERE i.object_id = o.object_id AND i.is_primary_key = 1)
 FROM sys.objects o LEFT JOIN sys.partitions p ON p.object_id = o.object_id AND p.index_id IN (0, 1)
 WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 GROUP BY o.schema_id, o.name, o.type, o.object_id ORDER BY 1, 2"""
_DESCRIBED = "SELECT name, system_type_name FROM sys.dm_exec_describe_first_result_set(?, ?, 0) WHERE is_hidden = 0"
_SNAPSHOT = "SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()"
_INDEXED = """SELECT COUNT(*) FROM sys.index_columns k WHERE k.object_id = OBJECT_ID(?) AND k.key_ordinal = 1
 AND COL_NAME(k.object_id, k.column_id) = ?"""

_LIBRARIES = (
    "cannot be asked: the driver needs libraries of the system that are not installed"
    " (Debian: apt install libltdl7 libkrb5-3 libgssapi-krb5-2)"
)
_WORDS: tuple[tuple[str, type[BeffroiError], str], ...] = (
    (r"failed to load the driver", Misconfigured, _LIBRARIES),
    (r"login failed|18456|password|permission was denied|28000|4060", RefusedUs, "refuses our account"),
    (r"timeout|timed out|HYT0", Late, "did not answer in time"),
    (r"invalid object name|invalid column name|syntax|42S02|42S22|42000|could not prepare", Misconfigured,
     "does not take what its declaration asks"),
    (r"maximum number of .*connections|1205|deadlock", Busy, "is busy"),
)  # fmt: skip
EXPERIMENTAL = "%s: SQL Server is experimental: run `beffroi connector test %s` before you rely on it"


class SqlServer:
    """A database of SQL Server."""

    backslashes: ClassVar[bool] = False

    def __init__(self, login: Login) -> None:
        """Ask nothing yet. Raises Misconfigured where the address names no host or no database."""
        if not login.url.hostname or not login.url.path.strip("/") or login.url.query:
            raise login.misconfigured("url: expected mssql://user@host:1433/database")
        self._login, self._told = login, False

    def quoted(self, name: str) -> str:
        """Return a name in brackets."""
        return "[" + name.replace("]", "]]") + "]"

    def tables(self, deadline: Deadline) -> Sequence[Table]:
        """Return the tables and views of the database; those of dbo may be said without it."""
        with self._asking(deadline, told=True) as cursor:
            found = cursor.execute(_TABLES).fetchall()
        return [
            Table(
                name=f"{schema}.{name}",
                source=f"{self.quoted(schema)}.{self.quoted(name)}",
                short=name if schema == "dbo" else None,
                kind="view" if kind.strip() == "V" else "table",
                rows=rows,
                key=tuple(key.split("\x1f")) if key else (),
            )
            for schema, name, kind, rows, key in found
        ]

    def columns(self, source: Source, deadline: Deadline) -> Sequence[Column]:
        """Return the columns of a table or query as the server describes them."""
        names = [f"@P{number}" for number, _ in enumerate(source.statement.names, 1)]
        marks = iter(names)
        asked = source.statement.within("SELECT * FROM ").written(lambda _: next(marks))
        declared = ", ".join(f"{mark} sql_variant" for mark in names)
        with self._asking(deadline, told=True) as cursor:
            found = cursor.execute(_DESCRIBED, [asked, declared]).fetchall()
        if not found:
            raise self._login.misconfigured("the server cannot describe the table or query")
        return [column(str(name), str(kind), self.quoted(str(name))) for name, kind in found]

    def since(self, column: str) -> str:
        """Return the condition of an increment; the server reads the text as a value of the column's type."""
        return f"{self.quoted(column)} >= :beffroi_after OR {self.quoted(column)} IS NULL"

    def stream(
        self, statement: Statement, values: Mapping[str, Value], columns: Sequence[Column], deadline: Deadline
    ) -> Generator[pa.RecordBatch, None, None]:
        """Yield the rows of a SELECT, in one snapshot where the database allows it."""
        with self._asking(deadline, told=True) as cursor:
            [allowed] = cursor.execute(_SNAPSHOT).fetchone()
            if allowed == 1:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
            elif not self._told:
                log.warning(
                    "%s: the database allows no snapshots: what changes during a scan may be missed",
                    self._login.registry,
                )
                self._told = True
            cursor.execute(*written(statement, values))
            for batch in cursor.arrow_reader(BATCH_ROWS):
                deadline_left(self._login, deadline)
                yield with_faults(fitting(batch, columns))

    def rows(
        self,
        statement: Statement,
        values: Mapping[str, Value],
        columns: Sequence[Column],
        most: int,
        deadline: Deadline,
    ) -> list[dict[str, Any]]:
        """Return at most `most` rows of a SELECT."""
        with self._asking(deadline, told=False) as cursor:
            cursor.execute(*written(statement, values))
            found = fitting(cursor.arrow_batch(most), columns).to_pylist()
        return [{name: str(each) if isinstance(each, Decimal) else each for name, each in row.items()} for row in found]

    def indexed(self, table: Table, column: str, deadline: Deadline) -> bool:
        """Tell whether the column leads an index of the table; of a view nothing is known."""
        with self._asking(deadline, told=False) as cursor:
            [count] = cursor.execute(_INDEXED, [table.source, column]).fetchone()
        return bool(count)

    @contextmanager
    def _asking(self, deadline: Deadline, *, told: bool) -> Iterator[Any]:
        """Lend a cursor of a connection of its own, rolled back and closed afterwards; its errors are ours."""
        log.warning(EXPERIMENTAL, self._login.registry, self._login.registry) if not _seen(self._login) else None
        connection = None
        try:
            seconds = max(1, int(deadline.remaining()))
            said = connection_string(self._login)
            connection = within(
                deadline, lambda: mssql_python.connect(said, timeout=seconds), lambda late: late.close()
            )
            yield connection.cursor()
        except (mssql_python.Error, RuntimeError, OSError) as error:
            raise translated(self._login.registry, error, late=deadline.remaining() == 0, told=told) from error
        finally:
            if connection is not None:
                connection.close()


_SEEN = set[str]()


def _seen(login: Login) -> bool:
    seen = login.registry in _SEEN
    _SEEN.add(login.registry)
    return seen


def connection_string(login: Login) -> str:
    """Return what the driver connects by; each value in braces, in which nothing but } has a meaning."""
    url, tls = login.url, login.tls
    said = {
        "Server": f"tcp:{url.hostname},{url.port or 1433}",
        "Database": unquote(url.path.strip("/")),
        "UID": unquote(url.username or ""),
        "PWD": login.secret or "",
        "Encrypt": "yes",
        "TrustServerCertificate": "yes" if tls is None else "no",
        "ApplicationIntent": "ReadOnly",
    }
    if tls is not None and tls.authority is not None:
        said["ServerCertificate"] = str(login.root / tls.authority)
    return ";".join("%s={%s}" % (key, value.replace("}", "}}")) for key, value in said.items() if value)  # noqa: UP031


def column(name: str, declared: str, quoted: str) -> Column:
    """Return what a column is by the server's word for its type, and the SQL of its cells."""
    base = declared.partition("(")[0].lower()
    if base in _TYPED:
        return Column(name, declared, _TYPED[base], quoted)
    kind: pa.DataType = pa.string()
    if match := re.fullmatch(r"(?:decimal|numeric)\((\d+),(\d+)\)", declared):
        kind = pa.decimal128(int(match[1]), int(match[2]))
    elif base in ("money", "smallmoney"):
        kind = pa.decimal128(19, 4)
    return Column(name, declared, kind, _CELLS.get(base, _TEXT).format(quoted))


def written(statement: Statement, values: Mapping[str, Value]) -> tuple[str, list[Value]]:
    """Return the SQL with ? for each parameter, and their values in that order."""
    return statement.written(lambda _: "?"), [values[name] for name in statement.names]


def fitting(batch: pa.RecordBatch, columns: Sequence[Column]) -> pa.RecordBatch:
    """Return a batch of the driver with the types that were promised; none of its values changes."""
    schema = pa.schema([pa.field(each.name, each.type) for each in columns])
    return pa.RecordBatch.from_arrays(
        [
            doubled(cells) if pa.types.is_float32(cells.type) else cells.cast(each.type)
            for cells, each in zip(batch.columns, columns, strict=True)
        ],
        schema=schema,
    )


def deadline_left(login: Login, deadline: Deadline) -> None:
    """Raise Late where the deadline has passed."""
    if deadline.passed():
        raise Late(f"{login.registry} did not answer in time", registry=login.registry)


def translated(registry: str, error: Exception, *, late: bool, told: bool) -> BeffroiError:
    """Return what an error of the driver means; its own words only where the statement has no caller's value."""
    said = str(error)
    if isinstance(error, TimeoutError):
        return Late(f"{registry} did not answer in time", registry=registry)
    kind, why = next(
        ((kind, why) for pattern, kind, why in _WORDS if re.search(pattern, said, re.IGNORECASE)),
        (Late, "did not answer in time") if late else (Down, "cannot be reached, or the connection was lost"),
    )
    words = f" ({said.splitlines()[0][:300]})" if told and kind is Misconfigured and said else ""
    return kind(f"{registry} {why}{words}", registry=registry)
