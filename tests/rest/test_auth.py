"""Who we are to a REST registry, against a real OpenID provider, a resource that asks it, and real TLS."""

import base64
import datetime as dt
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode

import pytest
import requests
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption
from pydantic import TypeAdapter, ValidationError

from connectors import http
from connectors.credentials import Credential
from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Busy, Down, Late, Misconfigured, RefusedUs, Unreadable
from connectors.rest.auth import Auth, auth_of, misplaced
from connectors.rest.auth_settings import AuthSettings
from connectors.rest.client import Client
from connectors.tls import Identity
from tests.peers.canned import Canned, Raw
from tests.peers.oidc.peer import OidcProvider

SECRET = "g heim+&=%/:" + "x" * 24
"""A client's secret with characters that the two ways of sending it write differently."""
PLAIN = "plain-" + "s" * 30
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")


def settings(**said: Any) -> AuthSettings:
    made: AuthSettings = TypeAdapter(AuthSettings).validate_python(said)
    return made


def oauth2(provider: OidcProvider | str, client: str = "basic", **said: Any) -> AuthSettings:
    url = provider if isinstance(provider, str) else provider.token_url
    if said.get("method", "client_secret_basic").startswith("client_secret"):
        said.setdefault("client_secret", "${OUR_SECRET}")
    return settings(kind="oauth2", token_url=url, client_id=client, **said)


def soon(seconds: float = 10) -> Deadline:
    return Deadline.after(seconds)


def sent(auth: Auth) -> tuple[dict[str, str], list[tuple[str, str]]]:
    headers, query = dict[str, str](), list[tuple[str, str]]()
    auth.apply(headers, query, soon())
    return headers, query


def ask(auth: Auth, url: str) -> int:
    """Ask as a registry does: once, and once more where the credentials could be renewed."""
    for _ in range(2):
        headers, _ = sent(auth)
        answer = http.request("GET", url, base=url, registry="shop", deadline=soon(), headers=headers)
        if answer.status != 401 or not auth.renew(soon()):
            break
    return answer.status


class Resource:
    """A server that answers whoever has a token which the provider says is active; counts what it was asked."""

    def __init__(self, provider: OidcProvider) -> None:
        self.seen: list[str] = []
        self.always_refuses = False
        resource = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                resource.seen.append(token)
                asked = requests.post(
                    f"{provider.url}token/introspection",
                    data={"token": token, "client_id": "post", "client_secret": PLAIN},
                    timeout=10,
                )
                active = asked.json()["active"] and not resource.always_refuses
                self.send_response(200 if active else 401)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def private_keys() -> dict[str, Any]:
    return {
        "RS256": rsa.generate_private_key(65537, 2048),
        "PS256": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }


def pem(key: Any, encryption: Any = None) -> bytes:
    made: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption or NoEncryption()
    )
    return made


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a private key for each algorithm."""
    root = tmp_path_factory.mktemp("keys")
    for algorithm, key in private_keys().items():
        (root / f"{algorithm}.pem").write_bytes(pem(key))
    (root / "locked.pem").write_bytes(pem(private_keys()["ES256"], BestAvailableEncryption(b"secret")))
    public = private_keys()["RS256"].public_key()
    (root / "public.pem").write_bytes(
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    (root / "nothing.pem").write_text("no key")
    return root


@pytest.fixture(scope="module")
def provider(root: Path) -> Iterator[OidcProvider]:
    clients: list[dict[str, Any]] = [
        {"client_id": "basic", "client_secret": SECRET, "scope": "read"},
        {"client_id": "post", "client_secret": PLAIN, "token_endpoint_auth_method": "client_secret_post"},
        {"client_id": "web", "client_secret": PLAIN, "grant_types": ["authorization_code"]}
        | {"redirect_uris": ["https://client.example/back"], "response_types": ["code"]},
    ]
    for algorithm in ALGORITHMS:
        from joserfc.jwk import import_key

        kinds: dict[str, Literal["RSA", "EC", "OKP"]] = {"ES256": "EC", "EdDSA": "OKP"}
        kind: Literal["RSA", "EC", "OKP"] = kinds.get(algorithm, "RSA")
        public = import_key((root / f"{algorithm}.pem").read_bytes(), kind).as_dict(private=False)
        keys = {"keys": [public | {"kid": f"our-{algorithm}"}]}
        clients.append(
            {"client_id": algorithm, "jwks": keys, "token_endpoint_auth_method": "private_key_jwt"}
            | {"token_endpoint_auth_signing_alg": algorithm}
        )
    with OidcProvider(clients, "read write") as running:
        yield running


@pytest.fixture
def resource(provider: OidcProvider) -> Iterator[Resource]:
    served = Resource(provider)
    yield served
    served.close()


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_SECRET", SECRET)
    monkeypatch.setenv("PLAIN_SECRET", PLAIN)
    monkeypatch.setenv("WRONG_SECRET", "wrong" * 8)


# --- what may be declared --------------------------------------------------------------------------------------------

URL = "https://login.example.org/token"


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"kind": "api-key", "header": "X-Api-Key", "value": "s3cr3t"}, "write ${NAME}"),
        ({"kind": "api-key", "header": "X-Api-Key", "value": "s3cr3t ${KEY}"}, "write ${NAME}"),
        ({"kind": "api-key", "header": "X-Api-Key", "value": "${KEY}s3cr3t"}, "write ${NAME}"),
        ({"kind": "api-key", "value": "${KEY}"}, "header: or query:"),
        ({"kind": "api-key", "header": "A", "query": "b", "value": "${KEY}"}, "header: or query:"),
        ({"kind": "api-key", "header": "A: b", "value": "${KEY}"}, "name of a header"),
        ({"kind": "basic", "username": "ville", "password": "s3cr3t"}, "write ${NAME}"),
        ({"kind": "basic", "username": "vi:lle", "password": "${P}"}, "colon"),
        ({"kind": "bearer", "token": "s3cr3t"}, "write ${NAME}"),
        ({"kind": "oauth2", "token_url": URL, "client_id": "a", "client_secret": "s3cr3t"}, "write ${NAME}"),
        ({"kind": "oauth2", "token_url": URL, "client_id": "a"}, "client_secret: goes with"),
        ({"kind": "oauth2", "token_url": URL, "client_id": "a", "method": "private_key_jwt"}, "key: goes with"),
        (
            {
                "kind": "oauth2",
                "token_url": URL,
                "client_id": "a",
                "method": "tls_client_auth",
                "client_secret": "${A}",
            },
            "client_secret: is not for",
        ),
        (
            {"kind": "oauth2", "token_url": URL, "client_id": "a", "client_secret": "${A}", "algorithm": "ES256"},
            "private_key_jwt",
        ),
        (
            {
                "kind": "oauth2",
                "token_url": "http://login.example.org/token",
                "client_id": "a",
                "client_secret": "${A}",
            },
            "https",
        ),
        (
            {"kind": "oauth2", "token_url": "https://s3cr3t@b.org/", "client_id": "a", "client_secret": "${A}"},
            "no user name",
        ),
        ({"kind": "oauth2", "token_url": "https://", "client_id": "a", "client_secret": "${A}"}, "https address"),
        ({"kind": "oauth2", "token_url": "https://[", "client_id": "a", "client_secret": "${A}"}, "https address"),
    ],
)
def test_what_may_not_be_declared(said: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValidationError) as raised:
        settings(**said)
    [error] = raised.value.errors(include_input=False, include_url=False)
    assert wrong in error["msg"]
    assert "s3cr3t" not in str(error)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    tls = {"certificate": "c.pem", "authority": "a.pem"}
    said = oauth2(URL, method="private_key_jwt", key="our.pem", tls=tls)
    assert [keys for keys, _ in misplaced(said, tmp_path)] == [("key",), ("tls", "certificate"), ("tls", "authority")]
    (tmp_path / "our.pem").touch()
    assert list(misplaced(oauth2(URL, method="private_key_jwt", key="our.pem"), tmp_path)) == []
    assert list(misplaced(settings(kind="bearer", token="${T}"), tmp_path)) == []


# --- what is the same with each call ---------------------------------------------------------------------------------


def test_key_in_a_header(canned: Canned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "k-123")
    canned.say(b"{}", "application/json")
    for value, came in (("${KEY}", "k-123"), ("Token ${KEY}", "Token k-123")):
        auth = auth_of(settings(kind="api-key", header="X-Api-Key", value=value), "shop", tmp_path)
        assert ask(auth, canned.url) == 200
        assert canned.requests[-1][2]["X-Api-Key"] == came
        assert not auth.renew(soon())
        assert list(auth.credentials()) == []


def test_key_in_the_query(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "é &=+/")
    auth = auth_of(settings(kind="api-key", query="apikey", value="${KEY}"), "shop", tmp_path)
    headers, query = sent(auth)
    assert (headers, query) == ({}, [("apikey", "é &=+/")])


@pytest.mark.parametrize("port", [0, 1])
def test_key_in_no_error(port: int, canned: Canned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key stands in the URL: whatever fails, no error says it, nor any error behind it."""
    monkeypatch.setenv("KEY", "s3cr3t")
    auth = auth_of(settings(kind="api-key", query="apikey", value="${KEY}"), "shop", tmp_path)
    _, query = sent(auth)
    base = f"http://127.0.0.1:{port}" if port else canned.url
    canned.say(b"", "text/plain", 200, Content_Encoding="br")
    with pytest.raises(BeffroiError) as raised:
        http.request("GET", f"{base}/?{urlencode(query)}", base=base, registry="shop", deadline=soon())
    assert "s3cr3t" not in "".join(traceback.format_exception(raised.value))


