"""The workspace: the folder that a deploying organisation keeps in git, loaded and checked as a whole.

`beffroi.yaml` and `datasets/*.yaml`; sections of `beffroi.yaml` may be split into folders (`registries/NAME.yaml`).
State lives in `.beffroi/`, which is never part of the declarations.
"""

import graphlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from connectors.errors import Misconfigured, NotFound
from connectors.records import RECORDS, Record
from connectors.registry import Registry, kinds
from pipelines.declarations import Dataset
from pipelines.declarations.coherence import NO_FILE, incoherences
from pipelines.declarations.configuration import Application, Configuration, Lookup
from pipelines.declarations.contradictions import contradictions
from pipelines.declarations.every_table import spread
from pipelines.declarations.origins import unborne
from pipelines.declarations.sentences import among, read
from pipelines.declarations.strict_yaml import Document, Keys, load
from pipelines.declarations.table_schema import Referenced
from pipelines.mirrored import kept, record_of

SECTIONS = ("registries", "organisations", "purposes", "lookups")
"""Sections of beffroi.yaml that may be folders of that name, one file an entry."""


class Workspace:
    """A loaded, coherent workspace. `root` is its folder."""

    def __init__(self, root: Path, *, sources: bool = False) -> None:
        """Load and check everything. Raises Misconfigured, whose detail has one line per problem.

        `sources` has it look for the tables on this machine too that datasets are read from. To serve what there is,
        nobody does: a table that is gone stops its next run, not the gateway.
        """
        self.root = root.resolve()
        if not (self.root / "beffroi.yaml").is_file():
            raise Misconfigured(f"there is no beffroi.yaml in {root}: `beffroi init DIR` makes a workspace")
        wrong = [sign for sign in "?#%" if sign in str(self.root)]
        if wrong:  # the Delta library takes a table's path for a URL, and would lose or misplace it
            raise Misconfigured(
                f"no table can be kept in {root}: rename the folder, or one above, without «{wrong[0]}»"
            )
        loader = Loader(self.root, sources)
        if loader.problems or loader.configuration is None:
            lines = (" ".join(problem.splitlines()) for problem in loader.problems)  # names in them may have several
            raise Misconfigured("\n".join(lines))
        self.configuration: Configuration = loader.configuration
        self.datasets: dict[str, Dataset] = loader.datasets
        self._registries: dict[str, Registry] = loader.registries

    @cached_property
    def state(self) -> Path:
        """Return the folder of the workspace's state, made on first use and closed to other users."""
        folder = self.root / ".beffroi"
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)  # whoever made it
        return folder

    @property
    def registries(self) -> dict[str, Registry]:
        """Return the registries by name."""
        return self._registries

    def dataset(self, name: str) -> Dataset:
        """Return a declared dataset, or raise NotFound."""
        if name not in self.datasets:
            raise NotFound(f"there is no dataset «{name}»{among(name, self.datasets)}")
        return self.datasets[name]

    def lookup(self, name: str) -> Lookup:
        """Return a declared lookup, or raise NotFound."""
        if name not in self.configuration.lookups:
            raise NotFound(f"there is no lookup «{name}»{among(name, self.configuration.lookups)}")
        return self.configuration.lookups[name]

    @cached_property
    def applications(self) -> dict[str, tuple[str, Application]]:
        """Return every application by name, with its organisation's name."""
        return self.configuration.applications()

    def in_order(self, names: list[str]) -> list[str]:
        """Return the named datasets (all, where none is named) so that each comes after those it depends on."""
        wanted = {self.dataset(name).name for name in names} or set(self.datasets)
        graph = {name: sorted(dataset.depends_on) for name, dataset in sorted(self.datasets.items())}
        return [name for name in graphlib.TopologicalSorter(graph).static_order() if name in wanted]


