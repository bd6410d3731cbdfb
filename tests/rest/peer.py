"""A REST server that answers what a test's function says, over real sockets; and records told in pages of any style."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    target: str  # path and query, undecoded


@dataclass(frozen=True)
class Told:
    """An answer; a body in parts is sent in chunks as it is made."""

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def told(value: Any, status: int = 200, **headers: str) -> Told:
    """Return an answer of JSON; `headers` with underscores for hyphens."""
    return Told(json.dumps(value).encode(), status, headers={name.replace("_", "-"): v for name, v in headers.items()})


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that had enough is no error."""


class Peer:
    """Context manager: answers by `tell`, which may be changed at any time; keeps what was asked in `asked`."""

    def __init__(self, tell: Callable[[Asked], Told] = lambda _: Told(status=404)) -> None:
        self.tell = tell
        self.asked: list[Asked] = []
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked = Asked(
                    self.command, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), dict(self.headers), body,
                    self.path,
                )  # fmt: skip
                peer.asked.append(asked)
                answer = peer.tell(asked)
                self.send_response(answer.status)
                for name, value in {"Content-Type": answer.kind, **answer.headers}.items():
                    self.send_header(name, value)
                with contextlib.suppress(OSError):  # the client had enough
                    self._send(answer.body)

            def _send(self, body: bytes | Iterable[bytes]) -> None:
                if isinstance(body, bytes):
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                    return
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for part in body:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
                self.wfile.write(b"0\r\n\r\n")

            do_GET = do_POST = answer  # noqa: N815 (so named by the library)

            def log_message(self, *_: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def say(self, value: Any, status: int = 200, **headers: str) -> None:
        """Answer this JSON from now on."""
        answer = told(value, status, **headers)
        self.tell = lambda _: answer

    def send(self, body: bytes | Iterable[bytes], kind: str, status: int = 200) -> None:
        """Answer this body from now on."""
        self.tell = lambda _: Told(body, status, kind)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def pages(records: Sequence[Any], by: str, size: int, base: str) -> Callable[[Asked], Told]:
    """Return what tells records in pages: by page, offset, cursor, same (a cursor that stays at the end), link or next."""

    def tell(asked: Asked) -> Told:
        query = asked.query
        if by == "page":
            start = (int(query["page"]) - 1) * size
        elif by == "offset":
            start = int(query["offset"])
        else:
            start = int(query.get("cursor", "*").replace("*", "0"))
        rows, end = list(records[start : start + size]), min(start + size, len(records))
        more = end < len(records)
        url = f"{base}{asked.path}?{urlencode({'cursor': str(end)})}"
        document: dict[str, Any] = {
            "data": rows,
            "meta": {"total": len(records)},
            "links": {"next": url if more else None},
        }
        if by == "same" or (by == "cursor" and more):
            document["meta"]["cursor"] = str(end)
        headers = {"Link": f'<{url}>; rel="next", <{base}>; rel="up"'} if by == "link" and more else {}
        return Told(told(document).body, headers=headers)

    return tell


PAGINGS: dict[str, dict[str, Any]] = {
    "page": {"by": "page", "parameter": "page"},
    "offset": {"by": "offset", "parameter": "offset"},
    "cursor": {"by": "cursor", "parameter": "cursor", "first": "*", "next": "meta.cursor"},
    "same": {"by": "cursor", "parameter": "cursor", "first": "*", "next": "meta.cursor", "until": "same"},
    "link": {"by": "link"},
    "next": {"by": "next", "next": "links.next"},
}
"""How each of them is declared."""
