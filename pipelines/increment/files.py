"""The files of a version that is the last one with some rows changed: what is the same is taken over as it stands."""

import mmap
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import compare, lineage
from pipelines.declarations import Dataset
from pipelines.increment.plan import GOOD, REFUSED, Numbers, Plan, column
from pipelines.sql import identifier, quote
from pipelines.versions import Version
from pipelines.whole import through, whole_file

CHUNK = 1 << 18
"""Bytes of a CSV that are looked through at a time: so many stay in the processor's cache."""

NONE = ("duplicates.parquet", "conflicts.parquet", "corrected.parquet")
"""Evidence of which there is none, in the last version as in this one."""

PLACES = "beffroi_places"
"""Where each row of the version is from."""


# --- evidence --------------------------------------------------------------------------------------------------------


def evidence(
    cursor: duckdb.DuckDBPyConnection, last: Version, plan: Plan, sources: lineage.Sources, folder: Path
) -> int:
    """Write where each row is from, its hash, and the rows that are refused; return how many of these there are."""
    places = column(last.folder / "lineage.parquet", "place")
    place = np.concatenate([places, plan.good["beffroi_place"].to_numpy()])[plan.order]
    cursor.register(PLACES, pa.table({"source": np.zeros(len(place), dtype=np.uint16), "place": place}))
    lineage.written(cursor, f"FROM {PLACES}", folder / "lineage.parquet", sources)
    cursor.unregister(PLACES)
    for name in NONE:
        query = f"FROM read_parquet({quote(str(last.folder / name))})"
        lineage.written(cursor, query, folder / name, sources)
    if folder != last.folder:
        kept = np.concatenate([plan.hashes, plan.good["beffroi_hash"].to_numpy()])[plan.order]
        with whole_file(folder / compare.HASHES) as part:
            pq.write_table(pa.table({"beffroi_hash": kept}), part, compression="none", use_dictionary=False)
    return lineage.written(cursor, f"FROM {REFUSED} ORDER BY source, place", folder / "quarantine.parquet", sources)


# --- the CSV ---------------------------------------------------------------------------------------------------------


def csv(cursor: duckdb.DuckDBPyConnection, dataset: Dataset, last: Version, plan: Plan, file: Path) -> bool:
    """Write the CSV of the rows, line by line from the last one's; False, and nothing, where a row is not one line."""
    came = file.with_suffix(".came.part")
    columns, keys = (", ".join(map(identifier, names)) for names in ([c.name for c in dataset.columns], dataset.key))
    try:
        query = f"SELECT {columns} FROM {GOOD} ORDER BY {keys}"
        cursor.execute(f"COPY ({query}) TO {quote(str(came))} (FORMAT csv, HEADER)")
        lines = [_lines(each) for each in (last.csv, came)]
        if [len(each) for each in lines] != [plan.size + 2, len(plan.good) + 2]:
            return False
        with last.csv.open("rb") as old, came.open("rb") as new:
            mapped = [memoryview(mmap.mmap(each.fileno(), 0, access=mmap.ACCESS_READ)) for each in (old, new)]
            head = mapped[0][: lines[0][1]]
            through(file, chain([head], (mapped[which][start:end] for which, start, end in _pieces(plan, lines))))
    finally:
        came.unlink(missing_ok=True)
    return True


def _lines(file: Path) -> Numbers:
    """Return where each line of a file begins, and where the last one ends."""
    found, start = [np.zeros(1, dtype=np.int64)], 0
    with file.open("rb") as read:
        while chunk := read.read(CHUNK):
            found.append(np.flatnonzero(np.frombuffer(chunk, dtype=np.uint8) == ord("\n")) + start + 1)
            start += len(chunk)
    return np.concatenate(found)


def _pieces(plan: Plan, lines: Sequence[Numbers]) -> Iterator[tuple[int, int, int]]:
    """Yield the lines of rows that stand together, in the last version's file (0) or that of those that came (1).

    `lines` say of each file where its lines begin, and where the last one ends; the first is its head.
    """
    came = plan.order >= plan.size
    rows = np.where(came, plan.order - plan.size, plan.order)
    breaks = np.flatnonzero((np.diff(rows) != 1) | (came[1:] != came[:-1])) + 1
    first, last = np.concatenate([[0], breaks]), np.concatenate([breaks, [len(rows)]]) - 1
    which, start, end = came[first], np.empty(len(first), dtype=np.int64), np.empty(len(first), dtype=np.int64)
    for number, begins in enumerate(lines):
        theirs = which == number
        start[theirs], end[theirs] = begins[rows[first[theirs]] + 1], begins[rows[last[theirs]] + 2]
    yield from zip(which.tolist(), start.tolist(), end.tolist(), strict=True)
