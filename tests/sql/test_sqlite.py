"""SQLite databases as people leave them: any value in any column."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.deadline import Deadline
from connectors.errors import Down, Late, Misconfigured
from connectors.registry import FAULT
from connectors.sql import Sql
from connectors.sql.engine import Login
from connectors.sql.settings import SqlSettings
from connectors.sql.sqlite import Sqlite


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "town hall?.sqlite", isolation_level=None)
    yield connection
    connection.close()


def town_hall(root: Path, **said: Any) -> Sql:
    return Sql("town", SqlSettings.model_validate({"url": "sqlite:town hall?.sqlite"} | said), root)


def rows(root: Path, table: str, after: str | None = None, **said: Any) -> list[dict[str, Any]]:
    """Return the rows of a table, all of them without a fault."""
    found: list[dict[str, Any]] = town_hall(root, **said).scan(table, after).read_all().to_pylist()
    assert {row.pop(FAULT) for row in found} <= {None}
    return found


FILL = "INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 25000) SELECT i FROM n"
OTHER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    connection.execute(statement)
print("done", flush=True)
sys.stdin.read()
"""


@contextmanager
def another(root: Path, *statements: str) -> Iterator[None]:
    """Let another process change the database, and hold it. (In one process, two SQLites do not see their locks.)"""
    command = [sys.executable, "-c", OTHER, str(root / "town hall?.sqlite"), *statements]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        yield
        process.communicate()


def test_cells_come_as_they_are_stored(database: sqlite3.Connection, tmp_path: Path) -> None:
    cells = [
        None,
        "",
        " É ",
        "01001",
        1001,
        -0.0,
        0.1,
        0.1 + 0.2,
        1e300,
        2**53,
        "'\"",
        "a\0b",
        b"\x00\xff",
        b"",
        "=",
        "n/a",
    ]
    database.execute('CREATE TABLE "dirty ""cells""" ("a column", "select" INTEGER, rowid)')
    database.executemany('INSERT INTO "dirty ""cells""" VALUES (?, ?, 9)', [(cell, cell) for cell in cells])
    found = rows(tmp_path, 'dirty "cells"')
    assert [row["a column"] for row in found] == [
        *(None, "", " É ", "01001", "1001", "-0.0", "0.1", "0.30000000000000004", "1e+300", "9007199254740992"),
        *("'\"", "a\0b", "00FF", "", "=", "n/a"),
    ]
    assert found[3] == {"a column": "01001", "select": "1001", "rowid": "9"}  # SQLite itself stored a number


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=st.none()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
)
def test_any_cell_reads_back_the_same(database: sqlite3.Connection, tmp_path: Path, value: Any) -> None:
    database.execute("DROP TABLE IF EXISTS t")
    database.execute("CREATE TABLE t (cell)")
    database.execute("INSERT INTO t VALUES (?)", (value,))
    [row] = rows(tmp_path, "t")
    assert value == (None if value is None else type(value)(row["cell"]))


def test_types_are_not_taken_from_the_first_rows(database: sqlite3.Connection, tmp_path: Path) -> None:
    database.execute("CREATE TABLE long (number, late)")
    database.execute("BEGIN")
    database.executemany("INSERT INTO long VALUES (?, ?)", ((n, "x" if n > 40_000 else None) for n in range(45_000)))
    database.execute("COMMIT")
    reader = town_hall(tmp_path).scan("long")
    assert reader.schema == pa.schema([(name, pa.string()) for name in ("number", "late", FAULT)])
    table = reader.read_all()
    assert table["number"].to_pylist() == [str(n) for n in range(45_000)]
    assert table["late"].null_count == 40_001


def test_rows_come_in_their_stored_order(database: sqlite3.Connection, tmp_path: Path) -> None:
    database.executescript("""
        CREATE TABLE t (a, b); CREATE INDEX covering ON t (b, a);
        INSERT INTO t (rowid, a, b) VALUES (3, 'c', 1), (1, 'a', 3), (2, 'b', 2);
        CREATE TABLE keyed (a PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO keyed VALUES ('b', 1), ('a', 2);
        CREATE VIEW seen AS SELECT b FROM t WHERE a = 'a';
        CREATE TABLE made (a, b AS (a || '!')); INSERT INTO made VALUES ('x');
        CREATE TABLE bare (a);
    """)
    assert [row["a"] for row in rows(tmp_path, "t")] == ["a", "b", "c"]
    assert rows(tmp_path, "keyed") == [{"a": "a", "b": "2"}, {"a": "b", "b": "1"}]
    assert rows(tmp_path, "seen") == [{"b": "3"}]
    assert rows(tmp_path, "made") == [{"a": "x", "b": "x!"}]
    assert rows(tmp_path, "bare") == []


