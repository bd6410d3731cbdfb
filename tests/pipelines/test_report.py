"""Reports of runs: kept, read again, told as a page; when a dataset is due; metrics."""

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lxml import html
from prometheus_client.parser import text_fd_to_metric_families

from connectors.errors import Misconfigured, NotFound, RunFailed
from gateway.french import language_of
from pipelines import metrics, pages, quarantine, report, schedule
from pipelines.declarations import Dataset
from pipelines.report import Outcome, Report
from pipelines.report import page as report_page
from pipelines.report import style as report_style
from pipelines.report import words as report_words
from pipelines.run import run
from tests.pipelines.bench import CONFIGURATION, SHOPS, Bench

ROWS = [("1", "Baker", "3", "2020-01-01"), ("2", "Grocer", "-1", "2021-02-03"), ("2", "Grocer", "x", "2021-02-03")]


def made(bench: Bench, declaration: str = SHOPS) -> Report:
    bench.shops(
        *ROWS, ("3", "Florist", "2", "2020-01-01"), ("3", "Florist", "2", "2020-01-01"), declaration=declaration
    )
    return bench.run()


def test_every_run_leaves_its_report_whatever_became_of_it(bench: Bench) -> None:
    first = made(bench)
    bench.run()
    run(bench.workspace, "shops", preview=True)
    bench.write("datasets/shops.yaml", SHOPS + "expect: {rows: {min: 100}}\n")
    with pytest.raises(RunFailed):
        bench.run()
    kept = list(report.kept(bench.workspace, "shops"))
    assert [each.outcome for each in kept] == ["failed", "preview", "unchanged", "new"]
    assert kept[-1] == first
    assert kept[0].problems, "a failed run says why"
    for each in kept:
        assert each.rows_in == each.rows_out + each.quarantined + each.merged == 5


def test_a_report_is_found_by_when_its_run_began(bench: Bench) -> None:
    first, second = made(bench), bench.run()
    workspace = bench.workspace
    assert report.find(workspace, "shops") == second
    assert report.find(workspace, "shops", first.run) == first
    with pytest.raises(NotFound, match=r"2 runs of shops began at 2"):
        report.find(workspace, "shops", "2")
    with pytest.raises(NotFound, match="no report of a run that began at 1999"):
        report.find(workspace, "shops", "1999")
    with pytest.raises(NotFound, match="there is no dataset"):
        report.find(workspace, "shoes")


def test_a_report_is_found_by_the_time_that_it_tells(bench: Bench) -> None:
    bench.write("beffroi.yaml", CONFIGURATION + "timezone: Asia/Tbilisi\n")
    first, workspace = made(bench), bench.workspace
    folder = report.folder(workspace, "shops")
    said = json.loads((folder / f"{first.run}.json").read_text())
    for hour in ("18", "22"):
        run_id = f"2026-07-01T{hour}:30:05.123456+00:00"
        (folder / f"{run_id}.json").write_text(json.dumps(said | {"run": run_id, "started": run_id}))
    for told in (
        "2026-07-01 22:30 +04", "2026-07-01 22:30", "2026-07-01T22:3", "2026-07-01T22:30:05.123456+04:00",
        "2026-07-01T18:30:05.123456+00:00", "2026-07-01T18",
    ):  # fmt: skip
        found = report.find(workspace, "shops", told)
        assert found.started.startswith("2026-07-01T18:30"), (
            f"{told} is on the clocks of the workspace, where it may be"
        )
    with pytest.raises(
        NotFound, match=r"2 runs of shops began at 2026-07: say more of it, as 2026-07-02T02:30:05\S+\+04:00 has"
    ):
        report.find(workspace, "shops", "2026-07")
    assert report.find(workspace, "shops", "2026-07-02 02:30 +04").started.startswith("2026-07-01T22:30")


def test_of_a_run_that_failed_programs_are_told_no_version(bench: Bench) -> None:
    first = made(bench)
    assert report.told(first)["version"] == 1
    told = report.told(replace(first, outcome="failed"))
    assert (told["version"], told["new"], told["rows_in"]) == (None, False, 5)


