"""What people are asked about the links of a version: its doubtful pairs, the best question first.

First come contradictions of what people decided, then decisions whose records have changed since, then the pairs whose
answer `same` would move the most rows, by how likely it is: the probability of the pair times the rows of the smaller of
its two clusters; of equals the one that is nearest to being linked. Of all pairs of the same two clusters only the best is
asked, since its answer is that of the others; a pair that other decisions answer already is not asked at all.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import duckdb

from pipelines.linking import files
from pipelines.linking.deciding import decisions
from pipelines.linking.deciding.decisions import Decision, Values
from pipelines.linking.telling import looking
from pipelines.sql import quote

Why = Literal["contradiction", "changed", "doubtful"]
"""Why a pair is asked, in the order in which they are."""

Connection = duckdb.DuckDBPyConnection

MOST = 10_000
"""Doubtful pairs that are looked at: nobody answers more before the next run."""


@dataclass(frozen=True)
class Question:
    """A pair that waits for a person: its records, why it is asked, and how many rows the answer `same` would move.

    `pair` is its row among the pairs, None where the run did not keep it. `decision` holds of it already, and `changed`
    are the records that are other ones since. `contradiction` is what people's word set aside.
    """

    a: str
    b: str
    why: Why
    rows: int
    pair: Mapping[str, Any] | None = None
    decision: Decision | None = None
    changed: tuple[str, ...] = ()
    contradiction: Mapping[str, Any] | None = None

    @property
    def worth(self) -> float:
        """Return how many rows the answer is expected to move."""
        return self.rows * (self.pair["probability"] if self.pair is not None else 1.0)


class Settled:
    """Which clusters are one, or are not, by what was decided since: what need not be asked."""

    def __init__(self) -> None:
        """Nothing is settled."""
        self._above: dict[str, str] = {}
        self._apart: dict[str, set[str]] = {}

    def head(self, cluster: str) -> str:
        """Return the cluster that stands for all that are one with this one."""
        above = self._above
        while (up := above.get(cluster, cluster)) != cluster:
            above[cluster] = cluster = above.get(up, up)  # each time it is nearer
        return cluster

    def say(self, one: str, other: str, verdict: str) -> None:
        """Note what was decided on records of two clusters."""
        one, other = self.head(one), self.head(other)
        if verdict == "different":
            self._apart.setdefault(one, set()).add(other)
            self._apart.setdefault(other, set()).add(one)
        elif verdict == "same" and one != other:
            self._above[other] = one
            for enemy in self._apart.pop(other, ()):
                for name, its in ((enemy, one), (one, enemy)):
                    self._apart.setdefault(name, set()).add(its)

    def knows(self, one: str, other: str) -> bool:
        """Tell whether an answer on records of two clusters is known."""
        one, other = self.head(one), self.head(other)
        return one == other or other in self._apart.get(one, ())


@dataclass
class Queue:
    """The questions of a version's link, the best first, with what is known of the clusters of their records.

    `once` are the records that can be linked once, those of ours where links lead to another dataset.
    """

    questions: list[Question]
    clusters: dict[str, str]
    once: set[str]
    settled: Settled = field(default_factory=Settled)
    linked: set[str] = field(default_factory=set)
    said: dict[tuple[str, str], Decision] = field(default_factory=dict)

    def answer(self, decision: Decision) -> None:
        """Note what was decided meanwhile."""
        again = decision.pair in self.said
        self.said[decision.pair] = decision
        if again:  # what followed from the word before is taken back
            self.settled, self.linked = Settled(), set()
        for each in self.said.values() if again else (decision,):
            self._follow(each)

    def _follow(self, decision: Decision) -> None:
        ends = [self.clusters.get(each) for each in decision.pair]
        if ends[0] is not None and ends[1] is not None:
            self.settled.say(ends[0], ends[1], decision.verdict)
            if decision.verdict == "same":
                self.linked |= self.once & set(decision.pair)

    def open(self, question: Question) -> bool:
        """Tell whether a question still has to be asked."""
        ends = [self.clusters.get(each) for each in (question.a, question.b)]
        if question.why != "doubtful" or ends[0] is None or ends[1] is None:
            return True
        return not self.settled.knows(ends[0], ends[1]) and not self.linked & {question.a, question.b}


def queue(connection: Connection, folder: Path, column: str, said: Sequence[Decision]) -> Queue:
    """Return what is to be asked about a link, from the files of a version and the decisions that hold."""
    rows = _doubtful(connection, folder, column)
    by_pair = {each.pair: each for each in said}
    named = {name for each in said for name in each.pair} | {row[side] for row in rows for side in "lr"}
    there = Queue([], *_clusters(connection, folder, column, named))
    contradicted = list(_contradictions(connection, folder, column, by_pair))
    aside = {(each.a, each.b) for each in contradicted}
    for each in said:
        if each.verdict != "unsure" and each.pair not in aside:
            there.answer(each)
    asked = set(by_pair) | aside
    ends = [(min(row["l"], row["r"]), max(row["l"], row["r"])) for row in rows]
    pairs = [
        Question(a, b, "doubtful", row["rows"], row)
        for (a, b), row in zip(ends, rows, strict=True)
        if (a, b) not in asked
    ]
    pairs.sort(key=lambda each: (-each.worth, -(each.pair or {})["probability"], each.a, each.b))
    changed = [each for each in _changed(connection, folder, column, said) if (each.a, each.b) not in aside]
    found = (*contradicted, *changed, *_one_each(there, pairs))
    there.questions = [_ours_first(each, there.once) for each in found]
    return there


def _ours_first(asked: Question, once: set[str]) -> Question:
    """Return a question with the record of ours first, where links lead to another dataset."""
    return replace(asked, a=asked.b, b=asked.a) if asked.b in once and asked.a not in once else asked


def _one_each(there: Queue, pairs: Sequence[Question]) -> Iterator[Question]:
    """Yield the questions that nothing answers, the best of each two clusters."""
    seen = set[frozenset[str]]()
    for each in pairs:
        ends = frozenset(there.settled.head(there.clusters[name]) for name in (each.a, each.b))
        if ends not in seen and there.open(each):
            seen.add(ends)
            yield each


def _doubtful(connection: Connection, folder: Path, column: str) -> list[dict[str, Any]]:
    """Return the best doubtful pairs, each with the rows of the smaller cluster of its two."""
    cluster, _ = _cluster(connection, folder, column)
    found = connection.execute(
        f"WITH r AS (SELECT identity, {cluster} AS cluster FROM {_table(files.records(folder, column))}),"
        f" p AS (FROM {_table(files.pairs(folder, column))} WHERE band = 'doubtful'),"
        " s AS (SELECT cluster, count(*) AS records FROM r GROUP BY cluster)"
        " SELECT p.*, least(x.records, y.records) AS rows FROM p JOIN r a ON a.identity = p.l JOIN r b ON b.identity = p.r"
        " JOIN s x ON x.cluster = a.cluster JOIN s y ON y.cluster = b.cluster"
        f" ORDER BY rows * p.probability DESC, p.probability DESC, p.l, p.r LIMIT {MOST}"
    )
    names = [each[0] for each in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _cluster(connection: Connection, folder: Path, column: str) -> tuple[str, bool]:
    """Return SQL for the cluster of a record as a text, and whether links lead to another dataset: each is one then."""
    named = connection.execute(f"DESCRIBE FROM {_table(files.records(folder, column))}").fetchall()
    return ("cluster::VARCHAR", False) if any(name == "cluster" for name, *_ in named) else ("identity", True)


def _clusters(
    connection: Connection, folder: Path, column: str, identities: set[str]
) -> tuple[dict[str, str], set[str]]:
    """Return the clusters of records, of those that are there, and those that can be linked once only."""
    cluster, once = _cluster(connection, folder, column)
    found = connection.execute(
        f"SELECT identity, {cluster}, side FROM {_table(files.records(folder, column))}"
        " WHERE identity IN (SELECT unnest($identities::VARCHAR[]))",
        {"identities": sorted(identities)},
    ).fetchall()
    return {name: each for name, each, _ in found}, {name for name, _, side in found if once and not side}


def _changed(connection: Connection, folder: Path, column: str, said: Sequence[Decision]) -> Iterator[Question]:
    """Yield the decisions whose records are materially other ones now; they hold until somebody says otherwise."""
    values = now(connection, folder, column, said)
    for each in said:
        if each.a in values and each.b in values and (other := decisions.changed(each, values)):
            pair = looking.pair(connection, folder, column, *each.pair)
            yield Question(each.a, each.b, "changed", 1, pair, each, tuple(other))


def now(connection: Connection, folder: Path, column: str, said: Sequence[Decision]) -> dict[str, Values]:
    """Return what the records that decisions name have now, of those that are there."""
    return looking.fields(connection, folder, column, {name for each in said for name in each.pair})


def _contradictions(
    connection: Connection, folder: Path, column: str, said: Mapping[tuple[str, str], Decision]
) -> Iterator[Question]:
    """Yield what contradicted people's word at the run of the version, and does so still."""
    for each in told(folder, column):
        own, against = said.get((each["l"], each["r"])), said.get((min(each["against"]), max(each["against"])))
        if against is None or (against.verdict, against.when) != (_against(each), each["against_decided"]):
            continue
        if (own.when if own is not None else None) != each["decided"]:
            continue
        pair = looking.pair(connection, folder, column, each["l"], each["r"])
        yield Question(each["l"], each["r"], "contradiction", 1, pair, own, (), each)


def _against(contradiction: Mapping[str, Any]) -> str:
    """Return what was said of the pair that won: of three records two ways `same` only where one can be linked once."""
    ends = set(contradiction["against"])
    apart = contradiction["way"][0] in ends and contradiction["way"][-1] in ends
    return "different" if apart else "same"


def told(folder: Path, column: str) -> list[dict[str, Any]]:
    """Return what contradicted people's word at the run of a version; nothing where that is no longer kept."""
    return list(_of_run(folder, column).get("contradictions", ()))


def read(folder: Path, column: str) -> set[tuple[str, str, str, str]]:
    """Return pair, verdict and moment of each decision that the run of a version read; none where that is no longer kept."""
    return {(a, b, verdict, when) for a, b, verdict, when in _of_run(folder, column).get("read", ())}


def _of_run(folder: Path, column: str) -> dict[str, Any]:
    try:
        return dict(json.loads(files.contradictions(folder, column).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}


def _table(file: Path) -> str:
    return f"read_parquet({quote(str(file))})"
