"""The journal: nothing leaves before it is on disk, one chain for all processes, every tampering shows."""

import asyncio
import http.client
import json
import re
import resource
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import Misconfigured, NotFound, Unavailable
from gateway.journal import Entry, Journal, verify
from tests.effort import times
from tests.gateway.conftest import Gateway, a_process, ask
from tests.peers.fault_proxy import FaultProxy


def entries(folder: Path) -> list[dict[str, Any]]:
    """Return the accesses that a journal has, without the changes of what is allowed."""
    with closing(sqlite3.connect(folder / "journal.db")) as database:
        asked = "SELECT entry FROM entries WHERE kind != 'change' ORDER BY number"
        return [json.loads(row[0]) for row in database.execute(asked)]


def fill(folder: Path, count: int) -> None:
    with closing(Journal(folder)) as journal:
        for future in [journal.append(Entry("lookup", f"lookup:{n}", "api")) for n in range(count)]:
            future.result()


def test_the_chain(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    fill(tmp_path, 2)
    result = verify(tmp_path / "journal.db")
    assert (result.entries, result.problems, result.whole) == (5, (), True)
    assert re.fullmatch(r"[0-9a-f]{64}", result.head)
    assert [entry["resource"] for entry in entries(tmp_path)] == [f"lookup:{n}" for n in (0, 1, 2, 0, 1)]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", e["time"]) for e in entries(tmp_path))
    for name in ("journal.db", "journal.key"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def change(database: sqlite3.Connection) -> None:
    database.execute("UPDATE entries SET entry = replace(entry, 'lookup:4', 'lookup:9') WHERE number = 5")


def remove(database: sqlite3.Connection) -> None:
    database.execute("DELETE FROM entries WHERE number = 5")


def remove_first(database: sqlite3.Connection) -> None:
    database.execute("DELETE FROM entries WHERE number < 4")


def close_up(database: sqlite3.Connection) -> None:
    remove(database)
    for number in range(6, 11):
        database.execute("UPDATE entries SET number = ? WHERE number = ?", (number - 1, number))


def swap(database: sqlite3.Connection) -> None:
    for old, new in ((5, 99), (6, 5), (99, 6)):
        database.execute("UPDATE entries SET number = ? WHERE number = ?", (new, old))


def swap_contents(database: sqlite3.Connection) -> None:
    [five, six] = database.execute("SELECT entry FROM entries WHERE number IN (5, 6) ORDER BY number").fetchall()
    database.execute("UPDATE entries SET entry = ? WHERE number = 5", six)
    database.execute("UPDATE entries SET entry = ? WHERE number = 6", five)


def repeat(database: sqlite3.Connection) -> None:
    database.execute(
        "INSERT INTO entries SELECT 11, entry, previous, hash, kind, day, content FROM entries WHERE number = 4"
    )


def blank(database: sqlite3.Connection) -> None:
    database.execute("UPDATE entries SET entry = '', previous = 0, hash = 0 WHERE number = 5")


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (change, ["entry 5 was changed"]),
        (remove, ["entry 5 was removed"]),
        (remove_first, ["entry 1 to 3 was removed"]),
        (close_up, ["entry 5 does not follow"]),
        (swap, ["entry 5 does not follow", "entry 6 does not follow", "entry 7 does not follow"]),
        (swap_contents, ["entry 5 was changed", "entry 6 was changed"]),
        (repeat, ["entry 11 does not follow"]),
        (blank, ["entry 5 does not follow", "entry 5 was changed", "entry 6 does not follow"]),
    ],
)
def test_tampering_shows_and_where(
    tmp_path: Path, tamper: Callable[[sqlite3.Connection], None], said: list[str]
) -> None:
    fill(tmp_path, 10)
    with closing(sqlite3.connect(tmp_path / "journal.db")) as database, database:
        tamper(database)
    result = verify(tmp_path / "journal.db")
    assert not result.whole
    assert len(result.problems) == len(said)
    assert all(problem.startswith(start) for problem, start in zip(result.problems, said, strict=True))


