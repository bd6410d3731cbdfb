"""Places: which texts are points and geometries, where Lambert-93 lands, and what maps read of a version.

All coordinates are made up, or of well-known places: no real dataset stands here.
"""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import shapely  # type: ignore[import-untyped]
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from pipelines import faces, geometry
from pipelines.steps.clean import Reason
from pipelines.workspace import Workspace
from tests.pipelines.bench import SHOPS, Bench, read

PARIS = "652469.02,6862035.26"
SQUARE = '{"type":"Polygon","coordinates":[[[2,48],[3,48],[3,49],[2,48]]]}'
DECLARED = """\
title: Places
owner: ville
audience: open
licence: Licence Ouverte 2.0
source: {registry: source, table: places}
schema:
  fields:
    - {name: id}
    - {name: y, type: number}
    - {name: at, type: datetime}
    - {name: x, COLUMN}
  primaryKey: id
"""


def judged(
    bench: Bench, column: str, values: list[str | None], more: str = "", ys: list[str] | None = None
) -> tuple[list[Any], list[str]]:
    """Run a dataset with a column x of a geometry; return what came out, and what was said of what was refused."""
    rows = [
        {"id": f"{n:05d}", "y": ys[n] if ys else None, "at": "2026-01-01T00:00:00.5Z", "x": value}
        for n, value in enumerate(values)
    ]
    bench.source("places", rows)
    bench.write("datasets/places.yaml", DECLARED.replace("COLUMN", column) + more)
    bench.run("places")
    refused = read(bench.latest("places").folder / "quarantine.parquet")
    return [row["x"] for row in bench.rows("places")], [each["reason"] for row in refused for each in row["failures"]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2.3522,48.8566", "2.3522,48.8566"), (" +2.3522 , 48.8566 ", "2.3522,48.8566"), ("-180,90", "-180.0,90.0"),
        ("1e-7,-0.0", "1e-07,-0.0"), ("0,0", "0.0,0.0"),
        ("48.8566", geometry.NO_POINT[False].en), ("2.3522,48.8566,35", geometry.NO_POINT[False].en),
        ("2,3522,48,8566", geometry.NO_POINT[False].en), ("nan,1", geometry.NO_POINT[False].en),
        ("", geometry.NO_POINT[False].en), ('1,1"}', geometry.NO_POINT[False].en),
        ("48.8566,102.3", geometry.EXCHANGED.en), ("0,90.1", geometry.EXCHANGED.en),
        ("180.1,95", geometry.BEYOND.en), (PARIS, geometry.METRES.en), ("1e999,1", geometry.METRES.en),
    ],
)  # fmt: skip
def test_a_point_of_wgs_84(bench: Bench, text: str, said: str) -> None:
    assert judged(bench, "type: geopoint", [text]) in (([said], []), ([], [said]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PARIS, (2.3522, 48.8566)), ("700000,6600000", (3.0, 46.5)), ("1233000,6090000", (9.3962, 41.7167)),
        ("6862035.26,652469.02", geometry.LAMBERT_EXCHANGED.en), ("2.3522,48.8566", geometry.DEGREES.en),
        ("1e9,1e9", geometry.ELSEWHERE.en), ("1e999,6862035", geometry.ELSEWHERE.en), ("x", geometry.NO_POINT[True].en),
    ],
)  # fmt: skip
def test_a_point_of_lambert_93(bench: Bench, text: str, said: Any) -> None:
    """(700000, 6600000) is the projection's own origin: 3° E, 46.5° N."""
    found, refused = judged(bench, "type: geopoint, crs: EPSG:2154", [text, None, text])
    if isinstance(said, str):
        assert (found, refused) == ([None], [said, said])
    else:
        lon, lat = map(float, found[0].split(","))
        assert (lon, lat) == pytest.approx(said, abs=0.05)
        assert found == [found[0], None, found[0]]
        assert refused == []


SOME = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SOME
@given(points=st.lists(st.tuples(st.floats(-1, 8), st.floats(42.5, 50.5)), min_size=1, max_size=40))
def test_there_and_back_is_the_same_place_to_a_centimetre(new_bench: Any, points: list[tuple[float, float]]) -> None:
    there = Transformer.from_crs("EPSG:4326", "EPSG:2154", always_xy=True)
    texts = ["{:.4f},{:.4f}".format(*there.transform(*point)) for point in points]
    found, refused = judged(new_bench(), "type: geopoint, crs: EPSG:2154", list(texts))
    assert refused == []
    for (lon, lat), text in zip(points, found, strict=True):
        assert list(map(float, text.split(","))) == pytest.approx([lon, lat], abs=2e-7)


