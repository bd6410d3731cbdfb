"""JSON read value after value from a file of any size: strictly, numbers as they are written, in constant memory.

Python's own decoder reads each row; what this adds is where rows are, and that only a part of the file is in memory.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from connectors.drafting import counted
from connectors.errors import Misconfigured, Unreadable

CHUNK = 1_000_000
MAX_VALUE = 64_000_000
"""Characters of one row, or of one value beside the rows, at most."""

_BLANK = re.compile(r"[ \t\r\n]*")


class Number(str):
    """A number, as it is written."""

    __slots__ = ()


@dataclass(frozen=True)
class Item:
    """A value, where it stands (`row 3`, `line 3`), and the key that an object in it has twice, if one has."""

    value: Any
    place: str
    doubled: bool = False


class Decoder:
    """Reads one value at a time."""

    def __init__(self) -> None:
        """Make one; it is for one thread."""
        self._doubled = False
        self._decoder = json.JSONDecoder(
            parse_float=Number, parse_int=Number, parse_constant=_no_number, object_pairs_hook=self._object
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        self._doubled = self._doubled or len(found) < len(pairs)
        return found

    def at(self, text: str, start: int) -> tuple[Any, int, bool]:
        """Return the value at `start`, where it ends, and whether an object in it has a key twice. Raises ValueError."""
        self._doubled = False
        try:
            value, end = self._decoder.raw_decode(text, start)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        return value, end, self._doubled


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


class Reader:
    """A JSON text of which a part is in memory."""

    def __init__(self, file: IO[str], where: str, registry: str) -> None:
        """Read from a file of text; `where` is what errors call it."""
        self._file, self._where, self._registry = file, where, registry
        self._text, self._at, self._ended, self._before = "", 0, False, 0
        self._decoder = Decoder()

    def unreadable(self, what: str) -> Unreadable:
        """Return the error that says what is wrong, and about where."""
        return Unreadable(
            f"{self._registry}: {self._where} {what} (at character {self._before + self._at + 1:,})",
            registry=self._registry,
        )

    def _more(self) -> None:
        """Read on, keeping what is not consumed yet."""
        left = len(self._text) - self._at
        if left > MAX_VALUE:
            raise self.unreadable(f"has a row or value of more than {MAX_VALUE:,} characters, or one that is no JSON")
        try:
            more = self._file.read(max(CHUNK, left))
        except UnicodeError as error:
            raise self.unreadable("is not in UTF-8") from error
        self._before += self._at
        self._text, self._at, self._ended = self._text[self._at :] + more, 0, not more

    def next(self) -> str:
        """Return the next character that is no blank, without consuming it; nothing at the end."""
        while True:
            found = _BLANK.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._more()

    def take(self, wanted: str) -> str:
        """Consume one of the characters `wanted` and return it. Raises Unreadable."""
        character = self.next()
        if not character:
            raise self.unreadable("ends before its JSON does")
        if character not in wanted:
            raise self.unreadable("is no JSON")
        self._at += 1
        return character

    def value(self) -> tuple[Any, bool]:
        """Consume one value and return it, and whether an object in it has a key twice. Raises Unreadable."""
        if not self.next():
            raise self.unreadable("ends before its JSON does")
        while True:
            try:
                value, end, doubled = self._decoder.at(self._text, self._at)
            except ValueError as error:
                if self._ended:
                    cut = "ends before its JSON does" if self._cut(error) else "is no JSON"
                    raise self.unreadable(cut) from error
            else:
                if end < len(self._text) or self._ended:
                    self._at = end
                    return value, doubled
            self._more()

    def _cut(self, error: ValueError) -> bool:
        at = error.pos if isinstance(error, json.JSONDecodeError) else 0
        return at >= len(self._text.rstrip()) or "Unterminated" in str(error)


def opened(path: Path) -> IO[str]:
    """Open a file of JSON: UTF-8, with a byte order mark or without, or UTF-16 with its mark."""
    with path.open("rb") as file:
        mark = file.read(2)
    return path.open(encoding="utf-16" if mark in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", newline="")


def items(path: Path, rows: str | None, where: str, registry: str) -> Iterator[Item]:
    """Yield the elements of the list at `rows`, keys joined by dots; the whole file must be JSON, and is read.

    Raises Unreadable, at the end too, and Misconfigured where no list stands there.
    """
    keys = parsed(rows) if rows else []
    with opened(path) as file:
        reader = Reader(file, where, registry)
        if not reader.next():
            raise reader.unreadable("is empty")
        yield from _within(reader, keys, [], where, registry)
        if reader.next():
            raise reader.unreadable("has something after its JSON")


def _within(reader: Reader, keys: Sequence[str], before: list[str], where: str, registry: str) -> Iterator[Item]:
    """Yield the elements of the list that `keys` lead to from here, then read to the end of the value here."""
    if not keys:
        yield from _elements(reader, before, where, registry)
        return
    if reader.next() != "{":
        raise _absent(where, registry, ".".join([*before, *keys]), "no object stands on the way")
    reader.take("{")
    seen = list[str]()
    found = False
    while reader.next() != "}":
        key, _ = reader.value()
        if not isinstance(key, str) or isinstance(key, Number):
            raise reader.unreadable("is no JSON")
        reader.take(":")
        if key == keys[0] and found:
            raise reader.unreadable("has the key of its rows twice")
        if key == keys[0]:
            found = True
            yield from _within(reader, keys[1:], [*before, key], where, registry)
        else:
            reader.value()
            seen.append(key)
            del seen[1000:]
        if reader.next() == "}":
            break
        reader.take(",}")
        if reader.next() == "}":
            raise reader.unreadable("is no JSON")
    reader.take("}")
    if not found:
        raise _absent(where, registry, ".".join([*before, *keys]), f"there are: {_shown(seen)}")


def _elements(reader: Reader, path: list[str], where: str, registry: str) -> Iterator[Item]:
    if reader.next() != "[":
        value, _ = reader.value()
        lists = [key for key, each in value.items() if isinstance(each, list)] if isinstance(value, dict) else []
        has = f"there are lists at: {_shown(lists)}" if lists else "there is none in sight"
        raise _absent(where, registry, ".".join(path), f"it is no list; {has}")
    reader.take("[")
    number = 0
    if reader.next() == "]":
        reader.take("]")
        return
    while True:
        value, doubled = reader.value()
        number += 1
        yield Item(value, f"row {number}", doubled)
        if reader.take(",]") == "]":
            return


def _shown(keys: list[str]) -> str:
    """Return keys for an error. Only those that look like names are told: a key may be a person, or a number of one."""
    names = [key for key in keys if re.fullmatch(r"[a-z_@$][A-Za-z_-]{0,40}[0-9]{0,3}", key)][:20]
    others = [] if len(names) == len(keys) else [counted(len(keys) - len(names), "key") + " of other forms"]
    return ", ".join([*names, *others]) or "none"


def _absent(where: str, registry: str, path: str, why: str) -> Misconfigured:
    at = f"at {path}" if path else "at its beginning"
    return Misconfigured(
        f"{registry}: {where} has no list of rows {at}: {why}; say rows:, the keys that lead to it, joined by dots",
        registry=registry,
    )


def parsed(rows: str) -> list[str]:
    """Return the keys of a path such as `data.rows` or `data."my rows"`. Raises ValueError for anything else."""
    part = re.compile(r'"((?:[^"\\]|\\.)*)"|([A-Za-z_][A-Za-z0-9_-]*)')
    keys, at = list[str](), 0
    while found := part.match(rows, at):
        keys.append(json.loads(f'"{found[1]}"') if found[1] is not None else found[2])
        at = found.end()
        if at == len(rows):
            return keys
        if rows[at] != ".":
            break
        at += 1
    raise ValueError("expected keys joined by dots, such as data.rows")


def lines(path: Path, where: str, registry: str) -> Iterator[Item]:
    """Yield the values of a file of one JSON value per line. Raises Unreadable, at the end too."""
    decoder = Decoder()
    with opened(path) as file:
        number = 0
        while line := _line(file, where, number + 1, registry):
            number += 1
            text = line.strip(" \t\r\n")
            if not text:
                continue
            try:
                value, end, doubled = decoder.at(text, 0)
            except ValueError as error:
                cut = " (does the file end too early?)" if not line.endswith(("\n", "\r")) else ""
                raise Unreadable(f"{registry}: {where}, line {number}: no JSON{cut}", registry=registry) from error
            if end < len(text):
                raise Unreadable(f"{registry}: {where}, line {number}: more than one value", registry=registry)
            yield Item(value, f"line {number}", doubled)


def _line(file: IO[str], where: str, number: int, registry: str) -> str:
    try:
        line = file.readline(MAX_VALUE)
    except UnicodeError as error:
        raise Unreadable(f"{registry}: {where}: is not in UTF-8, about line {number}", registry=registry) from error
    if len(line) >= MAX_VALUE:
        raise Unreadable(f"{registry}: {where}, line {number}: too long to be a row", registry=registry)
    return line


def text_of(value: Any) -> str | None:
    """Return a value as a cell: texts and numbers as they are, objects and lists as JSON; null is none."""
    if value is None or isinstance(value, str):
        return None if value is None else str(value)
    return written(value)


def written(value: Any) -> str:
    """Return a value as JSON, numbers as they were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {written(each)}" for key, each in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    return json.dumps(value, ensure_ascii=False)
