"""Cleaning and row expectations as set operations over the whole table, each source read once.

`judge` makes the temporary table ROWS: every row of the sources with its cleaned columns, the masks of the rules that
refuse it and, where they do, the row as the source has it. Nothing here runs per row in Python.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import duckdb

from connectors.errors import Misconfigured, Unreadable
from connectors.registry import FAULT
from pipelines.cleaned import all_there, cleaned_column, columns_read
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

TOGETHER = 40
"""Inputs that one query judges at most: each has its file open meanwhile, and its part of the engine's memory."""

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
class _Part:
    """Inputs on their way into the table, which one query takes there: of the same columns, types and cleaning."""

    members: dict[int, Staged]  # by their position
    types: dict[str, str]  # without FAULT
    faulty: bool
    cleaning: Cleaning
    clean: dict[str, Clean]

    @property
    def names(self) -> list[str]:
        """Return the columns of their rows."""
        return [*self.types, FAULT] if self.faulty else list(self.types)


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
    arrays = any(column.type == "array" for column in dataset.columns)  # updating a list moves the row
    judged = Judged(Rules(), numbered or len(inputs) > 1 or arrays)
    parts = [
        part for members in _alike(connection, dataset, inputs)
        for part in _ready(connection, dataset, members, judged, needed)
    ]  # fmt: skip
    for late in several_rows(dataset):
        judged.rules.bit(*late)
    judged.numbered = judged.numbered or not _keeps_order(connection, dataset, parts[0], judged)
    types = dict[int, dict[str, str]]()
    for part in (each for given in parts for each in _put(connection, dataset, given, judged, needed)):
        types |= dict.fromkeys(part.members, part.types)
        read = set(columns_read(dataset, part.clean).values())
        judged.unread |= {name for each in part.members.values() for name in part.types.keys() - read - each.ours}
    judged.raws, judged.types = [each.raw for each in inputs], [types[number] for number in range(len(inputs))]
    where = "" if judged.numbered else f"CAST(0 AS USMALLINT) AS {SOURCE}, rowid + 1 AS {PLACE}, "
    connection.execute(f"CREATE TEMP VIEW {JUDGED} AS SELECT rowid AS beffroi_row, {where}* FROM {ROWS}")
    counted = dict(connection.execute(f"SELECT {SOURCE}, count(*) FROM {JUDGED} GROUP BY ALL").fetchall())
    judged.counts = [counted.get(number, 0) for number in range(len(inputs))]
    return judged


def _alike(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, inputs: Sequence[Staged]
) -> list[dict[int, Staged]]:
    """Return the inputs, by their position, those together that one query can judge.

    To plan a query costs what judging thousands of rows does: as much for each of a hundred small files.
    """
    found = dict[str, dict[int, Staged]]()
    for position, staged in enumerate(inputs):
        types, faulty = _types(connection, dataset, staged)
        said = repr((types, faulty, sorted(dataset.cleaning(staged.source).items())))
        found.setdefault(said, {})[position] = staged
    listed = [list(each.items()) for each in found.values()]
    return [dict(each[at : at + TOGETHER]) for each in listed for at in range(0, len(each), TOGETHER)]


def _put(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, given: _Part, judged: Judged, needed: Needed
) -> Iterator[_Part]:
    """Put the rows of a part into the table; yield it, or those that it was put there as."""
    into = f"CREATE TEMP TABLE {ROWS} AS" if 0 in given.members else f"INSERT INTO {ROWS}"
    if not judged.numbered:  # to number the rows of a CSV file would take one thread for all that is done with them
        _view(connection, given.members, given.names, None)
    try:
        connection.execute(f"{into} {_select(dataset, given, judged)}")
    except duckdb.InvalidInputException as error:
        for members in _apart(given.members, error):
            for part in _ready(connection, dataset, members, judged, needed):
                yield from _put(connection, dataset, part, judged, needed)
        return
    yield given


def _apart(members: dict[int, Staged], refused: duckdb.Error) -> Iterator[dict[int, Staged]]:
    """Yield the halves of inputs of which the engine refuses one; that one, alone, once it is staged again, row by row.

    Raises what the engine `refused` it by, where it can be staged in no other way.
    """
    if len(members) == 1:
        (staged,) = members.values()
        if staged.carefully is None:
            raise refused
        staged.raw, staged.carefully = staged.carefully(), None
        yield members
        return
    listed, half = list(members.items()), len(members) // 2
    yield dict(listed[:half])
    yield dict(listed[half:])


def _keeps_order(connection: duckdb.DuckDBPyConnection, dataset: Dataset, given: _Part, judged: Judged) -> bool:
    """Tell whether the rows of the one input will stand in the table as they came: whether nothing is joined to them."""
    _view(connection, given.members, given.names, None)
    plan = connection.execute(f"EXPLAIN (FORMAT json) {_select(dataset, given, judged)}").fetchall()[0][1]
    _view(connection, given.members, given.names, PLACE)
    return set(re.findall(r'"name": "(\w+)"', plan)) <= IN_ORDER


