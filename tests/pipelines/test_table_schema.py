"""Table Schemas by reference: read as they were published, their rows judged as they say, each way of writing tried."""

import csv
import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.columns import Column
from connectors.errors import Misconfigured
from pipelines.declarations.forms import FORMS, by_library, re2, read
from pipelines.declarations.table_schema import Referenced
from pipelines.steps.clean import Cleaning
from pipelines.workspace import Workspace
from tests.effort import some
from tests.pipelines.bench import Bench
from tests.pipelines.bench import read as rows_of
from tests.pipelines.test_contradictions import ANYTHING, ways

SCHEMAS = Path(__file__).parent / "schemas"
NAMES = sorted(path.stem for path in SCHEMAS.glob("*.json"))
DATASET = """\
title: Test
owner: ville
audience: owner
source: {registry: csv, table: t}
schema: schemas/NAME.json
"""


def declared(bench: Bench, name: str, more: str = "") -> None:
    """Declare the dataset `name` with the schema of that name, read from its CSV."""
    main = "title: T\norganisations: {ville: {title: V}}\nregistries:\n  csv:\n    kind: files\n    path: source\n"
    main += f"    tables: {{t: {{file: {name}.csv, format: csv, csv: {{encoding: utf-8, separator: ','}}}}}}\n"
    bench.write("beffroi.yaml", main)
    bench.write(f"source/{name}.csv", (SCHEMAS / f"{name}.csv").read_bytes())
    bench.write(f"schemas/{name}.json", (SCHEMAS / f"{name}.json").read_bytes())
    key = SCHEMAS / f"{name}.key"
    more += f"key: [{key.read_text()}]\n" if key.is_file() else ""
    bench.write(f"datasets/{name}.yaml", DATASET.replace("NAME", name) + more)


def written(name: str) -> list[dict[str, str]]:
    with (SCHEMAS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_works_unchanged(tmp_path: Path, name: str) -> None:
    bench = Bench(tmp_path)
    declared(bench, name)
    report = bench.run(name)
    wanted = {number: sorted(row["expected"].split()) for number, row in enumerate(written(name), 1) if row["expected"]}
    refused = rows_of(bench.latest(name).folder / "quarantine.parquet")
    found = {row["place"]: sorted(f"{f['column']}:{f['rule']}" for f in row["failures"]) for row in refused}
    assert found == wanted
    assert report.rows_in == report.rows_out + len(wanted)
    assert report.unread == ["expected"]
    fields = [field["name"] for field in json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))["fields"]]
    assert list(bench.rows(name)[0]) == fields, "columns keep their published names"


