"""The files for maps over HTTP: of a dataset that has a geometry, and of no other."""

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.run import run
from pipelines.workspace import Workspace
from tests.gateway.conftest import THINGS, Gateway

MAP = """
title: Places
owner: ville
audience: open
licence: Licence Ouverte 2.0
source: {registry: folder, table: places}
schema: {fields: [{name: id}, {name: place, type: geopoint}], primaryKey: id}
"""


def test_files_for_maps_are_told_and_served_where_there_is_a_geometry(root: Path) -> None:
    assert "geopoint" not in THINGS
    (root / "datasets" / "places.yaml").write_text(MAP, encoding="utf-8")
    pq.write_table(pa.table({"id": ["1"], "place": ["2.5,48.5"]}), root / "source" / "places.parquet")
    run(Workspace(root), "places")
    kinds = {"parquet": "application/vnd.apache.parquet", "csv": "text/csv; charset=utf-8; header=present",
             "geojson": "application/geo+json", "geo.parquet": "application/vnd.apache.parquet"}  # fmt: skip
    with Gateway(root) as gateway:
        told = gateway.get("/datasets/places").json["distributions"]
        assert {each["format"]: each["media_type"] for each in told} == kinds
        for each in told:
            reply = gateway.get(each["href"])
            assert (reply.status, reply.headers["content-type"]) == (200, each["media_type"])
            assert len(reply.body) == each["bytes"]
        features = json.loads(gateway.get("/datasets/places/latest/places.geojson").body)["features"]
        assert features[0]["geometry"] == {"type": "Point", "coordinates": [2.5, 48.5]}
        parquet = gateway.get("/datasets/places/latest/places.geo.parquet").body
        assert b"geo" in pq.read_metadata(io.BytesIO(parquet)).metadata
        assert [each["format"] for each in gateway.get("/datasets/things").json["distributions"]] == ["parquet", "csv"]
        refused = gateway.get("/datasets/things/latest/things.geojson")
        assert (refused.status, "there are things.parquet, things.csv" in refused.body.decode()) == (404, True)
