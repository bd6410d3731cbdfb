"""Records that declarations make: the fields of a lookup that a registry without code answers, as a typed model.

A declaration names a record of `connectors/records.py`, whose fields it then fills, or a new one, whose fields it types.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, create_model

from connectors.columns import PYTHON, FieldType
from connectors.declared import Declared
from connectors.errors import Unreadable
from connectors.identifiers import Check, Identifier
from connectors.records import PERSONAL, RECORDS, Record

RecordName = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]*$")]
FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class FieldSettings(Declared):
    """One field of a record: where its value stands (`source`, in the words of the kind) and, for a new record, its type."""

    source: Annotated[str | None, Field(alias="from", min_length=1)] = None
    type: FieldType | None = None
    title: str = ""
    description: str = ""
    required: bool = False
    personal: bool | None = None


def _spelled(fields: Any) -> Any:
    if not isinstance(fields, Mapping):
        return fields
    return {name: {"from": said} if isinstance(said, str) else said for name, said in fields.items()}


short = BeforeValidator(_spelled)
"""Of a mapping of fields (or columns) by name: a text alone is what stands under `from:`."""

Fields = Annotated[dict[FieldName, FieldSettings], short]
"""The fields of a record as a declaration writes them: `siren: unit.siren`, or `created: {from: day, type: date}`."""


def record_of(
    name: str, identifier: Identifier, fields: Mapping[str, FieldSettings], key: str | None, *, personal: bool
) -> type[Record]:
    """Return the record called `name`: the one of Beffroi, else a new one with these fields, all nullable but the required.

    `key` is the field that names it; `personal` marks each field that does not say otherwise. Fields that a record
    has for itself (`key`, `identifiers`, …) must have been refused by `problems`.
    """
    if name in RECORDS:
        return RECORDS[name]
    made: dict[str, Any] = {}
    for field, said in fields.items():
        python = PYTHON[said.type or "string"]
        marks = PERSONAL if (personal if said.personal is None else said.personal) else None
        about: dict[str, Any] = {
            "title": said.title or field,
            "description": said.description or None,
            "json_schema_extra": marks,
        }
        made[field] = (python, Field(**about)) if said.required else (python | None, Field(None, **about))
    record = create_model(name, __base__=Record, __doc__=f"A {name}, as its declaration describes it.", **made)
    record.key = key or next(iter(fields), "")
    form = identifier.model_copy(update={"example": None})  # what is shown makes no other record
    record.identifiers = {identifier.scheme: Check(form)}
    return record


def problems(
    name: str, identifier: Identifier, fields: Mapping[str, FieldSettings]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is wrong with the fields of a lookup's record, each with the keys under `lookup` where it stands."""
    known = RECORDS.get(name)
    if known is None:
        if not fields:
            yield ("fields",), f"say which fields a {name} has: Beffroi has no record of that name"
        kept = [field for field in fields if hasattr(Record, field) or field in Record.__class_vars__]
        yield from ((("fields", field), "a record has something of that name itself: take another") for field in kept)
        return
    if identifier.scheme not in known.identifiers:
        yield ("identifier", "scheme"), f"a {name} is asked for by {', '.join(known.identifiers)}"
    for field, said in fields.items():
        if field not in known.model_fields:
            yield ("fields", field), f"a {name} has no such field; it has: {', '.join(known.model_fields)}"
        elif said.model_dump(exclude={"source"}, exclude_defaults=True):
            yield ("fields", field), f"a {name} is Beffroi's own record: its fields are typed and described already"
    for field, info in known.model_fields.items():
        if info.is_required() and field not in fields:
            yield ("fields",), f"a {name} must have {field}: say where it stands"


def of_identity(identifier: Identifier, asked: Collection[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the fields of an identity that a declared question leaves out: who is found by the others is another."""
    missing = set(identifier.fields or ()) - set(asked)
    if missing:
        named = ", ".join(sorted(missing))
        yield ("identifier", "fields"), f"nothing asks for {named}: a query, a path or parameters must have every field"


def filled_record(record: type[Record], values: Mapping[str, Any], registry: str) -> Record:
    """Return the record of these values, read as JSON's are (a text may be a date; no whole number is rounded).

    Raises Unreadable, which names the fields that do not fit, never a value.
    """
    try:
        made: Record = record.model_validate_json(_json(values), strict=True)
    except (ValidationError, ValueError) as error:
        raise Unreadable(
            f"{registry} gave an answer that is no {record.__name__} ({_defects(error)})", registry=registry
        ) from None
    for field, value in values.items():
        if type(value) is int and getattr(made, field) != value:  # a float that does not hold it
            raise Unreadable(
                f"{registry} gave an answer that is no {record.__name__} ({field} is a number too large to be held exactly)",
                registry=registry,
            )
    return made


def _defects(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "a value that JSON does not have"
    found = error.errors(include_url=False, include_context=False, include_input=False)[:3]
    return "; ".join(
        f"{re.sub(r'[^a-z0-9_.]', '', '.'.join(map(str, each['loc'])))} {_SAID.get(each['type'], each['type'])}"
        for each in found
    )


_SAID = {
    "missing": "is missing",
    "string_type": "is no text",
    "int_type": "is no whole number",
    "int_from_float": "is no whole number",
    "float_type": "is no number that is held exactly",
    "bool_type": "is neither true nor false",
    "list_type": "is no list",
    "date_type": "is no date",
    "date_parsing": "is no date",
    "date_from_datetime_parsing": "is no date",
    "datetime_type": "is no date with a time",
    "datetime_parsing": "is no date with a time",
    "datetime_from_date_parsing": "is no date with a time",
}
"""What pydantic calls the defects of a value, in words."""


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(dict(values), allow_nan=False, default=str)
