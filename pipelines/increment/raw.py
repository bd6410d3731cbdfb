"""Raw inputs of a table that is asked for what changed only: the first file, and those of what came over it since.

Nothing is written anew for a few rows: they are a file of their own, put over the ones before by the key of the
increment. When such rows are many, or in many files, all is brought into one file again.
"""

from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from connectors.errors import Unreadable
from connectors.registry import Increment
from pipelines import raw as raws
from pipelines.raw import Raw
from pipelines.sql import identifier, quote
from pipelines.whole import whole_file

SHARE = 0.2
"""Rows that may be put over the first file's, as a share of them."""

FILES = 30
"""Files that may be put over the first one."""

LOOKED_THROUGH = 1_000
"""Rows of which each is compared with the one it replaces: what came again as it was is not kept again."""


def kept(
    connection: duckdb.DuckDBPyConnection, folder: Path, before: Raw | None, part: Path, increment: Increment,
    said: tuple[str, str, str],
) -> Raw:  # fmt: skip
    """Keep the rows in `part`: put over those of `before`, or by themselves.

    `said` are the names of source and registry, and the stamp. Raises Unreadable where the columns are not the same.
    """
    source, registry, stamp = said
    if before is not None:
        _same_columns(connection, before, part, registry)
        alone = _each_alone(connection, part, increment)
        if alone and (rows := pq.read_metadata(part).num_rows) <= LOOKED_THROUGH:
            if rows and _without_same(connection, before, part, increment):
                rows = pq.read_metadata(part).num_rows
            if not rows:
                return before
        first = pq.read_metadata(before.path).num_rows
        start = before.starts[-1] + _rows(before.files[-1]) if before.changes else first
        if alone and start - first + rows <= SHARE * first and len(before.changes) < FILES:
            after = _greatest(connection, part, increment, before.after)
            change = raws.settle(folder, source, part, raws.digest_of(part))
            changes, starts = (*before.changes, change.sha256 or ""), (*before.starts, start)
            return raws.chained(
                replace(before, after=after, stamp=stamp, changes=changes, starts=starts, key=increment.key)
            )
        _put_over(connection, before, part, increment)
    after = _greatest(connection, part, increment, None)
    return raws.settle(folder, source, part, raws.digest_of(part), after=after, stamp=stamp)


def _rows(file: Path) -> int:
    return int(pq.read_metadata(file).num_rows)


def _same_columns(connection: duckdb.DuckDBPyConnection, before: Raw, part: Path, registry: str) -> None:
    """Hold that rows that came have the columns of those before. Raises Unreadable."""
    files = (f"read_parquet({quote(str(file))})" for file in (before.path, part))
    described = [connection.execute(f"DESCRIBE FROM {file}").fetchall() for file in files]
    if [row[:2] for row in described[0]] != [row[:2] for row in described[1]]:
        raise Unreadable(
            f"{registry} has other columns than when it was last read: `beffroi run --full` reads it whole",
            registry=registry,
        )


def _each_alone(connection: duckdb.DuckDBPyConnection, part: Path, increment: Increment) -> bool:
    """Tell whether each row that came has a key, and one of its own."""
    keys = [identifier(name) for name in increment.key]
    keyless = " OR ".join(f"{name} IS NULL" for name in keys)
    asked = f"SELECT count(*) FROM (SELECT count(*) AS n, bool_or({keyless}) AS keyless FROM"
    asked += f" read_parquet({quote(str(part))}) GROUP BY {', '.join(keys)}) WHERE n > 1 OR keyless"
    return connection.execute(asked).fetchall() == [(0,)]


def _without_same(connection: duckdb.DuckDBPyConnection, before: Raw, part: Path, increment: Increment) -> bool:
    """Leave out of `part` the rows that are as they were; tell whether there were any."""
    keys = ", ".join(identifier(name) for name in increment.key)
    new = f"read_parquet({quote(str(part))})"
    both = f"((SELECT {keys}, beffroi_old FROM {before.relation(None)} beffroi_old) JOIN"
    both += f" (SELECT {keys}, beffroi_new FROM {new} beffroi_new) USING ({keys}))"
    alike = "count(*) = 1 AND bool_and(beffroi_old IS NOT DISTINCT FROM beffroi_new)"
    same = f"(SELECT {keys} FROM {both} GROUP BY {keys} HAVING {alike})"
    if connection.execute(f"SELECT count(*) FROM {same}").fetchall() == [(0,)]:
        return False
    _rewritten(connection, f"FROM {new} ANTI JOIN {same} USING ({keys})", part)
    return True


def _put_over(connection: duckdb.DuckDBPyConnection, before: Raw, part: Path, increment: Increment) -> None:
    """Replace `part` by the rows of `before` whose key did not come anew, and those that came."""
    old, new = before.relation(None), f"read_parquet({quote(str(part))})"
    key = " AND ".join(f"beffroi_old.{identifier(name)} = beffroi_new.{identifier(name)}" for name in increment.key)
    keyless = " OR ".join(f"beffroi_old.{identifier(name)} IS NULL" for name in increment.key)
    query = (  # a row without a key replaces none, and comes again as it was
        f"SELECT * FROM {old} beffroi_old WHERE NOT EXISTS (FROM {new} beffroi_new WHERE {key})"
        f" AND NOT (({keyless}) AND EXISTS (FROM {new} beffroi_new WHERE beffroi_new IS NOT DISTINCT FROM beffroi_old)) UNION ALL FROM {new}"
    )
    _rewritten(connection, query, part)


def _rewritten(connection: duckdb.DuckDBPyConnection, query: str, part: Path) -> None:
    with whole_file(part) as whole:
        connection.execute(f"COPY ({query}) TO {quote(str(whole))} (FORMAT parquet, COMPRESSION zstd)")


def _greatest(
    connection: duckdb.DuckDBPyConnection, part: Path, increment: Increment, before: str | None
) -> str | None:
    """Return the greatest value of the watermark in `part` and `before`, as text: from there the next run goes on."""
    column, file = identifier(increment.column), f"read_parquet({quote(str(part))})"
    values = f"SELECT {column} AS v FROM {file}"
    if before is not None:
        kind = connection.execute(f"DESCRIBE SELECT {column} FROM {file}").fetchall()[0][1]
        values += f" UNION ALL SELECT CAST({quote(before)} AS {kind})"
    query = f"SELECT max(v) FILTER (lower(CAST(v AS VARCHAR)) NOT IN ('nan', 'infinity')) FROM ({values})"
    after = connection.execute(f"SELECT CAST(({query}) AS VARCHAR)").fetchall()
    return None if after[0][0] is None else str(after[0][0])
