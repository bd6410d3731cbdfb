"""A part of a report, as a terminal and a page both show it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """A part of the report: sentences, and perhaps a table. `numbers` are its columns of numbers.

    `total` tells that the last row sums up the others.
    """

    name: str
    title: str
    lines: Sequence[str] = ()
    heads: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    numbers: Sequence[int] = ()
    total: bool = False
