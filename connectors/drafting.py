"""What `beffroi connector add` found in a source, and the files that it proposes: the same for every kind."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

FILL_IN = "FILL_IN"
"""Stands in a draft for a value that only a person knows; no declaration that has one is loaded."""


@dataclass(frozen=True)
class Seen:
    """One thing that was found (a table, an operation, a file), what is believed of it, and by what evidence."""

    name: str
    about: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A proposed `registries/NAME.yaml`, and a proposed `datasets/TABLE.yaml` per table.

    In the texts of datasets `owner: FILL_IN` stands for the organisation. `notes` are for whoever reads the draft.
    """

    declaration: str
    datasets: Mapping[str, str] = field(default_factory=dict)
    seen: tuple[Seen, ...] = ()
    notes: tuple[str, ...] = ()


def entry_name(text: str) -> str:
    """Return a text as a name of an entry (small letters, digits, _): `Prêts & dons 2024` is `prets_dons_2024`."""
    import unicodedata

    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return name if re.match(r"[a-z]", name) else f"t_{name}".rstrip("_")


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
