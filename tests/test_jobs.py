"""`beffroi run` over several datasets: at once, in order, whatever fails; what it tells on a terminal and elsewhere."""

import contextlib
import json
import os
import pty
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from gateway import jobs
from gateway.cli import main
from pipelines import report, rollback, versions
from pipelines.workspace import Workspace
from tests.peers.canned import Raw

MAIN = """
title: Town
registries:
  folder: {kind: files, path: source}
organisations:
  town: {title: Town}
"""
DATASET = """
title: Things
owner: town
audience: owner
source: {registry: folder, table: TABLE}
schema:
  fields:
    - {name: id}
    - {name: other}
  primaryKey: id
KEYS
MORE
"""


def write(root: Path, name: str, needs: str | None = None, more: str = "") -> None:
    """Declare a dataset, of a file of its own, whose column `other` must stand in another dataset."""
    key = f"  foreignKeys: [{{fields: other, reference: {{resource: {needs}, fields: id}}}}]" if needs else ""
    text = DATASET.replace("TABLE", name).replace("KEYS", key).replace("MORE", more)
    (root / "datasets" / f"{name}.yaml").write_text(text, encoding="utf-8")
    source(root, name, ("1", "1"), ("2", "2"), ("3", "1"))


def source(root: Path, name: str, *rows: tuple[str, str]) -> None:
    """Write the file of a dataset."""
    table = pa.table({"id": [row[0] for row in rows], "other": [row[1] for row in rows]})
    pq.write_table(table, root / "source" / f"{name}.parquet")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("datasets", "source"):
        (tmp_path / folder).mkdir()
    (tmp_path / "beffroi.yaml").write_text(MAIN, encoding="utf-8")
    return tmp_path


def beffroi(root: Path, *arguments: str, status: int = 0) -> Result:
    """Run a command in this process, which is quicker, and hold it to its exit status."""
    done = CliRunner().invoke(main, ["--workspace", str(root), *arguments])
    assert done.exit_code == status, done.stderr
    return done


def ran(root: Path, *arguments: str, status: int = 0) -> tuple[list[dict[str, Any]], str]:
    """Return the reports of `beffroi run --json`, and what was said beside them."""
    done = beffroi(root, "run", "--json", *arguments, status=status)
    reports: list[dict[str, Any]] = json.loads(done.stdout)
    return reports, done.stderr


def break_(root: Path, name: str) -> None:
    """Have the next run of a dataset fail."""
    (root / "source" / f"{name}.parquet").write_bytes(b"nothing")


# --- order and failure -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", ["1", "3"])
def test_datasets_are_run_in_the_order_they_need_each_other(root: Path, at_once: str) -> None:
    write(root, "a", needs="c")
    write(root, "b", needs="a")
    write(root, "c")
    write(root, "d")
    reports, _ = ran(root, "--all", "--jobs", at_once)
    assert {each["dataset"] for each in reports} == {"a", "b", "c", "d"}
    began = {each["dataset"]: each["started"] for each in reports}
    assert began["c"] < began["a"] < began["b"]
    assert [each["needed"] for each in reports if each["dataset"] == "b"] == [{"a": 1}]
    assert (root / ".beffroi/databases/town.duckdb").is_file()
    assert (root / ".beffroi/metrics.prom").is_file()


@pytest.mark.parametrize("at_once", ["1", "3"])
def test_one_that_fails_stops_no_other(root: Path, at_once: str) -> None:
    write(root, "a")
    write(root, "b", needs="a")
    write(root, "c", needs="b")
    write(root, "d")
    break_(root, "a")
    reports, said = ran(root, "--jobs", at_once, status=1)
    assert {each["dataset"]: each["outcome"] for each in reports} == {
        "a": "failed", "b": "failed", "c": "failed", "d": "new",
    }  # fmt: skip
    assert "b needs a, whose run failed, and which never had a version: mend that first" in said
    assert "c needs b, whose run failed" in said
    versions = {each["dataset"]: (each["version"], each["new"]) for each in reports}
    assert versions == {"a": (None, False), "b": (None, False), "c": (None, False), "d": (1, True)}
    kept = report.find(Workspace(root), "b")
    assert (kept.outcome, kept.problems[0][:9]) == ("failed", "b needs a")


@pytest.mark.parametrize("at_once", ["1", "3"])
def test_what_needs_a_failed_one_is_made_from_its_last_version_and_it_is_said(root: Path, at_once: str) -> None:
    write(root, "a")
    write(root, "b", needs="a")
    ran(root)
    break_(root, "a")
    source(root, "b", ("7", "1"))
    reports, said = ran(root, "--jobs", at_once, status=1)
    assert [(each["dataset"], each["outcome"]) for each in reports] == [("a", "failed"), ("b", "new")]
    assert (reports[1]["version"], reports[1]["needed"]) == (2, {"a": 1})
    assert "b was made from version 1 of a, whose own run failed" in said


# --- at once ---------------------------------------------------------------------------------------------------------


