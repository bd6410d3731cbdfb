"""A run that judges only what changed: what it makes is what the whole way makes, and it is taken where that is certain."""

import html
import json
import random
import re
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import NotFound, RunFailed
from pipelines import doctor, index, raw, trace
from pipelines.increment import may
from pipelines.increment import raw as increment_raw
from pipelines.increment import run as increment_run
from pipelines.profile import SAMPLE
from pipelines.report import Report
from pipelines.report import page as report_page
from pipelines.run import run
from tests.effort import some, times
from tests.pipelines.bench import SHOPS, Bench, indexed, read
from tests.pipelines.killed import Child, run_shops

ROWS = 60
DATABASE = """\
kind: sql
personal: false
url: sqlite:shops.sqlite
tables:
  shops: {table: shops, incremental: {column: modified, key: [id], overlap: 0}}
"""
DECLARED = SHOPS.replace("registry: source", "registry: base")
NUMBERED = DECLARED.replace("title: Number", "title: Number, type: integer")
NAMES = ("id", "name", "workers", "opened", "modified")
Row = tuple[str | None, ...]


def do(root: Path, statement: str, *rows: Row) -> None:
    with closing(sqlite3.connect(root / "shops.sqlite")) as database, database:
        if rows:
            database.executemany(statement, rows)
        else:
            database.execute(statement)


class Source:
    """A table that changes, and what two workspaces make of it: one by what changed, one whole each time."""

    def __init__(
        self, new_bench: Callable[[], Bench], declared: str = DECLARED, rows: int = ROWS, key: str = "TEXT"
    ) -> None:
        self.quick, self.whole = new_bench(), new_bench()
        self.moment = 0
        for bench in (self.quick, self.whole):
            bench.write("registries/base.yaml", DATABASE)
            bench.write("datasets/shops.yaml", declared)
            columns = ", ".join(f"{name} TEXT" for name in NAMES)
            do(bench.root, f"CREATE TABLE shops ({columns.replace('id TEXT', f'id {key} PRIMARY KEY')})")
        self.put(*((f"{2 * n:04}", f"name {n % 7}", "x" if n % 9 == 0 else "1", "2020-01-01") for n in range(rows)))

    def put(self, *rows: Row) -> None:
        """Write rows of id, name, workers, opened, as of the next minute."""
        self.moment += 1
        at = f"2026-01-01 {self.moment // 60:02}:{self.moment % 60:02}:00"
        for bench in (self.quick, self.whole):
            do(bench.root, "INSERT OR REPLACE INTO shops VALUES (?, ?, ?, ?, ?)", *((*row, at) for row in rows))

    def run(self) -> Report:
        """Run both, and hold that they made the same."""
        done, whole = self.quick.run(), run(self.whole.workspace, "shops", full=True)
        assert counted(done) == counted(whole)
        assert made(self.quick) == made(self.whole)
        return done


def counted(report: Report) -> tuple[Any, ...]:
    rules = sorted((each["column"], each["rule"], each["rows"], each.get("reason", "")) for each in report.rules)
    sources = [(each["rows"], each["quarantined"], each["merged"], each["columns"]) for each in report.sources]
    counts = (report.rows_in, report.rows_out, report.quarantined, report.merged, report.added, report.changed)
    told = (report.outcome, report.version, report.unread, report.measured, report.profile, report.removed)
    return (*counts, rules, sources, *told)


def made(bench: Bench) -> dict[str, Any]:
    """Return all that a version is, with every raw row in the place of where it stands."""
    version = bench.latest()
    (staged,) = raw.readings(bench.root / ".beffroi/raw/shops")[-1].inputs
    came = raw_rows(staged)
    quarantine = read(version.folder / "quarantine.parquet")
    return {
        "rows": bench.rows(),
        "from": [came[each["place"]] for each in read(version.folder / "lineage.parquet")],
        "quarantine": sorted(
            (came[each["place"]], each["raw"], json.dumps(each["failures"]), each["source"]) for each in quarantine
        ),
        "duplicates": read(version.folder / "duplicates.parquet"),
        "csv": version.csv.read_bytes(),
        "index": indexed(version),
        "raw": sorted(came.values()),
    }


