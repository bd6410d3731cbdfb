"""The files of a version, and the one atomic commit that shows them."""

import shutil
import uuid
from pathlib import Path

from connectors.errors import RunFailed
from pipelines import compare, faces, index, lineage, runs, versions
from pipelines.judge import ROWS, Judged
from pipelines.report import Report
from pipelines.runs import Job
from pipelines.sql import identifier, quote

PATCHED = 0.2
"""The share of the rows up to which a changed index is made from the last one."""

ROW_GROUP = 122_880
"""Rows per row group: what a reader that pages through a version reads at once."""


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
    _evidence(job, judged, report, folder)
    if report.new or (last and not last.whole):
        job.clock.begin("faces")
        for face in folder.iterdir():
            if face.suffix not in (".parquet", ".json"):
                face.unlink()
        _patched(job, folder)
        job.connection.execute(f"DROP TABLE {ROWS}")  # what makes the faces wants its room
        faces.build(workspace, dataset, parquet, folder)
    report = job.clock.done(report, "new" if report.new else "unchanged")
    runs.write(report, folder / "report.json")
    if report.new:
        job.clock.begin("commit")
        versions.on_disk(parquet, parquet.parent, *folder.iterdir(), folder, folder.parent)
        versions.commit(
            workspace, dataset, report.version, parquet, report.rows_out,
            (report.added, report.changed, report.removed),
            schema_version=report.schema_version, schema_changes=report.schema_changes,
        )  # fmt: skip
        report = job.clock.done(report, "new")
    shutil.rmtree(runs.failed_folder(workspace, dataset.name), ignore_errors=True)
    return report


def unchanged(job: Job, report: Report) -> Report:
    """Note that a run found what the last version is made of: its report says since when that is known."""
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
    options = f"{lineage.PARQUET}, ROW_GROUP_SIZE {ROW_GROUP}"
    rows = job.connection.execute(f"COPY ({query}) TO {quote(str(parquet))} ({options})").fetchall()[0][0]
    _hold("rows", rows, report.rows_out)
    return parquet


def _patched(job: Job, folder: Path) -> None:
    """Make the key index from the last version's, where that is less to do than to make it anew."""
    last, dataset, changes = job.last, job.dataset, job.changes
    if last is None or changes is None or not changes.by_row or not last.index.is_file():
        return
    if last.folder == folder or sum(changes.counts) > last.rows * PATCHED:
        return
    keys = ", ".join(map(identifier, dataset.key))
    came = f"(FROM {ROWS} WHERE rowid IN (FROM {compare.CAME}))"
    gone = f"(SELECT {keys} FROM {compare.GONE} ANTI JOIN {came} beffroi_new USING ({keys}))"
    index.patch(job.connection, dataset, last.index, came, gone, folder)


def _evidence(job: Job, judged: Judged, report: Report, folder: Path) -> None:
    """Write where each row is from and what became of the others, and hold that no row is told twice or not at all."""
    refused = lineage.quarantine(job.connection, job.dataset, judged, folder)
    merged = lineage.rows(job.connection, job.dataset, folder)
    compare.keep(job.connection, folder)
    _hold("refused rows", refused, report.quarantined)
    _hold("merged rows", merged, report.merged)


def _hold(what: str, written: int, counted: int) -> None:
    if written != counted:
        raise RunFailed(f"the sum does not hold: {counted} {what} were counted, and {written} written")
