"""Sirene: what a SIREN is, whom it tells, the pages of a scan, where it may lead; companies through the gateway."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from connectors import sandbox
from connectors.columns import arrow_schema, columns_of
from connectors.deadline import Deadline
from connectors.errors import MalformedIdentifier, Misconfigured, NotFound, RefusedUs, Unreadable, Withheld
from connectors.records import Company, canonical
from connectors.registry import FAULT
from connectors.sandbox import examples
from connectors.sirene import KEY_HEADER, Sirene, SireneSettings
from pipelines.run import run
from pipelines.workspace import Workspace
from tests.conftest import ROOT
from tests.gateway.conftest import Gateway
from tests.peers.canned import Canned

JSON = "application/json;charset=utf-8"
COMPANIES = ROOT / "datasets" / "reference" / "companies.parquet"

Row = dict[str, Any]


def sirene(url: str, root: Path = ROOT, **settings: Any) -> Sirene:
    unhurried = {"limits": {"per_minute": 1_000_000}}
    return Sirene("sirene", SireneSettings.model_validate({"url": url, **unhurried, **settings}), root)


def scanned(asked: Sirene) -> pa.Table:
    reader = asked.scan(None)
    assert isinstance(reader, pa.RecordBatchReader)
    return reader.read_all()


@pytest.fixture(scope="module")
def served(served: Path) -> Path:
    sandbox.start(served, ["sirene", "gleif"], tied=True)
    return served


@pytest.fixture(scope="module")
def companies() -> list[Row]:
    rows: list[Row] = pq.read_table(COMPANIES).to_pylist()
    return rows


# --- the number ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["732829320", " 732 829 320 ", "732.829.320"])
def test_a_number_has_one_form(typed: str) -> None:
    assert canonical(Company, f"siren:{typed}") == ("siren", "732829320")


@pytest.mark.parametrize("typed", ["", "732829321", "73282932", "73282932000074", "FR44732829320"])
def test_what_is_no_siren(typed: str) -> None:
    with pytest.raises(MalformedIdentifier, match="nine digits") as raised:
        canonical(Company, f"siren:{typed}")
    assert not typed or typed not in str(raised.value)


# --- lookups ---------------------------------------------------------------------------------------------------------


def test_a_company_with_its_head_office(served: Path, companies: list[Row]) -> None:
    asked = sirene("sandbox:sirene", served)
    row = next(row for row in companies if row["renamed"] and row["diffusion"] == "O" and row["street_number"])
    answer = asked.lookup(row["siren"], Deadline.after(5))
    assert isinstance(answer.record, Company)
    assert answer.record.name == row["legal_name"] != row["former_name"]
    assert answer.record.siret == row["siren"] + row["nic"]
    assert answer.record.address == f"{row['street_number']} {row['street_type']} {row['street_name']}"
    assert (answer.record.city, answer.record.commune_code) == (row["commune_name"], row["commune_code"])
    assert (answer.record.active, answer.record.created) == (row["state"] == "A", row["created"])
    assert asked.extras == set()


def test_a_merged_company_is_answered_by_its_successor(served: Path, companies: list[Row]) -> None:
    row = next(row for row in companies if row["merged_into"])
    answer = sirene("sandbox:sirene", served).lookup(row["siren"], Deadline.after(5))
    assert isinstance(answer.record, Company)
    assert (answer.record.siren, answer.merged_from) == (row["merged_into"], row["siren"])


@pytest.mark.parametrize(("diffusion", "sole"), [("P", True), ("P", False), ("N", True), ("N", False), ("O", True)])
def test_whoever_is_not_told_is_withheld(served: Path, companies: list[Row], diffusion: str, sole: bool) -> None:
    row = next(row for row in companies if row["diffusion"] == diffusion and (row["legal_category"] == "1000") == sole)
    with pytest.raises(Withheld) as raised:
        sirene("sandbox:sirene", served).lookup(row["siren"], Deadline.after(5))
    assert not {row["siren"], row["last_name"], row["legal_name"]} & set(str(raised.value).split())


def test_an_unknown_company_is_not_found(served: Path) -> None:
    with pytest.raises(NotFound):
        sirene("sandbox:sirene", served).lookup("003999990", Deadline.after(5))


@pytest.mark.parametrize("place", ["http://127.0.0.1:9/siren/1", "https://api.example/siren/1", "//api.example/"])
def test_a_redirect_to_another_host_is_refused(canned: Canned, place: str) -> None:
    canned.say(b"", JSON, 301, Location=place)
    with pytest.raises(Misconfigured, match="nothing was asked there"):
        sirene(canned.url).lookup("732829320", Deadline.after(5))
    assert len(canned.requests) == 1


def test_a_redirect_that_never_ends_is_unreadable(canned: Canned) -> None:
    canned.say(b"", JSON, 301, Location="/siren/732829320")
    with pytest.raises(Unreadable, match="redirects more than"):
        sirene(canned.url).lookup("732829320", Deadline.after(5))


def test_our_key_goes_with_every_call_and_stands_nowhere_else(canned: Canned, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIRENE_KEY", "s3cret")
    [example] = [each for each in examples.load("sirene") if each.name == "found"]
    canned.say(example.body, example.content_type)
    canned.further = [(each.body, each.content_type, each.status) for each in example.then]
    asked = sirene(canned.url, key="${SIRENE_KEY}")
    asked.lookup(example.identifier.removeprefix("siren:"), Deadline.after(5))
    assert [headers[KEY_HEADER] for _, _, headers, _ in canned.requests] == ["s3cret"] * 2
    assert "s3cret" not in repr(asked.settings)
    canned.say(b'{"message":"Unauthorized"}', "application/json", 401)
    with pytest.raises(RefusedUs) as raised:
        asked.lookup("732829320", Deadline.after(5))
    assert "s3cret" not in str(raised.value)
    monkeypatch.delenv("SIRENE_KEY")
    with pytest.raises(Misconfigured, match="SIRENE_KEY"):
        asked.lookup("732829320", Deadline.after(5))
    with pytest.raises(ValidationError, match="write"):
        sirene(canned.url, key="s3cret")


# --- scans -----------------------------------------------------------------------------------------------------------


def test_all_legal_persons_that_may_be_told(served: Path, companies: list[Row]) -> None:
    asked = sirene("sandbox:sirene", served)
    table = scanned(asked)
    assert table.drop_columns([FAULT]).schema == arrow_schema(columns_of(Company))
    assert table[FAULT].null_count == table.num_rows
    open_ones = [row for row in companies if row["diffusion"] == "O" and row["legal_category"] != "1000"]
    assert table["identifier"].to_pylist() == [row["siren"] for row in open_ones]
    assert table["name"].to_pylist() == [row["legal_name"] for row in open_ones]
    assert asked.extras == set()
    for row in table.to_pylist()[::4_000]:
        found = asked.lookup(row["siren"], Deadline.after(5)).record
        assert found == Company(**{name: value for name, value in row.items() if name != FAULT}), "the same both ways"


def test_a_scan_of_a_part(served: Path) -> None:
    table = scanned(sirene("sandbox:sirene", served, select="codeCommuneEtablissement:80*"))
    assert {code[:2] for code in table["commune_code"].to_pylist()} == {"80"}
    with pytest.raises(Unreadable, match="no company"):
        scanned(sirene("sandbox:sirene", served, select="codeCommuneEtablissement:99999"))
    with pytest.raises(Unreadable, match="HTTP status 400"):
        scanned(sirene("sandbox:sirene", served, select="nothing"))


def office(number: int, **unit: Any) -> Row:
    siren = f"004{number:06}"
    told = {
        "statutDiffusionUniteLegale": "O",
        "categorieJuridiqueUniteLegale": "5710",
        "denominationUniteLegale": "X",
        "etatAdministratifUniteLegale": "A",
    }
    return {"siren": siren, "siret": f"{siren}00000", "uniteLegale": {**told, **unit}}


def page(
    first: int, count: int, total: object, following: object, rows: list[Any] | None = None
) -> tuple[bytes, str, int]:
    given = rows or [office(number) for number in range(first, first + count)]
    header = {"statut": 200, "message": "ok", "total": total, "curseurSuivant": following}
    return json.dumps({"header": header, "etablissements": given}).encode(), JSON, 200


def said(canned: Canned, *pages: tuple[bytes, str, int]) -> Sirene:
    canned.say(*pages[0])
    canned.further = list(pages[1:])
    return sirene(canned.url)


END = (json.dumps({"header": {"statut": 404, "message": "Aucun élément trouvé"}}).encode(), JSON, 404)
"""How a search says that it has nothing."""


@pytest.mark.parametrize("last", [page(0, 0, 4, "b"), END], ids=["same cursor", "nothing found"])
def test_both_ends_of_a_scan(canned: Canned, last: tuple[bytes, str, int]) -> None:
    assert scanned(said(canned, page(0, 2, 4, "a"), page(2, 2, 4, "b"), last)).num_rows == 4
    asked = [path.rpartition("curseur=")[2] for _, path, _, _ in canned.requests]
    assert asked == ["%2A", "a", "b"]


@pytest.mark.parametrize(
    "pages",
    [
        [page(0, 2, 9, "a"), page(2, 2, 9, "b"), page(4, 2, 9, "a")],
        [page(0, 2, 9, "a"), page(2, 0, 9, "b")],
        [page(0, 2, 3, "a"), page(0, 2, 3, "b"), page(0, 2, 3, "c")],
        [page(0, 2, 9, None)],
        [page(0, 2, 9, 7)],
    ],
    ids=["loop", "empty", "repeats", "no cursor", "number"],
)
def test_pages_that_do_not_go_on_are_unreadable(canned: Canned, pages: list[tuple[bytes, str, int]]) -> None:
    with pytest.raises(Unreadable, match="do not go on"):
        scanned(said(canned, *pages))
    assert len(canned.requests) <= 3


@pytest.mark.parametrize(("total", "last"), [(3, page(0, 0, 3, "a")), (10**30, page(0, 0, 10**30, "a")), (3, END)])
def test_a_total_that_lies_is_unreadable(canned: Canned, total: int, last: tuple[bytes, str, int]) -> None:
    with pytest.raises(Unreadable, match="gave 2 companies and says that it has"):
        scanned(said(canned, page(0, 2, total, "a"), last))


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"header": {}, "etablissements": []}', b'{"header": {"total": true}}']
)
def test_a_page_that_is_none_is_unreadable(canned: Canned, body: bytes) -> None:
    with pytest.raises(Unreadable):
        scanned(said(canned, (body, JSON, 200)))


def test_a_404_of_somebody_else_is_no_end(canned: Canned) -> None:
    with pytest.raises(Unreadable, match="HTTP status 404"):
        scanned(said(canned, page(0, 2, 2, "a"), (b"{}", "application/json", 404)))


def test_a_row_that_may_not_be_told_or_is_none_is_a_fault_without_its_values(canned: Canned) -> None:
    masked = office(1, statutDiffusionUniteLegale="P", denominationUniteLegale="SECRET")
    trader = office(2, categorieJuridiqueUniteLegale="1000", denominationUniteLegale="SECRET")
    rows: list[Any] = [office(0), masked, trader, office(3, denominationUniteLegale=3), None, {"siren": 3}]
    table = scanned(said(canned, page(0, 0, 6, "*", rows))).to_pylist()
    assert [row[FAULT] is None for row in table] == [True, False, False, False, False, False]
    assert [row["identifier"] for row in table] == ["004000000", "004000001", "004000002", "004000003", None, None]
    assert "SECRET" not in json.dumps(table, default=str)


def test_half_a_character_stops_no_scan(canned: Canned) -> None:
    table = scanned(said(canned, page(0, 0, 2, "*", [office(0), {"siren": "\ud800"}])))
    assert table["identifier"].to_pylist() == ["004000000", None]
    assert table[FAULT].null_count == 1


def test_a_page_in_the_middle_is_asked_again(canned: Canned) -> None:
    busy = (b"{}", JSON, 503)
    asked = said(canned, page(0, 2, 4, "a"), busy, page(2, 2, 4, "b"), END)
    assert scanned(asked).num_rows == 4
    assert len(canned.requests) == 4


def test_names_that_nobody_knows_are_reported_without_their_values(canned: Canned) -> None:
    row = office(0, couleurUniteLegale="SECRET", changementCouleurUniteLegale=True)
    row["etage"] = "SECRET"
    asked = said(canned, page(0, 0, 1, "*", [row]))
    assert scanned(asked)[FAULT].null_count == 1
    assert asked.extras == {"couleurUniteLegale", "etage"}


# --- through the gateway ---------------------------------------------------------------------------------------------

WORKSPACE = """
title: Ville
registries:
  sirene: {{kind: sirene, url: '{sirene}', limits: {{per_minute: 1000000}}}}
  gleif: {{kind: gleif, url: '{gleif}', countries: [ES], limits: {{per_minute: 1000000}}}}
