"""What is amiss with the links of a dataset: files of its latest version, people's decisions, the highest id that was given."""

from collections.abc import Iterator
from typing import Literal

from connectors.errors import Unavailable
from pipelines import versions
from pipelines.linking import files
from pipelines.linking.clustering import stable
from pipelines.linking.deciding import decisions
from pipelines.workspace import Workspace

Amiss = tuple[Literal["broken", "undeclared"], str]


def of(workspace: Workspace, name: str) -> Iterator[Amiss]:
    """Yield what is amiss, in sentences that say what to do."""
    dataset = workspace.datasets[name]
    for column, link in dataset.link.items():
        try:
            decisions.load(workspace, name, column)
            stable.told(stable.file(workspace, name, column))
            if link.to is None:
                from pipelines.linking import lasting  # what it imports takes a second

                lasting.given(workspace, name, column)
        except Unavailable as error:
            yield "broken", error.detail
    for column in _others(workspace, name):
        said = f"what people decided on the link «{column}» of {name} is still there, and the link is declared no more"
        yield "undeclared", f"{said}: declare it again, or remove .beffroi/decisions/{name}.{column}.*"
    try:
        last = versions.newest(workspace, name)
    except Unavailable:
        return
    if last is not None and last.declared == versions.declared(dataset) and files.damaged(dataset, last.folder):
        said = f"version {last.number} of {name}: what its links were made from is damaged or gone"
        yield "broken", f"{said}: `beffroi link {name} --full` makes it anew"


def _others(workspace: Workspace, name: str) -> list[str]:
    """Return the columns that people decided on, and that no link fills in any more."""
    found = (workspace.state / "decisions").glob(f"{name}.*.jsonl")
    columns = {file.name.removeprefix(f"{name}.").removesuffix(".jsonl") for file in found}
    return sorted(columns - set(workspace.datasets[name].link))
