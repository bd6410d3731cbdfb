"""What a version is to others: a Delta table, its ready-made files, its key index, the databases of all."""

import datetime as dt
import json
import shutil
import stat
import threading
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from filelock import FileLock

from connectors.errors import RunFailed, Unavailable
from pipelines import databases, diff, index, versions
from tests.pipelines.bench import SHOPS, Bench, query, read

ROWS = [(str(number), f"Nº {number}", str(number), "2020-01-01") for number in range(20)]
TABLE = ".beffroi/lake/shops"


def test_any_engine_reads_the_delta_table(bench: Bench) -> None:
    bench.shops(*ROWS)
    bench.run()
    table = DeltaTable(bench.root / TABLE)
    assert table.to_pyarrow_table().to_pylist() == bench.rows()
    assert (table.protocol().min_reader_version, table.protocol().min_writer_version) == (1, 2)
    assert [(field.name, field.type.type) for field in table.schema().fields] == [
        ("id", "string"), ("name", "string"), ("workers", "long"), ("opened", "date")
    ]  # fmt: skip
    (action,) = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    assert action["num_records"] == 20
    assert query(f"SELECT count(*), min(opened) FROM '{bench.latest().parquet}'") == [(20, dt.date(2020, 1, 1))]


def test_an_old_version_stays_readable_under_its_number(bench: Bench) -> None:
    for count in (3, 2, 1):
        bench.shops(*ROWS[:count])
        bench.run()
    workspace = bench.workspace
    past = [DeltaTable(bench.root / TABLE, version=number).to_pyarrow_table().num_rows for number in range(3)]
    assert past == [3, 2, 1]
    pinned = versions.find(workspace, "shops", 2)
    assert pinned is not None
    assert [row["id"] for row in read(pinned.parquet)] == ["0", "1"]
    assert pinned.csv.read_text().count("\n") == 3
    assert index.row(pinned, "1") is not None
    first = versions.find(workspace, "shops", 1)
    assert first is not None
    assert ([row["id"] for row in read(first.parquet)], first.whole) == (["0", "1", "2"], False)
    assert [version.rows for version in versions.history(workspace, "shops")] == [3, 2, 1]
    assert versions.find(workspace, "shops", 9) is None
    assert versions.latest(workspace, "shops") == bench.latest()


def test_a_changed_declaration_changes_the_tables_schema(bench: Bench) -> None:
    bench.shops(*ROWS[:2])
    bench.run()
    declaration = SHOPS.replace("type: integer, constraints: {minimum: 0}", "type: string").replace(
        "title: Opened, type: date", "type: datetime"
    )
    declaration = declaration.replace("  opened: {steps: [trim, date]}\n", "")
    bench.shops(*ROWS[:2], declaration=f"schema_version: 2.0.0\n{declaration}")
    report = bench.run()
    assert (report.version, report.added, report.changed, report.removed) == (2, 0, 0, 0), "in the columns of both"
    pair = diff.pair(bench.workspace, "shops")
    with diff.engine(bench.workspace, "shops") as connection:
        assert diff.counts(connection, pair) == diff.Counts(0, 0, 0), "as `beffroi diff` counts them"
    table = DeltaTable(bench.root / TABLE)
    assert [field.type.type for field in table.schema().fields] == ["string", "string", "string", "timestamp"]
    assert table.to_pyarrow_table().to_pylist() == bench.rows()
    assert bench.rows()[1]["opened"] == dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    old = DeltaTable(bench.root / TABLE, version=0)
    assert old.to_pyarrow_table().to_pylist()[1]["workers"] == 1


