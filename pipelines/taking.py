"""What a registry gives, taken to disk: batches as they come, and a file that must not change meanwhile."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.errors import Unreadable
from connectors.guard import ended
from connectors.registry import Stamp, stamped

RAW: dict[str, Any] = {"compression": "zstd", "use_dictionary": False, "write_statistics": False}
"""How a raw file is written: it is read once and whole, so that dictionaries and statistics cost more than they save."""


def write_batches(scan: pa.RecordBatchReader, part: Path) -> None:
    """Write batches to a Parquet file as they come. Raises what the scan raises."""
    with ended(scan):
        written(scan, scan.schema, part, RAW)


def written(groups: Iterable[pa.RecordBatch | pa.Table], schema: pa.Schema, part: Path, options: dict[str, Any]) -> int:
    """Write row groups to a Parquet file, each while the next is being read; return how many rows they have.

    Raises what `groups` raises, OSError, ArrowException.
    """
    rows, before = 0, None
    with pq.ParquetWriter(part, schema, **options) as writer, ThreadPoolExecutor(1, "beffroi-parquet") as thread:
        for group in groups:
            if before is not None:
                before.result()
            before, rows = thread.submit(writer.write, group), rows + len(group)
        if before is not None:
            before.result()
    return rows


@contextmanager
def unchanged(file: Path, registry: str, before: Stamp | None = None) -> Iterator[None]:
    """Hold that a file of `registry` is after the block what it was `before`: when it was judged, or now.

    Raises Unreadable.
    """
    before = before or stamped(file)
    failed = None
    try:
        yield
    except (duckdb.Error, OSError) as error:
        failed = error
    if not file.exists() or stamped(file) != before:
        raise Unreadable(f"a file of {registry} changed while it was read: run it again", registry=registry) from failed
    if failed is not None:
        raise failed
