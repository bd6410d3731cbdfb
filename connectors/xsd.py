"""Reads XML by its schema: libxml2 validates, and what is valid is decoded to exact Python values.

`Shape` is an element as the decoder sees it, made once from zeep's types. Since libxml2 has already checked order,
number and form, a shape only says which name is which key, what is a list and how a text becomes a value:

- an element that is not there is a key that is not there; `xsi:nil` is None; nothing else is None;
- what may come more than once is a list, empty where there is none;
- an element with attributes and a text is a dict, whose key `_value` is the text;
- a date loses its time zone: it names a day of the calendar.

What shapes cannot say raises `Unsupported` when they are made, never wrong data later.
Source: XML Schema 1.0, https://www.w3.org/TR/xmlschema-1/ and https://www.w3.org/TR/xmlschema-2/
"""

import base64
import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from lxml import etree
from zeep import xsd as zx
from zeep.xsd.elements.indicators import Group
from zeep.xsd.types import builtins as zb
from zeep.xsd.types.collection import ListType, UnionType

XSD = "http://www.w3.org/2001/XMLSchema"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"

Convert = Callable[[str], Any]


class Unsupported(Exception):
    """The schema, or an answer, uses a construct that is not read yet; the message names it."""


class Undecodable(Exception):
    """A valid text that Python has no value for; the message names element, line and kind of value."""


@dataclass
class Shape:
    """An element: its `text` (simple type or simple content), else its `children`, and its `attributes`."""

    type: str
    text: Convert | None = None
    children: dict[str, "Child"] = field(default_factory=dict)
    attributes: dict[str, tuple[str, Convert]] = field(default_factory=dict)


@dataclass(frozen=True)
class Child:
    """A child element: the key it is found under, whether it may come more than once, its shape."""

    key: str
    many: bool
    shape: Shape


# --- values ----------------------------------------------------------------------------------------------------------


def _collapsed(text: str) -> str:
    return re.sub(r"[ \t\r\n]+", " ", text).strip(" ")


def _replaced(text: str) -> str:
    return re.sub(r"[\t\r\n]", " ", text)


def _date(text: str) -> dt.date:
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)(Z|[+-]\d\d:\d\d)?", _collapsed(text))
    if match is None:
        raise ValueError
    return dt.date.fromisoformat(match[1])


# Python keeps microseconds and drops what is finer without a word, so that only zeros may follow them.
_CLOCK = r"\d\d:\d\d:\d\d(\.\d{1,6}0*)?(Z|[+-]\d\d:\d\d)?"


def _datetime(text: str) -> dt.datetime:
    if re.fullmatch(rf"\d{{4}}-\d\d-\d\dT{_CLOCK}", text := _collapsed(text)) is None:
        raise ValueError
    return dt.datetime.fromisoformat(text)


def _time(text: str) -> dt.time:
    if re.fullmatch(_CLOCK, text := _collapsed(text)) is None:
        raise ValueError
    return dt.time.fromisoformat(text)


# The nearest class in the order of inheritance counts; None is what is not read yet.
VALUES: Mapping[type, Convert | None] = {
    zb.String: str,
    zb.NormalizedString: _replaced,
    zb.Token: _collapsed,
    zb.AnyURI: _collapsed,
    zb.Boolean: lambda text: _collapsed(text) in ("true", "1"),
    zb.Integer: lambda text: int(_collapsed(text)),
    zb.Decimal: lambda text: Decimal(_collapsed(text)),
    zb.Float: lambda text: float(_collapsed(text)),
    zb.Double: lambda text: float(_collapsed(text)),
    zb.Date: _date,
    zb.DateTime: _datetime,
    zb.Time: _time,
    zb.HexBinary: lambda text: bytes.fromhex(_collapsed(text)),
    zb.Base64Binary: lambda text: base64.b64decode(re.sub(r"\s", "", text), validate=True),
    zb.NmTokens: None,
    zb.IDREFS: None,
    zb.Entities: None,
    zx.AnySimpleType: None,
}


def _convert(kind: Any) -> Convert:
    found = next((VALUES[parent] for parent in type(kind).__mro__ if parent in VALUES), None)
    if found is None:
        names = {ListType: "a list type", UnionType: "a union type", zx.AnyType: f"the type {type(kind).__name__}"}
        raise Unsupported(next(name for parent, name in names.items() if isinstance(kind, parent)))
    return found


# --- shapes ----------------------------------------------------------------------------------------------------------


