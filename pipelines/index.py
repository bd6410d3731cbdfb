"""One row by its key: an embedded index beside each version, since a columnar engine is the wrong tool for one row.

LMDB maps the key's text to the row as JSON. The files belong to one version and never change after they are built. A
version of which few rows are not those of the last one has an index of these alone, where an empty row is one that is no
more, and under it the whole index that the last one has, by another name: a file of gigabytes is not written each night.
"""

import hashlib
import shutil
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import duckdb
import lmdb

from connectors.errors import RunFailed
from pipelines.declarations import Dataset
from pipelines.sql import identifier, quote
from pipelines.versions import Version
from pipelines.whole import second_name, whole_file

MAX_KEY = 500
"""LMDB takes keys of up to 511 bytes; a longer one is stored by its digest."""

PATCHED = 0.1
"""The share of its rows up to which an index tells what changed since another; beyond it is made anew."""

MAP = 2**40
"""LMDB's bound on a file's size. It costs address space only: what a row takes as JSON is known when it is written."""

_OPEN: dict[Path, tuple[tuple[Path, ...], tuple[lmdb.Environment, ...]]] = {}
"""The open indexes, by their version's Parquet file, whose name is never used twice."""

_FILES: WeakValueDictionary[tuple[int, int], lmdb.Environment] = WeakValueDictionary()
"""The open files, by device and inode: LMDB forbids to have one open twice in one process."""

_OPENING = threading.Lock()


def key_text(values: Iterable[Any]) -> str:
    """Return the text that names a row in a URL: the key's values, joined by a comma.

    A comma or a backslash inside one of several values stands after a backslash, so that no two keys are one text.
    """
    texts = [str(value) for value in values]
    if len(texts) > 1:
        texts = [text.replace("\\", "\\\\").replace(",", "\\,") for text in texts]
    return ",".join(texts)


def key_sql(key: Sequence[str], table: str = "", moments: Collection[str] = ()) -> str:
    """Return SQL for the text that `key_text` makes of the key's columns (of `table`, where it is named).

    Those of them that are `moments` are told as every JSON answer tells them.
    """
    texts = []
    for name in key:
        column = f"{table}.{identifier(name)}" if table else identifier(name)
        texts.append(moment(column) if name in moments else f"CAST({column} AS VARCHAR)")
    if len(texts) > 1:
        texts = [f"replace(replace({text}, '\\', '\\\\'), ',', '\\,')" for text in texts]
    return f"concat_ws(',', {', '.join(texts)})"


def moments(dataset: Dataset) -> frozenset[str]:
    """Return the columns of a dataset that are moments."""
    return frozenset(column.name for column in dataset.columns if column.type == "datetime")


def moment(column: str) -> str:
    """Return SQL for a moment as every JSON answer writes it: ISO 8601, in UTC."""
    utc = f"({column} AT TIME ZONE 'UTC')"
    fraction = f"CASE WHEN microsecond({utc}) % 1000000 = 0 THEN '' ELSE strftime({utc}, '.%f') END"
    return f"strftime({utc}, '%Y-%m-%dT%H:%M:%S') || {fraction} || '+00:00'"


def told_in_json(dataset: Dataset, without: str | None = None) -> str:
    """Return SQL for a row as JSON answers tell it, without the column that is to be left out."""
    names, at = [column.name for column in dataset.columns if column.name != without], moments(dataset)
    told = (f"{identifier(name)} := {moment(identifier(name)) if name in at else identifier(name)}" for name in names)
    return f"CAST(to_json(struct_pack({', '.join(told)})) AS VARCHAR)"


def _entries(dataset: Dataset, source: str) -> str:
    """Return the query of the entries of the rows in `source`: the stored key and the row, both as bytes."""
    text = key_sql(dataset.key, "", moments(dataset))
    stored = f"CASE WHEN strlen(beffroi_text) BETWEEN 1 AND {MAX_KEY} THEN encode(beffroi_text)"
    stored += " ELSE '\\x00'::BLOB || unhex(sha256(beffroi_text)) END"
    row = f"encode({told_in_json(dataset)})"
    return f"SELECT {stored}, {row} FROM (SELECT {text} AS beffroi_text, * FROM {source})"


def build(connection: duckdb.DuckDBPyConnection, parquet: Path, dataset: Dataset, folder: Path) -> None:
    """Write the index of `parquet` into `folder`, where none must be. Raises lmdb.Error, duckdb.Error."""
    source = f"read_parquet({quote(str(parquet))})"
    order = "" if _in_order(connection, dataset, source) else " ORDER BY 1"
    _put(connection.execute(_entries(dataset, source) + order), folder / "rows.lmdb", append=True)


def _in_order(connection: duckdb.DuckDBPyConnection, dataset: Dataset, source: str) -> bool:
    """Tell whether a version's rows, which stand in the order of their key, stand in that of its text as well."""
    if [column.type for column in dataset.columns if column.name in dataset.key] != ["string"]:
        return False
    name = identifier(dataset.key[0])
    other = f"SELECT count(*) FROM {source} WHERE strlen({name}) NOT BETWEEN 1 AND {MAX_KEY}"
    return connection.execute(other).fetchall() == [(0,)]


