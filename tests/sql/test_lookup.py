"""Lookups by a key: the same declaration, the same outcomes, in SQLite and in PostgreSQL."""

import datetime as dt
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Down, Late, Misconfigured, NotFound, Unreadable
from connectors.sql import Sql
from connectors.sql.settings import SqlSettings
from tests.peers.fault_proxy import FaultProxy
from tests.sql.conftest import Database

FIELDS = {
    "rna": "code",
    "name": "nom",
    "founded": {"from": "created", "type": "date"},
    "changed": {"type": "datetime"},
    "budget": {"type": "number"},
    "members": {"type": "integer"},
    "active": {"type": "boolean"},
    "tags": {"type": "array"},
}
TABLE = (
    "CREATE TABLE associations (code varchar(10) PRIMARY KEY, nom text, created date, changed timestamp, budget"
    " numeric(14, 2), members integer, active boolean, tags {tags}, other text)"
)
ROWS = (
    "INSERT INTO associations VALUES ('W801000123', 'Été', '1998-03-01', '2024-01-02 03:04:05.5', 1234.50, 12, true,"
    " '{some}', 'x'), ('W801000124', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'x')"
)
Declared = Callable[..., Sql]


def said(**lookup: Any) -> dict[str, Any]:
    identifier = {"scheme": "rna", "pattern": r"W\d{9}"}
    by = {} if "query" in lookup else {"table": "associations", "key": "code"}
    return {"record": "Association", "identifier": identifier, "fields": FIELDS} | by | lookup


@pytest.fixture(params=["sqlite", "postgresql"])
def declared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Declared, Callable[..., object]]]:
    """What makes a registry over a table `associations`, and what runs statements in its database."""
    if request.param == "sqlite":
        with closing(sqlite3.connect(tmp_path / "town.sqlite", isolation_level=None)) as owner:
            owner.execute(TABLE.format(tags="text"))
            owner.execute(ROWS.format(some='["a", "b"]'))
            settings = {"url": "sqlite:town.sqlite"}
            yield (
                (
                    lambda **lookup: Sql(
                        "town", SqlSettings.model_validate(settings | {"lookup": said(**lookup)}), tmp_path
                    )
                ),
                owner.execute,
            )
        return
    database: Database = request.getfixturevalue("database")
    database.run(TABLE.format(tags="text[]"), ROWS.format(some="{a,b}"))
    yield (lambda **lookup: database.registry(lookup=said(**lookup))), database.run


Both = tuple[Declared, Callable[..., object]]


def found(registry: Sql, identifier: str = "W801000123", seconds: float = 5) -> dict[str, Any]:
    assert not list(registry.problems())
    return registry.lookup(identifier, Deadline.after(seconds)).record.model_dump()


def test_a_row_is_a_record(declared: Both) -> None:
    registry, _ = declared
    assert found(registry()) == {
        "rna": "W801000123", "name": "Été", "founded": dt.date(1998, 3, 1),
        "changed": dt.datetime(2024, 1, 2, 3, 4, 5, 500000, dt.UTC), "budget": 1234.5, "members": 12, "active": True,
        "tags": ["a", "b"],
    }  # fmt: skip
    assert set(found(registry(), "W801000124").values()) == {"W801000124", None}
    record = registry().record
    assert record is not None
    assert record.key == "rna"


def test_a_query_finds_it_too(declared: Both) -> None:
    registry, _ = declared
    query = "SELECT code, nom FROM associations WHERE code = :rna AND other = :kind"
    narrow = {"rna": "code", "name": "nom"}
    one = registry(query=query, parameters={"kind": "x"}, fields=narrow)
    assert found(one) == {"rna": "W801000123", "name": "Été"}
    with pytest.raises(NotFound):
        found(registry(query=query, parameters={"kind": "y"}, fields=narrow))
    with pytest.raises(Unreadable, match="several rows"):
        found(registry(query="SELECT nom FROM associations WHERE code <> '' OR code = :rna", fields={"name": "nom"}))
    assert found(registry(query="SELECT * FROM associations WHERE code <> '' OR code = :rna", fields=narrow)) == {
        "rna": "W801000123",
        "name": "Été",
    }, "the row of the identifier itself"


