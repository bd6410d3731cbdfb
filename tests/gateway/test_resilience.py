"""Outages planned and unplanned, credentials and limits, as callers, /health and `beffroi check` see them."""

import datetime as dt
import json
import re
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner, Result

from connectors.errors import Down
from connectors.guard import FAILURES, REST, SILENCE, Breaker
from gateway.cli import main
from tests.gateway.conftest import Gateway
from tests.peers.canned import Canned
from tests.peers.fault_proxy import FaultProxy
from tests.soap.cadastre import workspace

Faults = dict[str, FaultProxy]
ALWAYS = "maintenance: [{every: day, from: '00:00', to: '00:00', zone: Europe/Paris, reason: Migration}]"


def declare(root: Path, kind: str, said: str) -> None:
    """Have the registry of a kind say more of itself."""
    file = root / "beffroi.yaml"
    text = file.read_text(encoding="utf-8")
    assert f"kind: {kind}," in text
    file.write_text(text.replace(f"kind: {kind},", f"kind: {kind}, {said},"), encoding="utf-8")


def check(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--workspace", str(root), "check", *arguments], catch_exceptions=False)


# --- outages ---------------------------------------------------------------------------------------------------------


def test_planned_maintenance(root: Path, faults: Faults, nirs: list[str]) -> None:
    declare(root, "api_geo", ALWAYS)
    declare(root, "civil_register", ALWAYS)
    for proxy in faults.values():
        proxy.fault = "none"
    with Gateway(root) as gateway:
        reply = gateway.post("/lookups/person", {"identifier": nirs[0]}, "mairie")
        assert (reply.status, reply.code) == (503, "maintenance")
        assert (reply.json["fault"], reply.json["registry"]) == ("registry", "civil")
        assert "Migration" in reply.json["detail"]
        assert 1 <= int(reply.headers["retry-after"]) <= 25 * 3600
        copy = gateway.get("/lookups/commune/01001", "mairie").json["meta"]
        assert (copy["source"], copy["tried"][0]["code"]) == ("dataset:communes", "maintenance")
        told = gateway.get("/health").json["registries"]
    for name in ("communes", "civil"):
        assert (told[name]["status"], told[name]["reason"], told[name]["failed"]) == ("maintenance", "Migration", 0)
        assert dt.datetime.fromisoformat(told[name]["until"]) > dt.datetime.now(dt.UTC)
        assert faults[name].seen == 0
    assert told["folder"]["status"] == "unknown"


def test_planned_maintenance_degrades_nothing(root: Path) -> None:
    (root / "datasets" / "never.yaml").unlink()
    text = (root / "beffroi.yaml").read_text(encoding="utf-8")
    text = re.sub(r"  unmade:\n(    .*\n)+", "", text)
    text = re.sub(r".*lookup: unmade.*\n", "", text)
    (root / "beffroi.yaml").write_text(text, encoding="utf-8")
    declare(root, "api_geo", ALWAYS)
    with Gateway(root) as gateway:
        assert gateway.get("/lookups/commune/01001", "mairie").status == 200
        assert gateway.get("/health").json["status"] == "ok"


def test_an_outage_that_nobody_planned(root: Path, faults: Faults, nirs: list[str]) -> None:
    faults["civil"].fault = "none"
    with Gateway(root) as gateway:
        now = [0.0]
        breaker = Breaker("civil", lambda: now[0])
        gateway.service.workspace.registries["civil"].guard.breaker = breaker
        for _ in range(FAILURES):
            breaker.leave(Down("x"))
            now[0] += SILENCE
        told = gateway.get("/health").json
        assert told["status"] == "degraded"
        assert (told["registries"]["civil"]["status"], told["registries"]["civil"]["retry_in"]) == (
            "open",
            REST - SILENCE,
        )
        reply = gateway.post("/lookups/person", {"identifier": nirs[0]}, "mairie")
        assert (reply.status, reply.code) == (503, "down")
        assert reply.headers["retry-after"] == str(int(REST - SILENCE))
        assert faults["civil"].seen == 0
        now[0] += REST
        assert gateway.post("/lookups/person", {"identifier": nirs[0]}, "mairie").status == 200
        assert gateway.get("/health").json["registries"]["civil"]["status"] == "ok"


def test_a_registry_that_is_down_is_asked_again_before_the_copy_answers(root: Path, faults: Faults) -> None:
    with Gateway(root) as gateway:
        faults["communes"].fault = "refuse"
        assert gateway.get("/lookups/commune/01001", "mairie").json["meta"]["tried"][0]["code"] == "down"
        assert faults["communes"].seen > 1


def test_limits_of_the_workspace(root: Path, faults: Faults, nirs: list[str]) -> None:
    faults["civil"].fault = "none"
    declare(root, "civil_register", "limits: {per_minute: 1}")
    with Gateway(root) as gateway:
        assert gateway.post("/lookups/person", {"identifier": nirs[0]}, "mairie").status == 200
        reply = gateway.post("/lookups/person", {"identifier": nirs[1]}, "mairie")
    assert (reply.status, reply.code) == (503, "busy")
    assert 1 <= int(reply.headers["retry-after"]) <= 60


def test_a_registry_that_asked_us_to_stay_away(tmp_path: Path, canned: Canned) -> None:
    canned.say(b"", "text/plain", 503, Retry_After="3000")
    with Gateway(workspace(tmp_path / "w", canned.url)) as gateway:
        before = dt.datetime.now(dt.UTC).replace(microsecond=0)
        for _ in range(3):
            assert gateway.post("/lookups/parcel", {"identifier": "22214-AB-0001"}, "desk", "survey").code == "down"
        told = gateway.get("/health").json["registries"]["cadastre"]
    assert len(canned.requests) == 1
    assert (told["status"], told["code"], told["failed"]) == ("failing", "down", 1)
    assert told["reason"] == "it asked us not to come again before (HTTP 503)"
    waits = dt.datetime.fromisoformat(told["until"]) - before
    assert dt.timedelta(seconds=2999) <= waits <= dt.timedelta(seconds=3060)


def test_who_has_no_time_for_an_answer_tells_nothing_of_the_registry(root: Path, faults: Faults) -> None:
    faults["communes"].fault = "blackhole"
    text = (root / "beffroi.yaml").read_text(encoding="utf-8")
    short = text.replace("record: Commune\n    deadline: 1\n", "record: Commune\n    deadline: 0.1\n")
    assert short != text
    (root / "beffroi.yaml").write_text(short, encoding="utf-8")
    with Gateway(root) as gateway:
        assert gateway.get("/lookups/commune/01001", "mairie").json["meta"]["tried"][0]["code"] == "late"
        assert gateway.get("/health").json["registries"]["communes"]["status"] == "unknown"


# --- credentials -----------------------------------------------------------------------------------------------------


def test_credentials_that_are_refused_show_in_health(tmp_path: Path, canned: Canned) -> None:
    canned.say(b"<html/>", "text/html", 401)
    with Gateway(workspace(tmp_path / "w", canned.url)) as gateway:
        question = {"identifier": "22214-AB-0001"}
        assert "credentials" not in gateway.get("/health").json["registries"]["cadastre"]
        reply = gateway.post("/lookups/parcel", question, "desk", "survey")
        assert (reply.code, len(canned.requests)) == ("refused-us", 1), "and they are not tried again"
        canned.say(b"", "text/plain", 500)
        gateway.post("/lookups/parcel", question, "desk", "survey")
        told = gateway.get("/health").json
        refused = [{"name": "what we ask with", "status": "refused", "expires": None}]
        assert (told["status"], told["registries"]["cadastre"]["credentials"]) == ("degraded", refused)


def test_what_has_ended_is_told(root: Path) -> None:
    declare(root, "api_geo", "expires: 2020-01-31")
    done = check(root)
    assert done.exit_code == 0
    assert "WARN communes: the credential declared ended on 2020-01-31: renew it" in done.stderr
    assert json.loads(check(root, "--json").stdout) == []
    with Gateway(root) as gateway:
        told = gateway.get("/health").json
    [known] = told["registries"]["communes"]["credentials"]
    assert (told["status"], known["status"]) == ("degraded", "expired")


def test_a_certificate_that_ends(tmp_path: Path, canned: Canned) -> None:
    root = workspace(tmp_path / "w", canned.url)
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=3, hours=1)
    ours = trustme.CA().issue_cert("us@example.org", not_after=soon)
    ours.private_key_and_cert_chain_pem.write_to_path(root / "ours.pem")
    [declaration] = root.glob("registries/*.yaml")
    declaration.write_text(declaration.read_text() + "tls: {certificate: ours.pem}\n")
    done = check(root)
    assert f"WARN cadastre: our certificate ends on {soon:%Y-%m-%d}: renew it before" in done.stderr
    (root / "ours.pem").write_text("garbage")
    assert "WARN cadastre: ours.pem of cadastre cannot be read as a certificate is refused" in check(root).stderr


