"""One function decides every access: where it refuses, nothing is told, by no address and by no command.

`access.decide` is replaced in a process of its own before anything else is imported, so that whoever uses it uses that one,
and whoever does not shows.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from gateway.cli import main
from gateway.service import Service
from gateway.serving.app import application
from pipelines.linking import gathered
from pipelines.linking.deciding import decisions
from pipelines.run import run
from pipelines.workspace import Workspace
from tests.commands import beffroi
from tests.gateway.conftest import Gateway, ask
from tests.gateway.test_journal import entries
from tests.gateway.test_tenants import statuses
from tests.gateway.three_tenants import OF_A_JOB, ROWS, Call, calls, made, marks, routes, words

NEVER = """
import sys
from connectors.errors import NotGranted
from gateway.callers import access

def never(*_, **__):
    raise NotGranted("nothing is granted to anybody here")

access.decide = never
"""

SERVE = """
from pathlib import Path
from gateway.serving.app import serve
from gateway.callers.tokens import Tokens
from pipelines.workspace import Workspace

def ready(url):
    others = [name for name, module in sys.modules.items() if name.startswith("gateway")
              and getattr(module, "decide", never) is not never]
    assert not others, f"another decide is used by {others}"
    print(url, flush=True)

serve(Path(sys.argv[1]), "127.0.0.1", 0, ready)
"""

COMMANDS = """
import contextlib, json
from click.testing import CliRunner
from gateway.cli import main

told = []
with contextlib.chdir(sys.argv[1]):
    for arguments, typed in json.loads(sys.stdin.read()):
        done = CliRunner().invoke(main, arguments, input=typed)
        told.append([done.exit_code, done.output, repr(done.exception)])
print(json.dumps(told))
"""

OWNER = "zzalpha"
VALUES = re.compile(r"zz\w+ rue")
"""What a value of a row looks like."""

OPEN = [
    Call("GET", "/datasets/communes/rows/01001"), Call("HEAD", "/datasets/communes/rows/01001"),
    Call("GET", "/datasets/communes/rows/01001?columns=name"), Call("GET", "/datasets/communes/rows?limit=2"),
    Call("POST", "/datasets/communes/rows", {"limit": 2}), Call("GET", "/datasets/communes"),
    Call("GET", "/datasets/communes/latest/communes.csv"), Call("GET", "/datasets/communes/versions"),
    Call("GET", "/datasets/communes/changes.atom"), Call("GET", "/datasets/communes/report"),
]  # fmt: skip
"""What is open is for everybody because the decision says so."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    template = made(tmp_path_factory.getbasetemp())
    root = Path(shutil.copytree(template, tmp_path_factory.mktemp("decided") / "workspace"))
    linked(root)
    return root


LINKED = """\
title: Linked
owner: zzalpha
audience: owner
source: {registry: source, table: zzalpha_people}
schema:
  fields: [{name: number}, {name: zzalpha_street, personal: true}, {name: person, type: integer, personal: true}]
  primaryKey: number
link:
  person: {record: person, fields: {family_name: zzalpha_street}}
"""


def linked(root: Path) -> None:
    """Add a dataset that links its records, with a pair that waits for a person: decided on other records than these."""
    (root / "datasets" / "zzalpha_linked.yaml").write_text(LINKED, encoding="utf-8")
    workspace = Workspace(root)
    run(workspace, "zzalpha_linked")
    ends = [gathered.identity("source/zzalpha_people", f"zzalpha-n{number}") for number in (0, 1)]
    said = decisions.said_of(ends[0], ends[1], "different", values=({"family_name": "Martin"}, {}))
    decisions.add(workspace, "zzalpha_linked", "person", [said])


@dataclass(frozen=True)
class Before:
    """What was there before the decision was always no: a token, and a job that is answered."""

    headers: dict[str, str]
    job: str


