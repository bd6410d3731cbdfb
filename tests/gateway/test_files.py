"""Whole files over HTTP: what a client may ask of them, and that it gets those bytes."""

import datetime as dt
import io
from email.utils import format_datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.run import run
from pipelines.workspace import Workspace
from tests.gateway.conftest import Gateway, ask, things

CSV, PARQUET = "/datasets/things/latest/things.csv", "/datasets/things/latest/things.parquet"


@pytest.mark.parametrize(
    ("path", "media_type"),
    [(CSV, "text/csv; charset=utf-8; header=present"), (PARQUET, "application/vnd.apache.parquet")],
)
def test_a_whole_file(gateway: Gateway, path: str, media_type: str) -> None:
    reply = gateway.get(path)
    head = ask(gateway.url, "HEAD", path)
    assert reply.headers["content-type"] == media_type
    assert reply.headers["content-disposition"] == f'attachment; filename="{path.rpartition("/")[2]}"'
    assert reply.headers["accept-ranges"] == "bytes"
    assert reply.headers["beffroi-version"] == "1"
    assert reply.headers["cache-control"] == "public, no-cache"
    assert reply.headers["etag"].startswith('"things-1-')
    assert (head.status, head.body) == (200, b"")
    same = ("content-length", "etag", "last-modified", "content-type", "content-disposition")
    assert [head.headers[name] for name in same] == [reply.headers[name] for name in same]
    assert len(reply.body) == int(reply.headers["content-length"])


def test_it_is_the_data(gateway: Gateway) -> None:
    assert pq.read_table(io.BytesIO(gateway.get(PARQUET).body)).num_rows == 60
    assert gateway.get(CSV).body.splitlines()[0] == b"id,text,whole,real,yes,day,moment,tags"


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0), ("bytes=0-3", 0, 3), ("bytes=10-", 10, None), ("bytes=-7", -7, None),
        ("bytes=5-999999999", 5, None), ("bytes=-999999999", 0, None), ("bytes= 2-4", 2, 4),
        ("bytes=999999999-,1-2", 1, 2),
    ],
)  # fmt: skip
def test_a_range(gateway: Gateway, asked: str, first: int, last: int | None) -> None:
    whole = gateway.get(CSV).body
    reply = gateway.get(CSV, Range=asked)
    assert reply.status == 206
    assert reply.body == whole[first : None if last is None else last + 1]
    begin = first % len(whole)
    assert reply.headers["content-range"] == f"bytes {begin}-{begin + len(reply.body) - 1}/{len(whole)}"
    assert reply.headers["content-length"] == str(len(reply.body))


def test_several_ranges(gateway: Gateway) -> None:
    whole = gateway.get(CSV).body
    reply = gateway.get(CSV, Range="bytes=0-1, 10-12")
    assert reply.status == 206
    assert reply.headers["content-type"].startswith("multipart/byteranges; boundary=")
    assert whole[0:2] in reply.body
    assert whole[10:13] in reply.body


@pytest.mark.parametrize(
    "asked",
    ["bytes", "bytes=", "bytes=-", "bytes=x-1", "bytes=1", "lines=1-2", "bytes=1-2;3-4", "bytes=--1", "x" * 9000, "bytes=" + "9" * 60 + "-"],
)  # fmt: skip
def test_a_range_that_is_none_is_ignored(gateway: Gateway, asked: str) -> None:
    reply = gateway.get(CSV, Range=asked)
    assert (reply.status, len(reply.body)) == (200, int(reply.headers["content-length"]))


@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes=-0", "bytes=5-2"])
def test_a_range_outside_the_file(gateway: Gateway, asked: str) -> None:
    reply = gateway.get(CSV, Range=asked)
    size = len(gateway.get(CSV).body)
    assert (reply.status, reply.code) == (416, "invalid-request")
    assert reply.headers["content-range"] == f"bytes */{size}"
    assert str(size) in reply.json["detail"]


def test_a_head_has_no_ranges(gateway: Gateway) -> None:
    assert ask(gateway.url, "HEAD", CSV, {"Range": "bytes=0-1"}).status == 200


def test_conditions(gateway: Gateway) -> None:
    reply = gateway.get(CSV)
    etag, changed = reply.headers["etag"], reply.headers["last-modified"]
    for name, value in (
        ("If-None-Match", etag), ("If-None-Match", f'"x", W/{etag}'), ("If-None-Match", "*"), ("If-Modified-Since", changed),
    ):  # fmt: skip
        unchanged = ask(gateway.url, "GET", CSV, {name: value})
        assert (unchanged.status, unchanged.body) == (304, b"")
        assert unchanged.headers["etag"] == etag
        assert "content-type" not in unchanged.headers
        assert ask(gateway.url, "HEAD", CSV, {name: value}).status == 304
    before = format_datetime(dt.datetime(2020, 1, 1, tzinfo=dt.UTC), usegmt=True)
    for headers in (
        {"If-None-Match": '"other"'}, {"If-None-Match": "nonsense"}, {"If-Modified-Since": before},
        {"If-Modified-Since": "nonsense"}, {"If-None-Match": '"other"', "If-Modified-Since": changed},
    ):  # fmt: skip
        assert ask(gateway.url, "GET", CSV, headers).status == 200
    assert gateway.get(PARQUET).headers["etag"] != etag
    for value, status in ((etag, 206), (changed, 206), ('"other"', 200), (f"W/{etag}", 200), (before, 200)):
        part = ask(gateway.url, "GET", CSV, {"Range": "bytes=0-1", "If-Range": value})
        assert part.status == status
    assert ask(gateway.url, "GET", CSV, {"Range": "bytes=999999999-", "If-Range": '"other"'}).status == 200


def test_a_new_version_has_another_tag(root: Path) -> None:
    with Gateway(root) as gateway:
        old = gateway.get(CSV).headers["etag"]
        pq.write_table(things(10), root / "source" / "things.parquet")
        run(Workspace(root), "things")
        new = gateway.get(CSV, If_None_Match=old)
        assert (new.status, new.headers["beffroi-version"]) == (200, "2")
        assert new.body.count(b"\n") == 11
        assert ask(gateway.url, "GET", CSV, {"Range": "bytes=0-1", "If-Range": old}).status == 200
        [path] = (root / ".beffroi" / "versions" / "things" / "2").glob("things.csv")
        path.unlink()
        assert gateway.get(CSV).code == "unavailable"


@pytest.mark.parametrize(
    "file",
    ["things", "things.", "things.json", "communes.csv", "things.csv.parquet", "..%2Freport.json", "quarantine.parquet", ".csv"],
)  # fmt: skip
def test_no_other_file(gateway: Gateway, file: str) -> None:
    reply = gateway.get(f"/datasets/things/latest/{file}")
    assert (reply.status, reply.code) == (404, "not-found")


def test_a_file_that_is_not_open(gateway: Gateway) -> None:
    reply = gateway.get("/datasets/residents/latest/residents.csv", "mairie")
    assert (reply.status, reply.headers["cache-control"]) == (200, "private, no-store")
    assert reply.body.count(b"\n") == 31
    etag = reply.headers["etag"]
    assert gateway.get("/datasets/residents/latest/residents.csv", If_None_Match=etag).code == "unauthenticated"
