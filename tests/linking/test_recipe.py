"""Recipes are in order: what they speak of is there, and what they say adds up."""

import duckdb
import pytest

from pipelines.linking import prepare, recipe
from pipelines.linking.recipe import Recipe


@pytest.fixture(params=recipe.names())
def each(request: pytest.FixtureRequest) -> Recipe:
    return recipe.recipe(request.param)


def test_what_is_no_kind_of_record_has_no_recipe() -> None:
    with pytest.raises(KeyError):
        recipe.recipe("../person")


def test_every_column_that_a_recipe_speaks_of_is_prepared_and_every_level_is_sql(each: Recipe) -> None:
    connection = duckdb.connect()
    fields = ", ".join(f"NULL::VARCHAR AS {field}" for field in each.fields)
    connection.execute(
        f"CREATE TABLE r AS SELECT 0::BIGINT AS n, 0::UTINYINT AS side, 0::USMALLINT AS origin, {fields}"
    )
    prepare.prepare(connection, each, "r", "p")
    types = dict(connection.execute("SELECT column_name, column_type FROM (DESCRIBE p)").fetchall())
    said = {column for block in each.blocks for column in (*block.on, *block.then)}
    said |= {column for training in each.training for column in training.on}
    said |= {column for comparison in each.comparisons for column in comparison.missing}
    said |= {level.rare for comparison in each.comparisons for level in comparison.levels if level.rare}
    assert said <= set(types)
    sides = ", ".join(f"{side}.{column} AS {column}_{side}" for side in "lr" for column in types)
    for comparison in each.comparisons:
        level = f"SELECT {comparison.level} FROM (SELECT {sides} FROM p l, p r)"
        assert connection.execute(level).fetchall() == [(0,)], f"{comparison.name}: nothing to compare is level 0"


def test_m_and_u_add_up(each: Recipe) -> None:
    for comparison in each.comparisons:
        assert sum(level.m for level in comparison.levels) == pytest.approx(1, abs=0.1), comparison.name
        assert comparison.levels[-1].u >= comparison.levels[-1].m, f"{comparison.name}: what differs speaks against"


def test_one_letter_is_near_however_long_the_name_is() -> None:
    """What stands before a slow function in a level's SQL keeps nothing from it that it would find.

    Of names of one or two letters a letter is half: two initials are two names.
    """
    person, connection = recipe.recipe("person"), duckdb.connect()
    names = ["li", "ana", "anna", "paola", "aabbab", "bababbaa", "marguerite"]
    near = {
        each[:at] + by + each[end:]
        for each in names
        for at in range(9)
        for end in (at, at + 1)
        for by in ("", "a", "z")
    }
    near |= {each[:at] + each[at : at + 2][::-1] + each[at + 2 :] for each in names for at in range(9)}
    named = ("family_name", "given_name")
    fields = ", ".join(f"{'t' if field in named else 'NULL'}::VARCHAR AS {field}" for field in person.fields)
    connection.execute(
        "CREATE TABLE r AS SELECT row_number() OVER () AS n, 0::UTINYINT AS side, 0::USMALLINT AS origin,"
        f" {fields} FROM (SELECT unnest($names) AS t)",
        {"names": sorted(near - {""})},
    )
    prepare.prepare(connection, person, "r", "p")
    columns = [name for (name,) in connection.execute("SELECT column_name FROM (DESCRIBE p)").fetchall()]
    sides = ", ".join(f"{side}.{column} AS {column}_{side}" for side in "lr" for column in columns)
    for comparison, more in zip(
        person.comparisons,
        ("jaro_winkler_similarity(family_l, family_r) >= 0.8", "least(strlen(given_l), strlen(given_r)) >= 3"),
        strict=False,
    ):
        far = connection.execute(
            f"SELECT given_l, given_r FROM (SELECT {sides} FROM p l JOIN p r ON l.n < r.n) WHERE {more}"
            f" AND damerau_levenshtein(given_l, given_r) <= 1 AND {comparison.level} = {len(comparison.levels)}"
        ).fetchall()
        assert far == [], comparison.name


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (("Smith", "Wilhelmina"), ("Wilhelmna", "Smith"), "family and given name swapped"),
        (("Eka", "Dobarshvili"), ("Dobarshvili", "Eka"), "family and given name swapped"),
        (("Eka", "Dobarshvili"), ("Dobarshvili", "Beka"), "different"),
        (("Ferrer", "S"), ("Ferrer", "V"), "different"),
        (("Ferrer", "Eva"), ("Ferrer", "Eve"), "nearly the same"),
    ],
)
def test_a_letter_more_makes_a_short_name_another_one(one: tuple[str, str], other: tuple[str, str], told: str) -> None:
    person, connection = recipe.recipe("person"), duckdb.connect()
    given_name = next(each for each in person.comparisons if each.name == "given_name")
    known = {"family_name": "f", "given_name": "g"}
    fields = ", ".join(f"{known.get(field, 'NULL')}::VARCHAR AS {field}" for field in person.fields)
    connection.execute(
        f"CREATE TABLE r AS SELECT n, 0::UTINYINT AS side, 0::USMALLINT AS origin, {fields}"
        " FROM (VALUES (0, $one[1], $one[2]), (1, $other[1], $other[2])) rows(n, f, g)",
        {"one": list(one), "other": list(other)},
    )
    prepare.prepare(connection, person, "r", "p")
    columns = [name for (name,) in connection.execute("SELECT column_name FROM (DESCRIBE p)").fetchall()]
    sides = ", ".join(f"{side}.{column} AS {column}_{side}" for side in "lr" for column in columns)
    row = connection.execute(
        f"SELECT {given_name.level} FROM (SELECT {sides} FROM p l JOIN p r ON l.n < r.n)"
    ).fetchone()
    assert row
    assert given_name.levels[row[0] - 1].label.en == told


def test_the_person_recipe_never_trains_on_the_address_alone() -> None:
    for training in recipe.recipe("person").training:
        assert not {"address_key", "street_key", "postal", "place", "street"} & set(training.on)
