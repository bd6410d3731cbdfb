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

LOOKED_AT = 20_000
"""Rows by which numbers and totals are judged."""


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
    """Yield the belief that some rows are totals or notes."""
    starts = dict[str, int]()
    with opened(path, dialect.detected.codec) as text:
        every = records(text, dialect.separator, dialect.quote, path.name, "the file")
        for record in islice(every, dialect.header, LOOKED_AT):
            first = next((cell.strip().casefold() for cell in record.cells if cell.strip()), "")
            start = next((each for each in TOTALS if first.startswith(each)), None)
            gaps = len(record.cells) != dialect.width or not all(cell.strip() for cell in record.cells)
            if start is not None and gaps and record.line > dialect.skip + 1:
                starts.setdefault(start, record.line)
    if starts:
        said = ", ".join(f"line {line} begins with «{start}»" for start, line in starts.items())
        yield Belief("total", [f"{re.sub(r'[*]', '[*]', start)}*" for start in starts], said, certain=False)


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
        if columns:
            many = f"{counted(len(columns), 'column')} {'is a number' if len(columns) == 1 else 'are numbers'}"
            evidence = f"{many} when read so: {', '.join(columns[:5])}"
            if decimal == ",":
                yield Belief("decimal", decimal, evidence, certain=False)
            if thousands:
                yield Belief("thousands", thousands, evidence, certain=False)
            yield Belief("numbers", columns, "the columns that are written so", certain=False)
            return


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
