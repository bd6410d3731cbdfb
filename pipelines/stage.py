"""Staging: what the sources of a dataset give, brought into raw files that are kept, before anything is judged.

Of a table that is asked for what changed only (`Registry.increment`), the rows that came are put over those of the
last raw input: what a version is made of is the whole table, each time.
"""

import dataclasses
import hashlib
import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.errors import Misconfigured, RunFailed, Unreadable
from connectors.guard import ended
from connectors.registry import CsvFile, Increment, Registry, Scan, Stamp, stamped
from pipelines import raw as raws
from pipelines import versions
from pipelines.declarations import Dataset, Source
from pipelines.increment import raw as increment_raw
from pipelines.needed import held
from pipelines.raw import Raw
from pipelines.sql import quote
from pipelines.workspace import Workspace

T = TypeVar("T")

RAW = {"compression": "zstd", "use_dictionary": False, "write_statistics": False}
"""How a raw file is written: it is read once and whole, so that dictionaries and statistics cost more than they save."""


@dataclass
class Staged:
    """One input that was staged. `carefully` stages it anew, row by row, where the engine refuses it as it is."""

    source: Source
    raw: Raw
    names_are_data: bool = False
    ours: frozenset[str] = frozenset()  # columns that its registry adds, which nobody needs to read
    carefully: Callable[[], Raw] | None = None
    lasting: Path | None = None  # where the file lies of which `raw` has a name for the run alone

    @property
    def noted(self) -> Raw:
        """Return the input as it is to be known by after the run."""
        return self.raw if self.lasting is None else replace(self.raw, path=self.lasting)


def raw_folder(workspace: Workspace, name: str) -> Path:
    """Return where the raw inputs of a dataset are kept."""
    return workspace.state / "raw" / name


def stage(
    workspace: Workspace, dataset: Dataset, connection: duckdb.DuckDBPyConnection, *, full: bool
) -> Iterator[Staged]:
    """Bring the rows of each source of a dataset into a raw file; `full` reads an increment's whole.

    Raises what the registries raise, and RunFailed when a scan is not at its end at the dataset's deadline. What was
    staged before stays.
    """
    ends = time.monotonic() + dataset.deadline
    folder = raw_folder(workspace, dataset.name)
    last = raws.readings(folder)
    for position, source in enumerate(dataset.inputs):
        if source.dataset is not None:
            yield of_dataset(workspace, dataset, source)
            continue
        before = last[-1].inputs[position] if last and len(last[-1].inputs) == len(dataset.inputs) else None
        yield _of_registry(workspace, dataset, source, connection, None if full else before, ends)


def again(workspace: Workspace, dataset: Dataset) -> list[Staged]:
    """Return the inputs of the last run, for them to be judged anew. Raises RunFailed where they are no longer kept."""
    last = raws.readings(raw_folder(workspace, dataset.name))
    if not last or [raw.source for raw in last[-1].inputs] != [source.name for source in dataset.inputs]:
        raise RunFailed(
            f"{dataset.name}: the raw input of its last run is not there, or is of other sources: run it without replay"
        )
    for source, raw in zip(dataset.inputs, last[-1].inputs, strict=True):
        if source.dataset is not None and versions.find(workspace, source.dataset, raw.version or 0) is None:
            raise RunFailed(  # whoever may see that version, and what is personal in it, may be said otherwise today
                f"{dataset.name}: its last run read version {raw.version} of {source.dataset}, which was made under"
                " another declaration: run it without replay"
            )
    return [
        _staged(workspace, dataset, source, raw) for source, raw in zip(dataset.inputs, last[-1].inputs, strict=True)
    ]


def of_dataset(workspace: Workspace, dataset: Dataset, source: Source) -> Staged:
    """Return the latest version of a dataset that is a source of another. Raises RunFailed where it has none."""
    other = source.dataset or ""
    version = versions.latest(workspace, other)
    if version is None:
        raise RunFailed(f"{dataset.name} is made from {other}, which has no version yet: run {other} first")
    return _held(workspace, dataset, source, Raw(source.name, version.parquet, None, version.number))


def _held(workspace: Workspace, dataset: Dataset, source: Source, raw: Raw) -> Staged:
    """Return a dataset's version that is a source, held for the run."""
    return Staged(source, replace(raw, path=held(workspace, dataset.name, raw.path)), lasting=raw.path)


def _staged(workspace: Workspace, dataset: Dataset, source: Source, raw: Raw) -> Staged:
    """Return an input that was staged before."""
    if source.registry is None:
        return _held(workspace, dataset, source, raw)
    registry = workspace.registries[source.registry]
    return Staged(source, raw, registry.names_are_data, _ours(registry, source.table))


def _ours(registry: Registry, table: str | None) -> frozenset[str]:
    """Return the columns of a table that its registry adds: of several files, the one that says from which a row is."""
    settings = getattr(registry.settings, "tables", {}).get(table)
    return frozenset(filter(None, [getattr(settings, "file_column", None)]))


