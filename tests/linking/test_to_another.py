"""Links to another dataset as a steward sees them: what is decided on them, and what each is explained by."""

import json
from pathlib import Path

import pytest

from pipelines.linking import gathered
from tests import commands
from tests.linking.persons import BOTH, COMPANIES, FIRST, copied, numbers, put
from tests.pipelines.bench import Bench

REGISTER = (
    ("A1", "Dupont", "Jean", "1980-02-03"),
    ("A2", "Durant", "Marie", "1990-05-06"),
    ("2", "Sanz", "Luz", "1960-01-01"),
)
COLUMN = ("--column", "number")


def ours(number: str) -> str:
    return gathered.identity("source/persons", number)


def theirs(number: str) -> str:
    return gathered.identity("register", number)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    bench = Bench(tmp_path_factory.mktemp("across") / "workspace")
    bench.write("datasets/persons.yaml", BOTH)
    bench.write("datasets/register.yaml", COMPANIES)
    put(bench, *FIRST)
    put(bench, *REGISTER, table="register", names=("number", "last_name", "given_name", "birth_date"))
    bench.run("register")
    bench.run("persons")
    return bench


@pytest.fixture
def across(ran: Bench, tmp_path: Path) -> Bench:
    return copied(ran, tmp_path / "workspace")


def test_a_link_that_a_person_made_is_told_of_either_record(across: Bench) -> None:
    commands.beffroi(across.root, "decide", "same", "persons", "4", theirs("2"), *COLUMN)
    commands.beffroi(across.root, "link", "persons")
    assert numbers(across, "number")["4"] == "2"
    for record in ("4", theirs("2")):
        said = commands.beffroi(across.root, "link", "persons", "--why", record, *COLUMN).stdout
        assert said.count("Linked. A person decided that they are the same.") == 1, "they were never compared"
    others = commands.beffroi(across.root, "link", "persons", "--why", "A1", *COLUMN).stdout
    assert "A person decided" not in others


@pytest.mark.parametrize(("one", "other"), [(ours("1"), ours("2")), (theirs("A1"), theirs("A2"))])
def test_a_decision_that_can_have_no_effect_is_not_taken(across: Bench, one: str, other: str) -> None:
    refused = commands.beffroi(across.root, "decide", "same", "persons", one, other, *COLUMN, status=1).stderr
    assert "number links records of persons to those of register: say one of each" in refused
    commands.beffroi(across.root, "link", "persons", "--why", one, other, *COLUMN, status=1)
    french = commands.beffroi(across.root, "decide", "same", "persons", one, other, *COLUMN, "--lang", "fr", status=1)
    assert "number relie les enregistrements de persons à ceux de register : dites-en un de chaque" in french.stderr
    lines = [
        json.dumps({"identity_a": a, "identity_b": b, "verdict": "same"})
        for a, b in ((ours("4"), theirs("2")), (one, other))
    ]
    across.write("words.jsonl", "\n".join(lines))
    file = str(across.root / "words.jsonl")
    refused = commands.beffroi(across.root, "decide", "import", "persons", file, *COLUMN, status=1).stderr
    assert "line 2: both records are of one dataset, and the link leads to another" in refused
    assert commands.beffroi(across.root, "decide", "list", "persons", "--decided", *COLUMN).stdout.count("same") == 0
