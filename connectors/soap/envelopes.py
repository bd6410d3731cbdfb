"""From an HTTP body to an envelope that can be read: well-formed, bounded, its attachments in place, its signature true."""

import codecs
import re
from collections.abc import Mapping
from email.message import Message
from typing import TYPE_CHECKING

from lxml import etree

from connectors.http import Response
from connectors.soap import attachments
from connectors.soap.prepared import Prepared

if TYPE_CHECKING:  # it brings cryptography along, which most registries do without
    from connectors.soap.security import Security

XML_TYPES = ("text/xml", "application/soap+xml", "application/xml", "application/xop+xml")
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
MOST_TAGS = 2_000_000
"""A tag of four bytes makes a node of a hundred and more: an answer is bounded in both."""


def envelope_of(
    asked: Prepared, response: Response, security: "Security | None"
) -> tuple[etree._Element, Mapping[str, bytes]]:
    """Return the root of an answer, and what is attached to it by the names of the WSDL.

    Raises ValueError, whose message says what is wrong with the answer and quotes nothing of it.
    """
    if not response.body:
        raise ValueError("it is empty")
    content, kind, parts = response.body, response.content_type, dict[str, attachments.Attached]()
    if kind == "multipart/related":
        content, kind, parts = attachments.unpack(response.headers["Content-Type"], response.body)
    if kind in ("text/html", "application/xhtml+xml"):
        raise ValueError("it is a web page")
    if kind not in XML_TYPES:
        raise ValueError("its content type is not that of XML")
    told = encoding(response.headers.get("Content-Type", ""), content) if not parts else None
    root = _parsed(content, told, keep_comments=security is not None)
    if parts:
        attachments.inline(root, parts, lambda node: node.tag in asked.answered_references)
    if security is not None:
        security.verify(root)
        if asked.answers.attached and getattr(security, "trusted", None) is not None:
            raise ValueError(
                f"no signature covers its attachment {asked.answers.attached[0]}, which is not in the body"
            )
        etree.strip_tags(root, etree.Comment, etree.PI)
    named = attachments.by_name(parts, asked.answers.attached) if asked.answers.attached else {}
    return root, {name: part.content for name, part in named.items()}


def encoding(content_type: str, start: bytes) -> str | None:
    """Return the encoding that only HTTP tells of a document, None where the document tells itself (RFC 7303, 3.2).

    `start` is its beginning. Raises ValueError where HTTP tells another than the document: one of them would garble it.
    """
    message = Message()
    message["Content-Type"] = content_type
    charset = message.get_content_charset()
    if charset is None or start.startswith(_MARKS):
        return None
    declared = re.match(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""", start)
    try:
        known = codecs.lookup(charset).name
        if declared is not None and codecs.lookup(declared[1].decode()).name != known and not start.isascii():
            raise ValueError("HTTP tells another encoding than the document itself")
        told = charset if declared is None and known not in ("utf-8", "ascii") else None
        etree.XMLParser(encoding=told)  # Python knows encodings that libxml2 does not, and some that are none
    except LookupError:
        raise ValueError("an encoding that nobody knows") from None
    return told


def _parsed(content: bytes, encoding: str | None, *, keep_comments: bool) -> etree._Element:
    """Parse what a registry sent: nothing is loaded or expanded, nor kept that is no content.

    A signature may cover comments: they stay until it is verified. Elsewhere one within a text would split it.
    """
    if content.count(b"<") > MOST_TAGS:
        raise ValueError(f"more than {MOST_TAGS:,} tags")
    parser = etree.XMLParser(
        encoding=encoding,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=not keep_comments,
        remove_pis=not keep_comments,
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"no well-formed XML, line {error.lineno}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise ValueError("it has a document type declaration, which SOAP forbids")
    return root
