"""A table out of one answer, read as it arrives: constant memory, the same exactness as a single answer.

Rows are collected as the parser ends them, validated by libxml2 a batch at a time, decoded into Arrow and let go. What
is left of the answer when it has ended is validated like any other: a truncated answer never becomes a whole table.
Identity constraints of a schema (xsd:unique, xsd:key, xsd:ID) hold within a batch only.
"""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pyarrow as pa
from lxml import etree

from connectors import http
from connectors.deadline import Deadline
from connectors.errors import Misconfigured, Unreadable
from connectors.extras import report
from connectors.soap.aside import set_aside
from connectors.soap.client import SoapClient
from connectors.soap.decode import Undecodable, actual
from connectors.soap.depth import TOO_DEEP, too_deep
from connectors.soap.envelopes import MOST_TAGS, XML_TYPES, encoding
from connectors.soap.moving import move
from connectors.soap.names import local
from connectors.soap.prepared import Prepared, Request
from connectors.soap.shapes import Shape, Unsupported
from connectors.soap.table import Rows, UnfitValue
from connectors.soap.validation import Schema
from connectors.soap.way import way_to

BATCH = 2_000  # rows validated and decoded together

BATCH_BYTES = 8 * 2**20  # or fewer rows, where they are large

MOST_BESIDE = http.MAX_BYTES  # what is no row may be as large as an answer that is read whole

MOST_BYTES = 64 * 2**30  # no register has a larger table, and a server that never ends must not fill the disk


@dataclass(frozen=True)
class Scanned:
    """What is read from an answer: the way of tags and shapes to its rows, how these are read and how many may come.

    `least` rows at least stand in a valid answer that has any. `schema` has an element `holder` for any number of rows.
    """

    asked: Prepared
    way: tuple[str, ...]
    shapes: tuple[Shape, ...]
    rows: Rows
    least: int
    most: float
    schema: Schema
    holder: str


def scanned(client: SoapClient, operation: str, path: str, texts: Sequence[str] = ()) -> Scanned:
    """Return how the rows at `path` (keys joined by `/`) are read from the answer of `operation`.

    `texts` names columns that keep the text that came. Raises Misconfigured where there is no such list in the
    answer's schema, no such column, or rows that cannot be read as they arrive.
    """

    def wrong(why: str) -> Misconfigured:
        return Misconfigured(
            f"the answer of {client.registry} to {operation} cannot be read as a table of «{path}»: {why}",
            registry=client.registry,
        )

    asked = client.prepare(operation)
    if getattr(client.who.security, "trusted", None) is not None:
        raise wrong("its signature can only be verified on the whole of it")
    try:
        way, (least, most) = way_to(asked, path)
        schema, holder = asked.reading.with_rows(way[-1])
    except Unsupported as error:
        raise wrong(str(error)) from error
    if why := schema.dropped.get(holder):
        raise wrong(why)
    rows = Rows(way[-1], texts)
    if unknown := sorted(set(texts) - set(rows.schema.names)):
        raise wrong(f"it has no column {', '.join(unknown)}, but {', '.join(rows.schema.names)}")
    tags = (asked.answers.wrapper or way[0].tag, *(each.tag for each in way[1:]))
    return Scanned(asked, tags, tuple(each.shape for each in way), rows, least, most, schema, holder)


def scan(
    client: SoapClient,
    what: Scanned,
    parameters: Mapping[str, Any],
    *,
    address: str,
    deadline: Deadline,
    headers: Mapping[str, Any] | None = None,
) -> pa.RecordBatchReader:
    """Ask, and return the rows as they arrive. Errors are those of `SoapClient.call`, some of them while reading.

    The connection is closed when the reader is let go before its end.
    """
    request = client.request(what.asked, parameters, headers)
    batches = _Scan(client, what).batches(request, address, deadline)
    first = next(batches, None)
    return pa.RecordBatchReader.from_batches(what.rows.schema, chain([] if first is None else [first], batches))


