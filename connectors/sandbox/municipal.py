"""A municipal database as one finds it: a SQLite file with a table `associations`, and all that is wrong with it.

The associations do not exist and their numbers are made up: each SIRET ends in an establishment number of 0000, and
real ones are counted from 0001; telephone numbers are of a range kept for fiction (Arcep, décision 2018-0881). Communes
and postal codes are real ones, so that towns can be found. Beside it stands a table `suppliers`, see `suppliers.py`.
"""

import random
import sqlite3
import unicodedata
from collections import defaultdict
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
from stdnum import luhn

from connectors.sandbox import suppliers
from connectors.sandbox.names import folded, spaced

ROWS = 2400
DUPLICATES = 60
MISSING_KEYS = 15
BAD_DATES = 12
BAD_SIRETS = 12
UNKNOWN_TOWNS = 20

COLUMNS = ("ID_ASSO", "NOM", "OBJET", "SIRET", "ADRESSE", "CP", "VILLE", "DATE_CREA", "ACTIF", "TEL")

# Without types, as tables grown out of a spreadsheet have none: 01400 stands as 1400 or as '01400'.
TABLE = f"CREATE TABLE associations ({', '.join(COLUMNS)})"

KINDS = ("Amicale", "Association", "Club", "Comité", "Compagnie", "Cercle", "Union sportive", "Les Amis", "Foyer rural")
THEMES = {
    "de pétanque": "Pratique de la pétanque et du jeu provençal",
    "des fêtes": "Organisation des fêtes et animations de la commune",
    "des aînés": "Loisirs et entraide des personnes âgées",
    "de théâtre": "Création et diffusion de spectacles vivants",
    "des parents d'élèves": "Représentation des parents, soutien aux activités de l'école",
    "de la bibliothèque": "Lecture publique et animations autour du livre",
    "de gymnastique volontaire": "Pratique de la gymnastique d'entretien",
    "du patrimoine": "Sauvegarde et mise en valeur du patrimoine bâti",
    "de pêche": "Pratique de la pêche, protection du milieu aquatique",
    "des anciens combattants": "Mémoire et entraide",
    "de musique": "École de musique et orchestre d'harmonie",
    "du jardin partagé": "Jardinage collectif et sensibilisation à l'écologie",
}
STREETS = (
    "rue de la Mairie",
    "place de l'Église",
    "rue du Général de Gaulle",
    "chemin des Écoliers",
    "avenue de la Gare",
)
MONTHS = ("janvier", "février", "mars", "avril", "mai", "juin")
MONTHS_LATER = ("juillet", "août", "septembre", "octobre", "novembre", "décembre")
IMPOSSIBLE_DATES = ("31/02/2001", "2003-13-01", "00/00/0000", "32 mars 1998")
YES, NO = ("O", "oui", "1", "Oui", "o"), ("N", "non", "0", "Non")

Row = dict[str, Any]


class Town(NamedTuple):
    """A commune under one of its postal codes."""

    name: str
    postal_code: str


def make(path: Path, reference: Path, seed: int = 1901) -> dict[str, int]:
    """Write the database to `path`, whole or not at all, and return how much of each defect it holds.

    `reference` is the folder of the reference files. The same seed gives the same rows. In the counts, which are of the
    associations but for `suppliers`, `duplicates` are rows beyond the first with the same ID_ASSO, and no row has two of
    the other defects; empty dates, SIRET and telephone numbers are not counted: they are merely not known. Raises
    FileNotFoundError where a reference file is missing.
    """
    rows = _rows(random.Random(seed), _towns(reference / "communes.parquet"))  # noqa: S311 (nothing secret)
    known = suppliers.draw(reference / "companies.parquet", seed)
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    with closing(sqlite3.connect(aside)) as database, database:
        _fill(database, "associations", TABLE, COLUMNS, rows)
        _fill(database, "suppliers", suppliers.TABLE, suppliers.COLUMNS, [each.row for each in known])
    aside.replace(path)
    return {
        "rows": len(rows),
        "duplicates": DUPLICATES,
        "missing_keys": MISSING_KEYS,
        "bad_dates": BAD_DATES,
        "bad_sirets": BAD_SIRETS,
        "unknown_towns": UNKNOWN_TOWNS,
        "suppliers": len(known),
    }


def _fill(database: sqlite3.Connection, name: str, table: str, columns: tuple[str, ...], rows: list[Row]) -> None:
    database.execute(table)
    values = ", ".join("?" for _ in columns)
    database.executemany(f"INSERT INTO {name} VALUES ({values})", [[row[column] for column in columns] for row in rows])


def _towns(communes: Path) -> list[Town]:
    """Return the towns that their folded name and postal code identify."""
    found: dict[tuple[str, str], list[Town]] = defaultdict(list)
    for row in pq.read_table(communes, columns=["name", "postal_codes"]).to_pylist():
        for postal_code in row["postal_codes"]:
            found[folded(row["name"]), postal_code].append(Town(row["name"], postal_code))
    return [towns[0] for towns in found.values() if len(towns) == 1]


