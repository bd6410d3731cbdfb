"""Drafts from OpenAPI documents: in the shape of real ones, hostile ones, and any that may be."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.drafting import FILL_IN, Draft, blanks
from connectors.errors import Down, InvalidRequest, Misconfigured
from connectors.rest import Rest
from connectors.rest.draft import draft
from connectors.rest.settings import RestSettings
from gateway.skeleton import make
from pipelines.declarations import Dataset, strict_yaml
from pipelines.workspace import Workspace
from tests.peers.canned import Canned

DOCUMENTS = Path(__file__).parent / "openapi"


def declared(made: Draft, root: Path) -> dict[str, Any]:
    """Return the declaration as the workspace reads it, without its kind."""
    file = root / "shop.yaml"
    file.write_text(made.declaration)
    data: dict[str, Any] = strict_yaml.load(file).data
    assert data.pop("kind") == "rest"
    return data


def registry(made: Draft, root: Path) -> Rest:
    """Return the registry of a draft, which must load; where it has no problems nothing is left to fill in."""
    said = declared(made, root)
    made_registry = Rest("shop", RestSettings.model_validate(said), root)
    left = list(blanks(said))
    assert [keys for keys, _ in made_registry.problems()] == left
    return made_registry


def of(name: str, root: Path, **options: Any) -> tuple[dict[str, Any], Draft]:
    made = draft(str(DOCUMENTS / name), "shop", root, **options)
    registry(made, root)
    return declared(made, root), made


def dataset(made: Draft, table: str, root: Path) -> Any:
    """Return a dataset of a draft, which must load once its owner is said."""
    file = root / f"{table}.yaml"
    file.write_text(made.datasets[table])
    data = strict_yaml.load(file).data
    assert data["owner"] == FILL_IN
    return data


# --- in the shape of real ones ---------------------------------------------------------------------------------------


def test_api_geo(tmp_path: Path) -> None:
    """Swagger 2: one list in one answer, one object by a code."""
    said, made = of("api_geo.json", tmp_path)
    assert said["url"] == "https://geo.example.org/"
    assert said["personal"] is True
    assert said["answers"] == [{"status": 404, "is": "not-found"}]
    lookup = said["lookup"]
    assert (lookup["record"], lookup["path"], lookup["same"]) == ("ShopCommune", "communes/{code}", "code")
    assert "Beffroi has a record Commune of its own" in made.declaration
    assert lookup["fields"]["population"] == {"from": "population", "type": "integer"}
    assert lookup["fields"]["codes_postaux"] == {"from": "codesPostaux", "type": "array"}
    assert list(said["tables"]) == ["communes"]
    assert said["tables"]["communes"]["columns"]["departement_code"] == "departement.code"
    assert "#    path: departements/FILL_IN/communes" in made.declaration
    told = dataset(made, "communes", tmp_path)
    assert told["source"] == {"registry": "shop", "table": "communes"}
    assert told["schema"]["primaryKey"] == "code"
    name = {"name": "nom", "description": "Nom de la commune", "constraints": {"required": True}, "personal": True}
    assert name in told["schema"]["fields"]
    assert told["audience"] == "owner"
    assert told["expect"] == {"rows": {"min": 1}, "refused": {"max": 0.05}}
    assert (
        made.lookups == {"commune": "title: Commune\nrecord: Commune\nproviders:\n  - registry: shop\n"} or made.lookups
    )


def test_a_draft_of_a_dataset_loads(tmp_path: Path) -> None:
    _, made = of("api_geo.json", tmp_path)
    told = dataset(made, "communes", tmp_path)
    found = Dataset.model_validate(told | {"owner": "ville", "name": "communes"})
    assert [column.name for column in found.columns][:2] == ["code", "nom"]


def test_recherche_entreprises(tmp_path: Path) -> None:
    """Pages, a cursor of Sirene's kind, a number that is checked, and an error code that tells what is not there."""
    said, made = of("recherche_entreprises.yaml", tmp_path)
    assert said["lookup"]["identifier"] == {"scheme": "siren", "pattern": r"(?P<siren>\d{9})", "check": "fr.siren"}
    assert said["lookup"]["record_at"] == "uniteLegale"
    assert said["lookup"]["fields"]["own_key"] == "key"
    assert said["answers"] == [{"status": 404, "path": "erreur.code", "equals": "INCONNU", "is": "not-found"}]
    assert said["tables"]["siren"]["paging"] == {
        "by": "cursor",
        "parameter": "curseur",
        "next": "header.curseurSuivant",
        "first": "*",
        "until": "same",
        "size": {"parameter": "nombre", "value": 1000},
    }
    assert said["tables"]["siren"]["total"] == "header.total"
    assert "#    query: {q: FILL_IN}" in made.declaration
    assert "size: {parameter: per_page, value: 25}" in made.declaration
    assert "POST /siren" in made.declaration
    assert {each.name for each in made.seen} == {"search", "siren", "UniteLegale"}


