"""Links to another dataset (`to:`): each record of ours gets one of theirs at most, the best, or none where it is unsure.

The best is what people said is the same (of several the newest word), then an equal identifier, then the greatest weight.
It has to be better than the second of its class by a margin; a tie is doubtful. Several of ours may get the same one.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from pipelines.linking.clustering import bands
from pipelines.linking.clustering.clusters import MOST_TOLD, Contradiction
from pipelines.linking.clustering.events import NONE
from pipelines.linking.deciding.decisions import Decision, in_order
from pipelines.linking.recipe import Asked
from pipelines.sql import identifier

Connection = duckdb.DuckDBPyConnection

MARGIN = 3.0
"""Bits by which the best has to be better than the second: eight times as likely."""


@dataclass
class Attached:
    """The figures of the links of a run: records of ours, those `attached` to one of theirs, those with a tie.

    Pairs by band; `cut` counts pairs that would be linked, or doubtful, if there were no better one (`other`), or no equal
    one (`tie`), or if they had no two identifiers of a kind (`differ`) and were not `asked` of; `events` by name.
    """

    records: int = 0
    attached: int = 0
    ties: int = 0
    linked: int = 0
    doubtful: int = 0
    apart: int = 0
    cut: dict[str, int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    contradicting: int = 0
    contradictions: list[Contradiction] = field(default_factory=list)


DECIDED = pa.schema({
    "a": pa.string(), "b": pa.string(), "verdict": pa.string(), "author": pa.string(), "decided": pa.string(), "age": pa.int64(),
})  # fmt: skip

CHOICES = """
CREATE OR REPLACE TEMP TABLE {x}_choices AS
WITH ours AS (FROM {records} WHERE side = 0), others AS (FROM {records} WHERE side = 1),
    said AS (
        SELECT o.n AS ours, t.n AS theirs, verdict, author, decided, age FROM {x}_decided d
            JOIN ours o ON o.identity = d.a JOIN others t ON t.identity = d.b
        UNION ALL SELECT o.n, t.n, verdict, author, decided, age FROM {x}_decided d
            JOIN ours o ON o.identity = d.b JOIN others t ON t.identity = d.a
    ),
    scored AS (
        SELECT CASE WHEN o.n IS NULL THEN p.r ELSE p.l END AS ours, CASE WHEN o.n IS NULL THEN p.l ELSE p.r END AS theirs,
            p.how, round(coalesce(p.weight, 0), 6) AS weight, p.probability, {asked} AS asked
        FROM {pairs} p LEFT JOIN ours o ON o.n = p.l WHERE p.probability >= {review!r}
    ),
    known AS (
        SELECT ours, theirs, verdict, author, decided, age, weight, probability,
            CASE WHEN verdict = 'same' THEN 0 WHEN how = 'identifier' THEN 1 ELSE 2 END AS kind,
            CASE WHEN verdict IS NULL THEN CASE WHEN how = 'model' AND ({differ}) THEN 'differ' ELSE asked END END AS waits,
            coalesce(verdict = 'same' OR (probability >= {link!r} AND verdict IS NULL AND waits IS NULL), false) AS eligible
        FROM scored FULL JOIN said USING (ours, theirs) JOIN ours o ON o.n = ours JOIN others t ON t.n = theirs
    )
SELECT *, row_number() OVER (PARTITION BY ours ORDER BY eligible DESC, kind, age, weight DESC, theirs) AS place
FROM known WHERE verdict IS DISTINCT FROM 'different'
"""
"""What each of ours could be linked to, the best first, of the pairs that count at all. `age` is 0 for the newest word.

A link `waits` for a person where the two have two identifiers of a kind of which a record has one, and the model alone
links them (`differ`), or as the recipe has it `asked`.
Which of two equal ones comes first is nothing: they are a tie.
"""

CHOSEN = """
CREATE OR REPLACE TEMP TABLE {x}_chosen AS
SELECT b.*, EXISTS (
        FROM {x}_choices s WHERE s.ours = b.ours AND s.place > 1 AND b.kind > 0 AND s.kind = b.kind
        AND s.weight > b.weight - {margin!r}
    ) AS tie
