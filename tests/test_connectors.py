"""Every connector, as the gateway and the pipelines use it: example answers, scans, faults of the network."""

import ast
import importlib
import json
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lxml import etree

from connectors import sandbox
from connectors.api_geo import ApiGeo
from connectors.civil_register import FAULTS as FAULT_CODES
from connectors.civil_register import WSDL, CivilRegister
from connectors.columns import arrow_schema, columns_of
from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Down, Late, Misconfigured, NotFound, Unreadable
from connectors.records import Person, Record
from connectors.registry import TERMS, Registry, kinds
from connectors.sandbox import civil, examples
from tests.conftest import ROOT
from tests.peers.canned import Canned
from tests.peers.fault_proxy import FaultProxy
from tests.peers.soap_server.peer import SoapServer

KINDS = {name: load() for name, load in kinds().items()}
WITH_RECORD = [name for name, kind in KINDS.items() if kind.record is not None]
EXAMPLES = [pytest.param(kind, each, id=f"{kind}/{each.name}") for kind in WITH_RECORD for each in examples.load(kind)]


def registry(kind: str, url: str, root: Path = ROOT, **settings: Any) -> Registry:
    made = KINDS[kind]
    unhurried = {"limits": {"per_minute": 1_000_000}}  # what real registries bear is of no matter here
    return made(kind, made.settings_model.model_validate({"url": url, **unhurried, **settings}), root)


def record_of(kind: str) -> type[Record]:
    record = KINDS[kind].record
    assert record is not None
    return record


@pytest.mark.parametrize(("kind", "example"), EXAMPLES)
def test_example_answers(kind: str, example: examples.Example, canned: Canned) -> None:
    canned.say(example.body, example.content_type, example.status)
    canned.further = [(each.body, each.content_type, each.status) for each in example.then]
    asked = registry(kind, canned.url, **example.settings)
    value = example.identifier.partition(":")[2]
    if example.outcome is None:
        assert asked.lookup(value, Deadline.after(5)).record == record_of(kind)(**(example.record or {}))
        return
    with pytest.raises(BeffroiError) as raised:
        asked.lookup(value, Deadline.after(5))
    assert (raised.value.code, raised.value.registry) == (example.outcome, kind)
    assert value not in str(raised.value)


@pytest.mark.parametrize("kind", WITH_RECORD)
def test_every_kind_with_a_record_has_examples_good_and_bad(kind: str) -> None:
    loaded = examples.load(kind)
    assert {True, False} == {each.outcome is None for each in loaded}


@pytest.mark.parametrize("kind", WITH_RECORD)
def test_every_real_registry_tells_its_terms_in_order(kind: str) -> None:
    docstring = ast.get_docstring(ast.parse((ROOT / "connectors" / f"{kind}.py").read_text())) or ""
    told = [line.partition(":")[0] for line in docstring.splitlines() if line.partition(":")[0] in TERMS]
    assert tuple(told) == TERMS


def test_kinds_are_the_modules_with_one_registry_each() -> None:
    assert set(KINDS) >= {"api_geo", "civil_register", "files", "sql"}
    for name, kind in KINDS.items():
        module = importlib.import_module(f"connectors.{name}")
        own = [
            v for v in vars(module).values() if isinstance(v, type) and issubclass(v, Registry) and v is not Registry
        ]
        assert own == [kind]
        with pytest.raises(ValueError, match="surplus"):
            kind.settings_model.model_validate({"url": "sqlite:x", "path": "x", "surplus": 1})


# --- scans -----------------------------------------------------------------------------------------------------------


def test_scan_of_all_communes(served: Path) -> None:
    asked = registry("api_geo", "sandbox:communes", served)
    asked.lookup("01001", Deadline.after(5))
    began = time.process_time()
    reader = asked.scan(None)
    assert isinstance(reader, pa.RecordBatchReader)
    table = reader.read_all()
    assert time.process_time() - began < 3  # 0.7 s where nothing else runs
    assert table.schema == arrow_schema(columns_of(record_of("api_geo")))
    assert table.to_pylist() == pq.read_table(ROOT / "datasets" / "reference" / "communes.parquet").to_pylist()


@pytest.fixture(scope="module")
def persons() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(ROOT / "datasets" / "reference" / "persons.parquet").to_pylist()
    return sorted(rows, key=lambda row: row["nir"])


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, persons: list[dict[str, Any]]) -> Iterator[SoapServer]:
    file = tmp_path_factory.mktemp("node") / "persons.json"
    file.write_text(json.dumps(persons, default=str))
    with SoapServer(file) as server:
        yield server


def test_two_soap_stacks_give_equal_data(served: Path, node: SoapServer, persons: list[dict[str, Any]]) -> None:
    for asked in (registry("civil_register", "sandbox:civil", served), registry("civil_register", node.url)):
        reader = asked.scan(None)
        assert isinstance(reader, pa.RecordBatchReader)
        assert reader.schema == arrow_schema(columns_of(Person))
        assert reader.read_all().to_pylist() == persons
        for row in persons[::300]:
            assert asked.lookup(row["nir"], Deadline.after(5)).record == Person(**row)
        with pytest.raises(NotFound):
            asked.lookup("171095935000042", Deadline.after(5))


def test_every_documented_fault_has_an_outcome() -> None:
    codes = etree.parse(WSDL).xpath("//*[@name='FaultCode']//@value")
    assert set(codes) == set(FAULT_CODES)


