"""Versions of datasets: Delta tables in `.beffroi/lake/`, numbered by us, each with its ready-made files.

A version is visible only when its Delta commit is; all its files are whole before that. The Delta log is the one
source of truth: our number, and the report of the run, travel in the commit's metadata. No newer writer feature is
used, so that any engine reads the tables.
Source: Delta Lake protocol, https://github.com/delta-io/delta/blob/master/PROTOCOL.md
"""

import datetime as dt
import json
import shutil
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema
from deltalake.transaction import AddAction, CommitProperties, create_table_with_add_actions

from connectors.columns import arrow_schema
from pipelines.declarations import Dataset
from pipelines.workspace import Workspace

KEPT = 2
"""Versions whose ready-made files are kept: the latest, and the one that somebody may still be paging through."""


@dataclass(frozen=True)
class Version:
    """One immutable result. `folder` holds the CSV, the key index, the quarantine and the report."""

    dataset: str
    number: int
    committed: dt.datetime
    rows: int
    parquet: Path
    folder: Path

    @property
    def csv(self) -> Path:
        """Return the CSV distribution."""
        return self.folder / f"{self.dataset}.csv"

    @property
    def report(self) -> dict[str, Any]:
        """Return the report of the run that made this version, or last found it unchanged."""
        loaded: dict[str, Any] = json.loads((self.folder / "report.json").read_text(encoding="utf-8"))
        return loaded


def table_folder(workspace: Workspace, name: str) -> Path:
    """Return the folder of a dataset's Delta table."""
    return workspace.state / "lake" / name


def version_folder(workspace: Workspace, name: str, number: int) -> Path:
    """Return the folder of a version's ready-made files."""
    return workspace.state / "versions" / name / str(number)


def latest(workspace: Workspace, name: str) -> Version | None:
    """Return the latest version of a dataset, or None before its first. Cheap: read once per commit."""
    found = history(workspace, name)
    return found[-1] if found else None


def find(workspace: Workspace, name: str, number: int) -> Version | None:
    """Return a version by its number, if its files are still kept."""
    for version in history(workspace, name):
        if version.number == number and version.folder.is_dir() and version.parquet.is_file():
            return version
    return None


def history(workspace: Workspace, name: str) -> list[Version]:
    """Return every version of a dataset, oldest first."""
    log = table_folder(workspace, name) / "_delta_log"
    try:
        seen = max(entry.name for entry in log.iterdir() if entry.suffix == ".json")
    except (FileNotFoundError, ValueError):
        return []
    return list(_history(table_folder(workspace, name), workspace.state, name, seen))


@lru_cache(maxsize=512)
def _history(table: Path, state: Path, name: str, _seen: str) -> tuple[Version, ...]:
    found = []
    for entry in DeltaTable(table).history():
        number = int(entry["beffroi.version"])
        found.append(
            Version(
                dataset=name,
                number=number,
                committed=dt.datetime.fromtimestamp(entry["timestamp"] / 1000, dt.UTC),
                rows=int(entry["beffroi.rows"]),
                parquet=table / entry["beffroi.file"],
                folder=state / "versions" / name / str(number),
            )
        )
    return tuple(sorted(found, key=lambda version: version.number))


def commit(workspace: Workspace, dataset: Dataset, number: int, parquet: Path, rows: int) -> None:
    """Make `parquet`, which lies in the table's folder already, the version `number` of the dataset.

    One atomic write to the Delta log: before it nothing is visible, after it all is.
    """
    table = table_folder(workspace, dataset.name)
    schema = Schema.from_arrow(arrow_schema(dataset.columns))
    action = AddAction(
        path=parquet.name,
        size=parquet.stat().st_size,
        partition_values={},
        modification_time=int(time.time() * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": rows}),
    )
    properties = CommitProperties(
        custom_metadata={"beffroi.version": str(number), "beffroi.rows": str(rows), "beffroi.file": parquet.name}
    )
    if DeltaTable.is_deltatable(str(table)):
        DeltaTable(table).create_write_transaction([action], "overwrite", schema, commit_properties=properties)
    else:
        create_table_with_add_actions(
            str(table), schema, [action], mode="error", name=dataset.name, commit_properties=properties
        )


def sweep(workspace: Workspace, name: str) -> None:
    """Remove what killed runs left behind, and ready-made files of versions that are no longer kept.

    Called under the dataset's lock, so that nothing here belongs to a run under way.
    """
    versions = history(workspace, name)
    wanted = {version.parquet.name for version in versions}
    for file in table_folder(workspace, name).glob("*.parquet"):
        if file.name not in wanted:
            file.unlink()
    kept = {str(version.number) for version in versions[-KEPT:]}
    for folder in (workspace.state / "versions" / name).glob("*"):
        if folder.name not in kept:
            shutil.rmtree(folder)


def rows_in(parquet: Path) -> int:
    """Return the number of rows of a Parquet file, from its footer."""
    return int(pq.read_metadata(parquet).num_rows)
