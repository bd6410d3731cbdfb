"""Several lookups of one subject, asked at the same time and answered together, each with an outcome of its own."""

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from connectors.errors import BeffroiError, InvalidRequest
from connectors.json_names import once
from gateway.callers.access import Caller
from gateway.journal import Entry
from gateway.lookups.answering import answer
from gateway.lookups.outgoing import read_by
from gateway.lookups.question import Question
from gateway.lookups.verifying import Verified
from gateway.problems import Problem, problem, sentences, status_of
from gateway.service import Service

MOST = 20
"""Lookups in one request."""


class Part(Question):
    """One of the questions: a lookup, and what is asked of it."""

    lookup: str = Field(max_length=100, description="The name of a lookup, as `GET /lookups` tells")


PARTS = TypeAdapter(Annotated[list[Part], Field(min_length=1, max_length=MOST)])
SCHEMA = {"type": "array", "minItems": 1, "maxItems": MOST, "items": Part.model_json_schema()}
"""The body, for OpenAPI."""


class Outcome(BaseModel):
    """What became of one part: as the lookup alone answers it, or the problem that it had."""

    lookup: str
    status: int
    data: dict[str, Any] | None = None
    verified: dict[str, Verified] | None = None
    meta: dict[str, Any] | None = None
    problem: Problem | None = None


class Counted(BaseModel):
    """How many parts were asked and answered; partial where not all were."""

    asked: int
    answered: int
    partial: bool


class Outcomes(BaseModel):
    """The outcomes of all parts, in their order."""

    data: list[Outcome]
    meta: Counted


def read(body: bytes, query: Mapping[str, str]) -> list[Part]:
    """Read a JSON body. Raises InvalidRequest, whose detail repeats no value; nothing stands in the query."""
    if query:
        raise InvalidRequest("a POST takes nothing in the query: the purpose stands in Beffroi-Purpose")
    try:
        parts = PARTS.validate_json(body)
    except ValidationError as error:
        told = sentences(error.errors(include_url=False, include_context=False, include_input=False))
        raise InvalidRequest(
            'the body must be a JSON list like [{"lookup": "…", "identifier": "…", "fields": ["…"]}, …]: ' + told
        ) from None
    once(body)
    return parts


async def together(
    service: Service, caller: Caller, body: bytes, query: Mapping[str, str], *, anew: bool = False
) -> dict[str, Any]:
    """Return the outcome of each part of a body, in their order, once all have one: within the slowest one's deadline.

    Each is one lookup for access and journal. `meta.partial` tells that not all were answered. Raises InvalidRequest
    for a body that is no list of questions, and the caller's own refusal: on the journal too, once for all parts.
    """
    try:
        if caller.refusal is not None:
            raise caller.refusal
        parts = read(body, query)
    except BeffroiError:
        async with service.journal.access(Entry.begin(service.workspace, caller, "lookup", "lookups")):
            raise
    outcomes = await asyncio.gather(*(_outcome(service, caller, part, anew=anew) for part in parts))
    answered = sum(outcome["status"] == 200 for outcome in outcomes)
    return {"data": outcomes, "meta": {"asked": len(parts), "answered": answered, "partial": answered < len(parts)}}


async def _outcome(service: Service, caller: Caller, part: Part, *, anew: bool) -> dict[str, Any]:
    try:
        told = await answer(service, part.lookup, caller, part, anew=anew)
    except BeffroiError as error:
        return {"lookup": part.lookup, "status": status_of(error), "problem": json.loads(bytes(problem(error).body))}
    return {"lookup": part.lookup, "status": 200, **read_by(told)}
