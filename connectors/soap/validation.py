"""Validates by the schemas of a WSDL with libxml2.

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
from connectors.soap.complaints import told
from connectors.soap.names import XSD, local, named, qualified
from connectors.soap.simple import MEMBER
from connectors.soap.wsdl import SchemaDocument

X = f"{{{XSD}}}"
MOST_ROUNDS = 20
"""What cannot be used takes along what leads to it, one step a round."""
_Component = tuple[str | None, str, str]
"""Namespace, tag of its kind, name."""
_COMPILING = threading.Lock()
"""libxml2 finds a parser's resolvers by a state of the whole process: two threads that compile at once mix them up."""
COMPILING_TRIES = 20
"""Times that a schema is compiled whose documents were not found: see `_compiled`."""


def with_members(schemas: Sequence[SchemaDocument]) -> tuple[SchemaDocument, ...]:
    """Return `schemas` with an element of its own for each member type of each union.

    Which member a text belongs to is for libxml2 to judge, and it judges elements. Each union carries the tags of
    its members' elements (`simple.MEMBER`).
    """
    found = []
    for place, document in enumerate(schemas):
        root, number = copy.deepcopy(document.root), 0
        _schemas_as_any(root)
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


def _schemas_as_any(root: etree._Element) -> None:
    """Read a reference to xsd:schema as an element that is kept as XML: so .NET describes a DataSet."""
    for each in list(root.iter(f"{X}element")):
        if each.get("ref") and qualified(each, each.get("ref", "")) == f"{X}schema":
            occurs = {name: text for name, text in each.items() if name in ("minOccurs", "maxOccurs")}
            each.tag = f"{X}any"
            each.attrib.clear()
            each.attrib.update({"namespace": XSD, "processContents": "skip", **occurs})


class Schema:
    """All schemas of a WSDL as one, usable from any thread."""

    dropped: Mapping[str, str]
    """What cannot be used, and why: `{namespace}name` of types, elements, groups and attributes."""

    def __init__(self, schemas: Sequence[SchemaDocument]) -> None:
        """Lay the schemas flat and compile them. What cannot be compiled is taken out of `schemas`, and is in `dropped`.

        Raises Misconfigured where libxml2 does not say what it is.
        """
        self._local = threading.local()
        self.dropped = _without_redefined(schemas)
        for _ in range(MOST_ROUNDS):
            self._documents: dict[str, bytes] = {}
            self._root = self._flat(schemas)
            try:
                self._compiled()
            except etree.XMLSchemaParseError as error:
                unfit = self._unfit(schemas, error)
                if not unfit:
                    raise Misconfigured(f"the schemas of a WSDL cannot be used: {error}") from error
                self.dropped |= _removed(schemas, unfit, self.dropped)
            else:
                return
        why = next(iter(self.dropped.values()))
        raise Misconfigured(f"the schemas of a WSDL cannot be used: too long a chain leads to this: {why}")

    def errors(self, element: etree._Element) -> list[str]:
        """Return what is wrong with `element`: for each defect a sentence that names element, line and kind."""
        compiled = self._compiled()
        try:
            valid = compiled.validate(element)
        except etree.XMLSchemaValidateError:  # libxml2 gives up on a pattern rather than try every way to match it
            return [f"{local(element.tag)}: a pattern of the schema takes too long to try on a value in it"]
        return [] if valid else told(compiled.error_log)

    def accepts(self, tag: str, text: str) -> bool:
        """Tell whether the element `tag` may have this text. Raises ValueError where libxml2 cannot tell."""
        element = etree.Element(tag)
        element.text = text
        try:
            return self._compiled().validate(element)
        except etree.XMLSchemaValidateError as error:
            raise ValueError from error

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
            with _COMPILING:
                compiled = _compiled(etree.fromstring(self._root, parser))
            self._local.compiled = compiled
        return compiled

    def _unfit(self, schemas: Sequence[SchemaDocument], error: etree.XMLSchemaParseError) -> dict[_Component, str]:
        """Return the components that libxml2 complains about, with the first complaint of each."""
        lines: dict[str, dict[int, etree._Element]] = {}
        found: dict[_Component, str] = {}
        for entry in error.error_log.filter_from_errors():
            name = entry.filename or ""
            if not name.startswith("document:"):  # it tells no place of a substitutionGroup that leads nowhere
                element = re.match(r"element decl\. '(?:\{([^}]*)\})?([^'{}]+)'", entry.message)
                if element is not None:
                    found.setdefault((element[1], f"{X}element", element[2]), f"{element[2]}: {entry.message}")
                continue
            if name not in lines:
                root = etree.fromstring(self._documents[name])
                lines[name] = {each.sourceline or 0: each for each in root.iterchildren(etree.Element)}
            node = lines[name].get(entry.line)
            if node is not None and node.get("name") is not None:
                space = schemas[int(name.partition(":")[2])].namespace
                found.setdefault((space, str(node.tag), node.get("name", "")), f"{node.get('name')}: {entry.message}")
        return found


