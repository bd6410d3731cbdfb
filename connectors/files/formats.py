"""The formats of files: by the declaration, else by the end of a name; and what reads each."""

import importlib
from pathlib import Path
from typing import cast

from connectors.errors import Misconfigured
from connectors.files.reading import Read
from connectors.files.settings import Format, TableSettings
from connectors.registry import Scan

ENDS: dict[str, Format] = {
    ".csv": "csv", ".txt": "csv", ".tsv": "csv", ".tab": "csv", ".xlsx": "xlsx", ".xlsm": "xlsx", ".ods": "ods",
    ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson", ".xml": "xml", ".geojson": "geojson",
    ".parquet": "parquet",
}  # fmt: skip
"""Ends of names, and what they say."""

_READERS: dict[Format, tuple[str, str]] = {
    "csv": ("csv_files", "read"),
    "xlsx": ("spreadsheets", "read"),
    "ods": ("spreadsheets", "read"),
    "json": ("json_files", "read"),
    "ndjson": ("json_files", "read_lines"),
    "xml": ("xml_files", "read"),
    "geojson": ("geojson", "read"),
    "parquet": ("parquet", "read"),
}
"""Module and function, loaded where a file of the format is read."""


def format_of(name: str, settings: TableSettings, registry: str) -> Format:
    """Return the format of a file. Raises Misconfigured where nothing tells it."""
    found = settings.format or by_name(name)
    if found is None:
        raise Misconfigured(
            f"{registry}: the name {name} does not tell its format; say format:, one of {', '.join(_READERS)}",
            registry=registry,
        )
    return found


def by_name(name: str) -> Format | None:
    """Return the format that the end of a name (or glob) tells, None where it tells none."""
    return next((found for end, found in ENDS.items() if name.casefold().endswith(end)), None)


def read(file: Path, name: str, settings: TableSettings, registry: str) -> Scan:
    """Return the table of one file, by its format. Raises Unreadable and Misconfigured."""
    module, function = _READERS[format_of(name, settings, registry)]
    reader = cast("Read", getattr(importlib.import_module(f"connectors.files.{module}"), function))
    return reader(file, name, settings, registry)
