"""What the files of a workspace must say together: whatever one names, another must declare."""

import graphlib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from connectors.errors import Misconfigured
from connectors.records import Record
from connectors.registry import Registry
from pipelines.declarations import Dataset, identified, linked
from pipelines.declarations.accounting import WHO_READ
from pipelines.declarations.configuration import Configuration, Grant
from pipelines.declarations.sentences import among
from pipelines.declarations.strict_yaml import Keys
from pipelines.mirrored import kept
from pipelines.steps.lists import read_map
from pipelines.steps.vocabulary import TYPES_READ, dataset_of, file_of

DATABASE_OF_ALL = "open"
"""The database of the open datasets has this name, so that no organisation may."""


ONE_OF = {
    "registries": "registry",
    "organisations": "organisation",
    "purposes": "purpose",
    "lookups": "lookup",
    "datasets": "dataset",
    "fields": "field",
    "applications": "application",
}
"""What one entry of a section is called."""

NO_FILE = "no such file in this workspace; a path begins at its folder"
"""What is said of a path that leads nowhere, or out of the workspace."""

Problem = tuple[Keys, str]


class Read(Protocol):
    """What was read of a workspace. `broken` holds section and name of what is declared but wrong: told elsewhere."""

    root: Path
    datasets: dict[str, Dataset]
    registries: dict[str, Registry]
    broken: set[tuple[str, str]]
    sources: bool  # whether to look for the tables that datasets are read from
    at: Callable[..., str]
    has: Callable[[str], bool]  # whether the workspace has a file, by its path from the workspace's folder


def incoherences(read: Read, configuration: Configuration) -> list[str]:
    """Return one sentence, opening with file and line, per contradiction between the parts of a workspace."""
    found = [*_lookups(read, configuration), *_organisations(read, configuration), *_publication(read, configuration)]
    found += [*_identity(read, configuration), *_certificates(configuration)]
    for name in read.datasets:
        found += _dataset(read, configuration, name)
    found += _cycle(read)
    return [f"{read.at(*keys)}: {said}" for keys, said in found]


def unknown(read: Read, keys: Keys, section: str, name: str, known: Collection[str]) -> Iterator[Problem]:
    """Yield that `name` is no entry of `section`, unless it is one of the `known`, or declared but broken."""
    if name not in known and (section, name) not in read.broken:
        yield keys, f"no {ONE_OF[section]} «{name}»{among(name, known)}"


def _lookups(read: Read, configuration: Configuration) -> Iterator[Problem]:
    for name, lookup in configuration.lookups.items():
        for position, provider in enumerate(lookup.providers):
            keys: Keys = ("lookups", name, "providers", position)
            if provider.registry is not None:
                at = (*keys, "registry")
                yield from unknown(read, at, "registries", provider.registry, read.registries)
                registry = read.registries.get(provider.registry)
                if registry is not None and (registry.record is None or registry.record.__name__ != lookup.record):
                    yield at, f"the registry {provider.registry} does not answer {lookup.record}"
            elif provider.dataset is not None:
                at = (*keys, "dataset")
                yield from unknown(read, at, "datasets", provider.dataset, read.datasets)
                dataset = read.datasets.get(provider.dataset)
                if dataset is not None and lookup.record is None:
                    yield from ((at, said) for said in _unasked(dataset))
                elif dataset is not None and lookup.record is not None and dataset.record != lookup.record:
                    yield at, f"the dataset {provider.dataset} does not mirror {lookup.record}"
        yield from ((("lookups", name, *keys), said) for keys, said in identified.problems(lookup, read.datasets))


def _unasked(dataset: Dataset) -> Iterator[str]:
    """Yield why the rows of a dataset cannot be looked up."""
    if len(dataset.key) > 1:
        yield f"a lookup asks by one value, and the key of {dataset.name} has several columns"
    for column in kept(dataset):
        yield f"the column {column} of {dataset.name} cannot be looked up by that name: give it another"


def _organisations(read: Read, configuration: Configuration) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for organisation, declared in configuration.organisations.items():
        if organisation == DATABASE_OF_ALL:
            yield ("organisations", organisation), "no organisation can be called open: that is the open data's name"
        for name, application in declared.applications.items():
            keys: Keys = ("organisations", organisation, "applications", name)
            if name in seen:
                yield keys, f"the application {name} stands under {seen[name]} too: names are unique"
            seen[name] = organisation
            for position, grant in enumerate(application.grants):
                yield from _grant(read, configuration, grant, (*keys, "grants", position))


