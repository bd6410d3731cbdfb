"""The addresses of datasets: `/datasets`, `/datasets/{name}`, `…/rows`, `…/rows/{key}`, `…/latest/{file}`."""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import JSONResponse, Response

from connectors import errors
from connectors.columns import row_model
from connectors.errors import InvalidRequest, MethodNotAllowed
from connectors.json_names import once
from gateway.callers.access import counted, visible
from gateway.datasets import filters, open_data
from gateway.datasets.asked import FORMATS, LIMIT, MAX_LIMIT
from gateway.datasets.files import PRIVATE, PUBLIC, latest_file, unchanged
from gateway.lookups.routes import PURPOSE
from gateway.problems import documented, problem
from gateway.service import Service
from pipelines.versions import Version

PROBLEMS = documented(
    errors.InvalidRequest, errors.NotFound, errors.Unauthenticated, errors.NotGranted, errors.LimitReached,
    errors.Unavailable,
)  # fmt: skip
SECURITY: dict[str, Any] = {"security": [{}, {"token": []}]}
BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": {"type": "object", "additionalProperties": {"type": ["string", "number"]}}}
    },
}
ROWS_ANSWER: dict[str, Any] = {
    "description": "A page of rows; a row of the open dataset NAME is what the schema `NAME.row` says",
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/RowsPage"}},
        "text/csv": {"schema": {"type": "string"}},
    },
}
ROWS_PAGE: dict[str, Any] = {
    "type": "object",
    "required": ["data", "meta", "links"],
    "properties": {
        "data": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
        "meta": {"type": "object", "additionalProperties": True},
        "links": {"type": "object", "required": ["next"], "properties": {"next": {"type": ["string", "null"]}}},
    },
}
"""A page of rows of any dataset: were each row one of several schemas, a reader would take the first that fits."""

