"""CSV files as municipalities make them: the engine reads those that are in order, the careful reader all others.

Both give the same table. A file in another encoding is written anew in UTF-8 for the engine, if it is in order else.
"""

import codecs
import logging
import re
import weakref
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from connectors.errors import Misconfigured, Unreadable
from connectors.files import numbers
from connectors.files.csv_rows import Record, opened, records
from connectors.files.dialects import Dialect, found
from connectors.files.encodings import CHUNK, as_one, pieces
from connectors.files.reading import BATCH_BYTES, BATCH_ROWS, Hold, is_total, reserved, text_schema
from connectors.files.settings import CsvSettings, TableSettings
from connectors.registry import CsvFile, stamped

log = logging.getLogger(__name__)


def read(file: Path, name: str, settings: TableSettings, registry: str) -> CsvFile | pa.RecordBatchReader:
    """Return the table of a file: all cells as texts, those that are empty null.

    Raises Unreadable, and Misconfigured where the dialect is not certain; both say what to do.
    """
    said, before = settings.csv, stamped(file)
    dialect = found(file, name, said, registry)
    reserved(dialect.columns, name, registry)
    log.info(
        "%s: %s: %s",
        registry,
        name,
        "; ".join(f"{each.key} {each.value} ({each.evidence})" for each in dialect.beliefs),
    )
    if dialect.first is not None and _is_plain(dialect, said):
        hold = Hold()
        place = _for_engine(file, dialect, hold)
        in_order, stamp = _is_in_order(place, dialect), stamped(place)
        if stamped(file) != before:
            raise Unreadable(f"{registry}: {name} changed while it was read: run it again", registry=registry)
        if in_order:
            rows = partial(carefully, file, name, dialect, said, registry)
            plain = CsvFile(place, dialect.columns, dialect.separator, dialect.quote, dialect.first, rows, stamp)
            weakref.finalize(plain, hold.close)
            return plain
        hold.close()
    return carefully(file, name, dialect, said, registry)


# --- for the engine --------------------------------------------------------------------------------------------------


def _is_plain(dialect: Dialect, said: CsvSettings) -> bool:
    """Tell whether an engine can read such a dialect: nothing to leave out or to rewrite."""
    asked = said.total or said.decimal or said.thousands or said.header == 0
    heads = dialect.headers
    whole = all(len(each) == dialect.width for each in heads)
    ascii_only = dialect.separator.isascii() and dialect.quote.isascii()
    return not asked and whole and dialect.width > 1 and ascii_only and not dialect.detected.nul


def _for_engine(file: Path, dialect: Dialect, hold: Hold) -> Path:
    """Return a path of the table in UTF-8 in which the engine finds no glob."""
    if dialect.detected.encoding != "utf-8":
        return _in_utf8(file, dialect, hold)
    if not any(each in str(file) for each in "*?["):
        return file
    place = hold.folder() / "table.csv"
    place.symlink_to(file.resolve())
    return place


def _in_utf8(file: Path, dialect: Dialect, hold: Hold) -> Path:
    """Write a file anew in UTF-8. What cannot be decoded stays as it is: the careful reader says where."""
    place = hold.folder() / "utf-8.csv"
    decoder = codecs.getincrementaldecoder(dialect.detected.codec)(errors="replace")
    with file.open("rb") as source, place.open("wb") as target:
        while chunk := source.read(CHUNK):
            target.write(decoder.decode(chunk).encode())
        target.write(decoder.decode(b"", final=True).encode())
    return place


def _is_in_order(place: Path, dialect: Dialect) -> bool:
    """Tell whether nothing in a file needs care, as far as the engine does not see it itself.

    No header comes again, no row is separators alone, and no cell has two pairs of quotes, which DuckDB makes one of.
    """
    names, mark = dialect.headers[0], dialect.quote
    anew = dialect.detected.encoding != "utf-8"
    signs = (_again(names, dialect.separator, mark), *_nothing(dialect))
    twice = f"{re.escape(mark)} (?: *{re.escape(mark)}| {{499}})"  # so many blanks may go over the end of a piece

    def is_free(data: bytes, at: int) -> bool:
        body = data if at else data[_after_header(data, names) :]
        if len(data) < CHUNK + _MORE:  # the file ends here: its last line may have no end
            body += b"\n"
        return not (
            any(_has(body, sign) for sign in signs)
            or (mark and mark.encode() in data and _has(data, twice))
            or (anew and (b"\0" in data or _has(data, "\ufffd")))
        )

    return all(pieces(place, is_free, _MORE))


_MORE = 10_000
"""Bytes in which whatever is looked for stands: a thousand letters of names at most, of 4 bytes each."""


def _again(names: tuple[str, ...], separator: str, mark: str) -> str:
    """Return what finds a header: the first of its names, within quotes or not, as far as 500 letters go."""
    seen, size = list[str](), 0
    for name in names[:20]:
        seen.append(re.escape(name.replace(mark, mark * 2)[:500] if mark else name[:500]))
        size += len(name)
        if size >= 500:
            break
    around = f"{re.escape(mark)}?"
    return (f"{around} *{re.escape(separator)} ?{around}" if mark else re.escape(separator)).join(seen)


