"""`python -m benchmarks.lookups [--quick]`: pages of rows by an indexed column, beside DuckDB on the same Parquet file.

Both answer through the gateway's `Rows`, in turns, and are held to answer the same; CPU of the whole process, a page.
Prints tables in Markdown, the first of what the index costs.
"""

import argparse
import asyncio
import resource
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.pipelines import head, make, row
from benchmarks.pipelines import workspace as make_workspace
from gateway.datasets.filters import Filter
from gateway.datasets.rows import Page, Rows
from pipelines import by_column, faces, versions
from pipelines.declarations import Dataset
from pipelines.run import run
from pipelines.versions import Version
from pipelines.workspace import Workspace

TURNS, PAGES, BARE = 5, 200, 10
"""How often each is asked, and of how many pages at a time: by the index, and without."""

LIMIT = 100


def cpu() -> float:
    """Return the CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def costs(work: Callable[[], object]) -> float:
    """Return the CPU seconds of some work."""
    began = cpu()
    work()
    return cpu() - began


def asked(rows: Rows, dataset: Dataset, version: Version, columns: list[str]) -> list[list[Filter]]:
    """Return filters on some columns, by the values of rows that stand here and there."""
    named = [column for column in dataset.columns if column.name in columns]
    places = [version.rows * number // PAGES - 1 for number in range(PAGES)]
    told = [asyncio.run(rows.page(version, named, (), 1, place)).rows[0] for place in places]
    return [
        [Filter(column, "exact", (value,)) for column, value in zip(named, values, strict=True)]
        for values in told
        if None not in values
    ]


def pages(rows: Rows, dataset: Dataset, version: Version, columns: list[str]) -> None:
    """Ask for the first page of rows that have some values, by the index and without, in turns."""
    bare, filters = replace(version, folder=version.folder / "none"), asked(rows, dataset, version, columns)

    async def ask(of: Version, several: list[list[Filter]]) -> list[Page]:
        return [await rows.page(of, dataset.columns, each, LIMIT) for each in several]

    assert asyncio.run(ask(version, filters[:BARE])) == asyncio.run(ask(bare, filters[:BARE]))
    told = sum(len(page.rows) for page in asyncio.run(ask(version, filters))) / len(filters)
    ours, theirs = [], []
    for _ in range(TURNS):
        ours.append(costs(lambda: asyncio.run(ask(version, filters))) / len(filters) * 1000)
        theirs.append(costs(lambda: asyncio.run(ask(bare, filters[:BARE]))) / BARE * 1000)
    mine, other = statistics.median(ours), statistics.median(theirs)
    row(f"by {' and '.join(columns)}, {told:.0f} rows", f"{mine:.3f}", other, f"{other / mine:,.0f}")


def made(root: Path, version: Version, columns: str, whole: float) -> None:
    """Make the index of other columns, and print what it took beside the `whole` run."""
    declaration = root / "datasets" / "companies.yaml"
    text = declaration.read_text().partition("index:")[0]
    declaration.write_text(f"{text}index: [{columns}]\n")
    workspace = Workspace(root)
    took = costs(lambda: faces.renew(workspace, workspace.datasets["companies"], version.parquet, version.folder))
    size = (version.folder / by_column.FILE).stat().st_size / 1e6
    row(f"index: [{columns}]", took, f"{took / whole:.0%}", f"{size:,.1f}")


def main() -> None:
    """Measure pages, then what the index takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small dataset")
    count = 50_000 if parser.parse_args().quick else 1_000_000
    with tempfile.TemporaryDirectory() as place:
        root = make_workspace(Path(place) / "main")
        make(root / "source" / "companies.csv", count)
        whole = costs(lambda: run(Workspace(root), "companies"))
        version = versions.latest(Workspace(root), "companies")
        assert version is not None
        head("what it costs", "CPU s", "of a run without", "MB")
        for columns in ("town", "siren", "town, naf, siren"):
            made(root, version, columns, whole)
        head(f"the first {LIMIT} of {version.rows:,} rows × 12 columns", "CPU ms", "DuckDB, CPU ms", "×")
        dataset, rows = Workspace(root).datasets["companies"], Rows(version.parquet.parents[2])
        for names in (["siren"], ["town"], ["naf"], ["naf", "active"]):
            pages(rows, dataset, version, names)
        rows.close()


if __name__ == "__main__":
    main()
