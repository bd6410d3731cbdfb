"""What `beffroi link` reads of a version's links to explain them: by itself names, weights and no value.

Values, and the identities of records that nobody named, are an access like any other: journaled, and where data are
personal or not open, for a purpose.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connectors.errors import InvalidRequest, NotFound, Unavailable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from pipelines.linking.deciding.decisions import Decision
    from pipelines.linking.recipe import Recipe, Thresholds
    from pipelines.linking.telling.explained import Explanation, Values
    from pipelines.linking.telling.sample import Drawn
    from pipelines.versions import Version
    from pipelines.workspace import Workspace

Names = Callable[[str], str]

RECORDS = 20
"""Pairs of one record, and links of one cluster, that are told."""


@dataclass(frozen=True)
class Asked:
    """Of which link of which version something is asked, by whom (for which purpose), and in which language it is told."""

    workspace: "Workspace"
    dataset: str
    column: str
    version: "Version"
    language: str
    raw: bool = False
    purpose: str | None = None

    def is_theirs(self, identity: str) -> bool:
        """Tell whether an identity is that of a record of the dataset which is linked to; it may be gone."""
        to = self.workspace.dataset(self.dataset).link[self.column].to
        return to is not None and bool(json.loads(identity)[0] == to)


@dataclass
class Why:
    """Why two records are linked or not, or one is in its cluster; `way` are the links that lead from one to the other.

    `decision` is why what people decided of the two has no effect: `aside`, `pending`. `links` are those that hold a record's cluster together, the strongest first, `pairs` what else it may be.
    """

    column: str
    version: int
    pair: "Explanation | None" = None
    kept: bool = True
    decision: str | None = None
    cluster: int | None = None
    members: int = 0
    way: list["Explanation"] = field(default_factory=list)
    links: list["Explanation"] = field(default_factory=list)
    weakest: "Explanation | None" = None
    pairs: list["Explanation"] = field(default_factory=list)


def asked(
    workspace: "Workspace",
    dataset: str,
    column: str | None,
    language: str,
    *,
    raw: bool = False,
    purpose: str | None = None,
) -> Asked:
    """Find the link that is meant. Raises InvalidRequest, NotFound without one, Unavailable where its files are gone."""
    from pipelines import versions
    from pipelines.linking import files

    links = list(workspace.dataset(dataset).link)
    if not links:
        raise InvalidRequest(f"{dataset} declares no link:")
    if column is None and len(links) > 1:
        raise InvalidRequest(f"{dataset} has several links: say which with --column: {', '.join(links)}")
    if column is not None and column not in links:
        raise InvalidRequest(f"{dataset} has no link «{column}»: there is {', '.join(links)}")
    chosen, version = column or links[0], versions.newest(workspace, dataset)
    if version is None:
        raise NotFound(f"{dataset} has no version yet: `beffroi run {dataset}`")
    if not files.pairs(version.folder, chosen).is_file() or not files.records(version.folder, chosen).is_file():
        raise Unavailable(
            f"the links of version {version.number} of {dataset} are no longer kept: `beffroi link {dataset}`"
        )
    return Asked(workspace, dataset, chosen, version, language, raw, purpose)


async def why(of: Asked, records: Sequence[str]) -> Why:
    """Explain two records, or the cluster of one. Raises what `decide` raises, NotFound where a record is not there."""
    from gateway.commands import link_decided
    from pipelines import evidence
    from pipelines.linking.telling import looking

    decided = link_decided.load(of)
    said = decided if of.raw else {}  # a note may tell anything
    with evidence.engine() as connection:
        told = [resolved(connection, of, each) for each in records]
        names = _names(of, [each for each in told if each in records or not _numbered(of)])
        found = Why(of.column, of.version.number)
        numbers = {looking.number_of(connection, of.version.folder, of.column, each) for each in told}
        shown: dict[str, list[dict[str, Any]]] = {"way": [], "links": [], "pairs": [], "weakest": []}
        if len(told) == 1:
            shown["pairs"] = looking.of_record(connection, of.version.folder, of.column, told[0], RECORDS)
        together = len(numbers) == 1 and None not in numbers
        if len(numbers) == 1 and (number := numbers.pop()) is not None:
            cluster = looking.cluster(connection, of.version.folder, of.column, number)
            cluster = link_decided.held(connection, of, cluster, decided)
            found.cluster, found.members = cluster.number, cluster.members
            if len(told) == 2:
                shown["way"] = cluster.way(told[0], told[1])
            else:
                shown["links"] = cluster.links[:RECORDS]
                shown["weakest"] = [each for each in cluster.links[-1:] if each["why"] != "same"]
        pair = None
        if len(told) == 2:
            pair, found.kept = pair_of(connection, of, told[0], told[1])
            pair = pair if found.kept else link_decided.stated(of, pair, decided, together=together)
            found.decision = link_decided.without_effect(of, pair, decided)
        every = [each for rows in shown.values() for each in rows] + ([pair] if pair else [])
        values = await values_of(connection, of, {each[side] for each in every for side in "lr"}) if of.raw else {}
        explained = {
            name: [explain(connection, of, each, values, said, names) for each in rows] for name, rows in shown.items()
        }
        found.pair = explain(connection, of, pair, values, said, names) if pair else None
    found.way, found.links, found.pairs = explained["way"], explained["links"], explained["pairs"]
    found.weakest = next(iter(explained["weakest"]), None)
    return found


async def doubtful(of: Asked, most: int) -> list["Explanation"]:
    """Return the pairs that wait for a person, the best first. Raises what `decide` raises."""
    from pipelines import evidence
    from pipelines.linking.telling import looking

    with evidence.engine() as connection:
        pairs = looking.doubtful(connection, of.version.folder, of.column, most)
        values = await values_of(connection, of, {each[side] for each in pairs for side in "lr"}) if of.raw else {}
        said, names = _decisions(of), _names(of)
        return [explain(connection, of, each, values, said, names) for each in pairs]


async def drawn(of: Asked, most: int, seed: int) -> tuple[list["Drawn"], dict[str, "Values"]]:
    """Draw a sample of pairs, with what their records have. Raises what `decide` raises, InvalidRequest without a pair."""
    from dataclasses import replace

    from pipelines import evidence
    from pipelines.linking import files
    from pipelines.linking.telling import sample
    from pipelines.sql import quote

    with evidence.engine() as connection:
        pairs = f"read_parquet({quote(str(files.pairs(of.version.folder, of.column)))})"
        found = sample.draw(connection, pairs, _recipe(of)[1], most, seed)
        if not found:
            raise InvalidRequest(f"{of.dataset} has no pair to judge: no two of its records are alike")
        identities = {name for each in found for name in (each.a, each.b)}
        return found, await values_of(connection, replace(of, raw=True), identities)


def explain(
    connection: "DuckDBPyConnection", of: Asked, pair: dict[str, Any], values: Mapping[str, "Values"],
    decisions: Mapping[tuple[str, str], "Decision"], names: Names,
) -> "Explanation":  # fmt: skip
    """Explain a pair, with the values that are given; its records are called as `names` has them."""
    from pipelines.linking.telling import looking
    from pipelines.linking.telling.explained import explain as explain_pair

    recipe, thresholds = _recipe(of)
    decision = decisions.get((min(pair["l"], pair["r"]), max(pair["l"], pair["r"])))
    ours, theirs = (values.get(pair[side], {}) for side in "lr")
    often = looking.often(connection, of.version.folder, of.column, ours, theirs)
    shown = pair | {side: names(pair[side]) for side in "lr"}
    return explain_pair(
        recipe, shown, thresholds, of.language, ours=ours, theirs=theirs, decision=decision, often=often
    )


def _names(of: Asked, typed: Collection[str] = ()) -> Names:
    """Return what records are called: by their identities where values are shown, or by those that were typed.

    The others have numbers then, in the order in which they come.
    """
    numbers: dict[str, str] = {}

    def called(identity: str) -> str:
        if of.raw or identity in typed:
            return identity
        return numbers.setdefault(identity, f"#{len(numbers) + 1}")

    return called


def _decisions(of: Asked) -> dict[tuple[str, str], "Decision"]:
    """Return the decisions that hold, by pair; without values being shown none, since a note may tell anything."""
    from pipelines.linking.deciding import decisions

    return {each.pair: each for each in decisions.load(of.workspace, of.dataset, of.column)} if of.raw else {}


def _recipe(of: Asked) -> tuple["Recipe", "Thresholds"]:
    """Return the recipe and the thresholds that the version was linked by."""
    from pipelines.linking.telling import looking

    link = of.workspace.dataset(of.dataset).link[of.column]
    recipe = looking.recipe_of(of.version.folder, of.column, link.record)
    return recipe, looking.thresholds_of(of.version.folder, of.column) or recipe.thresholds


def pair_of(connection: "DuckDBPyConnection", of: Asked, one: str, other: str) -> tuple[dict[str, Any], bool]:
    """Return the pair of two records, and whether the run kept it; if not, it is scored now."""
    from pipelines.linking.telling import looking

    if one == other:
        raise InvalidRequest("both are the same record")
    kept = looking.pair(connection, of.version.folder, of.column, one, other)
    found = kept or looking.scored(connection, of.version.folder, of.column, *_recipe(of), one, other)
    if found is None:
        raise Unavailable(f"what that version was linked by is no longer kept: `beffroi link {of.dataset}`")
    return found | {"l": one, "r": other}, kept is not None  # as they were asked for


def _numbered(of: Asked) -> bool:
    """Tell whether a row's key is the number of its cluster: then the key means any of its records."""
    return of.workspace.dataset(of.dataset).key == (of.column,)


