"""The rows of compared versions that the gateway keeps: for the next page, and no longer than they may be there."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.datasets import compared
from gateway.datasets.compared import Differences
from gateway.datasets.rows import Rows
from pipelines import diff
from tests.pipelines.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A workspace with two versions of `shops`."""
    made = Bench(tmp_path / "workspace")
    for name in ("Marie Curie", "Marie Sklodowska"):
        made.shops(("1", name, "1", None))
        made.run()
    return made


def held(kept: Differences) -> list[int]:
    """Return how many rows are kept of each pair."""
    return [len(each.rows) for each in kept._kept.values()]


def test_what_is_kept_goes_some_time_after_it_was_asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def reads() -> None:
        rows, kept = Rows(bench.root / ".beffroi"), Differences()
        both = diff.pair(bench.workspace, "shops", 1, 2)
        await kept.page(rows, "shops", both, 0, 10)
        assert held(kept) == [1]
        monkeypatch.setattr(compared, "KEPT_SECONDS", 0.01)
        await kept.page(rows, "shops", both, 0, 10)
        for _ in range(2000):  # nobody asks again
            if held(kept):
                await asyncio.sleep(0.01)
        assert held(kept) == []
        rows.close()

    asyncio.run(reads())


def test_what_is_kept_of_a_version_goes_with_it(bench: Bench) -> None:
    async def reads() -> None:
        rows, kept = Rows(bench.root / ".beffroi"), Differences()
        both = diff.pair(bench.workspace, "shops", 1, 2)
        await kept.page(rows, "shops", both, 0, 10)
        both.old.parquet.unlink()
        await kept.page(rows, "shops", replace(both, old=both.new), 0, 10)
        assert held(kept) == [0], "the pair whose older version is gone is kept no longer"
        rows.close()

    asyncio.run(reads())
