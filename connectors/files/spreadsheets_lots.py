"""The rows of a table on a sheet, as Arrow's batches of texts, each with its fault."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, groupby

import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.reading import BATCH_BYTES, BATCH_ROWS, is_total, text_batches
from connectors.files.spreadsheets_parts import Lot, Row, letters


@dataclass(frozen=True)
class Area:
    """Where a table stands: its first row and column, its last ones where they are said, its lines of header.

    `sought` is one that was looked for, and not declared.
    """

    top: int
    left: int
    bottom: int | None
    right: int | None
    header: int
    sought: bool = False


def batches(
    lots: Iterable[Lot | list[Row]], area: Area, schema: pa.Schema, totals: list[str]
) -> Iterator[pa.RecordBatch]:
    """Yield the rows under the header, each with its fault; what holds nothing and totals are left out."""
    held, rows, size = list[pa.RecordBatch](), 0, 0
    for batch in _batches(lots, area, schema, totals):
        held.append(batch)
        rows, size = rows + len(batch), size + batch.nbytes
        if rows >= BATCH_ROWS or size >= BATCH_BYTES:
            yield pa.concat_batches(held)
            held, rows, size = [], 0, 0
    if held:
        yield pa.concat_batches(held)


def _batches(
    lots: Iterable[Lot | list[Row]], area: Area, schema: pa.Schema, totals: list[str]
) -> Iterator[pa.RecordBatch]:
    parts = _parts(lots, area, schema, totals)
    for whole, some in groupby(parts, lambda part: isinstance(part, pa.RecordBatch)):
        if whole:
            yield from some
        else:
            yield from text_batches(schema, _rows(chain.from_iterable(some), area, len(schema) - 1, totals))


def _parts(
    lots: Iterable[Lot | list[Row]], area: Area, schema: pa.Schema, totals: list[str]
) -> Iterator[pa.RecordBatch | Iterable[Row]]:
    """Yield batches where rows come as they are, and rows where each must be looked at."""
    for lot in lots:
        if isinstance(lot, Lot):
            last, batch = lot.ends[-1], _whole(lot, area, schema, totals)
            yield lot.rows() if batch is None else batch
        else:
            last = lot[-1].number
            yield lot
        if area.bottom is not None and last >= area.bottom:
            return


def _whole(lot: Lot, area: Area, schema: pa.Schema, totals: list[str]) -> pa.RecordBatch | None:
    """Return rows as they come, all at once; None where one has a fault, or begins with an empty text."""
    left, end, first = area.left, area.left + len(schema) - 1, area.top + area.header
    taken = pc.greater_equal(lot.numbers, first)
    if area.bottom is not None:
        taken = pc.and_(taken, pc.less_equal(lot.numbers, area.bottom))
    columns = lot.columns
    if not pc.all(taken).as_py():
        columns = {at: column.filter(taken) for at, column in columns.items()}
    count = pc.sum(taken).as_py()
    for at, column in columns.items():
        outside = (at < left and area.sought) or (at >= end and area.right is None)
        if outside and column.null_count < count:
            return None
    nothing = pa.nulls(count, pa.string())
    cells = [columns.get(at, nothing) for at in range(left, end)]
    batch = pa.RecordBatch.from_arrays([*cells, nothing], schema=schema)
    if totals or all(cell.null_count for cell in cells):
        told = pc.coalesce(*cells, nothing)
        filled = told.is_valid()
        if totals:
            starts = told.to_pylist()
            if any(start is not None and not start.strip() for start in starts):
                return None
            filled = pc.and_(filled, pa.array([not is_total((start,), totals) for start in starts], pa.bool_()))
        batch = batch.filter(filled)
    return batch


def _rows(
    rows: Iterable[Row], area: Area, width: int, totals: list[str]
) -> Iterator[tuple[list[str | None], str | None]]:
    """Yield rows one by one, as `batches` says."""
    left, end, first = area.left, area.left + width, area.top + area.header
    for row in rows:
        if row.number < first:
            continue
        if area.bottom is not None and row.number > area.bottom:
            return
        cells = row.cells[left:end]
        beyond = area.right is None and len(row.cells) > end and any(row.cells[end:])
        fault = _fault(row, left, end) if row.faults else None
        if not (any(cells) or beyond or fault) or (totals and is_total(cells, totals)):
            continue
        if len(cells) < width:
            cells += [None] * (width - len(cells))
        if area.sought and any(row.cells[:left]) and fault is None:
            fault = f"it has a cell to the left of the first column, {letters(left)}"
        if beyond and fault is None:
            fault = f"it has a cell to the right of the last column, {letters(end - 1)}"
        yield cells, fault


def _fault(row: Row, left: int, end: int) -> str | None:
    """Return why a row cannot be taken: the first of its cells that cannot be told."""
    for at in sorted(row.faults):
        if left <= at < end:
            return f"its cell {letters(at)} has {row.faults[at]}"
    return None
