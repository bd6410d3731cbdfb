"""Access tokens of a real OpenID provider: taken where they are proven, refused and journaled in every other case."""

import base64
import hashlib
import hmac
import json
import math
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc import jwk, jwt
from joserfc.jws import JWSRegistry

from connectors.errors import Misconfigured
from pipelines.workspace import Workspace
from tests.gateway.conftest import Gateway, Reply, ask
from tests.gateway.test_journal import entries
from tests.peers.canned import Canned
from tests.peers.fault_proxy import FaultProxy
from tests.peers.oidc.peer import OidcProvider

COMMUNE = "/lookups/commune/01001"
AUDIENCE = "urn:beffroi:ville"
CLIENTS = [{"client_id": name, "client_secret": "s"} for name in ("client-mairie", "client-ecole", "client-other")]


def signing(kid: str, algorithm: str = "RS256") -> jwk.RSAKey | jwk.ECKey | jwk.OKPKey:
    """Return a new private key."""
    said: Any = {"kid": kid, "alg": algorithm, "use": "sig"}
    if algorithm == "ES256":
        return jwk.ECKey.generate_key("P-256", said)
    return jwk.OKPKey.generate_key("Ed25519", said) if algorithm == "EdDSA" else jwk.RSAKey.generate_key(2048, said)