# --- the step --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("crs", "x", "y", "said"),
    [
        ("EPSG:4326", "2.3522", "48.8566", "2.3522,48.8566"), ("EPSG:4326", " 2,3522 ", "48.8566", "2.3522,48.8566"),
        ("EPSG:2154", "700000", "6600000", "3,46.5"), ("EPSG:4326", None, None, None),
        ("EPSG:4326", "2.35", None, None), ("EPSG:4326", None, "48.8", None), ("EPSG:4326", "x", "48.8", None),
        ("EPSG:4326", "2.35", "1e-7", "2.35,1e-07"),
    ],
)  # fmt: skip
def test_a_point_of_two_columns(bench: Bench, crs: str, x: Any, y: Any, said: str | None) -> None:
    clean = "clean:\n  x: {steps: [{point: {y: y}}]}\n"
    found, refused = judged(bench, f"type: geopoint, crs: {crs}", [x], clean, [y])
    if said is None and (x or y):
        assert (found, refused) == ([], ["is half a point: it is no number, or y is none"])
    else:
        assert (found, refused) == ([said], [])


def test_the_order_of_a_text_is_what_is_declared(bench: Bench) -> None:
    """48.8566,2.3522 is a place in either order: off Somalia, or in Paris."""
    assert judged(bench, "type: geopoint", ["48.8566,2.3522"]) == (["48.8566,2.3522"], [])
    clean = "clean:\n  x: {steps: [{point: 'lat,lon'}]}\n"
    assert judged(bench, "type: geopoint", ["48.8566,2.3522"], clean) == (["2.3522,48.8566"], [])


# --- GeoJSON ---------------------------------------------------------------------------------------------------------

DEEP = '{"type":"GeometryCollection","geometries":[' * 100_000 + '{"type":"Point","coordinates":[1,2]}' + "]}" * 100_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SQUARE, None), ('{"type": "Point",\n "coordinates": [2, 48, 35]}', None),
        ('{"type":"MultiPoint","coordinates":[[-180,-90],[180,90]]}', None),
        ('{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]}]}', None),
        (SQUARE.replace("[2,48]]]", "[2,48.5]]]"), geometry.NO_GEOMETRY), (SQUARE[:-1], geometry.NO_GEOMETRY),
        ('{"type":"Polygon","coordinates":[[[2,48],[3,48],[2,48]]]}', geometry.NO_GEOMETRY),
        ('{"type":"GeometryCollection","geometries":[{"type":"MultiPolygon","coordinates":[[[[2,48],[3,48],[2,48]]]]}]}',
         geometry.NO_GEOMETRY),
        ('{"type":"Point","coordinates":[]}', geometry.NO_GEOMETRY), ("Point(1 2)", geometry.NO_GEOMETRY),
        ('{"type":"Point","coordinates":[1]}', geometry.NO_GEOMETRY), ("null", geometry.NO_GEOMETRY),
        ('{"type":"Point","coordinates":["1","2"]}', geometry.NO_GEOMETRY), ("", geometry.NO_GEOMETRY),
        ('{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":null}', geometry.NO_GEOMETRY),
        ('{"type":"Point","coordinates":[48,98]}', geometry.EXCHANGED), (DEEP, geometry.NO_GEOMETRY),
        ('{"type":"LineString","coordinates":[[0,0],[181,0]]}', geometry.BEYOND),
        (f'{{"type":"Point","coordinates":[{PARIS}]}}', geometry.METRES),
    ],
)  # fmt: skip
def test_a_geometry_is_one_of_rfc_7946_and_stays_as_it_is_written(bench: Bench, text: str, said: Reason | None) -> None:
    found, refused = judged(bench, "type: geojson", [text, None, text])
    if said is None:
        assert (found, refused) == ([text, None, text], [])
    else:
        assert (found, refused) == ([None], [said.en, said.en])


@pytest.mark.parametrize(
    ("coordinates", "said"),
    [
        ([[700000, 6600000], [652469.02, 6862035.26]], [[3.0, 46.5], [2.3522, 48.8566]]),
        ([[700000, 6600000, 12.5], [652469.02, 6862035.26, 35]], [[3.0, 46.5, 12.5], [2.3522, 48.8566, 35.0]]),
        ([[6600000, 700000], [6862035.26, 652469.02]], geometry.LAMBERT_EXCHANGED), ([[2, 48], [3, 49]], geometry.DEGREES),
        ([[700000, 6600000], [700000, 66000000]], geometry.ELSEWHERE),
    ],
)  # fmt: skip
def test_a_geometry_of_lambert_93(bench: Bench, coordinates: list[list[float]], said: Any) -> None:
    text = json.dumps({"type": "LineString", "coordinates": coordinates})
    found, refused = judged(bench, "type: geojson, crs: EPSG:2154", [text])
    if isinstance(said, Reason):
        assert (found, refused) == ([], [said.en])
    else:
        assert refused == []
        for place, wanted in zip(json.loads(found[0])["coordinates"], said, strict=True):
            assert place == pytest.approx(wanted, abs=0.001)


# --- faces -----------------------------------------------------------------------------------------------------------


def files(bench: Bench) -> tuple[dict[str, Any], Path]:
    """Return the version's GeoJSON as it is read, and its GeoParquet file."""
    folder = bench.latest("places").folder
    return json.loads((folder / "places.geojson").read_text(encoding="utf-8")), folder / "places.geo.parquet"


