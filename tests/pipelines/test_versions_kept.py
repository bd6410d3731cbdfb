"""What is kept of a dataset and for how long, and how one goes back to an earlier version."""

import datetime as dt
import json
import random
import shutil
import time
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from filelock import FileLock

from connectors.errors import InvalidRequest, NotFound, RunFailed, Unavailable
from pipelines import databases, index, retention, rollback, schedule, versions
from pipelines import raw as raws
from pipelines.run import run
from pipelines.versions import Version
from tests.effort import times
from tests.pipelines.bench import SHOPS, Bench, query, read
from tests.pipelines.killed import Child, roll_shops_back
from tests.pipelines.lake import put

PERSONAL = SHOPS.replace("audience: open", "audience: owner").replace("title: Name,", "title: Name, personal: true,")
KILLS = times(6)


def shops(count: int) -> list[dict[str, Any]]:
    return [{"id": str(n), "name": f"of {count}", "workers": n, "opened": dt.date(2020, 1, 1)} for n in range(count)]


def several(bench: Bench, count: int, declaration: str = SHOPS, raw: bool = False) -> list[Version]:
    """Make versions of 1, 2, 3… rows."""
    bench.write("datasets/shops.yaml", declaration)
    return [put(bench, "shops", shops(n), f"{n:064x}" if raw else "") for n in range(1, count + 1)]


def sweep(bench: Bench) -> list[int]:
    """Sweep, and return the numbers of the versions that the lake still has."""
    told = retention.leftovers(bench.workspace, "shops")
    assert all(path.exists() for path in told)
    retention.sweep(bench.workspace, "shops")
    assert not any(path.exists() for path in told)
    assert retention.leftovers(bench.workspace, "shops") == []
    return [each.number for each in versions.history(bench.workspace, "shops") if each.parquet.is_file()]


# --- retention -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "kept"),
    [("", [1, 2, 3, 4, 5]), ("retention: {versions: 3}", [3, 4, 5]), ("retention: {versions: 1}", [5])],
)
def test_versions_beyond_the_number_leave_the_lake(bench: Bench, declared: str, kept: list[int]) -> None:
    several(bench, 5, f"{SHOPS}{declared}\n")
    assert sweep(bench) == kept
    assert [version.rows for version in versions.history(bench.workspace, "shops")] == [1, 2, 3, 4, 5], "told of"
    folders = {entry.name: sorted(file.name for file in entry.iterdir()) for entry in
               (bench.root / ".beffroi/versions/shops").iterdir()}  # fmt: skip
    ready = {str(number) for number in kept if number > 3}
    assert folders == {
        str(n): ["report.json", "rows.lmdb", "shops.csv"] if str(n) in ready else ["report.json"] for n in kept
    }


@pytest.mark.parametrize(("declared", "kept"), [("", [4, 5]), ("retention: {versions: 9}", [4, 5]),
                                                ("retention: {versions: 1}", [5])])  # fmt: skip
def test_of_personal_data_two_are_kept_unless_less_is_declared(bench: Bench, declared: str, kept: list[int]) -> None:
    several(bench, 5, f"{PERSONAL}{declared}\n")
    assert sweep(bench) == kept


def test_versions_beyond_the_days_leave_but_never_the_latest(bench: Bench) -> None:
    found = several(bench, 3, f"{SHOPS}retention: {{days: 10}}\n")
    dataset, last = bench.workspace.dataset("shops"), found[-1].committed
    assert retention.kept(dataset, found, last + dt.timedelta(days=9)) == found
    assert retention.kept(dataset, found, last + dt.timedelta(days=11)) == found[-1:]
    older = [versions.Version(**{**vars(found[0]), "committed": last - dt.timedelta(days=5)}), *found[1:]]
    assert retention.kept(dataset, older, last + dt.timedelta(days=6)) == found[1:]
    assert retention.kept(dataset, [], last) == []


def test_the_delta_table_stays_whole_for_any_engine(bench: Bench) -> None:
    several(bench, 5, f"{SHOPS}retention: {{versions: 3}}\n")
    sweep(bench)
    path = bench.root / ".beffroi/lake/shops"
    table = DeltaTable(path)
    assert table.to_pyarrow_table().num_rows == 5
    assert [DeltaTable(path, version=n).to_pyarrow_table().num_rows for n in (2, 3, 4)] == [3, 4, 5]
    with pytest.raises(FileNotFoundError):
        DeltaTable(path, version=1).to_pyarrow_table()
    assert table.repair(dry_run=True)["files_removed"] == [], "no file that the table refers to is missing"
    assert len(table.history()) == 5
    assert table.vacuum() == [], "no other engine's housekeeping takes a version that is kept"
    table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert DeltaTable(path).to_pyarrow_table().num_rows == 5
    assert put(bench, "shops", shops(6)).number == 6, "another engine's housekeeping is no version"


