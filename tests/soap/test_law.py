"""The law of requests and answers: whatever value a schema allows goes out and comes back equal, and so does its JSON.

A random schema is written as a WSDL; random values that it allows are sent to a server that sends them back.
"""

import datetime as dt
import itertools
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.deadline import Deadline
from connectors.soap.client import SoapClient
from connectors.soap.names import XSD
from connectors.soap.values import Lexical, json_of

# --- types -----------------------------------------------------------------------------------------------------------

ZONES = st.integers(-840, 840).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n\r <&>\"'"),
    max_size=12,
)
WORDS = st.from_regex("[a-zé&<]{1,5}( [a-z]{1,5}){0,2}", fullmatch=True)
DECIMALS = st.from_regex("-?[0-9]{1,30}([.][0-9]{1,20})?", fullmatch=True).map(Decimal)
DURATIONS = st.from_regex("-?P[0-9]{1,3}Y([0-9]{1,3}D)?(T[0-9]{1,3}H([0-9]{1,2}[.][0-9]{1,9}S)?)?", fullmatch=True)
LATE = st.from_regex("[1-9][0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])(Z|[+]02:00)?", fullmatch=True).map(Lexical)

KINDS: Mapping[str, st.SearchStrategy[Any]] = {
    "xsd:string": TEXTS,
    "xsd:token": WORDS,
    "xsd:int": st.integers(-(2**31), 2**31 - 1),
    "xsd:integer": st.integers(-(10**60), 10**60),
    "xsd:unsignedLong": st.integers(0, 2**64 - 1),
    "xsd:decimal": DECIMALS,
    "xsd:double": st.floats(allow_nan=False),
    "xsd:boolean": st.booleans(),
    "xsd:date": st.dates() | LATE,
    "xsd:time": st.times() | st.times(timezones=ZONES),
    "xsd:dateTime": st.datetimes() | st.datetimes(timezones=ZONES),
    "xsd:duration": DURATIONS,
    "xsd:gYear": st.integers(1000, 20000).map(str),
    "xsd:base64Binary": st.binary(max_size=12),
    "xsd:hexBinary": st.binary(max_size=12),
    "c:Ints": st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4),
    "c:Color": st.sampled_from(["red", "light blue", ""]),
    "c:Size": st.integers(-(2**31), 2**31 - 1)
    | st.sampled_from(["red", ""])
    | DECIMALS.filter(lambda each: "." in str(each)),
}
"""Simple types and the Python values that they allow."""

BASE = st.fixed_dictionaries({"name": TEXTS, "number": st.lists(KINDS["xsd:int"], max_size=2)})
OBJECTS: Mapping[str, st.SearchStrategy[Any]] = {
    "c:Base": BASE.map(lambda each: {"_type": "{urn:c}Base", **each})
    | st.tuples(BASE, TEXTS).map(lambda both: {"_type": "{urn:c}Left", **both[0], "left": both[1]})
    | st.tuples(BASE, KINDS["xsd:date"]).map(lambda both: {"_type": "{urn:c}Right", **both[0], "right": both[1]}),
    "c:Tree": st.recursive(
        st.fixed_dictionaries({"name": TEXTS, "tree": st.just([])}),
        lambda inner: st.fixed_dictionaries({"name": TEXTS, "tree": st.lists(inner, max_size=2)}),
        max_leaves=4,
    ),
    "xsd:anyType": KINDS["xsd:int"].map(lambda each: {"_type": f"{{{XSD}}}int", "_value": each})
    | WORDS.map(lambda each: {"_xml": escape(each)})
    | WORDS.map(lambda each: {"_xml": f'<x xmlns="urn:x">{escape(each)}</x>'}),
}
"""The same of types of elements: others derive from it, it holds itself, it is anything."""


@dataclass(frozen=True)
class Complex:
    """A complex type: attributes (name, type, whether required), and elements or, for simple content, a type's name."""

    attributes: tuple[tuple[str, str, bool], ...]
    content: "Group | str"


@dataclass(frozen=True)
class Leaf:
    """An element. `high` is None where unbounded."""

    name: str
    kind: str | Complex
    low: int = 1
    high: int | None = 1
    nillable: bool = False


@dataclass(frozen=True)
class Group:
    """A sequence, a choice, or all."""

    order: str
    parts: "tuple[Leaf | Group, ...]"
    low: int = 1
    high: int | None = 1


OCCURS = st.sampled_from([(1, 1), (1, 1), (0, 1), (0, 3), (1, 2), (0, None), (2, None)])


