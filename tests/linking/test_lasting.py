"""What of links lasts: ids, events and decisions, whatever becomes of files, of sources' names and of the declaration."""

from pathlib import Path

import duckdb
import pytest

from connectors.errors import Misconfigured, RunFailed, Unavailable
from pipelines import doctor, metrics
from pipelines.linking import files
from pipelines.linking.clustering import stable
from pipelines.linking.deciding import decisions, questions
from pipelines.linking.telling import looking
from pipelines.run import run
from tests.linking.persons import COMPANIES, FIRST, PERSONS, decide, linked, numbers, of, put
from tests.pipelines.bench import Bench, read

IDS = {"1": 1, "2": 1, "3": 2, "4": 3}
TEXT = PERSONS.replace("type: integer, personal: indirect, constraints: {required: true}", "personal: indirect")
TO = TEXT.replace("ne_le}}", "ne_le}, to: register, to_fields: {family_name: last_name}}")


def found(bench: Bench) -> list[tuple[str, str]]:
    return [(each.kind, each.detail) for each in doctor.examine(bench.workspace, [], mend=False)]


def link(bench: Bench, end: str) -> Path:
    return files.of(bench.latest("persons").folder, "person", end)


def spoil(file: Path) -> None:
    """Write zeros into a Parquet file, whose footer stays as it was."""
    bytes_of = bytearray(file.read_bytes())
    bytes_of[4:200] = bytes(196)
    file.write_bytes(bytes_of)


# --- the declaration -------------------------------------------------------------------------------------------------


def test_a_link_may_turn_into_one_to_another_dataset_and_back(persons: Bench) -> None:
    there = ("number", "last_name", "given_name", "birth_date")
    put(persons, ("A1", "Dupont", "Jean", "1980-02-03"), table="register", names=there)
    persons.write("datasets/register.yaml", COMPANIES)
    persons.run("register")
    persons.write("datasets/persons.yaml", TEXT)
    linked(persons)
    persons.write("datasets/persons.yaml", TO)
    linked(persons)
    assert numbers(persons) == {"1": "A1", "2": "A1", "3": None, "4": None}
    persons.write("datasets/persons.yaml", TEXT)
    _, told = linked(persons)
    assert numbers(persons) == {"1": "4", "2": "4", "3": "5", "4": "6"}, "1 to 3 were given once"
    assert told["events"] == {}


def test_a_source_may_not_be_called_as_what_is_linked_to(persons: Bench) -> None:
    persons.write("datasets/register.yaml", COMPANIES)
    both = TO.replace("{registry: source, table: persons}", "{dataset: register}")
    persons.write("datasets/persons.yaml", both)
    with pytest.raises(Misconfigured, match="a source of this dataset is called «register» too"):
        persons.workspace.dataset("persons")


def test_a_source_with_another_name_stops_the_run_unless_it_is_accepted(ran: Bench) -> None:
    decide(ran, decisions.said_of(of("1"), of("2"), "different"))
    linked(ran)
    before = numbers(ran)
    sources = "sources: [{registry: source, table: persons, name: desk}]"
    ran.write("datasets/persons.yaml", PERSONS.replace("source: {registry: source, table: persons}", sources))
    with pytest.raises(RunFailed, match=r"«source/persons» are gone, and the source «desk» came.*name: source/persons"):
        ran.run("persons")
    ran.write(
        "datasets/persons.yaml",
        PERSONS.replace("source: {registry: source, table: persons}", sources.replace("desk", "source/persons")),
    )
    _, told = linked(ran)
    assert (numbers(ran), told["decided"], told["decisions_gone"]) == (before, 1, 0)
    ran.write("datasets/persons.yaml", PERSONS.replace("source: {registry: source, table: persons}", sources))
    told = run(ran.workspace, "persons", accept=True).links["person"]
    assert (told["decided"], told["decisions_gone"]) == (1, 1)
    assert not set(numbers(ran).values()) & set(before.values())


REF = PERSONS.replace("    - {name: id}\n", "    - {name: id}\n    - {name: ref}\n").replace(
    "clean: {", "clean: {ref: {from: id}, "
)


