"""Simple types: restrictions, lists and unions of the builtin ones.

Source: XML Schema 1.0 part 2, https://www.w3.org/TR/xmlschema-2/
"""

from collections.abc import Callable, Mapping
from typing import Any

from connectors.soap.names import XSD
from connectors.soap.nodes import Node
from connectors.soap.shapes import Simple, Unsupported
from connectors.soap.values import BUILTINS, normalised

X = f"{{{XSD}}}"
BLANKS = " \t\r\n"
MEMBER = "{urn:beffroi}member"
"""On a union: the tags of elements, one for each member type, by which libxml2 judges (see `validation.py`)."""

_LISTS = {"NMTOKENS": "NMTOKEN", "IDREFS": "IDREF", "ENTITIES": "ENTITY"}


class SimpleTypes:
    """Makes simple types from the schemas' `types`; `accepts(tag, text)` judges a text by a member of a union."""

    def __init__(self, types: Mapping[str, Node], accepts: Callable[[str, str], bool]) -> None:
        self._types = types
        self._accepts = accepts
        self._made: dict[str, Simple] = {}

    def of(self, tag: str) -> Simple:
        """Return a global or builtin simple type. Raises Unsupported, KeyError where there is none."""
        if tag not in self._made:
            name = tag.removeprefix(X)
            if tag.startswith(X) and name in BUILTINS:
                self._made[tag] = _atomic(tag, name, {})
            elif tag.startswith(X) and name in _LISTS:
                self._made[tag] = _list(tag, self.of(X + _LISTS[name]))
            else:
                self._made[tag] = self.at(self._types[tag], tag)
        return self._made[tag]

    def at(self, node: Node, name: str) -> Simple:
        """Return the type that a simpleType says; `name` is its tag, or what it is called in messages."""
        restriction, several, union = node.child("restriction"), node.child("list"), node.child("union")
        if restriction is not None:
            return self.restricted(restriction, None, name)
        if several is not None:
            return _list(name, self._inner(several, "itemType", name))
        if union is None:
            raise Unsupported(f"the simple type {name}, which says nothing")
        members = [self.of(union.tag(each)) for each in union.xml.get("memberTypes", "").split()]
        members += [self.at(each, f"{name}#{number}") for number, each in enumerate(union.children("simpleType"))]
        return self._union(name, tuple(members), union.xml.get(MEMBER, "").split())

    def restricted(self, restriction: Node, base: Simple | None, name: str) -> Simple:
        """Return `base`, or the type that a restriction names or holds, with the restriction's facets."""
        if base is None or restriction.child("simpleType") is not None:
            base = self._inner(restriction, "base", name)
        facets: dict[str, Any] = dict(base.facets)
        own: dict[str, list[str]] = {}
        for facet in restriction.xml.iterchildren(f"{X}*"):
            if (value := facet.get("value")) is not None:
                own.setdefault(str(facet.tag).removeprefix(X), []).append(value)
        for facet_name, values in own.items():
            facets[facet_name] = values if facet_name in ("enumeration", "pattern") else values[-1]
        if base.base in ("list", "union"):
            return Simple(name, base.base, base.read, base.write, facets, base.item, base.members)
        return _atomic(name, base.base, facets)

    def _inner(self, node: Node, attribute: str, name: str) -> Simple:
        tag = node.named(attribute)
        if tag is not None:
            return self.of(tag)
        inside = node.child("simpleType")
        if inside is None:
            raise Unsupported(f"the simple type {name}, whose base is missing")
        return self.at(inside, name)

    def _union(self, name: str, members: tuple[Simple, ...], judges: list[str]) -> Simple:
        if any(member.base == "QName" for member in members):
            raise Unsupported(f"the union {name} with a QName, whose prefix means something at its place only")
        accepts = self._accepts

        def read(text: str) -> Any:
            for member, tag in zip(members, judges, strict=True):
                if accepts(tag, text):
                    return member.read(text)
            raise ValueError(f"no member of {name} takes it")

        def write(value: Any) -> str:
            for member, tag in zip(members, judges, strict=True):
                try:
                    text = member.write(value)
                except (ValueError, TypeError):
                    continue
                if accepts(tag, text):
                    return text
            raise ValueError(f"a value of one of the types {', '.join(each.base for each in members)} is expected")

        return Simple(name, "union", read, write, members=members)


def _atomic(name: str, base: str, facets: Mapping[str, Any]) -> Simple:
    builtin = BUILTINS[base]
    space = facets.get("whiteSpace", builtin.space)
    value = builtin.read
    if space == "preserve":
        return Simple(name, base, value, builtin.write, facets)
    if space == "replace":
        return Simple(name, base, lambda text: value(normalised(text, "replace")), builtin.write, facets)
    return Simple(name, base, _collapsing(value), builtin.write, facets)


def _collapsing(value: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a reader that collapses blanks first, at little cost where there are none to collapse."""

    def read(text: str) -> Any:
        return value(text if text.isalnum() else normalised(text, "collapse"))

    return read


def _list(name: str, item: Simple) -> Simple:
    def read(text: str) -> list[Any]:
        return [item.read(each) for each in normalised(text, "collapse").split(" ") if each]

    def write(values: Any) -> str:
        if not isinstance(values, list | tuple):
            raise TypeError("a list is expected")
        texts = [item.write(each) for each in values]
        if any(not text or set(text) & set(BLANKS) for text in texts):
            raise ValueError("the values of a list may neither be empty nor hold blanks")
        return " ".join(texts)

    return Simple(name, "list", read, write, item=item)
