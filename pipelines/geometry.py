"""Places: points and GeoJSON geometries of a source, checked, and made WGS 84 where the source has Lambert-93.

A point is a text `lon,lat` (Table Schema's geopoint), in Lambert-93 `easting,northing`: which of the two comes first is
declared, and never guessed from a value. Points of WGS 84 are SQL; PROJ and GEOS have the distinct values of all else.
Source: RFC 7946, https://www.rfc-editor.org/rfc/rfc7946; EPSG:2154, https://epsg.io/2154
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from connectors.columns import Column
from pipelines import shapes
from pipelines.steps.clean import Cleaning, Failure, Reason, Value
from pipelines.steps.step import own

TYPES = ("geopoint", "geojson")

POINTS, TEXTS = 65_536, 2_048
"""Distinct points and GeoJSON texts that a library is given at once: what is held in memory."""

NUMBER = r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
POINT = rf"^\s*({NUMBER})\s*,\s*({NUMBER})\s*$"

GEOMETRIES = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection")

EXCHANGED = Reason(
    "lies outside the world as longitude and latitude, and inside if they are exchanged: it looks like latitude and"
    " longitude exchanged",
    "est hors du monde en longitude et latitude, et dedans si on les échange : latitude et longitude semblent inversées",
)
METRES = Reason(
    "is beyond 180° and 90°: it looks like metres, say crs: EPSG:2154 if they are of Lambert-93",
    "dépasse 180° et 90° : cela ressemble à des mètres, dites crs: EPSG:2154 s'ils sont en Lambert-93",
)
BEYOND = Reason(
    "is beyond the 180° of longitude or the 90° of latitude", "dépasse les 180° de longitude ou les 90° de latitude"
)
LAMBERT_EXCHANGED = Reason(
    "lies outside metropolitan France, and inside if its coordinates are exchanged: it looks like latitude and"
    " longitude exchanged (northing before easting)",
    "est hors de France métropolitaine, et dedans si on échange ses coordonnées : latitude et longitude semblent"
    " inversées (Y avant X)",
)
DEGREES = Reason(
    "looks like degrees, not like metres of Lambert-93: say crs: EPSG:4326",
    "ressemble à des degrés, non à des mètres Lambert-93 : dites crs: EPSG:4326",
)
ELSEWHERE = Reason(
    "lies outside metropolitan France, where alone Lambert-93 is used",
    "est hors de France métropolitaine, où seulement le Lambert-93 s'emploie",
)
NO_GEOMETRY = Reason(
    "is no GeoJSON geometry of RFC 7946 (its type, its positions, or a ring that is not closed)",
    "n'est pas une géométrie GeoJSON de la RFC 7946 (son type, ses positions, ou un anneau non fermé)",
)
NO_POINT = {
    False: Reason("is not a point written as lon,lat: 2.3522,48.8566",
                  "n'est pas un point écrit lon,lat : 2.3522,48.8566"),
    True: Reason("is not a point written as easting,northing: 652469.02,6862035.26",
                 "n'est pas un point écrit X,Y : 652469.02,6862035.26"),
}  # fmt: skip
"""What is said of a text that is no point, in degrees and in Lambert-93."""

OUTSIDE = {"exchanged": EXCHANGED, "metres": METRES, "beyond": BEYOND}
OUTSIDE_LAMBERT = {"exchanged": LAMBERT_EXCHANGED, "degrees": DEGREES, "elsewhere": ELSEWHERE}


def of(columns: Sequence[Column]) -> list[Column]:
    """Return the columns that are geometries; TopoJSON is none that a map reads as it stands."""
    return [column for column in columns if column.type in TYPES and column.format != "topojson"]


def read(cleaning: Cleaning, value: Value, column: Column) -> None:
    """Go on with a geopoint or geojson in WGS 84; a text that is none, or lies outside its area, is refused."""
    cleaning.make(value, f"CAST({value.sql} AS VARCHAR)")
    lambert = column.crs == shapes.LAMBERT
    if column.type == "geojson":
        _geojson(cleaning, value, column, lambert=lambert)
        return
    before = value.sql
    cleaning.make(value, f"regexp_extract({before}, '{POINT}', ['x', 'y'])")
    cleaning.make(value, f"struct_pack(x := TRY_CAST({value.sql}.x AS DOUBLE), y := TRY_CAST({value.sql}.y AS DOUBLE))")
    x, y = f"{value.sql}.x", f"{value.sql}.y"
    value.failures.append(
        Failure(f"{before} IS NOT NULL AND ({x} IS NULL OR {y} IS NULL)", "geopoint", NO_POINT[lambert])
    )
    if lambert:
        _lambert(cleaning, value)
    else:
        _degrees(cleaning, value, x, y)


def _degrees(cleaning: Cleaning, value: Value, x: str, y: str) -> None:
    """Take a point of WGS 84 to its text; numbers are written as JSON writes them."""
    inside = f"abs({x}) <= 180 AND abs({y}) <= 90"
    value.failures += [
        Failure(f"NOT ({inside}) AND abs({y}) <= 180 AND abs({x}) <= 90", "geopoint", EXCHANGED),
        Failure(f"NOT ({inside}) AND (abs({x}) > 360 OR abs({y}) > 360)", "geopoint", METRES),
        Failure(f"NOT ({inside})", "geopoint", BEYOND),
    ]
    cleaning.make(value, f"CASE WHEN {inside} THEN CAST({x} AS VARCHAR) || ',' || CAST({y} AS VARCHAR) END")


# --- by a library, over the distinct values --------------------------------------------------------------------------


@dataclass(frozen=True)
class _Asked:
    """What a library is asked: the columns of a page of distinct values, how many at once, and who answers.

    `answer` returns, for each of them, the text that it becomes or None, and what is wrong with it or None.
    """

    columns: dict[str, str]
    kind: str
    at_once: int
    answer: Callable[[pa.Table], shapes.Answer]


def _by_pages(cleaning: Cleaning, value: Value, asked: _Asked, where: str) -> tuple[str, str]:
    """Have a library look at the distinct values, page by page; return SQL for its text and for what is wrong."""
    connection = cleaning.connection
    seen, checked, page, name = own("places"), own("checked"), own("page"), cleaning.name("place")
    columns = ", ".join(f"{sql} AS {column}" for column, sql in asked.columns.items())
    connection.execute(
        f"CREATE TEMP TABLE {seen} AS SELECT DISTINCT {columns} FROM {cleaning.relation(value.depth)} WHERE {where}"
    )
    kinds = ", ".join(f"{column} {asked.kind}" for column in asked.columns)
    connection.execute(f"CREATE TEMP TABLE {checked} ({kinds}, good VARCHAR, wrong VARCHAR)")
    last = connection.execute(f"SELECT count(*) FROM {seen}").fetchall()[0][0]
    for first in range(0, last, asked.at_once):
        some = f"FROM {seen} WHERE rowid >= {first} AND rowid < {first + asked.at_once}"
        table = connection.sql(some).to_arrow_table()
        good, wrong = (pa.array(each, pa.string()) for each in asked.answer(table))
        connection.register(page, table.append_column("good", good).append_column("wrong", wrong))
        connection.execute(f"INSERT INTO {checked} FROM {page} WHERE good IS NOT NULL OR wrong IS NOT NULL")
        connection.unregister(page)
    connection.execute(f"DROP TABLE {seen}")
    on = " AND ".join(f"{name}.{column} = {sql}" for column, sql in asked.columns.items())
    cleaning.make(
        value, f"struct_pack(good := {name}.good, wrong := {name}.wrong)", f"LEFT JOIN {checked} {name} ON {on}"
    )
    return f"{value.sql}.good", f"{value.sql}.wrong"


def _lambert(cleaning: Cleaning, value: Value) -> None:
    """Convert points of Lambert-93."""
    x, y = f"{value.sql}.x", f"{value.sql}.y"
    asked = _Asked({"x": x, "y": y}, "DOUBLE", POINTS, shapes.points)
    good, wrong = _by_pages(cleaning, value, asked, f"{x} IS NOT NULL AND {y} IS NOT NULL")
    _refuse(value, wrong, "geopoint", OUTSIDE_LAMBERT)
    cleaning.make(value, good)


def _refuse(value: Value, wrong: str, rule: str, reasons: dict[str, Reason]) -> None:
    value.failures += [Failure(f"{wrong} = '{word}'", rule, reason) for word, reason in reasons.items()]


def _geojson(cleaning: Cleaning, value: Value, column: Column, *, lambert: bool) -> None:
    """Check GeoJSON geometries; what is in WGS 84 already stays as it is written. TopoJSON is only looked at as JSON."""
    before = value.sql
    kinds = "'Topology'" if column.format == "topojson" else ", ".join(f"'{kind}'" for kind in GEOMETRIES)
    is_one = f"json_valid({before}) AND json_extract_string({before}, '$.type') IN ({kinds})"
    cleaning.convert(value, f"CASE WHEN {is_one} THEN {before} END", "geojson", NO_GEOMETRY)
    if column.format == "topojson":
        return
    text = value.sql
    asked = _Asked({"text": text}, "VARCHAR", TEXTS, partial(shapes.geometries, lambert=lambert))
    good, wrong = _by_pages(cleaning, value, asked, f"{text} IS NOT NULL")
    value.failures.append(Failure(f"{wrong} = 'form'", "geojson", NO_GEOMETRY))
    _refuse(value, wrong, "geojson", OUTSIDE_LAMBERT if lambert else OUTSIDE)
    cleaning.make(value, good if lambert else f"CASE WHEN {wrong} IS NULL THEN {text} END")
