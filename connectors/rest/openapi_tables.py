"""Operations that look like tables: a list in the answer, and how one page leads to the next. Nothing is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.drafting import FILL_IN
from connectors.rest.openapi import Document, text
from connectors.rest.openapi_leaves import Leaf, Path, jmes, leaves, lists, normal, snake
from connectors.rest.openapi_operations import Operation, Parameter

_ROWS = {
    "data",
    "results",
    "result",
    "items",
    "rows",
    "records",
    "content",
    "values",
    "value",
    "features",
    "list",
    "entries",
}
_ROWS |= {"elements", "resultats", "hydramember", "member", "objects", "hits", "resources", "documents", "donnees"}
_PAGE = {"page", "pagenumber", "pageno", "pagenum", "numpage", "numeropage", "pageindex", "currentpage"}
_SIZE = {
    "perpage",
    "pagesize",
    "size",
    "limit",
    "count",
    "nombre",
    "rows",
    "top",
    "take",
    "maxresults",
    "parpage",
    "taille",
}
_SIZE |= {"itemsperpage", "pagelimit", "nbresultats", "resultsperpage", "pagelength"}
_OFFSET = {"offset", "start", "skip", "debut", "startindex", "pageoffset", "firstresult"}
_CURSOR = {"cursor", "curseur", "after", "pagecursor", "pageafter", "pagetoken", "nexttoken", "continuation"}
_CURSOR |= {"continuationtoken", "startingafter", "nextcursor"}
_NEXT_CURSOR = {"nextcursor", "next", "after", "cursor", "curseursuivant", "nextpagetoken", "nexttoken", "continuation"}
_NEXT_CURSOR |= {"continuationtoken", "endcursor"}
_NEXT = {"next", "nextpage", "nexturl", "nextlink", "nextpageurl", "odatanextlink", "suivant", "hydranext"}
_TOTAL = {"total", "totalcount", "totalresults", "totalelements", "totalitems", "totalrecords", "totalhits", "nhits"}
_TOTAL |= {"nombretotal", "hydratotalitems", "numfound", "nbtotal", "totalsize", "numbermatched", "totalrows"}
_MOST_SIZE = 1_000


@dataclass(frozen=True)
class TableGuess:
    """A table that an operation looks like. `said` is its entry under `tables`, `columns` its columns by their names."""

    operation: Operation
    rows: Path
    said: Mapping[str, Any]
    columns: Mapping[str, Leaf]
    left: Sequence[str]
    evidence: tuple[str, ...]


def rows_of(document: Document, operation: Operation) -> tuple[Path, Any] | None:
    """Return where the list stands that an operation mainly answers, with the schema of its items; None where it is none."""
    if operation.answer is None or operation.answer.schema is None:
        return None
    found = list(lists(document, operation.answer.schema))
    if not found or (operation.template.endswith("}") and found[0][0]):
        return None
    least = [each for each in found if len(each[0]) == len(found[0][0])]
    last = normal(operation.template.rpartition("/")[2])
    named = [each for each in found if each[0] and (normal(each[0][-1]) in _ROWS or normal(each[0][-1]) == last)]
    return least[0] if len(least) == 1 else named[0] if named else None


def table_of(document: Document, operation: Operation, names: Mapping[str, str]) -> TableGuess | None:
    """Return the table that an operation looks like, None where it looks like none.

    `names` are the credentials that go in the query: they are no parameters of a table.
    """
    found = rows_of(document, operation)
    if found is None or operation.answer is None:
        return None
    rows, items = found
    columns, left = leaves(document, items)
    if not columns:
        return None
    beside, _ = leaves(document, operation.answer.schema, links=True)
    beside = [leaf for leaf in beside if leaf.path[: len(rows)] != rows or not rows]
    paging, query, why = _paging(operation, beside if rows else [])
    query = _wanted(operation, paging, names) | query
    said: dict[str, Any] = {"path": _path(operation)}
    said |= {"query": query} if query else {}
    said |= {"content_type": operation.answer.media} if operation.answer.media.endswith("+json") else {}
    said |= {"rows": jmes(rows)} if rows else {}
    said |= {"paging": paging} if paging else {}
    total, told = _total(beside) if rows else (None, ())
    said |= {"total": total} if total else {}
    at = f"a list at {jmes(rows)}" if rows else "the answer is a list"
    return TableGuess(operation, rows, said, _named(columns), left, (at, *why, *told))


def _named(columns: Sequence[Leaf]) -> dict[str, Leaf]:
    named: dict[str, Leaf] = {}
    for leaf in columns:
        path = leaf.path[1:] if leaf.path[0] in ("attributes", "properties", "fields") and leaf.path[1:] else leaf.path
        name = plain = f"own_{snake(path)}" if snake(path).startswith("beffroi_") else snake(path)
        number = 2
        while name in named:
            name, number = f"{plain}_{number}", number + 1
        named[name] = leaf
    return named


def _path(operation: Operation) -> str:
    path = operation.template
    for parameter in operation.of("path"):
        value = parameter.default
        path = path.replace(f"{{{parameter.name}}}", value if isinstance(value, str) and value.isalnum() else FILL_IN)
    return path


def _wanted(operation: Operation, paging: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return what must be said in the query, without what says the page or who we are."""
    pages = {paging.get("parameter"), paging.get("size", {}).get("parameter"), *names}
    wanted: dict[str, Any] = {}
    for each in operation.of("query"):
        if each.required and each.name not in pages:
            value = each.default if each.default is not None else FILL_IN
            wanted[each.name] = value if isinstance(value, int) and not isinstance(value, bool) else _text(value)
    return wanted


