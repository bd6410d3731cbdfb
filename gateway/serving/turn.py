"""What all requests of one turn of the event loop share: they had come before anything was done for any of them."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Turn(Generic[K, V]):
    """What `look` finds, looked up once in each turn; where no event loop runs, each time."""

    def __init__(self, look: Callable[[K], V]) -> None:
        """`look` waits for nobody: what it found is forgotten before anything that comes after it is read."""
        self._look = look
        self._loop: asyncio.AbstractEventLoop | None = None
        self._found: dict[K, V] = {}

    def of(self, key: K) -> V:
        """Return what is found by a key. Raises what `look` raises, which is not kept."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # a thread beside it, or the command line
            return self._look(key)
        if loop is not self._loop:  # the one before may have ended within a turn
            self._loop, self._found = loop, {}
        try:
            return self._found[key]
        except KeyError:
            found = self._look(key)
        if not self._found:
            loop.call_soon(self._found.clear)
        self._found[key] = found
        return found


class Together(Generic[V]):
    """What came in one turn of the event loop, done together when it ends: that costs as much for one as for many."""

    def __init__(self, do: Callable[[list[V]], None]) -> None:
        """`do` is given all that came in one turn, in its order."""
        self._do = do
        self._loop: asyncio.AbstractEventLoop | None = None
        self._came: list[V] = []

    def add(self, each: V) -> None:
        """Take one, where an event loop runs."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # the one before may have ended within a turn
            self._loop, self._came = loop, []
        self._came.append(each)
        if len(self._came) == 1:
            loop.call_soon(self._end)

    def _end(self) -> None:
        came, self._came = self._came, []
        self._do(came)
