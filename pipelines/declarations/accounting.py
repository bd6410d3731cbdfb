"""What `beffroi.yaml` declares of the journal: where it is kept, for how long, and what who-read tells."""

import datetime as dt
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, field_validator

from connectors.declared import Declared
from connectors.variables import names

Kind = Literal["lookup", "dataset", "refused", "change"]
"""Classes of entries: lookups answered, datasets read, accesses refused, and changes of what is allowed."""

WHO_READ = (
    "time", "organisation", "application", "agent", "case", "via", "action", "resource", "purpose", "procedure",
    "fields", "source", "outcome", "whole",
)  # fmt: skip
"""What who-read tells of each access, each of which a grant may leave out."""

_DURATION = re.compile(r"([1-9]\d{0,3}) (day|month|year)s?")
_DAYS = {"day": 1, "month": 31, "year": 366}


def days(duration: str) -> int:
    """Return a duration such as `3 years` in days, never fewer than it has."""
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise ValueError("expected a duration such as 90 days, 6 months or 3 years")
    return int(found[1]) * _DAYS[found[2]]


def before(duration: str, today: dt.date) -> dt.date:
    """Return the first day that is kept, where entries are kept for a duration."""
    return today - dt.timedelta(days=days(duration))


def _duration(text: str) -> str:
    if days(text) > 366 * 1000:
        raise ValueError("expected at most 1000 years")
    return text


Duration = Annotated[str, AfterValidator(_duration)]


class JournalRetention(Declared):
    """For how long the content of entries is kept, by class; entries that change what is allowed are kept for ever."""

    lookup: Duration | None = None
    dataset: Duration | None = None
    refused: Duration | None = None

    def durations(self) -> dict[str, str]:
        """Return the declared durations by class."""
        return {name: value for name, value in self.model_dump().items() if value is not None}


class JournalSettings(Declared):
    """Where the journal is kept (an SQLite file, unless `url` names a PostgreSQL) and for how long."""

    url: str | None = None
    retention: JournalRetention = JournalRetention()

    @field_validator("url")
    @classmethod
    def _is_postgresql(cls, url: str | None) -> str | None:
        if url is None:
            return None
        try:
            parts = urlsplit(url)
            port, password = parts.port, parts.password
        except ValueError:
            raise ValueError("is not an address: expected postgresql://user@host:5432/database") from None
        if parts.scheme not in ("postgresql", "postgres") or not parts.hostname or port == 0:
            raise ValueError("expected postgresql://user@host:5432/database")
        if password is not None and not names(password):
            raise ValueError(
                "a password never stands in a file: name a variable, postgresql://user:${NAME}@host/database"
            )
        return url
