"""A `registries/NAME.yaml` from an OpenAPI document: who we are, a lookup, tables, and every other operation as a comment.

What comes from the document is put on one line and quoted: nothing in it can become a key of the file. Nothing of the
registry is asked.
"""

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.drafting import FILL_IN, Draft, Seen, blanks, entry_name, lookup_of_record
from connectors.errors import InvalidRequest
from connectors.records import RECORDS
from connectors.rest import openapi_auth, openapi_datasets
from connectors.rest.contradictions import problems
from connectors.rest.openapi import Document, read, text
from connectors.rest.openapi_auth import AuthGuess
from connectors.rest.openapi_leaves import jmes
from connectors.rest.openapi_lookups import LookupGuess, camel, lookup_of
from connectors.rest.openapi_operations import Operation, operations, servers
from connectors.rest.openapi_tables import TableGuess, table_of
from connectors.rest.settings import RestSettings
from connectors.soap.words import plain
from connectors.yaml_text import block, commented, prose, scalar

NOWHERE = f"https://{FILL_IN}.invalid/"
"""Stands for an address that the document does not give: no host can have it (RFC 2606, 2)."""
MOST, MOST_TOLD = 50, 300
"""Tables, and lookups, that a draft has; and operations that it lists."""

HEAD = (
    "{name}: a registry asked over REST. Written by `beffroi connector add rest` from «{title}»; from here on it is yours."
    " Check it against what the registry's owner documents, and run `beffroi check`. What begins with # and a key, without"
    f" a blank between, is a draft to take on: take the # away. Where {FILL_IN} stands only you know the value."
)
PERSONAL = "Personal data is asked by POST only, for a purpose, and never published. {looks}"
ANSWERS = (
    "What an answer means that is no record. A status that stands here alone may be a proxy's word too: add path: and"
    " equals:, by what the registry says in its own words."
)
OURS = "Beffroi has a record {0} of its own: where that is meant, say record: {0} and fill its fields."


@dataclass(frozen=True)
class _Found:
    """What a document has for a draft. `tables` are by their names; `told` are all operations, in words."""

    document: Document
    urls: Sequence[str]
    auth: AuthGuess
    lookups: Sequence[LookupGuess]
    tables: Mapping[str, TableGuess]
    told: Sequence[str]


def draft(source: str, name: str, root: Path, *, server: str | None = None, path: Sequence[str] = ()) -> Draft:
    """Return the draft of the registry `name` by the OpenAPI document at `source`, a file or an address.

    `server` is an address of the document, or part of one, where it has several; `path` are patterns, such as
    `/communes*`, that keep to some operations. `root` is the workspace, which a file is relative to where it is there.
    Raises InvalidRequest (what is no such document, a server or a path that it does not have), and what `read` raises.
    """
    inside = root / source
    document = read(str(inside) if not source.startswith("http") and inside.is_file() else source)
    found = _found(document, source, name, server, path)
    same = [guess.same for guess in found.lookups if guess.same is not None]
    live = {table: guess for table, guess in found.tables.items() if _live(found, {"tables": {table: guess.said}})}
    datasets = {entry_name(table): openapi_datasets.text_of(guess, name, table, same) for table, guess in live.items()}
    chosen = _live_lookup(found)
    lookups = {} if chosen is None else {_lookup_name(chosen): lookup_of_record(chosen.record, name)}
    text = "\n".join(_lines(found, name, live)) + "\n"
    return Draft(text, datasets, lookups, tuple(_seen(found)), tuple(_notes(found)))


def _live_lookup(found: "_Found") -> LookupGuess | None:
    """Return the likeliest lookup with which nothing is wrong: the one that is no comment."""
    return next((guess for guess in found.lookups if _live(found, _lookup_said(guess))), None)


def _lookup_said(guess: LookupGuess) -> dict[str, Any]:
    return ({"answers": list(guess.answers)} if guess.answers else {}) | {"lookup": guess.said}


