"""Example values by their JSON Schema, for what nobody has an answer of: each is of its schema, or there is none."""

import re
from collections.abc import Mapping
from typing import Any

from connectors.patterns import NotRead, matching, takes_long

Schema = Mapping[str, Any]

DEEPEST = 12
"""Objects within each other that an example goes down to."""

TEXTS: Mapping[str, str] = {
    "date": "2026-01-31", "date-time": "2026-01-31T08:00:00Z", "time": "08:00:00", "duration": "P1D",
    "uri": "https://example.org/",
}  # fmt: skip
"""A text of each format."""

BASE64 = "dGV4dA=="
"""The word text, as bytes are written."""

READ = {
    "$ref", "anyOf", "const", "enum", "type", "format", "pattern", "minLength", "maxLength", "minimum", "maximum", "items",
    "minItems", "maxItems", "properties", "required", "additionalProperties", "title", "description", "default", "personal",
    "contentEncoding",
}  # fmt: skip
"""What a schema may say: with more in it nobody knows here whether an example is of it."""


class NoExample(Exception):
    """No value of a schema could be made."""


def value(schema: Schema, known: Mapping[str, Schema], inside: int = 0) -> Any:
    """Return a value of a schema, all that may be there in it; `known` are those it refers to. Raises NoExample."""
    unread = schema.keys() - READ
    if unread or inside > DEEPEST:
        raise NoExample(", ".join(sorted(unread)))
    if "$ref" in schema or "anyOf" in schema:
        other = known[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else plain(schema)
        return value(other, known, inside + 1)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    if schema.get("type") == "object":
        return {name: value(each, known, inside + 1) for name, each in schema.get("properties", {}).items()}
    if schema.get("type") == "array":
        return [value(schema.get("items", {}), known, inside + 1)] * max(1, schema.get("minItems", 1))
    return _plainest(schema)


def _plainest(schema: Schema) -> Any:
    """Return a value of a schema that is of no object and no list; of one that says nothing, a text. Raises NoExample."""
    kind = schema.get("type", "string")
    if kind in ("integer", "number"):
        return max(schema.get("minimum", 1), min(1, schema.get("maximum", 1)))
    if kind == "string":
        return _text({**schema, "type": kind})
    if kind not in ("boolean", "null"):
        raise NoExample(str(kind))
    return True if kind == "boolean" else None


def plain(schema: Schema) -> Schema:
    """Return a schema without the null that its value may be: the first of what else it may be."""
    return next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), schema)


def _text(schema: Schema) -> str:
    """Return a text of a format, or of a pattern, as long as it is to be. Raises NoExample."""
    if schema.get("contentEncoding") == "base64":
        return BASE64
    least, most = schema.get("minLength", 0), schema.get("maxLength", 100)
    tried = ["text".ljust(least, "t")[:most], *TEXTS.values()]
    if "pattern" in schema:  # dates that a pattern describes are dates sooner than any text that fits
        tried += [fitting(schema["pattern"].removeprefix("^").removesuffix("$")) or ""]
    found = next((each for each in tried if is_of(schema, each)), None)
    if found is None:
        raise NoExample("string")
    return found


def fitting(pattern: str) -> str | None:
    """Return a short text that a pattern takes; None where it is not read, or reads otherwise in Python."""
    try:
        text = matching(re.sub(r"(?<!\\)\(\?(P<\w+>|:)", "(", pattern))  # groups are read, but not their kinds
        return text if re.fullmatch(pattern, text, re.ASCII) else None
    except (NotRead, re.error):
        return None


def is_of(schema: Schema, text: str) -> bool:
    """Tell whether a text is of a schema, as far as that is of texts: one of its format is what stands for that here.

    Raises NoExample where Python does not read its pattern, as XML Schema's of categories, or would for long.
    """
    return (
        schema.get("type") == "string"
        and text in schema.get("enum", [text])
        and text == TEXTS.get(schema.get("format", ""), text)
        and schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text))
        and ("pattern" not in schema or _takes(schema["pattern"], text))
    )


def _takes(pattern: str, text: str) -> bool:
    if takes_long(pattern):
        raise NoExample(pattern)
    try:
        return re.search(pattern, text) is not None
    except re.error as error:
        raise NoExample(pattern) from error
