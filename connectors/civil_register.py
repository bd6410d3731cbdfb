"""Civil register: persons by their national number, over SOAP.

Owner: Beffroi; a protocol of its own, for its tests and its demonstration. Every person in it is synthetic.
Documentation: connectors/wsdl/civil_register.wsdl.
Access: open; the sandbox serves it (`url: sandbox:civil`).
Limits: at most 8 calls at once from here, 5 seconds for a lookup; ListPersons gives 1,000 persons at most, 500 are
    asked for.
Caveats: a refusal is a fault whose detail has a code (PERSON_UNKNOWN, WITHHELD, BUSY, BAD_REQUEST); some servers send
    it with HTTP 200. A fault without such a code tells nothing about the person.
Last verified live: at every run of the tests, on two servers of different make.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from connectors.columns import arrow_schema, columns_of
from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Busy, Misconfigured, NotFound, Unreadable, Withheld
from connectors.records import Person
from connectors.registry import Answer, Registry, Settings
from connectors.soap.client import SoapClient
from connectors.soap.faults import SoapFault
from connectors.soap.lexical import calendar_day

WSDL = Path(__file__).parent / "wsdl" / "civil_register.wsdl"
PAGE = 500
PAGE_SECONDS = 30.0
"""How long one page of a scan may take."""

# What a fault means, by the code in its detail. A code that is not here, or none, is never guessed at.
FAULTS: Mapping[str, tuple[type[BeffroiError], str]] = {
    "PERSON_UNKNOWN": (NotFound, "has no person under this number"),
    "WITHHELD": (Withheld, "has this person and may not tell"),
    "BUSY": (Busy, "asks us to come back later"),
    "BAD_REQUEST": (Misconfigured, "does not understand our question"),
}

SCHEMA: pa.Schema = arrow_schema(columns_of(Person))


class CivilRegisterSettings(Settings):
    """`url` is where the register answers."""

    url: str


class CivilRegister(Registry):
    """Persons, one by the national number or all of them."""

    record = Person
    settings_model = CivilRegisterSettings
    settings: CivilRegisterSettings

    def __init__(self, name: str, settings: Settings, root: Path) -> None:
        """As every registry. The WSDL is read at the first call."""
        super().__init__(name, settings, root)
        self._soap = SoapClient(WSDL, name, pace=self.pace)
        self.extras = self._soap.extras

    def lookup(self, identifier: str, deadline: Deadline) -> Answer:
        """Return the person of a NIR. Raises what `SoapClient.call` raises, and what a fault means by `FAULTS`."""
        person = self._person(self._call("GetPerson", deadline, nir=identifier)["person"])
        if person.nir != identifier:
            raise Unreadable(f"{self.name} answered about another person than the one asked for", registry=self.name)
        return Answer(person)

    def scan(self, table: str | None, after: str | None = None) -> pa.RecordBatchReader:
        """Return all persons, a page at a time; the first is read at once, so that a register that is down says so."""
        first = self._call("ListPersons", Deadline.after(PAGE_SECONDS), limit=PAGE)
        return pa.RecordBatchReader.from_batches(SCHEMA, self._pages(first))

    def _pages(self, page: dict[str, Any]) -> Iterator[pa.RecordBatch]:
        after = ""
        while True:
            persons = [self._person(each) for each in page["persons"]["person"]]
            yield pa.RecordBatch.from_pylist([person.model_dump() for person in persons], schema=SCHEMA)
            if "next" not in page:
                return
            if page["next"] <= after or not persons:
                raise Unreadable(f"the pages of {self.name} do not go on: each must end further on", registry=self.name)
            after = page["next"]
            page = self._call("ListPersons", Deadline.after(PAGE_SECONDS), after=after, limit=PAGE)

    def _call(self, operation: str, deadline: Deadline, **parameters: Any) -> dict[str, Any]:
        try:
            address = self.address(self.settings.url)
            reply = self._soap.call(operation, parameters, address=address, deadline=deadline)
        except SoapFault as fault:
            kind, meaning = FAULTS.get(
                fault.detail_code or "", (Unreadable, f"answered {operation} with a fault that it does not document")
            )
            raise kind(f"{self.name} {meaning}", registry=self.name) from fault
        answer: dict[str, Any] = reply.value
        return answer

    def _person(self, answer: dict[str, Any]) -> Person:
        try:
            return Person(
                nir=answer["nir"],
                birth_name=answer["birthName"],
                usual_name=answer.get("usualName"),
                given_names=answer["givenNames"]["givenName"],
                sex=answer["sex"],
                birth_date=calendar_day(answer["birth"]["date"]),
                birth_commune_code=answer["birth"]["communeCode"],
                death_date=calendar_day(answer["death"]["date"]) if "death" in answer else None,
                address_line=answer["address"]["line"],
                postal_code=answer["address"]["postalCode"],
                commune_code=answer["address"]["communeCode"],
            )
        except ValidationError as error:  # the schema lets nothing through that the record refuses; hold it so
            fields = ", ".join(str(defect["loc"][0]) for defect in error.errors(include_input=False))
            raise Unreadable(f"{self.name} answered a person with a bad {fields}", registry=self.name) from None
