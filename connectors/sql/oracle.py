"""Oracle: `oracle://user@host:1521/service`. Experimental: nobody has run `beffroi connector test` against one yet.

python-oracledb in its thin mode, without Oracle's own client, gives rows as Arrow. What it might round is written as text
by the server: numbers that are not whole and small, moments, bytes. A transaction is READ ONLY, and so one snapshot.
Oracle has no empty text: '' is NULL there. Its DATE has a time.
Sources: https://python-oracledb.readthedocs.io/, ALL_ views of the Database Reference
"""

import logging
import ssl
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar
from urllib.parse import unquote

import oracledb
import pyarrow as pa

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Busy, Down, Late, Misconfigured, RefusedUs
from connectors.sql.engine import BATCH_ROWS, Column, Login, Source, Table, Value, doubled, with_faults
from connectors.sql.statement import Statement
from connectors.sql.waiting import within

log = logging.getLogger(__name__)

_CELLS = {
    "DB_TYPE_DATE": "TO_CHAR({0}, 'YYYY-MM-DD\"T\"HH24:MI:SS')",
    "DB_TYPE_TIMESTAMP": "TO_CHAR({0}, 'YYYY-MM-DD\"T\"HH24:MI:SSXFF')",
    "DB_TYPE_TIMESTAMP_LTZ": 'TO_CHAR(SYS_EXTRACT_UTC({0}), \'YYYY-MM-DD"T"HH24:MI:SSXFF"Z"\')',
    "DB_TYPE_TIMESTAMP_TZ": "TO_CHAR({0}, 'YYYY-MM-DD\"T\"HH24:MI:SSXFFTZH:TZM')",
    "DB_TYPE_NUMBER": "TO_CHAR({0}, 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')",
    "DB_TYPE_RAW": "RAWTOHEX({0})",
    "DB_TYPE_INTERVAL_DS": "TO_CHAR({0})",
    "DB_TYPE_INTERVAL_YM": "TO_CHAR({0})",
    "DB_TYPE_ROWID": "ROWIDTOCHAR({0})",
}
_SETTING = (
    "ALTER SESSION SET NLS_NUMERIC_CHARACTERS = '.,' NLS_DATE_FORMAT = 'YYYY-MM-DD\"T\"HH24:MI:SS' TIME_ZONE = '+00:00'"
)
_READ_ONLY = "SET TRANSACTION READ ONLY"

_TABLES = """SELECT o.owner, o.object_name, o.object_type, t.num_rows,
 (SELECT LISTAGG(c.column_name, CHR(31)) WITHIN GROUP (ORDER BY c.position) FROM all_constraints k JOIN all_cons_columns c
  ON c.owner = k.owner AND c.constraint_name = k.constraint_name
  WHERE k.owner = o.owner AND k.table_name = o.object_name AND k.constraint_type = 'P'), USER
 FROM all_objects o JOIN all_users u ON u.username = o.owner AND u.oracle_maintained = 'N'
 LEFT JOIN all_tables t ON t.owner = o.owner AND t.table_name = o.object_name
 WHERE o.object_type IN ('TABLE', 'VIEW', 'MATERIALIZED VIEW') ORDER BY 1, 2"""
_INDEXED = """SELECT COUNT(*) FROM all_ind_columns WHERE table_owner || '.' || table_name = :tab AND column_name = :col
 AND column_position = 1"""

# Numbers of errors, https://docs.oracle.com/error-help/db/
_REFUSED = {1017, 1031, 1045, 28000, 28001, 28002, 28009, 1005, 12514}
_LATE = {3136, 3156, 1013, 12170}
_BUSY = {18, 20, 12516, 12518, 12519, 12520, 54, 8177, 2391}
_WRONG = {900, 903, 904, 907, 911, 918, 920, 923, 933, 936, 942, 979, 1008, 1036, 1456, 1722, 3001}
_PLACE = 0.05


