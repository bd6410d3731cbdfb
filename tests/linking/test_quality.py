"""Figures of quality: they add up, they go one way as a threshold rises, and samples tell what they say they tell."""

import math
import random
from itertools import pairwise
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.linking.clustering.attached import attach
from pipelines.linking.deciding.decisions import said_of
from pipelines.linking.recipe import Thresholds
from pipelines.linking.telling import missed, quality, sample
from tests.effort import some, times
from tests.linking.linked import fill

THRESHOLDS = Thresholds(link=0.99, review=0.5)
FLOOR = -10

CONNECTION = duckdb.connect()


def probability(weight: float) -> float:
    return 1 / (1 + 2**-weight)


def measured(weights: list[tuple[float, bool]], under: dict[int, int], **more: Any) -> dict[str, Any]:
    """Measure pairs of these weights (and whether an identifier made them), each of two records of its own."""
    rows = [(2 * at, weight, exact) for at, (weight, exact) in enumerate(weights)]
    CONNECTION.execute(
        """CREATE OR REPLACE TABLE pairs AS SELECT l, l + 1 AS r, CASE WHEN exact THEN 'identifier' ELSE 'model' END AS how,
        weight, greatest(1 / (1 + 2 ** -weight), CASE WHEN exact THEN 0.999999 ELSE 0 END) AS probability FROM (
        SELECT unnest($l::BIGINT[]) AS l, unnest($weight::DOUBLE[]) AS weight, unnest($exact::BOOLEAN[]) AS exact)""",
        {name: [row[at] for row in rows] for at, name in enumerate(("l", "weight", "exact"))},
    )
    CONNECTION.execute(
        f"""CREATE OR REPLACE TABLE records AS SELECT range AS n, '["s","' || range || '"]' AS identity
        FROM range({2 * len(rows)});
        CREATE OR REPLACE TABLE prepared AS SELECT n, n // 2 AS a, CASE WHEN n // 2 % 3 > 0 THEN n // 2 ELSE n END AS b,
        [n // 2] AS c FROM records"""
    )
    bands = "CASE WHEN probability >= 0.99 THEN 'linked' WHEN probability >= 0.5 THEN 'doubtful' ELSE 'apart' END"
    CONNECTION.execute(f"CREATE OR REPLACE VIEW bands AS SELECT l, r, {bands} AS band FROM pairs")
    histogram = dict(under)
    for weight, exact in weights:
        histogram[math.floor(weight)] = histogram.get(math.floor(weight), 0) + (not exact)
    told: dict[str, Any] = {
        "blocks": [["a"], ["b", "c"]],
        "thresholds": THRESHOLDS,
        "floor": FLOOR,
        "histogram": histogram,
    }
    return quality.measure(
        CONNECTION, pairs="pairs", bands="bands", records="records", prepared="prepared", **(told | more)
    )


WEIGHTS = st.lists(st.tuples(st.floats(FLOOR, 60), st.booleans()), max_size=40)
UNDER = st.dictionaries(st.integers(-60, FLOOR - 1), st.integers(1, 1_000_000), max_size=8)


@some(8)
@given(WEIGHTS, UNDER)
def test_the_figures_add_up(weights: list[tuple[float, bool]], under: dict[int, int]) -> None:
    found = measured(weights, under)
    pairs = found["pairs"]
    assert (
        pairs["linked"] + pairs["doubtful"] + pairs["apart"] == pairs["compared"] == len(weights) + sum(under.values())
    )
    assert sum(each["pairs"] for each in found["histogram"]) == pairs["compared"] - pairs["identifier"]
    for each in found["by_threshold"]:
        true = sum(
            probability(weight) if not exact else max(probability(weight), 0.999999) for weight, exact in weights
        )
        true += sum(held * probability(weight + 0.5) for weight, held in under.items())
        unseen = each["missed_by_blocking"] or 0
        assert each["links"] - each["false_links"] + each["missed"] == pytest.approx(true + unseen)
        assert each["missed"] == pytest.approx(each["missed_by_threshold"] + unseen)
    here = next(each for each in found["by_threshold"] if each["threshold"] == THRESHOLDS.link)
    assert (here["links"], here["doubtful"]) == (pairs["linked"], pairs["doubtful"])
    assert here.items() >= found["estimate"].items()


