"""What `beffroi.yaml` declares of how callers are known: proxies, OpenID providers, certificates; of limits and metrics."""

import ipaddress
import re
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from connectors.declared import Declared
from pipelines.declarations import Name

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def network(text: str) -> Network:
    """Return the network that a text names, such as `10.0.0.0/8`. Raises ValueError, whose words are for people."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    try:
        meant = f": its network is {ipaddress.ip_network(text, strict=False)}"
    except ValueError:
        meant = ": expected one such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32"
    raise ValueError(f"«{text[:60]}» is not a network{meant}")


def fingerprint(text: str) -> str:
    """Return a SHA-256 fingerprint in lower case without separators. Raises ValueError."""
    plain = text.replace(":", "").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", plain):
        raise ValueError("expected the SHA-256 of the certificate: 64 hexadecimal digits")
    return plain


def _is_network(text: str) -> str:
    return str(network(text))


def _is_subject(text: str) -> str:
    from cryptography import x509  # slow to load, and few workspaces need it

    try:
        x509.Name.from_rfc4514_string(text)
    except ValueError:
        raise ValueError("expected a subject as RFC 4514 writes it, such as CN=mairie,O=Ville,C=FR") from None
    return text


def _is_https(url: str) -> str:
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        raise ValueError("expected an https address") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError("expected an https address: who can change what is read there can be anybody here")
    if not parts.hostname or "@" in parts.netloc or "?" in url or "#" in url:
        raise ValueError("expected an https address without user name, query and fragment")
    return url


HttpsUrl = Annotated[str, AfterValidator(_is_https)]


class Proxies(Declared):
    """Who may say where a call comes from, and by which headers, each of which the proxy itself must set or remove."""

    networks: Annotated[list[Annotated[str, AfterValidator(_is_network)]], Field(min_length=1)]
    address: Literal["X-Forwarded-For", "Forwarded"] = "X-Forwarded-For"
    certificate: Literal["Client-Cert", "X-Forwarded-Client-Cert"] | None = None


class Scraping(Declared):
    """Where whoever reads the gateway's metrics may call from."""

    networks: Annotated[list[Annotated[str, AfterValidator(_is_network)]], Field(min_length=1)]


class ClientCertificate(Declared):
    """A client certificate that an application is known by: its SHA-256, or its subject."""

    sha256: Annotated[str, AfterValidator(fingerprint)] | None = None
    subject: Annotated[str, AfterValidator(_is_subject)] | None = None

    @model_validator(mode="after")
    def _one(self) -> "ClientCertificate":
        if (self.sha256 is None) == (self.subject is None):
            raise ValueError("a certificate is known by its sha256: or by its subject:, one of them")
        return self


class CallLimits(Declared):
    """How often an application may ask: calls in a minute of the clock, and on a day of UTC."""

    per_minute: Annotated[int, Field(ge=1, le=10**9)] | None = None
    per_day: Annotated[int, Field(ge=1, le=10**9)] | None = None

    @model_validator(mode="after")
    def _some(self) -> "CallLimits":
        if self.per_minute is None and self.per_day is None:
            raise ValueError("say per_minute:, per_day: or both")
        return self


class IdentityProvider(Declared):
    """An OpenID provider whose access tokens are taken: each of its clients is one of our applications.

    `agent` is the claim that names the person behind the call. `keys` is where its keys are, if its discovery leads to
    another host than the issuer's; `authority` who signed its TLS certificate, a file in PEM.
    """

    issuer: HttpsUrl
    audience: Annotated[str, Field(min_length=1)]
    applications: Annotated[dict[str, str], Field(min_length=1)]
    agent: Annotated[str, Field(min_length=1)] | None = None
    keys: HttpsUrl | None = None
    authority: str | None = None


class Identity(Declared):
    """Who else than Beffroi says which application calls."""

    providers: dict[Name, IdentityProvider] = {}
