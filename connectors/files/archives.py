"""Files out of archives: zip and gzip, told by their first bytes, unpacked into the scan's own folder in bounded size.

No member is written under a name that the archive gives it. An archive within an archive is not opened.
"""

import gzip
import os
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from connectors.errors import Misconfigured, Unreadable
from connectors.files.formats import by_name
from connectors.files.reading import Hold, LocalFile, fits
from connectors.files.settings import TableSettings

MAX_UNPACKED = 8 * 1024**3
"""Bytes that the files of one archive unpack to, at most."""

MAX_RATIO = 250
"""How many times its packed size an archive may unpack to, once it is large: tables shrink to a fiftieth at best."""

MAX_MEMBERS = 10_000

_LARGE = 64 * 1024**2
_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"


def unpacked(file: LocalFile, settings: TableSettings, hold: Hold, registry: str) -> Sequence[LocalFile]:
    """Return the files to read: `file` itself where it is no archive, else its members that `settings.member` names.

    Where no member is named, all are taken if they are of one format. Raises Unreadable for an archive that is damaged,
    cut, protected, too large, or one within another, Misconfigured where it is not clear which members to take.
    """
    with file.path.open("rb") as opened:
        head = opened.read(4)
    if head.startswith(_GZIP):
        return [_gunzipped(file, hold, registry)]
    if not head.startswith(b"PK") or settings.format in ("xlsx", "ods", "parquet"):
        return [file]
    try:
        with zipfile.ZipFile(file.path) as archive:
            infos = archive.infolist()
            names = {info.filename for info in infos}
            if settings.member is None and ("[Content_Types].xml" in names or {"content.xml", "mimetype"} <= names):
                return [file]
            if len(infos) > MAX_MEMBERS:
                raise _unreadable(file.name, f"holds more than {MAX_MEMBERS:,} files", registry)
            budget = _Budget(file, registry)
            return [
                _taken(archive, info, file, hold, registry, budget)
                for info in _chosen(infos, file.name, settings, registry)
            ]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        if settings.format is None and settings.member is None and by_name(file.name) in ("xlsx", "ods"):
            return [file]  # its reader says what is wrong with it
        raise _unreadable(file.name, "is a zip archive that is damaged, or was cut on its way", registry) from error


def _chosen(infos: list[zipfile.ZipInfo], name: str, settings: TableSettings, registry: str) -> list[zipfile.ZipInfo]:
    """Return the members to take, in the order of their names."""
    files = [info for info in infos if not info.is_dir() and not _is_litter(info.filename)]
    if len({info.filename for info in files}) < len(files):
        raise _unreadable(name, "holds two files of the same name", registry)
    for info in files:
        if info.filename.startswith("/") or ".." in PurePosixPath(info.filename).parts:
            raise _unreadable(name, "names a file outside of itself, which is an attack or a mistake", registry)
    told = ", ".join(sorted(info.filename for info in files)[:10]) or "nothing"
    if settings.member is None:
        kinds = {settings.format or by_name(info.filename) or info.filename for info in files}
        if len(kinds) == 1:
            return sorted(files, key=lambda info: info.filename)
        wrong = f"{registry}: {name} holds several files: say which to read, as member: …; it has: {told}"
        raise Misconfigured(wrong, registry=registry) if files else _unreadable(name, "holds no file", registry)
    deep = "/" in settings.member
    found = [info for info in files if fits(_called(info, deep=deep), settings.member)]
    if not found:
        raise Misconfigured(
            f"{registry}: {name} holds no file called {settings.member}; it has: {told}", registry=registry
        )
    return sorted(found, key=lambda info: info.filename)


def _called(info: zipfile.ZipInfo, *, deep: bool) -> str:
    return info.filename if deep else info.filename.rpartition("/")[2]


def _is_litter(name: str) -> bool:
    """Tell whether a member is what a system adds by itself: hidden files, those of macOS."""
    return any((part.startswith(".") and part != "..") or part == "__MACOSX" for part in name.split("/"))


class _Budget:
    """How much of one archive has been unpacked."""

    def __init__(self, file: LocalFile, registry: str) -> None:
        self._name, self.registry, self._size = file.name, registry, 0
        self._most = min(MAX_UNPACKED, max(_LARGE, MAX_RATIO * file.path.stat().st_size))

    def spend(self, size: int) -> None:
        """Count bytes. Raises Unreadable where they are too many."""
        self._size += size
        if self._size > self._most:
            said = f"unpacks to more than {self._most // 2**20} MiB, which no table of its size does"
            raise _unreadable(self._name, said, self.registry)


def _taken(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, file: LocalFile, hold: Hold, registry: str, budget: _Budget
) -> LocalFile:
    name = f"{file.name}/{info.filename}"
    if info.flag_bits & 1:
        raise _unreadable(name, "is protected by a password: have it sent without one", registry)
    with archive.open(info) as packed:
        path = _copied(packed, info.filename, hold, budget)
    _refuse_another(path, name, registry)
    return LocalFile(path, name, file.modified)


def _gunzipped(file: LocalFile, hold: Hold, registry: str) -> LocalFile:
    """Return the file that a gzip holds, called as it is without `.gz`."""
    inner = file.name.rpartition("/")[2]
    inner = inner[:-3] if inner.casefold().endswith(".gz") else inner
    name = f"{file.name}/{inner}"
    try:
        with gzip.open(file.path) as packed:
            path = _copied(packed, inner, hold, _Budget(file, registry))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _unreadable(file.name, "is a gzip that is damaged, or was cut on its way", registry) from error
    _refuse_another(path, name, registry)
    return LocalFile(path, name, file.modified)


def _copied(packed: IO[bytes] | gzip.GzipFile, name: str, hold: Hold, budget: _Budget) -> Path:
    """Write what a member holds into a file of ours that ends as its name does, and return it."""
    suffix = PurePosixPath(name).suffix
    number, path = tempfile.mkstemp(dir=hold.folder(), suffix=suffix if suffix[1:].isalnum() else "")
    with os.fdopen(number, "wb") as written:
        while piece := packed.read(_CHUNK):
            budget.spend(len(piece))
            hold.spend(len(piece), budget.registry)
            written.write(piece)
    return Path(path)


def _refuse_another(path: Path, name: str, registry: str) -> None:
    """Raise Unreadable where a file is itself an archive; a workbook, which is a zip, is none."""
    with path.open("rb") as opened:
        head = opened.read(512)
    packed = head.startswith(_GZIP) or (head.startswith(b"PK\x03\x04") and by_name(name) not in ("xlsx", "ods"))
    if packed or head[257:262] == b"ustar":
        raise _unreadable(name, "is an archive within an archive, which is not opened", registry)


def _unreadable(name: str, what: str, registry: str) -> Unreadable:
    return Unreadable(f"{registry}: {name} {what}", registry=registry)
