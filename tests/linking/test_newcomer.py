"""What somebody who links for the first time stumbled on: blocks that are what they say, and words that are true."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gateway.commands import decide_words
from pipelines import trace
from pipelines.declarations import linked
from pipelines.linking import prepare, recipe
from pipelines.linking.deciding import decisions, exchange
from pipelines.linking.telling import explained, sample
from tests.commands import beffroi
from tests.linking.conftest import declared
from tests.linking.linked import records
from tests.linking.persons import FIRST, PERSONS, decide, of, put
from tests.pipelines.bench import Bench

TWO = {
    "family_name": ("Garcia", "Lopez"), "second_family_name": ("Ruiz", "Sanz"), "birth_name": ("Martin", "Petit"),
    "given_name": ("Anne", "Luc"), "middle_name": ("Luc", "Eva"), "name": ("Jean DUPONT", "Ane ETXE"),
    "birth_date": ("1980-02-03", "1981-04-05"), "birth_year": ("1980", "1981"), "birth_place": ("Lyon", "Pau"),
    "sex": ("F", "M"), "address": ("12 rue des Lilas 75011 Paris", "3 rue Haute 64000 Pau"), "street_number": ("12", "14"),
    "street": ("rue des Lilas", "rue Haute"), "postal_code": ("75011", "64000"), "city": ("Paris", "Pau"),
    "commune_code": ("75056", "64445"), "country": ("FR", "ES"), "phone": ("0612345678", "0687654321"),
    "email": ("a@example.org", "b@example.org"), "personal_number": ("AB12345", "CD67890"),
    "nir": ("180027511100118", "255081416802538"), "dni": ("12345678Z", "54362315K"), "other_names": ("Beta", "Gamma"),
    "acronym": ("SNCF", "RATP"), "legal_form": ("SARL", "association"), "number": ("732829320", "W751000001"),
    "siren": ("732829320", "552100554"), "siret": ("73282932000074", "55210055400013"), "rna": ("W751000001", "W641000002"),
    "vat": ("DE136695976", "FR83404833048"), "lei": ("529900T8BM49AURSDO55", "213800WSGIIZCXF1P572"),
    "nif": ("B58378431", "A28015865"), "parcel": ("75111000AB0012", "64445000CD0034"), "prefix": ("000", "111"),
    "section": ("AB", "CD"), "plot": ("12", "34"), "area": ("350", "420"),
}  # fmt: skip
"""Two values of each field."""

NEEDS = {"street_number": ["street"], "section": ["plot"], "plot": ["section"]}
"""What a field has to stand with to be read."""

CANNOT = {"address": {"country"}, "company": {"country", "number", "vat"}, "parcel": {"country", "parcel", "prefix"}}
CANNOT["person"] = {"country"}


@pytest.mark.parametrize("name", recipe.names())
def test_a_block_by_a_field_is_by_what_is_made_of_that_field_alone(name: str) -> None:
    by = recipe.recipe(name)
    rows = [
        {field: value, **{each: TWO[each][0] for each in NEEDS.get(field, [])}}
        for field in by.fields for value in TWO[field]
    ]  # fmt: skip
    with duckdb.connect() as connection:
        connection.register("given", records(rows, by.fields))
        connection.execute("CREATE TEMP TABLE records AS FROM given")
        prepare.prepare(connection, by, "records", "made")
        for at, field in enumerate(by.fields):
            column = linked.prepared(by, field)
            assert (column is None) == (field in CANNOT[name]), field
            if column is not None:
                found = connection.execute(f"SELECT {column} FROM made WHERE n // 2 = {at} ORDER BY n").fetchall()
                assert len({repr(value) for (value,) in found if value}) == 2, (
                    f"{column} is not made of {field}: {found}"
                )


def test_a_block_by_the_town_is_not_by_the_street() -> None:
    assert linked.prepared(recipe.recipe("person"), "city") == "place"


# --- what people decided of records that nothing brings together -----------------------------------------------------

MORE = (
    ("5", "Aguirre", "Luc", "1960-01-01"),
    ("6", "Bonnet", "Zoe", "1971-02-02"),
    ("7", "Cazaux", "Ian", "1982-03-03"),
)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A version made with decisions: 3 and 4 are the same; of those on 5, 6 and 7 one contradicts the others."""
    bench = declared(Bench(tmp_path_factory.mktemp("said") / "workspace"))
    put(bench, *FIRST, *MORE)
    same = [decisions.said_of(of(one), of(other), "same") for one, other in (("3", "4"), ("5", "6"), ("6", "7"))]
    decide(bench, *same, decisions.said_of(of("5"), of("7"), "different"))
    bench.run("persons")
    return bench


def _why(bench: Bench, *records: str, lang: str = "en") -> str:
    typed = "".join(f"{each}\n" for each in records)
    return str(beffroi(bench.root, "link", "persons", "--why", "-", "--lang", lang, typed=typed).stdout)


