"""Linking as a step of a run: what it fills in, what a next run takes from the last one, and what stays of it."""

from pathlib import Path

import duckdb
import pytest

from connectors.errors import RunFailed
from pipelines import doctor, rollback, versions
from pipelines.linking import files, recipe
from pipelines.linking.deciding import decisions
from pipelines.linking.scoring import blocking
from pipelines.report import find
from pipelines.run import run
from tests.linking.persons import BOTH, COMPANIES, FIRST, PERSONS, Row, copied, decide, linked, numbers, of, put
from tests.pipelines.bench import Bench, read

# --- duplicates of one table -----------------------------------------------------------------------------------------


def test_rows_of_one_person_get_one_number_and_stay(ran: Bench) -> None:
    report = find(ran.workspace, "persons")
    told = report.links["person"]
    assert numbers(ran) == {"1": 1, "2": 1, "3": 2, "4": 3}
    assert (report.rows_out, report.merged) == (4, 0)
    assert (told["record"], told["filled"], told["clusters"], told["linked"]) == ("person", 4, 3, 1)
    assert (told["trained"], told["records_new"], told["pairs_carried"]) == ("now", 4, 0)
    text = (ran.latest("persons").folder / "report.json").read_text("utf-8").casefold()
    assert not [name for _, name, *_ in FIRST if name and name.casefold() in text], "the report names nobody"


def test_a_run_that_finds_the_same_does_nothing_and_the_report_tells_the_links_still(ran: Bench) -> None:
    made = find(ran.workspace, "persons")
    again = ran.run("persons")
    assert (made.outcome, again.outcome, again.version) == ("new", "unchanged", 1)
    assert again.links == made.links
    assert again.links["person"]["clusters"] == 3
    assert "link" not in again.stages


def test_only_what_is_new_is_compared(ran: Bench) -> None:
    put(ran, *FIRST, ("5", "Dupond", "Jean", "1980-02-03"), ("6", "Etcheberria", "Ane", "1970-01-02"))
    report, told = linked(ran)
    assert numbers(ran) == {"1": 1, "2": 1, "3": 2, "4": 3, "5": 1, "6": 3}
    assert (told["trained"], told["records_new"], told["records_changed"], told["pairs_carried"]) == ("kept", 2, 0, 1)
    assert told["events"] == {"grown": 2}
    assert report.why_whole == {}, "no source is asked for changes only"


def test_a_changed_row_is_compared_anew_and_one_that_is_gone_leaves(ran: Bench) -> None:
    put(ran, FIRST[0], ("2", "Martin", "Paul", "1951-07-08"), FIRST[2])
    _, told = linked(ran)
    assert numbers(ran) == {"1": 1, "2": 4, "3": 2}
    assert (told["records_new"], told["records_changed"], told["records_gone"]) == (0, 1, 1)
    assert told["events"] == {"gone": 1, "split": 1}
    events = read(files.events(ran.latest("persons").folder, "person"))
    assert {each["event"]: each["reason"] for each in events} == {"gone": "left", "split": "changed"}


def test_a_number_is_never_given_again(ran: Bench) -> None:
    put(ran, *FIRST[:3])
    linked(ran)
    put(ran, *FIRST[:3], ("9", "Novak", "Ivana", "2001-01-01"))
    linked(ran)
    assert numbers(ran)["9"] == 4, "3 was given once"


def test_so_much_new_trains_the_model_anew_and_numbers_stay(ran: Bench) -> None:
    more = [(str(n), f"Bernard{n}", "Luc", f"19{n}-01-01") for n in range(60, 70)]
    put(ran, *FIRST, *more)
    _, told = linked(ran)
    assert (told["trained"], told["trained_on"], told["pairs_carried"]) == ("now", 14, 0)
    assert [numbers(ran)[each] for each in "1234"] == [1, 1, 2, 3]


def test_many_that_are_all_alike_stay_one_when_the_first_of_them_is_gone(persons: Bench) -> None:
    alike: list[Row] = [(str(n), "Dupont", "Jean", "1980-02-03") for n in range(10, 24)]
    put(persons, *FIRST[2:], *alike)
    linked(persons)
    assert len({numbers(persons)[each[0]] for each in alike}) == 1
    put(persons, *FIRST[2:], *alike[1:])
    _, told = linked(persons)
    assert (told["records_new"], told["records_changed"], told["records_gone"]) == (0, 0, 1)
    assert len({numbers(persons)[each[0]] for each in alike[1:]}) == 1
    assert told["events"] == {"shrunk": 1}


