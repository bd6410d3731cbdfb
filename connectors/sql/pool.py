"""Connections that are kept between two questions: few, never after an error, and none that died meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from connectors.deadline import Deadline

IDLE_SECONDS = 240.0
"""After that long a firewall between us may have forgotten a connection, and neither side knows."""


class Connection(Protocol):
    """What is kept."""

    def alive(self) -> bool:
        """Tell, without asking the server, whether the connection is still open and has nothing unread."""

    def close(self) -> None:
        """Close it, whatever its state; never raises."""


C = TypeVar("C", bound=Connection)


class Pool(Generic[C]):
    """Idle connections of one registry, the last used first. Thread-safe."""

    def __init__(self, connect: Callable[[Deadline], C], most: int) -> None:
        """`connect` opens one by a deadline; at most `most` are kept idle."""
        self._connect, self._most = connect, most
        self._idle: list[tuple[float, C]] = []
        self._lock = threading.Lock()

    @contextmanager
    def use(self, deadline: Deadline) -> Iterator[C]:
        """Lend a connection. It is kept afterwards, unless the block raised. Raises as `connect` does."""
        connection = self._kept() or self._connect(deadline)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if len(self._idle) < self._most:
                self._idle.append((time.monotonic(), connection))
                return
        connection.close()

    def _kept(self) -> C | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                since, connection = self._idle.pop()
            if time.monotonic() - since < IDLE_SECONDS and connection.alive():
                return connection
            connection.close()
