"""What a whole version must meet: each bound is honoured, all that fails is told at once, the last version stays."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import RunFailed
from pipelines import drift, report
from pipelines.declarations import Dataset
from pipelines.profile import Profile
from pipelines.run import Report, run
from tests.pipelines.bench import SHOPS, Bench


def declare(bench: Bench, expect: str, declaration: str = SHOPS) -> None:
    bench.write("datasets/shops.yaml", f"{declaration}expect: {expect}\n")


def give(
    bench: Bench, count: int, *, name: str | None = "A", opened: str | None = "2020-01-01", more: str = ""
) -> None:
    row = {"name": name, "workers": "1", "opened": opened} | ({more: "x"} if more else {})
    bench.source("shops", [{"id": str(number), **row} for number in range(count)])


def measured(told: Report, *names: str) -> dict[str, Any]:
    """Return what was measured of an expectation, of a column where it is named."""
    (found,) = [each for each in told.measured if (each["expectation"], each["column"])[: len(names)] == names]
    return found


def failure(bench: Bench, **options: Any) -> Report:
    with pytest.raises(RunFailed) as raised:
        run(bench.workspace, "shops", **options)
    told = report.find(bench.workspace, "shops")
    assert told.outcome == "failed"
    assert str(raised.value) == f"shops: {'; '.join(told.problems)}"
    return told


def accept(bench: Bench) -> Report:
    return run(bench.workspace, "shops", accept=True)


def test_all_failures_are_told_together_with_value_and_bound_in_both_languages(bench: Bench) -> None:
    declare(bench, "{rows: {min: 2, max: 3}, refused: {max: 0.25}, freshness: {column: opened, days: 30}, unread: []}")
    row = {"name": "A", "workers": "1", "opened": "2020-01-01", "phone": "01"}
    bench.source("shops", [{"id": "1", **row}, {"id": None, **row}, {"id": None, **row}])
    told = failure(bench)
    assert [each["expectation"] for each in told.measured if not each["met"]] == [
        "rows",
        "refused",
        "freshness",
        "unread",
    ]
    assert told.problems[:2] == [
        "rows: 1, expected at least 2",
        "share of refused rows: 66.67%, expected at most 25.00%",
    ]
    assert told.problems[2].startswith("opened: the newest is 2,")
    assert told.problems[2].endswith(" days old, expected at most 30")
    assert told.problems[3].startswith("nothing reads 1 of the source's columns: ")
    assert [each["reason"] for each in told.measured] == told.problems
    assert told.measured[0]["reason_fr"] == "lignes : 1, au moins 2 attendu"
    assert measured(told, "rows") | {"reason": 0, "reason_fr": 0} == {
        "expectation": "rows", "column": None, "measured": 1, "least": 2, "most": 3, "met": False,
        "reason": 0, "reason_fr": 0,
    }  # fmt: skip


def test_what_is_met_is_measured_too(bench: Bench) -> None:
    give(bench, 2, opened=dt.datetime.now(dt.UTC).date().isoformat())
    declare(bench, "{rows: {max: 2}, refused: {max: 0}, freshness: {column: opened, days: 1}, unread: []}")
    told = bench.run()
    assert [(each["expectation"], each["measured"], each["met"]) for each in told.measured] == [
        ("rows", 2, True), ("refused", 0, True), ("freshness", 0, True), ("unread", 0, True),
    ]  # fmt: skip
    assert "reason" not in told.measured[0]


# --- freshness -------------------------------------------------------------------------------------------------------

MOMENT = SHOPS.replace("title: Opened, type: date", "title: Opened, type: datetime").replace("[trim, date]", "[trim]")


@pytest.mark.parametrize(
    ("days", "met"), [([0], True), ([2, 400], True), ([3], False), ([-1], False), ([-9000, 1], True), ([], False)]
)
@pytest.mark.parametrize("declaration", [SHOPS, MOMENT], ids=["date", "datetime"])
def test_freshness_is_told_by_the_newest_value_that_is_not_to_come(
    bench: Bench, declaration: str, days: Sequence[int], met: bool
) -> None:
    declare(bench, "{freshness: {column: opened, days: 2.5}}", declaration)
    now = dt.datetime.now(dt.UTC)
    given_days = [now - dt.timedelta(days=each) for each in days]
    opened = [at.date().isoformat() if declaration is SHOPS else at.isoformat() for at in given_days]
    bench.source(
        "shops", [{"id": str(n), "name": "A", "workers": "1", "opened": at} for n, at in enumerate([*opened, None])]
    )
    told = bench.run() if met else failure(bench)
    assert measured(told, "freshness")["met"] is met


def test_a_source_that_gives_the_same_old_rows_fails_without_a_change(bench: Bench) -> None:
    give(bench, 2, opened="2020-01-01")
    declare(bench, "{freshness: {column: opened, days: 100000}}")
    assert bench.run().outcome == "new"
    assert bench.run().outcome == "unchanged"
    declare(bench, "{freshness: {column: opened, days: 1}}")
    failure(bench)
    failure(bench, accept=True)


def test_how_old_a_personal_value_is_is_not_told(bench: Bench) -> None:
    give(bench, 1, opened="2020-01-01")
    personal = SHOPS.replace("title: Opened,", "title: Opened, personal: true,").replace(
        "audience: open", "audience: owner"
    )
    declare(bench, "{freshness: {column: opened, days: 30}}", personal)
    told = failure(bench)
    assert measured(told, "freshness")["measured"] is None
    assert told.problems == ["opened: the newest is older than 30 days"]


# --- against the last version ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "now", "expect", "kept"),
    [
        (100, 49, "{}", False), (100, 50, "{}", True), (99, 1, "{}", True), (100, 400, "{}", True),
        (100, 1, "{rows: {min: 1}}", True), (100, 10, "{drift: {rows: 0.9}}", True),
        (100, 9, "{drift: {rows: 0.9}}", False), (10, 12, "{drift: {rows: 0.2}}", True),
        (10, 13, "{drift: {rows: 0.2}}", False), (100, 1, "{drift: {values: 1}}", False),
    ],
)  # fmt: skip
def test_how_far_the_number_of_rows_may_move(bench: Bench, before: int, now: int, expect: str, kept: bool) -> None:
    declare(bench, expect)
    give(bench, before)
    bench.run()
    give(bench, now)
    if kept:
        assert bench.run().rows_out == now
        return
    told = failure(bench)
    assert "beffroi run shops --accept" in told.problems[0]
    assert "expect: {drift: {rows: " in told.problems[0]
    assert bench.latest().rows == before
    taken = accept(bench)
    assert (taken.outcome, taken.rows_out, measured(taken, "drift_rows")["accepted"]) == ("new", now, True)
    assert bench.run().outcome == "unchanged", "what was taken once is the measure from then on"


@pytest.mark.parametrize(("good", "bad", "kept"), [(9, 11, False), (10, 10, True), (8, 11, True), (0, 20, False)])
def test_a_run_that_refuses_more_than_half_of_its_rows_makes_no_version(
    bench: Bench, good: int, bad: int, kept: bool
) -> None:
    declare(bench, "{}")
    row = {"name": "A", "opened": "2020-01-01"}
    workers = ["1"] * good + ["many"] * bad
    bench.source("shops", [{"id": str(n), **row, "workers": each} for n, each in enumerate(workers)])
    if kept:
        assert bench.run().quarantined == bad
        return
    (problem,) = failure(bench).problems
    declared = {11: "0.6", 20: "1"}[bad]
    assert f"declare `expect: {{refused: {{max: {declared}}}}}`" in problem
    assert "beffroi quarantine list shops --by-rule" in problem
    assert measured(accept(bench), "refused")["accepted"] is True, "a person may take it once"
    declare(bench, f"{{refused: {{max: {declared}}}}}")
    assert bench.run().quarantined == bad


def test_a_version_without_any_key_of_the_last_is_not_believed(bench: Bench) -> None:
    """As where the names of two columns changed places in the header of a file."""
    declare(bench, "{}")

    def rows(count: int, first: int) -> None:
        row = {"name": "A", "workers": "1", "opened": "2020-01-01"}
        bench.source("shops", [{"id": str(first + number), **row} for number in range(count)])

    rows(19, 0)
    bench.run()
    rows(20, 1000)
    assert bench.run().removed == 19, "of so few rows it may be"
    rows(20, 1019)
    assert bench.run().removed == 19, "one key is still there"
    rows(20, 3000)
    (problem,) = failure(bench).problems
    assert problem.startswith("id: none of the last version's 20 rows is there any more, and all 20 are new")
    assert "`beffroi run shops --accept`, or declare `expect: {drift: {keys: 1}}`" in problem
    assert measured(accept(bench), "drift_keys")["accepted"] is True
    declare(bench, "{drift: {keys: 1}}")
    rows(20, 4000)
    assert bench.run().removed == 20
    declare(bench, "{drift: {keys: 0.1}}")
    rows(20, 4003)
    assert "rows gone: 3 of the last version's 20 (15.00%), expected at most 10.00%" in failure(bench).problems[0]


TOWNS = SHOPS.replace(
    "source: {registry: source, table: shops}",
    "sources:\n  - {name: amiens, registry: source, table: a}\n  - {name: poix, registry: source, table: b}",
)


@pytest.mark.parametrize(
    ("before", "now", "expect", "kept"),
    [
        (5, 0, "{}", False), (5, 1, "{}", True), (100, 49, "{}", False), (100, 50, "{}", True), (99, 1, "{}", True),
        (5, 0, "{drift: {sources: 1}}", True), (5, 3, "{drift: {sources: 0.3}}", False), (5, 9, "{}", True),
    ],
)  # fmt: skip
def test_a_source_among_several_that_lost_its_rows_is_told(
    bench: Bench, before: int, now: int, expect: str, kept: bool
) -> None:
    """The town whose file came with a header alone would be gone from what was made of all of them."""
    declare(bench, expect, TOWNS)
    row = {"name": "A", "workers": "1", "opened": "2020-01-01"}
    types = dict.fromkeys(("id", *row), pa.string())
    bench.source("a", [{"id": f"a{number}", **row} for number in range(300)])
    bench.source("b", [{"id": f"b{number}", **row} for number in range(before)], types)
    bench.run()
    bench.source("b", [{"id": f"b{number}", **row} for number in range(now)], types)
    if kept:
        assert bench.run().rows_out == 300 + now
        return
    (problem,) = failure(bench).problems
    assert problem.startswith(f"poix: rows: {now}, and {before} for the last version: if that is right, take it once")
    assert measured(accept(bench), "drift_sources")["accepted"] is True


def test_what_the_sentence_says_to_declare_is_enough(bench: Bench) -> None:
    declare(bench, "{}")
    give(bench, 1000)
    bench.run()
    give(bench, 33)
    (problem,) = failure(bench).problems
    assert problem == (
        "rows: 33, fewer than half of the last version's 1,000: if that is right, take it once with"
        " `beffroi run shops --accept`, or declare `expect: {drift: {rows: 1}}`"
    )
    declare(bench, "{drift: {rows: 1}}")
    assert bench.run().rows_out == 33


def test_more_than_twice_as_many_rows_can_be_taken_once(bench: Bench) -> None:
    declare(bench, "{drift: {rows: 1}}")
    give(bench, 10)
    bench.run()
    give(bench, 40)
    (problem,) = failure(bench).problems
    assert problem == (
        "rows: 40, and the last version has 10: a change of 300.00%, expected at most 100.00%; if that is right, take it once"
        " with `beffroi run shops --accept`"
    )
    assert accept(bench).rows_out == 40


def test_accept_takes_no_version_that_fails_by_itself(bench: Bench) -> None:
    declare(bench, "{rows: {min: 5}, drift: {rows: 0.1}}")
    give(bench, 10)
    bench.run()
    give(bench, 2)
    assert failure(bench, accept=True).problems == ["rows: 2, expected at least 5"]


def test_values_that_jump_are_found_and_the_bound_of_a_column_goes_before(bench: Bench) -> None:
    declare(bench, "{drift: {values: 0.2, columns: {opened: 1}}}")
    give(bench, 10)
    bench.run()
    give(bench, 10, name="B", opened=None)
    told = failure(bench)
    (problem,) = told.problems
    assert problem.startswith(
        "name: the share of «A» moved by 100.0 points since the last version, expected at most 20.0"
    )
    assert (measured(told, "drift_empty", "opened")["measured"], measured(told, "drift_empty", "opened")["met"]) == (
        1,
        True,
    )
    give(bench, 10, name=None)
    assert "name: the share of empty values moved by 100.0 points" in failure(bench).problems[0]
    assert "id" not in [each["column"] for each in told.measured if each["expectation"] == "drift_values"]


OTHER = """\
title: Other
owner: ville
audience: open
licence: Licence Ouverte 2.0
source: {dataset: shops}
schema: {fields: [{name: id}, {name: name}], primaryKey: id}
"""


@pytest.mark.parametrize("expect", ["", "expect: {drift: {rows: 1}, unread: [workers]}\n"])
def test_a_column_of_the_source_that_is_gone_is_told_with_what_stands_in_its_place(bench: Bench, expect: str) -> None:
    bench.shops(("1", "A", "1", "2020-01-01"))
    bench.write("datasets/other.yaml", OTHER)
    bench.run()
    bench.run("other")
    declaration = SHOPS.replace("name: opened", "name: since").replace("  opened: {", "  since: {from: opened, ")
    bench.shops(
        ("1", "A", "1", "2020-01-01"), ("2", "B", "1", None), declaration=declaration + "schema_version: 2.0.0\n"
    )
    bench.run()
    bench.write("datasets/other.yaml", OTHER + expect)
    if expect:
        with pytest.raises(
            RunFailed, match=r"nothing reads 1 of the source's columns \(since\).*no longer has «opened»"
        ):
            bench.run("other")
        bench.write("datasets/other.yaml", OTHER + expect.replace("[workers]", "[workers, since]"))
        told = run(bench.workspace, "other", accept=True)
    else:
        told = bench.run("other")
    said = measured(told, "drift_columns")
    assert (said["measured"], said["met"], said.get("accepted", False)) == (1, not expect, bool(expect))
    assert said["reason"].startswith("shops no longer has «opened» (now «since»?); if that is right")
    assert "«opened» («since» à présent ?)" in said["reason_fr"]


def test_of_a_file_only_the_names_are_told_that_are_declared(bench: Bench) -> None:
    """The first line of a CSV file may be a row of somebody's."""
    declare(bench, "{drift: {rows: 1}}")
    give(bench, 2, more="Durand")
    bench.run()
    give(bench, 2)
    (problem,) = failure(bench).problems
    assert problem.startswith("source/shops no longer has 1 of its columns; if that is right")


