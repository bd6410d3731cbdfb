"""What a whole version must meet, as a dataset declares it."""

from typing import Annotated

from pydantic import Field

from connectors.declared import Declared


class Bounds(Declared):
    """A lower and an upper bound, both included."""

    min: float | None = None
    max: float | None = None


class Freshness(Declared):
    """How old the newest value of a column may be when a run begins."""

    column: str
    days: Annotated[float, Field(gt=0)]


class Drift(Declared):
    """How far a version may be from the last one.

    `rows` is the share by which their number may change, `keys` the share of its rows that may be gone, `sources` the
    share of its rows that any of several sources may have lost, `values` the points by which a column's share of empty values or of any of its most frequent values may move; `columns` says the
    latter of one column.
    """

    rows: float | None = None
    keys: float | None = None
    sources: float | None = None
    values: float | None = None
    columns: dict[str, float] = {}

    def of(self, column: str) -> float | None:
        """Return the points that hold for a column, or None."""
        return self.columns.get(column, self.values)


class Expect(Declared):
    """What a whole version must meet, else the run fails and the last version stays."""

    rows: Bounds = Bounds()
    refused: Bounds = Bounds()  # share of the rows read that may be quarantined, 0 to 1
    freshness: Freshness | None = None
    drift: Drift | None = None
    unread: list[str] | None = None  # columns of the source that may stay unread; None: they are told only
