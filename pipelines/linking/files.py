"""What linking leaves beside a version, for each column that it fills in: flat files, each whole or not there.

`link.COLUMN.records.parquet` has every record, `prepared` what was compared of it, `pairs` what was found of two, `events`
what became of clusters, `members` who is in which, `model.json` how it was weighed, `quality.json` what the figures are, and
`contradictions.json` which links people's decisions set aside. All files of a column say of which run they are: what one run made is never taken with what another made.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.declarations import Dataset
from pipelines.lineage import PARQUET
from pipelines.sql import quote
from pipelines.whole import whole_file, whole_json

START = "link."

TABLES = ("records", "prepared", "pairs", "events", "members")
"""What is kept as Parquet for each column."""

LONG = ("members.parquet", "events.parquet", "quality.json")
"""How the files end that are kept as long as the lake has the version: with them ids stay after a rollback to it."""

DICTIONARY = 5_000
"""Distinct values of a row group up to which a column has a dictionary: most columns of records have many more."""

RUN = "beffroi_run"
"""Under this key each file tells of which run it is."""


def of(folder: Path, column: str, end: str) -> Path:
    """Return a file of a version, or of whatever folder links are written to: its `end` is as `records.parquet`."""
    return folder / f"{START}{column}.{end}"


def records(folder: Path, column: str) -> Path:
    """Return the file of the records: n, identity, side, origin, cluster or theirs, and each field's text as `field_…`."""
    return of(folder, column, "records.parquet")


def pairs(folder: Path, column: str) -> Path:
    """Return the file of the pairs: l and r (identities), how, weight, probability, level_…, weight_…, band and why."""
    return of(folder, column, "pairs.parquet")


def events(folder: Path, column: str) -> Path:
    """Return the file of what became of clusters or links since the version before, each with its reason."""
    return of(folder, column, "events.parquet")


def quality(folder: Path, column: str) -> Path:
    """Return the file of the figures of linking."""
    return of(folder, column, "quality.json")


def model(folder: Path, column: str) -> Path:
    """Return the file of the model, with what it may be taken for again."""
    return of(folder, column, "model.json")


def contradictions(folder: Path, column: str) -> Path:
    """Return the file of the links that people's decisions set aside: they name records."""
    return of(folder, column, "contradictions.json")


def is_link(name: str) -> bool:
    """Tell whether a file of a version's folder is one of these."""
    return name.startswith(START)


def is_kept(name: str) -> bool:
    """Tell whether a file of a version's folder is one of those that are kept as long as the lake has the version."""
    return is_link(name) and name.endswith(LONG)


def in_folder(folder: Path) -> list[Path]:
    """Return all of these files that a folder has."""
    return sorted(folder.glob(f"{START}*"))


# --- writing ---------------------------------------------------------------------------------------------------------


def write(connection: duckdb.DuckDBPyConnection, query: str, file: Path, run: str) -> None:
    """Write what a query gives, whole or not at all."""
    options = f"{PARQUET}, DICTIONARY_SIZE_LIMIT {DICTIONARY}, KV_METADATA {{{RUN}: {quote(run)}}}"
    with whole_file(file) as part:
        connection.execute(f"COPY ({query}) TO {quote(str(part))} ({options})")


def write_json(said: Mapping[str, Any], file: Path, run: str) -> None:
    """Write what a mapping says, whole or not at all."""
    whole_json(file, {RUN: run, **said})


def move(aside: Path, folder: Path) -> None:
    """Put the files that a run has written `aside` into the folder of its version, and take others of links from there.

    What made the version unusable for a moment is known by the runs that the files name.
    """
    made = in_folder(aside)
    for old in in_folder(folder):
        if old.name not in {each.name for each in made}:
            old.unlink()
    for file in made:
        file.replace(folder / file.name)


# --- what was left before --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Before:
    """What a version has of one link, all of one run."""

    folder: Path
    column: str
    said: dict[str, Any]

    def table(self, name: str) -> str:
        """Return SQL for the rows of one of its files."""
        return f"read_parquet({quote(str(of(self.folder, self.column, f'{name}.parquet')))})"


def before(folder: Path, column: str) -> Before | None:
    """Return what a version's folder has of a link; None where any of it is missing, damaged or of another run."""
    with suppress(OSError, ValueError, KeyError):
        said: dict[str, Any] = json.loads(model(folder, column).read_text(encoding="utf-8"))
        ends = (*(f"{name}.parquet" for name in TABLES), "quality.json", "contradictions.json")
        if {_run(of(folder, column, end)) for end in ends} == {said[RUN]}:
            return Before(folder, column, said)
    return None


def whole(dataset: Dataset, folder: Path) -> bool:
    """Tell whether a version's folder has all files of the dataset's links, each column's of one run."""
    return all(before(folder, column) is not None for column in dataset.link)


def damaged(dataset: Dataset, folder: Path) -> bool:
    """Tell whether any file of a link there cannot be read. One may be missing, or of another run: a run knows that."""
    found = (file for file in in_folder(folder) for column in dataset.link if file.name.startswith(f"{START}{column}."))
    return any(_run(file) is None for file in found)


def members(folder: Path, column: str) -> str | None:
    """Return SQL for who was in which cluster, or linked to whom; None where that is not known."""
    file = of(folder, column, "members.parquet")
    return f"read_parquet({quote(str(file))})" if _run(file) is not None else None


def _run(file: Path) -> str | None:
    """Return of which run a file is; None where it cannot be read."""
    with suppress(OSError, ValueError, KeyError, pa.ArrowException):
        if file.suffix == ".json":
            return str(json.loads(file.read_text(encoding="utf-8"))[RUN])
        return str((pq.read_metadata(file).metadata or {})[RUN.encode()], "utf-8")
    return None
