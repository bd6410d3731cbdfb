"""Which types of column can hold the columns of a table as they come: what a dataset may declare without any step."""

from collections.abc import Mapping

import pyarrow as pa

from connectors.soap.bulk import Scanned
from connectors.soap.places import NoSuchKey, of_element, place_at
from connectors.soap.shapes import Simple
from connectors.soap.values import BUILTINS

TEXT, UNTOLD = frozenset({"string"}), frozenset({"string", "integer", "number", "boolean", "date", "datetime"})
"""What only a text can be, and what some text can be: one of a form that nothing here understands."""

_HELD: Mapping[str, frozenset[str]] = {
    "boolean": frozenset({"boolean", "string"}),
    "integer": frozenset({"integer", "number", "string"}),
    "decimal": frozenset({"number", "string"}),
    "float": frozenset({"number", "string"}),
    "double": frozenset({"number", "string"}),
    "date": frozenset({"date", "datetime", "string"}),
    "dateTime": frozenset({"datetime", "string"}),
    "gYear": frozenset({"integer", "string"}),
}
"""By the builtin type that a type goes back to; others are texts."""


def held(table: Scanned) -> dict[str, frozenset[str]]:
    """Return the columns of a table, each with the types of column that can hold it."""
    row = of_element(table.rows.row)
    found = {}
    for field in table.rows.schema:
        try:
            place = place_at(row, field.name.replace(".", "/"), through_lists=False)
        except NoSuchKey:  # the text of a row that is no object, or a name with a dot of its own
            place = row
        found[field.name] = TEXT if place.also else _of(field.type, place.simple)
    return found


def _of(kind: pa.DataType, simple: Simple | None) -> frozenset[str]:
    if pa.types.is_list(kind):
        return frozenset({"array"})
    if pa.types.is_binary(kind):
        return frozenset()
    if simple is None:  # an object, as JSON text
        return TEXT
    if simple.base in ("list", "union"):
        return UNTOLD
    base: str | None = simple.base
    while base is not None and base not in _HELD:
        base = BUILTINS[base].base
    if base is not None:
        whole = base == "decimal" and simple.facets.get("fractionDigits") == "0"
        return _HELD["integer"] if whole else _HELD[base]
    return UNTOLD if {"pattern", "enumeration"} & simple.facets.keys() else TEXT
