"""Several lookups at once: each with an outcome of its own, on the journal like any other, the slow delaying no other."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.lookups.together import MOST
from pipelines.run import run
from pipelines.workspace import Workspace
from tests.gateway.conftest import COMMUNES, Gateway, ask
from tests.peers.fault_proxy import FaultProxy


def entries(root: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(root / ".beffroi" / "journal.db")) as database:
        return [json.loads(row[0]) for row in database.execute("SELECT entry FROM entries WHERE kind != 'change'")]


def test_each_part_has_its_outcome(root: Path, nirs: list[str]) -> None:
    with Gateway(root) as gateway:
        parts: list[dict[str, Any]] = [
            {"lookup": "commune", "identifier": "01001", "fields": ["name"]},
            {"lookup": "person", "identifier": nirs[0], "verify": {"birth_name": "Allain"}},
            {"lookup": "commune", "identifier": "01999"},
            {"lookup": "person", "identifier": "x"},
            {"lookup": "nothing", "identifier": "x"},
            {"lookup": "commune", "identifier": "01002", "fields": ["code"]},
        ]
        reply = gateway.post("/lookups", parts, "mairie")
        assert reply.status == 200, reply.body
        told = reply.json["data"]
        assert [each["lookup"] for each in told] == [part["lookup"] for part in parts]
        assert [each["status"] for each in told] == [200, 200, 404, 422, 404, 200]
        assert (told[0]["data"], told[5]["data"]) == ({"name": "L'Abergement-Clémenciat"}, {"code": "01002"})
        assert told[1]["verified"] == {"birth_name": {"match": "yes"}}
        assert told[0]["meta"]["source"] == "communes"
        problem = told[3]["problem"]
        assert (problem["type"], problem["fault"]) == ("urn:beffroi:problem:malformed-identifier", "caller")
        assert reply.json["meta"] == {"asked": 6, "answered": 3, "partial": True}
        assert reply.headers["cache-control"] == "no-store"
        assert gateway.post("/lookups", parts[:2], "mairie").json["meta"]["partial"] is False
    found = sorted((entry["action"], entry["resource"], entry["outcome"]) for entry in entries(root)[:5])
    assert found == [
        ("lookup", "lookup:commune", "found"), ("lookup", "lookup:commune", "found"),
        ("lookup", "lookup:commune", "not-found"), ("lookup", "lookup:person", "malformed-identifier"),
        ("verify", "lookup:person", "found"),
    ]  # fmt: skip


def test_what_is_not_granted_is_refused_for_its_part_only(gateway: Gateway, nirs: list[str]) -> None:
    parts = [
        {"lookup": "commune", "identifier": "01001"},
        {"lookup": "commune", "identifier": "01001", "fields": ["population"]},
        {"lookup": "person", "identifier": nirs[0]},
    ]
    told = gateway.post("/lookups", parts, "ecole").json
    assert [each["status"] for each in told["data"]] == [200, 403, 403]
    assert set(told["data"][0]["data"]) == {"code", "name"}


def test_without_a_token_it_is_refused_and_journaled_once(root: Path, nirs: list[str]) -> None:
    with Gateway(root) as gateway:
        reply = gateway.post("/lookups", [{"lookup": "person", "identifier": nir} for nir in nirs[:3]])
        assert (reply.status, reply.code) == (401, "unauthenticated")
        assert reply.headers["www-authenticate"]
    assert [entry["outcome"] for entry in entries(root)] == ["unauthenticated"], "nobody fills the journal twenty-fold"


def test_they_are_asked_at_the_same_time(gateway: Gateway, nirs: list[str], faults: dict[str, FaultProxy]) -> None:
    """Registries that hang until their deadlines keep no other part waiting: the third one is answered first."""
    for proxy in faults.values():
        proxy.fault = "blackhole"
    parts = [
        {"lookup": "person", "identifier": nirs[40]},
        {"lookup": "commune", "identifier": "01004"},
        {"lookup": "copy", "identifier": "01004", "fields": ["name"]},
        {"lookup": "resident", "identifier": nirs[4], "fields": ["sex"]},
    ]
    told = gateway.post("/lookups", parts, "mairie").json
    assert [each["status"] for each in told["data"]] == [504, 200, 200, 200]
    assert entries(gateway.root)[-4]["resource"] == "lookup:copy"
    assert told["data"][1]["meta"]["source"] == "dataset:communes"
    assert told["data"][1]["meta"]["tried"][0]["code"] == "late"
    assert told["meta"] == {"asked": 4, "answered": 3, "partial": True}


@pytest.mark.parametrize(
    "body",
    [
        [], {}, b"", b"[", [{"identifier": "01001"}], [{"lookup": "commune"}], ["commune"],
        [{"lookup": "commune", "identifier": "S3CRET", "else": 1}],
        [{"lookup": "commune", "identifier": "01001"}] * (MOST + 1),
    ],
)  # fmt: skip
def test_a_body_that_is_no_list_of_questions(gateway: Gateway, body: Any) -> None:
    reply = gateway.post("/lookups", body, "mairie")
    assert (reply.status, reply.code) == (400, "invalid-request")
    assert '{"lookup": "…", "identifier": "…"' in reply.json["detail"]
    assert b"S3CRET" not in reply.body
    entry = entries(gateway.root)[-1]
    assert (entry["resource"], entry["outcome"], entry["application"]) == ("lookups", "invalid-request", "mairie")


def test_a_name_twice_is_refused(gateway: Gateway) -> None:
    reply = gateway.post("/lookups", b'[{"lookup": "commune", "identifier": "01001", "identifier": "01002"}]', "mairie")
    assert (reply.status, "has one name twice" in reply.json["detail"]) == (400, True)


@pytest.mark.parametrize(
    ("part", "english", "french"),
    [
        ({"identifier": "01001"}, "2.lookup: Field required", "2.lookup : manque"),
        (
            {"lookup": "commune"}, "2.identifier: Field required, or identity, where the lookup takes one",
            "2.identifier : manque, ou identity, où la consultation en prend une",
        ),
        ({"lookup": "commune", "identifier": "1", "S3CRET": 1}, "2: there is an unknown key", "2 : il y a une clé inconnue"),
        ({"lookup": "commune", "identifier": "1", "fields": [7]}, "2.fields.0: Input should", "2.fields.0 : un texte"),
    ],
)  # fmt: skip
def test_the_question_that_is_none_is_named_by_its_place(
    gateway: Gateway, part: dict[str, Any], english: str, french: str
) -> None:
    good = {"lookup": "commune", "identifier": "01001"}
    for language, said in (("en", english), ("fr", french)):
        headers = gateway.headers("mairie") | {"Accept-Language": language}
        reply = ask(gateway.url, "POST", "/lookups", headers, [good, good, part])
        assert said in reply.json["detail"]
        assert reply.headers["content-language"] == language


def test_nothing_stands_in_the_query(gateway: Gateway) -> None:
    parts = [{"lookup": "commune", "identifier": "01001"}]
    reply = gateway.post("/lookups?purpose=inscription-scolaire", parts, "mairie", None)
    assert (reply.status, reply.code) == (400, "invalid-request")
    assert "takes nothing in the query" in reply.json["detail"]


def test_what_a_copy_lacks_is_said(root: Path) -> None:
    communes = pq.read_table(root / "source" / "communes.parquet")
    for name in ("population", "epci_code"):
        at = communes.schema.get_field_index(name)
        field = communes.schema.field(at)
        communes = communes.set_column(at, field, pa.nulls(communes.num_rows, field.type))
    pq.write_table(communes, root / "source" / "part.parquet")
    declared = COMMUNES.replace("table: communes", "table: part")
    (root / "datasets" / "never.yaml").write_text(declared, "utf-8")
    run(Workspace(root), "never")
    with Gateway(root) as gateway:
        meta = gateway.get("/lookups/unmade/01001", "mairie").json["meta"]
        assert (meta["source"], meta["lacks"]) == ("dataset:never", ["population", "epci_code"])
        assert gateway.get("/lookups/unmade/01001?fields=name,epci_code", "mairie").json["meta"]["lacks"] == [
            "epci_code"
        ]
        assert "lacks" not in gateway.get("/lookups/unmade/01001?fields=name", "mairie").json["meta"]
        assert "lacks" not in gateway.get("/lookups/copy/01001", "mairie").json["meta"]
        given = {"identifier": "01001", "verify": {"population": 860, "name": "Abergement Clemenciat L'"}}
        told = gateway.post("/lookups/unmade", given, "mairie").json
        assert told["verified"] == {"population": {"match": "unknown"}, "name": {"match": "yes"}}


def test_it_is_described(gateway: Gateway) -> None:
    told = gateway.get("/openapi.json").json
    asked = told["paths"]["/lookups"]["post"]
    body = asked["requestBody"]["content"]["application/json"]["schema"]
    assert (body["maxItems"], body["items"]["required"]) == (MOST, ["lookup"])
    assert "$ref" not in json.dumps(body), "what a body refers to would be looked for elsewhere"
    person = told["paths"]["/lookups/person"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert [each["$ref"].rpartition("/")[2] for each in person["anyOf"]] == [
        "PersonAnswer",
        "VerifiedAnswer",
        "RowsAnswer",
    ]
    assert "on" in [each["name"] for each in told["paths"]["/lookups/commune/{identifier}"]["get"]["parameters"]]
