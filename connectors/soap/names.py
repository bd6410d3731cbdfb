"""Names of XML: the namespaces that SOAP and XML Schema use, and qualified names as lxml writes them (`{ns}local`)."""

from typing import Any

from lxml import etree

XSD = "http://www.w3.org/2001/XMLSchema"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XML = "http://www.w3.org/XML/1998/namespace"
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
ENC_11 = "http://schemas.xmlsoap.org/soap/encoding/"
ENC_12 = "http://www.w3.org/2003/05/soap-encoding"
WSDL = "http://schemas.xmlsoap.org/wsdl/"
WSDL_SOAP_11 = "http://schemas.xmlsoap.org/wsdl/soap/"
WSDL_SOAP_12 = "http://schemas.xmlsoap.org/wsdl/soap12/"
WSDL_MIME = "http://schemas.xmlsoap.org/wsdl/mime/"
SWAREF = "http://ws-i.org/profiles/basic/1.1/xsd"


def local(tag: Any) -> str:
    """Return a tag without its namespace."""
    return str(tag).rpartition("}")[2]


def namespace(tag: str) -> str | None:
    """Return the namespace of a tag, None where it has none."""
    return tag[1:].partition("}")[0] if tag.startswith("{") else None


def named(namespace: str | None, name: str) -> str:
    """Return the tag of a name in a namespace."""
    return f"{{{namespace}}}{name}" if namespace else name


def qualified(node: etree._Element, text: str, default: str | None = None) -> str:
    """Return the tag of a prefixed name as it is written at `node` (XML Schema part 2, QName).

    A name without prefix is in the default namespace there, or in `default` where there is none. Raises KeyError for
    a prefix that is not declared.
    """
    prefix, _, name = text.strip().rpartition(":")
    if not prefix:
        return named(node.nsmap.get(None) or default, name)
    return named(XML if prefix == "xml" else node.nsmap[prefix], name)


def prefixed(node: etree._Element, tag: str) -> str | etree.QName:
    """Return a tag as it is written at `node` as a value: by a prefix that is declared there, else for lxml to declare.

    lxml is not left to look itself: where the namespace is the default one there, it ends the process.
    """
    space = namespace(tag)
    for prefix, declared in node.nsmap.items():
        if declared == space:
            return local(tag) if prefix is None else f"{prefix}:{local(tag)}"
    return etree.QName(tag)
