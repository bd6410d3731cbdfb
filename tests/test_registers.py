"""The social register and the property register of the demo: of the synthetic persons, the same every time."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from connectors.sandbox import registers

REFERENCE = Path(__file__).parents[1] / "datasets" / "reference"


def read(path: Path, table: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(f"SELECT * FROM {table}")]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, registers.Registers]:
    folder = tmp_path_factory.mktemp("registers")
    return folder, registers.make(folder, REFERENCE)


def test_what_is_written_is_what_is_told(made: tuple[Path, registers.Registers]) -> None:
    folder, told = made
    assert sorted(path.name for path in folder.iterdir()) == ["property.sqlite", "social.sqlite"]
    assert read(folder / "social.sqlite", "households") == told.households
    assert read(folder / "property.sqlite", "parcels") == told.parcels


def test_they_are_of_persons_who_live(made: tuple[Path, registers.Registers]) -> None:
    persons = {row["nir"]: row for row in pq.read_table(REFERENCE / "persons.parquet").to_pylist()}
    _, told = made
    assert {row["nir"] for row in told.households} == {nir for nir, row in persons.items() if row["death_date"] is None}
    for parcel in told.parcels:
        owner = persons[parcel["owner"]]
        assert owner["death_date"] is None
        assert (owner["commune_code"], owner["address_line"]) == (parcel["commune_code"], parcel["address"])
        assert re.fullmatch(rf"{owner['commune_code']}000ZZ\d{{4}}", parcel["reference"])
    assert len({parcel["reference"] for parcel in told.parcels}) == len(told.parcels)


def test_they_are_made_anew_and_the_same(made: tuple[Path, registers.Registers]) -> None:
    folder, told = made
    assert registers.make(folder, REFERENCE) == told
    assert read(folder / "social.sqlite", "households") == told.households
