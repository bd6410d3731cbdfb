"""The faces of a version beside its Parquet, made from that Parquet alone: CSV, indexes, and those of a geometry."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pipelines import by_column, faces_geometry, geometry, index
from pipelines.declarations import Dataset
from pipelines.sql import identifier, quote
from pipelines.versions import Version, index_in
from pipelines.workspace import Workspace

MEMORY = "480MB"
"""What the engine that makes them holds in memory before it spills to disk."""


def kinds(dataset: Dataset) -> tuple[str, ...]:
    """Return the extensions of the files that a version of a dataset has, besides its name."""
    return ("parquet", "csv", *(("geojson", "geo.parquet") if geometry.of(dataset.columns) else ()))


def path(version: Version, kind: str) -> Path:
    """Return where a version's file of that kind stands."""
    return version.parquet if kind == "parquet" else version.folder / f"{version.dataset}.{kind}"


def build(workspace: Workspace, dataset: Dataset, parquet: Path, folder: Path) -> None:
    """Make the faces of the version in `parquet` in `folder`, which is there; the CSV last, so that none is missing where it is.

    Values of a list are joined by a bar in the CSV. Raises duckdb.Error, lmdb.Error, pyarrow.ArrowException, OSError.
    """
    columns = ", ".join(
        f"array_to_string({identifier(c.name)}, '|') AS {identifier(c.name)}"
        if c.type == "array"
        else identifier(c.name)
        for c in dataset.columns
    )
    source, csv = quote(str(parquet)), quote(str(path_in(folder, dataset, "csv")))
    with _engine(workspace, dataset) as connection:
        if geometry.of(dataset.columns):
            faces_geometry.geojson(connection, dataset, parquet, path_in(folder, dataset, "geojson"))
            faces_geometry.geoparquet(dataset, parquet, path_in(folder, dataset, "geo.parquet"))
        if not all(file.is_file() for file in index_in(folder)):  # a run may have made it from the last version's
            index.build(connection, parquet, dataset, folder)
        by_column.build(connection, dataset, parquet, folder)
        connection.execute(f"COPY (SELECT {columns} FROM read_parquet({source})) TO {csv} (FORMAT csv, HEADER)")


def renew(workspace: Workspace, dataset: Dataset, parquet: Path, folder: Path) -> None:
    """Have the index by columns of a version be what `index:` says; whoever reads meanwhile has the old one, or none.

    Nothing happens where it is. Raises duckdb.Error, pyarrow.ArrowException, OSError.
    """
    if not by_column.is_of(dataset, parquet, folder):
        with _engine(workspace, dataset) as connection:
            by_column.build(connection, dataset, parquet, folder)


@contextmanager
def _engine(workspace: Workspace, dataset: Dataset) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the database that makes faces, which spills to the workspace."""
    spill = workspace.state / "spill" / f"faces-{dataset.name}"
    spill.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"temp_directory": str(spill), "memory_limit": MEMORY}) as connection:
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        finally:
            shutil.rmtree(spill, ignore_errors=True)


def path_in(folder: Path, dataset: Dataset, kind: str) -> Path:
    """Return where the file of that kind stands in a version's folder."""
    return folder / f"{dataset.name}.{kind}"
