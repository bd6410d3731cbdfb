"""Clusters: the same whatever the order, ids that last, people's word kept, chains cut at their weakest links."""

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import Unavailable
from pipelines.linking.clustering import stable
from pipelines.linking.clustering.clusters import Clustered, Guards, cluster
from pipelines.linking.deciding.decisions import Decision, said_of
from tests.effort import some
from tests.linking.linked import fill, weight
from tests.pipelines.bench import Bench

Pair = tuple[str, str, float]
"""Two records by name, and how probable it is that they are one."""

LINK, REVIEW = 0.9, 0.5

RECORDS = "n BIGINT, identity VARCHAR, side UTINYINT, origin USMALLINT, siren VARCHAR"
PAIRS = "l BIGINT, r BIGINT, how VARCHAR, weight DOUBLE, probability DOUBLE, rules UBIGINT"
BEFORE = "n BIGINT, identity VARCHAR, cluster BIGINT"
CHANGED = "n BIGINT"

CONNECTION = duckdb.connect()
"""One database for all: to open one takes longer than a run of a few records."""


@dataclass
class Made:
    """What a run made: the cluster of each record, the events, the bands, the figures."""

    cluster: dict[str, int]
    events: list[dict[str, Any]]
    bands: dict[tuple[str, str], tuple[str, str | None]]
    figures: Clustered

    def together(self, *names: str) -> bool:
        return len({self.cluster[name] for name in names}) == 1

    @property
    def sets(self) -> set[frozenset[str]]:
        found: dict[int, set[str]] = {}
        for name, number in self.cluster.items():
            found.setdefault(number, set()).add(name)
        return {frozenset(each) for each in found.values()}

    def told(self) -> list[tuple[Any, ...]]:
        keys = ("event", "cluster", "other", "records", "reason", "l", "r")
        return [tuple(each[key] for key in keys) for each in self.events]


@dataclass
class Register:
    """Runs after one another on the same decisions and ids, as a workspace keeps them."""

    last: int = 0
    before: dict[str, int] | None = None
    decisions: list[Decision] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)

    def take(self, count: int, above: int) -> int:
        first = max(self.last, above) + 1
        self.last = first + count - 1
        self.taken += range(first, first + count)
        return first

    def say(self, one: str, other: str, verdict: Any, when: str = "2026-11-01T10:00:00+00:00") -> None:
        self.decisions.append(said_of(one, other, verdict, "seen", "m.dupont", when))

    def run(
        self, names: list[str], pairs: list[Pair], *, shuffle: int = 0, identified: set[tuple[str, str]] = frozenset(),  # type: ignore[assignment]
        origins: dict[str, int] | None = None, siren: dict[str, str] | None = None, rules: int = 1, changed: set[str] = frozenset(),  # type: ignore[assignment]
        **options: Any,
    ) -> Made:  # fmt: skip
        chance = random.Random(shuffle)
        order, rows = list(names), list(pairs)
        chance.shuffle(order)
        chance.shuffle(rows)
        numbers = {name: at * 3 + 7 for at, name in enumerate(order)}
        ends = [(*((a, b) if chance.random() < 0.5 else (b, a)), p) for a, b, p in rows]
        hows = ["identifier" if {(a, b), (b, a)} & set(identified) else "model" for a, b, _ in ends]
        known = [(numbers[x], x, 0, (origins or {}).get(x, 0), (siren or {}).get(x)) for x in order]
        scored = [(numbers[a], numbers[b], how, weight(p), p, rules) for how, (a, b, p) in zip(hows, ends, strict=True)]
        fill(CONNECTION, "records", RECORDS, known)
        fill(CONNECTION, "pairs", PAIRS, scored)
        fill(CONNECTION, "before", BEFORE, [(numbers.get(x), x, number) for x, number in (self.before or {}).items()])
        fill(CONNECTION, "changed", CHANGED, [(numbers[name],) for name in changed])
        figures = cluster(
            CONNECTION, pairs="pairs", records="records", into="made", link=LINK, review=REVIEW, take=self.take,
            decisions=chance.sample(self.decisions, len(self.decisions)), changed="changed",
            before="before" if self.before is not None else None, **options,
        )  # fmt: skip
        back = {number: name for name, number in numbers.items()}
        found = {back[n]: number for n, number in CONNECTION.execute("FROM made").fetchall()}
        events = CONNECTION.sql("FROM made_events").to_arrow_table().to_pylist()
        bands = {
            tuple(sorted((back[left], back[right]))): (band, why)
            for left, right, band, why in CONNECTION.execute("FROM made_bands").fetchall()
        }
        assert set(found) == set(names), "every record has a cluster"
        self.before = found
        return Made(found, events, bands, figures)  # type: ignore[arg-type]


