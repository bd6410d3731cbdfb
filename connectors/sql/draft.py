"""The draft of a database: `registries/NAME.yaml`, and a dataset for each of its tables, from what the database says.

Tables are listed with their sizes, keys, and the columns that look personal, with the evidence. No row is read.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pyarrow as pa
from pydantic import ValidationError

from connectors.deadline import Deadline
from connectors.drafting import Draft, Seen, counted, entry_name, lookup_of_record
from connectors.errors import InvalidRequest
from connectors.sql import Sql
from connectors.sql.catalogue import Told, catalogue
from connectors.sql.draft_datasets import Found, dataset_of, kind_of
from connectors.sql.engine import Column, Source, Table
from connectors.sql.personal import looks_personal
from connectors.sql.settings import SqlSettings, address
from connectors.sql.statement import Statement
from connectors.yaml_text import block, commented, prose

SECONDS = 60.0
WHOLE = ("postgresql", "mssql")
"""Where all schemas are of the one database that the address names: each is drafted, those beyond its own after these."""
MOST = 50
"""Tables that a draft has where none are named."""

HEAD = (
    "{name}: a database, read only. Written by `beffroi connector add sql`; from here on it is yours.{secret} Lines that"
    " begin with # and a key, or # and several blanks, are drafts to take on: take the # away."
)
KEPT = " Its password stands in the variable {} of the environment, never here."
LOOKUP = "One record by its key: {why}. Say which identifier it is, and its form."


def draft(
    source: str,
    name: str,
    root: Path,
    *,
    password_variable: str | None = None,
    tables: Sequence[str] | None = None,
    lookup: bool = False,
) -> Draft:
    """Return the draft of the database at an address; `tables` are those wanted, by the names that it has for them.

    With `lookup` the drafted lookup is live, else a comment.
    The password is read from the variable, by default NAME_PASSWORD, where the address has a user. Raises InvalidRequest
    for an address that is none, a variable that is not set or a table that is not there, and as lookups do.
    """
    url, variable = _without_password(source), password_variable or f"{name.upper()}_PASSWORD"
    said: dict[str, Any] = {"url": url} | ({"password": f"${{{variable}}}"} if address(url).username else {})
    registry = _registry(name, said, variable, root)
    deadline = Deadline.after(SECONDS)
    there = registry.engine.tables(deadline)
    scheme = address(url).scheme
    wanted = _wanted(there, tables, whole=scheme in WHOLE)
    told = catalogue(registry.engine, scheme, deadline)
    found = list[Found]()
    for table in wanted:
        columns = registry.engine.columns(Source(Statement((table.source,)), {}, table), deadline)
        found.append(_looked_at(table, columns, told.get(table.name, Told()), {each.entry for each in found}))
    left = [table.name for table in there if table not in wanted]
    notes = tuple(_left(left, found)) if left and not tables else ()
    text = "\n".join([*_declaration(name, said, variable, found, live=lookup), *(p for n in notes for p in prose(n))])
    targets = {each.table.name: each for each in found}
    datasets = {each.entry: dataset_of(each, name, targets) for each in found}
    lookups = {chosen.entry: lookup_of_record(_record(chosen), name) for chosen in _asked(found)[:1]}
    return Draft(text + "\n", datasets, lookups, tuple(map(_seen, found)), (*notes, *_keyless(found)))


def _registry(name: str, said: Mapping[str, Any], variable: str, root: Path) -> Sql:
    """Return the registry that is drafted. Raises InvalidRequest where it cannot be asked as it is said."""
    try:
        settings = SqlSettings.model_validate(said)
    except ValidationError as error:
        raise InvalidRequest(f"{error.errors()[0]['msg'].removeprefix('Value error, ')}") from None
    if "password" in said and variable not in os.environ:
        raise InvalidRequest(
            f"the password is read from the variable {variable} of the environment, which is not set: export it, or name"
            " another by --password-variable"
        )
    return Sql(name, settings, root)


def _left(names: Sequence[str], found: Sequence[Found]) -> Iterator[str]:
    """Yield in words which tables have no draft, why, and how they get one."""
    why = f"there are more than {MOST}" if len(found) >= MOST else "they stand in other schemas or databases"
    listed = ", ".join(names[:100]) + (f" and {len(names) - 100} more" if len(names) > 100 else "")
    yield f"Tables without a draft, since {why}: {listed}. `beffroi connector add sql … --table {names[0]}` takes one on."


def _without_password(source: str) -> str:
    if source.startswith("sqlite:"):
        return source
    try:
        parts = urlsplit(source)
        if parts.password is None:
            return source
    except ValueError:
        raise InvalidRequest("not an address: expected such as postgresql://USER@HOST:5432/DATABASE") from None
    user, host = parts.netloc.rsplit("@", 1)
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}@{host}"))


def _wanted(there: Sequence[Table], names: Sequence[str] | None, *, whole: bool) -> list[Table]:
    if not names:
        mine = [table for table in there if table.short is not None]
        others = [table for table in there if table.short is None]
        return (mine + (others if whole or not mine else []))[:MOST]
    by_name = {name: table for table in there for name in (table.name, table.short) if name}
    for name in names:
        if name not in by_name:
            has = ", ".join(table.name for table in there[:30]) or "none"
            raise InvalidRequest(f"no table {name}; the database has: {has}")
    return [by_name[name] for name in names]


def _looked_at(table: Table, columns: Sequence[Column], told: Told, taken: set[str]) -> Found:
    names = dict[str, str]()
    for column in columns:
        names[column.name] = _unused(_column_name(column.name), set(names.values()))
    comments = {column.name: told.comments.get(column.name, "") for column in columns}
    entry = _unused(entry_name(table.short or table.name), taken)
    return Found(entry, table, columns, told, looks_personal(comments), names)


def _column_name(name: str) -> str:
    plain = entry_name(name)
    return f"c_{plain}" if plain.startswith(("beffroi_", "file_row_number")) else plain


def _unused(name: str, taken: set[str]) -> str:
    number = 2
    found = name
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


# --- the declaration -------------------------------------------------------------------------------------------------


def _declaration(
    name: str, said: Mapping[str, Any], variable: str, found: Sequence[Found], *, live: bool
) -> Iterator[str]:
    yield from prose(HEAD.format(name=name, secret=KEPT.format(variable) if "password" in said else ""))
    yield "kind: sql"
    yield from block(said)
    personal = [each.entry for each in found if each.personal]
    yield from prose(
        f"These tables have columns that look personal: {', '.join(personal)}." if personal
        else "No column looks personal by its name, which is no proof: only you can say personal: false."
    )  # fmt: skip
    yield from prose("Personal data is asked by POST only, for a purpose, and no dataset of it is open.")
    yield "personal: true"
    yield from _lookup(found, live=live)
    if found:
        yield "tables:"
    for each in found:
        yield from prose(f"{each.table.name}: {_words(each)}.")
        yield f"  {each.entry}:"
        yield from block({"table": each.table.name}, "    ")
        if each.changed is not None:
            incremental = {"incremental": {"column": each.changed, "key": list(each.key)}}
            yield from prose(f"It has a column {each.changed}: to read what changed only, if every change sets it:")
            yield from commented(block(incremental, "    "))


def _asked(found: Sequence[Found]) -> list[Found]:
    """Return the tables whose single key is indexed, those with a text first, then personal ones."""
    return sorted(
        (each for each in found if each.table.kind == "table" and _asked_by(each)),
        key=lambda each: (not each.personal, _numeric(each, _asked_by(each) or ""), -(each.table.rows or 0)),
    )


def _record(found: Found) -> str:
    name = "".join(word.capitalize() for word in found.entry.split("_"))
    return re.sub(r"(?<=[^aisou])s$", "", name) or "Row"  # associations, not permis, repas


def _lookup(found: Sequence[Found], *, live: bool) -> Iterator[str]:
    """Yield a lookup of the table that is best asked, as a comment if it is not `live`."""
    for chosen in _asked(found)[:1]:
        key, kinds = _asked_by(chosen) or "", {each.name: chosen.kind(each) for each in chosen.columns}
        fields: dict[str, Any] = {}
        for column, own in chosen.names.items():
            about = {"type": kinds[column]} if kinds[column] != "string" else {}
            fields[own] = ({"from": column} if own != column else {}) | about if about else column
        pattern = r"\d{1,18}" if _numeric(chosen, key) else r"\S.{0,60}"
        lookup = {"record": _record(chosen), "identifier": {"scheme": chosen.names[key], "pattern": pattern},
                  "table": chosen.table.name, "key": key, "fields": fields}  # fmt: skip
        yield from prose(LOOKUP.format(why=f"{key} of {chosen.table.name} is unique, and has an index"))
        yield from block({"lookup": lookup}) if live else commented(block({"lookup": lookup}))


def _asked_by(found: Found) -> str | None:
    """Return the column that a row is best asked by: a unique text, else the key where it is one column."""
    names = {each.name: found.kind(each) for each in found.columns}
    single = {*found.told.unique, *(found.table.key if len(found.table.key) == 1 else ())} & names.keys()
    by_text = sorted(single, key=lambda name: (names[name] != "string", name))
    return by_text[0] if by_text else None


def _numeric(found: Found, column: str) -> bool:
    return any(
        each.name == column and (kind_of(each) == "integer" or pa.types.is_integer(each.type)) for each in found.columns
    )


def _words(found: Found) -> str:
    rows = "" if found.table.rows is None else f", about {counted(found.table.rows, 'row')}"
    key = f", key {', '.join(found.key)}" if found.key else ", without a key"
    return f"a {found.table.kind} of {counted(len(found.columns), 'column')}{rows}{key}"


def _seen(found: Found) -> Seen:
    foreign = (f"{column} leads to {table}.{other}" for column, (table, other) in found.told.foreign.items())
    personal = (f"{column} looks personal: {why}" for column, why in found.personal.items())
    changed = () if found.changed is None else (f"{found.changed} may tell what changed",)
    return Seen(found.table.name, f"{_words(found)}.", (*foreign, *personal, *changed))


def _keyless(found: Sequence[Found]) -> Iterator[str]:
    without = [each.entry for each in found if not each.key]
    if without:
        yield f"no key, say under primaryKey: which columns name a row: {', '.join(without)}"
