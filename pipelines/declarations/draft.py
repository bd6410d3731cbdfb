"""A draft of a dataset by a published Table Schema: its key, and cleaning steps that follow from types and formats.

What comes from the schema is put on one line and quoted: nothing in it can become a key of the file. Steps mend what is
often found in such columns; what a step leaves, the schema judges.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.columns import Column
from connectors.drafting import EXPECT, FILL_IN
from connectors.sql.personal import looks_personal
from connectors.yaml_text import flow, prose, scalar
from pipelines.declarations import Dataset, TableSchema
from pipelines.declarations.contradictions import contradictions
from pipelines.declarations.strict_yaml import Keys
from pipelines.declarations.table_schema import CONSTRAINTS, FALSE, TRUE
from pipelines.steps.dates import FORMS as DATES
from pipelines.steps.dates import UNDECLARED

CHECKS = {
    "french-siret-value": "siret",
    "siret-valide": "siret",
    "french-siren-value": "siren",
    "siren-valide": "siren",
}
"""Rules that schemas of schema.data.gouv.fr have beyond Table Schema (`custom_checks`), and the step that is the same."""

MADE = {"siret": "55210055400013", "siren": "552100554", "rna": "W751234567", "email": "a@example.org"}
"""What steps make of a text: a column whose constraints refuse it has no such step."""
POSTAL = "80000"
NUMBERS = ("siret", "siren", "rna")

_TITLE = re.compile(r"(?:(?:numero|num|no|n|code|identifiant|id) (?:de |du |d )?)?(siret|siren|rna)\b")
"""A title that begins with the number itself: further on, it may be another column's that this one is beside."""
_PLACE = {"adresse", "adr", "address", "commune", "ville", "siege", "localite"}
"""Words beside which «cp» is a postal code; in `nb_cp` it may be anything."""

NO_STEPS = ("array", "geopoint", "geojson")
"""The types of columns in which white space is the writer's own."""

PASSED_OVER = ("uniqueKeys",)
"""What Table Schema knows of a whole schema and a run does not judge."""

OF_ENTRIES = "arrayItem"
"""What schemas say of the entries of a list, though Table Schema does not know it."""

HEAD = (
    "Rows by the Table Schema «{title}»{version}. Written by `beffroi schema add`; from here on it is yours: run"
    " `beffroi check`."
)
STEPS_ARE = (
    "Steps mend what is often found; what they leave, the schema judges. Those for numbers of enterprises and"
    " associations hold check digits too. A column whose values are to be judged as they come needs none."
)
DAY_FIRST = "Of dates that are not written 2026-01-15, the day comes first: 01/02/2026 is the first of February."
COMMAS = (
    "A number with a comma is refused, as the schema says, since it may be thousands: where commas part decimals, put"
    " `decimal` at the end of the steps of {names}."
)
NO_KEY = "The schema has no primaryKey: name the column, or the columns, by which a row is known{required}."
ONE_KEY = "The schema has no primaryKey; of this column it says that each row has a value of its own."
OPEN = "open where everyone may see it, which needs a licence: too."
PERSONAL = (
    " These look personal by their names: of each that is, say `columns: {{NAME: {{personal: true}}}}`, which forbids"
    " open: {names}."
)


def unheld(schema: TableSchema) -> Iterator[tuple[Keys, str]]:
    """Yield what no dataset can have of a schema: the keys where it stands there, and why."""
    key = schema.primary_key or schema.fields[0].name
    said = {
        "title": "t",
        "owner": "t",
        "audience": "owner",
        "source": {"registry": "t"},
        "key": None if schema.primary_key else key,
    }
    dataset = Dataset.model_validate({"name": "t", "schema": schema, **said})
    yield from ((keys[1:], why) for keys, why in contradictions(dataset) if keys[:1] == ("schema",))