class _Arriving:
    """The answer as a file for the parser; it refuses to hold more of it than an answer that is read whole may be."""

    def __init__(self, answer: http.Streamed, scan: "_Scan") -> None:
        """Raises Unreadable where HTTP and the document do not agree on its encoding."""
        self._answer, self._scan = answer, scan
        self._first = answer.read(64 * 1024)
        self.held = self._tags = 0
        self.typed, self._end = False, b""  # whether an xsi:type may have come
        try:
            self.encoding = encoding(answer.headers.get("Content-Type", ""), self._first)
        except ValueError as error:
            raise scan.unreadable(str(error)) from error

    def read(self, n: int = -1, /) -> bytes:
        """Return the next bytes. Raises as `Streamed.read` does, and Unreadable."""
        if self.held > MOST_BESIDE or self._tags > MOST_TAGS:
            raise self._scan.unreadable(
                f"more than {MOST_BESIDE // 2**20} MiB or {MOST_TAGS:,} tags of it are no whole row"
            )
        chunk, self._first = self._first or self._answer.read(n), b""
        self.held += len(chunk)
        self.typed = self.typed or b":type" in self._end + chunk[:8] or b":type" in chunk or b"\0" in chunk[:8]
        self._end = chunk[-8:]
        self._tags += chunk.count(b"<")
        return chunk

    def let_go(self) -> None:
        """Note that nothing of what was read is held any more."""
        self.held = self._tags = 0


