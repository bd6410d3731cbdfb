"""Several processes that answer on one socket, each a worker; the one that was called begins, replaces and ends them.

All have the settings that were read before the first began, or at the last SIGHUP: a worker that takes the place of one
that died has those of its neighbours, whatever the files say meanwhile. What workers share is in the workspace's state
(`.beffroi/`), as between any processes.

A worker is a fork of the process that has read everything, so that it begins within moments and shares its memory. That
one has no threads but those of jemalloc and OpenBLAS, which provide for forks; what makes others is made in the worker.
Supervisors that there are begin each worker as a program of its own, seconds long, or leave them alive when they are killed.
"""

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from pathlib import Path

from connectors.errors import BeffroiError, Unavailable
from pipelines.workspace import Workspace

log = logging.getLogger("beffroi")

Work = Callable[[Workspace, Callable[[], None]], None]
"""What a worker does until it is told to end; it says when it is about to answer."""

START = 60.0
"""Seconds that a worker may take until it answers."""

DRAIN = 15.0
"""Seconds for a worker to end what is under way, a little more than it gives itself."""

SHORT = 1.0
"""Seconds: whoever lives shorter is replaced at once the first time, then after a pause that doubles, up to LONGEST."""

LONGEST = 60.0

_ENDING = {signal.SIGTERM, signal.SIGINT}
_SIGNALS = {*_ENDING, signal.SIGHUP, signal.SIGCHLD}
_FORK = multiprocessing.get_context("fork")


@dataclass
class _Place:
    """Where one worker is, or the next will be."""

    process: ForkProcess | None = None
    began: float = 0.0
    short: int = 0  # lives in a row that were short
    not_before: float = 0.0


class Workers:
    """The workers of one gateway. Used by the main thread alone, which waits for signals in it."""

    def __init__(self, root: Path, listener: socket.socket, count: int, work: Work) -> None:
        """Read the settings. Raises Misconfigured."""
        self._root, self._listener, self._work = root, listener, work
        self._workspace = Workspace(root)
        self._places = [_Place() for _ in range(count)]
        self._life = os.pipe()  # nothing is ever written: it breaks when we end, however we end

    def run(self, ready: Callable[[], None]) -> None:
        """Answer until Ctrl-C or SIGTERM, then end what is under way. SIGHUP reads the settings anew.

        `ready` is called when all answer. Raises what kept a worker from answering, while none does.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            for place in self._places:
                if not self._begin(place):
                    return
            ready()
            while (came := self._signal()) not in _ENDING:
                if came == signal.SIGHUP:
                    self._renew()
                self._replace()
        finally:
            self._listener.close()  # whoever connects from now on is told so, and does not wait for nobody
            self._end([place.process for place in self._places])
            for end in self._life:
                os.close(end)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _signal(self) -> int | None:
        """Wait for a signal, a second at most: a place may be due."""
        told = signal.sigtimedwait(_SIGNALS, 1.0)
        return None if told is None else told.si_signo

    def _begin(self, place: _Place) -> bool:
        """Begin a worker and wait until it answers; tells whether it does: not where we are to end meanwhile.

        Raises what keeps it from answering.
        """
        theirs, ours = _FORK.Pipe(duplex=False)
        place.process = _FORK.Process(target=self._worker, args=(ours,), name="worker")
        place.began = time.monotonic()
        place.process.start()
        ours.close()
        with theirs:
            while not theirs.poll(0.1):
                if signal.sigpending() & _ENDING:
                    return False
                if time.monotonic() > place.began + START:
                    self._end([place.process], 0.0)
                    raise Unavailable(f"a worker did not begin to answer within {START:.0f} seconds")
            try:
                error: BeffroiError | None = theirs.recv()
            except EOFError:
                place.process.join()
                how = _how(place.process.exitcode)
                raise Unavailable(f"a worker {how} before it could answer: what it wrote says why") from None
        if error is not None:
            place.process.join()
            raise error
        return True

    def _worker(self, told: Connection) -> None:
        """Be a worker."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who began us, until the server listens to it
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        os.close(self._life[1])
        threading.Thread(target=_end_with, args=(self._life[0],), daemon=True).start()
        try:
            self._work(self._workspace, lambda: told.send(None))
        except BeffroiError as error:
            told.send(type(error)(error.detail))

    def _replace(self) -> None:
        """Begin a worker in each place that has none. Raises what keeps it from answering, where nobody else does."""
        for place in self._places:
            if place.process is not None and place.process.exitcode is not None:
                place.short = place.short + 1 if time.monotonic() < place.began + SHORT else 1
                pause = min(LONGEST, 2.0 ** (place.short - 1) - 1)
                when = f"in {pause:.0f} seconds" if pause else "at once"
                log.error("a worker %s; another begins %s", _how(place.process.exitcode), when)
                place.process, place.not_before = None, time.monotonic() + pause
            if place.process is None and time.monotonic() >= place.not_before:
                try:
                    self._begin(place)
                except BeffroiError as error:
                    if not any(each.process is not None and each.process.is_alive() for each in self._places):
                        raise
                    log.error("a worker cannot begin: %s", error.detail)  # noqa: TRY400  # the trace says no more

    def _renew(self) -> None:
        """Read the settings anew, and put workers that have them in the places of all.

        Settings that are wrong, or by which the first of these cannot answer, change nothing. From then on none stays
        that has those of before, even where there are fewer for a while: a grant that was taken back must not live on.
        """
        before, first = self._workspace, _Place()
        try:
            self._workspace = Workspace(self._root)
            begun = self._begin(first)
        except BeffroiError as error:
            self._workspace = before
            log.error("the settings stay as they were: %s", error.detail)  # noqa: TRY400  # the same
            return
        old, self._places = self._places, [first, *(_Place() for _ in self._places[1:])]
        if begun:
            self._replace()
        self._end([place.process for place in old])
        log.info("the settings were read anew: all workers have them")

    def _end(self, processes: list[ForkProcess | None], within: float = DRAIN) -> None:
        """End workers, and wait for them; those that take longer are killed."""
        there = [each for each in processes if each is not None and each.exitcode is None]
        until = time.monotonic() + within
        for each in there:
            each.terminate()
        for each in there:
            each.join(max(0.0, until - time.monotonic()))
            if each.exitcode is None:
                log.error("a worker did not end within %.0f seconds, and is killed", within)
                each.kill()
                each.join()


def _end_with(life: int) -> None:
    """End this worker, as SIGTERM does, when the process that began it is no more."""
    os.read(life, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _how(code: int | None) -> str:
    """Say how a process ended."""
    return (
        f"was ended by {signal.Signals(-code).name}" if code is not None and code < 0 else f"ended with status {code}"
    )
