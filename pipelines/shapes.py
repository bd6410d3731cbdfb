"""What PROJ and GEOS say of a page of points or geometries: where they are in WGS 84, and what is wrong with them.

A word says what is wrong: form, exchanged, degrees, metres, beyond, elsewhere. Each call has transformations of its own,
since PROJ wants them used by one thread alone. Source: RFC 7946, https://www.rfc-editor.org/rfc/rfc7946
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

LAMBERT = "EPSG:2154"

DIGITS = 7
"""Decimals of a converted degree: a centimetre, and less than a conversion between the two is worth (1 m)."""

MEMBERS = 1_000
"""Objects in one GeoJSON text at most: GEOS reads collections in collections by recursion, whatever their depth."""

Answer = tuple[Sequence[str | None], Sequence[str | None]]
"""For each value of a page, the text that it becomes or None, and what is wrong with it or None."""


def points(page: pa.Table) -> Answer:
    """Convert points of Lambert-93, the columns x and y of a page."""
    convert = _transformer()
    easting, northing = (page.column(name).to_numpy() for name in ("x", "y"))
    lon, lat = convert(easting, northing)
    wrong = _wrong(lon, lat, convert(northing, easting), easting, northing)
    sides = (pa.array(_rounded(degrees)).cast(pa.string()) for degrees in (lon, lat))
    return pc.binary_join_element_wise(*sides, ",").to_pylist(), wrong


def _transformer() -> Callable[[Any, Any], Any]:
    """Return what makes longitudes and latitudes of Lambert-93; it is of the thread that asks for it, as PROJ wants."""
    from pyproj import Transformer

    transform: Callable[[Any, Any], Any] = Transformer.from_crs(LAMBERT, "EPSG:4326", always_xy=True).transform
    return transform


def _area() -> tuple[float, float, float, float]:
    """Return where Lambert-93 is used: west, south, east, north."""
    from pyproj import CRS

    area = CRS(LAMBERT).area_of_use
    assert area is not None  # noqa: S101  # the registry of PROJ has it
    return area.bounds


def _rounded(degrees: Any) -> Any:
    import numpy as np

    return np.round(degrees, DIGITS)


def _wrong(lon: Any, lat: Any, exchanged: Any, x: Any, y: Any) -> list[str | None]:
    """Return what is wrong with each point of Lambert-93: `exchanged` is where it would be with x and y exchanged."""
    import numpy as np

    west, south, east, north = _area()

    def inside(lon: Any, lat: Any) -> Any:
        return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)

    degrees = (np.abs(x) <= 180) & (np.abs(y) <= 180)
    words = np.select(
        [inside(lon, lat), degrees, inside(*exchanged)], ["", "degrees", "exchanged"], default="elsewhere"
    )
    return [word or None for word in words.tolist()]


# --- GeoJSON ---------------------------------------------------------------------------------------------------------


def geometries(page: pa.Table, *, lambert: bool) -> Answer:
    """Check GeoJSON geometries, the column `text` of a page; those of Lambert-93 are converted."""
    import numpy as np
    import shapely  # type: ignore[import-untyped]

    texts = page.column("text").to_pylist()
    bounded = [text if text.count("{") <= MEMBERS else None for text in texts]
    shapes = shapely.from_geojson(bounded, on_invalid="ignore")
    bounds = shapely.bounds(shapes)
    formed = np.isfinite(bounds).all(axis=1)
    formed[_with_short_rings(shapes)] = False
    if not lambert:
        found = zip(_outside(bounds), formed, strict=True)
        return [None] * len(texts), [word if ok else "form" for word, ok in found]
    convert = _transformer()

    def converted(points: Any) -> Any:
        return np.column_stack([*map(_rounded, convert(points[:, 0], points[:, 1])), *points.T[2:]])

    flat, deep = (np.where(formed & (shapely.has_z(shapes) == high), shapes, None) for high in (False, True))
    moved = np.where(
        shapely.is_missing(deep), shapely.transform(flat, converted), shapely.transform(deep, converted, include_z=True)
    )
    wrong = [word if ok else "form" for word, ok in zip(_outside_lambert(bounds, moved, convert), formed, strict=True)]
    good = [text if word is None else None for text, word in zip(shapely.to_geojson(moved), wrong, strict=True)]
    return good, wrong


def _outside(bounds: Any) -> Iterator[str | None]:
    """Yield what is wrong with each extent, in degrees: west, south, east, north."""
    for west, south, east, north in bounds.tolist():
        x, y = max(abs(west), abs(east)), max(abs(south), abs(north))
        if x <= 180 and y <= 90:
            yield None
        elif y <= 180 and x <= 90:
            yield "exchanged"
        else:
            yield "metres" if max(x, y) > 360 else "beyond"


def _outside_lambert(bounds: Any, moved: Any, convert: Callable[[Any, Any], Any]) -> list[str | None]:
    """Return what is wrong with each geometry of Lambert-93, by two corners of its extent."""
    import shapely

    extent = shapely.bounds(moved)
    low, high = (
        _wrong(
            extent[:, at],
            extent[:, at + 1],
            convert(bounds[:, at + 1], bounds[:, at]),
            bounds[:, at],
            bounds[:, at + 1],
        )
        for at in (0, 2)
    )
    return [one or other for one, other in zip(low, high, strict=True)]


def _with_short_rings(shapes: Any) -> Any:
    """Return which geometries have a ring of less than four positions, which GEOS bears and RFC 7946 (3.1.6) does not."""
    import shapely

    parts, place = shapely.get_parts(shapes, return_index=True)
    while (shapely.get_type_id(parts) > 3).any():  # collections of several, or in one another
        parts, of = shapely.get_parts(parts, return_index=True)
        place = place[of]
    rings, of = shapely.get_rings(parts, return_index=True)
    return place[of[shapely.get_num_coordinates(rings) < 4]]
