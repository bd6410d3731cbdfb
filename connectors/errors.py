"""Every error of Beffroi, in one tree.

An error says *what* was wrong (its message), *whose* fault it is, what to *do*, and when to ask again. It knows
nothing of HTTP statuses: `gateway/problems.py` gives each code its status, in one table.

    BeffroiError
    ├── CallerError                  the caller can mend it
    │   ├── MalformedIdentifier      not an identifier of that kind: no registry was asked
    │   ├── InvalidRequest           unknown column, operator, field, cursor, body
    │   ├── NotFound                 the registry, or Beffroi, has no such thing
    │   ├── Withheld                 it exists, the law keeps it from being told
    │   ├── Ambiguous                several answer to what was asked: none is told
    │   ├── Unauthenticated          no token or certificate, or one that is not good
    │   ├── NotGranted               this application may not, or not for this purpose
    │   ├── LimitReached             this application has asked as often as it may
    │   └── MethodNotAllowed         a personal record is asked by POST, never in a URL
    ├── RegistryError                the registry's fault
    │   ├── Unreadable               it answered something that is not an answer
    │   ├── NotDelivered             the file that somebody brings there has not come
    │   ├── Busy                     it asks us to slow down
    │   ├── Maintenance              it said beforehand that it would not be there: it is not asked
    │   ├── Down                     it does not answer, or says that it is out of order
    │   └── Late                     it did not answer within the deadline
    └── OurError                     Beffroi's fault, or its operator's
        ├── RefusedUs                the registry refuses our credentials
        ├── Misconfigured            a declaration of the workspace is wrong
        ├── RunFailed                a pipeline stopped, the last version stays
        └── Unavailable              Beffroi itself cannot do it now (journal, disk, a run under way)
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

Fault = Literal["caller", "registry", "beffroi"]


@dataclass(frozen=True)
class Attempt:
    """A provider that was asked and did not have the answer: the code of its error, and what it said."""

    provider: str
    code: str
    detail: str

    def told(self) -> dict[str, str]:
        """Return it as answers and problems show it."""
        return {"provider": self.provider, "code": self.code, "detail": self.detail}


class BeffroiError(Exception):
    """Base of all. `code` is stable and meant for programs, the message for people, `todo` says what to do."""

    code: ClassVar[str]
    fault: ClassVar[Fault]
    title: ClassVar[str]
    todo: ClassVar[str]

    def __init__(
        self, detail: str, *, registry: str | None = None, retry_in: float | None = None, general: bool = True
    ) -> None:
        """Say in `detail` what was wrong, without any personal data; `retry_in` is in seconds.

        `general` is whether it tells of the registry as a whole: not where only a part of it does not answer, and not
        where it was not asked at all.
        """
        super().__init__(detail)
        self.detail = detail
        self.registry = registry
        self.retry_in = retry_in
        self.general = general
        self.tried: tuple[Attempt, ...] = ()  # set where several providers were asked before giving up
        self.receipt: str | None = None  # the signed proof of it, where the caller wants one


class CallerError(BeffroiError):
    """The caller can mend it."""

    fault = "caller"


class MalformedIdentifier(CallerError):
    """The identifier cannot exist: wrong form or wrong check digits. Raised before any registry is asked."""

    code = "malformed-identifier"
    title = "Malformed identifier"
    todo = "Check the identifier: its form or its check digits are wrong. No registry was asked."


class InvalidRequest(CallerError):
    """The request names a column, an operator, a field or a value that does not exist or does not fit."""

    code = "invalid-request"
    title = "Invalid request"
    todo = "Correct the request as the detail says."


class NotFound(CallerError):
    """The registry answered that it has no such record, or Beffroi has no such lookup, dataset, row or page."""

    code = "not-found"
    title = "Not found"
    todo = "Check what you ask for: its form is right, but it is not there."


class Withheld(CallerError):
    """The registry has it and may not tell it."""

    code = "withheld"
    title = "Withheld for legal reasons"
    todo = "The registry may not disclose this record: ask the person concerned, or the registry's owner."


class Ambiguous(CallerError):
    """Several records answer to what was asked, an identity most of all: nobody is guessed."""

    code = "ambiguous"
    title = "Several records answer to it"
    todo = "Give more of the identity (all given names, the place of birth), or ask by a number; none of them was told."


class Unauthenticated(CallerError):
    """No token came with the call, or it is unknown, expired, revoked or not good from there; so of a certificate."""

    code = "unauthenticated"
    title = "Token missing or not valid"
    todo = "Send a valid token as «Authorization: Bearer …»; the gateway's operator issues it (`beffroi token issue APPLICATION`)."


class NotGranted(CallerError):
    """The application has no grant for this, or not for this field or purpose."""

    code = "not-granted"
    title = "Not granted"
    todo = "Where the detail says what to send, send it; else ask the operator of this gateway for a grant, or leave it out."


class LimitReached(CallerError):
    """The application has asked, or has tried values of one identifier, as often as it may in this minute or on this day."""

    code = "limit-reached"
    title = "Limit reached"
    todo = "Ask again after the time given in Retry-After; an application that needs more asks the operator for a higher limit."


class MethodNotAllowed(CallerError):
    """That method is not for this address; above all, a personal identifier never stands in a URL."""

    code = "method-not-allowed"
    title = "Method not allowed"
    todo = "Use the method that the detail names."


class RegistryError(BeffroiError):
    """The registry's fault: it answered badly, or not at all."""

    fault = "registry"


