"""The description of the API: valid, its examples of their own schemas, and what the running gateway answers."""

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import openapi
from gateway.lookups import by_schema, documents
from gateway.problems import STATUS
from tests.gateway.conftest import Gateway, ask
from tests.gateway.test_problems import LEAVES
from tests.peers import openapi as peer
from tests.soap import cadastre

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
NOT_OF_TODAY = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)|(?<=\"age_seconds\": )\d+")
"""What no example can know: when it is asked, and how old the answer is."""


@pytest.fixture(scope="module")
def told(gateway: Gateway) -> Any:
    return gateway.get("/openapi.json").json


def contents(told: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every content of the description: where it stands, of which media type it is, and it."""
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            if method == "parameters":
                continue
            parts = {"asked": operation.get("requestBody", {}), **operation["responses"]}
            for part, described in parts.items():
                for media, content in described.get("content", {}).items():
                    yield f"{method} {path} {part} {media}", media, content


def values(told: Any, content: dict[str, Any]) -> Iterator[Any]:
    """Yield the examples of a content."""
    if "example" in content:
        yield content["example"]
    for each in content.get("examples", {}).values():
        name = each.get("$ref", "").rpartition("/")[2]
        yield (told["components"]["examples"][name] if name else each)["value"]


def test_it_is_openapi_3_1(told: Any, tmp_path: Path) -> None:
    assert told["openapi"].startswith("3.1.")
    (tmp_path / "openapi.json").write_text(json.dumps(told), encoding="utf-8")
    command = [str(peer.program("openapi-spec-validator")), str(tmp_path / "openapi.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_example_is_of_its_own_schema(told: Any) -> None:
    counted = 0
    for place, media, content in contents(told):
        schema = content["schema"] | {"components": told["components"]}
        for value in values(told, content):
            wrong = [
                f"{place}: {error.message}" for error in jsonschema.Draft202012Validator(schema).iter_errors(value)
            ]
            assert wrong == []
            counted += 1
            if media == NDJSON:
                assert [json.loads(line) for line in value.splitlines()]
    assert counted > 100
    for about in (told["components"]["parameters"] | told["components"]["headers"]).values():
        if "example" in about:
            jsonschema.validate(about["example"], about["schema"])


def plain(value: Any) -> str:
    return NOT_OF_TODAY.sub("…", value if isinstance(value, str) else json.dumps(value))


@pytest.mark.parametrize("name", ["commune", "person", "resident"])
def test_the_examples_of_a_lookup_are_what_is_answered(gateway: Gateway, told: Any, name: str) -> None:
    described = told["paths"][f"/lookups/{name}"]["post"]
    asked, answered = described["requestBody"]["content"], described["responses"]["200"]["content"]
    headers = gateway.headers("mairie")
    for kind, example in asked[JSON]["examples"].items():
        reply = ask(gateway.url, "POST", f"/lookups/{name}", headers | {"Content-Type": JSON}, example["value"])
        assert reply.status == 200, reply.body
        assert plain(reply.json) == plain(answered[JSON]["examples"][kind]["value"]), kind
    for media in (NDJSON, CSV):
        body = asked[media]["example"].encode()
        reply = ask(gateway.url, "POST", f"/lookups/{name}", headers | {"Content-Type": media}, body)
        assert reply.headers["content-type"].startswith(media)
        assert plain(reply.body.decode()) == plain(answered[media]["example"])
    if (get := told["paths"].get(f"/lookups/{name}/{{identifier}}")) is not None:
        get = get["get"]
        reply = gateway.get(f"/lookups/{name}/{get['parameters'][0]['example']}", "mairie")
        assert plain(reply.json) == plain(get["responses"]["200"]["content"][JSON]["example"])
        assert {each["schema"]["type"] for each in get["parameters"][:1]} == {"string"}


def test_the_example_of_several_lookups_is_answered(gateway: Gateway, told: Any) -> None:
    asked = told["paths"]["/lookups"]["post"]["requestBody"]["content"][JSON]["example"]
    assert {each["lookup"] for each in asked} >= {"commune", "person"}
    reply = gateway.post("/lookups", asked, "mairie").json
    assert (reply["meta"]["partial"], reply["meta"]["answered"]) == (False, len(asked))


def test_every_problem_has_an_example_where_its_status_is(told: Any) -> None:
    examples = told["components"]["examples"]
    assert set(examples) == set(LEAVES) == set(openapi.DETAILS)
    for code, kind in LEAVES.items():
        value = examples[code]["value"]
        assert (value["type"], value["status"]) == (f"urn:beffroi:problem:{code}", STATUS[kind])
        assert (value["title"], value["todo"], value["fault"]) == (kind.title, kind.todo, kind.fault)
    post = told["paths"]["/lookups/person"]["post"]["responses"]
    assert set(post["403"]["content"]["application/problem+json"]["examples"]) == {"not-granted"}
    assert {"Content-Language", "RateLimit", "RateLimit-Policy", "Retry-After"} == set(post["503"]["headers"])
    assert "WWW-Authenticate" in post["401"]["headers"]


@pytest.mark.parametrize(
    ("code", "application", "body"),
    [
        ("unauthenticated", None, {"identifier": "01001"}),
        ("not-granted", "ecole", {"identifier": "01001", "fields": ["population"]}),
        ("invalid-request", "mairie", {}),
        ("not-found", "mairie", {"identifier": "01999"}),
    ],
)  # fmt: skip
def test_an_example_of_a_problem_is_what_is_answered(
    gateway: Gateway, told: Any, code: str, application: str | None, body: Any
) -> None:
    reply = gateway.post("/lookups/commune", body, application)
    assert reply.code == code
    example = told["components"]["examples"][code]["value"]
    names = set(example) - {"detail"} if code == "invalid-request" else set(example)
    assert {name: reply.json[name] for name in names} == {name: example[name] for name in names}


def test_what_a_call_says_is_described(told: Any) -> None:
    named = [each["$ref"].rpartition("/")[2] for each in told["paths"]["/lookups/person"]["post"]["parameters"]]
    assert named == ["Beffroi-Purpose", "Beffroi-Agent", "Beffroi-Case", "Beffroi-Receipt", "Accept-Language", "Prefer"]
    rows = [each["name"] for each in told["paths"]["/datasets/{name}/rows"]["parameters"]]
    assert rows == ["Beffroi-Purpose", "Beffroi-Agent", "Beffroi-Case", "Accept-Language"]
    assert told["paths"]["/lookups/person"]["get"]["parameters"] == [], "what a lookup takes is told to everybody"
    assert told["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert told["paths"]["/datasets/{name}/rows"]["get"]["security"] == [{}, {"token": []}], "open data need no token"


def test_rows_are_filtered_and_no_row_is_taken_for_one_of_another_dataset(gateway: Gateway, told: Any) -> None:
    listed = told["paths"]["/datasets/{name}/rows"]["get"]
    page = listed["responses"]["200"]["content"][JSON]["schema"]["$ref"].rpartition("/")[2]
    assert told["components"]["schemas"][page]["properties"]["data"]["items"] == {
        "type": "object", "additionalProperties": True,
    }  # fmt: skip
    filters = next(each for each in listed["parameters"] if each["name"] == "filters")
    assert (filters["style"], filters["explode"]) == ("form", True), "each filter is a parameter of its own"
    name = next(each["example"] for each in listed["parameters"] if each["name"] == "name")
    reply = gateway.get(f"/datasets/{name}/rows?{urlencode(filters['example'])}")
    assert (reply.status, len(reply.json["data"])) == (200, 20), reply.body
    schemas = told["components"]["schemas"]
    jsonschema.validate(reply.json, schemas[page] | {"components": told["components"]})
    jsonschema.validate(reply.json["data"][0], schemas[f"{name}.row"])


def test_what_matters_most_comes_first(told: Any) -> None:
    operations = [each for on in told["paths"].values() for name, each in on.items() if name != "parameters"]
    tags = [each["name"] for each in told["tags"]]
    assert (tags[:2], set(tags)) == (["lookups", "datasets"], {tag for each in operations for tag in each["tags"]})
    assert all(each["description"] for each in told["tags"])
    said = [each["responses"].get("200", {}).get("description") for each in operations]
    assert "Successful Response" not in said, "which says nothing"


def test_a_question_names_the_fields_of_its_lookup(told: Any) -> None:
    question = told["components"]["schemas"]["PersonQuestion"]["properties"]
    assert "birth_name" in question["fields"]["anyOf"][0]["items"]["enum"]
    assert question["verify"]["anyOf"][0]["additionalProperties"] is False
    assert "on" not in question
    assert "identity" not in question
    assert "on" in told["components"]["schemas"]["CommuneQuestion"]["properties"]


# --- registries of which only a declaration is known -----------------------------------------------------------------

EQUIPMENT = """\
kind: rest
url: http://127.0.0.1:1/
personal: false
lookup:
  record: Equipment
  identifier: {scheme: id, pattern: '(?P<id>E[0-9]{3})'EXAMPLE}
  path: 'equipments/{id}.json'
  key: id
  fields:
    name: {from: name, required: true}
    id: {from: id, required: true}
    opened: {from: opened, type: date}
    seen: {from: seen, type: datetime}
    capacity: {from: capacity, type: integer}
    area: {from: area, type: number}
    open: {from: open, type: boolean}
    sports: {from: sports, type: array}
"""
MAIN = """\
title: Town
organisations:
  town: {title: Town, applications: {desk: {title: Desk, grants: [
    {lookup: parcel, fields: '*', purposes: [survey]}, {lookup: equipment, fields: '*', purposes: [survey]},
    {lookup: hall, fields: '*', purposes: [survey]}]}}}
purposes:
  survey: {title: Survey, procedure: Survey, legal_basis: '1', requires: []}
lookups:
  parcel: {record: Parcel, providers: [{registry: cadastre}]}
  equipment: {record: Equipment, providers: [{registry: equipment}]}
  hall: {record: Equipment, providers: [{registry: hall}]}
"""


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose registries are declared, by SOAP and REST, and out of order."""
    root = cadastre.workspace(tmp_path_factory.mktemp("declared") / "w", "http://127.0.0.1:1/", main=MAIN)
    (root / "registries/equipment.yaml").write_text(EQUIPMENT.replace("EXAMPLE", ", example: E117"), encoding="utf-8")
    (root / "registries/hall.yaml").write_text(EQUIPMENT.replace("EXAMPLE", ""), encoding="utf-8")
    with Gateway(root) as running:
        yield running


def test_lookups_of_declared_registries_have_examples_that_are_of_their_schemas(declared: Gateway) -> None:
    told = declared.get("/openapi.json").json
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    answers = {}
    for place, media, content in contents(told):
        if "/lookups/" not in place or "problem" in media:
            continue
        schema = content["schema"] | {"components": told["components"]}
        for value in values(told, content):
            jsonschema.Draft202012Validator(schema, format_checker=checker).validate(value)
        if place.startswith("post ") and media == JSON and " 200 " in place:
            answers[place.split()[1].rpartition("/")[2]] = content["examples"]
    assert answers.keys() == {"parcel", "equipment", "hall"}
    assert answers["equipment"]["one"]["value"]["data"] == {
        "name": "text", "id": "E117", "opened": "2026-01-31", "seen": "2026-01-31T08:00:00Z", "capacity": 1, "area": 1,
        "open": True, "sports": ["text"],
    }  # fmt: skip
    assert answers["hall"]["one"]["value"]["data"]["id"] == "E000", "the form of the identifier says so"
    owner = answers["parcel"]["one"]["value"]["data"]["owners"]["owner"]
    assert owner == [{"kind": "person", "name": "text", "share": "0", "since": "2026-01-31"}]
    assert {each["description"] for each in answers["parcel"].values() if "description" in each} == {documents.MADE}
    outcomes = [row["outcome"] for row in answers["hall"]["many"]["value"]["data"]]
    assert outcomes == ["found", "malformed-identifier"]


@pytest.mark.parametrize("name", ["parcel", "equipment", "hall"])
def test_what_is_asked_as_an_example_is_understood(declared: Gateway, name: str) -> None:
    asked = declared.get("/openapi.json").json["paths"][f"/lookups/{name}"]["post"]["requestBody"]["content"][JSON]
    assert ("verify" in asked["examples"]) == (name != "parcel"), "nothing of a schema's own types can be verified"
    for kind in asked["examples"].keys() - {"many"}:
        reply = declared.post(f"/lookups/{name}", asked["examples"][kind]["value"], "desk", "survey")
        assert (kind, reply.code) == (kind, "down"), reply.body  # its registry is asked, which is not there


SCHEMAS = st.recursive(
    st.one_of(
        st.sampled_from([{"type": each} for each in ("string", "integer", "number", "boolean", "null")]),
        st.builds(lambda least, more: {"type": "string", "minLength": least, "maxLength": least + more},
                  st.integers(0, 40), st.integers(0, 40)),
        st.builds(lambda least, more: {"type": "integer", "minimum": least, "maximum": least + more},
                  st.integers(-50, 50), st.integers(0, 50)),
        st.sampled_from([{"type": "string", "format": each} for each in (*by_schema.TEXTS, "unheard-of")]),
        st.sampled_from([{"type": "string", "pattern": each} for each in (
            "^[A-Z]{2}[0-9]{4}$", "^(?:a|b)+$", "^$", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "^(?!x)y$", "b$",
            r"^(?:\p{Lu}[a-z]+)$")]),  # as a WSDL may have it, and Python does not
        st.just({"type": "string", "minLength": 60, "pattern": "^(?:(t+)+x)$"}),
        st.lists(st.integers() | st.text(), min_size=1, max_size=3).map(lambda each: {"enum": each}),
        st.just({"type": "integer", "multipleOf": 7}),
    ),
    lambda inner: st.one_of(
        st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 3)),
        st.dictionaries(st.sampled_from("abcd"), inner).map(
            lambda each: {"type": "object", "properties": each, "required": list(each), "additionalProperties": False}),
        st.lists(inner, min_size=1, max_size=3).map(lambda each: {"anyOf": each}),
    ),
    max_leaves=8,
)  # fmt: skip


@given(SCHEMAS)
def test_an_example_is_of_its_schema_or_there_is_none(schema: Any) -> None:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    with contextlib.suppress(by_schema.NoExample):
        jsonschema.Draft202012Validator(schema, format_checker=checker).validate(by_schema.value(schema, {}))