def test_one_snapshot_is_read_while_others_write(tmp_path: Path) -> None:
    with another(tmp_path, "PRAGMA journal_mode = WAL", "CREATE TABLE t (a)", FILL):
        pass
    reader = town_hall(tmp_path).scan("t")
    first = reader.read_next_batch()
    with another(tmp_path, "DELETE FROM t"):
        assert first.num_rows + reader.read_all().num_rows == 25_000
    assert rows(tmp_path, "t") == []


def test_a_text_that_is_not_utf8_is_the_fault_of_its_row(database: sqlite3.Connection, tmp_path: Path) -> None:
    database.execute("CREATE TABLE t (good, bad, worse)")
    database.execute("INSERT INTO t VALUES ('x', CAST(x'E9' AS TEXT), CAST(x'FF' AS TEXT)), (x'E9', NULL, 1.5)")
    assert town_hall(tmp_path).scan("t").read_all().to_pylist() == [
        {"good": "x", "bad": None, "worse": None, FAULT: "bad holds a text that is not UTF-8"},
        {"good": "E9", "bad": None, "worse": "1.5", FAULT: None},
    ]


def test_a_query_is_asked_with_bound_parameters(database: sqlite3.Connection, tmp_path: Path) -> None:
    database.executescript("CREATE TABLE t (id INTEGER, name TEXT); INSERT INTO t VALUES (1, ':a'), (2, 'O''Brien');")
    query = "SELECT name, ':x' AS x FROM t WHERE name = :name AND id > :id AND :name <> '' -- :no"
    said = {"q": {"query": query, "parameters": {"name": "O'Brien", "id": 1}}}
    assert rows(tmp_path, "q", tables=said) == [{"name": "O'Brien", "x": ":x"}]
    for query in ("DELETE FROM t", "SELECT 1; DROP TABLE t", "SELECT nope FROM t"):
        with pytest.raises(Misconfigured):
            rows(tmp_path, "q", tables={"q": {"query": query}})


def test_an_increment_takes_numbers_as_numbers(database: sqlite3.Connection, tmp_path: Path) -> None:
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, loose, at TEXT)")
    database.execute(
        "INSERT INTO t VALUES (1, 9, '2024-01-01'), (2, 10, '2024-01-02'), (3, 8, NULL), (4, NULL, '2023')"
    )
    for column, after, expected in [("loose", "9", "124"), ("at", "2024-01-01", "123"), ("id", "3", "34")]:
        said = {
            "t": {
                "table": "t",
                "columns": ["id", "loose", "at"],
                "incremental": {"column": column, "key": ["id"], "overlap": 0},
            }
        }
        assert "".join(row["id"] for row in rows(tmp_path, "t", after, tables=said)) == expected


@pytest.mark.parametrize("declared", ["TEXT", "INTEGER", "REAL", "NUMERIC", ""])
def test_no_more_of_an_index_is_looked_through_than_is_new(
    tmp_path: Path, database: sqlite3.Connection, declared: str
) -> None:
    database.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, at {declared})")
    values = (None, 5, 5.5, 100, "5", "9", "10", "abc", "", "2025-01-01", b"x", 3000, -1, float("inf"))
    database.executemany("INSERT INTO t (at) VALUES (?)", [(value,) for value in values])
    since = Sqlite(Login("town", urlsplit("sqlite:town hall?.sqlite"), tmp_path, None, None, 1)).since("at")
    for after in ("5", "5.5", "100", "-1", "2025-01-01", "abc"):
        number = "typeof(at) IN ('integer', 'real') AND at >= :beffroi_after + 0"
        plain = f"SELECT id FROM t WHERE at >= :beffroi_after OR {number} OR at IS NULL ORDER BY id"
        told = database.execute(f"SELECT id FROM t WHERE {since} ORDER BY id", {"beffroi_after": after}).fetchall()
        assert told == database.execute(plain, {"beffroi_after": after}).fetchall(), after
    database.execute("CREATE INDEX by_at ON t (at)")
    steps = database.execute(f"EXPLAIN QUERY PLAN SELECT * FROM t WHERE {since}", {"beffroi_after": "5"}).fetchall()
    found = [step[-1].partition("(")[2] for step in steps if step[-1].startswith("SEARCH")]
    assert found == ["at>?)", "at>? AND at<?)", "at=?)"]


