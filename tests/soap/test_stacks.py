"""Our client against SOAP servers on other stacks: PHP's extension, spyne, npm `soap`; exact values, and their JSON."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.deadline import Deadline
from connectors.errors import Misconfigured
from connectors.soap import catalogue
from connectors.soap.client import Reply, SoapClient
from connectors.soap.faults import SoapFault
from connectors.soap.names import SOAP_11, SOAP_12
from connectors.soap.values import Lexical, json_of
from tests.peers.php.peer import ENCODED_WSDL, LITERAL_WSDL, PhpServer
from tests.peers.soap_server.peer import SoapServer
from tests.peers.spyne.peer import TOKEN, SpyneServer

UTC = dt.UTC
PARIS_SUMMER = dt.timezone(dt.timedelta(hours=2))
PORTS = pytest.mark.parametrize("port", ["ParcelsSoap11", "ParcelsSoap12"])


def call(client: SoapClient, address: str, operation: str, parameters: Mapping[str, Any], **more: Any) -> Reply:
    return client.call(operation, parameters, address=address, deadline=Deadline.after(20), **more)


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(json_of(value)))


# --- PHP: document/literal in SOAP 1.1 and 1.2, rpc/encoded ------------------------------------------------------------


@pytest.fixture(scope="module")
def php() -> Iterator[PhpServer]:
    with PhpServer() as server:
        yield server


COMMUNE = {"name": "Commune de Plouézec", "kind": "commune", "share": Decimal(1), "since": None}
PLAIN = [
    {
        "reference": "22214-AB-0001",
        "commune": "22214",
        "number": 1,
        "area": Decimal("1250.50"),
        "built": True,
        "surveyed": dt.date(1998, 5, 4),
        "updated": dt.datetime(2024, 3, 31, 2, 30, 0, 125_000, PARIS_SUMMER),
        "note": "Façade & <cour>",
        "plan": b"\x00\x01PLAN\xff",
    },
    {
        "reference": "22214-AB-0002",
        "commune": "22214",
        "number": 2,
        "area": Decimal("0.00"),
        "built": False,
        "updated": dt.datetime(2023, 1, 1, tzinfo=UTC),
        "note": "",
    },
    {
        "reference": "22214-ZB-0010",
        "commune": "22214",
        "number": 10,
        "area": Decimal("9999999999.99"),
        "built": False,
        "updated": dt.datetime(2023, 1, 1),  # noqa: DTZ001 (none was given)
        "note": None,
    },
]
OWNERS = [
    [
        {
            "name": "LE GOFF Maëlle",
            "kind": "person",
            "share": Decimal("0.3333333333333333333"),
            "since": dt.date(2001, 2, 28),
        },
        {
            "name": 'SCI "Les Ajoncs"',
            "kind": "company",
            "share": Decimal("0.6666666666666666667"),
            "since": dt.date(2010, 12, 1),
        },
    ],
    [COMMUNE],
    [COMMUNE],
]
FLOORS = [Decimal("82.10"), Decimal("61.00"), Decimal("0.50")]
BUILDINGS: list[list[dict[str, Any]]] = [
    [{"use": "habitation", "floors": FLOORS}, {"use": "garage", "floors": []}, {"use": "abri"}],
    [],
    [],
]
IN_JSON = {
    "reference": "22214-AB-0001",
    "commune": "22214",
    "number": 1,
    "area": "1250.50",
    "built": True,
    "surveyed": "1998-05-04",
    "updated": "2024-03-31T02:30:00.125000+02:00",
    "note": "Façade & <cour>",
    "plan": "AAFQTEFO/w==",
    "owners": [
        {"name": "LE GOFF Maëlle", "kind": "person", "share": "0.3333333333333333333", "since": "2001-02-28"},
        {"name": 'SCI "Les Ajoncs"', "kind": "company", "share": "0.6666666666666666667", "since": "2010-12-01"},
    ],
    "buildings": [
        {"use": "habitation", "floors": ["82.10", "61.00", "0.50"]},
        {"use": "garage", "floors": []},
        {"use": "abri"},
    ],
}


def encoded(place: int) -> dict[str, Any]:
    """Return a parcel as the encoded service has it: lists are arrays."""
    return {**PLAIN[place], "owners": OWNERS[place], "buildings": BUILDINGS[place]}


def literal(place: int) -> dict[str, Any]:
    """Return a parcel as the literal service has it: a list is in an element of its own, or repeats."""
    buildings = [
        {**building, "floors": {"floor": building["floors"]}} if "floors" in building else building
        for building in BUILDINGS[place]
    ]
    return {**PLAIN[place], "owners": {"owner": OWNERS[place]}, "building": buildings}


@PORTS
def test_php_literal(php: PhpServer, port: str) -> None:
    client = SoapClient(LITERAL_WSDL, "cadastre", port)
    for place in range(3):
        there = call(client, php.literal, "GetParcel", {"reference": PLAIN[place]["reference"]})
        assert there == Reply({"parcel": literal(place)})
    found = call(client, php.literal, "FindParcels", {"commune": "22214", "limit": 2}).value
    assert found == {"total": 3, "parcel": [literal(0), literal(1)]}
    assert str(found["parcel"][1]["area"]) == "0.00", "digit for digit"
    assert call(client, php.literal, "FindParcels", {"commune": "29"}).value == {"total": 0, "parcel": []}
    assert client.extras == set()


def test_php_encoded(php: PhpServer) -> None:
    client = SoapClient(ENCODED_WSDL, "cadastre")
    there = call(client, php.encoded, "GetParcel", {"reference": "22214-AB-0001"}).value
    assert there == {"parcel": encoded(0)}
    assert as_json(there) == {"parcel": IN_JSON}
    found = call(client, php.encoded, "FindParcels", {"commune": "22214", "limit": 9}).value
    assert found == {"total": 3, "parcels": [encoded(0), encoded(1), encoded(2)]}, (
        "one owner is an id, the other a href"
    )
    none = call(client, php.encoded, "FindParcels", {"commune": "29", "limit": 9}).value
    assert none == {"total": 0, "parcels": []}
    assert client.extras == set()


@PORTS
def test_php_fault(php: PhpServer, port: str) -> None:
    with pytest.raises(SoapFault) as raised:
        call(SoapClient(LITERAL_WSDL, "cadastre", port), php.literal, "GetParcel", {"reference": "22214-AB-9999"})
    fault = raised.value
    assert (fault.code, fault.message) == ("Client" if port == "ParcelsSoap11" else "Sender", "No such parcel.")
    detail = {"code": "PARCEL_UNKNOWN", "reference": "22214-AB-9999"}
    assert (fault.details, fault.detail_code) == ({"{urn:beffroi:parcels:1}ParcelFault": detail}, "PARCEL_UNKNOWN")


def test_php_encoded_fault(php: PhpServer) -> None:
    with pytest.raises(SoapFault) as raised:
        call(SoapClient(ENCODED_WSDL, "cadastre"), php.encoded, "GetParcel", {"reference": "22214-AB-9999"})
    assert (raised.value.code, raised.value.detail_code) == ("Client", "PARCEL_UNKNOWN")


def test_what_the_schema_refuses_is_not_asked(php: PhpServer) -> None:
    with pytest.raises(Misconfigured, match=r"reference.*pattern") as raised:
        call(SoapClient(LITERAL_WSDL, "cadastre"), php.literal, "GetParcel", {"reference": "S3CRET"})
    assert "S3CRET" not in str(raised.value)


# --- a law: what goes out comes back equal, through the values of another language -----------------------------------

ZONES = st.integers(-840, 840).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n\r <&>\"'"),
    max_size=12,
).filter(lambda text: text == "" or text.strip(" \t\r\n") != "")  # PHP drops a text that is blank
ZONE = "(Z|[+]02:00|-03:30)?"


def written(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(pattern, fullmatch=True)


def whole(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high) | st.sampled_from([low, high])


BIG = 10**40
KINDS: Mapping[str, st.SearchStrategy[Any]] = {
    "string": TEXTS,
    "normalizedString": TEXTS.map(lambda text: text.translate(str.maketrans("\t\r\n", "   "))),
    "token": TEXTS.map(
        lambda text: " ".join(text.replace("\t", " ").replace("\r", " ").replace("\n", " ").split(" "))
    ).map(lambda text: " ".join(part for part in text.split(" ") if part)),
    "language": written("[a-z]{2,3}(-[A-Za-z0-9]{2,8})?"),
    "Name": written("[A-Za-zé_:][A-Za-z0-9._-]{0,8}"),
    "NCName": written("[A-Za-zé_][A-Za-z0-9._-]{0,8}"),
    "NMTOKEN": written("[A-Za-z0-9é._:-]{1,8}"),
    "boolean": st.booleans(),
    "decimal": written("-?[0-9]{1,30}([.][0-9]{1,20})?").map(Decimal),
    "float": st.floats(allow_nan=False, width=32),
    "double": st.floats(allow_nan=False),
    "integer": whole(-BIG, BIG),
    "nonPositiveInteger": whole(-BIG, 0),
    "negativeInteger": whole(-BIG, -1),
    "nonNegativeInteger": whole(0, BIG),
    "positiveInteger": whole(1, BIG),
    "long": whole(-(2**63), 2**63 - 1),
    "int": whole(-(2**31), 2**31 - 1),
    "short": whole(-(2**15), 2**15 - 1),
    "byte": whole(-128, 127),
    "unsignedLong": whole(0, 2**64 - 1),
    "unsignedInt": whole(0, 2**32 - 1),
    "unsignedShort": whole(0, 2**16 - 1),
    "unsignedByte": whole(0, 255),
    "date": st.dates() | written(f"[1-9][0-9]{{4}}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8]){ZONE}").map(Lexical),
    "time": st.times() | st.times(timezones=ZONES) | written("12:00:00[.]12345678[1-9]").map(Lexical),
    "dateTime": st.datetimes() | st.datetimes(timezones=ZONES) | written("-00[1-9][0-9]-03-15T24:00:00Z").map(Lexical),
    "duration": written("-?P[0-9]{1,3}Y([0-9]{1,3}D)?(T[0-9]{1,3}H([0-9]{1,2}[.][0-9]{1,9}S)?)?"),
    "gYear": written(f"-?[1-9][0-9]{{3,4}}{ZONE}"),
    "gYearMonth": written(f"[1-9][0-9]{{3}}-(0[1-9]|1[0-2]){ZONE}"),
    "gMonth": written(f"--(0[1-9]|1[0-2]){ZONE}"),
    "gMonthDay": written(f"--(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8]){ZONE}"),
    "gDay": written(f"---(0[1-9]|[12][0-9]|3[01]){ZONE}"),
    "hexBinary": st.binary(max_size=12),
    "base64Binary": st.binary(max_size=12),
    "anyURI": written("urn:[a-z0-9é%#/?&=]{0,12}").filter(lambda uri: uri.count("#") < 2 and "%" not in uri),
    "nillableInt": st.none() | st.integers(-(2**31), 2**31 - 1),
}
"""Each builtin type that PHP can hold. Not QName, whose prefix it does not declare, nor NaN, which it writes NAN."""


def everything(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with some of the kinds, now and then one within another."""
    repeated = {"repeated": st.lists(TEXTS, max_size=3)}
    inner = st.fixed_dictionaries(repeated, optional={**KINDS, **more})
    return st.fixed_dictionaries(repeated, optional={**KINDS, **more, "inner": inner})


