"""The page at `/datasets/{name}/report`: what the run did that made the latest version, or last found it unchanged.

Of an open dataset it is for everybody, and tells of refused rows how many they are, no more. Of any other it goes
through the access decision and the journal, as its metadata do.
"""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from connectors.errors import Unavailable
from gateway.callers.access import decide, of_dataset
from gateway.datasets import open_data
from gateway.datasets.routes import PROBLEMS, cache, reads
from gateway.languages import LANGUAGE, as_read
from gateway.lookups.routes import PURPOSE
from gateway.service import Service
from pipelines import report
from pipelines.report import page as report_page

PAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A page, in French or English", "content": {"text/html": {"schema": {"type": "string"}}}},
    **PROBLEMS,
}


def router(service: Service) -> APIRouter:
    """Return the route of the report."""
    routes = APIRouter(prefix="/datasets", tags=["datasets"])

    @reads(routes, "/{name}/report", "What the last run did, as a page", [PURPOSE],
           "The sum of its rows, their sources, what changed. In French or English, by Accept-Language.",
           PAGE)  # fmt: skip
    async def shown(request: Request, name: str) -> HTMLResponse:
        language = LANGUAGE.get()
        async with open_data.access(service, service.caller(request), name, "report") as (dataset, entry):
            resource = of_dataset(dataset)
            granted = decide(service.workspace, service.caller(request), resource, None).fields
            entry.fields = list(granted)
            version = open_data.current(service, dataset)
            entry.source = f"version {version.number}"
            try:
                found = report.of(version.report)
            except (OSError, ValueError, TypeError):
                raise Unavailable(f"the report of version {version.number} of {name} is not there any more") from None
        whole = not resource.open and granted == resource.fields
        told = report_page.page(
            found, dataset, language, service.workspace.configuration.zone, columns=granted, whole=whole, read=as_read
        )
        headers = cache(service, name) | {"Vary": "Accept-Language, Authorization", "Content-Language": language}
        return HTMLResponse(told, headers=headers)

    return routes
