"""A run, end to end on real Parquet sources: what comes out, what is refused, what a second run does."""

import datetime as dt
import json
import shutil
import threading
import traceback
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from filelock import FileLock

from connectors.errors import Misconfigured, RunFailed, Unavailable, Unreadable
from pipelines import quarantine, versions
from pipelines.run import run
from tests.pipelines.bench import SHOPS, Bench, query, read

GOOD = ("1", "  Au   Bon\u00a0Pain ", "3", "01/03/1998")


def refused(bench: Bench, name: str = "shops") -> list[quarantine.Refused]:
    return list(quarantine.listed(bench.workspace, name))


def rules(bench: Bench, name: str = "shops") -> list[tuple[int, str, str]]:
    return [(row.place, one["column"], one["rule"]) for row in refused(bench, name) for one in row.failures]


def test_rows_are_cleaned_typed_and_sorted_by_key(bench: Bench) -> None:
    bench.shops(("2", "B", None, None), GOOD, ("10", "C", "7", "2020-02-29"))
    report = bench.run()
    assert bench.rows() == [
        {"id": "1", "name": "Au Bon Pain", "workers": 3, "opened": dt.date(1998, 3, 1)},
        {"id": "10", "name": "C", "workers": 7, "opened": dt.date(2020, 2, 29)},
        {"id": "2", "name": "B", "workers": None, "opened": None},
    ]
    assert (report.version, report.new, report.rows_in, report.rows_out) == (1, True, 3, 3)
    assert (report.added, report.changed, report.removed, report.unread) == (3, 0, 0, [])
    assert (
        bench.latest().csv.read_text()
        == "id,name,workers,opened\n1,Au Bon Pain,3,1998-03-01\n10,C,7,2020-02-29\n2,B,,\n"
    )


def test_a_refused_row_tells_place_column_rule_reason_and_raw_values(bench: Bench) -> None:
    bench.shops(GOOD, (None, "x", "1", None), ("3", "y", "-1", "soon"), ("4", "z", "many", None))
    assert bench.run().quarantined == 3
    assert rules(bench) == [
        (2, "id", "required"),
        (3, "opened", "date"),
        (3, "workers", "minimum"),
        (4, "workers", "type"),
    ]
    row = refused(bench)[1]
    assert row.raw == {"id": "3", "name": "y", "workers": "-1", "opened": "soon"}
    assert (row.dataset, row.version) == ("shops", 1)
    date, minimum = (one["reason"] for one in row.failures)
    assert date.startswith("is not a date")
    assert minimum == "is below the minimum of 0"
    assert row.failures[1]["reason_fr"] == "est inférieur au minimum de 0"
    (missing,) = refused(bench)[0].failures
    assert missing["reason"] == "is missing, and it is part of the key"


def test_rows_of_one_key_become_one_that_keeps_the_first_values_there_are(bench: Bench) -> None:
    bench.shops(
        ("1", None, None, "2020-01-01"), ("1", "B", "2", None), ("1", "C", "3", "2021-01-01"), ("2", "D", None, None)
    )
    report = bench.run()
    assert (report.rows_in, report.rows_out, report.merged, report.quarantined) == (4, 2, 2, 0)
    assert bench.rows()[0] == {"id": "1", "name": "B", "workers": 2, "opened": dt.date(2020, 1, 1)}


@pytest.mark.parametrize(
    ("constraints", "values", "good", "rule"),
    [
        ("{required: true}", ["a", None, ""], ["a", ""], "required"),
        ("{pattern: '[a-c]+'}", ["abc", "abcd", None], ["abc", None], "pattern"),
        ("{enum: [a, 'b''']}", ["a", "b'", "c", None], ["a", "b'", None], "enum"),
        ("{minimum: b, maximum: c}", ["a", "b", "bz", "c", None], ["b", "bz", "c", None], "minimum"),
        ("{unique: true}", ["a", "b", "a", None, None], ["b", None, None], "unique"),
    ],
)
def test_constraints_refuse(bench: Bench, constraints: str, values: list[Any], good: list[Any], rule: str) -> None:
    found, told = bench.column("string", values, constraints=constraints)
    assert found == good
    assert set(told) == {rule}
    assert len(told) == len(values) - len(good)


