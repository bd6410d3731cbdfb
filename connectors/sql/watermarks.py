"""From where a table is read on: below the greatest value that was seen, by as much as may be committed late."""

import datetime as dt
import re

import pyarrow as pa

from connectors.errors import Misconfigured
from connectors.sql.engine import Column

SECONDS, UNITS = 600.0, 1000
"""How far back by itself: seconds of a moment, units of a whole number (of which some are given out and not yet written)."""

_UNFIT = re.compile(r"bytea|.*binary.*|.*blob|raw|rowversion|bit|float.*|double.*|real|jsonb?|.*\[\]", re.IGNORECASE)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}(?::?\d{2})?)?)?")


def fit(registry: str, column: Column) -> None:
    """Refuse a column whose values have no order that a text tells exactly. Raises Misconfigured."""
    if pa.types.is_floating(column.type) or pa.types.is_boolean(column.type) or _UNFIT.fullmatch(column.declared):
        raise Misconfigured(
            f"{registry}: {column.name} is of the type {column.declared}, by which rows cannot be told to be new: take a"
            " whole number, a date, a moment or a text",
            registry=registry,
        )


def beginning(after: str, overlap: float | None) -> str:
    """Return the text of the lowest value that is asked for. A text that is no moment and no whole number has no overlap."""
    if re.fullmatch(r"-?\d{1,18}", after, re.ASCII):
        lowest = int(after) - int(UNITS if overlap is None else overlap)
        return (
            str(lowest) if after.startswith("-") else str(max(0, lowest)).zfill(len(after))
        )  # a text has its order too
    if not _MOMENT.fullmatch(after):
        return after
    try:
        moment = dt.datetime.fromisoformat(after) - dt.timedelta(seconds=SECONDS if overlap is None else overlap)
    except (ValueError, OverflowError):
        return after
    text = str(moment)
    return text[: len("2026-01-01")] if len(after) == len("2026-01-01") else text
