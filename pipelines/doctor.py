"""What is amiss in a workspace's state: leftovers of what was killed, state of datasets that are no more, damage.

Each dataset is looked at under its lock, so that nothing of a run under way is taken for a leftover. Leftovers are what
the next run would sweep away as well, and what no run looks after; they are removed where that is asked for. Damage is
told, with what to do: nothing here repairs what it would have to guess.
"""

import contextlib
import json
import shutil
import time
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import lmdb
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from connectors.errors import Unavailable
from pipelines import by_column, databases, index, metrics, raw, retention, rollback, runs, versions
from pipelines.declarations import Dataset
from pipelines.linking import amiss as links_amiss
from pipelines.versions import Version
from pipelines.workspace import Workspace

Kind = Literal["leftover", "undeclared", "broken", "busy"]

FOLDERS = ("lake", "versions", "raw", "runs", "failed")
"""Folders of the state that have a folder for each dataset."""

FILES = (("held", ".json"), ("corrections", ".jsonl"), ("decisions", ".*"))
"""Folders of the state that have a file for each dataset, and how it ends."""

MINUTE, DAY = 60.0, 86_400.0


@dataclass(frozen=True)
class Finding:
    """One thing that is amiss, in a sentence. `path` is below the state's folder; `mended` tells that it is gone."""

    dataset: str | None
    kind: Kind
    detail: str
    path: str | None = None
    bytes: int = 0
    mended: bool = False


@dataclass(frozen=True)
class Sizes:
    """What a dataset takes on disk, in bytes."""

    dataset: str
    lake: int
    versions: int
    raw: int


def examine(workspace: Workspace, names: list[str], *, mend: bool) -> Iterator[Finding]:
    """Yield what is amiss with the named datasets (everything, where none is named); with `mend` remove leftovers.

    The state of a dataset that is declared no more is removed where it is named, and only then. Raises NotFound for a
    name that is neither declared nor has any state, OSError.
    """
    gone = undeclared(workspace)
    for name in names or [*sorted(workspace.datasets), *gone]:
        if name in gone:
            yield _no_more(workspace, name, mend=mend and name in names)
        else:
            found = _of(workspace, workspace.dataset(name).name, mend=mend)
            yield from found
            yield from _damaged_raw(workspace, name, {each.path for each in found})
    if not names:
        yield from _of_all(workspace, mend=mend)


def sizes(workspace: Workspace, names: list[str]) -> list[Sizes]:
    """Return what each of the named datasets takes on disk (all that have any state, where none is named)."""
    chosen = names or sorted({*workspace.datasets, *undeclared(workspace)})
    return [Sizes(name, *(_bytes(workspace.state / folder / name) for folder in FOLDERS[:3])) for name in chosen]


def undeclared(workspace: Workspace) -> list[str]:
    """Return the names of the datasets that have state and are declared no more."""
    found = {path.name for folder in FOLDERS for path in (workspace.state / folder).glob("*") if path.is_dir()}
    for folder, end in FILES:
        found |= {path.name.partition(".")[0] for path in (workspace.state / folder).glob(f"*{end}")}
    return sorted(found - set(workspace.datasets))


def _bytes(path: Path) -> int:
    """Return how many bytes a file has, or all files in a folder; what vanishes meanwhile has none."""
    files = path.rglob("*") if path.is_dir() else (path,)
    total = 0
    for file in files:
        with contextlib.suppress(OSError):
            total += file.stat().st_size if file.is_file() else 0
    return total


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


# --- one dataset -----------------------------------------------------------------------------------------------------


def _of(workspace: Workspace, name: str, *, mend: bool) -> list[Finding]:
    try:
        with versions.alone(workspace, name):
            found = [Finding(name, "broken", detail) for detail in _broken(workspace, name)]
            found += [Finding(name, *told) for told in links_amiss.of(workspace, name)]
            left = list(dict.fromkeys(_leftovers(workspace, name)))
            whole = [each for each in left if not {*each.parents} & {*left}]
            return [*found, *(_leftover(workspace, name, each, mend=mend) for each in whole)]
    except Unavailable as error:
        return [Finding(name, "busy", f"{error.detail}: it was not looked at")]


