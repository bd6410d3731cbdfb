"""Receipts: a signed proof of one lookup, which anybody verifies offline with the gateway's public keys.

A receipt is three parts, each ended by a `~` but the last. The first two are an SD-JWT (RFC 9901): a JWS in compact form
(RFC 7515), signed with Ed25519 (RFC 8037), whose payload has the digests of several lookups that were answered together, in
an order of its own; and what one of them is the digest of, the `Claims` of this lookup with a random salt, so that of the
others nothing is told. The third is the salt by which whoever knows the identifier or the data proves that they are those
of the receipt; cut off, the rest says of nobody in particular that they were looked up.

Receipts of the first form have their claims in the payload itself, and the salt behind the one `~`; they hold for ever.
"""

import base64
import binascii
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from cryptography.exceptions import InvalidSignature

from connectors import identities
from connectors.errors import InvalidRequest
from connectors.identities import SCHEME
from connectors.records import RECORDS, canonical
from gateway import canonical_json
from gateway.receipt_keys import ALGORITHM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from gateway.journal.chain import Row

TYPE, FIRST_TYPE = "beffroi-receipt+sd-jwt", "beffroi-receipt+jwt"
"""What the header says it is, so that no other token signed by a gateway is taken for a receipt (RFC 8725, 3.11)."""

NAME = "receipt"
"""The claim of the SD-JWT that is disclosed."""

_URL = bytes.maketrans(b"+/", b"-_")
"""What base64url has in the place of two of base64's characters (RFC 4648, 5)."""

SALT = 16
"""Bytes of a salt: nobody can try all of them."""


class Journaled(msgspec.Struct, frozen=True):
    """Where the lookup stands in the journal. The hash covers every entry before it, so a receipt is an anchor too."""

    number: int
    hash: str


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a receipt says. `identifier` and `data` are HMAC-SHA256 in hexadecimal digits, their key is the salt.

    `identifier` is of the canonical `scheme:value` that was asked for, `data` of the answer's `data` as RFC 8785 writes
    it: None where there is none, or where it holds a number that RFC 8785 cannot write. Of a verification, whose `action` is
    `verify`, `data` is of `{"verify": …, "verified": …}`: what was asked, and what was answered. `on` is the day asked for.
    """

    iss: str
    time: str
    action: str
    lookup: str
    record: str
    organisation: str | None
    application: str | None
    purpose: str | None
    identifier: str
    on: str | None
    outcome: str
    fields: list[str]
    data: str | None
    source: str | None
    as_of: str | None
    journal: Journaled


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The header of a receipt; one that says more is none, whatever it says (RFC 7515, 4.1.11)."""

    alg: str
    kid: str
    typ: Literal["beffroi-receipt+sd-jwt", "beffroi-receipt+jwt"]  # TYPE, which a type checker does not take here


class Digests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is signed of several receipts: SHA-256 of each one's disclosure (RFC 9901, 4.2.4.1)."""

    digests: list[str] = msgspec.field(name="_sd")
    algorithm: Literal["sha-256"] = msgspec.field(name="_sd_alg", default="sha-256")


def keyed(salt: bytes, text: str) -> str:
    """Return the HMAC-SHA256 of a text by which a receipt names it."""
    return hmac.digest(salt, text.encode("utf-8", "surrogatepass"), "sha256").hex()


def keyed_data(salt: bytes, data: "Mapping[str, Any]") -> str | None:
    """Return the HMAC-SHA256 of data, written as RFC 8785 does; None where it cannot, as integers beyond 2**53."""
    try:
        return hmac.digest(salt, canonical_json.written(dict(data)), "sha256").hex()
    except ValueError:
        return None


def read(receipt: str, public: "Mapping[str, Ed25519PublicKey]") -> tuple[Claims, bytes | None]:
    """Return what a receipt says, its signature verified, and its salt, unless it was cut off.

    Raises InvalidRequest, which says what is wrong: no receipt, damaged or forged, signed with a key that is not known.
    """
    text, *more = receipt.strip().split("~")
    try:
        header, payload, signature = text.split(".")
        said = msgspec.json.decode(_bytes(header), type=_Header)
        shown = None if said.typ == FIRST_TYPE else more.pop(0)
        salted = more.pop(0) if more else ""
        salt = bytes.fromhex(salted) if salted else None
        if more or (salt is not None and len(salt) != SALT):  # HMAC would take a longer one for the same
            raise ValueError  # noqa: TRY301
    except (ValueError, IndexError):  # what is no base64 and no such JSON, too
        raise InvalidRequest("this is no receipt of Beffroi: its form or its header is another") from None
    if said.alg != ALGORITHM:
        raise InvalidRequest(f"a receipt is signed with {ALGORITHM}, and nothing else is taken: it was forged")
    if (key := public.get(said.kid)) is None:
        raise InvalidRequest("the receipt was signed with a key that is not among the known ones: it proves nothing")
    try:
        key.verify(_bytes(signature), f"{header}.{payload}".encode())
        return _said(_bytes(payload), shown), salt
    except (InvalidSignature, ValueError):  # msgspec's errors are ValueErrors
        raise InvalidRequest("the receipt was changed or forged: its signature is not that of what it says") from None


