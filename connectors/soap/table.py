"""Rows of an answer as columns of Arrow: which columns a row has by its schema, and how their values are read.

- An element or attribute that comes once is a column, named by its path with dots: `birth.date`.
- A list of values is a list column; a list of objects, and whatever has no fixed columns, is one column of JSON text.
- Absent and nil are both null: a table has no other word for them.
- A date loses its time zone, which is told once like anything that is set aside; any other value that a column's type
  cannot hold makes the answer unreadable, unless the column is declared as text: then it keeps the form it came in.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from lxml import etree

from connectors.soap.decode import NIL, decode
from connectors.soap.lexical import calendar_day
from connectors.soap.shapes import Element, Shape, Simple
from connectors.soap.values import Lexical, arrow_of, json_of

Find = Callable[[etree._Element], "str | None"]


class UnfitValue(ValueError):
    """A value that its column cannot hold; the message names column and row, never the value."""


@dataclass
class TableColumn:
    """A column: its name, the keys that lead to it in a row's value, its type.

    `tag` is the child's tag, or `@` and the attribute's name, where its text may be taken straight from the row.
    """

    name: str
    path: tuple[str, ...]
    type: pa.DataType
    simple: Simple | None = None
    tag: str | None = None
    nillable: bool = False
    default: str | None = None
    zones: list[str] = field(default_factory=list)


def columns_of(row: Element, texts: Sequence[str] = ()) -> list[TableColumn]:
    """Return the columns of a row; those named in `texts` keep the text that came."""
    shape = row.shape
    if shape.is_text and shape.simple is not None:
        columns = [TableColumn("value", (), _type(shape.simple), shape.simple)]
    else:
        columns = _of(shape, (), (shape.type,))
    for column in columns:
        if column.name in texts:
            column.type = pa.string()
    return columns


def _of(shape: Shape, path: tuple[str, ...], inside: tuple[str, ...]) -> list[TableColumn]:
    found = []
    whole = shape.grouped or shape.mixed or shape.anything or shape.variants or shape.array or shape.wildcard
    if (whole or shape.any_attribute) and path:
        return [TableColumn(".".join(path), path, pa.string())]
    for tag, attribute in shape.attributes.items():
        name = (*path, attribute.key)
        straight = f"@{tag}" if not path else None
        found.append(
            TableColumn(".".join(name), name, _type(attribute.simple), attribute.simple, straight,
                        default=attribute.default)
        )  # fmt: skip
    if shape.simple is not None:
        found.append(TableColumn(".".join((*path, "_value")), (*path, "_value"), _type(shape.simple), shape.simple))
    places: dict[str, Element] = {}
    for child in shape.children.values():
        places.setdefault(child.key, child)
    for key, child in places.items():
        found += _child(child, (*path, key), inside)
    return found


def _child(child: Element, path: tuple[str, ...], inside: tuple[str, ...]) -> list[TableColumn]:
    shape, name = child.shape, ".".join(path)
    if shape.is_text and shape.simple is not None:
        kind = _type(shape.simple)
        if child.many:
            return [TableColumn(name, path, pa.list_(kind), shape.simple)]
        return [TableColumn(name, path, kind, shape.simple, child.tag if len(path) == 1 else None, child.nillable,
                            child.default)]  # fmt: skip
    if child.many or shape.type in inside or (child.nillable and shape.attributes):
        return [TableColumn(name, path, pa.string())]
    return _of(shape, path, (*inside, shape.type))


def _type(simple: Simple) -> pa.DataType:
    if simple.base == "list":
        return pa.list_(_type(simple.item)) if simple.item is not None else pa.string()
    return pa.string() if simple.base == "union" else arrow_of(simple.base, simple.facets)


class Rows:
    """Reads rows into batches."""

    def __init__(self, row: Element, texts: Sequence[str]) -> None:
        """`row` is the element of a row; columns named in `texts` keep the text that came."""
        self.row = row
        self.columns = columns_of(row, texts)
        self.schema = pa.schema([(column.name, column.type) for column in self.columns])
        shape = row.shape
        self._flat = (
            all(column.tag is not None for column in self.columns)
            and not (shape.grouped or shape.variants or shape.wildcard or row.nillable or shape.mixed)
            and all(column.simple is not None and column.simple.base != "QName" for column in self.columns)
        )

    def batch(self, rows: Sequence[etree._Element], first: int) -> pa.RecordBatch:
        """Return valid rows, the first of which is number `first`, as a batch. Raises UnfitValue and Undecodable."""
        cells = self._texts(rows) if self._flat else self._values(rows)
        arrays = []
        for column, values in zip(self.columns, cells, strict=True):
            try:
                arrays.append(_array_of_texts(column, values) if self._flat else _array(column, values))
            except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, ValueError) as error:
                raise UnfitValue(_where(column, values, first, flat=self._flat)) from error
        return pa.record_batch(arrays, schema=self.schema)

    def _texts(self, rows: Sequence[etree._Element]) -> list[list[str | None]]:
        """Return each column's texts: no value is made of them yet."""
        tags = [str(column.tag) for column in self.columns if not str(column.tag).startswith("@")]
        cells: dict[str, list[str | None]] = {tag: [] for tag in tags}
        nillable = any(column.nillable for column in self.columns)
        for row in rows:
            if nillable:
                found = {each.tag: each.text or (None if each.get(NIL) in ("true", "1") else "") for each in row}
            else:
                found = {each.tag: each.text or "" for each in row}
            for tag in tags:
                cells[tag].append(found.get(tag))
        return [
            [row.get(str(column.tag)[1:], column.default) for row in rows]
            if str(column.tag).startswith("@")
            else [column.default if text == "" else text for text in cells[str(column.tag)]]
            if column.default
            else cells[str(column.tag)]
            for column in self.columns
        ]

    def _values(self, rows: Sequence[etree._Element]) -> list[list[Any]]:
        decoded = [decode(row, self.row) for row in rows]
        return [[_at(value, column.path) for value in decoded] for column in self.columns]


