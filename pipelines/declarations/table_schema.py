"""A Table Schema by reference: a file of the workspace, as its authors published it, read as a dataset's columns.

Whatever they say of their own is passed over; what Table Schema says is kept or, where Beffroi cannot hold it, told as
a problem. Types that Beffroi's tables do not have become those that hold their values: a year is a whole number, a time
of the day a text of that form.
Source: Table Schema 1 and 2, https://datapackage.org/standard/table-schema/
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.declarations import TableSchema
from pipelines.declarations.sentences import among, read
from pipelines.declarations.strict_yaml import Keys

TYPES: Mapping[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "any": {"type": "string", "format": "default"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "date"},
    "datetime": {"type": "datetime"},
    "year": {"type": "integer", "format": "year"},
    "yearmonth": {"type": "string", "format": "yearmonth"},
    "time": {"type": "string", "format": "time"},
    "duration": {"type": "string", "format": "duration"},
    "object": {"type": "string", "format": "object"},
    "array": {"type": "array", "format": "json"},
    "geopoint": {"type": "geopoint"},
    "geojson": {"type": "geojson"},
}
"""What each type of Table Schema is as a column."""

KEPT = (
    "name", "title", "description", "rdfType", "unit", "example",
    "decimalChar", "groupChar", "bareNumber", "trueValues", "falseValues",
)  # fmt: skip
CONSTRAINTS = ("required", "unique", "pattern", "enum", "minimum", "maximum", "minLength", "maxLength")
TRUE, FALSE = ["true", "True", "TRUE", "1"], ["false", "False", "FALSE", "0"]
"""What Table Schema reads as true and false where a field says nothing else."""
MISSING = [""]
"""What Table Schema reads as no value where a schema says nothing else."""


class Referenced:
    """A file that a dataset names as its schema. `schema` is None where there are `problems`."""

    def __init__(self, path: Path, shown: str) -> None:
        """Read the file at `path`; sentences show it as `shown`."""
        self.shown = shown
        self.schema: TableSchema | None = None
        self._lines: list[int] = []
        try:
            text = path.read_text(encoding="utf-8-sig")
            written = json.loads(text)
        except OSError as error:
            self.problems = [f"{shown}:1: cannot be read: {error.strerror}"]
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            self.problems = [f"{shown}:{line}: is not UTF-8: Table Schema is written in that encoding"]
        except json.JSONDecodeError as error:
            self.problems = [f"{shown}:{error.lineno}: not valid JSON: {error.msg}"]
        except RecursionError:
            self.problems = [f"{shown}:1: values are nested too deeply"]
        else:
            self._read(text, written)

    def at(self, *keys: str | int) -> str:
        """Return `file:line` of what stands at some keys of the schema: the line of its field, where it is of one."""
        field = keys[1] if len(keys) > 1 and keys[0] == "fields" else None
        line = self._lines[field] if isinstance(field, int) and field < len(self._lines) else 1
        return f"{self.shown}:{line}"

    def _read(self, text: str, written: Any) -> None:
        fields = written.get("fields") if isinstance(written, dict) else None
        if not isinstance(fields, list) or not all(isinstance(field, dict) for field in fields):
            self.problems = [f"{self.shown}:1: is no Table Schema: that has fields, each with a name"]
            return
        self._lines = list(_lines(text, fields))
        found = list(_unread(fields))
        self.problems = [f"{self.at(*keys)}: {said}" for keys, said in found]
        if not found:
            self.schema, self.problems = read(TableSchema, _ours(written), self.at)


def _lines(text: str, fields: list[dict[str, Any]]) -> Iterator[int]:
    """Yield the line of each field: where its name is written, after the fields before it."""
    at = max(text.find('"fields"'), 0)
    for field in fields:
        name = field.get("name")
        ways = {json.dumps(name, ensure_ascii=False), json.dumps(name)}
        found = re.compile(rf'"name"\s*:\s*({"|".join(map(re.escape, ways))})').search(text, at)
        at = found.end() if found else at
        yield text.count("\n", 0, at) + 1


def _unread(fields: list[dict[str, Any]]) -> Iterator[tuple[Keys, str]]:
    """Yield what no column can be made of, where the models would not say it in Table Schema's own words."""
    for position, field in enumerate(fields):
        kind, keys = field.get("type", "string"), ("fields", position)
        if not isinstance(kind, str) or kind not in TYPES:
            yield keys, f"{_called(field)} has a type that is not read here: «{kind}»{among(str(kind), TYPES)}"
        for key in ("constraints", "format"):
            wanted: type = dict if key == "constraints" else str
            if not isinstance(field.get(key, wanted()), wanted):
                yield keys, f"{_called(field)} has {key} that {'are' if key == 'constraints' else 'is'} not understood"


