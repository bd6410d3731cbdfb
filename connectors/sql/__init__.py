"""Registries that are a database, declared without Python: lookups by a key, and tables as Arrow, all read only.

What is the same in every database stands here; what is not, in an engine (`engine.py` says what that must do). SQL is
built of declared names, quoted, and of declared queries; a value is always bound, never written into it.
"""

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors import derived, drafting
from connectors.columns import columns_of
from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Misconfigured, NotFound, Unreadable
from connectors.outcomes import of_outcome
from connectors.registry import FAULT, Answer, Increment, Registry, Settings
from connectors.sql.asking import Asked, asked_names, chosen, engine_of, found_table, selected, unasked
from connectors.sql.engine import AFTER, KEY, Engine, Login, Source, Value
from connectors.sql.fitting import fitted, is_same
from connectors.sql.settings import LookupSettings, SqlSettings, TableSettings, address
from connectors.sql.statement import Statement
from connectors.sql.watermarks import beginning, fit
from connectors.variables import filled

__all__ = ["Sql", "SqlSettings"]

Problem = tuple[tuple[str | int, ...], str]
CHECK_SECONDS = 5.0
ALIKE = 50
"""Rows that are looked through for the very key that was asked for: servers find others with it (12 for 12abc)."""


class Sql(Registry):
    """Any database: one record by a key, and tables, views and queries."""

    settings_model = SqlSettings
    settings: SqlSettings

    def __init__(self, name: str, settings: Settings, root: Path) -> None:
        """As every registry. Nothing is asked before the first lookup or scan."""
        super().__init__(name, settings, root)
        self.personal = self.settings.personal
        self._host = address(self.settings.url).hostname or "this machine"
        self._question: Asked | None = None
        lookup = self.settings.lookup
        if lookup is not None and not list(derived.problems(lookup.record, lookup.identifier, lookup.fields)):
            identified = _identified_by(lookup)
            key = next((name for name, source in _sources(lookup).items() if source == identified), None)
            self.record = derived.record_of(
                lookup.record, lookup.identifier, lookup.fields, key, personal=self.settings.personal
            )
            self.schemes = (lookup.identifier.scheme,)

    @cached_property
    def engine(self) -> Engine:
        """What speaks to the database, made when it is first asked. Raises Misconfigured."""
        return engine_of(self._login(with_secret=True))

    def _login(self, *, with_secret: bool) -> Login:
        said = self.settings
        secret = filled(said.password, self.name) if with_secret and said.password is not None else None
        return Login(self.name, address(said.url), self.root, said.tls, secret, self.limits.concurrency)

    def problems(self) -> Iterator[Problem]:
        """Yield what the declaration says against itself, each with the keys where it stands."""
        said = self.settings
        yield from ((keys, "only you know this value") for keys in drafting.blanks(said.model_dump(by_alias=True)))
        try:
            engine_of(self._login(with_secret=False))
        except Misconfigured as error:
            yield ("url",), error.detail.removeprefix(f"{self.name}: ")
        if (lookup := said.lookup) is not None:
            for keys, wrong in derived.problems(lookup.record, lookup.identifier, lookup.fields):
                yield ("lookup", *keys), wrong
            given = {*lookup.parameters, *_identifying(lookup, "")}
            for wrong in unasked(
                lookup.query, given, lookup.parameters, "the identifier's pattern or parameters:", said.url
            ):
                yield ("lookup", "query"), wrong
            names = asked_names(lookup.query or "", said.url)
            for keys, wrong in derived.of_identity(lookup.identifier, names):
                yield ("lookup", *keys), wrong
            if lookup.query is not None and not names & {*_identifying(lookup, "")}:
                yield (
                    ("lookup", "query"),
                    f"the query never asks for the identifier: say :{lookup.identifier.scheme} in it",
                )
        for name, table in said.tables.items():
            yield from ((("tables", name, *keys), wrong) for keys, wrong in _table_problems(table, said.url))

    # --- the lookup --------------------------------------------------------------------------------------------------

    def lookup(self, identifier: str, deadline: Deadline) -> Answer:
        """Return the record of an identifier: of the one row that is found.

        Raises NotFound where there is none, Ambiguous where an identity has several, Unreadable where an identifier has
        or a cell is not of its field's type,
        Misconfigured where the declaration and the database differ or the key has no index, Late, Down, Busy, RefusedUs.
        """
        lookup, record = self.settings.lookup, self.record
        if lookup is None or record is None:
            return super().lookup(identifier, deadline)
        deadline = deadline.within(self.settings.timeout)
        with self.pace.turn(self._host, deadline):
            asked = self._question or self._prepared(lookup, deadline)
            values = {**asked.values, **_identifying(lookup, identifier)}
            try:
                rows = self.engine.rows(asked.statement, values, asked.columns, ALIKE, deadline)
            except Misconfigured:  # the table has changed: it is looked at anew the next time
                self._question = None
                raise
        self._question = asked
        if (key := _identified_by(lookup)) is not None and len(rows) < ALIKE:
            declared = next(column.declared for column in asked.columns if column.name == key)
            rows = [row for row in rows if is_same(row[key], values[KEY], declared)]
        if not rows:
            raise NotFound(f"{self.name} has no {lookup.record} of that {lookup.identifier.scheme}", registry=self.name)
        if len(rows) > 1 and lookup.identifier.fields is not None:
            raise of_outcome("ambiguous", self.name)
        if len(rows) > 1:
            raise Unreadable(f"{self.name} has several rows of one {lookup.identifier.scheme}", registry=self.name)
        if (fault := rows[0].get(FAULT)) is not None:
            raise Unreadable(f"{self.name}: {fault}", registry=self.name)
        kinds = {column.name: column.type for column in columns_of(record)}
        cells = {name: fitted(rows[0][source], kinds[name]) for name, source in _sources(lookup).items()}
        told = {name: cell for name, cell in cells.items() if cell is not None}
        return Answer(derived.filled_record(record, told, self.name))

    def reach(self, deadline: Deadline) -> bool:
        """Connect and look at the tables that there are; where a lookup is declared, at what it reads and its index."""
        with self.pace.turn(self._host, deadline):
            if self.settings.lookup is None:
                self.engine.tables(deadline)
            else:
                self._prepared(self.settings.lookup, deadline)
        return True

    def _prepared(self, lookup: LookupSettings, deadline: Deadline) -> Asked:
        """Return the lookup's statement, after looking once at what it reads and whether its key has an index."""
        source = self._source(lookup, {**lookup.parameters, **_identifying(lookup, "")}, deadline)
        there = self.engine.columns(source, deadline)
        columns = chosen(self.name, there, [*_sources(lookup).values(), *((lookup.key,) if lookup.key else ())])
        if lookup.key is None or source.table is None:
            return selected(self.engine, columns, source)
        if not lookup.unindexed and not self.engine.indexed(source.table, lookup.key, deadline):
            raise Misconfigured(
                f"{self.name}: the column {lookup.key} of {lookup.table} leads no index, so that each lookup would read the"
                " whole table: have an index made, or say unindexed: true under lookup:",
                registry=self.name,
            )
        return selected(self.engine, columns, source, f"{self.engine.quoted(lookup.key)} = :{KEY}")

    # --- tables ------------------------------------------------------------------------------------------------------

    def increment(self, table: str | None) -> Increment | None:
        """Return what `incremental:` says of a declared table."""
        said = self.settings.tables[table].incremental if table in self.settings.tables else None
        return None if said is None else Increment(said.column, said.key)

    def scan(self, table: str | None, after: str | None = None) -> pa.RecordBatchReader:
        """Return a declared table, or any other by its own name, in one snapshot, with the column FAULT.

        Raises Misconfigured (no such table or column), RefusedUs, Busy, Down, Late; while it is read Down and Late too:
        what came before is not the table.
        """
        parts = self._scanned(table, after)
        schema = next(parts)
        return pa.RecordBatchReader.from_batches(schema, parts)

    def _scanned(self, table: str | None, after: str | None) -> Generator[Any, None, None]:
        """Yield the schema when the first batch is there, then the batches; the turn is held until the end."""
        deadline = Deadline.after(self._table(table).seconds)
        with self.pace.turn(self._host, deadline):
            asked = self._asked(table, after, deadline)
            with closing(self.engine.stream(asked.statement, asked.values, asked.columns, deadline)) as batches:
                first = next(batches, None)
                yield asked.schema
                if first is not None:
                    yield first
                    yield from batches

    def check(self, table: str | None) -> str | None:
        """Return why `table` cannot be read, as far as this machine can tell: of a SQLite database that is there.

        One that is locked just now tells nothing, and that is no error.
        """
        if address(self.settings.url).scheme != "sqlite" or not (self.root / address(self.settings.url).path).is_file():
            return None if table is not None else f"{self.name}: say which table to read"
        try:
            self._asked(table, None, Deadline.after(CHECK_SECONDS))
        except Misconfigured as error:
            return error.detail
        except BeffroiError:
            pass
        return None

    def _table(self, table: str | None) -> TableSettings:
        return self.settings.tables.get(table or "") or TableSettings(table=table or " ")

    def _asked(self, table: str | None, after: str | None, deadline: Deadline) -> Asked:
        """Return the statement of a table, after looking at what it has."""
        if table is None:
            found_table(self.name, self.engine.tables(deadline), None)
        said = self._table(table)
        source = self._source(said, said.parameters, deadline)
        more = () if said.incremental is None else (said.incremental.column, *said.incremental.key)
        columns = chosen(self.name, self.engine.columns(source, deadline), said.columns, *more)
        if said.incremental is not None:
            fit(self.name, next(column for column in columns if column.name == said.incremental.column))
        if after is None or said.incremental is None:
            return selected(self.engine, columns, source)
        lowest = beginning(after, said.incremental.overlap)
        since = Source(source.statement, {**source.values, AFTER: lowest}, source.table)
        return selected(self.engine, columns, since, self.engine.since(said.incremental.column))

    def _source(self, said: LookupSettings | TableSettings, values: Mapping[str, Value], deadline: Deadline) -> Source:
        if said.query is None:
            table = found_table(self.name, self.engine.tables(deadline), said.table)
            return Source(Statement((table.source,)), {}, table)
        query = Statement.of(said.query.strip().rstrip(";"), backslashes=self.engine.backslashes)
        return Source(query.within("(", "\n) beffroi_rows"), values)  # a new line: the query may end in a comment


