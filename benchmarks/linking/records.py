"""Records of persons as five registers have them, damaged by the rates of `damage`."""

import random
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from benchmarks.linking import damage
from benchmarks.linking.damage import OF_ONE, RATES, SOURCES
from benchmarks.linking.locales import Locale, Numbers, Texts, texts
from benchmarks.linking.people import People

NAMES = list(SOURCES)
MEAN = sum(share * many for many, share in enumerate(OF_ONE, 1))
EPOCH = date(1970, 1, 1)
COLUMNS = (
    "id", "source", "entity", "family_name", "given_names", "sex", "birth_date", "birth_place", "address",
    "postal_code", "commune",
)  # fmt: skip


def of(people: People, rows: int, locales: dict[str, Locale], chance: np.random.Generator, *, mixed: bool) -> pa.Table:
    """Return so many records of persons, in an order that tells nothing; `entity` is the truth.

    `mixed` says that the country is another than the persons': letters are Latin in most registers.
    """
    many = chance.choice(len(OF_ONE), len(people), p=OF_ONE) + 1
    person = np.repeat(np.arange(len(people)), many)
    person = chance.permutation(person[:rows])
    records = _Records(people.take(person), locales, chance, mixed=mixed)
    columns = records.columns()
    ids = [f"r{number:07d}" for number in range(len(person))]
    whole = {"id": ids, "source": texts(NAMES)[records.source], "entity": [f"e{each:07d}" for each in person]} | columns
    return pa.table({name: pa.array(whole[name], pa.string(), from_pandas=True) for name in COLUMNS})


