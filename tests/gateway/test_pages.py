"""Pages, health, the description of the API, and the server itself."""

import logging
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from lxml import html

from connectors.errors import Misconfigured, Unavailable
from gateway.serving.app import serve
from pipelines.run import run
from pipelines.workspace import Workspace
from tests.gateway.conftest import SERVE, Gateway, ask, things

ELSEWHERE = re.compile(rb"(?:src|href)\s*=\s*[\"']?(?:[a-z]+:)?//", re.IGNORECASE)


def test_the_page(gateway: Gateway) -> None:
    reply = gateway.get("/")
    text = reply.body.decode()
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>Ville &lt;de&gt; test</h1>" in text
    assert '<html lang="en">' in text
    for path in re.findall(r'href="([^"]+)"', text):
        assert gateway.get(path).status == 200, path
    assert "POST /lookups/person" in text
    assert '<a href="/lookups/person">person</a>' in text
    assert "GET /lookups/commune/{identifier}" in text
    assert "/datasets/things/latest/things.parquet" in text
    assert "residents" not in text
    assert not ELSEWHERE.search(reply.body)


def test_the_page_leads_to_what_tells_of_each_open_dataset(gateway: Gateway) -> None:
    for language, texts in (
        ("en", ["report", "versions", "feed (Atom)"]),
        ("fr", ["rapport", "versions", "fil (Atom)"]),
    ):
        page = html.document_fromstring(gateway.get("/", Accept_Language=language).body)
        for name in ("things", "communes"):
            (row,) = page.xpath(f"//tr[th/a[@href='/datasets/{name}']]")
            links = row.xpath("./td[last()]/a")
            assert [link.text for link in links] == texts
            assert [link.get("aria-label") for link in links] == [f"{name}: {text}" for text in texts]
            assert [link.get("href") for link in links] == [
                f"/datasets/{name}/{each}" for each in ("report", "versions", "changes.atom")
            ]
            for link in links:
                assert gateway.get(link.get("href")).status == 200
        (never,) = page.xpath("//tr[th/a[@href='/datasets/never']]")
        assert not never.xpath("./td//a"), "of what has no version there is nothing to follow"
        heads = page.xpath("//table[@aria-labelledby='datasets']/thead/tr/th")
        assert {len(row) for row in page.xpath("//table[@aria-labelledby='datasets']/tbody/tr")} == {len(heads)}


def test_a_dataset_leads_to_its_report_versions_and_feed(gateway: Gateway) -> None:
    for name, caller in (("things", None), ("permits", "mairie")):
        links = gateway.get(f"/datasets/{name}", caller).json["links"]
        for what, kind in (
            ("report", "text/html"),
            ("versions", "application/json"),
            ("changes", "application/atom+xml"),
        ):
            reply = gateway.get(links[what], caller)
            assert (reply.status, reply.headers["content-type"].partition(";")[0]) == (200, kind)


def test_the_page_counts_and_tells_times_as_its_readers_do(root: Path) -> None:
    declared = root / "beffroi.yaml"
    declared.write_text(declared.read_text(encoding="utf-8") + "timezone: Europe/Paris\n", encoding="utf-8")
    pq.write_table(things(1), root / "source" / "things.parquet")
    run(Workspace(root), "things", accept=True)
    with Gateway(root) as gateway:
        for language, one, many in (("en", "1 row<", " rows<"), ("fr", "1 ligne<", " lignes<")):
            text = gateway.get("/", Accept_Language=language).body.decode()
            assert re.search(rf"version 2, \d{{4}}-\d\d-\d\d \d\d:\d\d CES?T, {one}", text)
            assert many in text


def test_a_damaged_dataset_hides_no_other(template: Path, tmp_path: Path) -> None:
    root = tmp_path / "damaged"
    shutil.copytree(template, root)
    for log in (root / ".beffroi" / "lake" / "things" / "_delta_log").glob("*.json"):
        log.write_bytes(b"")
    with Gateway(root) as gateway:
        for path in ("/", "/health", "/datasets", "/datasets/communes/rows"):
            assert gateway.get(path).status == 200, path
        assert gateway.get("/health").json["datasets"]["things"]["version"] is None
        told = gateway.get("/datasets/things/rows")
        assert (told.status, told.json["fault"]) == (503, "beffroi")
        assert "Delta log is damaged" in told.json["detail"]


@pytest.mark.parametrize(
    ("asked", "language"), [("fr-FR,fr;q=0.9,en;q=0.8", "fr"), ("de,en;q=0.5", "en"), ("eu", "en"), ("", "en")]
)
def test_the_page_speaks_the_reader_s_language(gateway: Gateway, asked: str, language: str) -> None:
    reply = gateway.get("/", Accept_Language=asked)
    assert f'<html lang="{language}">' in reply.body.decode()
    assert ("Jeux de données ouverts" in reply.body.decode()) == (language == "fr")
    assert reply.headers["vary"] == "Accept-Language"


def test_the_docs_load_nothing_from_elsewhere(gateway: Gateway) -> None:
    reply = gateway.get("/docs")
    assert not ELSEWHERE.search(reply.body)
    loaded = re.findall(r'(?:src|href)="([^"]+)"', reply.body.decode())
    assert len(loaded) == 3
    for path in loaded:
        assert gateway.get(path).status == 200, path
    assert '"validatorUrl": null' in reply.body.decode()
    assert "default-src 'self'" in reply.headers["content-security-policy"]
    assert gateway.get("/favicon.ico").headers["content-type"] == "image/svg+xml"