def answering(before: Callable[[], object]) -> Callable[[socket.socket], None]:
    """Return what talks to one connection: a CSV file, once `before` has returned."""
    body = b"id,other\n1,1\n2,2\n3,3\n"

    def talk(connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            before()
            head = (
                f"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            connection.sendall(head.encode() + body)

    return talk


def of_web(root: Path, url: str, *names: str, more: str = "", seconds: int = 30) -> None:
    """Declare datasets whose files come from an address."""
    tables = ", ".join(f"{name}: {{file: {name}.csv, seconds: {seconds}}}" for name in names)
    registry = f"  web: {{kind: files, url: '{url}/', tables: {{{tables}}}}}\norganisations:"
    (root / "beffroi.yaml").write_text(MAIN.replace("organisations:", registry), encoding="utf-8")
    for name in names:
        write(root, name, more=more)
        file = root / "datasets" / f"{name}.yaml"
        file.write_text(file.read_text("utf-8").replace("registry: folder", "registry: web"), encoding="utf-8")


def test_several_are_under_way_at_once(root: Path) -> None:
    meet = threading.Barrier(2, timeout=40)  # each is answered only when the other has asked as well
    with Raw(answering(meet.wait)) as server:
        of_web(root, server.url, "a", "b")
        reports, _ = ran(root, "--jobs", "2")
    assert [each["rows_out"] for each in reports] == [3, 3]


def test_memory_is_shared_between_runs_that_are_at_once() -> None:
    assert jobs.LEAST <= jobs.shared(64) <= jobs.shared(2) <= jobs.ENOUGH
    assert jobs.shared(10**9) == jobs.LEAST


def test_a_source_that_never_answers_ends_with_a_clear_sentence(root: Path) -> None:
    ended = threading.Event()
    with Raw(answering(lambda: ended.wait(50))) as server:
        of_web(root, server.url, "a", seconds=2)
        write(root, "b")
        reports, said = ran(root, "--jobs", "2", status=1)
        ended.set()
    assert [each["outcome"] for each in reports] == ["failed", "new"], "it takes no other along"
    (told,) = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert (told["code"], told["fault"]) == ("late", "registry")
    assert told["detail"] == "a: web did not finish its answer within the deadline"


# --- waiting, holding, previews --------------------------------------------------------------------------------------


def test_another_run_of_the_same_dataset_is_said_or_waited_for(root: Path) -> None:
    write(root, "a")
    workspace = Workspace(root)
    with versions.alone(workspace, "a"):
        _, said = ran(root, status=1)
        assert "another run of a is under way" in said
        _, said = ran(root, "--wait", "0.2", status=1)
        assert "another run of a is under way and did not end within 0.2 s" in said
        command = [sys.executable, "-m", "gateway", "run", "a", "--wait", "50"]
        waiting = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True)
        assert waiting.stderr is not None
        assert waiting.stderr.readline() == "a: begins\n"
    waiting.communicate()
    assert waiting.returncode == 0
    assert [each.number for each in versions.history(workspace, "a")] == [1]


def test_a_held_dataset_is_let_go_on(root: Path) -> None:
    write(root, "a")
    ran(root)
    source(root, "a", ("9", "9"))
    ran(root)
    rollback.rollback(Workspace(root), "a", 1)
    _, said = ran(root, status=1)
    assert "`beffroi run a --release` lets it go on" in said
    said = beffroi(root, "run", "--release", status=1).stderr
    assert "for datasets that are named" in said
    assert "leave one" in beffroi(root, "run", "a", "--release", "--preview", status=1).stderr
    break_(root, "a")
    ran(root, "a", "--release", status=1)
    source(root, "a", ("9", "9"))
    assert "lets it go on" in ran(root, status=1)[1], "a run that failed lets nothing go on"
    (made,) = ran(root, "a", "--release")[0]
    assert (made["version"], made["rows_out"]) == (4, 1)
    assert ran(root)[0][0]["outcome"] == "unchanged"


def test_the_table_has_a_line_for_each_that_failed_too(root: Path) -> None:
    write(root, "a")
    write(root, "b", more="expect: {rows: {min: 9}}")
    write(root, "c")
    break_(root, "c")
    done = beffroi(root, "run", status=1)
    lines = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()[1:]}
    assert lines["a"][:5] == ["3", "3", "0", "0", "1"]
    assert lines["b"][:4] == ["3", "3", "0", "0"]
    assert [lines[name][-1] for name in "abc"] == ["new", "failed", "failed"]


@pytest.mark.parametrize(("rows", "told"), [(8, True), (9, False), (11, False)])
def test_fewer_rows_than_before_are_told(root: Path, rows: int, told: bool) -> None:
    """A file that was cut between two lines looks like any other."""
    write(root, "a")
    source(root, "a", *((str(number), "1") for number in range(10)))
    ran(root)
    source(root, "a", *((str(number), "1") for number in range(rows)))
    said = beffroi(root, "run").stderr
    assert ("a: 8 rows, 10 before: is the source whole?" in said) is told


