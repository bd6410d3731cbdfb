"""Addresses as they are prepared for linking, the places in them, and how well written ones are linked to a register."""

from random import Random
from typing import Any

import duckdb
import pytest

from benchmarks.linking import addresses as generated
from pipelines.linking import recipe
from pipelines.linking.preparing import addresses, places
from tests.linking.linked import duplicates, figures, records, trained

FROZEN = "6dcb196aba4234ae"


def prepared(rows: list[dict[str, str | None]]) -> list[dict[str, Any]]:
    with duckdb.connect() as connection:
        connection.register("given", records(rows, addresses.FIELDS))
        connection.execute("CREATE TEMP TABLE records AS FROM given")
        addresses.prepare(connection, "records", "made")
        found: list[dict[str, Any]] = connection.sql("FROM made ORDER BY n").to_arrow_table().to_pylist()
    return found


LINES = {
    "12 bis rue de la République": ("12", "b", "republique", "street"),
    "12, R. de la Republique": ("12", None, "republique", "street"),
    "Bât. A, 12B rue de la République, 2e étage": ("12", "b", "republique", "street"),
    "Résidence les Lilas 3 bd du Gal Leclerc": ("3", None, "generalleclerc", "boulevard"),
    "12-14 av Foch BP 123": ("12", None, "foch", "avenue"),
    "ALLEE, DES ARTISANS": (None, None, "artisans", "alley"),
    "8 place du 8 mai 1945": ("8", None, "8mai", "place"),
    "rue du 8 Mai": (None, None, "8mai", "street"),
    "7 St-Fuscien": ("7", None, "saintfuscien", None),
    "C/ Mayor, 3, 2º izda": ("3", None, "mayor", "street"),
    "CALLE MAYOR Nº 3 BAJO": ("3", None, "mayor", "street"),
    "Avda. de la Constitución s/n": (None, None, "constitucion", "avenue"),
    "Nagusia kalea, 3": ("3", None, "nagusia", "street"),
    "Sabino Arana etorbidea 14 B": ("14", "b", "sabinoarana", "avenue"),
    "C/ Nagusia 3": ("3", None, "nagusia", "street"),
    "1234 Main St": ("1234", None, "main", "street"),
    "Kale Nagusia 3": ("3", None, "nagusia", "street"),
    "Nagusi kalea, 3": ("3", None, "nagusia", "street"),
    "Aldapa kalea z/g": (None, None, "aldapa", "street"),
    "რუსთაველის 12": ("12", None, "rustavelis", None),
    "კოსტავას ქ. 12": ("12", None, "kostavas", "street"),
    "ვაჟა-ფშაველას გამზ. №76ბ, ბინა 5": ("76", "b", "vazhapshavelas", "avenue"),
    "გამზირი წერეთლის 3": ("3", None, "tseretlis", "avenue"),
    "": (None, None, None, None),
    "…": (None, None, None, None),
}


def test_a_line_is_cut_into_the_parts_that_are_compared() -> None:
    made = prepared([{"address": line} for line in LINES])
    found = {
        line: (row["house"], row["house_part"], row["street"], row["street_type"])
        for line, row in zip(LINES, made, strict=True)
    }
    assert found == LINES


def test_fields_of_their_own_are_read_as_one_line() -> None:
    apart, together = prepared([{"street_number": "12 bis", "street": "rue X"}, {"address": "12 bis rue X"}])
    assert {**apart, "n": 1} == together


