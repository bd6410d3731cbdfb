"""One DuckDB file per audience, with the latest version of every dataset as a commented table.

What an analyst opens read-only with any DuckDB client. `open.duckdb` holds the open datasets, `OWNER.duckdb` the
others of that owner. Each is built aside and swapped in whole, so that nobody sees one half-made.
"""

import errno
import json
import os
import shutil
from pathlib import Path

import duckdb
from filelock import FileLock

from connectors.columns import Column
from connectors.errors import RunFailed
from pipelines import versions
from pipelines.declarations import Dataset
from pipelines.declarations.coherence import DATABASE_OF_ALL
from pipelines.sql import identifier, quote
from pipelines.versions import Version
from pipelines.workspace import Workspace

VERSIONS = "beffroi_versions"
"""The table that says which version each of the others holds."""


def refresh(workspace: Workspace) -> list[Path]:
    """Rebuild every database that does not hold the latest versions; return those that were rebuilt."""
    folder = workspace.state / "databases"
    folder.mkdir(exist_ok=True)
    rebuilt = []
    with FileLock(folder / "databases.lock"):
        wanted = _wanted(workspace)
        for stale in folder.glob("*.duckdb"):
            if stale.stem not in wanted:
                stale.unlink()
        for file, tables in wanted.items():
            path = folder / f"{file}.duckdb"
            if _held(path) != {dataset.name: _told(dataset, version) for dataset, version in tables}:
                _build(path, tables)
                rebuilt.append(path)
    return rebuilt


def _wanted(workspace: Workspace) -> dict[str, list[tuple[Dataset, Version]]]:
    """Return what each database should hold, by its name; no organisation is called open (`coherence.py`)."""
    wanted: dict[str, list[tuple[Dataset, Version]]] = {}
    for name, dataset in sorted(workspace.datasets.items()):
        version = versions.latest(workspace, name)
        if version is not None:
            file = DATABASE_OF_ALL if dataset.audience == "open" else dataset.owner
            wanted.setdefault(file, []).append((dataset, version))
    return wanted


def _told(dataset: Dataset, version: Version) -> str:
    """Return all that a table is made from: the version's file, and what is said of it and its columns."""
    return json.dumps([version.parquet.name, dataset.title, [[c.name, _comment(c)] for c in dataset.columns]])


def _comment(column: Column) -> str:
    return ". ".join(part for part in (column.title, column.description) if part)


def _held(path: Path) -> dict[str, str]:
    """Return what each dataset's table in a database was made from; nothing where it is missing or unreadable."""
    if not path.is_file():
        return {}
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            return dict(connection.execute(f"SELECT dataset, made_from FROM {VERSIONS}").fetchall())
    except duckdb.Error:
        return {}


def _why(error: duckdb.Error) -> str:
    """Say why a database could not be built; what the engine says itself may have values of rows in it."""
    said = {each: os.strerror(each) in str(error) for each in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)}
    if said[errno.ENOSPC] or said[errno.EDQUOT]:
        return "the disk is full: make room"
    if said[errno.EROFS]:
        return "nothing can be written in its folder"
    if said[errno.EACCES]:
        return "whoever runs this may not write in its folder, or may not read a version: grant that"
    return f"{type(error).__name__}, see `beffroi doctor`: a version may be damaged"


def _build(path: Path, tables: list[tuple[Dataset, Version]]) -> None:
    aside, spill = path.with_suffix(".part"), path.with_suffix(".spill")
    _discard(aside)
    try:
        with duckdb.connect(str(aside), config={"temp_directory": str(spill)}) as connection:
            connection.execute(
                f"CREATE TABLE {VERSIONS} (dataset VARCHAR, version BIGINT, committed TIMESTAMPTZ, made_from VARCHAR)"
            )
            for dataset, version in tables:
                _table(connection, dataset, version)
            connection.execute("CHECKPOINT")  # closing says nothing of a full disk, and leaves tables in the log beside
    except duckdb.Error as error:
        _discard(aside)
        raise RunFailed(f"{path.name} was not rebuilt, the last one stays: {_why(error)}") from None
    finally:
        shutil.rmtree(spill, ignore_errors=True)
    aside.rename(path)


def _discard(aside: Path) -> None:
    """Remove a database that was not made to its end, and its log."""
    for file in (aside, aside.with_name(f"{aside.name}.wal")):
        file.unlink(missing_ok=True)


def _table(connection: duckdb.DuckDBPyConnection, dataset: Dataset, version: Version) -> None:
    name = identifier(dataset.name)
    connection.execute(f"CREATE TABLE {name} AS FROM read_parquet({quote(str(version.parquet))})")
    connection.execute(f"COMMENT ON TABLE {name} IS {quote(dataset.title)}")
    for column in dataset.columns:
        connection.execute(f"COMMENT ON COLUMN {name}.{identifier(column.name)} IS {quote(_comment(column))}")
    row = [dataset.name, version.number, version.committed, _told(dataset, version)]
    connection.execute(f"INSERT INTO {VERSIONS} VALUES (?, ?, ?, ?)", row)
