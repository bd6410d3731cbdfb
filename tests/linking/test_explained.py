"""Every link explains itself: in words and figures that add up, in both languages, with no value where none was asked for."""

import contextlib
import csv
import dataclasses
import io
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from pipelines import report
from pipelines.linking.deciding import decisions
from pipelines.linking.recipe import Comparison, Recipe, Thresholds, names, recipe
from pipelines.linking.telling import explained, looking, sample, words
from pipelines.report import links
from pipelines.report import page as report_page
from pipelines.report.words import ENGLISH, FRENCH
from tests.commands import beffroi
from tests.pipelines.bench import Bench

THRESHOLDS = Thresholds(link=0.99, review=0.5)
PERSON = recipe("person")


def of(name: str) -> Comparison:
    return next(each for each in PERSON.comparisons if each.name == name)


def pair(levels: dict[str, tuple[int, float]], **more: Any) -> dict[str, Any]:
    """Return a row of pairs: of each comparison that is named its level (0: the last) and weight, of others nothing."""
    levels = {name: (at or len(of(name).levels), weighs) for name, (at, weighs) in levels.items()}
    weight = -14.0 + sum(each for _, each in levels.values())
    found: dict[str, Any] = {f"level_{each.name}": levels.get(each.name, (0, 0.0))[0] for each in PERSON.comparisons}
    found |= {f"weight_{each.name}": levels.get(each.name, (0, 0.0))[1] for each in PERSON.comparisons}
    probability = 1 / (1 + 2**-weight)
    band = "linked" if probability >= 0.99 else "doubtful" if probability >= 0.5 else "apart"
    found |= {"l": '["s","1"]', "r": '["s","2"]', "how": "model", "why": None, "band": band}
    return found | {"weight": weight, "probability": probability} | more


DOUBTFUL = {"family_name": (1, 9.0), "birth_date": (1, 12.0), "given_name": (0, -5.5), "sex": (1, 0.9)}


def told(levels: dict[str, tuple[int, float]], language: str = "en", **more: Any) -> str:
    return explained.sentence(PERSON, pair(levels, **more), THRESHOLDS, language)


def test_a_sentence_says_what_speaks_for_it_and_what_against() -> None:
    assert told(DOUBTFUL) == (
        "Doubtful. Same: date of birth, family name. Different: given name. Probability 0.84, linked from 0.99."
    )
    assert told(DOUBTFUL, "fr") == (
        "Douteux. Identique : date de naissance, nom de famille. Différent : prénom. Probabilité 0,84, liés à partir de"
        " 0,99."
    )
    assert told({"sex": (1, 0.9)}) == (
        "Apart. Nothing tells much for it or against it. Probability 0.0001, linked from 0.99."
    )


def test_an_identifier_is_named_and_what_contradicts_it_too() -> None:
    same = {"nir": (1, 26.0), "family_name": (0, -5.0)}
    assert told(same, how="identifier") == "Linked. Same: NIR."
    against = told(same, how="identifier", probability=0.745, band="doubtful")
    assert against == (
        "Doubtful. Same: NIR. Different: family name."
        " An identifier is the same, and all the rest speaks against it: a person decides."
    )
    row = pair(same, how="identifier", probability=0.745, band="doubtful", why="against")
    found = explained.explain(PERSON, row, THRESHOLDS, "en", ours={}, theirs={})
    assert (len(found.why), found.chance) == (1, "a rule decides, not this sum")
    assert found.why[0].startswith("The same NIR, and it is a valid one. That would link them, but all the rest speaks")
    found = explained.explain(PERSON, pair(same, how="identifier"), THRESHOLDS, "en", ours={}, theirs={})
    assert found.why == ["The same NIR, and it is a valid one: this links them, whatever else is the same or not."]


def test_a_sentence_says_why_a_likely_pair_is_not_linked() -> None:
    likely = {"family_name": (1, 9.0), "birth_date": (1, 12.0)}
    assert told(likely, band="doubtful", why="tie", probability=0.992) == (
        "Doubtful. Same: date of birth, family name. Probability 0.9920, linked from 0.99. Another record is likely too."
    )
    assert told(likely, band="doubtful", why="size", probability=0.992).endswith(" The link was cut.")
    assert told(likely, "fr", band="apart", why="other").endswith(" Un autre enregistrement est plus probable.")


