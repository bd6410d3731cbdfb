"""Persons asked by a civil identity: of a dataset, a database, REST and SOAP; one, many, verified, and who read it."""

import asyncio
import csv
import datetime as dt
import io
import json
import logging
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.errors import Misconfigured
from gateway import receipts
from gateway.journal import reading
from gateway.lookups import answering
from gateway.lookups.guesses import MOST
from gateway.receipt_keys import public
from pipelines.workspace import Workspace
from tests.commands import beffroi
from tests.gateway.conftest import REFERENCE, Gateway, Reply, ask
from tests.pipelines.bench import Bench
from tests.rest.peer import Asked, Peer, Told, told
from tests.soap.small_wsdl import SOAP_11, WSDL, sequence

WORKSPACE = """\
title: Test
registries:
  source: {{kind: files, path: source}}
  civil: {{kind: civil_register, url: 'http://127.0.0.1:9/'}}
  town:
    kind: sql
    url: sqlite:town.sqlite
    lookup:
      record: Resident
      identifier: {{scheme: identity, fields: {fields}}}
      query: >-
        SELECT * FROM residents WHERE name = :family_name AND given = :given_names AND born = :birth_date
        AND sex = :sex AND (:birth_place IS NULL OR place = :birth_place)
      fields: {{name: name, birth_date: {{from: born, type: date}}, street: street}}
  family:
    kind: rest
    url: {rest}
    lookup:
      record: Allowance
      identifier: {{scheme: identity, fields: {fields}}}
      method: POST
      path: ask
      body: {{who: {{name: '{{family_name}}', given: '{{given_names}}', born: '{{birth_date}}', sex: '{{sex}}', place: '{{birth_place}}'}}}}
      fields: {{quotient: {{type: integer}}, birth_date: {{type: date}}}}
    answers: [{{status: 404, is: not-found}}, {{status: 409, is: ambiguous}}]
  social:
    kind: soap
    wsdl: social.wsdl
    url: {soap}
    lookup:
      record: Score
      operation: Ask
      identifier: {{scheme: identity, fields: {fields}}}
      path: person
    faults: [{{words: several, is: ambiguous}}]
purposes:
  school: {{title: School, procedure: School, legal_basis: '-', requires: []}}
organisations:
  ville:
    title: Ville
    applications:
      desk:
        title: Desk
        grants:
          - {{lookup: person, fields: '*', purposes: [school]}}
          - {{lookup: resident, fields: '*', purposes: [school]}}
          - {{lookup: allowance, fields: '*', purposes: [school]}}
          - {{lookup: score, fields: '*', purposes: [school]}}
          - {{lookup: elsewhere, fields: '*', purposes: [school]}}
          - {{journal: who-read, fields: '*', purposes: [school]}}
lookups:
  person: {{providers: [{{dataset: people}}], identity: {fields}}}
  resident: {{record: Resident, providers: [{{registry: town}}], cache: {{seconds: 600}}}}
  allowance: {{record: Allowance, providers: [{{registry: family}}]}}
  score: {{record: Score, providers: [{{registry: social}}]}}
  elsewhere:
    record: Person
    identity: {{birth_name: name, birth_date: date}}
    providers: [{{registry: civil}}, {{dataset: never}}, {{dataset: several}}, {{dataset: some}}]
"""
FIELDS = (
    "{family_name: name, given_names: names, birth_date: date, birth_place: {type: place, required: false}, sex: sex}"
)
PEOPLE = """\
title: People
owner: ville
audience: owner
source: {registry: source, table: people}
index: [birth_date]
schema:
  fields:
    - {name: number, constraints: {pattern: '[0-9]{3}'}}
    - {name: family_name, personal: true}
    - {name: given_names, type: array, personal: true}
    - {name: birth_date, type: date, personal: true}
    - {name: birth_place, personal: true}
    - {name: sex, personal: true}
    - {name: street, personal: true}
  primaryKey: number
"""
COPY = """\
title: A copy
owner: ville
audience: owner
record: Person
index: [birth_date]
source: {{registry: source, table: {name}}}
"""
BORN = "1985-03-14"
ROWS = [  # two twins, two namesakes born on one day in two towns, and one whose name is written as people write
    ("001", "Lefèvre", ["Anne", "Zoé"], BORN, "75056", "F", "rue A"),
    ("002", "Lefèvre", ["Paul"], BORN, "75056", "M", "rue B"),
    ("003", "MARTIN", ["Jean"], BORN, "80021", "M", "rue C"),
    ("004", "Martin", ["Jean"], BORN, "01001", "M", "rue D"),
    ("005", "D’Arc  de l'Isle", ["Zoe\u0308"], "1990-01-01", None, "F", "rue E"),
]
ANNE = {"family_name": "LEFEVRE", "given_names": "Anne Zoé", "birth_date": BORN, "sex": "F"} | {
    "family_name": "lefèvre"
}
JEAN = {"family_name": "Martin", "given_names": "Jean", "birth_date": BORN, "sex": "M"}
ASKED = "".join(
    f"<xsd:element name='{name}' type='xsd:string'/>" for name in ("family_name", "given_names", "birth_date")
)
ASKED += "<xsd:element name='birth_place' type='xsd:string' minOccurs='0'/><xsd:element name='sex' type='xsd:string'/>"
ANSWER = sequence(
    "<xsd:element name='person' minOccurs='0' maxOccurs='unbounded'>"
    + sequence("<xsd:element name='score' type='xsd:int'/>")
    + "</xsd:element>"
)


