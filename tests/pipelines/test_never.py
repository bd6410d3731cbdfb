"""What must never happen over real runs: a wrong value, a change that is not seen, personal data that come open or stay."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import Misconfigured, RunFailed, Unavailable
from pipelines import index, trace, versions
from pipelines.run import run
from pipelines.schema_versions import change
from tests.pipelines.bench import CONFIGURATION, SHOPS, Bench, read

HEAD = "title: A\nowner: ville\naudience: owner\n"
ONE = "source: {registry: source, table: a}\n"
CLOSED = HEAD.replace("A", "Closed", 1).replace("ville", "other") + ONE


def declare(bench: Bench, *fields: str, name: str = "a", head: str = HEAD + ONE, more: str = "") -> None:
    """Declare a dataset of a text key and these fields."""
    listed = "".join(f"    - {field}\n" for field in ("{name: id}", *fields))
    bench.write(f"datasets/{name}.yaml", f"{head}schema:\n  fields:\n{listed}  primaryKey: id\n{more}")


def rows(**values: list[Any]) -> list[dict[str, Any]]:
    """Return rows of a numbered text key and these columns."""
    many = len(next(iter(values.values())))
    return [{"id": str(number)} | {name: given[number] for name, given in values.items()} for number in range(many)]


# --- wrong answers ---------------------------------------------------------------------------------------------------


def test_a_pattern_that_looks_around_is_held_in_each_of_several_sources(bench: Bench) -> None:
    sources = "sources:\n  - {registry: source, table: a}\n  - {registry: source, table: b}\n"
    declare(bench, "{name: v, constraints: {pattern: '(?!00)[0-9]+'}}", head=HEAD + sources)
    bench.source("a", [{"id": "1", "v": "12"}, {"id": "2", "v": "34"}, {"id": "3", "v": "007"}])
    bench.source("b", [{"id": "4", "v": "56"}])
    report = bench.run("a")
    assert (report.rows_in, report.rows_out, report.quarantined) == (4, 3, 1)
    assert [row["v"] for row in bench.rows("a")] == ["12", "34", "56"]


@pytest.mark.parametrize(
    ("kind", "form", "good", "bad"),
    [
        ("date", "%d/%m/%Y", ["01/02/2024", "1/2/1999"], ["01/02/03", "1/2/24", "01/02/0003", " 01/02/2024", "01/02/2024 "]),
        ("date", "%d%m%Y", ["01022024"], ["010203"]),
        ("date", "%d/%m/%y", ["01/02/24"], [" 01/02/24"]),
        ("datetime", "%d/%m/%Y %H:%M", ["01/02/2024 10:00"], ["01/02/24 10:00", "01/02/2024 10:00 "]),
    ],
)  # fmt: skip
def test_a_year_of_two_digits_is_never_one_of_the_first_century(
    bench: Bench, kind: str, form: str, good: list[str], bad: list[str]
) -> None:
    declare(bench, f"{{name: v, type: {kind}, format: '{form}'}}")
    bench.source("a", rows(v=[*good, *bad]))
    report = bench.run("a")
    assert [row["id"] for row in bench.rows("a")] == [str(number) for number in range(len(good))]
    assert [(each["rule"], each["rows"]) for each in report.rules] == [("format", len(bad))]
    assert all(row["v"].year > 1900 for row in bench.rows("a"))


LONG = ["9007199254740993", "12345678901234567890.5", "0.1234567890123456789", "1" * 42]


@pytest.mark.parametrize(
    ("kind", "step", "mark"),
    [("number", "decimal", ""), ("number", "money", "€"), ("string", "{percent: points}", "%")],
)
def test_a_step_refuses_digits_that_a_number_does_not_keep(bench: Bench, kind: str, step: str, mark: str) -> None:
    found, told = bench.column(kind, [f"{text}{mark}" for text in [*LONG, "9007199254740992", "1.5"]], f"[{step}]")
    assert ([float(each) for each in found], len(told)) == ([9007199254740992.0, 1.5], len(LONG))


def test_a_value_of_a_row_that_is_refused_anyway_refuses_no_other(bench: Bench) -> None:
    declare(bench, "{name: mail, constraints: {unique: true}}", "{name: n, type: integer}")
    wanted = [("1", "a", "1"), ("2", "a", "x"), ("3", "b", "1"), ("4", "b", "1"), (None, "c", "1"), ("6", "c", "1")]
    bench.source("a", [dict(zip(("id", "mail", "n"), row, strict=True)) for row in wanted])
    bench.run("a")
    assert [row["id"] for row in bench.rows("a")] == ["1", "6"]
    told = read(bench.latest("a").folder / "quarantine.parquet")
    assert [[each["rule"] for each in row["failures"]] for row in told] == [
        ["type"], ["unique"], ["unique"], ["required"],
    ]  # fmt: skip


# --- what is told to be the same -------------------------------------------------------------------------------------


def test_no_list_and_an_empty_one_are_not_the_same(bench: Bench) -> None:
    declare(bench, "{name: t, type: array, format: json}")
    for given in ([None, "[]"], ["[]", "[]"], ["[null]", "[]"], ["[null, null]", "[]"]):
        bench.source("a", rows(t=given))
        report = bench.run("a")
        assert (report.new, [row["t"] for row in bench.rows("a")]) == (
            True,
            [json.loads(each or "null") for each in given],
        )
    assert report.changed == 1
    assert json.loads(index.row(bench.latest("a"), "0") or "{}")["t"] == [None, None]


def test_there_is_one_nought(bench: Bench) -> None:
    declare(bench, "{name: n, type: number}")
    bench.source("a", rows(n=["0", "1"]))
    bench.run("a")
    bench.source("a", rows(n=["-0.0", "1"]))
    assert not bench.run("a").new
    bench.source("a", rows(n=["-0.0", "2"]))
    bench.run("a")
    assert [str(row["n"]) for row in bench.rows("a")] == ["0.0", "2.0"]


def test_a_file_that_is_read_otherwise_is_another_input(bench: Bench) -> None:
    files = "{kind: files, path: source, tables: {a: {file: a.csv, csv: {header: 1, columns: [%s]}}}}"
    bench.write("source/a.csv", "id,v\n1,a\n2,b\n")
    declare(bench, "{name: v}")
    for names, wanted in (("id, v", {"1": "a", "2": "b"}), ("v, id", {"a": "1", "b": "2"})):
        bench.write("beffroi.yaml", CONFIGURATION.replace("{kind: files, path: source}", files % names))
        report = bench.run("a")
        assert (report.new, {row["id"]: row["v"] for row in bench.rows("a")}) == (True, wanted)
    for key, number in (("1", 1), ("a", 2)):
        (origin,) = trace.of_key(bench.workspace, "a", key, number, values=True).origins
        assert (origin.place, (origin.values or {})["id"]) == (1, key), (
            "each version is traced as its run read the file"
        )


def test_where_rows_are_from_is_never_told_of_another_input(bench: Bench) -> None:
    """What a run leaves that is killed while it notes that the same rows stand elsewhere in the source."""
    first, second = ("1", "a", "1", None), ("2", "b", "2", None)
    bench.shops(first, second)
    bench.run()
    report = bench.latest().folder / "report.json"
    before = report.read_bytes()
    bench.shops(second, first)
    assert not bench.run().new
    report.write_bytes(before)
    with pytest.raises(Unavailable, match="is being written anew, or the run that did so was killed"):
        trace.of_key(bench.workspace, "shops", "1")
    with pytest.raises(Unavailable, match="is being written anew"):
        trace.of_place(bench.workspace, "shops", None, 1)
    bench.shops(first, second)
    bench.run()
    (origin,) = trace.of_key(bench.workspace, "shops", "1", values=True).origins
    assert (origin.place, (origin.values or {})["id"]) == (1, "1")


# --- personal data ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "step"),
    [
        (("{name: code}", "{name: commune_code, personal: sensitive}"), "{follow: closed}"),
        (("{name: code, personal: direct}", "{name: name}", "{name: postal_codes, type: array}"),
         "{find_commune: {postal_code: zip, among: closed}}"),
    ],
)  # fmt: skip
def test_what_a_step_reads_of_another_dataset_stays_what_it_is_there(
    bench: Bench, columns: tuple[str, ...], step: str
) -> None:
    bench.write("beffroi.yaml", CONFIGURATION + "  other: {title: Other}\n")
    declare(bench, *columns, name="closed", head=CLOSED)
    ours = HEAD.replace("audience: owner", "audience: open\nlicence: LO") + ONE
    declare(bench, "{name: zip}", "{name: who}", head=ours, more=f"clean: {{who: {{steps: [{step}]}}}}\n")
    with pytest.raises(Misconfigured) as caught:
        bench.workspace  # noqa: B018
    assert "audience: open is refused: the rows of closed are other's, and not open" in caught.value.detail
    assert "of closed, which is personal data: it stays so, say personal: of who too" in caught.value.detail


def test_a_column_made_by_a_personal_one_beside_it_is_personal(bench: Bench) -> None:
    point = "clean: {place: {steps: [{point: {y: lat}}]}}\n"
    declare(bench, "{name: lat, personal: direct}", "{name: place, type: geopoint}", more=point)
    with pytest.raises(Misconfigured, match="the step point makes place by «lat», which is personal data"):
        bench.workspace  # noqa: B018
    declare(bench, "{name: lat, personal: direct}", "{name: place, type: geopoint, personal: direct}", more=point)
    assert bench.workspace.datasets["a"].personal


def test_nothing_is_judged_anew_that_was_read_when_it_was_personal(bench: Bench) -> None:
    closed = SHOPS.replace("audience: open", "audience: owner")
    bench.shops(
        ("1", "Jean Dupont", "1", None), declaration=closed.replace("title: Name,", "title: Name, personal: direct,")
    )
    bench.run()
    top = "title: Top\nowner: ville\naudience: owner\nlicence: L\nsource: {dataset: shops}\n"
    declare(bench, "{name: name, personal: direct}", name="top", head=top)
    bench.run("top")
    bench.shops(("1", "nobody", "1", None), declaration=closed)
    bench.run()
    declare(bench, "{name: name}", name="top", head=top.replace("audience: owner", "audience: open"))
    with pytest.raises(RunFailed, match="version 1 of shops, which was made under another declaration: run it without"):
        run(bench.workspace, "top", replay=True)
    assert bench.run("top").rows_out == 1
    assert run(bench.workspace, "top", replay=True).needed == {"shops": 2}
    assert [row["name"] for row in bench.rows("top")] == ["nobody"]


def test_versions_of_personal_data_leave_when_the_column_is_no_longer_declared(bench: Bench) -> None:
    declare(bench, "{name: who, personal: direct}", "{name: n, type: integer}")
    for number in range(3):
        bench.source("a", rows(who=[f"Dupont {number}"], n=["1"]))
        bench.run("a")
    declare(bench, "{name: n, type: integer}", more="schema_version: 2.0.0\n")
    for number in range(3):
        bench.source("a", rows(n=[str(number)]))
        bench.run("a")
    kept = [each for each in versions.history(bench.workspace, "a") if each.parquet.is_file()]
    assert [each.number for each in kept] == [4, 5, 6]
    assert not any("who" in row for each in kept for row in read(each.parquet))


def test_reports_forget_what_they_told_of_a_column_that_is_personal_now(bench: Bench) -> None:
    def told() -> list[Path]:
        return [file for file in bench.root.glob(".beffroi/**/*.json") if "Dupont" in file.read_text("utf-8")]

    declare(bench, "{name: who}", "{name: n, type: integer}")
    for number in range(2):
        bench.source("a", rows(who=["Dupont", "Dupont"], n=["1", str(number)]))
        bench.run("a")
    assert told()
    declare(bench, "{name: who, personal: direct}", "{name: n, type: integer}")
    bench.run("a")
    assert told() == []
    reports = sorted(bench.root.glob(".beffroi/runs/a/*.json"))
    first = json.loads(reports[0].read_text("utf-8"))
    assert (len(reports), first["rows_out"], first["profile"]["n"]["max"]) == (3, 2, 1)


def test_reports_of_runs_that_failed_before_any_version_forget_too(bench: Bench) -> None:
    declare(bench, "{name: who}", more="expect: {rows: {min: 3}}\n")
    bench.source("a", rows(who=["Dupont", "Dupont"]))
    with pytest.raises(RunFailed, match="rows"):
        bench.run("a")
    files = [*bench.root.glob(".beffroi/runs/a/*.json"), *bench.root.glob(".beffroi/failed/a/*.json")]
    assert all("Dupont" in file.read_text("utf-8") for file in files)
    declare(bench, "{name: who, personal: direct}")
    bench.run("a")
    assert not [file for file in files if file.exists() and "Dupont" in file.read_text("utf-8")]


# --- a source that never answers --------------------------------------------------------------------------------------


def test_a_deadline_ends_a_source_that_accepts_and_never_answers(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system takes the connection; nobody ever reads it
        web = f"{{kind: files, url: 'http://127.0.0.1:{silent.getsockname()[1]}/', tables: {{a: {{file: a.csv, seconds: 60}}}}}}"
        bench.write("beffroi.yaml", CONFIGURATION.replace("{kind: files, path: source}", web))
        declare(bench, "{name: v}", more="deadline: 0.3\n")
        with pytest.raises(RunFailed, match=r"a took longer than its deadline of 0\.3 s: give it more"):
            bench.run("a")


# --- what others rely on ---------------------------------------------------------------------------------------------


def test_a_format_and_a_foreign_key_are_breaking_changes(bench: Bench) -> None:
    declare(bench, "{name: v}")
    declare(bench, name="f", head=HEAD + ONE.replace("table: a", "table: f"))
    bench.source("a", rows(v=["a@b.fr", None]))
    bench.source("f", [{"id": "a@b.fr"}])
    bench.run("f")
    bench.run("a")
    declare(bench, "{name: v, format: email}")
    with pytest.raises(RunFailed, match=r"v must have the format email now.* declare `schema_version: 2\.0\.0`"):
        bench.run("a")
    key = "  foreignKeys: [{fields: v, reference: {resource: f, fields: id}}]\n"
    declare(bench, "{name: v}", more=key)
    with pytest.raises(RunFailed, match="a breaking change of its columns: v must stand in f now, as id"):
        bench.run("a")
    declare(bench, "{name: v, format: email}", more=f"{key}schema_version: 2.0.0\n")
    assert bench.run("a").schema_change == "major"
    declare(bench, "{name: v}", more="schema_version: 2.0.0\n")
    report = bench.run("a")
    assert (report.schema_version, report.schema_changes) == (
        "2.1.0", ["v need not stand in f any more, as id", "v no longer has the format email"],
    )  # fmt: skip
    assert change({"key": [], "columns": []}, {"key": [], "columns": [], "foreign_keys": [["a", "b", "c"]]}) == (
        None,
        [],
    )


# --- what cannot be, and is said before a run --------------------------------------------------------------------------

GEO = ("{name: code, type: integer}", "{name: commune_code}", "{name: name}", "{name: postal_codes}")


@pytest.mark.parametrize(
    ("fields", "steps", "said"),
    [
        (["{name: v, constraints: {enum: []}}"], "", "enum names no value: no value can meet it"),
        (["{name: v, type: integer, constraints: {maximum: 99999999999999999999}}"], "", "not a value of the type integer"),
        (["{name: v, type: integer, constraints: {enum: [99999999999999999999]}}"], "", "not a value of the type integer"),
        (["{name: v, type: number, constraints: {minimum: .nan}}"], "", "not a value of the type number"),
        (["{name: v, type: datetime, constraints: {minimum: '2020-01-01T00:00:00+02:00', maximum: '2019-01-01'}}"], "",
         "is above maximum 2019-01-01: no value can meet both"),
        (["{name: v, type: number, decimalChar: '5'}"], "", "decimalChar is «5», which a number has for something else"),
        (["{name: v, type: number, groupChar: '-'}"], "", "groupChar is «-», which a number has for something else"),
        (["{name: n, type: integer}", "{name: v}"], "{follow: {as_of: n}}",
         "as_of names «n», which is of the type integer and not date or datetime or string"),
        (["{name: n, type: integer}", "{name: v}"], "{find_commune: {postal_code: n, among: geo}}",
         "postal_code names «n», which is of the type integer and not string"),
        (["{name: v}"], "{follow: geo}",
         "this step reads code of geo, which is of the type integer: it must be of the type string"),
        (["{name: n}", "{name: v}"], "{find_commune: {postal_code: n, among: geo}}",
         "this step reads postal_codes of geo, which is of the type string: it must be of the type array"),
        (["{name: v}"], "{part: {by: ',', number: 99999999999999999999999999}}", "the number up to 1000"),
        (["{name: v, type: boolean}"], "decimal", "the step decimal makes a number, and «v» is of the type boolean"),
        (["{name: v, type: geojson}"], "decimal", "the step decimal makes a number, and «v» is of the type geojson"),
        (["{name: v, type: geopoint}"], "date", "the step date makes a date, and «v» is of the type geopoint"),
    ],
)  # fmt: skip
def test_what_no_run_could_do_is_told_before(bench: Bench, fields: list[str], steps: str, said: str) -> None:
    declare(bench, *GEO, name="geo")
    declare(bench, *fields, more=f"clean: {{v: {{steps: [{steps}]}}}}\n" if steps else "")
    with pytest.raises(Misconfigured) as caught:
        bench.workspace  # noqa: B018
    assert said in caught.value.detail


def test_what_a_column_can_be_is_still_allowed(bench: Bench) -> None:
    declare(
        bench,
        "{name: i, type: integer, constraints: {minimum: -9223372036854775808, maximum: 5.0}}",
        "{name: b, type: boolean}",
        "{name: m, type: datetime, constraints: {minimum: '2020-01-01T01:00:00+02:00', maximum: '2020-01-01'}}",
        more="clean: {b: {steps: [integer]}}\n",
    )
    bench.source("a", rows(i=["-9223372036854775808"], b=["1"], m=["2019-12-31T23:30:00Z"]))
    assert bench.run("a").rows_out == 1
