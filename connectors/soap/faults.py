"""Faults: what a registry answers instead of an answer, and what may be told of it.

Source: SOAP 1.1, 4.4; SOAP 1.2 part 1, 5.4.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from connectors.soap.names import SOAP_12, local

log = logging.getLogger(__name__)

_TELLING = re.compile(r"\b(?:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|(?:\w+\.)+\w*(?:Exception|Error)|ORA-\d{5})\b")
"""Words of a fault that are nobody's data: codes like MS_UNAVAILABLE, classes of exceptions, a database's codes."""


@dataclass
class SoapFault(Exception):
    """A registry's answer that is a fault. Connectors turn it into an outcome; it goes no further.

    `code` is SOAP's (Client, Server, Sender…), `subcodes` those that SOAP 1.2 puts under it, `message` the registry's
    own words, which may hold personal data, `details` its detail elements by tag: decoded where the WSDL declares
    them, else None. `status` is HTTP's, which proves nothing.
    """

    code: str
    message: str
    subcodes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    status: int = 500

    def __post_init__(self) -> None:
        """Show the code only, wherever this is printed."""
        super().__init__(f"SOAP fault {self.code}")

    def __str__(self) -> str:
        return f"SOAP fault {self.code}"

    __repr__ = __str__

    @property
    def detail_code(self) -> str | None:
        """Return the `code` in a detail that the WSDL declares, where there is one."""
        for detail in self.details.values():
            if isinstance(detail, Mapping) and isinstance(detail.get("code"), str):
                return str(detail["code"])
        return None

    def sketch(self) -> str:
        """Return what the operator may read of it: codes and names, never a text that may speak of a person."""
        words = _TELLING.findall(self.message)
        said = f"its words: {' '.join(words)} … ({len(self.message)} characters)" if self.message else "no words"
        details = ", ".join(local(tag) for tag in self.details) or "none"
        subcodes = "".join(f"/{each}" for each in self.subcodes)
        return f"fault {self.code}{subcodes} with HTTP {self.status}; details: {details}; {said}"


def parts_of(fault: etree._Element, envelope: str) -> tuple[str, tuple[str, ...], str, list[etree._Element]]:
    """Return code, subcodes, words and detail elements of a fault in the SOAP version of `envelope`."""
    soap = f"{{{envelope}}}"
    if envelope == SOAP_12:
        codes = [_last(node.text) for node in fault.iterfind(f"{soap}Code//{soap}Value")]
        return (
            codes[0] if codes else "",
            tuple(codes[1:]),
            fault.findtext(f"{soap}Reason/{soap}Text") or "",
            fault.findall(f"{soap}Detail/*"),
        )
    code = _last(fault.findtext("faultcode"))
    return code, (), fault.findtext("faultstring") or "", fault.findall("detail/*")


def _last(text: str | None) -> str:
    return (text or "").strip().rpartition(":")[2]
