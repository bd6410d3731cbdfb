"""WS-Security: who asks (user name or X.509 signature), and whether the answer is the registry's own.

What is applied to a request comes last, when nothing in it changes any more (MTOM after it: a signature covers the
texts, not the parts). What is verified of an answer comes first, right after its attachments are put in their places.
Sources: OASIS Web Services Security 1.1.1 (SOAP Message Security, Username Token Profile, X.509 Certificate Token
Profile), https://docs.oasis-open.org/wss-m/wss/v1.1.1/; XML Signature, https://www.w3.org/TR/xmldsig-core1/
"""

import datetime as dt
import hashlib
import secrets
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from lxml import etree

from connectors.errors import Misconfigured
from connectors.soap.names import SOAP_11, SOAP_12, local, namespace
from connectors.soap.signed import SECURITY, UTILITY, SignatureInvalid, is_authority, verified
from connectors.soap.xmldsig import DS, Key, sign

__all__ = ["Security", "Signature", "SignatureInvalid", "UsernameToken"]

LIFETIME = dt.timedelta(minutes=5)
"""How long a request of ours is valid."""

_USERNAME = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#"
_X509 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"
_BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
_ID = f"{{{UTILITY}}}Id"


class Security(Protocol):
    """What is done to a request before it leaves, and to an answer before it is read."""

    def apply(self, envelope: etree._Element) -> None:
        """Add to a request's envelope what the registry wants, in place."""

    def verify(self, envelope: etree._Element) -> None:
        """Check an answer's envelope. Raises SignatureInvalid where it is not to be believed."""


@dataclass(frozen=True)
class UsernameToken:
    """A user name with its password, as it is or as a digest that only one who knows it can make.

    The digest, SHA-1 of nonce, moment and password, is the profile's (§3.1). Answers are not verified.
    """

    username: str
    password: str = field(repr=False)
    digest: bool = True

    def apply(self, envelope: etree._Element) -> None:
        """Add a Timestamp and the token to a request's envelope, in place."""
        security = _header(envelope)
        _stamp(security)
        nonce, created = secrets.token_bytes(16), _text(dt.datetime.now(dt.UTC))
        token = _add(security, "UsernameToken")
        _add(token, "Username").text = self.username
        password = _add(token, "Password")
        if self.digest:
            password.set("Type", _USERNAME + "PasswordDigest")
            password.text = _digest(nonce, created, self.password)
        else:
            password.set("Type", _USERNAME + "PasswordText")
            password.text = self.password
        _add(token, "Nonce", EncodingType=_BASE64).text = b64encode(nonce).decode()
        _add(token, "Created", UTILITY).text = created

    def verify(self, envelope: etree._Element) -> None:
        """Do nothing: a registry does not sign what it tells a user name."""


@dataclass(frozen=True)
class Signature:
    """Signs Body and Timestamp of requests with an RSA or EC key (SHA-256), and verifies answers.

    `certificate` and `key` are ours, in PEM. `trusted`, in PEM too, is whom an answer's signature is believed from: the
    registry's own certificates, or authorities that issue to it alone (whoever has a certificate of theirs can sign
    answers). Without it answers are not verified. Raises Misconfigured where one of them cannot be used.
    """

    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)
    trusted: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self._certificate.public_key() != self._key.public_key():
            raise Misconfigured("WS-Security: the key is not the key of the certificate: declare the two that belong")
        _ = self._trusted

    def apply(self, envelope: etree._Element) -> None:
        """Add a Timestamp, our certificate and the signature of Body and Timestamp to an envelope, in place.

        Raises Misconfigured where it is one that cannot be signed.
        """
        security = _header(envelope)
        covered = {_identify(element): element for element in (_body(envelope), _stamp(security))}
        token = _add(security, "BinarySecurityToken", EncodingType=_BASE64, ValueType=_X509)
        token.text = b64encode(self._certificate.public_bytes(Encoding.DER)).decode()
        try:
            security.append(sign(covered, self._key, _key_info(_identify(token))))
        except etree.C14NError as error:
            raise Misconfigured(
                "WS-Security: the request cannot be signed: a namespace of its schema is no absolute URI"
            ) from error

    def verify(self, envelope: etree._Element) -> None:
        """Check that Body and Timestamp are signed by one of `trusted`, and that it is still their time.

        What is not signed goes: the other headers, and comments, which would part a text in two. Raises
        SignatureInvalid, also for such a header that must be understood.
        """
        if self._trusted:
            signed = verified(envelope, _body(envelope), _for_us(envelope), self._trusted)
            for each in signed:
                etree.strip_tags(each, etree.Comment)
            _without_headers(envelope, signed)

    @cached_property
    def _certificate(self) -> x509.Certificate:
        return _certificates(self.certificate, "certificate")[0]

    @cached_property
    def _key(self) -> Key:
        try:
            key = load_pem_private_key(self.key, None)
        except TypeError as error:
            raise Misconfigured("WS-Security: the key is protected by a password: store it without one") from error
        except (ValueError, UnsupportedAlgorithm) as error:
            raise Misconfigured("WS-Security: the key is no private key in PEM") from error
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise Misconfigured("WS-Security: the key is neither RSA nor EC, which alone can sign here")
        return key

    @cached_property
    def _trusted(self) -> list[x509.Certificate]:
        return [] if self.trusted is None else _certificates(self.trusted, "trusted certificate")


