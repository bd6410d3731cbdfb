"""Examples of lookups, for OpenAPI: answers that registries really send, about nobody who lives, and how they are asked for.

A registry that is declared has none of its own: there the declaration may say an identifier, and the schema of the record
says what an answer looks like.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.identifiers import Check, Identifier
from connectors.registry import Registry
from connectors.sandbox import examples
from gateway.lookups import by_schema, identity, together
from gateway.lookups.incoming import FIELD, IDENTIFIER, Form
from gateway.lookups.verifying import verifiable
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
    """Return an identifier that may be shown: of an example, as it is declared, or of the declared form; None where none is."""
    if (shown := answered(service, lookup)) is not None:
        return shown[0]
    asked = [service.workspace.registries[each.registry] for each in lookup.providers if each.registry is not None]
    declared = (registry.example for registry in asked)
    return next(filter(None, (*declared, *map(_of_its_form, asked))), None)


def _of_its_form(registry: Registry) -> str | None:
    """Return an identifier as a registry declares their form, check digits too; None where none can be made."""
    said: Identifier | None = getattr(getattr(registry.settings, "lookup", None), "identifier", None)
    if said is None or not said.pattern or (text := by_schema.fitting(said.pattern)) is None:
        return None
    try:
        return f"{said.scheme}:{Check(said)(text)}"
    except ValueError:
        return None


def made(lookup: Lookup, shown: str | None) -> dict[str, Any] | None:
    """Return a record such as is answered to `shown`, made of its schema; None where none could be made that is of it."""
    model = lookup.record_model
    schema = model.model_json_schema()
    known = schema.pop("$defs", {})
    try:
        record: dict[str, Any] = by_schema.value(schema, known)
        asked = (shown or "").rpartition(":")[2]
        if asked and by_schema.is_of(by_schema.plain(schema["properties"].get(model.key, {})), asked):
            record[model.key] = asked
        told = model.model_validate_json(json.dumps(record), strict=True).model_dump(mode="json")
    except (by_schema.NoExample, ValueError):
        return None
    return record if told == record else None


def told_of(service: Service, lookup: Lookup) -> dict[str, Any] | None:
    """Return the record that is shown: what a registry really answered, else one made of the schema; None without either."""
    if (shown := answered(service, lookup)) is not None:
        return shown[1]
    return made(lookup, identifier(service, lookup))


def guessed(lookup: Lookup, record: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what may be asked to be verified of a record that is shown; None where nothing may."""
    field = next((each for each in verifiable(lookup.record_model) if record and each in record), None)
    return {field: record[field]} if record and field is not None else None


def bodies(service: Service, lookup: Lookup) -> dict[Form, Any]:
    """Return how a lookup is asked, by form: examples by name in JSON, a text in the others; nothing where none is known."""
    if (shown := identifier(service, lookup)) is not None:
        asked, record = {IDENTIFIER: shown}, told_of(service, lookup)
        field = next(iter(lookup.record_model.model_fields))
        told = {
            "one": {"summary": "One question", "value": asked},
            "fields": {"summary": "Some fields only", "value": {**asked, "fields": [field]}},
            "many": {"summary": "Many questions", "value": {"identifiers": [shown, WRONG], "fields": [field]}},
        }
        if (verified := guessed(lookup, record)) is not None:
            told["verify"] = {
                "summary": "Whether something is so, without data",
                "value": {**asked, "verify": verified},
            }
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