def test_full_links_all_anew_and_numbers_stay(ran: Bench) -> None:
    before = numbers(ran)
    report = run(ran.workspace, "persons", full=True)
    assert report.links["person"]["trained"] == "now"
    assert numbers(ran) == before


def test_another_threshold_links_all_anew(ran: Bench) -> None:
    ran.write("datasets/persons.yaml", PERSONS.replace("ne_le}}", "ne_le}, thresholds: {review: 0.6}}"))
    _, told = linked(ran)
    assert told["trained"] == "now"


# --- what people decide ----------------------------------------------------------------------------------------------


def test_a_decision_is_a_reason_to_run_and_holds(ran: Bench) -> None:
    decide(ran, decisions.said_of(of("1"), of("2"), "different", author="lea"))
    report, told = linked(ran)
    assert report.outcome == "new"
    assert len({numbers(ran)[each] for each in "12"}) == 2
    assert told["pairs_carried"] == 1, "nothing is compared anew for it"
    assert ran.run("persons").outcome == "unchanged"
    put(ran, *FIRST[1:])
    linked(ran)
    put(ran, *FIRST)
    decide(ran, decisions.said_of(of("3"), of("4"), "same"))
    linked(ran)
    assert len({numbers(ran)[each] for each in "12"}) == 2, "a record that was gone for a while"
    assert numbers(ran)["3"] == numbers(ran)["4"]


# --- versions --------------------------------------------------------------------------------------------------------


def test_numbers_stay_after_a_rollback(ran: Bench) -> None:
    put(ran, *FIRST, ("5", "Dupond", "Jean", "1980-02-03"), ("6", "Novak", "Ivana", "2001-01-01"))
    linked(ran)
    last = numbers(ran)
    rollback.rollback(ran.workspace, "persons", 1)
    assert numbers(ran) == {"1": 1, "2": 1, "3": 2, "4": 3}
    folder = ran.latest("persons").folder
    assert files.whole(ran.workspace.dataset("persons"), folder)
    report = run(ran.workspace, "persons", release=True)
    assert report.links["person"]["pairs_carried"] == 1, "what was found for the version that was brought back"
    assert numbers(ran) == last | {"6": 5}, "the number 4 was given to somebody, whatever became of the version"


def test_a_replay_finds_the_same(ran: Bench) -> None:
    before = numbers(ran)
    assert run(ran.workspace, "persons", replay=True).outcome == "unchanged"
    assert numbers(ran) == before
    assert files.whole(ran.workspace.dataset("persons"), ran.latest("persons").folder)


def test_a_preview_tells_and_leaves_nothing(persons: Bench) -> None:
    report = run(persons.workspace, "persons", preview=True)
    assert report.links["person"]["clusters"] == 3
    assert not (persons.root / ".beffroi/decisions").exists()
    assert versions.latest(persons.workspace, "persons") is None
    linked(persons)
    assert numbers(persons)["1"] == 1


def test_a_failed_run_leaves_links_as_they_were(ran: Bench) -> None:
    folder = ran.latest("persons").folder
    before = {file.name: file.read_bytes() for file in files.in_folder(folder)}
    ran.write("datasets/persons.yaml", PERSONS.replace("expect: {", "expect: {rows: {min: 9}, "))
    with pytest.raises(RunFailed):
        ran.run("persons")
    assert {file.name: file.read_bytes() for file in files.in_folder(folder)} == before


def test_old_versions_keep_who_was_who(persons: Bench) -> None:
    persons.write(
        "datasets/persons.yaml", PERSONS.replace("personal: direct", "title: x").replace(", personal: indirect", "")
    )
    for more in range(4):
        put(persons, *FIRST, ("9", "Novak", f"Ivana {more}", "2001-01-01"))
        linked(persons)
    ends = {n: {f.name for f in files.in_folder(persons.latest("persons").folder.parent / str(n))} for n in (2, 4)}
    assert ends[2] == {"link.person.members.parquet", "link.person.events.parquet", "link.person.quality.json"}
    assert ends[2] < ends[4]
    rollback.rollback(persons.workspace, "persons", 2)
    run(persons.workspace, "persons", release=True)
    assert numbers(persons)["9"] == 4
    assert list(doctor.examine(persons.workspace, [], mend=False)) == []


