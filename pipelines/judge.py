"""Cleaning and row expectations as set operations over the whole table, each source read once.

`judge` makes the temporary table ROWS: every row of the sources with its cleaned columns, the masks of the rules that
refuse it and, where they do, the row as the source has it. Nothing here runs per row in Python.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from connectors.errors import Misconfigured, Unreadable
from connectors.registry import FAULT
from pipelines.cleaned import all_there, cleaned_column, source_of
from pipelines.declarations import Clean, Dataset
from pipelines.needed import Needed
from pipelines.raw import Raw
from pipelines.rules import FAULT_BIT, WIDTH, Rules, constraints, mask, missing, several_rows
from pipelines.sql import identifier, is_kept
from pipelines.stage import Staged
from pipelines.steps.clean import Cleaning

ROWS = "beffroi_rows"
"""The table of every row."""

JUDGED = "beffroi_judged"
"""The same with source and place of each row, whether they stand in the table or not, and its `beffroi_row` there."""

IN_ORDER = {"PROJECTION", "READ_CSV", "READ_PARQUET", "EMPTY_RESULT"}
"""The engine's operators that keep the rows in their order."""

PLACE, SOURCE, RAW = "beffroi_place", "beffroi_source", "beffroi_raw"


@dataclass
class Judged:
    """What was judged: `types` are the columns of each source, `counts` its rows.

    `numbered` tells whether source and place of a row stand in the table; else it is the row's own position in it.
    """

    rules: Rules
    numbered: bool
    raws: list[Raw] = field(default_factory=list)
    types: list[dict[str, str]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)


@dataclass
class _Input:
    """One source on its way into the table."""

    position: int
    staged: Staged
    types: dict[str, str]  # without FAULT
    faulty: bool
    cleaning: Cleaning
    clean: dict[str, Clean]


def judge(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    inputs: Sequence[Staged],
    needed: Needed,
    *,
    numbered: bool = False,
) -> Judged:
    """Make ROWS of the staged inputs; one that the engine refuses as it is is staged again, row by row.

    `needed` are the other datasets that it reads; `numbered` writes each row's place into
    the table where it could be known without. Raises Misconfigured when a source lacks a column that the declaration
    reads, Unreadable when a file is no Parquet file.
    """
    rules = Rules()
    prepared = [_ready(connection, dataset, number, each, needed, rules) for number, each in enumerate(inputs)]
    for late in several_rows(dataset):
        rules.bit(*late)
    arrays = any(column.type == "array" for column in dataset.columns)  # updating a list moves the row
    judged = Judged(rules, numbered or len(inputs) > 1 or arrays)
    judged.numbered = judged.numbered or not _keeps_order(connection, dataset, prepared[0], judged)
    for each in prepared:
        judged.counts.append(_put(connection, dataset, each, judged, needed))
        judged.types.append(each.types)
        judged.raws.append(each.staged.raw)
        read = {source_of(each.clean, column) for column in dataset.columns}
        judged.unread |= each.types.keys() - read - each.staged.ours
    where = "" if judged.numbered else f"CAST(0 AS USMALLINT) AS {SOURCE}, rowid + 1 AS {PLACE}, "
    connection.execute(f"CREATE TEMP VIEW {JUDGED} AS SELECT rowid AS beffroi_row, {where}* FROM {ROWS}")
    return judged


def _put(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    given: _Input,
    judged: Judged,
    needed: Needed,
) -> int:
    """Put the rows of one input into the table; return how many there are."""
    into = f"CREATE TEMP TABLE {ROWS} AS" if given.position == 0 else f"INSERT INTO {ROWS}"
    if not judged.numbered:  # to number the rows of a CSV file would take one thread for all that is done with them
        _view(connection, 0, given.staged.raw, None)
    try:
        return _count(connection, f"{into} {_select(dataset, given, judged)}")
    except duckdb.InvalidInputException:
        if given.staged.carefully is None:
            raise
    given.staged.raw = given.staged.carefully()
    given.staged.carefully = None
    careful = _prepared(connection, dataset, given.position, given.staged, needed, judged.rules)
    given.types = careful.types
    return _put(connection, dataset, careful, judged, needed)


def _keeps_order(connection: duckdb.DuckDBPyConnection, dataset: Dataset, given: _Input, judged: Judged) -> bool:
    """Tell whether the rows of the one input will stand in the table as they came: whether nothing is joined to them."""
    _view(connection, 0, given.staged.raw, None)
    plan = connection.execute(f"EXPLAIN (FORMAT json) {_select(dataset, given, judged)}").fetchall()[0][1]
    _view(connection, 0, given.staged.raw, PLACE)
    return set(re.findall(r'"name": "(\w+)"', plan)) <= IN_ORDER


def _count(connection: duckdb.DuckDBPyConnection, statement: str) -> int:
    """Run a statement that makes or writes rows; return how many."""
    return int(connection.execute(statement).fetchall()[0][0])


def _ready(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    position: int,
    staged: Staged,
    needed: Needed,
    rules: Rules,
) -> _Input:
    """Prepare one input; a step may read its values for that, and so find that the engine refuses it as it is."""
    try:
        return _prepared(connection, dataset, position, staged, needed, rules)
    except duckdb.InvalidInputException:
        if staged.carefully is None:
            raise
    staged.raw, staged.carefully = staged.carefully(), None
    return _prepared(connection, dataset, position, staged, needed, rules)


