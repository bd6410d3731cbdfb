"""A disk without room, mounted for real, under all that a gateway writes: no answer leaves without its entry.

What is written through memory (LMDB's locks, the metrics) would end the process by SIGBUS, if it had no room of its own.
"""

import contextlib
import errno
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.callers.tokens import Tokens
from gateway.journal import verify
from pipelines.workspace import Workspace
from tests.gateway.conftest import Reply, a_process, ask
from tests.gateway.test_journal import entries
from tests.peers import PeerUnavailable

ROOM = 30
"""Megabytes of the disk."""


@pytest.fixture
def small(template: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the workspace whose state stands on a small disk."""
    root = tmp_path / "workspace"
    shutil.copytree(template, root, ignore=shutil.ignore_patterns(".beffroi"))
    state = root / ".beffroi"
    state.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}m", "tmpfs", str(state)]
    if subprocess.run(mounting, check=False).returncode:
        raise PeerUnavailable("a small disk: this user may not mount one (test_journal has a limit on file sizes)")
    shutil.copytree(template / ".beffroi", state, dirs_exist_ok=True)
    yield root
    subprocess.run(["umount", "-l", str(state)], check=True)


def fill(root: Path) -> Path:
    """Leave no room on the disk; return what took it."""
    filler = root / ".beffroi" / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass
    with pytest.raises(OSError, match=rf"\[Errno {errno.ENOSPC}\]"):
        (root / ".beffroi" / "more").write_bytes(b"x" * 100_000)
    (root / ".beffroi" / "more").unlink()
    return filler


def outcomes(reply: Reply) -> list[tuple[str, dict[str, Any]]]:
    """Return the code of each outcome in an answer, one or many, with what was said."""
    told = reply.json
    if reply.status != 200:
        return [(reply.code, told)]
    if "meta" in told and "asked" not in told["meta"]:
        return [("found", told)]
    rows = told["data"]
    return [(each.get("outcome") or _code(each), each) for each in rows]


def _code(part: dict[str, Any]) -> str:
    return "found" if part["status"] == 200 else str(part["problem"]["type"]).rpartition(":")[2]


def test_where_there_is_no_room_for_the_journal_nothing_leaves(small: Path, nirs: list[str]) -> None:
    person = {"identifier": nirs[0], "fields": ["birth_name"]}
    asked: list[tuple[str, str, Any]] = [
        ("POST", "/lookups/person", person), ("GET", "/lookups/commune/01001", None),
        ("POST", "/lookups", [{"lookup": "person", **person}, {"lookup": "copy", "identifier": "01001"}]),
        ("POST", "/lookups/copy", {"identifiers": ["01001", "01002"]}),
        ("POST", "/lookups/person", {"identifier": nirs[1], "verify": {"birth_name": "X"}}),
        ("GET", "/datasets/permits/rows/P2", None), ("POST", "/lookups/person", {"identifier": "x"}),
        ("GET", "/lookups/copy/01001", None),
    ]  # fmt: skip
    found = Counter[str]()
    declared = (small / "beffroi.yaml").read_text(encoding="utf-8")
    kept = declared.replace("record: Person\n", "record: Person\n    cache: {seconds: 60}\n")
    (small / "beffroi.yaml").write_text(f"{kept}metrics: {{networks: [127.0.0.1]}}\n", encoding="utf-8")
    with closing(Tokens(Workspace(small))) as tokens:
        headers = {"Authorization": f"Bearer {tokens.issue('mairie')}", "Beffroi-Purpose": "inscription-scolaire"}
    with a_process(small) as (_, url):  # one that may die by it

        def all_of_them() -> Counter[str]:
            told = [each for how in asked for each in outcomes(ask(url, how[0], how[1], headers, how[2]))]
            for code, said in told:
                if code == "unavailable":
                    assert not {"data", "verified"} & set(said), said
                    assert said.get("problem", said)["fault"] == "beffroi"
            counted = Counter(code for code, _ in told)
            found.update(counted)
            return counted

        filler = fill(small)  # before anything was asked: all that a first question makes has no room either
        for _ in range(200):
            if set(told := all_of_them()) == {"unavailable"}:
                break
        assert set(told) == {"unavailable"}, "the journal still had room in its own files"
        assert ask(url, "GET", "/health").json["journal"] == "failing"
        reply = ask(url, "POST", "/lookups/copy", headers | {"Prefer": "respond-async"}, asked[3][2])
        assert (reply.status, reply.code) == (503, "unavailable")
        assert int(reply.headers["retry-after"]) > 0
        assert ask(url, "GET", "/datasets/communes/rows/01001").status == 200, "what is open still comes"
        filler.unlink()
        assert all_of_them() == {"found": 9, "malformed-identifier": 1}, "room brings the answers back"
    assert verify(small / ".beffroi" / "journal.db").whole
    journaled = Counter(entry["outcome"] for entry in entries(small / ".beffroi"))
    del found["unavailable"], journaled["unavailable"]
    assert journaled == found, json.dumps([journaled, found])
