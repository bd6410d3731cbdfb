"""Stands an S3 server up for a test: its program comes in a wheel, kept in a virtual environment of its own."""

import contextlib
import json
import socket
import tempfile
import time
from pathlib import Path
from typing import Self

import urllib3
from botocore.auth import S3SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials  # type: ignore[import-untyped]

from tests.peers import virtual_environment
from tests.peers.process import Process

HERE = Path(__file__).parent
KEY, SECRET = "beffroi", "open sesame, s3"
PORTS = ("master.port", "volume.port", "filer.port", "s3.port", "admin.port")


class S3Server(Process):
    """Context manager: a server for whoever has `KEY` and `SECRET`; `url` is its endpoint.

    Raises PeerUnavailable where the wheel cannot be installed.
    """

    def __init__(self) -> None:
        super().__init__(self._start, ready=r"^.*S3.*?:(\d+)", guarded=True)
        self._data = tempfile.TemporaryDirectory(prefix="beffroi-s3-")

    def __enter__(self) -> Self:
        super().__enter__()
        self.url = f"http://127.0.0.1:{self._port_of['s3.port']}"
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                if self.request("PUT", "/ready").status == 200:
                    return self
            time.sleep(0.2)
        self.__exit__(None, None, None)
        raise RuntimeError("the S3 server did not start")

    def __exit__(self, *told: object) -> None:
        super().__exit__(None, None, None)
        self._data.cleanup()

    def request(self, method: str, path: str, body: bytes = b"") -> urllib3.BaseHTTPResponse:
        """Send a signed request: `PUT /bucket` makes a bucket, `PUT /bucket/key` puts a file into it."""
        asked = AWSRequest(method, self.url + path, data=body)
        S3SigV4Auth(Credentials(KEY, SECRET), "s3", "us-east-1").add_auth(asked)
        return urllib3.request(
            method, self.url + path, body=body, headers=dict(asked.headers.items()), retries=False, timeout=10
        )

    def _start(self) -> list[str]:
        why = "the wheel of SeaweedFS is for these versions"
        venv = virtual_environment.ensure("s3", HERE / "requirements.txt", ((3, 11), (3, 12), (3, 13)), why)
        config = Path(self._data.name) / "s3.json"
        credentials = [{"accessKey": KEY, "secretKey": SECRET}]
        config.write_text(
            json.dumps({"identities": [{"name": "test", "credentials": credentials, "actions": ["Admin"]}]})
        )
        self._port_of = _free(PORTS)
        data = Path(self._data.name) / "data"
        data.mkdir()
        options = [f"-{name}={port}" for name, port in self._port_of.items()]
        return [
            str(venv / "bin" / "weed"), "mini", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            f"-s3.config={config}", "-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0", *options,
        ]  # fmt: skip


def _free(names: tuple[str, ...]) -> dict[str, int]:
    """Return a free port for each name; the server also takes each port + 10,000."""
    found = dict[str, int]()
    while len(found) < len(names):
        with socket.create_server(("127.0.0.1", 0)) as one:
            port = one.getsockname()[1]
            if port < 55_000 and port not in found.values():
                with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port + 10_000)):
                    found[names[len(found)]] = port
    return found