class Oracle:
    """A database of Oracle."""

    backslashes: ClassVar[bool] = False

    def __init__(self, login: Login) -> None:
        """Ask nothing yet. Raises Misconfigured where the address names no host or no service."""
        if not login.url.hostname or not login.url.path.strip("/") or login.url.query:
            raise login.misconfigured("url: expected oracle://user@host:1521/service")
        self._login, self._told = login, False

    def quoted(self, name: str) -> str:
        """Return a name as it is: Oracle has no way to write a double quote in one."""
        return '"' + name.replace('"', "") + '"'

    def tables(self, deadline: Deadline) -> Sequence[Table]:
        """Return the tables and views that our account sees; its own may be said without the owner."""
        with self._asking(deadline, told=True) as connection, connection.cursor() as cursor:
            found = cursor.execute(_TABLES).fetchall()
        return [
            Table(
                name=f"{owner}.{name}",
                source=f"{self.quoted(owner)}.{self.quoted(name)}",
                short=name if owner == user else None,
                kind="table" if kind == "TABLE" else "view",
                rows=rows,
                key=tuple(key.split("\x1f")) if key else (),
            )
            for owner, name, kind, rows, key, user in found
        ]

    def columns(self, source: Source, deadline: Deadline) -> Sequence[Column]:
        """Return the columns of a table or query; it is parsed, and not run."""
        asked = source.statement.within("SELECT * FROM ", " WHERE 1 = 0").written(mark)
        with self._asking(deadline, told=True) as connection, connection.cursor() as cursor:
            cursor.execute(asked, bound(source.statement, source.values))
            told = [(each.name, each.type_code.name, each.precision, each.scale) for each in cursor.description]
        return [column(*each, self.quoted(each[0])) for each in told]

    def since(self, column: str) -> str:
        """Return the condition of an increment; the session reads moments in the form in which they were given."""
        return f"{self.quoted(column)} >= :beffroi_after OR {self.quoted(column)} IS NULL"

    def stream(
        self, statement: Statement, values: Mapping[str, Value], columns: Sequence[Column], deadline: Deadline
    ) -> Generator[pa.RecordBatch, None, None]:
        """Yield the rows of a SELECT in a read-only transaction, which is one snapshot."""
        single = {each.name for each in columns if each.declared == "binary_float"}
        schema = pa.schema([(each.name, pa.float32() if each.name in single else each.type) for each in columns])
        with self._asking(deadline, told=True) as connection:
            frames = connection.fetch_df_batches(
                statement.written(mark), bound(statement, values), BATCH_ROWS, requested_schema=schema
            )
            for frame in frames:
                connection.call_timeout = milliseconds(deadline)
                for batch in pa.table(frame).cast(schema).to_batches():
                    cells = {each.name: batch.column(each.name) for each in columns}
                    cells |= {name: doubled(cells[name]) for name in single}
                    yield with_faults(pa.RecordBatch.from_pydict(cells))

    def rows(
        self,
        statement: Statement,
        values: Mapping[str, Value],
        columns: Sequence[Column],
        most: int,
        deadline: Deadline,
    ) -> list[dict[str, Any]]:
        """Return at most `most` rows of a SELECT. Every cell that is no integer, float or text is a text already."""
        names = [each.name for each in columns]
        with self._asking(deadline, told=False) as connection, connection.cursor() as cursor:
            cursor.execute(statement.written(mark), bound(statement, values))
            found = cursor.fetchmany(most)
            return [
                {
                    name: cell.read() if isinstance(cell, oracledb.LOB) else cell
                    for name, cell in zip(names, row, strict=True)
                }
                for row in found
            ]

    def indexed(self, table: Table, column: str, deadline: Deadline) -> bool:
        """Tell whether the column leads an index of the table; of a view nothing is known."""
        with self._asking(deadline, told=False) as connection, connection.cursor() as cursor:
            [count] = cursor.execute(_INDEXED, {"tab": table.name, "col": column}).fetchone()
        return bool(count)

    @contextmanager
    def _asking(self, deadline: Deadline, *, told: bool) -> Iterator[Any]:
        """Lend a connection of its own in a read-only transaction, closed afterwards; its errors are ours."""
        name = self._login.registry
        if not self._told:
            self._told = True
            log.warning("%s: Oracle is experimental: run `beffroi connector test %s` before you rely on it", name, name)
        connection = None
        try:
            connection = within(deadline, partial(self._connected, deadline), lambda late: late.close())
            connection.call_timeout = milliseconds(deadline)
            with connection.cursor() as cursor:
                cursor.execute(_SETTING)
                cursor.execute(_READ_ONLY)
            yield connection
        except (oracledb.Error, OSError) as error:
            raise translated(name, error, late=deadline.remaining() < _PLACE, told=told) from error
        finally:
            if connection is not None:
                connection.close()

    def _connected(self, deadline: Deadline) -> Any:
        url = self._login.url
        return oracledb.connect(
            user=unquote(url.username or ""),
            password=self._login.secret or "",
            host=url.hostname,
            port=url.port or 1521,
            service_name=unquote(url.path.strip("/")),
            retry_count=0,
            tcp_connect_timeout=max(deadline.remaining(), _PLACE),
            **self._tls(),
        )

    def _tls(self) -> dict[str, Any]:
        tls = self._login.tls
        if tls is None:
            return {}
        identity = tls.identity(self._login.root)
        try:
            context = ssl.create_default_context(cafile=identity.authority)
            if identity.certificate is not None:
                context.load_cert_chain(identity.certificate, identity.key, password=lambda: "")
        except OSError:
            raise self._login.misconfigured("tls: a file is missing, is not ours to read, or is not PEM") from None
        return {"protocol": "tcps", "ssl_context": context}


