"""Who read my data: every row read is found by one hash, whoever read it and in whatever way."""

import asyncio
import getpass
import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.errors import MalformedIdentifier, Unavailable
from gateway.journal import Entry, Journal
from gateway.lookups import answering
from pipelines.run import run
from pipelines.workspace import Workspace
from tests.commands import beffroi, process
from tests.gateway.conftest import Gateway, ask
from tests.gateway.test_journal import entries

STAYS = """
title: Séjours
owner: ville
audience: owner
source: {registry: folder, table: stays}
schema:
  fields:
    - {name: place}
    - {name: begun, type: datetime}
    - {name: paid, type: boolean}
    - {name: guest, personal: true}
  primaryKey: [place, begun, paid]
"""


def hashes(entry: dict[str, Any]) -> list[str]:
    return [*([entry["identifier"]] if entry["identifier"] else []), *entry["identifiers"]]


@pytest.mark.parametrize(
    "asked",
    [
        {}, {"columns": "sex"}, {"sex__in": "F,M"}, {"birth_date__greater": "1800-01-01"}, {"nir__contains": ""},
        {"format": "csv"},
    ],
)  # fmt: skip
def test_rows_are_found_by_the_hash_that_a_lookup_has(root: Path, nirs: list[str], asked: dict[str, str]) -> None:
    with Gateway(root) as gateway:
        gateway.post("/lookups/person", {"identifier": f"nir:{nirs[0]}"}, "mairie")
        first = gateway.post("/datasets/residents/rows", {**asked, "limit": "29"}, "mairie")
        expected = {gateway.service.journal.keyed(f"nir:{nir}") for nir in nirs[:30]}
    assert first.status == 200
    assert b"nir" not in first.body or "columns" not in asked, "what was not asked for is not told"
    lookup, page = entries(root / ".beffroi")
    assert len(set(hashes(page))) == 29
    assert set(hashes(page)) < expected
    assert lookup["identifier"] in expected
    assert nirs[0] not in json.dumps([lookup, page])


def test_one_row_has_one_hash_and_none_still_tells_who_was_asked_for(root: Path, nirs: list[str]) -> None:
    with Gateway(root) as gateway:
        exact, part, absent = {"nir__exact": nirs[0]}, {"nir__contains": nirs[0][:-1]}, {"nir__exact": nirs[40]}
        for asked in (exact, part, absent, {"limit": "1"}):
            assert gateway.post("/datasets/residents/rows", asked, "mairie").status == 200
        gateway.get("/datasets/things/rows")
        keyed = gateway.service.journal.keyed
        told = [(entry["identifier"], entry["identifiers"]) for entry in entries(root / ".beffroi")]
        assert told[:3] == [(keyed(f"nir:{nirs[n]}"), []) for n in (0, 0, 40)]
        assert told[3][1] == []
        assert len(told) == 4, "open data are not journaled"


def test_rows_of_a_dataset_that_is_no_record(root: Path) -> None:
    with Gateway(root) as gateway:
        gateway.get("/datasets/permits/rows?columns=street", "ecole")
        gateway.get("/datasets/permits/rows/P2", "ecole")
        gateway.get("/datasets/permits/rows?number__exact=P2", "ecole")
        keyed = gateway.service.journal.keyed
        page, row, exact = entries(root / ".beffroi")
        assert page["identifiers"] == [keyed(f"dataset:permits:{key}") for key in ("P1", "P2", "P3")]
        assert row["identifier"] == exact["identifier"] == keyed("dataset:permits:P2")


def test_a_key_of_any_type_is_one_text(root: Path) -> None:
    (root / "datasets" / "stays.yaml").write_text(STAYS, encoding="utf-8")
    grants = root / "beffroi.yaml"
    grant = "          - {dataset: stays, fields: '*', purposes: [inscription-scolaire]}\n      ecole:"
    grants.write_text(grants.read_text().replace("      ecole:", grant))
    moments = pa.array([0, 1_500_000], pa.timestamp("us", tz="UTC"))
    table = {"place": ["a,b", "c"], "begun": moments, "paid": [True, False], "guest": ["X", "Y"]}
    pq.write_table(pa.table(table), root / "source" / "stays.parquet")
    run(Workspace(root), "stays")
    with Gateway(root) as gateway:
        rows = gateway.get("/datasets/stays/rows", "mairie").json["data"]
        assert len(rows) == 2
        keys = [r"a\,b,1970-01-01T00:00:00+00:00,true", "c,1970-01-01T00:00:01.500000+00:00,false"]
        for key in keys:
            assert gateway.get(f"/datasets/stays/rows/{key.replace('+', '%2B')}", "mairie").status == 200
        part = gateway.get("/datasets/stays/rows/A", "mairie")
        assert part.json["detail"].endswith(
            "has no row with that key; it is place, begun, paid, a comma between the values"
        )
        exact = {"place__exact": "c", "begun__exact": "1970-01-01T01:00:01.5+01:00", "paid__exact": "false"}
        assert len(gateway.post("/datasets/stays/rows", exact, "mairie").json["data"]) == 1
    page, first, second, _, asked = entries(root / ".beffroi")
    assert page["identifiers"] == [first["identifier"], second["identifier"]]
    assert asked["identifier"] == second["identifier"]


def test_a_whole_file_is_said_to_be_one(root: Path) -> None:
    with Gateway(root) as gateway:
        assert gateway.get("/datasets/permits/latest/permits.csv", "mairie").status == 200
    [entry] = entries(root / ".beffroi")
    assert (entry["action"], entry["fields"]) == ("download", ["number", "street", "applicant"])
    assert hashes(entry) == []