def test_what_is_commented_loads_too(tmp_path: Path) -> None:
    made = draft(str(DOCUMENTS / "recherche_entreprises.yaml"), "shop", tmp_path)
    text = re.sub(r"^#(?=\S| +[a-z_0-9]+:)(?! )", "", made.declaration, flags=re.MULTILINE)
    taken_on = re.sub(r"^#(?=  )(?=.*:)(?!.*(GET|By|FILL_IN is))(?=  +[a-z])", "", text, flags=re.MULTILINE)
    (tmp_path / "on.yaml").write_text(taken_on)
    said = strict_yaml.load(tmp_path / "on.yaml").data
    said.pop("kind")
    found = Rest("shop", RestSettings.model_validate(said), tmp_path)
    assert [keys for keys, _ in found.problems()] == [("tables", "search", "query", "q")]


def test_gleif(tmp_path: Path) -> None:
    """JSON:API: OAuth, attributes, the cursor that its links begin with, a schema that holds itself."""
    said, made = of("gleif.yaml", tmp_path)
    assert said["url"] == "https://lei.example.org/api/v1"
    assert said["auth"] == {
        "kind": "oauth2",
        "token_url": "https://login.example.org/token",
        "client_id": "${SHOP_CLIENT_ID}",
        "client_secret": "${SHOP_CLIENT_SECRET}",
        "scope": "lei:read",
    }
    assert said["lookup"]["identifier"]["check"] == "lei"
    assert said["lookup"]["same"] == "attributes.lei"
    table = said["tables"]["lei_records"]
    assert table["content_type"] == "application/vnd.api+json"
    assert table["query"] == {"page[cursor]": "*"}
    assert table["paging"] == {"by": "next", "next": "links.next", "size": {"parameter": "page[size]", "value": 200}}
    assert table["total"] == "meta.pagination.total"
    assert "links_next" not in table["columns"]
    assert table["columns"]["entity_legal_name_name"] == "attributes.entity.legalName.name"
    assert dataset(made, "lei_records", tmp_path)["schema"]["primaryKey"] == "lei"
    assert of("gleif.yaml", tmp_path, server="test")[0]["url"] == "https://test.example.org/api/v1"


def test_petstore(tmp_path: Path) -> None:
    """An address that only a person knows, a key in a header, several lookups."""
    said, made = of("petstore.yaml", tmp_path)
    assert FILL_IN in said["url"]
    assert said["auth"] == {"kind": "api-key", "header": "api_key", "value": "${SHOP_KEY}"}
    assert (said["lookup"]["record"], said["lookup"]["same"]) == ("Pet", "id")
    assert said["lookup"]["identifier"]["pattern"] == r"(?P<pet_id>\d{1,18})"
    assert "#  record: User" in made.declaration
    assert "#    email: {from: email, personal: true}" in made.declaration
    assert said["tables"]["findbystatus"]["query"] == {"status": "available"}
    assert any("fill in url:" in note for note in made.notes)


def test_drafts_stand_in_a_workspace(tmp_path: Path) -> None:
    """A workspace that has them all, with their datasets, is right but for what only its operator knows."""
    make(tmp_path / "town")
    for folder in ("registries", "datasets"):
        (tmp_path / "town" / folder).mkdir(exist_ok=True)
    for file in DOCUMENTS.iterdir():
        made = draft(str(file), file.stem, tmp_path)
        (tmp_path / "town" / "registries" / f"{file.stem}.yaml").write_text(made.declaration)
        for table, text in made.datasets.items():
            said = text.replace(f"owner: {FILL_IN}", "owner: town")
            (tmp_path / "town" / "datasets" / f"{file.stem}_{table}.yaml").write_text(said)
    with pytest.raises(Misconfigured) as raised:
        Workspace(tmp_path / "town")
    [line] = raised.value.detail.splitlines()
    assert line == "registries/petstore.yaml:6: FILL_IN stands for a value that only you know: write it here"


def test_some_paths_only(tmp_path: Path) -> None:
    said, made = of("petstore.yaml", tmp_path, path=["/user/*"])
    assert said["lookup"]["record"] == "User"
    assert "tables" not in said
    assert "/pet" not in made.declaration
    with pytest.raises(InvalidRequest, match="such a path"):
        of("petstore.yaml", tmp_path, path=["/nowhere"])
    with pytest.raises(InvalidRequest, match=r"no such server; it has: https://lei.example.org"):
        of("gleif.yaml", tmp_path, server="elsewhere")


def test_from_an_address(canned: Canned, tmp_path: Path) -> None:
    canned.say((DOCUMENTS / "petstore.yaml").read_bytes(), "application/yaml")
    odd = document({"/things": get(rows())}) | {"servers": [{"url": "http://["}, {"url": "//["}, {"url": "v2"}]}
    made = draft(f"{canned.url}/api/openapi.yaml", "shop", tmp_path)
    assert registry(made, tmp_path).settings.model_dump()["url"] == f"{canned.url}/api/v3"
    canned.say(json.dumps(odd).encode(), "application/json")
    assert (
        declared(draft(f"{canned.url}/api/openapi.json", "shop", tmp_path), tmp_path)["url"] == f"{canned.url}/api/v2"
    )
    canned.say(b"", "text/plain", 404)
    with pytest.raises(InvalidRequest, match="HTTP 404"):
        draft(f"{canned.url}/openapi.yaml", "shop", tmp_path)
    with pytest.raises(Down):
        draft("http://127.0.0.1:1/openapi.yaml", "shop", tmp_path)


# --- what else there is ----------------------------------------------------------------------------------------------


