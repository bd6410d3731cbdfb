"""What comes with a call beside its question: purpose, agent, case; wanted, journaled, and carried to registries."""

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from connectors.errors import Misconfigured
from gateway.callers.nir import holds_nir
from gateway.journal import Entry, Journal, verify
from pipelines.workspace import Workspace
from tests.commands import beffroi
from tests.gateway.conftest import Gateway, Reply, ask
from tests.gateway.test_journal import entries
from tests.peers.canned import Canned
from tests.pipelines.bench import Bench
from tests.soap.small_wsdl import envelope
from tests.soap.test_client import ANSWER, with_headers

WORKSPACE = """\
title: Test
registries:
  told:
    kind: rest
    url: 'URL'
    answers: [{status: 451, is: withheld}]
    headers: {X-Purpose: '${purpose}', X-Agreement: 'agreement ${purpose.agreement}', X-Agent: '${agent}'}
    lookup:
      record: Claim
      identifier: {scheme: claim, pattern: '[0-9]{4}'}
      path: claims
      query: {number: '{identifier}', case: '${case}', basis: '${purpose.legal_basis}'}
      same: number
      fields: {number: number, state: state}
  untold:
    kind: rest
    url: 'URL'
    lookup:
      record: Claim
      identifier: {scheme: claim, pattern: '[0-9]{4}', example: '0042'}
      path: claims/{identifier}
      same: number
      fields: {number: number, state: state}
  soap:
    kind: soap
    wsdl: wsdl/t.wsdl
    url: 'URL'
    personal: false
    lookup:
      record: Answered
      operation: Ask
      identifier: {scheme: number, pattern: '(?P<number>[0-9]{4})'}
      headers: {H: '${agent}'}
purposes:
  aid: {title: Aid, procedure: Aid, legal_basis: L1, agreement: C-2026-7}
  audit: {title: Audit, procedure: Audit, legal_basis: L2, agreement: C-2026-8}
  batch: {title: Batch, procedure: Batch, legal_basis: L3, requires: []}
  strict: {title: Strict, procedure: Strict, legal_basis: L4, requires: [case]}
  droit: {title: Droit, procedure: Accès, legal_basis: L5}
  over: {title: Over, procedure: Over, legal_basis: L6, expires: '2025-01-31'}
organisations:
  ville:
    title: Ville
    applications:
      desk:
        title: Desk
        grants:
          - {lookup: told, fields: '*', purposes: [aid, audit]}
          - {lookup: untold, fields: '*', purposes: [aid, batch, strict, over]}
          - {lookup: answered, fields: '*', purposes: [aid, strict]}
          - {dataset: notes, fields: '*', purposes: [aid, strict]}
          - {journal: who-read, fields: '*', purposes: [droit]}
lookups:
  told: {record: Claim, deadline: 3, providers: [{registry: told}], cache: {seconds: 600}}
  untold: {record: Claim, deadline: 3, providers: [{registry: untold}], cache: {seconds: 600}}
  answered: {record: Answered, deadline: 3, providers: [{registry: soap}]}
"""
NOTES = """\
title: Notes
owner: ville
audience: agents
source: {registry: source, table: notes}
schema:
  fields:
    - {name: id}
    - {name: text, personal: true}
  primaryKey: id
"""
AGENT, CASE = {"Beffroi-Agent": "m.dupont"}, {"Beffroi-Case": "2026/URB-0142"}


@pytest.fixture(scope="module")
def registry() -> Iterator[Canned]:
    with Canned() as server:
        yield server


