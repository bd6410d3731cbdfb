"""`GET /metrics`: what every process of the gateway counted, and how things stand now, as Prometheus reads it.

For the networks alone that the workspace declares: it names every application. Without `metrics` in the workspace there
is nothing at that address, and nothing is counted.
Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import asyncio
from collections.abc import Iterator

from fastapi import FastAPI, Request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.responses import Response

from connectors.errors import Unavailable
from gateway.callers.access import may_scrape
from gateway.callers.limits import standing
from gateway.lookups.jobs import Jobs
from gateway.metrics import Metrics, forget_dead
from gateway.service import Service
from pipelines import metrics as runs


def install(app: FastAPI, service: Service) -> None:
    """Begin to count, and add the address that tells it, where the workspace declares `metrics`. Raises Unavailable."""
    if service.workspace.configuration.metrics is None:
        return
    counted = Metrics(service.workspace.state)
    service.metrics = service.journal.metrics = counted

    @app.api_route("/metrics", methods=["GET", "HEAD"], include_in_schema=False)
    async def metrics(request: Request) -> Response:
        peer = request.client.host if request.client else None
        may_scrape(service.workspace, service.credentials.address(peer, request.headers))
        told = await asyncio.to_thread(_scraped, service, counted)
        return Response(told, media_type=CONTENT_TYPE_PLAIN_0_0_4, headers={"Cache-Control": "no-store"})


def _scraped(service: Service, counted: Metrics) -> bytes:
    registry = CollectorRegistry()
    try:
        forget_dead(counted.folder)
        MultiProcessCollector(registry, str(counted.folder))  # type: ignore[no-untyped-call]
        registry.register(_Now(service))
        told = generate_latest(registry) + generate_latest(runs.measured(service.workspace))
    except (OSError, ValueError) as error:
        raise Unavailable(f"what was counted in .beffroi/metrics/ cannot be read ({type(error).__name__})") from error
    return told


class _Now(Collector):
    """How limits, jobs and the journal stand: read when it is asked, the same in every process."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        yield from self._limits()
        jobs = GaugeMetricFamily("beffroi_jobs", "Jobs that are kept: under way, or ended", labels=["state"])
        kept = Jobs(self._service.workspace.state, self._service.journal.keys)
        jobs.add_metric(["under-way"], len(kept.names()))
        jobs.add_metric(["ended"], len(kept.ended()))
        yield jobs
        writable = float(self._service.journal.writable())
        yield GaugeMetricFamily("beffroi_journal_writable", "1 where the journal can be written, else 0", writable)

    def _limits(self) -> Iterator[Metric]:
        workspace = self._service.workspace
        labels = ["application", "window"]
        most = GaugeMetricFamily("beffroi_limit_calls", "Calls that an application may make in a window", labels=labels)
        left = GaugeMetricFamily("beffroi_limit_left", "Calls that are left of them", labels=labels)
        for name, (_, application) in sorted(workspace.applications.items()):
            for window in standing(workspace.state, name, application.limits) if application.limits else ():
                most.add_metric([name, window.name], window.most)
                left.add_metric([name, window.name], window.left)
        yield most
        yield left
