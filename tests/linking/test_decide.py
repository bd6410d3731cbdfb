"""`beffroi decide` as a steward uses it: questions, answers, lists and files, and what the journal has of it."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from gateway.french import FRENCH
from pipelines import versions
from pipelines.linking import files, written
from pipelines.linking.deciding import decisions
from pipelines.linking.deciding.questions import Question, Queue, Settled
from pipelines.workspace import Workspace
from tests import commands
from tests.gateway.test_journal import entries
from tests.linking.persons import PERSONS, copied, of, opened, put
from tests.pipelines.bench import CONFIGURATION, Bench

PURPOSES = "purposes:\n  tenue: {title: Tenue, procedure: Fichier, legal_basis: RGPD 6}\n"
WHY = ("--purpose", "tenue")
ROWS = [
    *((str(100 + at), family, given, f"19{50 + at % 45:02}-{1 + at % 12:02}-{1 + at % 28:02}")
      for at, (family, given) in enumerate(
          (family, given) for family in ("Dupont", "Durand", "Etxeberria", "Martin", "Lefèvre", "Garcia")
          for given in ("Jean", "Marie", "Ane", "Paul", "Luc", "Nina", "Itziar", "Mikel"))),
    ("1", "Dupont", "Jean", "1980-02-03"), ("2", "DUPONT", "Jean", "1980-02-03"), ("3", "Dupond", "Jeanne", "1980-03-02"),
    ("7", "Durand", "Marie", "1990-05-06"), ("9", "Duran\x1b[31m", "M.", "1990-05-06"),
]  # fmt: skip


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """One run for all: each test has a copy of its workspace. What waits is put there: no recipe changes it."""
    bench = Bench(tmp_path_factory.mktemp("linked") / "workspace")
    bench.write("beffroi.yaml", CONFIGURATION + PURPOSES)
    bench.write("datasets/persons.yaml", PERSONS)
    put(bench, *ROWS)
    bench.run("persons")
    version = versions.newest(bench.workspace, "persons")
    assert version is not None
    scored(files.pairs(version.folder, "person"), files.records(version.folder, "person"))
    return bench


def scored(pairs: Path, records: Path) -> None:
    """Have 1 and 2 linked, 7 and 9 most probably the same, 3 less so the same as both of the others; no more pairs."""
    run = (pq.read_metadata(pairs).metadata or {})[files.RUN.encode()].decode()
    kept = {(of("1"), of("2")): (0.999, "linked"), (of("7"), of("9")): (0.97, "doubtful")}
    kept |= {(of(one), of("3")): (0.85, "doubtful") for one in "12"}
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE p AS FROM '{pairs}'")
        connection.execute(
            f"CREATE TABLE r AS SELECT * REPLACE (CASE WHEN identity = '{of('2')}' THEN 1 ELSE 9 + n END AS cluster) FROM '{records}'"
        )
        connection.execute(f"UPDATE r SET cluster = 1 WHERE identity = '{of('1')}'")
        each = " UNION ALL ".join(
            f"SELECT * REPLACE ('{a}' AS l, '{b}' AS r, {p}::DOUBLE AS probability, '{band}' AS band, NULL AS why) FROM one"
            for (a, b), (p, band) in kept.items()
        )
        for table, file in (
            (f"(WITH one AS (FROM p ORDER BY probability DESC LIMIT 1) {each})", pairs),
            ("r", records),
        ):
            query = table if table.startswith("(") else f"(FROM {table})"
            connection.execute(f"COPY {query} TO '{file}' (FORMAT parquet, KV_METADATA {{{files.RUN}: '{run}'}})")


@pytest.fixture
def persons(linked: Bench, tmp_path: Path) -> Iterator[Path]:
    yield copied(linked, tmp_path / "workspace").root
    shutil.rmtree(tmp_path / "workspace")


def decide(root: Path, *words: str, status: int = 0, typed: str = "") -> Result:
    return commands.beffroi(root, "decide", *words, status=status, typed=typed)


def told(root: Path, *words: str) -> Any:
    return json.loads(decide(root, *words, "--json").stdout)


def held(root: Path) -> dict[frozenset[str], str]:
    """Return the verdicts that hold, by the keys of the two records."""
    found = told(root, "list", "persons", "--decided", "--raw", *WHY)
    return {frozenset(json.loads(each[name])[1] for name in "ab"): each["verdict"] for each in found}


def waiting(root: Path) -> list[set[str]]:
    found = told(root, "list", "persons", "--raw", *WHY)
    return [{json.loads(each[name])[1] for name in "ab"} for each in found]


def test_what_waits_is_listed_without_a_value(persons: Path) -> None:
    shown = decide(persons, "list", "persons").stdout
    assert shown.count("Doubtful. ") == 2
    assert "Dupon" not in shown
    assert "source/persons" not in shown
    assert [set(each) for each in told(persons, "list", "persons")] == [{"why", "rows", "probability", "reason"}] * 2
    assert not (persons / ".beffroi" / "journal.db").exists(), "no access"
    assert waiting(persons)[0] == {"7", "9"}, "the likeliest first; of two clusters one pair"
    assert decide(persons, "list", "persons", "--limit", "1", "--lang", "fr").stderr.startswith(
        "persons : 2 paires attendent"
    )


def test_values_are_an_access(persons: Path) -> None:
    assert "--purpose" in decide(persons, "persons", status=1).stderr
    assert "--purpose" in decide(persons, "list", "persons", "--raw", status=1).stderr
    assert "--purpose" in decide(persons, "export", "persons", status=1).stderr
    assert {each["outcome"] for each in entries(persons / ".beffroi")} == {"not-granted"}
    before = len(entries(persons / ".beffroi"))
    shown = decide(persons, "persons", *WHY, typed="q\n").stdout
    assert "Durand" in shown
    (entry,) = entries(persons / ".beffroi")[before:]
    assert (entry["action"], entry["resource"], entry["purpose"]) == ("decide", "dataset:persons", "tenue")
    assert (entry["fields"], len(entry["identifiers"])) == (["ne_le", "nom", "prenom"], 4), "all that the sitting shows"


def test_a_review_asks_and_keeps_at_once(persons: Path) -> None:
    done = decide(persons, "persons", *WHY, typed="x\nn\nvu au guichet\nd\nk\n")
    assert held(persons) == {frozenset("79"): "different"}
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "1 of 2 · doubtful · rows that «same» would move: 1" in lines
    assert r"family name Durand Duran\x1b[31m ≠" in lines, "no terminal is told what to do by a value"
    assert "date of birth 1990-05-06 1990-05-06 =" in lines
    assert any(line.startswith("Doubtful. Same: ") for line in lines)
    assert "Note: vu au guichet" in lines
    assert "Decided: 1 different. Waiting: 1." in done.stderr
    assert "take effect at the next run: `beffroi link persons`" in done.stderr
    (said,) = kept(persons)
    assert (said.note, said.fields, len(said.digest_a or "")) == (
        "vu au guichet",
        ("birth_date", "family_name", "given_name"),
        64,
    )
    assert len(waiting(persons)) == 1


def kept(root: Path) -> list[decisions.Decision]:
    return decisions.load(Workspace(root), "persons", "person")


def test_a_review_goes_back_and_ends_when_nobody_answers(persons: Path) -> None:
    decide(persons, "review", "persons", *WHY, typed="s\nb\nd\ns\n")
    assert set(held(persons).values()) == {"different", "same"}
    assert held(persons)[frozenset("79")] == "different", "the last word"
    done = decide(persons, "persons", *WHY)
    assert "No pair waits for a person." in done.stderr


def test_a_review_in_french(persons: Path) -> None:
    done = decide(persons, "persons", *WHY, "--lang", "fr", typed="m\ni\n")
    assert "[m]ême, [d]ifférent, [i]ncertain, [p]asser, [n]ote, [r]etour, [q]uitter" in done.stdout
    assert "Décidé : 1 même, 1 incertain. En attente : 0." in done.stderr
    assert set(held(persons).values()) == {"same", "unsure"}
    assert "date de naissance" in done.stdout
    assert not {"contradiction", "changed", "doubtful", "same", "different", "unsure", "there", "gone"} - FRENCH.keys()


def test_one_pair_is_decided_and_taken_back(persons: Path) -> None:
    done = decide(persons, "same", "persons", "7", '["source/persons","9"]', "--note", "seen")
    assert done.stderr.startswith("Kept: same.")
    assert told(persons, "different", "persons", "9", "7")["verdict"] == "different"
    assert held(persons) == {frozenset("79"): "different"}
    decide(persons, "withdraw", "persons", "-", typed="7\n9\n")
    assert held(persons) == {}
    assert "say two records" in decide(persons, "same", "persons", "7", status=1).stderr
    assert "no decision" in decide(persons, "withdraw", "persons", "7", "9", status=1).stderr
    for place, records in (("first", ("none", "7")), ("second", ("7", "none"))):
        for words in ("unsure", "withdraw"):
            told_of = decide(persons, words, "persons", *records, status=1).stderr
            assert f"the {place} record: version 1 of persons has no such record" in told_of
            assert "none" not in told_of, "what was typed may be personal"
    assert (
        "le second enregistrement : la version 1"
        in decide(persons, "same", "persons", "7", "x", "--lang", "fr", status=1).stderr
    )
    assert "the same record" in decide(persons, "unsure", "persons", "7", "7", status=1).stderr
    assert "«other»" in decide(persons, "same", "persons", "7", "9", "--column", "other", status=1).stderr
    assert entries(persons / ".beffroi")[-1]["action"] == "decide", "lists with --raw"


def test_decisions_go_to_a_file_and_back(persons: Path, tmp_path: Path) -> None:
    decide(persons, "same", "persons", "7", "9", "--note", "vu")
    file = tmp_path / "said.csv"
    assert decide(persons, "export", "persons", str(file), *WHY).stderr == f"{file}: 1 decision.\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "is there already" in decide(persons, "export", "persons", str(file), *WHY, status=1).stderr
    assert json.loads(decide(persons, "export", "persons", *WHY).stdout)["verdict"] == "same"
    assert told(persons, "import", "persons", str(file)) == {"new": 0, "known": 1, "older": 0, "empty": 0, "gone": 0}
    decisions.file(Workspace(persons), "persons", "person").unlink()
    assert "Taken over: 1." in decide(persons, "import", "persons", str(file)).stderr
    assert held(persons) == {frozenset("79"): "same"}
    other = file.read_text().replace('""9""', '""99""').replace("same", "unsure")
    file.write_text(other)
    assert "1 of them are on records" in decide(persons, "import", "persons", str(file)).stderr
    file.write_text(other.replace("unsure", "perhaps"))
    assert "line 2: the verdict is none of" in decide(persons, "import", "persons", str(file), status=1).stderr
    assert len(held(persons)) == 2


REGISTER = """\
title: Register
owner: ville
audience: owner
source: {registry: source, table: register}
schema:
  fields:
    - {name: nir, personal: direct}
    - {name: family_name, personal: direct}
    - {name: given_name, personal: direct}
  primaryKey: nir
