"""The short way in: whatever is asked, it answers as the framework's long way does, byte for byte."""

import asyncio
import io
import json
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from gateway.service import Service
from gateway.serving import short
from gateway.serving.app import application
from gateway.traces import route_of
from pipelines.run import run
from pipelines.workspace import Workspace
from tests.effort import some
from tests.gateway.conftest import Gateway, ask

Headers = list[tuple[bytes, bytes]]


class Answered(NamedTuple):
    status: int
    headers: Headers
    body: bytes
    route: str
    by_framework: bool


class Ways:
    """The gateway as it is, and the same without the short way, over one workspace."""

    def __init__(self, root: Path) -> None:
        self.service = Service(Workspace(root))
        self.short, self.long = application(self.service), application(self.service)
        lookups = [each for each in self.long.user_middleware if str(each.cls) == str(short.Lookups)]
        assert len(lookups) == 1
        self.long.user_middleware.remove(lookups[0])
        self.rows: short.Rows = self.short.state.rows
        self.calls = 0
        self.tokens = {name: self.service.tokens.issue(name).encode() for name in ("mairie", "ecole", "rien")}

    def ask(self, way: FastAPI, method: str, path: str, query: bytes, headers: Headers, body: bytes) -> Answered:
        target = quote(path).encode() + (b"?" + query if query else b"")
        if way is self.short and (found := self.rows.answer(method.encode(), target, headers)) is not None:
            return _read(*found)
        self.calls += 1  # from ever new addresses: those that are often refused are turned away
        return asyncio.run(
            _asked(way, method, path, query, headers, body, f"10.{self.calls >> 8 & 255}.{self.calls & 255}.1")
        )


async def _asked(
    app: FastAPI, method: str, path: str, query: bytes, headers: Headers, body: bytes, peer: str
) -> Answered:
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "method": method,
        "path": path, "raw_path": path.encode(), "query_string": query, "root_path": "", "headers": headers,
        "client": (peer, 1), "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip
    told: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        told.append(message)

    await app(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in told[1:] if method != "HEAD")  # the server lets none out
    by_framework = "endpoint" in scope
    return Answered(told[0]["status"], told[0]["headers"], _timeless(content), route_of(scope), by_framework)