class Unreadable(RegistryError):
    """The registry answered something that is not an answer: wrong type, missing field, HTML, half an answer."""

    code = "unreadable"
    title = "The registry's answer is unreadable"
    todo = "Nothing was guessed. Try later; if it lasts, tell the gateway's operator, who should tell the registry."


class NotDelivered(RegistryError):
    """A file that is to be read is not where whoever delivers it puts it."""

    code = "not-delivered"
    title = "The file has not come"
    todo = "Ask whoever delivers it; where it has another name now, say that in the registry's declaration."


class Busy(RegistryError):
    """The registry asks us to slow down, or all our places with it are taken."""

    code = "busy"
    title = "The registry is busy"
    todo = "Ask again after the time given in Retry-After."


class Down(RegistryError):
    """The registry cannot be reached, or says that it is out of order."""

    code = "down"
    title = "The registry is down"
    todo = "Ask again later; of a registry, the gateway's /health tells when it is back."


class Maintenance(RegistryError):
    """The registry is under planned maintenance, as the workspace declares it: it was not asked."""

    code = "maintenance"
    title = "The registry is under planned maintenance"
    todo = "Ask again after the time given in Retry-After: the outage is planned, and the detail says until when."


class Late(RegistryError):
    """The registry did not finish its answer within the deadline."""

    code = "late"
    title = "The registry answered too late"
    todo = "Ask again later."


class OurError(BeffroiError):
    """Beffroi's fault, or its operator's."""

    fault = "beffroi"


class RefusedUs(OurError):
    """The registry refuses our credentials, not the caller's."""

    code = "refused-us"
    title = "The registry refuses our credentials"
    todo = "Nothing is wrong with your call: tell the gateway's operator to renew its access to the registry."


class Misconfigured(OurError):
    """A declaration of the workspace is wrong; the message says file, line, what is wrong and what is allowed."""

    code = "misconfigured"
    title = "The workspace is misconfigured"
    todo = "Its operator corrects what the detail names; `beffroi check` points at file and line where it can tell."


class RunFailed(OurError):
    """A run stopped; nothing of it is visible, and the last good version stays."""

    code = "run-failed"
    title = "The run failed"
    todo = "Mend what the detail says and run again; the last good version is still served."


class Unavailable(OurError):
    """Beffroi cannot do it now."""

    code = "unavailable"
    title = "Beffroi cannot do this now"
    todo = "Ask again later; if it lasts, tell the gateway's operator."
