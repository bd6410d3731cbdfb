"""How often an application asks, counted for all workers together, in a small file each under `.beffroi/limits/`.

Counted are calls with a credential of that application, each once, whatever it asks for and however many questions it
holds. A window is a minute of the clock or a day of UTC, so that everybody can tell when it ends.

Source of the headers: draft-ietf-httpapi-ratelimit-headers-10.
"""

import asyncio
import contextlib
import fcntl
import os
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from connectors.errors import LimitReached, Unavailable
from connectors.ledgers import locks, opened
from pipelines.declarations.callers import CallLimits

WAIT = 2.0
"""Seconds to wait for another worker that counts, which takes microseconds."""

REFUSED = 600
"""Refusals in a minute of calls from one address whose credential is none, or of one application beyond its limits."""

_POLL = 0.0005
_WINDOWS = (("minute", 60), ("day", 86_400))
_COUNTS = struct.Struct("=qqqq")  # of each window, its number since 1970 and how many calls it had


@dataclass(frozen=True)
class Window:
    """A limit as it stands after a call: its name, so many calls in so many seconds, what is left, when it is renewed."""

    name: str
    most: int
    seconds: int
    left: int
    renewed_in: int


@dataclass(frozen=True)
class Counted:
    """What a call counts for: the windows that it is in, and whether it is one too many in some of them."""

    windows: tuple[Window, ...]
    refusal: LimitReached | None

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the two headers that tell it."""
        policy = ", ".join(f'"{each.name}";q={each.most};w={each.seconds}' for each in self.windows)
        left = ", ".join(f'"{each.name}";r={each.left};t={each.renewed_in}' for each in self.windows)
        return {"RateLimit-Policy": policy, "RateLimit": left}


class Limits:
    """The counts of one workspace. Whichever worker a call comes to, it counts once."""

    def __init__(self, state: Path) -> None:
        """`state` is the folder of the workspace's state. Nothing is written before the first call."""
        self._folder = state / "limits"

    async def count(self, application: str, limits: CallLimits) -> Counted:
        """Count a call of an application, unless it is one too many. Raises Unavailable where it cannot be counted."""
        try:
            file = opened(str(self._folder / application))
            try:
                waited = time.monotonic() + WAIT
                while not locks(file, fcntl.LOCK_EX):
                    if time.monotonic() > waited:
                        raise Unavailable(
                            "the calls of applications cannot be counted: another process holds their count"
                        )
                    await asyncio.sleep(_POLL)
                return _counted(file, application, limits, time.time())
            finally:
                os.close(file)
        except OSError as error:
            raise Unavailable(
                f"the calls of applications cannot be counted in .beffroi/limits/: {error.strerror}"
            ) from error

    def count_now(self, application: str, limits: CallLimits) -> Counted | None:
        """Count a call as `count` does; None, and it is not counted, where it is one too many, or that takes longer."""
        with contextlib.suppress(OSError):
            file = opened(str(self._folder / application))
            try:
                counted = _counted(file, application, limits, time.time()) if locks(file, fcntl.LOCK_EX) else None
            finally:
                os.close(file)
            return counted if counted is not None and counted.refusal is None else None
        return None


class Refusals:
    """How often calls were refused for their credential or their limits, by this process, in this minute of the clock.

    Each refusal is an entry of the journal, so that anybody could fill its disk. What writes none is not counted, and
    answered whatever was: others may come from that address too.
    """

    def __init__(self) -> None:
        """Nobody was refused yet."""
        self._minute, self._counts = 0, dict[str, int]()

    def begun(self, origin: str) -> int:
        """Count a refusal; return how many were before it."""
        minute = int(time.time()) // 60
        if minute != self._minute:
            self._minute, self._counts = minute, {}
        before = self._counts.get(origin, 0)
        self._counts[origin] = before + 1
        return before

    def hold(self, before: int) -> None:
        """Raise LimitReached for a call that had so many before it, where it is one too many."""
        if before >= REFUSED:
            raise LimitReached(
                f"{REFUSED} calls like this one were refused in this minute: without a good credential from its address, or"
                " beyond the limits of its application",
                retry_in=60 - int(time.time()) % 60,
            )


def standing(state: Path, application: str, limits: CallLimits) -> tuple[Window, ...]:
    """Return the windows of an application as they stand, without a call. Raises OSError."""
    path, now = state / "limits" / application, time.time()
    return tuple(_windows(_calls(path.read_bytes() if path.exists() else b"", now), limits, now).values())


def _calls(stored: bytes, now: float) -> list[int]:
    """Return the calls of each window that has not ended yet."""
    counts = _COUNTS.unpack(stored.ljust(_COUNTS.size, b"\0"))
    numbers = [int(now) // seconds for _, seconds in _WINDOWS]
    return [counts[2 * at + 1] if counts[2 * at] == number else 0 for at, number in enumerate(numbers)]


def _windows(calls: list[int], limits: CallLimits, now: float) -> dict[int, Window]:
    most = {"minute": limits.per_minute, "day": limits.per_day}
    return {
        at: Window(name, limit, seconds, max(0, limit - calls[at]), seconds - int(now) % seconds)
        for at, (name, seconds) in enumerate(_WINDOWS)
        if (limit := most[name]) is not None
    }


def _counted(file: int, application: str, limits: CallLimits, now: float) -> Counted:
    most = {"minute": limits.per_minute, "day": limits.per_day}
    calls = _calls(os.pread(file, _COUNTS.size, 0), now)
    over = [at for at, (name, _) in enumerate(_WINDOWS) if (limit := most[name]) is not None and calls[at] >= limit]
    if not over:
        calls = [each + 1 for each in calls]
        numbers = [int(now) // seconds for _, seconds in _WINDOWS]
        os.pwrite(file, _COUNTS.pack(numbers[0], calls[0], numbers[1], calls[1]), 0)
    windows = _windows(calls, limits, now)
    if not over:
        return Counted(tuple(windows.values()), None)
    full = windows[over[-1]]  # the longer one, where both are full
    said = f"{application} has made its {full.most} calls of this {full.name}"
    return Counted(tuple(windows.values()), LimitReached(said, retry_in=full.renewed_in))
