"""Datasets: what there is, their rows filtered and in pages, one row by its key.

Open datasets are for everybody and not journaled. Any other goes through the access decision and is on the journal
before the answer leaves, with the granted columns only; the entry has a keyed hash of each row told.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Container, Sequence
from typing import TYPE_CHECKING, Any

import lmdb

from connectors.errors import InvalidRequest, MethodNotAllowed, NotFound, Unauthenticated, Unavailable
from gateway.callers.access import Caller, decide, known, of_dataset, visible
from gateway.callers.decision import Decision
from gateway.datasets.asked import Asked, read_parameters
from gateway.datasets.filters import Filter, read_filters
from gateway.datasets.rows import Page, key_of
from gateway.datasets.within import within
from gateway.health import age, shown_version
from gateway.journal import Entry, Journal
from gateway.lookups.question import identifier_text
from gateway.service import Service
from pipelines import faces, index, versions
from pipelines.declarations import Dataset
from pipelines.declarations.sentences import among
from pipelines.versions import Version

if TYPE_CHECKING:
    from starlette.datastructures import URL

FILES = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8; header=present",
    "geojson": "application/geo+json",
    "geo.parquet": "application/vnd.apache.parquet",
}
"""The ready-made files that a version may have, by extension (`faces.kinds` tells which), and their media types."""


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
            entry.identifier = keyed(service.journal, dataset, key)
        if isinstance(caller.refusal, Unauthenticated):  # said of every name that is none of an open one
            near = among(name, visible(service.workspace, caller))
            raise Unauthenticated(f"{caller.refusal.detail}; no open dataset is called «{name}»{near}")
        if caller.refusal is not None:
            raise caller.refusal
        if dataset is None or known(service.workspace, caller, of_dataset(dataset)) is None:
            raise NotFound(f"there is no dataset «{name}»{among(name, visible(service.workspace, caller))}")
        yield dataset, entry


def current(service: Service, dataset: Dataset) -> Version:
    """Return the latest version. Raises Unavailable before the first."""
    version = versions.latest(service.workspace, dataset.name)
    if version is None:
        raise Unavailable(f"the dataset {dataset.name} has no version yet: `beffroi run {dataset.name}` makes one")
    return version


def numbered(service: Service, dataset: Dataset, number: int) -> Version:
    """Return a version by its number. Raises NotFound where there is none, it is no longer kept, or may not be shown.

    A version that was made for fewer readers than the dataset has today is not told from one that there never was.
    """
    version = versions.kept(service.workspace, dataset.name, number)
    if version is None or not versions.shared(version, dataset):
        raise NotFound(
            f"there is no version {number} of {dataset.name} to read: it is no longer kept, was made under another"
            f" declaration, or never was; /datasets/{dataset.name}/versions tells which can be read"
        )
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
        granted = decide(service.workspace, caller, resource, None, by_row=True).fields
        asked = read_parameters(parameters)
        decision = decide(service.workspace, caller, resource, asked.columns, by_row=True)
        named = [parameter.rpartition("__")[0] for parameter, _ in asked.filters]
        known = [column for column in named if column in resource.fields]
        decide(service.workspace, caller, resource, known, by_row=True)
        filters = read_filters(asked.filters, [column for column in dataset.columns if column.name in granted])
        if in_url:
            _hold_out_of_url(dataset, [each.column.name for each in filters if each.column.personal])
        entry.identifier = _asked_for(service, dataset, filters)
        version, place = _place(service, dataset, asked)
        there = versions.shared(version, dataset)
        hold_there(version, there, [*(asked.columns or ()), *(each.column.name for each in filters)])
        columns = tuple(column for column in decision.fields if column in there)
        given = within(decision, dataset, version, [*columns, *(each.column.name for each in filters)])
        read = {*columns, *dataset.key} if dataset.audience != "open" else columns
        chosen = [column for column in dataset.columns if column.name in read]
        page = await service.rows.page(version, chosen, filters, asked.limit, place, given)
        if dataset.audience != "open":
            note_rows(entry, [keyed(service.journal, dataset, key) for key in page.keys(dataset.key)])
        entry.fields, entry.source = list(columns), f"version {version.number}"
    return page.only(columns), asked, version


def hold_there(version: Version, there: Container[str], asked: Sequence[str]) -> None:
    """Hold that an older version has the columns asked for, as they are declared today. Raises InvalidRequest."""
    missing = [column for column in asked if column not in there]
    if missing:
        raise InvalidRequest(
            f"version {version.number} of {version.dataset} has no {', '.join(missing)}, or not of today's type: leave"
            " it out"
        )


def _hold_out_of_url(dataset: Dataset, personal: list[str]) -> None:
    if personal:
        raise MethodNotAllowed(
            f"{', '.join(personal)}: personal data never stand in a URL: POST /datasets/{dataset.name}/rows with the same"
            f' parameters in a JSON object, like {{"{personal[0]}__exact": "…"}}'
        )


def note_rows(entry: Entry, hashes: list[str]) -> None:
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
    return keyed(service.journal, dataset, key_of(exact[column] for column in dataset.key))


def keyed(journal: Journal, dataset: Dataset, key: str) -> str:
    """Hash a row's key: the record's identifier where the dataset mirrors one, so that lookups hash the same."""
    model = dataset.record_model
    return journal.keyed(identifier_text(model, key) if model else f"dataset:{dataset.name}:{key}")


def _place(service: Service, dataset: Dataset, asked: Asked) -> tuple[Version, int]:
    """Return the version to read, and the place in it to go on from: the cursor's, else the start of the one asked."""
    if asked.cursor is None:
        return (current(service, dataset) if asked.version is None else numbered(service, dataset, asked.version)), -1
    number, place = asked.cursor
    try:
        return numbered(service, dataset, number), place
    except NotFound:
        raise InvalidRequest("the version that this cursor reads is no longer kept: start again without it") from None


