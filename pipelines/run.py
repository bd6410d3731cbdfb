"""One run of a dataset: scan, stage, clean, expect, write, commit. Running it twice changes nothing.

Killed at any instant, a run leaves the last version whole: what it writes is invisible until the one atomic commit,
and the next run sweeps it away.
"""

import datetime as dt
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import duckdb
import lmdb
import pyarrow as pa
from deltalake.exceptions import DeltaError
from filelock import FileLock, Timeout

from connectors.errors import RunFailed, Unavailable, Unreadable
from pipelines import index, versions
from pipelines.declarations import Bounds, Dataset
from pipelines.judge import FAILURES, PLACE, judge
from pipelines.sql import identifier, quote
from pipelines.stage import stage
from pipelines.versions import Version
from pipelines.workspace import Workspace


@dataclass(frozen=True)
class Report:
    """What a run did. `rows_in` is always `rows_out` + `quarantined` + `merged`."""

    dataset: str
    version: int
    new: bool
    rows_in: int
    rows_out: int
    quarantined: int
    merged: int
    added: int
    changed: int
    removed: int
    unread: list[str]
    started: str
    seconds: float


def run(workspace: Workspace, name: str, tell: Callable[[str], None] = lambda _: None, *, full: bool = False) -> Report:
    """Run one dataset; `tell` hears the name of each stage as it begins, `full` reads all of a table again.

    Returns its report. Raises RunFailed when an expectation fails (the last version stays), Unavailable while another
    run of the same dataset is under way, and whatever the source raises.
    """
    dataset = workspace.dataset(name)
    started, clock = dt.datetime.now(dt.UTC), time.monotonic()
    with _alone(workspace, name), _engine(workspace, dataset) as connection, _swept(workspace, name):
        tell("scan")
        raw = stage(workspace, dataset, connection, full=full)
        tell("clean")
        unread = judge(connection, dataset, raw, lambda other: str(_needed(workspace, other, name).parquet),
                       names_are_data=workspace.registries[dataset.source.registry].names_are_data)  # fmt: skip
        last = versions.newest(workspace, name)
        new, changes = _compare(connection, dataset, last)
        number = (last.number if last else 0) + (1 if new else 0)
        report = Report(
            name, number, new, *_count(connection), *changes, unread,
            started.isoformat(timespec="microseconds"), round(time.monotonic() - clock, 3),
        )  # fmt: skip
        tell("expect")
        problems = _expectations(dataset, report)
        if problems:
            _keep_failure(workspace, connection, report)
            raise RunFailed(f"{name}: {'; '.join(problems)}")
        tell("write")
        folder = versions.version_folder(workspace, name, number)
        parquet = last.parquet if last and not new else _write(workspace, connection, dataset, number)
        if new or (last and not last.whole):
            _distribute(connection, dataset, parquet, folder)
        _write_quarantine(connection, folder)
        report = replace(report, seconds=round(time.monotonic() - clock, 3))
        _write_report(report, folder)
        if new:
            tell("commit")
            versions.on_disk(parquet, parquet.parent, *folder.iterdir(), folder, folder.parent)
            versions.commit(workspace, dataset, number, parquet, report.rows_out, changes)
        shutil.rmtree(_failed(workspace, name), ignore_errors=True)
        return report


@contextmanager
def _alone(workspace: Workspace, name: str) -> Iterator[None]:
    """Hold the dataset's lock; the kernel frees it when a run is killed."""
    folder = workspace.state / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / f"{name}.lock", timeout=0):
            yield
    except Timeout:
        raise Unavailable(f"another run of {name} is under way") from None


