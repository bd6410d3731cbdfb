"""One row judged alone: whether it would pass, and what each cleaning step makes of its values."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from connectors.columns import Column
from pipelines import corrected, evidence, several
from pipelines.cleaned import cleaned_column
from pipelines.declarations import Clean, Dataset, Source
from pipelines.judge import JUDGED, staged_view
from pipelines.needed import Needed
from pipelines.raw import Raw
from pipelines.steps.clean import Cleaning, Failure, Value
from pipelines.steps.vocabulary import apply_steps, parts
from pipelines.workspace import Workspace

Values = Mapping[str, str | None]


@dataclass(frozen=True)
class Made:
    """What a step made of a value; without a step it is the value as it came. `refused`: the step made nothing of it."""

    step: str
    value: str | None
    refused: bool


@dataclass(frozen=True)
class Judgement:
    """What is wrong with a row by itself ({column, rule, reason, reason_fr}), and how its columns came to be."""

    failures: list[dict[str, str]]
    steps: dict[str, list[Made]]


def judged(
    workspace: Workspace, dataset: Dataset, source: Source, raw: Raw, place: int, values: Values,
    columns: Collection[str] = (),
) -> Judgement:  # fmt: skip
    """Judge the row at `place` of a raw input with `values` put into it; `columns` are those whose steps are told.

    What only other rows can tell, as that a value stands twice, is not judged. Raises what a run raises.
    """
    needed = Needed(workspace, dataset.name)
    with evidence.engine() as connection:
        found = corrected.mended(connection, dataset, source, raw, [(0, place, dict(values))], needed)
        several.hold(connection, dataset, found, needed)
        told = connection.execute(f"SELECT {found.rules.told} FROM {JUDGED} WHERE {found.rules.refused}").fetchall()
        steps = dict(_steps(connection, dataset, source, found.types[0], needed, columns)) if columns else {}
    return Judgement(told[0][0] if told else [], steps)


def _steps(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, source: Source, types: dict[str, str], needed: Needed,
    columns: Collection[str],
) -> Iterator[tuple[str, list[Made]]]:  # fmt: skip
    """Yield each column with what its steps made of the one row that is staged, up to the one that refused it."""
    cleaning = Cleaning(connection, staged_view(0), needed.parquet, needed.folder)
    clean = dataset.cleaning(source)
    for column in dataset.columns:
        said = clean.get(column.name, Clean())
        read = said.source or column.name
        value = cleaned_column(cleaning, said, column, {} if column.name in dataset.link else types)
        if column.name in columns and read in types:
            yield column.name, _walked(connection, cleaning, said.steps, column, (read, types[read]), value)
        cleaning.done[column.name] = value


def _walked(
    connection: duckdb.DuckDBPyConnection, cleaning: Cleaning, steps: Sequence[str | dict[str, Any]], column: Column,
    read: tuple[str, str], done: Value,
) -> list[Made]:  # fmt: skip
    """Take the value of a column of the source (its name and type) through the steps one by one, then to its type."""
    value = cleaning.source(read[0])
    if steps and read[1] != "VARCHAR":
        cleaning.make(value, f"CAST({value.sql} AS VARCHAR)")
    told: list[tuple[str, str, list[Failure]]] = [("", value.sql, [])]
    for step in steps:
        before = len(value.failures)
        apply_steps(cleaning, value, [step])
        told.append((_named(step), value.sql, value.failures[before:]))
    told.append((f"type {column.type}", done.sql, done.failures))
    wanted = ", ".join(f"CAST({sql} AS VARCHAR), {_any(failures)}" for _, sql, failures in told)
    row = connection.execute(f"SELECT {wanted} FROM {cleaning.relation()}").fetchall()[0]
    made = [Made(step, row[2 * number], bool(row[2 * number + 1])) for number, (step, _, _) in enumerate(told)]
    first = next((number for number, each in enumerate(made) if each.refused), len(made) - 1)
    return made[: first + 1]


def _any(failures: Sequence[Failure]) -> str:
    """Return SQL: one of these is so."""
    return f"coalesce({' OR '.join(f'({each.condition})' for each in failures) or 'false'}, false)"


def _named(step: str | dict[str, Any]) -> str:
    """Return a declared step as people write it."""
    name, argument = parts(step)
    return name if argument is None or isinstance(argument, dict | list) else f"{name}: {argument}"
