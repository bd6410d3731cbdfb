"""References of parcels as they are prepared for linking, and what is linked by them."""

from random import Random
from typing import Any

import duckdb

from pipelines.linking import recipe
from pipelines.linking.preparing import parcels
from tests.linking.linked import Row, duplicates, figures, records

PARCEL = recipe.recipe("parcel")
SPANISH = "9872023VH5797S0001WX"


def prepared(rows: list[dict[str, str | None]]) -> list[dict[str, Any]]:
    with duckdb.connect() as connection:
        connection.register("given", records(rows, PARCEL.fields))
        connection.execute("CREATE TEMP TABLE records AS FROM given")
        parcels.prepare(connection, "records", "made")
        found: list[dict[str, Any]] = connection.sql("FROM made ORDER BY n").to_arrow_table().to_pylist()
    return found


def test_ways_to_write_a_french_reference_are_one() -> None:
    ways: list[dict[str, str | None]] = [
        {"parcel": "80021000AB0123"}, {"parcel": "80021 000 AB 123"}, {"parcel": "80021 AB 0123"}, {"parcel": "80021-AB-123"},
        {"commune_code": "80021", "section": "AB", "plot": "123"},
        {"commune_code": "80021", "prefix": "000", "section": "ab", "plot": "0123"},
    ]  # fmt: skip
    assert {row["parcel_fr"] for row in prepared(ways)} == {"80021000AB0123"}
    assert prepared([{"parcel": "2A004000 A0012"}])[0]["parcel_fr"] == "2A0040000A0012"


def test_a_reference_of_a_commune_that_is_part_of_another_is_that_of_today() -> None:
    old, new = prepared([{"parcel": "49069000AB0012"}, {"parcel": "49126069AB0012"}])
    assert old["parcel_fr"] == new["parcel_fr"] == "49126069AB0012"


def test_a_section_and_a_number_alone_are_kept() -> None:
    made = prepared([{"parcel": "Section ZE n° 12"}, {"section": "ZE", "plot": "12"}, {"parcel": "AB 12"}])
    assert [(row["section"], row["plot"]) for row in made] == [("000ZE", "0012"), ("000ZE", "0012"), ("000AB", "0012")]
    assert all(row["parcel_fr"] is None for row in made)


def test_a_spanish_reference_is_one_only_with_its_check_characters() -> None:
    whole, part, wrong = prepared(
        [{"parcel": SPANISH}, {"parcel": "9872023 VH5797S 0001 WX"}, {"parcel": SPANISH[:-1] + "A"}]
    )
    assert whole["parcel_es"] == part["parcel_es"] == SPANISH[:14]
    assert wrong["parcel_es"] is None
    assert wrong["parcel_local"] is not None


def test_other_cadastres_keep_their_own_reference() -> None:
    assert prepared([{"parcel": "N-9876543.X"}])[0]["parcel_local"] == "N9876543X"


SURFACES = {
    "1 234 m²": "1234",
    "0,12 ha": "1200",
    "1 ha 20 a 5 ca": "12005",
    "12a 34ca": "1234",
    "1234": "1234",
    "?": None,
    "": None,
}


def test_a_surface_is_in_square_metres() -> None:
    made = prepared([{"area": text} for text in SURFACES])
    assert [row["surface"] for row in made] == list(SURFACES.values())


def test_every_row_is_one_row_whatever_stands_in_it() -> None:
    odd = ("", " ", "'", "\x00", "שלום 12", "😀", "9" * 400, "80021")
    rows: list[dict[str, str | None]] = [{"parcel": text, "section": text, "plot": text, "area": text} for text in odd]
    assert len(prepared([*rows, *rows, {}])) == 2 * len(odd) + 1


def test_parcels_are_linked_by_reference_else_by_address_and_surface() -> None:
    register: list[Row] = []
    written: list[Row] = []
    for at in range(300):
        number = at % 150 + 1
        told = {"entity": f"{at}", "parcel": f"80021000A{'ABCDE'[at % 5]}{at + 1:04}", "city": "Amiens", "area": f"{400 + 7 * at}",
                "postal_code": "80000", "address": f"{number} rue {'Pasteur' if at < 150 else 'Gambetta'}"}  # fmt: skip
        register.append(told)
        if at % 3 == 0:
            written.append({"entity": f"{at}", "parcel": f"80021 A{'ABCDE'[at % 5]} {at + 1}", "area": told["area"]})
        elif at % 3 == 1:
            written.append({"entity": f"{at}", "address": told["address"], "city": "AMIENS", "area": told["area"]})
        else:
            written.append(
                {"entity": None, "address": f"{number + 500} rue Jules Verne", "city": "Amiens", "area": "99"}
            )
    found = figures(PARCEL, register, written)
    assert found.right == found.links == 200


def test_duplicates_are_found_in_the_register_of_a_town_that_names_no_town() -> None:
    chance = Random(1)
    known = {
        (chance.choice("ABCD") + chance.choice("EFGH"), chance.randint(1, 400)): chance.randint(50, 9000)
        for _ in range(300)
    }
    rows: list[Row] = [
        {"entity": f"{key}", "section": key[0], "plot": f"{key[1]}", "area": f"{area}"} for key, area in known.items()
    ]
    rows += [
        {"entity": f"{key}", "parcel": f"Section {key[0]} n° {key[1]}", "area": f"{area} m²"}
        for key, area in [*known.items()][:30]
    ]
    found, asked = duplicates(PARCEL, rows)
    assert all(rows[one]["entity"] == rows[other]["entity"] for one, other in found)
    assert len(found) + asked == 30
    assert len(found) >= 25
