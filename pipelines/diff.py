"""What differs between two versions of a dataset, by key: rows added and removed, and changed ones with old and new.

DuckDB joins the two Parquet files and spills what does not fit; the rows come in the order of the key, a batch at a time.
Versions whose columns differ are compared on those they share.
"""

import datetime as dt
import json
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import duckdb

from connectors.errors import InvalidRequest, NotFound, Unavailable
from pipelines import versions
from pipelines.sql import identifier, quote
from pipelines.versions import Version
from pipelines.workspace import Workspace

BATCH = 1_000
"""Rows that are held at once."""

OLD, NEW = "beffroi_old", "beffroi_new"
"""What the two are called in SQL: no column may be called so."""

MEMORY = "512MB"
"""What a comparison on the command line takes before it spills."""


@dataclass(frozen=True)
class Pair:
    """Two versions to be compared: `columns` are (the key's among them), `left_out` are not, and why.

    `within` is a condition in SQL: only the rows of each version that meet it are there, for whoever may see no others.
    """

    old: Version
    new: Version
    columns: tuple[str, ...]
    left_out: dict[str, str]
    within: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """Return the columns that identify a row."""
        return self.new.key

    def only(self, columns: Collection[str]) -> "Pair":
        """Return the pair with those of its columns only, and the key: what else differs is neither seen nor told."""
        chosen = tuple(name for name in self.columns if name in columns or name in self.key)
        return replace(self, columns=chosen)


@dataclass(frozen=True)
class Counts:
    """How many rows differ."""

    added: int
    changed: int
    removed: int


@dataclass(frozen=True)
class Difference:
    """One row that differs. `old` is empty where it was added, `new` where it was removed."""

    change: Literal["added", "changed", "removed"]
    key: tuple[Any, ...]
    old: dict[str, Any]
    new: dict[str, Any]

    @property
    def columns(self) -> dict[str, tuple[Any, Any]]:
        """Return old and new of each column of a changed row that differs."""
        return {name: (value, self.new[name]) for name, value in self.old.items() if value != self.new[name]}


def pair(workspace: Workspace, name: str, old: int | None = None, new: int | None = None) -> Pair:
    """Return two versions of a dataset to be compared: by default the latest, with the one before.

    Raises NotFound for a version that there is none of or that is no longer kept, InvalidRequest where the two have
    different keys.
    """
    history = versions.history(workspace, workspace.dataset(name).name)
    if new is None:
        new = history[-1].number if history else 0
    if old is None:
        old = max((each.number for each in history if each.number < new), default=0)
    return of(_kept(workspace, name, old, history), _kept(workspace, name, new, history))


def of(old: Version, new: Version) -> Pair:
    """Return two versions of one dataset to be compared. Raises InvalidRequest where they have different keys."""
    before, now = _types(old), _types(new)
    if old.key != new.key or [before[name] for name in old.key] != [now[name] for name in new.key]:
        raise InvalidRequest(
            f"versions {old.number} and {new.number} of {new.dataset} cannot be compared by key: it was"
            f" {_typed(old, before)} and is {_typed(new, now)}"
        )
    both = tuple(name for name, kind in now.items() if before.get(name) == kind)
    aside = {name: f"only in version {old.number}" for name in before if name not in now}
    aside |= {name: f"only in version {new.number}" for name in now if name not in before}
    aside |= {
        n: f"{before[n]} in version {old.number}, {now[n]} in {new.number}" for n in now if n not in {*both, *aside}
    }
    return Pair(old, new, both, aside)


def _types(version: Version) -> dict[str, str]:
    return {name: kind for name, kind, *_ in json.loads(version.declared)["columns"]}


def _typed(version: Version, types: dict[str, str]) -> str:
    return ", ".join(f"{name} ({types[name]})" for name in version.key)


