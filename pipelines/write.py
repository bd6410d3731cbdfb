"""The files of a version, and the one atomic commit that shows them."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from connectors.errors import RunFailed
from pipelines import compare, faces, index, lineage, runs, versions
from pipelines.engine import held, holding
from pipelines.judge import ROWS, Judged
from pipelines.linking import files as links
from pipelines.report import Report
from pipelines.runs import Job
from pipelines.sql import identifier
from pipelines.taking import written
from pipelines.whole import on_disk

PARQUET: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "dictionary_pagesize_limit": 1 << 16,
    "store_schema": False,
}
"""How a version's Parquet is written. Where the values of a column make a longer dictionary, to look for more of them takes
a third of the time that writing does, and saves nothing that compression does not."""

BATCH = 12_288
"""Rows that the engine hands over at once."""

CHANGED = "beffroi_changed"
"""The rows that are new or changed; with `_gone` after it, the keys of those that are no more."""

ROW_GROUP = 122_880
"""Rows per row group: what a reader that pages through a version reads at once."""

ROW_GROUP_BYTES = 1 << 27
"""Bytes from which a row group is whole though it has fewer rows: one is held while another is written."""


def version(job: Job, judged: Judged, report: Report, *, in_order: bool) -> Report:
    """Write what a run made, and commit it if it is a version; return its report.

    `in_order` tells that the rows stand in the order of the key already. Raises RunFailed where what was written is not
    what was counted.
    """
    workspace, dataset, last = job.workspace, job.dataset, job.last
    folder = versions.version_folder(workspace, dataset.name, report.version)
    job.clock.begin("write")
    parquet = last.parquet if last and not report.new else _parquet(job, judged, report, in_order=in_order)
    if report.new:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    if dataset.link and not report.new:
        from pipelines.linking import lasting  # what it imports takes a second

        report = lasting.kept(job, report, folder)
    _evidence(job, judged, report, folder)
    if report.new or (last and not last.whole):
        job.clock.begin("faces")
        for face in folder.iterdir():
            if face.suffix not in (".parquet", ".json"):
                face.unlink()
        changed = _changed(job, folder)
        job.connection.execute(f"DROP TABLE {ROWS}")  # what makes the faces wants its room
        if changed and last:
            index.patch(job.connection, dataset, last, CHANGED, f"{CHANGED}_gone", folder)
        faces.build(workspace, dataset, parquet, folder)
    return committed(job, report, parquet, folder)


def committed(job: Job, report: Report, parquet: Path, folder: Path) -> Report:
    """Write the report into `folder`, whose other files are whole, and show the version if it is one; return the report."""
    workspace, name = job.workspace, job.dataset.name
    faces.renew(workspace, job.dataset, parquet, folder)
    report = job.clock.done(report, "new" if report.new else "unchanged")
    runs.write(report, folder / "report.json")
    if report.new:
        job.clock.begin("commit")
        on_disk(parquet, parquet.parent, *folder.iterdir(), folder, folder.parent)
        versions.commit(
            workspace, job.dataset, report.version, parquet, report.rows_out,
            (report.added, report.changed, report.removed),
            schema_version=report.schema_version, schema_changes=report.schema_changes,
        )  # fmt: skip
        report = job.clock.done(report, "new")
    shutil.rmtree(runs.failed_folder(workspace, name), ignore_errors=True)
    return report


def unchanged(job: Job, report: Report) -> Report:
    """Note that a run found what the last version is made of: its report says since when that is known."""
    if job.last is not None:
        faces.renew(job.workspace, job.dataset, job.last.parquet, job.last.folder)
    report = job.clock.done(report, "unchanged")
    runs.write(report, versions.version_folder(job.workspace, job.dataset.name, report.version) / "report.json")
    shutil.rmtree(runs.failed_folder(job.workspace, job.dataset.name), ignore_errors=True)
    return report


def _parquet(job: Job, judged: Judged, report: Report, *, in_order: bool) -> Path:
    """Write the version's Parquet into the table's folder, where it stays invisible until the commit."""
    table = versions.table_folder(job.workspace, job.dataset.name)
    table.mkdir(parents=True, exist_ok=True)
    parquet = table / f"{report.version:06d}-{uuid.uuid4().hex}.parquet"
    columns = ", ".join(identifier(column.name) for column in job.dataset.columns)
    order = "" if in_order else compare.by_key(job.dataset)
    query = f"SELECT {columns} FROM {ROWS} WHERE {judged.rules.good} {order}"
    less = held(job.connection) * 3 // 4  # row groups are held beside the engine, which does not count them
    with holding(job.connection, less), job.connection.sql(query).to_arrow_reader(BATCH) as reader:
        rows = written(row_groups(reader), reader.schema, parquet, PARQUET)
    _hold("rows", rows, report.rows_out)
    return parquet


def row_groups(reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """Yield the rows that the engine gives, so many together as a row group has. Raises InterruptException, OSError."""
    held, rows, size = list[pa.RecordBatch](), 0, 0
    try:
        for batch in reader:
            held, rows, size = [*held, batch], rows + len(batch), size + batch.nbytes
            if rows >= ROW_GROUP or size >= ROW_GROUP_BYTES:
                yield pa.Table.from_batches(held)
                held, rows, size = [], 0, 0
    except OSError as error:  # what the engine raises meanwhile comes through Arrow, which keeps its words alone
        if str(error).startswith("INTERRUPT"):
            raise duckdb.InterruptException(str(error)) from None
        raise
    if held:
        yield pa.Table.from_batches(held)


def _changed(job: Job, folder: Path) -> bool:
    """Tell whether the key index is to be made from the last version's, and put by what changes in it."""
    last, dataset, changes = job.last, job.dataset, job.changes
    if last is None or changes is None or not changes.by_row or not last.whole:
        return False
    if last.folder == folder or sum(changes.counts) > last.rows * index.PATCHED:
        return False
    keys = ", ".join(map(identifier, dataset.key))
    columns = ", ".join(identifier(column.name) for column in dataset.columns)
    came = f"SELECT {columns} FROM {ROWS} WHERE rowid IN (FROM {compare.CAME})"
    gone = f"SELECT {keys} FROM {compare.GONE} ANTI JOIN {CHANGED} USING ({keys})"
    job.connection.execute(f"CREATE TEMP TABLE {CHANGED} AS {came}")
    job.connection.execute(f"CREATE TEMP TABLE {CHANGED}_gone AS {gone}")
    return True


def _evidence(job: Job, judged: Judged, report: Report, folder: Path) -> None:
    """Write where each row is from and what became of the others, and hold that no row is told twice or not at all."""
    refused = lineage.quarantine(job.connection, job.dataset, judged, report.sources, folder)
    merged = lineage.rows(job.connection, job.dataset, report.sources, folder)
    compare.keep(job.connection, folder)
    links.move(job.links, folder)
    _hold("refused rows", refused, report.quarantined)
    _hold("merged rows", merged, report.merged)


def _hold(what: str, written: int, counted: int) -> None:
    if written != counted:
        raise RunFailed(f"the sum does not hold: {counted} {what} were counted, and {written} written")
