"""OpenAPI documents as they are found: read from a file or an address, bounded, their references followed within.

Sources: OpenAPI 3.0 and 3.1 (https://spec.openapis.org/oas/), Swagger 2.0, JSON Pointer (RFC 6901), JSON Schema
2020-12. A document is somebody else's: nothing in it is believed to have the form that it should have.
"""

import io
import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from connectors import http
from connectors.deadline import Deadline
from connectors.errors import InvalidRequest

SECONDS = 30.0
MOST_JSON, MOST_YAML = 32 * 1024 * 1024, 1024 * 1024
"""Bytes of a document. YAML is read a hundred times more slowly than JSON."""
YAML_SECONDS = 20.0
"""How long YAML may take: one of many short values takes far longer, and far more memory, than others of its size."""
MOST_STEPS = 32
"""References that lead to references, and schemas within `allOf` of each other."""
_MOST_PARTS = 200
"""Members of one `allOf`, `oneOf` or `anyOf`, and names in one object, that are looked at."""


@dataclass(frozen=True)
class Schema:
    """What a schema says, itself and all of its parts together. `properties` and `items` are schemas not yet read."""

    type: str
    format: str
    name: str
    said: Mapping[str, Any]
    properties: Mapping[str, Any]
    required: frozenset[str]
    items: Any

    def text(self, key: str) -> str:
        """Return a text of the schema (`description`, `pattern`), empty where there is none."""
        value = self.said.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int | None:
        """Return a whole number of the schema (`maximum`, `minLength`)."""
        value = self.said.get(key)
        return (
            int(value)
            if isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
            else None
        )


