"""Credentials of applications: issued once, stored as hashes, expiring, revocable, bound to networks.

A token is `bft_` and 256 random bits, so that a leaked one is recognised as ours; a plain SHA-256 is enough to store
so much randomness. Looking a token up by its hash takes the same time whatever it resembles.
"""

import contextlib
import datetime as dt
import hashlib
import secrets
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.errors import InvalidRequest, NotFound, Unauthenticated, Unavailable
from gateway.serving.turn import Turn
from gateway.store import open_store, unavailable
from pipelines.declarations.callers import network
from pipelines.declarations.sentences import among
from pipelines.workspace import Workspace

PREFIX = "bft_"
MAX_DAYS = 3650
UNKNOWN = "the token is unknown, expired or revoked"
SCHEMA = """CREATE TABLE IF NOT EXISTS tokens (
    id TEXT PRIMARY KEY, application TEXT NOT NULL, hash TEXT NOT NULL UNIQUE,
    issued TEXT NOT NULL, expires TEXT NOT NULL, revoked TEXT, networks TEXT)"""
COLUMNS = "id, application, issued, expires, revoked, networks"


@dataclass(frozen=True)
class Token:
    """What is known of a token: everything but the token. Times are UTC."""

    id: str
    application: str
    issued: dt.datetime
    expires: dt.datetime
    revoked: dt.datetime | None
    networks: tuple[str, ...] = ()  # where it may come from; from everywhere, if none is said

    @property
    def valid(self) -> bool:
        """Tell whether it still opens anything."""
        return self.revoked is None and self.expires > dt.datetime.now(dt.UTC)


class Tokens:
    """The tokens of one workspace, in `.beffroi/state.db`. Thread-safe, and safe between processes."""

    def __init__(self, workspace: Workspace) -> None:
        """Open the store. Raises Unavailable."""
        self._workspace = workspace
        self._path = workspace.state / "state.db"
        self._lock = threading.Lock()
        self._now = Turn(self._of_hash)
        self._connection = open_store(self._path, SCHEMA)
        if "networks" not in {row[1] for row in self._execute("PRAGMA table_info(tokens)")}:
            with contextlib.suppress(Unavailable):  # another process was faster
                self._execute("ALTER TABLE tokens ADD COLUMN networks TEXT")

    def close(self) -> None:
        """Close the store."""
        with self._lock:
            self._connection.close()

    def issue(self, application: str, days: int = 365, networks: Sequence[str] = ()) -> str:
        """Make a token for a declared application, valid for `days`, and return its text, which is told only here.

        It is good from these `networks` only, or from everywhere. Raises NotFound for an application that is not
        declared, InvalidRequest for a duration out of bounds or what is no network.
        """
        declared = self._workspace.applications
        if application not in declared:
            raise NotFound(f"there is no application «{application}»{among(application, declared)}")
        if not 1 <= days <= MAX_DAYS:
            raise InvalidRequest(f"a token is valid for 1 to {MAX_DAYS} days")
        try:
            bound = " ".join(str(network(each)) for each in networks)
        except ValueError as error:
            raise InvalidRequest(str(error)) from None
        text = PREFIX + secrets.token_urlsafe(32)
        now = dt.datetime.now(dt.UTC)
        self._execute(
            "INSERT INTO tokens (id, application, hash, issued, expires, networks) VALUES (?, ?, ?, ?, ?, ?)",
            (
                secrets.token_hex(4),
                application,
                hashed(text),
                now.isoformat(),
                (now + dt.timedelta(days=days)).isoformat(),
                bound or None,
            ),
        )
        return text

    def all(self) -> list[Token]:
        """Return every token ever issued, oldest first."""
        rows = self._execute(f"SELECT {COLUMNS} FROM tokens ORDER BY issued")
        return [_token(row) for row in rows]

    def revoke(self, token_id: str) -> Token:
        """Revoke the token of that id, at once and for good; returns it. Raises NotFound."""
        now = dt.datetime.now(dt.UTC).isoformat()
        self._execute("UPDATE tokens SET revoked = coalesce(revoked, ?) WHERE id = ?", (now, token_id))
        for token in self.all():
            if token.id == token_id:
                return token
        raise NotFound(f"there is no token with the id «{token_id}»; `beffroi token list` shows them")

    def known(self, text: str) -> Token:
        """Return what is known of a token by its text, be it valid or not. Raises Unauthenticated."""
        return self._now.of(hashed(text))

    def verify(self, text: str) -> Token:
        """Return what is known of a token in force. Raises Unauthenticated, without saying why it is in none.

        Whether it comes from where it may is for the caller to see (`networks`).
        """
        return self.in_force(hashed(text))

    def in_force(self, hash_: str) -> Token:
        """Return what `verify` does, of a token whose hash is known."""
        token = self._now.of(hash_)
        if not token.valid or token.application not in self._workspace.applications:
            raise Unauthenticated(UNKNOWN)
        return token

    def _of_hash(self, hash_: str) -> Token:
        found = self._execute(f"SELECT {COLUMNS} FROM tokens WHERE hash = ?", (hash_,))
        if not found:
            raise Unauthenticated(UNKNOWN)
        return _token(found[0])

    def _execute(self, sql: str, values: tuple[str | None, ...] = ()) -> list[Any]:
        try:
            with self._lock:
                return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise unavailable(self._path, error) from error


def hashed(text: str) -> str:
    """Return the hash under which a token is kept."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _token(row: tuple[str, str, str, str, str | None, str | None]) -> Token:
    issued, expires = dt.datetime.fromisoformat(row[2]), dt.datetime.fromisoformat(row[3])
    revoked = dt.datetime.fromisoformat(row[4]) if row[4] else None
    return Token(row[0], row[1], issued, expires, revoked, tuple((row[5] or "").split()))
