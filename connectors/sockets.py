"""Connections that end when their call's deadline passes, whatever the server does meanwhile.

The time-outs of HTTP libraries are per read, so a server that drips a byte a second outlives them. Here a single
watchdog thread shuts the sockets of overdue calls, under their reader and under TLS too. Only `connectors/http.py`
uses this module.
"""

import contextlib
import heapq
import math
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError

from connectors.deadline import Deadline


@dataclass(order=True)
class Call:
    """One call under watch: `guards` are duplicates of its sockets, shut down together when `at` has passed.

    `left` are those whose connection was closed before the answer was read: http.client does so at the head of an
    answer without a length, and reads on from the socket. `reused` tells that a kept-alive connection was taken.
    """

    at: float
    guards: list[socket.socket] = field(compare=False, default_factory=list)
    left: list[socket.socket] = field(compare=False, default_factory=list)
    shut: bool = field(compare=False, default=False)
    reused: bool = field(compare=False, default=False)
    done: bool = field(compare=False, default=False)


class _Watchdog:
    """Shuts the connections of overdue calls. One daemon thread, started with the first call."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._looks = math.inf  # when it wakes by itself

    def watch(self, call: Call) -> None:
        with self._changed:
            heapq.heappush(self._calls, call)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="beffroi-deadlines", daemon=True)
                self._thread.start()
            if call.at < self._looks:
                self._changed.notify()

    def enlist(self, guard: socket.socket, call: Call, before: Call | None) -> None:
        """Put `guard` under `call`, and no longer under the call that its connection served `before`."""
        with self._changed:
            if before is not None and guard in before.guards:
                before.guards.remove(guard)
            call.guards.append(guard)
            if call.shut:  # the deadline passed while the connection was being made
                _shut(guard)

    def leave(self, guard: socket.socket, call: Call | None) -> None:
        """Close `guard`, whose connection was closed: now, or when `call` is over."""
        with self._changed:
            if call is None or call.done:
                guard.close()
            else:
                call.left.append(guard)

    def finish(self, call: Call) -> None:
        with self._changed:
            call.done = True
            for guard in call.left:
                guard.close()
            while self._calls and self._calls[0].done:
                heapq.heappop(self._calls)

    def _run(self) -> None:
        with self._changed:
            while True:
                wait = Deadline(self._calls[0].at).remaining() if self._calls else None
                self._looks = self._calls[0].at if self._calls else math.inf
                if wait != 0.0:
                    self._changed.wait(wait)
                    continue
                call = heapq.heappop(self._calls)
                if not call.done:
                    call.shut = True
                    for guard in call.guards:
                        _shut(guard)


def _shut(guard: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has ended by itself
        guard.shutdown(socket.SHUT_RDWR)


_WATCHDOG = _Watchdog()
_CURRENT: ContextVar[Call | None] = ContextVar("beffroi_call", default=None)


@contextlib.contextmanager
def watching(deadline: Deadline) -> Iterator[Call]:
    """Hold the connections of the call it gives to `deadline`; its `shut` tells afterwards whether that passed."""
    call = Call(deadline.at)
    _WATCHDOG.watch(call)
    try:
        yield call
    finally:
        _WATCHDOG.finish(call)


@contextlib.contextmanager
def connecting(call: Call) -> Iterator[None]:
    """Put every connection that the block makes or uses under `call`. Entered and left in one thread."""
    token = _CURRENT.set(call)
    try:
        yield
    finally:
        _CURRENT.reset(token)


@contextlib.contextmanager
def watched(deadline: Deadline) -> Iterator[Call]:
    """Hold every connection that the block makes or uses to `deadline`; `shut` tells afterwards whether it passed."""
    with watching(deadline) as call, connecting(call):
        yield call


class _Guarded(HTTPConnection):
    """A connection whose socket has a duplicate that can be shut down from another thread, under TLS too."""

    guard: socket.socket | None = None
    call: Call | None = None

    def _new_conn(self) -> socket.socket:
        call = _CURRENT.get()
        connect = super()._new_conn
        sock = connect() if call is None else _connect_by(connect, self, Deadline(call.at))
        self.guard = sock.dup()
        self._enlist()
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._enlist()  # a kept-alive connection serves another call now
        super().request(*args, **kwargs)

    def _enlist(self) -> None:
        call, before = _CURRENT.get(), self.call
        if call is not None and self.guard is not None and self.guard not in call.guards:
            self.call = call
            call.reused = before is not None
            _WATCHDOG.enlist(self.guard, call, before)

    def close(self) -> None:
        super().close()
        if self.guard is not None:
            _WATCHDOG.leave(self.guard, self.call)
            self.guard = self.call = None


class _GuardedTls(_Guarded, HTTPSConnection):
    pass


def _connect_by(connect: Callable[[], socket.socket], asked: HTTPConnection, deadline: Deadline) -> socket.socket:
    """Connect in a thread of its own: resolving a name has no time-out, and each of its addresses has a whole one."""
    outcome: Future[socket.socket] = Future()

    def attempt() -> None:
        try:
            sock = connect()
        except BaseException as error:  # noqa: BLE001 (handed on to the thread that waits)
            with contextlib.suppress(InvalidStateError):
                outcome.set_exception(error)
            return
        try:
            outcome.set_result(sock)
        except InvalidStateError:  # nobody waits any more
            sock.close()

    threading.Thread(target=attempt, name="beffroi-connect", daemon=True).start()
    try:
        return outcome.result(deadline.remaining())
    except TimeoutError:
        if outcome.cancel():
            raise ConnectTimeoutError(asked, "no connection within the deadline") from None
        return outcome.result()  # it came at the last moment


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Guarded


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _GuardedTls


def pool_manager(**options: Any) -> urllib3.PoolManager:
    """Return urllib3's pools (whose `options` these are) with guarded connections."""
    manager = urllib3.PoolManager(**options)
    manager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
    return manager
