"""Metrics: who may read them, what they count, over all processes, and that they name nobody."""

import ipaddress
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from gateway.callers.limits import REFUSED
from gateway.callers.proxies import network_of
from gateway.metrics import SECONDS, Metrics, forget_dead
from tests.gateway.conftest import Gateway, Reply, ask
from tests.gateway.test_journal import entries
from tests.peers.fault_proxy import FaultProxy

Samples = dict[tuple[str, ...], float]
"""Numbers by the name of a sample and the values of its labels, sorted by the labels' names."""


def declared(root: Path) -> Path:
    """Declare who may scrape, a lookup that keeps its answers, and limits."""
    path = root / "beffroi.yaml"
    text = path.read_text(encoding="utf-8") + "metrics: {networks: [127.0.0.1/32]}\n"
    text = text.replace("    title: Une commune\n", "    title: Une commune\n    cache: {seconds: 0.4, stale: 3600}\n")
    path.write_text(
        text.replace("      mairie:\n", "      mairie:\n        limits: {per_day: 1000}\n"), encoding="utf-8"
    )
    return root


@pytest.fixture(scope="module")
def counting(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose workspace declares metrics, which the module's tests share."""
    copy = Path(shutil.copytree(template, tmp_path_factory.mktemp("metrics") / "workspace"))
    with Gateway(declared(copy)) as gateway:
        yield gateway


def person(gateway: Gateway, nir: str, application: str | None = "mairie", purpose: str | None = None) -> Reply:
    """Ask for a person, for an agent and a case that no scrape may name."""
    about = {"Beffroi-Agent": "agent.secret", "Beffroi-Case": "dossier-secret"}
    headers = gateway.headers(application, purpose or "inscription-scolaire") | about
    return ask(gateway.url, "POST", "/lookups/person", headers, {"identifier": nir})


def read(reply: Reply) -> Samples:
    """Return what a scrape told, read as Prometheus does."""
    assert reply.status == 200, reply.body
    families = list(text_string_to_metric_families(reply.body.decode()))
    assert all(family.documentation and family.type != "unknown" for family in families)
    names = [family.name for family in families]
    assert len(names) == len(set(names)), "each family stands once"
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def scraped(gateway: Gateway) -> Samples:
    return read(ask(gateway.url, "GET", "/metrics"))


class Since:
    """What was counted since it was made."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway, self._before = gateway, scraped(gateway)

    def __call__(self) -> Samples:
        return {key: value - self._before.get(key, 0.0) for key, value in scraped(self._gateway).items()}


def test_nothing_is_told_or_counted_unless_declared(gateway: Gateway) -> None:
    assert ask(gateway.url, "GET", "/metrics").status == 404
    assert not (gateway.root / ".beffroi/metrics").exists()


def test_only_declared_networks_may_scrape_whatever_they_say_of_themselves(counting: Gateway) -> None:
    for headers in ({}, {"X-Forwarded-For": "127.0.0.1"}, counting.headers("mairie")):
        reply = ask(counting.url, "GET", "/metrics", headers, source="127.0.0.2")
        assert (reply.status, reply.code) == (403, "not-granted")
    assert ask(counting.url, "GET", "/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
def test_behind_a_proxy_that_is_not_declared_nobody_scrapes(counting: Gateway, header: str) -> None:
    """Else the metrics would be for the whole world, whose calls come from the proxy's address."""
    assert ask(counting.url, "GET", "/metrics", {header: "for=192.0.2.1"}).status == 403
    assert ask(counting.url, "GET", "/metrics").status == 200


def test_a_proxy_that_is_not_declared_is_told_once(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Gateway(root) as gateway:
        for _ in range(2):
            assert ask(gateway.url, "GET", "/lookups/commune/01001", {"X-Forwarded-For": "192.0.2.1"}).status == 401
    told = [each.getMessage() for each in caplog.records if each.name == "beffroi.proxies"]
    assert len(told) == 1
    assert "declare it under proxies:" in told[0]
    assert "192.0.2.1" not in told[0]


def test_what_applications_did_and_providers_answered_is_counted(
    counting: Gateway, faults: dict[str, FaultProxy], nirs: list[str]
) -> None:
    since = Since(counting)
    assert person(counting, nirs[0]).status == 200
    assert person(counting, nirs[0], "ecole").code == "not-granted"
    assert counting.get("/lookups/copy/01001", "mairie").status == 200
    assert counting.get("/lookups/commune/01001").code == "unauthenticated"
    faults["civil"].fault = "refuse"
    failed = person(counting, nirs[0]).code
    assert failed in ("down", "late")
    told = since()
    assert told["beffroi_accesses_total", "lookup", "mairie", "found"] == 2
    assert told["beffroi_accesses_total", "lookup", "mairie", failed] == 1
    assert told["beffroi_accesses_total", "lookup", "ecole", "not-granted"] == 1
    assert told["beffroi_accesses_total", "lookup", "(nobody)", "unauthenticated"] == 1
    assert told["beffroi_provider_answers_total", "found", "civil"] == 1
    assert told["beffroi_provider_answers_total", failed, "civil"] == 1
    assert told["beffroi_provider_answers_total", "found", "dataset:communes"] == 1
    assert told["beffroi_provider_seconds_count", "civil"] == 2
    assert told["beffroi_provider_seconds_bucket", "+Inf", "civil"] == 2
    assert 0 < told["beffroi_provider_seconds_sum", "dataset:communes"] < 1
    buckets = [told["beffroi_provider_seconds_bucket", str(bound), "civil"] for bound in SECONDS]
    assert buckets == sorted(buckets)
    assert told["beffroi_limit_left", "mairie", "day"] == -3


def test_how_things_stand_is_told(counting: Gateway) -> None:
    state = counting.root / ".beffroi"
    since, before = Since(counting), len(entries(state))
    counting.get("/lookups/copy/01001", "mairie")
    assert since()["beffroi_journal_entries_total",] == len(entries(state)) - before
    told = scraped(counting)
    assert told["beffroi_journal_commit_seconds_count",] >= 1
    assert told["beffroi_journal_failures_total",] == told["beffroi_journal_waiting",] == 0
    assert told["beffroi_journal_writable",] == 1
    assert told["beffroi_limit_calls", "mairie", "day"] == 1000
    assert told["beffroi_jobs", "under-way"] == told["beffroi_jobs", "ended"] == 0
    assert told["beffroi_dataset_version", "communes"] == 1
    assert 0 < time.time() - told["beffroi_dataset_version_timestamp_seconds", "communes"] < 86_400


def test_a_breaker_that_opens_is_told_and_closes_again(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path)
    for is_open in (True, False):
        metrics.breaker("civil", is_open=is_open)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(metrics.folder))  # type: ignore[no-untyped-call]
        assert registry.get_sample_value("beffroi_provider_breaker_open", {"provider": "civil"}) == is_open
    metrics.close()


def test_what_the_cache_had_is_counted(counting: Gateway, faults: dict[str, FaultProxy]) -> None:
    def cached(code: str) -> str | None:
        reply = counting.get(f"/lookups/commune/{code}", "mairie")
        found: str | None = reply.json["meta"].get("cached") if reply.status == 200 else None
        return found

    since = Since(counting)
    assert [cached("01001"), cached("01001")] == [None, "fresh"]
    assert [cached("01999"), cached("01999")] == [None, None]
    faults["communes"].fault = "refuse"
    hits = 1
    while cached("01001") == "fresh":
        hits += 1
        time.sleep(0.1)
    told = since()
    key = "beffroi_cache_answers_total", "commune"
    assert (told[*key, "hit"], told[*key, "not-found"], told[*key, "miss"]) == (hits, 1, 3)
    assert told.get((*key, "stale"), 0) == 0, "the copy has answered"


def test_no_person_agent_case_or_word_of_a_caller_is_in_a_scrape(counting: Gateway, nirs: list[str]) -> None:
    for application, purpose in (("mairie", None), ("mairie", "secret"), (None, None)):
        person(counting, nirs[0], application, purpose)
    for path in ("/lookups/secret/secret", "/datasets/secret/rows", f"/lookups/person/{nirs[0]}"):
        ask(counting.url, "GET", path, counting.headers("mairie"))
        ask(counting.url, "GET", path, {"Authorization": "Bearer secret"})
    text = ask(counting.url, "GET", "/metrics").body.decode()
    assert "mairie" in text
    assert "secret" not in text
    assert nirs[0] not in text


def test_one_scrape_tells_of_all_processes(counting: Gateway) -> None:
    since = Since(counting)
    with Gateway(counting.root) as other:
        for gateway in (counting, other, other):
            assert gateway.get("/lookups/copy/01001", "mairie").status == 200
        told = scraped(counting)["beffroi_accesses_total", "lookup", "mairie", "found"]
        assert since()["beffroi_accesses_total", "lookup", "mairie", "found"] == 3
        assert since()["beffroi_provider_seconds_count", "dataset:communes"] == 3
        assert scraped(other)["beffroi_accesses_total", "lookup", "mairie", "found"] == told
    assert since()["beffroi_accesses_total", "lookup", "mairie", "found"] == 3, "what has ended is not forgotten"


DYING = """
import sys, time
from pathlib import Path
from gateway.callers.limits import REFUSED
from gateway.callers.proxies import network_of
from gateway.metrics import Metrics
metrics = Metrics(Path(sys.argv[1]))
metrics.provider("civil", "found", 0.2)
metrics.breaker("civil", is_open=True)
print(flush=True)
time.sleep(60)
"""


def test_what_a_killed_process_counted_stays_until_the_gateway_begins_anew(tmp_path: Path) -> None:
    first = Metrics(tmp_path)
    with subprocess.Popen([sys.executable, "-c", DYING, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        kept = [len(list(first.folder.glob(f"{kind}_*.db"))) for kind in ("counter", "gauge")]
        other.send_signal(signal.SIGKILL)
    forget_dead(first.folder)
    left = [len(list(first.folder.glob(f"{kind}_*.db"))) for kind in ("counter", "gauge")]
    assert (kept, left) == ([2, 4], [2, 2]), "it is out of order no more, and what it answered is not forgotten"
    first.close()
    anew = Metrics(tmp_path)
    assert len(list(anew.folder.glob("counter_*.db"))) == 1
    anew.close()


def test_whoever_has_no_credential_is_turned_away_after_too_many_refusals(counting: Gateway) -> None:
    """The first one over is on the journal, none after it. Served is who calls from elsewhere, has a token, or needs none."""
    opened, refused, page = "/datasets/communes/rows?limit=1", "/lookups/commune/01001", "/nothing"
    refusals, state = counting.service.journal.refusals, counting.root / ".beffroi"
    tokened, since = counting.headers("mairie"), Since(counting)

    def calls(source: str, *paths: str, headers: dict[str, str] | None = None) -> list[Reply]:
        return [ask(counting.url, "GET", path, headers, source=source) for path in paths]

    while True:
        minute, before = time.time() // 60, len(entries(state))
        served = calls("127.0.0.7", opened, page, opened, refused, opened)
        had = refusals.begun("127.0.0.7")
        for _ in range(REFUSED):
            refusals.begun("127.0.0.9")
        over = calls("127.0.0.9", refused, refused, refused)
        free = calls("127.0.0.9", page, opened, "/health", "/", "/datasets", "/.well-known/jwks.json")
        elsewhere = calls("127.0.0.8", opened) + calls("127.0.0.9", refused, headers=tokened)
        if time.time() // 60 == minute:
            break
    assert ([reply.status for reply in served], had) == ([200, 404, 200, 401, 200], 1)
    assert [(reply.status, reply.code) for reply in over] == [(429, "limit-reached")] * 3
    assert [reply.status for reply in free] == [404, 200, 200, 200, 200, 200], "others may share the address"
    assert all(0 < int(reply.headers["Retry-After"]) <= 60 for reply in over)
    assert [reply.status for reply in elsewhere] == [200, 200]
    outcomes = [entry["outcome"] for entry in entries(state)[before:]]
    assert outcomes == ["unauthenticated", "limit-reached", "found"]
    assert since()["beffroi_turned_away_total",] >= 2


def test_all_addresses_of_one_ipv6_network_are_one_caller() -> None:
    ours = {network_of(ipaddress.ip_address(text)) for text in ("2001:db8::1", "2001:db8::ffff:1:2:3")}
    others = {network_of(ipaddress.ip_address(text)) for text in ("2001:db8:0:1::1", "192.0.2.1", "192.0.2.2")}
    assert (len(ours), len(others), len(ours | others)) == (1, 3, 4)