def test_decimals_are_written_as_the_language_does(bench: Bench) -> None:
    declaration = SHOPS.replace("type: integer, constraints: {minimum: 0}", "type: number")
    bench.shops(("1", "a", "0.09", None), ("2", "b", "498.06", None), declaration=declaration)
    found, dataset = bench.run(), bench.workspace.dataset("shops")
    for language, bounds in (("fr", ("0,09", "498,06")), ("en", ("0.09", "498.06"))):
        shown = next(each for each in report_page.sections(found, dataset, language) if each.name == "columns")
        assert next(row[3:5] for row in shown.rows if row[0] == "workers") == bounds


def test_a_report_that_cannot_be_read_is_passed_over(bench: Bench) -> None:
    made(bench)
    folder = report.folder(bench.workspace, "shops")
    (folder / "9999.json").write_text("{")
    (folder / "9998.json").write_text('{"dataset": "shops"}')
    assert [each.outcome for each in report.kept(bench.workspace, "shops")] == ["new"]


def test_what_was_refused_and_merged_is_told_by_source_and_conflicts_by_column_and_source(bench: Bench) -> None:
    bench.write("datasets/shops.yaml", SHOPS.replace(
        "source: {registry: source, table: shops}",
        "sources:\n  - {name: amiens, registry: source, table: a}\n  - {name: poix, registry: source, table: b}",
    ))  # fmt: skip
    row = {"workers": "1", "opened": "2020-01-01"}
    bench.source(
        "a", [{"id": "1", "name": "A", **row}, {"id": "2", "name": "B", **row}, {"id": None, "name": "", **row}]
    )
    bench.source(
        "b", [{"id": "1", "name": "Z", **row}, {"id": "2", "name": "Z", **row}, {"id": "3", "name": "C", **row}]
    )
    found = bench.run()
    assert [(each["name"], each["rows"], each["quarantined"], each["merged"]) for each in found.sources] == [
        ("amiens", 3, 1, 0), ("poix", 3, 0, 2),
    ]  # fmt: skip
    assert found.conflicts_by == [
        {"column": "name", "rule": "first", "kept_source": "amiens", "other_source": "poix", "values": 2}
    ]
    shown = {each.name: each for each in report_page.sections(found, bench.workspace.dataset("shops"), "fr")}
    assert [row[2:5] for row in shown["sources"].rows] == [("3", "1", "0"), ("3", "0", "2")]
    assert shown["differing"].rows == [("name", "first", "amiens", "poix", "2")]
    broken = quarantine.by_rule(bench.workspace, "shops")
    assert [(each.source, each.column, each.rows) for each in broken] == [("amiens", "id", 1)]


# --- the page --------------------------------------------------------------------------------------------------------

PERSONAL = SHOPS.replace("audience: open\nlicence: Licence Ouverte 2.0", "audience: owner").replace(
    "description: As on the sign", "personal: true"
)


def rich(found: Report) -> Report:
    """A report that has something in every section, and texts that a careless page would break on."""
    said = {key: getattr(found, key) for key in found.__dataclass_fields__}
    profile = {
        "id": {"empty": 0, "distinct": 2, "min": "<b>", "max": "&"},
        "name": {"empty": 0, "distinct": 2, "min": "Baker", "max": "Grocer", "frequent": {"Baker": 1}},
    }
    measured = [
        {"expectation": "refused", "column": None, "measured": 0.4, "least": None, "most": 0.2, "met": False},
        {"expectation": "rows", "column": None, "measured": 1234, "least": 1, "most": 5000, "met": True},
        {"expectation": "freshness", "column": "opened", "measured": 1.5, "least": None, "most": 7, "met": True},
        {"expectation": "another", "column": None, "measured": "much", "least": None, "most": None, "met": True},
    ]
    more: dict[str, Any] = {
        "profile": profile, "measured": measured, "needed": {"towns": 3}, "memory_mb": 321.0, "schema_version": "2.0.0",
        "schema_change": "major", "schema_changes": ["the column <x> is gone"], "unread": ["extra"],
    }  # fmt: skip
    return report.of(said | more)


