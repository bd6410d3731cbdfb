"""One column on its way from the source to its type: the steps that are declared for it, as SQL."""

from collections.abc import Collection, Sequence

from connectors.columns import Column
from connectors.errors import Misconfigured, Unreadable
from pipelines import geometry
from pipelines.declarations import Clean, Dataset, Source, forms
from pipelines.declarations.origins import place
from pipelines.declarations.sentences import among
from pipelines.needed import Needed
from pipelines.sql import DUCKDB, as_integer, as_number, exact_number, finite
from pipelines.steps.clean import Cleaning, Reason, Value
from pipelines.steps.vocabulary import STEPS, apply_steps, parts

TRUE_OR_FALSE = "'true', 'false', 't', 'f', 'yes', 'no', 'y', 'n', '1', '0'"
"""What a text may be to be read as true or false."""

MADE = {"date": "DATE", "number": "a number"}
"""What a step makes, as its `gives` tells it: some make whole numbers and some others."""


def all_there(dataset: Dataset, source: Source, types: dict[str, str], needed: Needed, *, names_are_data: bool) -> None:
    """Hold that a source has every column that is read. Raises Misconfigured, Unreadable where it had it before.

    One of several sources may lack a column of the others, if it is no part of the key and no source: is said for it.
    The names of a file's columns are what stands in its first line: where that is missing, it is somebody's row, and
    hardly a name in it is one that is read.
    """
    clean, alone = dataset.cleaning(source), len(dataset.inputs) == 1
    read = columns_read(dataset, clean)
    wanted = set(read.values())
    strange = names_are_data and len(wanted & types.keys()) < len(wanted) / 2
    for number, (name, column) in enumerate(read.items()):
        if column in types or not (alone or _must_be_there(dataset, clean, name)):
            continue
        what = f": it has {len(types)} columns, of other names" if strange else among(column, types)
        if names_are_data and any(sum(each in whole for each in wanted) > 1 for whole in types):
            what = ": several of its columns are read as one; is the separator of its file another now?"
        at = needed.at(*place(dataset, dataset.inputs.index(source), number))
        had = needed.had(source.name, column)
        if had is not None:
            raise Unreadable(
                f"{at}: {name} is read from «{column}», which {source.name} no longer has{what}. It had it when version"
                f" {had} was made: have its owner put it back, or say the new name there",
                registry=source.registry,
            )
        raise Misconfigured(f"{at}: {name} is read from «{column}», which the source {source.name} does not have{what}")


def still_there(dataset: Dataset, source: Source, now: Collection[str], before: Sequence[str]) -> None:
    """Hold that one of several sources has `now` the columns that are read of it and that it had. Raises Unreadable."""
    clean = dataset.cleaning(source)
    lost = {
        name: column for name, column in columns_read(dataset, clean).items() if column in before and column not in now
    }
    if lost:
        todo = f"have its owner put that back, or say the new name in datasets/{dataset.name}.yaml"
        if not any(_must_be_there(dataset, clean, name) for name in lost):
            todo += f"; if it is right so, take it once with `beffroi run {dataset.name} --accept`"
        gone = "», «".join(dict.fromkeys(lost.values()))
        raise Unreadable(f"{source.name} no longer has «{gone}»: {todo}", registry=source.registry)


def _must_be_there(dataset: Dataset, clean: dict[str, Clean], name: str) -> bool:
    """Tell whether no source may lack a column: one of the key, or one of which it is said where it is read from."""
    return name in dataset.key or clean.get(name, Clean()).source is not None


def columns_read(dataset: Dataset, clean: dict[str, Clean]) -> dict[str, str]:
    """Return the column of a source that each column of a dataset is read from, but those that linking fills in."""
    return {column.name: source_of(clean, column) for column in dataset.columns if column.name not in dataset.link}


def source_of(clean: dict[str, Clean], column: Column) -> str:
    """Return the column of the source that a column is read from."""
    return clean.get(column.name, Clean()).source or column.name


