"""What the engine of a run guarantees: the sum, the lineage, what is merged and how, what is not judged again."""

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import RunFailed, Unreadable
from pipelines import engine, quarantine, write
from pipelines.run import run
from pipelines.taking import write_batches
from pipelines.threads import within
from tests.effort import some
from tests.pipelines.bench import CONFIGURATION, SHOPS, Bench, indexed, read

NAMES = ("id", "name", "workers", "opened")
GOOD = ("1", "Au Bon Pain", "3", "01/03/1998")


def evidence(bench: Bench, file: str, name: str = "shops") -> list[dict[str, Any]]:
    return read(bench.latest(name).folder / f"{file}.parquet")


# --- lineage ---------------------------------------------------------------------------------------------------------


def test_each_row_of_a_version_tells_where_it_came_from(bench: Bench) -> None:
    bench.shops(("3", "C", None, None), ("1", "A", None, None), ("2", "B", "x", None), ("1", None, "4", None))
    bench.run()
    assert [row["id"] for row in bench.rows()] == ["1", "3"]
    assert evidence(bench, "lineage") == [{"source": 0, "place": 2}, {"source": 0, "place": 1}]
    assert evidence(bench, "duplicates") == [{"source": 0, "place": 4, "kept_source": 0, "kept_place": 2}]
    (refused,) = evidence(bench, "quarantine")
    assert (refused["source"], refused["place"]) == ("source/shops", 3)
    assert json.loads(refused["raw"]) == {"id": "2", "name": "B", "workers": "x", "opened": None}


def test_a_conflict_is_kept_and_told(bench: Bench) -> None:
    bench.shops(("1", "A", None, None), ("1", "B", "4", None), ("1", "A", "5", None))
    report = bench.run()
    assert report.conflicts == 2
    found = [
        (row["key"], row["column"], row["kept"], row["other"], row["other_place"])
        for row in evidence(bench, "conflicts")
    ]
    assert found == [("1", "name", "A", "B", 2), ("1", "workers", "4", "5", 3)]


def test_the_report_tells_sources_and_rules(bench: Bench) -> None:
    bench.shops(GOOD, ("2", "B", "x", None), ("3", "B", "y", None), (None, "B", None, None))
    report = bench.run()
    (source,) = report.sources
    assert (source["name"], source["registry"], source["table"], source["rows"]) == (
        "source/shops",
        "source",
        "shops",
        4,
    )
    assert source["columns"] == list(NAMES)
    assert (bench.root / f".beffroi/raw/shops/{source['raw']}.parquet").stat().st_size == source["bytes"]
    assert [(rule["column"], rule["rule"], rule["rows"]) for rule in report.rules] == [
        ("workers", "type", 2),
        ("id", "required", 1),
    ]
    assert report.rules[0]["reason_fr"] == "n'est pas du type integer"
    assert list(report.stages) == ["scan", "clean", "expect", "write", "faces", "commit"]


def test_more_rules_than_a_mask_has_bits(bench: Bench) -> None:
    names = [f"c{number}" for number in range(150)]
    rows = [{"id": str(n), **dict.fromkeys(names, "1"), f"c{n * 70}": "x"} for n in range(3)]
    bench.source("wide", rows)
    fields = "".join(f"    - {{name: {name}, type: integer, constraints: {{minimum: 0}}}}\n" for name in names)
    bench.write(
        "datasets/wide.yaml",
        "title: W\nowner: ville\naudience: owner\nsource: {registry: source, table: wide}\n"
        f"schema:\n  fields:\n    - name: id\n{fields}  primaryKey: id\n",
    )
    assert bench.run("wide").quarantined == 3
    found = [[failure["column"] for failure in row["failures"]] for row in evidence(bench, "quarantine", "wide")]
    assert found == [["c0"], ["c70"], ["c140"]]


CSV = CONFIGURATION.replace("path: source}", "path: source, tables: {shops: {file: shops.csv}}}")


def csv(bench: Bench, rows: list[str], declaration: str = SHOPS) -> None:
    bench.write("beffroi.yaml", CSV)
    bench.write("datasets/shops.yaml", declaration)
    bench.write("source/shops.csv", "\n".join(["id,name,workers,opened", *rows]) + "\n")


