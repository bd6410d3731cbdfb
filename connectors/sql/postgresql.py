"""PostgreSQL: tables by COPY in one snapshot, lookups by bound parameters, all in read-only transactions."""

import datetime as dt
import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any, ClassVar

import pyarrow as pa
from psycopg import pq

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Misconfigured, Unreadable
from connectors.sql.engine import KEY, Column, Login, Source, Table, Value
from connectors.sql.libpq import Conversation
from connectors.sql.pool import Pool
from connectors.sql.postgresql_types import Reader, column, value
from connectors.sql.statement import Statement

_TABLES = """
SELECT n.nspname, c.relname, pg_table_is_visible(c.oid), c.relkind IN ('v', 'm'), c.relispartition, c.reltuples::bigint,
  c.relpages::bigint * current_setting('block_size')::bigint,
  (SELECT array_to_json(array_agg(a.attname ORDER BY k.place)) FROM pg_index i
   CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
   JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE i.indrelid = c.oid AND i.indisprimary)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg\\_temp%' AND n.nspname NOT LIKE 'pg\\_toast%'
  AND has_schema_privilege(n.oid, 'USAGE')
  AND (has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT'))
ORDER BY n.nspname, c.relname
"""
_TYPES = """
SELECT format_type(t.oid, asked.modifier), t.typcategory = 'A' AND t.typlen = -1 AND t.typelem <> 0
FROM unnest($1::oid[], $2::int[]) WITH ORDINALITY AS asked (oid, modifier, place)
JOIN pg_type t ON t.oid = asked.oid ORDER BY asked.place
"""
_INDEXED = """
SELECT c.relkind, EXISTS (SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
  WHERE i.indrelid = c.oid AND a.attname = $2 AND i.indisvalid AND i.indpred IS NULL AND m.amname IN ('btree', 'hash'))
FROM pg_class c WHERE c.oid = $1::regclass
"""
_GRACE = 0.05
"""Seconds by which the server gives up before we do, so that it is told and not left running."""


