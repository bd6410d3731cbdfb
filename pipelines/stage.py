"""Staging: what the sources of a dataset give, brought into raw files that are kept, before anything is judged.

Of a table that is asked for what changed only (`Registry.increment`), the rows that came are put over those of the
last raw input: what a version is made of is the whole table, each time. What cannot be read, of several sources, is
taken as it was read last where the dataset says so (`when_missing`).
"""

import dataclasses
import datetime as dt
import hashlib
import json
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import duckdb

from connectors.errors import BeffroiError, Misconfigured, RefusedUs, RegistryError, RunFailed
from connectors.registry import CsvFile, Increment, Registry, Scan
from pipelines import raw as raws
from pipelines import versions
from pipelines.cleaned import still_there
from pipelines.declarations import Dataset, Last, Source
from pipelines.increment import raw as increment_raw
from pipelines.needed import held
from pipelines.raw import Raw, Reading
from pipelines.sql import quote
from pipelines.taking import unchanged, write_batches
from pipelines.threads import begun, within
from pipelines.workspace import Workspace

SIDE_BY_SIDE = 8
"""Registries that are read at once: most of the time each only waits, and each that reads holds some MB of rows."""


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


@dataclass
class _Scans:
    """What the scans of one run share: `engine` is held by the one that uses the connection.

    `last` are the inputs that were read last, `good` those that a version was made of: what was refused is in the first
    alone.
    """

    workspace: Workspace
    dataset: Dataset
    connection: duckdb.DuckDBPyConnection
    ends: float
    full: bool
    accept: bool
    last: dict[str, Raw]
    good: dict[str, Raw]
    engine: threading.Lock = field(default_factory=threading.Lock)
    staged: dict[int, Staged] = field(default_factory=dict)
    failed: dict[int, BaseException] = field(default_factory=dict)
    missed: dict[int, BeffroiError] = field(default_factory=dict)


def stage(
    workspace: Workspace, dataset: Dataset, connection: duckdb.DuckDBPyConnection, *, full: bool, accept: bool = False
) -> list[Staged]:
    """Bring the rows of each source of a dataset into a raw file; `full` reads an increment's whole.

    With `accept` a source that lost columns is read as it is, whatever `when_missing` says.
    Registries are read side by side, what is of one registry one after the other. Raises what the first source that
    failed raised, and RunFailed when a scan is not at its end at the dataset's deadline. What was staged before stays.
    """
    read = raws.readings(raw_folder(workspace, dataset.name))
    last, good = _inputs(read[-1:]), _inputs([each for each in read if each.version is not None][-1:])
    scans = _Scans(workspace, dataset, connection, time.monotonic() + dataset.deadline, full, accept, last, good)
    by_registry = dict[str, list[int]]()
    for position, source in enumerate(dataset.inputs):
        if source.registry is None:
            scans.staged[position] = of_dataset(workspace, dataset, source)
        else:
            by_registry.setdefault(source.registry, []).append(position)
    waiting = deque(by_registry.values())
    for thread in [begun(partial(_scanned, scans, waiting)) for _ in range(min(SIDE_BY_SIDE, len(by_registry)))]:
        thread.result(max(0.0, scans.ends - time.monotonic()))
    if len(scans.missed) == len(dataset.inputs):  # a run that read nothing is none
        scans.failed |= scans.missed
    if scans.failed:
        raise scans.failed[min(scans.failed)]
    return [scans.staged[position] for position in range(len(dataset.inputs))]


def _inputs(readings: list[Reading]) -> dict[str, Raw]:
    """Return the inputs of readings by the name of their source, each with when it was read."""
    return {raw.source: replace(raw, read=raw.read or each.run) for each in readings for raw in each.inputs}


def _scanned(scans: _Scans, waiting: deque[list[int]]) -> None:
    """Stage the sources of one registry after the other, until none waits or any source has failed."""
    with suppress(IndexError):
        while positions := waiting.popleft():
            for position in positions:
                if scans.failed:
                    return
                try:
                    scans.staged[position] = _there(scans, position)
                except BaseException as error:  # noqa: BLE001  # it is raised where all are waited for
                    scans.failed[position] = error


