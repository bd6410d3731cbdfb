"""Stands an S3 server up for a test: its program comes in a wheel, kept in a virtual environment of its own."""

import json
import tempfile
from pathlib import Path

import urllib3
from botocore.auth import S3SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials  # type: ignore[import-untyped]

from tests.peers import ports, virtual_environment
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
        self._data = tempfile.TemporaryDirectory(prefix="beffroi-s3-")
        config = Path(self._data.name) / "s3.json"
        credentials = [{"accessKey": KEY, "secretKey": SECRET}]
        config.write_text(
            json.dumps({"identities": [{"name": "test", "credentials": credentials, "actions": ["Admin"]}]})
        )
        self._port_of = dict(zip(PORTS, ports.free(len(PORTS), beside=10_000), strict=True))  # it takes both
        data = Path(self._data.name) / "data"
        data.mkdir()
        options = [f"-{name}={port}" for name, port in self._port_of.items()]
        return [
            str(venv / "bin" / "weed"), "mini", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            f"-s3.config={config}", "-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0", *options,
        ]  # fmt: skip

    def _wait(self) -> None:
        super()._wait()
        self.url = f"http://127.0.0.1:{self._port_of['s3.port']}"
        self._until(self._takes_a_bucket)  # it says that it is ready before it is

    def _takes_a_bucket(self) -> bool | None:
        try:
            return self.request("PUT", "/ready").status == 200 or None
        except urllib3.exceptions.HTTPError:
            return None
