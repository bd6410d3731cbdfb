"""What a report tells of a version's columns: counts that are true, whatever the order of the rows, and no person's value."""

import datetime as dt
import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.columns import arrow_schema
from pipelines.declarations import Dataset
from pipelines.profile import FEW, FREQUENT, LONG, SAMPLE, Profile, profile
from tests.pipelines.bench import SHOPS, Bench


def declared(**types: str) -> Dataset:
    fields = [{"name": name, "type": kind.split()[0], "personal": "personal" in kind} for name, kind in types.items()]
    return Dataset.model_validate(
        {"name": "t", "title": "T", "owner": "ville", "audience": "owner", "source": {"registry": "r"},
         "schema": {"fields": fields, "primaryKey": "id"}}
    )  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def of(engine: duckdb.DuckDBPyConnection, dataset: Dataset, rows: list[dict[str, Any]]) -> Profile:
    engine.register("given", pa.Table.from_pylist(rows, arrow_schema(dataset.columns)))
    engine.execute("CREATE OR REPLACE TEMP TABLE told AS FROM given")
    engine.unregister("given")
    return profile(engine, dataset, "told", "true", len(rows))


EVERY = declared(
    id="integer", word="string", number="number", yes="boolean", day="date", moment="datetime", tags="array",
    place="geopoint", shape="geojson", person="string personal", born="date personal",
)  # fmt: skip
DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))
VALUES = {
    "word": st.sampled_from(["a", "é", "", "A", "''", '"']) | st.text(max_size=3).filter(lambda t: "\x00" not in t),
    "number": st.floats(-1e6, 1e6), "yes": st.booleans(), "day": DAYS,
    "moment": st.datetimes(timezones=st.just(dt.UTC)).filter(lambda at: 1900 < at.year < 2100),
    "tags": st.lists(st.sampled_from("ab"), max_size=2), "place": st.sampled_from(["2.0,48.0", "3.0,49.0"]),
    "shape": st.just('{"type":"Point","coordinates":[2,48]}'), "person": st.sampled_from(["Durand", "Dupont"]), "born": DAYS,
}  # fmt: skip
TABLES = st.lists(st.fixed_dictionaries({name: values | st.none() for name, values in VALUES.items()}), max_size=30)


@settings(max_examples=40, deadline=None)
@given(rows=TABLES, seed=st.integers())
def test_a_profile_is_true_and_that_of_the_shuffled_rows(
    engine: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]], seed: int
) -> None:
    rows = [{"id": number, **row} for number, row in enumerate(rows)]
    found = of(engine, EVERY, rows)
    json.dumps(found.columns)
    for column in EVERY.columns:
        values = [row[column.name] for row in rows if row[column.name] is not None]
        told = found.columns[column.name]
        assert told["empty"] == len(rows) - len(values)
        assert told["distinct"] == len(
            {repr(value + 0.0) if column.type == "number" else repr(value) for value in values}
        )
        if column.personal:
            assert told.keys() == {"empty", "distinct"}
        elif column.type in ("integer", "number", "date") and values:
            ends = [each.isoformat() if isinstance(each, dt.date) else each for each in (min(values), max(values))]
            assert [told["min"], told["max"]] == ends
        elif column.type == "string":
            counted = Counter(values)
            assert sorted(told["frequent"].values(), reverse=True) == list(told["frequent"].values())
            assert {value: counted[value] for value in told["frequent"]} == told["frequent"]
            assert len(told["frequent"]) == min(FREQUENT, len(counted))
            assert not {"min", "max"} & told.keys(), "which of two texts is the lesser, languages do not agree on"
    shuffled = random.Random(seed).sample(rows, len(rows))
    assert of(engine, EVERY, shuffled) == found


def test_a_large_table_is_looked_at_by_a_sample_of_its_keys_whatever_their_order(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    count = SAMPLE * 8
    made = f"""SELECT i AS id, 'v' || hash(i + 7) % 5000 AS many, 'w' || hash(i + 7) % 7 AS few, CAST(i AS VARCHAR) AS own,
        CASE WHEN i % 10 = 0 THEN 'x' || i ELSE 'same' END AS mixed FROM range({count}) t(i)"""
    dataset = declared(id="integer", many="string", few="string", own="string", mixed="string")
    engine.execute(f"CREATE OR REPLACE TEMP TABLE large AS {made}")
    engine.execute("CREATE OR REPLACE TEMP TABLE turned AS FROM large ORDER BY hash(id + 1)")
    found = profile(engine, dataset, "large", "true", count)
    assert profile(engine, dataset, "turned", "true", count) == found
    told = found.columns
    assert told["few"]["distinct"] == 7
    assert sum(told["few"]["frequent"].values()) == count, "few values are counted in all rows"
    assert told["own"]["distinct"] == count
    assert 4500 <= told["many"]["distinct"] <= 5500
    assert "frequent" not in told["many"]
    assert "frequent" not in told["mixed"], "few in the sample, and more than FEW in all"
    assert told["mixed"]["distinct"] > FEW


def test_a_long_value_is_told_by_its_beginning(engine: duckdb.DuckDBPyConnection) -> None:
    dataset = declared(id="integer", word="string")
    found = of(engine, dataset, [{"id": n, "word": "x" * 5000 + str(n)} for n in range(2)])
    assert found.columns["word"]["frequent"] == {"x" * LONG: 2}


def test_a_run_reports_it_and_keeps_it_while_nothing_changes(bench: Bench) -> None:
    bench.shops(("1", "A", "3", "1998-03-01"), ("2", None, None, "2020-01-01"), ("3", "A", "-1", None))
    first = bench.run().profile
    assert first["workers"] == {"empty": 1, "distinct": 1, "min": 3, "max": 3, "frequent": {"3": 1}}
    assert first["name"] == {"empty": 1, "distinct": 1, "frequent": {"A": 1}}
    assert (first["opened"]["min"], first["opened"]["max"]) == ("1998-03-01", "2020-01-01"), "of refused rows nothing"
    again = bench.run()
    assert (again.outcome, again.profile) == ("unchanged", first)


def test_no_personal_value_stands_in_a_report(bench: Bench) -> None:
    declaration = SHOPS.replace("audience: open", "audience: owner")
    for title in ("Name,", "Opened,", "Workers,"):
        declaration = declaration.replace(f"title: {title}", f"title: {title} personal: true,")
    declaration += "expect: {drift: {rows: 1, values: 0}, freshness: {column: opened, days: 100000}}\n"
    bench.shops(("1", "Zoé", "37", "1998-03-01"), declaration=declaration)
    report = bench.run()
    bench.shops(("1", "Zoé", "37", "1998-03-01"), ("2", "Zoé", "37", "1998-03-01"), declaration=declaration)
    for told in (report, bench.run()):
        assert set(told.profile["name"]) == set(told.profile["opened"]) == {"empty", "distinct"}
    for file in bench.root.rglob("*.json"):
        assert not any(value in file.read_text() for value in ("Zoé", "Zo\\u00e9", '"37"', "1998-03-01")), file
