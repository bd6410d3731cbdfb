"""What changed in a dataset from version to version: its versions, the rows that differ, a feed of them.

What is told of a version is what may be seen of it today: one that was made for fewer readers is not told of.
"""

import datetime as dt
import re
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

from connectors.drafting import counted
from connectors.errors import InvalidRequest, NotFound
from gateway.callers.access import Caller, decide, of_dataset
from gateway.callers.decision import Decision
from gateway.datasets.asked import read_limit, read_number
from gateway.datasets.open_data import access, current, hold_there, keyed, note_rows, numbered
from gateway.datasets.rows import json_value, key_of
from gateway.datasets.within import within
from gateway.service import Service
from pipelines import diff, versions
from pipelines.declarations import Dataset
from pipelines.diff import Counts, Difference, Pair
from pipelines.versions import Version

PARAMETERS = ("from", "to", "columns", "limit", "cursor", "purpose")
CURSOR = re.compile(r"(\d{1,9})-(\d{1,9})-(\d{1,12})", re.ASCII)
"""The two versions, and how many rows that differ came before."""

ENTRIES = 100
"""Versions that the feed tells of at most, the newest."""

ATOM = "http://www.w3.org/2005/Atom"
NAMESPACE = uuid.UUID("0c3c2c53-5f06-4d34-9d9c-6b7a1fd2a6a1")
"""Of the names that the feed's ids are made of."""

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document may hold (XML 1.0, 2.2)."""


async def listed(service: Service, caller: Caller, name: str) -> list[dict[str, Any]]:
    """Return what there is to know of each version of a dataset, the latest last; on the journal unless it is open.

    Raises NotFound and what `decide` raises.
    """
    async with access(service, caller, name, "versions") as (dataset, entry):
        decision = decide(service.workspace, caller, of_dataset(dataset), None, by_row=True)
        entry.fields = list(decision.fields)
    return _told(service, dataset, decision)


def _told(service: Service, dataset: Dataset, decision: Decision) -> list[dict[str, Any]]:
    """Tell of the versions that may be told of: of their columns only where all are granted, and of how many rows so."""
    whole, counts = decision.fields == of_dataset(dataset).fields, not decision.in_part
    found, before = [], True
    for version in versions.history(service.workspace, dataset.name):
        shown = bool(versions.shared(version, dataset))
        if shown:
            found.append(
                {
                    "version": version.number,
                    "committed": version.committed.isoformat(timespec="seconds"),
                    "rows": version.rows if counts else None,
                    "added": version.added if counts else None,
                    "changed": version.changed if counts else None,
                    "removed": version.removed if counts else None,
                    "schema_version": version.schema_version,
                    "schema_changes": list(version.schema_changes) if whole and before else [],
                    "rolled_back_from": version.rolled_back_from,
                    "kept": version.parquet.is_file(),
                }
            )
        before = shown  # what changed since one that is not told of would tell of it
    for told in found:
        told["href"] = f"/datasets/{dataset.name}/rows?version={told['version']}" if told["kept"] else None
    return found


# --- the rows that differ --------------------------------------------------------------------------------------------


async def compared(
    service: Service, caller: Caller, name: str, parameters: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Return one page of the rows that differ between two versions, on the journal unless the dataset is open.

    Only granted columns are compared. Raises NotFound, Unavailable, InvalidRequest and what `decide` raises.
    """
    async with access(service, caller, name, "diff") as (dataset, entry):
        resource = of_dataset(dataset)
        granted = decide(service.workspace, caller, resource, None, by_row=True).fields
        asked = _asked(parameters)
        named = asked["columns"].split(",") if "columns" in asked else None
        decision = decide(service.workspace, caller, resource, named, by_row=True)
        columns = decision.fields
        limit = read_limit(asked.get("limit"))
        old, new, offset = _between(service, dataset, asked)
        there = set(versions.shared(old, dataset)) & set(versions.shared(new, dataset))
        hold_there(old, there, columns if "columns" in asked else ())
        shown = [column for column in columns if column in there]
        within(decision, dataset, old, shown)  # it must have the columns by which rows are granted as well
        both = replace(diff.of(old, new).only(shown), within=within(decision, dataset, new, shown))
        what = f"version {old.number} or {new.number} of {name}"
        counts, found = await service.differences.page(service.rows, what, both, offset, limit + 1)
        more, found = len(found) > limit, found[:limit]
        if not resource.open:
            note_rows(entry, [keyed(service.journal, dataset, key_of(each.key)) for each in found])
        entry.fields, entry.source = list(columns), f"versions {old.number} and {new.number}"
    left_out = {n: why for n, why in both.left_out.items() if granted == resource.fields or n in granted}
    cursor = f"{old.number}-{new.number}-{offset + limit}" if more else None
    meta = {**about(both, counts, left_out), "limit": limit, "cursor": cursor}
    return {"data": [told(both, each, columns) for each in found], "meta": meta}


def about(both: Pair, counts: Counts, left_out: dict[str, str]) -> dict[str, Any]:
    """Return what is told of a comparison before its rows."""
    numbers = {"added": counts.added, "changed": counts.changed, "removed": counts.removed}
    return {
        "dataset": both.new.dataset,
        "from": both.old.number,
        "to": both.new.number,
        **numbers,
        "left_out": left_out,
    }


