"""What a dataset declares of links: a column that linking fills in, by the records that it finds to be of the same one.

The models, what such a declaration says against its own dataset (`contradictions`), and against the dataset that it links
to (`incoherences`).
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from connectors.declared import Declared
from pipelines.declarations.sentences import among
from pipelines.declarations.strict_yaml import Keys

if TYPE_CHECKING:
    from pipelines.declarations import Dataset
    from pipelines.linking.recipe import Recipe

Problem = tuple[Keys, str]

Probability = Annotated[float, Field(gt=0, lt=1)]

TYPES = ("string", "integer")
"""The types of a column that linking can fill in."""

NO_FIELD = ("geojson",)
"""The types of a column that no field of a recipe is read from."""


class Thresholds(Declared):
    """From which probability two records are one, and from which a person is asked; where not said, as the recipe says."""

    link: Probability | None = None
    review: Probability | None = None


class Link(Declared):
    """How one column is filled in: with the cluster of a record, or with the key of the row `to` which it is linked."""

    record: Literal["person", "company", "address", "parcel"]
    fields: dict[str, str] = {}
    identity: list[str] = []
    to: str | None = None
    to_fields: dict[str, str] = {}
    thresholds: Thresholds = Thresholds()
    within_sources: bool = True
    blocks: list[Annotated[list[str], Field(min_length=1)]] | None = None


def columns(link: Link, dataset: "Dataset") -> dict[str, str]:
    """Return the recipe's fields that a dataset has, each with its column."""
    return _found(link, link.fields, [each.name for each in dataset.columns if each.name not in dataset.link])


def others(link: Link, other: "Dataset") -> dict[str, str]:
    """Return the recipe's fields that the dataset has which is linked to, each with its column."""
    return _found(link, link.to_fields, [each.name for each in other.columns])


def _found(link: Link, said: dict[str, str], names: list[str]) -> dict[str, str]:
    from pipelines.linking.recipe import recipe

    fields = recipe(link.record).fields
    return {field: said.get(field, field) for field in fields if said.get(field, field) in names}


def identity(dataset: "Dataset", column: str) -> tuple[str, ...]:
    """Return the columns that identify a record within its source, for the link that fills in `column`."""
    return tuple(dataset.link[column].identity) or dataset.key


def identities(dataset: "Dataset") -> set[str]:
    """Return the columns without which a row's record is not known to a link: a row must have them all."""
    return {name for column in dataset.link for name in identity(dataset, column)}


def prepared(recipe: "Recipe", name: str) -> str | None:
    """Return the prepared column that a declared block means, which names a field of the recipe or it; None: none."""
    if name in recipe.fields:
        return recipe.columns.get(name)
    made = {column for each in recipe.blocks for column in (*each.on, *each.then)}
    made |= {column for each in recipe.comparisons for column in each.missing}
    return name if name in made else None


def contradictions(dataset: "Dataset", names: list[str]) -> Iterator[Problem]:
    """Yield what the links of a dataset, whose columns are `names`, say against it."""
    for column, link in dataset.link.items():
        at: Keys = ("link", column)
        if column not in names:
            yield at, f"link names «{column}», which is no column{among(column, names)}"
            continue
        yield from (((*at, *keys), said) for keys, said in _identity(dataset, column, link, names))
        yield from (((*at, *keys), said) for keys, said in _recipe(dataset, link, names))
        yield from _column(dataset, column, link)
        if link.to is not None and link.to in [source.name for source in dataset.inputs]:
            said = f"a source of this dataset is called «{link.to}» too, and a record is known by that name"
            yield (*at, "to"), f"{said}: give the source another one, with name:"


def doubts(dataset: "Dataset") -> Iterator[str]:
    """Yield what links declare that is no contradiction, and may yet find less than is there without anybody noticing."""
    from pipelines.linking.recipe import recipe

    for column, link in dataset.link.items():
        if link.blocks is not None:
            own = "; ".join(" and ".join(block) for block in link.blocks)
            yield (
                f"blocks: of the link {column} stands for all {len(recipe(link.record).blocks)} blocks of the recipe"
                f" {link.record}: two records that have none of these alike are never compared: {own}. Take it out, unless a"
                " run takes too long with the recipe's"
            )


def _column(dataset: "Dataset", name: str, link: Link) -> Iterator[Problem]:
    """Yield what is said of a column that linking fills in and cannot hold of it."""
    column = next(each for each in dataset.columns if each.name == name)
    at: Keys = ("link", name)
    if column.type not in TYPES:
        yield at, f"«{name}» is of the type {column.type}: linking fills in a {' or '.join(TYPES)}"
    for where, cleaned, _ in dataset.cleans:
        if cleaned == name:
            yield (*where, name), f"«{name}» is filled in by link:, from no source: take it out of clean:"
    said = column.constraints.model_dump(by_alias=True, exclude_defaults=True)
    for rule in said:
        if rule != "required":
            yield at, f"«{name}» is filled in by link:, and no rule holds of it but required: take {rule} out"
        elif link.to is not None:
            yield at, f"«{name}» is empty where a row is linked to none of {link.to}: it cannot be required"
    for position, key in enumerate(dataset.foreign_keys):
        if key.column == name and key.reference.resource != link.to:
            keys: Keys = ("schema", "foreignKeys", position, "reference")
            yield keys, f"«{name}» is filled in by link:, with keys of {link.to or 'no other dataset'}: take this out"
    if name == dataset.merge.recent:
        yield ("merge", "recent"), f"«{name}» is filled in by link:, and tells of no row that it is the more recent"


