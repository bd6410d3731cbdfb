"""Clusters: the records that are one, by links and by what people decided, under ids that last from run to run.

Records that links bring together are one cluster, whatever the order they come in. What people decided is never
overruled: `same` joins, `different` keeps apart, also along a chain, which is cut at its weakest link; `unsure` takes the
pair's own link out. Where decisions contradict each other, `different` holds, since records put together wrongly do more
harm than records apart, and of those that say `same` the newer ones; what is set aside for that is told. A group is cut
as well that holds two identifiers, two records of a source without duplicates, or that weak links made too large.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np
import numpy.typing as npt

from pipelines.linking.clustering import bands, components, events, graph, stable, troubled
from pipelines.linking.clustering.cutting import DECIDED
from pipelines.linking.clustering.graph import Graph
from pipelines.linking.clustering.troubled import Outcome
from pipelines.linking.deciding.decisions import Decision, in_order

Ints = npt.NDArray[np.int64]
Connection = duckdb.DuckDBPyConnection

MOST_TOLD = 1000
"""Contradictions that are told one by one; all are counted."""


@dataclass(frozen=True)
class Guards:
    """Against clusters that chains of weak links make: above `largest` records only a sure link joins.

    A link is sure that is `surer` times as likely as the threshold wants.
    """

    largest: int = 100
    surer: float = 100.0

    def weak(self, link: float) -> float:
        """Return the weight, in bits, under which a link is weak where pairs are linked from the probability `link`."""
        link = min(link, 1 - 1e-12)
        return math.log2(link / (1 - link) * self.surer)


@dataclass(frozen=True)
class Contradiction:
    """What people's word `different` on the pair `against` set aside: the pair `l`, `r`, with its weight.

    `kind` is `decisions` where people said of it that it is the same (`said`: who, when), `chain` where it is a link of
    the model or of an identifier. `way` leads from the one record of `against` to the other, through what would join them.
    """

    kind: str
    l: str  # noqa: E741  # as the columns of pairs are called
    r: str
    weight: float | None
    against: tuple[str, str]
    way: tuple[str, ...]
    author: str | None = None
    decided: str | None = None
    against_author: str | None = None
    against_decided: str | None = None


@dataclass
class Clustered:
    """The figures of the clusters of a run: records, clusters, those of `several` records, the `largest`.

    Pairs by band; links that were `cut`, by why; `events` by name; `last_id` is the highest id in use.
    """

    records: int = 0
    clusters: int = 0
    several: int = 0
    largest: int = 0
    linked: int = 0
    doubtful: int = 0
    apart: int = 0
    cut: dict[str, int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    contradicting: int = 0
    contradictions: list[Contradiction] = field(default_factory=list)
    last_id: int = 0


def cluster(
    connection: Connection, *, pairs: str, records: str, into: str, link: float, review: float, take: stable.Take,
    decisions: Sequence[Decision] = (), before: str | None = None, changed: str | None = None,
    exclusive: Sequence[str] = (), within_sources: bool = True, guards: Guards | None = None, held: str | None = None,
) -> Clustered:  # fmt: skip
    """Make the clusters of a run, into the temp tables `into`, `into`_bands and `into`_events, and return their figures.

    `pairs` has l, r, how, weight, probability; `records` n, identity, side, origin, and each column of `exclusive`, of
    which a cluster never holds two values; `before` identity and cluster of the last version and n, null of records that are
    gone; `changed` the n of records that are other ones than then; `held` the links that are asked first, with why. `take` gives new ids. Raises what `take` raises.
    """
    guards, alone = guards or Guards(), not within_sources
    words = in_order(decisions)
    weak = guards.weak(link)
    made = graph.load(
        connection, pairs=pairs, records=records, decisions=words, link=link, weak=weak, exclusive=exclusive,
        held=held,
    )  # fmt: skip
    groups, outcome = components.components(made.count, made.left, made.right), Outcome()
    bad = troubled.find(made, groups, largest=guards.largest, alone=alone)
    if bad.any():
        nodes = np.flatnonzero(bad)
        ranks = graph.rank(connection, records, made, nodes)
        groups, outcome = troubled.cut(made, groups, nodes, ranks, largest=guards.largest, alone=alone)
    parts, count = components.numbered(groups[: len(made.n)])
    was = events.was(connection, before, made, into)
    ids = _ids(connection, records, made, parts, count, was, take)
    held_apart = sorted((*ends, why) for ends, why in made.held.items() if parts[ends[0]] != parts[ends[1]])
    bands.table(connection, into, {"n": made.n, "cluster": ids[parts]})
    banded = bands.bands(connection, pairs, into, _special(made, outcome, held_apart), link=link, review=review)
    told = events.tell(
        connection, into, made, was, ids[parts], outcome.cuts, records=records, pairs=pairs, link=link, changed=changed
    )
    sizes = np.bincount(parts, minlength=count)
    return Clustered(
        records=len(made.n), clusters=count, several=int((sizes > 1).sum()), largest=int(sizes.max(initial=0)),
        cut=dict(Counter([*outcome.cuts.values(), *(why for *_, why in held_apart)])), events=told, contradicting=len(outcome.aside),
        contradictions=list(_contradictions(connection, records, made, outcome)), last_id=int(ids.max(initial=0)), **banded,
    )  # fmt: skip


def _ids(
    connection: Connection, records: str, made: Graph, parts: Ints, count: int, was: events.Was, take: stable.Take
) -> Ints:
    """Return the id of each part: that of a cluster before, or a new one, in the order of the smallest identities."""

    def ordered(wanted: Ints) -> Ints:
        if not len(wanted):
            return wanted
        chosen = np.flatnonzero(_mask(count, wanted)[parts])
        return _firsts(parts[graph.in_order(connection, records, made, chosen)], count)

    ids = stable.kept(parts, was.ids, count, ordered)
    fresh = ordered(np.flatnonzero(ids == 0))
    ids[fresh] = take(len(fresh), was.highest) + np.arange(len(fresh))
    return ids


def _firsts(named: Ints, count: int) -> Ints:
    """Return each number below `count` that is named, once, in the order in which they are first named."""
    first = np.zeros(count, np.int64)
    first[named[::-1]] = np.arange(len(named))[::-1]
    found: Ints = named[first[named] == np.arange(len(named))]
    return found


def _mask(count: int, wanted: Ints) -> npt.NDArray[np.bool_]:
    mask = np.zeros(count, np.bool_)
    mask[wanted] = True
    return mask


def _special(made: Graph, outcome: Outcome, held: list[tuple[int, int, str]]) -> bands.Special:
    """Return the pairs of which more is known than their weight: links that were cut, what people decided, and links held."""
    cuts = [(number, why) for number, why in outcome.cuts.items() if made.there(number)]
    numbers = np.array([number for number, _ in cuts], np.int64)
    told = {pair: each.verdict for pair, each in made.told.items()}
    cut = (made.n[made.left[numbers]], made.n[made.right[numbers]], [why for _, why in cuts])
    ends = np.array([each[:2] for each in held], np.int64).reshape(-1, 2)
    return [cut, *bands.decided(made.n, told), (made.n[ends[:, 0]], made.n[ends[:, 1]], [why for *_, why in held])]


def _contradictions(connection: Connection, records: str, made: Graph, outcome: Outcome) -> Iterator[Contradiction]:
    """Yield what people's word set aside, told by identities."""
    shown = outcome.aside[:MOST_TOLD]
    wanted = {place for each in shown for place in (*each.against, *each.way, *made.ends(each.link))}
    names = graph.names(connection, records, made, wanted)
    for each in shown:
        one, other = made.ends(each.link)
        said, against = made.told.get((one, other)), made.told[each.against]
        decided = made.kind[each.link] == DECIDED and said is not None
        yield Contradiction(
            "decisions" if decided else "chain", min(names[one], names[other]), max(names[one], names[other]),
            None if decided else float(made.weight[each.link]),
            (names[each.against[0]], names[each.against[1]]), tuple(names[place] for place in each.way),
            said.author if decided and said else None, said.when if decided and said else None,
            against.author, against.when,
        )  # fmt: skip