def _read(status: int, answer: bytes) -> Answered:
    """Read what `Rows` answers."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = [line.split(b": ", 1) for line in head.split(b"\r\n")]
    return Answered(status, [(name, value) for name, value in lines], _timeless(body), short.ROUTE, by_framework=False)


def _timeless(body: bytes) -> bytes:
    """Take out what is another in each answer: how old it is, and its receipt."""
    body = re.sub(rb'"(age_seconds|as_of)": ?("[^"]*"|\d+)', rb'"\1":0', body)
    return re.sub(rb'"receipt":"[^"]+"', b'"receipt":""', body)


def _alike(headers: Headers) -> Headers:
    return [(name, b"0" if name in (b"age", b"content-length", b"retry-after") else value) for name, value in headers]


@pytest.fixture(scope="module")
def ways(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    root = Path(shutil.copytree(template, tmp_path_factory.mktemp("short") / "workspace"))
    made = Ways(root)
    with closing(made.service):
        yield made


KEYS = st.sampled_from(
    ["0", "7", "59", "60", "01001", "01002", "P1", "", " 7", "7\n", "07", "é", "a/b", "x" * 600, "%00"]
)
ROWS = st.builds(
    lambda name, key: f"/datasets/{name}/rows/{key}",
    st.sampled_from(["things", "communes", "permits", "residents", "never", "nope", "", "thi\nngs"]), KEYS,
)  # fmt: skip
LOOKUPS = st.builds(
    lambda name, rest: f"/lookups/{name}{rest}",
    st.sampled_from(["copy", "resident", "nope", "{record}", ""]),
    st.sampled_from(["", "/", "/01001", "/insee:01001", "/01999", "/xx", "/01001/", "/01001\n", "/{identifier:path}"]),
)
BODIES = st.sampled_from([
    b"", b"{", b'{"identifier": "01001"}', b'{"identifier": "01001", "fields": ["name"]}', b'{"identifier": "01999"}',
    b'{"identifier": "01001", "fields": ["nope"]}', b'{"identifier": "01001", "verify": {"name": "Bourg"}}',
    b'[{"identifier": "01001"}, {"identifier": "x"}]', b'{"identifier": 1}', b'{"identifier": "01001", "on": "2020-01-01"}',
    b'{"identifier": "' + b"1" * 70_000 + b'"}',
])  # fmt: skip
UNUSUAL = [b"columns=id", b"columns=nope", b"x=1", b"purpose=etat-civil", b"fields=name", b"on=2020-01-01", b"&"]
QUERIES = st.sampled_from([b"", b"", b"", *UNUSUAL])
METHODS = st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE", "OPTIONS", "BREW"])
HEADERS = [
    (b"accept-language", b"fr"), (b"if-none-match", b"*"), (b"if-none-match", b'W/"things-1-2-3"'), (b"if-none-match", b"TAG"),
    (b"if-modified-since", b"Fri, 01 Jan 2100 00:00:00 GMT"), (b"client-cert", b":AAAA:"), (b"beffroi-receipt", b"yes"),
    (b"beffroi-receipt", b"maybe"), (b"beffroi-agent", b"m.dupont"), (b"beffroi-case", b"2026-1"), (b"beffroi-agent", b"?"),
    (b"beffroi-purpose", b"ancienne"), (b"content-type", b"text/csv"), (b"cache-control", b"no-cache"), (b"range", b"bytes=0-1"),
    (b"authorization", b"Basic eDp5"),
]  # fmt: skip
MORE = st.lists(st.sampled_from(HEADERS), max_size=3)
WHO = st.sampled_from([None, "mairie", "mairie", "ecole", "rien", "forged"])


@given(METHODS, ROWS | LOOKUPS, QUERIES, WHO, MORE, BODIES)
@some(60)
def test_both_ways_answer_the_same(
    ways: Ways, method: str, path: str, query: bytes, who: str | None, more: Headers, body: bytes
) -> None:
    _same(ways, method, path, query, who, more, body)


@pytest.mark.parametrize(
    ("method", "path", "who"),
    [
        ("GET", "/datasets/things/rows/7", None),
        ("GET", "/lookups/copy/01001", "mairie"),
        ("POST", "/lookups/copy", "mairie"),
    ],
)
def test_one_unusual_thing(ways: Ways, method: str, path: str, who: str | None) -> None:
    """Each by itself, about a request that is else the most usual."""
    usual = b'{"identifier": "01001"}'
    assert _same(ways, method, path, b"", who, [], usual).status == 200
    for other in ("HEAD", "GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
        _same(ways, other, path, b"", who, [], usual)
    for query in UNUSUAL:
        _same(ways, method, path, query, who, [], usual)
    for caller in (None, "mairie", "ecole", "rien", "forged"):
        _same(ways, method, path, b"", caller, [], usual)
    for header in HEADERS:
        _same(ways, method, path, b"", who, [header], usual)
    for end in ("/", "\n", "0", "é", "/x", "%20"):
        _same(ways, method, path + end, b"", who, [], usual)


def _same(ways: Ways, method: str, path: str, query: bytes, who: str | None, more: Headers, body: bytes) -> Answered:
    headers = [(b"host", b"localhost")]
    if who is not None:
        token = ways.tokens.get(who, b"bft_forged")
        headers += [(b"beffroi-purpose", b"inscription-scolaire"), (b"authorization", b"Bearer " + token)]
    headers += [(name, _tag(ways) if value == b"TAG" else value) for name, value in more]
    one, other = (ways.ask(way, method, path, query, headers, body) for way in (ways.short, ways.long))
    assert (one.status, one.body, one.route) == (other.status, other.body, other.route), (method, path, query, headers)
    assert _alike(one.headers) == _alike(other.headers), (method, path, query, headers)
    return one


def _tag(ways: Ways) -> bytes:
    found = ways.ask(ways.long, "GET", "/datasets/things/rows/7", b"", [], b"")
    return dict(found.headers)[b"etag"]


def test_the_usual_takes_the_short_way(ways: Ways) -> None:
    """Else the test above holds nothing."""
    granted = [(b"authorization", b"Bearer " + ways.tokens["mairie"]), (b"beffroi-purpose", b"inscription-scolaire")]
    asked: list[tuple[str, str, Headers, bytes]] = [
        ("GET", "/datasets/things/rows/7", [], b""),
        ("HEAD", "/datasets/things/rows/7", [], b""),
        ("GET", "/datasets/things/rows/7", [(b"if-none-match", _tag(ways))], b""),
        ("GET", "/lookups/copy/01001", granted, b""),
        ("POST", "/lookups/copy", granted, b'{"identifier": "01001"}'),
    ]
    answers = [ways.ask(ways.short, method, path, b"", headers, body) for method, path, headers, body in asked]
    assert [(each.status, each.by_framework) for each in answers] == [(200, False), (200, False), (304, False)] + [
        (200, False)
    ] * 2
    assert ways.ask(ways.long, "GET", "/datasets/things/rows/7", b"", [], b"").by_framework


ROW = b"GET /datasets/things/rows/%d HTTP/1.1\r\nHost: x\r\n\r\n"
OTHERS = [
    b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /datasets/things/rows?id__exact=7 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /datasets/things/rows/7 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nGET / HTT",
    b"GET /datasets/things/rows/7 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\nA: b\r\n\r\n",
    b"GET http://x/datasets/things/rows/7 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /datasets/things/rows/%37 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HEAD /datasets/things/rows/7 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /datasets/things/rows HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n" + b'{"limit":2}',
]
"""Of each answer the length is told, and each is 200."""


@given(
    st.lists(st.integers(0, 50) | st.sampled_from(OTHERS), min_size=1, max_size=8),
    st.lists(st.integers(1, 300), max_size=6),
)
@some(40)
def test_answers_come_in_the_order_of_questions(gateway: Gateway, asked: list[int | bytes], cuts: list[int]) -> None:
    """Whatever stands in one segment, and wherever segments are cut."""
    requests = [ROW % each if isinstance(each, int) else each for each in asked]
    whole, address = b"".join(requests), urlsplit(gateway.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=30) as connection:
        in_segments(connection, whole, cuts)
        found = [_answer(connection, head=request.startswith(b"HEAD")) for request in requests]
    assert [status for status, _ in found] == [200] * len(asked)
    rows = [
        json.loads(body)["data"]["id"] for each, (_, body) in zip(asked, found, strict=True) if isinstance(each, int)
    ]
    assert rows == [each for each in asked if isinstance(each, int)]


def in_segments(connection: socket.socket, whole: bytes, cuts: list[int]) -> None:
    """Send bytes, the first of them in segments of so many, as far as a network lets that be."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for cut in cuts:
        connection.sendall(whole[:cut])
        whole = whole[cut:]
    connection.sendall(whole)


