"""What every run leaves to be told, whatever became of it: its report, and of one that failed what it refused."""

import contextlib
import datetime as dt
import json
import re
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from pipelines import lineage
from pipelines.compare import Changes
from pipelines.declarations import Dataset
from pipelines.judge import Judged
from pipelines.report import Outcome, Report
from pipelines.stage import Staged
from pipelines.versions import Version, declared
from pipelines.whole import whole_json
from pipelines.workspace import Workspace

KEPT = 200
"""Reports of runs kept per dataset."""

VALUES = {"min", "max", "frequent"}
"""What a profile tells of a column that is no personal data, and only then."""


@dataclass
class Clock:
    """When a run began, how long each of its stages takes, and who hears of them."""

    tell: Callable[[str], None]
    started: str = field(default_factory=lambda: dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"))
    stages: dict[str, float] = field(default_factory=dict)
    report: Report | None = None

    def __post_init__(self) -> None:
        """Begin to count."""
        self._began, self._cpu, self._since = time.monotonic(), time.process_time(), time.monotonic()
        self._stage: str | None = None

    def begin(self, stage: str, rows: int | None = None) -> None:
        """Go on to a stage, and tell of how many rows."""
        self._end()
        self._stage = stage
        self.tell(stage if rows is None else f"{stage} {rows:,} row{'s' * (rows != 1)}")

    def _end(self) -> None:
        now = time.monotonic()
        if self._stage is not None:
            self.stages[self._stage] = round(self.stages.get(self._stage, 0.0) + now - self._since, 3)
        self._since = now

    def done(self, report: Report, outcome: Outcome, problems: Sequence[str] = ()) -> Report:
        """Return a report with its outcome and what the run took until now."""
        self._end()
        self.report = replace(
            report, outcome=outcome, problems=list(problems), stages=self.stages,
            seconds=round(time.monotonic() - self._began, 3), cpu_seconds=round(time.process_time() - self._cpu, 3),
            memory_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        )  # fmt: skip
        return self.report

    def failure(self, dataset: Dataset, problem: str) -> Report:
        """Return the report of a run that failed: as far as it came."""
        if self.report is not None and self.report.outcome == "failed":
            return self.report
        nothing = Report(dataset.name, 0, False, 0, 0, 0, 0, 0, 0, 0, [], self.started, 0.0, run=self.started)
        return self.done(nothing, "failed", [problem])


@dataclass
class Job:
    """What all parts of a run have to do with."""

    workspace: Workspace
    dataset: Dataset
    connection: duckdb.DuckDBPyConnection
    clock: Clock
    last: Version | None
    changes: Changes | None = None

    @property
    def links(self) -> Path:
        """Return where its links are written until its version has a folder: it goes with what the run spills."""
        return self.workspace.state / "spill" / self.dataset.name / "links"


def sources(inputs: Sequence[Staged], judged: Judged, less: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """Return what a report tells of each source; `less` are the rows of each that were refused and merged."""
    return [
        {
            "name": each.source.name, "registry": each.source.registry, "dataset": each.source.dataset,
            "table": each.source.table, "rows": rows, "quarantined": refused, "merged": merged,
            "raw": each.raw.sha256, "version": each.raw.version, "bytes": each.raw.size, "columns": list(types),
            "dialect": asdict(each.raw.dialect) if each.raw.dialect else None, **_when(each),
        }
        for each, rows, types, (refused, merged) in zip(inputs, judged.counts, judged.types, less, strict=True)
    ]  # fmt: skip


def _when(staged: Staged) -> dict[str, str | None]:
    """Return when a source was read, and why not by this run where it was not."""
    return {"read": staged.raw.read, "missing": staged.raw.missing, "why": staged.raw.why}


def as_read(report: Report, inputs: Sequence[Staged]) -> Report:
    """Return a report of before, of the same inputs, with what is to be told today of how they were read."""
    told = {each.source.name: _when(each) for each in inputs}
    return replace(report, sources=[each | told[each["name"]] for each in report.sources])


def write(report: Report, file: Path) -> None:
    """Write a report, whole or not at all."""
    whole_json(file, asdict(report))


def keep(workspace: Workspace, report: Report) -> None:
    """Keep the report of a run among the last ones. That the disk is full does not undo a run."""
    folder = workspace.state / "runs" / report.dataset
    with contextlib.suppress(OSError):
        write(report, folder / f"{report.run}.json")
        killed = folder.glob("*.part")  # what a run was writing when it was
        for old in (*sorted(folder.glob("*.json"))[:-KEPT], *killed):
            old.unlink(missing_ok=True)


def forget(job: Job) -> None:
    """Take out of the reports of earlier runs what was told of the values of columns that are personal data today.

    Where nothing is declared otherwise than for the last version, nothing is to be done; before the first there may be
    reports of runs that failed. Raises OSError.
    """
    name, state = job.dataset.name, job.workspace.state
    if job.last is not None and job.last.declared == declared(job.dataset):
        return
    personal = [column.name for column in job.dataset.columns if column.personal]
    folders = (state / "runs" / name, *(state / "versions" / name).glob("*"), failed_folder(job.workspace, name))
    for file in (found for folder in folders if personal for found in folder.glob("*.json")):
        with contextlib.suppress(ValueError, TypeError, AttributeError):  # it is none of ours
            said = json.loads(file.read_text(encoding="utf-8"))
            profile, problems = said.get("profile", {}), said.get("problems", [])
            told = [column for column in personal if VALUES & profile.get(column, {}).keys()]
            for column in told:
                profile[column] = {key: value for key, value in profile[column].items() if key not in VALUES}
            said["problems"] = [each for each in problems if not any(re.search(rf"\b{name}\b", each) for name in told)]
            if told:
                whole_json(file, said)


def failed_folder(workspace: Workspace, name: str) -> Path:
    """Return where the quarantine and report of the last failed run are kept for the steward."""
    return workspace.state / "failed" / name


def failed(job: Job, judged: Judged, report: Report) -> None:
    """Keep what a run refused that did not meet its expectations."""
    folder = failed_folder(job.workspace, report.dataset)
    lineage.quarantine(job.connection, job.dataset, judged, report.sources, folder)
    write(report, folder / "report.json")
