"""Versions of datasets: Delta tables in `.beffroi/lake/`, numbered by us, each with its ready-made files.

A version is visible only when its Delta commit is; all its files are whole before that. The Delta log is the one
source of truth: our number, the key and what changed travel in the commit's metadata. No newer writer feature is used,
so that any engine reads the tables.
Source: Delta Lake protocol, https://github.com/delta-io/delta/blob/master/PROTOCOL.md
"""

import datetime as dt
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from deltalake import DeltaTable, Schema
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, CommitProperties, create_table_with_add_actions
from filelock import FileLock, Timeout

from connectors.columns import arrow_schema
from connectors.errors import Unavailable
from pipelines import geometry
from pipelines.declarations import Dataset
from pipelines.delta_log import Log, Stamp, last_entry, stamp
from pipelines.whole import on_disk
from pipelines.workspace import Workspace

KEPT = 2
"""Versions whose ready-made files are kept: the latest, and the one that somebody may still be paging through."""

FIRST = "1.0.0"
"""The schema version of a dataset's first columns, where its declaration says none."""

TABLE: dict[str, str | None] = {
    "delta.enableExpiredLogCleanup": "false",  # our history is in the log
    "delta.deletedFileRetentionDuration": "interval 36500 days",  # what leaves, retention says, no engine's VACUUM
}
"""Properties of every table."""


@dataclass(frozen=True)
class Version:
    """One immutable result. `folder` holds the CSV, the key index, the quarantine and the report."""

    dataset: str
    number: int
    committed: dt.datetime
    rows: int
    parquet: Path
    folder: Path
    key: tuple[str, ...]
    declared: str  # what `declared` told of the dataset when the version was made
    added: int
    changed: int
    removed: int
    schema: str = "{}"  # what `described` told of the dataset then
    schema_version: str = FIRST
    schema_declared: str | None = None  # the `schema_version:` of the declaration then
    schema_changes: tuple[str, ...] = ()  # what changed in the columns since the version before, in sentences
    rolled_back_from: int | None = None  # the version whose content a rollback brought back as this one
    maps: bool = False  # whether it has files for maps too

    @property
    def csv(self) -> Path:
        """Return the CSV distribution."""
        return self.folder / f"{self.dataset}.csv"

    @property
    def index(self) -> tuple[Path, ...]:
        """Return the files of the key index, as they are asked in turn."""
        return index_in(self.folder)

    @property
    def whole(self) -> bool:
        """Tell whether every ready-made file is there (somebody may have removed one)."""
        ends = (".csv", ".geojson", ".geo.parquet") if self.maps else (".csv",)
        return all(file.is_file() for file in (*self.index, *(self.csv.with_suffix(end) for end in ends)))

    @property
    def report(self) -> dict[str, Any]:
        """Return the report of the run that made this version, or last found it unchanged."""
        loaded: dict[str, Any] = json.loads((self.folder / "report.json").read_text(encoding="utf-8"))
        return loaded

    @property
    def as_of(self) -> dt.datetime:
        """Return when the source was last read and found to hold just this: later than `committed` after idle runs."""
        try:
            seen, known = stamp(f"{self.folder}/report.json"), _AS_OF.get(self.folder)
            if known is None or known[0] != seen:
                known = _AS_OF[self.folder] = seen, dt.datetime.fromisoformat(self.report["started"])
            return known[1]
        except (OSError, ValueError, KeyError):  # its ready-made files are no longer kept
            return self.committed


_AS_OF: dict[Path, tuple[Stamp, dt.datetime]] = {}
"""What reports tell for `as_of`, by their version's folder: every answer has it, and reports are long."""


def table_folder(workspace: Workspace, name: str) -> Path:
    """Return the folder of a dataset's Delta table."""
    return workspace.state / "lake" / name


def version_folder(workspace: Workspace, name: str, number: int) -> Path:
    """Return the folder of a version's ready-made files."""
    return workspace.state / "versions" / name / str(number)


def index_in(folder: Path) -> tuple[Path, ...]:
    """Return the files of the key index in a version's folder: one of all its rows, or what changed, and the one below."""
    whole = folder / "rows.lmdb"
    return (whole,) if whole.is_file() else (folder / "changed.lmdb", folder / "base.lmdb")


