"""The cleaning steps, through real SQL as a run uses them: Parquet in, version and quarantine out."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.steps.clean import Cleaning
from pipelines.steps.step import REFUSED
from pipelines.steps.vocabulary import STEPS, apply_steps
from tests.effort import some
from tests.pipelines.bench import Bench, read

CALLS = [
    (name, argument)
    for name, step in STEPS.items()
    for argument in {json.dumps(example[0]): example[0] for example in step.examples}.values()
]


@pytest.mark.parametrize("name", STEPS)
def test_every_step_says_what_it_does_and_shows_it(name: str) -> None:
    assert STEPS[name].about.endswith(".")
    assert STEPS[name].examples or name == "find_commune", "the one that reads another dataset: see below"


@pytest.mark.parametrize(("name", "argument"), CALLS)
def test_the_examples_of_the_steps_hold(bench: Bench, name: str, argument: Any) -> None:
    kind = "integer" if name == "integer" else "number" if STEPS[name].gives == "number" else "string"
    kinds: dict[str, Callable[[str], Any]] = {"integer": int, "number": float, "string": str}
    examples = [(before, after) for given, before, after in STEPS[name].examples if given == argument]
    step = name if argument is None else {name: argument}
    values, rules = bench.column(kind, [before for before, _ in examples], json.dumps([step]))
    good = [(before, after) for before, after in examples if after is not REFUSED]
    assert values == [after if after is None else kinds[kind](after) for _, after in good], good
    assert rules == [name] * (len(examples) - len(good))


NASTY = ["", " ", "'", "''", '"', "\\", "'; DROP TABLE staged; --", "${x}", "\x00", "a\x00b", "👩‍👩‍👧", "مرحبا", "\u202eabc",
         "İıſßẞœŒæ", "é", "e\u0301", "ΑΣ", "1er mars 1998", "\u2003x\u3000", "x" * 5_000, "%s", "{0}", "NULL", "1e400"]  # fmt: skip
TEXTS = st.lists(st.text(max_size=40) | st.sampled_from(NASTY) | st.none(), min_size=1, max_size=30)


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def cleaned(connection: duckdb.DuckDBPyConnection, steps: list[Any], values: list[Any]) -> list[Any]:
    """Clean a column of text as a run does, and return what comes out as text."""
    connection.register("staged", pa.table({"n": range(len(values)), "x": pa.array(values, pa.string())}))
    cleaning = Cleaning(connection, "staged", lambda name: name)
    value = cleaning.source("x")
    apply_steps(cleaning, value, steps)
    sql = f"SELECT CAST({value.sql} AS VARCHAR) FROM {cleaning.relation()} ORDER BY layer.n"
    return [row[0] for row in connection.execute(sql).fetchall()]


NOT_AGAIN = ("part", "replace", "map", "percent", "address", "point")
"""What is made of a text by these is another text, which may be made into yet another."""


@pytest.mark.soak
@pytest.mark.parametrize(("name", "argument"), CALLS)
@some(5)
@given(values=TEXTS)
def test_no_text_breaks_a_step_and_cleaning_twice_is_cleaning_once(
    engine: duckdb.DuckDBPyConnection, name: str, argument: Any, values: list[str | None]
) -> None:
    steps = [name if argument is None else {name: argument}]
    once = cleaned(engine, steps, [*values, *NASTY, *(example[1] for example in STEPS[name].examples)])
    if name not in NOT_AGAIN and argument != "comma":
        again = [*steps] if STEPS[name].gives != "date" else ["date"]
        assert cleaned(engine, again, once) == once


@some(12)
@given(TEXTS)
def test_text_that_no_step_touches_comes_out_as_it_went_in(
    engine: duckdb.DuckDBPyConnection, values: list[str | None]
) -> None:
    assert cleaned(engine, [{"empty": ["no such value"]}], [*values, *NASTY]) == [*values, *NASTY]


def test_a_long_chain_of_steps_costs_no_more_than_its_length(bench: Bench) -> None:
    steps = "[" + ", ".join(["trim", "{empty: [NC, '-']}", "squeeze", "lower", "{pad: 5}"] * 12) + "]"
    assert bench.column("string", [" 1400 ", "nc", "-"], steps) == (["01400", None], ["pad"])


def test_accents_alone_are_no_value(bench: Bench) -> None:
    assert bench.column("string", ["\u0301", "e\u0301"], "[unaccent]") == ([None, "e"], [])


def test_white_space_of_every_kind_is_trimmed(bench: Bench) -> None:
    blanks = ["\u00a0", "\u202f", "\u200b", "\ufeff", "\u2003", "\u3000", "\u2028", "\x0b", "\x85", "\t\r\n"]
    assert bench.column("string", [f"{blank}a{blank}b{blank}" for blank in blanks], "[squeeze]")[0] == ["a b"] * 10


@pytest.mark.parametrize(
    ("step", "values", "good", "refused"),
    [
        ("date", ["29/02/2000", "29/02/1900", "1/3/1998", "1ER MARS 1998", "21er/03/1998", "30 février 2001"],
         ["2000-02-29", "1998-03-01", "1998-03-01"], 3),
        ("integer", ["+5", "-0", "9223372036854775807", "9223372036854775808", "1_0", "0x1", "1e3", "٣", " 1"],
         ["5", "0", "9223372036854775807"], 6),
        ("decimal", ["1\u202f234,5", "12 345 6", "1 2 3", "1e-7", "1e999", "nan", "inf", "1,2,3", ".", "-3"], ["1234.5", "1e-07", "-3.0"], 7),
        ("siren", ["552100554", "552.100.554", "55210055", "552100554\n", "５５２１００５５４"], None, None),
    ],
)  # fmt: skip
def test_a_value_is_read_or_refused_never_guessed(
    bench: Bench, step: str, values: list[str], good: list[str] | None, refused: int | None
) -> None:
    found, rules = bench.column("string", values, f"[{step}]")
    assert len(found) + len(rules) == len(values)
    assert set(rules) <= {step}
    if good is None:
        assert set(found) == {"552100554"}
    else:
        assert (found, len(rules)) == (good, refused)


INJECTION = "'); DROP TABLE merged; --"


def test_values_and_declared_texts_are_never_sql(bench: Bench) -> None:
    quoted = INJECTION.replace("'", "''")
    steps = f"""[{{empty: ['{quoted}', "a'b"]}}, {{map: {{'{quoted}x': '{quoted}', "b'": "c'"}}}}]"""
    values, rules = bench.column("string", [INJECTION, "a'b", INJECTION + "x", "b'", "x'"], steps)
    assert (values, rules) == ([None, None, INJECTION, "c'"], ["map"])


def test_names_of_columns_and_texts_of_constraints_are_never_sql(bench: Bench) -> None:
    names = ['x" FROM staged; --', "y'", "sélect", "select"]
    bench.source("shops", [{"id": "1", **dict.fromkeys(names, "v'")}, {"id": "2", **dict.fromkeys(names, "w")}])
    fields = "".join(f'    - {{name: c{n}, constraints: {{enum: ["v\'", "w"]}}}}\n' for n in range(4))
    clean = "".join(f"  c{n}: {{from: {name!r}, steps: [trim]}}\n" for n, name in enumerate(names))
    bench.write(
        "datasets/select.yaml",
        "title: 'it''s \"x\"; --'\ndescription: \"l'été\"\nowner: ville\naudience: owner\n"
        "source: {registry: source, table: shops}\n"
        f'schema:\n  fields:\n    - {{name: id, constraints: {{pattern: "[^\']*"}}}}\n{fields}  primaryKey: id\n'
        f"clean:\n{clean}",
    )
    bench.run("select")
    assert bench.rows("select") == [
        {"id": "1", "c0": "v'", "c1": "v'", "c2": "v'", "c3": "v'"},
        {"id": "2", "c0": "w", "c1": "w", "c2": "w", "c3": "w"},
    ]


COMMUNES = [
    ("01001", "L'Abergement-Clémenciat", ["01400"]),
    ("42218", "Saint-Étienne", ["42000", "42100"]),
    ("13096", "Saintes-Maries-de-la-Mer", ["13460"]),
    ("17415", "Sainte-Marie", ["17740"]),
    ("69123", "Lyon", ["69001", "69003"]),
    ("62498", "Œuf-en-Ternois", ["62130"]),
    ("76001", "Bouville", ["76360"]),
    ("76002", "Bouville", ["76360"]),
    ("76003", "BOUVILLÉ", ["76999"]),
]
TOWNS = [
    ("L ABERGEMENT CLEMENCIAT", "01400", "01001"),
    ("l’abergement clémenciat", "01400", "01001"),
    ("ST ETIENNE", "42100", "42218"),
    ("St-Etienne Cedex 2", "42000", "42218"),
    ("Saint Étienne CEDEX ", "42000", "42218"),
    ("STES MARIES DE LA MER", "13460", None),
    ("STE MARIE", "17740", "17415"),
    ("  lyon  ", "69003", "69123"),
    ("Lyon", "69009", None),
    ("OEUF EN TERNOIS", "62130", "62498"),
    ("Bouville", "76360", None),
    ("bouville", "76999", "76003"),
    ("Nowhere", "99999", None),
    ("", "01400", None),
]


@pytest.fixture
def places(bench: Bench) -> Bench:
    rows = [{"code": code, "name": name, "postal_codes": postal} for code, name, postal in COMMUNES]
    bench.source("communes", rows, {"postal_codes": pa.list_(pa.string())})
    bench.write(
        "datasets/communes.yaml",
        "title: C\nowner: ville\naudience: owner\nsource: {registry: source, table: communes}\nschema:\n  fields:\n"
        "    - name: code\n    - name: name\n    - {name: postal_codes, type: array}\n  primaryKey: code\n",
    )
    bench.source("parts", [{"code": "69381", "commune_code": "69123"}, {"code": "42001", "commune_code": "42218"}])
    bench.write(
        "datasets/parts.yaml",
        "title: P\nowner: ville\naudience: owner\nsource: {registry: source, table: parts}\nschema:\n  fields:\n"
        "    - name: code\n    - name: commune_code\n  primaryKey: code\n",
    )
    bench.run("communes")
    bench.run("parts")
    return bench


def test_a_commune_is_found_by_town_and_postal_code(places: Bench) -> None:
    table = [{"id": str(n), "town": town, "cp": postal} for n, (town, postal, _) in enumerate(TOWNS)]
    places.source("shops", [*table, {"id": "none", "town": None, "cp": "01400"}])
    places.write(
        "datasets/shops.yaml",
        "title: S\nowner: ville\naudience: owner\nsource: {registry: source, table: shops}\nschema:\n  fields:\n"
        "    - name: id\n    - name: postal_code\n    - name: commune_code\n    - name: again\n  primaryKey: id\n"
        "clean:\n  postal_code: {from: cp, steps: [trim, {pad: 5}]}\n"
        "  commune_code: {from: town, steps: [{find_commune: {postal_code: postal_code, among: communes}}]}\n"
        "  again: {from: town, steps: [trim, {find_commune: {postal_code: postal_code, among: communes}}]}\n",
    )
    report = places.run()
    found = {row["id"]: (row["commune_code"], row["again"]) for row in places.rows()}
    assert found.pop("none") == (None, None)
    wanted = {str(n): (code, code) for n, (_, _, code) in enumerate(TOWNS) if code}
    assert found == wanted
    assert report.quarantined == len(TOWNS) - len(wanted)
    refused = read(places.latest().folder / "quarantine.parquet")
    assert {failure["rule"] for row in refused for failure in row["failures"]} == {"find_commune"}


def test_a_code_is_followed_to_the_commune_of_today(places: Bench) -> None:
    places.source(
        "shops", [{"id": str(n), "a": a, "b": b} for n, (a, b) in enumerate([("69381", "42001"), ("01001", None)])]
    )
    places.write(
        "datasets/shops.yaml",
        "title: S\nowner: ville\naudience: owner\nsource: {registry: source, table: shops}\nschema:\n  fields:\n"
        "    - name: id\n    - name: a\n    - name: b\n  primaryKey: id\n"
        "clean:\n  a: {steps: [{follow: parts}]}\n  b: {steps: [{follow: parts}]}\n",
    )
    places.run()
    assert places.rows() == [{"id": "0", "a": "69123", "b": "42218"}, {"id": "1", "a": "01001", "b": None}]


@some(12)
@given(st.lists(st.tuples(st.sampled_from(NASTY) | st.text(max_size=10), st.sampled_from(["01400", "'", None]))))
def test_no_town_name_breaks_the_search(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path, rows: list[tuple[str, str | None]]
) -> None:
    kinds = pa.schema({"town": pa.string(), "cp": pa.string()})
    engine.register(
        "staged", pa.table({"town": [row[0] for row in rows], "cp": [row[1] for row in rows]}, schema=kinds)
    )
    communes = str(tmp_path / "communes.parquet")
    engine.execute(f"COPY (SELECT '1' AS code, 'Town' AS name, ['01400'] AS postal_codes) TO '{communes}'")
    cleaning = Cleaning(engine, "staged", lambda _: communes)
    cleaning.done["cp"], value = cleaning.source("cp"), cleaning.source("town")
    apply_steps(cleaning, value, [{"find_commune": {"postal_code": "cp", "among": "communes"}}])
    found = engine.execute(f"SELECT {value.sql} FROM {cleaning.relation()}").fetchall()
    assert len(found) == len(rows), "a join never multiplies rows"