def resolved(connection: "DuckDBPyConnection", of: Asked, text: str) -> str:
    """Return the identity that a text means: it is one, or the key alone of a record that no other source has too.

    What was typed may be personal: no error says it.
    """
    from pipelines.linking.telling import looking

    found = looking.numbered(connection, of.version.folder, of.column, text)[:1] if _numbered(of) else []
    found = found or looking.called(connection, of.version.folder, of.column, text)
    if not found:
        raise NotFound(
            f"version {of.version.number} of {of.dataset} has no such record: say its key, or its identity, which is a"
            ' JSON array as ["source", "key"]'
        )
    if len(found) > 1:
        raise InvalidRequest('several sources have a record of that key: say the identity, as ["source", "key"]')
    return found[0]


async def values_of(
    connection: "DuckDBPyConnection", of: Asked, identities: Collection[str], action: str = "link"
) -> dict[str, "Values"]:
    """Return what records have in the recipe's fields, once that is on the journal. Raises what `decide` raises."""
    from pipelines.declarations import linked
    from pipelines.linking.telling import looking

    dataset = of.workspace.dataset(of.dataset)
    link = dataset.link[of.column]
    read = [linked.columns(link, dataset)]
    read += [linked.others(link, of.workspace.dataset(link.to))] if link.to is not None else []
    await noted(of, identities, action, [list(each.values()) for each in read])
    return looking.fields(connection, of.version.folder, of.column, identities)


