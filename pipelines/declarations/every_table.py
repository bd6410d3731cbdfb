"""Sources that are every table which a registry declares: `{registry: towns, tables: "*"}` in the place of a line each.

A table that another source of the dataset names is left out: it stands where its own line does, before or after the others.
"""

from collections.abc import Iterator

from pipelines.declarations import Dataset, Source
from pipelines.declarations.coherence import Problem, Read


def spread(read: Read) -> list[str]:
    """Give each dataset a source for each of the tables; return one sentence, with file and line, for what is wrong."""
    found = list[Problem]()
    for name, dataset in read.datasets.items():
        if any(source.tables for source in dataset.sources):
            read.datasets[name], problems = _spread(read, dataset)
            found += problems
    return [f"{read.at(*keys)}: {said}" for keys, said in found]


def _spread(read: Read, dataset: Dataset) -> tuple[Dataset, list[Problem]]:
    """Return a dataset with a source for each of the tables, in the registry's order, and what is wrong with that."""
    sources, problems = list[Source](), list[Problem]()
    for position, source in enumerate(dataset.sources):
        if source.tables is None:
            sources.append(source.written_at(position))
            continue
        found = list(_each(read, dataset, source, position))
        sources += found or [source]
        if not found and source.registry in read.registries:  # that there is no such registry is told elsewhere
            said = f"{source.registry} declares no table that another source here does not name: write them under its tables:"
            problems.append((("datasets", dataset.name, "sources", position, "tables"), said))
    names = [source.name for source in sources]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        said = f"two sources are called «{twice[0]}»: give one another name:"
        problems.append((("datasets", dataset.name, "sources"), said))
    return (dataset if problems else dataset.model_copy(update={"sources": sources})), problems


def _each(read: Read, dataset: Dataset, source: Source, position: int) -> Iterator[Source]:
    """Yield a source for each table of its registry; none where that is not known."""
    named = {other.table for other in dataset.sources if other.registry == source.registry}
    registry = read.registries.get(source.registry or "")
    for table in getattr(registry.settings, "tables", {}) if registry is not None else {}:
        if table not in named:
            yield source.model_copy(update={"table": table}).written_at(position)