def document(paths: Any, **said: Any) -> dict[str, Any]:
    return {"openapi": "3.0.0", "servers": [{"url": "https://shop.example.org/v1"}], "paths": paths} | said


def get(schema: Any, *parameters: dict[str, Any], **said: Any) -> dict[str, Any]:
    answer = {"description": "OK", "content": {"application/json": {"schema": schema}}}
    return {"get": {"parameters": list(parameters), "responses": {"200": answer | said}}}


def parameter(name: str, place: str = "query", *, required: bool = False, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": schema}


def rows(**beside: Any) -> dict[str, Any]:
    item = {"type": "object", "properties": {"id": {"type": "string"}}}
    return {"type": "object", "properties": {"items": {"type": "array", "items": item}, **beside}}


def drafted(data: Any, root: Path) -> tuple[dict[str, Any], Draft]:
    (root / "openapi.json").write_text(json.dumps(data))
    made = draft("openapi.json", "shop", root)
    registry(made, root)
    return declared(made, root), made


WHOLE: dict[str, Any] = {"type": "integer"}
TEXT: dict[str, Any] = {"type": "string"}


@pytest.mark.parametrize(
    ("operation", "paging", "query"),
    [
        (get(rows(), parameter("page", **WHOLE, minimum=0)), {"by": "page", "parameter": "page", "first": 0}, None),
        (
            get(rows(), parameter("page[number]", **WHOLE), parameter("page[size]", **WHOLE)),
            {"by": "page", "parameter": "page[number]", "first": 1, "size": {"parameter": "page[size]", "value": 100}},
            None,
        ),
        (
            get(rows(), parameter("offset", **WHOLE), parameter("limit", **WHOLE, default=20)),
            {"by": "offset", "parameter": "offset", "size": {"parameter": "limit", "value": 20}},
            None,
        ),
        (
            get(rows(), parameter("debut", **WHOLE), parameter("nombre", **WHOLE, maximum=1000)),
            {"by": "offset", "parameter": "debut", "size": {"parameter": "nombre", "value": 1000}},
            None,
        ),
        (get(rows(), parameter("offset", **WHOLE)), None, None),
        (get(rows(), parameter("page", **TEXT)), None, None),
        (get(rows(next_cursor=TEXT), parameter("cursor", **TEXT)), {"by": "cursor", "parameter": "cursor", "next": "next_cursor"}, None),
        (get(rows(next=TEXT), parameter("after", **TEXT)), {"by": "cursor", "parameter": "after", "next": "next"}, None),
        (get(rows(next={"type": "string", "format": "uri"})), {"by": "next", "next": "next"}, None),
        (get(rows(next=TEXT), parameter("page", **WHOLE)), {"by": "page", "parameter": "page", "first": 1}, None),
        (get(rows(_links={"type": "object", "properties": {"next": {"type": "object", "properties": {"href": TEXT}}}})), {"by": "next", "next": "_links.next.href"}, None),
        (get(rows(**{"@next": {"type": "string", "format": "uri"}}) | {}, headers={"Link": {}}), {"by": "next", "next": '"@next"'}, None),
        (get(rows(), headers={"Link": {}}), {"by": "link"}, None),
        (get(rows(), parameter("year", required=True, **WHOLE, default=2024)), None, {"year": 2024}),
        (get(rows(), parameter("all", required=True, type="boolean", default=True)), None, {"all": "true"}),
    ],
)  # fmt: skip
def test_how_pages_are_told(operation: Any, paging: Any, query: Any, tmp_path: Path) -> None:
    said, _ = drafted(document({"/things": operation}), tmp_path)
    assert said["tables"]["things"].get("paging") == paging
    assert said["tables"]["things"].get("query") == query


def test_totals(tmp_path: Path) -> None:
    page = parameter("page", **WHOLE)
    for beside, total in (
        ({"total": WHOLE}, "total"),
        ({"hydra:totalItems": WHOLE}, '"hydra:totalItems"'),
        ({"count": WHOLE}, None),
        ({"count": WHOLE, "next": {"type": "string", "format": "uri"}, "previous": TEXT}, "count"),
        ({"total": TEXT}, None),
    ):
        said, _ = drafted(document({"/things": get(rows(**beside), page)}), tmp_path)
        assert said["tables"]["things"].get("total") == total


@pytest.mark.parametrize(
    ("asked", "pattern"),
    [
        ({"type": "string", "pattern": "^[A-Z]{2}$"}, "[A-Z]{2}"),
        ({"type": "string", "pattern": "^a|b$"}, "a|b"),
        ({"type": "string", "pattern": "(a+)+"}, r"[^/\s]{1,100}"),
        ({"type": "string", "pattern": r"\p{L}+"}, r"[^/\s]{1,100}"),
        ({"type": "string", "pattern": "(?<x>a)"}, r"[^/\s]{1,100}"),
        ({"type": "string", "format": "date"}, r"\d{4}-\d{2}-\d{2}"),
        ({"type": "string", "enum": ["a.b", "c"]}, r"a\.b|c"),
        ({"type": "integer"}, r"\d{1,18}"),
        ({"type": "string", "minLength": 5, "maxLength": 5}, r"[^/\s]{5}"),
        ({"type": "string", "maxLength": 9}, r"[^/\s]{1,9}"),
        ({"type": "string", "minLength": 5, "maxLength": 5, "example": "01001"}, r"\d{5}"),
        ({"type": "string", "example": "01001"}, r"\d{5}"),
        ({"type": "string"}, r"[^/\s]{1,100}"),
    ],
)
def test_forms_of_identifiers(asked: Any, pattern: str, tmp_path: Path) -> None:
    operation = get({"type": "object", "properties": {"name": TEXT}}, parameter("ref", "path", required=True, **asked))
    said, _ = drafted(document({"/things/{ref}": operation}), tmp_path)
    assert said["lookup"]["identifier"] == {"scheme": "ref", "pattern": f"(?P<ref>{pattern})"}
    assert "same" not in said["lookup"]


@pytest.mark.parametrize(
    ("scheme", "auth"),
    [
        ({"type": "http", "scheme": "basic"}, {"kind": "basic", "username": "${SHOP_USERNAME}", "password": "${SHOP_PASSWORD}"}),
        ({"type": "http", "scheme": "Bearer"}, {"kind": "bearer", "token": "${SHOP_TOKEN}"}),
        ({"type": "basic"}, {"kind": "basic", "username": "${SHOP_USERNAME}", "password": "${SHOP_PASSWORD}"}),
        ({"type": "apiKey", "in": "query", "name": "key"}, {"kind": "api-key", "query": "key", "value": "${SHOP_KEY}"}),
        (
            {"type": "apiKey", "in": "header", "name": "Authorization", "description": "Bearer token"},
            {"kind": "bearer", "token": "${SHOP_TOKEN}"},
        ),
        ({"type": "apiKey", "in": "cookie", "name": "sid"}, None),
        ({"type": "apiKey", "in": "header", "name": "a: b"}, None),
        ({"type": "openIdConnect"}, None),
        ({"type": "oauth2", "flows": []}, None),
    ],
)  # fmt: skip
def test_who_we_are(scheme: Any, auth: Any, tmp_path: Path) -> None:
    schemes = {"components": {"securitySchemes": {"one": scheme}}}
    wanted = get(rows(), parameter("key", required=True, **TEXT))
    wanted["get"]["parameters"] = wanted["get"]["parameters"] if (auth or {}).get("query") else []
    said, made = drafted(document({"/things": wanted}, security=[{"one": []}], **schemes), tmp_path)
    assert said.get("auth") == auth
    assert (auth is None) == any("cannot be drafted" in note for note in made.notes)
    assert "query" not in said["tables"]["things"], "the key is no parameter of the table"
    said, made = drafted(document({"/things": get(rows())}, **schemes), tmp_path)
    assert "auth" not in said, "nobody asks for it"
    assert ("#auth:" in made.declaration) == (auth is not None)


def test_an_oauth_endpoint_that_is_not_told(tmp_path: Path) -> None:
    flow = {"type": "oauth2", "flow": "application", "tokenUrl": "/token"}
    data = document({"/things": get(rows())}, security=[{"one": []}], securityDefinitions={"one": flow})
    said, _ = drafted(data, tmp_path)
    assert FILL_IN in said["auth"]["token_url"]


def test_names_that_are_taken(tmp_path: Path) -> None:
    properties = dict.fromkeys(
        ("id", "key", "model_dump", "copy", "beffroi_fault", "a-b", "a_b", "aB", "1", "é", "\n", ""), TEXT
    )
    thing = {"type": "object", "properties": properties}
    data = document({
        "/things/{id}": get(thing, parameter("id", "path", required=True, **TEXT)),
        "/things": get({"type": "array", "items": thing}),
        "/other/things": get({"type": "array", "items": thing}),
        "/other/{x}/things": get({"type": "array", "items": thing}, parameter("x", "path", **TEXT, default="y")),
    })  # fmt: skip
    said, _ = drafted(data, tmp_path)
    assert {"own_key", "own_model_dump", "own_copy", "a_b", "a_b_2", "a_b_3", "t_1", "e"} <= set(
        said["lookup"]["fields"]
    )
    assert "own_beffroi_fault" in said["tables"]["things"]["columns"]
    assert list(said["tables"]) == ["things", "other_things", "other_things_2"]
    assert said["tables"]["other_things_2"]["path"] == "other/y/things"


def test_what_must_be_said_for_a_lookup(tmp_path: Path) -> None:
    """Parameters with one value are said, others are left to a person: such a lookup stays a comment."""
    thing = {"type": "object", "properties": {"id": TEXT}}
    mine = parameter("id", "path", required=True, **TEXT)
    told = [
        parameter("year", required=True, **WHOLE, default=2024),
        parameter("all", required=True, type="boolean", enum=[True]),
    ]
    said, _ = drafted(document({"/things/{id}": get(thing, mine, *told)}), tmp_path)
    assert said["lookup"]["query"] == {"year": 2024, "all": "true"}
    why = get(thing, mine, parameter("why", required=True, **TEXT))
    said, made = drafted(document({"/things/{id}": why, "/other": get(rows())}), tmp_path)
    assert "lookup" not in said
    assert "#  query: {why: FILL_IN}" in made.declaration
    said, _ = drafted(document({"/things/{id}": why}), tmp_path)
    assert said["lookup"]["query"] == {"why": FILL_IN}, "the only part there is stands with its blanks"
    said, _ = drafted(document({"/things/{id}": get(thing)}), tmp_path)
    assert said["lookup"]["path"] == "things/{id}", "a parameter that the document forgot to declare"
    said, made = drafted(document({"/things/{id}{id}": get(thing), "/a/{id}/../b": get(thing)}), tmp_path)
    assert "lookup" not in said


def test_words_for_people(tmp_path: Path) -> None:
    """What is in an object about a person is personal; a record is called by the last word of a path, one of it."""
    inner = {"type": "object", "properties": {"date": TEXT, "lieu": TEXT}}
    thing = {"type": "object", "properties": {"id": TEXT, "naissance": inner, "personne_morale": inner}}
    for path, record in (("unites_legales", "UniteLegale"), ("status", "Status"), ("kbis", "Kbis"), ("2024", "T2024")):
        said, _ = drafted(document({f"/{path}/{{id}}": get(thing)}), tmp_path)
        assert said["lookup"]["record"] == record
    assert said["lookup"]["fields"]["naissance_date"] == {"from": "naissance.date", "personal": True}
    assert said["lookup"]["fields"]["personne_morale_date"] == "personne_morale.date"


def test_what_two_statuses_mean(tmp_path: Path) -> None:
    thing = {"type": "object", "properties": {"id": TEXT}}
    operation = get(thing, parameter("id", "path", required=True, **TEXT))
    code: dict[str, Any] = {"type": "object", "properties": {"text": TEXT, "code": {"const": 7}}}
    operation["get"]["responses"] |= {
        "410": {"content": {"application/json": {"schema": code}}},
        "451": {"content": {"*/*": {"schema": thing}}},
        "500": {"description": "no"},
    }
    said, _ = drafted(document({"/things/{id}": operation}), tmp_path)
    assert said["answers"] == [
        {"status": 410, "content_type": "application/json", "is": "not-found"},
        {"status": 451, "is": "withheld"},
    ]
    code["properties"]["code"] = {"type": "integer", "const": 7}
    said, _ = drafted(document({"/things/{id}": operation}), tmp_path)
    assert said["answers"][0] == {"status": 410, "path": "code", "equals": 7, "is": "not-found"}


def test_an_answer_in_many_wrappings(tmp_path: Path) -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {"id": TEXT, "name": TEXT}}
    for key in "edcba":
        schema = {"type": "object", "properties": {key: schema}}
    said, _ = drafted(document({"/things/{id}": get(schema)}), tmp_path)
    assert said["lookup"]["record_at"] == "a.b.c"
    assert said["lookup"]["same"] == "d.e.id"


