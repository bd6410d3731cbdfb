"""Values of XML Schema's builtin types: every form that libxml2 takes is exact, and what is written libxml2 takes."""

import base64
import datetime as dt
import json
import math
import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connectors.soap.names import XSD
from connectors.soap.values import BUILTINS, Lexical, arrow_of, json_of, normalised, valid

# --- libxml2's word on a text ----------------------------------------------------------------------------------------

_SCHEMAS: dict[str, etree.XMLSchema] = {}


def taken(kind: str, text: str, facets: str = "") -> bool:
    """Whether libxml2 takes `text` in an element of this one type, where what such a text refers to is declared."""
    if kind == "ENTITY":
        kind = "NCName"  # an entity has no way to be declared in SOAP: libxml2 takes none
    if kind == "NOTATION":
        facets = f'<x:enumeration value="{text}"/>'
    key = kind + facets
    if key not in _SCHEMAS:
        restriction = f'<x:simpleType><x:restriction base="x:{kind}">{facets}</x:restriction></x:simpleType>'
        notation = '<x:notation name="n" public="n"/>' if kind == "NOTATION" else ""
        declared = (
            f'<x:element name="v">{restriction}</x:element>' if facets else f'<x:element name="v" type="x:{kind}"/>'
        )
        _SCHEMAS[key] = etree.XMLSchema(etree.fromstring(f'<x:schema xmlns:x="{XSD}">{notation}{declared}</x:schema>'))
    prefix = text.strip().partition(":")[0] if kind == "QName" and ":" in text else None
    element = etree.Element("v", nsmap={prefix: "urn:x"} if prefix and prefix != "xml" else None)
    element.text = text
    return _SCHEMAS[key].validate(element)


