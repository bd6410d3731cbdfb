"""What was judged once is judged again as soon as anything that judges is another."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import quarantine
from pipelines.known import JUDGES
from tests.pipelines.bench import SHOPS, Bench

ROOT = Path(__file__).parents[2]
RUN = """
import sys
from pathlib import Path
from pipelines.run import run
from pipelines.workspace import Workspace
report = run(Workspace(Path(sys.argv[1])), "shops")
print(report.version, "clean" in report.stages)
"""


def elsewhere(root: Path, folder: Path) -> str:
    """Run the shops in a process of its own, which finds first what is in `folder`; return version, and if it judged."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    command = [sys.executable, "-c", RUN, str(root)]
    found = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=120)
    assert found.stdout, found.stderr
    return found.stdout.strip()


def test_a_step_that_is_written_otherwise_judges_again(bench: Bench, tmp_path: Path) -> None:
    """Whoever mends a step in place, or a file of reference, has no other number of Beffroi's version."""
    bench.shops(("1", "au bon pain", "3", "2020-01-01"), declaration=SHOPS.replace("squeeze", "upper"))
    assert (bench.run().version, "clean" in bench.run().stages) == (1, False)
    for name in ("pipelines", "connectors"):
        shutil.copytree(ROOT / name, tmp_path / "other" / name, ignore=shutil.ignore_patterns("__pycache__"))
    assert elsewhere(bench.root, tmp_path / "other") == "1 False", "the same files, wherever they stand"
    steps = tmp_path / "other/pipelines/steps/text.py"
    steps.write_text(steps.read_text().replace('f"upper({value.sql})")', "f\"upper({value.sql}) || '!'\")"))
    assert elsewhere(bench.root, tmp_path / "other") == "2 True"
    assert bench.rows()[0]["name"] == "AU BON PAIN!"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace after a run; in a copy of it, a process of the same libraries has nothing to judge."""
    bench = Bench(tmp_path_factory.mktemp("ran") / "workspace")
    bench.shops(("1", "Au bon pain", "3", "2020-01-01"))
    bench.run()
    copy = shutil.copytree(bench.root, tmp_path_factory.mktemp("same") / "workspace")
    assert elsewhere(copy, copy.parent) == "1 False"
    return bench.root


@pytest.mark.parametrize("library", JUDGES)
def test_another_version_of_a_library_judges_again(ran: Path, tmp_path: Path, library: str) -> None:
    copy = shutil.copytree(ran, tmp_path / "workspace")
    told = tmp_path / f"{library.replace('-', '_')}-0.0.1.dist-info/METADATA"
    told.parent.mkdir()
    told.write_text(f"Metadata-Version: 2.1\nName: {library}\nVersion: 0.0.1\n")
    assert elsewhere(copy, tmp_path) == "1 True"


def test_a_source_that_is_again_as_it_was_leaves_nothing_of_what_was_between(bench: Bench) -> None:
    good, refused = ("1", "Au bon pain", "3", None), ("2", "Chez Luc", "x", None)
    for rows, quarantined in (((good,), 0), ((good, refused), 1), ((good,), 0), ((good,), 0)):
        bench.shops(*rows)
        report = bench.run()
        assert (report.version, report.rows_in, report.quarantined) == (1, len(rows), quarantined)
        assert len(list(quarantine.listed(bench.workspace, "shops"))) == quarantined
    assert "clean" not in report.stages, "done again, there is nothing to judge"
