"""The addresses of lookups: `/lookups` (GET, POST), `GET /lookups/{record}/{identifier}`, `POST /lookups/{record}`.

Every declared lookup has routes of its own, so that OpenAPI describes each with its record.
"""

from collections.abc import Container
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, create_model
from starlette.responses import JSONResponse, Response

from connectors import errors, identities
from connectors.errors import CallerError, InvalidRequest, MethodNotAllowed
from connectors.records import Record
from gateway.callers import offered
from gateway.callers.access import visible
from gateway.lookups import identity, incoming, on, together, verifying
from gateway.lookups.answering import answer
from gateway.lookups.many import Many
from gateway.lookups.outgoing import read_by
from gateway.lookups.question import Question, day
from gateway.lookups.verifying import Verified
from gateway.problems import documented, problem
from gateway.service import Service
from gateway.serving.front import MAX_BODY
from pipelines.declarations.configuration import Lookup

PROBLEMS = documented(
    errors.InvalidRequest, errors.MalformedIdentifier, errors.NotFound, errors.Ambiguous, errors.Withheld, errors.Unauthenticated,
    errors.NotGranted, errors.LimitReached, errors.Unreadable, errors.RefusedUs, errors.Busy, errors.Down, errors.Unavailable, errors.Late,
)  # fmt: skip
PURPOSE = {
    "name": "purpose", "in": "query", "required": False, "schema": {"type": "string"},
    "description": "Why it is asked: a declared purpose. The header Beffroi-Purpose does as well.",
}  # fmt: skip
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
SECURITY: dict[str, Any] = {"security": [{"token": []}]}
_NO_QUESTION = Question.model_construct(identifier="", fields=None)
_IN_QUERY = "a POST takes nothing in the query: identifier and fields stand in the body, the purpose in Beffroi-Purpose"
_IN_QUERY_OF_ROWS = (
    "a POST of CSV or NDJSON takes fields alone in the query, once, with commas between their names; the purpose stands in"
    " Beffroi-Purpose"
)


class Tried(BaseModel):
    """A provider that was asked before and did not have the answer."""

    provider: str
    code: str
    detail: str


class Meta(BaseModel):
    """Where an answer comes from, and how old it is."""

    source: str
    as_of: str
    age_seconds: int
    tried: list[Tried]
    cached: Literal["fresh", "stale"] | None = Field(
        default=None, description="It was kept from an earlier question; stale where nobody can answer today"
    )
    merged_from: str | None = Field(default=None, description="The identifier asked for, which led to this successor")
    lacks: list[str] | None = Field(default=None, description="The granted fields that this source has of nobody")
    on: str | None = Field(default=None, description="The date of which the identifier was asked")
    successor: str | None = Field(default=None, description="The code today of a commune that has merged since")
    absorbed: list[str] | None = Field(default=None, description="Communes of that date that have merged into it since")
    receipt: str | None = Field(
        default=None, description="The signed proof of this answer, asked for by Beffroi-Receipt"
    )


class VerifiedAnswer(BaseModel):
    """What was found of each field to be verified, without data."""

    verified: dict[str, Verified]
    meta: Meta


def router(service: Service, many: Many) -> APIRouter:
    """Return the routes of every lookup of the workspace; `many` answers where many questions come at once."""
    routes = APIRouter(prefix="/lookups", tags=["lookups"])

    @routes.get("", summary="What may be asked")
    async def listing(request: Request) -> JSONResponse:
        workspace, caller = service.workspace, service.caller(request)
        datasets = visible(workspace, caller)
        data = [described(name, each, datasets) for name, each in offered.lookups(workspace, caller).items()]
        return JSONResponse({"data": data}, headers={"Cache-Control": "no-cache", "Vary": "Authorization"})

    _add_together(routes, service)
    for name, lookup in service.workspace.configuration.lookups.items():
        _add(routes, service, many, name, lookup)

    @routes.get(
        "/{record}", summary="What one lookup takes", name="describe_lookup", responses=documented(errors.NotFound)
    )
    async def one(request: Request, record: str) -> JSONResponse:
        workspace, caller = service.workspace, service.caller(request)
        found = described(record, offered.told_of(workspace, caller, record), visible(workspace, caller))
        return JSONResponse({"data": found}, headers={"Cache-Control": "no-cache", "Vary": "Authorization"})

    @routes.api_route("/{record}", methods=METHODS, include_in_schema=False)
    @routes.api_route("/{record}/{identifier:path}", methods=METHODS, include_in_schema=False)
    async def other(request: Request, record: str, identifier: str = "") -> Response:
        """Refuse what no declared lookup takes; the identifier that came with it is journaled all the same."""
        lookup = offered.lookup_of(service.workspace, service.caller(request), record)
        personal = lookup.record_model.is_personal()
        get = "" if personal else f" or GET /lookups/{record}/IDENTIFIER"
        refusal = MethodNotAllowed(f"ask by POST /lookups/{record}{get}")
        question = Question.model_construct(identifier=identifier, fields=None)
        return await _answered(service, record, request, question, refusal)

    return routes


