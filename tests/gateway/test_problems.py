"""Every error, through HTTP: its status, its headers, what is told, and what is not."""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from connectors import errors
from connectors.errors import Attempt, BeffroiError
from gateway import problems
from tests.gateway.conftest import Gateway, ask

SECRET = "185057800608491"


def concrete(kind: type[BeffroiError] = BeffroiError) -> list[type[BeffroiError]]:
    """Return every class of the tree of errors that has no class below it."""
    below = kind.__subclasses__()
    return [leaf for each in below for leaf in concrete(each)] if below else [kind]


LEAVES = {leaf.code: leaf for leaf in concrete() if leaf.__module__ == errors.__name__}


def add_routes(app: FastAPI) -> None:
    @app.get("/raise/{code}")
    async def fail(code: str) -> None:
        error = LEAVES[code]("what was wrong", registry="communes", retry_in=1.2)
        error.tried = (Attempt("communes", "down", "it is down"),)
        raise error

    @app.get("/plain/{code}")
    async def plain(code: str) -> None:
        raise LEAVES[code]("what was wrong")

    @app.get("/typed")
    async def typed(number: int) -> int:
        return number

    @app.get("/bug")
    async def bug() -> None:
        try:
            int(f"{SECRET}x")
        except ValueError as error:
            raise KeyError(SECRET) from error


@pytest.fixture(scope="module")
def broken(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    copy = Path(shutil.copytree(template, tmp_path_factory.mktemp("broken") / "workspace"))
    with Gateway(copy, add_routes) as running:
        yield running


def test_the_table_has_every_class_and_no_other() -> None:
    assert set(problems.STATUS) == set(LEAVES.values())


@pytest.mark.parametrize("code", LEAVES)
def test_every_error_is_a_problem(broken: Gateway, code: str) -> None:
    reply = broken.get(f"/raise/{code}")
    assert reply.code == code
    assert reply.status == problems.STATUS[LEAVES[code]] >= 400
    told = reply.json
    assert (told["fault"], told["title"], told["todo"]) == (LEAVES[code].fault, LEAVES[code].title, LEAVES[code].todo)
    assert (told["detail"], told["registry"], told["retry_in"]) == ("what was wrong", "communes", 1.2)
    assert told["tried"] == [{"provider": "communes", "code": "down", "detail": "it is down"}]
    assert reply.headers["retry-after"] == "2", "whole seconds, rounded up"
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("malformed-identifier", 422), ("invalid-request", 400), ("not-found", 404), ("withheld", 451),
        ("unauthenticated", 401), ("not-granted", 403), ("method-not-allowed", 405), ("unreadable", 502), ("not-delivered", 502),
        ("refused-us", 502), ("busy", 503), ("maintenance", 503), ("down", 503), ("unavailable", 503), ("late", 504),
        ("misconfigured", 500), ("run-failed", 500),
    ],
)  # fmt: skip
def test_statuses_and_the_headers_that_go_with_them(broken: Gateway, code: str, status: int) -> None:
    reply = broken.get(f"/plain/{code}")
    assert (reply.status, reply.code) == (status, code)
    assert ("retry-after" in reply.headers) == (status == 503)
    assert ("retry_in" in reply.json) == (status == 503)
    assert ("www-authenticate" in reply.headers) == (status == 401)
    assert reply.headers["allow"] == ("POST" if status == 405 else None)
    assert "registry" not in reply.json
    assert "tried" not in reply.json


def test_a_class_below_one_of_the_table_has_its_status() -> None:
    class Nearer(errors.Down):
        pass

    assert problems.status_of(Nearer("x")) == 503


@pytest.mark.parametrize(
    "path", ["/nothing", "/lookups/", "/datasets/", f"/{SECRET}", "/%00", "/datasets//rows", "/docs/assets/x"]
)
def test_an_unknown_address_is_a_problem(broken: Gateway, path: str) -> None:
    reply = broken.get(path)
    assert (reply.status, reply.code) == (404, "not-found")
    assert SECRET not in reply.body.decode()


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/datasets", "GET, HEAD"), ("PUT", "/datasets/things/rows", "GET, HEAD, POST"),
        ("POST", "/health", "GET, HEAD"), ("PATCH", "/lookups/person", "POST"), ("POST", "/", "GET, HEAD"),
        ("PROPFIND", "/datasets/things/latest/things.csv", "GET, HEAD"),
    ],
)  # fmt: skip
def test_a_wrong_method_says_the_right_ones(broken: Gateway, method: str, path: str, allowed: str) -> None:
    reply = ask(broken.url, method, path)
    assert (reply.status, reply.code) == (405, "method-not-allowed")
    assert set(allowed.split(", ")) <= set(reply.headers["allow"].split(", "))
    assert all(each in reply.json["detail"] for each in allowed.split(", "))


def test_a_wrong_parameter_is_not_repeated(broken: Gateway) -> None:
    reply = broken.get(f"/typed?number={SECRET}x")
    assert (reply.status, reply.code) == (400, "invalid-request")
    assert "number" in reply.json["detail"]
    assert SECRET not in reply.body.decode()
    assert broken.get("/typed").code == "invalid-request"


def test_a_bug_tells_nothing_of_the_request(broken: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        reply = broken.get(f"/bug?who={SECRET}", None, None, Cookie=SECRET)
    assert (reply.status, reply.code) == (500, "internal")
    assert reply.json["fault"] == "beffroi"
    assert SECRET not in reply.body.decode() + str(reply.headers)
    assert "unforeseen KeyError from ValueError" in caplog.text
    assert "in bug" in caplog.text, "where it happened"
    assert SECRET not in caplog.text


@pytest.mark.parametrize("body", [b"x" * 70_000, b'{"identifier": "' + b"1" * 200_000 + b'"}'])
def test_a_long_body_is_refused(broken: Gateway, body: bytes) -> None:
    reply = broken.post("/lookups/person", body, "mairie")
    assert (reply.status, reply.code) == (400, "invalid-request")
    assert "64 KiB" in reply.json["detail"]


def test_every_answer_has_the_common_headers(broken: Gateway) -> None:
    for path in ("/", "/health", "/nothing", "/bug"):
        headers = broken.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
