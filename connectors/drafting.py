"""What `beffroi connector add` found in a source, and the files that it proposes: the same for every kind."""

import importlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.errors import InvalidRequest
from connectors.registry import Registry

FILL_IN = "FILL_IN"
"""Stands in a draft for a value that only a person knows; no declaration that has one is loaded."""


EXPECT = (
    "# A run with no row, or with more than one in twenty refused, makes no version: say what you know of it.",
    "expect: {rows: {min: 1}, refused: {max: 0.05}}",
)
"""The lines at the end of each drafted dataset: what nobody has read yet must not publish an empty table."""


@dataclass(frozen=True)
class Seen:
    """One thing that was found (a table, an operation, a file), what is believed of it, and by what evidence."""

    name: str
    about: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A proposed `registries/NAME.yaml`, and proposed `datasets/TABLE.yaml` and `lookups/NAME.yaml`.

    In the texts of datasets `owner: FILL_IN` stands for the organisation. `notes` are for whoever reads the draft.
    """

    declaration: str
    datasets: Mapping[str, str] = field(default_factory=dict)
    lookups: Mapping[str, str] = field(default_factory=dict)
    seen: tuple[Seen, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """One thing that was tested on a registry: its name, whether it holds, and what to know about it."""

    name: str
    ok: bool
    detail: str = ""


def draft(kind: str, source: str, name: str, root: Path, **options: Any) -> Draft:
    """Look at a source and draft its declaration as the registry `name` of the workspace `root`; nothing is written.

    `kind` is rest, sql or files, and `options` are those of its own `draft`. Raises InvalidRequest for a name or a
    source that is none, and what asking it raises.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        raise InvalidRequest("a registry's name is small letters a to z, digits, - and _, a letter first")
    made: Draft = importlib.import_module(f"connectors.{kind}.draft").draft(source, name, root, **options)
    return made


def conformance(registry: Registry) -> Iterator[Check]:
    """Yield what is tested on a database, as it is tested. Raises InvalidRequest for a registry that is none."""
    from connectors.sql import Sql
    from connectors.sql.conformance import checks

    if not isinstance(registry, Sql):
        raise InvalidRequest(f"{registry.name} is no database: `beffroi check --online` asks every other registry")
    yield from checks(registry)


def lookup_of_rows(dataset: str) -> str:
    """Return the text of a lookup that answers a row of a dataset by its key, which is one column."""
    return f"title: A row of {dataset}, by its key\nproviders:\n  - dataset: {dataset}\n"


def lookup_of_record(record: str, registry: str) -> str:
    """Return the text of a lookup that asks a registry for its record."""
    return f"title: {record}\nrecord: {record}\nproviders:\n  - registry: {registry}\n"


def entry_name(text: str) -> str:
    """Return a text as a name of an entry (small letters, digits, _): `Prêts & dons 2024` is `prets_dons_2024`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return name if re.match(r"[a-z]", name) else f"t_{name}".rstrip("_")


def counted(number: int, what: str) -> str:
    """Return how many there are of something: `1 line`, `1,200 lines`."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def blanks(value: Any, keys: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the keys under which FILL_IN is left in a declaration."""
    if isinstance(value, str) and FILL_IN in value:
        yield keys
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from blanks(each, (*keys, key))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from blanks(each, (*keys, number))