def described(name: str, lookup: Lookup, datasets: Container[str]) -> dict[str, Any]:
    """Return what `GET /lookups` tells of one lookup, to a caller who may know of these datasets."""
    model = lookup.record_model
    personal = model.is_personal()
    asks = [
        {"method": "POST", "href": f"/lookups/{name}", "body": {**each, "fields": ["…"]}}
        for each in identity.asks(lookup)
    ]
    return {
        "name": name,
        "title": lookup.title,
        "record": lookup.record_model.__name__,
        "personal": personal,
        "identifiers": [scheme for scheme in model.identifiers if scheme != identities.SCHEME],
        "fields": [
            {"name": field, "title": info.title, "description": info.description}
            for field, info in model.model_fields.items()
        ],
        "identity": list(identities.told(identity.fields_of(lookup))),
        "verify": verifying.verifiable(model),
        "on": on.SCHEME in model.identifiers,
        "providers": [each.name for each in lookup.providers if each.dataset is None or each.dataset in datasets],
        "ask": asks if personal else [{"method": "GET", "href": f"/lookups/{name}/{{identifier}}"}, *asks],
    }


def _add_together(routes: APIRouter, service: Service) -> None:
    """Add the route that asks several lookups at once."""

    @routes.post(
        "", summary="Several lookups of one subject", name="ask_together",
        responses={200: {"model": together.Outcomes}, **PROBLEMS},
        openapi_extra={**SECURITY, "requestBody": _body(together.SCHEMA)},
    )  # fmt: skip
    async def ask(request: Request) -> JSONResponse:
        body, query = await request.body(), request.query_params
        told = await together.together(service, service.caller(request), body, query, anew=_anew(request))
        return JSONResponse(told, headers={"Cache-Control": "no-store", "Vary": "Accept-Language"})


def _add(routes: APIRouter, service: Service, many: Many, name: str, lookup: Lookup) -> None:
    """Add the two routes of one lookup. A personal one by GET is refused, and that is journaled."""
    answered = _answer_model(name, lookup.record_model)
    responses: dict[int | str, dict[str, Any]] = {200: {"model": answered}, **PROBLEMS}
    posted: dict[int | str, dict[str, Any]] = {**responses, 200: {"model": answered | VerifiedAnswer}}

    @routes.post(
        f"/{name}", summary=lookup.title or name, name=f"ask_{name}", responses=posted,
        openapi_extra={**SECURITY, "requestBody": _body(identity.schema(lookup, Question.model_json_schema()))},
        include_in_schema=offered.shows(service.workspace, offered.NOBODY, name, lookup),
    )  # fmt: skip
    async def ask(request: Request) -> Response:
        body, refusal = await many.body(name, request)
        form = incoming.form_of(request.headers.get("content-type", ""), body)
        plain = form in ("csv", "ndjson")  # which have no place for what is asked of all their rows
        taken = _once(request, {"fields"} if plain else set())
        if form is not None and refusal is None and taken:
            fields = request.query_params["fields"].split(",") if "fields" in request.query_params else None
            return await many.answered(name, request, form, body, fields, anew=_anew(request))
        question, refusal = _read(body) if refusal is None else (_NO_QUESTION, refusal)
        if not taken:  # nothing that was asked may be passed over in silence, least of all fewer fields
            refusal = InvalidRequest(_IN_QUERY_OF_ROWS if plain else _IN_QUERY)
        return await _answered(service, name, request, question, refusal)

    _add_get(routes, service, name, lookup, responses)


