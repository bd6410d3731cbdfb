"""Linking as a step of a run: what it fills in, what a next run takes from the last one, and what stays of it."""

from collections.abc import Sequence
from typing import Any

import pytest

from connectors.errors import RunFailed
from pipelines import doctor, rollback, versions
from pipelines.linking import decisions, files, gathered
from pipelines.report import Report
from pipelines.run import run
from tests.pipelines.bench import Bench, read

PERSONS = """\
title: Persons
owner: ville
audience: owner
source: {registry: source, table: persons}
schema:
  fields:
    - {name: id}
    - {name: nom, personal: direct}
    - {name: prenom, personal: direct}
    - {name: ne_le, type: date, personal: indirect}
    - {name: person, type: integer, constraints: {required: true}}
  primaryKey: id
clean: {ne_le: {steps: [trim, date]}}
link:
  person: {record: person, fields: {family_name: nom, given_name: prenom, birth_date: ne_le}}
expect: {drift: {keys: 1}}
"""
NAMES = ("id", "nom", "prenom", "ne_le")
Row = tuple[str | None, ...]
FIRST: tuple[Row, ...] = (
    ("1", "Dupont", "Jean", "1980-02-03"),
    ("2", "DUPONT", "Jean", "1980-02-03"),
    ("3", "Durand", "Marie", "1990-05-06"),
    ("4", "Etxeberria", "Ane", "1970-01-02"),
)


def put(bench: Bench, *rows: Row, table: str = "persons", names: Sequence[str] = NAMES) -> None:
    bench.source(table, [dict(zip(names, row, strict=True)) for row in rows])


@pytest.fixture
def persons(bench: Bench) -> Bench:
    bench.write("datasets/persons.yaml", PERSONS)
    put(bench, *FIRST)
    return bench


def linked(bench: Bench, column: str = "person", dataset: str = "persons") -> tuple[Report, dict[str, Any]]:
    """Run; return the report, and what it says of the link."""
    report = bench.run(dataset)
    return report, report.links[column]


def numbers(bench: Bench, column: str = "person", dataset: str = "persons", key: str = "id") -> dict[Any, Any]:
    return {row[key]: row[column] for row in bench.rows(dataset)}


def decide(bench: Bench, *said: decisions.Decision) -> None:
    decisions.add(bench.workspace, "persons", "person", said)


def of(number: str) -> str:
    return gathered.identity("source/persons", number)


# --- duplicates of one table -----------------------------------------------------------------------------------------


def test_rows_of_one_person_get_one_number_and_stay(persons: Bench) -> None:
    report, told = linked(persons)
    assert numbers(persons) == {"1": 1, "2": 1, "3": 2, "4": 3}
    assert (report.rows_out, report.merged) == (4, 0)
    assert (told["record"], told["filled"], told["clusters"], told["linked"]) == ("person", 4, 3, 1)
    assert (told["trained"], told["records_new"], told["pairs_carried"]) == ("now", 4, 0)
    text = (persons.latest("persons").folder / "report.json").read_text("utf-8").casefold()
    assert not [name for _, name, *_ in FIRST if name and name.casefold() in text], "the report names nobody"


def test_a_run_that_finds_the_same_does_nothing_and_the_report_tells_the_links_still(persons: Bench) -> None:
    made, told = linked(persons)
    again = persons.run("persons")
    assert (made.outcome, again.outcome, again.version) == ("new", "unchanged", 1)
    assert again.links == {"person": told}
    assert "link" not in again.stages


def test_only_what_is_new_is_compared(persons: Bench) -> None:
    linked(persons)
    put(persons, *FIRST, ("5", "Dupond", "Jean", "1980-02-03"), ("6", "Etcheberria", "Ane", "1970-01-02"))
    report, told = linked(persons)
    assert numbers(persons) == {"1": 1, "2": 1, "3": 2, "4": 3, "5": 1, "6": 3}
    assert (told["trained"], told["records_new"], told["records_changed"], told["pairs_carried"]) == ("kept", 2, 0, 1)
    assert told["events"] == {"grown": 2}
    assert report.why_whole == {}, "no source is asked for changes only"


def test_a_changed_row_is_compared_anew_and_one_that_is_gone_leaves(persons: Bench) -> None:
    linked(persons)
    put(persons, FIRST[0], ("2", "Martin", "Paul", "1951-07-08"), FIRST[2])
    _, told = linked(persons)
    assert numbers(persons) == {"1": 1, "2": 4, "3": 2}
    assert (told["records_new"], told["records_changed"], told["records_gone"]) == (0, 1, 1)
    assert told["events"] == {"gone": 1, "split": 1}
    events = read(files.events(persons.latest("persons").folder, "person"))
    assert {each["event"]: each["reason"] for each in events} == {"gone": "left", "split": "changed"}


