"""The Parquet file of a version that is the last one with some rows changed: column chunks that stay are copied as bytes.

A row that changed makes its row group's chunks of the columns anew in which it changed; a row that came or went makes
the whole row group anew, since every row after it stands elsewhere. One that has too many rows then is parted evenly: each
part has room for more, and none stays small for ever. The last one alone is filled, since tables grow at their end.
"""

import math
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.columns import arrow_schema
from pipelines.declarations import Dataset
from pipelines.increment import footers
from pipelines.increment.footers import I64, LIST, STRUCT, Struct
from pipelines.increment.plan import Numbers, Plan

OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": False,
    "store_schema": False,
}

SCHEMA, ROWS, GROUPS, ABOUT_SCHEMA = 2, 3, 4, (2, 5, 6, 7)
"""Fields of a footer; the last ones go together: schema, what else is told, by whom, and how the values are ordered."""

CHUNKS, META, PATH, UNCOMPRESSED, COMPRESSED, DATA, DICTIONARY = 1, 3, 3, 6, 7, 9, 11
"""Fields of a row group, of its column chunks, and of what is told of one of these."""

LEFT_OUT = (14, 15)
"""Fields of a chunk's Bloom filter, which stands elsewhere in the file and is not copied."""

END = 8
"""Bytes of a file after its footer, whose length is in the first half of them."""


def write(last: Path, plan: Plan, touched: npt.NDArray[np.bool_], dataset: Dataset, file: Path, row_group: int) -> None:
    """Write the rows of a plan to a Parquet file, one row group of the `last` one after the other.

    `touched` tells of each row that came, and each column, whether it is another value than it was. Raises OSError,
    ArrowException, ValueError.
    """
    with pq.ParquetFile(last) as before, pa.memory_map(str(last)) as mapped, file.open("wb") as out:
        made, start = _Made(memoryview(mapped.read_buffer()), out), 0
        schema, alike = _schema(before.schema_arrow, dataset, plan.good)
        good = plan.good.select(schema.names).cast(schema).combine_chunks()
        for number in range(before.num_row_groups):
            size = before.metadata.row_group(number).num_rows
            ends = start + size if number < before.num_row_groups - 1 else plan.size + 1
            first, after = (int(np.searchsorted(plan.anchors, each)) for each in (start, ends))
            order = plan.order[first:after]
            came = order[order >= plan.size] - plan.size
            ours = good.slice(int(came[0]) if len(came) else 0, len(came))
            if alike and _in_place(order, start, plan.size, size):
                other: list[bool] = np.any(touched[came], axis=0).tolist()
                names = [name for name, is_other in zip(schema.names, other, strict=True) if is_other]
                table = before.read_row_group(number, names) if names else None
                made.patched(number, _replaced(table, order >= plan.size, ours) if table is not None else None)
            elif len(order):
                table = before.read_row_group(number).cast(schema)
                local = np.where(order < plan.size, order - start, size + order - plan.size - came[:1].sum())
                rows = pa.concat_tables([table, ours]).combine_chunks().take(pa.array(local))
                is_last = number == before.num_row_groups - 1
                made.added(rows, row_group if is_last else math.ceil(len(rows) / math.ceil(len(rows) / row_group)))
            start += size
        made.end()


def _schema(before: pa.Schema, dataset: Dataset, good: pa.Table) -> tuple[pa.Schema, bool]:
    """Return the schema of the rows, and whether chunks of the last file can stand under it.

    The engine writes columns as required where none of their values is missing: what came may lack one.
    """
    ours = arrow_schema(dataset.columns)
    alike = before.names == ours.names and before.types == ours.types
    alike = alike and all(field.nullable or not good[field.name].null_count for field in before)
    return (before.remove_metadata(), True) if alike else (ours, False)


def _in_place(order: Numbers, start: int, before: int, size: int) -> bool:
    """Tell whether each row of a row group, of `size` rows from `start` on, stands where it stood, or another in its stead."""
    return len(order) == size and bool(np.all((order >= before) | (order - start == np.arange(size))))


