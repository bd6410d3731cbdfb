"""MariaDB read for real: a server of Debian's, every kind of column, and all that can go wrong with it."""

import datetime as dt
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pymysql
import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Busy, Down, Late, Misconfigured, NotFound, RefusedUs, Unreadable
from connectors.registry import FAULT
from connectors.sql import Sql
from connectors.sql.engine import Source
from connectors.sql.mariadb_types import CODECS
from connectors.sql.settings import SqlSettings
from connectors.sql.statement import Statement
from tests.peers.fault_proxy import FaultProxy
from tests.peers.mariadb.peer import SECRET, MariaDbServer


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOWN_PASSWORD", SECRET)


def town(url: str, root: Path = Path(), **said: Any) -> Sql:
    declared = {"url": url, "password": "${TOWN_PASSWORD}", **said}
    return Sql("town", SqlSettings.model_validate(declared), root)


def rows(registry: Sql, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = registry.scan(table).read_all().to_pylist()
    return found


def query(mariadb: MariaDbServer, sql: str, **said: Any) -> pa.Table:
    return town(mariadb.address(), tables={"asked": {"query": sql, **said}}).scan("asked").read_all()


# --- every kind of column --------------------------------------------------------------------------------------------

ZOO: dict[str, tuple[str, str, str, object]] = {
    "tiny": ("TINYINT(1)", "-1", "int8", -1),
    "small": ("SMALLINT UNSIGNED", "65535", "uint16", 65535),
    "medium": ("MEDIUMINT", "-8388608", "int32", -8388608),
    "whole": ("INT", "-2147483648", "int32", -2147483648),
    "big": ("BIGINT", "-9223372036854775808", "int64", -(2**63)),
    "huge": ("BIGINT UNSIGNED", "18446744073709551615", "uint64", 2**64 - 1),
    "postal": ("INT(5) ZEROFILL", "1000", "string", "01000"),
    "single": ("FLOAT", "16777216", "double", 16777216.0),
    "shortest": ("FLOAT", "0.1", "double", 0.1),
    "greatest": ("FLOAT", "3.4e38", "double", 3.4e38),
    "ratio": ("DOUBLE", "0.1", "double", 0.1),
    "amount": ("DECIMAL(12,2)", "-1234567890.10", "decimal128(12, 2)", Decimal("-1234567890.10")),
    "natural": ("DECIMAL(5,0) UNSIGNED", "99999", "decimal128(5, 0)", Decimal(99999)),
    "long": ("DECIMAL(65,30)", f"{'9' * 35}.{'9' * 30}", "string", f"{'9' * 35}.{'9' * 30}"),
    "bits": ("BIT(9)", "b'100000001'", "uint64", 257),
    "year": ("YEAR", "2024", "int16", 2024),
    "day": ("DATE", "'2024-02-29'", "string", "2024-02-29"),
    "zero": ("DATE", "'0000-00-00'", "string", "0000-00-00"),
    "part": ("DATETIME", "'2024-02-00 00:00:00'", "string", "2024-02-00 00:00:00"),
    "moment": ("TIMESTAMP(3) NULL", "'2024-07-01 12:00:00.125'", "string", "2024-07-01 10:00:00.125"),
    "hours": ("TIME(1)", "'-838:59:58.5'", "string", "-838:59:58.5"),
    "of": ("ENUM('é','b') CHARSET latin1", "'é'", "string", "é"),
    "some": ("SET('x','ü') CHARSET latin1", "'ü,x'", "string", "x,ü"),
    "object": ("JSON", """'{"a": "é"}'""", "string", '{"a": "é"}'),
    "old": ("VARCHAR(20) CHARSET latin1", "'Évry – 5 €'", "string", "Évry – 5 €"),
    "older": ("TEXT CHARSET utf8mb3", "'Málaga'", "string", "Málaga"),
    "text": ("VARCHAR(20) CHARSET utf8mb4", "'😀\\\\''\"`'", "string", "😀\\'\"`"),
    "wide": ("CHAR(9) CHARSET ucs2", "'Łódź'", "string", "Łódź"),
    "none": ("VARCHAR(5)", "NULL", "string", None),
    "empty": ("VARCHAR(5)", "''", "string", ""),
    "bytes": ("VARBINARY(5)", "X'00FF41'", "string", "00FF41"),
    "blob": ("BLOB", "''", "string", ""),
    "place": ("POINT", "POINT(1.5, -2)", "string", "POINT(1.5 -2)"),
    "uuid": ("UUID", "'123e4567-e89b-12d3-a456-426655440000'", "string", "123e4567-e89b-12d3-a456-426655440000"),
    "host": ("INET6", "'::1'", "string", "::1"),
    "com`puted": ("INT AS (tiny + 1)", "DEFAULT", "int32", 0),
}


def test_every_kind_of_column(mariadb: MariaDbServer) -> None:
    columns = ", ".join(f"`{name.replace('`', '``')}` {kind}" for name, (kind, *_) in ZOO.items())
    mariadb.run([
        "SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+02:00'",
        f"CREATE OR REPLACE TABLE zoo ({columns}, hidden INT INVISIBLE DEFAULT 3)",
        f"INSERT INTO zoo VALUES ({', '.join(value for _, value, *_ in ZOO.values())})",
        "CREATE OR REPLACE VIEW `the zoo` AS SELECT * FROM zoo",
    ])  # fmt: skip
    read = town(mariadb.address()).scan("zoo").read_all()
    assert {field.name: str(field.type) for field in read.schema} == {
        **{name: kind for name, (_, _, kind, _) in ZOO.items()},
        FAULT: "string",
    }
    assert read.to_pylist() == [{**{name: value for name, (*_, value) in ZOO.items()}, FAULT: None}]
    view = town(mariadb.address()).scan("the zoo").read_all()
    assert view.to_pylist() == read.to_pylist()
    assert query(mariadb, "SELECT * FROM zoo").to_pylist() == read.to_pylist()
    assert query(mariadb, "SELECT hidden FROM zoo")["hidden"].to_pylist() == [3]


SINGLE = sorted(name for name, codec in CODECS.items() if not codec.startswith("utf"))


@pytest.mark.parametrize("charset", [*SINGLE, "latin1"])
def test_character_sets_are_the_servers(mariadb: MariaDbServer, charset: str) -> None:
    every = "0123456789ABCDEF"
    digits = [f"{high}{low}" for high in every for low in every]
    union = " UNION ALL ".join(f"SELECT X'{each}' AS b" for each in digits)
    mariadb.run([
        f"CREATE OR REPLACE TABLE letters (id INT AUTO_INCREMENT PRIMARY KEY, t VARBINARY(2)) AS {union}",
        f"ALTER TABLE letters ADD raw VARCHAR(1) CHARSET {charset}, ADD u VARCHAR(1) CHARSET utf8mb4",
        "SET sql_mode = ''",
        "UPDATE IGNORE letters SET raw = b",
        "UPDATE IGNORE letters SET u = CONVERT(raw USING utf8mb4)",
    ])  # fmt: skip
    found = rows(town(mariadb.address(), tables={"l": {"query": "SELECT raw, u, HEX(raw) h FROM letters"}}), "l")
    assert len(found) == 256
    for row in found:
        if row[FAULT] is None and row["u"] != "?":
            assert row["raw"] == row["u"], row["h"]
        elif row[FAULT] is not None:
            assert row["raw"] == row["h"]
            assert "raw" in row[FAULT]


def test_bytes_that_are_no_text_are_rows_for_quarantine(mariadb: MariaDbServer) -> None:
    mariadb.run([
        "CREATE OR REPLACE TABLE odd (id INT PRIMARY KEY, t VARCHAR(5) CHARSET ucs2)",
        "INSERT INTO odd VALUES (1, 'good'), (2, X'D800'), (3, NULL)",
    ])  # fmt: skip
    assert rows(town(mariadb.address()), "odd") == [
        {"id": 1, "t": "good", FAULT: None},
        {"id": 2, "t": "D800", FAULT: "the column t holds what is not a text in ucs2"},
        {"id": 3, "t": None, FAULT: None},
    ]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
OLD = st.text(st.sampled_from([bytes([n]).decode("cp1252", "ignore") or chr(n) for n in range(256)]), max_size=300)
ROWS = st.lists(
    st.tuples(
        st.none() | TEXTS,
        st.none() | OLD,
        st.none() | st.binary(max_size=400),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.decimals(-(10**27), 10**27, places=10),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
        st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False),
        st.none() | st.datetimes(dt.datetime(1000, 1, 1), dt.datetime(9999, 12, 31)),  # noqa: DTZ001 (DATETIME has none)
    ),
    min_size=1,
    max_size=300,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=ROWS)
