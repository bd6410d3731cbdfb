"""What a workspace says of a REST registry: `registries/NAME.yaml`, as typed models. No Python beside it.

The models hold the form of each value; what one says against another is told by `Rest.problems`.
"""

import re
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field, field_validator, model_validator

from connectors.declared import Declared
from connectors.derived import FieldName, Fields, RecordName, short
from connectors.identifiers import Entry, Identifier
from connectors.outcomes import Outcome
from connectors.registry import Settings, TlsSettings
from connectors.rest import paths
from connectors.rest.auth_settings import AuthSettings

HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
MediaType = Annotated[str, Field(pattern=r"^[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+$")]
Name = Annotated[str, Field(min_length=1)]
JmesPath = Annotated[str, AfterValidator(paths.checked)]
"""Where a value stands in JSON: keys joined by dots, or any expression of JMESPath (https://jmespath.org)."""
Parameters = dict[Name, str | int | list[str]]
"""Parameters of a query. In a text `{group}` is a group of the identifier's pattern, `${NAME}` a variable."""
Format = Literal["json", "ndjson", "csv", "xml"]


class AnswerRule(Declared):
    """What an answer means that has all that is said here. `path` leads to a value of its JSON, `text` is all of it."""

    status: Annotated[int, Field(ge=100, le=599)] | None = None
    content_type: MediaType | None = None
    path: JmesPath | None = None
    equals: bool | int | str | None = None
    absent: Literal[True] | None = None
    text: str | None = None
    outcome: Annotated[Outcome, Field(alias="is")]

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.status is None and self.path is None and self.text is None:
            raise ValueError("say by what it is told: status:, path: or text:")
        if (self.path is not None) != ((self.equals is None) == (self.absent is not None)):
            raise ValueError("path: goes with equals:, the value that stands there, or with absent: true")
        if self.path is not None and self.text is not None:
            raise ValueError("say either path:, a place in JSON, or text:, the whole answer")
        return self


class LookupSettings(Declared):
    """How one record is asked for, where it stands in the answer (`record_at`), and where its fields stand in it."""

    record: RecordName
    identifier: Identifier
    method: Literal["GET", "POST"] = "GET"
    path: str = ""
    query: Parameters = {}
    body: dict[str, Any] | None = None
    content_type: MediaType | None = None
    record_at: JmesPath | None = None
    same: JmesPath | None = None
    merged_to: JmesPath | None = None
    key: FieldName | None = None
    fields: Fields = {}

    @model_validator(mode="after")
    def _says_whole(self) -> Self:
        if (self.body is None) == (self.method == "POST"):
            raise ValueError("body: goes with method: POST, and only with it")
        return self


class SizeSettings(Declared):
    """How many rows a page has, and the parameter that asks for so many, where there is one."""

    parameter: Name | None = None
    value: Annotated[int, Field(ge=1, le=1_000_000)]


class _Counted(Declared):
    """What pages that are counted have in common. `most` is the row beyond which the registry pages no more."""

    parameter: Name
    most: Annotated[int, Field(ge=1)] | None = None
    until: Literal["empty", "short", "total"] = "empty"


class ByPage(_Counted):
    """Pages by their number."""

    by: Literal["page"]
    first: Annotated[int, Field(ge=0, le=1)] = 1
    size: SizeSettings | None = None

    @model_validator(mode="after")
    def _says_size(self) -> Self:
        if self.size is None and (self.most is not None or self.until == "short"):
            raise ValueError("most: and until: short need size:, the rows of a page")
        return self


class ByOffset(_Counted):
    """Pages by the number of the rows before them."""

    by: Literal["offset"]
    first: Annotated[int, Field(ge=0, le=1)] = 0
    size: SizeSettings


class ByCursor(Declared):
    """Pages by a text that the page before tells at `next`; the last tells none, or (`until: same`) its own again."""

    by: Literal["cursor"]
    parameter: Name
    first: str | None = None
    next: JmesPath
    size: SizeSettings | None = None
    until: Literal["absent", "same"] = "absent"


class ByLink(Declared):
    """Pages by the `Link` header with rel=next (RFC 8288)."""

    by: Literal["link"]
    size: SizeSettings | None = None


class ByNext(Declared):
    """Pages by an address that the page before tells at `next` (JSON:API: links.next)."""

    by: Literal["next"]
    next: JmesPath
    size: SizeSettings | None = None


Paging: TypeAlias = Annotated[ByPage | ByOffset | ByCursor | ByLink | ByNext, Field(discriminator="by")]


class ColumnSettings(Declared):
    """A column: where its values stand in a row, and whether they are lists of texts (`type: array`)."""

    source: Annotated[Name, Field(alias="from")]
    type: Literal["string", "array"] = "string"


class TableSettings(Declared):
    """Addresses whose answers are a table: the list at `rows`, its columns, and how one page leads to the next."""

    path: str = ""
    query: Parameters = {}
    format: Format = "json"
    content_type: MediaType | None = None
    rows: Name | None = None
    columns: Annotated[dict[Name, ColumnSettings], short] = {}
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    paging: Paging | None = None
    total: JmesPath | None = None
    seconds: Annotated[float, Field(gt=0, le=86_400)] = 600.0


class RestSettings(Settings):
    """A registry that has a REST interface: `url` is the address that all of its own begin with (or sandbox:NAME)."""

    model_config = ConfigDict(hide_input_in_errors=True)  # a secret may stand where its variable should

    url: str
    personal: bool = True
    headers: dict[HeaderName, str] = {}
    auth: AuthSettings | None = None
    tls: TlsSettings | None = None
    answers: list[AnswerRule] = []
    lookup: LookupSettings | None = None
    tables: dict[Entry, TableSettings] = {}

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        if not re.fullmatch(r"https?://[^/\s@?#]+(/[^\s?#]*)?|sandbox:[a-z][a-z0-9_-]*", url):
            raise ValueError("expected an address (https://…) without user, query or fragment, or sandbox:NAME")
        return url
