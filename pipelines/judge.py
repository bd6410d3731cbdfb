"""Cleaning and row expectations as one set operation over the whole table.

`judge` leaves two temporary tables: `judged`, every row of the source with its cleaned columns and the failures found
in it, and `merged`, the good rows with duplicates of one key made one. Nothing here runs per row in Python.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb

from connectors.columns import Column
from connectors.errors import Misconfigured, Unreadable
from connectors.registry import FAULT
from pipelines.clean import Cleaning, Failure, Value
from pipelines.declarations import Clean, Dataset
from pipelines.sentences import among
from pipelines.sql import DUCKDB, as_integer, as_number, finite, identifier, is_kept, quote
from pipelines.steps import STEPS, apply_steps, parts

TRUE_OR_FALSE = "'true', 'false', 't', 'f', 'yes', 'no', 'y', 'n', '1', '0'"
"""What a text may be to be read as true or false."""

PLACE = "beffroi_place"
FAILURES = "beffroi_failures"


def judge(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    raw: Path,
    parquet_of: Callable[[str], str],
    *,
    names_are_data: bool = False,
) -> list[str]:
    """Make `judged` and `merged` from the raw file; return the source's columns that nothing reads.

    `names_are_data` keeps the names of columns that no declaration knows out of errors. `parquet_of` gives the Parquet file of another dataset's latest version. Raises Misconfigured when the source lacks
    a column that the declaration reads, Unreadable when it is no Parquet file.
    """
    types = _staged(connection, dataset, raw)
    _all_there(dataset, types, names_are_data=names_are_data)
    cleaning = Cleaning(connection, "staged", parquet_of)
    for column in dataset.columns:  # in declared order, so that a step may use a column above it
        cleaning.done[column.name] = _cleaned_column(cleaning, dataset, column, types)
    connection.execute(f"CREATE TEMP TABLE cleaned AS {_cleaned(cleaning)}")
    connection.execute(f"CREATE TEMP TABLE judged AS {_judged(dataset, parquet_of)}")
    connection.execute(f"CREATE TEMP TABLE merged AS {_merged(dataset)}")
    used = {_source_of(dataset, column) for column in dataset.columns}
    return sorted(types.keys() - used)


def _staged(connection: duckdb.DuckDBPyConnection, dataset: Dataset, raw: Path) -> dict[str, str]:
    """Make the view `staged` of the raw file, with each row's place in it; return the source's columns and types."""
    registry, file = dataset.source.registry, f"read_parquet({quote(str(raw))}"
    try:
        found = connection.execute(f"DESCRIBE FROM {file})").fetchall()
    except duckdb.InvalidInputException:
        raise Unreadable(f"{registry} gave a file that is no whole Parquet file", registry=registry) from None
    types = {str(name): str(kind) for name, kind, *_ in found}
    faulty = types.pop(FAULT, None) is not None
    kept = [name for name in types if is_kept(name)]
    if kept:
        raise Misconfigured(
            f"datasets/{dataset.name}.yaml: the table read from {registry} has a column called «{kept[0]}», a name that"
            " Beffroi keeps for itself: have the registry give it another one"
        )
    connection.execute(
        f"CREATE TEMP VIEW staged AS SELECT file_row_number + 1 AS {PLACE}, * EXCLUDE (file_row_number)"
        f"{'' if faulty else f', CAST(NULL AS VARCHAR) AS {FAULT}'} FROM {file}, file_row_number = true)"
    )
    return types


def _all_there(dataset: Dataset, types: dict[str, str], *, names_are_data: bool) -> None:
    """Hold that the source has every column that is read. Raises Misconfigured.

    The names of a file's columns are what stands in its first line: where that is missing, it is somebody's row, and
    hardly a name in it is one that is read.
    """
    read = {column.name: _source_of(dataset, column) for column in dataset.columns}
    wanted = set(read.values())
    strange = names_are_data and len(wanted & types.keys()) < len(wanted) / 2
    for name, source in read.items():
        if source not in types:
            what = f": it has {len(types)} columns, of other names" if strange else among(source, types)
            raise Misconfigured(
                f"datasets/{dataset.name}.yaml: {name} is read from «{source}», which the source does not have{what}"
            )


def _source_of(dataset: Dataset, column: Column) -> str:
    return dataset.clean.get(column.name, Clean()).source or column.name


def _cleaned_column(cleaning: Cleaning, dataset: Dataset, column: Column, types: dict[str, str]) -> Value:
    """Take one column through its steps and to its type."""
    source = _source_of(dataset, column)
    steps = dataset.clean.get(column.name, Clean()).steps
    value, kind = cleaning.source(source), types[source]
    if steps and kind != "VARCHAR":
        cleaning.make(value, f"CAST({value.sql} AS VARCHAR)")
    apply_steps(cleaning, value, steps)
    if steps or kind != DUCKDB[column.type] or column.type in ("number", "date", "datetime"):
        kind = (STEPS[parts(steps[-1])[0]].gives or "VARCHAR") if steps else kind
        cleaning.convert(value, _typed(value.sql, kind, column.type), "type", f"is not of the type {column.type}")
    return value


def _typed(sql: str, kind: str, wanted: str) -> str:
    """Return SQL for a value of DuckDB's type `kind` as a column's type, null where it is none: nothing is rounded."""
    text = f"CAST({sql} AS VARCHAR)"
    match wanted:
        case "integer" if kind == "VARCHAR":
            return as_integer(sql)
        case "integer":
            return f"CASE WHEN TRY_CAST({sql} AS BIGINT) = {sql} THEN TRY_CAST({sql} AS BIGINT) END"
        case "number":
            return as_number(sql) if kind == "VARCHAR" else finite(f"TRY_CAST({sql} AS DOUBLE)")
        case "boolean":
            return f"CASE WHEN lower({text}) IN ({TRUE_OR_FALSE}) THEN TRY_CAST({text} AS BOOLEAN) END"
        case "date" | "datetime":
            whole = f"regexp_full_match({text}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([T ][0-9:.+Z-]+)?')"
            ours = f"{whole} AND NOT starts_with({text}, '0000')"  # nor does Python have the years before Christ
            return finite(f"TRY_CAST(CASE WHEN {ours} THEN {sql} END AS {DUCKDB[wanted]})")
        case _:
            return f"TRY_CAST({sql} AS {DUCKDB[wanted]})"


def _cleaned(cleaning: Cleaning) -> str:
    columns = ", ".join(f"{value.sql} AS {identifier(name)}" for name, value in cleaning.done.items())
    failures = [(name, failure) for name, value in cleaning.done.items() for failure in value.failures]
    return (
        f"SELECT layer.{PLACE}, layer.{FAULT}, {columns}, {_failure_list(failures)} AS {FAILURES}"
        f" FROM {cleaning.relation()}"
    )


def _failure_list(failures: list[tuple[str, Failure]]) -> str:
    """Return SQL for the list of failures of a row; of one column's steps only the first that refuses tells."""
    kind = 'STRUCT("column" VARCHAR, rule VARCHAR, reason VARCHAR)[]'
    cases: dict[str, list[str]] = {}
    for name, failure in failures:
        told = f"{{'column': {quote(name)}, 'rule': {quote(failure.rule)}, 'reason': {quote(failure.reason)}}}"
        cases.setdefault(name, []).append(f"WHEN {failure.condition} THEN {told}")
    items = ", ".join(f"CASE {' '.join(whens)} END" for whens in cases.values())
    return f"CAST(list_filter([{items}], lambda beffroi_f: beffroi_f IS NOT NULL) AS {kind})"