def test_another_identity_stops_the_run_unless_it_is_accepted_and_put_back_decisions_hold(ran: Bench) -> None:
    decide(ran, decisions.said_of(of("1"), of("2"), "different"))
    linked(ran)
    before = numbers(ran)
    ran.write("datasets/persons.yaml", PERSONS.replace("ne_le}}", "ne_le}, identity: [nom]}"))
    with pytest.raises(RunFailed) as failed:
        ran.run("persons")
    assert failed.value.detail.startswith(
        "persons: person: records were known by `identity: [id]`, and are now by [nom]: 4 of 4 would be others, and lose"
        " what rests on that: the ids of clusters, and decisions of people (1). Put back"
    )
    told = run(ran.workspace, "persons", accept=True).links["person"]
    assert (told["decided"], told["decisions_gone"]) == (1, 1)
    assert not set(numbers(ran).values()) & set(before.values())
    assert linked(ran)[0].outcome == "unchanged", "it was accepted"
    ran.write("datasets/persons.yaml", PERSONS)
    with pytest.raises(RunFailed, match=r"`identity: \[nom\]`, and are now by \[id\]: 4 of 4"):
        ran.run("persons")
    told = run(ran.workspace, "persons", accept=True).links["person"]
    assert (told["decided"], told["decisions_gone"]) == (1, 0)
    assert numbers(ran)["1"] != numbers(ran)["2"]


def test_an_identity_whose_column_has_another_name_stops_no_run(persons: Bench) -> None:
    persons.write("datasets/persons.yaml", REF)
    linked(persons)
    before = numbers(persons)
    persons.write("datasets/persons.yaml", REF.replace("ne_le}}", "ne_le}, identity: [ref]}"))
    linked(persons)
    assert numbers(persons) == before


def test_an_identity_that_has_the_same_values_on_other_records_stops_the_run(persons: Bench) -> None:
    turned = REF.replace("ref: {from: id}", "ref: {from: id, steps: [{map: {'1': '4', '2': '3', '3': '2', '4': '1'}}]}")
    persons.write("datasets/persons.yaml", turned)
    linked(persons)
    persons.write("datasets/persons.yaml", turned.replace("ne_le}}", "ne_le}, identity: [ref]}"))
    with pytest.raises(RunFailed, match=r"`identity: \[id\]`, and are now by \[ref\]: 4 of 4 would be others"):
        persons.run("persons")


def test_links_to_another_dataset_stop_too_where_decisions_would_be_of_no_record(persons: Bench) -> None:
    there = ("number", "last_name", "given_name", "birth_date")
    put(persons, ("A1", "Dupont", "Jean", "1980-02-03"), table="register", names=there)
    persons.write("datasets/register.yaml", COMPANIES)
    persons.run("register")
    persons.write("datasets/persons.yaml", TO)
    linked(persons)
    persons.write("datasets/persons.yaml", TO.replace("to: register", "identity: [nom], to: register"))
    with pytest.raises(
        RunFailed, match=r"4 of 4 would be others, and lose what rests on that: decisions of people \(0\)"
    ):
        persons.run("persons")


# --- a run of the same -----------------------------------------------------------------------------------------------


def test_full_trains_anew_where_nothing_is_new(ran: Bench) -> None:
    put(ran, *FIRST, ("6", "Novak", "Ivana", "2001-01-01"))
    report, told = linked(ran)
    assert (report.outcome, told["trained"]) == ("new", "kept")
    again = run(ran.workspace, "persons", full=True)
    assert (again.outcome, again.links["person"]["trained"]) == ("unchanged", "now")


def test_a_run_that_changes_no_row_leaves_what_the_version_tells(ran: Bench) -> None:
    put(ran, *FIRST, ("5", "Dupond", "Jean", "1980-02-03"))
    report, told = linked(ran)
    assert (report.version, told["events"]) == (2, {"grown": 1})
    decide(ran, decisions.said_of(of("3"), of("4"), "different"))
    report, told = linked(ran)
    assert (report.version, report.outcome) == (2, "unchanged")
    assert told["events"] == {"grown": 1}
    assert [each["event"] for each in told["happened"]] == ["grown"]
    assert [each["event"] for each in read(link(ran, "events.parquet"))] == ["grown"]
    assert files.whole(ran.workspace.dataset("persons"), ran.latest("persons").folder)


def test_files_of_a_run_that_was_killed_while_they_took_their_place_are_all_in_force(ran: Bench) -> None:
    folder = ran.latest("persons").folder
    for file in files.in_folder(folder)[:3]:  # half of them have been moved
        (folder / files.NEXT).mkdir(exist_ok=True)
        coming = folder / files.NEXT / file.name
        coming.write_bytes(file.read_bytes())
        file.write_bytes(b"of the run before")
    assert files.whole(ran.workspace.dataset("persons"), folder)
    assert found(ran) == []
    assert ran.run("persons").outcome == "unchanged"
    assert not (folder / files.NEXT).exists()
    assert files.whole(ran.workspace.dataset("persons"), folder)


# --- lost and damaged ------------------------------------------------------------------------------------------------


