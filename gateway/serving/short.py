"""The short way in: what is asked most often is answered ahead of the framework's routing, by the same functions.

A row of an open dataset by its key, for anybody, as soon as a request's head is read, and one question to a lookup. Whatever is unusual about a request (a
query, another method, a row that is not there) takes the long way, which answers the same, byte for byte, only later.
"""

import json
import time
from typing import TYPE_CHECKING, NamedTuple

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request

from connectors.errors import BeffroiError
from gateway.callers.access import Caller, decide, of_dataset
from gateway.callers.proxies import CERTIFICATES
from gateway.datasets.open_data import meta
from gateway.datasets.routes import row_headers
from gateway.health import age
from gateway.service import Service
from gateway.serving.front import ALWAYS, SHARED, line
from gateway.serving.turn import Turn
from pipelines import index, versions
from pipelines.versions import Version

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Sequence

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

    Headers = Sequence[tuple[bytes, bytes]]

CREDENTIALS = {b"authorization", *(name.encode() for name in CERTIFICATES)}
"""Headers that may tell who asks: such a call counts against limits, of which the long way tells."""

UNUSUAL = frozenset({*CREDENTIALS, b"content-length", b"transfer-encoding", b"expect"})
"""Headers that a question for a row does not have: they tell of a body, too."""

PLAIN = bytes(set(range(0x21, 0x7F)) - set(b"%?#"))
"""Bytes of a key that stands in an address as it is."""

ANYBODY = Caller("api")
MOST_TEXT, MOST_TEXTS = 2048, 256
"""Bytes of the headers of one request that are remembered, and of how many; none of them holds what we take for a credential."""

ROUTE = "/datasets/{name}/rows/{key}"
"""What the log shows of the address of a row."""

BY_ADDRESS = "/{identifier:path}"


def _lines(headers: "Headers") -> bytes:
    return b"".join(b"%b: %b\r\n" % each for each in headers)


END = _lines([*ALWAYS, *SHARED]) + b"\r\n"
BEGIN = b'\r\ncontent-type: application/json\r\n%b{"data":' % END
"""What stands between the length of an answer and its row."""


class _Told(NamedTuple):
    """What every answer tells of a version: its headers, and the meta up to the age."""

    version: Version
    as_of: "dt.datetime"
    tag: bytes
    head: bytes
    meta: bytes


class _Now(NamedTuple):
    """What all answers of one turn are made of: the tag, the headers, what reads a row, what stands behind it."""

    tag: bytes
    head: bytes
    row: "Callable[[bytes], bytes | None]"
    end: bytes


