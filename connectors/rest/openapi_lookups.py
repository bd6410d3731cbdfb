"""Operations that look like lookups: one object for one identifier. Nothing is asked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from connectors.drafting import FILL_IN, entry_name
from connectors.identifiers import Identifier
from connectors.records import RECORDS, Record
from connectors.rest.openapi import Document
from connectors.rest.openapi_leaves import Leaf, Path, jmes, leaves, normal, snake
from connectors.rest.openapi_operations import Operation, Outcome, Parameter
from connectors.rest.openapi_tables import rows_of

_NUMBERS = {"siren": ("fr.siren", r"\d{9}"), "siret": ("fr.siret", r"\d{14}"), "nir": ("fr.nir", r"[0-9AB]{15}")}
_NUMBERS |= {"lei": ("lei", r"[A-Z0-9]{18}\d{2}"), "iban": ("iban", r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")}
"""Numbers that python-stdnum checks, by the name of a parameter, each with its canonical form."""
_FORMATS = {
    "uuid": "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
    "date": r"\d{4}-\d{2}-\d{2}",
}
_ENVELOPE = {
    "header",
    "meta",
    "links",
    "jsonapi",
    "included",
    "status",
    "message",
    "code",
    "success",
    "errors",
    "version",
}
_ENVELOPE |= {"metadata", "apiversion", "statut"}
_ANY = r"[^/\s]{1,100}"
_MEANINGS = {"404": "not-found", "410": "not-found", "451": "withheld"}


@dataclass(frozen=True)
class LookupGuess:
    """A lookup that an operation looks like. `said` is its entry, `answers` the rules that tell what is no record."""

    operation: Operation
    record: str
    said: Mapping[str, Any]
    answers: Sequence[Mapping[str, Any]]
    same: Path | None
    left: Sequence[str]
    score: int
    evidence: tuple[str, ...]


def lookup_of(document: Document, operation: Operation, registry: str, names: Mapping[str, str]) -> LookupGuess | None:
    """Return the lookup that an operation looks like, None where it looks like none.

    `names` are the credentials that go in the query: they are no parameters of a lookup.
    """
    asked, answer = operation.of("path"), operation.answer
    if len(asked) != 1 or answer is None or rows_of(document, operation) is not None:
        return None
    [parameter] = asked
    if operation.template.count("{") != 1 or f"{{{parameter.name}}}" not in operation.template:
        return None
    place, node, named = _unwrapped(document, answer.schema)
    found, left = leaves(document, node)
    if not found:
        return None
    group = snake((parameter.name,))
    identifier, why = _identifier(parameter, group)
    same = _same(parameter, operation.template, found)
    said: dict[str, Any] = {"record": _record(operation, named, registry), "identifier": identifier}
    said |= {"path": operation.template.replace(f"{{{parameter.name}}}", f"{{{group}}}")}
    query = {each.name: _default(each) for each in operation.of("query") if each.required and each.name not in names}
    said |= {"query": query} if query else {}
    said |= {"record_at": jmes(place)} if place else {}
    said |= {"same": jmes(same)} if same else {}
    said |= {"fields": _fields(found)}
    answers = [rule for status, other in operation.others.items() if (rule := _rule(document, status, other))]
    alone = operation.template.endswith("}")
    score = 4 * (same is not None) + 2 * alone + bool(answers) + ("pattern" in why) - 8 * (FILL_IN in str(said))
    score -= operation.template.count("/")
    return LookupGuess(operation, str(said["record"]), said, answers, same, left, score, (why, *_told(same)))


def _told(same: Path | None) -> tuple[str, ...]:
    return () if same is None else (f"{jmes(same)} repeats the identifier",)


def _unwrapped(document: Document, node: Any) -> tuple[Path, Any, str]:
    """Return where the object stands that an answer is about, its schema, and the name that is nearest to it."""
    place: Path = ()
    schema = document.schema(node)
    named = schema.name
    for _ in range(3):
        inner = [key for key in schema.properties if normal(key) not in _ENVELOPE and key.isprintable()]
        below = document.schema(schema.properties[inner[0]]) if len(inner) == 1 else None
        if below is None or below.type != "object" or not below.properties:
            break
        place, node, schema = (*place, inner[0]), schema.properties[inner[0]], below
        named = below.name or (inner[0] if normal(inner[0]) != "data" else named)
    return place, node, named


def _identifier(parameter: Parameter, group: str) -> tuple[dict[str, Any], str]:
    check, form = _NUMBERS.get(normal(parameter.name), (None, None))
    tried = [(form, f"{check} of python-stdnum")] if form else _patterns(parameter)
    for form, why in tried:
        said: dict[str, Any] = {"scheme": group, "pattern": f"(?P<{group}>{form})"} | (
            {"check": check} if check else {}
        )
        try:
            Identifier.model_validate(said)
        except ValidationError:
            continue
        return said, f"{parameter.name}: {why}"
    return {"scheme": group, "pattern": f"(?P<{group}>{_ANY})"}, f"{parameter.name}: no form told: any word is taken"


def _patterns(parameter: Parameter) -> list[tuple[str, str]]:
    """Return the forms that a parameter's schema tells, the strictest first."""
    schema, found = parameter.schema, list[tuple[str, str]]()
    pattern = schema.text("pattern")
    bare = re.sub(r"(?<!\\)\$$", "", pattern.removeprefix("^"))
    if bare and bare.isprintable() and not re.search(r"(?<!\\)(?<!\[)[\^$]|\(\?", bare):
        found.append((bare, "pattern of its schema"))
    values = schema.said.get("enum")
    if isinstance(values, list) and 0 < len(values) <= 50 and all(isinstance(each, str | int) for each in values):
        found.append(("|".join(re.escape(str(each)) for each in values), "the values of its schema"))
    if schema.format in _FORMATS:
        found.append((_FORMATS[schema.format], f"format {schema.format}"))
    if schema.type == "integer":
        found.append((r"\d{1,18}", "a whole number"))
    least, most = schema.number("minLength"), schema.number("maxLength")
    example = parameter.example if parameter.example is not None else schema.said.get("example")
    digits = str(example) if isinstance(example, str) and re.fullmatch("[0-9]{2,30}", example, re.ASCII) else ""
    if most is not None and 0 < most <= 100:
        least = most if least == most else max(least or 1, 1)
        sign = r"\d" if len(digits) == most else r"[^/\s]"
        found.append((f"{sign}{{{least}}}" if least == most else f"{sign}{{{least},{most}}}", "its length"))
    if isinstance(example, str) and re.fullmatch(r"[A-Z]{1,10}[-_.]?[0-9]{2,20}", example, re.ASCII):
        letters = re.match("[A-Z]+", example)
        rest = example[letters.end() :] if letters else ""
        sign = rf"\{rest[0]}" if rest[0] == "." else rest[0].strip("0123456789")
        form = rf"[A-Z]{{{len(example) - len(rest)}}}{sign}\d{{{len(rest) - (not rest[0].isdigit())}}}"
        found.append((form, "its example: check it"))
    if digits:
        found.append((rf"\d{{{len(digits)}}}", "its example, which is of digits: check it"))
    return found


