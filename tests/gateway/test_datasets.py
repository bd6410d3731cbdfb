"""Rows of datasets: filters held against a plain reference, pages that do not shift, and what is not granted."""

import csv
import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.datasets.filters import OPERATORS
from gateway.datasets.rows import decode_cursor, encode_cursor
from pipelines.run import run
from pipelines.workspace import Workspace
from tests.gateway.conftest import TEXTS, Gateway, Reply, ask, things

ROWS: list[dict[str, Any]] = things().to_pylist()
TYPES: dict[str, Any] = {
    "id": "integer", "text": "string", "whole": "integer", "real": "number", "yes": "boolean", "day": "date",
    "moment": "datetime", "tags": "array",
}  # fmt: skip

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "exact": lambda value, wanted: bool(value == wanted),
    "differs": lambda value, wanted: bool(value != wanted),
    "less": lambda value, wanted: bool(value <= wanted),
    "greater": lambda value, wanted: bool(value >= wanted),
    "strictly_less": lambda value, wanted: bool(value < wanted),
    "strictly_greater": lambda value, wanted: bool(value > wanted),
    "in": lambda value, wanted: value in wanted,
    "notin": lambda value, wanted: value not in wanted,
}


def meets(row: dict[str, Any], column: str, operator: str, wanted: Any) -> bool:
    """What a filter means, written as plainly as can be."""
    value = row[column]
    if operator in ("isnull", "isnotnull"):
        return (value is None) == (operator == "isnull")
    if value is None:
        return False
    if operator in ("contains", "notcontains"):
        has = wanted in value if isinstance(value, list) else wanted.lower() in value.lower()
        return bool(has == (operator == "contains"))
    return COMPARE[operator](value, wanted)


def written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, dt.date) else str(value)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "integer": st.integers(-3, 61) | st.sampled_from([2**63 - 1, -(2**63)]),
    "string": st.sampled_from([text for text in TEXTS if text is not None and "," not in text]) | st.text("aé'%_\\", max_size=3),
    "number": st.sampled_from([-1.0, 0.5, 1.5, 3.5, 1e300]),
    "boolean": st.booleans(),
    "date": st.dates(dt.date(2025, 12, 30), dt.date(2026, 1, 12)),
    "datetime": st.integers(-3, 9).map(lambda hours: dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=hours)),
    "array": st.sampled_from(["t0", "t1", "all", "t", "", "none"]),
}  # fmt: skip


@st.composite
def conditions(draw: st.DrawFn) -> tuple[str, str, Any, str]:
    column = draw(st.sampled_from(list(TYPES)))
    operator = draw(st.sampled_from(OPERATORS[TYPES[column]]))
    values = VALUES[TYPES[column]]
    if operator in ("isnull", "isnotnull"):
        return column, operator, None, draw(st.sampled_from(["", "true"]))
    if operator in ("in", "notin"):
        several = draw(st.lists(values, min_size=1, max_size=4))
        return column, operator, several, ",".join(map(written, several))
    value = draw(values)
    return column, operator, value, written(value)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(conditions(), max_size=3), st.integers(9, 70))
def test_filters_select_what_they_say(url: str, wanted: list[tuple[str, str, Any, str]], limit: int) -> None:
    query = [(f"{column}__{operator}", text) for column, operator, _, text in wanted]
    expected = [row["id"] for row in ROWS if all(meets(row, column, op, value) for column, op, value, _ in wanted)]
    reply = ask(url, "GET", f"/datasets/things/rows?{urlencode([*query, ('limit', str(limit)), ('columns', 'id')])}")
    assert reply.status == 200, reply.body
    found = [row["id"] for row in reply.json["data"]]
    while reply.json["links"]["next"]:
        assert len(reply.json["data"]) == limit
        reply = ask(url, "GET", reply.json["links"]["next"])
        found += [row["id"] for row in reply.json["data"]]
    assert found == expected, "every row that meets them once, in the order of the key"


def test_values_are_told_as_they_are(gateway: Gateway) -> None:
    [row] = gateway.get("/datasets/things/rows?id__exact=9").json["data"]
    assert row == {
        "id": 9, "text": "été à Paris", "whole": 2, "real": 1.5, "yes": True, "day": "2026-01-01",
        "moment": "2026-01-01T02:00:00+00:00", "tags": ["t0", "all"],
    }  # fmt: skip
    [same] = gateway.get(
        "/datasets/things/rows?moment__exact=2026-01-01T02:00:00Z&id__less=10&day__exact=2026-01-01"
    ).json["data"]
    assert same == row, "what is told of a moment is what it is found by"
    by_key = gateway.get("/datasets/things/rows/9").json["data"]
    assert by_key == row, "one row is told as among others"


