"""A question to a lookup, as it comes: an identifier or an identity, and the fields wanted, or what is to be verified."""

import contextlib
import datetime as dt
import json
import re
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from connectors.errors import InvalidRequest, MalformedIdentifier
from connectors.identities import SCHEME
from connectors.json_names import once
from connectors.records import Record, canonical

MALFORMED = "malformed"
"""What the journal hashes in the place of the scheme, where an identifier is none."""


def day(text: Any) -> dt.date:
    """Read a date. Raises ValueError for anything but YYYY-MM-DD, numbers of seconds too."""
    if isinstance(text, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        with contextlib.suppress(ValueError):
            return dt.date.fromisoformat(text)
    raise PydanticCustomError("day", "a date that exists is expected, written YYYY-MM-DD")


class Question(BaseModel):
    """What is asked: an identifier or an identity, and the fields wanted (all granted, if none is named) or to verify."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    identifier: str = Field(
        default="", max_length=200, description="`scheme:value`, or the value where there is one scheme"
    )
    identity: dict[str, Any] | None = Field(
        default=None,
        description="Instead of an identifier, the fields that the lookup takes, such as name and birth date",
    )
    fields: list[str] | None = Field(
        default=None, min_length=1, description="Fields wanted; all granted ones if absent"
    )
    on: Annotated[dt.date, BeforeValidator(day)] | None = Field(
        default=None, description="The date of which the identifier is; for communes, whose mergers are known"
    )
    verify: dict[str, Any] | None = Field(
        default=None, min_length=1, description="What is believed of fields: answered by yes, near or no, without data"
    )

    @model_validator(mode="after")
    def _asks_once(self) -> Self:
        one_of(self, self.identity)
        return self

    @property
    def asked(self) -> str:
        """Return the identifier, or the identity in its place, as `identity:` and JSON: not checked yet."""
        return text_of(self.identifier, self.identity)

    @classmethod
    def read(cls, body: bytes) -> "Question":
        """Read a JSON body. Raises InvalidRequest, whose detail repeats no value."""
        try:
            question = cls.model_validate_json(body)
        except ValidationError as error:
            from gateway.problems import sentences  # the command line starts without what serves HTTP

            told = sentences(error.errors(include_url=False, include_context=False, include_input=False))
            raise InvalidRequest(f'the body must be JSON like {{"identifier": "…", "fields": ["…"]}}: {told}') from None
        once(body)
        return question


def text_of(identifier: str, identity: dict[str, Any] | None) -> str:
    """Return what is asked by as one text, `scheme:value`; an identity is `identity:` and its fields in JSON."""
    return identifier if identity is None else f"{SCHEME}:{json.dumps(identity)}"


def one_of(asked: BaseModel, identity: dict[str, Any] | None) -> None:
    """Raise PydanticCustomError where what asks has both an identifier and an identity, or neither."""
    if ("identifier" in asked.model_fields_set) == (identity is not None):
        if identity is not None:
            raise PydanticCustomError("one_of", "ask by identifier or by identity, not by both")
        raise PydanticCustomError("missing", "identifier: Field required, or identity, where the lookup takes one")


def identifier_text(model: type[Record], identifier: str) -> str:
    """Return what the journal hashes: the canonical `scheme:value`, or what came, marked, where it is malformed."""
    try:
        return ":".join(canonical(model, identifier))
    except MalformedIdentifier:
        return f"{MALFORMED}:{identifier}"
