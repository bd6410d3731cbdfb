"""A labelled sample: pairs drawn by chance for a person to judge, and what her verdicts say of precision and recall.

The sample is stratified by what the model makes of a pair: few pairs are in doubt and many are clear, and a plain one
would hold clear ones alone. Half of it is of linked pairs, for precision, half of others, for recall; within each half it
goes to strata as Neyman's allocation has it (Cochran, Sampling Techniques, 3rd ed. 1977, 5.5), by the model's own doubt.
What each stratum has among the pairs that nobody judged is drawn, as many times as it takes: a share of true pairs, and of
that whole pairs. The share is that of Clopper and Pearson (Biometrika 26, 1934), who err on the side of too wide bounds: one
for the least, one for the most (Brown, Cai and DasGupta 2001, Statistical Science 16, 101-133, compare it with others).
Precision and recall, which are made of several strata, have the percentiles of what is drawn from all of them together.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb
import numpy as np
import numpy.typing as npt

from pipelines.linking.recipe import Thresholds

STRATA = ("identifier", "linked-surely", "linked", "doubtful", "apart", "apart-surely")
"""The strata: the first three are linked, the others are not."""

LINKED = STRATA[:3]

Floats = npt.NDArray[np.float64]

EACH = 0.05
"""Share of a sample that each stratum gets at least, as far as it has pairs."""

DOUBT = 0.01
"""Variance of a verdict that no model takes away, however sure it is: that of one in a hundred."""

DRAWS = 20_000
"""How often precision and recall are drawn: their bounds are right to about a fiftieth of the interval's width."""


def stratum(thresholds: Thresholds) -> str:
    """Return SQL for the stratum of a pair of a table with `how` and `probability`."""
    surely, hardly = 1 - (1 - thresholds.link) / 100, thresholds.review / 10
    return f"""CASE WHEN how = 'identifier' AND probability >= {thresholds.link} THEN 'identifier'
        WHEN probability >= {surely} THEN 'linked-surely' WHEN probability >= {thresholds.link} THEN 'linked' WHEN probability >= {thresholds.review} THEN 'doubtful'
        WHEN probability >= {hardly} THEN 'apart' ELSE 'apart-surely' END"""


@dataclass(frozen=True)
class Drawn:
    """A pair of the sample: both identities, its figures, and the stratum with how many pairs that has."""

    a: str
    b: str
    weight: float
    probability: float
    stratum: str
    of: int


def draw(
    connection: duckdb.DuckDBPyConnection, pairs: str, thresholds: Thresholds, most: int, seed: int = 0
) -> list[Drawn]:
    """Return `most` pairs, or all where there are fewer, in an order that tells nothing of what they are.

    `pairs`: l and r as identities, how, weight, probability. The same pairs and seed give the same sample.
    """
    by_stratum = f"SELECT *, {stratum(thresholds)} AS stratum, hash(l, r, {seed:d}) AS chance FROM {pairs}"
    there = connection.execute(
        f"SELECT stratum, count(*), avg(probability) FROM ({by_stratum}) GROUP BY ALL"
    ).fetchall()
    wanted = allocated({name: (held, float(share or 0)) for name, held, share in there}, most)
    found = connection.execute(
        f"""SELECT l, r, weight, probability, stratum, held FROM (
                SELECT *, row_number() OVER (PARTITION BY stratum ORDER BY chance, l, r) AS place,
                       count(*) OVER (PARTITION BY stratum) AS held FROM ({by_stratum}))
            JOIN (SELECT unnest($names) AS stratum, unnest($wanted) AS wanted) USING (stratum)
            WHERE place <= wanted ORDER BY chance, l, r""",
        {"names": list(wanted), "wanted": list(wanted.values())},
    ).fetchall()
    return [Drawn(*row) for row in found]


def allocated(strata: Mapping[str, tuple[int, float]], most: int) -> dict[str, int]:
    """Return how many pairs to draw of each stratum, of which it is known how many there are and their mean probability.

    No stratum gives more than it has, each gives one where there is room, and together they give `most`, or all.
    """
    there = [name for name in STRATA if strata.get(name, (0, 0.0))[0]]
    sides = [side for side in ([n for n in there if n in LINKED], [n for n in there if n not in LINKED]) if side]
    wish = dict.fromkeys(there, most * EACH)
    for side in sides:
        spread = {name: strata[name][0] * math.sqrt(max(_variance(strata[name][1]), DOUBT)) for name in side}
        rest = most * (1 - EACH * len(there)) / len(sides) / sum(spread.values())
        for name, each in spread.items():
            wish[name] += rest * each
    found = dict.fromkeys(there, int(most >= len(there)))
    for _ in range(min(most, sum(strata[name][0] for name in there)) - sum(found.values())):
        room = [name for name in there if found[name] < strata[name][0]]
        found[max(room, key=lambda name: wish[name] - found[name])] += 1
    return found


