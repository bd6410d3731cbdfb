"""SOAP: requests, envelopes, faults, statuses, and the WSDLs that are read or refused."""

from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from pydantic import TypeAdapter

from connectors.deadline import Deadline
from connectors.errors import Busy, Down, Misconfigured, RefusedUs, Unreadable
from connectors.soap.client import SoapClient
from connectors.soap.faults import SoapFault
from connectors.soap.values import json_of
from tests.peers.canned import Canned
from tests.soap.small_wsdl import SOAP_11, SOAP_12, A, ask, element, envelope, sequence, write

# --- the WSDL --------------------------------------------------------------------------------------------------------

OTHER = '<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:o"><xsd:simpleType name="{name}"><xsd:restriction base="xsd:string"><xsd:enumeration value="x"/></xsd:restriction></xsd:simpleType></xsd:schema>'
IMPORT = '<xsd:import namespace="urn:o"{location}/>'


def test_inline_schemas_import_one_another(tmp_path: Path, canned: Canned) -> None:
    schemas = OTHER.format(name="One") + OTHER.format(name="Two")
    answer = sequence(element("a", "o:One") + element("b", "o:Two"))
    client = write(tmp_path, schemas=schemas, imports=IMPORT.format(location=""), answer=answer)
    assert ask(client, canned, "<a>x</a><b>x</b>") == {"a": "x", "b": "x"}
    with pytest.raises(Unreadable, match="not one of those allowed"):
        ask(client, canned, "<a>x</a><b>S3CRET</b>")


def test_a_schema_beside_the_wsdl_is_read_and_no_other(tmp_path: Path, canned: Canned) -> None:
    folder = tmp_path / "wsdl"
    folder.mkdir()
    for place in (folder, tmp_path):
        (place / "o.xsd").write_text(OTHER.format(name="One"))
    answer = sequence(element("a", "o:One"))
    beside = write(folder, imports=IMPORT.format(location=' schemaLocation="o.xsd"'), answer=answer)
    assert ask(beside, canned, "<a>x</a>") == {"a": "x"}
    for elsewhere in ("../o.xsd", "http://127.0.0.1:9/o.xsd", "file:///etc/passwd", "missing.xsd"):
        client = write(folder, imports=IMPORT.format(location=f' schemaLocation="{elsewhere}"'), answer=answer)
        with pytest.raises(Misconfigured):
            ask(client, canned, "<a>x</a>")