def test_raw_inputs_are_kept_that_the_last_runs_and_the_latest_version_were_made_from(bench: Bench) -> None:
    several(bench, 4, raw=True)
    folder = bench.root / ".beffroi/raw/shops"
    folder.mkdir(parents=True)
    names = {number: f"{number:064x}" for number in range(1, 6)}
    for name in names.values():
        raws.settle(folder, "source", bench.write("part", name), name, raws.Dialect(("a",), ",", '"', 1))
    for number in (2, 5):
        raw = raws.Raw("source", folder / f"{names[number]}.csv", names[number])
        raws.note(folder, raws.Reading(f"run {number}", (raw,), None, None), 2)
    bench.write(".beffroi/raw/shops/1700000000000000000.parquet", "of an early Beffroi")
    bench.write(".beffroi/raw/shops/dead.part", "of a run that was killed")
    sweep(bench)
    wanted = {f"{names[number]}{end}" for number in (2, 4, 5) for end in (".csv", ".json")} | {raws.NOTES}
    assert {file.name for file in folder.iterdir()} == wanted


def test_ready_files_are_made_again_when_asked(bench: Bench) -> None:
    several(bench, 3)
    sweep(bench)
    first = versions.history(bench.workspace, "shops")[0]
    assert not first.whole
    assert rollback.rebuild(bench.workspace, "shops", 1) == first.folder
    assert first.whole
    assert index.row(first, "0") == b'{"id":"0","name":"of 1","workers":0,"opened":"2020-01-01"}'
    assert first.csv.read_text() == "id,name,workers,opened\n0,of 1,0,2020-01-01\n"
    with pytest.raises(NotFound, match="there is no version 9 of shops"):
        rollback.rebuild(bench.workspace, "shops", 9)
    sweep(bench)
    assert not first.whole, "they stay until the next run"


# --- rollback --------------------------------------------------------------------------------------------------------


def faces(bench: Bench) -> set[int]:
    """Return the number of rows on every face of the latest version, once its content is of one state."""
    version = bench.latest()
    rows = read(version.parquet)
    assert {row["name"] for row in rows} == {f"of {len(rows)}"}
    found = [json.loads(index.row(version, str(n)) or b"null") for n in range(20)]
    table = DeltaTable(bench.root / ".beffroi/lake/shops").to_pyarrow_table()
    return {
        version.rows,
        len(rows),
        table.num_rows,
        query(f"SELECT count(*) FROM read_csv('{version.csv}')")[0][0],
        len([row for row in found if row]),
    }


def in_database(bench: Bench) -> list[tuple[Any, ...]]:
    sql = "SELECT version, (SELECT count(*) FROM shops) FROM beffroi_versions"
    return query(sql, str(bench.root / ".beffroi/databases/open.duckdb"))


def test_a_rollback_brings_every_face_back(bench: Bench) -> None:
    several(bench, 4)
    databases.refresh(bench.workspace)
    assert (faces(bench), in_database(bench)) == ({4}, [(4, 4)])
    made = rollback.rollback(bench.workspace, "shops", 2, by="anna", why="the source lost its roads")
    assert made == bench.latest()
    assert (made.number, made.rolled_back_from, made.rows) == (5, 2, 2)
    assert (made.added, made.changed, made.removed) == (0, 2, 2), "against the version that was shown before"
    assert (faces(bench), in_database(bench)) == ({2}, [(5, 2)])
    assert made.report["version"] == 5
    assert [v.rows for v in versions.history(bench.workspace, "shops")] == [1, 2, 3, 4, 2], "nothing is taken back"
    assert DeltaTable(bench.root / ".beffroi/lake/shops", version=3).to_pyarrow_table().num_rows == 4
    (action,) = pa.table(DeltaTable(bench.root / ".beffroi/lake/shops").get_add_actions(flatten=True)).to_pylist()
    assert action["num_records"] == 2


