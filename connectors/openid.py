"""Access tokens of an OpenID provider: its keys, fetched and kept, and whether a token is one of its own, for us.

Sources: RFC 9068 (JWT access tokens), RFC 8725 (what to mind with JWT), OpenID Connect Discovery 1.0 section 4, RFC 7517.
"""

import copy
import json
import math
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc import jwk, jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode

from connectors import http
from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Down, Misconfigured, Unauthenticated, Unreadable

ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"})
ALGORITHMS |= {"EdDSA", "Ed25519"}
"""How a token may be signed: by the provider alone. Never `none`, and never by a secret that others share."""

PATIENCE = 60.0
"""Seconds in which a provider is asked for its keys at most once, whatever keys tokens name."""

AGAIN = 10.0
"""Seconds until it is asked again where it could not give them."""

RENEWED = 600.0
"""Seconds after which keys are fetched again: one that was withdrawn does not count for longer."""

KEPT = 86_400.0
"""Seconds for which the keys of a provider that is down still count."""

DEADLINE = 5.0
"""Seconds for each of the two questions to a provider."""

LEEWAY = 30
"""Seconds that its clock and ours may differ by."""

LONGEST = 16 * 1024
"""Characters of a token."""

_MOST = 1024 * 1024
_TYPES = ("at+jwt", "application/at+jwt")
_SMALLEST_RSA = 2048
_LATEST = 2**53  # no NaN, nothing infinite, no whole number that is no float
_REGISTRY = JWSRegistry(algorithms=sorted(ALGORITHMS), strict_check_header=False)  # RFC 7515, 4: ignore what is unknown
_REGISTRY.algorithms = {name: copy.copy(_REGISTRY.algorithms[name]) for name in ALGORITHMS}
_REGISTRY.algorithms["EdDSA"].security_warning = None  # it has other names since RFC 9864, which few providers know yet
_TEXTS = ("sub", "client_id", "jti")