@pytest.mark.parametrize(
    ("kind", "constraints", "values", "good"),
    [
        ("integer", "{enum: [1, 2]}", ["1", "3", "2"], [1, 2]),
        ("number", "{enum: [1, 2.5]}", ["1", "1.0", "2.50", "3"], [1.0, 1.0, 2.5]),
        ("boolean", "{enum: [true]}", ["true", "false", "1"], [True, True]),
        (
            "date",
            "{minimum: 1901-07-01, maximum: '2000-01-01'}",
            ["1901-06-30", "1901-07-01", "2000-01-02"],
            [dt.date(1901, 7, 1)],
        ),
        ("number", "{minimum: 0.5}", ["0.4", "0.5"], [0.5]),
    ],
)
def test_constraints_hold_values_of_the_type(
    bench: Bench, kind: str, constraints: str, values: list[Any], good: list[Any]
) -> None:
    assert bench.column(kind, values, constraints=constraints)[0] == good


UTC = dt.UTC
NOON = dt.datetime(2020, 1, 1, 12)  # noqa: DTZ001  # a database's moment without zone


@pytest.mark.parametrize(
    ("kind", "arrow", "values", "good"),
    [
        ("integer", pa.string(), ["12", "-3", "1.5", "1e3", "0x10", "1_000", " 4", "", "99999999999999999999"], [12, -3]),
        ("integer", pa.float64(), [3.0, 1.5, float("nan"), float("inf"), 1e300, None], [3, None]),
        ("integer", pa.decimal128(10, 2), [1, 2], [1, 2]),
        ("integer", pa.uint64(), [5, 2**64 - 1], [5]),
        ("number", pa.string(), ["1.5", "1e3", "nan", "inf", "-Infinity", "0x10", "1,5"], [1.5, 1000.0]),
        ("number", pa.float64(), [1.5, float("nan"), float("inf"), None], [1.5, None]),
        ("boolean", pa.string(), ["true", "F", "1", "0", "yes", "oui", "2"], [True, False, True, False, True]),
        ("boolean", pa.int64(), [1, 0, 2], [True, False]),
        ("date", pa.string(), ["2020-02-29", "2021-02-29", "epoch", "infinity", "2020/02/01", "0000-01-01", "2020-1-1"], [dt.date(2020, 2, 29)]),
        ("date", pa.timestamp("us"), [NOON, NOON.replace(hour=0)], [dt.date(2020, 1, 1)]),
        ("number", pa.int64(), [2**53 + 1, 2**53], [2.0**53]),
        ("number", pa.decimal128(38, 2), [Decimal("0.10"), Decimal("12345678901234567890.12")], [0.1]),
        ("number", pa.string(), ["-0.0", "1" * 40], [0.0]),
        ("datetime", pa.timestamp("ns"), [1, 1000], [dt.datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)]),
        ("datetime", pa.string(), ["2020-01-01T10:00:00Z", "2020-01-01 10:00:00+02", "2020-01-01 10:00", "infinity", "now"],
         [dt.datetime(2020, 1, 1, 10, tzinfo=UTC), dt.datetime(2020, 1, 1, 8, tzinfo=UTC), dt.datetime(2020, 1, 1, 10, tzinfo=UTC)]),
        ("datetime", pa.timestamp("us"), [NOON], [NOON.replace(tzinfo=UTC)]),
        ("string", pa.int64(), [1, None], ["1", None]),
        ("string", pa.null(), [None, None], [None, None]),
        ("integer", pa.null(), [None], [None]),
        ("array", pa.list_(pa.string()), [["a", None, "b,c"], [], None], [["a", None, "b,c"], [], None]),
        ("array", pa.list_(pa.int64()), [[1, 2]], [["1", "2"]]),
        ("array", pa.string(), ["a", "[a, b]"], [["a", "b"]]),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_read_or_refused_never_rounded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: str, arrow: pa.DataType, values: list[Any], good: list[Any]
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    found, told = bench.column(kind, values, arrow=arrow)
    assert found == good
    assert set(told) <= {"type"}
    assert len(told) == len(values) - len(good)


def test_duplicates_to_be_merged_are_not_refused_as_not_unique(bench: Bench) -> None:
    declaration = SHOPS.replace("description: As on the sign", "constraints: {unique: true}")
    bench.shops(
        ("1", "A", None, None),
        ("1", "A", "2", None),
        ("2", "B", None, None),
        ("3", "B", None, None),
        declaration=declaration,
    )
    assert (bench.run().merged, rules(bench)) == (1, [(3, "name", "unique"), (4, "name", "unique")])


def test_a_foreign_key_to_nothing_is_refused_and_none_is_not(bench: Bench) -> None:
    declaration = SHOPS + "expect: {rows: {min: 1}}\n"
    bench.shops(GOOD, declaration=declaration)
    bench.source("stalls", [{"n": "1", "shop": "1"}, {"n": "2", "shop": "9"}, {"n": "3", "shop": None}])
    bench.write(
        "datasets/stalls.yaml",
        "title: S\nowner: ville\naudience: owner\nsource: {registry: source, table: stalls}\nschema:\n  fields:\n"
        "    - name: n\n    - name: shop\n  primaryKey: [n]\n  foreignKeys:\n"
        "    - {fields: [shop], reference: {resource: shops, fields: [id]}}\n",
    )
    with pytest.raises(RunFailed, match="stalls refers to shops, which has no version yet: run shops first"):
        bench.run("stalls")
    bench.run("shops")
    bench.run("stalls")
    assert [row["n"] for row in bench.rows("stalls")] == ["1", "3"]
    assert rules(bench, "stalls") == [(2, "shop", "foreignKey")]


EVIDENCE = {"report.json", "quarantine.parquet", "lineage.parquet", "duplicates.parquet", "conflicts.parquet", "hashes"}
EVIDENCE |= {"corrected.parquet"}
"""What is told of a version's rows: it is of the run that last found them."""


def files(root: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(root)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file() and path.suffix in (".parquet", ".json", ".csv", ".lmdb", ".duckdb")
        and path.name.partition("-")[0] not in EVIDENCE and not {"raw", "runs"} & set(path.parts)
    }  # fmt: skip


def test_running_twice_changes_nothing(bench: Bench) -> None:
    bench.shops(GOOD, ("2", None, None, "bad"))
    bench.run()
    before = files(bench.root / ".beffroi")
    assert len(before) == 4, before
    again = bench.run()
    assert (again.new, again.version, again.added, again.changed, again.removed) == (False, 1, 0, 0, 0)
    assert files(bench.root / ".beffroi") == before
    assert (bench.latest().added, len(refused(bench))) == (1, 1), "the version still knows what it changed"


def test_the_order_of_the_source_changes_nothing(bench: Bench) -> None:
    rows = [(str(number), f"name {number}", str(number), None) for number in range(500)]
    bench.shops(*rows)
    bench.run()
    first = bench.latest().csv.read_bytes()
    bench.shops(*reversed(rows))
    assert bench.run().new is False
    shutil.rmtree(bench.root / ".beffroi")
    bench.run()
    assert bench.latest().csv.read_bytes() == first, "the same rows are the same file"


def test_a_changed_source_is_a_new_version_that_knows_what_changed(bench: Bench) -> None:
    bench.shops(*[(str(number), "A", None, None) for number in range(5)])
    bench.run()
    bench.shops(("0", "A", None, None), ("1", "B", None, None), ("2", None, None, None), ("7", "C", None, None))
    report = bench.run()
    assert (report.version, report.added, report.changed, report.removed) == (2, 1, 2, 2)
    latest = bench.latest()
    assert (latest.number, latest.added, latest.changed, latest.removed, latest.rows) == (2, 1, 2, 2, 4)
    assert [version.number for version in versions.history(bench.workspace, "shops")] == [1, 2]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("type: integer, constraints: {minimum: 0}", "type: string"),
        ("    - {name: opened, title: Opened, type: date}\n", ""),
        ("primaryKey: id", "primaryKey: [id, name]"),
    ],
)
@pytest.mark.parametrize("rows", [(GOOD,), ()])
def test_a_changed_schema_or_key_is_a_new_version(bench: Bench, old: str, new: str, rows: Any) -> None:
    bench.shops(*rows)
    bench.run()
    assert old in SHOPS
    declaration = SHOPS.replace(old, new) + "schema_version: 2.0.0\n"
    if "opened" in old:
        declaration = declaration.replace("  opened: {steps: [trim, date]}\n", "")
    bench.shops(*rows, declaration=declaration)
    assert (bench.run().new, bench.run().new) == (True, False)
    assert bench.latest().number == 2


