"""`beffroi explain`: it says yes exactly where a call is answered, and says why and what to write where."""

import datetime as dt
import functools
import json
import random
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from gateway.callers import explained
from gateway.callers.access import of_lookup
from gateway.callers.explained import Explanation, For
from gateway.callers.tokens import Tokens
from pipelines.workspace import Workspace
from tests.commands import beffroi
from tests.effort import some
from tests.gateway.conftest import Gateway, Reply, ask
from tests.pipelines.bench import Bench

CONFIGURATION = """\
title: Test
registries:
  source: {kind: files, path: source}
purposes:
  aid: {title: Aid, procedure: Aid to families, legal_basis: Article 1, agreement: C-2026-7}
  survey: {title: Survey, procedure: Survey, legal_basis: '-', expires: 2999-01-01, requires: [case]}
  batch: {title: Batch, procedure: Batch, legal_basis: '-', requires: []}
  old: {title: Old, procedure: Ended, legal_basis: '-', expires: 2020-01-31}
lookups:
  work: {title: A work, providers: [{dataset: works}]}
  person: {title: A person, providers: [{dataset: people}]}
"""
DATASET = """\
title: TITLE
owner: ville
audience: AUDIENCE
source: {registry: source, table: works}
schema:
  fields:
    - {name: number}
    - {name: town}
    - {name: streetPERSONAL}
    - {name: worker}
  primaryKey: number
"""
FIELDS = ("number", "town", "street", "worker")
PURPOSES = ("aid", "survey", "batch", "old")
ROWS = [{"number": f"n{n}", "town": "AB"[n % 2], "street": f"street {n}", "worker": "xyz"[n % 3]} for n in range(6)]
APPLICATIONS = [f"app{n}" for n in range(14)]
TOKENS = ("good", "good", "good", "here", "elsewhere", "expired", "revoked", "none")
RESOURCES = ("lookup:work", "lookup:person", "dataset:works", "dataset:people", "dataset:free")


def grants(chance: random.Random) -> list[dict[str, Any]]:
    """Return the grants of an application: none or some, of all or some fields and rows, told or verified only."""
    made = list[dict[str, Any]]()
    for kind, name in (each.split(":") for each in RESOURCES[:4]):
        for _ in range(chance.choice((0, 1, 1, 2))):
            fields = chance.choice(("*", chance.sample(FIELDS, chance.randint(1, 3))))
            rows = chance.choice(({}, {}, {"town": ["A"]}, {"worker": ["x", "y"], "town": ["B"]}))
            grant: dict[str, Any] = {
                kind: name,
                "fields": fields,
                "purposes": chance.sample(PURPOSES, chance.randint(1, 2)),
            }
            made.append(grant | ({"rows": rows} if rows else {}))
            if kind == "lookup" and chance.random() < 0.3:
                made[-1]["verify"] = True
    return made


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    bench, chance = Bench(tmp_path_factory.mktemp("explained") / "workspace"), random.Random(2026)
    bench.write("beffroi.yaml", CONFIGURATION)
    declared: dict[str, dict[str, Any]] = {name: {"title": name, "grants": grants(chance)} for name in APPLICATIONS}
    declared["app0"]["limits"] = {"per_minute": 100_000}
    bench.write("organisations/ville.yaml", json.dumps({"title": "Ville", "applications": declared}))
    for name, audience, personal in (
        ("works", "owner", ""), ("people", "owner", ", personal: true"),
        ("free", "open\nlicence: Licence Ouverte 2.0", ""),
    ):  # fmt: skip
        text = DATASET.replace("TITLE", name).replace("AUDIENCE", audience).replace("PERSONAL", personal)
        bench.write(f"datasets/{name}.yaml", text)
    bench.source("works", ROWS)
    for name in ("works", "people", "free"):
        bench.run(name)
    with Gateway(bench.root) as running:
        yield running


