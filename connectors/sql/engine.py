"""What every database must be able to do, as one small protocol: `Sql` tells the story, an engine speaks to one database.

An engine is made once per registry and serves all threads. It raises the errors of `connectors/errors.py` only, none of
which holds a value, a statement or a secret. It reads in a transaction that the *server* holds read only.
"""

import contextlib
import datetime as dt
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias
from urllib.parse import SplitResult

import pyarrow as pa
import pyarrow.compute as pc

from connectors.deadline import Deadline
from connectors.errors import Misconfigured
from connectors.registry import FAULT, TlsSettings
from connectors.sql.statement import Statement

BATCH_ROWS = 10_000

Value: TypeAlias = str | int | float | bool | dt.date | dt.datetime | None
"""A bound parameter: what YAML writes, the text of an identifier, or the text of a watermark."""


KEY, AFTER = "beffroi_key", "beffroi_after"
"""Parameters of ours: the identifier, and the greatest value that was seen."""


@dataclass(frozen=True)
class Login:
    """Whom to ask and as whom. `secret` is not told by `repr`; None where the declaration has no password."""

    registry: str
    url: SplitResult
    root: Path
    tls: TlsSettings | None = None
    secret: str | None = field(default=None, repr=False)
    concurrency: int = 8

    def misconfigured(self, said: str) -> Misconfigured:
        """Return the error of a declaration that is wrong."""
        return Misconfigured(f"{self.registry}: {said}", registry=self.registry)


@dataclass(frozen=True)
class Table:
    """A table or view. `name` is what declarations say (`public.associations`), `short` what they may say too, if any.

    `source` is its quoted name as it stands after FROM; `order` a clause that puts it in its stored order, where that
    costs nothing. `rows` is an estimate. `kind` is `table` or `view`.
    """

    name: str
    source: str
    short: str | None = None
    kind: str = "table"
    rows: int | None = None
    bytes: int | None = None
    key: tuple[str, ...] = ()
    order: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table or query: the database's own word for its type, and how its cells come.

    `cell` is the SQL that gives a cell (mostly the quoted name), in the type `type` of Arrow: one that holds every value
    of the declared type exactly, else text as the database writes it (dates and times in ISO 8601). Where a few values
    do not fit (a date that is infinity), `unfit` is the SQL condition that tells them and `why` says what they are:
    `cell` must be NULL for them, and their rows come with that reason as their FAULT.
    """

    name: str
    declared: str
    type: pa.DataType
    cell: str
    unfit: str = ""
    why: str = ""


@dataclass(frozen=True)
class Source:
    """What stands after FROM: a table's quoted name, or `(query) beffroi_rows`, with the parameters that it needs.

    `statement` is that text; `table` is None for a query.
    """

    statement: Statement
    values: Mapping[str, Value]
    table: Table | None = None


class Engine(Protocol):
    """One database. Every method asks it, and ends by its deadline whatever the server or the network does."""

    backslashes: ClassVar[bool]
    """Whether a backslash escapes within '…' (MariaDB), so that a quote after it ends no text."""

    def __init__(self, login: Login) -> None:
        """Ask nothing yet. Raises Misconfigured where the address is not one of this database."""

    def quoted(self, name: str) -> str:
        """Return a name as an identifier of this database."""

    def tables(self, deadline: Deadline) -> Sequence[Table]:
        """Return every table and view that our account sees, those of the database itself left out."""

    def columns(self, source: Source, deadline: Deadline) -> Sequence[Column]:
        """Return the columns of a table or query, in their order; no row is read."""

    def since(self, column: str) -> str:
        """Return the condition of an increment: `column` is not below the text `:beffroi_after`, or is null."""

    def stream(
        self, statement: Statement, values: Mapping[str, Value], columns: Sequence[Column], deadline: Deadline
    ) -> Generator[pa.RecordBatch, None, None]:
        """Yield the rows of a SELECT whose cells are those of `columns` (named so), in constant memory and one snapshot.

        A generator: it asks when it is first advanced, and closes what it opened when it ends or is closed. `deadline`
        is for the whole scan. Batches have at most some tens of thousands of rows, and always FAULT (string) as their
        last column: asked for by the statement where `columns` end with it, otherwise added (`with_faults`).
        """

    def rows(
        self,
        statement: Statement,
        values: Mapping[str, Value],
        columns: Sequence[Column],
        most: int,
        deadline: Deadline,
    ) -> list[dict[str, Any]]:
        """Return at most `most` rows of a SELECT, as Python values (None, bool, int, float, str; Decimal is text).

        The server itself gives the statement up at the deadline. A text that is not UTF-8 is Unreadable.
        """

    def indexed(self, table: Table, column: str, deadline: Deadline) -> bool:
        """Tell whether a row is found by `column = …` without reading the whole table."""


def with_faults(batch: pa.RecordBatch, faults: pa.Array | None = None) -> pa.RecordBatch:
    """Return a batch with FAULT as its last column; `faults` (strings, null where a row is well) are added to it."""
    if not batch.num_columns or batch.schema.names[-1] != FAULT:
        return batch.append_column(FAULT, pa.nulls(batch.num_rows, pa.string()) if faults is None else faults)
    if faults is None:
        return batch
    return batch.set_column(batch.num_columns - 1, FAULT, pc.coalesce(batch.column(FAULT), faults))


def doubled(cells: pa.Array) -> pa.Array:
    """Return floats of 32 bits as the doubles of their shortest texts: 0.1, which a cast makes 0.10000000149011612."""
    return cells.cast(pa.string()).cast(pa.float64())


def decoded(column: str, cells: pa.Array, reasons: list[str | None]) -> pa.Array:
    """Return bytes as texts. One that is not UTF-8 is null, and its row's reason, where it has none yet, says so."""
    with contextlib.suppress(pa.ArrowInvalid):
        return cells.cast(pa.string())  # all of them are
    texts = list[str | None]()
    for row, cell in enumerate(cells.to_pylist()):
        try:
            texts.append(None if cell is None else cell.decode())
        except UnicodeDecodeError:
            texts.append(None)
            reasons[row] = reasons[row] or f"{column} holds a text that is not UTF-8"
    return pa.array(texts, pa.string())
