"""`beffroi schema add`, on the real command line: a published Table Schema comes byte for byte, and a draft that runs."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from pipelines.workspace import Workspace
from tests.commands import beffroi
from tests.rest.peer import Asked, Peer, Told

MAIN = """\
title: Town
organisations: {town: {title: Town}}
registries:
  files: {kind: files, path: imports, tables: {grants: {file: grants.csv, format: csv, csv: {encoding: utf-8, separator: ","}}}}
"""
GRANTS: dict[str, Any] = {
    "$schema": "https://example.org/table-schema.json",
    "title": "Subventions versées",
    "version": "2.1.0",
    "homepage": "https://example.org/grants",
    "primaryKey": "reference",
    "custom_checks": [
        {"name": "french-siret-value", "params": {"column": "giver"}},
        {"name": "sum-columns-value", "params": {"column": "amount", "columns": ["share"]}},
    ],
    "fields": [
        {"name": "reference", "constraints": {"required": True}},
        {"name": "giver", "constraints": {"pattern": "^[0-9]{14}$"}},
        {"name": "decided", "type": "date", "format": "%d/%m/%Y"},
        {"name": "amount", "type": "number", "constraints": {"minimum": 1}},
        {"name": "share", "type": "number"},
    ],
}
ROWS = """\
reference,giver,decided,amount,share
A1,21860194600013,27/06/2025,47800.20,
A2, 218 601 946 00013 ,2025-06-27,12,1
A3,21860194600014,27/06/2025,12,1
A4,21860194600013,31/02/2025,0,1
A5,21860194600013,27/06/2025,"1,234",1
"""
PUBLISHED = b"\xef\xbb\xbf" + json.dumps(GRANTS, indent=3).replace("\n", "\r\n").encode() + b"\r\n\r\n"
"""As no writer of JSON here would put it: with a mark of its encoding, and the ends of lines of another system."""

ADD = ("schema", "add", "grants.json", "--name", "grants")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace of one organisation and one registry, and a schema that was downloaded beside it."""
    (tmp_path / "beffroi.yaml").write_text(MAIN)
    (tmp_path / "imports").mkdir()
    (tmp_path / "imports/grants.csv").write_text(ROWS)
    (tmp_path / "grants.json").write_bytes(PUBLISHED)
    return tmp_path


@pytest.fixture
def site() -> Iterator[Peer]:
    """A web server that publishes the schema, a Data Package that names it, and a redirect."""

    def tell(asked: Asked) -> Told:
        package = json.dumps({"resources": [{"name": "grants", "path": "x.csv", "schema": "v2/schema.json"}]}).encode()
        found = {
            "/v2/schema.json": PUBLISHED,
            "/datapackage.json": package,
            "/page": b"<!doctype html><title>Schema</title>",
        }
        if asked.path == "/latest":
            return Told(status=302, headers={"Location": "/v2/schema.json"})
        return Told(found[asked.path]) if asked.path in found else Told(status=404)

    with Peer(tell) as peer:
        yield peer


def written(root: Path) -> set[str]:
    return {
        path.relative_to(root).as_posix() for folder in ("schemas", "datasets") for path in (root / folder).glob("*")
    }


def refused(root: Path, *arguments: str) -> str:
    """Add a schema that cannot be, hold that nothing was written, and return what is said."""
    done = beffroi(root, "schema", "add", *arguments, status=1)
    assert written(root) == set()
    return done.stderr


def test_a_schema_comes_byte_for_byte_with_where_it_is_from(root: Path) -> None:
    done = beffroi(root, *ADD)
    assert done.stdout.split() == ["schemas/grants.json", "schemas/grants.origin.yaml"]
    assert written(root) == set(done.stdout.split())
    assert (root / "schemas/grants.json").read_bytes() == PUBLISHED
    origin = (root / "schemas/grants.origin.yaml").read_text()
    assert hashlib.sha256(PUBLISHED).hexdigest() in origin
    assert "from: grants.json\n" in origin
    assert 'version: "2.1.0"' in origin
    assert "sum-columns-value of amount and share" in done.stderr, "a rule that is not judged is told"
    assert "siret" not in done.stderr, "a rule that a step judges is not"


