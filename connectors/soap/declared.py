"""A declaration against its WSDL: what it asks for is found there, or told with the keys where it stands."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from connectors.carried import amiss, of_nobody, words_in
from connectors.errors import Misconfigured
from connectors.records import RECORDS, Record
from connectors.soap.annotations import Annotations
from connectors.soap.bulk import Scanned, scanned
from connectors.soap.client import SoapClient
from connectors.soap.encode import BadParameter, encode
from connectors.soap.names import local
from connectors.soap.places import NoSuchKey, Place, keys_at, of_element, of_message, place_at
from connectors.soap.prepared import Prepared
from connectors.soap.records import derive, field_names, is_kept
from connectors.soap.settings import AnswerRule, FaultRule, LookupSettings, Parameters, SoapSettings, TableSettings
from connectors.variables import NAMED

Keys = tuple[str | int, ...]
Problem = tuple[Keys, str]

GROUP, VARIABLE = re.compile(r"\{(\w+)\}"), re.compile(NAMED)
"""A text that is a group of the identifier's pattern, or a variable of the environment or of what a call carries."""


@dataclass(frozen=True)
class Question:
    """How one record is asked for: its model, where each of its fields stands, and which groups are parameters."""

    record: type[Record]
    fields: Mapping[str, str]
    groups: tuple[str, ...]


class Declared:
    """What a registry's declaration comes to. Without `problems`, all of it can be used."""

    def __init__(self, client: SoapClient, settings: SoapSettings) -> None:
        """Read the WSDL and look everything up in it."""
        self._client, self._settings = client, settings
        self.problems: list[Problem] = []
        self.question: Question | None = None
        self.tables: dict[str, Scanned] = {}
        try:
            ports = client.description().ports
        except Misconfigured as error:
            self.problems.append((("wsdl",), error.detail))
            return
        names = [(port.name, f"{port.service}/{port.name}") for port in ports]
        if settings.port is not None and not any(settings.port in each for each in names):
            there = ", ".join(whole for _, whole in names)
            self.problems.append((("port",), f"the WSDL has no port «{settings.port}»; there are: {there}"))
            return
        if settings.lookup is not None:
            self.problems += self._lookup(settings.lookup)
        elif settings.answers:
            self.problems.append((("answers",), "answers: is about a lookup, and there is none"))
        for name, table in settings.tables.items():
            self.problems += self._table(name, table)

    # --- the lookup --------------------------------------------------------------------------------------------------

    def _lookup(self, lookup: LookupSettings) -> Iterator[Problem]:
        try:
            asked = self._client.prepare(lookup.operation)
        except Misconfigured as error:
            yield ("lookup", "operation"), error.detail
            return
        groups = set(lookup.identifier.names)
        mentioned = {match[1] for text in _texts(lookup.parameters) if (match := GROUP.fullmatch(text))}
        direct = tuple(sorted(groups - mentioned))
        if unknown := sorted(mentioned - groups):
            yield ("lookup", "parameters"), f"the pattern has no group {', '.join(unknown)}{_among(groups)}"
        if not groups:
            yield ("lookup", "identifier", "pattern"), "name what of it is a parameter: (?P<name>…)"
        yield from _parameters(asked, ("lookup",), lookup.parameters, direct)
        yield from _headers(asked, ("lookup", "headers"), lookup.headers)
        for key, given in (("parameters", lookup.parameters), ("headers", lookup.headers)):
            if wrong := amiss(words_in(given)):
                yield ("lookup", key), wrong
        answer = of_message(asked, asked.answers)
        for number, rule in enumerate(self._settings.answers):
            yield from _rule(answer, rule, ("answers", number))
        for number, fault in enumerate(self._settings.faults):
            yield from _fault(asked, fault, ("faults", number))
        yield from self._record(asked, lookup, answer, direct)

    def _record(
        self, asked: Prepared, lookup: LookupSettings, answer: Place, groups: tuple[str, ...]
    ) -> Iterator[Problem]:
        if lookup.record in RECORDS:
            yield ("lookup", "record"), f"{lookup.record} is a record of Beffroi's own: give this one another name"
        try:
            place = place_at(answer, lookup.path, through_lists=True)
        except NoSuchKey as error:
            yield ("lookup", "path"), f"in the answer of {lookup.operation} {error}"
            return
        keys = keys_at(place)
        if not keys:
            where = ("lookup", "path" if lookup.path else "operation")
            there = f": leave out «{lookup.path.rpartition('/')[2]}»" if lookup.path and place.is_text else ""
            yield where, f"a record is an object with keys, and the schema describes none there{there}"
            return
        fields = dict(lookup.fields) or field_names(keys)
        found: dict[str, Place] = {}
        problems = list(_same(place, lookup))
        for name, path in fields.items():
            try:
                found[name] = place_at(place, path, through_lists=False)
            except NoSuchKey as error:
                problems.append((("lookup", "fields", name), f"in the record {error}"))
            if is_kept(name):
                problems.append((("lookup", "fields", name), f"no field can be called «{name}»: take another name"))
        yield from problems
        if not problems:
            said = Annotations(asked.reading.schemas)
            record = derive(lookup, found, said, personal=self._settings.personal)
            self.question = Question(record, fields, groups)

    # --- tables ------------------------------------------------------------------------------------------------------

    def _table(self, name: str, table: TableSettings) -> Iterator[Problem]:
        keys = ("tables", name)
        try:
            asked = self._client.prepare(table.operation)
        except Misconfigured as error:
            yield (*keys, "operation"), error.detail
            return
        problems = list(_parameters(asked, keys, table.parameters, ()))
        if any(GROUP.fullmatch(text) for text in _texts(table.parameters)):
            problems.append(((*keys, "parameters"), "a table has no identifier whose {group} could stand there"))
        if not problems and not any(VARIABLE.fullmatch(text) for text in _texts(table.parameters)):
            problems += ((((*keys, "parameters"), said)) for said in _not_sent(asked, table.parameters))
        yield from problems
        yield from _headers(asked, (*keys, "headers"), table.headers)
        for key, given in (("parameters", table.parameters), ("headers", table.headers)):
            if wrong := of_nobody(given):
                yield (*keys, key), wrong
        try:
            self.tables[name] = scanned(self._client, table.operation, table.rows, table.texts)
        except Misconfigured as error:
            yield (*keys, "texts" if self._has_rows(table) else "rows"), error.detail

    def _has_rows(self, table: TableSettings) -> bool:
        try:
            scanned(self._client, table.operation, table.rows)
        except Misconfigured:
            return False
        return True