def _certificates(pem: bytes, what: str) -> list[x509.Certificate]:
    try:
        found = x509.load_pem_x509_certificates(pem)
        for each in found:
            is_authority(each)  # reads its extensions, which are parsed late
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Misconfigured(f"WS-Security: the {what} is no X.509 certificate in PEM") from error
    return found


# --- the header ------------------------------------------------------------------------------------------------------


def _for_us(envelope: etree._Element) -> etree._Element | None:
    """Return the Security header for the last receiver, which has no actor (SOAP 1.1) or role (1.2); there is one."""
    version = _version(envelope)
    found = [
        security
        for security in envelope.iterfind(f"{{{version}}}Header/{{{SECURITY}}}Security")
        if security.get(f"{{{SOAP_11}}}actor" if version == SOAP_11 else f"{{{SOAP_12}}}role")
        in (None, "", f"{SOAP_12}/role/ultimateReceiver")
    ]
    if len(found) > 1:
        raise SignatureInvalid("there is more than one Security header for us")
    return found[0] if found else None


def _header(envelope: etree._Element) -> etree._Element:
    """Return the Security header of a request, made where there is none."""
    if (there := _for_us(envelope)) is not None:
        return there
    version = _version(envelope)
    header = envelope.find(f"{{{version}}}Header")
    if header is None:
        header = etree.Element(f"{{{version}}}Header")
        envelope.insert(0, header)
    security = etree.SubElement(header, f"{{{SECURITY}}}Security", nsmap={"wsse": SECURITY, "wsu": UTILITY})
    security.set(f"{{{version}}}mustUnderstand", "1" if version == SOAP_11 else "true")
    return security


def _without_headers(envelope: etree._Element, signed: Sequence[etree._Element]) -> None:
    """Take out the headers that nobody signed; Security itself stays, and is read by nobody else."""
    version = _version(envelope)
    for header in envelope.iterfind(f"{{{version}}}Header"):
        for each in [each for each in header if each not in signed and each.tag != f"{{{SECURITY}}}Security"]:
            if (each.get(f"{{{version}}}mustUnderstand") or "").strip() in ("1", "true"):
                raise SignatureInvalid(f"its header {local(each.tag)} must be understood and is not signed")
            header.remove(each)


def _version(envelope: etree._Element) -> str:
    version = namespace(str(envelope.tag))
    if local(envelope.tag) != "Envelope" or version not in (SOAP_11, SOAP_12):
        raise SignatureInvalid("it is no SOAP envelope")
    return str(version)


def _body(envelope: etree._Element) -> etree._Element:
    found = envelope.findall(f"{{{_version(envelope)}}}Body")
    if len(found) != 1:
        raise SignatureInvalid(f"there are {len(found)} Body elements in it, not one")
    return found[0]


def _stamp(security: etree._Element) -> etree._Element:
    """Return the Timestamp of a request, made where there is none: user name and signature share it."""
    stamp = security.find(f"{{{UTILITY}}}Timestamp")
    if stamp is None:
        now = dt.datetime.now(dt.UTC)
        stamp = _add(security, "Timestamp", UTILITY)
        _add(stamp, "Created", UTILITY).text = _text(now)
        _add(stamp, "Expires", UTILITY).text = _text(now + LIFETIME)
    return stamp


def _digest(nonce: bytes, created: str, password: str) -> str:
    digest = hashlib.sha1(nonce + created.encode() + password.encode(), usedforsecurity=False)
    return b64encode(digest.digest()).decode()


def _key_info(token: str) -> etree._Element:
    info = etree.Element(f"{{{DS}}}KeyInfo", nsmap={"ds": DS, "wsse": SECURITY})
    _add(_add(info, "SecurityTokenReference"), "Reference", URI=f"#{token}", ValueType=_X509)
    return info


def _identify(element: etree._Element) -> str:
    """Return the element's id, given to it where it has none."""
    if _ID not in element.attrib:
        element.set(_ID, f"id-{secrets.token_hex(16)}")
    return element.attrib[_ID]


def _add(parent: etree._Element, name: str, space: str = SECURITY, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{space}}}{name}", attributes)


def _text(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