@pytest.fixture(scope="module")
def credentials(gateway: Gateway) -> dict[str, str]:
    """Give each application a token, good or not, and return what it sends."""
    found = {}
    for name, kind in zip(APPLICATIONS, TOKENS * 2, strict=False):
        networks = {"here": ("127.0.0.0/8",), "elsewhere": ("10.0.0.0/8",)}.get(kind, ())
        text = gateway.service.tokens.issue(name, networks=networks) if kind != "none" else ""
        if kind == "revoked":
            gateway.service.tokens.revoke(gateway.service.tokens.known(text).id)
        if kind == "expired":
            with closing(sqlite3.connect(gateway.root / ".beffroi" / "state.db")) as database, database:
                past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC).isoformat()
                database.execute("UPDATE tokens SET expires = ? WHERE application = ?", (past, name))
        found[name] = f"Bearer {text}" if text else ""
    return found


def told(gateway: Gateway, application: str, name: str) -> Explanation:
    workspace = gateway.service.workspace
    (resource,) = explained.resources(workspace, name)
    return explained.explain(workspace, application, resource)


def from_here(found: Explanation) -> bool:
    """Tell whether an explanation has a credential that is good from this machine."""
    return any(not each.networks or "127.0.0.0/8" in each.networks for each in found.credentials)


def headers(credential: str, purpose: str, each: For | None) -> dict[str, str]:
    """Return the headers of a call: those that the explanation wants and no more, or all where it says no."""
    wanted = each.send[1:] if each is not None and each.send else ["Beffroi-Agent", "Beffroi-Case"]
    found = {"Beffroi-Purpose": purpose} | dict.fromkeys(wanted, "somebody")
    return found | ({"Authorization": credential} if credential else {})


def covers(parts: list[explained.Part], field: str, row: dict[str, str]) -> bool:
    """Tell whether one of these parts has a field of a row."""
    return any(
        field in part.fields and all(row[column] in values for column, values in part.rows.items()) for part in parts
    )


ALL = [(name, resource, purpose) for name in APPLICATIONS for resource in RESOURCES for purpose in PURPOSES]


@functools.cache
def ways(gateway: Gateway) -> list[tuple[str, str, str]]:
    """Return those of `ALL` that some grant names and that can be asked from here: of others most are refused."""
    return [
        (name, resource, each.purpose)
        for name in APPLICATIONS
        for resource in RESOURCES
        if from_here(found := told(gateway, name, resource))
        for each in found.purposes
    ]


@pytest.mark.soak
@given(data=st.data())
@some(60)
def test_it_says_yes_exactly_where_a_call_is_answered(
    gateway: Gateway, credentials: dict[str, str], data: st.DataObject
) -> None:
    name, resource, purpose = data.draw(st.one_of(st.sampled_from(ways(gateway)), st.sampled_from(ALL)))
    field = data.draw(st.sampled_from(FIELDS))
    row, verify = data.draw(st.sampled_from(ROWS)), data.draw(st.booleans())
    found = told(gateway, name, resource)
    each = next((each for each in found.purposes if each.purpose == purpose), None)
    sees, verifies = (each.sees, each.verifies) if each else ([], [])
    sent = headers(credentials[name], purpose, each)
    kind, _, what = resource.partition(":")
    if kind == "lookup":
        asked = {"verify": {field: "x"}} if verify else {"fields": [field]}
        reply = ask(gateway.url, "POST", f"/lookups/{what}", sent, {"identifier": row["number"], **asked})
        expected = from_here(found) and covers([*sees, *verifies] if verify else sees, field, row)
        event(f"{kind}: {'yes' if expected else 'no'}")
        assert (reply.status == 200) == expected, (reply.body, found)
        assert not expected or found.answered
        return
    reply = ask(gateway.url, "POST", f"/datasets/{what}/rows", sent, {"columns": field})
    if found.open:
        assert len(reply.json["data"]) == len(ROWS)
        return
    values = [each[field] for each in ROWS if from_here(found) and covers(sees, field, each)]
    granted = from_here(found) and any(field in part.fields for part in sees)
    event(f"{kind}: {'yes' if granted else 'no'}")
    assert (reply.status == 200) == granted, (reply.body, found)
    assert (sorted(each[field] for each in reply.json["data"]) if granted else []) == sorted(values)


