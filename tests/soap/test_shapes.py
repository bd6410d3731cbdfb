"""Schemas in which a tag, a place or a type alone does not say what a value is: nothing is lost, nothing mixed up."""

from pathlib import Path
from typing import Any

import pytest

from connectors.errors import Misconfigured, Unreadable
from connectors.soap.client import SoapClient
from connectors.soap.values import json_of
from tests.peers.canned import Canned
from tests.soap.small_wsdl import A, ask, element, sequence, write

NAMES = 'xmlns:t="urn:t" xmlns:o="urn:o" xmlns:x="urn:x" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
OPTIONAL = 'minOccurs="0"'
OTHER = '<xsd:any namespace="##other" processContents="lax" {0}/>'
OWN = '<xsd:any namespace="##targetNamespace" processContents="lax" minOccurs="0"/>'
ANY_X = {"name": "{urn:x}x", "xml": '<x:x xmlns:x="urn:x"></x:x>'}
NUMBER = element("number", "xsd:int")


def group(content: str, kind: str = "sequence") -> str:
    return f'<xsd:complexType><xsd:{kind} maxOccurs="unbounded">{content}</xsd:{kind}></xsd:complexType>'


def extension(name: str, base: str, content: str, kind: str = "complex") -> str:
    inside = f'<xsd:{kind}Content><xsd:extension base="{base}">{content}</xsd:extension></xsd:{kind}Content>'
    return f'<xsd:complexType name="{name}">{inside}</xsd:complexType>'


def attribute(name: str, rest: str = 'type="xsd:string"') -> str:
    return f'<xsd:attribute name="{name}" {rest}/>'


P = f'<xsd:complexType name="P"><xsd:sequence>{element("n")}</xsd:sequence>{attribute("code")}</xsd:complexType>'
FAMILY = P + extension("Q", "t:P", f"<xsd:sequence>{element('code')}{element('n')}</xsd:sequence>{attribute('why')}")
PROHIBITED = P + extension("Q", "t:P", attribute("code", 'use="prohibited"'))
TEXTS = extension("Base", "xsd:string", "", "simple") + extension("Unit", "t:Base", attribute("unit"), "simple")
TWO = '<xsd:anyAttribute namespace="urn:{0}" processContents="lax"/>'
WILD = f'<xsd:complexType name="P"><xsd:sequence>{A}</xsd:sequence>{TWO.format("x")}</xsd:complexType>'
WILD += extension("Q", "t:P", TWO.format("y"))
V = '<v xmlns:y="urn:y" {0}</v>'