class Shapes:
    """Makes the shapes of one operation from zeep's elements; `marks` says what zeep does not tell (see `marks`)."""

    def __init__(self, marks: Mapping[str, str]) -> None:
        self._marks = marks
        self._made: dict[int, Shape] = {}

    def of(self, element: zx.Element) -> Shape:
        """Return the shape of `element`. Raises Unsupported."""
        kind = element.type
        for name in (str(element.name), _name_of(kind)):
            if name in self._marks:
                raise Unsupported(f"{self._marks[name]} of {name}")
        if id(kind) in self._made:
            return self._made[id(kind)]
        shape = self._made[id(kind)] = Shape(kind.qname.text if getattr(kind, "qname", None) is not None else "")
        if not isinstance(kind, zx.ComplexType):
            shape.text = _convert(kind)
            return shape
        shape.attributes = self._attributes(kind)
        content = kind._element  # noqa: SLF001 (zeep has no public name for it)
        if isinstance(content, zx.Element):  # simple content
            shape.text = _convert(content.type)
        elif content is not None:
            shape.children = self._children(content)
        keys = [child.key for child in shape.children.values()] + [key for key, _ in shape.attributes.values()]
        if len(keys) != len(set(keys)):
            raise Unsupported(f"two parts of the same name in {element.name}")
        return shape

    def _attributes(self, kind: zx.ComplexType) -> dict[str, tuple[str, Convert]]:
        found = {}
        for _, attribute in kind.attributes:
            if not isinstance(attribute, zx.Attribute):
                raise Unsupported("anyAttribute")
            name = str(attribute.name)
            if name in self._marks:
                raise Unsupported(f"{self._marks[name]} of {name}")
            found[attribute.qname.text] = name, _convert(attribute.type)
        return found

    def _children(self, group: Any) -> dict[str, Child]:
        """Return the children of a sequence, choice or all, by tag."""
        found: dict[str, Child] = {}
        for part in _parts(group):
            if isinstance(part, zx.Element):
                more = {part.qname.text: Child(str(part.name), _many(part), self.of(part))}
            elif isinstance(part, zx.Sequence | zx.Choice | zx.All | Group):
                more = self._children(part)
            else:
                raise Unsupported(type(part).__name__.lower())
            for tag, child in more.items():
                if tag in found and not isinstance(group, zx.Choice):
                    raise Unsupported(f"{child.key} in more than one place of a sequence")
                found[tag] = Child(child.key, child.many or (tag in found and found[tag].many), child.shape)
        if _many(group):
            if len(found) != 1:
                raise Unsupported("a group of several elements that may come more than once")
            found = {tag: Child(child.key, True, child.shape) for tag, child in found.items()}
        return found


def _parts(group: Any) -> Iterable[Any]:
    return [group.child] if isinstance(group, Group) else list(group)


def _many(part: Any) -> bool:
    return part.max_occurs == "unbounded" or int(part.max_occurs) > 1


def _name_of(kind: Any) -> str:
    qname = getattr(kind, "qname", None)
    return str(qname.localname) if qname is not None else type(kind).__name__


def marks(schemas: Iterable[etree._Element]) -> dict[str, str]:
    """Return the names of declarations with a construct that shapes cannot say and zeep keeps silent about."""
    found = {}
    for schema in schemas:
        for construct, where in _SILENT.items():
            for name in schema.xpath(where, namespaces={"xsd": XSD}):
                found[str(name).rpartition(":")[2]] = construct
    return found


_NAME = "ancestor-or-self::*[@name or @ref][1]/@*[name()='name' or name()='ref']"
_SILENT = {
    "a substitution group": "//@substitutionGroup",
    "a default value": f"//*[@default or @fixed][self::xsd:element or self::xsd:attribute]/{_NAME}",
    "mixed content": f"//*[@mixed='true' or @mixed='1']/{_NAME}",
    "a whiteSpace rule": f"//xsd:whiteSpace/{_NAME}",
}


# --- decoding --------------------------------------------------------------------------------------------------------


def decode(element: etree._Element, shape: Shape) -> Any:
    """Return the value of `element`, which must be valid. Raises Undecodable, and Unsupported for an xsi:type."""
    if element.attrib and _is_nil(element, shape):
        return None
    result: dict[str, Any]
    try:
        if shape.text is None:
            result = {child.key: [] for child in shape.children.values() if child.many}
        elif shape.attributes:
            result = {"_value": shape.text(element.text or "")}
        else:
            return shape.text(element.text or "")
        for name, text in element.items():
            if not name.startswith(XSI):
                key, convert = shape.attributes[name]
                result[key] = convert(text)
    except (ValueError, ArithmeticError) as error:
        kind = f"a value of type {local(shape.type)}" if shape.text is not None else "an attribute"
        raise Undecodable(f"{local(element.tag)}, line {element.sourceline}: {kind} that Python cannot hold") from error
    for each in element:
        child = shape.children[str(each.tag)]
        if child.many:
            result[child.key].append(decode(each, child.shape))
        else:
            result[child.key] = decode(each, child.shape)
    return result


def set_aside(element: etree._Element, shape: Shape, path: str) -> Iterable[str]:
    """Remove from `element` what the schema does not know at all, and yield the path of each thing removed.

    What has a known name and stands in a wrong namespace or a wrong place stays, and so does what has text around
    it: these are errors, and validation shall say so.
    """
    known = {local(name) for name in shape.attributes}
    for name in list(element.attrib):
        if name not in shape.attributes and not name.startswith(XSI) and local(name) not in known:
            del element.attrib[name]
            yield f"{path}/@{local(name)}"
    if shape.text is not None:
        return
    known = {local(tag) for tag in shape.children}
    for each in list(element):
        if each.tag in shape.children:
            yield from set_aside(each, shape.children[each.tag].shape, f"{path}/{local(each.tag)}")
        elif local(each.tag) not in known and not (each.tail or "").strip():
            element.remove(each)
            yield f"{path}/{local(each.tag)}"


def local(tag: Any) -> str:
    """Return a tag without its namespace."""
    return str(tag).rpartition("}")[2]


def _is_nil(element: etree._Element, shape: Shape) -> bool:
    """Tell whether `element` is nil; an xsi:type passes only where it repeats what the schema says anyway."""
    declared = element.get(XSI + "type")
    if declared is not None:
        prefix, _, name = declared.strip().rpartition(":")
        namespace = element.nsmap.get(prefix or None)
        if (f"{{{namespace}}}{name}" if namespace else name) != shape.type:
            raise Unsupported(f"an xsi:type on {local(element.tag)}, line {element.sourceline}")
    return element.get(XSI + "nil", "").strip() in ("true", "1")