def test_values_are_read_into_their_one_form(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    declared(bench, "grants")
    bench.run("grants")
    first, second = sorted(bench.rows("grants"), key=lambda row: str(row["refDecision"]))
    assert str(first["dateConvention"]) == "2025-06-27"
    assert (first["montant"], first["prix"], first["notifiee"], first["soldee"]) == (47800.2, 12.5, True, True)
    assert first["versement"].isoformat() == "2025-06-27T10:30:00+00:00"
    assert (second["montant"], second["notifiee"], second["soldee"]) == (1000000.5, False, False)
    assert [key for key, value in second.items() if value is None] == [
        "dateConvention", "part", "prix", "nature", "rna", "versement", "divers",
    ]  # fmt: skip


def test_places_lists_and_times_are_read(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    declared(bench, "places")
    bench.run("places")
    (row,) = [each for each in bench.rows("places") if each["VOIE"]]
    assert (row["XY"], row["LIEU"]) == ("2.35,48.85", "2.35,48.85")
    assert (row["MATIN"], row["LABELS"], str(row["OUVERT"])) == ("08:30:00", ["a", "b"], "1998-03-01")


def test_what_is_told_of_a_column_is_of_our_form(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    declared(bench, "grants", "columns: {nomBeneficiaire: {personal: indirect, unit: x}}\n")
    dataset = bench.workspace.dataset("grants")
    told = {each.name: each.model_dump(mode="json", exclude_defaults=True) for each in dataset.columns}
    assert "format" not in told["dateConvention"]
    assert told["montant"] == {"name": "montant", "type": "number", "constraints": {"required": True}}
    assert told["nomBeneficiaire"]["constraints"] == {"required": True, "maxLength": 20}
    assert told["nomBeneficiaire"]["personal"] == "indirect"
    assert dataset.personal


# --- what a file cannot be -------------------------------------------------------------------------------------------

FIELDS = '{"primaryKey": "id", "fields": [{"name": "id"},\n%s]}'
BROKEN = [
    ('{"fields": [', "1: not valid JSON: Expecting value"),
    ("[]", "1: is no Table Schema: that has fields, each with a name"),
    ('{"fields": {}}', "1: is no Table Schema: that has fields, each with a name"),
    ('{"fields": ["id"]}', "1: is no Table Schema: that has fields, each with a name"),
    ('{"fields": [], "primaryKey": "id"}', "1: expected at least 1 here for «fields»"),
    (FIELDS % '{"name": "x", "type": "strng"}', "2: the field «x» has a type that is not read here: «strng» (did you mean «string»?)*"),
    (FIELDS % '{"name": "x", "type": ["string"]}', "2: the field «x» has a type that is not read here*"),
    (FIELDS % '{"name": "x", "constraints": []}', "2: the field «x» has constraints that are not understood"),
    (FIELDS % '{"name": "x", "format": 3}', "2: the field «x» has format that is not understood"),
    (FIELDS % '{"name": "x y"}', "2: «x y» is no name: letters a to z and A to Z, digits and _, a letter first"),
    (FIELDS % '{"type": "string"}', "*: the key «name» is missing"),
    (FIELDS % '{"name": "ID"}', "2: «ID» and «id» are one name to SQL, which knows no case: rename one"),
    (FIELDS % '{"name": "x", "constraints": {"pattern": "("}}', "2: not a regular expression"),
    (FIELDS % '{"name": "x", "type": "date", "format": "%Q"}', "2: the format has %Q, which is not read here*"),
    (FIELDS % '{"name": "x", "type": "integer", "constraints": {"minimum": "many"}}', "2: not a value of the type integer"),
    (FIELDS % '{"name": "x", "constraints": {"required": "yes?"}}', "2: expected true or false for «required»"),
    ('{"fields": [{"name": "id"}]}', "*: say which columns identify a row: the schema has no primaryKey, and there is no key:"),
    ('{"fields": [{"name": "id"}], "primaryKey": "x"}', "1: primaryKey names «x», which is no column; allowed: id"),
    (FIELDS % '{"name": "x"}], "foreignKeys": [{"fields": "x", "reference": {"resource": "", "fields": "id"}}', "1: a foreign key names another dataset: one to the dataset itself is not read here"),
    (FIELDS % '{"name": "x"}], "foreignKeys": [{"fields": "x", "reference": {"resource": "towns", "fields": "id"}}', "1: no dataset «towns»; allowed: d"),
    (FIELDS % '{"name": "x"}], "foreignKeys": [3', "1: *"),
]  # fmt: skip


def problems(root: Path) -> list[str]:
    with pytest.raises(Misconfigured) as caught:
        Workspace(root)
    return caught.value.detail.split("\n")


@pytest.mark.parametrize(("text", "said"), BROKEN)
def test_a_schema_that_cannot_be_read_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    bench = Bench(tmp_path)
    bench.write("schemas/s.json", text)
    bench.write("datasets/d.yaml", DATASET.replace("NAME", "s").replace("csv", "source"))
    (found,) = problems(tmp_path)
    pattern = re.escape(f"schemas/s.json:{said}").replace(r"\*", ".*")
    assert re.fullmatch(pattern, found), found


@pytest.mark.parametrize("path", ["schemas/none.json", "../s.json", "/etc/hostname", "schemas", "a\0b", "x" * 5000, ""])
def test_a_schema_that_is_not_there_is_told(tmp_path: Path, path: str) -> None:
    bench = Bench(tmp_path)
    bench.write("schemas/s.json", "{}")
    (tmp_path.parent / "s.json").write_text("{}")
    declared = json.dumps(
        {"title": "T", "owner": "ville", "audience": "owner", "source": {"registry": "source", "table": "t"}}
    )
    bench.write("datasets/d.yaml", declared[:-1] + f', "schema": {json.dumps(path)}}}')
    (found,) = problems(tmp_path)
    assert found.startswith("datasets/d.yaml:1: ")
    assert "no such file in this workspace" in found


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.write("schemas/s.json", b'{\n"title": "\xe9"}')
    bench.write("datasets/d.yaml", DATASET.replace("NAME", "s").replace("csv", "source"))
    assert problems(tmp_path) == ["schemas/s.json:2: is not UTF-8: Table Schema is written in that encoding"]


@pytest.mark.soak
@some(60)
@given(name=st.sampled_from(NAMES), data=st.data(), value=ANYTHING)
def test_a_schema_with_one_key_mangled_gives_sentences(
    tmp_path: Path, name: str, data: st.DataObject, value: Any
) -> None:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
    way = data.draw(st.sampled_from(ways(schema)))
    place = schema
    for key in way[:-1]:
        place = place[key]
    place[way[-1]] = value
    bench = Bench(tmp_path / str(len(list(tmp_path.iterdir()))))
    declared(bench, name)
    bench.write(f"schemas/{name}.json", json.dumps(schema))
    try:
        bench.workspace.dataset(name)
    except Misconfigured as error:
        for sentence in error.detail.split("\n"):
            assert re.match(r"(schemas/\w+\.json|datasets/\w+\.yaml):\d+: .", sentence), sentence
            assert not re.search(r"pydantic|type=|Traceback|\bdict\[", sentence), sentence


# --- forms -----------------------------------------------------------------------------------------------------------

EXAMPLES = [(name, text, good) for name, form in FORMS.items() for text, good in form.examples]


def made(column: Column, text: str | None) -> tuple[Any, list[str]]:
    """Read one text as a column; return the value, and the rules that refuse it."""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE given (x VARCHAR)")
        connection.execute("INSERT INTO given VALUES (?)", [text])
        cleaning = Cleaning(connection, "given", lambda _: "")
        value = cleaning.source("x")
        read(cleaning, value, column)
        failures = [f"CASE WHEN {failure.condition} THEN '{failure.rule}' END" for failure in value.failures]
        query = f"SELECT {', '.join([value.sql, *failures])} FROM {cleaning.relation()}"
        ((found, *rules),) = connection.execute(query).fetchall()
    return found, [rule for rule in rules if rule]


@pytest.mark.parametrize(("name", "text", "good"), EXAMPLES)
def test_a_form_is_what_its_examples_say(name: str, text: str, good: bool) -> None:
    column = Column(name="x", type="integer" if name == "year" else "string", format=name)
    found, rules = made(column, text)
    assert (found, rules) == ((text, []) if good else (None, ["format"]))


@pytest.mark.parametrize("name", FORMS)
def test_no_value_is_of_every_form(name: str) -> None:
    assert made(Column(name="x", format=name), None) == (None, [])


@pytest.mark.parametrize(
    ("said", "text", "value"),
    [
        ({"decimalChar": ","}, "1,5", "1.5"),
        ({"decimalChar": ","}, "1.5", None),
        ({"groupChar": ".", "decimalChar": ","}, "1.234.567,8", "1234567.8"),
        ({"groupChar": ".", "decimalChar": ","}, "1.23,8", None),
        ({"groupChar": "'"}, "12'345", "12345"),
        ({"groupChar": "\u00a0"}, "12\u00a0345", "12345"),
        ({"bareNumber": False}, "EUR 12.5", "12.5"),
        ({"bareNumber": False}, "-12.5%", "-12.5"),
        ({"bareNumber": False}, "12.5 à 13", None),
        ({"decimalChar": ","}, "1e3", "1e3"),
        ({"groupChar": "\\"}, "1\\234", "1234"),
    ],
)
def test_a_number_is_read_as_its_column_says(said: dict[str, Any], text: str, value: str | None) -> None:
    column = Column.model_validate({"name": "x", "type": "number", **said})
    assert made(column, text) == (value, [] if value is not None else ["type"])


def test_a_pattern_that_looks_around_is_judged_by_the_library() -> None:
    assert not by_library(r"^[a-z\u00C0-\u00FF]+$"), "a character by its number is written as RE2 does"
    assert re2(r"[\u00C0]\\u00C0") == r"[\x{00C0}]\\u00C0"
    pattern = r"^(?!W0)W\d{9}$"
    assert by_library(pattern)
    column = Column.model_validate({"name": "x", "constraints": {"pattern": pattern}})
    assert made(column, "W123456789") == ("W123456789", [])
    assert made(column, "W012345678") == (None, ["pattern"])
    assert made(column, None) == (None, [])


def test_a_pattern_that_looks_around_never_has_all_values_in_memory() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE given AS SELECT 'V' || range AS x FROM range(200_000)")
        cleaning = Cleaning(connection, "given", lambda _: "")
        value = cleaning.source("x")
        tracemalloc.start()
        read(cleaning, value, Column.model_validate({"name": "x", "constraints": {"pattern": "(?!V1$)V[0-9]+"}}))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        found = connection.execute(f"SELECT count({value.sql}) FROM {cleaning.relation()}").fetchall()
    assert found == [(199_999,)]
    assert most < 10 << 20, "as many as there are values, and not a page of them"


def test_a_schema_says_its_own_line_for_each_field(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('{\n "title": "fields",\n "fields": [\n  {"title": "a", "name": "a"},\n  {"name"\n :\n "b"}\n ]\n}')
    found = Referenced(path, "s.json")
    assert found.problems == []
    assert [found.at("fields", n) for n in range(3)] == ["s.json:4", "s.json:7", "s.json:1"]
