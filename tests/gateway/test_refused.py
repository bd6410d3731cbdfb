"""`beffroi quarantine` and `beffroi trace` as stewards use them, and what the journal has of it."""

import datetime as dt
import json
import re
from pathlib import Path
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.french import FRENCH
from pipelines import report as reports
from tests.gateway.test_journal import entries
from tests.pipelines.bench import CONFIGURATION, SHOPS, Bench

PURPOSES = """\
purposes:
  tenue: {title: Tenue du fichier, procedure: Fichier, legal_basis: RGPD 6}
"""
PEOPLE = """\
title: People
owner: ville
audience: owner
source: {registry: source, table: people}
schema:
  fields:
    - {name: nir, personal: true}
    - {name: born, type: date, personal: true}
    - {name: town}
  primaryKey: nir
clean:
  nir: {from: NIR}
  born: {from: NE_LE, steps: [trim, date]}
"""
SECRET = "31/02/1950"


@pytest.fixture
def shops(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path / "workspace")
    bench.shops(("1", "a", "x", None), ("2", "b", "y", "31/02/2011"), ("3", "c", "4", None), ("3", "d", "4", None))
    bench.run()
    return bench


@pytest.fixture
def people(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path / "workspace")
    bench.write("beffroi.yaml", CONFIGURATION + PURPOSES)
    bench.write("datasets/people.yaml", PEOPLE)
    rows = [("184", SECRET, "Amiens"), ("285X", "01/03/1960", "Arras")]
    bench.source("people", [dict(zip(("NIR", "NE_LE", "town"), row, strict=True)) for row in rows])
    bench.run("people")
    return bench


def beffroi(bench: Bench, *words: str, status: int = 0, typed: str | None = None, lang: str = "C") -> Result:
    """Call a command on the workspace and hold it to its exit status."""
    done = CliRunner().invoke(main, [*words, "--workspace", str(bench.root)], input=typed, env={"LC_ALL": lang})
    assert done.exit_code == status, (done.output, done.exception)
    return done


def told(bench: Bench, *words: str, **more: Any) -> Any:
    return json.loads(beffroi(bench, *words, "--json", **more).stdout)


def journal(bench: Bench) -> list[dict[str, Any]]:
    folder = bench.root / ".beffroi"
    return entries(folder) if (folder / "journal.db").is_file() else []


def test_a_list_names_the_source_and_speaks_the_language_of_whoever_reads_it(shops: Bench) -> None:
    first = told(shops, "quarantine", "list")[0]
    assert (first["source"], first["place"], first["version"]) == ("source/shops", 1, 1)
    assert "raw" not in first
    assert "is not of the type integer" in beffroi(shops, "quarantine", "list").stdout
    french = beffroi(shops, "quarantine", "list", lang="fr_FR.UTF-8").stdout
    assert "n'est pas du type integer" in french
    assert "is not of the type" not in french
    assert "n'est pas" in beffroi(shops, "quarantine", "list", "--lang", "fr").stdout
    assert journal(shops) == [], "no row was told"


def test_by_rule_counts_rows_and_says_where_one_stands(shops: Bench) -> None:
    found = told(shops, "quarantine", "list", "--by-rule")
    assert [(each["column"], each["rule"], each["rows"], each["place"]) for each in found] == [
        ("workers", "type", 2, 1), ("opened", "date", 1, 2),
    ]  # fmt: skip
    line = beffroi(shops, "quarantine", "list", "shops", "--by-rule", lang="fr_FR").stdout.splitlines()[1]
    assert line.split()[:7] == ["shops", "source/shops", "workers", "type", "2", "ligne", "1"]
    assert "n'est pas du type integer" in line


def test_show_tells_all_of_one_row_and_is_on_the_journal(people: Bench) -> None:
    refused = beffroi(people, "quarantine", "show", "people", "1", status=1)
    assert "--purpose" in refused.stderr
    assert SECRET not in refused.output
    shown = told(people, "quarantine", "show", "people", "1", "--purpose", "tenue")
    assert shown["row"]["raw"] == {"NIR": "184", "NE_LE": SECRET, "town": "Amiens"}
    assert [(made["step"], made["refused"]) for made in shown["steps"]["born"]] == [
        ("", False), ("trim", False), ("date", True),
    ]  # fmt: skip
    assert "beffroi quarantine fix people 1" in shown["todo"]
    text = beffroi(people, "quarantine", "show", "people", "1", "--purpose", "tenue", "--lang", "fr").stdout
    assert "is not a date" not in text
    assert "n'est pas une date" in text
    assert "Corrigez-la" in text
    assert "COLONNE=VALEUR" in text
    for said in ("ligne 1 dans source/people (version 1)", "telle qu'elle vient", "refusée", "colonne de la source"):
        assert said in text
    assert list(shown["row"]["raw"]) == ["NIR", "NE_LE", "town"], "in the order of the file"
    assert SECRET in text
    first, *others = journal(people)
    assert (first["outcome"], first["fields"]) == ("not-granted", [])
    for entry in others:
        assert (entry["action"], entry["resource"], entry["purpose"]) == ("quarantine", "dataset:people", "tenue")
        assert (entry["fields"], entry["source"]) == (["NE_LE", "NIR", "town"], "version 1")


