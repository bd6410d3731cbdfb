"""What the rows of one job are encrypted with: AES-GCM (NIST SP 800-38D), each text bound to its place."""

import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Seal:
    """The cipher of one job."""

    def __init__(self, secret: bytes, name: str) -> None:
        """Make it of a key of the journal and the job's ID."""
        self._cipher = AESGCM(hmac.new(secret, f"beffroi job {name}".encode(), hashlib.sha256).digest())

    def closed(self, text: bytes, place: str) -> bytes:
        """Return a text encrypted for its place."""
        nonce = secrets.token_bytes(12)
        return nonce + self._cipher.encrypt(nonce, text, place.encode())

    def opened(self, text: bytes, place: str) -> bytes:
        """Return what was encrypted for a place. Raises InvalidTag."""
        return self._cipher.decrypt(text[:12], text[12:], place.encode())