def test_a_failed_expectation_keeps_the_last_version_and_shows_the_refused_rows(bench: Bench) -> None:
    declaration = SHOPS + "expect:\n  rows: {min: 2, max: 3}\n  refused: {max: 0.25}\n"
    bench.shops(GOOD, ("2", "B", None, None), declaration=declaration)
    bench.run()
    before = files(bench.root / ".beffroi")
    bench.shops(GOOD, ("2", "B", None, "bad"), ("3", "B", "x", None), declaration=declaration)
    with pytest.raises(RunFailed) as caught:
        bench.run()
    assert caught.value.detail == (
        "shops: rows: 1, expected at least 2; share of refused rows: 66.67%, expected at most 25.00%"
    )
    assert files(bench.root / ".beffroi").items() >= before.items()
    assert (bench.latest().number, len(bench.rows())) == (1, 2)
    assert [(row.place, row.version) for row in refused(bench)] == [(2, None), (3, None)]
    bench.shops(GOOD, ("2", "C", None, None), declaration=declaration)
    assert bench.run().version == 2
    assert refused(bench) == []
    bench.shops(*[(str(n), "A", None, None) for n in range(4)], declaration=declaration)
    with pytest.raises(RunFailed, match="rows: 4, expected at most 3"):
        bench.run()