PLACES: tuple[tuple[dict[str, str | None], str | None], ...] = (
    ({"postal_code": "80000", "city": "Amiens"}, "80021"),
    ({"postal_code": "80011", "city": "AMIENS CEDEX 1"}, "80021"),
    ({"commune_code": "80021"}, "80021"),
    ({"city": "ST-GERMAIN-EN-LAYE", "postal_code": "78100"}, "78551"),
    ({"commune_code": "49069", "country": "FR"}, "49126"),
    ({"commune_code": "08443"}, "08490"),  # Terron-sur-Aisne, now of Vouziers
    ({"city": "Terron-sur-Aisne", "postal_code": "08400"}, "08490"),
    ({"city": "AMEINS", "postal_code": "80000"}, "80021"),  # misspelt
    ({"city": "Paris 12e Arrondissement", "postal_code": "75012"}, "75056"),
    ({"city": "Ayala", "postal_code": "01470"}, "ES01010"),
    ({"city": "Aiara", "postal_code": "01470"}, "ES01010"),
    ({"city": "Bañeza, La", "postal_code": "24750"}, "ES24010"),
    ({"city": "LA BANEZA", "postal_code": "24750", "country": "España"}, "ES24010"),
    ({"city": "თბილისი"}, "tbilisi"),
    ({"city": "ქ. თბილისი"}, "tbilisi"),
    ({"city": "Springfield", "postal_code": "62704", "country": "US"}, "springfield"),
    ({"postal_code": None, "city": None}, None),
)


def test_a_place_is_the_commune_of_today() -> None:
    made = prepared([row for row, _ in PLACES])
    assert [row["place"] for row in made] == [place for _, place in PLACES]


def test_a_cedex_postal_code_is_none_and_a_lost_zero_comes_back() -> None:
    cedex, short = prepared([{"postal_code": "80011", "city": "AMIENS CEDEX 1"}, {"postal_code": "1400", "city": "X"}])
    assert (cedex["postal"], short["postal"], short["area"]) == (None, "01400", "01")


def test_every_row_is_one_row_whatever_stands_in_it() -> None:
    odd: list[dict[str, str | None]] = [
        {"address": text, "city": text, "postal_code": text}
        for text in ("", " ", "'", "\x00x", "שלום 12", "😀", "9" * 400)
    ]
    made = prepared([*odd, *odd, {}])
    assert [row["n"] for row in made] == list(range(15))


def test_the_table_of_towns_holds_each_commune_under_the_name_that_its_function_makes() -> None:
    with duckdb.connect() as connection:
        towns = f"read_parquet('{places.TOWNS}')"
        row = connection.execute(
            f"SELECT count(*), count(*) FILTER ({places.town('town')} IS DISTINCT FROM town) FROM {towns}"
        ).fetchone()
    assert row is not None
    assert row[0] > 40_000
    assert row[1] < 200, "made names are nearly all stable under the function that makes them"


def test_the_damage_is_as_it_was_frozen() -> None:
    assert generated.digest(generated.case(2000)) == FROZEN


def test_written_addresses_are_linked_to_their_register() -> None:
    register, written = generated.case(600, seed=5)
    found = figures(recipe.recipe("address"), register, written)
    assert found.precision >= 0.985, "a number changed to a neighbour's cannot be told, hardly anything else is wrong"
    assert found.f1 >= 0.88


@pytest.mark.parametrize("named", [True, False])
def test_duplicates_are_found_in_the_register_of_one_town(named: bool) -> None:
    chance = Random(1)
    amiens = [town for town in generated.towns("FR") if town.name == "Amiens"][:1]
    drawn = {generated.official(each)["address"]: each for each in (generated.draw(chance, amiens) for _ in range(400))}
    rows = [{"entity": str(at), **generated.official(each)} for at, each in enumerate(drawn.values())]
    rows += [{"entity": row["entity"], "address": f"{row['address']}".title(), "city": "AMIENS"} for row in rows[:20]]
    if not named:
        rows = [{"entity": row["entity"], "address": row["address"]} for row in rows]
    found, asked = duplicates(recipe.recipe("address"), rows)
    assert all(rows[one]["entity"] == rows[other]["entity"] for one, other in found), (
        "another number is another address"
    )
    assert len(found) >= (18 if named else 12), "those of a long street may be doubtful where the place is unknown"
    assert asked <= 20


