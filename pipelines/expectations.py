"""What a whole version must meet, else the run fails and the last version stays.

Every expectation is measured, met or not, and what is measured goes into the report. Where nothing is declared of the
number of rows, a version that lost more than half of them is no version either, nor one of which more than half was
refused, nor one without any key of the last: a source that was cut, or is another than declared, is found so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipelines import drift
from pipelines.declarations import Bounds, Dataset
from pipelines.judge import ROWS, Judged
from pipelines.profile import Profile, profile
from pipelines.report import Report, began
from pipelines.runs import Job
from pipelines.sql import identifier, quote
from pipelines.stage import Staged
from pipelines.steps.clean import Reason

DAY = 86_400  # seconds

SOME, HALF = 20, 0.5
"""Rows read from which it is not believed that more than half of them are wrong, where nothing is declared."""


@dataclass(frozen=True)
class Measure:
    """One expectation: what was measured, between which bounds it is to be, and what is said where there is something.

    `acceptable` tells that a steward may take the version all the same: nobody declared the bound, or the last version
    is the measure.
    """

    expectation: str
    measured: float | None
    least: float | None
    most: float | None
    met: bool
    reason: Reason | None = None
    column: str | None = None
    acceptable: bool = False

    def told(self, accepted: bool) -> dict[str, Any]:
        """Return what a report tells of it."""
        told: dict[str, Any] = {
            "expectation": self.expectation, "column": self.column, "measured": self.measured,
            "least": self.least, "most": self.most, "met": self.met,
        }  # fmt: skip
        told |= {"reason": self.reason.en, "reason_fr": self.reason.fr} if self.reason else {}
        return told | ({"accepted": True} if accepted else {})


def judge(
    job: Job, inputs: Sequence[Staged], judged: Judged, report: Report, *, accept: bool = False
) -> tuple[Report, list[str]]:
    """Measure a run's version; return its report with profile and measures, and what it fails to meet, in sentences.

    `accept` takes the version in place of the last one, however far it is from it. Raises duckdb.Error.
    """
    before = _before(job)
    if not report.new and before.get("profile"):  # the rows are the last version's, and so is what they hold
        profiled = Profile(before["profile"])
    else:
        profiled = profile(job.connection, job.dataset, ROWS, judged.rules.good, report.rows_out)
    report = replace(report, profile=profiled.columns)
    measures = [
        *_rows(job.dataset, report),
        *_freshness(job, judged, report),
        *_unread(job.dataset, report, names=not any(each.names_are_data for each in inputs)),
        *_against(job, inputs, report, profiled, before),
    ]
    passed = [accept and each.acceptable and not each.met for each in measures]
    told = [each.told(accepted) for each, accepted in zip(measures, passed, strict=True)]
    problems = [
        each.reason.en
        for each, accepted in zip(measures, passed, strict=True)
        if not each.met and not accepted and each.reason
    ]
    return replace(report, measured=told), problems


def _before(job: Job) -> dict[str, Any]:
    """Return the report of the last version; of one whose report is gone nothing but its rows."""
    if job.last is None:
        return {}
    try:
        return job.last.report
    except (OSError, ValueError):
        return {"rows_out": job.last.rows}


def _against(
    job: Job, inputs: Sequence[Staged], report: Report, profiled: Profile, before: dict[str, Any]
) -> Iterator[Measure]:
    """Yield the measures against the last version, if there is one."""
    rows = before.get("rows_out")
    if not rows:
        return
    found = list(drift.rows(job.dataset, report.rows_out, rows))
    if job.changes is not None and job.changes.by_row:  # of another key no row is the same
        found += drift.keys(job.dataset, report.rows_out, report.added, report.removed, rows)
    found += drift.sources(job.dataset, report.sources, before.get("sources", []))
    known = {each.source.name: _read(job.dataset, each) for each in inputs if each.names_are_data}
    found += drift.columns(job.dataset, report.sources, before.get("sources", []), known)
    if report.rows_out:
        found += drift.values(job.dataset, profiled, report.rows_out, before.get("profile", {}), rows)
    for each in found:
        yield Measure(each.what, each.measured, None, each.most, each.met, each.reason, each.column, acceptable=True)


def _read(dataset: Dataset, staged: Staged) -> frozenset[str]:
    """Return the names of a source's columns that stand in the declaration."""
    return frozenset(dataset.read_from(staged.source, column.name) for column in dataset.columns)


# --- by itself -------------------------------------------------------------------------------------------------------


