"""The kinds of datasets that a campaign goes through: what each declares, and its source as it is at some state.

All are called `shops` and have the same columns, so that one test holds one law of all of them.
"""

import csv
import datetime as dt
import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from hypothesis import strategies as st

from pipelines import quarantine, versions
from pipelines.linking import files as linking
from pipelines.report import Report
from pipelines.run import run
from pipelines.versions import Version
from tests.pipelines.bench import SHOPS, Bench, indexed, query, read

NAMES = ("id", "name", "workers", "opened", "place")
Row = tuple[str | None, ...]
Tables = dict[str, list[Row]]
"""The rows of each table of a source, all texts in the order of NAMES."""

PLACED = SHOPS.replace("  primaryKey: id\n", "    - {name: place, title: Place}\n  primaryKey: id\n")
PLACED += "expect: {refused: {max: 1}, drift: {sources: 1, keys: 1}}\n"
DATABASE = """\
kind: sql
personal: false
url: sqlite:shops.sqlite
tables:
  shops: {table: shops, incremental: {column: modified, key: [id], overlap: 0}}
"""
EXPORTS = """\
kind: files
path: source
tables: {shops: {file: shops.csv, csv: {encoding: utf-8, separator: ',', header: 1}}}
"""
SEVERAL = """\
sources:
  - {name: register, registry: source, table: shops}
  - {name: desk, registry: source, table: more}
merge: {default: first, columns: {name: recent, workers: majority}, recent: opened}
"""


@dataclass(frozen=True)
class Kind:
    """A dataset that is declared so, and how its tables are written."""

    name: str
    declaration: str
    write: Callable[[Bench, str, list[Row]], None]
    tables: tuple[str, ...] = ("shops",)

    def declare(self, bench: Bench) -> None:
        bench.write("registries/base.yaml", DATABASE)
        bench.write("registries/exports.yaml", EXPORTS)
        bench.write("datasets/shops.yaml", self.declaration)

    def put(self, bench: Bench, tables: Tables) -> None:
        """Write the source; rows of a database are put to those that it has."""
        for name in self.tables:
            self.write(bench, name, tables[name])

    def __str__(self) -> str:
        return self.name


def as_parquet(bench: Bench, name: str, rows: list[Row]) -> None:
    columns = {column: pa.array([row[at] for row in rows], pa.string()) for at, column in enumerate(NAMES)}
    aside = bench.root / "source/aside"
    pq.write_table(pa.table(columns), aside)
    aside.rename(bench.root / f"source/{name}.parquet")


def as_csv(bench: Bench, name: str, rows: list[Row]) -> None:
    with (bench.root / f"source/{name}.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([NAMES, *rows])


def in_database(bench: Bench, name: str, rows: list[Row]) -> None:
    columns = ", ".join(f"{each} TEXT" for each in NAMES).replace("id TEXT", "id TEXT PRIMARY KEY")
    with closing(sqlite3.connect(bench.root / "shops.sqlite")) as database, database:
        database.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns}, modified TEXT)")
        (said,) = database.execute(f"SELECT coalesce(max(modified), '2026-01-01 00:00:00') FROM {name}").fetchall()
        at = dt.datetime.fromisoformat(said[0]) + dt.timedelta(minutes=1)
        database.executemany(
            f"INSERT OR REPLACE INTO {name} VALUES (?, ?, ?, ?, ?, ?)", [(*row, str(at)) for row in rows]
        )


KINDS = (
    Kind("one file", PLACED.replace("registry: source", "registry: exports"), as_csv),
    Kind(
        "several sources",
        PLACED.replace("source: {registry: source, table: shops}\n", SEVERAL),
        as_parquet,
        ("shops", "more"),
    ),
    Kind("watermark", PLACED.replace("registry: source", "registry: base"), in_database),
    Kind("geometry", PLACED.replace("name: place,", "name: place, type: geopoint,"), as_parquet),
    Kind("index", PLACED + "index: [name, workers]\n", as_parquet),
    Kind(
        "short retention",
        PLACED.replace("audience: open", "audience: owner")
        .replace("title: Name,", "title: Name, personal: direct,")
        .replace("registry: source", "registry: exports")
        + "retention: {versions: 1, raw: 1}\n",
        as_csv,
    ),
    Kind(
        "unique",
        PLACED.replace("title: Name,", "title: Name, constraints: {unique: true},")
        .replace("  primaryKey", "    - {name: tags, type: array}\n  primaryKey")
        .replace("clean:\n", "clean:\n  tags: {from: name}\n"),
        as_parquet,
    ),
)
LINKED = Kind(
    "linked",
    PLACED.replace("  primaryKey", "    - {name: same, type: integer}\n  primaryKey")
    + "link: {same: {record: person, fields: {family_name: name, birth_date: opened}}}\n",
    as_parquet,
)
KILLED = (*KINDS, LINKED)
"""Those that are killed; what linking fills in rests on the runs before, so that not all laws hold of it."""

NAMED = {kind.name: kind for kind in KILLED}


# --- sources ---------------------------------------------------------------------------------------------------------


