"""What comes beside an envelope: byte for byte, from well-meaning and from hostile servers."""

import contextlib
import re
import time
from base64 import b64decode, b64encode
from email import message_from_bytes, policy

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from lxml import etree

from connectors import http
from connectors.soap import attachments
from connectors.soap.attachments import MAX_PARTS, Attached, NoMultipart, attach, by_name, inline, outline, unpack
from connectors.soap.names import SOAP_11, SOAP_12

HEADER = 'multipart/related; type="application/xop+xml"; start="<root@x>"; start-info="text/xml"; boundary="b"'
ROOT = b'Content-Type: application/xop+xml; charset=UTF-8; type="text/xml"\r\nContent-ID: <root@x>'
PART = b"Content-ID: <a@x>\r\nContent-Type: image/png"
INCLUDE = b'<i:Include xmlns:i="http://www.w3.org/2004/08/xop/include" href="%s"/>'


def message(*parts: tuple[bytes, bytes], boundary: bytes = b"b") -> bytes:
    lines = [b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary, head, content) for head, content in parts]
    return b"".join([*lines, b"--%s--\r\n" % boundary])


def envelope(content: bytes = b"", version: str = SOAP_11) -> etree._Element:
    return etree.fromstring(b'<e:Envelope xmlns:e="%s"><e:Body>%s</e:Body></e:Envelope>' % (version.encode(), content))


# --- in --------------------------------------------------------------------------------------------------------------


def test_mtom_in() -> None:
    content = bytes(range(256)) * 3
    root, media_type, parts = unpack(HEADER, message((ROOT, b"<r>" + INCLUDE % b"cid:a@x" + b"</r>"), (PART, content)))
    assert media_type == "text/xml"
    assert parts == {"a@x": Attached("a@x", "image/png", content)}
    tree = etree.fromstring(root)
    inline(tree, parts)
    assert len(tree) == 0
    assert b64decode(tree.text or "") == content


@given(
    st.lists(
        st.binary() | st.sampled_from([b"\r\n", b"\n", b"\r", b"--b", b"\r\n--", b"\r\n--bb\r\n", b"\r\n\r\n", b""])
    ),
    st.sampled_from(["b", "b(c)+.?=", "-" * 70]),
    st.sampled_from([b"", b"preamble\r\n\r\n", b"\r\n"]),
)
def test_every_byte_comes_through(contents: list[bytes], boundary: str, preamble: bytes) -> None:
    line = re.compile(rb"(\A|\r\n)--%s(--)?[ \t]*(\r\n|\Z)" % re.escape(boundary.encode()))
    assume(not any(line.search(content) for content in contents))  # whoever chooses a boundary sees to that
    heads = [b"Content-ID: <%d>" % number for number in range(len(contents))]
    body = message((b"Content-Type: text/xml", b"<r/>"), *zip(heads, contents, strict=True), boundary=boundary.encode())
    root, media_type, parts = unpack(f'Multipart/Related; boundary="{boundary}"', preamble + body + b"epilogue")
    assert (root, media_type) == (b"<r/>", "text/xml")
    assert [part.content for part in parts.values()] == contents


@given(st.lists(st.binary(max_size=200), max_size=4), st.sampled_from([SOAP_11, SOAP_12]))
def test_what_goes_out_comes_back(contents: list[bytes], version: str) -> None:
    texts = [b"<v>%s</v>" % b64encode(content) for content in contents]
    sent = envelope(b"".join(texts), version)
    before = etree.tostring(sent, method="c14n")
    body, content_type = outline(sent, sent.findall(".//v"))
    root, _, parts = unpack(content_type, body)
    assert [part.content for part in parts.values()] == contents
    back = etree.fromstring(root)
    inline(back, parts)
    assert etree.tostring(back, method="c14n") == before


def test_transfer_encodings() -> None:
    coded = {b"base64": b"AAH\r\n/\r\n", b"Quoted-Printable": b"=00=01=FF", b"8BIT": b"\x00\x01\xff"}
    for encoding, content in coded.items():
        part = PART + b"\r\nContent-Transfer-Encoding: " + encoding
        assert unpack(HEADER, message((ROOT, b""), (part, content)))[2]["a@x"].content == b"\x00\x01\xff"


def test_the_envelope_need_not_be_the_first() -> None:
    assert unpack(HEADER, message((PART, b"1"), (ROOT, b"<r/>")))[0] == b"<r/>"


