"""The servers that the gateway is measured beside, each in an environment of its own, and what measures them.

A server, with its database where it has one, is held to one core of the machine; who asks is held to another.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers import ports, virtual_environment
from tests.peers.postgresql.peer import PASSWORD, PostgreSqlServer
from tests.peers.process import Process

HERE = Path(__file__).parent
PEERS = HERE / "gateway_peers"
TICK = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))
SERVER, CLIENT = {CORES[0]}, {CORES[-1]}

SCRIPT = """
local asked, at = {}, 0
short, least, threads = 0, tonumber(os.getenv("LEAST")), {}
function setup(thread)
  table.insert(threads, thread)
end
function init()
  local headers = {}
  for line in io.lines(os.getenv("HEADERS")) do
    local name, value = line:match("^(.-): (.*)$")
    headers[name] = value
  end
  for line in io.lines(os.getenv("QUESTIONS")) do
    local path, body = line:match("^(%S+) ?(.*)$")
    asked[#asked + 1] = wrk.format(body == "" and "GET" or "POST", path, headers, body ~= "" and body or nil)
  end
end
function request()
  at = at % #asked + 1
  return asked[at]
end
function response(status, headers, body)
  if #body < least then short = short + 1 end
end
function done(s, latency)
  local e = s.errors
  local wrong = e.connect + e.read + e.write + e.timeout + threads[1]:get("short")
  print("TOLD", s.requests, s.duration, s.bytes, e.status, wrong, latency:percentile(50), latency:percentile(99))
end
"""
"""For wrk: questions are read from a file, a path a line and a JSON body behind it, and asked in their order.

An answer is wrong that is shorter than the shortest that one should be.
"""


class Server(Process):
    """A server that is a program: pinned to its core, its CPU time told."""

    def pids(self) -> list[int]:
        """Return the process and all that came of it."""
        return family(self._process.pid)

    def pin(self) -> None:
        """Hold it to the servers' core."""
        pin(self.pids())

    def cpu(self) -> float:
        """Return the CPU seconds of the process and all that came of it."""
        return cpu(self.pids())


def family(pid: int) -> list[int]:
    """Return a process, its children, and theirs."""
    parents: dict[int, list[int]] = {}
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(each.read_text().rpartition(")")[2].split()[1]), []).append(int(each.parent.name))
        except OSError:  # it ended
            continue
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def pin(pids: Sequence[int]) -> None:
    """Hold processes, with every thread, to the servers' core."""
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").glob("*"):
            os.sched_setaffinity(int(thread.name), SERVER)


def cpu(pids: Sequence[int]) -> float:
    """Return the CPU seconds of processes, and of those of their children that have ended."""
    ticks = 0
    for pid in pids:
        try:
            ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
        except OSError:
            continue
    return ticks / TICK


# --- who asks --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """What came of a load: answers, seconds, bytes; CPU of the server; median and 99th percentile in milliseconds."""

    answers: int
    seconds: float
    size: int
    cpu: float
    p50: float
    p99: float

    @property
    def each(self) -> float:
        """Return the CPU microseconds of an answer."""
        return self.cpu / self.answers * 1e6


@dataclass(frozen=True)
class Questions:
    """What is asked of one server: its address, lines for SCRIPT, headers; the bytes that an answer has at least."""

    url: str
    lines: Sequence[str]
    headers: Mapping[str, str]
    least: int = 1


def load(questions: Questions, used: Callable[[], float], folder: Path, connections: int, seconds: float) -> Told:
    """Ask with wrk for some seconds by so many connections. Raises RuntimeError for an answer that is none."""
    script, headers, lines = folder / "ask.lua", folder / "headers", folder / "questions"
    script.write_text(SCRIPT)
    headers.write_text("".join(f"{name}: {value}\n" for name, value in questions.headers.items()))
    lines.write_text("".join(f"{line}\n" for line in questions.lines))
    command = [
        "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s", "-s", str(script),
        questions.url,
    ]  # fmt: skip
    environment = os.environ | {"HEADERS": str(headers), "QUESTIONS": str(lines), "LEAST": str(questions.least)}
    before = used()
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        sys.exit("wrk is not installed: `apt install wrk`")
    spent = used() - before
    found = re.search(r"^TOLD\s+(.*)$", done.stdout, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"wrk told nothing: {done.stdout}{done.stderr}")
    answers, duration, size, status, wrong, p50, p99 = map(float, found[1].split())
    if not answers and seconds < 60:  # so slow that none was whole in that time
        return load(questions, used, folder, connections, seconds * 4)
    if status or wrong or not answers:
        raise RuntimeError(
            f"{questions.url}: of {answers:.0f} answers {status:.0f} were errors, {wrong:.0f} broke off or were too short"
        )
    return Told(int(answers), duration / 1e6, int(size), spent, p50 / 1000, p99 / 1000)


# --- the servers -----------------------------------------------------------------------------------------------------


def environment(name: str) -> Path:
    """Return the programs of a peer, installed first where they are not."""
    lock = PEERS / name / "requirements.txt"
    why = "its lock is made for these versions"
    return virtual_environment.ensure(f"gateway-{name}", lock, ((3, 11), (3, 12), (3, 13)), why) / "bin"


@contextmanager
def pinned(server: Server) -> Iterator[Server]:
    """Run a server on its core."""
    with server:
        server.pin()
        time.sleep(0.2)
        yield server


def gateway(root: Path, *options: str) -> Server:
    """Return our own, over a workspace, by the command that an operator gives."""
    command = [sys.executable, "-m", "gateway", "--workspace", str(root), "serve", "--port", "0", *options]
    return Server(lambda: command, ready=r"gateway is at http://127\.0\.0\.1:(\d+)", guarded=True)


def datasette(database: Path) -> Server:
    """Return datasette over an SQLite file that does not change."""
    options = ["--setting", "max_csv_mb", "0", "--setting", "sql_time_limit_ms", "60000"]
    command = [str(environment("datasette") / "datasette"), "serve", "-i", str(database), "-p", "0", *options]
    return Server(lambda: command, ready=r"running on http://127\.0\.0\.1:(\d+)", guarded=True)


def roapi(parquet: Path) -> Server:
    """Return roapi over a Parquet file that it holds in memory."""

    def command() -> list[str]:
        http, postgres, flight = (f"127.0.0.1:{port}" for port in ports.free(3))
        return [
            str(environment("roapi") / "roapi"), "--addr-http", http, "--table", f"companies={parquet}",
            "--addr-postgres", postgres, "--addr-flight-sql", flight,
        ]  # fmt: skip

    return Server(command, ready=r"Listening on 127\.0\.0\.1:(\d+) for HTTP", guarded=True)


def fastapi(database: PostgreSqlServer) -> Server:
    """Return FastAPI with asyncpg over a PostgreSQL."""
    command = [
        str(environment("fastapi") / "uvicorn"), "--app-dir", str(PEERS / "fastapi"), "api:app", "--port", "0",
        "--no-access-log", "--loop", "uvloop", "--http", "httptools",
    ]  # fmt: skip
    url = f"postgresql://postgres:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{database.port}/postgres"
    variables = os.environ | {"DATABASE": url}
    return Server(lambda: command, ready=r"running on http://127\.0\.0\.1:(\d+)", environment=variables, guarded=True)
