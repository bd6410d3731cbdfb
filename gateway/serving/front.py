"""The outermost layer: one line of log per request, the last resort for errors, and headers that every answer has.

The log never holds a query, a header, or the part of an address that an asker chose: it shows the route's template.
"""

import asyncio
import logging
import time

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.errors import InvalidRequest
from gateway.languages import LANGUAGE, preferred
from gateway.problems import internal
from gateway.serving.lines import Direct
from gateway.traces import route_of

log = logging.getLogger("beffroi.access")
direct = Direct(log)

MAX_BODY = 64 * 1024
"""Bytes of a request's body; a question is far shorter."""

BODY_WITHIN = 10.0
"""Seconds in which a body must have arrived: one that never does would keep its place for ever."""

MAX_MANY, MANY_WITHIN = 20 * 1024 * 1024, 60.0
"""The same, where one body may hold many questions (`POST /lookups/{record}`, which takes so long a one of nobody else)."""

ALWAYS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
SHARED = [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", b"*")]
"""For datasets: the page of any site may read what is open. With a token or a certificate no browser asks from there."""
POLICY = (
    b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    b" img-src 'self' data:; frame-ancestors 'none'"
)
PAGES = (b"content-security-policy", POLICY)
"""Pages load nothing from elsewhere: the browser holds them to it. The docs' page has its start inline."""


class Front:
    """An ASGI layer around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        """`app` is what answers."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; no exception leaves."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), 0
        LANGUAGE.set(preferred(_said(scope, b"accept-language")[:200]))

        async def forward(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_headers(scope, message)]
            await send(message)

        try:
            await self._app(scope, _Body(receive, many=_may_be_many(scope)), forward)
        except ClientDisconnect:
            pass  # nobody is there to be answered
        except Exception as error:  # noqa: BLE001  # the last resort
            response = internal(error)
            if not status:
                await response(scope, receive, forward)
        finally:
            logged(scope, status, started)


def logged(scope: Scope, status: int, started: float) -> None:
    """Write the line of a request that came at `started`, by the monotonic clock; `status` 0 is that nobody was answered."""
    line(scope["method"], route_of(scope), status, started)


def line(method: str, route: str, status: int, started: float) -> None:
    """Write the line of a request to an address of the template `route`."""
    took = (time.monotonic() - started) * 1000
    if not direct.say(f"{method} {route} {status or '-'} {took:.0f} ms"):
        log.info("%s %s %s %.0f ms", method, route, status or "-", took)


class _Body:
    """What a request's body is read by: it must be neither long nor late."""

    def __init__(self, receive: Receive, *, many: bool) -> None:
        self._receive, self._read, self._whole = receive, 0, False
        self._most, self._within = (MAX_MANY, MANY_WITHIN) if many else (MAX_BODY, BODY_WITHIN)
        self._until = time.monotonic() + self._within

    async def __call__(self) -> Message:
        """Return the next message. Raises InvalidRequest for a long body, HTTPException 408 for a late one."""
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout(max(0.0, self._until - time.monotonic())):
                message = await self._receive()
        except TimeoutError:
            late = f"the body did not arrive within {self._within:.0f} s"
            raise HTTPException(408, late, {"Connection": "close"}) from None
        self._whole = not message.get("more_body", False)
        self._read += len(message.get("body", b""))
        if self._read > self._most:
            raise InvalidRequest(f"the body is longer than {self._most // 1024:,} KiB")
        return message


def _said(scope: Scope, name: bytes) -> str:
    """Return what the headers of that name say, put together (RFC 9110, 5.3)."""
    return ",".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)


def _may_be_many(scope: Scope) -> bool:
    """Tell whether a request may bring many questions to one lookup."""
    path: str = scope["path"]
    return scope["method"] == "POST" and path.startswith("/lookups/") and path.count("/") == 2


def _headers(scope: Scope, message: Message) -> list[tuple[bytes, bytes]]:
    html = any(name == b"content-type" and value.startswith(b"text/html") for name, value in message["headers"])
    if html:
        return [*ALWAYS, PAGES]
    return [*ALWAYS, *SHARED] if scope["path"].startswith("/datasets") else ALWAYS
