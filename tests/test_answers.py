"""Answers that a hostile server, or chance, may send to a connector."""

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from connectors.deadline import Deadline
from connectors.errors import Unreadable
from connectors.records import Person
from connectors.sandbox import civil
from tests.peers.canned import Canned
from tests.test_connectors import registry


@pytest.mark.parametrize(
    "body",
    [
        b'{"code": "01001", "code": "01001"}',
        b'{"population": NaN}',
        b'{"population": 1e999}',
        b'{"population": 1.5}',
        b"[" * 100_000,
        b'{"code": ' + b"9" * 5000 + b"}",
        b'"\xff"',
    ],
    ids=["twice", "nan", "infinite", "fraction", "deep", "digits", "bytes"],
)
def test_hostile_json_is_unreadable(canned: Canned, body: bytes) -> None:
    canned.say(body, "application/json")
    with pytest.raises(Unreadable):
        registry("api_geo", canned.url).lookup("01001", Deadline.after(5))


# --- a law: whatever person the register has, the same arrives -------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="\ufffe\uffff"))
NAME = TEXT.filter(bool)
DATE = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
CODE = st.from_regex(r"([0-9]{2}|2A|2B)[0-9]{3}", fullmatch=True)
PERSON = st.builds(
    Person,
    nir=st.from_regex(r"[1-478][0-9]{4}([0-9]{2}|2A|2B)[0-9]{8}", fullmatch=True),
    birth_name=NAME,
    usual_name=st.none() | NAME,
    given_names=st.lists(NAME, min_size=1, max_size=4),
    birth_date=DATE,
    birth_commune_code=CODE,
    death_date=st.none() | DATE,
    address_line=TEXT,
    postal_code=st.from_regex(r"[0-9]{5}", fullmatch=True),
    commune_code=CODE,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(person=PERSON)
def test_any_person_arrives_as_it_left(canned: Canned, person: Person) -> None:
    answer = civil.S.Envelope(civil.S.Body(civil.R.GetPersonResponse(civil._person(person.model_dump()))))
    canned.say(etree.tostring(answer, encoding="UTF-8"), "text/xml; charset=utf-8")
    assert registry("civil_register", canned.url).lookup(person.nir, Deadline.after(5)).record == person
