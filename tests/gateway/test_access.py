"""Who may see what: the decision by itself, then through HTTP."""

import asyncio
import dataclasses
from contextlib import closing
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from connectors.errors import BeffroiError, InvalidRequest, NotGranted, Unauthenticated
from gateway.callers.access import Caller, decide, identify, of_dataset, of_lookup, visible
from gateway.callers.tokens import Tokens
from pipelines.workspace import Workspace
from tests.gateway.conftest import Gateway

PURPOSE = "inscription-scolaire"


def fields(gateway: Gateway, caller: Caller, name: str = "commune", asked: list[str] | None = None) -> tuple[str, ...]:
    workspace = gateway.service.workspace
    return decide(workspace, caller, of_lookup(name, workspace.lookup(name)), asked).fields


def application(name: str, purpose: str | None = PURPOSE) -> Caller:
    return Caller("api", name, "ville", purpose)


def test_the_granted_fields_in_the_order_of_the_record(gateway: Gateway) -> None:
    assert fields(gateway, application("ecole")) == ("code", "name")
    assert fields(gateway, application("ecole"), asked=["name"]) == ("name",)
    assert fields(gateway, application("ecole", "etat-civil")) == ("population",)
    assert len(fields(gateway, application("mairie"))) == 8


@pytest.mark.parametrize(
    ("caller", "said"),
    [
        (application("rien"), "rien has no grant on the lookup commune"),
        (application("ecole", None), "in the header Beffroi-Purpose, or ?purpose= on GET; allowed: etat-civil, insc"),
        (application("ecole", "inscription-scolair"), "not declared (did you mean «inscription-scolaire»?)"),
        (application("mairie", "ancienne"), "expired on 2025-12-31"),
        (application("ecole", "ancienne"), "expired on 2025-12-31"),
        (application("mairie", "etat-civil"), "but not for the purpose etat-civil"),
    ],
)
def test_a_refusal_says_what_is_missing(gateway: Gateway, caller: Caller, said: str) -> None:
    with pytest.raises(NotGranted) as refused:
        fields(gateway, caller)
    assert said in refused.value.detail


def test_a_field_by_name(gateway: Gateway) -> None:
    with pytest.raises(NotGranted, match="no grant on the field population"):
        fields(gateway, application("ecole"), asked=["code", "population"])
    with pytest.raises(InvalidRequest, match="no field «poplation»; allowed: code, name"):
        fields(gateway, application("ecole"), asked=["poplation"])


def test_the_operator_of_the_command_line(gateway: Gateway) -> None:
    assert len(fields(gateway, Caller("command"))) == 8
    with pytest.raises(NotGranted, match="say why with --purpose; allowed: ancienne"):
        fields(gateway, Caller("command"), "person")
    assert "nir" in fields(gateway, Caller("command", purpose="etat-civil"), "person")
    with pytest.raises(NotGranted, match="expired"):
        fields(gateway, Caller("command", purpose="ancienne"), "person")


def test_an_open_dataset_is_for_everybody(gateway: Gateway) -> None:
    workspace = gateway.service.workspace
    nobody = Caller("api", refusal=Unauthenticated("no token"))
    assert "code" in decide(workspace, nobody, of_dataset(workspace.dataset("communes")), None).fields
    with pytest.raises(Unauthenticated):
        decide(workspace, nobody, of_dataset(workspace.dataset("permits")), None)
    assert visible(workspace, nobody) == ["communes", "never", "things"]
    assert visible(workspace, application("ecole")) == ["communes", "never", "permits", "things"]
    assert visible(workspace, Caller("command")) == sorted(workspace.datasets)


@pytest.mark.parametrize(
    ("headers", "kind", "said"),
    [
        ({}, Unauthenticated, "no token came"),
        ({"authorization": "Basic eDp5"}, Unauthenticated, "Bearer"),
        ({"authorization": "Bearer"}, Unauthenticated, "unknown, expired or revoked"),
        ({"authorization": "Bearer bft_nope"}, Unauthenticated, "unknown, expired or revoked"),
        ({"authorization": "Bearer ' OR 1=1 --"}, Unauthenticated, "unknown, expired or revoked"),
        ({"beffroi-agent": "x" * 101}, InvalidRequest, "Beffroi-Agent"),
        ({"beffroi-agent": "a\tb"}, InvalidRequest, "Beffroi-Agent"),
    ],
)
def test_what_a_caller_says_wrongly_of_itself(
    gateway: Gateway, headers: dict[str, str], kind: type[BeffroiError], said: str
) -> None:
    found, _ = asyncio.run(gateway.service.credentials.of("127.0.0.1", Headers(headers)))
    caller = identify(gateway.service.workspace, found, headers, None)
    assert isinstance(caller.refusal, kind)
    assert said in caller.refusal.detail
    assert caller.application is None


def test_a_grant_whose_purposes_have_all_expired_tells_of_nothing(root: Path) -> None:
    path = root / "beffroi.yaml"
    declared = path.read_text("utf-8")
    of_permits = "{dataset: permits, fields: [number, street], purposes: [inscription-scolaire]}"
    path.write_text(declared.replace(of_permits, of_permits.replace("inscription-scolaire", "ancienne")), "utf-8")
    workspace = Workspace(root)
    assert visible(workspace, application("ecole")) == ["communes", "never", "things"]
    path.write_text(declared.replace(of_permits, of_permits.replace("[inscr", "[ancienne, inscr")), "utf-8")
    assert "permits" in visible(Workspace(root), application("ecole"))


def test_an_application_that_is_declared_no_more(root: Path) -> None:
    """Its tokens are worth nothing, whatever the store says."""
    with closing(Tokens(Workspace(root))) as tokens:
        text = tokens.issue("rien")
        assert tokens.verify(text).application == "rien"
    declared = root / "beffroi.yaml"
    declared.write_text(declared.read_text().replace("      rien:", "      tout:"))
    with closing(Tokens(Workspace(root))) as tokens, pytest.raises(Unauthenticated):
        tokens.verify(text)


def test_a_caller_never_changes() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        application("ecole").purpose = "other"  # type: ignore[misc]


def test_over_http(gateway: Gateway) -> None:
    assert gateway.get("/lookups/commune/01001").code == "unauthenticated"
    assert gateway.get("/lookups/commune/01001", "rien").code == "not-granted"
    assert gateway.get("/lookups/commune/01001", "ecole", None).code == "not-granted"
    assert gateway.get("/lookups/commune/01001", "ecole").json["data"] == {
        "code": "01001",
        "name": "L'Abergement-Clémenciat",
    }
    by_query = gateway.get("/lookups/commune/01001?purpose=etat-civil", "ecole", None)
    assert list(by_query.json["data"]) == ["population"]
    assert gateway.get("/lookups/commune/01001?fields=population", "ecole").code == "not-granted"
    assert gateway.get("/lookups/commune/01001?fields=", "ecole").code == "invalid-request"
    assert gateway.get("/lookups/commune/01001?field=name", "ecole").code == "invalid-request"
    assert gateway.get("/lookups/commune/01001?fields=name", "ecole").json["data"] == {
        "name": "L'Abergement-Clémenciat"
    }
    by_post = gateway.post("/lookups/commune?purpose=etat-civil", {"identifier": "01001"}, "ecole", None)
    assert by_post.code == "invalid-request", "on POST the purpose is in the header"
