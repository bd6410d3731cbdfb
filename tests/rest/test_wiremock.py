"""Faults of a real server on another stack, between us and the rows: each is one clear outcome, in bounded time."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Down, Late, Unreadable
from tests.peers.fault_proxy import FaultProxy
from tests.peers.wiremock.peer import Fault, WireMock
from tests.rest.conftest import Declare
from tests.rest.peer import told
from tests.rest.test_lookup import LOOKUP, SIREN, UNIT

JSON = {"Content-Type": "application/json"}
BODY = bytes(told(UNIT).body)  # type: ignore[arg-type]
ROWS = bytes(told([UNIT] * 500).body)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def mock() -> Iterator[WireMock]:
    with WireMock() as server:
        yield server


FAULTS: list[tuple[Fault, type[BeffroiError]]] = [
    ("CONNECTION_RESET_BY_PEER", Down),
    ("EMPTY_RESPONSE", Down),
    ("MALFORMED_RESPONSE_CHUNK", Unreadable),
    ("RANDOM_DATA_THEN_CLOSE", Unreadable),
]


@pytest.mark.parametrize(("fault", "kind"), FAULTS)
@pytest.mark.parametrize("way", ["lookup", "json", "ndjson", "csv", "xml"])
def test_a_broken_answer(mock: WireMock, declare: Declare, fault: Fault, kind: type[BeffroiError], way: str) -> None:
    mock.reset()
    for path in (f"/units/{SIREN}", "/rows"):
        mock.stub(BODY, path=path, fault=fault, headers=JSON)
    registry = declare(url=mock.url, lookup=LOOKUP, tables={"rows": table(way)})
    with pytest.raises(BeffroiError) as error:
        registry.lookup(SIREN, Deadline.after(5)) if way == "lookup" else registry.scan("rows").read_all()
    assert type(error.value) is kind
    assert SIREN not in str(error.value)


def table(way: str) -> dict[str, Any]:
    rows = {"rows": "l/r"} if way == "xml" else {}
    return {"path": "rows", "format": "json" if way == "lookup" else way, "columns": {"a": "a"}, "seconds": 5} | rows


@pytest.mark.parametrize("slow", [{"delay": 3}, {"dribble": (20, 4.0)}])
def test_a_slow_answer_is_late(mock: WireMock, declare: Declare, slow: dict[str, Any]) -> None:
    mock.reset()
    mock.stub(BODY, path=f"/units/{SIREN}", headers=JSON, **slow)
    mock.stub(ROWS, path="/rows", headers=JSON, **slow)
    registry = declare(url=mock.url, lookup=LOOKUP, tables={"rows": table("json") | {"seconds": 0.5}})
    for work in (lambda: registry.lookup(SIREN, Deadline.after(0.5)), lambda: registry.scan("rows")):
        began = time.monotonic()
        with pytest.raises(Late):
            work()
        assert time.monotonic() - began < 2


OUTCOMES = {
    "latency:0.1": None,
    "refuse": Down,
    "reset": Unreadable,
    "cut": Unreadable,
    "drip": Late,
    "blackhole": Late,
    "garbage": Unreadable,
    "html": Unreadable,
}


@pytest.mark.parametrize(("fault", "kind"), OUTCOMES.items())
def test_a_network_that_breaks(mock: WireMock, declare: Declare, fault: str, kind: type[BeffroiError] | None) -> None:
    mock.reset()
    mock.stub(ROWS, path="/rows", headers=JSON)
    with FaultProxy("127.0.0.1", int(mock.url.rstrip("/").rpartition(":")[2])) as proxy:
        proxy.fault = fault
        registry = declare(
            url=f"http://127.0.0.1:{proxy.port}",
            tables={"rows": table("json") | {"columns": {"a": "siren"}, "seconds": 1}},
        )
        if kind is None:
            assert len(registry.scan("rows").read_all()) == 500
            return
        with pytest.raises(kind):
            registry.scan("rows").read_all()
