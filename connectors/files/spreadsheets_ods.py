"""ODS workbooks, read row by row in memory that does not grow with a sheet: its cells as a person means them.

Source: OpenDocument 1.3 part 3, chapter 9 (tables), 19.380 to 19.387 (values of cells).
"""

import re
import zipfile
from collections.abc import Iterator
from decimal import Decimal

from connectors.files.reading import MAX_CELL
from connectors.files.spreadsheets_formats import DAY, NoValue, duration, is_grouped, number_text
from connectors.files.spreadsheets_parts import COLUMNS, Broken, Parser, Row, Sheet, Span, bounded, part

MAX_CELLS = 200_000_000
"""Filled cells of a sheet, at most, those that the file repeats by a number included."""

_ROWS = 1 << 24
_TIME = re.compile(
    r"(-?)P(?:([0-9]{1,9})D)?(?:T(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9}(?:[.,][0-9]+)?)S)?)?"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?)?")


class Ods:
    """An open ODS workbook."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        """Find the sheets. Raises Broken."""
        self._archive = archive
        if "META-INF/manifest.xml" in archive.namelist():
            manifest = b"".join(part(archive, "META-INF/manifest.xml", 1 << 24))
            if b"encryption-data" in manifest:
                raise Broken("is protected by a password: save it without one")
        content = _Content(None)
        for _ in content.rows(part(archive, "content.xml")):
            pass
        self.sheets = [Sheet(name, style in content.hidden, str(at)) for at, (name, style) in enumerate(content.tables)]

    def rows(self, sheet: Sheet) -> Iterator[Row]:
        """Yield the rows of a sheet that hold anything, in order. Raises Broken."""
        return _Content(int(sheet.part)).rows(part(self._archive, "content.xml"))

    def lots(self, sheet: Sheet) -> Iterator[list[Row]]:
        """Yield the same rows, one by one."""
        return ([row] for row in self.rows(sheet))

    def merged(self, sheet: Sheet) -> list[Span]:
        """Return the merged ranges of a sheet."""
        content = _Content(int(sheet.part))
        for _ in content.rows(part(self._archive, "content.xml")):
            pass
        return content.merged


class _Content:
    """Reads `content.xml`: the rows of one of its tables, or the names of all."""

    def __init__(self, wanted: int | None) -> None:
        self.tables: list[tuple[str, str]] = []
        self.hidden: set[str] = set()
        self.merged: list[Span] = []
        self._wanted = wanted
        self._parser = Parser()
        self._parser.expat.StartElementHandler = self._start
        self._parser.expat.EndElementHandler = self._end
        self._parser.expat.CharacterDataHandler = self._text
        self._style = ""
        self._number = self._repeat = 1
        self._depth = self._aside = self._at = self._cells = self._size = 0
        self._row: Row | None = None
        self._cell: dict[str, str] | None = None
        self._parts: list[str] = []
        self._paragraph = False
        self._found: list[tuple[Row, int]] = []

    def rows(self, pieces: Iterator[bytes]) -> Iterator[Row]:
        """Yield the rows of the wanted table that hold anything."""
        for piece in pieces:
            self._parser.feed(piece)
            yield from self._repeated()
        self._parser.feed(b"", last=True)
        yield from self._repeated()

    def _repeated(self) -> Iterator[Row]:
        found, self._found = self._found, []
        for row, times in found:
            self._cells += times * sum(each is not None for each in row.cells)
            if self._cells > MAX_CELLS:
                raise Broken(f"has more than {MAX_CELLS:,} cells in one sheet")
            for more in range(times):
                yield Row(row.number + more, list(row.cells), row.faults)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = self._parser.local(name)
        if name == "table":
            self._depth += 1
        if self._cell is not None or self._depth > 1:
            self._start_within(name, attributes)
            return
        told = {self._parser.local(key): value for key, value in attributes.items() if not key.startswith("calcext")}
        match name:
            case "style":
                self._style = told.get("name", "")
            case "table-properties" if told.get("display") == "false":
                self.hidden.add(self._style)
            case "table":
                self.tables.append((told.get("name", ""), told.get("style-name", "")))
                self._number = 1
            case "table-row" if self._depth == 1 and len(self.tables) - 1 == self._wanted:
                self._repeat = _times(told.get("number-rows-repeated"))
                self._row, self._at = Row(self._number, []), 0
            case "table-cell" | "covered-table-cell" if self._row is not None:
                self._cell, self._parts, self._size = attributes, [], 0

    def _start_within(self, name: str, attributes: dict[str, str]) -> None:
        """Take what stands in a cell: the paragraphs of its text, and nothing of notes and drawings."""
        if name in ("annotation", "table", "frame", "shapes", "custom-shape"):
            self._aside += 1
        if self._aside:
            return
        if name == "p":
            if self._parts:
                self._parts.append("\n")
            self._parts.append("")
            self._paragraph = True
        elif name == "s":
            told = next((value for key, value in attributes.items() if key.endswith(" c")), "1")
            self._parts.append(" " * min(_times(told), MAX_CELL))
        elif name in ("tab", "line-break"):
            self._parts.append("\t" if name == "tab" else "\n")

    def _end(self, name: str) -> None:
        name = self._parser.local(name)
        if name == "table":
            self._depth -= 1
        if self._aside:
            if name in ("annotation", "table", "frame", "shapes", "custom-shape"):
                self._aside -= 1
        elif name == "p":
            self._paragraph = False
        elif name in ("table-cell", "covered-table-cell") and self._cell is not None and self._row is not None:
            self._finish(self._row, {self._parser.local(key): each for key, each in self._cell.items()}, self._cell)
            self._cell = None
        elif name == "table-row" and self._row is not None:
            if self._row.cells or self._row.faults:
                self._found.append((self._row, self._repeat))
            self._number += self._repeat
            if self._number > _ROWS:
                raise Broken(f"has more than {_ROWS:,} rows in one sheet")
            self._row = None

    def _text(self, data: str) -> None:
        if self._paragraph and not self._aside:
            self._parts.append(data)
            self._size += len(data)
            if self._size > MAX_CELL:
                bounded("".join(self._parts))

    def _finish(self, row: Row, told: dict[str, str], attributes: dict[str, str]) -> None:
        times = _times(told.get("number-columns-repeated"))
        at, self._at = self._at, self._at + times
        right, down = _times(told.get("number-columns-spanned")), _times(told.get("number-rows-spanned"))
        if right > 1 or down > 1:
            self.merged.append((row.number, at, row.number + down - 1, at + right - 1))
        shown = bounded("".join(self._parts))
        try:
            text, fault = value_of(told, shown), None
            if any(key.endswith("value-type") and value == "error" for key, value in attributes.items()):
                fault = "an error instead of a value"
        except NoValue as error:
            text, fault = shown or None, str(error)
        if text is None and fault is None:
            return
        if self._at > COLUMNS:
            raise Broken(f"has more than {COLUMNS:,} columns")
        row.cells += [None] * (at - len(row.cells)) + [text] * times
        if fault is not None:
            row.faults |= dict.fromkeys(range(at, at + times), fault)


def value_of(told: dict[str, str], shown: str) -> str | None:
    """Return a cell as text: its value, None where it has none. `shown` is what a person sees. Raises NoValue."""
    kind = told.get("value-type", "")
    if kind in ("float", "percentage", "currency"):
        text = number_text(told.get("value", ""))
        digits = re.sub(r"[ \-/\u00a0\u202f]", "", shown)
        is_code = digits.isdecimal() and digits.startswith("0") and digits.lstrip("0") == text
        return shown if is_code and not is_grouped(shown) else text
    if kind == "date":
        text = told.get("date-value", "")
        if not _DATE.fullmatch(text):
            raise NoValue("a date that is none")
        return text
    if kind == "time":
        return _clock(told.get("time-value", ""))
    if kind == "boolean":
        if told.get("boolean-value") not in ("true", "false"):
            raise NoValue("a truth value that is none")
        return told["boolean-value"]
    if kind in ("", "string", "error", "void"):
        if kind == "" and "formula" in told and not shown:
            raise NoValue("a formula whose value the file does not hold")
        return told.get("string-value", "") or shown or None
    raise NoValue("a type that no cell has")


def _clock(text: str) -> str:
    match = _TIME.fullmatch(text)
    if match is None:
        raise NoValue("a time that is none")
    days, hours, minutes = (int(each or 0) for each in match.group(2, 3, 4))
    seconds = Decimal((match[5] or "0").replace(",", "."))
    whole = days * DAY + hours * 3_600_000 + minutes * 60_000 + round(seconds * 1000)
    return duration(-whole if match[1] else whole)


def _times(text: str | None) -> int:
    """Return a number of times that the file tells, 1 where it tells none. Raises Broken."""
    if text is None:
        return 1
    if not (text.isdecimal() and len(text) < 10) or int(text) == 0:
        raise Broken("is not a whole workbook: it repeats something a number of times that is none")
    return int(text)
