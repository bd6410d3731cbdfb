"""How fast a registry may be asked: calls a second, a minute and at once, for all threads and processes together.

Two things are kept per registry and host in `.beffroi/pacing/`. A *place* is a file that whoever makes a call holds the
kernel's lock on: a process that is killed lets go of it. A long read holds a place as a lookup does: the limit is what
the registry bears from all of us. The *ledger* (`connectors/ledgers.py`) holds the moments of the calls.

Libraries that limit rates count in one process, or take a database per call; none of them holds places that a killed
process gives back.
"""

import fcntl
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Busy, Down, Unavailable
from connectors.ledgers import Ledger, Turn, locks, opened, rates_of
from connectors.limits import Limits

POLL = 0.01
"""Seconds between two looks for a place that another process may have left, about: who waits long looks as often."""


class Places:
    """The calls that may be under way at once: as many files, of which each call holds the lock on one."""

    def __init__(self, path: Path, most: int) -> None:
        """The files are called `path` and a number. They are made when needed."""
        self._files, self._claim = [f"{path}.{number}" for number in range(most)], f"{path}.first"
        self._threads = threading.Semaphore(most)
        self._held = set[int]()

    def take(self, deadline: Deadline, *, first: bool = False) -> tuple[int, int] | None:
        """Wait for a place and return it, for `give`; None where none came free before `deadline`. Raises OSError.

        Whoever is to be `first` has the next place that comes free: meanwhile nobody else takes one.
        """
        claim = opened(self._claim)
        try:
            while not locks(claim, fcntl.LOCK_EX if first else fcntl.LOCK_SH):  # somebody goes first
                if deadline.passed():
                    return None
                time.sleep(min(POLL * random.uniform(0.5, 1.5), deadline.remaining()))  # noqa: S311 (no secret)
            if first:
                return self._next(deadline)
        finally:
            os.close(claim)
        return self._next(deadline)

    def _next(self, deadline: Deadline) -> tuple[int, int] | None:
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
            file = opened(name)
            found = False
            try:
                found = locks(file, fcntl.LOCK_EX)
            finally:
                if not found:
                    os.close(file)
            if found:
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

    def away(self) -> tuple[float, int] | None:
        """Return until when a registry has us stay away, and by which HTTP status; of several hosts the last to end.

        None where none does, of those that this process asked, or where the files cannot be used.
        """
        try:
            found = [ledger.away(time.time()) for _, ledger in list(self._hosts.values())]
        except OSError:
            return None
        return max((each for each in found if each is not None), default=None)

    def _taken(self, places: Places, ledger: Ledger, deadline: Deadline) -> tuple[int, int]:
        """Return a place whose turn has come. While a turn is not ours yet the place is left to others.

        A turn must leave the call half of the time that a lookup has, or of what there is: it would only be late.
        """
        long = deadline.remaining() > self.limits.deadline  # no lookup has so long
        last = Deadline(deadline.at - min(deadline.remaining(), self.limits.deadline) / 2)
        gives_way = last.within(ledger.patience if long else 0.0)
        while True:
            taken, patient = False, not gives_way.passed()
            place = places.take(gives_way if patient else last, first=long and not patient)
            if place is None and patient:
                continue
            if place is None:
                break
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