def test_very_many_operations(tmp_path: Path) -> None:
    said, made = drafted(document({f"/t{number}": get(rows()) for number in range(2_100)}), tmp_path)
    assert len(said["tables"]) == 50
    assert "… and 1700 more" in made.declaration


def test_a_key_that_nobody_can_guess(tmp_path: Path) -> None:
    thing = {"type": "object", "required": ["label"], "properties": {"label": TEXT, "amount": {"type": "number"}}}
    _, made = drafted(document({"/things": get({"type": "array", "items": thing})}), tmp_path)
    assert dataset(made, "things", tmp_path)["schema"]["primaryKey"] == FILL_IN
    assert "Columns that every row has: label." in made.datasets["things"]


# --- hostile ones ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no OpenAPI document"),
        (b"[]", "no OpenAPI document"),
        (b"{}", "no OpenAPI document"),
        (b'{"openapi": "4.0", "paths": {}}', "no OpenAPI document"),
        (b'{"openapi": "3.0.0", "paths": []}', "no OpenAPI document"),
        (b'{"openapi": "3.0.0", "paths": {}}', "no operation"),
        (b"openapi: 3.0.0\npaths: {a: [}", "line 2"),
        (b"openapi: 3.0.0\nopenapi: 3.0.0\n", "neither JSON nor YAML"),
        (b"\xff\xfe", "neither JSON nor YAML"),
        (b"!!python/object/apply:os.system ['true']", "neither JSON nor YAML"),
        (b"[" * 200_000, "nested too deeply"),
        (b"- " * 20_000, "nested too deeply"),
        (b"a" * 5_000_000, "as YAML it has more than 1 MB"),
        (b" " * 33_600_000, "more than 32 MB"),
    ],
)
def test_what_is_no_document(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "openapi.yaml").write_bytes(content)
    with pytest.raises(InvalidRequest, match=says):
        draft("openapi.yaml", "shop", tmp_path)
    with pytest.raises(InvalidRequest, match=r"cannot be read: No such file"):
        draft("gone.yaml", "shop", tmp_path)


