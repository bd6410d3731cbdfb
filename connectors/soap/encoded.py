"""rpc/encoded messages (SOAP 1.1, section 5; SOAP 1.2 part 2, section 3), read as if they were literal.

Schemas are rewritten once: an array becomes a sequence of `item`, every accessor may be absent or nil. An answer is
rewritten likewise (references resolved, array items named `item`, accessors in the schema's order), so that libxml2
validates it like any other.
"""

import copy
import re
from collections.abc import Callable, Iterable, Sequence

from lxml import etree

from connectors import http
from connectors.soap.decode import NIL, TYPE
from connectors.soap.depth import MOST_DEPTH, TOO_DEEP
from connectors.soap.names import ENC_11, ENC_12, SOAP_11, SOAP_12, WSDL, XSD, local, namespace, prefixed, qualified
from connectors.soap.nodes import ARRAY
from connectors.soap.shapes import Element, Shape
from connectors.soap.values import BUILTINS
from connectors.soap.wsdl import SchemaDocument

X = f"{{{XSD}}}"
MOST_NODES = 200_000
"""References can make a small answer large: one to which they add more tags than that is refused."""
_ENCODINGS = (ENC_11, ENC_12)
_ARRAYS = {f"{{{space}}}Array" for space in _ENCODINGS}
_DRESS = {f"{{{space}}}{name}" for space in _ENCODINGS for name in ("arrayType", "root", "itemType", "arraySize")} | {
    *(f"{{{ENC_12}}}{name}" for name in ("id", "ref", "nodeType")),
    *(f"{{{space}}}encodingStyle" for space in (SOAP_11, SOAP_12)),
}
_PARTIAL = {f"{{{space}}}{name}" for space in _ENCODINGS for name in ("offset", "position")}


class NotEncoded(ValueError):
    """An answer that is no encoded message; the message says why and quotes no value."""


# --- schemas ---------------------------------------------------------------------------------------------------------


def literal(schemas: Sequence[SchemaDocument]) -> list[SchemaDocument]:
    """Return `schemas` as they would be written for literal messages."""
    return [
        SchemaDocument(each.url, each.namespace, each.root if each.namespace in _ENCODINGS else _rewritten(each))
        for each in schemas
    ]


def _rewritten(document: SchemaDocument) -> etree._Element:
    root = copy.deepcopy(document.root)
    for kind in root.iter(f"{X}complexType"):
        derivation = kind.find(f"{X}complexContent/*[@base]")
        if derivation is not None and qualified(derivation, derivation.get("base", "")) in _ARRAYS:
            _array(kind, derivation)
    for node in root.iter(f"{X}*"):
        for attribute in ("type", "base"):
            if node.get(attribute) and namespace(tag := qualified(node, node.get(attribute, ""))) in _ENCODINGS:
                _name(node, attribute, _plain_type(tag))
        if node.tag == f"{X}element" and node.getparent() is not root and node.get("ref") is None:
            node.set("nillable", "true")
            node.set("minOccurs", "0")
    return root


def _array(kind: etree._Element, derivation: etree._Element) -> None:
    """Make a sequence of `item` of an array type (WSDL 1.1, 2.2: wsdl:arrayType says of what)."""
    written = derivation.xpath("string(.//@*[local-name()='arrayType' and namespace-uri()=$wsdl])", wsdl=WSDL)
    inner = derivation.find(f".//{X}element[@type]")
    name, dimensions = str(written).strip().partition("[")[::2]
    if name:
        tag = qualified(derivation, name)
    else:
        tag = qualified(inner, inner.get("type", "")) if inner is not None else f"{X}anyType"
    if "," in dimensions:  # a type that is not there: what leads to it is left out, and its name says why
        tag = f"{X}array-of-several-dimensions"
    for child in list(kind):
        kind.remove(child)
    nested = dimensions.count("[")
    for level in range(nested + 1):
        kind.set(ARRAY, "true")
        sequence = etree.SubElement(kind, f"{X}sequence")
        item = etree.SubElement(
            sequence, f"{X}element", name="item", form="unqualified", minOccurs="0", maxOccurs="unbounded"
        )
        if level < nested:
            kind = etree.SubElement(item, f"{X}complexType")
        else:
            _name(item, "type", _plain_type(tag))


