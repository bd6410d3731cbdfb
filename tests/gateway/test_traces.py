"""Traces: sent to a real receiver where the environment says so, naming nobody; and nothing at all elsewhere."""

import http.server
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from connectors.errors import Misconfigured
from gateway import traces
from tests.gateway.conftest import Gateway, Reply, ask

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


PLOTS = """
  NAME:
    kind: rest
    url: 'URL'
    personal: false
    HEADERS
    lookup:
      record: Plot
      identifier: {scheme: plot, pattern: '[A-Z]{2}[0-9]{4}'}
      path: plots/{identifier}
      same: reference
      fields: {reference: reference}
"""


def with_plots(root: Path, url: str) -> Path:
    """Declare two registries of plots, of which one wants to be told where a call stands in a trace."""
    path = root / "beffroi.yaml"
    text = path.read_text(encoding="utf-8")
    for name, headers in (("tracing", "headers: {traceparent: '${traceparent}'}"), ("plain", "")):
        declared = PLOTS.replace("NAME", name).replace("URL", url).replace("HEADERS", headers)
        text = text.replace("registries:\n", f"registries:{declared}", 1)
        text = text.replace(
            "lookups:\n", f"lookups:\n  {name}: {{record: Plot, providers: [{{registry: {name}}}]}}\n", 1
        )
        grant = f"- {{lookup: {name}, fields: '*', purposes: [inscription-scolaire]}}"
        text = text.replace("        grants:\n", f"        grants:\n          {grant}\n", 1)
    path.write_text(text, encoding="utf-8")
    return root


class Receiver:
    """What takes spans over OTLP/HTTP, and plays a registry, on a port of its own."""

    def __init__(self) -> None:
        requests = self.requests = list[bytes]()

        told = self.told = list[str | None]()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Answer as a registry, and keep what it was told of the trace."""
                told.append(self.headers["traceparent"])
                self._say("application/json", b'{"reference": "AB0001"}')

            def do_POST(self) -> None:
                requests.append(self.rfile.read(int(self.headers["Content-Length"])))
                self._say("application/x-protobuf", b"")

            def _say(self, kind: str, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def spans(self) -> list[Span]:
        found = []
        for body in list(self.requests):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                names = {each.key: each.value.string_value for each in resource.resource.attributes}
                assert names["service.name"] == "beffroi"
                found += [span for scope in resource.scope_spans for span in scope.spans]
        return found

    def wait(self, ended: int) -> list[Span]:
        """Return all spans, once those of so many calls have come."""
        until = time.monotonic() + 30
        while sum(span.kind == Span.SPAN_KIND_SERVER for span in self.spans()) < ended:
            assert time.monotonic() < until, f"the spans of {ended} calls have not come"
            time.sleep(0.05)
        return self.spans()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def attributes(span: Span) -> dict[str, object]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def test_a_call_is_traced_from_its_caller_to_the_journal_and_names_nobody(
    root: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, nirs: list[str]
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    came = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "secret=secret", "baggage": "secret=secret"}
    with Gateway(with_plots(root, receiver.url)) as gateway:
        url, good = gateway.url, gateway.headers("mairie")

        def asked(method: str, path: str, body: object = None) -> Reply:
            return ask(url, method, path, came | {"Beffroi-Agent": "secret", "Beffroi-Purpose": "secret"}, body)

        came["Authorization"] = good["Authorization"]
        assert ask(url, "GET", "/lookups/copy/01001", came | good).status == 200
        assert asked("POST", "/lookups/person?x=secret", {"identifier": nirs[0]}).status == 400
        assert asked("PROPFIND", f"/lookups/person/{nirs[0]}").status == 405
        for name in ("tracing", "plain"):
            assert ask(url, "GET", f"/lookups/{name}/AB0001", came | good).status == 200
        spans = receiver.wait(5)
    by_name = {span.name: span for span in spans}
    call, access = by_name["GET /lookups/copy/{identifier}"], by_name["access lookup:copy"]
    provider, journal = by_name["provider dataset:communes"], by_name["journal commit"]
    assert (call.trace_id.hex(), call.parent_span_id.hex()) == (TRACE, PARENT)
    assert access.parent_span_id == call.span_id
    assert provider.parent_span_id == access.span_id
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    assert receiver.told == [f"00-{TRACE}-{by_name['provider tracing'].span_id.hex()}-01", None]
    assert journal.end_time_unix_nano > journal.start_time_unix_nano
    assert attributes(call) == {
        "http.request.method": "GET",
        "http.route": "/lookups/copy/{identifier}",
        "http.response.status_code": 200,
    }
    assert attributes(access) == {
        "beffroi.outcome": "found",
        "beffroi.action": "lookup",
        "beffroi.application": "mairie",
    }
    assert attributes(by_name["access lookup:person"])["error.type"] in ("invalid-request", "method-not-allowed")
    assert "_OTHER" in {attributes(span).get("http.request.method") for span in spans}
    for told in (b"".join(receiver.requests), str(spans).encode()):
        assert b"secret" not in told.lower()
        assert b"propfind" not in told.lower()  # a method is the caller's word as well
        assert nirs[0].encode() not in told
        assert b"01001" not in told


def test_nothing_is_traced_unless_the_environment_says_where_to(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*traces.WHERE, *traces.HOW, "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"):
        monkeypatch.delenv(name, raising=False)
    assert not traces.begin()
    with traces.span("access", "lookup:copy") as span:
        assert span is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    for name, value in (("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")):
        with monkeypatch.context() as more:
            more.setenv(name, value)
            assert not traces.begin()


def test_a_protocol_that_is_not_spoken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(Misconfigured, match="OTEL_EXPORTER_OTLP_PROTOCOL says grpc"):
        traces.begin()


def test_what_sends_traces_must_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(Misconfigured, match=re.escape("pip install 'beffroi[traces]'")):
        traces.begin()


def test_a_registry_that_wants_a_trace_gets_an_unrecorded_one_where_nothing_is_traced() -> None:
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", first := traces.traceparent())
    assert first != traces.traceparent()
