"""Persons of a country in their households: who lives with whom, is whose child, twin or namesake, moved or married.

Everything is drawn by one generator of random numbers, column by column: the same seed gives the same persons.
"""

from dataclasses import dataclass, fields

import numpy as np

from benchmarks.linking.locales import Locale, Numbers, Texts, texts

ALONE, COUPLE, FAMILY, ONE_PARENT = 0.36, 0.27, 0.28, 0.09
"""Households by kind: what a census of western Europe finds, within a few per cent."""
CHILDREN = (0.42, 0.39, 0.14, 0.05)
"""Of those with children: one, two, three, four."""
TWINS = 0.033
"""Of second children those born with the first: sixteen deliveries in a thousand are of twins."""
NAMED_AFTER = {"fr": 0.015, "es": 0.12, "eu": 0.06, "ka": 0.03}
"""Of sons those who bear their father's first name: a Spanish custom, rare elsewhere."""
KIN = 0.10
"""Of households those whose first adult is a brother or sister of that of the household before, in the same commune."""
NAMESAKES = 0.001
"""Of persons those who bear the full name of another of the same commune, born within a year: cousins named after one
grandparent. Chance makes the many others."""
HOUSEHOLD_MOVED, PERSON_MOVED = 0.15, 0.07
"""One in ten moves within a year, and registers lag by two; of moves a third leave the household."""
WITHIN = 0.55
"""Of moves those within the commune."""
BORN_HERE = 0.5
"""Of persons those born in the commune where they live; half of the others are born in the place of the first of the
household."""
MARRIED = {"fr": 0.55, "es": 0.02, "eu": 0.02, "ka": 0.40}
"""Of women in couples those who are known by the husband's name too."""
TODAY = 20_400
"""The day of the registers, counted from 1970-01-01: in November 2025."""


@dataclass
class People:
    """One person a place, in columns."""

    family: Texts
    married: Texts  # the other name that she is known by, or ""
    given: Texts  # all given names, by blanks
    sex: Texts
    born: Numbers  # days from 1970
    birth_place: Texts
    home: Texts  # "address|postal code|commune"
    before: Texts  # where he or she lived before: the same, where nobody moved
    locale: Texts

    def __len__(self) -> int:
        return len(self.family)

    def take(self, places: Numbers) -> "People":
        """Return the persons at these places."""
        return People(*(getattr(self, each.name)[places] for each in fields(self)))


def together(parts: list[People], chance: np.random.Generator) -> People:
    """Return all persons of several, shuffled."""
    whole = People(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(People)))
    return whole.take(chance.permutation(len(whole)))


def population(of: Locale, count: int, chance: np.random.Generator, living: Locale | None = None) -> People:
    """Return so many persons of a locale; `living`: the locale of the places where they live, if it is another."""
    living = living or of
    homes = _Households(count, chance)
    house, role = homes.house, homes.role
    born, sex = _born(homes, chance), homes.sex
    first, second = _surnames(of, homes, chance)
    given = _given(of, homes, born, chance)
    namesakes = np.flatnonzero(chance.random(len(house)) < NAMESAKES)
    likes = (namesakes + 1 + chance.integers(0, 40, len(namesakes))) % len(house)
    for column in (first, second, given, sex):
        column[namesakes] = column[likes]
    born[namesakes] = born[likes] + chance.integers(-180, 180, len(namesakes))
    place = living.places.draw(chance, homes.count)
    near = np.flatnonzero(homes.kin)
    place[near] = place[near - 1]
    home = _addresses(living, place, chance)
    moved_to = np.where(chance.random(homes.count) < WITHIN, place, living.places.draw(chance, homes.count))
    old = _addresses(living, moved_to, chance)
    alone = _addresses(living, np.where(chance.random(homes.count) < WITHIN, place, moved_to), chance)
    before = np.where(chance.random(homes.count) < HOUSEHOLD_MOVED, old, home)[house]
    before = np.where(chance.random(len(house)) < PERSON_MOVED, alone[house], before)
    names = of.surnames.values
    family = names[first] if of.code not in {"es", "eu"} else texts(
        [f"{one} {other}" for one, other in zip(names[first], names[second], strict=True)]
    )  # fmt: skip
    married = _married(of, homes, family, chance)
    born_in = _birth_places(of, living, place[house], homes.head[house], role, chance)
    code = np.full(len(house), of.code, dtype=object)
    sexes = np.where(sex, "F", "M").astype(object)
    people = People(family, married, given, sexes, born, born_in, home[house], before, code)
    return people.take(chance.permutation(len(people))[:count])