CASES: list[tuple[str, str, str, str, Any]] = [
    (
        "a wildcard in a group takes its own only",
        group(NUMBER + OTHER.format('minOccurs="0" maxOccurs="unbounded"')), "",
        "<number>1</number><x:x/><number>2</number>",
        {"_group": [{"number": 1, "_any": [ANY_X]}, {"number": 2, "_any": []}]},
    ),
    (
        "a wildcard first in a choice",
        group(OTHER.format("") + NUMBER, "choice"), "",
        "<number>1</number><x:x/><number>2</number>",
        {"_group": [{"_any": [], "number": 1}, {"_any": [ANY_X]}, {"_any": [], "number": 2}]},
    ),
    (
        "a wildcard that need not come, first in a sequence",
        group(OTHER.format('minOccurs="0"') + NUMBER), "",
        "<number>1</number><x:x/><number>2</number>",
        {"_group": [{"_any": [], "number": 1}, {"_any": [ANY_X], "number": 2}]},
    ),
    (
        "an element of a declared name at a wildcard",
        sequence(element("a", "xsd:int") + element("b") + OWN), A,
        "<a>1</a><b>2</b><a>x</a>",
        {"a": 1, "b": "2", "_any": [{"name": "{urn:t}a", "value": "x"}]},
    ),
    (
        "two wildcards, one not to be looked at",
        sequence('<xsd:any namespace="##targetNamespace"/><xsd:any namespace="##other" processContents="skip"/>'), NUMBER,
        "<number>1</number><x:x/>",
        {"_any": [{"name": "{urn:t}number", "value": 1}, ANY_X]},
    ),
    ("a family of texts, its base", sequence(element("v", "t:Base")), TEXTS, "<v>5</v>", {"v": {"_type": "{urn:t}Base", "_value": "5"}}),
    (
        "a family of texts", sequence(element("v", "t:Base")), TEXTS, '<v xsi:type="t:Unit" unit="kg">5</v>',
        {"v": {"_type": "{urn:t}Unit", "unit": "kg", "_value": "5"}},
    ),
    (
        "names of a base stay in what extends it",
        sequence(element("v", "t:P", 'maxOccurs="2"')), FAMILY,
        '<v code="A"><n>1</n></v><v xsi:type="t:Q" code="A"><n>1</n><code>B</code><n>2</n></v>',
        {"v": [{"_type": "{urn:t}P", "code": "A", "n": "1"},
               {"_type": "{urn:t}Q", "code": "A", "n": "1", "code_2": "B", "n_2": "2"}]},
    ),
    (
        "nil of a derived type with attributes",
        sequence(element("v", "t:P", 'nillable="true"')), FAMILY, '<v xsi:type="t:Q" why="withheld" xsi:nil="true"/>',
        {"v": {"_nil": True, "_type": "{urn:t}Q", "why": "withheld"}},
    ),
    (
        "nil of anything with attributes",
        sequence(element("v", "xsd:anyType", 'nillable="true"')), "", '<v why="withheld" xsi:nil="true"/>',
        {"v": {"_nil": True, "_attributes": {"why": "withheld"}}},
    ),
    (
        "prohibited in an extension says nothing",
        sequence(element("v", "t:Q")), PROHIBITED, '<v code="1"><n>x</n></v>', {"v": {"code": "1", "n": "x"}},
    ),
    (
        "attributes of both wildcards of an extension, beside what is extra",
        sequence(element("v", "t:Q")), WILD, V.format('x:a="1" y:b="2"><a>n</a><new/>'),
        {"v": {"_attributes": {"{urn:x}a": "1", "{urn:y}b": "2"}, "a": "n"}},
    ),
    ("a reserved name: _any", sequence(element("_any") + OTHER.format("")), "", "<_any>mine</_any><x:x/>", {"_any_2": "mine", "_any": [ANY_X]}),
    (
        "a reserved name: _value",
        sequence(element("v", "t:V")), extension("V", "xsd:string", attribute("_value"), "simple"), '<v _value="mine">5</v>',
        {"v": {"@_value": "mine", "_value": "5"}},
    ),
    (
        "prefixes that values use",
        sequence('<xsd:element name="p"><xsd:complexType mixed="true"><xsd:sequence><xsd:any processContents="skip"/></xsd:sequence></xsd:complexType></xsd:element>'),
        "", '<p><x:x xsi:type="t:T">o:name</x:x></p>',
        {"p": {"_xml": '<x:x xmlns:o="urn:o" xmlns:t="urn:t" xmlns:x="urn:x" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="t:T">o:name</x:x>', "_text": "o:name"}},
    ),
    (
        "a list of qualified names",
        sequence('<xsd:element name="v"><xsd:simpleType><xsd:list itemType="xsd:QName"/></xsd:simpleType></xsd:element>'),
        "", "<v>t:a o:b</v>", {"v": ["{urn:t}a", "{urn:o}b"]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "more", "content", "expected"), [pytest.param(*case[1:], id=case[0]) for case in CASES]
)
def test_nothing_is_lost(tmp_path: Path, canned: Canned, answer: str, more: str, content: str, expected: Any) -> None:
    client = write(tmp_path, answer=answer, more=more)
    assert json_of(asked(client, canned, content)) == expected


def asked(client: SoapClient, canned: Canned, content: str) -> Any:
    return ask(client, canned, content, NAMES)


def test_a_text_with_attributes_of_another_type_is_unreadable(tmp_path: Path, canned: Canned) -> None:
    more = extension("Unit", "xsd:decimal", attribute("unit"), "simple")
    client = write(tmp_path, answer=sequence(element("v", "xsd:decimal")), more=more)
    with pytest.raises(Unreadable, match="v, line 1: attributes on a text: unit"):
        asked(client, canned, '<v xsi:type="t:Unit" unit="S3CRET">5</v>')


def test_types_may_hold_one_another_in_a_long_chain(tmp_path: Path, canned: Canned) -> None:
    kinds = "".join(
        f'<xsd:complexType name="T{n}"><xsd:sequence>{element("t", f"t:T{n + 1}", OPTIONAL)}</xsd:sequence></xsd:complexType>'
        for n in range(1000)
    )
    kinds += f'<xsd:complexType name="T1000"><xsd:sequence>{A}</xsd:sequence></xsd:complexType>'
    client = write(tmp_path, answer=sequence(element("v", "t:T0")), more=kinds)
    assert asked(client, canned, "<v><t><t/></t></v>") == {"v": {"t": {"t": {}}}}


@pytest.mark.parametrize("rest", ["", OPTIONAL])
def test_a_type_of_groups_that_double_is_refused_at_once(tmp_path: Path, canned: Canned, rest: str) -> None:
    twice = '<xsd:group name="g{0}"><xsd:sequence><xsd:group ref="t:g{1}"/><xsd:group ref="t:g{1}"/></xsd:sequence></xsd:group>'
    more = "".join(twice.format(n, n + 1) for n in range(16))
    more += f'<xsd:group name="g16"><xsd:sequence>{element("a", rest=rest)}</xsd:sequence></xsd:group>'
    client = write(tmp_path, answer=sequence('<xsd:group ref="t:g0"/>'), more=more)
    with pytest.raises(Misconfigured, match="more than 10,000 elements"):
        asked(client, canned, "<a>1</a>")


def test_a_data_set_as_dotnet_describes_it(tmp_path: Path, canned: Canned) -> None:
    data = '<xsd:element name="data"><xsd:complexType><xsd:sequence><xsd:element ref="xsd:schema"/><xsd:any/></xsd:sequence></xsd:complexType></xsd:element>'
    client = write(tmp_path, answer=sequence(data))
    written = '<data><xsd:schema id="s"/><x:diffgram><row>1</row></x:diffgram></data>'
    assert asked(client, canned, written) == {
        "data": {
            "_any": [
                {"name": "{http://www.w3.org/2001/XMLSchema}schema",
                 "xml": '<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" id="s"></xsd:schema>'},
                {"name": "{urn:x}diffgram",
                 "xml": '<x:diffgram xmlns:x="urn:x"><row xmlns="urn:t">1</row></x:diffgram>'},
            ]
        }
    }  # fmt: skip
