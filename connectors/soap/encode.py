"""Writes values as XML by their shape: what `decode` reads, the other way round.

What is written is not yet valid: libxml2 judges it afterwards. Only what has no place at all is refused here.
"""

import math
from collections.abc import Mapping
from typing import Any

from lxml import etree

from connectors.soap.decode import NIL, TYPE
from connectors.soap.names import XSD, XSI, local, namespace, prefixed
from connectors.soap.shapes import Attribute, Element, Group, Shape, Simple, Wildcard

_SPECIAL = frozenset({"_type", "_nil", "_attributes"})


class BadParameter(ValueError):
    """A parameter that has no place in the request, or is of another kind; the message names it, never its value."""


def encode(element: Element, value: Any, parent: etree._Element | None = None, path: str = "") -> etree._Element:
    """Return `value` as the XML of `element`, appended to `parent` where one is given. Raises BadParameter."""
    path = path or local(element.tag)
    node = _node(element.tag, parent)
    shape = element.shape
    if value is None or (isinstance(value, Mapping) and value.get("_nil") is True):
        node.set(NIL, "true")
        if value is not None:
            _attributes(node, shape, value, path, {"_nil"})
        return node
    if shape.anything:
        _anything(node, shape, value, path)
    elif shape.is_text and shape.simple is not None:
        _text(node, shape.simple, value, path)
    else:
        if shape.array and isinstance(value, list | tuple):
            value = {"item": value}
        if not isinstance(value, Mapping):
            raise BadParameter(f"{path}: an object is expected")
        _object(node, _actual(node, shape, value, path), value, path)
    return node


def _node(tag: str, parent: etree._Element | None) -> etree._Element:
    if parent is not None:
        return etree.SubElement(parent, tag)
    space = namespace(tag)
    return etree.Element(tag, nsmap={"n": space, "xsi": XSI} if space else {"xsi": XSI})


def _actual(node: etree._Element, shape: Shape, value: Mapping[str, Any], path: str) -> Shape:
    """Return the type that `_type` asks for, and write it where it is another than the declared one."""
    said = value.get("_type", shape.type)
    if not shape.variants or (said == shape.type and not shape.abstract):
        if said != shape.type:
            raise BadParameter(f"{path}/_type: no other type than the declared one may stand here")
        return shape
    if said not in shape.variants:
        raise BadParameter(f"{path}/_type: one of {', '.join(sorted(shape.variants))} is expected")
    _say_type(node, said)
    return shape.variants[said]


def _say_type(node: etree._Element, tag: str) -> None:
    node.set(TYPE, prefixed(node, tag))


def _object(node: etree._Element, shape: Shape, value: Mapping[str, Any], path: str) -> None:
    used = _attributes(node, shape, value, path, set(_SPECIAL))
    if shape.mixed:
        used |= {"_xml", "_text"}
        if "_xml" in value:
            _fill(node, str(value["_xml"]), path)
        else:
            node.text = str(value.get("_text", ""))
    elif shape.simple is not None:
        used.add("_value")
        _text(node, shape.simple, value.get("_value", ""), f"{path}/_value")
    elif shape.content is not None:
        used |= shape.content.keys
        _Writer(value, path).whole(node, shape.content)
    if surplus := sorted(set(value) - used):
        allowed = sorted(used - _SPECIAL)
        there = f"; there are: {', '.join(allowed)}" if allowed else ": nothing is expected"
        raise BadParameter(f"{path}: {', '.join(surplus)} has no place here{there}")


def _text(node: etree._Element, simple: Simple, value: Any, path: str) -> None:
    if isinstance(value, Mapping):
        raise BadParameter(f"{path}: a {simple.base} is expected, not an object")
    try:
        node.text = simple.write(value) if simple.base != "QName" else _qname(node, value)  # lxml declares its prefix
    except (ValueError, TypeError) as error:
        raise BadParameter(f"{path}: {_why(error, simple)}") from error


