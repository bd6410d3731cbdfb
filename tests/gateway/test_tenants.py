"""Organisations are tenants: each route, asked as each of three organisations, tells nothing of another."""

import dataclasses
import itertools
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from tests.gateway.conftest import Gateway, Reply, ask
from tests.gateway.test_journal import entries
from tests.gateway.three_tenants import OF_A_JOB, ROWS, Call, calls, made, marks, routes, words

LAYERS = {"ServerErrorMiddleware", "Front", "Presented", "Lookups", "Rows"}
"""What stands before the routes, the framework's own first layer and what answers a connection by itself too. A new one that answers by itself needs calls of its own in `AROUND`."""

AROUND = [
    Call("GET", "/NAME_works", status=404), Call("GET", "/lookups/NAME_works/a/../b", status=404),
    Call("POST", "/health", status=405), Call("GET", "/jobs/NAME", status=404), Call("GET", "/datasets/NAME_work", status=404),
    Call("GET", "/datasets/NAME_work/rows?NAME_street__exact=x", status=404),
    Call("GET", "/datasets/NAME_works/rows?version=99", status=404), Call("GET", "/datasets/NAME_works/rows?x=y", status=400),
    Call("GET", "/datasets/NAME_works/rows/NAME-n99999", status=404), Call("GET", "/datasets/NAME_works/latest/x.csv", status=404),
    Call("GET", "/datasets/NAME_works/latest/NAME_works.csv", headers={"Range": "bytes=999999-"}, status=416),
    Call("GET", "/datasets/NAME_works/rows?columns=NAME_stree", status=400),
    Call("GET", "/lookups/NAME_works/NAME-n7?fields=NAME_stree", status=400),
    Call("POST", "/lookups/NAME_work", {"identifier": "NAME-n7"}, status=404),
    Call("POST", "/lookups/NAME_works", b"{", status=400), Call("POST", "/lookups/NAME_works", b"x" * 70_000, status=400),
    Call("POST", "/who-read", {"identifier": "dataset:NAME_work:NAME-n7"}, status=403),
    Call("POST", "/datasets/NAME_works/rows", b"[", status=400),
]  # fmt: skip
"""What is asked wrongly, or answered by what stands before the routes: names that are nearly right, bodies too long."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, FastAPI]]:
    """A gateway over the three tenants, and its application, whose routes are walked."""
    copy = Path(shutil.copytree(made(tmp_path_factory.getbasetemp()), tmp_path_factory.mktemp("asked") / "workspace"))
    apps: list[FastAPI] = []
    with Gateway(copy, apps.append) as running:
        yield running, apps[0]


@pytest.fixture(scope="module")
def gateway(served: tuple[Gateway, FastAPI]) -> Gateway:
    return served[0]


@pytest.fixture(scope="module")
def found(served: tuple[Gateway, FastAPI]) -> list[tuple[str, str]]:
    """The routes, but for those of jobs."""
    gateway, app = served
    walked = set(routes(app.routes, gateway.service.workspace.configuration.lookups))
    assert len(walked) > 40, "the routes of routers and mounts are walked too"
    assert walked >= OF_A_JOB
    return sorted(walked - OF_A_JOB)


def counted(gateway: Gateway) -> int:
    """Return how many accesses the journal has."""
    with closing(sqlite3.connect(gateway.root / ".beffroi" / "journal.db")) as database:
        found: int = database.execute("SELECT count(*) FROM entries WHERE kind != 'change'").fetchone()[0]
    return found


def send(gateway: Gateway, call: Call, asker: str | None, purpose: str) -> Reply:
    """Ask as a tenant, or as nobody."""
    headers = call.headers_of(asker or "zznobody", purpose)
    if asker is not None:
        headers |= gateway.headers(f"{asker}_app", None)
    return ask(gateway.url, call.method, call.path, headers, call.body)


def statuses(reply: Reply) -> set[int]:
    """Return the statuses of an answer: of several parts, or rows, each has its own."""
    told: Any = reply.json if "json" in reply.headers["content-type"] and reply.body else None
    parts = told["data"] if isinstance(told, dict) and isinstance(told.get("data"), list) else []
    return {part["status"] for part in parts if "status" in part} or {reply.status}


def test_every_route_is_asked(served: tuple[Gateway, FastAPI], found: list[tuple[str, str]]) -> None:
    """Whoever adds a route or a layer says how it is asked, or this fails."""
    for method, path in found:
        assert calls(method, path, "zzalpha")
    layers = {getattr(layer.cls, "__name__", str(layer.cls)) for layer in served[1].user_middleware}
    layers |= {type(each).__name__ for each in (served[1].build_middleware_stack(), served[1].state.rows)}
    assert layers == LAYERS, "a layer before the routes may answer by itself: see AROUND"


@pytest.mark.parametrize("owner", ROWS)
def test_its_own_is_told_and_left_one_entry(gateway: Gateway, found: list[tuple[str, str]], owner: str) -> None:
    asked = [call for route in found for call in calls(*route, owner)]
    for call in asked if owner == "zzalpha" else [call for call in asked if call.tells or call.hides]:
        before = counted(gateway)
        reply = send(gateway, call, owner, f"{owner}_aid")
        assert (reply.status, call) == (call.status, call), reply.body
        if call.tells:
            assert owner.encode() in reply.body, (
                f"{call.method} {call.path} tells nothing: the search would find nothing"
            )
        left = counted(gateway) - before
        assert left == call.entries, f"{call.method} {call.path} left {left} entries of the journal"
        assert not marks(reply, set(ROWS) - {owner}, words(call))


@pytest.mark.parametrize("asker", [*ROWS, None])
def test_nothing_of_another_is_told(gateway: Gateway, found: list[tuple[str, str]], asker: str | None) -> None:
    """Whatever is asked for of another: 403 or 404 (401 without a credential), and not a word that did not come with it."""
    others, allowed = [name for name in ROWS if name != asker], {403, 404} if asker else {401, 403, 404}
    asked = [(call, f"{owner}_aid") for owner in others[:1] for route in found for call in calls(*route, owner)]
    asked += [
        (call, f"{asker}_aid") for owner in others[1:] for route in found for call in calls(*route, owner) if call.tells
    ]
    for call, purpose in asked:
        reply = send(gateway, call, asker, purpose)
        assert reply.status < 500, f"{call.method} {call.path}: {reply.body!r}"
        assert not marks(reply, others, words(call) | {purpose}), f"{call.method} {call.path}: {reply.body!r}"
        if call.tells or call.hides or call.status in (403, 404):
            assert statuses(reply) <= allowed, f"{call.method} {call.path}: {reply.status} {reply.body!r}"


@pytest.mark.parametrize("asker", [*ROWS, None])
def test_what_is_asked_wrongly_tells_nothing_of_another(gateway: Gateway, asker: str | None) -> None:
    others = [name for name in ROWS if name != asker]
    for owner, each in itertools.product([*others[:1], *([asker] if asker else [])], AROUND):
        body = each.body if isinstance(each.body, bytes | None) else {
            key: value.replace("NAME", owner) for key, value in each.body.items()
        }  # fmt: skip
        call = dataclasses.replace(each, path=each.path.replace("NAME", owner), body=body)
        reply = send(gateway, call, asker, f"{asker or owner}_aid")
        assert not marks(reply, others, words(call)), f"{call.method} {call.path}: {reply.body!r}"
        if owner == asker:
            assert reply.status == call.status, f"{call.method} {call.path}: {reply.body!r}"
        else:
            assert 400 <= reply.status < 500, f"{call.method} {call.path}: {reply.status}"


def test_a_purpose_of_another_is_one_that_is_not_there(gateway: Gateway) -> None:
    """Neither that it is declared nor when it ends is told to others."""
    call = Call("GET", "/lookups/zzalpha_works/zzalpha-n7")
    told = [send(gateway, call, "zzalpha", name).json["detail"] for name in ("zzbeta_aid", "zzbetx_aid", "zzbeta_old")]
    assert {said.replace(" (did you mean «zzalpha_aid»?)", "") for said in told} == {
        "that purpose is not declared; allowed: zzalpha_aid"
    }


@pytest.mark.parametrize("owner", ROWS)
def test_a_job_is_its_own(gateway: Gateway, owner: str) -> None:
    body = [{"identifier": f"{owner}-n{n}"} for n in range(3)]
    headers = {"Prefer": "respond-async"}
    made = send(gateway, Call("POST", f"/lookups/{owner}_works", body, headers), owner, f"{owner}_aid")
    assert made.status == 202, made.body
    path = made.headers["location"]
    while (told := send(gateway, Call("GET", path + "/result"), owner, f"{owner}_aid")).status == 202:
        time.sleep(0.05)
    assert f"{owner} rue {owner}-n1" in told.body.decode()
    for asker, (method, rest) in itertools.product(
        (*(set(ROWS) - {owner}), None), (("GET", ""), ("GET", "/result"), ("DELETE", ""), ("HEAD", ""))
    ):
        for purpose in (f"{owner}_aid", f"{asker}_aid"):
            before = counted(gateway)
            reply = send(gateway, Call(method, path + rest), asker, purpose)
            assert reply.status == (405 if method == "HEAD" else 401 if asker is None else 404)
            assert not marks(reply, set(ROWS) - {asker}, {path})
            nobody = send(gateway, Call(method, f"/jobs/{'0' * 32}{rest}"), asker, purpose)
            assert reply.body == nobody.body, "a job of another is one that never was"
            assert counted(gateway) == before + (0 if method == "HEAD" else 2)
    assert send(gateway, Call("DELETE", path), owner, f"{owner}_aid").status == 204


def test_the_journal_itself_knows_whose_each_entry_is(gateway: Gateway) -> None:
    """An entry of one never names another but for what that one asked for."""
    for entry in entries(gateway.root / ".beffroi"):
        if entry["application"] is not None:
            assert entry["application"] == f"{entry['organisation']}_app"