def _grant(read: Read, configuration: Configuration, grant: Grant, keys: Keys) -> Iterator[Problem]:
    fields: list[str] = []
    if grant.lookup is not None:
        yield from unknown(read, (*keys, "lookup"), "lookups", grant.lookup, configuration.lookups)
        lookup = configuration.lookups.get(grant.lookup)
        fields = list(lookup.record_model.model_fields) if lookup else []
    elif grant.dataset is not None:
        yield from unknown(read, (*keys, "dataset"), "datasets", grant.dataset, read.datasets)
        fields = list(_types(read.datasets.get(grant.dataset)))
    else:
        fields = list(WHO_READ)
    for position, field in enumerate(grant.fields if fields and grant.fields != "*" else ()):
        yield from unknown(read, (*keys, "fields", position), "fields", field, fields)
    for position, purpose in enumerate(grant.purposes):
        yield from unknown(read, (*keys, "purposes", position), "purposes", purpose, configuration.purposes)
        yield from (((*keys, "purposes", position), said) for said in _told(read, configuration, grant.lookup, purpose))
    for column in grant.rows:
        yield from (((*keys, "rows", column), said) for said in _rows(read, configuration, grant, column))


def _told(read: Read, configuration: Configuration, name: str | None, purpose: str) -> Iterator[str]:
    """Yield which agreement a registry of a lookup is told with each question, where a purpose declares none."""
    lookup, declared = configuration.lookups.get(name or ""), configuration.purposes.get(purpose)
    for provider in lookup.providers if lookup is not None and declared is not None else ():
        registry = read.registries.get(provider.registry or "")
        if registry is not None and "purpose.agreement" in registry.carries and declared and not declared.agreement:
            yield f"the registry {registry.name} is told the agreement of each purpose, and {purpose} declares none"


def _rows(read: Read, configuration: Configuration, grant: Grant, column: str) -> Iterator[str]:
    """Yield what is wrong with a column that a grant's rows are told by: an asker who may see none of it must not pass."""
    dataset, lookup = read.datasets.get(grant.dataset or ""), configuration.lookups.get(grant.lookup or "")
    if dataset is not None:
        what, fields = f"the dataset {dataset.name}", _types(dataset)
        if dataset.audience == "open":
            yield f"{what} is open: everybody has all its rows"
    elif lookup is not None:
        what, fields = f"the lookup {grant.lookup}", _kinds(lookup.record_model)
    else:
        return  # that there is none is told already
    if fields and column not in fields:
        yield f"{what} has no field «{column}» by which rows could be told apart{among(column, fields)}"
    elif fields.get(column, "string") != "string":
        yield f"{column} of {what} is no text: rows are granted by codes and other texts"


def _kinds(model: type[Record]) -> dict[str, str]:
    """Return which fields of a record are plain texts, as JSON describes them: `string`; and of the others some word."""
    found = {}
    for name, said in model.model_json_schema(mode="serialization").get("properties", {}).items():
        either = [each for each in said.get("anyOf", [said]) if each.get("type") != "null"]
        texts = all(each.get("type") == "string" and "format" not in each for each in either)
        found[name] = "string" if texts and either else "other"
    return found


def _identity(read: Read, configuration: Configuration) -> Iterator[Problem]:
    applications, issuers = configuration.applications(), dict[str, str]()
    for name, provider in configuration.identity.providers.items():
        keys: Keys = ("identity", "providers", name)
        if provider.issuer in issuers:
            yield (*keys, "issuer"), f"{issuers[provider.issuer]} has this issuer too: each has one entry"
        issuers[provider.issuer] = name
        for client, application in provider.applications.items():
            yield from unknown(read, (*keys, "applications", client), "applications", application, applications)
        if provider.authority is not None and not read.has(provider.authority):
            yield (*keys, "authority"), f"{provider.authority[:100]}: {NO_FILE}"