async def row(
    service: Service, caller: Caller, name: str, key: str, columns: list[str] | None
) -> tuple[bytes, Version]:
    """Return one row of a dataset by its key, as a JSON object, on the journal unless the dataset is open.

    Raises NotFound, Unavailable, what `decide` raises, and MethodNotAllowed where the key is personal data.
    """
    async with access(service, caller, name, "row", key) as (dataset, entry):
        resource = of_dataset(dataset)
        by_key = decide(service.workspace, caller, resource, dataset.key, by_row=True)
        _hold_out_of_url(dataset, [c.name for c in dataset.columns if c.personal and c.name in dataset.key])
        decision = decide(service.workspace, caller, resource, columns, by_row=True)
        version, chosen = current(service, dataset), decision.fields
        found = _found(version, key, by_key)
        if decision.in_part or by_key.in_part or chosen != resource.fields:
            told = json.loads(found)
            by_key.of(told)  # where the key is not given of this row, nobody may ask by it
            chosen = decision.of(told)
            found = json.dumps({name: told[name] for name in told if name in chosen}, ensure_ascii=False).encode()
        entry.fields, entry.source = list(chosen), f"version {version.number}"
    return found, version


def _found(version: Version, key: str, by_key: Decision) -> bytes:
    """Return a row. Raises NotFound, or what says no more than that it is not granted where keys are of some rows only."""
    try:
        return _indexed(version, key)
    except NotFound:
        if by_key.in_part:
            raise by_key.outside() from None
        raise


def _indexed(version: Version, key: str) -> bytes:
    try:
        found = index.row(version, key)
    except lmdb.Error as error:
        raise Unavailable(f"the index of version {version.number} of {version.dataset} cannot be read") from error
    if found is None:
        parts = f"; it is {', '.join(version.key)}, a comma between the values" if len(version.key) > 1 else ""
        raise NotFound(f"version {version.number} of {version.dataset} has no row with that key{parts}")
    return found


def meta(version: Version) -> dict[str, Any]:
    """Return what every answer tells of the version it comes from."""
    return {
        "dataset": version.dataset,
        "version": version.number,
        "as_of": version.as_of.isoformat(timespec="seconds"),
        "age_seconds": age(version.as_of),
    }


def next_link(url: "URL", cursor: str | None) -> str | None:
    """Return the address of the next page, below the gateway's root, or None at the last."""
    if cursor is None:
        return None
    following = url.include_query_params(cursor=cursor)
    return f"{following.path}?{following.query}"


def summary(service: Service, dataset: Dataset, *, counted: bool) -> dict[str, Any]:
    """Return what lists tell of a dataset, its number of rows where they may be `counted`."""
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
        "rows": version.rows if version and counted else None,
        "href": f"/datasets/{dataset.name}",
    }


async def metadata(service: Service, caller: Caller, name: str) -> dict[str, Any]:
    """Return what there is to know of a dataset: owner, licence, the granted columns as a Table Schema, its files."""
    async with access(service, caller, name, "metadata") as (dataset, entry):
        resource = of_dataset(dataset)
        decision = decide(service.workspace, caller, resource, None, by_row=True)
        granted = decision.fields
        entry.fields = list(granted)
    whole = granted == resource.fields and not decision.in_part
    owner = service.workspace.configuration.organisations[dataset.owner]
    fields = [
        c.model_dump(mode="json", exclude_defaults=True) | {"type": c.type}
        for c in dataset.columns
        if c.name in granted
    ]
    version = versions.latest(service.workspace, name)
    return {
        **summary(service, dataset, counted=not decision.in_part),
        "owner": {"name": dataset.owner, "title": owner.title},
        "record": dataset.record,
        "schema": {"fields": fields, "primaryKey": list(dataset.key)},
        "schema_version": version.schema_version if version else None,
        "schema_changes": list(version.schema_changes) if version and whole else [],
        "rolled_back_from": version.rolled_back_from if version else None,
        "links": {
            "rows": f"/datasets/{name}/rows",
            "row": f"/datasets/{name}/rows/{{{','.join(dataset.key)}}}",
            "versions": f"/datasets/{name}/versions",
            "changes": f"/datasets/{name}/changes.atom",
            "report": f"/datasets/{name}/report",
        },
        "distributions": [_distribution(version, kind) for kind in faces.kinds(dataset)] if version and whole else [],
    }


def _distribution(version: Version, kind: str) -> dict[str, Any]:
    return {
        "format": kind,
        "media_type": FILES[kind],
        "href": f"/datasets/{version.dataset}/latest/{version.dataset}.{kind}",
        "bytes": faces.path(version, kind).stat().st_size,
    }