def test_a_plain_csv_is_kept_as_it_came_and_once(bench: Bench) -> None:
    csv(bench, ["1,A,3,2020-01-01", "2,B,x,2020-01-01"])
    bench.run()
    bench.run()
    (kept,) = (bench.root / ".beffroi/raw/shops").glob("*.csv")
    assert kept.read_bytes() == (bench.root / "source/shops.csv").read_bytes()
    (refused,) = quarantine.listed(bench.workspace, "shops")
    assert (refused.place, refused.raw["workers"]) == (2, "x")


def test_rows_of_a_long_csv_keep_their_places(bench: Bench) -> None:
    """Whatever the engine does at once: place n is row n of the file, and the version is in the order of its key."""
    count = 60_000
    rows = [
        f"{number:06},{'x' * (number % 97)},{'-' if number % 1000 == 7 else number},2020-01-01"
        for number in range(count)
    ]
    csv(bench, rows)
    bench.run()
    ids = [row["id"] for row in bench.rows()]
    assert ids == sorted(ids)
    assert [int(name) + 1 for name in ids] == [row["place"] for row in evidence(bench, "lineage")]
    assert {int(json.loads(row["raw"])["id"]) + 1 - row["place"] for row in evidence(bench, "quarantine")} == {0}


UNIQUE = SHOPS.replace("description: As on the sign", "constraints: {unique: true}")


def test_a_row_that_others_refuse_is_fetched_as_it_came_from_a_csv(bench: Bench) -> None:
    csv(bench, ["1, A ,3,2020-01-01", "2,B,x,2020-01-01", "3,A,4,2020-01-01"], UNIQUE)
    bench.run()
    found = {
        row["place"]: (json.loads(row["raw"])["name"], row["failures"][0]["rule"])
        for row in evidence(bench, "quarantine")
    }
    assert found == {1: (" A ", "unique"), 2: ("B", "type"), 3: ("A", "unique")}


# --- several sources -------------------------------------------------------------------------------------------------

SEVERAL = """\
title: Shops
owner: ville
audience: open
licence: Licence Ouverte 2.0
sources:
  - {name: town, registry: source, table: town}
  - {name: state, registry: source, table: state, clean: {name: {from: label, steps: [trim]}}}
  - {name: other, dataset: others}
merge: {default: first, columns: {phone: recent, status: majority}, recent: updated}
schema:
  fields:
    - {name: id, title: Number}
    - {name: name, title: Name}
    - {name: phone, title: Phone}
    - {name: status, title: Status}
    - {name: updated, title: Updated, type: date}
  primaryKey: id
clean:
  name: {steps: [squeeze]}
"""
OTHERS = (
    SEVERAL[: SEVERAL.index("sources:")]
    + "source: {registry: source, table: others}\n"
    + SEVERAL[SEVERAL.index("schema:") :]
)


def several(bench: Bench, **tables: list[tuple[Any, ...]]) -> None:
    for table, rows in tables.items():
        names = ("id", "label" if table == "state" else "name", "phone", "status", "updated")
        bench.source(table, [dict(zip(names, row, strict=True)) for row in rows], dict.fromkeys(names, pa.string()))
    bench.write("datasets/shops.yaml", SEVERAL)
    bench.write("datasets/others.yaml", OTHERS)
    bench.run("others")


