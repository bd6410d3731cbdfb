"""Links to another dataset: the best one of theirs, none where it is a tie, and people's word above both."""

from collections.abc import Sequence
from typing import Any

import duckdb

from pipelines.linking.clustering.attached import Attached, attach
from pipelines.linking.deciding.decisions import Decision, said_of
from pipelines.linking.recipe import Asked
from tests.linking.linked import fill, weight

CONNECTION = duckdb.connect()


def run(
    pairs: Sequence[tuple[str, str, float] | tuple[str, str, float, str]], decisions: list[Decision] | None = None,
    before: dict[str, str] | None = None, theirs: str = "XYZ", numbers_of: dict[str, str] | None = None,
    asked: Sequence[Asked] = (),
) -> tuple[dict[str, str | None], Attached, dict[str, tuple[str, str | None]], list[tuple[Any, ...]]]:  # fmt: skip
    """Link a, b, c of ours to X, Y, Z of theirs; return who has whom, the figures, the bands and the events."""
    numbers = {name: at * 5 for at, name in enumerate([*theirs, *"abc"])}
    fill(
        CONNECTION,
        "records",
        "n BIGINT, identity VARCHAR, side UTINYINT, rna VARCHAR",
        [(n, x, int(x.isupper()), (numbers_of or {}).get(x)) for x, n in numbers.items()],
    )
    rows = []
    for at, (one, other, probability, *how) in enumerate(pairs):
        ends = (numbers[one], numbers[other])
        rows.append((*ends[:: -1 if at % 2 else 1], *(how or ["model"]), weight(probability), probability))
    fill(CONNECTION, "pairs", "l BIGINT, r BIGINT, how VARCHAR, weight DOUBLE, probability DOUBLE", rows)
    fill(CONNECTION, "before", "n BIGINT, theirs VARCHAR", [(numbers.get(x), y) for x, y in (before or {}).items()])
    figures = attach(
        CONNECTION, pairs="pairs", records="records", into="made", link=0.9, review=0.5, decisions=decisions or [],
        before=None if before is None else "before", exclusive=["rna"], asked=asked,
    )  # fmt: skip
    names = {number: name for name, number in numbers.items()} | {None: None}
    found = {names[n]: names[other] for n, other in CONNECTION.execute("FROM made").fetchall()}
    bands = {
        "".join(sorted((str(names[left]), str(names[right])))): (band, why)
        for left, right, band, why in CONNECTION.execute("FROM made_bands").fetchall()
    }
    events = CONNECTION.execute("SELECT event, reason, l, r, author FROM made_events ORDER BY l").fetchall()
    return found, figures, bands, events  # type: ignore[return-value]


def say(one: str, other: str, verdict: Any, day: int = 1) -> Decision:
    return said_of(one, other, verdict, "", "m.dupont", f"2026-11-{day:02}T10:00:00+00:00")


def test_each_gets_the_best_and_several_the_same() -> None:
    found, figures, bands, events = run([("a", "X", 0.99), ("a", "Y", 0.6), ("b", "X", 0.95), ("c", "Z", 0.7)])
    assert found == {"a": "X", "b": "X", "c": None}
    assert bands == {"Xa": ("linked", None), "Ya": ("apart", "other"), "Xb": ("linked", None), "Zc": ("doubtful", None)}
    assert (figures.records, figures.attached, figures.ties, figures.cut) == (3, 2, 0, {"other": 1})
    assert (figures.linked, figures.doubtful, figures.apart, events) == (2, 1, 1, [])


def test_a_tie_is_doubtful() -> None:
    found, figures, bands, _ = run([("a", "X", 0.99), ("a", "Y", 0.98), ("a", "Z", 0.6)])
    assert found["a"] is None
    assert bands == {"Xa": ("doubtful", "tie"), "Ya": ("doubtful", "tie"), "Za": ("doubtful", None)}
    assert (figures.ties, figures.attached) == (1, 0)


def test_where_there_is_a_tie_nothing_is_linked() -> None:
    lent = [Asked(why="lent", sql="probability = 0.999")]
    for how in ("model", "identifier"):
        for asked, why in ([], "tie"), (lent, "lent"):
            tie = [("a", "X", 0.9999, how), ("a", "Y", 0.9999, how), ("a", "Z", 0.999, "model")]
            found, figures, bands, _ = run(tie, asked=asked)
            assert (found["a"], figures.linked, bands["Za"]) == (None, 0, ("doubtful", why))


def test_an_identifier_goes_before_the_model() -> None:
    assert run([("a", "X", 0.9999), ("a", "Y", 0.999, "identifier")])[0]["a"] == "Y"
    assert run([("a", "X", 0.999999, "identifier"), ("a", "Y", 0.999999, "identifier")])[0]["a"] is None


