"""One record of a declared registry: how it is asked for, what each answer means, and that nothing is guessed."""

import itertools
import json
import logging
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from connectors.deadline import Deadline
from connectors.errors import (
    BeffroiError,
    Busy,
    Down,
    Late,
    MalformedIdentifier,
    Misconfigured,
    NotFound,
    RefusedUs,
    Unreadable,
    Withheld,
)
from connectors.identities import written
from connectors.registry import Answer
from connectors.rest import Rest
from tests.rest.conftest import Declare
from tests.rest.peer import Asked, Peer, Told, told

SIREN, OTHER, THIRD = "552100554", "542051180", "443061841"
UNIT = {"siren": SIREN, "legal": {"name": "Ville"}, "created": "1999-12-31", "staff": 12}
FIELDS = {
    "siren": "siren",
    "name": "legal.name",
    "created": {"from": "created", "type": "date"},
    "staff": {"type": "integer"},
}
LOOKUP = {
    "record": "Unit",
    "identifier": {"scheme": "siren", "pattern": r"(?P<siren>\d{9})", "check": "fr.siren"},
    "path": "units/{siren}",
    "same": "siren",
    "fields": FIELDS,
}


def lookup(**said: Any) -> dict[str, Any]:
    return LOOKUP | said


def ask(registry: Rest, identifier: str = SIREN) -> Answer:
    assert not list(registry.problems())
    return registry.lookup(identifier, Deadline.after(5))


def refused(registry: Rest, kind: type[BeffroiError] = Unreadable) -> str:
    with pytest.raises(BeffroiError) as error:
        ask(registry)
    assert type(error.value) is kind, error.value
    assert SIREN not in str(error.value)
    return str(error.value)


# --- a record --------------------------------------------------------------------------------------------------------


def test_a_record_is_found_and_typed(peer: Peer, declare: Declare) -> None:
    peer.say(UNIT)
    registry = declare(lookup=lookup(), personal=False)
    answer = ask(registry)
    assert answer.merged_from is None
    assert answer.record.model_dump(mode="json") == {
        "siren": SIREN, "name": "Ville", "created": "1999-12-31", "staff": 12
    }  # fmt: skip
    assert registry.record is type(answer.record)
    assert not registry.record.is_personal()
    assert [each.target for each in peer.asked] == [f"/api/units/{SIREN}"]
    assert peer.asked[0].headers["Accept"] == "application/json"