@contextmanager
def _engine(workspace: Workspace, dataset: Dataset) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database for the run, which spills to the workspace; its errors become ours, without any value."""
    name, registry = dataset.name, dataset.source.registry
    spill = workspace.state / "spill" / name
    connection = duckdb.connect(config={"temp_directory": str(spill)})
    try:
        connection.execute("SET TimeZone = 'UTC'")  # what a moment is must not rest on the machine
        yield connection
    except (duckdb.IOException, lmdb.DiskError, OSError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
        raise RunFailed(f"{name}: a file could not be read or written ({why}): is the disk full?") from None
    except duckdb.InvalidInputException as error:
        if "string encoding" not in str(error):
            raise RunFailed(f"{name}: the engine stopped ({type(error).__name__})") from None
        raise Unreadable(f"{registry} gave texts that are not in UTF-8", registry=registry) from None
    except (duckdb.Error, lmdb.Error, pa.ArrowException, DeltaError) as error:
        raise RunFailed(f"{name}: the engine stopped ({type(error).__name__})") from None
    finally:
        connection.close()
        shutil.rmtree(spill, ignore_errors=True)


@contextmanager
def _swept(workspace: Workspace, name: str) -> Iterator[None]:
    """Sweep away what a killed run left before this one, and afterwards what this one does not leave to be seen."""
    versions.sweep(workspace, name)
    try:
        yield
    finally:
        versions.sweep(workspace, name)


def _needed(workspace: Workspace, other: str, name: str) -> Version:
    version = versions.latest(workspace, other)
    if version is None:
        raise RunFailed(f"{name} refers to {other}, which has no version yet: run {other} first")
    return version


def _count(connection: duckdb.DuckDBPyConnection) -> tuple[int, int, int, int]:
    """Return rows in, rows out, quarantined and merged, each counted by itself, and hold the sum."""
    rows_in = _scalar(connection, "SELECT count(*) FROM staged")
    good = _scalar(connection, f"SELECT count(*) FROM judged WHERE len({FAILURES}) = 0")
    quarantined = _scalar(connection, f"SELECT count(*) FROM judged WHERE len({FAILURES}) > 0")
    rows_out = _scalar(connection, "SELECT count(*) FROM merged")
    merged = good - rows_out
    if rows_in != rows_out + quarantined + merged:
        raise RunFailed(f"the sum does not hold: {rows_in} in, {rows_out} out, {quarantined} refused, {merged} merged")
    return rows_in, rows_out, quarantined, merged


def _scalar(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(connection.execute(query).fetchall()[0][0])


def _compare(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, last: Version | None
) -> tuple[bool, tuple[int, int, int]]:
    """Return whether this is a new version, and how many rows were added, changed and removed by key."""
    rows = _scalar(connection, "SELECT count(*) FROM merged")
    if last is None or not last.parquet.is_file():
        return True, (rows, 0, 0)
    connection.execute(f"CREATE TEMP VIEW before AS FROM read_parquet({quote(str(last.parquet))})")
    described = [connection.execute(f"DESCRIBE {table}").fetchall() for table in ("merged", "before")]
    if last.key != dataset.key or [row[:2] for row in described[0]] != [row[:2] for row in described[1]]:
        return True, (rows, 0, last.rows)
    new, old = "beffroi_new", "beffroi_old"
    key = " AND ".join(f"{new}.{identifier(column)} = {old}.{identifier(column)}" for column in dataset.key)
    first = identifier(dataset.key[0])
    both = f"{old}.{first} IS NOT NULL AND {new}.{first} IS NOT NULL"
    counts = connection.execute(
        f"SELECT count(*) FILTER ({old}.{first} IS NULL), count(*) FILTER ({both} AND {new} IS DISTINCT FROM {old}),"
        f" count(*) FILTER ({new}.{first} IS NULL) FROM merged {new} FULL JOIN before {old} ON {key}"
    ).fetchall()[0]
    added, changed, removed = map(int, counts)
    return added + changed + removed > 0 or last.declared != versions.declared(dataset), (added, changed, removed)


def _expectations(dataset: Dataset, report: Report) -> list[str]:
    """Return what this version fails to meet, in sentences."""
    share = report.quarantined / report.rows_in if report.rows_in else 0.0
    return [
        *_outside(report.rows_out, dataset.expect.rows, "rows", "{:,.0f}"),
        *_outside(share, dataset.expect.refused, "share of refused rows", "{:.2%}"),
    ]


def _outside(value: float, bounds: Bounds, what: str, form: str) -> Iterator[str]:
    if bounds.min is not None and value < bounds.min:
        yield f"{what}: {form.format(value)}, expected at least {form.format(bounds.min)}"
    if bounds.max is not None and value > bounds.max:
        yield f"{what}: {form.format(value)}, expected at most {form.format(bounds.max)}"


def _write(workspace: Workspace, connection: duckdb.DuckDBPyConnection, dataset: Dataset, number: int) -> Path:
    """Write the version's Parquet into the table's folder, where it stays invisible until the commit."""
    table = versions.table_folder(workspace, dataset.name)
    table.mkdir(parents=True, exist_ok=True)
    parquet = table / f"{number:06d}-{uuid.uuid4().hex}.parquet"
    connection.execute(f"COPY merged TO {quote(str(parquet))} (FORMAT parquet, COMPRESSION zstd)")
    return parquet


def _distribute(connection: duckdb.DuckDBPyConnection, dataset: Dataset, parquet: Path, folder: Path) -> None:
    """Make the version's ready files: CSV (values of a list joined by a bar) and the key index."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    columns = ", ".join(
        f"array_to_string({identifier(column.name)}, '|') AS {identifier(column.name)}"
        if column.type == "array"
        else identifier(column.name)
        for column in dataset.columns
    )
    csv = folder / f"{dataset.name}.csv"
    connection.execute(f"COPY (SELECT {columns} FROM merged) TO {quote(str(csv))} (FORMAT csv, HEADER)")
    index.build(connection, parquet, dataset, folder)


def _write_quarantine(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write the refused rows, each with its place, its reasons and its raw values, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "quarantine.part"
    connection.execute(
        f"COPY (SELECT {PLACE} AS place, beffroi_judged.{FAILURES} AS failures, to_json(beffroi_raw)::VARCHAR AS raw"
        f" FROM judged beffroi_judged JOIN (FROM staged) beffroi_raw USING ({PLACE})"
        f" WHERE len(beffroi_judged.{FAILURES}) > 0 ORDER BY place)"
        f" TO {quote(str(part))} (FORMAT parquet, COMPRESSION zstd)"
    )
    part.rename(folder / "quarantine.parquet")


def _write_report(report: Report, folder: Path) -> None:
    part = folder / "report.part"
    part.write_text(json.dumps(asdict(report)), encoding="utf-8")
    part.rename(folder / "report.json")


def _failed(workspace: Workspace, name: str) -> Path:
    """Return where the quarantine and report of the last failed run are kept for the steward."""
    return workspace.state / "failed" / name


def _keep_failure(workspace: Workspace, connection: duckdb.DuckDBPyConnection, report: Report) -> None:
    folder = _failed(workspace, report.dataset)
    _write_quarantine(connection, folder)
    _write_report(report, folder)
