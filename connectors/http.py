"""The one place through which HTTP leaves Beffroi.

Every call has a *total* deadline, name look-up and connecting included (`connectors/sockets.py`). A call goes only to
the origin that the workspace declares for that registry; redirects are answers, never followed here; an answer is
bounded in size after decompression, read whole or as it arrives (`connectors/answers.py`). Who we are in TLS is told by
an identity (`connectors/tls.py`). Errors of urllib3 become ours by one table, `ERRORS`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from http.client import HTTPException, RemoteDisconnected

import urllib3
from urllib3 import exceptions as u3
from urllib3.util import Url, parse_url

from connectors.answers import Response, Streamed, late, refusal, retry_after
from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Down, Late, Misconfigured, RefusedUs, Unreadable
from connectors.pacing import Pace
from connectors.sockets import Call, connecting, pool_manager, watching
from connectors.tls import Identity, pools, refuses_certificate

__all__ = ["ERRORS", "MAX_BYTES", "Identity", "Response", "Streamed", "refusal", "request", "retry_after"]
__all__ += ["check_origin", "stream"]

USER_AGENT = "beffroi/0.1"
MAX_BYTES = 64 * 1024 * 1024
"""No lookup and no page of a scan is larger; an answer beyond it is refused, not read."""

_ENCODINGS = ("gzip", "x-gzip", "identity", "")
"""gzip is what we ask for; gzip in gzip is nobody's honest answer."""

# What urllib3 raises before an answer's head has come. `HTTPError`, the base, stands for what a later urllib3 may add.
ERRORS: Mapping[type[Exception], type[BeffroiError]] = {
    u3.HTTPError: Down,
    u3.ConnectTimeoutError: Late,
    u3.ReadTimeoutError: Late,
    u3.TimeoutError: Late,
    u3.TimeoutStateError: Late,
    u3.NewConnectionError: Down,
    u3.NameResolutionError: Down,
    u3.ProxyError: Down,
    u3.ProtocolError: Down,
    u3.IncompleteRead: Unreadable,
    u3.InvalidChunkLength: Unreadable,
    u3.InvalidHeader: Unreadable,
    u3.HeaderParsingError: Unreadable,
    u3.DecodeError: Unreadable,
    u3.ResponseError: Unreadable,
    u3.ResponseNotChunked: Unreadable,
    u3.BodyNotHttplibCompatible: Unreadable,
    u3.SSLError: Down,
    u3.PoolError: Down,
    u3.EmptyPoolError: Down,
    u3.FullPoolError: Down,
    u3.ClosedPoolError: Down,
    u3.RequestError: Down,
    u3.MaxRetryError: Down,
    u3.HostChangedError: Down,
    u3.UnrewindableBodyError: Down,
    u3.LocationValueError: Misconfigured,
    u3.LocationParseError: Misconfigured,
    u3.URLSchemeUnknown: Misconfigured,
    u3.ProxySchemeUnknown: Misconfigured,
}


def request(
    method: str,
    url: str,
    *,
    base: str,
    registry: str,
    deadline: Deadline,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    identity: Identity | None = None,
    pace: Pace | None = None,
) -> Response:
    """Send one request and read the whole answer before `deadline`.

    `base` is the address that the workspace declares for `registry`; `url` must have its origin. Raises Down, Late,
    Unreadable (cut, garbled or over MAX_BYTES), RefusedUs (the certificate of `identity`) and Misconfigured (an address
    that is none, or not a declared host; files of `identity` that cannot be used).
    """
    with stream(
        method,
        url,
        base=base,
        registry=registry,
        deadline=deadline,
        headers=headers,
        body=body,
        identity=identity,
        pace=pace,
        most=MAX_BYTES,
    ) as answer:
        return Response(answer.status, answer.headers, answer.rest())


