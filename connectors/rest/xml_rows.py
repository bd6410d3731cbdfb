"""Rows of an XML answer by the path of their element, read as it arrives in constant memory.

Names are read without their namespace. A row is an object of its children by name: text where a child has nothing else,
an object where it has attributes (`@name`, its own text being `#text`) or children, a list where it comes again.
No DTD, no entity of the answer's own, no network.
"""

from collections.abc import Iterator
from typing import Any

from lxml import etree

from connectors import http
from connectors.rest.reading import unreadable
from connectors.rest.rows import CHUNK, CHUNK_BYTES, MOST_OF_A_ROW, TEXT, Element

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def xml_rows(answer: http.Streamed, way: tuple[str, ...], registry: str) -> Iterator[list[Any]]:
    """Yield the rows at `way`, the names from the outermost element to that of a row.

    Raises Unreadable for what is not well-formed, has a DTD or another outermost element; as `http.Streamed.read` does.
    """
    reader = _Reader(way, registry)
    rows, size = list[Any](), 0
    while True:
        data = answer.read(65536)
        try:
            rows += reader.feed(data)
        except etree.XMLSyntaxError as error:
            raise unreadable(registry, "xml", f"not well-formed, line {error.lineno}") from error
        size += len(data)
        if not data:
            break
        if len(rows) >= CHUNK or (rows and size >= CHUNK_BYTES):
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


class _Reader:
    """Finds rows in bytes as they come. Only elements called as a row reach Python before they are read."""

    def __init__(self, way: tuple[str, ...], registry: str) -> None:
        self._way, self._registry = way, registry
        self._parser: Any = etree.XMLPullParser(
            ("end",),
            tag=f"{{*}}{way[-1]}",
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        self._checked = False
        self._held = 0  # bytes since a row was last let go

    def feed(self, data: bytes) -> list[Any]:
        """Return the rows that ended with these bytes; no bytes are the end of the answer."""
        if data:
            self._parser.feed(data)
        else:
            self._check(self._parser.close())
        self._held += len(data)
        rows = list[Any]()
        for _, node in self._parser.read_events():
            self._check(node)
            above = [node, *node.iterancestors()]
            if tuple(_local(each.tag) for each in reversed(above)) == self._way:
                row = value_of(node)
                rows.append({TEXT: row} if isinstance(row, str) else row)
                _let_go(node, above)
                self._held = 0
        if self._held > MOST_OF_A_ROW:
            raise unreadable(self._registry, "xml", f"no row has an end within {MOST_OF_A_ROW // 2**20} MiB")
        return rows

    def _check(self, node: Any) -> None:
        """Refuse what is not to be read at all, once the first element is there."""
        if self._checked:
            return
        tree = node.getroottree()
        if tree.docinfo.doctype:
            raise unreadable(self._registry, "xml", "a document type declaration is not allowed")
        if _local(tree.getroot().tag) != self._way[0]:
            raise unreadable(self._registry, "xml", f"its outermost element is not {self._way[0]}")
        self._checked = True


def _let_go(node: Any, above: list[Any]) -> None:
    """Forget a row that is read, and all that stands before it."""
    node.clear(keep_tail=True)
    for each in above:
        while (before := each.getprevious()) is not None:
            before.getparent().remove(before)


def value_of(node: Any) -> Any:
    """Return an element as a value: None where it is nil, its text where it has nothing else, an object otherwise."""
    if node.get(_NIL, "").strip() in ("true", "1"):
        return None
    if not len(node) and not node.attrib:
        return node.text or ""
    found = Element({f"@{_local(name)}": text for name, text in node.attrib.items()})
    text = "".join([node.text or "", *(child.tail or "" for child in node)])
    if not len(node) or text.strip():
        found[TEXT] = text
    for child in node:
        name, value = _local(child.tag), value_of(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