@pytest.mark.parametrize("href", [b"cid:a%3D1@x", b"CID:a=1@x"])
def test_a_content_id_in_any_spelling(href: bytes) -> None:
    parts = {"a=1@x": Attached("a=1@x", "", b"1")}
    tree = etree.fromstring(b"<r> " + INCLUDE % href + b"\n</r>")
    inline(tree, parts)
    assert tree.text == "MQ=="


def test_swaref_in() -> None:
    tree = etree.fromstring("<r><ref>cid:a@x</ref><text>cid:a@x</text></r>")
    inline(tree, {"a@x": Attached("a@x", "", b"1")}, lambda element: element.tag == "ref")
    assert etree.tostring(tree) == b"<r><ref>MQ==</ref><text>cid:a@x</text></r>"


@pytest.mark.parametrize("ids", [["photo=1@x", "a%2Fb=2@x"], ["a%2Fb=2@x", "photo=1@x", "z=3@x"], ["1", "2"]])
def test_swa_parts_by_their_names(ids: list[str]) -> None:
    parts = {each: Attached(each, "", each.encode()) for each in ids}
    named = by_name(parts, ["photo", "a/b"])
    assert list(named) == ["photo", "a/b"]
    assert named["photo"].content_id[0] in "p1"
    assert named["a/b"].content_id[0] in "a2"


def test_swa_part_that_is_missing() -> None:
    for ids in (["photo=1@x"], ["1"], []):
        with pytest.raises(ValueError, match=r"attachment .* is not in the message"):
            by_name({each: Attached(each, "", b"") for each in ids}, ["photo", "map"])


# --- hostile ---------------------------------------------------------------------------------------------------------

HOSTILE = {
    "no boundary": ("multipart/related", message((ROOT, b"")), "tells no boundary"),
    "long boundary": (f"multipart/related; boundary={'b' * 71}", b"", "tells no boundary"),
    "wrong boundary": (HEADER.replace('"b"', '"c"'), message((ROOT, b"")), "boundary is not the one"),
    "cut": (HEADER, message((ROOT, b"<r/>"))[:-6], "cut"),
    "empty": (HEADER, b"", "cut"),
    "no parts": (HEADER, b"--b--", "no parts"),
    "bare line ends": (HEADER, message((ROOT, b"<r/>")).replace(b"\r\n", b"\n"), "boundary is not the one"),
    "no root": (HEADER, message((PART, b"1")), "envelope is not in the message"),
    "two roots": (HEADER, message((ROOT, b"1"), (ROOT, b"2")), "two parts .* of its envelope"),
    "cid twice": (HEADER, message((ROOT, b""), (PART, b"1"), (PART, b"2")), "share a content id .*part 3"),
    "no cid": (HEADER, message((ROOT, b""), (b"Content-Type: text/plain", b"1")), "part 2 .*no Content-ID"),
    "no headers": (HEADER, message((ROOT, b""), (b"", b"1")), "part 2 .*no headers"),
    "garbled headers": (HEADER, message((ROOT, b""), (b"\xff\x00garbage", b"1")), "part 2 .*garbled"),
    "nothing": (HEADER, b"--b\r\n--b\r\n--b--", "part 1 .*no headers"),
    "endless headers": (HEADER, message((ROOT + b"\r\nX: a" * 9999, b"")), "headers of part 1 .*no end"),
    "not base64": (HEADER, message((ROOT + b"\r\nContent-Transfer-Encoding: base64", b"\xff!")), "no base64"),
    "encoding": (HEADER, message((ROOT + b"\r\nContent-Transfer-Encoding: x-uu", b"")), "not known"),
    "many parts": (HEADER, message((ROOT, b""), *[(PART, b"")] * 10_000), f"more than {MAX_PARTS} parts|share"),
    "many empty parts": (HEADER, b"--b\r\n" * 3_000_000, f"more than {MAX_PARTS} parts"),
}


