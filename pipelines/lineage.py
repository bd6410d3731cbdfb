"""What is told of the rows of a run beside its table: where each came from, which were merged away, which refused.

All are Parquet files in the folder of the version, each whole or not there.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from connectors.errors import RunFailed
from pipelines import merge
from pipelines.compare import LINES
from pipelines.declarations import Dataset
from pipelines.judge import JUDGED, PLACE, RAW, ROWS, SOURCE, Judged
from pipelines.rules import MERGED, WIDTH, Rule, mask
from pipelines.sql import quote
from pipelines.whole import whole_file

CONFLICTS = "beffroi_conflicts"
"""The table of the values that were not kept."""

MOST = 50
"""Pairs of sources, by column, of which a report tells that one has other values than the other."""

CORRECTED = "beffroi_corrected"
"""The table of the rows that were judged as a person corrected them: source, place and digest of each."""

PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
"""How the engine writes the Parquet files of a run: at its lowest level zstd takes the time of snappy, and half the room."""


INPUTS = "beffroi_inputs"
"""Under this key each of the files tells of what raw inputs it is: places in others are not its own."""

Sources = Sequence[Mapping[str, Any]]
"""What a report tells of the sources of its run."""


def written(connection: duckdb.DuckDBPyConnection, query: str, file: Path, sources: Sources) -> int:
    """Write what a query gives to a Parquet file, whole or not at all; return how many rows it has."""
    options = f"{PARQUET}, KV_METADATA {{{INPUTS}: {quote(_inputs(sources))}}}"
    with whole_file(file) as part:
        rows = connection.execute(f"COPY ({query}) TO {quote(str(part))} ({options})").fetchall()[0][0]
    return int(rows)


def is_of(file: Path, sources: Sources) -> bool:
    """Tell whether a file is of the inputs that the report beside it names; one that does not say it is.

    It is not while a run that finds the same rows elsewhere in its sources writes the files anew, or where that one was
    killed. Raises OSError, ArrowInvalid for what is no such file.
    """
    said = (pq.read_metadata(file).metadata or {}).get(INPUTS.encode())
    return said is None or said.decode() == _inputs(sources)


def _inputs(sources: Sources) -> str:
    return json.dumps([[each["raw"], each["version"], each.get("dialect")] for each in sources])


def counts(connection: duckdb.DuckDBPyConnection, judged: Judged) -> tuple[int, int, int, int]:
    """Return rows in, rows out, quarantined and merged, each counted by itself, and hold the sum. Raises RunFailed."""
    rows_in = sum(judged.counts)
    good, refused, merged = connection.execute(
        f"SELECT count(*) FILTER ({judged.rules.good}), count(*) FILTER ({judged.rules.refused}),"
        f" count(*) FILTER ({mask(0)} = {MERGED}) FROM {ROWS}"
    ).fetchall()[0]
    if rows_in != good + refused + merged:
        raise RunFailed(f"the sum does not hold: {rows_in} in, {good} out, {refused} refused, {merged} merged")
    return rows_in, int(good), int(refused), int(merged)


def by_source(connection: duckdb.DuckDBPyConnection, judged: Judged) -> list[tuple[int, int]]:
    """Return how many rows of each source were refused, and how many merged into others."""
    found = connection.execute(
        f"SELECT {SOURCE}, count(*) FILTER ({judged.rules.refused}), count(*) FILTER ({mask(0)} = {MERGED})"
        f" FROM {JUDGED} GROUP BY {SOURCE}"
    ).fetchall()
    counted = {int(source): (int(refused), int(merged)) for source, refused, merged in found}
    return [counted.get(source, (0, 0)) for source in range(len(judged.counts))]


def rules(connection: duckdb.DuckDBPyConnection, judged: Judged) -> list[dict[str, Any]]:
    """Return how many rows each rule refused, the most first."""
    masks = ", ".join(mask(number) for number in range(judged.rules.masks))
    found = connection.execute(
        f"SELECT count(*), {masks} FROM {ROWS} WHERE {judged.rules.refused} GROUP BY ALL"
    ).fetchall()
    counted = Counter[int]()
    for rows, *values in found:
        for bit in range(len(judged.rules.listed)):
            if values[bit // WIDTH] >> bit % WIDTH & 1:
                counted[bit] += rows
    return [_told(judged.rules.listed[bit], rows) for bit, rows in counted.most_common()]


def _told(rule: Rule, rows: int) -> dict[str, Any]:
    """Tell of a rule; why a row could not be taken as it came may name its place, and is told with the row only."""
    said = {"reason": rule.reason.en, "reason_fr": rule.reason.fr} if rule.column else {}
    return {"column": rule.column, "rule": rule.rule, "rows": rows} | said


def quarantine(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, judged: Judged, sources: Sources, folder: Path
) -> int:
    """Write the refused rows, each with its source, place, reasons and raw values; return how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    names = f"[{', '.join(quote(source.name) for source in dataset.inputs)}]"
    query = (
        f"SELECT {names}[{SOURCE} + 1] AS source, {PLACE} AS place, {judged.rules.told} AS failures, {RAW} AS raw"
        f" FROM {JUDGED} WHERE {judged.rules.refused} ORDER BY {SOURCE}, {PLACE}"
    )
    return written(connection, query, folder / "quarantine.parquet", sources)