def _said(payload: bytes, shown: str | None) -> Claims:
    """Return the claims of a payload, or those that are `shown` beside it. Raises ValueError where it is not of them."""
    if shown is None:
        return msgspec.json.decode(payload, type=Claims)
    if digest(shown.encode()) not in msgspec.json.decode(payload, type=Digests).digests:
        raise ValueError
    return msgspec.json.decode(_bytes(shown), type=tuple[str, Literal["receipt"], Claims])[2]


def asked_for(claims: Claims, salt: bytes | None, identifier: str) -> bool:
    """Tell whether it is `identifier` that was asked for. Raises MalformedIdentifier, and InvalidRequest without a salt."""
    return hmac.compare_digest(keyed(_needed(salt), named(claims, identifier)), claims.identifier)


def named(claims: Claims, identifier: str) -> str:
    """Return an identifier as receipts and the journal name it. Raises MalformedIdentifier."""
    scheme, _, value = identities.typed(identifier).partition(":")
    if scheme == SCHEME and (given := identities.parts(value)):
        return f"{SCHEME}:{identities.written(given)}"
    model = RECORDS.get(claims.record)  # a workspace's own record is not known everywhere: then as it is written
    return ":".join(canonical(model, identifier)) if model is not None else identifier


def told(claims: Claims, salt: bytes | None, data: "Mapping[str, Any]") -> bool:
    """Tell whether `data` are those that were given. Raises InvalidRequest where the receipt cannot tell."""
    if claims.data is None:
        raise InvalidRequest("this receipt is of no data: none were given, or they hold a number beyond 2**53")
    found = keyed_data(_needed(salt), data)
    return found is not None and hmac.compare_digest(found, claims.data)


def unlike(claims: Claims, row: "Row", hashes: "Mapping[str, str] | None" = None) -> list[str]:
    """Return which claims are not those of the entry that the receipt names: whoever has the key can name any.

    `hashes` are those of the identifier, where it is known, by the names of the journal's keys. Of an entry whose content
    is erased day and class are left. Raises InvalidRequest where the identifier's key is not among the journal's.
    """
    if not row.entry:
        kind = "lookup" if claims.outcome == "found" else "refused"
        left = {"time": claims.time[:10] == row.day, "outcome": row.kind == kind}
        return [name for name, same in left.items() if not same]
    entry = json.loads(row.entry)
    if entry["source"] is None:  # who said that there is none is known after the entry is written
        entry["source"] = claims.source
    same = ("time", "action", "organisation", "application", "purpose", "outcome", "fields", "source")
    found = [name for name in same if entry[name] != getattr(claims, name)]
    if entry["resource"] != f"lookup:{claims.lookup}":
        found.append("lookup")
    if hashes is not None and entry["identifier"] not in hashes.values():
        key = (entry["identifier"] or "").partition(":")[0]
        if key and key not in hashes:
            raise InvalidRequest(f"the entry's identifier was hashed with the journal's key {key}, which is not here")
        found.append("identifier")
    return found


def as_dict(claims: Claims) -> dict[str, Any]:
    """Return what a receipt says as JSON has it."""
    return {**msgspec.structs.asdict(claims), "journal": msgspec.structs.asdict(claims.journal)}


def _needed(salt: bytes | None) -> bytes:
    if salt is None:
        raise InvalidRequest("the salt, the part after ~, was cut off this receipt: it no longer says of whom it is")
    return salt


def digest(shown: bytes) -> str:
    """Return the digest of a disclosure, of the text that it is written as (RFC 9901, 4.2.3)."""
    return base64url(hashlib.sha256(shown).digest()).decode()


def base64url(content: bytes) -> bytes:
    """Return base64url without padding (RFC 7515, 2)."""
    return binascii.b2a_base64(content, newline=False).translate(_URL).rstrip(b"=")


def _bytes(text: str) -> bytes:
    """Read base64url without padding, in the one form that it has. Raises ValueError."""
    content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64url(content) != text.encode():
        raise binascii.Error("not the one form of it")
    return content
