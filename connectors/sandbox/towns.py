"""The registers of 122 towns, of associations and of residents: the same ones in several of them, each time otherwise.

A CSV file for each town and register. Towns and persons are those of the reference files, the associations are made up.
An association is known to the towns that its members come from, a resident to the towns where he or she lived: an older
address, another status, a misspelt name. `draw` tells beside the rows which are of one entity, and what each column of it
is to be: by `recent` what the row of the latest update says, by `majority` what most rows say.
"""

import csv
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from connectors.sandbox.names import folded

TOWNS = 122
DEPARTMENT = "80"
ASSOCIATIONS = 1_500
RESIDENTS = 2_400

KNOWN_TO = (0.45, 0.25, 0.18, 0.08, 0.04)
"""How many towns know of an entity: one, two, three, four, five."""

MISSPELT, UNNUMBERED, WRONG_NUMBER, SWAPPED_DATE, NO_DATE = 0.08, 0.35, 0.02, 0.01, 0.02
"""Of rows: a name with a slip, an association without its number, one with a wrong digit in it, day and month swapped, no
date of birth."""

ASSOCIATION = ("NUMERO", "RNA", "NOM", "OBJET", "ADRESSE", "CP", "VILLE", "TELEPHONE", "STATUT", "MAJ")
RESIDENT = ("NUMERO", "NOM", "PRENOMS", "SEXE", "NE_LE", "ADRESSE", "CP", "VILLE", "TELEPHONE", "STATUT", "MAJ")

RECENT = ("ADRESSE", "CP", "VILLE", "TELEPHONE")
"""Columns of which the latest row is right."""

MAJORITY = ("STATUT",)
"""Columns of which most rows are right."""

STATUS = {"associations": ("active", "en sommeil", "dissoute"), "residents": ("présent", "parti", "décédé")}

KINDS = (
    "Amicale des pêcheurs", "Club de judo", "Comité des fêtes", "Football club", "Chorale", "Foyer rural",
    "Société de chasse", "Club des aînés", "Union sportive", "Harmonie municipale", "Atelier de théâtre",
    "Amis du patrimoine", "Association des parents d'élèves", "Tennis club", "Cercle d'échecs", "Secours aux familles",
    "Jardins partagés", "Cyclo-club", "Basket club", "Anciens combattants", "Donneurs de sang", "Pétanque club",
    "École de musique", "Club de lecture", "Randonneurs", "Boxing club", "Amis de la nature", "Épicerie solidaire",
)  # fmt: skip
CALLED = ("", "de l'Espérance", "du Marais", "des Deux Vallées", "Saint-Martin", "de la Haute Forêt", "du Vieux Moulin")
WAYS = ("rue", "avenue", "place", "chemin", "impasse")
STREETS = ("de la Mairie", "du Moulin", "Jean-Jaurès", "de l'Église", "des Écoles", "Victor-Hugo", "de la Gare")

Row = dict[str, str]


@dataclass(frozen=True)
class Entity:
    """One association or resident: its rows as (town, number), and what its columns are by the rules of a merge."""

    rows: tuple[tuple[str, str], ...]
    recent: Row
    majority: Row


@dataclass(frozen=True)
class Register:
    """One kind of register: the rows of each town, by its code, and the truth about them."""

    columns: tuple[str, ...]
    rows: dict[str, list[Row]]
    entities: list[Entity]


def make(
    folder: Path, reference: Path, seed: int = 1789, *, associations: int = ASSOCIATIONS, residents: int = RESIDENTS
) -> dict[str, Register]:
    """Write `associations/CODE.csv` and `residents/CODE.csv` of every town into `folder`; return what was drawn.

    `reference` is the folder of the reference files. The same seed gives the same. Of `associations` and `residents` there
    are so many, each in two towns on average. Raises FileNotFoundError where the files of communes or persons are
    missing, ValueError for more associations than there are names.
    """
    drawn = draw(reference, seed, associations=associations, residents=residents)
    for name, register in drawn.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for code, rows in register.rows.items():
            aside = folder / name / f".{code}.new"
            with aside.open("w", newline="", encoding="utf-8") as file:
                written = csv.DictWriter(file, register.columns, delimiter=";")
                written.writeheader()
                written.writerows(rows)
            aside.replace(folder / name / f"{code}.csv")
    return drawn


def draw(
    reference: Path, seed: int = 1789, *, associations: int = ASSOCIATIONS, residents: int = RESIDENTS
) -> dict[str, Register]:
    """Return both registers, as `associations` and `residents`. Raises what `make` does."""
    chance = random.Random(seed)  # noqa: S311 (nothing secret)
    towns = _towns(reference)
    persons = pq.read_table(reference / "persons.parquet").sort_by("nir").to_pylist()
    return {
        "associations": _register(
            chance, "associations", ASSOCIATION, towns, _associations(chance, towns, associations)
        ),
        "residents": _register(chance, "residents", RESIDENT, towns, _residents(chance, persons, residents)),
    }


def _towns(reference: Path) -> list[Row]:
    """Return the 122 largest towns of the department: code, name and postal code of each."""
    rows = pq.read_table(reference / "communes.parquet").to_pylist()
    here = [row for row in rows if row["department_code"] == DEPARTMENT and row["postal_codes"]]
    here.sort(key=lambda row: (-(row["population"] or 0), row["code"]))
    return [{"code": row["code"], "name": row["name"], "cp": row["postal_codes"][0]} for row in here[:TOWNS]]


