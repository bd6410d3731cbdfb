"""The outermost layer: one line of log per request, the last resort for errors, and headers that every answer has.

The log never holds a query, a header, or the part of an address that an asker chose: it shows the route's template.
"""

import logging
import time

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.errors import InvalidRequest
from gateway.problems import internal

log = logging.getLogger("beffroi.access")

MAX_BODY = 64 * 1024
"""Bytes of a request's body; a question is far shorter."""

ALWAYS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
PAGES = (b"content-security-policy", b"default-src 'self'; script-src 'self' 'unsafe-inline';")
PAGES = (PAGES[0], PAGES[1] + b" style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'")
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
        started, status, read = time.monotonic(), 0, 0

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BODY:
                raise InvalidRequest(f"the body is longer than {MAX_BODY // 1024} KiB")
            return message

        async def forward(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_headers(message)]
            await send(message)

        try:
            await self._app(scope, limited, forward)
        except ClientDisconnect:
            pass  # nobody is there to be answered
        except Exception as error:  # noqa: BLE001  # the last resort
            response = internal(error)
            if not status:
                await response(scope, receive, forward)
        finally:
            route = getattr(scope.get("route"), "path", "(no route)").replace(":path}", "}")
            log.info("%s %s %s %.0f ms", scope["method"], route, status or "-", (time.monotonic() - started) * 1000)


def _headers(message: Message) -> list[tuple[bytes, bytes]]:
    html = any(name == b"content-type" and value.startswith(b"text/html") for name, value in message["headers"])
    return [*ALWAYS, PAGES] if html else ALWAYS
