"""From an HTTP body to an envelope that can be read: well-formed, bounded, its attachments in place, its signature true."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lxml import etree

from connectors.http import Response
from connectors.soap import attachments
from connectors.soap.prepared import Prepared

if TYPE_CHECKING:  # it brings cryptography along, which most registries do without
    from connectors.soap.security import Security

XML_TYPES = ("text/xml", "application/soap+xml", "application/xml", "application/xop+xml")
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
    if kind not in XML_TYPES:
        raise ValueError("its content type is not that of XML")
    root = _parsed(content, keep_comments=security is not None)
    if parts:
        attachments.inline(root, parts, lambda node: node.tag in asked.answered_references)
    if security is not None:
        security.verify(root)
        etree.strip_tags(root, etree.Comment, etree.PI)
    named = attachments.by_name(parts, asked.answers.attached) if asked.answers.attached else {}
    return root, {name: part.content for name, part in named.items()}


def _parsed(content: bytes, *, keep_comments: bool) -> etree._Element:
    """Parse what a registry sent: nothing is loaded or expanded, nor kept that is no content.

    A signature may cover comments: they stay until it is verified. Elsewhere one within a text would split it.
    """
    if content.count(b"<") > MOST_TAGS:
        raise ValueError(f"more than {MOST_TAGS:,} tags")
    parser = etree.XMLParser(
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
