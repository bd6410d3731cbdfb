"""A lookup that answers a row of a dataset: no record is written for it, its columns are the record."""

from pathlib import Path

import pytest

from connectors.errors import Misconfigured
from pipelines.workspace import Workspace
from tests.gateway.conftest import Gateway
from tests.pipelines.bench import Bench

WORKSPACE = """\
title: Test
registries:
  source: {kind: files, path: source}
purposes:
  survey: {title: Survey, procedure: Survey, legal_basis: '-', requires: []}
organisations:
  ville:
    title: Ville
    applications:
      desk:
        title: Desk
        grants: [{lookup: shop, fields: '*', purposes: [survey]}]
lookups:
  shop: {title: A shop, providers: [{dataset: shops}]}
"""
SHOPS = """\
title: Shops
owner: ville
audience: owner
source: {registry: source, table: shops}
schema:
  fields:
    - {name: number, title: Number, constraints: {pattern: '[0-9]{3}'}}
    - {name: name, title: Name, description: As on the sign}
    - {name: workers, type: integer}
    - {name: opened, type: date}
  primaryKey: number
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path / "w")
    made.write("beffroi.yaml", WORKSPACE)
    made.write("datasets/shops.yaml", SHOPS)
    columns = ("number", "name", "workers", "opened")
    rows = [("001", "Épicerie", "3", "2020-01-01"), ("002", None, None, None)]
    made.source("shops", [dict(zip(columns, row, strict=True)) for row in rows])
    return made


def test_a_row_by_its_key(bench: Bench) -> None:
    bench.run()
    with Gateway(bench.root) as gateway:
        reply = gateway.get("/lookups/shop/001", "desk", "survey")
        assert reply.json["data"] == {"number": "001", "name": "Épicerie", "workers": 3, "opened": "2020-01-01"}
        assert reply.json["meta"]["source"] == "dataset:shops"
        assert gateway.get("/lookups/shop/number:002", "desk", "survey").json["data"]["name"] is None
        absent = gateway.get("/lookups/shop/999", "desk", "survey")
        assert (absent.status, absent.json["type"]) == (404, "urn:beffroi:problem:not-found")
        assert absent.json["detail"] == "no row of shops has that number (version 1); it may be in quarantine"
        malformed = gateway.get("/lookups/shop/12", "desk", "survey")
        assert (malformed.status, malformed.json["type"]) == (422, "urn:beffroi:problem:malformed-identifier")
        assert gateway.get("/lookups").json["data"] == [], "whose rows are not open, those alone hear of it who may ask"
        (told,) = gateway.get("/lookups", "desk", "survey").json["data"]
        assert (told["record"], told["identifiers"], told["personal"]) == ("Shops", ["number"], False)


def test_a_personal_column_makes_it_personal(bench: Bench) -> None:
    bench.write("datasets/shops.yaml", SHOPS.replace("{name: name,", "{name: name, personal: true,"))
    bench.run()
    with Gateway(bench.root) as gateway:
        assert gateway.get("/lookups/shop/001", "desk", "survey").status == 405
        assert gateway.post("/lookups/shop", {"identifier": "001"}, "desk", "survey").json["data"]["workers"] == 3


@pytest.mark.parametrize(
    ("lookup", "schema", "said"),
    [
        ("{providers: [{registry: source}]}", "", "say which record: it answers, or name one dataset:"),
        ("{providers: [{dataset: shops}, {dataset: shops}]}", "", "name one dataset: as its only provider"),
        ("{providers: [{dataset: shop}]}", "", "no dataset «shop» (did you mean «shops»?)"),
        ("{providers: [{dataset: shops}]}", "primaryKey: [number, name]", "the key of shops has several columns"),
        ("{providers: [{dataset: shops}]}", "copy", "the column copy of shops cannot be looked up by that name"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(bench: Bench, lookup: str, schema: str, said: str) -> None:
    bench.write("beffroi.yaml", WORKSPACE.replace("{title: A shop, providers: [{dataset: shops}]}", lookup))
    changed = SHOPS.replace("name: workers", "name: copy") if schema == "copy" else SHOPS
    bench.write(
        "datasets/shops.yaml", changed.replace("primaryKey: number", schema) if "primary" in schema else changed
    )
    with pytest.raises(Misconfigured) as raised:
        Workspace(bench.root)
    assert said in raised.value.detail
