"""The short way in: what is asked most often is answered ahead of the framework's routing, by the same functions.

A row of an open dataset by its key, for anybody, as soon as a request's head is read, and one question to a lookup. Whatever is unusual about a request (a
query, another method, a row that is not there) takes the long way, which answers the same, byte for byte, only later.
"""

import json
import time
from typing import TYPE_CHECKING, NamedTuple

import lmdb
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request

from connectors.errors import BeffroiError
from gateway.callers.access import Caller, Resource, decide, of_dataset
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
    from collections.abc import Iterable

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

    Headers = Iterable[tuple[bytes, bytes]]

CREDENTIALS = {b"authorization", *(name.encode() for name in CERTIFICATES)}
"""Headers that may tell who asks: such a call counts against limits, of which the long way tells."""

UNUSUAL = frozenset({*CREDENTIALS, b"content-length", b"transfer-encoding", b"expect"})
"""Headers that a question for a row does not have: they tell of a body, too."""

PLAIN = frozenset(range(0x21, 0x7F)) - set(b"%?#")
"""Bytes of a key that stands in an address as it is."""

ANYBODY = Caller("api")
ROUTE = "/datasets/{name}/rows/{key}"
"""What the log shows of the address of a row."""

BY_ADDRESS = "/{identifier:path}"


def _lines(headers: "Headers") -> bytes:
    return b"".join(b"%b: %b\r\n" % each for each in headers)


END = _lines([*ALWAYS, *SHARED]) + b"\r\n"


class _Told(NamedTuple):
    """What every answer tells of a version: its headers, and the meta up to the age, which is told anew each time."""

    version: Version
    as_of: "dt.datetime"
    tag: bytes
    head: bytes
    meta: bytes


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

    def answer(self, method: bytes, target: bytes, headers: "Headers") -> tuple[int, bytes] | None:
        """Return the status, and what follows the server's own headers; None where the request takes the long way.

        `target` is what stands behind the method, `headers` have names in lower case.
        """
        started = time.monotonic()
        parts = target.split(b"/", 4)  # "", datasets, name, rows, key
        if len(parts) < 5 or parts[1] != b"datasets" or parts[3] != b"rows" or parts[2] not in self._open:
            return None
        if method not in (b"GET", b"HEAD") or not PLAIN.issuperset(parts[4]):
            return None
        if not UNUSUAL.isdisjoint(said := dict(headers)):
            return None
        found = self._found(*self._open[parts[2]], parts[4].decode(), said.get(b"if-none-match"))
        if found is None:
            return None
        row, told, unchanged = found
        status, answer = 304, told.head + END
        if not unchanged:
            body = b'{"data":%b,"meta":%b%d}}' % (row, told.meta, age(told.as_of))
            answer = b"%bcontent-length: %d\r\ncontent-type: application/json\r\n%b" % (told.head, len(body), END)
            status, answer = 200, answer + body if method == b"GET" else answer
        line(method.decode(), ROUTE, status, started)
        return status, answer

    def _found(self, name: str, resource: Resource, key: str, known: bytes | None) -> tuple[bytes, _Told, bool] | None:
        """Return the row that is asked for, and whether the asker has it, who knows one by that tag."""
        try:
            granted = decide(self._workspace, ANYBODY, resource, None).fields
            told = self._now.of(name)
            row = None if told is None or granted != resource.fields else index.row(told.version, key)
        except (BeffroiError, lmdb.Error):  # the long way says what is wrong
            return None
        return (row, told, known is not None) if told and row is not None and known in (None, told.tag) else None

    def _look(self, name: str) -> _Told | None:
        """Look which version is the latest."""
        version = versions.latest(self._workspace, name)
        if version is None:
            return None
        told = self._told.get(name)
        if told is None or told.version is not version or told.as_of != version.as_of:
            told = self._told[name] = _of(version)
        return told


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
