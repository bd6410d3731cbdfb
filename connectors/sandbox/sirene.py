"""The French register of companies by the protocol of API Sirene 3.11: `/siren/{siren}`, `/siret/{siret}`, `/siret?q=`.

Served from `datasets/reference/companies.parquet`: synthetic companies, each with its head office alone. A company that
was merged answers 301, one of no diffusion 403, one of partial diffusion with "[ND]" where it is not to be told. Of the
language of q, what QUERY reads is here: terms joined by AND, each `field:value`, with - before it for «not» and * at
the end of the value for «begins with»; anything else is a 400. It asks for no key.
"""

import base64
import json
import os
import re
from bisect import bisect_right
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from starlette.applications import Starlette
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.sandbox import examples

Row = dict[str, Any]

QUERY = re.compile(r"\(?(?P<no>-?)(?P<field>[A-Za-z]+):(?P<value>[0-9A-Za-z.]+)(?P<rest>\*?)\)?")
FIELDS = {
    "siren": "siren",
    "siret": "siret",
    "etablissementSiege": "seat",
    "statutDiffusionUniteLegale": "diffusion",
    "categorieJuridiqueUniteLegale": "legal_category",
    "etatAdministratifUniteLegale": "state",
    "activitePrincipaleUniteLegale": "activity",
    "codeCommuneEtablissement": "commune_code",
    "codePostalEtablissement": "postal_code",
}
"""What may be searched by, and the column that it is."""

MOST, SIZE = 1000, 20
MASK = "[ND]"


class Refusal(Exception):
    """A question that is answered with HTTP 400; its message is the service's."""


class Companies:
    """The companies by SIREN, and their head offices in the order of their SIRET."""

    def __init__(self, path: Path) -> None:
        """Read them all from the reference file. Raises FileNotFoundError."""
        self.by_siren: dict[str, Row] = {}
        for row in pq.read_table(path).to_pylist():
            siret = None if row["nic"] is None else row["siren"] + row["nic"]
            self.by_siren[row["siren"]] = {**row, "siret": siret, "seat": "true"}
        known = (row for row in self.by_siren.values() if row["siret"] and row["diffusion"] != "N")
        self.offices = sorted(known, key=lambda row: str(row["siret"]))
        self._found: dict[str, list[Row]] = {}  # the searches of late: a scan asks the same again and again

    def select(self, question: str) -> list[Row]:
        """Return the head offices that a q means. Raises Refusal for one that is not understood."""
        if question not in self._found:
            terms = [QUERY.fullmatch(term) for term in question.split(" AND ")] if question else []
            if not all(term and term["field"] in FIELDS for term in terms):
                raise Refusal("Erreur de syntaxe dans le paramètre q")
            if len(self._found) == 8:
                self._found.clear()
            found = [row for row in self.offices if all(_meets(row, term) for term in terms if term)]
            self._found[question] = found
        return self._found[question]


def _meets(row: Row, term: re.Match[str]) -> bool:
    value = row[FIELDS[term["field"]]] or ""
    return (value.startswith(term["value"]) if term["rest"] else value == term["value"]) != bool(term["no"])


def app(root: Path) -> Starlette:
    """Return the server of the workspace `root`. Raises FileNotFoundError where the reference file is missing."""
    companies = Companies(root / "datasets" / "reference" / "companies.parquet")
    canned = examples.by_value("sirene")

    async def unit(request: Request) -> Response:
        siren = request.path_params["siren"]
        return canned[siren].response() if siren in canned else _asked_unit(companies, siren, request.url)

    async def office(request: Request) -> Response:
        siret = request.path_params["siret"]
        example = canned.get(siret[:9])
        return example.then[0].response() if example and example.then else _asked_office(companies, siret)

    async def listing(request: Request) -> Response:
        query = request.query_params
        try:
            return _page(companies.select(query.get("q", "")), query)
        except Refusal as refusal:
            return _header(400, str(refusal))

    async def who(_: Request) -> Response:
        return JSONResponse({"sandbox": "sirene", "pid": os.getpid()})

    return Starlette(
        routes=[
            Route("/", who),
            Route("/siren/{siren}", unit),
            Route("/siret/{siret}", office),
            Route("/siret", listing),
        ]
    )


def _asked_unit(companies: Companies, siren: str, url: URL) -> Response:
    row = companies.by_siren.get(siren)
    if row is None:
        return _header(404, f"Aucun élément trouvé pour le siren {siren}")
    if row["merged_into"]:
        moved = _header(301, f"Le siren {siren} est un doublon")
        moved.headers["location"] = str(url.replace(path=f"/siren/{row['merged_into']}"))
        return moved
    if row["diffusion"] == "N":
        return _header(403, f"Unité légale non diffusable ({siren})")
    return _json({"header": {"statut": 200, "message": "ok"}, "uniteLegale": _unit(row)})


