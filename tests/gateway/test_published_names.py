"""Columns that keep the names of a published schema, `COLL_NOM` or `idAttribuant`, in every face of a dataset."""

import json
from pathlib import Path

import duckdb
import pytest

from pipelines.databases import refresh
from pipelines.datastore import fields
from tests.gateway.conftest import Gateway
from tests.pipelines.bench import Bench

WORKSPACE = """\
title: Test
registries:
  source: {kind: files, path: source}
organisations:
  ville: {title: Ville}
lookups:
  aide: {title: An aid, providers: [{dataset: aides}]}
purposes:
  survey: {title: Survey, procedure: Survey, legal_basis: '-', requires: []}
"""
AIDES = """\
title: Aides
owner: ville
audience: open
licence: Licence Ouverte 2.0
source: {registry: source, table: aides}
schema: schemas/aides.json
index: [nomBeneficiaire]
"""
SCHEMA = {
    "fields": [
        {"name": "refDecision"},
        {"name": "nomBeneficiaire", "title": "Nom", "constraints": {"maxLength": 20}},
        {"name": "MONTANT", "type": "number", "decimalChar": ","},
        {"name": "dateConvention", "type": "date", "format": "%d/%m/%Y"},
        {"name": "lieu", "type": "geopoint"},
    ],
    "primaryKey": "refDecision",
}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path / "w")
    made.write("beffroi.yaml", WORKSPACE)
    made.write("datasets/aides.yaml", AIDES)
    made.write("schemas/aides.json", json.dumps(SCHEMA))
    names = [str(field["name"]) for field in SCHEMA["fields"]]  # type: ignore[index]
    rows = [("D1", "Les Débrouillards", "47800,2", "27/06/2025", "2.35,48.85"), ("D2", "Chorale", "12", None, None)]
    made.source("aides", [dict(zip(names, row, strict=True)) for row in rows])
    made.run("aides")
    return made


def test_rows_filters_and_lookups_know_the_names(bench: Bench) -> None:
    first = {
        "refDecision": "D1",
        "nomBeneficiaire": "Les Débrouillards",
        "MONTANT": 47800.2,
        "dateConvention": "2025-06-27",
        "lieu": "2.35,48.85",
    }
    with Gateway(bench.root) as gateway:
        assert gateway.get("/datasets/aides/rows").json["data"][0] == first
        found = gateway.get("/datasets/aides/rows?MONTANT__greater=100&columns=nomBeneficiaire,MONTANT").json["data"]
        assert found == [{"nomBeneficiaire": "Les Débrouillards", "MONTANT": 47800.2}]
        assert gateway.get("/datasets/aides/rows?lieu__isnull=true").json["data"][0]["refDecision"] == "D2"
        assert gateway.get("/datasets/aides/rows?montant__greater=100").status == 400, "a name is written as it is"
        assert gateway.get("/datasets/aides/rows/D1").json["data"] == first
        told = gateway.get("/datasets/aides").json
        assert "%d/%m/%Y" not in json.dumps(told), "what is told is of what is published"
        assert "maxLength" in json.dumps(told)
        assert gateway.get("/openapi.json").status == 200


def test_a_row_is_looked_up_by_a_key_with_capitals(bench: Bench) -> None:
    with Gateway(bench.root) as gateway:
        (told,) = gateway.get("/lookups").json["data"]
        assert told["identifiers"] == ["refdecision"]


def test_the_files_of_analysts_and_the_datastore_keep_the_names(bench: Bench) -> None:
    (path,) = refresh(bench.workspace)
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("SELECT refDecision, MONTANT FROM aides ORDER BY 1").fetchall()[0] == ("D1", 47800.2)
    dataset = bench.workspace.dataset("aides")
    assert [field["id"] for field in fields(dataset)] == [column.name for column in dataset.columns]
    header = (bench.latest("aides").folder / "aides.csv").read_text("utf-8").splitlines()[0]
    assert header == "refDecision,nomBeneficiaire,MONTANT,dateConvention,lieu"