def _leftover(workspace: Workspace, name: str | None, path: Path, *, mend: bool) -> Finding:
    place = str(path.relative_to(workspace.state))
    found = Finding(name, "leftover", f"{place} belongs to nothing any more", place, _bytes(path))
    if mend:
        _remove(path)
        found = replace(found, mended=True)
    return found


def _leftovers(workspace: Workspace, name: str) -> Iterator[Path]:
    """Yield what is left of a dataset's runs, none of which is under way."""
    state = workspace.state
    try:
        yield from retention.leftovers(workspace, name)
        yield from _stale(workspace, name)
    except Unavailable:  # a damaged log does not tell what belongs to it
        pass
    yield from (runs.failed_folder(workspace, name)).glob("*.part")
    yield from (state / "runs" / name).glob("*.part")
    yield from (state / "decisions").glob(f"{name}.*.part")
    yield from (state / folder / f"{name}.part" for folder, _ in FILES if (state / folder / f"{name}.part").exists())
    yield from (path for path in [rollback.half(workspace, name)] if path.exists())
    spilled = [name, *([f"faces-{name}"] if f"faces-{name}" not in workspace.datasets else [])]
    yield from (state / "spill" / each for each in spilled if (state / "spill" / each).exists())


def _stale(workspace: Workspace, name: str) -> Iterator[Path]:
    """Yield what a failed run left before a later one succeeded, and notes of rollbacks that never came about."""
    failed, last = runs.failed_folder(workspace, name), versions.newest(workspace, name)
    if failed.is_dir():
        began, made = (_began(each / "report.json") for each in (failed, last.folder if last else failed))
        if began is None or (last is not None and made is not None and began < made):
            yield failed
    if rollback.held(workspace, name) is None:
        yield from (path for path in (workspace.state / "held").glob(f"{name}*.json") if _is_of(path, name))


def _is_of(path: Path, name: str) -> bool:
    return path.name in (f"{name}.json", f"{name}.next.json")


def _began(file: Path) -> str | None:
    """Return when the run of a report began; None where it cannot tell."""
    try:
        said: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return str(said["started"])
    except (OSError, ValueError, KeyError):
        return None


# --- damage ----------------------------------------------------------------------------------------------------------


def _broken(workspace: Workspace, name: str) -> Iterator[str]:
    """Yield what of a dataset is damaged, in sentences that say what to do."""
    try:
        found = versions.history(workspace, name)
    except Unavailable as error:
        yield (
            f"{error.detail}: put .beffroi/lake/{name} back from a backup; where there is none, move that folder away and"
            f" `beffroi run {name} --full`: the versions begin anew"
        )
        return
    notes = workspace.state / "raw" / name / raw.NOTES
    if notes.is_file() and not raw.readings(notes.parent):
        yield (
            f"what the last runs of {name} were made from is not there any more: `beffroi run {name} --full` reads its"
            " sources anew; until then its quarantine cannot be replayed"
        )
    for version in found:
        if version is found[-1]:
            others = [each for each in found[:-1] if _whole(each) is None]
            yield from _latest(workspace.datasets[name], version, others)
        elif version.parquet.is_file() and (wrong := _whole(version)):
            yield (
                f"version {version.number} of {name}: its Parquet file {wrong}: it cannot be rolled back to; put it back"
                f" from a backup, or remove .beffroi/lake/{name}/{version.parquet.name}"
            )


def _latest(dataset: Dataset, version: Version, others: list[Version]) -> Iterator[str]:
    name = version.dataset
    if wrong := _whole(version):
        back = f"`beffroi rollback {name} {others[-1].number}` brings the one before back, or " if others else ""
        remove = f"remove .beffroi/lake/{name}/{version.parquet.name}, then " if version.parquet.is_file() else ""
        said = f"version {version.number} of {name}, its latest: its Parquet file {wrong}"
        yield f"{said}: {remove}{back}`beffroi run {name} --full` makes a new one"
        return
    if wrong := _ready(dataset, version):
        yield f"version {version.number} of {name}: {wrong}: `beffroi run {name}` makes it anew"


