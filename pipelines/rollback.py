"""Rolling a dataset back: an earlier version's content becomes a new version, and the dataset is held there.

Nothing that others may have seen is taken back: the history goes on, with one version more. That version is made aside,
as a run makes it, and one commit to the Delta log shows it. The note that holds the dataset is written before; it is in
force once that commit is there. So a rollback that is killed at any instant leaves the old state or the new one.
"""

import datetime as dt
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import lmdb
import pyarrow as pa
from deltalake.exceptions import DeltaError

from connectors.errors import InvalidRequest, NotFound, RunFailed
from pipelines import databases, diff, faces, retention, schema_versions, versions
from pipelines.declarations import Dataset
from pipelines.linking import files as links
from pipelines.report.words import moment
from pipelines.versions import Version
from pipelines.whole import on_disk, second_name
from pipelines.workspace import Workspace


@dataclass(frozen=True)
class Held:
    """A dataset that stays at `version`, whose content is that of `content`, until somebody lets it go on."""

    dataset: str
    version: int
    content: int
    since: str
    by: str | None
    why: str | None

    def told(self, zone: dt.tzinfo) -> str:
        """Say it as the next run says it, on the clocks of a zone."""
        since = moment(dt.datetime.fromisoformat(self.since), zone)
        by = f" by {self.by}" if self.by else ""
        why = f" ({self.why})" if self.why else ""
        return (
            f"{self.dataset} is held at version {self.version} since {since}, when it was rolled back to"
            f" version {self.content}{by}{why}: `beffroi run {self.dataset} --release` lets it go on"
        )


def rollback(workspace: Workspace, name: str, number: int, *, by: str | None = None, why: str | None = None) -> Version:
    """Make the content of version `number` the latest version of a dataset, with all its files, and hold it there.

    Done before, it does what is left to do. Returns the latest version. Raises NotFound for a version that there is
    none of or that is no longer kept, InvalidRequest for the latest and for one made under another declaration,
    Unavailable while a run is under way, RunFailed where a file cannot be read or written.
    """
    dataset = workspace.dataset(name)
    with versions.alone(workspace, name):
        retention.sweep(workspace, name)
        last = versions.newest(workspace, name)
        if last is not None and last.rolled_back_from == number:
            if held(workspace, name) is None:
                _announce(workspace, _held_at(last, last.number, number, by, why))
                _hold(workspace, name)
        else:
            target = _target(workspace, dataset, number, last)
            try:
                with _clear(f"{name} was not rolled back"):
                    last = _made(workspace, dataset, target, by, why)
            finally:
                retention.sweep(workspace, name)
    databases.refresh(workspace)
    return last


@contextmanager
def _clear(what: str) -> Iterator[None]:
    """Say the errors of engines and disks as ours, without any value."""
    try:
        yield
    except (duckdb.Error, lmdb.Error, pa.ArrowException, DeltaError, OSError) as error:
        code = error.errno if isinstance(error, OSError) else None
        said = os.strerror(code) if code else type(error).__name__
        raise RunFailed(f"{what}: a file could not be read or written ({said})") from None


