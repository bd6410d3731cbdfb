"""Every fault of the proxy × every kind of provider × every way of asking: each answer is right, or a correct problem.

What a source says without a fault is the truth. Under a fault nobody is told another record, a part of one, or that it
does not exist; nobody waits past the deadline; each answer has its entry on the journal, with the same outcome.
`make soak` gives each source a fault of its own, at random, again and again, and tells how many answers it judged.
"""

import contextlib
import json
import logging
import random
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from connectors.errors import BeffroiError
from gateway import problems, receipts
from gateway.journal import verify
from gateway.lookups.many import FEW
from gateway.receipt_keys import public
from pipelines.run import run
from pipelines.workspace import Workspace
from tests.effort import times
from tests.gateway.conftest import Gateway, Reply, ask
from tests.peers.canned import Canned
from tests.peers.fault_proxy import FaultProxy
from tests.peers.mariadb.peer import SECRET, MariaDbServer
from tests.peers.postgresql.peer import PASSWORD, PostgreSqlServer

DEADLINE, MARGIN, SHORT = 0.7, 1.5, 0.02
"""Seconds that a lookup has, that it may be late by on a machine that does much else, and that harm nobody."""

HTTP = (
    "none", f"latency:{SHORT}", "latency:3", "refuse", "reset", "cut", "drip", "blackhole", "garbage", "html", "short",
    "double", "other", "type", "status:401", "status:404", "status:429", "status:500", "status:503",
)  # fmt: skip
BYTES = ("reset", "cut", "garbage", "blackhole", "drip")
"""Faults of a database, each after so many bytes: within the greeting, the password, or the answer."""

SILENT = {"late", "down", "busy"}
ALLOWED: dict[str, set[str]] = {
    "none": set(), "latency": SILENT, "refuse": {"down"}, "drip": SILENT, "blackhole": SILENT,
    "status:401": {"refused-us"}, "status:429": {"busy"}, "status:503": SILENT,
}  # fmt: skip
"""The problems that a fault may end in; any other fault leaves what cannot be read, or nobody to read."""

DEAD = {
    "refuse", "blackhole", "drip", "latency:3", "garbage", "html", "cut", "reset", "short", "status:401", "status:404",
    "status:500", "status:503",
}  # fmt: skip
"""Faults under which nothing can be learnt of a source over HTTP: who says that it answered, made it up."""

SOURCES = {
    "rest": ("town",),
    "soap": ("person", "resident", "kept", "brief"),
    "postgresql": ("pupil",),
    "mariadb": ("garden",),
}
"""The lookups that each source answers, and where it cannot, its copy (`resident`), or what is kept of it (`kept`)."""

COPIED = ("resident", "kept", "shop")
"""Lookups that a copy, or what was kept, answers in any case."""

MORE = """
  rest:
    kind: rest
    url: '{rest}'
    personal: false
    limits: {{deadline: {deadline}}}
    answers: [{{status: 404, text: Not Found, is: not-found}}]
    lookup:
      record: Town
      identifier: {{scheme: insee, pattern: '(?P<insee>\\d{{5}})'}}
      path: communes/{{insee}}
      query: {{fields: 'code,nom,population,codesPostaux'}}
      same: code
      fields:
        code: code
        name: nom
        population: {{type: integer}}
        postal_codes: {{from: codesPostaux, type: array}}
  postgresql:
    kind: sql
    url: postgresql://reader@127.0.0.1:{postgresql}/postgres
    password: ${{PG_SECRET}}
    limits: {{deadline: {deadline}}}
    lookup: {{record: Pupil, {row}}}
  mariadb:
    kind: sql
    url: mariadb://reader@127.0.0.1:{mariadb}/faults
    password: ${{MARIA_SECRET}}
    limits: {{deadline: {deadline}}}
    lookup: {{record: Garden, {row}}}
  web:
    kind: files
    url: {web}
    tables: {{shops: {{file: shops.csv, seconds: {deadline}}}}}
purposes:"""
ROW = (
    "identifier: {scheme: no, pattern: 'N\\d{4}'}, table: places, key: code,"
    " fields: {code: code, name: name, budget: {type: number}, since: {type: date}}"
)
PLACES = [(f"N{n:04}", f"Été {n}", f"{n}.50", f"19{n:02}-03-01") for n in range(10, 40)]
TABLE = "CREATE TABLE places (code varchar(10) PRIMARY KEY, name varchar(40), budget numeric(14, 2), since date)"
LOOKUPS = """
lookups:
  town: {{record: Town, deadline: {deadline}, providers: [{{registry: rest}}]}}
  kept: {{record: Person, deadline: {deadline}, cache: {{seconds: 0.01, stale: 600}}, providers: [{{registry: civil}}]}}
  brief: {{record: Person, deadline: {deadline}, cache: {{seconds: 0.01}}, providers: [{{registry: civil}}]}}
  pupil: {{record: Pupil, deadline: {deadline}, providers: [{{registry: postgresql}}]}}
  garden: {{record: Garden, deadline: {deadline}, providers: [{{registry: mariadb}}]}}
  shop: {{providers: [{{dataset: shops}}]}}
"""
SHOPS = """
title: Boutiques
owner: ville
audience: agents
source: {registry: web, table: shops}
schema:
  fields: [{name: id}, {name: name}, {name: lot}]
  primaryKey: id
expect:
  rows: {min: 200}
"""


