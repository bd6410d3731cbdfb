"""What becomes of the last version when rows came: which of its rows stay, and where those that came stand among them.

Only keys, positions and the rows that came are looked at; nothing is written.
"""

import bisect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import compare
from pipelines.compare import Changes
from pipelines.declarations import Dataset
from pipelines.increment.may import Since
from pipelines.judge import JUDGED, PLACE, RAW, Judged
from pipelines.profile import sampled
from pipelines.sql import DUCKDB, identifier, quote

Numbers = npt.NDArray[np.int64]

KEYS = "beffroi_keys"
"""The place of each row that came, and its key as a version has it."""

LOOKED = "beffroi_looked"
"""Keys and positions of the rows of the last version that others came in the stead of, and of those that may be sampled."""

STOOD = "beffroi_stood"
"""The place of each row that came in the stead of one of the last version, and the position of that one."""

GOOD = "beffroi_good"
"""The rows that came and are good, with their places."""

REFUSED = "beffroi_refused"
"""The quarantine, as its file has it."""


@dataclass(frozen=True)
class Plan:
    """The rows of the new version in their order: below `size` those of the last one, from there on those that came.

    `anchors` says of each by which row of the last version it stands, and never falls. `good` are the rows that came, in
    the order of the key, with their place and hash. `hashes` are those of the last version's rows.
    """

    size: int
    order: Numbers
    anchors: Numbers
    good: pa.Table
    hashes: npt.NDArray[np.uint64]


def plan(cursor: duckdb.DuckDBPyConnection, dataset: Dataset, since: Since, judged: Judged) -> tuple[Plan, Changes]:
    """Return what becomes of the last version, and what that changes; leaves KEYS, LOOKED, STOOD and GOOD."""
    last, size = since.last, since.last.rows
    types = {column.name: DUCKDB[column.type] for column in dataset.columns}
    named = (f"CAST({identifier(b)} AS {types[a]}) AS {identifier(a)}" for a, b in since.key.items())
    cursor.execute(
        f"CREATE TEMP TABLE {KEYS} AS SELECT {PLACE}, {', '.join(named)} FROM {since.came.raw.relation(PLACE)}"
    )
    keys = ", ".join(map(identifier, dataset.key))
    one = keys if len(dataset.key) == 1 else f"({keys})"
    some = sampled(dataset, max(0, size - judged.counts[0]))  # at least those that are in the new version's sample
    cursor.execute(
        f"CREATE TEMP TABLE {LOOKED} AS SELECT {keys}, file_row_number AS beffroi_at"
        f" FROM read_parquet({quote(str(last.parquet))}, file_row_number = true)"
        f" WHERE {some} OR {one} IN (SELECT {one} FROM {KEYS})"
    )
    cursor.execute(f"CREATE TEMP TABLE {STOOD} AS SELECT {PLACE}, beffroi_at FROM {LOOKED} JOIN {KEYS} USING ({keys})")
    columns = ", ".join(identifier(column.name) for column in dataset.columns)
    cursor.execute(
        f"CREATE TEMP TABLE {GOOD} AS SELECT {columns}, {PLACE}, {compare.row_hash(dataset)} AS beffroi_hash, beffroi_at"
        f" FROM (FROM {JUDGED} WHERE {judged.rules.good}) beffroi_came LEFT JOIN {STOOD} USING ({PLACE})"
        f" ORDER BY {keys}"
    )
    good: pa.Table = cursor.sql(f"FROM {GOOD} ORDER BY {keys}").to_arrow_table()
    stood: pa.Table = cursor.sql(f"FROM {STOOD}").to_arrow_table()
    gone = stood["beffroi_at"].to_numpy()
    stay = np.ones(size, dtype=bool)
    stay[gone] = False
    kept = np.flatnonzero(stay)
    at = _anchored(last.parquet, dataset, good)
    where = np.searchsorted(kept, at)
    order = np.insert(kept, where, size + np.arange(len(good)))
    hashes = column(last.folder / compare.HASHES, "beffroi_hash")
    return Plan(size, order, np.insert(kept, where, at), good, hashes), _changes(hashes, good, at, len(gone))


def column(file: Path, name: str) -> npt.NDArray[Any]:
    """Return a column of numbers of a Parquet file, none of which is missing. Raises OSError, ArrowException."""
    with pq.ParquetFile(file) as read:
        found: npt.NDArray[Any] = read.read([name])[name].to_numpy()
    return found


