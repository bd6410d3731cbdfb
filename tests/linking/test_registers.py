"""122 municipal registers of one province made one: what is found is held against the truth, each conflict is told."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

from connectors.sandbox import towns
from gateway.cli import main
from pipelines.linking import files
from pipelines.report import page
from tests.pipelines.bench import Bench, read

REFERENCE = Path(__file__).resolve().parents[2] / "datasets" / "reference"
DATASET = """\
title: Residents of the province
owner: ville
audience: owner
sources:
{sources}schema:
  fields:
    - {{name: person, type: integer, personal: indirect}}
    - {{name: number}}
    - {{name: family_name, personal: direct}}
    - {{name: given_name, personal: direct}}
    - {{name: sex, personal: indirect}}
    - {{name: birth_date, type: date, personal: indirect}}
    - {{name: address, personal: indirect}}
    - {{name: postal_code, personal: indirect}}
    - {{name: city, personal: indirect}}
    - {{name: phone, personal: indirect}}
    - {{name: status, personal: indirect}}
    - {{name: updated, type: date}}
  primaryKey: person
clean:
  birth_date: {{steps: [date]}}
  updated: {{steps: [date]}}
link:
  person: {{record: person, identity: [number], within_sources: false}}
merge:
  default: first
  columns: {{address: recent, postal_code: recent, city: recent, phone: recent, updated: recent, status: majority}}
  recent: updated
