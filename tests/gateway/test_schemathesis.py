"""schemathesis asks all that the description tells of, good and bad, and finds the gateway true to it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.effort import times
from tests.gateway.conftest import Gateway
from tests.peers import openapi as peer

MAY_ASK_WHO_READ = "          - {journal: who-read, fields: '*', purposes: [inscription-scolaire]}\n"


@pytest.mark.soak
def test_the_whole_api(root: Path, tmp_path: Path) -> None:
    """Every operation with every check; the phases that try each edge and each sequence are for `make soak`."""
    declared = (root / "beffroi.yaml").read_text("utf-8")
    one = "          - {lookup: commune, "
    (root / "beffroi.yaml").write_text(declared.replace(one, MAY_ASK_WHO_READ + one, 1), "utf-8")
    for name in ("schemathesis.toml", "hooks.py"):
        shutil.copy(Path(peer.__file__).with_name(name), tmp_path)
    long = "BEFFROI_SOAK" in os.environ
    how = ["--phases=examples,coverage,fuzzing,stateful"] if long else ["--phases=examples,fuzzing", "--seed=1"]
    with Gateway(root) as gateway:
        command = [
            str(peer.program("schemathesis")),
            "run",
            f"{gateway.url}/openapi.json",
            "--checks=all",
            "--no-color",
        ]
        command += [f"--max-examples={times(1)}", "--continue-on-failure", *how]
        command += [f"--header={name}: {value}" for name, value in gateway.headers("mairie").items()]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
