"""`sources: [{registry: towns, tables: "*"}]`: every table that the registry declares, those that come and those that go."""

from pathlib import Path

import pytest

from connectors.errors import Misconfigured, RunFailed
from pipelines.run import run
from pipelines.workspace import Workspace
from tests.pipelines.bench import Bench

DATASET = """\
title: Clubs
owner: ville
audience: owner
sources:
  - {registry: source, table: hall}
  - registry: towns
    tables: "*"
    when_missing: last
schema:
  fields:
    - {name: id}
    - {name: name}
  primaryKey: id
merge: {default: first}
"""


def declare(bench: Bench, *tables: str) -> None:
    lines = "".join(f"  {name}: {{file: {name}.csv}}\n" for name in tables)
    bench.write("registries/towns.yaml", f"kind: files\npath: towns\ntables:\n{lines}")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path / "workspace")
    made.source("hall", [{"id": "1", "name": "of the hall"}])
    made.write("datasets/clubs.yaml", DATASET)
    for at, town in enumerate(("north", "south", "east"), 1):
        made.write(f"towns/{town}.csv", f"id,name\n1,of {town}\n{at}0,{town}\n")
    declare(made, "north", "south")
    return made


def names(bench: Bench) -> list[str]:
    return [each["name"] for each in bench.run("clubs").sources]


def test_each_table_is_a_source_in_the_registry_s_order_and_a_new_one_is_one_too(bench: Bench) -> None:
    assert names(bench) == ["source/hall", "towns/north", "towns/south"]
    assert {row["id"]: row["name"] for row in bench.rows("clubs")} == {"1": "of the hall", "10": "north", "20": "south"}
    declare(bench, "north", "south", "east")
    assert names(bench) == ["source/hall", "towns/north", "towns/south", "towns/east"]
    assert len(bench.rows("clubs")) == 4


def test_a_table_that_has_a_line_of_its_own_stands_there(bench: Bench) -> None:
    own = "  - {registry: towns, table: south, name: the south}\n  - registry: towns\n"
    bench.write("datasets/clubs.yaml", DATASET.replace("  - registry: towns\n", own))
    assert names(bench) == ["source/hall", "the south", "towns/north"]


def test_a_table_that_is_declared_no_more_takes_its_rows_along_only_where_that_is_accepted(bench: Bench) -> None:
    bench.run("clubs")
    declare(bench, "north")
    with pytest.raises(RunFailed, match=r"towns/south: rows: 0, and 2 for the last version: .*--accept"):
        bench.run("clubs")
    assert len(bench.rows("clubs")) == 3, "the last version stays"
    run(bench.workspace, "clubs", accept=True)
    assert {row["id"] for row in bench.rows("clubs")} == {"1", "10"}
    bench.run("clubs")


def test_a_file_that_is_away_gives_what_it_gave_last(bench: Bench) -> None:
    bench.run("clubs")
    (bench.root / "towns" / "south.csv").unlink()
    report = bench.run("clubs")
    assert [each["name"] for each in report.sources if each.get("missing")] == ["towns/south"]
    assert len(bench.rows("clubs")) == 3


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("registry: towns\n", "registry: town\n", r"datasets/clubs.yaml:6: .*«town»"),
        ('"*"', "all", r"datasets/clubs.yaml:7: "),
        ('tables: "*"\n', 'tables: "*"\n    name: towns\n', r"datasets/clubs.yaml:6: tables: is of a registry:"),
        ("registry: towns\n", "registry: source\n", r"datasets/clubs.yaml:7: source declares no table that"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(bench: Bench, old: str, new: str, said: str) -> None:
    bench.write("datasets/clubs.yaml", DATASET.replace(old, new))
    with pytest.raises(Misconfigured, match=said):
        bench.run("clubs")


@pytest.mark.parametrize("source", ['tables: "*"', "table: south"])
def test_a_table_whose_file_is_misnamed_is_told_where_its_registry_says_it_and_once(bench: Bench, source: str) -> None:
    said = DATASET.replace('tables: "*"', source)
    for name in ("clubs", "again"):
        bench.write(f"datasets/{name}.yaml", said)
    bench.write("registries/towns.yaml", "kind: files\npath: towns\ntables:\n  south: {file: suoth.csv}\n")
    with pytest.raises(Misconfigured) as told:
        Workspace(bench.root, sources=True)
    (line,) = told.value.detail.splitlines()
    assert line.startswith(
        "registries/towns.yaml:4: towns: no file is called suoth.csv; the folder towns has: east.csv"
    )


def test_one_source_is_no_list(bench: Bench) -> None:
    one = (
        DATASET[: DATASET.index("sources:")]
        + 'source: {registry: towns, tables: "*"}\n'
        + DATASET[DATASET.index("schema:") :]
    )
    bench.write("datasets/clubs.yaml", one)
    with pytest.raises(Misconfigured, match=r"datasets/clubs.yaml:4: every table of a registry is several sources"):
        bench.run("clubs")
