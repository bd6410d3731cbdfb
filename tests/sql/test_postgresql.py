"""PostgreSQL as municipalities have it: every type, every kind of table, and all that goes wrong on the way."""

import contextlib
import datetime as dt
import json
import os
import select
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

import psycopg
import psycopg.errors
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Busy, Down, Late, Misconfigured, RefusedUs, Unreadable
from connectors.registry import FAULT
from connectors.sql import Sql
from connectors.sql.postgresql_errors import STATES
from connectors.sql.settings import SqlSettings
from tests.peers.fault_proxy import FaultProxy
from tests.peers.postgresql.peer import PASSWORD
from tests.sql.conftest import Database

UTC = dt.UTC
CELLS: list[tuple[str, str, Any]] = [
    ("smallint", "-32768", -32768),
    ("integer", "2147483647", 2147483647),
    ("bigint", "-9223372036854775808", -(2**63)),
    ("oid", "4294967295", 4294967295),
    ("boolean", "true", True),
    ("boolean", "false", False),
    ("real", "0.1", 0.1),
    ("double precision", "0.30000000000000004", 0.1 + 0.2),
    ("double precision", "'-Infinity'", float("-inf")),
    ("double precision", "1e-320", 1e-320),
    ("numeric", "1.10", "1.10"),
    ("numeric(40, 2)", "12345678901234567890123456789012345678.90", "12345678901234567890123456789012345678.90"),
    ("numeric", "'NaN'", "NaN"),
    ("numeric", "'Infinity'", "Infinity"),
    ("money", "1234567.89::numeric::money", "1234567.89"),
    ("text", "''", ""),
    ("text", "'NULL'", "NULL"),
    ("text", r"E'\\N'", r"\N"),
    ("text", r"E'a\r\nb\t\"c\", d\\'", 'a\r\nb\t"c", d\\'),
    ("text", r"E'\\.'", r"\."),
    ("text", "' é '", " é "),
    ("text", "NULL", None),
    ("varchar(10)", "'01001'", "01001"),
    ("char(5)", "'ab'", "ab   "),
    ("name", "'abc'", "abc"),
    ("mood", "'so so'", "so so"),
    ("postcode", "'01001'", "01001"),
    ("bit(4)", "B'0101'", "0101"),
    ("varbit", "B'1'", "1"),
    ("bytea", r"'\x00ff'", "00FF"),
    ("bytea", "''", ""),
    ("date", "'2024-02-29'", dt.date(2024, 2, 29)),
    ("date", "'0001-01-01'", dt.date.min),
    ("date", "'9999-12-31'", dt.date.max),
    ("timestamp", "'2024-02-29 23:59:59.123456'", dt.datetime.fromisoformat("2024-02-29 23:59:59.123456")),
    ("timestamp", "'9999-12-31 23:59:59.999999'", dt.datetime.fromisoformat("9999-12-31 23:59:59.999999")),
    ("timestamptz", "'2024-02-29 23:59:59.5+02'", dt.datetime(2024, 2, 29, 21, 59, 59, 500000, UTC)),
    ("time", "'24:00'", "24:00:00"),
    ("timetz", "'12:30:00.25+02'", "12:30:00.25+02"),
    ("interval", "'1 year 2 months -3 days 04:05:06.7'", "P1Y2M-3DT4H5M6.7S"),
    ("integer[]", "'{1,NULL,3}'", "[1,null,3]"),
    ("text[]", "ARRAY['a\"', '']", '["a\\"",""]'),
    ("integer[]", "'{{1,2},{3,4}}'", "[[1,2],[3,4]]"),
    ("timestamptz[]", "ARRAY['2024-01-01 00:00+00'::timestamptz]", '["2024-01-01T00:00:00+00:00"]'),
    ("json", "'{\"a\": 1.0}'", '{"a": 1.0}'),
    ("jsonb", "'{\"a\":  1.0}'", '{"a": 1.0}'),
    ("uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("inet", "'192.168.0.1/24'", "192.168.0.1/24"),
    ("int4range", "'[1,5)'", "[1,5)"),
    ("point", "'(1,2.5)'", "(1,2.5)"),
    ("pair", "ROW(1, 'x, y')", '(1,"x, y")'),
    ("tsvector", "'a b'", "'a' 'b'"),
]


def test_every_type_reads_back(database: Database) -> None:
    database.run(
        "CREATE TYPE mood AS ENUM ('so so', 'good')",
        "CREATE DOMAIN postcode AS varchar(5) CHECK (length(VALUE) = 5)",
        "CREATE TYPE pair AS (a int, b text)",
        f"CREATE TABLE t ({', '.join(f'c{at} {kind}' for at, (kind, _, _) in enumerate(CELLS))})",
        f"INSERT INTO t VALUES ({', '.join(literal for _, literal, _ in CELLS)})",
        f"INSERT INTO t VALUES ({', '.join('NULL' for _ in CELLS)})",
    )
    first, second = database.rows("t")
    assert [first[f"c{at}"] for at in range(len(CELLS))] == [value for _, _, value in CELLS]
    assert set(second.values()) == {None}
    assert first[FAULT] is None


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
MOMENTS = st.datetimes(timezones=st.just(UTC), max_value=dt.datetime.fromisoformat("9999-12-30"))
ROWS = st.tuples(
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.booleans(),
    st.none() | st.floats(allow_nan=False),
    st.none() | st.decimals(allow_infinity=False, allow_nan=False, places=4),
    st.none() | TEXTS,
    st.none() | st.binary(max_size=20),
    st.none() | st.dates(),
    st.none() | st.datetimes(),
    st.none() | MOMENTS,
    st.none() | st.uuids(),
    st.none() | st.times(),
    st.none() | st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), max_size=4),
)
COLUMNS = (
    "i bigint, b boolean, f double precision, n numeric, t text, y bytea, d date, at timestamp, seen timestamptz,"
    " u uuid, c time, a integer[]"
)
TYPED: dict[str, Callable[[Any], Any]] = {
    "n": Decimal, "y": bytes.fromhex, "u": UUID, "c": dt.time.fromisoformat, "a": json.loads
}  # fmt: skip


