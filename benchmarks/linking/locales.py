"""Names, streets and places of a locale, with the frequencies by which they are drawn; from `names/*.toml`."""

import itertools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
NAMES = Path(__file__).parent / "names"

Texts = np.ndarray[Any, np.dtype[np.object_]]
Numbers = np.ndarray[Any, np.dtype[Any]]
Pairs = list[tuple[str, str]]

SKEW = {
    "fr": (15_000, 0.90, 20.0),  # the first has half a per cent: Martin has 0.35 of France
    "es": (6_000, 1.00, 5.0),  # two and a half per cent: García has three of Spain
    "eu": (5_000, 0.90, 9.0),  # about one per cent: García and Etxeberria in the Basque country
    "ka": (8_000, 0.90, 15.0),  # half a per cent and more: Beridze in Georgia
}
"""Of surnames: how many there are, and the exponent and shift of Zipf and Mandelbrot's law."""

GIVEN = (0.85, 4.0)
"""The same of given names: the first of a generation has four to seven per cent of it."""


def texts(values: list[str]) -> Texts:
    """Return an array of Python strings."""
    made: Texts = np.empty(len(values), dtype=object)
    made[:] = values
    return made


def words(text: str) -> list[str]:
    """Return the words of a list in a file; `_` stands for a blank within one."""
    return [word.replace("_", " ") for word in text.split()]


def pairs(text: str) -> Pairs:
    """Return `a=b` as pairs."""
    return [(old, new) for old, _, new in (word.partition("=") for word in words(text))]


@dataclass(frozen=True)
class Drawn:
    """Values, and up to which chance each is drawn."""

    values: Texts
    upto: Numbers

    def draw(self, chance: np.random.Generator, count: int) -> Numbers:
        """Return so many places of values."""
        return np.searchsorted(self.upto, chance.random(count)).clip(0, len(self.values) - 1)


def zipf(values: list[str], exponent: float, shift: float) -> Drawn:
    """Return values whose chance falls with their place."""
    weights = (np.arange(1, len(values) + 1) + shift) ** -exponent
    return Drawn(texts(values), np.cumsum(weights / weights.sum()))


def weighted(values: list[str], weights: list[float]) -> Drawn:
    """Return values with a weight each."""
    return Drawn(texts(values), np.cumsum(np.array(weights) / sum(weights)))


@dataclass(frozen=True)
class Locale:
    """All that the persons of a country are made of."""

    code: str
    surnames: Drawn
    men: list[Drawn]  # by generation, the oldest first
    women: list[Drawn]
    nicknames: dict[str, str]
    both: dict[str, str]  # the same name in the other language of the country
    castilian: Pairs
    streets: Drawn
    ways: list[str]
    castilian_ways: dict[str, str]
    shorter: dict[str, list[str]]
    phonetic: Pairs
    places: Drawn  # "name|postal code"
    scripts: list[dict[str, str]]  # romanisations


def locale(code: str) -> Locale:
    """Return a locale: fr, es, eu or ka."""
    found = tomllib.loads((NAMES / f"{code}.toml").read_text())
    shorter = dict[str, list[str]]()
    for long, short in pairs(found["shorter"]):
        shorter.setdefault(long, []).append(short)
    both = pairs(found.get("both", ""))
    return Locale(
        code=code,
        surnames=_surnames(code, found),
        men=[zipf(words(each), *GIVEN) for each in found["men"]],
        women=[zipf(words(each), *GIVEN) for each in found["women"]],
        nicknames=dict(pairs(found["nicknames"])),
        both=dict(both) | {other: one for one, other in both},
        castilian=pairs(found.get("castilian", "")),
        streets=zipf(words(found["streets"]), 0.5, 3),
        ways=words(found["ways"]),
        castilian_ways=dict(pairs(found.get("castilian_ways", ""))),
        shorter=shorter,
        phonetic=pairs(found["phonetic"]),
        places=_places(code, found),
        scripts=[dict(pairs(found[name])) for name in ("national", "french") if name in found],
    )


def _surnames(code: str, found: dict[str, Any]) -> Drawn:
    """Return the frequent surnames, then rare ones, made of the parts that the language makes them of."""
    count, exponent, shift = SKEW[code]
    known = list(dict.fromkeys(words(found["surnames"])))
    chance = np.random.default_rng(7)
    middles = found["tail_middle"].split(" ")
    parts = itertools.product(found["tail_start"].split(), middles, found["tail_end"].split())
    tail = list(dict.fromkeys(start + middle + end for start, middle, end in parts))
    if joins := words(found["tail_join"]):  # one rare name in twelve has a particle
        tail = [f"{joins[place % len(joins)]}{name}" if place % 12 == 0 else name for place, name in enumerate(tail)]
    chance.shuffle(tail)
    return zipf(list(dict.fromkeys(known + tail))[:count], exponent, shift)


def _places(code: str, found: dict[str, Any]) -> Drawn:
    if code == "fr":  # a region, by population
        table = pq.read_table(ROOT / "datasets/reference/communes.parquet")
        table = table.filter(pc.field("region_code") == "32").sort_by("code")
        rows = [row for row in table.to_pylist() if row["postal_codes"] and row["population"]]
        return weighted(
            [f"{row['name']}|{row['postal_codes'][0]}" for row in rows], [row["population"] for row in rows]
        )
    if code == "es":  # an autonomous community; no population is known here, so by Zipf's law
        table = pq.read_table(ROOT / "datasets/reference/municipios.parquet").sort_by("codigo")
        rows = [row for row in table.to_pylist() if row["codigo_comunidad"] == "01"]
        order = np.random.default_rng(11).permutation(len(rows))
        return zipf([f"{rows[each]['nombre']}|{rows[each]['codigo']}" for each in order], 1.0, 3)
    named = pairs(found["places"])
    return zipf([f"{name}|{head + '01' if len(head) == 3 else head + '00'}" for name, head in named], 0.9, 1)