def _answer(connection: socket.socket, *, head: bool) -> tuple[int, bytes]:
    answer = HTTPResponse(connection, method="HEAD" if head else "GET")
    answer.fp = _Unbuffered(connection)  # type: ignore[assignment]
    answer.begin()
    return answer.status, answer.read()


class _Unbuffered(io.RawIOBase):
    """A socket's bytes, of which none is taken that belongs to the next answer."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        return self._connection.recv_into(room)


def test_whoever_asks_and_never_reads_is_waited_for(gateway: Gateway) -> None:
    """What is answered meanwhile would stand in memory."""
    address, taken = urlsplit(gateway.url), 0
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        connection.settimeout(2)
        with suppress(TimeoutError):
            while taken < 200_000_000:
                taken += connection.send(ROW % 7 * 1000)
        assert ask(gateway.url, "GET", "/datasets/things/rows/7").status == 200, "nobody else waits"
    assert taken < 200_000_000


@pytest.mark.parametrize("said", [b"HTTP/1.0\r\n\r\n", b"HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"])
def test_a_connection_is_closed_where_that_is_asked(gateway: Gateway, said: bytes) -> None:
    address, answer = urlsplit(gateway.url), b""
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=30) as connection:
        connection.sendall(b"GET /datasets/things/rows/7 " + said)
        while got := connection.recv(65536):
            answer += got
    assert answer.startswith(b"HTTP/1.1 200")


def test_a_row_is_told_again_only_once_it_may_be_another(root: Path) -> None:
    """Over a socket: the tag of a row answers 304, until a run has read the source anew."""
    with Gateway(root) as gateway:
        first = ask(gateway.url, "GET", "/datasets/things/rows/7")
        tag = {"If-None-Match": first.headers["ETag"]}
        again = ask(gateway.url, "GET", "/datasets/things/rows/7", tag)
        assert (first.status, again.status, again.body) == (200, 304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
        run(Workspace(root), "things")
        renewed = ask(gateway.url, "GET", "/datasets/things/rows/7", tag)
        assert (renewed.status, renewed.json["data"]) == (200, first.json["data"])
        assert renewed.headers["ETag"] != first.headers["ETag"]
        head = ask(gateway.url, "HEAD", "/datasets/things/rows/7")
        assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(renewed.body)))
