"""Registries that are files: CSV, spreadsheets, JSON, XML, GeoJSON, Parquet, from a folder or an address.

Without `tables`, a folder's Parquet files are tables, each called as its file is. What each module gives the others
stands in `reading.py`; the keys of a declaration in `settings.py`.
"""

from collections.abc import Iterable

from connectors.deadline import Deadline
from connectors.drafting import FILL_IN, blanks
from connectors.errors import Misconfigured, NotDelivered
from connectors.files.folder import Folder
from connectors.files.formats import by_name
from connectors.files.reading import Hold, LocalFile, Origin, Remote
from connectors.files.settings import FilesSettings, TableSettings
from connectors.files.tables import table as table_of
from connectors.registry import Registry, Scan

__all__ = ["Files", "FilesSettings"]

SUFFIX = ".parquet"

MOST_REACHED = 5
"""Files of which the first bytes prove that all is well: one may want another right than the others."""

MOST_TOLD = 10
"""Names that are told of a folder in which a file is not."""

Problem = tuple[tuple[str | int, ...], str]


class Files(Registry):
    """A folder of files, or files at an address. It answers no lookups."""

    settings_model = FilesSettings
    settings: FilesSettings
    names_are_data = True

    def problems(self) -> Iterable[Problem]:
        """Yield what is left to fill in, tables whose format nothing tells, and keys for another format."""
        for keys in blanks(self.settings.model_dump(exclude_unset=True, by_alias=True)):
            yield keys, f"{FILL_IN} is left here: say what it is"
        for name, settings in self.settings.tables.items():
            yield from ((("tables", name, *keys), said) for keys, said in _problems(settings))

    def scan(self, table: str | None, after: str | None = None) -> Scan:
        """Return a table: of one file, or of several in the order of their names.

        Raises Misconfigured for a table that there is not, for files that are not at an address and for a dialect that is
        not certain; NotDelivered for files that are not in a folder; Unreadable for those that cannot be read; for those
        at an address what their origin raises.
        """
        settings = self._settings(table)
        hold = Hold(self.root / ".beffroi" / "hold")
        try:
            files = self._files(settings, hold)
            return table_of(files, settings, hold, self.name)
        except BaseException:
            hold.close()
            raise

    def reach(self, deadline: Deadline) -> bool:
        """Ask for the first bytes of each table's file, MOST_REACHED of them; False for a folder of this machine.

        Raises what an origin raises.
        """
        if self.settings.path is not None:
            return False
        for file in list(dict.fromkeys(table.file for table in self.settings.tables.values()))[:MOST_REACHED]:
            self._remote().reach(file, deadline)
        return True

    def _files(self, settings: TableSettings, hold: Hold) -> list[LocalFile]:
        from connectors.files.archives import unpacked

        found = self._origin().files(settings.file, hold, Deadline.after(settings.seconds))
        if not found:
            if self.settings.url is None:
                raise self._not_come(settings)
            told = " (HTTP 404)" if self.address(self.settings.url).startswith("http") else ""
            wrong = (
                f"{self.name}: its server has no file {settings.file}{told}: look at url: and file:, or ask its owner"
            )
            raise Misconfigured(wrong, registry=self.name)
        ordered = sorted(found, key=lambda file: file.name)
        return [each for file in ordered for each in unpacked(file, settings, hold, self.name)]

    def _origin(self) -> Origin:
        if self.settings.path is not None:
            return Folder(self.root / self.settings.path, self.name)
        return self._remote()

    def _remote(self) -> Remote:
        from connectors.files.origins import origin

        address = self.address(self.settings.url or "")
        return origin(self.settings.model_copy(update={"url": address}), self.name, self.root, self.pace)

    def _settings(self, table: str | None) -> TableSettings:
        """Return how a table is read. Raises Misconfigured, which lists the tables that there are."""
        if table is None:
            raise self._wrong("say which table to read")
        if table in self.settings.tables:
            return self.settings.tables[table]
        if any(character in table for character in "/\\\0") or table in ("", ".", ".."):
            raise self._wrong("a table is named without any folder")
        if self.settings.path is not None and (self.root / self.settings.path / f"{table}{SUFFIX}").is_file():
            return _literally(f"{table}{SUFFIX}")
        raise self._wrong(f"no table {table}")

    def check(self, table: str | None) -> str | None:
        """Return why `table` cannot be read, as far as the folder tells, if it is there; that none is named is wrong."""
        if table is None or self.settings.path is None or (self.root / self.settings.path).is_dir():
            try:
                settings = self._settings(table)
                if self.settings.path is not None and not self._origin().files(
                    settings.file, Hold(), Deadline.after(5)
                ):
                    raise self._not_come(settings)
            except (Misconfigured, NotDelivered) as error:
                return error.detail
        return None

    def _not_come(self, settings: TableSettings) -> NotDelivered:
        """Return the error of a table whose file is not in the folder, with the names that lie there."""
        place = (self.root / (self.settings.path or "")) / settings.file.rpartition("/")[0]
        there = sorted(f"{each.name}/" if each.is_dir() else each.name for each in place.glob("[!.]*"))
        told = ", ".join(there[:MOST_TOLD]) + (f" and {len(there) - MOST_TOLD} more" if len(there) > MOST_TOLD else "")
        where = f"the folder {self.settings.path}"
        said = f"{where} has: {told}" if told else f"{where} is empty"
        return NotDelivered(f"{self.name}: no file is called {settings.file}; {said}", registry=self.name)

    def _wrong(self, what: str) -> Misconfigured:
        declared = ", ".join(self.settings.tables)
        there = f"; it has: {declared or 'no table'}"
        if self.settings.path is not None:
            folder = self.root / self.settings.path
            if not folder.is_dir():
                there = f"; the workspace has no folder {self.settings.path}"
            else:
                stems = sorted(file.stem for file in folder.glob(f"*{SUFFIX}"))
                listed = ", ".join([*self.settings.tables, *(each for each in stems if each not in declared)])
                there = f"; the folder {self.settings.path} has: {listed or 'no Parquet file'}"
        return Misconfigured(f"{self.name}: {what}{there}", registry=self.name)


def _literally(name: str) -> TableSettings:
    """Return the settings of the file of a name, in which nothing is a glob."""
    return TableSettings(file="".join(f"[{each}]" if each in "*?[" else each for each in name))


def _problems(settings: TableSettings) -> Iterable[Problem]:
    """Yield what a table says that does not fit its format."""
    kind = settings.format or by_name(settings.member or settings.file)
    packed = settings.file.casefold().endswith((".zip", ".gz"))
    if kind is None and not packed and "*" not in settings.file.rpartition("/")[2][-4:]:
        yield ("format",), f"the name {settings.file} does not tell the format: say format:"
    for key, fitting in (("csv", {"csv"}), ("sheet", {"xlsx", "ods"}), ("rows", {"json", "xml", "geojson"})):
        if kind is not None and key in settings.model_fields_set and kind not in fitting:
            yield (key,), f"{key}: is for {' and '.join(sorted(fitting))}, but this is {kind}"
