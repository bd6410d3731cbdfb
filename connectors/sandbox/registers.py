"""A social register and a property register as SQLite files: small, synthetic, of the synthetic persons of the civil one.

Every third person who is alive owns the parcel that he or she lives on. No number here is anybody's: neither quotient
nor allowance, nor a parcel's, whose section ZZ is used nowhere in the towns of these persons.
"""

import random
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

ALLOWANCES = ("RSA", "AAH", "ASPA", "APL", None, None, None)
"""What is paid: four of the benefits that French law knows, or none."""

HOUSEHOLDS = "CREATE TABLE households (nir TEXT PRIMARY KEY, commune_code TEXT, quotient INTEGER, children INTEGER, allowance TEXT)"
PARCELS = (
    "CREATE TABLE parcels (reference TEXT PRIMARY KEY, commune_code TEXT, address TEXT, area INTEGER, built INTEGER,"
    " owner TEXT, owner_name TEXT)"
)

Row = dict[str, Any]


class Registers(NamedTuple):
    """The rows that both registers have."""

    households: list[Row]
    parcels: list[Row]


def make(folder: Path, reference: Path, seed: int = 1945) -> Registers:
    """Write `social.sqlite` and `property.sqlite` into `folder`, each whole or not at all; return their rows.

    `reference` is the folder of the reference files. The same seed gives the same rows. Raises FileNotFoundError where
    the persons are missing.
    """
    persons = pq.read_table(reference / "persons.parquet").sort_by("nir").to_pylist()
    alive = [person for person in persons if person["death_date"] is None]
    chance = random.Random(seed)  # noqa: S311 (nothing secret)
    made = Registers([_household(person, chance) for person in alive], _parcels(alive[::3], chance))
    _write(folder / "social.sqlite", "households", HOUSEHOLDS, made.households)
    _write(folder / "property.sqlite", "parcels", PARCELS, made.parcels)
    return made


def _household(person: Row, chance: random.Random) -> Row:
    return {
        "nir": person["nir"], "commune_code": person["commune_code"], "quotient": chance.randrange(150, 2400),
        "children": chance.randrange(5), "allowance": chance.choice(ALLOWANCES),
    }  # fmt: skip


def _parcels(owners: list[Row], chance: random.Random) -> list[Row]:
    numbers, found = Counter[str](), []
    for owner in owners:
        commune = owner["commune_code"]
        numbers[commune] += 1
        found.append(
            {
                "reference": f"{commune}000ZZ{numbers[commune]:04}", "commune_code": commune,
                "address": owner["address_line"], "area": chance.randrange(90, 4000), "built": chance.randrange(4) > 0,
                "owner": owner["nir"], "owner_name": owner["birth_name"],
            }
        )  # fmt: skip
    return found


def _write(path: Path, table: str, create: str, rows: list[Row]) -> None:
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    with closing(sqlite3.connect(aside)) as database, database:
        database.execute(create)
        values = ", ".join(f":{name}" for name in rows[0])
        database.executemany(f"INSERT INTO {table} VALUES ({values})", rows)
    aside.replace(path)
