"""GeoJSON (RFC 7946): a row per feature, its properties as columns, its geometry as GeoJSON text, and its id if any has.

Geometries that cannot be (no such type, coordinates that are no longitude and latitude, rings that do not close)
make their row one with a fault.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.errors import Unreadable
from connectors.files.json_files import columns_of
from connectors.files.json_text import Item, Number, items, text_of, written
from connectors.files.reading import reserved, text_batches, text_schema, unique
from connectors.files.settings import TableSettings

DEPTHS = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
"""How deep lists of positions stand in the coordinates of a geometry."""

DEEPEST = 20
"""Geometry collections within each other, at most."""


def read(file: Path, name: str, settings: TableSettings, registry: str) -> pa.RecordBatchReader:
    """Return the features of a collection. Raises Unreadable and Misconfigured."""
    every = partial(items, file, settings.rows or "features", name, registry)
    has_id = False
    keys = dict[str, None]()
    for item in every():
        feature = item.value
        has_id = has_id or (isinstance(feature, dict) and feature.get("id") is not None)
        properties = feature.get("properties") if isinstance(feature, dict) else None
        if isinstance(properties, dict) and properties.keys() - keys.keys():
            keys = dict.fromkeys(columns_of([keys, properties], name, registry))
    own = [_free("id", keys)] if has_id else []
    columns = [*own, *keys, _free("geometry", keys)]
    reserved(columns, name, registry)
    schema = text_schema(unique(columns))
    rows = _rows(every(), list(keys), name, registry, has_id=has_id)
    return pa.RecordBatchReader.from_batches(schema, text_batches(schema, rows))


def _free(name: str, keys: Mapping[str, None]) -> str:
    return f"feature_{name}" if name in {key.casefold() for key in keys} else name


def _rows(
    every: Iterator[Item], keys: list[str], name: str, registry: str, *, has_id: bool
) -> Iterator[tuple[list[str | None], str | None]]:
    for item in every:
        feature = item.value
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise Unreadable(f"{registry}: {name}, {item.place}: no Feature of GeoJSON", registry=registry)
        properties, geometry = feature.get("properties") or {}, feature.get("geometry")
        fault = wrong(geometry) if isinstance(properties, dict) else "properties that are no object"
        if item.doubled:
            fault = "a key twice in one object"
        given = properties if isinstance(properties, dict) else {}
        cells = [text_of(given.get(key)) for key in keys]
        own = [text_of(feature.get("id"))] if has_id else []
        yield (
            [*own, *cells, None if geometry is None else written(geometry)],
            f"{item.place}: {fault}" if fault else None,
        )


def wrong(geometry: Any, depth: int = 0) -> str | None:
    """Return what is wrong with a geometry of GeoJSON, None if nothing is; null is no geometry."""
    if geometry is None:
        return None
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind == "GeometryCollection" and depth < DEEPEST:
        inner = geometry.get("geometries")
        if not isinstance(inner, list):
            return "a collection without geometries"
        return next(filter(None, (wrong(each, depth + 1) or (None if each else "no geometry") for each in inner)), None)
    if kind not in DEPTHS:
        return "a geometry of no known type"
    return _wrong_at(geometry.get("coordinates"), DEPTHS[kind], ring=kind.endswith("Polygon"))


def _wrong_at(value: Any, depth: int, *, ring: bool) -> str | None:
    if not isinstance(value, list):
        return "coordinates that are no list"
    if depth == 0:
        return _wrong_position(value)
    found = next(filter(None, (_wrong_at(each, depth - 1, ring=ring) for each in value)), None)
    if found is None and depth == 1 and ring and (len(value) < 4 or value[0] != value[-1]):
        return "a ring that does not close"
    return found


def _wrong_position(position: list[Any]) -> str | None:
    if len(position) < 2 or not all(isinstance(each, Number) for each in position):
        return "a position that is not two numbers"
    longitude, latitude = float(position[0]), float(position[1])
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        return "coordinates that are no longitude and latitude"
    return None
