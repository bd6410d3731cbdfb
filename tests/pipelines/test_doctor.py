"""`beffroi doctor`: leftovers of whatever was killed are found and removed, damage is told with what mends it."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from connectors.errors import NotFound
from pipelines import databases, doctor, rollback, versions
from pipelines.doctor import Finding
from pipelines.run import run
from pipelines.workspace import Workspace
from tests.pipelines.bench import Bench


def found(bench: Bench, *names: str, mend: bool = False) -> list[Finding]:
    return list(doctor.examine(bench.workspace, list(names), mend=mend))


def kinds(bench: Bench) -> list[str]:
    return [each.kind for each in found(bench)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose dataset has two versions."""
    bench = Bench(tmp_path_factory.mktemp("made") / "workspace")
    bench.shops(("1", "Baker", "3", "2020-01-01"))
    bench.run()
    bench.shops(("1", "Baker", "4", "2020-01-01"), ("2", "Grocer", "x", "2020-01-01"))
    bench.run()
    databases.refresh(bench.workspace)
    assert found(bench) == [], "nothing is amiss after runs"
    return bench.root


@pytest.fixture
def state(bench: Bench, made: Path) -> Path:
    """The state of a copy of that workspace, in the bench."""
    shutil.copytree(made, bench.root, dirs_exist_ok=True)
    return bench.root / ".beffroi"


LEFT: dict[str, Callable[[Path], Path]] = {
    "a Parquet file without a commit": lambda state: state / "lake/shops/000003-x.parquet",
    "a commit that was never finished": lambda state: state / "lake/shops/_delta_log/_commit_x.json.tmp",
    "a folder of a version that the log does not know": lambda state: state / "versions/shops/3/report.json",
    "ready files made aside": lambda state: state / "versions/shops/2.part/shops.csv",
    "a raw input half copied": lambda state: state / "raw/shops/x.part",
    "a raw input that nothing was made from": lambda state: state / f"raw/shops/{'0' * 64}.csv",
    "what a run spilled": lambda state: state / "spill/shops/duckdb_temp",
    "what making faces spilled": lambda state: state / "spill/faces-shops/duckdb_temp",
    "half a report": lambda state: state / "runs/shops/x.part",
    "half a quarantine of a failed run": lambda state: state / "failed/shops/quarantine.part",
    "half a note": lambda state: state / "held/shops.part",
    "half a note of a rollback": lambda state: state / "held/shops.next.part",
    "a rollback that never came about": lambda state: state / "held/shops.next.json",
    "half a database": lambda state: state / "databases/open.part",
    "what making a database spilled": lambda state: state / "databases/open.spill/duckdb_temp",
}


@pytest.mark.parametrize("what", LEFT)
def test_a_leftover_is_told_and_removed_when_asked_to(bench: Bench, state: Path, what: str) -> None:
    path = LEFT[what](state)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    (told,) = found(bench)
    assert (told.kind, told.bytes, told.mended) == ("leftover", 2, False)
    assert path.exists(), "it is told only"
    (mended,) = found(bench, mend=True)
    assert mended.mended
    assert not path.exists()
    assert found(bench) == []
    assert hold_whole_shops(bench) == 2


def hold_whole_shops(bench: Bench) -> int:
    """Return the latest version's number, once its faces are there and agree."""
    version = bench.latest()
    assert version.whole
    assert len(bench.rows()) == version.rows
    return version.number


def test_what_failed_before_the_last_run_is_stale(bench: Bench, state: Path) -> None:
    failed = state / "failed/shops"
    failed.mkdir(parents=True)
    report = json.loads((bench.latest().folder / "report.json").read_text())
    (failed / "report.json").write_text(json.dumps(report | {"started": "9999-01-01T00:00:00+00:00"}))
    assert found(bench) == [], "of the last run it is the steward's to look at"
    (failed / "report.json").write_text(json.dumps(report | {"started": "1999-01-01T00:00:00+00:00"}))
    assert kinds(bench) == ["leftover"]


def test_old_metrics_and_comparisons_are_leftovers_young_ones_are_not(bench: Bench, state: Path) -> None:
    spill, metrics = state / "spill/diff-shops", state / "metrics.prom.1.2"
    spill.mkdir(parents=True)
    metrics.touch()
    assert found(bench) == [], "somebody may be at them"
    for path in (spill, metrics):
        os.utime(path, (0, 0))
    assert kinds(bench) == ["leftover", "leftover"]
    found(bench, mend=True)
    assert not spill.exists()
    assert not metrics.exists()


def test_a_dataset_whose_run_is_under_way_is_not_touched(bench: Bench, state: Path) -> None:
    part, aside = state / "raw/shops/x.part", state / "databases/open.part"
    part.touch()
    aside.touch()
    with versions.alone(bench.workspace, "shops"), FileLock(state / "databases/databases.lock"):
        told = found(bench, mend=True)
    assert [each.kind for each in told] == ["busy", "busy"]
    assert told[0].detail.startswith("another run of shops is under way")
    assert part.exists()
    assert aside.exists()


def test_a_held_dataset_stays_held(bench: Bench, state: Path) -> None:
    rollback.rollback(bench.workspace, "shops", 1)
    assert found(bench, mend=True) == []
    assert rollback.held(bench.workspace, "shops") is not None
    (state / "held/shops.json").rename(state / "held/shops.next.json")  # killed right after its commit
    assert found(bench, mend=True) == []
    assert rollback.held(bench.workspace, "shops") is not None


# --- state of datasets that are declared no more ---------------------------------------------------------------------


