"""Everything that a WSDL reaches: the WSDLs that it imports, and each XML Schema in them or behind them, once.

What cannot be found or read is told and left out; the rest stays.
Sources: WSDL 1.1, section 2.1.1; XML Schema 1.0 part 1, section 4.2.
"""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass

from lxml import etree

from connectors.errors import Misconfigured
from connectors.soap.documents import Document, Documents, Reference, one_line, references, standard_schemas
from connectors.soap.names import WSDL, XSD, local, named, namespace, qualified

W, X = f"{{{WSDL}}}", f"{{{XSD}}}"


@dataclass(frozen=True)
class SchemaDocument:
    """One xsd:schema. `namespace` is the effective one: a schema without any is, per includer, in the includer's.

    `url` is the document's address (`#schema-1` for the first inline one of a WSDL) and what `Documents.get` takes as
    base; `root` is a copy of its own, with every prefix that was in scope.
    """

    url: str
    namespace: str | None
    root: etree._Element


@dataclass(frozen=True)
class Gathered:
    """What a WSDL reaches: `broken` says what could not be had, `elements` and `types` what the schemas declare."""

    wsdls: tuple[Document, ...]
    schemas: tuple[SchemaDocument, ...]
    broken: tuple[str, ...]
    elements: frozenset[str]
    types: frozenset[str]


def gather(documents: Documents) -> Gathered:
    """Return everything that the main document reaches, cycles or not. Raises nothing: see `Gathered.broken`."""
    work = _Gathering(documents)
    wsdls = work.wsdls()
    for document in wsdls:
        for number, schema in enumerate(_inline(document.root), start=1):
            work.add(f"{document.url}#schema-{number}", schema.get("targetNamespace"), schema)
    work.follow()
    for document in wsdls:
        work.named_by_parts(document)
    work.without_location()
    schemas = tuple(work.schemas.values())
    return Gathered(
        wsdls,
        schemas,
        tuple(dict.fromkeys(work.broken)),
        frozenset(_declared(schemas, f"{X}element")),
        frozenset(_declared(schemas, f"{X}complexType", f"{X}simpleType")),
    )


class _Gathering:
    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.schemas: dict[tuple[str, str | None], SchemaDocument] = {}
        self.broken: list[str] = []
        self._to_follow: list[SchemaDocument] = []
        self._wanted: dict[str, str] = {}  # a namespace, standard or imported without a location, and by which document

    def wsdls(self) -> tuple[Document, ...]:
        """Return the main document and every WSDL imported; a wsdl:import may also lead to a schema."""
        found = {self.documents.main.url: self.documents.main}
        queue = [self.documents.main]
        while queue:
            document = queue.pop(0)
            for reference in references(document.root):
                if reference.kind != "wsdl:import":
                    continue
                there = self._get(document.url, reference)
                if there is None or there.url in found:
                    continue
                if there.root.tag == f"{W}definitions":
                    found[there.url] = there
                    queue.append(there)
                elif there.root.tag == f"{X}schema":
                    self.add(there.url, there.root.get("targetNamespace"), there.root)
                else:
                    self._note(document.url, reference, f"{there.url} is neither a WSDL 1.1 document nor a schema")
        return tuple(found.values())

    def add(self, url: str, effective: str | None, schema: etree._Element) -> None:
        """Take a schema in, with what it refers to to be followed."""
        if (url, effective) not in self.schemas:
            self.schemas[url, effective] = added = SchemaDocument(url, effective, _alone(schema))
            self._to_follow.append(added)

    def follow(self) -> None:
        """Take in what the schemas refer to by location; keep for later what a namespace alone tells."""
        while self._to_follow:
            schema = self._to_follow.pop(0)
            for reference in references(schema.root):
                standard = reference.namespace in standard_schemas()
                if reference.kind == "xsd:import" and (standard or reference.location is None):
                    self._wanted.setdefault(reference.namespace or "", schema.url)
                    continue
                there = self._get(schema.url, reference)
                if there is not None:
                    self._take(schema, reference, there)

    def named_by_parts(self, document: Document) -> None:
        """Want the namespaces that the parts of messages name: many a WSDL imports no schema for soapenc:string."""
        for part in document.root.iter(f"{W}part"):
            text = part.get("element") or part.get("type") or ""
            if text.partition(":")[0] in part.nsmap:
                self._wanted.setdefault(namespace(qualified(part, text)) or "", document.url)

    def without_location(self) -> None:
        """Take in the standard schemas of the namespaces wanted that no schema at hand is of."""
        while self._wanted:
            wanted, base = self._wanted.popitem()
            if wanted not in {schema.namespace or "" for schema in self.schemas.values()}:
                there = self.documents.get(base, None, wanted)
                if there is not None:
                    self.add(there.url, wanted, there.root)
                    self.follow()

    def _take(self, schema: SchemaDocument, reference: Reference, there: Document) -> None:
        own = there.root.get("targetNamespace")
        if there.root.tag != f"{X}schema":
            self._note(schema.url, reference, f"{there.url} is not an XML Schema, its root is {local(there.root.tag)}")
        elif reference.kind == "xsd:import" and own != reference.namespace:
            self._note(
                schema.url, reference, f"{there.url} is of the namespace {own}, not of {reference.namespace} as asked"
            )
        elif reference.kind != "xsd:import" and own not in (None, schema.namespace):
            self._note(schema.url, reference, f"{there.url} is of another namespace, {own}, and cannot be included")
        else:
            self.add(there.url, own if reference.kind == "xsd:import" else schema.namespace, there.root)

    def _get(self, base: str, reference: Reference) -> Document | None:
        try:
            asked = reference.namespace if reference.kind == "xsd:import" else None  # else it tells nothing
            found = self.documents.get(base, reference.location, asked)
        except Misconfigured as error:
            self._note(base, reference, error.detail)
            return None
        if found is None:
            self._note(base, reference, "it gives no location")
        return found

    def _note(self, base: str, reference: Reference, what: str) -> None:
        self.broken.append(one_line(f"{base}, line {reference.line}, {reference.kind}: {what}"))


def _inline(root: etree._Element) -> Iterator[etree._Element]:
    for types in root.iterchildren(f"{W}types"):
        yield from types.iterchildren(f"{X}schema")


def _alone(schema: etree._Element) -> etree._Element:
    """Return a copy as a document of its own; a plain copy loses prefixes declared further up and used in values."""
    root = etree.Element(schema.tag, attrib=dict(schema.attrib), nsmap=schema.nsmap)
    root.extend(list(deepcopy(schema)))
    root.sourceline = schema.sourceline  # type: ignore[misc]  # lxml lets it be set
    return root


def _declared(schemas: Iterable[SchemaDocument], *tags: str) -> Iterator[str]:
    for schema in schemas:
        for node in schema.root.iterchildren(*tags):
            yield named(schema.namespace, node.get("name", ""))
        for redefined in schema.root.iterchildren(f"{X}redefine"):
            for node in redefined.iterchildren(*tags):
                yield named(schema.namespace, node.get("name", ""))
