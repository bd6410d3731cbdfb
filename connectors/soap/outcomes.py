"""What a declared SOAP registry's fault, or an answer without a record, means: the tables `faults` and `answers`."""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from connectors.errors import BeffroiError, Unreadable
from connectors.outcomes import of_outcome
from connectors.soap.faults import SoapFault
from connectors.soap.names import local
from connectors.soap.places import ABSENT, Several, taken
from connectors.soap.settings import AnswerRule, FaultRule
from connectors.soap.values import BUILTINS, normalised


def of_fault(rules: Sequence[FaultRule], fault: SoapFault, registry: str, operation: str) -> BeffroiError:
    """Return the error that a fault is by the first rule that fits; Unreadable where none does: nothing is guessed."""
    for rule in rules:
        if _fits(rule, fault):
            return of_outcome(rule.outcome, registry)
    return Unreadable(
        f"{registry} answered {operation} with a fault whose meaning is not declared under `faults`", registry=registry
    )


def of_answer(rules: Sequence[AnswerRule], value: Any, registry: str) -> BeffroiError | None:
    """Return the error that an answer is by the first rule that fits, None where it has a record."""
    for rule in rules:
        try:
            found = taken(value, rule.path, one=True)
        except Several:
            continue
        if (found is ABSENT) if rule.absent else _equals(found, rule.equals):
            return of_outcome(rule.outcome, registry)
    return None


_TYPES: Mapping[type, str] = {
    bool: "boolean",
    int: "integer",
    Decimal: "decimal",
    float: "double",
    dt.datetime: "dateTime",
    dt.date: "date",
    dt.time: "time",
    bytes: "base64Binary",
}
"""The builtin type by which a declared value is read, from the type of the value that came; others are texts."""


def _equals(found: Any, wanted: Any) -> bool:
    """Compare as values of the type that came: 0, "0" and "0.00" equal a decimal 0; true is not 1."""
    if isinstance(found, str):
        return isinstance(wanted, str) and str(found) == wanted
    name = _TYPES.get(type(found))
    if name is None:  # absent, an object, a list
        return False
    builtin = BUILTINS[name]
    try:
        return bool(builtin.read(normalised(builtin.write(wanted), builtin.space)) == found)
    except (TypeError, ValueError, ArithmeticError):
        return False


def _fits(rule: FaultRule, fault: SoapFault) -> bool:
    """Tell whether a fault has all that a rule says; a code `Client` stands for `Client.Anything` too."""
    if rule.code is not None and not f"{'.'.join((fault.code, *fault.subcodes))}.".startswith(f"{rule.code}."):
        return False
    if rule.words is not None and fault.message.strip() != rule.words.strip():
        return False
    if rule.path is not None:
        details = {local(tag): detail for tag, detail in fault.details.items()}
        try:
            if not _equals(taken(details, rule.path, one=True), rule.equals):
                return False
        except Several:
            return False
    return rule.detail is None or rule.detail in (fault.detail_code, *map(local, fault.details))
