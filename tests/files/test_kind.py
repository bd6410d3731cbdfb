"""The kind `files`: a folder's tables by their declaration, one of several files, and what is said of those amiss."""

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from connectors.drafting import FILL_IN
from connectors.errors import BeffroiError, Down, Misconfigured, NotDelivered, Unreadable
from connectors.files import Files, reading
from connectors.files.reading import BATCH_BYTES, Hold, fits, is_total, text_batches, text_schema, unique
from connectors.files.settings import FilesSettings
from connectors.registry import FAULT, CsvFile, Scan
from pipelines.stage import _written
from tests.files.engine import by_engine


def registry(root: Path, **tables: dict[str, Any]) -> Files:
    (root / "imports").mkdir(exist_ok=True)
    return Files("town", FilesSettings.model_validate({"path": "imports", "tables": tables}), root)


def put(root: Path, name: str, content: str | bytes) -> None:
    path = root / "imports" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def rows(scan: Scan) -> list[dict[str, Any]]:
    if isinstance(scan, CsvFile):
        scan = scan.rows()
    assert isinstance(scan, pa.RecordBatchReader)
    with scan:
        found: list[dict[str, Any]] = scan.read_all().to_pylist()
    for row in found:
        if FAULT in row and row[FAULT] is None:
            del row[FAULT]
    return found


def test_a_table_is_read_as_it_is_declared(tmp_path: Path) -> None:
    town = registry(tmp_path, grants={"file": "grants.csv", "csv": {"decimal": ","}}, sites={"file": "a/*.json"})
    put(tmp_path, "grants.csv", "nom;montant\nA;1,5\n")
    put(tmp_path, "a/sites.json", '[{"n": 1}]')
    assert list(town.problems()) == []
    assert [town.check(each) for each in ("grants", "sites")] == [None, None]
    assert rows(town.scan("grants")) == [{"nom": "A", "montant": "1.5"}]
    assert rows(town.scan("sites")) == [{"n": "1"}]
    assert town.check("x") == "town: no table x; the folder imports has: grants, sites"


def test_several_files_are_one_table_in_the_order_of_their_names(tmp_path: Path) -> None:
    town = registry(tmp_path, grants={"file": "grants-*.csv"})
    put(
        tmp_path,
        "grants-2024.csv",
        "b;a\n3;École\n".encode("cp1252").replace(b"\xc9cole", "\u00c9cole élémentaire".encode("cp1252")),
    )
    put(tmp_path, "GRANTS-2023.CSV", "a,b\n1,2\n1\n")
    put(tmp_path, ".grants-2025.csv", "x\n")
    put(tmp_path, "~$grants-2026.csv", "x\n")
    assert rows(town.scan("grants")) == [
        {"a": "1", "b": "2"},
        {"a": "1", "b": None, FAULT: "GRANTS-2023.CSV, line 3: 1 cell, the header has 2"},
        {"a": "École élémentaire", "b": "3"},
    ]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("a;b;c", "other columns than x.csv, with which it is one table: column 3 of its 3 is not there; see"),
        ("a;d", "it lacks column 2 of the 2 there, column 2 of its 2 is not there"),
        ("a", "it lacks column 2 of the 2 there; see whether each has its header"),
    ],
)
def test_files_of_one_table_have_the_same_columns(tmp_path: Path, header: str, said: str) -> None:
    town = registry(tmp_path, t={"file": "*.csv"})
    put(tmp_path, "x.csv", "a;b\n1;2\n")
    put(tmp_path, "y.csv", f"{header}\n{header}x\n")
    with pytest.raises(Unreadable, match=said):
        rows(town.scan("t"))


@pytest.mark.parametrize("names", [("v-2023.csv", "v-2024.csv"), ("v-2024.csv", "v-2023.csv")], ids=["later", "first"])
def test_a_file_that_lost_its_header_tells_none_of_its_cells(tmp_path: Path, names: tuple[str, str]) -> None:
    town = registry(tmp_path, t={"file": "*.csv", "csv": {"header": 1}})
    put(tmp_path, names[0], "k;m\nA;1\n")
    put(tmp_path, names[1], "0612345678;Durand\nC;2\n")
    with pytest.raises(Unreadable, match=r"it lacks column 1, 2 of the 2 there, column 1, 2 of its 2 is not") as caught:
        rows(town.scan("t"))
    assert not any(cell in caught.value.detail for cell in ("0612345678", "Durand"))


