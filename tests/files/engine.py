"""A CSV file read by the engine, as a run does it, to compare with our own reader."""

from typing import Any

import duckdb
import pyarrow as pa

from connectors.registry import CsvFile


def by_engine(scan: CsvFile) -> list[list[str | None]] | None:
    """Return the rows as DuckDB reads them; None where it refuses the file."""
    connection = duckdb.connect()
    columns = {f"c{place}": "VARCHAR" for place in range(len(scan.columns))}
    try:
        found = connection.execute(
            "FROM read_csv(?, auto_detect = false, header = false, skip = ?, columns = ?, delim = ?, quote = ?,"
            " escape = ?, strict_mode = true, nullstr = '', compression = 'none')",
            [str(scan.path), scan.skip, columns, scan.delimiter, scan.quote, scan.quote],
        ).fetchall()
    except duckdb.InvalidInputException:
        return None
    finally:
        connection.close()
    return [list(row) for row in found]


def cells(batches: pa.RecordBatchReader) -> list[list[Any]]:
    """Return rows as lists, their FAULT last."""
    with batches:
        table = batches.read_all()
    columns = [column.to_pylist() for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]
