"""Credentials: told once, stored as hashes, expiring, revocable, bound to networks, shared between processes."""

import base64
import datetime as dt
import hashlib
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from connectors.errors import InvalidRequest, Misconfigured, NotFound, Unauthenticated, Unavailable
from gateway.callers.proxies import Reporting
from gateway.callers.tokens import Tokens
from pipelines.declarations.callers import Proxies
from pipelines.workspace import Workspace
from tests.commands import beffroi
from tests.gateway.conftest import Gateway, Reply, ask
from tests.gateway.test_journal import entries


@pytest.fixture
def tokens(root: Path) -> Iterator[Tokens]:
    with closing(Tokens(Workspace(root))) as opened:
        yield opened


def test_a_token_is_told_once_and_never_stored(tokens: Tokens, root: Path) -> None:
    text = tokens.issue("mairie")
    assert re.fullmatch(r"bft_[\w-]{43}", text), "256 bits"
    assert tokens.issue("mairie") != text
    assert tokens.verify(text).application == "mairie"
    stored = b"".join(path.read_bytes() for path in (root / ".beffroi").glob("state.db*"))
    assert text.encode() not in stored
    assert text[4:20].encode() not in stored
    assert (root / ".beffroi" / "state.db").stat().st_mode & 0o077 == 0


def test_what_is_known_of_tokens(tokens: Tokens) -> None:
    tokens.issue("mairie", 2)
    tokens.issue("ecole")
    first, second = tokens.all()
    assert (first.application, second.application) == ("mairie", "ecole")
    assert first.expires - first.issued == dt.timedelta(days=2)
    assert first.valid
    assert first.revoked is None


def test_revoking_is_for_good(tokens: Tokens) -> None:
    text, other = tokens.issue("mairie"), tokens.issue("mairie")
    revoked = tokens.revoke(tokens.all()[0].id)
    assert revoked.revoked is not None
    assert not revoked.valid
    assert tokens.revoke(revoked.id) == revoked, "a second time changes nothing"
    with pytest.raises(Unauthenticated, match="unknown, expired or revoked"):
        tokens.verify(text)
    assert tokens.verify(other).application == "mairie"
    with pytest.raises(NotFound, match="beffroi token list"):
        tokens.revoke("' OR 1=1 --")


def test_an_expired_token(tokens: Tokens, root: Path) -> None:
    text = tokens.issue("mairie")
    yesterday = (dt.datetime.now(dt.UTC) - dt.timedelta(days=1)).isoformat()
    with closing(sqlite3.connect(root / ".beffroi" / "state.db")) as database, database:
        database.execute("UPDATE tokens SET expires = ?", (yesterday,))
    with pytest.raises(Unauthenticated, match="unknown, expired or revoked"):
        tokens.verify(text)


def test_what_cannot_be_issued(tokens: Tokens) -> None:
    with pytest.raises(NotFound, match="did you mean «mairie»"):
        tokens.issue("mairi")
    for days in (0, -1, 4000, 10**12):
        with pytest.raises(InvalidRequest, match="1 to 3650 days"):
            tokens.issue("mairie", days)
    assert tokens.all() == []


def test_another_process_revokes(root: Path) -> None:
    with Gateway(root) as gateway:
        assert gateway.get("/lookups/commune/01001", "mairie").status == 200
        code = (
            "import sys; from pathlib import Path; from gateway.callers.tokens import Tokens;"
            " from pipelines.workspace import Workspace; tokens = Tokens(Workspace(Path(sys.argv[1])));"
            " [tokens.revoke(token.id) for token in tokens.all()]; tokens.close()"
        )
        subprocess.run([sys.executable, "-c", code, str(root)], check=True)
        reply = gateway.get("/lookups/commune/01001", "mairie")
    assert (reply.status, reply.code) == (401, "unauthenticated")


