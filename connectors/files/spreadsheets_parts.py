"""What the readers of XLSX and ODS share: rows as they come, parts of the zip in bounded size, XML without entities."""

import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, NoReturn, Protocol
from xml.parsers import expat

import pyarrow as pa

from connectors.errors import Unreadable
from connectors.files.reading import MAX_CELL

MAX_PART = 2 * 1024**3
"""Bytes of one unpacked part of a workbook, at most; it is read as a stream."""

MAX_HELD = 512 * 1024**2
"""Characters of texts that several cells share, at most: a workbook's list of them is held in memory."""

COLUMNS = 16_384
"""Columns of a sheet, at most."""

_CHUNK = 1 << 20


@dataclass(slots=True)
class Row:
    """A row of a sheet: its number, its cells from column A on, and why cells cannot be taken (column A is 0)."""

    number: int
    cells: list[str | None]
    faults: dict[int, str] = field(default_factory=dict)

    @property
    def filled(self) -> bool:
        """Whether a cell holds anything."""
        return any(self.cells)


@dataclass(frozen=True, slots=True)
class Lot:
    """Rows of a sheet that follow one another, as columns: their rising numbers, their cells where any stand, no faults.

    There is one row at least.
    """

    numbers: pa.Int64Array
    columns: dict[int, pa.StringArray]

    @property
    def ends(self) -> tuple[int, ...]:
        """The numbers of the first row and of the last, or of the only one."""
        return tuple(self.numbers.take([0, len(self.numbers) - 1][: len(self.numbers)]).to_pylist())

    def rows(self) -> Iterator[Row]:
        """Yield those that hold anything, one by one."""
        width = max(self.columns, default=-1) + 1
        told = [self.columns[at].to_pylist() if at in self.columns else repeat(None) for at in range(width)]
        for number, *cells in zip(self.numbers.to_pylist(), *told, strict=False):
            while cells and cells[-1] is None:
                cells.pop()
            if cells:
                yield Row(number, cells)


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook; `part` is its place in the file."""

    name: str
    hidden: bool
    part: str


Span = tuple[int, int, int, int]
"""A merged range: first row, first column, last row, last column (the row as it is numbered, column A is 0)."""


class Workbook(Protocol):
    """An open workbook."""

    sheets: list[Sheet]

    def rows(self, sheet: Sheet) -> Iterator[Row]:
        """Yield the rows of a sheet that hold anything, in order."""
        ...

    def lots(self, sheet: Sheet) -> Iterator[Lot | list[Row]]:
        """Yield the same rows as `rows`, many at once where they can be had so; no list is empty."""
        ...

    def merged(self, sheet: Sheet) -> list[Span]:
        """Return the merged ranges of a sheet."""
        ...


class Broken(Exception):
    """A workbook cannot be read: the message says why, in words that follow the file's name."""


def letters(column: int) -> str:
    """Return a column's name: 0 is A, 27 is AB."""
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


def column_of(name: str) -> int:
    """Return the column of a name: A is 0."""
    found = 0
    for letter in name.upper():
        found = found * 26 + ord(letter) - 64
    return found - 1


def place(reference: str) -> tuple[int, int]:
    """Return the row and column of a reference such as `B12` or `$B$12`. Raises Broken."""
    match = re.fullmatch(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})", reference)
    if match is None:
        raise Broken("has a cell at a place that is none")
    return int(match[2]), column_of(match[1])


def part(archive: zipfile.ZipFile, name: str, most: int = MAX_PART) -> Iterator[bytes]:
    """Yield the bytes of a part. Raises Broken where it lacks, is damaged or is larger than `most`."""
    try:
        with archive.open(name) as opened:
            size = 0
            while piece := opened.read(_CHUNK):
                size += len(piece)
                if size > most:
                    raise Broken(f"holds more than {most // 2**20} MiB in one part")
                yield piece
    except KeyError:
        raise Broken("is not a whole workbook: a part of it lacks") from None
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        raise Broken("is damaged, or was cut on its way") from error
    except RuntimeError as error:  # what zipfile raises where a password is wanted
        raise Broken("is protected by a password: save it without one") from error


class Parser:
    """An XML parser that takes no document type, so no entity of its own, and tells elements by their local names."""

    def __init__(self) -> None:
        """Without handlers."""
        self.expat: Any = expat.ParserCreate(namespace_separator=" ")
        self.expat.buffer_text = True
        self.expat.StartDoctypeDeclHandler = _refused
        self._locals: dict[str, str] = {}

    def local(self, name: str) -> str:
        """Return a name without its namespace."""
        found = self._locals.get(name)
        if found is None:
            found = self._locals[name] = name.rpartition(" ")[2]
        return found

    def feed(self, data: bytes | str, *, last: bool = False) -> None:
        """Parse more. Raises Broken."""
        try:
            self.expat.Parse(data, last)
        except expat.ExpatError as error:
            raise Broken("is not a whole workbook: its XML is damaged") from error


def _refused(*_: object) -> NoReturn:
    raise Broken("has XML with a document type, which no workbook has")


def elements(
    pieces: Iterator[bytes], start: Callable[[str, dict[str, str]], None], end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> None:  # fmt: skip
    """Parse a whole part, telling elements by their local names. Raises Broken."""
    parser = Parser()
    local = parser.local
    parser.expat.StartElementHandler = lambda name, attributes: start(local(name), attributes)
    if end is not None:
        parser.expat.EndElementHandler = lambda name: end(local(name))
    parser.expat.CharacterDataHandler = text
    for piece in pieces:
        parser.feed(piece)
    parser.feed(b"", last=True)


def bounded(text: str) -> str:
    """Return the text of a cell. Raises Broken where it is too long."""
    if len(text) > MAX_CELL:
        raise Broken(f"has a cell of more than {MAX_CELL:,} characters")
    return text


@contextmanager
def told(name: str, registry: str) -> Iterator[None]:
    """Raise what is Broken as Unreadable, with the file's name."""
    try:
        yield
    except Broken as error:
        raise Unreadable(f"{registry}: {name} {error}", registry=registry) from error