def same(one: Any, other: Any) -> bool:
    """Equal, of one type, digit for digit, zone for zone; NaN is NaN, -0.0 is not 0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Decimal):
        return one.as_tuple() == Decimal(other).as_tuple()
    if isinstance(one, float):
        return repr(one) == repr(other)
    if isinstance(one, dt.datetime | dt.time):
        return bool(one == other) and one.utcoffset() == other.utcoffset()
    return bool(one == other)


def zone(hours: int) -> dt.timezone:
    return dt.timezone(dt.timedelta(hours=hours))


def own(*texts: str) -> list[tuple[str, Any]]:
    """Forms whose value is their own text."""
    return [(text, text) for text in texts]


def kept(*texts: str) -> list[tuple[str, Any]]:
    """Forms that Python has no exact value for."""
    return [(text, Lexical(text)) for text in texts]


NAIVE = dt.datetime(2024, 1, 1)  # noqa: DTZ001 (none is given)
MANY, BIG = "9" * 4300, 2**64
WHOLE = [("+1", 1), ("7", 7), ("007", 7), (" \t 7\n", 7)]
ZERO = [("0", 0), ("-0", 0), ("+0", 0), ("-00", 0)]
VAST = [(MANY, int(MANY)), *kept(MANY + "9", "0" * 4301)]
NAMES = own("a", "é", "_", "a.b-c", "Œuvre")
DOUBLES = [
    *[("INF", math.inf), ("-INF", -math.inf), ("NaN", math.nan), ("-0", -0.0), ("-0.0", -0.0), ("+1.0", 1.0)],
    *[("1e5", 1e5), ("1E+5", 1e5), ("1e-5", 1e-5), (".5", 0.5), ("5.", 5.0), ("5.e3", 5e3), (" 0.1\n", 0.1)],
    *[("16777217", 16777217.0), ("3.4e39", 3.4e39), ("1e-400", 0.0), ("1" * 300, float("1" * 300))],
    *kept("1e400", "-1e400", "1" * 500),
]
FORMS: dict[str, list[tuple[str, Any]]] = {
    "anySimpleType": own("", " a\t\n b ", "1"),
    "string": own("", " a\t\n b ", "\u00a0", "0042"),
    "normalizedString": [*own("", " a  b "), ("\ta\r\nb", " a  b")],
    "token": [("  a \t\n b ", "a b"), ("\u00a0a\u00a0\u00a0b ", "\u00a0a\u00a0\u00a0b"), ("", ""), (" ", "")],
    "language": [*own("fr", "fr-FR", "x", "i-klingon", "fr-1"), (" fr\n", "fr")],
    "NMTOKEN": own("1a", "-", ":", "é"),
    "Name": [*NAMES, *own("a:b", ":a")],
    "NCName": [*NAMES, (" a ", "a")],
    "ID": NAMES,
    "IDREF": NAMES,
    "ENTITY": NAMES,
    "anyURI": own("", "http://a b", "é", "#", "urn:x:y", "http://[::1]/"),
    "QName": [*NAMES, *own("p:a", "xml:a"), (" p:a ", "p:a")],
    "NOTATION": own("n"),
    "boolean": [("true", True), ("1", True), (" false ", False), ("0", False)],
    "decimal": [
        *[(text, Decimal(text)) for text in ("0.10", "+1.5", "-0", "-0.00", ".5", "5.", "-.5", "+.5", "007.50")],
        *[
            (text, Decimal(text))
            for text in ("1" * 500, "0." + "1" * 500, "7" * 300 + "." + "3" * 200, "0" * 500 + "1")
        ],
        *[(" 1.5 ", Decimal("1.5")), ("0." + "0" * 5000 + "1", Decimal((0, (1,), -5001)))],
    ],
    "integer": [*WHOLE, *ZERO, *VAST, ("-" + MANY, -int(MANY)), ("+" + MANY, int(MANY)), *kept("-" + "9" * 10_000)],
    "nonNegativeInteger": [*WHOLE, *ZERO, *VAST],
    "positiveInteger": [*WHOLE, (MANY, int(MANY)), *kept("9" * 4301)],
    "nonPositiveInteger": [*ZERO, ("-007", -7), *kept("-" + "9" * 4301)],
    "negativeInteger": [("-1", -1), ("-007", -7), *kept("-" + "9" * 4301)],
    "long": [*WHOLE, *ZERO, (str(2**63 - 1), 2**63 - 1), (str(-(2**63)), -(2**63)), ("0" * 30 + "1", 1)],
    "int": [*WHOLE, *ZERO, ("2147483647", 2**31 - 1), ("-2147483648", -(2**31))],
    "short": [*WHOLE, *ZERO, ("-32768", -(2**15))],
    "byte": [*WHOLE, *ZERO, ("-128", -128)],
    "unsignedLong": [*WHOLE, *ZERO, (str(BIG - 1), BIG - 1)],
    "unsignedInt": [*WHOLE, *ZERO, ("4294967295", 2**32 - 1)],
    "unsignedShort": [*WHOLE, *ZERO, ("65535", 2**16 - 1)],
    "unsignedByte": [*WHOLE, *ZERO, ("255", 255)],
    "float": DOUBLES,
    "double": DOUBLES,
    "date": [
        *[(text, dt.date.fromisoformat(text)) for text in ("2024-02-29", "0001-01-01", "9999-12-31")],
        *kept("2024-01-01Z", "2024-01-01+14:00", "2024-01-01-14:00", "2024-01-01+00:00", "2024-01-01-00:00"),
        *kept(
            "-0001-01-01", "10000-01-01", "12345-01-01", "-12345-01-01", "999999999999999999-12-31", "20240101-01-01"
        ),
    ],
    "dateTime": [
        ("2024-01-01T00:00:00", NAIVE),
        ("2024-01-01T00:00:00.1", NAIVE.replace(microsecond=100_000)),
        ("2024-01-01T00:00:00.123456", NAIVE.replace(microsecond=123_456)),
        ("2024-01-01T00:00:00.1234560", NAIVE.replace(microsecond=123_456)),
        ("2024-01-01T00:00:00." + "0" * 50, NAIVE),
        ("2024-01-01T00:00:00Z", dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
        ("2024-01-01T00:00:00+00:00", dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
        ("2024-01-01T00:00:00-00:00", dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
        ("2024-01-01T00:00:00.0000000Z", dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
        *[
            (f"2024-01-01T00:00:00.{'12345678'[:digits]}+02:00", dt.datetime(2024, 1, 1, 0, 0, 0, micros, zone(2)))
            for digits, micros in enumerate((100_000, 120_000, 123_000, 123_400, 123_450, 123_456), 1)
        ],
        ("2024-01-01T00:00:00.1234500-12:00", dt.datetime(2024, 1, 1, 0, 0, 0, 123_450, zone(-12))),
        ("0001-01-01T00:00:00+14:00", dt.datetime(1, 1, 1, tzinfo=zone(14))),
        ("9999-12-31T23:59:59.999999-14:00", dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, zone(-14))),
        *kept("2024-01-01T00:00:00.1234567", "2024-01-01T00:00:00.1234567Z", "2024-01-01T00:00:00.1234567+02:00"),
        *kept("2024-01-01T24:00:00", "2024-12-31T24:00:00Z", "2024-01-01T24:00:00.0", "2024-01-01T24:00:00.0000000"),
        *kept("-0001-01-01T00:00:00", "10000-01-01T00:00:00", "20240101-01-01T00:00:00", "12345-01-01T00:00:00.5Z"),
        *kept("2024-01-01T00:00:59.9999999", "2024-01-01T00:00:00." + "1" * 50, "0999-01-01T00:00:00.0000001-14:00"),
    ],
    "time": [
        ("00:00:00", dt.time(0)),
        ("12:00:00.5", dt.time(12, 0, 0, 500_000)),
        ("12:00:00.1234560", dt.time(12, 0, 0, 123_456)),
        ("12:00:00Z", dt.time(12, tzinfo=dt.UTC)),
        ("12:00:00+14:00", dt.time(12, tzinfo=zone(14))),
        ("12:00:00.1-14:00", dt.time(12, 0, 0, 100_000, zone(-14))),
        ("12:00:00.12-14:00", dt.time(12, 0, 0, 120_000, zone(-14))),
        *kept("24:00:00", "24:00:00Z", "24:00:00.00", "12:00:00.1234567", "23:59:59.9999999+02:00"),
    ],
    "duration": own("P1Y", "-P1Y2M3DT4H5M6.7S", "PT0S", "P0D", "PT.5S", "P400D", "PT36H"),
    "gYear": own("2024", "2024Z", "-0001", "12345", "2024+14:00"),
    "gYearMonth": own("2024-01", "-2024-12", "2024-01Z"),
    "gMonth": own("--01", "--12Z"),
    "gDay": own("---01", "---31-14:00"),
    "gMonthDay": own("--02-29", "--12-31+14:00"),
    "hexBinary": [("", b""), ("00", b"\0"), ("aB", b"\xab"), (" AF\n", b"\xaf")],
    "base64Binary": [
        ("", b""),
        ("AA==", b"\0"),
        ("A A = =", b"\0"),
        (" YW Jj\nZGVm ", b"abcdef"),
        ("+/+/", b"\xfb\xff\xbf"),
    ],
}
CASES = [pytest.param(kind, *form, id=f"{kind}-{form[0][:30]!r}") for kind, forms in FORMS.items() for form in forms]


def test_every_type_has_its_forms() -> None:
    assert set(FORMS) == set(BUILTINS)


@pytest.mark.parametrize(("kind", "text", "value"), CASES)
def test_what_libxml2_takes_is_exact(kind: str, text: str, value: Any) -> None:
    builtin = BUILTINS[kind]
    plain = normalised(text, builtin.space)
    assert taken(kind, text)
    found = builtin.read(plain)
    assert same(found, value)
    written = builtin.write(found)
    assert taken(kind, written)
    assert same(builtin.read(normalised(written, builtin.space)), found)
    assert builtin.write(json_of(found)) == written
    if "Binary" not in kind:  # a text for these is base64
        assert same(builtin.read(builtin.write(text)), found)


@pytest.mark.parametrize(("kind", "text", "value"), CASES)
def test_json_is_what_the_json_schema_says(kind: str, text: str, value: Any) -> None:
    form = json_of(value)
    schema = BUILTINS[kind].json_schema
    types = {"string": str, "integer": int, "number": float, "boolean": bool}
    named = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if BUILTINS[kind].arrow in (pa.int64(), pa.uint64()) or not isinstance(value, Lexical) or "number" in named:
        assert type(form) in [types[name] for name in named]
    assert type(form) is not Lexical
    if "pattern" in schema:
        assert re.fullmatch(schema["pattern"], form)
    if type(form) is int:
        assert schema.get("minimum", form) <= form <= schema.get("maximum", form)
    if len(text) < 1000:
        assert json.loads(json.dumps(form, allow_nan=False)) == form


# libxml2 6.1 refuses blanks around these, although XML Schema does not (they collapse, part 2, 3.2.6.2 to 3.2.14.1).
@pytest.mark.parametrize("kind", ["date", "dateTime", "time", "duration", "gYear", "gYearMonth", "gMonth", "gDay"])
def test_what_is_written_has_no_blanks_around_it(kind: str) -> None:
    text = FORMS[kind][0][0]
    assert not taken(kind, f" {text} ")
    assert BUILTINS[kind].write(f"\n {text}\t") == text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *[
            ("date", text)
            for text in ("2023-02-29", "0000-01-01", "0000-00-00", "20240101", "2024-1-1", "2024-01-01+14:01")
        ],
        *[("date", text) for text in ("012345-01-01", "2024-W01-1", "n/a", "", "-0001-02-29", "٢٠٢٤-01-01")],
        *[("dateTime", text) for text in ("2024-01-01T23:59:60", "2016-12-31T23:59:60Z", "2024-01-01 00:00:00")],
        *[("dateTime", text) for text in ("2024-01-01T00:00:00.", "2024-01-01T00:00:00,5", "2024-01-01T00:00")],
        *[("dateTime", text) for text in ("2024-01-01", "2024-01-01T00:00:00+0100", "2024-01-01T24:00:01")],
        *[("dateTime", text) for text in ("0000-01-01T00:00:00", "2024-01-01T00:00:59.99999999999999999999")],
        *[("time", text) for text in ("23:59:60", "12:00", "T12:00:00", "24:00:01", "12:00:00.")],
        *[("integer", text) for text in ("1.0", "1_000", "１", "", "n/a", "0x10", "1e3")],
        *[("decimal", text) for text in (".", "", "1e3", "NaN", "INF", "1_0", "1,5")],
        *[("double", text) for text in ("inf", "nan", "+INF", "infinity", "1_0", ".", "", "1e")],
        *[("boolean", text) for text in ("TRUE", "", "yes")],
        *[
            ("long", str(2**63 + 7)),
            ("byte", "200"),
            ("unsignedByte", "-1"),
            ("positiveInteger", "0"),
            ("unsignedLong", "-1"),
        ],
        *[("base64Binary", text) for text in ("YR==", "YQ=", "YQ", "-_-_", "é", "YQ==YQ==", "Y")],
        *[("hexBinary", text) for text in ("0", "zz", "ab+cd")],
        *[("duration", text) for text in ("P", "P1YT", "P1W", "1Y")],
        *[("gYear", "24"), ("gMonth", "--13"), ("gDay", "32"), ("gMonthDay", "--02-30"), ("gYearMonth", "2024")],
        *[("QName", text) for text in ("", "a:", ":a", "a:b:c", "1a")],
        *[("NOTATION", "1"), ("ENTITY", ""), ("NCName", "a:b"), ("Name", "1"), ("ID", "1"), ("language", "fr_FR")],
        *[("NMTOKEN", "a b"), ("anyURI", "a%zz"), ("string", "\0"), ("token", "\x0b"), ("string", "\ud800")],
    ],
)
def test_no_text_of_the_type_is_written(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"^xsd:{kind}: expected ") as refused:
        BUILTINS[kind].write(text)
    assert not text.strip() or len(text) < 2 or text not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    ("kind", "text"),
    [("boolean", "yes"), ("double", "1e"), ("float", "n/a"), ("integer", "n/a"), ("base64Binary", "-_-_")]
    + [(kind, "0000-00-00") for kind in ("date", "dateTime", "time")],
)
def test_what_is_no_text_of_the_type_is_not_read(kind: str, text: str) -> None:
    with pytest.raises(ValueError) as refused:
        BUILTINS[kind].read(text)
    assert text not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[(kind, None) for kind in BUILTINS],
        *[(kind, 1.5) for kind in BUILTINS if kind not in ("float", "double")],
        *[(kind, True) for kind in BUILTINS if kind != "boolean"],
        *[("string", 7), ("boolean", 1), ("integer", Decimal(7)), ("double", Decimal("0.1")), ("string", b"x")],
        *[("date", NAIVE), ("dateTime", dt.date(2024, 1, 1)), ("time", NAIVE)],
        *[("duration", dt.timedelta(1)), ("base64Binary", bytearray(b"x"))],
    ],
)
def test_another_kind_of_value_is_not_written(kind: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"^xsd:{kind}: expected "):
        BUILTINS[kind].write(value)


class _Nowhere(dt.tzinfo):
    """A zone whose offset depends on the day, so that a time of day has none."""

    def utcoffset(self, _: dt.datetime | None) -> dt.timedelta | None:
        return None

    dst = utcoffset

    def tzname(self, _: dt.datetime | None) -> None:
        return None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[("byte", 128), ("unsignedLong", -1), ("positiveInteger", 0), pytest.param("integer", 10**5000, id="vast")],
        *[("decimal", Decimal("NaN")), ("decimal", Decimal("Infinity"))],
        ("dateTime", dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1, seconds=30)))),
        ("dateTime", dt.datetime(2024, 1, 1, tzinfo=zone(15))),
        ("time", dt.time(1, tzinfo=zone(-15))),
        ("time", dt.time(1, tzinfo=_Nowhere())),
    ],
)
def test_a_value_that_the_type_does_not_have_is_not_written(kind: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^xsd:{kind}: expected "):
        BUILTINS[kind].write(value)


# --- laws ------------------------------------------------------------------------------------------------------------

ZONES = st.none() | st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
# Characters of XML 1.0; a carriage return is one (it travels as a reference).
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\t\r\n ")).filter(
    lambda text: not re.search("[\ufffe\uffff]", text)
)


def _whole(low: float, high: float) -> st.SearchStrategy[Any]:
    return st.integers(low if math.isfinite(low) else None, high if math.isfinite(high) else None)  # type: ignore[arg-type]


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "anySimpleType": TEXT,
    "string": TEXT,
    "normalizedString": TEXT.map(lambda text: normalised(text, "replace")),
    "token": TEXT.map(lambda text: normalised(text, "collapse")),
    "boolean": st.booleans(),
    "decimal": st.decimals(allow_nan=False, allow_infinity=False).map(lambda value: Decimal(format(value, "f"))),
    "float": st.floats(),
    "double": st.floats(),
    "date": st.dates(),
    "dateTime": st.datetimes(timezones=ZONES),
    "time": st.times(timezones=ZONES),
    "hexBinary": st.binary(),
    "base64Binary": st.binary(),
    **{
        name: _whole(builtin.json_schema.get("minimum", -math.inf), builtin.json_schema.get("maximum", math.inf))
        for name, builtin in BUILTINS.items()
        if builtin.json_schema["type"] == "integer"
    },
}


@given(st.sampled_from(sorted(VALUES)).flatmap(lambda kind: st.tuples(st.just(kind), VALUES[kind])))
def test_what_is_written_is_valid_and_read_back(case: tuple[str, Any]) -> None:
    kind, value = case
    builtin = BUILTINS[kind]
    written = builtin.write(value)
    assert taken(kind, written)
    assert same(builtin.read(normalised(written, builtin.space)), value)
    assert builtin.write(json_of(value)) == written
    assert builtin.write(json.loads(json.dumps(json_of(value), allow_nan=False))) == written


def _digits(low: int, high: int) -> st.SearchStrategy[str]:
    return st.integers(low, high).map(lambda number: f"{number:02}")


YEARS = st.integers(-(10**12), 10**12).filter(bool).map(lambda year: f"{'-' * (year < 0)}{abs(year):04}")
YEARS |= st.integers(1, 12_000).map(lambda year: f"{year:04}")
DAYS = st.tuples(YEARS, _digits(1, 12), _digits(1, 28)).map("-".join)
CLOCKS = st.tuples(
    st.tuples(_digits(0, 23), _digits(0, 59), _digits(0, 59)).map(":".join),
    st.sampled_from(["", ".0", ".5"]) | st.from_regex(r"\.[0-9]{1,10}0{0,3}", fullmatch=True, alphabet="0123456789."),
    st.sampled_from(["", "Z", "+00:00", "-00:00", "+14:00", "-14:00"])
    | _digits(0, 13).map(lambda hours: f"+{hours}:59"),
).map("".join)


def _instant(text: str) -> tuple[str, str, Decimal, str]:
    """A form taken apart by hand: day, minutes, exact seconds, zone."""
    day, _, clock = text.rpartition("T")
    found = re.fullmatch(r"(..:..):(..(?:\.\d+)?)(.*)", clock)
    assert found
    return day, found[1], Decimal(found[2]).normalize(), re.sub(r"[+-]00:00", "Z", found[3])


@given(st.tuples(DAYS, CLOCKS).map("T".join))
def test_no_digit_of_an_instant_is_lost(text: str) -> None:
    assert taken("dateTime", text)
    assert _instant(json_of(BUILTINS["dateTime"].read(text))) == _instant(text)
    clock = text.rpartition("T")[2]
    assert _instant(json_of(BUILTINS["time"].read(clock))) == _instant(clock)


@given(
    st.sampled_from(sorted(BUILTINS)),
    TEXT | st.from_regex(r"[-+]?[0-9]{0,12}[-:.TZeE+]{0,2}[0-9]{0,8}", fullmatch=True),
)
def test_what_libxml2_takes_is_read_or_refused_never_else(kind: str, text: str) -> None:
    builtin = BUILTINS[kind]
    plain = normalised(text, builtin.space)
    if kind not in ("NOTATION", "QName"):  # these need a declaration of what they name
        assert valid(kind, plain) == taken(kind, plain)
    if "Binary" in kind:  # a text for these is base64
        return
    try:
        assert builtin.write(text) == plain
        assert valid(kind, plain)
        builtin.read(plain)
    except ValueError:
        assert not valid(kind, plain) or kind in ("float", "double")


@given(TEXT)
def test_blanks_are_those_of_xml_only(text: str) -> None:
    replaced = re.sub("[\t\r\n]", " ", text)
    assert normalised(text, "preserve") == text
    assert normalised(text, "replace") == replaced
    assert normalised(text, "collapse") == re.sub(" +", " ", replaced).strip(" ")


# --- JSON, Arrow, the table of types ---------------------------------------------------------------------------------


def test_json_of_what_is_nested() -> None:
    moment = dt.datetime(2024, 2, 29, 8, tzinfo=dt.UTC)
    value = {
        "a": [{"b": Decimal("0.10")}, None, True, 7, "x"],
        "c": {"_nil": True},
        "d": [moment, b"\0", Lexical("24:00:00")],
    }
    expected = {
        "a": [{"b": "0.10"}, None, True, 7, "x"],
        "c": {"_nil": True},
        "d": ["2024-02-29T08:00:00Z", "AA==", "24:00:00"],
    }
    assert json_of(value) == expected
    assert json.loads(json.dumps(json_of(value))) == expected
    assert json_of([math.inf, -math.inf, math.nan, 0.5]) == ["INF", "-INF", "NaN", 0.5]


def test_a_text_for_hexbinary_is_base64() -> None:
    assert BUILTINS["hexBinary"].write("q80=") == "ABCD"
    assert BUILTINS["hexBinary"].write(base64.b64encode(b"\xab\xcd").decode()) == BUILTINS["hexBinary"].write(
        b"\xab\xcd"
    )


@pytest.mark.parametrize(
    ("base", "facets", "expected"),
    [
        *[
            (kind, {}, pa.int64())
            for kind in ("byte", "short", "int", "long", "unsignedByte", "unsignedShort", "unsignedInt")
        ],
        *[
            (kind, {}, pa.string())
            for kind in ("integer", "nonNegativeInteger", "negativeInteger", "decimal", "dateTime")
        ],
        *[("unsignedLong", {}, pa.uint64()), ("date", {}, pa.date32()), ("hexBinary", {"length": "2"}, pa.binary())],
        *[("unsignedLong", {"maxInclusive": "100"}, pa.int64()), ("integer", {"totalDigits": "18"}, pa.int64())],
        *[("integer", {"totalDigits": "19"}, pa.string()), ("nonNegativeInteger", {"totalDigits": "19"}, pa.uint64())],
        *[
            ("nonNegativeInteger", {"totalDigits": "20"}, pa.string()),
            ("integer", {"totalDigits": "9" * 20}, pa.string()),
        ],
        ("integer", {"minInclusive": str(-(2**63)), "maxInclusive": str(2**63 - 1)}, pa.int64()),
        ("integer", {"minExclusive": str(-(2**63) - 1), "maxExclusive": str(2**63)}, pa.int64()),
        ("integer", {"minExclusive": str(-(2**63) - 2), "maxExclusive": str(2**63)}, pa.string()),
        ("integer", {"minInclusive": "0", "maxExclusive": str(2**64)}, pa.uint64()),
        ("integer", {"minInclusive": "0", "maxInclusive": str(2**64)}, pa.string()),
        ("integer", {"minInclusive": "0", "maxInclusive": "9" * 5000}, pa.string()),
        ("decimal", {"totalDigits": "18", "fractionDigits": "2"}, pa.decimal128(20, 2)),
        ("decimal", {"totalDigits": "36", "fractionDigits": "2"}, pa.decimal128(38, 2)),
        ("decimal", {"totalDigits": "37", "fractionDigits": "2"}, pa.string()),
        *[("decimal", {"totalDigits": "18"}, pa.string()), ("decimal", {"fractionDigits": "2"}, pa.string())],
    ],
)
def test_the_arrow_type_holds_all_values(base: str, facets: dict[str, str], expected: pa.DataType) -> None:
    assert arrow_of(base, facets) == expected
    assert facets or BUILTINS[base].arrow == expected


@given(st.integers(1, 30), st.data())
def test_a_decimal_of_bounded_digits_fits_its_arrow_type(total: int, data: st.DataObject) -> None:
    fraction = data.draw(st.integers(0, min(total, 38 - total)))
    places = data.draw(st.integers(0, fraction))
    value = Decimal(f"{data.draw(st.integers(-(10**total) + 1, 10**total - 1))}e-{places}")
    facets = {"totalDigits": str(total), "fractionDigits": str(fraction)}
    xml = "".join(f'<x:{name} value="{text}"/>' for name, text in facets.items())
    assert taken("decimal", BUILTINS["decimal"].write(value), xml)
    assert pa.scalar(value, arrow_of("decimal", facets)).as_py() == value


def test_the_restricted_type_takes_all_that_its_restriction_takes() -> None:
    assert BUILTINS["anySimpleType"].base is None
    assert BUILTINS["byte"].base == "short"
    for kind, builtin in BUILTINS.items():
        assert builtin.name == kind
        if builtin.base is not None:
            for text, _ in FORMS[kind]:
                assert valid(builtin.base, normalised(text, BUILTINS[builtin.base].space))


def test_many_threads_judge_at_once() -> None:
    def judged(number: int) -> bool:
        return valid("date", "2024-02-29") and not valid("date", "2023-02-29") and valid("int", str(number))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(judged, range(5000)))
