"""`python -m benchmarks.linking.registers FOLDER [--rows N] [--seed N] [--show]`: synthetic registers of persons, with truth.

Writes `fr.parquet`, `es.parquet`, `eu.parquet`, `ka.parquet` and `mixed.parquet`: French, Spanish, Basque and Georgian
registers, and one of a French region where people of all four live. Column `entity` says who is who. The same rows and
seed give the same files.
"""

import argparse
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.linking import locales, people, records

ALL = ("fr", "es", "eu", "ka", "mixed")
MIXED = {"fr": 0.62, "es": 0.14, "eu": 0.14, "ka": 0.10}
SEED = 1871


def register(name: str, rows: int, seed: int = SEED) -> pa.Table:
    """Return a register of so many records: fr, es, eu, ka or mixed."""
    chance = np.random.default_rng([seed, ALL.index(name), rows])
    shares = MIXED if name == "mixed" else {name: 1.0}
    known = {code: locales.locale(code) for code in shares}
    needed = int(rows / records.MEAN * 1.02) + 60
    parts = [
        people.population(known[code], int(needed * share) + 1, chance, known["fr"] if name == "mixed" else None)
        for code, share in shares.items()
    ]
    return records.of(people.together(parts, chance), rows, known, chance, mixed=name == "mixed")


def make(name: str, rows: int, folder: Path, seed: int = SEED) -> Path:
    """Return the file of a register, made if it is not there."""
    file = folder / f"{name}-{rows}-{seed}.parquet"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(register(name, rows, seed), file.with_suffix(".new"))
        file.with_suffix(".new").replace(file)
    return file


def frozen(rows: int = 2_000) -> str:
    """Return the digest of what is made: of so many rows of each register."""
    every = hashlib.sha256()
    for name in ALL:
        every.update(json.dumps(register(name, rows).to_pylist(), ensure_ascii=False, sort_keys=True).encode())
    return every.hexdigest()


def show(table: pa.Table, entities: int = 6) -> None:
    """Print the records of a few persons who have several."""
    known = dict[str, list[dict[str, str | None]]]()
    for row in table.slice(0, 20_000).to_pylist():
        known.setdefault(row["entity"], []).append(row)
    for rows in [each for each in known.values() if len(each) > 2][:entities]:
        for row in rows:
            print(" | ".join("" if row[name] is None else str(row[name]) for name in records.COLUMNS[1:]))
        print()


def main() -> None:
    """Make the registers; show some of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--show", action="store_true")
    asked = parser.parse_args()
    print("frozen:", frozen())
    for name in ALL:
        clock = time.monotonic()
        if asked.folder:
            print(make(name, asked.rows, asked.folder, asked.seed), f"{time.monotonic() - clock:.1f} s")
        if asked.show:
            print(f"--- {name}")
            show(register(name, min(asked.rows, 20_000), asked.seed))


if __name__ == "__main__":
    main()
