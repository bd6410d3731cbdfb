"""Where the rows of a journal are kept: what a store must do, and which one a workspace has."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gateway.journal.chain import Content, Row
from gateway.journal.sqlite import SqliteStore

if TYPE_CHECKING:
    from pipelines.workspace import Workspace


class Store(Protocol):
    """One journal's rows. Each thread that writes has a store of its own; errors are Unavailable."""

    name: str  # as errors call it

    def open(self) -> None:
        """Connect, and make what is missing. Raises Unavailable."""
        ...

    def add(self, contents: Sequence[Content]) -> list[Row]:
        """Add entries at the end of the chain, all or none, and return them once all are on disk."""
        ...

    def due(self, kind: str, before: str) -> tuple[int, int]:
        """Return how many entries of a class from before a day are not yet empty, and the last one's number."""
        ...

    def erase(self, kind: str, before: str, upto: int) -> int:
        """Empty such entries up to a number; return how many were."""
        ...

    def rows(self, containing: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the entries in their order: all, or those whose text has one of some texts."""
        ...

    def settings(self) -> str | None:
        """Return the text of the last entry of action `settings`."""
        ...

    def in_place(self) -> bool:
        """Tell whether what is written still goes where the journal is."""
        ...

    def close(self) -> None:
        """Let go of the connection; the store opens another when it is used again."""
        ...


def store_of(workspace: "Workspace") -> Store:
    """Return a new store of a workspace's journal: `.beffroi/journal.db`, or the database that `journal.url` names.

    Raises Misconfigured where a variable in that is not set.
    """
    url = workspace.configuration.journal.url
    if url is None:
        return SqliteStore(sqlite_path(workspace.state))
    from gateway.journal.postgresql import PostgresqlStore  # its driver is loaded where it is declared only

    return PostgresqlStore(url)


def sqlite_path(folder: Path) -> Path:
    """Return where the SQLite journal of a workspace's state is."""
    return folder / "journal.db"
