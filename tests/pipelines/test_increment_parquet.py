"""A Parquet file put together from another one's column chunks and rows that came: any reader finds just the rows."""

import datetime as dt
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, QueryBuilder, convert_to_deltalake
from hypothesis import given
from hypothesis import strategies as st

from connectors.columns import arrow_schema
from pipelines.declarations import Dataset
from pipelines.increment import footers, parquet
from pipelines.increment.plan import Plan
from tests.effort import some
from tests.files.engine import database

FIELDS = {"id": "integer", "word": "string", "number": "number", "yes": "boolean", "day": "date", "moment": "datetime"}
DATASET = Dataset.model_validate(
    {"title": "T", "owner": "ville", "audience": "owner", "source": {"registry": "r"}, "name": "t",
     "schema": {"fields": [{"name": name, "type": kind} for name, kind in FIELDS.items()], "primaryKey": "id"}}
)  # fmt: skip
SCHEMA = arrow_schema(DATASET.columns)
MOMENT = dt.datetime(2026, 1, 1, 12, 30, 1, 5, dt.UTC)
VALUES = {
    "word": st.sampled_from(["", "é", "a" * 300, "\U0001f600", "a\x00b"]), "number": st.sampled_from([0.1, -0.0, 1e300]),
    "yes": st.booleans(), "day": st.just(dt.date(1900, 1, 1)), "moment": st.just(MOMENT),
}  # fmt: skip
FULL, SOME = (
    st.fixed_dictionaries({name: values | st.none() if may_lack else values for name, values in VALUES.items()})
    for may_lack in (False, True)
)
Rows = dict[int, dict[str, Any]]


def table(rows: Rows) -> pa.Table:
    return pa.Table.from_pylist([{"id": key, **rows[key]} for key in sorted(rows)], SCHEMA)


def as_the_engine_writes(file: Path, rows: pa.Table, group: int) -> None:
    """Write a file as a whole run does: a column without a missing value is required, one of few has a dictionary."""
    with database().cursor() as connection:
        connection.register("given", rows)
        connection.execute("CREATE TEMP TABLE rows AS FROM given")
        connection.execute(f"COPY rows TO '{file}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {group})")


