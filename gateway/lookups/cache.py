"""What registries answered, kept for a while, shared by all processes of a workspace.

The file names nobody: an entry stands under a keyed hash of what was asked, and is encrypted with a key that only that
question gives. Whoever has the file and the key of the workspace must still know an identifier to read what it says.
"""

import contextlib
import datetime as dt
import hashlib
import hmac
import json
import os
import secrets
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lmdb
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import ValidationError

from connectors.records import Record
from gateway.store import open_environment
from pipelines.declarations.configuration import Lookup

SIZE = 2**28
"""Bytes of the file at most, some 500,000 records; when it is full, it begins anew."""

NONCE = 12
"""Bytes of a nonce of AES-GCM (NIST SP 800-38D, 8.2), made at random for each entry."""

SWEPT = 600.0
"""Seconds between two sweeps of what is over."""

LAST_WORD = "\0last word"
"""What a mark stands under, beside its question, in the place of what was told."""

SLICE = 2_000
"""Entries that are looked at in one go: some milliseconds."""


@dataclass(frozen=True)
class Found:
    """A record, the provider that had it, since when it is so, and the identifier that led to a successor.

    `cached` is how it came out of the cache, if it did: `fresh`, or `stale` where nobody could answer. `lacks` are the
    record's fields that the provider has of nobody.
    """

    record: Record
    source: str
    as_of: dt.datetime
    merged_from: str | None = None
    cached: str | None = None
    lacks: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Absent:
    """What a registry said that it does not have."""

    source: str
    as_of: dt.datetime
    detail: str


@dataclass(frozen=True)
class Kept:
    """An answer that is kept, and whether it may be told without asking again."""

    answer: Found | Absent
    fresh: bool