@dataclass(frozen=True)
class Presented:
    """A token as it came: who it says that it is from, and by which key. Nothing of it is believed yet."""

    text: str
    issuer: str
    key: str

    @classmethod
    def read(cls, text: str) -> "Presented":
        """Read a token. Raises Unauthenticated, whose detail repeats nothing of it."""
        if len(text) > LONGEST:
            raise Unauthenticated(f"the access token is longer than {LONGEST // 1024} KiB")
        try:
            header, payload, _signature = (part.encode("ascii") for part in text.split("."))
            head, claims = json.loads(urlsafe_b64decode(header)), json.loads(urlsafe_b64decode(payload))
            issuer, key = claims["iss"], head["kid"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Unauthenticated(
                "the token is neither one of ours nor an access token that names issuer and key"
            ) from None
        if not isinstance(issuer, str) or not isinstance(key, str):
            raise Unauthenticated("the access token names its issuer or its key (kid) by something that is no text")
        return cls(text, issuer, key)


class Provider:
    """One OpenID provider. Only `renew` asks it for its keys, and waits for them; nothing else ever waits."""

    def __init__(
        self, name: str, issuer: str, audience: str, *, keys: str | None = None, authority: Path | None = None
    ) -> None:
        """`keys` is where its keys are, unless its discovery tells; nothing is asked before the first token."""
        self.name, self._issuer, self._audience, self._keys_url = (
            f"the identity provider {name}",
            issuer,
            audience,
            keys,
        )
        self._identity = http.Identity(authority=authority) if authority else None
        self._keys: dict[str, Any] = {}
        self._fetched = self._asked = -math.inf
        self._failure: BeffroiError | None = None
        self._lock = threading.Lock()

    def knows(self, presented: Presented) -> bool:
        """Tell whether the key that a token names is known, or nothing is to be won by asking for it."""
        return presented.key in self._current() or not self._may_ask()

    def old(self) -> bool:
        """Tell whether its keys should be fetched again, which nobody need wait for."""
        return time.monotonic() - self._fetched > RENEWED and self._may_ask()

    def renew(self) -> None:
        """Fetch its keys, unless they were just now. What fails is told by `claims`, where a key is missing."""
        with self._lock:
            if not self._may_ask():
                return
            try:
                self._keys, self._failure = self._fetch(), None
                self._fetched = time.monotonic()
            except BeffroiError as error:
                self._failure = error
            self._asked = time.monotonic()  # not before: who comes meanwhile waits for what it answers

    def claims(self, presented: Presented) -> dict[str, Any]:
        """Return what a token says, once it is proven: signed by this provider, for us, in force.

        Raises Unauthenticated for any other token, Down or Misconfigured where its key could not be had.
        """
        key = self._current().get(presented.key)
        if key is None:
            raise self._without_key()
        try:
            token = jwt.decode(presented.text, key, registry=_REGISTRY)
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            raise Unauthenticated(
                f"the access token is not signed as {self.name} signs: it is damaged or forged"
            ) from None
        if str(token.header.get("typ", "")).lower() not in _TYPES:
            raise Unauthenticated("the token is no access token: its type (typ) must be at+jwt (RFC 9068)")
        self._hold(token.claims)
        return token.claims

    def _current(self) -> dict[str, Any]:
        return self._keys if time.monotonic() - self._fetched < KEPT else {}

    def _may_ask(self) -> bool:
        return time.monotonic() - self._asked > (AGAIN if self._failure else PATIENCE)

    def _without_key(self) -> BeffroiError:
        failure = self._failure
        if failure is None:
            return Unauthenticated(f"the access token is signed by a key that {self.name} does not publish")
        if isinstance(failure, Misconfigured):
            return Misconfigured(failure.detail)
        told = f"{self.name} did not give the key that the access token is signed by: {failure.detail}"
        return Down(told, retry_in=AGAIN)

    def _hold(self, claims: dict[str, Any]) -> None:
        """Hold what a token says against RFC 9068, 2.2 and 4. Raises Unauthenticated."""
        now, audience = time.time(), claims.get("aud")
        if claims.get("iss") != self._issuer:
            raise Unauthenticated(f"the access token is not from {self.name}")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise Unauthenticated("the access token is for another audience (aud) than this gateway")
        if _moment(claims, "exp") <= now - LEEWAY:
            raise Unauthenticated("the access token has expired: ask its provider for a new one")
        if _moment(claims, "iat") > now + LEEWAY or ("nbf" in claims and _moment(claims, "nbf") > now + LEEWAY):
            raise Unauthenticated("the access token is not in force yet: one of the two clocks is wrong")
        for name in _TEXTS:
            if not isinstance(claims.get(name), str):
                raise Unauthenticated(f"the access token does not say {name} (RFC 9068)")

    def _fetch(self) -> dict[str, Any]:
        """Return the public keys that the provider signs with, by their names."""
        url = self._keys_url
        if url is None:
            found = self._json(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration", self._issuer)
            url = found.get("jwks_uri")
            if found.get("issuer") != self._issuer or not isinstance(url, str):
                raise Misconfigured(
                    f"{self.name} says that its issuer is another than declared, or not where its keys are"
                )
        keys = self._json(url, self._keys_url or self._issuer).get("keys")
        if not isinstance(keys, list):
            raise Unreadable(f"{self.name} answered no list of keys")
        return dict(named for each in keys if (named := _key(each)) is not None)

    def _json(self, url: str, base: str) -> dict[str, Any]:
        deadline, accept = Deadline.after(DEADLINE), {"Accept": "application/json"}
        with http.stream(
            "GET", url, base=base, registry=self.name, deadline=deadline, headers=accept, identity=self._identity, most=_MOST
        ) as streamed:  # fmt: skip
            answer = http.Response(streamed.status, streamed.headers, streamed.rest())
        if answer.status != 200:
            raise http.refusal(answer, self.name) or Unreadable(f"{self.name} answered HTTP {answer.status}")
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Unreadable(f"{self.name} answered something that is not a JSON object")
        return found


def _key(given: Any) -> tuple[str, Any] | None:
    """Return a key and its name, or None where it is none that signs tokens: a shared secret, one to encrypt, too weak."""
    if not isinstance(given, dict) or given.get("kty") not in ("RSA", "EC", "OKP") or given.get("use", "sig") != "sig":
        return None
    name = given.get("kid")
    if not isinstance(name, str) or given.get("alg", "ES256") not in ALGORITHMS:
        return None
    try:
        if given["kty"] == "RSA" and len(urlsafe_b64decode(str(given.get("n")).encode())) * 8 < _SMALLEST_RSA:
            return None
        public = {
            part: given[part] for part in ("kty", "kid", "use", "alg", "n", "e", "crv", "x", "y") if part in given
        }
        return name, jwk.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _moment(claims: dict[str, Any], name: str) -> float:
    """Return a time that a token says. Raises Unauthenticated for what is none."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LATEST:
        raise Unauthenticated(f"the access token says no time in {name} (RFC 9068)")
    return float(value)
