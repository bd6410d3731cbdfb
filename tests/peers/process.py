"""A peer that is a program of its own: started for a test, ended with it, and never outliving us."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

START_SECONDS, STOP_SECONDS = 60, 5
STARTS = 3
TAKEN = re.compile(r"address already in use|port \d+ .* is not available on .* and cannot be used", re.IGNORECASE)
"""What servers say where somebody else has their port; the second is SeaweedFS's."""
GUARD = ["sh", "-c", '"$@" </dev/null & cat >/dev/null; kill -KILL $!', "sh"]
"""Runs a program that does not watch its standard input, and ends it when that closes, however we end."""
Found = TypeVar("Found")


class Process:
    """Context manager: a server on a free port of 127.0.0.1. `url` is its root while it runs.

    `command` is called at each start and gives the command line, after installing what is missing; where a port that
    it chose is taken by somebody else before the server has it, the start is tried anew, `STARTS` times in all. `ready`
    is what the server prints when it answers, with its port as the one group. A `guarded` one does not end by itself
    when its standard input closes. Raises PeerUnavailable where it cannot be installed, RuntimeError with the end of
    what it printed where it does not start.
    """

    url: str

    def __init__(
        self,
        command: Callable[[], list[str]],
        *,
        ready: str = r"^ready (\d+)$",
        environment: Mapping[str, str] | None = None,
        guarded: bool = False,
    ) -> None:
        self._command, self._ready = command, re.compile(ready, re.MULTILINE)
        self._environment, self._guarded = environment, guarded

    def __enter__(self) -> Self:
        for left in reversed(range(STARTS)):
            self._launch()
            try:
                self._wait()
            except BaseException as error:
                taken = isinstance(error, RuntimeError) and TAKEN.search(self.log)
                self.__exit__(None, None, None)
                if not (taken and left):
                    raise
            else:
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._process.communicate(timeout=STOP_SECONDS)  # closes its standard input and waits
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def log(self) -> str:
        """What the server has printed so far."""
        return (self._folder / "log").read_text(errors="replace")

    def _launch(self) -> None:
        command = self._command()
        self._folder = Path(tempfile.mkdtemp(prefix="beffroi-peer-"))
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                GUARD + command if self._guarded else command,
                cwd=self._folder,
                stdin=subprocess.PIPE,  # the server ends with it
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is for us, who then close its standard input
            )

    def _wait(self) -> None:
        """Wait until it answers, and set `url`."""
        port = self._until(lambda: self._ready.search(self.log))[1]
        self.url = f"http://127.0.0.1:{port}/"

    def _until(self, look: Callable[[], Found | None]) -> Found:
        """Return what `look` finds as soon as it does. Raises RuntimeError where the server does not come so far."""
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline and not TAKEN.search(self.log):
            if (found := look()) is not None:
                return found
            time.sleep(0.02)
        raise RuntimeError(f"{type(self).__name__} did not start; the end of what it printed:\n{self.log[-2000:]}")
