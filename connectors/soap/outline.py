"""Operations as lines of text: what they are asked with, what they answer, and a call to try."""

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from connectors.soap.describe import Described, DescribedOperation
from connectors.soap.words import plain

STEP = "  "


def of_operation(operation: DescribedOperation, command: str) -> Iterator[str]:
    """Yield an operation's lines; `command` is the call of it."""
    yield plain(operation.name) + (f": {operation.documentation}" if operation.documentation else "")
    parts = (
        ("asked with", operation.parameters),
        ("headers", operation.headers),
        ("answers", () if operation.answer is None else operation.answer.fields or (operation.answer,)),
        ("with headers", operation.answer_headers),
        ("or the fault", operation.faults),
    )
    for title, fields in parts:
        if fields:
            yield f"{STEP}{title}"
            yield from of_fields(fields, STEP * 2)
    if not operation.parameters:
        yield f"{STEP}asked with nothing"
    if operation.answer is None:
        yield f"{STEP}answers nothing"
    yield f"{STEP}try"
    yield STEP * 2 + command


def of_fields(fields: Iterable[Described], indent: str = "") -> Iterator[str]:
    """Yield a line for each key, and deeper the keys within it."""
    for each in fields:
        yield f"{indent}{plain(each.key)}{': ' if each.key else ''}{in_words(each)}"
        yield from of_fields(each.fields, indent + STEP)


def in_words(described: Described) -> str:
    """Return what stands under a key: type, whether it must be there, rules, documentation."""
    kind = f"list of {described.type}" if described.many else described.type
    place = [] if described.many or not described.key else ["required" if described.required else "optional"]
    hint = ["looks personal"] if described.personal else []
    said = ", ".join([kind, *place, *described.rules, *hint])
    return f"{said}. {described.documentation}" if described.documentation else said


def call_of(registry: str, operation: DescribedOperation, *, personal: bool) -> str:
    """Return the command that asks an operation with its example."""
    words = ["beffroi", "connector", "call", registry, operation.name]
    if operation.example is None:
        words += ["--parameters", "…"]
    elif all(map(_is_plain, operation.example.values())):
        words += [f"{key}={text}" for key, value in operation.example.items() for text in _texts(value)]
    else:
        words += ["--parameters", json.dumps(operation.example)]
    if operation.headers:
        words += ["--headers", json.dumps({each.key: _said(each) for each in operation.headers}, ensure_ascii=False)]
    words += ["--purpose", "PURPOSE"] if personal else []
    why = f"   # no example: {plain(operation.no_example)}" if operation.example is None else ""
    return " ".join(word if word == "…" else shlex.quote(word) for word in map(_printable, words)) + why


def _said(header: Described) -> Any:
    """Return what is to be said under a header: a name in capitals for each text that must be there."""
    wanted = {each.key: _said(each) for each in header.fields if each.required}
    value = wanted or header.key.upper()
    return [value] if header.many else value


def _printable(word: str) -> str:
    return word if word.isprintable() else plain(word)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(not isinstance(each, list) and _is_plain(each) for each in value)
    return not isinstance(value, Mapping) and value is not None and str(value).isprintable()


def _texts(value: Any) -> list[str]:
    return [
        str(each).lower() if isinstance(each, bool) else str(each)
        for each in (value if isinstance(value, list) else [value])
    ]