def _ready(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, members: dict[int, Staged], judged: Judged, needed: Needed
) -> list[_Part]:
    """Prepare inputs; a step may read their values for that, and so find that the engine refuses one as it is."""
    try:
        return [_prepared(connection, dataset, members, needed, judged.rules)]
    except duckdb.InvalidInputException as error:
        apart = [_ready(connection, dataset, each, judged, needed) for each in _apart(members, error)]
        return [part for parts in apart for part in parts]


def _prepared(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, members: dict[int, Staged], needed: Needed, rules: Rules
) -> _Part:
    """Take the columns of inputs through their steps, as SQL, and give each rule that they may break its bit."""
    staged = members[min(members)]
    types, faulty = _types(connection, dataset, staged)
    clean = dataset.cleaning(staged.source)
    for each in members.values():
        all_there(dataset, each.source, types, needed, names_are_data=each.names_are_data)
    cleaning = Cleaning(connection, staged_view(min(members)), needed.parquet, needed.folder)
    part = _Part(members, types, faulty, cleaning, clean)
    _view(connection, members, part.names, PLACE)
    for column in dataset.columns:  # in declared order, so that a step may use a column above it
        there = {} if column.name in dataset.link else types  # what linking fills in is empty until then
        cleaning.done[column.name] = cleaned_column(cleaning, clean.get(column.name, Clean()), column, there)
    for column in dataset.columns:
        for failure in cleaning.done[column.name].failures:
            rules.bit(column.name, failure.rule, failure.reason)
    for column in dataset.columns:
        reason = missing(column, dataset)
        if reason is not None:
            rules.bit(column.name, "required", reason)
        for failure in constraints(column, ""):
            rules.bit(column.name, failure.rule, failure.reason)
    return part


def staged_view(position: int) -> str:
    """Return the name of the view of rows as they came, of the inputs of which the first has this position."""
    return f"beffroi_staged_{position}"


def _view(
    connection: duckdb.DuckDBPyConnection, members: dict[int, Staged], names: Sequence[str], place: str | None
) -> None:
    """Make the view of the inputs' rows as they came, each with the position of its input, and its own as `place`."""
    columns = ", ".join([*([place] if place else []), *map(identifier, names)])
    rows = [
        f"SELECT CAST({position} AS USMALLINT) AS {SOURCE}, {columns} FROM {staged.raw.relation(place)}"
        for position, staged in members.items()
    ]
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {staged_view(min(members))} AS {' UNION ALL '.join(rows)}")


def _types(connection: duckdb.DuckDBPyConnection, dataset: Dataset, staged: Staged) -> tuple[dict[str, str], bool]:
    """Return a source's columns and types, and whether it has one that tells why a row cannot be taken."""
    name, dialect = staged.source.registry or staged.source.name, staged.raw.dialect
    try:
        plain = staged.raw.relation(None)
        found = [] if dialect else connection.execute(f"DESCRIBE FROM {plain}").fetchall()
    except duckdb.InvalidInputException:
        raise Unreadable(f"{name} gave a file that is no whole Parquet file", registry=name) from None
    types = {str(column): str(kind) for column, kind, *_ in found}
    types |= dict.fromkeys(dialect.columns if dialect else (), "VARCHAR")
    faulty = types.pop(FAULT, None) is not None
    kept = [column for column in types if is_kept(column)]
    if kept:
        raise Misconfigured(
            f"datasets/{dataset.name}.yaml: the table read from {name} has a column called «{kept[0]}», a name that"
            " Beffroi keeps for itself: have the registry give it another one"
        )
    return types, faulty


def _select(dataset: Dataset, given: _Part, judged: Judged) -> str:
    """Return the query that cleans the inputs of a part, judges each row, and keeps the raw of those that are refused."""
    cleaning, masks = given.cleaning, range(judged.rules.masks)
    columns = [f"{cleaning.done[c.name].sql} AS {identifier(c.name)}" for c in dataset.columns]
    where = [f"layer.{SOURCE}", f"layer.{PLACE}"] if judged.numbered else []
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


def _masks(dataset: Dataset, given: _Part, rules: Rules) -> list[str]:
    """Return SQL for each mask of a row; of one column's steps only the first that refuses tells."""
    found: list[list[str]] = [[] for _ in range(rules.masks)]
    for column in dataset.columns:
        value = given.cleaning.done[column.name]
        cases: list[tuple[int, str]] = [
            (rules.bit(column.name, each.rule, each.reason), each.condition) for each in value.failures
        ]
        reason = missing(column, dataset)
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
