"""The index by columns: every row under each of its values, made, renewed, swept away and missed with its version."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.columns import Column
from pipelines import by_column, doctor, rollback, versions
from pipelines.by_column import FILE
from pipelines.run import run
from pipelines.versions import Version
from tests.pipelines.bench import SHOPS, Bench
from tests.pipelines.test_increment import DECLARED, Source

INDEXED = SHOPS + "index: [name, workers]\n"
NAME, WORKERS = Column(name="name"), Column(name="workers", type="integer")


def declare(bench: Bench, columns: str) -> None:
    bench.write("datasets/shops.yaml", f"{SHOPS}index: [{columns}]\n" if columns else SHOPS)


def shops(bench: Bench, *names: str) -> None:
    bench.shops(*((f"{n:05}", name, str(n % 3), None) for n, name in enumerate(names)), declaration=INDEXED)


def of(version: Version) -> by_column.ByColumn:
    found = by_column.of(version)
    assert found is not None, "the version has an index by columns"
    return found


def hold(bench: Bench, columns: tuple[Column, ...] = (NAME, WORKERS), key: str = "id") -> None:
    """Hold that the latest version's index tells each row of it under its values, in the order of the file, and no other."""
    entries, rows = of(bench.latest()), bench.rows()
    assert set(entries.types) == {column.name for column in columns}
    for column in columns:
        assert entries.has(column)
        for value in {row[column.name] for row in rows} - {None}:
            expected = [(place, row[key]) for place, row in enumerate(rows) if row[column.name] == value]
            assert [entries.row(number) for number in entries.span(column, value)] == expected, value
            middle = expected[len(expected) // 2][0]
            after = [entries.row(number) for number in entries.span(column, value, middle)]
            assert after == [each for each in expected if each[0] > middle], "a page begins after a place"


def test_rows_are_found_by_each_value_over_many_batches(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_column, "BATCH", 2048)
    shops(bench, *(f"name {n % 97}" for n in range(7_000)))
    bench.run()
    with pa.memory_map(str(bench.latest().folder / FILE)) as mapped, pa.ipc.open_file(mapped) as reader:
        assert reader.num_record_batches > 3
    hold(bench)
    entries = of(bench.latest())
    assert not entries.span(NAME, "name 97")
    assert not entries.span(WORKERS, 97)


def test_only_its_owner_reads_it_as_the_key_index(bench: Bench) -> None:
    before = os.umask(0o022)
    try:
        shops(bench, "A", "B")
        bench.run()
    finally:
        os.umask(before)
    version = bench.latest()
    assert [f"{file.stat().st_mode & 0o777:o}" for file in (*version.index, version.folder / FILE)] == ["600", "600"]


def test_a_new_version_has_its_own(bench: Bench) -> None:
    shops(bench, "A", "B", "B", "C")
    bench.run()
    before = bench.latest()
    shops(bench, "B", "B", "", "A", "A")
    assert bench.run().new
    hold(bench)
    assert [of(before).row(number) for number in of(before).span(NAME, "A")] == [(0, "00000")], "the old one stays"
    shops(bench, "B")
    bench.run()
    assert not (before.folder / FILE).exists(), "and goes with its version's other ready files"


def test_what_is_declared_is_made_by_the_next_run_without_a_version(bench: Bench) -> None:
    shops(bench, "A", "B", "B")
    bench.run()
    report = (bench.latest().folder / "report.json").read_text()
    ready = bench.latest().csv.stat().st_mtime_ns
    declare(bench, "workers")
    told: list[str] = []
    assert not run(bench.workspace, "shops", told.append).new
    assert told == ["scan"], "nothing is judged anew"
    hold(bench, (WORKERS,))
    declare(bench, "")
    assert not bench.run().new
    assert not (bench.latest().folder / FILE).exists()
    declare(bench, "name")
    run(bench.workspace, "shops", replay=True)
    hold(bench, (NAME,))
    version = bench.latest()
    assert (version.number, version.csv.stat().st_mtime_ns) == (1, ready), "other faces are left as they are"
    assert json.loads(report)["made"] == version.report["made"]


def test_a_run_of_what_came_has_it_too(new_bench: Callable[[], Bench]) -> None:
    source = Source(new_bench, DECLARED + "index: [name, workers]\n")
    source.run()
    hold(source.quick)
    source.put(("0001", "name 1", "1", None), ("0004", "other", "2", None), ("0002", "bad", "x", None))
    assert source.run().read == "changes"
    hold(source.quick)
    for bench in (source.quick, source.whole):
        bench.write("datasets/shops.yaml", DECLARED + "index: [workers]\n")
    source.put(("0003", "name 1", "1", None))
    assert source.run().read == "changes", "no row is judged by what is indexed"
    hold(source.quick, (WORKERS,))


def test_a_rollback_and_files_made_again_have_it(bench: Bench) -> None:
    for names in (("A", "B"), ("B", "A", "A"), ("C", "B")):
        shops(bench, *names)
        bench.run()
    first = versions.history(bench.workspace, "shops")[0]
    assert by_column.of(first) is None
    folder = rollback.rebuild(bench.workspace, "shops", 1)
    assert by_column.is_of(bench.workspace.dataset("shops"), first.parquet, folder)
    rollback.rollback(bench.workspace, "shops", 1)
    assert bench.latest().number == 4
    hold(bench)


def gone(file: Path) -> None:
    file.unlink()


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def of_other_columns(file: Path) -> None:
    with pa.OSFile(str(file), "wb") as out, pa.ipc.new_file(out, pa.schema([("x", pa.int64())])):
        pass


def another(file: Path) -> None:
    file.write_bytes(b"x" * 999)


HARMS = {"gone": gone, "cut": cut, "another file": another, "of something else": of_other_columns}


@pytest.mark.parametrize("harm", HARMS)
def test_one_that_is_damaged_is_told_and_the_next_run_makes_it(bench: Bench, harm: str) -> None:
    shops(bench, "A", "B", "B")
    bench.run()
    HARMS[harm](bench.latest().folder / FILE)
    (told,) = doctor.examine(bench.workspace, [], mend=False)
    assert (told.kind, told.dataset) == ("broken", "shops")
    assert "its index by columns is gone or damaged" in told.detail
    assert "`beffroi run shops` makes it anew" in told.detail
    bench.run()
    assert list(doctor.examine(bench.workspace, [], mend=False)) == []
    assert bench.latest().number == 1
    hold(bench)


def test_doctor_tells_one_that_is_not_declared_yet_or_no_more(bench: Bench) -> None:
    shops(bench, "A")
    bench.run()
    for columns in ("name", "", "name, workers, opened"):
        declare(bench, columns)
        (told,) = doctor.examine(bench.workspace, ["shops"], mend=False)
        assert "not of the columns that index: names" in told.detail
    declare(bench, "name, workers")
    assert list(doctor.examine(bench.workspace, ["shops"], mend=False)) == []
    bench.write("datasets/shops.yaml", INDEXED.replace("audience: open", "audience: owner"))
    assert list(doctor.examine(bench.workspace, ["shops"], mend=False)) == [], "another version is to come anyway"


def test_one_of_another_version_is_not_read(bench: Bench) -> None:
    shops(bench, "A", "B")
    bench.run()
    before = bench.latest()
    shops(bench, "B", "A")
    bench.run()
    shutil.copyfile(before.folder / FILE, bench.latest().folder / FILE)
    assert by_column.of(bench.latest()) is None
    bench.run()
    hold(bench)


def test_what_a_killed_run_half_wrote_is_swept_away(bench: Bench) -> None:
    shops(bench, "A", "B")
    bench.run()
    part = bench.latest().folder / f"{FILE}.part"
    part.write_bytes(b"half")
    (told,) = doctor.examine(bench.workspace, [], mend=False)
    assert (told.kind, told.path) == ("leftover", f"versions/shops/1/{FILE}.part")
    bench.run()
    assert not part.exists()
