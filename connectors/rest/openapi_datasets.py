"""The draft of a dataset for a table that an OpenAPI document describes: `datasets/NAME.yaml`."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.drafting import EXPECT, FILL_IN
from connectors.rest.openapi_leaves import Leaf, Path, normal
from connectors.rest.openapi_tables import TableGuess
from connectors.soap.words import plain
from connectors.yaml_text import block, flow, prose, scalar

_KEYS = ("id", "uuid", "identifier", "identifiant", "siren", "siret", "lei", "rna", "code", "key", "reference", "slug")


def text_of(guess: TableGuess, registry: str, table: str, same: Sequence[Path]) -> str:
    """Return the text of the dataset; `same` are places where a lookup's identifier stands in its record."""
    personal = [name for name, leaf in guess.columns.items() if leaf.personal]
    key, why = _key(guess.columns, table, same)
    lines = [f"title: {scalar(plain(guess.operation.summary)[:100].strip() or table)}", f"owner: {FILL_IN}"]
    lines += [*prose(_audience(personal)), f"audience: {'owner' if personal else 'agents'}"]
    lines += [*block({"source": {"registry": registry, "table": table}}), "schema:", "  fields:"]
    for name, leaf in guess.columns.items():
        lines += [f"    - {flow(_field(name, leaf))}"]
    lines += [*(f"  {line}" for line in prose(why)), f"  primaryKey: {key}"]
    if guess.left:
        lines += list(prose(f"Left out, for being lists of objects, unknown, or too many: {_told(guess.left)}."))
    return "\n".join([*lines, *EXPECT]) + "\n"


def _audience(personal: Sequence[str]) -> str:
    if personal:
        return (
            f"These columns look personal: {', '.join(personal[:20])}. A dataset that has such a column cannot be open."
        )
    return (
        "An open dataset says audience: open and licence: …, of a registry that says personal: false. No column here"
        " looks personal by its name; that is no proof."
    )


def _field(name: str, leaf: Leaf) -> dict[str, Any]:
    said: dict[str, Any] = {"name": name} | ({"type": leaf.type} if leaf.type != "string" else {})
    said |= {"description": leaf.about} if leaf.about else {}
    said |= {"constraints": bounds} if (bounds := dict(_constraints(leaf))) else {}
    return said | ({"personal": True} if leaf.personal else {})


def _constraints(leaf: Leaf) -> Iterator[tuple[str, Any]]:
    """Yield what the schema holds a value to: that it is there, the texts that it may be, the numbers it lies between."""
    if leaf.never_null:
        yield "required", True
    values, pattern = leaf.schema.said.get("enum"), leaf.schema.text("pattern")
    texts = [each for each in values if isinstance(each, str)] if isinstance(values, list) else []
    if (
        leaf.type == "string"
        and texts
        and len(texts) <= 50
        and len(texts) == len([v for v in values or () if v is not None])
    ):
        yield "enum", texts
    elif leaf.type == "string" and re.fullmatch(
        r"\^(\\d|[A-Za-z0-9]|\[[A-Za-z0-9-]+\]|\{\d{1,3}(,\d{1,3})?\})+\$", pattern
    ):
        yield "pattern", pattern
    if leaf.type in ("integer", "number"):
        yield from _bounds(leaf)


def _bounds(leaf: Leaf) -> Iterator[tuple[str, int | float]]:
    """Yield the least and the greatest number, unless no number is between them."""
    found = dict[str, int | float]()
    for key in ("minimum", "maximum"):
        value = leaf.schema.said.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63:
            if isinstance(value, int) or leaf.type == "number":
                found[key] = value
            elif value == math.floor(value):
                found[key] = int(value)
    if found.get("minimum", -math.inf) <= found.get("maximum", math.inf):
        yield from found.items()


def _key(columns: Mapping[str, Leaf], table: str, same: Sequence[Path]) -> tuple[str, str]:
    """Return the column that looks like naming a row, and by what evidence; FILL_IN where none does."""
    usable = {name: leaf for name, leaf in columns.items() if leaf.type in ("string", "integer")}
    for name, leaf in usable.items():
        if leaf.path in same:
            return name, f"Guessed: a lookup's identifier stands in {name}. Rows of one key are merged into one."
    single = normal(table).removesuffix("s")
    for wanted in (*_KEYS, f"{single}id", f"id{single}", f"code{single}"):
        for name in usable:
            if normal(name) == wanted:
                return name, f"Guessed by the name {name} alone: check it. Rows of one key are merged into one."
    required = [name for name, leaf in usable.items() if leaf.required]
    hint = f" Columns that every row has: {', '.join(required[:20])}." if required else ""
    return FILL_IN, f"Say which column, or list of columns, names a row: no name here looks like it.{hint}"


def _told(left: Sequence[str]) -> str:
    return ", ".join(map(plain, left[:20])) + (", …" if len(left) > 20 else "")


def seen(guess: TableGuess) -> Iterator[str]:
    """Yield what is believed of a table, in words."""
    yield from (plain(each) for each in guess.evidence)
