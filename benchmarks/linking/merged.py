"""`python -m benchmarks.linking.merged [RESIDENTS]`: 122 registers of residents linked and merged in one run, with the truth.

The registers are those of `connectors.sandbox.towns`; 3,640 residents are 60 rows a register, 121,500 are 2,000. Tells CPU
seconds, the most memory that the process had, and how many persons were found just as they are.
"""

import argparse
import json
import resource
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow.parquet as pq

from connectors.sandbox import towns
from pipelines import versions
from pipelines.linking import files
from pipelines.run import run
from pipelines.workspace import Workspace

REFERENCE = Path(__file__).resolve().parents[2] / "datasets" / "reference"

COLUMNS = {
    "number": "NUMERO", "family_name": "NOM", "given_name": "PRENOMS", "sex": "SEXE", "birth_date": "NE_LE",
    "address": "ADRESSE", "postal_code": "CP", "city": "VILLE", "phone": "TELEPHONE", "status": "STATUT",
    "updated": "MAJ",
}  # fmt: skip

REST = """\
  primaryKey: person
link:
  person: {record: person, identity: [number], within_sources: false}
merge:
  default: first
  columns: {address: recent, postal_code: recent, city: recent, phone: recent, updated: recent, status: majority}
  recent: updated
"""


def workspace(folder: Path, codes: list[str]) -> Workspace:
    """Declare the registers, and the dataset that is made of them."""
    tables = "".join(f"      t{code}: {{file: residents/{code}.csv}}\n" for code in codes)
    (folder / "beffroi.yaml").write_text(
        "title: Benchmark\norganisations:\n  ville: {title: Ville}\nregistries:\n  towns:\n    kind: files\n"
        f"    path: registers\n    tables:\n{tables}",
        encoding="utf-8",
    )
    sources = "".join(f"  - {{name: '{code}', registry: towns, table: t{code}}}\n" for code in codes)
    dates = ("birth_date", "updated")
    columns = "".join(f"    - {{name: {name}, personal: true{', type: date' * (name in dates)}}}\n" for name in COLUMNS)
    clean = "".join(f"  {name}: {{from: {of}{', steps: [date]' * (name in dates)}}}\n" for name, of in COLUMNS.items())
    (folder / "datasets").mkdir()
    (folder / "datasets" / "residents.yaml").write_text(
        f"title: Residents\nowner: ville\naudience: owner\nsources:\n{sources}schema:\n  fields:\n"
        f"    - {{name: person, type: integer, personal: true}}\n{columns}{REST}clean:\n{clean}",
        encoding="utf-8",
    )
    return Workspace(folder)


def main() -> None:
    """Make the registers, run, and print what it took and what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("residents", nargs="?", type=int, default=3_640)
    residents = parser.parse_args().residents
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        made = towns.make(folder / "registers", REFERENCE, associations=0, residents=residents)["residents"]
        declared = workspace(folder, list(made.rows))
        began = _cpu()
        report = run(declared, "residents")
        took, megabytes = _cpu() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{report.rows_in:,} rows, {report.rows_out:,} persons, {report.conflicts:,} values in conflict")
        print(f"{took:.1f} s of CPU, {megabytes:,.0f} MB")
        newest = versions.newest(declared, "residents")
        if newest is not None:
            _judge(newest.folder, made.entities)


def _judge(folder: Path, entities: list[towns.Entity]) -> None:
    """Print how far clusters are what the truth has."""
    clusters = defaultdict[int, list[tuple[str, ...]]](list)
    for row in pq.read_table(files.of(folder, "person", "members.parquet")).to_pylist():
        clusters[row["cluster"]].append(tuple(json.loads(row["identity"])))
    who = {place: number for number, entity in enumerate(entities) for place in entity.rows}
    true = {frozenset(entity.rows) for entity in entities}
    linked = sum(_pairs(len(members)) for members in clusters.values())
    right = sum(
        _pairs(n) for members in clusters.values() for n in Counter(who[(m[0], m[1])] for m in members).values()
    )
    whole = sum(frozenset(members) in true for members in clusters.values())
    all_true = sum(_pairs(len(entity.rows)) for entity in entities)
    print(f"{whole / len(entities):.2%} of {len(entities):,} persons are just one row of just their records")
    print(f"{linked - right} of {linked:,} pairs false; {right / all_true:.2%} of all true pairs found")


def _pairs(members: int) -> int:
    return members * (members - 1) // 2


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
