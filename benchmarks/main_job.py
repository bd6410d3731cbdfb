"""What the main job costs, side by side with what a user would take instead, in one run.

`python -m benchmarks.main_job` prints a Markdown table. Each row has the median of several turns of ours and of the
other, taken in alternation, and their ratio. CPU seconds are this process's own; the sandbox's servers are others.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import zeep

from connectors import sandbox
from connectors.deadline import Deadline
from pipelines import index, versions
from pipelines.run import run
from pipelines.workspace import Workspace

ROOT = Path(__file__).parents[1]
TURNS = 5
CALLS = 300


def main() -> None:
    """Run every comparison on a workspace of its own, and print the table."""
    with tempfile.TemporaryDirectory(prefix="beffroi-bench-") as folder:
        root = Path(folder)
        for name in ("beffroi.yaml", "datasets"):
            (root / name).symlink_to(ROOT / name)
        sandbox.start(root, tied=True)
        try:
            workspace = Workspace(root)
            for name in ("communes", "commune_parts"):
                run(workspace, name)
            print("| job | ours | instead | ratio |\n|---|---|---|---|")
            postal_codes(workspace)
            soap(workspace)
            one_row(workspace)
        finally:
            sandbox.stop(root)


def compare(job: str, ours: Callable[[], object], other: str, theirs: Callable[[], object], times: int = 1) -> None:
    """Print a row: median CPU milliseconds of one `ours` and one `theirs`, taken in turn, after a warm-up."""
    spent: tuple[list[float], list[float]] = ([], [])
    for turn in range(TURNS + 1):
        for position, work in enumerate((ours, theirs)):
            started = time.process_time()
            for _ in range(times):
                work()
            if turn:
                spent[position].append((time.process_time() - started) / times * 1000)
    mine, its = (statistics.median(each) for each in spent)
    print(f"| {job} | {mine:.3g} ms | {other}: {its:.3g} ms | {mine / its:.3g} |", flush=True)


def postal_codes(workspace: Workspace) -> None:
    """Clean, check, link and commit 35,684 rows, each time as a new version, against a plain copy of the file."""
    source = ROOT / "datasets" / "reference" / "postal_codes.parquet"
    table = versions.table_folder(workspace, "postal_codes")

    def ours() -> None:
        for log in table.glob("_delta_log/*"):  # so that every run has all of it to do
            log.unlink()
        run(workspace, "postal_codes")

    def copy() -> None:
        with duckdb.connect() as connection:
            connection.execute(
                f"COPY (FROM '{source}') TO '{table.parent}/copy.parquet' (FORMAT parquet, COMPRESSION zstd)"
            )

    compare(
        "postal_codes: a run that makes a version (Parquet, CSV, key index, quarantine)", ours, "DuckDB `COPY`", copy
    )


def soap(workspace: Workspace) -> None:
    """One person over SOAP, validated and typed, against zeep's own client on the same server."""
    nir = pq.read_table(ROOT / "datasets/reference/persons.parquet", columns=["nir"])["nir"][0].as_py()
    civil = workspace.registries["civil"]
    client = zeep.Client(sandbox.address(workspace.root, "civil") + "?wsdl")  # type: ignore[no-untyped-call]
    compare(
        "one person over SOAP, answer validated",
        lambda: civil.lookup(nir, Deadline.after(5)),
        "zeep's client, not validated",
        lambda: client.service.GetPerson(nir=nir),
        CALLS,
    )


def one_row(workspace: Workspace) -> None:
    """One row by its key from the version's index, against the engine on the same Parquet file."""
    version = versions.latest(workspace, "communes")
    assert version is not None
    with duckdb.connect() as connection:
        compare(
            "one commune by its code, from the version's index",
            lambda: index.row(version, "80021"),
            "DuckDB on the Parquet file",
            lambda: connection.execute(f"FROM '{version.parquet}' WHERE code = '80021'").fetchall(),
            CALLS,
        )


if __name__ == "__main__":
    main()
