"""What is not open does not show: to whom it is hidden, it answers as a name that is not there."""

import asyncio
import socket
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.errors import Unavailable
from gateway.datasets.rows import AT_ONCE, WAITING, Page
from gateway.journal import verify
from gateway.serving import front
from pipelines import versions
from pipelines.run import run
from pipelines.workspace import Workspace
from tests.gateway.conftest import Gateway, things
from tests.gateway.test_journal import entries, fill

PATHS = ("", "/rows", "/rows/1", "/rows?limit=x", "/latest/x.csv", "/rows?nir__exact=1", "/rows/1?x=y")


@pytest.mark.parametrize("rest", PATHS)
@pytest.mark.parametrize("application", [None, "rien"])
def test_hidden_and_unknown_are_one(gateway: Gateway, rest: str, application: str | None) -> None:
    hidden = gateway.get(f"/datasets/residents{rest}", application)
    unknown = gateway.get(f"/datasets/presidents{rest}", application)
    assert hidden.status == unknown.status
    assert hidden.body.replace(b"residents", b"") == unknown.body.replace(b"presidents", b"")
    assert b"nir" not in hidden.body
    if "x=y" not in rest:
        assert hidden.code == ("unauthenticated" if application is None else "not-found")


def test_hidden_and_unknown_are_one_where_the_journal_fails_too(root: Path) -> None:
    with Gateway(root) as gateway:
        gateway.get("/datasets/residents")
        gateway.get("/datasets/185057800608491/rows/185057800608491")
        assert [entry["resource"] for entry in entries(root / ".beffroi")] == [
            "dataset:residents",
            "dataset:(not declared)",
        ]
        (root / ".beffroi" / "journal.db").rename(root / ".beffroi" / "elsewhere.db")
        assert gateway.get("/datasets/residents").status == gateway.get("/datasets/presidents").status == 503


def test_the_queue_for_rows_is_bounded(gateway: Gateway) -> None:
    service, free = gateway.service, threading.Event()
    version = versions.latest(service.workspace, "things")
    assert version is not None

    columns = service.workspace.datasets["things"].columns

    async def crowd() -> list[Page | BaseException]:
        asking = [
            asyncio.ensure_future(service.rows.page(version, columns, (), 1)) for _ in range(AT_ONCE + WAITING + 1)
        ]
        await asyncio.wait(asking, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        free.set()
        return await asyncio.gather(*asking, return_exceptions=True)

    held = [service.rows._threads.submit(free.wait, 20) for _ in range(AT_ONCE)]
    found = asyncio.run(crowd())
    assert all(each.result() for each in held)
    refused = [each for each in found if isinstance(each, BaseException)]
    assert len(refused) == 1
    assert isinstance(refused[0], Unavailable)
    assert refused[0].retry_in
    assert gateway.get("/datasets/things/rows").status == 200, "and places come free again"


@pytest.mark.parametrize("path", ["/datasets/things/rows", "/lookups/person"])
def test_a_body_must_arrive(gateway: Gateway, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(front, "BODY_WITHIN", 0.3)
    monkeypatch.setattr(front, "MANY_WITHIN", 0.3)
    with closing(socket.create_connection(("127.0.0.1", int(gateway.url.rpartition(":")[2])), timeout=5)) as line:
        line.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode() + b'{"limit')
        answer = line.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()
    assert b"application/problem+json" in answer


def test_a_list_with_a_gap_is_told_as_in_the_ready_file(root: Path) -> None:
    assert Page(("tags",), [(["a", None, "b"],), ([None],)], None).csv() == 'tags\na|b\n""\n'
    table = things(1).set_column(7, "tags", pa.array([["a", None, "b"]], pa.list_(pa.string())))
    pq.write_table(table, root / "source" / "things.parquet")
    run(Workspace(root), "things")
    with Gateway(root) as gateway:
        ready = gateway.get("/datasets/things/latest/things.csv").body
        told = gateway.get("/datasets/things/rows?format=csv")
    assert told.status == 200
    assert told.body.split(b",")[-1] == ready.split(b",")[-1] == b"a|b\n"


def test_a_journal_that_is_locked_is_not_broken(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        holder.execute("UPDATE entries SET number = number")
        with pytest.raises(Unavailable, match="locked"):
            verify(tmp_path / "journal.db")
        holder.execute("ROLLBACK")
    (tmp_path / "empty.db").touch()
    assert not verify(tmp_path / "empty.db").whole


def test_the_rows_of_each_open_dataset_are_described(gateway: Gateway) -> None:
    described = gateway.get("/openapi.json").json
    named = {name for name in described["components"]["schemas"] if name.endswith(".row")}
    assert named == {f"{name}.row" for name in ("communes", "never", "things")}
    properties = described["components"]["schemas"]["things.row"]["properties"]
    assert properties["day"]["anyOf"][0] == {"type": "string", "format": "date"}
    assert "residents.row" not in described["components"]["schemas"]
