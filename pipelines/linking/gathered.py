"""The records of one link: the good rows of a run and, where they are linked `to` another dataset, the rows of it.

A record is known by its identity, a text: the JSON array of its source's name (or of the other dataset's) and of what
identifies it there. Rows of one source that have the same identity are one record, the first of them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from pipelines.declarations import Dataset, linked
from pipelines.judge import JUDGED, PLACE, ROWS, SOURCE, Judged
from pipelines.linking.recipe import Recipe
from pipelines.needed import Needed
from pipelines.runs import Job
from pipelines.sql import identifier, quote

FIELD = "field_"
"""How the columns begin that have what a record's fields are."""

OWN = ("n", "side", "origin", "place", "identity", "beffroi_hash")
"""What a record has besides its fields: `beffroi_hash` tells whether these are as they were."""


@dataclass(frozen=True)
class Gathered:
    """`records` has what is a record's own, one row a record; `fields` is SQL for that and the text of each field.

    n is where the row stands: its number in the table of the run, or, of the other dataset's, that in its version above
    `base`. `rows` has all good rows as n and `record`, the n of their record; None where each is a record of its own.
    """

    records: str
    fields: str
    base: int
    count: int
    rows: str | None
    other: str | None


def gather(job: Job, column: str, recipe: Recipe, judged: Judged, needed: Needed, name: str) -> Gathered:
    """Make the tables, whose names begin with `name`. Raises RunFailed where the other dataset has no version."""
    connection, dataset, link = job.connection, job.dataset, job.dataset.link[column]
    base = connection.execute(f"SELECT count(*) FROM {ROWS}").fetchall()[0][0]
    identities = _own_identity(dataset, linked.identity(dataset, column))
    texts = _texts(dataset, linked.columns(link, dataset), recipe)
    own = ("beffroi_row", "0", f"{SOURCE}::USMALLINT", PLACE, identities)
    sides, other = [_side(own, texts, f"{JUDGED} WHERE {judged.rules.good}")], None
    if link.to is not None:
        other, there = needed.parquet(link.to), job.workspace.datasets[link.to]
        own = (f"file_row_number + {base}", "1", "0::USMALLINT", "NULL", _identity(quote(link.to), there.key))
        texts = _texts(there, linked.others(link, there), recipe)
        sides.append(_side(own, texts, f"read_parquet({quote(other)}, file_row_number = true)"))
    connection.execute(f"CREATE TEMP VIEW {name}_fields AS {' UNION ALL '.join(sides)}")
    connection.execute(f"CREATE TEMP TABLE {name}_records AS SELECT {', '.join(OWN)} FROM {name}_fields")
    rows, fields = _one_each(connection, name), f"{name}_fields"
    if rows is not None:
        fields = f"(FROM {fields} SEMI JOIN {name}_records USING (n))"
    count = connection.execute(f"SELECT count(*) FROM {name}_records").fetchall()[0][0]
    return Gathered(f"{name}_records", fields, base, count, rows, other)


def _side(own: Sequence[str], texts: Mapping[str, str], rows: str) -> str:
    """Return the query of the records of one side: SQL for what is `own` of each, and for its fields."""
    named = [f"{sql} AS {each}" for each, sql in zip(OWN, (*own, _hash(texts)), strict=True)]
    return f"SELECT {', '.join([*named, *(f'{sql} AS {FIELD}{field}' for field, sql in texts.items())])} FROM {rows}"


def _texts(dataset: Dataset, columns: Mapping[str, str], recipe: Recipe) -> dict[str, str]:
    """Return SQL for the text of each field of a recipe, NULL where a row has nothing."""
    types = {each.name: each.type for each in dataset.columns}
    return {f: _text(columns[f], types[columns[f]]) if f in columns else "NULL::VARCHAR" for f in recipe.fields}


def _text(column: str, kind: str) -> str:
    name = identifier(column)
    match kind:
        case "datetime":  # no field knows a time of the day
            return f"CAST(CAST({name} AS DATE) AS VARCHAR)"
        case "number":
            return f"regexp_replace(CAST({name} AS VARCHAR), '[.]0$', '')"
        case "array":
            return f"CASE WHEN len({name}) > 0 THEN CAST(to_json({name}) AS VARCHAR) END"
        case "string" | "geopoint":
            return f"nullif(trim({name}), '')"
        case _:
            return f"CAST({name} AS VARCHAR)"


def _hash(texts: Mapping[str, str]) -> str:
    """Return SQL for what tells that a record's fields are other ones than before."""
    return f"hash({', '.join(texts.values())})"


def others(dataset: Dataset, judged: Judged, was: tuple[str, ...], now: tuple[str, ...]) -> str | None:
    """Return the query of `identity`, by the columns `was`, of good rows that have another by the columns `now`.

    None where one of `was` is no column any more.
    """
    if not set(was) <= {each.name for each in dataset.columns}:
        return None
    before, after = _own_identity(dataset, was), _own_identity(dataset, now)
    return (
        f"(SELECT DISTINCT {before} AS identity FROM {JUDGED} WHERE {judged.rules.good}"
        f" AND {before} IS DISTINCT FROM {after})"
    )


def _own_identity(dataset: Dataset, key: tuple[str, ...]) -> str:
    sources = f"[{', '.join(quote(source.name) for source in dataset.inputs)}]"
    return _identity(f"{sources}[{SOURCE} + 1]", key)


def _identity(first: str, key: tuple[str, ...]) -> str:
    parts = ", ".join([first, *(f"CAST({identifier(name)} AS VARCHAR)" for name in key)])
    return f"CAST(to_json([{parts}]) AS VARCHAR)"


def identity(*parts: str) -> str:
    """Return the identity of a record, as the tables have it."""
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def _one_each(connection: duckdb.DuckDBPyConnection, name: str) -> str | None:
    """Leave one record for each identity, the first row of it in its source; return the table of what row is of which.

    None where there is no other.
    """
    ours = f"FROM {name}_records WHERE side = 0"
    twice = f"SELECT hash(identity) AS twice {ours} GROUP BY ALL HAVING count(*) > 1"
    if not connection.execute(f"SELECT count(*) FROM ({twice})").fetchall()[0][0]:
        return None
    connection.execute(
        f"CREATE TEMP TABLE {name}_rows AS SELECT n, first_value(n) OVER (PARTITION BY identity ORDER BY place) AS record"
        f" {ours} AND hash(identity) IN ({twice})"
    )
    connection.execute(f"DELETE FROM {name}_records WHERE n IN (SELECT n FROM {name}_rows WHERE n <> record)")
    connection.execute(f"INSERT INTO {name}_rows SELECT n, n {ours} AND n NOT IN (SELECT n FROM {name}_rows)")
    return f"{name}_rows"


def forget(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Drop all tables of a link, which begin with `name`: what follows wants their room."""
    found = connection.execute(
        "SELECT view_name, true FROM duckdb_views() WHERE starts_with(view_name, $name) UNION ALL"
        " SELECT table_name, false FROM duckdb_tables() WHERE starts_with(table_name, $name)",
        {"name": f"{name}_"},
    ).fetchall()
    for each, is_view in found:
        connection.execute(f"DROP {'VIEW' if is_view else 'TABLE'} {each}")