FROM {x}_choices b WHERE b.place = 1 AND b.eligible
"""

LINKS = """
CREATE OR REPLACE TEMP TABLE {x} AS
SELECT r.n, CASE WHEN NOT c.tie THEN c.theirs END AS theirs
FROM {records} r LEFT JOIN {x}_chosen c ON c.ours = r.n WHERE r.side = 0
"""

ASIDE = """
CREATE OR REPLACE TEMP TABLE {x}_aside AS
SELECT s.ours, s.theirs, CASE WHEN NOT c.tie THEN 'other' WHEN vies THEN 'tie' ELSE coalesce(s.waits, 'tie') END AS why
FROM {x}_choices s JOIN {x}_chosen c ON c.ours = s.ours, LATERAL (SELECT s.kind = c.kind AND s.weight > c.weight - {margin!r} AS vies)
WHERE CASE WHEN c.tie THEN vies OR (s.verdict IS NULL AND s.probability >= {link!r}) ELSE s.place > 1 END
UNION ALL SELECT ours, theirs, waits FROM {x}_choices
WHERE waits IS NOT NULL AND probability >= {link!r} AND ours NOT IN (SELECT ours FROM {x}_chosen)
"""
"""Pairs that would be linked or doubtful by themselves: those of a tie, those that a better one makes needless, and such as wait.

Where it is a tie, no pair is a link, those neither that are less likely.
"""

EVENTS = """
INSERT INTO {x}_events
WITH was AS (SELECT n, theirs FROM {before} WHERE n IS NOT NULL),
    now AS (
        SELECT m.n, t.identity AS is_now, w.theirs AS was
        FROM {x} m LEFT JOIN was w USING (n) LEFT JOIN {records} t ON t.n = m.theirs
        WHERE t.identity IS DISTINCT FROM w.theirs
    ),
    said AS (SELECT a, b, author, decided FROM {x}_decided WHERE verdict <> 'same' UNION ALL
        SELECT b, a, author, decided FROM {x}_decided WHERE verdict <> 'same'),
    there AS (SELECT identity, n AS theirs FROM {records} WHERE side = 1 AND identity IN (SELECT was FROM now)),
    held AS (SELECT ours, identity, why FROM {x}_aside JOIN there USING (theirs))
SELECT CASE WHEN was IS NULL THEN 'linked' WHEN is_now IS NULL THEN 'unlinked' ELSE 'relinked' END, NULL, NULL, 1,
    CASE WHEN is_now IS NOT NULL THEN ['decision', 'identifier', 'link'][kind + 1] WHEN s.a IS NOT NULL THEN 'decision'
        WHEN was NOT IN (SELECT identity FROM there) THEN 'left' ELSE coalesce(h.why, CASE WHEN tie THEN 'tie' END, 'weight') END,
    r.identity, coalesce(is_now, was), CASE WHEN is_now IS NOT NULL AND kind > 0 THEN weight END,
    CASE WHEN is_now IS NOT NULL THEN c.author ELSE s.author END,
    CASE WHEN is_now IS NOT NULL THEN c.decided ELSE s.decided END