@pytest.mark.parametrize("content", ["", "no XML", "<x/>", '<!DOCTYPE x [<!ENTITY e "f">]><x>&e;</x>'])
def test_a_wsdl_that_is_none_is_misconfigured(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.wsdl").write_text(content)
    with pytest.raises(Misconfigured, match=r"t\.wsdl"):
        SoapClient(tmp_path / "t.wsdl", "r").call("Ask", {}, address="http://x", deadline=Deadline.after(5))


def test_a_missing_wsdl_operation_or_parameter_is_misconfigured(tmp_path: Path) -> None:
    late = Deadline.after(5)
    with pytest.raises(Misconfigured, match=r"none\.wsdl cannot be read"):
        SoapClient(tmp_path / "none.wsdl", "r").call("Ask", {}, address="http://x", deadline=late)
    client = write(tmp_path, answer=sequence(A))
    with pytest.raises(Misconfigured, match="no operation Tell; it has: Ask"):
        client.call("Tell", {}, address="http://x", deadline=late)
    for parameters in ({}, {"other": "S3CRET"}, {"number": "S3CRET\0"}, {"number": ["S3CRET"]}):
        with pytest.raises(Misconfigured, match="the request Ask to r is not what its WSDL wants") as raised:
            client.call("Ask", parameters, address="http://x", deadline=late)
        assert "S3CRET" not in str(raised.value)


# --- envelopes, faults, statuses -------------------------------------------------------------------------------------


def test_the_request_on_the_wire(tmp_path: Path, canned: Canned) -> None:
    ask(write(tmp_path, answer=sequence(A)), canned, "<a>1</a>")
    [(method, path, headers, body)] = canned.requests
    assert (method, path, headers["SOAPAction"]) == ("POST", "/", '"urn:t:Ask"')
    assert headers["Content-Type"] == "text/xml; charset=utf-8"
    assert etree.fromstring(body).findtext(f"{{{SOAP_11}}}Body/{{urn:t}}Ask/{{urn:t}}number") == "1"


def test_soap_12(tmp_path: Path, canned: Canned) -> None:
    client = write(tmp_path, answer=sequence(A), binding="http://schemas.xmlsoap.org/wsdl/soap12/")
    canned.say(envelope('<Answer xmlns="urn:t"><a>1</a></Answer>', SOAP_12), "application/soap+xml")
    assert client.call("Ask", {"number": 1}, address=canned.url, deadline=Deadline.after(5)).value == {"a": "1"}
    assert canned.requests[0][2]["Content-Type"] == 'application/soap+xml; charset=utf-8; action="urn:t:Ask"'
    fault = """<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang="en">no</s:Text></s:Reason>
        <s:Detail><Trouble xmlns="urn:t"><code>GONE</code></Trouble></s:Detail></s:Fault>"""
    canned.say(envelope(fault, SOAP_12), "application/soap+xml", 400)
    with pytest.raises(SoapFault) as raised:
        client.call("Ask", {"number": 1}, address=canned.url, deadline=Deadline.after(5))
    assert (raised.value.code, raised.value.message, raised.value.detail_code) == ("Sender", "no", "GONE")


FAULT = "<s:Fault><faultcode>s:Server</faultcode><faultstring>S3CRET</faultstring>{detail}</s:Fault>"


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500, 503])
@pytest.mark.parametrize(
    ("detail", "code"),
    [
        ("", None),
        ('<detail><Trouble xmlns="urn:t"><code>GONE</code></Trouble></detail>', "GONE"),
        ('<detail><Trouble xmlns="urn:t"><code>GONE</code><extra/></Trouble></detail>', "GONE"),
        ('<detail><Trouble xmlns="urn:t"><kode>GONE</kode></Trouble></detail>', None),
        ("<detail><code>GONE</code></detail>", None),
    ],
)
def test_a_fault_is_a_fault_whatever_the_status(
    tmp_path: Path, canned: Canned, status: int, detail: str, code: str | None
) -> None:
    canned.say(envelope(FAULT.format(detail=detail)), "text/xml", status)
    with pytest.raises(SoapFault) as raised:
        write(tmp_path, answer=sequence(A)).call("Ask", {"number": 1}, address=canned.url, deadline=Deadline.after(5))
    assert (raised.value.code, raised.value.detail_code) == ("Server", code)
    assert "S3CRET" not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "content_type", "body", "kind"),
    [
        (401, "text/html", b"<html/>", RefusedUs),
        (403, "text/xml", b"<no", RefusedUs),
        (429, "text/plain", b"slow", Busy),
        (500, "text/html", b"<html/>", Down),
        (503, "text/xml", b"", Down),
        (500, "text/xml", envelope('<Answer xmlns="urn:t"><a>1</a></Answer>'), Down),
        (404, "text/html", b"<html/>", Unreadable),
        (302, "text/html", b"", Unreadable),
        (202, "text/xml", envelope('<Answer xmlns="urn:t"><a>1</a></Answer>'), Unreadable),
        (200, "application/json", envelope('<Answer xmlns="urn:t"><a>1</a></Answer>'), Unreadable),
        (200, "multipart/related", b"--x", Unreadable),
        (200, "text/xml", envelope('<Other xmlns="urn:t"/>'), Unreadable),
        (200, "text/xml", envelope("<Answer/>"), Unreadable),
        (200, "text/xml", envelope(""), Unreadable),
        (200, "text/xml", envelope("<Answer/>", SOAP_12), Unreadable),
        (200, "text/xml", b"<html xmlns='http://www.w3.org/1999/xhtml'/>", Unreadable),
    ],
)
def test_answers_that_are_none(
    tmp_path: Path, canned: Canned, status: int, content_type: str, body: bytes, kind: type[Exception]
) -> None:
    canned.say(body, content_type, status)
    with pytest.raises(kind) as raised:
        write(tmp_path, answer=sequence(A)).call("Ask", {"number": 1}, address=canned.url, deadline=Deadline.after(5))
    assert type(raised.value) is kind


