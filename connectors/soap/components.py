"""The components of a set of XML Schemas, and the shapes made of them when they are first asked for.

Nothing here judges: the schemas have been compiled by libxml2, so that every name leads somewhere and every derivation
is allowed. Only what operations reach is ever read, so that a schema of a thousand types costs what is used of it.
Source: XML Schema 1.0, https://www.w3.org/TR/xmlschema-1/
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from lxml import etree

from connectors.soap.attributes import read_attributes
from connectors.soap.names import XSD, named
from connectors.soap.nodes import ARRAY, Node, admits, is_true, occurs
from connectors.soap.shapes import Element, Group, Particle, Shape, Unsupported, Wildcard, finish
from connectors.soap.simple import SimpleTypes
from connectors.soap.wsdl import SchemaDocument

X = f"{{{XSD}}}"
ANY_TYPE = f"{X}anyType"
_GLOBAL = {
    f"{X}element": "element",
    f"{X}attribute": "attribute",
    f"{X}simpleType": "type",
    f"{X}complexType": "type",
    f"{X}group": "group",
    f"{X}attributeGroup": "attributeGroup",
}


MOST_PARTICLES = 10_000


class Components:
    """All schemas of a WSDL as one. Thread-safe; a shape once made never changes."""

    def __init__(self, schemas: Sequence[SchemaDocument], accepts: Callable[[str, str], bool]) -> None:
        """`accepts` judges a text by a member of a union (`validation.Schema.accepts`)."""
        self._found: dict[str, dict[str, Node]] = {kind: {} for kind in set(_GLOBAL.values())}
        self._substitutes: dict[str, list[str]] = {}
        self._derived: dict[str, list[str]] = {}
        for document in schemas:
            self._index(document)
        self._lock = threading.RLock()
        self._waiting: list[tuple[Shape, Node]] = []  # shapes that are known and not filled yet
        self._types: dict[str, Shape] = {}
        self._anonymous: dict[etree._Element, Shape] = {}  # by the node itself: lxml reuses the ids of nodes let go
        self.simple = SimpleTypes(self._found["type"], accepts)

    def _index(self, document: SchemaDocument) -> None:
        for xml in document.root.iterchildren(*_GLOBAL):
            node = Node(xml, document)
            tag = named(document.namespace, xml.get("name", ""))
            self._found[_GLOBAL[str(xml.tag)]].setdefault(tag, node)
            head = node.named("substitutionGroup")
            if head is not None:
                self._substitutes.setdefault(head, []).append(tag)
            for derivation in xml.iterfind(f"{X}complexContent/*[@base]"):
                self._derived.setdefault(node.tag(derivation.get("base", "")), []).append(tag)
            for derivation in xml.iterfind(f"{X}simpleContent/*[@base]"):
                self._derived.setdefault(node.tag(derivation.get("base", "")), []).append(tag)

    # --- what is asked for -------------------------------------------------------------------------------------------

    def element(self, tag: str) -> Element:
        """Return a global element. Raises Unsupported, KeyError where there is none."""
        with self._filling():
            return self._element(self._found["element"][tag])

    @contextmanager
    def _filling(self) -> Iterator[None]:
        """Fill every shape that is made within. What one that cannot be read leads to, and what leads to it, goes."""
        with self._lock:
            try:
                yield
                while self._waiting:
                    self._complex(*self._waiting.pop())
            except (Unsupported, KeyError):
                self._waiting.clear()
                self._types.clear()
                self._anonymous.clear()
                raise

    def find(self, tag: str) -> Element | None:
        """Return a global element that can be read, None where there is none."""
        if tag not in self._found["element"]:
            return None
        try:
            return self.element(tag)
        except Unsupported:
            return None

    def find_type(self, tag: str) -> Shape | None:
        """Return a global or builtin type that can be read, None where there is none."""
        try:
            return self.type(tag)
        except (KeyError, Unsupported):
            return None

    def type(self, tag: str) -> Shape:
        """Return a global or builtin type. Raises Unsupported, KeyError where there is none."""
        with self._filling():
            return self._type(tag)

    # --- elements ----------------------------------------------------------------------------------------------------

    def _type(self, tag: str) -> Shape:
        """Return a global or builtin type, which may not be filled yet."""
        if tag in self._types:
            return self._types[tag]
        if tag == ANY_TYPE:
            shape = self._types[tag] = Shape(tag, anything=True, find=self.find_type)
            return shape
        node = self._found["type"].get(tag)
        shape = self._types[tag] = Shape(tag)
        if node is None or node.xml.tag == f"{X}simpleType":
            shape.simple = self.simple.of(tag)
        else:
            self._later(shape, node)
        return shape

    def _later(self, shape: Shape, node: Node) -> None:
        """Fill a shape when nobody is on the way any more: types may hold one another in chains of any length."""
        shape.abstract = is_true(node.xml, "abstract")
        shape.array = node.xml.get(ARRAY) is not None
        self._waiting.append((shape, node))

    def _element(self, node: Node) -> Element:
        xml, document = node.xml, node.document
        top = xml.getparent() is document.root
        form = xml.get("form") or document.root.get("elementFormDefault")
        tag = named(document.namespace if top or form == "qualified" else None, xml.get("name", ""))
        default = xml.get("default", xml.get("fixed"))
        return Element(tag, self._type_at(node), is_true(xml, "nillable"), default, *occurs(xml), source=node)

    def _type_at(self, node: Node) -> Shape:
        """Return the type of an element: named, written inside it, that of its substitution group's head, or any."""
        tag = node.named("type")
        if tag is not None:
            return self._type(tag)
        inside = node.child("complexType", "simpleType")
        if inside is None:
            head = node.named("substitutionGroup")
            return self._type(ANY_TYPE) if head is None else self._type_at(self._found["element"][head])
        if inside.xml in self._anonymous:
            return self._anonymous[inside.xml]
        shape = self._anonymous[inside.xml] = Shape(f"({node.xml.get('name')})")
        if inside.xml.tag == f"{X}simpleType":
            shape.simple = self.simple.at(inside, shape.type)
        else:
            self._later(shape, inside)
        return shape

    def _place(self, node: Node) -> Particle:
        """Return an element at its place in a type; one that others may stand in for is a choice of all of them."""
        ref = node.named("ref")
        if ref is None:
            return self._element(node)
        low, high = occurs(node.xml)
        members = [tag for tag in self._standing_in(ref) if not is_true(self._found["element"][tag].xml, "abstract")]
        found = [self._element(self._found["element"][tag]) for tag in members]
        if len(found) == 1 and members == [ref]:
            found[0].minimum, found[0].maximum, found[0].source = low, high, node
            return found[0]
        return Group("choice", list(found), low, high)

    def _standing_in(self, head: str) -> list[str]:
        """Return `head` and all that may stand in for it, directly or through others."""
        found = [head]
        for tag in found:
            found += [other for other in self._substitutes.get(tag, ()) if other not in found]
        return found

    # --- complex types -----------------------------------------------------------------------------------------------

    def _complex(self, shape: Shape, node: Node) -> None:
        self._content(shape, node)
        derived = self._all_derived(shape.type)
        if derived:  # they are made of this one's node, not of this shape
            family = {shape.type: shape, **{tag: self._type(tag) for tag in derived}}
            shape.variants = {tag: each for tag, each in family.items() if not each.abstract}

    def _all_derived(self, tag: str) -> list[str]:
        found = list(self._derived.get(tag, ()))
        for each in found:
            found += [other for other in self._derived.get(each, ()) if other not in found]
        return found

    def _content(self, shape: Shape, node: Node) -> None:
        """Fill a shape from a complexType, or from an extension or restriction of one, and finish it."""
        self._derivation(shape, node)
        if shape.content is not None and shape.content.maximum > 1:
            shape.content = Group("sequence", [shape.content])
        finish(shape)

    def _derivation(self, shape: Shape, node: Node) -> None:
        shape.mixed = shape.mixed or is_true(node.xml, "mixed")
        inner = node.child("complexContent", "simpleContent")
        if inner is None:
            self._own(shape, node)
            return
        shape.mixed = shape.mixed or is_true(inner.xml, "mixed")
        derivation = inner.child("extension", "restriction")
        if derivation is None:
            return
        base = derivation.named("base") or ANY_TYPE
        extends = derivation.xml.tag == f"{X}extension"
        if inner.xml.tag == f"{X}simpleContent":
            self._simple_content(shape, derivation, base, extends=extends)
        else:
            self._complex_content(shape, derivation, base, extends=extends)

    def _complex_content(self, shape: Shape, derivation: Node, base: str, *, extends: bool) -> None:
        inherited = Shape(base)
        if base != ANY_TYPE:
            self._content(inherited, self._found["type"][base])
        shape.base, shape.extends = inherited, extends
        shape.attributes |= inherited.attributes
        shape.mixed = shape.mixed or (inherited.mixed and extends)
        self._own(shape, derivation)
        self._inherit_wildcard(shape)

    def _inherit_wildcard(self, shape: Shape) -> None:
        """Let an extension take the attributes that its base takes, besides its own (XML Schema part 1, 3.4.2)."""
        inherited = shape.base.any_attribute if shape.base is not None and shape.extends else None
        own = shape.any_attribute
        if inherited is not None and own is not None:
            shape.any_attribute = lambda space: own(space) or inherited(space)
        else:
            shape.any_attribute = own or inherited

    def _simple_content(self, shape: Shape, derivation: Node, base: str, *, extends: bool) -> None:
        inherited = Shape(base)
        node = self._found["type"].get(base)
        if node is not None and node.xml.tag == f"{X}complexType":
            self._content(inherited, node)
        else:
            inherited.simple = self.simple.of(base)
        shape.base, shape.extends = inherited, extends
        shape.attributes |= inherited.attributes
        shape.simple = inherited.simple
        if not extends:
            shape.simple = self.simple.restricted(derivation, inherited.simple, shape.type)
        read_attributes(shape, derivation, self._found, self.simple)
        self._inherit_wildcard(shape)

    def _own(self, shape: Shape, node: Node) -> None:
        particle = node.child("sequence", "choice", "all", "group")
        if particle is not None:
            group = self._particle(particle)
            shape.content = group if isinstance(group, Group) else Group("sequence", [group])
        read_attributes(shape, node, self._found, self.simple)

    def _particle(self, node: Node) -> Particle:
        kind = etree.QName(node.xml).localname
        if kind == "element":
            return self._place(node)
        low, high = occurs(node.xml)
        if kind == "any":
            skip = node.xml.get("processContents") == "skip"
            return Wildcard((lambda _tag: None) if skip else self.find, admits(node), low, high)
        if kind == "group":
            inside = self._found["group"][node.named("ref") or ""].child("sequence", "choice", "all")
            return Group("sequence", [] if inside is None else [self._particle(inside)], low, high)
        names = ("element", "sequence", "choice", "all", "group", "any")
        parts = [self._particle(each) for each in node.children(*names) if each.xml.get("maxOccurs", "").strip() != "0"]
        return Group("all" if kind == "all" else "choice" if kind == "choice" else "sequence", parts, low, high)
