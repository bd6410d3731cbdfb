"""The scenario of the demo: ten services of ten municipalities ask civil, social, property and company registers.

Each sends one request for all that its procedure needs, and sees what its grants say of its own residents, no more.
All over HTTP, to a gateway of its own on a free port. At the end the journal is walked, and a receipt verified.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from connectors.errors import InvalidRequest, Unavailable
from connectors.sandbox import registers
from gateway import console, receipts
from gateway.journal.keys import Keys
from gateway.journal.stores import store_of
from gateway.journal.verification import verify_rows
from gateway.receipt_keys import ReceiptKeys, public
from gateway.scenario_calls import Application, a_gateway, a_token_each
from pipelines.declarations.configuration import Grant
from pipelines.workspace import Workspace

REGISTERS = {"person": "civil", "household": "social", "parcel": "property", "company": "companies"}
"""The register behind each lookup, as the table calls it."""


TOWNS = (
    "amiens", "abbeville", "peronne", "albert", "montdidier", "doullens", "roye", "corbie", "longueau", "rivery",
)  # fmt: skip
"""The municipalities, each with one application in `organisations/`, whose grants say what its service asks."""

WRONG: dict[str, dict[str, Any]] = {
    "corbie": {"birth_name": None}, "montdidier": {"birth_date": "1901-01-01"}, "longueau": {"children": 9},
}  # fmt: skip
"""What stands wrongly on the form of an applicant, by town; None is a letter wrong."""


@dataclass(frozen=True)
class Desk:
    """A service: its town, its application, whose residents it serves (a code), why it asks, and its grants."""

    town: str
    application: str
    title: str
    commune: str
    purpose: str
    grants: tuple[Grant, ...]


class Story(NamedTuple):
    """What came of it: a row a question, a line a refusal, what the journal and the receipt say, and whether all is well."""

    services: list[dict[str, str]]
    refused: list[str]
    proved: list[str]
    well: bool


def tell(workspace: Workspace, made: registers.Registers) -> Story:
    """Let all ten ask, try what none may, and prove it; `made` are the rows of both registers.

    Raises Unavailable where the gateway does not start or does not answer, and what the journal raises.
    """
    desks, cast = _desks(workspace), _cast(workspace, made)
    with a_gateway(workspace) as port, a_token_each(workspace, [desk.application for desk in desks]) as tokens:
        callers = {
            desk.town: Application(port, tokens[desk.application], desk.application, desk.purpose) for desk in desks
        }
        answers = [_answered(callers[desk.town].ask(questions(desk, cast[desk.commune]))) for desk in desks]
        refused, kept = _refusals(callers, cast)
        proved, whole = _proved(workspace, callers["amiens"], cast["80021"])
    services = [row for desk, answer in zip(desks, answers, strict=True) for row in _rows(workspace, desk, answer)]
    well = whole and kept and all(part["status"] == 200 for answer in answers for part in answer["data"])
    return Story(services, refused, proved, well)


# --- who asks what ---------------------------------------------------------------------------------------------------


def _answered(told: dict[str, Any]) -> dict[str, Any]:
    """Return an answer. Raises Unavailable where it is a problem: what may be asked is asked here."""
    if "meta" not in told:
        raise Unavailable(f"the scenario was not answered: {told['detail']}")
    return told


def _desks(workspace: Workspace) -> list[Desk]:
    found = []
    for town in TOWNS:
        [(name, declared)] = workspace.configuration.organisations[town].applications.items()
        communes = [code for grant in declared.grants for code in grant.rows.get("commune_code", [])]
        purpose = declared.grants[0].purposes[0]
        found.append(
            Desk(town, name, declared.title, communes[0] if communes else "80021", purpose, tuple(declared.grants))
        )
    return found


def _cast(workspace: Workspace, made: registers.Registers) -> dict[str, dict[str, Any]]:
    """Return, by town, what one resident who owns a parcel would write on forms, a company among it."""
    reference = workspace.root / "datasets" / "reference"
    persons = {row["nir"]: row for row in pq.read_table(reference / "persons.parquet").to_pylist()}
    households = {row["nir"]: row for row in made.households}
    company = _company(reference)
    found: dict[str, dict[str, Any]] = {}
    for parcel in made.parcels:
        if parcel["commune_code"] not in found:
            person = persons[parcel["owner"]]
            numbers = {"person": f"nir:{person['nir']}", "household": f"nir:{person['nir']}", "company": company}
            numbers["parcel"] = f"parcel:{parcel['reference']}"
            found[parcel["commune_code"]] = {**person, **households[person["nir"]], **parcel, "numbers": numbers}
    return found


def _company(reference: Path) -> str:
    rows = pq.read_table(reference / "companies.parquet", filters=[("state", "=", "A"), ("diffusion", "=", "O")])
    legal = next(row for row in rows.to_pylist() if row["legal_name"] and not row["merged_into"])
    return f"siren:{legal['siren']}"


def questions(desk: Desk, resident: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the body of a service's one request about a resident: all that its grants allow."""
    wrong = WRONG.get(desk.town, {})
    form = resident | {name: _misspelt(resident[name]) if value is None else value for name, value in wrong.items()}
    return [
        {"lookup": grant.lookup, "identifier": resident["numbers"][grant.lookup]}
        | (
            {"verify": {name: _written(form[name]) for name in grant.fields}}
            if grant.verify
            else {"fields": grant.fields}
        )
        for grant in desk.grants
    ]


