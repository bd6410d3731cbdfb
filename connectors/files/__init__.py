"""Registries that are a folder of Parquet files: a table is the file of its name, read by the engine itself."""

from pathlib import Path

from connectors.errors import Misconfigured
from connectors.registry import Registry, Settings

SUFFIX = ".parquet"


class FilesSettings(Settings):
    """`path` is the folder, relative to the workspace."""

    path: str


class Files(Registry):
    """A folder of Parquet files. It answers no lookups."""

    settings_model = FilesSettings
    settings: FilesSettings

    def scan(self, table: str | None, after: str | None = None) -> Path:
        """Return the path of the file of `table`. Raises Misconfigured, which lists the tables there are."""
        folder = self.root / self.settings.path
        if table is None:
            raise self._wrong("say which table to read")
        if any(character in table for character in "/\\\0") or table in ("", ".", ".."):
            raise self._wrong("a table is named without any folder")
        if not (folder / f"{table}{SUFFIX}").is_file():
            raise self._wrong(f"no table {table}")
        return folder / f"{table}{SUFFIX}"

    def check(self, table: str | None) -> str | None:
        """Return why `table` cannot be read, if the folder is there; that none is named is wrong either way."""
        if table is None or (self.root / self.settings.path).is_dir():
            try:
                self.scan(table)
            except Misconfigured as error:
                return error.detail
        return None

    def _wrong(self, what: str) -> Misconfigured:
        folder = self.root / self.settings.path
        if not folder.is_dir():
            there = f"; the workspace has no folder {self.settings.path}"
            return Misconfigured(f"{self.name}: {what}{there}", registry=self.name)
        tables = sorted(file.stem for file in folder.glob(f"*{SUFFIX}"))
        there = f"; the folder {self.settings.path} has: {', '.join(tables) or 'no Parquet file'}"
        return Misconfigured(f"{self.name}: {what}{there}", registry=self.name)