@pytest.mark.soak
@given(data=st.data())
@some(25)
def test_without_what_it_says_to_send_a_call_is_refused(
    gateway: Gateway, credentials: dict[str, str], data: st.DataObject
) -> None:
    yes = [(name, resource, each) for name in APPLICATIONS for resource in ("lookup:work", "lookup:person")
           if from_here(found := told(gateway, name, resource)) for each in found.purposes if each.send]  # fmt: skip
    name, resource, each = data.draw(st.sampled_from(yes))
    sent = headers(credentials[name], each.purpose, each)
    part = (each.sees or each.verifies)[0]
    row = next((row for row in ROWS if covers([part], part.fields[0], row)), None)
    asked = {"fields": part.fields} if each.sees else {"verify": dict.fromkeys(part.fields, "x")}
    without = data.draw(st.sampled_from([None, "Authorization", *(header.partition(":")[0] for header in each.send)]))
    given_up = {header: value for header, value in sent.items() if header != without}
    if row is not None:
        body = {"identifier": row["number"], **asked}
        reply: Reply = ask(gateway.url, "POST", f"/lookups/{resource.partition(':')[2]}", given_up, body)
        assert reply.status == {None: 200, "Authorization": 401}.get(without, 403), (without, reply.body)


def test_a_whole_file_is_told_where_it_may_be_taken(gateway: Gateway, credentials: dict[str, str]) -> None:
    yes = set()
    for name in APPLICATIONS:
        found = told(gateway, name, "dataset:works")
        taken = {ask(gateway.url, "GET", "/datasets/works/latest/works.csv", headers(credentials[name], each, None)).status
                 for each in PURPOSES}  # fmt: skip
        assert (200 in taken) == (found.whole_files and from_here(found)), name
        yes.add(200 in taken)
    assert yes == {True, False}, "both are tried"


def test_who_may_see_it_at_all(gateway: Gateway) -> None:
    workspace = gateway.service.workspace
    resource = of_lookup("person", workspace.lookup("person"))
    found = {each.application: each for each in explained.everybody(workspace, resource)}
    assert found.keys() == {name for name, (_, declared) in workspace.applications.items()
                            if any(grant.lookup == "person" for grant in declared.grants)}  # fmt: skip
    assert all(found[name] == explained.explain(workspace, name, resource) for name in found if name is not None)
    assert {purpose.expired for each in found.values() for purpose in each.purposes} == {True, False}


# --- what is shown ---------------------------------------------------------------------------------------------------

