"""How a column is cleaned: step after step, each a layer of SQL over the one before.

A layer names what its steps make, so that a step may use a value several times without its SQL growing at every step.
A value that a step cannot make sense of is refused, never guessed: its row goes to quarantine with column, step and
reason. Nothing here runs per row in Python. The steps themselves are listed in `vocabulary`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from pipelines.sql import identifier as identifier  # noqa: PLC0414  # the gateway knows both from here
from pipelines.sql import quote as quote  # noqa: PLC0414


@dataclass(frozen=True)
class Reason:
    """Why a value is refused, in English and in French: what follows «column: » in a sentence."""

    en: str
    fr: str


@dataclass(frozen=True)
class Failure:
    """A condition (SQL, true where a value is refused), and what is told of it."""

    condition: str
    rule: str
    reason: Reason


@dataclass
class Value:
    """A column on its way: the SQL that reads it from layer `depth`, and what was refused on the way."""

    sql: str
    depth: int = 0
    failures: list[Failure] = field(default_factory=list)


@dataclass
class _Layer:
    made: list[str] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)


class Cleaning:
    """The cleaning of one table. `done` holds the columns that are cleaned already, for steps that use another."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: str,
        parquet_of: Callable[[str], str],
        folder: Path = Path(),
    ) -> None:
        """Clean `table`; `parquet_of` gives the Parquet file of another dataset's latest version.

        `folder` is the workspace's, where a step may have files.
        """
        self.folder = folder
        self.connection = connection
        self.parquet_of = parquet_of
        self.done: dict[str, Value] = {}
        self._table = table
        self._layers: list[_Layer] = []
        self._names = 0

    def source(self, column: str) -> Value:
        """Return a column of the table as it comes."""
        return Value(f"layer.{identifier(column)}")

    def make(self, value: Value, sql: str, join: str = "") -> None:
        """Make `sql`, which reads `value`, the value of the next layer; `join` is a LEFT JOIN that it needs."""
        while len(self._layers) <= value.depth:
            self._layers.append(_Layer())
        name = self.name("value")
        self._layers[value.depth].made.append(f"{sql} AS {name}")
        self._layers[value.depth].joins += [join] if join else []
        value.sql, value.depth = f"layer.{name}", value.depth + 1

    def convert(self, value: Value, sql: str, rule: str, reason: Reason, join: str = "") -> None:
        """Go on with `sql`; a value that was there and is null afterwards is refused."""
        before = value.sql
        self.make(value, sql, join)
        value.failures.append(Failure(f"{before} IS NOT NULL AND {value.sql} IS NULL", rule, reason))

    def name(self, what: str) -> str:
        """Return a name that nothing else of this cleaning has."""
        self._names += 1
        return f"beffroi_{what}_{self._names}"

    def relation(self, depth: int | None = None) -> str:
        """Return the table with what the layers above `depth` made (by default all), to be read as `layer`."""
        sql = self._table
        for layer in self._layers[:depth]:
            sql = f"(SELECT layer.*, {', '.join(layer.made)} FROM {sql} layer {' '.join(layer.joins)})"
        return f"{sql} layer"
