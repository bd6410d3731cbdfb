"""From a published row to where it is from, and back, over real runs."""

import json
import shutil

import pytest

from connectors.errors import InvalidRequest, NotFound, Unavailable
from pipelines import quarantine, rollback, trace
from pipelines.run import run
from tests.pipelines.bench import SHOPS, Bench, read
from tests.pipelines.test_stage import CSV

SOURCES = SHOPS.replace(
    "source: {registry: source, table: shops}",
    "sources:\n  - {registry: source, table: shops}\n  - {name: second, registry: source, table: more}\n"
    "merge: {columns: {workers: majority}}",
)
BEHIND = SHOPS.replace("title: Shops", "title: Top", 1).replace(
    "source: {registry: source, table: shops}", "source: {dataset: shops}"
)


def test_a_row_is_traced_to_its_place_in_the_raw_file(bench: Bench) -> None:
    bench.shops(("2", "b", "4", None), ("x", "?", "?", None), ("1", "a", "3", None))
    bench.run()
    found = trace.of_key(bench.workspace, "shops", "1")
    (origin,) = found.origins
    assert (found.version, found.row, found.run) == (1, 1, bench.latest().report["run"])
    assert (origin.role, origin.source, origin.registry, origin.table, origin.place) == (
        "kept", "source/shops", "source", "shops", 3,
    )  # fmt: skip
    assert origin.there
    assert (bench.root / ".beffroi" / "raw" / "shops" / f"{origin.raw}.parquet").is_file()
    assert origin.first_seen
    assert (origin.values, found.key) == (None, None), "values are told only where they are asked for"
    told = trace.of_key(bench.workspace, "shops", "1", values=True)
    assert told.origins[0].values == {"id": "1", "name": "a", "opened": None, "workers": "3"}
    assert told.key == "1"
    with pytest.raises(NotFound, match="version 1 of shops has no row of that key"):
        trace.of_key(bench.workspace, "shops", "{x}'")
    with pytest.raises(NotFound, match="no version 2"):
        trace.of_key(bench.workspace, "shops", "1", 2)


def test_a_run_that_changed_nothing_has_not_made_the_version(bench: Bench) -> None:
    bench.shops(("1", "a", "3", None))
    made = bench.run().run
    assert bench.run().outcome == "unchanged"
    assert run(bench.workspace, "shops", replay=True).outcome == "unchanged"
    assert trace.of_key(bench.workspace, "shops", "1").run == made
    bench.shops(("1", "a", "3", None), ("2", "a", "?", None))  # another raw file, of which the same version is made
    assert bench.run().outcome == "unchanged"
    assert trace.of_key(bench.workspace, "shops", "1").run == made
    assert bench.run().made == made


def test_of_a_plain_csv_the_line_is_told_without_encoding_it_anew(bench: Bench) -> None:
    bench.write("beffroi.yaml", CSV)
    bench.write("datasets/shops.yaml", SHOPS)
    bench.write("source/shops.csv", "id,name,workers,opened\n2,b,3,\n1,a,4,\n")
    bench.run()
    (origin,) = trace.of_key(bench.workspace, "shops", "1", values=True).origins
    assert (origin.place, (origin.values or {})["name"]) == (2, "a")


def test_rows_merged_into_it_and_what_was_not_kept(bench: Bench) -> None:
    bench.shops(("1", "{a}", "3", None), ("2", "b", "3", None), ("1", "{a}", "5", None), declaration=SOURCES)
    bench.source("more", [{"id": "1", "name": "other", "workers": "5", "opened": "2020-01-01"}])
    bench.run()
    found = trace.of_key(bench.workspace, "shops", "1", values=True)
    assert [(each.role, each.source, each.place) for each in found.origins] == [
        ("kept", "source/shops", 1), ("merged", "source/shops", 3), ("merged", "second", 1),
    ]  # fmt: skip
    told = [tuple(each.values()) for each in found.conflicts]
    assert told == [
        ("name", "first", "source/shops", "second", 1, "{a}", "other"),
        ("workers", "majority", "source/shops", "source/shops", 1, "5", "3"),
    ]
    assert all("kept" not in each for each in trace.of_key(bench.workspace, "shops", "1").conflicts)
    fate = trace.of_place(bench.workspace, "shops", "second", 1)
    assert (fate.outcome, fate.into, fate.row, fate.key) == ("merged", {"source": "source/shops", "place": 1}, 1, None)


def test_every_raw_row_has_a_fate_and_every_published_one_an_origin(bench: Bench) -> None:
    bench.shops(("2", "b", "4", None), ("1", "a", "x", None), ("2", "c", None, "2020-01-01"), ("0", "z", "1", None))
    report = bench.run()
    workspace = bench.workspace
    fates = [trace.of_place(workspace, "shops", None, place, values=True) for place in range(1, report.rows_in + 1)]
    assert [each.outcome for each in fates] == ["published", "refused", "merged", "published"]
    assert [each["rule"] for each in fates[1].failures or ()] == ["type"]
    for each in (fates[0], fates[3]):
        assert trace.of_key(workspace, "shops", each.key or "").origins[0].place == each.place
    assert [each.key for each in fates] == ["2", None, "2", "0"]
    with pytest.raises(NotFound, match="had 4 rows for version 1 of shops: no row 5"):
        trace.of_place(workspace, "shops", None, 5)
    with pytest.raises(InvalidRequest, match="no source «sourse»"):
        trace.of_place(workspace, "shops", "sourse", 1)