@contextmanager
def stream(
    method: str,
    url: str,
    *,
    base: str,
    registry: str,
    deadline: Deadline,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    identity: Identity | None = None,
    pace: Pace | None = None,
    most: int,
) -> Iterator[Streamed]:
    """Send one request and give its answer to be read as it arrives, at most `most` bytes after decompression.

    Arguments and errors are those of `request`; some errors come while the answer is read. A connection whose answer
    was not read to its end is closed. The block may be left in another thread than it was entered in.
    """
    host = check_origin(url, base, registry)
    manager = pools(identity, registry) if identity else _POOLS
    turn = nullcontext() if pace is None else pace.turn(host, deadline)
    with turn, watching(deadline) as call:
        if deadline.passed():  # a registry near by would answer before the watchdog looks
            raise late(registry)
        try:
            with connecting(call):
                answer = _open(manager, method, url, headers or {}, body, call)
        except (u3.HTTPError, OSError) as error:
            raise _translate(error, registry, call) from error
        if pace is not None and answer.status in (429, 503) and (wait := retry_after(answer.headers)) is not None:
            pace.stay_away(host, wait, answer.status)
        with Streamed(answer, call, registry, most) as streamed:
            if answer.headers.get("Content-Encoding", "identity").strip().lower() not in _ENCODINGS:
                raise Unreadable(f"{registry} answered in an encoding that was not asked for", registry=registry)
            yield streamed


def _open(
    manager: urllib3.PoolManager, method: str, url: str, headers: Mapping[str, str], body: bytes | None, call: Call
) -> urllib3.BaseHTTPResponse:
    """Send a request and return the answer once its head is there.

    A server may close a kept-alive connection just as we send on it. Our requests only read, so that one which found
    its connection closed without a byte is sent once more, on a new one.
    """
    while True:
        try:
            return manager.urlopen(
                method,
                url,
                body=body,
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip", **headers},
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(total=max(Deadline(call.at).remaining(), 0.001)),
            )
        except u3.ProtocolError as error:
            closed = any(isinstance(part, RemoteDisconnected | ConnectionError) for part in error.args)
            if not (closed and call.reused) or call.shut:
                raise


def check_origin(url: str, base: str, registry: str) -> str:
    r"""Return the host of a URL; refuse one that leaves the declared origin, wherever it came from (a next page, a WSDL).

    URLs are read by the parser that connects: two that read `http://a\@b` differently would let one slip through.
    """
    try:
        wanted, declared = parse_url(url), _declared(base)
    except u3.LocationParseError as error:
        raise Misconfigured(f"the address of {registry} is not a URL", registry=registry) from error
    if (wanted.scheme, declared.scheme, wanted.host) == ("http", "https", declared.host):
        raise Misconfigured(
            f"{registry} would be asked by http, without TLS, where https is declared for it:"
            " the links in its answers are wrong, and its owner must mend them",
            registry=registry,
        )
    if _origin(wanted) != _origin(declared) or wanted.scheme not in ("http", "https") or not wanted.host:
        raise Misconfigured(
            f"{registry} would be asked at {wanted.scheme}://{wanted.netloc}, which is not the address declared for it",
            registry=registry,
        )
    return wanted.host


@lru_cache(maxsize=256)
def _declared(base: str) -> Url:
    return parse_url(base)


def _origin(url: Url) -> tuple[str | None, str | None, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme or "")


def _translate(error: Exception, registry: str, call: Call) -> BeffroiError:
    if call.shut:
        return late(registry)
    reason = getattr(error, "reason", None)
    if isinstance(error, u3.MaxRetryError) and isinstance(reason, Exception):
        error = reason
    kind = next((ERRORS[parent] for parent in type(error).__mro__ if parent in ERRORS), Down)
    if (why := refuses_certificate(error)) is not None:
        return RefusedUs(f"{registry} refuses our TLS certificate: {why}", registry=registry)
    if _garbled(error):
        return Unreadable(f"{registry} answered something that is not HTTP", registry=registry)
    if kind is Late:
        return late(registry)
    return kind(f"{registry} could not be asked: {_say(error)}", registry=registry)


def _garbled(error: Exception) -> bool:
    """Tell whether something came and was not HTTP; nothing at all is RemoteDisconnected."""
    return any(isinstance(part, HTTPException) and not isinstance(part, RemoteDisconnected) for part in error.args)


def _say(error: Exception) -> str:
    """Tell an error of the network in words that hold no address and no data."""
    if isinstance(error, u3.NameResolutionError):
        return "its host name is unknown"
    if isinstance(error, u3.NewConnectionError):
        return "no connection (refused or unreachable)"
    if isinstance(error, u3.SSLError):
        return "its TLS certificate or handshake is not valid"
    if isinstance(error, u3.ProtocolError | ConnectionError):
        return "it closed the connection without an answer"
    return type(error).__name__


_POOLS = pool_manager(num_pools=64, maxsize=32)