def test_references_that_lead_nowhere(tmp_path: Path) -> None:
    loop = {"$ref": "#/components/schemas/Loop"}
    schemas = {
        "Loop": loop,
        "Tree": {"allOf": [{"$ref": "#/components/schemas/Tree"}], "type": "object", "properties": {"id": TEXT} | {"kids": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}, "up": {"$ref": "#/components/schemas/Tree"}}},
        "Gone": {"$ref": "#/components/schemas/Nothing"},
        "Bad": {"$ref": "#/servers/0/url/9"},
    }  # fmt: skip
    data = document(
        {
            "/loop": get(loop),
            "/tree": get({"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}),
            "/gone": get({"$ref": "#/components/schemas/Gone"}),
            "/bad": get({"$ref": "#/components/schemas/Bad"}),
            "/remote": get({"$ref": "https://evil.example.org/schema.json#/x"}),
            "/file": get({"$ref": "file:///etc/passwd"}),
            "/item": {"$ref": "other.yaml"},
        },
        components={"schemas": schemas},
    )
    said, made = drafted(data, tmp_path)
    assert list(said["tables"]) == ["tree"]
    assert said["tables"]["tree"]["columns"] == {"id": "id"}
    assert any("evil.example.org" in note and "bundle" in note for note in made.notes)


def test_a_document_that_grows_when_it_is_followed(tmp_path: Path) -> None:
    """Each schema has two of the next: 2^60 of them, were they all written out."""
    schemas: dict[str, Any] = {
        f"S{number}": {"type": "object", "properties": {key: {"$ref": f"#/components/schemas/S{number + 1}"} for key in "ab"}}
        for number in range(60)
    }  # fmt: skip
    schemas["All"] = {"allOf": [{"$ref": "#/components/schemas/All"}, {"$ref": "#/components/schemas/S0"}] * 100}
    wide = {"type": "object", "properties": {f"p{n}": {"$ref": "#/components/schemas/S0"} for n in range(5_000)}}
    data = document(
        {f"/t{number}": get({"type": "array", "items": wide}) for number in range(60)}
        | {"/all": get({"$ref": "#/components/schemas/All"})},
        components={"schemas": schemas},
    )
    began = time.monotonic()
    drafted(data, tmp_path)
    assert time.monotonic() - began < 30


def test_yaml_that_grows(tmp_path: Path) -> None:
    """A text that is a list of lists of lists of itself: it would have 10^30 items."""
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 31))
    text = (
        f"openapi: 3.0.0\n{bomb}info: {{title: *a30, version: *a30}}\nservers: [{{url: *a30}}, {{url: 'https://x.example.org'}}]\n"
        "components: {securitySchemes: {k: {type: *a30, name: *a30}}}\nsecurity: [{k: *a30}]\n"
        "paths:\n  /things: &item\n    get:\n      summary: *a30\n      security: *a30\n"
        "      parameters: [{name: q, in: query, required: true, description: *a30, schema: {default: *a30, enum: *a30}}]\n"
        "      responses: {200: {description: *a30, content: {application/json: {schema: &s {type: array, items:"
        " {properties: {id: {type: string, description: *a30, example: *a30}, more: *s}}}}}}}\n  /same: *item\n"
    )
    (tmp_path / "openapi.yaml").write_text(text)
    made = draft("openapi.yaml", "shop", tmp_path)
    assert "#    query: {q: FILL_IN}" in made.declaration
    assert declared(made, tmp_path)["url"] == "https://x.example.org"


