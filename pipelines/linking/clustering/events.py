"""What became of the clusters of the version before, and why: new, grown, merged, split, moved, shrunk, gone.

Only clusters that are not as they were are looked at. `merged`: `other` is no more, its records are in `cluster`;
`split`: `cluster` is new, its records come from `other`; `moved`: records went from `other` to `cluster`, and both are
still there. The reasons:

- of what came together: `decision`, `identifier` or `link`, the surest on the pair `l`, `r`;
- of what came apart: `decision`, a link that was cut (`cut-decision`, `cut-identifiers`, `cut-sources`, `cut-size`), a record `l`
  that `left` the source or `changed`, a pair whose `weight` is too little now or that is held (`tie`, `forms`, `lent`), or, with no more known, `unlinked`;
- of `shrunk` and `gone`: `left`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.linking.clustering import bands
from pipelines.linking.clustering.cutting import DECIDED
from pipelines.linking.clustering.graph import Graph, places
from pipelines.linking.deciding.decisions import Decision

Ints = npt.NDArray[np.int64]
Connection = duckdb.DuckDBPyConnection

Word = tuple[int, int, Decision]
"""What people decided, with the numbers of the two records."""

FACT = pa.schema({
    "l": pa.int64(), "r": pa.int64(), "rank": pa.int64(), "reason": pa.string(), "weight": pa.float64(), "author": pa.string(),
    "decided": pa.string(),
})  # fmt: skip


@dataclass(frozen=True)
class Was:
    """The clusters before: the id that each record had, by its place (0: none), and the highest that any had.

    The temp table `gone` has the identity and cluster of those that are no longer there. At the `first` run nothing was.
    """

    ids: Ints
    highest: int
    gone: str
    first: bool


def was(connection: Connection, before: str | None, made: Graph, into: str) -> Was:
    """Return which clusters the records were in, by `before`, as `cluster` has it; None at the first run."""
    ids, gone = np.zeros(len(made.n), np.int64), f"{into}_gone"
    known = before or "(SELECT NULL::BIGINT AS n, NULL::VARCHAR AS identity, NULL::BIGINT AS cluster LIMIT 0)"
    found = connection.execute(f"SELECT n, cluster FROM {known}").fetchnumpy()
    there = ~np.ma.getmaskarray(found["n"])
    left = "n IS NULL" if not there.all() else "false"  # mostly nobody has left, and to look for them takes as long
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {gone} AS SELECT identity, cluster FROM {known} WHERE {left}")
    ids[places(made.n, np.ma.getdata(found["n"])[there].astype(np.int64, copy=False))] = found["cluster"][there]
    return Was(ids, int(found["cluster"].max(initial=0)), gone, before is None)


def tell(
    connection: Connection, into: str, made: Graph, before: Was, ids: Ints, cuts: Mapping[int, str], *,
    records: str, pairs: str, link: float, changed: str | None,
) -> dict[str, int]:  # fmt: skip
    """Make the table `into`_events of what became of the clusters, and return how many there are of each event.

    `ids` are the clusters now, by place; `cuts` the links that were left out, by number, with why.
    """
    if before.first:  # all is new then
        connection.execute(NONE.format(x=into))
        return {}
    _touched(connection, into, records, before, ids, made.n)
    _facts(connection, into, made, before.ids, ids, cuts)
    others = f"SELECT n FROM {changed}" if changed is not None else "SELECT 0 WHERE false"
    ends = np.array(list(made.held), np.int64).reshape(-1, 2)
    held = {"l": made.n[ends[:, 0]], "r": made.n[ends[:, 1]], "why": pa.array(made.held.values(), pa.string())}
    bands.table(connection, f"{into}_held", held)
    names = {
        "x": into,
        "gone": before.gone,
        "changed": others,
        "pairs": pairs,
        "linked": bands.LINKED.format(link=link),
    }
    for statement in (BASE, REASONS, EVENTS):
        connection.execute(statement.format(**names))
    for each in ("touched", "joined", "apart", "base", "reasons", "held"):
        connection.execute(f"DROP TABLE {into}_{each}")
    return dict(connection.execute(f"SELECT event, count(*) FROM {into}_events GROUP BY event ORDER BY 1").fetchall())


def _touched(connection: Connection, into: str, records: str, before: Was, ids: Ints, n: Ints) -> None:
    """Make the table `into`_touched (n, was, now, identity) of the records in clusters that are not as they were."""
    gone = connection.execute(f"SELECT DISTINCT cluster FROM {before.gone}").fetchnumpy()["cluster"]
    other = before.ids != ids
    named = np.unique(np.concatenate([before.ids[other], ids[other], gone.astype(np.int64)]))
    there = np.isin(ids, named)  # who has another one now is among them
    bands.table(connection, f"{into}_n", {"n": n[there], "was": before.ids[there], "now": ids[there]})
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {into}_touched AS SELECT t.*, identity FROM {into}_n t JOIN {records} USING (n)"
    )
    connection.execute(f"DROP TABLE {into}_n")


def _facts(connection: Connection, into: str, made: Graph, was: Ints, ids: Ints, cuts: Mapping[int, str]) -> None:
    """Make the tables `into`_joined and `into`_apart: what brings touched records together, and what keeps them apart.

    Both have l, r, rank (the most telling first), reason, weight, author, decided.
    """
    n = connection.execute(f"SELECT n FROM {into}_touched").fetchnumpy()["n"].astype(np.int64)
    touched = np.zeros(made.count, np.bool_)
    touched[places(made.n, n)] = True
    links = np.flatnonzero(touched[made.left] & touched[made.right])
    ends = made.left[links], made.right[links]
    new = (was[ends[0]] != was[ends[1]]) | (was[ends[0]] == 0)  # what was together before is no reason
    links = links[new & (ids[ends[0]] == ids[ends[1]])]
    words = [
        (made.n[one], made.n[other], said)
        for (one, other), said in made.told.items()
        if touched[one] and touched[other]
    ]
    fresh = links[made.kind[links] != DECIDED]
    reasons = np.array(["", "identifier", "link"])[made.kind[fresh]]
    _fact(connection, f"{into}_joined", made, fresh, reasons, [each for each in words if each[2].verdict == "same"])
    left = [(number, why) for number, why in cuts.items() if touched[made.left[number]] and touched[made.right[number]]]
    cut, why = np.array([number for number, _ in left], np.int64), [f"cut-{why}" for _, why in left]
    _fact(connection, f"{into}_apart", made, cut, why, [each for each in words if each[2].verdict != "same"])


def _fact(
    connection: Connection, name: str, made: Graph, links: Ints, reasons: Sequence[str], words: Sequence[Word]
) -> None:
    """Make a table of facts from links with their reasons, and from what people decided."""
    of_links = {
        "l": made.n[made.left[links]], "r": made.n[made.right[links]], "rank": made.kind[links], "reason": reasons,
        "weight": made.weight[links], "author": pa.nulls(len(links)), "decided": pa.nulls(len(links)),
    }  # fmt: skip
    decided = [(one, other, DECIDED, "decision", None, said.author, said.when) for one, other, said in words]
    rows = [dict(zip(FACT.names, each, strict=True)) for each in decided]
    both = [pa.table(of_links).select(FACT.names).cast(FACT), pa.Table.from_pylist(rows, FACT)]
    bands.table(connection, name, pa.concat_tables(both))


NONE = """
CREATE OR REPLACE TEMP TABLE {x}_events (event VARCHAR, cluster BIGINT, other BIGINT, records BIGINT, reason VARCHAR,
    l VARCHAR, r VARCHAR, weight DOUBLE, author VARCHAR, decided VARCHAR)
