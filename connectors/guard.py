"""What stands around every lookup and scan, once for all connectors: maintenance windows, a breaker, safe retries.

The breaker is our own: of the kept libraries one holds its lock while a call is under way, so that callers queue behind
a hanging one, and the others have none at all, so that a half-open breaker lets everybody through.
"""

import datetime as dt
import random
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pyarrow as pa
import tenacity

from connectors.deadline import Deadline
from connectors.errors import (
    Ambiguous,
    BeffroiError,
    Busy,
    Down,
    Late,
    Maintenance,
    Misconfigured,
    NotFound,
    Unavailable,
    Withheld,
)
from connectors.limits import Outage, Window, outage

T = TypeVar("T")

ATTEMPTS = 3
FIRST_PAUSE = 0.1
"""Seconds before the second attempt, about; twice as many before the third."""

FAILURES = 5
SILENCE = 5.0
"""Seconds that the failures must last: callers who all gave up at the same moment saw one failure, not many."""
UNKNOWN = 0.5
"""Seconds in which a registry that never answered yet is taken to answer: whoever gives it less learns nothing of it."""
FADING = 0.9
"""What is left, with each answer, of the longest time that one took: what was slow once is not slow for ever."""
REST = 10.0
"""Seconds between two calls to a registry that is taken to be out of order."""


# --- the breaker -----------------------------------------------------------------------------------------------------


class Breaker:
    """Opens where FAILURES calls in a row failed over SILENCE seconds; then one call in REST seconds finds out.

    A failure is silence: Down or Late, of the registry as a whole. Whatever else it says, unreadable answers and
    refusals too, it does answer. What nobody asked tells nothing. Thread-safe; no lock is held while a call is made.
    """

    def __init__(self, registry: str, clock: Callable[[], float] = time.monotonic) -> None:
        """It is closed."""
        self._registry, self._clock = registry, clock
        self._lock = threading.Lock()
        self._failures = 0
        self._first = 0.0  # when the first of them was noted
        self._asked: float | None = None  # since when it is open, or when somebody was last let through

    def enter(self) -> bool:
        """Tell whether this call is the one that finds out. Raises Down where it is not this call's turn."""
        with self._lock:
            if self._asked is None:
                return False
            wait = self._asked + REST - self._clock()
            if wait <= 0:
                self._asked = self._clock()
                return True
        raise Down(
            f"{self._registry} did not answer {self._failures} times in a row and is not asked for now",
            registry=self._registry,
            retry_in=wait,
            general=False,
        )

    def leave(self, error: BeffroiError | None) -> None:
        """Note how a call ended."""
        if error is not None and (not error.general or isinstance(error, Busy | Misconfigured | Unavailable)):
            return
        with self._lock:
            if not isinstance(error, Down | Late):
                self._failures, self._asked = 0, None
                return
            now = self._clock()
            self._first = self._first if self._failures else now
            self._failures += 1
            if self._asked is not None or (self._failures >= FAILURES and now - self._first >= SILENCE):
                self._asked = now

    def wait(self) -> float | None:
        """Return in how many seconds somebody is let through again; None where it is closed."""
        with self._lock:
            return None if self._asked is None else max(0.0, self._asked + REST - self._clock())


# --- retries ---------------------------------------------------------------------------------------------------------


def _safe(error: BaseException) -> bool:
    """Tell whether asking again may help. All that we ask for is read, so that it never harms.

    Late has used up its deadline; what is refused, unreadable or wrong stays so.
    """
    return isinstance(error, Down | Busy)