def test_nothing_foreign_becomes_a_key(tmp_path: Path) -> None:
    evil = "x\nauth: {kind: bearer}\r\n\u2028tls: {}\x85url: y # \x1b[31m: {'\"\\"
    thing = {
        "type": "object",
        "title": evil,
        "properties": {evil: TEXT, "a: b": TEXT, "#": TEXT, "'": TEXT, "${HOME}": TEXT},
    }
    operation = get({"type": "array", "items": thing}, parameter(evil, required=True, **TEXT, default=evil))
    operation["get"] |= {"summary": evil, "description": evil}
    data = document(
        {"/things": operation, f"/{evil}": operation, "/things/{${X}}": get(thing, parameter("${X}", "path", **TEXT))},
        info={"title": evil, "version": evil},
        components={"securitySchemes": {evil: {"type": evil}}},
        security=[{evil: [evil]}],
    )
    said, made = drafted(data, tmp_path)
    assert set(said) <= {"url", "personal", "tables", "lookup", "answers"}
    assert said["url"] == "https://shop.example.org/v1"
    assert all(line.isprintable() for line in made.declaration.splitlines())


# --- any that may be -------------------------------------------------------------------------------------------------

NAMES = st.one_of(
    st.sampled_from(["id", "name", "key", "items", "data", "next", "links", "total", "page", "cursor", "limit", "email", "attributes"]),
    st.text(max_size=8),
)  # fmt: skip
ODD = st.fixed_dictionaries(
    {},
    optional={
        "type": st.one_of(st.sampled_from(["string", "integer", "number", "boolean", "object", "array", "null"]), st.just(["string", "null"]), st.integers()),
        "format": st.sampled_from(["date", "date-time", "uri", "uuid", "int64"]),
        "pattern": st.one_of(st.text("ab[](){}+*?|^$\\d0", max_size=10), st.integers()),
        "enum": st.lists(st.one_of(NAMES, st.integers(), st.none()), max_size=3),
        "default": st.one_of(NAMES, st.integers(), st.booleans(), st.none(), st.lists(NAMES, max_size=1)),
        "example": st.one_of(NAMES, st.integers(), st.just("01001")),
        "maximum": st.one_of(st.integers(), st.floats(allow_nan=False)),
        "minLength": st.integers(-1, 200),
        "maxLength": st.integers(-1, 200),
        "$ref": st.sampled_from(["#/components/schemas/A", "#/components/schemas/B", "#", "#/paths", "x.json", ""]),
    },
)  # fmt: skip
SANE = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "integer", "number", "boolean"])},
    optional={
        "format": st.sampled_from(["date", "date-time", "uri", "uuid"]),
        "pattern": st.sampled_from(["^[A-Z]{2}$", r"\d+", "a|b", "(a+)+"]),
        "default": st.sampled_from([1, "x", True]),
        "maximum": st.integers(0, 500),
    },
)
LEAVES = st.one_of(SANE, SANE, SANE, ODD)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"type": st.just("object"), "properties": st.dictionaries(NAMES, inner, max_size=4)}),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.fixed_dictionaries({"allOf": st.lists(inner, max_size=2), "required": st.lists(NAMES, max_size=2)}),
        st.fixed_dictionaries({"anyOf": st.one_of(inner, st.lists(inner, max_size=2))}),
    ),
    max_leaves=6,
)
OBJECTS = st.builds(
    lambda sane, odd: {"properties": sane | odd},
    st.dictionaries(NAMES, SANE, min_size=1, max_size=4),
    st.dictionaries(NAMES, SCHEMAS, max_size=2),
)
LISTS = st.fixed_dictionaries({"type": st.just("array"), "items": OBJECTS})
ANSWERS = st.one_of(
    OBJECTS,
    LISTS,
    st.fixed_dictionaries(
        {"properties": st.dictionaries(NAMES, st.one_of(LISTS, OBJECTS, LEAVES), min_size=1, max_size=4)}
    ),
    SCHEMAS,
)
PARAMETERS = st.one_of(
    st.integers(),
    st.fixed_dictionaries(
        {
            "name": st.one_of(NAMES, st.sampled_from(["id", "x", "page", "limit", "offset", "cursor", "per_page"])),
            "in": st.sampled_from(["query", "query", "path", "header", "cookie", "body"]),
        },
        optional={"required": st.booleans(), "schema": SCHEMAS, "description": NAMES, "example": NAMES},
    ),
)
MEDIA = st.sampled_from(["application/json"] * 4 + ["*/*", "text/csv", "é+json", "application/hal+json"])
ANSWER = st.one_of(
    st.builds(lambda media, schema: {"content": {media: {"schema": schema}}, "schema": schema}, MEDIA, ANSWERS),
    st.builds(lambda schema: {"schema": schema, "headers": {"Link": {}}}, ANSWERS),
    st.none(),
)
SECURITY = st.one_of(NAMES, st.lists(st.dictionaries(NAMES, st.lists(NAMES, max_size=2), max_size=2), max_size=2))