def _add_get(
    routes: APIRouter, service: Service, name: str, lookup: Lookup, responses: dict[int | str, dict[str, Any]]
) -> None:
    personal = lookup.record_model.is_personal()
    shown = not personal and offered.shows(service.workspace, offered.NOBODY, name, lookup)

    @routes.get(
        f"/{name}/{{identifier:path}}", summary=lookup.title or name, name=f"get_{name}", responses=responses,
        openapi_extra={**SECURITY, "parameters": [PURPOSE]}, include_in_schema=shown,
    )  # fmt: skip
    async def get(
        request: Request,
        identifier: str,
        fields: Annotated[str | None, Query(description="Fields wanted, separated by commas")] = None,
        on: Annotated[str | None, Query(description="The date, YYYY-MM-DD, of which the code of a commune is")] = None,
    ) -> Response:
        asked = fields.split(",") if fields is not None else None
        plain = Question.model_construct(identifier=identifier, identity=None, fields=asked, on=None, verify=None)
        question, refusal = _dated(plain, on)
        if personal:
            refusal = MethodNotAllowed(
                f"{name} is personal data, whose identifiers never stand in a URL:"
                f' POST /lookups/{name} with {{"identifier": "…"}}'
            )
        elif not _once(request, {"fields", "on", "purpose"}):
            refusal = InvalidRequest("the query holds something else than fields, on and purpose, each at most once")
        return await _answered(service, name, request, question, refusal)


def _dated(question: Question, on: str | None) -> tuple[Question, CallerError | None]:
    """Add the date of an address to a question; what is wrong with it becomes its refusal."""
    try:
        return question if on is None else question.model_copy(update={"on": day(on)}), None
    except ValueError as error:
        return question, InvalidRequest(f"on: {error}")


def _once(request: Request, allowed: set[str]) -> bool:
    """Tell whether the query holds the parameters `allowed` only, each at most once."""
    if not request.scope["query_string"]:
        return True
    asked = [name for name, _ in request.query_params.multi_items()]
    return set(asked) <= allowed and len(set(asked)) == len(asked)


def _read(body: bytes) -> tuple[Question, CallerError | None]:
    """Read the body as a question; what is wrong with it becomes its refusal."""
    if len(body) > MAX_BODY:
        return _NO_QUESTION, InvalidRequest(
            f"the body is longer than {MAX_BODY // 1024} KiB, and is not many questions"
        )
    try:
        return Question.read(body), None
    except InvalidRequest as error:
        return _NO_QUESTION, error


async def _answered(
    service: Service, name: str, request: Request, question: Question, refusal: CallerError | None
) -> Response:
    try:
        told = await answer(service, name, service.caller(request), question, refusal, anew=_anew(request))
    except MethodNotAllowed as error:
        return problem(error, headers={"Allow": _allowed(service, name, request)})
    headers = {"Cache-Control": "no-store", "Age": str(told["meta"]["age_seconds"])}
    if told["meta"]["tried"]:  # sentences: no answer without them depends on the language
        headers["Vary"] = "Accept-Language"
    return Response(msgspec.json.encode(read_by(told)), headers=headers, media_type="application/json")


def _anew(request: Request) -> bool:
    """Tell whether the caller wants an answer that is not kept (RFC 9111, section 5.2.1.4)."""
    said = next((value for name, value in request.scope["headers"] if name == b"cache-control"), b"")
    return bool(said) and "no-cache" in {each.strip() for each in said.decode("latin-1").lower().split(",")}


def _allowed(service: Service, name: str, request: Request) -> str:
    """Return the methods that an address takes: none where a personal identifier stands in it."""
    if "identifier" not in request.path_params:
        return "GET, POST"
    return "" if service.workspace.lookup(name).record_model.is_personal() else "GET"


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _answer_model(name: str, record: type[Record]) -> type[BaseModel]:
    """Return the model of a lookup's answer: the record, each field of which is there where it is granted."""
    fields: dict[str, Any] = {
        field: (info.annotation, Field(default=None, title=info.title, description=info.description))
        for field, info in record.model_fields.items()
    }
    granted = create_model(f"{record.__name__}Granted", __doc__=f"The granted fields of a {record.__name__}", **fields)
    return create_model(f"{name.title()}Answer", data=(granted, ...), meta=(Meta, ...))
