"""From one page to the next, and when there are no more: counted, and held against what the registry says.

A page that repeats, a cursor or an address that comes again, and totals that are not what came are errors: rows would be
missing, or come twice. Sources: Web Linking, RFC 8288; JSON:API 1.1, "Pagination".
"""

import marshal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.errors import Misconfigured, Unreadable
from connectors.rest.client import joined
from connectors.rest.links import next_link
from connectors.rest.outcomes import text_at
from connectors.rest.settings import ByCursor, ByLink, ByNext, ByOffset, ByPage, TableSettings

LOOKED_AT = 32
"""Rows of a page, at least and evenly spread, by which it is known: a row that comes again is wrong already."""


@dataclass(frozen=True)
class Ask:
    """What to ask for a page: a path or, where it was told by the page before, a whole address; and parameters."""

    path: str
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Came:
    """What came for it: its rows (of a long page, their beginning) and their number, its JSON, address and headers."""

    rows: list[Any]
    count: int
    document: Any
    url: str
    headers: Mapping[str, str]


class Pager:
    """Leads through the pages of one scan. For one thread."""

    def __init__(self, table: TableSettings, first: Ask, registry: str) -> None:
        """`first` is what the table asks for, without any page."""
        self._table, self._ask, self._registry = table, first, registry
        self._paging = table.paging
        self._rows = 0  # that came so far
        self._pages = 0
        self._total: int | None = None
        self._full = 0  # rows of a whole page: of the first one, where it has fewer than were asked for
        self._came: set[tuple[int, int]] = set()  # every page: how many rows, and what they were, by a hash
        self._first_page: tuple[int, int] | None = None
        self._page_before: tuple[int, int] | None = None
        self._alike = True  # whether all pages so far are the first one
        self._filled = 0  # pages that have rows
        self._cursor = self._paging.first if isinstance(self._paging, ByCursor) else None
        self._seen: set[int] = set()

    def first(self) -> Ask:
        """Return what to ask first."""
        return self._asking(self._paging.first if isinstance(self._paging, ByPage | ByOffset) else 0)

    def after(self, came: Came) -> Ask | None:
        """Return what to ask after a page, None where it was the last.

        Raises Unreadable where pages or totals contradict each other, Misconfigured where the registry pages no further.
        """
        self._rows += came.count
        self._pages += 1
        self._count(came)
        self._remember(came)
        ask = self._next(came)
        if ask is None and self._total is not None:
            if self._rows != self._total:
                raise self._wrong(f"says that there are {self._total} rows, and sent {self._rows}")
            if self._alike and self._filled > 1:
                raise self._wrong("sent the same page twice, and no other")
        return ask

    def _remember(self, came: Came) -> None:
        """Remember a page. Raises Unreadable where it came before, unless that may honestly be.

        It may be of a table without a key whose total is told: where its rows repeat within it, where it is one row, or
        where it is as a page that is neither the first, as of a server that begins anew or knows no pages, nor the one
        before it, as of a server that goes no further and does not say so.
        """
        mark = _hash(came.rows[:: max(1, len(came.rows) // LOOKED_AT)] + came.rows[-1:]) if came.rows else None
        if mark is None:
            return
        page = (came.count, mark)
        self._filled += 1
        self._first_page = self._first_page or page
        self._alike = self._alike and page == self._first_page and not _repeats(came.rows)
        if page in self._came:
            honest = came.count == 1 or page not in (self._first_page, self._page_before) or _repeats(came.rows)
            if self._total is None or not honest:
                raise self._wrong("sent the same page twice")
        self._came.add(page)
        self._page_before = page

    def _next(self, came: Came) -> Ask | None:
        paging = self._paging
        if isinstance(paging, ByPage | ByOffset):
            return self._counted(paging, came)
        if isinstance(paging, ByCursor):
            return self._by_cursor(paging, came)
        if isinstance(paging, ByNext):
            return self._linked(text_at(came.document, paging.next, self._registry), came)
        if isinstance(paging, ByLink):
            try:
                return self._linked(next_link(came.headers.get("Link", "")), came)
            except ValueError as error:
                raise self._wrong(f"does not tell its next page: {error}") from error
        return None

    def _counted(self, paging: ByPage | ByOffset, came: Came) -> Ask | None:
        if paging.until != "empty" and self._rows == self._total:
            return None
        if came.count == 0 or (paging.until == "short" and came.count < self._full):
            return None
        if self._pages == 1 and paging.size is not None:  # some give less than they are asked for, and have more
            self._full = min(came.count, paging.size.value)
        begun = self._pages * paging.size.value if isinstance(paging, ByPage) and paging.size else self._rows
        if paging.most is not None and paging.size is not None and begun + paging.size.value > paging.most:
            if self._rows == self._total:
                return None
            raise self._ceiling(paging.most)
        return self._asking(paging.first + (self._pages if isinstance(paging, ByPage) else self._rows))

    def _by_cursor(self, paging: ByCursor, came: Came) -> Ask | None:
        told = text_at(came.document, paging.next, self._registry)
        if not told or (paging.until == "same" and told == self._cursor):
            return None
        self._new(told, "a cursor")
        self._cursor = told
        return self._asking(0)

    def _linked(self, link: str | None, came: Came) -> Ask | None:
        if not link:
            return None
        self._seen.add(hash(came.url))
        url = joined(came.url, link)
        self._new(url, "an address")
        return Ask(url)

    def _new(self, told: str, what: str) -> None:
        """Remember a cursor or an address. Raises Unreadable where it was told before: its pages have no end."""
        if hash(told) in self._seen or told == self._cursor:
            raise self._wrong(f"leads from page to page in a circle: {what} that it told before came again")
        self._seen.add(hash(told))

    def _asking(self, number: int) -> Ask:
        paging = self._paging
        query = dict[str, str]()
        if paging is not None and paging.size is not None and paging.size.parameter is not None:
            query[paging.size.parameter] = str(paging.size.value)
        if isinstance(paging, ByPage | ByOffset):
            query[paging.parameter] = str(number)
        if isinstance(paging, ByCursor) and self._cursor is not None:
            query[paging.parameter] = self._cursor
        return Ask(self._ask.path, (*self._ask.query, *query.items()))

    def _count(self, came: Came) -> None:
        if self._table.total is None:
            return
        told = text_at(came.document, self._table.total, self._registry)
        if told is None or not (told.isascii() and told.isdigit() and len(told) < 16):
            raise self._wrong(f"tells no number of rows at «{self._table.total}»")
        self._total = int(told)
        if self._rows > self._total:
            raise self._wrong(f"says that there are {self._total} rows, and sent {self._rows}")
        most = self._paging.most if isinstance(self._paging, ByPage | ByOffset) else None
        if most is not None and self._total > most:
            raise self._ceiling(most)

    def _ceiling(self, most: int) -> Misconfigured:
        return Misconfigured(
            f"{self._registry} pages through its first {most} rows only (most:), and has more for this question: ask by its"
            " cursor where it has one, or for less by query:",
            registry=self._registry,
        )

    def _wrong(self, what: str) -> Unreadable:
        return Unreadable(f"{self._registry} {what}: nothing of the table was kept", registry=self._registry)


def _repeats(rows: list[Any]) -> bool:
    """Tell whether rows are the same among themselves: what has no key of its own may honestly have equal pages."""
    return len(set(map(_hash, rows))) < len(rows)


def _hash(value: Any) -> int | None:
    """Return what rows, or one, are known by; None for what is nested nearly as deep as is read at all."""
    try:
        return hash(marshal.dumps(value, 2))  # without references: equal rows are equal bytes
    except ValueError:  # rows that are not of JSON alone
        pass
    try:
        return hash(repr(value))
    except RecursionError:
        return None
