"""What `beffroi connector add` tells of a draft, and which files of it: those that were asked for, and that load."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from ruamel.yaml import YAML

from connectors.errors import InvalidRequest
from gateway import console
from gateway.french import told
from gateway.languages import as_read
from pipelines.declarations.sentences import among
from pipelines.declarations.strict_yaml import load

if TYPE_CHECKING:
    from connectors.drafting import Draft


def chosen(
    root: Path,
    kind: str,
    name: str,
    found: "Draft",
    datasets: Sequence[str],
    lookups: Sequence[str],
    *,
    declared: bool,
) -> tuple[dict[str, str], list[str]]:
    """Return the texts to write by their paths, and in words what stays unwritten or is to be filled in.

    Of a registry that is `declared` already the file stays: tables and lookup must be in it. Raises InvalidRequest for
    what the draft, or such a registry, does not have.
    """
    there = _declared(root, name) if declared else {}
    if declared and there.get("kind") != kind:
        raise InvalidRequest(f"the registry {name} is of kind {there.get('kind')}, not {kind}: take another --name")
    left = [f"registries/{name}.yaml stays as it is."] if declared else []
    texts = {} if declared else {f"registries/{name}.yaml": found.declaration}
    texts |= _datasets(root, name, found, datasets, there, left)
    return texts | _lookups(root, name, found, lookups, there if declared else None, texts, left), left


def tell(found: "Draft") -> None:
    """Show what was found in a source, with the evidence."""
    for each in found.seen:
        console.note(f"{each.name}{told()(': ')}{as_read(each.about)}")
        for evidence in each.evidence:
            console.note(f"    {as_read(evidence)}")
    for note in found.notes:
        console.note(as_read(note))


def tell_written(texts: Mapping[str, str], left: Sequence[str]) -> None:
    """Show what was written and what was not, and say what comes next."""
    for path in texts:
        click.echo(path)
    for note in left:
        console.note(as_read(note))
    names = " ".join(Path(path).stem for path in texts if path.startswith("datasets/"))
    if texts:
        line = f"beffroi check && beffroi run {names}" if names else "beffroi check"
        console.note(told()("Read it, then: {line}" if len(texts) == 1 else "Read them, then: {line}", line=line))


def _declared(root: Path, name: str) -> Mapping[str, Any]:
    """Return what a workspace says of a registry, in a file of its own or in beffroi.yaml."""
    own = root / "registries" / f"{name}.yaml"
    if own.is_file():
        data = load(own, Path("registries") / own.name).data
        return data if isinstance(data, Mapping) else {}
    whole: Any = load(root / "beffroi.yaml", Path("beffroi.yaml")).data
    data = whole["registries"][name]
    return data if isinstance(data, Mapping) else {}


def _datasets(
    root: Path, name: str, found: "Draft", wanted: Sequence[str], there: Mapping[str, Any], left: list[str]
) -> dict[str, str]:
    for table in wanted:
        if table != "all" and table not in found.datasets:
            raise InvalidRequest(f"there is no table «{table}» in it{among(table, found.datasets)}")
        if table != "all" and there.get("tables") and table not in there["tables"]:
            raise InvalidRequest(
                f"registries/{name}.yaml has no table {table}: add it there first, as --show without --dataset prints it"
            )
    texts = {table: found.datasets[table] for table in wanted if table != "all"}
    for table, text in texts.items():
        if left_out := blank_keys(text):
            left.append(f"datasets/{table}.yaml: fill in what only you know: {', '.join(left_out)}")
    if "all" in wanted:
        more = {table: text for table, text in found.datasets.items() if table not in texts}
        texts |= dict(_loading(root, more, set(texts), there, left))
    for table, text in texts.items():
        if lacking := [each for each in _references(text) if each not in texts and not _is_there(root, each)]:
            left.append(
                f"datasets/{table}.yaml refers to {', '.join(lacking)}: write that too (--dataset {lacking[0]})"
            )
    return {f"datasets/{table}.yaml": text for table, text in texts.items()}


def _loading(
    root: Path, texts: Mapping[str, str], written: set[str], there: Mapping[str, Any], left: list[str]
) -> Iterator[tuple[str, str]]:
    """Yield the datasets that load as they stand, and say in `left` why the others do not."""
    why = dict[str, str]()
    for table, text in texts.items():
        if left_out := blank_keys(text):
            why[table] = f"only you know {', '.join(left_out)}: --dataset {table} writes it to be filled in"
        elif there and _is_there(root, table):
            why[table] = "it is there already"
        elif there.get("tables") and table not in there["tables"]:
            why[table] = "the registry has no such table: add it there first"
    lacking: str | None = ""
    while lacking is not None:
        good = {table for table in texts if table not in why} | written
        broken = (
            (table, each)
            for table in texts
            if table not in why
            for each in _references(texts[table])
            if each not in good and not _is_there(root, each)
        )
        table, lacking = next(broken, ("", None))
        if lacking is not None:
            why[table] = f"it refers to {lacking}, which is not written"
    left += [f"datasets/{table}.yaml is not written: {reason}" for table, reason in why.items()]
    yield from ((table, text) for table, text in texts.items() if table not in why)


def _lookups(
    root: Path,
    name: str,
    found: "Draft",
    wanted: Sequence[str],
    there: Mapping[str, Any] | None,
    texts: Mapping[str, str],
    left: list[str],
) -> dict[str, str]:
    if wanted and not found.lookups:
        raise InvalidRequest(
            "there is no lookup in it: no table has a key of one column, no operation asks for one record"
        )
    made = dict[str, str]()
    for lookup in found.lookups if "all" in wanted else wanted:
        if lookup not in found.lookups:
            raise InvalidRequest(f"there is no lookup «{lookup}» in it{among(lookup, found.lookups)}")
        [provider] = YAML(typ="safe").load(found.lookups[lookup])["providers"]
        dataset = provider.get("dataset")
        reason = ""
        if dataset is not None and f"datasets/{dataset}.yaml" not in texts and not _is_there(root, dataset):
            reason = f"it answers rows of the dataset {dataset}: say --dataset {dataset} too"
        elif dataset is None and there is not None and "lookup" not in there:
            reason = f"registries/{name}.yaml has no lookup: take the drafted one on there first, as --show prints it"
        if reason and "all" not in wanted:
            raise InvalidRequest(f"lookups/{lookup}.yaml is not written: {reason}")
        if reason:
            left.append(f"lookups/{lookup}.yaml is not written: {reason}")
        else:
            made[f"lookups/{lookup}.yaml"] = found.lookups[lookup]
    return made


def _is_there(root: Path, dataset: str) -> bool:
    return (root / "datasets" / f"{dataset}.yaml").is_file()


def blank_keys(text: str) -> list[str]:
    """Return the keys of a drafted dataset that are to be filled in, but for the owner, which a command knows."""
    from connectors.drafting import blanks

    found = (str(keys[-2] if isinstance(keys[-1], int) else keys[-1]) for keys in blanks(YAML(typ="safe").load(text)))
    return list(dict.fromkeys(key for key in found if key != "owner"))


def _references(text: str) -> list[str]:
    """Return the datasets that a drafted dataset's foreign keys lead to."""
    keys = YAML(typ="safe").load(text)["schema"].get("foreignKeys") or []
    return [key["reference"]["resource"] for key in keys]
