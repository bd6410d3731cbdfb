"""What comes with an envelope in one HTTP message: MTOM (XOP), swaRef, and SOAP with Attachments.

All three are `multipart/related`. The message is split by its boundary lines alone and its parts stay as they are, byte
for byte: the standard library's email package reads bare line ends as ends of lines and opens nested messages. MTOM and
swaRef are put in place before the schema is asked, so that a binary element holds its base64 text whichever way it came.
Sources: RFC 2046 §5.1, RFC 2387, RFC 2392; XOP 1.0, https://www.w3.org/TR/xop10/; SOAP 1.2 MTOM,
https://www.w3.org/TR/soap12-mtom/; WS-I Attachments Profile 1.0 §3.8 and §4.4
"""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from quopri import decodestring
from urllib.parse import quote, unquote
from uuid import uuid4

from lxml import etree

from connectors.http import MAX_BYTES
from connectors.soap.names import SOAP_12, local, namespace

MAX_PARTS = 1000
MAX_HEAD = 16 * 1024
"""Bytes of the headers of one part."""

XOP = "http://www.w3.org/2004/08/xop/include"
_INCLUDE = f"{{{XOP}}}Include"


class NoMultipart(ValueError):
    """It is no `multipart/related` message: whoever expected one, or none, knows what to do."""


@dataclass(frozen=True)
class Attached:
    """A part beside the envelope. `content_id` is without its angle brackets, `content_type` as it was told."""

    content_id: str
    content_type: str
    content: bytes


def unpack(content_type_header: str, body: bytes) -> tuple[bytes, str, dict[str, Attached]]:
    """Return the envelope of a multipart message, its media type, and its other parts by their content id.

    The media type is in lower case and without parameters; for MTOM it is that of the envelope that XOP stands for.
    Raises NoMultipart where the header tells of none, and ValueError, saying what is wrong, where the message is cut, not
    made as it must be, or of more than MAX_PARTS parts.
    """
    header = _headers(f"Content-Type: {content_type_header}")
    if header.get_content_type() != "multipart/related":
        raise NoMultipart(f"its media type is {header.get_content_type()}, not multipart/related")
    start = _bare(_parameter(header, "start"))
    root: tuple[bytes, str] | None = None
    parts: dict[str, Attached] = {}
    for number, raw in enumerate(_split(body, _parameter(header, "boundary")), start=1):
        part, content = _part(raw, number)
        content_id = _bare(part.get("Content-ID", ""))
        if content_id == start if start else number == 1:
            if root is not None:
                raise ValueError("two parts of the message have the content id of its envelope")
            root = content, _root_type(part)
        elif not content_id:
            raise ValueError(f"part {number} of the message has no Content-ID: nothing can refer to it")
        elif content_id in parts:
            raise ValueError(f"parts of the message share a content id (the second of them is part {number})")
        else:
            parts[content_id] = Attached(content_id, part.get("Content-Type", "application/octet-stream"), content)
    if root is None:
        raise ValueError("the part that holds the envelope is not in the message")
    return *root, parts


def inline(
    root: etree._Element,
    parts: Mapping[str, Attached],
    is_reference: Callable[[etree._Element], bool] | None = None,
) -> None:
    """Put parts where the envelope refers to them, as base64 text: every xop:Include, and swaRef elements.

    `is_reference` tells of an element without children whether it is a swaRef, its text a `cid:` URI. Raises ValueError
    where a reference is none, its part is not there, or all together are larger than http.MAX_BYTES: many references
    to one large part are an old way to fill a memory.
    """
    room = MAX_BYTES
    places = [(each, each.getparent()) for each in root.iter(_INCLUDE)]
    for include, holder in places:
        if holder is None or len(holder) != 1 or f"{holder.text or ''}{include.tail or ''}".strip() or len(include):
            raise ValueError("an xop:Include does not stand alone in its element")
        part = _referred(include.get("href", ""), parts)
        room = _fit(part, room)
        holder.remove(include)
        holder.text = b64encode(part.content)
    holders = {holder for _, holder in places}
    if is_reference is not None:
        for element in root.iter(etree.Element):
            if not len(element) and element not in holders and is_reference(element):
                part = _referred((element.text or "").strip(), parts)
                room = _fit(part, room)
                element.text = b64encode(part.content)


