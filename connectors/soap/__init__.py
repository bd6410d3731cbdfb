"""Registries that have a WSDL, declared without Python: the shapes of records and tables come from its schema.

A real registry with quirks has a file of its own, which asks by `SoapClient` too. How XML becomes JSON, and what is
read at all, stands in docs/soap.md.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors import variables
from connectors.carried import NOTHING, Carried, words_in
from connectors.deadline import Deadline
from connectors.errors import Misconfigured, Unreadable
from connectors.extras import report
from connectors.outcomes import of_outcome
from connectors.registry import Answer, Registry, Settings
from connectors.soap import blanks, bulk, outcomes
from connectors.soap.client import SoapClient
from connectors.soap.declared import GROUP, VARIABLE, Declared, Problem, Question
from connectors.soap.faults import SoapFault
from connectors.soap.held import held
from connectors.soap.identity import misplaced, who
from connectors.soap.places import ABSENT, Several, taken
from connectors.soap.settings import LookupSettings, SoapSettings
from connectors.soap.values import json_of


class Soap(Registry):
    """Any registry that has a WSDL: one record by an identifier, and tables."""

    settings_model = SoapSettings
    settings: SoapSettings

    def __init__(self, name: str, settings: Settings, root: Path) -> None:
        """As every registry. The WSDL is read here; what is wrong is in `problems`."""
        super().__init__(name, settings, root)
        self._client = SoapClient(
            root / self.settings.wsdl, name, self.settings.port, who(self.settings, root, name), self.pace
        )
        self.extras = self._client.extras
        self.personal = self.settings.personal
        self._declared = Declared(self._client, self.settings)
        if self._declared.question is not None:
            self.record = self._declared.question.record
        if self.settings.lookup is not None:
            self.schemes = (self.settings.lookup.identifier.scheme,)
            self.carries = words_in([self.settings.lookup.parameters, self.settings.lookup.headers])

    def problems(self) -> Iterator[Problem]:
        """Yield what the declaration asks for and the WSDL does not have, each with the keys where it stands."""
        left = list(blanks.left(self.settings))
        for keys, said in self._declared.problems:
            if not any(keys[: len(section)] == section for section, _, _ in left):
                yield keys, said
        yield from ((keys, said) for _, keys, said in left)
        yield from misplaced(self.settings, self.root)
        if not self._declared.problems and (reasons := self._unusable()):
            yield ("wsdl",), f"no operation of the WSDL can be used: {'; '.join(reasons)}"

    def _unusable(self) -> list[str]:
        """Return why the operations cannot be used, of three at most; nothing where one can."""
        reasons = list[str]()
        for port in self._client.description().ports:
            if self.settings.port in (None, port.name, f"{port.service}/{port.name}"):
                reasons += [f"{operation}: {why}" for operation, why in port.broken.items()]
                for operation in port.operations:
                    try:
                        self._client.prepare(operation)
                    except Misconfigured as error:
                        reasons.append(f"{operation}: {error.detail}")
                    else:
                        return []
        return reasons[:3]

    # --- the lookup --------------------------------------------------------------------------------------------------

    def lookup(self, identifier: str, deadline: Deadline) -> Answer:
        """Return the record of an identifier. Raises as `lookup_for` does."""
        return self.lookup_for(NOTHING, identifier, deadline)

    def lookup_for(self, carried: Carried, identifier: str, deadline: Deadline) -> Answer:
        """Return the record of an identifier, the registry being told what is carried.

        Raises what `SoapClient.call` raises, what a fault means by `faults`, what an answer means by `answers`, and
        Unreadable where the record is not where it is declared to be, or is another one than was asked for.
        """
        lookup, question = self.settings.lookup, self._declared.question
        if lookup is None or question is None:
            return super().lookup(identifier, deadline)
        groups = lookup.identifier.groups(identifier)
        parameters = self._filled(lookup.parameters, groups, carried) | {
            name: groups[name] for name in question.groups if name in groups
        }
        headers, address = self._filled(lookup.headers, groups, carried), self.address(self.settings.url)
        try:
            reply = self._client.call(lookup.operation, parameters, address=address, deadline=deadline, headers=headers)
        except SoapFault as fault:
            raise outcomes.of_fault(self.settings.faults, fault, self.name, lookup.operation) from fault
        if (error := outcomes.of_answer(self.settings.answers, reply.value, self.name)) is not None:
            raise error
        return Answer(self._record(lookup, question, reply.value, identifier))

    def _record(self, lookup: LookupSettings, question: Question, answer: Any, identifier: str) -> Any:
        try:
            found = taken(answer, lookup.path, one=True)
        except Several as error:
            if lookup.identifier.fields is not None:
                raise of_outcome("ambiguous", self.name) from error
            raise self._unreadable("with several records instead of one") from error
        if not isinstance(found, Mapping):
            raise self._unreadable("without a record, which no rule under `answers` explains")
        if lookup.same is not None:
            check, told = question.record.identifiers[lookup.identifier.scheme], taken(found, lookup.same)
            try:
                same = check(str(json_of(told))) == identifier if told is not ABSENT else False
            except ValueError:
                same = False
            if not same:
                raise self._unreadable("about another record than the one asked for")
        if not lookup.fields:  # the schema's own, all of them
            for key in found.keys() - set(question.fields.values()):
                report(self.extras, self.name, f"{lookup.operation}: {key}, which {lookup.record} has no field for")
        values = {name: taken(found, path) for name, path in question.fields.items()}
        return question.record(**{name: value for name, value in values.items() if value is not ABSENT})

    def _unreadable(self, what: str) -> Unreadable:
        return Unreadable(f"{self.name} answered {what}", registry=self.name)

    def _filled(self, value: Any, groups: Mapping[str, str], carried: Carried = NOTHING) -> Any:
        """Return declared parameters with groups, variables and words in their places. Raises Misconfigured."""
        if isinstance(value, Mapping):
            kept = ((key, each) for key, each in value.items() if not _is_unmatched(each, groups))
            return {key: self._filled(each, groups, carried) for key, each in kept}
        if isinstance(value, list):
            return [self._filled(each, groups, carried) for each in value]
        if isinstance(value, str) and (match := VARIABLE.fullmatch(value)):
            return variables.said(match[1], self.name, carried)
        if isinstance(value, str) and (match := GROUP.fullmatch(value)):
            return groups.get(match[1], value)
        return value

    # --- tables ------------------------------------------------------------------------------------------------------

    def scan(self, table: str | None, after: str | None = None) -> pa.RecordBatchReader:
        """Return the rows of a declared table as they arrive. Raises Misconfigured, and as `lookup` does."""
        if (wrong := self.check(table)) is not None:
            raise Misconfigured(wrong, registry=self.name)
        settings, what = self.settings.tables[table or ""], self._declared.tables[table or ""]
        parameters, headers = self._filled(settings.parameters, {}), self._filled(settings.headers, {})
        address, deadline = self.address(self.settings.url), Deadline.after(settings.seconds)
        try:
            return bulk.scan(self._client, what, parameters, address=address, deadline=deadline, headers=headers)
        except SoapFault as fault:
            raise outcomes.of_fault(self.settings.faults, fault, self.name, settings.operation) from fault

    def check(self, table: str | None) -> str | None:
        """Return what is wrong with a table's name, None if it is one of `tables`."""
        if table in self.settings.tables:
            return None
        said = "say which table to read" if table is None else f"no table {table}"
        return f"{self.name}: {said}; it has: {', '.join(self.settings.tables) or 'none'}"

    def columns(self, table: str | None) -> Mapping[str, frozenset[str]] | None:
        """Return the columns of a table, each with the types of column that can hold its values as they come."""
        return held(self._declared.tables[table]) if table in self._declared.tables else None


def _is_unmatched(value: Any, groups: Mapping[str, str]) -> bool:
    """Tell whether a value is an optional group of the pattern that is not in this identifier: it is left out."""
    match = GROUP.fullmatch(value) if isinstance(value, str) else None
    return match is not None and match[1] not in groups
