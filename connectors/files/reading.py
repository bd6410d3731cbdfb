"""What the parts of `connectors/files/` give each other: files that are here, and tables read from them.

An origin brings files here, an archive takes files out of one, a reader of a format makes a table of one file, and
`tables.py` makes one table of several.
"""

import contextlib
import datetime as dt
import fcntl
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from connectors.deadline import Deadline
from connectors.errors import Unreadable
from connectors.files.settings import TableSettings
from connectors.registry import FAULT, Scan

BATCH_ROWS = 10_000
"""Rows of a batch, at most."""

BATCH_BYTES = 16_000_000
"""A batch ends once its cells are about so large."""

MAX_HELD = 32 * 1024**3
"""Bytes of the files that one scan brings here and unpacks, at most."""

MAX_CELL = 10_000_000
"""Characters of one cell, at most."""


@dataclass(frozen=True)
class LocalFile:
    """A file on this machine that can be read again and again. `name` is what people call it: `a/b.zip/c.csv`."""

    path: Path
    name: str
    modified: dt.datetime | None = None


class Hold:
    """The private folder of one scan for files brought here or unpacked: removed when the scan is over or forgotten.

    The folder of a process that was killed is removed when the next is made beside it: whose lock is free, is left.
    """

    def __init__(self, place: Path | None = None) -> None:
        """`place` is the folder to make it in, the system's one for such files if none is given. Make nothing yet."""
        self._place = place or Path(tempfile.gettempdir())
        self._folder: Path | None = None
        self._size = 0

    def folder(self) -> Path:
        """Return the folder, which only we can read."""
        if self._folder is None:
            self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sweep(self._place)
            self._folder = Path(tempfile.mkdtemp(prefix=_HELD, dir=self._place))
            lock = os.open(self._folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._ended = weakref.finalize(self, _end, self._folder, lock)
        return self._folder

    def spend(self, size: int, registry: str) -> None:
        """Count bytes that were put there. Raises Unreadable where they are too many for the files of one table."""
        self._size += size
        if self._size > MAX_HELD:
            raise Unreadable(
                f"{registry}: the files of one table are more than {MAX_HELD // 2**30} GiB: name fewer of them",
                registry=registry,
            )

    @property
    def used(self) -> bool:
        """Whether anything was put there."""
        return self._folder is not None

    def close(self) -> None:
        """Remove it."""
        if self._folder is not None:
            self._ended()


_HELD, _NEW_SECONDS = "beffroi-files-", 60.0


def _end(folder: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def _sweep(place: Path) -> None:
    """Remove folders of ours that no process holds; one that was just made may not be locked yet."""
    for folder in place.glob(f"{_HELD}*"):
        with contextlib.suppress(OSError):
            found = folder.lstat()
            if found.st_uid != os.getuid() or time.time() - found.st_mtime < _NEW_SECONDS:
                continue
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


class Origin(Protocol):
    """Where files come from."""

    def files(self, pattern: str, hold: Hold, deadline: Deadline) -> Sequence[LocalFile]:
        """Return the files that fit a name or glob below the origin, brought here, in any order; none where none fits.

        Raises Down, Late, RefusedUs, Unreadable or Misconfigured.
        """
        ...


class Remote(Origin, Protocol):
    """An origin at an address."""

    def reach(self, pattern: str, deadline: Deadline) -> None:
        """Ask the least that proves that files can be had, those that fit `pattern` above all: none is brought here.

        Raises as `files` does, and Misconfigured where there is no such file.
        """
        ...


class Read(Protocol):
    """A reader of one format: the module's function `read`."""

    def __call__(self, file: Path, name: str, settings: TableSettings, registry: str) -> Scan:
        """Return the table of one file. Raises Unreadable and Misconfigured, which say `name`, sheet and line."""
        ...


def fits(name: str, pattern: str) -> bool:
    """Tell whether a name fits a glob, whatever the case of its letters; `*` stays within a folder."""
    names, patterns = name.casefold().split("/"), pattern.casefold().split("/")
    return len(names) == len(patterns) and all(map(fnmatchcase, names, patterns))


WEB_PAGE = (b"<!doctype html", b"<html", b"<head", b"<meta", b"<table", b"<body")
"""How a web page begins that was saved under the name of another format."""


def beginning(head: bytes) -> bytes:
    """Return the beginning of a file of text without its mark and blanks, in small letters, to tell what it is."""
    return head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t").lower()


def is_total(cells: Iterable[str | None], patterns: Sequence[str]) -> bool:
    """Tell whether a row is a total: its first filled cell is like one of the patterns."""
    first = next((cell.strip() for cell in cells if cell and cell.strip()), "").casefold()
    return any(fnmatchcase(first, pattern.casefold()) for pattern in patterns)


def unique(names: Sequence[str]) -> list[str]:
    """Return names of columns with those that are empty or there before (in any case) made unique: `x`, `x_2`, `column_3`."""
    taken = {name.casefold() for name in names if name}
    seen, found = set[str](), list[str]()
    for place, given in enumerate(names, 1):
        name = given or f"column_{place}"
        number = 2
        if name.casefold() in seen or (not given and name.casefold() in taken):
            while f"{name}_{number}".casefold() in seen | taken:
                number += 1
            name = f"{name}_{number}"
        seen.add(name.casefold())
        found.append(name)
    return found


def text_schema(columns: Sequence[str]) -> pa.Schema:
    """Return the schema of a table whose cells are texts, with a FAULT at the end."""
    return pa.schema([(name, pa.string()) for name in (*columns, FAULT)])


def text_batches(
    schema: pa.Schema, rows: Iterable[tuple[Sequence[str | None], str | None]]
) -> Iterator[pa.RecordBatch]:
    """Yield rows, each as its cells and its fault, in batches of bounded size. All columns are texts."""
    cells, faults, size = list[Sequence[str | None]](), list[str | None](), 0
    for row, fault in rows:
        cells.append(row)
        faults.append(fault)
        size += sum(map(len, filter(None, row))) + 8 * len(row)
        if len(cells) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield _batch(schema, cells, faults)
            cells, faults, size = [], [], 0
    if cells:
        yield _batch(schema, cells, faults)


def _batch(schema: pa.Schema, cells: list[Sequence[str | None]], faults: list[str | None]) -> pa.RecordBatch:
    columns = zip(*cells, strict=True) if len(schema) > 1 else ()
    try:
        arrays = [pa.array(column, pa.string()) for column in (*columns, faults)]
    except UnicodeEncodeError:  # half a pair of surrogates, which JSON can write
        arrays = [pa.array(column, pa.string()) for column in zip(*map(_mended, cells, faults), strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _mended(cells: Sequence[str | None], fault: str | None) -> list[str | None]:
    """Return a row with its fault, in which what is no Unicode is written by its number."""
    plain = [None if cell is None else cell.encode(errors="backslashreplace").decode() for cell in cells]
    amiss = any(cell is not None and not _is_unicode(cell) for cell in cells)
    return [*plain, fault or ("a text that is no Unicode" if amiss else None)]


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def reserved(columns: Iterable[str], name: str, registry: str) -> None:
    """Raise Unreadable where a source has a column of the name that marks faults."""
    if any(column.casefold() == FAULT for column in columns):
        raise Unreadable(
            f"{registry}: {name} has a column {FAULT}, a name that Beffroi needs itself", registry=registry
        )
