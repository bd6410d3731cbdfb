"""The sandbox: local servers that speak registries' own protocols, from a workspace's reference data and examples.

This module starts, stops and finds them. Each is a process of its own (`python -m connectors.sandbox NAME`) that
listens on this machine only. What is known of it stands in `ROOT/.beffroi/sandbox/NAME.json` (url, pid, port) and
stays there when it is stopped: it comes back on the same port, and meanwhile that port refuses connections, as that
of a registry that is down does.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, TypedDict

from filelock import FileLock

from connectors.errors import InvalidRequest, Unavailable

ALL = ("communes", "civil", "vies", "gleif", "sirene")
"""The registries that the sandbox has."""

HOST = "127.0.0.1"
START_SECONDS = 20.0
STOP_SECONDS = 3.0

_children: dict[int, subprocess.Popen[bytes]] = {}
"""Servers that this process started, kept so that they can be reaped and that a tied one's standard input stays open."""


class SandboxNotStarted(Exception):
    """A sandbox registry is asked for that was never started in this workspace."""

    def __init__(self, name: str) -> None:
        """Say so of the registry `name`, and how it is started."""
        super().__init__(
            f"the sandbox registry {name} was never started in this workspace: "
            f"`beffroi sandbox start` starts those there are ({', '.join(ALL)})"
        )
        self.name = name


class Status(NamedTuple):
    """What is known of one sandbox registry; no url and no pid where it was never started."""

    name: str
    running: bool
    url: str | None
    pid: int | None


class _Recorded(TypedDict):
    url: str
    pid: int
    port: int


def start(root: Path, names: Iterable[str] = ALL, tied: bool = False) -> dict[str, str]:
    """Start the registries `names` on the workspace `root`; return the address of each once all of them answer.

    One that runs is left as it is. With `tied`, the servers end when the calling process does, even by SIGKILL.
    Raises InvalidRequest for a name that the sandbox does not have, Unavailable when a server does not come up.
    """
    root, names = root.resolve(), _checked(names)
    with _locked(root):
        spawned = [name for name in names if not _runs(root, name)]
        for name in spawned:
            _spawn(root, name, tied)
        for name in spawned:
            _await_answer(root, name)
    return {name: address(root, name) for name in names}


def stop(root: Path, names: Iterable[str] = ALL) -> list[str]:
    """Stop those of `names` that run, and return them once they have ended. Raises InvalidRequest as `start` does."""
    root, names = root.resolve(), _checked(names)
    with _locked(root):
        running = {name: _state(root, name)["pid"] for name in names if _runs(root, name)}
        for pid in running.values():
            _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for name, pid in running.items():
            while _runs(root, name):
                if time.monotonic() > deadline:
                    _signal(pid, signal.SIGKILL)
                time.sleep(0.02)
            if child := _children.pop(pid, None):
                child.communicate()
    return list(running)


def status(root: Path) -> list[Status]:
    """Return what is known of every registry that the sandbox has."""
    root = root.resolve()
    return [_status(root, name) for name in ALL]


def address(root: Path, name: str) -> str:
    """Return where the registry `name` answers, or answered before it was stopped. Raises SandboxNotStarted."""
    return _state(root.resolve(), name)["url"]


def listen(port: int = 0) -> socket.socket:
    """Return a socket that listens on this machine only, on `port` where it is free, on a free one otherwise."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError:
        listener.bind((HOST, 0))
    listener.listen()
    return listener


def _checked(names: Iterable[str]) -> list[str]:
    names = list(names)
    if unknown := sorted(set(names) - set(ALL)):
        raise InvalidRequest(f"the sandbox has no registry {', '.join(unknown)}; it has: {', '.join(ALL)}")
    return names


def _folder(root: Path) -> Path:
    return root / ".beffroi" / "sandbox"


def _locked(root: Path) -> FileLock:
    _folder(root).mkdir(parents=True, exist_ok=True)
    return FileLock(_folder(root) / "lock")


def _state(root: Path, name: str) -> _Recorded:
    try:
        state: _Recorded = json.loads((_folder(root) / f"{name}.json").read_text())
    except FileNotFoundError:
        raise SandboxNotStarted(name) from None
    return state


def _status(root: Path, name: str) -> Status:
    try:
        state = _state(root, name)
    except SandboxNotStarted:
        return Status(name, False, None, None)
    return Status(name, _runs(root, name), state["url"], state["pid"])


def _runs(root: Path, name: str) -> bool:
    """Tell whether the process recorded is alive and really this server: a pid may have gone to another since."""
    try:
        state = _state(root, name)
    except SandboxNotStarted:
        return False
    if not Path("/proc/self/cmdline").exists():  # not Linux: the server itself says who it is
        return _answers(state, name, timeout=1)
    try:
        arguments = Path(f"/proc/{state['pid']}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return {b"connectors.sandbox", name.encode(), os.fsencode(root)} <= set(arguments)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(pid, number)


def _answers(state: _Recorded, name: str, timeout: float) -> bool:
    connection = http.client.HTTPConnection(HOST, state["port"], timeout=timeout)
    try:
        connection.request("GET", "/")
        return bool(json.loads(connection.getresponse().read()) == {"sandbox": name, "pid": state["pid"]})
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()


def _spawn(root: Path, name: str, tied: bool) -> None:
    """Start a server on a socket that is bound here: its port is known at once and nobody can take it meanwhile."""
    try:
        port = _state(root, name)["port"]
    except SandboxNotStarted:
        port = 0
    with listen(port) as listener, (_folder(root) / f"{name}.log").open("wb") as log:
        port, fd = listener.getsockname()[1], listener.fileno()
        command = [sys.executable, "-m", "connectors.sandbox", name, "--root", str(root), "--fd", str(fd)]
        process = subprocess.Popen(  # noqa: S603 (nothing in the command comes from outside)
            [*command, "--tied"] if tied else command,
            # The other end of the pipe is ours: the system closes it when we end, and a tied server ends with it.
            stdin=subprocess.PIPE if tied else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[fd],
            cwd=Path(__file__).parents[2],  # so that this package is found, installed or not
            start_new_session=True,  # a Ctrl-C is for the command line, which stops its servers itself
        )
    _children[process.pid] = process
    state = _Recorded(url=f"http://{HOST}:{port}", pid=process.pid, port=port)
    aside = _folder(root) / f"{name}.json.new"
    aside.write_text(json.dumps(state))
    aside.replace(_folder(root) / f"{name}.json")


def _await_answer(root: Path, name: str) -> None:
    """Ask once: the socket already listens, so the question waits until the server is up, and breaks if it dies."""
    state = _state(root, name)
    if _answers(state, name, START_SECONDS):
        return
    child = _children.pop(state["pid"])
    child.kill()
    child.communicate()
    lines = (_folder(root) / f"{name}.log").read_text(errors="replace").splitlines()
    reason = lines[-1] if lines else f"no answer within {START_SECONDS:.0f} s"
    raise Unavailable(f"the sandbox registry {name} did not start: {reason}")
