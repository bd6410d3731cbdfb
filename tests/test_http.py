"""The one place through which HTTP leaves: deadlines, origins, sizes, connections, TLS."""

import gzip
import inspect
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
import urllib3.exceptions

from connectors import http, http_session
from connectors.deadline import Deadline
from connectors.errors import Busy, Down, Late, Misconfigured, RefusedUs, RegistryError, Unreadable
from tests.peers.canned import Canned, Raw

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


def get(url: str, seconds: float = 5, base: str | None = None) -> http.Response:
    return http.request("GET", url, base=base or url, registry="r", deadline=Deadline.after(seconds))


def late(url: str) -> None:
    began = time.monotonic()
    with pytest.raises(Late):
        get(url, 0.4)
    assert time.monotonic() - began < 0.9


def test_every_exception_of_urllib3_is_in_the_table() -> None:
    theirs = {
        value
        for value in vars(urllib3.exceptions).values()
        if inspect.isclass(value) and issubclass(value, urllib3.exceptions.HTTPError) and not issubclass(value, Warning)
    }
    assert theirs == set(http.ERRORS)


# --- deadlines -------------------------------------------------------------------------------------------------------


def drip(start: bytes) -> Raw:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(start)
        for _ in range(200):
            connection.sendall(b"a")
            time.sleep(0.05)

    return Raw(talk)


@pytest.mark.parametrize(
    "start",
    [b"", b"HTTP/1.1 200 OK\r\nX: ", HEAD + b"Content-Length: 999\r\n\r\n", HEAD + b"\r\n"],
    ids=["status", "headers", "body", "body without length"],
)
def test_a_dripping_server_does_not_outlive_the_deadline(start: bytes) -> None:
    with drip(start) as server:
        late(server.url)


def test_connecting_counts_too() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        crowd = [socket.socket() for _ in range(4)]  # the queue is full: whoever comes now is not answered at all
        for each in crowd:
            each.setblocking(False)
            each.connect_ex(address)
        time.sleep(0.1)
        late(f"http://127.0.0.1:{address[1]}")
        for each in crowd:
            each.close()


def test_a_deadline_that_has_passed_is_late(canned: Canned) -> None:
    with pytest.raises(Late):
        get(canned.url, -1)


def test_many_late_calls_do_not_disturb_the_others(canned: Canned) -> None:
    canned.say(b"good", "text/plain")
    with drip(HEAD + b"\r\n") as server:
        for _ in range(3):
            with pytest.raises(Late):
                get(server.url, 0.1)
            assert get(canned.url).body == b"good"
    assert canned.connections == 1


# --- where it goes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://other/",
        "https://declared/",
        "http://declared:81/",
        "http://declared.other/",
        "http://declared@other/",
        "http://other\\@declared/",
        "http://other#@declared/",
        "//declared/",
        "ftp://declared/",
        "file:///etc/passwd",
        "/etc/passwd",
        "",
        "http://declared:99999/",
        "http://[declared/",
    ],
)
def test_only_the_declared_origin_is_asked(url: str) -> None:
    with pytest.raises(Misconfigured):
        http.check_origin(url, "http://declared/", "r")


@pytest.mark.parametrize("url", ["http://declared", "http://DECLARED:80/x?y", "HTTP://declared/a b"])
def test_the_declared_origin_in_other_spellings(url: str) -> None:
    http.check_origin(url, "http://declared/", "r")


def test_a_redirect_is_an_answer(canned: Canned) -> None:
    canned.say(b"", "text/plain", 302, Location="http://127.0.0.1:9/")
    assert get(canned.url).status == 302


def test_a_name_that_nobody_has() -> None:
    with pytest.raises(RegistryError):
        get("http://nobody.invalid/", 3)


# --- what comes back -------------------------------------------------------------------------------------------------


def test_headers_are_found_in_any_case(canned: Canned) -> None:
    canned.say(b"{}", "text/plain")
    canned.headers = {"content-TYPE": "Application/JSON; charset=utf-8"}
    assert get(canned.url).content_type == "application/json"


def test_gzip_is_read(canned: Canned) -> None:
    canned.say(gzip.compress(b"good"), "text/plain", Content_Encoding="gzip")
    assert get(canned.url).body == b"good"


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_beyond_the_bound_is_refused(canned: Canned, packed: bool) -> None:
    body = bytes(http.MAX_BYTES + 1)
    canned.say(gzip.compress(body, 1) if packed else body, "text/plain")
    if packed:
        canned.headers["Content-Encoding"] = "gzip"
    with pytest.raises(Unreadable, match="64 MiB"):
        get(canned.url, 20)


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\xff\x00\xff\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        HEAD + b"Content-Length: 10\r\n\r\nhalf",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nx",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhal",
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone",
        HEAD + b"X: " + b"a" * 70_000 + b"\r\n\r\n",
        HEAD + b"".join(b"X%d: a\r\n" % number for number in range(200)) + b"\r\n",
    ],
    ids=["bytes", "status", "cut", "chunk", "chunk cut", "gzip", "long header", "many headers"],
)
def test_what_is_no_http_is_unreadable(answer: bytes) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    with Raw(talk) as server, pytest.raises(Unreadable):
        get(server.url)


