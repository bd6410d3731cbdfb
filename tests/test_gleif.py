"""GLEIF: what an LEI is, the pages of a scan and what is wrong with them, who is left out."""

import itertools
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from stdnum.iso7064 import mod_97_10

from connectors import sandbox
from connectors.columns import arrow_schema, columns_of
from connectors.deadline import Deadline
from connectors.errors import Busy, MalformedIdentifier, Misconfigured, NotFound, Unreadable
from connectors.gleif import Gleif, GleifSettings
from connectors.records import Company, canonical, check_lei
from connectors.registry import FAULT
from tests.conftest import ROOT
from tests.peers.canned import Canned
from tests.rest.peer import Asked, Peer, Told, told

JSON_API = "application/vnd.api+json"
UNHURRIED = {"per_minute": 1_000_000}


def gleif(url: str, root: Path, countries: tuple[str, ...] = ("FR", "ES"), **limits: Any) -> Gleif:
    settings = {"url": url, "countries": countries, "limits": UNHURRIED | limits}
    return Gleif("gleif", GleifSettings.model_validate(settings), root)


def scanned(asked: Gleif) -> pa.Table:
    reader = asked.scan(None)
    assert isinstance(reader, pa.RecordBatchReader)
    return reader.read_all()


# --- the number ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["506700GE1G29325QX363", " 506700ge1g29325qx363 ", "506700GE-1G29325QX3 63"])
def test_a_number_has_one_form(typed: str) -> None:
    assert check_lei(typed) == "506700GE1G29325QX363"
    assert canonical(Company, f"LEI:{typed}") == ("lei", "506700GE1G29325QX363")


@pytest.mark.parametrize("typed", ["", "506700GE1G29325QX36", "506700GE1G29325QX364", "0698", "é" * 20, "732829320"])
def test_what_is_no_lei(typed: str) -> None:
    with pytest.raises(MalformedIdentifier, match="20 letters and digits") as raised:
        canonical(Company, f"lei:{typed}")
    assert not typed or typed not in str(raised.value)


def test_a_company_is_asked_for_by_a_named_number() -> None:
    with pytest.raises(MalformedIdentifier, match="siren:…, lei:…"):
        canonical(Company, "506700GE1G29325QX363")


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=18, max_size=18))
def test_every_lei_with_its_check_digits_is_one(text: str) -> None:
    lei = text + mod_97_10.calc_check_digits(text)
    assert check_lei(lei.lower()) == lei


# --- scans -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(served: Path) -> Path:
    sandbox.start(served, ["gleif"], tied=True)
    return served


def test_all_entities_of_two_countries(served: Path) -> None:
    asked = gleif("sandbox:gleif", served)
    table = scanned(asked)
    expected = pq.read_table(ROOT / "datasets" / "reference" / "legal_entities.parquet")
    assert table.drop_columns([FAULT]).schema == arrow_schema(columns_of(Company))
    assert table[FAULT].null_count == table.num_rows == 24_497
    told = table.select(["identifier", "lei", "name", "country_code", "category"]).to_pylist()
    assert told == [
        {"identifier": row["lei"], "lei": row["lei"], "name": row["name"],
         "country_code": row["country"], "category": row["category"]}
        for row in expected.to_pylist()
    ]  # fmt: skip
    assert asked.extras == set()
    for row in table.slice(0, 20_000).to_pylist()[::4_000]:
        answer = asked.lookup(row["lei"], Deadline.after(5))
        assert answer.record == Company(**{name: value for name, value in row.items() if name != FAULT})
        assert answer.merged_from is None


def test_the_entities_of_one_country(served: Path) -> None:
    table = scanned(gleif("sandbox:gleif", served, ("ES",)))
    assert table.num_rows == 13_901
    assert set(table["country_code"].to_pylist()) == {"ES"}
    with pytest.raises(NotFound):
        gleif("sandbox:gleif", served).lookup("506700GE1G29325QX363", Deadline.after(5))


@pytest.mark.parametrize("countries", [[], ["France"], ["fr"], "FR"])
def test_countries_are_codes(countries: object) -> None:
    with pytest.raises(ValidationError):
        GleifSettings.model_validate({"countries": countries})


