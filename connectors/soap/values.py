"""The builtin types of XML Schema: text from and to exact Python values, and what these are in JSON and Arrow.

| type | Python | JSON | Arrow |
|---|---|---|---|
| string and all derived from it, anyURI, QName, NOTATION, anySimpleType | str | string | string |
| boolean | bool | boolean | bool |
| long, int, short, byte, unsignedInt, unsignedShort, unsignedByte; bounded by facets | int | integer | int64 |
| unsignedLong; bounded by facets | int | integer | uint64 |
| integer and the other kinds without bounds | int | integer | string |
| decimal | Decimal, digit for digit | string, never with an exponent | string; decimal128 by facets |
| float, double | float | number; "INF", "-INF", "NaN" | double |
| date | datetime.date; with a zone: Lexical | string: 2024-02-29 | date32 |
| dateTime | datetime.datetime, naive without a zone | string: 2024-02-29T08:00:00.5Z, UTC as Z | string |
| time | datetime.time | string: 08:00:00+02:00 | string |
| duration, gYear, gYearMonth, gMonth, gMonthDay, gDay | str | string | string |
| hexBinary, base64Binary | bytes | string: base64 | binary |

A dateTime is a string in Arrow since a timestamp cannot say both: with a zone of Arrow a naive one would have to be
given a zone that nobody wrote, without one the zone that was written would be lost.
What Python has no exact value for stays its text, `Lexical`, a string in JSON: a date with a zone; a year above 9999 or
below 1, 24:00:00, a fraction finer than microseconds; an integer of more than 4,300 digits (the limit of `int`); a
float beyond the largest. A float is the nearest double, as the type means it.
Source: XML Schema 1.0 part 2, https://www.w3.org/TR/xmlschema-2/ sections 3.2, 3.3 and 4.3.6
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
from lxml import etree

from connectors.soap import lexical
from connectors.soap.lexical import Lexical, Space, json_of, normalised
from connectors.soap.names import XSD

__all__ = ["BUILTINS", "Builtin", "Lexical", "Space", "arrow_of", "json_of", "normalised", "valid"]


@dataclass(frozen=True, slots=True)
class Builtin:
    """A builtin type.

    `read` takes a text that is valid and whitespace-normalised; it raises ValueError for one that libxml2 lets pass
    and XML Schema does not (`1e` as a double). `write` takes a Python value or its JSON form, or any valid text, and
    gives a text that libxml2 takes; it raises TypeError for another kind of value and ValueError for a value that the
    type does not have. No message holds the value. A string for a binary type is its base64 form, for hexBinary too.
    """

    name: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]
    space: Space
    json_schema: Mapping[str, Any]
    arrow: pa.DataType
    base: str | None  # the builtin that it restricts


# --- the types -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kind:
    read: Callable[[str], Any]
    form: Callable[[Any], str | None]
    expected: str
    json_schema: Mapping[str, Any]
    arrow: pa.DataType


def _text(pattern: str | None = None) -> Mapping[str, Any]:
    return {"type": "string"} if pattern is None else {"type": "string", "pattern": f"^{pattern}$"}


def _no_text(_: Any) -> None:
    return None


_BINARY = {"type": "string", "contentEncoding": "base64"}
_NUMBER = "a number (INF, -INF and NaN as text)"
_STRING = _Kind(str, _no_text, "a text of that type", _text(), pa.string())
_DOUBLE = _Kind(lexical.read_float, lexical.text_of_float, _NUMBER, {"type": ["number", "string"]}, pa.float64())
_FRACTION = _text(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
_EXACT = "a decimal, as text (12.50) or a whole number: a floating-point number has lost its digits"


# The type and all that restrict it, down to the next one that stands here.
_KINDS: Mapping[str, _Kind] = {
    "anySimpleType": _STRING,
    "boolean": _Kind(lexical.read_boolean, lexical.text_of_boolean, "true or false", {"type": "boolean"}, pa.bool_()),
    "decimal": _Kind(Decimal, lexical.text_of_decimal, _EXACT, _FRACTION, pa.string()),
    "integer": _Kind(lexical.read_integer, lexical.text_of_integer, "a whole number", {"type": "integer"}, pa.string()),
    "float": _DOUBLE,
    "double": _DOUBLE,
    "date": _Kind(
        lexical.read_date, lexical.text_of_date, "a date (2024-02-29)", _text(lexical.DATE.pattern), pa.date32()
    ),
    "dateTime": _Kind(
        lexical.read_datetime,
        lexical.text_of_datetime,
        "a date and time (2024-02-29T08:00:00Z)",
        _text(lexical.DATETIME.pattern),
        pa.string(),
    ),
    "time": _Kind(
        lexical.read_time, lexical.text_of_time, "a time of day (08:00:00)", _text(lexical.TIME.pattern), pa.string()
    ),
    "hexBinary": _Kind(bytes.fromhex, lexical.text_of_hex, "bytes, as base64", _BINARY, pa.binary()),
    "base64Binary": _Kind(lexical.read_base64, lexical.text_of_base64, "bytes, as base64", _BINARY, pa.binary()),
}
_BASES: Mapping[str, str] = {
    derived: base
    for base, types in {
        "anySimpleType": "string boolean decimal float double duration dateTime time date gYearMonth gYear gMonthDay "
        "gDay gMonth hexBinary base64Binary anyURI QName NOTATION",
        "string": "normalizedString",
        "normalizedString": "token",
        "token": "language NMTOKEN Name",
        "Name": "NCName",
        "NCName": "ID IDREF ENTITY",
        "decimal": "integer",
        "integer": "nonPositiveInteger long nonNegativeInteger",
        "nonPositiveInteger": "negativeInteger",
        "long": "int",
        "int": "short",
        "short": "byte",
        "nonNegativeInteger": "unsignedLong positiveInteger",
        "unsignedLong": "unsignedInt",
        "unsignedInt": "unsignedShort",
        "unsignedShort": "unsignedByte",
    }.items()
    for derived in types.split()
}
_SPACES: Mapping[str, Space] = {"anySimpleType": "preserve", "string": "preserve", "normalizedString": "replace"}
_BOUNDS: Mapping[str, tuple[float, float]] = {  # floats are the infinite ones only
    "integer": (-math.inf, math.inf),
    "nonPositiveInteger": (-math.inf, 0),
    "negativeInteger": (-math.inf, -1),
    "nonNegativeInteger": (0, math.inf),
    "positiveInteger": (1, math.inf),
    **{name: (-(2**bits), 2**bits - 1) for name, bits in {"long": 63, "int": 31, "short": 15, "byte": 7}.items()},
    "unsignedLong": (0, 2**64 - 1),
    "unsignedInt": (0, 2**32 - 1),
    "unsignedShort": (0, 2**16 - 1),
    "unsignedByte": (0, 2**8 - 1),
}


def arrow_of(base: str, facets: Mapping[str, str]) -> pa.DataType:
    """Return the Arrow type of a restriction of the builtin type `base`, with its facets by name ("totalDigits").

    An integer is int64 or uint64 where its facets keep it within. A decimal with both kinds of digits bounded is
    decimal128 where all its values fit: totalDigits does not count zeros after the point (12345 is a value of
    totalDigits 5, fractionDigits 2; part 2, 4.3.11), so that as many places stand before it as totalDigits says.
    """
    if base in _BOUNDS:
        low, high = _narrowed(*_BOUNDS[base], facets)
        if low >= -(2**63) and high < 2**63:
            return pa.int64()
        return pa.uint64() if low >= 0 and high < 2**64 else pa.string()
    if base == "decimal" and "totalDigits" in facets and "fractionDigits" in facets:
        total, fraction = int(facets["totalDigits"]), int(facets["fractionDigits"])
        return pa.decimal128(total + fraction, fraction) if total + fraction <= 38 else pa.string()
    return BUILTINS[base].arrow


def _narrowed(low: float, high: float, facets: Mapping[str, str]) -> tuple[float, float]:
    """Return the bounds of an integer type by its facets as well."""
    given = {name: int(Decimal(text)) for name, text in facets.items() if name in _INTEGER_FACETS}
    if "totalDigits" in given:
        most = 10 ** min(given["totalDigits"], 20) - 1  # 20 digits are beyond any integer of Arrow
        low, high = max(low, -most), min(high, most)
    low = max(low, given.get("minInclusive", low), given.get("minExclusive", low - 1) + 1)
    return low, min(high, given.get("maxInclusive", high), given.get("maxExclusive", high + 1) - 1)


_INTEGER_FACETS = {"totalDigits", "minInclusive", "minExclusive", "maxInclusive", "maxExclusive"}


# --- what libxml2 takes ----------------------------------------------------------------------------------------------

# A QName alone has no namespaces to be looked up in; NOTATION and ENTITY need declarations that SOAP does not allow.
_PREFIXED = ("QName", "NOTATION")
_ALONE = {"ENTITY": "NCName"}


def _compiled() -> etree.XMLSchema:
    root = etree.Element(f"{{{XSD}}}schema", nsmap={"xsd": XSD})
    for name in [*_BASES, "anySimpleType"]:
        etree.SubElement(root, f"{{{XSD}}}element", name=name, type=f"xsd:{_ALONE.get(name, name)}")
    return etree.XMLSchema(root)


_SCHEMA = _compiled()


def valid(name: str, text: str) -> bool:
    """Tell whether a whitespace-normalised text is one of the builtin type `name`, as libxml2 sees it."""
    if name in _PREFIXED:
        return all(valid("NCName", part) for part in text.split(":", 1))
    element = etree.Element(name)
    try:
        element.text = text
    except ValueError:  # characters that XML does not have
        return False
    return _SCHEMA.validate(element)


def _writer(name: str, kind: _Kind, space: Space) -> Callable[[Any], str]:
    low, high = _BOUNDS.get(name, (-math.inf, math.inf))
    least = f", {low} or more" if math.isfinite(low) else ""
    most = f", {high} or less" if math.isfinite(high) else ""
    wrong = f"xsd:{name}: expected {kind.expected}{least}{most}"

    def write(value: Any) -> str:
        try:
            text = kind.form(value)
            if text is None and isinstance(value, str):
                text = normalised(value, space)
                kind.read(text)
        except (ValueError, ArithmeticError):
            raise ValueError(wrong) from None
        if text is None:
            raise TypeError(wrong)
        if not valid(name, text):
            raise ValueError(wrong)
        return text

    return write


def _builtin(name: str) -> Builtin:
    family = name
    while family not in _KINDS:
        family = _BASES[family]
    kind, space = _KINDS[family], _SPACES.get(name, "collapse")
    schema, arrow = kind.json_schema, kind.arrow
    if name in _BOUNDS:
        low, high = _BOUNDS[name]
        bounds = {"minimum": low, "maximum": high}
        schema = dict(schema) | {facet: bound for facet, bound in bounds.items() if math.isfinite(bound)}
        arrow = arrow_of(name, {})
    return Builtin(name, kind.read, _writer(name, kind, space), space, schema, arrow, _BASES.get(name))


BUILTINS: Mapping[str, Builtin] = {name: _builtin(name) for name in ["anySimpleType", *_BASES]}