def outline(envelope: etree._Element, elements: Iterable[etree._Element], action: str = "") -> tuple[bytes, str]:
    """Return a request as an MTOM package, with its Content-Type: each of `elements`, base64 text, goes as a part.

    The envelope is changed in place. `action` is SOAP 1.2's; SOAP 1.1 tells it in its own HTTP header. Raises ValueError
    where an element's text is no base64.
    """
    soap_12 = namespace(str(envelope.tag)) == SOAP_12
    version = "application/soap+xml" if soap_12 else "text/xml"
    parts = []
    for element in elements:
        try:
            content = b64decode("".join((element.text or "").split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError("an element that goes as a part of its own holds no base64") from error
        part = Attached(content_id(local(element.tag)), "application/octet-stream", content)
        element.text = None
        etree.SubElement(element, _INCLUDE, {"href": f"cid:{quote(part.content_id, safe='@=')}"}, {"xop": XOP})
        parts.append(part)
    root_type = f'application/xop+xml; charset=UTF-8; type="{version}"'
    told = {"type": "application/xop+xml", "start-info": version} | ({"action": action} if soap_12 and action else {})
    return _package(envelope, root_type, parts, told)


def attach(envelope: etree._Element, parts: Sequence[Attached], action: str = "") -> tuple[bytes, str]:
    """Return a request with parts beside its envelope (SOAP with Attachments), with its Content-Type.

    A `mime:content` part of the WSDL is found by a content id made with `content_id`. `action` is SOAP 1.2's.
    """
    soap_12 = namespace(str(envelope.tag)) == SOAP_12
    version = "application/soap+xml" if soap_12 else "text/xml"
    told = {"type": version} | ({"action": action} if soap_12 and action else {})
    return _package(envelope, f"{version}; charset=UTF-8", parts, told)


def content_id(name: str) -> str:
    """Return a content id that nobody else has, for the WSDL's part `name` (Attachments Profile, R2933)."""
    return f"{quote(name, safe='')}={uuid4()}@beffroi"


def by_name(parts: Mapping[str, Attached], names: Sequence[str]) -> dict[str, Attached]:
    """Return the parts of an answer by the names that the WSDL's `mime:content` gives them.

    A part is known by its content id (Attachments Profile, R2933), else by its place, where there are as many parts as
    names. Those of no name are left out. Raises ValueError where a name has no part.
    """
    told = {unquote(each.partition("=")[0]): part for each, part in parts.items() if "=" in each}
    if not told.keys() & set(names) and len(parts) == len(names):
        return dict(zip(names, parts.values(), strict=True))
    missing = [name for name in names if name not in told]
    if missing:
        raise ValueError(f"the attachment {missing[0]} is not in the message")
    return {name: told[name] for name in names}


# --- in --------------------------------------------------------------------------------------------------------------


def _split(body: bytes, boundary: str) -> list[bytes]:
    """Return what stands between the boundary lines; preamble and epilogue are nobody's (RFC 2046 §5.1.1)."""
    if not 1 <= len(boundary) <= 70 or not boundary.isascii():
        raise ValueError("the message tells no boundary between its parts, or none of 1 to 70 ASCII characters")
    line = re.compile(rb"(?:\A|\r\n)--%s(--)?[ \t]*(?=\r\n|\Z)" % re.escape(boundary.encode()))
    raws: list[bytes] = []
    began: int | None = None
    for match in line.finditer(body):
        if began is not None:
            raws.append(body[began : match.start()])
        if match[1]:
            break
        if len(raws) == MAX_PARTS:
            raise ValueError(f"the message has more than {MAX_PARTS} parts")
        began = match.end()
    else:
        raise ValueError("the message is cut, or its boundary is not the one it tells: its last line is missing")
    if not raws:
        raise ValueError("the message has no parts")
    return raws


def _part(raw: bytes, number: int) -> tuple[Message, bytes]:
    """Return the headers of a part, and its content as it was before it was encoded for transport."""
    end = raw.find(b"\r\n\r\n", 0, MAX_HEAD)
    if end < 0 and len(raw) >= MAX_HEAD:
        raise ValueError(f"the headers of part {number} of the message have no end, or more than {MAX_HEAD} bytes")
    head, content = (raw[:end], raw[end + 4 :]) if end >= 0 else (raw, b"")
    headers = _headers(head.removeprefix(b"\r\n").decode("latin-1"))
    if headers.defects or not headers.keys():
        raise ValueError(f"part {number} of the message has no headers, or garbled ones")
    return headers, _decoded(headers, content, number)


def _decoded(headers: Message, content: bytes, number: int) -> bytes:
    encoding = headers.get("Content-Transfer-Encoding", "binary").strip().lower()
    if encoding in ("binary", "8bit", "7bit"):
        return content
    if encoding == "quoted-printable":
        return decodestring(content)
    if encoding != "base64":
        raise ValueError(f"part {number} of the message is encoded in a way that is not known")
    try:
        return b64decode(b"".join(content.split()), validate=True)
    except binascii.Error as error:
        raise ValueError(f"part {number} of the message is no base64, though it says so") from error


def _headers(head: str) -> Message:
    return HeaderParser().parsestr(f"{head}\r\n\r\n")


def _parameter(header: Message, name: str) -> str:
    """Return a parameter of Content-Type, empty where it is not told."""
    value = header.get_param(name, "")
    return value if isinstance(value, str) else str(value[2])  # RFC 2231: charset, language, value


def _bare(content_id: str) -> str:
    return content_id.strip().removeprefix("<").removesuffix(">")


def _root_type(part: Message) -> str:
    told = part.get_content_type()
    return _parameter(part, "type").partition(";")[0].strip().lower() if told == "application/xop+xml" else told


def _referred(uri: str, parts: Mapping[str, Attached]) -> Attached:
    """Return the part that a `cid:` URI names (RFC 2392); many write the id as it is, without percent-encoding."""
    if not uri[:4].lower() == "cid:":
        raise ValueError("a reference to an attachment is no cid: URI")
    found = parts.get(uri[4:]) or parts.get(unquote(uri[4:]))
    if found is None:
        raise ValueError("an attachment that the envelope refers to is not in the message")
    return found


def _fit(part: Attached, room: int) -> int:
    if len(part.content) > room:
        raise ValueError(f"the attachments that the envelope refers to are larger than {MAX_BYTES // 2**20} MiB")
    return room - len(part.content)


# --- out -------------------------------------------------------------------------------------------------------------


def _package(
    envelope: etree._Element, root_type: str, parts: Sequence[Attached], told: Mapping[str, str]
) -> tuple[bytes, str]:
    boundary, start = f"beffroi-{uuid4()}", f"envelope-{uuid4()}@beffroi"
    root = Attached(start, root_type, etree.tostring(envelope, xml_declaration=True, encoding="UTF-8"))
    body = []
    for part in (root, *parts):
        if re.search(r"[\r\n<>]", part.content_id + part.content_type):
            raise ValueError("the content id or the content type of an attachment holds what no header may hold")
        body.append(
            f"--{boundary}\r\nContent-Type: {part.content_type}\r\nContent-Transfer-Encoding: binary\r\n"
            f"Content-ID: <{part.content_id}>\r\n\r\n".encode()
        )
        body += part.content, b"\r\n"
    parameters = {**told, "start": f"<{start}>", "boundary": boundary}
    written = "".join(f'; {name}="{_quoted(value)}"' for name, value in parameters.items())
    return b"".join([*body, f"--{boundary}--\r\n".encode()]), f"multipart/related{written}"


def _quoted(value: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise ValueError("the action holds what no header may hold")
    return value.replace("\\", r"\\").replace('"', r"\"")
