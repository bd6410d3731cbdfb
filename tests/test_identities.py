"""A civil identity is one text however it was written, and what is wrong with one is told without its values."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from connectors import identities
from connectors.errors import MalformedIdentifier
from connectors.identifiers import Check, Identifier
from connectors.records import Person, canonical
from tests.effort import some

FIELDS = TypeAdapter(identities.Fields).validate_python(
    {
        "family_name": "name",
        "given_names": "names",
        "birth_date": "date",
        "birth_place": {"type": "place", "required": False},
        "sex": "sex",
        "file": {"type": "text", "required": False},
    }
)
WHO = {"family_name": "Lefèvre", "given_names": ["Anne", "Zoé"], "birth_date": "1985-03-14", "sex": "F"}


def read(**changed: Any) -> dict[str, str]:
    return identities.parts(identities.read(FIELDS, json.dumps(WHO | changed)))


def refused(**changed: Any) -> str:
    with pytest.raises(ValueError) as raised:
        read(**changed)
    return str(raised.value)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"family_name": "  lefe\u0300vre "}, "LEFÈVRE"),
        ({"family_name": "D’Arc"}, "D'ARC"),
        ({"family_name": "n'guyễn-tran"}, "N'GUYỄN-TRAN"),
        ({"family_name": "Lef\u00adè\u200bvre"}, "LEFÈVRE"),
        ({"family_name": "\u202eלוי\u202c"}, "לוי"),
        ({"family_name": "بن  علي"}, "بن علي"),
        ({"family_name": "Strauß"}, "STRAUSS"),
        ({"family_name": "Martin‑Dupont"}, "MARTIN-DUPONT"),
        ({"family_name": "ŉ"}, "'N"),
    ],
)
def test_one_spelling(changed: dict[str, str], told: str) -> None:
    assert read(**changed)["family_name"] == told


def test_the_same_person_is_one_text() -> None:
    one = identities.read(FIELDS, json.dumps(WHO))
    other = {
        "sex": "f",
        "given_names": "anne  ZOÉ",
        "birth_date": "1985-03-14",
        "family_name": "LEFÈVRE",
        "file": "",
        "birth_place": None,
    }
    assert identities.read(FIELDS, json.dumps(other)) == one
    assert identities.written(json.loads(one)) == one, "it stays as it is"
    assert read(birth_place="2a004")["birth_place"] == "2A004"
    assert read(birth_place="99109")["birth_place"] == "99109"
    assert identities.read(FIELDS, json.dumps(WHO | {"given_names": ["Anne"]})) != one


@given(st.text(max_size=60))
@some(300)
def test_a_spelling_stays_as_it_is(text: str) -> None:
    once = identities.plain(text)
    assert identities.plain(once) == once
    assert identities.plain(f" {text}\u200b ") == once


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"family_name": None},
            "family_name is missing: it is a name of letters, blanks, hyphens, apostrophes and points",
        ),
        ({"family_name": " \t"}, "family_name must be a name"),
        ({"family_name": "x'; DROP TABLE people;--"}, "family_name must be a name"),
        ({"family_name": "{{7*7}}${HOME}"}, "family_name must be a name"),
        ({"family_name": "A\r\nX-Admin: 1"}, "family_name must be a name"),
        ({"family_name": "A\x00B"}, "family_name must be a name"),
        ({"family_name": "\ud800"}, "family_name must be a name"),
        ({"family_name": "-'"}, "family_name must be a name"),
        ({"family_name": "A" * 10_000}, "family_name has more than 200 characters"),
        ({"family_name": ["A"]}, "family_name must be a name"),
        ({"family_name": {"$ne": "A"}}, "family_name must be a name"),
        ({"given_names": ["A", 1]}, "given_names must be names"),
        ({"given_names": ["A" * 150, "B" * 150]}, "given_names has more than 200 characters"),
        ({"birth_date": "1985-02-30"}, "birth_date must be a date that exists, written YYYY-MM-DD"),
        ({"birth_date": "14/03/1985"}, "birth_date must be a date"),
        ({"birth_date": "１９８５-03-14"}, "birth_date must be a date"),
        ({"birth_date": 19850314}, "birth_date must be a date"),
        ({"birth_place": "Paris"}, "birth_place must be the INSEE code of a commune"),
        ({"sex": "1"}, "sex must be F or M"),
        ({"file": "a\x07b"}, "file must be a text without control characters"),
        (
            {"nationality": "FR"},
            "there is a field that this lookup does not ask for: it takes family_name, given_names",
        ),
        ({"a": 1, "b": 2}, "there are 2 fields that this lookup does not ask for"),
    ],
)
def test_what_is_wrong_is_told_by_field_and_without_values(changed: dict[str, Any], said: str) -> None:
    told = refused(**changed)
    assert told.startswith(said)
    for value in changed.values():
        assert not isinstance(value, str) or len(value) < 3 or value not in told


@pytest.mark.parametrize("text", ["1960-05-03", "1960-05-00", "1960-12-00", "1960-00-00", "2000-02-29"])
def test_a_date_of_which_a_part_is_unknown_has_one_spelling(text: str) -> None:
    fields = {"born": identities.IdentityField(type="partial-date")}
    assert identities.parts(identities.read(fields, json.dumps({"born": text}))) == {"born": text}
    for other in (text[:7], text[:4], text.replace("-", ""), text.replace("1960", "0000").replace("2000", "0000"),
                  "1960-00-03", "1960-13-00", "1960-02-30", "1960-05-XX", "１９６０-05-00", "1960-05-00\x00"):  # fmt: skip
        with pytest.raises(ValueError, match="born must be a date that exists, written YYYY-MM-DD, with 00 for a day"):
            identities.read(fields, json.dumps({"born": other}))
    if "00" in text[4:]:
        assert "birth_date must be a date that exists, written YYYY-MM-DD" in refused(birth_date=text)


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert refused(family_name="1", sex="x").split("; ") == [
        "family_name must be a name of letters, blanks, hyphens, apostrophes and points", "sex must be F or M",
    ]  # fmt: skip
    for text in ("", "null", "[]", '"A"', "{", '{"a":' * 5_000):
        with pytest.raises(ValueError, match="it is written as a JSON object with the fields family_name"):
            identities.read(FIELDS, text)
    with pytest.raises(ValueError, match="a field stands in it twice"):
        identities.read(FIELDS, '{"sex": "F", "sex": "M"}')


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"scheme": "identity"}, "say either pattern:"),
        ({"scheme": "identity", "pattern": "a", "fields": {"a": "name"}}, "say either pattern:"),
        ({"scheme": "identity", "pattern": "a"}, "the scheme of fields: is identity"),
        ({"scheme": "person", "fields": {"a": "name"}}, "the scheme of fields: is identity"),
        ({"scheme": "identity", "fields": {"a": "name"}, "check": "luhn"}, "check: is for the number"),
        ({"scheme": "identity", "fields": {"a": "nom"}}, "Input should be 'name', 'names'"),
        ({"scheme": "identity", "fields": {"identifier": "name"}}, "no field can be called identifier"),
        (
            {"scheme": "identity", "fields": {"a": {"type": "name", "required": False}}},
            "one field at least is required",
        ),
        ({"scheme": "identity", "fields": {}}, "one field at least is required"),
    ],
)
def test_what_is_declared_wrong(said: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        Identifier.model_validate(said)


@pytest.mark.parametrize(
    ("number", "said"), [("fr.nir", "a NIR is 15 digits"), ("fr.siren", "a SIREN is nine digits"), ("lei", "an LEI is 20"),
                         ("fr.siret", "its form or its check digits are not those of fr.siret")],
)  # fmt: skip
def test_a_number_that_we_know_is_told_in_words(number: str, said: str) -> None:
    declared = Identifier.model_validate({"scheme": "number", "pattern": r"\w{1,20}", "check": number})
    with pytest.raises(ValueError, match=said):
        Check(declared)("12")


def test_a_record_that_takes_no_identity_says_so() -> None:
    with pytest.raises(MalformedIdentifier, match="a Person is not asked for by that scheme; allowed: nir"):
        canonical(Person, f"identity:{json.dumps(WHO)}")
    made = Identifier.model_validate({"scheme": "identity", "fields": {"family_name": "name", "birth_date": "date"}})
    assert Check(made) == Check(Identifier.model_validate(made.model_dump())), "two of one declaration are equal"
    assert made.names == ("family_name", "birth_date")
