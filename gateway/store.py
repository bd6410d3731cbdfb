"""SQLite and LMDB files in the workspace's `.beffroi/`: private to the operator, shared between processes."""

import contextlib
import os
import sqlite3
from pathlib import Path

import lmdb

from connectors.errors import Unavailable

WAIT_MS = 5000
"""How long one process waits for another's transaction."""

READERS = 512
LOCKS = 2**16
"""Bytes of the file in which an LMDB environment has its READERS: more than they need."""


def open_store(path: Path, schema: str) -> sqlite3.Connection:
    """Open (and make, readable by its owner alone) the SQLite file at `path`, with the tables of `schema`.

    A commit has returned only when it is on disk. Transactions are begun by hand. Raises Unavailable.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Only a new file: closing one that SQLite has open in this process would drop the locks that it holds on it,
        # and another process would then take the log away under its feet (https://sqlite.org/howtocorrupt.html, 2.2).
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=WAIT_MS / 1000)
    except (OSError, sqlite3.Error) as error:
        raise unavailable(path, error) from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(schema)
    except sqlite3.Error as error:
        connection.close()
        raise unavailable(path, error) from error
    return connection


def open_environment(folder: Path, size: int) -> lmdb.Environment:
    """Open (and make, for its owner alone) the LMDB environment in `folder`, of `size` bytes at most; not synced.

    LMDB writes its locks through memory, where a disk without room ends the process by SIGBUS: so they have their room
    before. Raises OSError, lmdb.Error.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    locks = folder / "lock.mdb"
    if not locks.exists():  # one that is there is never opened: closing it would drop LMDB's own locks of this process
        aside = folder / f"lock.{os.getpid()}.new"
        try:
            with os.fdopen(os.open(aside, os.O_CREAT | os.O_RDWR, 0o600), "rb+") as file:
                os.posix_fallocate(file.fileno(), 0, LOCKS)
            with contextlib.suppress(FileExistsError):  # another process was faster
                os.link(aside, locks)
        finally:
            aside.unlink(missing_ok=True)
    return lmdb.open(str(folder), map_size=size, sync=False, mode=0o600, max_readers=READERS)


def unavailable(path: Path, error: OSError | sqlite3.Error) -> Unavailable:
    """Say that the file at `path` cannot be used; SQLite's messages hold no values, the system's no more than paths."""
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return Unavailable(f"{path.name} cannot be used: {reason}")


def own_file(path: Path, text: str) -> Path:
    """Make a file for its owner alone; it is on disk when this returns. Raises FileExistsError, OSError."""
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return path