Page = Callable[..., html.HtmlElement]


@pytest.fixture
def page(bench: Bench) -> Page:
    found = rich(made(bench, PERSONAL))
    dataset = bench.workspace.dataset("shops")

    def shown(language: str = "en", **options: Any) -> html.HtmlElement:
        return html.document_fromstring(report_page.page(found, dataset, language, **options))

    return shown


def test_the_page_proves_the_sum(page: Page) -> None:
    text = page().text_content()
    assert "5 in = 2 out + 2 refused + 1 merged" in text
    assert "5 en entrée = 2 en sortie + 2 refusées + 1 fusionnée" in page("fr").text_content()


@pytest.mark.parametrize(
    ("language", "number", "said"),
    [
        ("fr", 0, "0 refusée + 0 fusionnée."), ("fr", 1, "1 refusée + 1 fusionnée."),
        ("fr", 2, "2 refusées + 2 fusionnées."), ("en", 1, "1 refused + 1 merged."),
    ],
)  # fmt: skip
def test_words_agree_with_their_numbers(bench: Bench, language: str, number: int, said: str) -> None:
    found = replace(made(bench), quarantined=number, merged=number, rows_in=2 + 2 * number)
    assert said in report_page.page(found, bench.workspace.dataset("shops"), language)


def test_no_title_needs_an_elision(bench: Bench) -> None:
    found = made(bench, SHOPS.replace("title: Shops", "title: Associations"))
    (title, *_) = report_page.head(found, bench.workspace.dataset("shops"), "fr")
    assert title.startswith("Exécution de «\u00a0Associations\u00a0» (shops), commencée le ")


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        (None, "2026-07-01 22:30 UTC"), ("Europe/Paris", "2026-07-02 00:30 CEST"), ("Asia/Tbilisi", "2026-07-02 02:30 +04"),
    ],
)  # fmt: skip
def test_times_are_those_of_the_workspaces_clocks_and_say_so(bench: Bench, zone: str | None, said: str) -> None:
    if zone is not None:
        bench.write("beffroi.yaml", CONFIGURATION + f"timezone: {zone}\n")
    found = replace(made(bench), started="2026-07-01T22:30:05.123456+00:00")
    where, dataset = bench.workspace.configuration.zone, bench.workspace.dataset("shops")
    assert said in report_page.head(found, dataset, "en", where)[0]
    root = html.document_fromstring(report_page.page(found, dataset, "fr", where))
    assert root.xpath("//time")[0].text_content() == said
    assert root.xpath("//time/@datetime") == [found.started], "machines read UTC"
    again = replace(found, outcome="unchanged", made=found.started)
    assert f"The run of {said} made it" in report_page.head(again, dataset, "en", where)[2]


def test_a_time_zone_that_is_none_is_told(bench: Bench) -> None:
    bench.write("beffroi.yaml", CONFIGURATION + "timezone: Europe/Pari\n")
    with pytest.raises(
        Misconfigured, match=r"beffroi\.yaml:6: no such time zone: expected a name such as Europe/Paris"
    ):
        _ = bench.workspace


def test_the_page_says_what_was_refused_and_what_was_measured(page: Page) -> None:
    english, french = page(), page("fr")
    refused = [row.text_content() for row in english.xpath("//table[contains(@class, 'refused')]/tbody/tr")]
    assert len(refused) == 2
    assert any("workers" in row and "minimum" in row and "is below the minimum of 0" in row for row in refused)
    assert "est inférieur au minimum de 0" in french.text_content()
    measured = english.xpath("//table[contains(@class, 'expectations')]")[0].text_content()
    for said in ("40.00%", "at most 20.00%", "✗ no", "1,234", "1 to 5,000", "1.50", "at most 7"):
        assert said in measured
    assert "40,00\u00a0%" in french.text_content()
    assert "1\u202f234" in french.text_content()


