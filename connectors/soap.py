"""SOAP 1.1 and 1.2 with document/literal messages.

zeep reads the WSDL and builds requests; `connectors/http.py` sends them. Answers are validated by libxml2 against the
WSDL's own schemas and decoded by these (`connectors/xsd.py`): exact values or a clear error, never a silent None.
What a schema does not know is set aside and reported once; what is missing, misplaced or ill-typed makes the answer
unreadable. What this file cannot do yet (rpc, encoded, attachments, headers, several body parts) is Misconfigured.
Sources: SOAP 1.1, https://www.w3.org/TR/2000/NOTE-SOAP-20000508/; WSDL 1.1, https://www.w3.org/TR/wsdl.html
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import zeep
import zeep.exceptions as zx
from lxml import etree
from zeep.wsdl.bindings.soap import SoapBinding

from connectors import http
from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Misconfigured, Unreadable
from connectors.extras import report
from connectors.validation import Folder, Schema
from connectors.xsd import Shape, Shapes, Undecodable, Unsupported, decode, local, marks, set_aside

SETTINGS = zeep.Settings(strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=True)
XML_TYPES = ("text/xml", "application/soap+xml", "application/xml")

# What zeep raises when it reads a WSDL or builds a request, and, for completeness, an answer, which it never does here.
ERRORS: Mapping[type[Exception], type[BeffroiError]] = {
    zx.Error: Misconfigured,
    zx.XMLSyntaxError: Misconfigured,
    zx.XMLParseError: Misconfigured,
    zx.UnexpectedElementError: Misconfigured,
    zx.WsdlSyntaxError: Misconfigured,
    zx.LookupError: Misconfigured,
    zx.NamespaceError: Misconfigured,
    zx.ValidationError: Misconfigured,
    zx.IncompleteMessage: Misconfigured,
    zx.IncompleteOperation: Misconfigured,
    zx.DTDForbidden: Misconfigured,
    zx.EntitiesForbidden: Misconfigured,
    zx.ExternalReferenceForbidden: Misconfigured,
    zx.SignatureVerificationFailed: Unreadable,
    zx.TransportError: Unreadable,
    zx.Fault: Unreadable,
}


class SoapFault(Exception):
    """A registry's answer that is a fault. Connectors turn it into an outcome; it goes no further.

    `code` is SOAP's (Client, Server…), `message` the registry's own words, which may hold personal data,
    `detail_code` the `code` in a detail that the WSDL declares, where there is one.
    """

    def __init__(self, code: str, message: str, detail_code: str | None) -> None:
        super().__init__(f"SOAP fault {code}")
        self.code = code
        self.message = message
        self.detail_code = detail_code


@dataclass(frozen=True)
class _Wsdl:
    client: Any
    binding: Any
    schema: Schema
    marks: Mapping[str, str]
    documents: list[etree._Element]


@dataclass(frozen=True)
class _Operation:
    name: str
    create: Callable[..., etree._Element]
    headers: Mapping[str, str]
    envelope: str  # the namespace of its SOAP version
    schema: Schema
    answer: tuple[str, Shape]
    faults: Mapping[str, Shape]


class SoapClient:
    """Asks the operations of one WSDL. Thread-safe: one object serves all callers; the WSDL is read at the first."""

    def __init__(self, wsdl: Path, registry: str) -> None:
        self.wsdl = wsdl
        self.registry = registry
        self.extras: set[str] = set()
        self._operations: dict[str, _Operation] = {}
        self._lock = threading.Lock()
        self._read: _Wsdl | None = None

    def call(self, operation: str, *, address: str, deadline: Deadline, **parameters: Any) -> dict[str, Any]:
        """Ask `operation` at `address` and return its answer, decoded.

        Raises SoapFault, what `http.request` raises, Unreadable (not an answer by the WSDL), and where there is no
        SOAP answer at all Down, Busy or RefusedUs by the HTTP status. Misconfigured: the WSDL, the parameters, or a
        construct that cannot be read yet.
        """
        asked = self._operations.get(operation) or self._prepare(operation)
        response = http.request(
            "POST",
            address,
            base=address,
            registry=self.registry,
            deadline=deadline,
            headers=asked.headers,
            body=self._request(asked, parameters),
        )
        try:
            content = self._content(asked, response)
        except Unreadable as error:
            raise http.refusal(response, self.registry) or error from error
        if content.tag == f"{{{asked.envelope}}}Fault":
            raise self._fault(asked, content)
        if response.status != 200:
            raise http.refusal(response, self.registry) or self._unreadable(
                asked, f"HTTP status {response.status} and no fault"
            )
        tag, shape = asked.answer
        if content.tag != tag:
            raise self._unreadable(asked, f"the body holds {local(content.tag)}, line {content.sourceline}")
        decoded: dict[str, Any] = self._decode(asked, content, shape)
        return decoded

    # --- once per WSDL and operation ---------------------------------------------------------------------------------

    def _load(self) -> _Wsdl:
        folder = Folder(self.wsdl)
        try:
            client: Any = zeep.Client(str(self.wsdl.resolve()), transport=folder, settings=SETTINGS)  # type: ignore[no-untyped-call]
            binding = client.service._binding  # noqa: SLF001 (zeep has no public name for it)
        except (zx.Error, *_PLAIN) as error:
            raise _kind(error)(self._told(f"cannot be read: {type(error).__name__}: {error}")) from error
        if not isinstance(binding, SoapBinding):
            raise self._wrong("has no SOAP binding at its first port")
        documents = [etree.fromstring(content) for content in folder.loaded.values()]
        schema = Schema(folder)
        return _Wsdl(client, binding, schema, marks(schema.schemas), documents)

    def _prepare(self, name: str) -> _Operation:
        with self._lock:
            self._read = wsdl = self._read or self._load()
            if name not in self._operations:
                there = wsdl.binding.all()
                if name not in there:
                    raise self._wrong(f"has no operation {name}; it has: {', '.join(sorted(there))}")
                try:
                    self._operations[name] = self._describe(name, wsdl, there[name])
                except Unsupported as error:
                    raise self._wrong(f"cannot be used for {name}: {error} is not supported yet") from error
            return self._operations[name]

    def _describe(self, name: str, wsdl: _Wsdl, found: Any) -> _Operation:
        _check_style(name, wsdl, found)
        shapes = Shapes(wsdl.marks)
        output = _only_element(found.abstract.output_message)
        faults = [_only_element(message) for message in found.abstract.fault_messages.values()]
        envelope = found.nsmap["soap-env"]
        action = found.soapaction or ""
        soap_11 = envelope == "http://schemas.xmlsoap.org/soap/envelope/"
        return _Operation(
            name=name,
            create=partial(wsdl.client.create_message, wsdl.client.service, name),
            headers={"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{action}"'}
            if soap_11
            else {"Content-Type": f'application/soap+xml; charset=utf-8; action="{action}"'},
            envelope=envelope,
            schema=wsdl.schema,
            answer=(output.qname.text, shapes.of(output)),
            faults={fault.qname.text: shapes.of(fault) for fault in faults},
        )

    # --- each call ---------------------------------------------------------------------------------------------------

    def _request(self, asked: _Operation, parameters: Mapping[str, Any]) -> bytes:
        """Build the request; zeep writes what it is given, so the schema has the last word here too."""
        try:
            envelope = asked.create(**parameters)
            wrong = asked.schema.errors(envelope.findall(f"{{{asked.envelope}}}Body/*")[0])
            error = None
        except (zx.Error, *_PLAIN) as caught:  # its message may quote a value
            wrong, error = [f"{', '.join(parameters) or 'no parameters'}: {type(caught).__name__}"], caught
        if wrong:
            raise (_kind(error) if error else Misconfigured)(
                f"the request {asked.name} to {self.registry} is not what its WSDL wants: {'; '.join(wrong)}",
                registry=self.registry,
            ) from error
        return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")

    def _content(self, asked: _Operation, response: http.Response) -> etree._Element:
        """Return the one element in the answer's SOAP body. Raises Unreadable."""
        if not response.body:
            raise self._unreadable(asked, "it is empty")
        if response.content_type not in XML_TYPES:
            raise self._unreadable(asked, "its content type is not that of XML")
        parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,  # a comment within a text would split it
            remove_pis=True,
        )
        try:
            root = etree.fromstring(response.body, parser)
        except etree.XMLSyntaxError as error:
            raise self._unreadable(asked, f"no well-formed XML, line {error.lineno}") from error
        if root.getroottree().docinfo.internalDTD is not None:
            raise self._unreadable(asked, "it has a document type declaration, which SOAP forbids")
        soap = f"{{{asked.envelope}}}"
        if root.tag != soap + "Envelope":
            raise self._unreadable(asked, f"no SOAP envelope of this version, but {local(root.tag)}")
        content = root.findall(f"{soap}Body/*")
        if len(content) != 1 or len(root.findall(soap + "Body")) != 1:
            raise self._unreadable(asked, f"{len(content)} elements in its body instead of one")
        return content[0]

    def _decode(self, asked: _Operation, content: etree._Element, shape: Shape) -> Any:
        errors = asked.schema.errors(content)
        if errors:
            extras = list(set_aside(content, shape, local(content.tag)))
            errors = asked.schema.errors(content) if extras else errors
            for path in extras:
                report(self.extras, self.registry, f"{asked.name}: {path}")
        if errors:
            raise self._unreadable(asked, "; ".join(errors[:3]))
        try:
            return decode(content, shape)
        except Undecodable as error:
            raise self._unreadable(asked, str(error)) from error
        except Unsupported as error:
            raise self._wrong(f"allows what {asked.name} answered: {error} is not supported yet") from error

    def _fault(self, asked: _Operation, fault: etree._Element) -> SoapFault:
        """Read a fault (SOAP 1.1, 4.4; SOAP 1.2, 5.4). Its detail counts only where the WSDL declares it."""
        soap = f"{{{asked.envelope}}}"
        code = fault.findtext("faultcode") or fault.findtext(f"{soap}Code/{soap}Value") or ""
        message = fault.findtext("faultstring") or fault.findtext(f"{soap}Reason/{soap}Text") or ""
        detail_code = None
        for each in [*fault.iterfind("detail/*"), *fault.iterfind(f"{soap}Detail/*")]:
            shape = asked.faults.get(str(each.tag))
            if shape is not None:
                try:
                    detail = self._decode(asked, each, shape)
                except Unreadable:  # a code that the WSDL does not have is no code
                    continue
                detail_code = detail.get("code") if isinstance(detail, dict) else None
        return SoapFault(code.strip().rpartition(":")[2], message, detail_code)

    def _unreadable(self, asked: _Operation, what: str) -> Unreadable:
        return Unreadable(
            f"the answer of {self.registry} to {asked.name} is not what its WSDL says: {what}", registry=self.registry
        )

    def _wrong(self, what: str) -> Misconfigured:
        return Misconfigured(self._told(what), registry=self.registry)

    def _told(self, what: str) -> str:
        return f"the WSDL {self.wsdl.name} of {self.registry} {what}"