def test_defaults_and_meta(gateway: Gateway) -> None:
    reply = gateway.get("/datasets/things/rows")
    assert len(reply.json["data"]) == 20
    assert reply.json["meta"] | {"as_of": "", "age_seconds": 0} == {
        "dataset": "things", "version": 1, "as_of": "", "age_seconds": 0, "limit": 20,
        "cursor": encode_cursor(1, 19),
    }  # fmt: skip
    assert reply.headers["beffroi-version"] == "1"
    assert reply.headers["link"] == f'<{reply.json["links"]["next"]}>; rel="next"'
    columns = gateway.get("/datasets/things/rows?columns=text,id&limit=1").json["data"]
    assert columns == [{"id": 0, "text": "Été"}]


@pytest.mark.parametrize("how", ["?format=csv", ""])
def test_csv(gateway: Gateway, how: str) -> None:
    reply = gateway.get(f"/datasets/things/rows{how}", Accept="text/csv")
    assert reply.headers["content-type"].startswith("text/csv; charset=utf-8")
    whole = gateway.get("/datasets/things/latest/things.csv").body.decode()
    ready = list(csv.DictReader(io.StringIO(whole)))[:20]
    told = list(csv.DictReader(io.StringIO(reply.body.decode())))
    for row in (*told, *ready):
        row["moment"] = dt.datetime.fromisoformat(row["moment"]).isoformat() if row["moment"] else ""
    assert told == ready, "the same as in the ready file"
    assert '; rel="next"' in reply.headers["link"]
    assert gateway.get("/datasets/things/rows?format=json", Accept="text/csv").json["data"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("txt__exact=1", "no column «txt» (did you mean «text»?); allowed: day, id"),
        ("text__like=1", "no operator «like»; allowed: contains"),
        ("tags__exact=x", "(array) has no operator «exact»; allowed: contains, isnotnull, isnull, notcontains"),
        ("yes__less=true", "has no operator"),
        ("texts=1", "no parameter «texts»"),
        ("__exact=1", "no column"),
        ("text__=1", "no operator"),
        ("whole__exact=1.0", "whole number of 64 bits"), ("whole__exact=", "whole number"),
        ("whole__exact=9223372036854775808", "whole number of 64 bits"), ("whole__exact=1_0", "whole number"),
        ("whole__exact=%D9%A1", "whole number"), ("whole__in=1,,2", "whole number"),
        ("real__less=nan", "a number"), ("real__less=inf", "a number"), ("real__less=1e999", "a number"),
        ("yes__exact=1", "true or false"),
        ("day__exact=20260101", "2026-01-31"), ("day__exact=2026-02-30", "2026-01-31"), ("day__exact=01/02/2026", "a date"),
        ("moment__exact=noon", "a moment"), ("moment__less=9999-12-31T23:59:59-23:00", "a moment"),
        ("text__isnull=false", "takes no value"),
        ("limit=0", "from 1 to 1000; 20"), ("limit=1001", "1 to 1000"), ("limit=-1", "1 to 1000"), ("limit=x", "1 to"),
        ("limit=99999999999999999999", "1 to 1000"), ("limit=%D9%A1", "1 to 1000"), ("limit=", "1 to 1000"),
        ("columns=text,txt", "no column «txt»"), ("columns=", "no column «»"), ("columns=*", "allowed: day"),
        ("format=xml", "allowed: json, csv"),
        ("cursor=x", "cursor is not one of ours"), ("cursor=", "cursor"), ("cursor=" + encode_cursor(7, 1), "no longer kept"),
        ("cursor=W10", "cursor"), ("cursor=WzEsLTFd", "cursor"), ("cursor=" + "W" * 5000, "cursor"),
        ("cursor=" + quote("' OR 1=1"), "cursor"),
        ("text%22%20OR%201=1;--__exact=1", "no parameter"), ("text%22__exact=1", "no column"),
        ("columns=id%22%2C%22text", "no column"), ("id%20IS%20NULL%20OR%20id__exact=1", "no column"),
        ("file_row_number__exact=1", "no column"), ("columns=file_row_number", "no column"),
    ],
)  # fmt: skip
def test_what_is_not_understood_says_what_is_allowed(gateway: Gateway, query: str, said: str) -> None:
    reply = gateway.get(f"/datasets/things/rows?{query}")
    assert (reply.status, reply.code) == (400, "invalid-request")
    assert said in reply.json["detail"]


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE x; --",
        "' OR '1'='1",
        "\\",
        "%",
        "_",
        "?",
        "$1",
        "\x00",
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    ],
)
def test_values_are_bound(gateway: Gateway, text: str) -> None:
    for operator in ("exact", "contains", "in", "strictly_less"):
        query = urlencode({f"text__{operator}": text, "limit": "1000"})
        reply = gateway.get(f"/datasets/things/rows?{query}")
        assert reply.status == 200
        asked = text.split(",") if operator == "in" else text
        assert len(reply.json["data"]) == sum(meets(row, "text", operator, asked) for row in ROWS)


