"""Stands the node SOAP server up for a test: installs it on first use, starts it, stops it."""

import hashlib
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock

from tests.peers import PeerUnavailable

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
INSTALLED = ROOT / ".cache" / "peers" / "soap_server"
WSDL = ROOT / "connectors" / "wsdl" / "civil_register.wsdl"
PACKAGE_FILES = ("package.json", "package-lock.json")


class SoapServer:
    """Context manager: the server with the persons of a JSON file (a list of rows as in persons.parquet).

    `url` is its address while it runs. Raises PeerUnavailable when node or npm is missing or the install fails.
    """

    url: str

    def __init__(self, persons: Path) -> None:
        self._persons = persons

    def __enter__(self) -> Self:
        command = [install(), str(HERE / "server.js"), str(WSDL), str(self._persons)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # the server ends with it, so that it cannot outlive us
            stdout=subprocess.PIPE,
            env={"NODE_PATH": str(INSTALLED / "node_modules")},
            text=True,
        )
        assert self._process.stdout is not None
        port = self._process.stdout.readline().strip()
        if not port:
            self.__exit__(None, None, None)
            raise PeerUnavailable("the node SOAP server did not start; its reason stands on standard error above")
        self.url = f"http://127.0.0.1:{port}/"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()


def install() -> str:
    """Install the packages of the lock file under .cache, once, and return the path of node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise PeerUnavailable("the node SOAP server needs node and npm, which are not on this machine")
    wanted = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in PACKAGE_FILES)).hexdigest()
    INSTALLED.mkdir(parents=True, exist_ok=True)
    stamp = INSTALLED / "installed"
    with FileLock(INSTALLED.with_suffix(".lock")):
        if not stamp.exists() or stamp.read_text() != wanted:
            stamp.unlink(missing_ok=True)
            for name in PACKAGE_FILES:
                shutil.copy(HERE / name, INSTALLED)
            _npm_ci(npm)
            stamp.write_text(wanted)
    return node


def _npm_ci(npm: str) -> None:
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        subprocess.run(command, cwd=INSTALLED, check=True, capture_output=True, text=True, timeout=240)
    except subprocess.CalledProcessError as error:
        raise PeerUnavailable(f"npm ci of the node SOAP server failed: {error.stderr[-500:]}") from error
    except subprocess.TimeoutExpired as error:
        raise PeerUnavailable("npm ci of the node SOAP server did not end within 240 s") from error