@some(8)
@given(WEIGHTS, UNDER)
def test_a_higher_threshold_links_less_and_is_wrong_less(
    weights: list[tuple[float, bool]], under: dict[int, int]
) -> None:
    table = measured(weights, under)["by_threshold"]
    assert [each["threshold"] for each in table] == sorted(each["threshold"] for each in table)
    for lower, higher in pairwise(table):
        assert higher["links"] <= lower["links"]
        assert higher["false_links"] <= lower["false_links"] + 1e-9
        assert higher["missed"] >= lower["missed"] - 1e-6
        if higher["links"]:
            assert higher["precision"] >= lower["precision"] - 1e-9
            assert higher["recall"] <= lower["recall"] + 1e-9


def test_of_nothing_nothing_is_expected() -> None:
    found = measured([], {})
    assert found["pairs"] == {"compared": 0, "identifier": 0, "ruled": 0, "linked": 0, "doubtful": 0, "apart": 0}
    assert found["queue"] == {"pairs": 0, "rows": 0, "share": 0.0}
    assert found["estimate"]["precision"] is found["estimate"]["recall"] is None


def test_what_a_rule_has_doubtful_is_in_no_estimate() -> None:
    plain = measured([(3.0, False), (20.0, False)], {})
    measured([(3.0, False), (20.0, False), (4.0, True)], {})
    CONNECTION.execute("UPDATE pairs SET probability = 0.745 WHERE how = 'identifier'")
    found = quality.measure(
        CONNECTION, pairs="pairs", bands="bands", records="records", prepared="prepared", blocks=[["a"], ["b", "c"]],
        thresholds=THRESHOLDS, histogram={3: 1, 20: 1}, floor=FLOOR,
    )  # fmt: skip
    assert found["pairs"]["ruled"] == 1
    assert found["estimate"]["missed_by_threshold"] == plain["estimate"]["missed_by_threshold"]


def test_a_record_in_two_doubtful_pairs_waits_once() -> None:
    measured([(3.0, False), (3.0, False), (20.0, False)], {})
    CONNECTION.execute("UPDATE pairs SET l = 0 WHERE l = 2")
    histogram = {3: 2, 20: 1}
    told: dict[str, Any] = {"thresholds": THRESHOLDS, "floor": FLOOR, "histogram": histogram, "blocks": [["a"]]}
    found = quality.measure(CONNECTION, pairs="pairs", bands="bands", records="records", prepared="prepared", **told)
    assert found["queue"] == {"pairs": 2, "rows": 3, "share": 0.5}


def test_a_pair_that_waits_is_no_link_however_likely() -> None:
    """One that is asked first, or whose link was cut."""
    measured([(20.0, False), (25.0, False), (3.0, False)], {})
    CONNECTION.execute(
        "CREATE OR REPLACE VIEW bands AS SELECT l, r, CASE WHEN l = 0 THEN 'linked' ELSE 'doubtful' END AS band FROM pairs"
    )
    told: dict[str, Any] = {"thresholds": THRESHOLDS, "floor": FLOOR, "histogram": {}, "blocks": [["a"]]}
    for one_each in (False, True):
        if one_each:
            CONNECTION.execute("ALTER TABLE records ADD COLUMN side INTEGER; UPDATE records SET side = n % 2")
        found = quality.measure(
            CONNECTION, pairs="pairs", bands="bands", records="records", prepared="prepared", one_each=one_each, **told
        )
        here = next(each for each in found["by_threshold"] if each["threshold"] == THRESHOLDS.link)
        assert (here["links"], here["doubtful"], found["queue"]["pairs"]) == (1, 2, 2)
        assert here["missed_by_threshold"] == pytest.approx(1 + probability(3), abs=1e-4)