def operations(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    others = st.dictionaries(st.sampled_from(["default", "404", "410", "451", "2XX", "x"]), ANSWER, max_size=2)
    return st.fixed_dictionaries(
        {"responses": st.builds(lambda good, others: {"200": good} | others, good, others)},
        optional={"parameters": st.lists(PARAMETERS, max_size=4), "summary": NAMES, "security": SECURITY},
    )


def answering(schemas: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    said = {"content": st.fixed_dictionaries({"application/json": st.fixed_dictionaries({"schema": schemas})})}
    return st.fixed_dictionaries(said | {"schema": schemas})


PATHS = st.one_of(
    st.sampled_from(["/things", "/things/{id}", "/a/{x}/b", "/things/{id}/{x}", "/", "things", "/..", "/a?b", "/{id}"]),
    st.sampled_from(["/things", "/things/{id}", "/a/{x}/b"]),
    st.sampled_from(["/other", "/other/{id}", "/{x}"]),
    st.text(max_size=8).map(lambda text: f"/{text}"),
)
ANY = st.fixed_dictionaries(
    {
        "paths": st.builds(
            lambda table, lookup, others: others | {"/things": {"get": table}, "/things/{id}": {"get": lookup}},
            operations(answering(st.one_of(LISTS, st.fixed_dictionaries({"properties": st.fixed_dictionaries({"data": LISTS, "total": LEAVES})})))),
            operations(answering(OBJECTS)),
            st.dictionaries(PATHS, st.one_of(st.fixed_dictionaries({"get": operations(ANSWER)}, optional={"post": operations(ANSWER)}), st.none()), max_size=2),
        ),
        "components": st.fixed_dictionaries({"schemas": st.fixed_dictionaries({"A": SCHEMAS, "B": SCHEMAS}), "securitySchemes": st.dictionaries(NAMES, st.fixed_dictionaries({"type": st.sampled_from(["apiKey", "http", "oauth2", "basic"])}, optional={"in": st.sampled_from(["header", "query"]), "name": NAMES, "scheme": st.sampled_from(["basic", "bearer"]), "flows": st.fixed_dictionaries({"clientCredentials": st.fixed_dictionaries({"tokenUrl": st.one_of(NAMES, st.just("https://a.example/t"))})})}), max_size=2)}),
    },
    optional={
        "servers": st.one_of(NAMES, st.lists(st.fixed_dictionaries({"url": st.one_of(NAMES, st.sampled_from(["https://a.example/{v}", "http://[", "//b.example", "https://a b/"]))}), max_size=2)),
        "info": st.fixed_dictionaries({"title": NAMES}),
        "security": st.lists(st.dictionaries(NAMES, st.lists(NAMES, max_size=1), max_size=1), max_size=2),
    },
)  # fmt: skip


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    data=ANY,
    version=st.sampled_from([{"openapi": "3.0.3"}, {"openapi": "3.1.0"}, {"swagger": "2.0", "host": "a.example"}]),
)
def test_any_document_gives_a_draft_that_loads(data: dict[str, Any], version: dict[str, str], tmp_path: Path) -> None:
    """It loads whatever is in the document; what is left to fill in is told, and nothing else is wrong."""
    _, made = drafted(data | version, tmp_path)
    for table, text in made.datasets.items():
        file = tmp_path / f"{table}.yaml"
        file.write_text(text)
        Dataset.model_validate(strict_yaml.load(file).data | {"owner": "ville", "name": table})


def test_a_total_is_told_without_paging_too(tmp_path: Path) -> None:
    said, _ = drafted(document({"/things": get(rows(total={"type": "integer"}))}), tmp_path)
    assert said["tables"]["things"]["total"] == "total"


def test_what_a_schema_holds_values_to(tmp_path: Path) -> None:
    item = {
        "type": "object",
        "required": ["id", "state", "note"],
        "properties": {
            "id": {"type": "string", "pattern": "^[A-Z]{3}\\d{5}$"},
            "state": {"type": "string", "enum": ["open", "closed"]},
            "floors": {"type": "integer", "minimum": 0, "maximum": 40.0},
            "share": {"type": "number", "minimum": 0.5},
            "odd": {"type": "integer", "minimum": 5, "maximum": 4},
            "half": {"type": "integer", "minimum": 0.5, "maximum": True},
            "note": {"type": "string", "nullable": True},
        },
    }
    _, made = drafted(document({"/things": get({"type": "array", "items": item})}), tmp_path)
    fields = {each["name"]: each.get("constraints") for each in dataset(made, "things", tmp_path)["schema"]["fields"]}
    assert fields == {
        "id": {"required": True, "pattern": "^[A-Z]{3}\\d{5}$"},
        "state": {"required": True, "enum": ["open", "closed"]},
        "floors": {"minimum": 0, "maximum": 40},
        "share": {"minimum": 0.5},
        "odd": None,
        "half": None,
        "note": None,
    }


NOTHING = {"type": "null"}


@pytest.mark.parametrize(
    ("schema", "always"),
    [
        (TEXT, True),
        ({"type": "string", "nullable": False}, True),
        ({"$ref": "#/components/schemas/Text"}, True),
        ({"oneOf": [TEXT, {"type": "integer"}]}, True),
        ({"type": "string", "nullable": True}, False),
        ({"type": "string", "x-nullable": True}, False),
        ({"type": ["string", "null"]}, False),
        ({"anyOf": [TEXT, NOTHING]}, False),
        ({"oneOf": [NOTHING, {"$ref": "#/components/schemas/Text"}]}, False),
        ({"$ref": "#/components/schemas/Text", "nullable": True}, False),
        ({"type": "string", "enum": ["a", None]}, False),
        ({"type": "string", "writeOnly": True}, False),
    ],
)
def test_what_every_record_has_is_required(tmp_path: Path, schema: dict[str, Any], always: bool) -> None:
    thing = {"type": "object", "required": ["label"], "properties": {"id": TEXT, "label": schema}}
    asked = parameter("id", "path", required=True, **TEXT)
    data = document({"/things/{id}": get(thing, asked)}, components={"schemas": {"Text": TEXT}})
    said, made = drafted(data, tmp_path)
    assert said["lookup"]["fields"]["id"] == "id"
    assert said["lookup"]["fields"]["label"] == ({"from": "label", "required": True} if always else "label")
    record = registry(made, tmp_path).record
    assert record is not None
    assert record.model_fields["label"].is_required() is always


def test_yaml_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.rest.openapi.YAML_SECONDS", 0.0)
    (tmp_path / "openapi.yaml").write_text("openapi: 3.0.0\npaths: {}\n")
    with pytest.raises(InvalidRequest, match="as YAML the document takes more than 0 seconds: give it as JSON"):
        draft("openapi.yaml", "shop", tmp_path)


def test_an_example_beside_its_schema_and_the_lookups_own_file(tmp_path: Path) -> None:
    answer = {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}
    asked = parameter("id", "path", required=True, type="string") | {"example": "ERP-00001"}
    gone = {"404": {"description": "", "content": {"application/json": {"schema": {"type": "object"}}}}}
    said, made = drafted(document({"/sites/{id}": get(answer, asked, **gone)}), tmp_path)
    assert said["lookup"]["identifier"]["pattern"] == r"(?P<id>[A-Z]{3}-\d{5})"
    assert list(made.lookups) == ["site"]
    [(_, text)] = made.lookups.items()
    assert "record: Site" in text
    assert "registry: shop" in text


def test_what_cannot_be_printed_stays_readable(tmp_path: Path) -> None:
    item = {
        "type": "object",
        "properties": {
            "a\u2028b": {"type": "string"},
            "x" * 300: {"type": "string"},
            "c": {"type": "string", "description": "a\x85b\u2029c"},
        },
    }
    said, made = drafted(document({"/things": get({"type": "array", "items": item}, summary="a\u2028b: c")}), tmp_path)
    assert "x" * 80 in said["tables"]["things"]["columns"]
    assert dataset(made, "things", tmp_path)["title"]