class Told(NamedTuple):
    """What became of one question: its lookup, the identifier, the status, and `data`, `verified` or a problem."""

    lookup: str
    identifier: str
    status: int
    said: dict[str, Any]

    @property
    def code(self) -> str:
        return "found" if self.status == 200 else str(self.said["type"]).removeprefix("urn:beffroi:problem:")


Journaled = tuple[str, str, int]
"""What the journal says of one question: its lookup, its outcome, its status."""


class Campaign:
    """A gateway over one source of each kind, each behind a proxy, and what is true of whom it is asked."""

    def __init__(self, gateway: Gateway, proxies: dict[str, FaultProxy], asked: dict[str, list[str]]) -> None:
        self.gateway, self.proxies, self.asked = gateway, proxies, asked
        self.faults = dict.fromkeys(proxies, "none")
        self.told, self.calls = Counter[tuple[str, str]](), 0
        self._agents, self._asked, self._last = count(), dict[str, Counter[Journaled]](), 0
        self._keys = public(json.dumps(gateway.service.receipts.keys.jwks()).encode())
        for application in ("mairie", "ecole"):  # so that their tokens are there before several threads ask for them
            gateway.headers(application)
        self.truth = {
            (name, each): ask(gateway.url, "POST", f"/lookups/{name}", gateway.headers("mairie"), {"identifier": each})
            .json["data"]
            for name, identifiers in asked.items()
            for each in identifiers
        }  # fmt: skip

    # --- the ways of asking ---

    def one(self, name: str) -> None:
        identifier = self.asked[name][0]
        reply, agent = self._post(f"/lookups/{name}", {"identifier": identifier})
        self._judge([_single(name, identifier, reply)], agent)

    def fewer(self) -> None:
        """Ask what `one` asks, at the same time, by an application that may see one field; with a receipt."""
        identifier = self.asked["person"][0]
        body = {"identifier": identifier}
        reply, agent = self._post("/lookups/person", body, application="ecole", Beffroi_Receipt="yes")
        if reply.status == 200:
            told = reply.json
            assert told["data"] == {"sex": self.truth["person", identifier]["sex"]}
            claims, salt = receipts.read(told["meta"]["receipt"], self._keys)
            assert (claims.application, receipts.told(claims, salt, told["data"])) == ("ecole", True)
            assert receipts.asked_for(claims, salt, f"nir:{identifier}")
            self._asked[agent] = Counter([("lookup:person", "found", 200)])
        else:
            self._judge([_single("person", identifier, reply)], agent)

    def verified(self, name: str) -> None:
        identifier = self.asked[name][1]
        reply, agent = self._post(f"/lookups/{name}", {"identifier": identifier, "verify": self._guesses(name)})
        self._judge([_single(name, identifier, reply)], agent)

    def bulk(self, name: str) -> None:
        identifiers = self.asked[name][1:3]
        seconds = DEADLINE * len(identifiers) * len(SOURCES["soap"])  # all lookups of one source share its places
        reply, agent = self._post(f"/lookups/{name}", {"identifiers": identifiers}, seconds)
        assert reply.status == 200, reply.body
        rows = reply.json["data"]
        assert [row["row"] for row in rows] == list(range(1, len(identifiers) + 1)), "all rows, in their order"
        told = [_of_row(name, each, row) for each, row in zip(identifiers, rows, strict=True)]
        self._judge(told, agent)

    def together(self) -> None:
        parts: list[dict[str, Any]] = [{"lookup": name, "identifier": each[2]} for name, each in self.asked.items()]
        reply, agent = self._post("/lookups", parts)
        assert reply.status == 200, reply.body
        outcomes, meta = reply.json["data"], reply.json["meta"]
        assert [each["lookup"] for each in outcomes] == list(self.asked)
        answered = sum(each["status"] == 200 for each in outcomes)
        assert meta == {"asked": len(parts), "answered": answered, "partial": answered < len(parts)}
        told = [
            Told(part["lookup"], part["identifier"], each["status"], each.get("problem", each))
            for part, each in zip(parts, outcomes, strict=True)
        ]
        self._judge(told, agent)

    def round(self, faults: dict[str, str]) -> None:
        """Ask each lookup in each way at the same time, each source with its fault; then see that all is well again."""
        self.faults = {name: faults.get(name, "none") for name in self.proxies}
        for source, fault in self.faults.items():
            self.proxies[source].fault = fault
        ways: list[Callable[[], None]] = [self.together, self.fewer]
        ways += [partial(way, name) for way in (self.one, self.verified) for name in self.asked]
        with ThreadPoolExecutor(32) as threads:
            many = [threads.submit(self.bulk, name) for name in self.asked]
            for done in [threads.submit(way) for way in ways]:
                done.result()
            for source, fault in self.faults.items():
                if fault == "status:429":  # who asks for many waits as long as a source is busy
                    self.proxies[source].fault = "none"
            for each in many:
                each.result()
        for proxy in self.proxies.values():
            proxy.fault = "none"
        self._recovers()
        self._hold_journal()

    def jobs(self, faults: dict[str, list[str]]) -> None:
        """Ask each source for so many rows that they are a job, while one fault after the other comes over it, and goes."""
        broken = 77
        rows = {
            name: [self.asked[name][n % 4] for n in range(FEW + 40)] for name in ("town", "person", "pupil", "garden")
        }
        accepted = {}
        for name, identifiers in rows.items():
            identifiers[broken] = "?"
            accepted[name] = self._post(f"/lookups/{name}", {"identifiers": identifiers})
        for at_once in zip(*faults.values(), strict=True):
            for source, fault in zip(faults, at_once, strict=True):
                self.proxies[source].fault = fault
            time.sleep(0.4)
        for proxy in self.proxies.values():
            proxy.fault = "none"
        for source, told in faults.items():
            name = next(name for name in rows if name in SOURCES[source])
            reply, agent = accepted[name]
            assert reply.status == 202, reply.body
            outcomes = self._result(reply.headers["location"], agent)
            assert [row["row"] for row in outcomes] == list(range(1, len(rows[name]) + 1)), "none lost, none doubled"
            assert outcomes.pop(broken)["outcome"] == "malformed-identifier"
            rows[name].pop(broken)
            told = [*told, "cut"]  # what is under way when a fault changes
            judged = [_of_row(name, each, row) for each, row in zip(rows[name], outcomes, strict=True)]
            for each in judged:
                where = f"one of {told} under a job of {name}: {each.status} {json.dumps(each.said)[:600]}"
                self._hold_right(each, where) if each.status == 200 else self._hold_problem(each, told, where)
                self.told["in a job", each.code] += 1
            kinds = Counter((f"lookup:{name}", each.code, each.status) for each in judged)
            kinds.update([(f"lookup:{name}", "malformed-identifier", 422), (f"lookup:{name}", "found", 200)])
            self._asked[agent] = kinds  # the last is that its result was fetched
        self._recovers()
        self._hold_journal()

    def _result(self, job: str, agent: str) -> list[dict[str, Any]]:
        headers = self.gateway.headers("mairie") | {"Beffroi-Agent": agent, "Beffroi-Case": agent}
        until = time.monotonic() + 120
        while (reply := ask(self.gateway.url, "GET", job, headers)).json["data"]["state"] != "done":
            assert time.monotonic() < until, reply.body
            time.sleep(0.05)
        told: list[dict[str, Any]] = ask(self.gateway.url, "GET", f"{job}/result", headers).json["data"]
        return told

    def _recovers(self) -> None:
        """See that each source answers again, once it is asked again."""
        until = time.monotonic() + 30
        for name in ("town", "person", "pupil", "garden"):
            while (reply := self._post(f"/lookups/{name}", {"identifier": self.asked[name][3]})[0]).status != 200:
                assert time.monotonic() < until, reply.body
                time.sleep(0.2)

    # --- the law ---

    def _judge(self, told: list[Told], agent: str) -> None:
        for each in told:
            fault = next((self.faults[source] for source, names in SOURCES.items() if each.lookup in names), "none")
            where = f"{fault} under {each.lookup}: {each.status} {json.dumps(each.said)[:600]}"
            if each.status == 200:
                assert fault not in DEAD or each.lookup in COPIED, f"nobody said that: {where}"
                self._hold_right(each, where)
            else:
                self._hold_problem(each, [fault], where)
            self.told[fault if fault in HTTP else fault.partition(":")[0], each.code] += 1
        self._asked[agent] = Counter((f"lookup:{each.lookup}", each.code, each.status) for each in told)

    def _hold_journal(self) -> None:
        """Each answer since the last time has its entry, and no entry is of another."""
        found: dict[str, Counter[Journaled]] = {}
        with closing(sqlite3.connect(self.gateway.root / ".beffroi" / "journal.db")) as database:
            asked = "SELECT number, entry FROM entries WHERE number > ? ORDER BY number"
            rows = database.execute(asked, (self._last,)).fetchall()
        for number, text in rows:
            entry, self._last = json.loads(text), number
            if entry["agent"] in self._asked:
                told = (entry["resource"], entry["outcome"], entry["status"])
                found.setdefault(entry["agent"], Counter()).update([told])
        assert found == self._asked
        self._asked.clear()

    def _hold_right(self, each: Told, where: str) -> None:
        truth = self.truth[each.lookup, each.identifier]
        assert each.said["meta"].get("cached") != "stale" or each.lookup == "kept", where
        if "verified" in each.said:
            assert {name: one["match"] for name, one in each.said["verified"].items()} == dict(
                zip(self._guesses(each.lookup), ("yes", "no"), strict=True)
            ), where
            return
        assert each.said["data"] == truth, where

    def _hold_problem(self, each: Told, faults: list[str], where: str) -> None:
        assert each.status >= 400, where
        assert each.lookup not in COPIED, f"there is a copy, or what is kept: {where}"
        assert {"type", "title", "status", "detail", "fault", "todo"} <= set(each.said), where
        assert "data" not in each.said, where
        assert each.identifier not in json.dumps(each.said), where
        code, kind = each.code, next(kind for kind in problems.STATUS if kind.code == each.code)
        assert (each.status, each.said["status"], each.said["fault"]) == (problems.STATUS[kind],) * 2 + (kind.fault,), (
            where
        )
        assert each.status != 503 or each.said["retry_in"] > 0, where
        if code == "down" and "is not asked for now" in each.said["detail"]:  # the breaker, which the fault opened
            return
        fitting = {"late", "busy"}.union(
            *(ALLOWED.get(fault, ALLOWED.get(fault.partition(":")[0], SILENT | {"unreadable"})) for fault in faults)
        )
        assert code in fitting, where  # a machine that does much else may be late with anything

    # --- the parts ---

    def _post(
        self, path: str, body: Any, seconds: float = DEADLINE, application: str = "mairie", **more: str
    ) -> tuple[Reply, str]:
        agent = f"a{next(self._agents)}"
        headers = self.gateway.headers(application) | {"Beffroi-Agent": agent, "Beffroi-Case": agent}
        given = {name.replace("_", "-"): text for name, text in more.items()}
        began = time.monotonic()
        reply = ask(self.gateway.url, "POST", path, headers | given, body)
        took = time.monotonic() - began
        assert took < seconds + MARGIN, f"{path} took {took:.1f} s of {seconds}"
        self.calls += 1
        if reply.status == 503:
            assert int(reply.headers["retry-after"]) > 0
        return reply, agent

    def _guesses(self, name: str) -> dict[str, Any]:
        """Return two beliefs of the second whom a lookup is asked of: a right one, and a wrong one."""
        truth = self.truth[name, self.asked[name][1]]
        right = next(field for field in ("name", "birth_name") if field in truth)
        wrong = next(field for field in ("birth_date", "since", "population", "lot") if field in truth)
        return {right: truth[right], wrong: {"population": 7, "lot": "777"}.get(wrong, "1801-01-01")}


