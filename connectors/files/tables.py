"""One table of one file, or of several: these must have the same columns, and follow each other by their names."""

import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from connectors.errors import Misconfigured, Unreadable
from connectors.files import formats, parquet
from connectors.files.reading import Hold, LocalFile
from connectors.files.settings import TableSettings
from connectors.registry import FAULT, CsvFile, Scan, stamped


def table(files: Sequence[LocalFile], settings: TableSettings, hold: Hold, registry: str) -> Scan:
    """Return the table of files, which `hold` keeps until it is read or forgotten. Raises Unreadable and Misconfigured."""
    stamps = [stamped(file.path) for file in files]
    found = formats.read(files[0].path, files[0].name, settings, registry)
    alone = len(files) == 1 and settings.file_column is None
    if alone and isinstance(found, CsvFile):
        weakref.finalize(found, hold.close)
        return found
    if alone and isinstance(found, Path) and not hold.used:
        return found
    first = _rows(found, files[0], registry)
    schema = first.schema if alone else _with_fault(first.schema)
    whole = schema if settings.file_column is None else _with_file(schema, settings.file_column, registry)

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            for number, file in enumerate(files):
                each = (
                    _rows(formats.read(file.path, file.name, settings, registry), file, registry) if number else first
                )
                _must_agree(each.schema, schema, file.name, files[0].name, registry)
                with each:
                    fitted = (_fitted(batch, schema) for batch in each)
                    yield from fitted if alone else _placed(fitted, whole, file.name, told=len(files) > 1)
                if stamped(file.path) != stamps[number]:
                    raise Unreadable(f"{registry}: {file.name} changed while it was read", registry=registry)
        finally:
            hold.close()

    return pa.RecordBatchReader.from_batches(whole, batches())


def _with_fault(schema: pa.Schema) -> pa.Schema:
    return schema if FAULT in schema.names else schema.append(pa.field(FAULT, pa.string()))


def _with_file(schema: pa.Schema, column: str, registry: str) -> pa.Schema:
    if column.casefold() in {name.casefold() for name in schema.names}:
        raise Misconfigured(
            f"{registry}: the files have a column {column}: name another file_column:", registry=registry
        )
    return schema.insert(len(schema) - 1, pa.field(column, pa.string()))


def _placed(batches: Iterator[pa.RecordBatch], schema: pa.Schema, name: str, *, told: bool) -> Iterator[pa.RecordBatch]:
    """Yield batches of one file in which each row says where it stands, if the table has a column for it.

    With `told`, what is amiss in a row says so too: of the quarantine of several files it could not be known else.
    """
    row = 1
    for batch in batches:
        *columns, faults = batch.columns
        if told:
            faults = pc.binary_join_element_wise(pa.scalar(name), faults, ", ")
        if len(schema) > batch.num_columns:
            places = pa.array(range(row, row + batch.num_rows)).cast(pa.string())
            columns.append(pc.binary_join_element_wise(pa.scalar(name), places, ", row "))
        row += batch.num_rows
        yield pa.RecordBatch.from_arrays([*columns, faults], schema=schema)


def _rows(found: Scan, file: LocalFile, registry: str) -> pa.RecordBatchReader:
    if isinstance(found, Path):
        return parquet.batches(found, file.name, registry)
    return found.rows() if isinstance(found, CsvFile) else found


def _must_agree(schema: pa.Schema, first: pa.Schema, name: str, other: str, registry: str) -> None:
    """Raise Unreadable where a file has not the columns of the first.

    It tells their places and never their names: in a file that has lost its header these are a row of the table.
    """
    lacks = [str(at) for at, each in enumerate(first.names, 1) if each not in schema.names and each != FAULT]
    more = [str(at) for at, each in enumerate(schema.names, 1) if each not in first.names]
    if lacks or more:
        counts = [len(set(each.names) - {FAULT}) for each in (first, schema)]
        said = [f"it lacks column {_few(lacks)} of the {counts[0]} there"] * bool(lacks)
        said += [f"column {_few(more)} of its {counts[1]} is not there"] * bool(more)
        raise Unreadable(
            f"{registry}: {name} has other columns than {other}, with which it is one table: {', '.join(said)}; see"
            " whether each has its header, or give it a table of its own",
            registry=registry,
        )
    for place, field in enumerate(first, 1):
        if field.name in schema.names and schema.field(field.name).type != field.type:
            raise Unreadable(
                f"{registry}: column {place} of {other} is {field.type}, but {schema.field(field.name).type} in {name}",
                registry=registry,
            )


def _few(places: Sequence[str]) -> str:
    return ", ".join(places[:5]) + (", …" if len(places) > 5 else "")


def _fitted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch with its columns in the order of the table."""
    columns = [
        batch.column(field.name) if field.name in batch.schema.names else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
