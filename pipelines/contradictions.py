"""What one dataset's declaration says against itself, each with the keys where it stands."""

import math
import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter, ValidationError

from connectors.columns import PYTHON, Column
from connectors.records import RECORDS
from pipelines.declarations import Bounds, Dataset
from pipelines.sentences import among
from pipelines.sql import is_kept
from pipelines.steps import STEPS, check_steps, parts
from pipelines.strict_yaml import Keys

Problem = tuple[Keys, str]

NEVER = {"date": ("integer", "number", "boolean"), "number": ("date", "datetime")}
"""The types of column that what a step makes can never become."""


def contradictions(dataset: Dataset) -> Iterator[Problem]:
    """Yield every contradiction of a dataset whose values have the right form."""
    if dataset.record is not None and dataset.record not in RECORDS:
        yield ("record",), f"record {dataset.record} is unknown{among(dataset.record, RECORDS)}"
    elif (dataset.record is None) == (dataset.table_schema is None):
        yield (("record",) if dataset.record else ()), "say either record: or schema:, and not both"
    else:
        names = [column.name for column in dataset.columns]
        yield from _publication(dataset)
        yield from _columns(dataset, names)
        yield from _keys(dataset, names)
        yield from _cleaning(dataset, names)
        yield from _expectations(dataset)


def _publication(dataset: Dataset) -> Iterator[Problem]:
    if is_kept(dataset.name):
        yield ("name",), "a name that begins with beffroi_ is kept for Beffroi itself: rename the file"
    if dataset.audience != "open":
        return
    personal = [column.name for column in dataset.columns if column.personal]
    if personal:
        yield ("audience",), f"audience: open is refused, these columns are personal data: {', '.join(personal)}"
    if not dataset.licence:
        yield ("audience",), "an open dataset needs a licence:"


def _columns(dataset: Dataset, names: list[str]) -> Iterator[Problem]:
    for position, column in enumerate(dataset.table_schema.fields if dataset.table_schema else ()):
        at = ("schema", "fields", position)
        if column.name in names[:position]:
            yield (*at, "name"), f"two fields of the schema are called «{column.name}»"
        if is_kept(column.name):
            yield (*at, "name"), f"the name «{column.name}» is kept for Beffroi itself: take another"
        for rule, said in _constraints(column):
            yield (*at, "constraints", rule), said


def _constraints(column: Column) -> Iterator[tuple[str, str]]:
    """Yield each constraint that a column of this type cannot have, and what is wrong with it."""
    wanted, kind = column.constraints, column.type
    if wanted.pattern is not None and kind != "string":
        yield "pattern", f"a pattern is for texts, and «{column.name}» is of the type {kind}"
    elif wanted.pattern is not None and not _is_pattern(wanted.pattern):
        yield "pattern", "not a regular expression (RE2 reads it: no look-around, no back references)"
    bounds = (("minimum", (wanted.minimum,)), ("maximum", (wanted.maximum,)), ("enum", wanted.enum or ()))
    for rule, values in bounds:
        given = [value for value in values if value is not None]
        if given and kind in ("array", "boolean") and (kind, rule) != ("boolean", "enum"):
            yield rule, f"a column of the type {kind} has no {rule}"
        elif not all(_is_of(kind, value) for value in given):
            yield rule, f"not a value of the type {kind}"
    if kind in ("integer", "number", "date") and _is_above(wanted.minimum, wanted.maximum):
        yield "minimum", f"minimum {wanted.minimum} is above maximum {wanted.maximum}: no value can meet both"


def _is_above(low: object, high: object) -> bool:
    """Tell whether of two bounds the lower is above the upper; dates are texts that sort as they should."""
    if isinstance(low, str) and isinstance(high, str):
        return low > high
    return isinstance(low, int | float) and isinstance(high, int | float) and low > high


def _is_pattern(pattern: str) -> bool:
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid:
        return False
    return True


def _is_of(kind: str, value: object) -> bool:
    """Tell whether a declared value can be one of a column's."""
    if kind in ("string", "date", "datetime") and not isinstance(value, str):
        return False
    if kind in ("date", "datetime") and not re.match(r"\d{4}-\d{2}-\d{2}", str(value)):
        return False
    try:
        TypeAdapter(PYTHON[kind]).validate_python(value)
    except ValidationError:
        return False
    return kind not in ("integer", "number") or not isinstance(value, bool | str)


def _keys(dataset: Dataset, names: list[str]) -> Iterator[Problem]:
    types = {column.name: column.type for column in dataset.columns}
    for name in dataset.key:
        if name not in names:
            yield ("schema", "primaryKey"), f"primaryKey names «{name}», which is no column{among(name, names)}"
        elif types[name] in ("array", "number"):
            yield ("schema", "primaryKey"), f"«{name}» cannot be part of a key: it is of the type {types[name]}"
    if not dataset.key or len(set(dataset.key)) != len(dataset.key):
        yield ("schema", "primaryKey"), "primaryKey names one column, or several different ones"
    for position, key in enumerate(dataset.foreign_keys):
        at = ("schema", "foreignKeys", position, "fields")
        if key.column not in names:
            yield at, f"the foreign key names «{key.column}», which is no column{among(key.column, names)}"
        elif types[key.column] == "array":
            yield at, f"«{key.column}» cannot be a foreign key: it is of the type array"


def _cleaning(dataset: Dataset, names: list[str]) -> Iterator[Problem]:
    for name, clean in dataset.clean.items():
        if name not in names:
            yield ("clean", name), f"clean names «{name}», which is no column{among(name, names)}"
            continue
        above = names[: names.index(name)]
        problems = dict(check_steps(clean.steps))
        yield from ((("clean", name, "steps", position), said) for position, said in problems.items())
        if clean.steps and dataset.columns[len(above)].type == "array":
            yield ("clean", name, "steps"), f"steps are for single values, and «{name}» is of the type array"
        if clean.steps and not problems:
            last, kind = parts(clean.steps[-1])[0], dataset.columns[len(above)].type
            if kind in NEVER.get(STEPS[last].gives or "", ()):
                said = f"the step {last} makes a {STEPS[last].gives}, and «{name}» is of the type {kind}"
                yield ("clean", name, "steps", len(clean.steps) - 1), said
        for position, step in enumerate(clean.steps):
            if position in problems or parts(step)[0] != "find_commune":
                continue
            postal = parts(step)[1]["postal_code"]
            if postal not in above:
                said = f"postal_code names «{postal}», which is no column above «{name}»{among(postal, above)}"
                yield ("clean", name, "steps", position, "find_commune", "postal_code"), said


def _expectations(dataset: Dataset) -> Iterator[Problem]:
    """Yield the bounds that no version can meet."""
    share = "a share of the rows is from 0 to 1, 5 % is 0.05"
    yield from _bounds("rows", dataset.expect.rows, math.inf, "a number of rows is 0 or more")
    yield from _bounds("refused", dataset.expect.refused, 1, share)


def _bounds(what: str, bounds: Bounds, most: float, rule: str) -> Iterator[Problem]:
    for side, bound in (("min", bounds.min), ("max", bounds.max)):
        if bound is not None and not 0 <= bound <= most:
            yield ("expect", what, side), f"{side} is {bound:g}: {rule}"
    if _is_above(bounds.min, bounds.max):
        yield ("expect", what), f"min {bounds.min:g} is above max {bounds.max:g}: no version can meet both"