def test_links_make_clusters() -> None:
    made = Register().run(list("abcde"), [("a", "b", 0.99), ("b", "c", 0.95), ("d", "e", 0.7)])
    assert made.sets == {frozenset("abc"), frozenset("d"), frozenset("e")}
    assert made.cluster == {"a": 1, "b": 1, "c": 1, "d": 2, "e": 3}, "new ids in the order of the identities"
    assert made.bands == {("a", "b"): ("linked", None), ("b", "c"): ("linked", None), ("d", "e"): ("doubtful", None)}
    figures = made.figures
    assert (figures.records, figures.clusters, figures.several, figures.largest) == (5, 3, 1, 3)
    assert (figures.linked, figures.doubtful, figures.apart, figures.last_id) == (2, 1, 0, 3)
    assert made.events == []


def test_nothing_at_all() -> None:
    made = Register().run([], [])
    assert (made.cluster, made.figures.clusters, made.figures.largest) == ({}, 0, 0)


def test_an_identifier_is_surer_than_the_model() -> None:
    register, same = Register(), {("a", "b"), ("a", "d")}
    register.say("a", "c", "different")
    made = register.run(list("abcd"), [("a", "b", 0.92), ("b", "c", 0.99), ("a", "d", 0.7)], identified=same)
    assert made.sets == {frozenset("ab"), frozenset("c"), frozenset("d")}, "one that much speaks against is doubtful"


# --- people's word ---------------------------------------------------------------------------------------------------


def test_same_joins_and_different_parts() -> None:
    register = Register()
    register.say("a", "b", "same")
    register.say("c", "d", "different")
    made = register.run(list("abcd"), [("a", "b", 0.1), ("c", "d", 0.99)])
    assert made.sets == {frozenset("ab"), frozenset("c"), frozenset("d")}
    assert made.bands == {("a", "b"): ("linked", "same"), ("c", "d"): ("apart", "different")}
    assert made.figures.contradictions == []


def test_unsure_takes_out_the_link_of_the_pair_alone() -> None:
    register = Register()
    register.say("a", "b", "unsure")
    made = register.run(list("abc"), [("a", "b", 0.99)])
    assert not made.together("a", "b")
    assert made.bands["a", "b"] == ("doubtful", "unsure")
    made = register.run(list("abc"), [("a", "b", 0.99), ("b", "c", 0.95), ("a", "c", 0.95)])
    assert made.together("a", "b", "c"), "both are the same as c"


def test_a_chain_across_different_is_cut_at_its_weakest_link() -> None:
    register = Register()
    register.say("a", "d", "different")
    made = register.run(list("abcd"), [("a", "b", 0.99), ("b", "c", 0.95), ("c", "d", 0.98)])
    assert made.sets == {frozenset("ab"), frozenset("cd")}
    assert made.bands["b", "c"] == ("doubtful", "decision")
    (told,) = made.figures.contradictions
    assert (told.kind, told.l, told.r, told.against, told.way) == ("chain", "b", "c", ("a", "d"), tuple("abcd"))
    assert (told.against_author, told.against_decided) == ("m.dupont", "2026-11-01T10:00:00+00:00")
    assert made.figures.cut == {"decision": 1}


