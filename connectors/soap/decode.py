"""Decodes valid XML by its shape.

libxml2 has checked order, number and form before: nothing is judged here. The rules stand in docs/soap.md.
"""

import re
from collections.abc import Sequence
from typing import Any

from lxml import etree

from connectors.soap.names import XSI, local, namespace, qualified
from connectors.soap.shapes import Element, Group, Particle, Shape, Simple, Wildcard

NIL, TYPE = f"{{{XSI}}}nil", f"{{{XSI}}}type"
_XSI = f"{{{XSI}}}"
MOST_ATTRIBUTES = 1_000
_PREFIX = re.compile(r"(?<![\w.:-])([^\W\d][\w.-]*):(?=[^\W\d])")
_NOTHING: Sequence[tuple[str, str]] = ()
_HINTS = frozenset({NIL, TYPE, f"{_XSI}schemaLocation", f"{_XSI}noNamespaceSchemaLocation"})


class Undecodable(Exception):
    """A valid answer that has no value by our rules; the message names element, line and kind of value."""


def decode(node: etree._Element, element: Element) -> Any:
    """Return the value of `node`, which is valid as `element`. Raises Undecodable."""
    shape = element.shape
    simple = shape.simple
    given = _given(node) if node.keys() else _NOTHING
    if not given and simple is not None and shape.is_text:  # most nodes
        text = node.text or ""
        try:
            return _qname(node, simple, text) if _is_qname(simple) else simple.read(text or element.default or "")
        except (ValueError, ArithmeticError) as error:
            raise _undecodable(node, simple) from error
    if given:
        if element.nillable and node.get(NIL, "").strip() in ("true", "1"):
            return _nil(node, shape, given)
        if shape.is_text and (others := [local(name) for name, _ in given if name not in _HINTS]):
            # by an xsi:type with attributes of its own, for which a plain text has no place
            raise Undecodable(f"{local(node.tag)}, line {node.sourceline}: attributes on a text: {', '.join(others)}")
        shape = actual(node, shape)
    return _value(node, element, shape, given)


def _nil(node: etree._Element, declared: Shape, given: Sequence[tuple[str, str]]) -> dict[str, Any] | None:
    """Return the value of a nil element: an object where its type, or one derived from it, may have attributes."""
    if declared.anything:
        others = {name: text for name, text in given if name not in _HINTS}
        return {"_nil": True, "_attributes": others} if others else None
    if not declared.has_attributes:
        return None
    shape = actual(node, declared)
    kind = {"_type": shape.type} if declared.variants else {}
    return {"_nil": True} | kind | _attributes(node, shape, given)


def _given(node: etree._Element) -> list[tuple[str, str]]:
    """Return the attributes of a node. Raises Undecodable for more than anybody has: reading them is quadratic."""
    if len(node.keys()) > MOST_ATTRIBUTES:
        raise Undecodable(f"{local(node.tag)}, line {node.sourceline}: more than {MOST_ATTRIBUTES:,} attributes")
    return node.items()


def actual(node: etree._Element, shape: Shape) -> Shape:
    """Return the shape that an xsi:type says, or the declared one. Raises Undecodable."""
    said = node.get(TYPE)
    if said is None or (not shape.variants and not shape.anything):
        return shape
    try:
        return shape.variants.get(qualified(node, said), shape)
    except KeyError as error:
        raise Undecodable(f"{local(node.tag)}, line {node.sourceline}: an xsi:type without a namespace") from error


def _value(node: etree._Element, element: Element, shape: Shape, given: Sequence[tuple[str, str]]) -> Any:
    if shape.anything:
        return _anything(node, shape)
    if shape.is_text and shape.simple is not None:
        return _text(node, shape.simple, element.default)
    value: dict[str, Any] = {}
    if element.shape.variants:
        value["_type"] = shape.type
    if shape.attributes or shape.any_attribute is not None:
        value |= _attributes(node, shape, given)
    if shape.mixed:
        return value | {"_xml": inner(node), "_text": "".join(node.itertext())}
    if shape.simple is not None:
        value["_value"] = _text(node, shape.simple, element.default)
    elif shape.positional and shape.content is not None:
        _empty_lists(shape.content, value)
        _occurrence(shape.content, list(node), 0, value)
    else:
        _children(node, shape, value)
    return value["item"] if shape.array else value


def _children(node: etree._Element, shape: Shape, value: dict[str, Any]) -> None:
    """Read the children where a tag alone says which key it is: the way that nearly all answers take."""
    children = shape.children
    for each in node:
        found = children[each.tag]  # type: ignore[index]  # every tag of an answer is a text
        if found.many:
            value.setdefault(found.key, []).append(decode(each, found))
        else:
            value[found.key] = decode(each, found)
    if shape.content is not None:
        for key in shape.content.lists - value.keys():
            value[key] = []


# --- content in which the place of an element matters ----------------------------------------------------------------


def _occurrence(group: Group, children: list[etree._Element], at: int, value: dict[str, Any]) -> int:
    """Read one occurrence of `group` from the children at `at`, and return where it ends.

    Valid content is deterministic (XML Schema part 1, 3.8.6), so that the next tag alone says what it belongs to.
    """
    if group.kind == "sequence":
        for part in group.parts:
            at = _repeated(part, children, at, value)
        return at
    taken = True
    while taken and at < len(children):
        taken = False
        tag = str(children[at].tag)
        for part in sorted(group.parts, key=lambda each: isinstance(each, Wildcard)):  # a wildcard takes what is left
            if _begins(part, tag):
                at, taken = _repeated(part, children, at, value), group.kind == "all"
                break
    return at


