"""What the command line and the demo both do over several datasets: run them, publish them, show what came of it."""

import os

from connectors.errors import BeffroiError
from gateway import console
from pipelines import databases, versions
from pipelines.ckan import Ckan, Published
from pipelines.run import Report, run
from pipelines.workspace import Workspace


def run_all(workspace: Workspace, names: list[str], *, full: bool = False) -> tuple[list[Report], list[BeffroiError]]:
    """Run datasets in order of dependency, then refresh the databases; one that fails does not stop the others.

    `full` reads the tables whole of which a run asks what changed only.
    """
    order = workspace.in_order(names)
    reports, failures = [], []
    with console.progress(len(order)) as begin:
        for name in order:
            try:
                reports.append(run(workspace, name, begin(name), full=full))
            except BeffroiError as error:
                failures.append(_of(name, error))
        try:
            databases.refresh(workspace)
        except BeffroiError as error:
            failures.append(error)
    return reports, failures


def _of(name: str, error: BeffroiError) -> BeffroiError:
    """Say of which dataset an error is."""
    error.detail = error.detail if name in error.detail else f"{name}: {error.detail}"
    return error


def show_reports(reports: list[Report], as_json: bool) -> None:
    """Show what runs did; each line's sum proves itself: in = out + quarantined + merged."""
    if as_json:
        console.show_json(reports)
        return
    if not reports:
        return
    numbers = ("rows in", "rows out", "quarantined", "merged", "version", "seconds")
    console.show_table(
        ("dataset", *numbers, ""),
        [
            (
                r.dataset, f"{r.rows_in:,}", f"{r.rows_out:,}", f"{r.quarantined:,}", f"{r.merged:,}", r.version,
                f"{r.seconds:.2f}", "new" if r.new else "unchanged",
            )
            for r in reports
        ],
        right=numbers,
    )  # fmt: skip
    for report in reports:
        if report.unread:
            console.note(f"{report.dataset}: nothing reads the source's columns {', '.join(report.unread)}")


def ckan_of(workspace: Workspace) -> Ckan | None:
    """Return the CKAN that the environment names, or None where it names none."""
    url, token = os.environ.get("BEFFROI_CKAN_URL"), os.environ.get("BEFFROI_CKAN_TOKEN")
    return Ckan(workspace, url, token) if url and token else None


def publish_all(workspace: Workspace, ckan: Ckan, names: list[str]) -> tuple[list[Published], list[BeffroiError]]:
    """Publish the named datasets, or every open one that has a version; one that fails does not stop the others."""
    every = [
        name
        for name in workspace.in_order([])
        if workspace.datasets[name].audience == "open" and versions.latest(workspace, name)
    ]
    chosen = names or every
    done, failures = [], []
    with console.progress(len(chosen)) as begin:
        for name in chosen:
            begin(name)("publish")
            try:
                done.append(ckan.publish(name))
            except BeffroiError as error:
                failures.append(_of(name, error))
    return done, failures


def show_published(published: list[Published], as_json: bool) -> None:
    """Show what was published."""
    if as_json:
        console.show_json(published)
        return
    if not published:
        return
    rows = [(p.dataset, p.version, "published" if p.changed else "unchanged", p.url) for p in published]
    console.show_table(("dataset", "version", "state", "address"), rows, right=("version",))
