"""What one dataset's declaration says of its runs against itself: merge, index, schedule, versions, expectations."""

import datetime as dt
import math
import re
from collections.abc import Iterator

from cronsim import CronSim, CronSimError

from pipelines.declarations import Bounds, Dataset, linked
from pipelines.declarations.sentences import among, is_above
from pipelines.declarations.strict_yaml import Keys

Problem = tuple[Keys, str]

VERSION = r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
"""A version without a label: https://semver.org"""

ORDERED = ("date", "datetime", "integer")
"""The types of column that tell which of two rows is the more recent."""

SHARE = "a share of the rows is from 0 to 1, 5 % is 0.05"


def conditions(dataset: Dataset, names: list[str]) -> Iterator[Problem]:
    """Yield every contradiction in what a dataset, whose columns are `names`, says of its runs."""
    types: dict[str, str] = {column.name: column.type for column in dataset.columns}
    yield from _merge(dataset, types)
    yield from _index(dataset, types)
    yield from _when(dataset)
    yield from _bounds("rows", dataset.expect.rows, math.inf, "a number of rows is 0 or more")
    yield from _bounds("refused", dataset.expect.refused, 1, SHARE)
    yield from _freshness(dataset, types)
    yield from _drift(dataset, names)
    yield from _unread(dataset, names)


def _merge(dataset: Dataset, types: dict[str, str]) -> Iterator[Problem]:
    merge = dataset.merge
    for name in merge.columns:
        if name not in types:
            yield ("merge", "columns", name), f"merge names «{name}», which is no column{among(name, types)}"
        elif name in dataset.key:
            yield ("merge", "columns", name), f"«{name}» is part of the key: rows that are merged have the same there"
    rules = {merge.rule(name) for name in types if name not in dataset.key}
    at: Keys = ("merge", "recent")
    if merge.recent is None:
        if "recent" in rules:
            yield ("merge",), "the rule recent needs recent:, the column that tells which row is the most recent"
    elif merge.recent not in types:
        yield at, f"recent names «{merge.recent}», which is no column{among(merge.recent, types)}"
    elif types[merge.recent] not in ORDERED:
        said = f"«{merge.recent}» is of the type {types[merge.recent]}"
        yield at, f"{said}, and which row is the most recent is told by a date, datetime or integer"
    elif "recent" not in rules:
        yield at, "no column is merged by the rule recent: say so of some, or take recent: out"


def doubts(dataset: Dataset) -> Iterator[str]:
    """Yield what is no contradiction in what a dataset says of its runs, and may yet go wrong unnoticed."""
    recent = dataset.merge.recent
    if recent is not None and recent not in dataset.key and (rule := dataset.merge.rule(recent)) != "recent":
        yield (
            f"recent names «{recent}», whose own value is merged by the rule {rule}: a row may keep an older «{recent}»"
            f" than that of the values taken by it. Merge it by recent too: merge: {{columns: {{{recent}: recent}}}}"
        )
    yield from linked.doubts(dataset)


def _index(dataset: Dataset, types: dict[str, str]) -> Iterator[Problem]:
    for position, name in enumerate(dataset.index):
        at: Keys = ("index", position)
        if name not in types:
            yield at, f"index names «{name}», which is no column{among(name, types)}"
        elif name in dataset.index[:position]:
            yield at, f"index names «{name}» twice"
        elif dataset.key == (name,):
            yield at, f"«{name}» is the key, by which rows are found anyway: take it out"
        elif types[name] in ("array", "geojson"):
            yield at, f"«{name}» cannot be in the index: it is of the type {types[name]}"


def _when(dataset: Dataset) -> Iterator[Problem]:
    if dataset.schedule is not None:
        try:
            next(CronSim(dataset.schedule, dt.datetime(2000, 1, 1)))  # noqa: DTZ001  # the server's own time
            wrong = "" if len(dataset.schedule.split()) == 5 else "wrong number of fields"  # it knows seconds as well
        except CronSimError as error:
            wrong = str(error).lower()
        except StopIteration:
            wrong = ""
            yield ("schedule",), "this never comes: no month has that day"
        if wrong:
            form = 'minute, hour, day, month, weekday, such as "15 3 * * *"'
            yield ("schedule",), f"not a cron line ({wrong}): {form}"
    if dataset.schema_version is not None and not re.fullmatch(VERSION, dataset.schema_version):
        yield ("schema_version",), f"«{dataset.schema_version}» is no semantic version: three numbers, such as 2.0.1"


def _bounds(what: str, bounds: Bounds, most: float, rule: str) -> Iterator[Problem]:
    for side, bound in (("min", bounds.min), ("max", bounds.max)):
        if bound is not None and not 0 <= bound <= most:
            yield ("expect", what, side), f"{side} is {bound:g}: {rule}"
    if is_above(bounds.min, bounds.max):
        yield ("expect", what), f"min {bounds.min:g} is above max {bounds.max:g}: no version can meet both"


def _freshness(dataset: Dataset, types: dict[str, str]) -> Iterator[Problem]:
    wanted = dataset.expect.freshness
    at: Keys = ("expect", "freshness", "column")
    if wanted is None:
        return
    if wanted.column not in types:
        yield at, f"freshness names «{wanted.column}», which is no column{among(wanted.column, types)}"
    elif types[wanted.column] not in ("date", "datetime"):
        said = f"«{wanted.column}» is of the type {types[wanted.column]}"
        yield at, f"{said}: how fresh rows are is told by a date or a datetime"


def _drift(dataset: Dataset, names: list[str]) -> Iterator[Problem]:
    wanted = dataset.expect.drift
    if wanted is None:
        return
    shares: list[tuple[Keys, float | None]] = [
        ((name,), getattr(wanted, name)) for name in ("rows", "keys", "sources", "values")
    ]
    shares += [(("columns", name), share) for name, share in wanted.columns.items()]
    for keys, share in shares:
        if share is not None and not 0 <= share <= 1:
            yield ("expect", "drift", *keys), f"{keys[-1]} is {share:g}: a share is from 0 to 1, 20 % is 0.2"
    for name in wanted.columns:
        if name not in names:
            yield ("expect", "drift", "columns", name), f"drift names «{name}», which is no column{among(name, names)}"


def _unread(dataset: Dataset, names: list[str]) -> Iterator[Problem]:
    """Yield the names that may stay unread, and are read: what every source gives to a column."""
    unread = dataset.expect.unread or []
    made = [name for name in names if name not in dataset.link]
    read = {(source.name, dataset.read_from(source, name)): name for source in dataset.inputs for name in made}
    for position, name in enumerate(unread):
        at: Keys = ("expect", "unread", position)
        by = {read[source.name, name] for source in dataset.inputs if (source.name, name) in read}
        if name in unread[:position]:
            yield at, f"unread names «{name}» twice"
        elif by and all((source.name, name) in read for source in dataset.inputs):
            yield at, f"«{name}» is read: {', '.join(sorted(by))} is made of it"
