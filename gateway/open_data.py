"""Datasets: what there is, their rows filtered and in pages, one row by its key.

Open datasets are for everybody and not journaled. Any other goes through the access decision and is on the journal
before the answer leaves, with the granted columns only; the entry has a keyed hash of each row told.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import lmdb
from starlette.datastructures import URL

from connectors.errors import InvalidRequest, MethodNotAllowed, NotFound, Unavailable
from gateway.access import Caller, decide, of_dataset, visible
from gateway.filters import Filter, read_filters
from gateway.health import age, shown_version
from gateway.journal import Entry
from gateway.lookups import identifier_text
from gateway.rows import Page, decode_cursor, key_of
from gateway.service import Service
from pipelines import index, versions
from pipelines.declarations import Dataset
from pipelines.sentences import among
from pipelines.versions import Version

LIMIT = 20
MAX_LIMIT = 1000
FORMATS = ("json", "csv")
FILES = {"parquet": "application/vnd.apache.parquet", "csv": "text/csv; charset=utf-8; header=present"}
"""The ready-made files of a version, by extension, and their media types."""


@dataclass(frozen=True)
class Asked:
    """The parameters of a question for rows; `filters` are not yet checked against the columns."""

    columns: list[str] | None
    limit: int
    cursor: tuple[int, int] | None
    format: str | None
    filters: list[tuple[str, str]]


def read_parameters(parameters: Iterable[tuple[str, str]]) -> Asked:
    """Read the parameters of a question for rows. Raises InvalidRequest."""
    reserved: dict[str, str] = {}
    filters = []
    for name, text in parameters:
        if name in ("columns", "limit", "cursor", "format", "purpose"):
            reserved[name] = text
        else:
            filters.append((name, text))
    limit = reserved.get("limit", str(LIMIT))
    if not (limit.isascii() and limit.isdecimal() and len(limit) < 6 and 1 <= int(limit) <= MAX_LIMIT):
        raise InvalidRequest(f"limit is a whole number from 1 to {MAX_LIMIT}; {LIMIT} if it is not said")
    if reserved.get("format", "json") not in FORMATS:
        raise InvalidRequest(f"there is no such format; allowed: {', '.join(FORMATS)}")
    cursor = decode_cursor(reserved["cursor"]) if "cursor" in reserved else None
    columns = reserved["columns"].split(",") if "columns" in reserved else None
    return Asked(columns, int(limit), cursor, reserved.get("format"), filters)


@contextlib.asynccontextmanager
async def access(
    service: Service, caller: Caller, name: str, action: str, key: str | None = None
) -> AsyncIterator[tuple[Dataset, Entry]]:
    """Journal what happens inside, unless the dataset is open. `key` is that of the one row asked for.

    A dataset that the caller may not know of answers as one that does not exist, on the journal too: Unauthenticated
    without a valid token, NotFound with one, which names only what the caller may know of.
    """
    dataset = service.workspace.datasets.get(name)
    resource = f"dataset:{name}" if dataset else "dataset:(not declared)"  # a name that is none could be anything
    entry = Entry.begin(service.workspace, caller, action, resource)
    if dataset is not None and dataset.audience == "open":
        yield dataset, entry
        return
    async with service.journal.access(entry):
        if dataset is not None and key is not None:
            entry.identifier = _keyed(service, dataset, key)
        if caller.refusal is not None:
            raise caller.refusal
        known = visible(service.workspace, caller)
        if dataset is None or name not in known:
            raise NotFound(f"there is no dataset «{name}»{among(name, known)}")
        yield dataset, entry


def current(service: Service, dataset: Dataset) -> Version:
    """Return the latest version. Raises Unavailable before the first."""
    version = versions.latest(service.workspace, dataset.name)
    if version is None:
        raise Unavailable(f"the dataset {dataset.name} has no version yet: `beffroi run {dataset.name}` makes one")
    return version


async def rows(
    service: Service, caller: Caller, name: str, parameters: list[tuple[str, str]], in_url: bool
) -> tuple[Page, Asked, Version]:
    """Return one page of rows of a dataset, on the journal unless it is open.

    Raises NotFound, Unavailable, what `decide` raises, InvalidRequest for unknown parameters, columns, operators and
    values, and MethodNotAllowed for a condition on personal data that stands in a URL.
    """
    async with access(service, caller, name, "rows") as (dataset, entry):
        resource = of_dataset(dataset)
        granted = decide(service.workspace, caller, resource, None)
        asked = read_parameters(parameters)
        columns = decide(service.workspace, caller, resource, asked.columns)
        named = [parameter.rpartition("__")[0] for parameter, _ in asked.filters]
        decide(service.workspace, caller, resource, [column for column in named if column in resource.fields])
        filters = read_filters(asked.filters, [column for column in dataset.columns if column.name in granted])
        if in_url:
            _hold_out_of_url(dataset, [each.column.name for each in filters if each.column.personal])
        entry.identifier = _asked_for(service, dataset, filters)
        version, place = _place(service, dataset, asked)
        read = {*columns, *dataset.key} if dataset.audience != "open" else columns
        chosen = [column for column in dataset.columns if column.name in read]
        page = await service.rows.page(version, chosen, filters, asked.limit, place)
        if dataset.audience != "open":
            _note_rows(entry, [_keyed(service, dataset, key) for key in page.keys(dataset.key)])
        entry.fields, entry.source = list(columns), f"version {version.number}"
    return page.only(columns), asked, version


def _hold_out_of_url(dataset: Dataset, personal: list[str]) -> None:
    if personal:
        raise MethodNotAllowed(
            f"{', '.join(personal)}: personal data never stand in a URL: POST /datasets/{dataset.name}/rows with the same"
            f' parameters in a JSON object, like {{"{personal[0]}__exact": "…"}}'
        )


def _note_rows(entry: Entry, hashes: list[str]) -> None:
    """Write down whose rows are told, so that they are found however they were asked for."""
    if len(hashes) == 1:
        entry.identifier = hashes[0]
    else:
        entry.identifiers = hashes


def _asked_for(service: Service, dataset: Dataset, filters: tuple[Filter, ...]) -> str | None:
    """Return the keyed hash of the one row asked for, where the filters name its key."""
    exact = {each.column.name: each.values[0] for each in filters if each.operator == "exact"}
    if dataset.audience == "open" or not set(dataset.key) <= set(exact):
        return None
    return _keyed(service, dataset, key_of(exact[column] for column in dataset.key))


def _keyed(service: Service, dataset: Dataset, key: str) -> str:
    """Hash a row's key: the record's identifier where the dataset mirrors one, so that lookups hash the same."""
    model = dataset.record_model
    return service.journal.keyed(identifier_text(model, key) if model else f"dataset:{dataset.name}:{key}")


def _place(service: Service, dataset: Dataset, asked: Asked) -> tuple[Version, int]:
    """Return the version to read, and the place in it to go on from: the cursor's, else the latest's start."""
    if asked.cursor is None:
        return current(service, dataset), -1
    number, place = asked.cursor
    version = versions.find(service.workspace, dataset.name, number)
    if version is None:
        raise InvalidRequest("the version that this cursor reads is no longer kept: start again without it")
    return version, place


async def row(
    service: Service, caller: Caller, name: str, key: str, columns: list[str] | None
) -> tuple[bytes, Version]:
    """Return one row of a dataset by its key, as a JSON object, on the journal unless the dataset is open.

    Raises NotFound, Unavailable, what `decide` raises, and MethodNotAllowed where the key is personal data.
    """
    async with access(service, caller, name, "row", key) as (dataset, entry):
        resource = of_dataset(dataset)
        decide(service.workspace, caller, resource, dataset.key)
        _hold_out_of_url(dataset, [c.name for c in dataset.columns if c.personal and c.name in dataset.key])
        chosen = decide(service.workspace, caller, resource, columns)
        version = current(service, dataset)
        found = _indexed(version, key)
        if chosen != resource.fields:
            found = json.dumps({c: v for c, v in json.loads(found).items() if c in chosen}, ensure_ascii=False).encode()
        entry.fields, entry.source = list(chosen), f"version {version.number}"
    return found, version


def _indexed(version: Version, key: str) -> bytes:
    try:
        found = index.row(version, key)
    except lmdb.Error as error:
        raise Unavailable(f"the index of version {version.number} of {version.dataset} cannot be read") from error
    if found is None:
        raise NotFound(f"version {version.number} of {version.dataset} has no row with that key")
    return found


def meta(version: Version) -> dict[str, Any]:
    """Return what every answer tells of the version it comes from."""
    return {
        "dataset": version.dataset,
        "version": version.number,
        "as_of": version.as_of.isoformat(timespec="seconds"),
        "age_seconds": age(version.as_of),
    }


def next_link(url: URL, cursor: str | None) -> str | None:
    """Return the address of the next page, below the gateway's root, or None at the last."""
    if cursor is None:
        return None
    following = url.include_query_params(cursor=cursor)
    return f"{following.path}?{following.query}"


