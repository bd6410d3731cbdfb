"""What a cell's number means by its format: a plain number, a date, a time, a duration, a code with leading zeros.

Source: ECMA-376 part 1, 18.8.30 (numFmt) and 18.17.4 (dates as numbers), which OpenDocument's formats follow.
"""

import datetime as dt
import math
import re
from decimal import Decimal
from typing import Literal, NamedTuple

Kind = Literal["date", "time", "moment", "duration", "code"]

DAY = 86_400_000
"""Milliseconds of a day: what a workbook's numbers hold of a time, and no more."""

_MOST_DAYS = 1e9
_BUILTIN: dict[int, Kind] = {
    **dict.fromkeys((*range(14, 18), *range(27, 32), 36, *range(50, 59)), "date"),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 34, 35, 45, 47), "time"),
    22: "moment",
    46: "duration",
}
_NOT_SHOWN = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_MASK = re.compile(r"""0(?:0|\#|[ \-/] | "[ \-/]" | \\[ \-/])*""", re.VERBOSE)
_THOUSANDS = re.compile("[0-9#](?:[ \u00a0\u202f][0-9#]{3})+")


class Format(NamedTuple):
    """What a format makes of a number; `mask` are the places of a code's digits (`0`, `#`) and what stands between."""

    kind: Kind
    mask: str = ""


class NoValue(ValueError):
    """A cell holds no value that can be told: its message says why, without the value."""


def format_of(number: int, code: str | None) -> Format | None:
    """Return what a format makes of a number: `code` by its text, else a built-in one by its number; None for plain."""
    if code is None:
        return Format(_BUILTIN[number]) if number in _BUILTIN else None
    first = code.split(";")[0]
    mask = re.sub(r'["\\]', "", first)
    if _MASK.fullmatch(first) and len(re.findall(r"[0#]", first)) > 1 and not is_grouped(mask):
        return Format("code", mask)
    shown = _NOT_SHOWN.sub("", first).lower()
    if shown in ("general", "@", "standard"):
        return None
    day, clock = re.search("[dy]", shown), re.search("[hs]", shown)
    month = not clock and re.fullmatch(r"[^0#?]*m[^0#?]*", shown)
    kinds: tuple[tuple[object, Kind], ...] = (
        ("[" in shown, "duration"), (day and clock, "moment"), (day or month, "date"), (clock, "time")
    )  # fmt: skip
    return next((Format(kind) for fits, kind in kinds if fits), None)


def is_grouped(shown: str) -> bool:
    """Tell whether digits, or their places in a format, are one and then groups of three: a number, and no code."""
    return _THOUSANDS.fullmatch(shown) is not None


def number_text(text: str) -> str:
    """Return a number as a workbook writes it in the fewest digits that are that number, without an exponent.

    Raises NoValue.
    """
    if text.isdecimal() and text.isascii() and len(text) < 16 and (text[0] != "0" or len(text) == 1):
        return text
    value = _number(text)
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    found = repr(value)
    return (format(Decimal(found), "f") if "e" in found else found).removesuffix(".0")


def _number(text: str) -> float:
    """Return a finite number of XML Schema's form. Raises NoValue."""
    try:
        value = math.nan if "_" in text or not text.isascii() else float(text)  # Python reads more than XML's numbers
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise NoValue("a number that is none")
    return value


def formatted(text: str, by: Format, *, from_1904: bool) -> str:
    """Return a number in the words of its format: ISO 8601 for dates and times, H:MM:SS for durations. Raises NoValue."""
    if by.kind == "code":
        return _masked(number_text(text), by.mask)
    number = _number(text)
    if abs(number) > _MOST_DAYS:
        raise NoValue("a date beyond the year 9999")
    value = round(number * DAY)
    if by.kind == "duration":
        return duration(value)
    days, rest = divmod(value, DAY)
    if days == 0 and by.kind == "time":
        return clock(rest)
    day = _day(days, from_1904)
    return f"{day}T{clock(rest)}" if rest or by.kind == "moment" else str(day)


def _day(days: int, from_1904: bool) -> dt.date:
    """Return the day of a serial number. In the system of 1900, 60 is a 29 February that never was."""
    if not from_1904 and days in (0, 60):
        raise NoValue("a date that never was")
    epoch = dt.date(1904, 1, 1) if from_1904 else dt.date(1899, 12, 31 if days < 60 else 30)
    if days < 0:
        raise NoValue("a date before the first that a workbook has")
    try:
        return epoch + dt.timedelta(days)
    except OverflowError:
        raise NoValue("a date beyond the year 9999") from None


def clock(milliseconds: int) -> str:
    """Return a time of the day: `08:30:00`, with its milliseconds where it has some."""
    seconds, rest = divmod(milliseconds, 1000)
    told = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{told}.{rest:03}" if rest else told


def duration(milliseconds: int) -> str:
    """Return a duration in hours, minutes and seconds: `36:00:00`, `-1:30:00` as `-01:30:00`."""
    return clock(milliseconds) if milliseconds >= 0 else f"-{clock(-milliseconds)}"


def _masked(number: str, mask: str) -> str:
    """Return a whole number as a mask shows it; any other number as it is. A `#` after a `0` shows zeros too."""
    if not number.isdecimal():
        return number
    places = sum(each in "0#" for each in mask)
    digits = number.zfill(places)
    shown, rest = digits[: len(digits) - places], iter(digits[len(digits) - places :])
    return shown + "".join(next(rest) if each in "0#" else each for each in mask)
