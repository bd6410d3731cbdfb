"""How a text says a value, in the ways that Table Schema knows: `format`, `decimalChar`, `trueValues`, `missingValues`.

What a column declares of it is made SQL here, or a library's judgement of the distinct values; what is read so has the
column's type, and from there on its one form. Each way has its examples, which are its tests.
Source: Table Schema, https://datapackage.org/standard/table-schema/
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from connectors.columns import Column
from connectors.patterns import takes_long
from pipelines.sql import quote
from pipelines.steps import step
from pipelines.steps.clean import Cleaning, Reason, Value
from pipelines.steps.vocabulary import STEPS

SPECIFIERS = frozenset("aAbBdHIjmMpSfyYzZ%")
"""Of the letters that follow % in a pattern of a date: those that Python and the engine read alike."""


@dataclass(frozen=True)
class Form:
    """A form that texts have: expressions that it meets whole, and what is said of a text that does not."""

    patterns: tuple[str, ...]
    reason: Reason
    examples: tuple[tuple[str, bool], ...]


FORMS: Mapping[str, Form] = {
    "email": Form(
        (r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+",),
        Reason("is not an e-mail address", "n'est pas une adresse électronique"),
        (("mairie@ville.fr", True), ("mairie@ville", False), ("mairie", False)),
    ),
    "uri": Form(
        (r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+",),
        Reason("is not a URI: https://…", "n'est pas un URI : https://…"),
        (("https://ville.fr/a?b=c", True), ("www.ville.fr", False), ("https://ville.fr/a b", False)),
    ),
    "uuid": Form(
        (r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",),
        Reason("is not a UUID", "n'est pas un UUID"),
        (("01890e30-5a80-7c22-9842-8263d0d0d123", True), ("01890e305a807c2298428263d0d0d123", False)),
    ),
    "binary": Form(
        (r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",),
        Reason("is not in base64", "n'est pas en base64"),
        (("YmVmZnJvaQ==", True), ("é", False)),
    ),
    "yearmonth": Form(
        (r"\d{4}-(0[1-9]|1[0-2])",),
        Reason("is not a year with a month, such as 2026-01", "n'est pas une année avec un mois, comme 2026-01"),
        (("2026-01", True), ("2026-13", False), ("01/2026", False)),
    ),
    "time": Form(
        (r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d{2}:\d{2})?",),
        Reason("is not a time of the day, such as 22:00:00", "n'est pas une heure, comme 22:00:00"),
        (("22:00:00", True), ("24:00:00", False), ("22:00", False)),
    ),
    "duration": Form(
        (r"-?P(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?", r".*\d[A-Z]"),
        Reason(
            "is not a duration of ISO 8601, such as P1Y2M, PT30M", "n'est pas une durée ISO 8601, comme P1Y2M, PT30M"
        ),
        (("P1Y2M", True), ("PT30M", True), ("P", False), ("P1YT", False), ("30 min", False)),
    ),
    "year": Form(
        (r"-?\d{4}",),
        Reason("is not a year, such as 2026", "n'est pas une année, comme 2026"),
        (("2026", True), ("26", False), ("2026-01", False)),
    ),
}
"""The forms of texts, and of the years among whole numbers, by the column's `format`."""

FORMATS: Mapping[str, tuple[str, ...]] = {
    "string": ("default", *(name for name in FORMS if name != "year"), "object"),
    "integer": ("default", "year"),
    "date": ("default", "any"),
    "datetime": ("default", "any"),
    "array": ("default", "json"),
    "geopoint": ("default", "array", "object"),
    "geojson": ("default", "topojson"),
}
"""What `format` may be, by the column's type; that of dates, moments and times may be a pattern with % as well."""

TIMED = ("date", "datetime", "string")
"""The types whose format may be a pattern; of a text it is a time of the day."""


def misread(column: Column) -> Iterator[tuple[str, str]]:
    """Yield each key by which a column says how it is written and cannot, and why."""
    yield from _misformed(column)
    kind = column.type
    only = (
        ("decimalChar", column.decimal_char != ".", ("number",), "numbers"),
        ("groupChar", column.group_char != "", ("number", "integer"), "numbers"),
        ("bareNumber", not column.bare_number, ("number", "integer"), "numbers"),
        ("trueValues", column.true_values is not None, ("boolean",), "true and false"),
        ("falseValues", column.false_values is not None, ("boolean",), "true and false"),
        ("crs", column.crs is not None, ("geopoint", "geojson"), "places"),
    )
    yield from (
        (key, f"{key} is for {what}, and «{column.name}» is of the type {kind}")
        for key, said, kinds, what in only
        if said and kind not in kinds
    )
    for key, sign in (("decimalChar", column.decimal_char), ("groupChar", column.group_char)):
        if sign.isalnum() or sign in ("+", "-"):
            yield key, f"{key} is «{sign}», which a number has for something else"
    if column.group_char == column.decimal_char:
        yield "groupChar", "groupChar and decimalChar are the same: no number can be read"
    both = set(column.true_values or ()) & set(column.false_values or ())
    if both:
        yield "falseValues", f"«{min(both)}» stands among trueValues too: it can mean one only"