class Cache:
    """The cache of one workspace, in `.beffroi/cache/`. What cannot be read or written is as if it were not there."""

    def __init__(self, state: Path) -> None:
        """Nothing is opened until something is kept or looked for."""
        self._folder = state / "cache"
        self._environment: lmdb.Environment | None = None
        self._secret = b""
        self._swept = -SWEPT
        self._next: bytes | None = None  # the entry that the next slice of a sweep begins with

    def close(self) -> None:
        """Close the file."""
        if self._environment is not None:
            self._environment.close()
            self._environment = None

    def get(self, name: str, lookup: Lookup, text: str, told: str = "") -> Kept | None:
        """Return what is kept of the question `text` (`scheme:value`) to a lookup, as long as it may be told at all.

        `told` is what registries were told with it, for which alone an answer is kept. What came before a registry's last
        word on the question, whatever it was told then, is not told any more.
        """
        found = self._kept(name, lookup, text + told)
        if found is None or not told:
            return found
        mark = self._kept(name, lookup, text + LAST_WORD)
        return found if mark is None or mark.answer.as_of < found.answer.as_of else None

    def _kept(self, name: str, lookup: Lookup, text: str) -> Kept | None:
        with contextlib.suppress(lmdb.Error, OSError):
            key, cipher = self._sealed(name, lookup, text)
            with self._open().begin() as transaction:
                stored = transaction.get(key)
            if stored is None or struct.unpack_from(">d", stored)[0] < time.time():
                return None
            with contextlib.suppress(InvalidTag, ValueError, KeyError, ValidationError):
                return _read(lookup, json.loads(cipher.decrypt(stored[8 : 8 + NONCE], stored[8 + NONCE :], stored[:8])))
        return None

    def put(self, name: str, lookup: Lookup, text: str, answer: Found | Absent, told: str = "") -> None:
        """Keep an answer of a registry, as long as the lookup says."""
        if lookup.cache is None:
            return
        found = isinstance(answer, Found)
        seconds = lookup.cache.seconds + lookup.cache.stale if found else lookup.cache.not_found
        self._write(name, lookup, text + told, answer, seconds)

    def _write(self, name: str, lookup: Lookup, text: str, answer: Found | Absent, seconds: float) -> None:
        until = struct.pack(">d", time.time() + seconds)
        with contextlib.suppress(lmdb.Error, OSError):
            key, cipher = self._sealed(name, lookup, text)
            nonce = secrets.token_bytes(NONCE)
            stored = until + nonce + cipher.encrypt(nonce, json.dumps(_told(answer)).encode(), until)
            self._put(key, stored)

    def forget(self, name: str, lookup: Lookup, text: str, told: str = "") -> None:
        """Keep nothing of a question any more: a registry that has withheld or lost a record has the last word.

        Whether it said so to this case alone, or would to any, nobody knows: so all are asked for anew, each with what
        it tells. The entries of others cannot be found here; a mark lasts as long as they may.
        """
        if told and lookup.cache is not None:
            mark = Absent("", dt.datetime.now(dt.UTC), "")
            self._write(name, lookup, text + LAST_WORD, mark, lookup.cache.seconds + lookup.cache.stale)
        with contextlib.suppress(lmdb.Error, OSError):
            key, _ = self._sealed(name, lookup, text + told)
            with self._open().begin(write=True) as transaction:
                transaction.delete(key)

    def _put(self, key: bytes, stored: bytes) -> None:
        environment = self._open()
        self._sweep(environment)
        try:
            with environment.begin(write=True) as transaction:
                transaction.put(key, stored)
        except lmdb.MapFullError:
            everything = environment.open_db()
            with environment.begin(write=True) as transaction:
                transaction.drop(everything, delete=False)
            with environment.begin(write=True) as transaction:  # the room of what was dropped is free after its commit
                transaction.put(key, stored)

    def _sweep(self, environment: lmdb.Environment) -> None:
        """Take out what is over, now and then: what is kept of a person does not stay because nobody asks again.

        A slice at a time, from where the one before ended: whoever asks meanwhile waits for it.
        """
        if self._next is None and time.monotonic() < self._swept + SWEPT:
            return
        with environment.begin(write=True) as transaction, transaction.cursor() as cursor:
            there = cursor.set_range(self._next) if self._next else cursor.first()
            for _ in range(SLICE):
                if not there:
                    break
                over = struct.unpack_from(">d", cursor.value())[0] < time.time()
                there = (
                    (cursor.delete() and bool(cursor.key())) if over else cursor.next()
                )  # it is on no entry at the end
            self._next = bytes(cursor.key()) if there else None
        self._swept = time.monotonic()

    def _open(self) -> lmdb.Environment:
        if self._environment is None:
            self._environment = open_environment(self._folder, SIZE)
            self._environment.reader_check()  # a process that was killed while it read would keep room for ever
        return self._environment

    def _sealed(self, name: str, lookup: Lookup, text: str) -> tuple[bytes, AESGCM]:
        """Return the key of an entry, and what it is sealed with. A lookup declared otherwise has other entries."""
        said = json.dumps([name, lookup.model_dump_json(), lookup.record_model.__name__, text]).encode(
            "utf-8", "replace"
        )
        made = hmac.new(self._key(), said, hashlib.sha512).digest()
        return made[:32], AESGCM(made[32:])

    def _key(self) -> bytes:
        """Return the key of the workspace's cache, made once for all processes. Raises OSError."""
        if not self._secret:
            path = self._folder / "key"
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.suppress(FileExistsError):
                part = path.with_name(f"key.{secrets.token_hex(4)}")
                part.touch(mode=0o600)
                part.write_bytes(secrets.token_bytes(32))
                try:
                    os.link(part, path)  # the first process to come makes it, whole
                finally:
                    part.unlink()
            self._secret = path.read_bytes()
        return self._secret


def _told(answer: Found | Absent) -> dict[str, Any]:
    """Return an answer as JSON has it."""
    told: dict[str, Any] = {"source": answer.source, "as_of": answer.as_of.timestamp()}
    if isinstance(answer, Absent):
        return told | {"detail": answer.detail}
    return told | {"record": answer.record.model_dump(mode="json"), "merged_from": answer.merged_from}


def _read(lookup: Lookup, told: dict[str, Any]) -> Kept | None:
    """Return what JSON says, and whether it is fresh. Raises KeyError, ValidationError for what is another record's."""
    if lookup.cache is None:
        return None
    as_of = dt.datetime.fromtimestamp(told["as_of"], dt.UTC)
    if "record" not in told:
        return Kept(Absent(told["source"], as_of, told["detail"]), fresh=True)
    record = lookup.record_model.model_validate_json(json.dumps(told["record"]))
    fresh = dt.datetime.now(dt.UTC) - as_of <= dt.timedelta(seconds=lookup.cache.seconds)
    return Kept(Found(record, told["source"], as_of, told["merged_from"], "fresh" if fresh else "stale"), fresh)