def _single(name: str, identifier: str, reply: Reply) -> Told:
    assert reply.headers["content-type"] == ("application/json" if reply.status == 200 else problems.MEDIA_TYPE)
    return Told(name, identifier, reply.status, reply.json)


def _of_row(name: str, identifier: str, row: dict[str, Any]) -> Told:
    """Return what became of a row of many, which says less of a problem than an answer of its own does."""
    if row["outcome"] == "found":
        return Told(name, identifier, 200, row)
    kind = next(kind for kind in problems.STATUS if kind.code == row["outcome"])
    status = int(problems.STATUS[kind])
    told = {"type": f"urn:beffroi:problem:{kind.code}", "title": kind.title, "status": status, "retry_in": 1}
    return Told(name, identifier, status, told | row["problem"])


class _Log(logging.Handler):
    """Keeps all that is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += f"{record.getMessage()} {record.exc_text}\n"


@pytest.fixture(scope="module")
def web() -> Iterator[Canned]:
    """Where the shops' file is: their names say which edition it is."""
    with Canned() as server:
        yield server


def edition(web: Canned, number: int) -> None:
    rows = "".join(f"S{n},Boutique {n},{number}\n" for n in range(300))
    web.say(f"id,name,lot\n{rows}".encode(), "text/csv")


