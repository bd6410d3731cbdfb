"""How requests are read off a connection: by uvicorn on httptools, with a bound on what it would hold of one that goes on.

httptools reads in a quarter of the time that h11 takes. It has no bound of its own, and what it makes of trailers and of
an `Upgrade` would let a stranger write headers that only a proxy may write.
"""

import asyncio
import functools
from typing import TYPE_CHECKING

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

if TYPE_CHECKING:
    from gateway.serving.asked import Asked
    from gateway.serving.askers import Asker
    from gateway.serving.short import Rows

MAX_HEAD = 64 * 1024
"""Bytes that may come of a request's line, headers and trailers before they end; a body has its own bound."""

HEAD_WITHIN = 30.0
"""Seconds in which a head must have come, from its first byte; the first of a connection, from when that was made."""


class _Watched(asyncio.Protocol):
    """One connection, closed where the head of a request does not come to its end: else a few hundred would take all."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    _since: float | None = None
    """When the head that is awaited began; the first one, when the connection was made."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._watch = self.loop.call_later(HEAD_WITHIN, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._watch.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        if self._since is not None and self.loop.time() >= self._since + HEAD_WITHIN:
            self.transport.close()
        else:
            self._watch = self.loop.call_later(HEAD_WITHIN, self._look)


class _Plain(_Watched, H11Protocol):
    """One connection read by h11, which goes on as it is where an upgrade is offered."""

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        self._since = self._since or self.loop.time()
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._since = None

    def _should_upgrade(self) -> bool:
        return False

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: it is the client's way, and no fault."""


class _Waiting:
    """A question that was taken and is not answered yet, as the server knows a request."""

    message_event = asyncio.Event()  # nobody waits for it

    def __init__(self) -> None:
        """Nothing was answered."""
        self.response_complete, self.disconnected, self.keep_alive = False, False, True