def test_what_is_not_there_is_not_found(declared: Both) -> None:
    registry, _ = declared
    with pytest.raises(NotFound, match="town has no Association of that rna") as caught:
        found(registry(), "W999999999")
    assert "W999999999" not in caught.value.detail


def test_two_rows_are_no_answer(declared: Both) -> None:
    registry, run = declared
    run("CREATE INDEX by_other ON associations (other)")
    with pytest.raises(Unreadable, match="several rows of one rna"):
        found(registry(key="other", identifier={"scheme": "rna", "pattern": "x"}), "x")


def test_a_key_without_an_index_is_told(declared: Both) -> None:
    registry, run = declared
    said = {"key": "nom", "identifier": {"scheme": "rna", "pattern": ".{1,9}"}}
    with pytest.raises(Misconfigured, match=r"the column nom of associations leads no index.*unindexed: true"):
        found(registry(**said), "Été")
    assert found(registry(**said, unindexed=True), "Été")["rna"] == "W801000123"
    run("CREATE INDEX behind ON associations (other, nom)")
    run("CREATE INDEX partly ON associations (nom) WHERE active")
    with pytest.raises(Misconfigured, match="leads no index"):
        found(registry(**said), "Été")
    run("CREATE INDEX by_name ON associations (nom, other)")
    assert found(registry(**said), "Été")["rna"] == "W801000123"


def test_a_view_over_an_index_is_indexed(declared: Both) -> None:
    registry, run = declared
    run("CREATE VIEW seen AS SELECT a.code, a.nom FROM associations a")
    assert found(registry(table="seen", fields={"rna": "code", "name": "nom"}))["name"] == "Été"


def test_what_the_declaration_names_and_the_database_has_not(declared: Both) -> None:
    registry, _ = declared
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"table": "nope"}, "no table nope; the database has: .*associations"),
        ({"fields": {"rna": "codes"}}, "no column codes; there are: active, budget, changed, code"),
        ({"key": "nope"}, "no column nope"),
    ]
    for lookup, match in wrong:
        with pytest.raises(Misconfigured, match=match):
            found(registry(**lookup))


def test_a_cell_that_is_not_of_its_fields_type(declared: Both) -> None:
    registry, _ = declared
    with pytest.raises(Unreadable, match="name is no whole number") as caught:
        found(registry(fields={"rna": "code", "name": {"from": "nom", "type": "integer"}}))
    assert "Été" not in caught.value.detail


def test_a_table_that_changes_is_looked_at_anew(declared: Both) -> None:
    registry, run = declared
    one = registry(fields={"rna": "code", "name": "nom"})
    assert found(one)["name"] == "Été"
    run("ALTER TABLE associations RENAME COLUMN nom TO name")
    for _ in range(2):
        with pytest.raises(Misconfigured):
            found(one)
    run("ALTER TABLE associations RENAME COLUMN name TO nom")
    assert found(one)["name"] == "Été"


# --- PostgreSQL alone ------------------------------------------------------------------------------------------------


@pytest.fixture
def town(database: Database) -> Database:
    database.run(
        "CREATE TABLE numbered (id int PRIMARY KEY, name text, at date)",
        "INSERT INTO numbered VALUES (1, 'one', 'infinity'), (2, 'two', NULL)",
    )
    return database


def by_number(**more: Any) -> dict[str, Any]:
    identifier = {"scheme": "number", "pattern": r"\w{1,30}"}
    return {
        "record": "Thing",
        "identifier": identifier,
        "table": "numbered",
        "key": "id",
        "fields": {"name": "name"},
    } | more


def test_an_identifier_that_its_column_cannot_hold(town: Database) -> None:
    registry = town.registry(lookup=by_number())
    for none in ("9" * 20, "abc", "1.5"):
        with pytest.raises(NotFound):
            found(registry, none)
    assert found(registry, "2") == {"name": "two"}


