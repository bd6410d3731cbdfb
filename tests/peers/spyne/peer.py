"""Stands the permit register on spyne up for a test, in a virtual environment of its own."""

from pathlib import Path

from tests.peers import virtual_environment
from tests.peers.process import Process

HERE = Path(__file__).parent
TOKEN = "open sesame"
"""What the header Credentials of a request must hold as `token`."""


class SpyneServer(Process):
    """Context manager: `soap11` and `soap12` are the addresses; with `?wsdl` each gives the WSDL that spyne makes.

    Raises PeerUnavailable where there is no Python 3.11 or its packages cannot be installed.
    """

    def __init__(self) -> None:
        super().__init__(_spyne)

    @property
    def soap11(self) -> str:
        """The address that speaks SOAP 1.1."""
        return self.url + "soap11"

    @property
    def soap12(self) -> str:
        """The address that speaks SOAP 1.2."""
        return self.url + "soap12"


def _spyne() -> list[str]:
    why = "spyne 2.14 runs on Python 3.11 (the copy of six inside it does not load on later ones)"
    venv = virtual_environment.ensure("spyne", HERE / "requirements.txt", ((3, 11),), why)
    return [str(venv / "bin" / "python"), "-P", str(HERE / "server.py")]
