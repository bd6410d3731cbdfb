"""What a version's columns hold, in a few numbers: how many are empty, how many distinct, from where to where, what often.

Counts, and the values of a column that has few, are exact. How many distinct values a column of many has is estimated,
in a table of more than twice SAMPLE rows, from the rows whose key's hash falls into a sample: the same ones in whatever
order the rows come. Of a personal column nothing but counts is ever kept.
Source: the estimator is PostgreSQL's (ANALYZE), by Haas and Stokes, "Estimating the number of classes in a finite
population", 1998, section 4.3: https://github.com/postgres/postgres/blob/master/src/backend/commands/analyze.c
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb

from connectors.columns import Column
from pipelines.declarations import Dataset
from pipelines.sql import identifier

SAMPLE = 8_192
"""Rows of the sample at least; twice as many at most."""

FEW = 1000
"""A column with more distinct values than this has no frequent ones."""

FREQUENT = 20
"""The most frequent values that are told of a column."""

LONG = 200
"""Characters of a value that are told."""

MEASURED = ("integer", "number", "date", "datetime")
"""The types whose least and greatest value tells something. Of texts it would not: which is first, no two people agree."""

UNTOLD = ("array", "geojson")
"""The types whose values are told of by counts alone."""

SAMPLED = "beffroi_sample"
"""The sample of the rows. It is there already where a run made it without looking through them."""


@dataclass(frozen=True)
class Profile:
    """`columns` is what a report tells, {column: {empty, distinct, min, max, frequent}}.

    `counts` is how many rows have each value of a column that has few, for comparing with another version.
    """

    columns: dict[str, dict[str, Any]]
    counts: dict[str, Mapping[str, int]] = field(default_factory=dict)


def profile(connection: duckdb.DuckDBPyConnection, dataset: Dataset, table: str, where: str, rows: int) -> Profile:
    """Look through the rows of `table` that meet `where`, so many. Raises duckdb.Error."""
    columns = _told(connection, dataset, f"{table} WHERE {where}")
    share = _share(rows)
    _sample(connection, dataset, f"{table} WHERE {where}", rows)
    counts: dict[str, Mapping[str, int]] = {}
    for column in dataset.columns:
        told, name = columns[column.name], identifier(column.name)
        distinct, once, taken = _groups(
            connection, f"SELECT count(*) AS n FROM {SAMPLED} WHERE {name} IS NOT NULL GROUP BY {name}"
        )
        told["distinct"] = _estimated(distinct, once, taken, rows - told["empty"]) if share > 1 else distinct
        if distinct > FEW or column.type in UNTOLD:
            continue
        found, told["distinct"] = _few(connection, name, f"{table} WHERE {where}")
        if found is not None and not column.personal:
            counts[column.name] = found
            told["frequent"] = dict(list(found.items())[:FREQUENT])
    connection.execute(f"DROP TABLE {SAMPLED}")
    return Profile(columns, counts)


def _told(connection: duckdb.DuckDBPyConnection, dataset: Dataset, rows: str) -> dict[str, dict[str, Any]]:
    """Return, of every column, how many rows have no value, and of what can be measured the least and the greatest."""
    told: dict[str, dict[str, Any]] = {}
    asked, places = [], []
    for column in dataset.columns:
        name = identifier(column.name)
        asked.append(f"count(*) - count({name})")
        places.append((column.name, "empty"))
        if column.type in MEASURED and not column.personal:
            asked += [_said_in_sql(column, f"min({name})"), _said_in_sql(column, f"max({name})")]
            places += [(column.name, "min"), (column.name, "max")]
    found = connection.execute(f"SELECT {', '.join(asked)} FROM {rows}").fetchall()[0]
    for (column_name, what), value in zip(places, found, strict=True):
        told.setdefault(column_name, {})[what] = _json(value)
    return told


def _share(rows: int) -> int:
    """Return of how many rows one is in the sample."""
    share = 1
    while rows // (share * 2) >= SAMPLE:
        share *= 2
    return share


def sampled(dataset: Dataset, rows: int) -> str:
    """Return SQL that tells whether a row is in the sample of so many."""
    return f"hash({', '.join(map(identifier, dataset.key))}) % {_share(rows)} = 0"


def _sample(connection: duckdb.DuckDBPyConnection, dataset: Dataset, table: str, rows: int) -> None:
    """Make SAMPLED, where a run has not made it of what it knows."""
    columns = ", ".join(identifier(column.name) for column in dataset.columns)
    query = f"SELECT {columns} FROM {table} AND {sampled(dataset, rows)}"
    connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {SAMPLED} AS {query}")


def _groups(connection: duckdb.DuckDBPyConnection, groups: str) -> tuple[int, int, int]:
    """Return how many groups there are, how many of one row, and how many rows are in them all."""
    asked = f"SELECT count(*), count(*) FILTER (n = 1), coalesce(sum(n), 0) FROM ({groups})"
    distinct, once, rows = connection.execute(asked).fetchall()[0]
    return int(distinct), int(once), int(rows)


def _estimated(distinct: int, once: int, taken: int, rows: int) -> int:
    """Return about how many distinct values `rows` have, of which `taken` have `distinct`, `once` of them one time."""
    if not taken:
        return 0
    estimated = taken * distinct / (taken - once + once * taken / max(rows, taken))
    return max(distinct, min(round(estimated), rows))


def _few(connection: duckdb.DuckDBPyConnection, name: str, rows: str) -> tuple[dict[str, int] | None, int]:
    """Return how many rows have each value, the most frequent first, or None where more than FEW; and how many there are."""
    groups = f"SELECT {name} AS v, count(*) AS n FROM {rows} AND {name} IS NOT NULL GROUP BY {name}"
    text = f"left(CAST(v AS VARCHAR), {LONG})"
    some = f"SELECT {text}, n, count(*) OVER () FROM ({groups}) ORDER BY n DESC, v LIMIT {FEW}"
    found = connection.execute(some).fetchall()
    distinct = found[0][2] if found else 0
    if distinct > FEW:
        return None, distinct
    counts: dict[str, int] = {}
    for value, number, _ in found:
        counts[value] = counts.get(value, 0) + number
    return counts, distinct


def _said_in_sql(column: Column, value: str) -> str:
    """Return SQL for a value as JSON says it: a moment as ISO 8601 in UTC has it."""
    return f"strftime({value} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%f+00:00')" if column.type == "datetime" else value


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value
