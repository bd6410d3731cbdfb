"""VIES over SOAP 1.1, document/literal wrapped, by `connectors/wsdl/vies.wsdl`: checkVat and checkVatApprox.

Its companies are synthetic, and their numbers nobody's, though with valid check digits: no SIREN has been given out
that begins with 001, and the others are far from any in use. It answers as the real one does: a number that it does
not have is not valid, a refusal is a fault with HTTP 500 whose faultstring says which, Germany and Spain tell neither
name nor address, and a company's type is "---" against the schema of old.
"""

import datetime as dt
import re
import secrets
from pathlib import Path
from typing import NamedTuple

from lxml import etree
from lxml.builder import ElementMaker
from starlette.applications import Starlette
from starlette.responses import Response
from stdnum.eu.vat import MEMBER_STATES

from connectors.records import check_vat
from connectors.sandbox import examples, soap
from connectors.soap.names import SOAP_11, local

VIES = "urn:ec.europa.eu:taxud:vies:services:checkVat:types"
UNTOLD = "---"

V = ElementMaker(namespace=VIES, nsmap={"ns2": VIES})
S = ElementMaker(namespace=SOAP_11, nsmap={"env": SOAP_11})
BARE = ElementMaker()

COUNTRIES = {state.upper() for state in MEMBER_STATES} - {"GR"} | {"EL"}

BRUSSELS = dt.timezone(dt.timedelta(hours=1))
"""Its days are told with their zone."""


class Company(NamedTuple):
    """A synthetic company."""

    name: str
    address: str


class Refusal(Exception):
    """A question that is answered by a fault; its message is the faultstring."""


def french(siren: str) -> str:
    """Return the VAT number of a SIREN: its key is (12 + 3 × (SIREN modulo 97)) modulo 97."""
    return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"


COMPANIES = {
    french("001000009"): Company("FOURNITURES SYNTHETIQUES", "1 RUE DU TEST\n80000 AMIENS"),
    french("001000017"): Company("CANTINE SYNTHETIQUE", "2 RUE DU TEST\n69001 LYON 01"),
    french("001000025"): Company("VOIRIE SYNTHETIQUE & FILS", "3 RUE DU TEST\n20000 AJACCIO"),
    "BE0000000097": Company("SYNTHETISCHE LEVERANCIER BV", "Teststraat 1\n1000 Brussel"),
    "DE999990002": Company(UNTOLD, UNTOLD),
    "EL000000012": Company("ΣΥΝΘΕΤΙΚΗ ΠΡΟΜΗΘΕΙΩΝ ΑΕ", "ΟΔΟΣ ΔΟΚΙΜΗΣ 1\n10431 - ΑΘΗΝΑ"),
    "ESB00000000": Company(UNTOLD, UNTOLD),
    "IT00000010017": Company("FORNITURE SINTETICHE SRL", "VIA DELLA PROVA 1\n00100 ROMA RM"),
    "XI000000097": Company("SYNTHETIC SUPPLIES LTD", "1 TEST STREET\nBELFAST\nBT1 1AA"),
}
"""The numbers that are valid."""


def app(_: Path) -> Starlette:
    """Return the server; it needs nothing of the workspace."""
    canned = examples.by_value("vies")

    def reply(question: etree._Element) -> Response:
        vat = _text(question, "countryCode") + _text(question, "vatNumber")
        if vat in canned and _answers(canned[vat].body, local(question.tag)):
            return canned[vat].response()
        try:
            return soap.xml(S.Envelope(S.Header(), S.Body(answer(question, vat))))
        except Refusal as refusal:
            return refuse(refusal)

    return soap.app("vies", "vies.wsdl", reply, refuse)


def _answers(body: bytes, operation: str) -> bool:
    """Tell whether an example is an answer to an operation: one that names none, such as a fault, is to any."""
    named = re.search(rb"checkVat(Approx)?Response", body)
    return named is None or named[0].decode() == f"{operation}Response"


def refuse(refusal: Exception) -> Response:
    """Return the fault whose faultstring is a refusal's message."""
    fault = S.Fault(BARE.faultcode("env:Server"), BARE.faultstring(str(refusal)))
    return soap.xml(S.Envelope(S.Header(), S.Body(fault)), status=500)


def answer(question: etree._Element, vat: str) -> etree._Element:
    """Return the answer to a valid question about `vat`. Raises Refusal."""
    if local(question.tag) not in ("checkVat", "checkVatApprox"):
        raise Refusal("The body does not hold a question that is answered here.")
    if _text(question, "countryCode") not in COUNTRIES or not _text(question, "vatNumber"):
        raise Refusal("INVALID_INPUT")
    company = COMPANIES.get(vat)
    head = [
        V.countryCode(vat[:2]),
        V.vatNumber(vat[2:]),
        V.requestDate(f"{dt.datetime.now(BRUSSELS):%Y-%m-%d}+01:00"),
        V.valid("false" if company is None else "true"),
    ]
    name, address = company or Company(UNTOLD, UNTOLD)
    if local(question.tag) == "checkVat":
        return V.checkVatResponse(*head, V.name(name), V.address(address))
    return V.checkVatApproxResponse(
        *head,
        V.traderName(name),
        V.traderCompanyType(UNTOLD),
        V.traderAddress(address),
        V.requestIdentifier(_proof(question)),
    )


def _proof(question: etree._Element) -> str:
    """Return a new consultation number, an empty one for who does not say who asks. Raises Refusal."""
    requester = _text(question, "requesterCountryCode") + _text(question, "requesterVatNumber")
    if not requester:
        return ""
    try:
        check_vat(requester)
    except ValueError:
        raise Refusal("INVALID_REQUESTER_INFO") from None
    return f"WAPIAAAA{secrets.token_urlsafe(6)}"


def _text(question: etree._Element, name: str) -> str:
    return question.findtext(f"{{{VIES}}}{name}", "").strip()