def test_a_cursor_discloses_no_key_and_stays_on_its_version(root: Path) -> None:
    with Gateway(root) as gateway:
        first = gateway.get("/datasets/things/rows?limit=25&columns=id").json
        assert decode_cursor(first["meta"]["cursor"]) == (1, 24)
        table = things(90)
        pq.write_table(table.filter([n % 2 == 1 for n in range(90)]), root / "source" / "things.parquet")
        run(Workspace(root), "things")
        second = gateway.get(first["links"]["next"]).json
        assert [row["id"] for row in second["data"]] == list(range(25, 50)), "the version of the first page"
        assert second["meta"]["version"] == 1
        fresh = gateway.get("/datasets/things/rows?limit=2&columns=id").json
        assert ([row["id"] for row in fresh["data"]], fresh["meta"]["version"]) == ([1, 3], 2)
        pq.write_table(table, root / "source" / "things.parquet")
        run(Workspace(root), "things")
        gone = gateway.get(second["links"]["next"])
        assert gone.status == 200 or "no longer kept" in gone.json["detail"]
    query = dict(parse_qsl(urlsplit(first["links"]["next"]).query))
    assert query["limit"] == "25"


def test_one_row(gateway: Gateway) -> None:
    reply = gateway.get("/datasets/communes/rows/01001")
    assert (reply.json["data"]["name"], reply.json["meta"]["version"]) == ("L'Abergement-Clémenciat", 1)
    assert gateway.get("/datasets/communes/rows/01001?columns=name").json["data"] == {"name": "L'Abergement-Clémenciat"}
    for key in ("99999", "", "a/b", "%00", "x" * 600):
        assert (
            gateway.get(f"/datasets/communes/rows/{key}").status,
            gateway.get(f"/datasets/communes/rows/{key}").code,
        ) == (404, "not-found")
    assert gateway.get("/datasets/communes/rows/01001?colums=x").code == "invalid-request"
    assert gateway.get("/datasets/communes/rows/01001?columns=x").code == "invalid-request"


def test_what_there_is(gateway: Gateway) -> None:
    assert [d["name"] for d in gateway.get("/datasets").json["data"]] == ["communes", "never", "things"]
    assert [d["name"] for d in gateway.get("/datasets", "ecole").json["data"]] == [
        "communes",
        "never",
        "permits",
        "things",
    ]
    assert gateway.get("/datasets", Authorization="Bearer nonsense").code == "unauthenticated"
    told = gateway.get("/datasets/communes").json
    assert (told["title"], told["licence"], told["rows"], told["version"]) == ("Communes", "Licence Ouverte 2.0", 52, 1)
    assert told["owner"] == {"name": "ville", "title": "Ville"}
    assert told["schema"]["primaryKey"] == ["code"]
    assert told["schema"]["fields"][0]["type"] == "string"
    for distribution in told["distributions"]:
        reply = gateway.get(distribution["href"])
        assert len(reply.body) == distribution["bytes"]
        assert reply.headers["content-type"] == distribution["media_type"]
    never = gateway.get("/datasets/never").json
    assert (never["version"], never["distributions"]) == (None, [])


@pytest.mark.parametrize("rest", ["rows", "rows/1", "latest/never.csv"])
def test_a_dataset_that_was_never_run(gateway: Gateway, rest: str) -> None:
    reply = gateway.get(f"/datasets/never/{rest}")
    assert (reply.status, reply.code) == (503, "unavailable")
    assert "`beffroi run never`" in reply.json["detail"]
    assert reply.headers["retry-after"]


def test_an_unknown_dataset(gateway: Gateway) -> None:
    for name in ("commune", "permits"):
        stranger = gateway.get(f"/datasets/{name}")
        assert stranger.code == "unauthenticated", "a stranger does not hear what there is not"
        assert f"; no open dataset is called «{name}»" in stranger.json["detail"]
        assert stranger.json["detail"].endswith("; allowed: communes, never, things")
    reply = gateway.get("/datasets/commune", "rien")
    assert (reply.status, reply.code) == (404, "not-found")
    assert "did you mean «communes»" in reply.json["detail"]
    assert "residents" not in reply.body.decode(), "what is not granted is not named"
    assert (
        gateway.get("/datasets/commune/latest/x.csv", "ecole")
        .json["detail"]
        .endswith("communes, never, permits, things")
    )


