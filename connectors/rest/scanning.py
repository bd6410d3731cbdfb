"""A declared table, page after page: asked, read, counted, and made into batches. One page at a time in memory."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain
from typing import Any

import pyarrow as pa

from connectors import http
from connectors.deadline import Deadline
from connectors.errors import Misconfigured, Unreadable
from connectors.extras import report, told_key
from connectors.rest.again import again
from connectors.rest.cells import Cells, declared_columns, own_columns
from connectors.rest.client import Arriving, Client
from connectors.rest.outcomes import NOT_JSON, judge, listed
from connectors.rest.paging import Ask, Came, Pager
from connectors.rest.paths import element_path, place
from connectors.rest.reading import TYPES, check_type, is_of, json_page, json_texts, uncollected
from connectors.rest.rows import csv_rows, ndjson
from connectors.rest.settings import AnswerRule, ByCursor, ByNext, TableSettings
from connectors.rest.templates import Blanks

BATCH = 5_000  # rows in a batch, about
BATCH_BYTES = 8 * 2**20  # or fewer, where they are large
PORTION = 500  # rows made into columns at a time, and let go: garbage collection costs more than these calls of Arrow
MOST_BYTES = 64 * 2**30  # of a page that is read as it arrives: a server that never ends must not fill the disk


class Scan:
    """One scan of one table. For one thread at a time."""

    def __init__(
        self,
        client: Client,
        name: str,
        table: TableSettings,
        rules: Sequence[AnswerRule],
        extras: set[str],
        deadline: Deadline,
    ) -> None:
        """`name` is the table's; names in its rows that no column reads are reported in `extras`.

        All pages come within `deadline`.
        """
        self._client, self._name, self._table, self._rules, self._extras = client, name, table, rules, extras
        self._registry = client.name
        self._deadline = deadline
        self._read = json_texts if table.format == "json" and _computes(table, rules) else json_page

    def reader(self) -> pa.RecordBatchReader:
        """Ask for the first page, and return the rows of all as they are asked for.

        Raises what an answer means by `answers` and by its status, and what `Client.get` raises; Unreadable where pages,
        totals or the format are not what they should be, some of it while reading.
        """
        chunks = self._chunks()
        first = next(chunks, list[Any]())
        columns = declared_columns(self._table) or own_columns(first, self._registry)
        if not columns:
            raise Unreadable(
                f"{self._registry} sent no row of {self._name} that would tell its columns: declare columns:",
                registry=self._registry,
            )
        cells = Cells(columns)
        return pa.RecordBatchReader.from_batches(cells.schema, self._batches(cells, first, chunks))

    def _batches(self, cells: Cells, first: list[Any], chunks: Iterator[list[Any]]) -> Iterator[pa.RecordBatch]:
        """Yield batches; while one is made, nothing is looked through for garbage: all that is made goes by itself."""
        batches = self._made(cells, first, chunks)
        while True:
            with uncollected():
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def _made(self, cells: Cells, first: list[Any], chunks: Iterator[list[Any]]) -> Iterator[pa.RecordBatch]:
        made, count, size = list[pa.RecordBatch](), 0, 0
        for chunk in chain([first], chunks):
            self._set_aside(cells.unread(chunk))
            for start in range(0, len(chunk), PORTION):
                made.append(cells.batch(chunk[start : start + PORTION]))
                count, size = count + len(made[-1]), size + made[-1].nbytes
                if count >= BATCH or size >= BATCH_BYTES:
                    yield pa.concat_batches(made)
                    made, count, size = [], 0, 0
        if made:
            yield pa.concat_batches(made)

    def _set_aside(self, names: set[str]) -> None:
        """Report names that no column reads. Raises Misconfigured where no column was declared: nobody chose to."""
        if names and not self._table.columns:
            raise Misconfigured(
                f"{self._registry} sends columns of {self._name} that its first rows do not have: nothing of the table was"
                " kept; declare columns:",
                registry=self._registry,
            )
        for name in names:
            report(self._extras, self._registry, f"{self._name}: {told_key(name)}")

    def _chunks(self) -> Iterator[list[Any]]:
        """Yield the rows of page after page, several lists for a long one."""
        blanks = Blanks(self._registry)
        pager = Pager(
            self._table, Ask(blanks.path(self._table.path), tuple(blanks.query(self._table.query))), self._registry
        )
        ask: Ask | None = pager.first()
        first_page = True
        while ask is not None:
            with ExitStack() as opened:
                came, document = again(partial(self._asked, ask, opened), self._deadline, first=first_page)
                first, count = list[Any](), 0
                for chunk in self._rows(came, document):
                    first, count = first or chunk, count + len(chunk)
                    yield chunk
            first_page = False
            ask = pager.after(Came(first, count, document, came.url, came.answer.headers))

    def _rows(self, came: Arriving, document: Any) -> Iterator[list[Any]]:
        table = self._table
        if table.format == "json":
            yield listed(document, table.rows, self._registry)
        elif table.format == "ndjson":
            yield from ndjson(came.answer, self._registry)
        elif table.format == "csv":
            yield from csv_rows(came.answer, self._registry, table.separator)
        else:
            from connectors.rest.xml_rows import xml_rows  # it brings lxml along, which most registries do without

            yield from xml_rows(came.answer, element_path(table.rows or ""), self._registry)

    def _asked(self, ask: Ask, opened: ExitStack) -> tuple[Arriving, Any]:
        """Return an answer that has rows, which stays open in `opened`, or its JSON, which is read: others may ask then."""
        with ExitStack() as opening:
            is_json = self._table.format == "json"
            came = opening.enter_context(
                self._client.stream(
                    ask.path,
                    ask.query,
                    deadline=self._deadline,
                    accept=self._table.content_type or TYPES[self._table.format][0],
                    most=http.MAX_BYTES if is_json else MOST_BYTES,
                )
            )
            answer, document = came.answer, NOT_JSON
            if is_json or answer.status != 200:
                body = answer.rest(http.MAX_BYTES)
                whole = http.Response(answer.status, answer.headers, body)
                if is_json and answer.status == 200 and is_of(answer.content_type, "json", self._table.content_type):
                    document = self._read(body, self._registry)
                judge(self._rules, whole, self._registry, document)
            check_type(answer.content_type, self._table.format, self._registry, self._table.content_type)
            if not is_json:
                opened.push(opening.pop_all())
            return came, document


def _computes(table: TableSettings, rules: Sequence[AnswerRule]) -> bool:
    """Tell whether more than keys is asked of a page: to an expression every number is to be what came, and no int."""
    told = table.paging.next if isinstance(table.paging, ByCursor | ByNext) else None
    asked = [table.rows, table.total, told, *(rule.path for rule in rules)]
    asked += [each.source for each in table.columns.values()]
    return any(place(text).expression is not None for text in asked if text is not None)
