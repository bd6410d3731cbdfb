"""Registries declared without Python: what their declaration gets wrong, and what they answer on other stacks."""

import datetime as dt
import json
import logging
import re
import shutil
import socket
import ssl
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import trustme

from connectors import errors
from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Misconfigured
from connectors.outcomes import MEANINGS, Outcome
from connectors.records import canonical
from connectors.registry import Registry
from connectors.soap import catalogue
from connectors.soap.annotations import Annotations
from connectors.soap.client import SoapClient
from connectors.soap.faults import SoapFault
from connectors.soap.json_schema import schema_of
from connectors.soap.outcomes import of_answer, of_fault
from connectors.soap.places import of_message
from connectors.soap.settings import AnswerRule, FaultRule
from connectors.soap.values import Lexical
from pipelines import versions
from pipelines.run import run
from pipelines.workspace import Workspace
from tests.peers.canned import Canned, Raw
from tests.peers.php.peer import ENCODED_WSDL, PhpServer
from tests.peers.spyne.peer import TOKEN, SpyneServer
from tests.soap import small_wsdl
from tests.soap.cadastre import DATASET, DECLARED, MAIN, workspace
from tests.soap.test_corpus import CASES

NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture(scope="module")
def php() -> Iterator[PhpServer]:
    with PhpServer() as server:
        yield server


def problems(root: Path) -> list[str]:
    with pytest.raises(Misconfigured) as told:
        Workspace(root, sources=True)
    return told.value.detail.splitlines()


def ask(registry: Registry, identifier: str) -> Any:
    _, value = canonical(registry.record or pytest.fail("no record"), identifier)
    return registry.lookup(value, Deadline.after(10)).record.model_dump(mode="json")


# --- what a declaration gets wrong -----------------------------------------------------------------------------------

WRONG = [
    ("wsdl/parcels.wsdl", "wsdl/none.wsdl #!", "none.wsdl"),
    ("wsdl/parcels.wsdl", "beffroi.yaml #!", "not well-formed XML"),
    ("wsdl/parcels.wsdl", "../w/wsdl/../../w2/parcels.wsdl #!", "w2/parcels.wsdl is outside the workspace"),
    ("ParcelsSoap11", "Parcels #!", "no port «Parcels»; there are: Parcels/ParcelsSoap11, Parcels/ParcelsSoap12"),
    ("'URL'", "ftp://x #!", "expected an address"),
    ("operation: GetParcel", "operation: Get #!", "no operation Get; it has: Echo,"),
    ("operation: GetParcel", "operation: Fail", "no parameter; Fail takes: kind"),
    ("record: Parcel", "record: Commune #!", "Commune is a record of Beffroi's own"),
    ("record: Parcel", "record: parcel #!", "a capital first"),
    ("'(?P<reference>[0-9]{5}-[A-Z]{2}-[0-9]{4})'", "'[0-9]+' #!", "(?P<name>…)"),
    ("(?P<reference>", "(?P<ref>", "the group «ref» is no parameter; GetParcel takes: reference"),
    ("(?P<reference>", "(((?P<reference>", "not a regular expression"),
    ("'(?P<reference>[0-9]{5}", "'(?P<reference>(a|a)*b[0-9]{5}", "in too many ways: bound what repeats"),
    ("- path: parcel\n    absent: true", "- path: parcel/building/floors/floor\n    equals: many #!", "a whole number"),
    ("    scheme: reference", "    scheme: reference\n    check: fr.nothing #!", "python-stdnum knows no number"),
    ("  path: parcel\n", "  path: parcels #!\n", "no «parcels» at its beginning; there: parcel"),
    ("  path: parcel\n", "  path: parcel/note #!\n", "leave out «note»"),
    ("same: reference", "same: nothing #!", "no «nothing» at its beginning; there: reference, commune"),
    ("same: reference", "same: owners #!", "no single value"),
    ("same: reference", "parameters: {detail: full} #!", "no parameter «detail»; GetParcel takes: reference"),
    ("same: reference", "parameters: {reference: '{x}'} #!", "has no group x; there are: reference"),
    ("same: reference", "parameters: {reference: 22214-AB-0001}", "as another value"),
    ("same: reference", "headers: {Token: x} #!", "no such header; there are: none"),
    ("same: reference", "fields: {town: city} #!", "no «city»"),
    ("same: reference", "fields: {town: owners/owner/name} #!", "in a list"),
    ("same: reference", "fields: {copy: note} #!", "no field can be called «copy»"),
    ("operation: FindParcels", "operation: Find #!", "no operation Find"),
    ('commune: "22214"', "commune: 22214 #!", "a text of that type"),
    ('commune: "22214"', 'commune: "22214"\n      limit: many #!', "a whole number"),
    ('commune: "22214"', 'commune: "22214"\n      town: x #!', "no parameter «town»; FindParcels takes: commune, limit"),
    ('    parameters:\n      commune: "22214"\n', "", "FindParcels wants the parameter commune too"),
    ('commune: "22214"', "commune: '{reference}'", "no identifier"),
    ("rows: parcel", "rows: parcels #!", "has no parcels, but total, parcel"),
    ("rows: parcel", "rows: total #!", "total comes once at most"),
    ("texts: [plan]", "texts: [plans] #!", "it has no column plans, but reference,"),
    ("texts: [plan]", "seconds: 0 #!", "above 0"),
    ("is: not-found\nanswers", "is: gone #!\nanswers", "'not-found'".strip("'")),
    ("detail: PARCEL_UNKNOWN\n    is", "is", "say by what it is told"),
    ("detail: PARCEL_UNKNOWN\n", "path: ParcelFault/code\n", "path: goes with equals:"),
    ("detail: PARCEL_UNKNOWN\n", "path: ParcelFault/codde\n    equals: X\n", "in the detail ParcelFault there is no «codde»"),
    ("detail: PARCEL_UNKNOWN\n", "path: Fault/code\n    equals: X\n", "no such detail of a fault"),
    ("- path: parcel", "- path: parcels #!", "in the answer there is no «parcels»"),
    ("absent: true", "equals: x #!", "no single value"),
    ("- path: parcel\n    absent: true", "- path: parcel/number\n    equals: many #!", "a whole number"),
    ("absent: true", "absent: true\n    equals: 1", "say either equals: or absent: true"),
    ("lookup:", "security: {username: us} #!\nlookup:", "say either username: and password_variable:"),
    ("lookup:", "tls: {key: our.key} #!\nlookup:", "a key goes with its certificate"),
    ("lookup:", "colour: red #!\nlookup:", "unknown key «colour»"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), WRONG, ids=[each[1].strip()[:40] or each[2] for each in WRONG])
