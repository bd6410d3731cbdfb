"""Versions made without a run: what tests of the lake alone want, many and quickly."""

import json
from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.columns import arrow_schema
from pipelines import diff, faces, schema_versions, versions
from pipelines.versions import Version
from tests.pipelines.bench import Bench


def put(bench: Bench, name: str, rows: list[dict[str, Any]], raw: str = "", *, ready: bool = True) -> Version:
    """Commit `rows`, in the order of their key, as the next version of a dataset declared in the bench."""
    workspace = bench.workspace
    dataset, last = workspace.dataset(name), versions.newest(workspace, name)
    number = last.number + 1 if last else 1
    parquet = versions.table_folder(workspace, name) / f"{number:06d}-{number}.parquet"
    parquet.parent.mkdir(parents=True, exist_ok=True)
    rows = sorted(rows, key=lambda row: [str(row[column]) for column in dataset.key])
    pq.write_table(pa.Table.from_pylist(rows, arrow_schema(dataset.columns)), parquet)
    folder = versions.version_folder(workspace, name, number)
    folder.mkdir(parents=True)
    if ready:
        faces.build(workspace, dataset, parquet, folder)
    report = {"version": number, "started": "2026-01-01T00:00:00+00:00", "rows_out": len(rows)}
    report |= {"sources": [{"name": "source", "raw": raw}]} if raw else {}
    (folder / "report.json").write_text(json.dumps(report))
    schema_version, _, said = schema_versions.judge(dataset, last)
    versions.commit(
        workspace, dataset, number, parquet, len(rows), (len(rows), 0, 0), schema_version=schema_version,
        schema_changes=said,
    )  # fmt: skip
    made = versions.newest(workspace, name)
    assert made is not None
    return made


def differing(bench: Bench, name: str, old: int | None = None, new: int | None = None) -> list[diff.Difference]:
    """Return the rows that differ between two versions, once they are as many as were counted."""
    both = diff.pair(bench.workspace, name, old, new)
    with diff.engine(bench.workspace, name) as connection:
        counted = diff.counts(connection, both)
        found = list(diff.rows(connection, both))
    told = Counter(each.change for each in found)
    assert (counted.added, counted.changed, counted.removed) == (told["added"], told["changed"], told["removed"])
    return found
