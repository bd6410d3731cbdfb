"""HTTP servers that answer what a test tells them to, over real sockets."""

import contextlib
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


class Canned:
    """Context manager: answers every request with `status`, `headers` and `body`, or once each with what is
    in `further`; counts connections and requests."""

    def __init__(self) -> None:
        self.status, self.headers, self.body = 200, dict[str, str](), b""
        self.further: list[tuple[bytes, str, int]] = []  # body, content type, status: said after each answer, in order
        self.connections = 0
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        canned = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                canned.connections += 1
                super().setup()

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                canned.requests.append((self.command, self.path, dict(self.headers), body))
                status, headers, said = canned.status, canned.headers, canned.body
                if canned.further:
                    canned.say(*canned.further.pop(0))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(said)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):  # the client had enough
                    self.wfile.write(said)

            do_GET = do_POST = answer  # noqa: N815 (so named by the library)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def say(self, body: bytes, content_type: str, status: int = 200, **headers: str) -> None:
        """Answer this from now on; `headers` with underscores for hyphens."""
        self.status, self.body = status, body
        self.headers = {"Content-Type": content_type, **{name.replace("_", "-"): v for name, v in headers.items()}}

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class Raw:
    """Context manager: hands every connection accepted, wrapped by `wrap` if given, to `talk` in a thread."""

    def __init__(
        self,
        talk: Callable[[socket.socket], None],
        wrap: Callable[[socket.socket], socket.socket] = lambda connection: connection,
    ) -> None:
        self._talk, self._wrap = talk, wrap
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._run, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), self._wrap(connection) as wrapped:
            self._talk(wrapped)
