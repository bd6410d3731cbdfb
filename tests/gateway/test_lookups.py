"""Lookups through real connectors: what a registry does wrong, what the caller gets, and what it never costs others."""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from connectors.errors import MalformedIdentifier, NotGranted
from gateway.lookups import answering
from pipelines.run import run
from pipelines.workspace import Workspace
from tests.gateway.conftest import Gateway, Reply, ask
from tests.peers.fault_proxy import FaultProxy

Faults = dict[str, FaultProxy]


def person(gateway: Gateway, nir: str, name: str = "person") -> Reply:
    return gateway.post(f"/lookups/{name}", {"identifier": nir}, "mairie")


def test_what_may_be_asked(gateway: Gateway) -> None:
    told = {lookup["name"]: lookup for lookup in gateway.get("/lookups").json["data"]}
    assert list(told) == ["commune", "copy", "person", "resident", "unmade"]
    assert told["commune"]["providers"] == ["communes", "dataset:communes"]
    assert told["commune"]["identifiers"] == ["insee"]
    assert told["commune"]["fields"][0] == {
        "name": "code",
        "title": "INSEE code",
        "description": "Code officiel géographique, 5 characters",
    }
    assert [way["method"] for way in told["commune"]["ask"]] == ["GET", "POST"]
    assert [way["method"] for way in told["person"]["ask"]] == ["POST"]
    assert (told["person"]["personal"], told["commune"]["personal"]) == (True, False)


def test_a_commune(gateway: Gateway) -> None:
    for reply in (
        gateway.get("/lookups/commune/01001", "mairie"),
        gateway.get("/lookups/commune/insee:01001", "mairie"),
        gateway.get("/lookups/commune/INSEE%3A01001", "mairie"),
        gateway.get("/lookups/commune/%2001001", "mairie"),
        gateway.post("/lookups/commune", {"identifier": "insee:01001"}, "mairie"),
    ):
        assert reply.status == 200
        assert reply.json["data"] == {
            "code": "01001", "name": "L'Abergement-Clémenciat", "siren": "210100012", "postal_codes": ["01400"],
            "population": 860, "department_code": "01", "region_code": "84", "epci_code": "200069193",
        }  # fmt: skip
        meta = reply.json["meta"]
        assert (meta["source"], meta["age_seconds"], meta["tried"]) == ("communes", 0, [])
        assert reply.headers["cache-control"] == "no-store"


def test_a_person(gateway: Gateway, nirs: list[str]) -> None:
    reply = gateway.post("/lookups/person", {"identifier": nirs[0], "fields": ["birth_name", "birth_date"]}, "mairie")
    assert set(reply.json["data"]) == {"birth_name", "birth_date"}
    assert reply.json["meta"]["source"] == "civil"
    assert person(gateway, nirs[0]).json["data"]["nir"] == nirs[0]


def test_a_personal_identifier_never_stands_in_a_url(
    gateway: Gateway, nirs: list[str], faults: Faults, caplog: pytest.LogCaptureFixture
) -> None:
    faults["civil"].fault = "none"
    with caplog.at_level(logging.DEBUG):
        reply = gateway.get(f"/lookups/person/{nirs[0]}", "mairie")
        person(gateway, nirs[0])
        gateway.get(f"/{nirs[0]}")
        gateway.get(f"/lookups/{nirs[0]}")
        gateway.get(f"/datasets/{nirs[0]}/rows?{nirs[0]}__exact={nirs[0]}")
        gateway.get(f"/datasets/residents/rows/{nirs[0]}", "mairie")
        faults["civil"].fault = "garbage"
        person(gateway, nirs[0])
    assert (reply.status, reply.code) == (405, "method-not-allowed")
    assert reply.headers["allow"] == "", "that address takes no method at all"
    assert "POST /lookups/person" in reply.json["detail"]
    assert nirs[0] not in reply.body.decode()
    assert nirs[0] not in "\n".join(f"{r.getMessage()} {r.exc_text}" for r in caplog.records)
    assert "GET /lookups/person/{identifier} 405" in caplog.text
    assert "GET (no route) 404" in caplog.text