# --- parts -----------------------------------------------------------------------------------------------------------


def _parameters(asked: Prepared, keys: Keys, given: Parameters, groups: tuple[str, ...]) -> Iterator[Problem]:
    """Yield what is wrong with fixed parameters, and with `groups` as parameters beside them."""
    place, element = of_message(asked, asked.asks), asked.asks.element
    known = keys_at(place)
    if place.is_text and element is not None:
        known = {local(element.tag): place}
    wanted, name = f"; {asked.operation.name} takes: {', '.join(known) or 'none'}", asked.operation.name
    for group in groups:
        where = (*keys, "identifier", "pattern")
        if group not in known:
            yield where, f"the group «{group}» is no parameter{wanted}"
        elif group in given:
            yield where, f"the group «{group}» stands under parameters: too, as another value"
    for key, value in given.items():
        if key not in known:
            yield (*keys, "parameters", key), f"there is no parameter «{key}»{wanted}"
        else:
            yield from (((*keys, "parameters", key), said) for said in _unfit(known[key], value))
    missing = [key for key, each in known.items() if _is_wanted(each) and key not in given and key not in groups]
    if missing:
        where = (*keys, "parameters") if given else (*keys, "operation")
        yield where, f"{name} wants the parameter {', '.join(missing)} too"


def _not_sent(asked: Prepared, parameters: Parameters) -> Iterator[str]:
    """Yield why a whole request would not be sent."""
    try:
        yield from [wrong for node in asked.asks.write(parameters) for wrong in asked.reading.schema.errors(node)][:1]
    except BadParameter as error:
        yield str(error)


def _is_wanted(place: Place) -> bool:
    if place.many:  # lists are there in every answer, and need not be in a question
        return place.element is not None and place.element.minimum > 0
    return place.required and (place.shape is not None or place.simple is not None)


def _unfit(place: Place, value: Any) -> Iterator[str]:
    """Yield why a fixed value of a simple type is none of that type; what holds more is judged when it is sent."""
    if place.simple is None or place.many or (isinstance(value, str) and (GROUP.fullmatch(value) or _is_secret(value))):
        return
    try:
        place.simple.write(value)
    except (ValueError, TypeError) as error:
        yield str(error)


def _is_secret(text: str) -> bool:
    return VARIABLE.fullmatch(text) is not None


def _headers(asked: Prepared, keys: Keys, headers: Parameters) -> Iterator[Problem]:
    for name, value in headers.items():
        if name not in asked.asked_headers:
            yield (*keys, name), f"the WSDL declares no such header{_among(asked.asked_headers)}"
        elif not any(GROUP.fullmatch(text) or _is_secret(text) for text in _texts(value)):
            try:
                wrong = asked.reading.schema.errors(encode(asked.asked_headers[name], value))
            except BadParameter as error:
                wrong = [str(error)]
            yield from (((*keys, name), said) for said in wrong[:1])


def _fault(asked: Prepared, rule: FaultRule, keys: Keys) -> Iterator[Problem]:
    if rule.path is None:
        return
    name, _, rest = rule.path.partition("/")
    details = {local(tag): element for tag, element in asked.faults.items()} | dict(asked.typed_faults)
    if name not in details:
        yield (*keys, "path"), f"the WSDL declares no such detail of a fault{_among(details)}"
        return
    try:
        place_at(of_element(details[name]), rest or None, through_lists=True)
    except NoSuchKey as error:
        yield (*keys, "path"), f"in the detail {name} {error}"


def _rule(answer: Place, rule: AnswerRule, keys: Keys) -> Iterator[Problem]:
    try:
        place = place_at(answer, rule.path, through_lists=True)
    except NoSuchKey as error:
        yield (*keys, "path"), f"in the answer {error}"
        return
    if rule.equals is not None:
        if place.simple is None:
            yield (*keys, "equals"), f"«{rule.path}» is no single value, which alone can equal something"
        yield from (((*keys, "equals"), said) for said in _unfit(replace(place, many=False), rule.equals))


def _same(record: Place, lookup: LookupSettings) -> Iterator[Problem]:
    if lookup.same is not None and lookup.identifier.fields is not None:
        yield ("lookup", "same"), "an identity is no one text that a record could repeat: leave it out"
        return
    try:
        place = None if lookup.same is None else place_at(record, lookup.same, through_lists=False)
    except NoSuchKey as error:
        yield ("lookup", "same"), f"in the record {error}"
        return
    if place is not None and (place.simple is None or place.many):
        yield ("lookup", "same"), f"«{lookup.same}» is no single value, which alone can repeat the identifier"


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a declared value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)


def _among(names: Any) -> str:
    return f"; there are: {', '.join(sorted(names)) or 'none'}"
