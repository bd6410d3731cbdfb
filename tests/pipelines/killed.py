"""Processes that the crash tests kill. They are forked from one that has loaded all they need, so that many cost little.

Each says «ready», does its work, and says how it ended.
"""

import resource
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from connectors.errors import BeffroiError
from pipelines import databases, rollback
from pipelines.run import run
from pipelines.workspace import Workspace

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["pytest", __name__])

Work = Callable[[Workspace, int], str]


class Child:
    """A process at work on the workspace `root`, about to begin: kill it, or hear what it says at its end."""

    def __init__(self, root: Path, work: Work, number: int = 0) -> None:
        self._said, theirs = FORKS.Pipe(duplex=False)
        self._process = FORKS.Process(target=_main, args=(root, work, number, theirs))
        self._process.start()
        theirs.close()
        assert self._said.recv() == "ready"

    def kill(self) -> bool:
        """Kill it; return whether it had not ended by itself."""
        self._process.kill()
        self._process.join()
        self._said.close()
        return self._process.exitcode != 0

    def end(self) -> str:
        """Wait for its end; return what it says."""
        said: str = self._said.recv()
        self._process.join()
        assert not self.kill()
        return said


def _main(root: Path, work: Work, number: int, out: Connection) -> None:
    workspace = Workspace(root)
    out.send("ready")
    try:
        said = work(workspace, number)
    except BeffroiError as error:
        said = f"{type(error).__name__}: {error.detail}"
    out.send(said)


def run_shops(workspace: Workspace, most: int) -> str:
    """Run the dataset `shops`; `most` bytes are the longest file that may be written, where it is not 0."""
    if most:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    report = run(workspace, "shops")
    databases.refresh(workspace)
    return f"done {report.version}"


def roll_shops_back(workspace: Workspace, number: int) -> str:
    """Go back to a version of the dataset `shops`."""
    rollback.rollback(workspace, "shops", number)
    return "done"