def conflicts(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> int:
    """Make the table of the values that were not kept, since another row of their key has another; return how many."""
    query = f"CREATE TEMP TABLE {CONFLICTS} AS {merge.conflicts(dataset)}"
    return int(connection.execute(query).fetchall()[0][0])


def conflicts_by(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return how many values of which column were not kept, of which source, and whose was; the most first.

    Of many sources there are as many pairs as conflicts: `MOST` are told, and `differing` sums them all up.
    """
    names = ("column", "rule", "kept_source", "other_source")
    columns = ", ".join(f'"{name}"' for name in names)
    query = f"SELECT {columns}, count(*) FROM {CONFLICTS} GROUP BY ALL ORDER BY count(*) DESC, {columns} LIMIT {MOST}"
    found = connection.execute(query).fetchall()
    return [dict(zip((*names, "values"), row, strict=True)) for row in found]


def differing(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return in how many rows sources differ and in how many values, by column and by source; nothing without conflicts.

    Of a source `kept` are its values that others were not kept for, `other` those that were not kept, `columns` these
    by column.
    """
    ask = connection.execute
    columns = ask(
        f'SELECT "column", rule, count(DISTINCT key), count(*) FROM {CONFLICTS} GROUP BY ALL ORDER BY 4 DESC, 1'
    ).fetchall()
    if not columns:
        return {}
    (rows, pairs) = ask(
        f'SELECT count(DISTINCT key), count(DISTINCT ("column", kept_source, other_source)) FROM {CONFLICTS}'
    ).fetchall()[0]
    kept = dict(ask(f'SELECT kept_source, count(DISTINCT (key, "column")) FROM {CONFLICTS} GROUP BY ALL').fetchall())
    lost: dict[str, dict[str, int]] = {}
    query = f'SELECT other_source, "column", count(*) FROM {CONFLICTS} GROUP BY ALL ORDER BY 3 DESC, 2'
    for source, column, values in ask(query).fetchall():
        lost.setdefault(source, {})[column] = values
    sources = [
        {"source": name, "kept": kept.get(name, 0), "other": sum(lost.get(name, {}).values()), "columns": lost.get(name, {})}
        for name in sorted(kept.keys() | lost.keys())
    ]  # fmt: skip
    names = ("column", "rule", "rows", "values")
    return {
        "rows": rows, "pairs": pairs, "columns": [dict(zip(names, row, strict=True)) for row in columns],
        "sources": sorted(sources, key=lambda each: (-each["other"], each["source"])),
    }  # fmt: skip


def rows(connection: duckdb.DuckDBPyConnection, dataset: Dataset, sources: Sources, folder: Path) -> int:
    """Write where each row of the version came from, in their order, and what was merged; return how many were."""
    query = f"SELECT {SOURCE} AS source, {PLACE} AS place FROM {LINES}"
    written(connection, query, folder / "lineage.parquet", sources)
    written(connection, f"FROM {CORRECTED} ORDER BY source, place", folder / "corrected.parquet", sources)
    written(connection, f"FROM {CONFLICTS}", folder / "conflicts.parquet", sources)
    return written(connection, merge.duplicates(dataset), folder / "duplicates.parquet", sources)