def test_any_row_reads_back_equal(mariadb: MariaDbServer, written: list[tuple[Any, ...]]) -> None:
    connection = pymysql.connect(
        host="127.0.0.1", port=mariadb.port, user="admin", password="admin secret", database="town", charset="utf8mb4"
    )
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE TABLE anything (id INT PRIMARY KEY, t TEXT CHARSET utf8mb4, o TEXT CHARSET latin1, b BLOB,"
            " i BIGINT, d DECIMAL(38,10), f DOUBLE, s FLOAT, m DATETIME(6))"
        )
        many = [(number, *row) for number, row in enumerate(written)]
        cursor.executemany("INSERT INTO anything VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)", many)
        connection.commit()
    found = sorted(rows(town(mariadb.address()), "anything"), key=lambda row: int(row["id"]))
    for row, (text, old, data, whole, exact, double, single, moment) in zip(found, written, strict=True):
        assert row[FAULT] is None
        assert (row["t"], row["o"], row["i"]) == (text, old, whole)
        assert row["b"] == (None if data is None else data.hex().upper())
        assert (row["d"], row["f"]) == (exact, double)
        assert row["s"] == (
            None if single is None else float(pa.scalar(single, pa.float32()).cast(pa.string()).as_py())
        )
        assert row["m"] == (None if moment is None else moment.isoformat(" ", "microseconds"))