def _rows(chance: random.Random, towns: list[Town]) -> list[Row]:
    early = [town for town in towns if town.postal_code.startswith("0")]  # where the leading zero can be lost
    rows = [
        _row(chance, number, chance.choice(early if number % 5 == 0 else towns)) for number in range(ROWS - DUPLICATES)
    ]
    defective = iter(chance.sample(rows, MISSING_KEYS + BAD_DATES + BAD_SIRETS + UNKNOWN_TOWNS + DUPLICATES))
    for number in range(MISSING_KEYS):
        next(defective)["ID_ASSO"] = (None, "", "  ")[number % 3]
    for number in range(BAD_DATES):
        next(defective)["DATE_CREA"] = IMPOSSIBLE_DATES[number % len(IMPOSSIBLE_DATES)]
    for _ in range(BAD_SIRETS):
        row = next(defective)
        right = _siret(chance)
        row["SIRET"] = right[:-1] + str((int(right[-1]) + 1) % 10)
    named = {(folded(town.name), town.postal_code) for town in towns}
    for _ in range(UNKNOWN_TOWNS):
        row = next(defective)
        postal_code = f"{int(row['CP']):05}"
        elsewhere = (folded(chance.choice(towns).name) for _ in iter(int, 1))
        row["VILLE"] = next(name for name in elsewhere if (name, postal_code) not in named)
    rows += [_duplicate(chance, row) for row in defective]
    chance.shuffle(rows)
    return rows


def _row(chance: random.Random, number: int, town: Town) -> Row:
    theme = chance.choice(list(THEMES))
    name = _unaccented(f"{chance.choice(KINDS)} {theme} {chance.choice(('de', 'à'))} {town.name}")
    return {
        "ID_ASSO": _blemished(chance, f"W{town.postal_code[:2]}{number % 10}9{number:05}"),
        "NOM": chance.choice((name.upper(), name, name.title(), name.replace(" ", "  ", 2))),
        "OBJET": chance.choice((THEMES[theme], _unaccented(THEMES[theme]).upper(), None)),
        "SIRET": chance.choice((_siret(chance), spaced(_siret(chance)), None, "")),
        "ADRESSE": chance.choice((f"{chance.randint(1, 120)} {chance.choice(STREETS)}", None)),
        "CP": int(town.postal_code) if number % 2 else town.postal_code,
        "VILLE": folded(town.name) + chance.choice(("", "", "", "", "", "", "", " CEDEX", " CEDEX 2", " ")),
        "DATE_CREA": "" if chance.random() < 0.04 else _written(chance, _day(chance)),
        "ACTIF": chance.choice(YES if chance.random() < 0.85 else NO),
        "TEL": chance.choice((_telephone(chance), None)),
    }


def _duplicate(chance: random.Random, row: Row) -> Row:
    """Return `row` as it was typed in a second time. What either lacks, the other has; they contradict nowhere."""
    again = {**row, "ID_ASSO": row["ID_ASSO"].strip().swapcase() + " ", "NOM": f" {row['NOM'].upper()}"}
    row["TEL"], again["TEL"] = None, _telephone(chance)
    row["SIRET"], again["SIRET"] = _siret(chance), ""
    row["ADRESSE"], again["ADRESSE"] = None, f"{chance.randint(1, 120)} {chance.choice(STREETS)}"
    day = _day(chance)
    row["DATE_CREA"], again["DATE_CREA"] = day.isoformat(), _written(chance, day)
    return again


def _blemished(chance: random.Random, key: str) -> str:
    return chance.choice((key, key, key, key.lower(), f" {key}", f"{key} ", f"{key[:4]} {key[4:]}"))


def _siret(chance: random.Random) -> str:
    """Return 14 digits that pass as a SIRET: its first nine are a SIREN, and both end in a Luhn digit."""
    siren = f"000{chance.randint(0, 99999):05}"
    siren += luhn.calc_check_digit(siren)
    siret = f"{siren}0000"
    return siret + luhn.calc_check_digit(siret)


def _day(chance: random.Random) -> date:
    return date(chance.randint(1902, 2025), chance.randint(1, 12), chance.randint(1, 28))


def _written(chance: random.Random, day: date) -> str:
    month = (MONTHS + MONTHS_LATER)[day.month - 1]
    return chance.choice((day.isoformat(), f"{day:%d/%m/%Y}", f"{day.day} {month} {day.year}"))


def _telephone(chance: random.Random) -> str:
    pairs = ["06", "39", "98", f"{chance.randint(0, 99):02}", f"{chance.randint(0, 99):02}"]
    return chance.choice((" ", "", ".")).join(pairs)


def _unaccented(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.replace("œ", "oe").replace("Œ", "Oe"))
    return "".join(c for c in plain if not unicodedata.combining(c))