def _misformed(column: Column) -> Iterator[tuple[str, str]]:
    kind, known = column.type, FORMATS.get(column.type, ("default",))
    if "%" in column.format and kind in TIMED:
        wrong = [sign for sign in re.findall("%(.?)", column.format, re.DOTALL) if sign not in SPECIFIERS]
        if wrong:
            yield "format", f"the format has %{wrong[0]}, which is not read here: {', '.join(sorted(SPECIFIERS))} are"
    elif column.format not in known:
        pattern = ", or a pattern such as %d/%m/%Y" if kind in TIMED else ""
        yield "format", f"a column of the type {kind} has no format «{column.format}»: {', '.join(known)}{pattern}"


def is_read(column: Column) -> bool:
    """Tell whether a column says how a text is read as its value."""
    plain = Column(name=column.name, type=column.type)
    keys = ("format", "decimal_char", "group_char", "bare_number", "true_values", "false_values")
    return any(getattr(column, key) != getattr(plain, key) for key in keys)


def read(cleaning: Cleaning, value: Value, column: Column) -> str:
    """Read `value`, a text, as `column` says that its values are written; return DuckDB's type of what was made.

    Where the column says nothing of it, nothing is done: the text goes on.
    """
    if column.missing_values:
        words = ", ".join(map(quote, column.missing_values))
        cleaning.make(value, f"CASE WHEN {value.sql} NOT IN ({words}) THEN {value.sql} END")
    if column.constraints.pattern is not None and by_library(column.constraints.pattern):
        _matched(cleaning, value, column.constraints.pattern)
    made = _by_type(cleaning, value, column)
    if column.format in FORMS:
        form = FORMS[column.format]
        fits = " AND ".join(f"regexp_full_match({value.sql}, {quote(pattern)})" for pattern in form.patterns)
        cleaning.convert(value, f"CASE WHEN {fits} THEN {value.sql} END", "format", form.reason)
    return made


def _by_type(cleaning: Cleaning, value: Value, column: Column) -> str:
    made = "VARCHAR"
    match column.type:
        case "integer" | "number":
            _number(cleaning, value, column)
        case "boolean":
            _boolean(cleaning, value, column)
        case "date" | "datetime" | "string" if "%" in column.format:
            made = _moment(cleaning, value, column)
        case "date" if column.format == "any":
            STEPS["date"].apply(cleaning, value, None)
            made = "DATE"
        case "array" if column.format == "json":
            made = _list(cleaning, value)
        case "geopoint" if column.format != "default":
            _point(cleaning, value, column)
        case "string" if column.format == "object":
            _object(cleaning, value)
    return made


def _number(cleaning: Cleaning, value: Value, column: Column) -> None:
    """Write a number as the engine reads it: no signs between thousands or around it, a point before decimals."""
    group, decimal = column.group_char, column.decimal_char
    if not group and decimal == "." and column.bare_number:
        return
    whole = rf"\d{{1,3}}(?:{re.escape(group)}\d{{3}})+|\d+" if group else r"\d+"
    rest = rf"(?:{re.escape(decimal)}\d+)?(?:[eE][-+]?\d+)?" if column.type == "number" else ""
    form = rf"[-+]?(?:{whole}){rest}"
    form = rf"^({form})$" if column.bare_number else rf"^[^\d+-]*({form})[^\d]*$"
    plain = f"nullif(regexp_extract({value.sql}, {quote(form)}, 1), '')"
    plain = f"replace({plain}, {quote(group)}, '')" if group else plain
    plain = f"replace({plain}, {quote(decimal)}, '.')" if decimal != "." else plain
    said = ", ".join([*([f"groupChar «{group}»"] if group else []), f"decimalChar «{decimal}»"])
    reason = Reason(f"is not a number written so: {said}", f"n'est pas un nombre écrit ainsi : {said}")
    cleaning.convert(value, plain, "type", reason)


