"""Learning m and u of a recipe's comparisons from prepared records.

u is counted in pairs taken at random, m found by expectation and maximisation among pairs that are alike in something
(Splink does both, see `training`). What the recipe says of both counts as much as a few pairs, so that little data
changes little, and what was never seen is not impossible.
"""

import math
import statistics

import duckdb

from pipelines.linking.recipe import Comparison, Recipe, Training
from pipelines.linking.scoring import training

SAMPLED = 2_000_000
"""Pairs that u is counted in, about."""

TRAINED = 300_000
"""Pairs that one training block gives, about."""

CROWD = 500
"""Records that are alike in a training block at most; larger crowds train nothing."""

FEW = 50
"""Pairs of a training block under which it trains nothing."""

SAID_M, SAID_U = 20.0, 2.0
"""As many pairs of the same entity, and of two, what the recipe says stands for."""

RARELY = 0.005
"""Of what the recipe says of m, at least this remains: training on one register must not make a mistake impossible."""

Levels = dict[str, list[tuple[float, float]]]
"""m and u of each level of each comparison."""


def learn(
    connection: duckdb.DuckDBPyConnection,
    recipe: Recipe,
    prepared: str,
    said: Levels,
    blocks: list[Training],
    across: str | None,
) -> tuple[Levels, dict[str, int]]:
    """Return m and u of the comparisons that stand in `said`, and how many pairs of the same entity each block found."""
    free = [each for each in recipe.comparisons if each.name in said and each.trained and not each.exact]
    levels = dict(said)
    seen, records, sampled = _seen(connection, prepared, free)
    levels |= {name: _mixed_u(levels[name], seen[name], sampled, 0) for name in seen}
    found = [(block, _session(connection, prepared, free, levels, block, across)) for block in blocks]
    sessions = [(block, session) for block, session in found if session is not None]
    for name in seen:
        told = [(each.m[name], each.same) for _, each in sessions if name in each.m]
        levels[name] = _mixed_m(said[name], levels[name], told)
    if sessions:
        same = statistics.median(each.same / _alike(levels, block) for block, each in sessions)
        share = min(0.5, same / (records * (records - 1) / 2))
        levels |= {name: _mixed_u(levels[name], seen[name], sampled, share) for name in seen}
    levels |= {each.name: _tied(each, levels[each.name]) for each in free if each.name in seen}
    return levels, {" + ".join(block.on): round(each.same) for block, each in sessions}


def _seen(
    connection: duckdb.DuckDBPyConnection, prepared: str, free: list[Comparison]
) -> tuple[dict[str, list[float | None]], int, int]:
    """Return how often pairs of records taken at random are at each level, how many records there are, and pairs were."""
    row = connection.execute(f"SELECT count(*) FROM {prepared}").fetchone()
    records = int(row[0]) if row else 0
    take = min(records, math.isqrt(2 * SAMPLED))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE beffroi_sample AS FROM {prepared} ORDER BY hash(n::BIGINT), n LIMIT {take}"
    )
    seen = training.u(connection, "beffroi_sample", free)
    connection.execute("DROP TABLE beffroi_sample")
    return seen, records, take * (take - 1) // 2


def _mixed_u(
    levels: list[tuple[float, float]], seen: list[float | None], sampled: int, share: float
) -> list[tuple[float, float]]:
    """Return levels with u as seen; `share` of the pairs that it was seen in are of the same entity, and taken out."""
    mixed = []
    for (m, said), each in zip(levels, seen, strict=True):
        counted = sampled * (each or 0)
        others = max(counted - sampled * share * m, counted / 20)
        mixed.append((m, (others + SAID_U * said) / (sampled + SAID_U)))
    total = sum(u for _, u in mixed)
    return [(m, u / total) for m, u in mixed]


def _session(
    connection: duckdb.DuckDBPyConnection,
    prepared: str,
    free: list[Comparison],
    levels: Levels,
    block: Training,
    across: str | None,
) -> training.Found | None:
    """Train on the pairs that are alike in a block: all, or those of some keys where that would be too many."""
    key, used = ", ".join(block.on), [each for each in free if each.name not in block.leaves]
    filled_in = " AND ".join(f"{column} IS NOT NULL" for column in block.on)
    crowds = f"""SELECT {key}, count(*) AS held FROM {prepared} WHERE {filled_in} GROUP BY ALL
        HAVING held BETWEEN 2 AND {CROWD}"""
    row = connection.execute(f"SELECT sum(held * (held - 1) / 2) FROM ({crowds})").fetchone()
    pairs = int(row[0] or 0) if row else 0
    one_in = max(1, round(pairs / TRAINED))
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE beffroi_sample AS FROM {prepared} SEMI JOIN
        (FROM ({crowds}) WHERE hash({key}) % {one_in} = 0) USING ({key})"""
    )
    on = " AND ".join(
        [*(f"l.{column} = r.{column}" for column in block.on), *([f"l.{across} <> r.{across}"] * bool(across))]
    )
    row = connection.execute(
        f"SELECT count(*) FROM beffroi_sample l JOIN beffroi_sample r ON l.n < r.n AND {on}"
    ).fetchone()
    pairs = int(row[0]) if row else 0
    found = training.m(connection, "beffroi_sample", used, levels, on, pairs) if used and pairs >= FEW else None
    connection.execute("DROP TABLE beffroi_sample")
    return training.Found(found.m, found.same * one_in) if found and found.same >= 1 else None


def _mixed_m(
    said: list[tuple[float, float]], levels: list[tuple[float, float]], told: list[tuple[list[float | None], float]]
) -> list[tuple[float, float]]:
    """Return levels with m as the sessions told, each by as many pairs as it found, and as the recipe says."""
    total = sum(same for _, same in told) + SAID_M
    mixed = []
    for at, (m, _) in enumerate(said):
        counted = sum(same * (found[at] or 0) for found, same in told)
        mixed.append(max((counted + SAID_M * m) / total, RARELY * m))
    return [(m / sum(mixed), u) for m, (_, u) in zip(mixed, levels, strict=True)]


def _tied(comparison: Comparison, levels: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return levels in which those that weigh as the last one do so, no more than the recipe says, and those of one nothing.

    No last one speaks for: of what the records had none, and those to come may have, nothing is learnt.
    """
    last, (m, u) = comparison.levels[-1], levels[-1]
    alike = [level.as_last for level in comparison.levels]
    odds = min(m / u, last.m / last.u if any(alike) else 1)
    tied = [u * odds if so else m for so, (m, u) in zip([*alike[:-1], True], levels, strict=True)]
    of_one = sum(u for level, (_, u) in zip(comparison.levels, levels, strict=True) if level.of_one)
    others = sum(m for level, m in zip(comparison.levels, tied, strict=True) if not level.of_one)
    return [
        (u if level.of_one else m / others * (1 - of_one), u)
        for level, m, (_, u) in zip(comparison.levels, tied, levels, strict=True)
    ]


def _alike(levels: Levels, block: Training) -> float:
    """Return how many of the pairs of the same entity are alike in what a training block leaves out, about."""
    return math.prod(levels[name][0][0] for name in block.leaves if name in levels)