def _variance(share: float) -> float:
    return share * (1 - share)


# --- what verdicts say -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figure:
    """A share as estimated, and the bounds between which it lies with 95 %."""

    estimate: float
    least: float
    most: float


@dataclass
class Stratum:
    """What was judged of a stratum: how many pairs it has, how many of those judged are the same, and were `expected` to be."""

    of: int
    same: int = 0
    different: int = 0
    unsure: int = 0
    expected: float = 0.0

    def judge(self, verdict: str, probability: float) -> None:
        """Count a verdict: same, different or unsure. What the model expected counts where there is one or the other."""
        setattr(self, verdict, getattr(self, verdict) + 1)
        self.expected += probability if verdict != "unsure" else 0.0

    @property
    def judged(self) -> int:
        """Return how many were judged one way or the other."""
        return self.same + self.different


@dataclass(frozen=True)
class Checked:
    """What a sample says: how many verdicts it rests on, precision and recall, and all by stratum.

    `precision` is None where no pair is linked, `recall` where none is the same. Recall is of the pairs that were drawn
    from: what was never compared, or scored too low to be kept, no sample has.
    """

    judged: int
    unsure: int
    empty: int
    precision: Figure | None
    recall: Figure | None
    strata: dict[str, Stratum] = field(default_factory=dict)


def check(strata: Mapping[str, Stratum], empty: int = 0) -> Checked:
    """Return what verdicts say; `empty` counts the pairs of the sample without one. `unsure` counts for neither side."""
    strata = {name: strata[name] for name in STRATA if name in strata}
    judged = sum(each.judged for each in strata.values())
    unsure = sum(each.unsure for each in strata.values())
    if not judged:
        return Checked(0, unsure, empty, None, None, strata)
    chance = np.random.default_rng(0)  # drawn to be the same again
    least, most = ({name: _drawn(each, chance, up) for name, each in strata.items()} for up in (0, 1))
    middle = {name: each.of * (each.same + 0.5) / (each.judged + 1) for name, each in strata.items() if not each.judged}
    middle |= {name: each.of * each.same / each.judged for name, each in strata.items() if each.judged}
    links = sum(strata[name].of for name in LINKED if name in strata)
    true = sum(middle.values())
    return Checked(
        judged, unsure, empty,
        _figure(float(_linked(middle)) / links, _linked(least) / links, _linked(most) / links) if links else None,
        _figure(float(_linked(middle)) / true, _found(least, most), _found(most, least)) if true else None, strata,
    )  # fmt: skip


def _drawn(each: Stratum, chance: np.random.Generator, up: int) -> Floats:
    """Return how many pairs of a stratum may be true: those that are known to be, and some of the rest; rather few, or many."""
    good, bad = each.same + up, each.different + 1 - up
    share = chance.beta(good, bad, DRAWS) if good and bad else np.full(DRAWS, float(up))
    return each.same + chance.binomial(max(each.of - each.judged, 0), share).astype(np.float64)


def _linked(true: Mapping[str, Floats | float]) -> Floats:
    return np.asarray(sum(true.get(name, 0.0) for name in LINKED), np.float64)


def _found(linked: Mapping[str, Floats], others: Mapping[str, Floats]) -> Floats:
    """Return recall with these true pairs among the linked, and those among the others."""
    missed = sum((each for name, each in others.items() if name not in LINKED), np.zeros(DRAWS))
    true = _linked(linked)
    return true / np.maximum(true + missed, 1e-9)


def _figure(estimate: float, least: Floats, most: Floats) -> Figure:
    """Return an estimate between the percentiles of what was drawn; it is never outside them."""
    bounds = float(np.quantile(least, 0.025)), float(np.quantile(most, 0.975))
    return Figure(estimate, min(bounds[0], estimate), max(bounds[1], estimate))
