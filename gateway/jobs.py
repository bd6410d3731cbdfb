"""What the command line and the demo both do over several datasets: run them, each after those it depends on."""

import datetime as dt
import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from graphlib import TopologicalSorter

from connectors.errors import BeffroiError, RunFailed
from gateway import console, run_words
from gateway.console import Progress
from gateway.french import told
from pipelines import databases, metrics, runs, versions
from pipelines import report as reports
from pipelines.engine import machine_memory
from pipelines.run import Report, run
from pipelines.workspace import Workspace

MOST = 4
"""Datasets that are run at once, where nobody says how many."""

ENOUGH, LEAST = 480, 128
"""Megabytes that the engine of a run is given: where there is room, and however little room there is."""

OFTEN = 10.0
"""Seconds between two times that the metrics are written while runs are under way."""


@dataclass(frozen=True)
class How:
    """How datasets are run: see the options of `beffroi run`, and of `run`. `jobs` at once, by the cores if None."""

    full: bool = False
    preview: bool = False
    replay: bool = False
    accept: bool = False
    release: bool = False
    wait: float = 0.0
    jobs: int | None = None


def run_all(workspace: Workspace, names: list[str], how: How | None = None) -> tuple[list[Report], list[BeffroiError]]:
    """Run datasets, each after those it depends on, then refresh the databases; one that fails stops no other.

    Those that depend on a failed one are run on its last version, and it is said; without any they are refused. Returns
    the report of each, in order, and the errors of those that failed.
    """
    many = Many(workspace, workspace.in_order(names), how or How())
    many.run()
    for said in many.notes:
        console.note(said)
    if not many.how.preview and many.order:
        try:
            databases.refresh(workspace)
        except BeffroiError as error:
            many.failures.append(error)
        many.measure(at_last=True)
    return many.reports, many.failures


class Many:
    """Several datasets that are run, some at once. Only `_one` is called by other threads than the one that made it."""

    def __init__(self, workspace: Workspace, order: list[str], how: How) -> None:
        """`order` has each dataset after those it depends on."""
        self.workspace, self.order, self.how = workspace, order, how
        self.jobs = max(1, min(how.jobs or min(MOST, os.cpu_count() or 1), len(order)))
        self.reports: list[Report] = []
        self.failures: list[BeffroiError] = []
        self.notes: list[str] = []
        self._failed: set[str] = set()
        self._began: dict[str, str] = {}
        self._measured = time.monotonic()

    def run(self) -> None:
        """Run them all."""
        needs = {name: self._needs(name, self.order) for name in self.order}
        sorter = TopologicalSorter(needs)
        sorter.prepare()
        with console.progress(len(self.order)) as progress, _pool(self.jobs) as submit:
            ready, running = list[str](), dict[Future[Report], str]()
            while sorter.is_active():
                ready = sorted([*ready, *sorter.get_ready()], key=self.order.index)
                while ready and len(running) < self.jobs:
                    name = ready.pop(0)
                    self._began[name] = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
                    running[submit(partial(self._one, name, progress))] = name
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    name = running.pop(future)
                    self._ended(name, future, progress)
                    sorter.done(name)
        self.reports.sort(key=lambda report: self.order.index(report.dataset))

    def _needs(self, name: str, among: set[str] | list[str]) -> list[str]:
        return sorted(self.workspace.datasets[name].depends_on.intersection(among))

    def _one(self, name: str, progress: Progress) -> Report:
        """Run one dataset. Raises what `run` raises, RunFailed where what it depends on failed and has no version."""
        tell = progress.begin(name)
        gone = [other for other in self._needs(name, self._failed) if versions.latest(self.workspace, other) is None]
        if gone:
            said = f"{name} needs {', '.join(gone)}, whose run failed, and which never had a version: mend that first"
            runs.keep(self.workspace, runs.Clock(tell).failure(self.workspace.datasets[name], said))
            raise RunFailed(said)
        how, memory = self.how, shared(self.jobs) if self.jobs > 1 else None
        return run(
            self.workspace, name, tell, full=how.full, preview=how.preview, replay=how.replay, accept=how.accept,
            release=how.release, memory=memory, wait=how.wait,
        )  # fmt: skip

    def _ended(self, name: str, future: Future[Report], progress: Progress) -> None:
        try:
            report = future.result()
        except BeffroiError as error:
            self._failed.add(name)
            self.reports.append(self._failure(name, error))
            self.failures.append(of_dataset(name, error))
            progress.end(name, told()("failed"))
            return
        self.reports.append(report)
        progress.end(name, run_words.line(report))
        for other in self._needs(name, self._failed):
            version = report.needed.get(other)
            which = told()("version {version}" if version else "the last version", version=version)
            made = "{dataset} was made from {which} of {other}, whose own run failed"
            self.notes.append(told()(made, dataset=name, which=which, other=other))
        self.measure()

    def _failure(self, name: str, error: BeffroiError) -> Report:
        """Return the report of a run that failed; one that never began, as while another is under way, has left none."""
        left = next(reports.kept(self.workspace, name), None)
        if left is not None and left.outcome == "failed" and left.run >= self._began[name]:
            return left
        clock = runs.Clock(lambda _stage: None, self._began[name])
        return clock.failure(self.workspace.datasets[name], error.detail)

    def measure(self, *, at_last: bool = False) -> None:
        """Write the metrics, once in a while. That the disk is full undoes no run."""
        if at_last or time.monotonic() - self._measured > OFTEN:
            with suppress(OSError):
                metrics.write(self.workspace)
            self._measured = time.monotonic()


Submit = Callable[[Callable[[], Report]], Future[Report]]


@contextmanager
def _pool(jobs: int) -> Iterator[Submit]:
    """Give what has a function called: at once by this thread where there is one job, else by one of so many threads.

    Nobody waits for them on Ctrl-C: a run may be killed at any instant.
    """
    if jobs == 1:
        yield _now
        return
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="beffroi-run")
    try:
        yield pool.submit
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _now(function: Callable[[], Report]) -> Future[Report]:
    future: Future[Report] = Future()
    try:
        future.set_result(function())
    except BeffroiError as error:
        future.set_exception(error)
    return future


def shared(jobs: int) -> int:
    """Return the megabytes that the engine of each of so many runs may take: half of the machine's, shared."""
    return max(LEAST, min(ENOUGH, machine_memory() // 2 // jobs))


def of_dataset(name: str, error: BeffroiError) -> BeffroiError:
    """Say of which dataset an error is, where it does not say so itself."""
    if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", error.detail):
        error.detail = f"{name}: {error.detail}"
    return error
