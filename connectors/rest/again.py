"""A page that is asked again where the registry says when to come back: else a scan would be lost for one page."""

import time
from collections.abc import Callable
from typing import TypeVar

from connectors.deadline import Deadline
from connectors.errors import Busy, Down

T = TypeVar("T")

TRIES = 5  # of one page
FIRST_WAIT = 1.0  # where a registry has us slow down and does not say for how long; then twice as long each time


def again(ask: Callable[[], T], deadline: Deadline) -> T:
    """Return what `ask` returns, asked TRIES times at most. Raises its error where the wait would outlive `deadline`."""
    for attempt in range(TRIES):
        try:
            return ask()
        except (Busy, Down) as error:
            wait = error.retry_in
            if wait is None and isinstance(error, Busy):
                wait = FIRST_WAIT * 2**attempt
            if wait is None or attempt == TRIES - 1 or wait >= deadline.remaining():
                raise
        time.sleep(wait)
    raise AssertionError  # the last attempt returned or raised
