"""VIES: what a VAT number is, what is asked in whose name, what each fault means, and a lookup through the gateway."""

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import zeep
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from pydantic import ValidationError
from zeep.exceptions import Fault
from zeep.transports import Transport

from connectors import sandbox
from connectors.deadline import Deadline
from connectors.errors import BeffroiError, MalformedIdentifier, Misconfigured, NotFound
from connectors.records import VatNumber, canonical, check_vat
from connectors.sandbox import examples
from connectors.sandbox.vies import COMPANIES, VIES, french
from connectors.soap.names import local
from connectors.vies import FAULTS, WSDL, Vies, ViesSettings
from tests.conftest import ROOT
from tests.gateway.conftest import Gateway
from tests.peers.canned import Canned

OURS = french("001000009")
EXAMPLES = [pytest.param(each, id=each.name) for each in examples.load("vies")]
FAULTY = [pytest.param(each, id=each.name) for each in examples.load("vies") if each.name.startswith("fault")]


def vies(url: str, root: Path = ROOT, requester: str | None = None) -> Vies:
    return Vies("vies", ViesSettings(url=url, requester=requester), root)


def found(asked: Vies, vat: str) -> VatNumber:
    record = asked.lookup(vat, Deadline.after(5)).record
    assert isinstance(record, VatNumber)
    return record


