"""A peer's own Python virtual environment, made on first use in the git-ignored cache folder.

A lock (requirements.txt) is complete, so nothing is resolved: pip installs it with `--no-deps`, every file checked
against its hash, and compiles nothing: Python compiles what is imported, which is little of it. The environment is made
with the Python that runs the tests where the peer supports it, else with the newest supported one that is found.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from tests.peers import PeerUnavailable

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "peers"


def ensure(name: str, lock: Path, supported: tuple[tuple[int, int], ...], why: str) -> Path:
    """Return the folder of the environment `name`, installing it first where it is missing or its lock changed.

    Safe against several processes at once: one installs, the others wait. Raises `PeerUnavailable` where no Python of
    the versions `supported` is found (`why` says what holds the peer to them), or pip cannot install the lock.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    venv, stamp = CACHE / f"{name}-venv", CACHE / f"{name}-venv" / "installed"
    with (CACHE / f"{name}-venv.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
        if not (stamp.is_file() and stamp.read_text() == wanted and (venv / "bin" / "python").exists()):
            shutil.rmtree(venv, ignore_errors=True)
            _install(name, lock, _interpreter(supported, why), venv)
            stamp.write_text(wanted)
    return venv


def _install(name: str, lock: Path, python: str, venv: Path) -> None:
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    for command in (
        [python, "-m", "venv", str(venv)],
        [*pip, "--no-compile", "--no-deps", "--require-hashes", "-r", str(lock)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            errors = [line for line in (done.stdout + done.stderr).splitlines() if "error" in line.lower()] or [
                "no reason given"
            ]
            raise PeerUnavailable(f"the environment of the peer {name} could not be installed: {errors[-1]}")


def _interpreter(supported: tuple[tuple[int, int], ...], why: str) -> str:
    """Return this Python if it is supported, else the newest on the PATH that is."""
    if sys.version_info[:2] in supported:
        return sys.executable
    for major, minor in sorted(supported, reverse=True):
        for folder in (None, "/usr/bin"):  # a version manager's shim may stand on the PATH and yet not run
            found = shutil.which(f"python{major}.{minor}", path=folder)
            if (
                found
                and not subprocess.run([found, "-c", "import ensurepip"], capture_output=True, check=False).returncode
            ):
                return found
    raise PeerUnavailable(f"{why}: none is here")