def test_the_command_line_names_who_types(root: Path) -> None:
    asyncio.run(answering.command(Workspace(root), "commune", "01001", None, None))
    assert entries(root / ".beffroi")[0]["agent"] == getpass.getuser()


def test_no_text_stops_the_journal(tmp_path: Path) -> None:
    class Odd(Entry):
        def canonical(self) -> str:
            return "\ud800"

    with closing(Journal(tmp_path)) as journal:
        with pytest.raises(Unavailable, match=r"journal\.db cannot be written \(UnicodeEncodeError\)"):
            journal.append(Odd("lookup", "x", "api")).result(5)
        assert not journal.writable()
        assert journal.append(Entry("lookup", "\udcff", "api")).result(5).number == 1
        assert journal.writable()
        assert journal.keyed("\udcff") != journal.keyed("\udcfe")


def test_a_writer_that_is_dead_shows(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.writable()
    journal.close()
    assert not journal.writable()


def test_an_identifier_that_is_no_text(root: Path) -> None:
    done = process(root, "lookup", "commune", os.fsdecode(b"\xff"), status=1)
    assert "Malformed identifier (yours to mend)" in done.stderr
    purpose = ("--purpose", "etat-civil")
    assert "Malformed identifier" in process(root, "lookup", "person", os.fsdecode(b"\xff"), *purpose, status=1).stderr
    with pytest.raises(MalformedIdentifier):
        asyncio.run(answering.command(Workspace(root), "commune", "insee:\ud800", None, None))


# --- the quarantine --------------------------------------------------------------------------------------------------


@pytest.fixture
def refused(root: Path) -> Path:
    """The workspace, one row of each of two datasets refused."""
    bad = {"number": ["P1", None], "street": ["rue A", "rue B"], "applicant": ["X", "SECRET"]}
    pq.write_table(pa.table(bad), root / "source" / "permits.parquet")
    ids = {"id": pa.array([1, None], pa.int64()), "owner": ["x", "SECRET"]}
    things = pa.table(ids)
    for name in ("text", "whole", "real", "yes", "day", "moment", "tags"):
        things = things.append_column(name, pa.array([None, None], pa.string()))
    pq.write_table(things, root / "source" / "things.parquet")
    for name in ("permits", "things"):
        run(Workspace(root), name)
    return root


def test_the_quarantine_tells_reasons_only(refused: Path) -> None:
    for arguments in ((), ("--json",), ("permits",), ("things", "--json")):
        done = beffroi(refused, "quarantine", "list", *arguments)
        assert "is missing" in done.stdout
        assert "SECRET" not in done.stdout + done.stderr
        assert "raw" not in done.stdout
    assert not (refused / ".beffroi" / "journal.db").exists() or entries(refused / ".beffroi") == []


def test_raw_rows_are_an_access(refused: Path) -> None:
    raw = ("quarantine", "list", "--raw")
    done = beffroi(refused, *raw, "permits", status=1)
    assert "say why with --purpose" in done.stderr
    assert done.stdout == ""
    done = beffroi(refused, *raw, "permits", "--purpose", "ancienne", status=1)
    assert "expired" in done.stderr
    [row] = json.loads(beffroi(refused, *raw, "permits", "--purpose", "etat-civil", "--json").stdout)
    assert row["raw"] == {"number": None, "street": "rue B", "applicant": "SECRET"}
    assert "SECRET" in beffroi(refused, *raw, "permits", "--purpose", "etat-civil").stdout
    assert "SECRET" in beffroi(refused, *raw, "things").stdout
    found = entries(refused / ".beffroi")
    assert {(e["action"], e["via"], e["agent"]) for e in found} == {("quarantine", "command", getpass.getuser())}
    assert [(e["resource"], e["purpose"], e["outcome"]) for e in found] == [
        ("dataset:permits", None, "not-granted"),
        ("dataset:permits", "ancienne", "not-granted"),
        ("dataset:permits", "etat-civil", "found"),
        ("dataset:permits", "etat-civil", "found"),
        ("dataset:things", None, "found"),
    ]
    assert found[2]["fields"] == ["applicant", "number", "street"]
    assert found[2]["source"] == "version 2"


def test_raw_rows_of_all_are_shown_or_none(refused: Path) -> None:
    done = beffroi(refused, "quarantine", "list", "--raw", "--json", status=1)
    assert "SECRET" not in done.stdout + done.stderr
    assert "--purpose" in done.stderr


# --- what is refused before it is asked ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "HEAD", "DELETE", "PATCH", "POST", "GET", "OPTIONS"])
def test_every_method_on_a_person_is_journaled(root: Path, nirs: list[str], method: str) -> None:
    with Gateway(root) as gateway:
        reply = ask(gateway.url, method, f"/lookups/person/{nirs[0]}", gateway.headers("mairie"))
        assert reply.status == 405
        keyed = gateway.service.journal.keyed(f"nir:{nirs[0]}")
    [entry] = entries(root / ".beffroi")
    assert (entry["outcome"], entry["application"], entry["identifier"]) == ("method-not-allowed", "mairie", keyed)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/lookups/commune/80021", "GET"), ("HEAD", "/lookups/commune/80021", "GET"),
        ("DELETE", "/lookups/commune", "GET, POST"), ("PATCH", "/lookups/person", "GET, POST"),
        ("PUT", "/lookups/person/1", ""), ("GET", "/lookups/person/1", ""),
    ],
)  # fmt: skip
def test_the_methods_that_are_allowed(gateway: Gateway, method: str, path: str, allow: str) -> None:
    reply = ask(gateway.url, method, path)
    assert (reply.status, reply.headers["allow"]) == (405, allow)
