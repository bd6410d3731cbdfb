"""Stands a real OpenID provider up for a test: it gives tokens for client credentials, introspects and revokes them.

Where a client names a resource, its tokens are JWTs for that audience (RFC 9068).
"""

import json
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tests.peers import node_packages
from tests.peers.process import START_SECONDS, Process

HERE = Path(__file__).parent


class OidcProvider(Process):
    """Context manager: a provider of `clients`, each in the provider's own words (`client_id`, `client_secret`, …).

    `token_url` is its token endpoint while it runs. With `tls`, a folder that holds server.pem (certificate and key)
    and authority.pem, it answers by TLS. Raises PeerUnavailable when node or npm is missing or the install fails.
    """

    def __init__(
        self, clients: Sequence[Mapping[str, Any]], scopes: str, *, seconds: int = 600, tls: Path | None = None
    ) -> None:
        """`scopes` is a blank-separated list, `seconds` a token's life."""
        self._clients, self._tls = [_GRANT | dict(client) for client in clients], tls
        self._arguments = [scopes, str(seconds), *([] if tls is None else [str(tls)])]
        super().__init__(self._node)

    def __enter__(self) -> Self:
        super().__enter__()
        if self._tls is not None:
            self.url = self.url.replace("http:", "https:")
        self.token_url = f"{self.url}token"
        return self

    def rotate(self, *keys: Mapping[str, Any]) -> None:
        """Have it publish these private JWKs' public halves, and sign by the first, which names its `alg`."""
        rotated, stdin = self.log.count("rotated"), self._process.stdin
        assert stdin is not None
        stdin.write(json.dumps({"keys": keys}).encode() + b"\n")
        stdin.flush()
        until = time.monotonic() + START_SECONDS
        while self.log.count("rotated") == rotated:
            assert time.monotonic() < until, self.log
            time.sleep(0.02)

    def granted(self) -> list[str]:
        """Return the clients that were given tokens, in their order."""
        return re.findall(r"^granted (.*)$", self.log, re.MULTILINE)

    def refused(self) -> list[str]:
        """Return the errors that were answered instead, in their order."""
        return re.findall(r"^refused (\w+)", self.log, re.MULTILINE)

    def _node(self) -> list[str]:
        node, modules = node_packages.program("node", HERE.name), node_packages.install(HERE)
        self._environment = {"NODE_PATH": str(modules)}
        return [node, str(HERE / "server.js"), json.dumps(self._clients), *self._arguments]


_GRANT = {"grant_types": ["client_credentials"], "response_types": [], "redirect_uris": []}
