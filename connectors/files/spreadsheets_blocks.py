"""Where tables stand on a sheet that nobody described: blocks of filled cells between empty rows and columns.

A table may have an empty row or column within: what follows one belongs to it only where that is certain.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.reading import is_total
from connectors.files.spreadsheets_parts import Lot, Row, letters

_LOOKED_AT = 30
"""Rows at the start of a block among which its header is looked for."""

_LEARNT = 1000
"""Rows of a block by which it is known in which columns numbers stand."""

_NUMBER = re.compile(r"[-+]?[0-9][0-9 \u00a0\u202f]*([.,][0-9]+)?")
_TIME = re.compile(r"[0-9][0-9T/.:-]*")

Cells = dict[int, str]
"""What the filled cells of a row hold, by their columns."""


class Several(Exception):
    """More than one table may stand on a sheet; `ranges` tell where."""

    def __init__(self, ranges: Sequence[str]) -> None:
        """Hold where they stand."""
        super().__init__(*ranges)
        self.ranges = ranges


@dataclass
class Block:
    """Filled rows that follow one another: the first and the last, the columns, the row that looks like the header.

    `rows` are the filled columns of the first of them, `spans` the first and last filled row of each column, `kinds` the
    columns in which numbers or dates stand. `beside` is one that has another next to it.
    """

    first: int
    last: int
    left: int
    right: int
    top: int
    rows: list[tuple[int, list[int]]] = field(default_factory=list)
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)
    kinds: set[tuple[int, str]] = field(default_factory=set)
    beside: bool = False

    @property
    def is_table(self) -> bool:
        """Whether it looks like a table: two columns at least, or a header beside another, and a row under its header."""
        return (self.right > self.left or self.beside) and self.last > self.top

    @property
    def range(self) -> str:
        """Where it stands, from its header on: `A3:F20`."""
        return f"{letters(self.left)}{self.top}:{letters(self.right)}{self.last}"

    def goes_on(self, cells: Cells, totals: Sequence[str]) -> bool:
        """Tell whether a row after an empty one certainly belongs to it: a total, or numbers where numbers stand.

        Years, and whole numbers that count on, may be a header as well.
        """
        if self.last == self.first or self.right == self.left:
            return False
        if is_total(cells.values(), totals):
            return True
        within = self.left <= min(cells) and max(cells) <= self.right
        found = _kinds(cells)
        labels = _may_be_labels([cells[at] for at, _ in sorted(found)])
        return within and bool(found) and found <= self.kinds and not labels

    def take(self, number: int, cells: Cells) -> None:
        """Take a row more."""
        self.last, self.left, self.right = number, min(self.left, *cells), max(self.right, *cells)
        if len(self.rows) < _LOOKED_AT:
            self.rows.append((number, list(cells)))
        if number < self.first + _LEARNT:
            self.kinds |= _kinds(cells)
        for at in cells:
            self.spans[at] = (self.spans.get(at, (number,))[0], number)


def blocks(rows: Iterable[Row], totals: Sequence[str] = (), width: int = 0) -> list[Block]:
    """Return the tables of a sheet; where there is none the lists of one column, else the first block.

    A row on its own above a table of the same columns is among them: it may be the table's header.
    An empty row ends one, unless what follows certainly goes on, as rows like `totals` do; an empty column too, unless
    with it the table has as many columns as `width` says.
    """
    found = list[Block]()
    for row in rows:
        cells = _filled(row)
        if not cells:
            continue
        if not found or (row.number > found[-1].last + 1 and not found[-1].goes_on(cells, totals)):
            found.append(Block(row.number, row.number, min(cells), max(cells), row.number))
        found[-1].take(row.number, cells)
    parts = [part for block in found for part in _split(block, width)]
    tables = [each for at, each in enumerate(parts) if each.is_table or _may_head(each, parts[at + 1 : at + 2])]
    return tables or [each for each in parts if each.last > each.first] or parts[:1]


def _may_head(block: Block, after: list[Block]) -> bool:
    """Tell whether a block is one row of several cells above a table of the same columns."""
    alike = any(each.is_table and (each.left, each.right) == (block.left, block.right) for each in after)
    return alike and block.first == block.last and block.right > block.left


def watched(
    lots: Iterable[Lot | list[Row]], block: Block, first: int, totals: Sequence[str]
) -> Iterator[Lot | list[Row]]:
    """Yield the rows of the only table, from the row `first` on, as they come.

    Raises Several where rows after an empty one may be another table, as `blocks` judges those that it is given.
    """
    last, end, doubted, wide = first - 1, 0, "", False
    for lot in lots:
        if isinstance(lot, Lot) and not doubted and _follow(lot, first, last):
            last = max(last, lot.ends[-1])
            yield lot
            continue
        for row in lot.rows() if isinstance(lot, Lot) else lot:
            cells = _filled(row)
            if row.number < first or not cells:
                continue
            if row.number > last + 1:
                goes_on = last < first or block.goes_on(cells, totals)
                end, doubted, wide = last, "" if goes_on else f"{letters(min(cells))}{row.number}", False
            elif doubted and wide:
                raise Several([f"{letters(block.left)}{block.top}:{letters(block.right)}{end}", doubted])
            last, wide = row.number, wide or len(cells) > 1
        yield lot


def _follow(lot: Lot, first: int, last: int) -> bool:
    """Tell whether no empty row stands among rows and before them, from the row `first` on."""
    numbers = lot.numbers
    if all(column.null_count for column in lot.columns.values()):
        filled = pa.array([False] * len(numbers))
        for column in lot.columns.values():
            filled = pc.or_(filled, column.is_valid())
        numbers = numbers.filter(filled)
    numbers = numbers.filter(pc.greater_equal(numbers, first))
    return not len(numbers) or numbers[-1].as_py() - last == len(numbers)


def _filled(row: Row) -> Cells:
    return {at: cell.strip() for at, cell in enumerate(row.cells) if cell and not cell.isspace()}


def _kinds(cells: Cells) -> set[tuple[int, str]]:
    """Return the columns of numbers and of dates or times, each with what it is."""
    told = {(at, "number") for at, cell in cells.items() if _NUMBER.fullmatch(cell)}
    return told | {(at, "time") for at, cell in cells.items() if (at, "number") not in told and _TIME.fullmatch(cell)}


def _may_be_labels(numbers: list[str]) -> bool:
    """Tell whether numbers may head columns: years, or whole numbers of which each is one more than that before."""
    if not numbers or not all(each.isdecimal() for each in numbers):
        return False
    values = [int(each) for each in numbers]
    counts_on = len(values) > 1 and values == [*range(values[0], values[0] + len(values))]
    return counts_on or all(1900 <= each <= 2100 for each in values)


def _find_header(block: Block) -> None:
    """Set the row of the header: the first that is about as wide as the widest; titles above it are narrower."""
    most = max((len(columns) for _, columns in block.rows), default=0)
    for number, columns in block.rows:
        if len(columns) >= max(2, 0.6 * most):
            below = [at for at, (_, last) in block.spans.items() if last >= number]
            block.top, block.left, block.right = number, min(below), max(below)
            return
    block.right = block.left  # cells one under the other: notes, or a list


def _split(block: Block, width: int) -> list[Block]:
    """Return the parts of a block between columns that are empty from its header on, where more than one has rows."""
    _find_header(block)
    columns = sorted(at for at, (_, last) in block.spans.items() if last >= block.top)
    runs = [[at for _, at in run] for _, run in groupby(enumerate(columns), lambda each: each[1] - each[0])]
    parts = [_part(block, run) for run in runs]
    one = block.right - block.left + 1 == width or sum(part.is_table for part in parts) < 2
    return [block] if one else parts


def _part(block: Block, columns: list[int]) -> Block:
    """Return what a block is in columns that follow one another; one column is beside others if the header names it."""
    spans = {at: block.spans[at] for at in columns}
    rows = [(number, found) for number, at in block.rows if (found := [each for each in at if each in spans])]
    first, last = min(first for first, _ in spans.values()), max(last for _, last in spans.values())
    kinds = {each for each in block.kinds if each[0] in spans}
    headed = any(number == block.top and len(found) == 1 for number, found in rows)
    part = Block(first, last, columns[0], columns[-1], first, rows, spans, kinds)
    if len(columns) == 1 and headed:
        part.beside, part.top = True, block.top
    else:
        _find_header(part)
    return part
