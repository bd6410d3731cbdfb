"""Texts of XML Schema's builtin types from and to exact Python values, and these as JSON; `values.py` has the table.

Each `read_…` takes a text that is valid and whitespace-normalised, and raises ValueError for one that libxml2 lets pass
and XML Schema does not. Each `text_of_…` gives the text of a Python value, None for a value of another kind; it raises
ValueError where the value has no text in XML Schema.
Source: XML Schema 1.0 part 2, https://www.w3.org/TR/xmlschema-2/ sections 3.2 and 4.3.6
"""

import binascii
import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Literal

Space = Literal["preserve", "replace", "collapse"]


class Lexical(str):
    """A valid value that Python has no exact value for: its text as the registry wrote it (whitespace collapsed)."""

    __slots__ = ()


def calendar_day(value: dt.date | Lexical) -> dt.date:
    """Return the day of the calendar that a date names; its zone, where it has one, says nothing of a day.

    Raises ValueError for a year that Python does not have.
    """
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(value.removesuffix("Z")[:10])


_BLANKS = re.compile("[ \t\r\n]+")
_REPLACED = str.maketrans("\t\r\n", "   ")


def normalised(text: str, space: Space) -> str:
    """Return `text` as the whiteSpace facet says (part 2, 4.3.6). Only the four blanks of XML are blanks."""
    if space == "preserve" or (" " not in text and text.isprintable()):
        return text
    if space == "replace":
        return text.translate(_REPLACED)
    return _BLANKS.sub(" ", text).strip(" ")


# --- text to value ---------------------------------------------------------------------------------------------------

_ZONE = "(Z|[+-][0-9]{2}:[0-9]{2})?"
_DAY = "-?[0-9]{4,}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"([01][0-9]|2[0-4]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?"
_INTEGER = re.compile("[+-]?[0-9]+")
DATE = re.compile(f"{_DAY}{_ZONE}")
DATETIME = re.compile(f"{_DAY}T{_CLOCK}{_ZONE}")
TIME = re.compile(f"{_CLOCK}{_ZONE}")
_FINE = re.compile(r"([^.]+\.[0-9]{6})([0-9]+)(.*)")


def _lexical(text: str, form: re.Pattern[str]) -> Lexical:
    if form.fullmatch(text) is None:
        raise ValueError("no text of this type") from None
    return Lexical(text)


def read_boolean(text: str) -> bool:
    """true, 1, false, 0."""
    if text in ("true", "1"):
        return True
    if text in ("false", "0"):
        return False
    raise ValueError("no text of this type")


def read_integer(text: str) -> int | Lexical:
    """An int; Lexical beyond the digits that int() takes."""
    try:
        return int(text)
    except ValueError:
        return _lexical(text, _INTEGER)


def read_float(text: str) -> float | Lexical:
    """The nearest double; Lexical for a number beyond the largest."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError("no text of this type") from None
    return Lexical(text) if math.isinf(value) and not text.endswith("INF") else value


def read_date(text: str) -> dt.date | Lexical:
    """A date; Lexical with a zone or beyond Python's years."""
    if len(text) != 10:
        return _lexical(text, DATE)
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ValueError("no text of this type") from None


# fromisoformat drops what is finer than a microsecond without a word. In a text that it takes, a seventh digit of the
# fraction stands at one place only; a digit of the zone may stand there too.


def read_datetime(text: str) -> dt.datetime | Lexical:
    """A datetime; Lexical beyond Python's years, at 24:00:00, for what is finer than a microsecond."""
    exact = _to_microseconds(text) if len(text) > 26 and text[26].isdigit() else text
    if exact is None:
        return _lexical(text, DATETIME)
    try:
        return dt.datetime.fromisoformat(exact)
    except ValueError:
        return _lexical(text, DATETIME)


def read_time(text: str) -> dt.time | Lexical:
    """A time; Lexical at 24:00:00 and for what is finer than a microsecond."""
    exact = _to_microseconds(text) if len(text) > 15 and text[15].isdigit() else text
    if exact is None:
        return _lexical(text, TIME)
    try:
        return dt.time.fromisoformat(exact)
    except ValueError:
        return _lexical(text, TIME)


def _to_microseconds(text: str) -> str | None:
    """Return `text` without the zeros after its microseconds, None where other digits follow them."""
    fine = _FINE.fullmatch(text)
    if fine is None:
        return text
    if fine[2].strip("0"):
        return None
    return fine[1] + fine[3]


def read_base64(text: str) -> bytes:
    """The bytes. Strict: libxml2 skips what is no letter of base64, and so would the plain call."""
    return binascii.a2b_base64(text.replace(" ", ""), strict_mode=True)


# --- value to text: None is a value of another kind ------------------------------------------------------------------


def text_of_boolean(value: Any) -> str | None:
    """A bool as true or false."""
    return ("true" if value else "false") if isinstance(value, bool) else None


def text_of_integer(value: Any) -> str | None:
    """An int as its digits."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def text_of_decimal(value: Any) -> str | None:
    """A Decimal without exponent, or an int. A float is none: its digits are lost already."""
    return format(value, "f") if isinstance(value, Decimal) else text_of_integer(value)


def text_of_float(value: Any) -> str | None:
    """A float, by the fewest digits that mean it, or an int."""
    if not isinstance(value, float):
        return text_of_integer(value)
    return _JSON_FLOAT.get(text := float.__repr__(value), text)


def text_of_date(value: Any) -> str | None:
    """A date."""
    return value.isoformat() if isinstance(value, dt.date) and not isinstance(value, dt.datetime) else None


def text_of_datetime(value: Any) -> str | None:
    """A datetime; UTC as Z."""
    return _clock(value) if isinstance(value, dt.datetime) else None


def text_of_time(value: Any) -> str | None:
    """A time of day; UTC as Z."""
    if not isinstance(value, dt.time):
        return None
    if value.tzinfo is not None and value.utcoffset() is None:
        raise ValueError("a zone without an offset of its own")
    return _clock(value)


def text_of_hex(value: Any) -> str | None:
    """Bytes, or their base64 (their JSON form), as hexadecimal digits."""
    data = _bytes_of(value)
    return None if data is None else data.hex().upper()


def text_of_base64(value: Any) -> str | None:
    """Bytes, or their base64 with or without blanks."""
    data = _bytes_of(value)
    return None if data is None else _to_base64(data)


def _bytes_of(value: Any) -> bytes | None:
    if not isinstance(value, str):
        return value if isinstance(value, bytes) else None
    text = normalised(value, "collapse").replace(" ", "")
    data = read_base64(text)
    if _to_base64(data) != text:
        raise ValueError("bits after the last byte")
    return data


def _clock(value: dt.datetime | dt.time) -> str:
    text = value.isoformat()
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def _to_base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")


# --- JSON ------------------------------------------------------------------------------------------------------------

_JSON_FLOAT = {"inf": "INF", "-inf": "-INF", "nan": "NaN"}
_JSON: Mapping[type, Callable[[Any], Any]] = {
    Lexical: str,
    Decimal: lambda value: format(value, "f"),
    float: lambda value: value if math.isfinite(value) else _JSON_FLOAT[repr(value)],
    dt.date: dt.date.isoformat,
    dt.datetime: _clock,
    dt.time: _clock,
    bytes: _to_base64,
    dict: lambda value: {key: json_of(each) for key, each in value.items()},
    list: lambda value: [json_of(each) for each in value],
}


def json_of(value: Any) -> Any:
    """Return a decoded value, with all that is in it, as `json.dumps` takes it; the table in `values.py` says how."""
    convert = _JSON.get(type(value))
    return value if convert is None else convert(value)
