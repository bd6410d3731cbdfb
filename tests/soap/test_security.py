"""WS-Security: what leaves is what others accept, and no answer is believed that its registry did not sign."""

import base64
import copy
import datetime as dt
import hashlib
import importlib
import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connectors.deadline import Deadline
from connectors.errors import Misconfigured, Unreadable
from connectors.soap import attachments, security
from connectors.soap.client import SoapClient, Who
from connectors.soap.names import SOAP_11, SOAP_12
from connectors.soap.security import Signature, SignatureInvalid, UsernameToken
from connectors.soap.signed import SECURITY, UTILITY
from connectors.soap.xmldsig import DS, EXCLUSIVE, sign
from tests.peers import PeerUnavailable
from tests.peers.canned import Canned

NS = {"wsse": SECURITY, "wsu": UTILITY, "ds": DS}
BODY = (
    '<u:answer xmlns:u="urn:u" xmlns:unused="urn:x" b="2" a="1"><amount>1000</amount><é>ü &amp; \u10d0</é></u:answer>'
)


def envelope(version: str = SOAP_11, body: str = BODY, header: str = "") -> etree._Element:
    text = f'<s:Envelope xmlns:s="{version}" xmlns:far="urn:far">{header}\n<s:Body>{body}</s:Body>\n</s:Envelope>'
    return etree.fromstring(text)


def again(sent: etree._Element) -> etree._Element:
    """Return an envelope as its receiver reads it."""
    return etree.fromstring(etree.tostring(sent, encoding="UTF-8"))


def one(element: etree._Element, path: str) -> etree._Element:
    (found,) = element.findall(path, NS)
    return found


def stamp(created: float, expires: float) -> str:
    """Return a header with a Timestamp, its moments in seconds from now."""
    now = dt.datetime.now(dt.UTC)
    moments = [(now + dt.timedelta(seconds=each)).isoformat() for each in (created, expires)]
    return (
        f'<s:Header><w:Security xmlns:w="{SECURITY}" xmlns:t="{UTILITY}"><t:Timestamp><t:Created>{moments[0]}'
        f"</t:Created><t:Expires>{moments[1]}</t:Expires></t:Timestamp></w:Security></s:Header>"
    )


# --- user names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "must"), [(SOAP_11, "1"), (SOAP_12, "true")])
@pytest.mark.parametrize("digest", [False, True])
def test_username(version: str, must: str, digest: bool) -> None:
    sent = envelope(version)
    UsernameToken("Ana", "sésame", digest=digest).apply(sent)
    assert [etree.QName(child).localname for child in sent] == ["Header", "Body"]
    header = one(sent, f"{{{version}}}Header/wsse:Security")
    assert header.get(f"{{{version}}}mustUnderstand") == must
    texts = {etree.QName(each).localname: each.text or "" for each in one(header, "wsse:UsernameToken")}
    assert texts["Username"] == "Ana"
    nonce = base64.b64decode(texts["Nonce"])
    made = base64.b64encode(hashlib.sha1(nonce + f"{texts['Created']}sésame".encode()).digest()).decode()
    assert len(nonce) == 16
    assert texts["Password"] == (made if digest else "sésame")
    assert (one(header, "wsse:UsernameToken/wsse:Password").get("Type") or "").endswith(
        "#PasswordDigest" if digest else "#PasswordText"
    )
    created, expires = (dt.datetime.fromisoformat(each.text or "") for each in one(header, "wsu:Timestamp"))
    assert expires - created == security.LIFETIME
    UsernameToken("Ana", "sésame").verify(envelope(version))


def test_a_digest_that_others_computed() -> None:
    nonce = base64.b64decode("LKqI6G/AikKCQrN0zqZFlg==")  # the example of ONVIF's programmer's guide
    assert security._digest(nonce, "2010-09-16T07:50:45Z", "userpassword") == "tuOSpGlFlIXsozq4HFNeeGeFLEI="


def test_no_secret_is_shown() -> None:
    assert "sesame" not in repr(UsernameToken("Ana", "sesame"))


