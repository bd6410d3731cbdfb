"""Validates by the schemas of a WSDL with libxml2, and tells what is wrong without telling any value.

Schemas as registries write them often compile nowhere but with them: one namespace in several documents, imports left
out, an import that names the wrong file. They are therefore laid flat first: one schema a namespace includes all that
is written for it, and every document may see every namespace. Nothing is loaded while libxml2 compiles.
"""

import copy
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from lxml import etree

from connectors.errors import Misconfigured
from connectors.soap.names import XSD, local
from connectors.soap.simple import MEMBER
from connectors.soap.wsdl import SchemaDocument

X = f"{{{XSD}}}"
_COMPILING = threading.Lock()
"""libxml2 finds a parser's resolvers by a state of the whole process: two threads that compile at once mix them up."""


def with_members(schemas: Sequence[SchemaDocument]) -> tuple[SchemaDocument, ...]:
    """Return `schemas` with an element of its own for each member type of each union.

    Which member a text belongs to is for libxml2 to judge, and it judges elements. Each union carries the tags of
    its members' elements (`simple.MEMBER`).
    """
    found = []
    for place, document in enumerate(schemas):
        root, number = copy.deepcopy(document.root), 0
        for union in list(root.iter(f"{X}union")):
            tags = []
            members: list[str | etree._Element] = [*union.get("memberTypes", "").split()]
            for written in [*members, *union.findall(f"{X}simpleType")]:
                number += 1
                name = f"beffroi.member.{place}.{number}"
                element = etree.SubElement(root, f"{X}element", {"name": name}, union.nsmap)
                if isinstance(written, str):
                    element.set("type", written)
                else:
                    element.append(copy.deepcopy(written))
                tags.append(f"{{{document.namespace}}}{name}" if document.namespace else name)
            union.set(MEMBER, " ".join(tags))
        found.append(SchemaDocument(document.url, document.namespace, root))
    return tuple(found)


class Schema:
    """All schemas of a WSDL as one, usable from any thread."""

    def __init__(self, schemas: Sequence[SchemaDocument]) -> None:
        """Lay the schemas flat and compile them. Raises Misconfigured."""
        self._documents: dict[str, bytes] = {}
        self._local = threading.local()
        self._root = self._flat(schemas)
        self._compiled()

    def errors(self, element: etree._Element) -> list[str]:
        """Return what is wrong with `element`: for each defect a sentence that names element, line and kind."""
        compiled = self._compiled()
        if compiled.validate(element):
            return []
        return _told(compiled.error_log)

    def accepts(self, tag: str, text: str) -> bool:
        """Tell whether the element `tag` may have this text."""
        element = etree.Element(tag)
        element.text = text
        return self._compiled().validate(element)

    def _flat(self, schemas: Sequence[SchemaDocument]) -> bytes:
        spaces = {document.namespace: "" for document in schemas}
        names = {space: f"namespace:{number}" for number, space in enumerate(spaces)}
        whole = etree.Element(f"{X}schema", targetNamespace="urn:beffroi:all")
        for space, name in names.items():
            driver = etree.Element(f"{X}schema", {} if space is None else {"targetNamespace": space})
            for number, document in enumerate(schemas):
                if document.namespace == space:
                    etree.SubElement(driver, f"{X}include", schemaLocation=f"document:{number}")
                    self._documents[f"document:{number}"] = _alone(document, names)
            self._documents[name] = etree.tostring(driver, encoding="UTF-8")
            etree.SubElement(whole, f"{X}import", _import(space, name))
        return etree.tostring(whole, encoding="UTF-8")

    def _compiled(self) -> etree.XMLSchema:
        """Return this thread's own compiled schema: its error log would mix the answers of two threads."""
        compiled: etree.XMLSchema | None = getattr(self._local, "compiled", None)
        if compiled is None:
            parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
            parser.resolvers.add(_Resolver(self._documents))
            try:
                with _COMPILING:
                    compiled = etree.XMLSchema(etree.fromstring(self._root, parser))
            except etree.XMLSchemaParseError as error:
                raise Misconfigured(f"the schemas of a WSDL cannot be used: {error}") from error
            self._local.compiled = compiled
        return compiled