def _prepared(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    position: int,
    staged: Staged,
    needed: Needed,
    rules: Rules,
) -> _Input:
    """Take the columns of one input through their steps, as SQL, and give each rule that they may break its bit."""
    types, faulty = _types(connection, dataset, staged)
    clean = dataset.cleaning(staged.source)
    all_there(dataset, staged.source, types, needed, names_are_data=staged.names_are_data)
    _view(connection, position, staged.raw, PLACE)
    cleaning = Cleaning(connection, staged_view(position), needed.parquet, needed.folder)
    for column in dataset.columns:  # in declared order, so that a step may use a column above it
        cleaning.done[column.name] = cleaned_column(cleaning, clean.get(column.name, Clean()), column, types)
    for column in dataset.columns:
        for failure in cleaning.done[column.name].failures:
            rules.bit(column.name, failure.rule, failure.reason)
    for column in dataset.columns:
        reason = missing(column, dataset.key)
        if reason is not None:
            rules.bit(column.name, "required", reason)
        for failure in constraints(column, ""):
            rules.bit(column.name, failure.rule, failure.reason)
    return _Input(position, staged, types, faulty, cleaning, clean)


def staged_view(position: int) -> str:
    """Return the name of the view of an input's rows as they came."""
    return f"beffroi_staged_{position}"


def _view(connection: duckdb.DuckDBPyConnection, position: int, raw: Raw, place: str | None) -> None:
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {staged_view(position)} AS FROM {raw.relation(place)}")


def _types(connection: duckdb.DuckDBPyConnection, dataset: Dataset, staged: Staged) -> tuple[dict[str, str], bool]:
    """Return a source's columns and types, and whether it has one that tells why a row cannot be taken."""
    name = staged.source.registry or staged.source.name
    try:
        found = connection.execute(f"DESCRIBE FROM {staged.raw.relation(None)}").fetchall()
    except duckdb.InvalidInputException:
        raise Unreadable(f"{name} gave a file that is no whole Parquet file", registry=name) from None
    types = {str(column): str(kind) for column, kind, *_ in found}
    faulty = types.pop(FAULT, None) is not None
    kept = [column for column in types if is_kept(column)]
    if kept:
        raise Misconfigured(
            f"datasets/{dataset.name}.yaml: the table read from {name} has a column called «{kept[0]}», a name that"
            " Beffroi keeps for itself: have the registry give it another one"
        )
    return types, faulty


def _select(dataset: Dataset, given: _Input, judged: Judged) -> str:
    """Return the query that cleans one input, judges each row, and keeps the raw of those that are refused."""
    cleaning, masks = given.cleaning, range(judged.rules.masks)
    columns = [f"{cleaning.done[c.name].sql} AS {identifier(c.name)}" for c in dataset.columns]
    where = [f"CAST({given.position} AS USMALLINT) AS {SOURCE}", f"layer.{PLACE}"] if judged.numbered else []
    bits = _masks(dataset, given, judged.rules)
    refused = " OR ".join(f"{mask(number)} <> 0" for number in masks)
    fault = f"layer.{FAULT}" if given.faulty else "CAST(NULL AS VARCHAR)"
    return (
        f"SELECT {', '.join([*where, *columns, *(f'layer.{mask(number)}' for number in masks)])},"
        f" {fault} AS {FAULT}, CASE WHEN {refused} THEN {raw_json(given.types, 'layer')} END AS {RAW}"
        f" FROM (SELECT layer.*, {', '.join(bits)} FROM {cleaning.relation()}) layer"
    )


def raw_json(types: dict[str, str], alias: str) -> str:
    """Return SQL for a row as the source has it, as JSON in one canonical form: its names sorted, no blanks."""
    pairs = ", ".join(f"{identifier(name)} := {alias}.{identifier(name)}" for name in sorted(types))
    return f"CAST(to_json(struct_pack({pairs})) AS VARCHAR)"


def _masks(dataset: Dataset, given: _Input, rules: Rules) -> list[str]:
    """Return SQL for each mask of a row; of one column's steps only the first that refuses tells."""
    found: list[list[str]] = [[] for _ in range(rules.masks)]
    for column in dataset.columns:
        value = given.cleaning.done[column.name]
        cases: list[tuple[int, str]] = [
            (rules.bit(column.name, each.rule, each.reason), each.condition) for each in value.failures
        ]
        reason = missing(column, dataset.key)
        if reason is not None:
            cases.append((rules.bit(column.name, "required", reason), f"{value.sql} IS NULL"))
        for number in {bit // WIDTH for bit, _ in cases}:
            whens = [(bit if bit // WIDTH == number else None, condition) for bit, condition in cases]
            found[number].append(_case(whens))
        for each in constraints(column, value.sql):
            bit = rules.bit(column.name, each.rule, each.reason)
            found[bit // WIDTH].append(_case([(bit, each.condition)]))
    masks = [" | ".join(parts) if parts else "CAST(0 AS BIGINT)" for parts in found]
    if given.faulty:  # of a faulty row the fault alone is told
        alone = [1 << FAULT_BIT, *[0] * (len(masks) - 1)]
        masks = [
            f"CASE WHEN layer.{FAULT} IS NULL THEN {sql} ELSE CAST({bit} AS BIGINT) END"
            for sql, bit in zip(masks, alone, strict=True)
        ]
    return [f"{sql} AS {mask(number)}" for number, sql in enumerate(masks)]


def _case(whens: list[tuple[int | None, str]]) -> str:
    """Return SQL for the bit of the first condition that is met; None is a bit of another mask."""
    told = " ".join(
        f"WHEN {condition} THEN {0 if bit is None else 1 << bit % WIDTH}::BIGINT" for bit, condition in whens
    )
    return f"(CASE {told} ELSE 0::BIGINT END)"
