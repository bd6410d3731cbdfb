"""A page after the first that is asked again where the registry is away for a moment: else a scan is lost for one page.

The first page of a scan is asked again by `connectors/guard.py`, as a lookup is.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from connectors.deadline import Deadline
from connectors.errors import Busy, Down

T = TypeVar("T")

TRIES = 5  # of one page
FIRST_WAIT = 1.0  # seconds, about, where it does not say when to come back; then twice as long each time


def again(ask: Callable[[], T], deadline: Deadline, *, first: bool) -> T:
    """Return what `ask` returns, which only reads: the `first` page asked once, any other TRIES times at most.

    Raises its error, at once where the wait would outlive `deadline`.
    """
    tries = 1 if first else TRIES
    for attempt in range(tries):
        try:
            return ask()
        except (Busy, Down) as error:
            wait = FIRST_WAIT * 2**attempt if error.retry_in is None else error.retry_in
            wait *= random.uniform(1.0, 1.3)  # noqa: S311 (no secret)
            if attempt == tries - 1 or wait >= deadline.remaining():
                raise
        time.sleep(wait)
    raise AssertionError  # the last attempt returned or raised
