"""What a CSV file seems to be, with the evidence: for a draft of its declaration, which a person then reads."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.drafting import counted
from connectors.errors import Misconfigured
from connectors.files import csv_files, numbers
from connectors.files.csv_rows import opened, records
from connectors.files.dialects import Dialect, found
from connectors.files.headers import Belief, Unsure
from connectors.files.settings import CsvSettings

__all__ = ["Belief", "Sniffed", "sniff"]

TOTALS = ("total", "totaux", "sous-total", "totales", "suma", "source", "fuente", "note", "nota", "*")
"""How the first cell of a row begins that is no row of the table."""

_SUMS = ("total", "totaux", "sous-total", "totales", "suma")
_SUM = re.compile(rf"({'|'.join(_SUMS)})(?![^\W\d_])")
"""How a row begins that is a sum of the others though it has no gap: as a word of its own."""

LOOKED_AT = 20_000
"""Rows by which numbers are judged."""


@dataclass(frozen=True)
class Sniffed:
    """What is believed; `columns` are the names.

    `doubt` says what is not certain, and `missing` the setting that a person must declare then.
    """

    beliefs: tuple[Belief, ...] = ()
    columns: tuple[str, ...] = ()
    doubt: str | None = None
    missing: str = ""

    def settings(self) -> dict[str, Any]:
        """Return the beliefs as the keys of `csv:`."""
        return {each.key: each.value for each in self.beliefs if each.key in CsvSettings.model_fields}


def sniff(path: Path, name: str) -> Sniffed:
    """Return what is believed of a CSV file that people call `name`.

    Raises Unreadable for what is no text, or a mixture of encodings.
    """
    try:
        dialect = found(path, name, CsvSettings(), "the file")
    except Misconfigured as error:
        unsure = error.__cause__
        missing = unsure.key if isinstance(unsure, Unsure) else "encoding"
        return Sniffed(doubt=error.detail.removeprefix("the file: "), missing=missing)
    return Sniffed((*dialect.beliefs, *_totals(path, dialect), *_numbers(path, dialect)), dialect.columns)


def _totals(path: Path, dialect: Dialect) -> Iterator[Belief]:
    """Yield the belief that some rows are totals or notes: those with gaps, and the last before the notes at the end.

    Where most rows begin like a total it is none: the table is one of totals.
    """
    starts, without_gap, rows = dict[str, int](), list[int](), 0
    last: tuple[str, int] | None = None
    with opened(path, dialect.detected.codec) as text:
        every = records(text, dialect.separator, dialect.quote, path.name, "the file")
        for record in islice((each for each in every if each.line > dialect.skip), dialect.header, None):
            if record.blank:
                continue
            first = next((cell.strip().casefold() for cell in record.cells if cell.strip()), "")
            start = next((each for each in TOTALS if first.startswith(each)), None)
            gaps = len(record.cells) != dialect.width or not all(cell.strip() for cell in record.cells)
            rows += 1
            if start is not None and gaps:
                starts.setdefault(start, record.line)
            elif _SUM.match(first):
                last = (start or first, record.line)
                without_gap.append(record.line)
            elif not _is_note(record.cells):
                last = None
    if last is not None and len(without_gap) * 2 < rows:
        starts.setdefault(*last)
    if starts:
        said = ", ".join(f"line {line} begins with «{start}»" for start, line in starts.items())
        yield Belief("total", [f"{re.sub(r'[*]', '[*]', start)}*" for start in starts], said, certain=False)


def _is_note(cells: list[str]) -> bool:
    return sum(bool(cell.strip()) for cell in cells) == 1


def _numbers(path: Path, dialect: Dialect) -> Iterator[Belief]:
    """Yield the belief that numbers are written with a comma, or with something between thousands."""
    said = CsvSettings(total=[f"{each.replace('*', '[*]')}*" for each in TOTALS])
    reader = csv_files.carefully(path, path.name, dialect, said, "the file")
    with reader:
        batches = list(islice(reader, LOOKED_AT // 10_000))
    for decimal, thousands in ((",", ""), (",", " "), (",", "."), (".", ","), (".", " ")):
        plain = _numeric(batches, len(dialect.columns), numbers.Form(".", ""))
        fits = _numeric(batches, len(dialect.columns), numbers.Form(decimal, thousands))
        columns = [name for name, was, now in zip(dialect.columns, plain, fits, strict=True) if now and not was]
        columns = [name for name in columns if not thousands or _has(batches, name, numbers.Form(decimal, thousands))]
        if not thousands or decimal == ",":
            columns = _told(batches, columns, decimal)
        if columns:
            many = f"{counted(len(columns), 'column')} {'is a number' if len(columns) == 1 else 'are numbers'}"
            evidence = f"{many} when read so: {', '.join(columns[:5])}"
            if decimal == ",":
                yield Belief("decimal", decimal, evidence, certain=False)
            if thousands:
                yield Belief("thousands", thousands, evidence, certain=False)
            yield Belief("numbers", columns, "the columns that are written so", certain=False)
            return


def _told(batches: list[pa.RecordBatch], columns: list[str], decimal: str) -> list[str]:
    """Return the columns whose numbers have that decimal sign: 12,345 alone may have thousands there.

    One column tells it for all, where other than three digits follow the sign.
    """
    blanks = f"[{numbers.BLANKS}]*"
    whole, threes = rf"\{decimal}\d+{blanks}$", rf"^{blanks}[+-]?[1-9]\d{{0,2}}\{decimal}\d{{3}}{blanks}$"
    signed, doubtful = list[str](), list[str]()
    for name in columns:
        found = [each.filter(pc.match_substring_regex(each, whole)) for each in _column(batches, name)]
        if any(len(each) for each in found):
            signed.append(name)
            if all(pc.all(pc.match_substring_regex(each, threes), min_count=0).as_py() for each in found):
                doubtful.append(name)
    return [name for name in columns if name not in doubtful] if signed == doubtful else columns


def _column(batches: list[pa.RecordBatch], name: str) -> Iterator[pa.Array]:
    """Yield the values of a column, of rows without a fault."""
    for batch in batches:
        yield batch.filter(pc.is_null(batch.column(batch.num_columns - 1))).column(name).drop_null()


def _numeric(batches: list[pa.RecordBatch], count: int, form: numbers.Form) -> list[bool]:
    """Return which of the first `count` columns hold numbers of a form throughout, and at least one."""
    fitting, seen = [True] * count, [False] * count
    for batch in batches:
        good = batch.filter(pc.is_null(batch.column(count)))
        for place in range(count):
            column = good.column(place).drop_null()
            seen[place] = seen[place] or len(column) > 0
            whole = pc.all(pc.match_substring_regex(column, form.pattern), min_count=0).as_py()
            fitting[place] = fitting[place] and whole
    return [each and some for each, some in zip(fitting, seen, strict=True)]


def _has(batches: list[pa.RecordBatch], name: str, form: numbers.Form) -> bool:
    """Tell whether some number of a column has its thousands apart.

    A comma or point alone may part the decimals as well (46,100): it needs a second one, or decimals after it.
    """
    sign = f"[{re.escape(form.apart)}]"
    more = "" if form.thousands == " " else rf"(?:{sign}\d{{3}}|{re.escape(form.decimal)}\d)"
    apart = re.compile(rf"\d{sign}\d{{3}}{more}")
    return any(
        cell is not None and apart.search(cell)
        for batch in batches
        for cell in batch.column(batch.schema.get_field_index(name)).to_pylist()[:2000]
    )