def test_a_drafted_dataset_runs_and_judges_as_the_schema_says(root: Path) -> None:
    done = beffroi(root, *ADD, "--dataset", "grants", "--registry", "files", "--table", "grants")
    assert "datasets/grants.yaml" in done.stdout
    assert "beffroi check && beffroi run grants" in done.stderr
    assert beffroi(root, "check", "--json").stdout.strip() == "[]"
    assert Workspace(root).dataset("grants").title == "Subventions versées"
    (report,) = json.loads(beffroi(root, "run", "grants", "--json", status=1).stdout)
    assert "refused" in json.dumps(report), "half of the rows are dirty, and a draft bears one in twenty"
    dataset = root / "datasets/grants.yaml"
    dataset.write_text(dataset.read_text().replace("max: 0.05", "max: 0.6"))
    (report,) = json.loads(beffroi(root, "run", "grants", "--json").stdout)
    assert (report["rows_in"], report["rows_out"]) == (5, 2)
    told = json.loads(beffroi(root, "quarantine", "list", "grants", "--by-rule", "--purpose", "test", "--json").stdout)
    assert {(each["column"], each["rule"]) for each in told} == {
        ("giver", "siret"),
        ("decided", "date"),
        ("amount", "minimum"),
        ("amount", "type"),
    }


def test_what_only_a_person_knows_is_told(root: Path) -> None:
    (root / "grants.json").write_text(json.dumps(GRANTS | {"primaryKey": []}))
    done = beffroi(root, *ADD, "--dataset", "given")
    assert "datasets/given.yaml: fill in what only you know: registry, table, key" in done.stderr
    assert "# The schema has no primaryKey" in (root / "datasets/given.yaml").read_text()
    assert "Each row has: reference." in (root / "datasets/given.yaml").read_text()


def test_a_draft_is_shown_and_nothing_written(root: Path) -> None:
    assert "schema: schemas/grants.json\n" in beffroi(root, *ADD, "--show").stdout
    told = json.loads(beffroi(root, *ADD, "--show", "--json").stdout)
    assert told["columns"] == ["reference", "giver", "decided", "amount", "share"]
    assert told["draft"].startswith("# Rows by the Table Schema «Subventions versées», version 2.1.0")
    assert written(root) == set()


def test_what_a_schema_says_cannot_become_a_key_of_the_draft(root: Path) -> None:
    (root / "grants.json").write_text(
        json.dumps(GRANTS | {"title": "a\naudience: open\n#", "version": "1\nlicence: x"})
    )
    beffroi(root, *ADD, "--dataset", "grants", "--registry", "files", "--table", "grants")
    dataset = Workspace(root).dataset("grants")
    assert (dataset.title, dataset.audience, dataset.licence) == ("a audience: open #", "owner", None)


def test_the_owner_is_asked_for_where_there_are_several(root: Path) -> None:
    (root / "beffroi.yaml").write_text(MAIN.replace("{town:", "{other: {title: Other}, town:"))
    assert "say --owner" in refused(root, "grants.json", "--name", "g", "--dataset", "g")
    beffroi(root, *ADD, "--dataset", "g", "--owner", "other", "--registry", "files", "--table", "grants")
    assert Workspace(root).dataset("g").owner == "other"


def test_a_schema_that_is_there_drafts_datasets(root: Path) -> None:
    beffroi(root, *ADD)
    origin = (root / "schemas/grants.origin.yaml").read_bytes()
    for source, dataset in (("grants.json", "a"), ("schemas/grants.json", "b")):
        done = beffroi(root, "schema", "add", source, "--name", "grants", "--dataset", dataset)
        assert done.stdout.split() == [f"datasets/{dataset}.yaml"]
        assert "schemas/grants.json is there already, byte for byte, and stays" in done.stderr
    assert (root / "schemas/grants.origin.yaml").read_bytes() == origin, "where it is from stays told"
    assert beffroi(root, *ADD).stdout == ""
    assert "datasets/a.yaml is there already" in beffroi(root, *ADD, "--dataset", "a", status=1).stderr


def test_a_schema_of_another_version_is_renewed_when_that_is_said(root: Path) -> None:
    beffroi(root, *ADD, "--dataset", "grants", "--registry", "files", "--table", "grants")
    declared = (root / "datasets/grants.yaml").read_bytes()
    (root / "grants.json").write_text(json.dumps(GRANTS | {"version": "3.0.0"}))
    said = beffroi(root, *ADD, status=1).stderr
    assert "version 2.1.0 is there, version 3.0.0 is brought): --force renews it" in said
    assert (root / "schemas/grants.json").read_bytes() == PUBLISHED
    assert "datasets/grants.yaml is there" in beffroi(root, *ADD, "--force", "--dataset", "grants", status=1).stderr
    assert (root / "schemas/grants.json").read_bytes() == PUBLISHED, "all is written, or nothing"
    done = beffroi(root, *ADD, "--force")
    assert "renewed: version 2.1.0 is there, version 3.0.0 is brought" in done.stderr
    assert json.loads((root / "schemas/grants.json").read_text())["version"] == "3.0.0"
    assert 'version: "3.0.0"' in (root / "schemas/grants.origin.yaml").read_text()
    assert (root / "datasets/grants.yaml").read_bytes() == declared
    (root / "schemas/grants.json").write_text("[]")
    assert "one without a version is there" in beffroi(root, *ADD, status=1).stderr
    (root / "schemas/grants.json").write_bytes(b"\xff")
    assert "what is no JSON is there" in beffroi(root, *ADD, status=1).stderr


