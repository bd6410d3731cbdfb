"""The one place that builds requests: where it may ask, with what, and what it does where it is refused."""

import itertools
from pathlib import Path

import pytest

from connectors.deadline import Deadline
from connectors.errors import Misconfigured, RefusedUs
from connectors.rest import Rest
from connectors.rest.client import Client, segment
from connectors.rest.settings import RestSettings
from tests.rest.conftest import Declare
from tests.rest.peer import Asked, Peer, Told, told


class Token:
    """Credentials of a test: a header and a secret parameter; `renew` gives the next token while there are any."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)

    def apply(self, headers: dict[str, str], query: list[tuple[str, str]], deadline: Deadline) -> None:
        headers["Authorization"] = f"Bearer {self.tokens[0]}"
        query.append(("key", f"secret {self.tokens[0]}"))

    def renew(self, deadline: Deadline) -> bool:
        if len(self.tokens) > 1:
            self.tokens.pop(0)
            return True
        return False

    def accepted(self) -> None:
        """Nothing to note."""


@pytest.mark.parametrize(("tokens", "calls"), [(("new",), 1), (("old", "new"), 2), (("old",), 1), (("a", "b", "c"), 2)])
def test_a_refused_token_is_renewed_once(peer: Peer, tokens: tuple[str, ...], calls: int) -> None:
    peer.tell = lambda asked: told({}, 200 if asked.headers["Authorization"] == "Bearer new" else 401)
    client = Client("town", lambda: peer.url, auth=Token(*tokens))
    if "new" in tokens:
        assert client.get("x", deadline=Deadline.after(5)).status == 200
    elif calls == 1:
        with pytest.raises(RefusedUs):
            client.get("x", deadline=Deadline.after(5))
    else:
        assert client.get("x", deadline=Deadline.after(5)).status == 401
    assert len(peer.asked) == calls


def test_tokens_that_live_shortly_are_renewed_as_often(
    peer: Peer, declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOWN_SECRET", "s3cret")
    made, left = itertools.count(), dict[str, int]()

    def tell(asked: Asked) -> Told:
        if asked.path == "/token":
            token = f"t{next(made)}"
            left[f"Bearer {token}"] = 2  # calls that it is good for: nothing says so
            return told({"access_token": token, "token_type": "Bearer"})
        left[asked.headers["Authorization"]] -= 1
        return told([{"id": 1}], 200 if left[asked.headers["Authorization"]] >= 0 else 401)

    peer.tell = tell
    auth = {"kind": "oauth2", "token_url": f"{peer.url}/token", "client_id": "us", "client_secret": "${TOWN_SECRET}"}
    registry = declare(auth=auth, tables={"rows": {}})
    assert [registry.scan("rows").read_all()["id"].to_pylist() for _ in range(7)] == [["1"]] * 7
    assert len(left) == 4


def test_our_key_replaces_one_that_a_link_tells(peer: Peer) -> None:
    peer.say({})
    client = Client("town", lambda: f"{peer.url}/api", auth=Token("new"))
    reply = client.get(f"{peer.url}/api/x?key=old&a=%2B+1&k%65y=older&cursor=a=b", deadline=Deadline.after(5))
    assert peer.asked[0].target == "/api/x?a=%2B+1&cursor=a=b&key=secret%20new"
    assert "secret" not in reply.url


def test_a_key_follows_a_redirect_under_the_address_only(peer: Peer) -> None:
    peer.tell = lambda asked: told({}, 302, Location="/api/y?a=1") if asked.path == "/api/x" else told({})
    client = Client("town", lambda: f"{peer.url}/api/", auth=Token("new"))
    reply = client.get("x", [("b", "2")], deadline=Deadline.after(5))
    assert (reply.moved, reply.url) == (True, f"{peer.url}/api/y?a=1")
    assert [each.query.get("key") for each in peer.asked] == ["secret new"] * 2
    peer.tell = lambda _: told({}, 302, Location="http://localhost:9/api/y")
    with pytest.raises(Misconfigured) as error:
        client.get("x", [("b", "2")], deadline=Deadline.after(5))
    assert "localhost" in str(error.value)
    assert "secret" not in str(error.value)
    assert len(peer.asked) == 3


def test_a_question_with_a_body_is_not_redirected(peer: Peer) -> None:
    peer.say({}, 307, Location="/y")
    reply = Client("town", lambda: peer.url).get("x", deadline=Deadline.after(5), method="POST", body=b"{}")
    assert reply.status == 307
    assert len(peer.asked) == 1


@pytest.mark.parametrize(
    ("base", "link", "asked"),
    [
        ("https://a.example/api", "http://a.example/api/x?y=1", "https://a.example/api/x?y=1"),
        ("https://a.example/api", "https://A.example:443/api/x#part", "https://a.example:443/api/x"),
        ("https://a.example/api/", "https://a.example/api", "https://a.example/api"),
        ("https://a.example", "https://user:pass@a.example/x", "https://a.example/x"),
        ("https://a.example/api", "http://a.example:8080/api/x", None),
        ("http://a.example/api", "https://a.example/api/x", None),
        ("https://a.example/api", "https://a.example/api2", None),
        ("https://a.example/api", "https://a.example.evil.example/api", None),
        ("https://a.example/api", "https://a.example/api/%2E%2E/x", None),
        ("https://a.example/api", "https://a.example/api/..;/x", None),
        ("https://a.example/api", "https://a.example/api/x/..%2f..%2Fx", None),
        ("https://a.example/api", "https://a.example/api/%252e%252e/x", None),
        ("https://a.example/api", "https://a.example/api/..%5Cx", None),
        ("https://a.example/api", "https://a.example/api/%3b/..%3bv=1/x", None),
        ("https://a.example/api", "https://a.example/api/%2525252525252e", None),
        (
            "https://a.example/api",
            "https://a.example/api/a%2Fb/..x/v1.0/x..",
            "https://a.example/api/a%2Fb/..x/v1.0/x..",
        ),
        (
            "https://a.example/api",
            "https://a.example/api/t;jsessionid=1?a=../..",
            "https://a.example/api/t;jsessionid=1?a=../..",
        ),
        ("https://a.example/api", "https:///api", None),
    ],
)
def test_where_a_link_may_lead(base: str, link: str, asked: str | None) -> None:
    client = Client("town", lambda: base)
    if asked is not None:
        assert client.under(base, link, "a link") == asked
    else:
        with pytest.raises(Misconfigured):
            client.under(base, link, "a link")


def test_a_part_of_a_path_does_not_climb() -> None:
    assert segment("a/b c%é?") == "a%2Fb%20c%25%C3%A9%3F"
    for text in (".", "..", "a/../b", "..;v=1", "%2e%2e", "a\\..\\b"):
        with pytest.raises(ValueError, match="elsewhere"):
            segment(text)


def test_a_declared_key_goes_with_each_call(
    peer: Peer, declare: Declare, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOWN_KEY", "s3cret")
    auth = {"kind": "api-key", "query": "apikey", "value": "${TOWN_KEY}"}
    peer.tell = lambda asked: told([{"id": 1}]) if asked.query.get("apikey") == "s3cret" else told({}, 401)
    assert declare(auth=auth, tables={"rows": {}}).scan("rows").read_all()["id"].to_pylist() == ["1"]
    monkeypatch.setenv("TOWN_KEY", "wrong")
    with pytest.raises(RefusedUs):
        declare(auth=auth, tables={"rows": {}}).scan("rows")
    assert len(peer.asked) == 2
    sandboxed = Rest("town", RestSettings.model_validate({"url": "sandbox:town", "tables": {"rows": {}}}), tmp_path)
    with pytest.raises(Exception, match="never started"):
        sandboxed.scan("rows")


@pytest.mark.parametrize(("secret", "why"), [("s3cr3t\n", "a line break"), ("s3cr3t€", "no header can have"), ("", "is empty"), ("s3cr3t\udce9", "no text")])  # fmt: skip
def test_a_header_that_cannot_be_sent_is_told_without_its_secret(
    peer: Peer, declare: Declare, monkeypatch: pytest.MonkeyPatch, secret: str, why: str
) -> None:
    monkeypatch.setenv("TOWN_KEY", secret)
    tables = {"rows": {"query": {"key": "${TOWN_KEY}"}}}
    for said in ({"headers": {"X-Key": "${TOWN_KEY}"}, "tables": {"rows": {}}}, {"tables": tables}):
        if "headers" not in said and secret.isprintable() and secret:
            continue  # a query can have it
        with pytest.raises(Misconfigured, match=rf"\(TOWN_KEY\).*({why}|no text)") as raised:
            declare(**said).scan("rows")
        assert "s3cr3t" not in f"{raised.value!r} {raised.value.__cause__!r}"
    assert not peer.asked