def test_a_question_is_filled_from_the_identifier(
    peer: Peer, declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOWN_AGENCY", "régie 1")
    peer.say({"id": "x"})
    said = lookup(
        identifier={"scheme": "parcel", "pattern": r"(?P<part>[^|]+)\|(?P<number>\d+)(?P<letter>[a-z])?"},
        path="parts/{part}/{number}",
        query={"q": "id:{identifier}", "letter": "{letter}", "for": "${TOWN_AGENCY}", "fields": ["a", "b"], "n": 1},
        same=None,
        fields={"id": "id"},
    )
    registry = declare(lookup=said, headers={"X-Agency": "a ${TOWN_AGENCY_ASCII}"})
    monkeypatch.setenv("TOWN_AGENCY_ASCII", "b")
    ask(registry, "a b/é?&%2e|7")
    assert peer.asked[0].target == (
        "/api/parts/a%20b%2F%C3%A9%3F%26%252e/7"
        "?q=id%3Aa%20b%2F%C3%A9%3F%26%252e%7C7&for=r%C3%A9gie%201&fields=a&fields=b&n=1"
    )
    assert peer.asked[0].headers["X-Agency"] == "a b"
    with pytest.raises(MalformedIdentifier):
        ask(registry, "..|7")
    assert len(peer.asked) == 1


def test_given_names_are_one_parameter_each(peer: Peer, declare: Declare) -> None:
    """As API Particulier wants them; a name is one, whatever signs are in it."""
    peer.say({"quotient": 512})
    fields = {
        "name": "name",
        "given": {"type": "names", "required": False},
        "others": {"type": "names", "required": False},
    }
    query = {"nom": "{name}", "prenoms[]": "{given[]}", "autres": ["x", "{others[]}"]}
    said = lookup(
        identifier={"scheme": "identity", "fields": fields},
        path="q",
        query=query,
        same=None,
        fields={"quotient": {"type": "integer"}},
    )
    registry = declare(lookup=said)
    ask(registry, written({"name": "De La Tour", "given": ["Zoé", "Anne-Marie", "D'Arc"]}))
    assert parse_qsl(urlsplit(peer.asked[0].target).query) == [
        ("nom", "DE LA TOUR"), ("prenoms[]", "ZOÉ"), ("prenoms[]", "ANNE-MARIE"), ("prenoms[]", "D'ARC"), ("autres", "x"),
    ]  # fmt: skip
    ask(registry, written({"name": "Martin", "given": "Jean Paul"}))
    assert peer.asked[1].target == "/api/q?nom=MARTIN&prenoms%5B%5D=JEAN&prenoms%5B%5D=PAUL&autres=x"
    ask(registry, written({"name": "Martin"}))
    assert peer.asked[2].target == "/api/q?nom=MARTIN&autres=x", "what may be left out, and is, is not there"


def test_a_question_may_be_a_body(peer: Peer, declare: Declare) -> None:
    peer.say({"found": [UNIT]})
    body = {"number": "{siren}", "deep": {"list": ["FR{siren}", 1, None, True]}, "nic": "{identifier}"}
    ask(declare(lookup=lookup(method="POST", body=body, record_at="found[0]")))
    assert peer.asked[0].method == "POST"
    assert peer.asked[0].headers["Content-Type"] == "application/json"
    assert json.loads(peer.asked[0].body) == {
        "number": SIREN, "deep": {"list": [f"FR{SIREN}", 1, None, True]}, "nic": SIREN
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "at"),
    [({"data": UNIT}, "data"), ({"data": [UNIT]}, "data"), ([UNIT], None), ({"a": [[], [UNIT]]}, "a[1][0]")],
)
def test_a_record_stands_where_it_is_declared_to(peer: Peer, declare: Declare, answer: Any, at: str | None) -> None:
    peer.say(answer)
    assert ask(declare(lookup=lookup(record_at=at))).record.model_dump()["staff"] == 12


def test_what_nobody_reads_is_reported_by_its_name_only(
    peer: Peer, declare: Declare, caplog: pytest.LogCaptureFixture
) -> None:
    peer.say(UNIT | {"secret": "value", "legal": {"name": "Ville", "form": "value", "more": {"deep": "value"}}})
    registry = declare(lookup=lookup())
    with caplog.at_level(logging.WARNING):
        ask(registry)
        ask(registry)
    assert registry.extras == {"secret", "legal.form", "legal.more"}
    assert len(caplog.records) == 3
    assert "value" not in caplog.text
    assert SIREN not in caplog.text


# --- what an answer means --------------------------------------------------------------------------------------------

