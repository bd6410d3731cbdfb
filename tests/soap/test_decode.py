"""Answers decoded by their schema: exact Python values, what is set aside or refused, and no value in any error.

What each construct of a schema becomes in JSON stands in the corpus.
"""

import datetime as dt
import logging
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.deadline import Deadline
from connectors.errors import Misconfigured, Unreadable
from connectors.soap.client import SoapClient
from connectors.soap.values import Lexical
from tests.peers.canned import Canned
from tests.soap.small_wsdl import A, ask, element, envelope, sequence, write

UTC = dt.UTC
NAIVE = dt.datetime(2024, 2, 29, 23, 59, 59, 123_456)  # noqa: DTZ001 (none was given)
VALUES = [
    ("string", "  a\n b ", "  a\n b "),
    ("string", "", ""),
    ("string", "a<!-- c -->b<?p q?>c<![CDATA[<&]]>", "abc<&"),
    ("normalizedString", " a\tb ", " a b "),
    ("token", " a \n b\u00a0", "a b\u00a0"),
    ("anyURI", " urn:x ", "urn:x"),
    ("NMTOKENS", " a  b ", ["a", "b"]),
    ("boolean", " 1 ", True),
    ("boolean", "false", False),
    ("int", " -0042 ", -42),
    ("integer", "9" * 40, int("9" * 40)),
    ("integer", "9" * 5000, Lexical("9" * 5000)),
    ("unsignedByte", "255", 255),
    ("decimal", "0.10", Decimal("0.10")),
    ("double", "1e3", 1000.0),
    ("double", "INF", math.inf),
    ("date", "2024-02-29", dt.date(2024, 2, 29)),
    ("date", "2024-02-29+14:00", Lexical("2024-02-29+14:00")),
    ("date", "10000-01-01", Lexical("10000-01-01")),
    ("date", " -0044-03-15 ", Lexical("-0044-03-15")),
    ("dateTime", "2024-02-29T23:59:59.5Z", dt.datetime(2024, 2, 29, 23, 59, 59, 500_000, UTC)),
    ("dateTime", "2024-02-29T23:59:59.1234560", NAIVE),
    ("dateTime", "2024-01-01T24:00:00", Lexical("2024-01-01T24:00:00")),
    ("dateTime", "2024-01-01T00:00:00.1234567", Lexical("2024-01-01T00:00:00.1234567")),
    ("time", "08:00:00Z", dt.time(8, tzinfo=UTC)),
    ("time", "00:00:00.1234567", Lexical("00:00:00.1234567")),
    ("duration", "P1Y2M3DT4H5M6.789S", "P1Y2M3DT4H5M6.789S"),
    ("gYear", "2024", "2024"),
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
        ("int", "S3CRET"),
        ("int", ""),
        ("int", "2147483648"),
        ("date", "0000-00-00"),
        ("boolean", "S3CRET"),
        ("dateTime", "2024-13-01T00:00:00"),
        ("base64Binary", "S3CRET!"),
        ("decimal", "1,5"),
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
        client.call("Ask", {"number": 1}, address=canned.url, deadline=Deadline.after(5))
    assert "S3CRET" not in str(raised.value)
    canned.say(envelope('<Answer xmlns="urn:t"/>'), "text/xml")
    with pytest.raises(Unreadable, match="an attribute is missing"):
        client.call("Ask", {"number": 1}, address=canned.url, deadline=Deadline.after(5))


def test_what_is_not_read_is_misconfigured_before_any_call(tmp_path: Path, canned: Canned) -> None:
    kind = '<xsd:simpleType name="K"><xsd:restriction base="{0}"/></xsd:simpleType>'
    redefine = f'<xsd:redefine schemaLocation="o.xsd">{kind.format("t:K")}</xsd:redefine>'
    (tmp_path / "o.xsd").write_text(
        f'<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t">{kind.format("xsd:string")}</xsd:schema>'
    )
    client = write(tmp_path, imports=redefine, answer=sequence(element("a", "t:K")))
    for _ in range(2):  # a failure leaves nothing half-made behind
        with pytest.raises(Misconfigured, match=r"t\.wsdl of r cannot be used for Ask: .*xsd:redefine"):
            ask(client, canned, "<a>1</a>")
    assert canned.requests == []


# --- what is extra, what is missing ----------------------------------------------------------------------------------

CODED = """<xsd:complexType name="Coded"><xsd:simpleContent><xsd:extension base="xsd:int">
  <xsd:attribute name="code" type="xsd:date"/></xsd:extension></xsd:simpleContent></xsd:complexType>"""


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
        '<a xsi:type="xs:S3CRET">1</a>',
    ],
)
def test_what_is_missing_misplaced_or_mixed_is_unreadable(tmp_path: Path, canned: Canned, content: str) -> None:
    client = write(tmp_path, answer=sequence(A + element("b", rest='minOccurs="0"')))
    with pytest.raises(Unreadable) as raised:
        ask(client, canned, content)
    assert "S3CRET" not in str(raised.value)
    assert "line 1" in str(raised.value)


def test_a_type_of_the_default_namespace_in_an_encoded_answer(tmp_path: Path, canned: Canned) -> None:
    """Where lxml is left to write it, the process ends."""
    folder = Path(__file__).parent / "corpus" / "rpc-encoded-references"
    client = SoapClient(folder / "service.wsdl", "r")
    refer = '<c:PetResponse xmlns:c="urn:c"><animal href="#d"/></c:PetResponse>'
    dog = '<multiRef xmlns="urn:c" id="d" xsi:type="Dog"><name xmlns="">Rex</name><chip xmlns="">9</chip></multiRef>'
    canned.say(envelope(refer + dog), "text/xml")
    asked = client.call("Pet", {"animal": {"name": "R"}}, address=canned.url, deadline=Deadline.after(5))
    assert asked.value == {"animal": {"_type": "{urn:c}Dog", "name": "Rex", "chip": 9}}