def comes_back(client: SoapClient, address: str, value: dict[str, Any]) -> None:
    there = call(client, address, "Echo", {"everything": value}).value
    assert there == {"everything": value}
    assert json.dumps(as_json(there), sort_keys=True) == json.dumps(as_json({"everything": value}), sort_keys=True)


LAW = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.large_base_example,
        HealthCheck.data_too_large,
    ],
)
CLIENTS = {
    port: SoapClient(LITERAL_WSDL if port.startswith("ParcelsSoap") else ENCODED_WSDL, "cadastre", port)
    for port in ("ParcelsSoap11", "ParcelsSoap12", "ParcelsEncoded")
}


@PORTS
@LAW
@given(value=everything(listOfInt=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4)))
def test_php_echoes_what_was_sent(php: PhpServer, port: str, value: dict[str, Any]) -> None:
    comes_back(CLIENTS[port], php.literal, value)


@LAW
@given(value=everything())
def test_php_echoes_what_was_sent_encoded(php: PhpServer, value: dict[str, Any]) -> None:
    comes_back(CLIENTS["ParcelsEncoded"], php.encoded, value)


@pytest.mark.parametrize("port", CLIENTS)
def test_json_goes_out_and_comes_back(php: PhpServer, port: str) -> None:
    sent = {"decimal": "0.10", "date": "2024-02-29+02:00", "dateTime": "10000-01-01T00:00:00.123456789Z"}
    sent |= {"base64Binary": "AAH/", "hexBinary": "00ff", "double": "-INF", "time": "23:59:59.500000Z"}
    more = {"integer": 10**30, "repeated": ["", "é"], "inner": {"string": "<x>", "repeated": []}}
    address = php.encoded if port == "ParcelsEncoded" else php.literal
    there = call(CLIENTS[port], address, "Echo", {"everything": {**sent, **more}}).value
    assert as_json(there) == {"everything": {**sent, **more}}