def test_a_dataset_behind_is_traced_through(bench: Bench) -> None:
    bench.shops(("2", "b", "4", None), ("1", "a", "5", None))
    bench.write("datasets/top.yaml", BEHIND)
    bench.run()
    bench.run("top")
    bench.shops(("3", "c", "4", None))
    bench.run()
    found = trace.of_key(bench.workspace, "top", "2", values=True)
    (origin,) = found.origins
    assert (origin.dataset, origin.version, origin.place, origin.there) == ("shops", 1, 2, True)
    assert origin.behind is not None
    assert (origin.behind.dataset, origin.behind.version, origin.behind.key) == ("shops", 1, "2")
    assert [(each.registry, each.place) for each in origin.behind.origins] == [("source", 1)]
    assert [each.dataset for each in trace.datasets(found)] == ["top", "shops"]


def test_a_correction_is_told_and_who_made_it(bench: Bench) -> None:
    bench.shops(("1", "a", "x", None), ("2", "b", "4", None))
    bench.run()
    workspace = bench.workspace
    found = quarantine.target(workspace, "shops", 1)
    quarantine.keep(workspace, found, {"workers": "7"}, "somebody", "asked them")
    run(workspace, "shops", replay=True)
    (origin,) = trace.of_key(workspace, "shops", "1").origins
    assert origin.corrected is not None
    assert (origin.corrected["columns"], origin.corrected["by"], origin.corrected["why"]) == (
        ["workers"], "somebody", "asked them",
    )  # fmt: skip
    assert "values" not in origin.corrected
    (origin,) = trace.of_key(workspace, "shops", "1", values=True).origins
    assert (origin.corrected or {})["values"] == {"workers": "7"}
    assert (origin.values or {})["workers"] == "x"
    assert trace.of_key(workspace, "shops", "2").origins[0].corrected is None
    quarantine.keep(workspace, found, {}, "somebody", "not so")
    (origin,) = trace.of_key(workspace, "shops", "1").origins
    assert origin.corrected == {"raw_sha256": found.raw_sha256}, "version 2 has it still"


def test_older_versions_are_traced_as_long_as_they_are_kept(bench: Bench) -> None:
    for workers in ("1", "2", "3", "4"):
        bench.shops(("2", "b", workers, None), ("1", "a", workers, None))
        bench.run()
    found = trace.of_key(bench.workspace, "shops", "1", 1)
    (origin,) = found.origins
    assert (found.version, origin.place, origin.there) == (1, 2, False), "its raw file went, its place is known"
    assert "conflicts.parquet" in found.missing
    assert trace.of_place(bench.workspace, "shops", None, 1, 1).outcome == "published"
    shutil.rmtree(bench.root / ".beffroi" / "versions" / "shops" / "1")
    with pytest.raises(Unavailable):
        trace.of_key(bench.workspace, "shops", "1", 1)


def test_a_version_that_brings_another_back_is_traced_as_that_one(bench: Bench) -> None:
    bench.shops(("2", "b", "4", None), ("1", "a", "5", None))
    bench.run()
    bench.shops(("1", "a", "6", None))
    bench.run()
    rollback.rollback(bench.workspace, "shops", 1, by="somebody", why="a test")
    found = trace.of_key(bench.workspace, "shops", "1")
    assert (found.version, found.rolled_back_from, found.origins[0].place) == (3, 1, 2)
    assert found.missing == [], "what the run left goes back with its version"


def test_a_key_is_written_as_in_a_url(bench: Bench) -> None:
    declaration = SHOPS.replace("{name: opened, title: Opened, type: date}", "{name: opened, type: datetime}")
    declaration = declaration.replace("  opened: {steps: [trim, date]}\n", "").replace(": id\n", ": [name, opened]\n")
    day = "2024-01-01T10:00:00Z"
    bench.shops(("1", "a,b", "4", day), ("2", "a,b", "5", day), declaration=declaration)
    bench.run()
    found = trace.of_key(bench.workspace, "shops", "a\\,b,2024-01-01T10:00:00+00:00", values=True)
    assert [each["column"] for each in found.conflicts] == ["id", "workers"]
    assert found.key == "a\\,b,2024-01-01T10:00:00+00:00"


def test_lineage_has_a_line_for_each_row(bench: Bench) -> None:
    bench.shops(("2", "b", "4", None), ("1", "a", "5", None), ("2", "bb", "6", None))
    bench.run()
    folder = bench.latest().folder
    assert read(folder / "lineage.parquet") == [{"source": 0, "place": 2}, {"source": 0, "place": 1}]
    assert read(folder / "duplicates.parquet") == [{"source": 0, "place": 3, "kept_source": 0, "kept_place": 1}]
    assert json.loads((folder / "report.json").read_text())["conflicts"] == 2