class _Records:
    """Columns of records, each damaged in turn where chance has it."""

    def __init__(self, people: People, locales: dict[str, Locale], chance: np.random.Generator, *, mixed: bool) -> None:
        self.people, self.locales, self.chance, self.mixed = people, locales, chance, mixed
        self.rows = len(people)
        self.source = chance.choice(len(NAMES), self.rows, p=[SOURCES[name]["share"] for name in NAMES])
        self.care = self._of_source("care")
        self.dice = random.Random(int(chance.integers(1 << 60)))
        self.scanned = self.source == NAMES.index("social")

    def _of_source(self, what: str) -> Numbers:
        return np.array([SOURCES[name][what] for name in NAMES])[self.source]

    def _hit(self, what: str, where: Numbers | None = None) -> list[int]:
        """Return the rows that something befalls."""
        hit = self.chance.random(self.rows) < RATES[what] * self.care
        return np.flatnonzero(hit if where is None else hit & where).tolist()

    def _some(self, what: str) -> Numbers:
        """Return which rows' sources record something."""
        return self.chance.random(self.rows) < self._of_source(what)

    def _locale(self, row: int) -> Locale:
        return self.locales[self.people.locale[row]]

    def columns(self) -> dict[str, Texts]:
        """Return the columns by name, missing values as None."""
        found = self._names() | self._addresses()
        found |= {"birth_date": self._dates(), "sex": self._sexes(), "birth_place": self._birth_places()}
        self._scripts(found)
        self._slips(found)
        loud = np.flatnonzero(self._some("capitals")).tolist()
        bare = self._hit("accents")
        for name in ("family_name", "given_names", "birth_place", "address", "commune"):
            _by_value(found[name], loud, damage.capitals)
            _by_value(found[name], bare, damage.plain)
        self._gone(found)
        return found

    def _names(self) -> dict[str, Texts]:
        family, given = self.people.family.copy(), self.people.given.copy()
        use = np.flatnonzero((self.people.married != "") & self._some("use"))
        family[use] = self.people.married[use]
        french = self.people.locale == "fr"
        for row in np.flatnonzero(french & ~self._some("all_given")).tolist():
            given[row] = given[row].split(" ")[0]
        for row in self._hit("nickname"):
            given[row] = damage.nickname(given[row], self._locale(row))
        basque = self.people.locale == "eu"
        for row in self._hit("other_language", basque):
            given[row] = damage.other_language(given[row], self._locale(row))
        for row in self._hit("other_language", basque):
            family[row] = damage.castilian(family[row], self._locale(row))
        for row in self._hit("surname_lost", basque | (self.people.locale == "es")):
            family[row] = damage.lost(self.dice, family[row])
        for column in (family, given):
            for row in self._hit("hyphen"):
                column[row] = damage.hyphen(self.dice, column[row])
        for row in self._hit("given_initial"):
            given[row] = given[row][:1]
        swapped = self._hit("swapped_names")
        family[swapped], given[swapped] = given[swapped], family[swapped]
        return {"family_name": family, "given_names": given}

    def _addresses(self) -> dict[str, Texts]:
        old = self.chance.random(self.rows) < RATES["before"]
        where = np.where(old, self.people.before, self.people.home)
        split = [each.split("|") for each in where]
        address, postal, commune = (texts([each[place] for each in split]) for place in range(3))
        code = "fr" if self.mixed else None
        for row in self._hit("address_short"):
            address[row] = damage.shorter(self.dice, address[row], self.locales[code or self.people.locale[row]])
        for row in self._hit("other_language", self.people.locale == "eu"):
            address[row] = damage.in_castilian(address[row], self._locale(row))
        for row in self._hit("number_wrong"):
            address[row] = damage.digit(self.dice, address[row])
        for row in self._hit("postal_wrong"):
            postal[row] = damage.digit(self.dice, postal[row])
        double = np.flatnonzero((self.people.locale == "eu") & (self.chance.random(self.rows) < 0.7)).tolist()
        _by_value(commune, [row for row in double if self.dice.random() < 0.5], lambda name: name.split("/")[0])
        _by_value(commune, double, lambda name: name.split("/")[-1])
        return {"address": address, "postal_code": postal, "commune": commune}

    def _dates(self) -> Texts:
        days = self.people.born
        distinct, place = np.unique(days, return_inverse=True)
        found = texts([(EPOCH + timedelta(days=int(each))).isoformat() for each in distinct])[place]
        for row in self._hit("date_swapped"):
            year, month, day = found[row].split("-")
            found[row] = f"{year}-{day}-{month}" if int(day) <= 12 else found[row]
        for row in self._hit("date_digit"):
            for _ in range(8):  # until it is a day of the calendar, and not of the future
                made = damage.digit(self.dice, found[row])
                if _day(made):
                    found[row] = made
                    break
        for row in self._hit("date_january"):
            found[row] = f"{found[row][:4]}-01-01"
        return found

    def _sexes(self) -> Texts:
        found = self.people.sex.copy()
        wrong = self._hit("sex_wrong")
        found[wrong] = np.where(found[wrong] == "F", "M", "F")
        found[~self._some("sex")] = None
        return found

    def _birth_places(self) -> Texts:
        found = self.people.birth_place.copy()
        other = self._hit("birth_place_other")
        found[other] = found[[(row + 1) % self.rows for row in other]]
        found[~self._some("birth_place")] = None
        return found

    def _scripts(self, found: dict[str, Texts]) -> None:
        """Write what is in Georgian letters in Latin ones, where the source does: by the one way or the other."""
        way = self._of_source("script")
        way = np.where(
            self.mixed & (way == 0), 1 + (self.chance.random(self.rows) < 0.5), way
        )  # by passport, or by ear
        way = np.where(self.chance.random(self.rows) < 0.03, 0, way)
        for place in (1, 2):
            rows = np.flatnonzero((self.people.locale == "ka") & (way == place)).tolist()
            letters = self.locales["ka"].scripts[place - 1] if rows else {}
            for name in ("family_name", "given_names", "birth_place", "address", "commune"):
                _by_value(found[name], rows, lambda text, letters=letters: damage.romanised(text, letters))
        marks = np.flatnonzero(
            (self.people.locale == "ka") & (way == 1) & (self.chance.random(self.rows) < 0.6)
        ).tolist()
        for name in ("family_name", "given_names"):  # passports leave the apostrophes out
            _by_value(found[name], marks, lambda text: text.replace("'", ""))

    def _slips(self, found: dict[str, Texts]) -> None:
        for name, what in (
            ("family_name", "family_typo"), ("given_names", "given_typo"), ("address", "address_typo"),
            ("commune", "commune_typo"),
        ):  # fmt: skip
            column = found[name]
            for row in self._hit(what):
                column[row] = damage.typo(self.dice, column[row], self._locale(row), scanned=bool(self.scanned[row]))
        for name, width in (("family_name", 15), ("given_names", 15), ("address", 20)):
            for row in self._hit("truncated"):
                found[name][row] = found[name][row][:width].rstrip()

    def _gone(self, found: dict[str, Texts]) -> None:
        for name, what in (
            ("birth_date", "date_missing"), ("sex", "sex_missing"), ("given_names", "given_missing"),
            ("address", "address_missing"), ("postal_code", "postal_missing"), ("commune", "commune_missing"),
            ("birth_place", "birth_place_missing"),
        ):  # fmt: skip
            found[name][self._hit(what)] = None


def _day(text: str) -> bool:
    try:
        return date(1900, 1, 1) <= date.fromisoformat(text) <= date(2025, 11, 15)
    except ValueError:
        return False


def _by_value(column: Texts, rows: list[int], change: object) -> None:
    """Change values of a column, each distinct one once."""
    known = dict[str | None, str | None]({None: None})
    for row in rows:
        value = column[row]
        if value not in known:
            known[value] = change(value)  # type: ignore[operator]
        column[row] = known[value]
