"""A WSDL and what it imports, read from files: a safe parser, and the one place that says where a document lies.

Nothing is ever fetched here; `connectors/soap/catalogue.py` brings documents into a folder once.
Source: OASIS XML Catalogs 1.1, https://www.oasis-open.org/committees/download.php/14810/xml-catalogs.pdf
"""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

from lxml import etree

from connectors.errors import Misconfigured
from connectors.soap.names import WSDL, XSD, local, namespace

STANDARD = Path(__file__).with_name("standard")
CATALOGUE = "catalog.xml"
OASIS = "urn:oasis:names:tc:entity:xmlns:xml:catalog"

_KINDS = {f"{{{WSDL}}}import": "wsdl:import"} | {
    f"{{{XSD}}}{name}": f"xsd:{name}" for name in ("import", "include", "redefine")
}


def one_line(text: str) -> str:
    """Return a foreign text as one line without control characters: it forges no line and moves no cursor."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def parse(content: bytes, name: str) -> etree._Element:
    """Return the root of an XML document, without its comments and processing instructions.

    No DTD, no entity, no network, no tree beyond libxml2's limits. Raises Misconfigured, which says `name` and, where
    the XML is broken, the line.
    """
    if not content.strip():
        raise Misconfigured(f"{name} is empty")
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower().startswith((b"<!doctype html", b"<html")):
        raise Misconfigured(f"{name} is an HTML page, not XML")
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        why = one_line(error.msg or "")
        raise Misconfigured(f"{name}, line {error.lineno}: not well-formed XML: {why}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise Misconfigured(f"{name} has a document type declaration (<!DOCTYPE …>), which is not read: take it out")
    if local(root.tag).lower() == "html":
        raise Misconfigured(f"{name} is an HTML page, not a WSDL or a schema")
    return root


@dataclass(frozen=True)
class Document:
    """A document, and the address that it is known by: as the registry has it, not where its copy lies.

    That is an absolute address, or for what came from files a path relative to the WSDL's folder (`../common/a.xsd`);
    `standard:NAME` for a schema that comes with Beffroi.
    """

    url: str
    root: etree._Element


@dataclass(frozen=True)
class Reference:
    """A wsdl:import, xsd:import, xsd:include or xsd:redefine, and where it stands."""

    kind: str
    location: str | None
    namespace: str | None
    line: int


def references(root: etree._Element) -> Iterator[Reference]:
    """Yield what a WSDL or a schema refers to, in document order, its inline schemas' references among them."""
    for node in root.iter(*_KINDS):
        kind = _KINDS[str(node.tag)]
        location = node.get("location" if kind == "wsdl:import" else "schemaLocation")
        yield Reference(kind, (location or "").strip() or None, node.get("namespace"), node.sourceline or 0)


def resolve(base: str, location: str) -> str:
    """Return the address that `location` means where the document known as `base` says it, without its fragment."""
    location = urldefrag(one_line(location))[0]
    if _is_absolute(base) or _is_absolute(location):
        return urljoin(base, location)
    folder = posixpath.dirname(urldefrag(base)[0])
    return posixpath.normpath(posixpath.join(folder, unquote(location).replace("\\", "/")))


def refusal(root: etree._Element) -> str | None:
    """Return why a document is no WSDL that can be used, in words that follow its name; None where it is one."""
    if root.tag == f"{{{WSDL}}}definitions":
        return None
    if namespace(str(root.tag)) == "http://www.w3.org/ns/wsdl":
        return "is a WSDL 2.0 description; only WSDL 1.1 is read: ask the registry for that one"
    if root.tag == f"{{{XSD}}}schema":
        return "is an XML Schema, which says no operations: give the WSDL that imports it"
    return f"is not a WSDL: its root is {local(root.tag)}, not wsdl:definitions"


@cache
def standard_schemas() -> Mapping[str, str]:
    """Return the file names of the schemas that come with Beffroi, by the namespace that each declares."""
    root = parse((STANDARD / CATALOGUE).read_bytes(), f"standard/{CATALOGUE}")
    return {entry.attrib["name"]: entry.attrib["uri"] for entry in root.iter(f"{{{OASIS}}}uri")}


class Documents:
    """A WSDL file and what it imports: one of the standard schemas, else from its catalogue, else from beside it.

    A standard namespace is never read from a copy beside the WSDL: copies have DTDs, or types that another copy has
    too, and our swaRef is base64, as which an attachment is read.
    """

    main: Document

    def __init__(self, wsdl: Path) -> None:
        """Read the WSDL itself. Raises Misconfigured where it or its catalogue cannot be read."""
        self._folder = wsdl.parent
        self._loaded: dict[str, Document] = {}
        self._entries = self._catalogue()
        known = next((address for address, name in self._entries.items() if name == wsdl.name), wsdl.name)
        self.main = self._load(known, wsdl)

    def get(self, base: str, location: str | None, namespace: str | None) -> Document | None:
        """Return what the document known as `base` refers to; None for neither a location nor a standard schema.

        Raises Misconfigured where it is not found, or cannot be read.
        """
        if standard := standard_schemas().get(namespace or ""):
            return self._standard(standard)
        if location is None:
            return None
        address = resolve(base, location)
        name = self._entries.get(address)
        if name is not None:
            return self._loaded.get(address) or self._load(address, self._inside(name))
        if _is_absolute(address):
            raise Misconfigured(
                f"{address} is not in {CATALOGUE} beside {self.main.url}, and nothing is fetched when a registry is"
                " asked: bring it with `beffroi connector add soap`"
            )
        return self._loaded.get(address) or self._load(address, self._inside(address))

    def _standard(self, name: str) -> Document:
        return self._loaded.get(f"standard:{name}") or self._load(f"standard:{name}", STANDARD / name)

    def _load(self, address: str, path: Path) -> Document:
        try:
            content = path.read_bytes()
        except OSError as error:
            missing = "there is no such file" if isinstance(error, FileNotFoundError) else str(error.strerror)
            raise Misconfigured(f"{address} cannot be read in the WSDL's folder: {missing}") from error
        self._loaded[address] = document = Document(address, parse(content, address))
        return document

    def _inside(self, name: str) -> Path:
        path = self._folder / name
        if not path.resolve().is_relative_to(self._folder.resolve()):
            raise Misconfigured(
                f"{name} lies outside the WSDL's folder, which is not read: bring it with `beffroi connector add soap`"
            )
        return path

    def _catalogue(self) -> dict[str, str]:
        path = self._folder / CATALOGUE
        if not path.is_file():
            return {}
        root = parse(path.read_bytes(), CATALOGUE)
        return {entry.get("name", ""): entry.get("uri", "") for entry in root.iter(f"{{{OASIS}}}uri")}


def _is_absolute(address: str) -> bool:
    return "://" in address or address.startswith(("standard:", "urn:", "file:"))
