"""SQLite files in the workspace's `.beffroi/`: private to the operator, shared between processes, safe on disk."""

import contextlib
import os
import sqlite3
from pathlib import Path

from connectors.errors import Unavailable

WAIT_MS = 5000
"""How long one process waits for another's transaction."""


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
