"""Examples of lookups, for OpenAPI: answers that registries really send, about nobody who lives, and how they are asked for.

A registry that is declared has none of its own: there the declaration may say an identifier.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.sandbox import examples
from gateway.lookups import identity, together
from gateway.lookups.incoming import FIELD, IDENTIFIER, Form
from gateway.service import Service
from pipelines.declarations.configuration import Lookup

EXAMPLES = {
    "api_geo": "found",
    "civil_register": "found_one_given_name",
    "sirene": "found",
    "gleif": "found",
    "vies": "found",
}
"""Of each kind of registry that has example answers, the one that is shown."""

WRONG = "no-such-number"


def answered(service: Service, lookup: Lookup) -> tuple[str, dict[str, Any]] | None:
    """Return an identifier, and the record that a provider of the lookup answers to it; None where none has examples."""
    for provider in lookup.providers:
        registry = service.workspace.registries.get(provider.registry or "")
        kind = type(registry).__module__.rpartition(".")[2]
        if kind in EXAMPLES and registry is not None and registry.record is lookup.record_model:
            found = examples.one(kind, EXAMPLES[kind])
            return found.identifier, lookup.record_model.model_validate(found.record).model_dump(mode="json")
    return None


def identifier(service: Service, lookup: Lookup) -> str | None:
    """Return an identifier that may be shown, of an example or as it is declared; None where nothing is known."""
    if (shown := answered(service, lookup)) is not None:
        return shown[0]
    asked = [service.workspace.registries[each.registry] for each in lookup.providers if each.registry is not None]
    return next((registry.example for registry in asked if registry.example is not None), None)


def bodies(service: Service, lookup: Lookup) -> dict[Form, Any]:
    """Return how a lookup is asked, by form: examples by name in JSON, a text in the others; nothing where none is known."""
    if (shown := identifier(service, lookup)) is not None:
        asked, record = {IDENTIFIER: shown}, (answered(service, lookup) or ("", {}))[1]
        field = next(iter(lookup.record_model.model_fields))
        told = {
            "one": {"summary": "One question", "value": asked},
            "fields": {"summary": "Some fields only", "value": {**asked, "fields": [field]}},
            "many": {"summary": "Many questions", "value": {"identifiers": [shown, WRONG], "fields": [field]}},
        }
        if record:
            guess = {**asked, "verify": {field: record[field]}}
            told["verify"] = {"summary": "Whether something is so, without data", "value": guess}
        lines = f"{json.dumps(asked)}\n{json.dumps({IDENTIFIER: WRONG})}\n"
        return {"json": told, "ndjson": lines, "csv": _table(("dossier", IDENTIFIER), ("A-1", shown), ("A-2", WRONG))}
    if (who := identity.example(lookup)) is not None:
        one = {"summary": "One question", "value": {"identity": who}}
        head = ("dossier", *(f"{FIELD}{field}" for field in who))
        lines = f"{json.dumps({'identity': who})}\n"
        return {"json": {"one": one}, "ndjson": lines, "csv": _table(head, ("A-1", *who.values()))}
    return {}


def several(service: Service, offered: Mapping[str, Lookup]) -> list[dict[str, Any]]:
    """Return a body of `POST /lookups` that asks those lookups that have examples."""
    shown = ((name, answered(service, lookup)) for name, lookup in offered.items())
    asked = [
        {"lookup": name, "identifier": found[0], "fields": [next(iter(found[1]))]} for name, found in shown if found
    ]
    return asked[: together.MOST]


def _table(*rows: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