# --- spyne -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def permits() -> Iterator[SpyneServer]:
    with SpyneServer() as server:
        yield server


VERSIONS = pytest.mark.parametrize("version", [SOAP_11, SOAP_12], ids=["1.1", "1.2"])
NAMESPACE = "urn:beffroi:permits:1"
SESAME = {"headers": {"Credentials": {"token": TOKEN}}}
PERMITS: list[dict[str, Any]] = [
    {
        "_type": f"{{{NAMESPACE}}}Permit",
        "number": "PC001",
        "state": "granted",
        "surface": Decimal("120.50"),
        "asked": dt.date(2024, 2, 29),
        "decided": dt.datetime(2024, 5, 2, 14, 30, 0, 125_000, UTC),
        "delay": "P63DT5S",
        "opens": dt.time(8, 30),
        "levels": 2,
        "cost": 10**25,
        "ratio": 0.1,
        "listed": True,
        "seal": b"\x00\x01\xff",
        "page": "https://permits.example/PC001",
        "applicants": {
            "Applicant": [
                {"kind": "person", "name": "Goulven & <Fils>"},
                {"kind": "company", "name": "SARL Roz", "email": ""},
            ]
        },
        "remarks": ["première", "seconde"],
    },
    {
        "_type": f"{{{NAMESPACE}}}Permit",
        "number": "PC002",
        "state": "asked",
        "surface": Decimal("0.10"),
        "asked": dt.date(2024, 3, 1),
        "applicants": {"Applicant": []},
        "remarks": [],
    },
    {
        "_type": f"{{{NAMESPACE}}}Extension",
        "number": "PC003",
        "state": "refused",
        "surface": Decimal(9),
        "asked": dt.date(2024, 3, 2),
        "extends": "PC001",
        "remarks": [],
    },
]


