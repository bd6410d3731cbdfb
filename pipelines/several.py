"""What only several rows together tell: values that stand twice, and foreign keys to rows of other datasets.

Each is asked of the values alone; the rows that it refuses are fetched as they came only if there are any.
"""

from collections.abc import Sequence

import duckdb

from pipelines.declarations import Dataset
from pipelines.judge import JUDGED, PLACE, RAW, ROWS, SOURCE, Judged, raw_json
from pipelines.needed import Needed
from pipelines.rules import FAULT_BIT, UNIQUE, WIDTH, has, mask, several_rows, unknown
from pipelines.sql import identifier, quote


def hold(connection: duckdb.DuckDBPyConnection, dataset: Dataset, judged: Judged, needed: Needed) -> None:
    """Refuse the rows whose value stands in others and may not, or nowhere where it must."""
    alone = _good_alone(dataset, judged)
    for column in dataset.columns:
        if column.constraints.unique and dataset.key != (column.name,):
            bit = judged.rules.bit(column.name, "unique", UNIQUE)
            _refuse(connection, bit, _repeated(dataset.key, column.name, alone))
    for key in dataset.foreign_keys:
        file, value, target = (
            quote(needed.parquet(key.reference.resource)),
            identifier(key.column),
            identifier(key.target),
        )
        known = f"(SELECT {target} FROM read_parquet({file}) WHERE {target} IS NOT NULL)"
        bit = judged.rules.bit(key.column, "foreignKey", unknown(key))
        _refuse(connection, bit, f"{value} IS NOT NULL AND {value} NOT IN {known}")
    _fetch(connection, judged)


def _good_alone(dataset: Dataset, judged: Judged) -> str:
    """Return SQL: nothing is wrong with the row itself, whatever the others are."""
    late = [judged.rules.bit(*each) for each in several_rows(dataset)]
    masks = range(judged.rules.masks)
    ours = [sum(1 << bit % WIDTH for bit in late if bit // WIDTH == number) for number in masks]
    return " AND ".join(f"{mask(number)} & {~ours[number]} = 0" for number in masks)


def _repeated(key: Sequence[str], column: str, counted: str) -> str:
    """Return SQL: the value stands in rows of several keys, of those that are `counted`."""
    value = identifier(column)
    row = f"struct_pack({', '.join(f'k{number} := {identifier(name)}' for number, name in enumerate(key))})"
    rows = f"FROM {ROWS} WHERE {counted}"
    twice = f"SELECT {value} {rows} AND {value} IS NOT NULL GROUP BY {value} HAVING count(*) > 1"
    several = f"SELECT {value} {rows} AND {value} IN ({twice}) GROUP BY {value} HAVING min({row}) <> max({row})"
    return f"{value} IN ({several})"


def _refuse(connection: duckdb.DuckDBPyConnection, bit: int, condition: str) -> None:
    """Set a bit of the rows that meet a condition, but those that did not come whole: of these the fault is told."""
    name, value = mask(bit // WIDTH), 1 << bit % WIDTH
    connection.execute(
        f"UPDATE {ROWS} SET {name} = {name} | {value} WHERE rowid IN"
        f" (SELECT rowid FROM {ROWS} WHERE NOT ({has(FAULT_BIT)}) AND {condition})"
    )


def _fetch(connection: duckdb.DuckDBPyConnection, judged: Judged) -> None:
    """Fetch, as they came, the rows that were good until now, from the files where they stand."""
    late = f"FROM {JUDGED} WHERE ({judged.rules.refused}) AND {RAW} IS NULL"
    for (source,) in connection.execute(f"SELECT DISTINCT {SOURCE} {late}").fetchall():
        relation, raw = judged.raws[source].relation(PLACE), raw_json(judged.types[source], "layer")
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE beffroi_late AS SELECT beffroi_row AS beffroi_late_row, beffroi_late_raw FROM"
            f" (SELECT beffroi_row, {PLACE} {late} AND {SOURCE} = {source}) beffroi_wanted"
            f" JOIN (SELECT {PLACE}, {raw} AS beffroi_late_raw FROM {relation} layer) beffroi_came USING ({PLACE})"
        )
        connection.execute(
            f"UPDATE {ROWS} SET {RAW} = beffroi_late_raw FROM beffroi_late WHERE {ROWS}.rowid = beffroi_late_row"
        )
    connection.execute("DROP TABLE IF EXISTS beffroi_late")
