"""A small workspace to run pipelines in: its sources are Parquet files, read through the real `files` registry."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import lmdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.run import Report, run
from pipelines.versions import Version, latest
from pipelines.workspace import Workspace

CONFIGURATION = """\
title: Test
registries:
  source: {kind: files, path: source}
organisations:
  ville: {title: Ville}
"""

SHOPS = """\
title: Shops
owner: ville
audience: open
licence: Licence Ouverte 2.0
source: {registry: source, table: shops}
schema:
  fields:
    - {name: id, title: Number}
    - {name: name, title: Name, description: As on the sign}
    - {name: workers, title: Workers, type: integer, constraints: {minimum: 0}}
    - {name: opened, title: Opened, type: date}
  primaryKey: id
clean:
  name: {steps: [squeeze]}
  opened: {steps: [trim, date]}
"""


class Bench:
    """A workspace folder, and what tests do with it again and again."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "datasets").mkdir(parents=True)
        (root / "source").mkdir()
        self.write("beffroi.yaml", CONFIGURATION)

    def write(self, path: str, text: str | bytes) -> Path:
        """Write a file of the workspace."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def source(
        self, table: str, rows: list[dict[str, Any]] | pa.Table, types: dict[str, pa.DataType] | None = None
    ) -> Path:
        """Write a source table; columns are text unless `types` says otherwise."""
        types = types or {}
        if not isinstance(rows, pa.Table):
            names = list(dict.fromkeys([name for row in rows for name in row] + list(types)))
            schema = pa.schema([pa.field(name, types.get(name, pa.string())) for name in names])
            rows = pa.Table.from_pylist(rows, schema=schema)
        path = self.root / "source" / f"{table}.parquet"
        pq.write_table(rows, path)
        return path

    def shops(self, *rows: tuple[Any, Any, Any, Any], declaration: str = SHOPS) -> None:
        """Write the dataset `shops` and its source: rows of id, name, workers, opened, all text."""
        names = ("id", "name", "workers", "opened")
        types = {name: pa.string() for name in names}
        self.source("shops", [dict(zip(names, row, strict=True)) for row in rows], types)
        self.write("datasets/shops.yaml", declaration)

    @property
    def workspace(self) -> Workspace:
        """Load the workspace anew, as every command does."""
        return Workspace(self.root)

    def run(self, name: str = "shops") -> Report:
        return run(self.workspace, name)

    def latest(self, name: str = "shops") -> Version:
        version = latest(self.workspace, name)
        assert version is not None, f"{name} has no version"
        return version

    def rows(self, name: str = "shops") -> list[dict[str, Any]]:
        """Return the rows of the latest version."""
        return read(self.latest(name).parquet)

    def column(
        self, kind: str, values: list[Any], steps: str = "[]", arrow: pa.DataType | None = None, constraints: str = "{}"
    ) -> tuple[list[Any], list[str]]:
        """Run a dataset of one column besides its key; return the values that came out, and the rules that refused."""
        numbers = pa.array(range(len(values)), pa.int64())
        table = pa.table({"id": numbers, "x": pa.array(values, arrow or pa.string())})
        self.source("one", table)
        self.write(
            "datasets/one.yaml",
            "title: One\nowner: ville\naudience: owner\nsource: {registry: source, table: one}\n"
            "schema:\n  fields:\n    - {name: id, type: integer}\n"
            f"    - {{name: x, type: {kind}, constraints: {constraints}}}\n  primaryKey: id\n"
            f"clean:\n  x: {{steps: {steps}}}\nexpect: {{refused: {{max: 1}}}}\n",
        )
        self.run("one")
        found = {row["id"]: row["x"] for row in self.rows("one")}
        refused = read(self.latest("one").folder / "quarantine.parquet")
        rules = [failure["rule"] for row in refused for failure in row["failures"]]
        return [found[number] for number in sorted(found)], rules


def read(parquet: Path) -> list[dict[str, Any]]:
    """Return the rows of a Parquet file."""
    rows: list[dict[str, Any]] = pq.read_table(parquet).to_pylist()
    return rows


def indexed(version: Version) -> dict[bytes, bytes]:
    """Return the entries of a version's key index, put together from its files."""
    found: dict[bytes, bytes] = {}
    for file in reversed(version.index):
        with tempfile.NamedTemporaryFile() as copy:  # the file itself may be open
            shutil.copyfile(file, copy.name)
            with lmdb.open(copy.name, readonly=True, subdir=False, lock=False) as opened, opened.begin() as entries:
                found |= dict(entries.cursor())
    return {key: row for key, row in found.items() if row}


def query(sql: str, database: str = ":memory:") -> list[tuple[Any, ...]]:
    """Ask DuckDB as an analyst would: with an ordinary client."""
    with duckdb.connect(database, read_only=database != ":memory:") as connection:
        return connection.execute(sql).fetchall()