def held(workspace: Workspace, name: str) -> Held | None:
    """Tell whether a dataset is held. A note whose commit never came is none: that rollback was killed."""
    last = versions.newest(workspace, name)
    for path in _notes(workspace, name):
        try:
            note = Held(**json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            continue
        if last is not None and (last.number, last.rolled_back_from) == (note.version, note.content):
            return note
    return None


def release(workspace: Workspace, name: str) -> None:
    """Let a dataset go on; nothing happens where it is not held."""
    for path in (*_notes(workspace, name), half(workspace, name)):
        path.unlink(missing_ok=True)


def readers(workspace: Workspace, name: str) -> list[str]:
    """Return the datasets that were made from another version of a dataset than its latest, or from one that was.

    Each comes after those it was made from; one that is held is none, since no run changes it. Raises Unavailable.
    """
    latest, found = versions.newest(workspace, name), list[str]()
    for other in workspace.in_order([]):
        read, version = workspace.datasets[other].depends_on, versions.newest(workspace, other)
        if latest is None or version is None or not read & {name, *found} or held(workspace, other) is not None:
            continue
        try:
            made_from = version.report["needed"].get(name)
        except (OSError, ValueError, KeyError):
            made_from = None
        if read & {*found} or made_from != latest.number:
            found.append(other)
    return found


def rebuild(workspace: Workspace, name: str, number: int) -> Path:
    """Make the ready files of a version that the lake still has, aside and then whole, and return their folder.

    Raises NotFound for a version that there is none of or that is no longer kept, InvalidRequest for one made under
    another declaration, Unavailable while a run is under way, RunFailed where a file cannot be written.
    """
    dataset = workspace.dataset(name)
    with versions.alone(workspace, name):
        version = versions.kept(workspace, name, number)
        if version is None:
            raise NotFound(
                f"there is no version {number} of {name}, or it is no longer kept: `beffroi versions {name}`"
            )
        if version.declared != versions.declared(dataset):
            raise InvalidRequest(f"version {number} of {name} was made under another declaration: its files are gone")
        aside = version.folder.with_name(f"{number}.part")
        with _clear(f"the files of version {number} of {name} were not made"):
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
            faces.build(workspace, dataset, version.parquet, aside)
            version.folder.mkdir(exist_ok=True)
            for file in aside.iterdir():
                file.replace(version.folder / file.name)
            aside.rmdir()
    return version.folder


def _notes(workspace: Workspace, name: str) -> tuple[Path, Path]:
    """Return where a rollback under way notes what it is about to do, and the note that holds the dataset."""
    folder = workspace.state / "held"
    return folder / f"{name}.next.json", folder / f"{name}.json"


def half(workspace: Workspace, name: str) -> Path:
    """Return where a note is made aside: a rollback that was killed may have left it there."""
    return _notes(workspace, name)[0].with_suffix(".part")


def _held_at(last: Version, version: int, content: int, by: str | None, why: str | None) -> Held:
    since = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    return Held(last.dataset, version, content, since, by, why)


def _target(workspace: Workspace, dataset: Dataset, number: int, last: Version | None) -> Version:
    """Return the version to be brought back, once it may be."""
    name = dataset.name
    found = versions.kept(workspace, name, number)
    if found is None:
        there = [str(v.number) for v in versions.history(workspace, name) if v.parquet.is_file() and v != last]
        raise NotFound(
            f"there is no version {number} of {name} to go back to; kept before the latest: {', '.join(there) or 'none'}"
        )
    if last is not None and found.number == last.number:
        raise InvalidRequest(f"version {number} of {name} is the latest: there is nothing to roll back")
    if found.declared != versions.declared(dataset):
        raise InvalidRequest(
            f"version {number} of {name} was made under another declaration: its audience, key, columns or personal data"
            f" are not those of datasets/{name}.yaml. Put that file back as it was then, and roll back"
        )
    return found


def _made(workspace: Workspace, dataset: Dataset, target: Version, by: str | None, why: str | None) -> Version:
    """Make the new version aside, then commit it."""
    name, last = dataset.name, versions.newest(workspace, dataset.name)
    assert last is not None  # noqa: S101  # the target is one before it
    number = last.number + 1
    folder = versions.version_folder(workspace, name, number)
    parquet = target.parquet.with_name(f"{number:06d}-{uuid.uuid4().hex}.parquet")
    second_name(target.parquet, parquet)
    folder.mkdir(parents=True)
    _evidence(target, number, folder)
    faces.build(workspace, dataset, parquet, folder)
    changes = _changes(workspace, last, target)
    _announce(workspace, _held_at(last, number, target.number, by, why))
    on_disk(parquet, parquet.parent, *folder.iterdir(), folder, folder.parent)
    schema_version, said = schema_versions.forward(last, target)
    versions.commit(
        workspace, dataset, number, parquet, target.rows, changes, schema_version=schema_version, schema_changes=said,
        brings_back=target,
    )  # fmt: skip
    _hold(workspace, name)
    made = versions.newest(workspace, name)
    assert made is not None  # noqa: S101  # it was committed just now
    return made


def _evidence(target: Version, number: int, folder: Path) -> None:
    """Copy what tells where the rows came from, as far as it is kept; the report under its new number."""
    linked = {file.name for file in links.in_folder(target.folder)}
    for name in retention.EVIDENCE | {"quarantine.parquet", "conflicts.parquet", "corrected.parquet"} | linked:
        if (target.folder / name).is_file():
            shutil.copyfile(target.folder / name, folder / name)
    report = folder / "report.json"
    if report.is_file():
        report.write_text(json.dumps(json.loads(report.read_text("utf-8")) | {"version": number}), encoding="utf-8")


def _changes(workspace: Workspace, last: Version, target: Version) -> tuple[int, int, int]:
    """Return how many rows are added, changed and removed by going back."""
    try:
        both = diff.of(last, target)
    except InvalidRequest:  # another key: no row is the same
        return target.rows, 0, last.rows
    if not last.parquet.is_file():
        return target.rows, 0, last.rows
    with diff.engine(workspace, last.dataset) as connection:
        counted = diff.counts(connection, both)
    return counted.added, counted.changed, counted.removed


def _announce(workspace: Workspace, note: Held) -> None:
    """Write the note of what is about to be held, whole or not at all."""
    path, _ = _notes(workspace, note.dataset)
    path.parent.mkdir(exist_ok=True)
    part = half(workspace, note.dataset)
    part.write_text(json.dumps(asdict(note), ensure_ascii=False), encoding="utf-8")
    on_disk(part)
    part.replace(path)
    on_disk(path.parent)


def _hold(workspace: Workspace, name: str) -> None:
    coming, note = _notes(workspace, name)
    coming.replace(note)
