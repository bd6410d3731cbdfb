"""Rows of an answer that is read as it arrives: lines of JSON, and CSV. Constant memory, whatever its length.

A row that cannot be read by itself is a `Fault` in its place; an answer that ends amidst a row is Unreadable.
Sources: https://github.com/ndjson/ndjson-spec; CSV, RFC 4180.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connectors import http
from connectors.rest.reading import json_line, unreadable

CHUNK = 5_000  # rows given on together
CHUNK_BYTES = 8 * 2**20  # or fewer, where they are large
MOST_OF_A_ROW = 16 * 2**20  # no row of a register is larger

csv.field_size_limit(
    max(csv.field_size_limit(), 10_000_000)
)  # of the whole process: Python's own is 131,072 characters


@dataclass(frozen=True)
class Fault:
    """A row that cannot be taken as it came, and why; no value of it."""

    reason: str


class Element(dict[str, Any]):
    """An element of XML that is more than its text: its attributes as `@name`, its children, its text under TEXT."""


TEXT = "#text"


class _Raw(io.RawIOBase):
    """The body of an answer as a file of Python's."""

    def __init__(self, answer: http.Streamed) -> None:
        self._answer = answer

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        came = self._answer.read(len(buffer))
        buffer[: len(came)] = came
        return len(came)


def ndjson(answer: http.Streamed, registry: str) -> Iterator[list[Any]]:
    """Yield the rows of lines of JSON. Raises Unreadable, and as `http.Streamed.read` does."""
    file = io.BufferedReader(_Raw(answer), 65536)
    rows, size, number = list[Any](), 0, 0
    while line := file.readline(MOST_OF_A_ROW + 1):
        number += 1
        if len(line) > MOST_OF_A_ROW:
            raise unreadable(registry, "ndjson", f"line {number} has no end")
        line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not line.strip():
            continue
        try:
            rows.append(json_line(line.decode()))
        except (ValueError, RecursionError) as error:
            if not line.endswith(b"\n"):
                raise unreadable(registry, "ndjson", f"it ends amidst line {number}") from error
            rows.append(Fault(f"line {number} of the answer is no well-formed JSON"))
        size += len(line)
        if len(rows) == CHUNK or size >= CHUNK_BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def csv_rows(answer: http.Streamed, registry: str, separator: str) -> Iterator[list[Any]]:
    """Yield the rows of CSV whose first line has the names; an empty cell is None. Raises as `ndjson` does."""
    charset = re.search(r"""charset\s*=\s*["']?([\w.:-]+)""", answer.headers.get("Content-Type", ""), re.IGNORECASE)
    encoding = charset[1].lower() if charset else "utf-8"
    try:
        text = io.TextIOWrapper(
            io.BufferedReader(_Raw(answer), 65536),
            "utf-8-sig" if encoding in ("utf-8", "utf8", "us-ascii") else encoding,
            newline="",
        )
    except LookupError as error:
        raise unreadable(registry, "csv", "its content type names an encoding that nobody knows") from error
    lines = _Lines(text, registry)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        yield from _csv_chunks(reader, registry, lines)
    except csv.Error as error:
        why = "has a cell that is too long" if "limit" in str(error) else "has a quote amiss, or has no end"
        raise unreadable(registry, "csv", f"line {reader.line_num} {why}") from error
    except (UnicodeError, LookupError) as error:
        raise unreadable(registry, "csv", f"it is not in {encoding}, after line {reader.line_num}") from error


class _Lines:
    """Lines of CSV, as many characters of them as a row may have."""

    def __init__(self, text: io.TextIOWrapper, registry: str) -> None:
        self._text, self._registry = text, registry
        self._number = 0
        self.held = 0  # characters since a row ended

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(MOST_OF_A_ROW + 1):
            self._number += 1
            self.held += len(line)
            if self.held > MOST_OF_A_ROW:
                raise unreadable(
                    self._registry, "csv", f"no row ends within {MOST_OF_A_ROW:,} characters at line {self._number}"
                )
            yield line


def _csv_chunks(reader: Any, registry: str, lines: _Lines) -> Iterator[list[Any]]:
    names: list[str] = next(reader, [])
    if not names or "" in names or len(set(names)) != len(names):
        raise unreadable(registry, "csv", "its first line does not name each column, or names one twice")
    rows, size = list[Any](), 0
    for cells in reader:
        lines.held = 0
        if not cells:  # an empty line
            continue
        if len(cells) == len(names):
            rows.append({name: cell or None for name, cell in zip(names, cells, strict=True)})
        else:
            rows.append(Fault(f"line {reader.line_num} of the answer has {len(cells)} cells instead of {len(names)}"))
        size += sum(map(len, cells))
        if len(rows) == CHUNK or size >= CHUNK_BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows
