"""A CSV file read by the engine, as a run does it, to compare with our own reader."""

from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from connectors.registry import CsvFile


@cache
def database() -> duckdb.DuckDBPyConnection:
    """Return the one database of all comparisons: to make one costs more than to read a small file."""
    connection = duckdb.connect()
    connection.execute("SET enable_external_file_cache = false")  # files of one name are written anew at once
    return connection


def by_engine(scan: CsvFile) -> list[list[str | None]] | None:
    """Return the rows as DuckDB reads them; None where it refuses the file."""
    connection, columns = database(), {f"c{place}": "VARCHAR" for place in range(len(scan.columns))}
    try:
        found = connection.execute(
            "FROM read_csv(?, auto_detect = false, header = false, skip = ?, columns = ?, delim = ?, quote = ?,"
            " escape = ?, strict_mode = true, nullstr = '', compression = 'none')",
            [str(scan.path), scan.skip, columns, scan.delimiter, scan.quote, scan.quote],
        ).fetchall()
    except duckdb.InvalidInputException:
        return None
    return [list(row) for row in found]


def cells(batches: pa.RecordBatchReader) -> list[list[Any]]:
    """Return rows as lists, their FAULT last."""
    with batches:
        table = batches.read_all()
    columns = [column.to_pylist() for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]