def test_the_page_shows_no_value_of_a_personal_column(page: Page) -> None:
    for language in report_page.LANGUAGES:
        text = page(language).text_content()
        assert "Baker" not in text
        assert "Grocer" not in text
        assert report_words.LANGUAGES[language]["personal"] in text


@pytest.mark.parametrize(("accepted", "language"), [(False, "en"), (False, "fr"), (True, "en"), (True, "fr")])
def test_what_was_not_met_is_said_in_the_language_of_the_page(bench: Bench, accepted: bool, language: str) -> None:
    found = made(bench)
    one: dict[str, Any] = {
        "expectation": "drift_rows",
        "column": None,
        "measured": 0.9,
        "least": None,
        "most": 0.5,
        "met": False,
    }
    one |= {"reason": "90% of the rows are gone", "reason_fr": "90 % des lignes ont disparu", "accepted": accepted}
    outcome: Outcome = "new" if accepted else "failed"
    failed = replace(found, outcome=outcome, problems=[] if accepted else ["90% of the rows are gone"], measured=[one])
    root = html.document_fromstring(report_page.page(failed, bench.workspace.dataset("shops"), language))
    said, other = ("reason_fr", "reason") if language == "fr" else ("reason", "reason_fr")
    place = "//section[.//table[contains(@class, 'expectations')]]" if accepted else "//div[@class='outcome']"
    assert one[said] in root.xpath(place)[0].text_content()
    assert one[other] not in root.text_content()


def test_a_page_for_everybody_tells_of_the_refused_only_how_many(page: Page) -> None:
    shown = page(whole=False, columns=["id"])
    text = shown.text_content()
    assert "2 refused" in text
    for kept in ("minimum", "extra", "Expectation", "is gone", "workers", "opened"):
        assert kept not in text, f"only the operator is told of {kept}"
    assert "source/shops" in text
    assert not shown.xpath("//*[contains(text(), 'Raw file')]")


def test_commands_stand_on_the_page_as_code(bench: Bench) -> None:
    found = replace(made(bench), outcome="failed", problems=["say `beffroi run shops --accept` <once> or ` not"])
    root = html.document_fromstring(report_page.page(found, bench.workspace.dataset("shops"), "en"))
    (line,) = (each for each in root.xpath("//p") if "say " in each.text_content())
    assert line.text_content() == "say beffroi run shops --accept <once> or ` not"
    assert [each.text_content() for each in line.xpath("./code")] == ["beffroi run shops --accept"]


def test_the_page_can_be_read_by_everybody(page: Page) -> None:
    for language in report_page.LANGUAGES:
        root = page(language)
        assert root.get("lang") == language
        for landmark in ("header", "main", "footer"):
            assert len(root.xpath(f"//{landmark}")) == 1
        assert len(root.xpath("//h1")) == 1
        identifiers = root.xpath("//@id")
        assert len(identifiers) == len(set(identifiers))
        for table in root.xpath("//table"):
            assert table.get("aria-labelledby") in identifiers
            heads = table.xpath("./thead/tr/th[@scope='col']")
            for row in table.xpath("./tbody/tr"):
                assert len(row) == len(heads)
                assert row[0].get("scope") == "row"
        assert not root.xpath("//script | //*[@src] | //*[starts-with(@href, 'http')] | //*[@onclick]")
    assert "<b>" not in html.tostring(page(), encoding="unicode"), "what comes out of data is escaped"


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    digits = colour.lstrip("#")
    digits = "".join(each * 2 for each in digits) if len(digits) == 3 else digits
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("text", ["#1b1b1b", "#1f4e79", "#555"])
@pytest.mark.parametrize("ground", ["#fff", "#eef3f8", "#fbeeed"])
def test_contrast_is_enough(text: str, ground: str) -> None:
    assert text in report_style.STYLE + pages.STYLE, "a colour of the page"
    bright, dark = sorted((luminance(text), luminance(ground)), reverse=True)
    assert (bright + 0.05) / (dark + 0.05) >= 4.5


