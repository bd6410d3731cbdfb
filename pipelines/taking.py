"""What a registry gives, taken to disk: batches as they come, and a file that must not change meanwhile."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.errors import Unreadable
from connectors.guard import ended
from connectors.registry import Stamp, stamped

RAW = {"compression": "zstd", "use_dictionary": False, "write_statistics": False}
"""How a raw file is written: it is read once and whole, so that dictionaries and statistics cost more than they save."""


def write_batches(scan: pa.RecordBatchReader, part: Path) -> None:
    """Write batches to a Parquet file as they come, each while the next is being read. Raises what the scan raises."""
    with (
        ended(scan),
        pq.ParquetWriter(part, scan.schema, **RAW) as writer,
        ThreadPoolExecutor(1, thread_name_prefix="beffroi-stage") as thread,
    ):
        before = None
        for batch in scan:
            if before is not None:
                before.result()
            before = thread.submit(writer.write_batch, batch)
        if before is not None:
            before.result()


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
