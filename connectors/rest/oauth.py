"""OAuth 2.0 client credentials: a token from a token endpoint, kept until shortly before its end, one for all threads.

Sources: RFC 6749 (2.3.1, 4.4, 5.1, 5.2), RFC 6750, RFC 7523 (2.2, 3: private_key_jwt), RFC 8705 (2.1: by certificate).
"""

import base64
import json
import math
import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

from connectors import http
from connectors.credentials import Credential, certificates
from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Busy, Down, Late, Misconfigured, RefusedUs, Unreadable
from connectors.pacing import Pace
from connectors.rest.assertion import assertion
from connectors.rest.auth_settings import OAuth2Settings
from connectors.rest.sent import US, text_of
from connectors.tls import Identity

LEEWAY = 30.0
"""Seconds before its end from which a token is not used any more: it must live until a call has arrived."""
PATIENCE = 10.0
"""Seconds in which a token endpoint that refused us is not asked again, nor a token renewed a second time: wrong
secrets asked often lock accounts."""
_MOST = 1024 * 1024
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_CODES: dict[str, tuple[type[BeffroiError], str]] = {
    "invalid_client": (
        RefusedUs,
        "it does not know us by client_id: and what proves it (a secret, key or certificate)",
    ),
    "unauthorized_client": (RefusedUs, "we may not have a token by client credentials: have the client allowed to"),
    "invalid_scope": (RefusedUs, "the scope: is unknown there, or not granted to us"),
    "access_denied": (RefusedUs, "it denies us a token"),
    "invalid_grant": (RefusedUs, "what proves who we are is not valid, or has ended"),
    "invalid_target": (Misconfigured, "the audience: is unknown there, or missing (RFC 8707, 2)"),
    "invalid_request": (Misconfigured, "it wants other parameters, or another method:, than what is declared"),
    "unsupported_grant_type": (Misconfigured, "it gives no tokens for client credentials"),
    "server_error": (Down, "it says that it is out of order"),
    "temporarily_unavailable": (Down, "it says that it is out of order"),
}
"""What the codes of RFC 6749 (5.2 and, as they are seen here too, 4.1.2.1) and RFC 8707 mean for whoever operates us."""


@dataclass(frozen=True, repr=False)
class _Token:
    """A token, and when it is not used any more (on the monotonic clock)."""

    value: str
    until: float


@dataclass(frozen=True)
class _Failure:
    """Why no token could be had, and when."""

    error: BeffroiError
    at: float

    def counts(self, began: float) -> bool:
        """Tell whether it is the answer for whoever began to wait then: what a deadline caused is not that of others."""
        since = began - PATIENCE if isinstance(self.error, RefusedUs) else began
        return self.at > since and not isinstance(self.error, Late | Busy)

    def told(self) -> BeffroiError:
        """Return the error for another caller: one exception is not raised in two threads."""
        return type(self.error)(self.error.detail, registry=self.error.registry, retry_in=self.error.retry_in)