def raw_rows(staged: raw.Raw) -> dict[int, str]:
    """Return the rows of a raw input by their number: each is looked up in the file that it stands in."""
    files = {file.stem: read(file) for file in staged.files}
    rows = sum(len(files[file.stem]) for file in staged.files)
    found: dict[int, str] = {}
    keys: dict[str, int] = {}
    for number in range(1, rows + 1):
        digest, row = staged.file_of(number)
        values = files[digest][row - 1]
        if values["id"] in keys:
            del found[keys[values["id"]]]
        keys[values["id"]], found[number] = number, json.dumps(values)
    return found


@pytest.fixture
def source(new_bench: Callable[[], Bench]) -> Source:
    made = Source(new_bench)
    made.run()
    return made


IDS = st.integers(0, 2 * ROWS + 3).map(lambda n: f"{n:04}") | st.sampled_from(["", "é", "0001 ", "\U0001f600", "~"])
CHANGES = st.lists(
    st.tuples(
        IDS,
        st.sampled_from([None, "A", " B  b ", 'q"u;o,te', "two\nlines", "name 1"]),
        st.sampled_from([None, "1", "2", "x", "-1"]),
        st.sampled_from([None, "2020-01-01", "31/12/1999", "bad"]),
    ),
    max_size=6,
    unique_by=lambda row: row[0],
)


@pytest.mark.soak
@some(3)
@given(st.lists(CHANGES, min_size=1, max_size=5))
def test_whatever_changes_the_version_is_as_made_whole(
    new_bench: Callable[[], Bench], sequence: list[list[Row]]
) -> None:
    source = Source(new_bench)
    source.run()
    for rows in sequence:
        if rows:
            source.put(*rows)
        source.run()


@pytest.mark.soak
@some(3)
@given(st.lists(CHANGES, min_size=1, max_size=5), st.sampled_from(["INT", "TEXT"]), st.sampled_from(["", "integer"]))
def test_whatever_changes_of_numbered_rows_the_version_is_as_made_whole(
    new_bench: Callable[[], Bench], sequence: list[list[Row]], key: str, steps: str
) -> None:
    declared = NUMBERED.replace("clean:\n", f"clean:\n  id: {{steps: [{steps}]}}\n")
    source = Source(new_bench, declared, key=key)
    source.run()
    for rows in sequence:
        if rows:
            source.put(*rows)
        source.run()


def test_only_what_came_is_judged(source: Source) -> None:
    first = source.quick.latest()
    source.put(("0003", "new", "1", None), ("0004", "other", "2", None), ("0006", "bad", "x", None))
    report = source.run()
    assert (report.read, report.added, report.changed, report.removed) == ("changes", 1, 1, 1)
    assert report.rows_in == ROWS + 1
    assert source.quick.latest().number == first.number + 1
    source.put(("0006", "good", "1", None), ("0000", "mended", "1", None))
    assert (source.run().read, source.quick.latest().added) == ("changes", 2)


def test_what_came_as_it_was_changes_nothing(source: Source) -> None:
    files = set((source.quick.root / ".beffroi/raw/shops").glob("*.parquet"))
    report = source.run()  # the newest rows come again
    assert (report.outcome, list(report.stages)) == ("unchanged", ["scan"])
    assert set((source.quick.root / ".beffroi/raw/shops").glob("*.parquet")) == files


def test_rows_that_make_the_same_leave_the_version(source: Source) -> None:
    source.put(("0002", "  name   1 ", "1", "2020-01-01"), ("0000", "still refused", "x", None))
    report = source.run()
    assert (report.outcome, report.read, report.version) == ("unchanged", "changes", 1)


def test_what_is_told_of_many_rows_is_estimated_from_the_same_ones(new_bench: Callable[[], Bench]) -> None:
    source = Source(new_bench, rows=2 * SAMPLE + 3000)
    source.put(("0002", "later than all the others", "1", None))
    source.run()
    source.put(
        *((f"{2 * n:04}", f"other {n}", "1", "2020-01-01") for n in range(0, 3000, 2)), ("0001", "new", "1", None)
    )
    report = source.run()
    assert (report.read, report.added, report.profile["id"]["distinct"]) == ("changes", 168, report.rows_out)
    assert 1000 < report.profile["name"]["distinct"] < 2000


