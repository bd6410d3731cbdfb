"""Processes that the crash tests kill. They are forked from one that has loaded all they need, so that many cost little.

Each says «ready», does its work, and says how it ended.
"""

import os
import resource
import signal
import sys
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from connectors.errors import BeffroiError
from pipelines import databases, doctor, quarantine, rollback, versions
from pipelines.run import run
from pipelines.workspace import Workspace

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["pytest", __name__])

Work = Callable[[Workspace, int], str]

STEPS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate", "os.scandir", "shutil.copyfile"}
"""What Python tells of before it touches the disk, besides the opening of files."""


class Child:
    """A process at work on the workspace `root`, about to begin: kill it, or hear what it says at its end.

    `number` is for the work to know; `step` is the step on the disk before which it kills itself, `most` the bytes that
    a file of its may have, where they are not 0.
    """

    def __init__(self, root: Path, work: Work, number: int = 0, *, step: int = 0, most: int = 0) -> None:
        self._said, theirs = FORKS.Pipe(duplex=False)
        self._process = FORKS.Process(target=_main, args=(root, work, number, step, most, theirs))
        self._process.start()
        theirs.close()
        assert self._said.recv() == "ready"

    def kill(self) -> bool:
        """Kill it; return whether it had not ended by itself."""
        self._process.kill()
        self._process.join()
        self._said.close()
        assert self._process.exitcode in (0, -signal.SIGKILL), "it ended by an error that nobody told"
        return self._process.exitcode != 0

    def end(self) -> str:
        """Wait for its end; return what it says."""
        said: str = self._said.recv()
        self._process.join()
        assert not self.kill()
        return said

    def died(self) -> bool:
        """Wait for its end; return whether it killed itself before."""
        self._process.join()
        return self.kill()


def _main(root: Path, work: Work, number: int, step: int, most: int, out: Connection) -> None:
    workspace = Workspace(root)
    out.send("ready")
    if step:
        _die_before(step)
    if most:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    try:
        said = work(workspace, number)
    except BeffroiError as error:
        said = f"{type(error).__name__}: {error.detail}"
    out.send(said)


def _die_before(step: int) -> None:
    """Have this process kill itself before so many steps on the disk."""
    left = step

    def hear(event: str, args: tuple[Any, ...]) -> None:
        nonlocal left
        if event in STEPS or (event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hear)


def run_shops(workspace: Workspace, _: int) -> str:
    """Run the dataset `shops`, whether it is held or not."""
    report = run(workspace, "shops", release=True)
    databases.refresh(workspace)
    return f"done {report.version}"


def run_in_full(workspace: Workspace, _: int) -> str:
    """Run the dataset `shops`, all of its source read again."""
    report = run(workspace, "shops", full=True, release=True)
    databases.refresh(workspace)
    return f"done {report.version}"


def correct_and_replay(workspace: Workspace, number: int) -> str:
    """Correct two of the rows of `shops` that were refused, and judge anew what was read."""
    for refused in list(quarantine.listed(workspace, "shops"))[:2]:
        found = quarantine.target(workspace, "shops", refused.place, refused.source)
        try:
            quarantine.keep(workspace, found, quarantine.wanted(found, {"workers": str(number)}), "somebody", "a test")
        except OSError as error:
            return f"OSError: the correction could not be written ({error.strerror})"
    report = run(workspace, "shops", replay=True, release=True)
    databases.refresh(workspace)
    return f"done {report.version}"


def roll_shops_back(workspace: Workspace, number: int) -> str:
    """Go back to a version of the dataset `shops`."""
    rollback.rollback(workspace, "shops", number)
    return "done"


def roll_back(workspace: Workspace, _: int) -> str:
    """Go back to the oldest version of `shops` that is kept."""
    return roll_shops_back(workspace, _oldest(workspace))


def rebuild(workspace: Workspace, _: int) -> str:
    """Make the ready files of the oldest version of `shops` that is kept."""
    rollback.rebuild(workspace, "shops", _oldest(workspace))
    return "done"


def mend(workspace: Workspace, _: int) -> str:
    """Remove what killed processes left."""
    found = list(doctor.examine(workspace, [], mend=True))
    return f"done {len(found)}"


def _oldest(workspace: Workspace) -> int:
    return next(each.number for each in versions.history(workspace, "shops") if each.parquet.is_file())
