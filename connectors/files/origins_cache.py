"""What was brought from an address, kept with what its server called that version, so that it need not come again.

It lies in `.beffroi/files/REGISTRY/`, which only we can read: per address a file of the bytes and one that tells what
they are. A file never changes; a newer version is another, and whoever reads the older one holds a link of its own.
What a killed process left there goes at the next scan, and what nobody asked for in a month.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from connectors.files.reading import Hold

KEPT_SECONDS = 31 * 86_400.0
"""How long what nobody asks for any more is kept: its address may no longer be declared."""


@dataclass(frozen=True)
class Kept:
    """A version that is here: `file` within the cache, its bytes, and what the server called it."""

    file: str
    size: int
    etag: str | None
    modified: str | None


class Cache:
    """The files kept of one registry."""

    def __init__(self, root: Path, registry: str) -> None:
        """`root` is the workspace. Nothing is written yet."""
        self._folder = root / ".beffroi" / "files" / registry
        self._is_swept = False

    def kept(self, address: str) -> Kept | None:
        """Return what is kept of an address, None where nothing whole is."""
        if not self._is_swept:
            self._is_swept = True
            self._sweep()
        told = self._told(address)
        try:
            found = Kept(**json.loads(told.read_text(encoding="utf-8")))
            os.utime(told)
            return found if (self._folder / found.file).stat().st_size == found.size else None
        except (OSError, ValueError, TypeError):
            return None

    def link(self, kept: Kept, hold: Hold) -> Path | None:
        """Return a file of the scan's own that holds a kept version, None where it has gone meanwhile."""
        path = _free(hold.folder())
        try:
            os.link(self._folder / kept.file, path)
        except FileNotFoundError:
            return None
        except OSError:  # another disk
            shutil.copyfile(self._folder / kept.file, path)
        return path

    @contextmanager
    def new(self) -> Iterator[tuple[IO[bytes], Path]]:
        """Give a file to write a version into, which is gone afterwards unless it was kept."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked(fcntl.LOCK_SH):
            number, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
            try:
                with os.fdopen(number, "wb") as written:
                    yield written, Path(name)
            finally:
                Path(name).unlink(missing_ok=True)

    def keep(self, address: str, part: Path, etag: str | None, modified: str | None) -> Kept:
        """Keep a version that was written whole, instead of the one before."""
        before = self.kept(address)
        kept = Kept(f"{part.stem}.data", part.stat().st_size, etag, modified)
        _to_disk(part)
        part.rename(self._folder / kept.file)
        told = self._told(address).with_suffix(f".{part.stem}")
        told.write_text(json.dumps(asdict(kept)), encoding="utf-8")
        _to_disk(told)
        told.rename(self._told(address))
        if before is not None:
            (self._folder / before.file).unlink(missing_ok=True)
        return kept

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Hold the folder's lock: shared by those who write, alone for who sweeps."""
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(folder, how)
            yield
        finally:
            os.close(folder)

    def _sweep(self) -> None:
        """Remove notes that nobody asked for in KEPT_SECONDS, and files that no note names; unless somebody writes."""
        with suppress(OSError), self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
            named = set[str]()
            for told in self._folder.glob("*.json"):
                if time.time() - told.stat().st_mtime > KEPT_SECONDS:
                    told.unlink()
                    continue
                with suppress(ValueError, KeyError, TypeError):
                    named |= {told.name, json.loads(told.read_text(encoding="utf-8"))["file"]}
            for file in self._folder.iterdir():
                if file.name not in named:
                    file.unlink()

    def _told(self, address: str) -> Path:
        return self._folder / f"{hashlib.sha256(address.encode()).hexdigest()[:32]}.json"


def _to_disk(file: Path) -> None:
    """Have a file stand on the disk before anything says that it does: the power may go."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())


def _free(folder: Path) -> Path:
    """Return a name that is free in a folder of ours."""
    return folder / f"{len(list(folder.iterdir())):06d}-{os.urandom(4).hex()}"