@pytest.mark.parametrize("end", ["records.parquet", "pairs.parquet", "model.json", "quality.json"])
def test_a_file_that_is_gone_or_damaged_is_made_anew_and_numbers_stay(decided: Bench, end: str) -> None:
    before = numbers(decided)
    file = files.of(decided.latest("persons").folder, "person", end)
    file.write_bytes(b"no")
    (found,) = doctor.examine(decided.workspace, ["persons"], mend=False)
    assert found.kind == "broken"
    assert found.detail.endswith(
        "what its links were made from is damaged or gone: `beffroi link persons --full` makes it anew"
    )
    report, told = linked(decided)
    assert (report.outcome, told["trained"]) == ("unchanged", "now")
    assert numbers(decided) == before
    assert list(doctor.examine(decided.workspace, ["persons"], mend=False)) == []


def test_what_is_no_more_declared_goes_with_its_decisions(decided: Bench) -> None:
    assert list((decided.root / ".beffroi/decisions").iterdir())
    (decided.root / "datasets/persons.yaml").unlink()
    assert doctor.undeclared(decided.workspace) == ["persons"]
    list(doctor.examine(decided.workspace, ["persons"], mend=True))
    assert not list((decided.root / ".beffroi/decisions").iterdir())


# --- registers merged into one ---------------------------------------------------------------------------------------

REGISTERS = """\
title: Residents of all registers
owner: ville
audience: owner
sources:
  - {name: north, registry: source, table: north}
  - {name: south, registry: source, table: south}
  - {name: west, registry: source, table: west}
schema:
  fields:
    - {name: person, type: integer, personal: indirect}
    - {name: local_id}
    - {name: nom, personal: direct}
    - {name: prenom, personal: direct}
    - {name: ne_le, type: date, personal: indirect}
    - {name: phone, personal: indirect}
    - {name: updated, type: date}
  primaryKey: person
link:
  person:
    record: person
    fields: {family_name: nom, given_name: prenom, birth_date: ne_le}
    identity: [local_id]
    within_sources: false
merge: {default: first, columns: {phone: recent, updated: recent}, recent: updated}
expect: {drift: {keys: 1, sources: 1}}
"""
MANY = ("local_id", "nom", "prenom", "ne_le", "phone", "updated")


def residents(bench: Bench) -> Bench:
    """Write three registers, and the dataset that they are merged into."""
    bench.write("datasets/all.yaml", REGISTERS)
    put(
        bench, ("1", "Dupont", "Jean", "1980-02-03", "01", "2020-01-01"), ("2", "Petit", "Eva", "1991-02-03", None, None),
        table="north", names=MANY,
    )  # fmt: skip
    put(
        bench, ("1", "DUPONT", "Jean", "1980-02-03", "02", "2024-01-01"), ("2", "Petit", "Éva", "1991-02-03", "9", None),
        (None, "Nobody", "No", "1970-01-01", None, None), table="south", names=MANY,
    )  # fmt: skip
    put(
        bench, ("1", "Durand", "Marie", "1990-05-06", None, None), ("2", "Durand", "Marie", "1990-05-06", None, None),
        table="west", names=MANY,
    )  # fmt: skip
    return bench