def test_a_run_that_failed_before_it_counted_says_so(bench: Bench) -> None:
    bench.shops(*ROWS)
    (bench.root / "source/shops.parquet").write_bytes(b"not Parquet")
    with pytest.raises(Exception, match="shops"):
        bench.run()
    found = report.find(bench.workspace, "shops")
    told = report_page.page(found, bench.workspace.dataset("shops"), "en")
    assert "The run failed" in told
    assert "ended before its rows were counted" in told


def test_both_languages_say_the_same_things() -> None:
    assert report_words.ENGLISH.keys() == report_words.FRENCH.keys()
    for key, said in report_words.ENGLISH.items():
        assert said.count("|") == report_words.FRENCH[key].count("|"), key
        assert placeholders(said) == placeholders(report_words.FRENCH[key]), key


def placeholders(text: str) -> set[str]:
    return {part.partition("}")[0] for part in text.split("{")[1:]}


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({"LANG": "fr_FR.UTF-8"}, "fr"), ({"LANG": "fr"}, "fr"), ({"LANG": "en_GB.UTF-8"}, "en"), ({}, "en"),
        ({"LC_ALL": "C", "LANG": "fr_FR.UTF-8"}, "en"), ({"LC_ALL": "", "LANG": "fr_BE@euro"}, "fr"),
        ({"LANG": "fry_NL"}, "en"),
    ],
)  # fmt: skip
def test_the_language_is_that_of_the_environment(environ: dict[str, str], language: str) -> None:
    assert language_of(environ) == language


def test_numbers_are_written_as_the_language_has_them() -> None:
    english, french = report_words.ENGLISH, report_words.FRENCH
    assert report_words.share(1, 1_000_000, english) == "< 0.01%"
    assert report_words.share(0, 10, english) == "0.00%"
    assert report_words.share(0, 0, english) == ""
    assert report_words.size(999, french) == "999 o"
    assert report_words.size(1_234_567, french) == "1,2 Mo"
    assert report_words.decimal(1234.5, french) == "1\u202f234,50"


# --- when it is due --------------------------------------------------------------------------------------------------


@pytest.fixture
def paris(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The server's clock is that of Paris."""
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def scheduled(line: str | None) -> Dataset:
    said = {"name": "shops", "title": "Shops", "owner": "ville", "audience": "open", "schedule": line}
    return Dataset.model_validate({**said, "source": {"registry": "source"}})


def at(moment: str) -> dt.datetime:
    return dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC)


@pytest.mark.usefixtures("paris")
@pytest.mark.parametrize(
    ("line", "last", "now", "due"),
    [
        ("15 3 * * *", None, "2026-06-01 00:00", True),
        (None, None, "2026-06-01 00:00", False),
        (None, "2020-01-01 00:00", "2026-06-01 00:00", False),
        ("15 3 * * *", "2026-06-01 01:14", "2026-06-01 01:15", True),  # 3:15 in Paris
        ("15 3 * * *", "2026-06-01 01:14", "2026-06-01 01:14", False),
        ("15 3 * * *", "2026-06-01 01:15", "2026-06-02 01:14", False),
        ("15 3 * * *", "2026-06-01 01:15", "2026-06-02 01:15", True),
        ("15 3 * * *", "2026-05-01 01:15", "2026-06-02 00:00", True),  # the server was off for a month
        ("30 2 * * *", "2026-03-28 01:30", "2026-03-29 00:59", False),  # 2:30 does not come on that night
        ("30 2 * * *", "2026-03-28 01:30", "2026-03-29 01:00", True),
        ("30 2 * * *", "2026-10-25 00:30", "2026-10-25 01:30", False),  # 2:30 comes a second time
        ("0 0 29 2 *", "2026-01-01 00:00", "2027-12-31 00:00", False),
    ],
)
def test_due_is_what_cron_says_on_the_clock_on_the_wall(
    line: str | None, last: str | None, now: str, due: bool
) -> None:
    assert schedule.is_due(scheduled(line), at(last) if last else None, at(now)) is due