class _Households:
    """Who lives with whom: a place for each person, those of one household side by side."""

    def __init__(self, count: int, chance: np.random.Generator) -> None:
        self.count = int(count / 2.05) + 10  # persons a household, as the shares above make it
        kind = chance.choice(4, self.count, p=(ALONE, COUPLE, FAMILY, ONE_PARENT))
        adults = np.where((kind == 1) | (kind == 2), 2, 1)
        children = np.where(kind >= 2, chance.choice(4, self.count, p=CHILDREN) + 1, 0)
        size = adults + children
        while size.sum() < count:
            size[chance.integers(0, self.count)] += 1
        self.house = np.repeat(np.arange(self.count), size)
        self.start = np.cumsum(size) - size  # the place of the first adult
        nth = np.arange(len(self.house)) - self.start[self.house]
        self.adults = adults
        self.role = np.where(nth < adults[self.house], nth, 2 + nth - adults[self.house])  # 0, 1, then children 2, 3 …
        self.kin = (chance.random(self.count) < KIN) & (np.arange(self.count) > 0)
        self.head = self.start
        sex = chance.random(len(self.house)) < 0.51
        couple = adults == 2
        sex[self.start[couple]] = False
        sex[self.start[couple] + 1] = True
        sex[self.start[kind == 3]] = chance.random((kind == 3).sum()) < 0.82  # of lone parents, mothers
        self.sex = sex
        self.couple = couple


def _born(homes: _Households, chance: np.random.Generator) -> Numbers:
    """Return days of birth: partners near each other, children a generation later, twins on one day."""
    eldest = homes.role.copy()
    most = np.zeros(homes.count, dtype=int)
    np.maximum.at(most, homes.house, eldest)
    age = np.where(most >= 2, chance.triangular(24, 42, 78, homes.count), chance.triangular(20, 50, 97, homes.count))
    first = TODAY - (age * 365.25).astype(int)
    born = first[homes.house] + chance.integers(-1_200, 1_600, len(homes.house)) * (homes.role == 1)
    child = homes.role >= 2
    gap = (chance.triangular(20, 28, 38, homes.count) * 365.25).astype(int)
    apart = 420 + chance.integers(0, 1_500, len(homes.house))
    born = np.where(child, first[homes.house] + gap[homes.house] + (homes.role - 2) * apart, born)
    born = np.where(born > TODAY - 30, TODAY - 30 - chance.integers(0, 4_000, len(born)), born)
    twin = np.flatnonzero((homes.role == 3) & (chance.random(len(born)) < TWINS))
    born[twin] = born[twin - 1]
    return born