@dataclass
class Issuer:
    """The provider, what it signs with, and how it is asked."""

    provider: OidcProvider
    key: Any

    @property
    def url(self) -> str:
        return self.provider.url.rstrip("/")

    def token(self, client: str = "client-mairie", audience: str = AUDIENCE) -> str:
        """Return a token that the provider itself made."""
        body = urllib.parse.urlencode({"grant_type": "client_credentials", "resource": audience}).encode()
        proof = base64.b64encode(f"{client}:s".encode()).decode()
        request = urllib.request.Request(self.provider.token_url, body, {"Authorization": f"Basic {proof}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(json.load(answer)["access_token"])

    def signed(self, header: dict[str, Any] | None = None, key: Any = None, **claims: Any) -> str:
        """Return a token that is signed with the provider's own key, and says whatever is wanted."""
        now = int(time.time())
        said = {"iss": self.url, "aud": AUDIENCE, "sub": "x", "client_id": "client-mairie", "jti": "1", "iat": now}
        said = {name: value for name, value in (said | {"exp": now + 600} | claims).items() if value is not None}
        head = {"alg": "RS256", "typ": "at+jwt", "kid": self.key.kid} | (header or {})
        head = {name: value for name, value in head.items() if value is not None}
        registry = JWSRegistry(algorithms=["RS256", "PS256", "ES256", "HS256"], strict_check_header=False)
        return jwt.encode(head, said, key or self.key, registry=registry)

    def rotate(self, key: Any, *beside: Any) -> None:
        """Have the provider sign by another key, and publish those beside it too."""
        self.provider.rotate(*(each.as_dict(private=True) for each in (key, *beside)))
        self.key = key


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with OidcProvider(CLIENTS, "read") as provider:
        found = Issuer(provider, None)
        found.rotate(signing("first"))
        yield found


def declared(root: Path, issuer: str, more: str = "") -> Path:
    """Declare the provider in a workspace."""
    with (root / "beffroi.yaml").open("a", encoding="utf-8") as file:
        file.write(
            f"identity:\n  providers:\n    etat:\n      issuer: {issuer}\n      audience: {AUDIENCE}\n"
            f"      applications: {{client-mairie: mairie, client-ecole: ecole}}\n{more}"
        )
    return root


@pytest.fixture
def open_to(root: Path, issuer: Issuer) -> Iterator[Gateway]:
    """A gateway that takes the provider's tokens."""
    with Gateway(declared(root, issuer.url, "      agent: preferred_username\n")) as gateway:
        yield gateway


def asked(gateway: Gateway, token: str, **headers: str) -> Reply:
    given = gateway.headers(None) | {"Authorization": f"Bearer {token}"}
    return ask(gateway.url, "GET", COMMUNE, given | {name.replace("_", "-"): text for name, text in headers.items()})


def in_a_minute(gateway: Gateway) -> None:
    """Let the time pass in which a provider is asked once."""
    for _, provider, _ in gateway.service.credentials._identities._providers.values():
        provider._asked = -math.inf


def test_tokens_that_the_provider_gives(open_to: Gateway, issuer: Issuer) -> None:
    mairie, ecole = asked(open_to, issuer.token()), asked(open_to, issuer.token("client-ecole"))
    assert mairie.status == 200, mairie.body
    assert len(mairie.json["data"]) == 8
    assert list(ecole.json["data"]) == ["code", "name"], "each client has the grants of its application"
    other = asked(open_to, issuer.token("client-other"))
    assert (other.status, other.code) == (401, "unauthenticated")
    assert "its client is no application of this gateway" in other.json["detail"]
    elsewhere = asked(open_to, issuer.token(audience="urn:beffroi:autre"))
    assert "another audience (aud)" in elsewhere.json["detail"]
    journal = entries(open_to.root / ".beffroi")
    assert [(entry["application"], entry["outcome"]) for entry in journal] == [
        ("mairie", "found"), ("ecole", "found"), (None, "unauthenticated"), (None, "unauthenticated"),
    ]  # fmt: skip


def test_the_agent_that_a_token_names(open_to: Gateway, issuer: Issuer) -> None:
    named = issuer.signed(preferred_username="c.martin")
    assert asked(open_to, named).status == 200
    assert asked(open_to, named, Beffroi_Agent="c.martin").status == 200
    assert "another agent" in asked(open_to, named, Beffroi_Agent="m.dupont").json["detail"]
    assert asked(open_to, issuer.token(), Beffroi_Agent="m.dupont").status == 200, "a token that names nobody"
    assert asked(open_to, issuer.signed(preferred_username="c\n")).code == "invalid-request"
    assert asked(open_to, issuer.signed(preferred_username=7)).code == "unauthenticated"
    agents = [entry["agent"] for entry in entries(open_to.root / ".beffroi")]
    assert agents == ["c.martin", "c.martin", "c.martin", "m.dupont", None, None]


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def headed(issuer: Issuer, **header: Any) -> str:
    """Return a token up to its signature, with any header, and good claims."""
    head = {"typ": "at+jwt", "kid": issuer.key.kid} | header
    return f"{encoded(json.dumps(head).encode())}.{issuer.signed().split('.')[1]}"


def by_public_key(issuer: Issuer) -> str:
    """Return a token signed by HS256 with the provider's public key for a secret."""
    said = headed(issuer, alg="HS256")
    return f"{said}.{encoded(hmac.new(issuer.key.as_pem(private=False), said.encode(), hashlib.sha256).digest())}"


def critical(issuer: Issuer) -> str:
    """Return a token that is signed well, and wants something to be understood that nobody knows."""
    said = headed(issuer, alg="RS256", crit=["zz"], zz=1)
    proof = issuer.key.private_key.sign(said.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{said}.{encoded(proof)}"


def of_no_algorithm(issuer: Issuer) -> Any:
    """Return the provider's own key, as if it were not for one algorithm."""
    said = {name: text for name, text in issuer.key.as_dict(private=True).items() if name != "alg"}
    return jwk.import_key(said)


def tampered(issuer: Issuer) -> str:
    """Return a token whose client was changed after it was signed."""
    (head, _, proof), other = issuer.signed(client_id="client-ecole").split("."), issuer.signed()
    return f"{head}.{other.split('.')[1]}.{proof}"


WRONG: dict[str, tuple[Callable[[Issuer], str], str]] = {
    "expired": (lambda i: i.signed(exp=int(time.time()) - 60), "has expired"),
    "no end": (lambda i: i.signed(exp=None), "no time in exp"),
    "an end that is no time": (lambda i: i.signed(exp="tomorrow"), "no time in exp"),
    "an end that no clock will show": (lambda i: i.signed(exp=10**400), "no time in exp"),
    "not yet": (lambda i: i.signed(nbf=int(time.time()) + 3600), "not in force yet"),
    "issued in future": (lambda i: i.signed(iat=int(time.time()) + 3600), "not in force yet"),
    "another issuer": (lambda i: i.signed(iss="https://id.example"), "of an issuer that this gateway does not know"),
    "no issuer": (lambda i: i.signed(iss=None), "names issuer and key"),
    "another audience": (lambda i: i.signed(aud=["urn:other", "urn:more"]), "another audience"),
    "no audience": (lambda i: i.signed(aud=None), "another audience"),
    "an ID token": (lambda i: i.signed({"typ": "JWT"}), "no access token"),
    "no type": (lambda i: i.signed({"typ": None}), "no access token"),
    "no client": (lambda i: i.signed(client_id=None), "does not say client_id"),
    "no subject": (lambda i: i.signed(sub=None), "does not say sub"),
    "another key of that name": (lambda i: i.signed(key=signing("first")), "damaged or forged"),
    "another algorithm than the key's": (lambda i: i.signed({"alg": "PS256"}, of_no_algorithm(i)), "damaged or forged"),
    "a key that is not published": (lambda i: i.signed({"kid": "mine"}, signing("mine")), "does not publish"),
    "no key": (lambda i: i.signed({"kid": None}), "names issuer and key"),
    "alg none": (lambda i: f"{headed(i, alg='none')}.", "damaged or forged"),
    "HS256 with the public key": (by_public_key, "damaged or forged"),
    "tampered": (tampered, "damaged or forged"),
    "critical and unknown": (critical, "damaged or forged"),
    "no JSON": (lambda _: "YQ.YQ.YQ", "names issuer and key"),
    "no text": (lambda _: "..", "names issuer and key"),
    "not ASCII": (lambda _: "é.é.é".encode().decode("latin-1"), "names issuer and key"),
    "too long": (lambda i: i.signed(x="x" * 20_000), "longer than 16 KiB"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_token_that_is_not_good(open_to: Gateway, issuer: Issuer, case: str) -> None:
    make, said = WRONG[case]
    assert asked(open_to, issuer.signed(aud=[AUDIENCE, "urn:more"])).status == 200, "the way to make one is right"
    reply = asked(open_to, make(issuer))
    assert (reply.status, reply.code) == (401, "unauthenticated")
    assert said in reply.json["detail"]
    last = entries(open_to.root / ".beffroi")[-1]
    assert (last["application"], last["outcome"]) == (None, "unauthenticated")


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_other_algorithms(root: Path, algorithm: str) -> None:
    with OidcProvider(CLIENTS, "read") as provider:
        issuer = Issuer(provider, None)
        issuer.rotate(signing("k", algorithm))
        with Gateway(declared(root, issuer.url)) as gateway:
            assert asked(gateway, issuer.token()).status == 200


def test_keys_rotate(root: Path) -> None:
    with OidcProvider(CLIENTS, "read") as provider:
        issuer = Issuer(provider, None)
        first, second = signing("first"), signing("second")
        issuer.rotate(first)
        with Gateway(declared(root, issuer.url)) as gateway:
            old = issuer.token()
            assert asked(gateway, old).status == 200
            issuer.rotate(second, first)
            new = issuer.token()
            unknown = asked(gateway, new)
            assert "does not publish" in unknown.json["detail"], "asked less than a minute ago"
            in_a_minute(gateway)
            assert asked(gateway, new).status == 200, "an unknown key is asked for"
            assert asked(gateway, old).status == 200, "the old one is published still"
            issuer.rotate(second)
            in_a_minute(gateway)
            assert asked(gateway, issuer.signed({"kid": "third"}, signing("third"))).status == 401
            withdrawn = asked(gateway, old)
    assert withdrawn.status == 401, "a key that was withdrawn takes its tokens along"


def test_keys_are_fetched_anew_though_nobody_names_an_unknown_one(root: Path) -> None:
    with OidcProvider(CLIENTS, "read") as provider:
        issuer = Issuer(provider, None)
        issuer.rotate(signing("first"))
        with Gateway(declared(root, issuer.url)) as gateway:
            old = issuer.token()
            assert asked(gateway, old).status == 200
            issuer.rotate(signing("second"))
            in_a_minute(gateway)
            for _, each, _ in gateway.service.credentials._identities._providers.values():
                each._fetched -= 3600
            statuses = []
            until = time.monotonic() + 30
            while 401 not in statuses and time.monotonic() < until:
                statuses.append(asked(gateway, old).status)
    assert statuses[0] == 200, "nobody waits for it"
    assert statuses[-1] == 401


def test_a_provider_that_is_down(root: Path) -> None:
    with OidcProvider(CLIENTS, "read") as provider:
        port = int(provider.url.rstrip("/").rpartition(":")[2])
        with FaultProxy("127.0.0.1", port) as between:
            keys = f"      keys: {between.url}/jwks\n"
            issuer = Issuer(provider, None)
            issuer.rotate(signing("first"))
            with Gateway(declared(root, issuer.url, keys)) as gateway:
                between.fault = "refuse"
                cold = asked(gateway, issuer.token())
                local = gateway.get(COMMUNE, "mairie")
                between.fault = "none"
                in_a_minute(gateway)
                warm = asked(gateway, issuer.token())
                between.fault = "refuse"
                in_a_minute(gateway)
                known, unknown = asked(gateway, issuer.token()), asked(gateway, issuer.signed({"kid": "x"}))
    assert (cold.status, cold.code) == (503, "down")
    assert "the identity provider etat did not give the key" in cold.json["detail"]
    assert cold.headers["Retry-After"] == "10"
    assert local.status == 200, "our own tokens need no provider"
    assert (warm.status, known.status) == (200, 200)
    assert (unknown.status, unknown.code) == (503, "down")
    outcomes = [entry["outcome"] for entry in entries(root / ".beffroi")]
    assert outcomes == ["down", "found", "found", "found", "down"]


def test_a_provider_that_never_answers_keeps_nobody_else_waiting(root: Path, issuer: Issuer) -> None:
    with FaultProxy("127.0.0.1", int(issuer.url.rpartition(":")[2])) as between:
        between.fault = "blackhole"
        with Gateway(declared(root, issuer.url, f"      keys: {between.url}/jwks\n")) as gateway:
            replies: list[Reply] = []
            waiting = [
                threading.Thread(target=lambda: replies.append(asked(gateway, issuer.token()))) for _ in range(9)
            ]
            for each in waiting:
                each.start()
            while not between.seen:
                time.sleep(0.01)
            local = gateway.get(COMMUNE, "mairie")
            assert not replies, "the provider is being asked still"
            for each in waiting:
                each.join()
            assert between.seen == 1, "of many at once, one asks"
    assert local.status == 200
    assert [reply.code for reply in replies] == ["down"] * 9


def test_a_provider_that_has_another_name_than_declared(root: Path, issuer: Issuer) -> None:
    other = issuer.url.replace("127.0.0.1", "localhost")
    with Gateway(declared(root, other)) as gateway:
        reply = asked(gateway, issuer.signed(iss=other))
    assert (reply.status, reply.code) == (500, "misconfigured")
    assert "its issuer is another than declared" in reply.json["detail"]


@pytest.mark.parametrize("told", [True, False], ids=["declared", "not declared"])
def test_keys_on_another_host_must_be_declared(root: Path, issuer: Issuer, told: bool) -> None:
    with Canned() as discovery:
        keys = f"{issuer.url}/jwks"
        discovery.body = json.dumps({"issuer": discovery.url, "jwks_uri": keys}).encode()
        with Gateway(declared(root, discovery.url, f"      keys: {keys}\n" if told else "")) as gateway:
            reply = asked(gateway, issuer.signed(iss=discovery.url))
    assert reply.status == (200 if told else 500), reply.body
    assert told or "which is not the address declared for it" in reply.json["detail"]


@pytest.mark.parametrize("known", [True, False], ids=["declared", "not declared"])
def test_an_authority_of_ones_own(root: Path, known: bool) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(root / "authority.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(root / "server.pem"))
    with OidcProvider(CLIENTS, "read", tls=root) as provider:
        issuer = Issuer(provider, None)
        issuer.rotate(signing("first"))
        with Gateway(declared(root, issuer.url, "      authority: authority.pem\n" if known else "")) as gateway:
            reply = asked(gateway, issuer.signed())
    assert reply.status == (200 if known else 503), reply.body
    assert known or "its TLS certificate or handshake is not valid" in reply.json["detail"]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"<html>", 200), (b"[]", 200), (b'{"keys": 7}', 200), (b"", 404), (b"", 500), (b"[" * 100_000, 200)],
    ids=["html", "a list", "no list of keys", "404", "500", "deep"],
)
def test_a_provider_that_answers_nonsense(root: Path, issuer: Issuer, body: bytes, status: int) -> None:
    with Canned() as canned:
        canned.body, canned.status = body, status
        with Gateway(declared(root, issuer.url, f"      keys: {canned.url}/jwks\n")) as gateway:
            reply = asked(gateway, issuer.token())
    assert (reply.status, reply.code) == (503, "down")


def test_keys_that_sign_no_token(root: Path, issuer: Issuer) -> None:
    good = issuer.key.as_dict(private=False)
    encrypting, weak = good | {"use": "enc", "kid": "enc"}, good | {"n": good["n"][:100], "kid": "weak"}
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "oct", "alg": "HS256"}
    with Canned() as canned:
        canned.body = json.dumps({"keys": [encrypting, weak, secret, {"kty": "RSA", "kid": "half"}, 7, good]}).encode()
        with Gateway(declared(root, issuer.url, f"      keys: {canned.url}/jwks\n")) as gateway:
            assert asked(gateway, issuer.token()).status == 200
            for kid in ("enc", "weak", "oct", "half"):
                assert "does not publish" in asked(gateway, issuer.signed({"kid": kid})).json["detail"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{issuer: 'http://id.example', audience: a, applications: {c: mairie}}", "expected an https address"),
        ("{issuer: 'https://u:p@id.example', audience: a, applications: {c: mairie}}", "without user name"),
        ("{issuer: 'https://id.example', audience: a, applications: {c: mairi}}", "did you mean «mairie»"),
        ("{issuer: 'https://id.example', audience: a, applications: {}}", "at least 1"),
        ("{issuer: 'https://id.example', audience: a, applications: {c: mairie}, authority: ca.pem}", "no such file"),
    ],
)
def test_what_cannot_be_declared(root: Path, text: str, said: str) -> None:
    with (root / "beffroi.yaml").open("a", encoding="utf-8") as file:
        file.write(f"identity:\n  providers:\n    etat: {text}\n")
    with pytest.raises(Misconfigured, match=said):
        Workspace(root)


def test_two_entries_of_one_issuer(root: Path) -> None:
    one = "{issuer: 'https://id.example', audience: a, applications: {c: mairie}}"
    with (root / "beffroi.yaml").open("a", encoding="utf-8") as file:
        file.write(f"identity:\n  providers:\n    a: {one}\n    b: {one}\n")
    with pytest.raises(Misconfigured, match="a has this issuer too"):
        Workspace(root)
