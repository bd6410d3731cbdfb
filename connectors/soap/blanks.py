"""Values that only a person knows: drafts have FILL_IN in their places, and no declaration that has one is loaded."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from connectors.drafting import FILL_IN
from connectors.soap.names import local
from connectors.soap.places import Place, keys_at, of_element, of_message
from connectors.soap.prepared import Prepared
from connectors.soap.settings import LookupSettings, SoapSettings, TableSettings
from connectors.soap.values import json_of

DEEPEST = 8
"""Objects within each other that a draft writes out."""

_PAGING = {"max", "maximum", "limit", "count", "size", "page", "offset", "start", "first", "rows", "results"}
_MORE = {"next", "more", "total", "cursor", "token", "continuation", "continue", "remaining", "truncated", "complete"}
_MORE |= {"page", "pages", "offset", "last", "suivant", "suivante", "reste", "restant", "curseur", "partial"}

Keys = tuple[str | int, ...]


def parameters_of(asked: Prepared) -> dict[str, Any]:
    """Return an operation's parameters as a draft has them: what must be said, and of pages the largest."""
    whole, element = of_message(asked, asked.asks), asked.asks.element
    if whole.simple is not None and element is not None:  # the message is one text
        return {local(element.tag): _blank(whole)}
    found = {}
    for key, place in keys_at(whole).items():
        most = None if place.simple is None else place.simple.facets.get("maxInclusive")
        if most is not None and pages(key):
            found[key] = int(most)
        elif _is_wanted(place):
            found[key] = _blank(place)
    return found


def headers_of(asked: Prepared) -> dict[str, Any]:
    """Return an operation's headers as a draft has them: all that the WSDL declares."""
    return {name: _blank(of_element(element)) or FILL_IN for name, element in asked.asked_headers.items()}


def continuations(asked: Prepared, rows: str) -> list[str]:
    """Return what stands beside a list, at the path `rows` of an answer, that looks like there being more of it."""
    place, way, found = of_message(asked, asked.answers), list[str](), list[str]()
    for step in rows.split("/"):
        there = keys_at(place)
        found += [
            "/".join([*way, key])
            for key, each in there.items()
            if each.simple is not None and not each.many and not _MORE.isdisjoint(_words(key))
        ]
        way.append(step)
        place = there[step]
    return found


def pages(key: str) -> bool:
    """Tell whether a parameter's name says how many or from where, rather than what."""
    return not _PAGING.isdisjoint(_words(key))


def _words(key: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", key)}


def _is_wanted(place: Place) -> bool:
    if place.many:
        return place.element is not None and place.element.minimum > 0
    return place.required and (place.shape is not None or place.simple is not None)


def _blank(place: Place, depth: int = 0) -> Any:
    """Return what a draft has at a place: the only value that it can have, an object of such, or FILL_IN."""
    value: Any = FILL_IN
    if place.simple is not None:
        values = place.simple.facets.get("enumeration", ())
        if len(values) == 1:
            value = json_of(place.simple.read(values[0]))
    elif depth < DEEPEST and (keys := keys_at(place)):
        value = {key: _blank(each, depth + 1) for key, each in keys.items() if _is_wanted(each)}
    return [value] if place.many else value


# --- what a declaration still has of them ----------------------------------------------------------------------------


def left(settings: SoapSettings) -> Iterator[tuple[Keys, Keys, str]]:
    """Yield where FILL_IN is left: the keys of the parameters or headers, those of the value, and what to do."""
    asked: list[tuple[Keys, LookupSettings | TableSettings]] = [
        (("tables", name), table) for name, table in settings.tables.items()
    ]
    if settings.lookup is not None:
        asked.insert(0, (("lookup",), settings.lookup))
    for keys, part in asked:
        for section, given in (("parameters", part.parameters), ("headers", part.headers)):
            for within in _left(given):
                said = f"{FILL_IN} is no value: write what {part.operation} is to be asked with"
                said += ", or take that header away" if section == "headers" else ""
                yield (*keys, section), (*keys, section, *within), said


def _left(value: Any) -> Iterator[Keys]:
    if value == FILL_IN:
        yield ()
    elif isinstance(value, Mapping | list):
        for key, each in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from ((key, *within) for within in _left(each))
