"""The life of the sandbox's servers: started, stopped, killed, orphaned, taken for another."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import requests

from connectors import sandbox
from connectors.errors import InvalidRequest, Unavailable

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "datasets" / "reference"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A workspace with one commune, and nobody."""
    reference = tmp_path / "datasets" / "reference"
    reference.mkdir(parents=True)
    communes = pq.read_table(REFERENCE / "communes.parquet")
    pq.write_table(communes.slice(0, 1), reference / "communes.parquet")
    for name in ("persons", "companies", "legal_entities"):
        pq.write_table(pq.read_schema(REFERENCE / f"{name}.parquet").empty_table(), reference / f"{name}.parquet")
    yield tmp_path
    sandbox.stop(tmp_path)


def refuses(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False


def test_start_stop_start(small: Path) -> None:
    assert [each.running for each in sandbox.status(small)] == [False] * 5
    with pytest.raises(sandbox.SandboxNotStarted, match="communes was never started"):
        sandbox.address(small, "communes")
    began = time.monotonic()
    urls = sandbox.start(small)
    assert time.monotonic() - began < 10, "3 s where nothing else runs"
    before = sandbox.status(small)
    assert [(each.name, each.running, each.url) for each in before] == [
        ("communes", True, urls["communes"]),
        ("civil", True, urls["civil"]),
        ("vies", True, urls["vies"]),
        ("gleif", True, urls["gleif"]),
        ("sirene", True, urls["sirene"]),
    ]
    assert sandbox.start(small) == urls
    assert sandbox.status(small) == before, "what runs is left as it is"
    assert sandbox.stop(small, ["communes"]) == ["communes"]
    assert refuses(urls["communes"])
    assert not refuses(urls["civil"])
    assert sandbox.address(small, "communes") == urls["communes"]
    assert sandbox.start(small, ["communes"])["communes"] == urls["communes"], "it comes back on its port"
    assert sandbox.stop(small) == ["communes", "civil", "vies", "gleif", "sirene"]
    assert sandbox.stop(small) == []


def test_a_port_taken_meanwhile(small: Path) -> None:
    url = sandbox.start(small, ["civil"])["civil"]
    sandbox.stop(small)
    with sandbox.listen(int(url.rpartition(":")[2])):
        assert sandbox.start(small, ["civil"])["civil"] != url


def test_a_pid_that_went_to_another_process_is_left_alone(small: Path) -> None:
    sandbox.start(small, ["civil"])
    record = small / ".beffroi" / "sandbox" / "civil.json"
    with subprocess.Popen(["sleep", "60"]) as other:
        mine = record.read_text()
        record.write_text(re.sub(r'"pid": \d+', f'"pid": {other.pid}', mine))
        assert not sandbox.status(small)[1].running
        assert sandbox.stop(small) == []
        assert other.poll() is None
        other.kill()
    record.write_text(mine)


@pytest.mark.parametrize("tied", [True, False])
def test_starter_is_killed(small: Path, tied: bool) -> None:
    code = f"from connectors import sandbox; from pathlib import Path; import time\nsandbox.start(Path({str(small)!r}), ['civil'], tied={tied}); print('up', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"up\n"
        starter.kill()
    url = sandbox.address(small, "civil")
    deadline = time.monotonic() + (5 if tied else 0.5)
    while not refuses(url) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert refuses(url) == tied


def test_what_cannot_start(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"communes did not start: .* missing: .*communes\.parquet"):
        sandbox.start(tmp_path, ["communes"])
    assert not sandbox.status(tmp_path)[0].running
    with pytest.raises(InvalidRequest, match="no registry cadastre; it has: communes, civil, vies"):
        sandbox.start(tmp_path, ["cadastre"])
    with pytest.raises(InvalidRequest):
        sandbox.stop(tmp_path, ["cadastre"])


def test_by_hand(small: Path) -> None:
    command = [sys.executable, "-m", "connectors.sandbox", "communes", "--root", str(small)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as server:
        assert server.stdout is not None
        url = server.stdout.readline().decode().strip()
        assert requests.get(url, timeout=10).json() == {"sandbox": "communes", "pid": server.pid}
        server.terminate()
        server.wait(5)
    assert refuses(url)
    nothing = subprocess.run([*command[:-1], "/nowhere"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert nothing.returncode == 1
    assert (
        nothing.stderr == "a reference file of the workspace is missing: /nowhere/datasets/reference/communes.parquet\n"
    )