def _certificates(configuration: Configuration) -> Iterator[Problem]:
    owners: dict[str | None, str] = {}
    for organisation, declared in configuration.organisations.items():
        for name, application in declared.applications.items():
            keys: Keys = ("organisations", organisation, "applications", name, "certificates")
            if application.certificates and (configuration.proxies is None or not configuration.proxies.certificate):
                yield keys, "who reports certificates? say networks: and certificate: under proxies:"
            for position, certificate in enumerate(application.certificates):
                owner = owners.setdefault(certificate.sha256 or certificate.subject, name)
                if owner != name:
                    yield (*keys, position), f"{owner} has this certificate too: each belongs to one application"


def _publication(read: Read, configuration: Configuration) -> Iterator[Problem]:
    ckan = configuration.publication.ckan
    if ckan is not None:
        keys: Keys = ("publication", "ckan", "organisation")
        yield from unknown(read, keys, "organisations", ckan.organisation, configuration.organisations)


def _dataset(read: Read, configuration: Configuration, name: str) -> Iterator[Problem]:
    dataset, here = read.datasets[name], ("datasets", name)
    yield from unknown(read, (*here, "owner"), "organisations", dataset.owner, configuration.organisations)
    yield from _foreign_keys(read, dataset)
    yield from _steps(read, dataset)
    yield from _links(read, dataset)


def _foreign_keys(read: Read, dataset: Dataset) -> Iterator[Problem]:
    for number, key in enumerate(dataset.foreign_keys):
        place = ("datasets", dataset.name, "schema", "foreignKeys", number, "reference")
        name = key.reference.resource
        yield from unknown(read, (*place, "resource"), "datasets", name, read.datasets)
        if name not in read.datasets:
            continue
        mine, types = _types(dataset)[key.column], _types(read.datasets[name])
        if key.target not in types:
            yield (*place, "fields"), f"{name} has no column «{key.target}»{among(key.target, types)}"
        elif types[key.target] != mine:
            said = f"{key.column} is of the type {mine}, {key.target} of {name} is of the type {types[key.target]}"
            yield (*place, "fields"), f"{said}: make them the same"


def _steps(read: Read, dataset: Dataset) -> Iterator[Problem]:
    """Yield what is wrong with the datasets and files that cleaning steps read."""
    for at, column, clean in dataset.cleans:
        for position, step in enumerate(clean.steps):
            wanted, file = dataset_of(step), file_of(step)
            place: Keys = ("datasets", dataset.name, *at, column, "steps", position)
            if file is not None and not read.has(file):
                yield place, f"{file[:100]}: {NO_FILE}"
            elif file is not None and read.sources:
                yield from _map(read, place, file)
            if wanted is None:
                continue
            name, columns = wanted
            yield from unknown(read, place, "datasets", name, read.datasets)
            missing = set(columns) - set(_types(read.datasets[name])) if name in read.datasets else ()
            if missing:
                yield place, f"this step reads {', '.join(columns)} of {name}, which lacks {', '.join(sorted(missing))}"
            there = _types(read.datasets.get(name))
            for other in (each for each in columns if there.get(each, TYPES_READ[each]) != TYPES_READ[each]):
                said = f"this step reads {other} of {name}, which is of the type {there[other]}"
                yield place, f"{said}: it must be of the type {TYPES_READ[other]}"


def _links(read: Read, dataset: Dataset) -> Iterator[Problem]:
    """Yield what is wrong with the datasets that rows are linked to."""
    for column, link in dataset.link.items():
        if link.to is not None:
            at: Keys = ("datasets", dataset.name, "link", column)
            yield from unknown(read, (*at, "to"), "datasets", link.to, read.datasets)
            if link.to in read.datasets:
                found = linked.incoherences(link, _types(dataset)[column], read.datasets[link.to])
                yield from (((*at, *keys), said) for keys, said in found)


def _map(read: Read, place: Keys, file: str) -> Iterator[Problem]:
    """Yield what is wrong with a value map, as a run would tell it."""
    try:
        read_map(read.root, file)
    except Misconfigured as error:
        yield place, error.detail


def _types(dataset: Dataset | None) -> Mapping[str, str]:
    return {column.name: column.type for column in dataset.columns} if dataset else {}


def _cycle(read: Read) -> Iterator[Problem]:
    graph = {name: dataset.depends_on for name, dataset in read.datasets.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        names = error.args[1]
        yield ("datasets", names[0]), f"these refer to each other in a circle: {' → '.join(names)}"
