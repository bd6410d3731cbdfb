"""Legal entities by the protocol of GLEIF's interface: `GET /lei-records`, `GET /lei-records/{lei}`, in JSON:API.

Served from `datasets/reference/legal_entities.parquet`: real entities of France and Spain, of which name, country and
category are known. What the real one tells beside that is null here. Its search knows the filters in FILTERS; pages are
asked for by number up to 10,000 entities, and by cursor beyond, as with the real one.
"""

import base64
import json
import os
from bisect import bisect_right
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow.parquet as pq
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.sandbox import examples

Row = dict[str, Any]

JSON_API = "application/vnd.api+json"
MOST, SIZE, DEEPEST = 200, 15, 10_000
FILTERS = {
    "filter[lei]": "lei",
    "filter[entity.legalAddress.country]": "country",
    "filter[entity.category]": "category",
    "filter[entity.legalName]": "name",
}
"""What may be searched by, and the column that it is; the name as a part of it, in whatever case."""


class Refusal(Exception):
    """A question that is answered with HTTP 400; its message is the detail."""


class Entities:
    """The entities in the order of their LEI."""

    def __init__(self, path: Path) -> None:
        """Read them all from the reference file. Raises FileNotFoundError."""
        self.rows: list[Row] = pq.read_table(path).to_pylist()
        self.by_lei = {row["lei"]: row for row in self.rows}
        self._found: dict[str, list[Row]] = {}  # the searches of late: a scan asks the same again and again

    def select(self, query: Mapping[str, str]) -> list[Row]:
        """Return the entities that meet every filter of `query`. Raises Refusal for one that there is not."""
        filters = {name: query[name] for name in query if name.startswith("filter[")}
        if not filters.keys() <= FILTERS.keys():
            raise Refusal("Filter should contain only allowed values.")
        key = json.dumps(filters, sort_keys=True)
        if key not in self._found:
            if len(self._found) == 8:
                self._found.clear()
            self._found[key] = [row for row in self.rows if all(_meets(row, *each) for each in filters.items())]
        return self._found[key]


def _meets(row: Row, name: str, wanted: str) -> bool:
    value: str = row[FILTERS[name]]
    return wanted.casefold() in value.casefold() if FILTERS[name] == "name" else value in wanted.split(",")


def app(root: Path) -> Starlette:
    """Return the server of the workspace `root`. Raises FileNotFoundError where the reference file is missing."""
    entities = Entities(root / "datasets" / "reference" / "legal_entities.parquet")
    canned = examples.by_value("gleif")

    async def listing(request: Request) -> Response:
        query = request.query_params
        if example := canned.get(query.get("filter[lei]", "")):
            return example.response()
        try:
            return _json(_page(entities.select(query), query, str(request.url.replace(query=""))))
        except Refusal as refusal:
            return _error(400, "Bad Request", str(refusal))

    async def one(request: Request) -> Response:
        row = entities.by_lei.get(request.path_params["lei"])
        if row is None:
            return _error(404, "Not Found", "The LEI record does not exist.")
        return _json({"meta": _meta(), "data": _record(row, str(request.base_url))})

    async def who(_: Request) -> Response:
        return JSONResponse({"sandbox": "gleif", "pid": os.getpid()})

    return Starlette(routes=[Route("/", who), Route("/lei-records", listing), Route("/lei-records/{lei}", one)])


def _page(rows: list[Row], query: Mapping[str, str], url: str) -> Row:
    size = _number(query, "page[size]", SIZE)
    if size > MOST:
        raise Refusal(f"page[size] must not exceed {MOST}.")
    pagination: Row = {"currentPage": None, "perPage": size, "from": None, "to": None, "total": len(rows)}
    links: Row = {"first": url}
    if cursor := query.get("page[cursor]"):
        start = bisect_right(rows, _after(cursor), key=lambda row: str(row["lei"]))
        given = rows[start : start + size]
        if start + size < len(rows):
            token = base64.urlsafe_b64encode(given[-1]["lei"].encode()).decode()
            links["next"] = _link(url, query, {"page[cursor]": token})
    else:
        number = _number(query, "page[number]", 1)
        if number * size > DEEPEST:
            raise Refusal(f"page[number] * page[size] must not exceed {DEEPEST}. Use page[cursor].")
        start = (number - 1) * size
        given = rows[start : start + size]
        last = max(1, -(-len(rows) // size))
        pagination |= {"currentPage": number, "from": start + 1, "to": start + len(given), "lastPage": last}
        if number < last:
            links["next"] = _link(url, query, {"page[number]": str(number + 1)})
    base = url.rpartition("lei-records")[0]
    return {"meta": _meta() | {"pagination": pagination}, "links": links, "data": [_record(row, base) for row in given]}


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**6):
        raise Refusal(f"{name} must be a positive number.")
    return int(text)


def _after(cursor: str) -> str:
    """Return the LEI that a cursor ends with; `*` is before them all."""
    try:
        return "" if cursor == "*" else base64.urlsafe_b64decode(cursor).decode("ascii")
    except ValueError:
        raise Refusal("page[cursor] is not one that was given.") from None


def _link(url: str, query: Mapping[str, str], changed: Mapping[str, str]) -> str:
    return f"{url}?{urlencode({**query, **changed})}"


def _meta() -> Row:
    return {"goldenCopy": {"publishDate": "2025-10-01T00:00:00Z"}}


def _record(row: Row, base: str) -> Row:
    lei, country = row["lei"], row["country"]
    address: Row = {"language": None, "addressLines": [], "city": None, "region": None}
    address |= {"country": country, "postalCode": None}
    entity = {
        "legalName": {"name": row["name"], "language": None},
        "otherNames": [],
        "transliteratedOtherNames": [],
        "legalAddress": address,
        "headquartersAddress": address,
        "registeredAt": {"id": None, "other": None},
        "registeredAs": None,
        "jurisdiction": country,
        "category": row["category"],
        "legalForm": {"id": None, "other": None},
        "associatedEntity": {"lei": None, "name": None},
        "status": None,
        "expiration": {"date": None, "reason": None},
        "successorEntity": {"lei": None, "name": None},
        "successorEntities": [],
        "creationDate": None,
        "subCategory": None,
        "otherAddresses": [],
        "eventGroups": [],
    }
    attributes = {"lei": lei, "entity": entity, "registration": None, "bic": None, "mic": None, "ocid": None}
    self_link = {"self": f"{base}lei-records/{lei}"}
    return {"type": "lei-records", "id": lei, "attributes": attributes, "relationships": {}, "links": self_link}


def _error(status: int, title: str, detail: str) -> Response:
    return _json({"errors": [{"status": str(status), "title": title, "detail": detail}]}, status)


def _json(content: Row, status: int = 200) -> Response:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, status, headers={"content-type": JSON_API})