def test_basic_is_utf8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER_NAME", "Aladdin")
    monkeypatch.setenv("PASSWORD", "pässwörd:£")
    for name in ("${USER_NAME}", "Aladdin"):
        headers, _ = sent(auth_of(settings(kind="basic", username=name, password="${PASSWORD}"), "shop", tmp_path))
        scheme, _, pair = headers["Authorization"].partition(" ")
        assert (scheme, base64.b64decode(pair).decode()) == ("Basic", "Aladdin:pässwörd:£")


@pytest.mark.parametrize(
    ("value", "wrong"),
    [("", "is empty"), ("s3cr3t\n", "line break"), (" s3cr3t", "blank"), ("s3cr3té", "no header"), (None, "not set")],
)
def test_secrets_that_cannot_be_sent(
    value: str | None, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("TOKEN", value)
    with pytest.raises(Misconfigured, match=wrong) as raised:
        sent(auth_of(settings(kind="bearer", token="${TOKEN}"), "shop", tmp_path))
    assert "TOKEN" in raised.value.detail
    assert "s3cr3t" not in raised.value.detail


def test_user_name_with_a_colon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER_NAME", "a:b")
    with pytest.raises(Misconfigured, match=r"USER_NAME.*colon"):
        sent(auth_of(settings(kind="basic", username="${USER_NAME}", password="${OUR_SECRET}"), "shop", tmp_path))


@pytest.mark.parametrize(
    ("claims", "end"),
    [
        (b'{"exp": 1798761600}', dt.datetime(2027, 1, 1, tzinfo=dt.UTC)),
        (b'{"exp": 1798761600.5}', dt.datetime(2027, 1, 1, microsecond=500_000, tzinfo=dt.UTC)),
        (b'{"sub": "ville"}', None),
        (b'{"exp": "soon"}', None),
        (b'{"exp": 1e300}', None),
        (b"[]", None),
        (b"no json", None),
    ],
)
def test_when_a_token_ends(
    claims: bytes, end: dt.datetime | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.c2ln")
    auth = auth_of(settings(kind="bearer", token="${TOKEN}"), "shop", tmp_path)
    assert list(auth.credentials()) == [Credential("the token in TOKEN", end)]
    monkeypatch.setenv("TOKEN", "opaque")
    assert list(auth.credentials()) == [Credential("the token in TOKEN")]
    monkeypatch.delenv("TOKEN")
    assert list(auth.credentials()) == []


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_by_secret(provider: OidcProvider, resource: Resource, tmp_path: Path) -> None:
    before = len(provider.granted())
    basic = auth_of(oauth2(provider, scope="read"), "shop", tmp_path)
    assert [ask(basic, resource.url) for _ in range(3)] == [200] * 3
    post = oauth2(provider, "post", method="client_secret_post", client_secret="${PLAIN_SECRET}")
    assert ask(auth_of(post, "shop", tmp_path), resource.url) == 200
    assert provider.granted()[before:] == ["basic", "post"]
    assert resource.seen[0] == resource.seen[2]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_by_private_key(algorithm: str, provider: OidcProvider, resource: Resource, root: Path) -> None:
    said = {"method": "private_key_jwt", "key": f"{algorithm}.pem", "algorithm": algorithm}
    auth = auth_of(oauth2(provider, algorithm, key_id=f"our-{algorithm}", **said), "shop", root)
    assert ask(auth, resource.url) == 200
    another = "ES256" if algorithm != "ES256" else "RS256"
    wrong = auth_of(oauth2(provider, algorithm, **said | {"key": f"{another}.pem", "algorithm": another}), "shop", root)
    with pytest.raises(RefusedUs, match="invalid_client"):
        sent(wrong)


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("gone.pem", "cannot be read"),
        ("nothing.pem", "no RSA key"),
        ("ES256.pem", "no RSA key"),
        ("locked.pem", "password"),
        ("public.pem", "public key"),
    ],
)
def test_keys_that_cannot_sign(key: str, wrong: str, root: Path) -> None:
    with pytest.raises(Misconfigured, match=wrong) as raised:
        sent(auth_of(oauth2(URL, method="private_key_jwt", key=key), "shop", root))
    assert key in raised.value.detail