def test_any_row_reads_back_equal(database: Database) -> None:
    database.run(f"CREATE TABLE t ({COLUMNS})")
    registry = database.registry()

    @settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
    @given(rows=st.lists(ROWS, max_size=5))
    def check(rows: list[tuple[Any, ...]]) -> None:
        database.run("TRUNCATE t")
        with database.owner.cursor() as cursor:
            cursor.executemany(f"INSERT INTO t VALUES ({', '.join(['%s'] * 12)})", rows)
        found = registry.scan("t").read_all().drop_columns([FAULT]).to_pylist()
        read = [tuple(None if v is None else TYPED.get(k, lambda x: x)(v) for k, v in row.items()) for row in found]
        assert read == rows

    check()


def test_dates_beyond_our_calendar_are_told_row_by_row(database: Database) -> None:
    database.run(
        'CREATE TABLE t (id int, "it\'s" date, at timestamptz)',
        "INSERT INTO t VALUES (1, '2024-01-01', now()), (2, 'infinity', NULL), (3, '0044-03-15 BC', NULL),"
        " (4, NULL, '-infinity'), (5, NULL, '10000-01-01 00:00+00')",
    )
    said = {row["id"]: row[FAULT] for row in database.rows("t")}
    about = "is infinite, before the year 1 or after the year 9999"
    assert said == {1: None, 2: f"it's {about}", 3: f"it's {about}", 4: f"at {about}", 5: f"at {about}"}
    assert database.rows("q", tables={"q": {"query": 'SELECT "it\'s"::text AS d FROM t WHERE id = 2'}}) == [
        {"d": "infinity", FAULT: None}
    ]