def test_a_fault_of_the_row_is_told(town: Database) -> None:
    registry = town.registry(lookup=by_number(fields={"name": "name", "at": {"type": "date"}}))
    with pytest.raises(Unreadable, match="at is infinite"):
        found(registry, "1")


def test_connections_are_used_again_and_replaced(town: Database) -> None:
    registry = town.registry(lookup=by_number())
    for _ in range(20):
        found(registry, "2")
    assert town.backends() == 1
    town.end_backends()
    assert found(registry, "2") == {"name": "two"}
    with pytest.raises(NotFound):
        found(registry, "abc")
    assert found(registry, "2") == {"name": "two"}
    many = [threading.Thread(target=found, args=(registry, "2")) for _ in range(30)]
    for each in many:
        each.start()
    for each in many:
        each.join()
    assert town.backends() <= registry.limits.concurrency


def test_a_slow_lookup_ends_on_both_sides(town: Database) -> None:
    query = "SELECT pg_sleep(60)::text AS name WHERE :number <> ''"
    registry = town.registry(lookup=by_number(table=None, key=None, query=query), timeout=0.3)
    began = time.monotonic()
    with pytest.raises(Late):
        registry.lookup("1", Deadline.after(30))
    assert time.monotonic() - began < 1.5
    end = time.monotonic() + 5
    while town.backends():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(("fault", "error"), [("refuse", Down), ("blackhole", Late), ("latency:3", Late)])
def test_a_lookup_ends_by_its_deadline(town: Database, fault: str, error: type[BeffroiError]) -> None:
    with FaultProxy("127.0.0.1", town.server.port) as proxy:
        registry = town.registry(proxy.port, lookup=by_number())
        assert found(registry, "2") == {"name": "two"}
        proxy.fault = fault
        began = time.monotonic()
        with pytest.raises(error):
            registry.lookup("2", Deadline.after(0.5))
        assert time.monotonic() - began < 1.5
        proxy.fault = "none"
        assert found(registry, "2") == {"name": "two"}


def test_a_query_leaves_nothing_behind(town: Database) -> None:
    query = "SELECT set_config('default_transaction_read_only', 'off', false) AS name WHERE :number <> ''"
    registry = town.registry(lookup=by_number(table=None, key=None, query=query))
    assert found(registry, "1") == {"name": "off"}
    writing = town.registry(
        lookup=by_number(table=None, key=None, query="SELECT lo_create(0)::text AS name WHERE :number <> ''")
    )
    writing.engine = registry.engine
    with pytest.raises(Misconfigured, match="only read here"):
        found(writing, "1")


@pytest.mark.parametrize(
    ("kind", "value", "same", "others"),
    [
        ("integer", "12", ("12",), ("12abc", "1.2e1", "0xC", "1_2", "+12", " 12")),
        ("char(6)", "'abc'", ("abc",), ("abc ", "ABC", "ab")),
        ("date", "current_date", (), ("today", "now")),
        ("numeric(9, 2)", "0", (), ("x", "abc")),
    ],
)
def test_another_value_that_the_server_takes_for_the_key_is_not_found(
    declared: Both, kind: str, value: str, same: tuple[str, ...], others: tuple[str, ...]
) -> None:
    make, run = declared
    run(f"CREATE TABLE keyed (id {kind} PRIMARY KEY, nom text)")
    run(f"INSERT INTO keyed VALUES ({value}, 'found')")
    identifier = {"scheme": "id", "pattern": r"(?s:.{1,20})"}
    registry = make(table="keyed", key="id", identifier=identifier, fields={"name": "nom"}, record="Keyed")
    for asked in same:
        assert registry.lookup(asked, Deadline.after(5)).record.model_dump() == {"name": "found"}
    for asked in others:
        with pytest.raises(NotFound):
            registry.lookup(asked, Deadline.after(5))