def test_lists_are_lists_everywhere(bench: Bench) -> None:
    bench.source(
        "shops",
        [{"id": "1", "tags": ["a", "b|c"]}, {"id": "2", "tags": []}, {"id": "3", "tags": None}],
        {"tags": pa.list_(pa.string())},
    )
    bench.write(
        "datasets/shops.yaml",
        "title: S\nowner: ville\naudience: owner\nsource: {registry: source, table: shops}\n"
        "schema:\n  fields:\n    - name: id\n    - {name: tags, type: array}\n  primaryKey: id\n",
    )
    bench.run()
    assert DeltaTable(bench.root / TABLE).to_pyarrow_table().to_pylist() == bench.rows()
    assert bench.latest().csv.read_text() == 'id,tags\n1,a|b|c\n2,""\n3,\n'
    assert json.loads(index.row(bench.latest(), "1") or b"") == {"id": "1", "tags": ["a", "b|c"]}


def test_the_history_outlives_the_logs_checkpoints(bench: Bench) -> None:
    bench.shops(*ROWS[:1])
    bench.run()
    workspace, first = bench.workspace, bench.latest()
    for number in range(2, 104):
        parquet = first.parquet.with_name(f"{number}.parquet")
        parquet.write_bytes(first.parquet.read_bytes())
        versions.commit(workspace, workspace.dataset("shops"), number, parquet, 1, (0, 0, 0))
    assert list((bench.root / TABLE / "_delta_log").glob("*.checkpoint.parquet")), "the library made a checkpoint"
    assert [version.number for version in versions.history(workspace, "shops")] == list(range(1, 104))


def test_a_table_made_anew_is_read_anew(bench: Bench) -> None:
    bench.shops(*ROWS[:1])
    bench.run()
    workspace = bench.workspace
    assert versions.latest(workspace, "shops") is not None
    assert index.row(bench.latest(), "0") is not None
    (bench.root / ".beffroi").rename(bench.root / "old")
    assert versions.latest(workspace, "shops") is None
    bench.shops(*ROWS[1:3])
    bench.run()
    found = versions.latest(workspace, "shops")
    assert found is not None
    assert (found.rows, index.row(found, "0"), index.row(found, "1") is not None) == (2, None, True)


def test_what_nobody_refers_to_is_swept(bench: Bench) -> None:
    bench.shops(*ROWS[:1])
    bench.run()
    table = bench.root / TABLE
    lost = [
        table / "000002-dead.parquet",
        table / "_delta_log/_commit_dead.json.tmp",
        bench.root / ".beffroi/versions/shops/2/x",
    ]
    lost[2].parent.mkdir()
    for file in lost:
        file.write_text("left by a killed run")
    part = bench.root / ".beffroi/raw/shops/dead.part"
    part.write_text("left by a killed run")
    assert bench.run().new is False
    assert [file for file in [*lost, part] if file.exists()] == []
    assert len(bench.rows()) == 1


def test_nobody_else_can_read_the_state(bench: Bench) -> None:
    bench.shops(*ROWS[:1])
    bench.run()
    databases.refresh(bench.workspace)
    assert stat.S_IMODE((bench.root / ".beffroi").stat().st_mode) == 0o700


# --- the key index ---------------------------------------------------------------------------------------------------


def keyed(bench: Bench, rows: list[dict[str, Any]], key: str, types: str = "") -> versions.Version:
    bench.source("keys", rows)
    fields = "".join(f"    - {{name: {name}{types}}}\n" for name in rows[0])
    bench.write(
        "datasets/keys.yaml",
        "title: K\nowner: ville\naudience: owner\nsource: {registry: source, table: keys}\n"
        f"schema:\n  fields:\n{fields}  primaryKey: {key}\n",
    )
    bench.run("keys")
    return bench.latest("keys")


NASTY = ["", " ", ",", "\\", "a,b", "a\\", "'", '"', "é" * 400, "x" * 511, "\x00", "👩", "%2F", "../../etc"]


def test_every_row_is_found_by_its_key_whatever_it_is(bench: Bench) -> None:
    version = keyed(bench, [{"id": key, "x": key} for key in NASTY], "id")
    assert {key: json.loads(index.row(version, key) or b"null") for key in NASTY} == {
        key: {"id": key, "x": key} for key in NASTY
    }
    assert index.row(version, "no such key") is None


