"""Codes of communes on a date: mergers and divisions followed, as the Code officiel géographique has them."""

import datetime as dt

import pytest

from connectors.errors import InvalidRequest, NotFound
from gateway.lookups.on import LIVES, follow
from pipelines.steps.places import COMMUNES
from tests.gateway.conftest import Gateway

FOLLOWED = [
    ("01033", "2015-06-01", "01033", {"absorbed": ["01091", "01205"]}),  # Valserhône, since 2019
    ("01033", "2019-01-01", "01033", {}),
    ("01091", "2018-12-31", "01033", {"merged_from": "01091", "successor": "01033", "absorbed": ["01091", "01205"]}),
    ("01340", "2015-12-31", "01015", {"merged_from": "01340", "successor": "01015", "absorbed": ["01340"]}),
    ("80021", "1950-01-01", "80021", {}),
    ("85084", "2010-01-01", "85084", {"absorbed": ["85030"]}),  # divided in 2024, but for one
    ("55138", "2014-01-01", "55138", {}),  # a commune of its own again
]


@pytest.mark.parametrize(("code", "day", "today", "told"), FOLLOWED)
def test_mergers_are_followed_both_ways(code: str, day: str, today: str, told: dict[str, object]) -> None:
    assert follow("commune", "insee", code, dt.date.fromisoformat(day)) == (today, {"on": day, **told})


@pytest.mark.parametrize(
    ("code", "day", "detail"),
    [
        ("01340", "2016-01-01", "no commune had that code on 2016-01-01; its land is in 01015 today"),
        ("01091", "2020-01-01", "no commune had that code on 2020-01-01; its land is in 01033 today"),
        ("99999", "2020-01-01", "no commune had that code on 2020-01-01"),
        ("55138", "1980-01-01", "no commune had that code on 1980-01-01; its land is in 55138 today"),
        ("85084", "2020-01-01", "was divided since"),
    ],
)
def test_codes_of_no_commune(code: str, day: str, detail: str) -> None:
    with pytest.raises(NotFound) as raised:
        follow("commune", "insee", code, dt.date.fromisoformat(day))
    assert detail in str(raised.value)


def test_what_has_no_history() -> None:
    with pytest.raises(InvalidRequest, match="person knows no history: on is for lookups of communes by insee"):
        follow("person", "nir", "1", dt.date(2015, 6, 1))
    for day in (dt.date(1942, 12, 31), dt.date(2027, 1, 1)):
        with pytest.raises(InvalidRequest, match="on is a date from 1943-01-01 to 2026-12-31"):
            follow("commune", "insee", "80021", day)


def test_the_files_are_of_the_package() -> None:
    assert COMMUNES.is_file()
    assert LIVES.is_file()


def test_a_commune_on_a_date(gateway: Gateway, nirs: list[str]) -> None:
    reply = gateway.get("/lookups/commune/01340?on=2015-06-01&fields=code,name", "mairie")
    assert reply.status == 200, reply.body
    assert reply.json["data"] == {"code": "01015", "name": "Arboys en Bugey"}
    meta = reply.json["meta"]
    assert (meta["on"], meta["merged_from"], meta["successor"], meta["absorbed"]) == (
        "2015-06-01", "01340", "01015", ["01340"],
    )  # fmt: skip
    assert meta["source"] == "communes"
    posted = gateway.post("/lookups/commune", {"identifier": "01033", "on": "2015-06-01", "fields": ["code"]}, "mairie")
    assert (posted.json["data"], posted.json["meta"]["absorbed"]) == ({"code": "01033"}, ["01091", "01205"])
    assert gateway.get("/lookups/commune/01340?on=2016-06-01", "mairie").code == "not-found"
    assert gateway.get("/lookups/copy/01091?on=2015-06-01", "mairie").json["data"]["code"] == "01033"
    given = {"lookup": "commune", "identifier": "01340", "on": "2015-06-01", "verify": {"name": "Arboys-en-Bugey"}}
    assert gateway.post("/lookups", [given], "mairie").json["data"][0]["verified"] == {"name": {"match": "yes"}}
    person = gateway.post("/lookups/person", {"identifier": nirs[0], "on": "2015-06-01"}, "mairie")
    assert (person.status, person.json["detail"].partition(":")[0]) == (400, "person knows no history")


@pytest.mark.parametrize("day", ["", "2015", "01/06/2015", "2015-13-01", "1433116800", "2015-06-01T00:00"])
def test_dates_that_are_none(gateway: Gateway, day: str) -> None:
    reply = gateway.get(f"/lookups/commune/01033?on={day}", "mairie")
    assert (reply.status, reply.code) == (400, "invalid-request")
    assert "on: a date that exists is expected, written YYYY-MM-DD" in reply.json["detail"]
    assert gateway.post("/lookups/commune", {"identifier": "01033", "on": day}, "mairie").status == 400
    assert gateway.post("/lookups/commune", {"identifier": "01033", "on": 1433116800}, "mairie").status == 400
    assert gateway.get("/lookups/commune/01033?on=2015-06-01&on=2016-06-01", "mairie").status == 400
