"""Pages by the index are the engine's pages: the same rows, order, cursors and types, whatever the values are."""

import asyncio
import datetime as dt
import json
import logging
import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.columns import Column
from connectors.errors import Unavailable
from gateway.datasets import indexed
from gateway.datasets.filters import Filter
from gateway.datasets.rows import Page, Rows, decode_cursor
from pipelines import by_column
from pipelines.run import run
from pipelines.versions import Version
from pipelines.workspace import Workspace
from tests.effort import some
from tests.gateway.conftest import PERMITS, THINGS, Gateway
from tests.pipelines.bench import Bench
from tests.pipelines.lake import put

DECLARED = """
title: Odd
owner: ville
audience: owner
source: {registry: source, table: odd}
schema:
  fields:
    - {name: id}
    - {name: at, type: datetime}
    - {name: text}
    - {name: point, type: geopoint}
    - {name: whole, type: integer}
    - {name: real, type: number}
    - {name: yes, type: boolean}
    - {name: day, type: date}
    - {name: moment, type: datetime}
    - {name: tags, type: array}
    - {name: other}
  primaryKey: [id, at]
index: [text, point, whole, real, yes, day, moment, id, at]
"""
LONG = "é" * 400
TEXTS = [
    "",
    " ",
    "a",
    "A",
    "é",
    "e\u0301",
    "a\x00",
    "a\x00b",
    "a,b\\",
    '"',
    "\u10d7\u10d1\u10d8",
    "\U0001f514",
    LONG,
    LONG + "e",
    "null",
    "1",
]
REALS = [0.0, -0.0, 1.0, -1.5, 0.1, 1 / 3, 1e16, 1e300, -1e300, 5e-324, 2.0**53, 123456.789]
WHOLES = [0, 1, -1, 2**63 - 1, -(2**63), 10**16]
DAYS = [dt.date(1, 1, 1), dt.date(1969, 12, 31), dt.date(2026, 2, 28), dt.date(9999, 12, 31)]
MOMENTS = [
    dt.datetime(1, 1, 1, tzinfo=dt.UTC), dt.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC),
    dt.datetime(2026, 3, 29, 1, tzinfo=dt.UTC), dt.datetime(2026, 3, 29, 1, 0, 0, 1, tzinfo=dt.UTC),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC),
]  # fmt: skip
VALUES: dict[str, list[Any]] = {
    "id": TEXTS, "at": MOMENTS, "text": TEXTS, "point": ["2.35,48.85", "-61.0,14.6"], "whole": WHOLES, "real": REALS,
    "yes": [True, False], "day": DAYS, "moment": MOMENTS, "other": ["a", "b"],
}  # fmt: skip
UNHEARD: dict[str, Any] = {"text": "b", "whole": 2, "real": 0.2, "day": dt.date(2026, 3, 1), "other": "c"}


@dataclass(frozen=True)
class Both:
    """A version, the same one without its index, and what reads their rows."""

    rows: Rows
    version: Version
    bare: Version
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def exact(self, name: str, value: Any) -> Filter:
        return Filter(self.column(name), "exact", (value,))

    def page(self, version: Version, *asked: Any) -> Page:
        return asyncio.run(self.rows.page(version, *asked))

    def hold(self, filters: Sequence[Filter], columns: Sequence[Column] | None = None, limit: int = 20) -> int:
        """Hold that every page of one is that of the other, the types of its values too; return how many rows they have."""
        place, count, chosen = -1, 0, columns or self.columns
        while True:
            ours = self.page(self.version, chosen, filters, limit, place)
            theirs = self.page(self.bare, chosen, filters, limit, place)
            assert repr(ours) == repr(theirs)
            assert ours.csv() == theirs.csv()
            assert json.dumps(ours.records()) == json.dumps(theirs.records())
            count += len(ours.rows)
            if ours.cursor is None:
                return count
            place = decode_cursor(ours.cursor)[1]