def _judged(dataset: Dataset, parquet_of: Callable[[str], str]) -> str:
    """Add what the constraints and foreign keys refuse to what the steps refused; of a faulty row the fault alone."""
    joins, failures = [], []
    for column in dataset.columns:
        failures += [(column.name, failure) for failure in _constraints(column, dataset.key)]
    for number, key in enumerate(dataset.foreign_keys):
        target, mine = identifier(key.target), f"cleaned.{identifier(key.column)}"
        other = f"(SELECT DISTINCT {target} AS target FROM read_parquet({quote(parquet_of(key.reference.resource))}))"
        joins.append(f"LEFT JOIN {other} foreign_{number} ON foreign_{number}.target = {mine}")
        reason = f"no row of {key.reference.resource} has it as {key.target}: it no longer exists, or never did"
        failures.append(
            (key.column, Failure(f"{mine} IS NOT NULL AND foreign_{number}.target IS NULL", "foreignKey", reason))
        )
    found = f"list_concat({FAILURES}, {_failure_list(failures)})" if failures else FAILURES
    fault = f"[{{'column': '', 'rule': 'row', 'reason': cleaned.{FAULT}}}]"
    found = f"CASE WHEN cleaned.{FAULT} IS NULL THEN {found} ELSE {fault} END"
    return f"SELECT cleaned.* EXCLUDE ({FAILURES}, {FAULT}), {found} AS {FAILURES} FROM cleaned {' '.join(joins)}"