def _written(value: Any) -> Any:
    return value if isinstance(value, str | int) else value.isoformat()


def _misspelt(name: str) -> str:
    return name[:-1] + ("x" if name[-1] != "x" else "s")


# --- what none may ---------------------------------------------------------------------------------------------------


def _refusals(callers: dict[str, Application], cast: dict[str, dict[str, Any]]) -> tuple[list[str], bool]:
    """Try what must be refused; return what was said, and whether each was."""
    amiens, abbeville, corbie = (cast[code]["numbers"] for code in ("80021", "80001", "80212"))
    name = {"verify": {"birth_name": "X"}}
    tries: list[tuple[str, str, str, dict[str, Any], dict[str, str | None]]] = [
        ("Amiens verifies a resident of Abbeville", "amiens", "person", {"identifier": abbeville["person"], **name}, {}),
        ("Abbeville's canteen wants a third field", "abbeville", "household",
         {"identifier": abbeville["household"], "fields": ["quotient", "children", "allowance"]}, {}),
        ("Corbie wants to be told what it may verify", "corbie", "person",
         {"identifier": corbie["person"], "fields": ["birth_name"]}, {}),
        ("Roye, which asks of companies, asks of a person", "roye", "person", {"identifier": amiens["person"]}, {}),
        ("Amiens gives another purpose than its own", "amiens", "person",
         {"identifier": amiens["person"], **name}, {"Beffroi_Purpose": "listes-electorales"}),
        ("Amiens does not say which agent asks", "amiens", "person",
         {"identifier": amiens["person"], **name}, {"Beffroi_Agent": None}),
    ]  # fmt: skip
    said, kept = [], True
    for what, town, lookup, body, headers in tries:
        told = callers[town].ask(body, f"/lookups/{lookup}", **headers)
        kept = kept and told.get("status") == 403
        said.append(f"{what}: {told.get('status')} {told.get('detail', 'it was answered')}")
    return said, kept


# --- what is proved --------------------------------------------------------------------------------------------------


def _proved(workspace: Workspace, caller: Application, resident: dict[str, Any]) -> tuple[list[str], bool]:
    """Verify a receipt and a forged one, and walk the journal; return what is found, and whether all is as it must be."""
    question = {"identifier": resident["numbers"]["household"], "verify": {"children": resident["children"]}}
    answer = _answered(caller.ask(question, "/lookups/household", Beffroi_Receipt="yes"))
    text, keys = answer["meta"]["receipt"], public(json.dumps(ReceiptKeys(workspace.state).jwks()).encode())
    claims, salt = receipts.read(text, keys)
    genuine = receipts.asked_for(claims, salt, question["identifier"]) and receipts.told(
        claims, salt, {"verify": question["verify"], "verified": answer["verified"]}
    )
    middle = len(text) // 2
    try:
        receipts.read(text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1 :], keys)
        forged = "a receipt with one letter changed was NOT refused"
    except InvalidRequest as error:
        forged = f"the same with one letter changed is refused: {error.detail}"
    found = verify_rows(store_of(workspace).rows(), keys=Keys(workspace.state))
    whose = _entries(workspace)
    per = ", ".join(f"{workspace.configuration.organisations[name].title} {n}" for name, n in whose.items())
    return [
        f"a receipt of an answer to {workspace.configuration.organisations['amiens'].title}, verified with the public key"
        " alone: " + ("genuine" if genuine else "NOT genuine"),
        forged,
        f"the journal has {found.entries} entries in one chain, "
        + ("whole" if found.whole else f"BROKEN: {'; '.join(found.problems)}"),
        f"accesses and refusals by municipality: {per}",
    ], bool(genuine and found.whole and "is refused" in forged and set(whose) == set(TOWNS))


def _entries(workspace: Workspace) -> Counter[str]:
    told = (json.loads(row.entry) for row in store_of(workspace).rows() if row.entry and row.kind != "change")
    return Counter(entry["organisation"] for entry in told if entry["organisation"] in TOWNS)


# --- what is shown ---------------------------------------------------------------------------------------------------


def _rows(workspace: Workspace, desk: Desk, answer: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Yield a row for each question of a service: which register, and what it said."""
    town = workspace.configuration.organisations[desk.town].title
    for part in answer["data"]:
        where = {"municipality": town, "service": desk.title, "register": REGISTERS[part["lookup"]]}
        yield {**where, "answer": _cell(part)}


def _cell(part: dict[str, Any]) -> str:
    if part["status"] != 200:
        return f"{part['status']}: {part['problem']['detail']}"
    if "verified" in part:
        return ", ".join(f"{name}? {found['match']}" for name, found in part["verified"].items())
    return ", ".join(f"{name} {_plain(value)}" for name, value in part["data"].items())


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def show(story: Story) -> None:
    """Print it for people: the services as a result, the rest as notes."""
    console.note("")
    console.note("Ten services of ten municipalities ask, each in one request for all registers that it needs.")
    console.note(
        "«birth_name? yes» was verified, and not told; near is a letter wrong; what stands without ? was told."
    )
    console.show_table(list(story.services[0]), [list(row.values()) for row in story.services])
    console.note("Refused, and on the journal like every answer:")
    for line in story.refused:
        console.note(f"- {line}")
    console.note("And in the end:")
    for line in story.proved:
        console.note(f"- {line}")