def _changes(hashes: npt.NDArray[np.uint64], good: pa.Table, at: Numbers, gone: int) -> Changes:
    """Count what changes: rows are the same where their hashes are."""
    there = good["beffroi_at"].is_valid().to_numpy()
    changed = int(np.count_nonzero(hashes[at[there]] != good["beffroi_hash"].to_numpy()[there]))
    stood = int(np.count_nonzero(there))
    counts = len(good) - stood, changed, gone - stood
    return Changes(any(counts), *counts, by_row=True)


def _anchored(parquet: Path, dataset: Dataset, good: pa.Table) -> Numbers:
    """Return of each good row that came by which row of the last version it stands: its own, or the first above it."""
    at: Numbers = good["beffroi_at"].fill_null(-1).to_numpy().astype(np.int64)
    new = np.flatnonzero(at < 0)
    if len(new):
        came = good.select(list(dataset.key)).take(pa.array(new)).to_pylist()
        at[new] = _first_above(parquet, dataset.key, [tuple(row[name] for name in dataset.key) for row in came])
    return at


def _first_above(parquet: Path, key: tuple[str, ...], wanted: list[tuple[Any, ...]]) -> list[int]:
    """Return the position of the first row above each of the keys `wanted`, which rise; one row group is read at a time."""
    found, start = list[int](), 0
    with pq.ParquetFile(parquet) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, list(key))
            columns = [table[name].combine_chunks() for name in key]

            def of(row: int, columns: list[pa.Array] = columns) -> tuple[Any, ...]:
                return tuple(column[row].as_py() for column in columns)

            rows = range(len(table))
            while len(found) < len(wanted) and wanted[len(found)] < of(rows[-1]):
                found.append(start + bisect.bisect(rows, wanted[len(found)], key=of))
            start += len(rows)
    return found + [start] * (len(wanted) - len(found))


def refused(cursor: duckdb.DuckDBPyConnection, dataset: Dataset, since: Since, judged: Judged) -> tuple[int, int]:
    """Make REFUSED: the last version's quarantine without the rows that others were put over, and those that came.

    Return how many there are, and how many raw rows others were put over: each of them was a row of the last version
    (STOOD), or is told in its quarantine as the source has it, by which its key is known.
    """
    names = [identifier(f"beffroi_key_{number}") for number in range(len(since.key))]
    told = (f"json_extract_string(raw, {quote(_pointer(name))})" for name in since.key.values())
    came = (f"CAST({identifier(name)} AS VARCHAR)" for name in since.key.values())
    said, texts = (
        ", ".join(f"{sql} AS {name}" for sql, name in zip(each, names, strict=True)) for each in (told, came)
    )
    file = since.last.folder / "quarantine.parquet"
    cursor.execute(
        f"CREATE TEMP TABLE {REFUSED} AS SELECT source, place, failures, raw FROM"
        f" (SELECT *, {said} FROM read_parquet({quote(str(file))})) beffroi_before"
        f" ANTI JOIN (SELECT {texts} FROM {since.came.raw.relation(None)}) beffroi_came USING ({', '.join(names)})"
    )
    counting = f"SELECT (SELECT count(*) FROM {REFUSED}), (SELECT count(*) FROM {STOOD})"
    left, stood = cursor.execute(counting).fetchall()[0]
    source = quote(dataset.inputs[0].name)
    cursor.execute(
        f"INSERT INTO {REFUSED} SELECT {source}, {PLACE}, {judged.rules.told}, {RAW} FROM {JUDGED}"
        f" WHERE {judged.rules.refused}"
    )
    counted = cursor.execute(f"SELECT count(*) FROM {REFUSED}").fetchall()[0][0]
    return int(counted), int(stood) + pq.read_metadata(file).num_rows - int(left)


def _pointer(name: str) -> str:
    """Return where a column stands in a row as JSON: a JSON Pointer (RFC 6901, section 3)."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def rules(cursor: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return how many rows each rule refused, the most first, as a report tells it."""
    told = "CASE WHEN f.\"column\" <> '' THEN f.reason END, CASE WHEN f.\"column\" <> '' THEN f.reason_fr END"
    found = cursor.execute(
        f'SELECT f."column", f.rule, {told}, count(*) AS n FROM (SELECT unnest(failures) AS f FROM {REFUSED})'
        " GROUP BY ALL ORDER BY n DESC, 1, 2, 3"
    ).fetchall()
    names = ("column", "rule", "rows")
    return [
        dict(zip(names, (column, rule, rows), strict=True)) | ({"reason": en, "reason_fr": fr} if column else {})
        for column, rule, en, fr, rows in found
    ]
