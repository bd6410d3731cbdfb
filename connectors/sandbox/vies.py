"""VIES over SOAP 1.1, document/literal wrapped, by `connectors/wsdl/vies.wsdl`: checkVat and checkVatApprox.

Its companies are synthetic, and their numbers nobody's, though with valid check digits: no SIREN has been given out
that begins with 001, and the others are far from any in use. It answers as the real one does: a number that it does
not have is not valid, a refusal is a fault with HTTP 500 whose faultstring says which, Germany and Spain tell neither
name nor address, and a company's type is "---" against the schema of old.
"""

import datetime as dt
import os
import secrets
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from lxml import etree
from lxml.builder import ElementMaker
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from stdnum.eu.vat import MEMBER_STATES

from connectors.records import check_vat
from connectors.sandbox import examples
from connectors.soap.names import SOAP_11, WSDL_SOAP_11, XSD, local

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
    wsdl = (resources.files("connectors") / "wsdl" / "vies.wsdl").read_bytes()
    schema = _schema(wsdl)

    async def ask(request: Request) -> Response:
        try:
            question = read(await request.body(), schema)
            vat = _text(question, "countryCode") + _text(question, "vatNumber")
            if vat in canned:
                return canned[vat].response()
            return _xml(S.Envelope(S.Header(), S.Body(answer(question, vat))))
        except Refusal as refusal:
            fault = S.Fault(BARE.faultcode("env:Server"), BARE.faultstring(str(refusal)))
            return _xml(S.Envelope(S.Header(), S.Body(fault)), status=500)

    async def describe(request: Request) -> Response:
        if "wsdl" not in request.query_params:
            return JSONResponse({"sandbox": "vies", "pid": os.getpid()})
        description = etree.fromstring(wsdl)
        for location in description.iter(f"{{{WSDL_SOAP_11}}}address"):
            location.set("location", str(request.base_url))
        return _xml(description)

    return Starlette(routes=[Route("/", describe), Route("/", ask, methods=["POST"])])


def read(body: bytes, schema: etree.XMLSchema) -> etree._Element:
    """Return the question in a SOAP request, valid against `schema`. Raises Refusal."""
    try:
        envelope = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except etree.XMLSyntaxError:
        raise Refusal("The request is not well-formed XML.") from None
    content = envelope.findall(f"{{{SOAP_11}}}Body/*")
    if envelope.tag != f"{{{SOAP_11}}}Envelope" or envelope.getroottree().docinfo.doctype or len(content) != 1:
        raise Refusal("The request is no SOAP 1.1 envelope with one question.")
    if local(content[0].tag) not in ("checkVat", "checkVatApprox") or not schema.validate(content[0]):
        raise Refusal("The question is not valid against the schema.")
    return content[0]


def answer(question: etree._Element, vat: str) -> etree._Element:
    """Return the answer to a valid question about `vat`. Raises Refusal."""
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


def _schema(wsdl: bytes) -> etree.XMLSchema:
    [found] = etree.fromstring(wsdl).iter(f"{{{XSD}}}schema")
    alone = etree.Element(found.tag, found.attrib, nsmap=found.nsmap)  # with the prefixes declared around it
    alone.extend(found)
    return etree.XMLSchema(alone)


def _text(question: etree._Element, name: str) -> str:
    return question.findtext(f"{{{VIES}}}{name}", "").strip()


def _xml(content: etree._Element, status: int = 200) -> Response:
    return Response(etree.tostring(content), status, headers={"content-type": "text/xml; charset=utf-8"})
