"""Groups of linked records that may not stay whole: which they are, where each is cut, and what people have to be told."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pipelines.linking.clustering import components, cutting
from pipelines.linking.clustering.cutting import DECIDED, Ends, Group
from pipelines.linking.clustering.graph import Graph

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Set:
    """A link, by its number, that a pair people keep apart set aside, and the way between the two, all by places."""

    link: int
    against: tuple[int, int]
    way: tuple[int, ...]


@dataclass
class Outcome:
    """What came of the cutting: links left out, by their numbers, with why; and what contradicted people's word."""

    cuts: dict[int, str] = field(default_factory=dict)
    aside: list[Set] = field(default_factory=list)


def find(made: Graph, groups: Ints, *, largest: int, alone: bool) -> Bools:
    """Return by record whether its group has to be cut."""
    ends = np.array(made.different, np.int64).reshape(-1, 2)
    found = [components.apart(groups, ends[:, 0], ends[:, 1])]
    found += [components.several(groups, values) for values in made.identifiers]
    found.append(components.large(groups, made.left, made.weak, largest))
    if alone:
        found.append(components.repeated(groups, made.origins))
    bad: Bools = np.logical_or.reduce(found)
    return bad[groups]


def cut(made: Graph, groups: Ints, nodes: Ints, order: Ints, *, largest: int, alone: bool) -> tuple[Ints, Outcome]:
    """Return the groups with those in trouble cut, and what came of it.

    `nodes` are all records of groups in trouble, `order` the place of each in the order of their identities: so what is
    cut rests on the links and on people's words alone, not on how the records are numbered.
    """
    troubled, ranks = np.zeros(made.count, np.bool_), np.zeros(made.count, np.int64)
    troubled[nodes], ranks[nodes] = True, order
    nodes = nodes[np.lexsort((ranks[nodes], groups[nodes]))]
    links = np.flatnonzero(troubled[made.left])
    one, other = ranks[made.left[links]], ranks[made.right[links]]
    pair, heads = (np.maximum(one, other), np.minimum(one, other)), groups[made.left[links]]
    links = links[np.lexsort((*pair, -made.weight[links], made.kind[links], heads))]
    heads, starts = np.unique(groups[nodes], return_index=True)
    first = np.searchsorted(groups[made.left[links]], heads)
    stops, last = [*starts[1:].tolist(), len(nodes)], [*first[1:].tolist(), len(links)]
    local = np.zeros(made.count, np.int64)
    local[nodes] = np.arange(len(nodes)) - np.repeat(starts, np.array(stops) - starts)
    different = _by_group(made, groups, local)
    groups, outcome = groups.copy(), Outcome()
    for at, head in enumerate(heads.tolist()):
        inside, its = nodes[starts[at] : stops[at]], links[first[at] : last[at]]
        ends = list(zip(local[made.left[its]].tolist(), local[made.right[its]].tolist(), strict=True))
        group = _group(made, inside, largest, alone=alone)
        group.cut(ends, made.kind[its].tolist(), made.weak[its].tolist(), different.get(head, []))
        groups[inside] = inside[[group.head(each) for each in range(len(inside))]]
        outcome.cuts |= {int(its[each.link]): each.why for each in group.cuts}
        outcome.aside += _aside(group, ends, its, inside, made)
    return groups, outcome


def _by_group(made: Graph, groups: Ints, local: Ints) -> dict[int, list[tuple[int, int]]]:
    """Return the pairs that people keep apart whose records are in one group, by the group."""
    found: dict[int, list[tuple[int, int]]] = {}
    for one, other in made.different:
        if groups[one] == groups[other]:
            found.setdefault(int(groups[one]), []).append((int(local[one]), int(local[other])))
    return found


def _group(made: Graph, inside: Ints, largest: int, *, alone: bool) -> Group:
    """Return a group, its records apart; one that is no longer there counts for nothing."""
    there = inside < len(made.n)
    origins = [1 << origin if real else 0 for origin, real in zip(made.origins[inside].tolist(), there, strict=True)]
    identifiers = [
        {at: frozenset((value,)) for at, value in enumerate(values[inside].tolist()) if value}
        for values in made.identifiers
    ]
    return Group(there.astype(int).tolist(), origins if alone else None, identifiers, largest)


def _aside(group: Group, ends: Ends, numbers: Ints, inside: Ints, made: Graph) -> Iterator[Set]:
    """Yield what people's word set aside: each of their own decisions, and for each word the surest link of others."""
    seen = set[tuple[int, int]]()
    beside: dict[int, list[int]] = {}
    for each in group.cuts:
        number = int(numbers[each.link])
        if each.against is None or (made.kind[number] != DECIDED and each.against in seen):
            continue
        beside = beside or cutting.neighbours(ends, group.joined)
        seen.add(each.against)
        way = _way(group, ends[each.link], each.against, beside)
        one, other = each.against
        yield Set(number, (int(inside[one]), int(inside[other])), tuple(inside[way].tolist()))


def _way(group: Group, link: tuple[int, int], against: tuple[int, int], beside: dict[int, list[int]]) -> list[int]:
    """Return the records from the one of the pair that is kept apart over the link to the other."""
    near, far = link if group.head(link[0]) == group.head(against[0]) else link[::-1]
    return cutting.path(beside, against[0], near) + cutting.path(beside, far, against[1])
