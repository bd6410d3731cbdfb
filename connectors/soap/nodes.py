"""Nodes of schema documents, and what their attributes say.

Source: XML Schema 1.0 part 1, https://www.w3.org/TR/xmlschema-1/
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lxml import etree

from connectors.soap.names import XSD, named, qualified
from connectors.soap.wsdl import SchemaDocument

X = f"{{{XSD}}}"
ARRAY = "{urn:beffroi}array"
"""On a complexType of schemas rewritten by `encoded.literal`: it is an array."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a schema, and the document that says what its names mean."""

    xml: etree._Element
    document: SchemaDocument

    def named(self, attribute: str) -> str | None:
        """Return the tag that an attribute names, None where there is no such attribute."""
        text = self.xml.get(attribute)
        return None if text is None else self.tag(text)

    def tag(self, text: str) -> str:
        """Return the tag of a prefixed name; in a chameleon schema a bare name is in its includer's namespace."""
        chameleon = self.document.root.get("targetNamespace") is None
        return qualified(self.xml, text, self.document.namespace if chameleon else None)

    def children(self, *names: str) -> Iterator["Node"]:
        """Yield the children of these names of XML Schema."""
        for child in self.xml.iterchildren(*(X + name for name in names)):
            yield Node(child, self.document)

    def child(self, *names: str) -> "Node | None":
        """Return the first of such children."""
        return next(self.children(*names), None)


def occurs(xml: etree._Element) -> tuple[int, float]:
    """Return how often a particle comes, at least and at most; math.inf where it is unbounded."""
    high = xml.get("maxOccurs", "1").strip()
    return int(xml.get("minOccurs", "1")), math.inf if high == "unbounded" else int(high)


def admits(node: Node) -> Callable[[str | None], bool]:
    """Return what tells of a namespace whether a wildcard takes it (XML Schema part 1, 3.10.2)."""
    said, target = node.xml.get("namespace", "##any").split(), node.document.namespace
    if said == ["##any"]:
        return lambda _space: True
    if said == ["##other"]:
        return lambda space: space is not None and space != target
    spaces = {{"##targetNamespace": target, "##local": None}.get(each, each) for each in said}
    return lambda space: space in spaces


def is_true(xml: etree._Element, name: str) -> bool:
    """Tell whether a boolean attribute is there and says so."""
    return xml.get(name, "").strip() in ("true", "1")


def too_large(schemas: Sequence[SchemaDocument], most: int) -> str | None:
    """Return the tag of a group or type that holds more than `most` elements when its groups are written out.

    Groups within groups can make any number of a few lines, on which libxml2 would work for hours.
    """
    groups = {
        named(document.namespace, xml.get("name", "")): Node(xml, document)
        for document in schemas
        for xml in document.root.iterchildren(f"{X}group")
    }
    sizes: dict[str, int] = {}

    def size(node: Node) -> int:
        total = sum(1 for _ in node.xml.iter(f"{X}element", f"{X}any"))
        for reference in node.xml.iter(f"{X}group"):
            tag = Node(reference, node.document).named("ref")
            if tag in groups:
                if tag not in sizes:
                    sizes[tag] = 0  # a group that holds itself: libxml2 says so
                    sizes[tag] = size(groups[tag])
                total += sizes[tag]
        return min(total, most + 1)

    for document in schemas:
        for kind in document.root.iter(f"{X}complexType"):
            if size(Node(kind, document)) > most:
                return named(document.namespace, kind.get("name", "(without a name)"))
    return None