class Registries:
    """What the registries answer, and the bodies that they were asked with."""

    def __init__(self) -> None:
        self.rest, self.soap = told({}), Told(status=500)
        self.asked: list[Asked] = []

    def tell(self, asked: Asked) -> Told:
        self.asked.append(asked)
        return self.soap if "xml" in asked.headers.get("Content-Type", "") else self.rest


@pytest.fixture(scope="module")
def registries() -> Registries:
    return Registries()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, registries: Registries) -> Iterator[Path]:
    """A workspace whose registries are asked by identities, its dataset run once."""
    bench = Bench(tmp_path_factory.mktemp("identity") / "w")
    wsdl = WSDL.format(
        schemas="", imports="", more="", style="document", use="literal", answer=ANSWER,
        binding="http://schemas.xmlsoap.org/wsdl/soap/",
    )  # fmt: skip
    bench.write("social.wsdl", wsdl.replace('<xsd:element name="number" type="xsd:int"/>', ASKED))
    columns = ("number", "family_name", "given_names", "birth_date", "birth_place", "sex", "street")
    rows = [dict(zip(columns, row, strict=True)) for row in ROWS]
    bench.source("people", rows, {"given_names": pa.list_(pa.string())})
    with closing(sqlite3.connect(bench.root / "town.sqlite")) as database, database:
        database.execute("CREATE TABLE residents (name, given, born, place, sex, street)")
        of_town = [(row[1].upper(), " ".join(row[2]).upper(), *row[3:]) for row in ROWS[:4]]
        database.executemany("INSERT INTO residents VALUES (?, ?, ?, ?, ?, ?)", of_town)
    with Peer(registries.tell) as peer:
        bench.write("beffroi.yaml", WORKSPACE.format(fields=FIELDS, rest=peer.url, soap=f"{peer.url}/soap"))
        bench.write("datasets/people.yaml", PEOPLE)
        persons = pq.read_table(REFERENCE / "persons.parquet").slice(0, 2)
        same = persons.set_column(1, "birth_name", [["ALLAIN", "Allain"]])
        same = same.set_column(5, "birth_date", pa.array([dt.date(2000, 1, 20)] * 2))
        for name, rows in (("several", same), ("some", persons), ("never", persons)):
            bench.source(name, rows)
            bench.write(f"datasets/{name}.yaml", COPY.format(name=name))
        for name in ("people", "several", "some"):
            bench.run(name)
        yield bench.root


@pytest.fixture(scope="module")
def desk(root: Path) -> Iterator[Gateway]:
    with Gateway(root) as running:
        yield running


