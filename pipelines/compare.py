"""A run against the version before it, by key: what came, what changed, what is gone.

Rows are compared by a 64-bit hash of all their values: those of the last version are kept beside it, so that a run
reads of it the keys of the rows alone that are not the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines import versions
from pipelines.declarations import Dataset
from pipelines.judge import JUDGED, PLACE, ROWS, SOURCE, Judged
from pipelines.sql import identifier, quote
from pipelines.versions import Version
from pipelines.whole import whole_file

LINES = "beffroi_lines"
"""Of each row of the version, in its order: where it is from, and its hash."""

CAME = "beffroi_came"
"""The positions in ROWS of the rows that are new or changed."""

GONE = "beffroi_gone"
"""The keys of the rows of the last version that are no more, or no more the same."""

HASHES = f"hashes-2-{duckdb.__version__}.parquet"
"""The file of a version's hashes: they are made in the second way of ours, and another engine may hash otherwise."""


@dataclass(frozen=True)
class Changes:
    """What a run changes. `by_row` tells whether CAME and GONE say it row by row."""

    new: bool
    added: int
    changed: int
    removed: int
    by_row: bool = False

    @property
    def counts(self) -> tuple[int, int, int]:
        """Return the rows added, changed and removed."""
        return self.added, self.changed, self.removed


def lines(connection: duckdb.DuckDBPyConnection, dataset: Dataset, judged: Judged, *, in_order: bool) -> None:
    """Make LINES. `in_order` tells that the rows stand in the order of the key already."""
    order = "" if in_order else by_key(dataset)
    connection.execute(
        f"CREATE TEMP TABLE {LINES} AS SELECT beffroi_row, {SOURCE}, {PLACE}, {row_hash(dataset)} AS beffroi_hash"
        f" FROM {JUDGED} WHERE {judged.rules.good} {order}"
    )


def by_key(dataset: Dataset) -> str:
    """Return SQL: in the order of the key, which every version has."""
    return f"ORDER BY {', '.join(map(identifier, dataset.key))}"


def row_hash(dataset: Dataset) -> str:
    """Return SQL for the hash of a row. The engine's own of no list, of an empty one and of [NULL] is the same."""
    values = []
    for column in dataset.columns:
        name = identifier(column.name)
        values += [name, f"{name} IS NULL", f"len({name})"] if column.type == "array" else [name]
    return f"hash({', '.join(values)})"


def compare(connection: duckdb.DuckDBPyConnection, dataset: Dataset, last: Version | None, rows: int) -> Changes:
    """Compare LINES, which has so many rows, with the last version; leaves CAME and GONE where they can be compared."""
    if last is None or not last.parquet.is_file():
        return Changes(True, rows, 0, 0)
    columns = ", ".join(identifier(column.name) for column in dataset.columns)
    before = f"read_parquet({quote(str(last.parquet))}, file_row_number = true)"
    tables = (f"SELECT {columns} FROM {ROWS}", f"SELECT * EXCLUDE (file_row_number) FROM {before}")
    described = [[each[:2] for each in connection.execute(f"DESCRIBE {table}").fetchall()] for table in tables]
    if last.key != dataset.key or described[0] != described[1]:
        both = [name for name, kind in described[0] if (name, kind) in described[1]]
        by_their_key = last.key == dataset.key and set(last.key) <= set(both)
        counts = _by_key(connection, dataset, both, before) if by_their_key else (rows, 0, last.rows)
        return Changes(True, *counts)
    hashes = _hashes(last, dataset, before)
    connection.execute(
        f"CREATE TEMP TABLE {CAME} AS SELECT beffroi_row FROM {LINES} ANTI JOIN {hashes} USING (beffroi_hash)"
    )
    gone = f"SELECT file_row_number FROM {hashes} ANTI JOIN {LINES} USING (beffroi_hash)"
    keys = ", ".join(map(identifier, dataset.key))
    connection.execute(f"CREATE TEMP TABLE {GONE} AS SELECT {keys} FROM {before} WHERE file_row_number IN ({gone})")
    came, left = (_count(connection, f"SELECT count(*) FROM {table}") for table in (CAME, GONE))
    changed = 0
    if came and left:
        new = f"(SELECT {keys} FROM {ROWS} WHERE rowid IN (FROM {CAME}))"
        changed = _count(connection, f"SELECT count(*) FROM {new} beffroi_new SEMI JOIN {GONE} USING ({keys})")
    new_version = came + left > 0 or last.declared != versions.declared(dataset)
    return Changes(new_version, came - changed, changed, left - changed, by_row=True)


def _by_key(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, both: Sequence[str], before: str
) -> tuple[int, int, int]:
    """Return the rows added, changed in the columns of `both`, and removed, where the columns are not all the same."""
    names = ", ".join(map(identifier, both))
    on = " AND ".join(f"beffroi_new.{name} = beffroi_old.{name}" for name in map(identifier, dataset.key))
    new = f"(SELECT {names} FROM {ROWS} WHERE rowid IN (SELECT beffroi_row FROM {LINES})) beffroi_new"
    first = identifier(dataset.key[0])
    added, removed, changed = connection.execute(
        f"SELECT count(*) FILTER (beffroi_old.{first} IS NULL), count(*) FILTER (beffroi_new.{first} IS NULL),"
        f" count(*) FILTER ({on} AND beffroi_new IS DISTINCT FROM beffroi_old)"
        f" FROM {new} FULL JOIN (SELECT {names} FROM {before}) beffroi_old ON {on}"
    ).fetchall()[0]
    return int(added), int(changed), int(removed)


def _hashes(last: Version, dataset: Dataset, before: str) -> str:
    """Return SQL for the hashes of the last version's rows, each with its position there."""
    kept = last.folder / HASHES
    if kept.is_file():
        return f"read_parquet({quote(str(kept))}, file_row_number = true)"
    return f"(SELECT {row_hash(dataset)} AS beffroi_hash, file_row_number FROM {before})"


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(connection.execute(query).fetchall()[0][0])


def keep(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Keep the hashes of the rows beside their version."""
    options = "FORMAT parquet, COMPRESSION uncompressed, DICTIONARY_SIZE_LIMIT 1"  # hashes look like noise
    with whole_file(folder / HASHES) as part:
        connection.execute(f"COPY (SELECT beffroi_hash FROM {LINES}) TO {quote(str(part))} ({options})")
