"""`python -m benchmarks.gateway [CASE…] [--rows N] [--seconds S]`: what answers of the gateway cost, beside other servers.

All serve the same rows of a synthetic register of companies: ours, datasette (SQLite), roapi (Parquet in memory), and
FastAPI with asyncpg and PostgreSQL. A server and its database are held to one core, who asks (wrk) to another. CPU is of
the server and its database together; on a busy machine the ratios of CPU hold, and latencies do not. Every server's
answers are held against the rows before it is measured, and an answer that is an error ends the run. Prints Markdown.

Cases: row, filter, count, export, lookup, soap, sustained, hanging. `--rows 10000 --seconds 1` tries them in two minutes.
"""

import argparse
import json
import os
import random
import select
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import duckdb
import pyarrow.parquet as pq
import zeep

from benchmarks import gateway_servers as servers
from benchmarks.gateway_servers import Questions, Server, Told, load
from benchmarks.pipelines import LUHN
from connectors import sandbox
from gateway.callers.tokens import Tokens
from pipelines import versions
from pipelines.run import run
from pipelines.workspace import Workspace
from tests.peers.postgresql.peer import PostgreSqlServer
from tests.peers.soap_server.peer import WSDL, SoapServer

ROOT = Path(__file__).parents[1]
PURPOSE = "commande-publique"
TURNS = 2
"""How often each server is asked, at 32 connections and at 64; the best of each counts: others use this machine."""

CONFIGURATION = """
title: Benchmark
registries:
  folder: {{kind: files, path: source}}
  civil: {{kind: civil_register, url: '{soap}'}}
  communes: {{kind: api_geo, url: 'sandbox:communes', limits: {{concurrency: 32}}}}
  silent: {{kind: api_geo, url: '{silent}', limits: {{concurrency: 100, deadline: 30}}}}
purposes: {{commande-publique: {{title: Marchés, procedure: Marchés, legal_basis: CCP, requires: []}}}}
lookups:
  company: {{record: Company, providers: [{{dataset: companies}}]}}
  person: {{record: Person, providers: [{{registry: civil}}]}}
  commune: {{record: Commune, providers: [{{registry: communes}}]}}
  hanging: {{record: Commune, deadline: 30, providers: [{{registry: silent}}]}}
organisations:
  ville:
    title: Ville
    applications:
      mairie:
        title: Mairie
        grants:
          - {{lookup: company, fields: '*', purposes: [commande-publique]}}
          - {{lookup: person, fields: '*', purposes: [commande-publique]}}
          - {{lookup: commune, fields: '*', purposes: [commande-publique]}}
          - {{lookup: hanging, fields: '*', purposes: [commande-publique]}}
"""
COMPANIES = """
title: Companies
owner: ville
audience: open
licence: Licence Ouverte 2.0
record: Company
source: {registry: folder, table: companies}
index: [postal_code]
"""
REGISTER = f"""
COPY (
  SELECT siren AS identifier, siren, NULL::VARCHAR AS lei, siren || '00015' AS siret, NULL::VARCHAR AS register_number,
    'Société ' || hash(i + 5) % 50000 AS name, []::VARCHAR[] AS other_names, NULL::VARCHAR AS category,
    '5499' AS legal_category, NULL::VARCHAR AS legal_form, printf('%02d.%02dZ', hash(i + 9) % 100, hash(i) % 100) AS activity,
    hash(i + 4) % 9 > 0 AS active, DATE '1990-01-01' + (hash(i + 3) % 12000)::INT AS created,
    (hash(i + 6) % 300)::VARCHAR || ' rue de la Gare' AS address, postal_code, 'Ville ' || postal_code AS city,
    postal_code AS commune_code, 'FR' AS country_code
  FROM (SELECT i, (s * 10 + (10 - ({LUHN}) % 10) % 10)::VARCHAR AS siren,
               printf('%05d', 1000 + hash(i + 2) % (CASE WHEN {{rows}} < 100 THEN 1 ELSE {{rows}} // 100 END)) AS postal_code
        FROM (SELECT i, (10000000 + i * 17)::BIGINT AS s FROM range({{rows}}) t(i)))
) TO '{{file}}' (FORMAT parquet)
"""
"""Legal persons who do not exist; a postal code has a hundred of them, about."""


