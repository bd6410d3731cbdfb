"""What one direction of an operation carries in its soap:Body: written from parameters, read into a value.

Source: WSDL 1.1, 3.5 (soap:body); WS-I Basic Profile 1.1, 4.4.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from connectors.errors import Misconfigured
from connectors.soap.components import MOST_PARTICLES, Components
from connectors.soap.encode import BadParameter, encode
from connectors.soap.encoded import literal
from connectors.soap.names import XSD, local, named, namespace
from connectors.soap.nodes import too_large
from connectors.soap.shapes import Element, Unsupported
from connectors.soap.validation import Schema, with_members
from connectors.soap.wsdl import Message, Operation, Port, SchemaDocument, Wsdl

_RPC = "rpc"
"""The document of the elements that rpc messages are read by, since the WSDL declares none for them.

They are in no namespace: renaming an answer's element to one must not declare a prefix that its content could use.
"""
ROWS = "beffroi.rows"
"""The name of an element that holds rows of a table, in the namespace of the schema that declares them."""


@dataclass(frozen=True)
class Reading:
    """The schemas of a WSDL as libxml2 judges by them, and as shapes."""

    schemas: tuple[SchemaDocument, ...]
    schema: Schema
    components: Components

    @classmethod
    def of(cls, wsdl: Wsdl, use: str) -> "Reading":
        """Compile the schemas of a WSDL and of its rpc messages, for `literal` or `encoded` use. Raises Misconfigured."""
        written = [*wsdl.schemas, *wrappers(wsdl)]
        if (kind := too_large(written, MOST_PARTICLES)) is not None:
            raise Misconfigured(f"its type {kind} holds more than {MOST_PARTICLES:,} elements")
        schemas = with_members(literal(written) if use == "encoded" else written)
        schema = Schema(schemas)
        return cls(schemas, schema, Components(schemas, schema.accepts))

    def with_rows(self, row: Element) -> tuple[Schema, str]:
        """Return the schemas with an element that holds any number of `row`, and the tag of that element."""
        node = row.source
        if node is None:
            raise Unsupported(f"a table of {local(row.tag)}, which others may stand in for")
        place = next(number for number, each in enumerate(self.schemas) if each is node.document)
        document = self.schemas[place]
        root = copy.deepcopy(document.root)
        written = list(root.iter())[list(document.root.iter()).index(node.xml)]
        element = etree.SubElement(root, f"{{{XSD}}}element", {"name": ROWS}, written.nsmap)
        sequence = etree.SubElement(etree.SubElement(element, f"{{{XSD}}}complexType"), f"{{{XSD}}}sequence")
        sequence.append(copy.deepcopy(written))
        sequence[0].set("minOccurs", "0")
        sequence[0].set("maxOccurs", "unbounded")
        changed = SchemaDocument(document.url, document.namespace, root)
        schemas = [changed if number == place else each for number, each in enumerate(self.schemas)]
        return Schema(schemas), named(document.namespace, ROWS)


@dataclass(frozen=True)
class Layout:
    """One direction of an operation. `wrapper` is the tag on the wire of an rpc message's one element.

    `parts` are its elements, each under the name of its part; `attached` names those that come beside the envelope.
    """

    parts: Mapping[str, Element]
    wrapper: str | None = None
    encoded: bool = False
    attached: tuple[str, ...] = ()

    @property
    def element(self) -> Element | None:
        """Return the one element of the message, None where it has none or several."""
        return next(iter(self.parts.values())) if len(self.parts) == 1 else None

    def write(self, parameters: Mapping[str, Any]) -> list[etree._Element]:
        """Return the elements of a request's body. Raises BadParameter."""
        element = self.element
        if element is None or (self.attached and self.wrapper is None):
            if surplus := sorted(set(parameters) - set(self.parts)):
                raise BadParameter(
                    f"{', '.join(surplus)} has no place here; there are: {', '.join(self.parts) or 'none'}"
                )
            if missing := [name for name in self.parts if name not in parameters]:
                raise BadParameter(f"{', '.join(missing)} is missing")
            return [encode(part, parameters[name]) for name, part in self.parts.items()]
        if not element.shape.is_text:
            return [encode(element, parameters, path=local(self.wrapper or element.tag))]
        name = local(element.tag)
        if set(parameters) != {name}:
            raise BadParameter(f"one parameter is expected: {name}")
        return [encode(element, parameters[name])]

    def value(self, decoded: Sequence[Any], attached: Mapping[str, bytes]) -> Any:
        """Return the answer's value from those of its elements and of what is attached."""
        if not self.parts and not attached:
            return None
        if self.wrapper is not None and isinstance(decoded[0], dict):
            return {**decoded[0], **attached}
        if self.attached or self.element is None:
            return {**dict(zip(self.parts, decoded, strict=True)), **attached}
        return decoded[0]


