"""Drafts of a new declaration, and what it takes for one to be loaded: nothing that nobody has said is ever sent."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from connectors import drafts
from connectors.drafting import FILL_IN
from connectors.errors import InvalidRequest, Misconfigured
from pipelines.workspace import Workspace
from tests.commands import beffroi
from tests.soap import small_wsdl
from tests.soap.small_wsdl import element, sequence
from tests.test_connector_commands import CIVIL, MAIN, PARCELS, files, taken_on

TOWN = element("number", "xsd:int", 'minOccurs="0"') + element("period", "t:Period") + element("commune")
MORE = (
    """<xsd:complexType name="Period"><xsd:sequence><xsd:element name="from" type="xsd:date"/>
    <xsd:element name="until" type="xsd:date" minOccurs="0"/></xsd:sequence></xsd:complexType>
    <xsd:complexType name="Row"><xsd:sequence><xsd:element name="id" type="xsd:int"/></xsd:sequence></xsd:complexType>
    <xsd:simpleType name="Fixed"><xsd:restriction base="xsd:string"><xsd:enumeration value="SERVICE"/>
    </xsd:restriction></xsd:simpleType>
    <xsd:element name="Token">"""
    + sequence(element("secret") + element("kind", "t:Fixed") + element("hint", rest='minOccurs="0"'))
    + "</xsd:element>"
)
HEADER = '<soap:header message="t:head" part="token" use="literal"/>'
PART = '<wsdl:message name="head"><wsdl:part name="token" element="t:Token"/></wsdl:message>'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "town"
    folder.mkdir()
    (folder / "beffroi.yaml").write_text(MAIN, encoding="utf-8")
    return folder


def declared(root: Path, answer: str, asks: str = "", *, headers: bool = False, more: str = MORE) -> str:
    """Add a WSDL whose operation Ask answers that, and return its declaration."""
    small_wsdl.write(root.parent, answer=answer, more=more)
    file = root.parent / "t.wsdl"
    text = file.read_text("utf-8")
    if asks:
        text = text.replace('<xsd:element name="number" type="xsd:int"/>', asks)
    if headers:
        text = text.replace('<wsdl:portType name="port">', f'{PART}<wsdl:portType name="port">')
        text = text.replace('<wsdl:input><soap:body use="literal"/>', f'<wsdl:input>{HEADER}<soap:body use="literal"/>')
    file.write_text(text, encoding="utf-8")
    drafts.add_soap(root, "it", str(file), port=None, allow=(), keep=False)
    return (root / "registries" / "it.yaml").read_text("utf-8")


def problems(root: Path, text: str) -> list[str]:
    (root / "registries" / "it.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured) as told:
        Workspace(root)
    return [line.partition(": ")[2] for line in told.value.detail.splitlines()]


ROW = element("row", "t:Row", 'maxOccurs="unbounded"')
ROWS = sequence(ROW)


def test_a_table_draft_has_no_value_that_nobody_said(root: Path) -> None:
    text = declared(root, ROWS, TOWN)
    draft = f"#    parameters: {{period: {{from: {FILL_IN}}}, commune: {FILL_IN}}}\n"
    assert draft in text
    assert f"# Where {FILL_IN} stands only you know the value" in text
    said = f"{FILL_IN} is no value: write what Ask is to be asked with"
    assert problems(root, taken_on(text)) == [said, said]
    filled = taken_on(text).replace(f"from: {FILL_IN}", "from: 2026-01-01")
    assert problems(root, filled) == [said]
    (root / "registries" / "it.yaml").write_text(filled.replace(FILL_IN, "Plouézec"), encoding="utf-8")
    assert Workspace(root).registries["it"].columns("row") is not None


def test_what_looks_like_more_pages_is_warned_of(root: Path) -> None:
    beside = element("hasMore", "xsd:boolean") + element("nextPage", rest='minOccurs="0"')
    text = declared(root, sequence(ROW + beside))
    warning = " ".join(text.split("\n#tables:")[0].replace("\n# ", " ").split())
    assert "Beware: row may not be whole. Beside its rows stands hasMore, nextPage, which looks as if" in warning
    assert "#tables:\n#  row:\n" in text


def test_a_whole_table_has_no_warning(root: Path) -> None:
    assert "Beware" not in declared(root, ROWS)


def test_a_lookup_draft_with_headers(root: Path) -> None:
    text = declared(root, sequence(element("id", "xsd:int") + element("name")), headers=True)
    assert f"#  headers:\n#    Token: {{secret: {FILL_IN}, kind: SERVICE}}\n" in text
    taken = taken_on(text)
    said = f"{FILL_IN} is no value: write what Ask is to be asked with, or take that header away"
    assert problems(root, taken) == [said]
    (root / "registries" / "it.yaml").write_text(taken.replace(FILL_IN, '"${TOKEN}"'), encoding="utf-8")
    registry = Workspace(root).registries["it"]
    assert registry.record is not None
    [operation] = drafts.describe(registry).operations
    command = drafts.command(registry, operation)
    assert """ --headers '{"Token": {"secret": "SECRET", "kind": "KIND"}}' """ in command


SERVICES = """<wsdl:service name="S2"><wsdl:port name="port" binding="t:binding">
    <soap:address location="http://second.invalid/"/></wsdl:port></wsdl:service></wsdl:definitions>"""


def test_a_port_of_a_service(root: Path, tmp_path: Path) -> None:
    small_wsdl.write(tmp_path, answer=sequence(element("id", "xsd:int") + element("name")))
    file = tmp_path / "t.wsdl"
    file.write_text(file.read_text("utf-8").replace("</wsdl:definitions>", SERVICES), encoding="utf-8")
    add = ("connector", "add", "soap", str(file), "--name")
    refused = beffroi(root, *add, "it", "--port", "S3/port", status=1).stderr
    assert "no port S3/port; it has: service/port, S2/port" in refused
    assert files(root) == {"beffroi.yaml"}
    beffroi(root, *add, "second", "--port", "S2/port")
    text = (root / "registries" / "second.yaml").read_text("utf-8")
    assert "\nport: S2/port\n" in text
    assert "\nurl: http://second.invalid/\n" in text
    assert "#   service/port, SOAP 1.1" in text
    assert [each.name for each in drafts.describe(Workspace(root).registries["second"]).operations] == ["Ask"]
    beffroi(root, *add, "first")
    text = (root / "registries" / "first.yaml").read_text("utf-8")
    assert "\nport: service/port\n" in text
    assert "\nurl: http://register.invalid/\n" in text
    assert beffroi(root, "check", "--json").stdout == "[]\n"


def test_a_wsdl_of_which_nothing_can_be_used_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"no operation of it can be used: Ask: .*dateTimme"):
        declared(root, sequence(element("day", "xsd:dateTimme")))
    assert files(root) == {"beffroi.yaml"}
    drafts.add_soap(root, "it", str(PARCELS), port=None, allow=(), keep=False)
    (root / "wsdl" / "it" / "parcels_literal.wsdl").write_bytes((tmp_path / "t.wsdl").read_bytes())
    text = (root / "registries" / "it.yaml").read_text("utf-8").replace("port: ParcelsSoap11\n", "")
    [said] = problems(root, text)
    assert said.startswith("no operation of the WSDL can be used: Ask: ")
    assert "dateTimme" in said


def test_type_is_optional_where_it_is_asked_with(root: Path) -> None:
    derived = """<xsd:complexType name="More"><xsd:complexContent><xsd:extension base="t:Row"><xsd:sequence>
        <xsd:element name="b" type="xsd:int"/></xsd:sequence></xsd:extension></xsd:complexContent></xsd:complexType>"""
    text = declared(root, sequence(element("row", "t:Row")), element("row", "t:Row"), more=MORE + derived)
    asked, answers = text.split("#   asked with")[1].split("#   answers")
    assert "_type: text, optional" in asked
    assert "_type: text, required" in answers


def test_a_reader_that_has_enough_ends_it_quietly(root: Path) -> None:
    drafts.add_soap(root, "it", str(CIVIL), port=None, allow=(), keep=False)
    for arguments in (("connector", "show", "it"), ("connector", "show", "it", "--json"), ("sandbox", "status")):
        reads, writes = os.pipe()
        os.close(reads)
        command = [sys.executable, "-m", "gateway", *arguments]
        done = subprocess.run(command, cwd=root, stdout=writes, stderr=subprocess.PIPE, text=True, check=False)
        os.close(writes)
        assert "Traceback" not in done.stderr
        assert "roken" not in done.stderr
        assert json.dumps(done.stderr.splitlines()[-1:]).count("cannot be used") == 0
