"""A workspace of three organisations, everything of which says whose it is; and how each address of the gateway is asked.

What belongs to one has its mark in it: names, titles, columns, values, and a number of rows that nobody else has. So one
search of an answer's bytes tells whether it says anything of another.
"""

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from starlette.routing import BaseRoute

from tests.gateway.conftest import REFERENCE, Reply
from tests.pipelines.bench import Bench

ROWS = {"zzalpha": 1117, "zzbeta": 1223, "zzgamma": 1327}
"""The tenants, whose names are their marks, and how many rows the works of each have."""

OPEN, OPEN_ROWS = "communes", 53

WORKSPACE = """\
title: Trois organisations
metrics: {networks: [192.0.2.0/24]}
registries:
  source: {kind: files, path: source}
organisations:
  commun:
    title: En commun
    applications:
      portail:
        title: Portail
        grants: [{journal: who-read, fields: '*', purposes: [droit]}]
purposes:
  droit: {title: Droit, procedure: Accès, legal_basis: RGPD 15}
lookups:
  commune:
    title: Une commune
    record: Commune
    providers: [{dataset: communes}, {dataset: zzalpha_communes}]
"""
ORGANISATION = """\
title: Ville NAME
applications:
  NAME_app:
    title: Guichet NAME
    limits: {per_minute: 900000}
    grants:
      - {lookup: commune, fields: [code, name], purposes: [NAME_aid]}
      - {lookup: NAME_works, fields: '*', purposes: [NAME_aid]}
      - {lookup: NAME_people, fields: '*', purposes: [NAME_aid]}
      - {dataset: NAME_works, fields: '*', purposes: [NAME_aid]}
      - {dataset: NAME_people, fields: '*', purposes: [NAME_aid]}
"""
PURPOSE = "title: Aide NAME\nprocedure: Procédure NAME\nlegal_basis: Délibération NAME\n"
EXPIRED = PURPOSE + "expires: 2020-01-01\n"
LOOKUP = "title: Fiche NAME\nproviders: [{dataset: NAME_KIND}]\n"
DATASET = """\
title: KIND NAME
owner: NAME
audience: owner
source: {registry: source, table: NAME_KIND}
schema:
  fields:
    - {name: number, constraints: {required: true}}
    - {name: NAME_street, title: Rue NAMEPERSONAL}
  primaryKey: number
"""
COMMUNES = """\
title: Communes
owner: OWNER
audience: AUDIENCE
record: Commune
source: {registry: source, table: communes}
"""


def build(bench: Bench) -> None:
    """Write the workspace, and run its datasets: two versions of the works of each, the second without one row."""
    bench.write("beffroi.yaml", WORKSPACE)
    communes = pq.read_table(REFERENCE / "communes.parquet")
    bench.source("communes", communes.slice(0, OPEN_ROWS))
    bench.write(
        "datasets/communes.yaml",
        COMMUNES.replace("OWNER", "commun").replace("AUDIENCE", "open\nlicence: Licence Ouverte 2.0"),
    )
    mirror = COMMUNES.replace("OWNER", "zzalpha").replace("AUDIENCE", "owner").replace("Communes", "Copie zzalpha")
    bench.write("datasets/zzalpha_communes.yaml", mirror)
    for name, rows in ROWS.items():
        bench.write(f"organisations/{name}.yaml", ORGANISATION.replace("NAME", name))
        bench.write(f"purposes/{name}_aid.yaml", PURPOSE.replace("NAME", name))
        bench.write(f"purposes/{name}_old.yaml", EXPIRED.replace("NAME", name))
        for kind, personal in (("works", ""), ("people", ", personal: true")):
            declared = DATASET.replace("PERSONAL", personal).replace("KIND", kind).replace("NAME", name)
            bench.write(f"datasets/{name}_{kind}.yaml", declared)
            bench.write(f"lookups/{name}_{kind}.yaml", LOOKUP.replace("KIND", kind).replace("NAME", name))
        bench.source(f"{name}_people", _rows(name, 3, refused=True))
        bench.source(f"{name}_works", _rows(name, rows + 1))
        bench.run(f"{name}_works")
        bench.source(f"{name}_works", _rows(name, rows))
        for kind in ("works", "people"):
            bench.run(f"{name}_{kind}")
    bench.run("communes")
    bench.run("zzalpha_communes")


def _rows(name: str, count: int, *, refused: bool = False) -> pa.Table:
    numbers: list[str | None] = [f"{name}-n{n}" for n in range(count)]
    if refused:
        numbers.append(None)  # a row without its key stands in quarantine
    return pa.table({"number": pa.array(numbers, pa.string()), f"{name}_street": [f"{name} rue {n}" for n in numbers]})