def _asked_office(companies: Companies, siret: str) -> Response:
    row = companies.by_siren.get(siret[:9])
    if row is None or row["siret"] != siret:
        return _header(404, f"Aucun élément trouvé pour le siret {siret}")
    if row["diffusion"] == "N":
        return _header(403, f"Établissement non diffusable ({siret})")
    return _json({"header": {"statut": 200, "message": "ok"}, "etablissement": _office(row)})


def _page(rows: list[Row], query: Mapping[str, str]) -> Response:
    size, first, cursor = _number(query, "nombre", SIZE), _number(query, "debut", 0), query.get("curseur")
    if not rows:
        return _header(404, "Aucun élément trouvé")
    header: Row = {"statut": 200, "message": "ok", "total": len(rows), "debut": first}
    if cursor is not None:
        first = bisect_right(rows, _after(cursor), key=lambda row: str(row["siret"]))
    given = rows[first : first + size]
    header["nombre"] = len(given)
    if cursor is not None:
        following = base64.b64encode(given[-1]["siret"].encode()).decode() if given else cursor
        header |= {"curseur": cursor, "curseurSuivant": following}
    return _json({"header": header, "etablissements": [_office(row) for row in given]})


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= MOST):
        raise Refusal(f"Erreur dans le paramètre {name}")
    return int(text)


def _after(cursor: str) -> str:
    """Return the SIRET that a cursor ends with; `*` is before them all."""
    try:
        return "" if cursor == "*" else base64.b64decode(cursor, validate=True).decode("ascii")
    except ValueError:
        raise Refusal("Erreur dans le paramètre curseur") from None


def _lasting(row: Row) -> Row:
    """Return what is told of a unit outside of its periods."""
    masked = row["diffusion"] == "P" and row["legal_category"] == "1000"
    return {
        "statutDiffusionUniteLegale": row["diffusion"],
        "dateCreationUniteLegale": row["created"].isoformat(),
        "sigleUniteLegale": row["acronym"],
        "prenom1UniteLegale": MASK if masked else row["first_name"],
        "prenomUsuelUniteLegale": MASK if masked else row["first_name"],
        "identifiantAssociationUniteLegale": None,
        "trancheEffectifsUniteLegale": None,
        "categorieEntreprise": None,
    }


def _state(row: Row) -> Row:
    """Return what is told of a unit for its current period."""
    masked = row["diffusion"] == "P" and row["legal_category"] == "1000"
    return {
        "etatAdministratifUniteLegale": row["state"],
        "nomUniteLegale": MASK if masked else row["last_name"],
        "denominationUniteLegale": row["legal_name"],
        "denominationUsuelle1UniteLegale": row["usual_name"],
        "categorieJuridiqueUniteLegale": row["legal_category"],
        "activitePrincipaleUniteLegale": row["activity"],
        "nomenclatureActivitePrincipaleUniteLegale": "NAFRev2",
        "nicSiegeUniteLegale": row["nic"],
    }


def _unit(row: Row) -> Row:
    renamed, created = row["renamed"], row["created"].isoformat()
    periods = [{"dateFin": None, "dateDebut": renamed.isoformat() if renamed else created, **_state(row)}]
    if renamed:
        before = {"dateFin": renamed.isoformat(), "dateDebut": created}
        periods.append({**_state(row), **before, "denominationUniteLegale": row["former_name"]})
    return {
        "siren": row["siren"],
        **_lasting(row),
        "nombrePeriodesUniteLegale": len(periods),
        "periodesUniteLegale": periods,
    }


def _office(row: Row) -> Row:
    masked = row["diffusion"] == "P"
    return {
        "siren": row["siren"],
        "nic": row["nic"],
        "siret": row["siret"],
        "statutDiffusionEtablissement": row["diffusion"],
        "dateCreationEtablissement": row["created"].isoformat(),
        "etablissementSiege": True,
        "uniteLegale": {**_lasting(row), **_state(row)},
        "adresseEtablissement": {
            "complementAdresseEtablissement": None,
            "numeroVoieEtablissement": MASK if masked else row["street_number"],
            "indiceRepetitionEtablissement": None,
            "typeVoieEtablissement": MASK if masked else row["street_type"],
            "libelleVoieEtablissement": MASK if masked else row["street_name"],
            "codePostalEtablissement": MASK if masked else row["postal_code"],
            "libelleCommuneEtablissement": row["commune_name"],
            "codeCommuneEtablissement": row["commune_code"],
            "libellePaysEtrangerEtablissement": None,
        },
        "periodesEtablissement": [{"dateFin": None, "etatAdministratifEtablissement": row["state"]}],
    }


def _header(status: int, message: str) -> Response:
    return _json({"header": {"statut": status, "message": message}}, status)


def _json(content: Row, status: int = 200) -> Response:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, status, headers={"content-type": "application/json;charset=utf-8"})