def _nothing(dialect: Dialect) -> tuple[str, str]:
    """Return what finds a row of separators alone after either end of a line, or so many that it may be one."""
    apart = re.escape(dialect.separator)
    row = f"{apart * min(dialect.width - 1, 100)}(?:{apart}*[\r\n]|{apart}{{500}})"
    return f"\n{row}", f"\r{row}"


def _has(data: bytes, pattern: str) -> bool:
    """Tell whether a pattern occurs in bytes, as RE2 finds it: what begins with a literal at several GB a second."""
    return bool(pc.match_substring_regex(as_one(data, pa.binary(), 0, len(data)), pattern)[0].as_py())


def _after_header(whole: bytes, names: tuple[str, ...]) -> int:
    """Return where to begin to look for another header: after the last name of the first."""
    at = 0
    for name in names:
        found_at = whole.find(name.encode(), at)
        at = at if found_at < 0 else found_at + len(name.encode())
    return at


# --- row by row ------------------------------------------------------------------------------------------------------


def carefully(file: Path, name: str, dialect: Dialect, said: CsvSettings, registry: str) -> pa.RecordBatchReader:
    """Return the table of a file, row by row, with a FAULT where a row is amiss."""
    schema = text_schema(dialect.columns)
    if said.decimal or said.thousands:
        form = numbers.Form(said.decimal or ("," if said.thousands == "." else "."), said.thousands or "")
        if lacking := [each for each in said.numbers or () if each not in dialect.columns]:
            if len(dialect.columns) == 1 and all(each in dialect.columns[0] for each in said.numbers or ()):
                raise Unreadable(
                    f"{registry}: {name} is one column, since «{dialect.separator}» parts nothing in it: its header is"
                    f" {dialect.columns[0][:200]}; have it sent as before, or say its separator: under csv:",
                    registry=registry,
                )
            raise Misconfigured(
                f"{registry}: {name} has no column {lacking[0]}, which numbers: names; it has:"
                f" {', '.join(dialect.columns)}",
                registry=registry,
            )
        numbered = partial(_batches, file, name, dialect, said, registry, schema.append(pa.field("", pa.int64())))
        return pa.RecordBatchReader.from_batches(schema, numbers.rewritten(numbered, schema, form, said.numbers))
    return pa.RecordBatchReader.from_batches(schema, _batches(file, name, dialect, said, registry, schema))


def _batches(
    file: Path, name: str, dialect: Dialect, said: CsvSettings, registry: str, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Yield batches of cells and faults; where the schema has one column more, the line of each row stands there."""
    physical = len(dialect.headers[0]) if dialect.headers else dialect.width
    with opened(file, dialect.detected.codec) as text:
        for _ in range(dialect.skip):
            text.readline(1_000_000)
        every = records(text, dialect.separator, dialect.quote, name, registry, physical)
        list(islice(every, dialect.header))
        cells, faults, lines, size = list[list[str]](), list[str | None](), list[int](), 0
        for row, line, fault in _rows(every, dialect, said):
            cells.append(row)
            faults.append(f"line {line}: {fault}" if fault else None)
            lines.append(line)
            size += sum(map(len, row)) + 8 * len(row)
            if len(cells) >= BATCH_ROWS or size >= BATCH_BYTES:
                yield _batch(cells, faults, lines, schema)
                cells, faults, lines, size = [], [], [], 0
        if cells:
            yield _batch(cells, faults, lines, schema)


def _rows(every: Iterator[Record], dialect: Dialect, said: CsvSettings) -> Iterator[tuple[list[str], int, str | None]]:
    """Yield rows as cells, the line on which each begins, and what is amiss: no total, no header that comes again, no row without anything."""
    width, totals, headers = dialect.width, said.totals, {each[0]: each for each in dialect.headers}
    nul = dialect.detected.nul or dialect.detected.encoding.startswith("utf-16")
    for record in every:
        cells, fault = record.cells, record.fault
        if record.blank and width > 1:
            continue
        if totals and is_total(cells, totals):
            continue
        if cells[0] in headers and tuple(cells) == headers[cells[0]]:
            continue
        if len(cells) != width:
            cells, fault = _fitted(cells, dialect, fault)
        if nul and any("\0" in cell for cell in cells):
            fault = fault or "a NUL character"
        yield cells, record.line + dialect.skip, fault


def _fitted(cells: list[str], dialect: Dialect, fault: str | None) -> tuple[list[str], str | None]:
    """Return cells as many as the header has, and what was amiss; nothing of the row is lost."""
    width = dialect.width
    if len(cells) < width:
        few = f"{len(cells)} cell{'s' * (len(cells) > 1)}, the header has {width}"
        return cells + [""] * (width - len(cells)), fault or few
    if not any(cell.strip() for cell in cells[width:]):
        return cells[:width], fault
    rest = dialect.separator.join(cells[width - 1 :])
    return [*cells[: width - 1], rest], fault or f"{len(cells)} cells, the header has {width}"


def _batch(cells: list[list[str]], faults: list[str | None], lines: list[int], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [_nullified(pa.array(column, pa.string())) for column in zip(*cells, strict=True)]
    arrays += [pa.array(faults, pa.string()), pa.array(lines, pa.int64())]
    return pa.RecordBatch.from_arrays(arrays[: len(schema)], schema=schema)


def _nullified(column: pa.Array) -> pa.Array:
    """Return texts with those that are empty null."""
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
