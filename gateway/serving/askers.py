"""Who asks, as the head of a question tells, and heads that came before: they are not read again.

Clients repeat their headers byte for byte, and behind any first line these are read alike. What is remembered of them has
no token in it, and stands under a digest; whether the token is still good is asked in every turn of the event loop.
"""

import functools
import hashlib
from typing import NamedTuple

from starlette.datastructures import Headers

from gateway.callers.access import Caller, identify
from gateway.callers.credentials import Credential
from gateway.callers.tokens import PREFIX, hashed
from gateway.receipt_signing import wanted
from gateway.service import Service
from gateway.serving.short import UNUSUAL
from gateway.serving.turn import Turn

Raw = list[tuple[bytes, bytes]]

LONG = UNUSUAL - {b"authorization", b"content-length"} | {b"cache-control"}
"""Headers of a question that takes the long way."""

OURS = (b"beffroi-purpose", b"beffroi-agent", b"beffroi-case", b"beffroi-receipt")
MOST_OURS = 512
"""Headers that tell of a caller, and bytes of them together that are remembered; more is no usual question."""

MOST_TEXT, MOST_TEXTS = 2048, 1024
"""Bytes of the headers of one question that are remembered, and of how many."""


class Asker(NamedTuple):
    """What the headers of a question tell: who asks, in which language, and of the body its length, if any, and type.

    `token` is the hash of the token that came, where that is good from everywhere.
    """

    caller: Caller
    language: bytes
    length: int | None
    content_type: str
    token: str | None


class Askers:
    """What tells who asks."""

    def __init__(self, service: Service) -> None:
        """`service` is what the gateway answers from."""
        self._service = service
        self._who = functools.lru_cache(maxsize=4096)(self._identified)
        self._good = Turn(service.tokens.in_force)
        self._known: dict[bytes, Asker] = {}

    def read(self, headers: Raw, peer: str | None) -> Asker | None:
        """Return who asks by a token of ours that is good, and says of the call what is right; None for the long way.

        `headers` have names in lower case. Raises what that raises.
        """
        said = dict(headers)
        if len(said) != len(headers) or not LONG.isdisjoint(said):
            return None
        scheme, _, text = said.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not (text := text.strip()).startswith(PREFIX):
            return None
        token = self._good.of(hash_ := hashed(text))
        credential = Credential(token.application)
        if token.networks:
            credential = self._service.credentials.of_token(text, peer, Headers(raw=headers))
        ours = tuple([(name, said[name]) for name in OURS if name in said])
        if credential.refusal is not None or sum(len(value) for _, value in ours) > MOST_OURS:
            return None
        caller = self._who(credential, ours)
        if caller.refusal is not None:
            return None
        length = said.get(b"content-length")
        return Asker(
            caller, said.get(b"accept-language", b""), None if length is None else int(length),
            said.get(b"content-type", b"").decode("latin-1"), None if token.networks else hash_,
        )  # fmt: skip

    def again(self, text: bytes) -> Asker | None:
        """Return who asks by headers that came before; None where they are to be read. Raises what `read` raises."""
        if (known := self._known.get(hashlib.sha256(text).digest())) is not None:
            self._good.of(known.token or "")
        return known

    def remember(self, text: bytes, asker: Asker) -> None:
        """Remember who asked by headers; not by a token that is bound to networks, in which another call may not be."""
        if asker.token is None or len(text) > MOST_TEXT:
            return
        if len(self._known) >= MOST_TEXTS:
            del self._known[next(iter(self._known))]
        self._known[hashlib.sha256(text).digest()] = asker

    def _identified(self, credential: Credential, headers: tuple[tuple[bytes, bytes], ...]) -> Caller:
        """Return the caller whom the headers tell of that are ours. Who says the same is the same while we run."""
        said = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
        return wanted(identify(self._service.workspace, credential, said, None), said)