def test_a_missing_column_is_told_with_the_near_names(bench: Bench) -> None:
    bench.shops(GOOD, declaration=SHOPS.replace("name: {steps", "name: {from: NAMES, steps"))
    with pytest.raises(Misconfigured) as caught:
        bench.run()
    assert caught.value.detail == (
        "datasets/shops.yaml:14: name is read from «NAMES», which the source source/shops does not have (did you mean"
        " «name»?); allowed: id, name, opened, workers"
    )


def test_columns_that_are_read_as_one_since_the_separator_changed_are_told_so(bench: Bench) -> None:
    csv = 'csv: {encoding: utf-8, separator: ";", header: 1, skip: 0}'
    bench.write("registries/town.yaml", f"kind: files\npath: source\ntables: {{shops: {{file: shops.csv, {csv}}}}}\n")
    bench.write("datasets/shops.yaml", SHOPS.replace("registry: source", "registry: town"))
    bench.write("source/shops.csv", "id;name;workers;opened\n1;A;1;2020-01-01\n")
    bench.run()
    bench.write("source/shops.csv", "id,name,workers,opened\n1,A,1,2020-01-01\n")
    with pytest.raises(Unreadable, match=r"no longer has: several of its columns are read as one; is the separator"):
        bench.run()


def test_a_column_that_the_source_had_and_has_no_more_is_the_registry_s_fault(bench: Bench) -> None:
    bench.shops(GOOD)
    bench.run()
    bench.source("shops", [{"id": "1", "NAME": "A", "workers": "1", "opened": None}])
    with pytest.raises(Unreadable) as caught:
        bench.run()
    assert (caught.value.fault, caught.value.registry) == ("registry", "source")
    assert caught.value.detail.startswith(
        "datasets/shops.yaml:9: name is read from «name», which source/shops no longer has (did you mean «NAME»?)"
    )
    assert "It had it when version 1 was made" in caught.value.detail