def _replaced(table: pa.Table, mask: npt.NDArray[np.bool_], ours: pa.Table) -> pa.Table:
    """Return a table with the rows of `mask` replaced, in their order, by ours."""
    rows = pa.array(mask)
    columns = [
        pc.replace_with_mask(table[name].combine_chunks(), rows, ours[name].combine_chunks())
        for name in table.column_names
    ]
    return pa.Table.from_arrays(columns, schema=table.schema)


class _Made:
    """A Parquet file that is being written of the bytes of another, and of tables."""

    def __init__(self, before: memoryview, out: BinaryIO) -> None:
        self._before, self._out = before, out
        self._footer, self._groups = _footer(before), list[Struct]()
        out.write(footers.MAGIC)

    def patched(self, number: int, table: pa.Table | None) -> None:
        """Write a row group of the other file, with the columns of `table`, which has as many rows, in the stead of its."""
        group: Struct = self._footer[GROUPS][1][1][number]
        chunks = {_name(chunk): (self._before, chunk) for chunk in group[CHUNKS][1][1]}
        if table is not None:
            data, footer = _encoded(table, len(table))
            chunks |= {_name(chunk): (data, chunk) for chunk in footer[GROUPS][1][1][0][CHUNKS][1][1]}
        self._group([*chunks.values()], group[ROWS][1])

    def added(self, table: pa.Table, row_group: int) -> None:
        """Write a table of all columns, as row groups of so many rows."""
        data, footer = _encoded(table, row_group)
        for group in footer[GROUPS][1][1]:
            self._group([(data, chunk) for chunk in group[CHUNKS][1][1]], group[ROWS][1])
        self._footer |= {field: footer[field] for field in ABOUT_SCHEMA if field in footer}

    def end(self) -> None:
        """Write the footer."""
        rows = sum(group[ROWS][1] for group in self._groups)
        footer = footers.written(self._footer | {ROWS: (I64, rows), GROUPS: (LIST, (STRUCT, self._groups))})
        self._out.write(footer + len(footer).to_bytes(4, "little") + footers.MAGIC)

    def _group(self, chunks: list[tuple[memoryview, Struct]], rows: int) -> None:
        start = self._out.tell()
        copied = [self._chunk(data, chunk) for data, chunk in chunks]
        sizes = (sum(chunk[META][1][field][1] for chunk in copied) for field in (UNCOMPRESSED, COMPRESSED))
        told = dict(zip((2, 3, 5, 6), (next(sizes), rows, start, next(sizes)), strict=True))
        self._groups.append({CHUNKS: (LIST, (STRUCT, copied))} | {field: (I64, value) for field, value in told.items()})

    def _chunk(self, data: memoryview, chunk: Struct) -> Struct:
        """Write a column chunk as it stands in `data`; return what is told of it here."""
        meta: Struct = {field: value for field, value in chunk[META][1].items() if field not in LEFT_OUT}
        pages = [field for field in (DATA, DICTIONARY) if field in meta and meta[field][1] > 0]
        start, here = min(meta[field][1] for field in pages), self._out.tell()
        self._out.write(data[start : start + meta[COMPRESSED][1]])
        return {2: (I64, 0), META: (STRUCT, meta | {field: (I64, meta[field][1] - start + here) for field in pages})}


def _encoded(table: pa.Table, row_group: int) -> tuple[memoryview, Struct]:
    """Return a table as a Parquet file, and its footer."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=row_group, **OPTIONS)
    data = memoryview(sink.getvalue())
    return data, _footer(data)


def _footer(data: memoryview) -> Struct:
    size = int.from_bytes(data[-END:-4], "little")
    return footers.read(bytes(data[-END - size : -END]))


def _name(chunk: Struct) -> bytes:
    """Return the column of a chunk; none has a path of several names, since lists are not written so."""
    name: bytes = chunk[META][1][PATH][1][1][0]
    return name