def patch(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, last: Version, came: str, gone: str, folder: Path
) -> bool:
    """Write into `folder` the index of the `last` version with the rows that `came` put in, and those `gone` taken out.

    Both are SQL of relations: of whole rows, and of keys that no row of `came` has. False, and nothing is left, where so
    much changed that the index is better made anew. Raises lmdb.Error, duckdb.Error, OSError.
    """
    *changes, whole = last.index
    changed, base = folder / "changed.lmdb", folder / "base.lmdb"
    with whole_file(changed) as part:
        if changes:
            shutil.copyfile(changes[0], part)
        left = connection.execute(f"SELECT {key_sql(dataset.key, '', moments(dataset))} FROM {gone}").fetchall()
        rows = connection.execute(f"{_entries(dataset, came)} ORDER BY 1")
        _put(rows, part, [_stored(text.encode()) for (text,) in left], append=False)
        few = _reading(part).stat()["entries"] <= last.rows * PATCHED
        if few:
            second_name(whole, base)
    if not few:
        changed.unlink()
    return few


def _put(rows: duckdb.DuckDBPyConnection, path: Path, gone: Iterable[bytes] = (), *, append: bool) -> None:
    """Put the entries that a query gives into the index at `path`, which is there or is made.

    To `append` them, in the order of their keys, is quick, and touches no page of the file twice: memory stays as it is.
    """
    with lmdb.open(str(path), map_size=MAP, subdir=False, lock=False, sync=False, mode=0o600) as environment:
        with environment.begin(write=True) as transaction:
            for key in gone:
                transaction.put(key, b"")
        while batch := rows.fetchmany(50_000):
            with environment.begin(write=True) as transaction, transaction.cursor() as cursor:
                if cursor.putmulti(batch, append=append)[1] != len(batch):
                    raise RunFailed("the key index cannot be built: two rows have one key, or stand in another order")
        environment.sync(True)


def row(version: Version, key: str) -> bytes | None:
    """Return the row of `version` whose key text is `key`, as a JSON object, or None. Raises lmdb.Error."""
    return reader(version)(key.encode())


def reader(version: Version) -> Callable[[bytes], bytes | None]:
    """Return what reads rows of `version`, as `row` does, by the bytes of their key texts. Raises lmdb.Error, as that does.

    It is for one thread, and to be let go soon: as long as it is there, the disk keeps files that were swept away.
    """
    first, *below = (environment.begin().get for environment in _environments(version))

    def read(key: bytes) -> bytes | None:
        stored = _stored(key)
        found: bytes | None = first(stored)
        for get in below:
            if found is None:
                found = get(stored)
        return found or None

    return read


def rows(version: Version, keys: Iterable[str]) -> list[bytes | None]:
    """Return the rows of `version` whose key texts are `keys`, each as `row` does. Raises lmdb.Error."""
    first, *below = _environments(version)
    stored = [_stored(key.encode()) for key in keys]
    with first.begin() as transaction:
        found = [transaction.get(key) for key in stored]
    for environment in below:
        with environment.begin() as transaction:
            found = [
                transaction.get(key) if row is None else row or None for key, row in zip(stored, found, strict=True)
            ]
    return found


def count(version: Version) -> int:
    """Return how many rows the index of `version` has. Raises lmdb.Error, OSError."""
    *changes, whole = (_reading(file) for file in version.index)
    total: int = whole.stat()["entries"]
    for changed in changes:
        with changed.begin() as told, whole.begin() as below:
            total += sum(bool(row) - (below.get(key) is not None) for key, row in told.cursor())
    return total


def _reading(file: Path) -> lmdb.Environment:
    """Open a file to be read, or return it as it is open, by this name or another."""
    found = file.stat()
    with _OPENING:
        environment = _FILES.get((found.st_dev, found.st_ino))
        if environment is None:
            environment = lmdb.open(str(file), readonly=True, subdir=False, lock=False, max_spare_txns=16)
            _FILES[found.st_dev, found.st_ino] = environment
        return environment


def _environments(version: Version) -> tuple[lmdb.Environment, ...]:
    found = _OPEN.get(version.parquet)
    return found[1] if found else _open(version)


def _open(version: Version) -> tuple[lmdb.Environment, ...]:
    """Open an index, and let go of those whose files are swept away."""
    files = version.index
    try:
        environments = tuple(_reading(file) for file in files)
    except OSError as error:
        raise lmdb.Error(str(error.strerror)) from None
    for parquet, (paths, _) in list(_OPEN.items()):
        if not set(paths).isdisjoint(files) or not all(path.exists() for path in paths):
            _OPEN.pop(parquet, None)
    _OPEN[version.parquet] = (files, environments)
    return environments


def _stored(raw: bytes) -> bytes:
    return raw if 0 < len(raw) <= MAX_KEY else b"\x00" + hashlib.sha256(raw).digest()