def _repeated(part: Particle, children: list[etree._Element], at: int, value: dict[str, Any]) -> int:
    """Read as many occurrences of `part` as there are and may be."""
    count = 0.0
    while at < len(children) and count < part.maximum and _begins(part, str(children[at].tag)):
        start, count = at, count + 1
        each = children[at]
        if isinstance(part, Wildcard):
            value["_any"].append(_unknown(each, part))
            at += 1
        elif isinstance(part, Element):
            _put(value, part, decode(each, part))
            at += 1
        elif part.key is None:
            at = _occurrence(part, children, at, value)
        else:
            inside: dict[str, Any] = {}
            _empty_lists(part, inside)
            at = _occurrence(part, children, at, inside)
            value[part.key].append(inside)
        if at == start:
            break
    return at


def _put(value: dict[str, Any], part: Element, decoded: Any) -> None:
    if part.many:
        value[part.key].append(decoded)
    else:
        value[part.key] = decoded


def _begins(part: Particle, tag: str) -> bool:
    if isinstance(part, Element):
        return part.tag == tag
    if isinstance(part, Wildcard):
        return part.admits(namespace(tag))
    return tag in part.first or any(each.admits(namespace(tag)) for each in part.first_any)


def _empty_lists(group: Group, value: dict[str, Any]) -> None:
    """Set the lists of an object: they are there even where nothing is."""
    for part in group.parts:
        if isinstance(part, Group) and part.key is None:
            _empty_lists(part, value)
        elif isinstance(part, Group) or part.many:
            value.setdefault(part.key or "", [])


# --- parts -----------------------------------------------------------------------------------------------------------


def _attributes(node: etree._Element, shape: Shape, given: Sequence[tuple[str, str]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    others: dict[str, str] = {}
    seen = set()
    for name, text in given:
        attribute = shape.attributes.get(name)
        if attribute is not None:
            seen.add(name)
            value[attribute.key] = _attribute(node, name, attribute.simple, text)
        elif name not in _HINTS:
            others[name] = text
    for name, attribute in shape.attributes.items():
        if attribute.default is not None and name not in seen:
            value[attribute.key] = attribute.simple.read(attribute.default)
    if shape.any_attribute is not None:
        value["_attributes"] = others
    return value


def _attribute(node: etree._Element, name: str, simple: Simple, text: str) -> Any:
    try:
        return _qname(node, simple, text) if _is_qname(simple) else simple.read(text)
    except (ValueError, ArithmeticError) as error:
        raise _undecodable(node, simple, f"/@{local(name)}") from error


def _text(node: etree._Element, simple: Simple, default: str | None) -> Any:
    text = node.text or default or ""
    try:
        return _qname(node, simple, text) if _is_qname(simple) else simple.read(text)
    except (ValueError, ArithmeticError) as error:
        raise _undecodable(node, simple) from error


def _is_qname(simple: Simple) -> bool:
    return simple.base == "QName" or (simple.item is not None and simple.item.base == "QName")


def _qname(node: etree._Element, simple: Simple, text: str) -> str | list[str]:
    """Return a qualified name, or a list of them, with its namespace: a prefix means something at this place only."""
    try:
        return [qualified(node, each) for each in text.split()] if simple.item is not None else qualified(node, text)
    except KeyError as error:
        raise ValueError from error


def _undecodable(node: etree._Element, simple: Simple, more: str = "") -> Undecodable:
    kind = simple.base if simple.base != "union" else local(simple.name)
    return Undecodable(f"{local(node.tag)}{more}, line {node.sourceline}: a {kind} that cannot be read")


def _anything(node: etree._Element, shape: Shape) -> Any:
    """Read an xsd:anyType: by the type that it says to have, or as it stands."""
    said = node.get(TYPE)
    others = {name: text for name, text in node.items() if name not in _HINTS}
    untyped = {"_attributes": others, "_xml": inner(node)} if others else {"_xml": inner(node)}
    if said is None:
        return untyped
    try:
        tag = qualified(node, said)
    except KeyError:
        tag = ""
    found = shape.find(tag) if shape.find is not None else None
    if found is None or found.anything:
        return {"_type": tag, **untyped}
    value = _value(node, Element(str(node.tag), found), found, node.items())
    return {"_type": tag, **value} if isinstance(value, dict) else {"_type": tag, "_value": value}


def _unknown(node: etree._Element, wildcard: Wildcard) -> dict[str, Any]:
    """Read an element at an xsd:any: by its own declaration where there is one, else as it stands."""
    element = wildcard.find(str(node.tag))
    if element is not None:
        return {"name": str(node.tag), "value": decode(node, element)}
    return {"name": str(node.tag), "xml": xml_of(node)}


def xml_of(node: etree._Element) -> str:
    """Return an element as text that stands for itself (Exclusive XML Canonicalization).

    Prefixes that its values seem to use are declared too: an xsi:type or a QName would mean nothing without them.
    """
    raw = set(_PREFIX.findall(etree.tostring(node, encoding="unicode", with_tail=False)))
    used = [prefix for prefix in node.nsmap if prefix in raw]
    written: bytes = etree.tostring(
        node, method="c14n", exclusive=True, with_comments=False, with_tail=False, inclusive_ns_prefixes=used
    )  # type: ignore[call-overload]
    return written.decode()


def inner(node: etree._Element) -> str:
    """Return the content of an element: its text, escaped, and its children, each standing for itself."""
    whole = [_escaped(node.text)]
    for each in node:
        whole += [xml_of(each), _escaped(each.tail)]
    return "".join(whole)


def _escaped(text: str | None) -> str:
    return (text or "").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
