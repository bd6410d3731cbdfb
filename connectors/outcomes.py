"""What a declaration may say that an answer means: the outcomes, by the codes of `connectors/errors.py`."""

from collections.abc import Mapping
from typing import Literal

from connectors.errors import (
    Ambiguous,
    BeffroiError,
    Busy,
    Down,
    Late,
    Misconfigured,
    NotFound,
    RefusedUs,
    Unreadable,
    Withheld,
)

Outcome = Literal[
    "not-found", "withheld", "ambiguous", "busy", "down", "late", "refused-us", "unreadable", "misconfigured"
]

MEANINGS: Mapping[Outcome, tuple[type[BeffroiError], str]] = {
    "not-found": (NotFound, "has no such record"),
    "withheld": (Withheld, "has this record and may not tell it"),
    "ambiguous": (Ambiguous, "has several records of what was asked"),
    "busy": (Busy, "asks us to come back later"),
    "down": (Down, "says that it is out of order"),
    "late": (Late, "did not get the answer in time"),
    "refused-us": (RefusedUs, "refuses our credentials"),
    "unreadable": (Unreadable, "answered something that tells nothing"),
    "misconfigured": (Misconfigured, "does not understand our question"),
}
"""The error that each outcome is, and what is told of the registry."""


def of_outcome(outcome: Outcome, registry: str, retry_in: float | None = None) -> BeffroiError:
    """Return the error that an outcome is; `retry_in` is in seconds."""
    kind, meaning = MEANINGS[outcome]
    return kind(f"{registry} {meaning}", registry=registry, retry_in=retry_in)
