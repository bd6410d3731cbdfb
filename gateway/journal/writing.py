"""Writing to the journal: one thread per process takes what is waiting and commits it at once.

So a hundred callers share one write to disk. Several processes, and with PostgreSQL several machines, write one chain.
"""

import asyncio
import contextlib
import itertools
import os
import queue
import threading
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.errors import BeffroiError, Misconfigured, Unavailable
from gateway import traces
from gateway.callers.limits import REFUSED, Refusals
from gateway.journal.chain import Content, Row
from gateway.journal.entries import Entry, now
from gateway.journal.keys import VARIABLE, Keys
from gateway.journal.sqlite import SqliteStore
from gateway.journal.stores import Store, sqlite_path, store_of

if TYPE_CHECKING:
    from gateway.metrics import Metrics
    from pipelines.workspace import Workspace

BATCH = 1000
"""Entries that one commit takes at most, but for those that were handed over with the last of them."""

GATHER, LOOK_AGAIN = 0.004, 0.001
"""Seconds that a commit, which costs as much as many entries, waits at most until as many are there as last time."""

_Waiting = tuple[list[Content], "Future[Row] | asyncio.Future[list[Row]]"]
"""Entries that are handed over together, and who waits for them: a thread for its one, an event loop for its several."""


class Journal:
    """The journal of one workspace, with a writer thread of this process. Close it when done."""

    def __init__(self, folder: Path, store: Store | None = None) -> None:
        """Open the journal whose keys are in `folder`, in `store` or in a file beside the keys.

        Raises Unavailable, and Misconfigured where a key is not one.
        """
        self._keys = Keys(folder)
        self._store = store or SqliteStore(sqlite_path(folder))
        self._store.open()
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._failed = False
        self._closed = False
        self.metrics: Metrics | None = None
        self.refusals = Refusals()
        self._writer = threading.Thread(target=self._write, name="journal", daemon=True)
        self._writer.start()

    @classmethod
    def of(cls, workspace: "Workspace") -> "Journal":
        """Open a workspace's journal where its settings say; what changed in those since is its first entry.

        Raises Unavailable, and Misconfigured where a key or the journal's address is wrong.
        """
        from gateway.journal import settings

        if workspace.configuration.journal.url is not None and VARIABLE not in os.environ:
            raise Misconfigured(
                f"a journal in a database is for several gateways, which must have one key: set {VARIABLE} for each;"
                " `openssl rand -hex 32` makes one"
            )
        journal = cls(workspace.state, store_of(workspace))
        try:
            settings.note(workspace, journal)
        except BaseException:
            journal.close()
            raise
        return journal

    def close(self) -> None:
        """Write what is waiting, then close."""
        self._closed = True
        self._waiting.put(None)
        self._writer.join()

    @property
    def keys(self) -> Keys:
        """Return the keys that identifiers are hashed with."""
        return self._keys

    def keyed(self, identifier: str) -> str:
        """Return what stands in the journal for an identifier (`scheme:value`): the key's name and its HMAC-SHA256."""
        return self._keys.keyed(identifier)

    def last_settings(self) -> str | None:
        """Return the text of the last entry of action `settings`. Raises Unavailable."""
        return self._store.settings()

    def append(self, entry: Entry) -> "Future[Row]":
        """Hand over an entry. The future is done when it is on disk, as it stands there, or failed with Unavailable."""
        future: Future[Row] = Future()
        self._hand_over([entry], future)
        return future

    async def write(self, entry: Entry) -> Row:
        """Return an entry as it stands on disk. Raises Unavailable."""
        [row] = await self.together([entry])
        return row

    def together(self, entries: Sequence[Entry]) -> "asyncio.Future[list[Row]]":
        """Hand over entries at once, where an event loop runs, as `append` does one: to hand over and to wake cost time."""
        future: asyncio.Future[list[Row]] = asyncio.get_running_loop().create_future()
        self._hand_over(entries, future)
        return future

    def _hand_over(self, entries: Sequence[Entry], future: "Future[Row] | asyncio.Future[list[Row]]") -> None:
        contents, time_ = [], now()
        for entry in entries:
            entry.time = time_
            if self.metrics is not None:
                self.metrics.access(entry)
            contents.append(Content(entry.canonical(), entry.kind, time_[:10]))
        if self._closed:
            future.set_exception(Unavailable("the journal is closed: the gateway is ending"))
        else:
            self._waiting.put((contents, future))

    @contextlib.asynccontextmanager
    async def access(self, entry: Entry) -> AsyncIterator[Entry]:
        """Journal what happens inside, and let nothing out before it is on disk.

        The block fills in the entry; an error that leaves it is the outcome. Raises Unavailable instead of either
        where the journal cannot be written, and LimitReached where too many calls like this one were refused.
        """
        before = 0 if entry.origin is None else self.refusals.begun(entry.origin)
        if before > REFUSED:  # the journal has the first of them: anybody could fill its disk
            if self.metrics is not None:
                self.metrics.turned_away()
            self.refusals.hold(before)
        with traces.span("access", entry.resource) as span:
            try:
                self.refusals.hold(before)
                yield entry
            except BeffroiError as error:
                from gateway.problems import status_of  # what serves HTTP is loaded where something is refused

                entry.outcome, entry.status = error.code, status_of(error)
                raise
            except BaseException:  # an asker that is cancelled too
                entry.outcome, entry.status = "internal", 500
                raise
            finally:
                traces.told(span, entry.outcome, action=entry.action, application=entry.application)
                with traces.span("journal", "commit"):
                    entry.written = await self.write(entry)

    def writable(self) -> bool:
        """Tell whether the last entry could be written, the store still is where it was, and somebody writes to it."""
        return not self._failed and self._store.in_place() and self._writer.is_alive()

    def _write(self) -> None:
        """Take what is waiting, commit it at once, and again, until closed."""
        ending, before = False, 1
        while not ending:
            batch, ending = self._gathered(before)
            before = max(1, sum(len(contents) for contents, _ in batch))
            self._settle(batch)
        self._store.close()

    def _gathered(self, before: int) -> tuple[list[_Waiting], bool]:
        """Wait for entries, a little for as many as there were `before`; return them, and whether they are the last."""
        batch, count, until = list[_Waiting](), 0, 0.0
        while count < BATCH:
            try:
                each = self._waiting.get(block=not batch)
            except queue.Empty:
                if count >= before or time.monotonic() > until:
                    break
                time.sleep(LOOK_AGAIN)
                continue
            if each is None:
                return batch, True
            until = until or time.monotonic() + GATHER
            batch.append(each)
            count += len(each[0])
        return batch, False

    def _settle(self, batch: list[_Waiting]) -> None:
        if not batch:
            return
        began = time.perf_counter()
        contents = [content for several, _ in batch for content in several]
        try:
            rows = iter(self._commit(contents))
        except Unavailable as error:
            self._failed = True
            self._count(len(contents), began)
            _tell([(future, error) for _, future in batch])
            return
        self._failed = False
        self._count(len(contents), began)
        _tell([(future, list(itertools.islice(rows, len(several)))) for several, future in batch])

    def _count(self, entries: int, began: float) -> None:
        if self.metrics is not None:
            took = time.perf_counter() - began
            self.metrics.committed(entries, self._waiting.qsize(), took, written=not self._failed)

    def _commit(self, contents: list[Content]) -> list[Row]:
        """Add entries to the chain, and return them once all are on disk. Raises Unavailable."""
        try:
            rows = self._store.add(contents)
        except Exception as error:  # whatever it is: the writer lives on, and its askers hear of it
            self._store.close()
            if isinstance(error, Unavailable):
                raise
            raise Unavailable(f"{self._store.name} cannot be written ({type(error).__name__})") from error
        self._keys.renew()
        return rows


_Told = list[tuple["Future[Row] | asyncio.Future[list[Row]]", "list[Row] | Unavailable"]]


def _tell(told: _Told) -> None:
    """Tell askers what became of their entries, those of an event loop all at once: to wake one costs time.

    An asker that has gone away is told nothing. It is journaled all the same: its data were read.
    """
    of_loops: dict[asyncio.AbstractEventLoop, _Told] = {}
    for future, outcome in told:
        if isinstance(future, asyncio.Future):
            of_loops.setdefault(future.get_loop(), []).append((future, outcome))
        elif future.set_running_or_notify_cancel():
            _settle(future, outcome)
    for loop, its in of_loops.items():
        with contextlib.suppress(RuntimeError):  # it has ended, and all who asked in it
            loop.call_soon_threadsafe(_tell_here, its)


def _tell_here(told: _Told) -> None:
    for future, outcome in told:
        if not future.done():
            _settle(future, outcome)


def _settle(future: "Future[Row] | asyncio.Future[list[Row]]", outcome: "list[Row] | Unavailable") -> None:
    if isinstance(outcome, Unavailable):
        future.set_exception(outcome)
    elif isinstance(future, asyncio.Future):
        future.set_result(outcome)
    else:
        future.set_result(outcome[0])
