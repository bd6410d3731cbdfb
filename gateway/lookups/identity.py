"""Asking by an identity of several fields: what a lookup takes, the row of a dataset that has it, whose record it is.

An identity that several rows have is nobody's: none of them is told, and none is guessed.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import lmdb
import pyarrow as pa

from connectors import identities
from connectors.errors import Ambiguous, MalformedIdentifier, NotFound, Unavailable, Unreadable
from connectors.identities import SCHEME
from connectors.records import Record, canonical
from gateway.lookups.verifying import plain
from pipelines import by_column, index
from pipelines.by_column import ByColumn
from pipelines.declarations import Dataset
from pipelines.declarations.configuration import Lookup
from pipelines.versions import Version

MOST = 20_000
"""Rows of one value of the indexed column that are looked through: in a town of a million, fifty are born on a day."""


EXAMPLES: Mapping[identities.Kind, str] = {
    "name": "Martin", "names": "Camille", "date": "1990-05-12", "partial-date": "1990-05-12", "place": "80021", "sex": "F",
    "text": "12 rue Verte",
}  # fmt: skip
"""A value of each kind of field."""


def fields_of(lookup: Lookup) -> Mapping[str, identities.IdentityField]:
    """Return the fields of the identity that a lookup takes; none where it takes none."""
    check = lookup.asked_model.identifiers.get(SCHEME)
    return getattr(getattr(check, "identifier", None), "fields", None) or {}


def asks(lookup: Lookup) -> list[dict[str, Any]]:
    """Return what a question to a lookup may ask by: an identifier, an identity, either."""
    fields = fields_of(lookup)
    by = [{"identifier": "…"}] if lookup.asked_model.identifiers.keys() - {SCHEME} else []
    return [*by, {SCHEME: dict.fromkeys(fields, "…")}] if fields else by


def schema(lookup: Lookup, question: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of a question to a lookup, with the identity that it takes, or without where it takes none."""
    fields, properties = fields_of(lookup), dict(question["properties"])
    if not fields:
        return {**question, "required": ["identifier"],
                "properties": {name: each for name, each in properties.items() if name != SCHEME}}  # fmt: skip
    properties[SCHEME] = {
        "type": "object",
        "description": properties[SCHEME]["description"],
        "properties": {each["name"]: _of_field(each) for each in identities.told(fields)},
        "required": [name for name, field in fields.items() if field.required],
        "additionalProperties": False,
    }
    if not lookup.asked_model.identifiers.keys() - {SCHEME}:  # a form made of both would ask by both
        del properties["identifier"]
    return {**question, "properties": properties}


def example(lookup: Lookup) -> dict[str, Any] | None:
    """Return an identity such as a lookup takes, of nobody in particular; None where it takes none."""
    return {name: EXAMPLES[field.type] for name, field in fields_of(lookup).items()} or None


def _of_field(told: Mapping[str, Any]) -> dict[str, Any]:
    text = {"type": "string", "maxLength": identities.LONGEST}
    kind: dict[str, Any] = (
        {"anyOf": [text, {"type": "array", "items": text}]} if told["type"] == "names" else dict(text)
    )
    return kind | {"title": told["title"], "description": told["wanted"]}


def held(lookup: Lookup, value: str, record: Record, registry: str) -> None:
    """Raise Unreadable where a registry told of another person: the date, place or sex of its record is another."""
    if identities.differing(fields_of(lookup), value, vars(record)):
        raise Unreadable(f"{registry} answered about another record than the one asked for", registry=registry)


def numbered(scheme: str, model: type[Record], record: Record) -> list[str]:
    """Return `scheme:value` of a record that was asked for by an identity, where it has a number of its own.

    By that number who read it must be found too. `scheme` and `model` are what it was asked as.
    """
    value = getattr(record, model.key, None) if scheme == SCHEME else None
    if value is None or model.key.lower() not in model.identifiers:
        return []
    with suppress(MalformedIdentifier):
        return [":".join(canonical(model, f"{model.key.lower()}:{value}"))]
    return []


def tried(lookup: Lookup, scheme: str, value: str) -> list[tuple[str, str, str]]:
    """Return what somebody tries who asks by an identity: of whoever has the others of its fields, the value of each.

    A name is guessed of whoever was born on a day: else all who have a frequent name would be one. Spelling is as
    `verifying.plain` has it, since registries find a person under several. None for any other `scheme`.
    """
    fields, asked = fields_of(lookup), identities.parts(value) if scheme == SCHEME else {}
    told = {name: plain(each) for name, each in asked.items()}
    dates = {name for name in told if fields[name].type in ("date", "partial-date")}
    found = []
    for name, each in told.items():
        others = {other: said for other, said in told.items() if other != name}
        if others and (fields[name].type in identities.EXACT or dates & others.keys()):
            found.append((f"{SCHEME}:{json.dumps(others)}", name, each))
    return found


def row(version: Version, dataset: Dataset, lookup: Lookup, value: str) -> bytes:
    """Return the one row of a version that has all fields of an identity in the columns of their names, as JSON.

    Spelling is as `identities.plain` has it, on both sides. Raises NotFound, Ambiguous where several rows have it,
    Unavailable where the index by one of those columns is not there, or not that of this version.
    """
    asked = identities.parts(value)
    try:
        entries = by_column.of(version)
        spans = [] if entries is None else list(_spans(entries, dataset, asked, lookup))
        if entries is None or not spans:
            raise _unindexed(version, "has no index by a column of the identity yet")
        if len(span := min(spans, key=len)) > MOST:
            raise _unindexed(
                version, f"has more than {MOST:,} rows of one value: index: a column that tells more apart"
            )
        found = [told for told in _told(version, entries, span) if _has(told, asked)]
    except (OSError, ValueError, LookupError, lmdb.Error, pa.ArrowException) as error:
        raise _unindexed(version, f"has an index that cannot be read ({type(error).__name__})") from error
    if not found:
        raise NotFound(
            f"no row of {version.dataset} has that identity (version {version.number}): it may be written otherwise there,"
            " or be in quarantine"
        )
    if len(found) > 1:
        raise Ambiguous(f"several rows of {version.dataset} have that identity (version {version.number})")
    return found[0]


def _unindexed(version: Version, said: str) -> Unavailable:
    return Unavailable(
        f"version {version.number} of {version.dataset} {said}: `beffroi run {version.dataset}` makes it anew"
    )


def _spans(entries: ByColumn, dataset: Dataset, asked: Mapping[str, str], lookup: Lookup) -> Iterator[range]:
    """Yield the entries of each indexed column that has the very text of a field: names have many spellings."""
    exact = {name for name, field in fields_of(lookup).items() if field.type in identities.EXACT}
    for column in dataset.columns:
        if column.name in asked and column.name in exact and entries.has(column):
            yield entries.span(column, asked[column.name])


def _told(version: Version, entries: ByColumn, span: range) -> Iterator[bytes]:
    """Yield the rows of entries, each once. Raises KeyError for one that the key index does not have."""
    last = -1
    for number in span:
        place, key = entries.row(number)
        if place == last:
            continue
        last, told = place, index.row(version, key)
        if told is None:
            raise KeyError(place)
        yield told


def _has(told: bytes, asked: Mapping[str, str]) -> bool:
    found = json.loads(told)
    return all(found.get(name) is not None and identities.plain(found[name]) == text for name, text in asked.items())