def fields(reply: Reply) -> set[str]:
    return {name for row in reply.json["data"] for name in row}


def test_a_dataset_that_is_not_open(gateway: Gateway) -> None:
    for path in ("", "/rows", "/rows/P1", "/latest/permits.csv", "/latest/permits.parquet", "/rows?limit=x"):
        assert gateway.get(f"/datasets/permits{path}").code == "unauthenticated"
        assert gateway.get(f"/datasets/permits{path}", "rien").code == "not-found"
        assert gateway.get(f"/datasets/permits{path}", "ecole", None).code == "not-granted"
        assert gateway.get(f"/datasets/permits{path}", "ecole", "etat-civil").code == "not-granted"
    assert fields(gateway.get("/datasets/permits/rows", "mairie")) == {"number", "street", "applicant"}
    assert fields(gateway.get("/datasets/permits/rows", "ecole")) == {"number", "street"}
    assert set(gateway.get("/datasets/permits/rows/P1", "ecole").json["data"]) == {"number", "street"}
    assert set(gateway.get("/datasets/permits/rows/P1", "mairie").json["data"]) == {"number", "street", "applicant"}
    assert gateway.get("/datasets/permits/rows", "mairie").headers["cache-control"] == "private, no-store"
    told = gateway.get("/datasets/permits", "ecole").json
    assert [field["name"] for field in told["schema"]["fields"]] == ["number", "street"]
    assert told["distributions"] == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("rows?columns=number,applicant", "no grant on the field applicant"),
        ("rows?applicant__exact=X", "no grant on the field applicant"),
        ("rows?applicant__isnull=", "no grant on the field applicant"),
        ("rows/P1?columns=applicant", "no grant on the field applicant"),
        ("latest/permits.csv", "holds fields that are not granted"),
        ("latest/permits.parquet", "holds fields that are not granted"),
    ],
)
def test_a_column_that_is_not_granted(gateway: Gateway, path: str, said: str) -> None:
    reply = gateway.get(f"/datasets/permits/{path}", "ecole")
    assert (reply.status, reply.code) == (403, "not-granted")
    assert said in reply.json["detail"]


def test_personal_data_are_filtered_by_post(gateway: Gateway, nirs: list[str]) -> None:
    for path in (f"rows?nir__exact={nirs[0]}", f"rows/{nirs[0]}", "rows?birth_name__contains=a"):
        reply = gateway.get(f"/datasets/residents/{path}", "mairie")
        assert (reply.status, reply.code) == (405, "method-not-allowed")
        assert reply.headers["allow"] == ("" if path.startswith("rows/") else "POST")
        assert "POST /datasets/residents/rows" in reply.json["detail"]
        assert nirs[0] not in reply.body.decode()
    reply = gateway.post("/datasets/residents/rows", {"nir__exact": nirs[0], "columns": "sex,nir"}, "mairie")
    assert reply.json["data"] == [{"nir": nirs[0], "sex": reply.json["data"][0]["sex"]}]
    first = gateway.post(
        "/datasets/residents/rows", {"birth_date__greater": "1900-01-01", "limit": "29"}, "mairie"
    ).json
    rest = gateway.post(
        "/datasets/residents/rows",
        {"birth_date__greater": "1900-01-01", "limit": "29", "cursor": first["meta"]["cursor"]},
        "mairie",
    ).json
    assert sorted(row["nir"] for row in first["data"] + rest["data"]) == sorted(nirs[:30])
    assert first["links"]["next"] is None
    for body in (b"", b"[]", b'{"limit": [20]}', b'{"text__exact": "\\ud800"}', b'{"limit": 1, "limit": 2}'):
        assert gateway.post("/datasets/things/rows", body).code == "invalid-request"
    assert gateway.post("/datasets/residents/rows", {}).code == "unauthenticated"


def test_a_column_without_an_operator_is_shown_how(gateway: Gateway) -> None:
    told = gateway.get("/datasets/things/rows?text=x")
    assert (told.status, told.json["detail"]) == (400, "a filter says how it compares: text__exact=… for what is equal")


def test_numbers_may_stand_in_the_body(gateway: Gateway) -> None:
    assert len(gateway.post("/datasets/things/rows", {"limit": 3, "whole__exact": 2}).json["data"]) == 3
    assert gateway.post("/datasets/things/rows", {"limit": [3]}).status == 400
