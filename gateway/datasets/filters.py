"""Filters on rows, `column__operator=value`, as data.gouv.fr's tabular API writes them.

A filter becomes a condition with a declared, quoted column and bound values: nothing that an asker wrote is ever
part of the SQL. A row that has no value in a column meets no condition on it but `isnull`.
Source: https://github.com/datagouv/api-tabular
"""

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.columns import Column, ColumnType
from connectors.errors import InvalidRequest
from pipelines.declarations.sentences import among
from pipelines.sql import identifier

ORDERED = ("less", "greater", "strictly_less", "strictly_greater")
PRESENCE = ("isnull", "isnotnull")
EQUAL = ("exact", "differs", "in", "notin")

OPERATORS: dict[ColumnType, tuple[str, ...]] = {
    "string": (*EQUAL, "contains", "notcontains", *ORDERED, *PRESENCE),
    "integer": (*EQUAL, *ORDERED, *PRESENCE),
    "number": (*EQUAL, *ORDERED, *PRESENCE),
    "boolean": ("exact", "differs", *PRESENCE),
    "date": (*EQUAL, *ORDERED, *PRESENCE),
    "datetime": (*EQUAL, *ORDERED, *PRESENCE),
    "array": ("contains", "notcontains", *PRESENCE),
    "geopoint": (*EQUAL, *PRESENCE),
    "geojson": PRESENCE,
}
"""What may be asked of a column, by its type. `less` and `greater` include the value itself."""

COMPARE = {
    "exact": "=",
    "differs": "<>",
    "less": "<=",
    "greater": ">=",
    "strictly_less": "<",
    "strictly_greater": ">",
}
ABOUT = (
    "`column__operator=value`. Texts: `exact`, `differs`, `contains` and `notcontains` (case does not matter), `in`, "
    "`notin` (values separated by commas), `less`, `greater` (both include the value), `strictly_less`, "
    "`strictly_greater`, `isnull`, `isnotnull`. On a list, `contains` means that it has that element. "
    "A row without a value meets no condition but `isnull`."
)


@dataclass(frozen=True)
class Filter:
    """One condition: its column, its operator, and its values, read as the column's type."""

    column: Column
    operator: str
    values: tuple[Any, ...]

    def sql(self) -> str:
        """Return the condition, with a question mark for each value."""
        name = identifier(self.column.name)
        match self.operator:
            case "isnull":
                return f"{name} IS NULL"
            case "isnotnull":
                return f"{name} IS NOT NULL"
            case "in" | "notin":
                marks = ", ".join("?" * len(self.values))
                return f"{name} {'NOT ' if self.operator == 'notin' else ''}IN ({marks})"
            case "contains" | "notcontains":
                array = self.column.type == "array"
                has = f"list_contains({name}, ?)" if array else f"contains(lower({name}), lower(?))"
                return f"NOT {has}" if self.operator == "notcontains" else has
        return f"{name} {COMPARE[self.operator]} ?"


def read_filters(parameters: Iterable[tuple[str, str]], columns: Sequence[Column]) -> tuple[Filter, ...]:
    """Read filters on `columns`. Raises InvalidRequest, which says what is allowed and repeats no value."""
    by_name = {column.name: column for column in columns}
    return tuple(_read(name, text, by_name) for name, text in parameters)


def _read(parameter: str, text: str, columns: dict[str, Column]) -> Filter:
    name, separator, operator = parameter.rpartition("__")
    if not separator and parameter in columns:
        raise InvalidRequest(f"a filter says how it compares: {parameter}__exact=… for what is equal")
    if not separator:
        raise InvalidRequest(
            f"there is no parameter «{parameter}»: columns, limit, cursor, version, format, purpose, or a filter written"
            f" column__operator=value{among(parameter, columns)}"
        )
    column = columns.get(name)
    if column is None:
        raise InvalidRequest(f"there is no column «{name}»{among(name, columns)}")
    allowed = OPERATORS[column.type]
    if operator not in allowed:
        raise InvalidRequest(
            f"the column {name} ({column.type}) has no operator «{operator}»{among(operator, allowed)}"
        )
    return Filter(column, operator, _values(column, operator, text))


def _values(column: Column, operator: str, text: str) -> tuple[Any, ...]:
    if operator in PRESENCE:
        if text not in ("", "true"):
            raise InvalidRequest(f"{column.name}__{operator} takes no value")
        return ()
    parts = text.split(",") if operator in ("in", "notin") else [text]
    return tuple(_value(column, part) for part in parts)


def _value(column: Column, text: str) -> Any:
    reader, wanted = READERS[column.type]
    try:
        return reader(text)
    except (ValueError, OverflowError):
        raise InvalidRequest(f"the column {column.name} is compared with {wanted}") from None


def _integer(text: str) -> int:
    if not re.fullmatch(r"[-+]?[0-9]{1,19}", text) or not -(2**63) <= int(text) < 2**63:
        raise ValueError
    return int(text)


def _number(text: str) -> float:
    if not re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", text) or math.isinf(float(text)):
        raise ValueError
    return float(text)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError
    return text == "true"


def _date(text: str) -> dt.date:
    if len(text) != 10:  # the library takes other forms of ISO 8601 too, some of which name a week
        raise ValueError
    return dt.date.fromisoformat(text)


def _datetime(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign in a query that was not escaped
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


READERS: dict[ColumnType, tuple[Callable[[str], Any], str]] = {
    "string": (str, "a text"),
    "array": (str, "a text"),
    "integer": (_integer, "a whole number of 64 bits"),
    "number": (_number, "a number: 12.5"),
    "boolean": (_boolean, "true or false"),
    "date": (_date, "a date: 2026-01-31"),
    "datetime": (_datetime, "a moment: 2026-01-31T12:00:00Z"),
    "geopoint": (str, "a text"),
    "geojson": (str, "a text"),
}