# --- from an address -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v2/schema.json", "/datapackage.json"])
def test_a_schema_comes_from_an_address(root: Path, site: Peer, path: str) -> None:
    beffroi(root, "schema", "add", site.url + path, "--name", "grants")
    assert (root / "schemas/grants.json").read_bytes() == PUBLISHED
    assert f"from: {site.url}/v2/schema.json\n" in (root / "schemas/grants.origin.yaml").read_text()
    asked = len(site.asked)
    beffroi(
        root,
        *ADD[:2],
        "grants.json",
        "--name",
        "other",
        "--dataset",
        "grants",
        "--registry",
        "files",
        "--table",
        "grants",
    )
    beffroi(root, "check")
    assert len(site.asked) == asked, "what is in the workspace is not fetched again"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/none", "was answered with HTTP 404"),
        ("/latest", "redirects to /v2/schema.json, which is not followed: give that address"),
        ("/page", "is a page or XML, and no Table Schema: give the address of the JSON file itself"),
    ],
)
def test_an_address_without_a_schema_is_told(root: Path, site: Peer, path: str, said: str) -> None:
    assert f"{site.url}{path} {said}" in refused(root, site.url + path, "--name", "g")


def test_an_address_that_cannot_be_asked_is_told(root: Path) -> None:
    assert "http://127.0.0.1:1/s.json was not had" in refused(root, "http://127.0.0.1:1/s.json", "--name", "g")
    said = refused(root, "http://reader:secret@127.0.0.1:1/s.json", "--name", "g")
    assert "holds a user name or a password" in said
    assert "secret" not in said
    assert "the address is none" in refused(root, "http://[/s.json", "--name", "g")


def test_a_package_leads_to_its_own_host_only(root: Path) -> None:
    elsewhere = {"resources": [{"name": "g", "schema": "http://127.0.0.2:1/s.json"}]}
    with Peer() as peer:
        peer.say(elsewhere)
        assert "the schema is elsewhere: add http://127.0.0.2:1/s.json" in refused(root, peer.url + "/p", "--name", "g")
    (root / "package.json").write_text(json.dumps(elsewhere))
    assert "is not below the folder of package.json" in refused(root, "package.json", "--name", "g")
    (root / "package.json").write_text(json.dumps({"schema": "../../etc/hosts"}))
    assert "is not below the folder of package.json" in refused(root, "package.json", "--name", "g")


# --- Data Packages ---------------------------------------------------------------------------------------------------


def package(root: Path, *resources: Any) -> None:
    (root / "package.json").write_text(json.dumps({"resources": resources}, indent=1), encoding="utf-8")


def test_a_schema_is_taken_out_of_a_package_as_it_stands_there(root: Path) -> None:
    other = {"fields": [{"name": "x"}]}
    text = ' {"name": "b", "note": "\\"schema\\": {", "schema" :\t{"fields":[ {"name" : "\\u00e9t\\u00E9"} ,{"name":"id"}]} }'
    (root / "package.json").write_text(f'{{"resources": [{{"name": "a", "schema": {json.dumps(other)}}},\n{text}]}}')
    assert "several resources with a schema, say --resource: a, b" in refused(root, "package.json", "--name", "g")
    said = refused(root, "package.json", "--name", "g", "--resource", "c")
    assert "has no resource «c» with a schema; allowed: a, b" in said
    assert "«été» is no name" in refused(root, "package.json", "--name", "g", "--resource", "b")
    (root / "package.json").write_text((root / "package.json").read_text().replace("\\u00e9t\\u00E9", "ete"))
    beffroi(root, "schema", "add", "package.json", "--name", "g", "--resource", "b")
    assert (root / "schemas/g.json").read_text() == '{"fields":[ {"name" : "ete"} ,{"name":"id"}]}'
    assert "resource: b\n" in (root / "schemas/g.origin.yaml").read_text()


@pytest.mark.parametrize("named", [{}, {"name": "x"}, {"name": None}])
def test_resources_that_no_name_parts_are_not_chosen_from(root: Path, named: dict[str, Any]) -> None:
    package(root, *({**named, "schema": {"fields": [{"name": each}]}} for each in "ab"))
    assert "several resources with a schema that have one name, or none" in refused(root, "package.json", "--name", "g")
    package(root, {"path": "x.pdf"}, {"path": "y.pdf"}, {**named, "schema": {"fields": [{"name": "a"}]}})
    beffroi(root, "schema", "add", "package.json", "--name", "g")


