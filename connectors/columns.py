"""Columns of a table, in the words of Table Schema, and what they are in Arrow and Python.

A dataset that mirrors a record has the columns derived from it (`columns_of`); one that writes its own `schema:`
has its row model derived from that (`row_model`). Nothing is ever written twice.
Source: Table Schema, https://datapackage.org/standard/table-schema/
"""

import datetime as dt
import types
from typing import Any, Literal, Union, get_args, get_origin

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, create_model

from connectors.records import Record

ColumnType = Literal["string", "integer", "number", "boolean", "date", "datetime", "array"]

ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
    "array": pa.list_(pa.string()),
}
PYTHON: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "date": dt.date,
    "datetime": dt.datetime,
    "array": list[str],
}


class Constraints(BaseModel):
    """What every value must meet (Table Schema, "constraints")."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    required: bool = False
    unique: bool = False
    pattern: str | None = None
    minimum: int | float | str | None = None
    maximum: int | float | str | None = None
    enum: tuple[str | int | float | bool, ...] | None = None


class Column(BaseModel):
    """One column (Table Schema, "field"). `personal` marks personal data: such a column is never published."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    type: ColumnType = "string"
    title: str = ""
    description: str = ""
    constraints: Constraints = Constraints()
    personal: bool = False


def columns_of(record: type[Record]) -> tuple[Column, ...]:
    """Derive the columns of a table that mirrors `record`: one per field, in their order."""
    columns = []
    for name, field in record.model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        kind, values = _column_type(field.annotation)
        columns.append(
            Column(
                name=name,
                type=kind,
                title=field.title or "",
                description=field.description or "",
                constraints=Constraints(required=field.is_required(), enum=values),
                personal=bool(extra.get("personal")),
            )
        )
    return tuple(columns)


def _column_type(annotation: Any) -> tuple[ColumnType, tuple[str, ...] | None]:
    """Return the column type of a record field's annotation and, for a Literal, its values."""
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(part for part in get_args(annotation) if part is not type(None))
    if get_origin(annotation) is Literal:
        return "string", get_args(annotation)
    for kind, python in PYTHON.items():
        if annotation == python:
            return kind, None  # type: ignore[return-value]  # the keys of PYTHON are the ColumnTypes
    raise TypeError(f"no column type for {annotation!r}: add it to connectors/columns.py")


def arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    """Return the Arrow schema of a table with these columns; all are nullable, constraints are checked elsewhere."""
    return pa.schema([pa.field(column.name, ARROW[column.type]) for column in columns])


def row_model(name: str, columns: tuple[Column, ...]) -> type[BaseModel]:
    """Derive the model of one row, for JSON answers and OpenAPI, from the columns of a `schema:`."""
    fields: dict[str, Any] = {
        column.name: (
            PYTHON[column.type] if column.constraints.required else PYTHON[column.type] | None,
            Field(
                default=... if column.constraints.required else None,
                title=column.title or None,
                description=column.description or None,
            ),
        )
        for column in columns
    }
    return create_model(name, **fields)