def vendored(permits: SpyneServer, version: str, folder: Path) -> tuple[SoapClient, str]:
    """Return a client of the WSDL that spyne makes of itself, brought into `folder`, and its address."""
    address = permits.soap11 if version == SOAP_11 else permits.soap12
    client = SoapClient(catalogue.add(f"{address}?wsdl", folder / "wsdl"), "permits")
    assert [port.envelope for port in client.description().ports] == [version]
    assert client.description().broken == ()
    return client, address


@VERSIONS
def test_spyne(permits: SpyneServer, version: str, tmp_path: Path) -> None:
    client, address = vendored(permits, version, tmp_path)
    for permit in PERMITS:
        there = call(client, address, "GetPermit", {"number": permit["number"]}, **SESAME).value
        assert there == {"GetPermitResult": permit}
    there = call(client, address, "ListPermits", {}, **SESAME).value
    assert there == {"ListPermitsResult": {"Permit": PERMITS}}
    [first, *_] = as_json(there)["ListPermitsResult"]["Permit"]
    assert (first["surface"], first["cost"], first["opens"], first["seal"]) == ("120.50", 10**25, "08:30:00", "AAH/")
    assert first["decided"] == "2024-05-02T14:30:00.125000Z"
    assert client.extras == set()


@VERSIONS
def test_spyne_echoes(permits: SpyneServer, version: str, tmp_path: Path) -> None:
    client, address = vendored(permits, version, tmp_path)
    for permit in PERMITS:
        assert call(client, address, "EchoPermit", permit, **SESAME).value == permit
        assert call(client, address, "EchoPermit", as_json(permit), **SESAME).value == permit


