"""What comes before a body, and after it, has a bound: a request that never ends is not kept in memory."""

import re
import socket
import time
from urllib.parse import urlsplit

import pytest

from gateway.serving import heads
from tests.gateway.conftest import Gateway

PART = b"x" * 8192


def _sent(url: str, begin: bytes, part: bytes) -> tuple[int, bytes]:
    """Send `begin`, then `part` again and again until the other side closes; return how many bytes it took, and its answer."""
    sent, answer = 0, b""
    with socket.create_connection((urlsplit(url).hostname or "", urlsplit(url).port or 0), timeout=30) as connection:
        try:
            connection.sendall(begin)
            while sent < 50_000_000:
                connection.sendall(part)
                sent += len(part)
        except ConnectionError:
            pass
        try:
            while got := connection.recv(65536):
                answer += got
        except ConnectionError:  # what it had sent may be lost with what we sent and it did not read
            pass
    return sent, answer


@pytest.mark.parametrize(
    ("begin", "part"),
    [
        (b"GET /", PART),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: ", PART),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"A: " + PART + b"\r\n"),
        (b"POST /lookups/copy HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;", PART),
        (b"POST /lookups/copy HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"A: " + PART + b"\r\n"),
    ],
    ids=["line", "header", "headers", "chunk extension", "trailers"],
)
def test_what_never_ends_is_closed(gateway: Gateway, begin: bytes, part: bytes) -> None:
    sent, answer = _sent(gateway.url, begin, part)
    assert sent < 50_000_000, "it was taken without end"
    assert answer == b"" or answer.startswith(b"HTTP/1.1 40")


def test_a_long_head_is_taken(gateway: Gateway) -> None:
    with socket.create_connection(
        (urlsplit(gateway.url).hostname or "", urlsplit(gateway.url).port or 0)
    ) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nA: " + b"x" * 60_000 + b"\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"


def test_what_comes_after_the_body_is_no_header(gateway: Gateway) -> None:
    trailers = "".join(f"{name}: {value}\r\n" for name, value in gateway.headers("mairie").items())
    question = b'{"identifier":"80021"}'
    head = b"POST /lookups/commune HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    address = urlsplit(gateway.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=30) as connection:
        connection.sendall(head + b"%x\r\n%b\r\n0\r\n" % (len(question), question) + trailers.encode() + b"\r\n")
        assert connection.recv(12) == b"HTTP/1.1 401"


@pytest.mark.parametrize("upgrade", ["h2c", "websocket"])
@pytest.mark.parametrize("length", ["Content-Length: 22", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("cut", [0, 40, 130])
def test_a_request_that_offers_to_upgrade_is_one_request(gateway: Gateway, upgrade: str, length: str, cut: int) -> None:
    headers = {**gateway.headers("mairie"), "Connection": "Upgrade, HTTP2-Settings", "Upgrade": upgrade, "Host": "x"}
    head = "POST /lookups/commune HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    question = b'{"identifier":"80021"}'
    body = question if length.startswith("Content") else b"16\r\n%b\r\n0\r\n\r\n" % question
    then = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    parts = [f"{head}{length}\r\n\r\n".encode()[:cut], f"{head}{length}\r\n\r\n".encode()[cut:], body, then]
    assert _statuses(gateway, parts) == [b"200", b"200"]


def test_nor_is_its_body_read_as_another(gateway: Gateway) -> None:
    within = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    head = b"POST /lookups/commune HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n"
    assert _statuses(gateway, [head + b"Content-Length: %d\r\n\r\n" % len(within), within]) == [b"400"], "it is no JSON"


def test_an_offer_after_another_request_is_refused(gateway: Gateway) -> None:
    first = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    offer = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert b"400" in _statuses(gateway, [first + offer])


def _statuses(gateway: Gateway, parts: list[bytes]) -> list[bytes]:
    """Send parts, each in a segment of its own, and return the status of each answer."""
    address, answer = urlsplit(gateway.url), b""
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            connection.sendall(part)
            time.sleep(0.1)  # else the kernel may join them
        while got := connection.recv(65536):
            answer += got
    return re.findall(rb"HTTP/1\.1 (\d+)", answer)


@pytest.mark.parametrize(
    ("begin", "before"),
    [
        (b"", False),
        (b"GET /health HTTP/1.1\r\nHo", False),
        (b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHo", False),
        (b"GET /health HTTP/1.1\r\nHo", True),
    ],
    ids=["nothing", "half a head", "half a head in the segment of a request", "by h11, after a request"],
)
def test_a_connection_that_says_no_more_is_closed(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, begin: bytes, *, before: bool
) -> None:
    monkeypatch.setattr(heads, "HEAD_WITHIN", 0.2)
    address = urlsplit(gateway.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        if before:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(begin)
        if b"\r\n\r\n" in begin:  # what comes after an answer takes away the time that a connection may be idle
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            connection.sendall(b"s")
        while connection.recv(65536):
            pass
