"""The rows that runs refused: listed, counted by rule, found, explained step by step, and what a correction may say."""

from typing import Any

import pyarrow as pa
import pytest

from connectors.errors import InvalidRequest, NotFound, RunFailed, Unavailable
from pipelines import evidence, explained, quarantine
from pipelines.explained import Judgement
from pipelines.quarantine import keep, listed, target, wanted
from pipelines.run import run
from tests.pipelines.bench import SHOPS, Bench
from tests.pipelines.test_stage import CSV

TWO = SHOPS.replace(
    "source: {registry: source, table: shops}",
    "sources:\n  - {registry: source, table: shops}\n  - {name: second, registry: source, table: more}",
)
DIRTY = (("1", "a", "x", None), ("2", "b", "4", "31/02/2011"), ("3", "c", "y", "soon"), ("4", "d", "4", None))


def judged(bench: Bench, place: int, *columns: str, **values: str | None) -> Judgement:
    """Judge a row of the last run alone."""
    workspace = bench.workspace
    dataset, (_, folder) = workspace.dataset("shops"), quarantine.last(workspace, "shops") or (0, bench.root)
    given = quarantine.input_of(workspace, "shops", folder, None)
    return explained.judged(workspace, dataset, dataset.inputs[0], evidence.kept(given), place, values, columns)


def test_each_row_has_source_place_reasons_in_two_languages_and_what_the_source_has(bench: Bench) -> None:
    bench.shops(*DIRTY)
    bench.run()
    rows = list(listed(bench.workspace, "shops"))
    assert [(row.source, row.place, row.version) for row in rows] == [("source/shops", n, 1) for n in (1, 2, 3)]
    assert rows[0].raw == {"id": "1", "name": "a", "workers": "x", "opened": None}
    assert [each["column"] for each in rows[2].failures] == ["workers", "opened"]
    assert [each["reason_fr"] for each in rows[0].failures] == ["n'est pas du type integer"]


def test_the_rules_are_counted_the_most_broken_first(bench: Bench) -> None:
    bench.shops(*DIRTY, ("5", "e", "z", None))
    assert quarantine.by_rule(bench.workspace, "shops") == [], "never run"
    bench.run()
    found = quarantine.by_rule(bench.workspace, "shops")
    assert [(each.column, each.rule, each.rows, each.place) for each in found] == [
        ("workers", "type", 3, 1), ("opened", "date", 2, 2),
    ]  # fmt: skip
    counted = [(rule["column"], rule["rule"], rule["rows"]) for rule in bench.latest().report["rules"]]
    assert counted == [(each.column, each.rule, each.rows) for each in found], "as the report says"


def test_rows_that_did_not_come_whole_are_one_rule_however_their_lines_differ(bench: Bench) -> None:
    bench.write("beffroi.yaml", CSV)
    bench.write("datasets/shops.yaml", SHOPS)
    bench.write("source/shops.csv", "id,name,workers,opened\n1,a,3,\n2,b\n3,c\n4,d,4,\n5,e,5,\n6,f,6,\n")
    bench.run()
    (found,) = quarantine.by_rule(bench.workspace, "shops")
    assert (found.column, found.rule, found.rows, found.place) == ("", "row", 2, 2)


def test_why_rows_did_not_come_whole_is_told_apart_and_in_french(bench: Bench) -> None:
    bench.write("beffroi.yaml", CSV)
    bench.write("datasets/shops.yaml", SHOPS)
    lines = ["1,a,3,", "2,b", "3,c,3,,x", '4,"d" d,3,', "5,e,5,", "6,f,6,", "7,g"]
    bench.write("source/shops.csv", "id,name,workers,opened\n" + "\n".join(lines))
    bench.run()
    found = quarantine.by_rule(bench.workspace, "shops")
    begins = "n'a pas pu être prise telle qu'elle est venue : ligne"
    assert [(each.rows, each.reason, each.reason_fr) for each in sorted(found, key=lambda each: each.place)] == [
        (2, "line 3: 2 cells, the header has 4", f"{begins} 3 : 2 cellule(s), l'en-tête en a 4"),
        (1, "line 4: 5 cells, the header has 4", f"{begins} 4 : 5 cellule(s), l'en-tête en a 4"),
        (1, "line 5: a quote stands amiss in cell 2", f"{begins} 5 : un guillemet est mal placé dans la cellule 2"),
    ]