def entity(number: int, **about: Any) -> dict[str, Any]:
    lei = f"BEFF00{number:014}"
    told = {"legalName": {"name": "X"}, "category": "GENERAL", "legalAddress": {"country": "FR"}, **about}
    return {"id": lei, "attributes": {"lei": lei, "entity": told}}


def page(first: int, count: int, total: object, following: object = None) -> tuple[bytes, str, int]:
    rows = [entity(number) for number in range(first, first + count)]
    meta = {"pagination": {"total": total}} if total is not None else {}
    return json.dumps({"meta": meta, "links": {"next": following}, "data": rows}).encode(), JSON_API, 200


def said(canned: Canned, *pages: tuple[bytes, str, int]) -> Gleif:
    canned.say(*pages[0])
    canned.further = list(pages[1:])
    return gleif(canned.url, ROOT)


def test_a_scan_goes_along_the_links_that_are_told(canned: Canned) -> None:
    asked = said(canned, page(0, 2, 5, "/lei-records?page=b"), page(2, 2, 5, f"{canned.url}/c"), page(4, 1, 5))
    assert scanned(asked).num_rows == 5
    first, second, third = (path for _, path, _, _ in canned.requests)
    assert "page%5Bcursor%5D=%2A" in first
    assert "page%5Bsize%5D=200" in first
    assert "country%5D=FR%2CES" in first
    assert (second, third) == ("/lei-records?page=b", "/c")


@pytest.mark.parametrize("link", ["http://127.0.0.1:9/lei-records", "//example.org/x", "https://example.org/x"])
def test_a_link_that_leads_elsewhere_is_not_followed(canned: Canned, link: str) -> None:
    with pytest.raises(Misconfigured, match="nothing was asked there"):
        scanned(said(canned, page(0, 1, 2, link), page(1, 1, 2)))
    assert len(canned.requests) == 1


@pytest.mark.parametrize(
    "pages",
    [
        [page(0, 2, 9, "/a"), page(2, 2, 9, "/b"), page(4, 2, 9, "/a")],
        [page(0, 2, 9, "/a"), page(2, 0, 9, "/b")],
        [page(0, 2, 3, "/a"), page(0, 2, 3, "/b"), page(0, 2, 3, "/c")],
    ],
    ids=["loop", "empty", "repeats"],
)
def test_pages_that_do_not_go_on_are_unreadable(canned: Canned, pages: list[tuple[bytes, str, int]]) -> None:
    with pytest.raises(Unreadable, match="do not go on"):
        scanned(said(canned, *pages))
    assert len(canned.requests) <= 3


@pytest.mark.parametrize("total", [1, 3, 10**30])
def test_a_total_that_lies_is_unreadable(canned: Canned, total: int) -> None:
    with pytest.raises(Unreadable, match=r"gave 2 entities and says that it has"):
        scanned(said(canned, page(0, 2, total)))


@pytest.mark.parametrize("total", [None, "2", True, 2.0])
def test_a_total_that_is_none_is_unreadable(canned: Canned, total: object) -> None:
    with pytest.raises(Unreadable, match="how many"):
        scanned(said(canned, page(0, 2, total)))


@pytest.mark.parametrize("link", [{"href": "/b"}, 1, ["/b"]])
def test_a_link_that_is_none_is_unreadable(canned: Canned, link: object) -> None:
    with pytest.raises(Unreadable, match="no link"):
        scanned(said(canned, page(0, 2, 2, link)))


@pytest.fixture
def peer() -> Iterator[Peer]:
    with Peer() as server:
        yield server


def test_a_page_in_the_middle_is_asked_again(peer: Peer, tmp_path: Path) -> None:
    tries = itertools.count(1)

    def tell(asked: Asked) -> Told:
        if asked.path == "/b":
            if (number := next(tries)) < 3:
                return told({}, 503, Retry_After="1") if number == 1 else told({}, 429)
            return Told(page(2, 2, 4)[0])
        return Told(page(0, 2, 4, "/b")[0])

    peer.tell = tell
    assert scanned(gleif(peer.url, tmp_path)).num_rows == 4
    assert [asked.path for asked in peer.asked][1:] == ["/b"] * 3