def test_a_mistake_is_told_with_its_line(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in DECLARED
    written = DECLARED.replace(old, new, 1)
    told = problems(workspace(tmp_path / "w", NOWHERE, written))
    [line] = [each for each in told if said in each] or [pytest.fail(f"{said}: {told}")]
    place = re.match(r"registries/cadastre\.yaml:(\d+): ", line)
    assert place, line
    if "#!" in written:
        assert "#!" in written.splitlines()[int(place[1]) - 1], line
    others = [each for each in told if "cadastre.yaml" not in each and "record Parcel is unknown" not in each]
    assert not others, f"the lookup of a record is not wrong as well: {others}"


def test_a_wsdl_that_loses_an_operation_says_why(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w", NOWHERE)
    wsdl = root / "wsdl" / "parcels.wsdl"
    wsdl.write_text(wsdl.read_text("utf-8").replace('message="tns:GetParcel"/>', 'message="tns:Gone"/>'), "utf-8")
    [told] = problems(root)
    assert told.startswith("registries/cadastre.yaml:7: ")
    assert "Gone" in told


def test_two_registries_that_make_the_same_record(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w", NOWHERE)
    (root / "registries" / "twin.yaml").write_text(DECLARED.replace("URL", NOWHERE), "utf-8")
    main = MAIN.replace("- registry: cadastre", "- registry: cadastre\n      - registry: twin")
    (root / "beffroi.yaml").write_text(main, "utf-8")
    assert Workspace(root).lookup("parcel").record_model.__name__ == "Parcel"
    other = DECLARED.replace("  same: reference", "  fields: {number: number}").replace("URL", NOWHERE)
    (root / "registries" / "twin.yaml").write_text(other, "utf-8")
    [told] = problems(root)
    assert told.startswith("registries/twin.yaml:6: the registry cadastre makes another Parcel")


def test_who_names_a_field_that_the_record_lacks(tmp_path: Path) -> None:
    main = MAIN.replace('fields: "*"', "fields: [surface]")
    [told] = problems(workspace(tmp_path / "w", NOWHERE, main=main))
    assert told.startswith("beffroi.yaml:10: no field «surface»")
    main = MAIN.replace("record: Parcel", "record: Plot")
    assert (
        "allowed: Commune, Company, Parcel, Person, VatNumber"
        in problems(workspace(tmp_path / "v", NOWHERE, main=main))[0]
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: note}", "name: note, type: integer} #!", "note is of the type integer, and «note» of the source is not"),
        ("name: built, type: boolean}", "name: built, type: date} #!", "or declare the type it has: boolean or string"),
        ("name: owners}", "name: owners, type: array}", "or declare the type it has: string"),
        ("name: note}", "name: notes} #!", "is read from «notes», which the source does not have"),
        ("from: owners.owner}", "from: owner} #!", "is read from «owner», which the source does not have"),
        ("table: parcels}", "table: parcel} #!", "no table parcel; it has: parcels"),
        ("audience: owner", "audience: open #!\nlicence: LO", "personal: false"),
    ],
)  # fmt: skip
def test_a_dataset_that_its_source_cannot_fill(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in DATASET
    written = DATASET.replace(old, new)
    [told] = problems(workspace(tmp_path / "w", NOWHERE, dataset=written))
    assert said in told
    place = re.match(r"datasets/parcels\.yaml:(\d+): ", told)
    assert place, told
    assert "#!" in written.splitlines()[int(place[1]) - 1] or "#!" not in written


def test_steps_make_a_column_what_the_source_is_not(tmp_path: Path) -> None:
    written = DATASET.replace("name: note}", "name: note, type: integer}") + "  note: {steps: [digits, integer]}\n"
    assert Workspace(workspace(tmp_path / "w", NOWHERE, dataset=written), sources=True).datasets


# --- what faults and answers mean ------------------------------------------------------------------------------------


def test_every_outcome_is_an_error_of_that_code() -> None:
    assert set(MEANINGS) == set(get_args(Outcome))
    known = {kind.code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "code")}
    assert set(MEANINGS) <= known
    assert all(kind.code == outcome for outcome, (kind, _) in MEANINGS.items())