def test_decisions_that_contradict_each_other_are_shown() -> None:
    register = Register()
    register.say("a", "b", "same", "2026-11-01T10:00:00+00:00")
    register.say("a", "c", "different", "2026-11-02T10:00:00+00:00")
    register.say("b", "c", "same", "2026-11-03T10:00:00+00:00")
    made = register.run(list("abc"), [])
    assert made.sets == {frozenset("a"), frozenset("bc")}, "different holds, and of those that say same the newer"
    (told,) = made.figures.contradictions
    assert (told.kind, told.l, told.r, told.against, told.way) == ("decisions", "a", "b", ("a", "c"), tuple("abc"))
    assert (told.author, told.decided) == ("m.dupont", "2026-11-01T10:00:00+00:00")


def test_decisions_say_something_of_others_when_their_record_has_left() -> None:
    register = Register()
    register.say("a", "b", "same")
    register.say("b", "c", "same")
    register.say("b", "d", "different")
    made = register.run(list("acd"), [("a", "d", 0.99)])
    assert made.together("a", "c")
    assert not made.together("a", "d")
    assert made.figures.contradictions[0].way == ("d", "a", "b")[::-1]


def test_people_know_better_than_identifiers() -> None:
    register = Register()
    register.say("a", "b", "same")
    made = register.run(list("abc"), [("b", "c", 0.99)], siren={"a": "1", "b": "2", "c": "1"}, exclusive=["siren"])
    assert made.together("a", "b", "c"), "c has one of the identifiers that people said are of the same"


# --- what may not be together ----------------------------------------------------------------------------------------


def test_two_identifiers_are_not_in_one_cluster() -> None:
    siren = {"a": "552100554", "d": "732829320"}
    made = Register().run(
        list("abcd"), [("a", "b", 0.99), ("b", "c", 0.95), ("c", "d", 0.98)], siren=siren, exclusive=["siren"]
    )
    assert made.sets == {frozenset("ab"), frozenset("cd")}
    assert made.bands["b", "c"] == ("doubtful", "identifiers")


def test_a_source_without_duplicates() -> None:
    origins = {"a": 0, "b": 0, "c": 1, "d": 1}
    pairs = [("a", "c", 0.99), ("b", "c", 0.95), ("b", "d", 0.93)]
    made = Register().run(list("abcd"), pairs, origins=origins, within_sources=False)
    assert made.sets == {frozenset("ac"), frozenset("bd")}
    assert made.bands["b", "c"] == ("doubtful", "sources")
    assert Register().run(list("abcd"), pairs, origins=origins).sets == {frozenset("abcd")}


def test_weak_links_make_no_giant() -> None:
    names = [f"{number:03}" for number in range(60)]
    groups = [pair for at in range(0, 60, 6) for pair in pairwise(names[at : at + 6])]
    bridges = [(names[at - 1], names[at], 0.91) for at in range(6, 60, 6)]
    pairs = [(a, b, 0.9999) for a, b in groups] + bridges
    made = Register().run(names, pairs, guards=Guards(largest=20))
    assert made.figures.largest <= 20
    assert all(made.together(a, b) for a, b in groups), "sure links are never cut for that"
    assert made.figures.cut == {"size": sum(not made.together(a, b) for a, b, _ in bridges)}
    assert Register().run(names, pairs, guards=Guards(largest=60)).figures.cut == {}


def test_many_that_are_sure_may_be_many() -> None:
    names = [f"{number:03}" for number in range(60)]
    made = Register().run(names, [(a, b, 0.9999) for a, b in pairwise(names)], guards=Guards(largest=20))
    assert (made.figures.largest, made.figures.cut) == (60, {})


def test_many_that_are_the_same_are_no_chain() -> None:
    names = [f"{number:03}" for number in range(60)]
    pairs = [(names[0], name, 0.92) for name in names[1:]]
    assert Register().run(names, pairs, guards=Guards(largest=20)).figures.cut == {"size": 40}
    assert Register().run(names, pairs, guards=Guards(largest=20), rules=0).figures.largest == 60


