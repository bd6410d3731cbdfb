"""What an OpenAPI document offers: where it answers, how one says who one is, and each operation that reads.

OpenAPI 3 and Swagger 2 look the same from here on.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from connectors.rest.openapi import Document, Schema, text

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
_JSON = re.compile(r"application/json|[a-z0-9!#$&^_.-]+/[a-z0-9!#$&^_.-]+\+json")
MOST_OPERATIONS = 2_000
"""Operations of one document that are looked at."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of an operation: `place` is path, query, header or cookie."""

    name: str
    place: str
    required: bool
    schema: Schema
    description: str
    example: Any

    @property
    def default(self) -> Any:
        """The only value that it can have, or what its schema takes where nothing is said."""
        values = self.schema.said.get("enum")
        return values[0] if isinstance(values, list) and len(values) == 1 else self.schema.said.get("default")


@dataclass(frozen=True)
class Outcome:
    """An answer of one status: what is said of it, its media type and schema (of JSON), and its headers."""

    description: str
    media: str
    schema: Any
    headers: frozenset[str]


@dataclass(frozen=True)
class Operation:
    """An operation that reads (GET). `template` is its path, relative to the address, with `{name}` for parameters."""

    template: str
    summary: str
    parameters: tuple[Parameter, ...]
    answer: Outcome | None
    others: Mapping[str, Outcome]
    security: Any

    def of(self, place: str) -> tuple[Parameter, ...]:
        """Return the parameters that stand there."""
        return tuple(each for each in self.parameters if each.place == place)


def operations(document: Document) -> Iterator[tuple[str, str, Operation | None]]:
    """Yield each operation: its method, its path, and what it is where it reads and can be read by."""
    count = 0
    for path, node in document.data["paths"].items():
        item = document.at(node)
        for method in METHODS:
            said = document.at(item.get(method))
            if not said or not isinstance(path, str):
                continue
            count += 1
            if count > MOST_OPERATIONS:
                return
            usable = method == "get" and re.fullmatch(r"/[^?#\s]*", path) and path.isprintable()
            yield method.upper(), path, _operation(document, path, item, said) if usable else None


def _operation(document: Document, path: str, item: Mapping[str, Any], said: Mapping[str, Any]) -> Operation:
    found: dict[tuple[str, str], Parameter] = {}
    for node in [*_listed(item.get("parameters")), *_listed(said.get("parameters"))]:
        each = document.at(node)
        name, place = each.get("name"), each.get("in")
        if isinstance(name, str) and name and name.isprintable() and isinstance(place, str):
            found[name, place] = _parameter(document, name, place, each)
    for name in re.findall(r"\{([^{}]+)\}", path):  # some documents forget to declare them
        found.setdefault((name, "path"), Parameter(name, "path", True, document.schema(None), "", None))
    answers = {str(status): _outcome(document, node) for status, node in document.at(said.get("responses")).items()}
    good = next((answers[status] for status in ("200", "2XX", "default") if status in answers), None)
    words = text(said.get("summary")) or text(said.get("description"))
    security = said.get("security", document.data.get("security"))
    return Operation(path.lstrip("/"), words, tuple(found.values()), good, answers, security)


def _parameter(document: Document, name: str, place: str, said: Mapping[str, Any]) -> Parameter:
    content = next(iter(document.at(said.get("content")).values()), None)
    schema = document.schema(said.get("schema", document.at(content).get("schema", said)))  # Swagger 2: itself
    examples = [document.at(each).get("value") for each in document.at(said.get("examples")).values()]
    listed = schema.said.get("examples")
    examples += [schema.said.get("example"), *(listed if isinstance(listed, list) else [])]
    example = said.get("example", next((each for each in examples if each is not None), None))
    required = said.get("required") is True or place == "path"
    return Parameter(name, place, required, schema, text(said.get("description")), example)


def _outcome(document: Document, node: Any) -> Outcome:
    said = document.at(node)
    content = document.at(said.get("content"))
    medias = {str(media).partition(";")[0].strip().lower(): each for media, each in content.items()}
    media = next((each for each in medias if _JSON.fullmatch(each)), "")
    if not media and "*/*" in medias:
        media = "*/*"
    schema = document.at(medias[media]).get("schema") if media else said.get("schema")
    headers = frozenset(str(name).lower() for name in document.at(said.get("headers")))
    return Outcome(text(said.get("description")), media, schema, headers)


# --- where it answers ------------------------------------------------------------------------------------------------


def servers(document: Document, source: str) -> list[str]:
    """Return the addresses where it answers; one that is relative is so to `source`, where that is an address itself."""
    data = document.data
    if "swagger" in data:
        schemes = [each for each in _listed(data.get("schemes")) if each in ("https", "http")]
        scheme = "https" if not schemes or "https" in schemes else schemes[0]
        path, host = text(data.get("basePath")), data.get("host")
        found = [f"{scheme}://{host}{path}" if isinstance(host, str) else path or "/"]
    else:
        found = [_server(document, each) for each in _listed(data.get("servers"))] or ["/"]
    if source.startswith(("http://", "https://")):
        found = [_joined(source, each) for each in found]
    return [each for each in found if re.fullmatch(r"https?://[^/\s@?#{}]+(/[^\s?#{}]*)?", each) and each.isprintable()]


def _server(document: Document, node: Any) -> str:
    said = document.at(node)
    url = text(said.get("url")) or "/"
    for name, variable in document.at(said.get("variables")).items():
        url = url.replace(f"{{{name}}}", text(document.at(variable).get("default")))
    return url


def _joined(source: str, url: str) -> str:
    try:
        return urljoin(source, url)
    except ValueError:
        return ""


def _listed(value: Any) -> list[Any]:
    return value[:500] if isinstance(value, list) else []