def test_a_dataset_is_held_until_it_is_released(bench: Bench) -> None:
    several(bench, 3)
    assert rollback.held(bench.workspace, "shops") is None
    rollback.rollback(bench.workspace, "shops", 1, by="anna", why="wrong")
    held = rollback.held(bench.workspace, "shops")
    assert held is not None
    since = dt.datetime.fromisoformat(held.since).astimezone(ZoneInfo("Europe/Paris"))
    assert held.told(ZoneInfo("Europe/Paris")) == (
        f"shops is held at version 4 since {since:%Y-%m-%d %H:%M %Z}, when it was rolled back to version 1 by anna (wrong):"
        " `beffroi run shops --release` lets it go on"
    )
    bench.shops(*[(row["id"], "x", "1", "2020-01-01") for row in shops(9)])
    with pytest.raises((RunFailed, Unavailable), match="shops is held at version 4"):
        bench.run()
    assert bench.latest().number == 4
    rollback.release(bench.workspace, "shops")
    assert rollback.held(bench.workspace, "shops") is None
    report = bench.run()
    assert (report.version, report.rows_out) == (5, 9)


def test_after_a_release_the_same_source_is_judged_again(bench: Bench) -> None:
    rows = [(row["id"], "of 2", "1", "2020-01-01") for row in shops(2)]
    bench.shops(rows[0])
    bench.run()
    bench.shops(*rows)
    bench.run()
    rollback.rollback(bench.workspace, "shops", 1)
    assert bench.latest().report["rows_out"] == 1
    preview = run(bench.workspace, "shops", preview=True)
    assert (preview.outcome, preview.added, bench.latest().number) == ("preview", 1, 3), "a held dataset is previewed"
    rollback.release(bench.workspace, "shops")
    report = bench.run()
    assert (report.version, report.added, len(bench.rows())) == (4, 1, 2)
    assert bench.run().new is False


COPY = """\
title: Copy
owner: ville
audience: owner
source: {dataset: SOURCE}
schema:
  fields: [{name: id}, {name: name}]
  primaryKey: id
"""


def read_by_two(bench: Bench, more: str = "") -> None:
    """Make two versions of shops, each read by `copy`, and that by `again`; `other` reads none of them."""
    bench.write("datasets/copy.yaml", COPY.replace("SOURCE", "shops") + more)
    bench.write("datasets/again.yaml", COPY.replace("SOURCE", "copy") + more)
    bench.write("datasets/other.yaml", COPY.replace("{dataset: SOURCE}", "{registry: source, table: shops}") + more)
    for count in (1, 2):
        bench.shops(*[(row["id"], row["name"], "1", "2020-01-01") for row in shops(count)])
        for name in ("shops", "copy", "again", "other"):
            bench.run(name)


def test_what_was_made_from_another_version_is_told_until_it_is_made_anew(bench: Bench) -> None:
    read_by_two(bench)
    assert rollback.readers(bench.workspace, "shops") == []
    rollback.rollback(bench.workspace, "shops", 1)
    assert rollback.readers(bench.workspace, "shops") == ["copy", "again"], "in the order in which they run"
    bench.run("copy")
    assert [row["name"] for row in bench.rows("copy")] == ["of 1"]
    assert rollback.readers(bench.workspace, "shops") == [], "what reads copy alone is as late as after any run of it"
    assert bench.run("again").new
    assert [row["name"] for row in bench.rows("again")] == ["of 1"]


def test_what_is_held_itself_or_has_no_version_is_not_made_anew(bench: Bench) -> None:
    read_by_two(bench)
    bench.write("datasets/never.yaml", COPY.replace("SOURCE", "shops"))
    rollback.rollback(bench.workspace, "copy", 1)
    rollback.rollback(bench.workspace, "shops", 1)
    assert rollback.readers(bench.workspace, "shops") == []


def test_after_a_rollback_what_reads_it_is_due_once(bench: Bench) -> None:
    read_by_two(bench, "schedule: '0 0 29 2 *'\n")
    now = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)  # no hour of theirs has come
    assert schedule.due(bench.workspace, now) == []
    rollback.rollback(bench.workspace, "shops", 1)
    assert schedule.due(bench.workspace, now) == ["again", "copy"]
    bench.write("datasets/again.yaml", COPY.replace("SOURCE", "copy"))
    assert schedule.due(bench.workspace, now) == ["copy"], "without a schedule none is ever due"
    bench.run("copy")
    assert schedule.due(bench.workspace, now) == []


def test_done_twice_it_does_what_is_left(bench: Bench) -> None:
    several(bench, 3)
    first = rollback.rollback(bench.workspace, "shops", 1)
    (bench.root / ".beffroi/databases/open.duckdb").unlink()
    assert rollback.rollback(bench.workspace, "shops", 1) == first
    assert in_database(bench) == [(4, 1)]
    rollback.release(bench.workspace, "shops")
    assert rollback.rollback(bench.workspace, "shops", 1) == first, "held again, with no version more"
    assert rollback.held(bench.workspace, "shops") is not None
    assert rollback.rollback(bench.workspace, "shops", 2).number == 5, "and from there to another"
    held = rollback.held(bench.workspace, "shops")
    assert held is not None
    assert (held.version, held.content) == (5, 2)