def test_no_two_composite_keys_are_one_text(bench: Bench) -> None:
    pairs = [(one, two) for one in NASTY for two in NASTY]
    version = keyed(bench, [{"a": one, "b": two} for one, two in pairs], "[a, b]")
    assert version.rows == len(pairs)
    assert len({index.key_text(pair) for pair in pairs}) == len(pairs)
    wrong = [
        p
        for p in pairs
        if json.loads(index.row(version, index.key_text(p)) or b"{}") != dict(zip("ab", p, strict=True))
    ]
    assert wrong == []


def test_a_number_is_a_key_too(bench: Bench) -> None:
    version = keyed(bench, [{"id": "7"}, {"id": "-1"}], "id", ", type: integer")
    assert index.row(version, index.key_text([7])) == b'{"id":7}'


def test_an_index_far_larger_than_its_parquet_is_built(bench: Bench) -> None:
    columns = {f"c{number}": pa.array(["the same long text over and over " * 60] * 1200) for number in range(30)}
    table = pa.table({"id": pa.array(map(str, range(1200))), **columns})
    bench.source("keys", table)
    fields = "".join(f"    - name: {name}\n" for name in table.column_names)
    bench.write(
        "datasets/keys.yaml",
        "title: K\nowner: ville\naudience: owner\nsource: {registry: source, table: keys}\n"
        f"schema:\n  fields:\n{fields}  primaryKey: id\n",
    )
    bench.run("keys")
    version = bench.latest("keys")
    assert version.parquet.stat().st_size * 50 < version.index[0].stat().st_blocks * 512
    assert len(index.row(version, "1199") or b"") > 58_000


def test_threads_that_ask_a_new_version_at_once_all_get_their_row(bench: Bench) -> None:
    for number in range(4):
        bench.shops(*ROWS[: number + 1])
        bench.run()
        version = bench.latest()
        found: list[Any] = []
        start = threading.Barrier(8)

        def ask(version: versions.Version = version, found: list[Any] = found, start: Any = start) -> None:
            start.wait()
            try:
                found.append(index.row(version, "0"))
            except Exception as error:  # noqa: BLE001  # whatever it is, it shows below
                found.append(error)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [b'{"id":"0","name":"N\xc2\xba 0","workers":0,"opened":"2020-01-01"}'] * 8
    held = [paths for paths, _ in index._OPEN.values() if paths[0].is_relative_to(bench.root)]
    assert len(held) <= versions.KEPT + 1, "indexes of swept versions are let go"


