"""A row as its record tells it, read from its JSON without making the record, where all fields of that are plain.

A record is a pydantic model, which is made to say what is wrong with each field; a row of a version was judged before.
"""

import dataclasses
import datetime as dt
import types
from collections.abc import Callable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
import msgspec
from pydantic.fields import FieldInfo

from connectors.records import Record

Plainly = Callable[[bytes], dict[str, Any]]
"""What returns the fields of a row, in their order, as JSON has them; raises ValueError for what the record may not take."""

_PLAIN = (str, int, float, bool, dt.date, list[str])
"""Types whose JSON is read and written in one way by both libraries."""


def reader(model: type[Record]) -> Plainly | None:
    """Return what reads the rows of a record; None where it has a field, a check or a form of its own."""
    own = model.__pydantic_decorators__
    if any(getattr(own, each.name) for each in dataclasses.fields(own)) or model.model_config != Record.model_config:
        return None
    fields = []
    for name, field in model.model_fields.items():
        if (kind := _kind(field)) is None or field.alias is not None or field.default_factory is not None:
            return None
        fields.append((name, kind) if field.is_required() else (name, kind, field.default))
    made = msgspec.defstruct(model.__name__, fields, kw_only=True, forbid_unknown_fields=True)
    read = msgspec.json.Decoder(made).decode

    def told(row: bytes) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.to_builtins(read(row))
        return found

    return told


def _kind(field: FieldInfo) -> Any:
    """Return the type of a field for msgspec; None where it may mean something else there."""
    told = field.annotation
    parts = get_args(told) if get_origin(told) in (Union, types.UnionType) else (told,)
    kinds = [part for part in parts if part is not types.NoneType]
    if len(kinds) > 1 or not all(isinstance(each, annotated_types.Ge) for each in field.metadata):
        return None
    [kind] = kinds
    if kind not in _PLAIN and not (
        get_origin(kind) is Literal and all(isinstance(each, str) for each in get_args(kind))
    ):
        return None
    for each in field.metadata:
        kind = Annotated[kind, msgspec.Meta(ge=each.ge)]
    return kind if len(parts) == 1 else kind | None
