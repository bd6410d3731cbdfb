"""A client in TypeScript, typed by what openapi-typescript makes of the description, is compiled, and asks the gateway."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.conftest import Gateway
from tests.peers import PeerUnavailable, node_packages, typescript

PEER = Path(typescript.__file__).parent


def node(folder: Path, *command: str, **variables: str) -> str:
    """Run a program of Node in a folder, and return what it says."""
    done = subprocess.run(
        [node_packages.program("node", "typescript"), *command],
        cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_typed_client_is_compiled_and_asks(gateway: Gateway, tmp_path: Path) -> None:
    try:
        modules = node_packages.install(PEER)
    except PeerUnavailable as error:
        pytest.skip(str(error))
    (tmp_path / "node_modules").symlink_to(modules)
    for name in ("client.ts", "tsconfig.json", "package.json"):
        shutil.copy(PEER / name, tmp_path)
    (tmp_path / "openapi.json").write_bytes(gateway.get("/openapi.json").body)
    node(tmp_path, "node_modules/openapi-typescript/bin/cli.js", "openapi.json", "-o", "gateway.d.ts")
    node(tmp_path, "node_modules/typescript/bin/tsc")
    token = gateway.headers("mairie")["Authorization"].removeprefix("Bearer ")
    told: dict[str, Any] = json.loads(node(tmp_path, "client.js", URL=gateway.url, TOKEN=token))
    assert told == {
        "name": "Ambérieu-en-Bugey", "source": "communes", "match": "yes", "outcomes": ["found", "malformed-identifier"],
        "partial": False, "statuses": [200, 200], "rows": 2, "more": True, "wrong": 1,
        "problem": ["urn:beffroi:problem:malformed-identifier", "Identifiant mal formé", "caller"],
    }  # fmt: skip