def post(gateway: Gateway, name: str, body: Any, **headers: str) -> Reply:
    given = {each.replace("_", "-"): text for each, text in headers.items()}
    return ask(gateway.url, "POST", name, gateway.headers("desk", "school") | given, body)


def asked_for(gateway: Gateway, name: str, who: dict[str, Any], **more: Any) -> Reply:
    return post(gateway, f"/lookups/{name}", {"identity": who, **more})


def journal(gateway: Gateway) -> list[dict[str, Any]]:
    return [json.loads(row.entry) for row in gateway.service.journal._store.rows()]


# --- one identity, of each kind of provider --------------------------------------------------------------------------


def test_a_row_of_a_dataset(desk: Gateway) -> None:
    reply = asked_for(desk, "person", ANNE, fields=["number", "street"])
    assert (reply.status, reply.json["data"]) == (200, {"number": "001", "street": "rue A"})
    assert reply.json["meta"]["source"] == "dataset:people"
    written = {"family_name": "d'arc DE L'ISLE", "given_names": ["ZOË"], "birth_date": "1990-01-01", "sex": "f"}
    assert asked_for(desk, "person", written).json["data"]["number"] == "005"
    assert asked_for(desk, "person", JEAN | {"birth_place": "80021"}).json["data"]["number"] == "003"
    assert post(desk, "/lookups/person", {"identifier": "001"}).json["data"]["street"] == "rue A", "by its key as well"


def test_a_row_of_a_database(desk: Gateway) -> None:
    assert asked_for(desk, "resident", ANNE).json["data"] == {"name": "LEFÈVRE", "birth_date": BORN, "street": "rue A"}
    again = asked_for(desk, "resident", ANNE | {"family_name": " LEFE\u0300VRE ", "given_names": ["anne", "zoé"]})
    assert again.json["meta"]["cached"] == "fresh", "two spellings are one question"
    assert asked_for(desk, "resident", JEAN | {"birth_place": "01001"}).json["data"]["street"] == "rue D"


def test_a_record_over_rest(desk: Gateway, registries: Registries) -> None:
    registries.rest = told({"quotient": 512, "birth_date": BORN})
    assert asked_for(desk, "allowance", ANNE).json["data"] == {"quotient": 512, "birth_date": BORN}
    came = registries.asked[-1]
    assert came.target == "/ask", "nothing of it stands in an address"
    who = {"name": "LEFÈVRE", "given": "ANNE ZOÉ", "born": BORN, "sex": "F"}
    assert json.loads(came.body) == {"who": who}, "what may be left out, and is, is not asked"
    registries.rest = told({"quotient": 512, "birth_date": "1999-01-01"})
    assert asked_for(desk, "allowance", ANNE).code == "unreadable", "that is somebody else"


def test_keys_that_may_be_data_are_told_to_nobody(
    desk: Gateway, registries: Registries, caplog: pytest.LogCaptureFixture
) -> None:
    keyed = {"100015948200015": {"name": "x"}, "LEFEVRE Anne 1985-03-14": 1, "colour": 2}
    registries.rest = told({"quotient": 512, "birth_date": BORN} | keyed)
    assert asked_for(desk, "allowance", ANNE).status == 200
    aside = ask(desk.url, "GET", "/health").json["registries"]["family"]["set_aside"]
    assert aside == 2, "how many, since a name of a field may be that of a person too"
    assert "colour" in caplog.text
    assert not re.search("1000159|LEFEVRE", caplog.text)


def test_a_record_over_soap(desk: Gateway, registries: Registries) -> None:
    found = '<Answer xmlns="urn:t">{}</Answer>'
    one = "<person><score>7</score></person>"
    body = f'<e:Envelope xmlns:e="{SOAP_11}"><e:Body>{found}</e:Body></e:Envelope>'
    registries.soap = Told(body.format(one).encode(), kind="text/xml")
    assert asked_for(desk, "score", ANNE | {"family_name": "d'Été"}).json["data"] == {"score": 7}
    assert "family_name>D'ÉTÉ</" in registries.asked[-1].body.decode()
    registries.soap = Told(body.format(one + one).encode(), kind="text/xml")
    assert asked_for(desk, "score", ANNE).code == "ambiguous"


