"""Files of a folder on this machine."""

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

from connectors.deadline import Deadline
from connectors.errors import Down
from connectors.files.reading import Hold, LocalFile, fits


class Folder:
    """A folder, and those below it, as an `Origin`. What its name begins with a point or `~$` for is passed over."""

    def __init__(self, path: Path, registry: str) -> None:
        """Nothing is looked at yet."""
        self._path, self._registry = path, registry

    def files(self, pattern: str, hold: Hold, deadline: Deadline) -> list[LocalFile]:
        """Return the files that fit a name or glob below the folder. Raises Down where the folder cannot be read."""
        depth = pattern.count("/")
        try:
            names = [name for name in self._names(self._path, "", depth) if fits(name, pattern)]
            return [self._file(name) for name in names]
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else type(error).__name__
            raise Down(f"{self._registry}: its folder cannot be read: {why}", registry=self._registry) from error

    def _names(self, folder: Path, before: str, depth: int) -> Iterator[str]:
        for each in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if each.name.startswith((".", "~$")):
                continue
            if depth and each.is_dir():
                yield from self._names(folder / each.name, f"{before}{each.name}/", depth - 1)
            elif not depth and each.is_file():
                yield before + each.name

    def _file(self, name: str) -> LocalFile:
        path = self._path / name
        return LocalFile(path, name, dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC))
