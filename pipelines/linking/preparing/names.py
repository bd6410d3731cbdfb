"""Names of persons: parts without particles, how they sound, what a short form stands for.

Columns: family and given (their parts, joined), given_first (the first, or one that it stands for), middle (an initial). The
others are hashes: family_parts, given_parts, family_first, family_sound, family_keys (the consonants of each part),
given_forms (of the first: itself, or what it is short for or a translation of), given_sound, given_keys, name_keys (one of the
family with one of the given, in whichever order they stand); family_bits and given_bits are sets of the parts and the forms.
"""

import functools
import re
from typing import Any

import duckdb

from pipelines.declarations import strict_yaml
from pipelines.linking.preparing.sounds import skeleton, sound
from pipelines.linking.preparing.text import over_distinct, plain
from pipelines.linking.recipe import FOLDER

WORD = re.compile("[a-z0-9']+")
ELIDED = re.compile(r"\b([dl]|dall|dell)'")

FAMILY_KEYS = ("family_parts", "family_first", "family_sound", "family_keys")
GIVEN_KEYS = ("given_parts", "given_forms", "given_sound", "given_keys")
"""Of what it is only asked whether it is the same, so that a hash will do."""

_sound = functools.cache(sound)  # most words stand in many names


@functools.cache
def _skeleton(word: str) -> str:
    return skeleton(_sound(word))


@functools.cache
def _forms() -> dict[str, list[str]]:
    """Return the names that each short or translated form may stand for."""
    found: dict[str, set[str]] = {}
    for forms in strict_yaml.load(FOLDER / "tables" / "given_names.yaml").data.values():
        for name, shorts in forms.items():
            for short in (*shorts.split(), name):
                found.setdefault(short, set()).add(name)
    return {short: sorted(names) for short, names in found.items()}


@functools.cache
def _particles() -> frozenset[str]:
    return frozenset(strict_yaml.load(FOLDER / "tables" / "particles.yaml").data["particles"].split())


@functools.cache
def _joined() -> frozenset[str]:
    return frozenset(strict_yaml.load(FOLDER / "tables" / "particles.yaml").data["joined"].split())


def family(text: str) -> dict[str, Any]:
    """Return the prepared columns of a family name: nulls where it has no letter."""
    said = plain(text)
    parts = _parts(said)
    known = {
        "family": " ".join(parts),
        "family_parts": parts,
        "family_first": parts[0] if parts else None,
        "family_sound": (_sound if said in parts else sound)(said),  # of several words together each stands once
        "family_keys": sorted({_skeleton(part) for part in parts} - {""}),
    }
    return {key: value or ([] if isinstance(value, list) and not text else None) for key, value in known.items()}


def _parts(said: str) -> list[str]:
    """Return the names in a plain family name: no particles (unless there is nothing else), d'Arc as arc, Mc Donald as one."""
    words = [word.strip("'") for word in WORD.findall(_elided(said))]
    found: list[str] = []
    joining = ""
    for word in words:
        if word in _joined():
            joining += word
        elif word.replace("'", ""):
            found.append(joining + word.replace("'", ""))
            joining = ""
    if joining:
        found.append(joining)
    return [word for word in found if word not in _particles()] or found


def _elided(text: str) -> str:
    text = text.replace("`", "'")
    return ELIDED.sub(r"\1 ", text) if "'" in text else text


def given(text: str) -> dict[str, Any]:
    """Return the prepared columns of given names: nulls where there is no letter."""
    parts = [word.replace("'", "") for word in WORD.findall(plain(text).replace("-", " ")) if word != "'"]
    forms = _forms().get(parts[0], parts[:1]) if parts else []
    known = {
        "given": " ".join(parts),
        "given_parts": parts,
        "given_forms": forms,
        "given_first": forms[0] if forms else None,
        "given_sound": _sound(parts[0]) if parts else None,
        "given_keys": sorted({_skeleton(form) for form in {*forms, *parts[:1]}} - {""}),
    }
    return {key: value or ([] if isinstance(value, list) and not text else None) for key, value in known.items()}


def whole(text: str) -> dict[str, Any]:
    """Return the family and the given names of a whole name: by its comma, by its capitals, else the last is the family's."""
    before, comma, after = text.partition(",")
    if comma:
        return {"whole_family": before, "whole_given": after}
    words = text.split()
    capitals = [word for word in words if word.isupper() and len(word) > 1]
    if capitals and len(capitals) < len(words):
        return {"whole_family": " ".join(capitals), "whole_given": " ".join(w for w in words if w not in capitals)}
    return {"whole_family": " ".join(words[-1:]), "whole_given": " ".join(words[:-1])}


def _bits(column: str) -> str:
    """Return SQL for a set of 64 bits in which each hash of a list has one: lists without a common bit share nothing."""
    bit = "1::UBIGINT << (word % 64)::INT"
    return f"list_bit_or(list_transform({column}, lambda word: {bit}))::UBIGINT"  # HUGEINT, which Parquet has not, else


def prepare(connection: duckdb.DuckDBPyConnection, records: str, into: str) -> None:
    """Make the temp table `into` of the fields family_name, second_family_name, birth_name, given_name, middle_name, name."""
    families = "nullif(concat_ws(' ', coalesce(family_name, whole_family), second_family_name, birth_name), '')"
    givens = "coalesce(given_name, whole_given)"
    over_distinct(connection, records, "name", "true", whole, f"{into}_whole")
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE {into}_texts AS SELECT n, {families} AS family_text, {givens} AS given_text,
        upper(left(trim(middle_name), 1)) AS middle FROM {records} LEFT JOIN {into}_whole ON value = name"""
    )
    over_distinct(connection, f"{into}_texts", "family_text", "true", family, f"{into}_family", FAMILY_KEYS)
    over_distinct(connection, f"{into}_texts", "given_text", "true", given, f"{into}_given", GIVEN_KEYS)
    keys = """flatten(list_transform(family_keys, lambda a: list_transform(given_keys,
        lambda b: hash(least(a, b), greatest(a, b)))))"""
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE {into} AS SELECT n, {_bits("family_parts")} AS family_bits,
        {_bits("given_forms")} AS given_bits, f.* EXCLUDE value, g.* EXCLUDE value, nullif(middle, '') AS
        middle, list_distinct({keys}) AS name_keys FROM {into}_texts
        LEFT JOIN {into}_family f ON f.value = family_text LEFT JOIN {into}_given g ON g.value = given_text"""
    )
    for part in ("whole", "texts", "family", "given"):
        connection.execute(f"DROP TABLE {into}_{part}")
    for cached in (_skeleton, _sound):
        cached.cache_clear()  # names of persons stay nowhere