RULES = [
    {"status": 404, "path": "error.code", "equals": "unknown", "is": "not-found"},
    {"status": 404, "content_type": "text/plain", "text": "Not Found", "is": "not-found"},
    {"path": "error.code", "equals": 16, "is": "not-found"},
    {"path": "open", "equals": False, "is": "withheld"},
    {"path": "items", "absent": True, "is": "not-found"},
    {"status": 503, "is": "busy"},
    {"status": 418, "is": "misconfigured"},
]
MEANT: list[tuple[Told, type[BeffroiError]]] = [
    (told({"error": {"code": "unknown"}}, 404), NotFound),
    (told({"error": {"code": "other"}}, 404), Unreadable),
    (Told(b"Not Found\n", 404, "text/plain; charset=utf-8"), NotFound),
    (Told(b"Not Found", 404, "text/html"), Unreadable),
    (Told(b"<html>unknown</html>", 404, "text/html"), Unreadable),
    (Told(b"", 404), Unreadable),
    (Told(b'{"error": {"code": "unknown"}', 404), Unreadable),
    (told({"error": {"code": 16}}), NotFound),
    (told({"error": {"code": 16.0}}, 400), NotFound),
    (told({"error": {"code": "16"}, "items": 1}), Unreadable),
    (told({"error": {"code": True}, "items": 1}), Unreadable),
    (told({"open": False, "items": 1}), Withheld),
    (told({"open": 0, "items": 1}), Unreadable),
    (told({}), NotFound),
    (told({"items": []}), NotFound),
    (told({"items": None}), NotFound),
    (told({}, 400), Unreadable),  # what an error has not says nothing
    (Told(b"<html></html>", 200, "text/html"), Unreadable),
    (told({}, 503, Retry_After="7"), Busy),
    (told({}, 502), Down),
    (told({}, 418), Misconfigured),
    (told({}, 401), RefusedUs),
    (told({}, 403), RefusedUs),
    (told({}, 429, Retry_After="7"), Busy),
    (Told(b"", 204), Unreadable),
    (told(UNIT, 201), Unreadable),
]


@pytest.mark.parametrize(("answer", "kind"), MEANT)
def test_an_answer_means_what_is_declared(peer: Peer, declare: Declare, answer: Told, kind: type[BeffroiError]) -> None:
    peer.tell = lambda _: answer
    said = refused(declare(lookup=lookup(record_at="items"), answers=RULES), kind)
    assert "town" in said


def test_a_404_without_a_rule_tells_how_to_declare_it(peer: Peer, declare: Declare) -> None:
    peer.say({"message": "x"}, 404)
    assert "{status: 404, path: …, equals: …, is: not-found}" in refused(declare(lookup=lookup()))


def test_when_to_come_back_is_told(peer: Peer, declare: Declare) -> None:
    for status in (429, 503):
        peer.say({}, status, Retry_After="7")
        with pytest.raises(BeffroiError) as error:
            ask(declare(lookup=lookup(), answers=[{"status": 503, "is": "busy"}]))
        assert 6 < (error.value.retry_in or 0) <= 7


# --- what is no answer -----------------------------------------------------------------------------------------------

BAD = {
    "HTML": (b"<html><body>Blocked</body></html>", "text/html", "a web page"),
    "HTML as JSON": (b"<html><body>Blocked</body></html>", "application/json", "no well-formed JSON, line 1"),
    "another type": (b"{}", "text/plain", "its content type is not that of JSON"),
    "no type": (b"{}", "", "its content type is not that of JSON"),
    "nothing": (b"", "application/json", "no well-formed JSON"),
    "truncated": (b'{"siren": "552100554", "legal', "application/json", "no well-formed JSON"),
    "a name twice": (b'{"siren": "552100554", "siren": "1"}', "application/json", "a name twice"),
    "NaN": (b'{"siren": NaN}', "application/json", "NaN is no JSON"),
    "infinity": (b'{"siren": -Infinity}', "application/json", "-Infinity is no JSON"),
    "a number too big": (b'{"staff": 1e999}', "application/json", "a number beyond what a float holds"),
    "an integer too long": (b'{"staff": %b}' % (b"9" * 5000), "application/json", "no well-formed JSON"),
    "too deep": (b"[" * 200_000, "application/json", "no well-formed JSON"),
    "latin1": ('{"siren": "é"}'.encode("latin1"), "application/json", "it is not in UTF-8"),
    "a list": (b"[]", "application/json", "no record, which no rule"),
    "a text": (b'"552100554"', "application/json", "no record"),
    "null": (b"null", "application/json", "no record"),
    "several": (b'[{"siren": "552100554"}, {"siren": "1"}]', "application/json", "several records"),
    "another": (b'{"siren": "542051180"}', "application/json", "about another record"),
    "nobody": (b'{"name": "Ville"}', "application/json", "about another record"),
    "a true one": (b'{"siren": true}', "application/json", "about another record"),
    "a list of them": (b'{"siren": ["552100554"]}', "application/json", "about another record"),
    "a date that is none": (b'{"siren": "552100554", "created": "1999-13-01"}', "application/json", "created"),
    "a text for a number": (b'{"siren": "552100554", "staff": "12"}', "application/json", "staff"),
    "no object": (b'{"siren": "552100554", "legal": "Ville"}', "application/json", "«legal.name» leads through"),
    "half a character": (
        b'{"siren": "552100554", "legal": {"name": "\\ud800"}}',
        "application/json",
        "Unit",
    ),
}


