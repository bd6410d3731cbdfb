"""The header of a CSV file: which lines it is, and what its columns are called."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.drafting import counted
from connectors.files.csv_rows import Record
from connectors.files.reading import unique
from connectors.files.settings import CsvSettings

_NUMBER = re.compile(r"[+-]?[\d \u00a0\u202f.,]*\d[\d \u00a0\u202f.,]*\s*[€%]?")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T][\d:]+)?")
_YEAR = re.compile(r"(19|20)\d\d")
_LONG = re.compile(r"(?!(?:19|20)\d\d (?:19|20)\d\d$)[+-]?(?:[ \u00a0\u202f.]?\d){5,}")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}")


@dataclass(frozen=True)
class Belief:
    """What is believed of a file, under the name of its setting, and why. What is not certain is not used by itself."""

    key: str
    value: Any
    evidence: str
    certain: bool = True


class Unsure(Exception):
    """What to declare, and why: `key` is the first setting under `csv:` that would help."""

    def __init__(self, what: str, key: str) -> None:
        """Nothing more than both."""
        super().__init__(what)
        self.key = key


def notes_before(head: Sequence[Record], separator: str, beliefs: list[Belief]) -> int:
    """Return how many records are notes before the header: lines of one filled cell, where the table has several.

    A comma stands in texts too: above lines with commas, a line without may be the header of a single column.
    """
    first = len(head[0].cells)
    if _filled(head[0]) > 1 and sum(trimmed(each.cells) <= first for each in head) * 2 > len(head):
        return 0  # rows may end with separators that the header has not
    widths = Counter(len(each.cells) for each in head)
    width = max(widths, key=lambda each: (widths[each], each))
    if width == 1 and len(widths) > 1 and widths[1] < len(head):
        width = max((each for each in widths if each > 1), key=lambda each: widths[each])
    at = next(
        (place for place, each in enumerate(head) if len(each.cells) >= width and _filled(each) >= min(2, width)), 0
    )
    if at == 0:
        return 0
    notes = head[:at]
    apart = head[at].line - notes[-1].line > 1
    padded = all(len(each.cells) > 1 for each in notes)
    if any(_filled(each) > 1 for each in notes) or not ((width > 2 and separator != ",") or apart or padded):
        raise Unsure(
            f"it is not certain whether its header is line {head[0].line} or line {head[at].line}; say skip:", "skip"
        )
    beliefs.append(
        Belief("skip", head[at].line - 1, f"{counted(at, 'line')} of one cell before the first of {width} cells")
    )
    return at


def _filled(record: Record) -> int:
    return sum(bool(cell.strip()) for cell in record.cells)


def must_be_header(header: Record, rows: Sequence[Record], before: int) -> None:
    """Raise Unsure where the first line looks like values, or like the first of several lines of a header."""
    cells = [cell.strip() for cell in header.cells]
    values = [cell for cell in cells if _is_value(cell)]
    line = header.line + before
    if len(values) * 2 > len([cell for cell in cells if cell]):
        raise Unsure(
            f"line {line} holds {len(values)} values that are numbers or dates, where names of columns should be; say"
            " header: 0 and columns:, or header: 1 if they are names, or skip:",
            "header",
        )
    if never := [cell for cell in cells if any(each.fullmatch(cell) for each in (_LONG, _DATE, _ADDRESS))]:
        raise Unsure(
            f"line {line} holds {counted(len(never), 'value')} of the form of a long number, a date or an e-mail address,"
            " as rows do and names seldom; say header: 0 and columns:, or header: 1 if they are names, or skip:",
            "header",
        )
    named, wider = trimmed(header.cells), [each for each in rows if trimmed(each.cells) > trimmed(header.cells)]
    if len(wider) * 2 > len(rows):
        raise Unsure(
            f"line {line} has {named} names, but {len(wider)} of the {len(rows)} lines that follow have more cells; say"
            " skip: if it is a note, header: if the header is several lines, or header: 1",
            "header",
        )
    _must_be_first(header, rows, line)
    inner = len("".join("x" if cell else " " for cell in cells).rstrip())
    empty = [place for place in range(inner) if not cells[place]]
    if empty and rows and len(rows[0].cells) >= inner:
        under = [rows[0].cells[place].strip() for place in range(inner)]
        beneath = [under[place] for place in empty]
        if all(beneath) and not any(map(_is_value, beneath)) and sum(map(_is_value, under)) == 0:
            raise Unsure(
                f"line {line} has {len(empty)} cells without a name, with words beneath: say header: 2 if the header"
                " is two lines, or header: 1",
                "header",
            )


def _must_be_first(header: Record, rows: Sequence[Record], line: int) -> None:
    """Raise Unsure where the line after the first looks like the header, and the first like a title with separators.

    A blank line stands between them; or the line after is words alone, above a column of values.
    """
    at = next((place for place, each in enumerate(rows) if trimmed(each.cells) > 1), None)
    if at is None:
        return
    first, others = rows[at].cells, [each.cells for each in rows[at + 1 :] if trimmed(each.cells) > 1]
    ends = sum(len(re.findall(r"\r\n|\r|\n", cell)) for cell in header.cells)
    blank = rows[0].line - header.line - ends > 1
    beneath = [[each[place].strip() for each in others if len(each) > place] for place in range(len(first))]
    over = len(others) > 1 and not any(_is_value(cell.strip()) for cell in first)
    over = over and any(
        cell.strip() and any(under) and all(_is_value(each) for each in under if each)
        for cell, under in zip(first, beneath, strict=True)
    )
    after = rows[0 if blank else at].line - header.line + line
    if blank or over:
        raise Unsure(
            f"it is not certain whether its header is line {line} or line {after}: "
            + ("a blank line stands between them" if blank else "that holds words alone, above a column of values")
            + "; say skip: with the lines before the header, or header: 1",
            "skip",
        )


def _is_value(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell) or _DATE.fullmatch(cell)) and not _YEAR.fullmatch(cell)


def columns_of(heads: Sequence[Record], declared: CsvSettings, beliefs: list[Belief]) -> tuple[tuple[str, ...], int]:
    """Return the names of columns, and how many cells a row has."""
    names = joined([each.cells for each in heads])
    while names and not names[-1] and not (declared.columns and len(names) <= len(declared.columns)):
        names.pop()
    if declared.columns is not None:
        if heads and len(declared.columns) != len(names):
            raise Unsure(f"columns: names {len(declared.columns)} columns, but the header has {len(names)}", "columns")
        return tuple(declared.columns), len(declared.columns)
    columns = unique(names)
    if not columns:
        raise Unsure("its header has no name; say skip: or columns:", "skip")
    for place, (given, name) in enumerate(zip(names, columns, strict=True), 1):
        if given != name:
            why = "has no name" if not given else "has the name of another"
            beliefs.append(Belief(f"columns[{place}]", name, f"column {place} {why}"))
    return tuple(columns), len(columns)


def joined(lines: Sequence[Sequence[str]]) -> list[str]:
    """Return names of columns from the lines of a header, each column's texts joined by a blank.

    A cell without text, in a line that is not the last, has that of its left neighbour where something stands beneath:
    that is how merged cells are written.
    """
    width = max((len(line) for line in lines), default=0)
    plain = [[" ".join(cell.split()) for cell in line] + [""] * (width - len(line)) for line in lines]
    for number, line in enumerate(plain[:-1]):
        for place in range(1, width):
            if not line[place] and any(below[place] for below in plain[number + 1 :]):
                line[place] = line[place - 1]
    return [" ".join(dict.fromkeys(line[place] for line in plain if line[place])) for place in range(width)]


def trimmed(cells: Sequence[str]) -> int:
    """Return how many cells a row has up to the last that is filled."""
    for place in range(len(cells), 0, -1):
        if cells[place - 1] and not cells[place - 1].isspace():
            return place
    return 0