def told(both: Pair, found: Difference, columns: Sequence[str]) -> dict[str, Any]:
    """Return a row that differs as JSON has it, with those of its columns only."""
    key = {name: json_value(value) for name, value in zip(both.key, found.key, strict=True) if name in columns}
    if found.change == "changed":
        values = {
            n: {"old": json_value(o), "new": json_value(v)} for n, (o, v) in found.columns.items() if n in columns
        }
        return {"change": "changed", "key": key, "columns": values}
    row = found.new if found.change == "added" else found.old
    return {"change": found.change, "key": key, "row": {n: json_value(v) for n, v in row.items() if n in columns}}


def _asked(parameters: Sequence[tuple[str, str]]) -> dict[str, str]:
    unknown = [name for name, _ in parameters if name not in PARAMETERS]
    if unknown:
        raise InvalidRequest(f"unknown parameter; allowed: {', '.join(PARAMETERS)}")
    return dict(parameters)


def _between(service: Service, dataset: Dataset, asked: dict[str, str]) -> tuple[Version, Version, int]:
    """Return the two versions, by default the latest and the one before, and where in their difference to go on."""
    numbers: dict[str, int] = {side: read_number(side, asked[side]) for side in ("from", "to") if side in asked}
    offset = 0
    if "cursor" in asked:
        found = CURSOR.fullmatch(asked["cursor"])
        said = {"from": int(found[1]), "to": int(found[2])} if found else {}
        if found is None or said | numbers != said:
            raise InvalidRequest("that cursor is not one of ours, or of other versions: take it from links.next")
        numbers, offset = said, int(found[3])
    new = numbered(service, dataset, numbers["to"]) if "to" in numbers else current(service, dataset)
    if "from" not in numbers:
        before = [v.number for v in versions.history(service.workspace, dataset.name) if v.number < new.number]
        if not before:
            raise NotFound(f"version {new.number} of {dataset.name} is its first: there is none before to compare with")
        numbers["from"] = before[-1]
    return numbered(service, dataset, numbers["from"]), new, offset


# --- the feed --------------------------------------------------------------------------------------------------------


async def feed(service: Service, caller: Caller, name: str) -> tuple[bytes, dt.datetime]:
    """Return the versions of a dataset as an Atom feed, and when the last was committed; journaled unless it is open.

    Raises NotFound, Unavailable before the first version, and what `decide` raises. Source: RFC 4287.
    """
    async with access(service, caller, name, "versions") as (dataset, entry):
        decision = decide(service.workspace, caller, of_dataset(dataset), None, by_row=True)
        entry.fields = list(decision.fields)
        latest = current(service, dataset)
    shown = _told(service, dataset, decision)
    begun = versions.history(service.workspace, name)[0].committed  # a table made anew has another feed
    ids = uuid.uuid5(NAMESPACE, f"{name} {begun.isoformat()}")
    ET.register_namespace("", ATOM)
    root = ET.Element(f"{{{ATOM}}}feed")
    _element(root, "id", ids.urn)
    _element(root, "title", f"{dataset.title}: versions")
    _element(root, "updated", latest.committed.isoformat(timespec="seconds"))
    author = ET.SubElement(root, f"{{{ATOM}}}author")
    _element(author, "name", service.workspace.configuration.organisations[dataset.owner].title)
    ET.SubElement(root, f"{{{ATOM}}}link", rel="self", href=f"/datasets/{name}/changes.atom")
    ET.SubElement(root, f"{{{ATOM}}}link", rel="alternate", href=f"/datasets/{name}", type="application/json")
    for told_of in reversed(shown[-ENTRIES:]):
        _entry(root, name, ids, told_of)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True), latest.committed


def _entry(root: ET.Element, name: str, ids: uuid.UUID, told_of: dict[str, Any]) -> None:
    number, committed = told_of["version"], told_of["committed"]
    entry = ET.SubElement(root, f"{{{ATOM}}}entry")
    _element(entry, "id", uuid.uuid5(ids, f"{number} {committed}").urn)
    counted_of = [f"{told_of[what]} {what}" for what in ("added", "changed", "removed") if told_of[what] is not None]
    counts = f": {', '.join(counted_of)}" if counted_of else ""
    back = f", back to version {told_of['rolled_back_from']}" if told_of["rolled_back_from"] else ""
    _element(entry, "title", f"Version {number} of {name}{back}{counts}")
    _element(entry, "updated", committed)
    _element(entry, "published", committed)
    href = f"/datasets/{name}/rows?version={number}"
    ET.SubElement(entry, f"{{{ATOM}}}link", rel="alternate", href=href, type="application/json")
    schema = "".join(f" {said[0].upper()}{said[1:]}." for said in told_of["schema_changes"])
    rows = "" if told_of["rows"] is None else f"{counted(told_of['rows'], 'row')}. "
    _element(entry, "summary", f"{rows}Schema version {told_of['schema_version']}.{schema}")


def _element(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{ATOM}}}{name}").text = NOT_XML.sub("\ufffd", text)
