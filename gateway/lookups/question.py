"""A question to a lookup, as it comes: an identifier, and the fields that are wanted, or what is to be verified."""

import contextlib
import datetime as dt
import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from connectors.errors import InvalidRequest, MalformedIdentifier
from connectors.records import Record, canonical


def day(text: Any) -> dt.date:
    """Read a date. Raises ValueError for anything but YYYY-MM-DD, numbers of seconds too."""
    if isinstance(text, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        with contextlib.suppress(ValueError):
            return dt.date.fromisoformat(text)
    raise PydanticCustomError("day", "a date that exists is expected, written YYYY-MM-DD")


class Question(BaseModel):
    """What is asked: an identifier, and the fields wanted (all that are granted, if none is named) or to verify."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    identifier: str = Field(max_length=200, description="`scheme:value`, or the value where there is one scheme")
    fields: list[str] | None = Field(
        default=None, min_length=1, description="Fields wanted; all granted ones if absent"
    )
    on: Annotated[dt.date, BeforeValidator(day)] | None = Field(
        default=None, description="The date of which the identifier is; for communes, whose mergers are known"
    )
    verify: dict[str, Any] | None = Field(
        default=None, min_length=1, description="What is believed of fields: answered by yes, near or no, without data"
    )

    @classmethod
    def read(cls, body: bytes) -> "Question":
        """Read a JSON body. Raises InvalidRequest, whose detail repeats no value."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            from gateway.problems import sentences  # the command line starts without what serves HTTP

            told = sentences(error.errors(include_url=False, include_context=False, include_input=False))
            raise InvalidRequest(f'the body must be JSON like {{"identifier": "…", "fields": ["…"]}}: {told}') from None


def identifier_text(model: type[Record], identifier: str) -> str:
    """Return what the journal hashes: the canonical `scheme:value`, or what came, marked, where it is malformed."""
    try:
        return ":".join(canonical(model, identifier))
    except MalformedIdentifier:
        return f"malformed:{identifier}"
