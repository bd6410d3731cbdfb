"""The municipal database holds what it says it holds, and nothing worse."""

import datetime as dt
import re
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from stdnum.fr import siret

from connectors.sandbox import municipal, suppliers
from connectors.sandbox.names import folded

REFERENCE = Path(__file__).parents[1] / "datasets" / "reference"
COMMUNES = REFERENCE / "communes.parquet"
MONTHS = dict(zip((*municipal.MONTHS, *municipal.MONTHS_LATER), range(1, 13), strict=True))

Row = dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Row], dict[str, int]]:
    path = tmp_path_factory.mktemp("municipal") / "town hall.sqlite"
    counts = municipal.make(path, REFERENCE)
    assert [each.name for each in path.parent.iterdir()] == [path.name], "nothing is left beside it"
    return read(path), counts


def read(path: Path) -> list[Row]:
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute("SELECT * FROM associations")]


def key(row: Row) -> str:
    return re.sub(r"\s", "", row["ID_ASSO"] or "").upper()


def day(text: str) -> dt.date:
    if french := re.fullmatch(r"(\d\d)/(\d\d)/(\d{4})", text):
        return dt.date(int(french[3]), int(french[2]), int(french[1]))
    if long := re.fullmatch(r"(\d+) (\w+) (\d{4})", text):
        return dt.date(int(long[3]), MONTHS[long[2]], int(long[1]))
    return dt.date.fromisoformat(text)


def impossible(row: Row) -> bool:
    try:
        return bool(row["DATE_CREA"]) and not day(row["DATE_CREA"])
    except ValueError:
        return True


def test_counts(made: tuple[list[Row], dict[str, int]]) -> None:
    rows, counts = made
    named = Counter(
        (folded(row["name"]), postal_code)
        for row in pq.read_table(COMMUNES).to_pylist()
        for postal_code in row["postal_codes"]
    )
    keys = Counter(key(row) for row in rows if key(row))
    towns = [(re.sub(r" CEDEX.*", "", row["VILLE"]).strip(), f"{int(row['CP']):05}") for row in rows]
    assert all(re.fullmatch(r"W\d{9}", each) for each in keys)
    assert all(named[town] <= 1 for town in towns)
    assert counts == {
        "rows": len(rows),
        "duplicates": len(rows) - len(keys) - sum(not key(row) for row in rows),
        "missing_keys": sum(not key(row) for row in rows),
        "bad_dates": sum(map(impossible, rows)),
        "bad_sirets": sum(bool(row["SIRET"]) and not siret.is_valid(row["SIRET"]) for row in rows),
        "unknown_towns": sum(town not in named for town in towns),
        "suppliers": suppliers.ROWS,
    }


def test_no_row_has_two_defects(made: tuple[list[Row], dict[str, int]]) -> None:
    rows, _ = made
    named = {(folded(row["name"]), pc) for row in pq.read_table(COMMUNES).to_pylist() for pc in row["postal_codes"]}
    keys = Counter(map(key, rows))
    defects = [
        (not key(row))
        + impossible(row)
        + (bool(row["SIRET"]) and not siret.is_valid(row["SIRET"]))
        + ((re.sub(r" CEDEX.*", "", row["VILLE"]).strip(), f"{int(row['CP']):05}") not in named)
        + (bool(key(row)) and keys[key(row)] > 1)
        for row in rows
    ]
    assert max(defects) == 1


def test_duplicates_complete_each_other(made: tuple[list[Row], dict[str, int]]) -> None:
    rows, _ = made
    keys = Counter(map(key, rows))
    twice = [name for name in keys if name and keys[name] > 1]
    for name in twice:
        one, other = (row for row in rows if key(row) == name)
        assert one["ID_ASSO"] != other["ID_ASSO"]
        assert {bool(one["SIRET"]), bool(other["SIRET"])} == {True, False}
        assert {bool(one["TEL"]), bool(other["TEL"])} == {True, False}
        assert day(one["DATE_CREA"]) == day(other["DATE_CREA"])
        assert one["NOM"].split() == other["NOM"].split() or one["NOM"].upper().split() == other["NOM"].upper().split()