FAULTS = [
    ("PC001", "wrong", ("Client.Credentials", ()), ("Sender", ("Credentials",))),
    ("PC000", TOKEN, ("Client.PermitUnknown", ()), ("Sender", ("PermitUnknown",))),
    ("CLOSED", TOKEN, ("Server.Closed", ()), ("Receiver", ("Closed",))),
]


@VERSIONS
@pytest.mark.parametrize(("number", "token", "in_11", "in_12"), FAULTS)
def test_spyne_faults(
    permits: SpyneServer, version: str, number: str, token: str, in_11: Any, in_12: Any, tmp_path: Path
) -> None:
    client, address = vendored(permits, version, tmp_path)
    with pytest.raises(SoapFault) as raised:
        call(client, address, "GetPermit", {"number": number}, headers={"Credentials": {"token": token}})
    assert (raised.value.code, raised.value.subcodes) == (in_11 if version == SOAP_11 else in_12)
    assert raised.value.detail_code is None, "what the WSDL does not declare tells nothing"
    with pytest.raises(SoapFault) as raised:
        call(client, address, "Crash", {}, **SESAME)
    assert raised.value.code == ("Server" if version == SOAP_11 else "Receiver")


# --- npm soap --------------------------------------------------------------------------------------------------------


def test_node(tmp_path: Path) -> None:
    owner = {"attributes": {"kind": "person"}, "name": "Ann & <Co>", "share": "0.3333333333333333333"}
    parcel = {
        "attributes": {"reference": "22214-AB-0001"},
        "commune": "22214",
        "number": 7,
        "area": "0.10",
        "built": True,
        "updated": "2024-02-29T23:59:59.5+14:00",
        "note": "",
        "owners": {"owner": [{**owner, "since": "2024-02-29"}, {**owner, "since": "1900-01-01"}]},
        "building": [{"use": "garage"}, {"use": "abri", "floors": {"floor": ["1.10", "2.00"]}}],
    }
    refusal = {"faultcode": "soap:Client", "faultstring": "Refused.", "detail": {"ParcelFault": {"code": "REFUSED"}}}
    answers = {"GetParcel": {"parcel": parcel}, "Fail": {"Fault": refusal}}
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    with SoapServer.serving(LITERAL_WSDL, tmp_path / "answers.json") as server:
        brought = catalogue.add(f"{server.url}?wsdl", tmp_path / "wsdl")
        client = SoapClient(brought, "cadastre", "ParcelsSoap11")
        there = call(client, server.url, "GetParcel", {"reference": "22214-AB-0001"}).value
        with pytest.raises(SoapFault) as raised:
            call(client, server.url, "Fail", {"kind": "any"})
        with pytest.raises(SoapFault) as unsaid:
            call(client, server.url, "FindParcels", {"commune": "22214"})
    known = {"kind": "person", "name": "Ann & <Co>", "share": Decimal("0.3333333333333333333")}
    zone = dt.timezone(dt.timedelta(hours=14))
    assert there["parcel"] == {
        "reference": "22214-AB-0001",
        "commune": "22214",
        "number": 7,
        "area": Decimal("0.10"),
        "built": True,
        "updated": dt.datetime(2024, 2, 29, 23, 59, 59, 500_000, zone),
        "note": "",
        "owners": {"owner": [{**known, "since": dt.date(2024, 2, 29)}, {**known, "since": dt.date(1900, 1, 1)}]},
        "building": [{"use": "garage"}, {"use": "abri", "floors": {"floor": [Decimal("1.10"), Decimal("2.00")]}}],
    }
    assert as_json(there)["parcel"]["updated"] == "2024-02-29T23:59:59.500000+14:00"
    assert (raised.value.code, raised.value.status) == ("Client", 500)
    assert (unsaid.value.code, unsaid.value.message) == ("Server", "No answer to FindParcels is known.")