def test_where_some_name_their_town_one_that_names_none_may_be_of_any() -> None:
    chance = Random(4)
    among = chance.sample(generated.towns("FR"), 20)
    rows: list[dict[str, str | None]] = [{"address": "16 rue du Beffroi"}, {"address": "16, r. du Beffroi"}]
    rows += [generated.official(generated.draw(chance, among)) for _ in range(500)]
    found, asked = duplicates(recipe.recipe("address"), rows)
    assert (0, 1) not in found
    assert asked, "a person says"


@pytest.mark.parametrize("towns", [1, 30])
def test_communes_that_became_one_may_each_have_a_street_of_one_name(towns: int) -> None:
    chance = Random(3)
    among = chance.sample([town for town in generated.towns("FR") if (town.code == "08490") == (towns == 1)], towns)
    rows = [{"entity": f"{at}", **generated.official(generated.draw(chance, among))} for at in range(250)]
    names = ("Vrizy", "VRIZY", "Terron-sur-Aisne", "Vouziers")
    for name in names[::-1]:
        rows.insert(0, {"address": "12 rue du Beffroi", "postal_code": "08400", "city": name})
    found, _ = duplicates(recipe.recipe("address"), rows)
    linked = {(one, other) for one, other in found if other < len(names)}
    assert (0, 1) in linked, "the same part"
    assert not linked & {(0, 2), (1, 2)}, "two parts, two streets"
    assert towns > 1 or linked == {(0, 1)}, "the whole may be another part"


def test_what_a_commune_was_is_known_by_name_and_by_code() -> None:
    told: list[dict[str, str | None]] = [{"postal_code": "08400", "city": "Vrizy"}, {"commune_code": "08493"}, {"postal_code": "08400", "city": "Vouziers"},
            {"commune_code": "08490"}, {"commune_code": "75102"}, {"city": "Paris 2e Arrondissement"}, {"city": "Aiara"}]  # fmt: skip
    assert [row["former"] for row in prepared(told)] == ["08493", "08493", None, None, None, None, None]


def test_a_town_that_no_record_had_does_not_speak_for_a_link() -> None:
    chance = Random(2)
    amiens = [town for town in generated.towns("FR") if town.name == "Amiens"][:1]
    rows = [generated.official(generated.draw(chance, amiens)) for _ in range(600)]
    rows += [{"address": row["address"], "city": "Amiens"} for row in rows[:4]]
    rows += [{"address": row["address"], "postal_code": "80001"} for row in rows[4:6]]
    with duckdb.connect() as connection:
        assert trained(connection, recipe.recipe("address"), rows).weights("place")[-1] < 0.1, "elsewhere"


def test_written_addresses_are_linked_to_the_register_of_one_town() -> None:
    chance = Random(3)
    corbie = [town for town in generated.towns("FR") if town.name == "Corbie"][:1]
    known = {generated.official(each)["address"]: each for each in (generated.draw(chance, corbie) for _ in range(800))}
    register = [{"entity": line, **generated.official(each)} for line, each in known.items()]
    written = [
        {"entity": line, **generated.written(chance, known[line])}
        for line in chance.sample(sorted(known, key=str), 150)
    ]
    found = figures(recipe.recipe("address"), register, written)
    assert found.precision >= 0.98
    assert found.f1 >= 0.8


def test_columns_of_nothing_and_all_equal_rows_link_nothing_that_is_not_there() -> None:
    address = recipe.recipe("address")
    empty: list[dict[str, str | None]] = [{"entity": f"{at}"} for at in range(120)]
    assert figures(address, empty, empty).links == 0
    same: list[dict[str, str | None]] = [{"entity": "1", "address": "1 rue X", "city": "Amiens"}] * 120
    assert figures(address, same, same).truth == 120


def test_shared_comparison_reads_only_columns_that_are_made() -> None:
    row = prepared([{"address": "1 rue X"}])[0]
    shared = next(each for each in recipe.recipe("company").comparisons if each.name == "address")
    named = {level.rare for level in shared.levels if level.rare} | set(shared.missing)
    assert named <= set(row)
