"""Rows of the last version, by their key, from its index: to decode its columns for a few rows takes much longer."""

import json

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines import index, profile
from pipelines.compare import by_key, row_hash
from pipelines.declarations import Dataset
from pipelines.increment.plan import GOOD, KEYS, LOOKED, Plan
from pipelines.sql import DUCKDB, identifier, quote
from pipelines.versions import Version

TOLD = "beffroi_told"
"""Rows as the index tells them."""


def touched(cursor: duckdb.DuckDBPyConnection, dataset: Dataset, last: Version, plan: Plan) -> npt.NDArray[np.bool_]:
    """Tell of each row of GOOD, in the order of the key, and each column, whether it has another value than it had.

    Of a row that the last version has not, all are others, and of one whose hash there is not that of what the index
    tells. Raises duckdb.Error, lmdb.Error.
    """
    came = cursor.execute(f"SELECT {_text(dataset)} FROM {GOOD} {by_key(dataset)}").fetchall()
    before = index.rows(last, [text for (text,) in came])
    there = np.array([row is not None for row in before], dtype=bool) & plan.good["beffroi_at"].is_valid().to_numpy()
    told = pa.array(before, pa.binary()).cast(pa.string()).filter(pa.array(there))
    cursor.register(TOLD, pa.table({"told": told}))
    typed = f"SELECT unnest(from_json_strict(told, {_form(dataset)})) FROM {TOLD}"
    old: pa.Table = cursor.sql(f"SELECT *, {row_hash(dataset)} AS beffroi_hash FROM ({typed})").to_arrow_table()
    cursor.unregister(TOLD)
    at = plan.good["beffroi_at"].to_numpy()[there].astype(np.int64)
    unlike = old["beffroi_hash"].to_numpy() != plan.hashes[at]
    new, other = plan.good.filter(pa.array(there)), np.ones((len(before), len(dataset.columns)), dtype=bool)
    for number, column in enumerate(dataset.columns):
        other[there, number] = unlike | _others(old[column.name], new[column.name])
    return other


def _others(old: pa.ChunkedArray, new: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Tell of each of two values whether they are not the same; nought has one sign, since what is cleaned has no other."""
    same = pc.or_(pc.fill_null(pc.equal(old, new), fill_value=False), pc.and_(pc.is_null(old), pc.is_null(new)))
    told: npt.NDArray[np.bool_] = same.to_numpy()
    return ~told


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
    stay = f"(SELECT {keys} FROM {LOOKED} WHERE {some}) ANTI JOIN {KEYS} USING ({keys})"
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
