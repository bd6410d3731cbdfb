"""A register of residents as a town's software keeps it: a SQLite file with a table `HABITANTS`, asked by civil identity.

Its persons are the synthetic ones of `datasets/reference/persons.parquet`, and a namesake of the first: born on the same
day, of the same names and sex, in another commune. Names stand as such software has them: capitals, given names in one text.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from connectors.identities import plain

COLUMNS = ("NUMERO", "NOM", "PRENOMS", "NE_LE", "NE_A", "SEXE", "ADRESSE", "CP", "COMMUNE")
NAMESAKE = {"birth_commune_code": "80021", "address_line": "1, rue de l'Exemple", "postal_code": "80000"}
"""What of the namesake differs."""


def make(path: Path, reference: Path) -> int:
    """Write the database to `path`, whole or not at all, and return how many residents it has.

    `reference` is the folder of the reference files. Raises FileNotFoundError where that of persons is missing.
    """
    persons = pq.read_table(reference / "persons.parquet").sort_by("nir").to_pylist()
    rows = [_row(number, person) for number, person in enumerate([*persons, persons[0] | NAMESAKE], 1)]
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    with closing(sqlite3.connect(aside)) as database, database:
        database.execute(f"CREATE TABLE HABITANTS ({', '.join(COLUMNS)})")
        database.execute("CREATE INDEX HABITANTS_NES_LE ON HABITANTS (NE_LE)")
        database.executemany(f"INSERT INTO HABITANTS VALUES ({', '.join('?' for _ in COLUMNS)})", rows)
    aside.replace(path)
    return len(rows)


def _row(number: int, person: dict[str, Any]) -> tuple[Any, ...]:
    names = (plain(person["birth_name"]), plain(person["given_names"]))
    born = (person["birth_date"].isoformat(), person["birth_commune_code"], person["sex"])
    return (f"H{number:05}", *names, *born, person["address_line"], person["postal_code"], person["commune_code"])