def test_a_store_that_cannot_be_used(root: Path) -> None:
    (root / ".beffroi" / "state.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(Unavailable, match=r"state\.db cannot be used"):
        Tokens(Workspace(root))


def test_a_second_store_in_one_process_takes_no_locks_away(root: Path) -> None:
    """Else another process, the last as it thinks, takes the log away, and what is issued later is never seen."""
    issue = (
        "import sys; from pathlib import Path; from gateway.callers.tokens import Tokens;"
        " from pipelines.workspace import Workspace; tokens = Tokens(Workspace(Path(sys.argv[1])));"
        " print(tokens.issue('mairie')); tokens.close()"
    )
    with closing(Tokens(Workspace(root))) as tokens:
        tokens.issue("ecole")
        Tokens(Workspace(root)).close()
        for _ in range(2):
            done = subprocess.run([sys.executable, "-c", issue, str(root)], check=True, capture_output=True, text=True)
            assert tokens.verify(done.stdout.strip()).application == "mairie"


# --- bound to networks -----------------------------------------------------------------------------------------------

COMMUNE = "/lookups/commune/01001"


def proxies(root: Path, text: str) -> None:
    """Declare proxies in a workspace."""
    with (root / "beffroi.yaml").open("a", encoding="utf-8") as file:
        file.write(f"proxies: {text}\n")


def bound(gateway: Gateway, *networks: str) -> dict[str, str]:
    """Return the headers of a call with a token that is good from some networks only."""
    text = gateway.service.tokens.issue("mairie", networks=networks)
    return gateway.headers(None) | {"Authorization": f"Bearer {text}"}


def test_a_token_is_good_from_its_networks_only(root: Path) -> None:
    with Gateway(root) as gateway:
        headers = bound(gateway, "127.0.0.8/29", "192.0.2.7")
        assert ask(gateway.url, "GET", COMMUNE, headers, source="127.0.0.9").status == 200
        elsewhere = ask(gateway.url, "GET", COMMUNE, headers)
        told = gateway.get("/datasets", None, **{k: v for k, v in headers.items() if k == "Authorization"})
    assert (elsewhere.status, elsewhere.code) == (401, "unauthenticated")
    assert "only from the networks that it was issued for" in elsewhere.json["detail"]
    assert "127.0.0.8" not in elsewhere.body.decode(), "who has stolen a token need not be told from where it is good"
    last = entries(root / ".beffroi")[-1]
    assert (last["application"], last["outcome"]) == ("mairie", "unauthenticated"), "whose token it was is journaled"
    assert told.status == 401


def test_headers_of_anybody_say_nothing_of_an_address(root: Path) -> None:
    with Gateway(root) as gateway:
        headers = bound(gateway, "192.0.2.0/24")
        for name in ("X-Forwarded-For", "Forwarded"):
            value = "for=192.0.2.7" if name == "Forwarded" else "192.0.2.7"
            assert ask(gateway.url, "GET", COMMUNE, headers | {name: value}).code == "unauthenticated"


@pytest.mark.parametrize(
    ("declared", "header", "value", "source", "good"),
    [
        ("X-Forwarded-For", "X-Forwarded-For", "192.0.2.7", "127.0.0.1", True),
        ("X-Forwarded-For", "X-Forwarded-For", "::ffff:192.0.2.7", "127.0.0.1", True),
        ("X-Forwarded-For", "X-Forwarded-For", "192.0.2.7:4711", "127.0.0.1", True),
        ("X-Forwarded-For", "X-Forwarded-For", "192.0.2.7, 127.0.0.5", "127.0.0.1", True),
        ("X-Forwarded-For", "X-Forwarded-For", "192.0.2.7, 203.0.113.1", "127.0.0.1", False),
        ("X-Forwarded-For", "X-Forwarded-For", "192.0.2.7, unknown", "127.0.0.1", False),
        ("X-Forwarded-For", "X-Forwarded-For", "192.0.2.7", "127.1.0.1", False),
        ("X-Forwarded-For", "Forwarded", "for=192.0.2.7", "127.0.0.1", False),
        ("Forwarded", "X-Forwarded-For", "192.0.2.7", "127.0.0.1", False),
        ("Forwarded", "Forwarded", 'proto=https;For="192.0.2.7:80";by=127.0.0.2', "127.0.0.1", True),
        ("Forwarded", "Forwarded", "for=192.0.2.7, for=127.0.0.4", "127.0.0.1", True),
        ("Forwarded", "Forwarded", "for=192.0.2.7, for=_hidden", "127.0.0.1", False),
        ("Forwarded", "Forwarded", "for=192.0.2.7, by=127.0.0.4", "127.0.0.1", False),
        ("Forwarded", "Forwarded", 'for=192.0.2.7, for="', "127.0.0.1", False),
    ],
)
def test_a_proxy_says_where_a_call_comes_from(
    root: Path, declared: str, header: str, value: str, source: str, good: bool
) -> None:
    proxies(root, f"{{networks: [127.0.0.0/24], address: {declared}}}")
    with Gateway(root) as gateway:
        reply = ask(gateway.url, "GET", COMMUNE, bound(gateway, "192.0.2.0/24") | {header: value}, source=source)
    assert reply.status == (200 if good else 401), reply.body


def test_an_address_of_ipv6_behind_a_proxy(root: Path) -> None:
    proxies(root, "{networks: [127.0.0.1], address: Forwarded}")
    with Gateway(root) as gateway:
        headers = bound(gateway, "2001:db8::/32") | {"Forwarded": 'for="[2001:db8:cafe::17]:4711"'}
        assert ask(gateway.url, "GET", COMMUNE, headers).status == 200


def test_what_is_no_network(tokens: Tokens) -> None:
    for wrong, said in (("10.1.2.3/8", "its network is 10.0.0.0/8"), ("mairie", "expected one such as 10.0.0.0/8")):
        with pytest.raises(InvalidRequest, match=said):
            tokens.issue("mairie", networks=[wrong])
    assert tokens.all() == []


def test_the_command_issues_them(root: Path) -> None:
    issued = beffroi(root, "token", "issue", "mairie", "--network", "10.0.0.0/8", "--network", "2001:db8::/32")
    assert issued.stdout.startswith("bft_")
    assert "10.0.0.0/8 2001:db8::/32" in beffroi(root, "token", "list").stdout
    refused = beffroi(root, "token", "issue", "mairie", "--network", "10.0.0.1/8", status=1)
    assert "its network is 10.0.0.0/8" in refused.stderr
    with closing(sqlite3.connect(root / ".beffroi" / "journal.db")) as database:
        changes = [row[0] for row in database.execute("SELECT entry FROM entries WHERE kind = 'change'")]
    assert any("from 10.0.0.0/8 2001:db8::/32" in entry for entry in changes), "the journal has what was issued"


def test_tokens_that_were_issued_before_networks_were_known(root: Path) -> None:
    with closing(Tokens(Workspace(root))) as tokens:
        text = tokens.issue("mairie")
    with closing(sqlite3.connect(root / ".beffroi" / "state.db")) as database, database:
        database.execute("ALTER TABLE tokens DROP COLUMN networks")
    with closing(Tokens(Workspace(root))) as tokens:
        assert tokens.verify(text).networks == ()
        assert tokens.verify(tokens.issue("mairie", networks=["10.0.0.0/8"])).networks == ("10.0.0.0/8",)


# --- client certificates, as a proxy reports them --------------------------------------------------------------------

MTLS = "{networks: [127.0.0.0/24], certificate: %s}"


@pytest.fixture(scope="module")
def der() -> bytes:
    """A client certificate, as TLS carries it."""
    issued = trustme.CA().issue_cert("mairie.test", common_name="mairie", organization_name="Ville")
    return x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes()).public_bytes(Encoding.DER)


