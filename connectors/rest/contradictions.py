"""What the declaration of a REST registry says against itself, each with the keys where it stands."""

import re
from collections.abc import Iterator
from pathlib import Path

from connectors import derived, drafting
from connectors.carried import amiss, of_nobody, words_in
from connectors.registry import FAULT
from connectors.rest import paths
from connectors.rest.auth import misplaced
from connectors.rest.auth_settings import ApiKeySettings
from connectors.rest.cells import declared_columns
from connectors.rest.settings import (
    ByCursor,
    ByNext,
    ByOffset,
    ByPage,
    LookupSettings,
    RestSettings,
    TableSettings,
)
from connectors.rest.templates import WHOLE, groups_in, part_of_words, texts_of, words_of

Problem = tuple[tuple[str | int, ...], str]


def problems(settings: RestSettings, root: Path) -> Iterator[Problem]:
    """Yield what is wrong with settings beyond the form of each value; `root` is the workspace."""
    yield from (
        (keys, f"{drafting.FILL_IN} stands for a value that only you know: write it here")
        for keys in drafting.blanks(settings.model_dump(by_alias=True, exclude_unset=True))
    )
    yield from _of_headers(settings)
    if settings.auth is not None:
        yield from ((("auth", *keys), said) for keys, said in misplaced(settings.auth, root))
    for key in ("certificate", "key", "authority"):
        name = getattr(settings.tls, key, None)
        if name is not None and not (root / name).is_file():
            yield ("tls", key), f"there is no file {name}; a path is relative to the workspace"
    if settings.lookup is not None:
        yield from ((("lookup", *keys), said) for keys, said in _of_lookup(settings.lookup))
    for name, table in settings.tables.items():
        yield from ((("tables", name, *keys), said) for keys, said in _of_table(table))


def _of_headers(settings: RestSettings) -> Iterator[Problem]:
    taken = {"authorization"} if settings.auth is not None else set[str]()
    if isinstance(settings.auth, ApiKeySettings) and settings.auth.header is not None:
        taken = {settings.auth.header.lower()}
    for name, text in settings.headers.items():
        if not re.fullmatch(r"[ -~]*", text):
            yield ("headers", name), "a header has ASCII letters, digits, signs and blanks"
        if wrong := amiss(words_in(text)) or (of_nobody(text) if settings.tables else None):
            yield ("headers", name), wrong
        if name.lower() in taken:
            yield ("headers", name), "auth: says that already"
        elif name.lower() in ("host", "content-length", "transfer-encoding", "connection", "accept-encoding", "accept"):
            yield ("headers", name), "Beffroi says that itself"


def _of_path(path: str) -> Iterator[Problem]:
    if re.match(r"[a-z]+:|/", path, re.IGNORECASE):
        yield ("path",), "write what follows the url, without a / before it"
    if "?" in path or "#" in path:
        yield ("path",), "parameters stand under query:"
    if any(part in (".", "..") for part in path.split("/")):
        yield ("path",), "a path does not climb: no . or .. in it"


def _of_lookup(lookup: LookupSettings) -> Iterator[Problem]:
    yield from _of_path(lookup.path)
    known = {*lookup.identifier.names, WHOLE}
    said = {"path": groups_in(lookup.path), "query": groups_in(lookup.query), "body": groups_in(lookup.body)}
    for key, groups in said.items():
        if unknown := sorted(groups - known):
            there = ", ".join(f"{{{each}}}" for each in sorted(known))
            yield (key,), f"the identifier has no group {', '.join(unknown)}; it has: {there}"
    if not any(said.values()):
        yield (
            ("path",),
            f"nothing asks for the identifier: write {{{WHOLE}}}, or a group of its pattern, in it or in query:",
        )
    yield from (((key,), wrong) for key in said if (wrong := amiss(words_in(getattr(lookup, key)))))
    yield from derived.problems(lookup.record, lookup.identifier, lookup.fields)
    yield from _of_words(lookup)
    yield from _of_identity(lookup, set().union(*said.values()))
    for name, field in lookup.fields.items():
        try:
            paths.place(field.source or name)
        except ValueError as error:
            yield ("fields", name), str(error)
    if lookup.key is not None and lookup.key not in lookup.fields:
        yield ("key",), f"no field {lookup.key}; there are: {', '.join(lookup.fields)}"


def _of_words(lookup: LookupSettings) -> Iterator[Problem]:
    texts = [text for value in lookup.query.values() for text in texts_of(value)]
    fields = lookup.identifier.fields or {}
    for group in filter(None, map(words_of, texts)):
        if group not in fields or fields[group].type != "names":
            yield ("query",), f"{{{group}[]}} is each name of several: a field of an identity, of the type names"
    others = [text for text in texts if words_of(text) is None]
    for key, value in (("path", lookup.path), ("query", others), ("body", lookup.body)):
        if there := part_of_words(value):
            yield (key,), f"{there} is the whole value of a parameter under query:, and stands nowhere else"


def _of_identity(lookup: LookupSettings, asked: set[str]) -> Iterator[Problem]:
    yield from derived.of_identity(lookup.identifier, asked)
    for key in ("same", "merged_to"):
        if lookup.identifier.fields is not None and getattr(lookup, key) is not None:
            yield (key,), "an identity is no one text that a record could repeat: leave it out"


def _of_table(table: TableSettings) -> Iterator[Problem]:
    yield from _of_path(table.path)
    for key, value in (("path", table.path), ("query", table.query)):
        if wrong := of_nobody(value):
            yield (key,), wrong
        if groups := sorted(groups_in(value)):
            yield (key,), f"a table is asked for without an identifier: nothing stands for {{{groups[0]}}}"
    yield from _of_rows(table)
    yield from _of_columns(table)
    if table.separator != "," and table.format != "csv":
        yield ("separator",), "only format: csv has one"
    if table.format != "json":
        if table.total is not None:
            yield ("total",), "only an answer in format: json tells it"
        if isinstance(table.paging, ByCursor | ByNext):
            yield ("paging", "next"), "only an answer in format: json tells it; others can tell a link (by: link)"
    if isinstance(table.paging, ByPage | ByOffset) and table.paging.until == "total" and table.total is None:
        yield ("paging", "until"), "say where the answer tells how many rows there are: total:"


def _of_rows(table: TableSettings) -> Iterator[Problem]:
    if table.format in ("csv", "ndjson"):
        if table.rows is not None:
            yield ("rows",), f"an answer in format: {table.format} is nothing but rows"
        return
    if table.rows is None:
        if table.format == "xml":
            yield ("rows",), "say the path of a row's element from the outermost one, such as list/item"
        return
    try:
        if table.format == "xml":
            if "@" in "".join(paths.element_path(table.rows)):
                yield ("rows",), "a row is an element, no attribute"
        elif paths.place(table.rows) and paths.numbers_in(table.rows):
            yield ("rows",), "it compares with a number: in tables numbers are texts, as they came"
    except ValueError as error:
        yield ("rows",), str(error)


def _of_columns(table: TableSettings) -> Iterator[Problem]:
    for name, said in table.columns.items():
        keys = ("columns", name)
        if name == FAULT:
            yield keys, "that name is Beffroi's own: take another"
        if said.type == "array" and table.format == "csv":
            yield keys, "a cell of CSV is one text"
        try:
            declared_columns(table.model_copy(update={"columns": {name: said}}))
            if table.format in ("json", "ndjson") and paths.numbers_in(said.source):
                yield keys, "it compares with a number: in tables numbers are texts, as they came"
        except ValueError as error:
            yield keys, str(error)
