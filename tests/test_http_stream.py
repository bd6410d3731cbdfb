"""Answers read as they arrive, and client certificates: real sockets, real TLS."""

import gzip
import json
import os
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from connectors import http
from connectors.deadline import Deadline
from connectors.errors import Down, Late, Misconfigured, RefusedUs, Unreadable
from tests.peers.canned import Canned, Raw

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: Text/XML; charset=utf-8\r\n"


def stream(
    url: str, seconds: float = 5, most: int = 2**40, identity: http.Identity | None = None
) -> AbstractContextManager[http.Streamed]:
    return http.stream(
        "GET", url, base=url, registry="r", deadline=Deadline.after(seconds), most=most, identity=identity
    )


def read_all(answer: http.Streamed, step: int = 4096) -> bytes:
    parts = list(iter(lambda: answer.read(step), b""))
    assert all(len(part) <= step for part in parts)
    return b"".join(parts)


def saying(*parts: bytes, pause: float = 0) -> Raw:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)

    return Raw(talk)


# --- what comes back -------------------------------------------------------------------------------------------------


def test_head_and_body(canned: Canned) -> None:
    canned.say(bytes(range(256)) * 1000, "Text/XML; charset=utf-8", 500, X="y")
    with stream(canned.url) as answer:
        assert (answer.status, answer.content_type, answer.headers["x"]) == (500, "text/xml", "y")
        assert answer.read(3) == b"\x00\x01\x02"
        assert answer.rest() == (bytes(range(256)) * 1000)[3:]
        assert answer.read(3) == b""
        assert isinstance(http.refusal(answer, "r"), Down)


@pytest.mark.parametrize("step", [1, 7, 65536, 10**9])
def test_any_step_gives_the_same_bytes(canned: Canned, step: int) -> None:
    body = os.urandom(1000 if step == 1 else 200_000)
    canned.say(gzip.compress(body), "text/plain", Content_Encoding="gzip")
    with stream(canned.url) as answer:
        assert read_all(answer, step) == body


def test_chunks_come_as_they_are_sent() -> None:
    chunks = [b"5\r\nhello\r\n", b"6\r\n world\r\n", b"0\r\nTrailer: x\r\n\r\n"]
    with saying(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *chunks, pause=0.2) as server:
        began = time.monotonic()
        with stream(server.url) as answer:
            assert answer.read(100) == b"hello"
            assert time.monotonic() - began < 0.35, "the first chunk is there before the second is sent"
            assert read_all(answer) == b" world"