def test_cells_of_every_length(mariadb: MariaDbServer) -> None:
    lengths = [0, 1, 250, 251, 252, 65_535, 65_536, 20_000_000, 16_777_215, 3]
    mariadb.run([
        "CREATE OR REPLACE TABLE lengths (id INT PRIMARY KEY, a LONGTEXT, b LONGBLOB, c INT)",
        *(f"INSERT INTO lengths VALUES ({n}, REPEAT('é', {n}), REPEAT('x', {n}), {n})" for n in lengths),
        "CREATE OR REPLACE TABLE mixed AS SELECT seq, REPEAT('y', seq % 300) a, IF(seq % 7, NULL, seq) b FROM seq_1_to_20000",
    ])  # fmt: skip
    for batch in town(mariadb.address()).scan("lengths"):
        for row in batch.to_pylist():
            assert row["a"] == "é" * row["id"]
            assert row["b"] == "78" * row["id"]
            assert row["c"] == row["id"]
            lengths.remove(row["id"])
    assert lengths == []
    found = town(mariadb.address()).scan("mixed").read_all().sort_by("seq").to_pylist()
    assert [(row["a"], row["b"]) for row in found] == [
        ("y" * (n % 300), None if n % 7 else n) for n in range(1, 20_001)
    ]


# --- tables, queries, lookups ----------------------------------------------------------------------------------------


@pytest.fixture
def associations(mariadb: MariaDbServer) -> MariaDbServer:
    mariadb.run([
        ("CREATE OR REPLACE TABLE associations (id INT PRIMARY KEY, rna VARCHAR(10) UNIQUE, nom VARCHAR(60), cree DATE,"
        " modified TIMESTAMP(3) NOT NULL DEFAULT '2024-01-01', n BIGINT) CHARSET latin1"),
        ("INSERT INTO associations VALUES (1, 'W801000123', 'Été', '1998-03-01', '2024-01-01', 9007199254740993),"
        " (2, 'W801000124', 'L''\"b\\\\', '0000-00-00', '2024-01-02 10:00:00.5', 9007199254740992)"),
        "CREATE OR REPLACE VIEW readable AS SELECT rna, nom FROM associations",
        "CREATE OR REPLACE VIEW slow AS SELECT DISTINCT CONCAT(rna, '') rna, nom FROM associations",
    ])  # fmt: skip
    return mariadb


