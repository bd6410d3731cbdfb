"""The drafts of datasets for tables of a database: `datasets/TABLE.yaml`, from what the database says of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from connectors.drafting import EXPECT, FILL_IN
from connectors.sql.catalogue import Told
from connectors.sql.engine import Column, Table
from connectors.yaml_text import block, flow, prose, scalar

_CHANGED = re.compile(r"modif|maj|mise_?a_?jour|updat|chang|actuali|last_?mod|horodat|derniere", re.IGNORECASE)

_TYPES = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_integer, "integer"),
    (pa.types.is_floating, "number"),
    (pa.types.is_decimal, "number"),
    (pa.types.is_date, "date"),
    (pa.types.is_timestamp, "datetime"),
    (pa.types.is_list, "array"),
)
_WORDS = (
    (r"(big|small|tiny|medium)?int(eger)?( unsigned)?", "integer"),
    (r"real|double( precision)?|float|(numeric|decimal).*", "number"),
    (r"bool(ean)?", "boolean"),
    (r"date", "date"),
    (r"(datetime|timestamp).*", "datetime"),
)
"""What a column that comes as text is by the word that the database has for it."""


EXACT = 15
"""Digits of which a number of a dataset holds each exactly (IEEE 754, binary64)."""


WHOLE = 18
"""Digits of which an integer of a dataset holds each."""


def kind_of(column: Column) -> str:
    """Return the type of a dataset's column that holds every value of a column of the database; text where none else does."""
    said = re.match(r"(?:numeric|decimal|number) ?\((\d+)(?:, ?(\d+))?\)", column.declared.lower())
    digits = column.type.precision if pa.types.is_decimal(column.type) else int(said[1]) if said else 0
    whole = column.type.scale == 0 if pa.types.is_decimal(column.type) else bool(said and said[2] in (None, "0"))
    if whole and 0 < digits <= WHOLE:
        return "integer"
    if digits > EXACT or pa.types.is_uint64(column.type) or re.search(r"bigint.* unsigned", column.declared.lower()):
        return "string"
    typed = (kind for holds, kind in _TYPES if holds(column.type))
    words = (kind for pattern, kind in _WORDS if re.fullmatch(pattern, column.declared.lower()))
    return [*typed, *words, "string"][0]


@dataclass(frozen=True)
class Found:
    """A table with its columns, what is told of it, and the columns that look personal with the evidence."""

    entry: str
    table: Table
    columns: Sequence[Column]
    told: Told
    personal: Mapping[str, str]
    names: Mapping[str, str]

    @property
    def key(self) -> tuple[str, ...]:
        """The primary key; else a unique column that is never empty."""
        never_empty = [each.name for each in self.columns if each.name in self.told.unique - self.told.empty]
        return self.table.key or tuple(never_empty[:1])

    def kind(self, column: Column) -> str:
        """Return the type of a column: a number by which a row is named is text, since a rounded one names no row."""
        naming = {*self.key, *self.told.unique, *self.told.foreign}
        return "string" if column.name in naming and kind_of(column) == "number" else kind_of(column)

    @property
    def changed(self) -> str | None:
        """A column that looks like the moment of the last change, where rows have a key."""
        moments = [each.name for each in self.columns if kind_of(each) in ("date", "datetime")]
        return next((name for name in moments if _CHANGED.search(name)), None) if self.key else None


def dataset_of(found: Found, registry: str, targets: Mapping[str, Found]) -> str:
    """Return the text of the dataset; `targets` are all tables that have one, by their names."""
    lines = [f"title: {scalar(found.table.short or found.table.name)}", f"owner: {FILL_IN}"]
    if found.personal:
        lines += prose(f"These columns look personal: {', '.join(found.personal)}. Such a dataset cannot be open.")
    lines += [f"audience: {'owner' if found.personal else 'agents'}"]
    lines += [*block({"source": {"registry": registry, "table": found.entry}}), "schema:", "  fields:"]
    lines += [f"    - {flow(_field(found, column))}" for column in found.columns]
    key = [found.names[name] for name in found.key]
    lines += [f"  primaryKey: {FILL_IN if not key else key[0] if len(key) == 1 else flow(key)}"]
    foreign = list(_foreign_keys(found, targets))
    lines += ["  foreignKeys:", *(f"    - {flow(each)}" for each in foreign)] if foreign else []
    if long := [found.names[each.name] for each in found.columns if _is_long(each)]:
        lines += prose(f"Numbers of so many digits that only a text holds them all: {', '.join(long)}.")
    if loose := [found.names[each.name] for each in found.columns if _is_loose(each) and found.kind(each) == "number"]:
        lines += prose(
            f"Numbers whose size is not declared: {', '.join(loose)}. Those of more than {EXACT} digits are rounded, unless"
            " you say type: string.",
        )
    renamed = {own: {"from": name} for name, own in found.names.items() if own != name}
    lines += list(block({"clean": renamed})) if renamed else []
    return "\n".join([*lines, *EXPECT]) + "\n"


def _is_long(column: Column) -> bool:
    return kind_of(column) == "string" and (
        pa.types.is_decimal(column.type)
        or re.match(r"numeric|decimal|number|bigint|money", column.declared.lower()) is not None
    )


def _is_loose(column: Column) -> bool:
    return column.declared.lower() in ("numeric", "decimal", "number")


def _field(found: Found, column: Column) -> dict[str, Any]:
    kind, comment = found.kind(column), " ".join(found.told.comments.get(column.name, "").split())
    said: dict[str, Any] = {"name": found.names[column.name]} | ({"type": kind} if kind != "string" else {})
    said |= {"title": comment} if comment else {}
    must = column.name not in found.told.empty and column.name in found.told.comments
    said |= {"constraints": {"required": True}} if must or column.name in found.key else {}
    return said | ({"personal": True} if column.name in found.personal else {})


def _foreign_keys(found: Found, targets: Mapping[str, Found]) -> Iterator[dict[str, Any]]:
    """Yield the keys that lead to other drafted tables; none that lead in a circle, since one is run after the other."""
    for column, (table, other) in found.told.foreign.items():
        target = targets.get(table)
        if target is not None and other in target.names and column in found.names and not _leads(table, found, targets):
            reference = {"resource": target.entry, "fields": target.names[other]}
            yield {"fields": found.names[column], "reference": reference}


def _leads(start: str, found: Found, targets: Mapping[str, Found]) -> bool:
    """Tell whether foreign keys lead from a table to this one."""
    seen, open_ = set[str](), [start]
    while open_:
        table = open_.pop()
        if table == found.table.name:
            return True
        if table not in seen and table in targets:
            seen.add(table)
            open_ += [other for other, _ in targets[table].told.foreign.values()]
    return False
