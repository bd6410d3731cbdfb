"""`beffroi connector add rest|sql|file`, on the real command line: what is written loads, and nothing by halves."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import InvalidRequest
from gateway.commands.connector_add import write_all
from pipelines.workspace import Workspace
from tests.commands import beffroi

MAIN = "title: Town\norganisations:\n  town: {title: Town}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace of one organisation, with a database, a folder of files and an OpenAPI document."""
    (tmp_path / "beffroi.yaml").write_text(MAIN)
    with closing(sqlite3.connect(tmp_path / "town.sqlite")) as base:
        base.execute("CREATE TABLE lamps (code TEXT PRIMARY KEY, label TEXT)")
        base.execute("CREATE TABLE works (num INTEGER PRIMARY KEY, code TEXT REFERENCES lamps (code))")
        base.execute("CREATE VIEW seen AS SELECT label FROM lamps")
        base.execute("INSERT INTO lamps VALUES ('L0001', 'Rue Haute')")
        base.execute("INSERT INTO works VALUES (1, 'L0001')")
        base.commit()
    (tmp_path / "imports").mkdir()
    (tmp_path / "imports/rooms.csv").write_text("id;size\nA;1\nB;2\n")
    (tmp_path / "imports/keyless.csv").write_text("a;b\nx;1\nx;1\n")
    item = {"type": "object", "properties": {"id": {"type": "string"}, "label": {"type": "string"}}}
    page = {"type": "object", "properties": {"items": {"type": "array", "items": item}, "total": {"type": "integer"}}}
    asked = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[A-Z]{3}$"}}
    document = {
        "openapi": "3.0.0",
        "servers": [{"url": "https://sites.example.org/v1"}],
        "paths": {"/sites": {"get": _operation(page)}, "/sites/{id}": {"get": _operation(item, asked)}},
    }
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    return tmp_path


def _operation(schema: Any, *parameters: Any) -> dict[str, Any]:
    answer = {"description": "", "content": {"application/json": {"schema": schema}}}
    return {"parameters": list(parameters), "responses": {"200": answer}}


def written(root: Path) -> set[str]:
    folders = ("registries", "datasets", "lookups")
    return {path.relative_to(root).as_posix() for folder in folders for path in (root / folder).glob("*")}


