"""Answers decoded by their schema: exact values, what is refused, and that no value stands in an error."""

import datetime as dt
import logging
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.deadline import Deadline
from connectors.errors import Misconfigured, Unreadable
from tests.peers.canned import Canned
from tests.small_wsdl import A, B, ask, element, envelope, sequence, write

# --- values ----------------------------------------------------------------------------------------------------------

UTC = dt.UTC
VALUES = [
    ("string", "  a\n b ", "  a\n b "),
    ("string", "", ""),
    ("string", "a<!-- c -->b<?p q?>c<![CDATA[<&]]>", "abc<&"),
    ("normalizedString", " a\tb ", " a b "),
    ("token", " a \n b\u00a0", "a b\u00a0"),
    ("anyURI", " urn:x ", "urn:x"),
    ("boolean", " 1 ", True),
    ("boolean", "false", False),
    ("int", " -0042 ", -42),
    ("integer", "9" * 40, int("9" * 40)),
    ("unsignedByte", "255", 255),
    ("decimal", "0.10", Decimal("0.10")),
    ("double", "1e3", 1000.0),
    ("double", "INF", math.inf),
    ("date", "2024-02-29", dt.date(2024, 2, 29)),
    ("date", "2024-02-29+14:00", dt.date(2024, 2, 29)),
    ("dateTime", "2024-02-29T23:59:59.5Z", dt.datetime(2024, 2, 29, 23, 59, 59, 500_000, UTC)),
    ("dateTime", "2024-02-29T23:59:59.1234560", dt.datetime(2024, 2, 29, 23, 59, 59, 123_456)),  # noqa: DTZ001 (none was given)
    ("time", "08:00:00Z", dt.time(8, tzinfo=UTC)),
    ("hexBinary", "00fF", b"\x00\xff"),
    ("base64Binary", " AP\n8= ", b"\x00\xff"),
]


@pytest.mark.parametrize(("kind", "text", "value"), VALUES)
def test_values_are_exact(tmp_path: Path, canned: Canned, kind: str, text: str, value: Any) -> None:
    client = write(tmp_path, answer=sequence(element("v", f"xsd:{kind}")))
    found = ask(client, canned, f"<v>{text}</v>")
    assert found == {"v": value}
    assert type(found["v"]) is type(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("date", "10000-01-01"),
        ("date", "-0044-03-15"),
        ("dateTime", "2024-01-01T24:00:00"),
        ("dateTime", "2024-01-01T00:00:00.1234567"),
        ("time", "00:00:00.1234567"),
        ("integer", "9" * 5000),
    ],
)
def test_a_value_that_python_cannot_hold_is_unreadable(tmp_path: Path, canned: Canned, kind: str, text: str) -> None:
    client = write(tmp_path, answer=sequence(element("v", f"xsd:{kind}")))
    with pytest.raises(Unreadable, match=f"v, line 1: a value of type {kind} that Python cannot hold") as raised:
        ask(client, canned, f"<v>{text}</v>")
    assert text not in str(raised.value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("int", "S3CRET"),
        ("int", ""),
        ("date", "0000-00-00"),
        ("boolean", "S3CRET"),
        ("dateTime", "2024-13-01T00:00:00"),
    ],
)
def test_an_ill_typed_value_is_unreadable_and_not_told(tmp_path: Path, canned: Canned, kind: str, text: str) -> None:
    client = write(tmp_path, answer=sequence(element("v", f"xsd:{kind}"), '<xsd:attribute name="a" type="xsd:int"/>'))
    with pytest.raises(Unreadable, match=f"v, line 2: a value that is not a valid xs:{kind}") as raised:
        ask(client, canned, f"\n<v>{text}</v>")
    assert text not in str(raised.value) or not text


def test_an_ill_typed_attribute_is_named(tmp_path: Path, canned: Canned) -> None:
    client = write(tmp_path, answer=sequence("", '<xsd:attribute name="a" type="xsd:int" use="required"/>'))
    canned.say(envelope('<Answer xmlns="urn:t" a="S3CRET"/>'), "text/xml")
    with pytest.raises(Unreadable, match="Answer/@a, line 1: a value that is not a valid xs:int") as raised:
        client.call("Ask", address=canned.url, deadline=Deadline.after(5), number=1)
    assert "S3CRET" not in str(raised.value)
    canned.say(envelope('<Answer xmlns="urn:t"/>'), "text/xml")
    with pytest.raises(Unreadable, match="an attribute is missing"):
        client.call("Ask", address=canned.url, deadline=Deadline.after(5), number=1)


