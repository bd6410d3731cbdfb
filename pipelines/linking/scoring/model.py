"""The model: how much each level of each comparison weighs, and how likely two records are the same before they are compared.

What tells no records apart is left out. Where records are few, the model is what the recipe says; else `learning` finds
how often pairs of the same entity and of two are at each level, and `rates` how many of such pairs there are.
"""

import math
from dataclasses import dataclass
from typing import Any, Self

import duckdb

from pipelines.linking.prepare import filled
from pipelines.linking.recipe import Comparison, Recipe
from pipelines.linking.scoring import rates
from pipelines.linking.scoring.learning import Levels, learn

FEW = 200
"""Records under which nothing is learnt."""

CHANCE = 10
"""Records under which it is chance that all have the same value: two that are alike are no less so without a third."""


@dataclass(frozen=True)
class Model:
    """What was learnt: m and u of every level of the comparisons that are used, and the probability before looking.

    `kin` are the shares of pairs that are of the recipe's kinds of kin; `trained` tells by how many pairs of the same entity each training block counted.
    """

    record: str
    prior: float
    kin: list[float]
    levels: Levels
    trained: dict[str, int]

    @property
    def prior_weight(self) -> float:
        """Return the prior in bits."""
        return math.log2(self.prior / (1 - self.prior))

    def weights(self, comparison: str) -> list[float]:
        """Return the weight of each level of a comparison, in bits."""
        return [math.log2(m / u) for m, u in self.levels[comparison]]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON holds it; no value of a record is in it."""
        return {
            "record": self.record,
            "prior": self.prior,
            "kin": self.kin,
            "levels": self.levels,
            "trained": self.trained,
        }

    @classmethod
    def of_json(cls, data: dict[str, Any]) -> Self:
        """Return the model that `to_json` wrote."""
        levels = {name: [(m, u) for m, u in pairs] for name, pairs in data["levels"].items()}
        return cls(data["record"], data["prior"], data["kin"], levels, data["trained"])


def train(connection: duckdb.DuckDBPyConnection, recipe: Recipe, prepared: str, *, across: str | None = None) -> Model:
    """Train the recipe's model on prepared records; a comparison of what tells no records apart is left out of it.

    `across` is the column in which the records of a pair differ: origin, side, or None.
    """
    frame = rates.Frame.of(connection, prepared, across)
    present, telling = filled(connection, prepared)
    used = _used(recipe.comparisons, present, telling, frame.records)
    levels: Levels = {each.name: [(level.m, level.u) for level in each.levels] for each in used}
    shares = frame.said(recipe)
    if frame.records < FEW or not levels:
        return Model(recipe.record, shares[0], shares[1:], levels, {})
    blocks = [each for each in recipe.training if set(each.on) <= telling]
    levels, trained = learn(connection, recipe, prepared, levels, blocks, across)
    shares = rates.find(connection, recipe, prepared, levels, frame)
    return Model(recipe.record, shares[0], shares[1:], levels, trained)


def is_whole(connection: duckdb.DuckDBPyConnection, recipe: Recipe, prepared: str, model: Model) -> bool:
    """Tell whether a model that was trained before has every comparison that tells these prepared records apart.

    Only what comparisons that it has not would be of is read.
    """
    others = [each for each in recipe.comparisons if each.name not in model.levels]
    if not others:
        return True
    row = connection.execute(f"SELECT count(*) FROM {prepared}").fetchone()
    present, telling = filled(connection, prepared, {column for each in others for column in each.missing})
    return not _used(others, present, telling, int(row[0]) if row else 0)


def _used(comparisons: list[Comparison], present: set[str], telling: set[str], records: int) -> list[Comparison]:
    """Return the comparisons that tell records apart, by the prepared columns that have a value, and those that have two."""
    by_chance = records < CHANCE
    return [each for each in comparisons if each.tells(present if each.exact or by_chance else telling)]