def test_two_probabilities_that_are_not_equal_are_told_apart() -> None:
    for value, link, said in (
        (0.967, 0.97, ("0.967", "0.970")), (0.5, 0.97, ("0.50", "0.97")), (0.97, 0.97, ("0.97", "0.97")),
        (0.9999991, 0.9999992, ("0.9999991", "0.9999992")), (0.99546, 0.9955, ("0.99546", "0.99550")),
    ):  # fmt: skip
        assert explained.told_apart(value, link, ENGLISH) == said


def test_a_decision_is_told_with_who_when_and_why() -> None:
    said = decisions.said_of('["s","1"]', '["s","2"]', "different", "twins", "m.dupont", "2026-11-22T10:00:00+00:00")
    row = pair(DOUBTFUL, band="apart", why="different")
    found = explained.explain(PERSON, row, THRESHOLDS, "en", ours={}, theirs={}, decision=said)
    assert found.sentence == "Apart. Decided on 2026-11-22 by m.dupont: they are not the same."
    assert found.decision == {"verdict": "different", "note": "twins", "author": "m.dupont", "when": said.when}
    assert "The note says: twins" in found.why
    french = explained.explain(PERSON, row, THRESHOLDS, "fr", ours={}, theirs={}, decision=said)
    assert french.sentence == "Distincts. Décidé le 2026-11-22 par m.dupont : ce n'est pas la même personne."
    assert explained.sentence(PERSON, row, THRESHOLDS, "en") == "Apart. A person decided that they are not the same."


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_weights_add_up_to_the_sum(language: str) -> None:
    found = explained.explain(PERSON, pair(DOUBTFUL), THRESHOLDS, language, ours={}, theirs={})
    assert found.prior == pytest.approx(-14)
    assert found.prior + sum(each.weight for each in found.parts) == pytest.approx(found.weight)
    said = words.LANGUAGES[language]
    ways = {each.name: each.speaks for each in found.parts}
    assert ways["family_name"] == said["strongly-for"]
    assert ways["given_name"] == said["strongly-against"]
    assert (ways["sex"], ways["email"]) == (said["little"], said["missing"])


def test_values_stand_beside_each_other_and_rare_ones_are_told_to_be() -> None:
    ours = {"family_name": "Etxeberria", "birth_date": "1980-02-03", "sex": "F"}
    found = explained.explain(
        PERSON, pair(DOUBTFUL), THRESHOLDS, "en", ours=ours, theirs=ours | {"sex": None},
        often={"family_name": 0.0003, "sex": 0.5},
    )  # fmt: skip
    parts = {each.name: each for each in found.parts}
    assert (parts["family_name"].ours, parts["family_name"].theirs) == (["Etxeberria"], ["Etxeberria"])
    assert parts["family_name"].said == "same, rare (3 in 10,000)"
    assert parts["sex"].said == "same, common (50 in 100)"
    assert (parts["sex"].ours, parts["sex"].theirs) == (["F"], [])


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        (0.0, "of pairs with this weight, 1 in 2 is not the same"),
        (1.5, "of pairs with this weight, 1 in 4 is not the same"),
        (10.0, "of pairs with this weight, 1 in 1,000 is not the same"),
        (-3.0, "of pairs with this weight, 1 in 9 is the same"),
        (300.0, "of pairs with this weight, fewer than 1 in 1,000,000 is not the same"),
        (-3000.0, "of pairs with this weight, fewer than 1 in 1,000,000 is the same"),
    ],
)
def test_a_weight_is_told_as_a_chance(weight: float, said: str) -> None:
    row = pair({}) | {"weight": weight}
    assert explained.explain(PERSON, row, THRESHOLDS, "en", ours={}, theirs={}).chance == said


def test_numbers_are_as_the_language_writes_them() -> None:
    assert [explained.weight(each, ENGLISH) for each in (5.24, -0.06, 0.0)] == ["+5.2", "−0.1", "+0.0"]
    assert explained.weight(-1.5, FRENCH) == "−1,5"
    shown = [explained.probability(each, ENGLISH) for each in (0.99999, 0.9991, 0.81, 0.004, 0.00001)]
    assert shown == ["> 0.9999", "0.9991", "0.81", "0.0040", "< 0.0001"]
    assert [explained.speaks(each) for each in (4, 1, 0.9, -1, -4)] == [
        "strongly-for", "for", "little", "against", "strongly-against",
    ]  # fmt: skip


