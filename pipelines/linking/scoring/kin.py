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

    They are as often at each as any two that are; or as the same, where that makes them `alike`, by these weights.
    """
    theirs = [level.group == group for level in comparison.levels]
    often = sum((u if alike is None else m) for its, (m, u) in zip(theirs, levels, strict=True) if its)
    return [
        math.log2(NEARLY_ALL / often) + (alike[at] if alike else 0) if its else math.log2(1 - NEARLY_ALL)
        for at, its in enumerate(theirs)
    ]


def sql(kin: Kin, used: Sequence[Comparison], levels: Levels) -> dict[str, str]:
    """Return the same as SQL of level_NAME and w_NAME, with what the rarity of a value adds to its weight."""
    found = {}
    for name, weights in bits(kin, used, levels).items():
        if name in kin.alike and name not in kin.only:
            found[name] = f"w_{name}"
        elif name in kin.perhaps:
            found[name] = f"log2(0.5e0 + 0.5e0 * 2 ** least(500, w_{name}))"
        else:
            found[name] = _cases(name, weights, levels[name] if name in kin.only else None)
    return found


def _cases(name: str, weights: Sequence[float], rare: Sequence[tuple[float, float]] | None) -> str:
    """Return SQL of the weight of each level; where `rare` has m and u, as much more as a rare value weighs there."""
    cases = ""
    for at, weight in enumerate(weights, 1):
        if rare is not None and weight > 0:
            m, u = rare[at - 1]
            cases += f" WHEN {at} THEN {double(weight - math.log2(m / u))} + w_{name}"
        elif weight:
            cases += f" WHEN {at} THEN {double(weight)}"
    return f"(CASE level_{name}{cases} ELSE 0e0 END)"
