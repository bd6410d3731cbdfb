"""Raw inputs: what a source gave, kept as it came, each under the digest of its content.

`.beffroi/raw/NAME/` holds `<sha256>.csv` or `<sha256>.parquet`, beside each a `.json` that says how to read it, and
`inputs.json`: which of them the last runs were made from. A plain CSV is not encoded anew; what came twice is there
once; nothing is ever changed in place.
"""

import bisect
import datetime as dt
import hashlib
import json
import math
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from connectors.registry import CsvFile
from pipelines.sql import identifier, quote
from pipelines.whole import whole_json

CHUNK = 1 << 18
"""Bytes of a file that are copied at once: what is hashed and written of them is in the processor's cache still."""

NOTES = "inputs.json"

_SETTLING = threading.Lock()
"""Two sources that are read side by side may give the same."""

LINE = 4_000_000
"""Bytes of a line at most (longer ones are read row by row), by which the engine cuts a file into pieces: of pieces that
fill a group of its rows it makes a table in two thirds of the time, since none is copied to be put beside another."""


@dataclass(frozen=True)
class Dialect:
    """How a plain CSV in UTF-8 is read: see `connectors.registry.CsvFile`."""

    columns: tuple[str, ...]
    delimiter: str
    quote: str
    skip: int


@dataclass(frozen=True)
class Raw:
    """One input of a run as it lies on disk: a file of ours (`sha256`), or a dataset's `version`.

    `after` is the greatest value that the watermark of an increment has in it, `stamp` what it was asked for by. Over
    the rows of `path` those of `changes` (digests of files beside it) are put in turn: each replaces the rows before it
    that have its `key`. The number of a row counts through all files; `starts` are the rows before each of `changes`.
    `read` is when its source gave it. Where that could not be read by the run, and what it gave last was taken again,
    `missing` is the code of the error, and `why` what the error said.
    """

    source: str
    path: Path
    sha256: str | None = None
    version: int | None = None
    dialect: Dialect | None = None
    after: str | None = None
    stamp: str | None = None
    changes: tuple[str, ...] = ()
    starts: tuple[int, ...] = ()
    key: tuple[str, ...] = ()
    read: str | None = None
    missing: str | None = None
    why: str | None = None

    @property
    def files(self) -> list[Path]:
        """Return its files, the changes in the order in which they are put over the first."""
        return [self.path, *(self.path.with_name(f"{digest}.parquet") for digest in self.changes)]

    @property
    def columns(self) -> list[str]:
        """Return the names of its columns."""
        return list(self.dialect.columns) if self.dialect is not None else pq.read_schema(self.path).names

    @property
    def size(self) -> int:
        """Return its size in bytes."""
        return sum(file.stat().st_size for file in self.files)

    @property
    def days(self) -> float:
        """Return how many days ago its source gave it; of what nobody knows it, too many for anybody."""
        if self.read is None:
            return math.inf
        return (dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(self.read)) / dt.timedelta(days=1)

    def file_of(self, place: int) -> tuple[str, int]:
        """Return the digest of the file in which the row of that number stands, and its number there."""
        found = bisect.bisect_left(self.starts, place)
        return self.files[found].stem, place - (0, *self.starts)[found]

    @property
    def identity(self) -> str:
        """Return what names its content: two of the same are the same rows, read in the same way."""
        if self.dialect is not None:
            return f"{self.sha256} {json.dumps(asdict(self.dialect))}"
        return self.sha256 or f"{self.source} {self.version}"

    def relation(self, place: str | None) -> str:
        """Return SQL of its rows as they came, with the number of each, from 1, as `place` (None: without)."""
        if self.dialect is not None:
            number = f"row_number() OVER () AS {place}, " if place else ""
            return f"(SELECT {number}* FROM {_csv(self.path, self.dialect)})"
        if self.changes:
            return f"({' UNION ALL '.join(self.parts(place))})"
        file = quote(str(self.path))
        if place is None:
            return f"(FROM read_parquet({file}))"
        number = f"file_row_number + 1 AS {place}, * EXCLUDE (file_row_number)"
        return f"(SELECT {number} FROM read_parquet({file}, file_row_number = true))"

    def parts(self, place: str | None) -> Iterator[str]:
        """Yield SQL of the rows of each of its files that none of the later ones replaces, as `relation` does."""
        keys = ", ".join(map(identifier, self.key))
        for number, (file, start) in enumerate(zip(self.files, (0, *self.starts), strict=True)):
            numbered = f"file_row_number + {start + 1} AS {place}, " if place else ""
            later = [f"SELECT {keys} FROM read_parquet({quote(str(each))})" for each in self.files[number + 1 :]]
            gone = f"ANTI JOIN ({' UNION ALL '.join(later)}) beffroi_later USING ({keys})" if later else ""
            rows = f"read_parquet({quote(str(file))}, file_row_number = true)"
            yield f"SELECT {numbered}* EXCLUDE (file_row_number) FROM {rows} beffroi_file {gone}"


