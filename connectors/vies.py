"""VIES: VAT numbers of the European Union, each confirmed by the member state that gave it.

Owner: European Commission (DG TAXUD); every answer comes from the member state's own database.
Documentation: https://ec.europa.eu/taxation_customs/vies/, and connectors/wsdl/vies.wsdl, after the description
    published there.
Access: open, without credentials. `requester`, the VAT number of the organisation that asks, brings a consultation
    number with each answer (checkVatApprox instead of checkVat).
Limits: no bulk extraction, by its terms, so numbers are asked one by one and it cannot be scanned; one call to it asks a
    member state, which may bear few at once: at most 2 at once from here, 8 seconds for a lookup.
Caveats: its terms allow what is needed to trade within the Union, no more. It tells what is valid today; a number that
    is not may still exist in its country, which has not opened it for such trade. Germany and Spain tell no name and no
    address; what is not told is "---" or empty. A sole trader's number is personal data: asked by POST only. Faults
    are told apart by their faultstring, some come with HTTP 200, and block pages are HTML with HTTP 200. traderCompanyType
    is "---" against its own schema. Greece is EL, Northern Ireland XI.
Last verified live: never from here; the protocol was read in public copies of its description and in captured answers.
"""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import field_validator

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Busy, Down, Late, Misconfigured, NotFound, RefusedUs, Unreadable
from connectors.records import VatNumber, check_vat
from connectors.registry import Answer, Limits, Registry, Settings
from connectors.soap.client import SoapClient
from connectors.soap.faults import SoapFault

WSDL = Path(__file__).parent / "wsdl" / "vies.wsdl"

# What a fault means, by its faultstring. One that is not here is never guessed at.
FAULTS: Mapping[str, tuple[type[BeffroiError], str]] = {
    # Its words: the country is invalid, or the number is empty. Both have passed our check, so it is not the caller's
    # to mend; and it tells nothing about the number, so it is no absence.
    "INVALID_INPUT": (
        Misconfigured,
        "refuses a number that passed our check, which must be brought up to date; it tells nothing about the number",
    ),
    "INVALID_REQUESTER_INFO": (Misconfigured, "refuses our own VAT number: see the setting `requester`"),
    "SERVICE_UNAVAILABLE": (Down, "says that it is out of order"),
    "MS_UNAVAILABLE": (Down, "says that the member state's register is out of order"),
    "TIMEOUT": (Late, "did not get the member state's answer in time"),
    "SERVER_BUSY": (Busy, "has too much to do and asks us to come back later"),
    "GLOBAL_MAX_CONCURRENT_REQ": (Busy, "is asked too much at once and asks us to come back later"),
    "GLOBAL_MAX_CONCURRENT_REQ_TIME": (Busy, "is asked too much in a short time and asks us to come back later"),
    "MS_MAX_CONCURRENT_REQ": (
        Busy,
        "asks us to come back later: the member state's register is asked too much at once",
    ),
    "MS_MAX_CONCURRENT_REQ_TIME": (Busy, "asks us to come back later: the member state's register is asked too often"),
    "VAT_BLOCKED": (RefusedUs, "has blocked the VAT number"),
    "IP_BLOCKED": (RefusedUs, "has blocked the address that we ask from"),
}

OF_ONE_STATE = {"MS_UNAVAILABLE", "TIMEOUT", "MS_MAX_CONCURRENT_REQ", "MS_MAX_CONCURRENT_REQ_TIME"}
"""Faults that tell of one member state's register: the others go on answering."""

UNTOLD = "---"
"""What stands where a member state does not tell."""


class ViesSettings(Settings):
    """`url` is where the service answers, `requester` the VAT number of who asks: then each answer has a proof."""

    url: str = "https://ec.europa.eu/taxation_customs/vies/services/checkVatService"
    requester: str | None = None

    @field_validator("requester")
    @classmethod
    def _canonical(cls, value: str | None) -> str | None:
        return None if value is None else check_vat(value)


class Vies(Registry):
    """VAT numbers, one at a time."""

    record = VatNumber
    probe = "vat:IE6388047V"  # Google Ireland Ltd., which publishes it
    limits = Limits(concurrency=2, deadline=8.0)
    settings_model = ViesSettings
    settings: ViesSettings

    def __init__(self, name: str, settings: Settings, root: Path) -> None:
        """As every registry. The WSDL is read at the first call."""
        super().__init__(name, settings, root)
        self._soap = SoapClient(WSDL, name, pace=self.pace)
        self.extras = self._soap.extras

    def lookup(self, identifier: str, deadline: Deadline) -> Answer:
        """Return a VAT number that is valid today.

        Raises NotFound where it is not, what a fault means by `FAULTS`, and what `SoapClient.call` raises.
        """
        question = {"countryCode": identifier[:2], "vatNumber": identifier[2:]}
        requester = self.settings.requester
        if requester is None:
            answer = self._ask("checkVat", question, deadline)
        else:
            ours = {"requesterCountryCode": requester[:2], "requesterVatNumber": requester[2:]}
            answer = self._ask("checkVatApprox", question | ours, deadline)
        if answer["countryCode"] + answer["vatNumber"] != identifier:
            raise Unreadable(f"{self.name} answered about another number than the one asked for", registry=self.name)
        if not answer["valid"]:
            raise NotFound(
                f"{self.name} says that this is no valid VAT number for trade within the Union", registry=self.name
            )
        return Answer(self._record(identifier, answer))

    def _ask(self, operation: str, question: Mapping[str, str], deadline: Deadline) -> Mapping[str, Any]:
        try:
            asked = self._soap.call(operation, question, address=self.address(self.settings.url), deadline=deadline)
        except SoapFault as fault:
            kind, meaning = FAULTS.get(
                fault.message.strip(), (Unreadable, f"answered {operation} with a fault that it does not document")
            )
            general = fault.message.strip() not in OF_ONE_STATE
            raise kind(f"{self.name} {meaning}", registry=self.name, general=general) from fault
        told: Mapping[str, Any] = asked.value
        return told

    def _record(self, identifier: str, answer: Mapping[str, Any]) -> VatNumber:
        try:
            day = _day(answer["requestDate"])
        except ValueError:
            raise Unreadable(f"{self.name} answered with a date that no calendar has", registry=self.name) from None
        return VatNumber(
            vat=identifier,
            country_code=identifier[:2],
            number=identifier[2:],
            name=_told(answer, "name", "traderName"),
            address=_told(answer, "address", "traderAddress")
            or _told(answer, "traderStreet", "traderPostcode", "traderCity"),
            request_date=day,
            proof=_told(answer, "requestIdentifier"),
        )


def _told(answer: Mapping[str, Any], *keys: str) -> str | None:
    """Return the lines under `keys`, without blank ones; None where nothing is told: absent, nil, empty, "---"."""
    lines = [line.strip() for key in keys for line in (answer.get(key) or "").splitlines()]
    return "\n".join(line for line in lines if line not in ("", UNTOLD)) or None


def _day(value: dt.date | str) -> dt.date:
    """Return the day of an xsd:date, in whatever zone it is told. Raises ValueError for a year beyond 9999."""
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(value[:10])