def planned(before: Rows, came: Rows, gone: set[int]) -> tuple[Plan, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Return what becomes of the rows, and which values are others, as a run finds it by its SQL."""
    old, new = sorted(before), sorted(came)
    stay = [at for at, key in enumerate(old) if key not in came and key not in gone]
    rows = [(old[at], at, at) for at in stay]
    rows += [(key, len(old) + n, sum(each < key for each in old)) for n, key in enumerate(new)]
    rows.sort()
    touched = [[key not in before or before[key][name] != came[key][name] for name in VALUES] for key in new]
    other = np.array([[key not in before] for key in new]).reshape(-1, 1)
    order, anchors = (np.array([row[at] for row in rows], dtype=np.int64) for at in (1, 2))
    touched_all = np.hstack([other, np.array(touched, dtype=bool).reshape(-1, len(VALUES))])
    return Plan(len(old), order, anchors, table(came), np.zeros(len(old), dtype=np.uint64)), touched_all


@pytest.mark.soak
@some(30)
@given(
    st.dictionaries(st.integers(0, 40), FULL, min_size=1) | st.dictionaries(st.integers(0, 40), SOME, min_size=1),
    st.lists(st.tuples(st.dictionaries(st.integers(0, 44), FULL | SOME, max_size=4), st.sets(st.integers(0, 40)))),
    st.sampled_from([2048, 7]),
)
def test_the_file_has_the_rows_that_it_is_to_have(
    tmp_path: Path, rows: Rows, steps: list[tuple[Rows, set[int]]], group: int
) -> None:
    file = tmp_path / "0.parquet"
    if group == 7:
        pq.write_table(table(rows), file, row_group_size=group)
    else:
        as_the_engine_writes(file, table(rows), group)
    for number, (came, gone) in enumerate(steps, 1):
        plan, touched = planned(rows, came, gone)
        rows = {key: row for key, row in rows.items() if key not in gone} | came
        if not rows:
            break
        before, file = file, tmp_path / f"{number}.parquet"
        parquet.write(before, plan, touched, DATASET, file, 9)
        held(file, table(rows))


def held(file: Path, rows: pa.Table) -> None:
    """Hold that two readers that know nothing of each other find the rows, and that the statistics are theirs."""
    assert pq.read_table(file).cast(SCHEMA).equals(rows)
    assert pq.read_metadata(file).num_rows == len(rows)
    with database().cursor() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found: pa.Table = connection.sql(f"FROM read_parquet('{file}')").to_arrow_table()
        assert found.cast(SCHEMA).equals(rows)
        for key in (rows["id"][0].as_py(), rows["id"][-1].as_py()):
            query = f"SELECT count(*) FROM read_parquet('{file}') WHERE id = {key}"
            assert connection.execute(query).fetchall() == [(1,)]


def test_what_stays_is_copied_and_not_encoded_anew(tmp_path: Path) -> None:
    rows: Rows = {
        key: {"word": f"w{key}", "number": 0.5, "yes": True, "day": None, "moment": None} for key in range(20)
    }
    pq.write_table(table(rows), tmp_path / "a.parquet", row_group_size=10, compression="snappy")
    plan, touched = planned(rows, {3: rows[3] | {"word": "other"}}, set())
    parquet.write(tmp_path / "a.parquet", plan, touched, DATASET, tmp_path / "b.parquet", 10)
    made = pq.read_metadata(tmp_path / "b.parquet")
    by = [[made.row_group(group).column(at).compression for at in range(len(FIELDS))] for group in range(2)]
    assert by == [["SNAPPY", "ZSTD", *["SNAPPY"] * 4], ["SNAPPY"] * 6]
    held(tmp_path / "b.parquet", table(rows | {3: rows[3] | {"word": "other"}}))


def test_a_row_group_without_rows_is_left_out(tmp_path: Path) -> None:
    rows: Rows = {key: {"word": "w", "number": 0.5, "yes": True, "day": None, "moment": None} for key in range(30)}
    pq.write_table(table(rows), tmp_path / "a.parquet", row_group_size=10)
    plan, touched = planned(rows, {}, set(range(10, 20)))
    parquet.write(tmp_path / "a.parquet", plan, touched, DATASET, tmp_path / "b.parquet", 10)
    assert pq.read_metadata(tmp_path / "b.parquet").num_row_groups == 2
    held(tmp_path / "b.parquet", table({key: row for key, row in rows.items() if not 10 <= key < 20}))


def test_rows_put_between_others_leave_no_small_row_groups(tmp_path: Path) -> None:
    same = {"word": "w", "number": 0.5, "yes": True, "day": None, "moment": None}
    rows: Rows = dict.fromkeys(range(0, 4000, 100), same)
    file = tmp_path / "0.parquet"
    pq.write_table(table(rows), file, row_group_size=10)
    for step in range(1, 60):
        came = dict.fromkeys({(step * 37 + at) % 4000 for at in (0, 1000, 2000, 3000)} - rows.keys(), same)
        plan, touched = planned(rows, came, set())
        rows, before, file = rows | came, file, tmp_path / f"{step}.parquet"
        parquet.write(before, plan, touched, DATASET, file, 10)
        held(file, table(rows))
        about = pq.read_metadata(file)
        sizes = [about.row_group(group).num_rows for group in range(about.num_row_groups)]
        assert min(sizes[:-1]) >= 5, sizes
        assert max(sizes) <= 10, sizes


def test_rows_put_at_the_end_fill_row_groups(tmp_path: Path) -> None:
    same = {"word": "w", "number": 0.5, "yes": True, "day": None, "moment": None}
    rows: Rows = dict.fromkeys(range(15), same)
    file = tmp_path / "0.parquet"
    pq.write_table(table(rows), file, row_group_size=10)
    for step in range(15, 45):
        plan, touched = planned(rows, {step: same}, set())
        rows, before, file = rows | {step: same}, file, tmp_path / f"{step}.parquet"
        parquet.write(before, plan, touched, DATASET, file, 10)
    about = pq.read_metadata(file)
    assert [about.row_group(group).num_rows for group in range(about.num_row_groups)] == [10, 10, 10, 10, 5]
    held(file, table(rows))


def footer(data: bytes) -> bytes:
    return data[-8 - int.from_bytes(data[-8:-4], "little") : -8]


@some(20)
@given(st.integers(1, 40), st.integers(0, 300), st.sampled_from([pa.int64(), pa.string(), pa.float64(), pa.bool_()]))
def test_a_footer_is_written_as_it_was_read(columns: int, rows: int, kind: pa.DataType) -> None:
    out = io.BytesIO()
    values = pa.array([None, *[None] * rows], kind)
    pq.write_table(pa.table({f"c{n}": values for n in range(columns)}), out, row_group_size=20, write_page_index=True)
    said = footer(out.getvalue())
    assert footers.written(footers.read(said)) == said


def test_numbers_of_every_size_are_written_as_they_were_read() -> None:
    numbers = [0, 1, -1, 63, 64, -64, -65, 2**31, -(2**31), 2**63 - 1, -(2**63)]
    said = {1: (footers.LIST, (footers.I64, numbers)), 40: (footers.DOUBLE, b"8 bytes!"), 41: (footers.TRUE, None)}
    assert footers.read(footers.written(said)) == said


@pytest.mark.parametrize("data", [b"", b"\x15", b"\x18\x7f", b"\x1b\x01", b"\x19\xfc\xff\xff\xff"])
def test_what_is_no_footer_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        footers.read(data)


def test_a_third_reader_finds_the_rows(tmp_path: Path) -> None:
    rows: Rows = {
        key: {"word": f"w{key}", "number": 0.5, "yes": True, "day": None, "moment": MOMENT} for key in range(20)
    }
    pq.write_table(table(rows), tmp_path / "first.parquet", row_group_size=10)
    came = {3: rows[3] | {"word": "other"}, 12: rows[12] | {"number": -1.5}}
    plan, touched = planned(rows, came, set())
    (tmp_path / "delta").mkdir()
    parquet.write(tmp_path / "first.parquet", plan, touched, DATASET, tmp_path / "delta" / "made.parquet", 10)
    convert_to_deltalake(tmp_path / "delta")
    delta = QueryBuilder().register("rows", DeltaTable(tmp_path / "delta"))
    found = delta.execute("SELECT * FROM rows ORDER BY id").read_all()
    assert pa.table(found).cast(SCHEMA).equals(table(rows | came))