def _kept(workspace: Workspace, name: str, number: int, history: list[Version]) -> Version:
    found = versions.kept(workspace, name, number)
    if found is not None:
        return found
    there = ", ".join(str(each.number) for each in history if each.parquet.is_file()) or "none"
    if any(each.number == number for each in history):
        raise NotFound(f"version {number} of {name} is no longer kept; kept: {there}")
    missing = f"there is no version {number} of {name}" if number else f"{name} has no two versions to compare"
    raise NotFound(f"{missing}; kept: {there}")


@contextmanager
def engine(workspace: Workspace, name: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database that compares versions of a dataset and spills into the workspace; its errors become Unavailable."""
    spill = workspace.state / "spill" / f"diff-{name}"
    with duckdb.connect(config={"temp_directory": str(spill), "memory_limit": MEMORY}) as connection:
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        except duckdb.Error as error:
            raise Unavailable(f"the versions of {name} cannot be compared ({type(error).__name__})") from None
        finally:
            shutil.rmtree(spill, ignore_errors=True)


def counts(connection: duckdb.DuckDBPyConnection, both: Pair) -> Counts:
    """Count the rows that differ. Raises duckdb.Error."""
    first = identifier(both.key[0])
    added, removed, rows = connection.execute(
        f"SELECT count(*) FILTER ({OLD}.{first} IS NULL), count(*) FILTER ({NEW}.{first} IS NULL), count(*) {_joined(both)}"
    ).fetchall()[0]
    return Counts(added, rows - added - removed, removed)


def rows(connection: duckdb.DuckDBPyConnection, both: Pair, limit: int = 0, offset: int = 0) -> Iterator[Difference]:
    """Yield the rows that differ in the order of their key, at most `limit` of them (0: all). Raises duckdb.Error."""
    moments = {name for name, kind in _types(both.new).items() if kind == "datetime"}
    chosen = ", ".join(_selected(side, name, moments) for side in (OLD, NEW) for name in both.columns)
    order = ", ".join(f"coalesce({NEW}.{name}, {OLD}.{name})" for name in map(identifier, both.key))
    found = connection.execute(
        f"SELECT {chosen} {_joined(both)} ORDER BY {order}"
        f"{f' LIMIT {limit:d}' if limit else ''}{f' OFFSET {offset:d}' if offset else ''}"
    )
    while batch := found.fetchmany(BATCH):
        for row in batch:
            yield _difference(both, [_aware(value) for value in row])


def _selected(side: str, name: str, moments: set[str]) -> str:
    """Return SQL for a column; moments come in UTC and without zone, since DuckDB needs one more library otherwise."""
    return f"{side}.{identifier(name)}" + (" AT TIME ZONE 'UTC'" if name in moments else "")


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=dt.UTC) if isinstance(value, dt.datetime) else value


def _joined(both: Pair) -> str:
    """Return SQL for the rows of both versions that differ, each beside what it was."""
    names, first = [identifier(name) for name in both.columns], identifier(both.key[0])
    where = f" WHERE {both.within}" if both.within else ""
    old, new = (
        f"(SELECT {', '.join(names)} FROM read_parquet({quote(str(version.parquet))}){where}) {side}"
        for version, side in ((both.old, OLD), (both.new, NEW))
    )
    on = " AND ".join(f"{OLD}.{name} = {NEW}.{name}" for name in map(identifier, both.key))
    return (
        f"FROM {old} FULL JOIN {new} ON {on}"
        f" WHERE {OLD}.{first} IS NULL OR {NEW}.{first} IS NULL OR {OLD} IS DISTINCT FROM {NEW}"
    )


def _difference(both: Pair, row: list[Any]) -> Difference:
    width = len(both.columns)
    old, new = (dict(zip(both.columns, part, strict=True)) for part in (row[:width], row[width:]))
    first = both.key[0]
    if old[first] is None:
        return Difference("added", tuple(new[name] for name in both.key), {}, new)
    key = tuple(old[name] for name in both.key)
    return Difference("removed", key, old, {}) if new[first] is None else Difference("changed", key, old, new)
