"""Writing to the journal: one thread per process takes what is waiting and commits it at once.

So a hundred callers share one write to disk. Several processes, and with PostgreSQL several machines, write one chain.
"""

import asyncio
import contextlib
import os
import queue
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.errors import BeffroiError, Misconfigured, Unavailable
from gateway.journal.chain import Content, Row
from gateway.journal.entries import Entry, now
from gateway.journal.keys import VARIABLE, Keys
from gateway.journal.sqlite import SqliteStore
from gateway.journal.stores import Store, sqlite_path, store_of

if TYPE_CHECKING:
    from pipelines.workspace import Workspace

BATCH = 1000
"""Entries that one commit takes at most."""

_Waiting = tuple[Content, "Future[Row]"]


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
        entry.time = now()
        future: Future[Row] = Future()
        if self._closed:
            future.set_exception(Unavailable("the journal is closed: the gateway is ending"))
        else:
            self._waiting.put((Content(entry.canonical(), entry.kind, entry.time[:10]), future))
        return future

    @contextlib.asynccontextmanager
    async def access(self, entry: Entry) -> AsyncIterator[Entry]:
        """Journal what happens inside, and let nothing out before it is on disk.

        The block fills in the entry; an error that leaves it is the outcome. Raises Unavailable instead of either
        where the journal cannot be written.
        """
        try:
            yield entry
        except BeffroiError as error:
            from gateway.problems import status_of  # what serves HTTP is loaded where something is refused, not before

            entry.outcome, entry.status = error.code, status_of(error)
            raise
        except BaseException:  # an asker that is cancelled too
            entry.outcome, entry.status = "internal", 500
            raise
        finally:
            entry.written = await asyncio.wrap_future(self.append(entry))

    def writable(self) -> bool:
        """Tell whether the last entry could be written, the store still is where it was, and somebody writes to it."""
        return not self._failed and self._store.in_place() and self._writer.is_alive()

    def _write(self) -> None:
        """Take what is waiting, commit it at once, and again, until closed."""
        ending = False
        while not ending:
            batch = [self._waiting.get()]
            with contextlib.suppress(queue.Empty):
                while len(batch) < BATCH:
                    batch.append(self._waiting.get_nowait())
            ending = None in batch
            self._settle([each for each in batch if each is not None])
        self._store.close()

    def _settle(self, batch: list[_Waiting]) -> None:
        if not batch:
            return
        # An asker that has gone away is journaled all the same: its data were read.
        waiting = [future if future.set_running_or_notify_cancel() else None for _, future in batch]
        try:
            rows = self._commit([content for content, _ in batch])
        except Unavailable as error:
            self._failed = True
            for future in waiting:
                if future is not None:
                    future.set_exception(error)
            return
        self._failed = False
        for row, future in zip(rows, waiting, strict=True):
            if future is not None:
                future.set_result(row)

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
