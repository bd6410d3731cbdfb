"""A total deadline, carried through a call from the gateway down to the socket."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """A moment of the monotonic clock after which nobody waits any more."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the deadline `seconds` from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Return the seconds left, never less than zero."""
        return max(0.0, self.at - time.monotonic())

    def passed(self) -> bool:
        """Tell whether the deadline is over."""
        return self.remaining() == 0.0

    def within(self, seconds: float) -> "Deadline":
        """Return the nearer of this deadline and the one `seconds` from now."""
        return Deadline(min(self.at, time.monotonic() + seconds))
