"""Traces of what a call takes, by OpenTelemetry: where its own variables say where to send them, and else nothing at all.

A span for the call, for each access, each provider asked and the wait for the journal. Their attributes are names that
are declared, actions, codes of errors and statuses: never an identifier, an agent, a purpose, or an address as it was
asked for. A caller's `traceparent` is continued; no other header of tracing is read. A registry gets one where its declaration
names `${traceparent}` among its headers.
Sources: https://opentelemetry.io/docs/specs/otel/protocol/exporter/, https://www.w3.org/TR/trace-context/
"""

import contextlib
import os
import secrets
import threading
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from connectors.errors import Misconfigured

if TYPE_CHECKING:
    from fastapi import FastAPI
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

WHERE = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
HOW = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})

LEFT = 3.0
"""Seconds at the end to send what is left: whoever takes traces and is away would keep a worker for half a minute."""

_OFF: AbstractContextManager[None] = contextlib.nullcontext()
_provider: "TracerProvider | None" = None
_tracer: "Tracer | None" = None


def install(app: "FastAPI") -> bool:
    """Trace what `app` answers, where the environment wants it; tell whether it does. Raises as `begin` does."""
    if wanted := begin():
        app.add_middleware(Traced)
    return wanted


def begin() -> bool:
    """Trace in this process from now on, where the environment wants it; tell whether it does.

    Raises Misconfigured where what sends them is not installed, or is to speak another protocol.
    """
    global _provider, _tracer  # noqa: PLW0603  # one for the process, as the variables are
    if not _wanted():
        return False
    if (protocol := _said(HOW) or "http/protobuf") != "http/protobuf":
        raise Misconfigured(f"traces are sent by http/protobuf only: {' or '.join(HOW)} says {protocol[:40]}")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        said = "the environment asks for traces, and what sends them is not installed: pip install 'beffroi[traces]'"
        raise Misconfigured(said) from error
    from gateway.health import beffroi_version  # the journal is written without it by the command line

    ours = Resource.create({"service.name": "beffroi", "service.version": beffroi_version()})
    _provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = _provider.get_tracer("beffroi")
    return True


def end() -> None:
    """Send what is left, within LEFT seconds, and trace no more."""
    global _provider, _tracer  # noqa: PLW0603
    if _provider is not None:
        sending = threading.Thread(target=_provider.shutdown, name="traces", daemon=True)
        sending.start()
        sending.join(LEFT)
    _provider = _tracer = None


def span(kind: str, name: str) -> "AbstractContextManager[Span | None]":
    """Return a span around a block, below that which is open; it gives nothing where nothing is traced."""
    if _tracer is None:
        return _OFF
    return _tracer.start_as_current_span(f"{kind} {name}", record_exception=False, set_status_on_exception=False)


def told(span: "Span | None", outcome: str, **attributes: str | None) -> None:
    """Note on a span how it ended, `found` or an error's code, and what else is known of it by then."""
    if span is None:
        return
    known = {f"beffroi.{name}": value for name, value in attributes.items() if value is not None}
    span.set_attributes({"beffroi.outcome": outcome, **known})
    if outcome != "found":
        span.set_attribute("error.type", outcome)


class Traced:
    """An ASGI layer that opens the span of a call: the outermost one, where anything is traced."""

    def __init__(self, app: "ASGIApp") -> None:
        """`app` is what answers."""
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one request."""
        if scope["type"] != "http" or _tracer is None:
            await self._app(scope, receive, send)
            return
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        came = [value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"]
        context = TraceContextTextMapPropagator().extract({"traceparent": came})
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        told: dict[str, Any] = {"http.request.method": method}
        with _tracer.start_as_current_span(
            method, context, SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as opened:

            async def forward(message: "Message") -> None:
                if message["type"] == "http.response.start":
                    told["http.response.status_code"] = message["status"]
                await send(message)

            try:
                await self._app(scope, receive, forward)
            finally:
                told["http.route"] = route_of(scope)
                opened.update_name(f"{method} {told['http.route']}")
                opened.set_attributes(told)


def traceparent() -> str:
    """Return where the open span stands, as W3C's header says it; where nothing is traced, a trace that is not recorded."""
    if _tracer is not None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier)
        if "traceparent" in carrier:
            return carrier["traceparent"]
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"


def route_of(scope: "Scope") -> str:
    """Return the template of the address that a call came to: what an asker chose does not stand in it."""
    path: str = getattr(scope.get("route"), "path", "(no route)")
    return path.replace(":path}", "}")


def _wanted() -> bool:
    """Tell whether the environment says where to, and nothing against it."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return bool(_said(WHERE)) and not off and os.environ.get("OTEL_TRACES_EXPORTER", "otlp").strip() in ("", "otlp")


def _said(names: tuple[str, ...]) -> str:
    return next((text for name in names if (text := os.environ.get(name, "").strip())), "")
