"""Rows of a version, filtered and in pages: DuckDB over its Parquet file, which never changes, or its indexes.

A page's cursor is the version and the place of its last row in the file, which is sorted by the key. So a new version
does not shift the pages that somebody is reading, and a cursor, which stands in URLs, discloses no key.
"""

import asyncio
import base64
import binascii
import csv
import datetime as dt
import io
import json
import logging
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from connectors.columns import Column
from connectors.deadline import Deadline
from connectors.errors import InvalidRequest, Unavailable
from gateway.datasets import indexed
from gateway.datasets.filters import Filter
from pipelines.index import key_text
from pipelines.sql import identifier, quote
from pipelines.versions import Version

log = logging.getLogger("beffroi")

T = TypeVar("T")
Work = Callable[["duckdb.DuckDBPyConnection"], T]
"""What is done with a cursor. Its type stands in quotes: DuckDB's binding complains at exit that this would hold it."""

AT_ONCE = 4
"""Queries that run side by side; others wait for a place."""

WAITING = 16
"""Askers that may wait for one; the next is told at once to come again."""

SECONDS = 10.0
"""How long one page may take, the wait for a place included."""


@dataclass(frozen=True)
class Page:
    """Rows, each in the order of `columns`, and the cursor of the next page, if there is one."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    cursor: str | None

    def only(self, columns: Collection[str]) -> "Page":
        """Return the page with those of its columns only, in its order."""
        places = [place for place, name in enumerate(self.columns) if name in columns]
        rows = [tuple(row[place] for place in places) for row in self.rows]
        return Page(tuple(self.columns[place] for place in places), rows, self.cursor)

    def keys(self, key: Sequence[str]) -> list[str]:
        """Return the text that names each row, from the columns `key`, which the page must have."""
        places = [self.columns.index(name) for name in key]
        return [key_of(row[place] for place in places) for row in self.rows]

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as JSON objects."""
        return [{name: json_value(value) for name, value in zip(self.columns, row, strict=True)} for row in self.rows]

    def csv(self) -> str:
        """Return the rows as CSV with a header; the elements of a list are joined by a bar, as in the ready file."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([[_text(value) for value in row] for row in self.rows])
        return text.getvalue()


def json_value(value: Any) -> Any:
    """Return a value of a row as JSON has it; a moment without a zone is in UTC."""
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=dt.UTC).isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    return value


def key_of(values: Iterable[Any]) -> str:
    """Return the text that names a row, as the index of its version has it, from the values of its key."""
    return key_text(_text(value) for value in values)


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return "|".join(element for element in value if element is not None)
    if isinstance(value, bool):
        return str(value).lower()
    return json_value(value)


def encode_cursor(version: int, place: int) -> str:
    """Return the cursor of the page after the row at `place` in the file of `version`."""
    return base64.urlsafe_b64encode(json.dumps([version, place]).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[int, int]:
    """Return a cursor's version and place. Raises InvalidRequest for anything that we did not make."""
    try:
        version, place = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if type(version) is int and type(place) is int and 0 < version < 2**31 and 0 <= place < 2**62:
            return version, place
    except (binascii.Error, ValueError, TypeError, RecursionError):
        pass
    raise InvalidRequest("that cursor is not one of ours: take it from links.next, or start again without it")


