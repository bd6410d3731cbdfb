"""Who we are to a REST registry: what each call carries. Secrets are read from the environment when a call is made.

Sources: RFC 7617 (basic), RFC 6750 (bearer). Tokens that are fetched (OAuth 2.0) stand in `connectors/rest/oauth.py`.
"""

import base64
import binascii
import datetime as dt
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from connectors.credentials import Credential
from connectors.deadline import Deadline
from connectors.pacing import Pace
from connectors.rest.auth_settings import ApiKeySettings, AuthSettings, BasicSettings, BearerSettings, OAuth2Settings
from connectors.rest.oauth import OAuth2
from connectors.rest.sent import US, header_of, text_of, unfit
from connectors.tls import Identity
from connectors.variables import names


class Auth(Protocol):
    """Who we are to one registry. Thread-safe: one object serves all callers."""

    def apply(self, headers: dict[str, str], query: list[tuple[str, str]], deadline: Deadline) -> None:
        """Add to a call what says who we are; what is added to `query` is secret, and must not be told.

        Raises Misconfigured (a variable or a file), and what fetching a token raises.
        """

    def renew(self, deadline: Deadline) -> bool:
        """Tell whether asking once more may help where a registry answered 401: what is stale was fetched anew.

        To be called in the thread that called `apply`, and not while the answer's turn is held: it may fetch.
        """

    def accepted(self) -> None:
        """Note that the registry took what was renewed."""

    def credentials(self) -> Iterable[Credential]:
        """Return what is known of our credentials without asking anybody."""


def auth_of(
    settings: AuthSettings, registry: str, root: Path, identity: Identity | None = None, pace: Pace | None = None
) -> Auth:
    """Return who we are by the declaration of `registry`; `root` is the workspace. Nothing is read or asked here.

    `identity` is who we are to the registry in TLS, and to its token endpoint where that has no `tls` of its own.
    """
    if isinstance(settings, OAuth2Settings):
        return OAuth2(settings, registry, root, identity, pace)
    return Fixed(settings, registry)


def misplaced(settings: AuthSettings, root: Path) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield which files are not there, each with the keys under `auth` that name it."""
    if not isinstance(settings, OAuth2Settings):
        return
    files: dict[tuple[str | int, ...], str | None] = {("key",): settings.key}
    if settings.tls is not None:
        files |= {("tls", name): getattr(settings.tls, name) for name in ("certificate", "key", "authority")}
    for keys, name in files.items():
        if name is not None and not (root / name).is_file():
            yield keys, f"there is no file {name}; a path is relative to the workspace"


class Fixed:
    """What is the same with each call: a key, a user name and password, a token that was given to us."""

    def __init__(self, settings: ApiKeySettings | BasicSettings | BearerSettings, registry: str) -> None:
        self._settings, self._registry = settings, registry

    def apply(self, headers: dict[str, str], query: list[tuple[str, str]], deadline: Deadline) -> None:
        """Add the key, password or token, as `Auth` says. Raises Misconfigured."""
        said = self._settings
        if isinstance(said, BasicSettings):
            user, password = self._text(said.username), self._text(said.password)
            if ":" in user:
                raise unfit(
                    said.username, self._registry, US, "holds a colon, which no user name can have (RFC 7617, 2)"
                )
            headers["Authorization"] = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        elif isinstance(said, BearerSettings):
            headers["Authorization"] = f"Bearer {header_of(said.token, self._registry, US)}"
        elif said.header is not None:
            headers[said.header] = header_of(said.value, self._registry, US)
        else:
            query.append((said.query or "", self._text(said.value)))

    def renew(self, deadline: Deadline) -> bool:
        """Tell that nothing can be renewed."""
        return False

    def accepted(self) -> None:
        """Nothing was renewed."""

    def credentials(self) -> Iterable[Credential]:
        """Yield a token that is there, with its end where it is a JWT that says so."""
        if isinstance(self._settings, BearerSettings):
            [name] = names(self._settings.token)
            if name in os.environ:
                yield Credential(f"the token in {name}", end_of(os.environ[name]))

    def _text(self, declared: str) -> str:
        return text_of(declared, self._registry, US)


def end_of(token: str) -> dt.datetime | None:
    """Return when a token ends by its own claim `exp` (RFC 7519, 4.1.4); None for one that is no JWT or says no end.

    Nothing is verified: whether the token is good is for the registry to tell.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return dt.datetime.fromtimestamp(float(claims["exp"]), dt.UTC)
    except (ValueError, TypeError, KeyError, OverflowError, OSError, RecursionError, binascii.Error):
        return None