SMALL = """\
title: Test
registries:
  source: {kind: files, path: source}
purposes:
  aid: {title: Aid, procedure: Aid to families, legal_basis: Article 1, agreement: C-2026-7}
  old: {title: Old, procedure: Ended, legal_basis: '-', expires: 2020-01-31}
lookups:
  person: {title: A person, providers: [{dataset: people}]}
organisations:
  ville:
    title: Ville
    applications:
      desk:
        title: Desk
        limits: {per_day: 50}
        grants:
          - {lookup: person, fields: [number, town], rows: {town: [A]}, purposes: [aid]}
          - {lookup: person, fields: [street], purposes: [aid], verify: true}
          - {lookup: person, fields: [number, street], purposes: [old]}
      idle: {title: Idle}
      late: {title: Late, grants: [{lookup: person, fields: '*', purposes: [old]}]}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    bench = Bench(tmp_path / "workspace")
    bench.write("beffroi.yaml", SMALL)
    declared = DATASET.replace("TITLE", "people").replace("AUDIENCE", "owner").replace("PERSONAL", ", personal: true")
    bench.write("datasets/people.yaml", declared)
    return bench.root


def test_it_says_why_and_what_to_write_where(small: Path) -> None:
    with closing(Tokens(Workspace(small))) as tokens:
        secret = tokens.issue("desk", days=30, networks=["10.0.0.0/8"])
        known = tokens.known(secret)
    shown = beffroi(small, "explain", "desk", "person").stdout
    flat = re.sub(r"\s+", " ", shown)
    for said in (
        "desk of ville may ask lookup:person", "number, town", "town: A", "verify only:",
        "Beffroi-Purpose: aid", "Beffroi-Agent", "Beffroi-Case", "2020-01-31 EXPIRED", "Aid to families", "Article 1",
        "C-2026-7", f"token {known.id} until {known.expires.date()} from 10.0.0.0/8", "50 calls a day (50 left)",
        "gives it worker: add what it needs to fields: in beffroi.yaml, under organisations.ville.applications.desk.grants",
        "the purpose old expired on 2020-01-31: once it is agreed anew, write its new expires: in beffroi.yaml",
    ):  # fmt: skip
        assert said in flat, f"{said}\n{shown}"
    assert secret not in shown
    french = re.sub(r"\s+", " ", beffroi(small, "explain", "desk", "person", "--lang", "fr").stdout)
    for said in (
        "desk (ville) peut interroger lookup:person", "finalité", "base légale", "2020-01-31 EXPIRÉE", "vérifier seulement",
        "la finalité old a expiré le 2020-01-31", "jeton", "50 demandes par jour",
    ):  # fmt: skip
        assert said in french, french


def test_it_says_what_is_missing_where_there_is_nothing(small: Path) -> None:
    (found,) = json.loads(beffroi(small, "explain", "idle", "person", "--json").stdout)
    assert (found["answered"], found["purposes"], found["credentials"]) == (False, [], [])
    assert found["missing"][0] == (
        "idle has no grant on it. Write one in beffroi.yaml, under organisations.ville.applications.idle.grants:"
        " - {lookup: person, fields: [FIELD, …], purposes: [PURPOSE]}. Its fields: number, town, street, worker"
    )
    assert "`beffroi token issue idle`" in found["missing"][1]
    overview = re.sub(r"\s+", " ", beffroi(small, "explain", "person").stdout)
    assert "lookup:person desk (ville) aid number, town town: A no credential" in overview
    assert "verify only: street all" in overview
    both = json.loads(beffroi(small, "explain", "people", "--json").stdout)
    assert both == [], "no application has a grant on the dataset itself"
    assert [each["application"] for each in json.loads(beffroi(small, "explain", "person", "--json").stdout)] == [
        "desk", "late",
    ]  # fmt: skip
    assert beffroi(small, "explain", "idle").stdout == "there is no grant\n"


def test_what_an_application_may_see_at_all(small: Path) -> None:
    shown = re.sub(r"\s+", " ", beffroi(small, "explain", "desk").stdout)
    assert "lookup:person desk (ville) aid number, town town: A no credential" in shown
    assert "late" not in shown
    assert [each["resource"] for each in json.loads(beffroi(small, "explain", "desk", "--json").stdout)] == [
        "lookup:person"
    ]


def test_a_grant_without_a_credential_is_one(small: Path) -> None:
    said = "desk of ville has a grant on lookup:person, but no credential: it cannot ask yet"
    assert said in beffroi(small, "explain", "desk", "person").stdout
    assert "late of ville may not ask lookup:person" in beffroi(small, "explain", "late", "person").stdout


def test_what_an_expired_purpose_gave_needs_no_new_grant(small: Path) -> None:
    (found,) = json.loads(beffroi(small, "explain", "late", "person", "--json").stdout)
    assert [each.partition(":")[0] for each in found["missing"]] == [
        "the purpose old expired on 2020-01-31", "nobody can call as late, which has no credential in force",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("desck",), 1, "no lookup and no dataset «desck»"),
        (("desk", "persn"), 1, "did you mean «person»?"),
        (("desc", "person"), 1, "there is no application «desc» (did you mean «desk»?)"),
        (("a", "b", "c"), 2, "an application and the name of a lookup or dataset"),
    ],
)
def test_what_is_not_there(small: Path, words: tuple[str, ...], status: int, said: str) -> None:
    assert said in beffroi(small, "explain", *words, status=status).stderr