@pytest.fixture(scope="module")
def merged_once(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """One run of the registers for all; whoever changes something has a copy."""
    made = residents(Bench(tmp_path_factory.mktemp("merged") / "workspace"))
    made.run("all")
    return made


def test_rows_of_one_person_in_several_registers_become_one(merged_once: Bench) -> None:
    registers, report = merged_once, find(merged_once.workspace, "all")
    told = report.links["person"]
    rows = registers.rows("all")
    assert [(row["person"], row["nom"], row["phone"]) for row in rows] == [
        (1, "Dupont", "02"), (2, "Petit", "9"), (3, "Durand", None), (4, "Durand", None),
    ]  # fmt: skip
    assert (report.rows_in, report.rows_out, report.quarantined, report.merged) == (7, 4, 1, 2)
    (refused,) = read(registers.latest("all").folder / "quarantine.parquet")
    (failure,) = refused["failures"]
    assert (failure["column"], failure["rule"]) == ("local_id", "required"), "who cannot be known again"
    assert {(each["column"], each["kept"], each["other"]) for each in read(registers.latest("all").folder / "conflicts.parquet")} == {
        ("nom", "Dupont", "DUPONT"), ("prenom", "Eva", "Éva"), ("phone", "02", "01"),
    }, "and not `updated`, by which `recent` chose"  # fmt: skip
    assert told["filled"] == 6


def test_one_row_stays_where_a_register_comes_to_know_somebody(merged_once: Bench, tmp_path: Path) -> None:
    registers = copied(merged_once, tmp_path / "merged")
    put(
        registers, ("7", "Petit", "Eva", "1991-02-03", "8", "2025-01-01"), ("1", "Durand", "Marie", "1990-05-06", None, None),
        table="west", names=MANY,
    )  # fmt: skip
    report, told = linked(registers, dataset="all")
    assert {row["person"]: row["phone"] for row in registers.rows("all")} == {1: "02", 2: "8", 3: None}
    assert (report.removed, report.changed, report.added) == (1, 1, 0)
    assert told["events"] == {"gone": 1, "grown": 1}


def test_rows_of_one_identity_are_one_record(bench: Bench) -> None:
    registers = residents(bench)
    put(
        registers, ("1", "Durand", "Marie", "1990-05-06", None, None), ("1", "Durand", "M.", "1990-05-06", "3", None),
        table="west", names=MANY,
    )  # fmt: skip
    report, told = linked(registers, dataset="all")
    assert told["twice"] == 1
    assert report.rows_out == 3
    assert [row["phone"] for row in registers.rows("all") if row["nom"] == "Durand"] == ["3"]


# --- several links, links to another dataset -------------------------------------------------------------------------


def test_rows_get_the_key_of_what_they_are_linked_to(persons: Bench) -> None:
    persons.write("datasets/persons.yaml", BOTH)
    persons.write("datasets/register.yaml", COMPANIES)
    register = [
        ("A1", "Dupont", "Jean", "1980-02-03"),
        ("A2", "Durant", "Marie", "1990-05-06"),
        ("A3", "Sanz", "Luz", "1960-01-01"),
    ]
    there = ("number", "last_name", "given_name", "birth_date")
    put(persons, *register, table="register", names=there)
    persons.run("register")
    report, told = linked(persons, "number")
    assert numbers(persons, "number") == {"1": "A1", "2": "A1", "3": "A2", "4": None}
    assert numbers(persons) == {"1": 1, "2": 1, "3": 2, "4": 3}, "two links stand beside each other"
    assert (told["to"], told["filled"]) == ("register", 3)
    assert report.needed == {"register": 1}
    assert persons.run("persons").outcome == "unchanged"
    put(persons, *register, ("A4", "Etxeberria", "Ane", "1970-01-02"), table="register", names=there)
    persons.run("register")
    report, told = linked(persons, "number")
    assert (report.outcome, report.changed) == ("new", 1), "another version there is a reason to run"
    assert numbers(persons, "number")["4"] == "A4"
    assert (told["trained"], told["records_new"]) == ("kept", 1)


def test_a_declared_block_that_explodes_is_refused_with_its_count() -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE prepared AS SELECT range AS n, 0 AS side, 0 AS origin, 'jean' AS given, range AS birth_date"
            " FROM range(5000)"
        )
        with pytest.raises(RunFailed, match=r"\[given_name\] would compare 12,497,500 pairs of 5,000 records: add"):
            blocking.candidates(connection, recipe.recipe("person"), "prepared", "into", blocks=[["given_name"]])


def test_declared_blocks_are_those_that_are_looked_at(persons: Bench) -> None:
    persons.write("datasets/persons.yaml", PERSONS.replace("ne_le}}", "ne_le}, blocks: [[given_name]]}"))
    put(persons, *FIRST[:2], ("3", "Dupont", "John", "1980-02-03"), ("4", "Novak", "Ivana", "1980-02-03"))
    _, told = linked(persons)
    assert told["quality"]["pairs"]["compared"] == 1, "of rows with one given name, whatever else is the same"