def _whole(version: Version) -> str | None:
    """Return what is wrong with the Parquet file of a version."""
    try:
        with pq.ParquetFile(version.parquet) as parquet:
            rows = parquet.metadata.num_rows
    except FileNotFoundError:
        return "is gone"
    except (OSError, pa.ArrowException):
        return "is damaged"
    return None if rows == version.rows else f"has {rows:,} rows, and was committed with {version.rows:,}"


def _ready(dataset: Dataset, version: Version) -> str | None:
    """Return what is wrong with the ready-made files of a version, made under the declaration of today or not."""
    if not version.csv.is_file():
        return "its CSV file is gone"
    try:
        entries = index.count(version)
    except (lmdb.Error, OSError):
        return "its index is gone or damaged"
    if entries != version.rows:
        return f"its index has {entries:,} rows, and it has {version.rows:,}"
    today = version.declared == versions.declared(dataset)
    if today and not by_column.is_of(dataset, version.parquet, version.folder):
        return "its index by columns is gone or damaged, or not of the columns that index: names"
    return "its report is gone or damaged" if _began(version.folder / "report.json") is None else None


def _damaged_raw(workspace: Workspace, name: str, told: Container[str | None]) -> Iterator[Finding]:
    """Yield raw inputs whose content is not what their name says: a digest of it. It needs no lock: they never change.

    One that a run removes meanwhile is passed over, as is what was `told` to be a leftover.
    """
    for path in sorted((workspace.state / "raw" / name).glob("*")):
        place = str(path.relative_to(workspace.state))
        if path.suffix in (".csv", ".parquet") and place not in told:
            with contextlib.suppress(FileNotFoundError):
                if raw.digest_of(path) != path.stem:
                    said = f"{place} is damaged: remove it and `beffroi run {name} --full`"
                    yield Finding(name, "broken", said, place, _bytes(path))


# --- what is of no dataset -------------------------------------------------------------------------------------------


def _no_more(workspace: Workspace, name: str, *, mend: bool) -> Finding:
    """Tell of, or remove, all that is kept of a dataset that is declared no more, in the databases too."""
    paths = [workspace.state / folder / name for folder in FOLDERS]
    paths += [path for folder, end in FILES for path in (workspace.state / folder).glob(f"{name}.*") if end]
    there = [path for path in paths if path.exists()]
    size = sum(map(_bytes, there))
    said = f"{name} is declared no more, and its state is still there"
    if any(path.parent.name == "decisions" for path in there):
        said += ", with people's decisions on its links and the highest id given (ids would be given again)"
    found = Finding(name, "undeclared", f"{said}: `beffroi doctor --mend {name}` removes it for good", None, size)
    if not mend:
        return found
    try:
        with versions.alone(workspace, name):
            for path in there:
                _remove(path)
    except Unavailable as error:
        return Finding(name, "busy", f"{error.detail}: it was not removed", None, size)
    databases.refresh(workspace)
    return replace(found, detail=f"{name} is declared no more", mended=True)


def _of_all(workspace: Workspace, *, mend: bool) -> Iterator[Finding]:
    """Yield leftovers of the databases, of the metrics, and of comparisons that nobody makes any more."""
    folder, spill = workspace.state / "databases", workspace.state / "spill"
    if folder.is_dir():
        try:
            with FileLock(folder / "databases.lock", timeout=0):
                for path in (*folder.glob("*.part"), *folder.glob("*.part.wal"), *folder.glob("*.spill")):
                    yield _leftover(workspace, None, path, mend=mend)
        except Timeout:
            yield Finding(None, "busy", "the databases are being made: they were not looked at")
    old = [(path, MINUTE) for path in workspace.state.glob(f"{metrics.FILE}.*")]
    old += [(path, DAY) for path in spill.glob("*") if path.name not in workspace.datasets]
    for path, age in old:
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > age:
                yield _leftover(workspace, None, path, mend=mend)
