"""What was brought from an address, kept with what its server called that version, so that it need not come again.

It lies in `.beffroi/files/REGISTRY/`, which only we can read: per address a file of the bytes and one that tells what
they are. A file never changes; a newer version is another, and whoever reads the older one holds a link of its own.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from connectors.files.reading import Hold


@dataclass(frozen=True)
class Kept:
    """A version that is here: `file` within the cache, and what the server called it."""

    file: str
    etag: str | None
    modified: str | None


class Cache:
    """The files kept of one registry."""

    def __init__(self, root: Path, registry: str) -> None:
        """`root` is the workspace. Nothing is written yet."""
        self._folder = root / ".beffroi" / "files" / registry

    def kept(self, address: str) -> Kept | None:
        """Return what is kept of an address, None where nothing whole is."""
        try:
            found = Kept(**json.loads(self._told(address).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return found if (self._folder / found.file).is_file() else None

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
        number, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
        try:
            with os.fdopen(number, "wb") as written:
                yield written, Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def keep(self, address: str, part: Path, etag: str | None, modified: str | None) -> Kept:
        """Keep a version that was written whole, instead of the one before."""
        before = self.kept(address)
        kept = Kept(f"{part.stem}.data", etag, modified)
        part.rename(self._folder / kept.file)
        told = self._told(address).with_suffix(f".{part.stem}")
        told.write_text(json.dumps(asdict(kept)), encoding="utf-8")
        told.rename(self._told(address))
        if before is not None:
            (self._folder / before.file).unlink(missing_ok=True)
        return kept

    def _told(self, address: str) -> Path:
        return self._folder / f"{hashlib.sha256(address.encode()).hexdigest()[:32]}.json"


def _free(folder: Path) -> Path:
    """Return a name that is free in a folder of ours."""
    return folder / f"{len(list(folder.iterdir())):06d}-{os.urandom(4).hex()}"
