"""What a workspace says of a SOAP registry: `registries/NAME.yaml`, as typed models. No Python beside it.

The models hold the form of each value; whether the WSDL has what they name is told by `Soap.problems`.
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from connectors.declared import Declared
from connectors.identifiers import Entry, Identifier
from connectors.outcomes import Outcome
from connectors.registry import Settings, TlsSettings

KeyPath = Annotated[str, Field(min_length=1)]
"""Keys of an answer joined by `/`, as `beffroi connector show` prints them."""
FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Parameters = dict[str, Any]
"""Parameters by name, as the schema has them. In a text, `{group}` is a group of the identifier's pattern and
`${NAME}` a variable of the environment."""


class LookupSettings(Declared):
    """How one record is asked for, and where it stands in the answer. The record is derived from the schema."""

    record: str
    operation: str
    identifier: Identifier
    parameters: Parameters = {}
    headers: Parameters = {}
    path: KeyPath | None = None
    same: KeyPath | None = None
    fields: dict[FieldName, KeyPath] = {}

    @field_validator("record")
    @classmethod
    def _is_name(cls, record: str) -> str:
        if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", record):
            raise ValueError("a record is called by letters and digits, a capital first, such as Parcel")
        return record


class TableSettings(Declared):
    """An operation whose answer is a table: the list at `rows`; columns in `texts` keep the text that came."""

    operation: str
    parameters: Parameters = {}
    headers: Parameters = {}
    rows: KeyPath
    texts: list[str] = []
    seconds: Annotated[float, Field(gt=0, le=86_400)] = 600.0


class FaultRule(Declared):
    """What a fault means that has all that is said here; `path` leads from a declared detail's name to a value in it."""

    detail: str | None = None
    path: KeyPath | None = None
    equals: bool | int | str | None = None
    code: str | None = None
    words: str | None = None
    outcome: Annotated[Outcome, Field(alias="is")]

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.detail is None and self.code is None and self.words is None and self.path is None:
            raise ValueError("say by what it is told: detail:, path:, code: or words:")
        if (self.path is None) != (self.equals is None):
            raise ValueError("path: goes with equals:, the value that stands there")
        return self


class AnswerRule(Declared):
    """What an answer means in which the value at `path` equals something, or is absent (nil, or an empty list)."""

    path: KeyPath
    equals: bool | int | str | None = None
    absent: Literal[True] | None = None
    outcome: Annotated[Outcome, Field(alias="is")]

    @model_validator(mode="after")
    def _says_one(self) -> Self:
        if (self.equals is None) == (self.absent is None):
            raise ValueError("say either equals: or absent: true")
        return self


class SecuritySettings(Declared):
    """WS-Security: a user name, whose password stands in a variable of the environment, or an X.509 signature."""

    username: str | None = None
    password_variable: str | None = None
    digest: bool = True
    certificate: str | None = None
    key: str | None = None
    trusted: str | None = None

    @model_validator(mode="after")
    def _says_one(self) -> Self:
        user = (self.username, self.password_variable)
        signature = (self.certificate, self.key)
        named, signed = any(user), any((*signature, self.trusted))
        if named == signed or not all(user if named else signature):
            raise ValueError("say either username: and password_variable:, or certificate: and key: (and trusted:)")
        return self


class SoapSettings(Settings):
    """A registry that has a WSDL: `wsdl` is its file in the workspace, `url` where it answers (or sandbox:NAME)."""

    wsdl: str
    url: str
    port: str | None = None
    personal: bool = True
    lookup: LookupSettings | None = None
    tables: dict[Entry, TableSettings] = {}
    faults: list[FaultRule] = []
    answers: list[AnswerRule] = []
    tls: TlsSettings | None = None
    security: SecuritySettings | None = None
    mtom: bool = False

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        if not re.match(r"https?://[^/\s]|sandbox:[a-z]", url):
            raise ValueError("expected an address (https://…) or sandbox:NAME")
        return url
