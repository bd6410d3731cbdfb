"""One of several sources cannot be read tonight: what it gave last stands in the version, and everybody is told."""

import datetime as dt
import json
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.errors import BeffroiError, Down, Misconfigured, RefusedUs, RegistryError, Unreadable
from pipelines import metrics, trace
from pipelines import report as reports
from pipelines.report import page, words
from pipelines.report.page import sections
from pipelines.run import run
from tests import commands
from tests.pipelines.bench import SHOPS, Bench

SOURCES = """\
sources:
  - {name: town, registry: source, table: town}
  - {name: village, registry: source, table: village, when_missing: last}"""
TWO = SHOPS.replace("source: {registry: source, table: shops}", SOURCES)
WEEK = TWO.replace("when_missing: last", "when_missing: {days: 7}")


def put(bench: Bench, table: str, *numbers: str) -> None:
    names = ("id", "name", "workers", "opened")
    bench.source(table, [dict(zip(names, (each, "A", "1", None), strict=True)) for each in numbers])


@pytest.fixture
def two(bench: Bench) -> Bench:
    """A dataset of two sources that has a version, and of which one is gone since."""
    bench.write("datasets/shops.yaml", TWO)
    put(bench, "town", "1")
    put(bench, "village", "2", "3")
    bench.run()
    (bench.root / "source/village.parquet").unlink()
    return bench


def told(report: reports.Report) -> dict[str, tuple[str | None, bool]]:
    """Return of each source why it was not read, and whether it was read by this run."""
    return {each["name"]: (each["missing"], each["read"] >= report.started) for each in report.sources}


def aged(bench: Bench, days: float) -> None:
    """Make what was read last so many days old."""
    notes = bench.root / ".beffroi/raw/shops/inputs.json"
    said: list[dict[str, Any]] = json.loads(notes.read_text())
    for each in (raw for reading in said for raw in reading["inputs"]):
        each["read"] = (dt.datetime.fromisoformat(each["read"]) - dt.timedelta(days=days)).isoformat()
    notes.write_text(json.dumps(said))


def test_what_it_gave_last_is_taken_again_and_told(two: Bench) -> None:
    put(two, "town", "1", "9")
    report = two.run()
    assert (report.outcome, report.added, report.removed) == ("new", 1, 0)
    assert [row["id"] for row in two.rows()] == ["1", "2", "3", "9"]
    assert told(report) == {"town": (None, True), "village": ("misconfigured", False)}
    assert "no table village" in report.sources[1]["why"]
    assert two.latest().report["sources"][1]["missing"] == "misconfigured"
    (origin,) = trace.of_key(two.workspace, "shops", "3", values=True).origins
    assert (origin.source, origin.place, origin.there, (origin.values or {})["id"]) == ("village", 2, True, "3")


def test_what_was_refused_is_not_what_it_gave_last(two: Bench) -> None:
    """A delivery of one row where more were expected, then none at all."""
    two.write("datasets/shops.yaml", TWO + "expect: {rows: {min: 3}}\n")
    put(two, "village", "2")
    with pytest.raises(BeffroiError):
        two.run()
    (two.root / "source/village.parquet").unlink()
    report = two.run()
    assert (report.version, report.rows_out) == (1, 3)
    assert told(report)["village"] == ("misconfigured", False)


def test_a_source_that_lost_a_column_is_not_read_until_it_is_taken_as_it_is(two: Bench) -> None:
    """One town's new software does not stop the others: what it gave last stands, at most as long as is said."""
    put(two, "town", "1", "9")
    two.source("village", [{"id": "2", "name": "B", "employees": "5", "opened": None}])
    report = two.run()
    assert told(report) == {"town": (None, True), "village": (Unreadable.code, False)}
    assert [(row["id"], row["name"]) for row in two.rows()] == [("1", "A"), ("2", "A"), ("3", "A"), ("9", "A")]
    assert report.sources[1]["why"].startswith("village no longer has «workers»: have its owner put that back")
    at_terminal = commands.run_any(two.root, "report", "shops", "--lang", "fr").stdout
    assert "\nvillage n'a plus «workers» : demandez à son propriétaire de rétablir cela" in at_terminal
    assert "`beffroi run shops --accept`" in at_terminal
    two.write("datasets/shops.yaml", WEEK)
    aged(two, 8)
    with pytest.raises(Unreadable, match=r"no longer has «workers».*what village gave last is 8\.0 days old"):
        two.run()
    taken = run(two.workspace, "shops", accept=True)
    assert told(taken)["village"] == (None, True)
    assert [(row["id"], row["workers"]) for row in two.rows()] == [("1", 1), ("2", None), ("9", 1)]
    assert two.run().outcome == "unchanged", "what was taken once is what it has from then on"


@pytest.mark.parametrize("bad", [{"number": "2"}, {"id": "2", "title": "B", "workers": "1", "opened": None}])
def test_columns_that_it_never_had_are_none_that_it_lost(two: Bench, bad: dict[str, str | None]) -> None:
    """All columns are others; or a name is said anew, in the file and in the declaration."""
    two.source("village", [bad])
    report = two.run()
    assert told(report)["village"] == (Unreadable.code, False)
    assert ("--accept" in report.sources[1]["why"]) == ("id" in bad), "without its key it cannot be taken"
    two.write(
        "datasets/shops.yaml", TWO.replace("when_missing: last", "when_missing: last, clean: {name: {from: title}}")
    )
    if "title" in bad:
        assert told(two.run())["village"] == (None, True)
        assert [row["name"] for row in two.rows()] == ["A", "B"]


