"""What a run stages: rows that cannot be taken as they came, and tables of which it asks what changed only."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.errors import Unreadable
from connectors.registry import FAULT
from pipelines import quarantine, raw
from pipelines.run import run
from pipelines.taking import unchanged
from tests.pipelines.bench import CONFIGURATION, SHOPS, Bench, read

DATABASE = """\
kind: sql
personal: false
url: sqlite:shops.sqlite
tables:
  shops:
    table: shops
    incremental: {column: modified, key: [id]}
"""
CHANGING = SHOPS.replace("registry: source", "registry: base").replace(
    "  primaryKey", "    - {name: modified, title: Changed}\n  primaryKey"
)


def test_a_row_that_came_faulty_is_quarantined_with_its_reason_alone(bench: Bench) -> None:
    names = ["id", "name", "workers", "opened"]
    rows = [("1", "A", "3", "2020-01-01", None), (None, None, "x", "soon", "the row has 2 cells, the header 4")]
    table = pa.table({name: pa.array([row[at] for row in rows]) for at, name in enumerate([*names, FAULT])})
    bench.source("shops", table)
    bench.write("datasets/shops.yaml", SHOPS)
    report = bench.run()
    assert (report.rows_out, report.quarantined, report.unread) == (1, 1, [])
    (refused,) = quarantine.listed(bench.workspace, "shops")
    said = "the row has 2 cells, the header 4"
    french = f"n'a pas pu être prise telle qu'elle est venue : {said}"
    assert refused.failures == [{"column": "", "rule": "row", "reason": said, "reason_fr": french}]
    assert refused.raw == {"id": None, "name": None, "workers": "x", "opened": "soon"}


def test_a_faulty_row_lends_no_value_to_another_of_its_key(bench: Bench) -> None:
    columns = {"id": ["1", "1"], "name": [None, "wrong"], "workers": ["1", "2"], "opened": [None, None]}
    bench.source("shops", pa.table({**columns, FAULT: pa.array([None, "cut"])}, names=None))
    bench.write("datasets/shops.yaml", SHOPS)
    bench.run()
    assert [row["name"] for row in bench.rows()] == [None]


class Changing:
    """A SQLite table that changes between runs."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        bench.write("registries/base.yaml", DATABASE)
        bench.write("datasets/shops.yaml", CHANGING)
        self.do("CREATE TABLE shops (id TEXT PRIMARY KEY, name TEXT, workers TEXT, opened TEXT, modified TEXT)")

    def do(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.bench.root / "shops.sqlite")) as database, database:
            for statement in statements:
                database.execute(statement)

    def put(self, number: str, name: str | None, modified: str | None) -> None:
        with closing(sqlite3.connect(self.bench.root / "shops.sqlite")) as database, database:
            database.execute("INSERT OR REPLACE INTO shops VALUES (?, ?, 1, NULL, ?)", (number, name, modified))

    def names(self) -> dict[str, str]:
        return {row["id"]: row["name"] for row in self.bench.rows()}

    @property
    def folder(self) -> Path:
        return self.bench.root / ".beffroi" / "raw" / "shops"

    @property
    def staged(self) -> list[Path]:
        return sorted(self.folder.glob("*.parquet"))


@pytest.fixture
def changing(bench: Bench) -> Changing:
    made = Changing(bench)
    made.put("1", "one", "2026-01-01 10:00:00")
    made.put("2", "two", "2026-01-02 10:00:00")
    made.put("3", "three", None)
    return made


def test_a_run_asks_what_changed_and_makes_a_version_of_all(changing: Changing) -> None:
    assert changing.bench.run().rows_in == 3
    changing.do("UPDATE shops SET name = 'not seen' WHERE id = '1'")  # and its watermark stays behind
    changing.put("2", "TWO", "2026-01-03 10:00:00")
    changing.put("3", "THREE", None)
    changing.put("4", "four", "2026-01-03 10:00:00")
    report = changing.bench.run()
    assert (report.rows_in, report.added, report.changed, report.removed) == (4, 1, 2, 0)
    assert changing.names() == {"1": "one", "2": "TWO", "3": "THREE", "4": "four"}
    again = changing.bench.run()
    assert (again.new, again.rows_in) == (False, 4)


def test_full_reads_all_again(changing: Changing) -> None:
    changing.bench.run()
    changing.do("UPDATE shops SET name = 'seen' WHERE id = '1'", "DELETE FROM shops WHERE id = '2'")
    assert run(changing.bench.workspace, "shops", full=True).removed == 1
    assert changing.names() == {"1": "seen", "3": "three"}