def summary(service: Service, dataset: Dataset) -> dict[str, Any]:
    """Return what lists tell of a dataset."""
    version = shown_version(service.workspace, dataset.name)
    return {
        "name": dataset.name,
        "title": dataset.title,
        "description": dataset.description,
        "audience": dataset.audience,
        "licence": dataset.licence,
        "keywords": dataset.keywords,
        "version": version.number if version else None,
        "committed": version.committed.isoformat(timespec="seconds") if version else None,
        "rows": version.rows if version else None,
        "href": f"/datasets/{dataset.name}",
    }


async def metadata(service: Service, caller: Caller, name: str) -> dict[str, Any]:
    """Return what there is to know of a dataset: owner, licence, the granted columns as a Table Schema, its files."""
    async with access(service, caller, name, "metadata") as (dataset, entry):
        resource = of_dataset(dataset)
        granted = decide(service.workspace, caller, resource, None)
        entry.fields = list(granted)
    owner = service.workspace.configuration.organisations[dataset.owner]
    fields = [
        c.model_dump(mode="json", exclude_defaults=True) | {"type": c.type}
        for c in dataset.columns
        if c.name in granted
    ]
    version = versions.latest(service.workspace, name)
    return {
        **summary(service, dataset),
        "owner": {"name": dataset.owner, "title": owner.title},
        "record": dataset.record,
        "schema": {"fields": fields, "primaryKey": list(dataset.key)},
        "links": {"rows": f"/datasets/{name}/rows", "row": f"/datasets/{name}/rows/{{{','.join(dataset.key)}}}"},
        "distributions": [_distribution(version, kind) for kind in FILES]
        if version and granted == resource.fields
        else [],
    }


def _distribution(version: Version, kind: str) -> dict[str, Any]:
    path = version.parquet if kind == "parquet" else version.csv
    return {
        "format": kind,
        "media_type": FILES[kind],
        "href": f"/datasets/{version.dataset}/latest/{version.dataset}.{kind}",
        "bytes": path.stat().st_size,
    }