def declared(dataset: Dataset) -> str:
    """Return what decides who may see a version and how it is read: audience, key, columns and which are personal."""
    columns = [[column.name, column.type, column.personal] for column in dataset.columns]
    return json.dumps({"audience": dataset.audience, "key": dataset.key, "columns": columns})


def described(dataset: Dataset) -> str:
    """Return what the schema version of a dataset is judged by: its key and columns, with what is said of them."""
    told = [c.model_dump(mode="json", exclude_defaults=True, by_alias=True) | {"type": c.type} for c in dataset.columns]
    columns = [{w: said for w, said in column.items() if (w, said) != ("format", "default")} for column in told]
    foreign = sorted([key.column, key.reference.resource, key.target] for key in dataset.foreign_keys)
    return json.dumps({"key": dataset.key, "columns": columns, "foreign_keys": foreign})


def latest(workspace: Workspace, name: str) -> Version | None:
    """Return the version of a dataset that may be shown: the newest, made under the declaration of today.

    None before the first, and from the moment when audience, key or columns are declared otherwise until the next
    run: what was made for its owner never becomes open by an edit. Cheap: the log is read once per commit. Raises
    Unavailable where the log is damaged.
    """
    found, dataset = _versions(workspace, name), workspace.datasets[name]
    if found is None or not found.all:
        return None
    if (shown := found.shown) is None or shown[0] is not dataset:
        last = found.all[-1]
        shown = found.shown = dataset, last if last.declared == declared(dataset) else None
    return shown[1]


def newest(workspace: Workspace, name: str) -> Version | None:
    """Return the version that was made last, under whatever declaration, or None. It is for runs, not for readers."""
    found = history(workspace, name)
    return found[-1] if found else None


def find(workspace: Workspace, name: str, number: int) -> Version | None:
    """Return a version by its number, if the lake still has it and it may be shown as `latest` may."""
    version = kept(workspace, name, number)
    return version if version and version.declared == declared(workspace.datasets[name]) else None


def kept(workspace: Workspace, name: str, number: int) -> Version | None:
    """Return a version by its number, if the lake still has it, under whatever declaration it was made."""
    found = (each for each in history(workspace, name) if each.number == number and each.parquet.is_file())
    return next(found, None)


def shared(version: Version, dataset: Dataset) -> tuple[str, ...]:
    """Return the columns of a version that may be shown as those of the dataset of today, in today's order.

    They are those of the same name, type and personal-data class. None where the version was made for fewer readers
    than there are today, or under another key.
    """
    then: dict[str, Any] = json.loads(version.declared)
    if then["audience"] not in ("open", dataset.audience) or version.key != dataset.key:
        return ()
    found = tuple(c.name for c in dataset.columns if [c.name, c.type, c.personal] in then["columns"])
    return found if set(dataset.key) <= {*found} else ()


def history(workspace: Workspace, name: str) -> list[Version]:
    """Return every version of a dataset, oldest first."""
    return list(found.all) if (found := _versions(workspace, name)) is not None else []


@dataclass
class _Versions:
    """The versions of a dataset, oldest first, and which one is shown of it as it is declared."""

    all: tuple[Version, ...]
    shown: tuple[Dataset, Version | None] | None = None


_LOGS: dict[tuple[Path, str], Log[_Versions]] = {}
"""The logs that were read, by the folder of the state and the dataset."""


def _versions(workspace: Workspace, name: str) -> _Versions | None:
    """Return the versions of a dataset, or None before its table is made. Raises Unavailable."""
    key = workspace.state, name
    if (log := _LOGS.get(key)) is None:
        log = _LOGS[key] = Log(table_folder(workspace, name), partial(_history, *key))
    return log.now()


def _history(state: Path, name: str, table: Path) -> _Versions:
    """Read the Delta log of a table. Raises Unavailable."""
    try:
        if not all(entry.stat().st_size for entry in (table / "_delta_log").glob("*.json")):
            raise ValueError("to the library an empty entry is an empty commit")  # noqa: TRY301  # told as damaged too
        entries = DeltaTable(table).history()
        found = [_version(table, state, name, entry) for entry in entries if "beffroi" in entry]  # others only tidy up
    except (DeltaError, OSError, KeyError, ValueError) as error:
        raise Unavailable(
            f"the versions of {name} cannot be read: its Delta log is damaged, or of another Beffroi"
        ) from error
    return _Versions(tuple(sorted(found, key=lambda version: version.number)))