purposes:
  achat: {{title: Achat, procedure: Contrôle, legal_basis: CCP}}
lookups:
  company: {{record: Company, providers: [{{registry: sirene}}, {{registry: gleif}}, {{dataset: spanish}}]}}
  french: {{record: Company, providers: [{{registry: sirene}}]}}
organisations:
  ville:
    title: Ville
    applications:
      compta:
        title: Compta
        grants:
          - {{lookup: company, fields: '*', purposes: [achat]}}
          - {{lookup: french, fields: '*', purposes: [achat]}}
"""
SPANISH = """
title: Spanish
owner: ville
audience: open
licence: CC0-1.0
record: Company
source: {registry: gleif}
"""
LEI = "9598009RW5MTG44K2824"


@pytest.fixture(scope="module")
def gateway(served: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    root = tmp_path_factory.mktemp("companies")
    addresses = {name: sandbox.address(served, name) for name in ("sirene", "gleif")}
    (root / "beffroi.yaml").write_text(WORKSPACE.format(**addresses), encoding="utf-8")
    (root / "datasets").mkdir()
    (root / "datasets" / "spanish.yaml").write_text(SPANISH, encoding="utf-8")
    report = run(Workspace(root), "spanish")
    assert (report.rows_out, report.quarantined) == (13_901, 0)
    with Gateway(root) as running:
        yield running


def test_each_number_goes_to_who_knows_it(gateway: Gateway, companies: list[Row]) -> None:
    row = next(row for row in companies if row["merged_into"])
    french = gateway.get(f"/lookups/company/siren:{row['siren']}", "compta", "achat").json
    assert (french["meta"]["source"], french["meta"]["merged_from"]) == ("sirene", row["siren"])
    assert french["data"]["identifier"] == row["merged_into"]
    spanish = gateway.get(f"/lookups/company/lei:{LEI}", "compta", "achat").json
    assert (spanish["meta"]["source"], spanish["meta"]["tried"]) == ("gleif", [])
    assert spanish["data"]["name"] == "HOTEL TORRE DEL MARQUES, S.L."
    copied = gateway.get(f"/datasets/spanish/rows/{LEI}").json["data"]
    assert copied == spanish["data"], "a dataset that mirrors the record says the same by the same key"


def test_a_number_that_nobody_asked_knows_is_told(gateway: Gateway) -> None:
    reply = gateway.get(f"/lookups/french/lei:{LEI}", "compta", "achat")
    assert (reply.status, reply.code) == (400, "invalid-request")
    assert "by lei" in reply.json["detail"]


@pytest.mark.parametrize(
    ("identifier", "status", "code"),
    [
        ("siren:003999992", 404, "not-found"),
        ("lei:506700GE1G29325QX363", 404, "not-found"),
        ("003999990", 422, "malformed-identifier"),
        ("siren:003999991", 422, "malformed-identifier"),
        ("siret:00399999000001", 422, "malformed-identifier"),
    ],
)
def test_refusals_through_the_gateway(gateway: Gateway, identifier: str, status: int, code: str) -> None:
    reply = gateway.get(f"/lookups/company/{identifier}", "compta", "achat")
    assert (reply.status, reply.code) == (status, code)


def test_whoever_is_withheld_stays_so_through_the_gateway(gateway: Gateway, companies: list[Row]) -> None:
    trader = next(row for row in companies if row["legal_category"] == "1000" and row["diffusion"] == "O")
    reply = gateway.get(f"/lookups/company/siren:{trader['siren']}", "compta", "achat")
    assert (reply.status, reply.code) == (451, "withheld")
    assert trader["last_name"] not in reply.body.decode()