def milliseconds(deadline: Deadline) -> int:
    """Return what is left of a deadline, as the driver wants it: never 0, which is for ever."""
    return max(1, int(deadline.remaining() * 1000))


def column(name: str, kind: str, precision: int | None, scale: int | None, quoted: str) -> Column:
    """Return what a column is by the driver's word for its type, and the SQL of its cells."""
    declared = kind.removeprefix("DB_TYPE_").lower()
    if kind == "DB_TYPE_NUMBER" and precision and scale == 0 and precision <= 18:
        return Column(name, f"number({precision})", pa.int64(), quoted)
    if kind == "DB_TYPE_NUMBER" and precision and scale is not None and 0 <= scale <= precision <= 38:
        return Column(name, f"number({precision},{scale})", pa.decimal128(precision, scale), quoted)
    if kind in ("DB_TYPE_BINARY_DOUBLE", "DB_TYPE_BINARY_FLOAT"):
        return Column(name, declared, pa.float64(), quoted)
    return Column(name, declared, pa.string(), _CELLS.get(kind, "{0}").format(quoted))


def mark(name: str) -> str:
    """Return a parameter as Oracle writes it."""
    return f":{name}"


def bound(statement: Statement, values: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values of a statement's parameters, no more: the driver refuses one that is not there."""
    return {name: values[name] for name in statement.names}


def translated(registry: str, error: Exception, *, late: bool, told: bool) -> BeffroiError:
    """Return what an error of the driver means; its own words only where the statement has no caller's value."""
    first = error.args[0] if error.args else None
    number = getattr(first, "code", 0) or 0
    words = f" ({str(first).splitlines()[0][:300]})" if told and first is not None and str(first) else ""
    kind: type[BeffroiError] = Down
    why = "cannot be reached, or the connection was lost"
    if late or number in _LATE or (getattr(first, "full_code", "") in ("DPY-4024", "DPY-6005") and late):
        kind, why, words = Late, "did not answer in time", ""
    elif number in _REFUSED:
        kind, why = RefusedUs, "refuses our account"
    elif number in _BUSY:
        kind, why = Busy, "is busy"
    elif number in _WRONG:
        kind, why = Misconfigured, "does not take what its declaration asks"
    return kind(f"{registry} {why}{words if kind is Misconfigured else ''}", registry=registry)