# --- signing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Party:
    certificate: bytes
    key: bytes

    def signs(self, trusted: bytes | None = None) -> Signature:
        return Signature(self.certificate, self.key, trusted)


AUTHORITY = trustme.CA()


def party(kind: trustme.KeyType = trustme.KeyType.ECDSA, authority: trustme.CA = AUTHORITY) -> Party:
    issued = authority.issue_cert("registry.example", key_type=kind)
    return Party(issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes())


REGISTRY = party()
US = party(trustme.KeyType.RSA).signs(AUTHORITY.cert_pem.bytes())


def signed(**options: str) -> etree._Element:
    answer = envelope(**options)
    REGISTRY.signs().apply(answer)
    return again(answer)


@pytest.mark.parametrize("kind", trustme.KeyType)
@pytest.mark.parametrize("version", [SOAP_11, SOAP_12])
def test_a_signature_by_the_measure_of_others(kind: trustme.KeyType, version: str, tmp_path: Path) -> None:
    """Digests by the standard library's own canonicalisation, the signature by openssl."""
    who, sent = party(kind), envelope(version)
    who.signs().apply(sent)
    sent = again(sent)
    signature = one(sent, ".//ds:Signature")
    covered = {}
    for reference in signature.iterfind("ds:SignedInfo/ds:Reference", NS):
        (element,) = sent.xpath("//*[@wsu:Id=$id]", namespaces=NS, id=(reference.get("URI") or "")[1:])
        digest = base64.b64encode(hashlib.sha256(canonical(element)).digest()).decode()
        assert one(reference, "ds:DigestValue").text == digest
        covered[etree.QName(element).localname] = element
    assert covered.keys() == {"Body", "Timestamp"}
    value = base64.b64decode(one(signature, "ds:SignatureValue").text or "")
    if kind is trustme.KeyType.ECDSA:
        half = len(value) // 2
        value = utils.encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))
    token = x509.load_der_x509_certificate(base64.b64decode(one(sent, ".//wsse:BinarySecurityToken").text or ""))
    assert token == x509.load_pem_x509_certificate(who.certificate)
    (tmp_path / "key").write_bytes(token.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "signature").write_bytes(value)
    command = ["openssl", "dgst", "-sha256", "-verify", "key", "-signature", "signature"]
    subprocess.run(
        command, cwd=tmp_path, input=canonical(one(signature, "ds:SignedInfo")), check=True, capture_output=True
    )


def canonical(element: etree._Element) -> bytes:
    """Canonicalise by the standard library: C14N 2.0, which gives these documents what exc-c14n gives them."""
    return ET.canonicalize(etree.tostring(element, encoding="unicode", with_tail=False)).encode()


@pytest.fixture
def xmlsec() -> Any:
    """The library that zeep signs with."""
    try:
        return importlib.import_module("xmlsec")
    except ImportError as error:
        raise PeerUnavailable("xmlsec, which zeep signs with, cannot be loaded") from error


@pytest.mark.parametrize("version", [SOAP_11, SOAP_12])
def test_zeep_and_we_believe_each_other(version: str, tmp_path: Path, xmlsec: Any) -> None:
    who = party(trustme.KeyType.RSA)
    (tmp_path / "key").write_bytes(who.key)
    (tmp_path / "certificate").write_bytes(who.certificate)
    zeep: Any = importlib.import_module("zeep.wsse.signature")
    files = (str(tmp_path / "key"), str(tmp_path / "certificate"), None)
    theirs = zeep.BinarySignature(*files, xmlsec.Transform.RSA_SHA256, xmlsec.Transform.SHA256)
    ours = who.signs(who.certificate)
    sent = envelope(version)
    ours.apply(sent)
    theirs.verify(sent)
    answer = envelope(version, header=stamp(0, 60))
    theirs.apply(answer, {})
    ours.verify(again(answer))


