"""Verification instead of collection: yes, near or no, never the data; and guessing is collecting."""

import asyncio
import datetime as dt
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import lmdb
import pytest

from connectors.errors import InvalidRequest, LimitReached, Misconfigured
from connectors.records import Commune, Company, Person
from gateway.callers.access import Caller
from gateway.lookups import answering
from gateway.lookups.guesses import MOST, Guesses
from gateway.lookups.question import Question
from gateway.lookups.verifying import compared, likeness, plain, read, words
from gateway.service import Service
from pipelines.workspace import Workspace
from tests.gateway.conftest import Gateway, Reply

VERIFIER = """
  verifier:
    title: Vérificateur
    applications:
      caf:
        title: CAF
        grants:
          - {lookup: person, fields: [birth_name, birth_date], purposes: [inscription-scolaire], verify: true}
          - {lookup: person, fields: [sex], purposes: [inscription-scolaire]}
      only:
        title: Seulement
        grants:
          - {lookup: person, fields: [birth_name, birth_date], purposes: [inscription-scolaire], verify: true}
"""


def person(**changed: Any) -> Person:
    told = {
        "nir": "100015948200015", "birth_name": "Allain", "given_names": ["Joseph", "Thibault"], "sex": "M",
        "birth_date": dt.date(2000, 1, 2), "birth_commune_code": "59482", "address_line": "45, chemin de Turpin",
        "postal_code": "80090", "commune_code": "80021",
    }  # fmt: skip
    return Person.model_validate(told | changed)


def verify(record: Any, **given: Any) -> dict[str, Any]:
    return compared(record, read(type(record), given))


def entries(root: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(root / ".beffroi" / "journal.db")) as database:
        return [json.loads(row[0]) for row in database.execute("SELECT entry FROM entries WHERE kind != 'change'")]


def ask(gateway: Gateway, nir: str, given: dict[str, Any], application: str = "mairie") -> Reply:
    return gateway.post("/lookups/person", {"identifier": nir, "verify": given}, application)


SAME = [
    ("Lelièvre-Lopez", "LELIEVRE LOPEZ"), ("de la Tour", "Tour de la"), ("de la Tour", "DELATOUR"), ("D'Almeida", "d almeida"),
    ("L'Hostis", "Lhostis"), ("Straße", "STRASSE"), ("Œuvrard", "Oeuvrard"), ("Søren", "SOREN"), ("გიორგი", "გიორგი"),
    ("Le Goff", "Goff Le"), ("Ångström", "A\u030angstro\u0308m"),
]  # fmt: skip
NEAR = [("Lefebvre", "Lefevre"), ("Martin", "Maritn"), ("Jean Martin", "Martin Jean"), ("Martin Dupont", "Dupont")]
OTHER = [
    ("Li", "Lu"), ("Martin", "Durand"), ("de la Tour", "de la"), ("12 rue A", "14 rue A"), ("80021", "80012"), ("M", "F"),
    ("Martin", "გიორგი"), ("de Colas Martin Rey", "Rey"),
]  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs"), SAME)
def test_names_that_are_the_same(ours: str, theirs: str) -> None:
    assert likeness(words(ours), words(theirs)) == likeness(words(theirs), words(ours)) == 1.0


@pytest.mark.parametrize(("ours", "theirs"), NEAR)
def test_names_that_are_near(ours: str, theirs: str) -> None:
    score = likeness(words(ours), words(theirs))
    assert 0.4 < score < 1
    assert verify(person(birth_name=ours), birth_name=theirs) == {
        "birth_name": {"match": "near", "score": round(score, 2)}
    }


@pytest.mark.parametrize(("ours", "theirs"), OTHER)
def test_names_that_are_others(ours: str, theirs: str) -> None:
    assert likeness(words(ours), words(theirs)) == 0.0


