"""Work in threads of its own, which is waited for no longer than it may take."""

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def begun(work: Callable[[], T]) -> Future[T]:
    """Do a work in a thread of its own, for which the process does not wait when it ends; return what will come of it."""
    done: Future[T] = Future()

    def worked() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is raised where it is waited for
            done.set_exception(error)

    threading.Thread(target=worked, name="beffroi-scan", daemon=True).start()
    return done


def within(work: Callable[[], T], ends: float) -> T:
    """Return what `work` returns, or leave it where it stands when its time is over. Raises TimeoutError, what it raises.

    Whoever waits for a source that says nothing any more hears it from the registry, some day: nobody waits so long.
    """
    return work() if ends == math.inf else begun(work).result(max(0.0, ends - time.monotonic()))