class OAuth2:
    """Who we are by tokens of a token endpoint. Thread-safe; of many threads that want a token, one fetches it."""

    def __init__(
        self, settings: OAuth2Settings, registry: str, root: Path, identity: Identity | None, pace: Pace | None
    ) -> None:
        """Arguments are those of `auth_of`. The first token is fetched by the first call."""
        self._settings, self._registry, self._root, self._pace = settings, registry, root, pace
        self._identity = identity if settings.tls is None else settings.tls.identity(root)
        self._lock = threading.Lock()
        self._token: _Token | None = None
        self._failure: _Failure | None = None
        self._renewed = -math.inf
        self._applied = threading.local()  # the token that this thread sent last: a 401 is about that one

    def apply(self, headers: dict[str, str], query: list[tuple[str, str]], deadline: Deadline) -> None:
        """Add the token, fetched where there is none that lives; raises as `_fetched` does."""
        token = self._token
        if token is None or token.until <= time.monotonic():
            token = self._one(token, deadline)
        self._applied.token = token
        headers["Authorization"] = f"Bearer {token.value}"

    def renew(self, deadline: Deadline) -> bool:
        """Fetch a new token for the one that this thread sent last, unless another thread has. Raises as `apply` does.

        Returns False where a token was renewed just before and not `accepted`: the registry refuses us, not the token.
        """
        refused: _Token | None = getattr(self._applied, "token", None)
        if refused is self._token and time.monotonic() - self._renewed < PATIENCE:
            return False
        self._one(refused, deadline, renewing=True)
        return True

    def accepted(self) -> None:
        """Note that the token that was renewed is good: once it is refused it has ended, and may be renewed at once."""
        self._renewed = -math.inf

    def credentials(self) -> Iterable[Credential]:
        """Yield whether the token endpoint refused us when it was last asked, and our certificate for it."""
        failure, tls = self._failure, self._settings.tls
        yield Credential(
            f"the client {self._settings.client_id} of the token endpoint",
            refused=failure is not None and isinstance(failure.error, RefusedUs),
        )
        if tls is not None and tls.certificate is not None:
            named = "our certificate for the token endpoint"
            yield from certificates(self._root / tls.certificate, self._registry, named)

    def _one(self, stale: _Token | None, deadline: Deadline, *, renewing: bool = False) -> _Token:
        """Return a token that is not `stale`, fetched here or by the thread before us."""
        began = time.monotonic()
        if not self._lock.acquire(timeout=deadline.remaining()):
            raise Late(f"the token endpoint of {self._registry} did not answer in time", registry=self._registry)
        try:
            token, failure = self._token, self._failure
            if token is not None and token is not stale and token.until > time.monotonic():
                return token
            if failure is not None and failure.counts(began):
                raise failure.told()
            try:
                self._token = self._fetched(deadline)
            except BeffroiError as error:
                self._failure = _Failure(error, time.monotonic())
                raise
            self._failure, self._renewed = None, time.monotonic() if renewing else self._renewed
            return self._token
        finally:
            self._lock.release()

    def _fetched(self, deadline: Deadline) -> _Token:
        """Return a new token. Raises RefusedUs, Misconfigured, Down, Late, Busy or Unreadable, about the endpoint."""
        headers, body = self._question()
        url, named = self._settings.token_url, f"the token endpoint of {self._registry}"
        asked = time.monotonic()
        try:
            with http.stream(
                "POST",
                url,
                base=url,
                registry=named,
                deadline=deadline,
                headers=headers,
                body=body,
                identity=self._identity,
                pace=self._pace,
                most=_MOST,
            ) as streamed:
                answer = http.Response(streamed.status, streamed.headers, streamed.rest())
            return _token_in(answer, asked, named)
        except BeffroiError as error:
            raise type(error)(error.detail, registry=self._registry, retry_in=error.retry_in) from error

    def _question(self) -> tuple[dict[str, str], bytes]:
        """Return the headers and the form that ask for a token."""
        said = self._settings
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        client = text_of(said.client_id, self._registry, US)
        form = {"grant_type": "client_credentials", "scope": said.scope, "audience": said.audience}
        secret = "" if said.client_secret is None else text_of(said.client_secret, self._registry, US)
        if said.method == "client_secret_basic":
            pair = f"{quote_plus(client)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        elif said.method == "client_secret_post":
            form |= {"client_id": client, "client_secret": secret}
        elif said.method == "tls_client_auth":
            form |= {"client_id": client}
        else:
            signed = assertion(said, client, self._root, self._registry)
            form |= {"client_id": client, "client_assertion_type": _ASSERTION, "client_assertion": signed}
        return headers, urlencode({name: text for name, text in form.items() if text}).encode()


def _token_in(answer: http.Response, asked: float, endpoint: str) -> _Token:
    """Return the token of an answer (RFC 6749, 5.1); its life is counted from when it was asked for."""
    said = _said(answer)
    if answer.status != 200 or ("error" in said and "access_token" not in said):  # some tell their errors with HTTP 200
        raise _refusal(answer, said, endpoint)
    token, kind = said.get("access_token"), said.get("token_type")
    if not isinstance(token, str) or not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", token):
        raise Unreadable(f"{endpoint} answered without a token (access_token)", registry=endpoint)
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise Unreadable(f"{endpoint} gives a kind of token that is not bearer (token_type)", registry=endpoint)
    life = _seconds(said.get("expires_in"), endpoint)
    return _Token(token, asked + life - min(LEEWAY, life / 10))


def _seconds(life: object, endpoint: str) -> float:
    """Return `expires_in`; without one a token is used until it is refused. Some write the number as a text."""
    if life is None:
        return float("inf")
    if not isinstance(life, bool) and re.fullmatch(r"[0-9]{1,12}(\.[0-9]+)?", str(life)):
        return float(str(life))
    raise Unreadable(f"{endpoint} tells no seconds in expires_in", registry=endpoint)


def _said(answer: http.Response) -> dict[str, Any]:
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _refusal(answer: http.Response, said: dict[str, Any], endpoint: str) -> BeffroiError:
    """Return the error of RFC 6749, 5.2; its description is not repeated, since it may hold what we sent."""
    code, status = said.get("error"), answer.status
    if isinstance(code, str) and code in _CODES:
        kind, meaning = _CODES[code]
        return kind(f"{endpoint} answers {code} (HTTP {status}): {meaning}", registry=endpoint)
    if (error := http.refusal(answer, endpoint)) is not None:
        return error
    if 300 <= status < 400:
        return Misconfigured(
            f"{endpoint} redirects elsewhere (HTTP {status}), which is not followed: declare in token_url: the address"
            " that it redirects to",
            registry=endpoint,
        )
    if status in (404, 405, 410):
        return Misconfigured(f"there is no token endpoint at token_url: (HTTP {status})", registry=endpoint)
    return Unreadable(f"{endpoint} answered neither a token nor a known error (HTTP {status})", registry=endpoint)