HEAD = "id;name;workers;opened"
OF_CSV = CONFIGURATION.replace("path: source", "path: source, tables: {shops: {file: shops.csv}}")


def from_csv(bench: Bench, text: str) -> None:
    bench.write("beffroi.yaml", OF_CSV)
    bench.write("source/shops.csv", text)
    bench.run()


@pytest.mark.parametrize(
    ("text", "place", "line"),
    [
        (f"{HEAD}\n1;a;1;\n2;b;x;\n", 2, 3),
        (f"{HEAD}\n1;a;1;\n\n\n2;b;x;\n", 2, 5),
        (f'{HEAD}\n1;"a\nb""\nc";1;\n2;"b\nc";x;\n3;d;1;\n', 2, 5),
        (f"{HEAD}\r\n1;a;1;\r\n2;b;x;\r\n", 2, 3),
        (f"\ufeff{HEAD}\n1;a;1;\n2;é;x;\n", 2, 3),
    ],
)
def test_show_tells_the_line_of_a_plain_file(shops: Bench, text: str, place: int, line: int) -> None:
    from_csv(shops, text)
    assert told(shops, "quarantine", "show", "shops", str(place))["line"] == line
    shown = beffroi(shops, "quarantine", "show", "shops", str(place)).stdout
    assert shown.startswith(f"shops: row {place} of source/shops (version 2, line {line} of its file)\n")
    shown = beffroi(shops, "quarantine", "show", "shops", str(place), lang="fr_FR").stdout
    assert shown.startswith(f"shops : ligne {place} dans source/shops (version 2, ligne {line} du fichier)\n")


def test_show_tells_no_line_where_it_cannot_be_known(shops: Bench) -> None:
    assert told(shops, "quarantine", "show", "shops", "1")["line"] is None, "a Parquet file has no lines"
    from_csv(shops, f"{HEAD}\n1;a;1;\n{HEAD}\n2;b;x;\n")  # whose header comes again
    assert told(shops, "quarantine", "show", "shops", "2")["line"] is None, "the file was made a table"
    assert " of its file" not in beffroi(shops, "quarantine", "show", "shops", "2").stdout
    from_csv(shops, f"{HEAD}\n1;a;1;\n2;b;x;\n")
    for file in (shops.root / ".beffroi/raw/shops").glob("*.csv"):
        file.unlink()
    assert told(shops, "quarantine", "show", "shops", "2")["line"] is None, "the raw file is gone"


def test_a_fix_says_at_once_whether_the_row_would_pass_and_replay_brings_it_in(shops: Bench) -> None:
    fixed = told(shops, "quarantine", "fix", "shops", "2", "workers=5", "--why", "asked")
    assert (fixed["passes"], [each["column"] for each in fixed["failures"]]) == (False, ["opened"])
    done = beffroi(shops, "quarantine", "fix", "shops", "2", "opened=", "--why", "nobody knows")
    assert "corrected in workers, opened" in done.stdout
    assert "By itself it passes now" in done.stdout
    table = shops.root / "source" / "shops.parquet"
    table.unlink()  # a replay asks no source
    (report,) = told(shops, "quarantine", "replay", "shops")
    assert (report["rows_in"], report["rows_out"], report["quarantined"], report["merged"]) == (4, 2, 1, 1)
    assert report["corrected"] == 1
    assert [row["id"] for row in shops.rows()] == ["2", "3"]
    (held,) = told(shops, "quarantine", "fix", "--list")
    assert (held["places"], held["columns"], held["why"]) == ([2], ["workers", "opened"], "nobody knows")
    assert beffroi(shops, "quarantine", "fix", "shops", "--list").stdout.split("\n")[1].split()[:3] == [
        "shops", "source/shops", "2",
    ]  # fmt: skip
    assert "as it came again" in beffroi(shops, "quarantine", "fix", "shops", "2", "--drop").stdout
    assert told(shops, "quarantine", "fix", "--list") == []
    assert told(shops, "quarantine", "replay", "shops")[0]["quarantined"] == 2


