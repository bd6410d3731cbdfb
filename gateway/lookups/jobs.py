"""Jobs: many questions that are kept until they are answered, and their answers for a day, in `.beffroi/jobs/`.

A job is one file, for its application alone. What its rows ask and what they were answered is encrypted with a key that
the journal's key gives (`BEFFROI_JOURNAL_KEY`, or a file beside): with that in the environment, the disk alone tells of
nobody. A job that is deleted, or over, is gone with its file. `ID.ended` beside `ID.db` marks one that has ended, at its
time: it is not opened to be counted or swept. The end stands in the job first: a mark that is missing is made later.
"""

import contextlib
import fcntl
import json
import os
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography.exceptions import InvalidTag

from connectors.errors import InvalidRequest, LimitReached, NotFound, Unavailable
from gateway.callers.access import Caller
from gateway.journal.keys import Keys
from gateway.lookups.incoming import Form, Row, kept, unkept
from gateway.lookups.outgoing import Told
from gateway.lookups.seal import Seal
from pipelines.whole import on_disk

KEPT = 86_400.0
"""Seconds that a job's answers are kept after its end."""

MOST = 10
"""Jobs of one application that may wait or be under way."""

PAGE = 500
"""Rows that are read from a job at a time."""

ID = re.compile(r"[0-9a-f]{32}")
NONE = "there is no job of yours with that ID: it never was, was deleted, or its day is over"

TABLES = """
CREATE TABLE job (key TEXT NOT NULL, about BLOB NOT NULL, rows INTEGER NOT NULL, ended REAL);
CREATE TABLE rows (number INTEGER PRIMARY KEY, question BLOB NOT NULL, outcome TEXT, told BLOB);
CREATE INDEX by_outcome ON rows (outcome);
"""
OPTIONS = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 10000;"


@dataclass(frozen=True)
class About:
    """What a job is: the lookup, who asked and what was granted, how questions came and how answers are wanted."""

    lookup: str
    caller: dict[str, Any]
    form: Form
    columns: tuple[str, ...]
    fields: tuple[str, ...]
    began: str
    anew: bool = False
    shares: str = ""
    separator: str = ","

    def as_caller(self) -> Caller:
        """Return who asked."""
        return Caller(**self.caller)


def told_of(caller: Caller) -> dict[str, Any]:
    """Return a caller as a job keeps it."""
    return {name: value for name, value in asdict(caller).items() if name != "refusal"}