# --- for all ---------------------------------------------------------------------------------------------------------

SHARES = st.floats(0, 1).map(lambda share: round(share, 3))


def shops(expect: dict[str, Any]) -> Dataset:
    fields = [{"name": "id"}, {"name": "word"}]
    return Dataset.model_validate(
        {"name": "shops", "title": "T", "owner": "v", "audience": "open", "source": {"registry": "r"},
         "schema": {"fields": fields, "primaryKey": "id"}, "expect": expect}
    )  # fmt: skip


@given(st.integers(0, 10_000), st.integers(1, 10_000), SHARES)
def test_a_change_of_rows_passes_just_where_it_is_within_the_bound(now: int, last: int, share: float) -> None:
    (found,) = drift.rows(shops({"drift": {"rows": share}}), now, last)
    assert found.met == (found.reason is None) == (round(abs(now - last) / last, 9) <= share)


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_where_nothing_is_declared_only_half_of_many_may_go(now: int, last: int) -> None:
    failed = [each for each in drift.rows(shops({}), now, last) if not each.met]
    assert bool(failed) == (last >= 100 and now * 2 < last)


COUNTS = st.dictionaries(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), st.integers(1, 50), max_size=26)


def profiled(counts: dict[str, int], empty: int) -> tuple[Profile, int]:
    ordered = dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
    told = {"empty": empty, "distinct": len(ordered), "frequent": dict(list(ordered.items())[:20])}
    rows = sum(counts.values()) + empty
    return Profile({"id": {"empty": 0, "distinct": rows}, "word": told}, {"word": ordered}), rows