def test_texts_of_other_encodings(make_database: Any) -> None:
    latin = make_database("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    latin.run("CREATE TABLE t (a text)", "INSERT INTO t VALUES ('é')")
    assert latin.rows("t") == [{"a": "é", FAULT: None}]
    ascii_ = make_database("ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    ascii_.run("CREATE TABLE t (id int, a text, b text)", "INSERT INTO t VALUES (1, 'x', 'y')")
    ascii_.run(r"INSERT INTO t VALUES (2, convert_from('\xe9', 'SQL_ASCII'), 'kept')")
    assert ascii_.rows("t") == [
        {"id": 1, "a": "x", "b": "y", FAULT: None},
        {"id": 2, "a": None, "b": "kept", FAULT: "a holds a text that is not UTF-8"},
    ]


def test_every_kind_of_table(database: Database) -> None:
    database.run(
        'CREATE SCHEMA "Étât civil"',
        'CREATE TABLE "Étât civil"."The ""Table"".x" ("A b" int PRIMARY KEY, "select" int GENERATED ALWAYS AS ("A b" * 2) STORED)',
        'INSERT INTO "Étât civil"."The ""Table"".x" VALUES (1)',
        "CREATE TABLE parts (id int, at date) PARTITION BY RANGE (at)",
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
        "INSERT INTO parts VALUES (1, '2024-05-01')",
        "CREATE TABLE parent (id int)",
        "CREATE TABLE child (more int) INHERITS (parent)",
        "INSERT INTO child VALUES (7, 8)",
        "CREATE VIEW seen AS SELECT id FROM parts",
        "CREATE MATERIALIZED VIEW kept AS SELECT id FROM parts",
        "CREATE TABLE empty (a int, b text)",
        "CREATE TABLE bare ()",
    )
    assert database.rows('Étât civil.The "Table".x') == [{"A b": 1, "select": 2, FAULT: None}]
    assert [
        row["id"] for name in ("parts", "public.parts", "parts_1", "seen", "kept") for row in database.rows(name)
    ] == [1] * 5
    assert [row["id"] for row in database.rows("parent")] == [7]
    reader = database.registry().scan("empty")
    assert reader.schema.names == ["a", "b", FAULT]
    assert reader.read_all().num_rows == 0
    with pytest.raises(Misconfigured, match="the table has no columns"):
        database.rows("bare")
    tables = {each.name: each for each in database.registry().engine.tables(_soon())}
    assert tables['Étât civil.The "Table".x'].key == ("A b",)
    assert tables["public.parts_1"].kind == "partition"
    assert tables["public.seen"].kind == "view"


def _soon() -> Deadline:
    return Deadline.after(10)


def test_a_table_of_1600_columns(database: Database) -> None:
    database.run(f"CREATE TABLE wide ({', '.join(f'c{at} date' for at in range(1600))})")
    database.run("INSERT INTO wide (c0, c1599) VALUES ('2024-01-01', 'infinity')")
    [row] = database.rows("wide")
    assert len(row) == 1601
    assert row[FAULT] is not None
    assert row["c0"] == dt.date(2024, 1, 1)


def test_what_is_not_there_is_told_with_what_is(database: Database) -> None:
    database.run("CREATE TABLE t (a int)", f"CREATE TABLE taken (a int, {FAULT} text)")
    for table, said, match in [
        ("nope", {}, "no table nope; the database has: public.t, public.taken"),
        (None, {}, "say which table to read; the database has: public.t"),
        ("taken", {}, f"a column is called {FAULT}"),
        ("q", {"table": "t", "columns": ["b"]}, "no column b; there are: a"),
        ("q", {"query": "SELECT a, a FROM t"}, "two columns are called a"),
        ("q", {"query": "SELECT b FROM t"}, r'SQLSTATE 42703\): column "b" does not exist'),
        ("q", {"query": "SELECT a FROM t; DROP TABLE t"}, "syntax error"),
        ("q", {"query": "DELETE FROM t RETURNING a"}, "syntax error"),
        ("q", {"query": "SELECT lo_create(0) AS a"}, "only read here"),
        ("q", {"query": "SELECT a FROM t WHERE a = :x::int", "parameters": {"x": "abc"}}, "could not read a parameter"),
    ]:
        with pytest.raises(Misconfigured, match=match):
            database.rows(table, tables={"q": said} if said else {})  # type: ignore[arg-type]
    assert database.rows("t") == []


def test_a_query_is_asked_with_bound_parameters(database: Database) -> None:
    database.run("CREATE TABLE t (id int, name text, day date, at timestamptz, n numeric, ok boolean)")
    database.run("INSERT INTO t VALUES (1, 'O''Brien :x', '2024-01-01', '2024-01-01 10:00+00', 1.5, true)")
    asked = {
        "query": "SELECT id, ':no' AS no, day::text AS \":d\" FROM t -- :comment\n WHERE name = :name AND day >= :day AND at"
        " = :at AND n = :n AND ok = :ok AND id = ANY(ARRAY[0, :id]) AND :none::text IS NULL /* :c */;",
        "parameters": {
            "name": "O'Brien :x", "day": "2024-01-01", "at": "2024-01-01T12:00:00+02:00", "n": 1.5, "ok": True, "id": 1,
            "none": None,
        },
    }  # fmt: skip
    said = {"q": asked}
    assert not list(database.registry(tables=said).problems())
    assert database.rows("q", tables=said) == [{"id": 1, "no": ":no", ":d": "2024-01-01", FAULT: None}]


def test_an_increment_begins_where_the_last_one_ended(database: Database) -> None:
    database.run(
        "CREATE TABLE t (id int, at timestamptz, day date, n numeric)",
        "INSERT INTO t VALUES (1, '2024-01-01 10:00:00.123456+00', '2024-01-01', 9), (2, '2024-01-01 10:00:00.123457+00',"
        " '2024-01-02', 10), (3, NULL, NULL, NULL)",
    )
    for column, after, expected in [
        ("at", "2024-01-01 10:00:00.123457+00", [2, 3]),
        ("at", "2024-01-01 12:00:00.123456+02", [1, 2, 3]),
        ("day", "2024-01-02", [2, 3]),
        ("id", "2", [2, 3]),
        ("n", "9", [1, 2, 3]),
    ]:
        said = {"t": {"table": "t", "incremental": {"column": column, "key": ["id"], "overlap": 0}}}
        assert sorted(row["id"] for row in database.rows("t", after, tables=said)) == expected, column
    increment = database.registry(tables=said).increment("t")
    assert increment is not None
    assert (increment.column, increment.key) == ("n", ("id",))


def test_one_snapshot_is_read_while_others_write(database: Database) -> None:
    database.run("CREATE TABLE t AS SELECT i, repeat('x', 100) AS x FROM generate_series(1, 200000) i")
    reader = database.registry().scan("t")
    first = reader.read_next_batch()
    database.run("UPDATE t SET x = ''", "DELETE FROM t WHERE i > 10")
    rest = reader.read_all()
    assert first.num_rows + rest.num_rows == 200_000
    assert pc.sum(pc.utf8_length(rest["x"])).as_py() == 100 * rest.num_rows
    assert max(batch.num_rows for batch in rest.to_batches()) <= 50_000


def test_a_table_needs_little_memory_whatever_its_size(database: Database) -> None:
    database.run("CREATE TABLE t AS SELECT i, md5(i::text) AS x FROM generate_series(1, 1000000) i")
    before, most = pa.total_allocated_bytes(), 0
    for batch in database.registry().scan("t"):
        most = max(most, pa.total_allocated_bytes() - before)
        assert batch.num_rows
    assert most < 40_000_000


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_every_class_of_states_has_a_meaning() -> None:
    theirs = {
        each.sqlstate for each in vars(psycopg.errors).values() if isinstance(each, type) and hasattr(each, "sqlstate")
    }
    theirs = {state for state in theirs if isinstance(state, str)}
    assert {state[:2] for state in theirs} - {"00"} <= set(STATES)
    assert {state for state in STATES if len(state) == 5} <= theirs


@pytest.mark.parametrize(
    ("role", "error"),
    [
        ("LOGIN PASSWORD 'another'", RefusedUs),
        (f"LOGIN PASSWORD '{PASSWORD}' VALID UNTIL '2020-01-01'", RefusedUs),
        (f"NOLOGIN PASSWORD '{PASSWORD}'", RefusedUs),
        ("LOGIN", RefusedUs),
        (f"LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 0", Busy),
    ],
)
def test_an_account_that_may_not_come_in(database: Database, role: str, error: type[BeffroiError]) -> None:
    database.run("DROP ROLE IF EXISTS guest", f"CREATE ROLE guest {role}")
    with pytest.raises(error) as caught:
        database.registry(user="guest").scan("t")
    assert PASSWORD not in caught.value.detail
    with pytest.raises(RefusedUs):
        database.registry(user="unknown").scan("t")


def test_an_account_that_may_not_read(database: Database) -> None:
    database.run(
        "CREATE TABLE open (a int)", "CREATE TABLE closed (a int)",
        "DROP ROLE IF EXISTS poor", f"CREATE ROLE poor LOGIN PASSWORD '{PASSWORD}'", "GRANT SELECT ON open TO poor",
    )  # fmt: skip
    with pytest.raises(Misconfigured, match=r"no table closed; the database has: public\.open$"):
        database.registry(user="poor").scan("closed")
    with pytest.raises(RefusedUs, match="does not let our account read"):
        database.rows("q", user="poor", tables={"q": {"query": "SELECT * FROM closed"}})
    database.run("REVOKE ALL ON open FROM poor")


def test_no_such_database_and_no_such_server(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    there = database.registry()
    database.name = "elsewhere"
    with pytest.raises(Misconfigured, match="no database elsewhere"):
        database.registry().scan("t")
    with pytest.raises(Down, match="does not answer"):
        database.registry(port=9).scan("t")
    monkeypatch.delenv("READER_PASSWORD")
    with pytest.raises(Misconfigured, match="the variable READER_PASSWORD of the environment"):
        there.scan("t")


def test_a_server_that_ends_in_the_middle_is_down(database: Database) -> None:
    database.run("CREATE TABLE t AS SELECT i, repeat('x', 100) AS x FROM generate_series(1, 500000) i")
    reader = database.registry().scan("t")
    reader.read_next_batch()
    database.end_backends()
    with pytest.raises(Down):
        reader.read_all()


def test_a_table_cannot_be_dropped_in_the_middle(database: Database) -> None:
    database.run("CREATE TABLE t AS SELECT i, repeat('x', 100) AS x FROM generate_series(1, 200000) i")
    reader = database.registry().scan("t")
    first = reader.read_next_batch()
    dropping = threading.Thread(target=database.run, args=("DROP TABLE t",))
    dropping.start()
    assert first.num_rows + reader.read_all().num_rows == 200_000
    dropping.join()
    with pytest.raises(Misconfigured, match="no table t"):
        database.rows("t")


def test_an_abandoned_scan_leaves_nothing(database: Database) -> None:
    database.run("CREATE TABLE t AS SELECT i, repeat('x', 100) AS x FROM generate_series(1, 500000) i")
    registry = database.registry()
    reader = registry.scan("t")
    reader.read_next_batch()
    assert database.backends() == 2  # one reads, one waits for the next question
    del reader
    _until(lambda: database.backends() == 1)


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_slow_query_is_given_up_by_the_server_itself(database: Database) -> None:
    said = {"q": {"query": "SELECT pg_sleep(60)::text AS a", "seconds": 0.5}}
    began = time.monotonic()
    with pytest.raises(Late):
        database.rows("q", tables=said)
    assert time.monotonic() - began < 2
    _until(lambda: database.backends() == 0)


def test_a_server_that_hangs_in_the_middle_is_late(database: Database) -> None:
    database.run("CREATE TABLE t AS SELECT i, repeat('x', 100) AS x FROM generate_series(1, 500000) i")
    reader = database.registry(tables={"t": {"table": "t", "seconds": 2}}).scan("t")
    reader.read_next_batch()
    pids = database.owner.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'beffroi'").fetchall()
    for (pid,) in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(Late):
            reader.read_all()
        assert time.monotonic() - began < 4
    finally:
        for (pid,) in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_network_that_breaks(database: Database) -> None:
    database.run("CREATE TABLE t AS SELECT i, repeat('x', 100) AS x FROM generate_series(1, 500000) i")
    with FaultProxy("127.0.0.1", database.server.port) as proxy:
        registry = database.registry(proxy.port, tables={"t": {"table": "t", "seconds": 1}})
        for fault, error in [("refuse", Down), ("blackhole", Late), ("latency:2", Late)]:
            proxy.fault = fault
            began = time.monotonic()
            with pytest.raises(error):
                registry.scan("t")
            assert time.monotonic() - began < 3
        proxy.fault = "none"
        registry = database.registry(proxy.port)
        reader = registry.scan("t")
        reader.read_next_batch()
        proxy.fault = "refuse"  # ends the connections there are
        with pytest.raises(Down):
            reader.read_all()
        proxy.fault = "latency:0.05"
        assert registry.scan("t").read_all().num_rows == 500_000


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"N" * 4096, b"E\0\0\0\5\0", b"S", b"R\x7f\xff\xff\xff\0", b"\0" * 99, b""],
)
def test_a_server_that_is_none(database: Database, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        registry = database.registry(listening.getsockname()[1], tables={"t": {"table": "t", "seconds": 1}})
        done = threading.Event()

        def serve() -> None:
            listening.settimeout(0.05)
            while not done.is_set():
                with contextlib.suppress(OSError), listening.accept()[0] as connection:
                    connection.recv(4096)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with pytest.raises((Down, Late)):
                registry.scan("t")
        finally:
            done.set()
            thread.join()


def test_a_value_that_cannot_be_computed_is_unreadable(database: Database) -> None:
    database.run("CREATE TABLE t (i) AS SELECT 0")
    with pytest.raises(Unreadable, match=r"could not compute a value \(SQLSTATE 22012\)$"):
        database.rows("q", tables={"q": {"query": "SELECT 1 / i AS a FROM t"}})


class TlsFront:
    """Speaks PostgreSQL's TLS in front of a server that has none, with a certificate of the name localhost."""

    def __init__(self, port: int, authority: trustme.CA) -> None:
        self._target = port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(self._context)

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listening.accept()[0]
                with (
                    contextlib.suppress(OSError),
                    client,
                    socket.create_connection(("127.0.0.1", self._target)) as there,
                ):
                    client.recv(8)  # SSLRequest
                    client.sendall(b"S")
                    with self._context.wrap_socket(client, server_side=True) as secured:
                        self._pass_on(secured, there)

    def _pass_on(self, secured: ssl.SSLSocket, there: socket.socket) -> None:
        while True:
            ready = [secured] if secured.pending() else select.select([secured, there], [], [], 10)[0]
            for one in ready or [None]:
                piece = one.recv(65536) if one else b""
                if not piece:
                    return
                (there if one is secured else secured).sendall(piece)


def test_tls_believes_the_declared_authority_and_name_alone(database: Database) -> None:
    database.run("CREATE TABLE t (a int)")
    ours, others = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(str(database.root / "ours.pem"))
    others.cert_pem.write_to_path(str(database.root / "others.pem"))
    (database.root / "none.pem").write_text("none")
    name = f"reader@localhost:{{}}/{database.name}"
    with TlsFront(database.server.port, ours) as front:

        def asked(authority: str | None, host: str = "localhost") -> Sql:
            url = f"postgresql://{name.format(front.port)}".replace("localhost", host)
            said = {"url": url, "password": "${READER_PASSWORD}", "tls": {"authority": authority}}
            return Sql("town", SqlSettings.model_validate(said), database.root)

        assert [table.name for table in asked("ours.pem").engine.tables(_soon())] == ["public.t"]
        for registry in (asked("others.pem"), asked(None), asked("ours.pem", "127.0.0.1")):
            with pytest.raises(Down, match="shows a certificate that is not"):
                registry.engine.tables(_soon())
        for missing in ("missing.pem", "none.pem"):
            with pytest.raises(Misconfigured, match="a file that tls: names"):
                asked(missing).engine.tables(_soon())


def test_tls_is_never_left_out(database: Database) -> None:
    with pytest.raises(Down, match="does not speak TLS"):
        database.registry(tls={}).scan("t")
