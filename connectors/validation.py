"""Validates answers by the schemas of a WSDL with libxml2, and tells what is wrong without telling any value.

Nothing comes from the network: a WSDL and what it imports are files of one folder.
"""

import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lxml import etree

from connectors.errors import Misconfigured
from connectors.xsd import XSD

_SCHEMA = f"{{{XSD}}}schema"
_COMPILING = threading.Lock()
"""libxml2 finds a parser's resolvers by a state of the whole process: two threads that compile at once mix them up."""


class Folder:
    """The files beside a WSDL, as zeep loads them (it is a zeep transport as far as loading goes)."""

    def __init__(self, wsdl: Path) -> None:
        self._folder = wsdl.resolve().parent
        self.loaded: dict[str, bytes] = {}

    def load(self, url: str) -> bytes:
        """Return the content of a file of the folder. Raises Misconfigured for anything else, an address above all."""
        parts = urlsplit(url)
        path = Path(unquote(parts.path)) if parts.scheme == "file" else Path(url)
        path = (self._folder / path).resolve()
        if parts.scheme not in ("", "file") or not path.is_relative_to(self._folder):
            raise Misconfigured(f"a WSDL may only import files beside it, not {url}: put that file into its folder")
        try:
            self.loaded[str(path)] = path.read_bytes()
        except OSError as error:
            raise Misconfigured(f"the WSDL or schema {path.name} cannot be read: {error.strerror}") from error
        return self.loaded[str(path)]


class Schema:
    """All schemas of a WSDL as one, usable from any thread."""

    def __init__(self, folder: Folder) -> None:
        """Read the schemas of every document that `folder` has loaded. Raises Misconfigured."""
        self.schemas: list[etree._Element] = []
        self._folder = folder
        self._inline: dict[str, bytes] = {}
        self._local = threading.local()
        namespaces: dict[str | None, list[etree._Element]] = {}
        for name, content in folder.loaded.items():
            root = etree.fromstring(content, _parser(), base_url=name)
            self.schemas += list(root.iter(_SCHEMA))
            if root.tag != _SCHEMA:
                for schema in root.iter(_SCHEMA):
                    namespaces.setdefault(schema.get("targetNamespace"), []).append(schema)
        self._root = self._combine(namespaces)
        self._compiled()

    def errors(self, element: etree._Element) -> list[str]:
        """Return what is wrong with `element`: for each defect a sentence that names element, line and kind."""
        compiled = self._compiled()
        if compiled.validate(element):
            return []
        return _told(compiled.error_log)

    def _combine(self, namespaces: Mapping[str | None, list[etree._Element]]) -> bytes:
        """Name the inline schemas, let them import one another by these names, and return a schema that imports all."""
        names = {namespace: f"inline:{number}" for number, namespace in enumerate(namespaces)}
        root = etree.Element(_SCHEMA, targetNamespace="urn:beffroi:all")
        for namespace, schemas in namespaces.items():
            attributes = {} if namespace is None else {"targetNamespace": namespace}
            whole = etree.Element(_SCHEMA, attributes)  # one namespace may be written in several schemas
            for number, schema in enumerate(schemas):
                for each in schema.iterfind(f"{{{XSD}}}import"):
                    if each.get("schemaLocation") is None and each.get("namespace") in names:
                        each.set("schemaLocation", names[each.get("namespace")])
                name = f"{names[namespace]}:{number}"
                self._inline[name] = etree.tostring(schema, with_tail=False)
                etree.SubElement(whole, f"{{{XSD}}}include", schemaLocation=name)
            self._inline[names[namespace]] = etree.tostring(whole)
            imported = {} if namespace is None else {"namespace": namespace}
            etree.SubElement(root, f"{{{XSD}}}import", imported, schemaLocation=names[namespace])
        return etree.tostring(root)

    def _compiled(self) -> etree.XMLSchema:
        """Return this thread's own compiled schema: its error log would mix the answers of two threads."""
        compiled: etree.XMLSchema | None = getattr(self._local, "compiled", None)
        if compiled is None:
            parser = _parser()
            parser.resolvers.add(_Resolver(self._inline, self._folder))
            try:
                with _COMPILING:
                    compiled = etree.XMLSchema(etree.fromstring(self._root, parser))
            except etree.XMLSchemaParseError as error:
                raise Misconfigured(f"the schemas of a WSDL cannot be used: {error}") from error
            self._local.compiled = compiled
        return compiled


class _Resolver(etree.Resolver):
    def __init__(self, inline: Mapping[str, bytes], folder: Folder) -> None:
        self._inline, self._folder = inline, folder

    def resolve(self, system_url: str | None, public_id: str | None, context: Any) -> Any:
        name = system_url or ""
        content = self._inline.get(name)
        if content is None:
            content = self._folder.load(name)
        return self.resolve_string(content, context, base_url=name)


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)


# --- telling errors: libxml2's own messages quote the value, which may be personal data -------------------------------

_KINDS = {
    "SCHEMAV_ELEMENT_CONTENT": "an element is missing, unexpected or in the wrong place",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_1": "content where the schema wants none",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_2": "elements where the schema wants a text",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_3": "a text where the schema wants elements",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1": "an attribute that the schema does not know",
    "SCHEMAV_CVC_COMPLEX_TYPE_4": "an attribute is missing",
    "SCHEMAV_CVC_TYPE_3_1_1": "an attribute that the schema does not know",
    "SCHEMAV_CVC_TYPE_3_1_2": "elements where the schema wants a text",
    "SCHEMAV_CVC_ELT_1": "an element that the schema does not know",
    "SCHEMAV_CVC_ELT_3_1": "xsi:nil where the schema does not allow it",
    "SCHEMAV_CVC_ELT_3_2_1": "xsi:nil on an element that is not empty",
    "SCHEMAV_CVC_ELT_4_2": "an xsi:type that the schema does not know",
    "SCHEMAV_CVC_ELT_4_3": "an xsi:type that does not fit",
    "SCHEMAV_CVC_PATTERN_VALID": "a value that does not match the pattern",
    "SCHEMAV_CVC_ENUMERATION_VALID": "a value that is not one of those allowed",
}


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
            kind = f"a value that is not a valid {wanted[1]}" if wanted else f"not valid ({entry.type_name})"
        found.setdefault((name, entry.line), []).append(kind)
    return [f"{name}, line {line}: {kinds[0]}" for (name, line), kinds in found.items()]
