"""The national commune register by the protocol of API Géo: `GET /communes`, `GET /communes/{code}`.

Served from `datasets/reference/communes.parquet`. Of the protocol (https://geo.api.gouv.fr, `definition.yml` in its
public repository) what concerns current communes is here; geometry is not, and says so with a 400.
"""

import json
import os
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from connectors.sandbox import examples

Row = dict[str, Any]

FIELDS = {
    "nom": "name",
    "code": "code",
    "codeDepartement": "department_code",
    "siren": "siren",
    "codeEpci": "epci_code",
    "codeRegion": "region_code",
    "codesPostaux": "postal_codes",
    "population": "population",
}
"""Names in the protocol, in the order in which it gives them by default, and the columns they come from."""

FILTERS = {"code", "codePostal", "siren", "codeDepartement", "codeRegion", "codeEpci"}
GEOMETRY = {"centre", "contour", "bbox", "mairie"}
NO_GEOMETRY = "the sandbox has no geometry: ask without format=geojson, geometry, lat, lon and the fields of shapes"
NOT_FOUND = "Not Found"


class Communes:
    """The communes, indexed by every exact filter of the protocol."""

    def __init__(self, path: Path) -> None:
        """Read them all from the reference file. Raises FileNotFoundError."""
        self.by_code: dict[str, Row] = {}
        self.index: dict[str, dict[str, dict[str, Row]]] = {name: defaultdict(dict) for name in FILTERS}
        self.folded: dict[str, str] = {}
        for source in pq.read_table(path).to_pylist():
            row = {name: source[column] for name, column in FIELDS.items() if source[column] is not None}
            code = row["code"]
            self.by_code[code] = row
            self.folded[code] = fold(row["nom"])
            for name in FILTERS - {"codePostal"} & row.keys():
                self.index[name][row[name]][code] = row
            for postal_code in row["codesPostaux"]:
                self.index["codePostal"][postal_code][code] = row

    def select(self, query: Mapping[str, str]) -> list[Row]:
        """Return the communes that meet every filter of `query`; with `nom`, the best match first, with `_score`."""
        met = [self.index[name].get(query[name], {}) for name in FILTERS & query.keys()]
        smallest = min(met, key=len, default=self.by_code)
        rows = [row for code, row in smallest.items() if all(code in others for others in met)]
        if needle := fold(query.get("nom", "")):
            rows = [
                {**row, "_score": len(needle) / len(self.folded[row["code"]])}
                for row in rows
                if needle in self.folded[row["code"]]
            ]
            rows.sort(key=lambda row: -row["_score"])
        if query.get("boost") == "population":
            rows.sort(key=lambda row: -row.get("population", 0))
        return rows


def fold(text: str) -> str:
    """Return a name as it is compared: no accents, lower case, one blank for whatever is no letter or digit."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe").replace("æ", "ae"))
    kept = "".join(" " if not character.isalnum() else character for character in plain if character.isascii())
    return " ".join(kept.split())


def app(root: Path) -> Starlette:
    """Return the server of the workspace `root`. Raises FileNotFoundError where the reference file is missing."""
    communes = Communes(root / "datasets" / "reference" / "communes.parquet")
    canned = examples.by_value("api_geo")

    @lru_cache(maxsize=8)
    def everything(fields: tuple[str, ...]) -> bytes:
        return _dump([_pick(row, fields) for row in communes.by_code.values()])

    async def listing(request: Request) -> Response:
        query = request.query_params
        if refusal := _refusal(query):
            return refusal
        fields = _fields(query)
        if not (FILTERS | {"nom", "boost", "limit"}) & query.keys():
            return _json(everything(fields))
        rows = communes.select(query)
        if limit := query.get("limit"):
            rows = rows[: int(limit)]
        return _json(_dump([_pick(row, (*fields, "_score")) for row in rows]))

    async def one(request: Request) -> Response:
        if refusal := _refusal(request.query_params):
            return refusal
        code = request.path_params["code"]
        if row := communes.by_code.get(code):
            return _json(_dump(_pick(row, _fields(request.query_params))))
        return canned[code].response() if code in canned else PlainTextResponse(NOT_FOUND, 404)

    async def who(_: Request) -> Response:
        return JSONResponse({"sandbox": "communes", "pid": os.getpid()})

    everything(_fields({}))  # made now, so that the first to ask does not wait for it
    return Starlette(routes=[Route("/", who), Route("/communes", listing), Route("/communes/{code}", one)])


def _fields(query: Mapping[str, str]) -> tuple[str, ...]:
    """Return the fields to give: those asked for and known, and always name and code, which the protocol adds last."""
    asked = query.get("fields")
    names = [*asked.split(","), "nom", "code"] if asked else list(FIELDS)
    return tuple(dict.fromkeys(name for name in names if name in FIELDS))


def _refusal(query: Mapping[str, str]) -> Response | None:
    limit = query.get("limit")
    if limit and not (limit.isascii() and limit.isdigit()):
        return PlainTextResponse("Bad Request", 400)
    shapes = GEOMETRY & set(query.get("fields", "").split(","))
    if shapes or query.get("format") == "geojson" or {"geometry", "lat", "lon"} & query.keys():
        return PlainTextResponse(NO_GEOMETRY, 400)
    return None


def _pick(row: Row, fields: tuple[str, ...]) -> Row:
    return {name: row[name] for name in fields if name in row}


def _dump(content: Row | list[Row]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _json(body: bytes) -> Response:
    return Response(body, headers={"content-type": "application/json; charset=utf-8"})