@pytest.mark.parametrize("said", ["NE_LE", "NE_LE=@-"])
def test_personal_values_need_not_stand_on_the_command_line(people: Bench, said: str) -> None:
    done = beffroi(people, "quarantine", "fix", "people", "1", said, "--why", "act", typed="28/02/1950\n")
    assert "28/02/1950" not in done.output
    assert "By itself it passes" in done.stdout
    assert "The command line is kept" not in done.stderr
    beffroi(people, "quarantine", "replay", "people")
    assert sorted(str(row["born"]) for row in people.rows("people")) == ["1950-02-28", "1960-03-01"]
    (told_of,) = told(people, "quarantine", "fix", "--list")
    assert "28/02/1950" not in json.dumps(told_of), "of a correction the columns are told, not the values"


def test_a_personal_value_on_the_command_line_is_warned_of(people: Bench) -> None:
    done = beffroi(people, "quarantine", "fix", "people", "1", "NE_LE=28/02/1950", "--why", "act")
    assert "The command line is kept and can be seen" in done.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["shops", "1", "workers=5"], "--why"),
        (["shops", "1", "--why", "x"], "COLUMN=VALUE"),
        (["shops", "1", "workers=1", "--drop"], "COLUMN=VALUE"),
        (["shops", "1", "--drop"], "no correction of row 1"),
        (["shops", "3", "workers=1", "--why", "x"], "refused no row 3"),
        (["shops", "9", "workers=1", "--why", "x"], "had no row 9"),
        (["shops", "1", "employees=1", "--why", "x"], "no column «employees»"),
        (["shops", "1", "workers", "--why", "x"], "no value of workers came on standard input"),
        (["shop", "1", "workers=1", "--why", "x"], "there is no dataset «shop»"),
    ],
)
def test_what_a_fix_cannot_be_is_said(shops: Bench, words: list[str], why: str) -> None:
    assert why in beffroi(shops, "quarantine", "fix", *words, status=1).stderr
    assert told(shops, "quarantine", "fix", "--list") == []


def test_a_trace_tells_places_and_with_raw_the_values_on_the_journal(people: Bench) -> None:
    done = beffroi(people, "trace", "people", "-", typed="285X\n")
    assert "row 1 of version 1" in done.stdout
    assert "from row 2 of source/people, of the registry source, table people" in done.stdout
    assert "Arras" not in done.output
    assert "285X" not in done.output
    assert journal(people) == []
    assert "--purpose" in beffroi(people, "trace", "people", "-", "--raw", status=1, typed="285X\n").stderr
    found = told(people, "trace", "people", "-", "--raw", "--purpose", "tenue", typed="285X\n")
    assert found["origins"][0]["values"]["NE_LE"] == "01/03/1960"
    first, second = journal(people)
    assert (first["outcome"], second["outcome"], second["action"]) == ("not-granted", "found", "trace")
    assert first["identifier"] == second["identifier"], "who read my data is found by one hash"
    assert second["fields"] == ["NE_LE", "NIR", "town"]
    assert "285X" not in json.dumps(journal(people))


def test_a_raw_row_is_traced_forward(people: Bench) -> None:
    assert "was refused" in beffroi(people, "trace", "people", "--place", "1").stdout
    assert "is row 1" in beffroi(people, "trace", "people", "--source", "source/people", "--place", "2").stdout
    assert SECRET not in beffroi(people, "trace", "people", "--place", "1").stdout
    assert SECRET in beffroi(people, "trace", "people", "--place", "1", "--raw", "--purpose", "tenue").stdout
    found = told(people, "trace", "people", "--place", "2", "--raw", "--purpose", "tenue")
    assert (found["outcome"], found["key"], found["row"]) == ("published", "285X", 1)
    without, with_key = journal(people)
    assert (without["identifier"], bool(with_key["identifier"])) == (None, True)
    assert "say the KEY" in beffroi(people, "trace", "people", status=1).stderr


def test_what_is_behind_a_dataset_is_an_access_of_its_own(people: Bench) -> None:
    people.write(
        "datasets/copy.yaml",
        PEOPLE.replace("{registry: source, table: people}", "{dataset: people}").partition("clean:")[0],
    )
    people.run("copy")
    beffroi(people, "trace", "copy", "-", "--raw", "--purpose", "tenue", typed="285X\n")
    assert [(entry["action"], entry["resource"]) for entry in journal(people)] == [
        ("trace", "dataset:copy"), ("trace", "dataset:people"),
    ]  # fmt: skip