def test_an_index_that_tells_of_other_rows_is_not_believed(source: Source) -> None:
    first = source.quick.latest()
    source.put(("0002", "other", "1", "2020-01-01"))
    source.run()
    last = source.quick.latest()
    assert [file.name for file in last.index] == ["changed.lmdb", "base.lmdb"]
    last.index[0].unlink()
    shutil.copyfile(first.index[0], last.folder / "rows.lmdb")
    source.put(("0002", "name 1", "1", "2020-01-01"))
    assert source.run().read == "changes"


@pytest.mark.parametrize("steps", ["", "integer"])
def test_numbers_that_come_as_texts_are_a_key_as_they_are(new_bench: Callable[[], Bench], steps: str) -> None:
    declared = NUMBERED.replace("clean:\n", f"clean:\n  id: {{steps: [{steps}]}}\n")
    source = Source(new_bench, declared, key="INT")
    source.run()
    source.put(("3", "new", "1", None), ("4", "other", "2", None), ("6", "bad", "x", None))
    report = source.run()
    assert (report.read, report.added, report.changed, report.removed) == ("changes", 1, 1, 1)
    source.put(("six", "no number", "1", None))
    report = source.run()
    assert (report.read, report.why_whole["reason"][:17]) == ("whole", "a value of «id», ")


def test_a_key_of_several_columns_with_names_of_their_own(new_bench: Callable[[], Bench]) -> None:
    places = DATABASE.replace("key: [id]", "key: [a~b/c, 'n° \"x\"']")
    declared = DECLARED.replace("primaryKey: id", "primaryKey: [id, name]").replace(
        "  name: {steps: [squeeze]}\n", "  id: {from: a~b/c}\n  name: {from: 'n° \"x\"'}\n"
    )
    both = quick, whole = new_bench(), new_bench()
    for bench in both:
        bench.write("registries/base.yaml", places)
        bench.write("datasets/shops.yaml", declared)
        do(bench.root, 'CREATE TABLE shops ("a~b/c" TEXT, "n° ""x""" TEXT, workers TEXT, opened TEXT, modified TEXT)')

    def put(at: str, *rows: Row) -> Report:
        for bench in both:
            for row in rows:
                do(bench.root, f'DELETE FROM shops WHERE "a~b/c" = \'{row[0]}\' AND "n° ""x""" = \'{row[1]}\'')
            do(bench.root, "INSERT INTO shops VALUES (?, ?, ?, NULL, ?)", *((*row, at) for row in rows))
        done, _ = quick.run(), run(whole.workspace, "shops", full=True)
        assert quick.rows() == whole.rows()
        refused = [sorted(row["raw"] for row in read(each.latest().folder / "quarantine.parquet")) for each in both]
        assert refused[0] == refused[1]
        return done

    put("2026-01-01", *((f"{n % 3}", f"é,{n}", "x" if n % 5 == 0 else "1") for n in range(ROWS)))
    report = put(
        "2026-01-02", ("0", "é,0", "1"), ("1", "é,0", "2"), ("2", "é,5", "x"), ("1", "é,1", "x"), ("2", "é,2", "3")
    )
    counts = (report.rows_in, report.rows_out, report.quarantined, report.added, report.changed, report.removed)
    assert (report.read, counts) == ("changes", (ROWS + 1, ROWS + 1 - 12, 12, 2, 1, 1))


def test_two_texts_of_one_number_are_judged_together(new_bench: Callable[[], Bench]) -> None:
    source = Source(new_bench, NUMBERED, rows=1)
    for bench in (source.quick, source.whole):
        do(bench.root, "DELETE FROM shops")
    source.put(*((f"{n}", f"name {n}", "1", None) for n in range(ROWS)))
    source.run()
    source.put(("01", "one again", "1", None))
    report = source.run()
    assert (report.read, report.merged, report.why_whole["reason"][:17]) == ("whole", 1, "a value of «id», ")


