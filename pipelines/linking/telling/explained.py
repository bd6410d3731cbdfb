"""Why a pair is linked, doubtful or apart: the weight of each thing that was compared, in words and in a person's language.

A weight is a logarithm to base 2 of how much more often the same entity's records are so than those of two: +5 is 32 times
as often, -5 a thirty-second. Weights are added up, onto what was believed before looking; the sum is the pair's, and its
probability. `sentence` holds no value of a record and may stand where nobody asked for one; the rest shows values.
"""

import datetime as dt
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.linking.deciding.decisions import VERDICTS, Decision
from pipelines.linking.recipe import Comparison, Recipe, Thresholds
from pipelines.linking.telling import words
from pipelines.report.words import Words, count, decimal

Values = Mapping[str, str | None]
"""What a record has in the recipe's fields, as its source has it."""

STRONG, SOME = 4.0, 1.0
"""Weights from which something speaks strongly, and from which it speaks at all: 16 times as often, twice as often."""

RARE, COMMON = 1 / 1000, 1 / 100

MOST = 1_000_000
"""No chance is told to be smaller than one in this many: no model knows it so well."""

SAID = 4
"""Reasons named in a sentence, for and against, at most; what is the same is named in any case, or it would seem to differ."""


@dataclass(frozen=True)
class Part:
    """One thing that was compared: what stands on each side, what that is, and how much it weighs."""

    name: str
    label: str
    ours: list[str]
    theirs: list[str]
    level: int
    said: str
    weight: float
    speaks: str


@dataclass(frozen=True)
class Explanation:
    """Why a pair is what it is. `why` are the sentences beyond the weights: an identifier, a decision, a cut."""

    a: str
    b: str
    sentence: str
    band: str
    how: str
    weight: float
    probability: float
    link: float
    review: float
    prior: float
    prior_said: str
    parts: list[Part]
    chance: str
    why: list[str]
    decision: dict[str, str | None] | None


def explain(
    recipe: Recipe, pair: Mapping[str, Any], thresholds: Thresholds, language: str, *, ours: Values, theirs: Values,
    decision: Decision | None = None, often: Mapping[str, float] | None = None,
) -> Explanation:  # fmt: skip
    """Explain a pair: l and r (identities), how, weight, probability, band, why, and level and weight of each comparison.

    `ours` and `theirs` are what l and r have in the recipe's fields; `often` is, by field, the share of records that
    have the value that both have.
    """
    said = _words(recipe, language)
    parts = [
        _part(each, pair, ours, theirs, often or {}, said, language)
        for each in recipe.comparisons
        if pair.get(f"level_{each.name}") is not None
    ]
    prior = pair["weight"] - sum(each.weight for each in parts)
    return Explanation(
        a=pair["l"], b=pair["r"], sentence=sentence(recipe, pair, thresholds, language, decision), band=pair["band"],
        how=pair["how"], weight=pair["weight"], probability=pair["probability"], link=thresholds.link,
        review=thresholds.review, prior=prior, prior_said=said["prior_said"].format(often=_one_in(prior, said), one=said["one"]),
        parts=parts, chance=said["ruled"] if _contradicted(pair, thresholds) else _chance(pair["weight"], said),
        why=_why(recipe, pair, thresholds, decision, language), decision=_told(decision),
    )  # fmt: skip


def sentence(
    recipe: Recipe, pair: Mapping[str, Any], thresholds: Thresholds, language: str, decision: Decision | None = None
) -> str:
    """Say in one sentence why a pair is what it is, with no value of a record: `Doubtful. Same: family name. …`."""
    said = _words(recipe, language)
    if pair.get("why") in VERDICTS:
        return " ".join([said[f"is_{pair['band']}"], _decided(pair["why"], decision, said)])
    if _contradicted(pair, thresholds):
        told = [*_levels(recipe, pair, language), said["contradicted"]]
    elif pair["how"] == "identifier":
        told = _levels(recipe, pair, language, {each.name for each in _same(recipe, pair)})
    else:
        told = _levels(recipe, pair, language) or [said["nothing"]]
        number, link = told_apart(pair["probability"], thresholds.link, said)
        told.append(said["scored"].format(probability=number, link=link))
    aside = said.get(f"is_{pair.get('why')}")
    return " ".join([said[f"is_{pair['band']}"], *told, *([aside] if aside else [])])


def _words(recipe: Recipe, language: str) -> Words:
    """Return the words of a language, with what two records of this kind are that are the same."""
    said = words.LANGUAGES[language]
    return {**said, "one": said.get(f"one_{recipe.record}", said["one_record"])}


def _contradicted(pair: Mapping[str, Any], thresholds: Thresholds) -> bool:
    """Tell whether identifiers are the same and all the rest speaks against it: a rule has it doubtful, no probability."""
    return bool(pair["how"] == "identifier" and pair["probability"] < thresholds.link)


def told_apart(value: float, link: float, said: Words) -> tuple[str, str]:
    """Return two probabilities as people write them, with as many places as tell the one from the other, and the link whole."""
    one, other = probability(value, said), probability(link, said)
    if one == other and value != link:
        apart = (at for at in range(3, 12) if f"{value:.{at}f}" != f"{link:.{at}f}" and round(link, at) == link)
        places = next(apart, 12)
        return decimal(value, said, places), decimal(link, said, places)
    return one, other


def probability(value: float, said: Words) -> str:
    """Return a probability as people write it; what is nearer to 0 or 1 than four places tell is told to be so."""
    if value > 0.9999:
        return f"> {decimal(0.9999, said, 4)}"
    if value < 0.0001:
        return f"< {decimal(0.0001, said, 4)}"
    return decimal(value, said, 4 if value > 0.99 or value < 0.01 else 2)


