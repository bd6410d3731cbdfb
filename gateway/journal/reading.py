"""Who read my data: every access to what one identifier stands for, found by its hashes under every key there was.

The journal names nobody: who asks must know the identifier. Found are lookups, rows by their key and commands. Whoever
took a whole file took every row, so those are told too, marked `whole`: the person may have been in it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from connectors.errors import InvalidRequest, MalformedIdentifier
from connectors.identities import SCHEME
from connectors.records import canonical
from gateway.journal.keys import Keys
from gateway.journal.settings import noted
from pipelines.declarations.sentences import among

if TYPE_CHECKING:
    from connectors.records import Record
    from gateway.journal.stores import Store
    from pipelines.workspace import Workspace

WHOLE = "download"
"""The action that takes every row."""


@dataclass(frozen=True)
class Subject:
    """Whom is asked for: the texts that the journal hashes, and the datasets whose whole files may have had it.

    `resources` are the only ones where the texts mean it, or None where they mean it everywhere.
    """

    texts: frozenset[str]
    files: frozenset[str]
    resources: frozenset[str] | None = None


def subject(workspace: "Workspace", identifier: str) -> Subject:
    """Read `scheme:value`, `identity:{…}`, or `dataset:NAME:KEY` for a row of a dataset that mirrors no record.

    Raises MalformedIdentifier, and InvalidRequest where the scheme is unknown here; neither repeats a value.
    """
    scheme, colon, rest = identifier.strip().partition(":")
    scheme = scheme.strip().lower()
    if scheme == SCHEME and colon:
        return _of_identity(workspace, rest)
    if scheme == "dataset" and colon:
        return _of_dataset(workspace, *rest.split(":", 1))
    models = [model for model in _models(workspace) if scheme in model.identifiers] if colon else []
    if not models:
        known = {each for model in _models(workspace) for each in model.identifiers}
        raise InvalidRequest(f"write the identifier as scheme:value, or dataset:NAME:KEY{among('', sorted(known))}")
    return _of_records(workspace, models, f"{scheme}:{rest}")


def _of_records(workspace: "Workspace", models: list[type["Record"]], identifier: str) -> Subject:
    texts = set()
    for model in models:
        try:
            texts.add(":".join(canonical(model, identifier)))
        except MalformedIdentifier as error:
            wrong = error
    if not texts:
        raise wrong
    return Subject(
        frozenset(texts),
        frozenset(name for name, dataset in workspace.datasets.items() if dataset.record_model in models),
    )


def _of_identity(workspace: "Workspace", text: str) -> Subject:
    """Return whom an identity is, by each lookup that takes the fields it has."""
    lookups = [each for each in workspace.configuration.lookups.values() if SCHEME in each.asked_model.identifiers]
    if not lookups:
        raise InvalidRequest("no lookup here takes an identity: write an identifier, as scheme:value")
    found = _of_records(workspace, [each.asked_model for each in lookups], f"{SCHEME}:{text}")
    asked = frozenset(each.dataset for lookup in lookups for each in lookup.providers if each.dataset is not None)
    return replace(found, files=found.files | asked)


def _of_dataset(workspace: "Workspace", name: str, key: str = "") -> Subject:
    dataset = workspace.datasets.get(name)
    if dataset is None or not key:
        raise InvalidRequest("write a row as dataset:NAME:KEY, by the name of a dataset and the row's key")
    if dataset.record_model is not None:
        return _of_records(workspace, [dataset.record_model], key)
    texts, resources = {f"dataset:{name}:{key}"}, {f"dataset:{name}"}
    for lookup, declared in workspace.configuration.lookups.items():
        if declared.record is None and declared.providers[0].dataset == name:
            texts.add(":".join(canonical(declared.record_model, f"{dataset.key[0].lower()}:{key}")))
            resources.add(f"lookup:{lookup}")
    return Subject(frozenset(texts), frozenset({name}), frozenset(resources))


def reads(workspace: "Workspace", store: "Store", keys: Keys, asked: Subject) -> tuple[list[dict[str, Any]], list[str]]:
    """Return each access in its order, with the keys of `WHO_READ`, and the names of keys that are missing here.

    What entries hold that were made with a missing key cannot be found. Raises as the store's `rows` does.
    """
    hashes = {each for text in asked.texts for each in keys.every(text)}
    files = {f"dataset:{name}" for name in asked.files}
    found, used = [], set[str]()
    for row in store.rows([*hashes, f'"action":"{WHOLE}"', '"action":"settings"']):
        entry = json.loads(row.entry)
        if entry["action"] == "settings":
            used.update(noted(row.entry)["keys"].split(","))
        in_file = entry["action"] == WHOLE and entry["resource"] in files
        named = not hashes.isdisjoint({entry["identifier"], *entry["identifiers"]})
        meant = asked.resources is None or entry["resource"] in asked.resources or entry["action"] == "who-read"
        if in_file or (named and meant):
            found.append(_told(workspace, entry, whole=in_file))
    return found, sorted(used - set(keys.names()))


def _told(workspace: "Workspace", entry: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    configuration = workspace.configuration
    organisation = configuration.organisations.get(entry["organisation"] or "")
    declared = workspace.applications.get(entry["application"] or "")
    purpose = configuration.purposes.get(entry["purpose"] or "")
    return {
        "time": entry["time"],
        "organisation": organisation.title if organisation else entry["organisation"],
        "application": declared[1].title if declared else entry["application"],
        "agent": entry["agent"],
        "case": entry.get("case"),  # entries of before the first case have none
        "via": entry["via"],
        "action": entry["action"],
        "resource": entry["resource"],
        "purpose": purpose.title if purpose else entry["purpose"],
        "procedure": purpose.procedure if purpose else None,
        "fields": entry["fields"],
        "source": entry["source"],
        "outcome": entry["outcome"],
        "whole": whole,
    }


def _models(workspace: "Workspace") -> list[type["Record"]]:
    """Return the records that this workspace knows; rows of datasets of other shapes are asked for by their dataset."""
    lookups = workspace.configuration.lookups.values()
    models = [lookup.record_model for lookup in lookups if lookup.record is not None]
    models += [registry.record for registry in workspace.registries.values() if registry.record is not None]
    models += [dataset.record_model for dataset in workspace.datasets.values() if dataset.record_model is not None]
    return list(dict.fromkeys(models))