# --- the number ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "vat"),
    [
        ("FR 23 001 000 009", "FR23001000009"), (" fr23001000009 ", "FR23001000009"),
        ("EL 000000012", "EL000000012"), ("GR000000012", "EL000000012"), ("XI 000 0000 97", "XI000000097"),
        ("XIGD001", "XIGD001"), ("BE0000.000.097", "BE0000000097"), ("BE000000097", "BE0000000097"),
        ("ATU 00000006", "ATU00000006"), ("NL000000103B01", "NL000000103B01"),
    ],
)  # fmt: skip
def test_a_number_has_one_form(typed: str, vat: str) -> None:
    assert check_vat(typed) == check_vat(vat) == vat


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("001000009", "FR, two check digits and the SIREN"), ("001 000 009", "FR, two check digits and the SIREN"),
        ("00100000900017", "a SIREN or a SIRET alone"), ("FR001000009", "FR, two check digits and the SIREN"),
        ("FR24001000009", "FR, two check digits and the SIREN"), ("GB000000097", "begins with XI"),
        ("EU372022452", "one-stop shop"), ("IM3720000224", "one-stop shop"), ("CH123456789", "country of the Union"),
        ("IT00000010018", "check digits included"), ("", "country of the Union"), ("IT", "country of the Union"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_told_with_a_hint(typed: str, said: str) -> None:
    with pytest.raises(MalformedIdentifier, match=re.escape(said)) as raised:
        canonical(VatNumber, f"vat:{typed}")
    assert len(typed) < 3 or typed not in str(raised.value)


@given(st.one_of(st.text(), st.from_regex(r"[A-Z]{2}[0-9A-Z٠-٩ .+*-]{2,14}", fullmatch=True)))
def test_whatever_is_typed_is_refused_or_may_be_sent(typed: str) -> None:
    try:
        vat = check_vat(typed)
    except ValueError:
        return
    assert re.fullmatch(r"[A-Z]{2}[0-9A-Z+*.]{2,12}", vat, re.ASCII)
    assert check_vat(vat) == vat


def test_the_french_number_of_a_siren() -> None:
    assert french("954506077") == check_vat("FR61954506077")


def test_it_is_personal() -> None:
    assert VatNumber.is_personal()


# --- what is asked, and in whose name --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(served: Path) -> Path:
    sandbox.start(served, ["vies"], tied=True)
    return served


@pytest.mark.parametrize("vat", COMPANIES)
def test_numbers_of_the_sandbox(served: Path, vat: str) -> None:
    assert check_vat(vat) == vat
    told = found(vies("sandbox:vies", served), vat)
    company = COMPANIES[vat]
    expected = (None, None) if vat[:2] in ("DE", "ES") else company
    assert (told.vat, told.country_code + told.number, (told.name, told.address)) == (vat, vat, expected)
    assert abs(told.request_date - dt.datetime.now(dt.UTC).date()) <= dt.timedelta(days=1)
    assert told.proof is None


def test_a_requester_gets_a_proof_each_time(served: Path) -> None:
    asked = vies("sandbox:vies", served, OURS)
    proofs = [found(asked, "IT00000010017").proof for _ in range(2)]
    assert all(proof and proof.startswith("WAPIAAAA") for proof in proofs)
    assert len(set(proofs)) == 2
    assert found(asked, "IT00000010017").name == "FORNITURE SINTETICHE SRL"


@pytest.mark.parametrize("requester", [None, OURS])
def test_a_number_that_is_not_valid(served: Path, requester: str | None) -> None:
    with pytest.raises(NotFound, match="no valid VAT number") as raised:
        vies("sandbox:vies", served, requester).lookup(french("001000116"), Deadline.after(5))
    assert "001000116" not in str(raised.value)


@pytest.mark.parametrize(
    ("requester", "fields"),
    [
        (None, {"countryCode": "EL", "vatNumber": "000000012"}),
        ("fr 23 001000009", {
            "countryCode": "EL", "vatNumber": "000000012",
            "requesterCountryCode": "FR", "requesterVatNumber": "23001000009",
        }),
    ],
)  # fmt: skip
def test_no_more_is_asked_than_is_needed(canned: Canned, requester: str | None, fields: dict[str, str]) -> None:
    """The question holds the number, and who asks where the settings say so: no name, no address to compare."""
    canned.say(b"<html/>", "text/html")
    with pytest.raises(BeffroiError):
        vies(canned.url, requester=requester).lookup("EL000000012", Deadline.after(5))
    [(method, _, headers, body)] = canned.requests
    question = etree.fromstring(body).find("{*}Body/*")
    assert question is not None
    assert (method, headers["SOAPAction"]) == ("POST", '""')
    assert question.tag == f"{{{VIES}}}{'checkVat' if requester is None else 'checkVatApprox'}"
    assert {local(each.tag): each.text for each in question} == fields


@pytest.mark.parametrize("requester", ["001000009", "FR24001000009", ""])
def test_a_requester_that_is_none_is_told_at_once(requester: str) -> None:
    with pytest.raises(ValidationError, match="requester"):
        ViesSettings(requester=requester)


def test_it_is_not_scanned() -> None:
    with pytest.raises(Misconfigured, match="cannot be scanned"):
        vies("sandbox:vies").scan(None)


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", FAULTS)
@pytest.mark.parametrize("requester", [None, OURS])
def test_every_fault_has_an_outcome(served: Path, code: str, requester: str | None) -> None:
    """Each stands in an example, which the sandbox serves under its number whichever operation asks."""
    [example] = [each for each in examples.load("vies") if each.name == f"fault_{code.lower()}"]
    kind, meaning = FAULTS[code]
    with pytest.raises(kind, match=re.escape(meaning)) as raised:
        vies("sandbox:vies", served, requester).lookup(example.identifier.removeprefix("vat:"), Deadline.after(5))
    assert (raised.value.code, raised.value.registry) == (example.outcome, "vies")


def test_every_fault_that_the_description_names_is_known() -> None:
    told = WSDL.read_text(encoding="utf-8").partition("A faultstring is one of")[2].partition("(")[0]
    assert set(re.findall(r"[A-Z_]{4,}", told)) == set(FAULTS)


# --- examples and sandbox --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_sound_and_served_verbatim(served: Path, example: examples.Example) -> None:
    vat = example.identifier.removeprefix("vat:")
    assert canonical(VatNumber, example.identifier) == ("vat", vat)
    assert example.record is None or set(example.record) == set(VatNumber.model_fields)
    assert vat not in COMPANIES
    if vat.startswith("FR"):
        assert vat[4:].startswith("001"), "no SIREN has been given out that begins so: nobody's number"
    asked = "checkVatApprox" if "requester" in example.settings else "checkVat"
    question = f"<{asked} xmlns='{VIES}'><countryCode>{vat[:2]}</countryCode><vatNumber>{vat[2:]}</vatNumber></{asked}>"
    got = post(sandbox.address(served, "vies"), question)
    assert (got.status_code, got.headers["content-type"], got.content) == (
        example.status, example.content_type, example.body,
    )  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_never_answers_another_operation(served: Path, example: examples.Example) -> None:
    vat = example.identifier.removeprefix("vat:")
    asked = "checkVat" if "requester" in example.settings else "checkVatApprox"
    question = f"<{asked} xmlns='{VIES}'><countryCode>{vat[:2]}</countryCode><vatNumber>{vat[2:]}</vatNumber></{asked}>"
    other = "checkVatApproxResponse" if asked == "checkVat" else "checkVatResponse"
    assert other.encode() not in post(sandbox.address(served, "vies"), question).content


def test_each_example_has_its_own_number() -> None:
    assert len(examples.by_value("vies")) == len(EXAMPLES)


def post(url: str, question: str, soap: str = "http://schemas.xmlsoap.org/soap/envelope/") -> requests.Response:
    envelope = f"<s:Envelope xmlns:s='{soap}'><s:Body>{question}</s:Body></s:Envelope>"
    return requests.post(url, data=envelope.encode(), headers={"Content-Type": "text/xml"}, timeout=10)


@contextmanager
def service(url: str) -> Iterator[Any]:
    """The operations of the sandbox, by the WSDL that it serves, for an independent client."""
    with requests.Session() as session:
        transport = Transport(session=session)  # type: ignore[no-untyped-call]
        client = zeep.Client(f"{url}/?wsdl", transport=transport, settings=zeep.Settings(forbid_dtd=True))  # type: ignore[no-untyped-call]
        yield client.service


def test_an_independent_client_reads_the_sandbox(served: Path) -> None:
    with service(sandbox.address(served, "vies")) as asked:
        plain = asked.checkVat(countryCode="BE", vatNumber="0000000097")
        assert (plain.valid, plain.name) == (True, "SYNTHETISCHE LEVERANCIER BV")
        approx = asked.checkVatApprox(countryCode="BE", vatNumber="0000000097")
        assert (approx.traderName, approx.traderCompanyType, approx.requestIdentifier) == (plain.name, "---", None)
        for country, number in (("GB", "000000097"), ("GR", "000000012"), ("FR", "")):
            with pytest.raises(Fault, match=r"^INVALID_INPUT$"):
                asked.checkVat(countryCode=country, vatNumber=number)
        with pytest.raises(Fault, match=r"^INVALID_REQUESTER_INFO$"):
            asked.checkVatApprox("BE", "0000000097", requesterCountryCode="FR", requesterVatNumber="24001000009")


@pytest.mark.parametrize(
    ("question", "soap"),
    [
        ("<", "http://schemas.xmlsoap.org/soap/envelope/"),
        ("", "http://schemas.xmlsoap.org/soap/envelope/"),
        (f"<checkVatResponse xmlns='{VIES}'/>", "http://schemas.xmlsoap.org/soap/envelope/"),
        (f"<checkVat xmlns='{VIES}'/>", "http://schemas.xmlsoap.org/soap/envelope/"),
        ("<checkVat/>", "http://www.w3.org/2003/05/soap-envelope"),
    ],
)
def test_what_the_sandbox_does_not_take(served: Path, question: str, soap: str) -> None:
    got = post(sandbox.address(served, "vies"), question, soap)
    assert got.status_code == 500
    assert (etree.fromstring(got.content).findtext(".//faultstring") or "").startswith("The ")


# --- through the gateway ---------------------------------------------------------------------------------------------

WORKSPACE = """
title: Ville
registries:
  vies: {{kind: vies, url: '{url}', requester: FR23001000009}}
purposes:
  achat: {{title: Achat, procedure: Contrôle, legal_basis: R 904/2010, requires: []}}
lookups:
  vat: {{record: VatNumber, providers: [{{registry: vies}}]}}
organisations:
  ville:
    title: Ville
    applications:
      compta: {{title: Compta, grants: [{{lookup: vat, fields: [vat, name, proof], purposes: [achat]}}]}}
"""


@pytest.fixture(scope="module")
def gateway(served: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    root = tmp_path_factory.mktemp("vies")
    (root / "beffroi.yaml").write_text(WORKSPACE.format(url=sandbox.address(served, "vies")), encoding="utf-8")
    with Gateway(root) as running:
        yield running


def test_a_lookup(gateway: Gateway) -> None:
    reply = gateway.post("/lookups/vat", {"identifier": "IT 00000010017"}, "compta", "achat")
    assert reply.status == 200
    data = reply.json["data"]
    assert data.pop("proof").startswith("WAPIAAAA")
    assert data == {"vat": "IT00000010017", "name": "FORNITURE SINTETICHE SRL"}, "no more than is granted"
    assert reply.json["meta"]["source"] == "vies"


def test_a_number_never_stands_in_a_url(gateway: Gateway) -> None:
    reply = gateway.get("/lookups/vat/IT00000010017", "compta", "achat")
    assert (reply.status, reply.code) == (405, "method-not-allowed")
    assert "IT00000010017" not in reply.body.decode()


@pytest.mark.parametrize(
    ("identifier", "status", "code"),
    [
        (french("001000116"), 404, "not-found"), ("001000009", 422, "malformed-identifier"),
        ("vat:EU372022452", 422, "malformed-identifier"), ("siren:001000009", 422, "malformed-identifier"),
    ],
)  # fmt: skip
def test_refusals_through_the_gateway(gateway: Gateway, identifier: str, status: int, code: str) -> None:
    reply = gateway.post("/lookups/vat", {"identifier": identifier}, "compta", "achat")
    assert (reply.status, reply.code) == (status, code)
    assert "001000" not in reply.body.decode()


STATUSES = {"busy": 503, "down": 503, "late": 504, "refused-us": 502, "unreadable": 502, "misconfigured": 500}


@pytest.mark.parametrize("example", FAULTY)
def test_faults_through_the_gateway(gateway: Gateway, example: examples.Example) -> None:
    reply = gateway.post("/lookups/vat", {"identifier": example.identifier}, "compta", "achat")
    assert example.outcome is not None
    assert (reply.status, reply.code) == (STATUSES[example.outcome], example.outcome)
    assert example.identifier[4:] not in reply.body.decode()
