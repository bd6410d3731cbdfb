"""The attributes of complex types.

Source: XML Schema 1.0 part 1, https://www.w3.org/TR/xmlschema-1/ sections 3.2, 3.4.2 and 3.6
"""

from collections.abc import Callable, Iterator, Mapping

from lxml import etree

from connectors.soap.names import XML, XSD, named, namespace
from connectors.soap.nodes import Node, admits
from connectors.soap.shapes import Attribute, Shape, Simple, Unsupported
from connectors.soap.simple import SimpleTypes

X = f"{{{XSD}}}"
MOST_ATTRIBUTES = 10_000

Found = Mapping[str, Mapping[str, Node]]
"""Global components by kind and tag."""


def read_attributes(shape: Shape, node: Node, found: Found, simple: SimpleTypes) -> None:
    """Add to `shape` the attributes written at `node`, in groups too. Raises Unsupported."""
    for number, each in enumerate(_written(node, found)):
        if number > MOST_ATTRIBUTES:  # groups within groups can make any number of a few lines
            raise Unsupported(f"a type of more than {MOST_ATTRIBUTES:,} attributes")
        if etree.QName(each.xml).localname == "anyAttribute":
            shape.any_attribute = _both(shape.any_attribute, admits(each))
        else:
            _read(shape, each, found, simple)


def _written(node: Node, found: Found) -> Iterator[Node]:
    for each in node.children("attribute", "attributeGroup", "anyAttribute"):
        if etree.QName(each.xml).localname == "attributeGroup":
            yield from _written(found["attributeGroup"][each.named("ref") or ""], found)
        else:
            yield each


def _read(shape: Shape, node: Node, found: Found, simple: SimpleTypes) -> None:
    ref = node.named("ref")
    declared = found["attribute"].get(ref, node) if ref is not None else node
    form = node.xml.get("form") or node.document.root.get("attributeFormDefault")
    space = node.document.namespace if form == "qualified" else None
    tag = ref if ref is not None else named(space, node.xml.get("name", ""))
    if node.xml.get("use") == "prohibited":
        if not shape.extends:  # there it says nothing
            shape.attributes.pop(tag, None)
        return
    values = [each.xml.get(name) for each in (node, declared) for name in ("default", "fixed")]
    shape.attributes[tag] = Attribute(
        simple=_type(declared, tag, simple),
        required=node.xml.get("use") == "required",
        default=next((value for value in values if value is not None), None),
    )


def _type(declared: Node, tag: str, simple: SimpleTypes) -> Simple:
    inside = declared.child("simpleType")
    if inside is not None:
        return simple.at(inside, f"(@{tag})")
    return simple.of(declared.named("type") or (f"{X}string" if namespace(tag) == XML else f"{X}anySimpleType"))


def _both(
    one: Callable[[str | None], bool] | None, other: Callable[[str | None], bool]
) -> Callable[[str | None], bool]:
    """Return what two wildcards of one type take together (XML Schema part 1, 3.4.2)."""
    return other if one is None else lambda space: one(space) and other(space)
