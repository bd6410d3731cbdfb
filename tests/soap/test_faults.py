"""Faults, pages and broken connections where an answer should be: the right error, in time, and the client healthy after.

Each is met by a single call and by a scan of a table.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Busy, Down, Late, RefusedUs, Unreadable
from connectors.soap import bulk
from connectors.soap.client import SoapClient
from connectors.soap.faults import SoapFault
from connectors.soap.names import SOAP_11, SOAP_12
from tests.peers.php.peer import ENCODED_WSDL, FAILURES, LITERAL_WSDL, PhpServer
from tests.peers.wiremock.peer import Fault, WireMock

NAMESPACE = "urn:beffroi:parcels:1"


@pytest.fixture(scope="module")
def wiremock() -> Iterator[WireMock]:
    with WireMock() as server:
        yield server


@pytest.fixture(scope="module")
def php() -> Iterator[PhpServer]:
    with PhpServer() as server:
        yield server


CLIENT = SoapClient(LITERAL_WSDL, "cadastre", "ParcelsSoap11")
ROWS = bulk.scanned(CLIENT, "FindParcels", "parcel")


def call(address: str, seconds: float) -> int:
    asked = {"commune": "22214"}
    value = CLIENT.call("FindParcels", asked, address=address, deadline=Deadline.after(seconds)).value
    return len(value["parcel"])


def scan(address: str, seconds: float) -> int:
    asked = {"commune": "22214"}
    return bulk.scan(CLIENT, ROWS, asked, address=address, deadline=Deadline.after(seconds)).read_all().num_rows  # type: ignore[no-any-return]


BOTH_WAYS = pytest.mark.parametrize("ask", [call, scan])
Ask = Callable[[str, float], int]

PARCEL = """<parcel reference="22214-AB-0001"><commune>22214</commune><number>1</number><area>1.00</area>
  <built>true</built><updated>2024-01-01T00:00:00Z</updated><note/><owners/></parcel>"""
ANSWER = f'<FindParcelsResponse xmlns="{NAMESPACE}"><total>1</total>{PARCEL}</FindParcelsResponse>'
FAULT = f"""<s:Fault><faultcode>s:Server</faultcode><faultstring>S3CRET</faultstring><detail>
  <ParcelFault xmlns="{NAMESPACE}"><code>CLOSED</code></ParcelFault></detail></s:Fault>"""
HTML = {"Content-Type": "text/html; charset=utf-8"}
PAGE = "<!DOCTYPE html><title>Blocked</title><p>S3CRET was refused<br>by the <b>firewall</p>"


def envelope(content: str, version: str = SOAP_11) -> str:
    return f'<?xml version="1.0"?><s:Envelope xmlns:s="{version}"><s:Body>{content}</s:Body></s:Envelope>'


def expect(kind: type[Exception], ask: Ask, address: str, *, within: float = 30, seconds: float = 5) -> Any:
    """Return the error of exactly this kind that asking raises, and see that it neither hangs nor says what is personal."""
    began = time.monotonic()
    with pytest.raises((BeffroiError, SoapFault)) as raised:
        ask(address, seconds)
    assert time.monotonic() - began < within
    assert type(raised.value) is kind
    assert "S3CRET" not in str(raised.value)
    return raised.value


def healthy(ask: Ask, wiremock: WireMock) -> None:
    """See that the next answers come as if nothing had been."""
    wiremock.stub(envelope(ANSWER))
    assert [ask(wiremock.url, 5) for _ in range(3)] == [1, 1, 1]


@BOTH_WAYS
@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 503])
def test_a_fault_is_a_fault_whatever_the_status(wiremock: WireMock, ask: Ask, status: int) -> None:
    wiremock.reset()
    wiremock.stub(envelope(FAULT), status=status)
    fault = expect(SoapFault, ask, wiremock.url)
    assert (fault.code, fault.status, fault.message) == ("Server", status, "S3CRET")
    assert fault.details == {f"{{{NAMESPACE}}}ParcelFault": None}, (
        "the operation declares no fault: its detail tells nothing"
    )
    assert len(wiremock.requests()) == 1, "asked once: no retry hides a fault"
    healthy(ask, wiremock)


@BOTH_WAYS
@pytest.mark.parametrize(
    ("status", "body", "headers", "kind"),
    [
        (200, PAGE, HTML, Unreadable),
        (200, PAGE, {}, Unreadable),
        (200, "", {}, Unreadable),
        (200, "", HTML, Unreadable),
        (200, envelope(""), {}, Unreadable),
        (200, envelope(ANSWER)[:-40], {}, Unreadable),
        (200, envelope(ANSWER, SOAP_12), {}, Unreadable),
        (200, envelope(ANSWER), HTML, Unreadable),
        (202, "", {}, Unreadable),
        (204, "", {}, Unreadable),
        (301, "", {"Location": "http://127.0.0.1:9/"}, Unreadable),
        (400, PAGE, HTML, Unreadable),
        (401, PAGE, HTML, RefusedUs),
        (403, PAGE, HTML, RefusedUs),
        (403, "", {}, RefusedUs),
        (404, PAGE, HTML, Unreadable),
        (429, PAGE, HTML | {"Retry-After": "7"}, Busy),
        (500, "", {}, Down),
        (500, envelope(ANSWER), {}, Down),
        (502, PAGE, HTML, Down),
        (503, PAGE, HTML | {"Retry-After": "7"}, Down),
    ],
)
def test_a_page_is_no_answer(
    wiremock: WireMock, ask: Ask, status: int, body: str, headers: dict[str, str], kind: type[BeffroiError]
) -> None:
    wiremock.reset()
    wiremock.stub(body, status=status, headers=headers)
    error = expect(kind, ask, wiremock.url)
    assert (error.registry, error.retry_in) == ("cadastre", 7 if "Retry-After" in headers else None)
    healthy(ask, wiremock)


BREAKS = {
    "CONNECTION_RESET_BY_PEER": Down,
    "EMPTY_RESPONSE": Down,
    "MALFORMED_RESPONSE_CHUNK": Unreadable,
    "RANDOM_DATA_THEN_CLOSE": Unreadable,
}


@BOTH_WAYS
@pytest.mark.parametrize("fault", get_args(Fault))
def test_a_connection_that_breaks(wiremock: WireMock, ask: Ask, fault: Fault) -> None:
    wiremock.reset()
    healthy(ask, wiremock)  # so that a kept connection is what breaks
    wiremock.stub(envelope(ANSWER), fault=fault)
    for _ in range(2):
        assert expect(BREAKS[fault], ask, wiremock.url).registry == "cadastre"
    healthy(ask, wiremock)


@BOTH_WAYS
@pytest.mark.parametrize("slow", [{"delay": 12.0}, {"dribble": (30, 12.0)}, {"delay": 0.3, "dribble": (10, 12.0)}])
@pytest.mark.parametrize("content", [ANSWER, FAULT], ids=["answer", "fault"])
def test_a_late_answer(wiremock: WireMock, ask: Ask, slow: dict[str, Any], content: str) -> None:
    wiremock.reset()
    wiremock.stub(envelope(content), **slow)
    began = time.monotonic()
    expect(Late, ask, wiremock.url, seconds=0.4, within=8)  # given up, not waited for: the answer takes 12
    assert time.monotonic() - began > 0.35
    healthy(ask, wiremock)


@BOTH_WAYS
def test_a_slow_answer_in_time(wiremock: WireMock, ask: Ask) -> None:
    wiremock.reset()
    wiremock.stub(envelope(ANSWER), delay=0.1, dribble=(20, 0.3))
    assert ask(wiremock.url, 5) == 1


# --- the failures of a real stack ------------------------------------------------------------------------------------

COMES = {"with 200": SoapFault, "warning": Unreadable, "html": Down, "empty": Unreadable, "crash": Down}
CODES = {"client": ("Client", "Sender"), "server": ("Server", "Receiver"), "coded": ("Archived", "Archived")}
CODES |= {"detail": CODES["client"], "with 200": ("Server", "")}


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize("port", ["ParcelsSoap11", "ParcelsSoap12", "ParcelsEncoded"])
def test_php_fails(php: PhpServer, port: str, kind: str) -> None:
    literal = port != "ParcelsEncoded"
    client = SoapClient(LITERAL_WSDL if literal else ENCODED_WSDL, "cadastre", port)
    address = php.literal if literal else php.encoded
    expected: type[Exception] = COMES.get(kind, SoapFault)
    if (kind, port) == ("with 200", "ParcelsSoap12"):  # SOAP 1.1 where 1.2 was asked
        expected = Unreadable
    with pytest.raises((BeffroiError, SoapFault)) as raised:
        client.call("Fail", {"kind": kind}, address=address, deadline=Deadline.after(10))
    assert type(raised.value) is expected
    if isinstance(raised.value, SoapFault):
        assert raised.value.code == CODES[kind][port == "ParcelsSoap12"]
        assert raised.value.detail_code == ("PARCEL_UNKNOWN" if kind == "detail" else None)
        assert raised.value.message


# --- what a log may hold ---------------------------------------------------------------------------------------------

PERSON = "Mme DUPONT Marie 185057500001"
TELLING = [
    SoapFault(f"Client: {PERSON}\nERROR forged line", "x"),
    SoapFault("DUPONT_MARIE", "x"),
    SoapFault("Client.DUPONT", "dossier DUPONT_MARIE 1850575 FR_40303265045 marie.dupont.Error"),
    SoapFault("Sender", "DUPONT_MARIE", ("DUPONT", "m1850575")),
    SoapFault("Server", "x", details={"{urn:x}DUPONT": None, "{urn:x}Trouble": {"code": "DUPONT_MARIE"}}),
]


@pytest.mark.parametrize("fault", TELLING)
def test_nothing_that_came_is_in_a_log(fault: SoapFault) -> None:
    told = fault.sketch() + str(fault) + repr(fault) + str(fault.args)
    assert not [word for word in ("DUPONT", "dupont", "1850575", "40303265045", "forged", "\n") if word in told]


def test_a_sketch_says_what_can_be_said() -> None:
    details = {"{urn:x}ParcelFault": {"code": "UNKNOWN"}, "{urn:x}Other": None}
    fault = SoapFault("Client.PermitUnknown", "No such permit.", details=details, status=200)
    said = "fault Client with a subcode with HTTP 200; details: ParcelFault, others that the WSDL does not declare; words of its own"
    assert (str(fault), fault.sketch()) == ("SOAP fault Client with a subcode", said)
    assert fault.told() == f"{said}; code: Client.PermitUnknown; the code in its detail: UNKNOWN"
    assert "; words: MS_UNAVAILABLE" in SoapFault("Server", "MS_UNAVAILABLE").told()
    assert (
        SoapFault("Oracle", "").sketch()
        == "fault with a code that is not SOAP's with HTTP 500; details: none; no words"
    )
    assert "DUPONT" not in SoapFault(f"Client: {PERSON}", PERSON).told(), "sentences are nobody's codes"
    assert "\n" not in SoapFault("Client\n", "A\n", ("B\nC",)).told()


def test_a_long_fault_is_told_at_once() -> None:
    fault = SoapFault("a." * 1_000_000, "a." * 1_000_000)
    began = time.monotonic()
    assert len(fault.sketch() + fault.told()) < 1_000
    assert time.monotonic() - began < 10, "it would have taken hours"