@pytest.fixture(scope="module")
def campaign(
    template: Path, tmp_path_factory: pytest.TempPathFactory, proxies: dict[str, FaultProxy], nirs: list[str],
    postgresql: PostgreSqlServer, mariadb: MariaDbServer, web: Canned,
) -> Iterator[Campaign]:  # fmt: skip
    root = Path(shutil.copytree(template, tmp_path_factory.mktemp("faults") / "workspace"))
    values = ", ".join(map(str, PLACES))
    with closing(postgresql.connect()) as owner:
        _run(owner, TABLE, f"INSERT INTO places VALUES {values}", "GRANT SELECT ON places TO reader")
    mariadb.run(["CREATE DATABASE faults", "GRANT SELECT ON faults.* TO 'reader'@'%'"])
    mariadb.run([TABLE, f"INSERT INTO places VALUES {values}"], "faults")
    with ExitStack() as stack:
        ports = {"postgresql": postgresql.port, "mariadb": mariadb.port, "web": int(web.url.rpartition(":")[2])}
        ours = {name: stack.enter_context(FaultProxy("127.0.0.1", port)) for name, port in ports.items()}
        ours |= {"rest": proxies["communes"], "soap": proxies["civil"]}
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        environment.setenv("PG_SECRET", PASSWORD)
        environment.setenv("MARIA_SECRET", SECRET)
        _declare(root, ours)
        edition(web, 0)
        run(Workspace(root), "shops")
        log = _Log()
        logging.getLogger().addHandler(log)
        stack.callback(logging.getLogger().removeHandler, log)
        asked = dict.fromkeys(SOURCES["soap"], nirs[:4]) | {
            "town": ["80021", "75056", "01001", "13055"], "pupil": [place[0] for place in PLACES[:4]],
            "garden": [place[0] for place in PLACES[4:8]], "shop": ["S1", "S22", "S133", "S299"],
        }  # fmt: skip
        with Gateway(root) as gateway:
            found = Campaign(gateway, ours, asked)
            yield found
            for proxy in ours.values():
                proxy.fault = "none"
        print(f"\n{found.calls} calls, {found.told.total()} answers judged")
        for fault in sorted({fault for fault, _ in found.told}):
            print(
                f"{fault}: {', '.join(f'{code} {n}' for (one, code), n in sorted(found.told.items()) if one == fault)}"
            )
        assert verify(root / ".beffroi" / "journal.db").whole
        assert not [nir for nir in nirs[:4] if nir in log.text], "a personal identifier is in the log"
        assert "unforeseen" not in log.text, log.text