def passed_over(written: Mapping[str, Any], schema: TableSchema) -> list[str]:
    """Return in words which rules of a schema a run does not judge, and which other datasets it needs."""
    rules = dict.fromkeys(
        f"{rule} of {field['name']}"
        for field in written["fields"]
        for rule in [*(field.get("constraints") or {}), *([OF_ENTRIES] if OF_ENTRIES in field else [])]
        if rule not in CONSTRAINTS
    )
    rules |= dict.fromkeys(
        f"{name}{_of(columns)}" for name, columns in _checks(written) if not _is_step(name, columns, schema)
    )
    rules |= dict.fromkeys(key for key in PASSED_OVER if written.get(key))
    others = sorted({each.reference.resource for each in schema.foreign_keys})
    said = [f"not judged, since Beffroi does not know these rules: {', '.join(rules)}"] if rules else []
    return said + [f"its foreign keys need the dataset {each} in this workspace" for each in others]


def _checks(written: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield the rules beyond Table Schema by name, each with the columns that it is for."""
    given = written.get("custom_checks")
    for check in given if isinstance(given, list) else ():
        if isinstance(check, dict):
            params = check.get("params")
            named = params if isinstance(params, dict) else {}
            columns = [named.get("column"), *_list(named.get("columns")), *_list(named.get("othercolumns"))]
            yield str(check.get("name")), [each for each in columns if isinstance(each, str)]


def _is_step(check: str, names: Sequence[str], schema: TableSchema) -> bool:
    """Tell whether a rule beyond Table Schema is held by a step of each column that it is for."""
    columns = {column.name: column for column in schema.columns}
    return check in CHECKS and all(
        name in columns and CHECKS[check] in steps_of(columns[name], CHECKS[check]) for name in names
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _of(columns: Sequence[str]) -> str:
    return f" of {' and '.join(columns)}" if columns else ""


# --- the text --------------------------------------------------------------------------------------------------------


def text_of(
    path: str, schema: TableSchema, written: Mapping[str, Any], *, owner: str, registry: str | None, table: str | None
) -> str:
    """Return the text of a dataset whose columns are those of the schema at `path` of the workspace.

    `written` is the schema as it was published. Without a registry, or a key in the schema, FILL_IN stands there.
    """
    title = _words(written, "title") or _words(written, "name") or path
    version = _words(written, "version")
    source = {"registry": registry or FILL_IN} | ({"table": table or FILL_IN} if table or not registry else {})
    lines = [
        *prose(HEAD.format(title=title, version=version and f", version {version}")),
        f"title: {scalar(title)}",
        f"owner: {scalar(owner)}",
        *prose(OPEN + _personal(schema.columns)),
        "audience: owner",
        f"source: {flow(source)}",
        f"schema: {path}",
        *_key(schema),
        *_clean(schema.columns, written),
        *EXPECT,
    ]
    return "\n".join(lines) + "\n"


def _words(written: Mapping[str, Any], key: str) -> str:
    said = written.get(key)
    return " ".join(said.split()) if isinstance(said, str) else ""


def _key(schema: TableSchema) -> Iterator[str]:
    """Yield the lines of the key, where the schema has none."""
    if schema.primary_key:
        return
    required = [each for each in schema.fields if each.constraints.required]
    alone = next((each.name for each in required if each.constraints.unique), None)
    among = f". Each row has: {', '.join(each.name for each in required)}" if required else ""
    yield from prose(NO_KEY.format(required=among) if alone is None else ONE_KEY)
    yield f"key: [{alone or FILL_IN}]"


def _personal(columns: Sequence[Column]) -> str:
    """Return in words which columns look personal: by more than a word that things have too, as a name."""
    found = looks_personal({column.name: "" for column in columns})
    names = [name for name, why in found.items() if "beside" not in why]
    return PERSONAL.format(names=", ".join(names)) if names else ""


def _clean(columns: Sequence[Column], written: Mapping[str, Any]) -> Iterator[str]:
    checked = {column: CHECKS[name] for name, names in _checks(written) if name in CHECKS for column in names}
    steps = {column.name: list(steps_of(column, checked.get(column.name))) for column in columns}
    if any(steps.values()):
        yield from prose(STEPS_ARE)
        if any("date" in each for each in steps.values()):
            yield from prose(DAY_FIRST)
        if commas := [column.name for column in columns if _is_plain_number(column)]:
            yield from prose(COMMAS.format(names=", ".join(commas)))
        yield "clean:"
    yield from (f"  {scalar(name)}: {flow({'steps': each})}" for name, each in steps.items() if each)


# --- steps -----------------------------------------------------------------------------------------------------------


def steps_of(column: Column, check: str | None = None) -> Iterator[str | dict[str, Any]]:
    """Yield the steps that follow from what a schema says of a column; `check` is the number that it is to be held as.

    A step that makes a value of the column's type has the last word on how it is written. There is none where the schema
    says itself how: signs of numbers, words for true and false, a pattern of dates that no step reads. Nor is there one
    that would take what the schema refuses as another value (1,234), or make of a text what the schema refuses.
    """
    if column.type in NO_STEPS:
        return
    yield "trim"
    last = _last(column, check)
    missing = [word for word in column.missing_values if word.strip()]
    if missing and (last is not None or _is_plain_number(column)):
        yield {"empty": missing}  # the step comes before the schema, and would refuse them
    if last is not None:
        yield last


def _is_plain_number(column: Column) -> bool:
    signs = (column.decimal_char, column.group_char, column.bare_number)
    return column.type == "number" and signs == (".", "", True)


def _last(column: Column, check: str | None) -> str | dict[str, Any] | None:
    match column.type:
        case "string":
            return _of_text(column, check)
        case "boolean" if _has(column.true_values, TRUE) and _has(column.false_values, FALSE):
            return "boolean"
        case "date":
            form = "YYYY-MM-DD" if column.format == "default" else _form(column.format)
            return "date" if form in UNDECLARED else {"date": [form]} if form else None
    return None


def _has(words: Sequence[str] | None, all_of: Sequence[str]) -> bool:
    return words is not None and set(words) == set(all_of)


def _form(pattern: str) -> str | None:
    return next((name for name, (form, _) in DATES.items() if form == pattern), None)


def _of_text(column: Column, check: str | None) -> str | dict[str, Any] | None:
    """Return the step for a text that is a number of a known kind, by its format, a check, its name or its title."""
    if number := ("email" if column.format == "email" else check or _number(column)):
        return number if _bears(column, MADE[number]) else None
    words = _plain(column.name)
    named = "codepostal" in words or {"code", "postal"} <= set(words) or words == ["cp"]
    if (named or ("cp" in words and _PLACE & set(words))) and _bears(column, POSTAL):
        return {"postal_code": "FR"}
    return None


def _number(column: Column) -> str | None:
    """Return the one number that a column's name, or else its title, says that it is."""
    name, title = ([each for each in NUMBERS if each in _plain(text)] for text in (column.name, column.title))
    if name:
        return name[0] if len(name) == 1 else None
    return title[0] if len(title) == 1 and _TITLE.match(" ".join(_plain(column.title))) else None


def _bears(column: Column, made: str) -> bool:
    """Tell whether what a step makes can meet the constraints of a column."""
    said = column.constraints
    if said.enum is not None or not (said.min_length or 0) <= len(made) <= (said.max_length or len(made)):
        return False
    try:
        return said.pattern is None or re.fullmatch(said.pattern, made) is not None
    except re.error:
        return False


def _plain(text: str) -> list[str]:
    """Return the words of a name or a title, in small letters without accents."""
    apart = unicodedata.normalize("NFKD", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text.replace("°", " ")))
    return re.sub(r"[^a-z]+", " ", apart.encode("ascii", "ignore").decode().lower()).split()
