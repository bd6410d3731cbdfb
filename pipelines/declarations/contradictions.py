"""What one dataset's declaration says against itself, each with the keys where it stands.

Here: sources, schema, key, cleaning. What it says of runs (merge, index, retention, …) is in `conditions`.
"""

import datetime as dt
import re
import sys
from collections.abc import Iterator

from pydantic import TypeAdapter, ValidationError

from connectors.columns import PYTHON, Column
from connectors.records import RECORDS
from pipelines.declarations import Dataset, linked
from pipelines.declarations.conditions import conditions
from pipelines.declarations.forms import misread, unusable
from pipelines.declarations.sentences import among, is_above
from pipelines.declarations.strict_yaml import Keys
from pipelines.sql import is_kept
from pipelines.steps.vocabulary import STEPS, check_steps, column_of, parts

Problem = tuple[Keys, str]

NO_TEXT = ("array", "geopoint", "geojson")
NEVER = {"date": ("integer", "number", "boolean", *NO_TEXT), "number": ("date", "datetime", *NO_TEXT)}
"""The types of column that what a step makes can never become."""

WITH_POINT = ("decimal", "money", "percent")
"""The steps of whose numbers none is read as true or false: 1.0 is neither."""

NAMED = {"as_of": ("date", "datetime", "string"), "postal_code": ("string",)}
"""Of which types a column can be that a step names, by the key that names it."""

WHOLE = (-(2**63), 2**63 - 1)
"""The least and the greatest whole number of a column."""

NO_KEY = ("array", "number", "geojson")
"""The types of column that cannot be part of a key."""


def contradictions(dataset: Dataset) -> Iterator[Problem]:
    """Yield every contradiction of a dataset whose values have the right form."""
    if dataset.record is not None and dataset.record not in RECORDS:
        yield ("record",), f"record {dataset.record} is unknown{among(dataset.record, RECORDS)}"
    elif (dataset.record is None) == (dataset.table_schema is None):
        yield (("record",) if dataset.record else ()), "say either record: or schema:, and not both"
    else:
        names = [column.name for column in dataset.columns]
        yield from _sources(dataset)
        yield from _publication(dataset)
        yield from _said(dataset, names)
        yield from _columns(dataset)
        yield from _keys(dataset, names)
        yield from _cleaning(dataset, names)
        yield from conditions(dataset, names)
        yield from linked.contradictions(dataset, names)


def _sources(dataset: Dataset) -> Iterator[Problem]:
    if dataset.source is None and not dataset.sources:
        yield ("source",), "the key «source» is missing: say where the rows come from, by source: or sources:"
    if dataset.source is not None and "sources" in dataset.model_fields_set:
        yield ("sources",), "say either source: or sources:, and not both"
    names = [source.name for source in dataset.sources]
    for position, name in enumerate(names):
        if name in names[:position]:
            yield ("sources", position), f"two sources are called «{name}»: give one another name:"
    if dataset.source is not None and dataset.source.tables is not None:
        yield ("source", "tables"), "every table of a registry is several sources: write it under sources:, as a list"
    if len(dataset.inputs) == 1 and dataset.inputs[0].tables is None and dataset.inputs[0].when_missing != "fail":
        said = "without its only source a run reads nothing, and the last version stays: when_missing: is for one of several"
        yield ((*dataset.place(0), "when_missing")), said


def _publication(dataset: Dataset) -> Iterator[Problem]:
    if is_kept(dataset.name):
        yield ("name",), "a name that begins with beffroi_ is kept for Beffroi itself: rename the file"
    if dataset.audience != "open":
        if "publication" in dataset.model_fields_set:
            yield (
                ("publication",),
                f"only an open dataset is published, and the audience of this one is {dataset.audience}",
            )
        return
    personal = [column.name for column in dataset.columns if column.personal]
    if personal:
        yield ("audience",), f"audience: open is refused, these columns are personal data: {', '.join(personal)}"
    if not dataset.licence:
        yield ("audience",), "an open dataset needs a licence:"


def _said(dataset: Dataset, names: list[str]) -> Iterator[Problem]:
    for name, said in dataset.said.items():
        if name not in names:
            yield ("columns", name), f"columns names «{name}», which is no column{among(name, names)}"
        elif said.personal is False and "personal" in said.model_fields_set:
            yield ("columns", name, "personal"), "personal: false is what a column is that says nothing: take it out"


def _columns(dataset: Dataset) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for position, column in enumerate(dataset.columns):
        at = ("schema", "fields", position)
        other = seen.setdefault(column.name.casefold(), column.name)
        if column.name in [each.name for each in dataset.columns[:position]]:
            yield (*at, "name"), f"two fields of the schema are called «{column.name}»"
        elif other != column.name:
            yield (*at, "name"), f"«{column.name}» and «{other}» are one name to SQL, which knows no case: rename one"
        if is_kept(column.name):
            yield (*at, "name"), f"the name «{column.name}» is kept for Beffroi itself: take another"
        for rule, said in _constraints(column):
            yield (*at, "constraints", rule), said
        for key, said in misread(column):
            besides = column.name in dataset.said and key in dataset.said[column.name].model_fields_set
            yield (("columns", column.name, key) if besides else (*at, key)), said


def _constraints(column: Column) -> Iterator[tuple[str, str]]:
    """Yield each constraint that a column of this type cannot have, and what is wrong with it."""
    wanted, kind = column.constraints, column.type
    if wanted.pattern is not None and kind != "string":
        yield "pattern", f"a pattern is for texts, and «{column.name}» is of the type {kind}"
    elif wanted.pattern is not None and (wrong := unusable(wanted.pattern)) is not None:
        yield "pattern", wrong
    for rule, length in (("minLength", wanted.min_length), ("maxLength", wanted.max_length)):
        if length is not None and kind not in ("string", "array"):
            yield rule, f"a length is for texts and lists, and «{column.name}» is of the type {kind}"
    if is_above(wanted.min_length, wanted.max_length):
        said = f"minLength {wanted.min_length} is above maxLength {wanted.max_length}"
        yield "minLength", f"{said}: no value can meet both"
    yield from _values(column)


