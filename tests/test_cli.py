"""The command line as its users meet it: a process, its two outputs and its exit status."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway import console
from gateway.cli import main
from gateway.french import LANGUAGES
from pipelines.report import words
from tests.commands import beffroi, process
from tests.conftest import ROOT
from tests.gateway.test_problems import LEAVES
from tools.make_pages import every_command

SHOPS = """
title: Shops
owner: town
audience: open
licence: Licence Ouverte 2.0
source: {registry: folder, table: shops}
schema:
  fields:
    - {name: number, type: integer, title: Number}
    - {name: postal_code, title: Postal code}
  primaryKey: number
clean:
  postal_code: {steps: [trim, {pad: 5}]}
"""
WORKSPACE = """
title: Town
registries:
  folder: {kind: files, path: source}
organisations:
  town:
    title: Town
    applications:
      desk: {title: Desk}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "source").mkdir()
    (tmp_path / "beffroi.yaml").write_text(WORKSPACE, encoding="utf-8")
    (tmp_path / "datasets" / "shops.yaml").write_text(SHOPS, encoding="utf-8")
    table = pa.table({"number": [1, 2, 3, 3], "postal_code": ["1400", "80000 ", "n/a", "75001"], "owner": ["x"] * 4})
    pq.write_table(table, tmp_path / "source" / "shops.parquet")
    return tmp_path


@pytest.mark.parametrize(("path", "command"), [pytest.param(p, c, id=" ".join(p)) for p, c in every_command(main)])
def test_every_command_has_help_json_and_workspace(path: tuple[str, ...], command: click.Command) -> None:
    assert command.help, "says what it does"
    options = {name for parameter in command.params for name in parameter.opts}
    assert {"--json", "--workspace"} <= options
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.name} is explained"


def test_a_command_loads_only_what_it_works_with() -> None:
    code = "import sys, gateway.cli; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    slow = {"asyncio", "deltalake", "duckdb", "fastapi", "numpy", "pipelines", "pyarrow", "pydantic", "rich", "ruamel"}
    assert slow & set(done.stdout.split()) == set(), "`beffroi --help` waits for these: import them in the commands"


def test_the_command_line_speaks_the_languages_of_reports() -> None:
    assert set(LANGUAGES) == set(words.LANGUAGES)


def test_run_shows_a_sum_that_proves_itself(root: Path) -> None:
    done = process(root, "run", "--json")
    (report,) = json.loads(done.stdout)
    assert (report["rows_in"], report["rows_out"], report["quarantined"], report["merged"]) == (4, 3, 1, 0)
    assert report["unread"] == ["owner"]
    people = beffroi(root, "run")
    assert people.stdout.split("\n")[1].split() == [
        "shops",
        "4",
        "3",
        "1",
        "0",
        "1",
        *people.stdout.split("\n")[1].split()[6:],
    ]
    assert "unchanged" in people.stdout
    assert "nothing reads the source's columns owner" in people.stderr


def test_quarantine_tells_place_column_rule_and_reason(root: Path) -> None:
    beffroi(root, "run")
    (row,) = json.loads(beffroi(root, "quarantine", "list", "--json").stdout)
    assert (row["dataset"], row["place"], row["version"]) == ("shops", 3, 1)
    (failure,) = row["failures"]
    assert (failure["column"], failure["rule"]) == ("postal_code", "pad")
    assert failure["reason"] == "is not a number of at most 5 digits"
    assert failure["reason_fr"] == "n'est pas un nombre d'au plus 5 chiffres"
    assert "raw" not in row, "the source's own values only where they are asked for"
    (row,) = json.loads(beffroi(root, "quarantine", "list", "--raw", "--json").stdout)
    assert row["raw"] == {"number": 3, "postal_code": "n/a", "owner": "x"}
    assert "postal_code" in beffroi(root, "quarantine", "list", "shops").stdout


def test_versions_are_listed(root: Path) -> None:
    assert json.loads(beffroi(root, "versions", "shops", "--json").stdout) == []
    beffroi(root, "run")
    (version,) = json.loads(beffroi(root, "versions", "shops", "--json").stdout)
    assert (version["number"], version["rows"]) == (1, 3)


def test_check_points_at_file_and_line(root: Path) -> None:
    assert ": 1 registry, " in beffroi(root, "check").stderr
    (root / "datasets" / "shops.yaml").write_text(SHOPS.replace("pad: 5", "pda: 5"), encoding="utf-8")
    done = beffroi(root, "check", status=1)
    assert done.stdout.startswith("datasets/shops.yaml:13: there is no cleaning step «pda»")
    assert json.loads(beffroi(root, "check", "--json", status=1).stdout)[0].startswith("datasets/shops.yaml:13:")


def test_a_token_stands_alone_on_standard_output(root: Path) -> None:
    done = process(root, "token", "issue", "desk")
    assert done.stdout.startswith("bft_")
    assert len(done.stdout.split()) == 1
    (listed,) = json.loads(beffroi(root, "token", "list", "--json").stdout)
    assert listed["application"] == "desk"
    assert done.stdout.strip() not in beffroi(root, "token", "list").stdout
    beffroi(root, "token", "revoke", listed["id"])
    assert "not valid" in beffroi(root, "token", "list").stdout
    assert "no application «dusk» (did you mean «desk»?)" in beffroi(root, "token", "issue", "dusk", status=1).stderr


def test_the_workspace_may_be_named_before_or_after_the_command(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert "no problem" in beffroi(elsewhere, "--workspace", str(root), "check").stderr
    assert "no problem" in beffroi(elsewhere, "check", "--workspace", str(root)).stderr
    assert "no beffroi.yaml" in beffroi(elsewhere, "check", status=1).stdout


def test_init_makes_a_workspace_that_checks_and_overwrites_nothing(tmp_path: Path) -> None:
    beffroi(tmp_path, "init", "town")
    assert "no problem" in beffroi(tmp_path / "town", "check").stderr
    assert (tmp_path / "town" / ".gitignore").is_file()
    (tmp_path / "town" / "datasets" / "communes.yaml").unlink()
    assert "there already" in beffroi(tmp_path, "init", "town", status=1).stderr
    assert not (tmp_path / "town" / "datasets" / "communes.yaml").exists()


def test_an_error_says_whose_fault_and_what_to_do(root: Path) -> None:
    done = process(root, "run", "shoes", status=1)
    assert done.stdout == ""
    assert "no dataset «shoes» (did you mean «shops»?)" in done.stderr
    told = json.loads(beffroi(root, "run", "shoes", "--json", status=1).stderr)
    assert (told["code"], told["fault"]) == ("not-found", "caller")


def test_publish_without_ckan_says_what_to_set(root: Path) -> None:
    assert "BEFFROI_CKAN_URL and BEFFROI_CKAN_TOKEN" in beffroi(root, "publish", status=1).stderr


@pytest.mark.parametrize("code", LEAVES)
def test_what_is_to_be_done_is_said_to_whom_sits_at_the_command_line(
    code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    console.show_error(LEAVES[code]("x", retry_in=59.2), as_json=True)
    told = json.loads(capsys.readouterr().err)
    for word in ("operator of this gateway", "gateway's operator", "Its operator", "Retry-After", "/health"):
        assert word not in told["todo"]
    assert "That is worth trying in 60 seconds." in told["todo"]
