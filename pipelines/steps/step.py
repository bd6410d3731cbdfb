"""What a cleaning step is, and the two ways in which one works: SQL over the column, or a library over its values.

`vocabulary` lists them all; `text`, `numbers`, … hold its words.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipelines.steps.clean import Cleaning, Failure, Reason, Value

BLANKS = r"[\s\v\pZ\x{0085}\x{200B}\x{2060}\x{FEFF}]"
"""White space as it is found in tables: ordinary, no-break, of any width or none, line ends, byte-order mark."""

REFUSED = object()
"""In a step's examples: this value is refused."""

PAGE = 65_536
"""Distinct values that a library is given at once: what is held in memory, whatever the size of the table."""

Examples = tuple[tuple[Any, Any, Any], ...]


@dataclass(frozen=True)
class Argument:
    """What a declaration gives a step: how it is told, and whether a given value `fits`."""

    told: str
    fits: Callable[[Any], bool]
    optional: bool = False


@dataclass(frozen=True)
class Step:
    """One word of the vocabulary: what it does, how, and examples (argument, value in, value out or REFUSED)."""

    about: str
    apply: Callable[[Cleaning, Value, Any], None]
    examples: Examples
    argument: Argument | None = None
    gives: str | None = None  # what it makes of the text, where that is no text: no step can follow it


def one_of(*words: str, optional: bool = False) -> Argument:
    """Return an argument that is one of these words."""
    return Argument(f"one of {', '.join(words)}", lambda given: isinstance(given, str) and given in words, optional)


def convert(
    cleaning: Cleaning, value: Value, rule: str, reason: Reason, *layers: Callable[[str], str], join: str = ""
) -> None:
    """Take a value through several layers, each SQL over the one before; null in the end, it is refused.

    `join` is what the last layer needs.
    """
    before = value.sql
    for position, layer in enumerate(layers, 1):
        cleaning.make(value, layer(value.sql), join if position == len(layers) else "")
    value.failures.append(Failure(f"{before} IS NOT NULL AND {value.sql} IS NULL", rule, reason))


def without_blanks(sql: str) -> str:
    """Return SQL for a text without white space, which most identifiers do not have: looked for where it may stand."""
    letters = f"NOT regexp_full_match({sql}, '[!-~]*')"
    return f"CASE WHEN {letters} THEN regexp_replace({sql}, '{BLANKS}+', '', 'g') ELSE {sql} END"


def own(what: str) -> str:
    """Return the name of a table that nothing else of the connection has: several inputs are cleaned on one."""
    return f"beffroi_{what}_{uuid.uuid4().hex}"


def by_library(
    cleaning: Cleaning, value: Value, rule: str, reason: Reason, known: str, valid: Callable[[str], str | None]
) -> None:
    """Go on with what `valid` makes of each distinct value, None being refused.

    `known` is SQL for what is known of a value without the library, null where it must be asked.
    """
    before, connection = value.sql, cleaning.connection
    cleaning.make(value, known)
    seen, checked, page = (own(what) for what in ("seen", "checked", "page"))
    asked = f"{before} IS NOT NULL AND {value.sql} IS NULL"
    distinct = f"SELECT DISTINCT {before} AS text FROM {cleaning.relation(value.depth)} WHERE {asked}"
    connection.execute(f"CREATE TEMP TABLE {seen} AS {distinct}")
    connection.execute(f"CREATE TEMP TABLE {checked} (text VARCHAR, good VARCHAR)")
    last = connection.execute(f"SELECT count(*) FROM {seen}").fetchall()[0][0]
    for first in range(0, last, PAGE):
        some = f"SELECT text FROM {seen} WHERE rowid >= {first} AND rowid < {first + PAGE}"
        texts = connection.sql(some).to_arrow_table().column("text")
        good = pa.array([valid(text) for text in texts.to_pylist()], pa.string())
        connection.register(page, pa.table({"text": texts, "good": good}))
        connection.execute(f"INSERT INTO {checked} FROM {page}")
        connection.unregister(page)
    connection.execute(f"DROP TABLE {seen}")
    join = f"LEFT JOIN {checked} ON {checked}.text = {before} AND {value.sql} IS NULL"
    cleaning.make(value, f"coalesce({value.sql}, {checked}.good)", join)
    value.failures.append(Failure(f"{before} IS NOT NULL AND {value.sql} IS NULL", rule, reason))