def test_moments_are_told_in_utc_wherever_the_machine_stands(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tbilisi")
    version = keyed(bench, [{"id": "1", "at": "2020-01-01T00:00:00Z"}], "id")
    declaration = (bench.root / "datasets/keys.yaml").read_text().replace("{name: at}", "{name: at, type: datetime}")
    bench.write("datasets/keys.yaml", f"schema_version: 2.0.0\n{declaration}")
    bench.run("keys")
    version = bench.latest("keys")
    assert json.loads(index.row(version, "1") or b"")["at"].startswith("2020-01-01T00:00:00+00:00")
    assert "2020-01-01 00:00:00+00" in version.csv.read_text()


# --- one DuckDB file per audience ------------------------------------------------------------------------------------

PEOPLE = """\
title: People
owner: ville
audience: owner
source: {registry: source, table: people}
schema:
  fields: [{name: id, personal: true, title: NIR}]
  primaryKey: id
"""


def folder(bench: Bench) -> Path:
    return bench.root / ".beffroi/databases"


def tables(path: Path) -> set[str]:
    return {row[0] for row in query("SELECT table_name FROM duckdb_tables()", str(path))}


def test_before_any_version_there_is_no_database(bench: Bench) -> None:
    bench.shops()
    assert databases.refresh(bench.workspace) == []


def test_each_audience_has_a_database_of_commented_tables(bench: Bench) -> None:
    bench.shops(*ROWS)
    bench.source("people", [{"id": "Secret"}])
    bench.write("datasets/people.yaml", PEOPLE)
    bench.write("datasets/agents-only.yaml", SHOPS.replace("audience: open", "audience: agents"))
    for name in ("shops", "people", "agents-only"):
        bench.run(name)
    assert [path.name for path in databases.refresh(bench.workspace)] == ["ville.duckdb", "open.duckdb"]
    assert tables(folder(bench) / "open.duckdb") == {"beffroi_versions", "shops"}
    assert tables(folder(bench) / "ville.duckdb") == {"beffroi_versions", "people", "agents-only"}
    assert b"Secret" not in (folder(bench) / "open.duckdb").read_bytes()
    comments = query(
        "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'shops'",
        str(folder(bench) / "open.duckdb"),
    )
    assert ("name", "Name. As on the sign") in comments
    assert query(
        "SELECT comment FROM duckdb_tables() WHERE table_name = 'shops'", str(folder(bench) / "open.duckdb")
    ) == [("Shops",)]
    assert databases.refresh(bench.workspace) == [], "nothing changed, nothing is rebuilt"


def test_a_dataset_that_is_no_longer_open_leaves_the_open_database(bench: Bench) -> None:
    bench.shops(*ROWS)
    bench.run()
    databases.refresh(bench.workspace)
    bench.write("datasets/shops.yaml", SHOPS.replace("audience: open", "audience: owner"))
    databases.refresh(bench.workspace)
    assert not (folder(bench) / "open.duckdb").exists()
    bench.run()
    databases.refresh(bench.workspace)
    assert "shops" in tables(folder(bench) / "ville.duckdb")


CLOSED = SHOPS.replace("audience: open", "audience: owner")
PERSONAL = CLOSED.replace("title: Name,", "title: Name, personal: true,")
FEWER = f"schema_version: 2.0.0\n{CLOSED}".replace(
    "    - {name: workers, title: Workers, type: integer, constraints: {minimum: 0}}\n", ""
)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [(CLOSED, SHOPS), (PERSONAL, CLOSED), (CLOSED, FEWER), (PERSONAL, SHOPS)],
    ids=["audience", "personal", "columns", "both"],
)
def test_what_was_made_for_its_owner_never_opens_by_an_edit(bench: Bench, was: str, becomes: str) -> None:
    """A version is shown under the declaration that it was made under, and no other."""
    assert was != becomes
    bench.shops(*ROWS, declaration=was)
    bench.run()
    bench.write("datasets/shops.yaml", becomes)
    assert versions.latest(bench.workspace, "shops") is None
    assert versions.find(bench.workspace, "shops", 1) is None
    databases.refresh(bench.workspace)
    assert not (folder(bench) / "open.duckdb").exists()
    report = bench.run()
    assert (report.version, report.new) == (2, True)
    assert bench.latest().number == 2


def test_a_table_that_begins_anew_or_is_titled_anew_is_seen_in_the_database(bench: Bench) -> None:
    bench.shops(*ROWS)
    bench.run()
    databases.refresh(bench.workspace)
    shutil.rmtree(bench.root / ".beffroi" / "lake")
    bench.shops(*ROWS[:2], declaration=SHOPS.replace("title: Shops", "title: Stalls"))
    bench.run()
    databases.refresh(bench.workspace)
    path = str(folder(bench) / "open.duckdb")
    assert query("SELECT count(*) FROM shops", path) == [(2,)]
    assert query("SELECT comment FROM duckdb_tables() WHERE table_name = 'shops'", path) == [("Stalls",)]


def test_of_personal_data_old_tables_go(bench: Bench) -> None:
    personal = SHOPS.replace("audience: open", "audience: owner").replace(
        "title: Name,", "title: Name, personal: true,"
    )
    for number in range(1, 5):
        bench.shops(*ROWS[:number], declaration=personal)
        bench.run()
    kept = sorted((bench.root / ".beffroi" / "lake" / "shops").glob("*.parquet"))
    assert [read(path) for path in kept] == [bench.rows()[:3], bench.rows()]


