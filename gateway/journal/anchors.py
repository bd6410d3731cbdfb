"""Anchors: the head of the chain, noted outside of the journal, so that nobody can rewrite or cut it unseen.

An anchor is one line of JSON: the last entry's number and hash, the time, and a seal made with the journal's key, so
that an anchor which somebody wrote by hand is told from a journal that somebody rewrote. It may have the time-stamp of
an authority (RFC 3161) too, which proves number, hash and time to people who trust neither of us.
"""

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from connectors import timestamps
from connectors.errors import BeffroiError, NotFound
from gateway.journal.entries import now
from gateway.journal.keys import Key, Keys
from gateway.journal.verification import Anchor
from gateway.store import unavailable

APART = dt.timedelta(minutes=5)
"""By how much the time of an anchor and that of its time-stamp may differ: two clocks, and the way to the authority."""


def make(number: int, head: str, keys: Keys, authority: str | None = None) -> Anchor:
    """Return the anchor of a head, sealed, and time-stamped by the authority at that address, where there is one.

    Raises what `timestamps.stamp` raises.
    """
    bare = Anchor(number, head, now())
    token = timestamps.stamp(authority, bare.message) if authority else b""
    return Anchor(number, head, bare.time, _seal(keys.all[0], bare), base64.b64encode(token).decode())


def append(anchor: Anchor, path: Path) -> None:
    """Add an anchor to a file, on disk when this returns. Raises Unavailable."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(anchor.line() + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise unavailable(path, error) from error


def read(path: Path, keys: Keys, authorities: Path | None = None) -> tuple[list[Anchor], list[str]]:
    """Return the anchors of a file that are what we made, and a sentence for each line that is not.

    With `authorities`, certificates in PEM, each must have a time-stamp of theirs, of its own time. Raises NotFound, Unavailable and Misconfigured
    where a file is missing, cannot be read, or holds no certificate.
    """
    if not path.is_file():
        raise NotFound(f"there are no anchors at {path}")
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise unavailable(path, error) from error
    trusted = timestamps.certificates(authorities) if authorities else []
    found, wrong = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        anchor = _parsed(line)
        reasons = ["is no anchor"] if anchor is None else list(_forged(anchor, keys, trusted))
        wrong += [f"line {number} of {path.name} {reason}: it says nothing about the journal" for reason in reasons]
        if anchor is not None and not reasons:
            found.append(anchor)
    return found, wrong


def _forged(anchor: Anchor, keys: Keys, trusted: Sequence[timestamps.Certificate]) -> Iterator[str]:
    name = anchor.seal.partition(":")[0]
    key = next((key for key in keys.all if key[0] == name), None)
    if key is None:
        yield f"was sealed with the key {name or '(none)'}, which is not here: it was forged, or the key is missing"
    elif not hmac.compare_digest(_seal(key, anchor), anchor.seal):
        yield "was forged or damaged: its seal is not that of its number, hash and time"
    elif trusted and not anchor.timestamp:  # the seal does not cover that there was one
        yield "has no time-stamp of the authority"
    elif trusted:
        yield from _stamped_wrongly(anchor, trusted)


def _stamped_wrongly(anchor: Anchor, trusted: Sequence[timestamps.Certificate]) -> Iterator[str]:
    try:
        stamped = timestamps.verify(base64.b64decode(anchor.timestamp), anchor.message, trusted)
        if abs(stamped - dt.datetime.fromisoformat(anchor.time)) > APART:
            yield f"says that it is of {anchor.time}, and was time-stamped at {stamped.isoformat()}"
    except (BeffroiError, binascii.Error) as error:
        yield f"has a time-stamp that is not one of it: {error}"
    except (ValueError, TypeError):
        yield "has a time that is none, or is of no zone"


def _seal(key: Key, anchor: Anchor) -> str:
    """Return the seal: made with a key derived from the journal's, so that it is no hash of an identifier."""
    derived = hmac.new(key[1], b"beffroi-journal-anchor", hashlib.sha256).digest()
    return f"{key[0]}:{hmac.new(derived, anchor.message, hashlib.sha256).hexdigest()}"


def _parsed(line: str) -> Anchor | None:
    try:
        told = json.loads(line)
        timestamp = str(told.get("timestamp", ""))
        return Anchor(int(told["number"]), str(told["hash"]), str(told["time"]), str(told["seal"]), timestamp)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
