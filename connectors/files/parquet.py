"""Parquet files: given to the engine as they are, or as batches where several are one table."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.errors import Unreadable
from connectors.files.reading import BATCH_ROWS
from connectors.files.settings import TableSettings


def read(file: Path, name: str, settings: TableSettings, registry: str) -> Path:  # noqa: ARG001 - a reader's signature
    """Return the file itself. Raises Unreadable where it is none."""
    _opened(file, name, registry).close()
    return file


def batches(file: Path, name: str, registry: str) -> pa.RecordBatchReader:
    """Return the rows of a file. Raises Unreadable, while rows are read too."""
    opened = _opened(file, name, registry)
    return pa.RecordBatchReader.from_batches(opened.schema_arrow, _rows(opened, name, registry))


def _rows(opened: pq.ParquetFile, name: str, registry: str) -> Iterator[pa.RecordBatch]:
    with opened:
        try:
            yield from opened.iter_batches(BATCH_ROWS)
        except (pa.ArrowException, OSError) as error:
            raise Unreadable(
                f"{registry}: {name} is damaged: it cannot be read to its end", registry=registry
            ) from error


def _opened(file: Path, name: str, registry: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise Unreadable(f"{registry}: {name} is no Parquet file, or is cut off", registry=registry) from error