@pytest.mark.usefixtures("paris")
@pytest.mark.parametrize(("now", "due"), [("2026-06-01 01:20", False), ("2026-06-01 06:20", True)])
def test_a_schedule_is_read_on_the_clocks_of_a_zone(now: str, due: bool) -> None:
    zone = ZoneInfo("America/Cayenne")  # where it is 3:15 five hours after Paris
    assert schedule.is_due(scheduled("15 3 * * *"), at("2026-06-01 00:00"), at(now), zone) is due


def test_the_workspaces_zone_is_that_of_its_schedules(bench: Bench) -> None:
    bench.shops(*ROWS, declaration=SHOPS + "schedule: '0 12 * * *'\n")
    began = report.began(bench.run())
    noon = began.replace(hour=12, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
    while noon - began > dt.timedelta(days=1):
        noon -= dt.timedelta(days=1)
    for hours in (-7, 5):  # Etc/GMT+7 is seven hours behind
        name = f"Etc/GMT{-hours:+d}"
        bench.write("beffroi.yaml", CONFIGURATION + f"timezone: {name}\n")
        there = noon - dt.timedelta(hours=hours)
        while there <= began:
            there += dt.timedelta(days=1)
        while there - began > dt.timedelta(days=1):
            there -= dt.timedelta(days=1)
        assert schedule.due(bench.workspace, there - dt.timedelta(seconds=1)) == [], name
        assert schedule.due(bench.workspace, there) == ["shops"], name


def test_due_since_the_last_run_that_asked_the_source(bench: Bench) -> None:
    bench.shops(*ROWS, declaration=SHOPS + "schedule: '* * * * *'\n")
    now = dt.datetime.now(dt.UTC)
    assert schedule.due(bench.workspace, now) == ["shops"], "it never ran"
    run(bench.workspace, "shops", preview=True)
    assert schedule.due(bench.workspace, now) == ["shops"], "a preview is no run"
    began = report.began(bench.run())
    assert schedule.due(bench.workspace, began) == []
    assert schedule.due(bench.workspace, began + dt.timedelta(minutes=1)) == ["shops"]
    run(bench.workspace, "shops", replay=True)
    assert schedule.due(bench.workspace, began + dt.timedelta(minutes=1)) == ["shops"], "a replay asks no source"


# --- metrics ---------------------------------------------------------------------------------------------------------


def measured(file: Path) -> dict[str, float]:
    """Return the metrics of shops, read by the library that writes them."""
    with file.open(encoding="utf-8") as text:
        families = list(text_fd_to_metric_families(text))
    return {
        sample.name.removeprefix("beffroi_dataset_"): sample.value
        for family in families
        for sample in family.samples
        if sample.labels == {"dataset": "shops"}
    }


def test_metrics_tell_of_the_last_run_and_the_version(bench: Bench) -> None:
    found = made(bench)
    told = measured(metrics.write(bench.workspace))
    assert told == {
        "rows_in": 5, "rows_out": 2, "rows_quarantined": 2, "rows_merged": 1, "sources_missing": 0.0, "run_seconds": found.seconds,
        "run_success": 1, "run_timestamp_seconds": pytest.approx(report.began(found).timestamp()), "version": 1,
        "version_timestamp_seconds": pytest.approx(bench.latest().as_of.timestamp()),
    }  # fmt: skip
    bench.write("datasets/shops.yaml", SHOPS + "expect: {rows: {min: 100}}\n")
    with pytest.raises(RunFailed):
        bench.run()
    told = measured(metrics.write(bench.workspace))
    assert (told["run_success"], told["version"]) == (0, 1)


def test_metrics_of_a_workspace_that_never_ran_are_none(bench: Bench) -> None:
    bench.shops(*ROWS)
    assert measured(metrics.write(bench.workspace)) == {}


def test_metrics_without_the_dataset_whose_log_is_damaged(bench: Bench) -> None:
    made(bench)
    log = next((bench.root / ".beffroi/lake/shops/_delta_log").glob("*.json"))
    log.write_text("{")
    told = measured(metrics.write(bench.workspace))
    assert "version" not in told
    assert told["run_success"] == 1, json.dumps(told)
