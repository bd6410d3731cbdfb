"""A client that a generator made of the description asks a running gateway, and understands what it answers."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.conftest import Gateway
from tests.peers import openapi as peer

ASKS = """
import json, os
from client import AuthenticatedClient
from client.api.datasets import get_row, list_rows
from client.api.lookups import ask_commune, ask_person, lookup_commune
from client.models import (CommuneAnswer, CommuneQuestion, CommuneQuestions, ListRowsFilters, PersonQuestion, Problem,
                           RowsAnswer, Things, VerifiedAnswer)

gateway = AuthenticatedClient(base_url=os.environ["URL"], token=os.environ["TOKEN"])
why = {"beffroi_purpose": "inscription-scolaire"}
told = {}

found = lookup_commune.sync("01004", client=gateway, **why)
assert isinstance(found, CommuneAnswer), found
told["one"] = found.data.name

several = ask_commune.sync(client=gateway, body=CommuneQuestions(identifiers=["01004", "no-such-number"]), **why)
assert isinstance(several, RowsAnswer), several
told["many"] = [each.outcome for each in several.data]

question = PersonQuestion.from_dict({"identifier": "nir:180050100400037", "verify": {"birth_name": "Lefevre"}})
verified = ask_person.sync(client=gateway, body=question, **why)
assert isinstance(verified, VerifiedAnswer), verified
told["verified"] = verified.verified.to_dict()

answer = get_row.sync_detailed("things", "7", client=gateway)
told["row"] = json.loads(answer.content)["data"]["id"]

filters = ListRowsFilters.from_dict({"id__greater": 2, "id__in": "1,2,3"})
page = list_rows.sync("things", client=gateway, filters=filters, limit=10)
told["rows"] = [row["id"] for row in page.data]
told["row of a dataset"] = Things.from_dict(page.data[0].to_dict()).id
told["another"] = list_rows.sync("communes", client=gateway, limit=1).data[0].to_dict()["code"]

refused = ask_commune.sync(client=gateway, body=CommuneQuestion(identifier="1"), accept_language="fr", **why)
assert isinstance(refused, Problem), refused
told["problem"] = [refused.type_, refused.title, refused.status]

unknown = AuthenticatedClient(base_url=os.environ["URL"], token="bft_no")
refused = lookup_commune.sync("01004", client=unknown, **why)
assert isinstance(refused, Problem), refused
told["unknown"] = refused.type_

print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def folder(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package `client`, made of the running gateway's description."""
    where = tmp_path_factory.mktemp("generated")
    (where / "openapi.json").write_bytes(gateway.get("/openapi.json").body)
    (where / "config.yaml").write_text("post_hooks: []\n", "utf-8")  # nobody reads it: it need not be formatted
    command = [str(peer.program("openapi-python-client")), "generate", "--meta=none", "--path=openapi.json"]
    command += ["--output-path=client", "--config=config.yaml"]
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    left_out = {
        line for line in done.stdout.splitlines() if line.startswith(("WARNING", "ERROR", "Unsupported", "Cannot"))
    }
    assert {line for line in left_out if not line.startswith("WARNING parsing POST /lookups/")} <= {
        "Unsupported content type application/x-ndjson", "Unsupported content type text/csv",
    }, done.stdout  # fmt: skip
    return where


def test_a_generated_client_asks(gateway: Gateway, folder: Path) -> None:
    token = gateway.headers("mairie")["Authorization"].removeprefix("Bearer ")
    environment = {**os.environ, "URL": gateway.url, "TOKEN": token}
    done = subprocess.run(
        [str(peer.program("python")), "-c", ASKS],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told == {
        "one": "Ambérieu-en-Bugey",
        "many": ["found", "malformed-identifier"],
        "verified": {"birth_name": {"match": "yes"}},
        "row": 7,
        "rows": [2, 3],
        "row of a dataset": 2,
        "another": "01001",
        "problem": ["urn:beffroi:problem:malformed-identifier", "Identifiant mal formé", 422],
        "unknown": "urn:beffroi:problem:unauthenticated",
    }