def state(kind: Kind, number: int, rows: int) -> Tables:
    """Return a source at its state `number`: all rows say it in their name, of a database few that changed."""
    chosen = range(rows + number % 7)
    if kind.write is in_database and number:
        chosen = range(number % 11, rows, 97)
    made: list[Row] = [
        (
            f"{row:05}",
            f"[{number} {random.Random(row).random()}]",
            "x" if row % 50 == 7 else str(row % 9 + number),
            None if row % 13 == 0 else f"20{row % 30:02}-01-{number % 28 + 1:02}",
            f"{row % 170},{row % 80}",
        )
        for row in chosen
    ]
    half = len(made) // 2
    return (
        {"shops": made, "more": made[half:]}
        if len(kind.tables) == 1
        else {"shops": made[: half + 50], "more": made[half:]}
    )


IDS = st.sampled_from(["1", "2", "3", "4", "5", " 4", "é", "~"])
CELLS: dict[str, st.SearchStrategy[str | None]] = {
    "id": IDS,
    "name": st.sampled_from(
        [None, "A", "B", "C", " A  b ", "é", 'q"u;o,te', "two\nlines", "\U0001f600", "[a]", "[b, c]"]
    ),
    "workers": st.sampled_from([None, "1", "2", "3", "-1", "x", "1.5"]),
    "opened": st.sampled_from([None, "2020-01-01", "2021-01-01", "31/12/1999", "bad", " "]),
    "place": st.sampled_from([None, "2.35,48.85", " 2,48 ", "48.85,102", "x", "1,1"]),
}


def rows_of(kind: Kind, most: int = 9) -> st.SearchStrategy[list[Row]]:
    """Return any rows of one table: of a database each has an id of its own, and a line of a file says something."""
    cells = CELLS
    if kind.write is in_database:
        return st.lists(st.tuples(*cells.values()), max_size=most, unique_by=lambda row: row[0])
    cells = cells | {"id": IDS | st.none()}
    if kind.write is as_csv:
        return st.lists(st.tuples(*cells.values()).filter(any), max_size=most)
    cells |= {"id": cells["id"] | st.just(""), "name": cells["name"] | st.text(max_size=5)}
    return st.lists(st.tuples(*cells.values()), max_size=most)


def tables_of(kind: Kind) -> st.SearchStrategy[Tables]:
    """Return any tables of a source."""
    return st.fixed_dictionaries({name: rows_of(kind) for name in kind.tables})


# --- what must be --------------------------------------------------------------------------------------------------


def content(bench: Bench) -> str:
    """Return the rows of the latest version as one text, without what linking filled in: that rests on what was before."""
    return json.dumps([{name: row[name] for name in row if name != "same"} for row in bench.rows()], default=str)


def counted(report: Report) -> tuple[int, ...]:
    """Return what a report counts, once its sum holds."""
    assert report.rows_in == report.rows_out + report.quarantined + report.merged, report
    return report.rows_in, report.rows_out, report.quarantined, report.merged, report.conflicts


def fresh(bench: Bench, aside: Path) -> tuple[str, tuple[int, ...]]:
    """Return the content and the counts that a first run makes of what the source and the corrections are now."""
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(bench.root, aside, ignore=shutil.ignore_patterns(".beffroi"))
    kept = bench.root / ".beffroi/corrections"
    if kept.is_dir():
        shutil.copytree(kept, aside / ".beffroi/corrections")
    other = object.__new__(Bench)
    other.root = aside
    report = run(other.workspace, "shops")
    return content(other), counted(report)


def whole(bench: Bench) -> Version:
    """Return the latest version, once it is whole on every face and its sum holds."""
    version = bench.latest()
    assert version.whole, "a face of the latest version is missing"
    table = DeltaTable(version.parquet.parent)
    (action,) = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    report = version.report
    counts = {
        "parquet": pq.read_table(version.parquet).num_rows,
        "delta": action["num_records"],
        "delta, read": table.to_pyarrow_table().num_rows,
        "csv": query(f"SELECT count(*) FROM read_csv('{version.csv}', all_varchar = true)")[0][0],
        "index": len(indexed(version)),
        "report": report["rows_out"],
        "lineage": len(read(version.folder / "lineage.parquet")),
    }
    geojson = version.folder / "shops.geojson"
    if "geopoint" in version.declared:
        counts["geojson"] = len(json.loads(geojson.read_text(encoding="utf-8"))["features"])
        counts["geoparquet"] = pq.read_table(version.folder / "shops.geo.parquet").num_rows
    assert set(counts.values()) == {version.rows}, counts
    assert report["rows_in"] == report["rows_out"] + report["quarantined"] + report["merged"], report
    assert len(read(version.folder / "duplicates.parquet")) == report["merged"]
    for column in bench.workspace.dataset("shops").link:
        assert not linking.damaged(bench.workspace.dataset("shops"), version.folder)
        members = {row["cluster"] for row in read(linking.of(version.folder, column, "members.parquet"))}
        assert members >= {row[column] for row in bench.rows()}, "who is in which cluster is not what the rows say"
    if version.rolled_back_from is None:
        assert len(read(version.folder / quarantine.FILE)) == report["quarantined"]
        list(quarantine.listed(bench.workspace, "shops"))
    return version


def in_databases(bench: Bench) -> None:
    """Hold that the database for analysts, once one was made, is whole and of a version there was."""
    for path in (bench.root / ".beffroi/databases").glob("*.duckdb"):
        with duckdb.connect(str(path), read_only=True) as connection:
            for (number,) in connection.execute("SELECT version FROM beffroi_versions").fetchall():
                rows = connection.execute("SELECT count(*) FROM shops").fetchall()
                there = {each.number: each.rows for each in versions.history(bench.workspace, "shops")}
                assert rows == [(there[number],)]