class PostgreSql:
    """One PostgreSQL database."""

    backslashes: ClassVar[bool] = False

    def __init__(self, login: Login) -> None:
        """Ask nothing yet. Raises Misconfigured where the address names no host, user or database."""
        self._login = login
        if not (login.url.hostname and login.url.username and login.url.path.strip("/")):
            raise login.misconfigured("the address must be postgresql://USER@HOST[:PORT]/DATABASE")
        self._pool = Pool(lambda deadline: Conversation(login, deadline), login.concurrency)

    def quoted(self, name: str) -> str:
        """Return a name as an identifier."""
        return '"' + name.replace('"', '""') + '"'

    def tables(self, deadline: Deadline) -> list[Table]:
        """Return every table and view that our account may read; partitions too, of the kind `partition`."""
        with self._transaction(deadline) as conversation:
            found = _texts(conversation.ask(_TABLES, (), deadline))
        return [self._table(*row) for row in found]

    def _table(
        self, schema: str, name: str, visible: str, view: str, partition: str, rows: str, size: str, key: str | None
    ) -> Table:
        return Table(
            name=f"{schema}.{name}",
            source=f"{self.quoted(schema)}.{self.quoted(name)}",
            short=name if visible == "t" else None,
            kind="view" if view == "t" else "partition" if partition == "t" else "table",
            rows=int(rows) if int(rows) >= 0 else None,  # -1: never counted
            bytes=int(size) or None,
            key=tuple(json.loads(key)) if key else (),
        )

    def columns(self, source: Source, deadline: Deadline) -> list[Column]:
        """Return the columns of a table or query as the server describes them."""
        with self._transaction(deadline) as conversation:
            asked = source.statement.within("SELECT * FROM ")
            told = conversation.describe(asked.written(_numbers(asked.names).__getitem__), deadline)
            names = [(told.fname(at) or b"").decode() for at in range(told.nfields)]
            oids = [told.ftype(at) for at in range(told.nfields)]
            modifiers = [told.fmod(at) for at in range(told.nfields)]
            types = _texts(conversation.ask(_TYPES, (_array(oids), _array(modifiers)), deadline))
        return [
            column(name, oid, str(declared), array=array == "t", quoted=self.quoted(name))
            for name, oid, (declared, array) in zip(names, oids, types, strict=True)
        ]

    def since(self, column: str) -> str:
        """Return the condition of an increment; the text is read as a value of the column's type."""
        return f"{self.quoted(column)} >= :beffroi_after OR {self.quoted(column)} IS NULL"

    def stream(
        self, statement: Statement, values: Mapping[str, Value], columns: Sequence[Column], deadline: Deadline
    ) -> Generator[pa.RecordBatch, None, None]:
        """Yield a SELECT's rows by COPY. COPY binds nothing: parameters go as settings of the transaction, bound."""
        conversation, reader = Conversation(self._login, deadline), Reader(columns)
        with closing(conversation):
            _begin(conversation, deadline, "ISOLATION LEVEL REPEATABLE READ ")
            marks = _as_settings(conversation, statement, values, deadline)
            pieces = conversation.copy(
                f"COPY ({statement.written(marks.__getitem__)}) TO STDOUT (FORMAT csv)", deadline
            )
            with ThreadPoolExecutor(1, thread_name_prefix="beffroi-copy") as thread:
                before: Future[pa.RecordBatch] | None = None
                for piece in pieces:  # each is read into Arrow while the next arrives
                    ahead = thread.submit(reader.batch, piece)
                    if before is not None:
                        yield self._read(before)
                    before = ahead
                if before is not None:
                    yield self._read(before)

    def _read(self, batch: Future[pa.RecordBatch]) -> pa.RecordBatch:
        try:
            return batch.result()
        except pa.ArrowInvalid:  # its words may hold a value
            raise self._unreadable("a piece of the table cannot be read in the types that it declares") from None

    def rows(
        self,
        statement: Statement,
        values: Mapping[str, Value],
        columns: Sequence[Column],
        most: int,
        deadline: Deadline,
    ) -> list[dict[str, Any]]:
        """Return the first rows of a SELECT. A key that its column cannot hold is found nowhere."""
        numbers, state = _numbers(statement.names), ""
        limited = statement.within("", f" LIMIT {most}").written(numbers.__getitem__)
        try:
            with self._transaction(deadline) as conversation:
                try:
                    told = conversation.ask(limited, [_text(values[name]) for name in numbers], deadline)
                except BeffroiError:
                    state = conversation.state
                    raise
        except (Unreadable, Misconfigured):
            if state == "22003" or (state in _NO_VALUE and numbers.keys() == {KEY}):
                return []
            raise
        return [
            self._row(columns, [told.get_value(row, at) for at in range(told.nfields)]) for row in range(told.ntuples)
        ]

    def _row(self, columns: Sequence[Column], cells: Sequence[bytes | None]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for each, cell in zip(columns, cells, strict=True):
            try:
                found[each.name] = value(cell, each)
            except ValueError as error:
                raise self._unreadable(str(error)) from None
        return found

    def _unreadable(self, said: str) -> Unreadable:
        return Unreadable(f"{self._login.registry}: {said}", registry=self._login.registry)

    def indexed(self, table: Table, column: str, deadline: Deadline) -> bool:
        """Tell whether the column leads an index of the whole table; of a view, whether its plan needs indexes alone."""
        with self._transaction(deadline) as conversation:
            [[kind, leads]] = _texts(conversation.ask(_INDEXED, (table.source, column), deadline))
        if kind != "v":
            return bool(leads == "t" or kind == "f")  # a foreign table is its own server's business
        source = Source(Statement((table.source,)), {}, table)
        declared = next((each.declared for each in self.columns(source, deadline) if each.name == column), "text")
        value = f"(SELECT NULL::{declared})"  # one that the planner does not know beforehand
        asked = f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {table.source} WHERE {self.quoted(column)} = {value}"
        with self._transaction(deadline) as conversation:
            conversation.run(b"SET LOCAL enable_seqscan = off", deadline)
            [[plan]] = _texts(conversation.ask(asked, (), deadline))
        return all(_by_index(node) for node in _scans(json.loads(plan)[0]["Plan"]))

    @contextmanager
    def _transaction(self, deadline: Deadline) -> Iterator[Conversation]:
        """Lend a connection in a transaction that the server holds read only; nothing that it did stays."""
        with self._pool.use(deadline) as conversation:
            _begin(conversation, deadline)
            yield conversation
            conversation.run(b"ROLLBACK", deadline)


_NO_VALUE = {"22P02", "22007", "22008"}
"""How it is told that a text is no value of a type (appendix A): no number, no date."""


def _begin(conversation: Conversation, deadline: Deadline, isolation: str = "") -> None:
    left = max(1, int((deadline.remaining() - _GRACE) * 1000))
    begin = f"BEGIN TRANSACTION {isolation}READ ONLY; SET LOCAL statement_timeout = {left}"
    conversation.run(begin.encode(), deadline)


def _as_settings(
    conversation: Conversation, statement: Statement, values: Mapping[str, Value], deadline: Deadline
) -> dict[str, str]:
    """Put each parameter into a setting of this transaction, and return what stands for it in SQL, typed."""
    numbers = _numbers(statement.names)
    if not numbers:
        return {}
    told = conversation.describe(statement.written(numbers.__getitem__), deadline)
    oids = [told.param_type(at) for at in range(told.nparams)]
    types = _texts(conversation.ask(_TYPES, (_array(oids), _array([-1] * len(oids))), deadline))
    marks: dict[str, str] = {}
    for (name, number), (declared, _) in zip(numbers.items(), types, strict=True):
        setting = f"beffroi.p{number.removeprefix('$')}"
        text = _text(values[name])
        if text is not None:
            conversation.ask("SELECT set_config($1, $2, true)", (setting, text), deadline)
        marks[name] = f"NULL::{declared}" if text is None else f"current_setting('{setting}')::{declared}"
    return marks


def _numbers(names: Sequence[str]) -> dict[str, str]:
    """Return `$1`… for each name, in the order in which they first come."""
    return {name: f"${number}" for number, name in enumerate(dict.fromkeys(names), 1)}


def _text(value: Value) -> str | None:
    """Return a parameter as PostgreSQL reads it in any language."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.date):
        return value.isoformat()
    return None if value is None else str(value)


def _array(numbers: Sequence[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"


def _texts(told: pq.abc.PGresult) -> list[list[Any]]:
    """Return a result of ours (names, numbers) as texts."""
    cells = [[told.get_value(row, at) for at in range(told.nfields)] for row in range(told.ntuples)]
    return [[None if cell is None else cell.decode() for cell in row] for row in cells]


def _scans(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every scan of a plan."""
    if node["Node Type"].endswith("Scan"):
        yield node
    for below in node.get("Plans", ()):
        yield from _scans(below)


def _by_index(scan: Mapping[str, Any]) -> bool:
    kind = scan["Node Type"]
    if kind in ("Index Scan", "Index Only Scan", "Bitmap Index Scan"):
        return "Index Cond" in scan
    return kind not in ("Seq Scan", "Parallel Seq Scan")
