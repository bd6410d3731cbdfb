"""The components of a set of XML Schemas, and the shapes made of them when they are first asked for.

Nothing here judges: the schemas have been compiled by libxml2, so that every name leads somewhere and every derivation
is allowed. Only what operations reach is ever read, so that a schema of a thousand types costs what is used of it.
Source: XML Schema 1.0, https://www.w3.org/TR/xmlschema-1/
"""

import threading
from collections.abc import Callable, Sequence

from lxml import etree

from connectors.soap.encoded import ARRAY
from connectors.soap.names import XML, XSD, named, namespace
from connectors.soap.nodes import Node, admits, is_true, occurs
from connectors.soap.shapes import Attribute, Element, Group, Particle, Shape, Unsupported, Wildcard, finish
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


class Components:
    """All schemas of a WSDL as one. Thread-safe; a shape once made never changes."""

    def __init__(self, schemas: Sequence[SchemaDocument], accepts: Callable[[str, str], bool]) -> None:
        """`accepts` judges a text by a member of a union (`validation.Schema.accepts`)."""
        self._found: dict[str, dict[str, Node]] = {kind: {} for kind in set(_GLOBAL.values())}
        self._substitutes: dict[str, list[str]] = {}
        self._derived: dict[str, list[str]] = {}
        self._redefined: set[str] = set()
        for document in schemas:
            self._index(document)
        self._lock = threading.RLock()
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
        for xml in document.root.iterfind(f"{X}redefine/*[@name]"):
            self._redefined.add(named(document.namespace, xml.get("name", "")))

    # --- what is asked for -------------------------------------------------------------------------------------------

    def element(self, tag: str) -> Element:
        """Return a global element. Raises Unsupported, KeyError where there is none."""
        with self._lock:
            try:
                return self._element(self._found["element"][tag])
            except (Unsupported, RecursionError) as error:
                self._types.clear()  # what was made of it so far is incomplete, and so is all that leads to it
                self._anonymous.clear()
                if isinstance(error, RecursionError):
                    raise Unsupported(f"a chain of types as long as that of {tag}") from None
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
        with self._lock:
            try:
                return self.type(tag)
            except (KeyError, Unsupported):
                return None

    def type(self, tag: str) -> Shape:
        """Return a global or builtin type. Raises Unsupported, KeyError where there is none."""
        if tag in self._types:
            return self._types[tag]
        if tag in self._redefined:
            raise Unsupported(f"xsd:redefine of {tag}")
        if tag == ANY_TYPE:
            shape = self._types[tag] = Shape(tag, anything=True, find=self.find_type)
            return shape
        node = self._found["type"].get(tag)
        shape = self._types[tag] = Shape(tag)
        if node is None or node.xml.tag == f"{X}simpleType":
            shape.simple = self.simple.of(tag)
        else:
            self._complex(shape, node)
        return shape

    # --- elements ----------------------------------------------------------------------------------------------------

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
            return self.type(tag)
        inside = node.child("complexType", "simpleType")
        if inside is None:
            head = node.named("substitutionGroup")
            return self.type(ANY_TYPE) if head is None else self._type_at(self._found["element"][head])
        if inside.xml in self._anonymous:
            return self._anonymous[inside.xml]
        shape = self._anonymous[inside.xml] = Shape(f"({node.xml.get('name')})")
        if inside.xml.tag == f"{X}simpleType":
            shape.simple = self.simple.at(inside, shape.type)
        else:
            self._complex(shape, inside)
        return shape

    def _place(self, node: Node) -> Particle:
        """Return an element at its place in a type; one that others may stand in for is a choice of all of them."""
        ref = node.named("ref")
        if ref is None:
            return self._element(node)
        low, high = occurs(node.xml)
        members = [tag for tag in self._standing_in(ref) if not is_true(self._found["element"][tag].xml, "abstract")]
        found = [self.element(tag) for tag in members]
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
        derived = self._all_derived(shape.type)
        shape.abstract = is_true(node.xml, "abstract")
        shape.array = node.xml.get(ARRAY) is not None
        self._content(shape, node)
        content = shape.content
        if content is not None and content.maximum > 1:
            shape.content = Group("sequence", [content])
        finish(shape)
        if derived:  # last: they are made of this one's node, not of this shape
            shape.variants = {} if shape.abstract else {shape.type: shape}
            shape.variants |= {tag: self.type(tag) for tag in derived}
            shape.variants = {tag: each for tag, each in shape.variants.items() if not each.abstract}

    def _all_derived(self, tag: str) -> list[str]:
        found = list(self._derived.get(tag, ()))
        for each in found:
            found += [other for other in self._derived.get(each, ()) if other not in found]
        return found

    def _content(self, shape: Shape, node: Node) -> None:
        """Fill a shape from a complexType, or from an extension or restriction of one."""
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
        if base in self._redefined:
            raise Unsupported(f"xsd:redefine of {base}")
        inherited = Shape(base)
        if base != ANY_TYPE:
            self._content(inherited, self._found["type"][base])
        shape.attributes |= inherited.attributes
        shape.any_attribute = inherited.any_attribute if extends else None
        shape.mixed = shape.mixed or (inherited.mixed and extends)
        self._own(shape, derivation)
        if extends and inherited.content is not None:
            own = [] if shape.content is None else [shape.content]
            shape.content = Group("sequence", [inherited.content, *own])

    def _simple_content(self, shape: Shape, derivation: Node, base: str, *, extends: bool) -> None:
        inherited = Shape(base)
        node = self._found["type"].get(base)
        if node is not None and node.xml.tag == f"{X}complexType":
            self._content(inherited, node)
        else:
            inherited.simple = self.simple.of(base)
        shape.attributes |= inherited.attributes
        shape.any_attribute = inherited.any_attribute
        shape.simple = inherited.simple
        if not extends:
            shape.simple = self.simple.restricted(derivation, inherited.simple, shape.type)
        self._attributes(shape, derivation)

    def _own(self, shape: Shape, node: Node) -> None:
        particle = node.child("sequence", "choice", "all", "group")
        if particle is not None:
            group = self._particle(particle)
            shape.content = group if isinstance(group, Group) else Group("sequence", [group])
        self._attributes(shape, node)

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

    # --- attributes --------------------------------------------------------------------------------------------------

    def _attributes(self, shape: Shape, node: Node) -> None:
        for each in node.children("attribute", "attributeGroup", "anyAttribute"):
            kind = etree.QName(each.xml).localname
            if kind == "anyAttribute":
                shape.any_attribute = admits(each)
            elif kind == "attributeGroup":
                self._attributes(shape, self._found["attributeGroup"][each.named("ref") or ""])
            else:
                self._attribute(shape, each)

    def _attribute(self, shape: Shape, node: Node) -> None:
        ref = node.named("ref")
        declared = node
        if ref is not None and ref in self._found["attribute"]:
            declared = self._found["attribute"][ref]
        top = ref is not None
        form = node.xml.get("form") or node.document.root.get("attributeFormDefault")
        space = node.document.namespace if form == "qualified" else None
        tag = ref if ref is not None else named(space, node.xml.get("name", ""))
        if node.xml.get("use") == "prohibited":
            shape.attributes.pop(tag, None)
            return
        inside, kind = declared.child("simpleType"), declared.named("type")
        if inside is not None:
            simple = self.simple.at(inside, f"(@{tag})")
        else:
            simple = self.simple.of(kind or (f"{X}string" if top and namespace(tag) == XML else f"{X}anySimpleType"))
        values = [each.xml.get(name) for each in (node, declared) for name in ("default", "fixed")]
        shape.attributes[tag] = Attribute(
            key=tag.rpartition("}")[2],
            simple=simple,
            required=node.xml.get("use") == "required",
            default=next((value for value in values if value is not None), None),
        )
