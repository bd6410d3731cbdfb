"""A small workspace with one of everything, run once; copies of it for tests that change it; a gateway over it."""

import contextlib
import datetime as dt
import http.client
import json
import logging
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import uvicorn
from fastapi import FastAPI

from connectors import sandbox
from gateway.service import Service
from gateway.serving.app import application
from gateway.serving.heads import Bounded
from pipelines.run import run
from pipelines.workspace import Workspace
from tests.peers.fault_proxy import FaultProxy

REFERENCE = Path(__file__).parents[2] / "datasets" / "reference"

WORKSPACE = """
title: Ville <de> test
registries:
  communes: {{kind: api_geo, url: '{communes}'}}
  civil: {{kind: civil_register, url: '{civil}'}}
  folder: {{kind: files, path: source}}
purposes:
  inscription-scolaire: {{title: Inscription, procedure: Inscription, legal_basis: L131-5, requires: []}}
  etat-civil: {{title: État civil, procedure: Actes, legal_basis: CC 34, requires: []}}
  ancienne: {{title: Ancienne, procedure: Finie, legal_basis: '-', expires: '2025-12-31'}}
lookups:
  commune:
    title: Une commune
    record: Commune
    deadline: 1
    providers: [{{registry: communes}}, {{dataset: communes}}]
  person:
    record: Person
    deadline: 1
    providers: [{{registry: civil}}]
  resident:
    record: Person
    deadline: 1
    providers: [{{registry: civil}}, {{dataset: residents}}]
  copy:
    record: Commune
    providers: [{{dataset: communes}}]
  unmade:
    record: Commune
    deadline: 1
    providers: [{{dataset: never}}, {{registry: communes}}]
organisations:
  ville:
    title: Ville
    applications:
      mairie:
        title: Mairie
        grants:
          - {{lookup: commune, fields: '*', purposes: [inscription-scolaire, ancienne]}}
          - {{lookup: person, fields: '*', purposes: [inscription-scolaire]}}
          - {{lookup: resident, fields: '*', purposes: [inscription-scolaire]}}
          - {{lookup: copy, fields: '*', purposes: [inscription-scolaire]}}
          - {{lookup: unmade, fields: '*', purposes: [inscription-scolaire]}}
          - {{dataset: residents, fields: '*', purposes: [inscription-scolaire]}}
          - {{dataset: permits, fields: '*', purposes: [inscription-scolaire]}}
      ecole:
        title: École
        grants:
          - {{lookup: commune, fields: [name, code], purposes: [inscription-scolaire]}}
          - {{lookup: commune, fields: [population], purposes: [etat-civil]}}
          - {{dataset: permits, fields: [number, street], purposes: [inscription-scolaire]}}
      rien: {{title: Sans droits}}
"""
THINGS = """
title: Choses
owner: ville
audience: open
licence: Licence Ouverte 2.0
source: {registry: folder, table: things}
schema:
  fields:
    - {name: id, type: integer}
    - {name: text}
    - {name: whole, type: integer}
    - {name: real, type: number}
    - {name: yes, type: boolean}
    - {name: day, type: date}
    - {name: moment, type: datetime}
    - {name: tags, type: array}
  primaryKey: id
"""
PERMITS = """
title: Permis
owner: ville
audience: agents
source: {registry: folder, table: permits}
schema:
  fields:
    - {name: number}
    - {name: street}
    - {name: applicant, personal: true}
  primaryKey: number
"""
RESIDENTS = (
    "title: Habitants\nowner: ville\naudience: owner\nrecord: Person\nsource: {registry: folder, table: persons}\n"
)
COMMUNES = """
title: Communes
owner: ville
audience: open
licence: Licence Ouverte 2.0
record: Commune
source: {registry: folder, table: communes}
"""
NEVER = COMMUNES.replace("Communes", "Jamais")

TEXTS = ("Été", "été à Paris", "", "O'Brien; DROP TABLE--", 'a"b', "50%", "x,y", None)
"""Texts that a careless query would stumble over."""


def things(count: int = 60) -> pa.Table:
    """Return a table of every type, with missing values in each column but the key."""
    start, midnight = dt.date(2026, 1, 1), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    days: list[dt.date | None] = [start + dt.timedelta(days=n % 9) if n % 6 else None for n in range(count)]
    moments = [midnight + dt.timedelta(hours=n % 7) if n % 8 else None for n in range(count)]
    return pa.table(
        {
            "id": pa.array(range(count), pa.int64()),
            "text": pa.array([TEXTS[n % len(TEXTS)] for n in range(count)], pa.string()),
            "whole": pa.array([n % 5 - 2 if n % 7 else None for n in range(count)], pa.int64()),
            "real": pa.array([n % 4 + 0.5 if n % 5 else None for n in range(count)], pa.float64()),
            "yes": pa.array([None if n % 3 == 2 else n % 3 == 0 for n in range(count)], pa.bool_()),
            "day": pa.array(days, pa.date32()),
            "moment": pa.array(moments, pa.timestamp("us", tz="UTC")),
            "tags": pa.array([[f"t{n % 3}", "all"] if n % 4 else None for n in range(count)], pa.list_(pa.string())),
        }
    )


@dataclass(frozen=True)
class Reply:
    """What a gateway answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem, once it is a whole one."""
        told = self.json
        assert self.headers["content-type"] == "application/problem+json"
        assert told["status"] == self.status
        assert {"type", "title", "status", "detail", "fault", "todo"} <= set(told)
        assert told["fault"] in ("caller", "registry", "beffroi")
        return str(told["type"]).removeprefix("urn:beffroi:problem:")


