"""Rows by the value of a column: which rows of a version have it, in their order, for the columns that `index:` names.

One Arrow file beside the version: an entry for each value of each of these columns, in the order of its token (a digest
of column and value, in 64 bits) and then of the row's place in the Parquet file, with the row's key, by which the key
index has the row. It is mapped, and searched by halves; two values may have one token, so whoever reads compares. The file
belongs to one version and to what `index:` said; where that changes, another takes its place.
Source: Arrow IPC file format, https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format
"""

import datetime as dt
import hashlib
import json
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from connectors.columns import Column
from pipelines.declarations import Dataset
from pipelines.index import key_sql, moments
from pipelines.sql import identifier, quote
from pipelines.versions import Version
from pipelines.whole import on_disk, whole_file

FILE = "columns.arrow"
"""The file of a version's entries."""

BATCH = 65_536
"""Entries that are written at a time."""

ABOUT = b"beffroi"
"""Where the file says of what it is."""

EPOCH, MICROSECOND = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.timedelta(microseconds=1)


class ByColumn:
    """The entries of one file, each known by its number in their order."""

    def __init__(self, file: Path) -> None:
        """Map the file. Raises OSError, pyarrow.ArrowException, and ValueError or KeyError where it is not one of ours."""
        with pa.memory_map(str(file)) as mapped, pa.ipc.open_file(mapped) as reader:
            said = json.loads((reader.schema.metadata or {})[ABOUT])
            batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
            for batch in batches:
                batch.validate()
        self.parquet: str = said["parquet"]
        self.types: dict[str, str] = said["columns"]
        self._tokens, self._places = ([batch[name].to_numpy() for batch in batches] for name in ("token", "place"))
        self._keys = [batch["key"] for batch in batches]
        self._starts = [0, *accumulate(map(len, batches))]

    def has(self, column: Column) -> bool:
        """Tell whether the values of a column are in it."""
        return self.types.get(column.name) == column.type

    def span(self, column: Column, value: Any, after: int = -1) -> range:
        """Return the numbers of the entries of a value, which is not None, in rows after the place `after`."""
        token = _token(column, value)
        bounds = ((token, after), (token, 2**63))
        return range(*(bisect_right(range(self._starts[-1]), bound, key=self._at) for bound in bounds))

    def row(self, number: int) -> tuple[int, str]:
        """Return the place and the key of an entry's row."""
        batch, entry = self._entry(number)
        return int(self._places[batch][entry]), self._keys[batch][entry].as_py()

    def _at(self, number: int) -> tuple[int, int]:
        batch, entry = self._entry(number)
        return int(self._tokens[batch][entry]), int(self._places[batch][entry])

    def _entry(self, number: int) -> tuple[int, int]:
        batch = bisect_right(self._starts, number) - 1
        return batch, number - self._starts[batch]


def of(version: Version) -> ByColumn | None:
    """Return the entries of a version, or None where it has none. Raises what `ByColumn` raises."""
    try:
        found = _mapped(version.folder / FILE)
    except FileNotFoundError:
        return None
    return found if found.parquet == version.parquet.name else None


def is_of(dataset: Dataset, parquet: Path, folder: Path) -> bool:
    """Tell whether a version's folder has the entries that its declaration wants of `parquet`, and no others."""
    try:
        found = _mapped(folder / FILE)
    except FileNotFoundError:
        return not dataset.index
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return False
    return (found.parquet, found.types) == (parquet.name, _types(dataset))


def build(connection: duckdb.DuckDBPyConnection, dataset: Dataset, parquet: Path, folder: Path) -> None:
    """Write the entries of `parquet` into `folder`, in the place of those there; none where no column is declared.

    Raises duckdb.Error, pyarrow.ArrowException, OSError.
    """
    file, types = folder / FILE, _types(dataset)
    if not types:
        file.unlink(missing_ok=True)
        return
    about = json.dumps({"parquet": parquet.name, "columns": types}).encode()
    with whole_file(file) as part, connection.sql(_entries(dataset, parquet)).to_arrow_reader(BATCH) as reader:
        schema = reader.schema.with_metadata({ABOUT: about})
        part.touch(mode=0o600)  # as the key index is: it has the keys too
        with pa.OSFile(str(part), "wb") as out, pa.ipc.new_file(out, schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
        on_disk(part)


def _types(dataset: Dataset) -> dict[str, str]:
    return {column.name: column.type for column in dataset.columns if column.name in dataset.index}


def _entries(dataset: Dataset, parquet: Path) -> str:
    """Return the query of all entries, in their order."""
    source = f"read_parquet({quote(str(parquet))}, file_row_number = true)"
    key = key_sql(dataset.key, "", moments(dataset))
    each = (
        f"SELECT md5_number_lower('{column.name}:' || {_text_sql(column)}) AS token, file_row_number AS place, {key} AS key"
        f" FROM {source} WHERE {identifier(column.name)} IS NOT NULL"
        for column in dataset.columns
        if column.name in dataset.index
    )
    return f"{' UNION ALL '.join(each)} ORDER BY token, place"


def _text_sql(column: Column) -> str:
    """Return SQL for the text of a value, as `_token` makes it: two values that are equal have the same."""
    name = identifier(column.name)
    match column.type:
        case "number":  # 17 digits tell every number from every other; a zero has no sign
            return f"printf('%.17g', {name} + 0.0)"
        case "datetime":
            return f"CAST(epoch_us({name}) AS VARCHAR)"
    return f"CAST({name} AS VARCHAR)"


def _token(column: Column, value: Any) -> int:
    match column.type:
        case "number":
            text = f"{value + 0.0:.17g}"
        case "datetime":
            text = str((value - EPOCH) // MICROSECOND)
        case "boolean":
            text = str(value).lower()
        case _:
            text = str(value)
    digest = hashlib.md5(f"{column.name}:{text}".encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "little")


def _mapped(file: Path) -> ByColumn:
    seen = file.stat()
    return _mapped_once(file, (seen.st_ino, seen.st_mtime_ns, seen.st_size))


@lru_cache(maxsize=64)
def _mapped_once(file: Path, _written: tuple[int, int, int]) -> ByColumn:
    """Map a file; `_written` is when it was, so that it is mapped once."""
    return ByColumn(file)
