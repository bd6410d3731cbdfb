"""Accounting: retention that keeps the chain provable, keys that rotate, who read, and every change of what is allowed."""

import csv
import hashlib
import io
import json
import re
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import Misconfigured
from gateway.journal import Entry, Journal, settings, verify
from gateway.journal.chain import Content
from gateway.journal.keys import Keys
from gateway.journal.sqlite import SqliteStore
from pipelines.workspace import Workspace
from tests.commands import beffroi
from tests.gateway.conftest import Gateway
from tests.gateway.test_journal import entries, fill

RETENTION = "title: Ville\njournal: {retention: {lookup: 3 years, refused: 90 days}}\n"
FIRST_FORMAT = (
    "CREATE TABLE entries (number INTEGER PRIMARY KEY, entry TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL)"
)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "beffroi.yaml").write_text(RETENTION, encoding="utf-8")
    return tmp_path


def changes(root: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(root / ".beffroi" / "journal.db")) as database:
        found = database.execute("SELECT entry FROM entries WHERE kind = 'change' ORDER BY number").fetchall()
    return [json.loads(row[0]) for row in found]


def write_old(folder: Path) -> None:
    """Write ten entries of ten days of 2020, of three classes."""
    folder.mkdir()
    store = SqliteStore(folder / "journal.db")
    kinds = ("lookup", "refused", "dataset")
    for n in range(10):
        entry = Entry("lookup", f"SECRET:{n}", "api", time=f"2020-01-{n + 1:02}T00:00:00+00:00")
        store.add([Content(entry.canonical(), kinds[n % 3], entry.time[:10])])
    store.close()


# --- retention -------------------------------------------------------------------------------------------------------


def test_content_goes_and_the_chain_stays_proven(small: Path) -> None:
    state = small / ".beffroi"
    write_old(state)
    fill(state, 3)
    told = json.loads(beffroi(small, "journal", "erase", "--preview", "--json").stdout)
    assert [(each["kind"], each["entries"]) for each in told] == [("lookup", 4), ("refused", 3)]
    assert verify(state / "journal.db").erased == 0
    beffroi(small, "journal", "erase")
    found = verify(state / "journal.db")
    assert (found.problems, found.erased) == ((), 7)
    told = {each["kind"]: each["before"] for each in told}
    said = f"7 entries erased under retention (lookup before {told['lookup']}, refused before {told['refused']}), head "
    assert said in beffroi(small, "journal", "verify").stdout
    assert [each["action"] for each in changes(small)] == ["settings", "erase", "erase"]
    left = [f"SECRET:{n}".encode() for n in range(10)]
    stored = b"".join(path.read_bytes() for path in state.glob("journal.db*"))
    assert [text for text in left if text in stored] == [f"SECRET:{n}".encode() for n in (2, 5, 8)], (
        "the dataset's stay"
    )
    assert [each["entries"] for each in json.loads(beffroi(small, "journal", "erase", "--json").stdout)] == [0, 0]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE entries SET entry = '' WHERE number = 3", "entry 3 of 2020-01-03 (dataset) lost the content"),
        ("UPDATE entries SET entry = '' WHERE number > 10 AND kind = 'lookup'", "3 entries from 11 to 13 of "),
        ("UPDATE entries SET kind = 'refused', entry = '' WHERE number = 3", "entry 3 was changed"),
        ("UPDATE entries SET day = '2019-01-01' WHERE number = 1", "entry 1 was changed"),
        ("UPDATE entries SET content = '' WHERE number = 1", "entry 1 was changed"),
        ("UPDATE entries SET entry = '{}' WHERE number = 1", "entry 1 was changed"),
        ("DELETE FROM entries WHERE number = 1", "entry 1 was removed"),
    ],
)
def test_erasing_by_hand_is_no_retention(small: Path, statement: str, said: str) -> None:
    state = small / ".beffroi"
    write_old(state)
    fill(state, 3)
    beffroi(small, "journal", "erase")
    with closing(sqlite3.connect(state / "journal.db")) as database, database:
        database.execute(statement)
    assert verify(state / "journal.db").problems[0].startswith(said)


@pytest.mark.parametrize("kind", ["lookup", "change"])
def test_an_erasure_that_the_key_did_not_seal_is_not_believed(small: Path, kind: str) -> None:
    """Who can write to the file, and has no key, empties an entry and adds that it was erased under retention."""
    state = small / ".beffroi"
    write_old(state)
    fill(state, 3)
    workspace = Workspace(small)
    with closing(Journal.of(workspace)) as journal:
        own = journal.keys.keyed(f"beffroi-journal-erasure-1 {kind} 2999-01-01 99 9")  # the last one: even with the key
        seal = own if kind == "change" else f"{journal.keys.names()[0]}:{'0' * 64}"
        said = f"before 2999-01-01, up to entry 99: 9, sealed {seal}"
        settings.change(workspace, journal, "erase", "journal", fields=[kind], source=said)
    with closing(sqlite3.connect(state / "journal.db")) as database, database:
        found = database.execute("SELECT min(number) FROM entries WHERE kind = ?", (kind,)).fetchone()[0]
        database.execute("UPDATE entries SET entry = '' WHERE number = ?", (found,))
    assert "lost the content" in beffroi(small, "journal", "verify", status=1).output


