"""What datasets say of their sources and the sources do not bear out; and that personal data never become open.

A dataset may be the source of another, or be read by a step of its cleaning. What is not open there stays with its
owner, and what is personal there is personal wherever it goes: that is held here, for every way from one to the next.
"""

from collections.abc import Iterator, Mapping

from connectors.columns import Column, columns_of
from pipelines.declarations import Dataset, Source, linked
from pipelines.declarations.coherence import Problem, Read, unknown
from pipelines.declarations.forms import is_read
from pipelines.declarations.sentences import among
from pipelines.declarations.strict_yaml import Keys
from pipelines.steps.vocabulary import column_of, dataset_of, parts

ALIKE = {"integer": {"number"}, "date": {"datetime"}, "geopoint": {"string"}, "geojson": {"string"}}
"""The types besides its own that hold every value of a column of a dataset; a text is tried as any."""


def unborne(read: Read) -> list[str]:
    """Return one sentence, opening with file and line, for each thing that the sources of a dataset do not bear out."""
    found = [problem for name in read.datasets for problem in _dataset(read, read.datasets[name])]
    return list(dict.fromkeys(f"{read.at(*keys)}: {said}" for keys, said in found))  # of a table, each dataset tells it


def _dataset(read: Read, dataset: Dataset) -> Iterator[Problem]:
    for position, source in enumerate(dataset.inputs):
        at: Keys = ("datasets", dataset.name, *dataset.place(position))
        if source.registry is not None:
            yield from unknown(read, (*at, "registry"), "registries", source.registry, read.registries)
            yield from _table(read, source, at)
        elif source.dataset is not None:
            yield from unknown(read, (*at, "dataset"), "datasets", source.dataset, read.datasets)
        there = _there(read, source)
        for number, column in enumerate(dataset.columns if there is not None else ()):
            if column.name in dataset.link:
                continue
            yield from _column(dataset, source, column, there or {}, _place(dataset, position, number))
        yield from _personal(read, dataset, position)
    yield from _by_steps(read, dataset)
    yield from _by_links(read, dataset)
    if dataset.audience == "open":
        yield from _closed(read, dataset)


def _table(read: Read, source: Source, at: Keys) -> Iterator[Problem]:
    """Yield what is wrong with the table that rows are read from, where it is said: by its registry, if that declares it."""
    registry, table = read.registries.get(source.registry or ""), source.table
    if source.tables is not None and table is None:  # that none is declared is told where they are spread
        return
    said = registry.check(table) if registry is not None and (read.sources or table is None) else None
    if said is None or registry is None:
        return
    if table is not None and table in getattr(registry.settings, "tables", {}):
        yield ("registries", registry.name, "tables", table), said
    else:
        yield (*at, *(("table",) if table is not None else ())), said


def _there(read: Read, source: Source) -> Mapping[str, frozenset[str]] | None:
    """Return the columns of a source with the types that hold their values; None where that is not known."""
    if source.registry is not None:
        registry = read.registries.get(source.registry)
        return registry.columns(source.table) if registry is not None and read.sources else None
    dataset = read.datasets.get(source.dataset or "")
    if dataset is None:
        return None
    return {each.name: frozenset({each.type, *ALIKE.get(each.type, ())}) for each in dataset.columns}


def _place(dataset: Dataset, position: int, number: int) -> Keys:
    return "datasets", dataset.name, *place(dataset, position, number)


def place(dataset: Dataset, position: int, number: int) -> Keys:
    """Return where it is said from what a column is read: the source's own `clean:`, the dataset's, or the schema."""
    name = dataset.columns[number].name
    own = dataset.inputs[position].clean.get(name)
    if own is not None and "source" in own.model_fields_set:
        return *dataset.place(position), "clean", name, "from"
    said = name in dataset.clean and dataset.clean[name].source is not None
    return ("clean", name, "from") if said else ("schema", "fields", number)


def _column(
    dataset: Dataset, source: Source, column: Column, there: Mapping[str, frozenset[str]], at: Keys
) -> Iterator[Problem]:
    name, cleaning = dataset.read_from(source, column.name), dataset.cleaning(source)
    steps = cleaning[column.name].steps if column.name in cleaning else []
    if name not in there:
        yield at, f"{column.name} is read from «{name}», which the source does not have{among(name, there)}"
    elif not steps and column.type not in there[name] and not ("string" in there[name] and _is_text(source, column)):
        fit = " or ".join(sorted(there[name])) or "none; have the table give it as text"
        said = f"{column.name} is of the type {column.type}, and «{name}» of the source is not"
        yield at, f"{said}: clean it with steps, or declare the type it has: {fit}"


def _is_text(source: Source, column: Column) -> bool:
    """Tell whether a text of a source can be this column's value."""
    return source.dataset is not None or is_read(column) or column.type in ("geopoint", "geojson")


