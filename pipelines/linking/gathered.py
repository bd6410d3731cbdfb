"""The records of one link: the good rows of a run and, where they are linked `to` another dataset, the rows of it.

A record is known by its identity, a text: the JSON array of its source's name (or of the other dataset's) and of what
identifies it there. Rows of one source that have the same identity are one record, the first of them.
"""

import json
from collections.abc import Mapping
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


@dataclass(frozen=True)
class Gathered:
    """`records` has n, side, origin, identity and beffroi_hash, one row a record; `fields` n, side, origin and the texts.

    n is where the row stands: its number in the table of the run, or, of the other dataset's, that in its version above
    `base`. `rows` has all good rows as n and `record`, the n of their record; None where each is a record of its own.
    """

    records: str
    fields: str
    base: int
    ours: int
    theirs: int
    rows: str | None
    other: str | None

    @property
    def count(self) -> int:
        """Return how many records there are."""
        return self.ours + self.theirs


def gather(job: Job, column: str, recipe: Recipe, judged: Judged, needed: Needed, name: str) -> Gathered:
    """Make the tables, whose names begin with `name`. Raises RunFailed where the other dataset has no version."""
    connection, dataset, link = job.connection, job.dataset, job.dataset.link[column]
    base = connection.execute(f"SELECT count(*) FROM {ROWS}").fetchall()[0][0]
    texts = _texts(dataset, linked.columns(link, dataset), recipe)
    sources = f"[{', '.join(quote(source.name) for source in dataset.inputs)}]"
    known_by = _identity(f"{sources}[{SOURCE} + 1]", linked.identity(dataset, column))
    good = judged.rules.good
    connection.execute(
        f"CREATE TEMP TABLE {name}_records AS SELECT beffroi_row AS n, 0::UTINYINT AS side, {SOURCE}::USMALLINT AS origin,"
        f" {known_by} AS identity, {_hash(texts)} AS beffroi_hash FROM {JUDGED} WHERE {good}"
    )
    rows = _one_each(connection, name)
    ours = connection.execute(f"SELECT count(*) FROM {name}_records").fetchall()[0][0]
    views, other, theirs = [f"SELECT rowid AS n, {_named(texts)} FROM {ROWS} WHERE {good}"], None, 0
    if link.to is not None:
        other = needed.parquet(link.to)
        there = job.workspace.datasets[link.to]
        texts = _texts(there, linked.others(link, there), recipe)
        numbered = (
            f"(SELECT file_row_number + {base} AS n, * FROM read_parquet({quote(other)}, file_row_number = true))"
        )
        theirs = connection.execute(
            f"INSERT INTO {name}_records SELECT n, 1, 0, {_identity(quote(link.to), there.key)}, {_hash(texts)}"
            f" FROM {numbered}"
        ).fetchall()[0][0]
        views.append(f"SELECT n, {_named(texts)} FROM {numbered}")
    connection.execute(
        f"CREATE TEMP VIEW {name}_fields AS SELECT n, side, origin, {', '.join(map(identifier, recipe.fields))}"
        f" FROM {name}_records JOIN ({' UNION ALL BY NAME '.join(views)}) beffroi_texts USING (n)"
    )
    return Gathered(f"{name}_records", f"{name}_fields", base, ours, theirs, rows, other)


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


def _named(texts: Mapping[str, str]) -> str:
    return ", ".join(f"{sql} AS {identifier(field)}" for field, sql in texts.items())


def _hash(texts: Mapping[str, str]) -> str:
    """Return SQL for what tells that a record's fields are other ones than before."""
    return f"hash({', '.join(texts.values())})"


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
    twice = f"SELECT hash(identity) AS twice FROM {name}_records GROUP BY ALL HAVING count(*) > 1"
    if not connection.execute(f"SELECT count(*) FROM ({twice})").fetchall()[0][0]:
        return None
    connection.execute(
        f"CREATE TEMP TABLE {name}_rows AS WITH beffroi_same AS (SELECT n, identity FROM {name}_records"
        f" WHERE hash(identity) IN ({twice})), beffroi_placed AS (SELECT n, identity, {PLACE} AS place FROM beffroi_same"
        f" JOIN {JUDGED} ON beffroi_row = n) SELECT n, first_value(n) OVER (PARTITION BY identity ORDER BY place) AS record"
        " FROM beffroi_placed"
    )
    connection.execute(f"DELETE FROM {name}_records WHERE n IN (SELECT n FROM {name}_rows WHERE n <> record)")
    connection.execute(
        f"INSERT INTO {name}_rows SELECT n, n FROM {name}_records WHERE side = 0 AND n NOT IN (SELECT n FROM {name}_rows)"
    )
    return f"{name}_rows"
