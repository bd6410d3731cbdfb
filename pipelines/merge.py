"""Rows of one key made one, each column by its rule, and what was decided on the way.

The first row of a key (of the most trusted source, there the first) stays and takes the values that are kept; the
others are marked as merged. Whatever is dear is done with the rows of keys that stand twice alone.
"""

from collections.abc import Iterator, Sequence

import duckdb

from pipelines.declarations import Dataset, linked
from pipelines.index import key_sql, moments
from pipelines.judge import JUDGED, PLACE, ROWS, SOURCE, Judged
from pipelines.rules import MERGED, mask
from pipelines.sql import identifier, quote

TWICE = "beffroi_twice"
"""The good rows whose key stands in several."""

KEPT = "beffroi_kept"
"""The one row that becomes of each such key."""

_RANK = f"(CAST({SOURCE} AS BIGINT) * {2**40} + {PLACE})"
"""What is lowest of the first row of the most trusted source."""


def merge(connection: duckdb.DuckDBPyConnection, dataset: Dataset, judged: Judged) -> bool:
    """Make the good rows of one key one; return whether those that stay stand in the order of the key.

    Leaves the tables TWICE and KEPT, which are empty where no key stands twice.
    """
    before, same = _order(connection, dataset.key, judged)
    keys, good = ", ".join(map(identifier, dataset.key)), judged.rules.good
    several = f"SELECT {keys} FROM {ROWS} WHERE {good} GROUP BY {keys} HAVING count(*) > 1"
    found = f"SELECT rowid FROM {ROWS} SEMI JOIN ({several}) beffroi_several USING ({keys}) WHERE {good}"
    if before == 0:  # the same ones stand beside each other
        both = "unnest([beffroi_at, beffroi_lag_at])"
        found = f"SELECT {both} FROM {_lagged(dataset.key, judged)} WHERE {_same(dataset.key)} LIMIT {2 * same}"
    columns = ", ".join(identifier(column.name) for column in dataset.columns)
    connection.execute(  # which rows they are is asked of the key alone
        f"CREATE TEMP TABLE {TWICE} AS SELECT beffroi_row, {SOURCE}, {PLACE}, {_RANK} AS beffroi_rank, {columns}"
        f" FROM {JUDGED} WHERE beffroi_row IN ({found})"
    )
    connection.execute(f"CREATE TEMP TABLE {KEPT} AS {_kept(dataset)}")
    if connection.execute(f"SELECT count(*) FROM {KEPT}").fetchall() == [(0,)]:
        return before == 0
    connection.execute(
        f"UPDATE {ROWS} SET {mask(0)} = {MERGED} WHERE rowid IN"
        f" (SELECT beffroi_row FROM {TWICE} WHERE beffroi_row NOT IN (SELECT beffroi_row FROM {KEPT}))"
    )
    moved = _update(connection, dataset)
    return before == 0 and not moved


def _order(connection: duckdb.DuckDBPyConnection, key: Sequence[str], judged: Judged) -> tuple[int, int]:
    """Return how many good rows have a lower key than the one before them, and how many the same."""
    lower = ""
    for number, name in reversed(list(enumerate(map(identifier, key)))):
        lag = f"beffroi_lag_{number}"
        lower = f"({name} < {lag}{f' OR ({name} = {lag} AND {lower})' if lower else ''})"
    query = f"SELECT count(*) FILTER ({lower}), count(*) FILTER ({_same(key)}) FROM {_lagged(key, judged)}"
    counted = connection.execute(query).fetchall()[0]
    return int(counted[0]), int(counted[1])


def _lagged(key: Sequence[str], judged: Judged) -> str:
    """Return SQL for the keys of the good rows and their positions, each beside the one before it."""
    names = [identifier(name) for name in key]
    lags = [f"lag({name}) OVER () AS beffroi_lag_{number}" for number, name in enumerate(names)]
    lags += ["rowid AS beffroi_at", "lag(rowid) OVER () AS beffroi_lag_at"]
    return f"(SELECT {', '.join([*names, *lags])} FROM {ROWS} WHERE {judged.rules.good})"


def _same(key: Sequence[str]) -> str:
    return " AND ".join(f"{identifier(name)} = beffroi_lag_{number}" for number, name in enumerate(key))


def _others(dataset: Dataset) -> Iterator[tuple[int, str, str]]:
    """Yield number, name and rule of each column that is no part of the key."""
    for number, column in enumerate(dataset.columns):
        if column.name not in dataset.key:
            yield number, column.name, dataset.merge.rule(column.name)


