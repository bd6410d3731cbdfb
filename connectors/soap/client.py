"""SOAP 1.1 and 1.2: one question to a registry that has a WSDL, and its answer read exactly.

Answers are validated by libxml2 against the WSDL's own schemas and decoded by these: exact values or a clear error,
never a silent None. What a schema does not know is set aside and reported once; what is missing, misplaced or ill-typed
makes the answer unreadable. Requests are written by the same shapes, and libxml2 has the last word on them too.
Sources: SOAP 1.1, https://www.w3.org/TR/2000/NOTE-SOAP-20000508/; SOAP 1.2, https://www.w3.org/TR/soap12-part1/
"""

import contextlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lxml import etree

from connectors import http
from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Misconfigured, Unreadable
from connectors.extras import report, tell_once
from connectors.pacing import Pace
from connectors.soap.aside import set_aside
from connectors.soap.decode import Undecodable, decode
from connectors.soap.depth import TOO_DEEP, too_deep, value_too_deep
from connectors.soap.documents import Documents
from connectors.soap.encode import BadParameter
from connectors.soap.encoded import NotEncoded, plain
from connectors.soap.envelopes import envelope_of
from connectors.soap.faults import SoapFault, parts_of
from connectors.soap.messages import Reading
from connectors.soap.names import local
from connectors.soap.prepared import Prepared, Request
from connectors.soap.shapes import Element, Unsupported
from connectors.soap.wsdl import Operation, Port, Wsdl, read

if TYPE_CHECKING:  # it brings cryptography along, which most registries do without
    from connectors.soap.security import Security


@dataclass(frozen=True)
class Reply:
    """An answer: its value, and the values of its SOAP headers that the WSDL declares, keyed like children."""

    value: Any
    headers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Who:
    """Who we are to a registry: in TLS, and in WS-Security; and whether large binaries go beside the envelope (MTOM)."""

    identity: http.Identity | None = None
    security: "Security | None" = None
    mtom: bool = False


