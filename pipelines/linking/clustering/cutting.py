"""Where a group of linked records is cut that may not stay whole: at its weakest links.

The links are taken from the surest to the weakest, and each joins what its two records are in, unless something forbids
that. So what is left out is the weakest link of each chain that would bring together what may not be together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

DECIDED, IDENTIFIED, SCORED = range(3)
"""The classes of links, the surest first: what people decided, the same identifier, the model."""

Ends = Sequence[tuple[int, int]]
"""Links or pairs, by the places of their two records in the group."""


@dataclass(frozen=True)
class Cut:
    """A link that was left out: which one, and why; `against` is the pair, decided different, that it would join."""

    link: int
    why: str
    against: tuple[int, int] | None = None


@dataclass
class Group:
    """The records of one group by their places: what each part holds, told at the record that stands for it.

    `sizes` are how many records, `origins` whose sources, as bits (None: it does not matter), `identifiers` the values of
    each identifier, where there are any; `enemies` with which parts it may not be, each with the pair that says so.
    Above `largest` records no weak link joins.
    """

    sizes: list[int]
    origins: list[int] | None
    identifiers: list[dict[int, frozenset[int]]]
    largest: int
    parent: list[int] = field(init=False)
    enemies: dict[int, dict[int, tuple[int, int]]] = field(default_factory=dict)
    joined: list[int] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Put each record in a part of its own."""
        self.parent = list(range(len(self.sizes)))

    def cut(self, links: Ends, kinds: Sequence[int], weak: Sequence[bool], different: Ends) -> None:
        """Join by the links, the surest first, what may be together; the pairs that are `different` never are."""
        for one, other in different:
            self.enemies.setdefault(one, {})[other] = self.enemies.setdefault(other, {})[one] = (one, other)
        for number, (left, right) in enumerate(links):
            one, other = self.head(left), self.head(right)
            if one == other:
                continue
            if one in self.enemies and other in self.enemies[one]:
                self.cuts.append(Cut(number, "decision", self.enemies[one][other]))
            elif kinds[number] != DECIDED and (why := self._forbidden(one, other, weak[number])):
                self.cuts.append(Cut(number, why))
            else:
                self.joined.append(number)
                self._join(one, other)

    def head(self, record: int) -> int:
        """Return the record that stands for the part that a record is in."""
        parent = self.parent
        while parent[record] != record:
            parent[record] = parent[parent[record]]
            record = parent[record]
        return record

    def _forbidden(self, one: int, other: int, weak: bool) -> str:
        """Return why two parts may not be joined by a link that people did not decide."""
        for values in self.identifiers:
            if one in values and other in values and not values[one] & values[other]:
                return "identifiers"
        if self.origins is not None and self.origins[one] & self.origins[other]:
            return "sources"
        return "size" if weak and self.sizes[one] + self.sizes[other] > self.largest else ""

    def _join(self, one: int, other: int) -> None:
        """Bring the smaller part into the larger one."""
        if self._weight(one) < self._weight(other):
            one, other = other, one
        self.parent[other] = one
        self.sizes[one] += self.sizes[other]
        if self.origins is not None:
            self.origins[one] |= self.origins[other]
        for values in self.identifiers:
            if other in values:
                values[one] = values.get(one, frozenset()) | values.pop(other)
        for enemy, pair in self.enemies.pop(other, {}).items():
            theirs = self.enemies[enemy]
            del theirs[other]
            theirs.setdefault(one, pair)
            self.enemies.setdefault(one, {}).setdefault(enemy, pair)

    def _weight(self, part: int) -> int:
        return self.sizes[part] + (len(self.enemies[part]) if part in self.enemies else 0)


def neighbours(links: Ends, joined: Sequence[int]) -> dict[int, list[int]]:
    """Return the records that stand beside each by the links that joined."""
    beside: dict[int, list[int]] = {}
    for number in joined:
        one, other = links[number]
        beside.setdefault(one, []).append(other)
        beside.setdefault(other, []).append(one)
    return beside


def path(beside: dict[int, list[int]], start: int, end: int) -> list[int]:
    """Return the records on the way between two of one part, both included."""
    came: dict[int, int] = {start: start}
    turn = [start]
    while end not in came:
        turn = [there for here in turn for there in beside[here] if came.setdefault(there, here) == here]
    return list(_back(came, end))[::-1]


def _back(came: dict[int, int], end: int) -> Iterator[int]:
    yield end
    while came[end] != end:
        end = came[end]
        yield end