@pytest.mark.parametrize(
    "identifier", ["1001", "99999", "01001'; --", "code:01001", "", "é", "0" * 3000, "01001/../01002", "%00", "insee:"]
)
def test_a_malformed_identifier_asks_no_registry(gateway: Gateway, faults: Faults, identifier: str) -> None:
    faults["communes"].fault = "none"
    reply = gateway.get(f"/lookups/commune/{identifier}".replace(" ", "%20").replace("é", "%C3%A9"), "mairie")
    assert (reply.status, reply.code) == (422, "malformed-identifier")
    if 0 < len(identifier) < 200:
        by_post = gateway.post("/lookups/commune", {"identifier": identifier}, "mairie")
        assert (by_post.status, by_post.code) == (422, "malformed-identifier")
    assert faults["communes"].seen == 0


def test_check_digits_count(gateway: Gateway, faults: Faults, nirs: list[str]) -> None:
    faults["civil"].fault = "none"
    wrong = nirs[0][:-1] + str((int(nirs[0][-1]) + 1) % 10)
    reply = person(gateway, wrong)
    assert (reply.status, reply.code) == (422, "malformed-identifier")
    assert wrong not in reply.body.decode()
    assert faults["civil"].seen == 0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "JSON"), (b"{", "JSON"), (b"[]", "JSON"), (b"null", "JSON"), (b"{}", "identifier: Field required"),
        (b'{"identifier": 185057800608491}', "identifier: Input should be a valid string"),
        (b'{"identifier": "01001", "185057800608491": 1}', "there is an unknown key"),
        (b'{"identifier": "01001", "fields": "185057800608491"}', "fields: Input should be a valid array"),
        (b'{"identifier": "01001", "fields": []}', "at least 1 item"),
        (b'{"identifier": "\\ud800"}', "JSON"), (b'{"identifier": "\xff185057800608491"}', "JSON"),
        (b'{"identifier": "' + b"1" * 300 + b'"}', "at most 200 characters"),
        (b"[" * 10_000, "JSON"), (b'{"identifier": "01001", "fields": ["nothing"]}', "allowed: code"),
        (b'{"identifier": "01001", "identifier": "185057800608491"}', "has one name twice"),
        (b'{"identifier": "01001", "verify": {"name": "A", "n\\u0061me": "185057800608491"}}', "has one name twice"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_question(gateway: Gateway, body: bytes, said: str) -> None:
    reply = gateway.post("/lookups/commune", body, "mairie")
    assert (reply.status, reply.code) == (400, "invalid-request")
    assert said in reply.json["detail"]
    assert "185057800608491" not in reply.body.decode()


def test_what_is_not_there(gateway: Gateway) -> None:
    reply = gateway.get("/lookups/commune/01999", "mairie")
    assert (reply.status, reply.code) == (404, "not-found")
    assert [attempt["provider"] for attempt in reply.json["tried"]] == ["communes"], "no copy contradicts the registry"
    reply = gateway.get("/lookups/comune/01001", "mairie")
    assert (reply.status, reply.code) == (404, "not-found")
    assert "did you mean «commune»" in reply.json["detail"]
    assert gateway.post("/lookups/comune", {}, "mairie").code == "not-found"
    reply = ask(gateway.url, "DELETE", "/lookups/commune")
    assert reply.headers["allow"] == "GET, POST"
    assert "GET /lookups/commune/IDENTIFIER" in reply.json["detail"]


FAULTS = {
    "refuse": ("down", 503), "reset": ("unreadable", 502), "cut": ("unreadable", 502), "blackhole": ("late", 504),
    "garbage": ("unreadable", 502), "html": ("unreadable", 502), "drip": ("late", 504), "latency:2": ("late", 504),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_registry(gateway: Gateway, faults: Faults, nirs: list[str], fault: str) -> None:
    """The dataset answers in its place and says how old it is; where there is none, whose fault it is."""
    for proxy in faults.values():
        proxy.fault = fault
    started = time.monotonic()
    code, status = FAULTS[fault]
    reply = person(gateway, nirs[0])
    assert (reply.code, reply.status) in {(code, status), ("down", 503)}
    assert (reply.json["fault"], reply.json["registry"]) == ("registry", "civil")
    assert [attempt["provider"] for attempt in reply.json["tried"]] == ["civil"]
    assert reply.headers["retry-after"] or reply.status != 503
    assert time.monotonic() - started < 1.7, "the lookup's deadline of 1 s holds"
    failed = reply.code

    fallen_back = person(gateway, nirs[0], "resident")
    assert fallen_back.status == 200
    assert fallen_back.json["data"]["nir"] == nirs[0]
    meta = fallen_back.json["meta"]
    assert meta["source"] == "dataset:residents"
    assert meta["age_seconds"] >= 0
    assert [(attempt["provider"], attempt["code"]) for attempt in meta["tried"]] == [("civil", failed)]

    absent = person(gateway, nirs[40], "resident")
    assert absent.code == failed, "absence in a copy proves nothing"
    assert [attempt["code"] for attempt in absent.json["tried"]] == [failed, "not-found"]
    assert "proves nothing" in absent.json["tried"][1]["detail"]

    health = gateway.get("/health").json
    assert health["status"] == "degraded"
    assert (health["registries"]["civil"]["status"], health["registries"]["civil"]["code"]) == ("failing", failed)
    for proxy in faults.values():
        proxy.fault = "none"
    assert person(gateway, nirs[0]).status == 200
    assert gateway.get("/health").json["registries"]["civil"]["status"] == "ok"


def test_a_lookup_that_only_a_dataset_answers(gateway: Gateway) -> None:
    assert gateway.get("/lookups/copy/01001", "mairie").json["meta"]["source"] == "dataset:communes"
    reply = gateway.get("/lookups/copy/75056", "mairie")
    assert (reply.status, reply.code) == (404, "not-found")


def test_a_dataset_without_a_version_is_passed_over(gateway: Gateway, faults: Faults) -> None:
    reply = gateway.get("/lookups/unmade/75056", "mairie")
    assert reply.json["meta"]["source"] == "communes"
    assert reply.json["meta"]["tried"][0]["code"] == "unavailable"
    assert "`beffroi run never`" in reply.json["meta"]["tried"][0]["detail"]
    assert gateway.get("/lookups/unmade/75999", "mairie").code == "not-found"
    faults["communes"].fault = "refuse"
    reply = gateway.get("/lookups/unmade/75056", "mairie")
    assert (reply.code, len(reply.json["tried"])) == ("down", 2)


def test_what_was_tried_before_is_told_in_the_language_of_who_asks(gateway: Gateway) -> None:
    """Alone, together with others and of many rows; and what one reader was told in French the next is told in English."""
    said = {
        "fr": "le jeu de données never n'a pas encore de version : `beffroi run never` en fait une",
        "en": "the dataset never has no version yet: `beffroi run never` makes one",
    }
    for language in ("fr", "en", "fr"):
        headers = gateway.headers("mairie", "inscription-scolaire") | {"Accept-Language": language}

        def post(path: str, body: object, headers: dict[str, str] = headers) -> Reply:
            return ask(gateway.url, "POST", path, headers, body)

        alone = ask(gateway.url, "GET", "/lookups/unmade/75056", headers)
        posted = post("/lookups/unmade", {"identifier": "75056"})
        together = post("/lookups", [{"lookup": "unmade", "identifier": "75056"}]).json["data"][0]
        many = post("/lookups/unmade", {"identifiers": ["75056"]}).json["data"][0]
        metas = [alone.json["meta"], posted.json["meta"], together["meta"], many["meta"]]
        assert [meta["tried"][0]["detail"] for meta in metas] == [said[language]] * 4
        assert (alone.headers["vary"], posted.headers["vary"]) == ("Accept-Language", "Accept-Language")
    assert gateway.get("/lookups/commune/01001", "mairie").headers["vary"] is None, "nothing of it is a sentence"


def test_a_dataset_that_is_broken(root: Path, faults: Faults) -> None:
    with Gateway(root) as gateway:
        faults["communes"].fault = "refuse"
        [index] = (root / ".beffroi" / "versions" / "communes").glob("*/rows.lmdb")
        index.unlink()
        reply = gateway.get("/lookups/commune/01001", "mairie")
        assert (reply.status, reply.code) == (503, "down")
        assert "`beffroi run communes` mends it" in reply.json["tried"][1]["detail"]
        assert gateway.get("/datasets/communes/rows/01001").code == "unavailable"


def test_a_new_version_answers_at_once(root: Path, faults: Faults) -> None:
    faults["communes"].fault = "refuse"
    with Gateway(root) as gateway:
        old = gateway.get("/lookups/commune/01001", "mairie").json["meta"]["as_of"]
        declared = root / "datasets" / "communes.yaml"
        declared.write_text(declared.read_text() + "clean: {name: {steps: [upper]}}\n", encoding="utf-8")
        time.sleep(1)  # the answer's time has whole seconds
        run(Workspace(root), "communes")
        reply = gateway.get("/lookups/commune/01001", "mairie").json
    assert reply["data"]["name"] == "L'ABERGEMENT-CLÉMENCIAT"
    assert reply["meta"]["as_of"] > old


def timed(call: Callable[[], object]) -> float:
    started = time.monotonic()
    call()
    return time.monotonic() - started


def test_a_hanging_registry_slows_nobody_else(gateway: Gateway, faults: Faults, nirs: list[str]) -> None:
    """Eight places, 32 that wait: the next is told at once; lookups of another registry go on as ever."""
    faults["civil"].fault = "blackhole"
    replies: list[Reply] = []
    crowd = [  # each asks for another person: the same question would be one call
        threading.Thread(target=lambda nir=nir: replies.append(person(gateway, nir))) for nir in nirs[:60]
    ]
    gateway.headers("mairie")
    for asker in crowd:
        asker.start()
    time.sleep(0.4)
    others = [timed(lambda: gateway.get("/lookups/commune/01001", "mairie")) for _ in range(20)]
    for asker in crowd:
        asker.join()
    codes = [reply.code for reply in replies]
    assert {"late", "busy"} == set(codes), [reply.json for reply in replies if reply.code not in ("late", "busy")]
    assert codes.count("busy") >= 20
    assert max(others) < 0.5
    assert {reply.status for reply in replies} == {503, 504}
    faults["civil"].fault = "none"
    assert person(gateway, nirs[0]).status == 200, "and places come free again"


def test_the_command_line_asks_the_same_way(root: Path, nirs: list[str]) -> None:
    workspace = Workspace(root)
    told = asyncio.run(answering.command(workspace, "person", nirs[0], ["sex"], "etat-civil"))
    assert list(told["data"]) == ["sex"]
    for purpose, kind in ((None, NotGranted), ("etat-civil", MalformedIdentifier)):
        with pytest.raises(kind):
            asyncio.run(answering.command(workspace, "person", "x" if purpose else nirs[0], None, purpose))
    with closing(sqlite3.connect(root / ".beffroi" / "journal.db")) as database:
        found = database.execute(
            "SELECT entry ->> 'via', entry ->> 'outcome' FROM entries WHERE kind != 'change'"
        ).fetchall()
    assert found == [("command", "found"), ("command", "not-granted"), ("command", "malformed-identifier")]


@pytest.mark.parametrize("query", ["fields=birth_name", "purpose=inscription-scolaire", "foo="])
def test_nothing_asked_in_the_query_of_a_post_is_passed_over(gateway: Gateway, query: str) -> None:
    told = gateway.post(f"/lookups/person?{query}", {"identifier": "nir:100015948200015"}, "mairie")
    assert told.status == 400
    assert "a POST takes nothing in the query" in told.json["detail"]
    assert gateway.post(f"/datasets/things/rows?{query}", {}).status == 400


def test_a_parameter_twice_is_refused(gateway: Gateway) -> None:
    told = gateway.get("/lookups/commune/01001?fields=name&fields=code", "mairie")
    assert (told.status, told.json["type"]) == (400, "urn:beffroi:problem:invalid-request")