FROM now JOIN {records} r USING (n) LEFT JOIN {x}_chosen c ON c.ours = now.n
LEFT JOIN said s ON s.a = r.identity AND s.b = was LEFT JOIN held h ON h.ours = now.n AND h.identity = was ORDER BY 1, r.identity
"""

CONTRADICTIONS = """
SELECT o.identity, s.identity, a.author, a.decided, t.identity, c.author, c.decided
FROM {x}_choices a JOIN {x}_chosen c ON c.ours = a.ours JOIN {records} o ON o.n = a.ours JOIN {records} s ON s.n = a.theirs
JOIN {records} t ON t.n = c.theirs WHERE a.verdict = 'same' AND a.place > 1 ORDER BY o.identity, a.place
"""
"""Words `same` on one of ours that a newer one sets aside."""


def _asked(asked: Sequence[Asked]) -> str:
    """Return SQL for why a pair is asked of a person, as its recipe has it, null where it is not."""
    cases = "".join(f" WHEN {each.sql} THEN '{each.why}'" for each in asked)
    return f"CASE WHEN false THEN NULL::VARCHAR{cases} END"


def attach(
    connection: Connection, *, pairs: str, records: str, into: str, link: float, review: float,
    decisions: Sequence[Decision] = (), before: str | None = None, margin: float = MARGIN, exclusive: Sequence[str] = (),
    asked: Sequence[Asked] = (),
) -> Attached:  # fmt: skip
    """Make the links of a run: temp tables `into` (n, theirs), `into`_events, the view `into`_bands; return their figures.

    `pairs` has l, r, how, weight, probability, each with one record of either side; `records` n, identity, side, and each
    column of `exclusive`, of which two values are two entities; links that the recipe has `asked` wait; `before` n (null of records that are gone) and theirs (an identity) of the last version, None at the first run.
    """
    rows = [
        {"a": each.a, "b": each.b, "verdict": each.verdict, "author": each.author, "decided": each.when, "age": age}
        for age, each in enumerate(in_order(decisions)[::-1])
    ]
    bands.table(connection, f"{into}_decided", pa.Table.from_pylist(rows, DECIDED))
    differ = " OR ".join(["false", *(f"coalesce(o.{each} <> t.{each}, false)" for each in map(identifier, exclusive))])
    names = dict(
        x=into,
        records=records,
        pairs=pairs,
        link=link,
        review=review,
        margin=margin,
        differ=differ,
        asked=_asked(asked),
    )
    for statement in (CHOICES, CHOSEN, LINKS, ASIDE, NONE, *([EVENTS] if before is not None else [])):
        connection.execute(statement.format(before=before, **names))
    aside = connection.execute(f"FROM {into}_aside").fetchnumpy()
    ours, theirs, why = aside["ours"].astype(np.int64), aside["theirs"].astype(np.int64), aside["why"].tolist()
    special = [(ours, theirs, why), *_decided(connection, into, records)]
    banded = bands.bands(connection, pairs, into, special, link=link, review=review, together=False)
    contradictions = list(_contradictions(connection, CONTRADICTIONS.format(**names)))
    told = Attached(
        **_figures(connection, into) | banded, cut=dict(Counter(why)), contradicting=len(contradictions),
        contradictions=contradictions[:MOST_TOLD],
    )  # fmt: skip
    for each in ("decided", "choices", "chosen", "aside"):
        connection.execute(f"DROP TABLE {into}_{each}")
    return told


def _decided(connection: Connection, into: str, records: str) -> bands.Special:
    """Return the pairs that people decided on, of records that are there."""
    rows = connection.execute(
        f"SELECT a.n, b.n, verdict FROM {into}_decided d JOIN {records} a ON a.identity = d.a"
        f" JOIN {records} b ON b.identity = d.b WHERE a.side <> b.side"
    ).fetchall()
    ends = np.array([row[:2] for row in rows], np.int64).reshape(-1, 2)
    return [(ends[:, 0], ends[:, 1], [row[2] for row in rows])]


def _figures(connection: Connection, into: str) -> dict[str, Any]:
    counted = connection.execute(f"SELECT count(*), count(theirs) FROM {into}").fetchall()[0]
    ties = connection.execute(f"SELECT count(*) FROM {into}_chosen WHERE tie").fetchall()[0][0]
    events = connection.execute(f"SELECT event, count(*) FROM {into}_events GROUP BY event ORDER BY 1").fetchall()
    return {"records": counted[0], "attached": counted[1], "ties": ties, "events": dict(events)}


def _contradictions(connection: Connection, query: str) -> Iterator[Contradiction]:
    """Yield what people's newer words set aside: one of ours can be one of theirs only."""
    rows = connection.execute(query).fetchall()
    for one, two, author, decided, other, by, when in rows:
        pair, against = sorted((one, two)), sorted((one, other))
        yield Contradiction(
            "decisions", pair[0], pair[1], None, (against[0], against[1]), (two, one, other), author, decided, by, when
        )
