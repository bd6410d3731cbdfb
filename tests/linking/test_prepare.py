"""Prepared columns of persons: scripts, particles, compound names, short forms, dates, numbers; bad input is null."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyascii
import duckdb
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from pipelines.linking import prepare, recipe
from pipelines.linking.preparing.names import family, given, whole
from pipelines.linking.preparing.sounds import skeleton, sound
from pipelines.linking.preparing.text import LONGEST, over_distinct, plain

PERSON = recipe.recipe("person")


def records(connection: duckdb.DuckDBPyConnection, name: str, rows: list[dict[str, str | None]]) -> None:
    """Make a table of records as a run makes it."""
    fields = ", ".join(f"{field} VARCHAR" for field in PERSON.fields)
    connection.execute(f"CREATE TABLE {name} (n BIGINT, side UTINYINT, origin USMALLINT, {fields})")
    for at, row in enumerate(rows):
        columns = "".join(f", {field}" for field in row)
        marks = ", ?" * len(row)
        values = [at, *row.values()]
        connection.execute(f"INSERT INTO {name} (n, side, origin{columns}) VALUES (?, 0, 0{marks})", values)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        yield made


@for_all(st.text(max_size=600))
def test_a_text_is_what_its_signs_are(text: str) -> None:
    assert plain(text) == anyascii.anyascii(text).lower()[:LONGEST]


@pytest.mark.parametrize("values", [[], ["a"], ["a", "b"], ["a", "b", "a", None, "c", "d", "e"]])
def test_what_is_made_of_values_is_made_of_each_once(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, values: list[str | None]
) -> None:
    monkeypatch.setattr("pipelines.linking.preparing.text.BATCH", 2)
    connection.execute("CREATE TABLE given (v VARCHAR)")
    for value in values:
        connection.execute("INSERT INTO given VALUES (?)", [value])
    over_distinct(connection, "given", "v", "true", lambda value: {"twice": value * 2, "parts": [value, "z"]}, "made")
    made = connection.execute("SELECT value, twice, parts FROM made ORDER BY value").fetchall()
    assert made == [(value, value * 2, [value, "z"]) for value in sorted({each for each in values if each is not None})]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("de la Cruz", "CRUZ"),
        ("d'Artagnan", "Artagnan"),
        ("von Weiß", "Weiss"),
        ("Mc Donald", "McDonald"),
        ("Etxe Berria", "Etxeberria"),
        ("Núñez", "NUNEZ"),
        ("Lecœur", "LECOEUR"),
        ("ბერიძე", "Beridze"),
    ],
)
def test_one_family_name(one: str, other: str) -> None:
    assert family(one)["family"] == family(other)["family"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Echeverría", "Etxeberria"),
        ("Levaudreau", "Le Vaudreau"),
        ("Чехов", "Tchekhov"),
        ("ჩიქოვანი", "Tchikovani"),
        ("Jiménez", "Ximenez"),
        ("Karlos", "Carlos"),
    ],
)
def test_names_that_sound_alike(one: str, other: str) -> None:
    assert family(one)["family_sound"] == family(other)["family_sound"]
    assert set(family(one)["family_keys"]) & {skeleton(sound(other.lower())), *family(other)["family_keys"]}


def test_short_forms_stand_for_every_name_they_may_mean() -> None:
    assert "francisco" in given("Paco")["given_forms"]
    assert {"john", "juan"} <= set(given("Jon")["given_forms"])
    assert given("Jean-Pierre")["given_parts"] == ["jean", "pierre"]


def test_a_whole_name_is_cut_by_comma_capitals_or_its_last_word() -> None:
    cut = [tuple(whole(text).values()) for text in ("Martin, Jean", "MARTIN Jean", "Jean MARTIN", "Jean Martin")]
    assert {(family.strip(), given.strip()) for family, given in cut} == {("Martin", "Jean"), ("MARTIN", "Jean")}


def test_what_is_empty_is_null_and_nothing_breaks(connection: duckdb.DuckDBPyConnection) -> None:
    odd: list[dict[str, str | None]] = [
        {},
        {"family_name": "", "given_name": " ", "birth_date": "?", "phone": "-", "nir": "1"},
        {"family_name": "'", "given_name": "--", "birth_date": "0", "email": " "},
        {"family_name": "محمد", "given_name": "שלום", "name": "x" * 10_000},
    ]
    records(connection, "r", odd)
    prepare.prepare(connection, PERSON, "r", "p")
    known = "family, given, birth, phone, email, nir, sex"
    rows = connection.execute(f"SELECT {known} FROM p ORDER BY n").fetchall()
    assert rows[0] == rows[1] == rows[2] == (None,) * 7
    assert rows[3][:2] == ("mhmd", "slvm")


def test_dates_and_numbers(connection: duckdb.DuckDBPyConnection) -> None:
    rows: list[dict[str, Any]] = [
        {"birth_date": "1980-02-03", "nir": "2 95 10 99 126 111 93", "sex": "Femme"},
        {"birth_date": "03/02/1980", "nir": "295109912611100", "dni": "54362315-K"},
        {"birth_date": "19801303", "dni": "54362315X", "phone": "+33 6 12 34 56 78"},
    ]
    records(connection, "r", rows)
    prepare.prepare(connection, PERSON, "r", "p")
    assert connection.execute("SELECT birth, nir, dni, sex, phone FROM p ORDER BY n").fetchall() == [
        ("19800203", "2951099126111", None, "f", None),
        ("19800203", None, "54362315K", None, None),
        ("19801303", None, None, None, "612345678"),
    ]


def test_a_parquet_file_keeps_what_is_prepared(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    records(connection, "r", [{"family_name": "García López", "given_name": "Jean-Pierre"}, {}])
    prepare.prepare(connection, PERSON, "r", "p")
    connection.execute(f"COPY p TO '{tmp_path}/p.parquet'")
    types = "SELECT column_name, column_type FROM (DESCRIBE {})"
    kept = connection.execute(types.format(f"FROM '{tmp_path}/p.parquet'")).fetchall()
    assert kept == connection.execute(types.format("p")).fetchall()


def test_new_records_are_prepared_alone_and_the_known_taken_over(connection: duckdb.DuckDBPyConnection) -> None:
    rows: list[dict[str, str | None]] = [{"family_name": "Martin"}, {"family_name": "Petit"}]
    records(connection, "r", rows)
    prepare.prepare(connection, PERSON, "r", "p")
    connection.execute("CREATE TABLE new AS FROM r WHERE n = 1; CREATE TABLE old AS FROM p WHERE n = 0")
    prepare.prepare(connection, PERSON, "new", "again", "old")
    assert connection.execute("FROM again ORDER BY n").fetchall() == connection.execute("FROM p ORDER BY n").fetchall()


def test_what_is_asked_for_being_the_same_alone_is_a_number_and_null_where_there_is_nothing(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """Of the texts that tell people apart fewer are kept, and what is kept is read faster."""
    there = {"address": "12 rue du Moulin", "postal_code": "80000", "city": "Amiens"}
    rows: list[dict[str, str | None]] = [
        {"family_name": "Etxeberria", "given_name": "Francisco", "birth_date": "1984-03-12", **there},
        {
            "family_name": "ECHEVERRIA",
            "given_name": "Paco",
            "birth_date": "03/12/1984",
            **there,
            "address": "12, R. DU MOULIN",
        },
        {
            "family_name": "Petit",
            "given_name": "Paul",
            "birth_date": "12 mars",
            "birth_year": "1984",
            "address": "14 rue du Moulin",
        },
        {},
    ]
    records(connection, "r", rows)
    prepare.prepare(connection, PERSON, "r", "p")
    texts = {name for name, kind, *_ in connection.execute("DESCRIBE p").fetchall() if kind.startswith("VARCHAR")}
    keys = (
        "family_sound",
        "family_keys",
        "given_forms",
        "name_keys",
        "birth_key",
        "birth_year",
        "street_key",
        "address_key",
    )
    assert not texts & set(keys)
    one, other, third, none = connection.execute(f"SELECT {', '.join(keys)} FROM p ORDER BY n").fetchall()
    found = dict(zip(keys, zip(one, other, strict=True), strict=True))
    assert {key for key, (a, b) in found.items() if (set(a) & set(b) if isinstance(a, list) else a == b)} == set(keys)
    assert one[keys.index("birth_key")] == 19840312
    assert third[keys.index("birth_year")] == 1984
    assert (third[keys.index("birth_key")], third[keys.index("street_key")]) == (None, None), "no date, and no town"
    assert not any(none)
