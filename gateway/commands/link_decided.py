"""What people decided of the records that `beffroi link --why` explains: also of pairs that were never compared."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from gateway.commands.link_asked import Asked
    from pipelines.linking.deciding.decisions import Decision
    from pipelines.linking.telling.looking import Cluster, Pair

Said = Mapping[tuple[str, str], "Decision"]


def load(of: "Asked") -> Said:
    """Return the decisions that hold, by pair. Raises Unavailable."""
    from pipelines.linking.deciding import standing

    return standing.load(of.workspace, of.dataset, of.column)


def held(connection: "DuckDBPyConnection", of: "Asked", cluster: "Cluster", said: Said) -> "Cluster":
    """Return a cluster with the decisions that hold it together: before all other links, since no run overrules them."""
    from gateway.commands import link_why
    from pipelines.linking.deciding import standing

    return standing.held(connection, of.folder, of.column, link_why.recipe_of(of), cluster, _standing(of, said))


def _standing(of: "Asked", said: Said) -> Said:
    from pipelines.linking.deciding import standing

    return standing.standing(said, of.folder, of.column)


def stated(of: "Asked", pair: "Pair", said: Said, *, together: bool) -> "Pair":
    """Return a pair that the run did not keep as people's word has it, where the version was made with that."""
    found = _standing(of, said).get((min(pair["l"], pair["r"]), max(pair["l"], pair["r"])))
    alone = of.workspace.dataset(of.dataset).link[of.column].to is None
    if found is None or (alone and (found.verdict == "same") != together):
        return pair
    return pair | {
        "band": {"same": "linked", "different": "apart"}.get(found.verdict, "doubtful"),
        "why": found.verdict,
    }


def pairs(connection: "DuckDBPyConnection", of: "Asked", record: str, most: int, said: Said) -> list["Pair"]:
    """Return the best pairs of a record; of links to another dataset first such as people decided on and the run did not keep."""
    from gateway.commands import link_why
    from pipelines.linking.deciding.decisions import is_of_link
    from pipelines.linking.telling import looking

    kept = looking.of_record(connection, of.folder, of.column, record, most)
    if (to := of.workspace.dataset(of.dataset).link[of.column].to) is None:
        return kept
    there, found = {tuple(sorted((each["l"], each["r"]))) for each in kept}, list["Pair"]()
    told = (each for each in _standing(of, said) if record in each and is_of_link(*each, to))  # others have no effect
    for pair in (each for each in told if each not in there):
        scored = looking.scored(connection, of.folder, of.column, *link_why.recipe_of(of), *pair)
        found += [stated(of, scored, said, together=False)] if scored is not None else []
    return [*found, *kept]


def without_effect(of: "Asked", pair: Mapping[str, Any], said: Said) -> str | None:
    """Return why what people decided of a pair is not in the version: `aside`, or `pending` where its run had not read that; else None."""
    from pipelines.linking.deciding import questions, standing

    found = said.get((min(pair["l"], pair["r"]), max(pair["l"], pair["r"])))
    if found is None or found.verdict == pair["why"]:
        return None
    if standing.is_aside(found, standing.aside(of.folder, of.column)):
        return "aside"
    return None if standing.was_read(found, questions.read(of.folder, of.column)) else "pending"