@pytest.mark.parametrize("name", names())
def test_every_level_of_every_recipe_has_its_words(name: str) -> None:
    found: Recipe = recipe(name)
    for each in found.comparisons:
        for level in each.levels:
            assert level.label.en, f"{name}: {each.name}"
            assert level.label.fr, f"{name}: {each.name}"
    row: dict[str, Any] = {"l": "a", "r": "b", "how": "model", "why": None, "band": "doubtful", "weight": 0.0}
    row |= {"probability": 0.5} | {f"weight_{each.name}": 2.0 for each in found.comparisons}
    for at in range(max(len(each.levels) for each in found.comparisons) + 1):
        levels = {f"level_{each.name}": min(at, len(each.levels)) for each in found.comparisons}
        for language in words.LANGUAGES:
            assert explained.sentence(found, row | levels, THRESHOLDS, language).endswith(".")


def test_both_languages_say_the_same_things() -> None:
    assert words.ENGLISH.keys() == words.FRENCH.keys()
    for key, said in words.ENGLISH.items():
        assert said.count("|") == words.FRENCH[key].count("|"), key
        assert set(re.findall(r"{(\w+)}", said)) == set(re.findall(r"{(\w+)}", words.FRENCH[key])), key


# --- clusters --------------------------------------------------------------------------------------------------------


def link(one: str, other: str, weight: float) -> dict[str, Any]:
    return {"l": one, "r": other, "weight": weight}


def test_a_cluster_is_held_together_by_its_strongest_links() -> None:
    every = [link("a", "b", 9), link("c", "d", 8), link("b", "c", 7), link("a", "c", 6), link("a", "d", 5)]
    found = looking.Cluster(1, 4, looking.spanning(every))
    assert found.links == every[:3]
    assert found.weakest == every[2]
    assert found.way("a", "d") == [every[0], every[2], every[1]]
    assert found.way("d", "a") == [every[1], every[2], every[0]]
    assert found.way("a", "a") == found.way("a", "z") == []


def test_a_cluster_of_many_that_are_all_alike_is_explained_at_once() -> None:
    found = looking.Cluster(1, 100_000, looking.spanning([link("0", str(each), 9) for each in range(1, 100_000)]))
    assert len(found.links) == 99_999
    assert [(each["l"], each["r"]) for each in found.way("99999", "2")] == [("0", "99999"), ("0", "2")]


# --- what the command line and the report say ------------------------------------------------------------------------

