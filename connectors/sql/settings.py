"""What a workspace says of a database: `registries/NAME.yaml`, as typed models. No Python beside it.

The models hold the form of each value; what they say together is held by `Sql.problems`, what the database has by
whoever asks it first.
"""

import datetime as dt
from typing import Annotated, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, field_validator, model_validator

from connectors.declared import Declared
from connectors.derived import Fields, RecordName
from connectors.identifiers import Entry, Identifier
from connectors.registry import Settings, TlsSettings

ENGINES = {
    "postgresql": "connectors.sql.postgresql:PostgreSql",
    "mariadb": "connectors.sql.mariadb:MariaDb",
    "mysql": "connectors.sql.mariadb:MariaDb",
    "sqlite": "connectors.sql.sqlite:Sqlite",
    "mssql": "connectors.sql.mssql:SqlServer",
    "oracle": "connectors.sql.oracle:Oracle",
}
"""By the scheme of the address: module and class. They are imported when one is declared: few need every driver."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Parameters = dict[Name, bool | int | float | dt.datetime | dt.date | str | None]


class _Asked(Declared):
    """A table by its name, or a query with its parameters."""

    table: Annotated[str | None, Field(min_length=1)] = None
    query: Annotated[str | None, Field(min_length=1)] = None
    parameters: Parameters = {}

    @model_validator(mode="after")
    def _says_one(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("say either table: or query:")
        if self.table is not None and self.parameters:
            raise ValueError("parameters: go with a query:")
        return self


class LookupSettings(_Asked):
    """One record by its identifier: the row of `table` whose column `key` is it, or the one that `query` finds."""

    record: RecordName
    identifier: Identifier
    key: Annotated[str | None, Field(min_length=1)] = None
    unindexed: bool = False
    fields: Fields

    @model_validator(mode="after")
    def _has_key(self) -> Self:
        if (self.table is None) != (self.key is None):
            raise ValueError("key: goes with table:, and a table needs it: the column that holds the identifier")
        return self


class IncrementalSettings(Declared):
    """Which rows are new: those not below the greatest `column` seen; `key` tells which older row each replaces.

    `overlap` is how far below they are asked for again (seconds of a moment, units of a whole number), since others
    write meanwhile, and what they commit late stands below what was read.
    """

    column: Annotated[str, Field(min_length=1)]
    key: Annotated[tuple[str, ...], Field(min_length=1)]
    overlap: Annotated[float | None, Field(ge=0)] = None


class TableSettings(_Asked):
    """A table to be scanned: which columns of it, and how it is asked for what changed."""

    columns: Annotated[tuple[str, ...] | None, Field(min_length=1)] = None
    incremental: IncrementalSettings | None = None
    seconds: Annotated[float, Field(gt=0, le=86_400)] = 600.0


class SqlSettings(Settings):
    """A database: `url` says which and as whom, `password` names a variable of the environment.

    `sqlite:` is followed by a path, relative to the workspace.
    """

    url: str
    password: Annotated[str | None, Field(pattern=r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$")] = None
    tls: TlsSettings | None = None
    personal: bool = True
    timeout: Annotated[float, Field(gt=0, le=120)] = 5.0
    lookup: LookupSettings | None = None
    tables: dict[Entry, TableSettings] = {}

    @field_validator("url")
    @classmethod
    def _known(cls, url: str) -> str:
        known = ", ".join(f"{scheme}:" for scheme in ENGINES)
        try:
            scheme, parts = url.partition(":")[0], address(url)
            secret, _ = parts.password, parts.port
        except ValueError:
            raise ValueError("not an address: expected such as postgresql://USER@HOST:5432/DATABASE") from None
        if scheme not in ENGINES:
            raise ValueError(f"which database? An address begins with one of {known}")
        if secret is not None:
            raise ValueError(
                "a password never stands in an address: say password: ${NAME}, a variable of the environment"
            )
        if scheme == "sqlite" and not parts.path.lstrip("/"):
            raise ValueError("say where the database is: sqlite:path/of/a/database.sqlite")
        return url


def address(url: str) -> SplitResult:
    """Return the parts of an address; a path after `sqlite:` is taken as it stands, `?` and all."""
    if url.startswith("sqlite:"):
        return SplitResult("sqlite", "", url.removeprefix("sqlite:"), "", "")
    return urlsplit(url)
