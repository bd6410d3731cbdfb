"""What a dataset is in CKAN's DataStore: its fields with their data dictionary, and the rows that travel there.

Source: https://docs.ckan.org/en/2.12/maintaining/datastore.html
"""

import json
from collections.abc import Iterator
from typing import Any

import duckdb

from pipelines.declarations import Dataset
from pipelines.sql import identifier, quote
from pipelines.versions import Version

BATCH = 5_000
"""Rows per DataStore request."""

TYPES = {
    "string": "text",
    "integer": "int8",
    "number": "float8",
    "boolean": "bool",
    "date": "date",
    "datetime": "timestamptz",
    "array": "_text",
    "geopoint": "text",
    "geojson": "text",
}
"""What a column's type is in the DataStore, in the words that it answers with."""


def fields(dataset: Dataset) -> list[dict[str, Any]]:
    """Return the DataStore's fields with their data dictionary."""
    return [
        {"id": c.name, "type": TYPES[c.type], "info": {"label": c.title, "notes": c.description}}
        for c in dataset.columns
    ]


def known_fields(held: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the fields that CKAN's `datastore_info` tells of a table, in the form of `fields`."""
    return [
        {
            "id": field["id"],
            "type": field["type"],
            "info": {key: (field.get("info") or {}).get(key, "") for key in ("label", "notes")},
        }
        for field in held["fields"]
        if field["id"] != "_id"
    ]


def all_rows(version: Version) -> str:
    """Return the query of every row of a version."""
    return f"FROM read_parquet({quote(str(version.parquet))})"


def difference(dataset: Dataset, old: Version, new: Version) -> tuple[str, str]:
    """Return two queries: the rows added or changed since `old`, and the keys of those removed."""
    key = ", ".join(identifier(name) for name in dataset.key)
    changed = f"{all_rows(new)} EXCEPT {all_rows(old)}"
    removed = f"(SELECT {key} {all_rows(old)}) EXCEPT (SELECT {key} {all_rows(new)})"
    return changed, removed


def filters(dataset: Dataset, query: str) -> Iterator[dict[str, Any]]:
    """Yield the filters that name the keys of a query: many keys at once where the key is one column."""
    keys = list(rows(query))
    if len(dataset.key) > 1:
        yield from keys
        return
    name = dataset.key[0]
    for start in range(0, len(keys), BATCH):
        yield {name: [key[name] for key in keys[start : start + BATCH]]}


def rows(query: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a query as JSON objects."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(f"SELECT to_json(beffroi_row)::VARCHAR FROM ({query}) beffroi_row")
        while batch := found.fetchmany(BATCH):
            for (row,) in batch:
                yield json.loads(row)
