"""The journal in a real PostgreSQL: the same chain for several gateways, and answers that stop when it is away."""

import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors.errors import Misconfigured, Unavailable
from gateway.journal import Entry, Journal
from gateway.journal.chain import Content
from gateway.journal.postgresql import TABLE, PostgresqlStore
from gateway.journal.stores import store_of
from gateway.journal.verification import Result, verify_rows
from pipelines.workspace import Workspace
from tests.commands import beffroi
from tests.peers.postgresql.peer import PASSWORD, PostgreSqlServer

NUMBERS = itertools.count()
DECLARED = """
title: Ville
journal:
  url: postgresql://gateway:${{JOURNAL_PASSWORD}}@127.0.0.1:{port}/{name}
  retention: {{lookup: 3 years}}
purposes:
  droit-acces: {{title: Accès, procedure: Accès, legal_basis: RGPD 15}}
registries:
  communes: {{kind: api_geo}}
"""


@pytest.fixture(scope="module")
def server(postgresql: PostgreSqlServer) -> PostgreSqlServer:
    with postgresql.connect() as owner:
        owner.execute(f"CREATE ROLE gateway LOGIN PASSWORD '{PASSWORD}'")
    return postgresql


@pytest.fixture
def name(server: PostgreSqlServer) -> str:
    name = f"journal{next(NUMBERS)}"
    with server.connect() as owner:
        owner.execute(f"CREATE DATABASE {name} OWNER gateway")
    return name


@pytest.fixture
def root(server: PostgreSqlServer, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JOURNAL_PASSWORD", PASSWORD)
    monkeypatch.setenv("BEFFROI_JOURNAL_KEY", "ab" * 32)
    (tmp_path / "beffroi.yaml").write_text(DECLARED.format(port=server.port, name=name), encoding="utf-8")
    return tmp_path


@pytest.fixture
def owner(server: PostgreSqlServer, name: str) -> Iterator[psycopg.Connection[Any]]:
    with server.connect(name) as connection:
        yield connection


def verified(root: Path) -> Result:
    return verify_rows(store_of(Workspace(root)).rows())


APPEND = """
import sys
from contextlib import closing
from pathlib import Path
from gateway.journal import Entry, Journal
from pipelines.workspace import Workspace
with closing(Journal.of(Workspace(Path(sys.argv[1])))) as journal:
    for future in [journal.append(Entry("lookup", f"{sys.argv[2]}:{n}", "api")) for n in range(200)]:
        future.result()
"""


def test_several_gateways_keep_one_chain(root: Path, owner: psycopg.Connection[Any]) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", APPEND, str(root), each]) for each in "ab"]
    with closing(Journal.of(Workspace(root))) as journal:

        def append(number: int) -> None:
            for n in range(25):
                journal.append(Entry("lookup", f"{number}:{n}", "api")).result()

        threads = [threading.Thread(target=append, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert journal.writable()
    assert [process.wait() for process in processes] == [0, 0]
    told = [json.loads(entry) for (entry,) in owner.execute(f"SELECT entry FROM {TABLE} ORDER BY number").fetchall()]
    noted = [entry["action"] for entry in told if entry["action"] == "settings"]
    assert 1 <= len(noted) <= 3, "whoever came first noted the settings"
    found = verified(root)
    assert (found.entries, found.problems) == (500 + len(noted), ())
    for each in "ab":
        mine = [entry["resource"] for entry in told if entry["resource"].startswith(each)]
        assert mine == [f"{each}:{n}" for n in range(200)], "each process's entries keep their order"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            f"UPDATE {TABLE} SET entry = replace(entry, 'lookup:4', 'x') WHERE entry LIKE '%lookup:4%'",
            "entry 6 was changed",
        ),
        (f"DELETE FROM {TABLE} WHERE number = 5", "entry 5 was removed"),
        (f"UPDATE {TABLE} SET entry = '' WHERE number = 5", "entry 5 of "),
    ],
)
def test_tampering_shows(root: Path, owner: psycopg.Connection[Any], statement: str, said: str) -> None:
    with closing(Journal.of(Workspace(root))) as journal:
        for future in [journal.append(Entry("lookup", f"lookup:{n}", "api")) for n in range(10)]:
            future.result()
    assert verified(root).whole
    owner.execute(statement)
    assert verified(root).problems[0].startswith(said)
    assert "BROKEN" in beffroi(root, "journal", "verify", status=1).stdout