def test_an_erasure_that_was_cut_short_goes_on(small: Path) -> None:
    """Journaled, but not done: killed between the two, the next run does it, and the chain is whole all the while."""
    state = small / ".beffroi"
    write_old(state)
    workspace = Workspace(small)
    with closing(Journal.of(workspace)) as journal:
        seal = journal.keys.keyed("beffroi-journal-erasure-1 lookup 2023-01-01 10 4")
        said = f"before 2023-01-01, up to entry 10: 4, sealed {seal}"
        settings.change(workspace, journal, "erase", "journal", fields=["lookup"], source=said)
    assert (verify(state / "journal.db").problems, verify(state / "journal.db").erased) == ((), 0)
    beffroi(small, "journal", "erase")
    assert (verify(state / "journal.db").problems, verify(state / "journal.db").erased) == ((), 7)


def test_entries_of_the_first_format_stay_proven(small: Path) -> None:
    """A journal that was begun before contents could be erased goes on, and its old entries are verified as they were."""
    state = small / ".beffroi"
    state.mkdir()
    with closing(sqlite3.connect(state / "journal.db")) as database, database:
        database.execute(FIRST_FORMAT)
        head = "0" * 64
        for number in range(1, 4):
            text = f'{{"action":"lookup","number":{number},"time":"2019-01-01T00:00:00+00:00"}}'
            previous, head = head, hashlib.sha256(f"{head}\n{text}".encode()).hexdigest()
            database.execute("INSERT INTO entries VALUES (?, ?, ?, ?)", (number, text, previous, head))
    assert verify(state / "journal.db").problems == (), "before anybody has written to it"
    fill(state, 2)
    beffroi(small, "journal", "erase")
    found = verify(state / "journal.db")
    assert (found.entries, found.problems, found.erased) == (6, (), 0)
    with closing(sqlite3.connect(state / "journal.db")) as database, database:
        database.execute("UPDATE entries SET entry = replace(entry, '2019', '2018') WHERE number = 2")
    assert verify(state / "journal.db").problems == ("entry 2 was changed",)


