"""What a run did, in numbers: the one account of it, for pages, metrics and whoever asks later.

Every run leaves one, whatever became of it, in `.beffroi/runs/NAME/<when it began>.json`: `pipelines/runs.py` writes
them, here they are read.
"""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from connectors.errors import NotFound
from pipelines.workspace import Workspace

Outcome = Literal["new", "unchanged", "failed", "preview"]

SchemaChange = Literal["patch", "minor", "major"]


@dataclass(frozen=True)
class Report:
    """What a run did. `rows_in` is always `rows_out` + `quarantined` + `merged`, each counted by itself.

    Nothing in it is a value of a personal column. `run` names it: it is when it began. `made` is the run that made the
    version, which one that left it as it was is not. `sources` are
    {name, registry or dataset, table, rows, quarantined, merged, raw, bytes, columns, read, missing, why}, `conflicts_by` {column, rule,
    kept_source, other_source, values} of the values that were not kept, at most 50, `differing` all of these summed up
    {rows, pairs, columns: {column, rule, rows, values}, sources: {source, kept, other, columns}}, `rules` {column, rule, rows, reason, reason_fr} of the
    quarantine, `profile` {column: {empty, distinct, min, max, frequent}}, `needed` the version of each dataset that was
    read, `links` of each column that linking fills in what records it has found to be one, `measured` {expectation, column, measured, least, most, met} of each expectation. `read` tells whether all rows were judged, or those that came since the last version, and
    `why_whole` {reason, reason_fr} why it was all, of a source that is asked for what changed only. `cpu_seconds` and `memory_mb`
    are of the whole process until then, with the runs beside it.
    """

    dataset: str
    version: int
    new: bool
    rows_in: int
    rows_out: int
    quarantined: int
    merged: int
    added: int
    changed: int
    removed: int
    unread: list[str]
    started: str
    seconds: float
    run: str = ""
    made: str = ""
    outcome: Outcome = "unchanged"
    corrected: int = 0
    conflicts: int = 0
    conflicts_by: list[dict[str, Any]] = field(default_factory=list)
    differing: dict[str, Any] = field(default_factory=dict)
    sources: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    profile: dict[str, dict[str, Any]] = field(default_factory=dict)
    needed: dict[str, int] = field(default_factory=dict)
    schema_version: str = ""
    schema_change: SchemaChange | None = None
    problems: list[str] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    memory_mb: float = 0.0
    replayed: bool = False
    measured: list[dict[str, Any]] = field(default_factory=list)
    schema_changes: list[str] = field(default_factory=list)
    read: Literal["whole", "changes"] = "whole"
    why_whole: dict[str, str] = field(default_factory=dict)
    links: dict[str, dict[str, Any]] = field(default_factory=dict)


def number(report: Report) -> int | None:
    """Return the number of the version that a run made or left as it was; None for one that failed."""
    return None if report.outcome == "failed" else report.version


def told(report: Report) -> dict[str, Any]:
    """Return a report for programs: of a run that failed, it tells of no version."""
    return asdict(report) | {"version": number(report), "new": report.new and report.outcome != "failed"}


def maker(said: dict[str, Any]) -> str:
    """Return the run that made the version whose report, as JSON has it, is of the last run that found it so; or ""."""
    return str(said.get("made") or (said.get("run", "") if said.get("outcome") == "new" else ""))


def folder(workspace: Workspace, name: str) -> Path:
    """Return where the reports of a dataset's runs are kept."""
    return workspace.state / "runs" / name


def of(said: dict[str, Any]) -> Report:
    """Return the report that JSON tells of; what it does not tell has its default, what nobody knows is left out.

    Raises TypeError, KeyError for what is none.
    """
    known = {each.name for each in fields(Report)}
    return Report(**{key: value for key, value in said.items() if key in known})


def kept(workspace: Workspace, name: str) -> Iterator[Report]:
    """Yield the reports of a dataset's runs that are kept, the latest first; one that cannot be read is passed over."""
    for file in sorted(folder(workspace, name).glob("*.json"), reverse=True):
        try:
            yield of(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue


def find(workspace: Workspace, name: str, run: str | None = None) -> Report:
    """Return the report of the run that began at `run` (its first letters do, where no other begins so), or the last.

    It is said as the run is named, in UTC, or as a report tells it: on the workspace's clocks, with their zone or
    without. Where it may be either, the clocks are meant. Raises NotFound.
    """
    workspace.dataset(name)
    every, zone = list(kept(workspace, name)), workspace.configuration.zone
    found = [each for each in every if run is None or _is_told(began(each).astimezone(zone), run)]
    found = found or [each for each in every if each.run.startswith(run or "")]
    if not found:
        none = f"has no report of a run that began at {run}" if run else "has no report of a run yet"
        raise NotFound(f"{name} {none}: `beffroi report {name} --list` tells which there are")
    if run and len(found) > 1 and found[0].run != run:
        whole = began(found[0]).astimezone(zone).isoformat(timespec="microseconds")
        raise NotFound(f"{len(found)} runs of {name} began at {run}: say more of it, as {whole} has it")
    return found[0]


def _is_told(moment: dt.datetime, run: str) -> bool:
    """Tell whether a moment begins as `run` says it: `2026-11-22 14:25 CET`, `2026-11-22T14:25`."""
    said = run.strip().removesuffix(f" {moment:%Z}").replace(" ", "T")
    return moment.isoformat(timespec="microseconds").startswith(said)


def began(report: Report) -> dt.datetime:
    """Return when a run began."""
    return dt.datetime.fromisoformat(report.started)