def ask(
    url: str, method: str, path: str, headers: dict[str, str] | None = None, body: Any = None, source: str = "127.0.0.1"
) -> Reply:
    """Send one request as it is given, from an address of this machine; a body that is no bytes is sent as JSON."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30, source_address=(source, 0))
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request(method, path, content, headers or {})
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read())
    finally:
        connection.close()


class Gateway:
    """A gateway on a port of its own, in a thread of this process, until the `with` ends."""

    def __init__(self, root: Path, change: Callable[[FastAPI], None] = lambda _: None) -> None:
        self.service = Service(Workspace(root))
        self.root = root
        self._tokens: dict[str, str] = {}
        app = application(self.service)
        change(app)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        config = uvicorn.Config(
            app, http=Bounded, access_log=False, log_config=None, proxy_headers=False, timeout_graceful_shutdown=1
        )
        logging.getLogger("uvicorn.access").disabled = True  # pytest gives it a handler, so that uvicorn uses it
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def headers(self, application: str | None, purpose: str | None = "inscription-scolaire") -> dict[str, str]:
        found = {"Beffroi-Purpose": purpose} if purpose else {}
        if application is not None:
            if application not in self._tokens:
                self._tokens[application] = self.service.tokens.issue(application)
            found["Authorization"] = f"Bearer {self._tokens[application]}"
        return found

    def get(
        self, path: str, application: str | None = None, purpose: str | None = "inscription-scolaire", **headers: str
    ) -> Reply:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(self.url, "GET", path, self.headers(application, purpose) | given)

    def post(
        self, path: str, body: Any, application: str | None = None, purpose: str | None = "inscription-scolaire"
    ) -> Reply:
        return ask(self.url, "POST", path, self.headers(application, purpose), body)


SERVE = """
import sys
from pathlib import Path
from gateway.serving.app import serve
serve(Path(sys.argv[1]), "127.0.0.1", 0, ready=lambda url: print(url, flush=True))
"""


@contextlib.contextmanager
def a_process(root: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Serve a workspace in a process of its own; give it and its address."""
    with (root / "log").open("ab") as log:
        server = subprocess.Popen([sys.executable, "-c", SERVE, str(root)], stdout=subprocess.PIPE, stderr=log)
    assert server.stdout is not None
    try:
        url = server.stdout.readline().decode().strip()
        assert url, (root / "log").read_text()
        yield server, url
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


@pytest.fixture(scope="session")
def proxies(served: Path) -> Iterator[dict[str, FaultProxy]]:
    """The sandbox's communes and civil register, each behind a proxy that can break it."""
    with contextlib.ExitStack() as stack:
        found = {}
        for name in ("communes", "civil"):
            parts = urlsplit(sandbox.address(served, name))
            found[name] = stack.enter_context(FaultProxy(parts.hostname or "", parts.port or 0))
        yield found


@pytest.fixture
def faults(proxies: dict[str, FaultProxy]) -> Iterator[dict[str, FaultProxy]]:
    """The proxies, passing everything on again afterwards."""
    yield proxies
    for proxy in proxies.values():
        proxy.fault = "none"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, proxies: dict[str, FaultProxy]) -> Path:
    """The workspace, its datasets run once. Copy it before you change it."""
    root = tmp_path_factory.mktemp("gateway")
    (root / "datasets").mkdir()
    (root / "source").mkdir()
    text = WORKSPACE.format(communes=proxies["communes"].url, civil=proxies["civil"].url)
    (root / "beffroi.yaml").write_text(text, encoding="utf-8")
    declared = {"things": THINGS, "permits": PERMITS, "residents": RESIDENTS, "communes": COMMUNES, "never": NEVER}
    for name, content in declared.items():
        (root / "datasets" / f"{name}.yaml").write_text(content, encoding="utf-8")
    pq.write_table(things(), root / "source" / "things.parquet")
    permits = {"number": ["P1", "P2", "P3"], "street": ["rue A", "rue B", "rue C"], "applicant": ["X", "Y", "Z"]}
    pq.write_table(pa.table(permits), root / "source" / "permits.parquet")
    pq.write_table(pq.read_table(REFERENCE / "persons.parquet").slice(0, 30), root / "source" / "persons.parquet")
    communes = pq.read_table(REFERENCE / "communes.parquet")
    some = communes.filter(pc.less(communes["code"], "01060")).cast(communes.schema)
    pq.write_table(some, root / "source" / "communes.parquet")
    workspace = Workspace(root)
    for name in ("things", "permits", "residents", "communes"):
        run(workspace, name)
    return root


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """A copy of the workspace, to be changed at will."""
    return Path(shutil.copytree(template, tmp_path / "workspace"))


@pytest.fixture(scope="module")
def gateway(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway over a copy of the workspace that a module's tests share."""
    copy = Path(shutil.copytree(template, tmp_path_factory.mktemp("shared") / "workspace"))
    with Gateway(copy) as running:
        yield running


@pytest.fixture(scope="module")
def url(gateway: Gateway) -> str:
    """Where the shared gateway answers: for property tests, which keep what they are given until the very end."""
    return gateway.url


@pytest.fixture(scope="session")
def nirs() -> list[str]:
    """Numbers of persons: the first 30 are in the dataset `residents` too, the others in the register only."""
    found: list[str] = pq.read_table(REFERENCE / "persons.parquet", columns=["nir"])["nir"].to_pylist()
    return found
