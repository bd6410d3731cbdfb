"""Rows of the last version, by their key, from its index: to decode its columns for a few rows takes much longer."""

import json

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines import index, profile
from pipelines.compare import HASHES, by_key, row_hash
from pipelines.declarations import Dataset
from pipelines.increment.plan import GOOD, KEYS, Plan
from pipelines.sql import DUCKDB, identifier, quote
from pipelines.versions import Version

TOLD = "beffroi_told"
"""Rows as the index tells them."""


def touched(cursor: duckdb.DuckDBPyConnection, dataset: Dataset, last: Version, plan: Plan) -> npt.NDArray[np.bool_]:
    """Tell of each row of GOOD, in the order of the key, and each column, whether it has another value than it had.

    Of a row that the last version has not, all are others, and of one whose hash there is not that of what the index
    tells. Raises duckdb.Error, lmdb.Error.
    """
    said = f"{_text(dataset)}, {index.told_in_json(dataset)}"
    came: pa.Table = cursor.sql(f"SELECT {said} FROM {GOOD} {by_key(dataset)}").to_arrow_table()
    before = index.rows(last, came[0].to_pylist())
    there = np.array([row is not None for row in before], dtype=bool) & plan.good["beffroi_at"].is_valid().to_numpy()
    rows = pa.table({"old": pa.array(before, pa.binary()).cast(pa.string()), "new": came[1]}).filter(pa.array(there))
    paths = ", ".join(quote(f'$."{column.name}"') for column in dataset.columns)
    cursor.register(TOLD, rows)
    texts: pa.Table = cursor.sql(
        f"SELECT json_extract_string(old, [{paths}]), json_extract_string(new, [{paths}]) FROM {TOLD}"
    ).to_arrow_table()
    typed = f"SELECT unnest(from_json_strict(old, {_form(dataset)})) FROM {TOLD}"
    told = cursor.sql(f"SELECT {row_hash(dataset)} FROM ({typed})").to_arrow_table()[0].to_numpy()
    cursor.unregister(TOLD)
    old, new = (texts[number].combine_chunks().flatten() for number in range(2))
    same = pc.or_(pc.fill_null(pc.equal(old, new), fill_value=False), pc.and_(pc.is_null(old), pc.is_null(new)))
    other = np.ones((len(before), len(dataset.columns)), dtype=bool)
    at = plan.good["beffroi_at"].to_numpy()[there].astype(np.int64)
    unlike = told != pq.read_table(last.folder / HASHES)["beffroi_hash"].to_numpy()[at]
    other[there] = ~same.to_numpy(zero_copy_only=False).reshape(-1, len(dataset.columns)) | unlike[:, np.newaxis]
    return other


def sample(
    cursor: duckdb.DuckDBPyConnection,
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    last: Version,
    plan: Plan,
) -> None:
    """Make on `connection` the sample of the new version's rows that its profile is estimated from.

    It is made of the rows that came, and those of the last version that stay. Raises duckdb.Error, lmdb.Error.
    """
    keys, rows = ", ".join(map(identifier, dataset.key)), len(plan.order)
    some = profile.sampled(dataset, rows)
    stay = f"(SELECT {keys} FROM read_parquet({quote(str(last.parquet))}) WHERE {some}) ANTI JOIN {KEYS} USING ({keys})"
    texts = cursor.execute(f"SELECT {_text(dataset)} FROM {stay}").fetchall()
    told = pa.array(index.rows(last, [text for (text,) in texts]), pa.binary()).cast(pa.string())
    names = [column.name for column in dataset.columns]
    columns = ", ".join(map(identifier, names))
    connection.register(TOLD, pa.table({"told": told}))
    connection.register(GOOD, plan.good.select(names))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {profile.SAMPLED} AS SELECT {columns} FROM {GOOD} WHERE {some} UNION ALL"
        f" SELECT {columns} FROM (SELECT unnest(from_json_strict(told, {_form(dataset)})) FROM {TOLD})"
    )
    connection.unregister(TOLD)
    connection.unregister(GOOD)


def _form(dataset: Dataset) -> str:
    """Return the types of a row's columns, as the engine reads them from JSON."""
    return quote(json.dumps({column.name: DUCKDB[column.type] for column in dataset.columns}))


def _text(dataset: Dataset) -> str:
    return index.key_sql(dataset.key, "", index.moments(dataset))
