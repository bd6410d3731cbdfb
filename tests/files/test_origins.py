"""Files from a web server, an S3 server and an SFTP server, each a real one, and what goes wrong with them."""

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Down, Late, Misconfigured, RefusedUs, Unreadable
from connectors.files import Files
from connectors.files.origins import origin
from connectors.files.origins_cache import Cache
from connectors.files.origins_sftp import ERRORS
from connectors.files.reading import Hold, LocalFile
from connectors.files.settings import FilesSettings
from connectors.limits import Limits
from connectors.pacing import Pace
from tests.peers.canned import Canned
from tests.peers.fault_proxy import FaultProxy
from tests.peers.s3.peer import KEY, SECRET, S3Server
from tests.peers.sftp.peer import SftpServer

CONTENT = b"a;b\n1;2\n"
HOLDS: list[Hold] = []


@pytest.fixture(autouse=True)
def _held() -> Iterator[None]:
    yield
    for hold in HOLDS:
        hold.close()
    HOLDS.clear()


def ask(root: Path, pattern: str, seconds: float = 20, **said: Any) -> list[LocalFile]:
    hold = Hold()
    HOLDS.append(hold)
    settings = FilesSettings.model_validate({"tables": {"t": {"file": pattern}}, **said})
    pace = Pace("mairie", Limits(), root)
    return list(origin(settings, "mairie", root, pace).files(pattern, hold, Deadline.after(seconds)))


def told(found: list[LocalFile]) -> dict[str, bytes]:
    return {file.name: file.path.read_bytes() for file in found}


# --- the web ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server of Python's own, which answers to If-Modified-Since, on a folder."""
    folder = tmp_path / "web"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", folder
    server.shutdown()
    server.server_close()


def test_a_file_of_a_web_server_comes_once_until_it_changes(tmp_path: Path, web: tuple[str, Path]) -> None:
    url, folder = web
    (folder / "été 1.csv").write_bytes(CONTENT)
    os.utime(folder / "été 1.csv", (1_700_000_000, 1_700_000_000))
    first = ask(tmp_path, "été 1.csv", url=url)
    assert told(first) == {"été 1.csv": CONTENT}
    assert first[0].modified is not None
    assert formatdate(first[0].modified.timestamp()).startswith("Tue, 14 Nov 2023")
    (folder / "été 1.csv").write_bytes(b"not seen: its date is the same")
    os.utime(folder / "été 1.csv", (1_700_000_000, 1_700_000_000))
    assert told(ask(tmp_path, "été 1.csv", url=url)) == {"été 1.csv": CONTENT}  # by 304
    (folder / "été 1.csv").write_bytes(b"new")
    assert told(ask(tmp_path, "été 1.csv", url=url)) == {"été 1.csv": b"new"}
    assert told(first) == {"été 1.csv": CONTENT}, "whoever reads a version keeps it"
    kept = tmp_path / ".beffroi" / "files" / "mairie"
    assert sorted(file.suffix for file in kept.iterdir()) == [".data", ".json"]
    assert kept.stat().st_mode & 0o077 == 0
    assert ask(tmp_path, "absent.csv", url=url) == []
    shutil.rmtree(kept)
    assert told(ask(tmp_path, "été 1.csv", url=url)) == {"été 1.csv": b"new"}


def test_a_file_that_a_server_has_not_is_told_as_such(tmp_path: Path, web: tuple[str, Path]) -> None:
    said = {"url": web[0], "tables": {"t": {"file": "t.csv"}}}
    town = Files("mairie", FilesSettings.model_validate(said), tmp_path)
    with pytest.raises(
        Misconfigured, match=r"mairie: its server has no file t.csv \(HTTP 404\): look at url: and file:"
    ):
        town.scan("t")


@pytest.mark.parametrize("left", [0, 4])
def test_a_file_that_was_cut_in_the_cache_comes_again(tmp_path: Path, web: tuple[str, Path], left: int) -> None:
    url, folder = web
    (folder / "t.csv").write_bytes(CONTENT)
    ask(tmp_path, "t.csv", url=url)
    HOLDS[-1].close()
    [data] = (tmp_path / ".beffroi" / "files" / "mairie").glob("*.data")
    os.truncate(data, left)
    assert told(ask(tmp_path, "t.csv", url=url)) == {"t.csv": CONTENT}