def _plain_type(tag: str) -> str:
    """Return the XML Schema type that a type of the encoding's own schema stands for."""
    if namespace(tag) not in _ENCODINGS:
        return tag
    return f"{X}{local(tag)}" if local(tag) in BUILTINS else f"{X}anyType"


def _name(node: etree._Element, attribute: str, tag: str) -> None:
    node.set(attribute, prefixed(node, tag))


# --- answers ---------------------------------------------------------------------------------------------------------


def plain(content: Sequence[etree._Element], element: Element, find: Callable[[str], Shape | None]) -> etree._Element:
    """Return the one element of an encoded answer, rewritten as literal for `element`; `find` knows the schema's types.

    Raises NotEncoded.
    """
    roots = [node for node in content if node.get(f"{{{ENC_11}}}root", "1").strip() != "0"]
    if not roots:
        raise NotEncoded("no element in its body is a root")
    targets: dict[str, etree._Element] = {}
    for node in (each for top in content for each in top.iter()):
        if (name := node.get("id") or node.get(f"{{{ENC_12}}}id")) is not None:
            if name in targets:
                raise NotEncoded(f"{local(node.tag)}, line {node.sourceline}: its id stands on another element too")
            targets[name] = node
    _References(targets).resolve(roots[0], frozenset(), 1)
    roots[0].tag = element.tag
    _undress(roots[0], element, find)
    return roots[0]


class _References:
    """Puts what references lead to in their place."""

    def __init__(self, targets: dict[str, etree._Element]) -> None:
        # As text, which keeps every prefix that is known at a place: one may stand in the value of an xsi:type.
        self.targets = {name: etree.tostring(node, with_tail=False, encoding="UTF-8") for name, node in targets.items()}
        self.nodes = self.bytes = 0

    def resolve(self, node: etree._Element, inside: frozenset[str], depth: int) -> None:
        """Resolve `node` and all within; `inside` are the targets that it stands in already."""
        if depth > MOST_DEPTH:
            raise NotEncoded(f"its references make it {TOO_DEEP}")
        while name := (node.get("href") or "").removeprefix("#") or node.get(f"{{{ENC_12}}}ref"):
            if name not in self.targets or name in inside:
                why = "leads back to itself" if name in self.targets else "leads nowhere"
                raise NotEncoded(f"{local(node.tag)}, line {node.sourceline}: a reference that {why}")
            inside = inside | {name}
            self._put(node, self.targets[name])
        for each in node:
            self.resolve(each, inside, depth + 1)

    def _put(self, node: etree._Element, target: bytes) -> None:
        """Give `node` the content of a target. What all references bring is bounded before it is there."""
        self.nodes += target.count(b"<")
        self.bytes += len(target)
        if self.nodes > MOST_NODES or self.bytes > http.MAX_BYTES:
            raise NotEncoded("its references make it too large")
        copied = etree.fromstring(target)
        for name in ("href", f"{{{ENC_12}}}ref"):
            node.attrib.pop(name, None)
        for key, value in copied.items():
            if key == TYPE:
                _name(node, TYPE, qualified(copied, value))
            else:
                node.set(key, value)
        node.text = copied.text
        node.extend(list(copied))


def _undress(node: etree._Element, element: Element, find: Callable[[str], Shape | None]) -> None:
    """Take what the encoding adds off `node` and all within, and put accessors in the schema's order."""
    _check_size(node)
    for name in list(node.attrib):
        if name in _PARTIAL:
            raise NotEncoded(f"{local(node.tag)}, line {node.sourceline}: a part of an array, which is not read")
        if name in _DRESS or name in ("id", "href"):
            del node.attrib[name]
    shape = _shape(node, element.shape, find)
    if node.get(NIL) is not None or shape.simple is not None:
        return
    if shape.array:
        item = shape.children["item"]
        for each in node:
            each.tag = "item"
            _undress(each, item, find)
        return
    order = {tag: place for place, tag in enumerate(shape.children)}
    node[:] = sorted(node, key=lambda each: order.get(str(each.tag), len(order)))
    for each in node:
        if each.tag in shape.children:
            _undress(each, shape.children[str(each.tag)], find)