def test_each_type_of_field() -> None:
    of = person()
    assert verify(of, birth_date="2000-01-02") == {"birth_date": {"match": "yes"}}
    assert verify(of, birth_date="2000-02-01") == {"birth_date": {"match": "near", "score": 0.9}}
    assert verify(of, birth_date="2000-01-03") == verify(of, birth_date="2001-01-02") == {"birth_date": {"match": "no"}}
    assert verify(of, usual_name="Rey", death_date="2020-01-01") == {
        "usual_name": {"match": "unknown"},
        "death_date": {"match": "unknown"},
    }
    assert verify(of, given_names="joseph thibault") == verify(of, given_names=["Joseph", "Thibault"])
    assert verify(of, given_names=["JOSEPH", "Thibault"]) == {"given_names": {"match": "yes"}}
    assert verify(of, given_names="Joseph") == {"given_names": {"match": "near", "score": 0.43}}, "the first of two"
    assert verify(of, given_names="Marie") == {"given_names": {"match": "no"}}
    town = Commune(code="80021", name="Amiens", postal_codes=["80000"], population=136449, department_code="80",
                   region_code="32")  # fmt: skip
    assert verify(town, population=136449, epci_code="248000531") == {
        "population": {"match": "yes"},
        "epci_code": {"match": "unknown"},
    }
    assert verify(town, population=136450) == {"population": {"match": "no"}}
    firm = Company(identifier="552100554", name="X", other_names=[], active=True)
    assert verify(firm, active=False, other_names="Y") == {
        "active": {"match": "no"},
        "other_names": {"match": "unknown"},
    }


@pytest.mark.parametrize(
    "given",
    [
        {"birth_date": "20/01/2000"}, {"birth_date": "2000-13-01"}, {"birth_date": 20000101}, {"birth_name": "--"},
        {"birth_name": 5}, {"birth_name": ["Rey"]}, {"given_names": []}, {"given_names": True}, {"sex": ""},
    ],
)  # fmt: skip
def test_what_a_field_cannot_be(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match=f"^{next(iter(given))} is verified against a ") as raised:
        read(Person, given)
    assert "2000" not in str(raised.value)
    with pytest.raises(InvalidRequest, match="population is verified against a number"):
        read(Commune, {"population": True})


def test_a_person_is_verified_and_not_told(gateway: Gateway, nirs: list[str]) -> None:
    reply = ask(gateway, nirs[0], {"birth_name": "ALLAIN", "birth_date": "2000-01-21", "given_names": ["Joseph"]})
    assert reply.status == 200, reply.body
    assert reply.json["verified"] == {
        "birth_name": {"match": "yes"}, "birth_date": {"match": "no"}, "given_names": {"match": "near", "score": 0.43},
    }  # fmt: skip
    assert set(reply.json) == {"verified", "meta"}
    assert reply.json["meta"]["source"] == "civil"
    assert not any(word in reply.body for word in (b"Allain", b"Thibault", b"2000-01-20"))
    entry = entries(gateway.root)[-1]
    assert (entry["action"], entry["fields"], entry["outcome"]) == (
        "verify", ["birth_name", "given_names", "birth_date"], "found",
    )  # fmt: skip
    assert entry["identifier"] == gateway.service.journal.keyed(f"nir:{nirs[0]}")


def test_questions_that_cannot_be_verified(gateway: Gateway, nirs: list[str]) -> None:
    for body, detail in (
        ({"verify": {}}, "verify"),
        ({"verify": {"nothing": "x"}}, "no field «nothing»"),
        ({"verify": {"birth_name": None}}, "birth_name is verified against a text"),
        ({"verify": {"birth_name": {"a": 1}}}, "birth_name is verified against a text"),
        ({"verify": {"given_names": ["a", 1]}}, "given_names is verified against a text or a list of texts"),
        ({"verify": {"birth_name": "x" * 301}}, "birth_name"),
        ({"verify": {"birth_date": "hier"}}, "birth_date is verified against a date, written YYYY-MM-DD"),
        ({"verify": {"sex": "M"}, "fields": ["sex"]}, "not both at once"),
    ):
        reply = gateway.post("/lookups/person", {"identifier": nirs[1], **body}, "mairie")
        assert reply.code == "invalid-request", body
        assert detail in reply.json["detail"]
        assert b"hier" not in reply.body


