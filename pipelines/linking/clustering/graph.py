"""The records of a run and their links as numbers, with what people decided: what clusters are made of.

Decisions on records that are no longer there still say something of those that are (A is B and B is C, though B has
left): such records are in the graph, and in no cluster that is told.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.linking.clustering import bands
from pipelines.linking.deciding.decisions import Decision
from pipelines.sql import identifier

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass
class Graph:
    """Records by their places 0, 1, …: first those of the run, whose numbers are `n`, then `ghosts` that decisions name.

    Links by their ends `left` and `right`, the decided ones first; `kind` is their class (see `cutting`), `weight` is in
    bits, of decided ones the less the older they are. `different` are pairs that people keep apart, `told` the decisions that the links and those pairs come from.
    `held` are pairs that would be links, were there not another as likely (`tie`), two of each form (`forms`), or a number lent (`lent`).
    """

    n: Ints
    ghosts: list[str]
    left: Ints
    right: Ints
    kind: Ints
    weight: npt.NDArray[np.float64]
    weak: Bools
    origins: Ints
    identifiers: list[Ints] = field(default_factory=list)
    different: list[tuple[int, int]] = field(default_factory=list)
    told: dict[tuple[int, int], Decision] = field(default_factory=dict)
    held: dict[tuple[int, int], str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Return how many records there are, ghosts too."""
        return len(self.n) + len(self.ghosts)

    def ends(self, link: int) -> tuple[int, int]:
        """Return the places of the two records of a link, by its number."""
        return int(self.left[link]), int(self.right[link])

    def there(self, link: int) -> bool:
        """Tell whether both records of a link are records of the run."""
        return max(self.ends(link)) < len(self.n)


def places(n: Ints, wanted: Ints) -> Ints:
    """Return where records stand, by their numbers `n` in order."""
    if len(n) and n[-1] - n[0] + 1 == len(n):
        first: int = n[0]
        return np.subtract(wanted, first)
    return np.searchsorted(n, wanted).astype(np.int64)


def load(
    connection: duckdb.DuckDBPyConnection, *, pairs: str, records: str, decisions: Sequence[Decision], link: float,
    weak: float, exclusive: Sequence[str], held: str | None = None,
) -> Graph:  # fmt: skip
    """Return the graph of the links of at least `link`; those that weigh less than `weak` are weak ones.

    `held` has links (l, r) that are none, and why: a `tie` with a rival (rival_l, rival_r), as long as nobody said that the
    rival is different, `forms` or `lent`.
    """
    n, origins, identifiers = _records(connection, records, exclusive)
    numbers, ghosts = _places(connection, records, n, decisions)
    ends = _links(connection, pairs, link, weak)
    left, right = (places(n, ends[name].astype(np.int64, copy=False)) for name in "lr")
    same = [each for each in reversed(decisions) if each.verdict == "same"]
    pairs_of = {(numbers[each.a], numbers[each.b]): each for each in decisions}
    free = _undecided(left, right, pairs_of, len(n) + len(ghosts))
    aside = _held(connection, held, n, pairs_of) if held else {}
    free &= ~_among(left, right, aside, len(n) + len(ghosts))
    kind = np.concatenate([np.zeros(len(same), np.int64), ends["kind"][free].astype(np.int64)])
    weight = np.concatenate([-np.arange(len(same)), ends["weight"][free].astype(np.float64)])
    soft = np.concatenate([np.zeros(len(same), np.bool_), ends["weak"][free].astype(np.bool_)])
    if ghosts:
        origins = np.concatenate([origins, -1 - np.arange(len(ghosts))])
        identifiers = [np.concatenate([values, np.zeros(len(ghosts), np.int64)]) for values in identifiers]
    return Graph(
        n, ghosts,
        np.concatenate([np.array([numbers[each.a] for each in same], np.int64), left[free]]),
        np.concatenate([np.array([numbers[each.b] for each in same], np.int64), right[free]]),
        kind, weight, soft, origins, identifiers,
        [pair for pair, each in pairs_of.items() if each.verdict == "different"],
        pairs_of, aside,
    )  # fmt: skip


def _records(
    connection: duckdb.DuckDBPyConnection, records: str, exclusive: Sequence[str]
) -> tuple[Ints, Ints, list[Ints]]:
    """Return the numbers of the records in order, the origin of each, and its value of each identifier (0: none).

    An identifier that no record has is left out.
    """
    told = connection.execute(f"SELECT n, origin FROM {records} WHERE side = 0").fetchnumpy()
    n, origins = told["n"].astype(np.int64, copy=False), told["origin"]
    if (n[1:] < n[:-1]).any():
        order = np.argsort(n, kind="stable")  # they mostly are in order, which this one is quick with
        n, origins = n[order], origins[order]
    identifiers = []
    for name in map(identifier, exclusive):  # few registers have any
        held = connection.execute(
            f"SELECT n, (hash({name}) >> 1)::BIGINT AS value FROM {records} WHERE side = 0 AND {name} IS NOT NULL"
        ).fetchnumpy()  # one of 2^63: none is met twice
        if len(held["n"]):
            values = np.zeros(len(n), np.int64)
            values[places(n, held["n"].astype(np.int64, copy=False))] = held["value"]
            identifiers.append(values)
    return n, origins.astype(np.int64, copy=False), identifiers