def _csv(path: Path, dialect: Dialect) -> str:
    """Return SQL that reads a plain CSV file: nothing is detected, every cell is a text."""
    columns = ", ".join(f"{quote(name)}: 'VARCHAR'" for name in dialect.columns)
    return (
        f"read_csv({quote(str(path))}, auto_detect = false, header = false, skip = {dialect.skip},"
        f" columns = {{{columns}}}, delim = {quote(dialect.delimiter)}, quote = {quote(dialect.quote)},"
        f" escape = {quote(dialect.quote)}, nullstr = '', strict_mode = true, compression = 'none',"
        f" max_line_size = {LINE})"
    )


def dialect_of(scan: CsvFile) -> Dialect:
    """Return how a plain CSV file is read."""
    return Dialect(scan.columns, scan.delimiter, scan.quote, scan.skip)


# --- keeping ---------------------------------------------------------------------------------------------------------


def keep(folder: Path, source: str, write: Callable[[Path], str | None], dialect: Dialect | None = None) -> Raw:
    """Keep what `write` writes to the path it is given; it returns the content's digest, or None where it knows none.

    Raises what `write` raises: then nothing is kept.
    """
    with aside(folder) as part:
        digest = write(part) or digest_of(part)
        return settle(folder, source, part, digest, dialect)