def test_what_cannot_be_brought_back_is_told(bench: Bench) -> None:
    several(bench, 3, f"{SHOPS}retention: {{versions: 2}}\n")
    sweep(bench)
    for number in (1, 9):
        with pytest.raises(NotFound, match=rf"no version {number} of shops to go back to; kept before the latest: 2"):
            rollback.rollback(bench.workspace, "shops", number)
    with pytest.raises(InvalidRequest, match="version 3 of shops is the latest"):
        rollback.rollback(bench.workspace, "shops", 3)
    bench.write("datasets/shops.yaml", SHOPS.replace("audience: open", "audience: agents"))
    with pytest.raises(InvalidRequest, match="version 2 of shops was made under another declaration"):
        rollback.rollback(bench.workspace, "shops", 2)
    with FileLock(bench.root / ".beffroi/locks/shops.lock"), pytest.raises(Unavailable):
        rollback.rollback(bench.workspace, "shops", 2)
    assert rollback.held(bench.workspace, "shops") is None


def test_the_schema_goes_back_with_the_content_and_its_version_forward(bench: Bench) -> None:
    several(bench, 1)
    looser = SHOPS.replace("constraints: {minimum: 0}", "constraints: {minimum: -9}")
    bench.write("datasets/shops.yaml", looser)
    assert put(bench, "shops", shops(2)).schema_version == "1.1.0"
    made = rollback.rollback(bench.workspace, "shops", 1)
    assert (made.schema_version, made.schema_changes) == ("2.0.0", ("the minimum of workers was -9 and is 0",))
    rollback.release(bench.workspace, "shops")
    assert put(bench, "shops", shops(3)).schema_version == "2.1.0"
    of_numbers: dict[str, set[str]] = {}
    for each in versions.history(bench.workspace, "shops"):
        of_numbers.setdefault(each.schema_version, set()).add(each.schema)
    assert all(len(schemas) == 1 for schemas in of_numbers.values()), "one number, one set of columns"


def test_a_note_whose_commit_never_came_holds_nothing(bench: Bench) -> None:
    several(bench, 3)
    rollback.rollback(bench.workspace, "shops", 1, why="first")
    note = bench.root / ".beffroi/held/shops.next.json"
    told = json.loads((bench.root / ".beffroi/held/shops.json").read_text())
    note.write_text(json.dumps(told | {"version": 5, "content": 2, "why": "killed"}))
    held = rollback.held(bench.workspace, "shops")
    assert held is not None
    assert held.why == "first"
    rollback.release(bench.workspace, "shops")
    assert not note.exists()
    note.write_text(json.dumps(told | {"version": 5, "content": 2, "why": "killed"}))
    assert put(bench, "shops", shops(5)).number == 5
    assert rollback.held(bench.workspace, "shops") is None, "the fifth is a run's"


@pytest.mark.soak
def test_a_rollback_killed_at_any_instant_leaves_the_old_state_or_the_new(bench: Bench) -> None:
    several(bench, 3)
    template = bench.root / ".beffroi"
    kept = bench.root.parent / "kept"
    shutil.copytree(template, kept)
    child = Child(bench.root, roll_shops_back, 1)
    started = time.monotonic()
    assert child.end() == "done"
    whole, outcomes = time.monotonic() - started, set()
    for number in range(KILLS):
        shutil.rmtree(template)
        shutil.copytree(kept, template)
        child = Child(bench.root, roll_shops_back, 1)
        time.sleep(random.random() * whole * number / KILLS)
        child.kill()
        latest, held = bench.latest(), rollback.held(bench.workspace, "shops")
        outcomes.add(latest.number)
        assert (latest.number, held is not None) in ((3, False), (4, True))
        assert faces(bench) == {3 if latest.number == 3 else 1}
        assert rollback.rollback(bench.workspace, "shops", 1).number == 4, "done again, it does what is left"
        assert (faces(bench), in_database(bench)) == ({1}, [(4, 1)])
        left = {file.name for file in (template / "lake/shops").glob("*.parquet")}
        assert left == {version.parquet.name for version in versions.history(bench.workspace, "shops")}
    assert 3 in outcomes, "no child was killed in time"