def test_one_resource_needs_no_name(root: Path) -> None:
    package(root, {"name": "doc", "path": "x.pdf"}, {"name": "grants", "schema": "grants.json"})
    beffroi(root, "schema", "add", "package.json", "--name", "g")
    assert (root / "schemas/g.json").read_bytes() == PUBLISHED
    (root / "resource.json").write_text(json.dumps({"name": "grants", "schema": GRANTS}))
    beffroi(root, "schema", "add", "resource.json", "--name", "of_resource")
    assert json.loads((root / "schemas/of_resource.json").read_text()) == GRANTS


# --- what is refused -------------------------------------------------------------------------------------------------

DEEP = "[" * 100_000
NONE = "s.json is no Table Schema"
REFUSED = [
    ("{", f"{NONE}: line 1 is not valid JSON"),
    (DEEP, f"{NONE}: its values are nested too deeply"),
    ("[]", f"{NONE}: that is an object, which has fields"),
    ("{}", f"{NONE}: that has fields, each with a name"),
    ('{"$schema": "http://json-schema.org/draft-07/schema#"}', f"{NONE}, but a JSON Schema"),
    ('{"resources": [3, {"name": "a"}]}', f"{NONE}, and no resource in it has a schema"),
    ('{"schema": {"properties": {}}}', f"{NONE}, but a JSON Schema"),
    ('{"sch\\u0065ma": {"fields": [{"name": "a"}]}}', "cannot be taken out: save it as a file of its own"),
    ('{"schema": "none.json"}', "there is no file none.json"),
    ('{"fields": 3}', "s.json:1: is no Table Schema"),
    ('{"fields": [{"name": "code-insee"}]}', "g.json:1: «code-insee» is no name"),
    ('{"fields": [{"name": "a"},\n{"name": "b", "type": "date", "format": "%Q"}]}', "g.json:2: the format has %Q"),
    ('{"fields": [{"name": "a", "constraints": {"pattern": "(a|a)*\\\\1"}}]}', "g.json:1: "),
    ('{"fields": [{"name": "a"}], "foreignKeys": [{"fields": "a", "reference": {"resource": "", "fields": "a"}}]}', "to the dataset itself is not read here"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_schema_or_cannot_be_held_is_refused(root: Path, text: str, said: str) -> None:
    (root / "s.json").write_text(text)
    assert said.replace("s.json:1", "g.json:1") in refused(root, "s.json", "--name", "g")


def test_bytes_that_are_no_schema_are_refused(root: Path) -> None:
    (root / "s.json").write_bytes(b'{"title": "\xe9"}')
    assert "is not UTF-8" in refused(root, "s.json", "--name", "g")
    (root / "s.json").write_bytes(b" " * (8 * 1024 * 1024 + 1))
    assert "has more than 8 MiB" in refused(root, "s.json", "--name", "g")
    assert "is no regular file" in refused(root, "imports", "--name", "g")
    assert "cannot be read" in refused(root, "x" * 5000, "--name", "g")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--name", "Grants"), "the name of a schema or a dataset is small letters"),
        (("--name", "g", "--dataset", "../g"), "the name of a schema or a dataset is small letters"),
        (("--name", "g", "--registry", "file"), "there is no registry «file» (did you mean «files»?); allowed: files"),
        (("--name", "g", "--resource", "grants"), "has no resources: leave --resource out"),
    ],
)
def test_what_is_asked_amiss_is_told(root: Path, options: tuple[str, ...], said: str) -> None:
    assert said in refused(root, "grants.json", *options)


def test_what_a_run_does_not_judge_is_told(root: Path) -> None:
    schema = {
        "fields": [
            {"name": "a", "constraints": {"jsonSchema": {}}},
            {"name": "b", "type": "array", "arrayItem": {"constraints": {"enum": ["x"]}}},
        ],
        "uniqueKeys": [["a"]],
        "custom_checks": [3, {"name": "odd", "params": 3}],
        "foreignKeys": [{"fields": "a", "reference": {"resource": "towns", "fields": "id"}}],
    }
    (root / "s.json").write_text(json.dumps(schema))
    done: Result = beffroi(root, "schema", "add", "s.json", "--name", "g", "--json")
    assert json.loads(done.stdout)["notes"] == [
        "not judged, since Beffroi does not know these rules: jsonSchema of a, arrayItem of b, odd, uniqueKeys",
        "its foreign keys need the dataset towns in this workspace",
    ]
