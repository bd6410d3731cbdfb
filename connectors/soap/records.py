"""The record of a declared SOAP registry: its fields are the keys of an object in the answer, its types the schema's.

libxml2 has validated the answer, so that nothing is judged again: a field holds the decoded value and becomes JSON as
docs/soap.md says. A key that is absent is absent from the record's JSON too; nil is null.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    create_model,
    model_serializer,
)
from pydantic_core import CoreSchema, core_schema

from connectors.identifiers import Check
from connectors.records import PERSONAL, Record
from connectors.soap.annotations import Annotations
from connectors.soap.json_schema import schema_of
from connectors.soap.places import Place
from connectors.soap.settings import LookupSettings
from connectors.soap.values import json_of


class DerivedRecord(Record):
    """Base of the records that schemas make."""

    @model_serializer(mode="wrap")
    def _told(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if name in self.model_fields_set}


def derive(lookup: LookupSettings, fields: Mapping[str, Place], said: Annotations, *, personal: bool) -> type[Record]:
    """Return the record of these fields; if `personal`, each of them is. `said` is what the schemas document."""
    made: dict[str, Any] = {}
    for field, place in fields.items():
        schema = schema_of(place, said)
        about = schema.pop("description", None)
        default = ... if place.required else None
        marks = PERSONAL if personal else None
        made[field] = (_value_type(schema), Field(default, title=field, description=about, json_schema_extra=marks))
    doc = f"A {lookup.record}, as its registry describes it."
    record = create_model(lookup.record, __base__=DerivedRecord, __doc__=doc, **made)
    record.key = next((name for name, path in lookup.fields.items() if path == lookup.same), lookup.same or "")
    record.identifiers = {lookup.identifier.scheme: Check(lookup.identifier)}
    return record


def is_kept(name: str) -> bool:
    """Tell whether a field cannot be called that: records have something of that name themselves."""
    return hasattr(Record, name) or name in Record.__class_vars__


def field_names(keys: Mapping[str, Place]) -> dict[str, str]:
    """Return the field of each key, in their order: its own name, as far as a field can have it.

    `@id` is `id`, `_type` is `type`, `a-b` is `a_b`, each with a number behind it where another field has that name:
    a key that needs no other name keeps its own.
    """
    kept = {key for key in keys if _plain(key) == key}
    names: dict[str, str] = {}
    for key in keys:
        plain = name = _plain(key)
        number = 2
        while key not in kept and (name in names or name in kept):
            name, number = f"{plain}_{number}", number + 1
        names[name] = key
    return names


def _plain(key: str) -> str:
    plain = re.sub(r"\W", "_", key).lstrip("_") or "field"
    return f"{plain}_" if is_kept(plain) else plain


def _value_type(schema: Mapping[str, Any]) -> type:
    """Return a type for Pydantic: any decoded value, which becomes JSON by our rules and is described by `schema`."""

    class Value:
        @classmethod
        def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
            written = core_schema.plain_serializer_function_ser_schema(json_of, when_used="json")
            return core_schema.any_schema(serialization=written)

        @classmethod
        def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
            return dict(schema)

    return Value