def test_refused_by_the_provider(provider: OidcProvider, tmp_path: Path) -> None:
    before = len(provider.refused())
    wrong = auth_of(oauth2(provider, client_secret="${WRONG_SECRET}"), "shop", tmp_path)
    for _ in range(3):
        with pytest.raises(RefusedUs, match=r"the token endpoint of shop answers invalid_client.*client_id:") as raised:
            sent(wrong)
        assert raised.value.registry == "shop"
    assert provider.refused()[before:] == ["invalid_client"], "who is refused does not ask again at once"
    assert [each.refused for each in wrong.credentials()] == [True]
    with pytest.raises(RefusedUs, match=r"invalid_scope.*scope:"):
        sent(auth_of(oauth2(provider, scope="write"), "shop", tmp_path))
    with pytest.raises(Misconfigured, match=r"invalid_request.*method:"):  # so this provider says unauthorized_client
        sent(auth_of(oauth2(provider, "web", client_secret="${PLAIN_SECRET}"), "shop", tmp_path))
    told = f"{wrong!r} {vars(wrong)!r} {''.join(traceback.format_exception(raised.value))}"
    assert not any(each in told for each in ("wrongwrong", PLAIN, SECRET))


def test_a_token_that_died_is_renewed_once(provider: OidcProvider, resource: Resource, tmp_path: Path) -> None:
    auth = auth_of(
        oauth2(provider, "post", method="client_secret_post", client_secret="${PLAIN_SECRET}"), "shop", tmp_path
    )
    assert ask(auth, resource.url) == 200
    revoke(provider, resource.seen[-1])
    before = len(provider.granted())
    assert ask(auth, resource.url) == 200
    assert len(provider.granted()) == before + 1
    assert len(resource.seen) == 3


def revoke(provider: OidcProvider, token: str) -> None:
    form = {"token": token, "client_id": "post", "client_secret": PLAIN}
    assert requests.post(f"{provider.url}token/revocation", data=form, timeout=10).status_code == 200


