"""MariaDB and MySQL: `mariadb://user@host:3306/database`, `mysql://…`. Read only, in one consistent snapshot.

PyMySQL speaks the protocol; rows come through `mariadb_wire` as Arrow. Values are sent as hexadecimal literals, which no
quote and no mode of the server can open. Moments (TIMESTAMP) come in UTC. A snapshot is one of the tables of InnoDB:
others are read as they are. The total time of a call is held by our watchdog, whatever the server does.
Sources: https://mariadb.com/kb/en/start-transaction/, https://mariadb.com/kb/en/set-statement/
"""

import datetime as dt
from collections.abc import Generator, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from connectors.deadline import Deadline
from connectors.errors import Unreadable
from connectors.sql import mariadb_types
from connectors.sql.engine import Column, Login, Source, Table, Value, doubled, with_faults
from connectors.sql.mariadb_connect import Session, Sessions
from connectors.sql.mariadb_wire import Field, pieces
from connectors.sql.statement import Statement

_OWN = "('information_schema', 'mysql', 'performance_schema', 'sys')"
_TABLES = f"""SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, TABLE_ROWS, DATA_LENGTH + INDEX_LENGTH AS SIZE
 FROM information_schema.TABLES WHERE TABLE_SCHEMA NOT IN {_OWN} AND TABLE_TYPE <> 'SEQUENCE'
 ORDER BY TABLE_SCHEMA, TABLE_NAME"""
_KEYS = f"""SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME FROM information_schema.STATISTICS
 WHERE INDEX_NAME = 'PRIMARY' AND TABLE_SCHEMA NOT IN {_OWN} ORDER BY TABLE_SCHEMA, TABLE_NAME, SEQ_IN_INDEX"""