@pytest.mark.parametrize("name", ["beffroi_place", "Beffroi_Failures", "file_row_number"])
def test_a_source_column_that_the_run_needs_for_itself_is_told(bench: Bench, name: str) -> None:
    bench.shops(GOOD)
    bench.source("shops", [{"id": "1", name: "x"}])
    with pytest.raises(Misconfigured, match=f"the table read from source has a column called «{name}»"):
        bench.run()


def test_columns_that_nothing_reads_are_reported(bench: Bench) -> None:
    bench.shops(GOOD)
    row = dict(zip(("id", "name", "workers", "opened"), GOOD, strict=True))
    bench.source("shops", [row | {"phone": "1", "Mail": None}])
    assert bench.run().unread == ["Mail", "phone"]
    assert bench.latest().report["unread"] == ["Mail", "phone"]


@pytest.mark.parametrize("damage", ["half", "html", "empty"])
def test_a_source_that_is_no_parquet_file_is_the_registrys_fault(bench: Bench, damage: str) -> None:
    bench.shops(GOOD)
    bench.run()
    file = bench.root / "source/shops.parquet"
    whole = file.read_bytes()
    file.write_bytes({"half": whole[: len(whole) // 2], "html": b"<html>Not found</html>", "empty": b""}[damage])
    with pytest.raises(Unreadable, match="no Parquet file, or is cut off"):
        bench.run()
    assert bench.latest().number == 1


def test_an_empty_source_is_an_empty_version(bench: Bench) -> None:
    bench.shops()
    report = bench.run()
    assert (report.version, report.rows_in, report.rows_out) == (1, 0, 0)
    assert bench.rows() == []
    assert bench.run().new is False
    bench.shops(GOOD)
    assert bench.run().version == 2


def test_a_very_wide_table_runs(bench: Bench) -> None:
    names = [f"c{number}" for number in range(100)]
    bench.source("wide", [{"id": str(n), **dict.fromkeys(names, f" {n} ")} for n in range(5)])
    fields = "".join(f"    - {{name: {name}}}\n" for name in names)
    clean = "".join(f"  {name}: {{steps: [trim, squeeze, upper]}}\n" for name in names)
    bench.write(
        "datasets/wide.yaml",
        "title: W\nowner: ville\naudience: owner\nsource: {registry: source, table: wide}\n"
        f"schema:\n  fields:\n    - name: id\n{fields}  primaryKey: id\nclean:\n{clean}",
    )
    assert bench.run("wide").rows_out == 5
    assert bench.rows("wide")[3]["c99"] == "3"


def test_another_run_under_way_is_told(bench: Bench) -> None:
    bench.shops(GOOD)
    bench.run()
    with (
        FileLock(bench.root / ".beffroi/locks/shops.lock"),
        pytest.raises(Unavailable, match=r"another run of shops is under way: .*`beffroi run shops --wait SECONDS`"),
    ):
        bench.run()


def test_many_runs_at_once_make_one_version(bench: Bench) -> None:
    bench.shops(*[(str(n), f"{n}", None, None) for n in range(2000)])
    workspace = bench.workspace
    told: list[Any] = []

    def once() -> None:
        try:
            told.append(run(workspace, "shops").version)
        except Unavailable as error:
            told.append(error.detail)

    threads = [threading.Thread(target=once) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {str(each).partition(":")[0] for each in told} <= {"1", "another run of shops is under way"}
    assert 1 in told
    assert len(versions.history(workspace, "shops")) == 1


def test_removed_files_of_a_version_are_made_again(bench: Bench) -> None:
    bench.shops(GOOD)
    bench.run()
    csv = bench.latest().csv.read_bytes()
    shutil.rmtree(bench.root / ".beffroi/versions")
    assert bench.run().new is False
    assert (bench.latest().csv.read_bytes(), bench.latest().whole) == (csv, True)
    bench.latest().parquet.unlink()
    assert bench.run().version == 2
    assert len(bench.rows()) == 1


def test_stages_are_told_in_order(bench: Bench) -> None:
    bench.shops(GOOD)
    heard: list[str] = []
    run(bench.workspace, "shops", heard.append)
    assert heard == ["scan", "clean", "expect 1 row", "write", "faces", "commit"]


def test_the_raw_rows_of_the_last_two_runs_are_kept(bench: Bench) -> None:
    for number in range(4):
        bench.shops((str(number), "A", None, None))
        bench.run()
    kept = (bench.root / ".beffroi/raw/shops").glob("*.parquet")
    assert sorted(row["id"] for raw in kept for row in read(raw)) == ["2", "3"]


MARKER = "Zyxwvut"


@pytest.mark.parametrize(
    "row",
    [(MARKER, MARKER, MARKER, MARKER), ("1", MARKER * 9000, "1", MARKER), (MARKER + "\x00'\"", MARKER, "x", None)],
)
def test_no_value_of_a_row_is_ever_told(
    bench: Bench, row: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    bench.shops(GOOD, row, declaration=SHOPS + "expect: {refused: {max: 0}}\n")
    said: list[str] = []
    with pytest.raises(RunFailed) as caught:
        run(bench.workspace, "shops", said.append)
    error: BaseException | None = caught.value
    while error is not None:
        said.append(repr(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    said += [json.dumps(one) for one in refused(bench)[0].failures]
    told = " ".join(said) + caplog.text + "".join(capfd.readouterr())
    assert MARKER not in told
    report = (bench.root / ".beffroi/failed/shops/report.json").read_text()
    assert MARKER not in report


def invalid(texts: list[bytes]) -> pa.Array:
    """Return a column of text with bytes that are none, as broken exports have them."""
    return pa.Array.from_buffers(pa.string(), len(texts), pa.array(texts, pa.binary()).buffers())


def test_a_text_that_is_not_utf_8_is_the_registrys_fault_and_is_not_told(bench: Bench) -> None:
    bench.shops(GOOD)
    bench.run()
    names = invalid([f"{MARKER} \u00e9t\u00e9".encode("latin-1")])
    columns = {
        "id": pa.array(["1"]),
        "name": names,
        "workers": pa.array(["1"]),
        "opened": pa.array([None], pa.string()),
    }
    bench.source("shops", pa.table(columns))
    with pytest.raises(Unreadable, match="source gave texts that are not in UTF-8") as caught:
        bench.run()
    assert MARKER not in "".join(traceback.format_exception(caught.value))
    bench.source("shops", pa.table(columns | {"name": pa.array(["x"]), "unread": names}))
    with pytest.raises(Unreadable, match="source gave texts that are not in UTF-8"):
        bench.run()
    assert bench.latest().number == 1


def test_a_file_that_is_damaged_inside_stops_the_run(bench: Bench) -> None:
    bench.shops(*[(str(number), MARKER, None, None) for number in range(1000)])
    file = bench.root / "source/shops.parquet"
    whole = bytearray(file.read_bytes())
    whole[20:200] = b"\xff" * 180
    file.write_bytes(whole)
    with pytest.raises(RunFailed, match=r"shops: the engine stopped \(\w+\)|could not be read") as caught:
        bench.run()
    assert MARKER not in "".join(traceback.format_exception(caught.value))


def test_a_workspace_runs_in_order_of_its_references(reference: Bench) -> None:
    workspace = reference.workspace
    reports = {name: run(workspace, name) for name in workspace.in_order([])}
    assert list(reports) == ["communes", "municipios", "residents", "associations", "commune_parts", "postal_codes"]
    sums = {name: (r.rows_in, r.rows_out, r.quarantined, r.merged) for name, r in reports.items()}
    assert sums == {
        "communes": (34969, 34969, 0, 0),
        "municipios": (8131, 8131, 0, 0),
        "residents": (3000, 3000, 0, 0),
        "associations": (6, 3, 2, 1),
        "commune_parts": (2037, 2037, 0, 0),
        "postal_codes": (35684, 35676, 8, 0),
    }
    assert {one["rule"] for row in refused(reference, "postal_codes") for one in row.failures} == {"foreignKey"}
    found = {row["rna"]: row for row in reference.rows("associations")}
    assert found["W012000001"]["commune_code"] == "01004"
    assert found["W012000001"]["postal_code"] == "01500"
    parquet = reference.latest("communes").parquet
    assert query(f"SELECT name FROM read_parquet('{parquet}') WHERE code = '01001'") == [("L'Abergement-Clémenciat",)]


@pytest.fixture
def reference(bench: Bench) -> Bench:
    """The repository's own datasets, all read from files, on real communes."""
    repository = Path(__file__).parents[2]
    shutil.copytree(repository / "datasets/reference", bench.root / "source", dirs_exist_ok=True)
    moved = {"associations": "associations", "communes": "communes", "residents": "persons"}
    for path in (repository / "datasets").glob("*.yaml"):
        if path.stem in ("companies", "legal_entities", "suppliers"):  # tests/test_demo.py has these from their sources
            continue
        text = path.read_text().replace("registry: reference", "registry: source")
        for name in ("communes", "civil"):
            text = text.replace(f"registry: {name}\n", f"registry: source\n  table: {moved.get(path.stem)}\n")
        text = text.replace("registry: municipal", "registry: source").replace(
            "refused: {max: 0.1}", "refused: {max: 1}"
        )
        bench.write(f"datasets/{path.name}", text)
    columns = ("ID_ASSO", "NOM", "OBJET", "SIRET", "CP", "VILLE", "DATE_CREA", "ACTIF")
    rows = [
        ("W012000001 ", "LES AMIS  DU PARC", "", None, "1500", "AMBERIEU EN BUGEY", "1er mars 1998", "O"),
        ("w012000001", "X", "Le parc", None, "01500", "Ambérieu-en-Bugey", "01/03/1998", "1"),
        ("W012000002", "CLUB", None, "55210055400013", "1400", "L ABERGEMENT CLEMENCIAT", "2001-12-31", "non"),
        ("W012000003", "CHORALE", None, None, "75001", "PARIS", None, None),
        (None, "SANS NUMERO", None, None, "1500", "AMBERIEU EN BUGEY", None, "N"),
        ("W012000005", "NULLE PART", None, None, "99999", "NULLE PART", None, "N"),
    ]
    bench.source("associations", [dict(zip(columns, row, strict=True)) for row in rows])
    return bench


def test_refused_rows_that_were_removed_are_not_told_as_none(bench: Bench) -> None:
    bench.shops(GOOD, ("2", None, "x", None))
    bench.run()
    shutil.rmtree(bench.root / ".beffroi/versions")
    with pytest.raises(Unavailable, match="what the last run of shops refused was removed"):
        refused(bench)
    bench.run()
    assert len(refused(bench)) == 1


AWKWARD = ("n", "b", "s", "j", "r", "layer", "shown", "raw", "place", "failures", "merged", "staged", "count", "select")


def test_columns_may_have_any_name(bench: Bench) -> None:
    """Names that our own SQL uses, or SQL itself, are names like others: declared or only at the source."""
    rows = [{"id": str(number), **dict.fromkeys(AWKWARD, str(number)), "only": "x"} for number in range(5)]
    bench.source("awkward", rows)
    fields = "".join(f"    - {{name: {name}, title: T}}\n" for name in AWKWARD)
    bench.write(
        "datasets/awkward.yaml",
        "title: A\nowner: ville\naudience: owner\nsource: {registry: source, table: awkward}\n"
        f"schema:\n  fields:\n    - {{name: id, type: integer, title: T}}\n{fields}  primaryKey: id\n"
        f"clean:\n  n: {{steps: [trim, upper]}}\n",
    )
    assert bench.run("awkward").new
    rows[1]["b"], rows[2]["id"] = "changed", "no number"
    bench.source("awkward", rows)
    report = bench.run("awkward")
    assert (report.added, report.changed, report.removed, report.quarantined) == (0, 1, 1, 1)
    [refused] = quarantine.listed(bench.workspace, "awkward")
    assert refused.raw == rows[2]
