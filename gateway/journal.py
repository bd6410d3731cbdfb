"""The journal: every access to anything not public, refusals too, on disk before the answer leaves.

Entries are chained: each one's hash covers its canonical JSON and the hash before it. Several processes write to one
file; a transaction reads the chain's head and moves it. One thread per process takes what is waiting and commits it
at once, so that a hundred callers share one write to disk. Identifiers are keyed hashes: with the key one can find
who read a person's data, and the journal itself names nobody.
"""

import asyncio
import contextlib
import datetime as dt
import hashlib
import hmac
import json
import os
import queue
import secrets
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from connectors.errors import BeffroiError, Misconfigured, NotFound, Unavailable
from gateway.access import Caller
from gateway.store import open_store, unavailable
from pipelines.workspace import Workspace

SCHEMA = """CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY, entry TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL)"""
GENESIS = "0" * 64
"""What stands in the place of a previous hash at the first entry."""

BATCH = 1000
"""Entries that one commit takes at most."""


@dataclass
class Entry:
    """One access, filled in while it happens. `outcome` is `found` or an error's code.

    `identifier` is the keyed hash of what was asked for, or of the one row told; `identifiers` those of several rows.
    """

    action: str
    resource: str
    via: str
    organisation: str | None = None
    application: str | None = None
    agent: str | None = None
    purpose: str | None = None
    identifier: str | None = None
    identifiers: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    source: str | None = None
    outcome: str = "found"
    status: int = 200
    time: str = ""

    @classmethod
    def begin(cls, workspace: Workspace, caller: Caller, action: str, resource: str) -> "Entry":
        """Open the entry of an access. A purpose that is not declared is not written down: it could be anything."""
        purpose = caller.purpose
        if purpose is not None and purpose not in workspace.configuration.purposes:
            purpose = "(not declared)"
        return cls(action, resource, caller.via, caller.organisation, caller.application, caller.agent, purpose)

    def canonical(self) -> str:
        """Return it as the JSON text that is stored and hashed."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))


class Journal:
    """The journal of one workspace, in `.beffroi/journal.db`, with a writer thread of this process."""

    def __init__(self, folder: Path) -> None:
        """Open the journal in `folder`. Raises Unavailable, Misconfigured where the key is not one."""
        self.path = folder / "journal.db"
        self._key = _key(folder)
        self._key_name = hashlib.sha256(self._key).hexdigest()[:8]
        self._connection: sqlite3.Connection | None = open_store(self.path, SCHEMA)
        self._inode = self.path.stat().st_ino
        self._last = 0  # number of the last entry that we wrote
        self._waiting: queue.SimpleQueue[tuple[str, Future[int]] | None] = queue.SimpleQueue()
        self._failed = False
        self._closed = False
        self._writer = threading.Thread(target=self._write, name="journal", daemon=True)
        self._writer.start()

    def close(self) -> None:
        """Write what is waiting, then close."""
        self._closed = True
        self._waiting.put(None)
        self._writer.join()

    def keyed(self, identifier: str) -> str:
        """Return what stands in the journal for an identifier (`scheme:value`): the key's name and its HMAC-SHA256."""
        text = identifier.encode("utf-8", "surrogatepass")  # the command line may hand over what is no text
        return f"{self._key_name}:{hmac.new(self._key, text, hashlib.sha256).hexdigest()}"

    def append(self, entry: Entry) -> "Future[int]":
        """Hand over an entry. The future is done when it is on disk (its number), or failed with Unavailable."""
        entry.time = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
        future: Future[int] = Future()
        if self._closed:
            future.set_exception(Unavailable("the journal is closed: the gateway is ending"))
        else:
            self._waiting.put((entry.canonical(), future))
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
            await asyncio.wrap_future(self.append(entry))

    def writable(self) -> bool:
        """Tell whether the last entry could be written, the file still is where it was, and somebody writes to it."""
        return not self._failed and self._in_place() and self._writer.is_alive()

    def _in_place(self) -> bool:
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

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
        if self._connection is not None:
            self._connection.close()

    def _settle(self, batch: list[tuple[str, "Future[int]"]]) -> None:
        if not batch:
            return
        # An asker that has gone away is journaled all the same: its data were read.
        waiting = [future if future.set_running_or_notify_cancel() else None for _, future in batch]
        try:
            first = self._commit([text for text, _ in batch])
        except Unavailable as error:
            self._failed = True
            for future in waiting:
                if future is not None:
                    future.set_exception(error)
            return
        self._failed = False
        for number, future in enumerate(waiting, first):
            if future is not None:
                future.set_result(number)

    def _commit(self, texts: list[str]) -> int:
        """Add entries to the chain, and return the number of the first once all are on disk. Raises Unavailable."""
        try:
            return self._add(texts)
        except Exception as error:  # whatever it is: the writer lives on, and its askers hear of it
            if self._connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.close()  # which rolls back
            self._connection = None
            if isinstance(error, Unavailable):
                raise
            if isinstance(error, OSError | sqlite3.Error):
                raise unavailable(self.path, error) from error
            raise Unavailable(f"{self.path.name} cannot be written ({type(error).__name__})") from error

    def _add(self, texts: list[str]) -> int:
        if not self._in_place():  # what we would write to it, nobody would ever read
            raise Unavailable(f"{self.path.name} is no longer where it was: put it back, or start Beffroi anew")
        if self._connection is None:
            self._connection = open_store(self.path, SCHEMA)
        self._connection.execute("BEGIN IMMEDIATE")
        found = self._connection.execute("SELECT number, hash FROM entries ORDER BY number DESC LIMIT 1").fetchall()
        number, head = found[0] if found else (0, GENESIS)
        if number < self._last:
            raise Unavailable(f"entries after {number} were removed from {self.path.name}: put them back")
        rows = []
        for position, text in enumerate(texts, number + 1):
            rows.append((position, text, head, _link(head, text)))
            head = rows[-1][3]
        self._connection.executemany("INSERT INTO entries VALUES (?, ?, ?, ?)", rows)
        self._connection.execute("COMMIT")
        self._last = rows[-1][0]
        return int(number) + 1