def _lookup_name(guess: LookupGuess) -> str:
    return entry_name(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", guess.record))


def _found(document: Document, source: str, name: str, server: str | None, path: Sequence[str]) -> _Found:
    every = [each for each in operations(document) if not path or any(fnmatch.fnmatch(each[1], one) for one in path)]
    if not every:
        raise InvalidRequest(
            "no operation of the document has such a path" if path else "the document has no operation"
        )
    urls = servers(document, source)
    if server is not None:
        urls = [url for url in urls if server in url]
        if not urls:
            raise InvalidRequest("the document has no such server; it has: " + ", ".join(servers(document, source)))
    readable = [operation for _, _, operation in every if operation is not None]
    auth = openapi_auth.auth_of(document, readable, name)
    tables: dict[str, TableGuess] = {}
    lookups = list[LookupGuess]()
    for operation in readable:
        if len(tables) < MOST and (table := table_of(document, operation, auth.query)) is not None:
            tables[_table_name(operation, tables)] = table
        elif len(lookups) < MOST and (lookup := lookup_of(document, operation, name, auth.query)) is not None:
            lookups.append(lookup)
    lookups.sort(key=lambda guess: -guess.score)
    return _Found(document, urls, auth, lookups, tables, [_told(*each) for each in every])


def _table_name(operation: Operation, taken: Mapping[str, Any]) -> str:
    fixed = [part for part in operation.template.split("/") if part and "{" not in part]
    name = short = entry_name(fixed[-1] if fixed else "rows")[:60]
    if name in taken:
        name = short = entry_name("_".join(fixed))[:60]
    number = 2
    while name in taken:
        name, number = f"{short}_{number}", number + 1
    return name


def _told(method: str, path: str, operation: Operation | None) -> str:
    words = "" if operation is None or not operation.summary else f": {plain(operation.summary)[:150]}"
    return f"{method} {plain(path)[:200]}{words}"


# --- the text --------------------------------------------------------------------------------------------------------


def _lines(found: _Found, name: str, live: Mapping[str, TableGuess]) -> Iterator[str]:
    info = found.document.at(found.document.data.get("info"))
    yield from prose(
        HEAD.format(name=name, title=plain(f"{text(info.get('title'))} {text(info.get('version'))}").strip()[:150])
    )
    yield "kind: rest"
    yield from _address(found.urls)
    yield ""
    yield from prose(PERSONAL.format(looks=_looks(found)))
    yield "personal: true"
    yield from _auth(found.auth)
    yield from _lookups(found, name)
    yield from _tables(found, name, live)
    yield ""
    yield from prose("Operations of the document:")
    for told in found.told[:MOST_TOLD]:
        yield from prose(told, "  ")
    if len(found.told) > MOST_TOLD:
        yield f"#   … and {len(found.told) - MOST_TOLD} more"


def _address(urls: Sequence[str]) -> Iterator[str]:
    if not urls:
        yield from prose("The document does not say where it answers: write that here.")
    yield f"url: {scalar(urls[0] if urls else NOWHERE)}"
    if len(urls) > 1:
        yield from prose(f"Other addresses of it: {', '.join(urls[1:10])}")


def _looks(found: _Found) -> str:
    names = [column for guess in found.tables.values() for column, leaf in guess.columns.items() if leaf.personal]
    for guess in found.lookups:
        fields = guess.said["fields"].items()
        names += [field for field, said in fields if isinstance(said, Mapping) and said.get("personal")]
    told = list(dict.fromkeys(names))
    if not told:
        return "No name here looks like it: say false if there is none."
    return f"These names look like it: {', '.join(told[:20])}{', …' if len(told) > 20 else ''}."


def _auth(auth: AuthGuess) -> Iterator[str]:
    if auth.said is None:
        return
    lines = block({"auth": auth.said})
    yield ""
    yield from [] if auth.needed else prose("Who we are; the operations can be asked without:")
    yield from lines if auth.needed else commented(lines)


def _lookups(found: _Found, name: str) -> Iterator[str]:
    chosen = _live_lookup(found)
    for guess in found.lookups:
        yield ""
        yield from prose(f"GET /{plain(guess.operation.template)[:200]}: {plain(guess.operation.summary)[:150]}")
        yield from prose(f"By {plain('; '.join(guess.evidence))}.", "  ")
        if guess.left:
            left = ", ".join(map(plain, guess.left[:10]))
            yield from prose(f"Left out, for being lists of objects, unknown, or too many: {left}", "  ")
        alive = guess is chosen
        if alive:
            ours = [each for each in RECORDS if guess.record == f"{camel(name)}{each}"]
            yield from (line for each in ours for line in prose(OURS.format(each)))
            yield from prose(
                f"Who asks it stands in lookups/{_lookup_name(guess)}.yaml: {{record: {guess.record}, providers: [{{registry: {name}}}]}}"
            )
        yield from ("", *prose(ANSWERS)) if guess.answers and alive else ()
        lines = block(_lookup_said(guess))
        yield from lines if alive else commented(lines)


def _tables(found: _Found, name: str, live: Mapping[str, TableGuess]) -> Iterator[str]:
    if not found.tables:
        return
    yield ""
    yield from prose(
        f"Tables: a dataset is read from one by source: {{registry: {name}, table: {next(iter(found.tables))}}}"
    )
    yield "tables:" if live else "#tables:"
    for table, guess in found.tables.items():
        about = f"GET /{plain(guess.operation.template)[:200]}: {plain(guess.operation.summary)[:150]}"
        yield from (f"  {line}" for line in [*prose(about), *prose(f"By {plain('; '.join(guess.evidence))}.", "  ")])
        lines = block({table: entry_of(guess)}, "  ")
        yield from lines if table in live else commented(lines)


def entry_of(guess: TableGuess) -> dict[str, Any]:
    """Return a table's entry under `tables`, with its columns."""
    columns = {
        name: {"from": jmes(leaf.path), "type": "array"} if leaf.type == "array" else jmes(leaf.path)
        for name, leaf in guess.columns.items()
    }
    said = dict(guess.said)
    paging = {key: said.pop(key) for key in ("paging", "total") if key in said}
    return said | {"columns": columns} | paging


def _live(found: _Found, said: Mapping[str, Any]) -> bool:
    """Tell whether nothing is wrong with a part as it stands; what has blanks in it, or cannot be, stays a comment.

    What is the only part there is stands with its blanks: `beffroi check` tells of them.
    """
    whole = {"url": found.urls[0] if found.urls else "https://registry.invalid/", **said}
    wrong = {keys for keys, _ in problems(RestSettings.model_validate(whole), Path())}
    alone = len(found.lookups) + len(found.tables) == 1
    return not wrong or (alone and wrong <= set(blanks(dict(said))))


def _seen(found: _Found) -> Iterator[Seen]:
    for table, guess in found.tables.items():
        yield Seen(table, f"GET /{plain(guess.operation.template)}: a table", tuple(openapi_datasets.seen(guess)))
    for lookup in found.lookups:
        yield Seen(
            lookup.record, f"GET /{plain(lookup.operation.template)}: a lookup", tuple(map(plain, lookup.evidence))
        )


def _notes(found: _Found) -> Iterator[str]:
    yield from map(plain, found.auth.notes)
    if not found.urls:
        yield "the document does not say where the registry answers: fill in url:"
    if found.document.remote:
        told = ", ".join(plain(each)[:100] for each in sorted(found.document.remote)[:5])
        yield f"what other documents say is not read: {told}; bundle the document into one file"
    if not found.tables and not found.lookups:
        yield "no operation looks like a table or a lookup: write them by hand, from the operations in the draft"
