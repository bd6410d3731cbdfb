"""The addresses of versions: `/datasets/{name}/versions`, `…/diff`, `…/changes.atom`."""

import hashlib
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from gateway.datasets import changes
from gateway.datasets.files import unchanged
from gateway.datasets.open_data import next_link
from gateway.datasets.routes import COLUMNS, PAGING, PROBLEMS, cache, parameter, reads
from gateway.lookups.routes import PURPOSE
from gateway.service import Service

NUMBER: dict[str, Any] = {"type": "integer", "minimum": 1}
DIFF_PARAMETERS = [
    parameter("from", "The version to compare with; the one before `to` if absent", NUMBER),
    parameter("to", "The version compared; the latest if absent", NUMBER),
    COLUMNS,
    *PAGING,
    PURPOSE,
]
ABOUT_DIFF = (
    "Rows added, changed (old and new of each column that differs) and removed, by key and in its order; `meta` counts"
    " them. Only granted columns are compared. Where the columns of the two versions differ, those that both have are"
    " compared, and `meta.left_out` names the others; versions with different keys are refused."
)
FEED = "application/atom+xml"
FEED_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"description": "An Atom feed", "content": {FEED: {"schema": {"type": "string"}}}},
    304: {"description": "It is what If-None-Match or If-Modified-Since says"},
    **PROBLEMS,
}


def router(service: Service) -> APIRouter:
    """Return the routes of versions."""
    routes = APIRouter(prefix="/datasets", tags=["datasets"])

    @reads(routes, "/{name}/versions", "The versions of a dataset, the latest last", [PURPOSE])
    async def listing(request: Request, name: str) -> Response:
        found = await changes.listed(service, service.caller(request), name)
        return JSONResponse({"data": found}, headers=cache(service, name))

    @reads(routes, "/{name}/diff", "What differs between two versions", DIFF_PARAMETERS, ABOUT_DIFF)
    async def difference(request: Request, name: str) -> Response:
        asked = list(request.query_params.multi_items())
        found = await changes.compared(service, service.caller(request), name, asked)
        link = next_link(request.url, found["meta"]["cursor"])
        headers = cache(service, name) | ({"Link": f'<{link}>; rel="next"'} if link else {})
        return JSONResponse({**found, "links": {"next": link}}, headers=headers)

    @reads(routes, "/{name}/changes.atom", "The versions of a dataset as a feed", [PURPOSE],
           "Each version with what it added, changed and removed, and what changed in its columns (RFC 4287).",
           FEED_ANSWER)  # fmt: skip
    async def feed(request: Request, name: str) -> Response:
        content, updated = await changes.feed(service, service.caller(request), name)
        headers = cache(service, name) | {"ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"'}
        if unchanged(request.headers, headers["ETag"], updated):
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=FEED)

    return routes