async def noted(
    of: Asked, identities: Collection[str], action: str, fields: Sequence[Collection[str]] | None = None
) -> None:
    """Put on the journal that records are named: an entry for each dataset that they may be of, with their keys.

    `fields` are the columns that are read of this dataset, and of that which it links to; by default those of the key.
    Raises what `decide` raises.
    """
    from gateway.callers.access import decide, of_refused, operator
    from gateway.journal import Entry, Journal
    from pipelines.declarations import linked

    caller, dataset = operator(of.purpose), of.workspace.dataset(of.dataset)
    other = of.workspace.datasets.get(dataset.link[of.column].to or "")
    keys = [linked.identity(dataset, of.column), *([other.key] if other is not None else [])]
    with closing(Journal.of(of.workspace)) as journal:
        for each, columns in zip((dataset, *([other] if other is not None else [])), fields or keys, strict=True):
            entry = Entry.begin(of.workspace, caller, action, f"dataset:{each.name}")
            named = sorted(name for name in identities if of.is_theirs(name) == (each is other))
            async with journal.access(entry):
                decide(of.workspace, caller, of_refused(each), None)
                entry.identifiers = [journal.keyed(f"dataset:{each.name}:{_key(name)}") for name in named]
                entry.fields = sorted(columns)
                entry.source = f"version {of.version.number} of {of.dataset}"


def _key(identity: str) -> str:
    """Return the key in an identity, as the journal has keys."""
    return ",".join(map(str, json.loads(identity)[1:]))
