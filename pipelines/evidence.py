"""What a run left behind to be looked up: the raw inputs that it was made from, and a row in one of them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from connectors.errors import NotFound, Unavailable, Unreadable
from connectors.files.csv_rows import opened, records
from connectors.registry import FAULT
from pipelines import raw as raws
from pipelines import versions
from pipelines.judge import PLACE, raw_json
from pipelines.raw import Raw
from pipelines.sql import quote
from pipelines.stage import raw_folder
from pipelines.workspace import Workspace

MEMORY = "480MB"


@dataclass(frozen=True)
class Input:
    """One input of a run. `sha256` names its raw file, or `version` that of the dataset; `raw` is None once it is gone."""

    name: str
    registry: str | None
    dataset: str | None
    table: str | None
    rows: int
    sha256: str | None
    version: int | None
    first_seen: str | None = None
    raw: Raw | None = None


@dataclass(frozen=True)
class RawRow:
    """A row as the source has it: its canonical JSON, its columns with DuckDB's types, and what was amiss with it."""

    text: str
    types: dict[str, str]
    fault: str | None = None


def inputs(workspace: Workspace, name: str, folder: Path) -> list[Input]:
    """Return the inputs of the run whose report stands in `folder`. Raises Unavailable where it is not there."""
    try:
        said: list[dict[str, Any]] = json.loads((folder / "report.json").read_text(encoding="utf-8"))["sources"]
        return [_input(workspace, name, source) for source in said]
    except (OSError, ValueError, KeyError):
        raise Unavailable(f"what that run of {name} was made from is no longer known: `beffroi run {name}`") from None


def columns(folder: Path, source: str) -> list[str]:
    """Return the columns of a source as the run had them whose report stands in `folder`; none where it is not there."""
    try:
        said: list[dict[str, Any]] = json.loads((folder / "report.json").read_text(encoding="utf-8"))["sources"]
    except (OSError, ValueError, KeyError):
        return []
    return next((list(each.get("columns", ())) for each in said if each["name"] == source), [])


def _input(workspace: Workspace, name: str, said: dict[str, Any]) -> Input:
    found = Input(
        said["name"], said["registry"], said["dataset"], said["table"], said["rows"], said["raw"], said["version"]
    )
    values = {each: getattr(found, each) for each in ("name", "registry", "dataset", "table", "rows")}
    if found.dataset is not None:
        made = versions.kept(workspace, found.dataset, found.version or 0)
        raw = Raw(found.name, made.parquet, None, made.number) if made else None
        seen = made.committed.isoformat(timespec="seconds") if made else None
        return Input(**values, sha256=None, version=found.version, first_seen=seen, raw=raw)
    raw, seen = _kept(raw_folder(workspace, name), said)
    return Input(**values, sha256=found.sha256, version=None, first_seen=seen, raw=raw)


def _kept(folder: Path, given: dict[str, Any]) -> tuple[Raw | None, str | None]:
    """Return the raw file of a source, and when it was first seen; None where it is no longer kept.

    How that run read it, its report says: the note beside the file says how it was read first.
    """
    sha256 = given["raw"] or ""
    try:
        noted: dict[str, Any] = json.loads((folder / f"{sha256}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None, None
    read = {"dialect": given.get("dialect", noted["dialect"])}
    raw = raws.of_note(folder, given["name"], sha256, noted | read)
    return (raw if all(file.is_file() for file in raw.files) else None), noted["first_seen"]


@contextmanager
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an engine that looks into files of the workspace; its errors become Unavailable, without any value."""
    with duckdb.connect(config={"memory_limit": MEMORY}) as connection:
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        except duckdb.Error as error:
            raise Unavailable(f"a file of an earlier run cannot be read ({type(error).__name__})") from None


def kept(found: Input) -> Raw:
    """Return the raw file of an input. Raises Unavailable where it is no longer kept."""
    if found.raw is None:
        raise Unavailable(f"the raw input of {found.name} is no longer kept: run the dataset, and it is read anew")
    return found.raw


def types_of(connection: duckdb.DuckDBPyConnection, raw: Raw) -> dict[str, str]:
    """Return the columns of a raw input, with DuckDB's types."""
    found = connection.execute(f"DESCRIBE FROM {raw.relation(None)}").fetchall()
    return {str(name): str(kind) for name, kind, *_ in found}


def row(connection: duckdb.DuckDBPyConnection, raw: Raw, place: int) -> RawRow:
    """Return a row of a raw input. Raises NotFound where it has none there."""
    types = types_of(connection, raw)
    fault = FAULT if types.pop(FAULT, None) is not None else "NULL"
    found = connection.execute(
        f"SELECT {raw_json(types, 'layer')}, {fault} FROM {raw.relation(PLACE)} layer WHERE {PLACE} = {place}"
    ).fetchall()
    if not found:
        raise NotFound(f"{raw.source} had no row {place} then")
    return RawRow(found[0][0], types, found[0][1])


def line(raw: Raw, place: int) -> int | None:
    """Return the line of the source's file, counted from 1, on which a row begins; None where that is not known.

    It is known of a plain CSV, of which the file itself is kept: others became a table, and of that the rows are kept.
    """
    dialect = raw.dialect
    if dialect is None:
        return None
    with suppress(OSError, Unreadable), opened(raw.path, "utf-8-sig") as text:
        for _ in range(dialect.skip):
            text.readline()
        found = records(text, dialect.delimiter, dialect.quote, raw.source, raw.source)
        record = next(islice(found, place - 1, None), None)
        return record.line + dialect.skip if record is not None and record.fault is None else None
    return None


def rows_of(parquet: Path) -> str:
    """Return SQL of the rows of a Parquet file, each with its position, from 0, as `file_row_number`."""
    return f"read_parquet({quote(str(parquet))}, file_row_number = true)"
