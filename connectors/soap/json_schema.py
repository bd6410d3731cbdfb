"""JSON Schema of what an answer or a request holds at a place, for OpenAPI and for people.

Source: JSON Schema 2020-12, as OpenAPI 3.1 has it, https://spec.openapis.org/oas/v3.1.0; the rules by which XML
becomes JSON stand in docs/soap.md.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from connectors.soap.annotations import Annotations
from connectors.soap.places import Place, keys_at, own_keys
from connectors.soap.shapes import Shape, Simple
from connectors.soap.values import BUILTINS, json_of

MOST_KEYS = 1_000
"""Keys described for one place; objects beyond are said to be objects, no more: some schemas are a whole language."""

DEEPEST = 40
"""Objects within each other that are described."""

_FORMATS = {"int": "int32", "long": "int64"}  # as OpenAPI calls them
_LENGTHS = {"length": ("minLength", "maxLength"), "minLength": ("minLength",), "maxLength": ("maxLength",)}
_BOUNDS = {"minInclusive": ("minimum", 0), "maxInclusive": ("maximum", 0)}
_BOUNDS |= {"minExclusive": ("minimum", 1), "maxExclusive": ("maximum", -1)}
_FOREIGN = re.compile(r"\\[icIC]|\\[pP]\{Is|\[[^\[\]]*-\[|(?<![\[\\])\^|(?<!\\)\$")
"""What patterns of XML Schema have and those of JSON Schema have not, or mean otherwise."""


def schema_of(place: Place, said: Annotations) -> dict[str, Any]:
    """Return the JSON Schema of the value at a place, with what is `said`. What is recursive ends in a plain object."""
    return _Writer(said).place(place, ())


@dataclass
class _Writer:
    said: Annotations
    left: int = MOST_KEYS

    def place(self, place: Place, inside: tuple[int, ...]) -> dict[str, Any]:
        """Return the schema of a place within types that are being described."""
        if place.also:
            each = [self.place(one, inside) for one in (replace(place, also=()), *place.also)]
            schemas = [one for number, one in enumerate(each) if one not in each[:number]]
            return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        if place.types:
            schema: dict[str, Any] = {"type": "string", "enum": list(place.types)}
        elif place.simple is not None:
            schema = of_simple(place.simple)
        elif place.group is not None:
            schema = self._object(keys_at(place), inside)
        elif place.shape is not None:
            schema = self._type(place.shape, inside)
        else:
            schema = {"type": "object"} if place.many else {}
        if place.nillable:
            attributes = place.shape is not None and (place.shape.attributes or place.shape.any_attribute is not None)
            schema = {"anyOf": [schema, {"type": "object" if attributes else "null"}]}
        if place.many:
            schema = {"type": "array", "items": schema}
        if place.nil_list:
            schema = {"anyOf": [schema, {"type": "null"}]}
        about = self.said.of_element(place.element) if place.element is not None else ""
        return schema | ({"description": about} if about else {})

    def _type(self, shape: Shape, inside: tuple[int, ...]) -> dict[str, Any]:
        if shape.anything or id(shape) in inside or len(inside) > DEEPEST or self.left <= 0:
            return {"type": "object"}
        within = (*inside, id(shape))
        if not shape.variants:
            return self._typed(shape, within)
        return {"anyOf": [self._variant(tag, each, within) for tag, each in shape.variants.items()]}

    def _variant(self, tag: str, shape: Shape, inside: tuple[int, ...]) -> dict[str, Any]:
        schema = self._typed(shape, inside)
        schema["properties"] = {"_type": {"const": tag}} | schema["properties"]
        schema["required"] = list(dict.fromkeys(["_type", *schema["required"]]))
        return schema

    def _typed(self, shape: Shape, inside: tuple[int, ...]) -> dict[str, Any]:
        schema = self._object(own_keys(shape), inside)
        for attribute in shape.attributes.values():
            if about := self.said.of_attribute(shape, attribute.key.removeprefix("@")):
                schema["properties"][attribute.key]["description"] = about
        return schema

    def _object(self, places: Mapping[str, Place], inside: tuple[int, ...]) -> dict[str, Any]:
        self.left -= len(places)
        return {
            "type": "object",
            "properties": {key: self.place(place, inside) for key, place in places.items()},
            "required": [key for key, place in places.items() if place.required],
            "additionalProperties": False,
        }


def of_simple(simple: Simple) -> dict[str, Any]:
    """Return the JSON Schema of a simple type's values."""
    facets = simple.facets
    if simple.base == "list" and simple.item is not None:
        lengths = {each.replace("Length", "Items"): value for each, value in _lengths(facets).items()}
        return {"type": "array", "items": of_simple(simple.item), **lengths}
    if simple.base == "union":
        return {"anyOf": [of_simple(member) for member in simple.members]}
    schema = dict(BUILTINS[simple.base].json_schema)
    if schema["type"] == "integer":
        schema |= {"format": _FORMATS[simple.base]} if simple.base in _FORMATS else {}
        for facet, (name, step) in _BOUNDS.items():
            if facet in facets:
                schema[name] = int(simple.read(facets[facet])) + step
    if _is_string(simple.base):
        schema |= _lengths(facets) | _pattern(facets.get("pattern", ()))
    if "enumeration" in facets and (schema["type"] == "integer" or _is_string(simple.base)):
        schema["enum"] = list(dict.fromkeys(json_of(simple.read(text)) for text in facets["enumeration"]))
    return schema


def _is_string(base: str | None) -> bool:
    """Tell whether a builtin type is xsd:string or derived from it: one whose values are its texts."""
    while base not in (None, "string", "anyURI"):
        base = BUILTINS[base].base
    return base is not None


def _lengths(facets: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(facets[facet]) for facet, names in _LENGTHS.items() if facet in facets for name in names}


def _pattern(patterns: list[str]) -> dict[str, str]:
    """Return patterns, one of which must fit (XML Schema part 2, 4.3.4), as one; none where they say it otherwise."""
    if not patterns or any(_FOREIGN.search(each) for each in patterns):
        return {}
    return {"pattern": f"^(?:{'|'.join(patterns)})$"}