# --- ids and events --------------------------------------------------------------------------------------------------


def test_a_second_run_changes_nothing() -> None:
    register = Register()
    pairs = [("a", "b", 0.99), ("c", "d", 0.95)]
    first = register.run(list("abcde"), pairs)
    second = register.run(list("abcde"), pairs, shuffle=5)
    assert (second.cluster, second.events) == (first.cluster, [])
    assert register.last == 3


def test_growing_merging_and_what_is_new() -> None:
    register = Register()
    register.run(list("abcd"), [("a", "b", 0.99), ("c", "d", 0.99)])
    made = register.run(list("abcde"), [("a", "b", 0.99), ("c", "d", 0.99), ("d", "e", 0.95)])
    assert made.told() == [("grown", 2, None, 1, "link", "d", "e")]
    assert made.cluster["e"] == 2
    made = register.run(
        list("abcdexyz"), [("a", "b", 0.99), ("c", "d", 0.99), ("d", "e", 0.95), ("b", "e", 0.96), ("x", "y", 0.95)]
    )
    assert made.told() == [("merged", 2, 1, 2, "link", "b", "e"), ("new", 3, None, 2, "link", "x", "y")]
    assert made.cluster == dict.fromkeys("abcde", 2) | {"x": 3, "y": 3, "z": 4}, "most records were in 2"


def test_a_merge_that_people_decided() -> None:
    register = Register()
    register.run(list("ab"), [])
    register.say("a", "b", "same")
    made = register.run(list("ab"), [])
    assert made.told() == [("merged", 1, 2, 1, "decision", "a", "b")]
    assert (made.events[0]["author"], made.cluster) == ("m.dupont", {"a": 1, "b": 1}), "of equals the oldest id"


def test_splits_tell_why() -> None:
    before = [("a", "b", 0.99), ("b", "c", 0.95)]

    def after(said: str = "", names: str = "abc", pairs: list[Pair] = before, **given: Any) -> list[tuple[Any, ...]]:
        register = Register()
        register.run(list("abc"), before)
        if said:
            register.say(said[0], said[1], "different")
        return register.run(list(names), pairs, **given).told()

    assert after("bc") == [("split", 2, 1, 1, "decision", "b", "c")]
    assert after("ac") == [("split", 2, 1, 1, "decision", "a", "c")]
    assert after(pairs=[("a", "b", 0.99), ("b", "c", 0.8)]) == [("split", 2, 1, 1, "weight", "b", "c")]
    assert after(pairs=[("a", "b", 0.99)]) == [("split", 2, 1, 1, "unlinked", None, None)]
    assert after(pairs=[("a", "b", 0.99)], changed={"c"}) == [("split", 2, 1, 1, "changed", "c", None)]
    siren = {"a": "1", "c": "2"}
    assert after(siren=siren, exclusive=["siren"]) == [("split", 2, 1, 1, "cut-identifiers", "b", "c")]
    left = after(names="ac", pairs=[])
    assert left == [("shrunk", 1, None, 1, "left", "b", None), ("split", 2, 1, 1, "left", "b", None)]


def test_an_id_that_is_gone_never_comes_back() -> None:
    register = Register()
    register.run(list("ab"), [])
    assert register.run(["a"], []).told() == [("gone", 2, None, 1, "left", "b", None)]
    made = register.run(list("abc"), [])
    assert made.cluster == {"a": 1, "b": 3, "c": 4}


def test_records_that_move_between_clusters() -> None:
    register = Register()
    register.run(list("abcdef"), [("a", "b", 0.99), ("b", "c", 0.99), ("d", "e", 0.99), ("e", "f", 0.99)])
    made = register.run(list("abcdef"), [("a", "b", 0.99), ("c", "d", 0.97), ("d", "e", 0.99), ("e", "f", 0.99)])
    assert made.told() == [("moved", 2, 1, 1, "link", "c", "d")]
    assert made.cluster == dict.fromkeys("ab", 1) | dict.fromkeys("cdef", 2)