def test_what_maps_read_is_what_the_version_holds(bench: Bench) -> None:
    judged(bench, "type: geopoint", ["2.5,48.5", None, "3.5,49.5"])
    features, parquet = files(bench)
    assert (features["type"], [each["id"] for each in features["features"]]) == (
        "FeatureCollection",
        ["00000", "00001", "00002"],
    )
    assert [each["geometry"] for each in features["features"]] == [
        {"type": "Point", "coordinates": [2.5, 48.5]}, None, {"type": "Point", "coordinates": [3.5, 49.5]},
    ]  # fmt: skip
    assert features["features"][0]["properties"] == {"id": "00000", "y": None, "at": "2026-01-01T00:00:00.500000+00:00"}
    table = pq.read_table(parquet)
    shapes = shapely.from_wkb(table["x"].to_pylist())
    assert [shape and shape.wkt for shape in shapes] == ["POINT (2.5 48.5)", None, "POINT (3.5 49.5)"]
    assert table["id"].to_pylist() == ["00000", "00001", "00002"]
    assert json.loads(pq.read_metadata(parquet).metadata[b"geo"]) == {
        "version": "1.1.0", "primary_column": "x",
        "columns": {"x": {"encoding": "WKB", "geometry_types": ["Point"], "bbox": [2.5, 48.5, 3.5, 49.5]}},
    }  # fmt: skip


def test_geometries_of_several_kinds_and_heights(bench: Bench) -> None:
    high = '{"type":"Point","coordinates":[1,2,35]}'
    judged(bench, "type: geojson", [SQUARE, high])
    features, parquet = files(bench)
    assert [each["geometry"] for each in features["features"]] == [json.loads(SQUARE), json.loads(high)]
    told = json.loads(pq.read_metadata(parquet).metadata[b"geo"])["columns"]["x"]
    assert told == {"encoding": "WKB", "geometry_types": ["Point Z", "Polygon"], "bbox": [1, 2, 35, 3, 49, 35]}


def test_a_version_without_any_place_has_no_extent(bench: Bench) -> None:
    judged(bench, "type: geopoint", [None])
    features, parquet = files(bench)
    assert features["features"][0]["geometry"] is None
    told = json.loads(pq.read_metadata(parquet).metadata[b"geo"])["columns"]["x"]
    assert told == {"encoding": "WKB", "geometry_types": []}


def test_a_large_version_has_all_its_rows_in_few_groups(bench: Bench) -> None:
    count = 150_000
    places: list[str | None] = [f"{n % 360 - 180},{n % 181 - 90}" for n in range(count)]
    assert judged(bench, "type: geopoint", places)[1] == []
    features, parquet = files(bench)
    metadata = pq.read_metadata(parquet)
    assert (len(features["features"]), metadata.num_rows, metadata.num_row_groups) == (count, count, 3)


def test_faces_are_made_again_from_the_parquet_alone(bench: Bench, tmp_path: Path) -> None:
    judged(bench, "type: geopoint", ["2.5,48.5"])
    version, workspace = bench.latest("places"), Workspace(bench.root)
    faces.build(workspace, workspace.dataset("places"), version.parquet, tmp_path)
    for kind in ("csv", "geojson", "geo.parquet"):
        assert (tmp_path / f"places.{kind}").read_bytes() == faces.path(version, kind).read_bytes()
    assert not list(tmp_path.glob("*.part"))


def test_only_a_dataset_with_a_geometry_has_files_for_maps(bench: Bench) -> None:
    bench.shops(("1", "A", None, None), declaration=SHOPS)
    bench.run()
    assert faces.kinds(bench.workspace.dataset("shops")) == ("parquet", "csv")
    assert not list(bench.latest().folder.glob("shops.geo*"))
    judged(bench, "type: geojson, format: topojson", ['{"type":"Topology","objects":{},"arcs":[]}'])
    assert faces.kinds(bench.workspace.dataset("places")) == ("parquet", "csv")


@pytest.mark.parametrize("end", ["geojson", "geo.parquet"])
def test_a_file_for_maps_that_somebody_removed_is_made_again(bench: Bench, end: str) -> None:
    judged(bench, "type: geopoint", ["2.3522,48.8566"])
    version = bench.latest("places")
    file = version.folder / f"places.{end}"
    before = file.read_bytes()
    assert version.whole
    file.unlink()
    assert not version.whole
    assert not bench.run("places").new
    assert file.read_bytes() == before
    assert bench.latest("places").whole


def test_a_version_whose_places_no_map_reads_is_whole_and_is_left_as_it_is(bench: Bench) -> None:
    judged(bench, "type: geojson, format: topojson", ['{"type":"Topology","objects":{},"arcs":[]}'])
    version = bench.latest("places")
    assert version.whole
    files = {file.name: (file.stat().st_ino, file.stat().st_mtime_ns) for file in (version.csv, *version.index)}
    report = bench.run("places")
    assert (report.outcome, list(report.stages)) == ("unchanged", ["scan"]), "nothing is judged or made anew"
    assert {file.name: (file.stat().st_ino, file.stat().st_mtime_ns) for file in (version.csv, *version.index)} == files


def test_a_version_without_anything_for_maps_is_whole(bench: Bench) -> None:
    bench.shops(("1", "Baker", "3", "2020-01-01"))
    bench.run()
    assert bench.latest().whole
