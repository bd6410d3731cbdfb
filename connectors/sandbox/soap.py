"""What the sandbox's SOAP servers share: a WSDL told at `?wsdl`, and one valid question read from an envelope."""

import os
from collections.abc import Callable
from importlib import resources

from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.soap.names import SOAP_11, WSDL_SOAP_11, XSD


class NoQuestion(Exception):
    """A request that holds no question; `faultcode` is as in SOAP 1.1, 4.4.1."""

    def __init__(self, why: str, faultcode: str = "Client") -> None:
        """Say what is wrong in `why`, without any personal data."""
        super().__init__(why)
        self.faultcode = faultcode


def app(
    name: str, file: str, answer: Callable[[etree._Element], Response], refuse: Callable[[NoQuestion], Response]
) -> Starlette:
    """Return the server called `name` of a WSDL `file` of this package, which has one schema.

    `answer` gets questions that are valid by it, `refuse` what is wrong with any other request.
    """
    wsdl = (resources.files("connectors") / "wsdl" / file).read_bytes()
    schema = _schema(wsdl)

    async def ask(request: Request) -> Response:
        try:
            question = _read(await request.body(), schema)
        except NoQuestion as error:
            return refuse(error)
        return answer(question)

    async def describe(request: Request) -> Response:
        if "wsdl" not in request.query_params:
            return JSONResponse({"sandbox": name, "pid": os.getpid()})
        description = etree.fromstring(wsdl)
        for location in description.iter(f"{{{WSDL_SOAP_11}}}address"):
            location.set("location", str(request.base_url))
        return xml(description)

    return Starlette(routes=[Route("/", describe), Route("/", ask, methods=["POST"])])


def xml(content: etree._Element, status: int = 200) -> Response:
    """Return an element as an HTTP answer."""
    body = etree.tostring(content, xml_declaration=True, encoding="UTF-8")
    return Response(body, status, headers={"content-type": "text/xml; charset=utf-8"})


def _read(body: bytes, schema: etree.XMLSchema) -> etree._Element:
    """Return the question in a SOAP request. Raises NoQuestion."""
    try:
        envelope = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except etree.XMLSyntaxError:
        raise NoQuestion("The request is not well-formed XML.") from None
    if envelope.getroottree().docinfo.doctype:
        raise NoQuestion("The request has a document type declaration, which SOAP 1.1 forbids.")
    if envelope.tag != f"{{{SOAP_11}}}Envelope":
        raise NoQuestion("The request is not a SOAP 1.1 envelope.", "VersionMismatch")
    if envelope.find(f"{{{SOAP_11}}}Header/*[@{{{SOAP_11}}}mustUnderstand='1']") is not None:
        raise NoQuestion("The request has a header that must be understood; none is.", "MustUnderstand")
    content = envelope.findall(f"{{{SOAP_11}}}Body/*")
    if len(content) != 1:
        raise NoQuestion("The body does not hold exactly one question.")
    if not schema.validate(content[0]):
        raise NoQuestion("The question is not valid against the schema in this register's WSDL.")
    return content[0]


def _schema(wsdl: bytes) -> etree.XMLSchema:
    [found] = etree.fromstring(wsdl).iter(f"{{{XSD}}}schema")
    alone = etree.Element(found.tag, found.attrib, nsmap=found.nsmap)  # with the prefixes declared around it
    alone.extend(found)
    return etree.XMLSchema(alone)