# --- laws ------------------------------------------------------------------------------------------------------------

NAMES = [f"r{number:02}" for number in range(14)]
PROBABLE = st.sampled_from([0.3, 0.6, 0.89, 0.9, 0.93, 0.97, 0.99, 0.9999])


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    """Draw records, pairs of them, decisions, identifiers and sources."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    several = list(combinations(sorted(names), 2))
    chosen = draw(st.lists(st.sampled_from(several), unique=True, max_size=25)) if several else []
    named = list(combinations(NAMES, 2))
    said = draw(
        st.lists(st.tuples(st.sampled_from(named), st.sampled_from(["same", "different", "unsure"])), max_size=7)
    )
    return {
        "names": names,
        "pairs": [(a, b, draw(PROBABLE)) for a, b in chosen],
        "said": said,
        "siren": {name: draw(st.sampled_from("xyz")) for name in names if draw(st.integers(0, 3)) == 0},
        "origins": {name: draw(st.integers(0, 2)) for name in names},
        "within_sources": draw(st.booleans()),
        "guards": Guards(largest=draw(st.sampled_from([3, 100]))),
    }


def run(register: Register, world: dict[str, Any], shuffle: int = 0) -> Made:
    if not register.decisions:
        for at, ((one, other), verdict) in enumerate(world["said"]):
            register.decisions = [each for each in register.decisions if each.pair != (one, other)]
            register.say(one, other, verdict, f"2026-11-{at + 1:02}T10:00:00+00:00")
    options = {name: world[name] for name in ("siren", "origins", "within_sources", "guards")}
    return register.run(world["names"], world["pairs"], shuffle=shuffle, exclusive=["siren"], **options)


@some(8)
@given(worlds(), st.integers(1, 9))
def test_the_order_of_the_rows_is_nothing(world: dict[str, Any], shuffle: int) -> None:
    one, other = run(Register(), world), run(Register(), world, shuffle)
    assert (one.cluster, one.bands, one.figures) == (other.cluster, other.bands, other.figures)


@some(8)
@given(worlds())
def test_what_people_said_holds(world: dict[str, Any]) -> None:
    register = Register()
    made = run(register, world)
    for each in register.decisions:
        aside = {(told.l, told.r) for told in made.figures.contradictions if told.kind == "decisions"}
        if {each.a, each.b} <= set(world["names"]):
            if each.verdict == "different":
                assert not made.together(each.a, each.b)
            if each.verdict == "same":
                assert made.together(each.a, each.b) or each.pair in aside
    for told in made.figures.contradictions:
        assert {told.way[0], told.way[-1]} == set(told.against), "the way leads from the one to the other"
        assert {told.l, told.r} <= set(told.way)
    if all(verdict != "different" for _, verdict in world["said"]):
        assert made.figures.contradictions == []


@some(8)
@given(worlds())
def test_clusters_hold_together_by_links_and_nothing_forbidden(world: dict[str, Any]) -> None:
    register = Register()
    made = run(register, world)
    same = {each.pair for each in register.decisions if each.verdict == "same"}
    kept = {pair for pair, (band, why) in made.bands.items() if band == "linked" and why is None}
    assert all(made.together(*pair) for pair in kept)
    for members in made.sets:
        decided = [pair for pair in same if set(pair) <= members]
        if not same:
            assert len({world["siren"][name] for name in members if name in world["siren"]}) <= 1
            assert world["within_sources"] or len({world["origins"][name] for name in members}) == len(members)
        if not {name for each in register.decisions for name in each.pair} - set(world["names"]):
            edges = [pair for pair in kept if set(pair) <= members] + decided
            assert connected(members, edges)


def connected(members: frozenset[str], edges: list[tuple[str, str]]) -> bool:
    there = {min(members)}
    while more := {name for edge in edges for name in edge if set(edge) & there} - there:
        there |= more
    return there == members


@some(8)
@given(worlds(), worlds())
def test_ids_last_and_are_never_given_twice(world: dict[str, Any], later: dict[str, Any]) -> None:
    register = Register()
    first = run(register, world)
    second = run(register, later)
    assert len(set(register.taken)) == len(register.taken)
    gone = set(first.cluster.values()) - set(second.cluster.values())
    new = set(second.cluster.values()) - set(first.cluster.values())
    assert all(number > max(first.cluster.values()) for number in new)
    kept = {each["other"] for each in second.events if each["event"] == "merged"}
    kept |= {each["cluster"] for each in second.events if each["event"] == "gone"}
    assert gone == kept, "whatever is no more has an event"
    for members in first.sets & second.sets:
        name = min(members)
        assert first.cluster[name] == second.cluster[name], "what has the same records keeps its id"
    split = {each["cluster"] for each in second.events if each["event"] == "split"}
    assert {second.cluster[name] for name in set(first.cluster) & set(second.cluster)} & new <= split


@some(6)
@given(worlds(), st.data())
def test_new_records_leave_other_clusters_as_they_are(world: dict[str, Any], data: st.DataObject) -> None:
    register = Register()
    first = run(register, world)
    fresh = ["s1", "s2", "s3"]
    beside = data.draw(
        st.lists(
            st.tuples(st.sampled_from(world["names"]), st.sampled_from(fresh), PROBABLE),
            max_size=3,
            unique_by=lambda each: each[:2],
        )
    )
    second = run(register, world | {"names": [*world["names"], *fresh], "pairs": [*world["pairs"], *beside], "origins": world["origins"] | {"s1": 3, "s2": 4, "s3": 5}})  # fmt: skip
    edges = [(one, other) for one, other, probability in [*world["pairs"], *beside] if probability >= LINK]
    edges += [each.pair for each in register.decisions if each.verdict == "same"]
    reached = {name for _, name, _ in beside}
    while more := {name for edge in edges for name in edge if set(edge) & reached} - reached:
        reached |= more
    for name, number in first.cluster.items():
        assert name in reached or second.cluster[name] == number


@some(50)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=14), st.sampled_from((1, 3, 10**9)))
def test_a_part_keeps_the_id_of_most_of_it_however_far_apart_ids_are(
    records: list[tuple[int, int]], apart: int
) -> None:
    """`records`: the part of each, and the id it had (0: none). An id stays with the part that has most of its records."""
    parts, was = (np.array(each, np.int64) for each in (zip(*records, strict=True) if records else ((), ())))
    ids = stable.kept(parts, was * apart, 6, lambda some: some).tolist()
    flows = Counter((part, number) for part, number in records if number)
    left, expected = dict(flows), [0] * 6
    while left:
        part, number = min(left, key=lambda flow: (-left[flow], flow[1], flow[0]))
        expected[part] = number * apart
        left = {flow: count for flow, count in left.items() if flow[0] != part and flow[1] != number}
    assert ids == expected


# --- ids on disk -----------------------------------------------------------------------------------------------------


def test_the_highest_id_is_on_disk_before_it_is_used(bench: Bench) -> None:
    file = stable.file(bench.workspace, "persons", "person")
    take = stable.taker(bench.workspace, "persons", "person")
    assert (take(3, 0), json.loads(file.read_text())) == (1, {"last": 3})
    assert stable.taker(bench.workspace, "persons", "person", preview=True)(2, 0) == 4
    assert (take(0, 0), json.loads(file.read_text())) == (4, {"last": 3}), "no new ones, or a preview: nothing is given"
    assert stable.taker(bench.workspace, "persons", "person")(1, 10) == 11, "none that a version has"
    file.unlink()
    assert take(1, 11) == 12, "a lost file gives no id twice that is in use"
    file.write_text('{"last": "many"}')
    with pytest.raises(Unavailable, match=r"persons\.person\.last"):
        take(1, 0)


def test_a_run_takes_as_many_ids_as_it_needs() -> None:
    register = Register()
    register.run(list("ab"), [])
    register.run(list("abc"), [])
    assert register.taken == [1, 2, 3]
