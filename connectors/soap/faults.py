"""Faults: what a registry answers instead of an answer, and what may be told of it.

Source: SOAP 1.1, 4.4; SOAP 1.2 part 1, 5.4.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from connectors.soap.names import SOAP_12, local

_CODES = {"VersionMismatch", "MustUnderstand", "Client", "Server", "DataEncodingUnknown", "Sender", "Receiver"}
"""The codes that SOAP itself has."""
_LIKE_A_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")


@dataclass
class SoapFault(Exception):
    """A registry's answer that is a fault. Connectors turn it into an outcome; it goes no further.

    `code` is SOAP's (Client, Server, Sender…), `subcodes` those that SOAP 1.2 puts under it, `message` the registry's
    own words, `details` its detail elements by tag: decoded where the WSDL declares them, else None. `status` is
    HTTP's, which proves nothing. Any of them may hold personal data, so that as text it says SOAP's own code only.
    """

    code: str
    message: str
    subcodes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    status: int = 500

    def __post_init__(self) -> None:
        """Show SOAP's own code only, wherever this is printed."""
        super().__init__(str(self))

    def __str__(self) -> str:
        return f"SOAP fault {self._own_code()}"

    __repr__ = __str__

    @property
    def detail_code(self) -> str | None:
        """Return the `code` in a detail that the WSDL declares, where there is one."""
        for detail in self.details.values():
            if isinstance(detail, Mapping) and isinstance(detail.get("code"), str):
                return str(detail["code"])
        return None

    def sketch(self) -> str:
        """Return what a log may hold of it: SOAP's own code and names that the WSDL declares, nothing else that came."""
        declared = [local(tag) for tag, value in self.details.items() if value is not None]
        others = ["others that the WSDL does not declare"] if len(declared) < len(self.details) else []
        words = "words of its own" if self.message.strip() else "no words"
        details = ", ".join(declared + others) or "none"
        return f"fault {self._own_code()} with HTTP {self.status}; details: {details}; {words}"

    def told(self) -> str:
        """Return what the person who asked may read, to declare its meaning: `sketch`, and each part that is like a code.

        It may hold personal data all the same: it is for that person's eyes, never for a log.
        """
        parts = {"code": ".".join((self.code, *self.subcodes)), "words": self.message.strip()}
        parts["the code in its detail"] = self.detail_code or ""
        like = [f"{name}: {text}" for name, text in parts.items() if _LIKE_A_CODE.fullmatch(text)]
        return "; ".join([self.sketch(), *like])

    def _own_code(self) -> str:
        """Return the code up to where it is no longer SOAP's own."""
        code, _, more = self.code.partition(".")
        if code not in _CODES:
            return "with a code that is not SOAP's"
        return f"{code} with a subcode" if more or self.subcodes else code


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