# --- nobody, and several ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["person", "resident"])
def test_several_are_never_guessed(desk: Gateway, name: str) -> None:
    reply = asked_for(desk, name, JEAN)
    assert (reply.status, reply.code) == (409, "ambiguous")
    assert "rue" not in reply.body.decode()
    assert "place of birth" in reply.json["todo"]
    assert reply.json["detail"] in (
        "several rows of people have that identity (version 1)", "town has several records of what was asked",
    )  # fmt: skip
    assert journal(desk)[-1]["outcome"] == "ambiguous"
    assert asked_for(desk, name, JEAN | {"given_names": "Jacques"}).code == "not-found"
    assert asked_for(desk, name, JEAN | {"birth_date": "1985-03-15"}).code == "not-found"
    assert asked_for(desk, name, JEAN | {"birth_place": "75056"}).code == "not-found"


def test_whom_one_copy_has_twice_the_next_does_not_tell(desk: Gateway) -> None:
    reply = asked_for(desk, "elsewhere", {"birth_name": "allain", "birth_date": "2000-01-20"})
    assert reply.code == "ambiguous"
    tried = [each["provider"] for each in reply.json["tried"]]
    assert tried == ["dataset:never", "dataset:several"], "a registry that knows numbers only is not asked"
    found = asked_for(desk, "elsewhere", {"birth_name": "REY", "birth_date": "2000-01-14"}, fields=["nir"])
    assert found.json["meta"]["source"] == "dataset:some", "whom one copy does not have, the next may"
    by_nir = post(desk, "/who-read", {"identifier": f"nir:{found.json['data']['nir']}"}).json["data"]
    assert [each["resource"] for each in by_nir if not each["whole"]] == ["lookup:elsewhere"]


def test_several_of_a_registry_that_says_so(desk: Gateway, registries: Registries) -> None:
    registries.rest = told([{"quotient": 1}, {"quotient": 2}])
    assert asked_for(desk, "allowance", ANNE).status == 409
    registries.rest = told({"error": "x"}, 409)
    assert asked_for(desk, "allowance", ANNE).status == 409


# --- hostile and wrong -----------------------------------------------------------------------------------------------

HOSTILE = [
    "x' OR '1'='1", "x'; DROP TABLE residents; --", "A\r\nX-Admin: yes", "{family_name}", "${HOME}", "{{7*7}}", "<b>x</b>",
    "A" * 10_000, "\u202eA\u0000", "%00", "../..", "*", "' --",
]  # fmt: skip


@pytest.mark.parametrize("name", ["person", "resident", "allowance", "score"])
def test_hostile_names_find_nobody_and_stand_nowhere(
    desk: Gateway, registries: Registries, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.DEBUG)
    before = len(registries.asked)
    for text in HOSTILE:
        reply = asked_for(desk, name, ANNE | {"family_name": text})
        assert (reply.status, reply.code) == (422, "malformed-identifier"), text
        assert "family_name" in reply.json["detail"]
        assert text[:500] not in reply.json["detail"]
        assert text[:20] not in caplog.text
    assert len(registries.asked) == before, "no registry was asked"
    assert "LEFÈVRE" not in caplog.text.upper()


