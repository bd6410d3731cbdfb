"""What an answer of a declared REST registry means: the table `answers`, then its status, and nothing by guess."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors import http
from connectors.errors import Unreadable
from connectors.outcomes import of_outcome
from connectors.rest.paths import NotEvaluated, place
from connectors.rest.reading import Number, is_of, json_value, unreadable
from connectors.rest.settings import AnswerRule

NOT_JSON = object()
"""Stands for the value of an answer that is no JSON."""


def judge(rules: Sequence[AnswerRule], answer: http.Response, registry: str, value: Any = NOT_JSON) -> None:
    """Raise the error that an answer is; return where it is status 200 and no rule speaks of it.

    `value` is its JSON where the caller has read that already. Where no rule fits, 401, 403, 429 and 5xx mean what they
    say, and any other status is Unreadable: a 404 of a proxy or of a moved path is no «not found».
    """
    if value is NOT_JSON and any(rule.path is not None for rule in rules) and is_of(answer.content_type, "json"):
        try:
            value = json_value(answer.body, registry)
        except Unreadable:
            value = NOT_JSON
    refusal = http.refusal(answer, registry)
    for rule in rules:
        if _fits(rule, answer, value):
            raise of_outcome(rule.outcome, registry, None if refusal is None else refusal.retry_in)
    if answer.status != 200:
        raise refusal or _untold(answer.status, registry)


def _untold(status: int, registry: str) -> Unreadable:
    hint = "is: not-found" if status in (204, 404, 410) else "is: …"
    return Unreadable(
        f"{registry} answered HTTP {status}, which no rule under `answers` explains; where that is how it says so, declare"
        f" it: {{status: {status}, path: …, equals: …, {hint}}}",
        registry=registry,
    )


def _fits(rule: AnswerRule, answer: http.Response, value: Any) -> bool:
    """Tell whether an answer has all that a rule says."""
    return (
        rule.status in (None, answer.status)
        and rule.content_type in (None, answer.content_type)
        and (rule.text is None or answer.body.strip() == rule.text.strip().encode())
        and (rule.path is None or _stands(rule, rule.path, answer, value))
    )


def _stands(rule: AnswerRule, path: str, answer: http.Response, value: Any) -> bool:
    """Tell whether what a rule says stands at its path. What is absent counts in an answer that else would be one."""
    if value is NOT_JSON:
        return False
    try:
        found = place(path).of(value)
    except NotEvaluated:
        return False
    if rule.absent:
        return (rule.status is not None or answer.status == 200) and found in (None, [])
    return _equals(found, rule.equals)


def _equals(found: Any, wanted: bool | int | str | None) -> bool:
    """Compare as values of JSON: true is not 1, "16" is not 16; a number is compared by its value."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(wanted, int) and isinstance(found, Number | int | float):
        try:
            return Decimal(found.decode() if isinstance(found, Number) else found) == wanted
        except InvalidOperation:
            return False
    return isinstance(wanted, str) and isinstance(found, str) and found == wanted


def listed(value: Any, at: str | None, registry: str) -> list[Any]:
    """Return the list that stands at a place of a page's JSON, the page itself where none is said. Raises Unreadable."""
    try:
        found = value if at is None else place(at).of(value)
    except NotEvaluated as error:
        raise unreadable(registry, "json", str(error)) from error
    if not isinstance(found, list):
        where = "it" if at is None else f"what stands at «{at}»"
        raise unreadable(registry, "json", f"{where} is no list of rows, and no rule under `answers` explains it")
    return found


def text_at(value: Any, at: str, registry: str) -> str | None:
    """Return the text or number that stands at a place, None where nothing does. Raises Unreadable."""
    try:
        found = place(at).of(value)
    except NotEvaluated as error:
        raise unreadable(registry, "json", str(error)) from error
    if found is None or isinstance(found, str):
        return found
    if isinstance(found, Number):
        return found.decode()
    if type(found) is int:
        return str(found)
    if isinstance(found, Mapping) and isinstance(found.get("href"), str):  # JSON:API lets a link be an object
        return str(found["href"])
    raise unreadable(registry, "json", f"what stands at «{at}» is no text")