def _boolean(cleaning: Cleaning, value: Value, column: Column) -> None:
    given = (("true", column.true_values), ("false", column.false_values))
    cases = [(word, ours) for ours, words in given for word in words or (ours,)]
    if column.true_values is None and column.false_values is None:
        return
    sql = " ".join(f"WHEN {quote(word)} THEN {quote(ours)}" for word, ours in cases)
    said = ", ".join(word for word, _ in cases)
    cleaning.convert(
        value, f"CASE {value.sql} {sql} END", "type", Reason(f"is none of {said}", f"n'est aucun de : {said}")
    )


def _moment(cleaning: Cleaning, value: Value, column: Column) -> str:
    """Read a date, a moment or a time of the day by its pattern; a time goes on as the text that it always is.

    The engine passes over blanks at both ends, which the bars forbid, and takes two digits for a year by %Y: the years
    before 1000, which such a one would be, are refused.
    """
    moment = f"try_strptime('|' || {value.sql} || '|', {quote(f'|{column.format}|')})"
    kind = {"date": "DATE", "datetime": "TIMESTAMP"}.get(column.type, "VARCHAR")

    def typed(sql: str) -> str:
        made = f"CASE WHEN {sql} >= TIMESTAMP '1000-01-01' THEN {sql} END" if "%Y" in column.format else sql
        made = f"CAST({made} AS DATE)" if kind == "DATE" else made
        return f"strftime({made}, '%H:%M:%S')" if kind == "VARCHAR" else made

    reason = Reason(f"is not written as {column.format}", f"n'est pas écrit selon {column.format}")
    step.convert(cleaning, value, "format", reason, lambda _: moment, typed)
    return kind


def _list(cleaning: Cleaning, value: Value) -> str:
    """Read a list that is written in JSON."""
    is_list = f"json_valid({value.sql}) AND json_type({value.sql}) = 'ARRAY'"
    made = f"""CASE WHEN {is_list} THEN json_transform({value.sql}, '["VARCHAR"]') END"""
    cleaning.convert(value, made, "type", Reason("is not a list in JSON", "n'est pas une liste en JSON"))
    return "VARCHAR[]"


def _object(cleaning: Cleaning, value: Value) -> None:
    is_object = f"json_valid({value.sql}) AND json_type({value.sql}) = 'OBJECT'"
    reason = Reason("is not an object of JSON", "n'est pas un objet JSON")
    cleaning.convert(value, f"CASE WHEN {is_object} THEN {value.sql} END", "type", reason)


def _point(cleaning: Cleaning, value: Value, column: Column) -> None:
    """Write a point that stands in JSON, `[lon, lat]` or `{"lon": …, "lat": …}`, as Table Schema's "lon,lat"."""
    ways = {"array": ("$[0]", "$[1]", "ARRAY"), "object": ("$.lon", "$.lat", "OBJECT")}
    lon, lat, kind = ways[column.format]
    sides = " || ',' || ".join(f"json_extract_string({value.sql}, '{way}')" for way in (lon, lat))
    made = f"CASE WHEN json_valid({value.sql}) AND json_type({value.sql}) = '{kind}' THEN {sides} END"
    said = {"array": "[2.35, 48.85]", "object": '{"lon": 2.35, "lat": 48.85}'}[column.format]
    reason = Reason(f"is not a point written as {said}", f"n'est pas un point écrit comme {said}")
    cleaning.convert(value, made, "format", reason)


# --- patterns --------------------------------------------------------------------------------------------------------


def re2(pattern: str) -> str:
    r"""Return a pattern as RE2 writes it: a character by its number is `\x{00C0}` there, `\u00C0` in other dialects."""
    return re.sub(r"(?<!\\)((?:\\\\)*)\\u([0-9A-Fa-f]{4})", r"\1\\x{\2}", pattern)


@cache
def by_library(pattern: str) -> bool:
    """Tell whether RE2 does not read a pattern (it looks around, or back), so that Python's library must."""
    try:
        pc.match_substring_regex(pa.array([""]), re2(pattern))
    except pa.ArrowInvalid:
        return True
    return False


def unusable(pattern: str) -> str | None:
    """Return why a pattern cannot be used, or None: RE2 reads it, or Python does and in bounded time."""
    if not by_library(pattern):
        return None
    try:
        re.compile(pattern)
    except re.error:
        return "not a regular expression"
    if takes_long(pattern):
        return "a regular expression that can take very long on some texts: write it so that it reads each in one way"
    return None


def _matched(cleaning: Cleaning, value: Value, pattern: str) -> None:
    """Have Python's library match a pattern with the distinct values."""
    matches = re.compile(pattern)
    reason = Reason(f"does not look like {pattern}", f"n'a pas la forme {pattern}")

    def valid(text: str) -> str | None:
        return text if matches.fullmatch(text) else None

    step.by_library(cleaning, value, "pattern", reason, "CAST(NULL AS VARCHAR)", valid)
