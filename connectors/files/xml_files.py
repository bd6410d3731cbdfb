"""XML by row path, in constant memory: `rows: a/b/row` are the elements that are rows, by names without their namespace.

A child is a column, what is within it `child.inner`, an attribute `@name` or `child.@name`. A child that some row has
several times is a list in all rows, as JSON text. Texts are exact; xsi:nil and empty elements are null. The file is read
twice: for its columns, then for its rows.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from lxml import etree

from connectors.errors import Misconfigured, Unreadable
from connectors.files.json_files import columns_of
from connectors.files.reading import reserved, text_batches, text_schema, unique
from connectors.files.settings import TableSettings

NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
OWN = "#text"
"""The text of an element beside its attributes or children; of a row itself, a column of this name."""

MAX_ELEMENTS = 100_000
"""Elements of one row, at most."""


def read(file: Path, name: str, settings: TableSettings, registry: str) -> pa.RecordBatchReader:
    """Return the rows of a file. Raises Unreadable, and Misconfigured where it has no element at `rows`."""
    if settings.rows is None:
        raise _misconfigured(file, name, "say rows:, the path of elements to its rows", registry)
    every = partial(_elements, file, settings.rows.strip("/").split("/"), name, registry)
    lists = set[str]()
    keys = columns_of((_flat(_value(row), lists).keys() for row in every()), name, registry)
    columns = [key for key in keys if not any(key.startswith(f"{each}.") for each in lists)]
    if not columns:
        raise _misconfigured(file, name, f"has no element with anything in it at {settings.rows}", registry)
    reserved(columns, name, registry)
    schema = text_schema(unique(columns))
    rows = (_row(row, columns, lists, number) for number, row in enumerate(every(), 1))
    return pa.RecordBatchReader.from_batches(schema, text_batches(schema, rows))


def _row(row: etree._Element, columns: list[str], lists: set[str], number: int) -> tuple[list[str | None], str | None]:
    cells = _flat(_value(row), lists)
    mixed = any((each.tail or "").strip() for each in row.iterdescendants())
    return [cells.get(key) for key in columns], f"row {number}: text between elements" if mixed else None


def _misconfigured(file: Path, name: str, what: str, registry: str) -> Misconfigured:
    seen = ", ".join(paths(file, name, registry)[:10])
    return Misconfigured(
        f"{registry}: {name}: {what}; elements that come again are: {seen or 'none'}", registry=registry
    )


def paths(file: Path, name: str, registry: str) -> list[str]:
    """Return the paths of elements that stand several times beside each other in a file, the shortest first."""
    seen, place = dict[str, int](), list[str]()
    for count, (event, element) in enumerate(_events(file, name, registry)):
        if event == "start":
            place.append(_local(element))
            seen["/".join(place)] = seen.get("/".join(place), 0) + 1
        else:
            place.pop()
            _forget(element)
        if count > 1_000_000:
            break
    return sorted((path for path, times in seen.items() if times > 1), key=lambda path: (path.count("/"), path))


def _events(file: Path, name: str, registry: str) -> Iterator[tuple[str, etree._Element]]:
    """Yield the starts and ends of elements; no DTD, no entity, no network. Raises Unreadable."""
    try:
        with file.open("rb") as source:
            parser = etree.iterparse(
                source, events=("start", "end"), resolve_entities=False, load_dtd=False, no_network=True,
                remove_comments=True, remove_pis=True,
            )  # fmt: skip
            first = True
            for event, element in parser:
                if first and element.getroottree().docinfo.doctype:
                    raise Unreadable(f"{registry}: {name} has a DTD, which is not read", registry=registry)
                first = False
                yield event, element
    except etree.XMLSyntaxError as error:
        line = error.lineno or 1
        raise Unreadable(
            f"{registry}: {name}, line {line}: no XML, or cut off: {_said(error)}", registry=registry
        ) from None


def _said(error: etree.XMLSyntaxError) -> str:
    """Return what libxml2 calls the error, without any text of the file."""
    kinds = (name for name in vars(etree.ErrorTypes) if getattr(etree.ErrorTypes, name) == error.code)
    return next(kinds, "syntax error").removeprefix("ERR_").lower().replace("_", " ")


def _elements(file: Path, wanted: list[str], name: str, registry: str) -> Iterator[etree._Element]:
    """Yield the elements at a path, each whole, and forget them."""
    place, depth, elements = list[str](), len(wanted), 0
    for event, element in _events(file, name, registry):
        if event == "start":
            place.append(_local(element))
            elements = elements + 1 if len(place) > depth else 0
            if elements > MAX_ELEMENTS and place[:depth] == wanted:
                raise Unreadable(
                    f"{registry}: {name}, line {element.sourceline}: a row of more than {MAX_ELEMENTS:,} elements",
                    registry=registry,
                )
            continue
        within = place[:depth] == wanted
        if place == wanted:
            yield element
        if not within or place == wanted:
            _forget(element)
        place.pop()


def _forget(element: etree._Element) -> None:
    element.clear(keep_tail=False)
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _local(element: etree._Element) -> str:
    return str(etree.QName(element).localname)


def _value(element: etree._Element) -> Any:
    """Return an element as a text, or as what its attributes, children and text are by their names."""
    found: dict[str, Any] = {
        f"@{etree.QName(key).localname}": str(text) for key, text in element.attrib.items() if key != NIL
    }
    for child in element:
        key, value = _local(child), _value(child)
        if key in found:
            held = found[key] if isinstance(found[key], list) else [found[key]]
            found[key] = [*held, value]
        else:
            found[key] = value
    text = element.text or None
    if len(element) and not (text or "").strip():
        text = None
    if not found:
        return text
    return {**found, **({OWN: text} if text else {})}


def _flat(value: Any, lists: set[str]) -> dict[str, str | None]:
    """Return a row's columns. What is a list is added to `lists`, and one that is there is a list of one."""
    cells = dict[str, str | None]()

    def put(path: str, each: Any) -> None:
        if isinstance(each, list):
            lists.add(path)
        if path in lists:
            cells[path] = json.dumps(each if isinstance(each, list) else [each], ensure_ascii=False)
        elif isinstance(each, dict):
            for key, inner in each.items():
                put(path if key == OWN else f"{path}.{key}", inner)
        else:
            cells[path] = each

    for key, each in value.items() if isinstance(value, dict) else [(OWN, value)] if value else []:
        put(key, each)
    return cells
