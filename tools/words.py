"""How the documentation says a key's type and default, from the model that reads it."""

import datetime as dt
import types
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

PLAIN = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    dt.date: "date",
    dt.datetime: "date and time",
    dt.time: "time",
}


def type_of(*annotations: Any) -> str:
    """Return a type in words, or several that may stand in one place: `str | list[str]` is «text or list of texts»."""
    return _or([words for each in annotations for words in _alternatives(each)])


def default_of(*fields: FieldInfo) -> str:
    """Return what holds where a key is left out: «required», «none», or the value as YAML writes it."""
    return _or([_default(each) for each in fields])


def _alternatives(annotation: Any) -> Iterator[str]:
    origin, inside = get_origin(annotation), get_args(annotation)
    if annotation in PLAIN:
        yield PLAIN[annotation]
    elif origin is Annotated:
        yield from _alternatives(inside[0])
    elif origin is Literal:
        yield from (f"`{str(value).lower() if isinstance(value, bool) else value}`" for value in inside)
    elif origin in (Union, types.UnionType):
        yield from (words for part in inside if part is not type(None) for words in _alternatives(part))
    elif origin in (list, tuple):
        yield f"list of {_plural(type_of(inside[0]))}"
    elif origin is dict or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        yield "keys"
    else:
        raise TypeError(f"no words for {annotation!r}: add them to tools/words.py")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is PydanticUndefined or value in (None, "", [], {}, ()) or isinstance(value, BaseModel):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list | tuple):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _plural(words: str) -> str:
    """Return the words for several of them; a list may hold a mixture."""
    parts = words.replace(" or ", ", ").split(", ")
    return "values" if len(parts) > 2 else " or ".join(_several(part) for part in parts)


def _several(words: str) -> str:
    if words.startswith("list of "):
        return words.replace("list", "lists", 1)
    return words if words == "keys" else f"{words}s"


def _or(words: Sequence[str]) -> str:
    unique = list(dict.fromkeys(words))
    return unique[0] if len(unique) == 1 else f"{', '.join(unique[:-1])} or {unique[-1]}"