def _run(owner: "psycopg.Connection[Any]", *statements: str) -> None:
    for statement in statements:
        owner.execute(statement)


def _declare(root: Path, ours: dict[str, FaultProxy]) -> None:
    """Add our sources and lookups to the workspace, and grants on them all."""
    file = root / "beffroi.yaml"
    said = {name: proxy.port if name in ("postgresql", "mariadb") else proxy.url for name, proxy in ours.items()}
    more = MORE.format(**said, deadline=DEADLINE, row=ROW)
    lookups = LOOKUPS.format(deadline=DEADLINE)
    grants = "".join(
        f"\n          - {{lookup: {name}, fields: '*', purposes: [inscription-scolaire]}}"
        for name in ("town", "kept", "brief", "pupil", "garden", "shop")
    )
    text = file.read_text(encoding="utf-8").replace("\npurposes:", more).replace("\nlookups:\n", lookups)
    fewer = "      ecole:\n        title: École\n        grants:\n"
    sex = "          - {lookup: person, fields: [sex], purposes: [inscription-scolaire]}\n"
    text = text.replace(fewer, fewer + sex)
    text = text.replace("deadline: 1\n", f"deadline: {DEADLINE}\n").replace("grants:", f"grants:{grants}", 1)
    text = text.replace("civil_register, ", f"civil_register, limits: {{concurrency: 16, deadline: {DEADLINE}}}, ")
    file.write_text(text, encoding="utf-8")
    (root / "datasets" / "shops.yaml").write_text(SHOPS, encoding="utf-8")


