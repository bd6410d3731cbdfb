"""A version's faces for maps: GeoJSON and GeoParquet, written in constant memory from its Parquet.

Its first column that is a geometry is the one that maps show. Coordinates are longitude and latitude of WGS 84, which
is what both formats mean where they name no other system (OGC:CRS84).
Source: RFC 7946, https://www.rfc-editor.org/rfc/rfc7946; GeoParquet 1.1, https://geoparquet.org/releases/v1.1.0/
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.columns import Column
from pipelines import geometry
from pipelines.declarations import Dataset
from pipelines.index import key_sql, moments, told_in_json
from pipelines.sql import identifier, quote
from pipelines.whole import whole_file

ROWS, GROUP = 2_048, 65_536
"""Rows that are held at once, a geometry being as long as it may; rows of a group of the file."""

GROUP_BYTES = 64_000_000
"""Bytes of a group of the file: less rows stand in it where geometries are long."""

KINDS = {0: "Point", 1: "LineString", 3: "Polygon", 4: "MultiPoint", 5: "MultiLineString", 6: "MultiPolygon"}
KINDS |= {7: "GeometryCollection"}
"""What GEOS numbers its geometries by."""


def geojson(connection: duckdb.DuckDBPyConnection, dataset: Dataset, parquet: Path, file: Path) -> None:
    """Write a FeatureCollection: each row a feature, its key the `id`. Raises duckdb.Error, OSError."""
    shown = geometry.of(dataset.columns)[0]
    name = identifier(shown.name)
    shape = f"""'{{"type":"Point","coordinates":[' || {name} || ']}}'""" if shown.type == "geopoint" else name
    properties = told_in_json(dataset, without=shown.name) if len(dataset.columns) > 1 else "'{}'"
    key = key_sql(dataset.key, "", moments(dataset))
    rows = connection.execute(
        f"SELECT to_json({key})::VARCHAR, coalesce({shape}, 'null'), {properties} FROM read_parquet({quote(str(parquet))})"
    )
    with whole_file(file) as part, part.open("w", encoding="utf-8", newline="\n") as out:
        out.write('{"type":"FeatureCollection","features":[')
        before = "\n"
        while batch := rows.fetchmany(ROWS):
            for number, drawn, said in batch:
                out.write(f'{before}{{"type":"Feature","id":{number},"geometry":{drawn},"properties":{said}}}')
                before = ",\n"
        out.write("\n]}\n")


@dataclass
class _Seen:
    """What was seen of a column's geometries: their kinds, and the least and greatest coordinates, NaN where none."""

    kinds: set[str] = field(default_factory=set)
    low: Any = (math.nan, math.nan, math.nan)
    high: Any = (math.nan, math.nan, math.nan)

    @property
    def told(self) -> dict[str, Any]:
        """Return what GeoParquet tells of the column; without any geometry it has no extent."""
        told: dict[str, Any] = {"encoding": "WKB", "geometry_types": sorted(self.kinds)}
        size = 3 if any(kind.endswith(" Z") for kind in self.kinds) else 2
        if self.kinds:
            told["bbox"] = [float(side) for side in (*self.low[:size], *self.high[:size])]
        return told


def geoparquet(dataset: Dataset, parquet: Path, file: Path) -> None:
    """Write the version with its geometries as WKB, and what there is to know of them. Raises ArrowException, OSError."""
    shown = geometry.of(dataset.columns)
    seen = {column.name: _Seen() for column in shown}
    with whole_file(file) as part, pq.ParquetFile(parquet) as source:
        schema = source.schema_arrow.remove_metadata()
        for column in shown:
            schema = schema.set(schema.get_field_index(column.name), pa.field(column.name, pa.binary()))
        with pq.ParquetWriter(part, schema, compression="zstd", compression_level=1) as writer:
            for table in _groups(_drawn(source, schema, shown, seen)):
                writer.write_table(table)
            told = {name: each.told for name, each in seen.items()}
            geo = {"version": "1.1.0", "primary_column": shown[0].name, "columns": told}
            writer.add_key_value_metadata({"geo": json.dumps(geo)})


def _drawn(
    source: pq.ParquetFile, schema: pa.Schema, shown: list[Column], seen: dict[str, _Seen]
) -> Iterator[pa.Table]:
    """Yield the rows, a few at a time, with their geometries as WKB."""
    for batch in source.iter_batches(batch_size=ROWS):
        table = pa.table(batch)
        for column in shown:
            wkb = _wkb(table.column(column.name), column, seen[column.name])
            table = table.set_column(schema.get_field_index(column.name), column.name, wkb)
        yield table.cast(schema)


def _groups(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yield the same rows, as many at a time as make a group of the file."""
    group: list[pa.Table] = []
    for table in tables:
        group.append(table)
        if sum(each.num_rows for each in group) >= GROUP or sum(each.nbytes for each in group) >= GROUP_BYTES:
            yield pa.concat_tables(group)
            group = []
    if group:
        yield pa.concat_tables(group)


def _wkb(texts: pa.ChunkedArray, column: Column, seen: _Seen) -> pa.Array:
    """Return geometries as WKB, and take note of what they are."""
    import numpy as np
    import shapely  # type: ignore[import-untyped]

    if column.type == "geopoint":
        sides = pc.split_pattern(pc.fill_null(texts, "nan,nan"), ",", max_splits=1)
        lon, lat = (pc.list_element(sides, at).cast(pa.float64()).to_numpy() for at in (0, 1))
        shapes = np.where(np.isnan(lon), None, shapely.points(lon, lat))
    else:
        shapes = shapely.from_geojson(texts.to_pylist())
    there = shapes[~shapely.is_missing(shapes)]
    if len(there):
        corners = shapely.get_coordinates(there, include_z=True)
        seen.low = np.fmin(seen.low, np.fmin.reduce(corners))
        seen.high = np.fmax(seen.high, np.fmax.reduce(corners))
        kinds = zip(shapely.get_type_id(there).tolist(), shapely.has_z(there).tolist(), strict=True)
        seen.kinds |= {KINDS[kind] + (" Z" if deep else "") for kind, deep in kinds}
    return pa.array(shapely.to_wkb(shapes).tolist(), pa.binary())