def test_a_number_is_never_given_again(persons: Bench) -> None:
    linked(persons)
    put(persons, *FIRST[:3])
    linked(persons)
    put(persons, *FIRST[:3], ("9", "Novak", "Ivana", "2001-01-01"))
    linked(persons)
    assert numbers(persons)["9"] == 4, "3 was given once"


def test_so_much_new_trains_the_model_anew_and_numbers_stay(persons: Bench) -> None:
    linked(persons)
    more = [(str(n), f"Bernard{n}", "Luc", f"19{n}-01-01") for n in range(60, 70)]
    put(persons, *FIRST, *more)
    _, told = linked(persons)
    assert (told["trained"], told["trained_on"], told["pairs_carried"]) == ("now", 14, 0)
    assert [numbers(persons)[each] for each in "1234"] == [1, 1, 2, 3]


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


def test_full_links_all_anew_and_numbers_stay(persons: Bench) -> None:
    linked(persons)
    before = numbers(persons)
    report = run(persons.workspace, "persons", full=True)
    assert report.links["person"]["trained"] == "now"
    assert numbers(persons) == before


def test_another_threshold_links_all_anew(persons: Bench) -> None:
    linked(persons)
    persons.write("datasets/persons.yaml", PERSONS.replace("ne_le}}", "ne_le}, thresholds: {review: 0.6}}"))
    _, told = linked(persons)
    assert told["trained"] == "now"


# --- what people decide ----------------------------------------------------------------------------------------------


def test_a_decision_is_a_reason_to_run_and_holds(persons: Bench) -> None:
    linked(persons)
    decide(persons, decisions.said_of(of("1"), of("2"), "different", author="lea"))
    report, told = linked(persons)
    assert report.outcome == "new"
    assert len({numbers(persons)[each] for each in "12"}) == 2
    assert told["pairs_carried"] == 1, "nothing is compared anew for it"
    assert persons.run("persons").outcome == "unchanged"
    put(persons, *FIRST[1:])
    linked(persons)
    put(persons, *FIRST)
    linked(persons)
    assert len({numbers(persons)[each] for each in "12"}) == 2, "a record that was gone for a while"
    decide(persons, decisions.said_of(of("3"), of("4"), "same"))
    linked(persons)
    assert numbers(persons)["3"] == numbers(persons)["4"]


# --- versions --------------------------------------------------------------------------------------------------------


def test_numbers_stay_after_a_rollback(persons: Bench) -> None:
    linked(persons)
    put(persons, *FIRST, ("5", "Dupond", "Jean", "1980-02-03"), ("6", "Novak", "Ivana", "2001-01-01"))
    linked(persons)
    last = numbers(persons)
    rollback.rollback(persons.workspace, "persons", 1)
    assert numbers(persons) == {"1": 1, "2": 1, "3": 2, "4": 3}
    folder = persons.latest("persons").folder
    assert files.whole(persons.workspace.dataset("persons"), folder)
    report = run(persons.workspace, "persons", release=True)
    assert report.links["person"]["pairs_carried"] == 1, "what was found for the version that was brought back"
    assert numbers(persons) == last | {"6": 5}, "the number 4 was given to somebody, whatever became of the version"


def test_a_replay_finds_the_same(persons: Bench) -> None:
    linked(persons)
    before = numbers(persons)
    assert run(persons.workspace, "persons", replay=True).outcome == "unchanged"
    assert numbers(persons) == before
    assert files.whole(persons.workspace.dataset("persons"), persons.latest("persons").folder)


def test_a_preview_tells_and_leaves_nothing(persons: Bench) -> None:
    report = run(persons.workspace, "persons", preview=True)
    assert report.links["person"]["clusters"] == 3
    assert not (persons.root / ".beffroi/decisions").exists()
    assert versions.latest(persons.workspace, "persons") is None
    linked(persons)
    assert numbers(persons)["1"] == 1


def test_a_failed_run_leaves_links_as_they_were(persons: Bench) -> None:
    linked(persons)
    folder = persons.latest("persons").folder
    before = {file.name: file.read_bytes() for file in files.in_folder(folder)}
    persons.write("datasets/persons.yaml", PERSONS.replace("expect: {", "expect: {rows: {min: 9}, "))
    with pytest.raises(RunFailed):
        persons.run("persons")
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
def test_a_file_that_is_gone_or_damaged_is_made_anew_and_numbers_stay(persons: Bench, end: str) -> None:
    linked(persons)
    decide(persons, decisions.said_of(of("3"), of("4"), "same"))
    linked(persons)
    before = numbers(persons)
    file = files.of(persons.latest("persons").folder, "person", end)
    file.write_bytes(b"no")
    (found,) = doctor.examine(persons.workspace, ["persons"], mend=False)
    assert found.kind == "broken"
    assert found.detail.endswith("what its links were made from is damaged: `beffroi run persons` makes it anew")
    report, told = linked(persons)
    assert (report.outcome, told["trained"]) == ("unchanged", "now")
    assert numbers(persons) == before
    assert list(doctor.examine(persons.workspace, ["persons"], mend=False)) == []