def _there(scans: _Scans, position: int) -> Staged:
    """Stage a source; where it cannot be read, and that is declared, take again what it gave when a version was made.

    What it was not asked for as it is declared today is not taken: it would be another table.
    """
    source = scans.dataset.inputs[position]
    registry = scans.workspace.registries[source.registry or ""]
    stamp = _stamp(registry, source.table, registry.increment(source.table))
    last, good = (
        raw if raw is not None and raw.stamp == stamp else None
        for raw in (scans.last.get(source.name), scans.good.get(source.name))
    )
    read = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
    try:
        staged = _of_registry(scans, source, registry, last, stamp, read)
        if source.when_missing != "fail" and good is not None and not scans.accept:
            still_there(scans.dataset, source, staged.raw.columns, good.columns)
    except (RegistryError, RefusedUs, Misconfigured) as error:
        if source.when_missing == "fail" or good is None:
            raise
        if isinstance(source.when_missing, Last) and good.days > source.when_missing.days:
            said = f"{error.detail}; what {source.name} gave last is {good.days:,.1f} days old, more than when_missing: allows"
            raise type(error)(said, registry=error.registry, retry_in=error.retry_in) from error
        scans.missed[position] = error
        return _staged(scans.workspace, scans.dataset, source, replace(good, missing=error.code, why=error.detail))
    return staged


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


def _of_registry(scans: _Scans, source: Source, registry: Registry, last: Raw | None, stamp: str, read: str) -> Staged:
    """Stage what a registry gives: since `last`, where it is asked for what changed only."""
    name, table, ends = scans.dataset.name, source.table, scans.ends
    folder, increment = raw_folder(scans.workspace, name), registry.increment(table)
    before = last if last and increment is not None and last.after is not None and not scans.full else None
    try:
        scan: Scan = within(partial(registry.read, table, None if before is None else before.after), ends)
    except Misconfigured as error:
        raise Misconfigured(f"datasets/{name}.yaml: {error.detail}", registry=error.registry) from error
    if increment is None:
        return _kept(folder, source, scan, registry, ends, partial(replace, stamp=stamp, read=read))
    with raws.aside(folder) as part:
        with scans.engine:
            cursor = scans.connection.cursor()
        with cursor:
            _written(cursor, scan, part, registry.name, ends)
        with scans.engine:
            said = (source.name, registry.name, stamp)
            kept = increment_raw.kept(scans.connection, folder, before, part, increment, said)
    return Staged(source, replace(kept, read=read, missing=None, why=None), registry.names_are_data)


def _kept(
    folder: Path, source: Source, scan: Scan, registry: Registry, ends: float, told: Callable[[Raw], Raw]
) -> Staged:
    """Keep what a registry gave: a file as it is, batches as Parquet; `told` notes how it was asked for.

    Raises Unreadable for a file that changed.
    """
    names_are_data, ours = registry.names_are_data, _ours(registry, source.table)
    if isinstance(scan, Path):
        with unchanged(scan, registry.name):
            kept = raws.keep(folder, source.name, partial(raws.copied, scan))
        return Staged(source, told(kept), names_are_data, ours)
    if isinstance(scan, CsvFile):
        with unchanged(scan.path, registry.name, scan.stamp):
            kept = raws.keep(folder, source.name, partial(raws.copied, scan.path), raws.dialect_of(scan))
        return Staged(
            source, told(kept), names_are_data, ours, lambda: told(_carefully(folder, source, scan, registry.name))
        )
    kept = raws.keep(folder, source.name, lambda part: within(partial(write_batches, scan, part), ends))
    return Staged(source, told(kept), names_are_data, ours)


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
        within(partial(write_batches, scan, part), ends)


def _stamp(registry: Registry, table: str | None, increment: Increment | None) -> str:
    """Return what a raw file must have been staged by for another to be put over it, or for it to be taken again."""
    said = registry.settings.model_dump(mode="json", by_alias=True)
    if isinstance(tables := said.get("tables"), dict):  # the others may change
        said["tables"] = tables.get(table)
    asked = [registry.name, said, table, dataclasses.asdict(increment) if increment else None]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()
