"""`python -m benchmarks.linking.joined [--rows N] [--data FOLDER]`: a whole run of a linked register, and one after 10,000 came.

All that `beffroi run` does is in it: a CSV is read and judged, its records are linked, every file of the version and of the
link is written. Each run is a process of its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from benchmarks.linking import registers
from benchmarks.linking.cases import OURS, ROOT
from benchmarks.linking.speed import NEW
from pipelines.run import run
from pipelines.workspace import Workspace


def workspace(folder: Path, columns: list[str]) -> None:
    """Declare a register of persons in a CSV, and the dataset that is made of it."""
    (folder / "beffroi.yaml").write_text(
        "title: Benchmark\norganisations:\n  ville: {title: Ville}\nregistries:\n  hall:\n    kind: files\n    path: .\n"
        "    tables:\n      persons: {file: persons.csv}\n",
        encoding="utf-8",
    )
    fields = "".join(f"    - {{name: {name}, personal: true}}\n" for name in columns)
    there = {field: name for field, names in OURS.items() for name in names if name in columns and field != name}
    (folder / "datasets").mkdir()
    (folder / "datasets" / "persons.yaml").write_text(
        "title: Persons\nowner: ville\naudience: owner\nsource: {registry: hall, table: persons}\nschema:\n  fields:\n"
        f"    - {{name: person, type: integer, personal: indirect}}\n{fields}  primaryKey: id\n"
        f"link:\n  person: {{record: person, fields: {{{', '.join(f'{a}: {b}' for a, b in there.items())}}}}}\n",
        encoding="utf-8",
    )


def child(folder: Path) -> None:
    """Run the dataset and print, as JSON, what that took."""
    began = time.monotonic()
    report = run(Workspace(folder), "persons")
    used = resource.getrusage(resource.RUSAGE_SELF)
    took = {"wall": time.monotonic() - began, "cpu": used.ru_utime + used.ru_stime, "mb": used.ru_maxrss / 1024}
    print(json.dumps(took | {"rows": report.rows_out, "new": report.links["person"]["records_new"]}))


def main() -> None:
    """Make a register, run it whole but for the last records, then with them, and print what each run took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path, default=Path(".beffroi/benchmarks/linking"))
    parser.add_argument("--seed", type=int, default=1871)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        child(given.child)
        return
    file = registers.make("fr", given.rows, given.data / "registers", given.seed)
    with tempfile.TemporaryDirectory() as temporary, duckdb.connect() as connection:
        folder = Path(temporary)
        persons = connection.sql(f"SELECT * EXCLUDE (entity) FROM '{file}' ORDER BY id")
        workspace(folder, persons.columns)
        whole, told = dict[str, float](), dict[str, float]()
        for rows in (given.rows - NEW, given.rows):
            persons.limit(rows).write_csv(str(folder / "persons.csv"))
            command = [sys.executable, "-m", "benchmarks.linking.joined", "--child", str(folder)]
            done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
            told = json.loads(done.stdout.splitlines()[-1])
            took = f"{told['wall']:.1f} s, {told['cpu']:.1f} s of CPU, {told['mb']:,.0f} MB"
            print(f"{told['rows']:,} rows, {told['new']:,} new: {took}", flush=True)
            whole = whole or told
    wall, cpu = (told[key] / whole[key] for key in ("wall", "cpu"))
    print(f"joining took {wall:.1%} of the whole's time, {cpu:.1%} of its CPU")


if __name__ == "__main__":
    main()