RULES = [
    {"detail": "UNKNOWN", "is": "not-found"},
    {"detail": "ArchivedFault", "is": "withheld"},
    {"path": "Trouble/error/number", "equals": 7, "is": "busy"},
    {"code": "Client.Permit", "words": "Gone.", "is": "down"},
    {"code": "Client", "is": "misconfigured"},
    {"words": "try later", "is": "busy"},
]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (SoapFault("Server", "", details={"{urn:x}Any": {"code": "UNKNOWN"}}), "not-found"),
        (SoapFault("Server", "", details={"{urn:x}ArchivedFault": None}), "withheld"),
        (SoapFault("Server", "", details={"{urn:x}Trouble": {"error": {"number": 7}}}), "busy"),
        (SoapFault("Server", "", details={"{urn:x}Trouble": {"error": {"number": 8}}}), "unreadable"),
        (SoapFault("Client.Permit", " Gone.\n"), "down"),
        (SoapFault("Client", "Gone.", ("Permit",)), "down"),
        (SoapFault("Client.Permit.Old", "Gone."), "down"),
        (SoapFault("Client.Permits", "Gone."), "misconfigured"),
        (SoapFault("Clients", ""), "unreadable"),
        (SoapFault("Server", "try later"), "busy"),
        (SoapFault("Server", "try later, 550014"), "unreadable"),
    ],
)
def test_faults(fault: SoapFault, code: str) -> None:
    error = of_fault([FaultRule.model_validate(rule) for rule in RULES], fault, "r", "Ask")
    assert error.code == code
    assert "550014" not in str(error)


