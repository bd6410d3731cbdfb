"""Sirene: the companies of France, as INSEE's register of companies and establishments has them.

Owner: INSEE; its register, Licence Ouverte 2.0.
Documentation: https://portail-api.insee.fr (API Sirene 3.11).
Access: a key of the public plan, free of charge, in `key`, a variable of the environment.
Limits: 30 calls a minute for the public plan. A lookup makes two: the unit, then its head office, where the address
    stands. A scan brings 1,000 companies a call: all of France takes hours, for which INSEE has monthly files; `select`
    takes a part of it.
Caveats: Company holds legal persons. A sole trader is personal data and withheld here, as is a unit of partial
    diffusion (statutDiffusion P, its fields "[ND]") or of none (HTTP 403); a scan asks for the others only. A 403 of
    the service itself has its own header in the body; one without is the refusal of our key. A unit that was entered
    twice answers 301 and leads to the one that stays, told as merged_from. What was true before stands in periods: the
    one without an end counts. A purged unit, of which the number alone is kept, is not found. Unverified: how a scan
    ends (the same cursor twice, or a 404 after the last row, are taken for it), that a search can be narrowed by the
    unit's own fields as it is here, and the limits of the public plan.
Last verified live: never from here; the protocol was read in public clients and in captured answers.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors import http
from connectors.columns import arrow_schema, columns_of
from connectors.deadline import Deadline
from connectors.derived import filled_record
from connectors.errors import Busy, Down, NotFound, Unreadable, Withheld
from connectors.extras import report
from connectors.records import Company
from connectors.registry import FAULT, Answer, Limits, Registry, Settings
from connectors.rest.again import again
from connectors.rest.answers import json_of, text_in
from connectors.rest.auth import Fixed
from connectors.rest.auth_settings import ApiKeySettings, Secret
from connectors.rest.client import MOST_OF_A_RECORD, Client, Query, Reply, segment
from connectors.rest.reading import is_of, json_value

KEY_HEADER = "X-INSEE-Api-Key-Integration"

PAGE = 1000
PAGE_SECONDS = 60.0
AGAIN_SECONDS = 600.0
"""A page for which the service asks us to come back later than that is given up."""

SCANNED = ("etablissementSiege:true", "statutDiffusionUniteLegale:O", "-categorieJuridiqueUniteLegale:1000")
"""What a scan asks for: each company by its head office, of those that are legal persons and may be told."""

MASK = "[ND]"
"""What stands where something is not to be told."""

SCHEMA = arrow_schema(columns_of(Company)).append(pa.field(FAULT, pa.string()))

_UNIT, _OFFICE = "UniteLegale", "Etablissement"

# Names in the protocol, less the word that nearly all end with: those of a unit, of its periods and of a head office.
KNOWN = {
    *("siren", "nic", "siret", "score", "dateDebut", "dateFin", "statutDiffusion", "unitePurgee", "dateCreation"),
    *("sigle", "sexe", "prenom1", "prenom2", "prenom3", "prenom4", "prenomUsuel", "pseudonyme", "nom", "nomUsage"),
    *("identifiantAssociation", "trancheEffectifs", "anneeEffectifs", "dateDernierTraitement", "nombrePeriodes"),
    *("categorieEntreprise", "anneeCategorieEntreprise", "periodes", "etatAdministratif", "denomination"),
    *("denominationUsuelle", "denominationUsuelle1", "denominationUsuelle2", "denominationUsuelle3", "nicSiege"),
    *("categorieJuridique", "activitePrincipale", "nomenclatureActivitePrincipale", "activitePrincipaleNAF25"),
    *("economieSocialeSolidaire", "societeMission", "caractereEmployeur", "activitePrincipaleRegistreMetiers"),
    *("etablissementSiege", "uniteLegale", "adresse", "adresse2"),
}


class SireneSettings(Settings):
    """`url` is where the service answers, `key` the variable that holds ours, `${NAME}`.

    `select` narrows a scan, in the words of the service's own parameter q: `codeCommuneEtablissement:80*`.
    """

    url: str = "https://api.insee.fr/api-sirene/3.11"
    key: Secret | None = None
    select: str | None = None


class Sirene(Registry):
    """Companies, one by its SIREN or all of a part of France."""

    record = Company
    schemes = ("siren",)
    limits = Limits(deadline=8.0, per_minute=30)
    probe = "siren:120027016"  # INSEE
    settings_model = SireneSettings
    settings: SireneSettings

    def __init__(self, name: str, settings: Settings, root: Path) -> None:
        """As every registry."""
        super().__init__(name, settings, root)
        key = self.settings.key
        said = None if key is None else ApiKeySettings(kind="api-key", header=KEY_HEADER, value=key)
        auth = None if said is None else Fixed(said, name)
        self._client = Client(name, lambda: self.address(self.settings.url), auth=auth, pace=self.pace)

    def lookup(self, identifier: str, deadline: Deadline) -> Answer:
        """Return the company of a SIREN, or the one that it was merged into.

        Raises what `Client.get` and `json_of` raise; Withheld for what may not be told, Unreadable for another company.
        """
        reply = self._client.get(f"siren/{segment(identifier)}", deadline=deadline, most=MOST_OF_A_RECORD)
        unit = self._part(reply, "uniteLegale")
        siren = unit.get("siren")
        if not isinstance(siren, str) or (siren != identifier and not reply.moved):
            raise Unreadable(f"{self.name} answered about another company than the one asked for", registry=self.name)
        if unit.get("unitePurgeeUniteLegale") is True:
            raise NotFound(f"{self.name} has purged this unit: it keeps the number alone", registry=self.name)
        flat = unit | self._current(unit)
        self._report([unit, *unit["periodesUniteLegale"]], _UNIT)
        self._hold_back(flat)
        company = self._company(flat, self._office(siren, flat, deadline))
        return Answer(company, identifier if siren != identifier else None)

    def scan(self, table: str | None, after: str | None = None) -> pa.RecordBatchReader:
        """Return the companies that `select` takes, a page at a time. Raises as `lookup` does.

        Unreadable too where the pages do not go on, or hold another number of companies than the service says.
        """
        return pa.RecordBatchReader.from_batches(SCHEMA, self._pages())

    def _pages(self) -> Iterator[pa.RecordBatch]:
        select = [f"({self.settings.select})"] if self.settings.select else []
        asked = [("q", " AND ".join([*SCANNED, *select])), ("nombre", str(PAGE))]
        cursor, seen, came, total = "*", set[str](), 0, -1
        while True:
            reply = again(
                partial(self._page, [*asked, ("curseur", cursor)]), Deadline.after(AGAIN_SECONDS), first=total < 0
            )
            if reply.status == 404 and _own_status(reply) == 404:
                if came == 0:
                    raise Unreadable(f"{self.name} has no company of those that are scanned", registry=self.name)
                break
            page = json_of(reply, self.name, lambda _: False)
            header, rows = self._dict(page).get("header"), self._dict(page).get("etablissements")
            if not isinstance(rows, list) or not isinstance(header, dict) or type(header.get("total")) is not int:
                raise Unreadable(f"{self.name} answered a page that is none", registry=self.name)
            total, came, following = header["total"], came + len(rows), header.get("curseurSuivant")
            yield self._batch(rows)
            if following == cursor:
                break
            seen.add(cursor)
            if not isinstance(following, str) or following in seen or not rows or came > total:
                raise Unreadable(
                    f"the pages of {self.name} do not go on, or go on beyond their end", registry=self.name
                )
            cursor = following
        if came != total:
            raise Unreadable(f"{self.name} gave {came:,} companies and says that it has {total:,}", registry=self.name)

    def _page(self, query: Query) -> Reply:
        """Return a page, whatever it says. Raises Busy and Down where the service asks to come back."""
        reply = self._client.get("siret", query, deadline=Deadline.after(PAGE_SECONDS))
        refused = http.refusal(reply, self.name)
        if isinstance(refused, Busy | Down):
            raise refused
        return reply

    def _batch(self, rows: list[Any]) -> pa.RecordBatch:
        offices = [row for row in rows if isinstance(row, dict)]
        self._report(offices, _OFFICE)
        self._report([unit for row in offices if isinstance(unit := row.get("uniteLegale"), dict)], _UNIT)
        return pa.RecordBatch.from_pylist([self._row(row) for row in rows], schema=SCHEMA)

    def _row(self, row: Any) -> dict[str, Any]:
        """Return one head office as a row; as a fault with nothing but its number, where it is no company for us."""
        siren = row.get("siren") if isinstance(row, dict) else None
        try:
            flat = {**self._dict(self._dict(row).get("uniteLegale")), "siren": siren}
            self._hold_back(flat)
            return self._company(flat, row).model_dump()
        except (Unreadable, Withheld) as error:
            return {"identifier": text_in(siren), FAULT: error.detail}

    def _part(self, reply: http.Response, name: str) -> dict[str, Any]:
        """Return an object of an answer. Raises NotFound, Withheld, RefusedUs, Busy, Down, Unreadable."""
        if reply.status == 403 and _own_status(reply) == 403:
            raise Withheld(f"{self.name} does not tell about this company", registry=self.name)
        return self._dict(self._dict(json_of(reply, self.name, lambda _: _own_status(reply) == 404)).get(name))

    def _dict(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Unreadable(f"{self.name} answered something else where an object belongs", registry=self.name)
        return value

    def _current(self, unit: dict[str, Any]) -> dict[str, Any]:
        """Return the period that counts today: the one without an end."""
        periods = unit.get("periodesUniteLegale")
        if not isinstance(periods, list) or not all(isinstance(period, dict) for period in periods):
            raise Unreadable(f"{self.name} answered a company without its periods", registry=self.name)
        current: list[dict[str, Any]] = [period for period in periods if period.get("dateFin") is None]
        if len(current) != 1:
            raise Unreadable(
                f"{self.name} answered {len(current)} periods that count today, not one", registry=self.name
            )
        return current[0]

    def _hold_back(self, unit: dict[str, Any]) -> None:
        """Raise Withheld for a sole trader, and for a unit that is not wholly open. Unreadable where neither is told."""
        category, diffusion = unit.get("categorieJuridiqueUniteLegale"), unit.get("statutDiffusionUniteLegale")
        if not isinstance(category, str) or not isinstance(diffusion, str):
            raise Unreadable(f"{self.name} does not say whether a company may be told", registry=self.name)
        if diffusion != "O":
            raise Withheld(f"{self.name} tells this company in part only, and not to others", registry=self.name)
        if category.startswith("1"):
            raise Withheld(
                f"{self.name} has this as a sole trader, whose data are personal: a Company is a legal person",
                registry=self.name,
            )

    def _office(self, siren: str, unit: dict[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Return the head office; its number alone where the service does not tell more of it."""
        siret = f"{siren}{unit.get('nicSiegeUniteLegale')}"
        try:
            reply = self._client.get(f"siret/{segment(siret)}", deadline=deadline, most=MOST_OF_A_RECORD)
            office = self._part(reply, "etablissement")
        except Withheld:
            return {"siret": siret}
        except NotFound:
            raise Unreadable(f"{self.name} does not have the head office that it names", registry=self.name) from None
        if office.get("siret") != siret:
            raise Unreadable(f"{self.name} answered about another head office", registry=self.name)
        self._report([office], _OFFICE)
        return office

    def _company(self, unit: dict[str, Any], office: dict[str, Any]) -> Company:
        """Make a record of a unit, with what counts today, and its head office. Raises Unreadable."""
        address = self._dict(office.get("adresseEtablissement") or {})
        names = [unit.get(f"{name}UniteLegale") for name in _OTHER_NAMES]
        state = unit.get("etatAdministratifUniteLegale")
        abroad = address.get("libellePaysEtrangerEtablissement") is not None
        values = {
            "identifier": unit.get("siren"),
            "siren": unit.get("siren"),
            "siret": office.get("siret"),
            "name": unit.get("denominationUniteLegale"),
            "other_names": [name for name in names if name not in (None, MASK)],
            "legal_category": unit.get("categorieJuridiqueUniteLegale"),
            "activity": unit.get("activitePrincipaleUniteLegale"),
            "active": {"A": True, "C": False}.get(state, state) if isinstance(state, str) else state,
            "created": unit.get("dateCreationUniteLegale"),
            "address": _words(address.get(f"{name}Etablissement") for name in _STREET),
            "postal_code": address.get("codePostalEtablissement"),
            "city": address.get("libelleCommuneEtablissement") or address.get("libelleCommuneEtrangerEtablissement"),
            "commune_code": address.get("codeCommuneEtablissement"),
            "country_code": None if abroad or not address else "FR",
        }
        told = {field: None if value == MASK else value for field, value in values.items()}
        company: Company = filled_record(Company, told, self.name)  # type: ignore[assignment]
        return company

    def _report(self, objects: Iterable[dict[str, Any]], suffix: str) -> None:
        """Report the names that nobody knows; changes within a period are told by names that say so."""
        for name in sorted(set().union(*objects)):
            if name.removesuffix(suffix) not in KNOWN and not name.startswith("changement"):
                report(self.extras, self.name, name)


_OTHER_NAMES = ("denominationUsuelle1", "denominationUsuelle2", "denominationUsuelle3", "sigle")
_STREET = (*("complementAdresse", "numeroVoie", "indiceRepetition", "typeVoie", "libelleVoie", "distributionSpeciale"),)


def _own_status(reply: http.Response) -> int | None:
    """Return the status in the service's own header; None where the answer is somebody else's."""
    if not is_of(reply.content_type, "json"):
        return None
    try:
        header = json_value(reply.body, "").get("header")
    except (Unreadable, AttributeError):
        return None
    status = header.get("statut") if isinstance(header, dict) else None
    return status if type(status) is int else None


def _words(parts: Iterable[Any]) -> Any:
    """Return texts as one line; what is no text comes back as it is, for the record to refuse."""
    kept = [part for part in parts if part not in (None, "", MASK)]
    return " ".join(kept) or None if all(isinstance(part, str) for part in kept) else kept
