"""What `beffroi connector test` says of real databases: all is well where it is, and what is not is told."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.drafting import Check
from connectors.sql import Sql
from connectors.sql.conformance import checks
from connectors.sql.settings import SqlSettings
from tests.peers.mariadb.peer import SECRET, MariaDbServer
from tests.peers.postgresql.peer import PASSWORD

LOOKUP = {"record": "Thing", "identifier": {"scheme": "thing", "pattern": r"[0-9]{1,9}"}, "table": "things", "key": "id",
          "fields": {"id": {"type": "integer"}, "label": "label"}}  # fmt: skip
TABLES = {"things": {"table": "things"}, "none": {"table": "no_such_thing"}}
MADE = ("CREATE TABLE things (id INTEGER PRIMARY KEY, label VARCHAR(20))", "INSERT INTO things VALUES (1, 'é')")


def registry(url: str, root: Path, **said: Any) -> Sql:
    password = {} if url.startswith("sqlite:") else {"password": "${TOWN_PASSWORD}"}
    declared = {"url": url, "lookup": LOOKUP, "tables": TABLES, **password, **said}
    return Sql("town", SqlSettings.model_validate(declared), root)


def held(found: list[Check]) -> None:
    wrong = {check.name: check.detail for check in found if not check.ok}
    assert wrong.keys() == {"table none"}, wrong
    assert "no table no_such_thing" in wrong["table none"]
    names = {check.name: check.detail for check in found}
    assert names["lookup"] == "an identifier that nobody has is not found"
    assert "100,000 rows" in names["streams"]
    assert names["table things"] == "2 columns, 1 row in the first batch, 0 of them faulty"


def test_sqlite(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "town.sqlite")) as connection:
        for statement in MADE:
            connection.execute(statement)
        connection.commit()
    held(list(checks(registry("sqlite:town.sqlite", tmp_path))))


def test_postgresql(database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOWN_PASSWORD", PASSWORD)
    database.run(*MADE)
    url = f"postgresql://reader@127.0.0.1:{database.server.port}/{database.name}"
    held(list(checks(registry(url, tmp_path))))


def test_mariadb(mariadb: MariaDbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOWN_PASSWORD", SECRET)
    mariadb.run(["DROP TABLE IF EXISTS things", *MADE])
    held(list(checks(registry(mariadb.address(), tmp_path))))


def test_one_that_does_not_let_us_in(mariadb: MariaDbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOWN_PASSWORD", "wrong")
    [check] = checks(registry(mariadb.address(), tmp_path))
    assert (check.name, check.ok) == ("connects", False)
    assert "denied" in check.detail


def test_a_key_without_an_index(mariadb: MariaDbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOWN_PASSWORD", SECRET)
    mariadb.run(["DROP TABLE IF EXISTS things", *MADE])
    lookup = LOOKUP | {"key": "label"}
    [check] = [each for each in checks(registry(mariadb.address(), tmp_path, lookup=lookup)) if each.name == "lookup"]
    assert not check.ok
    assert "leads no index" in check.detail


@pytest.mark.parametrize("pattern", ["[A-Z][0-9]{4}", r"(?P<code>[A-Z]{2}-\d{3})", r"\d{9}", "[a-z]+", "W[0-9]{9}"])
def test_an_identifier_that_nobody_has_can_be_made(pattern: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "town.sqlite")) as connection:
        connection.execute("CREATE TABLE things (id TEXT PRIMARY KEY, label TEXT)")
        connection.commit()
    lookup = LOOKUP | {"identifier": {"scheme": "thing", "pattern": pattern}, "fields": {"id": "id", "label": "label"}}
    found = checks(registry("sqlite:town.sqlite", tmp_path, lookup=lookup, tables={}))
    assert {each.name: each.detail for each in found}["lookup"] == "an identifier that nobody has is not found"
