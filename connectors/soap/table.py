"""Rows of an answer as columns of Arrow; `columns.py` says which columns there are.

A value is the same as in an answer that is read whole, in the type of its column:
- Absent and nil are both null: a table has no other word for them.
- A date loses its time zone, which is told once like anything that is set aside. Any other value that a column's type
  cannot hold makes the answer unreadable, unless the column is declared as text.
- Where a column of texts holds values of another type (a dateTime, an unbounded integer), they are written as in JSON.

Texts are read by Arrow, a column at a time, where it reads them as we do; otherwise one by one.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from lxml import etree

from connectors.soap.columns import Columns, Level, TableColumn
from connectors.soap.decode import NIL, Undecodable, decode
from connectors.soap.lexical import calendar_day
from connectors.soap.shapes import Element, Simple
from connectors.soap.values import BUILTINS, Lexical, Space, json_of, normalised

_WRONG = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, ValueError, ArithmeticError)


class UnfitValue(ValueError):
    """A value that its column cannot hold; the message names column and row, never the value."""


class Rows:
    """Reads rows into batches. Thread-safe."""

    def __init__(self, row: Element, texts: Sequence[str] = ()) -> None:
        """`row` is the element of a row; columns named in `texts` keep the text that came."""
        self.row = row
        found = Columns(row, texts)
        self.columns, self._level, self._whole = found.all, found.level, found.whole
        self.schema = pa.schema([(column.name, column.type) for column in self.columns])

    def batch(self, rows: Sequence[etree._Element], first: int) -> tuple[pa.RecordBatch, set[str]]:
        """Return valid rows, the first of which is number `first`, and the columns whose dates lost a zone.

        Raises UnfitValue.
        """
        cells: list[list[Any]] = [[] for _ in self.columns]
        _read(self._level, rows, cells, first)
        if self._whole:
            values = _decoded(rows, self.row, first)
            for at in self._whole:
                cells[at] = [_at(value, self.columns[at].path) for value in values]
        zoned: set[str] = set()
        arrays = []
        for column, values in zip(self.columns, cells, strict=True):
            try:
                arrays.append(_array(column, values, zoned))
            except _WRONG as error:
                raise UnfitValue(_where(column, values, first)) from error
        return pa.record_batch(arrays, schema=self.schema), zoned


# --- from rows to texts and values -----------------------------------------------------------------------------------


def _read(level: Level, nodes: Sequence[etree._Element | None], cells: list[list[Any]], first: int) -> None:
    """Put into `cells`, by column, what stands in `nodes`, of which there is one or none for each row."""
    for name, at, default in level.attributes:
        cells[at] = [None if node is None else node.get(name, default) for node in nodes]
    if level.own is not None:
        cells[level.own] = [None if node is None else _text(node) for node in nodes]
    if level.texts:
        _read_texts(level, nodes, cells)
    for tag, at in level.lists:
        cells[at] = [None if node is None else [_text(each) for each in node.iterchildren(tag)] for node in nodes]
    for tag, at, element in level.decoded:
        if element.many:
            cells[at] = [
                None if node is None else _decoded(node.iterchildren(tag), element, row, of_one_row=True)
                for row, node in enumerate(nodes, first)
            ]
        else:
            cells[at] = _decoded(_children(nodes, tag), element, first)
    for tag, below in level.nested:
        _read(below, _children(nodes, tag), cells, first)


def _read_texts(level: Level, nodes: Sequence[etree._Element | None], cells: list[list[Any]]) -> None:
    """Read the texts that come once at most: nearly all of a table, so that each child is touched once."""
    if level.nillable:
        found = [{} if node is None else {each.tag: each.text or _text(each) for each in node} for node in nodes]
    else:
        found = [{} if node is None else {each.tag: each.text or "" for each in node} for node in nodes]
    for tag, at in level.texts:
        cells[at] = [texts.get(tag) for texts in found]


def _children(nodes: Iterable[etree._Element | None], tag: str) -> list[etree._Element | None]:
    return [None if node is None else next(node.iterchildren(tag), None) for node in nodes]


def _text(node: etree._Element) -> str | None:
    return node.text or (None if node.get(NIL, "").strip() in ("true", "1") else "")


def _decoded(
    nodes: Iterable[etree._Element | None], element: Element, first: int, *, of_one_row: bool = False
) -> list[Any]:
    """Return the values of nodes, one for each row from `first` on, or all of the row `first`. Raises UnfitValue."""
    found: list[Any] = []
    for node in nodes:
        try:
            found.append(None if node is None else decode(node, element))
        except Undecodable as error:
            raise UnfitValue(f"row {first if of_one_row else first + len(found)}: {error}") from error
    return found


def _at(value: Any, path: Sequence[str]) -> Any:
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


# --- from texts and values to columns --------------------------------------------------------------------------------

_BY_ARROW = {pa.int64(), pa.uint64(), pa.date32(), pa.float64(), pa.bool_()}
_CLOCK = r"([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(\.[0-9]{6})?(Z|[+-][0-9]{2}:[0-9]{2})?$"
_NO_CLOCK = r"\.000000|[+-]00:00$"
_JSON_FORMS = {
    "integer": ("^(0|-?[1-9][0-9]*)$", None),
    "decimal": (r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$", None),
    "dateTime": (f"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{_CLOCK}", _NO_CLOCK),
    "time": (f"^{_CLOCK}", _NO_CLOCK),
}
"""What the texts of a type look like that are as JSON writes them, and what they do not look like."""
_BLANKS: dict[Space, str | None] = {"preserve": None, "replace": "[\t\r\n]", "collapse": "[\t\r\n]|  |^ | $"}


def _array(column: TableColumn, values: list[Any], zoned: set[str]) -> pa.Array:
    """Return a column. Raises one of _WRONG where its type cannot hold a value."""
    simple = column.simple
    if column.straight and simple is not None:
        if column.default is not None:
            values = [column.default if text == "" else text for text in values]
        if not column.many:
            return _array_of_texts(column, simple, values, zoned)
        read: Callable[[str], Any] = _raw(simple) if column.raw else simple.read
        values = [texts and [None if text is None else read(text) for text in texts] for texts in values]
    if column.type == pa.string() and simple is None:
        return pa.array([_json(value) if column.json else value for value in values], pa.string())
    return pa.array([_fit(value, column.type, simple, column, zoned) for value in values], column.type)


def _array_of_texts(column: TableColumn, simple: Simple, texts: list[str | None], zoned: set[str]) -> pa.Array:
    array = pa.array(texts, pa.string())
    if column.raw:
        return array if _is_plain(array, simple) else pa.array([text and _raw(simple)(text) for text in texts])
    if column.type == pa.string():
        if _is_as_in_json(array, simple):
            return array
    elif column.type in _BY_ARROW or pa.types.is_decimal(column.type):
        try:
            read = pc.cast(array, column.type)
        except pa.ArrowInvalid:  # a sign, a blank, a zone: one by one then
            pass
        else:  # beyond the largest float, Arrow says infinity
            if column.type != pa.float64() or not pc.any(pc.is_inf(read)).as_py():
                return read
    values = [None if text is None else simple.read(text) for text in texts]
    return pa.array([_fit(value, column.type, simple, column, zoned) for value in values], column.type)


def _is_as_in_json(array: pa.Array, simple: Simple) -> bool:
    """Tell whether every text is what JSON has for its value."""
    if simple.base in ("list", "union"):
        return False
    family: str | None = simple.base
    while family is not None and family not in _JSON_FORMS:
        family = BUILTINS[family].base
    if family is None:
        return _is_plain(array, simple)
    alike, unlike = _JSON_FORMS[family]
    return _all_match(array, alike) and (unlike is None or not _any_match(array, unlike))


def _space(simple: Simple) -> Space:
    if simple.base in ("list", "union"):
        return "collapse"
    space: Space = simple.facets.get("whiteSpace", BUILTINS[simple.base].space)
    return space


def _is_plain(array: pa.Array, simple: Simple) -> bool:
    """Tell whether no text has blanks that its type does not count."""
    blanks = _BLANKS[_space(simple)]
    return blanks is None or not _any_match(array, blanks)


def _all_match(array: pa.Array, pattern: str) -> bool:
    return pc.all(pc.match_substring_regex(array, pattern), min_count=0).as_py() is True


def _any_match(array: pa.Array, pattern: str) -> bool:
    return pc.any(pc.match_substring_regex(array, pattern), min_count=0).as_py() is True


def _raw(simple: Simple) -> Callable[[str], str]:
    space = _space(simple)
    return lambda text: normalised(text, space)


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(json_of(value), ensure_ascii=False)


def _fit(value: Any, kind: pa.DataType, simple: Simple | None, column: TableColumn, zoned: set[str]) -> Any:
    """Return a value as Arrow takes it for `kind`."""
    if value is None:
        return None
    if kind == pa.string() and simple is not None:
        return value if isinstance(value, str) else simple.write(value)
    if isinstance(value, list):
        inner = simple.item if simple is not None and simple.base == "list" and not _is_outer(column, kind) else simple
        return [_fit(each, kind.value_type, inner, column, zoned) for each in value]
    if kind == pa.date32() and isinstance(value, Lexical):
        zoned.add(column.name)
        return calendar_day(value)
    return value


def _is_outer(column: TableColumn, kind: pa.DataType) -> bool:
    """Tell whether `kind` is the list of a repeated element, whose own type may be a list too."""
    return column.many and kind is column.type


def _where(column: TableColumn, values: Sequence[Any], first: int) -> str:
    """Return which row has the value that a column cannot hold."""
    row = next(number for number, value in enumerate(values, first) if not _holds(column, value))
    return (
        f"row {row}: {column.name} has a value that a column of type {column.type} cannot hold;"
        " declare the column as text"
    )


def _holds(column: TableColumn, value: Any) -> bool:
    try:
        _array(column, [value], set())
    except _WRONG:
        return False
    return True