def test_what_people_decided_stands_where_the_model_has_it() -> None:
    verdicts = [
        said_of('["s","0"]', '["s","1"]', "same"), said_of('["s","3"]', '["s","2"]', "different"),
        said_of('["s","4"]', '["s","5"]', "unsure"), said_of('["s","0"]', '["s","5"]', "different"),
        said_of('["gone","7"]', '["s","5"]', "same"),
    ]  # fmt: skip
    found = measured([(20.0, False), (3.0, False), (-3.0, False)], {}, decisions=verdicts)["decisions"]
    assert found["linked"] == {"same": 1, "different": 0, "unsure": 0, "expected_same": pytest.approx(1, abs=1e-5)}
    assert found["doubtful"] == {"same": 0, "different": 1, "unsure": 0, "expected_same": pytest.approx(probability(3))}
    assert found["apart"] == {"same": 0, "different": 0, "unsure": 1, "expected_same": 0}
    assert found["unseen"] == {"same": 1, "different": 1, "unsure": 0, "expected_same": 0}


def test_what_people_decided_counts_as_they_said() -> None:
    verdicts = [said_of('["s","2"]', '["s","3"]', "same"), said_of('["s","4"]', '["s","5"]', "different")]
    weights = [(20.0, False), (-3.0, False), (3.0, False), (2.0, False)]
    decided, rest = measured(weights, {}, decisions=verdicts), measured([weights[0], weights[3]], {})
    for each, other in zip(decided["by_threshold"], rest["by_threshold"], strict=True):
        assert (each["links"], each["doubtful"]) == (other["links"] + 1, other["doubtful"])
        assert each["missed_by_threshold"] == pytest.approx(other["missed_by_threshold"])


def test_a_word_that_a_contradiction_set_aside_is_no_link() -> None:
    words = [said_of(f'["s","{at}"]', f'["s","{at + 1}"]', "same") for at in (0, 2)]
    measured([(20.0, False), (20.0, False)], {})
    CONNECTION.execute(
        "CREATE OR REPLACE VIEW bands AS SELECT l, r, CASE WHEN l = 0 THEN 'linked' ELSE 'doubtful' END AS band FROM pairs"
    )
    found = quality.measure(
        CONNECTION, pairs="pairs", bands="bands", records="records", prepared="prepared", blocks=[["a"]],
        thresholds=THRESHOLDS, histogram={}, floor=FLOOR, decisions=words,
    )  # fmt: skip
    assert {each["links"] for each in found["by_threshold"]} == {1}


# --- links to another dataset ----------------------------------------------------------------------------------------

ACROSS = st.dictionaries(
    st.tuples(st.integers(0, 4), st.integers(5, 9)),
    st.tuples(st.sampled_from([-5.0, 2.0, 8.0, 9.5, 20.0, 24.0]), st.booleans()),
    max_size=14,
)
SAID = st.dictionaries(
    st.tuples(st.integers(0, 4), st.integers(5, 9)), st.sampled_from(["same", "different"]), max_size=3
)


@some(8)
@given(ACROSS, SAID)
def test_another_threshold_does_what_the_figures_of_links_to_another_dataset_tell(
    found: dict[tuple[int, int], tuple[float, bool]], said: dict[tuple[int, int], str]
) -> None:
    rows = [(*ends, "identifier" if exact else "model", weight, max(probability(weight), 0.999999 * exact))
            for ends, (weight, exact) in found.items()]  # fmt: skip
    fill(CONNECTION, "pairs", "l BIGINT, r BIGINT, how VARCHAR, weight DOUBLE, probability DOUBLE", rows)
    theirs = [(n, f'["{n > 4:d}","{n}"]', int(n > 4)) for n in range(10)]
    fill(CONNECTION, "records", "n BIGINT, identity VARCHAR, side UTINYINT", theirs)
    fill(CONNECTION, "prepared", "n BIGINT, a BIGINT", [(n, n) for n in range(10)])
    CONNECTION.execute("CREATE OR REPLACE VIEW bands AS SELECT l, r, 'apart' AS band FROM pairs")
    words = [said_of(theirs[one][1], theirs[other][1], verdict) for (one, other), verdict in said.items()]  # type: ignore[arg-type]
    told = quality.measure(
        CONNECTION, pairs="pairs", bands="bands", records="records", prepared="prepared", blocks=[["a"]],
        thresholds=THRESHOLDS, histogram={}, floor=FLOOR, decisions=words, one_each=True,
    )["by_threshold"]  # fmt: skip
    for each in told:
        link = each["threshold"]
        attach(CONNECTION, pairs="pairs", records="records", into="made", link=link, review=0.01, decisions=words)
        linked = [n for (n,) in CONNECTION.execute("SELECT n FROM made WHERE theirs IS NOT NULL").fetchall()]
        assert each["links"] == len(linked), link
        assert each["links"] - each["false_links"] + each["missed_by_threshold"] <= 5 + 1e-9


