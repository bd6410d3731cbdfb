"""A table out of one answer, read as it arrives: constant memory, the same exactness as a single answer.

Rows are collected as the parser ends them, validated by libxml2 a batch at a time, decoded into Arrow and let go. What
is left of the answer when it has ended is validated like any other: a truncated answer never becomes a whole table.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from lxml import etree

from connectors import http
from connectors.deadline import Deadline
from connectors.errors import Misconfigured, Unreadable
from connectors.extras import report
from connectors.soap.aside import set_aside
from connectors.soap.client import XML_TYPES, Prepared, SoapClient
from connectors.soap.decode import Undecodable
from connectors.soap.names import local
from connectors.soap.table import Rows, UnfitValue

BATCH = 2_000
"""Rows validated and decoded together."""

MOST_BYTES = 64 * 2**30
"""A table larger than that is refused: no register has it, and a server that never ends must not fill the disk."""


@dataclass(frozen=True)
class Scanned:
    """What is read from an answer: the way of tags to its rows, the row's element, its columns, its schema."""

    asked: Prepared
    way: tuple[str, ...]
    rows: Rows
    schema: Any
    wrapper: str


def scanned(client: SoapClient, operation: str, path: str, texts: Sequence[str] = ()) -> Scanned:
    """Return how the rows at `path` (keys joined by `/`) are read from the answer of `operation`.

    Raises Misconfigured where there is no such list in the answer's schema.
    """
    asked = client.prepare(operation)
    element = asked.answers.element
    if element is None or asked.answers.encoded:
        raise _no_rows(client, operation, path, "its answer is not one literal element")
    way = [element.tag if asked.answers.wrapper is None else asked.answers.wrapper]
    for key in path.split("/"):
        there = {child.key: child for child in element.shape.children.values()}
        if key not in there or element.shape.grouped:
            raise _no_rows(client, operation, path, f"{local(way[-1])} has: {', '.join(there) or 'nothing'}")
        element = there[key]
        way.append(element.tag)
    if not element.many:
        raise _no_rows(client, operation, path, f"{local(element.tag)} comes once at most")
    schema, wrapper = asked.reading.with_rows(element)
    return Scanned(asked, tuple(way), Rows(element, texts), schema, wrapper)


def scan(
    client: SoapClient, what: Scanned, parameters: Mapping[str, Any], *, address: str, deadline: Deadline
) -> pa.RecordBatchReader:
    """Ask, and return the rows as they arrive. Errors are those of `SoapClient.call`, some of them while reading."""
    batches = _Scan(client, what).batches(parameters, address, deadline)
    first = next(batches, None)
    return pa.RecordBatchReader.from_batches(what.rows.schema, _chained(first, batches))