class Maker:
    """Draws a schema. Every element has a name of its own; what repeats begins with an element that must be there,
    since otherwise no reader could tell where one occurrence ends."""

    def __init__(self, draw: Callable[..., Any]) -> None:
        self.draw = draw
        self.number = itertools.count(1)

    def type(self, depth: int) -> Complex:
        kinds = self.draw(st.lists(st.tuples(st.sampled_from(list(KINDS)), st.booleans()), max_size=2))
        attributes = tuple((f"a{next(self.number)}", kind, required) for kind, required in kinds)
        if attributes and self.draw(st.integers(0, 3)) == 0:
            return Complex(attributes, self.draw(st.sampled_from(list(KINDS))))
        if self.draw(st.integers(0, 4)) == 0:
            optional = self.draw(st.lists(st.booleans(), min_size=1, max_size=3))
            return Complex(attributes, Group("all", tuple(self.leaf(depth, (1 - each, 1)) for each in optional)))
        return Complex(attributes, self.group(depth, 3))

    def leaf(self, depth: int, occurs: tuple[int, int | None]) -> Leaf:
        name = f"e{next(self.number)}"
        inner = depth > 0 and self.draw(st.integers(0, 3)) == 0
        kind = self.type(depth - 1) if inner else self.draw(st.sampled_from([*KINDS, *OBJECTS]))
        return Leaf(name, kind, *occurs, kind != "xsd:anyType" and self.draw(st.booleans()))

    def group(self, depth: int, level: int) -> Group:
        low, high = self.draw(OCCURS)
        count = self.draw(st.integers(1, 3))
        order = self.draw(st.sampled_from(["sequence", "choice"]))
        if high == 1:
            return Group(order, tuple(self.part(depth, level) for _ in range(count)), low, high)
        if order == "choice":
            return Group(order, tuple(self.branch(depth, level) for _ in range(count + 1)), low, high)
        rest = [self.part(depth, level) for _ in range(count - 1)]
        return Group(order, (self.leaf(depth, (1, 1)), *rest), low, high)

    def part(self, depth: int, level: int) -> Leaf | Group:
        if level and self.draw(st.integers(0, 2)) == 0:
            return self.group(depth, level - 1)
        return self.leaf(depth, self.draw(OCCURS))

    def branch(self, depth: int, level: int) -> Leaf | Group:
        if level and self.draw(st.booleans()):
            return Group("sequence", (self.leaf(depth, (1, 1)), self.part(depth, level - 1)))
        return self.leaf(depth, (1, 1))


# --- values: the rules of docs/soap.md, written a second time ----------------------------------------------------------


class Drawer:
    """Draws a value that a type allows."""

    def __init__(self, draw: Callable[..., Any]) -> None:
        self.draw = draw

    def of(self, kind: str | Complex, *, nil: bool = False) -> Any:
        if isinstance(kind, str):
            return None if nil else self.draw(KINDS[kind] if kind in KINDS else OBJECTS[kind])
        value = {
            name: self.draw(KINDS[each])
            for name, each, required in kind.attributes
            if required or self.draw(st.booleans())
        }
        if nil:
            return value | {"_nil": True} if kind.attributes else None
        if isinstance(kind.content, str):
            return value | {"_value": self.draw(KINDS[kind.content])}
        return value | self.fill(kind.content, itertools.count(1))

    def fill(self, group: Group, numbers: Iterator[int], *, there: bool | None = None) -> dict[str, Any]:
        """Return the keys of a group; `there` says whether it comes, None leaves it to chance."""
        if single(group):
            return {leaf_of(group).name: self.several(group, leaf_of(group), there=there)}
        if group.high != 1:
            key = "_group" if (number := next(numbers)) == 1 else f"_group_{number}"
            return {key: [self.parts(group, itertools.count(1), there=True) for _ in range(self.times(group, there))]}
        return self.parts(group, numbers, there=self.times(group, there) > 0)

    def parts(self, group: Group, numbers: Iterator[int], *, there: bool) -> dict[str, Any]:
        taken = self.draw(st.integers(0, len(group.parts) - 1)) if group.order == "choice" else None
        value: dict[str, Any] = {}
        for place, part in enumerate(group.parts):
            comes = None if there and taken in (None, place) else False
            if isinstance(part, Group):
                value |= self.fill(part, numbers, there=comes)
            elif part.high != 1:
                value[part.name] = self.several(part, part, there=comes)
            elif self.times(part, comes):
                value[part.name] = self.item(part)
        return value

    def several(self, repeated: "Leaf | Group", leaf: Leaf, *, there: bool | None) -> list[Any]:
        return [self.item(leaf) for _ in range(self.times(repeated, there))]

    def item(self, leaf: Leaf) -> Any:
        return self.of(leaf.kind, nil=leaf.nillable and self.draw(st.integers(0, 3)) == 0)

    def times(self, part: "Leaf | Group", there: bool | None) -> int:
        if there is False:
            return 0
        return int(self.draw(st.integers(part.low, min(part.high or 4, part.low + 2))))


def single(group: Group) -> bool:
    """Whether a group repeats and holds one element only."""
    return group.high != 1 and len(group.parts) == 1 and isinstance(group.parts[0], Leaf)


def leaf_of(group: Group) -> Leaf:
    assert isinstance(group.parts[0], Leaf)
    return group.parts[0]


# --- the WSDL --------------------------------------------------------------------------------------------------------