def test_a_damaged_log_is_told(bench: Bench) -> None:
    bench.shops(*ROWS)
    bench.run()
    [log] = (bench.root / ".beffroi" / "lake" / "shops" / "_delta_log").glob("*.json")
    log.write_bytes(b"")
    with pytest.raises(Unavailable, match="the versions of shops cannot be read"):
        versions.latest(bench.workspace, "shops")
    with pytest.raises(Unavailable):
        bench.run()


def test_an_entry_of_the_log_without_bytes_loses_no_version(bench: Bench) -> None:
    """As a power cut may leave it: the library takes it for an empty commit."""
    for count in (1, 2, 3):
        bench.shops(*ROWS[:count])
        bench.run()
    parquet = bench.latest().parquet
    (bench.root / TABLE / "_delta_log" / f"{2:020}.json").write_bytes(b"")
    with pytest.raises(Unavailable, match="the versions of shops cannot be read"):
        bench.run()
    assert parquet.is_file()


def test_a_database_is_swapped_whole_under_its_readers(bench: Bench) -> None:
    bench.shops(*ROWS[:3])
    bench.run()
    databases.refresh(bench.workspace)
    path = folder(bench) / "open.duckdb"
    inode = path.stat().st_ino
    with duckdb.connect(str(path), read_only=True) as reader:
        bench.shops(*ROWS)
        bench.run()
        assert databases.refresh(bench.workspace) == [path]
        assert path.stat().st_ino != inode
        assert reader.execute("SELECT count(*) FROM shops").fetchall() == [(3,)]
    assert query("SELECT count(*) FROM shops", str(path)) == [(20,)]


@pytest.mark.parametrize("left", ["open.part", "open.part.wal", "open.duckdb"])
def test_what_a_killed_refresh_left_harms_nothing(bench: Bench, left: str) -> None:
    bench.shops(*ROWS)
    bench.run()
    folder(bench).mkdir()
    (folder(bench) / left).write_bytes(b"half a file" * 1000)
    databases.refresh(bench.workspace)
    assert query("SELECT count(*) FROM shops", str(folder(bench) / "open.duckdb")) == [(20,)]
    assert not list(folder(bench).glob("*.part*"))


def test_a_database_that_cannot_be_built_leaves_the_last_one(bench: Bench) -> None:
    bench.shops(*ROWS[:3])
    bench.run()
    databases.refresh(bench.workspace)
    bench.shops(*ROWS)
    bench.run()
    whole = bench.latest().parquet.read_bytes()
    bench.latest().parquet.write_bytes(whole[:100])
    with pytest.raises(
        RunFailed, match=r"open.duckdb was not rebuilt, the last one stays: \w+Exception, see `beffroi doctor`"
    ):
        databases.refresh(bench.workspace)
    assert query("SELECT count(*) FROM shops", str(folder(bench) / "open.duckdb")) == [(3,)]


def test_two_refreshes_at_once_end_with_the_latest(bench: Bench) -> None:
    bench.shops(*ROWS[:3])
    bench.run()
    workspace, errors = bench.workspace, []

    def refresh() -> None:
        try:
            databases.refresh(workspace)
        except Exception as error:  # noqa: BLE001  # whatever it is, it shows below
            errors.append(error)

    (bench.root / ".beffroi/databases").mkdir()
    with FileLock(bench.root / ".beffroi/databases/databases.lock"):
        threads = [threading.Thread(target=refresh) for _ in range(3)]
        for thread in threads:
            thread.start()
        bench.shops(*ROWS)
        bench.run()
    for thread in threads:
        thread.join()
    assert errors == []
    assert query("SELECT count(*) FROM shops", str(folder(bench) / "open.duckdb")) == [(20,)]


def test_another_engines_housekeeping_is_no_version(bench: Bench) -> None:
    bench.shops(*ROWS[:2])
    bench.run()
    DeltaTable(bench.root / TABLE).optimize.compact()
    DeltaTable(bench.root / TABLE).alter.set_table_properties({"delta.appendOnly": "false"})
    assert [version.number for version in versions.history(bench.workspace, "shops")] == [1]
    bench.shops(*ROWS[:3])
    assert bench.run().version == 2