@pytest.fixture(scope="module")
def gateway(registry: Canned, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    bench = Bench(tmp_path_factory.mktemp("purposes") / "w")
    (bench.root / "wsdl").mkdir()
    with_headers(bench.root / "wsdl", 'element="o:H"')
    source = "  source: {kind: files, path: source}\n"
    bench.write(
        "beffroi.yaml", WORKSPACE.replace("URL", registry.url).replace("registries:\n", f"registries:\n{source}")
    )
    bench.write("datasets/notes.yaml", NOTES)
    bench.source("notes", [{"id": "1", "text": "x"}])
    bench.run("notes")
    with Gateway(bench.root) as running:
        yield running


def claim(registry: Canned, number: str, state: str = "open") -> None:
    registry.say(json.dumps({"number": number, "state": state}).encode(), "application/json")


def post(gateway: Gateway, path: str, body: Any, purpose: str = "aid", headers: dict[str, str] | None = None) -> Reply:
    return ask(gateway.url, "POST", path, gateway.headers("desk", purpose) | (headers or {}), body)


# --- what must come --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("purpose", "headers", "said"),
    [
        ("aid", {}, ["Beffroi-Agent (the account of whoever asks", "Beffroi-Case (the number of the case file"]),
        (
            "aid",
            AGENT,
            ["send Beffroi-Case (the number of the case file that it is asked for, such as 2026-0142, never a name)"],
        ),
        ("aid", CASE, ["send Beffroi-Agent ("]),
        ("strict", AGENT, ["the purpose strict wants to know who asks, and for what: send Beffroi-Case"]),
        ("over", AGENT | CASE, ["the purpose over expired on 2025-01-31"]),
        ("aid", AGENT | CASE, []),
        ("batch", {}, []),
        ("strict", CASE, []),
    ],
)
def test_personal_data_want_agent_and_case_unless_the_purpose_says_else(
    gateway: Gateway, registry: Canned, purpose: str, headers: dict[str, str], said: list[str]
) -> None:
    claim(registry, "0001")
    reply = post(gateway, "/lookups/untold", {"identifier": "0001"}, purpose, headers)
    if not said:
        assert reply.status == 200, reply.body
    else:
        assert (reply.status, reply.code) == (403, "not-granted")
        assert all(text in reply.json["detail"] for text in said), reply.json["detail"]


def test_a_declared_example_is_shown_and_can_be_asked(gateway: Gateway, registry: Canned) -> None:
    claim(registry, "0042")
    body = gateway.get("/openapi.json").json["paths"]["/lookups/untold"]["post"]["requestBody"]["content"]
    shown = body["application/json"]["examples"]
    assert shown["one"]["value"] == {"identifier": "claim:0042"}
    assert body["text/csv"]["example"] == "dossier,identifier\nA-1,claim:0042\nA-2,no-such-number\n"
    for name in ("one", "fields", "many"):
        assert post(gateway, "/lookups/untold", shown[name]["value"], headers=AGENT | CASE).status == 200


def test_in_every_way_of_asking(gateway: Gateway, registry: Canned) -> None:
    claim(registry, "0002")
    many: list[dict[str, Any]] = [{"identifier": "0002"}]
    both = AGENT | CASE
    assert post(gateway, "/lookups/untold", many).status == 403
    assert post(gateway, "/lookups/untold", many, headers=both).json["data"][0]["outcome"] == "found"
    parts = [{"lookup": "untold", "identifier": "0002"}]
    assert post(gateway, "/lookups", parts).json["data"][0]["status"] == 403
    assert post(gateway, "/lookups", parts, headers=both).json["data"][0]["status"] == 200
    assert post(gateway, "/lookups/untold", {"identifier": "0002", "verify": {"state": "open"}}).status == 403
    notes = gateway.get("/datasets/notes/rows", "desk", "aid")
    assert notes.status == 200, "of a dataset only where the purpose says so"
    assert gateway.get("/datasets/notes/rows", "desk", "strict").status == 403
    assert gateway.get("/datasets/notes/rows", "desk", "strict", Beffroi_Case="C1").status == 200


def test_a_job_keeps_for_whom_it_asks(gateway: Gateway, registry: Canned) -> None:
    claim(registry, "0003")
    both = AGENT | CASE
    accepted = post(gateway, "/lookups/untold", [{"identifier": "0003"}], headers=both | {"Prefer": "respond-async"})
    assert accepted.status == 202
    job, until = accepted.headers["Location"], time.monotonic() + 20
    given = gateway.headers("desk", "aid")
    while ask(gateway.url, "GET", job, given).json["data"]["state"] != "done":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert ask(gateway.url, "GET", f"{job}/result", given).status == 403
    for other in ({"Beffroi-Agent": "m.durand"}, {"Beffroi-Case": "2026/URB-0143"}):
        refused = ask(gateway.url, "GET", f"{job}/result", given | both | other)
        assert (refused.status, "was made by another agent, or for another case" in refused.json["detail"]) == (
            403,
            True,
        )
    assert ask(gateway.url, "GET", f"{job}/result", given | both).json["data"][0]["outcome"] == "found"
    answered = [entry for entry in entries(gateway.root / ".beffroi") if entry["resource"] == "lookup:untold"]
    assert (answered[-1]["case"], answered[-1]["agent"]) == ("2026/URB-0142", "m.dupont")
    assert answered[-5]["case"] == "2026/URB-0142", "the row itself, before it was fetched twice"


