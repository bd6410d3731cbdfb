"""What runs have done, told to whoever sits at the terminal in her language: a line as each ends, and a table of all."""

from typing import Any

from gateway import console
from gateway.french import LANGUAGE, told
from gateway.languages import in_french
from pipelines import report as reports
from pipelines.report import words
from pipelines.run import Report

OUTCOMES = {"new": "new version", "unchanged": "unchanged, version", "preview": "a preview of version"}
"""What is said of a run that did not fail."""

FEWER = 0.9
"""The share of the rows of the version before from which on fewer are told: a file that was cut looks like this."""


def line(report: Report) -> str:
    """Say in a line what came of a run."""
    counts = {name: console.number(getattr(report, name)) for name in ("rows_out", "quarantined", "merged")}
    return told()(
        "{outcome} {version}: {rows_in} in, {rows_out} out, {quarantined} quarantined, {merged} merged, {seconds} s",
        outcome=told()(OUTCOMES.get(report.outcome, report.outcome)), version=report.version,
        rows_in=console.counted(report.rows_in, "row", "rows"), seconds=_seconds(report), **counts,
    )  # fmt: skip


def show_reports(done: list[Report], as_json: bool) -> None:
    """Show what runs did; each line's sum proves itself: in = out + quarantined + merged.

    Of a preview, what would change too.
    """
    if as_json:
        console.show_json([reports.told(report) for report in done])
        return
    if not done:
        return
    counts = ["rows_in", "rows_out", "quarantined", "merged"]
    if any(report.outcome == "preview" for report in done):
        counts += ["added", "changed", "removed"]
    numbers = [told()(name) for name in (*(name.replace("_", " ") for name in counts), "version", "seconds")]
    console.show_table(
        (told()("dataset"), *numbers, ""),
        [
            (r.dataset, *(console.number(getattr(r, name)) for name in counts), _version(r), _seconds(r), _state(r))
            for r in done
        ],
        right=numbers,
    )
    for report in done:
        for each in _notes(report):
            console.note(told()("{dataset}: {note}", dataset=report.dataset, note=each))


def _notes(report: Report) -> list[str]:
    """Return what is to be told of a run beside its figures."""
    said, notes = told(), list[str]()
    before = report.rows_out - report.added + report.removed
    if report.outcome != "failed" and report.rows_out < before * FEWER:
        fewer = "{rows}, {before} before: is the source whole?"
        notes.append(said(fewer, rows=console.counted(report.rows_out, "row", "rows"), before=console.number(before)))
    for each in (source for source in report.sources if source.get("missing")):
        away = "{source} was not read ({why}): {day}'s rows stand"
        notes.append(said(away, source=each["name"], why=_why(each), day=each["read"][:10]))
    if report.corrected:
        notes.append(
            said("judged as a person has corrected it: {rows}", rows=console.counted(report.corrected, "row", "rows"))
        )
    if report.unread:
        notes.append(said("nothing reads the source's columns {columns}", columns=", ".join(report.unread)))
    return notes + [_linked(column, link) for column, link in report.links.items()]


def _why(source: dict[str, Any]) -> str:
    """Say why a source was not read: in French what is said of such errors, where the sentence itself is in English only."""
    if LANGUAGE.get() != "fr":
        return str(source["why"])
    return in_french(source["why"]) or words.FRENCH[f"not_read_{source['missing']}"]


def _linked(column: str, link: dict[str, Any]) -> str:
    """Say in a line what linking has found."""
    named = {
        "column": column,
        "records": console.counted(link["records"], "record", "records"),
        "doubtful": console.counted(link["doubtful"], "pair", "pairs"),
    }
    if link["to"]:
        attached = "{column}: of {records} {count} linked to {to}; doubtful: {doubtful}"
        return told()(attached, **named, count=console.number(link["attached"]), to=link["to"])
    clusters = console.counted(link["clusters"], "cluster", "clusters")
    return told()("{column}: {records}, {clusters}; doubtful: {doubtful}", **named, clusters=clusters)


def _seconds(report: Report) -> str:
    return words.decimal(report.seconds, words.LANGUAGES[LANGUAGE.get()])


def _version(report: Report) -> str:
    return "" if report.outcome == "failed" else str(report.version)


def _state(report: Report) -> str:
    state = "failed" if report.outcome == "failed" else "new" if report.new else "unchanged"
    return told()(f"would be {state}" if report.outcome == "preview" else state)
