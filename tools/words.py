"""How the documentation says a key's type and default, from the model that reads it."""

import datetime as dt
import types
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false", dt.date: "date"}


def type_of(annotation: Any) -> str:
    """Return a type in words: `str | list[str]` is «text or list of texts»; a model is «keys»."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if annotation in PLAIN:
        return PLAIN[annotation]
    if origin is Annotated:
        return type_of(inside[0])
    if origin is Literal:
        return _or([f"`{str(value).lower() if isinstance(value, bool) else value}`" for value in inside])
    if origin in (Union, types.UnionType):
        return _or([type_of(part) for part in inside if part is not type(None)])
    if origin in (list, tuple):
        return f"list of {_plural(type_of(inside[0]))}"
    if origin is dict or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return "keys"
    raise TypeError(f"no words for {annotation!r}: add them to tools/words.py")


def default_of(field: FieldInfo) -> str:
    """Return what holds where the key is left out: «required», «none», or the value as YAML writes it."""
    if field.is_required():
        return "required"
    value = field.default
    if value is PydanticUndefined or value in (None, "", [], {}, ()) or isinstance(value, BaseModel):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _plural(words: str) -> str:
    """Return the words for several of them; a list may hold a mixture."""
    parts = words.replace(" or ", ", ").split(", ")
    return "values" if len(parts) > 2 else " or ".join(part if part == "keys" else f"{part}s" for part in parts)


def _or(words: Sequence[str]) -> str:
    unique = list(dict.fromkeys(words))
    return unique[0] if len(unique) == 1 else f"{', '.join(unique[:-1])} or {unique[-1]}"
