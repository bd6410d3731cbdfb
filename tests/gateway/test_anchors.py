"""Anchors: the head of the journal outside of it tells what the journal cannot: a cut end, a backup, a chain made anew."""

import base64
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from connectors import timestamps
from connectors.errors import BeffroiError, Down, RefusedUs, Unreadable
from gateway.journal import anchors
from gateway.journal.chain import GENESIS, Content, chained
from gateway.journal.keys import Keys
from gateway.journal.verification import Anchor
from tests.commands import beffroi
from tests.gateway.test_journal import fill
from tests.peers import timestamps as peer


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "beffroi.yaml").write_text("title: Ville\n", encoding="utf-8")
    return tmp_path


def anchor(root: Path, *more: str) -> int:
    """Anchor the journal in `anchors`; return the number of its last entry."""
    beffroi(root, "journal", "anchor", "--file", "anchors", *more)
    return int(json.loads((root / "anchors").read_text().splitlines()[-1])["number"])


def verified(root: Path, *more: str, status: int = 0) -> str:
    return beffroi(root, "journal", "verify", "--anchor", "anchors", *more, status=status).stdout


def test_an_anchor_holds_the_head_and_is_itself_journaled(root: Path) -> None:
    fill(root / ".beffroi", 5)
    first = anchor(root)
    beffroi(root, "journal", "rotate-key")  # the first seal is made with the key before it
    fill(root / ".beffroi", 3)
    second = anchor(root)
    said = verified(root)
    assert said.startswith(f"{second} entries, head "), said
    assert said.rstrip().endswith(f"whole, anchored to entry {second}")
    assert first < second
    told = json.loads(beffroi(root, "journal", "anchor", "--json").stdout)
    assert set(told) == {"number", "hash", "time", "seal"}
    with closing(sqlite3.connect(root / ".beffroi/journal.db")) as database:
        [last] = database.execute("SELECT entry, hash FROM entries WHERE number = ?", (told["number"],)).fetchall()
    assert (json.loads(last[0])["action"], last[1]) == ("anchor", told["hash"])


def restore(root: Path) -> None:
    for path in (root / ".beffroi").glob("journal.db*"):
        path.unlink()
    shutil.copy(root / "backup.db", root / ".beffroi/journal.db")


def cut(root: Path) -> None:
    with closing(sqlite3.connect(root / ".beffroi/journal.db")) as database, database:
        database.execute("DELETE FROM entries WHERE number > 6")


def restore_and_go_on(root: Path) -> None:
    restore(root)
    fill(root / ".beffroi", 20)


def rewrite(root: Path) -> None:
    """Change one entry and chain all after it anew, as whoever has the file can."""
    with closing(sqlite3.connect(root / ".beffroi/journal.db")) as database, database:
        rows = database.execute("SELECT entry, kind, day FROM entries ORDER BY number").fetchall()
        rows[4] = (rows[4][0].replace("lookup:", "nobody:"), *rows[4][1:])
        database.execute("DELETE FROM entries")
        made = chained([Content(*row) for row in rows], 0, GENESIS)
        database.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", made)


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (restore, "entries 6 to 13 were removed from the end: an anchor of "),
        (cut, "entries 7 to 13 were removed from the end: an anchor of "),
        (restore_and_go_on, "entries 1 to 13 are not those that an anchor of "),
        (rewrite, "entries 1 to 13 are not those that an anchor of "),
    ],
)
def test_what_the_chain_cannot_tell(root: Path, tamper: Callable[[Path], None], said: str) -> None:
    fill(root / ".beffroi", 5)
    with closing(sqlite3.connect(root / ".beffroi/journal.db")) as database:
        database.execute("VACUUM INTO ?", (str(root / "backup.db"),))
    fill(root / ".beffroi", 6)
    assert anchor(root) == 13
    tamper(root)
    assert "whole" in beffroi(root, "journal", "verify").stdout, "from inside nothing is wrong"
    assert verified(root, status=1).startswith(said)


def test_between_which_anchors_it_was_changed(root: Path) -> None:
    fill(root / ".beffroi", 1)
    assert anchor(root) == 3
    fill(root / ".beffroi", 4)
    assert anchor(root) == 8
    rewrite(root)
    assert verified(root, status=1).startswith("entries 4 to 8 are not those that an anchor of ")


@pytest.mark.parametrize("forge", ["hash", "number", "time", "seal", "key", "text"])
def test_a_forged_anchor_is_told_from_a_forged_journal(root: Path, forge: str) -> None:
    fill(root / ".beffroi", 5)
    anchor(root)
    told = json.loads((root / "anchors").read_text())
    changed = {
        "hash": "0" * 64,
        "number": 2,
        "time": "2020-01-01",
        "seal": f"{told['seal'][:-1]}x",
        "key": "",
        "text": "",
    }
    line = json.dumps(told | {forge: changed[forge]})
    line = json.dumps(told | {"seal": "01234567:" + "0" * 64}) if forge == "key" else line
    (root / "anchors").write_text("what is this\n" if forge == "text" else line)
    said = verified(root, status=1)
    assert said.startswith("line 1 of anchors ")
    assert "it says nothing about the journal" in said
    assert ": whole, and no anchor holds it" in said