def _surnames(of: Locale, homes: _Households, chance: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Return the first and second surnames of all, as places in the locale's."""
    one, other = (of.surnames.draw(chance, len(homes.house)) for _ in range(2))
    near = np.flatnonzero(homes.kin)
    for column in (one, other):
        column[homes.start[near]] = column[homes.start[near - 1]]
    child = np.flatnonzero(homes.role >= 2)
    father = homes.start[homes.house[child]]
    mother = father + homes.couple[homes.house[child]]
    of_mother = np.zeros(homes.count, dtype=bool)
    of_mother[:] = chance.random(homes.count) < 0.1
    by_mother = of_mother[homes.house[child]]
    one[child] = np.where(by_mother, one[mother], one[father])
    absent = mother == father  # a lone parent: the other one's name is whatever the first child's is
    drawn = of.surnames.draw(chance, homes.count)[homes.house[child]]
    other[child] = np.where(absent, drawn, np.where(by_mother, one[father], one[mother]))
    return one, other


def _given(of: Locale, homes: _Households, born: Numbers, chance: np.random.Generator) -> Texts:
    """Return given names by generation: one to three of them in France, else one, and some sons named as their father."""
    first = _generations(of, homes.sex, born, chance)
    after = np.flatnonzero((homes.role >= 2) & ~homes.sex & (chance.random(len(born)) < NAMED_AFTER[of.code]))
    father = homes.start[homes.house[after]]
    same = ~homes.sex[father]
    first[after[same]] = first[father[same]]
    for _ in range(6):  # no two children of a household have one first name
        child = homes.role >= 3
        like = child & (first == np.roll(first, 1)) | (homes.role >= 4) & (first == np.roll(first, 2))
        like |= (homes.role >= 5) & (first == np.roll(first, 3))
        again = np.flatnonzero(like)
        first[again] = _generations(of, homes.sex[again], born[again], chance)
    if of.code != "fr":
        return first
    second, third = (_generations(of, homes.sex, born - 9_000, chance) for _ in range(2))
    many = chance.choice(3, len(born), p=(0.3, 0.35, 0.35))
    three = zip(first, second, third, many, strict=True)
    return texts(
        [a if n == 0 or a == b else f"{a} {b}" if n == 1 or c in {a, b} else f"{a} {b} {c}" for a, b, c, n in three]
    )


def _generations(of: Locale, sex: Numbers, born: Numbers, chance: np.random.Generator) -> Texts:
    found: Texts = np.empty(len(born), dtype=object)
    many = len(of.men)
    edges = (-9_000, 5_500) if many == 3 else (0,)  # born before 1945, 1985; or before 1970
    generation = np.searchsorted(edges, born + chance.integers(-2_500, 2_500, len(born)))
    for place in range(many):
        for women, names in ((False, of.men[place]), (True, of.women[place])):
            who = np.flatnonzero((generation == place) & (sex == women))
            found[who] = names.values[names.draw(chance, len(who))]
    return found


def _married(of: Locale, homes: _Households, family: Texts, chance: np.random.Generator) -> Texts:
    """Return the name of use of wives who have one: the husband's, or one in eight times both."""
    married: Texts = np.full(len(family), "", dtype=object)
    wives = homes.start[homes.couple] + 1
    wives = wives[chance.random(len(wives)) < MARRIED[of.code]]
    joined = chance.random(len(wives)) < 0.125
    married[wives] = [
        f"{family[each]}-{family[each - 1]}" if both else family[each - 1]
        for each, both in zip(wives, joined, strict=True)
    ]
    return married


def _birth_places(
    of: Locale, living: Locale, place: Numbers, head: Numbers, role: Numbers, chance: np.random.Generator
) -> Texts:
    names = texts([each.split("|")[0] for each in living.places.values])
    elsewhere = texts([each.split("|")[0] for each in of.places.values])
    own = elsewhere[of.places.draw(chance, len(place))]
    born = np.where(chance.random(len(place)) < BORN_HERE, names[place], own) if living is of else own
    return np.where((role >= 2) & (chance.random(len(place)) < 0.6), born[head], born)


def _addresses(of: Locale, place: Numbers, chance: np.random.Generator) -> Texts:
    """Return an address for each of these places, as `address|postal code|commune`."""
    many = len(place)
    street = of.streets.draw(chance, many)
    ways = texts(of.ways)
    way = ways[(street * 7 + (chance.random(many) < 0.15) * place) % len(ways)]  # of a name mostly the same way
    number = np.minimum(chance.geometric(0.03, many), 399)
    flat = chance.random(many) < 0.3
    floor, door = chance.integers(1, 9, many), chance.integers(0, 6, many)
    bis = chance.random(many) < 0.04
    found, written = of.places, _WRITTEN[of.code]
    rows = zip(way, of.streets.values[street], number, flat, floor, door, bis, found.values[place], strict=True)
    return texts([f"{written(*row[:7])}|{_postal(row[7])}" for row in rows])


def _postal(place: str) -> str:
    name, code = place.rsplit("|", 1)
    return f"{code}|{name}"


def _french(way: str, street: str, number: int, flat: bool, floor: int, door: int, bis: bool) -> str:
    text = f"{number}{' bis' if bis else ''} {way} {street}"
    return f"{text}, bâtiment {'ABCDEF'[door]}, appartement {floor}{door}" if flat else text


def _spanish(way: str, street: str, number: int, flat: bool, floor: int, door: int, bis: bool) -> str:
    text = f"{way} {street}, {number}{' bis' if bis else ''}"
    return f"{text}, {floor}º {('A', 'B', 'C', 'D', 'izquierda', 'derecha')[door]}" if flat else text


def _basque(way: str, street: str, number: int, flat: bool, floor: int, door: int, bis: bool) -> str:
    text = f"{street} {way}, {number}{' bis' if bis else ''}"
    return f"{text}, {floor}. {('A', 'B', 'C', 'D', 'ezkerra', 'eskuina')[door]}" if flat else text


def _georgian(way: str, street: str, number: int, flat: bool, floor: int, door: int, bis: bool) -> str:
    text = f"{street} {way} {number}{'ა' if bis else ''}"
    return f"{text}, ბინა {floor * 6 + door}" if flat else text


_WRITTEN = {"fr": _french, "es": _spanish, "eu": _basque, "ka": _georgian}
