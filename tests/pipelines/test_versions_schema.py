"""Schema versions: a change of columns is as grave as what it does to values that were allowed."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.columns import Column, Constraints
from connectors.errors import RunFailed
from pipelines import schema_versions, versions
from pipelines.declarations import Dataset
from pipelines.schema_versions import WEIGHT, change
from tests.pipelines.bench import SHOPS, Bench
from tests.pipelines.lake import put

BOUNDS = st.none() | st.integers(0, 5)
ENUMS = st.none() | st.lists(st.integers(0, 6), min_size=1, max_size=4, unique=True)


def schema(*columns: Column, key: tuple[str, ...] = ("id",)) -> dict[str, Any]:
    """Return what is told of a dataset with these columns."""
    told = [c.model_dump(mode="json", exclude_defaults=True, by_alias=True) | {"type": c.type} for c in columns]
    return {"key": list(key), "columns": told}


ID = Column(name="id")


@st.composite
def constraints(draw: st.DrawFn) -> Constraints:
    return Constraints(
        required=draw(st.booleans()),
        minimum=draw(BOUNDS),
        maximum=draw(BOUNDS),
        enum=draw(ENUMS.map(lambda values: None if values is None else tuple(values))),
    )


def allows(wanted: Constraints, value: int | None) -> bool:
    """What constraints mean, written as plainly as can be."""
    if value is None:
        return not wanted.required
    low, high = wanted.minimum, wanted.maximum
    inside = (low is None or value >= float(low)) and (high is None or value <= float(high))
    return inside and (wanted.enum is None or value in wanted.enum)


@settings(deadline=None)
@given(constraints(), constraints())
def test_what_refuses_a_value_that_was_allowed_is_major(before: Constraints, now: Constraints) -> None:
    old, new = (schema(ID, Column(name="x", type="integer", constraints=each)) for each in (before, now))
    kind, said = change(old, new)
    broken = [value for value in (None, *range(7)) if allows(before, value) and not allows(now, value)]
    assert kind == "major" or not broken, (said, broken)
    widened = [value for value in (None, *range(7)) if allows(now, value) and not allows(before, value)]
    assert kind in ("major", "minor") or not widened, (said, widened)
    assert kind is not None or before == now or {*(before.enum or ())} == {*(now.enum or ())}, "a change is told"
    assert bool(said) == (kind is not None)


TYPES = st.sampled_from(["string", "integer", "date"])
COLUMNS = st.dictionaries(st.sampled_from("abcde"), st.tuples(TYPES, st.sampled_from(["", "A", "B"])), min_size=1)


@settings(deadline=None)
@given(COLUMNS, COLUMNS)
def test_columns_that_go_or_change_type_are_major_those_that_come_minor(
    before: dict[str, tuple[Any, str]], now: dict[str, tuple[Any, str]]
) -> None:
    old, new = (
        schema(ID, *(Column(name=name, type=kind, title=title) for name, (kind, title) in sorted(columns.items())))
        for columns in (before, now)
    )
    broken = {n for n in before if n not in now} | {n for n in now if n in before and before[n][0] != now[n][0]}
    titled = {n for n in now if n in before and before[n][1] != now[n][1]}
    wanted = "major" if broken else "minor" if now.keys() - before.keys() else "patch" if titled else None
    kind, said = change(old, new)
    assert kind == wanted, said
    assert all(any(re.search(rf"\b{name}\b", sentence) for sentence in said) for name in broken), said
    assert WEIGHT[change(old, old)[0]] == 0


@pytest.mark.parametrize(
    ("before", "now", "kind", "said"),
    [
        (Column(name="x"), Column(name="x", description="D"), "patch", "the description of x changed"),
        (Column(name="x"), Column(name="x", personal=True), "patch", "the personal-data class of x changed"),
        (Constraints(pattern="a"), Constraints(pattern="b"), "major", "the pattern of x changed: it must look like b"),
        (Constraints(), Constraints(pattern="b"), "major", "the pattern of x is new: a value must look like b"),
        (Constraints(pattern="a"), Constraints(), "minor", "x may look like anything now"),
        (Constraints(minimum="2020-01-01"), Constraints(minimum="2021-01-01"), "major",
         "the minimum of x was 2020-01-01 and is 2021-01-01"),
        (Constraints(maximum=9), Constraints(maximum=10), "minor", "the maximum of x was 9 and is 10"),
        (Constraints(maximum=9), Constraints(maximum="9"), "patch", "the maximum of x is written otherwise: 9"),
        (Constraints(unique=True), Constraints(), "minor", "x is no longer unique"),
        (Constraints(), Constraints.model_validate({"maxLength": 3}), "major", "x has a maxLength now: 3"),
        (Constraints(enum=("a", "b")), Constraints(enum=("b", "c")), "major", "x may no longer be a"),
    ],
)  # fmt: skip
def test_each_change_has_its_sentence(before: Any, now: Any, kind: str, said: str) -> None:
    old, new = (each if isinstance(each, Column) else Column(name="x", constraints=each) for each in (before, now))
    found, sentences = change(schema(ID, old), schema(ID, new))
    assert (found, sentences[0]) == (kind, said)


def test_what_a_key_holds_anyway_is_no_change() -> None:
    required = Column(name="id", constraints=Constraints(required=True, unique=True))
    assert change(schema(ID), schema(required)) == (None, [])
    two = schema(ID, Column(name="x"), key=("id", "x"))
    assert change(schema(ID, Column(name="x")), two)[0] == "major"
    assert change(schema(ID, Column(name="x")), schema(Column(name="x"), ID)) == (
        "patch", ["the columns stand in another order"]
    )  # fmt: skip


# --- against the declaration -----------------------------------------------------------------------------------------

FEWER = SHOPS.replace("    - {name: opened, title: Opened, type: date}\n", "").replace(
    "  opened: {steps: [trim, date]}\n", ""
)
MORE = SHOPS.replace("  primaryKey", "    - {name: sign}\n  primaryKey")
TITLED = SHOPS.replace("title: Opened", "title: Opened on")


def said(text: str, version: str) -> str:
    return f"schema_version: {version}\n{text}"


def declare(bench: Bench, text: str) -> Dataset:
    bench.write("datasets/shops.yaml", text)
    return bench.workspace.dataset("shops")


def test_what_breaks_nothing_is_counted_up(bench: Bench) -> None:
    declare(bench, SHOPS)
    assert put(bench, "shops", []).schema_version == "1.0.0"
    for text, wanted in ((SHOPS, "1.0.0"), (TITLED, "1.0.1"), (MORE, "1.1.0"), (MORE, "1.1.0")):
        declare(bench, text)
        assert put(bench, "shops", []).schema_version == wanted
    found = versions.history(bench.workspace, "shops")
    assert [list(version.schema_changes) for version in found] == [
        [], [], ["the title of opened changed"], ["the column sign is new", "the title of opened changed"], []
    ]  # fmt: skip


def test_a_breaking_change_is_refused_until_it_is_declared(bench: Bench) -> None:
    declare(bench, SHOPS)
    last = put(bench, "shops", [])
    with pytest.raises(RunFailed) as refused:
        schema_versions.judge(declare(bench, FEWER), last)
    assert refused.value.detail == (
        "shops: a breaking change of its columns: the column opened is gone. Whoever reads it relies on schema version"
        " 1.0.0: undo the change, or declare `schema_version: 2.0.0` in datasets/shops.yaml"
    )
    with pytest.raises(RunFailed, match=r"declare `schema_version: 2\.0\.0`"):
        schema_versions.judge(declare(bench, said(FEWER, "1.9.9")), last)
    declared = declare(bench, said(FEWER, "2.0.0"))
    assert schema_versions.judge(declared, last) == ("2.0.0", "major", ["the column opened is gone"])
    assert put(bench, "shops", []).schema_version == "2.0.0"
    declare(bench, said(SHOPS, "2.0.0"))
    assert put(bench, "shops", []).schema_version == "2.1.0", "what was declared for the last version says nothing new"


def test_a_declared_version_never_goes_back(bench: Bench) -> None:
    declare(bench, said(SHOPS, "3.1.0"))
    last = put(bench, "shops", [])
    assert (last.schema_version, last.schema_declared) == ("3.1.0", "3.1.0")
    with pytest.raises(RunFailed, match=r"schema_version: 3\.0\.9 goes back: the last version has 3\.1\.0"):
        schema_versions.judge(declare(bench, said(SHOPS, "3.0.9")), last)
    with pytest.raises(RunFailed, match=r"schema_version: 3\.1\.1 is too small for a minor change"):
        schema_versions.judge(declare(bench, said(MORE, "3.1.1")), last)
    assert schema_versions.judge(declare(bench, said(MORE, "4.0.0")), last)[:2] == ("4.0.0", "minor")
    assert schema_versions.judge(declare(bench, SHOPS), last) == ("3.1.0", None, [])


def test_a_run_announces_what_changed_in_the_columns(bench: Bench) -> None:
    row = ("1", "A", "1", "2020-01-01")
    bench.shops(row)
    assert (bench.run().schema_version, bench.run().schema_change) == ("1.0.0", None)
    bench.shops(row, declaration=TITLED)
    report = bench.run()
    assert (report.version, report.new, report.schema_version, report.schema_change) == (2, True, "1.0.1", "patch")
    assert bench.run().new is False, "and once only"
    bench.shops(row, declaration=FEWER)
    with pytest.raises(RunFailed, match="the column opened is gone"):
        bench.run()
    assert [version.number for version in versions.history(bench.workspace, "shops")] == [1, 2]
    bench.shops(row, declaration=said(FEWER, "2.0.0"))
    assert (bench.run().schema_change, bench.latest().schema_version) == ("major", "2.0.0")


def test_a_version_of_an_early_beffroi_breaks_nothing(bench: Bench) -> None:
    dataset = declare(bench, SHOPS)
    last = put(bench, "shops", [])
    early = versions.Version(**{**vars(last), "schema": "{}"})
    assert schema_versions.judge(dataset, early) == ("1.0.0", None, [])
    assert json.loads(last.schema)["key"] == ["id"]