class SoapClient:
    """Asks the operations of one WSDL. Thread-safe: one object serves all callers; the WSDL is read at the first."""

    def __init__(self, wsdl: Path, registry: str, port: str | None = None, who: Who | None = None, pace: Pace | None = None) -> None:  # fmt: skip
        """`port` names the WSDL's port to ask, alone or as `service/port`; by default each operation is asked at the first that has it."""
        self.wsdl = wsdl
        self.registry = registry
        self.port = port
        self.who = who or Who()
        self.pace = pace
        self.extras: set[str] = set()
        self._faults: set[str] = set()
        self._prepared: dict[str, Prepared] = {}
        self._lock = threading.RLock()
        self._read: Wsdl | None = None
        self._readings: dict[str, Reading] = {}

    def call(
        self,
        operation: str,
        parameters: Mapping[str, Any],
        *,
        address: str,
        deadline: Deadline,
        headers: Mapping[str, Any] | None = None,
    ) -> Reply:
        """Ask `operation` at `address` and return its answer, decoded.

        Raises SoapFault, what `http.request` raises, Unreadable (not an answer by the WSDL), and where there is no
        SOAP answer at all Down, Busy or RefusedUs by the HTTP status. Misconfigured: the WSDL, the parameters, or a
        construct that is not read.
        """
        asked = self._prepared.get(operation) or self.prepare(operation)
        request = self.request(asked, parameters, headers)
        response = http.request(
            "POST",
            address,
            base=address,
            registry=self.registry,
            deadline=deadline,
            headers=request.headers,
            body=request.body,
            identity=self.who.identity,
            pace=self.pace,
        )
        return self.reply(asked, response)

    # --- once per WSDL and operation ---------------------------------------------------------------------------------

    def description(self) -> Wsdl:
        """Return what the WSDL says, read once. Raises Misconfigured."""
        with self._lock:
            if self._read is None:
                try:
                    self._read = read(Documents(self.wsdl))
                except Misconfigured as error:
                    raise self._wrong(f"cannot be read: {error.detail}") from error
            return self._read

    def prepare(self, name: str) -> Prepared:
        """Return an operation ready to be called. Raises Misconfigured."""
        with self._lock:
            if name not in self._prepared:
                port, operation = self._find(name)
                use = operation.input.use
                try:
                    if use not in self._readings:
                        self._readings[use] = Reading.of(self.description(), use)
                    self._prepared[name] = Prepared.of(self._readings[use], port, operation)
                except Unsupported as error:
                    raise self._wrong(f"cannot be used for {name}: {error} is not supported") from error
                except KeyError as error:
                    why = self._undeclared(use, str(error.args[0]))
                    raise self._wrong(f"cannot be used for {name}: {why}") from error
                except Misconfigured as error:
                    raise self._wrong(f"cannot be used: {error.detail}") from error
            return self._prepared[name]

    def _undeclared(self, use: str, tag: str) -> str:
        """Say why there is nothing of a name: it was left out, or never written."""
        why = self._readings[use].schema.dropped.get(tag)
        return f"its schemas declare {tag} in a way that cannot be used: {why}" if why else f"nothing declares {tag}"

    def _find(self, name: str) -> tuple[Port, Operation]:
        every = self.description().ports
        ports = [port for port in every if self.port in (None, port.name, f"{port.service}/{port.name}")]
        if not ports:
            there = ", ".join(f"{port.service}/{port.name}" for port in every)
            raise self._wrong(f"has no port {self.port}; it has: {there}")
        for port in ports:
            if name in port.operations:
                return port, port.operations[name]
        for port in ports:
            if name in port.broken:
                raise self._wrong(
                    "; ".join([f"cannot be used for {name}: {port.broken[name]}", *self.description().broken])
                )
        there = ", ".join(sorted({each for port in ports for each in port.operations}))
        raise self._wrong(f"has no operation {name}; it has: {there}")

    # --- each call ---------------------------------------------------------------------------------------------------

    def request(
        self, asked: Prepared, parameters: Mapping[str, Any], headers: Mapping[str, Any] | None = None
    ) -> Request:
        """Return a request. Raises Misconfigured, which names what does not fit and no value."""
        try:
            return asked.request(parameters, headers or {}, self.who.security, mtom=self.who.mtom)
        except BadParameter as error:
            raise Misconfigured(
                f"the request {asked.operation.name} to {self.registry} is not what its WSDL wants: {error}",
                registry=self.registry,
            ) from error

    def reply(self, asked: Prepared, response: http.Response) -> Reply:
        """Return what an HTTP answer says. Raises as `call` does."""
        if asked.operation.output is None and response.status in (200, 202) and not response.body:
            return Reply(None)
        try:
            try:
                envelope, attached = envelope_of(asked, response, self.who.security)
            except ValueError as error:
                raise self.unreadable(asked, str(error)) from error
            return self.finish(asked, envelope, response.status, attached)
        except Unreadable as error:
            if response.status == 200:
                raise
            what = f"HTTP status {response.status}{_hint(response.status)}, and {error.detail.partition(': ')[2]}"
            raise http.refusal(response, self.registry) or self.unreadable(asked, what) from error

    def finish(
        self, asked: Prepared, envelope: etree._Element, status: int, attached: Mapping[str, bytes] | None = None
    ) -> Reply:
        """Return what a parsed envelope says. Raises SoapFault and Unreadable."""
        if too_deep(envelope):
            raise self.unreadable(asked, TOO_DEEP)
        if envelope.tag != f"{asked.soap}Envelope":
            raise self.unreadable(asked, f"no SOAP envelope of this version: its element is {envelope.tag!s}")
        if len(envelope.findall(f"{asked.soap}Body")) != 1:
            raise self.unreadable(asked, "not exactly one SOAP body")
        content = envelope.findall(f"{asked.soap}Body/*")
        if len(content) == 1 and content[0].tag == f"{asked.soap}Fault":
            raise self._fault(asked, content[0], status)
        if status != 200:
            raise self.unreadable(asked, "it holds no fault")
        headers = self._headers(asked, envelope)
        value = asked.answers.value(self._values(asked, content), attached or {})
        if value_too_deep(envelope, value):
            raise self.unreadable(asked, "its value is too deep for JSON")
        return Reply(value, headers)

    def _values(self, asked: Prepared, content: Sequence[etree._Element]) -> list[Any]:
        wanted = list(asked.answers.parts.values())
        if asked.answers.encoded:
            try:
                content = [plain(content, wanted[0], asked.reading.components.find_type)]
            except NotEncoded as error:
                raise self.unreadable(asked, str(error)) from error
        if len(content) != len(wanted):
            raise self.unreadable(asked, f"{len(content)} elements in its body instead of {len(wanted)}")
        if asked.answers.wrapper is not None:  # its name says nothing (SOAP 1.1, 7.1)
            content[0].tag = wanted[0].tag
        for node, element in zip(content, wanted, strict=True):
            if node.tag != element.tag:
                raise self.unreadable(asked, f"the body holds {local(node.tag)}, line {node.sourceline}")
        return [self.decoded(asked, node, element) for node, element in zip(content, wanted, strict=True)]

    def decoded(self, asked: Prepared, node: etree._Element, element: Element) -> Any:
        """Validate and decode an element of an answer; what is extra is set aside. Raises Unreadable."""
        schema = asked.reading.schema
        if errors := schema.errors(node):
            name = local(node.tag) if asked.answers.wrapper is None else f"{asked.operation.name}Response"
            extras = list(set_aside(node, element.shape, name))
            errors = schema.errors(node)
            for path in extras:
                report(self.extras, self.registry, f"{asked.operation.name}: {path}")
        if errors:
            raise self.unreadable(asked, "; ".join(errors[:3]))
        try:
            return decode(node, element)
        except Undecodable as error:
            raise self.unreadable(asked, str(error)) from error

    def _headers(self, asked: Prepared, envelope: etree._Element) -> dict[str, Any]:
        """Return the answer's headers that the WSDL declares. Raises Unreadable.

        A header that must be understood and that nobody here understands makes the answer one that we may not use
        (SOAP 1.1, 4.2.3; SOAP 1.2 part 1, 2.4).
        """
        found = {}
        by_tag = {element.tag: name for name, element in asked.answered_headers.items()}
        for node in envelope.iterfind(f"{asked.soap}Header/*"):
            must = node.attrib.pop(f"{asked.soap}mustUnderstand", "0").strip() in ("1", "true")
            for name in ("actor", "role", "relay", "encodingStyle"):
                node.attrib.pop(f"{asked.soap}{name}", None)
            if node.tag in by_tag:
                name = by_tag[str(node.tag)]
                if name in found:
                    raise self.unreadable(asked, f"its header {local(node.tag)} comes more than once")
                found[name] = self.decoded(asked, node, asked.answered_headers[name])
            elif must and local(node.tag) != "Security":
                raise self.unreadable(asked, f"its header {local(node.tag)} must be understood, and is not declared")
            elif local(node.tag) != "Security":
                report(self.extras, self.registry, f"{asked.operation.name}: Header/{local(node.tag)}")
        return found

    def _fault(self, asked: Prepared, fault: etree._Element, status: int) -> SoapFault:
        """Read a fault. A detail is decoded only where the WSDL declares it and it is what is declared."""
        code, subcodes, message, nodes = parts_of(fault, asked.port.envelope)
        details: dict[str, Any] = {}
        for node in nodes:
            tag = str(node.tag)
            details[tag] = None
            element = asked.faults.get(tag) or asked.typed_faults.get(local(tag))
            if element is not None:
                with contextlib.suppress(Unreadable, NotEncoded):  # a code that the WSDL does not have is no code
                    if asked.answers.encoded:
                        plain([node], element, asked.reading.components.find_type)
                    node.tag = element.tag
                    details[tag] = self.decoded(asked, node, element)
        said = SoapFault(code, message, subcodes, details, status)
        tell_once(self._faults, f"{self.registry} answered {asked.operation.name} with a {said.sketch()}")
        return said

    # --- errors ------------------------------------------------------------------------------------------------------

    def unreadable(self, asked: Prepared, what: str) -> Unreadable:
        """Return the error of an answer that is none."""
        return Unreadable(
            f"the answer of {self.registry} to {asked.operation.name} is not what its WSDL says: {what}",
            registry=self.registry,
        )

    def _wrong(self, what: str) -> BeffroiError:
        return Misconfigured(f"the WSDL {self.wsdl.name} of {self.registry} {what}", registry=self.registry)


def _hint(status: int) -> str:
    """Return what an operator may have to mend where a status says so."""
    if status in (404, 410):
        return " (nothing is there: is the address that is declared right?)"
    return " (a redirect, which is not followed: declare where it leads)" if 300 <= status < 400 else ""