def test_what_the_recipe_has_asked_waits_for_a_person() -> None:
    """Of one number, a child's and a parent's: neither the number nor the weight links them."""
    lent = [Asked(why="lent", sql="how = 'identifier'")]
    pairs: list[tuple[str, str, float] | tuple[str, str, float, str]] = [
        ("a", "X", 0.9999, "identifier"),
        ("b", "Y", 0.99),
    ]
    found, figures, bands, _ = run(pairs, asked=lent)
    assert found == {"a": None, "b": "Y", "c": None}
    assert (bands["Xa"], bands["Yb"], figures.cut) == (("doubtful", "lent"), ("linked", None), {"lent": 1})
    assert run(pairs, [say("a", "X", "same")], asked=lent)[0]["a"] == "X"
    assert run([*pairs, ("a", "Z", 0.95)], asked=lent)[0]["a"] == "Z", "another one may be the child"


def test_people_know_better() -> None:
    pairs = [("a", "X", 0.9999), ("a", "Y", 0.6)]
    assert run(pairs, [say("a", "X", "different")])[0]["a"] is None
    assert run(pairs, [say("Y", "a", "same")])[0]["a"] == "Y"
    assert run(pairs, [say("a", "Z", "same")])[0]["a"] == "Z", "also where there is no such pair"
    assert run(pairs, [say("a", "X", "unsure")])[2]["Xa"] == ("doubtful", "unsure")
    tie = [("a", "X", 0.99), ("a", "Y", 0.98)]
    assert run(tie, [say("a", "Y", "different")])[0]["a"] == "X", "what is not it is no rival"
    assert run(tie, [say("a", "Q", "same")])[0]["a"] is None, "one of theirs that is not there"


def test_two_words_for_one_of_ours() -> None:
    found, figures, _, _ = run([], [say("a", "X", "same", 1), say("a", "Y", "same", 2)])
    assert found["a"] == "Y", "the newest word"
    (told,) = figures.contradictions
    assert (told.kind, {told.l, told.r}, set(told.against), told.way) == (
        "decisions",
        {"a", "X"},
        {"a", "Y"},
        ("X", "a", "Y"),
    )


def test_of_two_words_of_one_moment_the_last_said_is_the_newest() -> None:
    for said in (["X", "Y"], ["Y", "X"]):
        assert run([], [say("a", each, "same") for each in said])[0]["a"] == said[-1]


def test_two_identifiers_of_a_kind_are_linked_by_a_person_alone() -> None:
    pairs, of = [("a", "X", 0.999), ("b", "X", 0.99)], {"a": "W1", "X": "W2"}
    found, figures, bands, _ = run(pairs, numbers_of=of)
    assert found == {"a": None, "b": "X", "c": None}, "one that has none may be anybody's"
    assert (bands["Xa"], figures.cut) == (("doubtful", "differ"), {"differ": 1})
    assert run(pairs, [say("a", "X", "same")], numbers_of=of)[0]["a"] == "X"
    assert run(pairs, [say("a", "X", "different")], numbers_of=of)[2]["Xa"] == ("apart", "different")
    assert run([*pairs, ("a", "Y", 0.98)], numbers_of=of)[0]["a"] is None, "a tie: another one is as likely"
    assert run([("a", "X", 0.93), ("a", "Y", 0.999)], numbers_of=of)[0]["a"] == "Y"
    assert run([("a", "X", 0.9999), ("a", "Y", 0.99, "identifier")], numbers_of=of)[0]["a"] == "Y"


def test_equal_identifiers_that_the_rest_speaks_against_wait_for_a_person() -> None:
    for probability in (0.7, 0.4):  # between the thresholds, or below both where they are one
        assert run([("a", "X", probability, "identifier")])[2]["Xa"] == ("doubtful", "against")


def test_events_tell_why() -> None:
    first = [("a", "X", 0.99), ("b", "Y", 0.99)]
    before = {"a": "X", "b": "Y", "c": "Z"}
    assert run(first, before={"a": "X", "b": "Y"})[3] == []
    assert run(first, before={"b": "Y"})[3] == [("linked", "link", "a", "X", None)]
    assert run(first, before=before)[3] == [("unlinked", "weight", "c", "Z", None)]
    assert run(first, before=before, theirs="XY")[3] == [("unlinked", "left", "c", "Z", None)]
    assert run([*first, ("c", "X", 0.99)], before=before)[3] == [("relinked", "link", "c", "X", None)]
    assert run([*first, ("c", "Z", 0.99)], [say("c", "Z", "different")], before)[3] == [
        ("unlinked", "decision", "c", "Z", "m.dupont")
    ]
    two = {"c": "W1", "Z": "W2"}
    assert run([*first, ("c", "Z", 0.99)], before=before, numbers_of=two)[3] == [("unlinked", "differ", "c", "Z", None)]
    assert run([*first, ("c", "Z", 0.6)], before=before, numbers_of=two)[3] == [("unlinked", "weight", "c", "Z", None)]
    assert run([*first, ("c", "Z", 0.99), ("c", "X", 0.99)], before=before)[3] == [("unlinked", "tie", "c", "Z", None)]
    tie = [*first, ("c", "X", 0.9999), ("c", "Y", 0.9999), ("c", "Z", 0.991)]
    for asked, why in ([], "tie"), ([Asked(why="lent", sql="probability = 0.991")], "lent"):
        _, _, bands, events = run(tie, before=before, asked=asked)
        assert (bands["Zc"][1], events) == (why, [("unlinked", why, "c", "Z", None)]), (
            "the pair and the event say the same"
        )