def _why(error: Exception, simple: Simple) -> str:
    """Return the reason that a type gives, unless lxml gave it: it quotes what it was given."""
    return str(error) if error.__traceback__ and "XML compatible" not in str(error) else f"no valid {simple.base}"


def _attributes(node: etree._Element, shape: Shape, value: Mapping[str, Any], path: str, used: set[str]) -> set[str]:
    """Write the attributes of an object and return the keys that are done with."""
    for tag, attribute in shape.attributes.items():
        used.add(attribute.key)
        if attribute.key in value:
            _attribute(node, tag, attribute, value[attribute.key], f"{path}/{attribute.key}")
    if shape.any_attribute is not None:
        for tag, text in value.get("_attributes", {}).items():
            node.set(tag, str(text))
    return used


def _attribute(node: etree._Element, tag: str, attribute: Attribute, value: Any, path: str) -> None:
    if value is None:
        raise BadParameter(f"{path}: null is not allowed here; leave it out")
    try:
        node.set(tag, attribute.simple.write(value) if attribute.simple.base != "QName" else _qname(node, value))
    except (ValueError, TypeError) as error:
        raise BadParameter(f"{path}: {_why(error, attribute.simple)}") from error


def _qname(node: etree._Element, value: Any) -> Any:
    try:
        return prefixed(node, etree.QName(str(value)).text)
    except ValueError as error:
        raise ValueError("a name with its namespace, {namespace}name, is expected") from error


def _takes_list(shape: Shape) -> bool:
    return shape.array or (shape.simple is not None and shape.simple.base in ("list", "union"))


# --- content ---------------------------------------------------------------------------------------------------------


