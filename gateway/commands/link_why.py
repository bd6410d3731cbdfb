"""What `beffroi link` reads of a version's links to explain them: by itself names, weights and no value.

Values, and the identities of records that nobody named, are an access like any other: journaled, and where data are
personal or not open, for a purpose.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connectors.errors import InvalidRequest, Unavailable
from gateway.commands import link_asked
from gateway.commands.link_asked import Asked, values_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from pipelines.linking.deciding.decisions import Decision
    from pipelines.linking.recipe import Recipe, Thresholds
    from pipelines.linking.telling.explained import Explanation, Values
    from pipelines.linking.telling.sample import Drawn

Names = Callable[[str], str]

RECORDS = 20
"""Pairs of one record, and links of one cluster, that are told."""


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


async def why(of: Asked, records: Sequence[str]) -> Why:
    """Explain two records, or the cluster of one. Raises what `decide` raises, NotFound where a record is not there."""
    from gateway.commands import link_decided
    from pipelines import evidence
    from pipelines.linking.telling import looking

    decided = link_decided.load(of)
    said = decided if of.raw else {}  # a note may tell anything
    with evidence.engine() as connection:
        told = link_asked.meant(connection, of, records)
        names = _names(of, [each for each in told if each in records or not link_asked.numbered(of)])
        found = Why(of.column, of.version.number)
        numbers = {looking.number_of(connection, of.folder, of.column, each) for each in told}
        shown: dict[str, list[dict[str, Any]]] = {"way": [], "links": [], "pairs": [], "weakest": []}
        if len(told) == 1:
            shown["pairs"] = link_decided.pairs(connection, of, told[0], RECORDS, decided)
        together = len(numbers) == 1 and None not in numbers
        if len(numbers) == 1 and (number := numbers.pop()) is not None:
            cluster = looking.cluster(connection, of.folder, of.column, number)
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
        pairs = looking.doubtful(connection, of.folder, of.column, most)
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
        pairs = f"read_parquet({quote(str(files.pairs(of.folder, of.column)))})"
        found = sample.draw(connection, pairs, recipe_of(of)[1], most, seed)
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

    recipe, thresholds = recipe_of(of)
    decision = decisions.get((min(pair["l"], pair["r"]), max(pair["l"], pair["r"])))
    ours, theirs = (values.get(pair[side], {}) for side in "lr")
    often = looking.often(connection, of.folder, of.column, ours, theirs)
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


def recipe_of(of: Asked) -> tuple["Recipe", "Thresholds"]:
    """Return the recipe and the thresholds that the version was linked by."""
    from pipelines.linking.telling import looking

    return looking.linked_by(of.folder, of.column, of.workspace.dataset(of.dataset).link[of.column].record)


def pair_of(connection: "DuckDBPyConnection", of: Asked, one: str, other: str) -> tuple[dict[str, Any], bool]:
    """Return the pair of two records, and whether the run kept it; if not, it is scored now."""
    from pipelines.linking.telling import looking

    if one == other:
        raise InvalidRequest("both are the same record")
    link_asked.one_of_each(of, one, other)
    kept = looking.pair(connection, of.folder, of.column, one, other)
    found = kept or looking.scored(connection, of.folder, of.column, *recipe_of(of), one, other)
    if found is None:
        raise Unavailable(f"what that version was linked by is no longer kept: `beffroi link {of.dataset}`")
    return found | {"l": one, "r": other}, kept is not None  # as they were asked for
