"""Staging: a source's rows brought into a raw Parquet file, which is kept, before anything is judged.

A table that is asked for what changed only (`Registry.increment`) is staged as the last raw file with the rows that
came put over it: what a version is made of is the whole table, each time.
"""

import dataclasses
import hashlib
import json
import shutil
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.errors import Misconfigured, Unreadable
from connectors.guard import ended
from connectors.registry import CsvFile, Increment, Registry, Scan, Stamp, stamped
from pipelines.declarations import Dataset
from pipelines.sql import identifier, quote
from pipelines.workspace import Workspace

RAW_KEPT = 2
"""Raw inputs kept per dataset: the last run's and the one before."""

RAW = {"compression": "zstd", "use_dictionary": False, "write_statistics": False}
"""How a raw file is written: it is read once and whole, so that dictionaries and statistics cost more than they save."""


def stage(workspace: Workspace, dataset: Dataset, connection: duckdb.DuckDBPyConnection, *, full: bool) -> Path:
    """Bring the rows of a dataset's source into a raw Parquet file and return it; `full` reads an increment's whole.

    Raises what the registry raises. What was staged before stays until the new file is whole.
    """
    folder = workspace.state / "raw" / dataset.name
    folder.mkdir(parents=True, exist_ok=True)
    for left in (*folder.glob("*.part"), *folder.glob("*.json")):
        if not left.with_suffix(".parquet").exists():
            left.unlink()
    registry, table = workspace.registries[dataset.source.registry], dataset.source.table
    increment = registry.increment(table)
    before = None if increment is None or full else _before(folder, _stamp(registry, table, increment))
    part, raw = folder / f"{uuid.uuid4().hex}.part", folder / f"{time.time_ns()}.parquet"
    try:
        try:
            scan = registry.read(table, None if before is None else before.after)
        except Misconfigured as error:
            raise Misconfigured(f"datasets/{dataset.name}.yaml: {error.detail}", registry=error.registry) from error
        _written(connection, scan, part, registry.name)
        if increment is not None:
            if before is not None:
                _put_over(connection, before.raw, part, increment, registry.name)
            _note(connection, part, raw, increment, _stamp(registry, table, increment))
        part.rename(raw)
    finally:
        part.unlink(missing_ok=True)
    for old in sorted(folder.glob("*.parquet"))[:-RAW_KEPT]:
        old.unlink()
        old.with_suffix(".json").unlink(missing_ok=True)
    return raw


def _written(connection: duckdb.DuckDBPyConnection, scan: Scan, part: Path, registry: str) -> None:
    """Write what a registry gave to the Parquet file `part`. Raises Unreadable for a file that changed meanwhile."""
    if isinstance(scan, Path):
        with unchanged(scan, registry):
            shutil.copyfile(scan, part)
    elif isinstance(scan, CsvFile):
        with unchanged(scan.path, registry, scan.stamp):
            try:
                connection.execute(f"COPY (FROM {_csv(scan)}) TO {quote(str(part))} (FORMAT parquet, COMPRESSION zstd)")
            except duckdb.InvalidInputException:  # not plain after all: row by row
                write_batches(scan.rows(), part)
    else:
        write_batches(scan, part)


def write_batches(scan: pa.RecordBatchReader, part: Path) -> None:
    """Write batches as they come, each while the next is being read."""
    with (
        ended(scan),
        pq.ParquetWriter(part, scan.schema, **RAW) as writer,
        ThreadPoolExecutor(1, thread_name_prefix="beffroi-stage") as thread,
    ):
        before = None
        for batch in scan:
            if before is not None:
                before.result()
            before = thread.submit(writer.write_batch, batch)
        if before is not None:
            before.result()