# --- check --online --------------------------------------------------------------------------------------------------


def test_every_registry_is_asked_its_probe(root: Path, faults: Faults, nirs: list[str]) -> None:
    for proxy in faults.values():
        proxy.fault = "none"
    declare(root, "civil_register", f"probe: 'nir:{nirs[0]}'")
    done = check(root, "--online", "--json")
    told = {each["registry"]: each for each in json.loads(done.stdout)}
    assert done.exit_code == 0
    assert {name: each["status"] for name, each in told.items()} == {
        "communes": "ok", "civil": "ok", "folder": "no probe",
    }  # fmt: skip
    shown = check(root, "--online")
    assert "communes" in shown.stdout
    assert nirs[0] not in done.output + shown.output


@pytest.mark.parametrize(
    ("said", "fault", "status", "code"),
    [
        ("probe: 'insee:01001'", "refuse", "down", 1),
        ("probe: 'insee:01001'", "html", "unreadable", 1),
        ("probe: 'insee:01999'", "none", "not-found", 1),
        ("probe: 'insee:SECRET'", "none", "malformed-identifier", 1),
        ("probe: '${NOBODY_SETS_THIS}'", "none", "misconfigured", 1),
        (f"probe: '01001', {ALWAYS}", "refuse", "maintenance", 0),
    ],
)
def test_a_probe_that_fails(root: Path, faults: Faults, said: str, fault: str, status: str, code: int) -> None:
    faults["communes"].fault = fault
    declare(root, "api_geo", said)
    done = check(root, "--online", "--json")
    told = {each["registry"]: each for each in json.loads(done.stdout)}["communes"]
    assert (told["status"], told["fails"], done.exit_code) == (status, bool(code), code)
    assert told["detail"]
    assert "SECRET" not in done.output


def test_a_probe_of_a_registry_that_answers_no_lookups(root: Path, faults: Faults) -> None:
    faults["communes"].fault = "none"
    declare(root, "files", "probe: x")
    done = check(root, "--online")
    assert done.exit_code == 1
    assert "answers no lookups" in done.stdout


def test_a_probe_may_stand_in_the_environment(tmp_path: Path, canned: Canned, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADASTRE_PROBE", "22214-AB-0001")
    root = workspace(tmp_path / "w", canned.url)
    [declaration] = root.glob("registries/*.yaml")
    declaration.write_text(declaration.read_text() + 'probe: "${CADASTRE_PROBE}"\n')
    canned.say(b"", "text/html", 403)
    [told] = json.loads(check(root, "--online", "--json").stdout)
    assert told["status"] == "refused-us"
    assert "may not do this" in told["detail"]
    assert told["credentials"] == [{"name": "what we ask with", "status": "refused", "expires": None}]
    assert len(canned.requests) == 1