class Jobs:
    """The jobs of one workspace, for all its processes."""

    def __init__(self, state: Path, keys: Keys) -> None:
        """Nothing is made until a job comes."""
        self.folder, self._keys = state / "jobs", keys

    def new(self, about: About, rows: Iterable[Row]) -> str:
        """Keep a new job, whole on disk when this returns, and return its ID.

        Raises InvalidRequest for rows that are too many, LimitReached where its application has MOST jobs under way,
        Unavailable where it cannot be kept.
        """
        self._room(about)  # what is refused is not written first
        name, (key, secret) = secrets.token_hex(16), self._keys.all[0]
        seal, part = Seal(secret, name), self.folder / f"{name}.part"
        try:
            with contextlib.closing(_opened(part, "rwc")) as connection:
                connection.executescript(TABLES)
                sealed = ((row.number, seal.closed(kept(row), f"q{row.number}")) for row in rows)
                connection.execute("BEGIN")
                connection.executemany("INSERT INTO rows (number, question) VALUES (?, ?)", sealed)
                text = seal.closed(json.dumps(asdict(about)).encode(), "about")
                connection.execute("INSERT INTO job SELECT ?, ?, count(*), NULL FROM rows", (key, text))
                connection.execute("COMMIT")
            with self.alone("new", wait=True):  # of many that come at once, each is counted by the next
                self._room(about)
                part.rename(self.folder / f"{name}.db")
            on_disk(self.folder)
        except (sqlite3.Error, OSError) as error:
            raise Unavailable(f"the job cannot be kept in .beffroi/jobs/ ({type(error).__name__})") from error
        finally:
            part.unlink(missing_ok=True)
        return name

    def _room(self, about: About) -> None:
        """Make the folder, and see that the application has not too many jobs. Raises what `new` raises."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            names = self.names()
        except OSError as error:
            raise Unavailable(f"the folder .beffroi/jobs/ cannot be made or read: {error.strerror}") from error
        application, count = about.caller["application"], 0
        for name in names:
            with contextlib.suppress(NotFound, Unavailable), contextlib.closing(self.job(name)) as other:
                count += other.ended() is None and other.about.caller["application"] == application
        if count >= MOST:
            said = f"{application} has {count} jobs under way, and may have no more: wait for one, or delete one"
            raise LimitReached(said, retry_in=60)

    def names(self) -> list[str]:
        """Return the IDs of the jobs under way, oldest first. No file is opened. Raises OSError."""
        return sorted(self._having(".db") - self._having(".ended"), key=lambda name: _age(self.folder / f"{name}.db"))

    def ended(self) -> set[str]:
        """Return the IDs of the jobs that have ended and are kept. No file is opened. Raises OSError."""
        return self._having(".ended") & self._having(".db")

    def _having(self, ending: str) -> set[str]:
        if not self.folder.exists():  # there was no job yet
            return set()
        return set(filter(ID.fullmatch, (each.name.removesuffix(ending) for each in os.scandir(self.folder))))

    def job(self, name: str) -> "Job":
        """Open a job. Raises NotFound, and Unavailable where it cannot be read."""
        if ID.fullmatch(name) is None:
            raise NotFound(NONE)
        return Job(self.folder / f"{name}.db", self._keys)

    def sweep(self, now: float) -> None:
        """Delete the jobs whose day is over at a moment, and what a killed process left of one that never was.

        One that has not ended and whose key is lost is over a day after its file was last touched.
        """
        for path in (self.folder / f"{name}.db" for name in self.names()):
            with contextlib.suppress(sqlite3.Error), contextlib.closing(_opened(path, "rw")) as job:
                key, ended = job.execute("SELECT key, ended FROM job").fetchone()
                if ended is not None:
                    _mark(path, ended)
                elif key not in self._keys.names() and now - _age(path) > KEPT:
                    _delete(path)
        for path in (path for path in self.folder.glob("*.ended") if now - _age(path) > KEPT):
            _delete(path)
        for path in (path for path in self.folder.glob("*.part*") if now - _age(path) > KEPT):
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def alone(self, name: str, *, wait: bool = False) -> Iterator[bool]:
        """Tell whether this process may work on a job: no other does until the block ends, or the process."""
        file = os.open(self.folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(file)


class Job:
    """One job, open. Close it."""

    def __init__(self, path: Path, keys: Keys) -> None:
        """Open the file at `path`. Raises NotFound where there is none, Unavailable where it cannot be read."""
        if not path.exists():
            raise NotFound(NONE)
        self._path, self.name = path, path.stem
        self._lock = threading.Lock()  # a thread that was left at its work must not find the file closed under it
        try:
            self._connection = _opened(path, "rw")
            self._connection.executescript(OPTIONS)
            key, about, self.rows = self._connection.execute("SELECT key, about, rows FROM job").fetchone()
            secret = next((secret for name, secret in keys.all if name == key), None)
            if secret is None:
                said = "the key that this job was kept with is not there any more: ask anew, it goes away by itself"
                raise Unavailable(said)
            self._seal = Seal(secret, path.stem)
            told = json.loads(self._seal.opened(about, "about"))
            self.about = About(**told | {"columns": tuple(told["columns"]), "fields": tuple(told["fields"])})
        except (sqlite3.Error, TypeError, ValueError, KeyError, InvalidTag) as error:  # one of another version too
            raise Unavailable(f"the job cannot be read ({type(error).__name__}): delete it, and ask anew") from error

    def close(self) -> None:
        """Close the file, once no thread works on it any more."""
        with self._lock:
            self._connection.close()

    def delete(self) -> None:
        """Delete the job for good, whoever works on it."""
        _delete(self._path)

    def deleted(self) -> bool:
        """Tell whether it was deleted meanwhile."""
        return not self._path.exists()

    def ended(self) -> float | None:
        """Return when the last row was answered, as seconds since 1970. Raises Unavailable."""
        found: float | None = self._all("SELECT ended FROM job")[0][0]
        return found

    def counted(self) -> dict[str, int]:
        """Return how many rows ended how. Raises Unavailable."""
        return dict(self._all("SELECT outcome, count(*) FROM rows WHERE outcome IS NOT NULL GROUP BY outcome"))

    def left(self) -> Iterator[Row]:
        """Yield the rows that have no answer yet. Raises Unavailable."""
        sql = "SELECT number, question FROM rows WHERE outcome IS NULL AND number > ? ORDER BY number LIMIT ?"
        last = 0
        while found := self._all(sql, (last, PAGE)):
            for number, question in found:
                yield self._row(number, question)
            last = found[-1][0]

    def keep(self, some: Iterable[tuple[Row, Told]]) -> None:
        """Keep answers; they are not asked for again. Raises Unavailable."""
        values = [
            (told["outcome"], self._seal.closed(json.dumps(told).encode(), f"a{row.number}"), row.number)
            for row, told in some
        ]
        try:
            with self._lock:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany("UPDATE rows SET outcome = ?, told = ? WHERE number = ?", values)
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error), self._lock:
                self._connection.execute("ROLLBACK")
            raise Unavailable(f"the job's answers cannot be kept ({type(error).__name__})") from error

    def end(self) -> None:
        """Note that every row is answered; said again, it changes nothing. Raises Unavailable."""
        self._all("UPDATE job SET ended = ? WHERE ended IS NULL", (time.time(),))
        with contextlib.suppress(OSError):  # it is marked at the next look
            _mark(self._path, self.ended() or time.time())

    def answers(self, after: int) -> list[tuple[Row, Told]]:
        """Return the next PAGE rows after one, and what they were answered. Raises Unavailable."""
        sql = "SELECT number, question, told FROM rows WHERE number > ? AND told IS NOT NULL ORDER BY number LIMIT ?"
        return [
            (self._row(number, question), json.loads(self._seal.opened(told, f"a{number}")))
            for number, question, told in self._all(sql, (after, PAGE))
        ]

    def _row(self, number: int, question: bytes) -> Row:
        try:
            return unkept(number, self._seal.opened(question, f"q{number}"))
        except (InvalidTag, InvalidRequest) as error:
            raise Unavailable(f"row {number} of the job cannot be read ({type(error).__name__})") from error

    def _all(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            with self._lock:
                return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise Unavailable(f"the job cannot be read or written ({type(error).__name__})") from error


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    if mode == "rwc":
        path.touch(mode=0o600)
    # One thread at a time uses it, not always the same.
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
    )


def _mark(path: Path, ended: float) -> None:
    path.with_suffix(".ended").touch(mode=0o600)
    os.utime(path.with_suffix(".ended"), (ended, ended))


def _delete(path: Path) -> None:
    for ending in (".db", ".db-wal", ".db-shm", ".lock", ".ended"):  # the mark last: by it, what is left is swept
        path.with_suffix(ending).unlink(missing_ok=True)


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it went away meanwhile
        return time.time()
