"""Corrections of raw rows: kept, applied while the row comes as it came, and never a row lost or counted twice."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from connectors.errors import Unavailable
from pipelines import corrections, quarantine
from pipelines.corrections import Correction
from pipelines.run import Report, run
from tests.pipelines.bench import SHOPS, Bench, read

UNIQUE = SHOPS.replace("{name: name, title: Name,", "{name: name, title: Name, constraints: {unique: true},")


def said(raw: Mapping[str, Any], source: str = "source/shops", **values: str | None) -> Correction:
    """Return a correction of a row as the source has it."""
    text = json.dumps(dict(sorted(raw.items())), separators=(",", ":"), ensure_ascii=False)
    return Correction(corrections.digest(text), source, dict(values), "somebody", "a test")


def fix(bench: Bench, place: int, **values: str | None) -> None:
    """Correct a row that the last run refused."""
    found = quarantine.target(bench.workspace, "shops", place)
    quarantine.keep(bench.workspace, found, quarantine.wanted(found, values), "somebody", "a test")


def holds(report: Report) -> None:
    assert report.rows_in == report.rows_out + report.quarantined + report.merged, report


def test_the_last_word_on_a_row_holds(bench: Bench) -> None:
    workspace = bench.workspace
    assert corrections.load(workspace, "shops") == []
    first, second = said({"id": "1"}, name="a"), said({"id": "2"}, name="b")
    for each in (first, second, said({"id": "1"}, name="c"), said({"id": "1"}, source="other", name="d")):
        corrections.add(workspace, "shops", each)
    found = corrections.load(workspace, "shops")
    assert [(each.source, each.values) for each in found] == [
        ("source/shops", {"name": "b"}), ("source/shops", {"name": "c"}), ("other", {"name": "d"}),
    ]  # fmt: skip
    corrections.add(workspace, "shops", said({"id": "1"}))
    assert [each.values["name"] for each in corrections.load(workspace, "shops")] == ["b", "d"], "taken back"
    assert len(corrections.file(workspace, "shops").read_text().splitlines()) == 5, "only ever added to"


def test_what_a_killed_process_left_is_passed_over_and_damage_is_not(bench: Bench) -> None:
    workspace = bench.workspace
    corrections.add(workspace, "shops", said({"id": "1"}, name="a"))
    file = corrections.file(workspace, "shops")
    assert file.stat().st_mode & 0o077 == 0, "raw values are for the owner of the workspace alone"
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:20])
    assert len(corrections.load(workspace, "shops")) == 1
    corrections.add(workspace, "shops", said({"id": "2"}, name="b"))
    assert [each.values["name"] for each in corrections.load(workspace, "shops")] == ["a", "b"]
    file.write_bytes(whole[:20] + b"\n" + whole)
    with pytest.raises(Unavailable, match=r"shops\.jsonl, line 1: it is no correction"):
        corrections.load(workspace, "shops")
    bench.shops(("1", "a", "3", None))
    with pytest.raises(Unavailable, match="no correction"):
        bench.run()


def test_a_corrected_row_is_judged_instead_and_counted(bench: Bench) -> None:
    bench.shops(("1", "a", "x", None), ("2", "b", "-5", None), ("3", "c", "4", "31/02/2011"), ("4", "d", "4", None))
    assert (bench.run().quarantined, bench.latest().rows) == (3, 1)
    fix(bench, 1, workers="7")
    fix(bench, 2, workers="-6")
    fix(bench, 3, opened=None)
    report = run(bench.workspace, "shops", replay=True)
    holds(report)
    assert (report.corrected, report.rows_out, report.quarantined, report.new) == (3, 3, 1, True)
    assert [row["workers"] for row in bench.rows()] == [7, 4, 4]
    (refused,) = quarantine.listed(bench.workspace, "shops")
    assert refused.raw["workers"] == "-5", "what the source has is kept, so that the correction still finds it"
    assert [each["rule"] for each in refused.failures] == ["minimum"]
    found = read(bench.latest().folder / "corrected.parquet")
    assert [(row["source"], row["place"]) for row in found] == [(0, 1), (0, 2), (0, 3)]


def test_it_holds_in_later_runs_while_the_row_is_the_same_and_no_more_when_it_changes(bench: Bench) -> None:
    dirty, clean = ("1", "a", "x", None), ("2", "b", "4", None)
    bench.shops(dirty, clean)
    bench.run()
    fix(bench, 1, workers="7")
    assert bench.run().corrected == 1, "a scan finds the same row, and the correction is new"
    assert bench.run().outcome == "unchanged"
    bench.shops(clean, ("3", "c", "9", None), dirty)
    report = bench.run()
    holds(report)
    assert (report.corrected, report.rows_out) == (1, 3), "wherever the row stands"
    bench.shops(("1", "a", "y", None), clean)
    report = bench.run()
    assert (report.corrected, report.quarantined) == (0, 1), "another row is another row"
    bench.shops(dirty, clean)
    assert bench.run().corrected == 1


def test_taken_back_the_row_is_refused_again(bench: Bench) -> None:
    bench.shops(("1", "a", "x", None), ("2", "b", "4", None))
    bench.run()
    fix(bench, 1, workers="7")
    assert run(bench.workspace, "shops", replay=True).rows_out == 2
    found = quarantine.target(bench.workspace, "shops", 1)
    quarantine.keep(bench.workspace, found, {}, "somebody", "not so")
    report = run(bench.workspace, "shops", replay=True)
    assert (report.rows_out, report.quarantined, report.corrected) == (1, 1, 0)


def test_a_row_that_passes_by_itself_is_left_alone(bench: Bench) -> None:
    bench.shops(("1", "a", "4 people", None), ("2", "b", "4", None))
    bench.run()
    fix(bench, 1, workers="7")
    mended = SHOPS.replace("clean:\n", "clean:\n  workers: {steps: [digits]}\n")
    bench.write("datasets/shops.yaml", mended)
    report = run(bench.workspace, "shops", replay=True)
    assert (report.corrected, [row["workers"] for row in bench.rows()]) == (0, [4, 4])


def test_what_only_several_rows_tell_is_judged_with_the_corrected_ones(bench: Bench) -> None:
    bench.shops(
        ("1", "a", "1", None), ("2", "a", "2", None), ("3", "c", "x", None), ("4", "d", "4", None), declaration=UNIQUE
    )
    assert bench.run().quarantined == 3
    fix(bench, 2, name="b")
    report = run(bench.workspace, "shops", replay=True)
    assert (report.quarantined, [row["id"] for row in bench.rows()]) == (1, ["1", "2", "4"]), "the other is free too"
    fix(bench, 3, workers="3", name="d")
    report = run(bench.workspace, "shops", replay=True)
    holds(report)
    assert [row["id"] for row in bench.rows()] == ["1", "2"], "the name is another's: both are refused now"
    fix(bench, 4, name="e")
    report = run(bench.workspace, "shops", replay=True)
    holds(report)
    assert (report.quarantined, len(bench.rows())) == (0, 4), "a row that a corrected one refuses may be corrected too"


def test_of_several_sources_each_has_its_own(bench: Bench) -> None:
    declaration = SHOPS.replace(
        "source: {registry: source, table: shops}",
        "sources:\n  - {registry: source, table: shops}\n  - {registry: source, table: more, clean: {name: {from: called}}}",
    )
    row = {"id": "1", "workers": "x", "opened": None}
    bench.shops(("1", "a", "x", None), declaration=declaration)
    bench.source("more", [row | {"called": "b"}, {"id": "2", "workers": "y", "opened": None, "called": "c"}])
    assert bench.run().quarantined == 3
    corrections.add(
        bench.workspace, "shops", said(row | {"called": "b"}, source="source/more", called="z", workers="5")
    )
    report = run(bench.workspace, "shops", replay=True)
    holds(report)
    assert (report.corrected, report.quarantined) == (1, 2)
    assert bench.rows() == [{"id": "1", "name": "z", "workers": 5, "opened": None}]
    assert read(bench.latest().folder / "lineage.parquet") == [{"source": 1, "place": 1}]


def test_types_of_the_source_are_kept(bench: Bench) -> None:
    import pyarrow as pa

    bench.write("datasets/shops.yaml", SHOPS)
    types = {"workers": pa.int32(), "opened": pa.date32()}
    bench.source("shops", [{"id": "1", "name": "a", "workers": -3, "opened": None}], types)
    bench.run()
    fix(bench, 1, workers="3", opened="2024-02-29")
    run(bench.workspace, "shops", replay=True)
    assert [(row["workers"], str(row["opened"])) for row in bench.rows()] == [(3, "2024-02-29")]