def test_what_nothing_names_in_the_cache_is_removed(tmp_path: Path, web: tuple[str, Path]) -> None:
    url, folder = web
    kept = tmp_path / ".beffroi" / "files" / "mairie"
    for name in ("t.csv", "old.csv"):
        (folder / name).write_bytes(CONTENT)
        ask(tmp_path, name, url=url)
    whole = {*kept.iterdir()}
    for name in ("x.part", "y.data", "z.json"):
        (kept / name).write_bytes(b"{}")
    with Cache(tmp_path, "mairie").new() as (_, part):
        ask(tmp_path, "t.csv", url=url)
        assert part.exists(), "somebody writes: nothing is removed"
    ask(tmp_path, "t.csv", url=url)
    assert {*kept.iterdir()} == whole
    old = next(
        each
        for each in kept.glob("*.json")
        if each != max(kept.glob("*.json"), key=lambda note: note.stat().st_mtime_ns)
    )
    os.utime(old, (1_700_000_000, 1_700_000_000))
    ask(tmp_path, "t.csv", url=url)
    assert len([*kept.iterdir()]) == 2
    assert told(ask(tmp_path, "old.csv", url=url)) == {"old.csv": CONTENT}


def test_headers_passwords_and_etags_are_sent(tmp_path: Path, canned: Canned, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOWN_KEY", "s3same")
    canned.say(CONTENT, "text/csv", ETag='"v1"', Content_Disposition="attachment; filename=../../x")
    said: dict[str, Any] = {
        "url": canned.url + "/dir",
        "headers": {"X-Key": "${TOWN_KEY}"},
        "username": "u",
        "password": "${TOWN_KEY}",
    }
    assert told(ask(tmp_path, "export?format=csv&x=a", **said)) == {"export?format=csv&x=a": CONTENT}
    method, path, headers, _ = canned.requests[-1]
    assert (method, path) == ("GET", "/dir/export?format=csv&x=a")
    assert headers["X-Key"] == "s3same"
    assert headers["Authorization"] == "Basic dTpzM3NhbWU="
    canned.say(b"", "text/csv", 304)
    assert told(ask(tmp_path, "export?format=csv&x=a", **said)) == {"export?format=csv&x=a": CONTENT}
    assert canned.requests[-1][2]["If-None-Match"] == '"v1"'


@pytest.mark.parametrize(
    ("status", "headers", "expected", "said"),
    [
        (401, {}, RefusedUs, "refuses our credentials"),
        (500, {}, Down, "out of order"),
        (206, {}, Unreadable, "HTTP 206 instead of a file"),
        (302, {"Location": "http://127.0.0.2/elsewhere"}, Misconfigured, "not the address declared"),
        (302, {"Location": "/again"}, Unreadable, "redirects without an end"),
        (200, {"Content_Type": "text/html"}, Unreadable, "a web page instead of t.csv"),
        (200, {"Content_Length": "999"}, Unreadable, "cut or garbled"),
    ],
)
def test_answers_that_are_no_file(
    tmp_path: Path, canned: Canned, status: int, headers: dict[str, str], expected: type[BeffroiError], said: str
) -> None:
    canned.say(b"<html>", headers.pop("Content_Type", "text/csv"), status, Connection="close", **headers)
    with pytest.raises(expected, match=said):
        ask(tmp_path, "t.csv", url=canned.url, seconds=3)
    kept = tmp_path / ".beffroi" / "files" / "mairie"
    assert not kept.exists() or not list(kept.iterdir()), "nothing half is kept"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("refuse", Down),
        ("cut", Unreadable),
        ("reset", Unreadable),
        ("blackhole", Late),
        ("drip", Late),
        ("garbage", Unreadable),
        ("html", Unreadable),
    ],
)
def test_a_network_that_fails(tmp_path: Path, canned: Canned, fault: str, expected: type[BeffroiError]) -> None:
    canned.say(CONTENT * 100, "text/csv")
    with FaultProxy("127.0.0.1", int(canned.url.rpartition(":")[2])) as proxy:
        proxy.fault = fault
        with pytest.raises(expected):
            ask(tmp_path, "t.csv", url=proxy.url, seconds=1)


