"""The rows of a version that a decision gives, as a condition for the engine; its values are the workspace's own."""

from collections.abc import Iterable

from connectors.errors import NotGranted
from gateway.callers.decision import Decision, Rows
from pipelines import versions
from pipelines.declarations import Dataset
from pipelines.sql import identifier, quote
from pipelines.versions import Version


def within(decision: Decision, dataset: Dataset, version: Version, fields: Iterable[str]) -> str:
    """Return SQL for the rows of which all of `fields` are given, empty where they are of every row.

    Raises NotGranted for a version that has not the columns by which rows are granted, as they are declared today.
    """
    conditions = decision.conditions(list(fields) or decision.fields)
    named = {column for alternatives in conditions for rows in alternatives for column in rows}
    if missing := sorted(named.difference(versions.shared(version, dataset))):
        raise NotGranted(
            f"rows of {dataset.name} are granted to {decision.who} by {', '.join(missing)}, which version"
            f" {version.number} has not, or not of today's type: ask for a later one"
        )
    return " AND ".join(f"({' OR '.join(map(_rows, alternatives))})" for alternatives in conditions)


def _rows(rows: Rows) -> str:
    listed = {column: ", ".join(map(quote, sorted(values))) for column, values in rows.items()}
    return f"({' AND '.join(f'{identifier(column)} IN ({values})' for column, values in listed.items())})"
