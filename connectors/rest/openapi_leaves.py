"""The values in an answer by its schema: where each stands, of which type it is, whether it looks personal."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connectors.columns import ColumnType
from connectors.drafting import entry_name
from connectors.rest.openapi import Document, Schema
from connectors.soap.words import looks_personal, plain

DEEPEST = 3
"""Objects within each other whose values become columns of their own."""
MOST = 60
"""Values of one row or record that a draft has."""
_MOST_SEEN = 2_000
_LINKS = "links"

Path = tuple[str, ...]


@dataclass(frozen=True)
class Leaf:
    """A value: the keys that lead to it, and what its schema says."""

    path: Path
    type: ColumnType
    schema: Schema
    required: bool

    @property
    def personal(self) -> bool:
        """Tell whether its name, that of an object it is in, or what is said of it, looks like personal data."""
        within = any(looks_personal(key) and "morale" not in key.lower() for key in self.path[:-1])
        return within or looks_personal(self.path[-1], self.schema.text("description"))

    @property
    def never_null(self) -> bool:
        """Tell whether its schema promises a value in answers: it is required, and may not be null."""
        said = self.schema.said
        kinds, values = said.get("type"), said.get("enum")
        within = (isinstance(kinds, list) and "null" in kinds) or (isinstance(values, list) and None in values)
        freed = any(said.get(key) is True for key in ("nullable", "x-nullable", "writeOnly"))
        return self.required and not within and not freed

    @property
    def about(self) -> str:
        """What is said of it, in one line."""
        return plain(self.schema.text("title") or self.schema.text("description"))[:200]


LONGEST = 80
"""Characters of a name that is made of keys."""


def normal(name: str) -> str:
    """Return a name without what is written differently everywhere: `page[size]`, `pageSize` and `page_size` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def snake(path: Path) -> str:
    """Return keys as one name: `codesPostaux` is `codes_postaux`."""
    return entry_name(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", "_".join(path)))[:LONGEST].rstrip("_")


def jmes(path: Path) -> str:
    """Return keys as JMESPath."""
    bare = re.compile("[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
    return ".".join(key if bare.fullmatch(key) else json.dumps(key, ensure_ascii=False) for key in path)


def leaves(document: Document, node: Any, *, links: bool = False) -> tuple[list[Leaf], list[str]]:
    """Return the values in an object, in the order of the document, and what is left out: lists of objects, unknowns.

    With `links` what stands under a key `links` is among them: it is about pages there, not about a row.
    """
    found, left = list[Leaf](), list[str]()
    within = frozenset[str]() if links else frozenset({_LINKS})
    for seen, (path, schema, required) in enumerate(_walked(document, node, (), DEEPEST, within)):
        kind = _type(document, schema)
        if kind is not None and len(found) < MOST and seen < _MOST_SEEN:
            found.append(Leaf(path, kind, schema, required))
        elif len(left) < MOST:
            left.append(".".join(path))
        else:
            break
    return found, left


def lists(document: Document, node: Any) -> Iterator[tuple[Path, Any]]:
    """Yield where lists of objects stand in an answer, those that are least deep first, each with the schema of its items."""
    level: list[tuple[Path, Any]] = [((), node)]
    for _ in range(DEEPEST + 1):
        deeper = list[tuple[Path, Any]]()
        for path, each in level:
            schema = document.schema(each)
            if schema.type == "array" and document.schema(schema.items).properties:
                yield path, schema.items
            elif schema.type == "object":
                deeper += [
                    ((*path, key), inner) for key, inner in schema.properties.items() if key.isprintable() and key
                ]
        level = deeper[:_MOST_SEEN]


def _walked(
    document: Document, node: Any, path: Path, deepest: int, within: frozenset[str]
) -> Iterator[tuple[Path, Schema, bool]]:
    """Yield the values in an object and in those within it, but in none that is called as one of `within`."""
    whole = document.schema(node)
    names = within | ({whole.name} - {""})
    for key, inner in whole.properties.items():
        if not key or not key.isprintable():
            continue
        schema = document.schema(inner)
        told = schema.type == "object" and schema.properties and names.isdisjoint((schema.name, normal(key)))
        if told and deepest > 0:
            yield from _walked(document, inner, (*path, key), deepest - 1, names)
        else:
            yield (*path, key), schema, key in whole.required and not path


def _type(document: Document, schema: Schema) -> ColumnType | None:
    match schema.type, schema.format:
        case "string", "date":
            return "date"
        case "string", "date-time":
            return "datetime"
        case "string", _:
            return "string"
        case ("integer" | "number" | "boolean") as kind, _:
            return kind
        case "array", _:
            return "array" if document.schema(schema.items).type == "string" else None
    values = schema.said.get("enum", [schema.said.get("const")])
    return "string" if schema.text("pattern") or _texts(values) else None


def _texts(values: Any) -> bool:
    return isinstance(values, list) and bool(values) and all(isinstance(each, str) for each in values)
