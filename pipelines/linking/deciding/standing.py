"""Which of people's decisions a version was made with, and what they hold together: also pairs that were never compared."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pipelines.linking import files
from pipelines.linking.deciding import decisions, questions
from pipelines.linking.deciding.decisions import Decision
from pipelines.linking.recipe import Recipe, Thresholds
from pipelines.linking.telling import looking
from pipelines.linking.telling.looking import Cluster, Connection, Pair
from pipelines.workspace import Workspace

Said = Mapping[tuple[str, str], Decision]


def load(workspace: Workspace, dataset: str, column: str) -> dict[tuple[str, str], Decision]:
    """Return the decisions that hold, by pair. Raises Unavailable."""
    return {each.pair: each for each in decisions.load(workspace, dataset, column)}


def aside(folder: Path, column: str) -> dict[tuple[str, str], str | None]:
    """Return the pairs whose decision the run of the version set aside, each with when that was decided."""
    told = questions.told(folder, column)
    return {(each["l"], each["r"]): each["decided"] for each in told if each["kind"] == "decisions"}


def is_aside(one: Decision, set_aside: Mapping[tuple[str, str], str | None]) -> bool:
    """Tell whether a decision is one that was set aside, and not a newer one on the same pair."""
    return one.pair in set_aside and set_aside[one.pair] == one.when


def standing(said: Said, folder: Path, column: str) -> dict[tuple[str, str], Decision]:
    """Return the decisions that a version was made with: those that its run read, and did not set aside."""
    gone, read = aside(folder, column), questions.read(folder, column)
    return {pair: each for pair, each in said.items() if was_read(each, read) and not is_aside(each, gone)}


def was_read(one: Decision, read: set[tuple[str, str, str, str]]) -> bool:
    """Tell whether a decision is one that the run read, and not one of later, made even before that run had ended."""
    return (*one.pair, one.verdict, one.when) in read


def held(
    connection: Connection, folder: Path, column: str, by: tuple[Recipe, Thresholds], cluster: Cluster, said: Said
) -> Cluster:
    """Return a cluster with the decisions that hold it together: before all other links, since no run overrules them.

    `said` are those that the version was made with. A pair that the run did not keep is scored by its model.
    """
    inside = set(looking.numbered(connection, folder, column, str(cluster.number)))
    decided = list[Pair]()
    for one, other in (pair for pair, each in said.items() if each.verdict == "same" and inside >= set(pair)):
        kept = looking.pair(connection, folder, column, one, other)
        found = kept or looking.scored(connection, folder, column, *by, one, other)
        decided += [found | {"band": "linked", "why": "same"}] if found is not None else []
    return replace(cluster, links=looking.spanning([*decided, *cluster.links]))


def together(
    connection: Connection, folder: Path, column: str, by: tuple[Recipe, Thresholds], number: str, said: Said
) -> list[Pair]:
    """Return what holds the cluster of a number together, with where the records stand; none without a link's files."""
    if files.before(folder, column) is None or not number.isdecimal():
        return []
    found = looking.cluster(connection, folder, column, int(number))
    return looking.placed(connection, folder, column, held(connection, folder, column, by, found, said).links)
