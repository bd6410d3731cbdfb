"""The short way in: what is asked most often is answered ahead of the framework's routing, by the same functions.

A row of an open dataset by its key, for anybody, and one question to a lookup. Whatever is unusual about a request (a
query, another method, a row that is not there) takes the long way, which answers the same, byte for byte, only later.
"""

import json
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple

import lmdb
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
from gateway.serving.front import ALWAYS, SHARED, logged
from gateway.serving.turn import Turn
from pipelines import index, versions
from pipelines.versions import Version

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from fastapi import FastAPI
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

CREDENTIALS = frozenset({b"authorization", *(name.encode() for name in CERTIFICATES)})
"""Headers that may tell who asks: such a call counts against limits, of which the long way tells."""

ANYBODY = Caller("api")
ROUTE = SimpleNamespace(path="/datasets/{name}/rows/{key:path}")
"""What the log shows of the address of a row."""

BY_ADDRESS = "/{identifier:path}"


class _Told(NamedTuple):
    """What every answer tells of a version: its headers, and the meta up to the age, which is told anew each time."""

    version: Version
    as_of: "dt.datetime"
    tag: bytes
    headers: list[tuple[bytes, bytes]]
    meta: bytes


class Rows:
    """An ASGI layer that answers for a row of an open dataset, by GET or HEAD, before it is found out who asks.

    It stands before all others, `gateway/serving/front.py` too, and does what that does. Where it fails, the long way is left.
    """

    def __init__(self, app: "ASGIApp", service: Service) -> None:
        """`app` is what answers anything else."""
        self.long, self._workspace = app, service.workspace
        self._open = {
            name: of_dataset(dataset)
            for name, dataset in self._workspace.datasets.items()
            if dataset.audience == "open" and not any(column.personal for column in dataset.columns)
        }
        self._told: dict[str, _Told] = {}
        self._now = Turn(self._look)

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one request."""
        started = time.monotonic()
        if scope["type"] != "http" or (found := self._found(scope)) is None:
            await self.long(scope, receive, send)
            return
        row, told, unchanged = found
        scope["route"] = ROUTE
        status, headers, body = 304, told.headers, b""
        if not unchanged:
            body = b'{"data":%b,"meta":%b%d}}' % (row, told.meta, age(told.as_of))
            length, kind = (b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")
            status, headers = 200, [*headers, length, kind]
        await send({"type": "http.response.start", "status": status, "headers": [*headers, *ALWAYS, *SHARED]})
        await send({"type": "http.response.body", "body": body})
        logged(scope, status, started)

    def _found(self, scope: "Scope") -> tuple[bytes, _Told, bool] | None:
        """Return the row that is asked for, and whether the asker has it; None where the request takes the long way."""
        parts = scope["path"].split("/", 4)  # "", datasets, name, rows, key
        if len(parts) < 5 or parts[1] != "datasets" or parts[3] != "rows" or (name := parts[2]) not in self._open:
            return None
        if scope["method"] not in ("GET", "HEAD") or scope["query_string"] or scope["root_path"] or "\n" in parts[4]:
            return None
        tags = [value for header, value in scope["headers"] if header == b"if-none-match" or header in CREDENTIALS]
        resource = self._open[name]
        try:
            granted = decide(self._workspace, ANYBODY, resource, None).fields
            told = self._now.of(name)
            row = None if told is None or granted != resource.fields else index.row(told.version, parts[4])
        except (BeffroiError, lmdb.Error):  # the long way says what is wrong
            return None
        return (row, told, bool(tags)) if told is not None and row is not None and tags in ([], [told.tag]) else None

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
    return _Told(version, version.as_of, headers["ETag"].encode(), raw, before)


def rows_first(app: "FastAPI", service: Service) -> None:
    """Put `Rows` before every layer of `app`, those of the framework too."""
    layers = app.build_middleware_stack
    app.build_middleware_stack = lambda: Rows(layers(), service)  # type: ignore[method-assign]


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
