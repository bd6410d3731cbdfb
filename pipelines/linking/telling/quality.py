"""How good the links of a run are, as far as it can be told without the truth: from the model's own probabilities.

Were they right, then of the linked pairs the sum of 1 - p would be false, and of the others the sum of p missed; what no
blocking rule brings together, `missed` estimates. That rests on the model: errors that it does not know of (a twin, a
register that repeats another's mistake) it cannot count. People's decisions and a sample (`sample`) tell how far it is off.
No value and no identity of a record is in what this gives.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb

from pipelines.linking.clustering.attached import MARGIN
from pipelines.linking.deciding.decisions import Decision
from pipelines.linking.recipe import Thresholds
from pipelines.linking.telling import missed
from pipelines.sql import identifier

THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999)
"""Thresholds for which it is told what they would do, beside the two that hold."""

BANDS = ("linked", "doubtful", "apart")

FALSE = "CASE WHEN how = 'identifier' THEN 1 - probability ELSE 1 / (1 + pow(2::DOUBLE, least(500, weight))) END"
"""How likely it is that a pair is none: 1 - p without its rounding."""

SAME = "(FROM beffroi_met WHERE verdict = 'same' AND l < r AND (l, r) NOT IN (FROM beffroi_doubtful))"
"""Pairs of records that are there and that people say are the same, but those that a contradiction set aside."""


def measure(
    connection: duckdb.DuckDBPyConnection, *, pairs: str, bands: str, records: str, prepared: str,
    blocks: Sequence[Sequence[str]], thresholds: Thresholds, histogram: Mapping[int, int], floor: int,
    left_out: Mapping[str, int] | None = None, decisions: Sequence[Decision] = (), one_each: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Return the figures of a run's links, as JSON has them.

    `pairs`: l, r, how, weight, probability, of the pairs whose weight is `floor` and more; `bands`: l, r, band, of the
    same, as clustering left them; `records`: n, identity and side; `prepared`: n and the columns of `blocks`.
    `one_each`: each record of side 0 is one of side 1 at most. `histogram`: how many pairs have which weight, rounded down, those under `floor` too, but none of an identifier.
    Pairs `ruled` to be doubtful, whose identifiers are equal and all the rest speaks against it, are in no estimate. Those
    that `decisions` are on are what people said, at any threshold, and likely ones that wait are no links.
    `left_out`: how many keys of each rule too many records have to compare them.
    """
    total = _one(connection, f"SELECT count(*) FROM {records}")[0]
    under = {weight: held for weight, held in histogram.items() if weight < floor}
    lost = sum(held / (1 + 2 ** -(weight + 0.5)) for weight, held in under.items())  # as if in the middle of each bin
    against = f"how = 'identifier' AND probability < {thresholds.link!r}"  # by a rule: no probability to add up
    ruled = _one(connection, f"SELECT count(*) FROM {pairs} WHERE {against}")[0]
    believed = f"(FROM {pairs} WHERE NOT ({against}))"
    unseen = _unseen(connection, believed, prepared, blocks, thresholds)
    _tables(connection, records, decisions, bands)
    undecided = _undecided(believed, records, thresholds.link, one_each=one_each)
    table = list(_by_threshold(connection, undecided, records, thresholds, lost, unseen, one_each=one_each))
    held = dict(connection.execute(f"SELECT band, count(*) FROM {bands} GROUP BY ALL").fetchall())
    found = {band: held.get(band, 0) for band in BANDS}
    found["apart"] += sum(under.values())
    here = next(each for each in table if each["threshold"] == thresholds.link)
    return {
        "records": total,
        "thresholds": {"link": thresholds.link, "review": thresholds.review},
        "pairs": {"compared": sum(found.values()), "identifier": _identifier(connection, pairs), "ruled": ruled}
        | found,
        "left_out": {rule: keys for rule, keys in (left_out or {}).items() if keys},
        "queue": _queue(connection, total),
        "histogram": _histogram(histogram, thresholds),
        "estimate": {key: value for key, value in here.items() if key not in ("threshold", "links", "doubtful")},
        "by_threshold": table,
        "decisions": _decided(connection, pairs, thresholds),
    }