def test_several_sources_are_merged_each_column_by_its_rule(bench: Bench) -> None:
    several(
        bench,
        town=[("1", None, "01", "open", "2020-01-01"), ("2", "Two", None, None, None)],
        state=[("1", " One ", "02", "closed", "2022-01-01"), ("3", "Three", None, None, None)],
        others=[("1", "Uno", "03", "closed", "2021-01-01"), ("9", "Nine", "x", None, None)],
    )
    report = bench.run()
    assert (report.rows_in, report.rows_out, report.merged, report.quarantined) == (6, 4, 2, 0)
    first, *others = bench.rows()
    assert first == {"id": "1", "name": "One", "phone": "02", "status": "closed", "updated": dt.date(2020, 1, 1)}
    assert [row["id"] for row in others] == ["2", "3", "9"]
    assert evidence(bench, "lineage") == [
        {"source": 0, "place": 1}, {"source": 0, "place": 2}, {"source": 1, "place": 2}, {"source": 2, "place": 2}
    ]  # fmt: skip
    assert evidence(bench, "duplicates") == [
        {"source": 1, "place": 1, "kept_source": 0, "kept_place": 1},
        {"source": 2, "place": 1, "kept_source": 0, "kept_place": 1},
    ]
    told = {
        (row["column"], row["rule"], row["kept_source"], row["other_source"]): row["other"]
        for row in evidence(bench, "conflicts")
    }
    assert told == {
        ("name", "first", "state", "other"): "Uno",
        ("phone", "recent", "state", "town"): "01",
        ("phone", "recent", "state", "other"): "03",
        ("status", "majority", "state", "town"): "open",
        ("updated", "first", "town", "state"): "2022-01-01",
        ("updated", "first", "town", "other"): "2021-01-01",
    }
    assert report.conflicts == 6
    assert [(source["name"], source["rows"], source["version"]) for source in report.sources] == [
        ("town", 2, None), ("state", 2, None), ("other", 2, 1)
    ]  # fmt: skip
    assert bench.run().new is False


def test_a_source_may_lack_a_column_but_not_the_key(bench: Bench) -> None:
    several(bench, town=[("1", "A", None, None, None)], state=[], others=[])
    bench.source("state", [{"id": "2", "label": "B"}])
    bench.run()
    assert [(row["id"], row["name"], row["phone"]) for row in bench.rows()] == [("1", "A", None), ("2", "B", None)]
    bench.source("state", [{"number": "2", "label": "B"}])
    with pytest.raises(Unreadable, match=r"id is read from «id», which state no longer has"):
        bench.run()


def test_a_dataset_that_is_a_source_must_have_a_version(bench: Bench) -> None:
    several(bench, town=[], state=[], others=[])
    bench.write("datasets/shops.yaml", SEVERAL.replace("dataset: others", "dataset: more"))
    bench.write("datasets/more.yaml", OTHERS)
    with pytest.raises(RunFailed, match="more, which has no version yet: run more first"):
        bench.run()


# --- preview, replay, unchanged --------------------------------------------------------------------------------------


def test_a_preview_tells_what_would_change_and_changes_nothing(bench: Bench) -> None:
    bench.shops(GOOD)
    bench.run()
    bench.shops(GOOD, ("2", "B", None, None), ("3", "C", "x", None))
    report = run(bench.workspace, "shops", preview=True)
    assert (report.outcome, report.added, report.quarantined, report.version) == ("preview", 1, 1, 2)
    assert (bench.latest().number, len(bench.rows())) == (1, 1)
    assert run(bench.workspace, "shops", replay=True).outcome == "unchanged", (
        "a replay is of the last run, not of a preview"
    )
    assert bench.run().version == 2


def test_a_replay_judges_anew_what_the_last_run_read(bench: Bench) -> None:
    declaration = SHOPS + "expect: {refused: {max: 0.1}}\n"
    bench.shops(GOOD, ("2", "B", "3 or 4", None), declaration=declaration)
    with pytest.raises(RunFailed):
        bench.run()
    (bench.root / "source/shops.parquet").unlink()
    bench.write("datasets/shops.yaml", declaration + "")
    mended = declaration.replace("clean:", "clean:\n  workers: {steps: [{map: {'3': 3, '3 or 4': 4}}]}")
    bench.write("datasets/shops.yaml", mended)
    report = run(bench.workspace, "shops", replay=True)
    assert (report.outcome, report.rows_out, report.replayed) == ("new", 2, True)
    assert [row["workers"] for row in bench.rows()] == [3, 4]


def test_nothing_to_replay_is_told(bench: Bench) -> None:
    bench.shops(GOOD)
    with pytest.raises(RunFailed, match="the raw input of its last run is not there"):
        run(bench.workspace, "shops", replay=True)


