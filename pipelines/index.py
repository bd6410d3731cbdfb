"""One row by its key: an embedded index beside each version, since a columnar engine is the wrong tool for one row.

LMDB maps the key's text to the row as JSON. The file belongs to one version and never changes after it is built.
"""

import hashlib
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import lmdb

from pipelines.declarations import Dataset
from pipelines.sql import identifier, quote
from pipelines.versions import Version

MAX_KEY = 500
"""LMDB takes keys of up to 511 bytes; a longer one is stored by its digest."""

MAP = 2**40
"""LMDB's bound on a file's size. It costs address space only: what a row takes as JSON is known when it is written."""

_OPEN: dict[Path, tuple[Path, lmdb.Environment]] = {}
"""The open indexes, by their version's Parquet file, whose name is never used twice."""

_OPENING = threading.Lock()


def key_text(values: Iterable[Any]) -> str:
    """Return the text that names a row in a URL: the key's values, joined by a comma.

    A comma or a backslash inside one of several values stands after a backslash, so that no two keys are one text.
    """
    texts = [str(value) for value in values]
    if len(texts) > 1:
        texts = [text.replace("\\", "\\\\").replace(",", "\\,") for text in texts]
    return ",".join(texts)


def build(connection: duckdb.DuckDBPyConnection, parquet: Path, dataset: Dataset, folder: Path) -> None:
    """Write the index of `parquet` into `folder`/rows.lmdb, which must not exist. Raises lmdb.Error, duckdb.Error."""
    texts = [f"CAST({identifier(name)} AS VARCHAR)" for name in dataset.key]
    if len(texts) > 1:
        texts = [f"replace(replace({text}, '\\', '\\\\'), ',', '\\,')" for text in texts]
    moments = [column.name for column in dataset.columns if column.type == "datetime"]
    replaced = f"REPLACE ({', '.join(f'{_iso(name)} AS {identifier(name)}' for name in moments)})" if moments else ""
    source = f"read_parquet({quote(str(parquet))})"
    rows = connection.execute(
        f"SELECT concat_ws(',', {', '.join(texts)}), to_json(beffroi_row)::VARCHAR"
        f" FROM (SELECT * {replaced} FROM {source}) beffroi_row"
    )
    path = folder / "rows.lmdb"
    with lmdb.open(str(path), map_size=MAP, subdir=False, lock=False, sync=False, mode=0o600) as environment:
        while batch := rows.fetchmany(50_000):
            with environment.begin(write=True) as transaction:
                for text, row in batch:
                    transaction.put(_stored(text), row.encode())
        environment.sync(True)


def _iso(name: str) -> str:
    """Return SQL for a moment as every JSON answer writes it: ISO 8601, in UTC."""
    moment = f"({identifier(name)} AT TIME ZONE 'UTC')"
    fraction = f"CASE WHEN microsecond({moment}) % 1000000 = 0 THEN '' ELSE strftime({moment}, '.%f') END"
    return f"strftime({moment}, '%Y-%m-%dT%H:%M:%S') || {fraction} || '+00:00'"


def row(version: Version, key: str) -> bytes | None:
    """Return the row of `version` whose key text is `key`, as a JSON object, or None. Raises lmdb.Error."""
    found = _OPEN.get(version.parquet)
    environment = found[1] if found else _open(version)
    with environment.begin(buffers=False) as transaction:
        value: bytes | None = transaction.get(_stored(key))
        return value


def _open(version: Version) -> lmdb.Environment:
    """Open an index once (LMDB forbids twice in one process), and let go of those whose files are swept away."""
    with _OPENING:
        if version.parquet not in _OPEN:
            for parquet, (path, _) in list(_OPEN.items()):
                if path == version.index or not path.exists():
                    del _OPEN[parquet]
            environment = lmdb.open(str(version.index), readonly=True, subdir=False, lock=False, max_spare_txns=16)
            _OPEN[version.parquet] = (version.index, environment)
        return _OPEN[version.parquet][1]


def _stored(text: str) -> bytes:
    raw = text.encode()
    return raw if 0 < len(raw) <= MAX_KEY else b"\x00" + hashlib.sha256(raw).digest()