def _values(column: Column) -> Iterator[tuple[str, str]]:
    """Yield each bound and enumeration that is none of a column's type, or that no value can meet."""
    wanted, kind = column.constraints, column.type
    bounds = (("minimum", (wanted.minimum,)), ("maximum", (wanted.maximum,)), ("enum", wanted.enum or ()))
    for rule, values in bounds:
        given = [value for value in values if value is not None]
        if given and kind in ("array", "boolean", "geopoint", "geojson") and (kind, rule) != ("boolean", "enum"):
            yield rule, f"a column of the type {kind} has no {rule}"
        elif not all(_is_of(kind, value) for value in given):
            yield rule, f"not a value of the type {kind}"
    if wanted.enum is not None and not wanted.enum:
        yield "enum", "enum names no value: no value can meet it"
    if kind in ("integer", "number", "date", "datetime") and _is_above(kind, wanted.minimum, wanted.maximum):
        yield "minimum", f"minimum {wanted.minimum} is above maximum {wanted.maximum}: no value can meet both"


def _is_above(kind: str, low: object, high: object) -> bool:
    """Tell whether of two bounds the lower is above the upper; moments without a zone are of UTC."""
    if kind != "datetime" or not (_is_of(kind, low) and _is_of(kind, high)):
        return is_above(low, high)
    first, last = (TypeAdapter(dt.datetime).validate_python(each) for each in (low, high))
    zoned = [each if each.tzinfo else each.replace(tzinfo=dt.UTC) for each in (first, last)]
    return zoned[0] > zoned[1]


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
    if kind not in ("integer", "number"):
        return True
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return WHOLE[0] <= value <= WHOLE[1] if kind == "integer" else abs(value) <= sys.float_info.max


def _keys(dataset: Dataset, names: list[str]) -> Iterator[Problem]:
    types: dict[str, str] = {column.name: column.type for column in dataset.columns}
    at: Keys = ("schema", "primaryKey") if dataset.written_key is None else ("key",)
    said = str(at[-1])
    if dataset.written_key is not None and dataset.record is not None:
        known = RECORDS[dataset.record].key
        yield at, f"take key: out: a row of {dataset.record} is known by {known}"
    for name in dataset.key:
        if name not in names:
            yield at, f"{said} names «{name}», which is no column{among(name, names)}"
        elif types[name] in NO_KEY:
            yield at, f"«{name}» cannot be part of a key: it is of the type {types[name]}"
    if not dataset.key and dataset.written_key is None:
        yield at, "say which columns identify a row: the schema has no primaryKey, and there is no key:"
    elif not dataset.key or len(set(dataset.key)) != len(dataset.key):
        yield at, f"{said} names one column, or several different ones"
    yield from _foreign_keys(dataset, types)


def _foreign_keys(dataset: Dataset, types: dict[str, str]) -> Iterator[Problem]:
    names = list(types)
    for position, key in enumerate(dataset.foreign_keys):
        at = ("schema", "foreignKeys", position, "fields")
        if not key.reference.resource:
            yield (
                (*at[:-1], "reference"),
                "a foreign key names another dataset: one to the dataset itself is not read here",
            )
        if key.column not in names:
            yield at, f"the foreign key names «{key.column}», which is no column{among(key.column, names)}"
        elif types[key.column] == "array":
            yield at, f"«{key.column}» cannot be a foreign key: it is of the type array"


def _cleaning(dataset: Dataset, names: list[str]) -> Iterator[Problem]:
    types: dict[str, str] = {column.name: column.type for column in dataset.columns}
    for at, name, clean in dataset.cleans:
        if name not in names:
            yield (*at, name), f"clean names «{name}», which is no column{among(name, names)}"
            continue
        above, column = names[: names.index(name)], dataset.columns[names.index(name)]
        problems = dict(check_steps(clean.steps))
        yield from (((*at, name, "steps", position), said) for position, said in problems.items())
        if clean.steps and column.type == "array" and column.format == "default":
            yield (*at, name, "steps"), f"steps are for single values, and «{name}» is of the type array"
        if clean.steps and not problems:
            last = parts(clean.steps[-1])[0]
            never = NEVER.get(STEPS[last].gives or "", ())
            if column.type in never or (column.type == "boolean" and last in WITH_POINT):
                said = f"the step {last} makes a {STEPS[last].gives}, and «{name}» is of the type {column.type}"
                yield (*at, name, "steps", len(clean.steps) - 1), said
        for position, step in enumerate(clean.steps):
            used = column_of(step) if position not in problems else None
            if used is not None and used[1] not in above:
                said = f"{used[0]} names «{used[1]}», which is no column above «{name}»{among(used[1], above)}"
                yield (*at, name, "steps", position, parts(step)[0], used[0]), said
            elif used is not None and used[1] in dataset.link:
                said = f"{used[0]} names «{used[1]}», which linking fills in after all steps"
                yield (*at, name, "steps", position, parts(step)[0], used[0]), said
            elif used is not None and (kind := types[used[1]]) not in NAMED.get(used[0], (kind,)):
                said = f"{used[0]} names «{used[1]}», which is of the type {kind} and not {' or '.join(NAMED[used[0]])}"
                yield (*at, name, "steps", position, parts(step)[0], used[0]), said
