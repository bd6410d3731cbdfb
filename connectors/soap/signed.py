"""Whether a SOAP answer is signed by whom we trust: the Body that is read, and no other, at this time.

A signature names what it covers by ids, so that a valid one can be carried into another message, its Body moved aside
(signature wrapping). Here an id counts only where one element of the whole answer has it, and what it names must be
the very Body, or stand in a header.
"""

import datetime as dt
from base64 import b64decode
from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError
from lxml import etree

from connectors.soap.xmldsig import DS, EXCLUSIVE, covers, made_by

SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
UTILITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"

SKEW = dt.timedelta(minutes=1)
"""How far the registry's clock may be from ours."""

LONGEST = dt.timedelta(minutes=5)
"""How old an answer may be that does not say when it expires."""

MAX_REFERENCES = 20
_MAX_CERTIFICATES = 5
_IDS = etree.XPath("//*[@*[local-name() = 'Id' or local-name() = 'ID' or local-name() = 'id'] = $wanted]")


class SignatureInvalid(ValueError):
    """The answer is not signed as it must be. The message says what is wrong and holds nothing of the answer."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the answer's WS-Security signature is not valid: {why}")


def verified(
    envelope: etree._Element, body: etree._Element, security: etree._Element | None, trusted: list[x509.Certificate]
) -> list[etree._Element]:
    """Check that `security`, a header of `envelope`, holds a signature by one of `trusted` over this very `body`.

    It covers the Timestamp there too, which is current: an answer to an earlier question must not come again. Returns
    all elements that it covers. Raises SignatureInvalid.
    """
    if security is None:
        raise SignatureInvalid("it has no Security header for us: the registry did not sign")
    signature = _only(security.findall(f"{{{DS}}}Signature"), "Signature in its Security header")
    references = _references(signature)
    covered = [_covered(reference, envelope) for reference in references]
    if body not in covered:
        raise SignatureInvalid("its Body is not among what is signed")
    stamps = security.findall(f"{{{UTILITY}}}Timestamp")
    for element in covered:
        stamp = element.tag == f"{{{UTILITY}}}Timestamp"
        if not (element is body or _parent(element) in (security, _parent(security))) or (
            stamp and element not in stamps
        ):
            raise SignatureInvalid("it covers an element that stands in no place of its own")
    if _only(stamps, "Timestamp") not in covered:
        raise SignatureInvalid("its Timestamp is not among what is signed: it could be an old answer")
    _current(stamps[0])
    try:
        made = any(made_by(signature, certificate) for certificate in _signers(signature, trusted))
        whole = all(covers(reference, element) for reference, element in zip(references, covered, strict=True))
    except etree.C14NError as error:
        raise SignatureInvalid("a namespace in it is no absolute URI, so that it has no canonical form") from error
    if not made:
        raise SignatureInvalid("it was not made by a certificate that we trust")
    if not whole:
        raise SignatureInvalid("what it covers was changed")
    return covered


# --- what is signed --------------------------------------------------------------------------------------------------


def _references(signature: etree._Element) -> list[etree._Element]:
    info = _only(signature.findall(f"{{{DS}}}SignedInfo"), "SignedInfo")
    method = _only(info.findall(f"{{{DS}}}CanonicalizationMethod"), "CanonicalizationMethod")
    found = info.findall(f"{{{DS}}}Reference")
    if method.get("Algorithm") != EXCLUSIVE:
        raise SignatureInvalid("it is not canonicalised by exc-c14n, the only way that is understood here")
    if len(found) > MAX_REFERENCES:
        raise SignatureInvalid(f"it covers more than {MAX_REFERENCES} elements")
    return found


def _covered(reference: etree._Element, envelope: etree._Element) -> etree._Element:
    """Return the one element that a reference names, canonicalised exclusively and not transformed otherwise."""
    transforms = reference.findall(f"{{{DS}}}Transforms/*")
    if [transform.get("Algorithm") for transform in transforms] != [EXCLUSIVE]:
        raise SignatureInvalid("it transforms what it covers otherwise than by exc-c14n, which is not understood here")
    uri = reference.get("URI", "")
    found = _IDS(envelope, wanted=uri[1:]) if uri.startswith("#") and len(uri) > 1 else []
    if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], etree._Element):  # noqa: SLF001
        raise SignatureInvalid("it covers an element that is not there, or is there twice")
    return found[0]


# --- by whom ---------------------------------------------------------------------------------------------------------


def _signers(signature: etree._Element, trusted: list[x509.Certificate]) -> Iterator[x509.Certificate]:
    """Yield whose signature it may be: trusted ones, and those in the message that a trusted authority vouches for.

    How KeyInfo names the certificate (reference, serial number, thumbprint) need not be known: any of these will do.
    """
    authorities, now = [each for each in trusted if is_authority(each)], dt.datetime.now(dt.UTC)
    for each in trusted:
        if each not in authorities and each.not_valid_before_utc <= now <= each.not_valid_after_utc:
            yield each
    if authorities:
        sent = list(_sent(signature))
        yield from (each for each in sent if each not in trusted and _vouched(each, sent, authorities))


def _sent(signature: etree._Element) -> Iterator[x509.Certificate]:
    tokens = _parent(signature).findall(f"{{{SECURITY}}}BinarySecurityToken")
    tokens += signature.findall(f"{{{DS}}}KeyInfo//{{{DS}}}X509Certificate")
    for token in tokens[:_MAX_CERTIFICATES]:
        try:
            certificate = x509.load_der_x509_certificate(b64decode(token.text or ""))
            is_authority(certificate)
        except (ValueError, UnsupportedAlgorithm):  # a token of another kind
            continue
        yield certificate


def _vouched(leaf: x509.Certificate, sent: list[x509.Certificate], authorities: list[x509.Certificate]) -> bool:
    builder = PolicyBuilder().store(Store(authorities))
    builder = builder.extension_policies(
        ee_policy=ExtensionPolicy.permit_all(), ca_policy=ExtensionPolicy.webpki_defaults_ca()
    )
    try:
        builder.build_client_verifier().verify(leaf, sent)
    except VerificationError:
        return False
    return True


def is_authority(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate may issue others (RFC 5280 §4.2.1.9). Raises ValueError where it is garbled."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


# --- when ------------------------------------------------------------------------------------------------------------


def _current(stamp: etree._Element) -> None:
    now = dt.datetime.now(dt.UTC)
    created, expires = (_moment(stamp, name) for name in ("Created", "Expires"))
    if created and created > now + SKEW:
        raise SignatureInvalid("its Timestamp was made in the future: one of the two clocks is wrong")
    expires = expires or (created and created + LONGEST)
    if expires is None:
        raise SignatureInvalid("its Timestamp says neither when it was made nor when it expires")
    if expires <= now - SKEW:
        raise SignatureInvalid("its Timestamp has expired: it is old, or one of the two clocks is wrong")


def _moment(stamp: etree._Element, name: str) -> dt.datetime | None:
    found = stamp.findall(f"{{{UTILITY}}}{name}")
    if not found:
        return None
    try:
        moment = dt.datetime.fromisoformat((_only(found, name).text or "").strip())
    except ValueError as error:
        raise SignatureInvalid(f"the {name} of its Timestamp is no moment") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _only(found: list[etree._Element], what: str) -> etree._Element:
    if len(found) != 1:
        raise SignatureInvalid(f"there are {len(found)} of {what}, not one")
    return found[0]


def _parent(element: etree._Element) -> etree._Element:
    parent = element.getparent()
    if parent is None:
        raise SignatureInvalid("it covers an element that stands in no place of its own")
    return parent