def cleaned_column(cleaning: Cleaning, clean: Clean, column: Column, types: dict[str, str]) -> Value:
    """Take one column through its steps and to its type."""
    source, steps = clean.source or column.name, clean.steps
    if source not in types:
        return Value(f"CAST(NULL AS {DUCKDB[column.type]})")
    value, kind = cleaning.source(source), types[source]
    if steps and kind != "VARCHAR":
        cleaning.make(value, f"CAST({value.sql} AS VARCHAR)")
    apply_steps(cleaning, value, steps)
    if steps:
        kind = MADE.get(STEPS[parts(steps[-1])[0]].gives or "", "VARCHAR")
    read = steps and kind == "DATE" == DUCKDB[column.type]
    if kind == "VARCHAR":
        kind = forms.read(cleaning, value, column)
    if column.type in geometry.TYPES:
        geometry.read(cleaning, value, column)
    if kind == "VARCHAR" and column.type in _WHOLE:
        whole, exact = _WHOLE[column.type]
        cleaning.convert(value, exact(value.sql), "type", whole)
    if not read and (kind != DUCKDB[column.type] or column.type in ("number", "date", "datetime")):
        reason = Reason(f"is not of the type {column.type}", f"n'est pas du type {column.type}")
        cleaning.convert(value, _typed(value.sql, kind, column.type), "type", reason)
    return value


def _without_time(sql: str) -> str:
    """Return SQL for a text that is null where it is a date with a time of the day other than its beginning."""
    moment = f"regexp_full_match({sql}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ][0-9]{{2}}:[0-9]{{2}}.*')"
    begins = f"regexp_full_match({sql}, '.{{10}}[T ]00:00(:00([.]0+)?)?(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)?')"
    return f"CASE WHEN strlen({sql}) <= 10 OR NOT {moment} OR {begins} THEN {sql} END"


_WHOLE = {
    "number": (
        Reason(
            "has more digits than a number keeps: declare type: string",
            "a plus de chiffres qu'un nombre n'en garde : déclarez type: string",
        ),
        exact_number,
    ),
    "date": (
        Reason("has a time of day: declare type: datetime", "a une heure : déclarez type: datetime"),
        _without_time,
    ),
}
"""Of which types a text may say more than a value of them does: what is said of it, and how it is told."""


_MORE = {
    "DOUBLE": ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "DECIMAL"),
    "DATE": ("TIMESTAMP",),
    "TIMESTAMPTZ": ("TIMESTAMP_NS",),
}
"""How the types begin that say more than one of DuckDB's: digits, a time of the day, billionths of a second."""


def _held(sql: str, kind: str, into: str) -> str:
    """Return SQL for a value of the type `kind`, null where what it says is not all held by the type `into`."""
    if not kind.startswith(_MORE[into]):
        return sql
    return f"CASE WHEN TRY_CAST(TRY_CAST({sql} AS {into}) AS {kind}) = {sql} THEN {sql} END"


def _typed(sql: str, kind: str, wanted: str) -> str:
    """Return SQL for a value of DuckDB's type `kind` as a column's type, null where it is none: nothing is rounded."""
    text = f"CAST({sql} AS VARCHAR)"
    match wanted:
        case "integer" if kind == "VARCHAR":
            return as_integer(sql)
        case "integer":
            return f"CASE WHEN TRY_CAST({sql} AS BIGINT) = {sql} THEN TRY_CAST({sql} AS BIGINT) END"
        case "number":
            held = f"TRY_CAST({_held(sql, kind, 'DOUBLE')} AS DOUBLE)"
            number = as_number(sql) if kind == "VARCHAR" else finite(held)
            return f"{number} + 0.0"  # there is one nought, not another of a sign of its own
        case "boolean":
            other = f"CASE WHEN lower({text}) IN ({TRUE_OR_FALSE}) THEN TRY_CAST({text} AS BOOLEAN) END"
            return f"CASE {text} WHEN 'true' THEN true WHEN 'false' THEN false ELSE {other} END"
        case "date" | "datetime":
            whole = f"regexp_full_match({text}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([T ][0-9:.+Z-]+)?')"
            ours = f"{whole} AND NOT starts_with({text}, '0000')"  # nor does Python have the years before Christ
            return finite(f"TRY_CAST(CASE WHEN {ours} THEN {_held(sql, kind, DUCKDB[wanted])} END AS {DUCKDB[wanted]})")
        case _:
            return f"TRY_CAST({sql} AS {DUCKDB[wanted]})"