def test_a_long_scan_is_late(database: sqlite3.Connection, tmp_path: Path) -> None:
    query = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT i FROM n"
    with pytest.raises(Late):
        rows(tmp_path, "q", tables={"q": {"query": query, "seconds": 0.2}})


def test_a_lookup_that_never_ends_ends_at_its_deadline(database: sqlite3.Connection, tmp_path: Path) -> None:
    endless = (
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS name FROM n WHERE :id <> ''"
    )
    lookup = {"record": "Thing", "identifier": {"scheme": "id", "pattern": "x"}, "fields": {"name": "name"}}
    registry = town_hall(tmp_path, timeout=0.3, lookup=lookup | {"query": endless})
    began = time.monotonic()
    with pytest.raises(Late):
        registry.lookup("x", Deadline.after(30))
    with pytest.raises(Late):
        rows(tmp_path, "q", tables={"q": {"query": endless, "parameters": {"id": "x"}, "seconds": 0.3}})
    assert time.monotonic() - began < 3


def test_a_parameter_that_no_integer_holds_is_misconfigured(database: sqlite3.Connection, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        rows(tmp_path, "q", tables={"q": {"query": "SELECT :n AS n", "parameters": {"n": 2**64}}})


def test_the_database_is_only_read(database: sqlite3.Connection, tmp_path: Path) -> None:
    database.execute("CREATE TABLE t (a)")
    engine = town_hall(tmp_path).engine
    with (
        pytest.raises(Down, match="readonly"),
        engine._asking(Deadline.after(5)) as cursor,  # type: ignore[attr-defined]
    ):
        cursor.execute("DELETE FROM t")


def test_a_locked_database_is_down(tmp_path: Path) -> None:
    with another(tmp_path, "CREATE TABLE t (a)", "BEGIN EXCLUSIVE"), pytest.raises(Down, match="locked"):
        rows(tmp_path, "t")


@pytest.mark.parametrize(
    ("table", "said"), [(None, "say which table"), ("T", "no table T"), ("sqlite_schema", "no table")]
)
def test_an_unknown_table_lists_those_there_are(
    database: sqlite3.Connection, tmp_path: Path, table: str | None, said: str
) -> None:
    database.executescript("CREATE TABLE t (a); CREATE VIEW v AS SELECT 1;")
    with pytest.raises(Misconfigured, match=f"{said}.*the database has: t, v"):
        town_hall(tmp_path).scan(table)


def test_a_missing_database_is_misconfigured_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="there is no database"):
        town_hall(tmp_path).scan("t")
    assert not (tmp_path / "town hall?.sqlite").exists()
    (tmp_path / "town hall?.sqlite").write_bytes(b"no database " * 100)
    with pytest.raises(Misconfigured, match="not a database"):
        town_hall(tmp_path).scan("t")


def test_a_table_is_looked_for_where_the_database_is_there(tmp_path: Path) -> None:
    registry = town_hall(tmp_path)
    assert registry.check("t") is None, "the database may come later"
    assert registry.check(None) == "town: say which table to read"
    with another(tmp_path, "CREATE TABLE t (a)"):
        assert registry.check("t") is None
        assert registry.check("T") == "town: no table T; the database has: t"
        assert registry.check(None) == "town: say which table to read; the database has: t"
    with another(tmp_path, "BEGIN EXCLUSIVE"):
        assert registry.check("T") is None, "locked: nobody can tell"
    (tmp_path / "town hall?.sqlite").write_bytes(b"no database " * 100)
    assert "not a database" in str(registry.check("t"))
