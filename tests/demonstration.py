"""A copy of the repository's workspace with the demo running on it, as somebody at a terminal has it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers import ports

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
"""Where the command stands: the virtual environment that the tests run in."""

START_SECONDS = 240.0
END_SECONDS = 60.0


@dataclass(frozen=True)
class Demo:
    """A running demo: its workspace, its port, its process and where its standard error goes."""

    root: Path
    port: int
    process: subprocess.Popen[bytes]
    said: Path

    def registries(self) -> dict[str, str]:
        """Return the address of each registry of its sandbox."""
        files = sorted((self.root / ".beffroi" / "sandbox").glob("*.json"))
        return {file.stem: json.loads(file.read_text(encoding="utf-8"))["url"] for file in files}

    def interrupt(self) -> int:
        """Press Ctrl-C: the signal goes to all that stands in the terminal's foreground. Returns the exit status."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(END_SECONDS)


def lay_out(root: Path) -> None:
    """Make `root` what a clone is once all that is new here is added, but for the state in `.beffroi/`."""
    root.mkdir(exist_ok=True)
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    wanted = [name for name in listed.split("\0") if (ROOT / name).is_file()]  # not one that is being removed
    _clear(root, {root / name for name in wanted})
    for name in wanted:
        if not (root / name).exists() or _stands(root / name) != _stands(ROOT / name):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)


def _clear(root: Path, wanted: set[Path]) -> None:
    """Remove what is not wanted in `root`, and folders of nothing that is, but for the state in `.beffroi/`."""
    folders = {root / ".beffroi"}.union(*(file.parents for file in wanted))
    for place, below, files in os.walk(root):
        for name in [name for name in below if Path(place, name) not in folders]:
            shutil.rmtree(Path(place, name))
            below.remove(name)
        if Path(place) == root and ".beffroi" in below:
            below.remove(".beffroi")
        for file in {Path(place, name) for name in files} - wanted:
            file.unlink()


def _stands(file: Path) -> tuple[int, int]:
    """Return what changes with a file: its size and its time."""
    told = file.stat()
    return told.st_size, told.st_mtime_ns


def environment(home: Path, commands: Path = BIN) -> Mapping[str, str]:
    """Return the environment of somebody's terminal: the command first on the path, no CKAN, a quiet curl.

    `commands` is where the command stands, or what stands for it.

    curl shows no progress on a terminal where it prints what it got; in a pipe it would.
    """
    home.mkdir(exist_ok=True)
    (home / ".curlrc").write_text("silent\nshow-error\n", encoding="ascii")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BEFFROI_")}
    return {
        **kept,
        "PATH": os.pathsep.join([str(commands), str(BIN), os.environ["PATH"]]),
        "CURL_HOME": str(home),
        "LC_ALL": "C.UTF-8",
    }


@contextmanager
def running_demo(root: Path) -> Iterator[Demo]:
    """Run `beffroi demo` on the workspace `root` until the block ends, if it has not ended by then."""
    [port] = ports.free()
    said = root.parent / f"{root.name}.stderr"
    with said.open("wb") as stderr:
        process = subprocess.Popen(
            [BIN / "beffroi", "demo", "--port", str(port)],
            cwd=root, env=environment(root.parent / "home"), stdout=subprocess.DEVNULL, stderr=stderr,
            start_new_session=True,
        )  # fmt: skip
    demo = Demo(root, port, process, said)
    try:
        _await_answer(demo)
        yield demo
    finally:
        if process.poll() is None:
            demo.interrupt()


def _await_answer(demo: Demo) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert demo.process.poll() is None, f"the demo ended:\n{demo.said.read_text(encoding='utf-8')}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{demo.port}/health", timeout=5):
                return
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError(f"the demo does not answer:\n{demo.said.read_text(encoding='utf-8')}")
