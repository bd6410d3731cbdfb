"""How many pairs are of the same entity, and of two that are kin: by expectation and maximisation over candidate pairs.

The candidates of a sample of records are enough. What the recipe says counts as much as a few hundred records.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import duckdb
import numpy as np
import numpy.typing as npt

from pipelines.linking.recipe import Comparison, Recipe
from pipelines.linking.scoring import kin
from pipelines.linking.scoring.blocking import candidates
from pipelines.linking.scoring.learning import Levels
from pipelines.linking.scoring.levels import levels as make_levels

SAMPLED = 20_000
"""Records whose candidates are looked at, at most."""

SAID = 10
"""Records that what the recipe says stands for."""

ROUNDS = 100


@dataclass(frozen=True)
class Frame:
    """The pairs that a model is of: of how many records, how many, and in which column both must differ."""

    records: int
    pairs: int
    across: str | None

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection, prepared: str, across: str | None) -> Self:
        """Count the records of a table, and the pairs of them."""
        counted = f"SELECT count(*) FROM {prepared} GROUP BY {across or '()'}"
        held = [int(row[0]) for row in connection.execute(counted).fetchall()]
        records = sum(held)
        pairs = (records**2 - sum(each**2 for each in held)) // 2 if across else records * (records - 1) // 2
        return cls(records, pairs, across)

    def said(self, recipe: Recipe) -> list[float]:
        """Return the shares of pairs that the recipe expects: of the same entity first, then of each kind of kin.

        Between a short table and a long one there are no more such pairs than the short one has records.
        """
        share = 2 / max(self.records, 40)
        return [each * share for each in (recipe.prior, *(kin.per_record for kin in recipe.kin))]


def find(
    connection: duckdb.DuckDBPyConnection, recipe: Recipe, prepared: str, levels: Levels, frame: Frame
) -> list[float]:
    """Return the shares of pairs that are of the same entity, and of each kind of kin."""
    each_of = (
        SAMPLED if frame.across is None else f"{SAMPLED} / (SELECT count(DISTINCT {frame.across}) FROM {prepared})"
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE beffroi_drawn AS SELECT n FROM {prepared}
        QUALIFY row_number() OVER (PARTITION BY {frame.across or 1} ORDER BY hash(n::BIGINT), n) <= {each_of}"""
    )
    rest = f"(FROM {prepared} WHERE n NOT IN (FROM beffroi_drawn))"
    touched = frame.pairs - Frame.of(connection, rest, frame.across).pairs
    candidates(connection, recipe, prepared, "beffroi_tried", new="beffroi_drawn", across=frame.across)
    used = [each for each in recipe.comparisons if each.name in levels]
    make_levels(connection, used, prepared, "beffroi_tried", "beffroi_levels")
    names = [each.name for each in used]
    rows = connection.execute(
        f"SELECT count(*), {', '.join(f'level_{name}' for name in names)} FROM beffroi_levels GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    for table in ("drawn", "tried", "levels"):
        connection.execute(f"DROP TABLE beffroi_{table}")
    said = frame.said(recipe)
    if not rows:
        return said
    found = np.array(rows, dtype=np.int64)
    told = np.stack([_told(used, name, found) for name in names], axis=1)
    same = {each.name: _same(each, levels[each.name]) for each in used}
    kinds = [_weights(names, found, told, same, {name: [0.0] * len(same[name]) for name in names})]
    for each in recipe.kin:
        odds = kin.bits(each, used, levels)
        kinds.append(_weights(names, found, told, odds, kin.bits(each, used, levels, told=True)))
    return _shares(found[:, 0], np.stack(kinds), said, touched, frame)


def _told(used: list[Comparison], name: str, found: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return of which patterns of levels the level of some comparison tells the one of this name."""
    told = np.zeros(len(found), np.bool_)
    for at, each in enumerate(used, 1):
        told |= np.isin(found[:, at], each.telling(name))
    return told


def _same(comparison: Comparison, levels: Sequence[tuple[float, float]]) -> list[float]:
    """Return what each level weighs for being of the same entity, in bits."""
    each_of = zip(comparison.levels, levels, strict=True)
    return [0.0 if level.elsewhere else math.log2(m / u) for level, (m, u) in each_of]


def _weights(
    names: list[str],
    found: npt.NDArray[np.int64],
    told: npt.NDArray[np.bool_],
    bits: Mapping[str, list[float]],
    where_told: Mapping[str, list[float]],
) -> npt.NDArray[np.float64]:
    """Return the weight, in bits, of each pattern of levels: of the comparisons in `bits`, or `where_told` where one is."""
    weights = np.zeros(len(found))
    for at, name in enumerate(names):
        if name in bits:
            level, other = found[:, 1 + at], told[:, at]
            weights += np.where(other, np.array([0.0, *where_told[name]])[level], np.array([0.0, *bits[name]])[level])
    return weights


def _shares(
    pairs: npt.NDArray[np.int64], kinds: npt.NDArray[np.float64], said: list[float], touched: int, frame: Frame
) -> list[float]:
    """Return the shares that explain best how many pairs have each pattern; `kinds` are its weights for each kind."""
    odds = 2.0 ** np.clip(kinds, -500, 500)
    before = SAID * max(1.0, frame.pairs / max(frame.records, 1))
    shares = np.array(said)
    for _ in range(ROUNDS):
        likely = shares[:, None] * odds
        likely /= 1 + likely.sum(axis=0)
        shares = ((likely * pairs).sum(axis=1) + before * np.array(said)) / (touched + before)
    return [float(each) for each in np.minimum(shares, 0.5)]
