"""Who we are and whom we believe in TLS, where a registry wants more than the system's own authorities.

The files are read when a registry is first asked, and again when they have changed: a renewed certificate needs no
restart. Only `connectors/http.py` uses this module.
"""

import ssl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import urllib3
from urllib3.util.ssl_ import create_urllib3_context

from connectors.errors import Misconfigured
from connectors.sockets import pool_manager

# The alerts of RFC 8446 §6 that can only be about a certificate of ours: a server sends them, as OpenSSL names them.
_REFUSALS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it wants one and was given none",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it is damaged, or signed in a way that it does not take",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "it is of a kind that it does not take",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "it was revoked",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it has expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it does not say why",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the authority that gave it, or was given none",
    "TLSV1_ALERT_ACCESS_DENIED": "it knows it, and denies access",
}


@dataclass(frozen=True)
class Identity:
    """PEM files for TLS: our client certificate (with its chain) and its key, and the authorities of the server.

    Without `key`, the key stands in the file of the certificate. Without `authority`, the system's authorities count.
    """

    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None


def pools(identity: Identity, registry: str) -> urllib3.PoolManager:
    """Return the connections of `identity`, one manager for all its callers.

    Raises Misconfigured where a file is missing, unreadable or not PEM, where the key is protected by a password or is
    not the certificate's.
    """
    files = (identity.certificate, identity.key, identity.authority)
    try:
        states = tuple((state.st_mtime_ns, state.st_size) for state in (path.stat() for path in files if path))
    except OSError as error:
        raise _unusable(registry, error.filename, "cannot be read: it is missing or not ours to read") from error
    return _pools(identity, states, registry)


@lru_cache(maxsize=256)
def _pools(
    identity: Identity,
    states: tuple[tuple[int, int], ...],  # noqa: ARG001 (a part of the cache's key)
    registry: str,
) -> urllib3.PoolManager:
    context = create_urllib3_context()
    _believe(context, identity.authority, registry)
    if identity.certificate:
        _present(context, identity.certificate, identity.key, registry)
    elif identity.key:
        raise _unusable(registry, identity.key, "is a key without a certificate: declare the certificate too")
    return pool_manager(num_pools=8, maxsize=32, ssl_context=context)


def _believe(context: ssl.SSLContext, authority: Path | None, registry: str) -> None:
    if authority is None:
        context.load_default_certs()
        return
    try:
        context.load_verify_locations(cafile=authority)
    except ssl.SSLError as error:
        raise _unusable(registry, authority, "holds no certificate of an authority in PEM") from error
    except OSError as error:
        raise _unusable(registry, authority, "cannot be read: it is missing or not ours to read") from error


def _present(context: ssl.SSLContext, certificate: Path, key: Path | None, registry: str) -> None:
    asked = []

    def password() -> str:  # OpenSSL would ask on the terminal
        asked.append(True)
        return ""

    try:
        context.load_cert_chain(certificate, key, password)
    except ssl.SSLError as error:
        if asked:
            why = "is protected by a password: store the key without one, readable for Beffroi alone"
        elif error.reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"):
            why = f"is not the key of the certificate {certificate}"
        else:
            raise _unusable(registry, certificate, "and its key could not be loaded: both must be PEM") from error
        raise _unusable(registry, key or certificate, why) from error
    except OSError as error:
        raise _unusable(registry, certificate, "or its key cannot be read: not ours to read") from error


def _unusable(registry: str, path: Path | str, why: str) -> Misconfigured:
    return Misconfigured(f"TLS identity for {registry}: {path} {why}", registry=registry)


def refuses_certificate(error: BaseException) -> str | None:
    """Return why the server refused our certificate, as far as an error of urllib3 tells it; None if it did not."""
    parts = (error, *error.args)
    reasons = (part.reason for part in parts if isinstance(part, ssl.SSLError))
    return next((_REFUSALS[reason] for reason in reasons if reason in _REFUSALS), None)
