"""The SOAP servers on other stacks serve what they say: asked by hand-written envelopes, and by another client."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
import requests
import zeep
from lxml import etree
from zeep.transports import Transport

from connectors.soap.names import ENC_11, SOAP_11, SOAP_12, XSD, XSI, local
from tests.peers.php.peer import FAILURES, LITERAL_WSDL, PhpServer
from tests.peers.soap_server.peer import BULK_WSDL, BulkServer, SoapServer
from tests.peers.spyne.peer import TOKEN, SpyneServer
from tests.peers.wiremock.peer import Fault, WireMock

ROOT = Path(__file__).parents[2]
LITERAL, ENCODED, PERMITS = "urn:beffroi:parcels:1", "urn:beffroi:parcels-encoded:1", "urn:beffroi:permits:1"
MEDIA = {SOAP_11: "text/xml", SOAP_12: "application/soap+xml"}
BOTH = pytest.mark.parametrize("version", MEDIA, ids=["1.1", "1.2"])


@pytest.fixture(scope="module")
def php() -> Iterator[PhpServer]:
    with PhpServer() as server:
        yield server


@pytest.fixture(scope="module")
def permits() -> Iterator[SpyneServer]:
    with SpyneServer() as server:
        yield server


@pytest.fixture(scope="module")
def bulk() -> Iterator[BulkServer]:
    with BulkServer() as server:
        yield server


@pytest.fixture(scope="module")
def wiremock() -> Iterator[WireMock]:
    with WireMock() as server:
        yield server


def post(url: str, body: str, *, version: str = SOAP_11, header: str = "") -> requests.Response:
    envelope = f'<e:Envelope xmlns:e="{version}"><e:Header>{header}</e:Header><e:Body>{body}</e:Body></e:Envelope>'
    return requests.post(url, data=envelope.encode(), headers={"Content-Type": MEDIA[version]}, timeout=30)


def told(response: requests.Response, version: str = SOAP_11) -> etree._Element:
    """Return what stands in the body of an answer in the version of SOAP that was spoken."""
    assert response.headers["Content-Type"].partition(";")[0] == MEDIA[version]
    [body] = etree.fromstring(response.content).findall(f"{{{version}}}Body")
    [element] = body
    return element


def texts(root: etree._Element, name: str) -> list[str]:
    return [element.text or "" for element in root.iter(f"{{*}}{name}")]


def schema(wsdl: Path) -> etree.XMLSchema:
    [found] = etree.parse(wsdl).iter(f"{{{XSD}}}schema")
    return etree.XMLSchema(etree.fromstring(etree.tostring(found)))  # with the prefixes of its parents


class Offline(Transport):
    """zeep's own transport, which would fetch the schema of SOAP's encoding: it has the one name of it we need here."""

    def load(self, url: str) -> Any:
        if not url.startswith(ENC_11):
            return super().load(url)  # type: ignore[no-untyped-call]
        return f"""<schema xmlns="{XSD}" targetNamespace="{ENC_11}"><attribute name="arrayType" type="string"/>
            <complexType name="Array"><sequence><any minOccurs="0" maxOccurs="unbounded"/></sequence></complexType>
            </schema>""".encode()


@contextmanager
def another_client(url: str) -> Iterator[Any]:
    transport = Offline()  # type: ignore[no-untyped-call]
    with transport.session:
        yield zeep.Client(f"{url}?wsdl", transport=transport)  # type: ignore[no-untyped-call]


def get_parcel(reference: str) -> str:
    return f'<GetParcel xmlns="{LITERAL}"><reference>{reference}</reference></GetParcel>'


@BOTH
def test_php_literal(php: PhpServer, version: str) -> None:
    valid = schema(LITERAL_WSDL)
    for reference in ("22214-AB-0001", "22214-AB-0002", "22214-ZB-0010"):
        answer = told(post(php.literal, get_parcel(reference), version=version), version)
        valid.assertValid(answer)
        assert answer[0].get("reference") == reference
    found = told(post(php.literal, f'<FindParcels xmlns="{LITERAL}"><commune>22214</commune></FindParcels>'))
    valid.assertValid(found)
    assert texts(found, "area") == ["1250.50", "0.00", "9999999999.99"]
    assert texts(found, "share")[0] == "0.3333333333333333333"
    assert texts(found, "floor") == ["82.10", "61.00", "0.50"]
    assert [note.get(f"{{{XSI}}}nil") for note in found.iter("{*}note")] == [None, None, "true"]


ECHOED = {"integer": "99999999999999999999999", "unsignedLong": "18446744073709551615", "decimal": "0.10"}
ECHOED |= {"dateTime": "10000-01-01T00:00:00.123456789Z", "date": "2024-02-29+02:00", "duration": "P1Y2M3DT4H5M6.789S"}
ECHOED |= {"string": " a  b ", "hexBinary": "00FF", "base64Binary": "AP8=", "gMonthDay": "--02-29", "double": "INF"}
"""Not here: QName, whose prefix PHP does not declare in its answer, and NaN, which it writes NAN."""


@pytest.mark.parametrize("style", ["literal", "encoded"])
def test_php_echoes(php: PhpServer, style: str) -> None:
    sent = "".join(f"<{kind}>{text}</{kind}>" for kind, text in ECHOED.items())
    body = f'<Echo xmlns="{LITERAL}"><everything>{sent}</everything></Echo>'
    if style == "encoded":
        body = f'<t:Echo xmlns:t="{ENCODED}"><everything>{sent}</everything></t:Echo>'
    [everything] = told(post(php.url + style, body))
    assert {local(element.tag): element.text for element in everything} == ECHOED


def test_php_encoded(php: PhpServer) -> None:
    body = f'<t:FindParcels xmlns:t="{ENCODED}"><commune>22214</commune><limit>9</limit></t:FindParcels>'
    found = told(post(php.encoded, body))
    arrays = [element.get(f"{{{ENC_11}}}arrayType") or "" for element in found.iter()]
    assert {name.partition(":")[2] for name in arrays if name} >= {"Parcel[3]", "Owner[2]", "decimal[3]", "Building[0]"}
    [identified], [pointing] = found.findall(".//*[@id]"), found.findall(".//*[@href]")
    assert pointing.get("href") == f"#{identified.get('id')}"


STATUS = {"with 200": 200, "warning": 200, "empty": 200, "html": 503}
CODES = {"client": ("SOAP-ENV:Client", "env:Sender"), "server": ("SOAP-ENV:Server", "env:Receiver")}
CODES |= {"detail": CODES["client"], "coded": ("ns1:Archived", "ns1:Archived")}


@BOTH
@pytest.mark.parametrize("kind", FAILURES)
def test_php_fails(php: PhpServer, kind: str, version: str) -> None:
    answer = post(php.literal, f'<Fail xmlns="{LITERAL}"><kind>{kind}</kind></Fail>', version=version)
    assert answer.status_code == STATUS.get(kind, 500)
    if kind in CODES:
        fault = told(answer, version)
        assert fault.tag == f"{{{version}}}Fault"
        assert [*texts(fault, "faultcode"), *texts(fault, "Value")] == [CODES[kind][version == SOAP_12]]
        assert texts(fault, "code") == (["PARCEL_UNKNOWN"] if kind == "detail" else [])
    else:
        begins = {"with 200": b"<?xml", "warning": b"<br />", "html": b"<!DOCTYPE html>"}
        assert answer.content.startswith(begins.get(kind, b""))
        assert bool(answer.content) == (kind in begins)


def test_another_client_of_php(php: PhpServer) -> None:
    with another_client(php.literal) as client:
        for port in ("ParcelsSoap11", "ParcelsSoap12"):
            parcels = client.bind("Parcels", port)
            assert parcels.GetParcel("22214-AB-0001").plan == b"\x00\x01PLAN\xff"
            assert parcels.Echo({"integer": 10**30}).integer == 10**30
            with pytest.raises(zeep.exceptions.Fault, match="No such parcel"):
                parcels.GetParcel("22214-AB-9999")
    with another_client(php.encoded) as client:
        parcel = client.service.GetParcel("22214-ZB-0010")
        assert (parcel.area, parcel.note) == (Decimal("9999999999.99"), None)
        assert client.service.Echo({"integer": 10**30}).integer == 10**30


def credentials(token: str = TOKEN) -> str:
    return f'<Credentials xmlns="{PERMITS}"><token>{token}</token></Credentials>'


@BOTH
def test_spyne(permits: SpyneServer, version: str) -> None:
    url = permits.soap11 if version == SOAP_11 else permits.soap12
    answer = post(url, f'<ListPermits xmlns="{PERMITS}"/>', version=version, header=credentials())
    found = told(answer, version)
    assert texts(found, "number") == ["PC001", "PC002", "PC003"]
    assert texts(found, "cost") == ["10000000000000000000000000"]
    assert (texts(found, "delay"), texts(found, "seal")) == (["P63DT5S"], ["AAH/"])
    assert [each.get(f"{{{XSI}}}type") for each in found[0]] == [None, None, "tns:Extension"]
    sent = f'<EchoPermit xmlns="{PERMITS}"><number>PC009</number><state>asked</state>'
    sent += "<surface>1.10</surface><asked>2024-01-01</asked></EchoPermit>"
    assert texts(told(post(url, sent, version=version, header=credentials()), version), "surface") == ["1.10"]


@BOTH
@pytest.mark.parametrize(
    ("question", "token", "code"),
    [
        ("<number>PC001</number>", "wrong", "Client.Credentials"),
        ("<number>PC000</number>", TOKEN, "Client.PermitUnknown"),
        ("<number>CLOSED</number>", TOKEN, "Server.Closed"),
    ],
)
def test_spyne_faults(permits: SpyneServer, version: str, question: str, token: str, code: str) -> None:
    url = permits.soap11 if version == SOAP_11 else permits.soap12
    body = f'<GetPermit xmlns="{PERMITS}">{question}</GetPermit>'
    answer = post(url, body, version=version, header=credentials(token))
    fault = told(answer, version)
    assert answer.status_code == 500
    if version == SOAP_11:
        assert texts(fault, "faultcode") == [f"soap11env:{code}"]
    else:
        assert texts(fault, "Value")[1] == code.partition(".")[2]


def test_another_client_of_spyne(permits: SpyneServer) -> None:
    with another_client(permits.soap11) as client:
        header = {"Credentials": {"token": TOKEN}}
        assert client.service.GetPermit("PC003", _soapheaders=header).extends == "PC001"


def test_node_serves_any_wsdl(tmp_path: Path) -> None:
    parcel = {"attributes": {"reference": "22214-AB-0001"}, "commune": "22214", "number": 7, "area": "0.10"}
    refusal = {"faultcode": "soap:Client", "faultstring": "Refused.", "detail": {"ParcelFault": {"code": "REFUSED"}}}
    answers = {"GetParcel": {"parcel": parcel}, "Fail": {"Fault": refusal}}
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    with SoapServer.serving(LITERAL_WSDL, tmp_path / "answers.json") as server:
        answer = told(post(server.url, get_parcel("22214-AB-0001")))
        assert (texts(answer, "area"), answer[0].get("reference")) == (["0.10"], "22214-AB-0001")
        assert texts(told(post(server.url, f'<Fail xmlns="{LITERAL}"><kind>any</kind></Fail>')), "code") == ["REFUSED"]
        unsaid = post(server.url, f'<FindParcels xmlns="{LITERAL}"><commune>1</commune></FindParcels>')
        assert texts(told(unsaid), "faultstring") == ["No answer to FindParcels is known."]
        assert f'"{server.url}"' in requests.get(f"{server.url}?wsdl", timeout=10).text


@pytest.mark.parametrize(("path", "port"), [("", "Bulk"), ("gzip", "BulkGzip")])
def test_bulk(bulk: BulkServer, path: str, port: str) -> None:
    body = '<ListItems xmlns="urn:beffroi:bulk:1"><count>1203</count></ListItems>'
    answer = post(bulk.url + path, body)
    assert answer.headers.get("Content-Encoding", "") == path
    found = told(answer)
    schema(BULK_WSDL).assertValid(found)
    for n in (0, 3, 1202):
        item = found[0][n]
        written = {"code": item.get("code")} | {local(element.tag): element.text for element in item}
        values = BulkServer.item(n)
        values |= {"at": f"{values['at']:%Y-%m-%dT%H:%M:%SZ}", "active": str(values["active"]).lower()}
        assert written == {name: str(value) for name, value in values.items()}
    assert texts(found, "total") == ["1203"]
    with another_client(bulk.url) as client:
        assert client.bind("Bulk", port).ListItems(10)["items"]["item"][4]["amount"] == Decimal("316.76")


BREAKS = {
    "CONNECTION_RESET_BY_PEER": "reset by peer",
    "EMPTY_RESPONSE": "without response",
    "MALFORMED_RESPONSE_CHUNK": "Connection broken|InvalidChunkLength",
    "RANDOM_DATA_THEN_CLOSE": "BadStatusLine",
}


@pytest.mark.parametrize("fault", get_args(Fault))
def test_wiremock_breaks(wiremock: WireMock, fault: Fault) -> None:
    wiremock.reset()
    wiremock.stub("<whole/>", fault=fault)
    with pytest.raises(requests.RequestException, match=BREAKS[fault]):
        post(wiremock.url, "<a/>")


def test_wiremock_answers(wiremock: WireMock) -> None:
    wiremock.reset()
    wiremock.stub("é", status=503, headers={"Retry-After": "3"}, path="/a")
    wiremock.stub(b"slow" * 100, delay=0.2, dribble=(4, 0.3), path="/a", containing="slowly")
    answer = post(f"{wiremock.url}a", "<a/>")
    assert (answer.status_code, answer.headers["Retry-After"], answer.content) == (503, "3", "é".encode())
    begun = time.monotonic()
    assert post(f"{wiremock.url}a", "slowly").content == b"slow" * 100
    assert time.monotonic() - begun > 0.4, "it is slow where it is told to be: no bound from above"
    assert post(f"{wiremock.url}b", "<a/>").status_code == 404
    assert ["<a/>" in request["body"] for request in wiremock.requests()] == [True, False, True]


@pytest.mark.parametrize(("module", "name"), [("php", "PhpServer"), ("soap_server", "BulkServer")])
def test_peers_end_with_us(module: str, name: str, tmp_path: Path) -> None:
    code = f"from tests.peers.{module}.peer import {name} as Peer; peer = Peer().__enter__(); "
    code += "print(peer.url, flush=True); input()"
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, **pipes) as killed:
        assert killed.stdout is not None
        port = int(killed.stdout.readline().strip().rstrip("/").rpartition(":")[2])
        socket.create_connection(("127.0.0.1", port)).close()
        killed.send_signal(signal.SIGKILL)
    for _ in range(100):
        with socket.socket() as asking:
            if asking.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED:
                return
        time.sleep(0.05)
    pytest.fail(f"{name} has outlived us")