def test_a_version_in_too_many_row_groups_is_made_anew(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(increment_run, "ROW_GROUP", 20)
    seen = []
    for number in range(3):
        source.put((f"{20 * number + 1:04}", "new", "1", None))
        report = source.run()
        seen.append((report.read, pq.read_metadata(source.quick.latest().parquet).num_row_groups))
    assert seen == [("changes", 3), ("whole", 1), ("changes", 3)]
    for number in range(2):
        source.put((f"{20 * number + 5:04}", "new", "1", None))
        report = source.run()
        if report.read == "whole":
            break
    assert report.why_whole["reason"] == "the last version is in 3 row groups, where 1 would do"


def test_many_changes_are_brought_into_one_file(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(increment_raw, "FILES", 2)
    seen = []
    for number in range(4):
        source.put((f"{number:04}", "changed", "1", None))
        source.run()
        (staged,) = raw.readings(source.quick.root / ".beffroi/raw/shops")[-1].inputs
        seen.append(len(staged.changes))
    assert seen == [1, 2, 0, 1]
    source.put(*((f"{2 * n:04}", "all", "1", None) for n in range(20)))
    assert source.run().read == "whole"


def test_an_index_tells_what_changed_until_that_is_much(source: Source) -> None:
    files, whole = [], source.quick.latest().index[0].stat().st_ino
    for number in range(8):
        source.put((f"{2 * number + 2:04}", "changed", "x" if number == 1 else "1", None))
        source.run()
        last = source.quick.latest()
        files.append([file.name for file in last.index])
        assert index.count(last) == last.rows
        assert index.row(last, "0002") == b'{"id":"0002","name":"changed","workers":1,"opened":null}'
        assert (index.row(last, "0004") is None) == (number > 0), "refused in the second run"
        if number == 1:
            assert last.index[1].stat().st_ino == whole, "a big file is not written each night"
    assert files == [["changed.lmdb", "base.lmdb"]] * 5 + [["rows.lmdb"]] + [["changed.lmdb", "base.lmdb"]] * 2


def test_half_an_index_is_none(source: Source) -> None:
    source.put(("0003", "new", "1", None))
    source.run()
    last = source.quick.latest()
    last.index[1].unlink()
    assert not last.whole
    (told,) = doctor.examine(source.quick.workspace, ["shops"], mend=False)
    assert "its index is gone or damaged" in told.detail
    source.run()
    assert (last.whole, index.count(last)) == (True, last.rows)


def test_another_declaration_is_judged_whole(source: Source) -> None:
    source.put(("0003", "new", "1", None))
    for bench in (source.quick, source.whole):
        bench.write("datasets/shops.yaml", DECLARED.replace("[squeeze]", "[squeeze, upper]"))
    report = source.run()
    assert (report.read, report.why_whole["reason"]) == ("whole", may.OTHERWISE.en)
    source.put(("0005", "new", "1", None))
    report = source.run()
    assert (report.read, report.why_whole) == ("changes", {})


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        (DECLARED.replace("description: As on the sign", "constraints: {unique: true}"), "name is `unique`"),
        (DECLARED.replace("clean:\n", "clean:\n  id: {steps: [trim]}\n"), "the key column id has cleaning steps"),
        (DECLARED.replace("primaryKey: id", "primaryKey: [id, name]"), "the key column name has cleaning steps"),
        (
            DECLARED.replace("primaryKey: id", "primaryKey: [id, modified]").replace(
                "fields:\n", "fields:\n    - {name: modified}\n"
            ),
            may.OTHER_KEY.en,
        ),
        (DECLARED.replace("title: Name,", "title: Name, type: geopoint,"), "name is a place"),
        (DECLARED + "expect: {freshness: {column: opened, days: 100000}}\n", may.FRESHNESS.en),
    ],
    ids=["unique", "a key that is cleaned", "another key that is cleaned", "another key", "a place", "freshness"],
)
def test_where_rows_hang_together_all_are_judged(new_bench: Callable[[], Bench], declared: str, why: str) -> None:
    source = Source(new_bench, declared)
    if "unique" in declared:
        source.put(*((f"{2 * n:04}", f"name {n}", "1", None) for n in range(ROWS)))
    if "geopoint" in declared:
        source.put(*((f"{2 * n:04}", f"2.5,{n / 2}", "1", None) for n in range(ROWS)))
    report = source.quick.run()
    assert (report.read, report.why_whole["reason"]) == ("whole", may.FIRST.en)
    source.put(("0003", "new", "1", None))
    report = source.quick.run()
    assert (report.read, report.why_whole["reason"]) == ("whole", why)
    dataset = source.quick.workspace.dataset("shops")
    english, french = (report_page.page(report, dataset, language) for language in ("en", "fr"))
    told = [re.sub("</?(code|span)>", "", page) for page in (english, french)]  # a command's words are marked as such
    assert f"All rows were judged, not only those that came, since {html.escape(why).replace('`', '')}." in told[0]
    assert f"car {html.escape(report.why_whole['reason_fr']).replace('`', '')}." in told[1]
    assert why not in report_page.page(report, dataset, "en", whole=False), "it is for its operator"
    report = source.quick.run()
    judged = why == may.FRESHNESS.en
    assert (list(report.stages) == ["scan"], bool(report.why_whole)) == (not judged, judged), "nothing came"


