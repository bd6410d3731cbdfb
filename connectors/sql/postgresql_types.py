"""How cells of PostgreSQL come: by their type, as Arrow or as the text that PostgreSQL itself writes.

numeric is text although a precision is declared: NaN is one of its values. Dates are typed, since all but the infinite
ones and those beyond our calendar fit; these few are told row by row.
Source: https://www.postgresql.org/docs/current/datatype.html
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from connectors.sql.engine import Column, decoded, with_faults

_INTEGERS = {20, 21, 23, 26}
_FLOATS = {700, 701}
_BOOL, _BYTEA, _MONEY = 16, 17, 790
_MOMENTS = {1082: pa.date32(), 1114: pa.timestamp("us"), 1184: pa.timestamp("us", "UTC")}
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9:.+]+)?$"
"""How a moment of our calendar is written; not so infinity, a year before Christ, and one of five digits."""


def column(name: str, oid: int, declared: str, *, array: bool, quoted: str) -> Column:
    """Return how a column's cells are asked for. A domain comes as the type under it, which `oid` is."""
    if oid in _MOMENTS:
        return Column(name, declared, _MOMENTS[oid], quoted)
    if oid in _INTEGERS:
        return Column(name, declared, pa.int64(), quoted)
    if oid in _FLOATS:
        return Column(name, declared, pa.float64(), quoted)
    if oid == _BOOL:
        return Column(name, declared, pa.bool_(), quoted)
    return Column(name, declared, pa.string(), _text(oid, quoted, array=array))


def _text(oid: int, quoted: str, *, array: bool) -> str:
    if array:
        return f"array_to_json({quoted})"
    if oid == _BYTEA:
        return f"upper(encode({quoted}, 'hex'))"
    if oid == _MONEY:
        return f"{quoted}::numeric"  # its own text has the currency and commas of the server's country
    return quoted


_VALUES: dict[pa.DataType, Callable[[str], Any]] = {
    pa.int64(): int,
    pa.float64(): float,
    pa.bool_(): lambda text: text == "t",
}


def value(text: bytes | None, column: Column) -> Any:
    """Return a cell that came as text: None, int, float, bool or str. Raises ValueError, which says why it cannot be."""
    if text is None:
        return None
    try:
        cell = text.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{column.name} holds a text that is not UTF-8") from None
    if column.type in _MOMENTS.values() and not re.match(_MOMENT, cell):
        raise ValueError(_beyond(column.name))
    return _VALUES.get(column.type, str)(cell)


def _beyond(name: str) -> str:
    return f"{name} is infinite, before the year 1 or after the year 9999"


class Reader:
    """Reads pieces of CSV, as COPY writes them, into batches."""

    def __init__(self, columns: Sequence[Column]) -> None:
        """`columns` are those of the statement, in its order."""
        self._columns = columns
        self._names = [each.name for each in columns]

    def batch(self, piece: bytes) -> pa.RecordBatch:
        """Return whole rows, with FAULT last: where a moment is beyond our calendar, or a text not UTF-8.

        Raises pyarrow.ArrowInvalid where it is no such CSV.
        """
        try:
            return with_faults(self._read(piece, {}))
        except pa.ArrowInvalid:  # some cells do not fit: which, is looked for only then
            loose = {each.name: pa.string() for each in self._columns if each.type in _MOMENTS.values()}
            loose |= {each.name: pa.binary() for each in self._columns if each.type == pa.string()}
            return self._mended(self._read(piece, loose))

    def _read(self, piece: bytes, loose: Mapping[str, pa.DataType]) -> pa.RecordBatch:
        table = csv.read_csv(
            pa.BufferReader(piece),
            read_options=csv.ReadOptions(column_names=self._names, block_size=len(piece) + 1, use_threads=False),
            parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types={each.name: loose.get(each.name, each.type) for each in self._columns},
                null_values=[""],
                true_values=["t"],
                false_values=["f"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,  # an empty text is quoted
            ),
        )
        return table.combine_chunks().to_batches()[0]

    def _mended(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return a batch of bytes and texts in its types; what does not fit is null, and told as the row's fault."""
        reasons: list[str | None] = [None] * batch.num_rows
        arrays = []
        for column, cells in zip(self._columns, batch.columns, strict=True):
            if column.type == pa.string():
                arrays.append(decoded(column.name, cells, reasons))
            elif column.type in _MOMENTS.values():
                fits = pc.match_substring_regex(cells, _MOMENT)
                for row in pc.indices_nonzero(pc.invert(fits).fill_null(False)).to_pylist():
                    reasons[row] = reasons[row] or _beyond(column.name)
                arrays.append(pc.if_else(fits, cells, None).cast(column.type))
            else:
                arrays.append(cells)
        return with_faults(pa.RecordBatch.from_arrays(arrays, self._names), pa.array(reasons, pa.string()))