def test_the_same_input_is_not_judged_again(bench: Bench) -> None:
    bench.shops(GOOD, ("2", None, None, "bad"))
    first = bench.run()
    again = bench.run()
    assert list(again.stages) == ["scan"]
    assert (again.outcome, again.rows_in, again.rows_out, again.quarantined) == ("unchanged", 2, 1, 1)
    assert (again.rules, [each | {"read": ""} for each in again.sources]) == (
        first.rules, [each | {"read": ""} for each in first.sources]
    )  # fmt: skip
    assert again.sources[0]["read"] > first.sources[0]["read"]
    assert bench.latest().report["run"] == again.run
    bench.write("datasets/shops.yaml", SHOPS.replace("trim, date", "squeeze, date"))
    judged = bench.run()
    assert "clean" in judged.stages
    assert judged.outcome == "unchanged"


def test_what_failed_is_judged_again_and_what_was_good_again_is_known(bench: Bench) -> None:
    declaration = SHOPS + "expect: {refused: {max: 0.1}}\n"
    bench.shops(GOOD, declaration=declaration)
    bench.run()
    bench.shops(("1", "A", "x", None), declaration=declaration)
    for _ in range(2):
        with pytest.raises(RunFailed, match="share of refused rows"):
            bench.run()
    bench.shops(GOOD, declaration=declaration)
    assert (bench.run().outcome, bench.latest().number) == ("unchanged", 1)
    assert list(quarantine.listed(bench.workspace, "shops")) == []


def test_another_version_of_a_needed_dataset_is_judged(bench: Bench) -> None:
    bench.shops(GOOD)
    bench.source("stalls", [{"n": "1", "shop": "1"}, {"n": "2", "shop": "9"}])
    bench.write(
        "datasets/stalls.yaml",
        "title: S\nowner: ville\naudience: owner\nsource: {registry: source, table: stalls}\nschema:\n  fields:\n"
        "    - name: n\n    - name: shop\n  primaryKey: [n]\n  foreignKeys:\n"
        "    - {fields: [shop], reference: {resource: shops, fields: [id]}}\n",
    )
    bench.run("shops")
    assert (bench.run("stalls").quarantined, bench.run("stalls").outcome) == (1, "unchanged")
    assert bench.latest("stalls").report["needed"] == {"shops": 1}
    bench.shops(GOOD, ("9", "New", None, None))
    bench.run("shops")
    report = bench.run("stalls")
    assert (report.outcome, report.quarantined, report.needed) == ("new", 0, {"shops": 2})


def test_what_a_run_reads_is_not_swept_under_it(bench: Bench) -> None:
    """Its sources and those it refers to may have a run of their own meanwhile, and keep one version only."""
    kept = SHOPS + "retention: {versions: 1}\n"
    towns = kept.replace("shops", "towns").replace("Shops", "Towns")
    for name, text in (("shops", kept), ("towns", towns)):
        bench.write(f"datasets/{name}.yaml", text)
        bench.source(name, [dict(zip(NAMES, GOOD, strict=True))])
        bench.run(name)
    bench.write(
        "datasets/signs.yaml",
        "title: S\nowner: ville\naudience: owner\nsource: {dataset: shops}\nschema:\n  fields:\n    - name: id\n"
        "    - name: name\n  primaryKey: id\n  foreignKeys:\n"
        "    - {fields: id, reference: {resource: towns, fields: id}}\n",
    )

    def meanwhile(stage: str) -> None:
        if stage == "clean":
            for name in ("shops", "towns"):
                bench.source(name, [dict(zip(NAMES, ("2", "New", None, None), strict=True))])
                bench.run(name)

    report = run(bench.workspace, "signs", meanwhile)
    assert (report.needed, bench.rows("signs")) == ({"shops": 1, "towns": 1}, [{"id": "1", "name": "Au Bon Pain"}])
    assert not list((bench.root / ".beffroi/spill").iterdir()), "what was held for the run goes with it"
    assert run(bench.workspace, "signs", full=True).needed == {"shops": 2, "towns": 2}


def test_every_run_leaves_a_report(bench: Bench) -> None:
    bench.shops(GOOD)
    bench.run()
    bench.run()
    (bench.root / "source/shops.parquet").write_bytes(b"nothing")
    with pytest.raises(Unreadable):
        bench.run()
    found = [json.loads(file.read_text()) for file in sorted((bench.root / ".beffroi/runs/shops").glob("*.json"))]
    assert [report["outcome"] for report in found] == ["new", "unchanged", "failed"]
    assert len(found[2]["problems"]) == 1


# --- a deadline ------------------------------------------------------------------------------------------------------


