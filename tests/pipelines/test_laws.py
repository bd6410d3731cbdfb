"""What holds of any rows of every kind of dataset: the sum, the difference, cleaning once, a replay after a fix."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipelines import quarantine
from pipelines.report import Report
from pipelines.run import run
from tests.effort import times
from tests.pipelines.bench import Bench, read
from tests.pipelines.kinds import CELLS, KINDS, NAMES, Kind, Row, Tables, counted, in_database, tables_of, whole
from tests.pipelines.lake import differing
from tests.pipelines.test_diff import Table, applied

some_runs = settings(
    max_examples=max(2, times(0) // 2),
    deadline=None,
    phases=[Phase.generate],  # to make an example smaller takes longer than to read it
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
LEFT_OUT = ("id", "place")  # a database has each id once; who mends a point may write any


def declared(bench: Bench, kind: Kind, tables: Tables) -> Bench:
    kind.declare(bench)
    kind.put(bench, tables)
    return bench


def by_key(bench: Bench) -> Table:
    rows = bench.rows()
    table = {(row["id"],): row for row in rows}
    assert len(table) == len(rows), "one row a key"
    return table


def held(bench: Bench, kind: Kind, tables: Tables) -> Report:
    """Run, and hold that each row of the source is told of once: it came out, was refused, or was merged."""
    report = bench.run()
    counted(report)
    version = whole(bench)
    told = [
        (row["source"], row["place"])
        for file in ("lineage", "duplicates")
        for row in read(version.folder / f"{file}.parquet")
    ]
    names = [each.name for each in bench.workspace.dataset("shops").inputs]
    refused = list(quarantine.listed(bench.workspace, "shops"))
    told += [(names.index(row.source), row.place) for row in refused]
    assert len(told) == len({*told}) == report.rows_in
    assert all(row.failures for row in refused)
    if kind.write is not in_database:  # of which earlier rows are numbered too
        assert sorted(told) == [(n, at) for n, name in enumerate(kind.tables) for at in range(1, len(tables[name]) + 1)]
        for row in refused:
            assert tuple(row.raw[name] for name in NAMES) == tables[kind.tables[names.index(row.source)]][row.place - 1]
        for made, line in zip(bench.rows(), read(version.folder / "lineage.parquet"), strict=True):
            assert made["id"] == (tables[kind.tables[line["source"]]][line["place"] - 1][0] or "")
    return report


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS, ids=str)
@some_runs
@given(data=st.data())
def test_the_sum_holds_and_what_differs_gives_the_next(
    new_bench: Callable[[], Bench], kind: Kind, data: st.DataObject
) -> None:
    bench, before, number = new_bench(), Table(), 0
    for tables in data.draw(st.lists(tables_of(kind), min_size=1, max_size=3)):
        report = held(declared(bench, kind, tables), kind, tables)
        now = by_key(bench)
        added, removed = now.keys() - before.keys(), before.keys() - now.keys()
        changed = [key for key in now.keys() & before.keys() if now[key] != before[key]]
        assert (report.added, report.changed, report.removed) == (len(added), len(changed), len(removed))
        assert report.new == (number == 0 or now != before)
        if report.new and number and bench.workspace.dataset("shops").retention.versions != 1:
            assert applied(before, differing(bench, "shops")) == now
            assert applied(now, differing(bench, "shops", report.version, number)) == before
        before, number = now, report.version
    assert bench.run().new is False, "done again, nothing is new"


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS, ids=str)
@some_runs
@given(data=st.data())
def test_what_is_clean_stays_as_it_is(new_bench: Callable[[], Bench], kind: Kind, data: st.DataObject) -> None:
    bench = declared(new_bench(), kind, data.draw(tables_of(kind)))
    bench.run()
    once = bench.rows()
    rows: list[Row] = [tuple(None if row[name] is None else str(row[name]) for name in NAMES) for row in once]
    again = declared(new_bench(), kind, {name: rows if name == "shops" else [] for name in kind.tables})
    report = again.run()
    assert (report.quarantined, report.merged) == (0, 0), report.rules
    assert again.rows() == once


FIXES = st.fixed_dictionaries(
    {}, optional={name: values for name, values in CELLS.items() if name not in LEFT_OUT}
)  # fmt: skip
Fixed = dict[tuple[str, Row], dict[str, str | None]]


def fixed(bench: Bench, kind: Kind, data: st.DataObject) -> Fixed:
    """Correct some of the rows that were refused; return what was said of which row of which table."""
    values: Fixed = {}
    names = [each.name for each in bench.workspace.dataset("shops").inputs]
    for refused in quarantine.listed(bench.workspace, "shops"):
        row = (kind.tables[names.index(refused.source)], tuple(refused.raw[name] for name in NAMES))
        said = data.draw(FIXES)
        if said and row not in values:
            values[row] = said
            found = quarantine.target(bench.workspace, "shops", refused.place, refused.source)
            quarantine.keep(bench.workspace, found, quarantine.wanted(found, said), "somebody", "a test")
    return values


def made(bench: Bench, report: Report) -> list[Any]:
    """Return all that a run made of its rows."""
    folder = whole(bench).folder
    files = [read(folder / f"{name}.parquet") for name in ("lineage", "duplicates", "conflicts")]
    refused = [(row.source, row.place, row.failures) for row in quarantine.listed(bench.workspace, "shops")]
    return [counted(report), bench.rows(), report.rules, *files, refused]


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS, ids=str)
@some_runs
@given(data=st.data())
def test_a_replay_after_a_fix_is_a_fresh_run_and_a_run_of_a_mended_source(
    new_bench: Callable[[], Bench], kind: Kind, data: st.DataObject
) -> None:
    tables = data.draw(tables_of(kind))
    ours = declared(new_bench(), kind, tables)
    ours.run()
    values = fixed(ours, kind, data)
    replayed = run(ours.workspace, "shops", replay=True)
    anew = declared(new_bench(), kind, tables)
    if values:
        shutil.copytree(ours.root / ".beffroi/corrections", anew.root / ".beffroi/corrections")
    fresh = anew.run()
    assert made(ours, replayed) == made(anew, fresh)
    assert replayed.corrected == fresh.corrected == sum((n, row) in values for n in kind.tables for row in tables[n])
    mended = {
        name: [tuple({**dict(zip(NAMES, row, strict=True)), **values.get((name, row), {})}.values()) for row in rows]
        for name, rows in tables.items()
    }
    there = declared(new_bench(), kind, mended)
    assert made(there, there.run()) == made(anew, fresh)