def test_what_cannot_be_asked_for_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be listed"):
        ask(tmp_path, "*.csv", url="http://127.0.0.1:9/")
    with pytest.raises(Misconfigured, match="say endpoint:"):
        ask(tmp_path, "*.csv", url="s3://bucket/")
    with pytest.raises(Misconfigured, match="say host_key:"):
        ask(tmp_path, "*.csv", url="sftp://u@127.0.0.1/")
    with pytest.raises(Misconfigured, match="say username:"):
        ask(tmp_path, "*.csv", url="sftp://127.0.0.1/", host_key="ssh-ed25519 x")
    with pytest.raises(Misconfigured, match="a password stands in the address"):
        ask(tmp_path, "*.csv", url="sftp://u:p@127.0.0.1/")
    with pytest.raises(Misconfigured, match="host_key: is no public key"):
        ask(tmp_path, "*.csv", url="sftp://u@127.0.0.1/", host_key="ssh-ed25519 x")


# --- S3 --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with S3Server() as server:
        assert server.request("PUT", "/town").status == 200
        for name in ("in/a 1.csv", "in/b.csv", "in/deep/c.csv", "in/d.txt", "out.csv"):
            assert server.request("PUT", f"/town/{name.replace(' ', '%20')}", CONTENT + name.encode()).status == 200
        yield server


def test_files_of_a_bucket(tmp_path: Path, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOWN_SECRET", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "not ours")
    said: dict[str, Any] = {"url": "s3://town/in", "endpoint": s3.url, "username": KEY, "password": "${TOWN_SECRET}"}
    assert told(ask(tmp_path, "*.CSV", **said)) == {n: CONTENT + f"in/{n}".encode() for n in ("a 1.csv", "b.csv")}
    assert list(told(ask(tmp_path, "*/*.csv", **said))) == ["deep/c.csv"]
    assert ask(tmp_path, "*.ods", **said) == []
    kept = tmp_path / ".beffroi" / "files" / "mairie"
    before = {file: file.stat().st_mtime_ns for file in kept.glob("*.data")}
    assert len(told(ask(tmp_path, "*.csv", **said))) == 2
    assert {file: file.stat().st_mtime_ns for file in kept.glob("*.data")} == before, (
        "what did not change came not again"
    )
    assert s3.request("PUT", "/town/in/b.csv", b"new").status == 200
    assert told(ask(tmp_path, "b.csv", **said)) == {"b.csv": b"new"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"password": "wrong"}, RefusedUs),
        ({"username": "nobody"}, RefusedUs),
        ({"username": None}, RefusedUs),
        ({"url": "s3://absent/in"}, Misconfigured),
    ],
)
def test_a_bucket_that_is_not_ours(
    tmp_path: Path, s3: S3Server, changed: dict[str, Any], expected: type[BeffroiError]
) -> None:
    said: dict[str, Any] = {"url": "s3://town/in", "endpoint": s3.url, "username": KEY, "password": SECRET} | changed
    with pytest.raises(expected) as raised:
        ask(tmp_path, "*.csv", **said)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("fault", "expected"), [("refuse", Down), ("blackhole", Late), ("garbage", Unreadable), ("html", Unreadable)]
)
def test_a_bucket_behind_a_network_that_fails(
    tmp_path: Path, s3: S3Server, fault: str, expected: type[BeffroiError]
) -> None:
    with FaultProxy("127.0.0.1", int(s3.url.rpartition(":")[2])) as proxy:
        proxy.fault = fault
        with pytest.raises(expected):
            ask(tmp_path, "*.csv", 1, url="s3://town/in", endpoint=proxy.url, username=KEY, password=SECRET)


# --- SFTP ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with SftpServer(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    (folder / "deep").mkdir(parents=True)
    for name in ("a 1.csv", "b.csv", "deep/c.csv", "d.txt", ".hidden.csv"):
        (folder / name).write_bytes(CONTENT + name.encode())
    return folder