class Rows:
    """What answers for a row of an open dataset, by GET or HEAD, as soon as the head of the request is read.

    It does what the layers of the application would do, `gateway/serving/front.py` too. Where it fails, the long way is left.
    """

    def __init__(self, service: Service) -> None:
        """`service` is what the gateway answers from."""
        self._workspace = service.workspace
        self._open = {
            name.encode(): (name, of_dataset(dataset))
            for name, dataset in self._workspace.datasets.items()
            if dataset.audience == "open" and not any(column.personal for column in dataset.columns)
        }
        self._told: dict[str, _Told] = {}
        self._now = Turn(self._look)
        self._usual: dict[bytes, bytes | None] = {}

    def answer(self, method: bytes, target: bytes, headers: "Headers") -> tuple[int, bytes] | None:
        """Return the status, and what follows the server's own headers; None where the request takes the long way.

        `target` is what stands behind the method, `headers` have names in lower case.
        """
        if method not in (b"GET", b"HEAD") or not target.startswith(b"/datasets/"):
            return None
        if not UNUSUAL.isdisjoint(said := dict(headers)) or len(said) < len(headers):
            return None
        return self._answer(target, said.get(b"if-none-match"), whole=method == b"GET")

    def again(self, request: bytes) -> tuple[int, bytes] | None:
        """Return what `answer` does, of all that a segment holds, where `remember` knows what stands behind its first line."""
        if len(request) > 2 * MOST_TEXT:
            return None
        line, _, headers = request.partition(b"\r\n")
        known = self._usual.get(headers, b"")
        if known == b"" or not line.startswith(b"GET /") or not line.endswith(b" HTTP/1.1"):
            return None
        return self._answer(line[4:-9], known)

    def remember(self, request: bytes, headers: "Headers") -> None:
        """Remember what stands behind the first line of a request that was answered, and was all that its segment held.

        Clients repeat it byte for byte, and behind any such line it is read alike: it need not be read again.
        """
        line, _, text = request.partition(b"\r\n")
        if not line.startswith(b"GET /datasets/") or not line.endswith(b" HTTP/1.1"):
            return
        if len(text) > MOST_TEXT or text.find(b"\r\n\r\n") != len(text) - 4:
            return
        if len(self._usual) >= MOST_TEXTS:
            del self._usual[next(iter(self._usual))]
        self._usual[text] = dict(headers).get(b"if-none-match")

    def _answer(self, target: bytes, known: bytes | None, *, whole: bool = True) -> tuple[int, bytes] | None:
        """Answer for a row, `whole` or by its headers, to who knows one by the tag `known`."""
        started = time.monotonic()
        parts = target.split(b"/", 4)  # "", datasets, name, rows, key
        if len(parts) < 5 or parts[1] != b"datasets" or parts[3] != b"rows" or parts[4].translate(None, PLAIN):
            return None
        try:
            now = self._now.of(parts[2])
            row = now.row(parts[4]) if now is not None and known in (None, now.tag) else None
        except Exception:  # noqa: BLE001  # the long way says what is wrong, and whose fault
            return None
        if now is None or row is None:
            return None
        status, answer = 304, now.head + END
        if known is None:
            length = len(row) + len(now.end) + len(b'{"data":')
            answer = b"%bcontent-length: %d%b%b%b" % (now.head, length, BEGIN, row, now.end)
            status, answer = 200, answer if whole else answer[:-length]
        line("GET" if whole else "HEAD", ROUTE, status, started)
        return status, answer

    def _look(self, raw: bytes) -> _Now | None:
        """Look what is told of a dataset: it is open, it has a version, and anybody is granted all of it."""
        if raw not in self._open:
            return None
        name, resource = self._open[raw]
        granted, version = decide(self._workspace, ANYBODY, resource, None), versions.latest(self._workspace, name)
        if version is None or granted.fields != resource.fields:
            return None
        told = self._told.get(name)
        if told is None or told.version is not version or told.as_of != version.as_of:
            told = self._told[name] = _of(version)
        end = b',"meta":%b%d}}' % (told.meta, age(told.as_of))
        return _Now(told.tag, told.head, index.reader(version), end)


def _of(version: Version) -> _Told:
    headers = row_headers(version, is_open=True)
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    said = meta(version)
    before = json.dumps(said).removesuffix(f"{said['age_seconds']}}}").encode()
    return _Told(version, version.as_of, headers["ETag"].encode(), _lines(raw), before)


class Lookups:
    """An ASGI layer that brings one question, by GET or POST, to the function that answers it; who asks is known."""

    def __init__(self, app: "ASGIApp", routes: "Iterable[BaseRoute]") -> None:
        """`routes` are those of lookups, `app` is what answers anything else."""
        self._app = app
        self._routes = {
            (method, route.path): route
            for route in routes
            if isinstance(route, APIRoute)
            for method in route.methods or ()
        }

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one request."""
        parts = scope["path"].split("/", 3) if scope["type"] == "http" else []  # "", lookups, name, identifier
        path = "/".join([*parts[:3], *(["{identifier:path}"] if len(parts) > 3 else [])])
        route = self._routes.get((scope["method"], path)) if len(parts) > 2 else None
        if route is None or "{record}" in path or scope["query_string"] or scope["root_path"] or "\n" in parts[-1]:
            await self._app(scope, receive, send)
            return
        scope["route"], scope["path_params"] = route, {"identifier": parts[3]} if len(parts) > 3 else {}
        request = Request(scope, receive, send)
        try:
            response = await route.endpoint(request, **scope["path_params"])
        except (BeffroiError, HTTPException) as error:
            kind = HTTPException if isinstance(error, HTTPException) else BeffroiError
            response = await scope["app"].exception_handlers[kind](request, error)
        await response(scope, receive, send)
