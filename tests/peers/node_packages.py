"""What a peer has from npm, installed on first use under the git-ignored cache folder, as its lock file says."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from filelock import FileLock

from tests.peers import PeerUnavailable
from tests.peers.virtual_environment import CACHE

PACKAGE_FILES = ("package.json", "package-lock.json")
SECONDS = 240


def install(peer: Path) -> Path:
    """Install the lock file of the folder `peer` once, and return the folder of its node_modules.

    Raises PeerUnavailable when npm is missing or fails.
    """
    npm = program("npm", peer.name)
    wanted = hashlib.sha256(b"".join((peer / name).read_bytes() for name in PACKAGE_FILES)).hexdigest()
    installed = CACHE / peer.name
    installed.mkdir(parents=True, exist_ok=True)
    stamp = installed / "installed"
    with FileLock(installed.with_suffix(".lock")):
        if not stamp.exists() or stamp.read_text() != wanted:
            stamp.unlink(missing_ok=True)
            for name in PACKAGE_FILES:
                shutil.copy(peer / name, installed)
            _npm_ci(npm, installed)
            stamp.write_text(wanted)
    return installed / "node_modules"


def program(name: str, peer: str) -> str:
    """Return the path of a program that a peer runs on; raises PeerUnavailable where it is not on this machine."""
    found = shutil.which(name)
    if found is None:
        raise PeerUnavailable(f"the peer {peer} needs {name}, which is not on this machine")
    return found


def _npm_ci(npm: str, installed: Path) -> None:
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        subprocess.run(command, cwd=installed, check=True, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.CalledProcessError as error:
        raise PeerUnavailable(f"npm ci of the peer {installed.name} failed: {error.stderr[-500:]}") from error
    except subprocess.TimeoutExpired as error:
        raise PeerUnavailable(f"npm ci of the peer {installed.name} did not end within {SECONDS} s") from error
