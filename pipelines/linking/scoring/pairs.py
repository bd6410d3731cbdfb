"""Pairs: which records are compared, how much each comparison of two weighs, and how likely that makes them the same."""

import math
from dataclasses import dataclass
from itertools import chain

import duckdb

from pipelines.linking.recipe import Comparison, Recipe
from pipelines.linking.scoring import kin
from pipelines.linking.scoring.blocking import Blocked, candidates
from pipelines.linking.scoring.levels import again, compared, frequencies, rares
from pipelines.linking.scoring.model import Model
from pipelines.sql import double

__all__ = ["Blocked", "Histogram", "candidates", "score"]

EQUAL = 0.999999
"""Probability of a pair whose identifiers are equal and that nothing contradicts."""

HISTOGRAM = "SELECT floor(weight)::INT, count(*), sum(p) FROM beffroi_scored WHERE identifier IS NULL GROUP BY 1"


@dataclass(frozen=True)
class Histogram:
    """Scored pairs by weight, but for those of equal identifiers: lower edge (width 1) -> pairs, sum of probabilities."""

    bins: dict[int, tuple[int, float]]


def score(
    connection: duckdb.DuckDBPyConnection, recipe: Recipe, model: Model, prepared: str, candidates: str, into: str,
    floor: float, known: str | None = None,
) -> Histogram:  # fmt: skip
    """Make the temp table `into` of the pairs of at least the probability `floor`, and count all by weight.

    It has l, r, rules, how (identifier | model), identifier (which one), weight, probability, and for each comparison of
    the recipe level_NAME (0: nothing to compare, else as in the recipe from 1) and weight_NAME, what the rarity of the
    value adds included. `known` is a table of pairs whose levels an earlier call found (l, r, rules, level_NAME): they are
    weighed with today's rarity, and not compared again. A pair whose identifiers are equal is linked, but where all the rest speaks against it: then its
    probability lies between both thresholds.
    """
    used = [each for each in recipe.comparisons if each.name in model.levels]
    rare = frequencies(connection, used, prepared)
    parts = compared(connection, used, rare, prepared, candidates)
    start, bins = f"CREATE OR REPLACE TEMP TABLE {into} AS", dict[int, tuple[int, float]]()
    for query in chain(parts, again(connection, used, rare, prepared, known) if known else ()):
        # what is weighed is read twice, and to weigh it takes longer than to keep some of it for a moment
        connection.execute(f"CREATE OR REPLACE TEMP TABLE beffroi_scored AS {weighed(query, recipe, model, used)}")
        connection.execute(f"{start} {_kept(recipe, used, floor)}")
        start = f"INSERT INTO {into}"
        for edge, pairs, share in connection.execute(HISTOGRAM).fetchall():
            before = bins.get(edge, (0, 0.0))
            bins[edge] = (before[0] + pairs, before[1] + share)
    connection.execute("DROP TABLE beffroi_scored")
    for column in rare:
        connection.execute(f"DROP TABLE beffroi_rare_{column}")
    return Histogram(bins)


def _kept(recipe: Recipe, used: list[Comparison], floor: float) -> str:
    """Return SQL for the pairs of beffroi_scored that are kept."""
    link = recipe.thresholds.link
    doubt = min((recipe.thresholds.review + link) / 2, math.nextafter(link, 0))  # both thresholds may be one
    none = [each.name for each in recipe.comparisons if each not in used]
    columns = [f"level_{each.name}" for each in used] + [f"0::UTINYINT AS level_{name}" for name in none]
    columns += [f"{_told(each, recipe)}::DOUBLE AS weight_{each.name}" for each in used]
    columns += [f"0::DOUBLE AS weight_{name}" for name in none]
    return f"""
        SELECT l, r, rules, CASE WHEN identifier IS NULL THEN 'model' ELSE 'identifier' END AS how, identifier, weight,
        CASE WHEN identifier IS NULL THEN p WHEN others < {recipe.contradiction} THEN {doubt!r} ELSE greatest(p, {max(EQUAL, link)!r})
        END AS probability, {", ".join(columns)} FROM beffroi_scored WHERE p >= {floor} OR identifier IS NOT NULL"""


def weighed(query: str, recipe: Recipe, model: Model, used: list[Comparison], *, rarity: bool = True) -> str:
    """Return SQL for what `query` gives with w_NAME, weight, p, which identifier is equal, what others weigh.

    Without `rarity` every value counts as one that is neither rare nor common, and `query` need not tell. What several comparisons say for one reason (kin) is counted as the model of three kinds of pairs has it: a pair is of
    one entity, of two that are kin, or of any two. `less` is what that takes off, `more` what it is taken off from.
    """
    names = {each.name for each in used}
    weights = ", ".join(f"{_weight(each, model, used, rarity=rarity)} AS w_{each.name}" for each in used)
    chances = [
        f"{double(share)} * 2 ** least(500, {' + '.join(odds.values())})"
        for share, each in zip(model.kin, recipe.kin, strict=True)
        if (odds := kin.sql(each, used, model.levels)) and names & set(each.shared)
    ]
    shared = sorted({f"w_{name}" for each in recipe.kin for name in each.shared if name in names})
    more = " + ".join(["0e0", *(f"greatest(0, {name})" for name in shared)])
    others = " + ".join(["0e0", *(f"w_{each.name}" for each in used if not each.exact)])
    every = " + ".join([double(model.prior_weight), *(f"w_{each.name}" for each in used)])
    which = "".join(f" WHEN level_{each.name} = 1 THEN '{each.name}'" for each in used if each.exact)
    told = [f"rare_{column}" for column in rares(used)] if rarity else []
    dropped = f" EXCLUDE ({', '.join(told)})" if told else ""
    return f"""
        SELECT *, 1 / (1 + 2 ** -greatest(-500, least(500, weight))) AS p FROM (
        SELECT *, ({every}) - less AS weight, ({others}) - less AS others FROM (
        SELECT *, log2({" + ".join(["1e0", *chances])}) AS less, {more} AS more,
        {f"CASE{which} END" if which else "NULL::VARCHAR"} AS identifier
        FROM (SELECT *{dropped}, {weights} FROM ({query}))))"""


def _told(comparison: Comparison, recipe: Recipe) -> str:
    """Return SQL for what is told of a comparison's weight: where kin are alike in it, its part of `less` is off."""
    name = f"w_{comparison.name}"
    if any(comparison.name in each.shared for each in recipe.kin):
        return f"({name} - greatest(0, {name}) * CASE WHEN more > 0 THEN less / more ELSE 0 END)"
    return name


def _weight(comparison: Comparison, model: Model, used: list[Comparison], *, rarity: bool) -> str:
    """Return SQL for the weight of a comparison from its level, in bits: none where the level of another one tells it."""
    told = {each.name: levels for each in used if (levels := each.telling(comparison.name))}
    cases = "".join(f" WHEN level_{name} IN ({', '.join(map(str, levels))}) THEN 0e0" for name, levels in told.items())
    for at, (level, weight) in enumerate(zip(comparison.levels, _bits(comparison, model), strict=True), 1):
        more = f" + coalesce(rare_{level.rare}, 0)" if rarity and level.rare else ""
        cases += f" WHEN level_{comparison.name} = {at} THEN {double(weight)}{more}"
    return f"(CASE{cases} ELSE 0e0 END)"


def _bits(comparison: Comparison, model: Model) -> list[float]:
    """Return the weights of the levels of a comparison: nothing for what another comparison tells."""
    weights = zip(comparison.levels, model.weights(comparison.name), strict=True)
    return [0.0 if level.elsewhere else weight for level, weight in weights]
