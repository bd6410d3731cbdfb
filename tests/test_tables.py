"""Sources that are tables already: folders of Parquet files."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.errors import Misconfigured
from connectors.files import Files, FilesSettings


def test_a_file_is_looked_for_where_the_folder_is_there(tmp_path: Path) -> None:
    folder = Files("reference", FilesSettings(path="reference"), tmp_path)
    assert folder.check("communes") is None, "the folder may come later"
    assert folder.check(None) == "reference: say which table to read; the workspace has no folder reference"
    (tmp_path / "reference").mkdir()
    assert folder.check("communes") == "reference: no table communes; the folder reference has: no Parquet file"
    pq.write_table(pa.table({"a": [1]}), tmp_path / "reference" / "communes.parquet")
    assert folder.check("communes") is None


def test_a_table_is_the_file_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    pq.write_table(pa.table({"a": [1]}), tmp_path / "reference" / "communes.parquet")
    folder = Files("reference", FilesSettings(path="reference"), tmp_path)
    assert pq.read_table(folder.scan("communes")).to_pylist() == [{"a": 1}]
    for table in (
        None,
        "",
        ".",
        "..",
        "../reference/communes",
        "x/communes",
        "x\\communes",
        "/etc/passwd",
        "none",
        "a\0",
    ):
        with pytest.raises(Misconfigured, match="the folder reference has: communes"):
            folder.scan(table)
    with pytest.raises(Misconfigured, match="no folder missing"):
        Files("reference", FilesSettings(path="missing"), tmp_path).scan("communes")