@functools.cache
def made(folder: Path) -> Path:
    """Return the workspace in a folder for tests, made once. Copy it before you change it."""
    bench = Bench(folder / "three-tenants")
    build(bench)
    return bench.root


# --- how each address is asked ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """One request for what is of a tenant, and what its own application gets: a status, with that many journal entries.

    `tells` is whether data come with it, which nobody gets whom the one decision refuses; `hides` whether it is told
    alone to who may know of it.
    """

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    entries: int = 1
    tells: bool = True
    hides: bool = False

    def headers_of(self, name: str, purpose: str | None = None) -> dict[str, str]:
        """Return the headers that go with it: the purpose, the agent and the case of a tenant."""
        said = {"Beffroi-Purpose": purpose or f"{name}_aid", "Beffroi-Agent": f"{name}.agent"}
        return said | {"Beffroi-Case": f"{name}-2026-1"} | dict(self.headers)


def _dataset(rest: str, **more: Any) -> Callable[[str], list[Call]]:
    """Return how an address of a dataset is asked by GET and HEAD: of one without personal data, which may be in URLs."""
    return lambda name: [Call("GET", f"/datasets/{name}_works{rest.replace('NAME', name)}", **more)]


def _listing(path: str) -> Callable[[str], list[Call]]:
    """Return how an address is asked that tells everybody what that one may know of."""
    return lambda _: [Call("GET", path, entries=0, tells=False)]


def _refused(method: str, path: str, status: int, entries: int = 1) -> Callable[[str], list[Call]]:
    """Return how an address is asked that refuses whatever comes, to its own too."""
    return lambda name: [Call(method, path.replace("NAME", name), status=status, entries=entries, tells=False)]


def _lookup(name: str) -> list[Call]:
    number, kept = f"{name}-n7", {"Cache-Control": "no-cache", "Beffroi-Receipt": "yes"}
    several = [{"identifier": number}, {"identifier": f"{name}-n8"}]
    csv = f"identifier\n{number}\n{name}-nobody\n".encode()
    return [
        Call("POST", f"/lookups/{name}_works", {"identifier": number}, kept),
        Call("POST", f"/lookups/{name}_people", {"identifier": f"{name}-n1"}),
        Call("POST", f"/lookups/{name}_people", {"identifier": f"{name}-n1", "verify": {f"{name}_street": "x"}}),
        Call("POST", f"/lookups/{name}_works", several, entries=2),
        Call("POST", f"/lookups/{name}_works", csv, {"Content-Type": "text/csv"}, entries=2),
    ]


def _together(name: str) -> list[Call]:
    parts = [{"lookup": f"{name}_works", "identifier": f"{name}-n7"}]
    return [Call("POST", "/lookups", [*parts, {"lookup": f"{name}_people", "identifier": f"{name}-n1"}], entries=2)]


def _rows_asked(name: str) -> list[Call]:
    asked = {f"{name}_street__contains": name, "limit": "2"}
    return [Call("POST", f"/datasets/{name}_people/rows", asked), Call("POST", f"/datasets/{name}_works/rows", {})]


def _who_read(name: str) -> list[Call]:
    asked = {"identifier": f"dataset:{name}_people:{name}-n1"}
    return [Call("POST", "/who-read", asked, status=403, tells=False)]


def _public(path: str) -> Callable[[str], list[Call]]:
    """Return how an address is asked that has the same for everybody."""
    return lambda _: [Call("GET", path, entries=0, tells=False)]


CALLS: dict[tuple[str, str], Callable[[str], list[Call]]] = {
    ("GET", "/"): _listing("/"),
    ("GET", "/openapi.json"): _public("/openapi.json"),
    ("GET", "/docs"): _public("/docs"),
    ("GET", "/docs/oauth2-redirect"): _public("/docs/oauth2-redirect"),
    ("GET", "/docs/assets"): _public("/docs/assets/swagger-ui.css"),
    ("GET", "/favicon.ico"): _public("/favicon.ico"),
    ("GET", "/favicon.svg"): _public("/favicon.svg"),
    ("GET", "/.well-known/jwks.json"): _public("/.well-known/jwks.json"),
    ("GET", "/health"): _listing("/health"),
    ("GET", "/metrics"): _refused("GET", "/metrics", 403, 0),
    ("GET", "/lookups"): _listing("/lookups"),
    ("POST", "/lookups"): _together,
    ("GET", "/lookups/{lookup}/{identifier:path}"): lambda name: [
        Call("GET", f"/lookups/{name}_works/{name}-n7"),
        Call("GET", f"/lookups/{name}_works/{name}-n7?fields={name}_street"),
        Call("GET", f"/lookups/{name}_people/{name}-n7", status=405, tells=False),
    ],
    ("POST", "/lookups/{lookup}"): _lookup,
    ("GET", "/lookups/{record}"): lambda name: [
        Call("GET", f"/lookups/{name}_works", entries=0, tells=False, hides=True)
    ],
    ("HEAD", "/lookups/{record}"): _refused("HEAD", "/lookups/NAME_works", 405),
    ("POST", "/lookups/{record}"): _refused("POST", "/lookups/NAME_work", 404, 0),
    ("PUT", "/lookups/{record}"): _refused("PUT", "/lookups/NAME_works", 405),
    ("GET", "/lookups/{record}/{identifier:path}"): _refused("GET", "/lookups/NAME_work/NAME-n7", 404, 0),
    ("GET", "/datasets"): _listing("/datasets"),
    ("GET", "/datasets/{name}"): _dataset(""),
    ("GET", "/datasets/{name}/rows"): _dataset("/rows?limit=2"),
    ("POST", "/datasets/{name}/rows"): _rows_asked,
    ("GET", "/datasets/{name}/rows/{key:path}"): _dataset("/rows/NAME-n7"),
    ("GET", "/datasets/{name}/latest/{file}"): _dataset("/latest/NAME_works.csv"),
    ("GET", "/datasets/{name}/versions"): _dataset("/versions"),
    ("GET", "/datasets/{name}/diff"): _dataset("/diff"),
    ("GET", "/datasets/{name}/changes.atom"): _dataset("/changes.atom"),
    ("GET", "/datasets/{name}/report"): _dataset("/report", headers={"Accept-Language": "fr"}),
    ("POST", "/who-read"): _who_read,
}
"""How each route is asked. Where a method is missing here, the route's GET is asked with that method."""

