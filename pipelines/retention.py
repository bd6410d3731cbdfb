"""What is kept of a dataset, and for how long: versions in the lake, their ready-made files, raw inputs.

A version that leaves takes its Parquet file along. The Delta table stays readable by any engine: every commit replaces
all files of the one before, so that a file of an old version is one that the log says was removed, as after a VACUUM;
the log's history goes on telling that the version was there. Called under the dataset's lock.
Source: Delta Lake protocol, "Remove File", https://github.com/delta-io/delta/blob/master/PROTOCOL.md
"""

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines import versions
from pipelines.declarations import Dataset
from pipelines.linking import files as links
from pipelines.raw import NOTES, parts_of, readings
from pipelines.versions import KEPT, Version
from pipelines.workspace import Workspace

PERSONAL = 2
"""Versions of personal data that are kept at most: who leaves the source leaves Beffroi."""

EVIDENCE = {"report.json", "lineage.parquet", "duplicates.parquet"}
"""What is kept of a version's folder as long as the lake has the version: where its rows came from."""


def sweep(workspace: Workspace, name: str) -> None:
    """Remove what killed runs left behind, and all that is no longer kept. Raises OSError, Unavailable."""
    for folder in (workspace.state / "versions" / name).glob("*"):
        links.settle(folder)
    for path in leftovers(workspace, name):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def leftovers(workspace: Workspace, name: str) -> list[Path]:
    """Return what `sweep` would remove: files, and folders that go with all that is in them. Raises Unavailable."""
    found = versions.history(workspace, name)
    wanted = kept(workspace.datasets[name], found, dt.datetime.now(dt.UTC))
    ready = {version.number for version in found[-KEPT:]}
    return [
        *_of_lake(versions.table_folder(workspace, name), wanted),
        *_of_folders(workspace.state / "versions" / name, wanted, ready),
        *_of_raw(workspace.state / "raw" / name, wanted),
    ]


def kept(dataset: Dataset, found: list[Version], now: dt.datetime) -> list[Version]:
    """Return which of the versions `found`, oldest first, the declaration keeps.

    They are the latest, always, and those within both bounds; of personal data no more than PERSONAL, whether it is said
    to be so today or was when the version was made.
    """
    most = dataset.retention.versions
    last = found[-most:] if most is not None else found
    last = [version for version in last if version in found[-PERSONAL:] or not (dataset.personal or _personal(version))]
    if dataset.retention.days is None:
        return last
    since = now - dt.timedelta(days=dataset.retention.days)
    return [version for version in last if version is found[-1] or version.committed >= since]


def _personal(version: Version) -> bool:
    """Tell whether any column of a version was personal data when it was made."""
    return any(personal for _, _, personal in json.loads(version.declared)["columns"])


def _of_lake(table: Path, wanted: list[Version]) -> Iterator[Path]:
    files = {version.parquet.name for version in wanted}
    for file in (*table.glob("*.parquet"), *(table / "_delta_log").glob("*.tmp")):
        if file.name not in files:
            yield file


def _of_folders(folders: Path, wanted: list[Version], ready: set[int]) -> Iterator[Path]:
    """Yield the folders of versions that are gone, all but the evidence of those not `ready`, and what was half written."""
    numbers = {str(version.number): version.number in ready for version in wanted}
    for folder in folders.glob("*"):
        if folder.name not in numbers:
            yield folder
        elif not numbers[folder.name]:
            yield from (file for file in folder.iterdir() if file.name not in EVIDENCE and not links.is_kept(file.name))
        else:
            yield from folder.glob("*.part")


def _of_raw(folder: Path, wanted: list[Version]) -> Iterator[Path]:
    """Yield the raw inputs that none of the runs that are noted, nor the latest version, was made from."""
    used = {raw.sha256 for reading in readings(folder) for raw in reading.inputs}
    used |= {digest for version in wanted[-1:] for digest in _inputs(version.folder / "report.json")}
    used |= {part for digest in used if digest for part in parts_of(folder, digest)}
    yield from (file for file in folder.glob("*") if file.name != NOTES and file.stem not in used)


def _inputs(report: Path) -> frozenset[str]:
    """Return the raw inputs that a report names; none where it cannot tell."""
    try:
        said: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        return frozenset(source["raw"] for source in said["sources"] if source.get("raw"))
    except (OSError, ValueError, KeyError):
        return frozenset()