def test_a_registry_that_always_refuses(provider: OidcProvider, resource: Resource, tmp_path: Path) -> None:
    resource.always_refuses = True
    auth, before = auth_of(oauth2(provider), "shop", tmp_path), len(provider.granted())
    assert [ask(auth, resource.url) for _ in range(5)] == [401] * 5
    assert len(provider.granted()) == before + 2, "a token, renewed once, and not again at once"
    assert len(resource.seen) == 6


def test_many_threads_fetch_one_token(provider: OidcProvider, resource: Resource, tmp_path: Path) -> None:
    """One at first; and one more where all of them find it refused."""
    auth = auth_of(
        oauth2(provider, "post", method="client_secret_post", client_secret="${PLAIN_SECRET}"), "shop", tmp_path
    )
    before, together = len(provider.granted()), threading.Barrier(32)

    def call(_: int) -> int:
        together.wait(10)
        return ask(auth, resource.url)

    with ThreadPoolExecutor(32) as threads:
        assert set(threads.map(call, range(32))) == {200}
        assert len(provider.granted()) == before + 1
        assert len(set(resource.seen)) == 1
        revoke(provider, resource.seen[-1])
        assert set(threads.map(call, range(32))) == {200}
    assert len(provider.granted()) == before + 2


def test_many_threads_are_refused_once(provider: OidcProvider, tmp_path: Path) -> None:
    auth, before = auth_of(oauth2(provider, client_secret="${WRONG_SECRET}"), "shop", tmp_path), len(provider.refused())

    def call(_: int) -> str:
        try:
            sent(auth)
        except RefusedUs as error:
            return error.detail
        return ""

    with ThreadPoolExecutor(32) as threads:
        assert len(set(threads.map(call, range(32)))) == 1
    assert len(provider.refused()) == before + 1


def test_a_token_is_not_used_to_its_last_second(root: Path) -> None:
    with OidcProvider([{"client_id": "short", "client_secret": PLAIN}], "read", seconds=2) as provider:
        auth = auth_of(oauth2(provider, "short", client_secret="${PLAIN_SECRET}"), "shop", root)
        first = sent(auth)
        assert sent(auth) == first
        time.sleep(1.9)  # a tenth before its end
        assert sent(auth) != first
        assert provider.granted() == ["short", "short"]


# --- token endpoints that are none -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (200, b"<html>", Unreadable, "without a token"),
        (200, b"[]", Unreadable, "without a token"),
        (200, b'{"access_token": "a b", "token_type": "Bearer"}', Unreadable, "without a token"),
        (200, b'{"access_token": "a\\r\\nX: y", "token_type": "Bearer"}', Unreadable, "without a token"),
        (200, b'{"access_token": "a", "token_type": "DPoP"}', Unreadable, "not bearer"),
        (200, b'{"access_token": "a"}', Unreadable, "not bearer"),
        (200, b'{"access_token": "a", "token_type": "Bearer", "expires_in": true}', Unreadable, "expires_in"),
        (200, b'{"access_token": "a", "token_type": "Bearer", "expires_in": "soon"}', Unreadable, "expires_in"),
        (200, b"[" * 100_000, Unreadable, "without a token"),
        (200, b" " * 1_100_000, Unreadable, "token endpoint of shop"),
        (400, b'{"error": "unauthorized_client"}', RefusedUs, "unauthorized_client.*client allowed"),
        (400, b'{"error": "invalid_target"}', Misconfigured, "audience:"),
        (400, b'{"error": "invalid_request"}', Misconfigured, "invalid_request"),
        (400, b'{"error": "unsupported_grant_type"}', Misconfigured, "client credentials"),
        (400, b'{"error": "s3cr3t", "error_description": "s3cr3t"}', Unreadable, "neither a token nor a known error"),
        (400, b'{"error": ["invalid_client"]}', Unreadable, "neither a token nor a known error"),
        (401, b"", RefusedUs, "refuses our credentials"),
        (403, b"", RefusedUs, "refuses our credentials"),
        (404, b"", Misconfigured, "no token endpoint"),
        (302, b"", Misconfigured, "redirects elsewhere"),
        (429, b"", Busy, "slow down"),
        (503, b"", Down, "the token endpoint of shop says that it is out of order"),
        (503, b'{"error": "temporarily_unavailable"}', Down, "temporarily_unavailable"),
    ],
)  # fmt: skip
def test_answers_that_hold_no_token(
    status: int, body: bytes, kind: type[BeffroiError], says: str, canned: Canned, tmp_path: Path
) -> None:
    canned.say(body, "application/json", status)
    with pytest.raises(kind, match=says) as raised:
        sent(auth_of(oauth2(f"{canned.url}/token"), "shop", tmp_path))
    assert type(raised.value) is kind
    assert raised.value.registry == "shop"
    assert "token endpoint" in raised.value.detail
    assert "s3cr3t" not in raised.value.detail