# --- what stays closed -----------------------------------------------------------------------------------------------


def _personal(read: Read, dataset: Dataset, position: int) -> Iterator[Problem]:
    """Yield each column that is read from what is personal data where it comes from, and does not say so."""
    source = dataset.inputs[position]
    other = read.datasets.get(source.dataset or "")
    registry = read.registries.get(source.registry or "")
    record = registry.record if registry is not None and source.table is None else None
    there = other.columns if other is not None else columns_of(record) if record is not None else ()
    theirs = {column.name for column in there if column.personal}
    for number, column in enumerate(dataset.columns):
        name = dataset.read_from(source, column.name)
        if name in theirs and not column.personal and column.name not in dataset.link:
            said = f"{column.name} is read from «{name}» of {source.name}, which is personal data"
            yield _place(dataset, position, number), f"{said}: it stays so, say personal: of it here too"


def _by_steps(read: Read, dataset: Dataset) -> Iterator[Problem]:
    """Yield each step that makes a column of what is personal data elsewhere, where the column does not say so."""
    columns = {column.name: column for column in dataset.columns}
    for at, name, clean in dataset.cleans:
        for position, step in enumerate(clean.steps):
            used, (other, theirs) = column_of(step), dataset_of(step) or ("", ())
            there = read.datasets[other].columns if other in read.datasets else ()
            behind = [f"«{each.name}» of {other}" for each in there if each.personal and each.name in theirs]
            if used is not None and used[1] in columns and columns[used[1]].personal:
                behind.append(f"«{used[1]}»")
            if behind and name in columns and not columns[name].personal:
                said = f"the step {parts(step)[0]} makes {name} by {' and '.join(behind)}, which is personal data"
                keys: Keys = ("datasets", dataset.name, *at, name, "steps", position)
                yield keys, f"{said}: it stays so, say personal: of {name} too"


def _by_links(read: Read, dataset: Dataset) -> Iterator[Problem]:
    """Yield each link by what is personal data, here or in the other dataset, where the column does not say so.

    The key of an address that a person's row is linked to tells where she lives, and the number of a cluster lasts: it is a
    pseudonym, which brings together what is known of one person (GDPR, Article 4, 5).
    """
    columns = {column.name: column for column in dataset.columns}
    for name, link in dataset.link.items():
        if columns[name].personal:
            continue
        own, other = (
            {*linked.columns(link, dataset).values(), *linked.identity(dataset, name)},
            read.datasets.get(link.to or ""),
        )
        used = {*other.key, *linked.others(link, other).values()} if other is not None else set[str]()
        behind = [f"«{each.name}»" for each in dataset.columns if each.personal and each.name in own]
        behind += [
            f"«{each.name}» of {link.to}"
            for each in (other.columns if other else ())
            if each.personal and each.name in used
        ]
        if behind:
            said = f"{name} is filled in by linking {' and '.join(behind)}, which is personal data"
            keys: Keys = ("datasets", dataset.name, "link", name, *(("to",) if link.to is not None else ()))
            yield keys, f"{said}: it stays so, say personal: indirect of {name} at least"


def _closed(read: Read, dataset: Dataset) -> Iterator[Problem]:
    """Yield why what an open dataset is made of cannot be open: all datasets behind it are looked at."""
    at: Keys = ("datasets", dataset.name, "audience")
    for each in (dataset, *_behind(read, dataset)):
        for source in each.inputs:
            registry = read.registries.get(source.registry or "")
            if registry is not None and registry.personal:
                through = "" if each is dataset else f", and comes here through {each.name}"
                said = f"all that the registry {registry.name} tells is personal data, unless it says personal: false"
                yield at, f"audience: open is refused: {said}{through}"
        if each.audience != "open" and each.owner != dataset.owner:
            yield at, f"audience: open is refused: the rows of {each.name} are {each.owner}'s, and not open"


def _read_by(dataset: Dataset) -> Iterator[str]:
    """Yield the datasets of which a dataset takes values: its sources, those that its steps read, or that it links to."""
    yield from (source.dataset for source in dataset.inputs if source.dataset is not None)
    yield from (link.to for link in dataset.link.values() if link.to is not None)
    steps = (step for _, _, clean in dataset.cleans for step in clean.steps)
    yield from (other[0] for step in steps if (other := dataset_of(step)) is not None)


def _behind(read: Read, dataset: Dataset) -> list[Dataset]:
    """Return the datasets that one is made of, and those that they are made of; each once, whatever the circles."""
    found: dict[str, Dataset] = {}
    waiting = [dataset]
    while waiting:
        for name in _read_by(waiting.pop()):
            other = read.datasets.get(name)
            if other is not None and other.name not in found and other is not dataset:
                found[other.name] = other
                waiting.append(other)
    return list(found.values())
