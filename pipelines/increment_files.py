"""The files of a version that is the last one with some rows changed: what is the same is taken over as it stands."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines import compare, lineage
from pipelines.declarations import Dataset
from pipelines.increment_plan import GOOD, REFUSED, Numbers, Plan
from pipelines.sql import identifier, quote
from pipelines.versions import Version

CHUNK = 1 << 24
"""Bytes of a CSV that are looked through at a time."""

COPIED = ("duplicates.parquet", "conflicts.parquet", "corrected.parquet")
"""Evidence of which there is none, in the last version as in this one."""


def parquet(last: Version, plan: Plan, dataset: Dataset, file: Path, row_group: int) -> None:
    """Write the rows of a plan to a Parquet file, one row group of the last version after the other."""
    with pq.ParquetFile(last.parquet) as before:
        schema, start = before.schema_arrow, 0
        good = plan.good.select([column.name for column in dataset.columns]).cast(schema).combine_chunks()
        options = {"compression": "zstd", "compression_level": 1, "use_dictionary": False}
        with pq.ParquetWriter(file, schema, **options) as writer:
            for group in range(before.num_row_groups):
                size = before.metadata.row_group(group).num_rows
                ends = start + size if group < before.num_row_groups - 1 else plan.size + 1
                first, after = (int(np.searchsorted(plan.anchors, each)) for each in (start, ends))
                if after > first:
                    rows = _group(before.read_row_group(group), start, plan, plan.order[first:after], good)
                    writer.write_table(rows, row_group)
                start += size


def _group(table: pa.Table, start: int, plan: Plan, order: Numbers, good: pa.Table) -> pa.Table:
    """Return the rows of one row group, which begins at `start`, as they are now."""
    came = np.flatnonzero(order >= plan.size)
    if not len(came) and len(order) == len(table):
        return table
    if len(came):
        first = int(order[came[0]]) - plan.size
        ours = good.slice(first, len(came))
    else:
        first, ours = 0, good.slice(0, 0)
    if len(order) == len(table) and bool(np.all(np.diff(plan_of(order, plan)) >= 0)) and _in_place(order, plan, start):
        mask = pa.array(order >= plan.size)
        columns = [
            column
            if (new := ours.column(number)).equals(column.filter(mask))
            else pc.replace_with_mask(column.combine_chunks(), mask, new.combine_chunks())
            for number, column in enumerate(table.columns)
        ]
        return pa.Table.from_arrays(columns, schema=table.schema)
    local = np.where(order < plan.size, order - start, len(table) + order - plan.size - first)
    return pa.concat_tables([table, ours]).combine_chunks().take(pa.array(local))
