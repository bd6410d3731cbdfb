"""`beffroi serve --workers`: several processes on one socket, and what they share."""

import contextlib
import fcntl
import http.client
import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree

import pytest

from gateway.callers.tokens import Tokens
from gateway.journal import Entry, Journal, sqlite
from gateway.journal.verification import verify
from gateway.lookups.bulk import SHARE, Patient, patient
from gateway.lookups.cache import Cache
from gateway.service import Service
from pipelines.workspace import Workspace
from tests.effort import times
from tests.gateway.conftest import Reply, ask
from tests.gateway.test_journal import entries
from tests.peers.fault_proxy import FaultProxy

COPY = "/lookups/copy/01001"
PERMIT = "/datasets/permits/rows/P1"
LIMIT = 20


@dataclass
class Served:
    """A gateway with two workers, as an operator starts it."""

    root: Path
    process: subprocess.Popen[bytes]
    url: str
    headers: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def log(self) -> str:
        return (self.root / "log").read_text()

    def workers(self) -> list[int]:
        return children(self.process.pid)

    def get(self, path: str, application: str, **headers: str) -> Reply:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(self.url, "GET", path, self.headers[application] | given)

    @contextmanager
    def only(self, worker: int) -> Iterator[None]:
        """Have the others stand still, so that this one answers."""
        others = [each for each in self.workers() if each != worker]
        for other in others:
            os.kill(other, signal.SIGSTOP)
        try:
            yield
        finally:
            for other in others:
                os.kill(other, signal.SIGCONT)


def children(pid: int) -> list[int]:
    """Return the processes that a process began, without those that have ended."""
    found = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return [each for each in found if " Z " not in Path(f"/proc/{each}/stat").read_text()]


def wait(until: Callable[[], bool], what: Callable[[], str]) -> None:
    """Wait until something is so. Fails after a time in which anything should be."""
    deadline = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline, what()
        time.sleep(0.02)


