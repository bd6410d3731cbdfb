"""The careful reader of CSV: record after record, each with what is amiss in it, in constant memory.

What a record is agrees with DuckDB's strict reader, so that the engine may read a file that is in order itself: a
quote opens a cell at its start only (one blank may stand before it), blanks after the closing quote are not the cell's,
a doubled quote is one, an empty cell is none. A record that is amiss and goes over several lines was most likely never
one: its first line is a row with a fault, and reading goes on with the second.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from connectors.errors import Unreadable
from connectors.files.reading import MAX_CELL

MAX_LINE = 32_000_000
"""Characters of one line, and of the lines of one record, at most."""

csv.field_size_limit(MAX_CELL)  # of the whole process: Python's own is 131,072 characters


class Record(NamedTuple):
    """Cells as they are written, the number of the first line, and what is amiss, if anything is."""

    cells: list[str]
    line: int
    fault: str | None = None
    blank: bool = False  # whether it is separators and nothing else


class _Lines:
    """Lines of a text with their ends, whatever these are; what was taken since `begin` can be given back."""

    def __init__(self, file: IO[str], where: str, registry: str) -> None:
        self._file, self._where, self._registry = file, where, registry
        self._back = deque[str]()
        self.taken = list[str]()
        self.number = 0  # lines that were taken for good, before those in `taken`
        self._size = 0

    def begin(self) -> None:
        """Keep what was taken for good."""
        self.number += len(self.taken)
        self.taken.clear()
        self._size = 0

    def give_back(self, kept: int) -> None:
        """Give back what was taken since `begin`, but the first `kept` lines."""
        self._back.extendleft(reversed(self.taken[kept:]))
        del self.taken[kept:]
        self._size = sum(map(len, self.taken))

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        try:
            line = self._back.popleft() if self._back else self._file.readline(MAX_LINE)
        except UnicodeError as error:
            at = self.number + len(self.taken) + 1
            raise self._unreadable(f"is not in its encoding, from about line {at} on") from error
        if not line:
            raise StopIteration
        self._size += len(line)
        if self._size >= MAX_LINE:
            raise self._unreadable(f"has a line or cell too long to be one, from line {self.number + 1} on")
        self.taken.append(line)
        return line

    def _unreadable(self, what: str) -> Unreadable:
        return Unreadable(f"{self._registry}: {self._where} {what}", registry=self._registry)


def records(
    file: IO[str], separator: str, quote: str, where: str, registry: str, width: int | None = None
) -> Iterator[Record]:
    """Yield the records of a text opened with `newline=""`; lines that are blank are none.

    A record with a quote amiss comes as one line with its fault, and so does one over several lines that has not
    `width` cells. Raises Unreadable for a line that has no end, and where the text is not in its encoding.
    """
    lines = _Lines(file, where, registry)
    reader = csv.reader(lines, delimiter=separator, quotechar=quote or None, strict=True,
                        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE)  # fmt: skip
    odd = _odd(separator, quote) if quote else None
    while True:
        lines.begin()
        try:
            cells = next(reader, None)
        except csv.Error:
            yield _slowly(lines, separator, quote)
            continue
        if cells is None:
            return
        if odd is not None and quote in "".join(lines.taken) and any(map(odd.search, lines.taken)):
            yield _slowly(lines, separator, quote)
        elif width is not None and len(lines.taken) > 1 and (len(cells) < width or any(cells[width:])):
            yield _amiss(lines, separator, f"{len(cells)} cells over several lines, the header has {width}")
        elif cells and (len(cells) > 1 or lines.taken[0].strip()):
            blank = not any(cells) and not (quote and quote in lines.taken[0])
            yield Record(cells, lines.number + 1, blank=blank)


def _odd(separator: str, quote: str) -> re.Pattern[str]:
    """Return what finds quotes with blanks beside them, of which Python's csv would make something else."""
    apart, mark = re.escape(separator), re.escape(quote)
    return re.compile(rf"(?:^|{apart}) {mark}|{mark} +(?:{apart}|[\r\n]|$)")


def _slowly(lines: _Lines, separator: str, quote: str) -> Record:
    """Return the record whose lines were taken, letter by letter; where it is amiss, its first line alone."""
    lines.give_back(0)
    cells, text = list[str](), next(lines)
    number, at = lines.number + 1, 0
    while True:
        start = at + 1 if text[at : at + 2] == f" {quote}" else at
        if text[start : start + 1] != quote:
            end = _cell_end(text, at, separator)
            cells.append(text[at:end])
        else:
            cell, size, at = list[str](), 0, start + 1
            while (end := text.find(quote, at)) < 0 or text[end + 1 : end + 2] == quote:
                cell.append(text[at:] if end < 0 else text[at : end + 1])
                size, at = size + len(cell[-1]), end + 2
                if end < 0:
                    more = next(lines, None)
                    if more is None or size > MAX_CELL:
                        return _amiss(lines, separator, f"the quote of cell {len(cells) + 1} is never closed")
                    text, at = more, 0
            cells.append("".join(cell) + text[at:end])
            end += 1 + len(text[end + 1 :]) - len(text[end + 1 :].lstrip(" "))
            if text[end : end + 1] not in (separator, "\r", "\n", ""):
                return _amiss(lines, separator, f"a quote stands amiss in cell {len(cells)}")
        if text[end : end + 1] != separator:
            return Record(cells, number)
        at = end + 1


def _cell_end(text: str, at: int, separator: str) -> int:
    found = text.find(separator, at)
    return found if found >= 0 else len(text.rstrip("\r\n")) if text[at:].strip("\r\n") else at


def _amiss(lines: _Lines, separator: str, fault: str) -> Record:
    """Return the first line as its cells are by the separators alone; the others are read anew."""
    lines.give_back(1)
    return Record(lines.taken[0].rstrip("\r\n").split(separator), lines.number + 1, fault)


def opened(path: Path, codec: str) -> IO[str]:
    """Open a file of text for `records`, beyond its byte order mark."""
    file = path.open(encoding=codec, newline="")
    if codec.startswith("utf-16") and file.read(1) != "\ufeff":
        file.seek(0)
    return file
