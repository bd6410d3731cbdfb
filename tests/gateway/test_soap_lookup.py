"""A registry of which only the WSDL is known: declared, and asked through the gateway like any other."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.conftest import Gateway, Reply
from tests.peers.canned import Canned
from tests.soap.cadastre import DECLARED, MAIN, workspace

REFERENCE = "22214-AB-0001"
ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'
PARCEL = (
    f'<GetParcelResponse xmlns="urn:beffroi:parcels:1"><parcel reference="{REFERENCE}"><commune>22214</commune>'
    "<number>1</number><area>0.10</area><built>true</built><updated>2024-01-01T00:00:00</updated>{note}"
    "<owners><owner kind='person'><name>A</name><share>1</share><since xmlns:x="
    "'http://www.w3.org/2001/XMLSchema-instance' x:nil='true'/></owner></owners>{more}</parcel></GetParcelResponse>"
)
NOTE = "<note/>"
FAULTS = """
  - {code: Client.Closed, is: withheld}
  - {words: try later, is: busy}
  - {code: Server.Night, is: down}
"""


def fault(code: str, words: str = "550014 MARTIN", detail: str = "") -> str:
    return f"<s:Fault><faultcode>s:{code}</faultcode><faultstring>{words}</faultstring>{detail}</s:Fault>"


UNKNOWN = (
    '<detail><ParcelFault xmlns="urn:beffroi:parcels:1"><code>PARCEL_UNKNOWN</code>'
    "<reference>22214-AB-0001</reference></ParcelFault></detail>"
)


@pytest.fixture
def registry() -> Iterator[Canned]:
    with Canned() as server:
        yield server


@pytest.fixture
def gateway(registry: Canned, tmp_path: Path) -> Iterator[Gateway]:
    declared = DECLARED.replace("answers:", f"{FAULTS.strip(chr(10))}\nanswers:")
    with Gateway(workspace(tmp_path / "w", registry.url, declared)) as running:
        yield running


def say(registry: Canned, content: str, status: int = 200, kind: str = "text/xml") -> None:
    registry.say(ENVELOPE.format(content).encode(), kind, status)


def ask(gateway: Gateway, identifier: str = REFERENCE, **more: Any) -> Reply:
    return gateway.post("/lookups/parcel", {"identifier": identifier, **more}, "desk", "survey")


def journal(gateway: Gateway) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(gateway.root / ".beffroi" / "journal.db")) as database:
        return [
            json.loads(entry)
            for (entry,) in database.execute("SELECT entry FROM entries WHERE kind != 'change' ORDER BY number")
        ]


def test_a_record_of_an_unknown_wsdl(gateway: Gateway, registry: Canned) -> None:
    say(registry, PARCEL.format(note=NOTE, more=""))
    reply = ask(gateway)
    assert reply.status == 200
    assert reply.json["data"] == {
        "reference": REFERENCE, "commune": "22214", "number": 1, "area": "0.10", "built": True, "note": "",
        "updated": "2024-01-01T00:00:00", "building": [],
        "owners": {"owner": [{"kind": "person", "name": "A", "share": "1", "since": None}]},
    }  # fmt: skip
    assert reply.json["meta"]["source"] == "cadastre"
    assert list(ask(gateway, fields=["area", "surveyed"]).json["data"]) == ["area"], "what is absent has no key"
    assert f">{REFERENCE}</".encode() in registry.requests[0][3]
    assert [entry["outcome"] for entry in journal(gateway)] == ["found", "found"]
    assert REFERENCE not in json.dumps(journal(gateway))


def test_it_is_personal_unless_it_says_otherwise(gateway: Gateway, registry: Canned, tmp_path: Path) -> None:
    say(registry, PARCEL.format(note=NOTE, more=""))
    assert gateway.get(f"/lookups/parcel/{REFERENCE}", "desk", "survey").code == "method-not-allowed"
    [told] = gateway.get("/lookups").json["data"]
    assert (told["personal"], told["identifiers"], [way["method"] for way in told["ask"]]) == (
        True,
        ["reference"],
        ["POST"],
    )
    root = workspace(tmp_path / "open", registry.url, DECLARED.replace("port:", "personal: false\nport:"))
    with Gateway(root) as other:
        assert other.get(f"/lookups/parcel/{REFERENCE}", "desk", "survey").json["data"]["area"] == "0.10"


def test_openapi_has_the_derived_record(gateway: Gateway) -> None:
    schemas = gateway.get("/openapi.json").json["components"]["schemas"]
    fields = schemas["ParcelGranted"]["properties"]
    assert list(fields) == [
        *(
            "reference",
            "commune",
            "number",
            "area",
            "built",
            "surveyed",
            "updated",
            "note",
            "owners",
            "building",
            "plan",
        )
    ]
    assert fields["reference"] == {
        "title": "reference", "type": "string", "pattern": "^(?:[0-9AB]{5}-[A-Z]{2}-[0-9]{4})$",
    }  # fmt: skip
    assert (fields["number"]["type"], fields["number"]["format"]) == ("integer", "int32")
    assert {"type": "null"} in fields["note"]["anyOf"]
    assert fields["plan"]["contentEncoding"] == "base64"
    owner = fields["owners"]["properties"]["owner"]
    assert owner["type"] == "array"
    assert owner["items"]["required"] == ["kind", "name", "share", "since"]
    assert owner["items"]["properties"]["kind"]["enum"] == ["person", "company", "commune"]
    assert fields["building"]["items"]["properties"]["floors"]["properties"]["floor"]["type"] == "array"


def test_what_is_set_aside_shows_in_health(gateway: Gateway, registry: Canned) -> None:
    assert gateway.get("/health").json["registries"]["cadastre"]["set_aside"] == 0
    say(registry, PARCEL.format(note=NOTE, more="<colour>MARTIN</colour>"))
    assert ask(gateway).status == 200
    told = gateway.get("/health").json["registries"]["cadastre"]
    assert (told["status"], told["set_aside"]) == ("ok", 1), "names alone may be data"


@pytest.mark.parametrize(
    ("content", "status", "code", "expected"),
    [
        (fault("Client", detail=UNKNOWN), 500, "not-found", 404),
        (fault("Client", detail=UNKNOWN), 200, "not-found", 404),
        (fault("Client.Closed"), 500, "withheld", 451),
        (fault("Server", "try later"), 200, "busy", 503),
        (fault("Server.Night"), 500, "down", 503),
        (fault("Server"), 500, "unreadable", 502),
        (PARCEL.format(note="", more=""), 200, "unreadable", 502),
        (PARCEL.format(note=NOTE, more="").replace("0.10", "n/a"), 200, "unreadable", 502),
        (PARCEL.format(note=NOTE, more="").replace(REFERENCE, "22214-AB-0002"), 200, "unreadable", 502),
        ('<GetParcelResponse xmlns="urn:beffroi:parcels:1"/>', 200, "unreadable", 502),
    ],
)
def test_what_goes_wrong(
    gateway: Gateway, registry: Canned, content: str, status: int, code: str, expected: int,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    say(registry, content, status)
    reply = ask(gateway)
    assert (reply.status, reply.code) == (expected, code)
    assert [entry["outcome"] for entry in journal(gateway)] == [code]
    told = reply.body.decode() + caplog.text
    assert not [each for each in ("MARTIN", "550014", REFERENCE, "22214-AB-0002") if each in told], told


def test_a_malformed_identifier_asks_nobody(gateway: Gateway, registry: Canned) -> None:
    assert [ask(gateway, each).code for each in ("22214-AB-1", "parcel:22214-AB-0001")] == ["malformed-identifier"] * 2
    assert registry.requests == []


ABSENT = "  - {path: parcel/built, equals: false, is: not-found}\n"


def test_an_answer_that_is_no_record(registry: Canned, tmp_path: Path) -> None:
    with Gateway(workspace(tmp_path / "w", registry.url, f"{DECLARED}{ABSENT}", MAIN)) as running:
        say(registry, PARCEL.format(note=NOTE, more="").replace(">true<", ">false<"))
        assert ask(running).code == "not-found"
        say(registry, PARCEL.format(note=NOTE, more=""))
        assert ask(running).status == 200