@given(COUNTS, COUNTS, st.integers(0, 20), st.integers(1, 20), SHARES)
def test_no_version_is_refused_for_a_value_that_moved_less_than_the_bound(
    before: dict[str, int], now: dict[str, int], empty: int, last_empty: int, share: float
) -> None:
    new, rows = profiled(now, empty + 1)
    old, last = profiled(before, last_empty)
    measures = drift.values(shops({"drift": {"values": share}}), new, rows, json.loads(json.dumps(old.columns)), last)
    found = {(each.what, each.column): each for each in measures}
    moved = {value: abs(now.get(value, 0) / rows - before.get(value, 0) / last) for value in {*now, *before}}
    most = max(moved.values(), default=0.0)
    words, empties = found["drift_values", "word"], found["drift_empty", "word"]
    assert words.measured <= most + 1e-9
    told = {*old.columns["word"]["frequent"]}
    assert words.measured >= max((moved[value] for value in told), default=0.0) - 1e-9, "what was frequent is known"
    assert words.met == (words.measured <= share) == (words.reason is None)
    assert empties.measured == pytest.approx(abs((empty + 1) / rows - last_empty / last), abs=1e-9)


def test_a_column_of_many_values_that_all_become_one_is_found() -> None:
    """Of the last version only counts are told; no value of 1,000 rows with 1,000 distinct ones stood twice."""
    new, rows = profiled({"N/A": 1000}, 0)
    before = {"word": {"empty": 0, "distinct": 2000}}
    found = {each.what: each for each in drift.values(shops({"drift": {"values": 0.5}}), new, rows, before, 2000)}
    assert (found["drift_values"].measured, found["drift_values"].met) == (0.9995, False)
