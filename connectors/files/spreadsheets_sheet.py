"""The rows of a sheet of XLSX.

Most files write whole rows in one plain way; such rows are found by a regular expression, which accounts for every
character of them, and never reach the XML parser. Anything else does: both see the same document, and say the same of it.
"""

import re
from collections.abc import Iterator

from connectors.files.reading import MAX_CELL
from connectors.files.spreadsheets_cells import Cells
from connectors.files.spreadsheets_formats import NoValue, number_text
from connectors.files.spreadsheets_parts import COLUMNS, Broken, Parser, Row, bounded, letters, place

_TEXT = r"[^<&\r\x00-\x08\x0b\x0c\x0e-\x1f]*"
_ROW = re.compile(r'\s*<row r="([0-9]{1,7})"(?: (?!r=)[A-Za-z_][\w:.-]*="[^"<&]*")*>')
_CELL = re.compile(
    r'(<c r="([A-Z]{1,3})[0-9]{1,7}"(?: s="([0-9]{1,6})")?(?: t="(s|n|str|b|e|inlineStr)")?'
    rf'(?:/>|>(?:<v>({_TEXT})</v>|<is><t(?: xml:space="preserve")?>({_TEXT})</t></is>)</c>))'
)
_TRUTH = {"0": "false", "1": "true"}
_LONGEST = 1 << 24
_COLUMNS = {letters(column): column for column in range(COLUMNS)}


def rows(pieces: Iterator[bytes], cells: Cells) -> Iterator[Row]:
    """Yield the rows of a sheet that hold anything, in order. Raises Broken."""
    last = 0
    for row in _rows(pieces, cells):
        if row.number <= last:
            raise Broken("has rows that are out of order")
        last = row.number
        if row.cells or row.faults:
            yield row


def _rows(pieces: Iterator[bytes], cells: Cells) -> Iterator[Row]:
    """Yield rows from pieces of XML, each of which is taken up to the last row that ends in it."""
    slow = _Slow(cells)
    left = b""
    for piece in pieces:
        whole, end, rest = (left + piece).rpartition(b"</row>")
        if not end and len(rest) < _LONGEST:
            left = rest
            continue
        chunk, left = (whole + end, rest) if end else (rest, b"")
        found = _quick(chunk, cells) if slow.between and end else None
        yield from slow.rows(chunk) if found is None else found
    yield from slow.rows(left, last=True)


def _quick(chunk: bytes, cells: Cells) -> list[Row] | None:
    """Return the rows of a chunk that is whole rows written plainly, all cells well; None for any other."""
    if b"<f" in chunk or b"_x" in chunk or len(chunk) > MAX_CELL:
        return None
    found = list[Row]()
    try:
        for part in chunk.decode().split("</row>")[:-1]:
            head = _ROW.match(part)
            if head is None:
                return None
            told = _CELL.findall(part, head.end())
            if "".join([cell[0] for cell in told]) != part[head.end() :]:
                return None  # something else stands there too
            found.append(Row(int(head[1]), _placed([_COLUMNS[cell[1]] for cell in told], _texts(told, cells))))
    except (UnicodeDecodeError, LookupError, ValueError):  # the parser's way says what is wrong, and where
        return None
    return found


def _texts(told: list[tuple[str, ...]], cells: Cells) -> list[str | None]:
    """Return cells, each told as a whole, its column, style, type, value and text within, as texts. Raises as `Cells.text`."""
    shared, plain, known, found = cells.shared, cells.plain, cells.known, list[str | None]()
    for _, _, style, kind, value, within in told:  # a million times: the usual ways without a call for each
        if kind == "s" and value.isdecimal():
            found.append(shared[int(value)])
        elif kind == "inlineStr":
            found.append(within or None)
        elif kind == "" and style in plain:
            whole = value.isdecimal() and value.isascii() and len(value) < 16 and value[0] != "0"
            found.append(value if whole else number_text(value) if value else None)
        elif kind == "b" and value in _TRUTH:
            found.append(_TRUTH[value])
        elif kind == "e":
            raise NoValue("an error")
        elif (text := known.get((style, value))) is not None and kind == "":
            found.append(text)
        else:
            found.append(cells.text(kind, style, value))
    return found


def _placed(columns: list[int], texts: list[str | None]) -> list[str | None]:
    """Return texts at their columns."""
    if columns == list(range(len(columns))):
        return texts
    placed = list[str | None]([None]) * (columns[-1] + 1)
    before = -1
    for column, text in zip(columns, texts, strict=True):
        if column <= before:
            raise ValueError("cells out of order")
        placed[column], before = text, column
    return placed


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
        self._within = self._strange = False
        self._formula = self._guide = False
        self._values: list[str] = []
        self._size, self._last = 0, -1

    @property
    def between(self) -> bool:
        """Whether the parser stands between two rows of a document written in UTF-8 without comments."""
        return self._within and self._row is None and not self._strange

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
                self._within = True
            case "row" if self._within:
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
                self._within = False

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
