"""What a registry's schemas say in words of what they declare."""

from collections.abc import Mapping, Sequence

from lxml import etree

from connectors.soap.names import XSD, named
from connectors.soap.shapes import Element, Shape
from connectors.soap.words import plain
from connectors.soap.wsdl import SchemaDocument

X = f"{{{XSD}}}"


class Annotations:
    """The documentation in a set of schemas, by the names of what it is of."""

    def __init__(self, schemas: Sequence[SchemaDocument]) -> None:
        """Note where global elements and types stand."""
        self._global: dict[tuple[str, str], etree._Element] = {}
        for document in schemas:
            for node in document.root.iterchildren(f"{X}element", f"{X}complexType", f"{X}simpleType"):
                kind = "element" if node.tag == f"{X}element" else "type"
                self._global.setdefault((kind, named(document.namespace, node.get("name", ""))), node)

    def of_element(self, element: Element) -> str:
        """Return what is said at an element, else at the global one that it refers to, else at its type."""
        return next((said for node in self._nodes(element) if (said := _documentation(node))), "")

    def of_values(self, element: Element) -> Mapping[str, str]:
        """Return what is said of the enumerated values of an element's simple type."""
        for node in self._nodes(element):
            values = node.iterfind(f".//{X}restriction/{X}enumeration")
            if found := {each.get("value", ""): said for each in values if (said := _documentation(each))}:
                return found
        return {}

    def of_attribute(self, shape: Shape, name: str) -> str:
        """Return what is said at an attribute of a named type."""
        node = self._global.get(("type", shape.type))
        found = None if node is None else node.find(f".//{X}attribute[@name='{name}']") if name.isidentifier() else None
        return "" if found is None else _documentation(found)

    def _nodes(self, element: Element) -> list[etree._Element]:
        places = [("element", element.tag), ("type", element.shape.type)]
        if element.shape.simple is not None:
            places.append(("type", element.shape.simple.name))
        own = [] if element.source is None else [element.source.xml]
        if own and own[0].get("ref") is None:
            places = places[1:]  # a local element is not the global one of its name
        return own + [self._global[place] for place in places if place in self._global]


def _documentation(node: etree._Element) -> str:
    said = node.findall(f"{X}annotation/{X}documentation")
    return plain(" ".join("".join(each.itertext()) for each in said))
