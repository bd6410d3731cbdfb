"""The moments of the calls to one host, in one file that all threads and processes share: who may call when.

The file holds the moments of the last calls, and until when the registry asked us to stay away. Whoever wants a turn
writes the moment of it there, under the file's own lock, and waits for it (`connectors/pacing.py`): so no more calls begin
in any second or minute than are allowed, however they are spread. Who has a table to read takes turns evenly and gives way.

Moments are those of the wall clock, which processes share and a restart does not begin anew; a clock that is set back
costs no more than one wait, since no moment is believed that lies further ahead than any could.
"""

import fcntl
import math
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from connectors.limits import Limits

MOST_AWAY = 3600.0
"""Seconds that a registry can have us stay away at a time: a mistake in a header must not silence it for a year."""

KEPT = 1024
"""Moments that a ledger keeps; more calls in a window than that are allowed as several shorter windows."""

PATIENCE = 1.0
"""Seconds for which a long read gives way at each turn, or more where turns come seldom (`Ledger.patience`).

Then it goes before lookups: it must end too where they use up the whole rate, or never leave a place.
"""

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
        self.patience = max(PATIENCE, 2.5 * self._gap)

    def next(self, now: float, latest: float, *, patient: bool = False) -> Turn:
        """Return the next turn; it is taken where it comes until `latest`, and no more than `ahead` seconds from now.

        What lies further ahead is asked for again, nearer to it. Whoever is `patient` takes turns evenly spread, and none
        beforehand: who reads a table leaves turns for those who look up one record. Raises OSError.
        """
        with locked(self._path) as file:
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
        with locked(self._path) as file:
            away, _, count = self._head(file, now)
            until = now + min(seconds, MOST_AWAY)
            if until > away:
                os.pwrite(file, _HEAD.pack(until, status, count), 0)

    def away(self, now: float) -> tuple[float, int] | None:
        """Return until when no turn is given, and by which HTTP status; None where there are any. Raises OSError."""
        with locked(self._path) as file:
            until, status, _ = self._head(file, now)
        return (until, status) if until > now else None

    def _head(self, file: int, now: float) -> tuple[float, int, int]:
        away, status, count = _HEAD.unpack(os.pread(file, _HEAD.size, 0).ljust(_HEAD.size, b"\0"))
        # Whatever a damaged file holds: nobody ever took so many turns.
        return (away if away <= now + MOST_AWAY else 0.0), status, count if 0 <= count < 2**53 else 0

    def _moment(self, file: int, turn: int, now: float) -> float:
        """Return when a turn was, or will be; none lies further ahead than `ahead` but by a clock that was set back."""
        if turn < 0:
            return -math.inf
        at: float = _MOMENT.unpack(os.pread(file, _MOMENT.size, self._place(turn)).ljust(_MOMENT.size, b"\0"))[0]
        return at if at <= now + self.ahead else -math.inf

    def _place(self, turn: int) -> int:
        return _HEAD.size + turn % KEPT * _MOMENT.size


def opened(path: str) -> int:
    """Return a file of the workspace's state, made with its folders where it is not there. Raises OSError."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        for folder in (Path(path).parents[1], Path(path).parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def locks(file: int, kind: int) -> bool:
    """Tell whether a file is locked now, which somebody else's lock may forbid. Raises OSError."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(path: str) -> Iterator[int]:
    """Give a file, made if needed, once nobody else has it. Raises OSError."""
    file = opened(path)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)
