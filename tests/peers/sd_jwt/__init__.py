"""The reference implementation of SD-JWT (RFC 9901), which reads receipts as anybody elsewhere may."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.peers import virtual_environment

HERE = Path(__file__).parent


def installed() -> Path:
    """Return the Python that has it, installed where it is not. Raises PeerUnavailable."""
    why = "its lock is made for these versions"
    lock = HERE / "requirements.txt"
    return virtual_environment.ensure("sd-jwt", lock, ((3, 11), (3, 12), (3, 13)), why) / "bin" / "python"


def read(python: Path, tokens: Sequence[str], jwks: Any) -> list[Any]:
    """Return what each SD-JWT discloses, or None of one that is refused."""
    said = json.dumps({"tokens": list(tokens), "keys": jwks["keys"]})
    command = [python, HERE / "reader.py"]
    done = subprocess.run(command, input=said, capture_output=True, text=True, check=True, timeout=60)
    found: list[Any] = json.loads(done.stdout)
    return found