expect: {{drift: {{keys: 1, sources: 1}}}}
"""
COLUMNS = {
    "NUMERO": "number", "NOM": "family_name", "PRENOMS": "given_name", "SEXE": "sex", "NE_LE": "birth_date",
    "ADRESSE": "address", "CP": "postal_code", "VILLE": "city", "TELEPHONE": "phone", "STATUT": "status",
    "MAJ": "updated",
}  # fmt: skip
RULES = dict.fromkeys(("address", "postal_code", "city", "phone", "updated"), "recent") | {"status": "majority"}
"""All others are of the first source that has a value."""

Row = dict[str, Any]
Place = tuple[str, str]


class Province:
    """The registers, as they are written to files, and the workspace in which they are one dataset."""

    def __init__(self, root: Path) -> None:
        self.bench = Bench(root)
        drawn = towns.draw(REFERENCE, residents=200)["residents"]
        self.entities = drawn.entities
        self.towns: dict[str, list[Row]] = {
            code: [{COLUMNS[name]: value or None for name, value in row.items()} for row in rows]
            for code, rows in drawn.rows.items()
        }
        for code in self.towns:
            self.put(code)
        sources = "".join(
            f"  - {{name: '{code}', registry: source, table: t{code}, when_missing: last}}\n" for code in self.towns
        )
        self.bench.write("datasets/residents.yaml", DATASET.format(sources=sources))

    def put(self, code: str) -> None:
        """Write the register of a town."""
        self.bench.source(f"t{code}", self.towns[code], dict.fromkeys(COLUMNS.values(), pa.string()))

    def run(self) -> Any:
        return self.bench.run("residents")

    def rows(self) -> dict[int, Row]:
        """Return the rows of the latest version by their key, with dates as texts."""
        found = self.bench.rows("residents")
        return {row["person"]: {name: value and str(value) for name, value in row.items()} for row in found}

    def clusters(self) -> dict[int, list[Place]]:
        """Return the records of each cluster, in the order of the sources."""
        order = {code: at for at, code in enumerate(self.towns)}
        found = defaultdict[int, list[Place]](list)
        for row in read(files.of(self.bench.latest("residents").folder, "person", "members.parquet")):
            code, number = json.loads(row["identity"])
            found[row["cluster"]].append((code, number))
        return {cluster: sorted(places, key=lambda each: order[each[0]]) for cluster, places in found.items()}

    def record(self, place: Place) -> Row:
        return next(row for row in self.towns[place[0]] if row["number"] == place[1])

    def right(self) -> dict[int, list[Place]]:
        """Return the clusters that are just what the truth has."""
        true = {frozenset(entity.rows) for entity in self.entities}
        return {cluster: places for cluster, places in self.clusters().items() if frozenset(places) in true}


def kept(rows: list[Row], column: str) -> Any:
    """Return what a column of one person is to be, by its rule; the rows stand in the order of the sources."""
    there = [row for row in rows if row[column] is not None]
    if not there:
        return None
    match RULES.get(column):
        case "recent":
            return max(there, key=lambda row: row["updated"])[column]
        case "majority":
            return Counter(row[column] for row in there).most_common(1)[0][0]
        case _:
            return there[0][column]


def differing(province: Province, clusters: dict[int, list[Place]]) -> Iterator[tuple[str, ...]]:
    """Yield the key, the column, its rule, what is to be kept, and each other value with where it stands."""
    for cluster, places in clusters.items():
        rows = [province.record(place) for place in places]
        for column in [name for name in COLUMNS.values() if name not in ("number", "updated")]:
            ours = kept(rows, column)
            for (code, _), row in zip(places, rows, strict=True):
                if row[column] is not None and row[column] != ours:
                    at = str(province.towns[code].index(row) + 1)
                    yield (str(cluster), column, RULES.get(column, "first"), ours, row[column], code, at)


def told(found: Iterable[Row]) -> list[tuple[str, ...]]:
    names = ("key", "column", "rule", "kept", "other", "other_source", "other_place")
    return sorted(tuple(str(each[name]) for name in names) for each in found)


def beffroi(province: Province, *words: str) -> str:
    done = CliRunner().invoke(main, [*words, "--workspace", str(province.bench.root)], env={"LC_ALL": "C"})
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Province:
    """122 registers, merged once; a test that changes them stands below those that only look."""
    province = Province(tmp_path_factory.mktemp("registers") / "workspace")
    assert province.run().outcome == "new"
    return province


def test_nearly_all_persons_are_found_and_no_two_are_mixed(province: Province) -> None:
    mixed = {place: at for at, entity in enumerate(province.entities) for place in entity.rows}
    clusters = province.clusters()
    assert [places for places in clusters.values() if len({mixed[each] for each in places}) > 1] == []
    assert len(province.right()) >= 0.97 * len(province.entities)
    assert sorted(place for places in clusters.values() for place in places) == sorted(mixed)


def test_each_column_is_what_its_rule_says(province: Province) -> None:
    rows, clusters = province.rows(), province.right()
    for cluster, places in clusters.items():
        records = [province.record(place) for place in places]
        assert rows[cluster] == {"person": str(cluster)} | {name: kept(records, name) for name in COLUMNS.values()}
    truth = {frozenset(entity.rows): entity for entity in province.entities}
    for cluster, places in clusters.items():
        planted = truth[frozenset(places)].recent | truth[frozenset(places)].majority
        assert {name: rows[cluster][COLUMNS[name]] for name in planted} == planted


def test_each_planted_conflict_is_reported_and_nothing_else(province: Province) -> None:
    found = read(province.bench.latest("residents").folder / "conflicts.parquet")
    right = province.right()
    expected = sorted(differing(province, right))
    assert told(each for each in found if int(each["key"]) in right) == expected
    planted = {rule: {each[0] for each in expected if each[2] == rule} for rule in ("recent", "first", "majority")}
    assert all(len(keys) > 10 for keys in planted.values()), "each rule has decided something"


def test_the_report_sums_up_who_differs_in_what(province: Province) -> None:
    report = province.bench.run("residents")
    assert report.outcome == "unchanged"
    found = read(province.bench.latest("residents").folder / "conflicts.parquet")
    columns = Counter(each["column"] for each in found)
    sources = Counter(each["other_source"] for each in found)
    told = report.differing
    assert {each["column"]: each["values"] for each in told["columns"]} == columns
    assert {each["source"]: each["other"] for each in told["sources"] if each["other"]} == sources
    assert told["rows"] == len({each["key"] for each in found})
    assert len(report.conflicts_by) == 50 < told["pairs"]
    for language, words in (("en", "Values not kept, by source"), ("fr", "Valeurs écartées, par source")):
        shown = {
            each.name: each for each in page.sections(report, province.bench.workspace.dataset("residents"), language)
        }
        assert shown["differing-sources"].title == words
        assert [row[0] for row in shown["differing-columns"].rows] == [name for name, _ in columns.most_common()]
    source, most = sources.most_common(1)[0]
    listed = json.loads(beffroi(province, "conflicts", "residents", "--source", source, "--limit", "0", "--json"))
    assert (len(listed), {each["other_source"] for each in listed}) == (most, {source})


def test_a_row_leads_back_to_its_records_and_tells_why_they_are_one(province: Province) -> None:
    cluster, places = next((number, places) for number, places in province.clusters().items() if len(places) == 3)
    traced = json.loads(beffroi(province, "trace", "residents", str(cluster), "--json"))
    there = {(code, province.towns[code].index(province.record((code, number))) + 1) for code, number in places}
    assert {(each["source"], each["place"]) for each in traced["origins"]} == there
    ends = {(each[f"{side}source"], each[f"{side}place"]) for each in traced["links"] for side in ("", "other_")}
    assert (len(traced["links"]), ends) == (2, there)
    text = beffroi(province, "trace", "residents", str(cluster))
    assert "are one: Linked. Same: " in text
    assert "n'en font qu'une : " in beffroi(province, "trace", "residents", str(cluster), "--lang", "fr")
    name = province.record(places[0])["family_name"]
    why = beffroi(province, "link", "residents", "--why", str(cluster))
    assert "3 " in why
    assert name not in text + why
    assert not [number for _, number in places if number in why], "what was not typed is not told"


def test_one_register_changes_its_own_rows_only_and_one_that_is_away_has_what_it_gave_last(province: Province) -> None:
    before, was = province.rows(), province.clusters()
    several = {places[0]: cluster for cluster, places in was.items() if len(places) > 1}
    code = Counter(code for code, _ in several).most_common(1)[0][0]
    moved = next(place for place in several if place[0] == code)
    gone = next(cluster for cluster, places in was.items() if len(places) == 1 and places[0][0] == code)
    province.record(moved).update(phone="0322000000", updated="2026-01-31")
    province.towns[code].remove(province.record(was[gone][0]))
    province.put(code)
    away = max((each for each in province.towns if each != code), key=lambda each: len(province.towns[each]))
    (province.bench.root / "source" / f"t{away}.parquet").unlink()
    report = province.run()
    after = province.rows()
    assert (report.outcome, report.added, report.changed, report.removed) == ("new", 0, 1, 1)
    differ = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert differ == {several[moved], gone}
    assert after[several[moved]]["phone"] == "0322000000"
    assert province.clusters() == {key: places for key, places in was.items() if key != gone}, "keys stay"
    assert [each["name"] for each in report.sources if each.get("missing")] == [away]
    link = report.links["person"]
    assert (link["trained"], link["records_new"], link["records_changed"], link["records_gone"]) == ("kept", 0, 1, 1)
