"""Stands WireMock up for a test: an HTTP server that answers and breaks as the test tells it, over its admin API."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import urllib3

from tests.peers import node_packages
from tests.peers.process import Process

HERE = Path(__file__).parent
JAR = "wiremock/build/wiremock-standalone-3.13.2.jar"
Fault = Literal["CONNECTION_RESET_BY_PEER", "EMPTY_RESPONSE", "MALFORMED_RESPONSE_CHUNK", "RANDOM_DATA_THEN_CLOSE"]


class WireMock(Process):
    """Context manager: a WireMock without stubs, which answers 404; `url` is its root.

    Raises PeerUnavailable without java and npm, or when the install fails.
    """

    def __init__(self) -> None:
        super().__init__(_wiremock, ready=r"^port:\s+(\d+)$", guarded=True)

    def stub(
        self,
        body: str | bytes = b"",
        *,
        path: str = "/",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        fault: Fault | None = None,
        delay: float = 0,
        dribble: tuple[int, float] | None = None,
        containing: str = "",
    ) -> None:
        """Answer requests of any method to `path` so from now on; of several stubs that fit, the newest counts.

        `fault` breaks the connection instead of the answer (MALFORMED_RESPONSE_CHUNK: after its status and headers);
        `delay` is in seconds before the first byte; `dribble` sends the body in so many chunks over so many seconds;
        `containing` keeps the stub to requests whose body has that text.
        """
        content = body.encode() if isinstance(body, str) else body
        response: dict[str, Any] = {"status": status, "headers": {"Content-Type": "text/xml; charset=utf-8"}}
        response["headers"] |= headers or {}
        response["base64Body"] = base64.b64encode(content).decode()
        if fault:
            response["fault"] = fault
        if delay:
            response["fixedDelayMilliseconds"] = int(delay * 1000)
        if dribble:
            response["chunkedDribbleDelay"] = {"numberOfChunks": dribble[0], "totalDuration": int(dribble[1] * 1000)}
        asked: dict[str, Any] = {"method": "ANY", "urlPath": path}
        if containing:
            asked["bodyPatterns"] = [{"contains": containing}]
        self._admin("POST", "mappings", {"request": asked, "response": response})

    def reset(self) -> None:
        """Forget all stubs and requests."""
        self._admin("POST", "reset")

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests since the start or reset, oldest first: `method`, `url`, `headers`, `body` and more."""
        entries: list[dict[str, Any]] = self._admin("GET", "requests")["requests"]
        return [entry["request"] for entry in reversed(entries)]

    def _admin(self, method: str, what: str, content: dict[str, Any] | None = None) -> Any:
        with urllib3.PoolManager(retries=False) as http:
            answer = http.request(method, f"{self.url}__admin/{what}", json=content)
        if answer.status >= 300:
            raise RuntimeError(f"WireMock answered {answer.status} to {what}: {answer.data[:500]!r}")
        return json.loads(answer.data or b"null")


def _wiremock() -> list[str]:
    java = node_packages.program("java", HERE.name)
    jar = node_packages.install(HERE) / JAR
    return [java, "-Xmx256m", "-jar", str(jar), "--port", "0", "--bind-address", "127.0.0.1"]
