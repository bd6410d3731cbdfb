"""A civil register over SOAP 1.1, document/literal wrapped, by `connectors/wsdl/civil_register.wsdl`.

Served from `datasets/reference/persons.parquet`, which holds synthetic persons only. Questions are validated against
the schema in the WSDL; a refusal is a fault with a `registerFault` in its detail, sent with HTTP 500 (SOAP 1.1,
6.2). Fault messages never repeat a number that was asked for.
"""

from bisect import bisect_right
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from lxml import etree
from lxml.builder import ElementMaker
from starlette.applications import Starlette
from starlette.responses import Response

from connectors.sandbox import examples, soap
from connectors.soap.names import SOAP_11, XSI

REGISTER = "urn:beffroi:civil-register:1"
R = ElementMaker(namespace=REGISTER, nsmap={None: REGISTER, "xsi": XSI})
S = ElementMaker(namespace=SOAP_11, nsmap={"soap": SOAP_11})
BARE = ElementMaker()


class Refusal(Exception):
    """A question that is answered by a fault: `code` as in the schema, `faultcode` as in SOAP 1.1, 4.4.1."""

    def __init__(self, code: str, message: str, faultcode: str = "Client") -> None:
        """Say what is wrong in `message`, without any personal data."""
        super().__init__(message)
        self.code = code
        self.faultcode = faultcode


class Persons:
    """The persons in the order of their numbers."""

    def __init__(self, path: Path) -> None:
        """Read them all from the reference file. Raises FileNotFoundError."""
        rows = pq.read_table(path).sort_by("nir").to_pylist()
        self.by_nir: dict[str, dict[str, Any]] = {row["nir"]: row for row in rows}
        self.nirs = list(self.by_nir)

    def after(self, nir: str, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        """Return at most `limit` persons whose numbers come after `nir`, and the number to go on from, if any."""
        first = bisect_right(self.nirs, nir)
        page = self.nirs[first : first + limit]
        return [self.by_nir[each] for each in page], page[-1] if first + limit < len(self.nirs) else None


def app(root: Path) -> Starlette:
    """Return the server of the workspace `root`. Raises FileNotFoundError where the reference file is missing."""
    persons = Persons(root / "datasets" / "reference" / "persons.parquet")
    canned = examples.by_value("civil_register")

    def reply(question: etree._Element) -> Response:
        nir = question.findtext(f"{{{REGISTER}}}nir")
        if nir in canned and nir not in persons.by_nir:
            return canned[nir].response()
        try:
            return soap.xml(S.Envelope(S.Body(answer(question, persons))))
        except Refusal as refusal:
            return refused(refusal)

    return soap.app(
        "civil", "civil_register.wsdl", reply, lambda why: refused(Refusal("BAD_REQUEST", str(why), why.faultcode))
    )


def refused(refusal: Refusal) -> Response:
    """Return the fault that a refusal is."""
    return soap.xml(S.Envelope(S.Body(_fault(refusal))), status=500)


def answer(question: etree._Element, persons: Persons) -> etree._Element:
    """Return the answer to a valid question. Raises Refusal."""
    if question.tag == f"{{{REGISTER}}}ListPersons":
        after = question.findtext(f"{{{REGISTER}}}after", "")
        page, further = persons.after(after, int(question.findtext(f"{{{REGISTER}}}limit", "")))
        following = [] if further is None else [R.next(further)]
        return R.ListPersonsResponse(R.persons(*map(_person, page)), *following)
    if question.tag != f"{{{REGISTER}}}GetPerson":
        raise Refusal("BAD_REQUEST", "The body does not hold a question that this register answers.")
    person = persons.by_nir.get(question.findtext(f"{{{REGISTER}}}nir", ""))
    if person is None:
        raise Refusal("PERSON_UNKNOWN", "No person is registered under this number.")
    return R.GetPersonResponse(_person(person))


def _person(row: dict[str, Any]) -> etree._Element:
    no_name = {f"{{{XSI}}}nil": "true"}
    return R.person(
        {"nir": row["nir"]},
        R.birthName(row["birth_name"]),
        R.usualName(row["usual_name"]) if row["usual_name"] is not None else R.usualName(no_name),
        R.givenNames(*(R.givenName(name) for name in row["given_names"])),
        R.sex(row["sex"]),
        R.birth(R.date(row["birth_date"].isoformat()), R.communeCode(row["birth_commune_code"])),
        *([] if row["death_date"] is None else [R.death(R.date(row["death_date"].isoformat()))]),
        R.address(R.line(row["address_line"]), R.postalCode(row["postal_code"]), R.communeCode(row["commune_code"])),
    )


def _fault(refusal: Refusal) -> etree._Element:
    return S.Fault(
        BARE.faultcode(f"soap:{refusal.faultcode}"),
        BARE.faultstring(str(refusal)),
        BARE.detail(R.registerFault(R.code(refusal.code), R.message(str(refusal)))),
    )
