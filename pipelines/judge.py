"""Cleaning and row expectations as one set operation over the whole table.

`judge` leaves two temporary tables: `judged`, every row of the source with its cleaned columns and the failures found
in it, and `merged`, the good rows with duplicates of one key made one. Nothing here runs per row in Python.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb

from connectors.columns import Column
from connectors.errors import Misconfigured
from pipelines.clean import Context, Failure, Value, apply_steps, identifier, quote
from pipelines.declarations import Clean, Dataset, among

DUCKDB = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "TIMESTAMPTZ",
    "array": "VARCHAR[]",
}
"""What a column's type is in DuckDB."""

PLACE = "beffroi_place"
FAILURES = "beffroi_failures"


def judge(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, raw: Path, parquet_of: Callable[[str], str]
) -> list[str]:
    """Make `judged` and `merged` from the raw file; return the source's columns that nothing reads.

    `parquet_of` gives the Parquet file of another dataset's latest version. Raises Misconfigured when the source lacks
    a column that the declaration reads.
    """
    staged = f"(SELECT file_row_number + 1 AS {PLACE}, * EXCLUDE (file_row_number) FROM read_parquet({quote(str(raw))}, file_row_number = true))"
    connection.execute(f"CREATE TEMP VIEW staged AS FROM {staged}")
    types = {name: kind for name, kind, *_ in connection.execute("DESCRIBE staged").fetchall() if name != PLACE}
    values = _values(connection, dataset, types, parquet_of)
    connection.execute(f"CREATE TEMP TABLE cleaned AS {_cleaned(values)}")
    connection.execute(f"CREATE TEMP TABLE judged AS {_judged(dataset, parquet_of)}")
    connection.execute(f"CREATE TEMP TABLE merged AS {_merged(dataset)}")
    used = {_source_of(dataset, column) for column in dataset.columns}
    return sorted(set(types) - used)


def _source_of(dataset: Dataset, column: Column) -> str:
    return dataset.clean.get(column.name, Clean()).source or column.name


def _values(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    types: dict[str, str],
    parquet_of: Callable[[str], str],
) -> dict[str, Value]:
    """Compile every column to SQL, in declared order, so that a step may use a column above it."""
    values: dict[str, Value] = {}
    for column in dataset.columns:
        source = _source_of(dataset, column)
        if source not in types:
            raise Misconfigured(
                f"datasets/{dataset.name}.yaml: {column.name} is read from «{source}», which the source does not have"
                f"{among(source, types)}"
            )
        steps = dataset.clean.get(column.name, Clean()).steps
        value = Value(f"staged.{identifier(source)}")
        if steps and types[source] != "VARCHAR":
            value.sql = f"CAST({value.sql} AS VARCHAR)"
        apply_steps(value, steps, Context(connection, "staged", values, parquet_of))
        wanted = DUCKDB[column.type]
        if steps or types[source] != wanted:
            value.convert(f"TRY_CAST({value.sql} AS {wanted})", "type", f"is not of the type {column.type}")
        values[column.name] = value
    return values


def _cleaned(values: dict[str, Value]) -> str:
    joins = list(dict.fromkeys(join for value in values.values() for join in value.joins))
    columns = ", ".join(f"{value.sql} AS {identifier(name)}" for name, value in values.items())
    failures = [(name, failure) for name, value in values.items() for failure in value.failures]
    return f"SELECT {PLACE}, {columns}, {_failure_list(failures)} AS {FAILURES} FROM staged {' '.join(joins)}"


def _failure_list(failures: list[tuple[str, Failure]]) -> str:
    """Return SQL for the list of failures of a row; of one column's steps only the first that refuses tells."""
    kind = 'STRUCT("column" VARCHAR, rule VARCHAR, reason VARCHAR)[]'
    cases: dict[str, list[str]] = {}
    for name, failure in failures:
        told = f"{{'column': {quote(name)}, 'rule': {quote(failure.rule)}, 'reason': {quote(failure.reason)}}}"
        cases.setdefault(name, []).append(f"WHEN {failure.condition} THEN {told}")
    items = ", ".join(f"CASE {' '.join(whens)} END" for whens in cases.values())
    return f"CAST(list_filter([{items}], lambda f: f IS NOT NULL) AS {kind})"


def _judged(dataset: Dataset, parquet_of: Callable[[str], str]) -> str:
    """Add what the constraints and foreign keys refuse to what the steps refused."""
    joins, failures = [], []
    for column in dataset.columns:
        failures += [(column.name, failure) for failure in _constraints(column, column.name in dataset.key)]
    for number, key in enumerate(dataset.foreign_keys):
        target, mine = identifier(key.target), f"cleaned.{identifier(key.column)}"
        other = f"(SELECT DISTINCT {target} AS target FROM read_parquet({quote(parquet_of(key.reference.resource))}))"
        joins.append(f"LEFT JOIN {other} foreign_{number} ON foreign_{number}.target = {mine}")
        reason = f"no row of {key.reference.resource} has it as {key.target}: it no longer exists, or never did"
        failures.append(
            (key.column, Failure(f"{mine} IS NOT NULL AND foreign_{number}.target IS NULL", "foreignKey", reason))
        )
    found = f"list_concat({FAILURES}, {_failure_list(failures)})" if failures else FAILURES
    return f"SELECT cleaned.* EXCLUDE ({FAILURES}), {found} AS {FAILURES} FROM cleaned {' '.join(joins)}"


def _constraints(column: Column, in_key: bool) -> Iterator[Failure]:
    """Turn Table Schema's constraints into failures; a value that a step refused is not told missing as well."""
    name, wanted = f"cleaned.{identifier(column.name)}", column.constraints
    refused = f'list_contains(list_transform({FAILURES}, lambda f: f."column"), {quote(column.name)})'
    if wanted.required or in_key:
        reason = "is missing, and it is part of the key" if in_key else "is missing"
        yield Failure(f"{name} IS NULL AND NOT {refused}", "required", reason)
    if wanted.pattern is not None:
        yield Failure(
            f"NOT regexp_full_match({name}, {quote(wanted.pattern)})", "pattern", f"does not look like {wanted.pattern}"
        )
    if wanted.enum is not None:
        values = ", ".join(quote(str(value)) for value in wanted.enum)
        yield Failure(
            f"CAST({name} AS VARCHAR) NOT IN ({values})", "enum", f"is none of {', '.join(map(str, wanted.enum))}"
        )
    for rule, sign, bound in (("minimum", "<", wanted.minimum), ("maximum", ">", wanted.maximum)):
        if bound is not None:
            limit = f"CAST({quote(str(bound))} AS {DUCKDB[column.type]})"
            yield Failure(f"{name} {sign} {limit}", rule, f"is beyond the {rule} of {bound}")
    if wanted.unique and not in_key:
        yield Failure(
            f"{name} IS NOT NULL AND count(*) OVER (PARTITION BY {name}) > 1", "unique", "stands in several rows"
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
