"""Guesses at what an operation is good for: the lookup or the table that its shapes suggest, for a person to check."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.errors import Misconfigured
from connectors.patterns import NotRead, in_python, takes_long
from connectors.records import RECORDS
from connectors.soap.blanks import pages, parameters_of
from connectors.soap.bulk import scanned
from connectors.soap.client import SoapClient
from connectors.soap.names import local
from connectors.soap.places import Place, keys_at, of_element, of_message
from connectors.soap.prepared import Prepared
from connectors.soap.shapes import Simple, Unsupported

MOST_PARAMETERS = 3
BESIDE_A_LIST = 3
"""Keys that may stand beside the rows of a table: how many there are, where to go on."""

_VERBS = re.compile(r"^(?i:get|find|lookup|fetch|read|search|query|check|retrieve|ask|consult|obtain)(?=[A-Z_])")
_NUMBERS = {"nir": "fr.nir", "siren": "fr.siren", "siret": "fr.siret", "iban": "iban", "tva": "fr.tva"}
"""Names whose check digits python-stdnum knows."""
_MEANINGS = (
    ("not-found", re.compile(r"UNKNOWN|NOT_?FOUND|NO_?SUCH|INCONNU|ABSENT|MISSING_?RECORD", re.IGNORECASE)),
    ("withheld", re.compile(r"WITHHELD|CONFIDENTIAL|PROTECTED", re.IGNORECASE)),
    ("busy", re.compile(r"BUSY|TOO_?MANY|MAX_|QUOTA|RATE", re.IGNORECASE)),
    ("late", re.compile(r"TIME_?OUT", re.IGNORECASE)),
    ("down", re.compile(r"UNAVAILABLE|OUT_OF_ORDER|MAINTENANCE", re.IGNORECASE)),
    ("refused-us", re.compile(r"UNAUTHORI[SZ]ED|FORBIDDEN|ACCESS_?DENIED|CREDENTIAL|BLOCKED", re.IGNORECASE)),
    ("misconfigured", re.compile(r"BAD_?REQUEST|INVALID", re.IGNORECASE)),
)


@dataclass(frozen=True)
class LookupGuess:
    """An operation that answers one object for few simple parameters."""

    operation: str
    record: str
    scheme: str
    pattern: str
    check: str | None
    parameters: Mapping[str, str]  # where a group cannot have the parameter's name
    path: str
    same: str | None
    answers: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class TableGuess:
    """An operation whose answer is a list of objects, at `rows`."""

    name: str
    operation: str
    parameters: Mapping[str, Any]
    rows: str


def lookup_of(asked: Prepared, registry: str) -> LookupGuess | None:
    """Return the lookup that an operation looks like, None where it looks like none."""
    wanted = _identifying(asked)
    if wanted is None or asked.operation.output is None or rows_of(asked) is not None:
        return None
    answer = of_message(asked, asked.answers)
    place, way, optional = answer, list[str](), False
    while len(keys := keys_at(place)) == 1:
        [(key, inner)] = keys.items()
        if inner.many or inner.simple is not None or not keys_at(inner):
            break
        place, optional = inner, optional or not inner.required
        way.append(key)
    if not keys_at(place):
        return None
    names = {key: f"part{number}" if not _GROUP.fullmatch(key) else key for number, key in enumerate(wanted, 1)}
    first = next(iter(wanted))
    record = _camel(way[-1] if way else _VERBS.sub("", asked.operation.name))
    alone = len(wanted) == 1
    pattern = "/".join(f"(?P<{names[key]}>{_pattern(simple)})" for key, simple in wanted.items())
    if takes_long(pattern):  # each alone does not
        pattern = "/".join(f"(?P<{names[key]}>{_any(simple)})" for key, simple in wanted.items())
    return LookupGuess(
        operation=asked.operation.name,
        record=record if record not in RECORDS else _camel(registry) + record,
        scheme=re.sub(r"[^a-z0-9_-]", "", first.lower()).lstrip("0123456789_-") if alone else record.lower(),
        pattern=pattern,
        check=_NUMBERS.get(first.lower()) if alone else None,
        parameters={key: f"{{{name}}}" for key, name in names.items() if key != name},
        path="/".join(way),
        same=first if alone and first in (there := keys_at(place)) and there[first].simple is not None else None,
        answers=tuple(_none(answer, "/".join(way), optional=optional)),
    )


_GROUP = re.compile("[A-Za-z_][A-Za-z0-9_]*")


def _identifying(asked: Prepared) -> Mapping[str, Simple] | None:
    """Return the parameters that say which record is wanted, None where they do not look like it."""
    element = asked.asks.element
    if asked.asks.attached:
        return None
    if element is not None and element.shape.is_text and element.shape.simple is not None:
        return {local(element.tag): element.shape.simple}
    keys = keys_at(of_message(asked, asked.asks))
    wanted = {key: place for key, place in keys.items() if place.required} or (keys if len(keys) == 1 else {})
    simple = {key: place.simple for key, place in wanted.items() if place.simple is not None and not place.many}
    if not 1 <= len(simple) <= MOST_PARAMETERS or len(simple) != len(wanted) or any(map(pages, simple)):
        return None
    return simple


def _pattern(simple: Simple) -> str:
    """Return a pattern of Python for a parameter that has one by its schema, else one for any word."""
    if values := simple.facets.get("enumeration"):
        written = "|".join(re.escape(value) for value in values)
    else:
        written = "|".join(simple.facets.get("pattern", ()))
    try:
        if written and written.isprintable():
            return in_python(written)
    except NotRead:
        pass
    return _any(simple)


def _any(simple: Simple) -> str:
    return "[0-9]{1,18}" if _is_number(simple) else "[^/ ]{1,100}"


def _is_number(simple: Simple) -> bool:
    try:
        return isinstance(simple.read("1"), int) and not isinstance(simple.read("1"), bool)
    except (ValueError, ArithmeticError):
        return False


def _none(answer: Place, path: str, *, optional: bool) -> Iterator[Mapping[str, Any]]:
    """Yield what looks like an answer that has no record."""
    for key, place in keys_at(answer).items():
        if (
            place.simple is not None
            and place.simple.base == "boolean"
            and re.search("(?i)valid|found|exist|known", key)
        ):
            yield {"path": key, "equals": False, "is": "not-found"}
    if optional:
        yield {"path": path, "absent": True, "is": "not-found"}


def _camel(name: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", name)
    made = "".join(word[:1].upper() + word[1:] for word in words).lstrip("0123456789")
    return made[:1].upper() + made[1:] or "Record"


# --- tables ----------------------------------------------------------------------------------------------------------


def table_of(client: SoapClient, asked: Prepared) -> TableGuess | None:
    """Return the table that an operation looks like, None where it looks like none or its rows cannot be streamed."""
    rows = rows_of(asked)
    if rows is None:
        return None
    try:
        scanned(client, asked.operation.name, rows)
    except (Misconfigured, Unsupported):
        return None
    name = re.sub(r"[^a-z0-9_-]", "", rows.split("/")[-1].lower()).lstrip("0123456789_-") or "rows"
    return TableGuess(name, asked.operation.name, parameters_of(asked), rows)


def rows_of(asked: Prepared) -> str | None:
    """Return the path to the list of objects that an answer mainly is, None where it is none."""
    if asked.operation.output is None:
        return None
    place, way = of_message(asked, asked.answers), list[str]()
    while True:
        keys = keys_at(place)
        lists = [key for key, each in keys.items() if each.many and each.simple is None and keys_at(each)]
        if len(lists) == 1 and len(keys) <= 1 + BESIDE_A_LIST:
            return "/".join([*way, lists[0]])
        objects = [key for key, each in keys.items() if not each.many and each.simple is None and keys_at(each)]
        if len(objects) != 1 or len(keys) > 1 + BESIDE_A_LIST or len(way) > MOST_PARAMETERS:
            return None
        way.append(objects[0])
        place = keys[objects[0]]


# --- faults ----------------------------------------------------------------------------------------------------------


def faults_of(asked: Prepared) -> dict[str, str | None]:
    """Return the codes that the declared faults of an operation can have, each with what it looks like, or None."""
    found: dict[str, str | None] = {}
    for element in asked.faults.values():
        code = keys_at(of_element(element)).get("code")
        values = code.simple.facets.get("enumeration", ()) if code is not None and code.simple is not None else ()
        for value in values:
            found[value] = next((outcome for outcome, form in _MEANINGS if form.search(value)), None)
    return found
