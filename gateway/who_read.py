"""Who read my data, asked by the operator or by an application with a grant on it: `POST /who-read`.

Either way through the access decision, and on the journal, which has the identifier asked for as a keyed hash.
"""

import asyncio
import contextlib
import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.responses import JSONResponse

from connectors import errors
from connectors.errors import CallerError, InvalidRequest
from connectors.identities import typed
from connectors.json_names import once
from gateway.callers.access import Caller, decide, of_who_read, operator
from gateway.journal import Entry, Journal, reading
from gateway.journal.stores import store_of
from gateway.lookups.outgoing import no_formula
from gateway.lookups.question import one_of, text_of
from gateway.problems import documented, sentences
from gateway.service import Service
from pipelines.declarations.accounting import WHO_READ
from pipelines.workspace import Workspace

PROBLEMS = documented(
    errors.InvalidRequest, errors.MalformedIdentifier, errors.Unauthenticated, errors.NotGranted, errors.Unavailable
)


class Asked(BaseModel):
    """Whose data, and which fields of the answer are wanted: all that are granted if absent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    identifier: str = Field(default="", max_length=500, description="`scheme:value`, or `dataset:NAME:KEY`")
    identity: dict[str, Any] | None = Field(default=None, description="Instead, the fields of the identity asked by")
    fields: list[str] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _asks_once(self) -> Self:
        one_of(self, self.identity)
        return self


class Accesses(BaseModel):
    """Who read it, oldest first, each with the granted fields; and names of keys whose entries cannot be searched."""

    data: list[dict[str, Any]]
    keys_missing: list[str]


def command(workspace: Workspace, identifier: str, purpose: str | None) -> tuple[list[dict[str, Any]], list[str]]:
    """Answer the operator: the accesses, oldest first, and the names of keys that would be needed to find all.

    Raises MalformedIdentifier, InvalidRequest, NotGranted without a purpose, Unavailable.
    """
    with contextlib.closing(Journal.of(workspace)) as journal:
        asked = Asked.model_construct(identifier=typed(identifier), fields=None)
        return asyncio.run(answer(workspace, journal, operator(purpose), asked))


async def answer(
    workspace: Workspace, journal: Journal, caller: Caller, asked: Asked, refusal: CallerError | None = None
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the accesses with the granted fields, and the keys that are missing, once that is on the journal.

    `refusal` is what is already known to be wrong with the question. Raises that, what `decide` and `reading.subject`
    raise, and Unavailable.
    """
    entry = Entry.begin(workspace, caller, "who-read", "journal:who-read")
    whose = text_of(asked.identifier, asked.identity)
    async with journal.access(entry):
        with contextlib.suppress(CallerError):  # whom it is about is journaled whatever else is wrong
            entry.identifier = journal.keyed(min(reading.subject(workspace, whose).texts))
        if refusal is not None:
            raise refusal
        granted = decide(workspace, caller, of_who_read(), asked.fields).fields
        subject = reading.subject(workspace, whose)
        entry.fields = list(granted)
        found, missing = await asyncio.to_thread(_read, workspace, journal, subject)
    return [{name: access[name] for name in granted} for access in found], missing


def _read(workspace: Workspace, journal: Journal, subject: reading.Subject) -> tuple[list[dict[str, Any]], list[str]]:
    journal.keys.renew()  # another process may have rotated them
    return reading.reads(workspace, store_of(workspace), journal.keys, subject)


def router(service: Service) -> APIRouter:
    """Return the route `POST /who-read`."""
    routes = APIRouter(tags=["journal"])
    body = {"content": {"application/json": {"schema": Asked.model_json_schema()}}, "required": True}

    @routes.post(
        "/who-read", summary="Who read the data of one person", responses={200: {"model": Accesses}, **PROBLEMS},
        openapi_extra={"security": [{"token": []}], "requestBody": body},
    )  # fmt: skip
    async def who_read(request: Request) -> JSONResponse:
        asked, refusal = Asked.model_construct(identifier="", fields=None), None
        try:
            asked = Asked.model_validate_json(body := await request.body())
            once(body)
        except InvalidRequest as error:
            refusal = error
        except ValidationError as error:
            told = sentences(error.errors(include_url=False, include_context=False, include_input=False))
            refusal = InvalidRequest(f'the body must be JSON like {{"identifier": "nir:…"}}: {told}')
        found, missing = await answer(service.workspace, service.journal, service.caller(request), asked, refusal)
        return JSONResponse({"data": found, "keys_missing": missing}, headers={"Cache-Control": "no-store"})

    return routes


def csv_lines(accesses: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the accesses as lines of CSV, the names of the fields first."""
    yield ",".join(WHO_READ)
    for access in accesses:
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(_cell(access[name]) for name in WHO_READ)
        yield line.getvalue()


def _cell(value: Any) -> Any:
    """Return a value as a cell, for a person's spreadsheet: no formula in it."""
    return no_formula(" ".join(value) if isinstance(value, list) else value)