def _key(folder: Path) -> bytes:
    """Return the key for identifiers: BEFFROI_JOURNAL_KEY (hex), else `journal.key`, made once for all processes."""
    given = os.environ.get("BEFFROI_JOURNAL_KEY")
    path = folder / "journal.key"
    try:
        if given is None and not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            aside = folder / f"journal.key.{os.getpid()}.{threading.get_ident()}"
            with os.fdopen(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # another process was first: its key holds
                os.link(aside, path)
            aside.unlink()
        text = given if given is not None else path.read_text(encoding="ascii")
    except OSError as error:
        raise unavailable(path, error) from error
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) < 32:
        place = "BEFFROI_JOURNAL_KEY" if given is not None else str(path)
        raise Misconfigured(f"{place} must be a key of at least 32 bytes, written as hexadecimal digits")
    return key


def _link(previous: str, text: str) -> str:
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


@dataclass(frozen=True)
class Result:
    """What a verification found: the number of entries, the hash of the last, and a sentence per break."""

    entries: int
    head: str
    problems: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Tell whether the chain is unbroken."""
        return not self.problems


def verify(path: Path) -> Result:
    """Walk the chain at `path` and tell every entry that was changed, removed from the middle, or moved.

    Entries removed at the end, or a whole chain written anew, cannot be told from inside: compare `head` with one
    that was noted outside. Raises NotFound where there is no journal, Unavailable where it cannot be read.
    """
    if not path.is_file():
        raise NotFound(f"there is no journal at {path}: nothing was journaled yet, or it was removed")
    walked = _Walk()
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            for row in connection.execute("SELECT number, entry, previous, hash FROM entries ORDER BY number"):
                walked.step(*row)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise unavailable(path, error) from error  # locked, forbidden, a broken disk: that tells nothing of it
        walked.problems.append(f"nothing can be read after entry {walked.number}: {error}")
    return Result(walked.entries, walked.head, tuple(walked.problems))


class _Walk:
    """Where a verification stands, and what it found."""

    def __init__(self) -> None:
        self.entries, self.number, self.head = 0, 0, GENESIS
        self.problems: list[str] = []

    def step(self, number: int, entry: Any, previous: Any, hashed: Any) -> None:
        """Look at the next entry."""
        self.problems += self._wrong(number, entry, previous, hashed)
        self.entries, self.number, self.head = self.entries + 1, number, str(hashed)

    def _wrong(self, number: int, entry: Any, previous: Any, hashed: Any) -> Iterator[str]:
        if number != self.number + 1:
            gap = f"{self.number + 1}" if number == self.number + 2 else f"{self.number + 1} to {number - 1}"
            yield f"entry {gap} was removed"
        elif previous != self.head:
            yield f"entry {number} does not follow the one before it: an entry was removed here, or moved"
        if _link(str(previous), str(entry)) != hashed:
            yield f"entry {number} was changed"
