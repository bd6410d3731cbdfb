"""The statements that are asked, made of declared names and queries; and what is wrong with these before anyone is asked."""

import importlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from connectors.errors import Misconfigured
from connectors.registry import FAULT
from connectors.sql.engine import Column, Engine, Login, Source, Table, Value
from connectors.sql.settings import ENGINES
from connectors.sql.statement import Statement

SHOWN = 30
"""Names that an error lists at most."""


@dataclass(frozen=True)
class Asked:
    """A SELECT that is ready: its parameters, and its columns in their order (FAULT the last, where some may be unfit)."""

    statement: Statement
    values: Mapping[str, Value]
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        """The columns of its rows, FAULT always the last."""
        fields = [pa.field(each.name, each.type) for each in self.columns if each.name != FAULT]
        return pa.schema([*fields, pa.field(FAULT, pa.string())])


def engine_of(login: Login) -> Engine:
    """Return the engine of an address. Raises Misconfigured where its driver is not installed, and as engines do."""
    module, _, name = ENGINES[login.url.scheme].partition(":")
    try:
        made: Engine = getattr(importlib.import_module(module), name)(login)
    except ImportError as error:
        raise login.misconfigured(
            f"the driver of {login.url.scheme} is not installed ({error.name}): install beffroi[{login.url.scheme}]"
        ) from error
    return made


def listed(names: Collection[str]) -> str:
    """Return names for an error, not too many."""
    shown = ", ".join(sorted(names)[:SHOWN]) or "none"
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"


def found_table(registry: str, tables: Sequence[Table], said: str | None) -> Table:
    """Return the table that a declaration says. Raises Misconfigured, which lists those there are."""
    for table in tables:
        if said is not None and said in (table.name, table.short):
            return table
    what = "say which table to read" if said is None else f"no table {said}"
    has = listed([table.name for table in tables])
    raise Misconfigured(f"{registry}: {what}; the database has: {has}", registry=registry)


def chosen(registry: str, there: Sequence[Column], wanted: Sequence[str] | None, *more: str) -> tuple[Column, ...]:
    """Return the wanted columns, all where none are said; `more` must be there too.

    Raises Misconfigured for one that is not there, one that comes twice, one called FAULT, and where there is none.
    """
    names = [column.name for column in there]
    for name in (*(wanted or ()), *more):
        if name not in names:
            raise Misconfigured(f"{registry}: no column {name}; there are: {listed(names)}", registry=registry)
    by_name = {column.name: column for column in there}
    if len(by_name) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Misconfigured(f"{registry}: two columns are called {twice}: give one another name", registry=registry)
    if FAULT in names:
        raise Misconfigured(f"{registry}: a column is called {FAULT}, a name that Beffroi needs", registry=registry)
    if not names:
        raise Misconfigured(f"{registry}: the table has no columns", registry=registry)
    return tuple(there) if wanted is None else tuple(by_name[name] for name in dict.fromkeys(wanted))


def selected(engine: Engine, columns: Sequence[Column], source: Source, where: str = "") -> Asked:
    """Return the SELECT of columns from a source; `where` is SQL of ours, which may have our own parameters."""
    unfit = "".join(f" WHEN {column.unfit} THEN '{_doubled(column.why)}'" for column in columns if column.unfit)
    asked = (*columns, *((Column(FAULT, "", pa.string(), f"CASE{unfit} END"),) if unfit else ()))
    cells = ", ".join(f"{column.cell} AS {engine.quoted(column.name)}" for column in asked)
    statement = Statement((f"SELECT {cells} FROM ",)).then(source.statement)
    if where:
        statement = statement.then(Statement.of(f" WHERE {where}", backslashes=engine.backslashes))
    order = source.table.order if source.table is not None else ""
    if where:  # SQLite's, which would read a whole table in order before it took an index of what is asked for
        order = order.replace(" ORDER BY ", " ORDER BY +")  # https://sqlite.org/optoverview.html#uplus
    return Asked(statement.within("", order), source.values, asked)


def _doubled(text: str) -> str:
    return text.replace("'", "''").replace("\\", "")


def asked_names(query: str, url: str) -> set[str]:
    """Return the parameters of a declared query, by the quotes of its database."""
    return set(Statement.of(query, backslashes=url.startswith(("mariadb:", "mysql:"))).names)


def unasked(query: str | None, given: Collection[str], asked: Collection[str], where: str, url: str) -> Iterator[str]:
    """Yield what is wrong with the parameters of a query: some not given, or (of `asked`) some given and never asked."""
    if query is None:
        return
    names = asked_names(query, url)
    for name in sorted(names - set(given)):
        yield f"the query asks for :{name}, which {where} does not give"
    for name in sorted(set(asked) - names):
        yield f"the parameter {name} stands nowhere in the query as :{name}"