def _version(table: Path, state: Path, name: str, entry: dict[str, Any]) -> Version:
    """Return the version that an entry of the Delta log tells of. Raises KeyError, ValueError."""
    said = json.loads(entry["beffroi"])
    return Version(
        dataset=name,
        number=said["version"],
        committed=dt.datetime.fromtimestamp(entry["timestamp"] / 1000, dt.UTC),
        rows=said["rows"],
        parquet=table / said["file"],
        folder=state / "versions" / name / str(said["version"]),
        key=tuple(said["key"]),
        declared=said["declared"],
        added=said["added"],
        changed=said["changed"],
        removed=said["removed"],
        schema=said.get("schema", "{}"),  # none of these stands in the versions of early Beffrois
        schema_version=said.get("schema_version", FIRST),
        schema_declared=said.get("schema_declared"),
        schema_changes=tuple(said.get("schema_changes", ())),
        rolled_back_from=said.get("rolled_back_from"),
        maps=said.get("maps", False),
    )


def commit(
    workspace: Workspace, dataset: Dataset, number: int, parquet: Path, rows: int, changes: tuple[int, int, int], *,
    schema_version: str = FIRST, schema_changes: Sequence[str] = (), brings_back: Version | None = None,
) -> None:  # fmt: skip
    """Make `parquet`, which lies in the table's folder already, the version `number` of the dataset.

    One atomic write to the Delta log: before it nothing is visible, after it all is. `changes` are the rows added,
    changed and removed; `schema_version` and `schema_changes` what `schema_versions.judge` found. A rollback says
    whose content it `brings_back`: the version has that one's schema too.
    """
    said = {"version": number, "rows": rows, "file": parquet.name, "key": dataset.key, "declared": declared(dataset)}
    said |= dict(zip(("added", "changed", "removed"), changes, strict=True))
    said |= {"maps": bool(geometry.of(dataset.columns))}
    said |= {"schema_version": schema_version, "schema_changes": list(schema_changes)}
    if brings_back is None:
        said |= {"schema": described(dataset), "schema_declared": dataset.schema_version}
    else:
        said |= {"schema": brings_back.schema, "schema_declared": brings_back.schema_declared}
        said |= {"rolled_back_from": brings_back.number}
    _write(table_folder(workspace, dataset.name), dataset, parquet, rows, said)


def _write(table: Path, dataset: Dataset, parquet: Path, rows: int, said: dict[str, Any]) -> None:
    """Write the commit to the Delta log, and have it on disk."""
    schema = Schema.from_arrow(arrow_schema(dataset.columns))
    size, now, stats = parquet.stat().st_size, int(time.time() * 1000), json.dumps({"numRecords": rows})
    action = AddAction(parquet.name, size, {}, now, data_change=True, stats=stats)
    properties = CommitProperties(custom_metadata={"beffroi": json.dumps(said)})
    if DeltaTable.is_deltatable(str(table)):
        DeltaTable(table).create_write_transaction([action], "overwrite", schema, commit_properties=properties)
    else:
        create_table_with_add_actions(
            str(table), schema, [action], mode="error", name=dataset.name, commit_properties=properties,
            configuration=TABLE,
        )  # fmt: skip
    on_disk(*filter(None, [last_entry(table)]), table / "_delta_log")


@contextmanager
def alone(workspace: Workspace, name: str, wait: float = 0.0) -> Iterator[None]:
    """Hold a dataset's lock; the kernel frees it when a process is killed.

    Raises Unavailable where another holds it for longer than the seconds to `wait`.
    """
    folder = workspace.state / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{name}.lock", timeout=wait)
    try:
        lock.acquire()
    except Timeout:
        ends = f" and did not end within {wait:g} s" if wait else f": `beffroi run {name} --wait SECONDS` waits for it"
        raise Unavailable(f"another run of {name} is under way{ends}") from None
    try:
        yield
    finally:
        lock.release()