def test_user_name_and_signature_share_header_and_timestamp() -> None:
    sent = envelope(header="<s:Header><own/></s:Header>")
    for each in (UsernameToken("Ana", "sesame"), REGISTRY.signs()):
        each.apply(sent)
    names = [etree.QName(child).localname for child in one(sent, ".//wsse:Security")]
    assert names == ["Timestamp", "UsernameToken", "BinarySecurityToken", "Signature"]
    US.verify(sent)


def test_large_texts_and_names_in_any_script() -> None:
    answer = envelope(body="<año><ქალაქი/></año>")
    one(answer, ".//ქალაქი").text = "a" * 11_000_000
    REGISTRY.signs().apply(answer)
    US.verify(answer)


def test_what_cannot_be_signed() -> None:
    with pytest.raises(Misconfigured, match="no absolute URI"):
        US.apply(envelope(body='<a xmlns="relative"/>'))


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, password: bytes = b"") -> bytes:
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


@pytest.mark.parametrize(
    ("certificate", "key", "trusted", "says"),
    [
        (b"garbage", REGISTRY.key, None, "the certificate is no X.509"),
        (REGISTRY.certificate, b"garbage", None, "no private key in PEM"),
        (REGISTRY.certificate, party().key, None, "not the key of the certificate"),
        (REGISTRY.certificate, pem(rsa.generate_private_key(65537, 2048), b"x"), None, "password"),
        (REGISTRY.certificate, pem(ed25519.Ed25519PrivateKey.generate()), None, "neither RSA nor EC"),
        (REGISTRY.certificate, REGISTRY.key, b"garbage", "the trusted certificate is no X.509"),
        (REGISTRY.certificate, REGISTRY.key, b"", "the trusted certificate is no X.509"),
    ],
)
def test_what_cannot_sign(certificate: bytes, key: bytes, trusted: bytes | None, says: str) -> None:
    with pytest.raises(Misconfigured, match=says):
        Signature(certificate, key, trusted)


# --- verifying -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [SOAP_11, SOAP_12])
@pytest.mark.parametrize("kind", trustme.KeyType)
def test_an_answer_that_the_registry_signed(version: str, kind: trustme.KeyType) -> None:
    who = party(kind)
    answer = envelope(version)
    who.signs().apply(answer)
    answer = again(answer)
    US.verify(answer)
    who.signs(who.certificate).verify(answer)
    who.signs().verify(envelope(version))  # nobody trusted, nothing verified


def test_without_its_certificate_in_the_message() -> None:
    answer = signed()
    token = one(answer, ".//wsse:BinarySecurityToken")
    one(answer, ".//wsse:Security").remove(token)
    refuse(answer, "certificate that we trust")
    REGISTRY.signs(REGISTRY.certificate).verify(answer)


def test_an_intermediate_authority() -> None:
    leaf = AUTHORITY.create_child_ca().issue_cert("registry.example")
    answer = envelope()
    Party(leaf.cert_chain_pems[0].bytes(), leaf.private_key_pem.bytes()).signs().apply(answer)
    refuse(answer, "certificate that we trust")
    token = one(answer, ".//wsse:BinarySecurityToken")
    chain = copy.deepcopy(token)
    chain.set(f"{{{UTILITY}}}Id", "chain")
    der = x509.load_pem_x509_certificate(leaf.cert_chain_pems[1].bytes()).public_bytes(Encoding.DER)
    chain.text = base64.b64encode(der).decode()
    token.addnext(chain)
    US.verify(answer)


def test_comments_do_not_part_a_text() -> None:
    answer = signed()
    amount = one(answer, ".//amount")
    amount.text = "10"
    amount.append(etree.Comment("not signed"))
    amount[0].tail = "00"
    US.verify(answer)
    assert amount.text == "1000"


def test_header_for_another_actor_is_not_ours() -> None:
    for version, attribute in ((SOAP_11, "actor"), (SOAP_12, "role")):
        answer = signed(version=version)
        ours = one(answer, ".//wsse:Security")
        other = etree.Element(f"{{{SECURITY}}}Security", {f"{{{version}}}{attribute}": "urn:other"})
        ours.addprevious(other)
        US.verify(answer)
        ours.set(f"{{{version}}}{attribute}", "urn:other")
        refuse(answer, "no Security header for us")