def _compiled(root: etree._Element) -> etree.XMLSchema:
    """Compile schemas. Any thread that parses XML meanwhile may end the resolving of ours, which is the process's.

    A document that is included and not found is an error; one that is imported only a warning, after which libxml2
    knows nothing of its namespace: such a schema would refuse what is right for as long as it is kept.
    """
    for _ in range(COMPILING_TRIES):
        try:
            compiled = etree.XMLSchema(root)
        except etree.XMLSchemaParseError as error:
            if not _not_found(error.error_log):
                raise
        else:
            if not _not_found(compiled.error_log):
                return compiled
    raise Misconfigured("the schemas of a WSDL were not found in memory while other threads read XML: ask again")


def _not_found(log: etree._ListErrorLog) -> bool:
    return any(
        entry.type_name == "SCHEMAP_WARN_UNLOCATED_SCHEMA" or "Failed to load the document 'document:" in entry.message
        for entry in log
    )


def _alone(document: SchemaDocument, names: Mapping[str | None, str]) -> bytes:
    """Return a schema document that includes nothing and may see every namespace."""
    root = copy.deepcopy(document.root)
    for each in [*root.iterfind(f"{X}include"), *root.iterfind(f"{X}import")]:
        root.remove(each)
    etree.strip_elements(root, f"{X}annotation", etree.Comment, etree.ProcessingInstruction)
    for each in root.iter(f"{X}any", f"{X}anyAttribute"):
        if each.get("processContents", "strict") == "strict":  # what is declared is judged all the same
            each.set("processContents", "lax")
    for each in root.xpath("//*[@maxOccurs='0']"):  # libxml2 lets these come all the same
        each.getparent().remove(each)
    seen = [space for space in names if space != document.namespace]
    for number, space in enumerate(seen):
        root.insert(number, etree.Element(f"{X}import", _import(space, names[space])))
    for each in root.iter():
        each.text = each.tail = None
    for each in root:  # one component a line, so that libxml2's complaint about a line names a component
        each.tail = "\n"
    root.text = "\n"
    return etree.tostring(root, with_tail=False, encoding="UTF-8")


def _import(space: str | None, location: str) -> dict[str, str]:
    return {"schemaLocation": location} if space is None else {"namespace": space, "schemaLocation": location}


# --- leaving out what cannot be used -----------------------------------------------------------------------------------


def _without_redefined(schemas: Sequence[SchemaDocument]) -> dict[str, str]:
    """Take out what an xsd:redefine redefines, which is not read, and say so of each."""
    unfit: dict[_Component, str] = {}
    for document in schemas:
        for node in document.root.findall(f"{X}redefine"):
            why = f"the schema {document.url} uses xsd:redefine, which is not read: write the types out"
            unfit |= {
                (document.namespace, str(each.tag), each.get("name", "")): why for each in node.iterfind("*[@name]")
            }
            document.root.remove(node)
    return _removed(schemas, unfit, {})


def _removed(
    schemas: Sequence[SchemaDocument], unfit: Mapping[_Component, str], dropped: Mapping[str, str]
) -> dict[str, str]:
    """Take components out of `schemas` and return why, by their names.

    One that leads to what was dropped before is told by that one's reason. Of two of the same name none is left.
    """
    for document in schemas:
        for node in list(document.root.iterfind("*[@name]")):
            if (document.namespace, str(node.tag), node.get("name", "")) in unfit:
                document.root.remove(node)
    why = {named(space, name): message for (space, _, name), message in unfit.items()}
    earlier = {f"'{tag}'": reason for tag, reason in dropped.items()}
    return {
        tag: next((earlier[each] for each in re.findall(r"'[^']*'", message) if each in earlier), message)
        for tag, message in why.items()
    }


class _Resolver(etree.Resolver):
    def __init__(self, documents: Mapping[str, bytes]) -> None:
        self._documents = documents

    def resolve(self, system_url: str | None, public_id: str | None, context: Any) -> Any:
        return self.resolve_string(self._documents[system_url or ""], context, base_url=system_url)