def _rows(dataset: Dataset, report: Report) -> Iterator[Measure]:
    share = report.quarantined / report.rows_in if report.rows_in else 0.0
    yield from _bounded("rows", report.rows_out, dataset.expect.rows, Reason("rows", "lignes"), "{:,.0f}")
    what = Reason("share of refused rows", "part de lignes refusées")
    yield from _bounded("refused", share, dataset.expect.refused, what, "{:.2%}")
    undeclared = dataset.expect.refused == Bounds()
    if undeclared and share > HALF and report.rows_in >= SOME:
        command = f"beffroi run {dataset.name} --accept"
        declare = f"`expect: {{refused: {{max: {drift.enough(share)}}}}}`"
        reason = Reason(
            f"{what.en}: {share:.2%}, more than half, as if the source were not as declared: see `beffroi quarantine list"
            f" {dataset.name} --by-rule`; if that is right, take it once with `{command}`, or declare {declare}",
            f"{what.fr} : {share:.2%}, plus de la moitié, comme si la source n'était pas celle déclarée : voir `beffroi"
            f" quarantine list {dataset.name} --by-rule` ; si c'est juste, acceptez-la une fois par `{command}`, ou"
            f" déclarez {declare}",
        )
        yield Measure("refused", share, None, HALF, False, reason, acceptable=True)


def _bounded(name: str, value: float, bounds: Bounds, what: Reason, form: str) -> Iterator[Measure]:
    if bounds.min is None and bounds.max is None:
        return
    reason, shown = None, form.format(value)
    if bounds.min is not None and value < bounds.min:
        bound = form.format(bounds.min)
        reason = Reason(
            f"{what.en}: {shown}, expected at least {bound}", f"{what.fr} : {shown}, au moins {bound} attendu"
        )
    elif bounds.max is not None and value > bounds.max:
        bound = form.format(bounds.max)
        reason = Reason(
            f"{what.en}: {shown}, expected at most {bound}", f"{what.fr} : {shown}, au plus {bound} attendu"
        )
    yield Measure(name, value, bounds.min, bounds.max, reason is None, reason)


def _freshness(job: Job, judged: Judged, report: Report) -> Iterator[Measure]:
    """Yield how many days before the run the newest value was that does not lie after it."""
    wanted = job.dataset.expect.freshness
    if wanted is None:
        return
    column = next(each for each in job.dataset.columns if each.name == wanted.column)
    name, started = identifier(column.name), began(report)
    moment = f"TIMESTAMPTZ {quote(started.isoformat())}"
    if column.type == "date":  # of a day only the days count
        until = f"DATE {quote(started.date().isoformat())}"
        age = f"{until} - max({name})"
    else:
        until, age = moment, f"(epoch({moment}) - epoch(max({name}))) / {DAY}"
    query = f"SELECT {age} FROM {ROWS} WHERE {judged.rules.good} AND {name} <= {until}"
    days = job.connection.execute(query).fetchall()[0][0]
    met = days is not None and days <= wanted.days
    if days is None:
        said = Reason(
            f"{column.name}: no row says when it is from", f"{column.name} : aucune ligne ne dit de quand elle date"
        )
    elif column.personal:  # how old it is would tell it
        said = Reason(f"{column.name}: the newest is older than {wanted.days:g} days",
                      f"{column.name} : la plus récente a plus de {wanted.days:g} jours")  # fmt: skip
    else:
        said = Reason(f"{column.name}: the newest is {days:,.1f} days old, expected at most {wanted.days:g}",
                      f"{column.name} : la plus récente a {days:,.1f} jours, au plus {wanted.days:g} attendus")  # fmt: skip
    shown = None if days is None or column.personal else round(float(days), 3)
    yield Measure("freshness", shown, None, wanted.days, met, None if met else said, column.name)


def _unread(dataset: Dataset, report: Report, *, names: bool) -> Iterator[Measure]:
    """Yield the columns of the source that nothing reads; named where their `names` are no data."""
    if dataset.expect.unread is None:
        return
    found = [name for name in report.unread if name not in dataset.expect.unread]
    listed = f" ({', '.join(found)})" if names else ""
    reason = Reason(
        f"nothing reads {len(found)} of the source's columns{listed}: read them, or name them under expect: unread:",
        f"rien ne lit {len(found)} des colonnes de la source{listed} : lisez-les, ou nommez-les sous expect: unread:",
    )
    yield Measure("unread", len(found), None, 0, not found, reason if found else None)