def test_what_is_no_more_declared_goes_with_its_decisions(persons: Bench) -> None:
    linked(persons)
    decide(persons, decisions.said_of(of("3"), of("4"), "same"))
    (persons.root / "datasets/persons.yaml").unlink()
    assert doctor.undeclared(persons.workspace) == ["persons"]
    list(doctor.examine(persons.workspace, ["persons"], mend=True))
    assert not list((persons.root / ".beffroi/decisions").iterdir())


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
    - {name: person, type: integer}
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


@pytest.fixture
def registers(bench: Bench) -> Bench:
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


def test_rows_of_one_person_in_several_registers_become_one(registers: Bench) -> None:
    report, told = linked(registers, dataset="all")
    rows = registers.rows("all")
    assert [(row["person"], row["nom"], row["phone"]) for row in rows] == [
        (1, "Dupont", "02"), (2, "Petit", "9"), (3, "Durand", None), (4, "Durand", None),
    ]  # fmt: skip
    assert (report.rows_in, report.rows_out, report.quarantined, report.merged) == (7, 4, 1, 2)
    (refused,) = read(registers.latest("all").folder / "quarantine.parquet")
    (failure,) = refused["failures"]
    assert (failure["column"], failure["rule"]) == ("local_id", "required"), "who cannot be known again"
    assert {(each["column"], each["kept"], each["other"]) for each in read(registers.latest("all").folder / "conflicts.parquet")} == {
        ("nom", "Dupont", "DUPONT"), ("prenom", "Eva", "Éva"), ("phone", "02", "01"), ("updated", "2024-01-01", "2020-01-01"),
    }  # fmt: skip
    assert told["filled"] == 6


def test_one_row_stays_where_a_register_comes_to_know_somebody(registers: Bench) -> None:
    linked(registers, dataset="all")
    put(
        registers, ("7", "Petit", "Eva", "1991-02-03", "8", "2025-01-01"), ("1", "Durand", "Marie", "1990-05-06", None, None),
        table="west", names=MANY,
    )  # fmt: skip
    report, told = linked(registers, dataset="all")
    assert {row["person"]: row["phone"] for row in registers.rows("all")} == {1: "02", 2: "8", 3: None}
    assert (report.removed, report.changed, report.added) == (1, 1, 0)
    assert told["events"] == {"gone": 1, "grown": 1}


def test_rows_of_one_identity_are_one_record(registers: Bench) -> None:
    put(
        registers, ("1", "Durand", "Marie", "1990-05-06", None, None), ("1", "Durand", "M.", "1990-05-06", "3", None),
        table="west", names=MANY,
    )  # fmt: skip
    report, told = linked(registers, dataset="all")
    assert told["twice"] == 1
    assert report.rows_out == 3
    assert [row["phone"] for row in registers.rows("all") if row["nom"] == "Durand"] == ["3"]


# --- several links, links to another dataset -------------------------------------------------------------------------

COMPANIES = """\
title: Register
owner: ville
audience: owner
source: {registry: source, table: register}
schema:
  fields:
    - {name: number}
    - {name: last_name, personal: direct}
    - {name: given_name, personal: direct}
    - {name: birth_date, type: date, personal: indirect}
  primaryKey: number
clean: {birth_date: {steps: [date]}}
"""
BOTH = PERSONS.replace(
    "  primaryKey: id", "    - {name: number, personal: indirect}\n  primaryKey: id\n  foreignKeys:\n    - fields: number\n"
    "      reference: {resource: register, fields: number}",
).replace(
    "expect:",
    "  number:\n    record: person\n    fields: {family_name: nom, given_name: prenom, birth_date: ne_le}\n"
    "    to: register\n    to_fields: {family_name: last_name}\nexpect:",
)  # fmt: skip


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


def test_a_declared_block_that_explodes_is_refused_with_its_count(persons: Bench) -> None:
    rows = [(str(n), f"Name {n}", "Jean", None) for n in range(5_000)]
    put(persons, *rows)
    persons.write("datasets/persons.yaml", PERSONS.replace("ne_le}}", "ne_le}, blocks: [[given_name]]}"))
    with pytest.raises(RunFailed, match=r"12,497,500|12.497.500|12497500"):
        persons.run("persons")