class Document:
    """One OpenAPI document. `remote` are the references to other documents that were met: they are not followed."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.remote: set[str] = set()

    def at(self, node: Any) -> dict[str, Any]:
        """Return the object at a node, its references followed; an empty one for anything else."""
        return self._followed(node)[0]

    def schema(self, node: Any) -> Schema:
        """Return what a schema says; one that cannot be read says nothing."""
        merged: dict[str, Any] = {"properties": {}, "required": set(), "names": []}
        self._gather(node, merged, MOST_STEPS, set())
        kind = merged.get("type")
        if isinstance(kind, list):
            kinds = [each for each in kind if isinstance(each, str) and each != "null"]
            kind = kinds[0] if len(kinds) == 1 else ""
        if not isinstance(kind, str) or not kind:
            kind = "object" if merged["properties"] else "array" if "items" in merged else ""
        form = merged.get("format")
        return Schema(
            kind,
            form if isinstance(form, str) else "",
            next(iter(merged["names"]), ""),
            merged,
            merged["properties"],
            frozenset(merged["required"]),
            merged.get("items"),
        )

    def _gather(self, node: Any, merged: dict[str, Any], steps: int, met: set[int]) -> None:
        """Put together what a schema and its parts say; what stands nearer counts first."""
        said, name = self._followed(node)
        if steps == 0 or id(said) in met or len(met) > _MOST_PARTS:
            return
        met.add(id(said))
        merged |= {"nullable": True} if self._may_be_null(node, said) else {}
        merged["names"] += [name] if name else []
        for key, value in said.items():
            if key == "properties" and isinstance(value, dict):
                for inner, schema in list(value.items())[:_MOST_PARTS]:
                    merged["properties"].setdefault(str(inner), schema)
            elif key == "required" and isinstance(value, list):
                merged["required"] |= {each for each in value if isinstance(each, str)}
            elif key not in ("properties", "required", "names", "allOf", "oneOf", "anyOf"):
                merged.setdefault(str(key), value)
        for key in ("allOf", "oneOf", "anyOf"):
            for part in (each for each in _list(said.get(key)) if not self._is_null(each)):
                needed = set(merged["required"])
                self._gather(part, merged, steps - 1, met)
                if key != "allOf":  # another of them may do without
                    merged["required"] = needed

    def _may_be_null(self, node: Any, said: Mapping[str, Any]) -> bool:
        """Tell whether a schema allows null, beside a reference (where many say it) or as one of its alternatives."""
        beside = isinstance(node, dict) and node.get("nullable") is True
        parts = (part for key in ("oneOf", "anyOf") for part in _list(said.get(key)))
        return beside or any(map(self._is_null, parts))

    def _is_null(self, node: Any) -> bool:
        return self.at(node).get("type") == "null"

    def _followed(self, node: Any) -> tuple[dict[str, Any], str]:
        name = ""
        for _ in range(MOST_STEPS):
            if not isinstance(node, dict):
                return {}, name
            target = node.get("$ref")
            if not isinstance(target, str):
                return node, name
            if not target.startswith("#"):
                self.remote.add(target)
                return {}, name
            name = name or unquote(target).rpartition("/")[2]
            node = self._pointed(target[1:])
        return {}, name

    def _pointed(self, pointer: str) -> Any:
        node: Any = self.data
        for part in unquote(pointer).split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(node, dict):
                node = node.get(key, node.get(int(key)) if key.isdecimal() and len(key) < 5 else None)
            elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
                node = node[int(key)]
            else:
                return None
        return node


def text(value: Any) -> str:
    """Return a text as it is and a number as one; nothing for anything else, which in YAML may be endlessly large."""
    return str(value) if isinstance(value, str | int | float) else ""


def read(source: str) -> Document:
    """Return the document at a path or an address, JSON or YAML.

    Raises InvalidRequest for what is no OpenAPI document or is too large, and what `http.request` raises.
    """
    data = _parsed(_bytes(source))
    version = str(data.get("openapi", data.get("swagger", ""))) if isinstance(data, dict) else ""
    if not version.startswith(("3.0", "3.1", "2.0")) or not isinstance(data.get("paths"), dict):
        raise InvalidRequest(
            "it is no OpenAPI document: it says neither openapi: 3.0, openapi: 3.1 nor swagger: 2.0, with paths:"
        )
    return Document(data)


def _bytes(source: str) -> bytes:
    if source.startswith(("http://", "https://")):
        answer = http.request(
            "GET",
            source,
            base=source,
            registry="the source",
            deadline=Deadline.after(SECONDS),
            headers={"Accept": "application/json, application/yaml;q=0.9, */*;q=0.5"},
        )
        if answer.status != 200:
            raise InvalidRequest(f"there is no document at that address: it answers HTTP {answer.status}")
        body = answer.body
    else:
        try:
            with Path(source).open("rb") as file:
                body = file.read(MOST_JSON + 1)
        except OSError as error:
            raise InvalidRequest(f"{source} cannot be read: {error.strerror}") from error
    if len(body) > MOST_JSON:
        raise InvalidRequest(
            f"the document has more than {MOST_JSON // 1024**2} MB: take a part of it out into a file of its own"
        )
    return body


class _Timely(io.StringIO):
    """A text that is read, piece by piece, until a deadline. Raises TimeoutError after it."""

    def __init__(self, text: str, deadline: Deadline) -> None:
        super().__init__(text)
        self._deadline = deadline

    def read(self, size: int | None = -1) -> str:
        if self._deadline.passed():
            raise TimeoutError
        return super().read(size)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except RecursionError:
        raise InvalidRequest("the document is nested too deeply") from None
    except ValueError:
        pass
    if len(body) > MOST_YAML:
        raise InvalidRequest(
            f"the document is no JSON, and as YAML it has more than {MOST_YAML // 1024**2} MB: give it as JSON"
        )
    try:
        with warnings.catch_warnings(action="ignore"):  # about the document, not about us
            return YAML(typ="safe", pure=True).load(_Timely(body.decode("utf-8-sig"), Deadline.after(YAML_SECONDS)))
    except TimeoutError:
        raise InvalidRequest(
            f"as YAML the document takes more than {YAML_SECONDS:g} seconds: give it as JSON"
        ) from None
    except (YAMLError, ValueError, TypeError, RecursionError, AttributeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f", line {mark.line + 1}"
        raise InvalidRequest(f"the document is neither JSON nor YAML{where}, or nested too deeply") from None


def _list(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value[:_MOST_PARTS]