def test_damage_that_no_footer_tells_is_told_and_mended(ran: Bench) -> None:
    spoil(link(ran, "pairs.parquet"))
    spoil(link(ran, "members.parquet"))
    said = "version 1 of persons: what its links were made from is damaged or gone: `beffroi link persons --full` makes it anew"
    assert found(ran) == [("broken", said)]
    put(ran, *FIRST, ("6", "Novak", "Ivana", "2001-01-01"))
    report, told = linked(ran)
    assert (report.outcome, told["trained"]) == ("new", "now")
    assert numbers(ran) == IDS | {"6": 4}
    assert told["events"] == {}, "a record of its own is no event"
    assert found(ran) == []


def test_who_was_in_which_cluster_stands_twice_and_without_both_no_run_goes_on(ran: Bench) -> None:
    link(ran, "members.parquet").unlink()
    assert [kind for kind, _ in found(ran)] == ["broken"]
    linked(ran)
    assert numbers(ran) == IDS
    assert found(ran) == []
    link(ran, "members.parquet").unlink()
    link(ran, "records.parquet").write_bytes(b"no")
    with pytest.raises(Unavailable, match=r"link.person.members.parquet back into .beffroi/versions/persons/1"):
        ran.run("persons")
    run(ran.workspace, "persons", accept=True)
    assert numbers(ran) == {"1": 4, "2": 4, "3": 5, "4": 6}


def test_no_id_is_given_twice_where_the_highest_is_lost(ran: Bench) -> None:
    put(ran, *FIRST[:3])
    linked(ran)
    last = stable.file(ran.workspace, "persons", "person")
    last.unlink()
    put(ran, *FIRST[:3], ("9", "Novak", "Ivana", "2001-01-01"))
    ((kind, said),) = found(ran)
    assert (kind, said[:46]) == ("broken", ".beffroi/decisions/persons.person.last is gone")
    with pytest.raises(Unavailable, match="goes on after 3, the highest that a kept version has"):
        ran.run("persons")
    run(ran.workspace, "persons", accept=True)
    assert numbers(ran)["9"] == 4, "3 was given in version 1"
    assert stable.told(last) == 4
    assert found(ran) == []


def test_doctor_reads_decisions(ran: Bench) -> None:
    file = decisions.file(ran.workspace, "persons", "person")
    file.write_text("nonsense\n")
    stable.file(ran.workspace, "persons", "person").write_text("{}")
    [(state, words)] = found(ran)
    assert (state, words.partition(";")[0]) == (
        "broken",
        ".beffroi/decisions/persons.person.jsonl, line 1: it is no decision",
    )
    file.rename(decisions.file(ran.workspace, "persons", "other"))
    (damaged, undeclared) = found(ran)
    assert damaged[1].startswith(".beffroi/decisions/persons.person.last: it does not say")
    assert undeclared[0] == "undeclared"
    assert "link «other» of persons is still there" in undeclared[1]
    (ran.root / "datasets/persons.yaml").unlink()
    ((_, said),) = found(ran)
    assert "people's decisions" in said


def test_what_reads_a_link_keeps_what_one_run_left_while_others_commit(ran: Bench) -> None:
    folder = ran.latest("persons").folder
    with files.held(folder, "person") as held, duckdb.connect() as connection:
        was = files.before(held, "person")
        decide(ran, decisions.said_of(of("1"), of("3"), "different"))
        assert ran.run("persons").outcome == "unchanged"  # the version stays, its files of links are others
        now = files.before(folder, "person")
        assert was is not None
        assert now is not None
        assert now.said[files.RUN] != was.said[files.RUN]
        put(ran, *FIRST[:2])
        ran.run("persons")
        assert files.before(held, "person") == was
        assert len(looking.called(connection, held, "person", "4")) == 1, "the record is gone meanwhile"
        assert questions.queue(connection, held, "person", []).questions == []


def test_files_of_two_runs_are_not_read_as_one(ran: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ran.latest("persons").folder
    old = files.pairs(folder, "person").read_bytes()
    decide(ran, decisions.said_of(of("1"), of("3"), "different"))
    ran.run("persons")
    files.pairs(folder, "person").write_bytes(old)
    monkeypatch.setattr(files, "TRIES", 2)
    with pytest.raises(Unavailable, match="being written just now"), files.held(folder, "person"):
        pass


def test_the_metrics_tell_of_each_column_that_is_linked(ran: Bench) -> None:
    said = metrics.write(ran.workspace).read_text(encoding="utf-8")
    for name, value in (("linked", 1), ("doubtful", 0), ("clusters", 3)):
        assert f'beffroi_dataset_links_{name}{{column="person",dataset="persons"}} {value}.0' in said