class MariaDb:
    """A database of MariaDB or MySQL."""

    backslashes: ClassVar[bool] = True

    def __init__(self, login: Login) -> None:
        """Ask nothing yet. Raises Misconfigured where the address names no host, or says what is not understood."""
        if not login.url.hostname or login.url.query or login.url.fragment:
            raise login.misconfigured("url: expected mariadb://user@host:3306/database")
        self._login = login
        self._database = unquote(login.url.path.strip("/"))
        self._sessions = Sessions(login, self._database)

    def quoted(self, name: str) -> str:
        """Return a name in backticks."""
        return "`" + name.replace("`", "``") + "`"

    def tables(self, deadline: Deadline) -> Sequence[Table]:
        """Return the tables and views of all databases that our account sees; those of ours may be said without it."""
        keys = dict[tuple[str, str], list[str]]()
        with self._sessions.use(deadline) as session:
            for schema, name, column in self._values(session, _KEYS, deadline):
                keys.setdefault((schema, name), []).append(column)
            return [
                Table(
                    name=f"{schema}.{name}",
                    source=f"{self.quoted(schema)}.{self.quoted(name)}",
                    short=name if schema == self._database else None,
                    kind="view" if "VIEW" in kind else "table",
                    rows=None if rows is None else int(rows),
                    bytes=None if size is None else int(size),
                    key=tuple(keys.get((schema, name), ())),
                )
                for schema, name, kind, rows, size in self._values(session, _TABLES, deadline)
            ]

    def columns(self, source: Source, deadline: Deadline) -> Sequence[Column]:
        """Return the columns of a table or query as `SELECT *` gives them: invisible ones are not among them."""
        sql = written(source.statement.within("SELECT * FROM ", " LIMIT 0"), source.values)
        with self._sessions.use(deadline) as session:
            fields = session.ask(sql, deadline, told=True)
            for _ in pieces(session.connection, len(fields), deadline):
                pass
        return [mariadb_types.column(field, self.quoted(field.name)) for field in fields]

    def since(self, column: str) -> str:
        """Return the condition of an increment; the server reads the text as a value of the column's type."""
        return f"{self.quoted(column)} >= :beffroi_after OR {self.quoted(column)} IS NULL"

    def stream(
        self, statement: Statement, values: Mapping[str, Value], columns: Sequence[Column], deadline: Deadline
    ) -> Generator[pa.RecordBatch, None, None]:
        """Yield the rows of a SELECT in one transaction, with why a row cannot be taken."""
        sql = written(statement, values)
        with self._sessions.fresh(deadline) as session:
            session.do("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            fields = session.ask(sql, deadline, told=True)
            for cells in pieces(session.connection, len(fields), deadline):
                batch, faults = self._batch(session, fields, columns, cells)
                yield with_faults(batch, faults)

    def rows(
        self,
        statement: Statement,
        values: Mapping[str, Value],
        columns: Sequence[Column],
        most: int,
        deadline: Deadline,
    ) -> list[dict[str, Any]]:
        """Return at most `most` rows of a SELECT, as Python values."""
        found, sql = list[dict[str, Any]](), written(statement, values)
        with self._sessions.use(deadline) as session:
            fields = session.ask(sql, deadline, most=most)
            for cells in pieces(session.connection, len(fields), deadline):
                batch, faults = self._batch(session, fields, columns, cells)
                if (fault := next((each for each in faults.to_pylist() if each), None)) is not None:
                    raise Unreadable(f"{self._login.registry}: {fault}", registry=self._login.registry)
                found += batch.to_pylist()
        return [{name: str(each) if isinstance(each, Decimal) else each for name, each in row.items()} for row in found]

    def indexed(self, table: Table, column: str, deadline: Deadline) -> bool:
        """Tell whether the server finds a row by that column without reading a whole table or index."""
        statement = f"EXPLAIN SELECT * FROM {table.source} WHERE {self.quoted(column)} = {_literal('0')}"
        with self._sessions.use(deadline) as session:
            first = f"""SELECT COUNT(*) FROM information_schema.STATISTICS WHERE SEQ_IN_INDEX = 1
 AND INDEX_TYPE NOT IN ('FULLTEXT', 'SPATIAL') AND CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) = {_literal(table.name)}
 AND COLUMN_NAME = {_literal(column)}"""
            if table.kind == "table":
                return any(count > 0 for (count,) in self._values(session, first, deadline))
            fields = session.ask(statement, deadline)
            at = next(number for number, field in enumerate(fields) if field.name == "type")
            rows = list(self._told(session, fields, deadline))
        return not any(row[at] in ("ALL", "index") for row in rows)

    # --- rows --------------------------------------------------------------------------------------------------------

    def _values(self, session: Session, sql: str, deadline: Deadline) -> Iterator[tuple[Any, ...]]:
        yield from self._told(session, session.ask(sql, deadline), deadline)

    def _told(self, session: Session, fields: Sequence[Field], deadline: Deadline) -> Iterator[tuple[Any, ...]]:
        columns = [mariadb_types.column(field, "") for field in fields]
        for cells in pieces(session.connection, len(fields), deadline):
            batch, _ = self._batch(session, fields, columns, cells)
            yield from zip(*(each.to_pylist() for each in batch.columns), strict=True)

    def _batch(
        self, session: Session, fields: Sequence[Field], columns: Sequence[Column], cells: Sequence[pa.Array]
    ) -> tuple[pa.RecordBatch, pa.Array]:
        """Return rows of the types of `columns`, and for each what is wrong with it, or null."""
        found, faults = list[pa.Array](), pa.nulls(len(cells[0]), pa.string())
        for field, column, each in zip(fields, columns, cells, strict=True):
            charset = session.charsets.get(field.charset, "")
            read, wrong = mariadb_types.read(field, column.type, each, charset)
            found.append(doubled(read.cast(pa.float32())) if column.declared == "float" else read)
            if wrong is not None:
                what = f"a text in {charset}" if pa.types.is_string(column.type) else f"a {column.declared}"
                said = f"the column {column.name} holds what is not {what}"
                faults = pc.if_else(pc.and_(wrong, pc.is_null(faults)), pa.scalar(said), faults)
        schema = pa.schema([pa.field(column.name, column.type) for column in columns])
        return pa.RecordBatch.from_arrays(found, schema=schema), faults


def written(statement: Statement, values: Mapping[str, Value]) -> str:
    """Return the SQL of a statement with its values as literals that cannot be anything else."""
    return statement.written(lambda name: _literal(values[name]))


def _literal(value: Value) -> str:
    match value:
        case None | bool():
            return {None: "NULL", True: "TRUE", False: "FALSE"}[value]
        case int():
            return str(value)
        case float():
            return repr(value) if "e" in repr(value) else f"{value!r}e0"
        case dt.datetime() if value.tzinfo:
            return _literal(value.astimezone(dt.UTC).replace(tzinfo=None))
        case dt.date():
            return _literal(str(value))
        case _:
            return f"_utf8mb4 X'{value.encode().hex()}'"
