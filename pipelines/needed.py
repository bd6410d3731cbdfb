"""The other datasets that a run reads: each at its latest version, the same one throughout the run."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from connectors.errors import RunFailed
from pipelines import versions
from pipelines.declarations.strict_yaml import load
from pipelines.versions import Version
from pipelines.workspace import Workspace


class Needed:
    """What steps and foreign keys of one dataset read, beside its sources. `folder` is the workspace's."""

    def __init__(self, workspace: Workspace, name: str, *, hold: bool = False) -> None:
        """Nothing is looked up yet. A run is to `hold` the files until its end; who reads a row at once need not."""
        self.folder: Path = workspace.root
        self.versions: dict[str, int] = {}
        self._workspace, self._name, self._hold = workspace, name, hold
        self._found: dict[str, Version] = {}
        self._files: dict[str, Path] = {}

    def version(self, other: str) -> Version:
        """Return the latest version of another dataset. Raises RunFailed where it has none."""
        if other not in self._found:
            version = versions.latest(self._workspace, other)
            if version is None:
                raise RunFailed(f"{self._name} refers to {other}, which has no version yet: run {other} first")
            file = version.parquet
            self._files[other] = held(self._workspace, self._name, file) if self._hold else file
            self._found[other], self.versions[other] = version, version.number
        return self._found[other]

    def at(self, *keys: str | int) -> str:
        """Return file and line of what the dataset declares. Raises Misconfigured where that is no longer there."""
        shown = Path("datasets", f"{self._name}.yaml")
        return load(self.folder / shown, shown).at(*keys)

    def had(self, source: str, column: str) -> int | None:
        """Return the dataset's last version, where that was made while its source had such a column."""
        last = versions.newest(self._workspace, self._name)
        with suppress(OSError, ValueError):
            for each in last.report.get("sources", []) if last is not None else ():
                if last is not None and each["name"] == source and column in each.get("columns", ()):
                    return last.number
        return None

    def parquet(self, other: str) -> str:
        """Return the Parquet file of another dataset's version. Raises RunFailed where it has none."""
        self.version(other)
        return str(self._files[other])


def held(workspace: Workspace, name: str, parquet: Path) -> Path:
    """Return another name of a version's file, for as long as the run of `name` lasts.

    Runs of its own dataset may sweep the version away meanwhile. The name lies where the run spills, and goes with that.
    """
    second = workspace.state / "spill" / name / parquet.name
    second.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(parquet, second)
    except FileExistsError:
        pass
    except FileNotFoundError:
        raise
    except OSError:  # the disk cannot
        shutil.copyfile(parquet, second)
    return second