_PLAIN = (NotImplementedError, ValueError, LookupError, TypeError, AttributeError)
"""What zeep raises besides its own errors, for a WSDL or parameters that it does not expect."""


def _kind(error: Exception) -> type[BeffroiError]:
    return next((ERRORS[parent] for parent in type(error).__mro__ if parent in ERRORS), Misconfigured)


def _only_element(message: Any) -> Any:
    """Return the element of a message's one part. Raises Unsupported."""
    parts = [] if message is None else list(message.parts.values())
    if len(parts) != 1 or parts[0].element is None:
        raise Unsupported("a message that is not one part with an element")
    return parts[0].element


def _check_style(name: str, wsdl: _Wsdl, found: Any) -> None:
    """Refuse what zeep does not tell about, as the WSDL writes it. Raises Unsupported."""
    if found.style != "document":
        raise Unsupported(f"style {found.style}")
    _only_element(found.abstract.input_message)
    inside = "//*[local-name()='binding']/*[local-name()='operation'][@name=$name]//*"
    for document in wsdl.documents:
        for node in document.xpath(inside, name=name):
            if node.get("use", "literal") != "literal":
                raise Unsupported(f"use {node.get('use')}")
            if local(node.tag) in ("multipartRelated", "header"):
                raise Unsupported(f"a {local(node.tag)} in the binding")
