"""One run of a dataset: scan, stage, clean, expect, write, commit. Running it twice changes nothing.

Killed at any instant, a run leaves the last version whole: what it writes is invisible until the one atomic commit,
and the next run sweeps it away.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from connectors.errors import BeffroiError, RunFailed
from pipelines import (
    compare,
    corrected,
    expectations,
    known,
    lineage,
    retention,
    rollback,
    runs,
    schema_versions,
    several,
    versions,
    write,
)
from pipelines import raw as raws
from pipelines.engine import engine, room
from pipelines.increment import may
from pipelines.increment import run as increment_run
from pipelines.judge import Judged, judge
from pipelines.merge import merge
from pipelines.needed import Needed
from pipelines.raw import Reading
from pipelines.report import Report as Report  # noqa: PLC0414  # callers know it from here
from pipelines.report import maker
from pipelines.runs import Clock, Job
from pipelines.stage import Staged, again, raw_folder, stage
from pipelines.versions import Version
from pipelines.workspace import Workspace


def run(
    workspace: Workspace, name: str, tell: Callable[[str], None] = lambda _: None, *,
    full: bool = False, preview: bool = False, replay: bool = False, memory: int | None = None, wait: float = 0.0,
    accept: bool = False, release: bool = False,
) -> Report:  # fmt: skip
    """Run one dataset; `tell` hears the name of each stage as it begins, `full` reads all of a table again.

    `preview` does all but the commit: the report says what would change. `replay` asks no source: what the last run
    read is judged anew; `accept` takes a version however far it is from the last one. `release` lets a dataset go on
    that a rollback holds, once the run has not failed. `memory` is what the engine may hold, in MB; `wait` the seconds
    to wait for another run of the dataset. Returns its report. Raises RunFailed when an expectation fails, its deadline
    passes or it is held (the last version stays), Unavailable while another run of it is under way, and whatever the
    source raises.
    """
    dataset, clock = workspace.dataset(name), Clock(tell)
    with versions.alone(workspace, name, wait), _swept(workspace, name):
        try:
            with engine(workspace, dataset, memory) as connection:
                job = Job(workspace, dataset, connection, clock, versions.newest(workspace, name))
                runs.forget(job)
                if not (preview or release) and (held := rollback.held(workspace, name)) is not None:
                    raise RunFailed(held.told(workspace.configuration.zone))
                report = _run(job, full=full, preview=preview, replay=replay, accept=accept)
        except BeffroiError as error:
            runs.keep(workspace, clock.failure(dataset, error.detail))
            raise
        if release:
            rollback.release(workspace, name)
        runs.keep(workspace, report)
        return report


def _run(job: Job, *, full: bool, preview: bool, replay: bool, accept: bool) -> Report:
    workspace, dataset, connection, clock = job.workspace, job.dataset, job.connection, job.clock
    needed = Needed(workspace, dataset.name, hold=True)
    clock.begin("scan")
    inputs = again(workspace, dataset) if replay else stage(workspace, dataset, connection, full=full, accept=accept)
    known_by = known.digest(job, [each.raw for each in inputs], needed)
    anew = preview or replay or (full and bool(dataset.link))  # links anew, with a model that is trained anew
    if not anew and (same := known.unchanged(job, known_by)) is not None:
        _note(job, inputs, known_by, same.version)  # by what it was asked for may be new, as a watermark is
        return write.unchanged(job, replace(runs.as_read(same, inputs), why_whole={}))
    if not preview:
        _note(job, inputs)
    clock.begin("clean")
    since = may.ASKED if full or preview or replay else may.since(job, inputs, needed)
    if isinstance(since, may.Since):
        if (made := increment_run.version(job, since, needed, accept=accept)) is not None:
            _note(job, inputs, known_by, made.version)
            return made
        since = may.UNMET
    judged = judge(connection, dataset, inputs, needed)
    several.hold(connection, dataset, judged, needed)
    corrections = corrected.apply(job, judged, needed)
    links = _linked(job, judged, needed, full=full, preview=preview, accept=accept) if dataset.link else {}
    in_order = merge(connection, dataset, judged)
    compare.lines(connection, dataset, judged, in_order=in_order)
    clock.begin("expect", sum(judged.counts))
    why = {"reason": since.en, "reason_fr": since.fr} if any(each.raw.after for each in inputs) else {}
    report = replace(
        _report(job, inputs, judged, needed), corrected=corrections, replayed=replay, why_whole=why, links=links
    )
    report, problems = expectations.judge(job, inputs, judged, report, accept=accept)
    if problems:
        runs.failed(job, judged, clock.done(report, "failed", problems))
        raise RunFailed(f"{dataset.name}: {'; '.join(problems)}")
    if preview:
        return clock.done(report, "preview")
    report = write.version(job, judged, report, in_order=in_order)
    _note(job, inputs, known_by, report.version)
    return report


def _linked(
    job: Job, judged: Judged, needed: Needed, *, full: bool, preview: bool, accept: bool
) -> dict[str, dict[str, Any]]:
    """Fill in the columns that links declare; return what the report tells of them."""
    from pipelines.linking import step  # what it imports takes a second

    job.clock.begin("link")
    with room(job.connection):
        return step.fill(job, judged, needed, full=full, preview=preview, accept=accept)


def _note(job: Job, inputs: Sequence[Staged], judged: str | None = None, version: int | None = None) -> None:
    """Note what the run is made from, so that it can be judged anew, and need not be."""
    reading = Reading(job.clock.started, tuple(each.noted for each in inputs), judged, version)
    raws.note(raw_folder(job.workspace, job.dataset.name), reading, job.dataset.retention.raw)


def _report(job: Job, inputs: Sequence[Staged], judged: Judged, needed: Needed) -> Report:
    """Count what the run did, and what it changes."""
    dataset, connection, last = job.dataset, job.connection, job.last
    rows_in, rows_out, quarantined, merged = lineage.counts(connection, judged)
    job.changes = changes = compare.compare(connection, dataset, last, rows_out)
    schema_version, schema_change, said = schema_versions.judge(dataset, last)
    new = changes.new or (last is not None and last.schema_version != schema_version)
    return Report(
        dataset.name, (last.number if last else 0) + (1 if new else 0), new,
        rows_in, rows_out, quarantined, merged, *changes.counts, sorted(judged.unread), job.clock.started, 0.0,
        run=job.clock.started, made=job.clock.started if new else _maker(last),
        sources=runs.sources(inputs, judged, lineage.by_source(connection, judged)),
        rules=lineage.rules(connection, judged),
        conflicts=lineage.conflicts(connection, dataset), conflicts_by=lineage.conflicts_by(connection),
        differing=lineage.differing(connection), needed=needed.versions | _read(inputs),
        schema_version=schema_version, schema_change=schema_change, schema_changes=said,
    )  # fmt: skip


def _read(inputs: Sequence[Staged]) -> dict[str, int]:
    """Return the versions of the datasets that are sources: what is judged anew may not be of their latest."""
    return {each.source.dataset: each.raw.version for each in inputs if each.source.dataset and each.raw.version}


def _maker(last: Version | None) -> str:
    """Return the run that made the last version; nobody knows it where its report is gone."""
    with suppress(OSError, ValueError):
        return maker(last.report) if last is not None else ""
    return ""


@contextmanager
def _swept(workspace: Workspace, name: str) -> Iterator[None]:
    """Sweep away what a killed run left before this one, and afterwards what this one does not leave to be seen."""
    retention.sweep(workspace, name)
    try:
        yield
    finally:
        retention.sweep(workspace, name)
