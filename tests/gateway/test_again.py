"""Heads that came before are not read again: whatever is sent, and however it is cut, is answered as if each was read."""

import asyncio
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from gateway.service import Service
from gateway.serving.asked import Asked
from gateway.serving.heads import Bounded
from gateway.serving.short import MOST_TEXT, MOST_TEXTS, Rows
from pipelines.workspace import Workspace
from tests.effort import some

TURNS = 12
ROW = b"GET /datasets/things/rows/%d HTTP/1.1\r\n"


class Forgetful(Rows):
    """What reads every head."""

    def again(self, _request: bytes) -> tuple[int, bytes] | None:
        return None


@dataclass
class Application:
    """What answers anything but a row, by telling what it was asked as the server read it; to `/slow`, turns later."""

    state: SimpleNamespace

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        asked = [scope[name] for name in ("method", "http_version", "raw_path", "query_string", "headers")]
        for _ in range(3 * TURNS if scope["raw_path"] == b"/slow" else 0):
            await asyncio.sleep(0)
        told = repr([*asked, body]).encode()
        headers = [(b"content-length", str(len(told)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": told})


@dataclass
class Wire(asyncio.Transport):
    """The server's end of a connection in memory, so that segments come as they are sent."""

    told: bytes = b""
    closed: bool = False
    protocol: Any = field(default=None)

    def write(self, data: Any) -> None:
        self.told += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name in ("peername", "sockname") else default

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


async def turns() -> None:
    """Let the server do what it can."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


def connected(rows: Rows, asked: Asked | None = None, **options: Any) -> tuple[Wire, Bounded]:
    """Open a connection to a server whose rows are answered by `rows`, and its lookups by `asked`."""
    state = SimpleNamespace(rows=rows, asked=asked)
    config = uvicorn.Config(Application(state), access_log=False, log_config=None, **options)
    config.load()
    server = ServerState()
    server.default_headers = [(b"date", b"now")]
    wire, protocol = Wire(), Bounded(config, server, {}, asyncio.get_running_loop())
    wire.set_protocol(protocol)
    protocol.connection_made(wire)
    return wire, protocol


async def sent(rows: Rows, segments: Sequence[bytes]) -> tuple[bytes, bool]:
    """Send segments over one connection; return what was told, but for ages, and whether it was closed."""
    wire, _ = connected(rows)
    for segment in segments:
        if segment and not wire.closed:
            wire.protocol.data_received(segment)
            await turns()
    for _ in range(4 * len(segments)):
        if (cycle := wire.protocol.cycle) is not None and not cycle.response_complete:
            await turns()
    wire.protocol.connection_lost(None)
    await turns()
    return re.sub(rb'"age_seconds": ?\d+|content-length: \d+', b"", wire.told), wire.closed


@pytest.fixture(scope="module")
def service(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    root = Path(shutil.copytree(template, tmp_path_factory.mktemp("again") / "workspace"))
    with closing(Service(Workspace(root))) as made:
        yield made


USUAL = [
    b"Host: x\r\n\r\n", b"Host: x\r\nAccept: */*\r\nUser-Agent: a\r\n\r\n", b"host:x\r\nConnection: keep-alive\r\n\r\n",
    b"Host: x\r\nIf-None-Match: TAG\r\n\r\n", b"Host: x\r\nUpgrade: h2c\r\n\r\n", b"Accept: a\tb\r\n\r\n",
]  # fmt: skip
WITHIN = ROW % 8 + USUAL[0]
"""What is no request where it stands within another."""

HOSTILE = [
    b"Host: x\r\nContent-Length: %d\r\n\r\n" % len(WITHIN) + WITHIN, b"Host: x\r\nA: " + WITHIN, b"A: b\r\n" + WITHIN,
    b"Host: x\r\nHost: y\r\n\r\n", b"Host: x\r\nContent-Length: 3\r\n\r\nabc", b"Host: x\r\nContent-Length: 0\r\n\r\n",
    b"Host: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", b"Host: x\r\nContent-Length: 3, 3\r\n\r\nabc",
    b"Host: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\nA: b\r\n\r\n", b"Host: x\r\nContent-Length: +3\r\n\r\nabc",
    b"Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", b"Host: x\r\nA: b\r\n c\r\n\r\n",
    b"Host: x\r\nTransfer-Encoding: xchunked\r\n\r\nabc", b"Host: x\nA: b\n\n", b"Host: x\r\nA: b\n\r\n", b"Host: x\r\r\n\r\n",
    b"Host: x\r\nA: \0\r\n\r\n", b"Host: x\r\nA\0: b\r\n\r\n", b"Host : x\r\n\r\n", b" Host: x\r\n\r\n", b": x\r\n\r\n", b"\r\n",
    b"Host: x\r\nConnection: close\r\n\r\n", b"Host: x\r\nAuthorization: Bearer x\r\n\r\n", b"Host: x\r\nExpect: 100-continue\r\n\r\n",
    b"Host: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", b"Host: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"Host: x\r\nIf-None-Match: a\r\nIf-None-Match: b\r\n\r\n", b"Host: x\r\nClient-Cert: :AA:\r\n\r\n", b"Host: x\r\n\r\n\r\n",
    b"Host: x\r\nA: " + b"a" * MOST_TEXT + b"\r\n\r\n", b"Host: x\r\n\r\n\r", b"Host: x\r\n\r\nG", b"Host: x\r\n\n", b"Host: x\r\n",
]  # fmt: skip
LINES = [ROW % 7] * 4 + [
    ROW % 60, b"HEAD /datasets/things/rows/7 HTTP/1.1\r\n", b"POST /datasets/things/rows/7 HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n",
    b"GET /slow HTTP/1.1\r\n", b"POST /slow HTTP/1.1\r\n", b"GET /datasets/things/rows/7 HTTP/1.0\r\n", b"GET /datasets/things/rows/7  HTTP/1.1\r\n", b"GET  /datasets/things/rows/7 HTTP/1.1\r\n",
    b"GET http://x/datasets/things/rows/7 HTTP/1.1\r\n", b"GET /datasets/things/rows/7?a HTTP/1.1\r\n", b"GET /\r\n", b"\r\n" + ROW % 7,
    b"GET /datasets/things/rows/7#a HTTP/1.1\r\n", b"GET /datasets/things/rows/%37 HTTP/1.1\r\n", b"GET /datasets/things/rows/\xc3\xa9 HTTP/1.1\r\n",
    b"GET /datasets/things/rows/7\0 HTTP/1.1\r\n", b"GET /datasets/things/rows/7\n HTTP/1.1\r\n", b"GET /datasets/things/rows/7\t HTTP/1.1\r\n",
    b"GET /datasets/things/rows/7 HTTP/1.1\n", b"GET /datasets/things/rows/7 HTTP/1.1 HTTP/1.1\r\n", b"get /datasets/things/rows/7 HTTP/1.1\r\n",
    b"GET /datasets/things/rows/7\r HTTP/1.1\r\n", b"GET /datasets/things/rows/" + b"x" * 3 * MOST_TEXT + b" HTTP/1.1\r\n",
    b"CONNECT /datasets/things/rows/7 HTTP/1.1\r\n", b"GET /datasets/things/rows/ HTTP/1.1\r\n", b"GET /datasets/never/rows/7 HTTP/1.1\r\n",
    b"GET /datasets/residents/rows/7 HTTP/1.1\r\n", b"GET /datasets/nope/rows/7 HTTP/1.1\r\n", b"GET /datasets/things/rows/7/8 HTTP/1.1\r\n",
]  # fmt: skip
CUTS = st.lists(st.integers(0, 400), max_size=3) | st.just([-len(WITHIN)])
SPOILT = st.tuples(
    st.integers(0, 60), st.sampled_from([b"", b"\r", b"\n", b"\r\n", b" ", b"\0", b":", b"\xff", b"\r\n\r\n"])
)


@given(
    st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(USUAL * 4 + HOSTILE), CUTS), min_size=1, max_size=6),
    st.none() | SPOILT,
)
@some(150)
def test_it_makes_no_difference(
    service: Service, asked: list[tuple[bytes, bytes, list[int]]], spoilt: tuple[int, bytes] | None
) -> None:
    """Each request comes first by itself, so that its head is known where it may be; then all, over one connection."""
    rows, segments, tag = Rows(service), list[bytes](), tagged(service)
    for place, (line, headers, cuts) in enumerate(asked):
        if spoilt is not None and place == len(asked) - 1:
            headers = headers[: spoilt[0]] + spoilt[1] + headers[spoilt[0] :]
        headers = headers.replace(b"TAG", tag)
        asyncio.run(sent(rows, [ROW % 3 + headers]))
        segments += cut(line + headers, cuts)
    got, expected = (asyncio.run(sent(each, segments)) for each in (rows, Forgetful(service)))
    assert got == expected, segments


def tagged(service: Service) -> bytes:
    """Return the tag of a row."""
    told, _ = asyncio.run(sent(Rows(service), [ROW % 3 + USUAL[0]]))
    return told.split(b"etag: ")[1].split(b"\r\n")[0]


def cut(whole: bytes, cuts: Sequence[int]) -> list[bytes]:
    """Cut bytes after so many, and so many more."""
    parts = []
    for each in cuts:
        parts.append(whole[:each])
        whole = whole[each:]
    return [*parts, whole]


def test_what_is_known_is_usual(service: Service) -> None:
    """Else the test above holds nothing."""
    rows, tag = Rows(service), tagged(service)
    for headers in [each.replace(b"TAG", tag) for each in USUAL] + HOSTILE:
        asyncio.run(sent(rows, [ROW % 3 + headers]))
        status = 304 if tag in headers else 200
        found = rows.again(ROW % 7 + headers)
        assert (found and found[0]) == (None if headers in HOSTILE else status), headers
    for line in LINES[5:]:
        assert rows.again(line + USUAL[0]) is None, line
    assert rows.again(ROW % 7 + USUAL[0] + ROW % 7 + USUAL[0]) is None


@pytest.mark.parametrize(
    "begin",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(WITHIN), ROW % 3 + b"A: ", b"GET /?",
        b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n" * 2, b"\r\n", b"\r",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"GET /slow HTTP/1.0\r\n\r\n",
    ],
    ids=["a body", "a header", "a target", "a question", "two", "an empty line", "half of one", "the last", "the last, slow"],
)  # fmt: skip
def test_what_is_known_has_its_place(service: Service, begin: bytes) -> None:
    """What is known stands in a segment of its own behind another."""
    rows = Rows(service)
    asyncio.run(sent(rows, [WITHIN]))
    assert rows.again(WITHIN) is not None
    for segments in ([begin, WITHIN, WITHIN], [WITHIN, begin, WITHIN]):
        got, expected = (asyncio.run(sent(each, segments)) for each in (rows, Forgetful(service)))
        assert got == expected, segments


def test_what_came_in_parts_is_not_remembered(service: Service) -> None:
    """Behind a header's line a header may be read otherwise than behind a request's."""
    rows = Rows(service)
    for begin in (ROW % 3 + b"A: ", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + ROW % 3 + b"A: "):
        told, _ = asyncio.run(sent(rows, [begin, WITHIN]))
        assert told.count(b'{"data":{"id":3,') == 1
        assert rows.again(WITHIN) is None


def test_what_is_declared_otherwise_is_told_no_more(service: Service) -> None:
    """Of what was known of a dataset nothing outlives a turn of the event loop."""
    rows, datasets = Rows(service), service.workspace.datasets

    async def asked() -> None:
        wire, protocol = connected(rows)
        for place, audience in enumerate(("open", "open", "owner", "open")):
            datasets["things"] = before.model_copy(update={"audience": audience}) if audience != "open" else before
            protocol.data_received(WITHIN)
            await turns()
            assert wire.told.count(b'{"data":{"id":8,') == (place if place > 1 else place + 1), place

    before = datasets["things"]
    try:
        asyncio.run(asked())
    finally:
        datasets["things"] = before


OTHER = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("asked", [[OTHER, WITHIN], [WITHIN, WITHIN]], ids=["read", "known"])
def test_what_goes_wrong_is_left_to_the_long_way(template: Path, tmp_path: Path, asked: list[bytes]) -> None:
    root = Path(shutil.copytree(template, tmp_path / "workspace"))

    async def answered() -> None:
        with closing(Service(Workspace(root))) as service:
            wire, protocol = connected(Rows(service))
            protocol.data_received(asked[0])
            await turns()
        for report in sorted(root.rglob("report.json")):  # noqa: ASYNC240  # nobody waits
            report.write_text("[]")
        with closing(Service(Workspace(root))) as service:
            protocol._rows = again = Rows(service)
            again._usual.update({WITHIN.partition(b"\r\n")[2]: None} if asked[0] == WITHIN else {})
            protocol.data_received(asked[1])
            await turns()
            assert wire.told.count(b"HTTP/1.1 200") == 2, wire.told
            assert b"/rows/" in wire.told, "the application was asked"

    asyncio.run(answered())


class Clock(asyncio.SelectorEventLoop):
    """An event loop whose time goes when it is told to."""

    now = 1000.0

    def time(self) -> float:
        return self.now


@pytest.mark.parametrize("asked", [[WITHIN] * 4, [WITHIN, OTHER, WITHIN], [WITHIN, OTHER], [OTHER, WITHIN, WITHIN]])
def test_an_idle_connection_is_closed(service: Service, asked: list[bytes]) -> None:
    """Five seconds after the last answer, whichever way that was given."""
    loop = Clock()

    async def answered() -> None:
        wire, protocol = connected(Rows(service), timeout_keep_alive=5)
        for place, each in enumerate(asked):
            protocol.data_received(each)
            await turns()
            assert wire.told.count(b"HTTP/1.1 200") == place + 1
            loop.now += 4.5
            await turns()
            assert not wire.closed
        loop.now += 0.6
        await turns()
        assert wire.closed

    with closing(loop):
        loop.run_until_complete(answered())


def test_a_connection_is_not_idle_while_an_answer_is_made(service: Service) -> None:
    """Though the answer to a row came before it, in one segment."""
    loop = Clock()

    async def answered() -> None:
        wire, protocol = connected(Rows(service), timeout_keep_alive=5)
        protocol.data_received(WITHIN + OTHER.replace(b"/ ", b"/slow "))
        loop.now += 6
        await turns()
        assert not wire.closed
        while not protocol.cycle.response_complete:
            await turns()
        assert wire.told.count(b"HTTP/1.1 200") == 2

    with closing(loop):
        loop.run_until_complete(asyncio.wait_for(answered(), 60))


def test_so_many_heads_are_known(service: Service) -> None:
    rows = Rows(service)

    async def ask() -> None:
        wire, _ = connected(rows)
        for number in range(MOST_TEXTS + 1):
            wire.protocol.data_received(ROW % 3 + b"Host: %d\r\n\r\n" % number)
        assert wire.told.count(b"HTTP/1.1 200") == MOST_TEXTS + 1

    asyncio.run(ask())
    known = [rows.again(ROW % 7 + b"Host: %d\r\n\r\n" % number) is not None for number in range(MOST_TEXTS + 1)]
    assert known == [False] + [True] * MOST_TEXTS