def test_one_client_serves_many_threads(served: Path, persons: list[dict[str, Any]]) -> None:
    asked = registry("civil_register", "sandbox:civil", served)
    nirs = [row["nir"] for row in persons[:400]]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda nir: asked.lookup(nir, Deadline.after(20)).record, nirs))
    assert [getattr(record, "nir", None) for record in found] == nirs


def test_a_number_beyond_64_bits_is_unreadable(canned: Canned) -> None:
    commune = {"nom": "x", "code": "01001", "codesPostaux": [], "codeDepartement": "01", "codeRegion": "84"}
    canned.say(json.dumps([{**commune, "population": 2**63}]).encode(), "application/json")
    with pytest.raises(Unreadable, match="64 bits"):
        registry("api_geo", canned.url).scan(None)


@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b"[[]]", b'[{"code": "01001"}]'])
def test_a_list_of_communes_that_is_none_is_unreadable(canned: Canned, body: bytes) -> None:
    canned.say(body, "application/json")
    with pytest.raises(Unreadable):
        registry("api_geo", canned.url).scan(None)


def test_a_missing_list_is_unreadable_and_not_a_missing_record(canned: Canned) -> None:
    canned.say(b"Not Found", "text/plain", 404)
    with pytest.raises(Unreadable, match="no list"):
        registry("api_geo", canned.url).scan(None)


def listing(row: dict[str, Any] | None, following: str | None) -> bytes:
    people = [] if row is None else [civil._person(row)]
    after = [] if following is None else [civil.R.next(following)]
    return etree.tostring(civil.S.Envelope(civil.S.Body(civil.R.ListPersonsResponse(civil.R.persons(*people), *after))))


@pytest.mark.parametrize("empty", [True, False])
def test_pages_that_do_not_go_on_are_unreadable(canned: Canned, persons: list[dict[str, Any]], empty: bool) -> None:
    canned.say(listing(None if empty else persons[0], persons[0]["nir"]), "text/xml")
    reader = registry("civil_register", canned.url).scan(None)
    assert isinstance(reader, pa.RecordBatchReader)
    with pytest.raises(Unreadable, match="do not go on"):
        reader.read_all()


def test_a_register_without_persons(canned: Canned) -> None:
    canned.say(listing(None, None), "text/xml")
    reader = registry("civil_register", canned.url).scan(None)
    assert isinstance(reader, pa.RecordBatchReader)
    assert reader.read_all().num_rows == 0


# --- what is extra, what is hostile ----------------------------------------------------------------------------------


def test_extra_fields_are_reported_once_by_name_only(canned: Canned, caplog: pytest.LogCaptureFixture) -> None:
    [example] = [each for each in examples.load("api_geo") if each.name == "extra_field"]
    canned.say(example.body, example.content_type)
    asked = registry("api_geo", canned.url)
    assert isinstance(asked, ApiGeo)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            asked.lookup(example.identifier.partition(":")[2], Deadline.after(5))
    assert asked.extras >= {"zone", "departement"}
    assert len(caplog.records) == len(asked.extras)
    assert "metro" not in caplog.text


# --- the network -----------------------------------------------------------------------------------------------------

FAULTS: dict[str, type[BeffroiError]] = {
    "latency:2": Late,
    "drip": Late,
    "blackhole": Late,
    "refuse": Down,
    "reset": Unreadable,
    "cut": Unreadable,
    "garbage": Unreadable,
    "html": Unreadable,
}


@pytest.fixture(scope="module", params=["communes", "civil"])
def proxied(request: pytest.FixtureRequest, served: Path) -> Iterator[tuple[FaultProxy, Registry, str]]:
    port = int(sandbox.address(served, request.param).rpartition(":")[2])
    kind, known = {"communes": ("api_geo", "01001"), "civil": ("civil_register", "171095935000042")}[request.param]
    with FaultProxy("127.0.0.1", port) as proxy:
        yield proxy, registry(kind, proxy.url), known


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_of_the_network(proxied: tuple[FaultProxy, Registry, str], fault: str) -> None:
    proxy, asked, known = proxied
    proxy.fault = "none"
    healthy(asked, known)
    proxy.fault = fault
    began = time.monotonic()
    with pytest.raises(FAULTS[fault]):
        asked.lookup(known, Deadline.after(0.7))
    assert time.monotonic() - began < 1.2
    proxy.fault = "none"
    healthy(asked, known)


def healthy(asked: Registry, known: str) -> None:
    if isinstance(asked, CivilRegister):
        with pytest.raises(NotFound):
            asked.lookup(known, Deadline.after(5))
    else:
        asked.lookup(known, Deadline.after(5))


def test_a_stopped_or_unknown_sandbox_is_down(tmp_path: Path) -> None:
    with pytest.raises(Down, match="never started"):
        registry("api_geo", "sandbox:communes", tmp_path).lookup("01001", Deadline.after(5))


def test_what_a_registry_does_not_do_is_misconfigured(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no lookups"):
        Registry("x", KINDS["api_geo"].settings_model(), tmp_path).lookup("01001", Deadline.after(5))
    with pytest.raises(Misconfigured, match="cannot be scanned"):
        Registry("x", KINDS["api_geo"].settings_model(), tmp_path).scan(None)
