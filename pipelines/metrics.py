"""What the last runs did, as metrics: `.beffroi/metrics.prom`, which Prometheus' node exporter reads as a text file.

Moments are told and not ages, as is its custom: `time() - beffroi_dataset_version_timestamp_seconds` is an age that
goes on growing while nothing runs.
Source: https://github.com/prometheus/node_exporter#textfile-collector
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from connectors.errors import Unavailable
from pipelines import report, versions
from pipelines.report import Report
from pipelines.workspace import Workspace

FILE = "metrics.prom"

RUN: Mapping[str, tuple[str, Callable[[Report], float]]] = {
    "run_timestamp_seconds": ("When the last run began", lambda each: report.began(each).timestamp()),
    "run_success": ("1 where the last run did not fail, else 0", lambda each: each.outcome != "failed"),
    "run_seconds": ("What the last run took", lambda each: each.seconds),
    "rows_in": ("Rows that the last run read", lambda each: each.rows_in),
    "rows_out": ("Rows that the last run made", lambda each: each.rows_out),
    "rows_quarantined": ("Rows that the last run refused", lambda each: each.quarantined),
    "sources_missing": (
        "Sources that the last run could not read, and took as they were read last",
        lambda each: sum(1 for source in each.sources if source.get("missing")),
    ),
    "rows_merged": ("Rows that the last run merged into others", lambda each: each.merged),
}
"""What is told of the last run of each dataset, after `beffroi_dataset_`: what it is, and how it is read off."""

LINKS: Mapping[str, str] = {
    "links_linked": "Pairs of records that the last run linked",
    "links_doubtful": "Pairs of records that wait for a person",
    "links_clusters": "Clusters of records, of which each is one person, company, address or parcel",
}
"""What is told of each column that linking fills in, after `beffroi_dataset_`; clusters of links within a dataset alone."""


def write(workspace: Workspace) -> Path:
    """Write the metrics of every declared dataset, whole or not at all; return where they are. Raises OSError."""
    file = workspace.state / FILE
    write_to_textfile(str(file), measured(workspace))
    return file


def measured(workspace: Workspace) -> CollectorRegistry:
    """Return the metrics of every declared dataset."""
    registry = CollectorRegistry()
    gauges = {name: _gauge(registry, name, about) for name, (about, _) in RUN.items()}
    links = {name: _gauge(registry, name, about, "column") for name, about in LINKS.items()}
    version = _gauge(registry, "version", "The number of the latest version")
    committed = _gauge(registry, "version_timestamp_seconds", "When the source was last found to hold that version")
    for name in sorted(workspace.datasets):
        last = _last(workspace, name)
        if last is not None:
            for metric, gauge in gauges.items():
                gauge.labels(name).set(float(RUN[metric][1](last)))
            for column, link in last.links.items():
                for metric, value in _linked(link):
                    links[metric].labels(name, column).set(value)
        try:
            latest = versions.latest(workspace, name)
        except Unavailable:  # a damaged log: that its runs fail is told
            continue
        if latest is not None:
            version.labels(name).set(latest.number)
            committed.labels(name).set(latest.as_of.timestamp())
    return registry


def _linked(link: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield what a report says of a link, by metric."""
    yield "links_linked", link["quality"]["pairs"]["linked"]
    yield "links_doubtful", link["doubtful"]
    if link["to"] is None:
        yield "links_clusters", link["clusters"]


def _gauge(registry: CollectorRegistry, name: str, about: str, *labels: str) -> Gauge:
    return Gauge(f"beffroi_dataset_{name}", about, ("dataset", *labels), registry=registry)


def _last(workspace: Workspace, name: str) -> Report | None:
    """Return the last run that was no preview."""
    return next((each for each in report.kept(workspace, name) if each.outcome != "preview"), None)
