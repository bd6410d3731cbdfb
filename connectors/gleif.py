"""GLEIF: the legal entities of the world that have an LEI (Legal Entity Identifier, ISO 17442).

Owner: Global Legal Entity Identifier Foundation (GLEIF), which gathers what the issuers of LEI tell it; CC0.
Documentation: https://www.gleif.org/en/lei-data/gleif-api; JSON:API, https://jsonapi.org.
Access: open, without credentials.
Limits: 60 calls a minute. A scan brings 200 entities a call: France and Spain take more than half an hour.
Caveats: page number times size must not exceed 10,000, so a scan goes by cursor, along the links that the service
    tells, which must stay under its declared address. A lookup is a search for the LEI: none found is an empty list,
    so that a 404 is never taken for an absence. What is told of an entity is what it told its issuer. A French number
    that is a valid SIREN is given as one. Its category BRANCH is no legal person of its own, FUND often none; sole
    proprietors (SOLE_PROPRIETOR) are withheld, a scan leaves them out and says so: Company holds no natural person. A
    creation date comes as a moment, its day counts. Of a registration that is void (annulled, a duplicate, cancelled)
    the entity is told without a status. Unverified: that several countries may be asked for at once,
    with commas between them.
Last verified live: never from here; the protocol was read in public clients and in captured answers.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
from pydantic import Field
from stdnum.fr import siren as stdnum_siren

from connectors.columns import arrow_schema, columns_of
from connectors.deadline import Deadline
from connectors.derived import filled_record
from connectors.errors import NotFound, Unreadable, Withheld
from connectors.extras import report, tell_once
from connectors.http import MAX_BYTES
from connectors.records import Company
from connectors.registry import FAULT, Answer, Limits, Registry, Settings
from connectors.rest.again import again
from connectors.rest.answers import json_of, text_in
from connectors.rest.client import MOST_OF_A_RECORD, Client, Query, joined

PATH = "lei-records"
ACCEPT = "application/vnd.api+json"

PAGE = 200
PAGE_SECONDS = 60.0
AGAIN_SECONDS = 600.0
"""A page for which the service asks us to come back later than that is given up."""

SOLE_TRADER = "SOLE_PROPRIETOR"
VOID = frozenset({"ANNULLED", "DUPLICATE", "CANCELLED"})
"""Registrations that nobody answers for any more: whether their entity is active is not told by them."""

SCHEMA = arrow_schema(columns_of(Company)).append(pa.field(FAULT, pa.string()))

KNOWN = {
    *("lei", "entity", "registration", "bic", "mic", "ocid", "qcc", "spglobal", "conformityFlag"),
    *("legalName", "otherNames", "transliteratedOtherNames", "legalAddress", "headquartersAddress", "registeredAt"),
    *("otherAddresses", "transliteratedOtherAddresses", "registeredAs", "jurisdiction", "category", "subCategory"),
    *("legalForm", "associatedEntity", "status", "expiration", "successorEntity", "successorEntities"),
    *("creationDate", "eventGroups"),
}
"""The names in the protocol, of a record's attributes and of its entity."""


class GleifSettings(Settings):
    """`url` is where the service answers; a scan takes the entities of `countries`, where their legal address is."""

    url: str = "https://api.gleif.org/api/v1"
    countries: Annotated[list[Annotated[str, Field(pattern="^[A-Z]{2}$")]], Field(min_length=1)] = ["FR"]


