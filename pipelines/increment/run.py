"""The run of which only what changed is judged, from the rows that came to the commit; `may` says when."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from pipelines import expectations, faces, index, runs, schema_versions, several, versions
from pipelines.compare import Changes
from pipelines.increment import before
from pipelines.increment import files as increment_files
from pipelines.increment import parquet as increment_parquet
from pipelines.increment import plan as increment_plan
from pipelines.increment.may import Since
from pipelines.increment.plan import GOOD, KEYS, STOOD, Plan
from pipelines.judge import PLACE, ROWS, Judged, judge
from pipelines.needed import Needed
from pipelines.profile import SAMPLED
from pipelines.report import Report, maker
from pipelines.rules import mask
from pipelines.runs import Job
from pipelines.sql import identifier, quote
from pipelines.write import ROW_GROUP, committed

GONE = "beffroi_gone_keys"
"""The keys of the rows that are no more."""


def version(job: Job, since: Since, needed: Needed, *, accept: bool = False) -> Report | None:
    """Judge what came and make the new version of it and the last one; return the run's report.

    None, with nothing left, where the whole is to be judged after all: an expectation is not met, which the whole way
    tells, or something does not add up. Raises what judging and writing raise.
    """
    with closing(job.connection.cursor()) as cursor:
        cursor.execute("SET TimeZone = 'UTC'")
        judged = judge(cursor, job.dataset, [since.came], needed, numbered=True)
        several.hold(cursor, job.dataset, judged, needed)
        plan, changes = increment_plan.plan(cursor, job.dataset, since, judged)
        refused, replaced = increment_plan.refused(cursor, job.dataset, since, judged)
        judged.counts = [since.report["rows_in"] - replaced + sum(judged.counts)]
        report = _report(job, since, judged, needed, changes, (len(plan.order), refused))
        if report is None or not report.rows_out or report.rows_in != report.rows_out + report.quarantined:
            return None
        job.clock.begin("write")
        report.rules.extend(increment_plan.rules(cursor))
        parquet = _parquet(job, cursor, since, plan, report) if report.new else since.last.parquet
        job.clock.begin("expect", report.rows_in)
        job.changes = changes
        if report.new:
            before.sample(cursor, job.connection, job.dataset, since.last, plan)
        with _as_rows(job.connection, judged, parquet):
            report, problems = expectations.judge(job, [since.came], judged, report, accept=accept)
        if problems:
            job.changes = None
            return None
        return _kept(job, cursor, since, plan, report, parquet)


def _report(
    job: Job, since: Since, judged: Judged, needed: Needed, changes: Changes, counted: tuple[int, int]
) -> Report | None:
    """Count what the run did, of the whole table; None where the columns are not the last version's."""
    schema_version, schema_change, said = schema_versions.judge(job.dataset, since.last)
    if said or schema_change is not None or schema_version != since.last.schema_version:
        return None
    return Report(
        job.dataset.name, since.last.number + (1 if changes.new else 0), changes.new,
        judged.counts[0], *counted, 0, *changes.counts, sorted(judged.unread), job.clock.started, 0.0,
        run=job.clock.started, sources=runs.sources([since.came], judged, [(counted[1], 0)]), needed=needed.versions,
        made=job.clock.started if changes.new else maker(since.report),
        schema_version=schema_version, read="changes",
    )  # fmt: skip


@contextmanager
def _as_rows(connection: duckdb.DuckDBPyConnection, judged: Judged, parquet: Path) -> Iterator[None]:
    """Have the rows of a version stand where a run has its rows, all of them good."""
    masks = ", ".join(f"CAST(0 AS BIGINT) AS {mask(number)}" for number in range(judged.rules.masks))
    connection.execute(f"CREATE TEMP VIEW {ROWS} AS SELECT *, {masks} FROM read_parquet({quote(str(parquet))})")
    try:
        yield
    finally:
        connection.execute(f"DROP VIEW {ROWS}")
        connection.execute(f"DROP TABLE IF EXISTS {SAMPLED}")


def _parquet(job: Job, cursor: duckdb.DuckDBPyConnection, since: Since, plan: Plan, report: Report) -> Path:
    """Write the version's Parquet into the table's folder, where it stays invisible until the commit."""
    table = versions.table_folder(job.workspace, job.dataset.name)
    file = table / f"{report.version:06d}-{uuid.uuid4().hex}.parquet"
    touched = before.touched(cursor, job.dataset, since.last, plan)
    increment_parquet.write(since.last.parquet, plan, touched, job.dataset, file, ROW_GROUP)
    return file


def _kept(
    job: Job, cursor: duckdb.DuckDBPyConnection, since: Since, plan: Plan, report: Report, parquet: Path
) -> Report:
    """Write evidence and faces, and commit the version if it is one; return the run's report."""
    job.clock.begin("write")
    folder = versions.version_folder(job.workspace, job.dataset.name, report.version)
    if report.new:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    increment_files.evidence(cursor, since.last, plan, report.sources, folder)
    if report.new:
        job.clock.begin("faces")
        _faces(job, cursor, since, plan, parquet, folder)
    return committed(job, report, parquet, folder)


def _faces(job: Job, cursor: duckdb.DuckDBPyConnection, since: Since, plan: Plan, parquet: Path, folder: Path) -> None:
    """Make the faces from those of the last version; the CSV anew where its lines are not its rows."""
    keys = ", ".join(map(identifier, job.dataset.key))
    cursor.execute(
        f"CREATE TEMP TABLE {GONE} AS SELECT {keys} FROM {KEYS} SEMI JOIN {STOOD} USING ({PLACE})"
        f" ANTI JOIN {GOOD} USING ({PLACE})"
    )
    if not index.patch(cursor, job.dataset, since.last, GOOD, GONE, folder):
        index.build(cursor, parquet, job.dataset, folder)
    if not increment_files.csv(cursor, job.dataset, since.last, plan, faces.path_in(folder, job.dataset, "csv")):
        faces.build(job.workspace, job.dataset, parquet, folder)