@dataclass
class Bench:
    """What all cases share: the workspace, the rows, and servers, each started when a case first asks for it."""

    folder: Path
    seconds: float
    parquet: Path = Path()
    stack: ExitStack = field(default_factory=ExitStack)
    running: dict[str, tuple[Server, PostgreSqlServer | None]] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    warm: set[tuple[str, str]] = field(default_factory=set)  # who was asked what already
    given: int = 0  # answers of ours that were counted, and questions that may have been under way beside them
    open: int = 0

    @property
    def root(self) -> Path:
        """The workspace."""
        return self.folder / "workspace"

    def server(self, name: str) -> Server:
        """Return a server that runs, by its name."""
        if name not in self.running:
            database = self.stack.enter_context(postgresql(self.parquet)) if name == "fastapi" else None
            made = STARTS[name](self, database)
            self.running[name] = self.stack.enter_context(servers.pinned(made)), database
        return self.running[name][0]

    def used(self, name: str) -> Callable[[], float]:
        """Return what tells the CPU seconds of a server with its database."""
        server, database = self.server(name), self.running[name][1]
        return lambda: server.cpu() + (servers.cpu(database_pids(database)) if database else 0.0)

    def ask(self, name: str, lines: Sequence[str], connections: int, seconds: float | None = None) -> Told:
        """Load a server with questions; before the first time, with a little of the same that is not counted."""
        url, headers = self.server(name).url, self.headers if lines[0].startswith("/lookups/") else {}
        questions = Questions(url, lines, headers, min(map(len, sample(url, lines, headers))) // 2)
        answers = min(20, len(lines))
        if (name, lines[0]) not in self.warm:
            self.warm.add((name, lines[0]))
            answers += load(questions, self.used(name), self.folder, connections, 1).answers
        told = load(questions, self.used(name), self.folder, connections, seconds or self.seconds)
        if name == "gateway":
            self.given += answers + told.answers
            self.open += 2 * connections
        return told


STARTS: dict[str, Callable[[Bench, Any], Server]] = {
    "gateway": lambda bench, _: servers.gateway(bench.root),
    "datasette": lambda bench, _: servers.datasette(sqlite(bench.parquet, bench.folder / "companies.db")),
    "roapi": lambda bench, _: servers.roapi(bench.parquet),
    "fastapi": lambda _, database: servers.fastapi(database),
}
NAMES = {
    "gateway": "**Beffroi**", "datasette": "datasette", "roapi": "roapi", "fastapi": "FastAPI + asyncpg + PostgreSQL",
}  # fmt: skip


# --- the rows, for all of them ---------------------------------------------------------------------------------------


def prepare(bench: Bench, rows: int, soap: str, silent: str) -> None:
    """Make the register and the workspace, and run the dataset."""
    (bench.root / "datasets").mkdir(parents=True)
    (bench.root / "source").mkdir()
    (bench.root / "datasets" / "reference").symlink_to(ROOT / "datasets" / "reference")
    (bench.root / "beffroi.yaml").write_text(CONFIGURATION.format(soap=soap, silent=silent), encoding="utf-8")
    (bench.root / "datasets" / "companies.yaml").write_text(COMPANIES, encoding="utf-8")
    with duckdb.connect() as connection:
        connection.execute(REGISTER.format(rows=rows, file=bench.root / "source" / "companies.parquet"))
    workspace = Workspace(bench.root)
    run(workspace, "companies")
    version = versions.latest(workspace, "companies")
    assert version is not None
    assert version.rows == rows, f"{version.rows} rows of {rows} went through"
    bench.parquet = version.parquet
    table = pq.read_table(version.parquet)
    chosen = random.Random(1).sample(range(rows), min(rows, 20_000))
    bench.rows = table.take(chosen).to_pylist()
    with closing(Tokens(workspace)) as tokens:
        who = {"Beffroi-Agent": "m.dupont", "Beffroi-Case": "2026-0142"}
        bench.headers = {"Authorization": f"Bearer {tokens.issue('mairie')}", "Beffroi-Purpose": PURPOSE, **who}


def sqlite(parquet: Path, file: Path) -> Path:
    """Write the rows as an SQLite file with a primary key and an index."""
    table = pq.read_table(parquet)
    columns = ", ".join(
        f"{name} {'TEXT PRIMARY KEY' if name == 'identifier' else 'TEXT'}" for name in table.column_names
    )
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(f"CREATE TABLE companies ({columns})")
        for batch in table.to_batches(50_000):
            rows = ([json.dumps(v) if isinstance(v, list) else v for v in row.values()] for row in batch.to_pylist())
            text = ([str(v) if v is not None and not isinstance(v, (str, bool)) else v for v in row] for row in rows)
            database.executemany(f"INSERT INTO companies VALUES ({', '.join('?' * table.num_columns)})", text)
        database.execute("CREATE INDEX by_postal_code ON companies (postal_code)")
        database.execute("ANALYZE")
    return file


@contextmanager
def postgresql(parquet: Path) -> Iterator[PostgreSqlServer]:
    """Run a PostgreSQL with the rows, a primary key and an index, on the servers' core."""
    table = pq.read_table(parquet)
    kinds = {"other_names": "text[]", "active": "boolean", "created": "date"}
    columns = ", ".join(f"{name} {kinds.get(name, 'text')}" for name in table.column_names)
    with PostgreSqlServer() as server:
        servers.pin(database_pids(server))
        with server.connect() as owner:
            owner.execute(f"CREATE TABLE companies ({columns})".encode())
            with owner.cursor().copy("COPY companies FROM STDIN") as copy:
                for batch in table.to_batches(50_000):
                    for row in batch.to_pylist():
                        copy.write_row(list(row.values()))
            owner.execute("ALTER TABLE companies ADD PRIMARY KEY (identifier)")
            owner.execute("CREATE INDEX ON companies (postal_code)")
            owner.execute("VACUUM ANALYZE companies")
        yield server


def database_pids(server: PostgreSqlServer) -> list[int]:
    """Return PostgreSQL's processes."""
    return servers.family(server._process.pid)  # noqa: SLF001  # nobody else measures a peer


# --- one way to ask, for a first look --------------------------------------------------------------------------------


def get(url: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> bytes:
    """Return what a server answers. Raises RuntimeError for an error, with what is wrong."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers or {}), timeout=60) as response:
            answer: bytes = response.read()
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{url}: {error.code} {error.read()[:500].decode()}") from None
    return answer


def sample(url: str, lines: Sequence[str], headers: dict[str, str]) -> list[bytes]:
    """Return what a server answers to the first of many questions."""
    found = []
    for line in lines[:20]:
        path, _, body = line.partition(" ")
        found.append(get(url.rstrip("/") + path, headers, body.encode() if body else None))
    return found


def same(name: str, told: Any, row: dict[str, Any]) -> None:
    """Hold what a server told of a row against the row: the columns that all of them write in one way."""
    for column in ("identifier", "name", "postal_code", "created", "siret"):
        assert str(told[column])[:10] == str(row[column])[:10], f"{name} told another {column}: {told}"


def first(name: str, told: Any) -> Any:
    """Return the one row of an answer."""
    if name == "gateway":
        return told["data"]
    if name == "datasette":
        return told["rows"][0]
    return told[0] if name == "roapi" else told


# --- the table -------------------------------------------------------------------------------------------------------


def head(title: str, *columns: str) -> None:
    """Begin a table."""
    print(f"\n| {title} | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}", flush=True)


def show(
    bench: Bench,
    title: str,
    lines: dict[str, list[str]],
    goals: dict[str, float],
    kept: tuple[int, float] | None = None,
) -> None:
    """Ask every server in turns, at 32 and at 64 connections, and print what an answer costs of each, at best.

    `goals` are how many times as much another must cost; `kept` at how many connections our 99th
    percentile is how many milliseconds at most.
    """
    found: dict[str, dict[int, Told]] = {name: {} for name in lines}
    for _ in range(TURNS):
        for connections in (32, 64):
            for name, several in lines.items():
                told = bench.ask(name, several, connections)
                before = found[name].get(connections, told)
                found[name][connections] = replace(
                    told, cpu=min(told.each, before.each) * told.answers / 1e6, p50=min(told.p50, before.p50),
                    p99=min(told.p99, before.p99),
                )  # fmt: skip
    ours = min(told.each for told in found["gateway"].values())
    head(title, "CPU µs an answer", "answers / CPU s", "× ours", "goal", "p50, p99 ms at 32", "at 64")
    for name, by_connections in found.items():
        each = min(one.each for one in by_connections.values())
        times, goal = each / ours, goals.get(name)
        late = [f"{one.p50:.2f}, {one.p99:.2f}" for one in by_connections.values()]
        print(
            f"| {NAMES[name]} | {each:,.1f} | {1e6 / each:,.0f} | {times:,.2f} | {_goal(times, goal)} | {' | '.join(late)} |"
        )
        if goal is not None and times < goal:
            bench.missed.append(f"{title}: {times:.1f} × {name}, wanted {goal:g}")
    if kept is not None:
        connections, most = kept
        judge(bench, f"{title}: p99 in ms at {connections} connections", found["gateway"][connections].p99, most)


def _goal(times: float, goal: float | None) -> str:
    return "" if goal is None else f"≥ {goal:g}{'' if times >= goal else ', **missed**'}"


def judge(bench: Bench, what: str, found: float, most: float) -> None:
    """Say whether a figure keeps its bound."""
    said = f"{what}: {found:.2f}, wanted ≤ {most:g}{'' if found <= most else ', **missed**'}"
    print(f"\n{said}", flush=True)
    if found > most:
        bench.missed.append(said)


# --- open data -------------------------------------------------------------------------------------------------------


def row(bench: Bench) -> None:
    """A row by its key."""
    keys = [each["identifier"] for each in bench.rows]
    where = quote("filter[identifier]", safe="")
    ways = {
        "gateway": "/datasets/companies/rows/{}", "datasette": "/companies/companies/{}.json?_shape=objects",
        "fastapi": "/companies/{}", "roapi": f"/api/tables/companies?{where}='{{}}'",
    }  # fmt: skip
    lines = {name: [way.format(quote(key)) for key in keys] for name, way in ways.items()}
    for name, several in lines.items():
        for each, path in list(zip(bench.rows, several, strict=True))[:100]:
            same(name, first(name, json.loads(get(bench.server(name).url.rstrip("/") + path))), each)
    show(bench, "a public row by its key", lines, {"datasette": 20, "fastapi": 10}, (32, 5))


def filtered(bench: Bench) -> None:
    """The first hundred rows of a postal code."""
    codes = sorted({each["postal_code"] for each in bench.rows})
    where = quote("filter[postal_code]", safe="")
    ways = {
        "gateway": "/datasets/companies/rows?postal_code__exact={}&limit=100",
        "datasette": "/companies/companies.json?postal_code__exact={}&_size=100&_shape=array&_nocount=1&_nofacet=1",
        "fastapi": "/companies?postal_code={}&limit=100",
        "roapi": f"/api/tables/companies?{where}='{{}}'&limit=100",
    }
    lines = {name: [way.format(code) for code in codes] for name, way in ways.items()}
    counted = {}
    for name, several in lines.items():
        told = json.loads(get(bench.server(name).url.rstrip("/") + several[0]))
        rows = told["data"] if name == "gateway" else told
        assert {each["postal_code"] for each in rows} == {codes[0]}, f"{name} told other rows"
        counted[name] = len(rows)
    assert len(set(counted.values())) == 1, f"not as many rows from each: {counted}"
    show(bench, f"a hundred rows by an indexed column ({counted['gateway']})", lines, {})


def count(bench: Bench) -> None:
    """How many rows there are. (Other aggregates the gateway does not offer: its files are for those.)"""
    lines = {
        "gateway": ["/datasets/companies"], "datasette": ["/companies.json?sql=select+count(*)+from+companies&_shape=array"],
        "fastapi": ["/count"],
    }  # fmt: skip
    for name, [path] in lines.items():
        assert str(pq.read_metadata(bench.parquet).num_rows) in get(bench.server(name).url.rstrip("/") + path).decode()
    show(bench, "how many rows there are", lines, {})


def export(bench: Bench) -> None:
    """All rows as CSV, one reader after another."""
    flat = ",".join(name for name in bench.rows[0] if name != "other_names")  # of lists roapi makes no CSV
    ways = {
        "gateway": "/datasets/companies/latest/companies.csv", "datasette": "/companies/companies.csv?_stream=on",
        "fastapi": "/companies.csv", "roapi": f"/api/tables/companies?columns={flat}",
    }  # fmt: skip
    head("all rows as CSV", "CPU s", "wall s", "MB", "CPU × ours")
    ours, rows = 0.0, pq.read_metadata(bench.parquet).num_rows
    for name, path in ways.items():
        used, url = bench.used(name), bench.server(name).url.rstrip("/") + path
        before, began, times, size = used(), time.perf_counter(), 0, 0
        while times < 2 or time.perf_counter() < began + bench.seconds:
            size, lines = fetched(url, {"Accept": "application/csv" if name == "roapi" else "text/csv"})
            assert lines == rows + 1, f"{name} told {lines} lines"
            times += 1
        each, wall = (used() - before) / times, (time.perf_counter() - began) / times
        ours = ours or each
        print(f"| {NAMES[name]} | {each:.3f} | {wall:.3f} | {size / 1e6:,.0f} | {each / ours:,.1f} |", flush=True)


def fetched(url: str, headers: dict[str, str]) -> tuple[int, int]:
    """Fetch a file, and return its bytes and its lines."""
    size = lines = 0
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=600) as response:
        while part := response.read(1 << 20):
            size, lines = size + len(part), lines + part.count(b"\n")
    return size, lines


# --- lookups ---------------------------------------------------------------------------------------------------------


def lookup(bench: Bench) -> None:
    """A local register, asked with a token for a purpose, journaled and signed for; beside FastAPI without any of that."""
    keys = [each["siren"] for each in bench.rows]
    bench.headers["Beffroi-Receipt"] = "yes"
    url = bench.server("gateway").url
    answer = get(f"{url}lookups/company/siren:{keys[0]}", bench.headers)
    same("gateway", json.loads(answer)["data"], bench.rows[0])
    (bench.folder / "answer.json").write_bytes(answer)
    command(bench, "receipt", "verify", str(bench.folder / "answer.json"), "--journal")
    lines = {
        "gateway": [f"/lookups/company/siren:{key}" for key in keys],
        "fastapi": [f"/companies/{key}" for key in keys],
    }
    with journaled(bench):
        show(bench, "a lookup: token, grant, journal, receipt", lines, {"fastapi": 3}, (64, 25))
    del bench.headers["Beffroi-Receipt"]


def command(bench: Bench, *arguments: str) -> None:
    """Run a command of ours on the workspace. Raises CalledProcessError where it does not hold."""
    given = [sys.executable, "-m", "gateway", "--workspace", str(bench.root), *arguments]
    subprocess.run(given, check=True, capture_output=True)


@contextmanager
def journaled(bench: Bench) -> Iterator[None]:
    """Hold every answer that a block gets against the journal, and the journal against itself.

    A question that was under way when its asker went is there too, and was not answered: one a connection and load.
    """
    bench.server("gateway")  # which makes its journal
    before, bench.given, bench.open = entries(bench), 0, 0
    yield
    more = entries(bench) - before
    command(bench, "journal", "verify")
    print(f"\n{bench.given:,} answers, {more:,} entries in the journal, which verifies.")
    assert bench.given <= more <= bench.given + bench.open, "answers and entries differ"


def entries(bench: Bench) -> int:
    """Return how many entries the journal has."""
    with closing(sqlite3.connect(f"file:{bench.root}/.beffroi/journal.db?mode=ro", uri=True)) as database:
        found: int = database.execute("SELECT count(*) FROM entries").fetchone()[0]
    return found


def soap(bench: Bench) -> None:
    """A person of a live SOAP register, through the gateway; beside the same call by zeep alone."""
    [person] = pq.read_table(ROOT / "datasets/reference/persons.parquet").slice(0, 1).to_pylist()
    body = json.dumps({"identifier": f"nir:{person['nir']}"}, separators=(",", ":"))
    lines = [f"/lookups/person {body}"]
    kind = {"Content-Type": "application/json"}
    told = json.loads(get(bench.server("gateway").url + "lookups/person", bench.headers | kind, body.encode()))
    assert told["data"]["birth_name"] == person["birth_name"]
    asked = Workspace(bench.root).registries["civil"].settings.model_dump()["url"]
    client = zeep.Client(str(WSDL))  # type: ignore[no-untyped-call]
    service = client.create_service(next(iter(client.wsdl.bindings)), asked)  # type: ignore[no-untyped-call]
    assert service["GetPerson"](nir=person["nir"])["birthName"] == person["birth_name"]
    ours, theirs = [], []
    bench.headers |= kind
    with journaled(bench):
        for _ in range(3):
            ours.append(bench.ask("gateway", lines, 4, max(1, bench.seconds / 2)))
            began, until, calls = time.process_time(), time.monotonic() + max(1, bench.seconds / 2), 0
            while time.monotonic() < until:
                service["GetPerson"](nir=person["nir"])
                calls += 1
            theirs.append((time.process_time() - began) / calls * 1e6)
    del bench.headers["Content-Type"]
    head("a live SOAP lookup", "CPU µs", "p50 ms at 4")
    best = min(ours, key=lambda one: one.each)
    print(f"| **Beffroi**: token, grant, journal; validated | {best.each:,.0f} | {best.p50:.2f} |")
    print(f"| zeep alone: not validated | {min(theirs):,.0f} | |")
    judge(bench, "a live SOAP lookup, times zeep's CPU", best.each / min(theirs), 1.15)


# --- a registry that hangs, and a long day ---------------------------------------------------------------------------


def hanging(bench: Bench) -> None:
    """Lookups of a registry that answers, without 500 callers of one that hangs for 30 s and with them, in turns.

    `python -m benchmarks.hanging` tells the same of the pools alone.
    """
    codes = [f"010{number:02d}" for number in (1, 2, 4, 5, 6, 7, 8, 9, 10, 11)]
    lines = [f"/lookups/commune/{code}" for code in codes]
    found: dict[bool, list[Told]] = {False: [], True: []}
    for _ in range(2):
        for crowded in (False, True):
            with crowd(bench, 500 if crowded else 0):
                found[crowded].append(bench.ask("gateway", lines, 16, min(bench.seconds, 10)))
    head("lookups of a registry, 16 at once", "p50 ms", "p99 ms", "CPU µs")
    for crowded, name in ((False, "nobody else"), (True, "500 callers wait for one that hangs")):
        best = min(found[crowded], key=lambda one: one.p99)
        print(f"| {name} | {best.p50:.2f} | {best.p99:.2f} | {best.each:,.0f} |")
    ratio = min(one.p99 for one in found[True]) / min(one.p99 for one in found[False])
    judge(bench, "99th percentile, times without", ratio, 2)


@contextmanager
def crowd(bench: Bench, callers: int) -> Iterator[None]:
    """Have so many callers wait for the registry that hangs."""
    place = urlsplit(bench.server("gateway").url)
    headers = "".join(f"{name}: {value}\r\n" for name, value in bench.headers.items())
    question = f"GET /lookups/hanging/01001 HTTP/1.1\r\nHost: {place.netloc}\r\n{headers}\r\n"
    with ExitStack() as stack:
        waiting = []
        for number in range(callers):
            one = stack.enter_context(socket.create_connection((place.hostname, place.port)))
            one.sendall(question.replace("01001", f"{1001 + number:05d}").encode())
            waiting.append(one)
        time.sleep(1 if callers else 0)
        yield
        answered = select.select(waiting, [], [], 0)[0]
        assert not answered, f"{len(answered)} of the callers wait no more: {answered[0].recv(1000)!r}"


def sustained(bench: Bench) -> None:
    """A minute of lookups, each journaled and signed for, and what that is in visits."""
    bench.headers["Beffroi-Receipt"] = "yes"
    with journaled(bench):
        told = bench.ask(
            "gateway", [f"/lookups/company/siren:{each['siren']}" for each in bench.rows], 32, 12 * bench.seconds
        )
    del bench.headers["Beffroi-Receipt"]
    rate = told.answers / told.seconds
    year = 220 * 8 * 3600  # seconds of a working year
    print(
        f"\n{told.answers:,} lookups in {told.seconds:.0f} s on one core, p99 {told.p99:.1f} ms: {rate:,.0f} a second. Of"
        f" {LOOKUPS} lookups a visit, in the hours of offices, that is {rate * year / LOOKUPS / 1e6:,.0f} million visits a"
        f" year; 2 million visits are {2e6 * LOOKUPS / year:.1f} lookups a second."
    )


LOOKUPS = 5
"""Lookups that one visit may take: a person, an address, a household, a parcel, a company."""

CASES: dict[str, Callable[[Bench], None]] = {
    "row": row, "filter": filtered, "count": count, "export": export, "lookup": lookup, "soap": soap,
    "sustained": sustained, "hanging": hanging,  # who waits there is journaled when all is over: nothing is counted after it
}  # fmt: skip


def main() -> None:
    """Make the rows, run the cases, and say what was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="all, where none is named")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the register")
    parser.add_argument("--seconds", type=float, default=5, help="how long each server is asked, each time")
    asked = parser.parse_args()
    if unknown := set(asked.cases) - set(CASES):
        parser.error(f"there is no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    os.sched_setaffinity(0, servers.CLIENT)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="beffroi-bench-")))
        bench = Bench(folder, asked.seconds, stack=stack)
        persons = pq.read_table(ROOT / "datasets/reference/persons.parquet").slice(0, 1).to_pylist()
        (folder / "persons.json").write_text(json.dumps(persons, default=str))
        register = stack.enter_context(SoapServer(folder / "persons.json"))
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1024))
        prepare(bench, asked.rows, register.url, f"http://127.0.0.1:{silent.getsockname()[1]}")
        sandbox.start(bench.root, ["communes"], tied=True)
        stack.callback(sandbox.stop, bench.root)
        where = "the same" if servers.SERVER == servers.CLIENT else "another"
        print(f"{asked.rows:,} rows; a server and its database on one core, wrk on {where}.")
        if (others := os.getloadavg()[0] - 1) > 0.5:
            print(f"About {others:.1f} other processes want the cores: CPU is dearer so, and latencies tell nothing.")
        for name in sorted(asked.cases or CASES, key=list(CASES).index):  # who waits in `hanging` is journaled late
            CASES[name](bench)
        print(f"\n{'Missed: ' + '; '.join(bench.missed) if bench.missed else 'No goal was missed'}.")


if __name__ == "__main__":
    main()
