"""The keys that receipts are signed with: the one in use, and the public ones of those before it.

The one in use stands in `.beffroi/receipts/key`, or in BEFFROI_RECEIPT_KEY: an Ed25519 private key is any 32 bytes,
written as 64 hexadecimal digits. Of a key that went out of use its public part alone is kept, as a JWK beside it, so that
its receipts are verified for ever and nobody can sign one more.
"""

import base64
import contextlib
import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from connectors.errors import InvalidRequest, Misconfigured
from gateway.store import own_file, unavailable
from pipelines.delta_log import Stamp, stamp

VARIABLE = "BEFFROI_RECEIPT_KEY"
ALGORITHM = "EdDSA"
"""As RFC 8037 calls it, which every JOSE library knows; RFC 9864 calls it Ed25519, which few do."""


class ReceiptKeys:
    """The keys of a workspace's state. The first call of a new workspace makes one, for all processes."""

    def __init__(self, state: Path) -> None:
        """Name the folder. Nothing is read before it is needed."""
        self._folder = state / "receipts"
        self._path = self._folder / "key"
        self._file = str(self._path)
        self._stamp: Stamp | None = None
        self._used: tuple[str, Ed25519PrivateKey] | None = None

    def current(self) -> tuple[str, Ed25519PrivateKey]:
        """Return the name and the key to sign with: the one that stands there now, whoever rotated it.

        Raises Misconfigured where it is none, Unavailable where it cannot be read or made.
        """
        try:
            if self._used is None or (self._stamp and self._stamp != stamp(self._file)):
                self._used = self._read()
        except OSError as error:
            raise unavailable(self._path, error) from error
        return self._used

    def jwks(self) -> dict[str, Any]:
        """Return the public keys as a JWK Set (RFC 7517, 5), the one in use first. Raises as `current` does."""
        name, key = self.current()
        found = {name: _jwk(key.public_key())}
        try:
            for path in sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True):
                found.setdefault(path.stem, json.loads(path.read_bytes()))
        except OSError as error:
            raise unavailable(self._folder, error) from error
        except ValueError:
            raise Misconfigured(f"{path} is no public key: put it back from a backup, or take it away") from None
        return {"keys": list(found.values())}

    def rotate(self) -> tuple[str, str]:
        """Take a new key into use and forget the old one but for its public part; return both names, the new first.

        A gateway that runs takes it with its next receipt. Raises Misconfigured where the key is the environment's.
        """
        old, key = self.current()
        if VARIABLE in os.environ:
            raise Misconfigured(
                f"the key is that of {VARIABLE}: put the new one before the old there, separated by a comma (NEW,OLD),"
                " and start every gateway anew; `openssl rand -hex 32` makes one"
            )
        try:
            self._keep(key.public_key())
            own_file(self._aside(), secrets.token_hex(32)).rename(self._path)
        except OSError as error:
            raise unavailable(self._path, error) from error
        return self.current()[0], old

    def _aside(self) -> Path:
        return self._folder / f"key.{secrets.token_hex(4)}"

    def _keep(self, key: Ed25519PublicKey) -> None:
        """Keep a public key. It is written before the one that follows it signs anything."""
        jwk = _jwk(key)
        aside = own_file(self._aside(), json.dumps(jwk))
        aside.rename(self._folder / f"{jwk['kid']}.json")

    def _read(self) -> tuple[str, Ed25519PrivateKey]:
        """Read the key to sign with. Raises OSError, Misconfigured."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if VARIABLE in os.environ:
            first, *before = [_private(text, VARIABLE) for text in os.environ[VARIABLE].split(",")]
            for key in (first, *before):
                if not (self._folder / f"{_jwk(key.public_key())['kid']}.json").exists():
                    self._keep(key.public_key())
        else:
            if not self._path.exists():
                self._make()
            self._stamp = stamp(self._file)
            first = _private(self._path.read_text(encoding="ascii", errors="replace"), str(self._path))
        return _jwk(first.public_key())["kid"], first

    def _make(self) -> None:
        aside = own_file(self._aside(), secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):  # another process was first: its key holds
            os.link(aside, self._path)
        aside.unlink()


class _Jwk(msgspec.Struct, frozen=True):
    """What is read of a JWK; of other kinds some of it is missing."""

    kty: str = ""
    crv: str = ""
    kid: str = ""
    x: str = ""


class _JwkSet(msgspec.Struct, frozen=True):
    keys: list[_Jwk]


def public(jwks: bytes) -> dict[str, Ed25519PublicKey]:
    """Return the Ed25519 keys of a JWK Set by their names; keys of other kinds may stand there and are passed over.

    Raises InvalidRequest where it is none.
    """
    try:
        found = [
            key for key in msgspec.json.decode(jwks, type=_JwkSet).keys if (key.kty, key.crv) == ("OKP", "Ed25519")
        ]
        return {key.kid: _public(key.x) for key in found}
    except (ValueError, RecursionError):  # msgspec's errors too
        raise InvalidRequest('the keys must be a JWK Set, {"keys": […]}, as /.well-known/jwks.json has it') from None


def _public(x: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(x + "=" * (-len(x) % 4)))


def _private(text: str, place: str) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text.strip()))
    except ValueError:
        raise Misconfigured(
            f"{place} must be a key of 32 bytes, written as 64 hexadecimal digits; `openssl rand -hex 32` makes one"
        ) from None


def _jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """Return a public key as a JWK (RFC 8037, 2). Its name is its thumbprint (RFC 7638): nobody chooses it."""
    x = base64.urlsafe_b64encode(key.public_bytes_raw()).rstrip(b"=").decode()
    print_ = hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest()
    name = base64.urlsafe_b64encode(print_).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": name, "alg": ALGORITHM, "use": "sig"}
