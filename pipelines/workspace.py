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
from connectors.registry import Registry, kinds
from pipelines.declarations import Application, Configuration, Dataset, Lookup, among, read
from pipelines.strict_yaml import Document, load

SECTIONS = ("registries", "organisations", "purposes", "lookups")
"""Sections of beffroi.yaml that may be folders of that name, one file an entry."""


class Workspace:
    """A loaded, coherent workspace. `root` is its folder."""

    def __init__(self, root: Path) -> None:
        """Load and check everything. Raises Misconfigured, whose detail has one line per problem."""
        self.root = root.resolve()
        if not (self.root / "beffroi.yaml").is_file():
            raise Misconfigured(f"there is no beffroi.yaml in {root}: `beffroi init DIR` makes a workspace")
        loader = _Loader(self.root)
        if loader.problems or loader.configuration is None:
            raise Misconfigured("\n".join(loader.problems))
        self.configuration: Configuration = loader.configuration
        self.datasets: dict[str, Dataset] = loader.datasets
        self._registries: dict[str, Registry] = loader.registries

    @cached_property
    def state(self) -> Path:
        """Return the folder of the workspace's state, made on first use and closed to other users."""
        folder = self.root / ".beffroi"
        folder.mkdir(mode=0o700, exist_ok=True)
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


