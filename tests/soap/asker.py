"""A process of its own that asks a SOAP server and tells what came of it, in how much time and memory.

`python -m tests.soap.asker MEGABYTES` reads questions as JSON lines and answers each by one; its address space is
limited, so that an answer which would fill a memory fails there and nowhere else.
"""

import ctypes
import gc
import json
import resource
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from connectors.deadline import Deadline
from connectors.errors import BeffroiError
from connectors.soap import bulk
from connectors.soap.client import SoapClient
from connectors.soap.faults import SoapFault
from connectors.soap.values import json_of

ROOT = Path(__file__).parents[2]
Way = Literal["call", "scan"]


@dataclass(frozen=True)
class Outcome:
    """What came of a question: the value in JSON (rows, for a scan), or the kind of error and what it said."""

    value: Any
    error: str
    detail: str
    seconds: float
    """Of a processor, however many others wanted it too."""
    megabytes: float
    """Memory that was added while asking, at its peak."""
    extras: list[str]


class Asker:
    """Context manager: the process. One question at a time."""

    def __init__(self, megabytes: int) -> None:
        self._arguments = [sys.executable, "-m", "tests.soap.asker", str(megabytes)]

    def ask(
        self, way: Way, wsdl: Path, operation: str, address: str, *, rows: str = "", seconds: float = 40
    ) -> Outcome:
        """Ask without parameters. `rows` is the path of a scan's rows. AssertionError where the process did not survive."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([way, str(wsdl), operation, address, rows, seconds]) + "\n")
        self._process.stdin.flush()
        kill = threading.Timer(seconds + 20, self._process.kill)
        kill.start()
        line = self._process.stdout.readline()
        kill.cancel()
        if not line:
            self._process.communicate()
            code = self._process.returncode
            self._start()
            raise AssertionError(f"the process that asked did not survive the answer: exit code {code}")
        return Outcome(**json.loads(line))

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=60)


# --- in the process --------------------------------------------------------------------------------------------------


def memory(name: str) -> float:
    """Return a figure of /proc/self/status in megabytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) / 1024


def answered(client: SoapClient, way: Way, operation: str, address: str, rows: str, seconds: float) -> Any:
    deadline = Deadline.after(seconds)
    if way == "call":
        return json_of(client.call(operation, {}, address=address, deadline=deadline).value)
    what = bulk.scanned(client, operation, rows)
    found, first = 0, None
    for batch in bulk.scan(client, what, {}, address=address, deadline=deadline):
        first = first or batch.slice(0, 1).to_pylist()[0]
        found += batch.num_rows
    return [found, first]


def asked(way: Way, wsdl: str, operation: str, address: str, rows: str, seconds: float) -> dict[str, Any]:
    client = SoapClient(Path(wsdl), "registry")
    client.prepare(operation)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what an earlier answer took must not hide what this one takes
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before, began = memory("VmRSS"), time.process_time()
    value, error, detail = None, "", ""
    try:
        value = answered(client, way, operation, address, rows, seconds)
    except (BeffroiError, SoapFault, MemoryError, RecursionError, ArithmeticError, ValueError, TypeError) as raised:
        error, detail = type(raised).__name__, str(raised)
    took = time.process_time() - began
    return dict(value=value, error=error, detail=detail, seconds=took, megabytes=memory("VmHWM") - before,
                extras=sorted(client.extras))  # fmt: skip


def main() -> None:
    limit = int(sys.argv[1]) * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for line in sys.stdin:
        print(json.dumps(asked(*json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