def test_a_refusal_with_status_200_is_not_repeated(canned: Canned, tmp_path: Path) -> None:
    canned.say(b'{"error": "invalid_client"}', "application/json")
    auth = auth_of(oauth2(f"{canned.url}/token"), "shop", tmp_path)
    for _ in range(3):
        with pytest.raises(RefusedUs, match="answers invalid_client"):
            sent(auth)
    assert len(canned.requests) == 1
    assert [each.refused for each in auth.credentials()] == [True]


@pytest.mark.parametrize(
    ("secret", "wrong"), [("", "is empty"), ("s3cr3t\n", "line break"), ("s3cr3t\udcff", "no text")]
)
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_secret_that_cannot_be_meant_is_not_sent(
    method: str, secret: str, wrong: str, canned: Canned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD_SECRET", secret)
    said = oauth2(f"{canned.url}/token", method=method, client_secret="${ODD_SECRET}")
    with pytest.raises(Misconfigured, match=rf"\(ODD_SECRET\).*{wrong}") as raised:
        sent(auth_of(said, "shop", tmp_path))
    assert "s3cr3t" not in repr(raised.value)
    assert not canned.requests


@pytest.mark.parametrize("life", [b"", b', "expires_in": 3600', b', "expires_in": "3600"', b', "expires_in": 3600.0'])
def test_lives_that_a_token_may_have(life: bytes, canned: Canned, tmp_path: Path) -> None:
    canned.say(b'{"access_token": "abc", "token_type": "bearer"%b}' % life, "application/json")
    auth = auth_of(oauth2(f"{canned.url}/token", scope="a b", audience="urn:shop"), "shop", tmp_path)
    assert [sent(auth)[0] for _ in range(3)] == [{"Authorization": "Bearer abc"}] * 3
    [(method, path, headers, body)] = canned.requests
    assert (method, path) == ("POST", "/token")
    assert dict(parse_qsl(body.decode())) == {
        "grant_type": "client_credentials",
        "scope": "a b",
        "audience": "urn:shop",
    }
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == (
        b"basic:g+heim%2B%26%3D%25%2F%3A" + b"x" * 24
    )


def test_a_provider_that_is_down_or_silent(tmp_path: Path) -> None:
    with pytest.raises(Down, match="the token endpoint of shop could not be asked"):
        sent(auth_of(oauth2("http://127.0.0.1:1/token"), "shop", tmp_path))
    done = threading.Event()
    with Raw(lambda connection: bool(connection.recv(1)) and done.wait(5)) as silent:  # type: ignore[arg-type]
        auth, began = auth_of(oauth2(f"{silent.url}/token"), "shop", tmp_path), time.monotonic()

        def call(_: int) -> str:
            with pytest.raises(Late, match="token endpoint of shop") as raised:
                auth.apply({}, [], soon(0.5))
            return raised.value.code

        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(call, range(8))) == {"late"}
        assert time.monotonic() - began < 3
        with ThreadPoolExecutor(1) as other:
            patient = other.submit(auth.apply, {}, [], soon(1))
            time.sleep(0.2)
            with pytest.raises(Late, match="token endpoint of shop did not answer in time"):
                auth.apply({}, [], soon(0.1))
            assert isinstance(patient.exception(), Late)
            hasty, began = other.submit(auth.apply, {}, [], soon(0.3)), time.monotonic()
            time.sleep(0.1)
            with pytest.raises(Late):
                auth.apply({}, [], soon(0.6))
            assert isinstance(hasty.exception(), Late)
            assert time.monotonic() - began > 0.5, "who is in less of a hurry asks again"
        done.set()