def test_a_broken_journal_gets_no_anchor(root: Path) -> None:
    fill(root / ".beffroi", 5)
    with closing(sqlite3.connect(root / ".beffroi/journal.db")) as database, database:
        database.execute("DELETE FROM entries WHERE number = 3")
    done = beffroi(root, "journal", "anchor", "--file", "anchors", status=1)
    assert "entry 3 was removed" in done.stderr
    assert "keep it as it is" in done.stderr
    assert "Correct the request" not in done.stderr, "nothing of it is wrong"
    assert not (root / "anchors").exists()
    assert "there are no anchors" in beffroi(root, "journal", "verify", "--anchor", "anchors", status=1).stderr


# --- time-stamps of an authority -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("authority") / "tsa"
    with peer.serving(folder) as url:
        yield url, folder / "ca.pem"


def test_an_authority_stamps_an_anchor(root: Path, authority: tuple[str, Path], tmp_path: Path) -> None:
    url, certificate = authority
    fill(root / ".beffroi", 5)
    number = anchor(root, "--timestamp", url)
    assert f"anchored to entry {number}" in verified(root, "--authority", str(certificate))
    peer.make(tmp_path / "other", "other")
    said = verified(root, "--authority", str(tmp_path / "other" / "ca.pem"), status=1)
    assert "line 1 of anchors has a time-stamp that is not one of it: the time-stamp does not verify" in said
    first = json.loads((root / "anchors").read_text())
    anchor(root)
    second = json.loads((root / "anchors").read_text().splitlines()[1])
    (root / "anchors").write_text(json.dumps(second | {"timestamp": first["timestamp"]}))
    assert "has a time-stamp that is not one of it" in verified(root, "--authority", str(certificate), status=1)
    assert "no certificates" in beffroi(
        root, "journal", "verify", "--anchor", "anchors", "--authority", "beffroi.yaml", status=1
    ).stderr  # fmt: skip


def sealed(root: Path, number: int, head: str, time: str) -> Anchor:
    """Make an anchor as whoever has the journal's key can."""
    bare = Anchor(number, head, time)
    return replace(bare, seal=anchors._seal(Keys(root / ".beffroi").all[0], bare))


def test_whoever_has_the_key_makes_no_anchor_that_passes_for_stamped(root: Path, authority: tuple[str, Path]) -> None:
    url, certificate = authority
    fill(root / ".beffroi", 5)
    number = anchor(root, "--timestamp", url)
    rewrite(root)
    with closing(sqlite3.connect(root / ".beffroi/journal.db")) as database:
        [(head,)] = database.execute("SELECT hash FROM entries WHERE number = ?", (number,)).fetchall()
    bare = sealed(root, number, head, json.loads((root / "anchors").read_text())["time"])
    (root / "anchors").write_text(bare.line())
    assert f"anchored to entry {number}" in verified(root), "the seal alone is the key's"
    said = verified(root, "--authority", str(certificate), status=1)
    assert "line 1 of anchors has no time-stamp of the authority: it says nothing about the journal" in said
    assert "no anchor holds it" in said
    for time, expected in (
        ("2026-01-01T00:00:00+00:00", "says that it is of 2026-01-01T00:00:00+00:00, and was time-stamped at "),
        ("2026-01-01T00:00:00", "has a time that is none"),
        ("in January", "has a time that is none"),
    ):
        early = sealed(root, number, head, time)
        stamped = base64.b64encode(timestamps.stamp(url, early.message)).decode()
        (root / "anchors").write_text(replace(early, timestamp=stamped).line())
        assert expected in verified(root, "--authority", str(certificate), status=1)


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/garbled", Unreadable), ("/replayed", Unreadable), ("/forbidden", RefusedUs), ("/broken", Down)],
)
def test_what_is_no_stamp_is_an_error(authority: tuple[str, Path], path: str, kind: type[BeffroiError]) -> None:
    url, certificate = authority
    response = timestamps.stamp(url, b"ours")
    assert timestamps.verify(response, b"ours", timestamps.certificates(certificate)).tzinfo
    if path == "/replayed":
        timestamps.stamp(f"{url}{path}", b"another")
    with pytest.raises(kind):
        timestamps.stamp(f"{url}{path}", b"ours")
    with pytest.raises(Unreadable):
        timestamps.verify(response, b"theirs", timestamps.certificates(certificate))


def test_an_authority_whose_certificates_cannot_be_read(authority: tuple[str, Path], tmp_path: Path) -> None:
    """It sends a chain in an order that DER forbids: it is asked without, and verified by its own certificate."""
    url, root = authority
    response = timestamps.stamp(f"{url}/chain", b"ours")
    assert timestamps.verify(response, b"ours", timestamps.certificates(root.with_name("both.pem")))
    with pytest.raises(Unreadable, match="certificate"):
        timestamps.verify(response, b"ours", timestamps.certificates(root))


def test_an_authority_that_is_away_leaves_no_anchor(root: Path) -> None:
    fill(root / ".beffroi", 1)
    arguments = ("journal", "anchor", "--file", "anchors", "--timestamp", "http://127.0.0.1:1")
    assert "the time-stamping authority" in beffroi(root, *arguments, status=1).stderr
    assert not (root / "anchors").exists()
