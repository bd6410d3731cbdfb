"""Steps for places: a point out of two columns, or out of a text in either order."""

from typing import Any

from pipelines.steps.clean import Cleaning, Failure, Reason, Value
from pipelines.steps.step import REFUSED, Argument, Step

ORDERS = ("lon,lat", "lat,lon")

NUMBER = r"[-+]?\d+(?:\.\d+)?"
DECIMAL = r"[-+]?\d+(?:[.,]\d+)?"
"""A number as well with a decimal comma: where a comma cannot part two numbers."""

BETWEEN = rf"^\s*({DECIMAL})(?:\s*;\s*|\s+)({DECIMAL})\s*$"
BY_COMMA = rf"^\s*({NUMBER})\s*,\s*({NUMBER})\s*$"


def _point(cleaning: Cleaning, value: Value, argument: str | dict[str, str]) -> None:
    if isinstance(argument, dict):
        _of_two(cleaning, value, argument["y"])
        return
    before = value.sql
    loose, by_comma = (f"regexp_extract({before}, '{form}', ['a', 'b'])" for form in (BETWEEN, BY_COMMA))
    cleaning.make(value, f"CASE WHEN regexp_matches({before}, '{BETWEEN}') THEN {loose} ELSE {by_comma} END")
    first, second = (f"replace({value.sql}.{side}, ',', '.')" for side in "ab")
    lon, lat = (first, second) if argument == "lon,lat" else (second, first)
    reason = Reason(
        f"is not a point written as {argument}: two numbers with a comma, a semicolon or a blank between them",
        f"n'est pas un point écrit {argument} : deux nombres séparés par une virgule, un point-virgule ou une espace",
    )
    cleaning.convert(value, f"CASE WHEN {value.sql}.a <> '' THEN {lon} || ',' || {lat} END", "point", reason)


def _of_two(cleaning: Cleaning, value: Value, name: str) -> None:
    """Join the column, which is x, to a cleaned one above it, which is y; a row without either has no point."""
    column = cleaning.done[name]
    value.depth = max(value.depth, column.depth)
    before, y = value.sql, f"CAST({column.sql} AS VARCHAR)"
    x = f"replace(regexp_extract({before}, '^\\s*({DECIMAL})\\s*$', 1), ',', '.')"
    written = f"regexp_full_match({x}, '{NUMBER}') AND regexp_full_match({y}, '{NUMBER}(?:[eE][-+]?\\d+)?')"
    cleaning.make(value, f"CASE WHEN {written} THEN {x} || ',' || {y} END")
    reason = Reason(
        f"is half a point: it is no number, or {name} is none",
        f"est la moitié d'un point : ce n'est pas un nombre, ou {name} n'en est pas un",
    )
    value.failures.append(Failure(f"{value.sql} IS NULL AND coalesce({before}, {y}) IS NOT NULL", "point", reason))


def _is_order(given: Any) -> bool:
    if isinstance(given, dict):
        return set(given) == {"y"} and isinstance(given["y"], str)
    return isinstance(given, str) and given in ORDERS


GEOMETRY = {
    "point": Step(
        "Makes a point `lon,lat`, as a column of the type geopoint wants it, of a text whose order is said: `lon,lat` or"
        " `lat,lon` (decimal commas only with a semicolon or a blank between the two); or of two columns, {y: COLUMN}: the"
        " column itself is x (longitude or easting), the cleaned column above it that is named is y. Coordinates of"
        " Lambert-93 stay what they are, and the column's `crs: EPSG:2154` has them converted.",
        _point,
        (
            ("lat,lon", "48.8566, 2.3522", "2.3522,48.8566"), ("lat,lon", "48,8566 ; 2,3522", "2.3522,48.8566"),
            ("lon,lat", "2.3522 48.8566", "2.3522,48.8566"), ("lon,lat", "2,3522,48,8566", REFUSED),
            ("lat,lon", "48.8566", REFUSED),
        ),
        Argument("`lon,lat` or `lat,lon`, or {y: COLUMN}", _is_order),
    ),
}  # fmt: skip
