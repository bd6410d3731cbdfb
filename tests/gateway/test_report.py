"""The page of the last run: for everybody where the dataset is open, by grant and on the journal where it is not."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from gateway.journal import verify
from tests.gateway.conftest import Gateway
from tests.gateway.test_pages import ELSEWHERE


def entries(gateway: Gateway) -> list[dict[str, Any]]:
    """Return the entries of the journal, oldest first."""
    path = gateway.root / ".beffroi/journal.db"
    assert verify(path).whole
    with sqlite3.connect(path) as database:
        return [
            json.loads(row[0])
            for row in database.execute("SELECT entry FROM entries WHERE kind != 'change' ORDER BY number")
        ]


@pytest.mark.parametrize(
    ("asked", "language", "said"), [("fr,en;q=0.5", "fr", "60 en sortie"), ("en", "en", "60 out"), ("", "en", "60 out")]
)
def test_the_report_of_an_open_dataset_is_for_everybody(gateway: Gateway, asked: str, language: str, said: str) -> None:
    reply = gateway.get("/datasets/things/report", Accept_Language=asked)
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["content-language"] == language
    assert "Accept-Language" in reply.headers["vary"]
    page = html.document_fromstring(reply.body)
    assert page.get("lang") == language
    assert said in page.text_content()
    assert not ELSEWHERE.search(reply.body)
    assert "default-src 'self'" in reply.headers["content-security-policy"]


def test_of_an_open_dataset_it_tells_how_many_were_refused_and_no_more(root: Path) -> None:
    report = next((root / ".beffroi/versions/things").glob("*/report.json"))
    said = json.loads(report.read_text("utf-8"))
    rules = [{"column": "whole", "rule": "maximum", "rows": 7, "reason": "is beyond it", "reason_fr": "au-delà"}]
    more = {"rules": rules, "unread": ["internal_notes"], "rows_in": said["rows_in"] + 7, "quarantined": 7}
    report.write_text(json.dumps(said | more), encoding="utf-8")
    with Gateway(root) as gateway:
        text = gateway.get("/datasets/things/report").body.decode()
    assert "7 refused" in text
    for kept in ("internal_notes", "is beyond it", "Why rows were refused", said["sources"][0]["raw"][:12]):
        assert kept not in text


def test_the_report_of_another_dataset_needs_a_grant_and_is_on_the_journal(root: Path) -> None:
    with Gateway(root) as gateway:
        assert gateway.get("/datasets/permits/report").code == "unauthenticated"
        assert gateway.get("/datasets/permits/report", "rien").code == "not-found"
        assert gateway.get("/datasets/permits/report", "mairie", None).code == "not-granted"
        whole = gateway.get("/datasets/permits/report", "mairie").body.decode()
        part = gateway.get("/datasets/permits/report", "ecole").body.decode()
        told = entries(gateway)
    assert "Raw file" in whole, "who may see all of it sees where it came from"
    assert "Raw file" not in part
    assert "applicant" not in part, "a column that is not granted is not told of"
    assert [(each["action"], each["outcome"]) for each in told] == [
        ("report", "unauthenticated"), ("report", "not-found"), ("report", "not-granted"), ("report", "found"),
        ("report", "found"),
    ]  # fmt: skip
    assert told[-1]["fields"] == ["number", "street"]


def test_a_dataset_without_a_version_has_no_report(gateway: Gateway) -> None:
    reply = gateway.get("/datasets/never/report")
    assert (reply.status, reply.code) == (503, "unavailable")
    assert gateway.get("/datasets/nothing/report").status in (401, 404)


def test_a_report_that_is_gone_is_told(root: Path) -> None:
    for report in (root / ".beffroi/versions/things").glob("*/report.json"):
        report.write_text("{", encoding="utf-8")
    with Gateway(root) as gateway:
        reply = gateway.get("/datasets/things/report")
    assert (reply.status, reply.code) == (503, "unavailable")
    assert "the report of version 1 of things is not there any more" in reply.json["detail"]
