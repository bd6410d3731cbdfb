"""What people decided of the records that `beffroi link --why` explains: also of pairs that were never compared."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from connectors.errors import InvalidRequest

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from gateway.commands.link_why import Asked
    from pipelines.linking.deciding.decisions import Decision
    from pipelines.linking.telling.looking import Cluster, Pair

Said = Mapping[tuple[str, str], "Decision"]


def load(of: "Asked") -> Said:
    """Return the decisions that hold, by pair. Raises Unavailable."""
    from pipelines.linking.deciding import decisions

    return {each.pair: each for each in decisions.load(of.workspace, of.dataset, of.column)}


def aside(of: "Asked") -> dict[tuple[str, str], str | None]:
    """Return the pairs whose decision the run of the version set aside, each with when that was decided."""
    from pipelines.linking.deciding import questions

    told = questions.told(of.version.folder, of.column)
    return {(each["l"], each["r"]): each["decided"] for each in told if each["kind"] == "decisions"}


def is_aside(one: "Decision", set_aside: Mapping[tuple[str, str], str | None]) -> bool:
    """Tell whether a decision is one that was set aside, and not a newer one on the same pair."""
    return one.pair in set_aside and set_aside[one.pair] == one.when


def one_each(connection: "DuckDBPyConnection", of: "Asked", typed: tuple[str, str], ends: tuple[str, str]) -> None:
    """Hold that two texts mean one record each. Raises InvalidRequest where one is the number of a cluster of several."""
    from pipelines.linking.telling import looking

    for text, identity in zip(typed, ends, strict=True):
        number = looking.number_of(connection, of.version.folder, of.column, identity)
        if text != identity and of.workspace.dataset(of.dataset).key == (of.column,) and number is not None:
            count = len(looking.numbered(connection, of.version.folder, of.column, str(number)))
            if count > 1:
                raise InvalidRequest(
                    f"a key of {of.dataset} is a cluster, and one of these has {count} records: say which two are meant, by their"
                    f" identities; `beffroi link {of.dataset} --column {of.column} --why KEY --raw` names them"
                )


def standing(of: "Asked", said: Said) -> dict[tuple[str, str], "Decision"]:
    """Return the decisions that the version was made with: older than it, and not set aside."""
    gone, made = aside(of), of.version.committed.isoformat()
    return {pair: each for pair, each in said.items() if each.when <= made and not is_aside(each, gone)}


def held(connection: "DuckDBPyConnection", of: "Asked", cluster: "Cluster", said: Said) -> "Cluster":
    """Return a cluster with the decisions that hold it together: before all other links, since no run overrules them."""
    from gateway.commands import link_why
    from pipelines.linking.telling import looking

    inside = set(looking.numbered(connection, of.version.folder, of.column, str(cluster.number)))
    same = [pair for pair, each in standing(of, said).items() if each.verdict == "same" and inside >= set(pair)]
    decided = [link_why.pair_of(connection, of, *pair)[0] | {"band": "linked", "why": "same"} for pair in same]
    return replace(cluster, links=looking.spanning([*decided, *cluster.links]))


def stated(of: "Asked", pair: "Pair", said: Said, *, together: bool) -> "Pair":
    """Return a pair that the run did not keep as people's word has it, where the version was made with that."""
    found = standing(of, said).get((min(pair["l"], pair["r"]), max(pair["l"], pair["r"])))
    alone = of.workspace.dataset(of.dataset).link[of.column].to is None
    if found is None or (alone and (found.verdict == "same") != together):
        return pair
    return pair | {
        "band": {"same": "linked", "different": "apart"}.get(found.verdict, "doubtful"),
        "why": found.verdict,
    }


def without_effect(of: "Asked", pair: Mapping[str, Any], said: Said) -> str | None:
    """Return why what people decided of a pair is not in the version: `aside`, or `pending` where it is newer; else None."""
    found = said.get((min(pair["l"], pair["r"]), max(pair["l"], pair["r"])))
    if found is None or found.verdict == pair["why"]:
        return None
    if is_aside(found, aside(of)):
        return "aside"
    return "pending" if found.when > of.version.committed.isoformat() else None