@contextmanager
def aside(folder: Path) -> Iterator[Path]:
    """Give a path in `folder` to write to; it is gone after the block."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{uuid.uuid4().hex}.part"
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def settle(
    folder: Path, source: str, part: Path, digest: str, dialect: Dialect | None = None,
    *, after: str | None = None, stamp: str | None = None,
) -> Raw:  # fmt: skip
    """Give a whole file the name of its content, and note how it is read; what is there already stays."""
    path = folder / f"{digest}.{'csv' if dialect else 'parquet'}"
    raw = Raw(source, path, digest, None, dialect, after, stamp)
    noted: dict[str, Any] = {"source": source, "first_seen": dt.datetime.now(dt.UTC).isoformat(timespec="seconds")}
    noted |= {"dialect": asdict(dialect) if dialect else None}
    with _SETTLING:
        if not path.is_file():
            whole_json(path.with_suffix(".json"), noted)
            part.rename(path)
    return raw


def chained(raw: Raw) -> Raw:
    """Note of what files an input of several is, and give it the name of them all; return it."""
    said = {"first": raw.path.stem, "changes": raw.changes, "starts": raw.starts, "key": raw.key}
    digest = hashlib.sha256(json.dumps(said).encode()).hexdigest()
    note = raw.path.with_name(f"{digest}.json")
    if not note.is_file():
        seen = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        whole_json(note, {"source": raw.source, "first_seen": seen, "dialect": None, "chain": said})
    return replace(raw, sha256=digest)


def of_note(folder: Path, source: str, sha256: str, noted: dict[str, Any]) -> Raw:
    """Return the input that the note of its digest tells of. Raises KeyError for what is none."""
    said, dialect = noted.get("chain"), noted["dialect"]
    if said is not None:
        changes, starts, key = (tuple(said[name]) for name in ("changes", "starts", "key"))
        first = folder / f"{said['first']}.parquet"
        return Raw(source, first, sha256, changes=changes, starts=starts, key=key)
    known = Dialect(**{**dialect, "columns": tuple(dialect["columns"])}) if dialect else None
    return Raw(source, folder / f"{sha256}.{'csv' if known else 'parquet'}", sha256, None, known)


def parts_of(folder: Path, sha256: str) -> Iterator[str]:
    """Yield the digests of the files that an input is made of, where it is of several."""
    try:
        said = json.loads((folder / f"{sha256}.json").read_text(encoding="utf-8")).get("chain") or {}
        yield from (said["first"], *said["changes"]) if said else ()
    except (OSError, ValueError, KeyError):
        return


def copied(source: Path, target: Path) -> str:
    """Copy a file and return the SHA-256 of what was copied."""
    digest, buffer = hashlib.sha256(), bytearray(CHUNK)
    view = memoryview(buffer)
    with source.open("rb", buffering=0) as read, target.open("wb", buffering=0) as write:
        while count := read.readinto(buffer):
            digest.update(view[:count])
            done = 0
            while done < count:  # a disk that is filling up takes less than it is given
                done += write.write(view[done:count]) or 0
    return digest.hexdigest()


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- which were read -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reading:
    """What one run was made from. `judged` tells by what it was judged, `version` what came of it, if anything did."""

    run: str
    inputs: tuple[Raw, ...]
    judged: str | None = None
    version: int | None = None


def readings(folder: Path) -> list[Reading]:
    """Return what the last runs were made from, oldest first; of those whose files are gone nothing."""
    try:
        noted = json.loads((folder / NOTES).read_text(encoding="utf-8"))
        found = [
            Reading(each["run"], tuple(_raw(folder, one) for one in each["inputs"]), each["judged"], each["version"])
            for each in noted
        ]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return []
    return [each for each in found if all(file.is_file() for raw in each.inputs for file in raw.files)]


def _raw(folder: Path, noted: dict[str, Any]) -> Raw:
    dialect = noted["dialect"] and Dialect(**{**noted["dialect"], "columns": tuple(noted["dialect"]["columns"])})
    lists = {name: tuple(noted.get(name, ())) for name in ("changes", "starts", "key")}
    return Raw(**{**noted, **lists, "path": folder.parent.parent / noted["path"], "dialect": dialect})


def note(folder: Path, reading: Reading, kept: int) -> None:
    """Note what a run was made from, in the place of any that was made from the same; forget all but `kept` of them.

    What made the newest version stays with them, so that each of its rows can be traced.
    """
    same = [raw.identity for raw in reading.inputs]
    before = [each for each in readings(folder) if each.run != reading.run]
    others = [each for each in before if [raw.identity for raw in each.inputs] != same]
    if reading.version is None:  # that a version was made of them before stays true
        known = next((each for each in reversed(before) if each not in others), reading)
        reading = replace(reading, judged=known.judged, version=known.version)
    every = [*others, reading]
    newest = max((each.version for each in every if each.version is not None), default=None)
    last = every[-kept:]
    wanted = [each for each in every if each in last or (newest is not None and each.version == newest)]
    state = folder.parent.parent
    whole_json(folder / NOTES, [_noted(each, state) for each in wanted])


def _noted(reading: Reading, state: Path) -> dict[str, Any]:
    inputs = [{**asdict(raw), "path": str(raw.path.relative_to(state))} for raw in reading.inputs]
    return {"run": reading.run, "inputs": inputs, "judged": reading.judged, "version": reading.version}
