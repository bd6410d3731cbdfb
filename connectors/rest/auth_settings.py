"""Who we are to a REST registry: the keys under `auth:`. Secrets stand in the environment, never in a declaration."""

import re
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator
from urllib3.util import parse_url

from connectors.declared import Declared
from connectors.registry import TlsSettings

Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA"]
"""How an assertion is signed (RFC 7518, 3.1; RFC 8037): asymmetric ones only."""
Method = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth"]
"""How a token endpoint knows us: OpenID Connect Core, 9; RFC 8705, 2.1."""

_VARIABLE = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"
_FIELD_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # a field name, RFC 9110, 5.6.2
_LOOPBACK = ("127.0.0.1", "::1", "[::1]", "localhost")


def _is_secret(text: str) -> str:
    if not re.fullmatch(_VARIABLE, text):
        raise ValueError("a secret stands in a variable of the environment: write ${NAME}, not the secret itself")
    return text


def _is_secret_value(text: str) -> str:
    if not re.fullmatch(rf"([A-Za-z][A-Za-z-]{{0,19}} )?{_VARIABLE}", text):
        raise ValueError(
            "a secret stands in a variable of the environment: write ${NAME}, or a word and the variable, such as"
            " Token ${NAME}, not the secret itself"
        )
    return text


def _is_token_url(url: str) -> str:
    try:
        parsed = parse_url(url)
    except ValueError:
        raise ValueError("expected the https address of the token endpoint") from None
    if parsed.auth is not None:
        raise ValueError("no user name or password stands in an address: say client_id: and client_secret:")
    if parsed.scheme != "https" and not (parsed.scheme == "http" and parsed.host in _LOOPBACK):
        raise ValueError("expected an https address: credentials would be readable on the way (RFC 6749, 3.2)")
    if not parsed.host or parsed.fragment is not None:
        raise ValueError("expected the https address of the token endpoint, without a fragment")
    return url


def _is_header(name: str) -> str:
    if not re.fullmatch(_FIELD_NAME, name, re.ASCII):
        raise ValueError("expected the name of a header, such as X-Api-Key")
    return name


def _is_user(name: str) -> str:
    if ":" in name or not name.isprintable():
        raise ValueError("a user name has no colon and no control character (RFC 7617, 2)")
    return name


Secret = Annotated[str, AfterValidator(_is_secret)]
SecretValue = Annotated[str, AfterValidator(_is_secret_value)]


class ApiKeySettings(Declared):
    """A key that goes with each call, in a header or in the query: `value` is `${NAME}`, or `Word ${NAME}`."""

    kind: Literal["api-key"]
    header: Annotated[str, AfterValidator(_is_header)] | None = None
    query: Annotated[str, Field(min_length=1)] | None = None
    value: SecretValue

    @model_validator(mode="after")
    def _says_one(self) -> Self:
        if (self.header is None) == (self.query is None):
            raise ValueError("say where the key goes: header: or query:, one of them")
        return self


class BasicSettings(Declared):
    """A user name, which may be `${NAME}` too, and a password (RFC 7617, in UTF-8)."""

    kind: Literal["basic"]
    username: Annotated[str, Field(min_length=1), AfterValidator(_is_user)]
    password: Secret


class BearerSettings(Declared):
    """A token that was given to us (RFC 6750). Where it is a JWT, its end is read from it."""

    kind: Literal["bearer"]
    token: Secret


class OAuth2Settings(Declared):
    """OAuth 2.0 client credentials (RFC 6749, 4.4): a token fetched from `token_url`, and anew when it ends.

    `key` is our private key in PEM, a file of the workspace, that signs the assertion of `private_key_jwt`. `tls` is
    who we are to the token endpoint, where that is not the `tls` of the registry.
    """

    kind: Literal["oauth2"]
    token_url: Annotated[str, AfterValidator(_is_token_url)]
    client_id: Annotated[str, Field(min_length=1)]
    method: Method = "client_secret_basic"
    client_secret: Secret | None = None
    key: Annotated[str, Field(min_length=1)] | None = None
    key_id: Annotated[str, Field(min_length=1)] | None = None
    algorithm: Algorithm = "RS256"
    scope: str | None = None
    audience: str | None = None
    tls: TlsSettings | None = None

    @model_validator(mode="after")
    def _says_whole(self) -> Self:
        secret = self.method in ("client_secret_basic", "client_secret_post")
        signed = self.method == "private_key_jwt"
        if secret != (self.client_secret is not None):
            why = "goes with" if secret else "is not for"
            raise ValueError(f"client_secret: {why} method: {self.method}")
        if signed != (self.key is not None):
            raise ValueError(f"key: {'goes with' if signed else 'is not for'} method: {self.method}")
        if not signed and (self.key_id is not None or "algorithm" in self.model_fields_set):
            raise ValueError("key_id: and algorithm: are for method: private_key_jwt")
        return self


AuthSettings: TypeAlias = Annotated[
    ApiKeySettings | BasicSettings | BearerSettings | OAuth2Settings, Field(discriminator="kind")
]
"""What stands under `auth:`, told apart by `kind`."""