def _kept(dataset: Dataset) -> str:
    """Return the query of the row that becomes of each key, and of the source that each of its values is from."""
    keys = ", ".join(map(identifier, dataset.key))
    recent = identifier(dataset.merge.recent) if dataset.merge.recent else "NULL"
    counts, chosen = [], []
    for number, column, rule in _others(dataset):
        name, rank = identifier(column), "beffroi_rank"
        if rule == "recent":
            rank = "beffroi_recent"
        elif rule == "majority":
            counts.append(f"count(*) OVER (PARTITION BY {keys}, {name}) AS beffroi_count_{number}")
            rank = f"(beffroi_rank - beffroi_count_{number} * {2**80}::HUGEINT)"
        there = f"FILTER ({name} IS NOT NULL)"
        chosen.append(f"arg_min({name}, {rank}) {there} AS {name}")
        chosen.append(f"arg_min({SOURCE}, {rank}) {there} AS beffroi_from_{number}")
    ranked = f"row_number() OVER (ORDER BY {recent} DESC NULLS LAST, beffroi_rank) AS beffroi_recent"
    rows = f"(SELECT *, {', '.join([ranked, *counts])} FROM {TWICE})"
    first = ", ".join(f"arg_min({name}, beffroi_rank) AS {name}" for name in ("beffroi_row", SOURCE, PLACE))
    return f"SELECT {', '.join([keys, first, *chosen])} FROM {rows} GROUP BY {keys}"


def _update(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> bool:
    """Give the rows that stay the values that are kept; return whether any row has another position since."""
    names = [identifier(name) for _, name, _ in _others(dataset)]
    if not names:
        return False
    values = ", ".join(f"{name} = {KEPT}.{name}" for name in names)
    differs = " OR ".join(f"{ROWS}.{name} IS DISTINCT FROM {KEPT}.{name}" for name in names)
    connection.execute(
        f"UPDATE {ROWS} SET {values} FROM {KEPT} WHERE {ROWS}.rowid = {KEPT}.beffroi_row AND ({differs})"
    )
    return any(column.type == "array" for column in dataset.columns)


def duplicates(dataset: Dataset) -> str:
    """Return the query of the rows that were merged away, each with the one that stays."""
    keys = ", ".join(map(identifier, dataset.key))
    kept = f"SELECT {keys}, beffroi_row AS beffroi_stays, {SOURCE} AS kept_source, {PLACE} AS kept_place FROM {KEPT}"
    return (
        f"SELECT {SOURCE} AS source, {PLACE} AS place, kept_source, kept_place FROM {TWICE}"
        f" JOIN ({kept}) beffroi_first USING ({keys}) WHERE beffroi_row <> beffroi_stays ORDER BY source, place"
    )


def conflicts(dataset: Dataset) -> str:
    """Return the query of the values that others of the same key are not: what was kept, and what was not.

    Where linking fills in the key, what identifies a record within its source is no conflict: each source has its own. Nor
    are the moments that tell which row is the most recent, where the greatest is kept: they differ as a matter of course.
    """
    names = [source.name for source in dataset.inputs]
    called = f"[{', '.join(map(quote, names))}]"
    text = key_sql(dataset.key, TWICE, moments(dataset))
    keys = " AND ".join(f"{TWICE}.{identifier(name)} = {KEPT}.{identifier(name)}" for name in dataset.key)
    own = {name for column in dataset.key if column in dataset.link for name in linked.identity(dataset, column)}
    parts = []
    for number, column, rule in _others(dataset):
        if column in own or (column == dataset.merge.recent and rule == "recent"):
            continue
        ours, theirs = f"{KEPT}.{identifier(column)}", f"{TWICE}.{identifier(column)}"
        parts.append(
            f'SELECT {text} AS key, {quote(column)} AS "column", {quote(rule)} AS rule,'
            f" CAST({ours} AS VARCHAR) AS kept, {called}[{KEPT}.beffroi_from_{number} + 1] AS kept_source,"
            f" CAST({theirs} AS VARCHAR) AS other, {called}[{TWICE}.{SOURCE} + 1] AS other_source,"
            f" {TWICE}.{PLACE} AS other_place FROM {TWICE} JOIN {KEPT} ON {keys} WHERE {ours} <> {theirs}"
        )
    nothing = "SELECT '' AS key, '' AS \"column\", '' AS rule, '' AS kept, '' AS kept_source, '' AS other,"
    nothing += " '' AS other_source, CAST(0 AS BIGINT) AS other_place LIMIT 0"
    return " UNION ALL ".join([f"({nothing})", *parts]) + " ORDER BY ALL"