"""

BASE = """
CREATE OR REPLACE TEMP TABLE {x}_base AS
WITH old AS (SELECT was AS id FROM {x}_touched WHERE was > 0 UNION SELECT cluster FROM {gone}),
    new AS (SELECT DISTINCT now AS id FROM {x}_touched),
    flows AS (SELECT was, now, count(*) AS records FROM {x}_touched WHERE was > 0 GROUP BY ALL),
    came AS (SELECT now, count(*) AS records FROM {x}_touched WHERE was = 0 GROUP BY now),
    leaving AS (SELECT cluster, count(*) AS records FROM {gone} GROUP BY cluster)
SELECT CASE WHEN now NOT IN (FROM old) THEN 'split' WHEN was IN (FROM new) THEN 'moved' ELSE 'merged' END AS event,
    now AS cluster, was AS other, records FROM flows WHERE was <> now
UNION ALL SELECT CASE WHEN now IN (FROM old) THEN 'grown' ELSE 'new' END, now, 0, records FROM came
    WHERE now IN (FROM old) OR (records > 1 AND now NOT IN (SELECT now FROM flows))
UNION ALL SELECT CASE WHEN cluster IN (FROM new) THEN 'shrunk' ELSE 'gone' END, cluster, 0, records FROM leaving
    WHERE cluster IN (FROM new) OR cluster NOT IN (SELECT was FROM flows)