@pytest.mark.parametrize("fault", [fault for fault in HTTP if fault not in ("latency:3", "status:500")])
def test_a_fault_of_every_source(campaign: Campaign, fault: str) -> None:
    """What databases have at the same time is theirs, after few bytes or many: they do not speak HTTP."""
    kind, chance = fault.partition(":")[0], random.Random(fault)
    if kind in ("none", "latency", "refuse"):
        theirs = {"postgresql": fault, "mariadb": fault}
    else:
        theirs = {name: _of_bytes(chance, kind if kind in BYTES else None) for name in ("postgresql", "mariadb")}
    campaign.round({"rest": fault, "soap": fault, **theirs})


def _of_bytes(chance: random.Random, kind: str | None = None) -> str:
    return f"{kind or chance.choice(BYTES)}:{chance.randrange(1, 900)}"


@pytest.mark.soak
def test_each_source_has_a_fault_of_its_own(campaign: Campaign) -> None:
    chance = random.Random()
    for _ in range(times(1)):
        plain = [fault for fault in HTTP if fault.partition(":")[0] in ("none", "latency", "refuse")]
        faults = {name: chance.choice(HTTP) for name in ("rest", "soap")}
        faults |= {name: chance.choice([*plain, _of_bytes(chance)]) for name in ("postgresql", "mariadb")}
        campaign.round(faults)


@pytest.mark.soak
def test_jobs_of_many_rows_lose_none(campaign: Campaign) -> None:
    chance = random.Random()
    for _ in range(max(1, times(1) // 5)):
        faults = {name: [chance.choice(HTTP) for _ in range(3)] for name in ("rest", "soap")}
        faults |= {name: [_of_bytes(chance) for _ in range(3)] for name in ("postgresql", "mariadb")}
        campaign.jobs(faults)


@pytest.mark.soak
def test_files_over_http_give_a_whole_version_or_none(campaign: Campaign, web: Canned) -> None:
    """Whatever becomes of the file on its way, the lookup answers from one edition, whole: the new or the last."""
    few = ("cut", "short", "status:500", "none")
    for number in range(1, max(len(few), times(1) // 6) + 1):
        fault = HTTP[number % len(HTTP)] if times(1) > 1 else few[number - 1]
        before = campaign.truth["shop", "S1"]["lot"]
        edition(web, number)
        campaign.proxies["web"].fault = fault
        with contextlib.suppress(BeffroiError):
            run(Workspace(campaign.gateway.root), "shops")
        campaign.proxies["web"].fault = "none"
        lots = {_lot(campaign, each) for each in campaign.asked["shop"]}
        assert lots in ({before}, {str(number)}), f"{fault}: rows of two editions, or of none: {lots}"
        assert fault != "none" or lots == {str(number)}
        assert fault in ("none", f"latency:{SHORT}", "double", "other", "type") or lots == {before}, fault
        for each in campaign.asked["shop"]:
            campaign.truth["shop", each]["lot"] = min(lots)
        campaign.bulk("shop")


def _lot(campaign: Campaign, identifier: str) -> str:
    headers = campaign.gateway.headers("mairie")
    said = ask(campaign.gateway.url, "POST", "/lookups/shop", headers, {"identifier": identifier}).json
    return str(said["data"]["lot"])