def lookup_of(mariadb: MariaDbServer, table: str = "associations", key: str = "rna", **said: Any) -> Sql:
    fields = {"rna": "rna", "name": "nom"} | (
        {"founded": {"from": "cree", "type": "date"}} if table == "associations" else {}
    )
    return town(mariadb.address(), lookup={
        "record": "Society", "identifier": {"scheme": "rna", "pattern": r".{1,60}"}, "table": table, "key": key,
        "fields": fields,
    }, **said)  # fmt: skip


def looked_up(registry: Sql, identifier: str, seconds: float = 5) -> dict[str, Any]:
    told: dict[str, Any] = registry.lookup(identifier, Deadline.after(seconds)).record.model_dump()
    return told


def test_a_lookup(associations: MariaDbServer) -> None:
    registry = lookup_of(associations)
    assert looked_up(registry, "W801000123") == {"rna": "W801000123", "name": "Été", "founded": dt.date(1998, 3, 1)}
    for other in ("W801000129", "' OR 1=1 -- ", "\\' OR 1=1 -- ", "%", "é"):
        with pytest.raises(NotFound):
            registry.lookup(other, Deadline.after(5))
    with pytest.raises(Unreadable, match="founded"):
        registry.lookup("W801000124", Deadline.after(5))
    assert looked_up(lookup_of(associations, "readable"), "W801000124")["name"] == "L'\"b\\"


def test_a_lookup_never_answers_what_the_server_only_takes_for_the_same(mariadb: MariaDbServer) -> None:
    mariadb.run([
        "CREATE OR REPLACE TABLE alike (rna VARCHAR(20), nom TEXT, n INT PRIMARY KEY, KEY (rna)) CHARSET utf8mb4",
        "INSERT INTO alike VALUES ('e', 'plain', 12), ('é', 'accent', 13), ('E', 'capital', 14)",
    ])  # fmt: skip
    by_text, by_number = lookup_of(mariadb, "alike"), lookup_of(mariadb, "alike", "n")
    assert [looked_up(by_text, each)["name"] for each in ("e", "é", "E")] == ["plain", "accent", "capital"]
    assert [looked_up(by_number, each)["name"] for each in ("12", "0012")] == ["plain", "plain"]
    for registry, other in ((by_text, "è"), (by_text, "e "), (by_number, "12abc"), (by_number, "12.0")):
        with pytest.raises(NotFound):
            registry.lookup(other, Deadline.after(5))


def test_a_query_never_answers_another_record_either(mariadb: MariaDbServer) -> None:
    mariadb.run([
        "CREATE OR REPLACE TABLE alike (rna VARCHAR(20), nom TEXT, n INT PRIMARY KEY) CHARSET utf8mb4",
        "INSERT INTO alike VALUES ('é', 'accent', 0), ('PC3', 'permit', 12)",
    ])  # fmt: skip
    identifier = {"scheme": "number", "pattern": "(?s:.{1,20})"}
    for column, good, others in (("rna", "PC3", ("pc3", "PC3 ", "e")), ("n", "12", ("12abc", "1.2e1", "abc"))):
        said = {
            "record": "Thing",
            "identifier": identifier,
            "query": f"SELECT * FROM alike WHERE {column} = :number",
            "fields": {"number": column, "name": "nom"},
        }
        registry = town(mariadb.address(), lookup=said)
        assert looked_up(registry, good) == {"number": good, "name": "permit"}
        for other in others:
            with pytest.raises(NotFound):
                registry.lookup(other, Deadline.after(5))


@pytest.mark.parametrize(("table", "key"), [("associations", "nom"), ("slow", "rna")])
def test_a_key_without_an_index_is_refused(associations: MariaDbServer, table: str, key: str) -> None:
    with pytest.raises(Misconfigured, match="leads no index"):
        lookup_of(associations, table, key).lookup("x", Deadline.after(5))


def test_what_changed_only(associations: MariaDbServer) -> None:
    for column, after, there in (
        ("modified", "2024-01-02 10:00:00.500", [2]),
        ("modified", "2024-01-01 00:00:00.000", [1, 2]),
        ("n", "9007199254740993", [1]),
        ("id", "2", [2]),
        ("cree", "1998-03-01", [1]),
    ):
        said = {"table": "associations", "incremental": {"column": column, "key": ["id"], "overlap": 0}}
        read = town(associations.address(), tables={"changed": said}).scan("changed", after).read_all()
        assert read["id"].to_pylist() == there, column