def _sources(lookup: LookupSettings) -> dict[str, str]:
    """Return the column of each field: the one that it is `from`, else that of its own name."""
    return {name: said.source or name for name, said in lookup.fields.items()}


def _identified_by(lookup: LookupSettings) -> str | None:
    """Return the column that must be the very identifier: the key; of a query the one that the scheme's field is from."""
    return lookup.key or _sources(lookup).get(lookup.identifier.scheme)


def _identifying(lookup: LookupSettings, identifier: str) -> dict[str, Value]:
    """Return what an identifier gives: itself, by its scheme's name, and the groups of its pattern.

    The key is the group called like the column, if there is one.
    """
    groups = dict.fromkeys(lookup.identifier.names)
    found: dict[str, Value] = {lookup.identifier.scheme: identifier, **groups, **lookup.identifier.groups(identifier)}
    return {KEY: found.get(lookup.key or "", identifier), **found}


def _table_problems(table: TableSettings, url: str) -> Iterator[Problem]:
    for wrong in unasked(table.query, table.parameters, table.parameters, "parameters:", url):
        yield ("query",), wrong
    if table.incremental is not None and table.columns is not None:
        for name in dict.fromkeys((table.incremental.column, *table.incremental.key)):
            if name not in table.columns:
                yield ("columns",), f"incremental: needs the column {name}: take it in"