def _pause(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    told = error.retry_in if isinstance(error, BeffroiError) else None
    pause: float = FIRST_PAUSE * 2 ** (state.attempt_number - 1)
    return (told or 0.0) + pause * random.uniform(0.5, 1.5)  # noqa: S311 (no secret)


def _no_more(state: tenacity.RetryCallState) -> bool:
    """Tell whether to give up: asked often enough, or another attempt as long as these would outlive the deadline."""
    deadline: Deadline = state.args[1]
    took = (state.seconds_since_start or 0.0) / state.attempt_number
    return state.attempt_number >= ATTEMPTS or state.upcoming_sleep + took >= deadline.remaining()


def _once(work: Callable[[], T], deadline: Deadline) -> T:  # noqa: ARG001 (`_no_more` reads it)
    return work()


_RETRYING = tenacity.Retrying(retry=tenacity.retry_if_exception(_safe), wait=_pause, stop=_no_more, reraise=True)


# --- all of it -------------------------------------------------------------------------------------------------------


class Guard:
    """What stands around the calls of one registry. Thread-safe."""

    def __init__(self, registry: str, windows: tuple[Window, ...], seconds: float) -> None:
        """`windows` are those in which it is not asked, `seconds` what a lookup has by the registry's limits."""
        self._registry, self._windows, self._seconds = registry, windows, seconds
        self._took: float | None = None  # seconds that an answer takes at most, as far as was seen of late
        self.breaker = Breaker(registry)

    def outage(self) -> Outage | None:
        """Return the maintenance that is going on, None where there is none."""
        return outage(self._windows, dt.datetime.now(dt.UTC)) if self._windows else None

    def call(self, work: Callable[[], T], deadline: Deadline) -> T:
        """Return what `work` returns, which only reads and raises errors of ours; asked again where that is safe.

        Raises Maintenance without a call, Down without a call where the breaker is open, and what `work` raises; a Late
        that came of our own haste is not `general`.
        """
        if (found := self.outage()) is not None:
            raise maintenance(self._registry, found)
        finds_out = self.breaker.enter()
        hurried, began = self.hurried(deadline), time.monotonic()
        try:
            answer: T = work() if finds_out else _RETRYING(_once, work, deadline)
        except BeffroiError as error:
            if isinstance(error, NotFound | Withheld | Ambiguous):  # an answer as well
                self._answered(time.monotonic() - began)
            error.general = error.general and not (hurried and isinstance(error, Late))
            self.breaker.leave(error)
            raise
        self._answered(time.monotonic() - began)
        self.breaker.leave(None)
        return answer

    def hurried(self, deadline: Deadline) -> bool:
        """Tell whether `deadline` leaves less than an answer takes: who is late by it was not given its time.

        Half of a lookup's deadline is time enough for anybody: no more is granted to a registry that grew slow.
        """
        usual = UNKNOWN if self._took is None else 2 * self._took
        return deadline.remaining() < min(self._seconds / 2, usual)

    def _answered(self, took: float) -> None:
        self._took = max(took, FADING * (self._took or 0.0))


def maintenance(registry: str, found: Outage) -> Maintenance:
    """Return the error of a registry that is under planned maintenance."""
    wait = (found.until - dt.datetime.now(dt.UTC)).total_seconds()
    until = found.until.isoformat(timespec="minutes")
    said = f"{registry} is under planned maintenance until {until} and was not asked: {found.reason}"
    return Maintenance(said, registry=registry, retry_in=max(0.0, wait))


_PARTS: weakref.WeakKeyDictionary[pa.RecordBatchReader, Generator[pa.RecordBatch, None, None]] = (
    weakref.WeakKeyDictionary()
)
"""What each scan under way reads from: Arrow keeps it until the scan is forgotten, closed or not."""


def begun(scan: Any) -> Any:
    """Return a scan of which the first batch is there, so that what fails before it can be asked for again."""
    if not isinstance(scan, pa.RecordBatchReader):
        return scan
    first, schema = next(scan, None), scan.schema
    parts = _from(first, scan)
    reader = pa.RecordBatchReader.from_batches(schema, parts)
    _PARTS[reader] = parts
    return reader


@contextmanager
def ended(scan: pa.RecordBatchReader) -> Iterator[pa.RecordBatchReader]:
    """End a scan after the block with all that it holds: a connection, a statement under way, a place of the pace."""
    try:
        yield scan
    finally:
        if (parts := _PARTS.pop(scan, None)) is not None:
            parts.close()
        scan.close()


def _from(first: pa.RecordBatch | None, scan: pa.RecordBatchReader) -> Generator[pa.RecordBatch, None, None]:
    with scan:
        if first is not None:
            yield first
            del first
            yield from scan