@pytest.mark.parametrize(("body", "kind", "says"), BAD.values(), ids=BAD)
def test_what_is_no_answer_is_unreadable(peer: Peer, declare: Declare, body: bytes, kind: str, says: str) -> None:
    peer.send(body, kind)
    said = refused(declare(lookup=lookup()))
    assert says in said
    assert "Blocked" not in said


@pytest.mark.parametrize("number", ["9" * 400, "12345678901234567890", "9007199254740993"])
def test_a_whole_number_that_no_number_holds_is_refused(peer: Peer, declare: Declare, number: str) -> None:
    peer.send(b'{"siren": "552100554", "area": %b}' % number.encode(), "application/json")
    fields = FIELDS | {"area": {"type": "number"}}
    assert "area" in refused(declare(lookup=lookup(fields=fields)))
    peer.send(b'{"siren": "552100554", "area": 9007199254740992}', "application/json")
    assert ask(declare(lookup=lookup(fields=fields))).record.model_dump()["area"] == 2**53


def test_the_media_type_may_be_declared(peer: Peer, declare: Declare) -> None:
    peer.send(json.dumps(UNIT).encode(), "text/plain; charset=utf-8")
    assert ask(declare(lookup=lookup(content_type="text/plain")))


def test_an_answer_without_an_end_is_refused_in_time(peer: Peer, declare: Declare) -> None:
    peer.tell = lambda _: Told(itertools.repeat(b'{"a":' * 13_107))
    said = refused(declare(lookup=lookup()))
    assert said == "the answer of town is larger than 4 MiB and was refused"


def test_a_registry_that_does_not_answer_is_late(peer: Peer, declare: Declare) -> None:
    peer.tell = lambda _: time.sleep(1) or told(UNIT)  # type: ignore[func-returns-value]
    with pytest.raises(Late):
        declare(lookup=lookup()).lookup(SIREN, Deadline.after(0.2))


# --- merged records --------------------------------------------------------------------------------------------------


def redirecting(steps: dict[str, str], status: int = 301, last: dict[str, Any] | None = None) -> Any:
    """Return what redirects from paths to others; anything else is answered."""

    def tell(asked: Asked) -> Told:
        if (to := steps.get(asked.path)) is not None:
            return told({}, status, Location=to)
        return told(UNIT | {"siren": asked.path.rpartition("/")[2]} | (last or {}))

    return tell


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("absolute", [True, False])
def test_a_redirect_to_a_successor_is_followed_and_told(
    peer: Peer, declare: Declare, status: int, absolute: bool
) -> None:
    there = f"/api/units/{OTHER}"
    peer.tell = redirecting({f"/api/units/{SIREN}": peer.url + there if absolute else there}, status)
    answer = ask(declare(lookup=lookup()))
    assert answer.merged_from == SIREN
    assert answer.record.model_dump()["siren"] == OTHER
    assert len(peer.asked) == 2


@pytest.mark.parametrize("same", ["siren", None])
@pytest.mark.parametrize("to", ["/api/units/{}/", "/api/units/default"])
def test_a_redirect_alone_is_no_merger(peer: Peer, declare: Declare, same: str | None, to: str) -> None:
    there = to.format(SIREN)
    peer.tell = lambda asked: told({}, 301, Location=there) if asked.path != there else told(UNIT)
    assert ask(declare(lookup=lookup(same=same))).merged_from is None
    peer.tell = lambda asked: told({}, 301, Location=there) if asked.path != there else told(UNIT | {"siren": OTHER})
    if same is not None:
        assert "about another record" in refused(declare(lookup=lookup()))