def _called(field: dict[str, Any]) -> str:
    return f"the field «{field.get('name', '')}»"


def _ours(written: dict[str, Any]) -> dict[str, Any]:
    """Return a Table Schema in the form of our own, without what is not of Table Schema."""
    missing = written.get("missingValues", MISSING)
    schema: dict[str, Any] = {
        "fields": [_field(field) for field in written["fields"]],
        "missingValues": _words(missing),
    }
    for key in ("primaryKey", "foreignKeys"):
        if written.get(key) is not None:
            schema[key] = written[key]
    if isinstance(schema.get("foreignKeys"), list):
        schema["foreignKeys"] = [_foreign_key(key) for key in schema["foreignKeys"]]
    return schema


def _words(values: Any) -> Any:
    """Return the values of a list whose entries may have labels (Table Schema 2)."""
    if not isinstance(values, list):
        return values
    return [value.get("value", "") if isinstance(value, dict) else value for value in values]


def _foreign_key(key: Any) -> Any:
    if not isinstance(key, dict) or not isinstance(key.get("reference"), dict):
        return key
    reference = {name: key["reference"].get(name, "") for name in ("resource", "fields")}
    return {"fields": key.get("fields", ""), "reference": reference}


def _field(field: dict[str, Any]) -> dict[str, Any]:
    made = {key: field[key] for key in KEPT if field.get(key) is not None}
    if isinstance(made.get("example"), dict | list):
        made["example"] = json.dumps(made["example"], ensure_ascii=False)
    kind = TYPES[field.get("type", "string")]
    form = field.get("format", "default").removeprefix("fmt:")  # so patterns were written before version 1
    made |= (
        {"format": form} | kind
        if form == "default" or ("format" in kind and "%" not in form)
        else kind | {"format": form}
    )
    if made["type"] == "boolean":
        made = {"trueValues": TRUE, "falseValues": FALSE} | made
    if field.get("missingValues") is not None:
        made["missingValues"] = _words(field["missingValues"])
    reads = _reader(made)
    given = field.get("constraints", {})
    constraints = {key: given[key] for key in CONSTRAINTS if given.get(key) is not None}
    for key in ("minimum", "maximum"):
        if key in constraints:
            constraints[key] = reads(constraints[key])
    if isinstance(constraints.get("enum"), list):
        constraints["enum"] = [reads(value) for value in constraints["enum"]]
    return made | {"constraints": constraints}


def _reader(field: dict[str, Any]) -> Callable[[Any], Any]:
    """Return what makes a bound or a value of an enumeration, written as the field's values are, one of the column's."""
    kind, form = field["type"], str(field["format"])

    def reads(value: Any) -> Any:
        if not isinstance(value, str):
            return str(value) if kind == "string" and isinstance(value, int | float) else value
        try:
            if kind in ("integer", "number"):
                plain = value.replace(field.get("groupChar", ""), "").replace(field.get("decimalChar", "."), ".")
                return int(plain) if kind == "integer" else float(plain)
            if kind in ("date", "datetime") and "%" in form:
                moment = datetime.strptime(value, form)  # noqa: DTZ007  # as the column's own values are read
                return moment.date().isoformat() if kind == "date" else moment.isoformat()
        except ValueError:
            return value  # what it should be is told with the column
        if kind == "boolean":
            return True if value in field["trueValues"] else False if value in field["falseValues"] else value
        return value

    return reads