def test_a_run_ends_at_its_deadline(bench: Bench) -> None:
    rows = 300_000
    columns = {name: pa.array([f"{name} {n}" for n in range(rows)]) for name in ("id", "name")}
    columns |= {"workers": pa.array(["1"] * rows), "opened": pa.array(["1er mars 1998"] * rows)}
    bench.source("shops", pa.table(columns))
    bench.write("datasets/shops.yaml", SHOPS + "deadline: 0.01\n")
    with pytest.raises(RunFailed, match=r"shops took longer than its deadline of 0\.01 s"):
        bench.run()
    bench.write("datasets/shops.yaml", SHOPS)
    assert bench.run().rows_out == rows


def test_a_version_that_is_being_written_at_its_deadline_is_told_so() -> None:
    """What is read of the engine through Arrow comes with an error of Arrow's, which would be told as a full disk."""
    with duckdb.connect() as connection:
        reader = connection.sql("SELECT i FROM range(10_000_000_000) t(i)").to_arrow_reader(write.BATCH)
        groups = write.row_groups(reader)
        next(groups)
        connection.interrupt()
        with pytest.raises(duckdb.InterruptException):
            list(groups)


@pytest.mark.parametrize(
    ("rows", "width", "sizes"),
    [(300_000, 1, [122_880, 122_880, 54_240]), (30_000, 100, [24_576, 5_424]), (0, 1, [])],
)
def test_a_row_group_has_its_rows_and_fewer_where_they_are_wide(
    rows: int, width: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "ROW_GROUP_BYTES", 2_000_000)
    with duckdb.connect() as connection:
        query = f"SELECT i, repeat('x', {width}) AS x FROM range({rows}) t(i)"
        groups = list(write.row_groups(connection.sql(query).to_arrow_reader(write.BATCH)))
    assert [len(group) for group in groups] == sizes
    assert [row for group in groups for row in group["i"].to_pylist()] == list(range(rows))


def test_a_source_that_says_nothing_any_more_is_left_at_the_deadline(tmp_path: Path) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": ["1"]})
        time.sleep(30)

    scan = pa.RecordBatchReader.from_batches(pa.schema([("a", pa.string())]), batches())
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        within(lambda: write_batches(scan, tmp_path / "a.parquet"), began + 0.2)
    assert time.monotonic() - began < 20


# --- any table -------------------------------------------------------------------------------------------------------

TABLES = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(["1", "2", "3", "4", " 4", "", None]),
            "name": st.none() | st.text(max_size=5) | st.sampled_from(["A", "B"]),
            "workers": st.sampled_from([None, "1", "-1", "x", "1.5"]),
            "opened": st.sampled_from([None, "2020-01-01", "31/12/1999", "bad", " "]),
        }
    ),
    max_size=14,
)


@pytest.mark.soak
@some(3)
@given(TABLES)
def test_a_replay_after_a_fix_is_what_a_fresh_run_finds(
    new_bench: Callable[[], Bench], table: list[dict[str, Any]]
) -> None:
    mended = SHOPS.replace("clean:", "clean:\n  workers: {steps: [{map: {'1': 1, x: 0, '-1': 1, '1.5': 2}}]}")
    found = []
    for replay in (True, False):
        bench = new_bench()
        bench.source("shops", table, dict.fromkeys(NAMES, pa.string()))
        bench.write("datasets/shops.yaml", SHOPS if replay else mended)
        if replay:
            bench.run()
            bench.write("datasets/shops.yaml", mended)
        report = run(bench.workspace, "shops", replay=replay)
        told = [row["failures"] for row in evidence(bench, "quarantine")]
        found.append((bench.rows(), told, evidence(bench, "lineage"), report.rows_out, report.merged))
    assert found[0] == found[1]


# --- the key index, from the last version's --------------------------------------------------------------------------