def test_a_number_of_another_form_than_its_file_is_declared_to_have_is_told_with_its_line(bench: Bench) -> None:
    bench.write("beffroi.yaml", CSV.replace("shops.csv", "shops.csv, csv: {decimal: ',', separator: ;}"))
    bench.write("datasets/shops.yaml", SHOPS.replace("type: integer", "type: number"))
    lines = [*(f"{number};a;{number},5;" for number in range(8)), '8;"over\ntwo lines";1,5;', "9;a;1.5;"]
    bench.write("source/shops.csv", "id;name;workers;opened\n" + "\n".join(lines))
    bench.run()
    (found,) = quarantine.by_rule(bench.workspace, "shops")
    assert (found.place, found.reason) == (
        10,
        "line 12: workers is a number, but not written as decimal: and thousands: say",
    )
    assert found.reason_fr.endswith(
        "ligne 12 : workers est un nombre, mais pas écrit comme le disent decimal: et thousands:"
    )


def test_a_row_that_did_not_come_whole_stops_no_step_that_reads_all_values_first(bench: Bench) -> None:
    """Such as those that ask a library of each distinct value, while the run is being prepared."""
    bench.write("beffroi.yaml", CSV)
    bench.write("datasets/shops.yaml", SHOPS.replace("name: {steps: [squeeze]}", "name: {steps: [{phone: FR}]}"))
    lines = [f"{number},03 22 97 40 40,3,2020-01-01" for number in range(8)]
    bench.write("source/shops.csv", "\n".join(["id,name,workers,opened", *lines, "8,x", ""]))
    assert bench.run().quarantined == 1
    assert quarantine.by_rule(bench.workspace, "shops")[0].reason == "line 10: 2 cells, the header has 4"


@pytest.mark.parametrize(("end", "refused"), [("9,last,7", 1), ('9,"last,7,', 1), ("9,last,7,2020-01-0", 1), ("9", 1)])
def test_the_last_line_of_a_csv_that_was_cut_is_refused(bench: Bench, end: str, refused: int) -> None:
    """One cut within its last cell is told only where what is left is no value."""
    bench.write("beffroi.yaml", CSV)
    bench.write("datasets/shops.yaml", SHOPS)
    lines = [f"{number},a,3,2020-01-01" for number in range(8)]
    bench.write("source/shops.csv", "\n".join(["id,name,workers,opened", *lines, end]))
    report = bench.run()
    assert (report.rows_in, report.quarantined) == (9, refused)


def test_those_of_a_run_that_failed_come_first_until_one_succeeds(bench: Bench) -> None:
    bench.shops(*DIRTY)
    bench.run()
    bench.shops(("9", "z", "x", None), declaration=SHOPS + "expect: {rows: {min: 1}}\n")
    with pytest.raises(RunFailed):
        bench.run()
    (row,) = listed(bench.workspace, "shops")
    assert (row.version, row.raw["id"]) == (None, "9")
    assert quarantine.by_rule(bench.workspace, "shops")[0].version is None
    keep(
        bench.workspace, target(bench.workspace, "shops", 1), {"workers": "1"}, None, "a run that failed is mended too"
    )
    assert run(bench.workspace, "shops", replay=True).rows_out == 1
    assert list(listed(bench.workspace, "shops")) == []


def test_a_row_is_found_by_place_and_source(bench: Bench) -> None:
    bench.shops(*DIRTY, declaration=TWO)
    with pytest.raises(NotFound, match="never run"):
        quarantine.find(bench.workspace, "shops", 1)
    bench.source("more", [{"id": "7", "name": "m", "workers": "u", "opened": None}])
    bench.run()
    workspace = bench.workspace
    with pytest.raises(
        InvalidRequest, match=r"several sources: say which with --source; allowed: second, source/shops"
    ):
        quarantine.find(workspace, "shops", 1)
    with pytest.raises(InvalidRequest, match="no source «secnd»"):
        quarantine.find(workspace, "shops", 1, "secnd")
    assert quarantine.find(workspace, "shops", 1, "second").raw["id"] == "7"
    with pytest.raises(NotFound, match="refused no row 2 of second"):
        quarantine.find(workspace, "shops", 2, "second")


def test_what_was_removed_is_said_to_be(bench: Bench) -> None:
    bench.shops(*DIRTY)
    bench.run()
    (bench.latest().folder / "quarantine.parquet").unlink()
    for ask in (lambda w: list(listed(w, "shops")), lambda w: quarantine.by_rule(w, "shops")):
        with pytest.raises(Unavailable, match="`beffroi run shops` makes it anew"):
            ask(bench.workspace)