def test_an_address_that_is_none_is_misconfigured(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        write(tmp_path, answer=sequence(A)).call("Ask", {"number": 1}, address="nowhere", deadline=Deadline.after(5))


# --- headers ---------------------------------------------------------------------------------------------------------


def with_headers(folder: Path, *parts: str) -> SoapClient:
    """Return a client whose operation Ask has these parts as headers, in and out."""
    write(folder, schemas=H, imports=IMPORT.format(location=""), more=element("H", "xsd:int"), answer=sequence(A))
    text = (folder / "t.wsdl").read_text()
    message = "".join(f'<wsdl:part name="h{place}" {part}/>' for place, part in enumerate(parts))
    text = text.replace("<wsdl:message", f'<wsdl:message name="h">{message}</wsdl:message><wsdl:message', 1)
    bound = "".join(f'<soap:header message="t:h" part="h{place}" use="literal"/>' for place in range(len(parts)))
    (folder / "t.wsdl").write_text(text.replace('<soap:body use="literal"/>', f'<soap:body use="literal"/>{bound}'))
    return SoapClient(folder / "t.wsdl", "r")


H = """<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:o">
    <xsd:element name="H" type="xsd:string"/></xsd:schema>"""
ANSWER = '<Answer xmlns="urn:t"><a>1</a></Answer>'


def headed(header: str) -> bytes:
    return envelope(ANSWER).replace(
        b"<s:Body>", f'<s:Header xmlns:t="urn:t" xmlns:o="urn:o">{header}</s:Header><s:Body>'.encode()
    )


def test_headers_of_two_namespaces_and_one_name(tmp_path: Path, canned: Canned) -> None:
    client = with_headers(tmp_path, 'element="t:H"', 'element="o:H"', 'element="t:H"')
    canned.say(headed("<o:H>x</o:H><t:H>1</t:H>"), "text/xml")
    sent = {"H": 5, "H_2": "y"}
    reply = client.call("Ask", {"number": 1}, address=canned.url, deadline=Deadline.after(5), headers=sent)
    assert reply.headers == {"H": 1, "H_2": "x"}
    header = etree.fromstring(canned.requests[0][3]).find(f"{{{SOAP_11}}}Header")
    assert header is not None
    assert [(each.tag, each.text) for each in header] == [("{urn:t}H", "5"), ("{urn:o}H", "y")]


def test_a_header_that_comes_twice(tmp_path: Path, canned: Canned) -> None:
    client = with_headers(tmp_path, 'element="t:H"')
    canned.say(headed("<t:H>1</t:H><t:H>2</t:H>"), "text/xml")
    with pytest.raises(Unreadable, match="header H comes more than once"):
        client.call("Ask", {"number": 1}, address=canned.url, deadline=Deadline.after(5))


def test_a_header_that_has_a_type_only(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="a SOAP header whose part h1 has a type instead of an element"):
        with_headers(tmp_path, 'element="t:H"', 'type="xsd:int"').prepare("Ask")


# --- schemas that cannot be used, in part ----------------------------------------------------------------------------

BASE = """<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:o="urn:o" targetNamespace="urn:o">
    <xsd:{}</xsd:schema>"""
KIND = 'simpleType name="K"><xsd:restriction base="{}">{}</xsd:restriction></xsd:simpleType>'
REDEFINE = BASE.format(
    f'redefine schemaLocation="o.xsd"><xsd:{KIND.format("o:K", "")}</xsd:redefine><xsd:element name="k" type="o:K"/>'
)
GONE = """<xsd:complexType name="Bad"><xsd:sequence><xsd:element name="g" type="t:Gone"/></xsd:sequence></xsd:complexType>
    <xsd:element name="bad" type="t:Bad"/>"""
TWICE = """<xsd:complexType name="Bad"><xsd:sequence/></xsd:complexType>
    <xsd:complexType name="Bad"><xsd:attribute name="a"/></xsd:complexType>"""
HEADLESS = '<xsd:element name="bad" type="xsd:string" substitutionGroup="t:Gone"/>'
WORSE = '<xsd:complexType name="Bad"><xsd:sequenz/></xsd:complexType>'
"""What libxml2 refuses, each in another stage."""


def in_part(folder: Path, answer: str, schemas: str = "", more: str = "") -> SoapClient:
    (folder / "o.xsd").write_text(BASE.format(KIND.format("xsd:string", '<xsd:maxLength value="3"/>')))
    return write(folder, schemas=schemas, more=more, imports=IMPORT.format(location=""), answer=answer)


@pytest.mark.parametrize(("schemas", "more"), [(REDEFINE, ""), ("", GONE), ("", HEADLESS), ("", TWICE), ("", WORSE)])
def test_what_cannot_be_used_loses_itself(tmp_path: Path, canned: Canned, schemas: str, more: str) -> None:
    client = in_part(tmp_path, sequence(A), schemas or BASE.format(KIND.format("xsd:string", "")), more)
    assert ask(client, canned, "<a>1</a>") == {"a": "1"}
    with pytest.raises(Unreadable):
        ask(client, canned, "<a>1</a><b/>" * 2)


@pytest.mark.parametrize(
    ("answer", "schemas", "more", "why"),
    [
        (
            element("a", "o:K"),
            REDEFINE,
            "",
            "xsd:redefine, which is not read: write the types out",
        ),
        ('<xsd:element ref="o:k"/>', REDEFINE, "", "xsd:redefine, which is not read: write the types out"),
        ('<xsd:element ref="t:bad"/>', "", GONE, r"\{urn:t\}Gone' does not resolve"),
        ('<xsd:element ref="t:bad"/>', "", HEADLESS, r"\{urn:t\}Gone' does not resolve"),
        (element("a", "t:Bad"), "", GONE, r"\{urn:t\}Gone' does not resolve"),
        (element("a", "t:Bad"), "", TWICE, "already exist"),
        (element("a", "t:Bad"), "", WORSE, "Bad: .*The content is not valid"),
    ],
)
def test_what_leads_to_what_cannot_be_used_is_told_why(
    tmp_path: Path, answer: str, schemas: str, more: str, why: str
) -> None:
    client = in_part(tmp_path, sequence(answer), schemas, more)
    for _ in range(2):
        with pytest.raises(Misconfigured, match=why) as raised:
            client.prepare("Ask")
        assert "cannot be used for Ask: its schemas declare {urn:t}Answer" in str(raised.value)


def test_a_chain_to_what_cannot_be_used_ends(tmp_path: Path) -> None:
    chain = "".join(element(f"c{number}", "xsd:int", f'substitutionGroup="t:c{number + 1}"') for number in range(3000))
    with pytest.raises(Misconfigured, match="too long a chain leads to this: c"):
        in_part(tmp_path, '<xsd:complexType><xsd:sequence><xsd:element ref="t:c0"/></xsd:sequence></xsd:complexType>',
                more=chain).prepare("Ask")  # fmt: skip


# --- depth -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("levels", "readable"), [(10, True), (38, True), (50, False)])
def test_groups_in_groups_make_a_value_deeper_than_its_xml(
    tmp_path: Path, canned: Canned, levels: int, readable: bool
) -> None:
    node = """<xsd:complexType name="R"><xsd:sequence minOccurs="0" maxOccurs="unbounded">
        <xsd:choice maxOccurs="unbounded"><xsd:element name="p" type="t:R" maxOccurs="unbounded"/>
        <xsd:element name="q" type="xsd:int"/></xsd:choice><xsd:element name="z" type="xsd:int"/>
        </xsd:sequence></xsd:complexType>"""
    client = write(tmp_path, answer=sequence(element("p", "t:R")), more=node)
    content = "<p>" * levels + "<q>1</q>" + "<z>1</z></p>" * levels
    if readable:
        TypeAdapter(Any).dump_json(json_of(ask(client, canned, content)))
    else:
        with pytest.raises(Unreadable, match="too deep for JSON"):
            ask(client, canned, content)
