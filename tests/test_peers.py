"""The peers themselves: the node SOAP server says what the sandbox says, and the fault proxy breaks what it should."""

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import requests
from lxml import etree
from zeep.exceptions import Fault

from connectors import sandbox
from connectors.sandbox.civil import REGISTER
from tests.peers import ports
from tests.peers.fault_proxy import GARBAGE, FaultProxy
from tests.peers.mariadb.peer import MariaDbServer
from tests.peers.postgresql.peer import PostgreSqlServer
from tests.peers.process import Process
from tests.peers.s3.peer import S3Server
from tests.peers.sftp.peer import SftpServer
from tests.peers.soap_server.peer import SoapServer
from tests.test_sandbox import ROOT, as_row, envelope, service

PERSONS = 40


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with a few persons, served by the sandbox."""
    root = tmp_path_factory.mktemp("workspace")
    (root / "datasets" / "reference").mkdir(parents=True)
    table = pq.read_table(ROOT / "datasets" / "reference" / "persons.parquet").sort_by([("death_date", "ascending")])
    pq.write_table(table.slice(0, PERSONS), root / "datasets" / "reference" / "persons.parquet")
    sandbox.start(root, ["civil"], tied=True)
    yield root
    sandbox.stop(root)


@pytest.fixture(scope="module")
def node(workspace: Path) -> Iterator[SoapServer]:
    rows = pq.read_table(workspace / "datasets" / "reference" / "persons.parquet").to_pylist()
    (workspace / "persons.json").write_text(json.dumps(rows, default=str))
    with SoapServer(workspace / "persons.json") as server:
        yield server


@pytest.fixture
def proxy(workspace: Path) -> Iterator[FaultProxy]:
    port = int(sandbox.address(workspace, "civil").rpartition(":")[2])
    with FaultProxy("127.0.0.1", port) as proxy:
        yield proxy


def everything(url: str) -> list[dict[str, Any]]:
    with service(url) as register:
        answer = register.ListPersons(limit=15)
        rows = [as_row(person) for person in answer.persons.person]
        while answer.next is not None:
            answer = register.ListPersons(after=answer.next, limit=15)
            rows += [as_row(person) for person in answer.persons.person]
        assert [as_row(register.GetPerson(nir=row["nir"])) for row in rows[:5]] == rows[:5]
        return rows


def test_two_stacks_say_the_same(workspace: Path, node: SoapServer) -> None:
    ours = everything(f"{sandbox.address(workspace, 'civil')}/")
    assert len(ours) == PERSONS
    assert any(row["death_date"] for row in ours)
    assert everything(node.url) == ours


def test_node_answers_by_the_schema(node: SoapServer) -> None:
    wsdl = etree.parse(ROOT / "connectors" / "wsdl" / "civil_register.wsdl").getroot()
    [schema] = wsdl.iter("{http://www.w3.org/2001/XMLSchema}schema")
    for question in (
        "<ListPersons><limit>1000</limit></ListPersons>",
        "<ListPersons><after>299129999999999</after><limit>1</limit></ListPersons>",
    ):
        got = requests.post(node.url, data=envelope(question), headers={"Content-Type": "text/xml"}, timeout=10)
        [answer] = etree.fromstring(got.content).findall("{*}Body/*")
        etree.XMLSchema(schema).assertValid(answer)


def test_node_faults(node: SoapServer) -> None:
    with service(node.url) as register, pytest.raises(Fault) as raised:
        register.GetPerson(nir="101010100100033")
    assert raised.value.detail.findtext(f".//{{{REGISTER}}}code") == "PERSON_UNKNOWN"


def test_node_ends_with_its_parent(node: SoapServer, workspace: Path) -> None:
    with SoapServer(workspace / "persons.json") as other:
        assert other._process.stdin is not None
        other._process.stdin.close()  # as the system does it for a parent that dies
        other._process.stdin = None
        assert other._process.wait(60) == 0


def ask(proxy: FaultProxy, timeout: float = 2) -> requests.Response:
    return requests.get(f"{proxy.url}/?wsdl", timeout=timeout)


def test_proxy_passes_on(proxy: FaultProxy) -> None:
    with requests.Session() as session:
        for _ in range(3):
            assert "CivilRegister" in session.get(f"{proxy.url}/?wsdl", timeout=2).text
        assert proxy.seen == 1, "one connection, kept"
        proxy.fault = "html"
        assert "Request blocked" in session.get(f"{proxy.url}/?wsdl", timeout=2).text, "kept connections see it too"


def test_proxy_latency(proxy: FaultProxy) -> None:
    proxy.fault = "latency:0.4"
    began = time.monotonic()
    assert "CivilRegister" in ask(proxy).text
    assert 0.4 <= time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    ("fault", "raised", "says"),
    [
        ("refuse", requests.ConnectionError, "Connection"),
        ("reset", requests.exceptions.ChunkedEncodingError, "Connection reset by peer"),
        ("cut", requests.exceptions.ChunkedEncodingError, "IncompleteRead"),
        ("garbage", requests.ConnectionError, "BadStatusLine"),
        ("blackhole", requests.ReadTimeout, "timed out"),
    ],
)
def test_proxy_breaks(proxy: FaultProxy, fault: str, raised: type[Exception], says: str) -> None:
    proxy.fault = fault
    with pytest.raises(raised, match=says):
        ask(proxy, timeout=0.5)
    proxy.fault = "none"
    assert ask(proxy).ok


def test_proxy_drips(proxy: FaultProxy) -> None:
    proxy.fault = "drip"
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=3) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        began = time.monotonic()
        assert b"".join(client.recv(1) for _ in range(2)) == b"HT"
        assert 0.5 < time.monotonic() - began < 2.5


def test_proxy_pretends(proxy: FaultProxy) -> None:
    """What it makes of an answer is whole HTTP, on a connection that goes on."""
    whole = ask(proxy).content
    other = requests.get(f"{proxy.url}/", timeout=2).content
    assert other != whole
    with requests.Session() as session:

        def asked(path: str) -> requests.Response:
            return session.get(f"{proxy.url}{path}", timeout=2)

        proxy.fault = "short"
        assert asked("/?wsdl").content == asked("/?wsdl").content == whole[: len(whole) // 2]
        proxy.fault = "type"
        assert (asked("/?wsdl").headers["content-type"], asked("/?wsdl").content) == ("text/html", whole)
        proxy.fault = "other"
        assert [asked(path).content for path in ("/", "/?wsdl", "/")] == [other, other, whole]
        proxy.fault = "status:503"
        assert (asked("/?wsdl").status_code, b"blocked" in asked("/?wsdl").content) == (503, True)
    proxy.fault = "double"
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=2) as client:
        client.sendall(b"GET /?wsdl HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % proxy.port)
        received = b""
        while received.count(whole) < 2:
            received += client.recv(65536)
    assert received.count(b"HTTP/1.1 200") == 2


@pytest.mark.parametrize(
    ("fault", "after"), [("cut:20", b""), ("garbage:20", None), ("reset:20", ConnectionResetError)]
)
def test_proxy_breaks_after_so_many_bytes(proxy: FaultProxy, fault: str, after: bytes | type[Exception] | None) -> None:
    proxy.fault = fault
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=2) as client:
        client.sendall(b"GET /?wsdl HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"".join(client.recv(1) for _ in range(20)) == b"HTTP/1.1 200 OK\r\ndat"
        if isinstance(after, type):
            with pytest.raises(after):
                client.recv(1)
        else:
            assert client.recv(8) == (GARBAGE[:8] if after is None else after)


def test_proxy_half_is_half(proxy: FaultProxy) -> None:
    whole = ask(proxy).content
    proxy.fault = "cut"
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=2)
    connection.request("GET", "/?wsdl")
    with pytest.raises(http.client.IncompleteRead) as raised:
        connection.getresponse().read()
    assert whole.startswith(raised.value.partial)
    assert len(raised.value.partial) == len(whole) // 2
    connection.close()


def test_proxy_knows_its_faults(proxy: FaultProxy) -> None:
    with pytest.raises(ValueError, match="no such fault: flood"):
        proxy.fault = "flood"


PEERS: dict[str, Callable[[Path], Process]] = {
    "s3": lambda _: S3Server(),
    "sftp": SftpServer,
    "postgresql": lambda _: PostgreSqlServer(),
    "mariadb": lambda _: MariaDbServer(),
}


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS)
def test_a_peer_whose_port_was_taken_after_it_was_found_free_starts_on_another(
    peer: Callable[[Path], Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, chosen, taken = ports.free, list[list[int]](), list[socket.socket]()

    def hasty(count: int = 1, beside: int = 0) -> list[int]:
        chosen.append(free(count, beside))
        if not taken:
            taken.append(socket.create_server(("127.0.0.1", chosen[0][-1])))
        return chosen[-1]

    monkeypatch.setattr(ports, "free", hasty)
    with peer(tmp_path) as server:
        taken[0].close()
        assert len(chosen) == 2, "it was started twice, each time with ports of its own"
        assert int(server.url.rstrip("/").rpartition(":")[2]) in chosen[1]


def test_ports_are_none_that_the_system_gives_to_others() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    if first <= ports.LOWEST + 10_000:
        pytest.skip("the system of this machine gives low ports too: none is safe, and a peer starts anew with others")
    found = ports.free(50, beside=10_000)
    assert len({*found, *(port + 10_000 for port in found)}) == 100, "none twice, none where another has its second"
    assert max(found) + 10_000 < first