def test_a_pair_decided_the_same_is_told_so_though_nothing_compared_it(said: Bench) -> None:
    told = _why(said, "3", "4")
    assert "Linked. A person decided" in told
    assert "Both are in cluster" in told
    alone = _why(said, "3")
    assert "with 2 records in all" in alone
    assert "A person decided" in alone
    assert "weakest" not in alone, alone


def test_a_decision_that_was_set_aside_is_told_wherever_it_is_looked_for(said: Bench) -> None:
    listed = json.loads(beffroi(said.root, "decide", "list", "persons", "--decided", "--json").stdout)
    assert sorted(each["records"] for each in listed) == ["aside", "there", "there", "there"]
    both = [_why(said, *pair) for pair in (("5", "6"), ("6", "7"))]
    assert sum("that decision was set aside" in each for each in both) == 1, both
    assert sum("Linked. A person decided" in each for each in both) == 1, both
    waiting = beffroi(said.root, "decide", "list", "persons").stdout
    assert "contradicts a decision, and was set aside" in " ".join(waiting.split()), waiting
    run = beffroi(said.root, "link", "persons").stdout
    assert "1 decision contradicts others" in " ".join(run.split()), run


def test_two_records_are_shown_in_the_order_in_which_they_were_asked_for(said: Bench) -> None:
    for pair in (("1", "2"), ("2", "1")):
        assert _why(said, *pair).split("\n")[:2] == [of(each) for each in pair]


# --- words -----------------------------------------------------------------------------------------------------------


def test_a_blank_that_does_not_break_is_shown_as_it_is_and_no_other_sign_is() -> None:
    assert decide_words.plain("1\u202f000\u00a0F\x1b[2J") == "1\u202f000\u00a0F\\x1b[2J"


def test_a_share_is_told_of_a_comparison_whose_values_are_all_the_same() -> None:
    ours = {"address": "69 rue des Écoles", "postal_code": "75005"}
    theirs = {"address": "69 R DES ECOLES", "postal_code": "75005"}
    person = recipe.recipe("person")
    row: dict[str, Any] = {f"level_{each.name}": 0 for each in person.comparisons}
    row |= {"level_address": 1, "weight_address": 9.0, "weight": 1.0, "probability": 0.7, "l": "a", "r": "b"}
    row |= {"how": "model", "band": "doubtful", "why": None}
    for other, told in ((theirs, "identique"), (ours, "identique, fréquent (2 sur 100)")):
        often = {name: {"address": 0.02, "postal_code": 1.0}[name] for name in ours if ours[name] == other[name]}
        found = explained.explain(person, row, person.thresholds, "fr", ours=ours, theirs=other, often=often)
        assert next(each.said for each in found.parts if each.name == "address") == told
    assert "la même personne" in found.prior_said


def test_verdicts_are_read_in_french_too() -> None:
    assert [exchange.verdict_of(each) for each in (" Même", "différente", "INCERTAIN", "same", "")] == [
        "same", "different", "unsure", "same", "",
    ]  # fmt: skip


def test_bounds_hold_what_is_true_where_nearly_all_pairs_were_judged() -> None:
    strata = {"linked-surely": sample.Stratum(40, same=20), "linked": sample.Stratum(14, same=6, different=1)}
    found = sample.check({**strata, "doubtful": sample.Stratum(7, same=2, different=5)}).recall
    assert found is not None
    assert found.least < 53 / 55 <= found.most, "53 of 55 are linked where all that nobody judged is right"


def test_fields_that_can_link_nothing_are_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "workspace")
    bench.write(
        "datasets/persons.yaml",
        PERSONS.replace("{family_name: nom, given_name: prenom, birth_date: ne_le}", "{sex: nom}"),
    )
    told = beffroi(bench.root, "check", status=1)
    assert "by sex alone no two records can be told to be one" in told.stderr + told.stdout


def test_of_clusters_of_several_records_nobody_is_picked_in_silence(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "workspace")
    merged = PERSONS.replace("primaryKey: id", "primaryKey: person").replace(
        "{record: person,", "{identity: [id], record: person,"
    )
    bench.write("datasets/persons.yaml", merged)
    put(bench, *FIRST)
    bench.run("persons")
    for words in (("decide", "different"), ("decide", "same"), ("decide", "withdraw"), ("link", "--why")):
        told = beffroi(bench.root, *words, "persons", "-", status=1, typed="1\n2\n").stderr
        assert "one of these has 2 records" in " ".join(told.split()), words
    assert "in cluster 1, with 2 records" in beffroi(bench.root, "link", "persons", "--why", "1").stdout
    ends = "\n".join((of("1"), of("3")))
    assert "Kept" in beffroi(bench.root, "decide", "same", "persons", "-", typed=ends).stderr
    bench.run("persons")
    links = trace.of_key(bench.workspace, "persons", "1").links
    assert {each["place"] for each in links} | {each["other_place"] for each in links} == {1, 2, 3}
    assert "A person decided" in links[0]["reason"], "the two were never compared"
