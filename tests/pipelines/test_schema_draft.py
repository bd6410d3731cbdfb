"""Datasets drafted by a Table Schema: the steps that follow from a column, and that they take all that the schema takes."""

from pathlib import Path
from typing import Any

import pytest

from connectors.columns import Column
from pipelines.declarations import TableSchema
from pipelines.declarations.draft import passed_over, steps_of, text_of
from pipelines.declarations.table_schema import FALSE, TRUE, Referenced
from tests.pipelines.bench import Bench
from tests.pipelines.bench import read as rows_of
from tests.pipelines.test_table_schema import NAMES, SCHEMAS, declared, written


@pytest.mark.parametrize(
    ("said", "steps"),
    [
        ({}, ["trim"]),
        ({"missingValues": ["", "NC"]}, ["trim"]),
        ({"type": "integer"}, ["trim"]),
        ({"type": "number"}, ["trim"]),
        ({"type": "number", "missingValues": ["", " ", "NC"]}, ["trim", {"empty": ["NC"]}]),
        ({"type": "number", "decimalChar": ","}, ["trim"]),
        ({"type": "number", "bareNumber": False}, ["trim"]),
        ({"type": "boolean", "trueValues": TRUE, "falseValues": FALSE}, ["trim", "boolean"]),
        ({"type": "boolean", "trueValues": ["oui"], "falseValues": ["non"]}, ["trim"]),
        ({"type": "date"}, ["trim", "date"]),
        ({"type": "date", "format": "%d/%m/%Y"}, ["trim", "date"]),
        ({"type": "date", "format": "%Y%m%d"}, ["trim", {"date": ["YYYYMMDD"]}]),
        ({"type": "date", "format": "%Y"}, ["trim"]),
        ({"type": "date", "format": "any"}, ["trim"]),
        ({"type": "datetime"}, ["trim"]),
        ({"format": "email"}, ["trim", "email"]),
        ({"name": "COLL_SIRET"}, ["trim", "siret"]),
        ({"name": "siretEtablissement"}, ["trim", "siret"]),
        ({"name": "siren_ou_siret"}, ["trim"]),
        ({"name": "siren", "type": "integer"}, ["trim"]),
        ({"name": "rnaBeneficiaire"}, ["trim", "rna"]),
        ({"name": "ADR_CODEPOSTAL"}, ["trim", {"postal_code": "FR"}]),
        ({"name": "codePostal"}, ["trim", {"postal_code": "FR"}]),
        ({"name": "cp"}, ["trim", {"postal_code": "FR"}]),
        ({"name": "CP_commune"}, ["trim", {"postal_code": "FR"}]),
        ({"name": "nb_cp"}, ["trim"]),
        ({"name": "cp", "constraints": {"enum": ["80 000"]}}, ["trim"]),
        ({"name": "cp", "constraints": {"maxLength": 4}}, ["trim"]),
        ({"title": "SIRET de l'attribuant"}, ["trim", "siret"]),
        ({"title": "N° SIREN"}, ["trim", "siren"]),
        ({"title": "Nom, à côté du SIRET"}, ["trim"]),
        ({"title": "SIREN ou SIRET"}, ["trim"]),
        ({"name": "siren_ou_siret", "title": "SIRET"}, ["trim"]),
        ({"name": "siret", "constraints": {"pattern": r"^\d{14}$"}}, ["trim", "siret"]),
        ({"name": "siret", "constraints": {"pattern": r"\d{3} \d{3} \d{3} \d{5}"}}, ["trim"]),
        ({"name": "siret", "constraints": {"minLength": 17}}, ["trim"]),
        ({"name": "code_insee"}, ["trim"]),
        ({"type": "array", "format": "json"}, []),
        ({"type": "geopoint"}, []),
    ],
)
def test_steps_follow_from_what_a_schema_says(said: dict[str, Any], steps: list[Any]) -> None:
    assert list(steps_of(Column.model_validate({"name": "x", **said}))) == steps


def test_a_check_of_the_schema_is_the_step() -> None:
    assert list(steps_of(Column(name="idAttribuant"), "siret")) == ["trim", "siret"]


def test_a_check_that_no_step_can_hold_is_told() -> None:
    said: dict[str, Any] = {"fields": [{"name": "a", "constraints": {"pattern": r"\d{3} \d{11}"}}, {"name": "b"}]}
    said |= {"custom_checks": [{"name": "siret-valide", "params": {"column": each}} for each in "ab"]}
    schema = TableSchema.model_validate({"fields": said["fields"], "primaryKey": "b"})
    assert passed_over(said, schema) == ["not judged, since Beffroi does not know these rules: siret-valide of a"]
    text = text_of("schemas/s.json", schema, said, owner="ville", registry=None, table=None)
    assert "  a: {steps: [trim]}\n  b: {steps: [trim, siret]}\n" in text


def test_a_number_s_comma_and_a_day_s_place_are_asked_and_told() -> None:
    fields = [{"name": "amount", "type": "number"}, {"name": "start", "type": "date"}]
    schema = TableSchema.model_validate({"fields": fields, "primaryKey": "start"})
    text = " ".join(text_of("s.json", schema, {"fields": []}, owner="o", registry=None, table=None).split("\n# "))
    assert "where commas part decimals, put `decimal` at the end of the steps of amount." in text
    assert "the day comes first: 01/02/2026 is the first of February" in text


def test_a_draft_without_steps_says_none() -> None:
    schema = TableSchema.model_validate({"fields": [{"name": "place", "type": "geopoint"}], "primaryKey": "place"})
    text = text_of("schemas/s.json", schema, {"fields": []}, owner="ville", registry=None, table=None)
    assert "clean:" not in text
    assert "title: schemas/s.json\n" in text
    assert "source: {registry: FILL_IN, table: FILL_IN}\n" in text


@pytest.mark.parametrize("name", NAMES)
def test_a_draft_takes_all_that_its_schema_takes(tmp_path: Path, name: str) -> None:
    bench = Bench(tmp_path)
    declared(bench, name)
    found = Referenced(SCHEMAS / f"{name}.json", f"{name}.json")
    assert found.schema is not None
    text = text_of(f"schemas/{name}.json", found.schema, {}, owner="ville", registry="csv", table="t")
    key = SCHEMAS / f"{name}.key"
    text = text.replace("[FILL_IN]", f"[{key.read_text()}]" if key.is_file() else "[FILL_IN]")
    bench.write(f"datasets/{name}.yaml", text.replace("max: 0.05", "max: 1"))
    bench.run(name)
    good = {number for number, row in enumerate(written(name), 1) if not row["expected"]}
    refused = rows_of(bench.latest(name).folder / "quarantine.parquet")
    assert {row["place"] for row in refused} & good == set()
    assert refused, "what no step mends is refused still"