def odd(number: int) -> dict[str, Any]:
    """Return a row of odd values, with a key of its own."""
    chance = random.Random(number)
    row = {name: chance.choice([*values, None]) for name, values in VALUES.items() if name not in ("id", "at")}
    key = {
        "id": TEXTS[number % len(TEXTS)],
        "at": dt.datetime(2026, 1, 1 + number // 24 % 28, number % 24, tzinfo=dt.UTC),
    }
    return key | row | {"tags": chance.choice([None, [], ["a", None, "b|c"], [LONG]])}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    bench = Bench(tmp_path_factory.mktemp("odd") / "workspace")
    bench.write("datasets/odd.yaml", DECLARED)
    keyed = {(row["id"], row["at"]): row for row in map(odd, range(600))}
    version = put(bench, "odd", list(keyed.values()))
    rows = Rows(bench.workspace.state)
    yield Both(rows, version, replace(version, folder=bench.root / "none"), bench.workspace.dataset("odd").columns)
    rows.close()


@st.composite
def asked(draw: st.DrawFn) -> list[tuple[str, Any]]:
    names = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=3))
    return [(name, draw(st.sampled_from([*VALUES[name], UNHEARD.get(name, VALUES[name][0])]))) for name in names]


@some(60)
@given(asked(), st.integers(1, 30), st.lists(st.sampled_from([*VALUES, "tags"]), unique=True, min_size=1))
def test_every_page_is_the_engines(both: Both, asked: list[tuple[str, Any]], limit: int, names: list[str]) -> None:
    filters = [both.exact(name, value) for name, value in asked]
    read = indexed.rows(both.version, both.columns, filters, limit, -1)
    assert (read is None) == all(name == "other" for name, _ in asked), "an indexed column is read by the index"
    both.hold(filters, [both.column(name) for name in names], limit)


@pytest.mark.parametrize("name", [name for name in VALUES if name != "other"])
def test_every_value_is_found(both: Both, name: str) -> None:
    for value in VALUES[name]:
        found = both.hold([both.exact(name, value)], limit=1000)
        assert found or name == "at", f"{name} has rows with {value!r}"


def test_a_text_that_is_none_is_told_as_by_the_engine(both: Both) -> None:
    for version in (both.version, both.bare):
        with pytest.raises(Unavailable, match="cannot be read"):
            both.page(version, both.columns, [both.exact("text", "\ud800")], 20)


def test_other_conditions_are_the_engines(both: Both) -> None:
    for other in (Filter(both.column("whole"), "less", (1,)), Filter(both.column("tags"), "isnull", ())):
        filters = [both.exact("text", "a"), other]
        assert indexed.rows(both.version, both.columns, filters, 20, -1) is None
        assert both.hold(filters)


def test_many_rows_that_other_filters_may_refuse_are_the_engines(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexed, "LOOKED_AT", 100)
    few, many, other = both.exact("text", "a"), both.exact("yes", True), both.exact("other", "a")
    assert indexed.rows(both.version, both.columns, [many], 20, -1) is not None, "of one filter, no row is in vain"
    assert indexed.rows(both.version, both.columns, [many, other], 20, -1) is None
    assert indexed.rows(both.version, both.columns, [many, few], 20, -1) is not None, "the fewest are looked at"
    both.hold([many, other])
    both.hold([many, few])


@pytest.fixture
def harmed(both: Both, tmp_path: Path) -> Both:
    """A copy of the version's folder, to be damaged."""
    return replace(
        both, version=replace(both.version, folder=Path(shutil.copytree(both.version.folder, tmp_path / "1")))
    )


