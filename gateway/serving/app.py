"""The gateway as one application, and its server."""

import contextlib
import gc
import logging
import logging.config
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline
from starlette.responses import HTMLResponse, JSONResponse, Response

from connectors.errors import Unavailable
from gateway import home, metrics_routes, openapi, traces, who_read
from gateway.callers.access import visible
from gateway.callers.credentials import Presented
from gateway.datasets import report_routes, version_routes
from gateway.datasets import routes as dataset_routes
from gateway.health import beffroi_version
from gateway.lookups import many
from gateway.lookups import routes as lookup_routes
from gateway.problems import install
from gateway.service import Service
from gateway.serving import short
from gateway.serving.asked import Asked
from gateway.serving.front import Front
from gateway.serving.heads import Bounded
from gateway.serving.workers import Workers
from pipelines import pages
from pipelines.workspace import Workspace

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"()": "gateway.serving.lines.Plain"}},
    "handlers": {
        "stderr": {"class": "gateway.serving.lines.Lines", "formatter": "plain", "stream": "ext://sys.stderr"}
    },
    "loggers": {
        "beffroi": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "connectors": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "uvicorn": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}
"""One line per request comes from `gateway/serving/front.py`; uvicorn's own would show addresses as they were asked."""

UNUSED = ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks", "_srcfile")
"""What `logging` finds out for each line, unless it is told not to, and ours do not tell.

Source: https://docs.python.org/3/howto/logging.html#optimization
"""

OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""The framework's own telemetry would tell addresses as they were asked; `traces` and `metrics` do not."""

ABOUT = """
Registries asked in one way, and open data. A lookup needs a token (`Authorization: Bearer …`) and a declared purpose
(`Beffroi-Purpose`); of personal data it names the agent behind the call and the case too (`Beffroi-Agent`,
`Beffroi-Case`). Open datasets need nothing of it. Every error is a problem of RFC 9457 that says what was wrong, whose
fault it is and what to do, in French for `Accept-Language: fr`.
"""


def application(service: Service) -> FastAPI:
    """Return the gateway that answers from `service`, and closes it when it ends."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            service.close()
            traces.end()

    app = FastAPIOffline(
        redoc_url=None,
        title=service.workspace.configuration.title,
        description=ABOUT,
        version=beffroi_version(),
        lifespan=lifespan,
        redirect_slashes=False,
        favicon_url="/favicon.svg",
        static_url="/docs/assets",
        swagger_ui_parameters={"validatorUrl": None},  # it would show the description to an outside service
        telemetry=OFF,
    )
    install(app)
    asked = many.Many(service)
    lookups = lookup_routes.router(service, asked)
    app.add_middleware(short.Lookups, routes=lookups.routes)
    app.add_middleware(Presented, credentials=service.credentials)
    app.add_middleware(Front)
    if not traces.install(app):  # a short call has no span of its own
        app.state.rows, app.state.asked = short.Rows(service), Asked(service)  # for `Bounded`
    _pages(app, service)
    app.include_router(lookups)
    app.include_router(many.router(asked))
    app.include_router(dataset_routes.router(service))
    app.include_router(version_routes.router(service))
    app.include_router(report_routes.router(service))
    app.include_router(who_read.router(service))
    return app


def _pages(app: FastAPI, service: Service) -> None:
    """Add the pages that are neither lookups nor datasets."""
    app.openapi = lambda: _openapi(app, service)  # type: ignore[method-assign]  # FastAPI's own way to extend it
    metrics_routes.install(app, service)

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def start(request: Request) -> HTMLResponse:
        told = home.page(service, request.headers.get("accept-language", ""))
        return HTMLResponse(told, headers={"Vary": "Accept-Language"})

    @app.api_route("/favicon.svg", methods=["GET", "HEAD"], include_in_schema=False)
    @app.api_route("/favicon.ico", methods=["GET", "HEAD"], include_in_schema=False)
    async def icon() -> Response:
        return Response(pages.ICON, media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})

    @app.head("/.well-known/jwks.json", include_in_schema=False)
    @app.get("/.well-known/jwks.json", tags=["receipts"], summary="The public keys that receipts are verified with")
    async def keys() -> JSONResponse:
        return JSONResponse(service.receipts.keys.jwks(), headers={"Cache-Control": "max-age=300"})

    @app.head("/health", include_in_schema=False)
    @app.get("/health", tags=["health"], summary="What is well and what is not")
    async def health(request: Request) -> JSONResponse:
        names = visible(service.workspace, service.caller(request))
        told = service.health.told(service.workspace, names, service.journal.writable())
        return JSONResponse(told, headers={"Cache-Control": "no-store"})


def _openapi(app: FastAPI, service: Service) -> dict[str, Any]:
    """Describe the API once."""
    if app.openapi_schema is None:
        app.openapi_schema = openapi.described(app, service)
    return app.openapi_schema


def serve(root: Path, host: str, port: int, ready: Callable[[str], None] | None = None, workers: int = 1) -> None:
    """Serve the workspace at `root` until Ctrl-C or SIGTERM, in so many processes; `port` 0 takes a free one.

    `ready` hears the address once it is listened on. Raises Misconfigured, and Unavailable where the port is taken.
    """
    logging.config.dictConfig(LOGGING)
    for each in UNUSED:
        setattr(logging, each, None)
    try:
        listener = socket.create_server((host, port), backlog=2048)
    except OSError as error:
        raise Unavailable(f"cannot listen on {host}, port {port}: {error.strerror}") from error
    with listener:
        url = f"http://{host}:{listener.getsockname()[1]}"
        if workers == 1:
            _answer(Service(Workspace(root)), listener, lambda: ready(url) if ready is not None else None)
            return

        def work(workspace: Workspace, begun: Callable[[], None]) -> None:
            _answer(Service(workspace, workers), listener, begun)

        Workers(root, listener, workers, work).run(lambda: ready(url) if ready is not None else None)


def _answer(service: Service, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Answer from `service` until a signal ends it; `ready` is called when all is open. Raises as `serve` does."""
    config = uvicorn.Config(
        application(service),
        http=Bounded,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # gateway/proxies.py reads them, of the proxies that are declared
        timeout_graceful_shutdown=10,
    )
    gc.collect()
    gc.freeze()  # what is there now stays: the collector, which stops all, need not go through it again and again
    gc.set_threshold(700, 10, 1000)  # a full collection goes through all who wait for a registry: as rarely as may be
    ready()
    try:
        with contextlib.suppress(KeyboardInterrupt):  # it shuts down on Ctrl-C, then raises it again
            uvicorn.Server(config).run(sockets=[listener])
    finally:
        gc.unfreeze()  # else libraries would complain of what is left at the end
