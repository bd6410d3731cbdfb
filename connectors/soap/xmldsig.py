"""XML signatures of the one kind that WS-Security needs here: detached, exc-c14n, RSA or ECDSA with SHA-2.

Own code on libxml2's canonicalisation and `cryptography`, since the kept libraries do not do: signxml cannot read names
with letters beyond ASCII (`año`) nor texts over 10 MB, xmlsec must be built against the very libxml2 that lxml brings.
Sources: XML Signature 1.1, https://www.w3.org/TR/xmldsig-core1/; exclusive canonicalisation,
https://www.w3.org/TR/xml-exc-c14n/
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from lxml import etree

DS = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"

_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_DIGESTS: Mapping[str, hashes.HashAlgorithm] = {
    "http://www.w3.org/2001/04/xmlenc#sha256": hashes.SHA256(),
    f"{_MORE}sha384": hashes.SHA384(),
    "http://www.w3.org/2001/04/xmlenc#sha512": hashes.SHA512(),
}
_RSA: Mapping[str, hashes.HashAlgorithm] = {f"{_MORE}rsa-{each.name}": each for each in _DIGESTS.values()}
_ECDSA: Mapping[str, hashes.HashAlgorithm] = {f"{_MORE}ecdsa-{each.name}": each for each in _DIGESTS.values()}

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def sign(elements: Mapping[str, etree._Element], key: Key, key_info: etree._Element) -> etree._Element:
    """Return a Signature by `key` over elements, by their ids, that tells `key_info` of it.

    Raises C14NError where a namespace is no absolute URI: such have no canonical form.
    """
    signature = etree.Element(f"{{{DS}}}Signature", nsmap={"ds": DS})
    info = _add(signature, "SignedInfo")
    _add(info, "CanonicalizationMethod", EXCLUSIVE)
    _add(info, "SignatureMethod", f"{_MORE}{'rsa' if isinstance(key, rsa.RSAPrivateKey) else 'ecdsa'}-sha256")
    for identity, element in elements.items():
        reference = _add(info, "Reference")
        reference.set("URI", f"#{identity}")
        _add(_add(reference, "Transforms"), "Transform", EXCLUSIVE)
        _add(reference, "DigestMethod", "http://www.w3.org/2001/04/xmlenc#sha256")
        _add(reference, "DigestValue").text = b64encode(_hash(_canonical(element), hashes.SHA256())).decode()
    _add(signature, "SignatureValue").text = b64encode(_signed(key, _canonical(info))).decode()
    signature.append(key_info)
    return signature


def covers(reference: etree._Element, element: etree._Element) -> bool:
    """Tell whether a Reference holds the digest of an element, by exc-c14n whatever transforms it names."""
    algorithm = _DIGESTS.get(_algorithm(reference, "DigestMethod"))
    if algorithm is None:
        return False
    data = _canonical(element, reference.find(f"{{{DS}}}Transforms/{{{DS}}}Transform"))
    return _hash(data, algorithm) == _value(reference, "DigestValue")


def made_by(signature: etree._Element, certificate: x509.Certificate) -> bool:
    """Tell whether the key of a certificate signed the SignedInfo of a Signature; digests are not looked at."""
    info = signature.find(f"{{{DS}}}SignedInfo")
    value = _value(signature, "SignatureValue")
    if info is None or value is None:
        return False
    data = _canonical(info, info.find(f"{{{DS}}}CanonicalizationMethod"))
    method, key = _algorithm(info, "SignatureMethod"), certificate.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey) and method in _RSA:
            key.verify(value, data, PKCS1v15(), _RSA[method])
            return True
        if isinstance(key, ec.EllipticCurvePublicKey) and method in _ECDSA and len(value) == 2 * _size(key):
            r, s = (int.from_bytes(half, "big") for half in (value[: _size(key)], value[_size(key) :]))
            key.verify(encode_dss_signature(r, s), data, ec.ECDSA(_ECDSA[method]))
            return True
    except InvalidSignature:
        return False
    return False


def _signed(key: Key, data: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, PKCS1v15(), hashes.SHA256())
    size = _size(key)
    pair = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
    return b"".join(number.to_bytes(size, "big") for number in pair)


def _size(key: ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) -> int:
    """Return the bytes of each half of an ECDSA signature (XML Signature §6.4.3)."""
    return (key.key_size + 7) // 8


def _canonical(element: etree._Element, method: etree._Element | None = None) -> bytes:
    """Return the exc-c14n of an element, with the InclusiveNamespaces that `method` tells."""
    inclusive = method.find(f"{{{EXCLUSIVE}}}InclusiveNamespaces") if method is not None else None
    prefixes = (inclusive.get("PrefixList") or "").split() if inclusive is not None else None
    # read on its own, the element declares itself what it had from its ancestors
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    alone = etree.fromstring(etree.tostring(element, encoding="UTF-8", with_tail=False), parser)
    return etree.tostring(alone, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=prefixes)


def _hash(data: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    made = hashes.Hash(algorithm)
    made.update(data)
    return made.finalize()


def _algorithm(holder: etree._Element, name: str) -> str:
    found = holder.find(f"{{{DS}}}{name}")
    return found.get("Algorithm", "") if found is not None else ""


def _value(holder: etree._Element, name: str) -> bytes | None:
    try:
        return b64decode("".join((holder.findtext(f"{{{DS}}}{name}") or "").split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _add(parent: etree._Element, name: str, algorithm: str | None = None) -> etree._Element:
    added = etree.SubElement(parent, f"{{{DS}}}{name}")
    if algorithm is not None:
        added.set("Algorithm", algorithm)
    return added
