"""Sets aside what a schema does not know, so that the rest of an answer can be read; whoever calls reports it.

What has a known name and stands in a wrong namespace or a wrong place stays, and so does what has text around it: these
are errors, and validation shall say so.
"""

from collections.abc import Iterator

from lxml import etree

from connectors.soap.decode import Undecodable, actual
from connectors.soap.names import XSI, local, namespace
from connectors.soap.shapes import Shape, Simple
from connectors.soap.simple import BLANKS

_STRIPPED = frozenset(
    "date dateTime time duration gYear gYearMonth gMonth gMonthDay gDay float double".split()  # noqa: SIM905 (reads well)
)
"""Blanks around these are none of their value (XML Schema part 2, 4.3.6), and libxml2 stumbles over them."""


def set_aside(node: etree._Element, shape: Shape, path: str) -> Iterator[str]:
    """Remove from `node` what the schema does not know at all, and yield the path of each thing removed."""
    try:
        shape = actual(node, shape)
    except Undecodable:  # validation says so too
        return
    if shape.anything or shape.mixed:
        return
    yield from _attributes(node, shape, path)
    if shape.simple is not None:
        if node.text is not None:
            node.text = _stripped(shape.simple, node.text)
        return
    known = {local(tag) for tag in shape.children}
    for each in list(node):
        child = shape.children.get(str(each.tag))
        if child is not None:
            yield from set_aside(each, child.shape, f"{path}/{local(each.tag)}")
        elif shape.wildcard is not None and shape.wildcard.admits(namespace(str(each.tag))):
            continue
        elif local(each.tag) not in known and not (each.tail or "").strip():
            node.remove(each)
            yield f"{path}/{local(each.tag)}"


def _attributes(node: etree._Element, shape: Shape, path: str) -> Iterator[str]:
    known = {local(name) for name in shape.attributes}
    for name in node.keys():  # noqa: SIM118 (an element is iterated by its children)
        attribute, space = shape.attributes.get(name), namespace(name)
        if attribute is not None:
            node.set(name, _stripped(attribute.simple, node.get(name, "")))
        elif space != XSI and local(name) not in known and not (shape.any_attribute and shape.any_attribute(space)):
            del node.attrib[name]
            yield f"{path}/@{local(name)}"


def _stripped(simple: Simple, text: str) -> str:
    return text.strip(BLANKS) if simple.base in _STRIPPED else text
