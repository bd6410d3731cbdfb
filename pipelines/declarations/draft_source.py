"""Bringing a published Table Schema: the bytes of one, out of a file or an address, as they are there.

A Data Package, or a descriptor of one resource, holds a Table Schema or names the file of one beside it.
Source: Data Package, https://datapackage.org/standard/data-resource/#schema
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from connectors import http
from connectors.deadline import Deadline
from connectors.errors import BeffroiError, InvalidRequest
from pipelines.declarations.sentences import among

SECONDS = 30.0
MOST = 8 * 1024 * 1024
"""Bytes of a document; the largest schema that is known to be published has a twentieth of that."""


@dataclass(frozen=True)
class Brought:
    """A Table Schema: its bytes, the address or the file's name that they are from, and the resource that they are of.

    `said` is what they say.
    """

    content: bytes
    source: str
    resource: str | None
    said: dict[str, Any]


def bring(source: str, resource: str | None = None) -> Brought:
    """Return the Table Schema at a path or an address; `resource` is the name of the one that is wanted of several.

    Where a resource names its schema by a path, that file is brought: beside the descriptor, and from the same origin.
    Raises InvalidRequest for what is no Table Schema and holds none, for what is not there and for what is too large;
    and what `http.request` raises.
    """
    content = _bytes(source, source)
    said = _parsed(content, source)
    if "fields" in said:
        if resource is not None:
            raise InvalidRequest(f"{source} is a Table Schema, and has no resources: leave --resource out")
        return Brought(content, _shown(source), None, said)
    held, name = _resource(said, source, resource)
    if isinstance(held, dict):
        return Brought(_cut(content, held, source), _shown(source), name, _with_fields(held, source))
    there = _beside(source, held)
    content = _bytes(there, source)
    return Brought(content, _shown(there), name, _with_fields(_parsed(content, there), there))


def _resource(said: dict[str, Any], source: str, wanted: str | None) -> tuple[dict[str, Any] | str, str]:
    """Return the schema of a descriptor, or the path of it, and the name of its resource."""
    every = said["resources"] if isinstance(said.get("resources"), list) else [said]
    having = [each for each in every if isinstance(each, dict) and isinstance(each.get("schema"), dict | str)]
    found = {str(each.get("name") or ""): each["schema"] for each in having}
    if len(found) < len(having):
        raise InvalidRequest(
            f"{source} has several resources with a schema that have one name, or none, so that none can be named: save"
            " the schema that is meant as a file of its own"
        )
    if not found:
        raise InvalidRequest(f"{source} is no Table Schema{_instead(said)}: that has fields, each with a name")
    if wanted is not None and wanted not in found:
        raise InvalidRequest(f"{source} has no resource «{wanted}» with a schema{among(wanted, found)}")
    if wanted is None and len(found) > 1:
        raise InvalidRequest(f"{source} has several resources with a schema, say --resource: {', '.join(found)}")
    name = next(iter(found)) if wanted is None else wanted
    return found[name], name


def _instead(said: dict[str, Any]) -> str:
    """Return what a document without fields is, where that is plain."""
    if "json-schema.org" in str(said.get("$schema")) or isinstance(said.get("properties"), dict):
        return ", but a JSON Schema, which is for documents and not for tables"
    return ", and no resource in it has a schema" if "resources" in said else ""


def _with_fields(said: dict[str, Any], source: str) -> dict[str, Any]:
    if "fields" not in said:
        raise InvalidRequest(f"{source} is no Table Schema{_instead(said)}: that has fields, each with a name")
    return said


def _cut(content: bytes, held: dict[str, Any], source: str) -> bytes:
    """Return the bytes of a descriptor that are the schema in it."""
    text = content.decode("utf-8-sig")
    for found in re.finditer(r'"schema"\s*:\s*', text):  # in a text, the quotation mark after it has a \ before it
        value, end = json.JSONDecoder().raw_decode(text, found.end())
        if value == held:
            return text[found.end() : end].encode()
    raise InvalidRequest(f"the schema in {source} cannot be taken out: save it as a file of its own")


def _parsed(content: bytes, source: str) -> dict[str, Any]:
    if content.lstrip()[:1] == b"<":
        raise InvalidRequest(
            f"{source} is a page or XML, and no Table Schema: give the address of the JSON file itself"
        )
    try:
        said = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{source} is not UTF-8: Table Schema is written in that encoding") from error
    except json.JSONDecodeError as error:
        raise InvalidRequest(
            f"{source} is no Table Schema: line {error.lineno} is not valid JSON: {error.msg}"
        ) from error
    except RecursionError as error:
        raise InvalidRequest(f"{source} is no Table Schema: its values are nested too deeply") from error
    if not isinstance(said, dict):
        raise InvalidRequest(f"{source} is no Table Schema: that is an object, which has fields")
    return said


# --- where it is -----------------------------------------------------------------------------------------------------


def _is_address(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _shown(source: str) -> str:
    """Return an address, or the name of a file: where it lay on whose machine is nobody's business."""
    return source if _is_address(source) else Path(source).name


def _beside(source: str, path: str) -> str:
    """Return the path or the address of what a descriptor names, which lies on its own host, or below its folder."""
    if _is_address(source):
        there = urljoin(source, path)
        if urlsplit(there)[:2] != urlsplit(source)[:2]:
            raise InvalidRequest(f"the schema is elsewhere: add {there}, where you trust it")
        return there
    folder = Path(source).parent
    if _is_address(path) or not (folder / path).resolve().is_relative_to(folder.resolve()):
        raise InvalidRequest(f"the schema is not below the folder of {source}: add {path}, where you trust it")
    return str(folder / path)


def _bytes(source: str, base: str) -> bytes:
    """Return what stands at a path or an address; only the origin of `base` is asked."""
    body = _fetched(source, base) if _is_address(source) else _read(source)
    if len(body) > MOST:
        raise InvalidRequest(f"{source} has more than {MOST // 2**20} MiB, which no Table Schema has")
    return body


def _read(source: str) -> bytes:
    try:
        path = Path(source)
        if path.exists() and not path.is_file():
            raise InvalidRequest(f"{source} is no regular file")
        with path.open("rb") as file:
            return file.read(MOST + 1)
    except FileNotFoundError as error:
        raise InvalidRequest(f"there is no file {source}") from error
    except (OSError, ValueError) as error:  # ValueError: a null in the path
        raise InvalidRequest(f"{source[:200]} cannot be read: {type(error).__name__}") from error


def _fetched(source: str, base: str) -> bytes:
    try:
        host = urlsplit(source).hostname or "the source"
        if "@" in urlsplit(source).netloc:
            raise InvalidRequest(f"an address on {host} holds a user name or a password: save the file, and add that")
    except ValueError as error:
        raise InvalidRequest("the address is none: its host or its port cannot be read") from error
    try:
        answer = http.request("GET", source, base=base, registry=host, deadline=Deadline.after(SECONDS))
    except BeffroiError as error:
        raise type(error)(f"{source} was not had: {error.detail}") from error
    if 300 <= answer.status < 400:
        elsewhere = answer.headers.get("Location", "nowhere")[:200]
        where = "".join(each if each.isprintable() else " " for each in elsewhere)
        raise InvalidRequest(
            f"{source} redirects to {where}, which is not followed: give that address, where you trust it"
        )
    if answer.status != 200:
        raise InvalidRequest(f"{source} was answered with HTTP {answer.status}")
    return answer.body