def weight(value: float, said: Words) -> str:
    """Return a weight with its sign."""
    return f"{'+' if value >= 0 else '−'}{decimal(abs(value), said, 1)}"


def speaks(value: float) -> str:
    """Return which way a weight speaks, and how strongly, as `words` knows it."""
    if abs(value) < SOME:
        return "little"
    which = "for" if value > 0 else "against"
    return f"strongly-{which}" if abs(value) >= STRONG else which


# --- the parts -------------------------------------------------------------------------------------------------------


def _part(
    each: Comparison, pair: Mapping[str, Any], ours: Values, theirs: Values, often: Mapping[str, float], said: Words,
    language: str,
) -> Part:  # fmt: skip
    level, weighs = int(pair[f"level_{each.name}"]), float(pair.get(f"weight_{each.name}") or 0)
    told = _level(each, level, said, language)
    differs = any(ours.get(name) and theirs.get(name) and name not in often for name in each.fields)
    shares = [often[name] for name in each.fields if name in often] if weighs > 0 and not differs else []
    if shares:
        share = min(shares)
        kind = "rare" if share <= RARE else "common" if share >= COMMON else "known"
        told = said[kind].format(said=told, often=_share(share, said))
    mine, other = ([value for name in each.fields if (value := values.get(name))] for values in (ours, theirs))
    way = said["missing"] if level == 0 else said[speaks(weighs)]
    return Part(each.name, getattr(each.label, language), mine, other, level, told, weighs, way)


def _level(each: Comparison, level: int, said: Words, language: str) -> str:
    return str(getattr(each.levels[level - 1].label, language)) if level else said["missing"]


def _levels(recipe: Recipe, pair: Mapping[str, Any], language: str, names: Collection[str] = ()) -> list[str]:
    """Return what levels say and of what: first what speaks for, what weighs most before the rest; then what against.

    Of `names` alone, or of all that speak.
    """
    said, told = words.LANGUAGES[language], []
    for sign in (1, -1):
        found: dict[str, list[str]] = {}
        spoken = [each for each in _spoken(recipe, pair, sign) if not names or each[1].name in names]
        ranked = sorted(spoken, key=lambda one: -abs(one[0]))
        for _, each, level in [*ranked[:SAID], *(one for one in ranked[SAID:] if one[2] == 1)]:
            found.setdefault(_level(each, level, said, language), []).append(getattr(each.label, language))
        told += [f"{_begun(level)}{said['colon']} {', '.join(labels)}." for level, labels in found.items()]
    return told


def _spoken(recipe: Recipe, pair: Mapping[str, Any], sign: int) -> Iterator[tuple[float, Comparison, int]]:
    for each in recipe.comparisons:
        level, weighs = pair.get(f"level_{each.name}"), float(pair.get(f"weight_{each.name}") or 0)
        if level and sign * weighs >= SOME:
            yield weighs, each, int(level)


def _begun(text: str) -> str:
    """Return a text as a sentence begins."""
    return text[:1].upper() + text[1:]


def _same(recipe: Recipe, pair: Mapping[str, Any]) -> list[Comparison]:
    """Return the identifiers that are the same in both records."""
    return [each for each in recipe.identifiers if pair.get(f"level_{each.name}") == 1]


def _why(
    recipe: Recipe, pair: Mapping[str, Any], thresholds: Thresholds, decision: Decision | None, language: str
) -> list[str]:
    said, found = _words(recipe, language), []
    if pair["how"] == "identifier":
        checked = said["unbelieved" if _contradicted(pair, thresholds) else "checked"]
        found += [checked.format(identifier=getattr(each.label, language)) for each in _same(recipe, pair)]
    if decision is not None:
        found.append(_decided(decision.verdict, decision, said))
        if decision.note:
            found.append(said["note"].format(note=decision.note))
    if pair.get("why") and pair["why"] != "against":  # which is said already
        found.append(said[f"why_{pair['why']}"])
    return found


def _decided(verdict: str, decision: Decision | None, said: Words) -> str:
    if decision is None:
        return said[f"by_{verdict}"].format(author=said["somebody"], one=said["one"])
    day = dt.datetime.fromisoformat(decision.when).date().isoformat()
    return said[f"on_{verdict}"].format(author=decision.author or said["somebody"], day=day, one=said["one"])


def _told(decision: Decision | None) -> dict[str, str | None] | None:
    names = ("verdict", "note", "author", "when")
    return {name: getattr(decision, name) for name in names} if decision is not None else None


# --- chances ---------------------------------------------------------------------------------------------------------


def _chance(weighs: float, said: Words) -> str:
    """Say how many of the pairs with such a weight are what they seem not to be."""
    key = "chance_false" if weighs >= 0 else "chance_same"
    return said[key].format(often=_one_in(-abs(weighs), said), one=said["one"])


def _one_in(weighs: float, said: Words) -> str:
    """Return the probability of a weight as one in so many, to two digits."""
    whole = 1 + 2 ** min(-weighs, 64.0)
    if whole > MOST:
        return said["fewer"].format(often=said["often"].format(part=1, whole=count(MOST, said)))
    return said["often"].format(part=1, whole=count(_two_digits(whole), said))


def _share(share: float, said: Words) -> str:
    """Return a share as so many in a thousand, or in as many more as it takes."""
    whole = 100
    while share * whole < 1 and whole < MOST:
        whole *= 10
    return said["often"].format(part=count(max(1, round(share * whole)), said), whole=count(whole, said))


def _two_digits(value: float) -> float:
    places = 1 - math.floor(math.log10(value))
    return round(value, places)