def test_two_values_of_one_token_are_two(harmed: Both) -> None:
    """Every entry is given one token, that of a value: its rows are found, once, and no others."""
    file = harmed.version.folder / by_column.FILE
    with pa.memory_map(str(file)) as mapped:
        table = pa.ipc.open_file(mapped).read_all()
    entries, text = by_column.of(harmed.version), harmed.column("text")
    assert entries is not None
    token = table["token"][entries.span(text, "a")[0]].as_py()
    table = table.set_column(0, "token", pa.array([token] * len(table), pa.uint64())).sort_by("place")
    aside = file.with_suffix(".new")
    with pa.OSFile(str(aside), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    aside.replace(file)
    entries = by_column.of(harmed.version)
    assert entries is not None
    assert len(entries.span(text, "a")) == len(table)
    assert harmed.hold([harmed.exact("text", "a")], limit=7)


@pytest.mark.parametrize("file", [by_column.FILE, "rows.lmdb"])
def test_where_an_index_is_gone_the_engine_answers(harmed: Both, file: str) -> None:
    (harmed.version.folder / file).unlink()
    assert harmed.hold([harmed.exact("text", "a")])


def test_where_it_is_damaged_the_engine_answers_and_the_log_says_so(
    harmed: Both, caplog: pytest.LogCaptureFixture
) -> None:
    file = harmed.version.folder / by_column.FILE
    file.write_bytes(file.read_bytes()[:-1000])
    with caplog.at_level(logging.ERROR, "beffroi"):
        assert harmed.hold([harmed.exact("text", LONG)])
    assert "the index of version 1 of odd by its columns cannot be read: ArrowInvalid" in caplog.text
    assert LONG not in caplog.text


def test_an_index_of_another_parquet_file_is_not_read(both: Both) -> None:
    version = replace(both.version, parquet=both.version.parquet.with_name("other.parquet"))
    assert indexed.rows(version, both.columns, [both.exact("text", "a")], 9, -1) is None


# --- through the gateway ---------------------------------------------------------------------------------------------

QUERIES = [
    [("text__exact", "été à Paris")], [("whole__exact", "-2"), ("limit", "3")], [("real__exact", "1.5"), ("format", "csv")],
    [("yes__exact", "true"), ("text__exact", "x,y")], [("day__exact", "2026-01-01"), ("columns", "id,tags")],
    [("moment__exact", "2026-01-01T04:00:00+02:00")], [("text__exact", ""), ("limit", "2")], [("whole__exact", "7")],
    [("whole__exact", "x")], [("whole__exact", "1"), ("nothing__exact", "1")], [("tags__exact", "all")],
]  # fmt: skip


def pages(root: Path) -> list[Any]:
    """Return what a gateway answers to all QUERIES, page after page, but for the time of it."""
    told: list[Any] = []
    with Gateway(root) as gateway:
        for query in QUERIES:
            path: str | None = f"/datasets/things/rows?{urlencode(query)}"
            while path:
                reply = gateway.get(path)
                found: dict[str, Any] = (
                    reply.json if "json" in str(reply.headers["content-type"]) else {"csv": reply.body}
                )
                for aging in ("as_of", "age_seconds"):
                    found.get("meta", {}).pop(aging, None)
                told.append((reply.status, reply.headers["content-type"], reply.headers["link"], found))
                path = found.get("links", {}).get("next")
    return told


def test_answers_are_the_same_with_an_index_and_without(root: Path) -> None:
    without = pages(root)
    (root / "datasets/things.yaml").write_text(THINGS + "index: [text, whole, real, yes, day, moment]\n")
    assert not run(Workspace(root), "things").new
    with_it = pages(root)
    assert len(with_it) > len(QUERIES)
    assert with_it == without


def test_who_may_not_see_a_column_cannot_find_by_it(root: Path) -> None:
    (root / "datasets/permits.yaml").write_text(PERMITS + "index: [street, applicant]\n")
    run(Workspace(root), "permits")
    with Gateway(root) as gateway:
        found = gateway.post("/datasets/permits/rows", {"applicant__exact": "Y"}, "mairie")
        assert [row["number"] for row in found.json["data"]] == ["P2"]
        assert gateway.get("/datasets/permits/rows?applicant__exact=Y", "mairie").status == 405
        assert gateway.post("/datasets/permits/rows", {"applicant__exact": "Y"}, "ecole").status == 403
        told = gateway.get("/datasets/permits/rows?street__exact=rue+B", "ecole").json["data"]
        assert told == [{"number": "P2", "street": "rue B"}]