def test_steps_are_told_up_to_the_one_that_refuses(bench: Bench) -> None:
    bench.shops(("1", "  a  ", "4", " 31/02/2011 "), ("2", "b", "x", None), declaration=SHOPS)
    bench.run()
    found = judged(bench, 1, "opened", "name").steps
    assert [(made.step, made.value, made.refused) for made in found["opened"]] == [
        ("", " 31/02/2011 ", False), ("trim", "31/02/2011", False), ("date", None, True),
    ]  # fmt: skip
    assert [(made.step, made.value) for made in found["name"]] == [
        ("", "  a  "),
        ("squeeze", "a"),
        ("type string", "a"),
    ]
    (came, typed) = judged(bench, 2, "workers").steps["workers"]
    assert (came.value, typed.step, typed.value, typed.refused) == ("x", "type integer", None, True)


def test_a_row_judged_alone_is_judged_by_all_that_it_alone_can_break(bench: Bench) -> None:
    bench.source("towns", [{"code": "A"}])
    bench.write(
        "datasets/towns.yaml",
        "title: T\nowner: ville\naudience: open\nlicence: L\nsource: {registry: source, table: towns}\n"
        "schema: {fields: [{name: code}], primaryKey: code}\n",
    )
    key = "  foreignKeys: [{fields: name, reference: {resource: towns, fields: code}}]\n"
    bench.shops(("1", "Z", "-1", None), declaration=SHOPS.replace("  primaryKey: id\n", f"  primaryKey: id\n{key}"))
    bench.run("towns")
    bench.run()

    def rules(**values: str | None) -> list[Any]:
        return [(each["column"], each["rule"]) for each in judged(bench, 1, **values).failures]

    assert rules() == [("workers", "minimum"), ("name", "foreignKey")]
    assert rules(workers="1") == [("name", "foreignKey")]
    assert rules(workers="1", name="A") == []
    assert rules(workers="1", name="A", id=None) == [("id", "required")]


def test_what_a_correction_may_say(bench: Bench) -> None:
    bench.write("datasets/shops.yaml", SHOPS)
    row = {"id": "1", "name": "a", "workers": -1, "opened": None}
    bench.source("shops", [row, row | {"id": "2", "workers": 5}], {"workers": pa.int64()})
    bench.run()
    workspace = bench.workspace
    with pytest.raises(NotFound, match="refused no row 2"):
        target(workspace, "shops", 2)
    with pytest.raises(NotFound, match="had no row 3"):
        target(workspace, "shops", 3)
    found = target(workspace, "shops", 1)
    with pytest.raises(InvalidRequest, match=r"no column «worker» \(did you mean «workers»\?\)"):
        wanted(found, {"worker": "1"})
    with pytest.raises(InvalidRequest, match="workers is BIGINT in the source") as refused:
        wanted(found, {"workers": "secret"})
    assert "secret" not in refused.value.detail
    keep(workspace, found, wanted(found, {"workers": "1"}), "me", "why")
    again = wanted(target(workspace, "shops", 1), {"name": "b"})
    assert again == {"workers": "1", "name": "b"}, "what was said before still holds"


def test_a_row_of_which_nothing_came_is_mended_at_its_source(bench: Bench) -> None:
    bench.write("beffroi.yaml", CSV)
    bench.write("datasets/shops.yaml", SHOPS)
    bench.write("source/shops.csv", "id,name,workers,opened\n1,a,3,\n2,b\n")
    bench.run()
    (row,) = listed(bench.workspace, "shops")
    found = target(bench.workspace, "shops", row.place)
    if any(row.raw.values()):
        assert wanted(found, {"workers": "3"}) == {"workers": "3"}
    else:
        with pytest.raises(InvalidRequest, match="must be mended where it comes from"):
            wanted(found, {"workers": "3"})


def test_the_corrections_that_hold_are_told_with_the_places_of_their_rows(bench: Bench) -> None:
    bench.shops(*DIRTY, DIRTY[0])
    bench.run()
    workspace = bench.workspace
    keep(workspace, target(workspace, "shops", 5), {"workers": "1"}, "me", "why")
    keep(workspace, target(workspace, "shops", 2), {"opened": None}, "me", "why")
    assert [places for _, places in quarantine.held(workspace, "shops")] == [[1, 5], [2]]
    bench.shops(*DIRTY[:1])
    bench.run()
    assert [places for _, places in quarantine.held(bench.workspace, "shops")] == [[1], []]
