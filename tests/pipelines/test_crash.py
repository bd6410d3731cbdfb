"""A full disk is told; the last version stays, and nothing is left behind. `test_kills.py` has whatever else may happen."""

import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from connectors.errors import RunFailed
from pipelines import quarantine, versions
from pipelines.run import run
from tests.peers import PeerUnavailable
from tests.pipelines.bench import SHOPS, Bench, indexed, query
from tests.pipelines.killed import Child, run_shops

ROWS = 4000


def change(bench: Bench, number: int) -> None:
    """Write the source's state number `number`: every row says it, and one in a hundred is refused."""
    table = pa.table(
        {
            "id": pa.array(str(row) for row in range(ROWS + number)),
            "name": pa.array([f"{number} {random.Random(row).random()}" for row in range(ROWS + number)]),
            "workers": pa.array(["x" if row % 100 == 0 else "1" for row in range(ROWS + number)]),
            "opened": pa.array(["2020-01-01"] * (ROWS + number)),
        }
    )
    aside = bench.root / "source/aside"
    pq.write_table(table, aside)
    aside.rename(bench.root / "source/shops.parquet")


def hold_whole(bench: Bench) -> int:
    """Check that the latest version is whole on every face, and all of one state; return its number."""
    version = versions.latest(bench.workspace, "shops")
    if version is None:
        return 0
    table = DeltaTable(bench.root / ".beffroi/lake/shops")
    (action,) = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    rows = pq.read_table(version.parquet)
    counted = {
        "parquet": rows.num_rows,
        "delta": action["num_records"],
        "delta, read": table.to_pyarrow_table().num_rows,
        "csv": query(f"SELECT count(*) FROM read_csv('{version.csv}')")[0][0],
        "index": len(indexed(version)),
        "report": version.report["rows_out"],
        "history": version.rows,
    }
    assert set(counted.values()) == {version.rows}, counted
    assert len({name.split()[0] for name in rows["name"].to_pylist()}) == 1, "rows of two states in one version"
    list(quarantine.listed(bench.workspace, "shops"))
    return version.number


def leftovers(state: Path) -> list[str]:
    """Return the files of a state that belong to no version kept."""
    lake = state / "lake/shops"
    history = DeltaTable(lake).history()
    known = {str(number + 1) for number in range(len(history))}
    ready = {str(len(history)), str(len(history) - 1)}
    parquet = len(list(lake.glob("*.parquet"))) - len(history)
    found = [f"{parquet} Parquet files more than versions"] if parquet else []
    found += [
        f"folder of version {folder.name}"
        for folder in (state / "versions/shops").iterdir()
        if folder.name not in known or (folder.name not in ready and list(folder.glob("*.lmdb")))
    ]
    patterns = ("*.part", "*.part.wal", "*.tmp", "*.spill")
    return found + [str(path) for pattern in patterns for path in state.rglob(pattern)]


@pytest.mark.parametrize("most", [1, 20_000, 150_000])
def test_a_disk_that_is_full_is_told_and_the_last_version_stays(bench: Bench, most: int) -> None:
    bench.write("datasets/shops.yaml", SHOPS)
    change(bench, 0)
    bench.run()
    change(bench, 1)
    said = Child(bench.root, run_shops, most=most).end()
    assert said.startswith("RunFailed: shops: a file could not be read or written ("), said
    assert said.endswith("is the disk full?")
    assert hold_whole(bench) == 1
    assert leftovers(bench.root / ".beffroi") == []
    assert (bench.run().version, hold_whole(bench)) == (2, 2)


def fill(bench: Bench) -> str:
    """Run new versions until one fails; return what it said."""
    for number in range(20):
        change(bench, number)
        try:
            run(bench.workspace, "shops")
        except RunFailed as error:
            return error.detail
    raise AssertionError("the disk never filled")


@pytest.fixture
def small_disk(bench: Bench) -> Iterator[None]:
    """The workspace's state on a disk of 700 kB."""
    state = bench.root / ".beffroi"
    state.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(state)], check=False)
    if mounted.returncode:
        raise PeerUnavailable("a small disk: this user may not mount one (a limit on file sizes stands for it above)")
    yield
    subprocess.run(["umount", "-l", str(state)], check=True)


@pytest.mark.usefixtures("small_disk")
def test_a_mounted_disk_that_is_full(bench: Bench) -> None:
    bench.write("datasets/shops.yaml", SHOPS)
    change(bench, 0)
    said = fill(bench)
    assert re.fullmatch(r"shops: a file could not be read or written \(.*\): is the disk full\?", said)
    found = hold_whole(bench)
    with pytest.raises(RunFailed, match="is the disk full"):
        run(bench.workspace, "shops")
    assert hold_whole(bench) == found
