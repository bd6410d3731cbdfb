"""What is known of a version is known as long as it holds: no commit, no run and no declaration is overlooked."""

import shutil
from pathlib import Path

import pytest

from pipelines import versions
from pipelines.workspace import Workspace
from tests.pipelines.bench import SHOPS, Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path / "w")
    made.write("datasets/shops.yaml", SHOPS)
    made.source("shops", [{"id": "1", "name": "A", "workers": "1", "opened": None}])
    made.run()
    return made


def shown(workspace: Workspace) -> int | None:
    version = versions.latest(workspace, "shops")
    return None if version is None else version.number


def test_every_commit_is_seen_at_once(bench: Bench) -> None:
    workspace = Workspace(bench.root)  # as a gateway has it, which does not run anything itself
    for number in range(2, 6):
        assert shown(workspace) == number - 1
        bench.source("shops", [{"id": str(number), "name": "A", "workers": "1", "opened": None}])
        bench.run()
        assert shown(workspace) == number


def test_a_table_that_begins_anew_is_seen(bench: Bench) -> None:
    """Its log has entries of the same names as the one before."""
    workspace = Workspace(bench.root)
    first = versions.latest(workspace, "shops")
    for folder in ("lake", "versions"):
        shutil.rmtree(bench.root / ".beffroi" / folder)
    assert shown(workspace) is None
    bench.source("shops", [{"id": "2", "name": "B", "workers": "2", "opened": None}])
    bench.run()
    again = versions.latest(workspace, "shops")
    assert first is not None
    assert again is not None
    assert (again.number, again.parquet == first.parquet) == (1, False)


def test_a_run_that_changes_nothing_is_newer(bench: Bench) -> None:
    version = versions.latest(Workspace(bench.root), "shops")
    assert version is not None
    before = version.as_of
    bench.run()
    assert shown(Workspace(bench.root)) == version.number
    assert version.as_of > before
    (version.folder / "report.json").unlink()
    assert version.as_of == version.committed


def test_what_is_shown_is_judged_by_each_declaration(bench: Bench) -> None:
    """Of two workspaces over one state, as before and after an edit, each has its own answer, asked in turn."""
    before = Workspace(bench.root)
    bench.write("datasets/shops.yaml", SHOPS.replace("audience: open\n", "audience: agents\n"))
    after = Workspace(bench.root)
    assert [shown(before), shown(after), shown(before), shown(after)] == [1, None, 1, None]
