"""The demo as printed: its scenario holds, its four commands do what they say, and Ctrl-C ends it all."""

import itertools
import json
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.demonstration import Demo, environment, lay_out, running_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    root = tmp_path_factory.mktemp("demo") / "workspace"
    lay_out(root)
    with running_demo(root) as running:
        yield running


def shell(demo: Demo, command: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=demo.root, env=environment(demo.root.parent / "home"), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def test_the_four_commands_to_try_do_what_they_say(demo: Demo) -> None:
    said = demo.said.read_text(encoding="utf-8").splitlines()
    commands = [after for before, after in itertools.pairwise(said) if before.startswith("# ")]
    assert len(commands) == 4
    person, commune, copy = (json.loads(shell(demo, command)) for command in commands[:3])
    assert person["meta"]["source"] == "civil"
    assert person["data"]["nir"] in commands[0]
    assert person["data"]["birth_name"]
    assert (commune["meta"]["source"], commune["meta"]["tried"]) == ("communes", [])
    assert copy["data"] == commune["data"]
    assert copy["meta"]["source"] == "dataset:communes"
    assert 0 < copy["meta"]["age_seconds"] < 600
    assert [(tried["provider"], tried["code"]) for tried in copy["meta"]["tried"]] == [("communes", "down")]
    shell(demo, commands[3])
    assert pq.read_table(demo.root / "communes.parquet").num_rows > 34_000


def test_no_answer_of_the_demo_stands_in_its_log(demo: Demo) -> None:
    log = [line for line in demo.said.read_text(encoding="utf-8").splitlines() if "/lookups/" in line]
    asked = [line for line in log if not line.startswith(("curl", "beffroi"))]
    assert asked
    assert all("{" in line or "/lookups/person" in line for line in asked), "routes, not what was asked"


def beffroi(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["beffroi", *arguments],
        cwd=root, env=environment(root.parent / "home"), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


def test_a_second_demo_is_refused_and_takes_nothing_down(demo: Demo) -> None:
    again = beffroi(demo.root, "demo", "--once")
    assert again.returncode == 1
    assert "another demo runs on this workspace" in again.stderr
    status = json.loads(beffroi(demo.root, "sandbox", "status", "--json").stdout)
    assert {each["name"]: each["running"] for each in status}["civil"] is True


def test_a_port_that_is_taken_is_told_before_anything_is_done(demo: Demo, tmp_path: Path) -> None:
    lay_out(tmp_path / "workspace")
    refused = beffroi(tmp_path / "workspace", "demo", "--port", str(demo.port))
    assert refused.returncode == 1
    assert refused.stderr.startswith("Invalid request (yours to mend)\ncannot listen on port")
    assert not (tmp_path / "workspace" / ".beffroi" / "sandbox").exists()


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """What a demo without a gateway says where a dataset fails, and CKAN is down."""
    root = tmp_path_factory.mktemp("once") / "workspace"
    lay_out(root)
    declaration = root / "datasets" / "associations.yaml"
    text = declaration.read_text(encoding="utf-8")
    declaration.write_text(text.replace("rows: {min: 1}", "rows: {min: 1000000}"), encoding="utf-8")
    return subprocess.run(
        ["beffroi", "demo", "--once"], cwd=root, capture_output=True, text=True, timeout=240, check=False,
        env={**environment(root.parent / "home"), "BEFFROI_CKAN_URL": "http://127.0.0.1:9", "BEFFROI_CKAN_TOKEN": "x"},
    )  # fmt: skip


def test_a_failing_dataset_and_a_ckan_that_is_down_are_told_and_the_rest_goes_on(
    once: subprocess.CompletedProcess[str],
) -> None:
    assert once.returncode == 1
    assert "associations: rows: 2,281, expected at least 1,000,000" in once.stderr
    assert "CKAN could not be asked" in once.stderr
    assert ["postal_codes", "35,684", "35,676", "8", "0", "1"] in [
        line.split()[:6] for line in once.stdout.splitlines()
    ]


def test_ten_services_of_ten_municipalities_see_what_they_may(once: subprocess.CompletedProcess[str]) -> None:
    told = [re.split(r"  +", line.strip()) for line in once.stdout.splitlines()]
    asked = told[told.index(["municipality", "service", "register", "answer"]) + 1 :]
    assert len({town for town, *_ in asked}) == 10
    assert {register for _, _, register, _ in asked} == {"civil", "social", "property", "companies"}
    by_town = {town: [answer for name, _, _, answer in asked if name == town] for town, *_ in asked}
    assert by_town["Amiens"] == ["birth_name? yes, birth_date? yes, commune_code? yes", "children? yes"]
    assert by_town["Corbie"] == ["birth_name? near, birth_date? yes, commune_code? yes"], "a letter is wrong"
    assert by_town["Montdidier"][0] == "birth_name? yes, birth_date? no"
    assert re.fullmatch(r"quotient \d+, allowance .+", by_town["Péronne"][1])
    assert not re.search(r"\b\d{13,15}\b|[45]\d\d: ", str(by_town)), "no number, no problem"


def test_what_none_may_is_refused_and_all_of_it_is_proved(once: subprocess.CompletedProcess[str]) -> None:
    said = once.stderr.splitlines()
    begins = said.index("Refused, and on the journal like every answer:") + 1
    ends = said.index("And in the end:")
    assert len(said[begins:ends]) == 6
    assert all(": 403 " in line for line in said[begins:ends])
    receipt, forged, journal, per = said[ends + 1 : ends + 5]
    assert receipt.endswith("genuine")
    assert "is refused" in forged
    assert re.search(r"the journal has \d+ entries in one chain, whole$", journal)
    assert "Amiens 6, Abbeville 3, Péronne 3" in per, "answers and refusals alike, each by who asked"


def test_ctrl_c_leaves_nothing_running(demo: Demo) -> None:
    addresses = [*demo.registries().values(), f"http://127.0.0.1:{demo.port}"]
    assert len(addresses) == 6
    assert demo.interrupt() in (0, 130)
    for address in addresses:
        host, _, port = address.removeprefix("http://").partition(":")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)), timeout=1)
    assert not running_on(demo.root)
    assert not (demo.root / ".beffroi" / "demo-token").exists()
    tokens = json.loads(beffroi(demo.root, "token", "list", "--json").stdout)
    assert tokens[0]["revoked"], "the demo's own token is worth nothing when it has ended"
    after = demo.said.read_text(encoding="utf-8").partition("Ctrl-C ends it all.\n")[2]
    told = (" INFO ", " WARNING registry communes, down: ")  # one of the commands above stops that register
    complaints = [line for line in after.splitlines() if not any(each in line for each in told)]
    assert complaints == [], "the log, and no complaint at the end"


def running_on(root: Path) -> list[str]:
    """Return the commands of the processes that name `root`, or stand in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, place = (process / "cmdline").read_bytes(), (process / "cwd").resolve()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if str(root).encode() in command or place == root:
            found.append(command.replace(b"\0", b" ").decode())
    return found
