"""JSON and NDJSON files: a row is an object, a column one of the keys that objects have, whichever has it first.

A file is read twice: for its columns, then for its rows. Nothing is taken of a file that is not JSON to its end.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa

from connectors.errors import Misconfigured, Unreadable
from connectors.files.json_text import Item, items, lines, parsed, text_of
from connectors.files.reading import reserved, text_batches, text_schema, unique
from connectors.files.settings import TableSettings

MAX_COLUMNS = 10_000


def read(file: Path, name: str, settings: TableSettings, registry: str) -> pa.RecordBatchReader:
    """Return the table of a JSON file: the list at `rows`, or the file itself. Raises Unreadable and Misconfigured."""
    if settings.rows is not None:
        _held_to_path(settings.rows, registry)
    return _table(partial(items, file, settings.rows, name, registry), name, registry)


def read_lines(file: Path, name: str, settings: TableSettings, registry: str) -> pa.RecordBatchReader:  # noqa: ARG001 - a reader's signature
    """Return the table of a file of one object per line. Raises Unreadable."""
    return _table(partial(lines, file, name, registry), name, registry)


def _held_to_path(rows: str, registry: str) -> None:
    try:
        parsed(rows)
    except ValueError as error:
        raise Misconfigured(f"{registry}: rows: {rows}: {error}", registry=registry) from None


def _table(every: Callable[[], Iterator[Item]], name: str, registry: str) -> pa.RecordBatchReader:
    keys = columns_of((item.value for item in every() if isinstance(item.value, dict)), name, registry)
    reserved(keys, name, registry)
    schema = text_schema(unique(keys))
    rows = ((*_row(item, keys),) for item in every())
    return pa.RecordBatchReader.from_batches(schema, text_batches(schema, rows))


def columns_of(objects: Iterable[Iterable[str]], name: str, registry: str) -> list[str]:
    """Return the keys of objects, each once, in the order in which they come. Raises Unreadable where they are too many."""
    keys = dict[str, None]()
    for each in objects:
        keys.update(dict.fromkeys(each))
        if len(keys) > MAX_COLUMNS:
            raise Unreadable(
                f"{registry}: {name} has rows of more than {MAX_COLUMNS:,} different keys", registry=registry
            )
    return list(keys)


def _row(item: Item, keys: list[str]) -> tuple[list[str | None], str | None]:
    if not isinstance(item.value, dict):
        return [None] * len(keys), f"{item.place}: no object"
    cells = [text_of(item.value.get(key)) for key in keys]
    return cells, f"{item.place}: a key twice in one object" if item.doubled else None