@pytest.mark.parametrize(
    ("found", "equals", "same"),
    [
        (Decimal(0), 0, True), (Decimal("0.00"), 0, True), (Decimal("0.10"), "0.1", True), (Decimal(1), 0, False),
        (Decimal(0), "none", False), (Decimal(0), False, False), (0, 0, True), (0, "0", True), (0, False, False),
        (1, True, False), (True, True, True), (True, "true", True), (True, 1, False), (False, 0, False),
        (0.0, 0, True), (1.5, "1.5", True), ("0", "0", True), ("0", 0, False), ("", "", True), (Lexical("--02"), "--02", True),
        (dt.date(2024, 1, 2), "2024-01-02", True), (dt.datetime(2024, 1, 2, tzinfo=dt.UTC), "2024-01-02T00:00:00Z", True),
        (dt.datetime(2024, 1, 2, tzinfo=dt.UTC), "2024-01-02T01:00:00+01:00", True), (dt.date(2024, 1, 2), 0, False),
        (b"a", "YQ==", True), ({}, "", False), ([1, 2], 1, False), ([1], 1, True),
    ],
)  # fmt: skip
def test_an_answer_that_equals(found: Any, equals: Any, same: bool) -> None:
    rules = [AnswerRule.model_validate({"path": "a/b", "equals": equals, "is": "not-found"})]
    error = of_answer(rules, {"a": {"b": found}}, "r")
    assert (None if error is None else error.code) == ("not-found" if same else None)
    assert of_answer(rules, {"a": {}}, "r") is None, "what is absent equals nothing"


# --- the schema of a record ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("folder", "case"), [each for each in CASES if "error" not in each.values[1]])
def test_json_schema_describes_every_answer_of_the_corpus(folder: Path, case: dict[str, Any]) -> None:
    asked = SoapClient(folder / "service.wsdl", "r", case.get("port")).prepare(case.get("operation", "Ask"))
    if not asked.answers.parts and not asked.answers.attached:
        return
    schema = schema_of(of_message(asked, asked.answers), Annotations(asked.reading.schemas))
    jsonschema.Draft202012Validator.check_schema(schema)
    expected = case["value"] if "value" in case and "expected" not in case else case.get("expected")
    jsonschema.validate(json.loads(json.dumps(expected, default=str)), schema)


SAID = """<xsd:annotation><xsd:documentation xml:lang="en">
  {}.
</xsd:documentation></xsd:annotation>"""
ODD = f"""<xsd:complexType><xsd:sequence>
  <xsd:element name="id" type="xsd:int">{SAID.format("Its number")}</xsd:element>
  <xsd:element name="a-b" type="xsd:date"/><xsd:element name="copy" type="xsd:string"/>
  <xsd:choice maxOccurs="9"><xsd:element name="x" type="t:Part"/><xsd:element name="y" type="xsd:int"/></xsd:choice>
  <xsd:any processContents="lax" minOccurs="0" namespace="##other"/>
</xsd:sequence><xsd:attribute name="id" type="xsd:string"/></xsd:complexType>"""
PART = f"""<xsd:complexType name="Part"><xsd:sequence>
  <xsd:element name="part" type="t:Part" minOccurs="0"/></xsd:sequence>
  <xsd:attribute name="kind" type="xsd:token" use="required">{SAID.format("What it is")}</xsd:attribute>
</xsd:complexType>"""
ODD_REGISTRY = """
kind: soap
wsdl: t.wsdl
url: 'URL'
lookup: {record: Odd, operation: Ask, identifier: {scheme: n, pattern: '(?P<number>[0-9]+)', check: luhn}}
"""


def test_odd_names_and_what_the_schema_says_of_them(canned: Canned, tmp_path: Path) -> None:
    root = workspace(tmp_path / "w", NOWHERE)
    small_wsdl.write(root, answer=ODD, more=PART)
    (root / "registries" / "odd.yaml").write_text(ODD_REGISTRY.replace("URL", canned.url), "utf-8")
    registry = Workspace(root).registries["odd"]
    assert registry.record is not None
    fields = registry.record.model_fields
    assert list(fields) == ["id_2", "id", "a_b", "copy_", "group", "any"], "a key that a field can have keeps its name"
    assert fields["id"].description == "Its number."
    schema = registry.record.model_json_schema()["properties"]
    part = schema["group"]["items"]["properties"]["x"]["properties"]
    assert part["kind"]["description"] == "What it is."
    assert part["part"] == {"type": "object"}, "what is recursive ends"
    content = "<id>7</id><a-b>2024-02-29Z</a-b><copy>c</copy><x kind='p'/><y>1</y>"
    canned.say(small_wsdl.envelope(f'<Answer xmlns="urn:t" id="k">{content}</Answer>'), "text/xml")
    assert ask(registry, "n:18") == {
        "id_2": "k", "id": 7, "a_b": "2024-02-29Z", "copy_": "c", "group": [{"x": {"kind": "p"}}, {"y": 1}], "any": [],
    }  # fmt: skip
    with pytest.raises(errors.MalformedIdentifier, match="its form or its check digits are not those of luhn"):
        ask(registry, "19")


