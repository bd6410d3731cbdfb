"""`beffroi check --online` of what has no probe: tables over REST, files at an address, databases, each a real server."""

import datetime as dt
import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli import main
from tests.peers.canned import Canned
from tests.peers.fault_proxy import FaultProxy
from tests.peers.postgresql.peer import PASSWORD, PostgreSqlServer
from tests.peers.s3.peer import KEY, SECRET, S3Server
from tests.peers.sftp.peer import SftpServer
from tests.rest.peer import Asked, Peer, Told, told

MAIN = "title: Town\norganisations:\n  town: {title: Town}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "registries").mkdir()
    (tmp_path / "beffroi.yaml").write_text(MAIN, encoding="utf-8")
    return tmp_path


def declare(root: Path, **said: Any) -> None:
    """Declare the one registry of the workspace; JSON is YAML."""
    (root / "registries" / "it.yaml").write_text(json.dumps(said), encoding="utf-8")


def online(root: Path) -> tuple[str, str, bool]:
    """Return the status, the detail and whether it fails, which the exit status says too."""
    done = CliRunner().invoke(main, ["--workspace", str(root), "check", "--online", "--json"], catch_exceptions=False)
    assert done.stdout, done.stderr
    [it] = json.loads(done.stdout)
    assert done.exit_code == it["fails"]
    return it["status"], it["detail"], it["fails"]


OK = ("ok", "it is there and knows us", False)


# --- REST ------------------------------------------------------------------------------------------------------------

PAGES = {"by": "page", "parameter": "page"}


def test_the_first_page_of_each_table_is_asked(root: Path) -> None:
    with Peer(lambda asked: told([{"id": asked.query["page"]}])) as peer:
        tables = {name: {"path": name, "paging": PAGES} for name in "abcdefg"}
        declare(root, kind="rest", url=f"{peer.url}/api", tables=tables)
        assert online(root) == OK
        assert [asked.target for asked in peer.asked] == [f"/api/{name}?page=1" for name in "abcde"]


def test_a_table_that_is_read_as_it_arrives_is_not_read_whole(root: Path) -> None:
    ended = threading.Event()

    def endless() -> Iterator[bytes]:
        yield b"id;name\n"
        while not ended.is_set():
            yield b"1;x\n" * 10_000

    with Peer(lambda _: Told(endless(), kind="text/csv")) as peer:
        declare(root, kind="rest", url=f"{peer.url}/api", tables={"t": {"format": "csv", "separator": ";"}})
        try:
            assert online(root) == OK
        finally:
            ended.set()


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Told(status=401), "refused-us"),
        (Told(status=403), "refused-us"),
        (Told(b"<html>Sign in</html>", kind="text/html"), "unreadable"),
        (Told(status=404), "unreadable"),
        (Told(status=503, headers={"Retry-After": "600"}), "down"),
    ],
)
def test_a_table_that_cannot_be_had(root: Path, answer: Told, status: str) -> None:
    def tell(asked: Asked) -> Told:
        return told([{"id": 1}]) if asked.path == "/api/good" else answer

    with Peer(tell) as peer:
        declare(root, kind="rest", url=f"{peer.url}/api", tables={"good": {"path": "good"}, "other": {"path": "other"}})
        found = online(root)
    assert (found[0], found[2]) == (status, True)
    assert found[1]


