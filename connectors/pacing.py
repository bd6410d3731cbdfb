"""How fast a registry may be asked: calls a second, a minute and at once, for all threads and processes together.

Two things are kept per registry and host in `.beffroi/pacing/`. A *place* is a file that whoever makes a call holds the
kernel's lock on: a process that is killed lets go of it. A long read holds a place as a lookup does: the limit is what
the registry bears from all of us. The *ledger* holds the moments of the last calls, and until
when the registry asked us to stay away; whoever wants a turn writes the moment of it there, under the ledger's own
lock, and waits for it. So no more calls begin in any second or minute than are allowed, however they are spread. Who has
more time than any lookup has, a table to read, takes turns evenly and gives way.

Libraries that limit rates count in one process, or take a database per call; none of them holds places that a killed
process gives back. Moments are those of the wall clock, which processes share and a restart does not begin anew; a
clock that is set back costs no more than one wait, since no moment is believed that lies further ahead than any could.
"""

import fcntl
import math
import os
import random
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Busy, Down, Unavailable
from connectors.limits import Limits

MOST_AWAY = 3600.0
"""Seconds that a registry can have us stay away at a time: a mistake in a header must not silence it for a year."""

KEPT = 1024
"""Moments that a ledger keeps; more calls in a window than that are allowed as several shorter windows."""

POLL = 0.01
"""Seconds between two looks for a place that another process may have left, about: who waits long looks as often."""

PATIENCE = 5.0
"""Seconds for which a long read gives way at each turn: it must end too where lookups use up the whole rate."""

_HEAD = struct.Struct("=dqq")  # until when to stay away, by which status, how many turns there were
_MOMENT = struct.Struct("=d")


