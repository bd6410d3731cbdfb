"""A gateway of the scenario's own on a free port, and applications that call it over HTTP."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import uvicorn

from connectors.errors import Unavailable
from gateway.callers.tokens import Token, Tokens
from gateway.commands.token import note
from gateway.service import Service
from gateway.serving.app import application
from pipelines.workspace import Workspace

HOST = "127.0.0.1"
START_SECONDS = 30.0


@contextmanager
def a_gateway(workspace: Workspace) -> Iterator[int]:
    """Serve the workspace on a free port of this machine until the block ends; give the port."""
    with socket.create_server((HOST, 0)) as listener:
        config = uvicorn.Config(application(Service(workspace)), access_log=False, log_config=None, proxy_headers=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        until = time.monotonic() + START_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > until:
                raise Unavailable("the gateway of the scenario did not start")
            time.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def a_token_each(workspace: Workspace, applications: Sequence[str]) -> Iterator[dict[str, str]]:
    """Issue a token to each application, on the journal; they are worth nothing after the block."""
    issued: list[Token] = []
    with closing(Tokens(workspace)) as tokens:
        found = {name: tokens.issue(name, days=1) for name in applications}
        issued = [tokens.known(text) for text in found.values()]
        for token in issued:
            note(workspace, "token-issue", token)
        try:
            yield found
        finally:
            for token in issued:
                note(workspace, "token-revoke", tokens.revoke(token.id))


class Application:
    """An application, as it calls the gateway."""

    def __init__(self, port: int, token: str, name: str, purpose: str) -> None:
        """`purpose` goes with each call; the agent and the case are made up of its `name`."""
        self._port = port
        self.headers = {
            "Authorization": f"Bearer {token}", "Beffroi-Purpose": purpose, "Content-Type": "application/json",
            "Beffroi-Agent": f"agent@{name}", "Beffroi-Case": f"{name}-2026-1",
        }  # fmt: skip

    def ask(self, body: Any, path: str = "/lookups", **headers: str | None) -> Any:
        """POST a body and return what came, a problem too; a header that is None is left out."""
        said = self.headers | {name.replace("_", "-"): text for name, text in headers.items()}
        with closing(http.client.HTTPConnection(HOST, self._port, timeout=60)) as connection:
            sent = {name: text for name, text in said.items() if text is not None}
            connection.request("POST", path, json.dumps(body).encode(), sent)
            return json.loads(connection.getresponse().read())
