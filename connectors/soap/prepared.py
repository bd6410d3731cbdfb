"""An operation, ready to be called: how its messages are written and read. Made once, used by every call."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from lxml import etree

from connectors.soap import attachments
from connectors.soap.encode import BadParameter, encode
from connectors.soap.encoded import dress
from connectors.soap.messages import Layout, Reading, layout, typed_faults
from connectors.soap.names import SOAP_11, SWAREF, local
from connectors.soap.shapes import Element, Shape, Unsupported
from connectors.soap.wsdl import Message, Operation, Port

if TYPE_CHECKING:
    from connectors.soap.security import Security

SWA_REF = f"{{{SWAREF}}}swaRef"


@dataclass(frozen=True)
class Request:
    """What goes out: HTTP headers and body."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Prepared:
    """An operation: its layouts, the elements that its faults and headers declare, and which are references."""

    port: Port
    operation: Operation
    reading: Reading
    asks: Layout
    answers: Layout
    faults: Mapping[str, Element]
    typed_faults: Mapping[str, Element]  # by local name
    asked_headers: Mapping[str, Element]
    answered_headers: Mapping[str, Element]
    binaries: frozenset[str]  # tags of a request's elements of base64Binary
    asked_references: frozenset[str]  # and of swaRef
    answered_references: frozenset[str]

    @classmethod
    def of(cls, reading: Reading, port: Port, operation: Operation) -> "Prepared":
        """Prepare an operation. Raises Unsupported, KeyError where something is not declared."""
        output = operation.output
        asks = layout(reading, port, operation, operation.input, "in")
        answers = Layout({}) if output is None else layout(reading, port, operation, output, "out")
        faults = [part.element for part in operation.faults if part.element]
        asked = list(_all(asks))
        return cls(
            port=port,
            operation=operation,
            reading=reading,
            asks=asks,
            answers=answers,
            faults={tag: reading.components.element(tag) for tag in faults},
            typed_faults=typed_faults(reading, port, operation),
            asked_headers=_headers(reading, operation.input),
            answered_headers=_headers(reading, output),
            binaries=frozenset(each.tag for each in asked if _base(each.shape) == "base64Binary"),
            asked_references=frozenset(each.tag for each in asked if _is_reference(each.shape)),
            answered_references=frozenset(each.tag for each in _all(answers) if _is_reference(each.shape)),
        )

    @property
    def soap(self) -> str:
        """Return the prefix of tags in this operation's SOAP version."""
        return f"{{{self.port.envelope}}}"

    def request(
        self, parameters: Mapping[str, Any], headers: Mapping[str, Any], security: "Security | None", *, mtom: bool
    ) -> Request:
        """Return a request. Raises BadParameter, which names what does not fit the schema and no value."""
        attached = {name: value for name, value in parameters.items() if name in self.asks.attached}
        envelope = etree.Element(f"{self.soap}Envelope", nsmap={"soap": self.port.envelope})
        if headers:
            self._write_headers(envelope, headers)
        body = etree.SubElement(envelope, f"{self.soap}Body")
        elements = self.asks.write({name: value for name, value in parameters.items() if name not in attached})
        if wrong := [each for element in elements for each in self.reading.schema.errors(element)]:
            raise BadParameter("; ".join(wrong[:3]))
        body.extend(elements)
        if self.asks.wrapper is not None:
            body[0].tag = self.asks.wrapper
            if self.asks.encoded and self.asks.element is not None:
                dress(body[0], self.asks.element, self.port.envelope)
        return self._sent(envelope, attached, security, mtom=mtom)

    def _sent(
        self, envelope: etree._Element, attached: Mapping[str, Any], security: "Security | None", *, mtom: bool
    ) -> Request:
        """Put the envelope into its HTTP body. What is signed is signed before any part is taken out of it."""
        action = self.operation.action
        if security is not None:
            security.apply(envelope)
        parts = [self._part(name, value) for name, value in attached.items()]
        body = envelope[-1]
        for node in _leaves(body, self.asked_references):
            part = self._part(local(node.tag), b64decode(node.text or ""))
            node.text = f"cid:{part.content_id}"
            parts.append(part)
        if parts:
            content, content_type = attachments.attach(envelope, parts, action)
        elif mtom and (binaries := _leaves(body, self.binaries)):
            content, content_type = attachments.outline(envelope, binaries, action)
        else:
            content = etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")
            content_type = self._content_type()
        headers = {"Content-Type": content_type}
        return Request(headers | ({"SOAPAction": f'"{action}"'} if self.port.envelope == SOAP_11 else {}), content)

    def _part(self, name: str, value: Any) -> attachments.Attached:
        if not isinstance(value, bytes):
            raise BadParameter(f"{name}: bytes are expected, as an attachment")
        return attachments.Attached(attachments.content_id(name), "application/octet-stream", value)

    def _content_type(self) -> str:
        """Return what the SOAP version wants (SOAP 1.1, 6.1.1; SOAP 1.2 part 2, 7.1.4)."""
        if self.port.envelope == SOAP_11:
            return "text/xml; charset=utf-8"
        action = self.operation.action
        return "application/soap+xml; charset=utf-8" + (f'; action="{action}"' if action else "")

    def _write_headers(self, envelope: etree._Element, headers: Mapping[str, Any]) -> None:
        header = etree.SubElement(envelope, f"{self.soap}Header")
        if surplus := sorted(headers.keys() - self.asked_headers.keys()):
            there = ", ".join(self.asked_headers) or "none"
            raise BadParameter(f"the header {', '.join(surplus)} is not declared; there are: {there}")
        for name, element in self.asked_headers.items():
            if name in headers:
                node = encode(element, headers[name])
                if wrong := self.reading.schema.errors(node):
                    raise BadParameter(f"the header {name}: {'; '.join(wrong)}")
                header.append(node)


def _headers(reading: Reading, message: Message | None) -> dict[str, Element]:
    """Return the headers of a message under the keys that children would have: of two of a name the second is `name_2`.

    Raises Unsupported for a part that has a type and thereby no name in an envelope.
    """
    found: dict[str, Element] = {}
    tags = set()
    for part in message.headers if message is not None else ():
        if part.element is None:
            raise Unsupported(f"a SOAP header whose part {part.name} has a type instead of an element")
        if part.element not in tags:
            tags.add(part.element)
            name = local(part.element)
            keys = chain([name], (f"{name}_{number}" for number in count(2)))
            found[next(key for key in keys if key not in found)] = reading.components.element(part.element)
    return found


def _all(message: Layout) -> Iterator[Element]:
    """Yield every element that a message can hold, each type once."""
    waiting, seen = list(message.parts.values()), set[int]()
    while waiting:
        element = waiting.pop()
        yield element
        if id(element.shape) not in seen:
            seen.add(id(element.shape))
            for shape in (element.shape, *element.shape.variants.values()):
                waiting += shape.children.values()


def _base(shape: Shape) -> str:
    return shape.simple.base if shape.simple is not None and not _is_reference(shape) else ""


def _is_reference(shape: Shape) -> bool:
    return shape.simple is not None and shape.simple.name == SWA_REF


def _leaves(body: etree._Element, tags: frozenset[str]) -> list[etree._Element]:
    return [node for node in body.iter(*tags) if not len(node) and node.text] if tags else []