def test_slowing_down_for_long_in_the_middle_is_told(peer: Peer, tmp_path: Path) -> None:
    peer.tell = lambda asked: told({}, 429, Retry_After="3000") if asked.path == "/b" else Told(page(0, 2, 4, "/b")[0])
    with pytest.raises(Busy):
        scanned(gleif(peer.url, tmp_path))
    assert len(peer.asked) == 2


# --- lookups that contradict themselves ------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [page(0, 0, 1), page(0, 0, None), page(0, 0, "0")])
def test_nobody_is_not_found_only_where_there_is_nobody(canned: Canned, told: tuple[bytes, str, int]) -> None:
    with pytest.raises(Unreadable):
        said(canned, told).lookup(entity(0)["id"], Deadline.after(5))
    with pytest.raises(NotFound):
        said(canned, page(0, 0, 0)).lookup(entity(0)["id"], Deadline.after(5))


@pytest.mark.parametrize(
    ("status", "active"), [("ISSUED", True), ("LAPSED", True), ("ANNULLED", None), ("DUPLICATE", None)]
)
def test_a_void_registration_tells_no_status(canned: Canned, status: str, active: bool | None) -> None:
    row = entity(0, status="ACTIVE")
    row["attributes"]["registration"] = {"status": status}
    body = json.dumps({"meta": {"pagination": {"total": 1}}, "data": [row]}).encode()
    assert scanned(said(canned, (body, JSON_API, 200)))["active"].to_pylist() == [active]


def test_half_a_character_stops_no_scan(canned: Canned) -> None:
    odd = entity(1) | {"attributes": {"lei": "\ud800", "entity": {"\ud800odd": 1}}}
    body = json.dumps({"meta": {"pagination": {"total": 2}}, "data": [entity(0), odd]}).encode()
    asked = said(canned, (body, JSON_API, 200))
    table = scanned(asked)
    assert table["identifier"].to_pylist() == [entity(0)["id"], None]
    assert table[FAULT].null_count == 1
    assert asked.extras == {"?odd"}


def test_a_link_that_is_no_address_is_not_followed(canned: Canned) -> None:
    with pytest.raises(Misconfigured, match="not a URL"):
        scanned(said(canned, page(0, 1, 2, "http://[::1")))


def test_sole_proprietors_are_left_out_and_that_is_told(canned: Canned, caplog: pytest.LogCaptureFixture) -> None:
    rows = [entity(0), entity(1, category="SOLE_PROPRIETOR", legalName={"name": "JEANNE"}), entity(2)]
    body = json.dumps({"meta": {"pagination": {"total": 3}}, "data": rows}).encode()
    with caplog.at_level(logging.WARNING):
        table = scanned(said(canned, (body, JSON_API, 200)))
    assert table.num_rows == 2
    assert "sole proprietors, which are left out" in caplog.text
    assert "JEANNE" not in caplog.text


def test_a_row_that_is_none_is_a_fault_and_the_others_stand(canned: Canned) -> None:
    rows: list[Any] = [entity(0), entity(1, legalName={"name": 5}), "x", {"attributes": {"lei": 7}}, entity(4)]
    body = json.dumps({"meta": {"pagination": {"total": 5}}, "data": rows}).encode()
    table = scanned(said(canned, (body, JSON_API, 200))).to_pylist()
    assert [row[FAULT] is None for row in table] == [True, False, False, False, True]
    assert "name" in table[1][FAULT]
    assert [row["identifier"] for row in table[1:4]] == [entity(1)["id"], None, None]


def test_names_that_nobody_knows_are_reported_without_their_values(canned: Canned) -> None:
    row = entity(0, colour="SECRET")
    row["attributes"]["vlei"] = "SECRET"
    body = json.dumps({"meta": {"pagination": {"total": 1}}, "data": [row]}).encode()
    asked = said(canned, (body, JSON_API, 200))
    assert scanned(asked)[FAULT].null_count == 1
    assert asked.extras == {"colour", "vlei"}