def _text(value: Any) -> str:
    told = str(value).lower() if isinstance(value, bool) else text(value)
    return told if told.isprintable() and "{" not in told and told else FILL_IN


# --- pages -----------------------------------------------------------------------------------------------------------


def _paging(operation: Operation, beside: Sequence[Leaf]) -> tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]:
    """Return the paging of an operation, what its query begins with, and the evidence; empty where it has none."""
    query = {normal(each.name): each for each in reversed(operation.of("query"))}
    size, told = _size(_of(query, _SIZE, counts=True))
    cursor = _of(query, _CURSOR, counts=False)
    address = next((leaf for leaf in beside if _is_next(leaf)), None)
    if cursor is not None and address is not None and _starts(cursor) and _is_address(address):
        start = {cursor.name: _starts(cursor)}
        return (
            {"by": "next", "next": jmes(address.path), **size},
            start,
            (f"next address at {jmes(address.path)}", *told),
        )
    if cursor is not None:
        after = next((leaf for leaf in beside if normal(leaf.path[-1]) in _NEXT_CURSOR and leaf.type == "string"), None)
        place = FILL_IN if after is None else jmes(after.path)
        said: dict[str, Any] = {"by": "cursor", "parameter": cursor.name, "next": place} | size
        said |= {"first": _starts(cursor)} if _starts(cursor) else {}
        if (
            after is not None and normal(after.path[-1]) == "curseursuivant"
        ):  # API Sirene's: its last page tells its own
            said |= {"first": "*", "until": "same"}
        return said, {}, (f"parameter {cursor.name}, next one at {place}", *told)
    if address is not None and _is_address(address):
        return {"by": "next", "next": jmes(address.path), **size}, {}, (f"next address at {jmes(address.path)}", *told)
    if operation.answer is not None and "link" in operation.answer.headers:
        return {"by": "link", **size}, {}, ("header Link", *told)
    return _counted(query, size, told)


def _counted(
    query: Mapping[str, Parameter], size: dict[str, Any], told: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]:
    page, offset = _of(query, _PAGE, counts=True), _of(query, _OFFSET, counts=True)
    if page is not None:
        zero = 0 in (page.default, page.schema.number("minimum")) and page.default != 1
        return (
            {"by": "page", "parameter": page.name, "first": 0 if zero else 1, **size},
            {},
            (f"parameter {page.name}", *told),
        )
    if offset is not None and size:
        return {"by": "offset", "parameter": offset.name, **size}, {}, (f"parameter {offset.name}", *told)
    return {}, {}, ("no paging found: one answer is taken for the whole table",)


def _of(query: Mapping[str, Parameter], names: set[str], *, counts: bool) -> Parameter | None:
    kinds = ("integer", "number", "") if counts else ("string", "")
    return next((each for name, each in query.items() if name in names and each.schema.type in kinds), None)


def _size(parameter: Parameter | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    if parameter is None:
        return {}, ()
    most, usual = parameter.schema.number("maximum"), parameter.default
    value = most if most is not None else usual if isinstance(usual, int) and not isinstance(usual, bool) else 100
    value = min(max(value, 1), _MOST_SIZE)
    why = f"{parameter.name} at most {most}" if most is not None else f"{parameter.name}, no maximum told"
    return {"size": {"parameter": parameter.name, "value": value}}, (why,)


def _starts(cursor: Parameter) -> str | None:
    """Return what a cursor begins with, where that is `*`, as GLEIF's, Sirene's and Crossref's do."""
    return "*" if "*" in (cursor.default, cursor.example) else None


def _is_next(leaf: Leaf) -> bool:
    *before, last = map(normal, leaf.path)
    return leaf.type == "string" and (last in _NEXT or (last == "href" and before[-1:] == ["next"]))


def _is_address(leaf: Leaf) -> bool:
    """Tell whether what leads to the next page is an address, and not a cursor."""
    links = {normal(key) for key in leaf.path[:-1]} & {"links", "link", "next", "hydraview"}
    said = f"{leaf.schema.format} {text(leaf.schema.said.get('example'))} {leaf.schema.text('description')}".lower()
    named = normal(leaf.path[-1]) not in ("next", "nextpage", "suivant")
    return named or bool(links) or any(word in said for word in ("uri", "url", "http", "lien vers"))


def _total(beside: Sequence[Leaf]) -> tuple[str | None, tuple[str, ...]]:
    siblings = {leaf.path[:-1] for leaf in beside if normal(leaf.path[-1]) in ("previous", "next")}
    for leaf in beside:
        name = normal(leaf.path[-1])
        if leaf.type == "integer" and (name in _TOTAL or (name == "count" and leaf.path[:-1] in siblings)):
            return jmes(leaf.path), (f"total at {jmes(leaf.path)}",)
    return None, ()
