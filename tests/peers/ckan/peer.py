"""A real CKAN 2.12 for tests, stood up from packages alone: `with Ckan() as ckan: publish_to(ckan.url, ckan.token)`.

Real are CKAN with its web application, job worker and DataStore, PostgreSQL and Redis; Solr alone is a stand-in (see
solr_stand_in.py), so no test may claim anything about ranking. Nothing is shared between two of them, nothing outlives
one: server.py, which holds all the parts, ends when the pipe to its standard input closes, however we end.

To try publication by hand, `python -m tests.peers.ckan.peer` starts one, prints the two variables that
`beffroi publish` reads, and runs until Ctrl-C.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.peers.ckan.install import ensure_venv

START_SECONDS, STOP_SECONDS = 180, 30


class Ckan:
    """A fresh, empty CKAN on a free port of 127.0.0.1, from `start()` (or `with`) to `stop()`.

    `url` is its root, `token` an API token of a sysadmin, `log_dir` a folder with one log per part.
    """

    def __init__(self) -> None:
        self.url = self.token = ""
        self._folder: Path | None = None
        self._server: subprocess.Popen[str] | None = None

    @property
    def log_dir(self) -> Path:
        """The folder of the logs, which goes with the rest at `stop()`; raises `RuntimeError` before `start()`."""
        if self._folder is None:
            raise RuntimeError("this CKAN is not running")
        return self._folder / "log"

    def start(self) -> Self:
        """Install what is missing, start every part and wait until CKAN answers.

        Raises `PeerUnavailable` where CKAN cannot be installed here, `RuntimeError` with the end of its log where it
        does not start; nothing is left running then.
        """
        venv = ensure_venv()
        self._folder = Path(tempfile.mkdtemp(prefix="beffroi-ckan-"))
        try:
            self._folder.chmod(0o711)  # PostgreSQL may run as another user
            self.log_dir.mkdir()
            self._server = _launch(venv, self._folder)
            answer = _ready_line(self._server, self.log_dir / "ckan.log")
            self.url, self.token = answer["url"], answer["token"]
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End every process and remove the data and logs; does nothing where nothing runs."""
        if self._server is not None:
            server, self._server = self._server, None
            with server:
                try:
                    server.communicate("end", timeout=STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    os.killpg(server.pid, signal.SIGKILL)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _launch(venv: Path, folder: Path) -> subprocess.Popen[str]:
    site_packages = next((venv / "lib").glob("python3.*")) / "site-packages"
    magic = site_packages / "pylibmagic"  # its library must be known before the process starts
    environment = os.environ | {"LD_LIBRARY_PATH": str(magic), "MAGIC": str(magic / "magic.mgc")}
    with (folder / "log" / "ckan.log").open("w") as log:
        return subprocess.Popen(
            [venv / "bin" / "python", "-m", "tests.peers.ckan.server", folder],
            cwd=Path(__file__).parents[3],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
            start_new_session=True,  # Ctrl-C is for us, who then close its standard input
        )


def _ready_line(server: subprocess.Popen[str], log: Path) -> dict[str, str]:
    assert server.stdout is not None
    readable, _, _ = select.select([server.stdout], [], [], START_SECONDS)
    line = server.stdout.readline() if readable else ""
    if not line:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise RuntimeError(f"CKAN did not start ({'it ended' if readable else 'too slow'}); the end of its log:\n{end}")
    answer: dict[str, str] = json.loads(line)
    return answer


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), Ckan() as running:
        print(f"BEFFROI_CKAN_URL={running.url} BEFFROI_CKAN_TOKEN={running.token}", flush=True)
        signal.pause()
