"""The record of a dataset that mirrors none: its columns as a typed model, so that its rows can be looked up by key."""

from typing import Any

from pydantic import Field, ValidationError, create_model

from connectors.columns import PYTHON
from connectors.identifiers import Check, Identifier
from connectors.records import PERSONAL, Record
from pipelines.declarations import Dataset

ANY = r"(?s:.{1,200})"
"""The form of a key that says nothing of its own."""


def kept(dataset: Dataset) -> list[str]:
    """Return the columns that no record can have: it has something of that name itself."""
    return [each.name for each in dataset.columns if hasattr(Record, each.name) or each.name in Record.__class_vars__]


def record_of(dataset: Dataset) -> type[Record]:
    """Return the record of a dataset's rows, named after it; asked for by the column that is its key.

    Its key must be one column, and none of its columns `kept`.
    """
    if dataset.record_model is not None:
        return dataset.record_model
    made: dict[str, Any] = {}
    for column in dataset.columns:
        python, marks = PYTHON[column.type], PERSONAL if column.personal else None
        about: dict[str, Any] = {"title": column.title or column.name, "description": column.description or None}
        about["json_schema_extra"] = marks
        required = column.constraints.required or column.name in dataset.key
        made[column.name] = (python, Field(**about)) if required else (python | None, Field(None, **about))
    name = "".join(part.capitalize() for part in dataset.name.replace("-", "_").split("_"))
    record = create_model(name, __base__=Record, __doc__=f"A row of the dataset {dataset.name}.", **made)
    record.key = dataset.key[0]
    identifier = _identifier(dataset)
    record.identifiers = {identifier.scheme: Check(identifier)}
    return record


def _identifier(dataset: Dataset) -> Identifier:
    """Return the form of a dataset's key, as far as its declaration says it; schemes know no capitals."""
    key = dataset.key[0]
    column = next(column for column in dataset.columns if column.name == key)
    form = column.constraints.pattern or (r"-?\d{1,19}" if column.type == "integer" else ANY)
    try:
        return Identifier(scheme=key.lower(), pattern=form)
    except ValidationError:  # DuckDB reads expressions that Python does not, or not in bounded time
        return Identifier(scheme=key.lower(), pattern=ANY)