# --- shapes ----------------------------------------------------------------------------------------------------------

MANY = 'minOccurs="0" maxOccurs="unbounded"'
OPTIONAL = 'minOccurs="0"'
CODED = """<xsd:complexType name="Coded"><xsd:simpleContent><xsd:extension base="xsd:int">
  <xsd:attribute name="code" type="xsd:date"/></xsd:extension></xsd:simpleContent></xsd:complexType>"""
TREE = f"""<xsd:complexType name="Tree"><xsd:sequence>{A}{element("part", "t:Tree", MANY)}</xsd:sequence>
  </xsd:complexType>"""
DERIVED = f"""<xsd:complexType name="Base">{sequence(A)[17:]}<xsd:complexType name="Derived"><xsd:complexContent>
  <xsd:extension base="t:Base"><xsd:sequence>{B}</xsd:sequence></xsd:extension></xsd:complexContent></xsd:complexType>"""
GROUP = f'<xsd:group name="G"><xsd:sequence>{A}{B}</xsd:sequence></xsd:group>'
SHAPES = [
    (sequence(element("a", rest=MANY)), "", "", {"a": []}),
    (sequence(element("a", rest=MANY)), "", "<a>1</a>", {"a": ["1"]}),
    (sequence(element("a", rest=MANY)), "", "<a>1</a><a>2</a>", {"a": ["1", "2"]}),
    (sequence(element("a", rest=OPTIONAL)), "", "", {}),
    (sequence(element("a", rest='nillable="true"')), "", '<a xsi:nil="true"/>', {"a": None}),
    (sequence(element("a", "xsd:int", 'nillable="true" ' + MANY)), "", '<a>1</a><a xsi:nil="1"/>', {"a": [1, None]}),
    (sequence(f"<xsd:choice>{A}{B}</xsd:choice>"), "", "<b>1</b>", {"b": "1"}),
    (f"<xsd:complexType><xsd:all>{A}{B}</xsd:all></xsd:complexType>", "", "<b>1</b><a>2</a>", {"a": "2", "b": "1"}),
    (sequence(f'<xsd:sequence maxOccurs="3">{A}</xsd:sequence>'), "", "<a>1</a>", {"a": ["1"]}),
    (sequence('<xsd:group ref="t:G"/>'), GROUP, "<a>1</a><b>2</b>", {"a": "1", "b": "2"}),
    (
        sequence(element("a", "t:Coded")),
        CODED,
        '<a code="2024-01-01">7</a>',
        {"a": {"_value": 7, "code": dt.date(2024, 1, 1)}},
    ),
    (sequence(element("a", "t:Coded")), CODED, "<a>7</a>", {"a": {"_value": 7}}),
    (
        sequence(element("a", "t:Tree")),
        TREE,
        "<a><a>1</a><part><a>2</a></part></a>",
        {"a": {"a": "1", "part": [{"a": "2", "part": []}]}},
    ),
    (sequence(element("a", "t:Derived")), DERIVED, "<a><a>1</a><b>2</b></a>", {"a": {"a": "1", "b": "2"}}),
    (sequence(element("a", "t:Base")), DERIVED, '<a xmlns:t="urn:t" xsi:type="t:Base"><a>1</a></a>', {"a": {"a": "1"}}),
    (sequence(A), "", '<a xmlns:xsd="http://www.w3.org/2001/XMLSchema" xsi:type="xsd:string">1</a>', {"a": "1"}),
    ("<xsd:complexType/>", "", "", {}),
]


@pytest.mark.parametrize(("answer", "more", "content", "expected"), SHAPES)
def test_shapes(tmp_path: Path, canned: Canned, answer: str, more: str, content: str, expected: dict[str, Any]) -> None:
    assert ask(write(tmp_path, answer=answer, more=more), canned, content) == expected


