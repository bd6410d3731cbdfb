"""Tables of XLSX and ODS workbooks: where they stand on a sheet, their headers, their rows as texts.

Every cell comes as text as a person means it (docs of the kind tell how); a row with a cell that cannot be told has its
FAULT. Nothing is guessed where it is not certain: several sheets or tables want `sheet:` to say which.
"""

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path

import pyarrow as pa

from connectors.errors import Misconfigured
from connectors.files.reading import WEB_PAGE, beginning, reserved, text_schema, unique
from connectors.files.settings import SheetSettings, TableSettings
from connectors.files.spreadsheets_blocks import Block, Several, blocks, watched
from connectors.files.spreadsheets_lots import Area, batches
from connectors.files.spreadsheets_ods import Ods
from connectors.files.spreadsheets_parts import Broken, Sheet, Span, Workbook, letters, place, told
from connectors.files.spreadsheets_xlsx import Xlsx

LOOKED_AT = 1000
"""Rows among which tables are looked for where `range:` does not say where one stands."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def read(file: Path, name: str, settings: TableSettings, registry: str) -> pa.RecordBatchReader:
    """Return the table of one workbook. Raises Unreadable and Misconfigured, which say `name`, sheet and line."""
    before = _state(file)
    with ExitStack() as open_files:
        with told(name, registry):
            workbook = open_files.enter_context(opened(file))
            sheet = chosen(workbook, settings.sheet, name, registry)
            block = None if settings.sheet.range else _sought(workbook, sheet, settings.sheet, name, registry)
            area = _area(workbook, sheet, block, settings.sheet, name, registry)
            columns = _columns(workbook, sheet, area, settings.sheet, name, registry)
        reserved(columns, name, registry)
        schema = text_schema(columns)
        lots = workbook.lots(sheet)
        if block is not None:
            lots = watched(lots, block, area.top + area.header, settings.sheet.totals)
        found = batches(lots, area, schema, settings.sheet.totals)
        still_open = open_files.pop_all()

    def checked() -> Iterator[pa.RecordBatch]:
        with still_open, told(name, registry):
            try:
                yield from found
            except Several as error:
                raise _several(error.ranges, sheet, name, registry) from None
            if _state(file) != before:
                raise Broken("changed while it was read")

    return pa.RecordBatchReader.from_batches(schema, checked())


def _state(file: Path) -> tuple[int, int]:
    """Return what changes with a file."""
    told_of = file.stat()
    return told_of.st_size, told_of.st_mtime_ns


@contextmanager
def opened(file: Path) -> Iterator[Workbook]:
    """Open a workbook, whatever its name says of it. Raises Broken."""
    with file.open("rb") as start:
        head = start.read(4096)
    if not zipfile.is_zipfile(file):
        raise Broken(_not_a_workbook(head, file))
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise Broken("is damaged, or was cut on its way") from error
    with archive:
        names = set(archive.namelist())
        if "content.xml" in names:
            yield Ods(archive)
        elif "[Content_Types].xml" in names or "_rels/.rels" in names:
            yield Xlsx(archive)
        else:
            raise Broken("is a zip archive and no workbook")


def _not_a_workbook(head: bytes, file: Path) -> str:
    """Return what a file is that is no zip, as an XLSX or ODS is."""
    text = beginning(head)
    if head.startswith(_OLE):
        with file.open("rb") as whole:
            encrypted = "EncryptedPackage".encode("utf-16-le") in whole.read(1 << 22)
        said = "is an Excel workbook of before 2007 (.xls): save it as .xlsx"
        return "is protected by a password: save it without one" if encrypted else said
    signs = {
        b"PK": "is damaged, or was cut on its way",
        **dict.fromkeys(
            WEB_PAGE,
            "is a web page (HTML) and no workbook, whatever its name says: open it and save it as .xlsx",
        ),
        b"<?xml": "is an XML file and no workbook: open it and save it as .xlsx",
    }
    for sign, said in signs.items():
        if text.startswith(sign.lower()):
            return said
    if head and b"\0" not in head:
        return "is a text, such as CSV, and no workbook: say format: csv"
    return "is no workbook" if head else "is empty"


def chosen(workbook: Workbook, settings: SheetSettings, name: str, registry: str) -> Sheet:
    """Return the sheet that is declared, else the only one that holds anything. Raises Misconfigured."""
    there = ", ".join(sheet.name for sheet in workbook.sheets) or "none"
    if settings.name is not None:
        wanted = settings.name.strip().casefold()
        for sheet in workbook.sheets:
            if sheet.name.strip().casefold() == wanted:
                return sheet
        raise Misconfigured(
            f"{registry}: {name} has no sheet «{settings.name}»; it has: {there}", registry=registry
        )  # fmt: skip
    filled = [sheet for sheet in workbook.sheets if next(workbook.rows(sheet), None) is not None]
    if len(filled) == 1:
        return filled[0]
    if not filled:
        raise Broken("has no sheet that holds anything")
    names = ", ".join(sheet.name + " (hidden)" * sheet.hidden for sheet in filled)
    raise Misconfigured(
        f"{registry}: {name} has several sheets: say which, as sheet: {{name: …}}; it has: {names}", registry=registry
    )


def _sought(workbook: Workbook, sheet: Sheet, settings: SheetSettings, name: str, registry: str) -> Block:
    """Return the only table that stands on a sheet. Raises Broken, and Misconfigured where there may be several."""
    width = len(settings.columns or ())
    found = blocks(islice(workbook.rows(sheet), LOOKED_AT), settings.totals, width)
    if not found:
        raise Broken(f"has nothing on its sheet «{sheet.name}»")
    if len(found) > 1:
        raise _several([block.range for block in found], sheet, name, registry)
    return found[0]


def _several(ranges: Sequence[str], sheet: Sheet, name: str, registry: str) -> Misconfigured:
    """Return the error where more than one table may stand on a sheet: the ranges to choose from."""
    starts = [place(each.partition(":")[0]) for each in ranges]
    whole = f"{letters(min(left for _, left in starts))}{min(top for top, _ in starts)}"
    return Misconfigured(
        f"{registry}: {name} may have several tables on its sheet «{sheet.name}»: say which, as sheet: {{range: …}};"
        f" they stand at: {', '.join(ranges)}; if all of it is one, say range: {whole}",
        registry=registry,
    )


def _area(
    workbook: Workbook, sheet: Sheet, block: Block | None, settings: SheetSettings, name: str, registry: str
) -> Area:
    """Return where the table stands: as declared, else the block that was found. Raises Misconfigured."""
    header = 1 if settings.header is None else settings.header
    if block is not None:
        top = _header_start(workbook, sheet, block, header, name, registry) if header else block.first
        return Area(top, block.left, None, None, header, sought=True)
    start, _, end = (settings.range or "").partition(":")
    top, left = place(start)
    bottom, right = place(end) if end else (None, None)
    if bottom is not None and right is not None and (bottom < top or right < left):
        raise Misconfigured(f"{registry}: the range {settings.range} ends before it begins", registry=registry)
    return Area(top, left, bottom, right, header)


def _header_start(workbook: Workbook, sheet: Sheet, block: Block, header: int, name: str, registry: str) -> int:
    """Return the first row of a header of so many lines: merged cells that head groups of columns begin it.

    Raises Misconfigured where a line above may be a title or belong to it.
    """
    top, most = block.top, block.top - header + 1
    if header == 1 or block.first == top:
        return top
    spans, top = workbook.merged(sheet), groups_start(workbook, sheet, block, most)
    told = block.top - top + 1 + any(span[0] == block.top and block.left <= span[1] <= block.right for span in spans)
    if header <= told or block.first == top:
        return top
    column = letters(block.left)
    raise Misconfigured(
        f"{registry}: the {header} lines of the header of {name} on its sheet «{sheet.name}» may begin in row {top}, or"
        f" above: say where, as sheet: {{range: {column}{top}}} or {{range: {column}{max(most, block.first)}}}",
        registry=registry,
    )


def groups_start(workbook: Workbook, sheet: Sheet, block: Block, most: int) -> int:
    """Return the first of the rows above a header, from the row `most` on, whose merged cells head groups of its columns."""
    filled, spans, top = dict(block.rows), workbook.merged(sheet), block.top
    while top > most and _is_group(filled.get(top - 1, []), top - 1, block.left, spans):
        top -= 1
    return top


def _is_group(columns: list[int], row: int, first: int, spans: list[Span]) -> bool:
    """Tell whether a row has cells that head several columns each: more than one cell, or one that is no title."""
    merged = any(top == row and right > left and left in columns for top, left, _, right in spans)
    return merged and (len(columns) > 1 or columns[0] > first)


def _columns(
    workbook: Workbook, sheet: Sheet, area: Area, settings: SheetSettings, name: str, registry: str
) -> list[str]:
    """Return the names of the columns: declared ones, else those of the lines of the header, joined."""
    names = _header(workbook, sheet, area) if area.header else []
    if area.right is not None:
        names = (names + [""] * area.right)[: area.right - area.left + 1]
    if area.header and not any(names):
        raise Broken(f"has no header in row {area.top} of its sheet «{sheet.name}»")
    if settings.columns is None:
        return unique(names)
    if area.header and len(settings.columns) != len(names):
        raise Misconfigured(
            f"{registry}: {name} has {len(names)} columns on its sheet «{sheet.name}», columns: names"
            f" {len(settings.columns)}",
            registry=registry,
        )
    return list(settings.columns)


def _header(workbook: Workbook, sheet: Sheet, area: Area) -> list[str]:
    """Return what the lines of the header say of each column, what merged cells say repeated under them."""
    last = area.top + area.header - 1
    lines = {number: dict[int, str]() for number in range(area.top, last + 1)}
    for row in workbook.rows(sheet):
        if row.number > last:
            break
        if row.number >= area.top:
            lines[row.number] = {at: each for at, each in enumerate(row.cells) if each and each.strip()}
    for top, left, bottom, right in _spans(workbook.merged(sheet), area.top, last):
        text = lines[top].get(left)
        for number in range(top, min(bottom, last) + 1):
            for at in range(left, right + 1):
                if text is not None:
                    lines[number].setdefault(at, text)
    width = max((max(line, default=-1) for line in lines.values()), default=-1) + 1
    names = []
    for at in range(area.left, width):
        parts = [" ".join(line[at].split()) for line in lines.values() if at in line]
        names.append(" ".join(dict.fromkeys(parts)))
    return names


def _spans(spans: list[Span], top: int, last: int) -> Iterator[Span]:
    return (span for span in spans if top <= span[0] <= last)
