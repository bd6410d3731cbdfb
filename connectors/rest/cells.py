"""Rows as they came, as columns of Arrow: every cell the text that came, nothing rounded, nothing made null.

A boolean is `true` or `false`, a number as it was written, an object or a list JSON text; null and absent are null. Only
a column declared as `type: array` holds lists, of texts. A row that cannot be taken has its reason under `FAULT`.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from connectors.errors import Misconfigured, Unreadable
from connectors.registry import FAULT
from connectors.rest.paths import NotEvaluated, Place, element_place, place
from connectors.rest.reading import written
from connectors.rest.rows import TEXT, Element, Fault
from connectors.rest.settings import TableSettings

_LISTS = pa.list_(pa.string())
_WRITTEN_BY_ARROW = {frozenset({bool}): pa.bool_(), frozenset({int}): pa.int64()}
"""Kinds of values that it writes as JSON does, in columns of nothing else."""


@dataclass(frozen=True)
class Column:
    """A column: where its cells stand in a row, and whether they are lists of texts.

    `alone` tells that a text alone is a list of one, as it is in XML.
    """

    name: str
    place: Place
    is_list: bool = False
    alone: bool = False

    def listed(self, value: Any) -> Any:
        """Return a cell of a list as a list."""
        return [value] if self.alone and type(value) is str else value


def declared_columns(table: TableSettings) -> tuple[Column, ...]:
    """Return the columns that a table declares, none where it does not. Raises ValueError for a path that is none."""
    return tuple(
        Column(name, _place(table, said.source), said.type == "array", table.format == "xml")
        for name, said in table.columns.items()
    )


def _place(table: TableSettings, source: str) -> Place:
    if table.format == "csv":
        return _own(source)
    return element_place(source) if table.format == "xml" else place(source)


def _own(name: str) -> Place:
    return Place(name, (name,), frozenset({name}))


def own_columns(rows: Iterable[Any], registry: str) -> tuple[Column, ...]:
    """Return the columns that rows have by themselves, in the order in which they come.

    Raises Misconfigured for one that is Beffroi's own, Unreadable for one that is no text.
    """
    names = dict.fromkeys(name for row in rows if isinstance(row, dict) for name in row)
    if FAULT in names:
        raise Misconfigured(
            f"{registry} has a column {FAULT} of its own, a name that is Beffroi's: declare columns:, without it",
            registry=registry,
        )
    if any(name != name.encode(errors="replace").decode() for name in names):
        raise Unreadable(f"{registry} sent a name that is no text (half a character)", registry=registry)
    return tuple(Column(name, _own(name)) for name in names)


class Cells:
    """Makes batches of rows. For one thread."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self.schema = pa.schema(
            [*((each.name, _LISTS if each.is_list else pa.string()) for each in columns), (FAULT, pa.string())]
        )
        self._read = frozenset().union(*(each.place.read for each in columns))

    def unread(self, rows: Sequence[Any]) -> set[str]:
        """Return the names in rows that no column reads."""
        return set().union(*(row for row in rows if isinstance(row, dict))) - self._read

    def batch(self, rows: Sequence[Any]) -> pa.RecordBatch:
        """Return rows as a batch, those that cannot be taken with nothing but their FAULT."""
        faults: dict[int, str] = {}
        for number, row in enumerate(rows):
            if not isinstance(row, dict):
                faults[number] = row.reason if isinstance(row, Fault) else "the row is no object"
        while True:
            places = [number for number in range(len(rows)) if number not in faults]
            taken = [rows[number] for number in places] if faults else rows
            arrays = list[pa.Array]()
            for column in self._columns:
                array = _array(column, taken)
                if isinstance(array, dict):
                    faults |= {places[number]: why for number, why in array.items()}
                    break
                arrays.append(array)
            else:
                return self._whole(arrays, faults, len(rows))

    def _whole(self, arrays: list[pa.Array], faults: Mapping[int, str], count: int) -> pa.RecordBatch:
        """Return a batch of `count` rows from columns of those without a fault."""
        if not faults:
            return pa.record_batch([*arrays, pa.nulls(count, pa.string())], schema=self.schema)
        at = itertools.count()
        places = pa.array([None if number in faults else next(at) for number in range(count)], pa.int64())
        arrays = [array.take(places) for array in arrays]
        reasons = pa.array([faults.get(number) for number in range(count)], pa.string())
        return pa.record_batch([*arrays, reasons], schema=self.schema)


def _array(column: Column, rows: Sequence[Any]) -> pa.Array | dict[int, str]:
    """Return a column of rows, or which of them it cannot take and why."""
    try:
        values = column.place.column(rows)
        if not column.is_list:
            return _texts(values)
        if all(each is None or _is_list(each) for each in values):
            return pa.array(values, _LISTS)
    except (NotEvaluated, UnicodeEncodeError, RecursionError):
        pass
    found = {number: why for number, row in enumerate(rows) if (why := _amiss(column, row)) is not None}
    return found or pa.array([column.listed(each) for each in values], _LISTS)


def _texts(values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        kind = _WRITTEN_BY_ARROW.get(frozenset(map(type, values)) - {type(None)})
    if kind is not None:
        with suppress(OverflowError):
            return pa.array(values, kind).cast(pa.string())
    return pa.array([each if each is None or type(each) is str else _text(each) for each in values], pa.string())


def _text(value: Any) -> str:
    if isinstance(value, bool):  # the commonest, first
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, Element) and TEXT in value and all(name[0] in "@#" for name in value):
        return str(value[TEXT])
    return written(value)


def _is_list(value: Any) -> bool:
    return type(value) is list and all(type(each) is str for each in value)


def _amiss(column: Column, row: Mapping[str, Any]) -> str | None:
    """Return why a column cannot take a row, None where it can."""
    try:
        value = column.place.of(row)
        if column.is_list and value is not None and not _is_list(column.listed(value)):
            return f"{column.name} is no list of texts"
        if not column.is_list and value is not None:
            _text(value).encode()
        elif value is not None:
            "".join(value).encode()
    except NotEvaluated as error:
        return f"{column.name}: {error}"
    except UnicodeEncodeError:
        return f"{column.name} is a text that is not Unicode (half a character)"
    except RecursionError:
        return f"{column.name} is nested too deep"
    return None