PEOPLE = """\
title: People
owner: ville
audience: owner
source: {registry: source, table: people}
schema:
  fields:
    - {name: id, personal: direct}
    - {name: family_name, personal: direct}
    - {name: given_name, personal: direct}
    - {name: birth_date, personal: direct}
    - {name: person_id, type: integer, personal: indirect}
  primaryKey: id
link: {person_id: {record: person}}
"""
PURPOSES = "purposes:\n  liens: {title: Liens, procedure: Liens, legal_basis: L1, requires: []}\n"
ROWS = [
    ("p1", "Etxeberria", "Maite", "1980-02-03"), ("p2", "ETXEBERRIA", "Maite", "1980-02-03"),
    ("p3", "Echeverria", "Maite", "1980-03-02"), ("p4", "Zubiri", "Jon", "1975-01-31"),
    ("p5", "Zubiri", "Jon", None), ("p6", "Agirre", "Ane", "2001-12-24"),
]  # fmt: skip


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Return a workspace whose people were linked once."""
    made = Bench(tmp_path_factory.mktemp("town"))
    made.write("beffroi.yaml", (made.root / "beffroi.yaml").read_text("utf-8") + PURPOSES)
    made.write("datasets/people.yaml", PEOPLE)
    columns = ("id", "family_name", "given_name", "birth_date")
    more = [(f"q{each}", f"Name{each * 7919 % 97}", f"Given{each}", f"19{each + 10}-05-06") for each in range(30)]
    made.source("people", [dict(zip(columns, row, strict=True)) for row in (*ROWS, *more)])
    made.run("people")
    return made


def asked(town: Bench, *arguments: str, status: int = 0) -> Any:
    return json.loads(beffroi(town.root, "link", "people", *arguments, "--json", status=status).stdout)


RAW = ("--raw", "--purpose", "liens")


def journaled(town: Bench) -> int:
    """Return how many accesses to links are on the journal."""
    path = town.root / ".beffroi/journal.db"
    if not path.exists():
        return 0
    with contextlib.closing(sqlite3.connect(path)) as database:
        found = database.execute("SELECT entry FROM entries").fetchall()
    return [json.loads(entry)["action"] for (entry,) in found].count("link")


def test_a_pair_is_explained_with_values_only_where_they_are_asked_for(town: Bench) -> None:
    before = journaled(town)
    found = asked(town, "--why", "p2", "p1")
    assert found["pair"]["band"] == "linked"
    assert found["kept"] is True
    assert found["cluster"] is not None
    assert len(found["way"]) == 1
    assert "Maite" not in json.dumps(found)
    assert journaled(town) == before
    valued = asked(town, "--why", "p2", "p1", *RAW)["pair"]
    part = next(each for each in valued["parts"] if each["name"] == "family_name")
    assert {*part["ours"], *part["theirs"]} == {"Etxeberria", "ETXEBERRIA"}
    assert journaled(town) == before + 1


def test_values_of_persons_are_for_a_purpose_only(town: Bench) -> None:
    assert "purpose" in beffroi(town.root, "link", "people", "--why", "p1", "p2", "--raw", status=1).stderr


def test_a_pair_that_the_run_did_not_keep_is_scored_now(town: Bench) -> None:
    found = asked(town, "--why", "p1", "p6")
    assert found["kept"] is False
    assert found["pair"]["band"] == "apart"
    assert found["pair"]["weight"] < 0
    text = beffroi(town.root, "link", "people", "--why", "p1", "p6").stdout
    assert "Apart. " in text
    assert words.ENGLISH["below"] in text


def test_a_record_is_explained_by_its_cluster(town: Bench) -> None:
    found = asked(town, "--why", "p1")
    assert found["members"] >= 2
    assert found["links"]
    assert found["weakest"] == found["links"][-1]
    named = {each[side] for each in found["links"] + found["pairs"] for side in "ab"} - {'["source/people","p1"]'}
    assert all(name.startswith("#") for name in named), "who was not named is not told without --raw"
    text = beffroi(town.root, "link", "people", "--why", "-", typed="p1\n").stdout
    assert f"cluster {found['cluster']}, with {found['members']} records" in text


def test_a_record_that_is_not_there_is_not_told_again(town: Bench) -> None:
    said = beffroi(town.root, "link", "people", "--why", "Maite", status=1).stderr
    assert "Maite" not in said
    assert "no such record" in said


def test_doubtful_pairs_are_listed_the_likeliest_first(town: Bench) -> None:
    found = asked(town, "--doubtful", "--limit", "0")
    assert [each["probability"] for each in found] == sorted((each["probability"] for each in found), reverse=True)
    assert {each["band"] for each in found} <= {"doubtful"}
    held = {name for name, _, _, _ in ROWS}
    assert not any(name in json.dumps(found) for name in held), "identities come with --raw"


def test_a_sample_is_drawn_judged_and_checked(town: Bench, tmp_path: Path) -> None:
    file, judged = tmp_path / "sample.csv", tmp_path / "judged.csv"
    before = journaled(town)
    drawn = asked(town, "--sample", "500", "--into", str(file), "--purpose", "liens")
    assert journaled(town) == before + 1
    assert file.stat().st_mode & 0o77 == 0, "values of persons are for whoever drew it"
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"))))
    assert len(rows) == drawn["pairs"] > 0
    assert {row["verdict"] for row in rows} == {""}
    assert "family_name_a" in rows[0]
    for row in rows:
        row["verdict"] = "same" if row["stratum"] in sample.LINKED else "different"
    with judged.open("w", encoding="utf-8", newline="") as opened:
        lines = csv.DictWriter(opened, rows[0].keys(), delimiter=";")
        lines.writeheader()
        lines.writerows(rows)
    found = asked(town, "--check", str(judged))
    assert found["judged"] == len(rows)
    assert found["precision"] == {"estimate": 1, "least": 1, "most": 1}, "every pair was judged: nothing is open"
    assert "This rests on" in beffroi(town.root, "link", "people", "--check", str(judged)).stdout
    again = beffroi(
        town.root, "link", "people", "--sample", "5", "--into", str(file), "--purpose", "liens", status=1
    ).stderr
    assert "may hold verdicts" in again


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("verdict", "maybe"), "line 2: a verdict is same, different, unsure, même, "),
        (("of", "x"), "line 2: stratum and of"),
        (("stratum", "others"), "line 2: stratum and of"),
        (("probability", "high"), "line 2: probability"),
        (("probability", "nan"), "line 2: probability is no number from 0 to 1"),
        (("probability", "2.5"), "line 2: probability is no number from 0 to 1"),
    ],
)
def test_a_sample_that_is_not_in_order_is_refused_with_its_line(
    town: Bench, tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    row = {"identity_a": "a", "identity_b": "b", "verdict": "same", "probability": "1", "stratum": "linked", "of": "3"}
    row[change[0]] = change[1]
    file = tmp_path / "judged.csv"
    file.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n", encoding="utf-8")
    assert said in beffroi(town.root, "link", "people", "--check", str(file), status=1).stderr


def test_a_pair_that_stands_twice_is_judged_once(town: Bench, tmp_path: Path) -> None:
    row = {"identity_a": "a", "identity_b": "b", "verdict": "same", "probability": "1", "stratum": "linked", "of": "3"}
    turned = row | {"identity_a": "b", "identity_b": "a"}
    file = tmp_path / "judged.csv"
    for last, status in (("same", 0), ("different", 1)):
        lines = [row, row | {"verdict": ""}, turned | {"verdict": last}]
        file.write_text("\n".join([",".join(row), *(",".join(each.values()) for each in lines)]), encoding="utf-8")
        done = beffroi(town.root, "link", "people", "--check", str(file), status=status)
        assert ("This rests on 1 verdict" in done.stdout) == (not status)
    assert "line 4: line 2 says something else of the same pair" in done.stderr


def test_what_is_no_sample_is_told_to_be_none(town: Bench, tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("a,b\n1,2\n", encoding="utf-8")
    assert (
        "has no identity_a, identity_b" in beffroi(town.root, "link", "people", "--check", str(file), status=1).stderr
    )
    file.write_bytes("identité\n".encode("latin-1"))
    assert "not in UTF-8" in beffroi(town.root, "link", "people", "--check", str(file), status=1).stderr
    assert "say one of" in beffroi(town.root, "link", "people", "--why", status=1).stderr


@pytest.mark.parametrize(("language", "said"), [("en", "Links: person_id"), ("fr", "Liens : person_id")])
def test_the_report_tells_of_links_and_what_to_do_next(town: Bench, language: str, said: str) -> None:
    found = report.find(town.workspace, "people")
    text = html.document_fromstring(report_page.page(found, town.workspace.dataset("people"), language)).text_content()
    assert said in text
    assert "beffroi link people --column person_id --sample 200 --into" in text
    short = report_page.page(found, town.workspace.dataset("people"), language, whole=False)
    assert said in short
    assert "--sample" not in short
    assert "Maite" not in text + json.dumps(report.told(found)["links"])
    assert not any(f'"{name}' in json.dumps(report.told(found)["links"]) for name, *_ in ROWS)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("of entities that they are linked to", "2 links contradict what people decided", "3 records linked",
                "1 pair wait", "cannot be told", "a person decided so", "Expected to be the same")),
        ("fr", ("de entities à laquelle", "2 liens contredisent", "3 enregistrements liés", "1 paire", "ne peut se dire",
                "une personne l'a décidé", "Attendues comme la même")),
    ],
)  # fmt: skip
def test_the_report_of_links_to_another_dataset(town: Bench, language: str, said: tuple[str, ...]) -> None:
    found = report.find(town.workspace, "people")
    link = {
        each: value
        for each, value in found.links["person_id"].items()
        if each not in ("clusters", "several", "largest")
    }
    link["quality"] = quality = link["quality"] | {"queue": {"pairs": 1, "rows": 2, "share": 0.01}}
    quality["estimate"] = quality["estimate"] | {"missed_by_blocking": None, "recall": 0.9, "missed": 12.0}
    quality["decisions"] = quality["decisions"] | {
        "doubtful": {"same": 3, "different": 1, "unsure": 0, "expected_same": 2.4}
    }
    link |= {"to": "entities", "contradictions": 2}
    link["happened"] = [{"event": "linked", "reason": "decision", "count": 3, "records": 3}]
    changed = dataclasses.replace(found, links={"legal_entity": link})
    text = report_page.page(changed, town.workspace.dataset("people"), language).replace("&#x27;", "'")
    assert [each for each in said if each not in text] == []


def test_what_became_of_clusters_is_told_in_one_line() -> None:
    events = [
        {"event": "merged", "reason": "link", "count": 3, "records": 7},
        {"event": "merged", "reason": "decision", "count": 1, "records": 2},
        {"event": "split", "reason": "cut-decision", "count": 1, "records": 2},
    ]
    assert links.happened(events, words.ENGLISH) == "4 merged into another, 1 split off"
    assert links.happened(events, words.FRENCH) == "4 réunis à un autre, 1 séparé"