def _associations(chance: random.Random, towns: list[Row], number: int) -> Iterator[Row]:
    """Yield so many associations, no two of one name: RNA, name and object."""
    if number > len(KINDS) * len(CALLED) * len(towns) / 2:
        raise ValueError(f"there are too few names for {number:,} associations")
    seen = set[str]()
    while len(seen) < number:
        kind, town = chance.choice(KINDS), chance.choice(towns)["name"]
        name = " ".join(part for part in (kind, chance.choice(CALLED), f"de {town}") if part)
        if folded(name) not in seen:
            seen.add(folded(name))
            yield {"RNA": f"W80{len(seen):07}", "NOM": name, "OBJET": f"{kind}, activités pour tous"}


def _residents(chance: random.Random, persons: list[dict[str, Any]], number: int) -> Iterator[Row]:
    """Yield so many persons: those of the reference file, then others of their names, born on other days."""
    for at in range(number):
        person = named = persons[at % len(persons)]
        day = person["birth_date"]
        if at >= len(persons):
            named = chance.choice(persons)
            day = chance.choice(persons)["birth_date"] - timedelta(days=chance.randint(1, 365))
        yield {
            "NOM": named["birth_name"], "PRENOMS": " ".join(person["given_names"]), "SEXE": person["sex"],
            "NE_LE": day.isoformat(),
        }  # fmt: skip


def _register(
    chance: random.Random, name: str, columns: tuple[str, ...], towns: list[Row], entities: Iterator[Row]
) -> Register:
    rows, truth = defaultdict[str, list[Row]](list), list[Entity]()
    for entity in entities:
        many = chance.choices(range(1, len(KNOWN_TO) + 1), KNOWN_TO)[0]
        at = chance.sample(towns, many)
        written = _rows(chance, entity, at, STATUS[name])
        for town, row in zip(at, written, strict=True):
            row["NUMERO"] = f"{name[0].upper()}{len(rows[town['code']]) + 1:04}"
            rows[town["code"]].append(row)
        latest = max(written, key=lambda row: row["MAJ"])
        most = Counter(row["STATUT"] for row in written).most_common(1)[0][0]
        places = tuple((town["code"], row["NUMERO"]) for town, row in zip(at, written, strict=True))
        truth.append(Entity(places, {column: latest[column] for column in RECENT}, {"STATUT": most}))
    for town in towns:
        chance.shuffle(rows[town["code"]])
    return Register(columns, {town["code"]: rows[town["code"]] for town in towns}, truth)


def _rows(chance: random.Random, entity: Row, at: list[Row], statuses: tuple[str, ...]) -> list[Row]:
    """Return what each of these towns has written of an entity: no two updated on one day, most of one status."""
    lives = chance.choice(at)
    days = sorted(chance.sample(range(4_000), len(at)), reverse=True)
    now = _place(chance, lives)
    before = _place(chance, chance.choice(at))
    right, wrong = chance.choices(statuses, (8, 1, 1))[0], chance.choice(statuses)
    odd = chance.randrange(len(at)) if len(at) > 2 and chance.random() < 0.5 else None
    moved = chance.random() < 0.5
    found = []
    for place in range(len(at)):
        home = now if place == 0 or not moved else before
        said = wrong if place == odd else right
        day = (date(2025, 12, 31) - timedelta(days=4_000 - days[place])).isoformat()
        found.append({**entity, **home, "STATUT": said, "MAJ": day})
    written = [_written(chance, row) for row in found]
    chance.shuffle(written)
    return written


def _place(chance: random.Random, town: Row) -> Row:
    address = f"{chance.randint(1, 180)} {chance.choice(WAYS)} {chance.choice(STREETS)}"
    phone = f"0322{chance.randrange(1_000_000):06}"
    return {"ADRESSE": address, "CP": town["cp"], "VILLE": town["name"], "TELEPHONE": phone}


def _written(chance: random.Random, row: Row) -> Row:
    """Return a row as one town writes it: of its own spelling, and with what its form asks for."""
    row = dict(row)
    if chance.random() < MISSPELT:
        row["NOM"] = _slip(chance, row["NOM"])
    if chance.random() < 0.3:
        row["NOM"] = folded(row["NOM"])
    if "RNA" in row:
        if chance.random() < UNNUMBERED:
            row["RNA"] = ""
        elif chance.random() < WRONG_NUMBER:
            row["RNA"] = row["RNA"][:-1] + str((int(row["RNA"][-1]) + 1) % 10)
    if "NE_LE" in row:
        year, month, day = row["NE_LE"].split("-")
        if chance.random() < SWAPPED_DATE and int(day) <= 12:
            row["NE_LE"] = f"{year}-{day}-{month}"
        elif chance.random() < NO_DATE:
            row["NE_LE"] = ""
        if chance.random() < 0.4:
            row["PRENOMS"] = row["PRENOMS"].split(maxsplit=1)[0]
    return row


def _slip(chance: random.Random, text: str) -> str:
    """Return a text with one letter left out, doubled, or swapped with the next."""
    at = chance.randrange(1, len(text) - 1)
    return chance.choice(
        (
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
        )
    )