def test_health(gateway: Gateway) -> None:
    told = gateway.get("/health").json
    assert told["status"] == "degraded", "a dataset has no version"
    assert told["datasets"]["never"]["version"] is None
    assert told["datasets"]["communes"]["age_seconds"] >= 0
    assert told["journal"] == "ok"
    assert set(told["registries"]) == {"communes", "civil", "folder"}
    assert told["registries"]["folder"] == {
        "status": "unknown",
        "since": None,
        "code": None,
        "answered": 0,
        "failed": 0,
        "set_aside": 0,
    }
    assert "residents" not in told["datasets"]
    assert "residents" in gateway.get("/health", "mairie").json["datasets"]
    gateway.get("/lookups/commune/01999", "mairie")
    registry = gateway.get("/health").json["registries"]["communes"]
    assert (registry["status"], registry["answered"]) == ("ok", 1), "«not found» is an answer"


def test_the_description(gateway: Gateway) -> None:
    told = gateway.get("/openapi.json").json
    schemas = told["components"]["schemas"]
    for pointer in re.findall(r'"\$ref": ?"#/components/schemas/([^"]+)"', gateway.get("/openapi.json").body.decode()):
        assert pointer in schemas
    assert "/lookups/commune/{identifier}" in told["paths"]
    assert "/lookups/person/{identifier}" not in told["paths"], "a personal record is asked by POST"
    answers = told["paths"]["/lookups/person"]["post"]["responses"]
    either = answers["200"]["content"]["application/json"]["schema"]["anyOf"]  # a record, or what was verified of it
    model = schemas[either[0]["$ref"].rpartition("/")[2]]
    granted = schemas[model["properties"]["data"]["$ref"].rpartition("/")[2]]
    assert granted["properties"]["birth_commune_code"]["description"] == "INSEE code"
    assert {"400", "401", "403", "404", "422", "451", "502", "503", "504", "default"} <= set(answers)
    assert answers["403"]["content"]["application/problem+json"]["schema"]["$ref"].endswith("/Problem")
    ids = [way["operationId"] for path in told["paths"].values() for way in path.values() if "operationId" in way]
    assert len(set(ids)) == len(ids)
    names = [parameter["name"] for parameter in told["paths"]["/datasets/{name}/rows"]["get"]["parameters"]]
    assert set(names) == {"name", "columns", "limit", "cursor", "filters", "version", "format", "purpose"}
    assert "HTTPValidationError" not in schemas


@pytest.mark.parametrize(
    "path", ["/", "/health", "/datasets", "/datasets/things", "/datasets/things/rows", "/datasets/things/rows/1"]
)
def test_heads(gateway: Gateway, path: str) -> None:
    reply = ask(gateway.url, "HEAD", path)
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["content-type"] == gateway.get(path).headers["content-type"]


def test_a_broken_workspace_is_not_served(root: Path, tmp_path: Path) -> None:
    (root / "beffroi.yaml").write_text("titel: x\n")
    with pytest.raises(Misconfigured, match=r"beffroi\.yaml:1"):
        serve(root, "127.0.0.1", 0)
    quiet()


def test_a_port_that_is_taken(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Unavailable, match="cannot listen on"):
        serve(root, "127.0.0.1", taken.getsockname()[1])
    quiet()


def quiet() -> None:
    """Take back what serving sets up for the log of a process."""
    for name in ("beffroi", "uvicorn"):
        logging.getLogger(name).handlers.clear()


def test_the_server_ends_on_sigterm_and_logs_no_query(root: Path) -> None:
    server = subprocess.Popen([sys.executable, "-c", SERVE, str(root)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert server.stdout is not None
    url = server.stdout.readline().decode().strip()
    assert ask(url, "GET", "/datasets/things/rows?text__exact=SECRET").status == 200
    assert ask(url, "GET", "/lookups/commune/SECRET").status == 401
    assert ask(url, "GET", "/SECRET").status == 404
    server.terminate()
    out, log = server.communicate(timeout=60)
    assert out == b""
    assert b"SECRET" not in log
    assert [line.split(b" ", 2)[2] for line in re.sub(rb" \d+ ms", b"", log).splitlines()] == [
        b"INFO GET /datasets/{name}/rows 200",
        b"INFO GET /lookups/commune/{identifier} 401",
        b"INFO GET (no route) 404",
    ]


def test_a_page_of_any_site_may_read_what_is_open_and_nothing_else(gateway: Gateway) -> None:
    shared, origin = "access-control-allow-origin", {"Origin": "https://site.example"}
    rows = gateway.get("/datasets/things/rows?limit=1").json["data"]
    paths = [
        "/datasets",
        "/datasets/things/rows",
        f"/datasets/things/rows/{rows[0]['id']}",
        "/datasets/things/latest/things.csv",
    ]
    for path in paths:
        assert ask(gateway.url, "GET", path, origin).headers[shared] == "*", path
    for path in ("/health", "/lookups", "/lookups/commune/01001", "/metrics", "/"):
        assert shared not in ask(gateway.url, "GET", path, origin).headers, path
    wanted = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    asked = ask(gateway.url, "OPTIONS", "/datasets/residents/rows", origin | wanted)
    assert "access-control-allow-headers" not in asked.headers, "a browser sends no token from there"