def layout(reading: Reading, port: Port, operation: Operation, message: Message, direction: str) -> Layout:
    """Return the layout of an operation's input (`in`) or output (`out`). Raises Unsupported."""
    if operation.style == "rpc":
        element = reading.components.element(_wrapper(port, operation, direction))
        name = operation.name + ("Response" if direction == "out" else "")
        tag = named(message.namespace or None, name)
        return Layout({"": element}, tag, message.use == "encoded", tuple(part.name for part in message.attached))
    parts = {}
    for part in message.parts:
        if part.element is None:
            raise Unsupported(f"a document message whose part {part.name} has a type instead of an element")
        parts[part.name] = reading.components.element(part.element)
    return Layout(parts, attached=tuple(part.name for part in message.attached))


def wrappers(wsdl: Wsdl) -> list[SchemaDocument]:
    """Return a schema with an element for each rpc message of a WSDL, or none where it has no such message."""
    root = etree.Element(f"{{{XSD}}}schema")
    for port in wsdl.ports:
        for operation in port.operations.values():
            if operation.style == "rpc":
                _wrap(root, _wrapper(port, operation, "in"), operation.input)
                if operation.output is not None:
                    _wrap(root, _wrapper(port, operation, "out"), operation.output)
            for part in operation.faults:
                if part.type is not None:
                    _element(root, f"{_wrapper(port, operation, 'fault')}.{part.name}", part.type)
    return [SchemaDocument(_RPC, None, root)] if len(root) else []


def typed_faults(reading: Reading, port: Port, operation: Operation) -> dict[str, Element]:
    """Return the elements of faults whose part has a type only, by the names that servers give them: part or type."""
    found: dict[str, Element] = {}
    for part in operation.faults:
        if part.type is not None:
            element = reading.components.element(f"{_wrapper(port, operation, 'fault')}.{part.name}")
            found |= {local(part.type): element, part.name: element}
    return found


def _wrapper(port: Port, operation: Operation, direction: str) -> str:
    return f"{port.service}.{port.name}.{operation.name}.{direction}"


def _wrap(root: etree._Element, name: str, message: Message) -> None:
    element = etree.SubElement(root, f"{{{XSD}}}element", name=name)
    sequence = etree.SubElement(etree.SubElement(element, f"{{{XSD}}}complexType"), f"{{{XSD}}}sequence")
    for part in message.parts:
        if part.type is not None:
            _element(sequence, part.name, part.type)
        else:
            written, prefixes = _prefixed(part.element or "")
            etree.SubElement(sequence, f"{{{XSD}}}element", {"ref": written}, prefixes)


def _element(parent: etree._Element, name: str, kind: str) -> None:
    written, prefixes = _prefixed(kind)
    etree.SubElement(parent, f"{{{XSD}}}element", {"name": name, "type": written}, prefixes)


def _prefixed(tag: str) -> tuple[str, dict[str, str] | None]:
    space = namespace(tag)
    return (f"p:{local(tag)}", {"p": space}) if space else (local(tag), None)