class _Loader:
    """Reads every file, collects every problem."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[str] = []
        self.places: dict[tuple[str, str], tuple[Document, tuple[str, ...]]] = {}
        self.registries: dict[str, Registry] = {}
        self.datasets: dict[str, Dataset] = {}
        self.documents: dict[str, Document] = {}
        self.configuration = self._configuration()
        self._datasets()
        if self.configuration is not None and not self.problems:
            self._registries(self.configuration)
        if self.configuration is not None and not self.problems:
            self.problems += _Coherence(self, self.configuration).problems()

    def at(self, section: str, name: str, *keys: str | int) -> str:
        """Return `file:line` of something inside one entry of a section."""
        document, prefix = self.places[section, name]
        return document.at(*prefix, *keys)

    def _load(self, path: Path) -> Document | None:
        try:
            return load(path, path.relative_to(self.root))
        except Misconfigured as error:
            self.problems.append(error.detail)
            return None

    def _configuration(self) -> Configuration | None:
        main = self._load(self.root / "beffroi.yaml")
        if main is None:
            return None
        data = dict(main.data) if isinstance(main.data, dict) else main.data
        if not isinstance(data, dict):
            self.problems.append(f"{main.path}:1: expected the keys title, registries, organisations, …")
            return None
        for section in SECTIONS:
            entries = data.get(section)
            for name in entries if isinstance(entries, dict) else ():
                self.places[section, name] = (main, (section, name))
            self._folder(section, data)
        before = len(self.problems)
        configuration, problems = read(Configuration, data, main)
        self.problems += self._placed(data, main, problems)
        return configuration if len(self.problems) == before else None

    def _folder(self, section: str, data: dict[str, Any]) -> None:
        """Add the entries that stand in files of their own."""
        for path in sorted((self.root / section).glob("*.yaml")):
            document = self._load(path)
            if document is None:
                continue
            if (section, path.stem) in self.places:
                self.problems.append(f"{document.at()}: {path.stem} stands in beffroi.yaml too: keep one")
                continue
            self.places[section, path.stem] = (document, ())
            data[section] = {**(data.get(section) or {}), path.stem: document.data}

    def _placed(self, data: dict[str, Any], main: Document, problems: list[str]) -> list[str]:
        """Say a problem of a split-off entry at its own file: check that entry again by itself."""
        split = [(s, n) for (s, n), (document, _) in self.places.items() if document is not main]
        if not problems or not split:
            return problems
        placed: list[str] = []
        kept = dict(data)
        for section, name in split:
            document, _ = self.places[section, name]
            model = Configuration.model_fields[section].annotation.__args__[1]  # type: ignore[union-attr]
            if isinstance(model, type) and hasattr(model, "model_validate"):
                placed += read(model, document.data, document)[1]
            kept[section] = {key: value for key, value in kept[section].items() if key != name}
        return placed + read(Configuration, kept, main)[1]

    def _datasets(self) -> None:
        for path in sorted((self.root / "datasets").glob("*.y*ml")):
            if path.suffix != ".yaml":
                self.problems.append(f"{path.relative_to(self.root)}:1: name it {path.stem}.yaml")
                continue
            document = self._load(path)
            if document is None:
                continue
            data = {"name": path.stem, **document.data} if isinstance(document.data, dict) else document.data
            dataset, problems = read(Dataset, data, document)
            self.problems += problems
            if dataset is not None:
                self.datasets[path.stem] = dataset
                self.documents[path.stem] = document

    def _registries(self, configuration: Configuration) -> None:
        known = kinds()
        for name, entry in configuration.registries.items():
            kind = entry.get("kind")
            if kind not in known:
                said = f"kind «{kind}» is unknown" if kind else "the key «kind» is missing"
                self.problems.append(f"{self.at('registries', name, 'kind')}: {said}{among(str(kind), known)}")
                continue
            made = known[kind]()
            document, prefix = self.places["registries", name]
            settings, problems = read(
                made.settings_model, {k: v for k, v in entry.items() if k != "kind"}, document, *prefix
            )
            self.problems += problems
            if settings is not None:
                self.registries[name] = made(name, settings, self.root)


class _Coherence:
    """What the files must say together."""

    def __init__(self, loader: _Loader, configuration: Configuration) -> None:
        self.loader, self.configuration, self.datasets = loader, configuration, loader.datasets

    def problems(self) -> list[str]:
        """Return one sentence per contradiction."""
        return [*self._lookups(), *self._grants(), *self._publication(), *self._datasets(), *self._cycle()]

    def _lookups(self) -> Iterator[str]:
        for name, lookup in self.configuration.lookups.items():
            for position, provider in enumerate(lookup.providers):
                place = self.loader.at("lookups", name, "providers", position)
                if provider.registry is not None:
                    registry = self.loader.registries.get(provider.registry)
                    if registry is None:
                        yield f"{place}: no registry «{provider.registry}»{among(provider.registry, self.loader.registries)}"
                    elif registry.record is not lookup.record_model:
                        yield f"{place}: the registry {provider.registry} does not answer {lookup.record}"
                elif provider.dataset not in self.datasets:
                    yield f"{place}: no dataset «{provider.dataset}»{among(provider.dataset or '', self.datasets)}"
                elif self.datasets[provider.dataset].record != lookup.record:
                    yield f"{place}: the dataset {provider.dataset} does not mirror {lookup.record}"

    def _grants(self) -> Iterator[str]:
        seen: dict[str, str] = {}
        for organisation, declared in self.configuration.organisations.items():
            for name, application in declared.applications.items():
                place = self.loader.at("organisations", organisation, "applications", name)
                if name in seen:
                    yield f"{place}: the application {name} stands under {seen[name]} too: names are unique"
                seen[name] = organisation
                for position, grant in enumerate(application.grants):
                    at = self.loader.at("organisations", organisation, "applications", name, "grants", position)
                    lookup = self.configuration.lookups.get(grant.lookup or "")
                    dataset = self.datasets.get(grant.dataset or "")
                    if lookup is None and dataset is None:
                        wrong = grant.lookup or grant.dataset or ""
                        names = self.configuration.lookups if grant.lookup else self.datasets
                        yield f"{at}: nothing is called «{wrong}»{among(wrong, names)}"
                        continue
                    fields = list(lookup.record_model.model_fields) if lookup else []
                    fields += [column.name for column in dataset.columns] if dataset else []
                    for field in grant.fields if grant.fields != "*" else ():
                        if field not in fields:
                            yield f"{at}: no field «{field}»{among(field, fields)}"
                    for purpose in grant.purposes:
                        if purpose not in self.configuration.purposes:
                            yield f"{at}: no purpose «{purpose}»{among(purpose, self.configuration.purposes)}"

    def _publication(self) -> Iterator[str]:
        ckan = self.configuration.publication.ckan
        if ckan is not None and ckan.organisation not in self.configuration.organisations:
            yield (
                f"beffroi.yaml: publication.ckan.organisation: no organisation «{ckan.organisation}»"
                f"{among(ckan.organisation, self.configuration.organisations)}"
            )

    def _datasets(self) -> Iterator[str]:
        for name, dataset in self.datasets.items():
            at = self.loader.documents[name].at
            if dataset.source.registry not in self.loader.registries:
                wrong = dataset.source.registry
                yield f"{at('source', 'registry')}: no registry «{wrong}»{among(wrong, self.loader.registries)}"
            if dataset.owner not in self.configuration.organisations:
                yield f"{at('owner')}: no organisation «{dataset.owner}»{among(dataset.owner, self.configuration.organisations)}"
            for other in sorted(dataset.depends_on - set(self.datasets)):
                yield f"{at('schema')}: it refers to the dataset «{other}», which is not declared{among(other, self.datasets)}"
            for key in dataset.foreign_keys:
                target = self.datasets.get(key.reference.resource)
                names = [column.name for column in target.columns] if target else [key.target]
                if key.target not in names:
                    yield f"{at('schema', 'foreignKeys')}: {key.reference.resource} has no column «{key.target}»{among(key.target, names)}"

    def _cycle(self) -> Iterator[str]:
        graph = {name: dataset.depends_on for name, dataset in self.datasets.items()}
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            yield f"datasets/: these refer to each other in a circle: {' → '.join(error.args[1])}"
