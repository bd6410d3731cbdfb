"""Credentials: told once, stored as hashes, expiring, revocable, shared between processes."""

import datetime as dt
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connectors.errors import InvalidRequest, NotFound, Unauthenticated, Unavailable
from gateway.tokens import Tokens
from pipelines.workspace import Workspace
from tests.gateway.conftest import Gateway


@pytest.fixture
def tokens(root: Path) -> Iterator[Tokens]:
    with closing(Tokens(Workspace(root))) as opened:
        yield opened


def test_a_token_is_told_once_and_never_stored(tokens: Tokens, root: Path) -> None:
    text = tokens.issue("mairie")
    assert re.fullmatch(r"bft_[\w-]{43}", text), "256 bits"
    assert tokens.issue("mairie") != text
    assert tokens.verify(text) == "mairie"
    stored = b"".join(path.read_bytes() for path in (root / ".beffroi").glob("state.db*"))
    assert text.encode() not in stored
    assert text[4:20].encode() not in stored
    assert (root / ".beffroi" / "state.db").stat().st_mode & 0o077 == 0


def test_what_is_known_of_tokens(tokens: Tokens) -> None:
    tokens.issue("mairie", 2)
    tokens.issue("ecole")
    first, second = tokens.all()
    assert (first.application, second.application) == ("mairie", "ecole")
    assert first.expires - first.issued == dt.timedelta(days=2)
    assert first.valid
    assert first.revoked is None


def test_revoking_is_for_good(tokens: Tokens) -> None:
    text, other = tokens.issue("mairie"), tokens.issue("mairie")
    revoked = tokens.revoke(tokens.all()[0].id)
    assert revoked.revoked is not None
    assert not revoked.valid
    assert tokens.revoke(revoked.id) == revoked, "a second time changes nothing"
    with pytest.raises(Unauthenticated, match="unknown, expired or revoked"):
        tokens.verify(text)
    assert tokens.verify(other) == "mairie"
    with pytest.raises(NotFound, match="beffroi token list"):
        tokens.revoke("' OR 1=1 --")


def test_an_expired_token(tokens: Tokens, root: Path) -> None:
    text = tokens.issue("mairie")
    yesterday = (dt.datetime.now(dt.UTC) - dt.timedelta(days=1)).isoformat()
    with closing(sqlite3.connect(root / ".beffroi" / "state.db")) as database, database:
        database.execute("UPDATE tokens SET expires = ?", (yesterday,))
    with pytest.raises(Unauthenticated, match="unknown, expired or revoked"):
        tokens.verify(text)


def test_what_cannot_be_issued(tokens: Tokens) -> None:
    with pytest.raises(NotFound, match="did you mean «mairie»"):
        tokens.issue("mairi")
    for days in (0, -1, 4000, 10**12):
        with pytest.raises(InvalidRequest, match="1 to 3650 days"):
            tokens.issue("mairie", days)
    assert tokens.all() == []


def test_another_process_revokes(root: Path) -> None:
    with Gateway(root) as gateway:
        assert gateway.get("/lookups/commune/01001", "mairie").status == 200
        code = (
            "import sys; from pathlib import Path; from gateway.tokens import Tokens;"
            " from pipelines.workspace import Workspace; tokens = Tokens(Workspace(Path(sys.argv[1])));"
            " [tokens.revoke(token.id) for token in tokens.all()]; tokens.close()"
        )
        subprocess.run([sys.executable, "-c", code, str(root)], check=True)
        reply = gateway.get("/lookups/commune/01001", "mairie")
    assert (reply.status, reply.code) == (401, "unauthenticated")


def test_a_store_that_cannot_be_used(root: Path) -> None:
    (root / ".beffroi" / "state.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(Unavailable, match=r"state\.db cannot be used"):
        Tokens(Workspace(root))


def test_a_second_store_in_one_process_takes_no_locks_away(root: Path) -> None:
    """Else another process, the last as it thinks, takes the log away, and what is issued later is never seen."""
    issue = (
        "import sys; from pathlib import Path; from gateway.tokens import Tokens;"
        " from pipelines.workspace import Workspace; tokens = Tokens(Workspace(Path(sys.argv[1])));"
        " print(tokens.issue('mairie')); tokens.close()"
    )
    with closing(Tokens(Workspace(root))) as tokens:
        tokens.issue("ecole")
        Tokens(Workspace(root)).close()
        for _ in range(2):
            done = subprocess.run([sys.executable, "-c", issue, str(root)], check=True, capture_output=True, text=True)
            assert tokens.verify(done.stdout.strip()) == "mairie"