def _at(value: Any, path: Sequence[str]) -> Any:
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


_QUICK = {pa.int64(), pa.uint64(), pa.date32(), pa.float64(), pa.bool_()}


def _array_of_texts(column: TableColumn, texts: list[str | None]) -> pa.Array:
    """Return a column of texts that are all valid, by Arrow's own reading where it reads the same as we do."""
    simple = column.simple
    assert simple is not None  # noqa: S101  # it is what `_flat` says
    if column.type == pa.string() and simple.facets.get("whiteSpace", "") == "" and simple.base == "string":
        return pa.array(texts, pa.string())
    if column.type in _QUICK or pa.types.is_decimal(column.type):
        try:
            return pc.cast(pa.array(texts, pa.string()), column.type)
        except pa.ArrowInvalid:  # a sign, a blank, a zone: one by one then
            pass
    return _array(column, [None if text is None else simple.read(text) for text in texts])


def _array(column: TableColumn, values: list[Any]) -> pa.Array:
    if column.type == pa.date32():
        values = [_day(column, value) for value in values]
    elif column.type == pa.string():
        values = [None if value is None else _as_text(column, value) for value in values]
    elif pa.types.is_list(column.type) and column.type.value_type == pa.string() and column.simple is not None:
        values = [None if value is None else [str(json_of(each)) for each in value] for value in values]
    return pa.array(values, column.type)


def _as_text(column: TableColumn, value: Any) -> str:
    if column.simple is None:
        return json.dumps(json_of(value), ensure_ascii=False)
    return value if isinstance(value, str) else column.simple.write(value)


def _day(column: TableColumn, value: Any) -> Any:
    """Return a date without its zone, which is noted."""
    if not isinstance(value, Lexical):
        return value
    column.zones[:] = [column.name]
    return calendar_day(value)


def _where(column: TableColumn, values: Sequence[Any], first: int, *, flat: bool) -> str:
    """Return which row has the value that a column cannot hold."""
    for number, value in enumerate(values):
        try:
            if value is not None:
                _ = _array_of_texts(column, [value]) if flat else _array(column, [value])
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, ValueError):
            return (
                f"row {first + number}: {column.name} has a value that a column of type {column.type} cannot hold;"
                " declare the column as text"
            )
    return f"{column.name}: values that a column of type {column.type} cannot hold; declare the column as text"