PARAMETERS = TypeAdapter(dict[str, str | int | float])

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Describe a parameter of the query that may be left out, for OpenAPI."""
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


COLUMNS = parameter("columns", "Columns wanted, separated by commas; all granted ones if absent", {"type": "string"})
PAGING = [
    parameter("limit", "Rows a page", {"type": "integer", "default": LIMIT, "maximum": MAX_LIMIT, "minimum": 1}),
    parameter("cursor", "Where the page begins: take it from `links.next`", {"type": "string"}),
]
FILTERS = {
    **parameter("filters", filters.ABOUT, {"type": "object", "additionalProperties": {"type": ["string", "number"]}}),
    "style": "form",
    "explode": True,
}
"""Each filter is a parameter of its own, whose name only the dataset knows."""

ROWS_PARAMETERS = [
    COLUMNS,
    *PAGING,
    FILTERS,
    parameter("version", "Rows of an earlier version, by its number; of the latest if absent", {"type": "integer"}),
    parameter("format", "Does as well as the header Accept", {"type": "string", "enum": list(FORMATS)}),
    PURPOSE,
]


def router(service: Service) -> APIRouter:
    """Return the routes of datasets."""
    routes = APIRouter(prefix="/datasets", tags=["datasets"])
    answer = {200: ROWS_ANSWER, **PROBLEMS}

    @reads(routes, "", "The open datasets, and with a token those granted")
    async def listing(request: Request) -> Response:
        return _listing(service, request)

    @reads(routes, "/{name}", "What there is to know of a dataset", [PURPOSE])
    async def one(request: Request, name: str) -> Response:
        told = await open_data.metadata(service, service.caller(request), name)
        return JSONResponse(told, headers=cache(service, name))

    @reads(routes, "/{name}/rows", "Rows, filtered and in pages", ROWS_PARAMETERS, filters.ABOUT, answer)
    async def rows(request: Request, name: str) -> Response:
        return await _page(service, request, name, list(request.query_params.multi_items()))

    @routes.post("/{name}/rows", summary="Rows, filtered by what must not stand in a URL", responses=answer,
                 description=f"The same parameters as on GET, as a JSON object. {filters.ABOUT}",
                 openapi_extra={**SECURITY, "requestBody": BODY})  # fmt: skip
    async def asked_rows(request: Request, name: str) -> Response:
        return await _page(service, request, name, await _in_body(request))

    @reads(routes, "/{name}/rows/{key:path}", "One row by its key", [COLUMNS, PURPOSE])
    async def row(request: Request, name: str, key: str) -> Response:
        return await _row(service, request, name, key)

    @reads(routes, "/{name}/latest/{file}", "A whole file of the latest version", [PURPOSE],
            "`{name}.parquet` or `{name}.csv`, and of a dataset with a geometry `{name}.geojson` or `{name}.geo.parquet`,"
            " with ranges, ETag and If-None-Match.")  # fmt: skip
    async def file(request: Request, name: str, file: str) -> Response:
        return await latest_file(service, service.caller(request), name, file, request.headers)

    return routes


def row_schemas(service: Service) -> dict[str, dict[str, Any]]:
    """Return the schema of one row of each open dataset, as OpenAPI's components; asked for fewer columns, it has those.

    What is not open is not described: the description is for everybody.
    """
    found = {}
    for name, dataset in service.workspace.datasets.items():
        if dataset.audience == "open":
            schema = row_model(name, dataset.columns).model_json_schema()
            found[f"{name}.row"] = {key: value for key, value in schema.items() if key != "required"}
    return found


def reads(
    routes: APIRouter,
    path: str,
    summary: str,
    parameters: Sequence[dict[str, Any]] = (),
    description: str = "",
    responses: dict[int | str, dict[str, Any]] = PROBLEMS,
) -> Callable[[Endpoint], Endpoint]:
    """Add a route for GET, described, and the same for HEAD."""

    def add(endpoint: Endpoint) -> Endpoint:
        extra = {**SECURITY, "parameters": list(parameters)}
        described: dict[str, Any] = {"summary": summary, "description": description or summary}
        routes.add_api_route(path, endpoint, methods=["GET"], responses=responses, openapi_extra=extra, **described)
        routes.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)
        return endpoint

    return add


def _listing(service: Service, request: Request) -> Response:
    caller = service.caller(request)
    if caller.refusal is not None and "authorization" in request.headers:
        raise caller.refusal
    names = sorted(visible(service.workspace, caller))
    datasets = [service.workspace.datasets[name] for name in names]
    data = [open_data.summary(service, d, counted=counted(service.workspace, caller, d)) for d in datasets]
    return JSONResponse({"data": data}, headers={"Cache-Control": "no-cache", "Vary": "Authorization"})


async def _row(service: Service, request: Request, name: str, key: str) -> Response:
    if set(request.query_params) - {"columns", "purpose"}:
        raise InvalidRequest("unknown parameter; allowed: columns, purpose")
    columns = request.query_params.get("columns")
    asked = columns.split(",") if columns is not None else None
    try:
        found, version = await open_data.row(service, service.caller(request), name, key, asked)
    except MethodNotAllowed as error:
        return problem(error, headers={"Allow": ""})  # a personal key stands in the address: it takes no method
    headers = row_headers(version, is_open=service.workspace.datasets[name].audience == "open")
    tag = headers.get("ETag")
    if tag is not None and "if-none-match" in request.headers and unchanged(request.headers, tag, version.committed):
        return Response(status_code=304, headers=headers)
    told = json.dumps(open_data.meta(version)).encode()
    return Response(b'{"data":' + found + b',"meta":' + told + b"}", headers=headers, media_type="application/json")


def row_headers(version: Version, *, is_open: bool) -> dict[str, str]:
    """Return the headers of an answer with a row. An open one has a tag, which is weak: its age is told anew each time."""
    headers = {"Cache-Control": PUBLIC if is_open else PRIVATE, "Beffroi-Version": str(version.number)}
    if is_open:
        moments = [int(moment.timestamp() * 1000) for moment in (version.committed, version.as_of)]
        headers["ETag"] = f'W/"{version.dataset}-{version.number}-{moments[0]}-{moments[1]}"'
    return headers


async def _in_body(request: Request) -> list[tuple[str, str]]:
    """Return the parameters that stand in the body of a request. Raises InvalidRequest."""
    if request.query_params:
        raise InvalidRequest("a POST takes nothing in the query: all parameters stand in the body")
    try:
        parameters = PARAMETERS.validate_json(body := await request.body(), strict=True)
    except ValidationError:
        raise InvalidRequest('the body must be a JSON object of texts and numbers, like {"limit": 20}') from None
    once(body)
    return [(key, str(value)) for key, value in parameters.items()]


async def _page(service: Service, request: Request, name: str, parameters: list[tuple[str, str]]) -> Response:
    """Answer with one page, as JSON or CSV."""
    on_get = request.method != "POST"
    page, asked, version = await open_data.rows(service, service.caller(request), name, parameters, in_url=on_get)
    link = open_data.next_link(request.url, page.cursor) if on_get else None
    headers = cache(service, name) | {"Beffroi-Version": str(version.number), "Vary": "Accept"}
    if link is not None:
        headers["Link"] = f'<{link}>; rel="next"'
    if asked.format == "csv" or (asked.format is None and "text/csv" in request.headers.get("accept", "")):
        return Response(page.csv(), headers=headers, media_type=open_data.FILES["csv"])
    meta = {**open_data.meta(version), "limit": asked.limit, "cursor": page.cursor}
    return JSONResponse({"data": page.records(), "meta": meta, "links": {"next": link}}, headers=headers)


def cache(service: Service, name: str) -> dict[str, str]:
    """Return the header that says who may keep an answer about a dataset."""
    return {"Cache-Control": PUBLIC if service.workspace.datasets[name].audience == "open" else PRIVATE}
