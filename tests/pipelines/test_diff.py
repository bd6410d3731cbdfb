"""What differs between two versions: applied to the one, it gives the other."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import InvalidRequest, NotFound
from pipelines import diff
from tests.effort import some
from tests.pipelines.bench import Bench
from tests.pipelines.lake import differing, put

TWO = """\
title: Two
owner: ville
audience: open
licence: Licence Ouverte 2.0
source: {registry: source, table: two}
schema:
  fields:
    - {name: old, type: integer}
    - {name: new}
    - {name: number, type: number}
    - {name: yes, type: boolean}
    - {name: day, type: date}
    - {name: moment, type: datetime}
    - {name: tags, type: array}
  primaryKey: [old, new]
"""
"""The names are those that a careless query would stumble over."""

TEXTS = st.sampled_from(["", ",", "\\", "a,b", "'", '"', "é", "\x00", "👩", "None", "old", "x" * 300])
ROWS = st.dictionaries(
    st.tuples(st.integers(-3, 3), TEXTS),
    st.fixed_dictionaries(
        {
            "number": st.none() | st.sampled_from([0.0, 1.5, 1e300]),
            "yes": st.none() | st.booleans(),
            "day": st.none() | st.sampled_from([dt.date(1, 1, 1), dt.date(2026, 1, 31), dt.date(9999, 12, 31)]),
            "moment": st.none() | st.sampled_from([dt.datetime(2026, 1, 1, microsecond=1, tzinfo=dt.UTC)]),
            "tags": st.none() | st.lists(st.none() | TEXTS, max_size=2),
        }
    ),
    max_size=12,
)

Table = dict[tuple[Any, ...], dict[str, Any]]


def listed(table: Table) -> list[dict[str, Any]]:
    return [{"old": key[0], "new": key[1], **row} for key, row in table.items()]


def applied(rows: Table, found: list[diff.Difference]) -> Table:
    """Apply what differs, as anybody who keeps a copy would."""
    table = {key: dict(row) for key, row in rows.items()}
    for each in found:
        if each.change == "added":
            assert each.key not in table
            table[each.key] = {name: value for name, value in each.new.items() if name not in ("old", "new")}
        elif each.change == "removed":
            assert table.pop(each.key) == {n: v for n, v in each.old.items() if n not in ("old", "new")}
        else:
            assert each.columns, "a row that is told to have changed did"
            for name, (old, new) in each.columns.items():
                assert table[each.key][name] == old
                table[each.key][name] = new
    return table


@pytest.mark.soak
@some(12)
@given(ROWS, ROWS)
def test_what_differs_applied_to_one_gives_the_other(new_bench: Callable[[], Bench], old: Table, new: Table) -> None:
    bench = new_bench()
    bench.write("datasets/two.yaml", TWO)
    put(bench, "two", listed(old), ready=False)
    last = put(bench, "two", listed(new), ready=False).number
    found = differing(bench, "two")
    assert applied(old, found) == new
    assert [each.key for each in found] == sorted(each.key for each in found), "in the order of the key"
    assert applied(new, differing(bench, "two", last, last - 1)) == old
    assert differing(bench, "two", last, last) == []
    assert {each.key for each in found if each.change == "changed"} == {k for k in old if k in new and old[k] != new[k]}


def rows(*numbers: int, **more: Any) -> list[dict[str, Any]]:
    return [{"old": n, "new": "x", **more} for n in numbers]


def test_the_latest_is_compared_with_the_one_before(bench: Bench) -> None:
    bench.write("datasets/two.yaml", TWO)
    with pytest.raises(NotFound, match="two has no two versions to compare; kept: none"):
        diff.pair(bench.workspace, "two")
    put(bench, "two", rows(1))
    with pytest.raises(NotFound, match="two has no two versions to compare; kept: 1"):
        diff.pair(bench.workspace, "two")
    put(bench, "two", rows(1, 2))
    put(bench, "two", rows(2, 3))
    told = [(each.change, each.key) for each in differing(bench, "two")]
    assert told == [("removed", (1, "x")), ("added", (3, "x"))]
    assert [each.change for each in differing(bench, "two", 1)] == ["removed", "added", "added"]
    assert [each.change for each in differing(bench, "two", 1, 2)] == ["added"]


def test_a_version_that_is_gone_is_told(bench: Bench) -> None:
    bench.write("datasets/two.yaml", TWO)
    first = put(bench, "two", rows(1))
    put(bench, "two", rows(2))
    put(bench, "two", rows(3))
    first.parquet.unlink()
    with pytest.raises(NotFound, match="version 1 of two is no longer kept; kept: 2, 3"):
        diff.pair(bench.workspace, "two", 1)
    with pytest.raises(NotFound, match="there is no version 9 of two; kept: 2, 3"):
        diff.pair(bench.workspace, "two", 9)


def test_versions_with_other_columns_are_compared_on_those_they_share(bench: Bench) -> None:
    bench.write("datasets/two.yaml", TWO)
    put(bench, "two", rows(1, number=1.0, yes=True))
    changed = TWO.replace("{name: yes, type: boolean}", "{name: colour}").replace(
        "name: number, type: number", "name: number, type: integer"
    )
    bench.write("datasets/two.yaml", f"schema_version: 2.0.0\n{changed}")
    put(bench, "two", rows(1, number=2, colour="red"))
    both = diff.pair(bench.workspace, "two")
    assert both.left_out == {
        "yes": "only in version 1", "colour": "only in version 2", "number": "number in version 1, integer in 2"
    }  # fmt: skip
    assert both.columns == ("old", "new", "day", "moment", "tags")
    assert differing(bench, "two") == []


@pytest.mark.parametrize("change", [("[old, new]", "old"), ("name: old, type: integer", "name: old")])
def test_versions_with_other_keys_are_not_compared(bench: Bench, change: tuple[str, str]) -> None:
    bench.write("datasets/two.yaml", TWO)
    put(bench, "two", rows(1))
    bench.write("datasets/two.yaml", f"schema_version: 2.0.0\n{TWO.replace(*change)}")
    put(bench, "two", [{"old": "1" if "name" in change[0] else 1, "new": "x"}])
    with pytest.raises(
        InvalidRequest, match=r"cannot be compared by key: it was old \(integer\), new \(string\) and is"
    ):
        diff.pair(bench.workspace, "two")


def test_what_nobody_may_see_is_not_compared(bench: Bench) -> None:
    bench.write("datasets/two.yaml", TWO)
    put(bench, "two", rows(1, 2, number=1.0))
    put(bench, "two", [*rows(1, number=2.0), *rows(2, number=1.0, yes=True)])
    both = diff.pair(bench.workspace, "two").only(["number"])
    with diff.engine(bench.workspace, "two") as connection:
        assert diff.counts(connection, both) == diff.Counts(0, 1, 0)
        (found,) = diff.rows(connection, both)
    assert (found.key, found.columns) == ((1, "x"), {"number": (1.0, 2.0)})
