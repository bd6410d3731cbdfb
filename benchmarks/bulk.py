"""`python -m benchmarks.bulk [--quick]`: many questions at once to a dataset, beside a loop of single calls.

Each way asks the same gateway for the same rows, in turns; CPU of the gateway's process, a row, and rows a second of its
CPU. A single call goes over one connection that is kept. The command line's file is the same without HTTP and job.
"""

import argparse
import asyncio
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.pipelines import head, make, row
from benchmarks.pipelines import workspace as make_workspace
from gateway.callers.tokens import Tokens
from gateway.lookups import bulk
from pipelines.run import run
from pipelines.workspace import Workspace

TURNS, ROWS, SINGLE = 3, 10_000, 1000
"""How often each way is taken, and rows at a time: as a job or a file, and one by one."""

DECLARED = """
purposes: {essai: {title: Essai, procedure: Essai, legal_basis: essai}}
lookups: {company: {providers: [{dataset: companies}]}}
organisations:
  ville:
    title: Ville
    applications:
      banc: {title: Banc, grants: [{lookup: company, fields: '*', purposes: [essai]}]}
"""


def declare(root: Path) -> None:
    """Add to a workspace the lookup of its dataset, and an application that may ask."""
    file = root / "beffroi.yaml"
    file.write_text(file.read_text().partition("organisations:")[0] + DECLARED.lstrip())


class Server:
    """A gateway in a process of its own."""

    def __init__(self, root: Path) -> None:
        command = [sys.executable, "-m", "gateway", "--workspace", str(root), "serve", "--port", "0", "--json"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        told = ""
        while self._process.stdout is not None and "}" not in told:
            told += self._process.stdout.readline()
        address = json.loads(told)["url"].removeprefix("http://")
        self._connection = http.client.HTTPConnection(address)
        token = Tokens(Workspace(root)).issue("banc")
        self._headers = {"Authorization": f"Bearer {token}", "Beffroi-Purpose": "essai"}

    def cpu(self) -> float:
        """Return the CPU seconds of the gateway so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes, str]:
        """Send a request; return the status, the body, and the place that the answer names."""
        self._connection.request(method, path, body, self._headers)
        response = self._connection.getresponse()
        return response.status, response.read(), response.headers.get("location", "")

    def hang_up(self) -> None:
        """Let go of the connection, which the gateway lets go of too when it is not used; the next request opens one."""
        self._connection.close()

    def close(self) -> None:
        """End the gateway."""
        self._process.terminate()
        self._process.wait()


def single(server: Server, keys: list[str]) -> None:
    """Ask for each key in a call of its own."""
    for key in keys:
        status, _, _ = server.ask("POST", "/lookups/company", json.dumps({"identifier": key}).encode())
        assert status in (200, 404)  # the run refused some rows


def few(server: Server, keys: list[str]) -> None:
    """Ask for 200 keys a call, answered at once."""
    for start in range(0, len(keys), 200):
        body = json.dumps({"identifiers": keys[start : start + 200]}).encode()
        status, told, _ = server.ask("POST", "/lookups/company", body)
        assert status == 200
        assert told.count(b'"row": ') == len(keys[start : start + 200])


def job(server: Server, keys: list[str]) -> None:
    """Ask for all keys in a job, and take its answers."""
    status, _, place = server.ask("POST", "/lookups/company", json.dumps({"identifiers": keys}).encode())
    assert status == 202
    while json.loads(server.ask("GET", place)[1])["data"]["state"] != "done":
        time.sleep(0.5)
    assert server.ask("GET", f"{place}/result")[1].count(b'"row": ') == len(keys)
    server.ask("DELETE", place)


def by_command(root: Path, keys: list[str]) -> float:
    """Ask for all keys as the operator, from file to file; return the CPU seconds."""
    source, target = root / "asked.csv", root / "told.ndjson"
    source.write_text("identifier\n" + "\n".join(keys) + "\n")
    began = time.process_time()
    assert asyncio.run(bulk.command(Workspace(root), "company", source, target, None, "essai")).total() == len(keys)
    return time.process_time() - began


def main() -> None:
    """Measure every way in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small dataset, few rows")
    quick = parser.parse_args().quick
    count, rows, turns = (5_000, 2_000, 2) if quick else (100_000, ROWS, TURNS)
    with tempfile.TemporaryDirectory() as place:
        root = make_workspace(Path(place) / "main")
        make(root / "source" / "companies.csv", count)
        run(Workspace(root), "companies")
        declare(root)
        keys = [
            line.split(";")[0] for line in (root / "source" / "companies.csv").read_text().splitlines()[1 : rows + 1]
        ]
        ways: dict[str, tuple[Callable[[Server, list[str]], None], list[str]]] = {
            "single calls": (single, keys[:SINGLE]), "200 rows a call": (few, keys), "a job": (job, keys),
        }  # fmt: skip
        took: dict[str, list[float]] = {name: [] for name in (*ways, "`beffroi lookup --file`")}
        server = Server(root)
        for _ in range(turns):
            for name, (ask, some) in ways.items():
                server.hang_up()
                began = server.cpu()
                ask(server, some)
                took[name].append((server.cpu() - began) / len(some))
            took["`beffroi lookup --file`"].append(by_command(root, keys) / len(keys))
        server.close()
    head(f"{rows:,} of {count:,} rows, by key", "CPU µs a row", "rows a CPU second", "times as many as single calls")
    base = statistics.median(took["single calls"])
    for name, several in took.items():
        mine = statistics.median(several)
        row(name, f"{mine * 1e6:,.0f}", f"{1 / mine:,.0f}", f"{base / mine:.1f}")


if __name__ == "__main__":
    main()