@some(8)
@given(st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)), st.sets(st.integers(41, 50)))
def test_an_index_made_from_the_last_one_is_as_one_made_anew(
    new_bench: Callable[[], Bench], removed: set[int], changed: set[int], added: set[int]
) -> None:
    before: list[tuple[Any, Any, Any, Any]] = [(str(n), f"name {n}", "1", None) for n in range(200)]
    after: list[tuple[Any, Any, Any, Any]] = [
        (n, "new" if int(n) in changed else name, workers, opened)
        for n, name, workers, opened in before
        if int(n) not in removed
    ]
    after += [(f"x{n}", "added", "1", None) for n in added]
    bench, anew = new_bench(), new_bench()
    bench.shops(*before)
    bench.run()
    bench.shops(*after)
    bench.run()
    anew.shops(*after)
    anew.run()
    assert indexed(bench.latest()) == indexed(anew.latest())
    assert len(indexed(bench.latest())) == len(after)


# --- the room that linking has ---------------------------------------------------------------------------------------


Opened = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]


@pytest.fixture(name="opened")
def _opened(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Return what opens the engine of a run, on a large machine."""
    monkeypatch.setattr(engine, "machine_memory", lambda: 64_000)
    bench.shops(GOOD)
    return lambda: engine.engine(bench.workspace, bench.workspace.datasets["shops"])


def held(connection: duckdb.DuckDBPyConnection) -> Any:
    """Return the bytes that the engine may hold; it tells them roughly."""
    return pytest.approx(engine.held(connection), rel=0.01)


@pytest.mark.parametrize(
    ("machine", "before", "megabytes"),
    [(64_000, 512, 2048), (4_000, 512, 1000), (2_100, 512, 525), (2_048, 512, 512), (9, 512, 512), (1_900, 237, 475)],
)
def test_linking_has_a_quarter_of_the_memory_and_no_less_than_before(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, machine: int, before: int, megabytes: int
) -> None:
    monkeypatch.setattr(engine, "machine_memory", lambda: machine)
    with opened() as connection:
        connection.execute(f"SET memory_limit = '{before}MB'")
        with engine.room(connection):
            assert megabytes * 1_000_000 == held(connection)
        assert before * 1_000_000 == held(connection)


def test_one_run_alone_has_that_room(opened: Opened) -> None:
    with opened() as one, opened() as other:
        before = engine.held(other)
        with engine.room(one):
            with engine.room(other):
                assert before == held(other)
                assert before != held(one)
            assert before != held(one)
        with engine.room(other):
            assert before == held(one)
            assert before != held(other)


def test_a_run_that_failed_leaves_that_room_to_the_next(opened: Opened) -> None:
    with opened() as connection, pytest.raises(RunFailed), engine.room(connection):
        raise RunFailed("no")
    with opened() as connection:
        before = engine.held(connection)
        with engine.room(connection):
            assert before != held(connection)


def test_what_cannot_be_spilled_stays(opened: Opened) -> None:
    with opened() as connection:
        connection.execute("SET max_temp_directory_size = '10MB'")
        with engine.room(connection):
            connection.execute("CREATE TEMP TABLE large AS SELECT hash(range) AS value FROM range(80_000_000)")
            most = engine.held(connection)
        assert most == held(connection), "a full disk must not fail what has been linked"


@pytest.mark.parametrize(
    ("groups", "files", "megabytes"),
    [
        ("0::/\n", {"memory.max": "1073741824"}, 1024),
        ("0::/system/beffroi\n", {"system/beffroi/memory.max": "max", "system/memory.max": "536870912"}, 512),
        ("9:cpu:/a\n8:memory:/a\n", {"memory/a/memory.limit_in_bytes": "268435456", "cpu/a/memory.max": "1"}, 256),
        ("8:cpu,memory:/gone\n", {"memory/memory.limit_in_bytes": "268435456"}, 256),
    ],
)
def test_the_memory_is_that_of_the_control_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, groups: str, files: dict[str, str], megabytes: int
) -> None:
    for name, said in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(said + "\n", encoding="ascii")
    (tmp_path / "ours").write_text(groups, encoding="utf-8")
    machine = engine.machine_memory()
    monkeypatch.setattr(engine, "GROUPS", tmp_path)
    monkeypatch.setattr(engine, "OUR_GROUPS", tmp_path / "ours")
    assert engine.machine_memory() == megabytes < machine
    monkeypatch.setattr(engine, "OUR_GROUPS", tmp_path / "none")
    assert engine.machine_memory() >= machine


def test_the_memory_of_the_machine_is_told() -> None:
    assert 100 < engine.machine_memory() < 100_000_000