WSDL = """<definitions targetNamespace="urn:c" xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:c="urn:c"
    xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <types><xsd:schema targetNamespace="urn:c" {form}>
    <xsd:simpleType name="Ints"><xsd:list itemType="xsd:int"/></xsd:simpleType>
    <xsd:simpleType name="Color"><xsd:restriction base="xsd:string">
      <xsd:enumeration value="red"/><xsd:enumeration value="light blue"/><xsd:enumeration value=""/>
    </xsd:restriction></xsd:simpleType>
    <xsd:simpleType name="Size"><xsd:union memberTypes="xsd:int c:Color xsd:decimal"/></xsd:simpleType>
    <xsd:complexType name="Base"><xsd:sequence>
      <xsd:element name="name" type="xsd:string"/>
      <xsd:element name="number" type="xsd:int" minOccurs="0" maxOccurs="unbounded"/>
    </xsd:sequence></xsd:complexType>
    <xsd:complexType name="Left"><xsd:complexContent><xsd:extension base="c:Base"><xsd:sequence>
      <xsd:element name="left" type="xsd:string"/>
    </xsd:sequence></xsd:extension></xsd:complexContent></xsd:complexType>
    <xsd:complexType name="Right"><xsd:complexContent><xsd:extension base="c:Base"><xsd:sequence>
      <xsd:element name="right" type="xsd:date"/>
    </xsd:sequence></xsd:extension></xsd:complexContent></xsd:complexType>
    <xsd:complexType name="Tree"><xsd:sequence>
      <xsd:element name="name" type="xsd:string"/>
      <xsd:element name="tree" type="c:Tree" minOccurs="0" maxOccurs="unbounded"/>
    </xsd:sequence></xsd:complexType>
    <xsd:element name="Ask" type="c:T"/><xsd:element name="Answer" type="c:T"/>
    {type}
  </xsd:schema></types>
  <message name="In"><part name="body" element="c:Ask"/></message>
  <message name="Out"><part name="body" element="c:Answer"/></message>
  <portType name="Echo"><operation name="Ask"><input message="c:In"/><output message="c:Out"/></operation></portType>
  <binding name="Echo" type="c:Echo"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="Ask"><soap:operation soapAction=""/>
      <input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation></binding>
  <service name="Echo"><port name="Echo" binding="c:Echo"><soap:address location="http://registry.example"/></port></service>
</definitions>"""


def written(part: Leaf | Group) -> str:
    """Return an element or a group as XML Schema."""
    high = "unbounded" if part.high is None else part.high
    occurs = f'minOccurs="{part.low}" maxOccurs="{high}"'
    if isinstance(part, Group):
        return f"<xsd:{part.order} {occurs}>{''.join(map(written, part.parts))}</xsd:{part.order}>"
    head = f'<xsd:element name="{part.name}" nillable="{str(part.nillable).lower()}" {occurs}'
    return (
        f'{head} type="{part.kind}"/>' if isinstance(part.kind, str) else f"{head}>{defined(part.kind)}</xsd:element>"
    )


def defined(kind: Complex, name: str = "") -> str:
    """Return a complex type as XML Schema."""
    attributes = "".join(
        f'<xsd:attribute name="{each}" type="{of}" use="{"required" if required else "optional"}"/>'
        for each, of, required in kind.attributes
    )
    if isinstance(kind.content, str):
        extension = f'<xsd:extension base="{kind.content}">{attributes}</xsd:extension>'
        inner = f"<xsd:simpleContent>{extension}</xsd:simpleContent>"
    else:
        inner = written(kind.content) + attributes
    return f"<xsd:complexType{name}>{inner}</xsd:complexType>"


@st.composite
def schemas_and_values(draw: Callable[..., Any]) -> tuple[str, list[dict[str, Any]]]:
    kind = Maker(draw).type(2)
    form = draw(st.sampled_from(["", 'elementFormDefault="qualified"', 'attributeFormDefault="qualified"']))
    values = [Drawer(draw).of(kind) for _ in range(draw(st.integers(1, 3)))]
    return WSDL.format(form=form, type=defined(kind, ' name="T"')), values


# --- the law ---------------------------------------------------------------------------------------------------------


class Echo(BaseHTTPRequestHandler):
    """Sends a request back as its answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        body = re.sub(rb"(</?(?:\w+:)?)Ask\b", rb"\1Answer", body)
        self.send_response(200)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


EXAMPLES = max(100, 20 * int(os.environ.get("BEFFROI_SOAK", "0")))


def text(value: Any) -> str:
    return json.dumps(json_of(value), sort_keys=True)


@pytest.mark.soak
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example, HealthCheck.data_too_large],
)
@given(schemas_and_values())
def test_what_a_schema_allows_goes_out_and_comes_back(
    echo: str, tmp_path_factory: pytest.TempPathFactory, drawn: tuple[str, list[dict[str, Any]]]
) -> None:
    wsdl, values = drawn
    path = Path(tmp_path_factory.mktemp("law")) / "service.wsdl"
    path.write_text(wsdl, encoding="utf-8")
    client = SoapClient(path, "registry")

    def back(value: Mapping[str, Any]) -> Any:
        return client.call("Ask", value, address=echo, deadline=Deadline.after(10)).value

    for value in values:
        there = back(value)
        assert there == value
        assert text(there) == text(value), "digit for digit, zone for zone"
        assert json_of(back(json_of(value))) == json_of(value)
