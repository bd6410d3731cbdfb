"""How cells of PostgreSQL come: by their type, as Arrow or as the text that PostgreSQL itself writes.

numeric is text although a precision is declared: NaN is one of its values. Dates are typed, since all but the infinite
ones and those beyond our calendar fit; these few are told row by row.
Source: https://www.postgresql.org/docs/current/datatype.html
"""

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc

from connectors.sql.engine import Column, decoded, with_faults

_INTEGERS = {20, 21, 23, 26}
_FLOATS = {700, 701}
_BOOL, _BYTEA, _MONEY = 16, 17, 790
_MOMENTS = {
    1082: (pa.date32(), "9999-12-31"),
    1114: (pa.timestamp("us"), "9999-12-31 23:59:59.999999"),
    1184: (pa.timestamp("us", "UTC"), "9999-12-31 23:59:59.999999+00"),
}


def column(name: str, oid: int, declared: str, *, array: bool, quoted: str) -> Column:
    """Return how a column's cells are asked for. A domain comes as the type under it, which `oid` is."""
    if oid in _MOMENTS:
        kind, last = _MOMENTS[oid]
        fits = f"{quoted} BETWEEN '0001-01-01' AND '{last}'"
        why = f"{name} is infinite, before the year 1 or after the year 9999"
        return Column(name, declared, kind, f"CASE WHEN {fits} THEN {quoted} END", f"NOT {fits}", why)
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


def value(text: bytes | None, kind: pa.DataType) -> Any:
    """Return a cell that came as text: None, int, float, bool or str. Raises UnicodeDecodeError."""
    return None if text is None else _VALUES.get(kind, str)(text.decode())


class Reader:
    """Reads pieces of CSV, as COPY writes them, into batches."""

    def __init__(self, columns: Sequence[Column]) -> None:
        """`columns` are those of the statement, in its order."""
        self._columns = columns
        self._names = [each.name for each in columns]

    def batch(self, piece: bytes) -> pa.RecordBatch:
        """Return whole rows, with FAULT last. A row whose text is not UTF-8 (a database without an encoding) has one."""
        try:
            return with_faults(self._read(piece, pa.string()))
        except pa.ArrowInvalid as error:
            if "UTF8" not in str(error):
                raise
        return self._mended(self._read(piece, pa.binary()))

    def _read(self, piece: bytes, text: pa.DataType) -> pa.RecordBatch:
        types = {each.name: text if each.type == pa.string() else each.type for each in self._columns}
        table = pc.read_csv(
            pa.BufferReader(piece),
            read_options=pc.ReadOptions(column_names=self._names, block_size=len(piece) + 1, use_threads=False),
            parse_options=pc.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=pc.ConvertOptions(
                column_types=types,
                null_values=[""],
                true_values=["t"],
                false_values=["f"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,  # an empty text is quoted
            ),
        )
        return table.combine_chunks().to_batches()[0]

    def _mended(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return a batch of bytes as one of texts; what is no text is null, and told as the row's fault."""
        reasons: list[str | None] = [None] * batch.num_rows
        arrays = [
            decoded(each.name, cells, reasons) if each.type == pa.string() else cells
            for each, cells in zip(self._columns, batch.columns, strict=True)
        ]
        return with_faults(pa.RecordBatch.from_arrays(arrays, self._names), pa.array(reasons, pa.string()))
