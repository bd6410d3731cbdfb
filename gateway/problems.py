"""Errors as HTTP answers: the one table from each error to its status, and RFC 9457 problem details, in two languages.

Source: RFC 9457, https://www.rfc-editor.org/rfc/rfc9457
"""

import logging
import math
import re
import traceback
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match

from connectors import errors
from connectors.errors import BeffroiError, Fault, InvalidRequest, MethodNotAllowed, NotFound
from gateway.languages import translated

log = logging.getLogger("beffroi")

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:beffroi:problem:"
"""What stands before the code of an error in the type of its problem."""

RETRY_IN = 5.0
"""Seconds in Retry-After where the error itself does not know."""

STATUS: Mapping[type[BeffroiError], HTTPStatus] = {
    errors.MalformedIdentifier: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidRequest: HTTPStatus.BAD_REQUEST,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Withheld: HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS,
    errors.Ambiguous: HTTPStatus.CONFLICT,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.NotGranted: HTTPStatus.FORBIDDEN,
    errors.LimitReached: HTTPStatus.TOO_MANY_REQUESTS,
    errors.MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    errors.Unreadable: HTTPStatus.BAD_GATEWAY,
    errors.NotDelivered: HTTPStatus.BAD_GATEWAY,
    errors.Busy: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Down: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Maintenance: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Late: HTTPStatus.GATEWAY_TIMEOUT,
    errors.RefusedUs: HTTPStatus.BAD_GATEWAY,
    errors.Misconfigured: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.RunFailed: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

HEADERS: Mapping[type[BeffroiError], Mapping[str, str]] = {
    errors.Unauthenticated: {"WWW-Authenticate": 'Bearer realm="beffroi"'},  # RFC 9110, 15.5.2
    errors.MethodNotAllowed: {"Allow": "POST"},  # we raise it for personal data only: RFC 9110, 15.5.6
}


class Problem(BaseModel):
    """What is told of an error (RFC 9457), and our own members from `fault` on."""

    type: str = Field(examples=["urn:beffroi:problem:not-granted"])
    title: str
    status: int
    detail: str
    fault: Fault = Field(description="Who can mend it")
    todo: str = Field(description="What to do now")
    registry: str | None = Field(default=None, description="The registry concerned")
    retry_in: float | None = Field(default=None, description="Seconds until it is worth asking again")
    tried: list[dict[str, str]] | None = Field(default=None, description="Providers asked, and why each failed")
    receipt: str | None = Field(default=None, description="The signed proof of that answer, where the caller wants one")


FIELD = re.compile(r"[a-z_]+: ")
"""How a complaint of a whole question begins that names one of its fields."""


def status_of(error: BeffroiError) -> int:
    """Return the HTTP status of an error; a class that is not in the table has that of its nearest parent."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(error: BeffroiError, status: int | None = None, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Render an error; `status` and `headers` replace those of the table where HTTP itself refused the request."""
    status = status or status_of(error)
    headers = dict(headers if headers is not None else HEADERS.get(type(error), {}))
    retry_in = error.retry_in
    if retry_in is None and status == HTTPStatus.SERVICE_UNAVAILABLE:
        retry_in = RETRY_IN
    if retry_in is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_in)))
    told = Problem(
        type=TYPE + error.code,
        title=error.title,
        status=status,
        detail=error.detail,
        fault=error.fault,
        todo=error.todo,
        registry=error.registry,
        retry_in=retry_in,
        tried=[attempt.told() for attempt in error.tried] or None,
        receipt=error.receipt,
    )
    return _response(told, headers)


def internal(error: Exception) -> JSONResponse:
    """Render an error that nobody foresaw. It tells nothing of it; the log has its type and where it happened.

    The log never has its message: foreign messages repeat the values that they complain of.
    """
    log.error("unforeseen %s\n%s", _types(error), "".join(traceback.format_tb(error.__traceback__)).rstrip())
    told = Problem(
        type=f"{TYPE}internal",
        title="An error inside Beffroi",
        status=500,
        detail="Something went wrong that was not foreseen. Nothing of what you asked is kept in the log.",
        fault="beffroi",
        todo="Tell the gateway's operator when it happened: the log says where.",
    )
    return _response(told, {})


def _types(error: BaseException) -> str:
    """Name the error's type and those of its causes."""
    cause = error.__cause__ or error.__context__
    return type(error).__name__ + (f" from {_types(cause)}" if cause else "")


def _response(told: Problem, headers: Mapping[str, str]) -> JSONResponse:
    content, languages = translated(told.type.removeprefix(TYPE), told.model_dump(exclude_none=True))
    about = {"Cache-Control": "no-store", "Content-Language": languages, "Vary": "Accept-Language"}
    return JSONResponse(content, told.status, {**about, **headers}, MEDIA_TYPE)


async def _on_beffroi_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BeffroiError)  # noqa: S101  # registered for it alone
    return problem(error)


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    """Render what the framework itself refuses; the address asked for is not repeated."""
    assert isinstance(error, HTTPException)  # noqa: S101
    headers = error.headers or {}
    if error.status_code == HTTPStatus.NOT_FOUND:
        return problem(NotFound("there is nothing at this address; / and /docs tell what there is"), headers=headers)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(sorted(_methods(request)))
        return problem(MethodNotAllowed(f"this address takes {allowed}"), headers={"Allow": allowed})
    return problem(InvalidRequest(str(error.detail)), error.status_code, headers)


def _methods(request: Request) -> set[str]:
    """Return the methods that the address takes; the framework tells those of one of its routes only."""
    contexts = iter_route_contexts(request.app.routes)
    fitting = (context for context in contexts if context.matches(request.scope)[0] is not Match.NONE)
    return {method for context in fitting for method in context.methods or {"GET", "HEAD"}}


async def _on_invalid(_: Request, error: Exception) -> JSONResponse:
    """Render a parameter that is not what it must be; its value is not repeated."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return problem(InvalidRequest(sentences(error.errors())))


def sentences(details: Sequence[Any]) -> str:
    """Say pydantic's complaints without the values, nor keys that the caller made up."""
    said = []
    for each in details:
        unknown = each["type"] == "extra_forbidden"
        place = _place(each["loc"][:-1] if unknown else each["loc"])
        what = "there is an unknown key" if unknown else each["msg"]
        said.append(f"{place}{'.' if FIELD.match(what) else ': '}{what}" if place else what)
    return "; ".join(said)


def _place(at: Sequence[int | str]) -> str:
    """Return where something is wrong: its name, and of a list of questions which of them it is, as `3.lookup`."""
    return ".".join(map(str, at if at and isinstance(at[0], int) else at[-1:]))


def install(app: FastAPI) -> None:
    """Have `app` answer every error as a problem. What is left over, `gateway/serving/front.py` catches."""
    app.add_exception_handler(BeffroiError, _on_beffroi_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)


def documented(*kinds: type[BeffroiError]) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route for OpenAPI: those errors by status, and any other."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        status = int(STATUS[kind])
        title = f"{found[status]['description']}; {kind.title}" if status in found else kind.title
        found[status] = {"description": title, "content": content}
    found["default"] = {"description": "Any other problem", "content": content}
    return found