def test_a_dataset_that_is_no_more_is_removed_only_where_it_is_named(bench: Bench, state: Path) -> None:
    (bench.root / "datasets/shops.yaml").rename(bench.root / "datasets/stores.yaml")
    (told,) = found(bench, mend=True)
    assert (told.dataset, told.kind, told.mended) == ("shops", "undeclared", False)
    assert told.bytes > 1000
    assert (state / "lake/shops").exists()
    (gone,) = found(bench, "shops", mend=True)
    assert gone.mended
    assert not [path for path in state.rglob("*") if "shops" in path.name and path.suffix != ".lock"]
    assert found(bench) == []
    assert not (state / "databases/open.duckdb").exists(), "it is gone from the databases too"


def test_a_dataset_that_is_no_more_and_whose_run_is_under_way(bench: Bench, state: Path) -> None:
    (bench.root / "datasets/shops.yaml").unlink()
    with versions.alone(bench.workspace, "shops"):
        (told,) = found(bench, "shops", mend=True)
    assert told.kind == "busy"
    assert (state / "lake/shops").exists()


def test_a_name_that_nothing_has_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFound, match="there is no dataset «shoes»"):
        found(bench, "shoes")


# --- damage, and what is said to do does it --------------------------------------------------------------------------


def broken(bench: Bench) -> str:
    """Return the one thing that is broken; mending does not touch it."""
    (told,) = [each for each in found(bench, mend=True) if each.kind == "broken"]
    assert not told.mended
    assert [each for each in found(bench) if each.kind == "broken"] == [told]
    return told.detail


@pytest.mark.parametrize("harm", ["gone", "cut", "empty"])
def test_the_latest_parquet_file_is_lost(bench: Bench, state: Path, harm: str) -> None:
    parquet = bench.latest().parquet
    if harm == "gone":
        parquet.unlink()
    else:
        os.truncate(parquet, 100 if harm == "cut" else 0)
    said = broken(bench)
    assert "version 2 of shops, its latest" in said
    assert (
        "`beffroi rollback shops 1` brings the one before back, or `beffroi run shops --full` makes a new one" in said
    )
    assert (f"remove .beffroi/lake/shops/{parquet.name}, then" in said) is parquet.exists()
    parquet.unlink(missing_ok=True)
    copy = shutil.copytree(bench.root, bench.root.with_name("copy"))
    run(bench.workspace, "shops", full=True)
    assert kinds(bench) == []
    assert len(bench.rows()) == 1
    rollback.rollback(Workspace(copy), "shops", 1)
    assert list(doctor.examine(Workspace(copy), [], mend=False)) == []


def test_another_parquet_file_stands_in_its_place(bench: Bench, state: Path) -> None:
    first = versions.history(bench.workspace, "shops")[0]
    shutil.copyfile(bench.source("two", [{"a": "1"}, {"a": "2"}]), first.parquet)
    assert "version 1 of shops: its Parquet file has 2 rows, and was committed with 1" in broken(bench)


@pytest.mark.parametrize(
    ("file", "said"),
    [("shops.csv", "CSV file is gone"), ("rows.lmdb", "index is gone or damaged"), ("report.json", "report is gone")],
)
def test_a_ready_file_is_lost_and_the_next_run_makes_it(bench: Bench, state: Path, file: str, said: str) -> None:
    (bench.latest().folder / file).unlink()
    assert said in broken(bench)
    bench.run()
    assert kinds(bench) == []
    assert bench.latest().number == 2


def test_an_index_of_another_version(bench: Bench, state: Path) -> None:
    bench.shops(*((str(number), "x", "1", "2020-01-01") for number in range(9)))
    bench.run()
    before = versions.history(bench.workspace, "shops")[-2]
    shutil.copyfile(before.index[0], bench.latest().index[0])
    assert "its index has 1 rows, and it has 9" in broken(bench)


@pytest.mark.parametrize("harm", ["{", ""])
def test_a_damaged_log(bench: Bench, state: Path, harm: str) -> None:
    (state / "lake/shops/_delta_log/00000000000000000001.json").write_text(harm)
    said = broken(bench)
    assert "its Delta log is damaged" in said
    assert "put .beffroi/lake/shops back from a backup" in said
    assert (state / "raw/shops").exists(), "nothing is taken for a leftover of a log that cannot be read"
    (state / "lake/shops").rename(bench.root / "away")
    run(bench.workspace, "shops", full=True)
    assert kinds(bench) == []
    assert bench.latest().number == 1


def test_a_damaged_raw_input(bench: Bench, state: Path) -> None:
    raw = next(
        path
        for path in (state / "raw/shops").glob("*.parquet")
        if path.stem in bench.latest().report["sources"][0]["raw"]
    )
    raw.write_bytes(raw.read_bytes()[:-1] + b"\x00")
    assert f"raw/shops/{raw.name} is damaged" in broken(bench)
    raw.unlink()
    run(bench.workspace, "shops", full=True)
    assert kinds(bench) == []


def test_the_notes_of_the_raw_inputs_are_lost(bench: Bench, state: Path) -> None:
    (state / "raw/shops/inputs.json").write_text("[{")
    assert "its quarantine cannot be replayed" in broken(bench)
    run(bench.workspace, "shops", full=True)
    assert kinds(bench) == []


def test_sizes(bench: Bench, state: Path) -> None:
    (one,) = doctor.sizes(bench.workspace, [])
    assert one.dataset == "shops"
    assert one.lake > sum(each.parquet.stat().st_size for each in versions.history(bench.workspace, "shops"))
    assert one.versions > 0
    assert one.raw > 0
