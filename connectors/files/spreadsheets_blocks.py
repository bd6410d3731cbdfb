"""Where tables stand on a sheet that nobody described: blocks of filled rows between empty ones."""

from collections.abc import Iterable
from dataclasses import dataclass

from connectors.files.spreadsheets_parts import Row, letters

_LOOKED_AT = 30
"""Rows at the start of a block among which its header is looked for."""


@dataclass
class Block:
    """Filled rows that follow one another: the first and the last, the columns, the row that looks like the header."""

    first: int
    last: int
    left: int
    right: int
    top: int
    widths: list[tuple[int, int, int, int]]

    @property
    def is_table(self) -> bool:
        """Whether it looks like a table: two columns at least, and a row under its header."""
        return self.right > self.left and self.last > self.top

    @property
    def range(self) -> str:
        """Where it stands, from its header on: `A3:F20`."""
        return f"{letters(self.left)}{self.top}:{letters(self.right)}{self.last}"


def blocks(rows: Iterable[Row]) -> list[Block]:
    """Return the blocks of a sheet: an empty row ends one, unless what follows has the columns that were there."""
    found = list[Block]()
    for row in rows:
        filled = [at for at, cell in enumerate(row.cells) if cell is not None]
        if not filled:
            continue
        if not found or (row.number > found[-1].last + 1 and not _goes_on(found[-1], row, len(filled))):
            found.append(Block(row.number, row.number, filled[0], filled[-1], row.number, []))
        block = found[-1]
        block.last, block.left, block.right = row.number, min(block.left, filled[0]), max(block.right, filled[-1])
        if len(block.widths) < _LOOKED_AT:
            block.widths.append((row.number, len(filled), filled[0], filled[-1]))
        else:  # one line for all that follow
            block.widths[-1] = (
                row.number,
                0,
                min(block.widths[-1][2], filled[0]),
                max(block.widths[-1][3], filled[-1]),
            )
    for block in found:
        _find_header(block)
    return _joined(found)


def _goes_on(block: Block, row: Row, count: int) -> bool:
    """Tell whether a row after an empty one belongs to the block before: as many cells, not all of them words."""
    if block.last == block.first or block.right == block.left:
        return False
    numbers = any(cell is not None and any(map(str.isdecimal, cell)) for cell in row.cells)
    within = len(row.cells) <= block.right + 1 and not any(row.cells[: block.left])
    return numbers and within and count >= max(width for _, width, _, _ in block.widths)


def _find_header(block: Block) -> None:
    """Set the row of the header: the first that is about as wide as the widest; titles above it are narrower."""
    most = max(count for _, count, _, _ in block.widths)
    for at, (number, count, _, _) in enumerate(block.widths):
        if count >= max(2, 0.6 * most):
            below = block.widths[at:]
            block.top, block.left, block.right = number, min(each[2] for each in below), max(each[3] for each in below)
            return


def _joined(found: list[Block]) -> list[Block]:
    """Return the blocks without what is no table where there is one: titles, notes, totals on their own."""
    return [block for block in found if block.is_table] or found