def test_merges_and_conflicts_are_told_in_words(shops: Bench) -> None:
    text = beffroi(shops, "trace", "shops", "3").stdout
    assert "merged with row 4 of source/shops" in text
    assert "conflict in name: source/shops kept by «first», not row 4 of source/shops" in text
    assert "c kept, not d" in beffroi(shops, "trace", "shops", "3", "--raw").stdout
    assert (
        "merged into row 3 of source/shops, which is row 1" in beffroi(shops, "trace", "shops", "--place", "4").stdout
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("3",), "fusionnée avec la ligne 4 dans source/shops, du registre source, table shops"),
        (("3",), "faite par l'exécution du 20"),
        (
            ("3", "--raw"),
            "conflit dans name : source/shops retenue par «first», non la ligne 4 dans source/shops : c retenue",
        ),
        (("--place", "1"), "a été refusée\n  workers : n'est pas du type integer (type)"),
        (("--place", "4"), "a été fusionnée avec la ligne 3 dans source/shops, qui est la ligne 1"),
        (("--place", "3"), "dans la version 1 : est la ligne 1"),
    ],
)
def test_a_trace_is_told_in_french(shops: Bench, words: tuple[str, ...], said: str) -> None:
    assert said in beffroi(shops, "trace", "shops", *words, "--lang", "fr").stdout
    assert said in beffroi(shops, "trace", "shops", *words, lang="fr_FR.UTF-8").stdout


def test_moments_are_told_to_the_second_on_the_workspace_s_clocks(shops: Bench) -> None:
    shops.write("beffroi.yaml", f"timezone: Europe/Paris\n{CONFIGURATION}")
    whole = told(shops, "trace", "shops", "3")
    text = beffroi(shops, "trace", "shops", "3", "--lang", "fr").stdout
    run, committed = re.findall(r" (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d CES?T)\b", text.splitlines()[1])
    paris = ZoneInfo("Europe/Paris")
    for said, known in ((run, whole["run"]), (committed, whole["committed"])):
        assert said == f"{dt.datetime.fromisoformat(known).astimezone(paris):%Y-%m-%d %H:%M:%S %Z}"
    assert reports.find(shops.workspace, "shops", run).run == whole["run"], "a report is found by what is shown"


def test_both_languages_name_the_same_things() -> None:
    def named(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert [english for english, french in FRENCH.items() if named(english) != named(french)] == []


def test_conflicts_are_listed_by_place_and_with_raw_by_value_on_the_journal(shops: Bench) -> None:
    place = {"column": "name", "rule": "first", "kept_source": "source/shops", "other_source": "source/shops"}
    assert told(shops, "conflicts", "shops") == [place | {"other_place": 4}]
    assert journal(shops) == [], "no value was told"
    assert told(shops, "conflicts", "shops", "--column", "workers") == []
    (found,) = told(shops, "conflicts", "shops", "--raw")
    assert (found["key"], found["kept"], found["other"]) == ("3", "c", "d")
    (entry,) = journal(shops)
    assert (entry["action"], entry["resource"], entry["fields"]) == ("conflicts", "dataset:shops", ["name"])
    row = (None, None)
    shops.shops(*[(str(number), name, *row) for number in range(3) for name in "ab"])
    shops.run()
    listed = beffroi(shops, "conflicts", "shops", "--limit", "2")
    assert len(listed.stdout.splitlines()) == 3
    assert "--limit 0 shows all" in listed.stderr
    assert len(told(shops, "conflicts", "shops", "--limit", "0")) == 3


def test_values_in_conflict_need_a_purpose_where_they_are_personal(people: Bench) -> None:
    rows = [{"NIR": "285", "NE_LE": "01/03/1960", "town": town} for town in ("Amiens", "Arras")]
    people.source("people", rows)
    people.run("people")
    assert "Arras" not in beffroi(people, "conflicts", "people").output
    assert "--purpose" in beffroi(people, "conflicts", "people", "--raw", status=1).stderr
    assert "Arras" in beffroi(people, "conflicts", "people", "--raw", "--purpose", "tenue").stdout
    assert [entry["outcome"] for entry in journal(people)] == ["not-granted", "found"]


def test_shops_are_open_but_their_refused_rows_are_not(shops: Bench) -> None:
    assert "audience: open" in SHOPS
    assert told(shops, "quarantine", "show", "shops", "1")["row"]["raw"]["workers"] == "x"
    assert [entry["action"] for entry in journal(shops)] == ["quarantine"]