def test_timestamps() -> None:
    for good in ((0, 60), (-600, 1), (30, 300), (-600, -30)):
        US.verify(signed(header=stamp(*good)))
    refuse(signed(header=stamp(-600, -90)), "has expired")
    refuse(signed(header=stamp(600, 900)), "in the future")
    refuse(signed(header=stamp(0, 60).replace("Created>2", "Created>x")), "no moment")
    naive = stamp(0, 60).replace("+00:00", "")
    US.verify(signed(header=naive))
    REGISTRY.signs(REGISTRY.certificate).verify(signed(header=naive))


def refuse(answer: etree._Element, says: str) -> None:
    with pytest.raises(SignatureInvalid, match=says):
        US.verify(answer)


def evil() -> etree._Element:
    return etree.fromstring(
        f'<s:Body xmlns:s="{SOAP_11}"><u:answer xmlns:u="urn:u"><amount>1</amount></u:answer></s:Body>'
    )


def swap(answer: etree._Element, body_id: str | None = None) -> tuple[etree._Element, etree._Element]:
    """Put an evil Body in the place of the signed one; return both."""
    good, bad = one(answer, f"{{{SOAP_11}}}Body"), evil()
    if body_id is not None:
        bad.set(f"{{{UTILITY}}}Id", body_id)
    answer.replace(good, bad)
    return good, bad


def changed(answer: etree._Element) -> None:
    one(answer, ".//amount").text = "1"


def moved_to_the_header(answer: etree._Element) -> None:
    good, _ = swap(answer)
    etree.SubElement(one(answer, f"{{{SOAP_11}}}Header"), "wrapper").append(good)


def moved_to_the_header_itself(answer: etree._Element) -> None:
    good, _ = swap(answer)
    one(answer, f"{{{SOAP_11}}}Header").append(good)


def moved_with_its_id_kept(answer: etree._Element) -> None:
    good, bad = swap(answer)
    bad.set(f"{{{UTILITY}}}Id", good.get(f"{{{UTILITY}}}Id") or "")
    etree.SubElement(one(answer, f"{{{SOAP_11}}}Header"), "wrapper").append(good)


def moved_with_its_id_kept_otherwise(answer: etree._Element) -> None:
    good, bad = swap(answer)
    bad.set("ID", good.get(f"{{{UTILITY}}}Id") or "")
    bad.append(good)


def moved_into_the_signature(answer: etree._Element) -> None:
    good, _ = swap(answer)
    etree.SubElement(one(answer, ".//ds:Signature"), f"{{{DS}}}Object").append(good)


def moved_into_the_evil_body(answer: etree._Element) -> None:
    good, bad = swap(answer)
    bad.append(good)


def two_bodies(answer: etree._Element) -> None:
    answer.append(evil())


def envelope_in_an_envelope(answer: etree._Element) -> None:
    inner = copy.deepcopy(answer)
    _, bad = swap(answer)
    bad.append(inner)
    one(answer, f"{{{SOAP_11}}}Header").clear()


def fresh_timestamp_the_old_one_aside(answer: etree._Element) -> None:
    header = one(answer, f"{{{SOAP_11}}}Header")
    old = one(header, "wsse:Security/wsu:Timestamp")
    header.append(old)
    fresh = etree.fromstring(f'<s:E xmlns:s="{SOAP_11}">{stamp(0, 60)}</s:E>')
    one(header, "wsse:Security").insert(0, one(fresh, ".//wsu:Timestamp"))


def two_timestamps(answer: etree._Element) -> None:
    header = one(answer, ".//wsse:Security")
    header.append(etree.Element(f"{{{UTILITY}}}Timestamp"))


def no_timestamp(answer: etree._Element) -> None:
    header = one(answer, ".//wsse:Security")
    header.remove(one(header, "wsu:Timestamp"))


def two_headers(answer: etree._Element) -> None:
    header = one(answer, ".//wsse:Security")
    header.addprevious(copy.deepcopy(header))