def test_parquet_files_are_one_table_where_their_types_agree(tmp_path: Path) -> None:
    town = registry(tmp_path, t={"file": "*.parquet"}, one={"file": "x.parquet"})
    folder = tmp_path / "imports"
    pq.write_table(pa.table({"a": [1]}), folder / "x.parquet")
    assert town.scan("one") == folder / "x.parquet"
    assert town.scan("x") == folder / "x.parquet", "a file without an entry has a table of its name"
    pq.write_table(pa.table({"a": [2]}), folder / "y.parquet")
    assert rows(town.scan("t")) == [{"a": 1}, {"a": 2}]
    pq.write_table(pa.table({"a": ["3"]}), folder / "z.parquet")
    with pytest.raises(Unreadable, match=r"column 1 of x.parquet is int64, but string in z.parquet"):
        rows(town.scan("t"))
    (folder / "z.parquet").write_bytes(b"PAR1")
    with pytest.raises(Unreadable, match=r"z.parquet is no Parquet file, or is cut off"):
        rows(town.scan("t"))
    whole = (folder / "x.parquet").read_bytes()
    (folder / "x.parquet").write_bytes(whole[:4] + b"\xff" * 20 + whole[24:])
    (folder / "z.parquet").unlink()
    with pytest.raises(Unreadable, match=r"x.parquet is damaged"):
        rows(town.scan("t"))


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    town = registry(tmp_path, t={"file": "x.csv", "csv": {"total": "TOTAL"}})
    put(tmp_path, "x.csv", "a;b\n" + "1;2\n" * 20_000)
    scan = town.scan("t")
    assert isinstance(scan, pa.RecordBatchReader)
    scan.read_next_batch()
    with (tmp_path / "imports" / "x.csv").open("a") as file:
        file.write("3;4\n")
    with pytest.raises(Unreadable, match=r"town: x.csv changed while it was read"):
        rows(scan)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
@pytest.mark.parametrize("later", ["név;id\nÉ;7\n", None], ids=["changed", "gone"])
def test_a_file_that_changes_between_being_judged_and_read_is_refused(
    tmp_path: Path, encoding: str, later: str | None
) -> None:
    town = registry(
        tmp_path, t={"file": "x.csv", "csv": {"encoding": "windows-1252" if encoding != "utf-8" else encoding}}
    )
    put(tmp_path, "x.csv", "id;név\n7;É\n".encode(encoding))
    scan = town.scan("t")
    assert isinstance(scan, CsvFile)
    file = tmp_path / "imports" / "x.csv"
    file.unlink()
    if later is not None:
        file.write_bytes(later.encode(encoding))
    part = tmp_path / "part"
    if encoding != "utf-8":  # a copy of ours is read
        _written(duckdb.connect(), scan, part, "town")
        assert pq.read_table(part).to_pylist() == [{"id": "7", "név": "É"}]
        return
    with pytest.raises(Unreadable, match="a file of town changed while it was read"):
        _written(duckdb.connect(), scan, part, "town")


def test_what_is_not_there(tmp_path: Path) -> None:
    town = registry(tmp_path, t={"file": "x-*.csv"})
    (tmp_path / "imports").mkdir(exist_ok=True)
    with pytest.raises(NotDelivered, match=r"town: no file is called x-\*.csv; the folder imports is empty$") as told:
        town.scan("t")
    assert told.value.fault == "registry"
    assert town.check("t") == "town: no file is called x-*.csv; the folder imports is empty"
    put(tmp_path, "x-1.csv/inner.txt", "")
    put(tmp_path, "y-1.csv", "")
    with pytest.raises(NotDelivered, match=r"no file is called x-\*.csv; the folder imports has: x-1.csv/, y-1.csv$"):
        town.scan("t")
    for number in range(2, 12):
        put(tmp_path, f"y-{number:02}.csv", "")
    with pytest.raises(NotDelivered, match=r"y-09.csv, y-1.csv and 2 more$"):
        town.scan("t")
    later = Files("town", FilesSettings.model_validate({"path": "later", "tables": {"t": {"file": "x.csv"}}}), tmp_path)
    assert later.check("t") is None, "the folder may come later"
    with pytest.raises(BeffroiError, match=r"later|cannot be read"):
        later.scan("t")


def test_a_folder_that_is_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "imports").write_text("")
    town = Files(
        "town", FilesSettings.model_validate({"path": "imports", "tables": {"t": {"file": "x.csv"}}}), tmp_path
    )
    with pytest.raises(Down, match=r"its folder cannot be read: Not a directory"):
        town.scan("t")