NIRS = [
    "255081416802538", "nir:255081416802538", "2550814168025", "2550814168025/38", "2-55-08-14-168-025-38", "D255081416802538",
    "255081416802538-2026", "nir:2-55-08-14-168-025", "253072b073000-74",
]  # fmt: skip


@pytest.mark.parametrize("case", ["Jean Dupont", "é-1", "", "a\tb", "x" * 65, "../x", *NIRS])
def test_a_case_is_the_number_of_a_file(gateway: Gateway, case: str) -> None:
    reply = post(
        gateway,
        "/lookups/untold",
        {"identifier": "0001"},
        headers=AGENT | {"Beffroi-Case": case.encode().decode("latin-1")},
    )
    assert (reply.status, reply.code) == (422 if reply.status == 422 else 400, "invalid-request")
    assert "the case (Beffroi-Case) is the number of a case file" in reply.json["detail"]
    last = entries(gateway.root / ".beffroi")[-1]
    assert (last["case"], last["outcome"]) == (None, "invalid-request"), "nothing of it is kept"


@pytest.mark.parametrize(
    "agent", ["255081416802538", "2550814168025", "u.2-55-08-14-168-025-38@ville.fr", "²55081416802538"]
)
def test_an_agent_is_an_account(gateway: Gateway, agent: str) -> None:
    headers = {"Beffroi-Agent": agent.encode("latin-1").decode("latin-1"), "Beffroi-Case": "C1"}
    reply = post(gateway, "/lookups/untold", {"identifier": "0001"}, headers=headers)
    assert (reply.status, reply.code) == (400, "invalid-request")
    assert "the number of a person" in reply.json["detail"]
    last = entries(gateway.root / ".beffroi")[-1]
    assert (last["agent"], last["outcome"]) == (None, "invalid-request"), "nothing of it is kept"


@pytest.mark.parametrize(
    "text",
    ["2026-0142-000123", "20261122174959", "26-01-01-0012345", "2024/URB/0000012345", "C.2550814168025", "m.dupont"],
)
def test_numbers_of_files_are_no_persons(text: str) -> None:
    assert not holds_nir(text), "thirteen digits are a NIR alone, and as it is written"