def signature_for_another_actor(answer: etree._Element) -> None:
    other = etree.Element(f"{{{SECURITY}}}Security", {f"{{{SOAP_11}}}actor": "urn:other"})
    one(answer, ".//wsse:Security").addprevious(other)
    other.append(one(answer, ".//ds:Signature"))


def two_signatures(answer: etree._Element) -> None:
    one(answer, ".//wsse:Security").append(copy.deepcopy(one(answer, ".//ds:Signature")))


def no_signature(answer: etree._Element) -> None:
    one(answer, ".//wsse:Security").remove(one(answer, ".//ds:Signature"))


def no_reference_to_the_body(answer: etree._Element) -> None:
    info = one(answer, ".//ds:SignedInfo")
    info.remove(info.findall("ds:Reference", NS)[0])


def whole_document(answer: etree._Element) -> None:
    answer.findall(".//ds:Reference", NS)[0].set("URI", "")


def external(answer: etree._Element) -> None:
    answer.findall(".//ds:Reference", NS)[0].set("URI", "http://127.0.0.1:9/")


def xpointer(answer: etree._Element) -> None:
    answer.findall(".//ds:Reference", NS)[0].set("URI", "#xpointer(id('x'))")


def transformed(answer: etree._Element) -> None:
    transforms = answer.findall(".//ds:Transforms", NS)[0]
    etree.SubElement(transforms, f"{{{DS}}}Transform", Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116")


def inclusive(answer: etree._Element) -> None:
    one(answer, ".//ds:CanonicalizationMethod").set("Algorithm", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315")


def sha1(answer: etree._Element) -> None:
    for digest in answer.iterfind(".//ds:DigestMethod", NS):
        digest.set("Algorithm", f"{DS}sha1")


def hmac(answer: etree._Element) -> None:
    one(answer, ".//ds:SignatureMethod").set("Algorithm", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")


def empty_value(answer: etree._Element) -> None:
    one(answer, ".//ds:SignatureValue").text = None


def relative_namespace(answer: etree._Element) -> None:
    one(answer, f"{{{SOAP_11}}}Body").append(etree.Element("{relative}a"))


def many_references(answer: etree._Element) -> None:
    info = one(answer, ".//ds:SignedInfo")
    for _ in range(30):
        info.append(copy.deepcopy(info[-1]))


def other_prefixes(answer: etree._Element) -> None:
    transform = answer.findall(".//ds:Transform", NS)[0]
    etree.SubElement(transform, f"{{{EXCLUSIVE}}}InclusiveNamespaces", PrefixList="far s")


def another_certificate(answer: etree._Element) -> None:
    der = x509.load_pem_x509_certificate(party().certificate).public_bytes(Encoding.DER)
    one(answer, ".//wsse:BinarySecurityToken").text = base64.b64encode(der).decode()


ATTACKS = {
    changed: "was changed",
    moved_to_the_header: "not among what is signed",
    moved_to_the_header_itself: "not among what is signed",
    moved_with_its_id_kept: "there twice",
    moved_with_its_id_kept_otherwise: "there twice",
    moved_into_the_signature: "not among what is signed",
    moved_into_the_evil_body: "not among what is signed",
    two_bodies: "2 Body elements",
    envelope_in_an_envelope: "no Security header",
    fresh_timestamp_the_old_one_aside: "in no place of its own",
    two_timestamps: "2 of Timestamp",
    no_timestamp: "not there",
    two_headers: "more than one Security header",
    signature_for_another_actor: "0 of Signature",
    two_signatures: "2 of Signature",
    no_signature: "0 of Signature",
    no_reference_to_the_body: "not among what is signed",
    whole_document: "not there",
    external: "not there",
    xpointer: "not there",
    transformed: "transforms what it covers",
    inclusive: "exc-c14n",
    sha1: "not made by",
    hmac: "not made by",
    empty_value: "not made by",
    relative_namespace: "no absolute URI",
    many_references: "more than 20",
    other_prefixes: "not made by",
    another_certificate: "not made by",
}


@pytest.mark.parametrize(("attack", "says"), ATTACKS.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_attacks(attack: Callable[[etree._Element], None], says: str) -> None:
    answer = signed()
    attack(answer)
    refuse(again(answer), says)
    refuse(answer, says)


def test_an_answer_that_is_not_signed() -> None:
    refuse(envelope(), "did not sign")
    refuse(etree.fromstring("<html/>"), "no SOAP envelope")


def test_a_stranger_who_signs_well() -> None:
    answer = envelope()
    stranger = party(authority=trustme.CA())
    stranger.signs().apply(answer)
    refuse(answer, "certificate that we trust")
    with pytest.raises(SignatureInvalid, match="not made by"):
        stranger.signs(REGISTRY.certificate).verify(answer)
    answer = envelope()
    child = Party(REGISTRY.certificate, REGISTRY.key)  # its holder is no authority: what it issues counts for nothing
    issued = self_made(load_pem_private_key(child.key, None), x509.load_pem_x509_certificate(child.certificate))
    issued.signs().apply(answer)
    with pytest.raises(SignatureInvalid):
        child.signs(child.certificate).verify(answer)
    refuse(answer, "certificate that we trust")


def self_made(issuer_key: object, issuer: x509.Certificate | None, days: int = 1) -> Party:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=9))
        .not_valid_after(now + dt.timedelta(days=days))
        .sign(issuer_key if isinstance(issuer_key, ec.EllipticCurvePrivateKey) else key, hashes.SHA256())
    )
    return Party(made.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def test_a_self_made_certificate_counts_where_it_is_trusted_and_valid() -> None:
    for days, good in ((1, True), (-1, False)):
        who, answer = self_made(None, None, days), envelope()
        who.signs().apply(answer)
        refuse(answer, "certificate that we trust")
        if good:
            who.signs(who.certificate).verify(answer)
        else:
            with pytest.raises(SignatureInvalid, match="not made by"):
                who.signs(who.certificate).verify(answer)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")  # a garbled serial number
@given(st.data())
def test_no_byte_can_be_changed_unseen(data: st.DataObject) -> None:
    """Wherever one byte changes: refused in our own words, or the Body reads as it was signed."""
    answer = signed()
    body = canonical(one(answer, f"{{{SOAP_11}}}Body"))
    text = bytearray(etree.tostring(answer, encoding="UTF-8"))
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] = data.draw(st.integers(32, 126) | st.sampled_from(b"<>&\"'= /#:"))
    try:
        received = etree.fromstring(bytes(text))
        US.verify(received)
    except (etree.XMLSyntaxError, SignatureInvalid):
        return
    assert canonical(one(received, f"{{{SOAP_11}}}Body")) == body


# --- what is signed, and what is not ----------------------------------------------------------------------------------

OWN = '<s:Header><own xmlns="urn:o">1</own><other xmlns="urn:o">2</other></s:Header>'


def test_only_signed_headers_are_left() -> None:
    answer = envelope(header=OWN)
    REGISTRY.signs().apply(answer)
    US.verify(answer)
    assert [etree.QName(each).localname for each in one(answer, f"{{{SOAP_11}}}Header")] == ["Security"]
    answer = envelope(header=OWN)
    sign_too(answer, one(answer, ".//{urn:o}own"))
    answer = again(answer)
    stamped = one(answer, f"{{{SOAP_11}}}Header")
    stamped.insert(0, etree.Comment("not signed"))
    US.verify(answer)
    assert [etree.QName(each).localname for each in stamped] == ["own", "Security"]
    REGISTRY.signs().verify(plain := envelope(header=OWN))
    assert len(one(plain, f"{{{SOAP_11}}}Header")) == 2, "nobody trusted, nothing taken out"


def sign_too(answer: etree._Element, *more: etree._Element, stamped: bool = True) -> None:
    """Sign Body, Timestamp and `more`."""
    header = security._header(answer)
    elements = [one(answer, f"{{{SOAP_11}}}Body"), *more]
    if stamped:
        elements.append(security._stamp(header))
    covered = {security._identify(each): each for each in elements}
    key = load_pem_private_key(REGISTRY.key, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    token = security._add(header, "BinarySecurityToken")
    der = x509.load_pem_x509_certificate(REGISTRY.certificate).public_bytes(Encoding.DER)
    token.text = base64.b64encode(der).decode()
    header.append(sign(covered, key, security._key_info(security._identify(token))))


def test_an_unsigned_header_that_must_be_understood() -> None:
    answer = signed(header='<s:Header><own xmlns="urn:o" s:mustUnderstand="1">1</own></s:Header>')
    refuse(answer, "its header own must be understood and is not signed")


def test_an_answer_that_could_come_again() -> None:
    """Without a Timestamp that is signed an old answer is as good as a new one."""
    answer = envelope()
    sign_too(answer, stamped=False)
    refuse(again(answer), "0 of Timestamp")
    answer = envelope(header=stamp(0, 60))
    sign_too(answer, stamped=False)
    refuse(again(answer), "Timestamp is not among what is signed")


@pytest.mark.parametrize(
    ("moments", "without", "instead", "says"),
    [
        ((-60, 0), "<t:Expires>.*?</t:Expires>", "", ""),
        ((-600, 0), "<t:Expires>.*?</t:Expires>", "", "has expired"),
        ((0, 60), "<t:Created>.*?</t:Created>", "", ""),
        ((0, 0), "<t:Timestamp>.*?</t:Timestamp>", "<t:Timestamp/>", "neither when it was made nor"),
    ],
)
def test_timestamps_that_say_half(moments: tuple[int, int], without: str, instead: str, says: str) -> None:
    header = re.sub(without, instead, stamp(*moments))
    if says:
        refuse(signed(header=header), says)
    else:
        US.verify(signed(header=header))


CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize("trusting", [True, False])
def test_an_attachment_that_nobody_signed(canned: Canned, trusting: bool) -> None:
    head, _, body = (CORPUS / "attached/one.mime").read_bytes().partition(b"\r\n\r\n")
    root = re.search(rb"<\w+:Envelope.*</\w+:Envelope>", body, re.DOTALL)
    assert root is not None
    answer = etree.fromstring(root[0])
    REGISTRY.signs().apply(answer)
    canned.say(body.replace(root[0], etree.tostring(answer)), head.decode().partition("Content-Type: ")[2])
    client = SoapClient(CORPUS / "attached/service.wsdl", "r", who=Who(security=US if trusting else REGISTRY.signs()))
    if trusting:
        with pytest.raises(Unreadable, match="no signature covers its attachment photo"):
            client.call("Ask", {"Ask": "a"}, address=canned.url, deadline=Deadline.after(10))
    else:
        reply = client.call("Ask", {"Ask": "a"}, address=canned.url, deadline=Deadline.after(10))
        assert reply.value["photo"].startswith(b"\0\1")


@pytest.mark.parametrize("forged", [True, False])
def test_an_attachment_in_the_signed_body(canned: Canned, forged: bool) -> None:
    """MTOM: the signature covers the text that stands for the part."""
    answer = envelope(
        body=f'<Answer xmlns="urn:c"><name>n</name><file>{base64.b64encode(b"S1GNED").decode()}</file></Answer>'
    )
    REGISTRY.signs().apply(answer)
    content, content_type = attachments.outline(answer, [one(answer, ".//{urn:c}file")])
    canned.say(content.replace(b"S1GNED", b"F0RGED") if forged else content, content_type)
    client = SoapClient(CORPUS / "mtom/service.wsdl", "r", who=Who(security=US))
    if forged:
        with pytest.raises(Unreadable, match="was changed"):
            client.call("Ask", {"Ask": "a"}, address=canned.url, deadline=Deadline.after(10))
    else:
        reply = client.call("Ask", {"Ask": "a"}, address=canned.url, deadline=Deadline.after(10))
        assert reply.value == {"name": "n", "file": [b"S1GNED"]}
