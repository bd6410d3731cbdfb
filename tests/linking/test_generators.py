"""The synthetic registers that linking is measured by: made as they were when they were frozen, with the truth beside."""

from collections import Counter

import pytest

from benchmarks.linking import registers


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