# --- certificates ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def test_by_certificate(authority: trustme.CA, tmp_path: Path) -> None:
    """A token by our certificate alone (RFC 8705), and none without it, nor where the provider's own is unknown."""
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    authority.issue_cert("ville.example").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "ours.pem"))
    client = {"client_id": "certified", "token_endpoint_auth_method": "tls_client_auth"}
    client |= {"tls_client_auth_san_dns": "ville.example"}
    with OidcProvider([client], "read", tls=tmp_path) as provider:
        said = oauth2(provider, "certified", method="tls_client_auth")
        ours = Identity(tmp_path / "ours.pem", None, tmp_path / "authority.pem")
        headers, _ = sent(auth_of(said, "shop", tmp_path, ours))
        assert headers["Authorization"].startswith("Bearer ")
        own = {"certificate": "ours.pem", "authority": "authority.pem"}
        apart = auth_of(oauth2(provider, "certified", method="tls_client_auth", tls=own), "shop", tmp_path)
        assert sent(apart)
        [known, certificate] = apart.credentials()
        assert (known.refused, known.expires) == (False, None)
        assert certificate.expires is not None
        with pytest.raises(RefusedUs, match="invalid_client"):
            sent(auth_of(said, "shop", tmp_path, Identity(authority=tmp_path / "authority.pem")))
        with pytest.raises(Down, match="token endpoint of shop"):
            sent(auth_of(said, "shop", tmp_path))


# --- as a registry asks ----------------------------------------------------------------------------------------------


def test_a_registry_asks_once_more(provider: OidcProvider, resource: Resource, tmp_path: Path) -> None:
    """The client of a declared registry renews once, and a registry that refuses all the same has refused us."""
    auth = auth_of(
        oauth2(provider, "post", method="client_secret_post", client_secret="${PLAIN_SECRET}"), "shop", tmp_path
    )
    client = Client("shop", lambda: resource.url, auth=auth)
    assert client.get("", deadline=soon()).status == 200
    revoke(provider, resource.seen[-1])
    before = len(provider.granted())
    assert client.get("", deadline=soon()).status == 200
    assert (len(provider.granted()), len(resource.seen)) == (before + 1, 3)
    resource.always_refuses = True
    assert client.get("", deadline=soon()).status == 401
    assert (len(provider.granted()), len(resource.seen)) == (before + 2, 5), "one that was accepted may have ended"
    with pytest.raises(RefusedUs, match="shop refuses our credentials"):
        client.get("", deadline=soon())
    assert (len(provider.granted()), len(resource.seen)) == (before + 2, 6), "one that never was is not renewed again"


def test_a_registry_of_which_the_key_is_in_the_query(
    canned: Canned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is sent, and is in no error: neither of an answer, nor of a redirect, nor of a registry that is gone."""
    monkeypatch.setenv("KEY", "s3cr3t")
    auth = auth_of(settings(kind="api-key", query="apikey", value="${KEY}"), "shop", tmp_path)
    client = Client("shop", lambda: canned.url, auth=auth)
    for status, headers in ((200, {}), (401, {}), (302, {"Location": "/elsewhere?apikey=s3cr3t"})):
        canned.say(b"", "text/plain", status, **headers)
        if status == 200:
            assert client.get("units", [("q", "a b")], deadline=soon()).url == f"{canned.url}/units?q=a%20b"
            assert canned.requests[-1][1] == "/units?q=a%20b&apikey=s3cr3t"
            continue
        with pytest.raises(BeffroiError) as raised:
            client.get("units", deadline=soon())
        assert "s3cr3t" not in "".join(traceback.format_exception(raised.value))
    with pytest.raises(Down) as gone:
        Client("shop", lambda: "http://127.0.0.1:1", auth=auth).get("units", deadline=soon())
    assert "s3cr3t" not in "".join(traceback.format_exception(gone.value))
