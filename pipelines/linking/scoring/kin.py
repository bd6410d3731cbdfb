"""How much likelier two that are kin are at a level of a comparison than any two: what relatives have in common, and what not."""

import math
from collections.abc import Sequence

from pipelines.linking.recipe import Comparison, Kin
from pipelines.linking.scoring.learning import Levels
from pipelines.sql import double

NEARLY_ALL = 0.95
"""Of kin that are at some levels only those that are found to be: the others' values are misspelt."""


def bits(kin: Kin, used: Sequence[Comparison], levels: Levels, *, told: bool = False) -> dict[str, list[float]]:
    """Return, of the comparisons in which kin are not as any two, what each level weighs for their being kin, in bits.

    With `told` it is what that is where another comparison tells each, so that being one entity weighs nothing there.
    """
    found = {}
    for each in used:
        weights = [
            0.0 if told or level.elsewhere else math.log2(m / u)
            for level, (m, u) in zip(each.levels, levels[each.name], strict=True)
        ]
        if each.name in kin.only:
            group = kin.only[each.name]
            found[each.name] = _only(each, levels[each.name], group, weights if each.name in kin.alike else None)
        elif each.name in kin.alike:
            found[each.name] = weights
        elif each.name in kin.perhaps:
            found[each.name] = [math.log2(0.5 + 0.5 * 2**weight) for weight in weights]
        elif each.name in kin.seldom:
            one = [at == 0 or level.as_first for at, level in enumerate(each.levels)]
            found[each.name] = [math.log2(kin.seldom[each.name]) if same else 0.0 for same in one]
    return found


def _only(
    comparison: Comparison, levels: Sequence[tuple[float, float]], group: str, alike: Sequence[float] | None
) -> list[float]:
    """Return what the levels weigh where nearly all are at those of a group.

    They are as often at each as any two that are; or as the same, where that makes them `alike`, by these weights. Then they
    are as the same as well at a level of no group: it is a mistake of one record, and refutes no kin.
    """
    theirs = [level.group == group for level in comparison.levels]
    often = sum((u if alike is None else m) for its, (m, u) in zip(theirs, levels, strict=True) if its)
    found = []
    for at, (level, its) in enumerate(zip(comparison.levels, theirs, strict=True)):
        if its:
            found.append(math.log2(NEARLY_ALL / often) + (alike[at] if alike else 0))
        else:
            found.append(alike[at] if alike and level.group is None else math.log2(1 - NEARLY_ALL))
    return found


def sql(kin: Kin, used: Sequence[Comparison], levels: Levels) -> dict[str, str]:
    """Return the same as SQL of level_NAME and w_NAME, with what the rarity of a value adds to its weight."""
    found, comparisons = {}, {each.name: each for each in used}
    for name, weights in bits(kin, used, levels).items():
        if name in kin.alike and name not in kin.only:
            found[name] = f"w_{name}"
        elif name in kin.perhaps:
            found[name] = f"log2(0.5e0 + 0.5e0 * 2 ** least(500, w_{name}))"
        else:
            found[name] = _cases(kin, comparisons[name], weights, levels[name])
    return found


def _cases(kin: Kin, comparison: Comparison, weights: Sequence[float], levels: Sequence[tuple[float, float]]) -> str:
    """Return SQL of the weight of each level; where kin are at it for one reason, as much more as a rare value weighs there."""
    name, cases = comparison.name, ""
    for at, (level, weight, (m, u)) in enumerate(zip(comparison.levels, weights, levels, strict=True), 1):
        if name in kin.only and (weight > 0 or (name in kin.alike and level.group is None)):
            cases += f" WHEN {at} THEN {double(weight - math.log2(m / u))} + w_{name}"
        elif weight:
            cases += f" WHEN {at} THEN {double(weight)}"
    return f"(CASE level_{name}{cases} ELSE 0e0 END)"