def test_of_two_that_are_equally_like_one_is_missed() -> None:
    fill(
        CONNECTION, "records", "n BIGINT, identity VARCHAR, side UTINYINT", [(n, f'["{n}"]', n // 2) for n in range(4)]
    )
    fill(CONNECTION, "prepared", "n BIGINT, a BIGINT", [(n, n) for n in range(4)])
    rows = [
        (0, 2, "model", 20.0, probability(20)),
        (1, 2, "model", 20.0, probability(20)),
        (1, 3, "model", 20.0, probability(20)),
    ]
    fill(CONNECTION, "pairs", "l BIGINT, r BIGINT, how VARCHAR, weight DOUBLE, probability DOUBLE", rows)
    CONNECTION.execute("CREATE OR REPLACE VIEW bands AS SELECT l, r, 'linked' AS band FROM pairs")
    found = quality.measure(
        CONNECTION, pairs="pairs", bands="bands", records="records", prepared="prepared", blocks=[["a"]],
        thresholds=THRESHOLDS, histogram={}, floor=FLOOR, one_each=True,
    )["estimate"]  # fmt: skip
    assert found["missed_by_threshold"] == pytest.approx(1, abs=1e-4)
    assert found["recall"] == pytest.approx(0.5, abs=1e-4)


# --- what blocking misses --------------------------------------------------------------------------------------------

RULES = [frozenset({0, 1}), frozenset({2}), frozenset({1, 3}), frozenset({0, 3})]


@pytest.mark.parametrize("often", [(0.9, 0.8, 0.7, 0.6), (0.6, 0.6, 0.6, 0.6), (0.95, 0.9, 0.3, 0.5)])
def test_what_no_rule_finds_is_told_where_parts_differ_independently(often: tuple[float, ...]) -> None:
    chance = random.Random(1)
    found: dict[missed.Pattern, float] = {}
    for _ in range(20_000):
        pattern = tuple(chance.random() < each for each in often)
        found[pattern] = found.get(pattern, 0) + 1
    seen = {pattern: n for pattern, n in found.items() if any(all(pattern[part] for part in rule) for rule in RULES)}
    really = sum(found.values()) - sum(seen.values())
    told = missed.estimate(seen, RULES)
    assert told == pytest.approx(really, rel=0.1)
    assert missed.estimate(found, RULES) == told, "pairs that no rule finds are not counted as found"


def test_where_every_rule_wants_a_part_nothing_is_told() -> None:
    assert missed.estimate({(True, True, False): 9.0}, [frozenset({0, 1}), frozenset({0, 2})]) is None
    assert missed.estimate({(True,): 9.0}, [frozenset({0})]) is None
    assert missed.estimate({}, RULES) is None
    assert missed.estimate({(False, False, False, False): 3.0}, RULES) is None
    assert missed.estimate({(True,) * 17: 3.0}, [frozenset({part}) for part in range(17)]) is None


# --- samples ---------------------------------------------------------------------------------------------------------


@some(60)
@given(
    st.dictionaries(
        st.sampled_from(sample.STRATA), st.tuples(st.integers(0, 5000), st.floats(0, 1)), min_size=1, max_size=6
    ),
    st.integers(1, 400),
)
def test_a_sample_is_as_large_as_asked_for(strata: dict[str, tuple[int, float]], most: int) -> None:
    found = sample.allocated(strata, most)
    assert sum(found.values()) == min(most, sum(held for held, _ in strata.values()))
    assert all(found[name] <= strata[name][0] for name in found)
    there = [name for name, (held, _) in strata.items() if held]
    assert most < len(there) or all(found[name] for name in there), "each stratum gives one where there is room"


def test_the_same_seed_draws_the_same_and_another_one_others() -> None:
    CONNECTION.execute(
        "CREATE OR REPLACE TABLE drawn AS SELECT 'a' || range AS l, 'b' || range AS r, 'model' AS how,"
        " range / 50.0 - 10 AS weight, 1 / (1 + 2 ** -(range / 50.0 - 10)) AS probability FROM range(2000)"
    )
    one, again, other = (sample.draw(CONNECTION, "drawn", THRESHOLDS, 100, seed) for seed in (0, 0, 1))
    assert one == again
    assert {each.a for each in one} != {each.a for each in other}
    assert len(one) == 100
    held: dict[str, int] = {}
    for each in one:
        held.setdefault(each.stratum, each.of)
        assert held[each.stratum] == each.of
    assert sum(held.values()) == 2000
    assert [each.probability for each in one] != sorted(each.probability for each in one)


def stratum(of: int, same: int, different: int, unsure: int = 0) -> sample.Stratum:
    return sample.Stratum(of, same, different, unsure)


def test_precision_and_recall_weigh_each_stratum_by_what_it_has() -> None:
    strata = {"linked": stratum(1000, 49, 1), "doubtful": stratum(100, 30, 10), "apart": stratum(900, 1, 44, 3)}
    found = sample.check(strata, empty=2)
    assert (found.judged, found.unsure, found.empty) == (135, 3, 2)
    assert found.precision
    assert found.recall
    assert found.precision.estimate == pytest.approx(0.98)
    assert found.recall.estimate == pytest.approx(980 / (980 + 75 + 20))
    for each in (found.precision, found.recall):
        assert 0 <= each.least < each.estimate < each.most <= 1


def test_where_all_are_right_it_is_told_how_far_that_reaches() -> None:
    """Clopper and Pearson's bounds of 10 of 10, of more pairs than can be judged, are 0.025 ** (1 / 10) and 1."""
    found = sample.check({"linked": stratum(1_000_000, 10, 0)}).precision
    assert found
    assert found.estimate == found.most == 1
    assert found.least == pytest.approx(0.6915, abs=0.01)


def test_what_was_judged_to_the_last_pair_is_known() -> None:
    found = sample.check({"linked": stratum(10, 9, 1), "doubtful": stratum(4, 1, 3)})
    assert found.precision == sample.Figure(0.9, 0.9, 0.9)
    assert found.recall == sample.Figure(0.9, 0.9, 0.9)


def test_without_verdicts_nothing_is_said() -> None:
    assert sample.check({"linked": stratum(10, 0, 0, 2)}, 5) == sample.Checked(
        0, 2, 5, None, None, {"linked": stratum(10, 0, 0, 2)}
    )
    assert sample.check({"apart": stratum(10, 0, 10)}).recall is None


def test_the_truth_lies_between_the_bounds_nearly_always() -> None:
    """Of many samples of known truth, about 95 % of the intervals hold it; of fewer than 85 % something is wrong."""
    chance = random.Random(7)
    truth = {"linked": (5000, 4950), "doubtful": (300, 200), "apart": (2000, 60)}
    recall = 4950 / (4950 + 200 + 60)
    held = {"precision": 0, "recall": 0}
    trials = times(40)
    for _ in range(trials):
        strata = {}
        for name, (of, true) in truth.items():
            same = sum(place < true for place in chance.sample(range(of), 80))
            strata[name] = stratum(of, same, 80 - same)
        found = sample.check(strata)
        for name, really in (("precision", 0.99), ("recall", recall)):
            figure = getattr(found, name)
            held[name] += figure.least <= really <= figure.most
    assert all(each >= 0.85 * trials for each in held.values()), held