@pytest.mark.parametrize("written", ["3 weeks", "years", "0 days", "-1 years", "9999 years"])
def test_a_duration_that_is_none_is_told(tmp_path: Path, written: str) -> None:
    text = f"title: Ville\njournal:\n  retention:\n    lookup: {written}\n"
    (tmp_path / "beffroi.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"beffroi\.yaml:4: .*(duration such as|at most 1000 years)"):
        Workspace(tmp_path)


# --- keys and who-read -----------------------------------------------------------------------------------------------

GRANTS = """
      portail:
        title: Portail
        grants:
          - {journal: who-read, fields: [time, organisation, purpose, procedure, outcome], purposes: [etat-civil]}
      ecole:"""


def who_read(root: Path, typed: str, *more: str) -> list[dict[str, Any]]:
    done = beffroi(root, "journal", "who-read", "--purpose", "etat-civil", "--json", *more, typed=f"{typed}\n")
    found: list[dict[str, Any]] = json.loads(done.stdout)["data"]
    return found


def test_who_read_finds_all_across_keys(root: Path, nirs: list[str]) -> None:
    nir, other = nirs[0], nirs[1]
    declared = (root / "beffroi.yaml").read_text("utf-8").replace("\n      ecole:", GRANTS, 1)
    (root / "beffroi.yaml").write_text(declared, encoding="utf-8")
    with Gateway(root) as gateway:
        gateway.post("/lookups/person", {"identifier": f"nir:{nir}", "fields": ["sex"]}, "mairie")
        gateway.post("/lookups/person", {"identifier": f"nir:{other}"}, "mairie")
        beffroi(root, "journal", "rotate-key")
        gateway.post("/lookups/person", {"identifier": f"nir:{nir}"}, "ecole")
        gateway.post("/datasets/residents/rows", {"limit": "30"}, "mairie")
        gateway.get("/datasets/residents/latest/residents.csv", "mairie")
        beffroi(root, "journal", "rotate-key")
        gateway.get("/datasets/permits/rows/P2", "ecole")
        beffroi(root, "lookup", "person", "-", "--purpose", "etat-civil", typed=f"{nir}\n")
        answer = gateway.post("/who-read", {"identifier": f"nir:{nir}"}, "portail", "etat-civil")
        refused = gateway.post("/who-read", {"identifier": f"nir:{nir}", "fields": ["agent"]}, "portail", "etat-civil")
        assert gateway.post("/who-read", {"identifier": f"nir:{nir}"}, "mairie").code == "not-granted"
        assert gateway.post("/who-read", {"identifier": f"nir:{nir}"}).code == "unauthenticated"
        assert gateway.post("/who-read", b"{", "portail", "etat-civil").code == "invalid-request"
        twice = gateway.post("/who-read", b'{"identifier": "nir:1", "identifier": "nir:2"}', "portail", "etat-civil")
        assert (twice.status, "has one name twice" in twice.json["detail"]) == (400, True)
        assert gateway.post("/who-read", {"identifier": "x:1"}, "portail", "etat-civil").code == "invalid-request"
    assert (answer.status, refused.code) == (200, "not-granted")
    told = answer.json["data"]
    assert [each["outcome"] for each in told] == ["found", "not-granted", "found", "found", "found"]
    assert told[0] == told[0] | {"organisation": "Ville", "purpose": "Inscription", "procedure": "Inscription"}
    assert set(told[0]) == {"time", "organisation", "purpose", "procedure", "outcome"}, "what is granted, and no more"
    assert answer.json["keys_missing"] == []
    found = who_read(root, f"nir:{nir}")
    assert [(each["action"], each["application"], each["whole"]) for each in found[:5]] == [
        ("lookup", "Mairie", False),
        ("lookup", "École", False),
        ("rows", "Mairie", False),
        ("download", "Mairie", True),
        ("lookup", None, False),
    ]
    assert {(each["action"], each["outcome"]) for each in found[5:]} == {
        ("who-read", "found"), ("who-read", "not-granted"), ("who-read", "unauthenticated"),
    }  # fmt: skip
    assert len(who_read(root, f"nir:{other}")) == 3, "of the same page and file, and a lookup of its own"
    assert [each["resource"] for each in who_read(root, "dataset:permits:P2")] == ["dataset:permits"]
    assert who_read(root, "dataset:permits:P3") == []
    keys = {each["identifier"][:8] for each in entries(root / ".beffroi") if each["identifier"]}
    assert len(keys) == 3, "each rotation is taken by the running gateway too"
    everything = b"".join(path.read_bytes() for path in (root / ".beffroi").glob("journal.*") if path.is_file())
    assert nir.encode() not in everything


def test_the_answer_as_table_and_csv_and_what_is_refused(root: Path, nirs: list[str]) -> None:
    with Gateway(root) as gateway:
        gateway.post("/lookups/person", {"identifier": f"nir:{nirs[0]}"}, "mairie")
    asked = ("journal", "who-read", "--purpose", "etat-civil")
    table = beffroi(root, *asked, typed=f"nir:{nirs[0]}\n")
    assert "lookup:person" in table.stdout
    assert table.stderr == "1 access\n"
    head, line = table.stdout.splitlines()
    assert re.split(r"  +", head.strip()) == ["time (UTC)", "who", "why", "what", "outcome"]
    time, who, why, what, outcome = re.split(r"  +", line.strip())
    assert (len(time), time[10], outcome) == (19, " ", "found")
    assert what.startswith("lookup:person, ")
    assert " fields, civil" in what
    assert (who, why) == ("Mairie, Ville", "Inscription")
    rows = list(csv.DictReader(io.StringIO(beffroi(root, *asked, "--csv", typed=f"nir:{nirs[0]}\n").stdout)))
    assert [row["action"] for row in rows] == ["lookup", "who-read"]
    refused = beffroi(root, "journal", "who-read", typed="nir:1\n", status=1).stderr
    assert "may hold personal data: say why with --purpose" in refused
    assert "--case" not in refused, "which it has not"
    for typed, said in (
        ("", "no identifier came"),
        ("xx:1", "scheme:value"),
        ("nir:12", "NIR is"),
        ("dataset:x", "KEY"),
    ):
        assert said in beffroi(root, *asked, typed=f"{typed}\n", status=1).stderr


def test_a_key_that_is_missing_is_told(small: Path) -> None:
    beffroi(small, "journal", "anchor")
    beffroi(small, "journal", "rotate-key")
    [old] = (small / ".beffroi" / "journal.keys").glob("?" * 8)
    assert (old.stat().st_mode & 0o077, (small / ".beffroi" / "journal.keys").stat().st_mode & 0o077) == (0, 0)
    (small / "beffroi.yaml").write_text(
        "title: Ville\npurposes: {p: {title: P, procedure: P, legal_basis: P}}\n"
        "registries: {communes: {kind: api_geo}}\n", encoding="utf-8",
    )  # fmt: skip
    asked = ("journal", "who-read", "--purpose", "p", "--json")
    assert json.loads(beffroi(small, *asked, typed="insee:01001\n").stdout)["keys_missing"] == []
    old.unlink()
    done = beffroi(small, *asked, typed="insee:01001\n")
    assert json.loads(done.stdout)["keys_missing"] == [old.name]
    assert f"Entries made with the keys {old.name} cannot be searched" in done.stderr


def test_rotating_at_the_same_time_loses_no_key(tmp_path: Path) -> None:
    made = [Keys(tmp_path) for _ in range(4)]
    names: list[str] = made[0].names()

    def rotate(keys: Keys) -> None:
        names.extend(keys.rotate() for _ in range(5))

    threads = [threading.Thread(target=rotate, args=(keys,)) for keys in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == 21
    assert set(Keys(tmp_path).names()) == set(names)


@pytest.mark.parametrize(
    ("grant", "said"),
    [
        ("{journal: who-read, fields: [nobody], purposes: [p]}", "no field «nobody»"),
        ("{journal: who-read, fields: '*', purposes: [q]}", "no purpose «q»"),
        ("{journal: all, fields: '*', purposes: [p]}", "who-read"),
        ("{journal: who-read, lookup: x, fields: '*', purposes: [p]}", "a grant is for one lookup:"),
        ("{fields: '*', purposes: [p]}", "a grant is for one lookup:"),
    ],
)
def test_a_grant_on_who_read_is_checked(tmp_path: Path, grant: str, said: str) -> None:
    (tmp_path / "beffroi.yaml").write_text(
        "title: V\npurposes: {p: {title: P, procedure: P, legal_basis: P}}\n"
        f"organisations: {{v: {{title: V, applications: {{a: {{title: A, grants: [{grant}]}}}}}}}}\n", encoding="utf-8",
    )  # fmt: skip
    with pytest.raises(Misconfigured, match=said):
        Workspace(tmp_path)


def test_keys_of_the_environment(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEFFROI_JOURNAL_KEY", "ab" * 32)
    assert "NEW,OLD" in beffroi(small, "journal", "rotate-key", status=1).stderr
    with closing(Journal(small / ".beffroi")) as journal:
        before = journal.keyed("insee:01001")
    monkeypatch.setenv("BEFFROI_JOURNAL_KEY", f"{'cd' * 32},{'ab' * 32}")
    with closing(Journal(small / ".beffroi")) as journal:
        assert journal.keyed("insee:01001") != before
        assert before in journal.keys.every("insee:01001")
    assert not (small / ".beffroi" / "journal.key").exists()


# --- changes ---------------------------------------------------------------------------------------------------------


def test_every_change_of_what_is_allowed_is_on_the_journal(root: Path) -> None:
    beffroi(root, "token", "issue", "mairie", "--days", "3")
    [token] = json.loads(beffroi(root, "token", "list", "--json").stdout)
    beffroi(root, "token", "revoke", token["id"])
    first, issued, revoked = changes(root)
    assert first["action"] == "settings"
    assert {"audiences", "journal", "keys", "lookups", "organisations", "purposes"} <= set(first["fields"])
    for entry, action in ((issued, "token-issue"), (revoked, "token-revoke")):
        assert (entry["action"], entry["resource"], entry["via"]) == (action, "application:mairie", "command")
        assert entry["source"].startswith(f"token {token['id']}, to ")
        assert entry["agent"]
    written = (root / "beffroi.yaml").read_text("utf-8")
    for changed, old, new in (
        (["purposes"], "CC 34", "CC 35"),
        (["organisations"], "fields: [number, street]", "fields: [number]"),
        (["lookups"], "deadline: 1", "deadline: 2"),
        (["journal"], "\npurposes:", "\njournal: {retention: {refused: 1 year}}\npurposes:"),
    ):
        assert old in written
        written = written.replace(old, new, 1)
        (root / "beffroi.yaml").write_text(written, encoding="utf-8")
        with Gateway(root), Gateway(root):
            pass
        assert [(each["action"], each["fields"]) for each in changes(root)[3:]][-1] == ("settings", changed)
    permits = root / "datasets" / "permits.yaml"
    permits.write_text(permits.read_text("utf-8").replace("audience: agents", "audience: owner"), encoding="utf-8")
    beffroi(root, "journal", "rotate-key")
    assert [each["fields"] for each in changes(root)[7:]] == [["audiences"], ["keys"]], "once each, not at every start"
    assert verify(root / ".beffroi" / "journal.db").whole
