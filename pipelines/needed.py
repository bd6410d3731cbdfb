"""The other datasets that a run reads: each at its latest version, the same one throughout the run."""

from pathlib import Path

from connectors.errors import RunFailed
from pipelines import versions
from pipelines.versions import Version
from pipelines.workspace import Workspace


class Needed:
    """What steps and foreign keys of one dataset read, beside its sources. `folder` is the workspace's."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        """Nothing is looked up yet."""
        self.folder: Path = workspace.root
        self.versions: dict[str, int] = {}
        self._workspace, self._name = workspace, name
        self._found: dict[str, Version] = {}

    def version(self, other: str) -> Version:
        """Return the latest version of another dataset. Raises RunFailed where it has none."""
        if other not in self._found:
            version = versions.latest(self._workspace, other)
            if version is None:
                raise RunFailed(f"{self._name} refers to {other}, which has no version yet: run {other} first")
            self._found[other], self.versions[other] = version, version.number
        return self._found[other]

    def parquet(self, other: str) -> str:
        """Return the Parquet file of another dataset's version. Raises RunFailed where it has none."""
        return str(self.version(other).parquet)