def test_people_are_told_in_both_languages_and_strangers_not_why(two: Bench) -> None:
    aged(two, 3)
    report, dataset = two.run(), two.workspace.dataset("shops")
    found = {
        (language, whole): " ".join(
            next(each.lines for each in sections(report, dataset, language, whole=whole) if each.name == "sources")
        )
        for language in ("en", "fr")
        for whole in (True, False)
    }
    day = report.sources[1]["read"][:10]
    assert found["en", False].startswith("«village» was not read: it no longer has what it is asked for. Its rows are")
    assert f"those of {day}" in found["en", False]
    assert found["en", False].endswith("UTC, 3 days before this run.")
    assert "no table village" in found["en", True]
    assert found["fr", False].startswith(
        "«\u00a0village\u00a0» n'a pas été lue : elle n'a plus ce qui lui est demandé."
    )
    assert found["fr", False].endswith("UTC, 3 jours avant cette exécution.")
    assert "n&#x27;a pas été lue" in page.page(report, dataset, "fr")
    paris = ZoneInfo("Europe/Paris")
    then = words.moment(dt.datetime.fromisoformat(report.sources[1]["read"]), paris)
    assert f"celles du {then}," in page.page(report, dataset, "fr", paris), "on the same clocks as all of the page"
    at_terminal = commands.run_any(two.root, "run", "shops", "--lang", "fr").stderr
    assert f"village n'a pas été lue (elle n'a plus ce qui lui est demandé) : ses lignes du {day}" in at_terminal
    assert "village; the folder source has: town)" in commands.run_any(two.root, "run", "shops").stderr
    said = metrics.write(two.workspace).read_text()
    assert 'beffroi_dataset_sources_missing{dataset="shops"} 1.0' in said


def test_a_report_has_words_for_every_error_of_a_source() -> None:
    for said in words.LANGUAGES.values():
        codes = [RefusedUs.code, Misconfigured.code, *(each.code for each in RegistryError.__subclasses__())]
        assert not [code for code in codes if f"not_read_{code}" not in said]


def test_once_it_is_back_it_is_read_and_nothing_more_is_told(two: Bench) -> None:
    assert told(two.run())["village"] == ("misconfigured", False)
    put(two, "village", "2", "3")
    back = two.run()
    assert (back.outcome, told(back)["village"]) == ("unchanged", (None, True))
    assert two.latest().report["sources"][1]["missing"] is None, "the version's own report too"


def test_nights_go_by_and_what_it_gave_last_is_kept_and_grows_older(two: Bench) -> None:
    read = two.latest().report["sources"][1]["read"]
    for night in range(5):
        put(two, "town", "1", f"n{night}")
        assert two.run().sources[1]["read"] == read
    assert [row["id"] for row in two.rows()] == ["1", "2", "3", "n4"]
    again = run(two.workspace, "shops", replay=True)
    assert (again.replayed, told(again)["village"]) == (True, ("misconfigured", False))


def test_what_is_too_old_is_not_taken(two: Bench) -> None:
    two.write("datasets/shops.yaml", WEEK)
    aged(two, 6.9)
    assert two.run().sources[1]["missing"] == "misconfigured"
    aged(two, 0.2)
    with pytest.raises(Misconfigured, match=r"no table village.*what village gave last is 7\.1 days old, more than"):
        two.run()
    assert [row["id"] for row in two.rows()] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "declaration",
    [
        TWO.replace(", when_missing: last", ""),  # nothing is said
        TWO.replace("table: village", "table: hamlet"),  # what it gave last is another table's
        TWO.replace("name: village", "name: hamlet"),  # a source that never gave anything
    ],
)
def test_else_the_run_fails_and_the_last_version_stays(two: Bench, declaration: str) -> None:
    two.write("datasets/shops.yaml", declaration)
    put(two, "town", "9")
    with pytest.raises(Misconfigured, match=r"no table (village|hamlet)"):
        two.run()
    assert [row["id"] for row in two.rows()] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("declaration", "said"),
    [
        (SHOPS.replace("table: shops}", "table: shops, when_missing: last}"), "when_missing: is for one of several"),
        (TWO.replace("registry: source, table: village", "dataset: town"), "a dataset is never missing"),
        (TWO.replace("when_missing: last", "when_missing: lost"), "expected 'fail' or 'last'|expected fail or last"),
        (WEEK.replace("days: 7", "days: 0"), "days"),
    ],
)
def test_what_says_nothing_is_no_declaration(bench: Bench, declaration: str, said: str) -> None:
    bench.write("datasets/shops.yaml", declaration)
    with pytest.raises(Misconfigured, match=said):
        bench.run()


def test_a_run_that_could_read_no_source_fails(two: Bench) -> None:
    both = TWO.replace("table: town}", "table: town, when_missing: last}")
    two.write("datasets/shops.yaml", both)
    two.run()
    (two.root / "source/town.parquet").unlink()
    with pytest.raises(BeffroiError, match="no table town"):
        two.run()
    put(two, "town", "1")
    assert two.run().outcome == "unchanged"


def test_a_server_that_is_down(bench: Bench) -> None:
    served = bench.root / "served"
    bench.write("served/village.csv", "id,name,workers,opened\n2,B,1,\n")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(served)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/"
    bench.write("registries/far.yaml", f"kind: files\nurl: {url}\ntables: {{village: {{file: village.csv}}}}\n")
    bench.write("datasets/shops.yaml", TWO.replace("registry: source, table: village", "registry: far, table: village"))
    put(bench, "town", "1")
    try:
        bench.run()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    put(bench, "town", "1", "5")
    report = bench.run()
    assert told(report) == {"town": (None, True), "village": (Down.code, False)}
    assert [row["id"] for row in bench.rows()] == ["1", "2", "5"]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""