def test_another_declaration_reads_all_again(changing: Changing) -> None:
    changing.bench.run()
    changing.do("UPDATE shops SET name = 'seen' WHERE id = '1'")
    changing.bench.write("registries/base.yaml", DATABASE.replace("key: [id]", "key: [id, name]"))
    changing.bench.run()
    assert changing.names()["1"] == "seen"


def test_without_the_note_beside_it_a_table_is_read_whole(changing: Changing) -> None:
    changing.bench.run()
    changing.do("UPDATE shops SET name = 'seen' WHERE id = '1'")
    for note in changing.staged[-1].parent.glob("*.json"):
        note.unlink()
    changing.bench.run()
    assert changing.names()["1"] == "seen"


def test_a_table_with_other_columns_is_told_and_the_last_version_stays(changing: Changing) -> None:
    changing.bench.run()
    changing.do("ALTER TABLE shops ADD COLUMN more TEXT")
    with pytest.raises(Unreadable, match="other columns than when it was last read: `beffroi run --full`"):
        changing.bench.run()
    assert changing.names()["1"] == "one"
    assert run(changing.bench.workspace, "shops", full=True).unread == ["more"]


def test_two_raw_files_are_kept_and_each_knows_from_where_to_go_on(changing: Changing) -> None:
    for number in range(4):
        changing.put("7", f"{number}", f"2026-01-0{number + 3} 10:00:00")
        changing.bench.run()
    assert len(changing.staged) == 2
    noted = raw.readings(changing.folder)
    assert [each.inputs[0].after for each in noted] == ["2026-01-05 10:00:00", "2026-01-06 10:00:00"]
    assert {each.inputs[0].path for each in noted} == set(changing.staged)
    assert len(read(noted[-1].inputs[0].path)) == 4


def test_what_came_again_is_kept_once(bench: Bench) -> None:
    bench.shops(("1", "A", None, None))
    for _ in range(3):
        bench.run()
    folder = bench.root / ".beffroi/raw/shops"
    assert len(list(folder.glob("*.parquet"))) == 1
    assert len(raw.readings(folder)) == 1


def test_what_is_committed_late_is_not_lost(changing: Changing) -> None:
    changing.bench.run()
    changing.put("5", "late", "2026-01-02 09:55:00")  # below what was read last
    changing.bench.run()
    assert changing.names()["5"] == "late"


def test_rows_without_a_key_stay_and_come_once(changing: Changing) -> None:
    changing.do("DROP TABLE shops", "CREATE TABLE shops (id TEXT, name TEXT, workers TEXT, opened TEXT, modified TEXT)")
    for name, modified in (("a", "2026-01-01"), ("b", "2026-01-03"), ("b", "2026-01-03")):
        changing.do(f"INSERT INTO shops VALUES (NULL, '{name}', 1, NULL, '{modified}')")
    for _ in range(3):
        assert changing.bench.run().quarantined == 3
    changing.do("INSERT INTO shops VALUES (NULL, 'c', 1, NULL, '2026-01-04')")
    assert changing.bench.run().quarantined == 4


def test_what_is_not_a_number_is_not_the_greatest_of_all(changing: Changing) -> None:
    changing.put("9", "nine", "NaN")
    changing.bench.run()
    assert raw.readings(changing.folder)[-1].inputs[0].after == "2026-01-02 10:00:00"


def test_a_file_that_changes_while_it_is_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("a\n1\n")
    with pytest.raises(Unreadable, match="changed while it was read"), unchanged(file, "folder"):
        file.write_text("a\n1\n2\n")


CSV = CONFIGURATION.replace(
    "kind: files, path: source", "kind: files, path: source, tables: {shops: {file: shops.csv}}"
)


@pytest.mark.parametrize("ragged", [False, True], ids=["plain", "ragged"])
def test_a_csv_file_is_read_by_the_engine_and_row_by_row_where_it_is_amiss(bench: Bench, ragged: bool) -> None:
    bench.write("beffroi.yaml", CSV)
    bench.write("datasets/shops.yaml", SHOPS)
    more = "3,too,few\n" if ragged else ""
    bench.write("source/shops.csv", f'id,name,workers,opened\n01,Épicerie,3,2020-01-01\n{more}02,"a ""b""",,\n')
    report = bench.run()
    assert (report.rows_in, report.quarantined) == (2 + ragged, int(ragged))
    assert [(row["id"], row["name"], row["workers"]) for row in bench.rows()] == [
        ("01", "Épicerie", 3),
        ("02", 'a "b"', None),
    ]