def test_a_grant_to_verify_only(root: Path, nirs: list[str]) -> None:
    declared = (root / "beffroi.yaml").read_text("utf-8")
    (root / "beffroi.yaml").write_text(declared + VERIFIER, "utf-8")
    with Gateway(root) as gateway:
        told = ask(gateway, nirs[0], {"birth_name": "Allain", "sex": "M"}, "caf")
        assert told.json["verified"] == {"birth_name": {"match": "yes"}, "sex": {"match": "yes"}}, (
            "what is told may be asked"
        )
        assert gateway.post("/lookups/person", {"identifier": nirs[0]}, "caf").json["data"] == {"sex": "M"}
        wanted = gateway.post("/lookups/person", {"identifier": nirs[0], "fields": ["birth_name"]}, "caf")
        assert (wanted.code, wanted.status) == ("not-granted", 403)
        assert ask(gateway, nirs[0], {"address_line": "45"}, "caf").code == "not-granted"
        refused = gateway.post("/lookups/person", {"identifier": nirs[0]}, "only")
        assert refused.code == "not-granted"
        assert "only one to verify what it knows already: ask with verify" in refused.json["detail"]
        assert ask(gateway, nirs[0], {"birth_name": "Allain"}, "only").status == 200
    found = [(entry["action"], entry["outcome"]) for entry in entries(root)]
    assert found == [
        ("verify", "found"), ("lookup", "found"), ("lookup", "not-granted"), ("verify", "not-granted"),
        ("lookup", "not-granted"), ("verify", "found"),
    ]  # fmt: skip
    wrong = declared + VERIFIER.replace(
        "lookup: person, fields: [sex]", "dataset: permits, fields: [street], verify: true"
    )
    (root / "beffroi.yaml").write_text(wrong, "utf-8")
    with pytest.raises(Misconfigured, match="verify: is for a lookup:"):
        Workspace(root)


def test_guessing_is_collecting(root: Path, nirs: list[str]) -> None:
    days = [f"2000-01-{day:02}" for day in range(1, MOST + 2)]
    with Gateway(root) as gateway:
        for day in days[:-1] * 2:  # what was tried already may be asked again
            assert ask(gateway, nirs[0], {"birth_date": day}).status == 200
        reply = ask(gateway, nirs[0], {"birth_date": days[-1], "sex": "F"})
        assert (reply.status, reply.code) == (429, "limit-reached")
        assert "guessing is collecting" in reply.json["detail"]
        assert 0 < int(reply.headers["retry-after"]) <= 86_400
        assert ask(gateway, nirs[0], {"birth_name": "Rey"}).status == 200, "another field"
        assert ask(gateway, nirs[1], {"birth_date": days[-1]}).status == 200, "another person"
        ask(gateway, f" {nirs[0][:3]} {nirs[0][3:]}", {"birth_date": days[-1]})
        assert entries(root)[-1]["outcome"] == "limit-reached", "the same person, written otherwise"
    assert [entry["action"] for entry in entries(root)] == ["verify"] * len(entries(root))
    with Gateway(root) as again:  # another process counts on
        assert ask(again, nirs[0], {"birth_date": days[-1]}).code == "limit-reached"
    asked = Question.model_validate({"identifier": nirs[0], "verify": {"birth_date": "1999-01-01"}})
    with Service(Workspace(root)) as service:
        operator = Caller("command", purpose="inscription-scolaire")
        assert asyncio.run(answering.answer(service, "person", operator, asked))["verified"]
    for file in (root / ".beffroi" / "guesses").iterdir():
        assert nirs[0].encode() not in file.read_bytes(), "the count names nobody"


def test_a_day_ends(tmp_path: Path) -> None:
    def keyed(text: str) -> str:
        return f"key:{text.encode().hex():0<64}"

    guesses = Guesses(tmp_path, keyed)
    guesses.hold("app", "nir:1", {"sex": "m"})
    guesses.close()
    with closing(lmdb.open(str(tmp_path / "guesses"))) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"2026-01-01an earlier day", b"x" * 16)
    guesses.hold("app", "nir:1", {"sex": "m"})
    guesses.close()
    with closing(lmdb.open(str(tmp_path / "guesses"))) as environment, environment.begin() as transaction:
        assert [bytes(key)[:10] for key, _ in transaction.cursor()] == [
            dt.datetime.now(dt.UTC).date().isoformat().encode()
        ]


def test_one_too_many_counts_none(root: Path) -> None:
    with Service(Workspace(root)) as service:
        for number in range(MOST):
            service.guesses.hold("app", "nir:1", {"sex": str(number)})
        with pytest.raises(LimitReached):
            service.guesses.hold("app", "nir:1", {"birth_name": "first", "sex": "one more"})
        for number in range(MOST):
            service.guesses.hold("app", "nir:1", {"birth_name": str(number)})


def test_where_nothing_can_be_counted_nothing_is_verified(root: Path, nirs: list[str]) -> None:
    (root / ".beffroi" / "guesses").write_text("no folder")
    with Gateway(root) as gateway:
        reply = ask(gateway, nirs[0], {"sex": "M"})
        assert reply.code == "unavailable"
        assert "so nothing is verified" in reply.json["detail"]


def test_two_spellings_are_one_guess() -> None:
    assert plain("Lelièvre-Lopez") == plain("LELIEVRE lopez") == plain(("Lelièvre", "Lopez"))