def _check_size(node: etree._Element) -> None:
    """Hold an array to the size that it says to have: a shorter one was cut. Of several dimensions none is read."""
    where = f"{local(node.tag)}, line {node.sourceline}"
    size_11, size_12 = node.get(f"{{{ENC_11}}}arrayType", ""), node.get(f"{{{ENC_12}}}arraySize", "")
    if "," in size_11.partition("[")[2] or len(size_12.split()) > 1:
        raise NotEncoded(f"{where}: an array of several dimensions, which is not read")
    said = re.search(r"\[(\d{1,9})\]\s*$", size_11) or re.fullmatch(r"\s*(\d{1,9})\s*", size_12)
    if said is not None and int(said[1]) != len(node):
        raise NotEncoded(f"{where}: an array of another size than it says")


def _shape(node: etree._Element, declared: Shape, find: Callable[[str], Shape | None]) -> Shape:
    """Return the shape of a node; its xsi:type goes where it says nothing that the schema does not."""
    said = node.get(TYPE)
    if said is None:
        return declared
    try:
        tag = qualified(node, said)
    except KeyError as error:
        raise NotEncoded(f"{local(node.tag)}, line {node.sourceline}: an xsi:type without a namespace") from error
    if tag in declared.variants:
        return declared.variants[tag]
    del node.attrib[TYPE]
    if declared.anything:
        _name(node, TYPE, _plain_type(tag))
    elif tag != declared.type and not declared.array and declared.simple is None:
        other = None if namespace(tag) in _ENCODINGS else find(tag)
        if other is not None and other.simple is None and not other.anything:
            raise NotEncoded(f"{local(node.tag)}, line {node.sourceline}: of another type than the declared one")
    return declared


# --- requests --------------------------------------------------------------------------------------------------------


def dress(node: etree._Element, element: Element, envelope: str) -> None:
    """Add to a valid literal request what encoded ones have: types, arrays' sizes, the encoding's name."""
    node.set(f"{{{envelope}}}encodingStyle", ENC_11 if envelope == SOAP_11 else ENC_12)
    for each, declared in _pairs(node, element):
        _dress(each, declared, ENC_11 if envelope == SOAP_11 else ENC_12)


def _dress(node: etree._Element, element: Element, encoding: str) -> None:
    shape = element.shape
    if shape.array:
        item = shape.children["item"]
        _name(node, TYPE, f"{{{encoding}}}Array")
        _array_type(node, item.shape, encoding)
    elif node.get(TYPE) is None and not shape.type.startswith("(") and not shape.anything:
        _name(node, TYPE, shape.type)
    for each, declared in _pairs(node, element):
        _dress(each, declared, encoding)


def _array_type(node: etree._Element, item: Shape, encoding: str) -> None:
    """Say what an array holds: its type, and dimensions for an array of arrays."""
    depth = ""
    while item.array:
        item, depth = item.children["item"].shape, depth + "[]"
    kind = item.type if not item.type.startswith("(") else f"{X}anyType"
    if encoding == ENC_12:
        _name(node, f"{{{ENC_12}}}itemType", kind)
        node.set(f"{{{ENC_12}}}arraySize", str(len(node)))
        return
    _name(node, f"{{{ENC_11}}}arrayType", kind)
    node.set(f"{{{ENC_11}}}arrayType", f"{node.get(f'{{{ENC_11}}}arrayType')}{depth}[{len(node)}]")


def _pairs(node: etree._Element, element: Element) -> Iterable[tuple[etree._Element, Element]]:
    shape = element.shape
    said = node.get(TYPE)
    if said is not None and shape.variants:
        shape = shape.variants.get(qualified(node, said), shape)
    for each in node:
        if each.tag in shape.children:
            yield each, shape.children[str(each.tag)]