class Gleif(Registry):
    """Legal entities, one by its LEI or all of some countries."""

    record = Company
    schemes = ("lei",)
    limits = Limits(deadline=8.0, per_minute=60)
    probe = "lei:506700GE1G29325QX363"  # GLEIF itself
    settings_model = GleifSettings
    settings: GleifSettings

    def __init__(self, name: str, settings: Settings, root: Path) -> None:
        """As every registry."""
        super().__init__(name, settings, root)
        self._client = Client(name, lambda: self.address(self.settings.url), pace=self.pace)
        self._told = set[str]()

    def lookup(self, identifier: str, deadline: Deadline) -> Answer:
        """Return the legal entity of an LEI.

        Raises what `Client.get` and `json_of` raise; Withheld for a sole proprietor, Unreadable for another entity.
        """
        query = [("filter[lei]", identifier)]
        page, rows, _url = self._page(PATH, query, MOST_OF_A_RECORD, deadline)
        if self._total(page) == 0 and not rows:
            raise NotFound(f"{self.name} has no such record", registry=self.name)
        if len(rows) != 1 or (entity := self._entity(rows[0]))["lei"] != identifier:
            raise Unreadable(f"{self.name} answered about another entity than the one asked for", registry=self.name)
        if entity.get("category") == SOLE_TRADER:
            raise Withheld(
                f"{self.name} has this as a sole proprietor, whose data are personal: a Company is a legal person",
                registry=self.name,
            )
        self._report(rows)
        return Answer(self._company(entity))

    def scan(self, table: str | None, after: str | None = None) -> pa.RecordBatchReader:
        """Return the entities of the declared countries, a page at a time. Raises as `lookup` does.

        Unreadable too where the pages do not go on, or hold another number of entities than the service says.
        """
        return pa.RecordBatchReader.from_batches(SCHEMA, self._pages())

    def _pages(self) -> Iterator[pa.RecordBatch]:
        countries = ",".join(self.settings.countries)
        query: Query = [("filter[entity.legalAddress.country]", countries), ("page[size]", str(PAGE))]
        query = [*query, ("page[cursor]", "*")]
        link, seen, came, total = PATH, set[str](), 0, -1
        while True:
            page, rows, url = again(partial(self._page, link, query), Deadline.after(AGAIN_SECONDS), first=total < 0)
            total, came, following = self._total(page), came + len(rows), self._next(page)
            yield self._batch(rows)
            if following is None:
                break
            seen.add(link)
            link, query = joined(url, following), []
            if link in seen or not rows or came > total:
                raise Unreadable(
                    f"the pages of {self.name} do not go on, or go on beyond their end", registry=self.name
                )
        if came != total:
            raise Unreadable(f"{self.name} gave {came:,} entities and says that it has {total:,}", registry=self.name)

    def _page(
        self, path: str, query: Query, most: int = MAX_BYTES, deadline: Deadline | None = None
    ) -> tuple[dict[str, Any], list[Any], str]:
        """Return an answer of `most` bytes, the list that is its data, and where it came from."""
        within = deadline or Deadline.after(PAGE_SECONDS)
        reply = self._client.get(path, query, deadline=within, accept=ACCEPT, most=most)
        page = json_of(reply, self.name, lambda _: False)
        rows = page.get("data") if isinstance(page, dict) else None
        if not isinstance(rows, list):
            raise Unreadable(f"{self.name} answered no list of legal entities", registry=self.name)
        return page, rows, reply.url

    def _total(self, page: dict[str, Any]) -> int:
        pagination = _at(_at(page, "meta"), "pagination")
        total = pagination.get("total")
        if type(total) is not int:
            raise Unreadable(f"{self.name} does not say how many entities there are", registry=self.name)
        return total

    def _next(self, page: dict[str, Any]) -> str | None:
        """Return the link to the next page. Where one could stand and something else does, that is Unreadable."""
        links = page.get("links", {})
        following = links.get("next") if isinstance(links, dict) else links
        if following is not None and not isinstance(following, str):
            raise Unreadable(f"{self.name} tells a next page that is no link", registry=self.name)
        return following

    def _batch(self, rows: list[Any]) -> pa.RecordBatch:
        self._report(rows)
        kept = [row for row in rows if _at(_at(row, "attributes"), "entity").get("category") != SOLE_TRADER]
        if len(kept) < len(rows):
            tell_once(self._told, f"{self.name} has sole proprietors, which are left out: a Company is a legal person")
        return pa.RecordBatch.from_pylist([self._row(row) for row in kept], schema=SCHEMA)

    def _row(self, row: Any) -> dict[str, Any]:
        """Return one entity as a row; as a fault with nothing but its number, where it is none."""
        try:
            return self._company(self._entity(row)).model_dump()
        except Unreadable as error:
            return {"identifier": text_in(_at(row, "attributes").get("lei")), FAULT: error.detail}

    def _entity(self, row: Any) -> dict[str, Any]:
        """Return the entity of a record, with its LEI; of no status where that is void. Raises Unreadable."""
        attributes = _at(row, "attributes")
        entity = attributes.get("entity")
        if not isinstance(entity, dict) or "lei" not in attributes:
            raise Unreadable(f"{self.name} answered a record without its entity", registry=self.name)
        void = _at(attributes, "registration").get("status") in VOID
        return {**entity, "lei": attributes["lei"]} | ({"status": None} if void else {})

    def _company(self, entity: dict[str, Any]) -> Company:
        """Make a record of an entity. Raises Unreadable, which names the fields that do not fit."""
        address, created = _at(entity, "legalAddress"), entity.get("creationDate")
        number, status = entity.get("registeredAs"), entity.get("status")
        siren = _siren(number) if entity.get("jurisdiction") == "FR" else None
        others = [*_list(entity, "otherNames"), *_list(entity, "transliteratedOtherNames")]
        values = {
            "identifier": entity["lei"],
            "siren": siren,
            "lei": entity["lei"],
            "register_number": number if siren is None else None,
            "name": _at(entity, "legalName").get("name"),
            "other_names": [other.get("name") if isinstance(other, dict) else other for other in others],
            "category": entity.get("category"),
            "legal_form": _at(entity, "legalForm").get("id"),
            "active": {"ACTIVE": True, "INACTIVE": False, "NULL": None}.get(status, status)
            if isinstance(status, str)
            else status,
            "created": created[:10] if isinstance(created, str) else created,
            "address": _lines(_list(address, "addressLines")),
            "postal_code": address.get("postalCode"),
            "city": address.get("city"),
            "country_code": address.get("country"),
        }
        company: Company = filled_record(Company, values, self.name)  # type: ignore[assignment]
        return company

    def _report(self, rows: list[Any]) -> None:
        attributes = [_at(row, "attributes") for row in rows]
        for name in sorted(set().union(*attributes, *(_at(each, "entity") for each in attributes)) - KNOWN):
            report(self.extras, self.name, name)


def _at(value: Any, name: str) -> dict[str, Any]:
    """Return an object within an object; an empty one where there is none: what must stand in it will be missed."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _list(value: dict[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    return found if isinstance(found, list) else []


def _siren(number: Any) -> str | None:
    """Return a national number that is a SIREN, which may have blanks in it; None for any other."""
    return str(stdnum_siren.compact(number)) if isinstance(number, str) and stdnum_siren.is_valid(number) else None


def _lines(lines: Iterable[Any]) -> Any:
    """Return lines as one text; what is no text comes back as it is, for the record to refuse."""
    kept = [line for line in lines if line not in (None, "")]
    return ", ".join(kept) or None if all(isinstance(line, str) for line in kept) else kept