@pytest.mark.parametrize(("header", "body", "says"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_messages(header: str, body: bytes, says: str) -> None:
    began = time.monotonic()
    with pytest.raises(ValueError, match=says) as told:
        unpack(header, body)
    assert not isinstance(told.value, NoMultipart)
    assert time.monotonic() - began < 30, "a sender must not make us hang"


@pytest.mark.parametrize(
    "header", ["", "text/xml", "multipart/mixed; boundary=b", "multipart/related-not", "\r\n", "é;ü="]
)
def test_what_is_no_multipart(header: str) -> None:
    with pytest.raises(NoMultipart):
        unpack(header, message((ROOT, b"")))


@given(st.text(max_size=60), st.binary(max_size=200), st.binary(max_size=80))
def test_anything_is_a_message_or_a_value_error(parameters: str, head: bytes, content: bytes) -> None:
    for header, body in (
        (f"multipart/related; boundary=b; {parameters}", message((ROOT, b"<r/>"), (head, content))),
        (f"multipart/related; {parameters}; boundary=b", message((head, content))),
        ("multipart/related; boundary=b", b"--b" + head + b"\r\n--b" + content),
    ):
        with contextlib.suppress(ValueError):
            unpack(header, body)


@pytest.mark.parametrize(
    "content",
    [
        b"<r>%s</r>" % (INCLUDE % b"cid:missing"),
        b"<r>%s</r>" % (INCLUDE % b"cid:root@x"),  # the envelope in itself
        b"<r>%s</r>" % (INCLUDE % b"http://elsewhere/a"),
        b"<r>%s</r>" % (INCLUDE % b""),
        b"<r>%s%s</r>" % (INCLUDE % b"cid:a@x", INCLUDE % b"cid:a@x"),
        b"<r>text%s</r>" % (INCLUDE % b"cid:a@x"),
        b"<r>%stext</r>" % (INCLUDE % b"cid:a@x"),
        b"<r>%s</r>" % (INCLUDE % b"cid:a@x").replace(b"/>", b"><child/></i:Include>"),
        INCLUDE % b"cid:a@x",
        b"<ref>nowhere</ref>",
        b"<ref>cid:missing</ref>",
        b"<ref/>",
    ],
)
def test_hostile_references(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"attachment|Include"):
        inline(etree.fromstring(content), {"a@x": Attached("a@x", "", b"1")}, lambda element: element.tag == "ref")


def test_many_references_to_one_large_part_are_refused() -> None:
    content = b"<r>" + b"<v>%s</v>" % (INCLUDE % b"cid:a@x") * 1000 + b"<ref>cid:a@x</ref></r>"
    for size in (http.MAX_BYTES // 10, http.MAX_BYTES // 1000):  # the second: one too many is the swaRef
        with pytest.raises(ValueError, match="larger than 64 MiB"):
            inline(
                etree.fromstring(content),
                {"a@x": Attached("a@x", "", bytes(size))},
                lambda element: element.tag == "ref",
            )


# --- out -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "inner"), [(SOAP_11, "text/xml"), (SOAP_12, "application/soap+xml")])
def test_mtom_out_as_another_reader_sees_it(version: str, inner: str) -> None:
    sent = envelope(b"<v>AAEC\n  /w==</v>", version)
    body, content_type = outline(sent, sent.findall(".//v"), 'urn:say"it"')
    seen = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body, policy=policy.HTTP)
    parameters = seen["content-type"].params
    assert seen.get_content_type() == "multipart/related"
    assert parameters["type"] == "application/xop+xml"
    assert parameters["start-info"] == inner
    assert parameters.get("action") == ('urn:say"it"' if version == SOAP_12 else None)
    root, part = seen.iter_parts()
    assert root["content-id"] == parameters["start"]
    assert root.get_content_type() == "application/xop+xml"
    assert root["content-type"].params["type"] == inner
    href = re.search(rb'href="cid:([^"]+)"', bytes(root))
    assert href
    assert f"<{href[1].decode()}>" == part["content-id"]
    assert part.get_payload(decode=True) == b"\x00\x01\x02\xff"


def test_mtom_out_of_what_is_no_base64() -> None:
    sent = envelope(b"<v>*</v>")
    with pytest.raises(ValueError, match="no base64"):
        outline(sent, sent.findall(".//v"))


@pytest.mark.parametrize("version", [SOAP_11, SOAP_12])
def test_swa_out(version: str) -> None:
    photo = Attached(attachments.content_id("a/b photo"), "image/png", b"\r\n--x\r\n\x00\xff")
    body, content_type = attach(envelope(version=version), [photo], "urn:act")
    root, media_type, parts = unpack(content_type, body)
    assert media_type == ("text/xml" if version == SOAP_11 else "application/soap+xml")
    assert ("urn:act" in content_type) is (version == SOAP_12)
    assert etree.fromstring(root).tag == f"{{{version}}}Envelope"
    assert by_name(parts, ["a/b photo"]) == {"a/b photo": photo}


def test_no_header_is_smuggled_out() -> None:
    for part in (Attached("a\r\nX: y", "image/png", b""), Attached("a", "image/png\r\nX: y", b"")):
        with pytest.raises(ValueError, match="no header may hold"):
            attach(envelope(), [part])
    with pytest.raises(ValueError, match="no header may hold"):
        attach(envelope(version=SOAP_12), [], "urn:a\r\nX: y")
