"""What is wrong with a lookup that takes an identity: it is asked of columns of its datasets, and is always personal."""

from collections.abc import Iterator, Mapping

from connectors.identities import SCHEME, IdentityField, Kind
from pipelines.declarations import Dataset
from pipelines.declarations.configuration import Lookup
from pipelines.declarations.sentences import among
from pipelines.declarations.strict_yaml import Keys

TYPES: Mapping[Kind, tuple[str, ...]] = {"date": ("date",), "names": ("string", "array")}
"""The types of column that a kind of field is compared with; the others are texts."""

FINDS: tuple[Kind, ...] = ("date", "partial-date", "place")
"""Kinds of fields by which an index finds few rows: they are written in one way everywhere, and tell many apart."""


def problems(lookup: Lookup, datasets: Mapping[str, Dataset]) -> Iterator[tuple[Keys, str]]:
    """Yield what a lookup's `identity:` says and its datasets do not have, each with the keys under the lookup."""
    model = lookup.record_model
    taken = getattr(lookup.asked_model, "identifiers", {})  # a record whose declaration is broken has none
    if SCHEME in taken and model.model_fields and not model.is_personal():
        said = (
            f"an identity is somebody's, and no field of {model.__name__} is personal data: say personal: true of them"
        )
        yield ("record",) if lookup.identity is None else ("identity",), said
    if lookup.identity is None:
        return
    names = [each.dataset for each in lookup.providers if each.dataset is not None]
    if not names:
        said = "it is asked of datasets; of a registry, say it under lookup: identifier: fields: of that"
        yield ("identity",), said
    for dataset in (datasets[name] for name in names if name in datasets):
        yield from ((("identity", *keys), said) for keys, said in _of_dataset(dataset, lookup.identity))


def _of_dataset(dataset: Dataset, fields: Mapping[str, IdentityField]) -> Iterator[tuple[Keys, str]]:
    types = {column.name: column.type for column in dataset.columns}
    for name, field in fields.items():
        wanted = TYPES.get(field.type, ("string",))
        if name not in types:
            yield (name,), f"{dataset.name} has no column «{name}»{among(name, types)}"
        elif types[name] not in wanted:
            said = f"a {field.type} is held against a column of the type {' or '.join(wanted)}"
            yield (name,), f"{said}, and {name} of {dataset.name} is of the type {types[name]}"
    finding = [name for name, field in fields.items() if field.type in FINDS and field.required]
    if not set(finding) & set(dataset.index):
        said = f"nothing finds a row of {dataset.name} by it: name a required date or place of it under that dataset's index:"
        yield (), said + among("", finding)
