"""Tables found in files that nobody described: what each format's own signs tell of them, with the evidence."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from lxml import etree

from connectors.drafting import FILL_IN, counted
from connectors.errors import BeffroiError, Unreadable
from connectors.files import formats
from connectors.files.archives import unpacked
from connectors.files.draft_columns import Column, columns_of
from connectors.files.reading import Hold, LocalFile
from connectors.files.settings import TableSettings
from connectors.files.spreadsheets import groups_start, opened
from connectors.files.spreadsheets_blocks import Block, blocks
from connectors.files.spreadsheets_parts import Row, Sheet, Workbook, letters, told
from connectors.files.tables import table as table_of
from connectors.registry import CsvFile

MOST_JSON = 64 * 1024**2
"""Bytes of a JSON file whose list of rows is looked for; that of a larger one is to be said."""


@dataclass(frozen=True)
class Table:
    """A table that was found: how it is declared, why, its columns and its rows."""

    name: str
    settings: dict[str, Any]
    evidence: tuple[str, ...] = ()
    columns: list[Column] = field(default_factory=list)
    rows: int = 0
    faults: int = 0
    trouble: str = ""
    file: LocalFile | None = None


def tables_of(file: LocalFile, hold: Hold, registry: str) -> list[Table]:
    """Return the tables of one file; one that cannot be read has its `trouble`."""
    stem = _stem(file.name)
    try:
        members = unpacked(file, TableSettings(file="*"), hold, registry)
    except BeffroiError as error:
        return [Table(stem, {"file": literal(file.name)}, trouble=_plain(error, registry))]
    found = list[Table]()
    for member in members:
        if member is not file and _ABOUT.match(member.name.rpartition("/")[2]):
            continue
        packed = {} if member is file else {"member": literal(member.name.removeprefix(f"{file.name}/"))}
        zipped = packed and not file.name.casefold().endswith(".gz")
        base: dict[str, Any] = {"file": literal(file.name)} | (packed if zipped else {})
        name = _stem(member.name) if zipped and len(members) > 1 else stem
        try:
            found += [_read(each, member, registry) for each in _proposed(member, name, base, registry)]
        except BeffroiError as error:
            found.append(Table(name, base, trouble=_plain(error, registry)))
    return found


_ABOUT = re.compile(r"(readme|lisez|leeme|licen[cs]e|licencia)[^/]*\.txt$", re.IGNORECASE)
"""Files of an archive that tell about the others."""


def _stem(name: str) -> str:
    last = name.rpartition("/")[2]
    return re.sub(r"(\.[A-Za-z]{2,7})+$", "", last) or last


def _plain(error: BeffroiError, registry: str) -> str:
    return error.detail.removeprefix(f"{registry}: ").removeprefix("the file: ")  # as sniffing calls it


def together(tables: list[Table], settings: dict[str, Any], registry: str) -> Table | None:
    """Return the one table of several files, its columns judged by the rows of all; None where they make none."""
    files = [table.file for table in tables if table.file is not None]
    try:
        said = TableSettings.model_validate(settings)
        batches = table_of(files, said, Hold(), registry)
        if not isinstance(batches, pa.RecordBatchReader):
            raise TypeError("several files are one table by a reader only")
        with batches:
            columns, rows, faults = columns_of(batches, batches.schema, _rewritten(settings))
    except BeffroiError:
        return None
    columns = [each for each in columns if each.name != said.file_column]
    evidence = (f"{len(files)} files have these columns: one table", *tables[0].evidence)
    return Table(tables[0].name, settings, evidence, columns, rows, faults)


def _rewritten(settings: dict[str, Any]) -> Collection[str] | None:
    """Return the columns of a CSV file whose numbers are written with a comma; None for other formats."""
    numbers: Collection[str] = settings.get("csv", {}).get("numbers", ())
    return numbers if settings["format"] == "csv" else None


def literal(name: str) -> str:
    """Return a name as a glob that fits it alone."""
    return "".join(f"[{each}]" if each in "*?[" else each for each in name)


def _proposed(file: LocalFile, stem: str, base: dict[str, Any], registry: str) -> Iterator[Table]:
    kind = formats.by_name(file.name)
    if kind is None:
        raise Unreadable(f"{registry}: the name {file.name} does not tell its format", registry=registry)
    base = {**base, "format": kind}
    if kind == "csv":
        from connectors.files.sniffing import sniff

        sniffed = sniff(file.path, file.name)
        if sniffed.doubt is not None:
            yield Table(stem, {**base, "csv": {sniffed.missing: _blank(sniffed.missing)}}, trouble=sniffed.doubt)
            return
        evidence = tuple(f"{each.key}: {each.value!r}, {each.evidence}" for each in sniffed.beliefs)
        yield Table(stem, {**base, "csv": sniffed.settings()}, evidence)
    elif kind in ("xlsx", "ods"):
        with told(file.name, registry), opened(file.path) as workbook:
            yield from _sheets(workbook, stem, base)
    elif kind in ("json", "xml"):
        rows, evidence = (_json_rows if kind == "json" else _xml_rows)(file.path)
        yield Table(stem, base | ({"rows": rows} if rows else {}), evidence)
    else:
        yield Table(stem, base)


def _blank(key: str) -> Any:
    """Return what stands for a setting that a person must declare."""
    return [FILL_IN] if key == "columns" else FILL_IN


def _read(table: Table, file: LocalFile, registry: str) -> Table:
    """Return a table with its columns, which are read to their ends."""
    if table.trouble:
        return table
    try:
        settings = TableSettings.model_validate(table.settings)
        found = formats.read(file.path, file.name, settings, registry)
        if isinstance(found, Path):
            parquet = pq.ParquetFile(found)
            columns, rows, faults = columns_of(parquet.iter_batches(), parquet.schema_arrow)
        else:
            with found.rows() if isinstance(found, CsvFile) else found as batches:
                columns, rows, faults = columns_of(batches, batches.schema, _rewritten(table.settings))
    except BeffroiError as error:
        return replace(table, trouble=_plain(error, registry))
    except pa.ArrowException as error:
        return replace(table, trouble=f"{file.name} cannot be read ({type(error).__name__})")
    return replace(table, columns=columns, rows=rows, faults=faults, file=file)


# --- workbooks -------------------------------------------------------------------------------------------------------


def _sheets(workbook: Workbook, stem: str, base: dict[str, Any]) -> Iterator[Table]:
    """Yield a table per block of each sheet."""
    found = [(sheet, *_looked_at(workbook, sheet)) for sheet in workbook.sheets]
    found = [(sheet, there, ends) for sheet, there, ends in found if there]
    for sheet, there, ends in found:
        for number, block in enumerate(there):
            last = number == len(there) - 1
            top = groups_start(workbook, sheet, block, block.first)
            header = block.top - top + _header_lines(workbook, sheet, block)
            start, end = f"{letters(block.left)}{top}", f"{letters(block.right)}{block.last}"
            where: dict[str, Any] = {"name": sheet.name, "range": start if last else f"{start}:{end}", "header": header}
            evidence = [
                f"sheet: {sheet.name}{' (hidden)' if sheet.hidden else ''}",
                f"a block of cells at {block.range}",
            ]
            if top > block.first:
                rows = f"row {block.first} above is narrower: a title"
                if top - 1 > block.first:
                    rows = f"rows {block.first} to {top - 1} above are narrower: titles"
                evidence.append(rows)
            if header > 1:
                evidence.append(f"{header} lines of header: cells merged over several columns stand in the first")
            totals = _totals(ends.get(block.last, []) + (ends.get(-1, []) if last else []))
            if totals:
                where["total"] = totals
                evidence.append(f"rows at the end that begin as {', '.join(totals)} are left out")
            several = len(found) > 1 or len(there) > 1
            name = f"{stem} {sheet.name}" if len(found) > 1 else stem
            name += f" {number + 1}" if several and len(there) > 1 else ""
            yield Table(name, {**base, "sheet": where}, tuple(evidence))


def _looked_at(workbook: Workbook, sheet: Sheet) -> tuple[list[Block], dict[int, list[str]]]:
    """Return the blocks of a sheet that are tables, and the first cells of rows at the end of it (under -1)."""
    ends: list[tuple[int, list[str | None]]] = []

    def watched() -> Iterator[Row]:
        for row in workbook.rows(sheet):
            ends.append((row.number, row.cells))
            del ends[:-8]
            yield row

    found = [block for block in blocks(watched()) if block.is_table]
    return found, {-1: [_first(cells) for _, cells in ends if _looks_like_end(cells)]}


def _first(cells: list[str | None]) -> str:
    return next((cell.strip() for cell in cells if cell and cell.strip()), "")


def _looks_like_end(cells: list[str | None]) -> bool:
    """Tell whether a row is a total or a note: it begins so, or holds words in its first column alone."""
    first = _first(cells).casefold()
    alone = sum(1 for cell in cells if cell) == 1
    return first.startswith(("total", "sous-total", "somme")) or (
        alone and first.startswith(("source", "note", "nb", "*", "(", "remarque", "observation", "mise à jour"))
    )


def _totals(firsts: list[str]) -> list[str]:
    """Return patterns for the rows at the end: their first word."""
    words = dict.fromkeys(re.split(r"[\s:.]", first.casefold())[0] for first in firsts if first)
    return [f"{literal(word)}*" for word in words if word]


def _header_lines(workbook: Workbook, sheet: Sheet, block: Block) -> int:
    """Return 2 where cells of the first line of the header are merged over several columns, else 1."""
    for top, left, bottom, right in workbook.merged(sheet):
        if top == block.top and block.left <= left and (right > left or bottom > top) and right <= block.right:
            return 2
    return 1


# --- JSON and XML ----------------------------------------------------------------------------------------------------


def _json_rows(path: Path) -> tuple[str | None, tuple[str, ...]]:
    """Return where the rows of a JSON file stand: the longest list of objects, None for the file itself."""
    if path.stat().st_size > MOST_JSON:
        return None, (f"the file is larger than {MOST_JSON // 2**20} MiB: where its rows stand was not looked for",)
    try:
        whole = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None, ()
    lists = sorted(_lists(whole, "", 0), key=lambda each: -each[1])
    if not lists or not lists[0][0]:
        return None, ("the file is one list of objects",) if lists else ()
    where, size = lists[0]
    return where, (f"rows: {where}, a list of {counted(size, 'object')}",)


def _lists(value: Any, where: str, depth: int) -> Iterator[tuple[str, int]]:
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        yield where, len(value)
    elif isinstance(value, dict) and depth < 5:
        for key, each in value.items():
            name = key if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key) else json.dumps(key, ensure_ascii=False)
            yield from _lists(each, f"{where}.{name}" if where else name, depth + 1)


def _xml_rows(path: Path) -> tuple[str | None, tuple[str, ...]]:
    """Return the path of the elements of an XML file that come most often, the outermost of them."""
    way, counts = list[str](), Counter[str]()
    try:
        for event, element in etree.iterparse(path, events=("start", "end"), resolve_entities=False, no_network=True):
            if event == "start":
                way.append(etree.QName(element).localname)
                if len(way) > 1:
                    counts["/".join(way)] += 1
            else:
                way.pop()
                element.clear()
            if counts.total() > 100_000:
                break
    except etree.XMLSyntaxError:
        return None, ()
    rows = next(
        (where for where, count in sorted(counts.items(), key=lambda each: each[0].count("/")) if count > 1), None
    )
    return rows, (f"rows: {rows}, which comes {counts[rows]:,} times or more",) if rows else ()