def certified(root: Path, *, mairie: str, ecole: str = "", header: str = "Client-Cert") -> None:
    """Declare the certificates of applications, and a proxy that reports them."""
    path = root / "beffroi.yaml"
    text = path.read_text(encoding="utf-8")
    for name, value in (("mairie", mairie), ("ecole", ecole)):
        if value:
            text = text.replace(f"      {name}:\n", f"      {name}:\n        certificates: [{value}]\n")
    path.write_text(text, encoding="utf-8")
    proxies(root, MTLS % header)


def asked(gateway: Gateway, headers: dict[str, str], source: str = "127.0.0.1") -> Reply:
    return ask(gateway.url, "GET", COMMUNE, gateway.headers(None) | headers, source=source)


def rfc9440(der: bytes) -> dict[str, str]:
    return {"Client-Cert": f":{base64.b64encode(der).decode()}:"}


@pytest.mark.parametrize("known_by", ["sha256", "subject"])
@pytest.mark.parametrize("header", ["Client-Cert", "X-Forwarded-Client-Cert"])
def test_a_certificate_that_a_proxy_reports(root: Path, der: bytes, known_by: str, header: str) -> None:
    digest = hashlib.sha256(der).hexdigest()
    subject = x509.load_der_x509_certificate(der).subject.rfc4514_string()
    said = f"sha256: '{digest.upper()}'" if known_by == "sha256" else f"subject: '{subject}'"
    certified(root, mairie=f"{{{said}}}", header=header)
    envoy = f'By=spiffe://x;Hash={digest};Subject="{subject}";DNS=a.test;DNS=b.test'
    shown = rfc9440(der) if header == "Client-Cert" else {header: envoy}
    with Gateway(root) as gateway:
        good = asked(gateway, shown)
        elsewhere = asked(gateway, shown, source="127.1.0.1")
        with_token = asked(gateway, shown | gateway.headers("mairie"), source="127.1.0.1")
        opened = gateway.get("/datasets/communes/rows?limit=1", **shown)
    assert good.status == 200, good.body
    assert (elsewhere.status, elsewhere.code) == (401, "unauthenticated")
    assert "only from a proxy that is declared to set it" in elsewhere.json["detail"]
    assert with_token.status == 401, "a forged header is refused, whatever else comes with it"
    assert opened.status == 200, "open data need no credential"
    journal = entries(root / ".beffroi")
    assert [entry["outcome"] for entry in journal] == ["found", "unauthenticated", "unauthenticated"]
    assert journal[0]["application"] == "mairie"