@pytest.fixture(scope="module")
def before(root: Path) -> Before:
    asked = Call("POST", f"/lookups/{OWNER}_works", [{"identifier": f"{OWNER}-n1"}], {"Prefer": "respond-async"})
    with Gateway(root) as gateway:
        headers = asked.headers_of(OWNER) | gateway.headers(f"{OWNER}_app", None)
        job = ask(gateway.url, "POST", asked.path, headers, asked.body).headers["location"]
        while (reply := ask(gateway.url, "GET", f"{job}/result", headers)).status == 202:
            time.sleep(0.05)
        assert VALUES.search(reply.body.decode())
    return Before({"Authorization": headers["Authorization"]}, job)


@pytest.fixture(scope="module")
def refusing(root: Path, before: Before) -> Iterator[str]:
    """Where a gateway answers whose decision is always no."""
    assert before
    with (root / "log").open("ab") as log:
        command = [sys.executable, "-c", NEVER + SERVE, str(root)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
    assert server.stdout is not None
    try:
        url = server.stdout.readline().decode().strip()
        assert url, (root / "log").read_text()
        yield url
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def test_where_it_says_no_no_address_tells_anything(root: Path, refusing: str, before: Before) -> None:
    service = Service(Workspace(root))
    found = sorted(set(routes(application(service).routes, service.workspace.configuration.lookups)) - OF_A_JOB)
    service.close()
    tried = 0
    for call in [call for route in found for call in calls(*route, OWNER)]:
        reply = ask(refusing, call.method, call.path, call.headers_of(OWNER) | before.headers, call.body)
        told = marks(reply, ROWS, words(call))
        assert not told, f"{call.method} {call.path} tells without asking: {told}"
        if call.tells:
            tried += 1
            assert statuses(reply) <= {403, 404}, f"{call.method} {call.path}: {reply.status} {reply.body!r}"
    assert tried > 15
    for call in OPEN:
        reply = ask(refusing, call.method, call.path, {}, call.body)
        assert reply.status == 403, f"{call.method} {call.path}: {reply.status} {reply.body!r}"
        assert "Abergement" not in reply.body.decode()
    job = Call("POST", f"/lookups/{OWNER}_works", [{"identifier": f"{OWNER}-n1"}], {"Prefer": "respond-async"})
    for call in (job, Call("GET", f"{before.job}/result")):
        reply = ask(refusing, call.method, call.path, call.headers_of(OWNER) | before.headers, call.body)
        assert reply.status == 403, "what was granted when it was asked is decided anew when it is fetched"
        assert not VALUES.search(reply.body.decode())


# --- commands --------------------------------------------------------------------------------------------------------

WHY = ("--purpose", "zzalpha_aid")
TELLING: Mapping[str, tuple[list[str], str]] = {
    "lookup": (["zzalpha_works", "zzalpha-n1", *WHY], ""),
    "diff": (["zzalpha_works", *WHY], ""),
    "conflicts": (["zzalpha_works", "--raw", *WHY], ""),
    "quarantine list": (["zzalpha_people", "--raw", *WHY], ""),
    "quarantine show": (["zzalpha_people", "4", *WHY], ""),
    "trace": (["zzalpha_people", "zzalpha-n1", "--raw", *WHY], ""),
    "journal who-read": ([*WHY], "dataset:zzalpha_people:zzalpha-n1\n"),
    "connector call": (["source", "READ", *WHY], ""),
    "decide export": (["zzalpha_linked", *WHY], ""),
    "decide list": (["zzalpha_linked", "--raw", *WHY], ""),
    "decide review": (["zzalpha_linked", *WHY], "q\n"),
    "link": (["zzalpha_linked", "--why", "zzalpha-n0", "zzalpha-n1", "--raw", *WHY], ""),
}
"""The commands that tell values of rows, and how each is asked for some."""

ALSO = [
    (["lookup", "zzalpha_works", "--file", "asked.csv", "--out", "told.csv", *WHY], ""),
    (["trace", "zzalpha_people", "--place", "1", "--raw", *WHY], ""),
    (["diff", "communes", "1", "1"], ""),
    (["decide", "list", "zzalpha_linked", "--decided", "--raw", *WHY], ""),
]
"""Other ways of the same commands."""

WITHOUT: Mapping[str, list[str] | str] = {
    "check": [], "connector show": ["source"], "doctor": [], "explain": ["zzalpha_app", "zzalpha_people"],
    "journal verify": [], "journal erase": ["--preview"], "quarantine fix": ["--list"], "report": ["zzalpha_people"],
    "sandbox status": [], "token list": [], "versions": ["zzalpha_works"],
    "connector test": "names what it checked of a database", "connector add file": "drafts a declaration of a source",
    "connector add rest": "drafts", "connector add soap": "drafts", "connector add sql": "drafts", "schema add": "drafts",
    "init": "writes a new workspace", "demo": "runs the others", "serve": "is tried by its addresses",
    "run": "tells counts of rows", "rollback": "tells counts of rows", "quarantine replay": "tells counts of rows",
    "publish": "sends open data where they are open", "sandbox start": "starts registries", "sandbox stop": "stops them",
    "token issue": "tells a token", "token revoke": "tells a token's id", "journal anchor": "tells a hash",
    "journal rotate-key": "tells the name of a key", "receipt rotate-key": "tells the name of a key",
    "receipt verify": "tells what is in the file that it is given", "decide same": "keeps what it is told",
    "decide different": "keeps what it is told", "decide unsure": "keeps what it is told",
    "decide withdraw": "keeps what it is told", "decide import": "tells counts of decisions",
    "decide forget": "tells how many decisions it erased",
}  # fmt: skip
"""The commands that tell no value of a row: how each is tried, or why it need not be."""


def commands(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the commands below a group, each by its words."""
    if isinstance(group, click.Group):
        for name, each in group.commands.items():
            yield from commands(each, (*path, name))
    else:
        yield " ".join(path)


def test_every_command_is_known() -> None:
    found = set(commands(main))
    new = found - set(TELLING) - set(WITHOUT)
    assert not new, f"{new}: say in TELLING how each is asked for the values of rows, or in WITHOUT that it tells none"
    assert not {*TELLING, *WITHOUT} - found, "gone: take it out of TELLING or WITHOUT"


def test_where_it_says_no_no_command_tells_anything(root: Path) -> None:
    (root / "asked.csv").write_text("identifier\nzzalpha-n1\n", encoding="utf-8")
    telling = [([*name.split(), *arguments], typed) for name, (arguments, typed) in TELLING.items()] + ALSO
    without = [([*name.split(), *arguments], "") for name, arguments in WITHOUT.items() if isinstance(arguments, list)]
    done = subprocess.run(
        [sys.executable, "-c", NEVER + COMMANDS, str(root)], input=json.dumps([*telling, *without]), timeout=120,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: list[Any] = json.loads(done.stdout)
    for (arguments, _), (status, output, raised) in zip([*telling, *without], told, strict=True):
        assert not VALUES.search(output), f"beffroi {' '.join(arguments)} tells without asking:\n{output}"
        assert "SystemExit" in raised or raised == "None", f"beffroi {' '.join(arguments)}: {raised}"
        if (arguments, _) in telling:
            assert status == 1, f"beffroi {' '.join(arguments)}: {output}"
            assert "nothing is granted to anybody here" in output, f"beffroi {' '.join(arguments)}: {output}"
    assert not (root / "told.csv").exists()


TOLD = ("lookup", "diff", "quarantine list", "quarantine show", "trace", "decide list", "decide review", "link")
"""Those of `TELLING` that have something to tell in this workspace."""


def test_where_it_says_yes_they_tell_and_leave_an_entry_each(root: Path) -> None:
    """Else the test before would prove nothing."""
    for name in TOLD:
        arguments, typed = TELLING[name]
        before = len(entries(root / ".beffroi"))
        done = beffroi(root, *name.split(), *arguments, *(("--case", "A-1") if name == "lookup" else ()), typed=typed)
        assert VALUES.search(done.stdout), f"beffroi {name} tells nothing: {done.stdout}"
        left = entries(root / ".beffroi")[before:]
        assert len(left) == (2 if name == "diff" else 1), f"beffroi {name} left {left}"
        assert all(entry["via"] == "command" and entry["outcome"] == "found" for entry in left)