class _Scan:
    """One answer on its way."""

    def __init__(self, client: SoapClient, what: Scanned) -> None:
        self.client, self.what = client, what
        self.count = 0
        self.left = 0  # of the rows, in their place, for the rest to be valid
        self.beside = 0  # elements between the rows
        self.holder: etree._Element | None = None

    def batches(self, request: Request, address: str, deadline: Deadline) -> Iterator[pa.RecordBatch]:
        """Ask and yield the rows, a batch at a time."""
        client, asked = self.client, self.what.asked
        with http.stream(
            "POST",
            address,
            base=address,
            registry=client.registry,
            deadline=deadline,
            headers=request.headers,
            body=request.body,
            most=MOST_BYTES,
            identity=client.who.identity,
            pace=client.pace,
        ) as answer:
            if answer.content_type not in XML_TYPES or answer.status != 200:
                client.reply(asked, http.Response(answer.status, answer.headers, answer.rest(http.MAX_BYTES)))
                raise self.unreadable(f"a table is read from a plain envelope, not from {answer.content_type}")
            arriving = _Arriving(answer, self)
            parser: Any = etree.iterparse(
                arriving,
                events=("end",),
                tag=self.what.way[-1],
                encoding=arriving.encoding,
                resolve_entities=False,
                no_network=True,
                load_dtd=False,
                huge_tree=False,
                remove_comments=True,
                remove_pis=True,
            )
            try:
                yield from self._rows(parser, arriving)
            except etree.XMLSyntaxError as error:
                raise self.unreadable(f"no well-formed XML after row {self.count}") from error
            self._finish(parser.root)

    def _rows(self, parser: Any, arriving: _Arriving) -> Iterator[pa.RecordBatch]:
        """Collect rows and yield them by batches.

        The parser is ahead of its events by what it was last fed. It never comes back to what stands before an element
        that has ended, so that all rows but the last may be moved.
        """
        rows: list[etree._Element] = []
        for _, node in parser:
            if node.getparent() is not self.holder and not self._is_row(node):
                continue
            if len(rows) >= BATCH or (arriving.held > BATCH_BYTES and rows):
                yield self._batch(rows, arriving)
                rows = []
            rows.append(node)
        if rows:
            yield self._batch(rows, arriving)

    def _is_row(self, node: etree._Element) -> bool:
        """Tell whether a node of the rows' name stands where the rows do, none having come or all in another place."""
        above = list(node.iterancestors())
        way = self.what.way[:-1]
        tags = [str(each.tag) for each in reversed(above)]
        if self.what.asked.answers.wrapper is not None and len(tags) == len(way) + 2:
            tags[2] = way[0]  # its name says nothing
        soap = self.what.asked.soap
        if tags != [f"{soap}Envelope", f"{soap}Body", *way]:
            return False
        if self.holder is not None:
            raise self.unreadable(f"{local(way[-1])} comes more than once")
        self._no_doctype(above[-1])
        for each, shape in zip(reversed(above[: len(way)]), self.what.shapes, strict=False):
            try:
                same = actual(each, shape) is shape
            except Undecodable:
                same = False
            if not same:
                raise self.unreadable(f"{local(each.tag)} says to be of a type whose rows are not read")
        self.holder = above[0]
        return True

    def _batch(self, rows: list[etree._Element], arriving: _Arriving) -> pa.RecordBatch:
        """Take rows out of their place and return them as a batch; the first stay, for the rest to be valid."""
        assert self.holder is not None  # noqa: S101  # rows stand in it
        staying = max(0, min(self.what.least - self.left, len(rows)))
        self.left += staying
        if any((row.tail or "").strip() for row in rows):
            raise self.unreadable(f"text between rows, after row {self.count}")
        wrapper = etree.Element(self.what.holder, nsmap=self.holder.nsmap)  # prefixes mean something within texts too
        rows = [copy.deepcopy(row) for row in rows[:staying]] + rows[staying:]
        move(wrapper, rows, typed=arriving.typed)
        beside = sum(1 for each in self.holder if each.tag != self.what.way[-1])
        if beside == self.beside:
            arriving.let_go()
        self.beside = beside
        return self._checked(wrapper, rows)

    def _checked(self, wrapper: etree._Element, rows: list[etree._Element]) -> pa.RecordBatch:
        """Return the rows in `wrapper`, which are validated."""
        what, first = self.what, self.count + 1
        if too_deep(wrapper):
            raise self.unreadable(TOO_DEEP)
        if what.schema.errors(wrapper):
            self._set_aside(wrapper, rows, first)
        self.count += len(rows)
        if self.count > what.most:
            raise self.unreadable(f"more than {what.most:.0f} rows")
        try:
            batch, zoned = what.rows.batch(rows, first)
        except UnfitValue as error:
            raise self.unreadable(_without_lines(str(error))) from error
        for name in sorted(zoned):
            self._report(f"the time zone of dates in {name}")
        return batch

    def _set_aside(self, wrapper: etree._Element, rows: list[etree._Element], first: int) -> None:
        """Take out of rows what the schema does not know. Raises Unreadable for the first row that is not valid then."""
        what = self.what
        name = "/".join(local(tag) for tag in what.way)
        for path in dict.fromkeys(path for row in rows for path in set_aside(row, what.rows.row.shape, name)):
            self._report(path)
        together = what.schema.errors(wrapper)
        if not together:
            return
        for number, row in enumerate(rows, first):
            alone = etree.Element(wrapper.tag, nsmap=wrapper.nsmap)
            alone.append(row)
            if errors := what.schema.errors(alone):
                raise self.unreadable(f"row {number}: {_without_lines('; '.join(errors[:3]))}")
        last = first + len(rows) - 1  # one by one they are valid
        raise self.unreadable(f"rows {first} to {last}: {_without_lines('; '.join(together[:3]))}")

    def _finish(self, root: etree._Element) -> None:
        """Validate what is left of the answer."""
        self._no_doctype(root)
        self.client.finish(self.what.asked, root, 200)

    def _no_doctype(self, root: etree._Element) -> None:
        if root.getroottree().docinfo.internalDTD is not None:
            raise self.unreadable("it has a document type declaration, which SOAP forbids")

    def _report(self, name: str) -> None:
        report(self.client.extras, self.client.registry, f"{self.what.asked.operation.name}: {name}")

    def unreadable(self, what: str) -> Unreadable:
        """Return the error of an answer that is none."""
        return self.client.unreadable(self.what.asked, what)


def _without_lines(errors: str) -> str:
    """Return errors without the numbers of lines that libxml2 does not have: it counts to 65,534."""
    return re.sub(r", line 65535\b", "", errors)