def _links(connection: duckdb.DuckDBPyConnection, pairs: str, link: float, weak: float) -> dict[str, npt.NDArray[Any]]:
    """Return the links: l, r, kind, weight, and whether they are weak.

    Of many records that are the same in all that is compared each is compared with one alone, by no rule: there is no chain.
    """
    there = {name for name, *_ in connection.execute(f"DESCRIBE FROM {pairs}").fetchall()}
    alike = "rules = 0" if "rules" in there else "false"
    found: dict[str, npt.NDArray[Any]] = connection.execute(
        f"SELECT l, r, CASE WHEN how = 'identifier' THEN 1 ELSE 2 END AS kind, round(coalesce(weight, 0), 6) AS weight,"
        f" how <> 'identifier' AND coalesce(weight, 0) < {weak!r} AND NOT ({alike}) AS weak FROM {pairs} WHERE probability >= ?",
        [link],
    ).fetchnumpy()
    return found


def _places(
    connection: duckdb.DuckDBPyConnection, records: str, n: Ints, decisions: Sequence[Decision]
) -> tuple[dict[str, int], list[str]]:
    """Return where the records that decisions name stand, and which of them are no longer there."""
    named = sorted({name for each in decisions for name in each.pair})
    if not named:
        return {}, []
    connection.register("beffroi_named", pa.table({"identity": pa.array(named, pa.string())}))
    found = connection.execute(
        f"SELECT identity, n FROM {records} JOIN beffroi_named USING (identity) WHERE side = 0"
    ).fetchall()
    connection.unregister("beffroi_named")
    at = places(n, np.array([number for _, number in found], np.int64)).tolist()
    numbers = dict(zip((name for name, _ in found), at, strict=True))
    ghosts = [name for name in named if name not in numbers]
    return numbers | {name: len(n) + at for at, name in enumerate(ghosts)}, ghosts


def _undecided(left: Ints, right: Ints, decided: dict[tuple[int, int], Decision], count: int) -> Bools:
    """Tell which links are of pairs that nobody decided on: of the others people's word counts alone."""
    return ~_among(left, right, decided, count)


def _among(left: Ints, right: Ints, pairs: Collection[tuple[int, int]], count: int) -> Bools:
    """Tell which links are of some pairs."""
    if not pairs:
        return np.zeros(len(left), np.bool_)
    ends = np.array(list(pairs), np.int64)
    named = np.zeros(count, np.bool_)
    named[ends.ravel()] = True
    of_named = np.flatnonzero(named[left] & named[right])  # few links, and what follows takes long
    one, other = left[of_named], right[of_named]
    keys, low, high = ends.min(axis=1) * count + ends.max(axis=1), np.minimum(one, other), np.maximum(one, other)
    found = np.zeros(len(left), np.bool_)
    found[of_named] = np.isin(low * count + high, keys)
    return found


def _held(
    connection: duckdb.DuckDBPyConnection, held: str, n: Ints, decided: dict[tuple[int, int], Decision]
) -> dict[tuple[int, int], str]:
    """Return the pairs that are held, with why, but those that people decided on or whose rival they said is none.

    Nor those that people said have no rival: the two others, of which a record has one, are the same.
    """
    found = connection.execute(
        f"SELECT l, r, coalesce(rival_l, l) AS rival_l, coalesce(rival_r, r) AS rival_r, why FROM {held} ORDER BY why"
    ).fetchnumpy()
    ends = np.stack([places(n, found[name].astype(np.int64)) for name in ("l", "r", "rival_l", "rival_r")], axis=1)
    words = {(min(pair), max(pair)): each.verdict for pair, each in decided.items()}
    pairs = {
        (min(row[:2]), max(row[:2])): str(why)
        for row, why in zip(ends.tolist(), found["why"], strict=True)
        if words.get((min(row[2:]), max(row[2:]))) != "different"
        and words.get(tuple(sorted({*row[:2]} ^ {*row[2:]}))) != "same"
    }
    return {pair: why for pair, why in pairs.items() if pair not in words}


def rank(connection: duckdb.DuckDBPyConnection, records: str, made: Graph, wanted: Ints) -> Ints:
    """Return the order of records, by their places, as their identities have it; those that are gone come last."""
    ranks = wanted.copy()  # of those that are gone, which stand in the order of their identities after the others
    there = wanted[wanted < len(made.n)]
    found = np.empty(len(made.n), np.int64)
    found[in_order(connection, records, made, there)] = np.arange(len(there))
    ranks[wanted < len(made.n)] = found[there]
    return ranks


def in_order(connection: duckdb.DuckDBPyConnection, records: str, made: Graph, wanted: Ints) -> Ints:
    """Return places of records in the order of their identities."""
    # a table: of what is only registered the engine does not know how much it is, and joins it the dear way round
    bands.table(connection, "beffroi_wanted", {"n": made.n[wanted]})
    ordered = connection.execute(
        f"SELECT n FROM {records} JOIN beffroi_wanted USING (n) ORDER BY identity"
    ).fetchnumpy()["n"]
    connection.execute("DROP TABLE beffroi_wanted")
    return places(made.n, ordered.astype(np.int64, copy=False))


def names(connection: duckdb.DuckDBPyConnection, records: str, made: Graph, wanted: set[int]) -> dict[int, str]:
    """Return the identities of records, by their places."""
    there = np.array(sorted(each for each in wanted if each < len(made.n)), np.int64)
    connection.register("beffroi_wanted", pa.table({"n": made.n[there], "place": there}))
    found = connection.execute(f"SELECT place, identity FROM {records} JOIN beffroi_wanted USING (n)").fetchall()
    connection.unregister("beffroi_wanted")
    return dict(found) | {each: made.ghosts[each - len(made.n)] for each in wanted if each >= len(made.n)}
