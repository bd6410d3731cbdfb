"""A run of which only what changed is judged: the rows that came are put into the last version by their key.

It is taken only where what it makes is certain to be what the whole way makes (`since` says when); else, and wherever
something does not add up on the way, it makes nothing, and the whole table is judged as ever.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa

from pipelines import compare, corrections, geometry, known, lineage
from pipelines import raw as raws
from pipelines.declarations import Dataset
from pipelines.index import FILE as INDEX
from pipelines.needed import Needed
from pipelines.raw import Raw
from pipelines.runs import Job
from pipelines.stage import Staged, raw_folder
from pipelines.versions import Version

AS_IT_IS = {"string": {"VARCHAR"}, "integer": {"BIGINT", "INTEGER", "SMALLINT", "TINYINT"}}
"""Types of a key column, with those of the source whose values are taken as they are."""

EVIDENCE = ("lineage.parquet", "quarantine.parquet", "duplicates.parquet", "conflicts.parquet", "corrected.parquet")


@dataclass(frozen=True)
class _Came(Raw):
    """The rows of an input that came since a version was made of its first `since` files."""

    since: int = 0

    def relation(self, place: str | None) -> str:
        return f"({' UNION ALL '.join([*self.parts(place)][self.since :])})"


@dataclass(frozen=True)
class Since:
    """What a version was made from and what came since: its input then, what its report says, and the rows that came."""

    last: Version
    before: Raw
    report: dict[str, Any]
    came: Staged
    key: dict[str, str]  # the columns of the key, each with that of the source


def since(job: Job, inputs: Sequence[Staged], needed: Needed) -> Since | None:
    """Return what came since the last version, or None where the whole is to be judged.

    It is not where anything but rows is new since (declaration, Beffroi, corrections, other datasets), where the rows of
    the last version are not each made from one raw row of the same key, or where a row is judged beside others.
    """
    last, dataset = job.last, job.dataset
    if last is None or len(inputs) != 1 or not inputs[0].raw.changes or last.rolled_back_from is not None:
        return None
    raw, key = inputs[0].raw, _key(job, inputs[0])
    if key is None or not _alone(dataset) or not _there(last) or corrections.load(job.workspace, dataset.name):
        return None
    made = [each for each in raws.readings(raw_folder(job.workspace, dataset.name)) if each.version == last.number]
    if not made or len(made[-1].inputs) != 1 or known.digest(job, made[-1].inputs, needed) != made[-1].judged:
        return None
    before, count = made[-1].inputs[0], len(made[-1].inputs[0].changes)
    if before.path != raw.path or before.changes != raw.changes[:count] or count == len(raw.changes):
        return None
    with suppress(OSError, ValueError, KeyError, IndexError, pa.ArrowException):
        said = last.report
        whole = (said["sources"][0]["raw"], said["rows_out"]) == (before.sha256, last.rows)
        whole = whole and all(lineage.is_of(last.folder / name, said["sources"]) for name in EVIDENCE)
        if whole and not (said["merged"] or said["conflicts"] or said["corrected"]):
            values = {each.name: getattr(raw, each.name) for each in fields(Raw)}
            came = Staged(inputs[0].source, _Came(**values, since=count + 1), inputs[0].names_are_data)
            return Since(last, before, said, came, key)
    return None


def _key(job: Job, staged: Staged) -> dict[str, str] | None:
    """Return the key's columns with those of the source, where they are the increment's and taken as they are."""
    dataset, found = job.dataset, dict[str, str]()
    described = job.connection.execute(f"DESCRIBE FROM {staged.raw.relation(None)}").fetchall()
    types = {name: kind for name, kind, *_ in described}
    for column in (each for each in dataset.columns if each.name in dataset.key):
        clean, source = dataset.cleaning(staged.source).get(column.name), dataset.read_from(staged.source, column.name)
        if (clean is not None and clean.steps) or types.get(source) not in AS_IT_IS.get(column.type, ()):
            return None
        if column.format not in ("", None, "default"):
            return None
        found[column.name] = source
    return found if sorted(found.values()) == sorted(staged.raw.key) else None


def _alone(dataset: Dataset) -> bool:
    """Tell whether each row is judged by itself and its time, and every face can be made from the last one."""
    unique = any(column.constraints.unique and dataset.key != (column.name,) for column in dataset.columns)
    others = any(column.type == "array" for column in dataset.columns) or geometry.of(dataset.columns)
    return not (unique or others or dataset.expect.freshness)


def _there(last: Version) -> bool:
    """Tell whether all is there that is made from the last version's."""
    files = [last.folder / name for name in (*EVIDENCE, compare.HASHES, INDEX)]
    return last.whole and last.rows > 0 and last.parquet.is_file() and all(file.is_file() for file in files)