def _by_threshold(
    connection: duckdb.DuckDBPyConnection, pairs: str, records: str, thresholds: Thresholds, lost: float,
    unseen: float | None, *, one_each: bool,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Yield what is expected of each threshold; `lost` are the true pairs under the floor."""
    alone = f"SELECT probability, {FALSE} AS wrong, 1 - wrong AS likely, waits FROM {pairs}"
    of = _best(pairs, records) if one_each else alone
    ours = _one(connection, f"SELECT count(*) FROM {records} WHERE side = 0")[0] if one_each else 0
    asked = sorted({*THRESHOLDS, thresholds.link, thresholds.review})
    linked = (
        f"SELECT count(DISTINCT ours) FROM ({_ours(SAME, records)})" if one_each else f"SELECT count(*) FROM {SAME}"
    )
    same = _one(connection, linked)[0]
    for each, sums in zip(asked, _sums(connection, f"({of})", asked, thresholds.review), strict=True):
        still = lost * (ours - same - sums[0]) / ours if ours else lost  # who is linked is nobody else
        yield _at(each, sums, same, still, unseen)


def band(probability: float, thresholds: Thresholds) -> str:
    """Return the band that a probability is of, before any decision."""
    if probability >= thresholds.link:
        return "linked"
    return "doubtful" if probability >= thresholds.review else "apart"


def happened(connection: duckdb.DuckDBPyConnection, events: str) -> list[dict[str, Any]]:
    """Return how often what became of clusters or links, and why; no record is named in it."""
    rows = connection.execute(
        f"SELECT event, reason, count(*), sum(records) FROM {events} GROUP BY ALL ORDER BY 1, 3 DESC, 2"
    ).fetchall()
    return [dict(zip(("event", "reason", "count", "records"), row, strict=True)) for row in rows]


def _one(connection: duckdb.DuckDBPyConnection, query: str, **named: Any) -> tuple[Any, ...]:
    found: tuple[Any, ...] = connection.execute(query, named).fetchall()[0]
    return found


def _ours(pairs: str, records: str) -> str:
    """Return the query of pairs with the record of side 0 that each has."""
    return f"SELECT CASE WHEN x.side = 0 THEN l ELSE r END AS ours, p.* FROM {pairs} p JOIN {records} x ON x.n = p.l"


def _undecided(pairs: str, records: str, link: float, *, one_each: bool) -> str:
    """Return the pairs of which nobody said what they are, and whether they wait for a person though likely enough to be linked.

    With `one_each` those as well are out whose record of side 0 people link to another one.
    """
    waiting = f"(SELECT *, probability >= {link!r} AND (l, r) IN (FROM beffroi_doubtful) AS waits FROM {pairs})"
    if not one_each:
        return f"(FROM {waiting} p ANTI JOIN beffroi_met USING (l, r))"
    said = _ours(SAME, records)
    apart = "(FROM beffroi_met WHERE verdict <> 'same')"
    return f"(SELECT * EXCLUDE ours FROM ({_ours(waiting, records)}) p ANTI JOIN {apart} USING (l, r) ANTI JOIN ({said}) USING (ours))"


def _best(pairs: str, records: str) -> str:
    """Return the query of the best pair of each record of side 0: how likely it is wrong, and how likely it is of any at all.

    It is of one alone, so its pairs vie with each other; an identifier goes before the model, as in `attached`. A tie, where
    the best is not better than the second by its margin, waits.
    """
    vying = f"SELECT *, how = 'identifier' AS exact, 1 / greatest(1e-150, {FALSE}) - 1 AS odds FROM ({_ours(pairs, records)})"
    return f"""SELECT max(probability) AS probability, sum(odds) / (1 + sum(odds)) AS likely,
        (1 + sum(odds) - max(odds)) / (1 + sum(odds)) AS wrong,
        bool_or(waits) OR coalesce(max(weight, 2)[2] > max(weight) - {MARGIN!r}, false) AS waits
        FROM (FROM ({vying}) QUALIFY exact = bool_or(exact) OVER (PARTITION BY ours)) GROUP BY ours"""


def _sums(
    connection: duckdb.DuckDBPyConnection, pairs: str, thresholds: Sequence[float], review: float
) -> list[tuple[Any, ...]]:
    """Return of each threshold how many pairs it links and asks of, how many of the links are false, and of the rest true."""
    told = ", ".join(
        f"""count(*) FILTER ({linked}), count(*) FILTER (NOT ({linked}) AND probability >= {min(review, link)!r}),
        coalesce(sum(wrong) FILTER ({linked}), 0), coalesce(sum(likely) FILTER (NOT ({linked})), 0)"""
        for link in thresholds
        if (linked := f"probability >= {link!r} AND NOT waits")
    )  # of all at once: what is false is reckoned of each pair once
    row = _one(connection, f"SELECT {told} FROM {pairs}")
    return [row[at : at + 4] for at in range(0, len(row), 4)]


def _at(threshold: float, sums: tuple[Any, ...], same: int, under: float, unseen: float | None) -> dict[str, Any]:
    """Return what is expected of a threshold, beside those that people say are the `same`.

    Without an estimate of what was never compared, recall is of the rest.
    """
    links, doubtful, false, apart = sums
    links += same
    true, lost = links - false, apart + under + (unseen or 0)
    return {
        "threshold": threshold, "links": links, "doubtful": doubtful, "false_links": false, "missed": lost,
        "missed_by_threshold": apart + under, "missed_by_blocking": unseen,
        "precision": true / links if links else None, "recall": true / (true + lost) if true + lost else None,
    }  # fmt: skip


def _unseen(
    connection: duckdb.DuckDBPyConnection, pairs: str, prepared: str, blocks: Sequence[Sequence[str]],
    thresholds: Thresholds,
) -> float | None:  # fmt: skip
    """Return how many true pairs no block brings together, from what those have in common that are likely true."""
    parts = sorted({part for block in blocks for part in block})
    if not parts or len(parts) > missed.PARTS:
        return None
    types = dict(connection.execute(f"SELECT column_name, column_type FROM (DESCRIBE {prepared})").fetchall())
    same = [
        f"list_has_any(a.{part}, b.{part})" if types[name].endswith("[]") else f"a.{part} = b.{part}"
        for name, part in ((name, identifier(name)) for name in parts)
    ]
    pattern = ", ".join(f"coalesce({each}, false)" for each in same)
    found = connection.execute(
        f"""SELECT [{pattern}] AS pattern, sum(1 - {FALSE}) FROM {pairs} p
            JOIN {prepared} a ON a.n = p.l JOIN {prepared} b ON b.n = p.r WHERE probability >= $review GROUP BY ALL""",
        {"review": thresholds.review},
    ).fetchall()
    rules = [frozenset(parts.index(part) for part in block) for block in blocks]
    return missed.estimate({tuple(pattern): held for pattern, held in found}, rules)


def _identifier(connection: duckdb.DuckDBPyConnection, pairs: str) -> int:
    return int(_one(connection, f"SELECT count(*) FROM {pairs} WHERE how = 'identifier'")[0])


def _queue(connection: duckdb.DuckDBPyConnection, total: int) -> dict[str, Any]:
    """Return how many pairs wait for a person, and how many records are in one."""
    waiting = "SELECT unnest([l, r]) AS n FROM beffroi_doubtful"
    sides, rows = _one(connection, f"SELECT count(*), count(DISTINCT n) FROM ({waiting})")
    connection.execute("DROP TABLE beffroi_doubtful")
    return {"pairs": sides // 2, "rows": rows, "share": rows / total if total else 0.0}


def _histogram(histogram: Mapping[int, int], thresholds: Thresholds) -> list[dict[str, Any]]:
    """Return the pairs by weight; a bin is of the band that its middle is of."""
    edges = {name: math.log2(p / (1 - p)) if p < 1 else math.inf for name, p in thresholds}
    found = []
    for weight, held in sorted(histogram.items()):
        middle = weight + 0.5
        name = "linked" if middle >= edges["link"] else "doubtful" if middle >= edges["review"] else "apart"
        found.append({"from": weight, "to": weight + 1, "pairs": held, "band": name})
    return found


def _tables(connection: duckdb.DuckDBPyConnection, records: str, decisions: Sequence[Decision], bands: str) -> None:
    """Make temp tables: beffroi_met of what people decided (l, r, verdict), beffroi_doubtful of pairs that wait (l, r).

    Where a record is gone l and r are equal, or null.
    """
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE beffroi_doubtful AS SELECT l, r FROM {bands} WHERE band = 'doubtful'"
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE beffroi_met AS
        WITH decided AS (SELECT unnest($a::VARCHAR[]) AS a, unnest($b::VARCHAR[]) AS b, unnest($verdict::VARCHAR[]) AS verdict)
        SELECT verdict, least(x.n, y.n) AS l, greatest(x.n, y.n) AS r
        FROM decided LEFT JOIN {records} x ON x.identity = a LEFT JOIN {records} y ON y.identity = b""",
        {name: [getattr(each, name) for each in decisions] for name in ("a", "b", "verdict")},
    )


def _decided(
    connection: duckdb.DuckDBPyConnection, pairs: str, thresholds: Thresholds
) -> dict[str, dict[str, float]]:  # fmt: skip
    """Return, by the band in which the model alone has a pair, what people decided of it, and what was expected."""
    found = {each: {"same": 0, "different": 0, "unsure": 0, "expected_same": 0.0} for each in (*BANDS, "unseen")}
    rows = connection.execute(
        f"SELECT verdict, probability FROM beffroi_met met LEFT JOIN {pairs} p ON (p.l, p.r) = (met.l, met.r)"
    ).fetchall()
    connection.execute("DROP TABLE beffroi_met")
    for verdict, probability in rows:
        of = found["unseen" if probability is None else band(probability, thresholds)]
        of[verdict] += 1
        of["expected_same"] += probability if probability is not None and verdict != "unsure" else 0
    return found
