"""Readers of our OpenAPI document: a validator, a generator of clients, and schemathesis, in an environment of its own."""

from pathlib import Path

from tests.peers import virtual_environment

HERE = Path(__file__).parent


def program(name: str) -> Path:
    """Return the path of one of its programs. Raises PeerUnavailable where they cannot be installed."""
    supported = ((3, 11), (3, 12), (3, 13))
    why = "the readers of OpenAPI run on Python 3.11 to 3.13"
    return virtual_environment.ensure("openapi", HERE / "requirements.txt", supported, why) / "bin" / name
