"""What a workspace says of files: `registries/NAME.yaml`, as typed models."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from connectors.declared import Declared
from connectors.identifiers import Entry
from connectors.registry import Settings, TlsSettings

Format = Literal["csv", "xlsx", "ods", "json", "ndjson", "xml", "geojson", "parquet"]

Encoding = Literal[
    "utf-8", "utf-16-le", "utf-16-be", "windows-1252", "iso-8859-1", "iso-8859-15", "mac-roman", "cp850", "cp437"
]  # fmt: skip
"""Encodings of texts that can be declared; a byte order mark is dropped in all that have one."""

Pattern = Annotated[str, Field(min_length=1)]
"""A name or a glob: `*`, `?` and `[…]`, as in `TOTAL*`. Letters count as large or small alike."""

OneOrMore = Pattern | list[Pattern]


class CsvSettings(Declared):
    """The dialect of a CSV file. What is not said is found out at each read, and refused where it is not certain.

    `skip` are lines before the header, `header` the lines of the header (0: none, and `columns` names the cells).
    `columns` otherwise names the columns anew, in their order. Rows whose first filled cell is like `total` are left
    out. Where `decimal` or `thousands` is said, numbers so written are made plain: in the columns that `numbers` names, or
    in all that have any.
    """

    encoding: Encoding | None = None
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    quote: Annotated[str, Field(max_length=1)] | None = None
    skip: Annotated[int, Field(ge=0, le=1000)] | None = None
    header: Annotated[int, Field(ge=0, le=20)] | None = None
    columns: list[Annotated[str, Field(min_length=1)]] | None = None
    decimal: Literal[",", "."] | None = None
    thousands: Literal[" ", ".", ",", "'", "’"] | None = None
    numbers: list[Annotated[str, Field(min_length=1)]] | None = None
    total: OneOrMore | None = None

    @field_validator("columns")
    @classmethod
    def _are_unique(cls, columns: list[str] | None) -> list[str] | None:
        if columns is not None and len({each.lower() for each in columns}) < len(columns):
            raise ValueError("each column has a name of its own")
        return columns

    @model_validator(mode="after")
    def _is_one_dialect(self) -> Self:
        if self.header == 0 and not self.columns:
            raise ValueError("a file without a header (header: 0) needs its columns: named here")
        if self.separator is not None and self.separator in (self.quote, '"', "\r", "\n", "\0"):
            raise ValueError("the separator is one character of its own, such as ; or ,")
        if self.decimal is not None and self.decimal == self.thousands:
            raise ValueError("decimal: and thousands: are two characters")
        if self.numbers is not None and self.decimal is None and self.thousands is None:
            raise ValueError("numbers: goes with decimal: or thousands:, which say how they are written")
        return self

    @property
    def totals(self) -> list[str]:
        """What rows are left out for."""
        return [self.total] if isinstance(self.total, str) else list(self.total or ())


class SheetSettings(Declared):
    """Where a table stands in a workbook; `header` are the lines of its header."""

    name: Annotated[str, Field(min_length=1)] | None = None
    range: Annotated[str, Field(pattern=r"^\$?[A-Za-z]{1,3}\$?[0-9]{1,7}(:\$?[A-Za-z]{1,3}\$?[0-9]{1,7})?$")] | None = (
        None
    )
    header: Annotated[int, Field(ge=0, le=20)] | None = None
    columns: list[Annotated[str, Field(min_length=1)]] | None = None
    total: OneOrMore | None = None

    @model_validator(mode="after")
    def _names_columns(self) -> Self:
        if self.header == 0 and not self.columns:
            raise ValueError("a table without a header (header: 0) needs its columns: named here")
        return self

    @property
    def totals(self) -> list[str]:
        """What rows are left out for."""
        return [self.total] if isinstance(self.total, str) else list(self.total or ())


class TableSettings(Declared):
    """One table: the files that `file` names (a glob: several are one table, in the order of their names), and how.

    `member` names the file within an archive. `file_column` is a column more, in which each row says its file and which
    row of it this is (`Subventions 2024.xlsx, row 5`), so that what is refused can be found. `seconds` is how long it may take to bring files here.
    """

    file: Pattern
    format: Format | None = None
    member: Pattern | None = None
    csv: CsvSettings = CsvSettings()
    sheet: SheetSettings = SheetSettings()
    rows: Annotated[str, Field(min_length=1)] | None = None
    file_column: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")] | None = None
    seconds: Annotated[float, Field(gt=0, le=86_400)] = 600.0

    @field_validator("file", "member")
    @classmethod
    def _stays_within(cls, pattern: str | None) -> str | None:
        parts = re.split(r"[/\\]", pattern or "x")
        if ".." in parts or not parts[0] or "\0" in (pattern or ""):
            raise ValueError("names a file below the folder: no .. and no leading /")
        return pattern


class FilesSettings(Settings):
    """Where files are: `path`, a folder (relative to the workspace), or `url` (https://, sftp://, s3://, sandbox:NAME).

    Without `tables`, each Parquet file of the folder is a table, called as the file is. `username` and `password` go
    with HTTPS (basic), SFTP, and S3 (access key and its secret); `key` is a private key for SFTP, `host_key` the
    server's public key as in `known_hosts`; `endpoint` and `region` are S3's; `headers` go with each HTTP request.
    """

    path: Annotated[str, Field(min_length=1)] | None = None
    url: str | None = None
    tables: dict[Entry, TableSettings] = {}
    username: str | None = None
    password: str | None = Field(default=None, repr=False)
    key: str | None = None
    host_key: str | None = None
    endpoint: str | None = None
    region: str | None = None
    headers: dict[str, str] = {}
    tls: TlsSettings | None = None

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str | None) -> str | None:
        if url is not None and not re.match(r"(https?|sftp|s3)://[^/\s]|sandbox:[a-z]", url):
            raise ValueError("expected an address: https://…, sftp://…, s3://… or sandbox:NAME")
        return url

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if (self.path is None) == (self.url is None):
            raise ValueError("say either path:, a folder, or url:, an address")
        if self.url is not None and not self.tables:
            raise ValueError("files at an address need tables:, each with its file:")
        return self
