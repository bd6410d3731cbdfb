"""Stories of a register: records come, change and go, people decide, runs follow each other. What a steward trusts holds after each.

`make test` tells a few short ones, `make soak` hundreds.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import doctor
from pipelines.linking import files
from pipelines.linking.deciding import decisions, questions
from pipelines.linking.deciding.decisions import Decision
from pipelines.run import run
from tests.effort import some
from tests.linking.persons import PERSONS, Row, numbers, of, put
from tests.pipelines.bench import Bench, query

FORMS: tuple[tuple[str | None, ...], ...] = (
    ("Dupont", "Jean", "1980-02-03"), ("DUPONT", "Jean", "1980-03-02"), ("Dupond", "Jean", None), ("Dupont", "J.", "1980-02-03"),
    ("Gambuva", "Natia", "2005-12-24"), ("Gambuva", "Nato", "2005-12-24"), ("Gambuva", None, "2005-12-24"),
    ("Etxeberria", "Ane", "1970-01-02"), ("Etxeberria Garcia", "Ane", "1970-01-02"), ("Echeverria", "Ana", "1970-01-03"),
    ("", "", None), (None, None, None), ("O'Brien", "Zoë", "2001-01-01"), ("Иванов", "Пётр", "1999-09-09"), ("Ivanov", "Petr", "1999-09-09"),
)  # fmt: skip
"""What a record may say: persons in several forms, twins, and nobody."""

IDS = [str(number) for number in range(10)]
Rows = dict[str, int]
"""Of each record which of FORMS it says."""


@dataclass(frozen=True)
class Turn:
    """What happens before a run: records that come or change (to which form), such as go, and what people say of two."""

    come: Rows
    go: frozenset[str]
    said: tuple[tuple[str, str, str], ...]


@st.composite
def turns(draw: st.DrawFn) -> Turn:
    forms = st.integers(0, len(FORMS) - 1)
    pairs = st.lists(st.sampled_from(IDS), min_size=2, max_size=2, unique=True)
    words = st.tuples(pairs, st.sampled_from(decisions.VERDICTS))
    said = draw(st.lists(words, max_size=3))
    come = draw(st.dictionaries(st.sampled_from(IDS), forms, max_size=6))
    return Turn(
        come,
        draw(st.frozensets(st.sampled_from(IDS), max_size=2)),
        tuple((one, other, word) for (one, other), word in said),
    )


@dataclass
class Register:
    """A workspace that lives through turns, and what was so after the last run."""

    bench: Bench
    rows: Rows = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    given: set[int] = field(default_factory=set)
    words: int = 0

    def live(self, turn: Turn) -> None:
        """Let happen what a turn has, run, and hold what has to be so."""
        self.rows = {name: form for name, form in (self.rows | turn.come).items() if name not in turn.go} or {"0": 0}
        put(self.bench, *rows(self.rows))
        for one, other, verdict in turn.said:
            self.words += 1
            when = f"2026-11-01T10:{self.words // 60:02}:{self.words % 60:02}+00:00"
            said = decisions.said_of(of(one), of(other), verdict, when=when)  # type: ignore[arg-type]
            decisions.add(self.bench.workspace, "persons", "person", [said])
        report = self.bench.run("persons")
        now, told = numbers(self.bench), report.links["person"]
        assert set(now) == set(self.rows), "each record is in one cluster"
        assert (told["records"], told["clusters"]) == (len(now), len(set(now.values())))
        self._ids(now)
        self._words(now)
        self._asked(now)
        assert list(doctor.examine(self.bench.workspace, [], mend=False)) == []
        self.ids, self.given = now, self.given | set(now.values())
        events = self._events()
        assert self.bench.run("persons").outcome == "unchanged"
        assert (numbers(self.bench), self._events()) == (now, events)

    def _ids(self, now: dict[str, int]) -> None:
        """No id is given twice, and who is in another cluster than before is told of, with a reason."""
        assert not (set(now.values()) - set(self.ids.values())) & self.given, "an id that was given up is given again"
        before = {each: number for number, each in together(self.ids).items()}
        assert all(before.get(each, number) == number for number, each in together(now).items()), (
            "the same ones have another id"
        )
        events = self._events()
        assert all(reason for *_, reason in events)
        ways = {(other, cluster) for _, cluster, other, _ in events}
        moved = {(was, now[name]) for name, was in self.ids.items() if name in now and now[name] != was}
        assert moved <= ways, "a record went to another cluster, and no event tells it"

    def _events(self) -> list[tuple[Any, ...]]:
        file = files.events(self.bench.latest("persons").folder, "person")
        return query(f"SELECT event, cluster, other, reason FROM '{file}' ORDER BY ALL")

    def _words(self, now: dict[str, int]) -> None:
        """No word of people is overruled: two that are different are apart, two that are the same together, or it is told."""
        folder = self.bench.latest("persons").folder
        aside = {(each["l"], each["r"]) for each in questions.told(folder, "person") if each["kind"] == "decisions"}
        for each in said(self.bench):
            ends = [now.get(named(identity)) for identity in each.pair]
            if None not in ends and each.verdict == "different":
                assert ends[0] != ends[1]
            if None not in ends and each.verdict == "same":
                assert ends[0] == ends[1] or each.pair in aside

    def _asked(self, now: dict[str, int]) -> None:
        """What is asked is of two clusters that are there, which nobody decided on, or of a word that needs another look."""
        folder = self.bench.latest("persons").folder
        with duckdb.connect() as connection:
            asked = questions.queue(connection, folder, "person", said(self.bench)).questions
        known = {each.pair for each in said(self.bench)}
        for each in asked:
            if each.why == "doubtful":
                assert now[named(each.a)] != now[named(each.b)]
                assert (each.a, each.b) not in known
        linked = query(
            f"SELECT l, r FROM '{files.pairs(folder, 'person')}' WHERE band = 'linked' AND why IS NULL AND how = 'model'"
        )
        assert all(now[named(l)] == now[named(r)] for l, r in linked), "a link of which nothing is known joins"  # noqa: E741


def rows(there: Rows) -> list[Row]:
    return [(name, *FORMS[form]) for name, form in sorted(there.items())]


def said(bench: Bench) -> list[Decision]:
    return decisions.load(bench.workspace, "persons", "person")


def named(identity: str) -> str:
    """Return the key of a record, of its identity."""
    return str(json.loads(identity)[1])


def together(ids: dict[str, int]) -> dict[int, frozenset[str]]:
    """Return who is in each cluster."""
    return {number: frozenset(name for name, its in ids.items() if its == number) for number in set(ids.values())}


@contextmanager
def register() -> Iterator[Register]:
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder) / "workspace")
        bench.write("datasets/persons.yaml", PERSONS)
        yield Register(bench)


def test_a_story_in_which_all_of_it_happens() -> None:
    """What the laws are held on does happen in such registers: links, splits, mergers, and words set aside."""
    with register() as there:
        there.live(Turn({"0": 0, "1": 0, "2": 7, "3": 12}, frozenset(), ()))
        assert there.ids["0"] == there.ids["1"]
        assert len(set(there.ids.values())) == 3
        there.live(Turn({}, frozenset(), (("0", "1", "different"), ("2", "3", "same"))))
        assert there.ids["0"] != there.ids["1"]
        assert there.ids["2"] == there.ids["3"]
        there.live(Turn({}, frozenset("3"), (("0", "2", "same"), ("1", "2", "same"))))
        folder = there.bench.latest("persons").folder
        assert [each["kind"] for each in questions.told(folder, "person")] == ["decisions"]


@pytest.mark.soak
@some(4)
@given(st.lists(turns(), min_size=1, max_size=4))
def test_whatever_happens_to_a_register(story: list[Turn]) -> None:
    with register() as there, register() as other:
        for turn in story:
            there.live(turn)
        run(there.bench.workspace, "persons", full=True)
        put(other.bench, *rows(there.rows))
        decisions.add(other.bench.workspace, "persons", "person", said(there.bench))
        other.bench.run("persons")
        assert set(together(numbers(there.bench)).values()) == set(together(numbers(other.bench)).values()), (
            "what is linked anew rests on records and people's words alone"
        )