def _alone(document: SchemaDocument, names: Mapping[str | None, str]) -> bytes:
    """Return a schema document that includes nothing and may see every namespace."""
    root = copy.deepcopy(document.root)
    if root.find(f"{X}redefine") is not None:
        raise Misconfigured(f"the schema {document.url} uses xsd:redefine, which is not read: write the types out")
    for each in [*root.iterfind(f"{X}include"), *root.iterfind(f"{X}import")]:
        root.remove(each)
    for each in root.xpath("//*[@maxOccurs='0']"):  # libxml2 lets these come all the same
        each.getparent().remove(each)
    seen = [space for space in names if space != document.namespace]
    for number, space in enumerate(seen):
        root.insert(number, etree.Element(f"{X}import", _import(space, names[space])))
    return etree.tostring(root, with_tail=False, encoding="UTF-8")


def _import(space: str | None, location: str) -> dict[str, str]:
    return {"schemaLocation": location} if space is None else {"namespace": space, "schemaLocation": location}


class _Resolver(etree.Resolver):
    def __init__(self, documents: Mapping[str, bytes]) -> None:
        self._documents = documents

    def resolve(self, system_url: str | None, public_id: str | None, context: Any) -> Any:
        return self.resolve_string(self._documents[system_url or ""], context, base_url=system_url)


# --- telling errors: libxml2's own messages quote the value, which may be personal data -------------------------------

_KINDS = {
    "SCHEMAV_ELEMENT_CONTENT": "not expected here, or an element within is missing",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_1": "content where the schema wants none",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_2": "elements where the schema wants a text",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_3": "a text where the schema wants elements",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1": "an attribute that the schema does not know",
    "SCHEMAV_CVC_COMPLEX_TYPE_4": "an attribute is missing",
    "SCHEMAV_CVC_TYPE_3_1_1": "an attribute that the schema does not know",
    "SCHEMAV_CVC_TYPE_2": "an abstract type: its xsi:type must name another",
    "SCHEMAV_CVC_TYPE_3_1_2": "elements where the schema wants a text",
    "SCHEMAV_CVC_ELT_1": "an element that the schema does not know",
    "SCHEMAV_CVC_ELT_3_1": "xsi:nil where the schema does not allow it",
    "SCHEMAV_CVC_ELT_3_2_1": "xsi:nil on an element that is not empty",
    "SCHEMAV_CVC_ELT_4_2": "an xsi:type that the schema does not know",
    "SCHEMAV_CVC_ELT_4_3": "an xsi:type that does not fit",
    "SCHEMAV_CVC_PATTERN_VALID": "a value that does not match the pattern",
    "SCHEMAV_CVC_ENUMERATION_VALID": "a value that is not one of those allowed",
}


_OTHERS = {"SCHEMAV_CVC_DATATYPE_VALID_1_2_1": "a name whose prefix is not declared"}


def _told(log: etree._ListErrorLog) -> list[str]:
    """Make our own sentences of libxml2's error log, one for each element and line."""
    found: dict[tuple[str, int], list[str]] = {}
    for entry in log:
        # The names of elements, attributes and types stand at fixed places of the message, before and after the value.
        place = re.match(
            r"Element '(?:\{[^}']*\})?([^'{}]*)'(?:, attribute '(?:\{[^}']*\})?([^'{}]*)')?", entry.message
        )
        name = "?" if place is None else f"{place[1]}/@{place[2]}" if place[2] else place[1]
        kind = _KINDS.get(entry.type_name)
        if kind is None:
            wanted = re.search(r" of the \w+ type '(?:\{[^}']*\})?([\w.:-]+)'\.$", entry.message)
            kind = (
                f"a value that is not a valid {wanted[1]}"
                if wanted
                else _OTHERS.get(entry.type_name, f"not valid ({entry.type_name})")
            )
        found.setdefault((name, entry.line), []).append(kind + _expected(entry))
    return [f"{name}{f', line {line}' if line else ''}: {kinds[0]}" for (name, line), kinds in found.items()]


def _expected(entry: etree._LogEntry) -> str:
    """Return the names that the schema expects at a place, which libxml2 puts at the end of its message."""
    if entry.type_name == "SCHEMAV_CVC_COMPLEX_TYPE_4":
        missing = re.search(r"The attribute '(?:\{[^}']*\})?([^'{}]*)' is required but missing\.$", entry.message)
        return f": {missing[1]}" if missing else ""
    if entry.type_name != "SCHEMAV_ELEMENT_CONTENT":
        return ""
    expected = re.search(r" Expected is (?:one of )?\( ([^()']*) \)\.$", entry.message)
    names = [local(name.strip()) for name in expected[1].split(",")] if expected else []
    what = "missing within" if "Missing child element" in entry.message else "expected"
    return f" ({what}: {', '.join(names)})" if names else ""