def test_looks_like_the_real_thing(made: tuple[list[Row], dict[str, int]]) -> None:
    rows, _ = made
    assert {type(row["CP"]) for row in rows} == {int, str}
    assert sum(row["CP"] < 10_000 for row in rows if isinstance(row["CP"], int)) > 100, "leading zeros lost"
    assert all(row["VILLE"].isascii() and row["NOM"].isascii() for row in rows)
    assert sum("CEDEX" in row["VILLE"] for row in rows) > 50
    assert sum(row["VILLE"].startswith(("ST ", "STE ")) for row in rows) > 50
    assert {bool(re.match(form, row["DATE_CREA"])) for form in (r"\d{4}-", r"\d\d/", r"\d+ ") for row in rows} == {
        True,
        False,
    }


def test_same_seed_same_rows(made: tuple[list[Row], dict[str, int]], tmp_path: Path) -> None:
    path = tmp_path / "again.sqlite"
    path.write_bytes(b"what stood there before")
    (tmp_path / ".again.sqlite.new").write_bytes(b"what a killed run left")
    assert municipal.make(path, REFERENCE) == made[1]
    assert read(path) == made[0]
    municipal.make(path, REFERENCE, seed=2)
    assert read(path) != made[0]


# --- suppliers -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def known() -> list[suppliers.Supplier]:
    return suppliers.draw(REFERENCE / "companies.parquet")


def test_suppliers_are_the_rows_of_the_table_and_say_nowhere_which_company_they_are(
    known: list[suppliers.Supplier], tmp_path: Path
) -> None:
    path = tmp_path / "town.sqlite"
    municipal.make(path, REFERENCE)
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        rows = [dict(row) for row in database.execute("SELECT * FROM suppliers")]
    assert rows == [each.row for each in known]
    assert len({row["CODE_TIERS"] for row in rows}) == len(rows) == suppliers.ROWS


def test_suppliers_are_companies_of_the_register(known: list[suppliers.Supplier]) -> None:
    companies = {row["siren"]: row for row in pq.read_table(REFERENCE / "companies.parquet").to_pylist()}
    assert sum(each.siren is each.lei is None for each in known) == suppliers.UNKNOWN
    found = Counter(each.siren for each in known if each.siren)
    assert sum(count - 1 for count in found.values()) >= suppliers.DUPLICATES
    right = short = merged = 0
    for row, siren, _ in known:
        digits = re.sub(r"\s", "", row["SIRET"] or "")
        if siren is None:
            assert not digits
            continue
        assert row["VILLE"].removesuffix(" CEDEX").strip() == folded(companies[siren]["commune_name"])
        right += digits == siren + companies[siren]["nic"]
        short += digits == siren
        merged += bool(digits) and companies.get(digits[:9], {}).get("merged_into") == siren
    assert (short, merged) == (suppliers.SHORT_NUMBERS, suppliers.MERGED)
    wrong = sum(bool(each.row["SIRET"]) for each in known) - right - short - merged
    assert wrong == suppliers.WRONG_NUMBERS
    assert sum(not each.row["SIRET"] for each in known) > 100, "as many numbers are missing as in real accounts"


def test_some_suppliers_are_real_legal_entities_of_which_nothing_is_made_up(known: list[suppliers.Supplier]) -> None:
    entities = {row["lei"]: row["name"] for row in pq.read_table(REFERENCE / "legal_entities.parquet").to_pylist()}
    real = [each for each in known if each.lei]
    assert len(real) == suppliers.REAL
    assert all({name for name, value in each.row.items() if value} == {"CODE_TIERS", "RAISON_SOCIALE"} for each in real)
    same = [each for each in real if each.row["RAISON_SOCIALE"] == entities[each.lei or ""].upper()]
    assert 0 < len(same) < len(real), "some as they are registered, some as people write"


def test_names_of_suppliers_are_those_of_people_who_type(known: list[suppliers.Supplier]) -> None:
    companies = {row["siren"]: row for row in pq.read_table(REFERENCE / "companies.parquet").to_pylist()}
    same = [each for each in known if each.siren and each.row["RAISON_SOCIALE"] == companies[each.siren]["legal_name"]]
    assert 0.2 < len(same) / len(known) < 0.6
    assert any(not each.row["RAISON_SOCIALE"].isascii() for each in known)
    amounts = [each.row["MONTANT_TTC"] for each in known if not each.lei]
    assert all(re.fullmatch(r"\d{1,3}([ \u00a0\u202f]?\d{3})*(,\d\d)?", amount) for amount in amounts)
    assert len({re.sub(r"\d", "", amount) for amount in amounts}) >= 5