class Rows:
    """The engine: one database in memory that can read the workspace's state and nothing else."""

    def __init__(self, state: Path) -> None:
        """`state` is the workspace's `.beffroi/`."""
        self._database = duckdb.connect(config={"threads": 2})
        self._database.execute(f"SET allowed_directories = [{quote(str(state))}]")
        self._database.execute("SET enable_external_access = false")
        self._database.execute("SET TimeZone = 'UTC'")
        self._database.execute("SET lock_configuration = true")
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="rows")
        self._lock = threading.Lock()
        self._taken = 0  # askers that have a place or wait for one

    def close(self) -> None:
        """Let go of the database."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._database.close()
        del self._database  # DuckDB's binding complains at exit of connections that anything still holds

    async def page(
        self, version: Version, columns: Sequence[Column], filters: Sequence[Filter], limit: int, after: int = -1,
        within: str = "",
    ) -> Page:  # fmt: skip
        """Return at most `limit` rows that meet every filter, after the row at place `after`.

        Of the rows `within` a condition only, places count those alone: a cursor tells of no other row either.
        Raises Unavailable where the file cannot be read, the page takes more than SECONDS, or too many wait.
        """
        one_more = limit + 1  # tells whether there is a next page
        found = indexed.rows(version, columns, filters, one_more, after) if not within else None
        if found is None:
            what = f"version {version.number} of {version.dataset}"
            found = await self.bounded(
                what, lambda cursor: _rows(cursor, version, columns, filters, one_more, after, within)
            )
        following = encode_cursor(version.number, found[limit - 1][0]) if len(found) > limit else None
        return Page(tuple(column.name for column in columns), [row[1:] for row in found[:limit]], following)

    async def bounded(self, what: str, work: Work[T]) -> T:
        """Return what `work` makes with a cursor of its own, in a thread; errors name `what` it reads.

        Raises Unavailable where that cannot be read, it takes more than SECONDS, or too many wait.
        """
        with self._lock:
            if self._taken >= AT_ONCE + WAITING:
                raise Unavailable("many ask for rows at once, and no more may wait for a place", retry_in=1)
            self._taken += 1
        deadline, cursor = Deadline.after(SECONDS), self._database.cursor()
        done = self._threads.submit(_bounded, cursor, deadline, what, work)
        done.add_done_callback(self._free)
        watch = asyncio.get_running_loop().call_later(SECONDS, cursor.interrupt)
        try:
            return await asyncio.wrap_future(done)
        finally:
            watch.cancel()

    def _free(self, _: "Future[Any]") -> None:
        with self._lock:
            self._taken -= 1


def _bounded(cursor: duckdb.DuckDBPyConnection, deadline: Deadline, what: str, work: Work[T]) -> T:
    """Do the work, and say its errors without any value."""
    late = Unavailable(f"that took more than {SECONDS:.0f} s: ask for less, or take the whole file")
    try:
        if deadline.passed():  # before a place came free
            raise late
        return work(cursor)
    except duckdb.InterruptException:
        raise late from None
    except duckdb.Error as error:
        log.error("%s cannot be read: %s", what, type(error).__name__)  # noqa: TRY400  # its message may hold values
        raise Unavailable(f"{what} cannot be read ({type(error).__name__})") from error
    finally:
        cursor.close()


def _rows(
    cursor: duckdb.DuckDBPyConnection,
    version: Version,
    columns: Sequence[Column],
    filters: Sequence[Filter],
    most: int,
    after: int,
    within: str,
) -> list[tuple[Any, ...]]:
    """Return the first `most` rows after the place `after` that meet every filter, each behind its place."""
    table = "read_parquet(?, file_row_number = true)"
    if within:
        place = "row_number() OVER (ORDER BY file_row_number) - 1 AS file_row_number"
        table = f"(SELECT * REPLACE ({place}) FROM {table} WHERE {within})"
    names = ", ".join(_selected(column) for column in columns)
    where = "".join(f" AND {each.sql()}" for each in filters)
    values = [value for each in filters for value in each.values]
    sql = f"SELECT file_row_number, {names} FROM {table} WHERE file_row_number > ?{where} ORDER BY file_row_number LIMIT ?"
    return cursor.execute(sql, [str(version.parquet), after, *values, most]).fetchall()


def _selected(column: Column) -> str:
    """Return SQL for a column; moments come in UTC and without zone, since DuckDB needs one more library otherwise."""
    name = identifier(column.name)
    return f"{name} AT TIME ZONE 'UTC' AS {name}" if column.type == "datetime" else name
