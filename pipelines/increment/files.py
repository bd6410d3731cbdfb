"""The files of a version that is the last one with some rows changed: what is the same is taken over as it stands."""

import mmap
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import compare, lineage
from pipelines.declarations import Dataset
from pipelines.increment.plan import GOOD, REFUSED, Numbers, Plan
from pipelines.sql import identifier, quote
from pipelines.versions import Version
from pipelines.whole import whole_file

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
    places = pq.read_table(last.folder / "lineage.parquet")["place"].to_numpy()
    place = np.concatenate([places, plan.good["beffroi_place"].to_numpy()])[plan.order]
    cursor.register(PLACES, pa.table({"source": np.zeros(len(place), dtype=np.uint16), "place": place}))
    lineage.written(cursor, f"FROM {PLACES}", folder / "lineage.parquet", sources)
    cursor.unregister(PLACES)
    for name in NONE:
        query = f"FROM read_parquet({quote(str(last.folder / name))})"
        lineage.written(cursor, query, folder / name, sources)
    if folder != last.folder:
        hashes = pq.read_table(last.folder / compare.HASHES)["beffroi_hash"].to_numpy()
        kept = np.concatenate([hashes, plan.good["beffroi_hash"].to_numpy()])[plan.order]
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
        with last.csv.open("rb") as old, came.open("rb") as new, file.open("wb", buffering=1 << 20) as out:
            out.write(old.read(int(lines[0][1])))
            mapped = [memoryview(mmap.mmap(each.fileno(), 0, access=mmap.ACCESS_READ)) for each in (old, new)]
            for which, first, after in _runs(plan):
                out.write(mapped[which][int(lines[which][first + 1]) : int(lines[which][after + 1])])
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


def _runs(plan: Plan) -> Iterator[tuple[int, int, int]]:
    """Yield the rows that stand together in the last version (0) or among those that came (1): first, and after last."""
    came = plan.order >= plan.size
    rows = np.where(came, plan.order - plan.size, plan.order)
    breaks = np.flatnonzero((np.diff(rows) != 1) | (np.diff(came.astype(np.int8)) != 0)) + 1
    for first, after in zip([0, *breaks.tolist()], [*breaks.tolist(), len(rows)], strict=True):
        yield int(came[first]), int(rows[first]), int(rows[first]) + after - first
