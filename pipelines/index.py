"""One row by its key: an embedded index beside each version, since a columnar engine is the wrong tool for one row.

LMDB maps the key's text to the row as JSON. The file belongs to one version and never changes after it is built.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import lmdb

from pipelines.clean import identifier, quote
from pipelines.versions import Version

MAX_KEY = 500
"""LMDB takes keys of up to 511 bytes; a longer one is stored by its digest."""


def key_text(values: Iterable[Any]) -> str:
    """Return the text that names a row in a URL: the key's values, joined by a comma."""
    return ",".join(str(value) for value in values)


def build(parquet: Path, key: tuple[str, ...], folder: Path) -> None:
    """Write the index of `parquet` into `folder`/rows.lmdb."""
    path = folder / "rows.lmdb"
    columns = ", ".join(f"CAST({identifier(name)} AS VARCHAR)" for name in key)
    connection = duckdb.connect()
    rows = connection.execute(
        f"SELECT concat_ws(',', {columns}), to_json(r)::VARCHAR FROM read_parquet({quote(str(parquet))}) r ORDER BY 1"
    )
    size = max(64 * 2**20, parquet.stat().st_size * 50)
    with lmdb.open(str(path), map_size=size, subdir=False, lock=False, sync=False) as environment:
        while batch := rows.fetchmany(50_000):
            with environment.begin(write=True) as transaction:
                for text, row in batch:
                    transaction.put(_stored(text), row.encode())
        environment.sync(True)


def row(version: Version, key: str) -> bytes | None:
    """Return the row of `version` whose key text is `key`, as a JSON object, or None."""
    with _open(version.folder / "rows.lmdb").begin(buffers=False) as transaction:
        found: bytes | None = transaction.get(_stored(key))
        return found


@lru_cache(maxsize=256)
def _open(path: Path) -> lmdb.Environment:
    return lmdb.open(str(path), readonly=True, subdir=False, lock=False, max_spare_txns=16)


def _stored(text: str) -> bytes:
    raw = text.encode()
    return raw if 0 < len(raw) <= MAX_KEY else b"\x00" + hashlib.sha256(raw).digest()
