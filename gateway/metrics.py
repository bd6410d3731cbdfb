"""What the gateway counts while it answers, for Prometheus: `GET /metrics`, where the workspace declares `metrics`.

Each process counts in files of its own under `.beffroi/metrics/`, of which a scrape of any process tells the sum; they
begin anew where the gateway does. Labels are names that are declared, actions and codes of errors: never an identifier,
an agent, a purpose, or anything that a caller made up.
Source: https://prometheus.github.io/client_python/multiprocess/, whose files and collector these are.
"""

import contextlib
import fcntl
import os
import secrets
import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from prometheus_client.mmap_dict import MmapedDict, mmap_key

from connectors.errors import Unavailable

if TYPE_CHECKING:
    from gateway.journal import Entry

FOLDER = "metrics"
SECONDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip
"""Upper bounds of the histograms' buckets: a row of a dataset takes microseconds, a registry up to its deadline."""

ROOM = 2**18
"""Bytes that each file has from the start: room for thousands of labels."""

NOBODY = "(nobody)"
"""The application of calls whose credential is none."""

ABOUT = {
    "beffroi_accesses": "Accesses and refusals by any way, as the journal has them, by outcome: found, or an error's code",
    "beffroi_turned_away": "Calls without a credential that were refused before the journal: too many from one address",
    "beffroi_provider_answers": "Questions that a provider was asked, by outcome: found, or an error's code",
    "beffroi_provider_seconds": "Seconds that a provider took",
    "beffroi_provider_breaker_open": "1 while a registry is taken to be out of order by some process, else 0",
    "beffroi_cache_answers": "Questions to lookups that keep answers: hit, not-found or miss; stale are misses that nobody could answer",
    "beffroi_journal_entries": "Entries that are on disk",
    "beffroi_journal_failures": "Entries that could not be written, whose answers were not given",
    "beffroi_journal_commit_seconds": "Seconds that a commit of the journal took, whatever the number of its entries",
    "beffroi_journal_waiting": "Entries that had come while the last commit was made",
}  # fmt: skip


class _File(Protocol):
    """What we use of the library's files, which bear no types."""

    def write_value(self, key: str, value: float, timestamp: float) -> None: ...
    def close(self) -> None: ...


class _Value:
    """One number, here and in the process's file."""

    __slots__ = ("_file", "_key", "_now")

    def __init__(self, file: _File, key: str) -> None:
        self._file, self._key, self._now = file, key, 0.0
        file.write_value(key, 0.0, 0.0)

    def add(self, more: float) -> None:
        self._now += more
        self._file.write_value(self._key, self._now, 0.0)

    def set(self, now: float) -> None:
        self._file.write_value(self._key, now, 0.0)


class _Seconds:
    """One histogram: the count of each bucket, and the sum."""

    __slots__ = ("_buckets", "_sum")

    def __init__(self, file: _File, name: str, labels: Mapping[str, str]) -> None:
        bounds = [*map(str, SECONDS), "+Inf"]
        self._buckets = [_Value(file, _key(name, f"{name}_bucket", {**labels, "le": bound})) for bound in bounds]
        self._sum = _Value(file, _key(name, f"{name}_sum", labels))

    def add(self, seconds: float) -> None:
        self._buckets[bisect_left(SECONDS, seconds)].add(1.0)
        self._sum.add(seconds)