class Bounded(_Watched, HttpToolsProtocol):
    """One connection. A head that is too long is answered with 400, and the connection closed; trailers are passed over.

    They come after the head that a proxy saw to: taken for headers, they would say who calls, and from where. A request
    that offers to upgrade (as Java's client does) is read by h11, with all that follows on its connection: httptools
    takes its body for a further request.

    What the application's `state.rows` can answer as soon as a head is read, it answers here, and where it has read the
    same head before but for the first line, without reading it again. So does `state.asked` a question to a lookup, once
    its body is there too, and its entry is written.
    """

    _rows: "Rows | None" = None
    _asked: "Asked | None" = None
    _asker: "Asker | None" = None
    """Who asked the question that was read last, where it was taken."""
    _held: bytes | None = None
    """The body, so far, of a question that may be answered here, until the end of the segment that it came in."""
    _heard = 0.0
    """When a request was last answered whose head was not read: the time that a connection may be idle begins there."""
    _own: tuple[list[tuple[bytes, bytes]], bytes] = [], b""
    """The server's own headers, which it makes anew each second, as they are and as they are written."""
    _unread, _over, _between, _begun, _answered = 0, False, True, 0, False
    _came: bytes | None = b""
    """All that came since the request began whose head is read; None where it began after another in one segment."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for requests."""
        super().connection_made(transport)
        if not self.root_path:
            state = self.config.app.state  # type: ignore[union-attr]
            self._rows, self._asked = getattr(state, "rows", None), getattr(state, "asked", None)

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        if self.transport.is_closing() or (self._between and not self._unread and self._again(data)):
            return
        alone = self._between
        self._unread += len(data)
        if self._between:
            self._came, self._begun = data, 0
            self._since = self._since or self.loop.time()
        elif self._came is not None and not self._over:
            self._came += data
        super().data_received(data)
        if self._held is not None and not self.transport.is_closing():  # its body comes slowly
            self._leave()
        if alone and self._answered and self._between and self._begun == 1:
            self._remember(data)
        if self._unread > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response(f"The head of the request is longer than {MAX_HEAD // 1024} KiB.")

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        self._over = self._between = self._answered = False
        self._asker = None
        self._begun += 1
        self._since = self._since or self.loop.time()  # in the segment of another request too
        if self._begun > 1:
            self._came = None
            self._unset_keepalive_if_required()  # which the answer to one before it may have begun
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        if not self._over:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._unread, self._over, self._since = 0, True, None
        if not self.parser.should_upgrade() and not self._answer():
            super().on_headers_complete()

    def _answer(self) -> bool:
        """Answer at once, if that can be done."""
        if self._rows is None or self._busy() or self.transport.is_closing():
            return False
        if self.parser.get_http_version() != "1.1" or not self.parser.should_keep_alive():
            return False
        if self._asked is not None and self.url.startswith(b"/lookups/"):
            return self._ask(self._asked)
        found = self._rows.answer(self.parser.get_method(), self.url, self.headers)
        if found is None:
            return False
        self._write(*found)
        self._answered = True
        self.on_response_complete()
        return True

    def _remember(self, request: bytes) -> None:
        """Remember the head of a request that was answered at once, and was all that its segment held."""
        if self._asker is not None and self._asked is not None:
            self._asked.remember(request, self._asker)
        elif self._rows is not None:
            self._rows.remember(request, self.headers)

    def _again(self, data: bytes) -> bool:
        """Answer at once a request that is all that came, whose head need not be read."""
        if self._rows is None or self._busy():
            return False
        if (found := self._rows.again(data)) is None:
            return self._asked is not None and self._ask_again(self._asked, data)
        self._write(*found)
        self._since, self._heard = None, self.loop.time()
        self.server_state.total_requests += 1
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_handler()
        return True

    def _ask_again(self, asked: "Asked", data: bytes) -> bool:
        """Begin to answer a question whose head need not be read."""
        waiting = _Waiting()
        if not asked.again(data, functools.partial(self._tell, waiting)):
            return False
        self.cycle, self._since = waiting, None  # type: ignore[assignment]
        return True

    def _busy(self) -> bool:
        """Tell whether an answer would have to wait: for another, or for who asked to read."""
        return self.flow.write_paused or (self.cycle is not None and not self.cycle.response_complete)

    def _write(self, status: int, answer: bytes) -> None:
        headers, own = self._own
        if headers is not self.server_state.default_headers:
            headers = self.server_state.default_headers
            own = b"".join(b"%b: %b\r\n" % each for each in headers)
            self._own = headers, own
        self.transport.write(b"%b%b%b" % (STATUS_LINE[status], own, answer))

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it is idle for as long as it may; else wait for the rest of that time."""
        waits = self.cycle is not None and not self.cycle.response_complete
        left = self.timeout_keep_alive if waits else self._heard + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def _ask(self, asked: "Asked") -> bool:
        """Take a question to a lookup, at once or with its body."""
        if (method := self.parser.get_method()) == b"POST":
            self._held = b""
            return True
        self._answered = self._taken(asked, method, b"")
        return self._answered

    def _taken(self, asked: "Asked", method: bytes, body: bytes) -> bool:
        """Begin to answer a question, in whose place `_Waiting` stands meanwhile: what follows it waits."""
        waiting, peer = _Waiting(), self.client[0] if self.client else None
        tell = functools.partial(self._tell, waiting)
        self._asker = asked.begin(method, self.url, self.headers, body, peer, tell)
        if self._asker is None:
            return False
        self.cycle = waiting  # type: ignore[assignment]
        return True

    def _tell(self, waiting: "_Waiting", status: int, head: bytes, body: bytes) -> None:
        """Write the answer to a question that was taken, and go on with what follows it."""
        waiting.response_complete = True
        if waiting.disconnected or self.transport.is_closing():
            return
        close = b"" if waiting.keep_alive else b"connection: close\r\n"
        self._write(status, b"%b%b\r\n%b" % (head, close, body))
        if close:
            self.transport.close()
        if close or self.pipeline or self.timeout_keep_alive_task is None:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1
            self._heard = self.loop.time()
            self.flow.resume_reading()

    def on_response_complete(self) -> None:
        """Go on with what waits, before more is read: else each answer would bring another segment of questions."""
        super().on_response_complete()
        if self.pipeline:
            self.flow.pause_reading()

    def _leave(self) -> None:
        """Leave a question to the framework, with what there is of its body."""
        body, self._held = self._held, None
        super().on_headers_complete()
        if body:
            super().on_body(body)

    def on_body(self, body: bytes) -> None:
        """Hand on a part of the body."""
        self._unread = 0
        if self._held is not None:
            self._held += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request has come as a whole."""
        self._unread, self._between = 0, True
        if self._held is not None and self._asked is not None:
            self._answered = self._taken(self._asked, b"POST", self._held)
            if self._answered:
                self._held = None
            else:
                self._leave()
        if not self._answered and not self.parser.should_upgrade():
            super().on_message_complete()

    def _should_upgrade(self) -> bool:
        """Tell that no connection is upgraded here."""
        return False

    def _unsupported_upgrade_warning(self) -> None:
        """Leave the connection to h11, from the request on that offers to upgrade it."""
        if self._came is None or (self.cycle is not None and not self.cycle.response_complete):
            self.send_400_response("A request that offers to upgrade must come alone.")
            return
        other = _Plain(self.config, self.server_state, self.app_state, self.loop)
        self.connections.discard(self)
        self._watch.cancel()
        other.connection_made(self.transport)
        self.transport.set_protocol(other)
        other.data_received(self._came)
