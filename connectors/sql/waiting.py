"""Waiting no longer than a deadline for a driver that can wait for ever: its thread is left behind, and ends by itself."""

import threading
from collections.abc import Callable
from typing import TypeVar

from connectors.deadline import Deadline

T = TypeVar("T")


def within(deadline: Deadline, connect: Callable[[], T], close: Callable[[T], object]) -> T:
    """Return what `connect` gives. Raises what it raises, and TimeoutError at the deadline; what comes later is closed."""
    found, errors = list[T](), list[BaseException]()
    lock, left = threading.Lock(), threading.Event()

    def work() -> None:
        try:
            made = connect()
        except BaseException as error:  # noqa: BLE001 (raised where it was asked for)
            errors.append(error)
            return
        with lock:
            if not left.is_set():
                found.append(made)
                return
        close(made)

    thread = threading.Thread(target=work, name="beffroi-connecting", daemon=True)
    thread.start()
    thread.join(deadline.remaining())
    with lock:
        left.set()
    if errors:
        raise errors[0]
    if not found:
        raise TimeoutError
    return found[0]