"""
"""The events, one row each; `other` is 0 where there is none."""

REASONS = """
CREATE OR REPLACE TEMP TABLE {x}_reasons AS
WITH ends AS (
        SELECT j.*, a.now, a.was AS was_l, b.was AS was_r, a.identity AS one, b.identity AS two
        FROM {x}_joined j JOIN {x}_touched a ON a.n = j.l JOIN {x}_touched b ON b.n = j.r WHERE a.now = b.now
    ),
    weak AS (
        SELECT p.l, p.r, 8 AS rank, CASE WHEN {linked} THEN h.why ELSE 'weight' END AS reason, p.weight, NULL AS author,
        NULL AS decided FROM {pairs} p SEMI JOIN {x}_touched a ON a.n = p.l SEMI JOIN {x}_touched b ON b.n = p.r
        LEFT JOIN {x}_held h ON h.l = least(p.l, p.r) AND h.r = greatest(p.l, p.r) WHERE NOT ({linked}) OR h.why IS NOT NULL
    ),
    between AS (
        SELECT j.*, a.now AS now_l, b.now AS now_r, a.was, a.identity AS one, b.identity AS two
        FROM (FROM {x}_apart UNION ALL FROM weak) j
        JOIN {x}_touched a ON a.n = j.l JOIN {x}_touched b ON b.n = j.r WHERE a.was = b.was AND a.now <> b.now
    ),
    others AS (SELECT was, min(identity) AS one FROM {x}_touched WHERE n IN ({changed}) GROUP BY was),
    left_it AS (SELECT cluster, min(identity) AS one FROM {gone} GROUP BY cluster)
SELECT e.event, e.cluster, e.other, j.rank, j.reason, one, two, j.weight, author, decided
    FROM {x}_base e JOIN ends j ON j.now = e.cluster WHERE e.event IN ('merged', 'moved')
    AND ((was_l = e.other) <> (was_r = e.other))
UNION ALL SELECT e.event, e.cluster, 0, j.rank, j.reason, one, two, j.weight, author, decided
    FROM {x}_base e JOIN ends j ON j.now = e.cluster WHERE e.event = 'new' OR (e.event = 'grown' AND (was_l = 0) <> (was_r = 0))
UNION ALL SELECT e.event, e.cluster, e.other, j.rank, j.reason, one, two, j.weight, author, decided
    FROM {x}_base e JOIN between j ON j.was = e.other AND e.cluster IN (now_l, now_r) WHERE e.event = 'split'
UNION ALL SELECT e.event, e.cluster, e.other, 6, 'left', one, NULL, NULL, NULL, NULL
    FROM {x}_base e JOIN left_it g ON g.cluster = CASE WHEN e.event = 'split' THEN e.other ELSE e.cluster END
    WHERE e.event IN ('split', 'shrunk', 'gone')
UNION ALL SELECT e.event, e.cluster, e.other, 7, 'changed', one, NULL, NULL, NULL, NULL
    FROM {x}_base e JOIN others o ON o.was = e.other WHERE e.event = 'split'
"""
"""All that could be the reason of each event."""

EVENTS = """
CREATE OR REPLACE TEMP TABLE {x}_events AS
SELECT e.event, e.cluster, nullif(e.other, 0) AS other, e.records,
    coalesce(s.reason, CASE WHEN e.event = 'split' THEN 'unlinked' ELSE 'decision' END) AS reason,
    least(one, two) AS l, CASE WHEN two IS NOT NULL THEN greatest(one, two) END AS r, s.weight, s.author, s.decided
FROM {x}_base e LEFT JOIN (
    FROM {x}_reasons
    QUALIFY row_number() OVER (
        PARTITION BY event, cluster, other ORDER BY rank, round(weight, 6) DESC, least(one, two), greatest(one, two)
    ) = 1
) s USING (event, cluster, other)
ORDER BY e.event, e.cluster, e.other
"""
"""Each event with the most telling reason; the same whatever the order of the records.

What came together without a link of two records did so by decisions on one that has left.
"""