@pytest.mark.parametrize(
    ("answer", "got"),
    [
        (HEAD + b"Content-Length: 10\r\n\r\nhalf", b"half"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhal", b"hello"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", b"hello"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n", b"hello"),
        (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone", b""),
    ],
    ids=["length", "chunk", "no last chunk", "no chunk", "gzip"],
)
def test_what_is_cut_or_garbled_is_unreadable_and_stays_so(answer: bytes, got: bytes) -> None:
    with saying(answer) as server, stream(server.url) as streamed:
        received: list[bytes] = []
        with pytest.raises(Unreadable, match="cut or garbled"):
            received.extend(iter(lambda: streamed.read(1), b""))
        assert got.startswith(b"".join(received))
        with pytest.raises(Unreadable):
            streamed.read(1)


@pytest.mark.parametrize("packed", [False, True])
def test_most_counts_after_decompression(canned: Canned, packed: bool) -> None:
    body = bytes(1_000_000)
    canned.say(gzip.compress(body) if packed else body, "text/plain")
    if packed:
        canned.headers["Content-Encoding"] = "gzip"
    with stream(canned.url, most=1_000_000) as answer:
        assert read_all(answer) == body
    with pytest.raises(Unreadable, match="larger than 999999 bytes"), stream(canned.url, most=999_999) as answer:
        read_all(answer)


# --- deadlines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [b"Content-Length: 999\r\n", b"", b"Transfer-Encoding: chunked\r\n"])
def test_a_drip_past_the_deadline_is_late(kind: bytes) -> None:
    drop = b"1\r\na\r\n" if b"chunked" in kind else b"a"
    with saying(HEAD + kind + b"\r\n", *[drop] * 100, pause=0.05) as server:
        began = time.monotonic()
        with stream(server.url, 0.5) as answer:
            with pytest.raises(Late):
                read_all(answer)
            with pytest.raises(Late):
                answer.read(1)
        assert time.monotonic() - began < 1


def test_a_deadline_that_has_passed_is_late_and_nobody_is_asked(canned: Canned) -> None:
    with stream(canned.url) as answer:
        read_all(answer)  # its connection is kept, and a request on it would be answered at once
    with pytest.raises(Late), stream(canned.url, -1):
        pass
    assert (canned.connections, len(canned.requests)) == (1, 1)


def test_a_reader_that_dawdles_is_late_too(canned: Canned) -> None:
    canned.say(bytes(50_000_000), "text/plain")

    def dawdle(answer: http.Streamed) -> None:
        while answer.read(4096):
            time.sleep(0.05)

    with stream(canned.url, 0.3) as answer, pytest.raises(Late):
        dawdle(answer)


# --- connections -----------------------------------------------------------------------------------------------------


def test_a_connection_is_kept_after_the_end_only(canned: Canned) -> None:
    canned.say(b"good", "text/plain")
    for _ in range(3):
        with stream(canned.url) as answer:
            read_all(answer)
    assert canned.connections == 1
    canned.say(bytes(9_000_000), "text/plain")
    with stream(canned.url) as answer:
        assert answer.read(2) == bytes(2)
    with stream(canned.url):
        pass
    with pytest.raises(ZeroDivisionError), stream(canned.url):
        1 / 0  # noqa: B018
    with stream(canned.url) as answer:
        read_all(answer)
    assert canned.connections == 4


def test_many_broken_off_streams_leave_no_socket_behind(canned: Canned) -> None:
    canned.say(bytes(3_000_000), "text/plain")

    def descriptors() -> int:
        return sum(entry.is_socket() for entry in Path("/proc/self/fd").iterdir())

    before = descriptors()
    for _ in range(100):
        with stream(canned.url) as answer:
            answer.read(10)
    for _ in range(50):  # the server's threads see it a moment later
        if descriptors() <= before + 4:
            return
        time.sleep(0.1)
    raise AssertionError(f"{descriptors() - before} sockets more")


def test_streams_may_be_interleaved_and_left_in_another_thread(canned: Canned) -> None:
    body = os.urandom(2_000_000)
    canned.say(body, "text/plain")

    def batches() -> Iterator[bytes]:
        with stream(canned.url) as answer:
            yield from iter(lambda: answer.read(100_000), b"")

    first, second = batches(), batches()
    got = [next(first)], [next(second)]

    def finish() -> None:
        got[0].extend(first)
        got[1].extend(second)

    thread = threading.Thread(target=finish)
    thread.start()
    thread.join()
    assert b"".join(got[0]) == b"".join(got[1]) == body
    with stream(canned.url) as answer:
        assert read_all(answer) == body
    assert canned.connections == 2


def test_only_the_declared_origin_is_asked(canned: Canned) -> None:
    asked = http.stream(
        "GET", canned.url, base="http://declared/", registry="r", deadline=Deadline.after(1), most=1, body=b"x"
    )
    with pytest.raises(Misconfigured, match="not the address declared"), asked:
        pass
    assert not canned.requests


def test_memory_stays_flat_whatever_comes() -> None:
    """200 MB plain, 200 MB out of 200 kB of gzip, and one chunk of 200 MB, read in a process of its own."""
    code = """
        import json, resource, sys
        from connectors import http
        from connectors.deadline import Deadline
        grown = []
        for url in sys.argv[1:]:
            before, size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
            with http.stream("GET", url, base=url, registry="r", deadline=Deadline.after(60), most=2**40) as answer:
                while part := answer.read(65536):
                    size += len(part)
            grown.append((size, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024))
        print(json.dumps(grown))
    """
    block, size = bytes(1_000_000), 200_000_000
    bomb = gzip.compress(bytes(size), 9)
    chunk = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % size
    with (
        saying(HEAD + b"Content-Length: %d\r\n\r\n" % size, *[block] * 200) as plain,
        saying(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb), bomb) as packed,
        saying(HEAD + chunk, *[block] * 200, b"\r\n0\r\n\r\n") as chunked,
        saying(HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(bomb), bomb,
               b"\r\n0\r\n\r\n") as both,
    ):  # fmt: skip
        urls = [server.url for server in (plain, packed, chunked, both)]
        command = [sys.executable, "-c", textwrap.dedent(code), *urls]
        said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert said.returncode == 0, said.stderr
    grown = json.loads(said.stdout)
    assert [got for got, _ in grown] == [size] * 4
    assert max(mebibytes for _, mebibytes in grown) < 20, grown


# --- client certificates ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def files(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Client certificates: ours, a stranger's (of another authority), and what is wrong in other ways."""
    folder = tmp_path_factory.mktemp("tls")
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    ours, stranger = authority.issue_cert("us@example.org"), trustme.CA().issue_cert("them@example.org")
    for name, made in (("ours", ours), ("stranger", stranger)):
        made.private_key_pem.write_to_path(str(folder / f"{name}.key"))
        made.cert_chain_pems[0].write_to_path(str(folder / f"{name}.pem"))
        made.private_key_and_cert_chain_pem.write_to_path(str(folder / f"{name}-both.pem"))
    key = load_pem_private_key(ours.private_key_pem.bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (folder / "locked.key").write_bytes(locked)
    other = rsa.generate_private_key(65537, 2048)
    plain = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    (folder / "garbage.pem").write_bytes(b"garbage" + plain[:40])
    return folder


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
def secured(request: pytest.FixtureRequest, authority: trustme.CA, files: Path) -> Iterator[Raw]:
    """A server that wants a certificate of its authority, and tells whose it got."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = request.param
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.load_verify_locations(cafile=files / "authority.pem")
    context.verify_mode = ssl.CERT_REQUIRED

    def talk(connection: socket.socket) -> None:
        assert isinstance(connection, ssl.SSLSocket)
        while connection.recv(65536):
            names = (connection.getpeercert() or {}).get("subjectAltName", ())
            body = json.dumps(names).encode()
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def shaken(connection: socket.socket) -> socket.socket:
        with connection.dup() as whole:
            try:
                return context.wrap_socket(connection, server_side=True)
            except ssl.SSLError:
                whole.settimeout(5)
                whole.shutdown(socket.SHUT_WR)
                while whole.recv(65536):  # closed with a request unread, the connection is reset and the alert is lost
                    pass
                raise

    with Raw(talk, shaken) as server:
        server.url = server.url.replace("http:", "https:")
        yield server


def ask(url: str, identity: http.Identity | None) -> bytes:
    return http.request("GET", url, base=url, registry="r", deadline=Deadline.after(5), identity=identity).body


def test_the_certificate_is_shown(secured: Raw, files: Path) -> None:
    apart = http.Identity(files / "ours.pem", files / "ours.key", files / "authority.pem")
    together = http.Identity(files / "ours-both.pem", authority=files / "authority.pem")
    for identity in (apart, together):
        assert b"us@example.org" in ask(secured.url, identity)
    with stream(secured.url, identity=apart) as answer:
        assert b"us@example.org" in answer.rest()


def refused(url: str, identity: http.Identity) -> type[Exception]:
    """Return what it is taken for."""
    with pytest.raises((RefusedUs, Down)) as told:
        ask(url, identity)
    if told.type is RefusedUs:
        assert "refuses our TLS certificate" in str(told.value)
    return told.type


def test_a_certificate_that_the_server_refuses(secured: Raw, files: Path) -> None:
    assert refused(secured.url, http.Identity(files / "stranger-both.pem", None, files / "authority.pem")) is RefusedUs


def test_no_certificate_where_one_is_wanted(secured: Raw, files: Path) -> None:
    told = refused(secured.url, http.Identity(authority=files / "authority.pem"))
    assert told in (RefusedUs, Down)  # TLS 1.2 knows only a handshake that failed


def test_a_server_of_another_authority_is_down(secured: Raw, files: Path) -> None:
    for identity in (None, http.Identity(files / "ours.pem", files / "ours.key")):
        with pytest.raises(Down, match="TLS"):
            ask(secured.url, identity)


@pytest.mark.parametrize(
    ("certificate", "key", "believed", "says"),
    [
        ("missing.pem", "ours.key", None, "missing.pem cannot be read"),
        ("ours.pem", "missing.key", None, "missing.key cannot be read"),
        ("ours.pem", "ours.key", "missing.pem", "missing.pem cannot be read"),
        ("ours.pem", "stranger.key", None, "stranger.key is not the key of the certificate .*ours.pem"),
        ("ours.pem", "locked.key", None, "locked.key is protected by a password"),
        ("garbage.pem", "ours.key", None, "garbage.pem and its key could not be loaded"),
        ("ours.pem", None, None, "ours.pem and its key could not be loaded"),
        ("ours.pem", "ours.key", "garbage.pem", "garbage.pem holds no certificate"),
        (None, "ours.key", None, "ours.key is a key without a certificate"),
        (".", "ours.key", None, "cannot be read"),
        ("ours.pem", "ours.key", ".", "cannot be read|no certificate"),
    ],
)
def test_an_identity_that_cannot_be_used(
    files: Path, certificate: str | None, key: str | None, believed: str | None, says: str
) -> None:
    path: Callable[[str | None], Path | None] = lambda name: files / name if name else None  # noqa: E731
    with pytest.raises(Misconfigured, match=says):
        ask("https://127.0.0.1:9/", http.Identity(path(certificate), path(key), path(believed)))


def test_a_renewed_certificate_needs_no_restart(secured: Raw, authority: trustme.CA, files: Path) -> None:
    for name in ("first@example.org", "second@example.org"):
        authority.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(str(files / "renewed.pem"))
        identity = http.Identity(files / "renewed.pem", authority=files / "authority.pem")
        assert name.encode() in ask(secured.url, identity)
        assert name.encode() in ask(secured.url, identity)
