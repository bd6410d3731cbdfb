"""Columns of a table, in the words of Table Schema, and what they are in Arrow and Python.

A dataset that mirrors a record has the columns derived from it (`columns_of`); one that writes its own `schema:`
has its row model derived from that (`row_model`). Nothing is ever written twice.
Source: Table Schema, https://datapackage.org/standard/table-schema/
"""

import datetime as dt
import functools
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, create_model, model_serializer

from connectors.records import Record

FieldType = Literal["string", "integer", "number", "boolean", "date", "datetime", "array"]
"""What a field of a record can be."""

ColumnType = Literal[FieldType, "geopoint", "geojson"]
"""What a column of a table can be; a place is text there: `lon,lat`, or GeoJSON."""

Personal = bool | Literal["direct", "indirect", "sensitive"]
"""Whether, and how, a column is personal data: it names a person, lets one be found, or tells what the law protects."""

Crs = Literal["EPSG:4326", "EPSG:2154"]
"""The coordinates that a source has: WGS 84 as everywhere, or Lambert-93."""

ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
    "array": pa.list_(pa.string()),
    "geopoint": pa.string(),
    "geojson": pa.string(),
}
PYTHON: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "date": dt.date,
    "datetime": dt.datetime,
    "array": list[str],
    "geopoint": str,
    "geojson": str,
}


class Constraints(BaseModel):
    """What every value must meet (Table Schema, "constraints")."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)

    required: bool = False
    unique: bool = False
    pattern: str | None = None
    min_length: Annotated[int | None, Field(alias="minLength", ge=0)] = None
    max_length: Annotated[int | None, Field(alias="maxLength", ge=0)] = None
    minimum: int | float | str | None = None
    maximum: int | float | str | None = None
    enum: tuple[str | int | float | bool, ...] | None = None


class Column(BaseModel):
    """One column (Table Schema, "field").

    `personal` marks personal data: such a column is never published. What says how the source writes a value (`crs` and
    all from `decimalChar` on, `format` but of texts) is no part of what is told of the column: our values are in one form.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    type: ColumnType = "string"
    title: str = ""
    description: str = ""
    unit: str = ""
    rdf_type: Annotated[str, Field(alias="rdfType")] = ""
    example: str | int | float | bool | None = None
    constraints: Constraints = Constraints()
    personal: Personal = False
    format: str = "default"
    crs: Annotated[Crs | None, Field(exclude=True)] = None
    decimal_char: Annotated[str, Field(alias="decimalChar", min_length=1, max_length=1, exclude=True)] = "."
    group_char: Annotated[str, Field(alias="groupChar", max_length=1, exclude=True)] = ""
    bare_number: Annotated[bool, Field(alias="bareNumber", exclude=True)] = True
    true_values: Annotated[tuple[str, ...] | None, Field(alias="trueValues", min_length=1, exclude=True)] = None
    false_values: Annotated[tuple[str, ...] | None, Field(alias="falseValues", min_length=1, exclude=True)] = None
    missing_values: Annotated[tuple[str, ...], Field(alias="missingValues", exclude=True)] = ()

    @model_serializer(mode="wrap")
    def _told(self, told: SerializerFunctionWrapHandler) -> dict[str, Any]:
        said: dict[str, Any] = told(self)
        if self.type != "string" or "%" in self.format:
            said.pop("format", None)
        return said


@functools.cache
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


def _column_type(annotation: Any) -> tuple[FieldType, tuple[str, ...] | None]:
    """Return the column type of a record field's annotation and, for a Literal, its values."""
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(part for part in get_args(annotation) if part is not type(None))
    if get_origin(annotation) is Literal:
        return "string", get_args(annotation)
    for kind, python in PYTHON.items():
        if annotation == python:
            return kind, None  # type: ignore[return-value]  # the first that is equal is a FieldType
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