class _Writer:
    """Writes the content of one object; a list that stands in several places is written a part at each."""

    def __init__(self, value: Mapping[str, Any], path: str) -> None:
        self.value, self.path = value, path
        self.lists: frozenset[str] = frozenset()
        self.written: dict[str, float] = {}

    def whole(self, node: etree._Element, group: Group) -> None:
        """Write all that the value has of a group; what cannot stand beside the rest is refused."""
        self.lists = group.lists
        self.occurrence(node, group)
        if surplus := sorted(key for key in group.keys if self.left(key)):
            raise BadParameter(f"{self.path}: {', '.join(surplus)} cannot stand beside the rest")

    def occurrence(self, node: etree._Element, group: Group) -> None:
        """Write one occurrence of `group`."""
        parts = [self.chosen(group)] if group.kind == "choice" else group.parts
        for number, part in enumerate(parts):
            if isinstance(part, Element):
                others = group.parts[number + 1 :] if part.many and group.kind == "sequence" else []
                later = sum(each.minimum for each in others if isinstance(each, Element) and each.key == part.key)
                self.element(node, part, later)
            elif isinstance(part, Wildcard):
                self.wildcard(node, part)
            elif isinstance(part, Group):
                self.group(node, part)

    def chosen(self, group: Group) -> Any:
        """Return the alternative of a choice that the value has most keys of, None where it has of none."""
        best, most = None, 0
        for part in group.parts:
            keys = part.keys if isinstance(part, Group) and not part.key else {part.key}
            count = sum(self.left(key) for key in keys if key)
            if count > most:
                best, most = part, count
        return best

    def left(self, key: str) -> bool:
        """Tell whether something of a key is still to be written."""
        if key not in self.value:
            return False
        value = self.value[key]
        count = len(value) if key in self.lists and isinstance(value, list | tuple) else 1
        return self.written.get(key, 0) < count

    def take(self, key: str, most: float, later: int = 0) -> list[Any]:
        """Return the next values of a key, `most` at most, and `later` left for places further on."""
        value = self.value.get(key, ())
        if not isinstance(value, list | tuple):
            raise BadParameter(f"{self.path}/{key}: a list is expected")
        start = int(self.written.get(key, 0))
        taken = list(value[start : int(max(start, min(start + most, len(value) - later)))])
        self.written[key] = start + len(taken)
        return taken

    def element(self, node: etree._Element, part: Element, later: int) -> None:
        """Write what the value has for an element, which `later` more must have that come further on."""
        if not part.many:
            if part.key in self.value and not self.written.get(part.key):
                self.written[part.key] = math.inf
                value = self.value[part.key]
                if isinstance(value, list | tuple) and not _takes_list(part.shape):
                    raise BadParameter(f"{self.path}/{part.key}: one value is expected, not a list")
                self.one(node, part, value)
            return
        for each in self.take(part.key, part.maximum, later):
            self.one(node, part, each)

    def one(self, node: etree._Element, part: Element, value: Any) -> None:
        """Write one value of an element; None where it may not be nil is no value at all."""
        if value is None and not part.nillable:
            raise BadParameter(f"{self.path}/{part.key}: null is not allowed here; leave it out")
        encode(part, value, node, f"{self.path}/{part.key}")

    def group(self, node: etree._Element, part: Group) -> None:
        """Write a group within: into the same object, or one occurrence an object of its list."""
        if part.key is not None:
            for number, each in enumerate(self.take(part.key, math.inf)):
                path = f"{self.path}/{part.key}/{number}"
                if not isinstance(each, Mapping):
                    raise BadParameter(f"{path}: an object is expected")
                if surplus := sorted(set(each) - part.keys):
                    raise BadParameter(f"{path}: {', '.join(surplus)} has no place here")
                _Writer(each, path).whole(node, part)
            return
        if part.maximum == 1:
            self.occurrence(node, part)
            return
        count = 0
        while count < part.maximum and any(self.left(key) for key in part.keys):
            count += 1
            before = dict(self.written)
            self.occurrence(node, part)
            if self.written == before:
                break

    def admitted(self, part: Wildcard, path: str) -> int:
        """Return how many of the next values an xsd:any takes, by their namespaces."""
        waiting = self.value.get(part.key, [])
        waiting = waiting[int(self.written.get(part.key, 0)) :] if isinstance(waiting, list | tuple) else []
        count = 0
        for each in waiting:
            if not isinstance(each, Mapping) or "name" not in each:
                raise BadParameter(f'{path}: objects {{"name": …, "value": …}} or {{"name": …, "xml": …}} are expected')
            if count == part.maximum or not part.admits(namespace(str(each["name"]))):
                break
            count += 1
        return count

    def wildcard(self, node: etree._Element, part: Wildcard) -> None:
        """Write the elements of an xsd:any."""
        path = f"{self.path}/{part.key}"
        for each in self.take(part.key, self.admitted(part, path)):
            if "xml" in each:
                node.append(_parsed(str(each["xml"]), path))
                continue
            element = part.find(str(each["name"]))
            if element is None:
                raise BadParameter(f"{path}: the schema declares no element of that name; give its xml")
            encode(element, each.get("value"), node, path)


def _anything(node: etree._Element, shape: Shape, value: Any, path: str) -> None:
    if not isinstance(value, Mapping):
        raise BadParameter(f'{path}: an object {{"_type": …, "_value": …}} or {{"_xml": …}} is expected')
    said = value.get("_type")
    if said is not None:
        _say_type(node, str(said))
    if "_xml" in value:
        for tag, text in value.get("_attributes", {}).items():
            node.set(tag, str(text))
        _fill(node, str(value["_xml"]), path)
        return
    found = shape.find(str(said)) if shape.find is not None and said is not None else None
    if found is None:
        raise BadParameter(f"{path}/_type: a type of the schema or of {XSD} is expected")
    rest = {key: each for key, each in value.items() if key != "_type"}
    if found.is_text and found.simple is not None:
        _text(node, found.simple, rest.get("_value", ""), path)
    else:
        _object(node, found, rest, path)


def _fill(node: etree._Element, xml: str, path: str) -> None:
    """Put text and elements into `node` as they stand."""
    whole = _parsed(f"<whole>{xml}</whole>", path)
    node.text = whole.text
    for each in list(whole):
        node.append(each)


def _parsed(xml: str, path: str) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        root = etree.fromstring(xml.encode(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadParameter(f"{path}: well-formed XML is expected") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise BadParameter(f"{path}: a document type declaration is not allowed")
    return root
