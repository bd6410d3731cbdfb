"""WSDL 1.1 as plain data: ports, operations, messages, and the schemas that they are written in.

What is wrong with one operation loses that operation, with its reason in plain words, and no other.
Source: WSDL 1.1, https://www.w3.org/TR/2001/NOTE-wsdl-20010315; its SOAP 1.2 binding, W3C member submission of 2006;
where these leave it open, WS-I Basic Profile 1.1 and Attachments Profile 1.0.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lxml import etree

from connectors.errors import Misconfigured
from connectors.soap.definitions import (
    WSDL_HTTP,
    Broken,
    Definitions,
    called,
    documentation_of,
    in_soap,
    key_of,
    name_of,
    required,
    target,
)
from connectors.soap.documents import Documents, one_line, refusal
from connectors.soap.gathering import SchemaDocument, W, gather
from connectors.soap.names import SOAP_11, SOAP_12, WSDL_MIME, WSDL_SOAP_11, WSDL_SOAP_12, local, namespace

__all__ = ["Message", "Operation", "Part", "Port", "SchemaDocument", "Wsdl", "read"]

_CONTENT = f"{{{WSDL_MIME}}}content"
_ENVELOPES = {WSDL_SOAP_11: SOAP_11, WSDL_SOAP_12: SOAP_12}


@dataclass(frozen=True)
class Part:
    """A part of a message: the element that it is, or the type that it has, as `{namespace}local`."""

    name: str
    element: str | None
    type: str | None


@dataclass(frozen=True)
class Message:
    """What goes one way: `parts` in the body in the message's order, `headers` one each, `attached` as MIME parts.

    `namespace` is that of an rpc wrapper: soap:body's own, else the WSDL's; "" in document style.
    """

    use: Literal["literal", "encoded"]
    namespace: str
    parts: tuple[Part, ...]
    headers: tuple[Part, ...]
    attached: tuple[Part, ...]


@dataclass(frozen=True)
class Operation:
    """One operation as a port offers it; `output` is None for a one-way operation."""

    name: str
    style: Literal["document", "rpc"]
    action: str
    input: Message
    output: Message | None
    faults: tuple[Part, ...]
    documentation: str


@dataclass(frozen=True)
class Port:
    """A SOAP port, its `address` "" where the WSDL gives none. Overloaded operations are named `name:input name`."""

    service: str
    name: str
    address: str
    envelope: str
    operations: Mapping[str, Operation]
    broken: Mapping[str, str]


@dataclass(frozen=True)
class Wsdl:
    """A WSDL and all that it imports; `broken` says which imports and ports are left out, and why."""

    ports: tuple[Port, ...]
    broken: tuple[str, ...]
    schemas: tuple[SchemaDocument, ...]
    documentation: str


def read(documents: Documents) -> Wsdl:
    """Return what a WSDL says. Raises Misconfigured where it is none, or has no SOAP port at all that can be used."""
    main = documents.main
    if wrong := refusal(main.root):
        raise Misconfigured(f"{main.url} {wrong}")
    gathered = gather(documents)
    definitions = Definitions(gathered)
    reader = _Ports(definitions)
    broken = [*gathered.broken, *(f"{main.url}: {why}" for why in required(main.root, deep=False))]
    ports = []
    for service in definitions.services:
        for port in service.iterchildren(f"{W}port"):
            try:
                ports += [found] if (found := reader.port(service, port)) else []
            except Broken as error:
                broken.append(one_line(f"service {service.get('name')}, port {port.get('name')}: {error}"))
    if not ports:
        why = "; ".join(broken) or "it declares no service with a SOAP binding"
        raise Misconfigured(f"{main.url} has no SOAP port that can be used: {why}")
    return Wsdl(tuple(ports), tuple(broken), gathered.schemas, documentation_of(main.root))


class _Ports:
    """The reading of ports from the named things of all WSDL documents."""

    def __init__(self, definitions: Definitions) -> None:
        self.find, self.declared = definitions.find, definitions.declared

    def port(self, service: etree._Element, port: etree._Element) -> Port | None:
        """Return a SOAP port; None for one that is plain HTTP. Raises Broken."""
        binding = self.find("binding", port, "binding", "it")
        soap = next(binding.iterchildren(*(f"{{{version}}}binding" for version in _ENVELOPES)), None)
        if soap is None:
            if binding.find(f"{{{WSDL_HTTP}}}binding") is not None:
                return None
            raise Broken(f"its binding {binding.get('name')} has no soap:binding")
        transport = soap.get("transport", "")
        if transport and not transport.lower().rstrip("/").endswith("/http"):
            raise Broken(f"its transport is not HTTP but {transport}")
        if missing := [*required(port), *required(binding, deep=False)]:
            raise Broken(missing[0])
        port_type = self.find("portType", binding, "type", f"its binding {binding.get('name')}")
        operations, broken = self._operations(binding, port_type, soap.get("style", "document"))
        address = next(port.iterchildren(*in_soap("address")), None)
        return Port(
            name_of(service, "its service"),
            name_of(port, "the port"),
            "" if address is None else address.get("location", "").strip(),
            _ENVELOPES[namespace(str(soap.tag)) or ""],
            operations,
            broken,
        )

    def _operations(
        self, binding: etree._Element, port_type: etree._Element, style: str
    ) -> tuple[dict[str, Operation], dict[str, str]]:
        """Pair the port type's operations with the binding's, and read each; what fails comes with its reason."""
        declared = list(port_type.iterchildren(f"{W}operation"))
        names = Counter(node.get("name", "") for node in declared)
        bound: dict[str, list[etree._Element]] = {}
        for node in binding.iterchildren(f"{W}operation"):
            bound.setdefault(key_of(node, names), []).append(node)
        keys = Counter(key_of(node, names) for node in declared)
        operations: dict[str, Operation] = {}
        why_not = str(Broken(f"the port type {port_type.get('name')} has no such operation"))
        broken = {one_line(key): why_not for key in bound.keys() - keys}
        for node in declared:
            key = key_of(node, names)
            pair = bound.get(key, [])
            try:
                if keys[key] > 1:
                    raise Broken("it is declared more than once and the input names do not tell which is which")  # noqa: TRY301
                if len(pair) != 1:
                    how_often = "more than once" if pair else "not"
                    raise Broken(f"the binding {binding.get('name')} binds it {how_often}")  # noqa: TRY301
                operations[key] = self._operation(node, pair[0], style)
            except Broken as why:
                broken[one_line(key if keys[key] == 1 else node.get("name", ""))] = str(why)
        return operations, broken

    def _operation(self, declared: etree._Element, bound: etree._Element, style: str) -> Operation:
        if missing := [*required(declared), *required(bound)]:
            raise Broken(missing[0])
        soap = next(bound.iterchildren(*in_soap("operation")), None)
        if soap is not None:
            style = soap.get("style", style)
        if style not in ("document", "rpc"):
            raise Broken(f"its style is {style}, neither document nor rpc")
        ways = [local(child.tag) for child in declared.iterchildren(f"{W}input", f"{W}output")]
        if ways not in (["input"], ["input", "output"]):
            raise Broken("it does not begin with an input: the registry sends it, nobody asks it")
        for node in declared.iterchildren(f"{W}input", f"{W}output"):
            name_of(node, f"its {local(node.tag)}")
        return Operation(
            name=name_of(declared, "the operation"),
            style="rpc" if style == "rpc" else "document",
            action="" if soap is None else _action(soap),
            input=self._message("input", declared, bound, style),
            output=self._message("output", declared, bound, style) if "output" in ways else None,
            faults=tuple(self._fault(node) for node in declared.iterchildren(f"{W}fault")),
            documentation=documentation_of(declared) or documentation_of(bound),
        )

    def _message(self, way: str, declared: etree._Element, bound: etree._Element, style: str) -> Message:
        said, binds = declared.find(W + way), bound.find(W + way)
        if said is None or binds is None:
            raise Broken(f"its binding has no {way}")
        message = self.find("message", said, "message", f"its {way}")
        inside = [(node.tag, node) for node in binds.iterdescendants(*in_soap("body"), *in_soap("header"), _CONTENT)]
        body = next((node for tag, node in inside if tag in in_soap("body")), None)
        if body is None:
            raise Broken(f"the binding of its {way} has no soap:body")
        use = body.get("use", "literal")
        if use not in ("literal", "encoded"):
            raise Broken(f"the use of its {way} is {use}, neither literal nor encoded")
        parts = {node.get("name", ""): node for node in message.iterchildren(f"{W}part")}
        only = next(iter(parts), None) if len(parts) == 1 else None
        attached = dict.fromkeys(node.get("part", only) for tag, node in inside if tag == _CONTENT)
        headers = [self._header(node, way) for tag, node in inside if tag in in_soap("header")]
        listed = body.get("parts")
        if listed is None:  # all that stand nowhere else
            elsewhere = {node.get("name") for holder, node in headers if holder is message} | attached.keys()
            in_body = parts.keys() - elsewhere
        else:
            in_body = set(listed.split())
        for name in [*sorted(in_body), *attached]:
            if name not in parts:
                raise Broken(f"the binding of its {way} names the part {name}; {called(message)} has none of that name")
        wrapper = body.get("namespace") or target(bound) or "" if style == "rpc" else ""
        return Message(
            use="encoded" if use == "encoded" else "literal",
            namespace=wrapper,
            parts=tuple(self._part(message, node) for name, node in parts.items() if name in in_body),
            headers=tuple(self._part(holder, node) for holder, node in headers),
            attached=tuple(self._part(message, node) for name, node in parts.items() if name in attached),
        )

    def _header(self, node: etree._Element, way: str) -> tuple[etree._Element, etree._Element]:
        """Return the message that a soap:header names, and the part of it."""
        message = self.find("message", node, "message", f"a soap:header of its {way}")
        for part in message.iterchildren(f"{W}part"):
            if part.get("name") == node.get("part"):
                return message, part
        raise Broken(
            f"a soap:header of its {way} names the part {node.get('part')}; {called(message)} has none of that name"
        )

    def _fault(self, node: etree._Element) -> Part:
        message = self.find("message", node, "message", f"its fault {node.get('name')}")
        parts = list(message.iterchildren(f"{W}part"))
        if len(parts) != 1:
            raise Broken(f"{called(message)} of its fault {node.get('name')} has {len(parts)} parts instead of one")
        return self._part(message, parts[0])

    def _part(self, message: etree._Element, node: etree._Element) -> Part:
        name, element, kind = name_of(node, "a part"), node.get("element"), node.get("type")
        where = f"the part {name} of {called(message)}"
        if (element is None) == (kind is None):
            raise Broken(f"{where} has {'neither an element nor' if element is None else 'both an element and'} a type")
        if element is not None:
            return Part(name, self.declared(node, element, "element", where), None)
        return Part(name, None, self.declared(node, kind or "", "type", where))


def _action(soap: etree._Element) -> str:
    """Return the soapAction, as it goes into an HTTP header between quotes. Raises Broken where it cannot."""
    action = soap.get("soapAction", "")
    if not action.isprintable() or any(sign == '"' or sign > "\xff" for sign in action):
        raise Broken(f"its soapAction «{action}» cannot stand in an HTTP header")
    return action