def test_another_record_leads_to_no_successor(peer: Peer, declare: Declare) -> None:
    peer.say(UNIT | {"siren": OTHER, "into": {"siren": THIRD}})
    assert "about another record" in refused(declare(lookup=lookup(merged_to="into.siren")))
    assert len(peer.asked) == 1


def test_a_successor_is_told_by_the_groups_of_its_number(peer: Peer, declare: Declare) -> None:
    identifier = {"scheme": "parcel", "pattern": r"(?P<part>[A-Z]+)-(?P<number>\d+)"}
    peer.tell = lambda asked: (
        told({"id": "BC-7"}) if "BC" in asked.path else told({}, 301, Location="/api/parts/BC/new?n=7")
    )
    said = lookup(identifier=identifier, path="parts/{part}/{number}", same="id", fields={"id": "id"})
    answer = ask(declare(lookup=said), "A-1")
    assert (answer.record.model_dump()["id"], answer.merged_from) == ("BC-7", "A-1")


def test_half_a_character_is_no_identifier(peer: Peer, declare: Declare) -> None:
    said = lookup(identifier={"scheme": "id", "pattern": ".+"}, path="", query={"q": "{identifier}"}, same=None)
    with pytest.raises(MalformedIdentifier):
        ask(declare(lookup=said), "a\ud800")
    assert not peer.asked


def test_a_name_of_half_a_character_is_reported_as_a_text(peer: Peer, declare: Declare) -> None:
    peer.say(UNIT | {"\ud800odd": 1})
    registry = declare(lookup=lookup())
    ask(registry)
    assert registry.extras == {"?odd"}


def test_a_redirect_to_the_same_record_is_no_merger(peer: Peer, declare: Declare) -> None:
    peer.tell = lambda asked: told(UNIT) if asked.path.startswith("/api/v2") else told({}, 308, Location=f"v2/{SIREN}")
    answer = ask(declare(lookup=lookup(path="{siren}")))
    assert answer.merged_from is None


@pytest.mark.parametrize(
    "location",
    [
        "https://elsewhere.example/api/x",
        "//elsewhere.example/",
        "http://127.0.0.1:1/api",
        "/other/x",
        "/api/../x",
        "/api/%2E%2e/x",
    ],
)
def test_a_redirect_elsewhere_is_refused(peer: Peer, declare: Declare, location: str) -> None:
    peer.say({}, 301, Location=location)
    said = refused(declare(lookup=lookup()), Misconfigured)
    assert "a redirect leads to another" in said
    assert "/x" not in said
    assert len(peer.asked) == 1


def test_redirects_end(peer: Peer, declare: Declare) -> None:
    peer.tell = lambda asked: told({}, 301, Location=f"{asked.path}1")
    assert "redirects more than 3 times" in refused(declare(lookup=lookup()))
    assert len(peer.asked) == 4


def test_a_successor_that_is_told_is_asked_for(peer: Peer, declare: Declare) -> None:
    merged = {SIREN: OTHER, OTHER: THIRD}

    def tell(asked: Asked) -> Told:
        siren = asked.path.rpartition("/")[2]
        return told(UNIT | {"siren": siren, "into": {"siren": merged.get(siren)}})

    peer.tell = tell
    answer = ask(declare(lookup=lookup(merged_to="into.siren")))
    assert (answer.record.model_dump()["siren"], answer.merged_from) == (THIRD, SIREN)
    merged[THIRD] = SIREN
    assert "without an end" in refused(declare(lookup=lookup(merged_to="into.siren")))
    merged[SIREN] = "1"
    assert "no siren" in refused(declare(lookup=lookup(merged_to="into.siren")))