class Loader:
    """Reads every file, collects every problem. What is declared but broken is in `broken`, to be told once only."""

    def __init__(self, root: Path, sources: bool) -> None:
        self.root = root
        self.sources = sources
        self.problems: list[str] = []
        self.records: dict[str, type[Record]] = dict(RECORDS)
        self.registries: dict[str, Registry] = {}
        self.datasets: dict[str, Dataset] = {}
        self.broken: set[tuple[str, str]] = set()
        self.configuration: Configuration | None = None
        self._places: dict[Keys, tuple[Document, Keys]] = {}
        self._schemas: dict[str, Referenced] = {}
        self._main = self._load(root / "beffroi.yaml")
        self._datasets()
        if self._main is not None:
            self._configuration(self._main)
        if self.configuration is not None:
            self.problems += [*spread(self), *incoherences(self, self.configuration), *unborne(self)]

    def at(self, *keys: str | int) -> str:
        """Return `file:line` of a value: of beffroi.yaml, of a section's own file, or under `datasets`, NAME."""
        referenced = self._schemas.get(str(keys[1])) if keys[:1] == ("datasets",) and keys[2:3] == ("schema",) else None
        if referenced is not None:
            return referenced.at(*keys[3:])
        for length in (2, 0):
            if keys[:length] in self._places:
                document, prefix = self._places[keys[:length]]
                return document.at(*prefix, *keys[length:])
        return f"{self.root}:1"

    def has(self, path: str) -> bool:
        """Tell whether the workspace has a file, by its path from the workspace's folder, and nowhere else."""
        try:
            file = (self.root / path).resolve()
            return file.is_relative_to(self.root) and file.is_file()
        except (OSError, ValueError):  # too long a name, or one with a null
            return False

    def _load(self, path: Path) -> Document | None:
        try:
            return load(path, path.relative_to(self.root))
        except Misconfigured as error:
            self.problems.append(error.detail)
            self.broken.add((path.parent.name, path.stem))
            return None

    def _files(self, folder: str) -> Iterator[tuple[str, Document]]:
        """Yield the readable YAML files of a folder by name; one that ends otherwise is a problem."""
        for path in sorted((self.root / folder).glob("*.y*ml")):
            if path.suffix != ".yaml":
                self.problems.append(f"{path.relative_to(self.root)}:1: name it {path.stem}.yaml")
                self.broken.add((path.parent.name, path.stem))
            elif (document := self._load(path)) is not None:
                yield path.stem, document

    def _configuration(self, main: Document) -> None:
        self._places[()] = (main, ())
        if not isinstance(main.data, dict):
            self.problems.append(f"{main.at()}: expected the keys title, registries, organisations, …")
            return
        data = dict(main.data)
        for section in SECTIONS:
            data[section] = self._section(section, data.get(section, {}))
        self._registries(data["registries"])
        self.configuration, problems = read(Configuration, data, self.at, context=self._context())
        self.problems += problems

    def _context(self) -> dict[str, Any]:
        """Return the records that lookups can answer: by their names, and by the datasets whose rows they are."""
        fit = (dataset for dataset in self.datasets.values() if len(dataset.key) == 1 and not kept(dataset))
        rows = {dataset.name: record_of(dataset) for dataset in fit}
        return {"records": self.records, "rows": rows}

    def _section(self, section: str, written: Any) -> Any:
        """Return a section with the entries that stand in files of their own."""
        entries = dict(written) if isinstance(written, dict) else {}
        for name, document in self._files(section):
            if name in entries:
                self.problems.append(f"{document.at()}: {name} stands in beffroi.yaml too: keep one")
                continue
            self._places[section, name] = (document, ())
            entries[name] = document.data
        return entries if isinstance(written, dict) else written

    def _datasets(self) -> None:
        for name, document in self._files("datasets"):
            self._places["datasets", name] = (document, ())
            written = document.data
            if isinstance(written, dict) and "name" in written:
                self.problems.append(f"{document.at('name')}: take name: out, the file's own name is the dataset's")
            data = {**written, "name": name} if isinstance(written, dict) else written
            problems = self._referenced(name, data, document)
            if not problems:
                dataset, problems = read(Dataset, data, document.at)
            if not problems and dataset is not None:
                problems = [f"{self.at('datasets', name, *keys)}: {said}" for keys, said in contradictions(dataset)]
            self.problems += problems
            if not problems and dataset is not None:
                self.datasets[name] = dataset
            else:
                self.broken.add(("datasets", name))

    def _referenced(self, name: str, data: Any, document: Document) -> list[str]:
        """Put the Table Schema that a dataset names in the place of its name; return what is wrong with it."""
        path = data.get("schema") if isinstance(data, dict) else None
        if not isinstance(path, str):
            return []
        if not self.has(path):
            return [f"{document.at('schema')}: {path[:100]}: {NO_FILE}: schemas/NAME.json"]
        found = self._schemas[name] = Referenced(self.root / path, path)
        data["schema"] = found.schema
        return found.problems

    def _registries(self, entries: Any) -> None:
        known = kinds()
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            kind = entry.get("kind") if isinstance(entry, dict) else None
            if not isinstance(kind, str) or kind not in known:
                self.broken.add(("registries", name))
                if isinstance(entry, dict):  # that it is none is told with the configuration
                    said = f"kind «{kind}» is unknown" if "kind" in entry else "the key «kind» is missing"
                    self.problems.append(f"{self.at('registries', name, 'kind')}: {said}{among(str(kind), known)}")
                continue
            made = known[kind]()
            given = {key: value for key, value in entry.items() if key != "kind"}
            settings, problems = read(made.settings_model, given, self.at, "registries", name)
            if settings is not None:
                registry = made(name, settings, self.root)
                found = [*registry.problems(), *self._record(registry)]
                problems = [f"{self.at('registries', name, *keys)}: {said}" for keys, said in found]
                self.registries |= {} if problems else {name: registry}
            if problems:
                self.problems += problems
                self.broken.add(("registries", name))
                self._promised(given)

    def _record(self, registry: Registry) -> Iterator[tuple[Keys, str]]:
        """Add the record that a registry makes itself to those there are; two that make the same must agree."""
        record = registry.record
        if record is None or record in RECORDS.values():
            return
        there = self.records.setdefault(record.__name__, record)
        other = next((name for name, each in self.registries.items() if each.record is there), None)
        if other is not None and not _agree(there, record):
            said = f"the registry {other} makes another {record.__name__}, with other fields or another identifier"
            yield ("lookup", "record"), f"{said}: make them the same, or give this one another name"

    def _promised(self, entry: dict[str, Any]) -> None:
        """Note the record that a broken registry would make, so that a lookup of it is not told to be wrong as well."""
        lookup = entry.get("lookup")
        name = lookup.get("record") if isinstance(lookup, dict) else None
        if isinstance(name, str):
            self.records.setdefault(name, Record)


def _agree(one: type[Record], other: type[Record]) -> bool:
    fields = [record.model_json_schema() for record in (one, other)]
    return fields[0] == fields[1] and one.identifiers == other.identifiers
