"""Rows asked for by the value of an indexed column, without the engine: their places and keys, then the key index.

Only where every filter is `exact`, and one of them on a column that `index:` names. What is found is what the engine
finds: the same rows in the same order, of the same types.
"""

import datetime as dt
import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import lmdb
import pyarrow as pa

from connectors.columns import Column
from gateway.datasets.filters import Filter
from pipelines import by_column, index
from pipelines.by_column import ByColumn
from pipelines.versions import Version

log = logging.getLogger("beffroi")

LOOKED_AT = 1_000
"""Rows that are looked at one by one where filters beside the index may refuse any of them; the engine is for more."""


def rows(
    version: Version, columns: Sequence[Column], filters: Sequence[Filter], most: int, after: int
) -> list[tuple[Any, ...]] | None:
    """Return the first `most` rows after the place `after` that meet every filter, each behind its place.

    None where they are to be read otherwise: the index does not tell them, or its files cannot be read.
    """
    if not filters or any(each.operator != "exact" for each in filters):
        return None
    try:
        entries = by_column.of(version)
        span = _span(entries, filters, after) if entries else None
        if entries is None or span is None:
            return None
        found = list[tuple[Any, ...]]()
        for place, told in _told(version, entries, span):
            if all(_value(each.column, told) == _plain(each.values[0]) for each in filters):
                found.append((place, *(_value(column, told) for column in columns)))
                if len(found) == most:
                    break
    except UnicodeEncodeError:  # half a character, which no index has: the engine says what it thinks of it
        return None
    except (OSError, ValueError, LookupError, lmdb.Error, pa.ArrowException) as error:
        what = f"the index of version {version.number} of {version.dataset} by its columns"
        log.error("%s cannot be read: %s", what, type(error).__name__)  # noqa: TRY400  # its message may hold values
        return None
    return found


def _span(entries: ByColumn, filters: Sequence[Filter], after: int) -> range | None:
    """Return the fewest entries among which all rows are, or None where they are too many, or none are told."""
    spans = [entries.span(each.column, each.values[0], after) for each in filters if entries.has(each.column)]
    fewest = min(spans, key=len, default=None)
    return fewest if fewest is not None and (len(filters) == 1 or len(fewest) <= LOOKED_AT) else None


def _told(version: Version, entries: ByColumn, span: range) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows of entries as the key index tells them, each with its place. Raises KeyError for one that is not."""
    last = -1
    for number in span:
        place, key = entries.row(number)
        if place == last:  # two of its values have one token
            continue
        last, told = place, index.row(version, key)
        if told is None:
            raise KeyError(place)
        yield place, json.loads(told)


def _value(column: Column, told: dict[str, Any]) -> Any:
    """Return a value of a row as the engine gives it; moments come in UTC and without zone."""
    value = told[column.name]
    if value is None:
        return None
    match column.type:
        case "number":
            return float(value)
        case "date":
            return dt.date.fromisoformat(value)
        case "datetime":
            return _plain(dt.datetime.fromisoformat(value))
    return value


def _plain(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, dt.datetime) else value
