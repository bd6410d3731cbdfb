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
from typing import Self

START_SECONDS, STOP_SECONDS = 60, 5
GUARD = ["sh", "-c", '"$@" </dev/null & cat >/dev/null; kill -KILL $!', "sh"]
"""Runs a program that does not watch its standard input, and ends it when that closes, however we end."""


class Process:
    """Context manager: a server on a free port of 127.0.0.1. `url` is its root while it runs.

    `command` is called at the start and gives the command line, after installing what is missing; `ready` is what
    the server prints when it answers, with its port as the one group. A `guarded` one does not end by itself when its
    standard input closes. Raises PeerUnavailable where it cannot be installed, RuntimeError with the end of what it
    printed where it does not start.
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
        try:
            self.url = f"http://127.0.0.1:{self._port()}/"
        except BaseException:
            self.__exit__(None, None, None)
            raise
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

    def _port(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            if found := self._ready.search(self.log):
                return found[1]
            time.sleep(0.02)
        raise RuntimeError(f"{type(self).__name__} did not start; the end of what it printed:\n{self.log[-2000:]}")
