"""Stands the parcel register on PHP's SOAP extension up for a test."""

import shutil
import subprocess
from pathlib import Path

from tests.peers import PeerUnavailable
from tests.peers.process import Process

HERE = Path(__file__).parent
LITERAL_WSDL, ENCODED_WSDL = HERE / "parcels_literal.wsdl", HERE / "parcels_encoded.wsdl"
FAILURES = ("client", "server", "detail", "coded", "with 200", "warning", "html", "empty", "crash")
"""What the operation Fail takes as `kind`: three faults as both WSDLs declare them, one with a code of the register's own,
one with HTTP 200, one after a warning in HTML (both SOAP 1.1 whatever was asked), a page with HTTP 503, nothing with
HTTP 200, nothing with HTTP 500. PHP gives every fault of its own a ParcelFault as detail, empty where there is none."""


class PhpServer(Process):
    """Context manager: `literal` (SOAP 1.1 and 1.2) and `encoded` are the addresses of the two services.

    GET with `?wsdl` gives the WSDL with the true address. Raises PeerUnavailable without PHP or its SOAP extension,
    which Debian has as php-cli and php-soap.
    """

    def __init__(self) -> None:
        super().__init__(_php, ready=r"Development Server \(http://127\.0\.0\.1:(\d+)\) started", guarded=True)

    @property
    def literal(self) -> str:
        """The address of the service of `parcels_literal.wsdl`."""
        return self.url + "literal"

    @property
    def encoded(self) -> str:
        """The address of the service of `parcels_encoded.wsdl`."""
        return self.url + "encoded"


def _php() -> list[str]:
    php = shutil.which("php")
    if php is None or "soap" not in subprocess.run([php, "-m"], capture_output=True, text=True, check=True).stdout:
        raise PeerUnavailable("the parcel register needs PHP with its SOAP extension (Debian: php-cli, php-soap)")
    settings = {"display_errors": "0", "log_errors": "1", "precision": "17", "serialize_precision": "-1"}
    return [
        php,
        *(f"-d{name}={value}" for name, value in settings.items()),
        "-S",
        "127.0.0.1:0",
        str(HERE / "router.php"),
    ]
