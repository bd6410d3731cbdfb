"""The synthetic registers that linking is measured by: made as they were when they were frozen, with the truth beside."""

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.linking import registers
from connectors.sandbox import towns


def test_the_registers_are_those_that_were_frozen() -> None:
    assert registers.frozen() == "e1bf5c9ae31249298fdf9804b6b96d4179a29e33e2d01809c1b6c5404055991c"


@pytest.mark.parametrize("name", registers.ALL)
def test_a_register_has_what_registers_have(name: str) -> None:
    rows = registers.register(name, 3_000).to_pylist()
    assert len({row["id"] for row in rows}) == 3_000
    persons = Counter(row["entity"] for row in rows)
    assert 1_700 < len(persons) < 2_100
    assert {row["source"] for row in rows} == {"residents", "taxes", "schools", "library", "social"}
    assert 0.005 < sum(row["birth_date"] is None for row in rows) / 3_000 < 0.04
    loud = [row for row in rows if row["source"] == "taxes" and row["family_name"][0] < "ა"]
    assert all(row["family_name"] == row["family_name"].upper() for row in loud)
    homes = {(row["address"], row["commune"]): row["entity"] for row in rows if row["address"]}
    assert any(homes[row["address"], row["commune"]] != row["entity"] for row in rows if row["address"])


def test_georgians_stand_in_their_letters_and_in_two_romanisations() -> None:
    rows = registers.register("ka", 3_000).to_pylist()
    by_source = {
        source: " ".join(row["family_name"] for row in rows if row["source"] == source)
        for source in ("residents", "schools", "library")
    }
    assert "შვილი" in by_source["residents"]
    assert "shvili" in by_source["schools"]
    assert "chvili" in by_source["library"]
    assert "shvili" not in by_source["library"]


def test_registers_of_towns_tell_what_a_merge_is_to_find() -> None:
    reference = Path(__file__).resolve().parents[2] / "datasets" / "reference"
    drawn = towns.draw(reference)
    for name, register in drawn.items():
        assert len(register.rows) == 122
        by_place = {(code, row["NUMERO"]): row for code, rows in register.rows.items() for row in rows}
        assert sorted(by_place) == sorted(place for entity in register.entities for place in entity.rows)
        differ = Counter[str]()
        for entity in register.entities:
            rows = [by_place[place] for place in entity.rows]
            assert len({code for code, _ in entity.rows}) == len(rows), "a town has an entity once"
            latest = sorted(rows, key=lambda row: row["MAJ"])
            assert len({row["MAJ"] for row in rows}) == len(rows), "recent must tell"
            assert {column: latest[-1][column] for column in entity.recent} == entity.recent
            votes = Counter(row["STATUT"] for row in rows).most_common(2)
            assert votes[0][0] == entity.majority["STATUT"]
            assert len(votes) == 1 or votes[0][1] > votes[1][1], "a majority must tell"
            differ.update(column for column in register.columns if len({row.get(column) for row in rows}) > 1)
        assert differ["ADRESSE"] > 300, name
        assert differ["STATUT"] > 50, name