@dataclass(frozen=True)
class Rate:
    """At most `count` calls in any `seconds`."""

    count: int
    seconds: float

    @classmethod
    def of(cls, calls: float, seconds: float) -> "Rate":
        """Return the rate of at most so many `calls` in any `seconds`; a fraction of a call is one in a longer time."""
        if calls < 1:
            return cls(1, seconds / calls)
        parts = math.ceil(math.floor(calls) / KEPT)
        return cls(math.floor(calls) // parts, seconds / parts)


def rates_of(limits: Limits) -> tuple[Rate, ...]:
    """Return the rates that limits set."""
    told = ((limits.per_second, 1.0), (limits.per_minute, 60.0))
    return tuple(Rate.of(calls, seconds) for calls, seconds in told if calls is not None)


@dataclass(frozen=True)
class Turn:
    """When a turn comes, whether it was `taken`, and by which HTTP status the registry has us wait, 0 if it has not."""

    at: float
    taken: bool
    status: int = 0


class Ledger:
    """The moments of the calls to one host, in one file. Each method opens it, and holds its lock meanwhile."""

    def __init__(self, path: Path, rates: tuple[Rate, ...]) -> None:
        """The file is made by the first call."""
        self._path, self._rates = str(path), rates
        self.ahead = max((rate.seconds for rate in rates), default=0.0)
        self._gap = max((rate.seconds / rate.count for rate in rates), default=0.0)

    def next(self, now: float, latest: float, *, patient: bool = False) -> Turn:
        """Return the next turn; it is taken where it comes until `latest`, and no more than `ahead` seconds from now.

        What lies further ahead is asked for again, nearer to it. Whoever is `patient` takes turns evenly spread, and none
        beforehand: who reads a table leaves turns for those who look up one record. Raises OSError.
        """
        with _locked(self._path) as file:
            away, status, count = self._head(file, now)
            moments = [self._moment(file, count - rate.count, now) + rate.seconds for rate in self._rates]
            if self._rates:
                last = self._moment(file, count - 1, now)  # nobody overtakes
                moments.append(last + self._gap if patient else last)
            at = max(now, away, *moments)
            taken = at <= min(latest, now if patient else now + self.ahead)
            if taken and self._rates:
                os.pwrite(file, _MOMENT.pack(at), self._place(count))
                os.pwrite(file, _HEAD.pack(away, status, count + 1), 0)
        return Turn(at, taken, status if now < away == at else 0)

    def stay_away(self, now: float, seconds: float, status: int) -> None:
        """Give no turn for so many `seconds`, MOST_AWAY at the most. Raises OSError."""
        with _locked(self._path) as file:
            away, _, count = self._head(file, now)
            until = now + min(seconds, MOST_AWAY)
            if until > away:
                os.pwrite(file, _HEAD.pack(until, status, count), 0)

    def _head(self, file: int, now: float) -> tuple[float, int, int]:
        away, status, count = _HEAD.unpack(os.pread(file, _HEAD.size, 0).ljust(_HEAD.size, b"\0"))
        return (away if away <= now + MOST_AWAY else 0.0), status, max(0, count)  # whatever a damaged file holds

    def _moment(self, file: int, turn: int, now: float) -> float:
        """Return when a turn was, or will be; none lies further ahead than `ahead` but by a clock that was set back."""
        if turn < 0:
            return -math.inf
        at: float = _MOMENT.unpack(os.pread(file, _MOMENT.size, self._place(turn)).ljust(_MOMENT.size, b"\0"))[0]
        return at if at <= now + self.ahead else -math.inf

    def _place(self, turn: int) -> int:
        return _HEAD.size + turn % KEPT * _MOMENT.size


class Places:
    """The calls that may be under way at once: as many files, of which each call holds the lock on one."""

    def __init__(self, path: Path, most: int) -> None:
        """The files are called `path` and a number. They are made when needed."""
        self._files = [f"{path}.{number}" for number in range(most)]
        self._threads = threading.Semaphore(most)
        self._held = set[int]()

    def take(self, deadline: Deadline) -> tuple[int, int] | None:
        """Wait for a place and return it, for `give`; None where none came free before `deadline`. Raises OSError."""
        if not self._threads.acquire(timeout=deadline.remaining()):
            return None
        found = None
        try:
            while (found := self._free()) is None and not deadline.passed():
                time.sleep(min(POLL * random.uniform(0.5, 1.5), deadline.remaining()))  # noqa: S311 (no secret)
        finally:
            if found is None:
                self._threads.release()
        return found

    def give(self, place: tuple[int, int]) -> None:
        """Let go of a place, from whatever thread."""
        number, file = place
        self._held.discard(number)
        os.close(file)
        self._threads.release()

    def _free(self) -> tuple[int, int] | None:
        for number, name in enumerate(self._files):
            if number in self._held:  # one of our own threads'
                continue
            file = _open(name)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(file)
                if not isinstance(error, BlockingIOError):
                    raise
            else:
                self._held.add(number)
                return number, file
        return None


class Pace:
    """The pace of one registry. Thread-safe; processes of one workspace share it through files in `.beffroi/`."""

    def __init__(self, registry: str, limits: Limits, root: Path) -> None:
        """`root` is the workspace. Nothing is written before the first call."""
        self.registry, self.limits, self.root = registry, limits, root
        self._hosts: dict[str, tuple[Places, Ledger]] = {}

    @contextmanager
    def turn(self, host: str, deadline: Deadline) -> Iterator[None]:
        """Wait for the next turn at `host`, and hold it while the block runs, which may end in another thread.

        A block must not wait for another turn at the same host: with one place only, it would wait for itself. Raises
        Busy, with the time to wait in `retry_in`, where no turn comes before `deadline`; Down instead where the
        registry, out of order, said when to come again; Unavailable where the files cannot be used.
        """
        places, ledger = self._of(host)
        try:
            place = self._taken(places, ledger, deadline)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            yield
        finally:
            places.give(place)

    def stay_away(self, host: str, seconds: float, status: int) -> None:
        """Have nobody ask `host` for so many `seconds` (MOST_AWAY at the most): it said so with an HTTP `status`."""
        try:
            self._of(host)[1].stay_away(time.time(), seconds, status)
        except OSError as error:
            raise self._unusable(error) from error

    def _taken(self, places: Places, ledger: Ledger, deadline: Deadline) -> tuple[int, int]:
        """Return a place whose turn has come. While a turn is not ours yet the place is left to others.

        A turn must leave the call half of the time that a lookup has, or of what there is: it would only be late.
        """
        began, long = time.monotonic(), deadline.remaining() > self.limits.deadline  # no lookup has so long
        last = Deadline(deadline.at - min(deadline.remaining(), self.limits.deadline) / 2)
        while (place := places.take(last)) is not None:
            taken, patient = False, long and time.monotonic() - began < PATIENCE
            try:
                now = time.time()
                turn = ledger.next(now, now + last.remaining(), patient=patient)
                taken = turn.taken
                if taken and turn.at > now:
                    time.sleep(max(0.0, turn.at - time.time()))
            finally:
                if not taken:
                    places.give(place)
            if taken:
                return place
            if turn.at > now + last.remaining():
                raise self._refusal(turn, turn.at - now)
            time.sleep(max(turn.at - now - (0 if patient else ledger.ahead), 0.0))
        said = f"all {self.limits.concurrency} places with {self.registry} are taken, here or in another process"
        raise Busy(said, registry=self.registry, retry_in=1, general=False)

    def _refusal(self, turn: Turn, wait: float) -> BeffroiError:
        if not turn.status:
            said = f"{self.registry} is asked as often as its limits allow, and no turn comes within the deadline"
            return Busy(said, registry=self.registry, retry_in=wait, general=False)
        said = f"{self.registry} asked us not to come again before a time that has not come (HTTP {turn.status})"
        kind = Busy if turn.status == 429 else Down
        return kind(said, registry=self.registry, retry_in=wait, general=False)

    def _of(self, host: str) -> tuple[Places, Ledger]:
        if host not in self._hosts:
            path = self.root / ".beffroi" / "pacing" / f"{quote(self.registry, safe='')}@{quote(host, safe='')[:150]}"
            made = Places(path, self.limits.concurrency), Ledger(path, rates_of(self.limits))
            self._hosts.setdefault(host, made)
        return self._hosts[host]

    def _unusable(self, error: OSError) -> Unavailable:
        said = f"the pace of {self.registry} cannot be kept in .beffroi/pacing/: {error.strerror}"
        return Unavailable(said, registry=self.registry)


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        for folder in (Path(path).parents[1], Path(path).parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


@contextmanager
def _locked(path: str) -> Iterator[int]:
    file = _open(path)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)
