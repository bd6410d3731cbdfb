"""Records of types that others derive from: what a variant has more is a field, and nothing is lost in silence."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from connectors.deadline import Deadline
from connectors.registry import Registry
from connectors.soap import Soap, catalogue
from pipelines.workspace import Workspace
from tests.peers.canned import Canned
from tests.peers.spyne.peer import TOKEN, SpyneServer
from tests.soap import small_wsdl
from tests.soap.cadastre import workspace

PERMITS = """
kind: soap
wsdl: {wsdl}
url: {url}
lookup:
  record: Permit
  operation: GetPermit
  identifier: {{scheme: permit, pattern: '(?P<number>[A-Z0-9]+)'}}
  headers: {{Credentials: {{token: "{token}"}}}}
  path: GetPermitResult
  same: number
"""


def ask(registry: Registry, identifier: str) -> dict[str, Any]:
    told: dict[str, Any] = registry.lookup(identifier, Deadline.after(10)).record.model_dump(mode="json")
    assert registry.record is not None
    jsonschema.validate(told, registry.record.model_json_schema(mode="serialization"))
    return told


def test_spyne_answers_an_extension_whole(tmp_path: Path) -> None:
    with SpyneServer() as permits:
        root = workspace(tmp_path / "w", "http://127.0.0.1:9/")
        wsdl = catalogue.add(f"{permits.soap11}?wsdl", root / "wsdl" / "permits").relative_to(root)
        written = PERMITS.format(wsdl=wsdl, url=permits.soap11, token=TOKEN)
        (root / "registries" / "permits.yaml").write_text(written, "utf-8")
        registry = Workspace(root).registries["permits"]
        told = ask(registry, "PC003")
        assert (told["type"], told["extends"]) == ("{urn:beffroi:permits:1}Extension", "PC001")
        plain = ask(registry, "PC002")
    assert plain["type"] == "{urn:beffroi:permits:1}Permit"
    assert "extends" not in plain
    assert registry.record is not None
    schema = registry.record.model_json_schema()
    assert schema["properties"]["type"]["enum"] == [plain["type"], told["type"]]
    assert schema["properties"]["extends"]["type"] == "string"
    assert "type" in schema["required"]
    assert "extends" not in schema["required"]


# --- a small one, with all that variants can disagree on --------------------------------------------------------------

ANIMALS = """
<xsd:complexType name="Animal"><xsd:sequence>
  <xsd:element name="type" type="xsd:string"/><xsd:element name="note" type="xsd:string" minOccurs="0"/>
</xsd:sequence></xsd:complexType>
<xsd:complexType name="Dog"><xsd:complexContent><xsd:extension base="t:Animal"><xsd:sequence>
  <xsd:element name="size" type="xsd:int"/><xsd:element name="home" type="t:Kennel"/>
</xsd:sequence></xsd:extension></xsd:complexContent></xsd:complexType>
<xsd:complexType name="Fish"><xsd:complexContent><xsd:extension base="t:Animal"><xsd:sequence>
  <xsd:element name="size" type="xsd:string"/><xsd:element name="home" type="t:Pond" maxOccurs="2"/>
  <xsd:element name="friend" type="t:Animal" minOccurs="0"/>
</xsd:sequence></xsd:extension></xsd:complexContent></xsd:complexType>
<xsd:complexType name="Kennel"><xsd:attribute name="colour" type="xsd:string" use="required"/></xsd:complexType>
<xsd:complexType name="Pond"><xsd:attribute name="litres" type="xsd:int" use="required"/></xsd:complexType>
"""
DECLARED = """
kind: soap
wsdl: t.wsdl
url: 'URL'
lookup: {record: Beast, operation: Ask, identifier: {scheme: n, pattern: '(?P<number>[0-9]+)'}, path: animal}
"""
DOG = '<animal xsi:type="t:Dog"><type>dog</type><size>3</size><home colour="red"/></animal>'
FISH = (
    '<animal xsi:type="t:Fish"><type>fish</type><size>small</size><home litres="9"/>'
    '<friend xsi:type="t:Dog"><type>dog</type><size>1</size><home colour="blue"/></friend></animal>'
)


ANIMAL = small_wsdl.element("animal", "t:Animal")


def animals(canned: Canned, root: Path, declared: str = DECLARED, answer: str = ANIMAL) -> Soap:
    root = workspace(root, "http://127.0.0.1:9/")
    small_wsdl.write(root, answer=small_wsdl.sequence(answer), more=ANIMALS)
    (root / "registries" / "beasts.yaml").write_text(declared.replace("URL", canned.url), "utf-8")
    registry = Workspace(root).registries["beasts"]
    assert isinstance(registry, Soap)
    return registry


def say(canned: Canned, content: str) -> None:
    canned.say(small_wsdl.envelope(f'<Answer xmlns="urn:t" xmlns:t="urn:t">{content}</Answer>'), "text/xml")


def test_variants_that_disagree(canned: Canned, tmp_path: Path) -> None:
    registry = animals(canned, tmp_path / "w")
    say(canned, DOG)
    assert ask(registry, "1") == {"type_2": "{urn:t}Dog", "type": "dog", "size": 3, "home": {"colour": "red"}}
    say(canned, FISH)
    friend = {"_type": "{urn:t}Dog", "type": "dog", "size": 1, "home": {"colour": "blue"}}
    assert ask(registry, "1") == {
        "type_2": "{urn:t}Fish", "type": "fish", "size": "small", "home": [{"litres": 9}], "friend": friend,
    }  # fmt: skip
    assert registry.record is not None
    schema = registry.record.model_json_schema()
    assert [each["type"] for each in schema["properties"]["size"]["anyOf"]] == ["integer", "string"]
    assert schema["required"] == ["type_2", "type"]


def test_a_path_into_a_variant(canned: Canned, tmp_path: Path) -> None:
    fields = "path: animal, fields: {kind: _type, colour: home/colour, litres: home/litres}"
    registry = animals(canned, tmp_path / "w", DECLARED.replace("path: animal", fields))
    say(canned, DOG)
    assert ask(registry, "1") == {"kind": "{urn:t}Dog", "colour": "red"}


def test_columns_of_rows_that_disagree_are_texts(canned: Canned, tmp_path: Path) -> None:
    extra = '<xsd:element name="animal" type="t:Animal" maxOccurs="unbounded"/>'
    registry = animals(
        canned,
        tmp_path / "w",
        f"{DECLARED}tables: {{all: {{operation: Ask, rows: animal, parameters: {{number: 1}}}}}}\n",
        extra,
    )
    columns = registry.columns("all")
    assert columns is not None
    for name in ("size", "note", "_type"):
        assert columns[name] == {"string"}
    say(canned, DOG + FISH)
    scanned = registry.scan("all")
    assert not isinstance(scanned, Path)
    rows = scanned.read_all().to_pylist()
    assert [row["size"] for row in rows] == ["3", '"small"']


def test_a_key_without_a_field_is_told_once(canned: Canned, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    registry = animals(canned, tmp_path / "w")
    question = registry._declared.question
    assert question is not None
    fields = {name: path for name, path in question.fields.items() if path != "size"}
    registry._declared.question = replace(question, fields=fields)
    say(canned, DOG)
    with caplog.at_level(logging.WARNING):
        assert "size" not in ask(registry, "1")
        ask(registry, "1")
    [line] = caplog.messages
    assert line == "beasts answers more than is known of it, set aside: Ask: size, which Beast has no field for"
    assert registry.extras == {"Ask: size, which Beast has no field for"}
    assert "3" not in json.dumps(sorted(registry.extras))