def test_anchors_and_retention_are_the_same(root: Path, owner: psycopg.Connection[Any]) -> None:
    store = store_of(Workspace(root))
    store.open()
    old = Entry("lookup", "lookup:SECRET", "api", time="2020-01-01T00:00:00+00:00").canonical()
    store.add([Content(old, "lookup", "2020-01-01")])
    store.close()
    beffroi(root, "journal", "anchor", "--file", "anchors")
    beffroi(root, "journal", "erase")
    assert "1 entries erased under retention" in beffroi(root, "journal", "verify", "--anchor", "anchors").stdout
    assert owner.execute(f"SELECT count(*) FROM {TABLE} WHERE entry LIKE '%SECRET%'").fetchall() == [(0,)]
    owner.execute(f"DELETE FROM {TABLE} WHERE number > 1")
    said = beffroi(root, "journal", "verify", "--anchor", "anchors", status=1).stdout
    assert "entries 2 to 4 were removed from the end" in said or "entries 2 to 3 were removed from the end" in said


def test_who_read_is_the_same(root: Path) -> None:
    with closing(Journal.of(Workspace(root))) as journal:
        for code in ("80021", "80022", "80021"):
            journal.append(Entry("lookup", "lookup:commune", "api", identifier=journal.keyed(f"insee:{code}"))).result()
    asked = ("journal", "who-read", "--purpose", "droit-acces", "--json")
    told = json.loads(beffroi(root, *asked, typed="insee:80021\n").stdout)
    assert [each["action"] for each in told["data"]] == ["lookup", "lookup"]
    assert told["keys_missing"] == []


def test_a_role_that_may_only_add(root: Path, owner: psycopg.Connection[Any]) -> None:
    """Once the table stands, a gateway needs neither UPDATE nor DELETE: whoever takes it over cannot rewrite."""
    Journal.of(Workspace(root)).close()
    owner.execute(f"ALTER TABLE {TABLE} OWNER TO postgres")
    owner.execute(f"REVOKE ALL ON {TABLE} FROM gateway")
    owner.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC, pg_database_owner")
    owner.execute(f"GRANT SELECT, INSERT ON {TABLE} TO gateway")
    with closing(Journal.of(Workspace(root))) as journal:
        assert journal.append(Entry("lookup", "lookup:x", "api")).result().number == 2
    with closing(store_of(Workspace(root))) as store, pytest.raises(Unavailable, match="InsufficientPrivilege"):
        store.erase("lookup", "2999-01-01", 9)


def test_nothing_is_answered_while_it_is_away(root: Path, name: str, owner: psycopg.Connection[Any]) -> None:
    with closing(Journal.of(Workspace(root))) as journal:
        assert journal.append(Entry("lookup", "first", "api")).result().number == 2
        owner.execute(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC, gateway")
        owner.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'gateway'")
        for _ in range(2):
            with pytest.raises(Unavailable, match=f"^the journal's database {name} cannot be used: ") as caught:
                journal.append(Entry("lookup", "lost", "api")).result()
            assert PASSWORD not in str(caught.value)
        assert not journal.writable()
        owner.execute(f"GRANT CONNECT ON DATABASE {name} TO gateway")
        assert journal.append(Entry("lookup", "second", "api")).result().number == 3
        assert journal.writable()
        owner.execute(f"DELETE FROM {TABLE} WHERE number = 3")
        with pytest.raises(Unavailable, match="entries after 2 were removed"):
            journal.append(Entry("lookup", "third", "api")).result()


def test_a_head_that_somebody_holds_stops_answers(root: Path, server: PostgreSqlServer, name: str) -> None:
    with closing(Journal.of(Workspace(root))) as journal, server.connect(name) as holder, holder.transaction():
        holder.execute(f"LOCK TABLE {TABLE} IN EXCLUSIVE MODE")
        with pytest.raises(Unavailable, match="LockNotAvailable"):
            journal.append(Entry("lookup", "held", "api")).result()
    with closing(Journal.of(Workspace(root))) as journal:
        assert journal.append(Entry("lookup", "free", "api")).result().number == 2


def test_the_address(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOURNAL_PASSWORD")
    assert "JOURNAL_PASSWORD" in beffroi(root, "journal", "verify", status=1).stderr
    monkeypatch.setenv("JOURNAL_PASSWORD", "wr@ng/?")
    wrong = beffroi(root, "journal", "verify", status=1).stderr
    assert "cannot be used" in wrong
    assert "wr@ng" not in wrong
    for url, said in (
        ("mysql://h/d", "expected postgresql://"),
        ("postgresql://u:secret@h/d", "a password never stands in a file"),
        ("postgresql://h:x/d", "expected postgresql://"),
    ):
        (root / "beffroi.yaml").write_text(f"title: Ville\njournal: {{url: '{url}'}}\n", encoding="utf-8")
        with pytest.raises(Misconfigured, match=said):
            Workspace(root)


def test_it_wants_the_key_of_all(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BEFFROI_JOURNAL_KEY")
    with pytest.raises(Misconfigured, match="BEFFROI_JOURNAL_KEY"):
        Journal.of(Workspace(root))


def test_a_text_that_it_cannot_hold_is_refused(root: Path) -> None:
    store = PostgresqlStore(Workspace(root).configuration.journal.url or "")
    store.open()
    with pytest.raises(Unavailable):
        store.add([Content("\0", "lookup", "2026-01-01")])
    store.close()