def _identity(dataset: "Dataset", column: str, link: Link, names: list[str]) -> Iterator[Problem]:
    if column in dataset.key and link.to is not None:
        yield ("to",), f"«{column}» is part of the key, and empty where a row is linked to none of {link.to}"
    elif not link.identity and any(name in dataset.link for name in dataset.key):
        yield (), "the key is filled in by linking: say identity:, the columns that identify a record within its source"
    for position, name in enumerate(link.identity):
        at: Keys = ("identity", position)
        if name not in names:
            yield at, f"identity names «{name}», which is no column{among(name, names)}"
        elif name in dataset.link:
            yield at, f"«{name}» is filled in by linking: no record is known by it before"
        elif name in link.identity[:position]:
            yield at, f"identity names «{name}» twice"


def _recipe(dataset: "Dataset", link: Link, names: list[str]) -> Iterator[Problem]:
    """Yield what a link says against its recipe."""
    from pipelines.linking.recipe import recipe as recipe_of

    recipe = recipe_of(link.record)
    types = {each.name: each.type for each in dataset.columns}
    for key, fields in (("fields", link.fields), ("to_fields", link.to_fields)):
        for field in fields:
            if field not in recipe.fields:
                yield (key, field), f"the recipe {link.record} has no field «{field}»{among(field, recipe.fields)}"
    for field, name in link.fields.items():
        if name not in names:
            yield ("fields", field), f"fields names «{name}», which is no column{among(name, names)}"
        elif name in dataset.link:
            yield ("fields", field), f"«{name}» is filled in by linking: nothing is linked by it"
    found = columns(link, dataset)
    for field, name in found.items():
        if types[name] in NO_FIELD:
            yield (
                ("fields", *([field] if field in link.fields else [])),
                (f"the field {field} is read from «{name}», which is of the type {types[name]}"),
            )
    if not found:
        yield (), f"no column has a field of the recipe {link.record}: say fields: {{FIELD: COLUMN}}"
    yield from _apart(link, recipe, found)


def _apart(link: Link, recipe: "Recipe", found: dict[str, str]) -> Iterator[Problem]:
    """Yield what keys of a link say against each other."""
    said = link.thresholds.link or recipe.thresholds.link, link.thresholds.review or recipe.thresholds.review
    if said[1] > said[0]:
        yield ("thresholds",), f"review {said[1]:g} is above link {said[0]:g}: no pair could be left to a person"
    if found and not _suffices(recipe, found, said[0]):
        told = f"by {', '.join(found)} alone no two records can be told to be one: say more fields"
        yield (("fields",) if link.fields else ()), told
    if link.to is None and link.to_fields:
        yield ("to_fields",), "to_fields are of the dataset that is linked to, and there is no to:"
    if link.to is not None and not link.within_sources:
        yield ("within_sources",), f"rows are linked to those of {link.to} only: take within_sources: out"
    for position, block in enumerate(link.blocks or ()):
        for field in block:
            if field in found and prepared(recipe, field) is None:
                names = f"blocks names «{field}», and nothing that is compared is made of it alone"
                yield ("blocks", position), f"{names}{among(field, set(found) & set(recipe.columns))}"
            elif prepared(recipe, field) is None or (field in recipe.fields and field not in found):
                yield ("blocks", position), f"blocks names «{field}», no field that the rows have{among(field, found)}"


def _suffices(recipe: "Recipe", found: dict[str, str], threshold: float) -> bool:
    """Tell whether records alike in all these fields could be linked, by the recipe's own m and u: even odds before."""
    used = [each for each in recipe.comparisons if set(each.fields) & set(found)]
    best = sum(math.log2(max(level.m / level.u for level in each.levels)) for each in used)
    return any(each.exact for each in used) or best >= math.log2(threshold / (1 - threshold))


def incoherences(link: Link, kind: str, other: "Dataset") -> Iterator[Problem]:
    """Yield what a link, whose column is of the type `kind`, says against the dataset that it links to."""
    types = {each.name: each.type for each in other.columns}
    if len(other.key) != 1:
        yield ("to",), f"the key of {other.name} has several columns: what is linked gets one value"
    elif types[other.key[0]] != kind:
        said = f"this column is of the type {kind}, and the key of {other.name} is of the type {types[other.key[0]]}"
        yield ("to",), f"{said}: make them the same"
    for field, name in link.to_fields.items():
        if name not in types:
            yield ("to_fields", field), f"{other.name} has no column «{name}»{among(name, types)}"
    found = others(link, other)
    for field, name in found.items():
        if types[name] in NO_FIELD:
            yield ("to",), f"the field {field} is read from «{name}» of {other.name}, of the type {types[name]}"
    if not found:
        yield ("to",), f"{other.name} has no field of the recipe {link.record}: say to_fields: {{FIELD: COLUMN}}"
