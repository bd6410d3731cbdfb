"""Where a call comes from: the address at the other end of the socket, or what a proxy of ours says.

A proxy is believed where the workspace declares its network, and only in the headers that it is declared to set: any
other could come from the caller. Sources: RFC 7239 (Forwarded), RFC 9440 (Client-Cert), Envoy's
`x-forwarded-client-cert`.
"""

import base64
import binascii
import hashlib
import ipaddress
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from connectors.errors import Unauthenticated
from pipelines.declarations.callers import Network, Proxies, fingerprint, network

if TYPE_CHECKING:
    from starlette.datastructures import Headers

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

CERTIFICATES = ("client-cert", "client-cert-chain", "x-forwarded-client-cert")
"""Headers that say which certificate a client has shown: nobody but a declared proxy may send one."""

HOPS = ("x-forwarded-for", "forwarded")
"""Headers that say where a call comes from."""

log = logging.getLogger("beffroi.proxies")

_CERTIFICATES = frozenset(name.encode() for name in CERTIFICATES)

_PART = re.compile(r'\s*([A-Za-z0-9!#$%&\'*+.^_`|~-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s",;]*)\s*([;,]|$)')
_PORT = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}|\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?", re.ASCII)


@dataclass(frozen=True)
class Certificate:
    """A client certificate, as a proxy reports it: its SHA-256, and its subject, where either is told."""

    sha256: str | None
    subject: str | None


class Reporting:
    """What the proxies of one workspace may say."""

    def __init__(self, declared: Proxies | None) -> None:
        """Without a declaration nobody is believed."""
        self._declared, self._warned = declared, False
        self._networks: tuple[Network, ...] = tuple(map(network, declared.networks)) if declared else ()

    def address(self, peer: str | None, headers: "Headers") -> Address | None:
        """Return the address that a call comes from; None where it cannot be told.

        Of several proxies in a row each adds whom it heard: the last that is no proxy of ours is the caller.
        """
        found = _address(peer or "")
        if self._declared is None:
            self.unheard(headers)
            return found
        if not self._trusts(found):
            return found
        said = ",".join(headers.getlist(self._declared.address))
        hops = _forwarded(said) if self._declared.address == "Forwarded" else [hop.strip() for hop in said.split(",")]
        for hop in reversed(hops if said.strip() else []):
            found = _address(hop)
            if not self._trusts(found):
                break
        return found

    def unheard(self, headers: "Headers") -> bool:
        """Tell whether a call says where it comes from, as proxies do, and the workspace declares none; once in the log."""
        if self._declared is not None or not any(name in headers for name in HOPS):
            return False
        if not self._warned:
            self._warned = True
            log.warning(
                "a call says in X-Forwarded-For or Forwarded where it comes from, and is not believed: if a proxy of yours"
                " sets that, declare it under proxies: in beffroi.yaml; till then all who come through it share one address"
            )
        return True

    def certificate(self, peer: str | None, headers: "Headers") -> Certificate | None:
        """Return the certificate that a proxy reports, if it does.

        Raises Unauthenticated for one from elsewhere, in another header than declared, or that cannot be read.
        """
        if _CERTIFICATES.isdisjoint([name for name, _ in headers.raw]):
            return None
        came = [name for name in CERTIFICATES if name in headers]
        declared = self._declared
        if declared is None or declared.certificate is None or not self._trusts(_address(peer or "")):
            raise Unauthenticated(
                f"the header {came[0]} counts only from a proxy that is declared to set it; this call is none"
            )
        name = declared.certificate.lower()
        if set(came) - {name, "client-cert-chain" if name == "client-cert" else name}:
            raise Unauthenticated(f"a client certificate counts only in the header {declared.certificate}")
        values = headers.getlist(name)
        if len(values) != 1:
            raise Unauthenticated(f"the header {declared.certificate} must come once: it says who calls")
        try:
            return _of_der(values[0]) if name == "client-cert" else _of_envoy(values[0])
        except ValueError:
            raise Unauthenticated(f"the header {declared.certificate} cannot be read as a client certificate") from None

    def _trusts(self, address: Address | None) -> bool:
        return address is not None and any(address in each for each in self._networks)


def within(address: Address | None, networks: Sequence[str]) -> bool:
    """Tell whether an address is in one of these networks."""
    return address is not None and any(address in network(each) for each in networks)


def network_of(address: Address | None) -> str:
    """Return what stands for whoever has an address: of IPv6 its network of 64 bits, all of which is one caller's."""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _address(text: str) -> Address | None:
    """Read an address, with a port or without; an IPv4 address written as IPv6 is that IPv4 address."""
    if (match := _PORT.fullmatch(text)) is not None:
        text = match[1] or match[2]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def _forwarded(text: str) -> list[str]:
    """Return the `for` of each element of Forwarded, empty where it has none; nobody, where it cannot be read."""
    hops, element, position = list[str](), "", 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            return [""]
        if part[1].lower() == "for":
            element = _unquoted(part[2])
        if part[3] != ";":
            hops.append(element)
            element = ""
        position = part.end()
    return hops


def _of_der(value: str) -> Certificate:
    """Read a Byte Sequence of Structured Fields that holds a certificate (RFC 9440, 2.2). Raises ValueError."""
    from cryptography import x509  # slow to load, and few workspaces need it

    if not (len(value) > 2 and value.startswith(":") and value.endswith(":")):
        raise ValueError
    try:
        der = base64.b64decode(value[1:-1], validate=True)
        subject = x509.load_der_x509_certificate(der).subject.rfc4514_string()
    except (binascii.Error, x509.InvalidVersion) as error:
        raise ValueError from error
    return Certificate(hashlib.sha256(der).hexdigest(), subject)


def _of_envoy(value: str) -> Certificate:
    """Read the one element of Envoy's header; of several it cannot be told whose word each is. Raises ValueError."""
    told, position, more = dict[str, str](), 0, True
    while more:
        part = _PART.match(value, position)
        if part is None or part[3] == "," or (part[1].lower() in told and part[1].lower() in ("hash", "subject")):
            raise ValueError
        told[part[1].lower()], position, more = _unquoted(part[2]), part.end(), part[3] == ";"
    digest = fingerprint(told["hash"]) if "hash" in told else None
    if digest is None and "subject" not in told:
        raise ValueError
    return Certificate(digest, told.get("subject"))


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
