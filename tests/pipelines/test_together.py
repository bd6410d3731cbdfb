"""Sources that are alike are judged by one query: what comes of each is what came of it alone."""

import json

import pytest

from pipelines import quarantine, trace
from pipelines.judge import TOGETHER
from tests.pipelines.bench import SHOPS, Bench, read

STEPS = SHOPS.replace("name: {steps: [squeeze]}", "name: {steps: [siren]}").replace("audience: open", "audience: owner")
GOOD = ("552100554", "552081317")


def declared(bench: Bench, tables: list[str], schema: str = SHOPS) -> None:
    """Declare `shops` of so many CSV files, one a source."""
    listed = "".join(f"\n  - {{name: {name}, registry: source, table: {name}}}" for name in tables)
    bench.write("datasets/shops.yaml", schema.replace("source: {registry: source, table: shops}", f"sources:{listed}"))
    files = ", ".join(f"{name}: {{file: {name}.csv}}" for name in tables)
    configuration = (bench.root / "beffroi.yaml").read_text()
    plain = "kind: files, path: source"
    bench.write("beffroi.yaml", configuration.replace(plain, f"{plain}, tables: {{{files}}}"))


def test_more_sources_than_one_query_judges_have_each_its_rows_in_their_places(bench: Bench) -> None:
    names = [f"s{number:02}" for number in range(TOGETHER + 3)]
    declared(bench, names)
    for number, name in enumerate(names):
        rows = [f"{number}-{row},A,{row},2020-01-01\n" for row in range(number % 4)]
        bench.write(f"source/{name}.csv", "id,name,workers,opened\n" + "".join(rows) + f"{number}-x,A,many,\n")
    report = bench.run()
    assert [(each["rows"], each["quarantined"]) for each in report.sources] == [
        (number % 4 + 1, 1) for number in range(len(names))
    ]
    lineage = read(bench.latest().folder / "lineage.parquet")
    found = [(row["id"], each["source"], each["place"]) for row, each in zip(bench.rows(), lineage, strict=True)]
    assert found == [(key, int(key.split("-")[0]), int(key.split("-")[1]) + 1) for key, _, _ in found]
    places = {(row.source, row.place) for row in quarantine.listed(bench.workspace, "shops")}
    assert places == {(name, number % 4 + 1) for number, name in enumerate(names)}


@pytest.mark.parametrize("schema", [SHOPS, STEPS], ids=["by SQL", "by a library"])
def test_of_many_the_one_that_the_engine_refuses_is_staged_again_row_by_row_alone(bench: Bench, schema: str) -> None:
    declared(bench, ["a", "b", "c", "d", "e"], schema)
    for number, name in enumerate("abcde"):
        ragged = f"{name}1,too,few\n" if name in "bd" else ""
        text = f"id,name,workers,opened\n{ragged}{name}2,{GOOD[number % 2]},3,2020-01-01\n"
        bench.write(f"source/{name}.csv", text)
    report = bench.run()
    assert [(each["rows"], each["quarantined"], each["dialect"] is None) for each in report.sources] == [
        (1, 0, False), (2, 1, True), (1, 0, False), (2, 1, True), (1, 0, False)
    ]  # fmt: skip
    assert [(row["id"], row["name"]) for row in bench.rows()] == [
        (f"{name}2", GOOD[number % 2]) for number, name in enumerate("abcde")
    ]
    (origin,) = trace.of_key(bench.workspace, "shops", "d2", values=True).origins
    assert (origin.source, origin.place, (origin.values or {})["workers"]) == ("d", 2, "3")
    assert {(row.source, row.place) for row in quarantine.listed(bench.workspace, "shops")} == {("b", 1), ("d", 1)}


def test_columns_stand_in_any_order_and_what_one_has_more_is_its_own(bench: Bench) -> None:
    declared(bench, ["a", "b", "c"])
    bench.write("source/a.csv", "id,name,workers,opened\n1,A,x,\n")
    bench.write("source/b.csv", "workers;opened;id;name\ny;;2;B\n")
    bench.write("source/c.csv", "id,name,workers,opened,more\n3,C,z,,m\n4,D,4,,m\n")
    report = bench.run()
    assert report.unread == ["more"]
    assert [each["columns"] for each in report.sources][1] == ["workers", "opened", "id", "name"]
    assert [(row["id"], row["name"], row["workers"]) for row in bench.rows()] == [("4", "D", 4)]
    refused = {row["source"]: json.loads(row["raw"]) for row in read(bench.latest().folder / "quarantine.parquet")}
    assert refused == {
        "a": {"id": "1", "name": "A", "opened": None, "workers": "x"},
        "b": {"id": "2", "name": "B", "opened": None, "workers": "y"},
        "c": {"id": "3", "more": "m", "name": "C", "opened": None, "workers": "z"},
    }


def test_registries_that_are_read_side_by_side_are_told_in_their_order(bench: Bench) -> None:
    names = [f"town{number}" for number in range(11)]
    listed = "".join(f"\n  - {{registry: {name}, table: shops}}" for name in names)
    bench.write("datasets/shops.yaml", SHOPS.replace("source: {registry: source, table: shops}", f"sources:{listed}"))
    for number, name in enumerate(names):
        bench.write(f"registries/{name}.yaml", f"kind: files\npath: {name}\ntables: {{shops: {{file: shops.csv}}}}\n")
        same = min(9, number)  # two give the same file
        bench.write(f"{name}/shops.csv", f"id,name,workers,opened\n{same},A,{same},\n")
    report = bench.run()
    assert [each["registry"] for each in report.sources] == names
    assert (report.rows_in, report.rows_out, report.merged) == (11, 10, 1)
    assert report.sources[9]["raw"] == report.sources[10]["raw"]
    lineage = read(bench.latest().folder / "lineage.parquet")
    assert [(row["workers"], each["source"]) for row, each in zip(bench.rows(), lineage, strict=True)] == [
        (number, number) for number in range(10)
    ]