def _of_registry(
    workspace: Workspace,
    dataset: Dataset,
    source: Source,
    connection: duckdb.DuckDBPyConnection,
    last: Raw | None,
    ends: float,
) -> Staged:
    registry, table = workspace.registries[source.registry or ""], source.table
    folder, increment = raw_folder(workspace, dataset.name), registry.increment(table)
    stamp = None if increment is None else _stamp(registry, table, increment)
    before = last if last and stamp is not None and last.stamp == stamp and last.after is not None else None
    try:
        scan: Scan = _within(partial(registry.read, table, None if before is None else before.after), ends)
    except Misconfigured as error:
        raise Misconfigured(f"datasets/{dataset.name}.yaml: {error.detail}", registry=error.registry) from error
    if increment is None:
        return _kept(folder, source, scan, registry, ends)
    with raws.aside(folder) as part:
        _written(connection, scan, part, registry.name, ends)
        said = (source.name, registry.name, stamp or "")
        kept = increment_raw.kept(connection, folder, before, part, increment, said)
    return Staged(source, kept, registry.names_are_data)


def _kept(folder: Path, source: Source, scan: Scan, registry: Registry, ends: float) -> Staged:
    """Keep what a registry gave: a file as it is, batches as Parquet. Raises Unreadable for a file that changed."""
    names_are_data, ours = registry.names_are_data, _ours(registry, source.table)
    if isinstance(scan, Path):
        with unchanged(scan, registry.name):
            kept = raws.keep(folder, source.name, partial(raws.copied, scan))
        return Staged(source, kept, names_are_data, ours)
    if isinstance(scan, CsvFile):
        with unchanged(scan.path, registry.name, scan.stamp):
            kept = raws.keep(folder, source.name, partial(raws.copied, scan.path), raws.dialect_of(scan))
        carefully = partial(_carefully, folder, source, scan, registry.name)
        return Staged(source, kept, names_are_data, ours, carefully)
    kept = raws.keep(folder, source.name, lambda part: _within(partial(write_batches, scan, part), ends))
    return Staged(source, kept, names_are_data, ours)


def _carefully(folder: Path, source: Source, scan: CsvFile, registry: str) -> Raw:
    """Stage a CSV file row by row. Raises Unreadable where it is no longer what it was when it was judged."""
    with unchanged(scan.path, registry, scan.stamp):
        return raws.keep(folder, source.name, partial(write_batches, scan.rows()))


def _written(
    connection: duckdb.DuckDBPyConnection, scan: Scan, part: Path, registry: str, ends: float = math.inf
) -> None:
    """Write what a registry gave to the Parquet file `part`. Raises Unreadable for a file that changed meanwhile."""
    if isinstance(scan, Path):
        with unchanged(scan, registry):
            raws.copied(scan, part)
    elif isinstance(scan, CsvFile):
        with unchanged(scan.path, registry, scan.stamp):
            plain = Raw("", scan.path, dialect=raws.dialect_of(scan)).relation(None)
            try:
                connection.execute(f"COPY {plain} TO {quote(str(part))} (FORMAT parquet, COMPRESSION zstd)")
            except duckdb.InvalidInputException:  # not plain after all: row by row
                write_batches(scan.rows(), part)
    else:
        _within(partial(write_batches, scan, part), ends)


def _within(work: Callable[[], T], ends: float) -> T:
    """Return what `work` returns, or leave it where it stands when its time is over. Raises TimeoutError, what it raises.

    Whoever waits for a source that says nothing any more hears it from the registry, some day: nobody waits so long.
    """
    if ends == math.inf:
        return work()
    done: Future[T] = Future()

    def worked() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is raised where it is waited for
            done.set_exception(error)

    threading.Thread(target=worked, name="beffroi-scan", daemon=True).start()
    return done.result(max(0.0, ends - time.monotonic()))


def write_batches(scan: pa.RecordBatchReader, part: Path) -> None:
    """Write batches as they come, each while the next is being read."""
    with (
        ended(scan),
        pq.ParquetWriter(part, scan.schema, **RAW) as writer,
        ThreadPoolExecutor(1, thread_name_prefix="beffroi-stage") as thread,
    ):
        before = None
        for batch in scan:
            if before is not None:
                before.result()
            before = thread.submit(writer.write_batch, batch)
        if before is not None:
            before.result()


@contextmanager
def unchanged(file: Path, registry: str, before: Stamp | None = None) -> Iterator[None]:
    """Hold that a file of `registry` is after the block what it was `before`: when it was judged, or now.

    Raises Unreadable.
    """
    before = before or stamped(file)
    failed = None
    try:
        yield
    except (duckdb.Error, OSError) as error:
        failed = error
    if not file.exists() or stamped(file) != before:
        raise Unreadable(f"a file of {registry} changed while it was read: run it again", registry=registry) from failed
    if failed is not None:
        raise failed


# --- what changed only -----------------------------------------------------------------------------------------------


def _stamp(registry: Registry, table: str | None, increment: Increment) -> str:
    """Return what a raw file must have been staged by for another to be put over it."""
    said = [registry.settings.model_dump_json(by_alias=True), table, dataclasses.asdict(increment)]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()
