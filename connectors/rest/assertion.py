"""Proof of who we are by our private key: the assertion of private_key_jwt (RFC 7523, 3; OpenID Connect Core, 9)."""

import copy
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from connectors.errors import Misconfigured
from connectors.rest.auth_settings import OAuth2Settings

if TYPE_CHECKING:
    from joserfc.jwk import Key

SECONDS = 60
"""How long an assertion holds: once, for the call that it is made for."""

_KEYS: Mapping[str, Literal["RSA", "EC", "OKP"]] = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
"""The kind of key of each algorithm (RFC 7518, 3.1; RFC 8037, 3.1)."""


def assertion(settings: OAuth2Settings, client: str, root: Path, registry: str) -> str:
    """Return a JWT for the token endpoint, signed by the declared key, which is read anew: it may have been replaced.

    Raises Misconfigured where the key cannot be read, has a password, or is not one of the algorithm's.
    """
    from joserfc import jwt  # it brings cryptography along, which most registries do without
    from joserfc.jws import JWSRegistry

    now = int(time.time())
    header = {"alg": settings.algorithm, "typ": "JWT"} | ({"kid": settings.key_id} if settings.key_id else {})
    claims = {"iss": client, "sub": client, "aud": settings.token_url, "jti": str(uuid.uuid4()), "iat": now}
    key = _key(root / (settings.key or ""), settings, registry)
    registered = JWSRegistry(algorithms=[settings.algorithm])
    algorithm = copy.copy(registered.algorithms[settings.algorithm])
    algorithm.security_warning = None  # EdDSA has other names since RFC 9864, which few providers know yet
    registered.algorithms = {settings.algorithm: algorithm}
    return jwt.encode(header, claims | {"exp": now + SECONDS}, key, registry=registered)


def _key(path: Path, settings: OAuth2Settings, registry: str) -> "Key":
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key

    def unusable(why: str) -> Misconfigured:
        return Misconfigured(f"the key for {registry}, {settings.key}, {why}", registry=registry)

    wanted = _KEYS[settings.algorithm]
    try:
        key = import_key(path.read_bytes(), wanted)
    except OSError as error:
        raise unusable("cannot be read: it is missing or not ours to read") from error
    except TypeError as error:  # what cryptography raises for a password that was not given
        raise unusable("is protected by a password: store the key without one, readable for Beffroi alone") from error
    except (ValueError, JoseError) as error:
        raise unusable(f"is no {wanted} key in PEM, which {settings.algorithm} wants") from error
    if not key.is_private:
        raise unusable("is a public key: the private one signs")
    return key