@contextmanager
def serving(root: Path) -> Iterator[Served]:
    """Serve a workspace by two workers, ended in whatever way by whoever asked for it."""
    command = [sys.executable, "-m", "gateway", "--workspace", str(root), "serve", "--port", "0", "--workers", "2"]
    with (root / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    served = Served(root, process, "")
    tokens = Tokens(Workspace(root))
    try:
        wait(lambda: "The gateway is at" in served.log or process.poll() is not None, lambda: served.log)
        served.url = served.log.partition("The gateway is at ")[2].partition(";")[0]
        for name in ("mairie", "ecole"):
            purpose = {"Beffroi-Purpose": "inscription-scolaire"}
            served.headers[name] = {"Authorization": f"Bearer {tokens.issue(name)}", **purpose}
        yield served
    finally:
        tokens.close()
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def pair(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway that the tests of this module share; `ecole` has a limit."""
    root = Path(copytree(template, tmp_path_factory.mktemp("workers") / "workspace"))
    path = root / "beffroi.yaml"
    declared = path.read_text(encoding="utf-8")
    limited = declared.replace("      ecole:\n", f"      ecole:\n        limits: {{per_day: {LIMIT}}}\n")
    path.write_text(limited, encoding="utf-8")
    with serving(root) as running:
        yield running


@pytest.mark.soak
def test_kill_9_of_a_worker_loses_no_answer_but_its_own(pair: Served) -> None:
    """Each asker is an agent of its own, so that its answers are counted in the journal one by one."""
    received, broken, ended = [0] * 6, [0] * 6, threading.Event()

    def keep_asking(number: int) -> None:
        while not ended.is_set():
            try:
                reply = pair.get(COPY, "mairie", Beffroi_Agent=f"a{number}")
            except (OSError, http.client.HTTPException):  # none, or half of one: that is no answer
                broken[number] += 1
            else:
                assert reply.status == 200, reply.body
                received[number] += 1
            time.sleep(0.025)  # each is a connection of its own, of which a machine has some 28,000 a minute

    def more(answers: int) -> None:
        until = sum(received) + answers
        wait(lambda: sum(received) >= until, lambda: f"no more answers come: {pair.log[-2000:]}")

    threads = [threading.Thread(target=keep_asking, args=(number,)) for number in range(len(received))]
    for thread in threads:
        thread.start()
    kills = times(2)
    for _ in range(kills):
        more(100)
        before = pair.workers()
        os.kill(before[0], signal.SIGKILL)
        more(20)
        wait(lambda before=before: len({*pair.workers()} - {before[0]}) == 2, lambda: pair.log)  # type: ignore[misc]
    more(40)
    ended.set()
    for thread in threads:
        thread.join()
    assert verify(pair.root / ".beffroi" / "journal.db").whole
    journaled = Counter(entry["agent"] for entry in entries(pair.root / ".beffroi") if entry["outcome"] == "found")
    short = [number for number in range(len(received)) if journaled[f"a{number}"] < received[number]]
    assert short == [], "answers without an entry"
    assert max(broken) <= kills, "a connection broke off that the killed worker did not have"
    assert pair.log.count("a worker was ended by SIGKILL; another begins") == kills


def test_limits_hold_across_workers(pair: Served) -> None:
    got = Counter[int]()
    for worker in pair.workers():
        with pair.only(worker):
            got.update(pair.get("/lookups/commune/01001", "ecole").status for _ in range(LIMIT * 3 // 4))
    assert got == {200: LIMIT, 429: LIMIT // 2}


def test_settings_are_taken_by_all_workers_or_by_none(pair: Served) -> None:
    def got() -> list[int]:
        found = []
        for worker in pair.workers():
            with pair.only(worker):
                found.append(pair.get(PERMIT, "mairie").status)
        return found

    path, before = pair.root / "beffroi.yaml", pair.workers()
    declared = path.read_text(encoding="utf-8")
    assert got() == [200, 200]
    path.write_text(declared + "\nnonsense: 1\n", encoding="utf-8")
    pair.process.send_signal(signal.SIGHUP)
    wait(lambda: "the settings stay as they were: " in pair.log, lambda: pair.log[-2000:])
    assert (pair.workers(), got()) == (before, [200, 200])
    grant = "          - {dataset: permits, fields: '*', purposes: [inscription-scolaire]}\n"
    assert grant in declared
    path.write_text(declared.replace(grant, ""), encoding="utf-8")
    os.kill(before[1], signal.SIGKILL)  # whoever takes its place has the settings of its neighbour still
    wait(lambda: len(now := pair.workers()) == 2 and before[1] not in now, lambda: pair.log[-2000:])
    assert got() == [200, 200]
    pair.process.send_signal(signal.SIGHUP)
    wait(lambda: "all workers have them" in pair.log, lambda: pair.log[-2000:])
    assert not {*before} & {*pair.workers()}
    assert 200 not in got()
    with contextlib.closing(sqlite3.connect(pair.root / ".beffroi" / "journal.db")) as database:
        noted = database.execute('SELECT entry FROM entries WHERE entry LIKE \'%"action":"settings"%\'').fetchall()
    assert [json.loads(entry)["fields"] for (entry,) in noted[1:]] == [["organisations"]], "not once for all workers"


def test_sigterm_lets_what_is_under_way_end(pair: Served, faults: dict[str, FaultProxy]) -> None:
    """The last test that asks the gateway of this module, which ends by it."""
    faults["communes"].fault = "latency:0.6"
    replies: list[Reply] = []
    asking = threading.Thread(target=lambda: replies.append(pair.get("/lookups/commune/01002", "mairie")))
    asking.start()
    wait(lambda: faults["communes"].seen > 0, lambda: "the registry was not asked")
    workers = pair.workers()
    pair.process.send_signal(signal.SIGTERM)
    assert pair.process.wait(30) == 0
    asking.join()
    assert [reply.status for reply in replies] == [200]
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    with pytest.raises(ConnectionRefusedError):
        pair.get(COPY, "mairie")


BEGIN = """
import logging, os, signal, socket, sys
from pathlib import Path
from connectors.errors import BeffroiError, Misconfigured
from gateway.serving.workers import Workers

logging.basicConfig(format="%(message)s", stream=sys.stdout)

def wrong(workspace, begun):
    raise Misconfigured("the key is none")

def dead(workspace, begun):
    os._exit(3)

def short(workspace, begun):
    begun()
    os._exit(7)

def long(workspace, begun):
    begun()
    os.write(1, f"worker {os.getpid()}\\n".encode())
    signal.pause()

for work in (wrong, dead, short, long):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        try:
            Workers(Path(sys.argv[1]), listener, 2, work).run(lambda: os.write(1, b"ready\\n"))
        except BeffroiError as error:
            print(type(error).__name__, error.detail, flush=True)
"""


def test_workers_that_cannot_answer_end_the_whole_and_none_begins_over_and_over(root: Path) -> None:
    """Misconfigured in a worker; a death before it answers; one death after the other; the death of who began them."""
    process = subprocess.Popen([sys.executable, "-c", BEGIN, str(root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, contextlib.ExitStack() as stack:
        stack.callback(process.kill)
        said = (line.strip() for line in process.stdout)
        assert [next(said), next(said)] == [
            "Misconfigured the key is none",
            "Unavailable a worker ended with status 3 before it could answer: what it wrote says why",
        ]
        short = list(itertools.takewhile(lambda line: not line.endswith("in 3 seconds"), said))
        process.terminate()
        workers = [
            int(line.split()[1]) for line in itertools.islice((each for each in said if "worker " in each[:7]), 2)
        ]
        assert len(workers) == 2
        process.kill()
        wait(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), lambda: f"{workers} live on")
    assert short[0] == "ready"
    assert {line.partition("another begins ")[2] for line in short[1:]} == {"at once", "in 1 seconds"}, short


READ = """
import lmdb, sys, time
with lmdb.open(sys.argv[1], max_readers=512).begin() as transaction:
    transaction.get(b"key")
    print("reading", flush=True)
    time.sleep(100)
"""


def test_a_worker_killed_while_it_reads_the_cache_keeps_no_room(template: Path, tmp_path: Path) -> None:
    """It would keep what others drop, until the file is full and nothing can be kept any more."""
    folder = tmp_path / "cache"
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        readers = []
        for _ in range(2):
            command = [sys.executable, "-c", READ, str(folder)]
            readers.append(stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE)))
            stack.callback(readers[-1].kill)
            assert readers[-1].stdout is not None
            assert readers[-1].stdout.readline() == b"reading\n"
        readers[0].kill()
        readers[0].wait()
        cache = stack.enter_context(contextlib.closing(Cache(tmp_path)))
        cache.forget("commune", Workspace(template).lookup("commune"), "insee:01001")
        assert cache._environment is not None
        there = cache._environment.readers().split()
        assert (str(readers[0].pid) in there, str(readers[1].pid) in there) == (False, True)


def test_a_process_that_stands_still_in_its_turn_at_the_journal_is_passed_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite alone tells whether somebody is writing; turns only have those who wait look often enough."""
    monkeypatch.setattr(sqlite, "WAIT_MS", 50)
    with contextlib.closing(Journal(tmp_path)) as journal, (tmp_path / "journal.turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        assert journal.append(Entry("lookup", "lookup:person", "api")).result().number == 1
    assert verify(tmp_path / "journal.db").whole


def test_many_questions_keep_to_their_share_whatever_the_workers(root: Path) -> None:
    with Service(Workspace(root), workers=2) as service:
        places = service.workspace.registries["communes"].limits.concurrency
        found = patient(service).pools["communes"]
        assert isinstance(found, Patient)
        assert 0 < 2 * found._turns._value <= places // SHARE
