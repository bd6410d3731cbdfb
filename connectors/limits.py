"""What a registry bears, and when it is not there: limits and maintenance windows, as data.

A time of the wall clock is read as RFC 5545 (3.3.5) reads it where the clock is put forward: with the offset before the
gap. Where the clock is put back a window begins at the first of the two moments and ends at the second.
"""

import dataclasses
import datetime as dt
import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from connectors.declared import Declared


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a registry bears: calls at once, and seconds until a lookup is given up; calls a second and a minute."""

    concurrency: int = 8
    deadline: float = 5.0
    per_second: float | None = None
    per_minute: float | None = None


class LimitsSettings(Declared):
    """What a workspace says of a registry's limits; what it does not say stays as the kind has it."""

    concurrency: Annotated[int, Field(ge=1, le=100)] | None = None
    deadline: Annotated[float, Field(gt=0, le=120)] | None = None
    per_second: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    per_minute: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    def over(self, limits: Limits) -> Limits:
        """Return `limits` with what is said here."""
        return dataclasses.replace(limits, **self.model_dump(exclude_none=True))


# --- maintenance -----------------------------------------------------------------------------------------------------

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _written(moment: object, pattern: str, example: str) -> object:
    """Return what a time is written as. Raises ValueError for numbers, zones and offsets, which would be guessed at."""
    if isinstance(moment, str) and not re.fullmatch(pattern, moment, re.ASCII):
        raise ValueError(f"expected a time as the clock of the zone shows it, such as {example}")
    if isinstance(moment, int | float):
        raise ValueError(f"expected a text such as {example}")  # noqa: TRY004 (what pydantic collects)
    return moment


class _Window(Declared):
    """What every window says: where its clock hangs, and why nobody is there."""

    zone: str
    reason: Annotated[str, Field(min_length=1, max_length=200)]

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("no such time zone: expected a name such as Europe/Paris") from None
        return zone

    def instant(self, wall: dt.datetime, *, last: bool = False) -> dt.datetime:
        """Return in UTC when the clock of the zone shows `wall`; the `last` time, where it shows it twice."""
        first, second = (
            wall.replace(tzinfo=ZoneInfo(self.zone), fold=fold).astimezone(dt.UTC) for fold in (0, 1)
        )  # in a gap the first is the one by the offset before it, and the later of the two
        return second if last and second > first else first


class DatedWindow(_Window):
    """Out of order once, from one moment of its zone's clock to another."""

    start: Annotated[dt.datetime, Field(alias="from")]
    end: Annotated[dt.datetime, Field(alias="to")]

    @field_validator("start", "end", mode="before")
    @classmethod
    def _is_written(cls, moment: object) -> object:
        return _written(moment, r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?", "2026-12-24T18:00")

    @field_validator("start", "end")
    @classmethod
    def _is_near(cls, moment: dt.datetime) -> dt.datetime:
        if not 1970 <= moment.year < 3000:
            raise ValueError("no such year is meant: expected 1970 to 2999")
        return moment

    @model_validator(mode="after")
    def _goes_on(self) -> Self:
        if self.end <= self.start:
            raise ValueError("to: must come after from:")
        return self

    def around(self, now: dt.datetime) -> Iterator[tuple[dt.datetime, dt.datetime]]:
        """Yield the spans that may hold `now`, as moments of UTC: begin and end, which is outside."""
        yield self.instant(self.start), self.instant(self.end, last=True)


class WeeklyWindow(_Window):
    """Out of order every week on one day, or every `day`; past midnight where `to` is not after `from`."""

    every: Literal["day", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    start: Annotated[dt.time, Field(alias="from")]
    end: Annotated[dt.time, Field(alias="to")]

    @field_validator("start", "end", mode="before")
    @classmethod
    def _is_written(cls, moment: object) -> object:
        return _written(moment, r"\d\d:\d\d(:\d\d)?", '"22:00"')

    def around(self, now: dt.datetime) -> Iterator[tuple[dt.datetime, dt.datetime]]:
        """Yield the spans that may hold `now`, as moments of UTC: begin and end, which is outside."""
        today = now.astimezone(ZoneInfo(self.zone)).date()
        for day in (today - dt.timedelta(days=1), today):
            if self.every in ("day", DAYS[day.weekday()]):
                ends = day + dt.timedelta(days=self.end <= self.start)
                yield (
                    self.instant(dt.datetime.combine(day, self.start)),
                    self.instant(dt.datetime.combine(ends, self.end), last=True),
                )


def _kind(written: object) -> str:
    weekly = "every" in written if isinstance(written, dict) else isinstance(written, WeeklyWindow)
    return "weekly" if weekly else "dated"


Window: TypeAlias = Annotated[
    Annotated[DatedWindow, Tag("dated")] | Annotated[WeeklyWindow, Tag("weekly")], Discriminator(_kind)
]
"""One entry of `maintenance:`; one that says `every:` comes again."""


@dataclasses.dataclass(frozen=True)
class Outage:
    """A maintenance that is going on: until when, and why."""

    until: dt.datetime
    reason: str


def outage(windows: "tuple[Window, ...]", now: dt.datetime) -> Outage | None:
    """Return the maintenance that `now` falls into, the one that lasts longest; None outside of all windows.

    Where another window begins as it ends, or before, it lasts until that one's end.
    """
    found: Outage | None = None
    left, at = list(windows), now
    while spans := [(end, window) for window in left for begin, end in window.around(at) if begin <= at < end]:
        at, window = max(spans, key=lambda span: span[0])
        left.remove(window)
        found = Outage(at, found.reason if found else window.reason)
    return found