def test_a_preview_commits_nothing_and_shows_what_would_change(root: Path) -> None:
    write(root, "a")
    ran(root)
    source(root, "a", ("1", "1"), ("2", "7"), ("9", "9"))
    (told,), _ = ran(root, "--preview")
    assert [told[name] for name in ("outcome", "added", "changed", "removed")] == ["preview", 1, 1, 1]
    assert "would be new" in beffroi(root, "run", "--preview").stdout
    assert len(versions.history(Workspace(root), "a")) == 1


def test_only_what_is_due_is_run(root: Path) -> None:
    write(root, "a", more="schedule: 0 0 1 1 *")
    write(root, "b")
    write(root, "c", more="schedule: 0 0 1 1 *")
    reports, _ = ran(root, "--due", "a", "b")
    assert [each["dataset"] for each in reports] == ["a"], "b has no schedule, c is not named"
    assert [each["dataset"] for each in ran(root, "--due")[0]] == ["c"]
    assert ran(root, "--due")[0] == []
    assert beffroi(root, "run", "--due").stderr == "Nothing is due.\n"


def test_all_of_them_and_some_of_them_is_a_contradiction(root: Path) -> None:
    write(root, "a")
    assert "--all is all datasets: leave it out, or a" in beffroi(root, "run", "--all", "a", status=1).stderr


# --- telling ---------------------------------------------------------------------------------------------------------


def test_elsewhere_than_on_a_terminal_there_is_a_line_when_it_begins_and_one_when_it_has_ended(root: Path) -> None:
    write(root, "a")
    write(root, "b")
    break_(root, "b")
    said = beffroi(root, "run", "--jobs", "1", status=1).stderr.splitlines()
    assert said[0] == "a: begins"
    assert re.fullmatch(r"a: new version 1: 3 rows in, 3 out, 0 quarantined, 0 merged, \d+\.\d\d s", said[1])
    assert said[2:4] == ["b: begins", "b: failed"]


def test_on_a_terminal_each_that_is_under_way_has_its_bar(root: Path) -> None:
    seen = threading.Event()  # they are answered once both are shown
    with Raw(answering(lambda: seen.wait(40))) as server:
        of_web(root, server.url, "a", "b")
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "gateway", "run", "--jobs", "2"]
        environment = {**os.environ, "COLUMNS": "150", "TERM": "xterm"}
        with subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=theirs, env=environment) as process:
            os.close(theirs)
            shown = b""
            with contextlib.suppress(OSError):  # the other end is closed: it has ended
                while chunk := os.read(ours, 65536):
                    shown += chunk
                    if b"a: scan" in shown and b"b: scan" in shown:
                        seen.set()
            os.close(ours)
    assert process.returncode == 0
    assert seen.is_set(), shown
    assert b"0/2" in shown
    assert b"begins" not in shown


# --- report ----------------------------------------------------------------------------------------------------------


def test_report_shows_a_run_as_text_as_json_as_a_page_and_lists_all(root: Path) -> None:
    write(root, "a")
    assert "no report of a run yet" in beffroi(root, "report", "a", status=1).stderr
    ran(root)
    break_(root, "a")
    ran(root, status=1)
    listed = json.loads(beffroi(root, "report", "a", "--list", "--json").stdout)
    assert [each["outcome"] for each in listed] == ["failed", "new"]
    assert "The run failed. The last version stays as it was." in beffroi(root, "report", "a", "--lang", "en").stdout
    first = listed[1]["run"]
    french = beffroi(root, "report", "a", "--run", first, "--lang", "fr").stdout
    assert "3 en entrée = 3 en sortie + 0 refusée + 0 fusionnée." in french
    assert json.loads(beffroi(root, "report", "a", "--run", first, "--json").stdout)["rows_in"] == 3
    beffroi(root, "report", "a", "--run", first, "--html", str(root / "page.html"), "--lang", "en")
    assert "3 in = 3 out" in (root / "page.html").read_text("utf-8")
    assert listed[0]["run"][:16] in beffroi(root, "report", "a", "--list").stdout


# --- doctor ----------------------------------------------------------------------------------------------------------


def test_doctor_ends_with_1_where_something_is_broken_and_only_there(root: Path) -> None:
    write(root, "a")
    ran(root)
    assert "Nothing is amiss." in beffroi(root, "doctor").stderr
    part = root / ".beffroi/raw/a/x.part"
    part.touch()
    done = beffroi(root, "doctor")
    assert "leftover: raw/a/x.part belongs to nothing any more" in done.stdout
    assert "`beffroi doctor --mend` removes the leftovers" in done.stderr
    assert "mended: raw/a/x.part" in beffroi(root, "doctor", "--mend").stdout
    (root / ".beffroi/versions/a/1/a.csv").unlink()
    told = json.loads(beffroi(root, "doctor", "--json", status=1).stdout)
    assert [each["kind"] for each in told["findings"]] == ["broken"]
    assert [each["dataset"] for each in told["sizes"]] == ["a"]