def _constraints(column: Column, key: tuple[str, ...]) -> Iterator[Failure]:
    """Turn Table Schema's constraints into failures; a value that a step refused is not told missing as well."""
    name, wanted, in_key = f"cleaned.{identifier(column.name)}", column.constraints, column.name in key
    refused = f'list_contains(list_transform({FAILURES}, lambda beffroi_f: beffroi_f."column"), {quote(column.name)})'
    if wanted.required or in_key:
        reason = "is missing, and it is part of the key" if in_key else "is missing"
        yield Failure(f"{name} IS NULL AND NOT {refused}", "required", reason)
    if wanted.pattern is not None:
        yield Failure(
            f"NOT regexp_full_match({name}, {quote(wanted.pattern)})", "pattern", f"does not look like {wanted.pattern}"
        )
    if wanted.enum is not None:
        values = ", ".join(f"CAST({quote(str(value))} AS {DUCKDB[column.type]})" for value in wanted.enum)
        yield Failure(f"{name} NOT IN ({values})", "enum", f"is none of {', '.join(map(str, wanted.enum))}")
    for rule, sign, bound in (("minimum", "<", wanted.minimum), ("maximum", ">", wanted.maximum)):
        if bound is not None:
            limit = f"CAST({quote(str(bound))} AS {DUCKDB[column.type]})"
            yield Failure(f"{name} {sign} {limit}", rule, f"is beyond the {rule} of {bound}")
    if wanted.unique and key != (column.name,):  # rows of one key are one row: they are merged
        row = f"struct_pack({', '.join(f'k{n} := cleaned.{identifier(k)}' for n, k in enumerate(key))})"
        keys = f"(PARTITION BY {name})"
        yield Failure(
            f"{name} IS NOT NULL AND min({row}) OVER {keys} <> max({row}) OVER {keys}",
            "unique",
            "stands in several rows",
        )


def _merged(dataset: Dataset) -> str:
    """Make rows of one key one: the first row's values, and where it has none, the next one's that does."""
    key = [identifier(name) for name in dataset.key]
    columns = []
    for column in dataset.columns:
        name = identifier(column.name)
        first = f"first({name} ORDER BY {PLACE}) FILTER (WHERE {name} IS NOT NULL) AS {name}"
        columns.append(name if column.name in dataset.key else first)
    return (
        f"SELECT {', '.join(columns)} FROM judged WHERE len({FAILURES}) = 0"
        f" GROUP BY {', '.join(key)} ORDER BY {', '.join(key)}"
    )