def test_what_nothing_tells(tmp_path: Path) -> None:
    town = registry(
        tmp_path,
        odd={"file": "x.dat"},
        mixed={"file": "x.csv", "rows": "a"},
        sheets={"file": "x.xlsx", "csv": {"separator": ";"}},
        left={"file": "x.csv", "csv": {"total": FILL_IN}},
        fine={"file": "x.*"},
        packed={"file": "x.zip", "member": "*.csv"},
    )
    assert [(keys, said) for keys, said in town.problems()] == [
        (("tables", "left", "csv", "total"), "FILL_IN is left here: say what it is"),
        (("tables", "odd", "format"), "the name x.dat does not tell the format: say format:"),
        (("tables", "mixed", "rows"), "rows: is for geojson and json and xml, but this is csv"),
        (("tables", "sheets", "csv"), "csv: is for csv, but this is xlsx"),
    ]
    put(tmp_path, "x.dat", "a")
    with pytest.raises(Misconfigured, match=r"the name x.dat does not tell its format; say format:, one of csv, "):
        town.scan("odd")


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"path": "a", "url": "https://h/"},
        {"url": "ftp://h/", "tables": {"t": {"file": "x.csv"}}},
        {"url": "https://h/"},
        {"path": "a", "tables": {"t": {"file": "../x.csv"}}},
        {"path": "a", "tables": {"t": {"file": "/etc/passwd"}}},
        {"path": "a", "tables": {"t": {"file": "x.csv", "member": "a/../b"}}},
        {"path": "a", "tables": {"t": {"file": "x.csv", "sheet": {"range": "3A"}}}},
    ],
)
def test_what_cannot_be_declared(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FilesSettings.model_validate(said)


def test_what_an_archive_held_is_gone_with_the_scan(tmp_path: Path) -> None:
    import gzip

    town = registry(tmp_path, t={"file": "x.csv.gz"})
    put(tmp_path, "x.csv.gz", gzip.compress(b"a;b\n1;2\n"))
    scan = town.scan("t")
    assert isinstance(scan, CsvFile)
    assert scan.path.is_file()
    assert scan.path.is_relative_to(tmp_path / ".beffroi" / "hold")
    assert by_engine(scan) == [["1", "2"]]
    kept = scan.path
    del scan
    gc.collect()
    assert not kept.exists()


def test_a_hold_is_private_and_goes_when_it_is_forgotten() -> None:
    hold = Hold()
    folder = hold.folder()
    assert hold.folder() == folder
    assert folder.stat().st_mode & 0o077 == 0
    (folder / "x").write_text("")
    del hold
    gc.collect()
    assert not folder.exists()
    Hold().close()


def test_the_files_of_one_table_have_a_size_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    town = registry(tmp_path, t={"file": "*.csv.gz"})
    for name in "abc":
        put(tmp_path, f"{name}.csv.gz", gzip.compress(b"a;b\n" + b"1;2\n" * 100))
    assert len(rows(town.scan("t"))) == 300
    monkeypatch.setattr(reading, "MAX_HELD", 1000)
    with pytest.raises(Unreadable, match=r"town: the files of one table are more than 0 GiB: name fewer"):
        town.scan("t")
    assert [*(tmp_path / ".beffroi" / "hold").iterdir()] == []


KILLED = """
import os, signal, sys
from pathlib import Path
from connectors.files.reading import Hold
hold = Hold(Path(sys.argv[1]))
(hold.folder() / "x").touch()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_held_goes_with_the_next(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "hold")], check=False)
    [left] = (tmp_path / "hold").iterdir()
    assert (left / "x").exists()
    mine = Hold(tmp_path / "hold")
    held = mine.folder()
    assert left.exists(), "it may have been made just now, and not be locked yet"
    for folder in (left, held):
        os.utime(folder, (1_700_000_000, 1_700_000_000))
    another = Hold(tmp_path / "hold")
    assert {*(tmp_path / "hold").iterdir()} == {held, left}
    assert {another.folder(), held} == {*(tmp_path / "hold").iterdir()}
    another.close()
    mine.close()
    assert [*(tmp_path / "hold").iterdir()] == []


@pytest.mark.parametrize(
    ("name", "pattern", "does"),
    [
        ("a.csv", "*.csv", True),
        ("A.CSV", "a.c*", True),
        ("x/a.csv", "*.csv", False),
        ("x/a.csv", "*/a.*", True),
        ("a[1].csv", "a[[]1].csv", True),
    ],
)
def test_globs(name: str, pattern: str, does: bool) -> None:
    assert fits(name, pattern) is does


def test_names_are_made_unique() -> None:
    assert unique(["a", "A", "", "a_2", "a", "column_3"]) == ["a", "A_3", "column_3_2", "a_2", "a_4", "column_3"]
    assert unique([]) == []


def test_totals() -> None:
    assert is_total([None, " ", "Total général", "5"], ["x", "TOTAL*"])
    assert not is_total(["a", "total"], ["TOTAL*"])
    assert not is_total([], ["*x"])


def test_batches_are_bounded() -> None:
    schema = text_schema(["a"])
    wide = [(["x" * 1_000_000], None)] * 40
    assert max(batch.nbytes for batch in text_batches(schema, wide)) < BATCH_BYTES * 1.2
    assert [batch.num_rows for batch in text_batches(schema, [(["x"], None)] * 25_000)] == [10_000, 10_000, 5_000]