def test_a_journal_that_is_not_there_or_no_journal(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no journal"):
        verify(tmp_path / "journal.db")
    (tmp_path / "journal.db").write_bytes(b"not a database" * 100)
    assert "cannot be read after entry 0" in verify(tmp_path / "journal.db").problems[0].replace(
        "nothing can be", "cannot be"
    )
    with pytest.raises(Unavailable):
        Journal(tmp_path)


APPEND = """
import sys
from pathlib import Path
from gateway.journal import Entry, Journal
journal = Journal(Path(sys.argv[1]))
futures = [journal.append(Entry("lookup", f"{sys.argv[2]}:{n}", "api")) for n in range(300)]
for future in futures:
    future.result()
journal.close()
"""


def test_two_processes_and_many_threads_keep_one_chain(tmp_path: Path) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", APPEND, str(tmp_path), name]) for name in "ab"]
    with closing(Journal(tmp_path)) as journal:

        def append(name: int) -> None:
            for n in range(50):
                journal.append(Entry("lookup", f"{name}:{n}", "api")).result()

        threads = [threading.Thread(target=append, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [process.wait() for process in processes] == [0, 0]
    result = verify(tmp_path / "journal.db")
    assert (result.entries, result.problems) == (800, ())
    for name in ("a", "b"):
        mine = [e["resource"] for e in entries(tmp_path) if e["resource"].startswith(name)]
        assert mine == [f"{name}:{n}" for n in range(300)], "each process's entries keep their order"
    assert len(list(tmp_path.glob("journal.key*"))) == 1, "one key for all"


def test_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Journal(tmp_path)) as journal, closing(Journal(tmp_path)) as again:
        assert journal.keyed("insee:01001") == again.keyed("insee:01001") != journal.keyed("insee:01002")
        assert re.fullmatch(r"[0-9a-f]{8}:[0-9a-f]{64}", journal.keyed("é"))
        monkeypatch.setenv("BEFFROI_JOURNAL_KEY", "ab" * 32)
        with closing(Journal(tmp_path)) as other:
            assert other.keyed("insee:01001")[:8] != journal.keyed("insee:01001")[:8], "the key's name tells them apart"
    for wrong in ("", "xyz", "ab" * 31):
        monkeypatch.setenv("BEFFROI_JOURNAL_KEY", wrong)
        with pytest.raises(Misconfigured, match="BEFFROI_JOURNAL_KEY must be a key of at least 32 bytes"):
            Journal(tmp_path)


def test_what_is_journaled(root: Path, nirs: list[str]) -> None:
    nir, other = nirs[0], nirs[40]
    with Gateway(root) as gateway:
        gateway.post("/lookups/person", {"identifier": f"nir:{nir}", "fields": ["sex"]}, "mairie")
        gateway.post("/lookups/person", {"identifier": f" {nir} "}, "mairie", "ancienne")
        gateway.post("/lookups/person", {"identifier": nir}, None)
        gateway.post("/lookups/person", {"identifier": nir[:-1] + "x"}, "mairie", nir)
        gateway.post("/lookups/person", b"{", "mairie")
        gateway.get(f"/lookups/person/{nir}", "mairie", Beffroi_Agent="a.martin")
        gateway.get(f"/lookups/person/nir:{nir}")
        gateway.get("/datasets/residents/rows", "mairie")
        gateway.post("/datasets/residents/rows", {"nir__exact": nir}, "mairie")
        gateway.get(f"/datasets/residents/rows/{nir}", "mairie")
        gateway.get("/datasets/residents/latest/residents.csv", "mairie")
        gateway.get("/datasets/residents", "rien")
        gateway.get("/datasets/things/rows", "mairie")
        gateway.get("/datasets")
        ask(gateway.url, "POST", f"/lookups/{other}", {}, {"identifier": other})
    found = entries(root / ".beffroi")
    told = [(e["action"], e["application"], e["outcome"], e["status"], e["purpose"]) for e in found]
    assert told == [
        ("lookup", "mairie", "found", 200, "inscription-scolaire"),
        ("lookup", "mairie", "not-granted", 403, "ancienne"),
        ("lookup", None, "unauthenticated", 401, "inscription-scolaire"),
        ("lookup", "mairie", "not-granted", 403, "(not declared)"),
        ("lookup", "mairie", "invalid-request", 400, "inscription-scolaire"),
        ("lookup", "mairie", "method-not-allowed", 405, "inscription-scolaire"),
        ("lookup", None, "method-not-allowed", 405, "inscription-scolaire"),
        ("rows", "mairie", "found", 200, "inscription-scolaire"),
        ("rows", "mairie", "found", 200, "inscription-scolaire"),
        ("row", "mairie", "method-not-allowed", 405, "inscription-scolaire"),
        ("download", "mairie", "found", 200, "inscription-scolaire"),
        ("metadata", "rien", "not-found", 404, "inscription-scolaire"),
    ]
    assert (found[0]["fields"], found[0]["source"], found[0]["organisation"]) == (["sex"], "civil", "ville")
    assert (found[5]["agent"], found[5]["resource"]) == ("a.martin", "lookup:person")
    same = [found[n]["identifier"] for n in (0, 1, 2, 5, 6, 8, 9)]
    assert len(set(same)) == 1, "one person is one hash, however she is asked for"
    assert found[3]["identifier"] not in (None, *same)
    assert found[4]["identifier"] is found[7]["identifier"] is None
    everything = b"".join(path.read_bytes() for path in (root / ".beffroi").glob("journal.db*"))
    assert not [n for n in (nir, other, nir[:-1] + "x") if n.encode() in everything]
    assert verify(root / ".beffroi" / "journal.db").whole


def test_no_answer_without_its_entry(root: Path) -> None:
    """Where the journal cannot be written, what is public still comes; nothing else leaves."""
    with Gateway(root) as gateway:
        assert gateway.get("/lookups/commune/01001", "mairie").status == 200
        with closing(sqlite3.connect(root / ".beffroi" / "journal.db")) as database:
            database.execute("CREATE TRIGGER full BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'disk full'); END")
            for path in ("/lookups/commune/01001", "/lookups/commune/x", "/datasets/permits/rows"):
                reply = gateway.get(path, "mairie")
                assert (reply.status, reply.code) == (503, "unavailable")
                assert "journal.db cannot be used" in reply.json["detail"]
            assert gateway.get("/health").json["journal"] == "failing"
            assert gateway.get("/datasets/communes/rows/01001").status == 200
            database.execute("DROP TRIGGER full")
        assert gateway.get("/lookups/commune/01001", "mairie").status == 200
        assert gateway.get("/health").json["journal"] == "ok"
        (root / ".beffroi" / "journal.db").rename(root / ".beffroi" / "elsewhere.db")
        reply = gateway.get("/lookups/commune/01001", "mairie")
        assert (reply.status, "no longer where it was" in reply.json["detail"]) == (503, True)
        (root / ".beffroi" / "elsewhere.db").rename(root / ".beffroi" / "journal.db")
        assert gateway.get("/lookups/commune/01001", "mairie").status == 200
        with closing(sqlite3.connect(root / ".beffroi" / "journal.db")) as database, database:
            database.execute("DELETE FROM entries WHERE number = 4")  # the settings are the first
        reply = gateway.get("/lookups/commune/01001", "mairie")
        assert (reply.status, "entries after 3 were removed" in reply.json["detail"]) == (503, True)
    assert verify(root / ".beffroi" / "journal.db").entries == 3


def test_an_asker_that_goes_away_is_journaled(tmp_path: Path) -> None:
    async def leave(journal: Journal) -> None:
        async with journal.access(Entry("lookup", "lookup:person", "api")):
            raise asyncio.CancelledError

    with closing(Journal(tmp_path)) as journal:
        journal.append(Entry("lookup", "first", "api")).cancel()
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(leave(journal))
    assert [(e["resource"], e["outcome"]) for e in entries(tmp_path)] == [
        ("first", "found"),
        ("lookup:person", "internal"),
    ]
    with pytest.raises(Unavailable, match="is ending"):
        journal.append(Entry("lookup", "late", "api")).result()


@pytest.mark.soak
def test_every_answer_received_survives_kill_9(root: Path, faults: dict[str, FaultProxy], nirs: list[str]) -> None:
    """Each asker is an agent of its own, so that its answers are counted in the journal one by one."""
    with Gateway(root) as gateway:  # for a token; the server under test is a process of its own
        headers = gateway.headers("mairie")
    received = [0] * 8

    def keep_asking(url: str, number: int, enough: threading.Event, until: int) -> None:
        while True:
            try:
                reply = ask(
                    url,
                    "POST",
                    "/lookups/person",
                    {**headers, "Beffroi-Agent": f"a{number}"},
                    {"identifier": nirs[number]},
                )
            except (OSError, http.client.HTTPException):  # none, or half of one: that is no answer
                return
            assert reply.status in (200, 503)
            received[number] += reply.status == 200
            if sum(received) > until:
                enough.set()

    for _ in range(times(1)):
        enough, until = threading.Event(), sum(received) + 150
        with a_process(root) as (server, url):
            threads = [threading.Thread(target=keep_asking, args=(url, n, enough, until)) for n in range(len(received))]
            for thread in threads:
                thread.start()
            came = enough.wait(60)
            server.kill()
            for thread in threads:
                thread.join()
        assert came, (root / "log").read_text()
        assert verify(root / ".beffroi" / "journal.db").whole
        journaled = Counter(entry["agent"] for entry in entries(root / ".beffroi") if entry["outcome"] == "found")
        assert [n for n in range(len(received)) if journaled[f"a{n}"] < received[n]] == [], "answers without an entry"
    assert not [nir for nir in nirs[:8] if nir in (root / "log").read_text()]
    assert "POST /lookups/person 200" in (root / "log").read_text()


def test_a_full_disk_stops_answers_and_room_brings_them_back(root: Path) -> None:
    with Gateway(root) as gateway:
        headers = gateway.headers("ecole")
    log = root / ".beffroi" / "journal.db-wal"
    with a_process(root) as (server, url):

        def asked() -> int:
            return ask(url, "GET", "/datasets/permits/rows/P2", headers).status

        given = [asked()]
        unlimited = resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (log.stat().st_size + 20_000, -1))
        while given[-1] == 200:
            given.append(asked())
        assert len(given) > 2
        assert [asked() for _ in range(3)] == [503] * 3
        assert ask(url, "GET", "/health").json["journal"] == "failing"
        assert ask(url, "GET", "/datasets/communes/rows/01001").status == 200, "what is open still comes"
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, unlimited)
        given += [asked(), asked()]
        assert given[-2:] == [200, 200]
    assert [entry["status"] for entry in entries(root / ".beffroi")] == [200] * given.count(200)
    assert verify(root / ".beffroi" / "journal.db").whole


def test_a_store_that_somebody_holds_stops_answers(root: Path) -> None:
    with Gateway(root) as gateway:
        with closing(sqlite3.connect(root / ".beffroi" / "journal.db", isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            reply = gateway.get("/datasets/permits/rows/P2", "ecole")
            assert (reply.code, "database is locked" in reply.json["detail"]) == ("unavailable", True)
            assert b"rue" not in reply.body
            holder.execute("ROLLBACK")
        assert gateway.get("/datasets/permits/rows/P2", "ecole").status == 200
    assert [entry["status"] for entry in entries(root / ".beffroi")] == [200]