KINDS = {
    "rest": (("rest", "openapi.json"), {"sites"}, {"site"}),
    "sql": (("sql", "sqlite:town.sqlite"), {"lamps", "works"}, {"lamps"}),
    "file": (("file", "imports"), {"rooms"}, {"rooms"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_all_of_a_source(kind: str, root: Path) -> None:
    source, datasets, lookups = KINDS[kind]
    done = beffroi(root, "connector", "add", *source, "--name", "it", "--dataset", "all", "--lookup", "all")
    expected = {"registries/it.yaml"} | {f"datasets/{each}.yaml" for each in datasets}
    assert written(root) == set(done.stdout.split()) == expected | {f"lookups/{each}.yaml" for each in lookups}
    assert f"beffroi check && beffroi run {' '.join(sorted(datasets))}" in done.stderr
    workspace = Workspace(root, sources=True)
    assert set(workspace.datasets) == datasets
    assert set(workspace.configuration.lookups) == lookups
    assert beffroi(root, "check", "--json").stdout.strip() == "[]"
    assert all((root / f"datasets/{each}.yaml").read_text().count("expect: {rows: {min: 1}") for each in datasets)


@pytest.mark.parametrize("kind", KINDS)
def test_only_shown(kind: str, root: Path) -> None:
    source, _, _ = KINDS[kind]
    done = beffroi(root, "connector", "add", *source, "--name", "it", "--dataset", "all", "--show")
    assert "kind: " in done.stdout
    assert written(root) == set()
    told = json.loads(beffroi(root, "connector", "add", *source, "--name", "it", "--show", "--json").stdout)
    assert {"declaration", "datasets", "lookups", "seen", "notes"} <= told.keys()


def test_what_only_a_person_knows_is_told_and_written_only_when_named(root: Path) -> None:
    done = beffroi(root, "connector", "add", "sql", "sqlite:town.sqlite", "--name", "it", "--dataset", "all")
    assert "datasets/seen.yaml is not written: only you know primaryKey" in done.stderr
    assert "datasets/seen.yaml" not in written(root)
    done = beffroi(root, "connector", "add", "sql", "sqlite:town.sqlite", "--name", "it", "--dataset", "seen")
    assert "fill in what only you know: primaryKey" in done.stderr
    assert "datasets/seen.yaml" in written(root)


def test_a_declared_registry_is_extended(root: Path) -> None:
    add = ("connector", "add", "file", "imports", "--name", "it")
    beffroi(root, *add)
    own = (root / "registries/it.yaml").read_text() + "# ours\n"
    (root / "registries/it.yaml").write_text(own)
    assert "there is a registry it already" in beffroi(root, *add, status=1).stderr
    done = beffroi(root, *add, "--dataset", "rooms", "--lookup", "rooms")
    assert done.stdout.split() == ["datasets/rooms.yaml", "lookups/rooms.yaml"]
    assert "registries/it.yaml stays as it is" in done.stderr
    assert (root / "registries/it.yaml").read_text() == own
    (root / "imports/later.csv").write_text("id;n\nA;1\n")
    assert "has no table later" in beffroi(root, *add, "--dataset", "later", status=1).stderr
    again = beffroi(root, *add, "--dataset", "all")
    assert "rooms.yaml is not written: it is there already" in again.stderr
    assert again.stdout == ""
    other = beffroi(root, "connector", "add", "sql", "sqlite:town.sqlite", "--name", "it", "--dataset", "all", status=1)
    assert "is of kind files, not sql" in other.stderr


def test_a_lookup_needs_what_it_asks(root: Path) -> None:
    add = ("connector", "add", "file", "imports", "--name", "it")
    assert "say --dataset rooms too" in beffroi(root, *add, "--lookup", "rooms", status=1).stderr
    assert "there is no lookup «room»" in beffroi(root, *add, "--lookup", "room", status=1).stderr
    assert written(root) == set()
    sql = ("connector", "add", "sql", "sqlite:town.sqlite", "--name", "base")
    beffroi(root, *sql)
    assert "has no lookup" in beffroi(root, *sql, "--lookup", "lamps", status=1).stderr


def test_the_owner(root: Path) -> None:
    (root / "beffroi.yaml").write_text(MAIN + "  other: {title: Other}\n")
    add = ("connector", "add", "file", "imports/rooms.csv", "--name", "it", "--dataset", "rooms")
    assert "say --owner" in beffroi(root, *add, status=1).stderr
    assert "say --owner" in beffroi(root, *add, "--owner", "nobody", status=1).stderr
    assert written(root) == set()
    beffroi(root, *add, "--owner", "other")
    assert Workspace(root).dataset("rooms").owner == "other"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("file", "absent", "--name", "it"), "there is no file or folder absent"),
        (("file", "imports", "--name", "Ville"), "a registry's name is small letters"),
        (("file", "imports", "--name", "it", "--dataset", "romms"), "there is no table «romms» in it"),
        (("file", "sftp://u:p@h.example/x", "--name", "it"), "a password stands in the address"),
        (("sql", "nonsense", "--name", "it"), "An address"),
        (("rest", "town.sqlite", "--name", "it"), ""),
    ],
)
def test_what_cannot_be_is_refused(arguments: tuple[str, ...], says: str, root: Path) -> None:
    assert says in beffroi(root, "connector", "add", *arguments, status=1).stderr
    assert written(root) == set()


def test_nothing_is_half_written(root: Path) -> None:
    (root / "datasets").mkdir()
    (root / "datasets/rooms.yaml").write_text("title: ours\n")
    done = beffroi(root, "connector", "add", "file", "imports", "--name", "it", "--dataset", "rooms", status=1)
    assert "datasets/rooms.yaml is there already" in done.stderr
    assert written(root) == {"datasets/rooms.yaml"}
    (root / "datasets/rooms.yaml").unlink()
    (root / "datasets").rmdir()
    (root / "datasets").write_text("a file where a folder should be")
    done = beffroi(root, "connector", "add", "file", "imports", "--name", "it", "--dataset", "rooms", status=1)
    assert "nothing is written" in done.stderr
    assert not list((root / "registries").glob("*"))


def test_nothing_is_half_written_where_a_text_cannot_be(root: Path) -> None:
    with pytest.raises(InvalidRequest, match="nothing is written"):
        write_all(root, {"registries/it.yaml": "kind: rest", "datasets/it.yaml": "title: \ud800"})
    assert written(root) == set()


def test_options_of_an_address_are_declared_without_a_secret(root: Path) -> None:
    done = beffroi(
        root, "connector", "add", "file", "sftp://127.0.0.1:1/x.csv", "--name", "it", "--username", "reader",
        "--password-variable", "IT_PASSWORD", status=1,
    )  # fmt: skip
    assert "host_key" in done.stderr
    assert written(root) == set()