OF_A_JOB = {("GET", "/jobs/{job}"), ("GET", "/jobs/{job}/result"), ("DELETE", "/jobs/{job}")}
"""Addresses that need a job first: tests make one, and then ask."""


def routes(found: Iterable[BaseRoute], lookups: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield method and path of each route of an application, those of routers and mounts too; a lookup is any lookup."""
    for route in found:
        inner = getattr(getattr(route, "original_router", None), "routes", None)
        if inner is not None:
            yield from routes(inner, lookups)
            continue
        path = getattr(route, "path", None)
        assert path is not None, f"a route of the kind {type(route).__name__}, which this test cannot walk"
        for name in lookups:
            path = re.sub(rf"^/lookups/{re.escape(name)}(?=/|$)", "/lookups/{lookup}", path)
        yield from ((method, path) for method in sorted(getattr(route, "methods", None) or {"GET"}))


def calls(method: str, path: str, name: str) -> list[Call]:
    """Return how a route is asked for what is of a tenant. Fails for a route that nobody has said how to ask."""
    made = CALLS.get((method, path))
    if made is not None:
        return made(name)
    likewise = CALLS.get(("GET" if method == "HEAD" else "PUT", path)) or CALLS.get(("GET", path))
    assert likewise is not None, (
        f"{method} {path} is new: say in CALLS of tests/gateway/three_tenants.py how it is asked for what is of one"
        " organisation, so that it is tried as each of three"
    )
    return [replace(each, method=method, body=None, tells=False, hides=False) for each in likewise(name)]


# --- the search ------------------------------------------------------------------------------------------------------


def marks(reply: Reply, others: Iterable[str], sent: Iterable[str]) -> list[str]:
    """Return what an answer, headers and all, says of other tenants, but for names that came with the call itself."""
    text = "\n".join(
        [*(f"{name}: {value}" for name, value in reply.headers.items()), reply.body.decode("utf-8", "replace")]
    )
    for each in sorted(set(sent), key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(each)}(?![\w-])", "", text)
    sought = "|".join(
        f"{name}|(?<![\\w.]){ROWS[name] // 1000}[,  \u202f\u00a0]?{ROWS[name] % 1000:03}(?!\\w)" for name in others
    )
    return [text[max(0, at.start() - 40) : at.end() + 40] for at in re.finditer(sought, text, re.IGNORECASE)]


def words(call: Call) -> set[str]:
    """Return the names that a call itself has in it."""
    body = call.body if isinstance(call.body, str) else repr(call.body)
    return set(re.findall(r"zz[\w-]+", f"{call.path} {body} {' '.join(call.headers.values())}"))
