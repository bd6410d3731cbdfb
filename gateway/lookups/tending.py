"""Whoever works on the jobs: in each process of the gateway, two at a time, those that no other process has.

Applications take turns: while one of them waits, a job of another is left after a while, and goes on later.
A process that is killed leaves its jobs to the others, or to itself when it comes again: what was answered is kept, and
is not asked again.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterator

from connectors.errors import BeffroiError, NotFound
from gateway.lookups import bulk
from gateway.lookups.incoming import Row
from gateway.lookups.jobs import Job, Jobs
from gateway.service import Service

log = logging.getLogger("beffroi")

AT_ONCE = 2
"""Jobs that one process works on."""

LOOK = 2.0
"""Seconds between two looks for jobs that nobody works on."""

TURN = 5.0
"""Seconds that a job is worked on at least before another application has its turn."""

SWEPT = 60.0
"""Seconds between two looks for jobs whose day is over."""

AGAIN = 30.0
"""Seconds until a job that could not go on is tried again: a disk that is full, a journal that cannot be written."""


class Tender:
    """What works on the jobs of a workspace, in this process. `waiting` is the service as rows use it."""

    def __init__(self, service: Service, jobs: Jobs, waiting: Service) -> None:
        """Nothing is done before `tending`."""
        self._service, self._jobs, self._waiting = service, jobs, waiting
        self._working: dict[str, asyncio.Task[None]] = {}
        self._whose: dict[str, str] = {}
        self._had: dict[str, float] = {}
        self._others_wait = False
        self._not_before: dict[str, float] = {}
        self._come = asyncio.Event()

    def come(self) -> None:
        """Say that there is a new job."""
        self._come.set()

    @contextlib.asynccontextmanager
    async def tending(self) -> AsyncIterator[None]:
        """Work on jobs until the block ends; what is under way then is given up, and kept for the next process."""
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            tasks = [looking, *self._working.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> None:
        swept = 0.0
        while True:
            self._come.clear()
            try:
                if time.monotonic() > swept + SWEPT or not swept:
                    swept = time.monotonic()
                    await asyncio.to_thread(self._jobs.sweep, time.time())
                await self._begin()
            except OSError as error:
                log.error("the folder .beffroi/jobs/ cannot be read (%s)", type(error).__name__)  # noqa: TRY400 (no path)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._come.wait(), LOOK)

    async def _begin(self) -> None:
        """Begin to work as far as there is room: for the application whose turn is longest ago, on its oldest job."""
        names = await asyncio.to_thread(self._known)
        self._whose = {name: self._whose[name] for name in {*names, *self._working}}
        now = time.monotonic()
        waiting = [
            name for name in names
            if name not in self._working and self._not_before.get(name, 0.0) <= now
        ]  # fmt: skip
        while waiting and len(self._working) < AT_ONCE:
            name = min(waiting, key=lambda each: self._had.get(self._whose[each], 0.0))
            waiting.remove(name)
            self._had[self._whose[name]] = time.monotonic()
            task = self._working[name] = asyncio.create_task(self._work(name))
            task.add_done_callback(lambda _, name=name: self._left(name))  # type: ignore[misc]
        served = {self._whose[name] for name in self._working}
        self._others_wait = any(self._whose[name] not in served for name in waiting)

    def _known(self) -> list[str]:
        """Return the IDs of the jobs under way, oldest first, once it is known whose they are. Raises OSError."""
        names = self._jobs.names()
        for name in names:
            if name not in self._whose:
                self._whose[name] = ""  # of one that cannot be read, which `_work` says
                with contextlib.suppress(BeffroiError), contextlib.closing(self._jobs.job(name)) as job:
                    self._whose[name] = job.about.caller["application"]
        return names

    def _turn(self, job: Job) -> Iterator[Row]:
        """Yield the rows that have no answer yet, until another application waits and has waited long enough."""
        until = time.monotonic() + TURN
        for row in job.left():
            if self._others_wait and time.monotonic() > until:
                return
            yield row

    def _left(self, name: str) -> None:
        del self._working[name]
        self._come.set()

    async def _work(self, name: str) -> None:
        """Answer what is left of a job, unless another process does. Nothing is raised: it is tried again later."""
        self._not_before[name] = time.monotonic() + LOOK
        try:
            with contextlib.closing(self._jobs.job(name)) as job:
                if job.ended() is not None:
                    job.end()  # whoever ended it was killed before it was marked
                    return
                with self._jobs.alone(name) as alone:
                    if alone:
                        await self._answer(job)
        except NotFound:  # deleted meanwhile
            return
        except (BeffroiError, OSError) as error:
            self._not_before[name] = time.monotonic() + AGAIN
            log.error("a job cannot go on, and is tried again in %.0f s: %s", AGAIN, type(error).__name__)  # noqa: TRY400

    async def _answer(self, job: Job) -> None:
        about, caller = job.about, job.about.as_caller()
        if caller.application not in self._service.workspace.applications:
            job.delete()  # nobody is left who may read it
            return
        rows = bulk.done(self._waiting, about.lookup, caller, self._turn(job), anew=about.anew)
        async with contextlib.aclosing(rows):
            async for some in rows:
                if job.deleted():
                    return
                await asyncio.to_thread(job.keep, some)
                if not self._service.journal.writable():
                    break
        left = await asyncio.to_thread(lambda: next(job.left(), None))
        if left is None:
            job.end()
        elif not self._service.journal.writable():
            self._not_before[job.name] = time.monotonic() + AGAIN