def test_no_answer_at_all_is_down() -> None:
    with Raw(lambda _: None) as server, pytest.raises(Down):
        get(server.url)
    with pytest.raises(Down):
        get(server.url)  # nobody listens there any more


@pytest.mark.parametrize(
    ("status", "wait", "kind", "retry_in"),
    [
        (401, "", RefusedUs, None),
        (403, "", RefusedUs, None),
        (429, "7", Busy, 7),
        (429, "Wed, 21 Oct 2015 07:28:00 GMT", Busy, 0),
        (429, "tomorrow", Busy, None),
        (500, "", Down, None),
        (503, "120", Down, 120),
        (200, "", type(None), None),
        (404, "", type(None), None),
    ],
)
def test_what_a_status_means(status: int, wait: str, kind: type, retry_in: float | None) -> None:
    refusal = http.refusal(http.Response(status, {"Retry-After": wait}, b""), "r")
    assert type(refusal) is kind
    assert getattr(refusal, "retry_in", None) == retry_in


def test_a_connection_is_used_again_after_a_good_answer_only(canned: Canned) -> None:
    canned.say(b"good", "text/plain")
    for _ in range(3):
        get(canned.url)
    assert canned.connections == 1
    canned.say(bytes(http.MAX_BYTES + 10_000_000), "text/plain")
    with pytest.raises(Unreadable):
        get(canned.url, 20)
    canned.say(b"good", "text/plain")
    assert get(canned.url).body == b"good"
    assert canned.connections == 2


def test_a_kept_connection_that_closes_as_we_send_is_replaced_once() -> None:
    connections = []

    def talk(connection: socket.socket) -> None:
        connections.append(connection)
        connection.recv(65536)
        connection.sendall(HEAD + b"Content-Length: 2\r\n\r\nok")
        connection.recv(65536)  # the next request on this connection gets no answer

    with Raw(talk) as server:
        assert get(server.url).body == b"ok"
        assert get(server.url).body == b"ok"
    assert len(connections) == 2


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


@pytest.fixture
def secured(authority: trustme.CA) -> Iterator[Raw]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def talk(connection: socket.socket) -> None:
        asked = connection.recv(65536)
        connection.sendall(HEAD + b"Connection: close\r\n\r\n")
        if b"GET /drip" in asked:
            for _ in range(100):
                connection.sendall(b"a")
                time.sleep(0.05)
        connection.sendall(b"good")

    with Raw(talk, lambda connection: context.wrap_socket(connection, server_side=True)) as server:
        server.url = server.url.replace("http:", "https:")
        yield server


@pytest.mark.usefixtures("trusted")
def test_tls(secured: Raw) -> None:
    assert get(secured.url).body == b"good"
    late(f"{secured.url}/drip")


def test_a_certificate_that_nobody_vouches_for_is_down(secured: Raw) -> None:
    with pytest.raises(Down, match="TLS"):
        get(secured.url)


def test_a_handshake_that_never_ends_is_late() -> None:
    with Raw(lambda _: time.sleep(2)) as server:
        late(server.url.replace("http:", "https:"))


# --- session ---------------------------------------------------------------------------------------------------------


def test_a_session_keeps_to_origin_deadline_and_address(canned: Canned, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    canned.say(b"good", "text/plain")
    with http_session.session(canned.url, "ckan", 0.4) as session:
        assert session.get(canned.url).content == b"good"
        assert canned.requests[-1][2]["User-Agent"] == http.USER_AGENT
        with pytest.raises(Misconfigured, match="not the address declared"):
            session.get("http://127.0.0.1:9/")
        canned.say(b"", "text/plain", 301, Location="http://127.0.0.1:9/")
        with pytest.raises(Misconfigured, match="redirects"):
            session.get(canned.url)
    with pytest.raises(Down), http_session.session("http://127.0.0.1:9", "ckan", 1) as session:
        session.get("http://127.0.0.1:9/")


@pytest.mark.parametrize("start", [b"", HEAD + b"Content-Length: 999\r\n\r\n", HEAD + b"\r\n"])
def test_a_session_is_late_as_a_request_is(start: bytes) -> None:
    with drip(start) as server, http_session.session(server.url, "ckan", 0.4) as session:
        began = time.monotonic()
        with pytest.raises(Late):
            session.get(server.url)
        assert time.monotonic() - began < 0.9