REFUSED = {
    "any": sequence('<xsd:any processContents="lax"/>'),
    "anyAttribute": sequence(A, "<xsd:anyAttribute/>"),
    "the type AnyType": sequence(element("a", "xsd:anyType")),
    "the type Duration": sequence(element("a", "xsd:duration")),
    "the type gYear": sequence(element("a", "xsd:gYear")),
    "the type NmTokens": sequence(element("a", "xsd:NMTOKENS")),
    "a list type": sequence(
        '<xsd:element name="a"><xsd:simpleType><xsd:list itemType="xsd:int"/></xsd:simpleType></xsd:element>'
    ),
    "a union type": sequence(
        '<xsd:element name="a"><xsd:simpleType><xsd:union memberTypes="xsd:int xsd:date"/></xsd:simpleType></xsd:element>'
    ),
    "a group of several elements": sequence(f'<xsd:sequence maxOccurs="2">{A}{B}</xsd:sequence>'),
    "more than one place": sequence(A + B + A),
    "two parts of the same name": sequence(A, '<xsd:attribute name="a" type="xsd:int"/>'),
    "a default value": sequence(element("a", rest='default="x"')),
    "mixed content": f'<xsd:complexType mixed="true"><xsd:sequence>{A}</xsd:sequence></xsd:complexType>',
    "a substitution group": sequence('<xsd:element ref="t:Head"/>'),
    "a whiteSpace rule": sequence(
        '<xsd:element name="a"><xsd:simpleType><xsd:restriction base="xsd:string"><xsd:whiteSpace value="collapse"/></xsd:restriction></xsd:simpleType></xsd:element>'
    ),
}
HEAD = '<xsd:element name="Head" type="xsd:string"/><xsd:element name="Tail" type="xsd:string" substitutionGroup="t:Head"/>'


@pytest.mark.parametrize("construct", REFUSED)
def test_an_unknown_construct_is_misconfigured_before_any_call(tmp_path: Path, construct: str) -> None:
    client = write(tmp_path, answer=REFUSED[construct], more=HEAD)
    for _ in range(2):  # a failure leaves nothing half-made behind
        with pytest.raises(Misconfigured, match=f"t.wsdl of r cannot be used for Ask: .*{construct}"):
            client.call("Ask", address="http://127.0.0.1:9", deadline=Deadline.after(5), number=1)


@pytest.mark.parametrize(("part", "value"), [("style", "rpc"), ("use", "encoded")])
def test_other_styles_are_misconfigured(tmp_path: Path, part: str, value: str) -> None:
    client = write(tmp_path, answer=sequence(A), **{part: value})
    with pytest.raises(Misconfigured, match=f"{part} {value}"):
        client.call("Ask", address="http://127.0.0.1:9", deadline=Deadline.after(5), number=1)


def test_an_xsi_type_that_says_more_is_misconfigured(tmp_path: Path, canned: Canned) -> None:
    client = write(tmp_path, answer=sequence(element("a", "t:Base")), more=DERIVED)
    with pytest.raises(Misconfigured, match="Ask answered: an xsi:type on a, line 1"):
        ask(client, canned, '<a xmlns:t="urn:t" xsi:type="t:Derived"><a>1</a><b>2</b></a>')


# --- what is extra, what is missing ----------------------------------------------------------------------------------


def test_what_is_extra_is_set_aside_and_reported_once(
    tmp_path: Path, canned: Canned, caplog: pytest.LogCaptureFixture
) -> None:
    client = write(tmp_path, answer=sequence(A + element("b", "t:Coded")), more=CODED)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            content = '<a new="S3CRET">1</a><more><deep>S3CRET</deep></more><b lang="fr" code="2024-01-01">7</b>'
            assert ask(client, canned, content) == {"a": "1", "b": {"_value": 7, "code": dt.date(2024, 1, 1)}}
    assert client.extras == {"Ask: Answer/a/@new", "Ask: Answer/more", "Ask: Answer/b/@lang"}
    assert len(caplog.records) == 3
    assert "S3CRET" not in caplog.text


def test_a_flood_of_extras_is_not_remembered(tmp_path: Path, canned: Canned) -> None:
    client = write(tmp_path, answer=sequence(A))
    assert ask(client, canned, "<a>1</a>" + "".join(f"<x{n}/>" for n in range(1000))) == {"a": "1"}
    assert len(client.extras) == 100


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<b>1</b>",
        "<b>1</b><a>1</a>",
        "<a>1</a><a>1</a>",
        '<a xmlns="">1</a>',
        '<a xmlns="urn:other">1</a>',
        "<a>1</a>S3CRET",
        "<a>1</a><new/>S3CRET",
        "<a>Du<new>S3CRET</new>pont</a>",
        '<a xsi:nil="true"/>',
        '<a xsi:type="S3CRET">1</a>',
    ],
)
def test_what_is_missing_misplaced_or_mixed_is_unreadable(tmp_path: Path, canned: Canned, content: str) -> None:
    client = write(tmp_path, answer=sequence(A + element("b", rest=OPTIONAL)))
    with pytest.raises(Unreadable) as raised:
        ask(client, canned, content)
    assert "S3CRET" not in str(raised.value)
    assert "line 1" in str(raised.value)