def test_headers_of_certificates_that_count_for_nothing(root: Path, der: bytes) -> None:
    digest = hashlib.sha256(der).hexdigest()
    certified(root, mairie=f"{{sha256: {digest}}}", header="X-Forwarded-Client-Cert")
    with Gateway(root) as gateway:
        for wrong in (
            rfc9440(der),
            rfc9440(der) | {"X-Forwarded-Client-Cert": f"Hash={digest}"},
            {"X-Forwarded-Client-Cert": f"Hash={digest},Hash={'0' * 64}"},
            {"X-Forwarded-Client-Cert": f"Hash={digest};Hash={'0' * 64}"},
            {"X-Forwarded-Client-Cert": f"Hash={'0' * 64}"},
            {"X-Forwarded-Client-Cert": f"Hash={digest[:-1]}"},
            {"X-Forwarded-Client-Cert": 'Subject="CN=mairie'},
            {"X-Forwarded-Client-Cert": ""},
        ):
            assert asked(gateway, wrong).code == "unauthenticated", wrong


@pytest.mark.parametrize("wrong", ["", "::", ":AAAA:", ":é:", "MAAA", ":MAAA"])
def test_a_certificate_that_cannot_be_read(root: Path, der: bytes, wrong: str) -> None:
    certified(root, mairie=f"{{sha256: {hashlib.sha256(der).hexdigest()}}}")
    with Gateway(root) as gateway:
        reply = asked(gateway, {"Client-Cert": wrong.encode().decode("latin-1")})
    assert reply.code == "unauthenticated"
    assert "cannot be read as a client certificate" in reply.json["detail"]


def test_a_token_and_the_certificate_of_another(root: Path, der: bytes) -> None:
    certified(root, mairie=f"{{sha256: {hashlib.sha256(der).hexdigest()}}}")
    with Gateway(root) as gateway:
        assert asked(gateway, rfc9440(der) | gateway.headers("mairie")).status == 200
        other = asked(gateway, rfc9440(der) | gateway.headers("ecole"))
    assert "of two applications" in other.json["detail"]
    assert other.code == "unauthenticated"


SIGNS = st.text(alphabet='for=;,"\\\\ []:.0129aHashSubject%é', max_size=60) | st.text(max_size=30)


@given(SIGNS)
def test_whatever_a_proxy_passes_on(text: str) -> None:
    value = text.encode("latin-1", "replace")
    for address in ("Forwarded", "X-Forwarded-For"):
        reporting = Reporting(Proxies.model_validate({"networks": ["127.0.0.1"], "address": address}))
        reporting.address("127.0.0.1", Headers(raw=[(address.lower().encode(), value)]))
    for certificate in ("Client-Cert", "X-Forwarded-Client-Cert"):
        reporting = Reporting(Proxies.model_validate({"networks": ["127.0.0.1"], "certificate": certificate}))
        with suppress(Unauthenticated):
            reporting.certificate("127.0.0.1", Headers(raw=[(certificate.lower().encode(), value)]))


@pytest.mark.parametrize(
    ("mairie", "ecole", "proxies_say", "said"),
    [
        ("{sha256: abc}", "", MTLS % "Client-Cert", "64 hexadecimal digits"),
        ("{subject: mairie}", "", MTLS % "Client-Cert", "as RFC 4514 writes it"),
        ("{sha256: %(a)s, subject: CN=a}", "", MTLS % "Client-Cert", "one of them"),
        ("{sha256: %(a)s}", "{sha256: %(a)s}", MTLS % "Client-Cert", "mairie has this certificate too"),
        ("{sha256: %(a)s}", "", "{networks: [127.0.0.1]}", "who reports certificates?"),
        ("{sha256: %(a)s}", "", "{networks: [127.0.0.1/8]}", "its network is 127.0.0.0/8"),
        ("{sha256: %(a)s}", "", "{networks: []}", "at least 1"),
    ],
)
def test_what_cannot_be_declared_of_certificates(
    root: Path, mairie: str, ecole: str, proxies_say: str, said: str
) -> None:
    path = root / "beffroi.yaml"
    text = path.read_text(encoding="utf-8")
    for name, value in (("mairie", mairie), ("ecole", ecole)):
        if value:
            given = value % {"a": "'" + "a" * 64 + "'"}
            text = text.replace(f"      {name}:\n", f"      {name}:\n        certificates: [{given}]\n")
    path.write_text(f"{text}proxies: {proxies_say}\n", encoding="utf-8")
    with pytest.raises(Misconfigured, match=re.escape(said)) as wrong:
        Workspace(root)
    assert re.match(r"beffroi\.yaml:\d+: ", wrong.value.detail)