class Metrics:
    """What one process counts. Thread-safe; microseconds a call. Close it when done."""

    def __init__(self, state: Path) -> None:
        """Begin to count in the folder of the workspace's `state`. Raises Unavailable."""
        self.folder = state / FOLDER
        self._lock = threading.Lock()
        try:
            self._held = _begun(self.folder, name := secrets.token_hex(8))
            self._counters = _file(self.folder / f"counter_{name}.db")
            self._histograms = _file(self.folder / f"histogram_{name}.db")
            self._most = _file(self.folder / f"gauge_livemax_{name}.db")
            self._sums = _file(self.folder / f"gauge_livesum_{name}.db")
        except OSError as error:
            raise Unavailable(f"the folder .beffroi/{FOLDER}/ cannot be written: {error.strerror}") from error
        self._accesses: dict[tuple[str | None, str, str], _Value] = {}
        self._answers: dict[tuple[str, str], _Value] = {}
        self._took: dict[str, _Seconds] = {}
        self._breakers: dict[str, _Value] = {}
        self._cached: dict[tuple[str, str], _Value] = {}
        self._turned_away = self._counter("beffroi_turned_away", {})
        self._entries = self._counter("beffroi_journal_entries", {})
        self._failures = self._counter("beffroi_journal_failures", {})
        self._commits = _Seconds(self._histograms, "beffroi_journal_commit_seconds", {})
        self._waiting = _Value(self._sums, _key("beffroi_journal_waiting", "beffroi_journal_waiting", {}))

    def close(self) -> None:
        """Count no more; what was counted stays as long as another process of the gateway runs."""
        with self._lock:
            for file in (self._counters, self._histograms, self._most, self._sums):
                file.close()
            os.close(self._held)

    def _counter(self, name: str, labels: Mapping[str, str]) -> _Value:
        return _Value(self._counters, _key(name, f"{name}_total", labels))

    def access(self, entry: "Entry") -> None:
        """Count an entry that is handed to the journal."""
        key = (entry.application, entry.action, entry.outcome)
        with self._lock:
            if (value := self._accesses.get(key)) is None:
                labels = {"application": key[0] or NOBODY, "action": key[1], "outcome": key[2]}
                value = self._accesses[key] = self._counter("beffroi_accesses", labels)
            value.add(1.0)

    def turned_away(self) -> None:
        """Count a call that was refused before the journal."""
        with self._lock:
            self._turned_away.add(1.0)

    def provider(self, name: str, outcome: str, seconds: float) -> None:
        """Count how a provider answered a question, and how long that took."""
        with self._lock:
            if (value := self._answers.get((name, outcome))) is None:
                labels = {"provider": name, "outcome": outcome}
                value = self._answers[name, outcome] = self._counter("beffroi_provider_answers", labels)
            value.add(1.0)
            if (took := self._took.get(name)) is None:
                took = self._took[name] = _Seconds(self._histograms, "beffroi_provider_seconds", {"provider": name})
            took.add(seconds)

    def breaker(self, name: str, *, is_open: bool) -> None:
        """Note whether a registry is taken to be out of order."""
        with self._lock:
            if (value := self._breakers.get(name)) is None:
                key = _key("beffroi_provider_breaker_open", "beffroi_provider_breaker_open", {"provider": name})
                value = self._breakers[name] = _Value(self._most, key)
            value.set(float(is_open))

    def kept(self, lookup: str, outcome: str) -> None:
        """Count what the cache had of a question: `hit`, `miss`, `not-found` or `stale`."""
        with self._lock:
            if (value := self._cached.get((lookup, outcome))) is None:
                labels = {"lookup": lookup, "outcome": outcome}
                value = self._cached[lookup, outcome] = self._counter("beffroi_cache_answers", labels)
            value.add(1.0)

    def committed(self, entries: int, waiting: int, seconds: float, *, written: bool) -> None:
        """Count a commit of the journal, or one that failed, and note how many entries have come meanwhile."""
        with self._lock:
            self._waiting.set(waiting)
            (self._entries if written else self._failures).add(entries)
            self._commits.add(seconds)


def _file(path: Path) -> _File:
    with path.open("ab") as file:  # it is written through memory, where a disk without room would end the process
        os.posix_fallocate(file.fileno(), 0, ROOM)
    made: _File = MmapedDict(str(path))  # type: ignore[no-untyped-call]
    return made


def _key(name: str, sample: str, labels: Mapping[str, str]) -> str:
    return mmap_key(name, sample, list(labels), list(labels.values()), ABOUT[name])


def _begun(folder: Path, name: str) -> int:
    """Make the file that says that a process counts, and return it held; take out what the last gateway counted."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(folder):
        if not any(_lives(path) for path in folder.glob("*.held")):
            for path in folder.glob("*_*.db"):
                path.unlink()
        file = os.open(folder / f"{name}.held", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


def forget_dead(folder: Path) -> None:
    """Take out what processes that are no more said of the present; what they counted stays. Raises OSError."""
    with _alone(folder):
        for path in folder.glob("*.held"):
            if not _lives(path):
                for told in folder.glob(f"gauge_*_{path.stem}.db"):
                    told.unlink()
                path.unlink()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _lives(path: Path) -> bool:
    """Tell whether the process that made a file still holds it."""
    file = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
