"""What a run takes over from the last one is what a run of everything would find: no number, no rarity, no count is of old."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import RunFailed
from pipelines.linking import carried, files, prepare, recipe
from pipelines.linking.recipe import Block
from pipelines.linking.scoring import pairs
from pipelines.linking.scoring.model import Model
from pipelines.linking.telling import words
from pipelines.report import links
from tests.pipelines.bench import Bench, read

COMPANY = recipe.recipe("company")
COMPANIES = """\
title: Companies
owner: ville
audience: owner
source: {registry: source, table: companies}
schema:
  fields:
    - {name: id}
    - {name: name}
    - {name: rna}
    - {name: city}
    - {name: company, type: integer}
  primaryKey: id
link: {company: {record: company}}
expect: {drift: {keys: 1}}
"""
NAMES = ("id", "name", "rna", "city")
Row = tuple[str | None, ...]
CLUBS = ("Club nautique", "Harmonie municipale", "Les amis du livre", "Tennis club", "Pelote basque", "Atelier theatre")
TOWNS = ("Bayonne", "Anglet", "Biarritz", "Amiens", "Corbie", "Albert")
FIRST: list[Row] = [(f"{at}", name, None, "Bayonne") for at, name in enumerate(CLUBS)]


def linked(bench: Bench, rows: list[Row]) -> dict[str, Any]:
    """Run with these rows; return what the report says of the link."""
    bench.source("companies", [dict(zip(NAMES, row, strict=True)) for row in rows])
    told: dict[str, Any] = bench.run("companies").links["company"]
    return told


def groups(bench: Bench) -> set[frozenset[str]]:
    found: dict[int, set[str]] = {}
    for row in bench.rows("companies"):
        found.setdefault(row["company"], set()).add(row["id"])
    return {frozenset(each) for each in found.values()}


@pytest.fixture
def companies(bench: Bench) -> Bench:
    bench.write("datasets/companies.yaml", COMPANIES)
    return bench


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        yield made


def register(connection: duckdb.DuckDBPyConnection, rows: str) -> None:
    """Make `p`, prepared, of rows of n, side, origin, name, rna."""
    fields = ", ".join(
        f"{field if field in ('name', 'rna') else 'NULL'}::VARCHAR AS {field}" for field in COMPANY.fields
    )
    own = "n::BIGINT AS n, side::UTINYINT AS side, origin::USMALLINT AS origin"
    connection.execute(f"CREATE OR REPLACE TABLE r AS SELECT {own}, {fields} FROM ({rows})")
    prepare.prepare(connection, COMPANY, "r", "p")


def test_an_identifier_that_a_source_begins_to_give_links_at_once(companies: Bench) -> None:
    linked(companies, FIRST)
    told = linked(companies, [*FIRST, ("90", "Euskal pilota", "W641000123", None), ("91", None, "W641000123", None)])
    assert told["quality"]["pairs"]["identifier"] == 1
    assert frozenset(("90", "91")) in groups(companies)
    assert (told["trained"], told["records_new"]) == ("now", 2)
    assert linked(companies, [*FIRST, ("90", None, "W641000123", None)])["trained"] == "kept"


def test_what_is_taken_over_weighs_and_counts_as_if_all_was_done_anew(companies: Bench) -> None:
    rows: list[Row] = [
        (f"{at}-{copy}", f"{club} {'de ' * copy}{town}", None, town)
        for at, (club, town) in enumerate((club, town) for club in CLUBS for town in TOWNS)
        for copy in range(2)
    ]
    linked(companies, rows)
    told = linked(
        companies, [*rows[4:], *((f"x{at}", f"{club} de Bayonne", None, "Anglet") for at, club in enumerate(CLUBS))]
    )
    assert (told["trained"], told["records_new"], told["records_gone"]) == ("kept", 6, 4)
    assert told["pairs_carried"] > 100
    folder = companies.latest("companies").folder
    kept = Model.of_json(json.loads(files.model(folder, "company").read_text("utf-8"))["model"])
    with duckdb.connect() as connection:
        connection.read_parquet(str(files.of(folder, "company", "prepared.parquet"))).create("p")
        compared = pairs.candidates(connection, COMPANY, "p", "c").pairs
        pairs.score(connection, COMPANY, kept, "p", "c", "s", 0.0)
        anew = {
            (low, high): weight for low, high, weight in connection.execute("SELECT l, r, weight FROM s").fetchall()
        }
    scored = read(files.pairs(folder, "company"))
    off = {(each["l_n"], each["r_n"]): each["weight"] - anew[each["l_n"], each["r_n"]] for each in scored}
    assert {pair: by for pair, by in off.items() if abs(by) > 1e-6} == {}, "how rare a value was is not how rare it is"
    assert told["quality"]["pairs"]["compared"] == pytest.approx(compared, rel=0.1)


def test_counts_of_pairs_that_are_too_unlike_do_not_drift(companies: Bench) -> None:
    rows: list[Row] = [(f"{at}", f"Club {at % 7} {name}", None, TOWNS[at % 5]) for at, name in enumerate(CLUBS * 12)]
    told = [linked(companies, part)["quality"]["pairs"]["apart"] for part in (rows, rows[8:], rows)]
    assert told[0] > 50
    assert told[1] < told[0] * 0.9
    assert told[2] == pytest.approx(told[0], rel=0.05)


@pytest.mark.parametrize(
    ("across", "firsts", "expected"), [(None, (0,), 299), ("origin", (0,), 150), ("side", (150, 151), 300)]
)
def test_of_many_that_have_one_identifier_each_is_compared_with_the_first(
    connection: duckdb.DuckDBPyConnection, across: str | None, firsts: tuple[int, ...], expected: int
) -> None:
    side = "n >= 150" if across == "side" else "0"
    register(
        connection,
        f"SELECT n, {side} AS side, n % 2 AS origin, 'Club ' || n AS name, 'W641000123' AS rna FROM range(300) t(n)",
    )
    found = pairs.candidates(connection, COMPANY, "p", "c", across=across)
    assert found.left_out["rna"] == 0
    touching = f"SELECT count(*) FROM c WHERE {'r' if across == 'side' else 'l'} IN {firsts}"
    assert connection.execute(touching).fetchall() == [(expected,)]
    connection.execute("CREATE TABLE new AS SELECT 149::BIGINT AS n")
    pairs.candidates(connection, COMPANY, "p", "d", new="new", across=across)
    assert connection.execute(
        f"SELECT count(*) FROM d WHERE (l, r) IN {[(min(149, each), max(149, each)) for each in firsts]}"
    ).fetchall() == [(len(firsts),)]


@pytest.mark.parametrize("across", [None, "origin"])
@given(
    rows=st.lists(st.tuples(*(st.integers(0, 2) for _ in range(4))), min_size=3, max_size=40),
    new=st.sets(st.integers(0, 39), min_size=1, max_size=5),
)
@settings(max_examples=25, deadline=None)
def test_new_records_are_compared_with_whom_a_run_of_all_compares_them(
    rows: list[tuple[int, ...]], new: set[int], across: str | None
) -> None:
    rules = [Block(on=["a"], most=4, then=["b", "c"]), Block(on=["b", "c"], most=3, then=["a"])]
    narrow = COMPANY.model_copy(update={"blocks": rules})
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE p (n BIGINT, side UTINYINT, origin USMALLINT, a VARCHAR, b VARCHAR, c VARCHAR[])"
        )
        for at, (a, b, c, origin) in enumerate(rows):
            connection.execute(
                "INSERT INTO p VALUES (?, 0, ?, ?, ?, ?)", [at, origin, f"{a}", f"{b}", ["x", "y", "z"][:c]]
            )
        connection.execute("CREATE TABLE new AS SELECT n FROM p WHERE n IN (SELECT unnest($new))", {"new": [*new]})
        pairs.candidates(connection, narrow, "p", "every", across=across)
        pairs.candidates(connection, narrow, "p", "few", new="new", across=across)
        touching = "FROM every WHERE l IN (FROM new) OR r IN (FROM new)"
        assert sorted(connection.table("few").fetchall()) == sorted(connection.execute(touching).fetchall())


def test_all_stay_one_by_an_identifier_when_the_first_of_them_is_gone(companies: Bench) -> None:
    rows: list[Row] = [(f"{at}", f"Club {at}", "W641000123", None) for at in range(130)]
    linked(companies, rows)
    assert max(len(each) for each in groups(companies)) == 130
    told = linked(companies, rows[1:])
    assert (told["trained"], told["records_gone"]) == ("kept", 1)
    assert max(len(each) for each in groups(companies)) == 129


def test_who_was_linked_by_an_identifier_to_one_that_is_gone_is_compared_again(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    connection.execute(
        """CREATE TABLE was AS FROM (VALUES (0, 1, 'identifier', 5), (0, 2, 'model', 5), (3, 0, 'model', 0), (1, 4, 'identifier', 1))
        v(l_n, r_n, how, rules);
        CREATE TABLE link_same AS SELECT n, n AS was FROM range(1, 5) t(n); CREATE TABLE link_new (n BIGINT)"""
    )
    connection.table("was").write_parquet(str(files.pairs(tmp_path, "company")))
    again = carried.again(connection, "link", files.Before(tmp_path, "company", {}))
    assert connection.execute(f"FROM {again} ORDER BY n").fetchall() == [(1,), (3,)], (
        "whatever rule found the pair besides"
    )


def test_a_declared_block_is_refused_for_the_pairs_that_it_would_make_alone(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    rows = "SELECT n, n >= 10 AS side, 0 AS origin, 'Club' AS name, 'W64' || (1000000 + n) AS rna FROM range({}) t(n)"
    register(connection, rows.format(1600))
    assert pairs.candidates(connection, COMPANY, "p", "c", across="side", blocks=[["name"]]).pairs == 10 * 1590
    with pytest.raises(RunFailed, match=r"\[name\] would compare 1,279,200 pairs of 1,600 records"):
        pairs.candidates(connection, COMPANY, "p", "c", blocks=[["name"]])


@pytest.mark.parametrize(("language", "said"), [("en", "12 values are ones"), ("fr", "12 valeurs sont communes")])
def test_values_that_too_many_have_are_told(language: str, said: str) -> None:
    estimate = dict.fromkeys(("precision", "recall"))
    quality = {"estimate": estimate, "pairs": {}, "left_out": {"words": 7, "names": 5}}
    (line,) = links.estimated(quality, words.LANGUAGES[language])
    assert line.startswith(said)
    assert links.estimated(quality | {"left_out": {}}, words.LANGUAGES[language]) == []
