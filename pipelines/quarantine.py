"""The rows that runs refused, each with its place in the source, its reasons and its raw values."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from connectors.errors import Unavailable
from connectors.registry import FAULT
from pipelines import versions
from pipelines.judge import PLACE
from pipelines.workspace import Workspace


@dataclass(frozen=True)
class Refused:
    """One refused row. `version` is the one whose run refused it, None for a run that failed."""

    dataset: str
    version: int | None
    place: int
    failures: list[dict[str, str]]
    raw: dict[str, Any]


def listed(workspace: Workspace, name: str) -> Iterator[Refused]:
    """Yield the rows that the latest run of a dataset refused, in the order of the source.

    Raises Unavailable where they were removed.
    """
    failed, version = workspace.state / "failed" / name, versions.newest(workspace, name)
    try:
        if (failed / "report.json").is_file() and (version is None or _started(failed) >= _started(version.folder)):
            yield from _rows(name, None, failed / "quarantine.parquet")
        elif version is not None:
            yield from _rows(name, version.number, version.folder / "quarantine.parquet")
    except FileNotFoundError:
        raise Unavailable(
            f"what the last run of {name} refused was removed: `beffroi run {name}` makes it anew"
        ) from None


def _started(folder: Path) -> str:
    """Return when the run whose report stands in `folder` began: one killed right after its commit leaves both."""
    return str(json.loads((folder / "report.json").read_text(encoding="utf-8"))["started"])


def _rows(name: str, number: int | None, file: Path) -> Iterator[Refused]:
    with pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches():
            for row in batch.to_pylist():
                raw = json.loads(row["raw"])
                for ours in (PLACE, FAULT):
                    raw.pop(ours, None)
                yield Refused(name, number, row["place"], row["failures"], raw)
