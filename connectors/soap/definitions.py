"""The named things of a WSDL and all that it imports: messages, port types, bindings, and what schemas declare.

Source: WSDL 1.1, sections 2.1 and 2.4.5, https://www.w3.org/TR/2001/NOTE-wsdl-20010315
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache

from lxml import etree

from connectors.soap.documents import one_line
from connectors.soap.gathering import Gathered, W
from connectors.soap.names import WSDL, WSDL_MIME, WSDL_SOAP_11, WSDL_SOAP_12, XSD, local, named, namespace, qualified

WSDL_HTTP = "http://schemas.xmlsoap.org/wsdl/http/"
_KNOWN = {WSDL, WSDL_SOAP_11, WSDL_SOAP_12, WSDL_MIME, WSDL_HTTP}
_BUILTIN = frozenset(
    [
        "anyType",
        "anySimpleType",
        "string",
        "normalizedString",
        "token",
        "language",
        "Name",
        "NCName",
        "NMTOKEN",
        "NMTOKENS",
        "ID",
        "IDREF",
        "IDREFS",
        "ENTITY",
        "ENTITIES",
        "QName",
        "NOTATION",
        "anyURI",
        "boolean",
        "decimal",
        "integer",
        "nonPositiveInteger",
        "negativeInteger",
        "long",
        "int",
        "short",
        "byte",
        "nonNegativeInteger",
        "unsignedLong",
        "unsignedInt",
        "unsignedShort",
        "unsignedByte",
        "positiveInteger",
        "float",
        "double",
        "duration",
        "dateTime",
        "time",
        "date",
        "gYearMonth",
        "gYear",
        "gMonthDay",
        "gDay",
        "gMonth",
        "hexBinary",
        "base64Binary",
    ]
)


class Broken(Exception):
    """Why an operation or a port cannot be used, on one line: names in it are as foreign as the WSDL."""

    def __init__(self, why: str) -> None:
        super().__init__(one_line(why))


class Definitions:
    """Finds what a name in a WSDL means. The first of two things of one name counts."""

    def __init__(self, gathered: Gathered) -> None:
        self.services: list[etree._Element] = []
        self._declared = {"element": gathered.elements, "type": gathered.types}
        self._found: dict[str, dict[str, etree._Element]] = {"message": {}, "portType": {}, "binding": {}}
        for document in gathered.wsdls:
            self.services += document.root.iterchildren(f"{W}service")
            for kind, found in self._found.items():
                for node in document.root.iterchildren(W + kind):
                    found.setdefault(named(target(node), node.get("name", "")), node)

    def declared(self, node: etree._Element, text: str, kind: str, where: str) -> str:
        """Return the tag of an element or type that the schemas declare, by the name that a part gives it. Raises Broken."""
        for tag in _tags(node, text, where):
            if tag in self._declared[kind] or (kind == "type" and namespace(tag) == XSD and local(tag) in _BUILTIN):
                return tag
        raise Broken(f"{where} names the {kind} {text}, which no schema at hand declares")

    def find(self, kind: str, node: etree._Element, attribute: str, who: str) -> etree._Element:
        """Return the message, port type or binding that an attribute names. Raises Broken."""
        text = node.get(attribute)
        if text is None:
            raise Broken(f"{who} names no {kind}")
        for tag in _tags(node, text, who):
            if tag in self._found[kind]:
                return self._found[kind][tag]
        raise Broken(f"{who} names the {kind} {text}, which is not defined")


def _tags(node: etree._Element, text: str, who: str) -> Iterator[str]:
    """Yield what a name may mean; one without prefix often means the WSDL's own namespace, whatever the default is."""
    try:
        yield qualified(node, text)
    except KeyError:
        raise Broken(f"{who} names {text}, whose prefix is not declared") from None
    if ":" not in text:
        yield named(target(node), text.strip())


def name_of(node: etree._Element, what: str) -> str:
    """Return the name of a node, "" where it has none. Raises Broken for what is no name: names are told as they are."""
    name = node.get("name", "")
    try:
        etree.QName("urn:name", name or "none")
    except ValueError:
        raise Broken(f"{what} «{name}» has no name by the rules of XML: letters, digits, - _ . alone") from None
    return name


def key_of(operation: etree._Element, names: Counter[str]) -> str:
    """Return an operation's name, with its input's where it is overloaded (WSDL 1.1, sections 2.4.5 and 2.5)."""
    name = operation.get("name", "")
    if names[name] < 2:
        return name
    said = operation.find(f"{W}input")
    default = name if operation.find(f"{W}output") is None else f"{name}Request"
    return f"{name}:{default if said is None else said.get('name', default)}"


def required(node: etree._Element, *, deep: bool = True) -> list[str]:
    """Return the extensions below a node that its writer requires, and that are not known here, each as a reason."""
    below = node.iterdescendants(etree.Element) if deep else node.iterchildren(etree.Element)
    return [
        f"it requires the extension {child.tag!s}, which is not known here"
        for child in below
        if child.get(f"{W}required", "").strip() in ("true", "1") and namespace(str(child.tag)) not in _KNOWN
    ]


@cache
def in_soap(name: str) -> tuple[str, ...]:
    """Return a tag in both SOAP bindings: many a WSDL mixes them."""
    return tuple(f"{{{version}}}{name}" for version in (WSDL_SOAP_11, WSDL_SOAP_12))


def target(node: etree._Element) -> str | None:
    """Return the target namespace of the document that a node stands in."""
    return node.getroottree().getroot().get("targetNamespace")


def called(message: etree._Element) -> str:
    """Return how a sentence speaks of a message."""
    return f"the message {message.get('name')}"


def documentation_of(node: etree._Element) -> str:
    """Return the text of a node's wsdl:documentation on one line, "" where it has none."""
    found = node.find(f"{W}documentation")
    return "" if found is None else " ".join("".join(found.itertext()).split())