def test_parameters_are_values(associations: MariaDbServer) -> None:
    sql = "SELECT :s AS s, :i + 1 AS i, :f * 1 AS f, :t AS t, YEAR(:d) AS d, :n IS NULL AS n, ':x\\':y' AS q"
    parameters = {"s": "é'\\\"", "i": -5, "f": 1.5, "t": True, "d": dt.date(2024, 2, 29), "n": None}
    [row] = query(associations, sql, parameters=parameters).to_pylist()
    assert (row["s"], row["i"], row["f"], row["t"], row["d"], row["n"]) == ("é'\\\"", -4, 1.5, 1, 2024, 1)
    assert row["q"] == ":x':y"


def test_a_fault_of_ours_is_not_told_as_the_server_s(associations: MariaDbServer) -> None:
    engine, asks = town(associations.address()).engine, Statement(("SELECT ", ""), ("unknown",))
    with pytest.raises(KeyError):
        engine.rows(asks, {}, (), 1, Deadline.after(5))
    with pytest.raises(KeyError):
        engine.columns(Source(asks, {}), Deadline.after(5))
    with pytest.raises(KeyError):
        next(engine.stream(asks, {}, (), Deadline.after(5)))


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT nothing FROM associations", "Unknown column"),
        ("SELECT * FROM nowhere", "doesn't exist"),
        ("SELEC 1", "error 1064"),
        ("SELECT 1 AS a, 2 AS a", "Duplicate column"),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", "error"),
        ("DELETE FROM associations", "error 1064"),
        ("SELECT 1; DELETE FROM associations", "error 1064"),
    ],
)
def test_a_query_that_is_wrong(associations: MariaDbServer, sql: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        query(associations, sql)
    assert len(rows(town(associations.address()), "associations")) == 2


def test_it_is_read_only(associations: MariaDbServer) -> None:
    associations.run([
        ("CREATE OR REPLACE FUNCTION writes() RETURNS INT MODIFIES SQL DATA SQL SECURITY DEFINER"
        " BEGIN DELETE FROM associations; RETURN 1; END"),
        "GRANT EXECUTE ON town.* TO reader@'%'",
    ])  # fmt: skip
    with pytest.raises(Misconfigured, match="READ ONLY"):
        query(associations, "SELECT writes() AS w")
    assert len(rows(town(associations.address()), "associations")) == 2


# --- one snapshot, and what happens meanwhile ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(mariadb: MariaDbServer) -> MariaDbServer:
    mariadb.run([
        "CREATE TABLE many (id INT PRIMARY KEY, t VARCHAR(400)) AS SELECT seq id, REPEAT('t', 400) t FROM seq_1_to_100000",
    ])  # fmt: skip
    return mariadb


def test_a_scan_is_one_snapshot(many: MariaDbServer) -> None:
    reader = town(many.address()).scan("many")
    count = reader.read_next_batch().num_rows
    many.run(["START TRANSACTION", "UPDATE many SET t = 'changed' WHERE id > 50000", "COMMIT"])
    for batch in reader:
        count += batch.num_rows
        assert set(batch["t"].to_pylist()) == {"t" * 400}
    assert count == 100_000
    many.run(["UPDATE many SET t = REPEAT('t', 400)"])


def test_a_table_cannot_be_dropped_under_a_scan(mariadb: MariaDbServer) -> None:
    mariadb.run(["CREATE OR REPLACE TABLE doomed AS SELECT seq, REPEAT('t', 400) t FROM seq_1_to_50000"])
    reader = town(mariadb.address()).scan("doomed")
    count = reader.read_next_batch().num_rows
    dropping = threading.Thread(target=mariadb.run, args=(["DROP TABLE doomed"],))
    dropping.start()
    assert count + sum(batch.num_rows for batch in reader) == 50_000
    dropping.join(10)
    assert not dropping.is_alive()
    with pytest.raises(Misconfigured, match="no table doomed"):
        town(mariadb.address()).scan("doomed")


def running(mariadb: MariaDbServer) -> list[int]:
    return [int(row[0]) for row in mariadb.run(
        ["SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'reader' AND COMMAND = 'Query'"])]  # fmt: skip


def gone(mariadb: MariaDbServer, seconds: float = 5) -> bool:
    deadline = Deadline.after(seconds)
    while running(mariadb) and not deadline.passed():
        time.sleep(0.05)
    return not running(mariadb)


def test_an_abandoned_scan_ends_on_the_server(many: MariaDbServer) -> None:
    reader = town(many.address()).scan("many")
    reader.read_next_batch()
    assert running(many)
    del reader
    assert gone(many)


def test_a_connection_killed_under_a_scan_is_down(many: MariaDbServer) -> None:
    reader = town(many.address()).scan("many")
    reader.read_next_batch()
    many.run([f"KILL {number}" for number in running(many)])
    with pytest.raises(Down):
        list(reader)


def test_a_server_killed_under_a_scan_is_down() -> None:
    with MariaDbServer() as server:
        server.run(["CREATE TABLE many AS SELECT seq id, REPEAT('t', 400) t FROM seq_1_to_100000"])
        registry = town(server.address())
        reader = registry.scan("many")
        reader.read_next_batch()
        server.kill()
        with pytest.raises(Down):
            list(reader)
        with pytest.raises(Down):
            registry.scan("many")


def test_a_lookup_that_takes_too_long_is_given_up_by_the_server_too(associations: MariaDbServer) -> None:
    said = {"record": "Nap", "identifier": {"scheme": "nap", "pattern": "(?P<nap>[0-9]+)"},
            "query": "SELECT SLEEP(:nap) AS s, 1 AS one", "fields": {"one": "one"}}  # fmt: skip
    registry = town(associations.address(), timeout=0.7, lookup=said)
    with pytest.raises(Late):
        registry.lookup("30", Deadline.after(5))
    assert gone(associations, 2)
    assert looked_up(registry, "0") == {"one": "1"}


# --- who we are ------------------------------------------------------------------------------------------------------


def test_accounts_that_are_refused(mariadb: MariaDbServer, monkeypatch: pytest.MonkeyPatch) -> None:
    mariadb.run(["CREATE OR REPLACE TABLE kept (id INT)", "CREATE DATABASE IF NOT EXISTS other",
                 "CREATE OR REPLACE TABLE other.kept (id INT)"])  # fmt: skip
    for user, made, said in (
        ("eva", ("GRANT SELECT ON town.* TO eva", "ALTER USER eva PASSWORD EXPIRE"), "expired"),
        ("luc", ("ALTER USER luc ACCOUNT LOCK",), "locked"),
        ("poor", (), "denied"),
    ):
        mariadb.run([f"CREATE OR REPLACE USER {user} IDENTIFIED BY '{SECRET}'", *made])
        with pytest.raises(RefusedUs, match=said) as refused:
            town(mariadb.address(user=user), tables={"k": {"query": "SELECT * FROM town.kept"}}).scan("k")
        assert SECRET not in str(refused.value)
        assert user not in refused.value.detail
    monkeypatch.setenv("TOWN_PASSWORD", "wrong")
    with pytest.raises(RefusedUs, match="denied") as refused:
        town(mariadb.address()).scan("kept")
    assert not any(each in refused.value.detail for each in ("reader", "127.0.0.1", "localhost", "'"))


def test_an_account_that_has_no_more_places_is_busy(mariadb: MariaDbServer) -> None:
    mariadb.run([f"CREATE OR REPLACE USER few IDENTIFIED BY '{SECRET}' WITH MAX_USER_CONNECTIONS 1",
                 "GRANT SELECT ON town.* TO few", "CREATE OR REPLACE TABLE kept (id INT)"])  # fmt: skip
    held = pymysql.connect(host="127.0.0.1", port=mariadb.port, user="few", password=SECRET)
    with closing(held), pytest.raises(Busy):
        town(mariadb.address(user="few")).scan("kept")


@pytest.fixture
def readable() -> Iterator[Path]:
    """A folder that a server without rights may read."""
    with tempfile.TemporaryDirectory(prefix="beffroi-tls-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_tls(readable: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(readable / "authority.pem")
    other.cert_pem.write_to_path(readable / "other.pem")
    issued.cert_chain_pems[0].write_to_path(readable / "server.pem")
    issued.private_key_pem.write_to_path(readable / "server.key")
    (readable / "server.key").chmod(0o644)
    with MariaDbServer(f"--ssl-cert={readable}/server.pem", f"--ssl-key={readable}/server.key") as server:
        asked = {"v": {"query": "SELECT VARIABLE_VALUE AS v FROM information_schema.SESSION_STATUS"
                                " WHERE VARIABLE_NAME = 'Ssl_version'"}}  # fmt: skip
        [row] = rows(town(server.address(), readable, tls={"authority": "authority.pem"}, tables=asked), "v")
        assert row["v"].startswith("TLSv1.")
        with pytest.raises(Down, match="TLS"):
            town(server.address(), readable, tls={"authority": "other.pem"}, tables=asked).scan("v")
        with pytest.raises(Misconfigured, match="tls: a file is missing"):
            town(server.address(), readable, tls={"authority": "none.pem"}, tables=asked).scan("v")


# --- networks and servers that are not well --------------------------------------------------------------------------


def through(proxy: FaultProxy) -> str:
    return f"mariadb://reader@127.0.0.1:{proxy.port}/town"


def test_a_line_that_is_cut_under_a_scan(many: MariaDbServer) -> None:
    with FaultProxy("127.0.0.1", many.port) as proxy:
        reader = town(through(proxy)).scan("many")
        reader.read_next_batch()
        proxy.fault = "refuse"
        with pytest.raises(Down):
            list(reader)


@pytest.mark.parametrize(("fault", "error"), [("refuse", Down), ("blackhole", Late)])
def test_faults(associations: MariaDbServer, fault: str, error: type[BeffroiError]) -> None:
    with FaultProxy("127.0.0.1", associations.port) as proxy:
        registry = town(through(proxy), timeout=1, lookup=lookup_of(associations).settings.lookup)
        assert looked_up(registry, "W801000123")["name"] == "Été"
        proxy.fault = fault
        began = time.monotonic()
        with pytest.raises(error):
            registry.lookup("W801000123", Deadline.after(5))
        assert time.monotonic() - began < 1.5
        proxy.fault = "none"
        assert looked_up(registry, "W801000123")["name"] == "Été"


def test_a_kept_connection_that_died_is_replaced(associations: MariaDbServer) -> None:
    registry = lookup_of(associations)
    looked_up(registry, "W801000123")
    idle = associations.run(["SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'reader'"])
    associations.run([f"KILL {number}" for (number,) in idle])
    time.sleep(0.1)
    assert looked_up(registry, "W801000123")["name"] == "Été"


GREETING = b"\x4a\x00\x00\x00\x0a5.5.5-10.11.19-MariaDB\x00" + bytes(60)


def drips(client: socket.socket) -> None:
    for byte in GREETING:
        client.sendall(bytes([byte]))
        time.sleep(0.2)


TALK: dict[str, tuple[Callable[[socket.socket], object], type[BeffroiError]]] = {
    "nothing": (lambda client: client.recv(1), Late),
    "a byte at a time": (drips, Late),
    "HTTP": (lambda client: client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 50), Unreadable),
    "zeros": (lambda client: client.sendall(bytes(500)), Unreadable),
    "good bye": (lambda _: None, Down),
}


@pytest.mark.parametrize("talk", TALK)
def test_servers_that_are_none(talker: Callable[[Callable[[socket.socket], object]], int], talk: str) -> None:
    says, error = TALK[talk]
    registry = town(f"mariadb://reader@127.0.0.1:{talker(says)}/town", timeout=1, lookup={
        "record": "Society", "identifier": {"scheme": "rna", "pattern": ".+"}, "table": "a", "key": "b",
        "fields": {"rna": "rna"},
    })  # fmt: skip
    began = time.monotonic()
    with pytest.raises(error):
        registry.lookup("W801000123", Deadline.after(5))
    assert time.monotonic() - began < 1.5