# --- on other stacks -------------------------------------------------------------------------------------------------


def test_a_record_of_php(php: PhpServer, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    registry = Workspace(workspace(tmp_path / "w", php.literal)).registries["cadastre"]
    told = ask(registry, "reference:22214-AB-0002")
    assert told == {
        "reference": "22214-AB-0002", "commune": "22214", "number": 2, "area": "0.00", "built": False,
        "updated": "2023-01-01T00:00:00Z", "note": "", "building": [],
        "owners": {"owner": [{"kind": "commune", "name": "Commune de Plouézec", "share": "1", "since": None}]},
    }  # fmt: skip
    assert registry.record is not None
    jsonschema.validate(told, registry.record.model_json_schema())
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            with pytest.raises(errors.NotFound) as raised:
                ask(registry, "22214-XX-9999")
    assert str(raised.value) == "cadastre has no such record"
    [line] = caplog.messages
    assert "cadastre answered GetParcel with a fault Client with HTTP 500; details: ParcelFault" in line
    assert "22214-XX-9999" not in line
    with pytest.raises(errors.MalformedIdentifier) as malformed:
        ask(registry, "22214-xx-9999")
    assert str(malformed.value) == "not a valid reference: its form is ([0-9]{5}-[A-Z]{2}-[0-9]{4})"


FIELDS = """  parameters: {reference: '{reference}'}
  fields:
    ref: reference
    town: commune
    owners: owners/owner
"""


def test_fields_by_other_names(php: PhpServer, tmp_path: Path) -> None:
    written = DECLARED.replace("tables:", f"{FIELDS}tables:").replace("port:", "personal: false\nport:")
    registry = Workspace(workspace(tmp_path / "w", php.literal, written)).registries["cadastre"]
    assert registry.record is not None
    assert (registry.record.key, registry.record.is_personal()) == ("ref", False)
    told = ask(registry, "22214-AB-0001")
    assert list(told) == ["ref", "town", "owners"]
    assert told["owners"][0]["name"] == "LE GOFF Maëlle"


def test_a_record_of_php_in_rpc_encoded(php: PhpServer, tmp_path: Path) -> None:
    written = f"{DECLARED.partition('tables:')[0]}".replace("port: ParcelsSoap11\n", "")
    root = workspace(tmp_path / "w", php.encoded, written)
    shutil.copy(ENCODED_WSDL, root / "wsdl" / "parcels.wsdl")
    registry = Workspace(root).registries["cadastre"]
    told = ask(registry, "22214-AB-0001")
    assert [owner["kind"] for owner in told["owners"]] == ["person", "company"]
    assert told["buildings"][1:] == [{"use": "garage", "floors": []}, {"use": "abri"}]
    assert registry.record is not None
    jsonschema.validate(told, registry.record.model_json_schema())


def test_a_table_of_php_becomes_a_dataset(php: PhpServer, tmp_path: Path) -> None:
    root = workspace(tmp_path / "w", php.literal, dataset=DATASET)
    found = Workspace(root, sources=True)
    table = found.registries["cadastre"].scan("parcels").read_all()  # type: ignore[union-attr]
    assert table.schema.field("area").type == pa.decimal128(14, 2)
    assert table["surveyed"].to_pylist() == [dt.date(1998, 5, 4), None, None]
    report = run(found, "parcels")
    assert (report.rows_out, report.quarantined, report.unread) == (3, 0, ["building", "commune"])
    version = versions.latest(found, "parcels")
    assert version is not None
    first = pq.read_table(version.parquet).to_pylist()[0]
    assert (first["area"], first["built"], first["plan"]) == (1250.5, True, "AAFQTEFO/w==")
    assert first["updated"] == dt.datetime(2024, 3, 31, 0, 30, 0, 125_000, dt.UTC)
    assert [owner["share"] for owner in json.loads(first["owners"])] == [
        "0.3333333333333333333",
        "0.6666666666666666667",
    ]


def test_a_table_that_is_not_to_be_had(canned: Canned, tmp_path: Path) -> None:
    registry = Workspace(workspace(tmp_path / "w", canned.url)).registries["cadastre"]
    with pytest.raises(Misconfigured, match="cadastre: say which table to read; it has: parcels"):
        registry.scan(None)
    told = "<faultcode>s:Server</faultcode><faultstring/><detail><x:PARCEL_UNKNOWN xmlns:x='urn:x'/></detail>"
    canned.say(small_wsdl.envelope(f"<s:Fault>{told}</s:Fault>"), "text/xml", 500)
    with pytest.raises(errors.NotFound, match="cadastre has no such record"):
        registry.scan("parcels")
    canned.say(small_wsdl.envelope("<FindParcelsResponse/>"), "text/xml")
    with pytest.raises(errors.Unreadable):
        registry.scan("parcels").read_all()  # type: ignore[union-attr]


PERMITS = """\
kind: soap
wsdl: {wsdl}
url: {url}
lookup:
  record: Permit
  operation: GetPermit
  identifier: {{scheme: permit, pattern: '(?P<number>PC[0-9]{{3}}|CLOSED)'}}
  headers: {{Credentials: {{token: '${{PERMITS_TOKEN}}'}}}}
  path: GetPermitResult
tables:
  permits:
    operation: ListPermits
    headers: {{Credentials: {{token: '${{PERMITS_TOKEN}}'}}}}
    rows: ListPermitsResult/Permit
faults:
  - {{code: Client.PermitUnknown, is: not-found}}
  - {{code: Client.Credentials, is: refused-us}}
  - {{code: Receiver.Closed, is: down}}
  - {{code: Server.Closed, is: down}}
  - {{code: Sender.PermitUnknown, is: not-found}}
  - {{code: Sender.Credentials, is: refused-us}}
"""


@pytest.fixture(scope="module")
def permits() -> Iterator[SpyneServer]:
    with SpyneServer() as server:
        yield server


@pytest.mark.parametrize("version", ["soap11", "soap12"])
def test_spyne_wants_a_token_in_a_header(
    permits: SpyneServer, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = permits.soap11 if version == "soap11" else permits.soap12
    root = workspace(tmp_path / "w", NOWHERE)
    wsdl = catalogue.add(f"{address}?wsdl", root / "wsdl" / "permits")
    written = PERMITS.format(wsdl=wsdl.relative_to(root), url=address)
    (root / "registries" / "permits.yaml").write_text(written, "utf-8")
    registry = Workspace(root).registries["permits"]
    with pytest.raises(
        Misconfigured, match="the variable PERMITS_TOKEN of the environment, which is not set: export it"
    ):
        ask(registry, "PC001")
    monkeypatch.setenv("PERMITS_TOKEN", TOKEN)
    told = ask(registry, "PC001")
    assert (told["state"], told["surface"], told["cost"]) == ("granted", "120.50", 10**25)
    scanned = registry.scan("permits")
    assert isinstance(scanned, pa.RecordBatchReader)
    assert [row["number"] for row in scanned.read_all().to_pylist()] == ["PC001", "PC002", "PC003"]
    for identifier, code in (("PC009", "not-found"), ("CLOSED", "down")):
        with pytest.raises(BeffroiError) as raised:
            ask(registry, identifier)
        assert raised.value.code == code
    monkeypatch.setenv("PERMITS_TOKEN", "wrong")
    with pytest.raises(errors.RefusedUs):
        ask(registry, "PC001")
    with pytest.raises(errors.RefusedUs):
        registry.scan("permits")


# --- who we are ------------------------------------------------------------------------------------------------------

ANSWER = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><GetParcelResponse'
    ' xmlns="urn:beffroi:parcels:1"><parcel reference="{0}"><commune>22214</commune><number>1</number><area>1</area>'
    "<built>true</built><updated>2024-01-01T00:00:00</updated><note/><owners/>{1}</parcel></GetParcelResponse>"
    "</s:Body></s:Envelope>"
)
REFERENCE = "22214-AB-0001"


def test_another_parcel_is_unreadable_and_more_is_set_aside(canned: Canned, tmp_path: Path) -> None:
    registry = Workspace(workspace(tmp_path / "w", canned.url)).registries["cadastre"]
    canned.say(ANSWER.format("22214-AB-0009", "").encode(), "text/xml")
    with pytest.raises(errors.Unreadable, match="about another record than the one asked for"):
        ask(registry, REFERENCE)
    canned.say(ANSWER.format(REFERENCE, "<colour>red</colour>").encode(), "text/xml")
    assert ask(registry, REFERENCE)["area"] == "1"
    assert registry.extras == {"GetParcel: GetParcelResponse/parcel/colour"}


def test_a_user_name_reaches_the_wire(canned: Canned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = f"{DECLARED}security: {{username: town, password_variable: CADASTRE_PASSWORD, digest: false}}\n"
    registry = Workspace(workspace(tmp_path / "w", canned.url, written), sources=True).registries["cadastre"]
    with pytest.raises(Misconfigured, match="CADASTRE_PASSWORD"):
        ask(registry, REFERENCE)
    assert not canned.requests
    monkeypatch.setenv("CADASTRE_PASSWORD", "sesame")
    canned.say(ANSWER.format(REFERENCE, "").encode(), "text/xml")
    ask(registry, REFERENCE)
    sent = canned.requests[0][3]
    assert b"<wsse:Username>town</wsse:Username>" in sent
    assert b">sesame</wsse:Password>" in sent


def test_a_signature_reaches_the_wire(canned: Canned, tmp_path: Path) -> None:
    written = f"{DECLARED}security: {{certificate: our.pem, key: our.key}}\n"
    root = workspace(tmp_path / "w", canned.url, written)
    assert problems(root) == [
        "registries/cadastre.yaml:27: there is no file our.pem; a path is relative to the workspace",
        "registries/cadastre.yaml:27: there is no file our.key; a path is relative to the workspace",
    ]
    for name in ("our.pem", "our.key"):
        (root / name).touch()
    registry = Workspace(root, sources=True).registries["cadastre"]
    (root / "our.pem").unlink()
    with pytest.raises(Misconfigured, match=r"WS-Security for cadastre: our\.pem cannot be read"):
        ask(registry, REFERENCE)
    made = trustme.CA().issue_cert("us@example.org")
    made.cert_chain_pems[0].write_to_path(str(root / "our.pem"))
    made.private_key_pem.write_to_path(str(root / "our.key"))
    canned.say(ANSWER.format(REFERENCE, "").encode(), "text/xml")
    ask(registry, REFERENCE)
    assert b"SignatureValue>" in canned.requests[0][3]


def test_a_client_certificate_reaches_the_wire(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    seen: list[Any] = []

    def talk(connection: socket.socket) -> None:
        assert isinstance(connection, ssl.SSLSocket)
        sent = b""
        while b"Envelope>" not in sent[-20:]:
            sent += connection.recv(65536)
        seen.append((connection.getpeercert() or {}).get("subjectAltName"))
        body = ANSWER.format(REFERENCE, "").encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)

    with Raw(talk, lambda connection: context.wrap_socket(connection, server_side=True)) as server:
        written = f"{DECLARED}tls: {{certificate: our.pem, authority: theirs.pem}}\n"
        root = workspace(tmp_path / "w", server.url.replace("http:", "https:"), written)
        assert [each.partition(": ")[2] for each in problems(root)] == [
            f"there is no file {name}; a path is relative to the workspace" for name in ("our.pem", "theirs.pem")
        ]
        for name in ("our.pem", "theirs.pem"):
            (root / name).touch()
        registry = Workspace(root, sources=True).registries["cadastre"]
        (root / "our.pem").unlink()
        with pytest.raises(Misconfigured, match=r"our\.pem cannot be read"):
            ask(registry, REFERENCE)
        authority.issue_cert("us@example.org").private_key_and_cert_chain_pem.write_to_path(str(root / "our.pem"))
        authority.cert_pem.write_to_path(str(root / "theirs.pem"))
        assert ask(registry, REFERENCE)["area"] == "1"
    assert seen == [(("email", "us@example.org"),)]