def test_an_expectation_that_is_not_met_is_told_as_ever(new_bench: Callable[[], Bench]) -> None:
    source = Source(new_bench, DECLARED + "expect: {refused: {max: 0.15}}\n")
    source.run()
    source.put(*((f"{2 * n:04}", "bad", "x", None) for n in range(1, 9)))
    for _ in range(2):
        with pytest.raises(RunFailed, match="share of refused rows"):
            source.quick.run()
    assert source.quick.latest().number == 1
    source.put(*((f"{2 * n:04}", "good", "1", None) for n in range(1, 9)))
    source.quick.run()
    assert made(source.quick)["rows"][0]["name"] == "good"


def test_full_reads_the_whole_and_makes_one_file_of_it(source: Source) -> None:
    source.put(("0003", "new", "1", None))
    source.run()
    report = run(source.quick.workspace, "shops", full=True)
    assert (report.read, report.why_whole["reason"]) == ("whole", may.ASKED.en)
    assert [each.changes for each in raw.readings(source.quick.root / ".beffroi/raw/shops")[-1].inputs] == [()]


def test_a_place_is_traced_into_the_file_it_stands_in(source: Source) -> None:
    source.put(("0002", "new", "1", None), ("0004", "bad", "x", None))
    source.run()
    bench = source.quick
    (origin,) = trace.of_key(bench.workspace, "shops", "0002", values=True).origins
    assert origin.values is not None
    assert origin.file is not None
    assert origin.row is not None
    assert origin.values["name"] == "new"
    assert read(bench.root / f".beffroi/raw/shops/{origin.file}.parquet")[origin.row - 1]["name"] == "new"
    assert trace.of_place(bench.workspace, "shops", None, origin.place).outcome == "published"
    (first,) = trace.of_key(bench.workspace, "shops", "0002", 1, values=True).origins
    assert first.values is not None
    assert (first.file, first.values["name"]) == (None, "name 1")
    with pytest.raises(NotFound, match="had no row 2 then"):
        trace.of_place(bench.workspace, "shops", None, 2)
    refused = [row for row in read(bench.latest().folder / "quarantine.parquet") if row["place"] > ROWS]
    assert [json.loads(row["raw"])["name"] for row in refused] == ["bad"]
    assert trace.of_place(bench.workspace, "shops", None, refused[0]["place"]).outcome == "refused"


@pytest.mark.soak
def test_a_run_killed_at_any_instant_leaves_the_last_version_whole(source: Source) -> None:
    bench, before, killed = source.quick, 1, 0
    for number in range(times(6)):
        source.put((f"{number % ROWS:04}", f"killed {number}", "1", None))
        child = Child(bench.root, run_shops)
        time.sleep(random.random() * 0.4)
        killed += child.kill()
        version = bench.latest()
        assert version.number in (before, before + 1)
        before = version.number
        assert version.whole
        assert (
            version.rows
            == version.report["rows_out"]
            == len(bench.rows())
            == len(version.csv.read_text().splitlines()) - 1
        )
    assert killed, "no run was killed in time"
    bench.run()
    run(source.whole.workspace, "shops", full=True)
    assert made(bench) == made(source.whole)