@pytest.mark.parametrize("name", ["Beffroi-Agent", "Beffroi-Case", "Beffroi-Purpose"])
def test_who_asks_is_said_once(gateway: Gateway, name: str) -> None:
    """What an integration adds to a call must not be outvoted by what its user has sent."""
    given = gateway.headers("desk", "aid") | AGENT | CASE
    parts = urlsplit(gateway.url)
    with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)) as connection:
        body = b'{"identifier": "0001"}'
        connection.putrequest("POST", "/lookups/untold")
        for header, value in [*given.items(), (name, "other"), ("Content-Length", str(len(body)))]:
            connection.putheader(header, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        assert (answer.status, f"the header {name} must come once" in answer.read().decode()) == (400, True)


def test_the_command_line_too(gateway: Gateway, registry: Canned) -> None:
    claim(registry, "0004")
    root = gateway.root
    refused = beffroi(root, "lookup", "untold", "0004", "--purpose", "aid", status=1)
    assert "say by --case the number of its case file" in refused.stderr
    beffroi(root, "lookup", "untold", "0004", "--purpose", "aid", "--case", "Jean Dupont", status=1)
    beffroi(root, "lookup", "untold", "0004", "--purpose", "aid", "--case", "C-7")
    assert entries(root / ".beffroi")[-1]["case"] == "C-7"
    (root / "asked.csv").write_text("identifier\n0004\n")
    files = ("--file", str(root / "asked.csv"), "--out", str(root / "told.csv"), "--purpose", "aid")
    assert "--case" in beffroi(root, "lookup", "untold", *files, status=1).stderr
    beffroi(root, "lookup", "untold", *files, "--case", "C-8")
    assert entries(root / ".beffroi")[-1]["case"] == "C-8"


# --- on the journal --------------------------------------------------------------------------------------------------


def test_who_read_tells_the_case(gateway: Gateway, registry: Canned) -> None:
    claim(registry, "0005")
    assert post(gateway, "/lookups/untold", {"identifier": "0005"}, headers=AGENT | CASE).status == 200
    told = post(gateway, "/who-read", {"identifier": "claim:0005"}, "droit").json["data"]
    assert [(each["agent"], each["case"], each["purpose"]) for each in told] == [("m.dupont", "2026/URB-0142", "Aid")]


class Older(Entry):
    """An entry as they were before there were cases."""

    def canonical(self) -> str:
        content = json.loads(super().canonical())
        del content["case"]
        return json.dumps(content)


def test_entries_without_a_case_stay_proven_and_readable(gateway: Gateway, registry: Canned, tmp_path: Path) -> None:
    with contextlib.closing(Journal(tmp_path)) as journal:
        journal.append(Older("lookup", "lookup:untold", "api")).result()
        journal.append(Entry("lookup", "lookup:untold", "api", case="C1")).result()
    assert verify(tmp_path / "journal.db").whole
    journal = gateway.service.journal
    journal.append(Older("lookup", "lookup:untold", "api", identifier=journal.keyed("claim:0006"))).result()
    told = post(gateway, "/who-read", {"identifier": "claim:0006"}, "droit").json["data"]
    assert [(each["case"], each["outcome"]) for each in told] == [(None, "found")]


# --- carried to registries -------------------------------------------------------------------------------------------


def test_a_registry_is_told_what_it_wants(gateway: Gateway, registry: Canned) -> None:
    claim(registry, "0007")
    registry.requests.clear()
    assert post(gateway, "/lookups/told", {"identifier": "0007"}, headers=AGENT | CASE).status == 200
    [(_, path, headers, _)] = registry.requests
    assert path == "/claims?number=0007&case=2026%2FURB-0142&basis=L1"
    told = {name: headers[name] for name in ("X-Purpose", "X-Agreement", "X-Agent")}
    assert told == {"X-Purpose": "aid", "X-Agreement": "agreement C-2026-7", "X-Agent": "m.dupont"}
    registry.requests.clear()
    assert post(gateway, "/lookups/untold", {"identifier": "0007"}, headers=AGENT | CASE).status == 200
    [(_, path, headers, _)] = registry.requests
    assert (path, [name for name in headers if name.startswith(("X-", "Beffroi"))]) == ("/claims/0007", [])


def test_an_agent_that_no_header_can_have_is_the_callers_to_mend(gateway: Gateway, registry: Canned) -> None:
    registry.requests.clear()
    named = {"Beffroi-Agent": "m.dupré"}
    reply = post(gateway, "/lookups/told", {"identifier": "0008"}, headers=named | CASE)
    assert (reply.status, reply.json["fault"], registry.requests) == (400, "caller", [])
    assert "write the agent without" in reply.json["detail"]


def test_nobody_probes_what_wants_to_know_who_asks(gateway: Gateway, registry: Canned) -> None:
    registry.requests.clear()
    told = beffroi(gateway.root, "check", "--online").stdout
    assert "it is told agent, case, purpose, purpose.agreement, purpose.legal_basis with each question" in " ".join(
        told.split()
    )
    assert registry.requests == []


def test_a_soap_registry_in_its_header(gateway: Gateway, registry: Canned) -> None:
    registry.say(envelope(ANSWER), "text/xml; charset=utf-8")
    registry.requests.clear()
    reply = gateway.get("/lookups/answered/1234", "desk", "aid", Beffroi_Agent="m.dupont")
    assert reply.status == 200, reply.body
    [(_, _, _, body)] = registry.requests
    assert b"m.dupont</" in body
    refused = gateway.get("/lookups/answered/1234", "desk", "aid")
    assert (refused.status, len(registry.requests)) == (403, 1)
    assert "a registry of this lookup is told the agent of each call: say it in Beffroi-Agent" in refused.json["detail"]


def test_what_one_purpose_got_is_not_given_to_another(gateway: Gateway, registry: Canned) -> None:
    """An answer may depend on what the registry was told: kept and shared only where that was the same."""
    both = AGENT | CASE
    claim(registry, "0008", "for aid")
    assert post(gateway, "/lookups/told", {"identifier": "0008"}, "aid", both).json["data"]["state"] == "for aid"
    claim(registry, "0008", "for audit")
    assert post(gateway, "/lookups/told", {"identifier": "0008"}, "audit", both).json["data"]["state"] == "for audit"
    again = post(gateway, "/lookups/told", {"identifier": "0008"}, "aid", both).json
    assert (again["data"]["state"], again["meta"]["cached"]) == ("for aid", "fresh")
    other = post(gateway, "/lookups/told", {"identifier": "0008"}, "aid", AGENT | {"Beffroi-Case": "C2"}).json
    assert (other["data"]["state"], "cached" in other["meta"]) == ("for audit", False), "told another case"
    claim(registry, "0009")
    post(gateway, "/lookups/untold", {"identifier": "0009"}, "aid", both)
    assert post(gateway, "/lookups/untold", {"identifier": "0009"}, "batch").json["meta"]["cached"] == "fresh"


def test_what_is_withheld_from_one_case_is_asked_for_anew_by_all(gateway: Gateway, registry: Canned) -> None:
    """Nobody knows whether it is withheld from that case alone: what is kept for others is not told, nor is it shared."""
    cases = [AGENT | {"Beffroi-Case": f"C{n}"} for n in range(3)]

    def asked(number: str, case: int) -> tuple[str, str | None]:
        reply = post(gateway, "/lookups/told", {"identifier": number}, headers=cases[case])
        return ("found", reply.json["meta"].get("cached")) if reply.status == 200 else (reply.code, None)

    for number in ("0021", "0022"):
        claim(registry, number)
        assert [asked(number, case) for case in (0, 1, 0, 1)] == [("found", None)] * 2 + [("found", "fresh")] * 2
    registry.say(b'{"why": "protected"}', "application/json", 451)
    assert asked("0021", 2) == ("withheld", None)
    assert [asked("0021", 0), asked("0022", 0)] == [("withheld", None), ("found", "fresh")]
    claim(registry, "0021")
    assert [asked("0021", case) for case in (1, 1, 2, 0)] == [
        ("found", None), ("found", "fresh"), ("found", None), ("found", None),
    ]  # fmt: skip


def test_at_the_same_time_too(gateway: Gateway, registry: Canned) -> None:
    claim(registry, "0010")
    registry.requests.clear()
    both = AGENT | CASE
    askers = [
        threading.Thread(target=post, args=(gateway, "/lookups/told", {"identifier": "0010"}, purpose, both))
        for purpose in ("aid", "audit") * 8
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert sorted(headers["X-Purpose"] for _, _, headers, _ in registry.requests) == ["aid", "audit"]


def test_what_a_purpose_does_not_declare_is_said_to_the_operator(gateway: Gateway) -> None:
    """No grant leads there: the workspace would not be read."""
    asked = ("lookup", "told", "0011", "--purpose", "batch", "--case", "C1")
    refused = beffroi(gateway.root, *asked, status=1)
    assert "is told the agreement of each purpose, and batch declares none" in refused.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("'${agent}'}\n    lookup", "'${agent} ${purpose.reason}'}\n    lookup", "nothing stands for ${purpose.reason}"),
        ("purposes: [aid, audit]}", "purposes: [aid, batch]}", "the registry told is told the agreement of each purpose"),
        ("H: '${agent}'", "H: '${purpose.agrement}'", "nothing stands for ${purpose.agrement}; of a call there are:"),
        ("example: '0042'", "example: '42'", "example: is no such identifier: its form is [0-9]{4}"),
        ("    headers: {X-Purpose", "    tables: {all: {path: all}}\n    headers: {X-Purpose", "a table is read for nobody"),
    ],
)  # fmt: skip
def test_words_that_stand_for_nothing_are_refused(
    gateway: Gateway, tmp_path: Path, old: str, new: str, said: str
) -> None:
    bench = Bench(tmp_path / "w")
    (bench.root / "wsdl").mkdir()
    with_headers(bench.root / "wsdl", 'element="o:H"')
    text = WORKSPACE.replace("URL", "http://127.0.0.1:1").replace(
        "          - {dataset: notes, fields: '*', purposes: [aid, strict]}\n", ""
    )
    assert old in text
    bench.write("beffroi.yaml", text.replace(old, new))
    with pytest.raises(Misconfigured) as raised:
        Workspace(bench.root)
    assert said in raised.value.detail
