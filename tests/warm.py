"""The command `beffroi` from a process that has imported all of it: a start costs a tenth of what it costs alone.

What is run is the same: a process of its own for each command, with its caller's arguments, folder, umask, environment
and standard streams, and an exit status. Only `beffroi serve` and `beffroi demo`, which somebody ends, start from nothing.
"""

import contextlib
import importlib
import locale
import marshal
import os
import pkgutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from pathlib import Path

from gateway.cli import main

STANDARD_INPUT = 0
REAL = Path(sys.executable).with_name("beffroi")
COMMAND = """\
#!{python} -IS
import marshal, os, socket, sys
if sys.argv[1:2] in (["serve"], ["demo"]):
    os.execv({real!r}, [{real!r}, *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as to:
    to.connect({path!r})
    told = marshal.dumps((sys.argv, os.getcwd(), os.umask(0o777), dict(os.environb)))
    socket.send_fds(to, [len(told).to_bytes(8)], [0, 1, 2])
    to.sendall(told)
    sys.exit((to.recv(1) or b"\\1")[0])
"""
"""What stands for the command: it hands over all that it was given, and ends as the process does that worked for it."""


@contextlib.contextmanager
def warm(folder: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """Give a folder with a `beffroi`, good until the block ends; it is imported in the environment that is given."""
    folder.mkdir()
    path, command = folder / "socket", folder / "beffroi"
    command.write_text(COMMAND.format(python=sys.executable, real=str(REAL), path=str(path)), encoding="utf-8")
    command.chmod(0o755)
    serving = [sys.executable, "-m", __name__, str(path)]
    with subprocess.Popen(
        serving, cwd=Path(__file__).parents[1], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        yield folder
        server.communicate()  # closes its standard input, and with it ends it


def _serve(path: str) -> None:
    """Serve callers at a socket until standard input closes."""
    for room in ("connectors", "pipelines", "gateway"):
        for module in pkgutil.walk_packages([room], f"{room}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    processes: dict[int, tuple[ForkProcess, socket.socket]] = {}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        print("ready", flush=True)
        while STANDARD_INPUT not in (events := wait([listener, STANDARD_INPUT, *processes])):
            for ended in processes.keys() & events:
                process, caller = processes.pop(ended)
                process.join()
                with contextlib.suppress(BrokenPipeError), caller:
                    caller.send(bytes([(process.exitcode or 0) % 256]))
            if listener in events:
                caller, _ = listener.accept()
                process = ForkProcess(target=_be_the_command, args=(caller,))
                process.start()
                processes[process.sentinel] = process, caller


def _be_the_command(caller: socket.socket) -> None:
    """Stand where the caller stands, and do what it was asked to."""
    size, streams, _, _ = socket.recv_fds(caller, 8, 3)
    told = b""
    while len(told) < int.from_bytes(size):
        told += caller.recv(2**16)
    sys.argv, folder, mask, environment = marshal.loads(told)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    os.environb.clear()
    os.environb.update(environment)
    os.umask(mask)
    time.tzset()
    with contextlib.suppress(locale.Error):  # one that this machine has not is the plain one in a real process too
        locale.setlocale(locale.LC_CTYPE, "")
    os.chdir(folder)
    main(prog_name="beffroi")


if __name__ == "__main__":
    _serve(sys.argv[1])