def said_of(server: SftpServer, folder: Path, root: Path, **changed: Any) -> dict[str, Any]:
    shutil.copy(server.key, root / "key")
    said: dict[str, Any] = {"username": server.user, "key": "key", "host_key": server.host_key}
    return {"url": f"sftp://127.0.0.1:{server.port}{folder}", **said} | changed


def test_files_of_an_sftp_server(tmp_path: Path, sftp: SftpServer, there: Path) -> None:
    said = said_of(sftp, there, tmp_path)
    found = ask(tmp_path, "*.csv", **said)
    assert told(found) == {name: CONTENT + name.encode() for name in ("a 1.csv", "b.csv")}
    assert found[0].modified is not None
    assert abs(found[0].modified.timestamp() - time.time()) < 60
    assert list(told(ask(tmp_path, "*/c.csv", **said))) == ["deep/c.csv"]
    assert ask(tmp_path, "*.ods", **said) == []
    big = os.urandom(3_000_000)
    (there / "big.bin").write_bytes(big)
    known = f"[127.0.0.1]:{sftp.port} {sftp.host_key}"
    assert told(ask(tmp_path, "big.bin", **{**said, "host_key": known})) == {"big.bin": big}


def test_a_server_with_another_host_key_is_not_spoken_to(tmp_path: Path, sftp: SftpServer, there: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(Misconfigured, match="another host key than host_key: declares"):
        ask(tmp_path, "*.csv", **said_of(sftp, there, tmp_path, host_key=other))


def test_an_sftp_server_that_refuses_us(tmp_path: Path, sftp: SftpServer, there: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    with pytest.raises(RefusedUs, match="user name, password or key"):
        ask(tmp_path, "*.csv", **said_of(sftp, there, tmp_path, key="other"))
    with pytest.raises(RefusedUs, match="user name, password or key"):
        ask(tmp_path, "*.csv", **said_of(sftp, there, tmp_path, key=None, password="wrong"))
    with pytest.raises(Misconfigured, match=r"the key absent cannot be used"):
        ask(tmp_path, "*.csv", **said_of(sftp, there, tmp_path, key="absent"))
    with pytest.raises(Unreadable, match="cannot give its files"):
        ask(tmp_path, "*.csv", **said_of(sftp, there / "absent", tmp_path))


@pytest.mark.parametrize(
    ("fault", "expected"),
    [("refuse", BeffroiError), ("blackhole", Late), ("garbage", BeffroiError), ("html", BeffroiError)],
)
def test_an_sftp_server_behind_a_network_that_fails(
    tmp_path: Path, sftp: SftpServer, there: Path, fault: str, expected: type[BeffroiError]
) -> None:
    said = said_of(sftp, there, tmp_path)
    with FaultProxy("127.0.0.1", sftp.port) as proxy:
        proxy.fault = fault
        began = time.monotonic()
        with pytest.raises(expected):
            ask(tmp_path, "*.csv", 2, **{**said, "url": f"sftp://127.0.0.1:{proxy.port}{there}"})
        assert time.monotonic() - began < 4


def test_a_file_that_grows_while_it_is_read(tmp_path: Path, sftp: SftpServer, there: Path) -> None:
    (there / "grows.csv").write_bytes(CONTENT * 5_000_000)
    stop = threading.Event()

    def grow() -> None:
        with (there / "grows.csv").open("ab") as file:
            while not stop.wait(0.005):
                file.write(b"more")
                file.flush()

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        with pytest.raises(Unreadable, match=r"grows\.csv changed while it was read"):
            ask(tmp_path, "grows.csv", **said_of(sftp, there, tmp_path))
    finally:
        stop.set()
        thread.join()


def test_every_error_of_the_library_is_ours() -> None:
    def below(kind: type[Exception]) -> Iterator[type[Exception]]:
        yield kind
        for each in kind.__subclasses__():
            yield from below(each)

    for kind in below(asyncssh.Error):
        assert any(issubclass(kind, parent) for parent in ERRORS)
    with contextlib.suppress(StopIteration):
        assert next(iter(ERRORS)) is asyncssh.HostKeyNotVerifiable