def test_what_a_name_may_hold_is_passed_on_as_it_is(desk: Gateway, registries: Registries) -> None:
    registries.rest = told({}, 404)
    for text, sent in (
        ("O'Brien' -- ' -", "O'BRIEN' -- ' -"),
        ("\u202eלוי", "לוי"),
        ("\u0301É" + "e\u0301" * 50, "\u0301" + "É" * 51),
    ):
        assert asked_for(desk, "allowance", ANNE | {"family_name": text}).code == "not-found"
        assert json.loads(registries.asked[-1].body)["who"]["name"] == sent
        assert asked_for(desk, "resident", ANNE | {"family_name": text}).code == "not-found"
    assert asked_for(desk, "resident", ANNE).status == 200, "the table is still there"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"identity": {}}, 422, "family_name is missing"),
        ({"identity": {"family_name": "A"}}, 422, "birth_date is missing: it is a date that exists, written YYYY-MM-DD; sex"),
        ({"identity": ANNE | {"nir": "185"}}, 422, "there is a field that this lookup does not ask for: it takes family_name"),
        ({"identity": ANNE, "identifier": "001"}, 400, "ask by identifier or by identity, not by both"),
        ({"fields": ["street"]}, 400, "identifier: Field required, or identity"),
        ({"identity": "LEFÈVRE"}, 400, "identity: Input should be an object"),
        ({"identity": ["LEFÈVRE"]}, 400, "identity: Input should be an object"),
        ({"identifier": "identity:x"}, 422, "it is written as a JSON object with the fields family_name"),
        ({"identity": ANNE, "on": "2020-01-01"}, 400, "person knows no history"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_question(desk: Gateway, body: dict[str, Any], status: int, said: str) -> None:
    reply = post(desk, "/lookups/person", body)
    assert (reply.status, said in reply.json["detail"]) == (status, True), reply.json["detail"]
    assert "LEFÈVRE" not in reply.body.decode().upper()


def test_the_description_shows_an_identity_that_can_be_asked(desk: Gateway) -> None:
    told = desk.get("/openapi.json").json
    content = told["paths"]["/lookups/resident"]["post"]["requestBody"]["content"]
    one = content["application/json"]["examples"]["one"]["value"]
    assert post(desk, "/lookups/resident", one).code == "not-found", "it is nobody's, and a good question"
    for media in ("application/x-ndjson", "text/csv"):
        headers = desk.headers("desk", "school") | {"Content-Type": media, "Accept": "application/json"}
        rows = ask(desk.url, "POST", "/lookups/resident", headers, content[media]["example"].encode()).json["data"]
        assert [row["outcome"] for row in rows] == ["not-found"], rows
    question = told["components"]["schemas"]["ResidentQuestion"]
    assert "identifier" not in question["properties"], "a form filled of both would be refused"
    jsonschema.validate(one, question)


def test_what_is_wrong_is_told_in_french(desk: Gateway) -> None:
    reply = post(desk, "/lookups/person", {"identity": {"family_name": "1", "sex": "F", "x": 1}}, Accept_Language="fr")
    assert reply.headers["content-language"] == "fr"
    assert "family_name doit être un nom en lettres" in reply.json["detail"]
    assert "birth_date manque (attendu : une date qui existe, écrite AAAA-MM-JJ)" in reply.json["detail"]
    several = post(desk, "/lookups/person", {"identity": JEAN}, Accept_Language="fr")
    assert (several.json["status"], several.headers["content-language"]) == (409, "fr")


def test_a_lookup_that_takes_none(desk: Gateway) -> None:
    assert "allowed: identity" in post(desk, "/lookups/resident", {"identifier": "number:001"}).json["detail"]
    assert asked_for(desk, "nothing", ANNE).code == "not-found"
    assert desk.get("/lookups/person/identity:%7B%7D", "desk", "school").status == 405, "never in an address"


# --- many, together, verified ----------------------------------------------------------------------------------------


def test_many_in_every_form(desk: Gateway) -> None:
    rows = [
        {"identity": ANNE, "fields": ["number"]},
        {"identity": JEAN},
        {"identity": {"sex": "F"}},
        {"identifier": "002"},
    ]
    outcomes = ["found", "ambiguous", "malformed-identifier", "found"]
    assert [each["outcome"] for each in post(desk, "/lookups/person", rows).json["data"]] == outcomes
    lines = "\n".join(map(json.dumps, rows)).encode()
    told = post(desk, "/lookups/person", lines, Content_Type="application/x-ndjson").body.splitlines()
    assert [json.loads(line)["outcome"] for line in told] == outcomes


CSV = """\
dossier;identity.family_name;Identity.Given_Names;identity.birth_date;identity.sex;identity.birth_place
A-1;Lefèvre;Anne Zoé;1985-03-14;F;
A-2;Martin;Jean;1985-03-14;M;01001
A-3;Martin;Jean;1985-03-14;M;
A-4;Martin;"Jean;1985-03-14;M;
A-5;Martin;Jean;14/03/1985;M;
A-6;Martin;Jean
A-7;;Jean;1985-03-14;M;
A-8;"D'Arc de
l'Isle";Zoë;1990-01-01;F;
"""


def test_a_csv_with_broken_lines(desk: Gateway) -> None:
    body = CSV.encode() + b"A-9;Mart\xe9n;Jean;1985-03-14;M;\n"
    reply = post(desk, "/lookups/person", body, Content_Type="text/csv")
    found = list(csv.DictReader(io.StringIO(reply.body.decode()), delimiter=";"))
    malformed, wrong = "malformed-identifier", "invalid-request"
    assert [row["outcome"] for row in found] == [
        "found", "found", "ambiguous", wrong, malformed, wrong, malformed, "found", wrong,
    ]  # fmt: skip
    assert [row["data.number"] for row in found if row["outcome"] == "found"] == ["001", "004", "005"]
    assert (found[0]["dossier"], found[0]["identity.family_name"]) == ("A-1", "Lefèvre"), "what came comes back"
    assert "birth_date must be a date" in found[4]["problem.detail"]
    assert "family_name is missing" in found[6]["problem.detail"]
    both = post(desk, "/lookups/person", b"identifier,identity.sex\n001,F\n", Content_Type="text/csv")
    assert "in its place the fields of an identity, such as «identity.birth_date»" in both.json["detail"]


def test_many_as_a_job(desk: Gateway) -> None:
    body = ("\n".join([CSV.splitlines()[0], *CSV.splitlines()[1:4]]) + "\n").encode()
    begun = post(desk, "/lookups/person", body, Content_Type="text/csv", Prefer="respond-async")
    assert begun.status == 202
    while (told := desk.get(begun.headers["Location"], "desk", "school").json["data"])["state"] != "done":
        pass
    assert told["outcomes"] == {"found": 2, "ambiguous": 1}
    state = desk.root / ".beffroi"
    files = [*state.glob("journal*"), *(state / "jobs").rglob("*"), *(state / "cache").rglob("*")]
    kept = b"".join(path.read_bytes() for path in files if path.is_file())
    assert begun.headers["Location"].rpartition("/")[2] in str(files)
    assert "Lefèvre".encode() not in kept
    assert "LEFÈVRE".encode() not in kept


def test_several_lookups_of_one_person(desk: Gateway, registries: Registries) -> None:
    registries.rest = told({}, 404)
    parts = [{"lookup": name, "identity": ANNE} for name in ("person", "resident", "allowance")]
    reply = post(desk, "/lookups", parts)
    assert [each["status"] for each in reply.json["data"]] == [200, 200, 404]
    assert reply.json["meta"]["partial"] is True


def test_verified_by_an_identity(desk: Gateway) -> None:
    reply = asked_for(desk, "person", ANNE, verify={"street": "Rue A"})
    assert reply.json["verified"] == {"street": {"match": "yes"}}


# --- what is told of it ----------------------------------------------------------------------------------------------


def test_what_a_lookup_takes_is_told(desk: Gateway) -> None:
    told = desk.get("/lookups/person", "desk", "school").json["data"]
    assert told == next(
        each for each in desk.get("/lookups", "desk", "school").json["data"] if each["name"] == "person"
    )
    assert [each["name"] for each in told["identity"]] == [*list(ANNE)[:3], "birth_place", "sex"]
    assert told["identity"][3] == {
        "name": "birth_place", "title": "birth place", "type": "place", "required": False,
        "wanted": "the INSEE code of a commune (75056, 2A004) or of a country (99109), five characters (a postal code is"
        " another number)",
    }  # fmt: skip
    assert (told["identifiers"], told["on"], told["personal"]) == (["number"], False, True)
    assert "street" in told["verify"]
    assert [set(each["body"]) for each in told["ask"]] == [{"identifier", "fields"}, {"identity", "fields"}]
    by_identity_only = desk.get("/lookups/resident", "desk", "school").json["data"]
    assert by_identity_only["identifiers"] == []
    assert len(by_identity_only["ask"]) == 1


def test_who_read_by_identity_and_by_number(desk: Gateway, root: Path) -> None:
    before = len(journal(desk))
    asked_for(desk, "person", ANNE)
    asked_for(desk, "resident", ANNE)
    assert len({entry["identifier"] for entry in journal(desk)[before:]}) == 1, "one person is one hash"
    assert "LEF" not in json.dumps(journal(desk), ensure_ascii=False).upper()
    other = {"identity": ANNE | {"family_name": "LEFÈVRE", "given_names": ["anne", "zoé"]}}
    found = post(desk, "/who-read", other).json["data"]
    assert {"lookup:person", "lookup:resident"} <= {each["resource"] for each in found}
    by_number = post(desk, "/who-read", {"identifier": "dataset:people:001"}).json["data"]
    assert any(each["resource"] == "lookup:person" and each["fields"] == ["number", "street"] for each in by_number), (
        "whoever asked by the identity read the row of that number"
    )
    assert "birth_date is missing" in post(desk, "/who-read", {"identity": {"sex": "F"}}).json["detail"]
    assert post(desk, "/who-read", {"identity": ANNE, "identifier": "x"}).status == 400
    done = beffroi(root, "journal", "who-read", "--purpose", "school", "--json", typed=json.dumps(other["identity"]))
    assert len(json.loads(done.stdout)["data"]) >= len(found)


def test_who_took_a_whole_file_may_have_read_it(root: Path) -> None:
    files = reading.subject(Workspace(root), f"identity:{json.dumps(ANNE)}").files
    assert files == {"people", "never", "several", "some"}, "all datasets that are asked by identities"


def test_the_receipt_names_it_without_telling(desk: Gateway) -> None:
    reply = post(desk, "/lookups/person", {"identity": ANNE}, Beffroi_Receipt="yes")
    known = public(json.dumps(desk.get("/.well-known/jwks.json").json).encode())
    claims, salt = receipts.read(reply.json["meta"]["receipt"], known)
    spelt = json.dumps({**ANNE, "family_name": "LEFÈVRE ", "given_names": ["Anne", "Zoé"]})
    assert receipts.asked_for(claims, salt, f"identity:{spelt}")
    assert receipts.asked_for(claims, salt, spelt), "as it is typed"
    assert not receipts.asked_for(claims, salt, spelt.replace("1985", "1986"))
    several = post(desk, "/lookups/person", {"identity": JEAN}, Beffroi_Receipt="yes")
    assert receipts.read(several.json["receipt"], known)[0].outcome == "ambiguous"


def test_the_operator_types_one(root: Path) -> None:
    told = asyncio.run(answering.command(Workspace(root), "person", json.dumps(ANNE), ["street"], "school"))
    assert told["data"] == {"street": "rue A"}


# --- what is declared wrong ------------------------------------------------------------------------------------------

NO_DATASET = "resident: {record: Resident, providers: [{registry: town}], cache: {seconds: 600}"
WRONG = [
    ("datasets/people.yaml", "index: [birth_date]\n", "", "nothing finds a row of people by it: name a required date or place"),
    ("datasets/people.yaml", "{name: sex,", "{name: gender,", "people has no column «sex»"),
    ("datasets/people.yaml", "given_names, type: array", "given_names, type: integer", "a names is held against a column"),
    ("datasets/people.yaml", ", personal: true", "", "an identity is somebody's, and no field of People is personal data"),
    ("beffroi.yaml", NO_DATASET, NO_DATASET + ", identity: {name: name}", "it is asked of datasets; of a registry, say it"),
    ("beffroi.yaml", "AND sex = :sex", "", "nothing asks for sex: a query, a path or parameters must have every field"),
    ("beffroi.yaml", ", sex: '{sex}'", "", "nothing asks for sex"),
    ("beffroi.yaml", "path: ask\n", "path: ask\n      same: quotient\n", "an identity is no one text that a record could"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "said"), WRONG)
def test_what_is_declared_wrong(root: Path, tmp_path: Path, file: str, old: str, new: str, said: str) -> None:
    bench = Bench(tmp_path / "w")
    for each in (
        "beffroi.yaml",
        "social.wsdl",
        *(f"datasets/{path.name}" for path in (root / "datasets").glob("*.yaml")),
    ):
        text = (root / each).read_text()
        assert each != file or old in text
        bench.write(each, text.replace(old, new) if each == file else text)
    with pytest.raises(Misconfigured) as raised:
        Workspace(bench.root)
    assert said in raised.value.detail


# --- guessing is collecting, by identities too -----------------------------------------------------------------------


@pytest.fixture
def guessing(root: Path, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway where nobody has guessed yet."""
    with Gateway(Path(shutil.copytree(root, tmp_path / "w", ignore=shutil.ignore_patterns("guesses")))) as running:
        yield running


def test_values_are_counted_for_a_person_and_not_for_a_spelling(guessing: Gateway) -> None:
    def codes(who: dict[str, Any], street: str, name: str = "person") -> list[int]:
        asked = [{**who, "verify": {"street": f"rue {street}{n}"}} for n in range(2)]
        return [post(guessing, f"/lookups/{name}", each).status for each in asked]

    jean, placed = JEAN | {"given_names": "jean", "birth_place": "80021"}, ANNE | {"birth_place": "75056"}
    assert codes({"identity": jean}, "A") + codes({"identifier": "003"}, "B") == [200] * 4
    assert codes({"identity": jean}, "C") == [200, 429], "by the number or by the identity, it is one person"
    assert codes({"identifier": "003"}, "D") == [429, 429]
    assert codes({"identity": ANNE}, "A") + codes({"identity": placed}, "B") == [200] * 4
    assert codes({"identity": ANNE}, "C") == [200, 429], "what may be left out makes nobody another"
    assert codes({"identity": ANNE}, "A", "resident") + codes({"identity": placed}, "B", "resident") == [200] * 4
    assert codes({"identity": placed}, "C", "resident") == [200, 429], "whose record has no number is one record"
    assert journal(guessing)[-1]["outcome"] == "limit-reached"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("birth_date", [f"1985-03-{day:02}" for day in range(9, 15)]),
        ("birth_place", ["01001", "01002", "01004", "01005", "01006", "75056"]),
        ("given_names", ["Ada", "Eve", "Léa", "Mia", "Zoé", "Anne Zoé"]),
        ("family_name", ["Roy", "Rey", "Roi", "Ray", "Rui", "LEFÈVRE"]),
    ],
)
def test_who_is_there_is_not_found_out_by_guessing(guessing: Gateway, field: str, values: list[str]) -> None:
    """The last value is hers: whoever comes to it by trying others is not told so, be it one by one or all at once."""
    anne = ANNE | {"birth_place": "75056"}

    def ask_for(value: str, **more: Any) -> Reply:
        return asked_for(guessing, "person", anne | {field: value}, **more)

    verify = {"street": "rue A"}
    assert ask_for(values[-1], verify=verify).status == 200
    assert [ask_for(value, verify=verify).code for value in values[:-1]] == ["not-found"] * MOST
    assert ask_for(values[-1], verify=verify).code == "limit-reached"
    assert ask_for(values[0], verify=verify).code == "not-found", "what was tried already may be asked again"
    assert ask_for(values[-1]).status == 200, "who may see her data is told them, and counted by its limits"
    paul = anne | {"given_names": "Paul", "sex": "M"}
    assert asked_for(guessing, "person", paul, verify={"street": "rue B"}).status == 200, "another person"


def test_many_guesses_at_once_tell_no_more(guessing: Gateway) -> None:
    days = [str(dt.date(1985, 1, 1) + dt.timedelta(days)) for days in range(100)]
    asked = [{"identity": ANNE | {"birth_date": day}, "verify": {"sex": "F"}} for day in days]
    told = post(guessing, "/lookups/person", asked).json["data"]
    assert Counter(each["outcome"] for each in told) == {"not-found": MOST, "limit-reached": len(days) - MOST}
    assert {day for day, each in zip(days, told, strict=True) if each["outcome"] == "not-found"} < set(days[:40])