@contextmanager
def unchanged(file: Path, registry: str, before: Stamp | None = None) -> Iterator[None]:
    """Hold that a file of `registry` is after the block what it was `before`: when it was judged, or now.

    Raises Unreadable.
    """
    before = before or stamped(file)
    failed = None
    try:
        yield
    except (duckdb.Error, OSError) as error:
        failed = error
    if not file.exists() or stamped(file) != before:
        raise Unreadable(f"a file of {registry} changed while it was read: run it again", registry=registry) from failed
    if failed is not None:
        raise failed


def _csv(file: CsvFile) -> str:
    """Return SQL that reads a plain CSV file: nothing is detected, every cell is a text."""
    columns = ", ".join(f"{quote(name)}: 'VARCHAR'" for name in file.columns)
    return (
        f"read_csv({quote(str(file.path))}, auto_detect = false, header = false, skip = {file.skip},"
        f" columns = {{{columns}}}, delim = {quote(file.delimiter)}, quote = {quote(file.quote)},"
        f" escape = {quote(file.quote)}, nullstr = '', strict_mode = true, compression = 'none')"
    )


# --- what changed only -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Before:
    """The raw file of the last run, and the greatest value that its watermark has, as text."""

    raw: Path
    after: str


def _stamp(registry: Registry, table: str | None, increment: Increment) -> str:
    """Return what a raw file must have been staged by for another to be put over it."""
    said = [registry.settings.model_dump_json(by_alias=True), table, dataclasses.asdict(increment)]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _before(folder: Path, stamp: str) -> _Before | None:
    """Return what was staged last by the same declaration; None where nothing was, and the table is read whole."""
    raw = max(folder.glob("*.parquet"), default=None)
    if raw is None:
        return None
    try:
        noted = json.loads(raw.with_suffix(".json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return _Before(raw, noted["after"]) if noted["stamp"] == stamp and noted["after"] is not None else None


def _put_over(
    connection: duckdb.DuckDBPyConnection, raw: Path, part: Path, increment: Increment, registry: str
) -> None:
    """Replace `part` by the rows of `raw` whose key did not come anew, and those that came."""
    old, new = (f"read_parquet({quote(str(file))})" for file in (raw, part))
    described = [connection.execute(f"DESCRIBE FROM {file}").fetchall() for file in (old, new)]
    if [row[:2] for row in described[0]] != [row[:2] for row in described[1]]:
        raise Unreadable(
            f"{registry} has other columns than when it was last read: `beffroi run --full` reads it whole",
            registry=registry,
        )
    key = " AND ".join(f"old.{identifier(name)} = new.{identifier(name)}" for name in increment.key)
    keyless = " OR ".join(f"old.{identifier(name)} IS NULL" for name in increment.key)
    whole = part.with_suffix(".whole.part")
    try:
        connection.execute(  # a row without a key replaces none, and comes again as it was
            f"COPY (SELECT * FROM {old} old WHERE NOT EXISTS (FROM {new} new WHERE {key})"
            f" AND NOT (({keyless}) AND EXISTS (FROM {new} new WHERE new IS NOT DISTINCT FROM old))"
            f" UNION ALL FROM {new}) TO {quote(str(whole))} (FORMAT parquet, COMPRESSION zstd)"
        )
        whole.rename(part)
    finally:
        whole.unlink(missing_ok=True)


def _note(connection: duckdb.DuckDBPyConnection, part: Path, raw: Path, increment: Increment, stamp: str) -> None:
    """Note beside `raw`, which `part` is about to become, from where the next run goes on."""
    column = identifier(increment.column)
    query = f"SELECT max({column}) FILTER (lower(CAST({column} AS VARCHAR)) NOT IN ('nan', 'infinity'))"
    after = connection.execute(f"SELECT CAST(({query} FROM read_parquet({quote(str(part))})) AS VARCHAR)").fetchall()
    noted = raw.with_suffix(".json.part")
    noted.write_text(json.dumps({"stamp": stamp, "after": after[0][0]}), encoding="utf-8")
    noted.replace(raw.with_suffix(".json"))