"""
TO = PERSONS.replace("type: integer, personal: indirect, constraints: {required: true}", "personal: direct").replace(
    "ne_le}}", "ne_le}, to: register}"
)


def test_links_to_another_dataset_are_journaled_for_both_and_forgotten(bench: Bench) -> None:
    bench.write("beffroi.yaml", CONFIGURATION + PURPOSES)
    bench.write("datasets/register.yaml", REGISTER)
    bench.write("datasets/zz.yaml", TO)
    put(bench, ("1", "Dupont", "Jean", None), ("2", "Durand", "Ane", None))
    names = ("nir", "family_name", "given_name")
    put(bench, ("185", "Dupont", "Jean"), ("285", "Martin", "Luc"), table="register", names=names)
    bench.run("register")
    bench.run("zz")
    ours, theirs = of("1"), '["register","285"]'
    assert theirs < ours, "as texts"
    decisions.add(
        bench.workspace,
        "zz",
        "person",
        [decisions.said_of(ours, theirs, "same", "a note", values=({"family_name": "X"}, {}))],
    )
    state, seen = bench.root / ".beffroi", list[dict[str, Any]]()
    for words in (("list", "zz", "--decided", "--raw"), ("export", "zz"), ("list", "zz", "--raw")):
        shown = decide(bench.root, *words, *WHY).stdout
        assert "285" in shown, words
        assert words[0] == "export" or shown.index(ours) < shown.index(theirs), "A is ours"
        left = entries(state)[len(seen) :]
        seen += left
        left = [each for each in left if each["action"] == "decide"]
        assert [each["resource"] for each in left] == ["dataset:zz", "dataset:register"], words
        assert all(len(each["identifiers"]) == 1 for each in left), "the key of each of the two"
    assert left[0]["identifiers"] != left[1]["identifiers"]
    for key in ("dataset:register:285", "dataset:zz:1"):
        told_of = commands.beffroi(bench.root, "journal", "who-read", *WHY, "--json", typed=f"{key}\n").stdout
        assert sum(each["action"] == "decide" for each in json.loads(told_of)["data"]) == 3, key
    assert "no decision names that record" in decide(bench.root, "forget", "zz", "185", status=1).stderr
    assert "Erased: 1 " in decide(bench.root, "forget", "zz", "-", typed="285\n").stderr
    assert "285" not in decisions.file(bench.workspace, "zz", "person").read_text()
    (entry,) = [each for each in entries(state) if each["action"] == "decide-forget"]
    assert (entry["resource"], entry["source"]) == ("dataset:register", "1 decisions of zz")
    assert entry["identifiers"] == left[1]["identifiers"]
    made = [each for each in state.rglob("*") if each.name.startswith("link.") or each.suffix in (".last", ".jsonl")]
    assert len(made) > 5
    assert {each.stat().st_mode & 0o777 for each in made} == {0o600}, "a copied workspace guards them too"


def test_decisions_through_later_runs(persons: Path) -> None:
    bench = opened(persons)
    decide(persons, "same", "persons", "1", "3")
    decide(persons, "different", "persons", "7", "9", "--note", "vu au guichet")
    decide(persons, "same", "persons", "113", "114")
    decide(persons, "different", "persons", "2", "3")
    report = bench.run("persons")
    assert report.links["person"]["contradictions"] == 1, "1 and 2 are alike, 1 is 3, 2 is not"
    asked = told(persons, "list", "persons", "--raw", *WHY)[0]
    assert (asked["why"], asked["contradiction"]["kind"]) == ("contradiction", "chain")
    shown = decide(persons, "persons", *WHY, typed="d\n").stdout
    assert "Set aside, as it contradicts what" in shown
    kept = [row for row in ROWS if row[0] != "114"]
    put(bench, *[(*row[:3], "1990-06-06") if row[0] == "9" else row for row in kept])
    bench.run("persons")
    asked = told(persons, "list", "persons", "--raw", *WHY)[0]
    assert (asked["why"], asked["changed"]) == ("changed", [of("9")])
    (reason,) = [each["reason"] for each in told(persons, "list", "persons") if each["why"] == "changed"]
    assert re.match(r"Decided: different, by \S+ on [-0-9]{10}\. Since then B has changed\.", reason)
    assert not re.search("guichet|Dur|1990|source/", reason), "no note, no value, no name of a record"
    assert "Depuis, B a changé." in " ".join(decide(persons, "list", "persons", "--lang", "fr").stdout.split())
    states = {each["verdict"] + " " + each["records"] for each in told(persons, "list", "persons", "--decided")}
    assert {"different changed", "same gone", "same there"} <= states
    decide(persons, "persons", *WHY, typed="d\n")
    assert {"7", "9"} not in waiting(persons), "who says so again has said so of what is there now"


def explained(root: Path, *records: str) -> Any:
    return json.loads(commands.beffroi(root, "link", "persons", "--why", *records, "--json").stdout)


def test_a_run_is_told_to_hold_only_what_it_had_read(persons: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = written.write

    def meanwhile(*arguments: Any) -> None:
        decide(persons, "same", "persons", "2", "9")
        write(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(written, "write", meanwhile)
        decide(persons, "same", "persons", "1", "3")
        opened(persons).run("persons")
    assert (explained(persons, "1", "3")["pair"]["band"], explained(persons, "1", "3")["decision"]) == ("linked", None)
    found = explained(persons, "2", "9")
    assert (found["pair"]["band"], found["decision"]) == ("apart", "pending"), "decided before the version was there"
    opened(persons).run("persons")
    found = explained(persons, "2", "9")
    assert (found["pair"]["band"], found["decision"]) == ("linked", None)


def test_a_run_without_a_new_version_holds_what_it_had_read(persons: Path) -> None:
    opened(persons).run("persons")
    decide(persons, "different", "persons", "2", "9")
    assert explained(persons, "2", "9")["decision"] == "pending"
    assert opened(persons).run("persons").outcome == "unchanged", "they were apart before"
    assert explained(persons, "2", "9")["decision"] is None


# --- what need not be asked ------------------------------------------------------------------------------------------


def test_what_is_settled() -> None:
    settled = Settled()
    settled.say("1", "2", "same")
    settled.say("3", "4", "different")
    settled.say("2", "3", "same")
    assert settled.knows("1", "3")
    assert settled.knows("1", "4")
    assert not settled.knows("4", "5")
    settled.say("5", "4", "same")
    assert settled.knows("5", "2")


def test_a_changed_mind_opens_what_followed() -> None:
    said = decisions.said_of("a", "b", "same")
    queue = Queue([], {"a": "1", "b": "2", "c": "3"}, set())
    queue.answer(decisions.said_of("b", "c", "same"))
    queue.answer(said)
    asked = Question("a", "c", "doubtful", 1)
    assert not queue.open(asked)
    queue.answer(decisions.said_of("a", "b", "unsure"))
    assert queue.open(asked)


def test_who_is_linked_once_is_not_asked_again() -> None:
    queue = Queue([], {"a": "a", "X": "X", "Y": "Y"}, {"a"})
    asked = Question("Y", "a", "doubtful", 1)
    queue.answer(decisions.said_of("a", "X", "different"))
    assert queue.open(asked)
    queue.answer(decisions.said_of("a", "X", "same"))
    assert not queue.open(asked)