def _same(parameter: Parameter, template: str, found: Sequence[Leaf]) -> Path | None:
    """Return the value that repeats the identifier: of the parameter's name, or an `id` where it is of an `…id`."""
    name = normal(parameter.name)
    last = normal(template.replace(f"{{{parameter.name}}}", "").rstrip("/").rpartition("/")[2])
    wanted = [name] + (["id"] if name.endswith("id") or name in (last, last.removesuffix("s")) else [])
    for each in wanted:
        for leaf in sorted(found, key=lambda leaf: len(leaf.path)):
            if normal(leaf.path[-1]) == each and leaf.type in ("string", "integer"):
                return leaf.path
    return None


def _record(operation: Operation, named: str, registry: str) -> str:
    fixed = [part for part in operation.template.split("/") if "{" not in part]
    single = re.sub(r"(?<=[^\W_])(?<![isu])s(?![^\W_])", "", (fixed or [registry])[-1])  # unites_legales, not status
    name = camel(named) or camel(single) or "Answer"
    return name if name not in RECORDS else f"{camel(registry)}{name}"


def camel(text: str) -> str:
    """Return a text as the name of a record: `unite_legale` is `UniteLegale`."""
    words = re.findall(r"[A-Za-z0-9]+", entry_name(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text))) if text else []
    return "".join(word[:1].upper() + word[1:] for word in words).lstrip("0123456789")[:60]


def _fields(found: Sequence[Leaf]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for leaf in found:
        path = leaf.path[1:] if leaf.path[0] == "attributes" and leaf.path[1:] else leaf.path
        plain = snake(path)
        taken = hasattr(Record, plain) or plain in Record.__class_vars__ or plain.startswith("model_")
        name = wanted = f"own_{plain}" if taken else plain
        number = 2
        while name in fields:
            name, number = f"{wanted}_{number}", number + 1
        said: dict[str, Any] = {"from": jmes(leaf.path)}
        said |= {"type": leaf.type} if leaf.type != "string" else {}
        said |= {"required": True} if leaf.never_null else {}
        said |= {"personal": True} if leaf.personal else {}
        fields[name] = said if len(said) > 1 else said["from"]
    return fields


def _default(parameter: Parameter) -> str | int:
    value = parameter.default
    if isinstance(value, bool):
        return str(value).lower()
    fits = isinstance(value, int) or (isinstance(value, str) and value.isprintable() and "{" not in value and value)
    return value if fits else FILL_IN


def _rule(document: Document, status: str, outcome: Outcome) -> dict[str, Any] | None:
    """Return what an answer of a status means, told by more than the status: a proxy says 404 too."""
    if status not in _MEANINGS:
        return None
    rule: dict[str, Any] = {"status": int(status)}
    found, _ = leaves(document, outcome.schema)
    for leaf in found:
        values = leaf.schema.said.get("enum", [leaf.schema.said.get("const")])
        if isinstance(values, list) and len(values) == 1 and isinstance(values[0], str | int):
            rule |= {"path": jmes(leaf.path), "equals": values[0]}
            break
    else:
        rule |= {"content_type": outcome.media} if outcome.media not in ("", "*/*") else {}
    return rule | {"is": _MEANINGS[status]}