def test_a_key_of_the_environment_that_is_wrong(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def tell(asked: Asked) -> Told:
        return told([{"id": 1}]) if asked.headers.get("X-Key") == "right" else Told(status=401)

    with Peer(tell) as peer:
        auth = {"kind": "api-key", "header": "X-Key", "value": "${IT_KEY}"}
        declare(root, kind="rest", url=f"{peer.url}/api", auth=auth, tables={"t": {}})
        monkeypatch.setenv("IT_KEY", "right")
        assert online(root) == OK
        monkeypatch.setenv("IT_KEY", "expired")
        assert online(root)[0] == "refused-us"


def test_a_lookup_alone_needs_a_probe(root: Path) -> None:
    lookup = {"record": "Thing", "identifier": {"scheme": "id", "pattern": r"(?P<id>\d+)"}, "path": "{id}"}
    lookup |= {"fields": {"id": "id"}}
    with Peer() as peer:
        declare(root, kind="rest", url=f"{peer.url}/api", lookup=lookup)
        status, detail, fails = online(root)
        assert (status, fails, peer.asked) == ("no probe", False, [])
        assert "probe:" in detail


def test_a_lookup_that_could_give_another_record_on_is_warned_of(root: Path) -> None:
    lookup = {"record": "Thing", "identifier": {"scheme": "id", "pattern": r"(?P<id>\d+)"}, "path": "{id}"}
    lookup |= {"fields": {"id": "id"}}
    for same in ({}, {"same": "id"}):
        declare(root, kind="rest", url="https://it.example.org", lookup=lookup | same)
        done = CliRunner().invoke(main, ["--workspace", str(root), "check", "--json"], catch_exceptions=False)
        assert (done.exit_code, done.stdout) == (0, "[]\n")
        assert ("WARN it: its lookup says no same:" in done.stderr) == (not same)


def test_purposes_that_expire_are_warned_of(root: Path) -> None:
    today = dt.datetime.now(dt.UTC).date()
    days = {"past": -1, "last": 0, "soon": 29, "later": 60, "unused": -1}
    purposes = "".join(
        f"  {name}: {{title: T, procedure: P, legal_basis: L, expires: {today + dt.timedelta(after)}}}\n"
        for name, after in days.items()
    )
    grants = "{dataset: x, fields: '*', purposes: [past, last, soon, later]}"
    application = f"  v: {{title: V, applications: {{a: {{title: A, grants: [{grants}]}}}}}}\n"
    dataset = "title: X\nowner: v\naudience: owner\nsource: {registry: it, table: t}\nschema: {fields: [{name: a}], primaryKey: [a]}\n"
    (root / "datasets").mkdir(exist_ok=True)
    (root / "datasets" / "x.yaml").write_text(dataset, encoding="utf-8")
    declare(root, kind="rest", url="https://it.example.org", tables={"t": {"path": "t"}})
    main_file = f"title: Town\norganisations:\n{application}purposes:\n{purposes}"
    (root / "beffroi.yaml").write_text(main_file, encoding="utf-8")
    done = CliRunner().invoke(main, ["--workspace", str(root), "check", "--json"], catch_exceptions=False)
    assert (done.exit_code, done.stdout) == (0, "[]\n"), done.output
    assert [line.split()[3:5] for line in done.stderr.splitlines() if "the purpose" in line] == [
        ["last:", "expires"], ["past:", "expired"], ["soon:", "expires"],
    ]  # fmt: skip


# --- files at an address ---------------------------------------------------------------------------------------------


def test_a_file_of_a_web_server_is_not_brought(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def endless() -> Iterator[bytes]:
        while not ended.is_set():
            yield b"a;b\n" * 10_000

    def tell(asked: Asked) -> Told:
        known = asked.headers.get("Authorization") == "Basic dmlsbGU6cmlnaHQ="
        return Told(endless(), kind="text/csv") if known else Told(status=401)

    with Peer(tell) as peer:
        said = {"username": "ville", "password": "${IT_PASSWORD}", "tables": {"t": {"file": "t.csv"}}}
        declare(root, kind="files", url=f"{peer.url}/", **said)
        monkeypatch.setenv("IT_PASSWORD", "right")
        try:
            assert online(root) == OK
            monkeypatch.setenv("IT_PASSWORD", "expired")
            assert online(root)[0] == "refused-us"
        finally:
            ended.set()
    assert not (root / ".beffroi" / "files").exists(), "nothing is kept"


@pytest.mark.parametrize(
    ("status", "kind", "code", "says"),
    [
        (404, "text/plain", "misconfigured", "has no file t.csv (HTTP 404)"),
        (200, "text/html", "unreadable", "a web page instead of t.csv"),
        (500, "text/plain", "down", "out of order"),
        (418, "text/plain", "unreadable", "HTTP 418"),
    ],
)
def test_a_file_that_cannot_be_had(root: Path, canned: Canned, status: int, kind: str, code: str, says: str) -> None:
    canned.say(b"x", kind, status)
    declare(root, kind="files", url=canned.url, tables={"t": {"file": "t.csv"}})
    found = online(root)
    assert (found[0], found[2]) == (code, True)
    assert says in found[1]


def test_a_bucket(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IT_SECRET", SECRET)
    with S3Server() as server:
        server.request("PUT", "/town")
        server.request("PUT", "/town/2026/a.csv.gz", gzip.compress(b"a;b\n1;2\n"))
        said: dict[str, Any] = {"kind": "files", "url": "s3://town/2026", "endpoint": server.url, "username": KEY}
        said |= {"password": "${IT_SECRET}"}
        declare(root, **said, tables={"t": {"file": "*.csv.gz"}})
        assert online(root) == OK
        declare(root, **said, tables={"t": {"file": "b.csv"}})
        assert online(root)[0] == "misconfigured"
        declare(root, **{**said, "url": "s3://village/"}, tables={"t": {"file": "*.csv"}})
        assert online(root)[0] == "misconfigured"
        monkeypatch.setenv("IT_SECRET", "expired")
        declare(root, **said, tables={"t": {"file": "*.csv.gz"}})
        assert online(root)[0] == "refused-us"
    assert online(root)[0] == "down"


def test_a_folder_over_sftp(root: Path) -> None:
    (root / "share").mkdir()
    (root / "share" / "a.csv").write_text("a;b\n1;2\n", encoding="utf-8")
    with SftpServer(root / "keys") as server:
        said: dict[str, Any] = {"kind": "files", "url": f"sftp://{server.user}@127.0.0.1:{server.port}{root}/share"}
        said |= {"key": "keys/user_key", "host_key": server.host_key}
        declare(root, **said, tables={"t": {"file": "*.csv"}})
        assert online(root) == OK
        declare(root, **said, tables={"t": {"file": "*.xlsx"}})
        assert online(root)[0] == "misconfigured"
        (root / "keys" / "authorized_keys").write_text("", encoding="utf-8")
        declare(root, **said, tables={"t": {"file": "*.csv"}})
        assert online(root)[0] == "refused-us"


# --- databases -------------------------------------------------------------------------------------------------------


def test_a_password_of_a_database_that_expired(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READER_PASSWORD", PASSWORD)
    with PostgreSqlServer() as server, server.connect() as owner, FaultProxy("127.0.0.1", server.port) as proxy:
        owner.execute("CREATE TABLE lamps (id integer PRIMARY KEY)")
        owner.execute(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
        url = f"postgresql://reader@127.0.0.1:{proxy.port}/postgres"
        declare(root, kind="sql", url=url, password="${READER_PASSWORD}", tables={"lamps": {"table": "lamps"}})
        proxy.fault = "none"
        assert online(root) == OK
        owner.execute("ALTER ROLE reader VALID UNTIL '2020-01-01'")
        assert online(root)[0] == "refused-us"
        proxy.fault = "refuse"
        assert online(root)[0] == "down"
