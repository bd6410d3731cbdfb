"""One bounded pool of threads per registry, so that a slow registry takes no one else's threads."""

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from connectors.carried import NOTHING, Carried
from connectors.deadline import Deadline
from connectors.errors import Busy, Late
from connectors.registry import Answer, Registry

WAITING = 4
"""Askers that may wait for a place, for each place there is; the next is told at once that the registry is busy."""

GRACE = 0.25
"""Seconds for a connector to say itself, better than we could, why it is late."""


class Pool:
    """The places that one registry has: as many threads as it bears calls at once."""

    def __init__(self, registry: Registry) -> None:
        """Threads are started when needed, at most `limits.concurrency` of them."""
        self._registry = registry
        self._places = registry.limits.concurrency
        self._executor = ThreadPoolExecutor(self._places, thread_name_prefix=f"registry-{registry.name}")
        self._lock = threading.Lock()
        self._taken = 0  # askers that have a place or wait for one

    async def ask(self, identifier: str, deadline: Deadline, carried: Carried = NOTHING) -> Answer:
        """Ask the registry in one of its threads.

        Raises what the registry's `ask` raises; Busy where no place was free, Late where the connector did not keep
        the deadline: its thread ends when it does, nobody waits for it.
        """
        name = self._registry.name
        deadline = deadline.within(self._registry.limits.deadline)
        hurried = self._registry.guard.hurried(deadline)
        with self._lock:
            if self._taken >= self._places * (1 + WAITING):
                said = f"all places with {name} are taken, and many wait for one"
                raise Busy(said, registry=name, retry_in=1, general=False)
            self._taken += 1
        future = self._executor.submit(self._registry.ask, identifier, deadline, carried)
        future.add_done_callback(self._free)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), deadline.remaining() + GRACE)
        except TimeoutError:
            if future.cancelled():  # it never began
                said = f"no place with {name} came free within the deadline"
                raise Busy(said, registry=name, retry_in=1, general=False) from None
            said = f"{name} did not answer within the deadline"
            raise Late(said, registry=name, general=not hurried) from None

    def _free(self, _: "Future[Answer]") -> None:
        with self._lock:
            self._taken -= 1

    def close(self) -> None:
        """Let nobody in any more; calls under way end by their own deadlines."""
        self._executor.shutdown(wait=False, cancel_futures=True)