def _chained(first: pa.RecordBatch | None, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    if first is not None:
        yield first
    yield from rest


class _Scan:
    """One answer on its way."""

    def __init__(self, client: SoapClient, what: Scanned) -> None:
        self.client, self.what = client, what
        self.count = 0
        self.kept: tuple[etree._Element, int, list[etree._Element]] | None = None

    def batches(self, parameters: Mapping[str, Any], address: str, deadline: Deadline) -> Iterator[pa.RecordBatch]:
        """Ask and yield the rows, a batch at a time."""
        client, asked = self.client, self.what.asked
        request = client.request(asked, parameters)
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
        ) as answer:
            if answer.content_type not in XML_TYPES or answer.status != 200:
                client.reply(asked, http.Response(answer.status, answer.headers, answer.rest(http.MAX_BYTES)))
                raise client.unreadable(asked, f"HTTP status {answer.status}")
            parser = etree.iterparse(
                answer,
                events=("start", "end"),
                tag=(self.what.way[-1], f"{asked.soap}Envelope"),
                resolve_entities=False,
                no_network=True,
                load_dtd=False,
                huge_tree=False,
                remove_comments=True,
                remove_pis=True,
            )
            try:
                yield from self._rows(parser)
            except etree.XMLSyntaxError as error:
                raise client.unreadable(asked, f"no well-formed XML after row {self.count}") from error
            self._rest(parser.root)

    def _rows(self, parser: Any) -> Iterator[pa.RecordBatch]:
        holder: etree._Element | None = None
        waiting = 0
        for event, node in parser:
            if event == "start":
                if node.getparent() is None and node.getroottree().docinfo.internalDTD is not None:
                    raise self._unreadable("it has a document type declaration, which SOAP forbids")
                continue
            parent = node.getparent()
            if parent is None:
                continue
            if parent is not holder:
                if not self._is_row(node):
                    continue
                if holder is not None:
                    yield from self._batch(holder, None)
                holder, waiting = parent, 0
            waiting += 1
            if waiting > BATCH:  # all but this one, whose tail the parser may still write
                yield from self._batch(holder, node)
                waiting = 1
        if holder is not None:
            yield from self._batch(holder, None)

    def _is_row(self, node: etree._Element) -> bool:
        """Tell whether a node of the rows' name stands where the rows do."""
        above = [str(each.tag) for each in node.iterancestors()]
        way = self.what.way[:-1]
        soap = self.what.asked.soap
        if self.what.asked.answers.wrapper is not None and len(above) == len(way) + 2:
            above[-3] = way[0]  # its name says nothing
        return above[::-1] == [f"{soap}Envelope", f"{soap}Body", *way]

    def _batch(self, holder: etree._Element, current: etree._Element | None) -> Iterator[pa.RecordBatch]:
        """Take the rows out of their place and yield them; the first stay as copies, for the rest to be valid."""
        rows = [each for each in holder.iterchildren(self.what.way[-1]) if each is not current]
        if not rows:
            return
        if any((row.tail or "").strip() for row in rows) or (holder.text or "").strip():
            raise self._unreadable(f"text between rows, after row {self.count}")
        if self.kept is None:
            first = [copy.deepcopy(row) for row in rows[: max(1, self.what.rows.row.minimum)]]
            self.kept = (holder, holder.index(rows[0]), first)
        wrapper = etree.Element(self.what.wrapper)
        wrapper.extend(rows)
        yield self._checked(wrapper, rows)

    def _checked(self, wrapper: etree._Element, rows: list[etree._Element]) -> pa.RecordBatch:
        client, what = self.client, self.what
        first = self.count + 1
        if errors := what.schema.errors(wrapper):
            name = "/".join(local(tag) for tag in what.way)
            extras = [path for row in rows for path in set_aside(row, what.rows.row.shape, name)]
            errors = what.schema.errors(wrapper) if extras else errors
            for path in dict.fromkeys(extras):
                report(client.extras, client.registry, f"{what.asked.operation.name}: {path}")
        if errors:
            raise self._unreadable(f"rows {first} to {first + len(rows) - 1}: {'; '.join(errors[:3])}")
        self.count += len(rows)
        if self.count > what.rows.row.maximum:
            raise self._unreadable(f"more than {what.rows.row.maximum:.0f} rows")
        try:
            batch = what.rows.batch(rows, first)
        except (UnfitValue, Undecodable) as error:
            raise self._unreadable(str(error)) from error
        for name in {name for column in what.rows.columns for name in column.zones}:
            report(client.extras, client.registry, f"{what.asked.operation.name}: the time zone of dates in {name}")
        return batch

    def _rest(self, root: etree._Element | None) -> None:
        """Validate what is left of the answer, with the first row back in its place."""
        if root is None:
            raise self._unreadable("it is empty")
        if self.kept is not None:
            holder, place, first = self.kept
            for number, row in enumerate(first):
                holder.insert(place + number, row)
        self.client.finish(self.what.asked, root, 200)

    def _unreadable(self, what: str) -> Unreadable:
        return self.client.unreadable(self.what.asked, what)


def _no_rows(client: SoapClient, operation: str, path: str, why: str) -> Misconfigured:
    return Misconfigured(
        f"the answer of {client.registry} to {operation} has no list of rows at «{path}»: {why}",
        registry=client.registry,
    )
