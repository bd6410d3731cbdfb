"""Semantic versions of a dataset's columns: what others may rely on, and when it changes.

A column that goes, another type or key, and a constraint that refuses what was allowed before make a major change (a
format of texts and a foreign key are constraints too); a column that comes and a constraint that is loosened a minor
one; titles, descriptions and all else that no value rests on a patch. A major change is refused until the declaration says a greater major; the others are counted up.
Source: Semantic Versioning 2.0.0, https://semver.org
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from connectors.errors import RunFailed
from pipelines.declarations import Dataset
from pipelines.versions import FIRST, Version, described

Change = Literal["patch", "minor", "major"]
Schema = Mapping[str, Any]
"""A key and columns: what `versions.described` tells of a dataset, read from its JSON."""

Found = tuple[Change, str]

WEIGHT: Mapping[Change | None, int] = {None: 0, "patch": 1, "minor": 2, "major": 3}

OWN = ("name", "type", "constraints", "format")
"""What is compared by rules of its own; all else of a column is told, and weighs nothing."""

WORDS = {"rdfType": "RDF type", "personal": "personal-data class"}


def judge(dataset: Dataset, last: Version | None) -> tuple[str, Change | None, list[str]]:
    """Return the schema version of the version to be made after `last`, how the columns changed, and the sentences.

    Where the declaration says a `schema_version` that the last version's did not say, that is it. Raises RunFailed for
    a major change without a greater major, a declared version that goes back, and one that is too small.
    """
    if last is None:
        return dataset.schema_version or FIRST, None, []
    kind, said = change(json.loads(last.schema), json.loads(described(dataset)))
    before, wanted = last.schema_version, _after(last.schema_version, kind)
    declared = dataset.schema_version
    if kind == "major" and (declared is None or _numbers(declared)[0] <= _numbers(before)[0]):
        raise RunFailed(
            f"{dataset.name}: a breaking change of its columns: {'; '.join(said)}. Whoever reads it relies on schema"
            f" version {before}: undo the change, or declare `schema_version: {wanted}` in datasets/{dataset.name}.yaml"
        )
    if declared is None or declared == last.schema_declared:
        return wanted, kind, said
    if _numbers(declared) < _numbers(before):
        raise RunFailed(
            f"{dataset.name}: schema_version: {declared} goes back: the last version has {before}. Declare {wanted} or"
            " more, or take the key out: what breaks nothing is counted up by itself"
        )
    if kind != "major" and _numbers(declared) < _numbers(wanted):
        raise RunFailed(
            f"{dataset.name}: schema_version: {declared} is too small for a {kind} change ({'; '.join(said)}): declare"
            f" {wanted} or more, or take the key out: what breaks nothing is counted up by itself"
        )
    return declared, kind, said


def forward(last: Version, target: Version) -> tuple[str, list[str]]:
    """Return the schema version of the version that brings `target` back after `last`, and the sentences.

    It is counted forward as well: no number ever goes back, or stands for two sets of columns. A rollback is wanted, so
    that nothing is to be declared for what it breaks.
    """
    kind, said = change(json.loads(last.schema), json.loads(target.schema))
    return _after(last.schema_version, kind), said


def change(before: Schema, now: Schema) -> tuple[Change | None, list[str]]:
    """Return the gravest change from one schema to another, None where there is none, and a sentence for each.

    A schema that nothing is known of, as of a version made before schemas were kept, changed in nothing.
    """
    if not before or not now:
        return None, []
    found = list(_changes(before, now))
    gravest = max((kind for kind, _ in found), key=WEIGHT.__getitem__, default=None)
    return gravest, [said for _, said in sorted(found, key=lambda each: -WEIGHT[each[0]])]


def _numbers(version: str) -> tuple[int, int, int]:
    """Return the three numbers of a version. Raises RunFailed for what is none."""
    found = re.fullmatch(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})", version, re.ASCII)
    if found is None:
        raise RunFailed(f"schema_version: «{version}» is not three numbers, like 2.0.0")
    major, minor, patch = found.groups()
    return int(major), int(minor), int(patch)


def _after(version: str, kind: Change | None) -> str:
    major, minor, patch = _numbers(version)
    match kind:
        case "major":
            return f"{major + 1}.0.0"
        case "minor":
            return f"{major}.{minor + 1}.0"
        case "patch":
            return f"{major}.{minor}.{patch + 1}"
    return version


def _changes(before: Schema, now: Schema) -> Iterator[Found]:
    old, new = ({column["name"]: column for column in schema["columns"]} for schema in (before, now))
    if list(before["key"]) != list(now["key"]):
        yield "major", f"the key was {', '.join(before['key'])} and is {', '.join(now['key'])}"
    yield from (("major", f"the column {name} is gone") for name in old.keys() - new.keys())
    yield from (("minor", f"the column {name} is new") for name in new.keys() - old.keys())
    both = [name for name in old if name in new]
    if both != [name for name in new if name in old]:
        yield "patch", "the columns stand in another order"
    if "foreign_keys" in before:  # of a version made before they were kept, nothing is known
        yield from _foreign_keys(before["foreign_keys"], now["foreign_keys"])
    for name in both:
        if old[name]["type"] != new[name]["type"]:
            yield "major", f"{name} was of the type {old[name]['type']} and is of the type {new[name]['type']}"
        yield from _constraints(name, _held(old[name], before["key"]), _held(new[name], now["key"]))
        for word in sorted((old[name].keys() | new[name].keys()) - {*OWN}):
            if old[name].get(word) != new[name].get(word):
                yield "patch", f"the {WORDS.get(word, word)} of {name} changed"


def _held(column: Schema, key: list[str]) -> dict[str, Any]:
    """Return the constraints that a column's values meet: those of a key are there, and one column's are unique."""
    held = dict(column.get("constraints", {})) | {"format": column.get("format")}
    if column["name"] in key:
        held |= {"required": True} | ({"unique": True} if len(key) == 1 else {})
    return held


def _constraints(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Found]:
    for rule in ("required", "unique"):
        if bool(old.get(rule)) != bool(new.get(rule)):
            yield ("major", f"{name} is {rule} now") if new.get(rule) else ("minor", f"{name} is no longer {rule}")
    for rule in ("minimum", "minLength"):
        yield from _bound(name, rule, old.get(rule), new.get(rule), lower=True)
    for rule in ("maximum", "maxLength"):
        yield from _bound(name, rule, old.get(rule), new.get(rule), lower=False)
    yield from _pattern(name, old.get("pattern"), new.get("pattern"))
    yield from _format(name, old.get("format"), new.get("format"))
    yield from _enum(name, old.get("enum"), new.get("enum"))


def _bound(name: str, rule: str, old: Any, new: Any, *, lower: bool) -> Iterator[Found]:
    if old == new:
        return
    if new is None:
        yield "minor", f"{name} has no {rule} any more"
    elif old is None:
        yield "major", f"{name} has a {rule} now: {new}"
    else:
        tighter = _is_above(new, old) if lower else _is_above(old, new)
        looser = _is_above(old, new) if lower else _is_above(new, old)
        if tighter or looser:
            yield "major" if tighter else "minor", f"the {rule} of {name} was {old} and is {new}"
        else:
            yield "patch", f"the {rule} of {name} is written otherwise: {new}"


def _is_above(one: Any, other: Any) -> bool:
    """Tell whether a bound is above another: as numbers where both are, else as the texts of dates are ordered."""
    try:
        return float(one) > float(other)
    except (TypeError, ValueError):
        return str(one) > str(other)


def _pattern(name: str, old: str | None, new: str | None) -> Iterator[Found]:
    """What two patterns allow cannot be compared: another one may refuse what was allowed."""
    if old == new:
        return
    if new is None:
        yield "minor", f"{name} may look like anything now"
    else:
        yield "major", f"the pattern of {name} {'changed: it' if old else 'is new: a value'} must look like {new}"


def _format(name: str, old: str | None, new: str | None) -> Iterator[Found]:
    """The format that is told of a text: what has another form is refused."""
    if old == new:
        return
    if new is None:
        yield "minor", f"{name} no longer has the format {old}"
    else:
        yield "major", f"{name} must have the format {new} now"


def _foreign_keys(old: list[list[str]], new: list[list[str]]) -> Iterator[Found]:
    for column, other, target in (key for key in new if key not in old):
        yield "major", f"{column} must stand in {other} now, as {target}"
    for column, other, target in (key for key in old if key not in new):
        yield "minor", f"{column} need not stand in {other} any more, as {target}"


def _enum(name: str, old: list[Any] | None, new: list[Any] | None) -> Iterator[Found]:
    if new is None:
        if old is not None:
            yield "minor", f"{name} may be any value now"
        return
    if old is None:
        yield "major", f"{name} may only be one of {', '.join(map(str, new))} now"
        return
    gone, come = [value for value in old if value not in new], [value for value in new if value not in old]
    if gone:
        yield "major", f"{name} may no longer be {', '.join(map(str, gone))}"
    if come:
        yield "minor", f"{name} may also be {', '.join(map(str, come))}"
