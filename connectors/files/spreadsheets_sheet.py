"""The rows of a sheet of XLSX.

Most files write whole rows in one plain way; such rows are read many at once, and never reach the XML parser
(`spreadsheets_quick.py`). Anything else does: both see the same document, and say the same of it.
"""

from collections.abc import Iterator

from connectors.files.reading import MAX_CELL
from connectors.files.spreadsheets_cells import Cells
from connectors.files.spreadsheets_formats import NoValue
from connectors.files.spreadsheets_parts import COLUMNS, Broken, Lot, Parser, Row, bounded, place
from connectors.files.spreadsheets_quick import lot

_LONGEST = 1 << 23
_ROWS = 16
"""Rows that are read at once, at least, if they are as long as the first."""

_SHEET_DATA = b"<sheetData>"
_END = b"</row>"
_AGAIN = 16
"""Into so many parts is split what could not be read at once, so that one odd row leaves most others quick."""


def lots(pieces: Iterator[bytes], cells: Cells) -> Iterator[Lot | list[Row]]:
    """Yield the rows of a sheet that hold anything, in order, many at once. Raises Broken."""
    last = 0
    for found in _lots(pieces, cells):
        numbers = [row.number for row in found] if isinstance(found, list) else found.ends
        for number in numbers:
            if number <= last:
                raise Broken("has rows that are out of order")
            last = number
        told = [row for row in found if row.cells or row.faults] if isinstance(found, list) else found
        if told:
            yield told


def _lots(pieces: Iterator[bytes], cells: Cells) -> Iterator[Lot | list[Row]]:
    """Yield rows from pieces of XML; no list is empty."""
    slow = _Slow(cells)
    for chunk in _chunks(pieces):
        start = -1 if slow.within else chunk.find(_SHEET_DATA)
        if start >= 0:
            yield from filter(None, [slow.rows(chunk[: start + len(_SHEET_DATA)])])
        yield from _taken(chunk[start + len(_SHEET_DATA) :] if start >= 0 else chunk, slow, cells)
    yield from filter(None, [slow.rows(b"", last=True)])


def _chunks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield pieces of XML anew, each up to the last row that ends in it, and several rows in each where they are wide."""
    left = b""
    for piece in pieces:
        left += piece
        first = left.find(_END)
        if len(left) < _LONGEST and (first < 0 or len(left) < _ROWS * first):
            continue
        end = left.rfind(_END) + len(_END)
        end = end if end >= len(_END) else len(left)
        yield left[:end]
        left = left[end:]
    end = left.rfind(_END) + len(_END)
    yield from (left[:end], left[end:]) if end >= len(_END) else (left,)


def _taken(chunk: bytes, slow: "_Slow", cells: Cells, parts: int = _AGAIN) -> Iterator[Lot | list[Row]]:
    """Yield the rows of a chunk, those of its parts where not all of it is plain."""
    found = lot(chunk, cells) if slow.between else None
    if found is not None:
        slow.follow(found)
        yield found
    elif parts > 1 and slow.between and chunk.endswith(_END):
        size, start = len(chunk) // parts + 1, 0
        while start < len(chunk):
            end = chunk.find(_END, start + size) + len(_END)
            end = end if end >= len(_END) else len(chunk)
            yield from _taken(chunk[start:end], slow, cells, 1)
            start = end
    elif rows := slow.rows(chunk):
        yield rows


def _put(row: Row, place: int, kind: str, style: str, value: str | None, cells: Cells) -> None:
    """Put a cell into its row, with its fault where it has one."""
    try:
        text = cells.text(kind, style, value)
        if kind == "e":
            row.faults[place] = "an error instead of a value"
    except NoValue as error:
        text = value
        row.faults[place] = str(error)
    if text is None:
        return
    while len(row.cells) <= place:
        row.cells.append(None)
    row.cells[place] = bounded(text)


class _Slow:
    """The XML parser's way: any XML that is a sheet."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self._parser = Parser()
        self._parser.expat.StartElementHandler = self._start
        self._parser.expat.EndElementHandler = self._end
        self._parser.expat.CharacterDataHandler = self._text
        self._parser.expat.XmlDeclHandler = self._declared
        self._found: list[Row] = []
        self._number = 0
        self._row: Row | None = None
        self._cell: dict[str, str] | None = None
        self._parts: list[str] | None = None
        self.within = self._strange = False
        self._formula = self._guide = False
        self._values: list[str] = []
        self._size, self._last = 0, -1

    def follow(self, lot: Lot) -> None:
        """Go on after rows that were read otherwise."""
        self._number = lot.ends[-1]

    @property
    def between(self) -> bool:
        """Whether the parser stands between two rows of a document written in UTF-8 without comments."""
        return self.within and self._row is None and not self._strange

    def rows(self, data: bytes, *, last: bool = False) -> list[Row]:
        """Return the rows that end in `data`."""
        strange = b"<!" in data or data.count(b"<?") > data.startswith(b"<?")
        self._strange = self._strange or strange
        self._parser.feed(data, last=last)
        found, self._found = self._found, []
        return found

    def _declared(self, _: str, encoding: str | None, __: int) -> None:
        self._strange = self._strange or (encoding or "utf-8").lower() != "utf-8"

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        match self._parser.local(name):
            case "sheetData":
                self.within = True
            case "row" if self.within:
                told = attributes.get("r", "")
                self._number = int(told) if told.isdecimal() and len(told) < 8 else self._number + 1
                self._row, self._last = Row(self._number, []), -1
            case "c" if self._row is not None:
                self._cell, self._values, self._formula, self._size = attributes, [], False, 0
            case "f" if self._cell is not None:
                self._formula = True
            case "rPh":
                self._guide = True
            case "v" | "t" if self._cell is not None and not self._guide:
                self._parts = self._values

    def _end(self, name: str) -> None:
        match self._parser.local(name):
            case "v" | "t":
                self._parts = None
            case "rPh":
                self._guide = False
            case "c" if self._cell is not None and self._row is not None:
                self._finish(self._row, self._cell)
                self._cell = None
            case "row" if self._row is not None:
                self._found.append(self._row)
                self._row = None
            case "sheetData":
                self.within = False

    def _text(self, data: str) -> None:
        if self._parts is not None:
            self._parts.append(data)
            self._size += len(data)
            if self._size > MAX_CELL:
                bounded("".join(self._parts))

    def _finish(self, row: Row, cell: dict[str, str]) -> None:
        told = cell.get("r")
        at = self._last + 1 if told is None else place(told)[1]
        if at >= COLUMNS or at <= self._last:
            raise Broken("has a cell at a place that is none, or two at one")
        self._last = at
        kind, value = cell.get("t", ""), "".join(self._values)
        if self._formula and not value and kind not in ("str", "e"):
            row.faults[at] = "a formula whose value the file does not hold"
        else:
            _put(row, at, kind, cell.get("s", ""), value, self._cells)
