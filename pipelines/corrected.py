"""Rows judged as a person corrected them, in the place of the refused rows that they correct.

They are judged by the same rules as every row, on a cursor of their own, and go back to where they stand in the table
of the run. What they are as the source has them stays beside them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from connectors.registry import FAULT
from pipelines import corrections, several
from pipelines.corrections import Correction
from pipelines.declarations import Dataset, Source
from pipelines.judge import JUDGED, PLACE, RAW, ROWS, SOURCE, Judged, judge
from pipelines.lineage import CORRECTED
from pipelines.needed import Needed
from pipelines.raw import Raw
from pipelines.rules import WIDTH, Rule, Rules, has, mask, several_rows
from pipelines.runs import Job
from pipelines.sql import identifier
from pipelines.stage import Staged

_MENDED, _SAID = "beffroi_mended", "beffroi_said"


@dataclass(frozen=True)
class _Mended(Raw):
    """Rows of an input as they are after correction: a table of the engine, which numbers them by `beffroi_row`."""

    def relation(self, place: str | None) -> str:
        number = f"beffroi_row AS {place}, " if place else ""
        return f"(SELECT {number}* EXCLUDE (beffroi_row) FROM {_MENDED} ORDER BY beffroi_row)"


def apply(job: Job, judged: Judged, needed: Needed) -> int:
    """Judge each refused row that has a correction as it is with it; return how many there are.

    Called when all rules have been held; holds those that ask several rows anew. Leaves the table CORRECTED, which
    is empty where there is none. Raises Unavailable where the corrections cannot be read.
    """
    connection, dataset = job.connection, job.dataset
    connection.execute(f"CREATE TEMP TABLE {CORRECTED} (source USMALLINT, place BIGINT, raw_sha256 VARCHAR)")
    known = corrections.load(job.workspace, dataset.name)
    positions = {source.name: position for position, source in enumerate(dataset.inputs)}
    known = [each for each in known if each.source in positions]
    if not known:
        return 0
    connection.register(_SAID, _keys(known, positions))
    corrected = 0
    while found := _found(connection, judged):  # a row that passes now may refuse another, which has a correction too
        corrected += len(found)
        for position in sorted({position for _, position, _, _ in found}):
            rows = [(row, place, digest) for row, source, place, digest in found if source == position]
            _put(connection, dataset, judged, needed, position, rows, known)
        _forget(connection, dataset, judged)
        several.hold(connection, dataset, judged, needed)
    connection.unregister(_SAID)
    return corrected


def _keys(known: Sequence[Correction], positions: dict[str, int]) -> pa.Table:
    sources = pa.array([positions[each.source] for each in known], pa.uint16())
    return pa.table({"source": sources, "raw_sha256": [each.raw_sha256 for each in known]})


def _found(connection: duckdb.DuckDBPyConnection, judged: Judged) -> list[tuple[int, int, int, str]]:
    """Return row, source, place and digest of the refused rows that are to be judged as corrected, and note them."""
    refused = f"SELECT beffroi_row, {SOURCE} AS source, {PLACE} AS place, sha256({RAW}) AS raw_sha256 FROM {JUDGED}"
    found: list[tuple[int, int, int, str]] = connection.execute(
        f"FROM ({refused} WHERE {judged.rules.refused}) SEMI JOIN {_SAID} USING (source, raw_sha256)"
        f" ANTI JOIN {CORRECTED} USING (source, place) ORDER BY source, place"
    ).fetchall()
    if found:
        connection.executemany(f"INSERT INTO {CORRECTED} VALUES (?, ?, ?)", [each[1:] for each in found])
    return found


def _forget(connection: duckdb.DuckDBPyConnection, dataset: Dataset, judged: Judged) -> None:
    """Take back what was said of rows because of others: these may be other ones now."""
    for late in several_rows(dataset):
        bit = judged.rules.bit(*late)
        name = mask(bit // WIDTH)
        connection.execute(f"UPDATE {ROWS} SET {name} = {name} - {1 << bit % WIDTH} WHERE {has(bit)}")


def _put(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, judged: Judged, needed: Needed, position: int,
    rows: Sequence[tuple[int, int, str]], known: Iterable[Correction],
) -> None:  # fmt: skip
    """Put rows of one input, as they are after correction, into the table of the run."""
    source = dataset.inputs[position]
    said = {each.raw_sha256: each.values for each in known if each.source == source.name}
    with connection.cursor() as cursor:
        cursor.execute("SET TimeZone = 'UTC'")
        wanted = [(row, place, said[digest]) for row, place, digest in rows]
        again = mended(cursor, dataset, source, judged.raws[position], wanted, needed)
        numbers = ", ".join(mask(number) for number in range(again.rules.masks))
        columns = ", ".join(identifier(column.name) for column in dataset.columns)
        table: pa.Table = cursor.sql(f"SELECT {PLACE} AS beffroi_number, {columns} FROM {ROWS}").to_arrow_table()
        masks = cursor.execute(f"SELECT {numbers} FROM {ROWS}").fetchall()
    for number, values in enumerate(_carried(again.rules, judged.rules, masks)):
        table = table.append_column(mask(number), pa.array(values, pa.int64()))
    names = [*(identifier(column.name) for column in dataset.columns), *map(mask, range(judged.rules.masks))]
    connection.register(_MENDED, table)
    connection.execute(
        f"UPDATE {ROWS} SET {', '.join(f'{name} = {_MENDED}.{name}' for name in names)}, {FAULT} = NULL"
        f" FROM {_MENDED} WHERE {ROWS}.rowid = {_MENDED}.beffroi_number"
    )
    connection.unregister(_MENDED)


def mended(
    cursor: duckdb.DuckDBPyConnection, dataset: Dataset, source: Source, raw: Raw,
    wanted: Sequence[tuple[int, int, dict[str, str | None]]], needed: Needed,
) -> Judged:  # fmt: skip
    """Judge rows of an input, each with values of its own put into its columns, on an engine where nothing else is.

    `wanted` has the number that a row is to have there, its place in the input, and the values. A value that is none of
    its column's type is not put. Leaves ROWS and the view JUDGED. Raises what `judge` raises.
    """
    columns = sorted({name for _, _, values in wanted for name in values})
    types = {
        str(name): str(kind) for name, kind, *_ in cursor.execute(f"DESCRIBE FROM {raw.relation(None)}").fetchall()
    }
    given: dict[str, pa.Array] = {
        "beffroi_row": pa.array([row for row, _, _ in wanted], pa.int64()),
        PLACE: pa.array([place for _, place, _ in wanted], pa.int64()),
    }
    replaced = [f"NULL::VARCHAR AS {FAULT}"] if FAULT in types and columns else []
    for number, name in enumerate(column for column in columns if column in types):
        given[f"beffroi_has_{number}"] = pa.array([name in values for _, _, values in wanted], pa.bool_())
        given[f"beffroi_value_{number}"] = pa.array([values.get(name) for _, _, values in wanted], pa.string())
        value, before = f"beffroi_value_{number}", f"layer.{identifier(name)}"
        cast = f"coalesce(TRY_CAST({value} AS {types[name]}), CASE WHEN {value} IS NOT NULL THEN {before} END)"
        replaced.append(f"CASE WHEN beffroi_has_{number} THEN {cast} ELSE {before} END AS {identifier(name)}")
    put = f"REPLACE ({', '.join(replaced)})" if replaced else ""
    cursor.register(_SAID, pa.table(given))
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {_MENDED} AS SELECT beffroi_row, layer.* EXCLUDE ({PLACE}) {put}"
        f" FROM {raw.relation(PLACE)} layer JOIN {_SAID} USING ({PLACE})"
    )
    cursor.unregister(_SAID)
    return judge(cursor, dataset, [Staged(source, _Mended(source.name, raw.path))], needed, numbered=True)


def _carried(theirs: Rules, ours: Rules, masks: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the masks of rows that were judged by one set of rules as those of another, one list for each mask."""
    found: list[list[int]] = [[] for _ in range(ours.masks)]
    for row in masks:
        bits = [ours.bit(rule.column, rule.rule, rule.reason) for rule in broken(theirs, row)]
        for number, values in enumerate(found):
            values.append(sum(1 << bit % WIDTH for bit in bits if bit // WIDTH == number))
    return found


def broken(rules: Rules, masks: Sequence[int]) -> list[Rule]:
    """Return the rules that the masks of a row say it breaks."""
    return [rule for bit, rule in enumerate(rules.listed) if masks[bit // WIDTH] >> bit % WIDTH & 1]
